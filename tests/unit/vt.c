// sources: fs/dev/vt.c fs/dev/vt_screen.c fs/dev/vt_glyphs.c fs/dev/keymap.c
/* The screen as a terminal, and the keyboard: each case writes bytes and looks at the cells. */
#include <string.h>

#include <tine/keymap.h>
#include <tine/vt.h>

#include "tap.h"

static struct vt vt;

static void start(const char *bytes)
{
	vt_init(&vt);
	vt_write(&vt, bytes, strlen(bytes));
}

static void more(const char *bytes)
{
	vt_write(&vt, bytes, strlen(bytes));
}

/* A row's glyphs begin with text, and then there are only blanks. */
static int row_is(unsigned int y, const char *text)
{
	size_t n = strlen(text);

	for (unsigned int x = 0; x < VT_COLUMNS; x++) {
		u8 glyph = vt.cells[y * VT_COLUMNS + x] & 0xff;

		if (glyph != (x < n ? (u8)text[x] : ' '))
			return 0;
	}
	return 1;
}

static int attribute_at(unsigned int x, unsigned int y)
{
	return vt.cells[y * VT_COLUMNS + x] >> 8;
}

static int at(unsigned int x, unsigned int y)
{
	return vt.pen.x == x && vt.pen.y == y;
}

static void text_and_controls(void)
{
	start("one\r\ntwo\b\bT\tx\rz\a");
	CHECK(row_is(0, "one") && row_is(1, "zTo     x"));
	CHECK(at(1, 1));
	start("a\nb\x7f\x01");
	CHECK(row_is(0, "a") && row_is(1, " b"));
	start("\033[20ha\nb");
	CHECK(row_is(1, "b"));
	tap_ok("text, tabs, backspace, line feeds");
}

static void wrapping(void)
{
	char line[VT_COLUMNS + 1];

	memset(line, 'x', VT_COLUMNS);
	line[VT_COLUMNS] = 0;
	start(line);
	CHECK(at(79, 0)); /* not yet */
	more("y");
	CHECK(at(1, 1) && row_is(0, line) && row_is(1, "y"));
	start(line);
	more("\r\nz");
	CHECK(row_is(1, "z"));
	start("\033[?7l");
	more(line);
	more("yz");
	line[79] = 'z';
	CHECK(at(79, 0) && row_is(0, line));
	tap_ok("the last column wraps with the next character");
}

static void scrolling(void)
{
	start("top\033[25;1Hbottom\n");
	CHECK(row_is(0, "") && row_is(23, "bottom") && row_is(24, ""));
	start("a\r\nb\r\nc\r\nd\033[2;3r");
	CHECK(at(0, 0));
	more("\033[3;1H\n");
	CHECK(row_is(0, "a") && row_is(1, "c") && row_is(2, "") && row_is(3, "d"));
	more("\033[2;1H\033M");
	CHECK(row_is(1, "") && row_is(2, "c") && row_is(3, "d"));
	more("\033[9;3r\033[5;99r"); /* nonsense */
	CHECK(vt.top == 1 && vt.bottom == 3);
	more("\033[25;1H\n");
	CHECK(at(0, 24) && row_is(0, "a"));
	tap_ok("scrolling, in a region and around it");
}

static void moving(void)
{
	start("\033[5;10H");
	CHECK(at(9, 4));
	more("\033[2A\033[3C");
	CHECK(at(12, 2));
	more("\033[B\033[D");
	CHECK(at(11, 3));
	more("\033[99;999H");
	CHECK(at(79, 24));
	more("\033[99A\033[999D");
	CHECK(at(0, 0));
	more("\033[7d\033[8G");
	CHECK(at(7, 6));
	more("\033[2E");
	CHECK(at(0, 8));
	more("\033[F");
	CHECK(at(0, 7));
	more("\033[f\033[0;0H");
	CHECK(at(0, 0));
	more("\033[4294967295;18446744073709551615H");
	CHECK(at(79, 24));
	tap_ok("moving the cursor, and not off the screen");
}

static void origin_mode(void)
{
	start("\033[5;10r\033[?6h");
	CHECK(at(0, 4));
	more("\033[3;2H");
	CHECK(at(1, 6));
	more("\033[6n");
	CHECK(vt.reply_length == 6 && memcmp(vt.reply, "\033[3;2R", 6) == 0);
	more("\033[99;1H");
	CHECK(at(0, 9));
	more("\033[?6l");
	CHECK(at(0, 0));
	tap_ok("origin mode");
}

static void erasing(void)
{
	start("abcdef\033[1;3H\033[K");
	CHECK(row_is(0, "ab"));
	start("abcdef\033[1;3H\033[1K");
	CHECK(row_is(0, "   def"));
	start("abcdef\033[2K");
	CHECK(row_is(0, ""));
	start("one\r\ntwo\r\nthree\033[2;2H\033[J");
	CHECK(row_is(0, "one") && row_is(1, "t") && row_is(2, ""));
	start("one\r\ntwo\r\nthree\033[2;2H\033[1J");
	CHECK(row_is(0, "") && row_is(1, "  o") && row_is(2, "three"));
	start("one\r\ntwo\033[2J");
	CHECK(row_is(0, "") && row_is(1, "") && at(3, 1));
	start("abcdef\033[1;2H\033[3X");
	CHECK(row_is(0, "a   ef"));
	start("\033[44m\033[K");
	CHECK(attribute_at(40, 0) == 0x17);
	tap_ok("erasing, with the background that is set");
}

static void inserting_and_deleting(void)
{
	start("abcdef\033[1;3H\033[2@");
	CHECK(row_is(0, "ab  cdef"));
	more("\033[3P");
	CHECK(row_is(0, "abdef"));
	more("\033[999P");
	CHECK(row_is(0, "ab"));
	start("abc\033[1;2H\033[4hXY\033[4lZ");
	CHECK(row_is(0, "aXYZc"));
	start("1\r\n2\r\n3\033[2;1H\033[L");
	CHECK(row_is(0, "1") && row_is(1, "") && row_is(2, "2") && row_is(3, "3"));
	more("\033[2M");
	CHECK(row_is(0, "1") && row_is(1, "3") && row_is(2, ""));
	more("\033[4000M\033[4000L");
	CHECK(row_is(0, "1") && row_is(1, ""));
	tap_ok("inserting and deleting characters and lines");
}

static void colours(void)
{
	start("\033[31mr\033[1mR\033[42mG\033[0mn\033[7mv\033[27;5mb");
	CHECK(attribute_at(0, 0) == 0x04);
	CHECK(attribute_at(1, 0) == 0x0c);
	CHECK(attribute_at(2, 0) == 0x2c);
	CHECK(attribute_at(3, 0) == 0x07);
	CHECK(attribute_at(4, 0) == 0x70);
	CHECK(attribute_at(5, 0) == 0x87);
	start("\033[4mu\033[24;2mh\033[22;93my\033[39;49;22md\033[38;5;9mx\033[0;48;2;0;0;200mB");
	CHECK(attribute_at(0, 0) == 0x0f);
	CHECK(attribute_at(1, 0) == 0x08);
	CHECK(attribute_at(2, 0) == 0x0e);
	CHECK(attribute_at(3, 0) == 0x07);
	CHECK(attribute_at(4, 0) == 0x0c);
	CHECK(attribute_at(5, 0) == 0x17);
	start("\033[38;5;196ma\033[0;38;5mb\033[0;38mc\033[m");
	CHECK(attribute_at(0, 0) == 0x0c && row_is(0, "abc"));
	start("a\033[?5h");
	CHECK(attribute_at(0, 0) == 0x70);
	more("b\033[?5l");
	CHECK(attribute_at(0, 0) == 0x07 && attribute_at(1, 0) == 0x07);
	tap_ok("colours and attributes");
}

static void saving(void)
{
	start("\033[3;4H\033[32m\0337\033[H\033[0mx\0338y");
	CHECK(attribute_at(3, 2) == 0x02 && at(4, 2));
	start("\033[5;5H\033[s\033[H\033[u");
	CHECK(at(4, 4));
	tap_ok("saving and restoring the cursor");
}

static void tab_stops(void)
{
	start("\033[3g\033[1;5H\033H\r\tx\ty");
	CHECK(vt.cells[4] == 0x0778 && vt.cells[79] == 0x0779);
	more("\r\t\033[g\r\t");
	CHECK(at(79, 0));
	tap_ok("tab stops are set and cleared");
}

static void utf8(void)
{
	start("\xc3\xa9\xe2\x94\x80\xe2\x82\xac\xe4\xb8\xad|");
	CHECK(row_is(0, "\x82\xc4?? |"));
	start("\xc3x\xff\xc0\xaf\xed\xa0\x80|");
	CHECK(row_is(0, "?x???|"));
	start("\xe2\x94");
	vt_write_message(&vt, "message", 7);
	more("\x80");
	CHECK(row_is(0, "message\xc4"));
	start("\033%@\xe9\033%G\xc3\xa9");
	CHECK(row_is(0, "\x82\x82"));
	tap_ok("UTF-8: what CP437 has, what it lacks, and what is none");
}

static void character_sets(void)
{
	start("q\016lqk\017q");
	CHECK(row_is(0, "q\xda\xc4\xbfq"));
	start("\033[11m\xb0\x05\033[10m\xc3\xa9");
	CHECK(row_is(0, "\xb0\x05\x82"));
	start("\033)B\016q");
	CHECK(row_is(0, "q"));
	tap_ok("line drawing and glyphs as they are");
}

static void answers(void)
{
	start("\033[5n\033[c\033Z\033[12;34H\033[6n");
	CHECK(vt.reply_length == 4 + 5 + 5 + 8);
	CHECK(memcmp(vt.reply, "\033[0n\033[?6c\033[?6c\033[12;34R", 22) == 0);
	for (int i = 0; i < 100; i++)
		more("\033[6n");
	CHECK(vt.reply_length <= sizeof(vt.reply));
	tap_ok("reports of status, kind and place");
}

static void strings_and_nonsense(void)
{
	start("a\033]0;a title\ab\033]P1ff0000c\033]Rd\033P1;2q\033\\e\033[>1;2cf\033[1$zg\033(Bh\033Qi");
	CHECK(row_is(0, "abcdefghi"));
	start("\033[1\n;2\rHx\033[3\030y");
	CHECK(vt.parser.state == 0 && row_is(1, "y") == 0);
	start("\033#8");
	CHECK((vt.cells[0] & 0xff) == 'E' && (vt.cells[1999] & 0xff) == 'E');
	more("\033c");
	CHECK(row_is(0, "") && at(0, 0));
	start("\033[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19mx");
	CHECK(row_is(0, "x"));
	tap_ok("titles, palettes, unknown sequences and a reset");
}

static void messages(void)
{
	start("\033[3");
	vt_write_message(&vt, "hello\r\n", 7);
	more("1mx");
	CHECK(row_is(0, "hello") && row_is(1, "x") && attribute_at(0, 1) == 0x04);
	tap_ok("a message within a sequence");
}

static void random_bytes(void)
{
	unsigned int seed = 1;
	char bytes[64];

	vt_init(&vt);
	for (int i = 0; i < 100000; i++) {
		for (size_t k = 0; k < sizeof(bytes); k++) {
			seed = seed * 1103515245 + 12345;
			bytes[k] = seed >> 16;
			if (seed >> 30 == 0)
				bytes[k] = "\033[;?0123456789ABCDHJKLMPX@hlmrsu"[(seed >> 16) % 32];
		}
		vt_write(&vt, bytes, sizeof(bytes));
		CHECK(vt.pen.x < VT_COLUMNS && vt.pen.y < VT_ROWS);
		CHECK(vt.top < vt.bottom && vt.bottom <= VT_ROWS);
	}
	tap_ok("random bytes stay on the screen");
}

static struct keymap keys;
static char typed[64];
static unsigned int typed_length;

static void press(u8 code)
{
	typed_length += keymap_take(&keys, code, false, false, typed + typed_length);
}

static int typed_is(const char *text, unsigned int n)
{
	int same = typed_length == n && memcmp(typed, text, n) == 0;

	typed_length = 0;
	return same;
}

static void tap_key(u8 code)
{
	press(code);
	press(code | 0x80);
}

static void keyboard(void)
{
	memset(&keys, 0, sizeof(keys));
	tap_key(0x1e);
	press(0x2a);
	tap_key(0x1e);
	tap_key(0x02);
	press(0xaa);
	CHECK(typed_is("aA!", 3));
	tap_key(0x3a);
	tap_key(0x1e);
	tap_key(0x02);
	tap_key(0x3a);
	CHECK(typed_is("A1", 2));
	press(0x1d);
	tap_key(0x2e);
	tap_key(0x39);
	tap_key(0x2b);
	press(0x9d);
	CHECK(typed_is("\x03\0\x1c", 3));
	press(0x38);
	tap_key(0x2d);
	press(0xb8);
	CHECK(typed_is("\033x", 2));
	press(0x0e);
	press(0x0e);
	tap_key(0x1c);
	CHECK(typed_is("\x7f\x7f\r", 3));
	tap_ok("letters, shift, locks, control and alt");
	tap_key(0x3b);
	tap_key(0x40);
	tap_key(0x58);
	CHECK(typed_is("\033[[A\033[17~\033[24~", 14));
	press(0xe0);
	tap_key(0x48);
	CHECK(typed_is("\033[A", 3));
	press(0xe0);
	typed_length = keymap_take(&keys, 0x4d, true, false, typed);
	CHECK(typed_is("\033OC", 3));
	press(0xe0);
	tap_key(0x53);
	tap_key(0x4f);
	CHECK(typed_is("\033[3~\033[4~", 8));
	tap_key(0x45);
	tap_key(0x4f);
	CHECK(typed_is("1", 1));
	typed_length = keymap_take(&keys, 0x4f, false, true, typed);
	CHECK(typed_is("\033Oq", 3));
	press(0xe1);
	press(0x1d);
	press(0x45);
	press(0xe1);
	press(0x9d);
	press(0xc5);
	tap_key(0x4f);
	CHECK(typed_is("1", 1));
	tap_ok("function keys, cursor keys, the keypad and Pause");
	press(0x1d);
	press(0x38);
	press(0xe0);
	press(0x53);
	CHECK(keys.reboot && typed_is("", 0));
	tap_ok("Ctrl-Alt-Del");
	for (unsigned int code = 0; code < 256 * 256; code++) {
		press(code >> 8);
		press(code);
		CHECK(typed_length <= 2 * KEYMAP_LONGEST);
		typed_length = 0;
	}
	tap_ok("every pair of codes");
}

int main(void)
{
	text_and_controls();
	wrapping();
	scrolling();
	moving();
	origin_mode();
	erasing();
	inserting_and_deleting();
	colours();
	saving();
	tab_stops();
	utf8();
	character_sets();
	answers();
	strings_and_nonsense();
	messages();
	random_bytes();
	keyboard();
	return tap_done();
}
