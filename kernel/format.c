/* Formatting: the part of C's printf that kernel messages and /proc need. */
#include <tine/printk.h>
#include <tine/string.h>

/* Where the text goes; counts what does not fit. */
struct output {
	char *buf;
	size_t size, length;
};

/* One conversion: %[flags][width][.precision][length]letter */
struct conversion {
	bool left, zero, plus, space, alternate;
	int width, precision; /* precision -1: none given */
	int length;           /* -2 hh, -1 h, 0, 1 l or z, 2 ll */
	char letter;
};

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->size)
		out->buf[out->length] = c;
	out->length++;
}

static void put_repeated(struct output *out, char c, int n)
{
	while (n-- > 0)
		put(out, c);
}

/* prefix and body with padding between the two (zeroes) or around both (spaces). */
static void put_field(struct output *out, const struct conversion *c, const char *prefix,
		      const char *body, int length)
{
	int prefix_length = strlen(prefix);
	int zeroes = MAX(c->precision - length, 0);
	int spaces;

	if (c->letter == 's' || c->letter == 'c')
		zeroes = 0;
	else if (c->zero && !c->left && c->precision < 0)
		zeroes = MAX(c->width - prefix_length - length, 0);
	spaces = c->width - prefix_length - zeroes - length;
	if (!c->left)
		put_repeated(out, ' ', spaces);
	while (*prefix)
		put(out, *prefix++);
	put_repeated(out, '0', zeroes);
	while (length-- > 0)
		put(out, *body++);
	if (c->left)
		put_repeated(out, ' ', spaces);
}

static void put_number(struct output *out, const struct conversion *c, u64 value, unsigned int base,
		       const char *sign)
{
	const char *digits = c->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[24];
	int at = sizeof(text);

	if (c->alternate && base == 16 && value != 0)
		sign = c->letter == 'X' ? "0X" : "0x";
	for (; value != 0; value /= base)
		text[--at] = digits[value % base];
	if (at == sizeof(text) && c->precision != 0)
		text[--at] = '0';
	if (c->alternate && base == 8 && (at == sizeof(text) || text[at] != '0'))
		text[--at] = '0';
	put_field(out, c, sign, text + at, sizeof(text) - at);
}

static const char *parse_flags(const char *fmt, struct conversion *c)
{
	for (;; fmt++) {
		switch (*fmt) {
		case '-':
			c->left = true;
			break;
		case '0':
			c->zero = true;
			break;
		case '+':
			c->plus = true;
			break;
		case ' ':
			c->space = true;
			break;
		case '#':
			c->alternate = true;
			break;
		default:
			return fmt;
		}
	}
}

static const char *parse_count(const char *fmt, int *count, va_list *args)
{
	if (*fmt == '*') {
		*count = va_arg(*args, int);
		return fmt + 1;
	}
	for (*count = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
		*count = *count * 10 + *fmt - '0';
	return fmt;
}

static const char *parse_conversion(const char *fmt, struct conversion *c, va_list *args)
{
	*c = (struct conversion){.precision = -1};
	fmt = parse_flags(fmt, c);
	fmt = parse_count(fmt, &c->width, args);
	if (c->width < 0) {
		c->left = true;
		c->width = -c->width;
	}
	if (*fmt == '.')
		fmt = parse_count(fmt + 1, &c->precision, args);
	for (; *fmt == 'l' || *fmt == 'h' || *fmt == 'z'; fmt++)
		c->length += *fmt == 'h' ? -1 : 1;
	c->letter = *fmt;
	return *fmt ? fmt + 1 : fmt;
}

static s64 signed_argument(const struct conversion *c, va_list *args)
{
	if (c->length > 0)
		return va_arg(*args, s64);
	if (c->length == -1)
		return (s16)va_arg(*args, int);
	return c->length == -2 ? (s8)va_arg(*args, int) : va_arg(*args, int);
}

static u64 unsigned_argument(const struct conversion *c, va_list *args)
{
	if (c->length > 0)
		return va_arg(*args, u64);
	if (c->length == -1)
		return (u16)va_arg(*args, int);
	return c->length == -2 ? (u8)va_arg(*args, int) : va_arg(*args, unsigned int);
}

static void put_signed(struct output *out, const struct conversion *c, s64 value)
{
	const char *sign = value < 0 ? "-" : c->plus ? "+" : c->space ? " " : "";

	put_number(out, c, value < 0 ? -(u64)value : (u64)value, 10, sign);
}

static void put_string(struct output *out, const struct conversion *c, const char *s)
{
	if (!s)
		s = "(null)";
	put_field(out, c, "", s, c->precision >= 0 ? strnlen(s, c->precision) : strlen(s));
}

static void put_conversion(struct output *out, struct conversion *c, va_list *args)
{
	char byte;

	switch (c->letter) {
	case 'd':
	case 'i':
		put_signed(out, c, signed_argument(c, args));
		break;
	case 'u':
		put_number(out, c, unsigned_argument(c, args), 10, "");
		break;
	case 'o':
		put_number(out, c, unsigned_argument(c, args), 8, "");
		break;
	case 'x':
	case 'X':
		put_number(out, c, unsigned_argument(c, args), 16, "");
		break;
	case 'p':
		c->precision = 16;
		put_number(out, c, (u64)va_arg(*args, void *), 16, "");
		break;
	case 'c':
		byte = va_arg(*args, int);
		put_field(out, c, "", &byte, 1);
		break;
	case 's':
		put_string(out, c, va_arg(*args, const char *));
		break;
	default:
		put(out, c->letter);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct output out = {.buf = buf, .size = size};
	struct conversion c;
	va_list copy;

	va_copy(copy, args);
	while (*fmt) {
		if (*fmt != '%') {
			put(&out, *fmt++);
			continue;
		}
		fmt = parse_conversion(fmt + 1, &c, &copy);
		if (c.letter)
			put_conversion(&out, &c, &copy);
	}
	va_end(copy);
	if (size > 0)
		buf[MIN(out.length, size - 1)] = 0;
	return out.length;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(buf, size, fmt, args);
	va_end(args);
	return n;
}
