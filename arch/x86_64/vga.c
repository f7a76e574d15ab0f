/*
 * The screen in VGA text mode: 80 columns, 25 lines, at physical 0xb8000. Control sequences that
 * begin with ESC are dropped.
 */
#include <arch/consoles.h>
#include <arch/io.h>
#include <arch/kernel_map.h>
#include <tine/boot_info.h>

#define SCREEN_ADDRESS 0xb8000
#define COLUMNS        80
#define LINES          25
#define CELLS          (COLUMNS * LINES)
#define BLANK          0x0720 /* grey on black */

#define ESCAPE_BYTE 27

#define CRTC_INDEX       0x3d4
#define CRTC_DATA        0x3d5
#define CRTC_CURSOR_HIGH 0x0e
#define CRTC_CURSOR_LOW  0x0f

static volatile u16 *screen;
static unsigned int cursor; /* cell */
static bool at_margin;      /* the last column is written; the next character goes to a new line */
static enum { TEXT, ESCAPE, SEQUENCE } state;

static u8 crtc_read(u8 index)
{
	outb(CRTC_INDEX, index);
	return inb(CRTC_DATA);
}

static void crtc_write(u8 index, u8 value)
{
	outb(CRTC_INDEX, index);
	outb(CRTC_DATA, value);
}

static void show_cursor(void)
{
	crtc_write(CRTC_CURSOR_HIGH, cursor >> 8);
	crtc_write(CRTC_CURSOR_LOW, cursor & 0xff);
}

static void scroll(void)
{
	for (unsigned int i = 0; i < CELLS; i++)
		screen[i] = i < CELLS - COLUMNS ? screen[i + COLUMNS] : BLANK;
	cursor -= COLUMNS;
}

/* Goes on below what firmware and boot loader have written. */
bool vga_init(void)
{
	if (!boot_info.text_screen)
		return false;
	screen = map_physical(SCREEN_ADDRESS, CELLS * sizeof(u16), KERNEL_DEVICE);
	if (!screen)
		return false;
	screen[CELLS] = 0x1234; /* behind what is shown: is there memory? */
	if (screen[CELLS] != 0x1234)
		return false;
	cursor = crtc_read(CRTC_CURSOR_HIGH) << 8 | crtc_read(CRTC_CURSOR_LOW);
	if (cursor >= CELLS)
		cursor = 0;
	return true;
}

static void put_cell(char c)
{
	cursor += at_margin;
	if (cursor >= CELLS)
		scroll();
	screen[cursor] = (BLANK & 0xff00) | (u8)c;
	at_margin = cursor % COLUMNS == COLUMNS - 1;
	cursor += !at_margin;
}

static void control(char c)
{
	at_margin = false;
	switch (c) {
	case '\n':
		cursor += COLUMNS;
		break;
	case '\r':
		cursor -= cursor % COLUMNS;
		break;
	case '\b':
		cursor -= cursor % COLUMNS > 0;
		break;
	case '\t':
		cursor = MIN((cursor + 8) & ~7u, cursor - cursor % COLUMNS + COLUMNS - 1);
		break;
	case ESCAPE_BYTE:
		state = ESCAPE;
		break;
	}
	if (cursor >= CELLS)
		scroll();
}

/* Bytes of a sequence: ESC [ parameters letter, or ESC and one byte. */
static void put_char(char c)
{
	if (state == TEXT && (u8)c >= ' ')
		put_cell(c);
	else if (state == TEXT)
		control(c);
	else if (state == ESCAPE)
		state = c == '[' ? SEQUENCE : TEXT;
	else if (c >= '@' && c <= '~')
		state = TEXT;
}

void vga_write(const char *bytes, size_t n)
{
	while (n-- > 0)
		put_char(*bytes++);
	show_cursor();
}
