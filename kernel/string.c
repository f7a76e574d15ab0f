/*
 * String functions of the C library that the kernel uses. Blocks are copied by
 * arch/x86_64/memory.S.
 */
#include <tine/err.h>
#include <tine/string.h>

static u64 load_u64(const u8 *p)
{
	u64 value;

	memcpy(&value, p, sizeof(value));
	return value;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *p = a, *q = b;

	while (n >= sizeof(u64) && load_u64(p) == load_u64(q)) {
		n -= sizeof(u64);
		p += sizeof(u64);
		q += sizeof(u64);
	}
	for (; n > 0; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

void *memchr(const void *s, int c, size_t n)
{
	const u8 *p = s;

	for (; n > 0; n--, p++)
		if (*p == (u8)c)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

size_t strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (u8)*a - (u8)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++)
		if (*a != *b || !*a)
			return (u8)*a - (u8)*b;
	return 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

char *strrchr(const char *s, int c)
{
	const char *last = NULL;

	do {
		if (*s == (char)c)
			last = s;
	} while (*s++);
	return (char *)last;
}

ssize_t strscpy(char *dst, const char *src, size_t size)
{
	for (size_t n = 0; n < size; n++) {
		dst[n] = src[n];
		if (!dst[n])
			return (ssize_t)n;
	}
	dst[size - 1] = 0;
	return -E2BIG;
}
