/* Numbers in texts: options of mounts, what is written to /proc. */
#include <tine/string.h>

static unsigned int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

const char *parse_digits(const char *text, unsigned int base, u64 *value)
{
	if (base == 0 && text[0] == '0' && (text[1] | 0x20) == 'x' && digit_value(text[2]) < 16) {
		base = 16;
		text += 2;
	} else if (base == 0) {
		base = text[0] == '0' ? 8 : 10;
	}
	if (digit_value(*text) >= base)
		return NULL;
	for (*value = 0; digit_value(*text) < base; text++)
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit_value(*text), value))
			*value = ~0ull;
	return text;
}
