/*
 * A PC keyboard with the US layout, as TERM=linux has its keys. Scan codes are those of set 1: one
 * byte when a key goes down (and again while it is held), the same with bit 7 when it comes up; keys
 * that the first PCs did not have send 0xe0 in front, and Pause six bytes that begin with 0xe1.
 */
#include <tine/keymap.h>

#define SHIFT 1u
#define CTRL  2u
#define ALT   4u

#define RELEASED 0x80

#define KEY_CAPS    0x3a
#define KEY_F1      0x3b
#define KEY_F10     0x44
#define KEY_NUMBERS 0x45
#define KEY_PAD     0x47 /* Home, or 7; the pad goes on to Delete */
#define KEY_PAD_END 0x53
#define KEY_F11     0x57
#define KEY_F12     0x58

/* By code. The keypad's are those with Num Lock. */
static const char plain[] =
	"\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
	"\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
static const char pad[] = "789-456+1230.";
static const char pad_application[] = "wxyStuvlqrspn";
/* What the pad is without: a cursor key's letter, or the digit of ESC [ digit ~. */
static const char pad_cursor[] = "1A5-DGC+4B623";
static const u8 function_keys[] = {17, 18, 19, 20, 21, 23, 24};             /* F6 to F12 */
static const u8 shifted_function_keys[] = {25, 26, 28, 29, 31, 32, 33, 34}; /* F13 to F20 */

static unsigned int put(char *out, const char *text)
{
	unsigned int n = 0;

	for (; text[n]; n++)
		out[n] = text[n];
	return n;
}

/* The modifier that a code is, 0 if it is none. */
static u8 modifier(u8 code, bool extended)
{
	switch (code) {
	case 0x2a:
	case 0x36:
		return extended ? 0 : SHIFT; /* extended: invented around other keys */
	case 0x1d:
		return CTRL;
	case 0x38:
		return ALT;
	}
	return 0;
}

static unsigned int cursor_key(char which, bool application, char *out)
{
	char letter[] = {27, application ? 'O' : '[', which, 0};
	char tilde[] = {27, '[', which, '~', 0};

	return put(out, which >= 'A' ? letter : tilde);
}

static unsigned int function_key(const struct keymap *k, unsigned int n, char *out)
{
	char letter[] = {27, '[', '[', 'A' + n, 0};
	u8 code = n < 5 ? 0 : function_keys[n - 5];
	char tilde[] = {27, '[', '0' + code / 10, '0' + code % 10, '~', 0};

	if ((k->held & SHIFT) && n < ARRAY_SIZE(shifted_function_keys)) {
		code = shifted_function_keys[n];
		tilde[2] = '0' + code / 10;
		tilde[3] = '0' + code % 10;
	}
	return put(out, code ? tilde : letter);
}

static unsigned int pad_key(const struct keymap *k, u8 code, bool application_cursor,
			    bool application_keypad, char *out)
{
	unsigned int i = code - KEY_PAD;
	char sequence[] = {27, 'O', pad_application[i], 0};

	if (!k->extended && application_keypad && !(k->held & SHIFT))
		return put(out, sequence);
	if (!k->extended && (k->numbers || pad[i] == '-' || pad[i] == '+')) {
		*out = pad[i];
		return 1;
	}
	return cursor_key(pad_cursor[i], application_cursor, out);
}

static char with_ctrl(char c)
{
	static const char digits[] = "\0\033\034\035\036\037\177"; /* 2 to 8 */

	if (c >= '2' && c <= '8')
		return digits[c - '2'];
	switch (c) {
	case ' ':
	case '`':
		return 0;
	case '-':
		return 31;
	case '/':
		return 127;
	case 127:
		return 8;
	}
	return c >= '@' && c < 127 ? c & 31 : c;
}

static unsigned int character(const struct keymap *k, u8 code, char *out)
{
	bool shift = k->held & SHIFT;
	char c = plain[code];
	unsigned int n = 0;

	if (c >= 'a' && c <= 'z')
		shift ^= k->caps;
	if (k->extended && c != '\r' && c != '/')
		return 0;
	c = shift ? shifted[code] : c;
	if (!c)
		return 0;
	if (k->held & CTRL)
		c = with_ctrl(k->extended ? c : plain[code]);
	if ((k->held & ALT) || (c == '\t' && shift))
		out[n++] = 27;
	out[n++] = c;
	return n;
}

static unsigned int pressed(struct keymap *k, u8 code, bool application_cursor,
			    bool application_keypad, char *out)
{
	if (code == KEY_PAD_END && (k->held & (CTRL | ALT)) == (CTRL | ALT)) {
		k->reboot = true;
		return 0;
	}
	if (code >= KEY_PAD && code <= KEY_PAD_END)
		return pad_key(k, code, application_cursor, application_keypad, out);
	if (code < sizeof(plain) - 1)
		return character(k, code, out);
	if (k->extended)
		return 0;
	if (code == KEY_CAPS)
		k->caps = !k->caps;
	else if (code == KEY_NUMBERS)
		k->numbers = !k->numbers;
	else if (code >= KEY_F1 && code <= KEY_F10)
		return function_key(k, code - KEY_F1, out);
	else if (code == KEY_F11 || code == KEY_F12)
		return function_key(k, code - KEY_F11 + 10, out);
	return 0;
}

unsigned int keymap_take(struct keymap *k, u8 code, bool application_cursor,
			 bool application_keypad, char *out)
{
	u8 held = modifier(code & ~RELEASED, k->extended);
	unsigned int n = 0;

	if (k->skip > 0) {
		k->skip--;
		return 0;
	}
	if (code == 0xe0 || code == 0xe1) {
		k->extended = code == 0xe0;
		k->skip = code == 0xe1 ? 2 : 0;
		return 0;
	}
	if (held)
		k->held = code & RELEASED ? k->held & ~held : k->held | held;
	else if (!(code & RELEASED))
		n = pressed(k, code, application_cursor, application_keypad, out);
	k->extended = false;
	return n;
}
