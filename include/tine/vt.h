/*
 * The screen as a terminal: what the bytes written to it do to its cells (fs/dev/vt.c). No locks:
 * the caller keeps others away.
 */
#pragma once

#include <tine/types.h>

#define VT_COLUMNS    80u
#define VT_ROWS       25u
#define VT_PARAMETERS 16u

#define VT_BOLD      1u
#define VT_HALF      2u
#define VT_ITALIC    4u
#define VT_UNDERLINE 8u
#define VT_BLINK     16u
#define VT_REVERSE   32u

/* How characters are drawn; what ESC 7 saves, with the place. */
struct vt_pen {
	u8 foreground, background; /* as VGA numbers them */
	u8 style;                  /* VT_BOLD to VT_REVERSE */
	u8 sets[2];                /* G0 and G1: VT_SET_ */
	bool shifted;
	unsigned int x, y;
};

/* How the next byte is to be understood; all zero: as text. */
struct vt_parser {
	u8 state;        /* in the middle of which sequence */
	bool raw_glyphs; /* SGR 11: bytes are CP437, controls too */
	unsigned int parameters[VT_PARAMETERS], parameter_count;
	u32 code, lowest; /* a UTF-8 character so far, and what its length may not be used below */
	unsigned int code_left;
};

struct vt {
	u16 cells[VT_ROWS * VT_COLUMNS]; /* CP437 in the low byte, VGA's attribute in the high one */
	struct vt_pen pen, saved;
	bool wrap_pending;        /* the last column is written; the next character wraps */
	unsigned int top, bottom; /* of the region that scrolls: rows [top, bottom) */
	bool insert, new_line;    /* modes 4 and 20 */
	bool reversed, origin, wraps, cursor_visible; /* DEC's 5, 6, 7 and 25 */
	bool application_cursor, application_keypad;  /* for the keyboard */
	bool utf8;
	u8 tab_stops[(VT_COLUMNS + 7) / 8];

	struct vt_parser parser;

	/* For the caller, who empties them. */
	unsigned int dirty_top, dirty_bottom; /* rows [top, bottom) have changed */
	char reply[64];                       /* what the terminal answers, as if typed */
	unsigned int reply_length;
};

void vt_init(struct vt *vt);
void vt_write(struct vt *vt, const char *bytes, size_t n);
/* A message of the kernel: in no sequence that a program has begun. */
void vt_write_message(struct vt *vt, const char *text, size_t n);

/* vt_glyphs.c */
u8 vt_glyph_of(u32 code);
bool vt_is_wide(u32 code); /* takes two columns */
u8 vt_graphic(u8 byte);    /* of DEC's line drawing */

/* vt_screen.c. Rows are [top, bottom). */
void vt_touch(struct vt *vt, unsigned int top, unsigned int bottom);
u16 vt_blank(const struct vt *vt);
/* n cells from (x, y) on, which may go on in the next rows. */
void vt_erase(struct vt *vt, unsigned int x, unsigned int y, unsigned int n);
/* Rows move by n; what comes in is blank. */
void vt_scroll_up(struct vt *vt, unsigned int top, unsigned int bottom, unsigned int n);
void vt_scroll_down(struct vt *vt, unsigned int top, unsigned int bottom, unsigned int n);
/* At the cursor; the rest of its row moves. */
void vt_insert_cells(struct vt *vt, unsigned int n);
void vt_delete_cells(struct vt *vt, unsigned int n);
/* As near as the screen goes; an address counts from the region's top in origin mode. */
void vt_move_to(struct vt *vt, int x, int y);
void vt_move_to_address(struct vt *vt, int x, int y);
void vt_line_feed(struct vt *vt);
void vt_reverse_line_feed(struct vt *vt);
void vt_carriage_return(struct vt *vt);
void vt_tab(struct vt *vt);
void vt_put_glyph(struct vt *vt, u8 glyph);
