/*
 * gzip (RFC 1952) and deflate (RFC 1951), as a stream: compressed bytes are all there, what comes
 * out goes to a sink as it is made, so the whole is never in memory twice.
 *
 * Output is written to a buffer of four times 32 KiB: matches reach back at most 32 KiB, so when it
 * is full its last quarter is moved down after all was given to the sink. Bits are taken from a
 * 64-bit buffer that is filled eight bytes at a time; while symbols are decoded it is in registers.
 * Codes are decoded by a table over the next 11 bits; longer ones, which are rare, canonically, a
 * bit at a time.
 *
 * Nothing in the input is trusted: code lengths that do not make a prefix code, distances beyond
 * what was written, input that ends early, a wrong checksum or length each have a message of their
 * own. Errors are kept in z->error and looked at once a symbol. Pure: also compiled and tested on
 * the host.
 */
#include <tine/inflate.h>
#include <tine/string.h>

#define END_OF_BLOCK   256
#define LONGEST_SYMBOL 48 /* bits of a length and a distance with their extra bits */

static u32 crc_table[8][256];

static void make_crc_table(void)
{
	for (u32 i = 0; i < 256; i++) {
		u32 crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ 0xedb88320u : crc >> 1;
		crc_table[0][i] = crc;
	}
	for (int k = 1; k < 8; k++)
		for (u32 i = 0; i < 256; i++)
			crc_table[k][i] = (crc_table[k - 1][i] >> 8) ^
					  crc_table[0][crc_table[k - 1][i] & 0xff];
}

static u32 load32(const u8 *p)
{
	u32 v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static u32 crc32_update(u32 crc, const u8 *bytes, size_t n)
{
	if (!crc_table[0][1])
		make_crc_table();
	crc = ~crc;
	for (; n >= 8; n -= 8, bytes += 8) {
		u32 low = crc ^ load32(bytes), high = load32(bytes + 4);

		crc = crc_table[7][low & 0xff] ^ crc_table[6][(low >> 8) & 0xff] ^
		      crc_table[5][(low >> 16) & 0xff] ^ crc_table[4][low >> 24] ^
		      crc_table[3][high & 0xff] ^ crc_table[2][(high >> 8) & 0xff] ^
		      crc_table[1][(high >> 16) & 0xff] ^ crc_table[0][high >> 24];
	}
	for (; n; n--)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *bytes++) & 0xff];
	return ~crc;
}

static void fail(struct inflate *z, const char *message)
{
	if (!z->error)
		z->error = message;
}

/* At least 56 bits, unless the input ends before; what is beyond the end reads as zeroes. */
static inline void refill(struct bit_reader *r)
{
	if (likely(r->end - r->in >= 8)) {
		u64 next;

		__builtin_memcpy(&next, r->in, sizeof(next));
		r->bits |= next << r->count;
		r->in += (63 - r->count) >> 3;
		r->count |= 56;
		return;
	}
	while (r->count <= 56 && r->in < r->end) {
		r->bits |= (u64)*r->in++ << r->count;
		r->count += 8;
	}
}

/* The count goes below zero where the input has ended. */
static inline void drop_bits(struct bit_reader *r, unsigned int n)
{
	r->bits >>= n;
	r->count -= n;
}

/* n <= 16 */
static u32 take_bits(struct inflate *z, unsigned int n)
{
	u32 value;

	if (z->reader.count < (int)n)
		refill(&z->reader);
	value = z->reader.bits & ((1u << n) - 1);
	if (z->reader.count < (int)n)
		fail(z, "compressed data is truncated");
	else
		drop_bits(&z->reader, n);
	return value;
}

static u32 reverse(u32 code, unsigned int length)
{
	u32 result = 0;

	for (; length; length--, code >>= 1)
		result = result << 1 | (code & 1);
	return result;
}

static void fill_fast(struct inflate_table *t, u32 code, unsigned int length, u32 symbol)
{
	u32 step = 1u << length;

	for (u32 i = reverse(code, length); i < 1u << INFLATE_FAST_BITS; i += step)
		t->fast[i] = symbol << 4 | length;
}

/*
 * Where each length's codes begin; false if the lengths are not those of a prefix code. One code
 * alone may have one bit.
 */
static bool place_codes(struct inflate_table *t, unsigned int used)
{
	u32 code = 0, index = 0;
	int left = 1;

	for (unsigned int length = 1; length <= 15; length++) {
		left = (left << 1) - t->count[length];
		if (left < 0)
			return false;
		code <<= 1;
		t->first_code[length] = code;
		t->first_index[length] = index;
		code += t->count[length];
		index += t->count[length];
	}
	return left == 0 || used == 0 || (used == 1 && t->count[1] == 1);
}

static bool build(struct inflate_table *t, const u8 *lengths, unsigned int n)
{
	u16 next[16];
	unsigned int used = 0;

	memset(t, 0, sizeof(*t));
	for (unsigned int i = 0; i < n; i++)
		if (lengths[i]) {
			t->count[lengths[i]]++;
			used++;
		}
	if (!place_codes(t, used))
		return false;
	memset(next, 0, sizeof(next));
	for (unsigned int i = 0; i < n; i++) {
		unsigned int length = lengths[i], k;

		if (!length)
			continue;
		k = next[length]++;
		t->symbol[t->first_index[length] + k] = i;
		if (length <= INFLATE_FAST_BITS)
			fill_fast(t, t->first_code[length] + k, length, i);
	}
	return true;
}

/* A code that is longer than the table's index: symbol << 4 | length, 0 if it is none. */
static u32 decode_slowly(const struct inflate_table *t, u64 bits)
{
	u32 code = 0;

	for (unsigned int length = 1; length <= 15; length++, bits >>= 1) {
		code = code << 1 | (bits & 1);
		if (code - t->first_code[length] < t->count[length])
			return t->symbol[t->first_index[length] + code - t->first_code[length]]
				       << 4 |
			       length;
	}
	return 0;
}

static inline u32 decode(struct bit_reader *r, const struct inflate_table *t)
{
	u32 found = t->fast[r->bits & ((1u << INFLATE_FAST_BITS) - 1)];

	if (unlikely(!found))
		found = decode_slowly(t, r->bits);
	drop_bits(r, found & 15);
	return found;
}

/* One symbol, where speed does not matter. */
static u32 decode_one(struct inflate *z, const struct inflate_table *t)
{
	u32 found;

	refill(&z->reader);
	found = decode(&z->reader, t);
	if (!found || z->reader.count < 0)
		fail(z, z->reader.count < 15 ? "compressed data is truncated"
					     : "compressed data is corrupt: invalid code");
	return found >> 4;
}

/* Gives the sink what it has not had, and makes room by keeping only the last 32 KiB. */
static void flush(struct inflate *z)
{
	size_t n = z->fill - z->flushed;
	const char *message;

	if (n && !z->error) {
		z->crc = crc32_update(z->crc, z->window + z->flushed, n);
		z->total += n;
		message = z->sink(z->sink_arg, z->window + z->flushed, n);
		if (message)
			fail(z, message);
	}
	if (z->fill > INFLATE_WINDOW) {
		memmove(z->window, z->window + z->fill - INFLATE_WINDOW, INFLATE_WINDOW);
		z->fill = INFLATE_WINDOW;
	}
	z->flushed = z->fill;
}

/*
 * Eight bytes at a time, over the end if need be: the window has room for that, and they are
 * written again.
 */
static inline u8 *copy_match(u8 *to, u32 distance, u32 length)
{
	u8 *from = to - distance, *end = to + length;

	if (distance >= 8) {
		for (; to < end; to += 8, from += 8)
			__builtin_memcpy(to, from, 8);
	} else {
		while (to < end)
			*to++ = *from++;
	}
	return end;
}

static const u16 length_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,  15,  17,  19,  23, 27,
				    31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
static const u8 length_extra[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
				    2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const u16 distance_base[30] = {1,    2,    3,    4,     5,     7,    9,    13,
				      17,   25,   33,   49,    65,    97,   129,  193,
				      257,  385,  513,  769,   1025,  1537, 2049, 3073,
				      4097, 6145, 8193, 12289, 16385, 24577};
static const u8 distance_extra[30] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
				      6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

/* The rest of a match whose length symbol was read. NULL: to is where it ends; else a message. */
static inline const char *inflate_match(struct inflate *z, struct bit_reader *r, u32 symbol,
					u8 **to)
{
	u32 length, distance;

	symbol -= END_OF_BLOCK + 1;
	if (symbol >= 29)
		return "compressed data is corrupt: invalid length";
	length = length_base[symbol] + (r->bits & ((1u << length_extra[symbol]) - 1));
	drop_bits(r, length_extra[symbol]);
	symbol = decode(r, &z->distances);
	if (!symbol || symbol >> 4 >= 30)
		return "compressed data is corrupt: invalid distance";
	symbol >>= 4;
	distance = distance_base[symbol] + (r->bits & ((1u << distance_extra[symbol]) - 1));
	drop_bits(r, distance_extra[symbol]);
	if (distance > *to - z->window)
		return "compressed data is corrupt: distance beyond the beginning";
	*to = copy_match(*to, distance, length);
	return NULL;
}

/*
 * Symbols until the block ends, the window is full, or something is wrong. true: the block goes on.
 */
static bool inflate_symbols(struct inflate *z)
{
	struct bit_reader r = z->reader; /* in registers */
	u8 *to = z->window + z->fill, *full = z->window + INFLATE_BUFFER;
	const char *message = NULL;
	u32 found = 0;

	while (to < full) {
		if (r.count < LONGEST_SYMBOL)
			refill(&r);
		found = decode(&r, &z->literals);
		if (found >> 4 < END_OF_BLOCK) {
			*to++ = found >> 4;
			if (likely(found && r.count >= 0))
				continue;
			message = "compressed data is corrupt: invalid code";
			break;
		}
		if (found >> 4 == END_OF_BLOCK)
			break;
		message = inflate_match(z, &r, found >> 4, &to);
		if (message || r.count < 0)
			break;
	}
	if (r.count < 0 || (message && r.end == r.in && r.count < 15))
		message = "compressed data is truncated";
	if (message)
		fail(z, message);
	z->fill = to - z->window;
	z->reader = r;
	return !message && found >> 4 != END_OF_BLOCK;
}

static void inflate_codes(struct inflate *z)
{
	while (!z->error && inflate_symbols(z))
		flush(z);
}

/*
 * Gives bytes that were read ahead back to the input; what is left of the current byte is dropped.
 */
static void to_byte_boundary(struct inflate *z)
{
	struct bit_reader *r = &z->reader;

	r->in -= r->count / 8;
	r->bits = 0;
	r->count = 0;
}

static void inflate_stored(struct inflate *z)
{
	struct bit_reader *r = &z->reader;
	u32 length;

	to_byte_boundary(z);
	if (r->end - r->in < 4) {
		fail(z, "compressed data is truncated");
		return;
	}
	length = r->in[0] | r->in[1] << 8;
	if ((length ^ 0xffff) != (u32)(r->in[2] | r->in[3] << 8)) {
		fail(z, "compressed data is corrupt: stored block has two lengths");
		return;
	}
	r->in += 4;
	while (length && !z->error) {
		size_t n = INFLATE_BUFFER - z->fill;

		n = n < length ? n : length;
		if ((size_t)(r->end - r->in) < n) {
			fail(z, "compressed data is truncated");
			return;
		}
		memcpy(z->window + z->fill, r->in, n);
		z->fill += n;
		r->in += n;
		length -= n;
		if (z->fill >= INFLATE_BUFFER)
			flush(z);
	}
}

static void inflate_fixed(struct inflate *z)
{
	memset(z->lengths, 8, 144);
	memset(z->lengths + 144, 9, 112);
	memset(z->lengths + 256, 7, 24);
	memset(z->lengths + 280, 8, 8);
	build(&z->literals, z->lengths, 288);
	memset(z->lengths, 5, 32);
	build(&z->distances, z->lengths, 32);
	inflate_codes(z);
}

/* The code lengths of both codes, themselves coded. */
static void read_lengths(struct inflate *z, unsigned int n)
{
	unsigned int i = 0;

	while (i < n && !z->error) {
		u32 symbol = decode_one(z, &z->literals), repeat = 1;
		u8 value = symbol;

		if (symbol > 18 || (symbol == 16 && i == 0)) {
			fail(z, "compressed data is corrupt: invalid code lengths");
			return;
		}
		if (symbol >= 16) {
			value = symbol == 16 ? z->lengths[i - 1] : 0;
			repeat = symbol == 16   ? 3 + take_bits(z, 2)
				 : symbol == 17 ? 3 + take_bits(z, 3)
						: 11 + take_bits(z, 7);
		}
		if (i + repeat > n) {
			fail(z, "compressed data is corrupt: invalid code lengths");
			return;
		}
		while (repeat--)
			z->lengths[i++] = value;
	}
}

static void inflate_dynamic(struct inflate *z)
{
	static const u8 order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
				     11, 4,  12, 3, 13, 2, 14, 1, 15};
	unsigned int literals = 257 + take_bits(z, 5), distances = 1 + take_bits(z, 5);
	unsigned int n = 4 + take_bits(z, 4);

	if (literals > 286 || distances > 30) {
		fail(z, "compressed data is corrupt: too many codes");
		return;
	}
	memset(z->lengths, 0, sizeof(z->lengths));
	for (unsigned int i = 0; i < n; i++)
		z->lengths[order[i]] = take_bits(z, 3);
	if (!build(&z->literals, z->lengths, 19)) {
		fail(z, "compressed data is corrupt: invalid code lengths");
		return;
	}
	read_lengths(z, literals + distances);
	if (z->error)
		return;
	if (!z->lengths[END_OF_BLOCK] || !build(&z->distances, z->lengths + literals, distances) ||
	    !build(&z->literals, z->lengths, literals)) {
		fail(z, "compressed data is corrupt: invalid codes");
		return;
	}
	inflate_codes(z);
}

static void inflate_blocks(struct inflate *z)
{
	bool last = false;

	while (!last && !z->error) {
		last = take_bits(z, 1);
		switch (take_bits(z, 2)) {
		case 0:
			inflate_stored(z);
			break;
		case 1:
			inflate_fixed(z);
			break;
		case 2:
			inflate_dynamic(z);
			break;
		default:
			fail(z, "compressed data is corrupt: invalid block type");
		}
	}
	flush(z);
	if (!z->error)
		to_byte_boundary(z);
}

#define GZIP_CRC     2
#define GZIP_EXTRA   4
#define GZIP_NAME    8
#define GZIP_COMMENT 16

static bool skip(struct inflate *z, size_t n)
{
	if ((size_t)(z->reader.end - z->reader.in) < n) {
		fail(z, "gzip header is truncated");
		return false;
	}
	z->reader.in += n;
	return true;
}

static void skip_string(struct inflate *z)
{
	const u8 *end = memchr(z->reader.in, 0, z->reader.end - z->reader.in);

	if (end)
		z->reader.in = end + 1;
	else
		fail(z, "gzip header is truncated");
}

static void read_header(struct inflate *z)
{
	const u8 *head = z->reader.in;

	if (!skip(z, 10))
		return;
	if (head[0] != 0x1f || head[1] != 0x8b || head[2] != 8 || (head[3] & 0xe0)) {
		fail(z, "not a gzip header");
		return;
	}
	if ((head[3] & GZIP_EXTRA) && skip(z, 2))
		skip(z, z->reader.in[-2] | z->reader.in[-1] << 8);
	if ((head[3] & GZIP_NAME) && !z->error)
		skip_string(z);
	if ((head[3] & GZIP_COMMENT) && !z->error)
		skip_string(z);
	if (head[3] & GZIP_CRC)
		skip(z, 2);
}

static void check_trailer(struct inflate *z)
{
	if (z->reader.end - z->reader.in < 8)
		fail(z, "compressed data is truncated");
	else if (load32(z->reader.in) != z->crc)
		fail(z, "compressed data is corrupt: wrong checksum");
	else if (load32(z->reader.in + 4) != (u32)z->total)
		fail(z, "compressed data is corrupt: wrong length");
	else
		z->reader.in += 8;
}

const char *gunzip(struct inflate *z, const u8 *in, size_t size, size_t *used,
		   const char *(*sink)(void *arg, const u8 *bytes, size_t n), void *arg)
{
	z->reader = (struct bit_reader){.in = in, .end = in + size};
	z->total = 0;
	z->crc = 0;
	z->fill = z->flushed = 0;
	z->sink = sink;
	z->sink_arg = arg;
	z->error = NULL;
	read_header(z);
	if (!z->error)
		inflate_blocks(z);
	if (!z->error)
		check_trailer(z);
	*used = z->reader.in - in;
	return z->error;
}
