/* The ChaCha20 block function (RFC 8439, section 2.3). Pure. */
#pragma once

#include <tine/types.h>

#define CHACHA20_KEY_SIZE   32
#define CHACHA20_BLOCK_SIZE 64

struct chacha20 {
	u32 word[16]; /* constants, key, block counter, nonce */
};

/* key: 32 bytes; nonce: 12 bytes. */
void chacha20_init(struct chacha20 *state, const void *key, u32 counter, const void *nonce);
/* The next 64 bytes of the stream; the counter goes up by one. */
void chacha20_block(struct chacha20 *state, u8 out[CHACHA20_BLOCK_SIZE]);
