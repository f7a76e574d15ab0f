/*
 * The part of the C library's string functions that the kernel has (kernel/string.c; memcpy and
 * memset: arch).
 */
#pragma once

#include <tine/types.h>

#ifdef TINE_HOST_TEST
#include <string.h>
#else
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int c, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
/* What is small and of a size known to the compiler becomes a few moves. */
#define memcpy __builtin_memcpy
#define memset __builtin_memset
#endif

/*
 * The number that text begins with, in base 8, 10 or 16, or 0: decimal, or as 0x or 0 in front say.
 * A number with no room in *value becomes the largest. Returns where it ends; NULL: no digit.
 */
const char *parse_digits(const char *text, unsigned int base, u64 *value);

/*
 * Copies at most size - 1 bytes and always ends with NUL; returns the bytes copied, or -E2BIG if
 * src was cut. size > 0.
 */
ssize_t strscpy(char *dst, const char *src, size_t size);
