/* gzip (RFC 1952) and deflate (RFC 1951) decompression as a stream (fs/inflate.c). */
#pragma once

#include <tine/types.h>

#define INFLATE_WINDOW    32768u
#define INFLATE_BUFFER    (4 * INFLATE_WINDOW)
#define INFLATE_FAST_BITS 11

struct inflate_table {
	u16 fast[1 << INFLATE_FAST_BITS]; /* index: next bits; symbol << 4 | length, 0: longer */
	u16 count[16], first_index[16];   /* canonical decoding of longer codes */
	u32 first_code[16];
	u16 symbol[288]; /* by code */
};

struct bit_reader {
	const u8 *in, *end; /* bytes not yet in bits */
	u64 bits;           /* the next count, lowest first */
	int count;
};

/* About 140 KiB: the caller allocates it. */
struct inflate {
	struct bit_reader reader;
	size_t fill, flushed; /* in window */
	u64 total;
	u32 crc;
	/* Takes n bytes; a message stops the decompression. */
	const char *(*sink)(void *arg, const u8 *bytes, size_t n);
	void *sink_arg;
	const char *error;
	u8 lengths[320];
	struct inflate_table literals, distances;
	u8 window[INFLATE_BUFFER + 300]; /* a match may go beyond the end */
};

/*
 * Decompresses one gzip member at in into sink. NULL and *used set to its length, or a message that
 * says what is wrong. The checksum and length at its end are verified.
 */
const char *gunzip(struct inflate *z, const u8 *in, size_t size, size_t *used,
		   const char *(*sink)(void *arg, const u8 *bytes, size_t n), void *arg);
