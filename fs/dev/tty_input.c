/*
 * The line discipline's way in: what a terminal does with the characters that are typed
 * (termios(3)). Reading them is in tty_read.c.
 *
 * Input goes into a ring. In canonical mode the line being typed is [line_head, head): it can be
 * edited, and becomes readable when a line end is entered (line_head moves up to head); a bit for
 * each position marks the characters that end a line, the end-of-file character among them, which
 * is stored but not given to the reader. A line too long for the ring loses its end, but never the
 * line end. In raw mode what is entered is readable at once. While the ring holds unread input and
 * is full, nothing more is taken.
 *
 * Everything here runs with the terminal's mutex held.
 */
#include <tine/async.h>
#include <tine/poll.h>
#include <tine/signal.h>
#include <tine/string.h>
#include <tine/tty.h>

static bool lflag(const struct tty *tty, unsigned int bit)
{
	return tty->termios.c_lflag & bit;
}

static bool iflag(const struct tty *tty, unsigned int bit)
{
	return tty->termios.c_iflag & bit;
}

static bool is_special(const struct tty *tty, unsigned char c, unsigned int which)
{
	return c != DISABLED_CHAR && c == tty->termios.c_cc[which];
}

static bool has_line(const struct tty *tty)
{
	return tty->head != tty->line_head;
}

/* The ring. */

bool n_tty_has_room(const struct tty *tty)
{
	return READ_ONCE(tty->head) - READ_ONCE(tty->tail) < TTY_BUFFER_SIZE - 1 ||
	       (n_tty_canonical(tty) && READ_ONCE(tty->line_head) == READ_ONCE(tty->tail));
}

static void set_line_end(struct tty *tty, u32 at, bool on)
{
	u8 *byte = &tty->line_ends[at % TTY_BUFFER_SIZE / 8], bit = 1u << (at % 8);

	*byte = on ? *byte | bit : *byte & ~bit;
}

/* In a full ring, which one unfinished line fills, the last character is replaced. */
static void put_char(struct tty *tty, unsigned char c, bool line_end)
{
	u32 at = tty->head - (tty->head - tty->tail == TTY_BUFFER_SIZE);

	tty->buffer[at % TTY_BUFFER_SIZE] = c;
	set_line_end(tty, at, line_end);
	WRITE_ONCE(tty->head, at + 1);
}

static void wake_readers(struct tty *tty)
{
	wake_up_poll(&tty->read_wait, POLLIN | POLLRDNORM);
	async_notify(&tty->async, ~0u, POLL_IN);
}

void n_tty_flush_input(struct tty *tty)
{
	tty->head = tty->line_head = tty->tail = 0;
	tty->literal_next = tty->erasing = false;
	pty_set_status(tty, 0, TIOCPKT_FLUSHREAD);
}

/* Editing of the line being typed. */

/* ECHOPRT shows what is erased between \ and /. */
static void finish_erasing(struct tty *tty)
{
	if (tty->erasing)
		tty_echo_raw(tty, '/');
	tty->erasing = false;
}

static u32 width_of(const struct tty *tty, unsigned char c)
{
	if (tty_is_control(c))
		return lflag(tty, ECHOCTL) ? 2 : 0;
	return !tty_is_continuation(tty, c);
}

/* The column at which the character at would stand. */
static u32 column_of(const struct tty *tty, u32 at)
{
	u32 column = tty->line_start_column;

	for (u32 i = tty->line_head; i != at; i++) {
		unsigned char c = n_tty_char(tty, i);

		column = c == '\t' ? (column | 7) + 1 : column + width_of(tty, c);
	}
	return column;
}

static void show_erased(struct tty *tty, u32 end)
{
	if (!tty->erasing)
		tty_echo_raw(tty, '\\');
	tty->erasing = true;
	for (u32 at = tty->head; at != end; at++)
		tty_echo(tty, n_tty_char(tty, at));
}

/* Echoes that what was [head, end) is gone. which: the special character that did it. */
static void echo_erasure(struct tty *tty, u32 end, unsigned int which)
{
	unsigned char c = n_tty_char(tty, tty->head);

	if (lflag(tty, ECHOPRT)) {
		show_erased(tty, end);
	} else if (which == VERASE && !lflag(tty, ECHOE)) {
		tty_echo(tty, tty->termios.c_cc[VERASE]);
	} else if (c == '\t') {
		for (u32 n = 8 - (column_of(tty, tty->head) & 7); n > 0; n--)
			tty_echo_raw(tty, '\b');
	} else {
		for (u32 n = width_of(tty, c); n > 0; n--)
			for (const char *text = "\b \b"; *text; text++)
				tty_echo_raw(tty, *text);
	}
}

/* Where the last character of the line begins; head, if that is not all there. */
static u32 last_char(const struct tty *tty)
{
	u32 at = tty->head;

	do
		at--;
	while (at != tty->line_head && tty_is_continuation(tty, n_tty_char(tty, at)));
	return tty_is_continuation(tty, n_tty_char(tty, at)) ? tty->head : at;
}

static bool is_word_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
	       (c >= 0xc0 && c != 0xd7 && c != 0xf7);
}

/* Takes off the last character, the last word or the whole line. */
static void erase(struct tty *tty, unsigned int which)
{
	bool seen = false;

	while (has_line(tty)) {
		u32 end = tty->head, at = last_char(tty);
		bool word = is_word_char(n_tty_char(tty, at));

		if (at == end || (which == VWERASE && seen && !word))
			break;
		seen |= word;
		tty->head = at;
		if (lflag(tty, ECHO))
			echo_erasure(tty, end, which);
		if (which == VERASE)
			break;
	}
	if (!has_line(tty) && lflag(tty, ECHO))
		finish_erasing(tty);
}

static void kill_line(struct tty *tty)
{
	bool erases = lflag(tty, ECHOK) && lflag(tty, ECHOKE) && lflag(tty, ECHOE);

	if (lflag(tty, ECHO) && erases) {
		erase(tty, VKILL);
		return;
	}
	tty->head = tty->line_head;
	if (!lflag(tty, ECHO))
		return;
	finish_erasing(tty);
	tty_echo(tty, tty->termios.c_cc[VKILL]);
	if (lflag(tty, ECHOK))
		tty_echo_raw(tty, '\n');
}

static void reprint_line(struct tty *tty)
{
	finish_erasing(tty);
	tty_echo(tty, tty->termios.c_cc[VREPRINT]);
	tty_echo_raw(tty, '\n');
	for (u32 i = tty->line_head; i != tty->head; i++)
		tty_echo(tty, n_tty_char(tty, i));
}

static void take_literally(struct tty *tty)
{
	tty->literal_next = true;
	if (!lflag(tty, ECHO))
		return;
	finish_erasing(tty);
	if (lflag(tty, ECHOCTL)) {
		tty_echo_raw(tty, '^');
		tty_echo_raw(tty, '\b');
	}
}

/* PARMRK marks errors with 0377, so that one which was typed is doubled. */
static void put_typed(struct tty *tty, unsigned char c, bool line_end)
{
	if (c == 0xff && iflag(tty, PARMRK))
		put_char(tty, c, false);
	put_char(tty, c, line_end);
}

static void finish_line(struct tty *tty, unsigned char stored)
{
	put_typed(tty, stored, true);
	WRITE_ONCE(tty->line_head, tty->head);
	wake_readers(tty);
}

static void echo_typed(struct tty *tty, unsigned char c)
{
	if (!has_line(tty))
		tty->line_start_column = tty->column;
	tty_echo(tty, c);
}

/* true: c was for editing or ended the line. */
static bool canonical_char(struct tty *tty, unsigned char c)
{
	bool extended = lflag(tty, IEXTEN);

	if (is_special(tty, c, VERASE)) {
		erase(tty, VERASE);
	} else if (is_special(tty, c, VKILL)) {
		if (has_line(tty))
			kill_line(tty);
	} else if (extended && is_special(tty, c, VWERASE)) {
		erase(tty, VWERASE);
	} else if (extended && is_special(tty, c, VLNEXT)) {
		take_literally(tty);
	} else if (extended && is_special(tty, c, VREPRINT) && lflag(tty, ECHO)) {
		reprint_line(tty);
	} else if (c == '\n') {
		if (lflag(tty, ECHO) || lflag(tty, ECHONL))
			tty_echo_raw(tty, '\n');
		finish_line(tty, '\n');
	} else if (is_special(tty, c, VEOF)) {
		finish_line(tty, DISABLED_CHAR);
	} else if (is_special(tty, c, VEOL) || (extended && is_special(tty, c, VEOL2))) {
		if (lflag(tty, ECHO))
			echo_typed(tty, c);
		finish_line(tty, c);
	} else {
		return false;
	}
	return true;
}

/* new_line: c is one that a carriage return became, and not shown as ^J. */
static void ordinary_char(struct tty *tty, unsigned char c, bool new_line)
{
	if (lflag(tty, ECHO)) {
		finish_erasing(tty);
		if (new_line)
			tty_echo_raw(tty, c);
		else
			echo_typed(tty, c);
	}
	put_typed(tty, c, false);
}

/* ^C, ^\ and ^Z: true if c is one of them. */
static bool signal_char(struct tty *tty, unsigned char c)
{
	static const struct {
		u8 which, sig;
	} signals[] = {{VINTR, SIGINT}, {VQUIT, SIGQUIT}, {VSUSP, SIGTSTP}};

	for (unsigned int i = 0; i < ARRAY_SIZE(signals); i++) {
		if (!is_special(tty, c, signals[i].which))
			continue;
		if (!lflag(tty, NOFLSH)) {
			ring_skip(&tty->echoes, ring_used(&tty->echoes));
			pty_set_status(tty, 0, TIOCPKT_FLUSHWRITE);
			n_tty_flush_input(tty);
		}
		if (iflag(tty, IXON))
			tty_start(tty);
		if (lflag(tty, ECHO))
			tty_echo(tty, c);
		tty_signal(tty, signals[i].sig);
		return true;
	}
	return false;
}

static void receive_char(struct tty *tty, unsigned char c)
{
	bool new_line = false;

	if (lflag(tty, EXTPROC)) {
		put_char(tty, c, false);
		return;
	}
	if (iflag(tty, ISTRIP))
		c &= 0x7f;
	if (iflag(tty, IUCLC) && lflag(tty, IEXTEN) && c >= 'A' && c <= 'Z')
		c |= 0x20;
	if (tty->literal_next) {
		tty->literal_next = false;
		ordinary_char(tty, c, false);
		return;
	}
	if (iflag(tty, IXON) && (is_special(tty, c, VSTART) || is_special(tty, c, VSTOP))) {
		if (is_special(tty, c, VSTART))
			tty_start(tty);
		else
			tty_stop(tty);
		return;
	}
	if (lflag(tty, ISIG) && signal_char(tty, c))
		return;
	if (iflag(tty, IXON) && iflag(tty, IXANY))
		tty_start(tty);
	if (c == '\r') {
		if (iflag(tty, IGNCR))
			return;
		new_line = iflag(tty, ICRNL);
		c = new_line ? '\n' : c;
	} else if (c == '\n' && iflag(tty, INLCR)) {
		c = '\r';
	}
	if (!lflag(tty, ICANON) || !canonical_char(tty, c))
		ordinary_char(tty, c, new_line);
}

size_t n_tty_receive(struct tty *tty, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n && n_tty_has_room(tty); i++)
		receive_char(tty, bytes[i]);
	if (!n_tty_canonical(tty) && n_tty_available(tty))
		wake_readers(tty);
	return i;
}

/* What was typed under the other rule becomes one line, or bytes to be read. */
static void switch_mode(struct tty *tty)
{
	memset(tty->line_ends, 0, sizeof(tty->line_ends));
	tty->erasing = tty->literal_next = false;
	tty->line_head = tty->tail;
	if (lflag(tty, ICANON) && tty->head != tty->tail) {
		set_line_end(tty, tty->head - 1, true);
		tty->line_head = tty->head;
	}
}

void n_tty_set_termios(struct tty *tty, const struct kernel_termios2 *new)
{
	struct kernel_termios2 old = tty->termios;

	tty->termios = *new;
	if ((old.c_lflag ^ new->c_lflag) & (ICANON | EXTPROC))
		switch_mode(tty);
	if (!iflag(tty, IXON) && (old.c_iflag & IXON))
		tty_start(tty);
	tty_pump(tty);
	wake_up_all(&tty->write_wait);
	wake_up_all(&tty->read_wait);
}
