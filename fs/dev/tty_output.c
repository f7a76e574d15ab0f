/*
 * The line discipline's way out: output processing and echo (termios(3), OPOST and ECHO).
 *
 * A character becomes up to eight bytes (newline to carriage return and newline, a tab to spaces);
 * the column is kept, so that erasing a tab or a control character takes the right number of
 * columns back. A program's output is taken only as far as the driver has room. Echo cannot wait
 * for a reader of the other end, or for ^Q: what cannot be shown now is kept and shown before
 * anything else; what is more than the ring holds is lost.
 *
 * Everything here runs with the terminal's mutex held.
 */
#include <tine/tty.h>

#define LONGEST 8u /* bytes that one character can become */

bool tty_is_continuation(const struct tty *tty, unsigned char c)
{
	return (tty->termios.c_iflag & IUTF8) && (c & 0xc0) == 0x80;
}

static size_t newline(struct tty *tty, char *out)
{
	unsigned int oflag = tty->termios.c_oflag;

	if (oflag & (ONLRET | ONLCR))
		tty->column = 0;
	tty->line_start_column = tty->column;
	if (oflag & ONLCR)
		*out++ = '\r';
	*out = '\n';
	return oflag & ONLCR ? 2 : 1;
}

static size_t carriage_return(struct tty *tty, char *out)
{
	unsigned int oflag = tty->termios.c_oflag;

	if ((oflag & ONOCR) && tty->column == 0)
		return 0;
	*out = oflag & OCRNL ? '\n' : '\r';
	if (!(oflag & OCRNL) || (oflag & ONLRET))
		tty->line_start_column = tty->column = 0;
	return 1;
}

static size_t tab(struct tty *tty, char *out)
{
	size_t n = 8 - (tty->column & 7);

	tty->column += n;
	if ((tty->termios.c_oflag & XTABS) != XTABS) {
		*out = '\t';
		return 1;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = ' ';
	return n;
}

/* What c becomes, in out; how many bytes that is. */
static size_t process(struct tty *tty, unsigned char c, char *out)
{
	unsigned int oflag = tty->termios.c_oflag;

	*out = c;
	if (!(oflag & OPOST))
		return 1;
	switch (c) {
	case '\n':
		return newline(tty, out);
	case '\r':
		return carriage_return(tty, out);
	case '\t':
		return tab(tty, out);
	case '\b':
		tty->column -= tty->column > 0;
		return 1;
	}
	if (tty_is_control(c))
		return 1;
	if ((oflag & OLCUC) && c >= 'a' && c <= 'z')
		*out = c - 'a' + 'A';
	tty->column += !tty_is_continuation(tty, c);
	return 1;
}

static size_t driver_room(const struct tty *tty)
{
	return tty->driver->room ? tty->driver->room(tty) : ~0ul;
}

bool tty_can_output(const struct tty *tty)
{
	return !READ_ONCE(tty->stopped) && !ring_used(&tty->echoes) && driver_room(tty) >= LONGEST;
}

void tty_flush_echo(struct tty *tty)
{
	char bytes[64];
	size_t n, done;

	do {
		n = tty->stopped ? 0 : ring_peek(&tty->echoes, bytes, sizeof(bytes));
		done = n ? tty->driver->write(tty, bytes, n) : 0;
		ring_skip(&tty->echoes, done);
	} while (done == sizeof(bytes));
}

size_t tty_output(struct tty *tty, const char *bytes, size_t n)
{
	char out[128 + LONGEST];
	size_t used = 0, room, i;

	tty_flush_echo(tty);
	if (!tty_can_output(tty))
		return 0;
	room = MIN(driver_room(tty), sizeof(out)) - LONGEST;
	for (i = 0; i < n && used <= room; i++)
		used += process(tty, bytes[i], out + used);
	tty->driver->write(tty, out, used);
	return i;
}

static void show(struct tty *tty, const char *bytes, size_t n)
{
	size_t done = 0;

	if (!tty->stopped && !ring_used(&tty->echoes))
		done = tty->driver->write(tty, bytes, n);
	ring_put(&tty->echoes, bytes + done, n - done);
}

void tty_echo_raw(struct tty *tty, unsigned char c)
{
	char out[LONGEST];

	show(tty, out, process(tty, c, out));
}

void tty_echo(struct tty *tty, unsigned char c)
{
	char shown[2] = {'^', c ^ 0x40};

	if (!tty_is_control(c) || c == '\t' || !(tty->termios.c_lflag & ECHOCTL)) {
		tty_echo_raw(tty, c);
		return;
	}
	tty->column += 2;
	show(tty, shown, 2);
}

void tty_stop(struct tty *tty)
{
	if (tty->stopped)
		return;
	WRITE_ONCE(tty->stopped, true);
	pty_set_status(tty, TIOCPKT_START, TIOCPKT_STOP);
}

void tty_start(struct tty *tty)
{
	if (!tty->stopped || tty->held)
		return;
	WRITE_ONCE(tty->stopped, false);
	pty_set_status(tty, TIOCPKT_STOP, TIOCPKT_START);
	tty_flush_echo(tty);
	wake_up_all(&tty->write_wait);
}
