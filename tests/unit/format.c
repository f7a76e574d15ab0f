// sources:
/* The kernel's printf, against the C library's: the same text and the same length, at every size. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <tine/printk.h>

#include "tap.h"

#define vsnprintf kernel_vsnprintf
#define snprintf  kernel_snprintf
int kernel_snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int kernel_vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
#include "../../kernel/format.c"
#undef vsnprintf
#undef snprintf

/* One format, one argument, with buffers of every size from none to enough. */
#define SAME(...)                                                       \
	do {                                                            \
		char ours[128], theirs[128];                            \
		for (size_t size = 0; size <= sizeof(ours); size++) {   \
			int n, m;                                       \
			memset(ours, '#', sizeof(ours));                \
			memset(theirs, '#', sizeof(theirs));            \
			n = kernel_snprintf(ours, size, __VA_ARGS__);   \
			m = snprintf(theirs, size, __VA_ARGS__);        \
			CHECK(n == m);                                  \
			CHECK(memcmp(ours, theirs, sizeof(ours)) == 0); \
		}                                                       \
	} while (0)

static const char *const flags[] = {"", "-", "0", "+", " ", "#", "-+", "0+", "0 ", "-#", "0#"};
static const char *const widths[] = {"", "1", "7", "23", ".", ".0", ".1", ".9", "12.5", "3.15"};

static void one_number(const char *flag, const char *width, const char *letter)
{
	static const long values[] = {0, 1, -1, 9, 10, 255, 65536, -2147483647 - 1, 2147483647};
	char fmt[32];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		snprintf(fmt, sizeof(fmt), "<%%%s%s%s>", flag, width, letter);
		SAME(fmt, (int)values[i]);
		snprintf(fmt, sizeof(fmt), "<%%%s%shh%s>", flag, width, letter);
		SAME(fmt, (int)values[i]);
		snprintf(fmt, sizeof(fmt), "<%%%s%sh%s>", flag, width, letter);
		SAME(fmt, (int)values[i]);
		snprintf(fmt, sizeof(fmt), "<%%%s%sl%s>", flag, width, letter);
		SAME(fmt, values[i] * 0x7fffffffL);
		snprintf(fmt, sizeof(fmt), "<%%%s%sll%s>", flag, width, letter);
		SAME(fmt, values[i] * 0x7fffffffL);
		snprintf(fmt, sizeof(fmt), "<%%%s%sz%s>", flag, width, letter);
		SAME(fmt, (size_t)values[i]);
	}
}

static void numbers(void)
{
	static const char *const letters[] = {"d", "i", "u", "o", "x", "X"};

	for (size_t f = 0; f < ARRAY_SIZE(flags); f++)
		for (size_t w = 0; w < ARRAY_SIZE(widths); w++)
			for (size_t l = 0; l < ARRAY_SIZE(letters); l++)
				one_number(flags[f], widths[w], letters[l]);
	tap_ok("format: numbers, with every flag, width, precision and length");
}

static void strings(void)
{
	SAME("%s", "");
	SAME("[%s]", "text");
	SAME("[%10s] [%-10s] [%.2s] [%6.3s]", "text", "text", "text", "text");
	SAME("[%*s] [%-*s] [%.*s]", 8, "a", 8, "b", 1, "cd");
	SAME("[%*s]", -8, "left");
	SAME("[%c%5c%-5c]", 'a', 'b', 'c');
	SAME("100%% of %d%%", 7);
	SAME("%s", "a string that is much longer than most of the sizes that it is cut to here");
	tap_ok("format: strings and characters");
}

static void pointers(void)
{
	char text[32];

	CHECK(kernel_snprintf(text, sizeof(text), "%p", (void *)0xffff888000001234) == 16);
	CHECK(strcmp(text, "ffff888000001234") == 0);
	tap_ok("format: a pointer is sixteen digits");
}

int main(void)
{
	numbers();
	strings();
	pointers();
	return tap_done();
}
