/*
 * Strings in user memory, eight bytes at a time as long as eight may be read. A string may end just
 * before an unmapped page: when eight bytes cannot be read, single ones are tried.
 */
#include <arch/uaccess.h>
#include <tine/string.h>
#include <tine/uaccess.h>

/* Non-zero if v has a zero byte; the lowest bit set is then bit 7 of the first one. */
static u64 zero_byte(u64 v)
{
	return (v - 0x0101010101010101ul) & ~v & 0x8080808080808080ul;
}

/*
 * The length of the string, copied to dst (NULL: not copied) with its NUL; max if it has none in
 * max bytes; -EFAULT.
 */
static long scan_string(char *dst, const char __user *src, size_t max)
{
	size_t n = 0;
	u64 word, zero;
	u8 byte;

	while (max - n >= 8 && load_user_u64(&word, src + n)) {
		if (dst)
			memcpy(dst + n, &word, 8);
		zero = zero_byte(word);
		if (zero)
			return n + __builtin_ctzl(zero) / 8;
		n += 8;
	}
	for (; n < max; n++) {
		if (!load_user_u8(&byte, src + n))
			return -EFAULT;
		if (dst)
			dst[n] = byte;
		if (!byte)
			return n;
	}
	return max;
}

/* The same for a string that may run into the end of user space. */
static long scan_user_string(char *dst, const char __user *src, size_t size)
{
	unsigned long address = (unsigned long)src;
	size_t max;
	long length;

	if (address >= TASK_SIZE_MAX)
		return -EFAULT;
	max = MIN(size, TASK_SIZE_MAX - address);
	user_access_begin();
	length = scan_string(dst, src, max);
	user_access_end();
	return length == (long)max && max < size ? -EFAULT : length;
}

long strncpy_from_user(char *dst, const char __user *src, size_t size)
{
	return scan_user_string(dst, src, size);
}

size_t strnlen_user(const char __user *src, size_t max)
{
	long length = scan_user_string(NULL, src, max);

	return length < 0 ? 0 : length + 1;
}
