/*
 * The cells of the screen and the cursor: writing, erasing, scrolling. What calls for it is in vt.c.
 */
#include <tine/string.h>
#include <tine/vt.h>

#define UNDERLINED 15 /* colours that stand for what VGA cannot show */
#define HALF       8
#define ITALIC     2

static u8 attribute(const struct vt *vt)
{
	const struct vt_pen *pen = &vt->pen;
	u8 foreground = pen->foreground, a;

	if (pen->style & VT_ITALIC)
		foreground = ITALIC;
	else if (pen->style & VT_UNDERLINE)
		foreground = UNDERLINED;
	else if (pen->style & VT_HALF)
		foreground = HALF;
	a = pen->background << 4 | foreground;
	if (!(pen->style & VT_REVERSE) == vt->reversed)
		a = (a & 0x88) | ((a >> 4 | a << 4) & 0x77);
	return a ^ (pen->style & VT_BLINK ? 0x80 : 0) ^ (pen->style & VT_BOLD ? 0x08 : 0);
}

/* Cells. */

void vt_touch(struct vt *vt, unsigned int top, unsigned int bottom)
{
	vt->dirty_top = MIN(vt->dirty_top, top);
	vt->dirty_bottom = MAX(vt->dirty_bottom, bottom);
}

static u16 *cell(struct vt *vt, unsigned int x, unsigned int y)
{
	return &vt->cells[y * VT_COLUMNS + x];
}

/* What is erased has the colours that are set, and nothing else. */
u16 vt_blank(const struct vt *vt)
{
	u8 a = vt->pen.background << 4 | vt->pen.foreground;

	if (vt->reversed)
		a = (a & 0x88) | ((a >> 4 | a << 4) & 0x77);
	return a << 8 | ' ';
}

/* n cells from (x, y) on, which may go on in the next rows. */
void vt_erase(struct vt *vt, unsigned int x, unsigned int y, unsigned int n)
{
	u16 *at = cell(vt, x, y), with = vt_blank(vt);

	vt_touch(vt, y, (y * VT_COLUMNS + x + n + VT_COLUMNS - 1) / VT_COLUMNS);
	while (n-- > 0)
		*at++ = with;
}

/* Rows [top, bottom) move up, or down, by n; what comes in is blank. */
void vt_scroll_up(struct vt *vt, unsigned int top, unsigned int bottom, unsigned int n)
{
	n = MIN(n, bottom - top);
	memmove(cell(vt, 0, top), cell(vt, 0, top + n), (bottom - top - n) * VT_COLUMNS * 2);
	vt_touch(vt, top, bottom);
	vt_erase(vt, 0, bottom - n, n * VT_COLUMNS);
}

void vt_scroll_down(struct vt *vt, unsigned int top, unsigned int bottom, unsigned int n)
{
	n = MIN(n, bottom - top);
	memmove(cell(vt, 0, top + n), cell(vt, 0, top), (bottom - top - n) * VT_COLUMNS * 2);
	vt_touch(vt, top, bottom);
	vt_erase(vt, 0, top, n * VT_COLUMNS);
}

void vt_insert_cells(struct vt *vt, unsigned int n)
{
	unsigned int x = vt->pen.x, left = VT_COLUMNS - x;
	u16 *at = cell(vt, x, vt->pen.y);

	n = MIN(n, left);
	memmove(at + n, at, (left - n) * 2);
	vt_touch(vt, vt->pen.y, vt->pen.y + 1);
	vt_erase(vt, x, vt->pen.y, n);
}

void vt_delete_cells(struct vt *vt, unsigned int n)
{
	unsigned int left = VT_COLUMNS - vt->pen.x;
	u16 *at = cell(vt, vt->pen.x, vt->pen.y);

	n = MIN(n, left);
	memmove(at, at + n, (left - n) * 2);
	vt_touch(vt, vt->pen.y, vt->pen.y + 1);
	vt_erase(vt, VT_COLUMNS - n, vt->pen.y, n);
}

/* The cursor. */

void vt_move_to(struct vt *vt, int x, int y)
{
	int top = vt->origin ? vt->top : 0, bottom = vt->origin ? vt->bottom : VT_ROWS;

	vt->pen.x = MIN(MAX(x, 0), (int)VT_COLUMNS - 1);
	vt->pen.y = MIN(MAX(y, top), bottom - 1);
	vt->wrap_pending = false;
}

/* Rows count from the top of the region in origin mode. */
void vt_move_to_address(struct vt *vt, int x, int y)
{
	vt_move_to(vt, x, y + (vt->origin ? (int)vt->top : 0));
}

void vt_line_feed(struct vt *vt)
{
	if (vt->pen.y + 1 == vt->bottom)
		vt_scroll_up(vt, vt->top, vt->bottom, 1);
	else if (vt->pen.y + 1 < VT_ROWS)
		vt->pen.y++;
	vt->wrap_pending = false;
}

void vt_reverse_line_feed(struct vt *vt)
{
	if (vt->pen.y == vt->top)
		vt_scroll_down(vt, vt->top, vt->bottom, 1);
	else if (vt->pen.y > 0)
		vt->pen.y--;
	vt->wrap_pending = false;
}

void vt_carriage_return(struct vt *vt)
{
	vt->pen.x = 0;
	vt->wrap_pending = false;
}

void vt_tab(struct vt *vt)
{
	while (vt->pen.x < VT_COLUMNS - 1) {
		vt->pen.x++;
		if (vt->tab_stops[vt->pen.x / 8] & (1u << vt->pen.x % 8))
			break;
	}
}

void vt_put_glyph(struct vt *vt, u8 glyph)
{
	if (vt->wrap_pending && vt->wraps) {
		vt_carriage_return(vt);
		vt_line_feed(vt);
	}
	if (vt->insert)
		vt_insert_cells(vt, 1);
	*cell(vt, vt->pen.x, vt->pen.y) = attribute(vt) << 8 | glyph;
	vt_touch(vt, vt->pen.y, vt->pen.y + 1);
	vt->wrap_pending = vt->pen.x == VT_COLUMNS - 1;
	vt->pen.x += !vt->wrap_pending;
}
