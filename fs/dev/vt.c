/*
 * The screen as a terminal: console_codes(4), which is a VT102 with colours, as TERM=linux has it.
 *
 * Bytes are text or belong to a control sequence; `state` says which. Text is UTF-8 unless ESC % @
 * has said otherwise; a character becomes the glyph of code page 437 that looks like it, or a
 * question mark. After ^N it is bytes in the character set G1, where line drawing is, and after
 * ESC [ 11 m glyphs as they are.
 *
 * Cells are kept in memory in VGA's format; the caller shows the rows that have changed.
 */
#include <tine/string.h>
#include <tine/vt.h>

enum { VT_SET_LATIN1, VT_SET_GRAPHICS, VT_SET_CP437 };
enum {
	TEXT,
	ESCAPE,
	CSI,
	CSI_PRIVATE,
	CSI_IGNORED,
	SET_G0,
	SET_G1,
	SELECT,
	ALIGN,
	STRING,
	OSC,
	PALETTE
};

#define ESC         27
#define GREY        7
#define REPLACEMENT 0xfffdu
/* Control characters that act even where glyphs are shown: NUL BS LF FF CR SO SI ESC. */
#define ALWAYS_ACT 0x0800f501u

static u8 glyph_of_byte(const struct vt *vt, u8 byte)
{
	switch (vt->parser.raw_glyphs ? VT_SET_CP437 : vt->pen.sets[vt->pen.shifted]) {
	case VT_SET_CP437:
		return byte;
	case VT_SET_GRAPHICS:
		return vt_graphic(byte);
	}
	return vt_glyph_of(byte);
}

static void put_code(struct vt *vt, u32 code)
{
	vt_put_glyph(vt, vt_glyph_of(code));
	if (vt_is_wide(code))
		vt_put_glyph(vt, ' ');
}

static void reply(struct vt *vt, const char *text)
{
	while (*text && vt->reply_length < sizeof(vt->reply))
		vt->reply[vt->reply_length++] = *text++;
}

static void reply_number(struct vt *vt, unsigned int n)
{
	char digits[4] = {'0' + n / 10, '0' + n % 10, 0};

	reply(vt, n < 10 ? digits + 1 : digits);
}

static void reset_pen(struct vt_pen *pen)
{
	pen->foreground = GREY;
	pen->background = 0;
	pen->style = 0;
}

static void reset(struct vt *vt)
{
	reset_pen(&vt->pen);
	vt->pen.sets[0] = VT_SET_LATIN1;
	vt->pen.sets[1] = VT_SET_GRAPHICS;
	vt->pen.shifted = false;
	vt->top = 0;
	vt->bottom = VT_ROWS;
	vt->insert = vt->new_line = vt->reversed = vt->origin = false;
	vt->application_cursor = vt->application_keypad = false;
	vt->wraps = vt->cursor_visible = vt->utf8 = true;
	memset(vt->tab_stops, 1, sizeof(vt->tab_stops));
	vt_move_to(vt, 0, 0);
	vt->saved = vt->pen;
	memset(&vt->parser, 0, sizeof(vt->parser));
	vt_erase(vt, 0, 0, VT_ROWS * VT_COLUMNS);
}

void vt_init(struct vt *vt)
{
	memset(vt, 0, sizeof(*vt));
	reset(vt);
}

/* Sequences that begin with ESC [. */

/* The ith parameter; missing or 0: other. */
static unsigned int parameter(const struct vt *vt, unsigned int i, unsigned int other)
{
	return i < vt->parser.parameter_count && vt->parser.parameters[i] ? vt->parser.parameters[i]
									  : other;
}

static u8 colour(unsigned int ansi)
{
	return (ansi & 2) | (ansi & 1) << 2 | (ansi & 4) >> 2;
}

/* The ANSI colour nearest to red, green and blue of at most 255; from 8 on the bright ones. */
static unsigned int nearest(unsigned int r, unsigned int g, unsigned int b)
{
	unsigned int high = MAX(MAX(r, g), b), half = high / 2;

	return (r > half) | (g > half) << 1 | (b > half) << 2 | (high > 170) << 3;
}

/* One of 256: ANSI's, then a cube of six levels of red, green and blue, then greys. */
static unsigned int of_256(unsigned int n)
{
	unsigned int cube = n - 16, grey = (n - 232) * 10 + 8;

	if (n < 16)
		return n;
	if (n >= 232)
		return nearest(grey, grey, grey);
	return nearest(cube / 36 * 51, cube / 6 % 6 * 51, cube % 6 * 51);
}

static void set_foreground(struct vt *vt, unsigned int ansi)
{
	vt->pen.foreground = colour(ansi & 7);
	vt->pen.style |= ansi & 8 ? VT_BOLD : 0;
}

/* 38 and 48: 5;N of 256 colours, or 2;R;G;B; the nearest there is. Parameters used. */
static unsigned int other_colour(struct vt *vt, unsigned int i, bool background)
{
	const unsigned int *p = &vt->parser.parameters[i];
	unsigned int left = vt->parser.parameter_count - i, ansi;

	if (left >= 3 && p[1] == 5)
		ansi = of_256(p[2]);
	else if (left >= 5 && p[1] == 2)
		ansi = nearest(p[2], p[3], p[4]);
	else
		return MIN(left, 2u);
	if (background)
		vt->pen.background = colour(ansi & 7);
	else
		set_foreground(vt, ansi);
	return p[1] == 5 ? 3 : 5;
}

/* One parameter of ESC [ m. */
static void set_attribute(struct vt *vt, unsigned int n)
{
	static const struct {
		u8 clear, set;
	} styles[] = {
		[1] = {VT_HALF, VT_BOLD}, [2] = {VT_BOLD, VT_HALF},      [3] = {0, VT_ITALIC},
		[4] = {0, VT_UNDERLINE},  [5] = {0, VT_BLINK},           [7] = {0, VT_REVERSE},
		[21] = {0, VT_UNDERLINE}, [22] = {VT_BOLD | VT_HALF, 0}, [23] = {VT_ITALIC, 0},
		[24] = {VT_UNDERLINE, 0}, [25] = {VT_BLINK, 0},          [27] = {VT_REVERSE, 0},
	};

	if (n == 0)
		reset_pen(&vt->pen);
	else if (n >= 10 && n <= 12)
		vt->parser.raw_glyphs = n != 10;
	else if (n < ARRAY_SIZE(styles))
		vt->pen.style = (vt->pen.style & ~styles[n].clear) | styles[n].set;
	else if ((n >= 30 && n <= 37) || (n >= 90 && n <= 97))
		set_foreground(vt, n % 10 + (n >= 90 ? 8 : 0));
	else if ((n >= 40 && n <= 47) || (n >= 100 && n <= 107))
		vt->pen.background = colour(n % 10);
	else if (n == 39)
		vt->pen.foreground = GREY;
	else if (n == 49)
		vt->pen.background = 0;
}

static void set_attributes(struct vt *vt)
{
	for (unsigned int i = 0; i < vt->parser.parameter_count;) {
		unsigned int n = vt->parser.parameters[i];

		if (n == 38 || n == 48) {
			i += other_colour(vt, i, n == 48);
		} else {
			set_attribute(vt, n);
			i++;
		}
	}
}

static void set_mode(struct vt *vt, bool private, unsigned int mode, bool on)
{
	if (!private && mode == 4) {
		vt->insert = on;
	} else if (!private && mode == 20) {
		vt->new_line = on;
	} else if (private && mode == 1) {
		vt->application_cursor = on;
	} else if (private && mode == 5 && vt->reversed != on) {
		vt->reversed = on;
		for (unsigned int i = 0; i < VT_ROWS * VT_COLUMNS; i++)
			vt->cells[i] = (vt->cells[i] & 0x88ff) | (vt->cells[i] & 0x0700) << 4 |
				       (vt->cells[i] & 0x7000) >> 4;
		vt_touch(vt, 0, VT_ROWS);
	} else if (private && mode == 6) {
		vt->origin = on;
		vt_move_to_address(vt, 0, 0);
	} else if (private && mode == 7) {
		vt->wraps = on;
	} else if (private && mode == 25) {
		vt->cursor_visible = on;
	}
}

static void erase_display(struct vt *vt, unsigned int what)
{
	unsigned int at = vt->pen.y * VT_COLUMNS + vt->pen.x;

	if (what == 0)
		vt_erase(vt, vt->pen.x, vt->pen.y, VT_ROWS * VT_COLUMNS - at);
	else if (what == 1)
		vt_erase(vt, 0, 0, at + 1);
	else if (what <= 3)
		vt_erase(vt, 0, 0, VT_ROWS * VT_COLUMNS);
	vt->wrap_pending = false;
}

static void erase_line(struct vt *vt, unsigned int what)
{
	if (what == 0)
		vt_erase(vt, vt->pen.x, vt->pen.y, VT_COLUMNS - vt->pen.x);
	else if (what == 1)
		vt_erase(vt, 0, vt->pen.y, vt->pen.x + 1);
	else if (what == 2)
		vt_erase(vt, 0, vt->pen.y, VT_COLUMNS);
	vt->wrap_pending = false;
}

static void set_region(struct vt *vt)
{
	unsigned int top = parameter(vt, 0, 1), bottom = parameter(vt, 1, VT_ROWS);

	if (top >= bottom || bottom > VT_ROWS)
		return;
	vt->top = top - 1;
	vt->bottom = bottom;
	vt_move_to_address(vt, 0, 0);
}

static void clear_tabs(struct vt *vt, unsigned int what)
{
	if (what == 0)
		vt->tab_stops[vt->pen.x / 8] &= ~(1u << vt->pen.x % 8);
	else if (what == 3 || what == 5)
		memset(vt->tab_stops, 0, sizeof(vt->tab_stops));
}

static void report(struct vt *vt, unsigned int what)
{
	if (what == 5)
		reply(vt, "\033[0n");
	if (what != 6)
		return;
	reply(vt, "\033[");
	reply_number(vt, vt->pen.y + 1 - (vt->origin ? vt->top : 0));
	reply(vt, ";");
	reply_number(vt, vt->pen.x + 1);
	reply(vt, "R");
}

static void save_pen(struct vt *vt)
{
	vt->saved = vt->pen;
}

static void restore_pen(struct vt *vt)
{
	vt->pen = vt->saved;
	vt->wrap_pending = false;
}

/* Those that move the cursor; false: c is another. */
static bool move_cursor(struct vt *vt, char c)
{
	static const struct {
		char final;
		s8 dx, dy;
		bool to_first_column;
	} steps[] = {
		{'A', 0, -1, false}, {'B', 0, 1, false}, {'C', 1, 0, false}, {'D', -1, 0, false},
		{'E', 0, 1, true},   {'F', 0, -1, true}, {'a', 1, 0, false}, {'e', 0, 1, false},
	};
	int n = MIN(parameter(vt, 0, 1), 1000u), x = vt->pen.x, y = vt->pen.y;

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++) {
		if (steps[i].final != c)
			continue;
		vt_move_to(vt, steps[i].to_first_column ? 0 : x + steps[i].dx * n,
			   y + steps[i].dy * n);
		return true;
	}
	if (c == 'G' || c == '`')
		vt_move_to(vt, n - 1, y);
	else if (c == 'd')
		vt_move_to_address(vt, x, n - 1);
	else if (c == 'H' || c == 'f')
		vt_move_to_address(vt, MIN(parameter(vt, 1, 1), 1000u) - 1, n - 1);
	else
		return false;
	return true;
}

/* Those that shift what is there. */
static void shift_cells(struct vt *vt, char c, unsigned int n)
{
	bool inside = vt->pen.y >= vt->top && vt->pen.y < vt->bottom;

	switch (c) {
	case '@':
		vt_insert_cells(vt, n);
		break;
	case 'P':
		vt_delete_cells(vt, n);
		break;
	case 'X':
		vt_erase(vt, vt->pen.x, vt->pen.y, MIN(n, VT_COLUMNS - vt->pen.x));
		break;
	case 'L':
		if (inside)
			vt_scroll_down(vt, vt->pen.y, vt->bottom, n);
		break;
	case 'M':
		if (inside)
			vt_scroll_up(vt, vt->pen.y, vt->bottom, n);
		break;
	}
	vt->wrap_pending = false;
}

static void finish_csi(struct vt *vt, char c)
{
	bool private = vt->parser.state == CSI_PRIVATE;

	vt->parser.state = TEXT;
	if (c == 'h' || c == 'l') {
		for (unsigned int i = 0; i < vt->parser.parameter_count; i++)
			set_mode(vt, private, vt->parser.parameters[i], c == 'h');
		return;
	}
	if (private || move_cursor(vt, c))
		return;
	switch (c) {
	case 'J':
		erase_display(vt, vt->parser.parameters[0]);
		break;
	case 'K':
		erase_line(vt, vt->parser.parameters[0]);
		break;
	case '@':
	case 'L':
	case 'M':
	case 'P':
	case 'X':
		shift_cells(vt, c, parameter(vt, 0, 1));
		break;
	case 'c':
		if (vt->parser.parameters[0] == 0)
			reply(vt, "\033[?6c");
		break;
	case 'g':
		clear_tabs(vt, vt->parser.parameters[0]);
		break;
	case 'm':
		set_attributes(vt);
		break;
	case 'n':
		report(vt, vt->parser.parameters[0]);
		break;
	case 'r':
		set_region(vt);
		break;
	case 's':
		save_pen(vt);
		break;
	case 'u':
		restore_pen(vt);
		break;
	}
}

static void csi_byte(struct vt *vt, u8 c)
{
	unsigned int *last = &vt->parser.parameters[vt->parser.parameter_count - 1];

	if (c >= '0' && c <= '9') {
		*last = MIN(*last * 10 + c - '0', 65535u);
	} else if (c == ';' || c == ':') {
		vt->parser.parameter_count = MIN(vt->parser.parameter_count + 1, VT_PARAMETERS);
	} else if (c >= '<' && c <= '?') {
		vt->parser.state = c == '?' ? CSI_PRIVATE : CSI_IGNORED;
	} else if (c >= ' ' && c <= '/') {
		vt->parser.state = CSI_IGNORED;
	} else if (vt->parser.state == CSI_IGNORED) {
		vt->parser.state = TEXT;
	} else {
		finish_csi(vt, c);
	}
}

/* The byte after ESC. */
static void escape_byte(struct vt *vt, u8 c)
{
	static const struct {
		char byte;
		u8 state;
	} longer[] = {
		{'[', CSI},    {']', OSC},    {'P', STRING}, {'X', STRING}, {'^', STRING},
		{'_', STRING}, {'(', SET_G0}, {')', SET_G1}, {'%', SELECT}, {'#', ALIGN},
	};

	vt->parser.state = TEXT;
	for (unsigned int i = 0; i < ARRAY_SIZE(longer); i++)
		if (longer[i].byte == c)
			vt->parser.state = longer[i].state;
	memset(vt->parser.parameters, 0, sizeof(vt->parser.parameters));
	vt->parser.parameter_count = vt->parser.state == CSI;
	switch (c) {
	case 'D':
		vt_line_feed(vt);
		break;
	case 'E':
		vt_carriage_return(vt);
		vt_line_feed(vt);
		break;
	case 'M':
		vt_reverse_line_feed(vt);
		break;
	case 'H':
		vt->tab_stops[vt->pen.x / 8] |= 1u << vt->pen.x % 8;
		break;
	case 'Z':
		reply(vt, "\033[?6c");
		break;
	case '7':
		save_pen(vt);
		break;
	case '8':
		restore_pen(vt);
		break;
	case '=':
	case '>':
		vt->application_keypad = c == '=';
		break;
	case 'c':
		reset(vt);
		break;
	}
}

/* ESC # 8: a screen full of E. */
static void align(struct vt *vt)
{
	for (unsigned int i = 0; i < VT_ROWS * VT_COLUMNS; i++)
		vt->cells[i] = (vt_blank(vt) & 0xff00) | 'E';
	vt_touch(vt, 0, VT_ROWS);
}

/* ESC ] P and seven digits is a colour of the palette; other strings (a window's title) end by BEL. */
static void osc_byte(struct vt *vt, u8 c)
{
	if (vt->parser.state == PALETTE)
		vt->parser.state = ++vt->parser.parameter_count == 7 ? TEXT : PALETTE;
	else if (vt->parser.parameter_count++ == 0 && (c == 'P' || c == 'R'))
		vt->parser.state = c == 'P' ? PALETTE : TEXT;
	if (vt->parser.state == PALETTE && c == 'P' && vt->parser.parameter_count == 1)
		vt->parser.parameter_count = 0;
}

static void designate(struct vt *vt, unsigned int set, u8 c)
{
	vt->parser.state = TEXT;
	if (c == 'B' || c == '0' || c == 'U')
		vt->pen.sets[set] = c == 'B'   ? VT_SET_LATIN1
				    : c == '0' ? VT_SET_GRAPHICS
					       : VT_SET_CP437;
}

static void sequence_byte(struct vt *vt, u8 c)
{
	switch (vt->parser.state) {
	case ESCAPE:
		escape_byte(vt, c);
		break;
	case CSI:
	case CSI_PRIVATE:
	case CSI_IGNORED:
		csi_byte(vt, c);
		break;
	case SET_G0:
	case SET_G1:
		designate(vt, vt->parser.state == SET_G1, c);
		break;
	case SELECT:
		vt->parser.state = TEXT;
		if (c == '@' || c == 'G' || c == '8')
			vt->utf8 = c != '@';
		break;
	case ALIGN:
		vt->parser.state = TEXT;
		if (c == '8')
			align(vt);
		break;
	case OSC:
	case PALETTE:
		osc_byte(vt, c);
		break;
	}
}

/* Control characters act wherever they come, within sequences too. */
static void control(struct vt *vt, u8 c)
{
	switch (c) {
	case '\a':
		if (vt->parser.state == OSC)
			vt->parser.state = TEXT;
		break;
	case '\b':
		vt->pen.x -= vt->pen.x > 0 && !vt->wrap_pending;
		vt->wrap_pending = false;
		break;
	case '\t':
		vt_tab(vt);
		break;
	case '\n':
	case '\v':
	case '\f':
		vt_line_feed(vt);
		if (vt->new_line)
			vt_carriage_return(vt);
		break;
	case '\r':
		vt_carriage_return(vt);
		break;
	case 14:
	case 15:
		vt->pen.shifted = c == 14;
		break;
	case 24:
	case 26:
		vt->parser.state = TEXT;
		break;
	case ESC:
		vt->parser.state = ESCAPE;
		break;
	}
}

/* The next byte of UTF-8; what is no character becomes the replacement character. */
static void utf8_byte(struct vt *vt, u8 c)
{
	static const u32 lowest[] = {0, 0x80, 0x800, 0x10000};

	if (vt->parser.code_left > 0 && (c & 0xc0) == 0x80) {
		vt->parser.code = vt->parser.code << 6 | (c & 0x3f);
		if (--vt->parser.code_left > 0)
			return;
		if (vt->parser.code < vt->parser.lowest || vt->parser.code > 0x10ffff ||
		    (vt->parser.code >= 0xd800 && vt->parser.code <= 0xdfff))
			vt->parser.code = REPLACEMENT;
		put_code(vt, vt->parser.code);
		return;
	}
	if (vt->parser.code_left > 0)
		put_code(vt, REPLACEMENT);
	vt->parser.code_left = c >= 0xf8 ? 0 : c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
	vt->parser.lowest = lowest[vt->parser.code_left];
	vt->parser.code = c & (0x3f >> vt->parser.code_left);
	if (vt->parser.code_left == 0)
		put_code(vt, c < 0x80 ? c : REPLACEMENT);
}

static void put_byte(struct vt *vt, u8 c)
{
	bool bytes = vt->parser.raw_glyphs || vt->pen.shifted;

	if (c < ' ' && (!bytes || vt->parser.state != TEXT || (ALWAYS_ACT & (1u << c)))) {
		if (vt->parser.code_left > 0)
			put_code(vt, REPLACEMENT);
		vt->parser.code_left = 0;
		control(vt, c);
	} else if (vt->parser.state != TEXT) {
		sequence_byte(vt, c);
	} else if (c == 127 && !bytes) {
		return;
	} else if (vt->utf8 && !bytes) {
		utf8_byte(vt, c);
	} else {
		vt_put_glyph(vt, glyph_of_byte(vt, c));
	}
}

void vt_write(struct vt *vt, const char *bytes, size_t n)
{
	while (n-- > 0)
		put_byte(vt, *bytes++);
}

/* What a character means is for the message as after a reset, and afterwards what it was. */
void vt_write_message(struct vt *vt, const char *text, size_t n)
{
	struct vt_parser parser = vt->parser;
	bool shifted = vt->pen.shifted;

	memset(&vt->parser, 0, sizeof(vt->parser));
	vt->pen.shifted = false;
	vt_write(vt, text, n);
	vt->parser = parser;
	vt->pen.shifted = shifted;
}
