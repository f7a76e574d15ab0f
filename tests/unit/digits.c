// sources: kernel/digits.c
/* Numbers in texts, against the C library's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tine/string.h>

#include "tap.h"

static const char *const texts[] = {
	"0",   "7", "8", "9", "10",  "017", "018",   "0x1f", "0XFFg", "0x",   "0xg", "12k", "077 ",
	"99%", "a", "F", "g", "4,5", "0,",  "65535", "00",   "0777",  "1777", "z",   "0b1",
};

static void like_the_library(void)
{
	static const unsigned int bases[] = {0, 8, 10};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (size_t b = 0; b < ARRAY_SIZE(bases); b++) {
			u64 value = 1234;
			char *end;
			unsigned long long wanted = strtoull(texts[i], &end, bases[b]);
			const char *at = parse_digits(texts[i], bases[b], &value);

			CHECK(at == (end == texts[i] ? NULL : end));
			CHECK(value == (at ? wanted : 1234));
		}
	tap_ok("digits: as strtoull reads them, with and without a prefix");
}

static void nothing_else(void)
{
	static const char *const none[] = {"", " 1", "-1", "+1", "k", "%"};
	u64 value;

	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		CHECK(!parse_digits(none[i], 0, &value));
	tap_ok("digits: no sign and no blank before them");
}

static void the_largest(void)
{
	u64 value = 0;

	CHECK(*parse_digits("18446744073709551615", 10, &value) == '\0' && value == ~0ull);
	CHECK(*parse_digits("18446744073709551616", 10, &value) == '\0' && value == ~0ull);
	CHECK(*parse_digits("0xffffffffffffffffffff", 0, &value) == '\0' && value == ~0ull);
	CHECK(*parse_digits("99999999999999999999999999999x", 0, &value) == 'x' && value == ~0ull);
	tap_ok("digits: a number without room is the largest");
}

int main(void)
{
	like_the_library();
	nothing_else();
	the_largest();
	return tap_done();
}
