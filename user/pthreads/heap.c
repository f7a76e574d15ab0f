/*
 * The C library's memory among threads: brk, mmap, munmap, mremap and madvise from many threads at once. glibc gives each
 * thread an arena of its own, musl has one lock.
 */
#include "pthreads.h"

#include <sys/resource.h>

#define SLOTS 64

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

struct block {
	size_t size;
	unsigned char *bytes;
};

static void fill(struct block *block, size_t size, int value)
{
	block->size = size;
	block->bytes = malloc(size);
	check(block->bytes);
	check_eq((unsigned long)block->bytes % 16, 0);
	memset(block->bytes, value, size);
}

/* All of it is as it was left: nobody else was given a part. */
static void check_and_free(struct block *block, int value)
{
	for (size_t i = 0; i<block->size; i += block->size> 4096 ? 509 : 7)
		check_eq(block->bytes[i], value);
	check_eq(block->bytes[block->size - 1], value);
	free(block->bytes);
	block->bytes = NULL;
}

/* Mostly small, some of a few pages, and now and then so large that it is a mapping of its own. */
static size_t some_size(unsigned *seed)
{
	int kind = rand_r(seed) % 50;

	if (kind == 0)
		return 200000 + rand_r(seed) % 100000;
	return 1 + rand_r(seed) % (kind < 10 ? 20000 : 300);
}

static void *allocate_and_free(void *number)
{
	unsigned seed = (long)number;
	struct block blocks[SLOTS] = {0};

	for (int i = 0; i < 1500; i++) {
		struct block *block = &blocks[rand_r(&seed) % SLOTS];

		if (block->bytes)
			check_and_free(block, (long)number);
		else
			fill(block, some_size(&seed), (long)number);
	}
	for (int i = 0; i < SLOTS; i++)
		if (blocks[i].bytes)
			check_and_free(&blocks[i], (long)number);
	return NULL;
}

static void each_its_own(void)
{
	pthread_t threads[8];

	start_many(threads, 8, allocate_and_free);
	join_many(threads, 8);
}

static struct block passed[SLOTS];
static int used;

static void *produce(void *number)
{
	unsigned seed = (long)number;
	struct block block;

	for (int i = 0; i < 400; i++) {
		fill(&block, some_size(&seed), 0x5a);
		check_eq(pthread_mutex_lock(&mutex), 0);
		while (used == SLOTS)
			check_eq(pthread_cond_wait(&cond, &mutex), 0);
		passed[used++] = block;
		check_eq(pthread_cond_broadcast(&cond), 0);
		check_eq(pthread_mutex_unlock(&mutex), 0);
	}
	return NULL;
}

static void *consume(void *number)
{
	struct block block;

	for (int i = 0; i < 400; i++) {
		check_eq(pthread_mutex_lock(&mutex), 0);
		while (used == 0)
			check_eq(pthread_cond_wait(&cond, &mutex), 0);
		block = passed[--used];
		check_eq(pthread_cond_broadcast(&cond), 0);
		check_eq(pthread_mutex_unlock(&mutex), 0);
		check_and_free(&block, 0x5a);
	}
	return NULL;
}

static void freed_by_another(void)
{
	pthread_t threads[6];

	start_many(threads, 3, produce);
	start_many(threads + 3, 3, consume);
	join_many(threads, 6);
	check_eq(used, 0);
}

static void *grow_and_shrink(void *number)
{
	int value = (long)number + 1;

	for (int round = 0; round < 3; round++) {
		size_t size = 100;
		unsigned char *bytes = malloc(size);

		check(bytes);
		memset(bytes, value, size);
		for (; size < 1000000; size = size * 5 / 2) {
			bytes = realloc(bytes, size * 5 / 2);
			check(bytes);
			check(bytes[0] == value && bytes[size - 1] == value);
			memset(bytes + size, value, size * 5 / 2 - size);
		}
		bytes = realloc(bytes, 50);
		check(bytes && bytes[49] == value);
		free(bytes);
	}
	return NULL;
}

static void reallocated(void)
{
	pthread_t threads[6];

	start_many(threads, 6, grow_and_shrink);
	join_many(threads, 6);
}

static void *calloc_again(void *number)
{
	for (int i = 0; i < 60; i++) {
		size_t size = 1000 + i * 3000;
		unsigned char *bytes = calloc(1, size);

		check(bytes);
		for (size_t at = 0; at < size; at += 101)
			check_eq(bytes[at], 0);
		memset(bytes, 0xff, size);
		free(bytes);
	}
	return NULL;
}

static void zeroed(void)
{
	pthread_t threads[6];

	start_many(threads, 6, calloc_again);
	join_many(threads, 6);
}

/* Takes memory until there is none, and gives all of it back. */
static void *take_all(void *number)
{
	void **first = NULL, **next;
	int taken = 0;

	while ((next = malloc(1 << 20))) {
		*next = first;
		first = next;
		taken++;
	}
	check_eq(errno, ENOMEM);
	for (; first; first = next) {
		next = *first;
		free(first);
	}
	return (void *)(long)taken;
}

/* A thread's stack is memory too: nobody begins before all are there. */
static pthread_barrier_t all_are_there;

static void *take_all_together(void *number)
{
	pthread_barrier_wait(&all_are_there);
	return take_all(number);
}

static void none_left(void)
{
	struct rlimit limit = {96 << 20, 96 << 20};
	pthread_t threads[4];
	long taken = 0;

	check_call(setrlimit(RLIMIT_AS, &limit));
	check_eq(pthread_barrier_init(&all_are_there, NULL, 4), 0);
	start_many(threads, 4, take_all_together);
	for (int i = 0; i < 4; i++)
		taken += (long)join(threads[i]);
	check(taken > 0);
	check(join(start(take_all, NULL)) != NULL);
}

static const struct test_case cases[] = {
	TEST(each_its_own, "eight threads take and free memory, and no two have the same"),
	TEST(freed_by_another, "what one thread took another frees"),
	TEST(reallocated, "memory keeps its bytes as it grows and shrinks in six threads"),
	TEST(zeroed, "calloc's memory is zero, though others have used it"),
	TEST(none_left, "when there is none left each thread is told so, and goes on"),
};

SUITE(heap, cases);
