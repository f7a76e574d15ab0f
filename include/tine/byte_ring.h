/*
 * A ring of bytes; positions are free-running. Its owner keeps those who put away from each other,
 * and those who take; one of each may run at the same time.
 */
#pragma once

#include <tine/types.h>

struct byte_ring {
	char *bytes;
	u32 size; /* a power of two */
	u32 head, tail;
};

static inline u32 ring_used(const struct byte_ring *ring)
{
	return __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) -
	       __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
}

static inline u32 ring_room(const struct byte_ring *ring)
{
	return ring->size - ring_used(ring);
}

/* Takes as many of the n bytes as there is room for; returns how many. */
static inline size_t ring_put(struct byte_ring *ring, const char *bytes, size_t n)
{
	n = MIN(n, (size_t)ring_room(ring));
	for (size_t i = 0; i < n; i++)
		ring->bytes[(ring->head + i) % ring->size] = bytes[i];
	__atomic_store_n(&ring->head, ring->head + n, __ATOMIC_RELEASE);
	return n;
}

/* Copies up to n bytes from the front without taking them; returns how many. */
static inline size_t ring_peek(const struct byte_ring *ring, char *to, size_t n)
{
	n = MIN(n, (size_t)ring_used(ring));
	for (size_t i = 0; i < n; i++)
		to[i] = ring->bytes[(ring->tail + i) % ring->size];
	return n;
}

static inline void ring_skip(struct byte_ring *ring, size_t n)
{
	__atomic_store_n(&ring->tail, ring->tail + n, __ATOMIC_RELEASE);
}
