// sources: fs/inflate.c
/*
 * gunzip against what gzip(1) makes of data of several kinds, with every level of compression; then
 * the same damaged: cut off at every length, every bit of it flipped, and noise instead of it.
 * Damage is found or does not matter; never is anything else delivered, and never is memory touched
 * that is not ours (ASan).
 */
#include <stdbool.h>
#include <string.h>
#include <tine/inflate.h>
#include <unistd.h>

#include "tap.h"

#define LARGEST 400000u

static struct inflate z;
static unsigned char plain[LARGEST], packed[2 * LARGEST], unpacked[LARGEST];
static size_t plain_size, packed_size, unpacked_size;
static const char *sink_answer;

static const char *sink(void *arg, const u8 *bytes, size_t n)
{
	CHECK(arg == unpacked);
	if (n > LARGEST - unpacked_size)
		return "more than there was";
	memcpy(unpacked + unpacked_size, bytes, n);
	unpacked_size += n;
	return sink_answer;
}

/* A copy that ends where the allocation does, so that reading beyond it is noticed. */
static const char *try_gunzip(const unsigned char *in, size_t n, size_t *used)
{
	unsigned char *exact = malloc(n ? n : 1);
	const char *message;

	memcpy(exact, in, n);
	unpacked_size = 0;
	message = gunzip(&z, exact, n, used, sink, unpacked);
	free(exact);
	return message;
}

static void compress_plain(const char *options)
{
	char name[] = "/tmp/inflate-XXXXXX", command[128];
	int fd = mkstemp(name);
	FILE *pipe;

	CHECK(fd >= 0 && write(fd, plain, plain_size) == (ssize_t)plain_size);
	close(fd);
	snprintf(command, sizeof(command), "gzip -n -c %s %s", options, name);
	pipe = popen(command, "r");
	CHECK(pipe);
	packed_size = fread(packed, 1, sizeof(packed), pipe);
	CHECK(pclose(pipe) == 0 && packed_size > 18);
	unlink(name);
}

static bool same_as_plain(void)
{
	return unpacked_size == plain_size && memcmp(unpacked, plain, plain_size) == 0;
}

static unsigned int random_number(void)
{
	static unsigned long long state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 11;
}

static void make_zeroes(size_t n)
{
	memset(plain, 0, plain_size = n);
}

static void make_noise(size_t n)
{
	for (plain_size = 0; plain_size < n; plain_size++)
		plain[plain_size] = random_number();
}

static void make_text(size_t n)
{
	static const char *const words[] = {"fork ",   "exec ",    "wait ",  "page\n",        "a ",
					    "of the ", "process ", "12345 ", "copy-on-write "};

	plain_size = 0;
	while (plain_size < n) {
		const char *word = words[random_number() % 9];
		size_t length = strlen(word);

		length = length < n - plain_size ? length : n - plain_size;
		memcpy(plain + plain_size, word, length);
		plain_size += length;
	}
}

/* Far matches: a piece of noise, again and again, almost a window apart. */
static void make_far_repeats(size_t n)
{
	make_noise(32700);
	for (; plain_size < n; plain_size++)
		plain[plain_size] = plain[plain_size - 32700];
}

static void (*const makers[])(size_t) = {make_zeroes, make_noise, make_text, make_far_repeats};

static void round_trips(void)
{
	static const size_t sizes[] = {0, 1, 2, 300, 32767, 32768, 32769, 65536, 65537, LARGEST};
	static const char *const levels[] = {"-1", "-6", "-9"};
	size_t used;

	for (int kind = 0; kind < 4; kind++)
		for (int size = 0; size < 10; size++)
			for (int level = 0; level < 3; level++) {
				makers[kind](kind == 3 && sizes[size] < 32700 ? 32700
									      : sizes[size]);
				compress_plain(levels[level]);
				CHECK(try_gunzip(packed, packed_size, &used) == NULL);
				CHECK(used == packed_size && same_as_plain());
			}
	tap_ok("gunzip: what gzip packs at any level comes out as it was");
}

static void what_follows_is_left(void)
{
	size_t used;

	make_text(5000);
	compress_plain("-6");
	memset(packed + packed_size, 0xa5, 100);
	CHECK(try_gunzip(packed, packed_size + 100, &used) == NULL);
	CHECK(used == packed_size && same_as_plain());
	tap_ok("gunzip: it stops at the end of its member and says where that is");
}

/* A header with every optional field. */
static void optional_fields(void)
{
	static unsigned char with[LARGEST];
	static const unsigned char fields[] = {3,   0, 'x', 'y', 'z', 'n',  'a', 'm',
					       'e', 0, 'h', 'i', 0,   0x12, 0x34};
	size_t used, n = 10;

	make_text(700);
	compress_plain("-6");
	memcpy(with, packed, 10);
	with[3] = 2 | 4 | 8 | 16;
	memcpy(with + n, fields, sizeof(fields));
	n += sizeof(fields);
	memcpy(with + n, packed + 10, packed_size - 10);
	n += packed_size - 10;
	CHECK(try_gunzip(with, n, &used) == NULL);
	CHECK(used == n && same_as_plain());
	for (size_t cut = 0; cut < n; cut++)
		CHECK(try_gunzip(with, cut, &used) != NULL);
	tap_ok("gunzip: the optional fields of the header are skipped");
}

static void cut_off_anywhere(void)
{
	size_t used;

	for (int kind = 0; kind < 3; kind++) {
		makers[kind](3000);
		compress_plain("-9");
		for (size_t n = 0; n < packed_size; n++)
			CHECK(try_gunzip(packed, n, &used) != NULL);
	}
	tap_ok("gunzip: a member that is cut off is refused, wherever it is cut");
}

static void flipped_bits(void)
{
	size_t used, found = 0;

	for (int kind = 0; kind < 3; kind++) {
		makers[kind](1500);
		compress_plain("-9");
		for (size_t bit = 0; bit < packed_size * 8; bit++) {
			packed[bit / 8] ^= 1u << (bit % 8);
			if (try_gunzip(packed, packed_size, &used))
				found++;
			else
				CHECK(same_as_plain());
			packed[bit / 8] ^= 1u << (bit % 8);
		}
		CHECK(found > packed_size * 8 - 80);
		found = 0;
	}
	tap_ok("gunzip: a flipped bit is found, or makes no difference");
}

static void noise(void)
{
	size_t used;

	for (int i = 0; i < 20000; i++) {
		make_noise(200);
		memcpy(plain, "\x1f\x8b\x08\x00", 4);
		CHECK(try_gunzip(plain, plain_size, &used) != NULL);
	}
	tap_ok("gunzip: noise is refused");
}

static void the_sink_can_stop_it(void)
{
	size_t used;

	make_text(LARGEST);
	compress_plain("-6");
	sink_answer = "enough";
	CHECK(strcmp(try_gunzip(packed, packed_size, &used), "enough") == 0);
	CHECK(unpacked_size < INFLATE_BUFFER + 1000);
	sink_answer = NULL;
	tap_ok("gunzip: a message from the sink ends it");
}

static void messages(void)
{
	size_t used;

	make_text(3000);
	compress_plain("-6");
	CHECK(strstr(try_gunzip(packed, packed_size / 2, &used), "truncated"));
	packed[packed_size - 8] ^= 1;
	CHECK(strstr(try_gunzip(packed, packed_size, &used), "corrupt: wrong checksum"));
	packed[packed_size - 8] ^= 1;
	packed[packed_size - 4] ^= 1;
	CHECK(strstr(try_gunzip(packed, packed_size, &used), "corrupt: wrong length"));
	CHECK(strstr(try_gunzip((const unsigned char *)"07070100000000", 14, &used),
		     "gzip header"));
	tap_ok("gunzip: the message says what is wrong");
}

int main(void)
{
	round_trips();
	what_follows_is_left();
	optional_fields();
	cut_off_anywhere();
	flipped_bits();
	noise();
	the_sink_can_stop_it();
	messages();
	return tap_done();
}
