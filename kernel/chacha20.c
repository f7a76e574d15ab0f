/*
 * ChaCha20, the core of the random number generator (RFC 8439, section 2.3): a permutation of
 * sixteen words by twenty rounds, added to its input so that it cannot be run backwards. Pure;
 * tests/unit/chacha20.c has the RFC's vectors.
 */
#include <tine/chacha20.h>
#include <tine/string.h>

static inline u32 rotate_left(u32 x, unsigned int n)
{
	return x << n | x >> (32 - n);
}

static inline void quarter_round(u32 *a, u32 *b, u32 *c, u32 *d)
{
	*a += *b, *d = rotate_left(*d ^ *a, 16);
	*c += *d, *b = rotate_left(*b ^ *c, 12);
	*a += *b, *d = rotate_left(*d ^ *a, 8);
	*c += *d, *b = rotate_left(*b ^ *c, 7);
}

void chacha20_init(struct chacha20 *state, const void *key, u32 counter, const void *nonce)
{
	memcpy(&state->word[0], "expand 32-byte k", 16);
	memcpy(&state->word[4], key, CHACHA20_KEY_SIZE);
	state->word[12] = counter;
	memcpy(&state->word[13], nonce, 12);
}

void chacha20_block(struct chacha20 *state, u8 out[CHACHA20_BLOCK_SIZE])
{
	u32 x[16];

	memcpy(x, state->word, sizeof(x));
	for (int i = 0; i < 10; i++) {
		quarter_round(&x[0], &x[4], &x[8], &x[12]);
		quarter_round(&x[1], &x[5], &x[9], &x[13]);
		quarter_round(&x[2], &x[6], &x[10], &x[14]);
		quarter_round(&x[3], &x[7], &x[11], &x[15]);
		quarter_round(&x[0], &x[5], &x[10], &x[15]);
		quarter_round(&x[1], &x[6], &x[11], &x[12]);
		quarter_round(&x[2], &x[7], &x[8], &x[13]);
		quarter_round(&x[3], &x[4], &x[9], &x[14]);
	}
	for (int i = 0; i < 16; i++)
		x[i] += state->word[i];
	memcpy(out, x, sizeof(x));
	state->word[12]++;
}
