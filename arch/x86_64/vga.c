/*
 * The screen in VGA text mode: 80 columns, 25 lines, at physical 0xb8000. What is on it is kept in
 * memory by the terminal (fs/dev/vt.c); rows that have changed are copied to the adapter, and the
 * cursor set, after each write.
 */
#include <arch/consoles.h>
#include <arch/io.h>
#include <arch/kernel_map.h>
#include <tine/boot_info.h>
#include <tine/string.h>
#include <tine/vt.h>

#define SCREEN_ADDRESS 0xb8000
#define CELLS          (VT_COLUMNS * VT_ROWS)

#define CRTC_INDEX        0x3d4
#define CRTC_DATA         0x3d5
#define CRTC_CURSOR_SHAPE 0x0a
#define CRTC_CURSOR_HIGH  0x0e
#define CRTC_CURSOR_LOW   0x0f
#define SHAPE_HIDDEN      0x20
#define SHAPE_UNDERLINE   0x0d

static volatile u16 *screen;
static struct vt vt;

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

static void show(void)
{
	unsigned int cursor = vt.pen.y * VT_COLUMNS + vt.pen.x;

	for (unsigned int i = vt.dirty_top * VT_COLUMNS; i < vt.dirty_bottom * VT_COLUMNS; i++)
		screen[i] = vt.cells[i];
	vt.dirty_top = VT_ROWS;
	vt.dirty_bottom = 0;
	crtc_write(CRTC_CURSOR_HIGH, cursor >> 8);
	crtc_write(CRTC_CURSOR_LOW, cursor & 0xff);
	crtc_write(CRTC_CURSOR_SHAPE, vt.cursor_visible ? SHAPE_UNDERLINE : SHAPE_HIDDEN);
}

/* Goes on below what firmware and boot loader have written. */
bool vga_init(void)
{
	unsigned int cursor;

	if (!boot_info.text_screen)
		return false;
	screen = map_physical(SCREEN_ADDRESS, CELLS * sizeof(u16), KERNEL_DEVICE);
	if (!screen)
		return false;
	screen[CELLS] = 0x1234; /* behind what is shown: is there memory? */
	if (screen[CELLS] != 0x1234)
		return false;
	vt_init(&vt);
	for (unsigned int i = 0; i < CELLS; i++)
		vt.cells[i] = screen[i];
	cursor = crtc_read(CRTC_CURSOR_HIGH) << 8 | crtc_read(CRTC_CURSOR_LOW);
	vt_move_to(&vt, cursor % VT_COLUMNS, cursor / VT_COLUMNS);
	return true;
}

void vga_write(const char *bytes, size_t n)
{
	vt_write(&vt, bytes, n);
	show();
}

void vga_write_message(const char *text, size_t n)
{
	vt_write_message(&vt, text, n);
	show();
}

size_t vga_take_reply(char *to, size_t size)
{
	size_t n = MIN(size, (size_t)vt.reply_length);

	memcpy(to, vt.reply, n);
	vt.reply_length = 0;
	return n;
}

void vga_keyboard_modes(bool *cursor, bool *keypad)
{
	*cursor = vt.application_cursor;
	*keypad = vt.application_keypad;
}
