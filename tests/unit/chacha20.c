// sources: kernel/chacha20.c
/* The block function against RFC 8439, sections 2.3.2 and A.1. */
#include <string.h>
#include <tine/chacha20.h>

#include "tap.h"

static void counted_key(void)
{
	static const u8 nonce[12] = {0, 0, 0, 9, 0, 0, 0, 0x4a, 0, 0, 0, 0};
	static const u8 expected[CHACHA20_BLOCK_SIZE] = {
		0x10, 0xf1, 0xe7, 0xe4, 0xd1, 0x3b, 0x59, 0x15, 0x50, 0x0f, 0xdd, 0x1f, 0xa3,
		0x20, 0x71, 0xc4, 0xc7, 0xd1, 0xf4, 0xc7, 0x33, 0xc0, 0x68, 0x03, 0x04, 0x22,
		0xaa, 0x9a, 0xc3, 0xd4, 0x6c, 0x4e, 0xd2, 0x82, 0x64, 0x46, 0x07, 0x9f, 0xaa,
		0x09, 0x14, 0xc2, 0xd7, 0x05, 0xd9, 0x8b, 0x02, 0xa2, 0xb5, 0x12, 0x9c, 0xd1,
		0xde, 0x16, 0x4e, 0xb9, 0xcb, 0xd0, 0x83, 0xe8, 0xa2, 0x50, 0x3c, 0x4e,
	};
	u8 key[CHACHA20_KEY_SIZE], out[CHACHA20_BLOCK_SIZE];
	struct chacha20 state;

	for (unsigned int i = 0; i < sizeof(key); i++)
		key[i] = (u8)i;
	chacha20_init(&state, key, 1, nonce);
	chacha20_block(&state, out);
	CHECK(memcmp(out, expected, sizeof(out)) == 0);
	CHECK(state.word[12] == 2);
	tap_ok("chacha20: the block of section 2.3.2");
}

static void zero_key(void)
{
	static const u8 zero[CHACHA20_KEY_SIZE];
	static const u8 first[8] = {0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90};
	static const u8 second[8] = {0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a};
	u8 out[CHACHA20_BLOCK_SIZE];
	struct chacha20 state;

	chacha20_init(&state, zero, 0, zero);
	chacha20_block(&state, out);
	CHECK(memcmp(out, first, sizeof(first)) == 0);
	chacha20_block(&state, out);
	CHECK(memcmp(out, second, sizeof(second)) == 0);
	tap_ok("chacha20: a stream of two blocks, vectors 1 and 2 of appendix A.1");
}

int main(void)
{
	counted_key();
	zero_key();
	return tap_done();
}
