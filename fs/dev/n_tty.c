/*
 * The line discipline: what a terminal does with the characters that pass through it (termios(3)).
 *
 * Input goes into a ring. In canonical mode the line being typed is [line_head, head): it can be
 * edited, and becomes readable when a line end is entered (line_head moves up to head); a bit for
 * each position marks the characters that end a line, the end-of-file character among them, which
 * is stored but not given to the reader. In raw mode what is entered is readable at once. Switching
 * modes makes what has been typed readable, as on Linux.
 *
 * Output is processed character by character (newline to carriage return and newline, tabs); the
 * column is kept, so that erasing a tab or a control character takes the right number of columns
 * back. Runs of plain characters are written at once.
 *
 * Everything here runs with the terminal's mutex held.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/iov_iter.h>
#include <tine/poll.h>
#include <tine/sched.h>
#include <tine/signal.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/tty.h>

/* A special character that is switched off; in the ring, what stands for end-of-file. */
#define DISABLED '\0'

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
	return c != DISABLED && c == tty->termios.c_cc[which];
}

static bool is_control(unsigned char c)
{
	return c < 32 || c == 127;
}

/* Of a UTF-8 sequence, not its first byte: takes no column. */
static bool is_continuation(const struct tty *tty, unsigned char c)
{
	return iflag(tty, IUTF8) && (c & 0xc0) == 0x80;
}

/* Output. */

static void emit(struct tty *tty, const char *bytes, size_t n)
{
	if (n)
		tty->output(bytes, n);
}

static void output_special(struct tty *tty, unsigned char c)
{
	static const char spaces[] = "        ";
	unsigned int oflag = tty->termios.c_oflag;

	switch (c) {
	case '\n':
		if (oflag & ONLRET)
			tty->column = 0;
		if (oflag & ONLCR) {
			tty->column = 0;
			emit(tty, "\r\n", 2);
			return;
		}
		break;
	case '\r':
		if ((oflag & ONOCR) && tty->column == 0)
			return;
		if (oflag & OCRNL) {
			c = '\n';
			if (oflag & ONLRET)
				tty->column = 0;
			break;
		}
		tty->column = 0;
		break;
	case '\t':
		if ((oflag & XTABS) == XTABS) {
			emit(tty, spaces, 8 - (tty->column & 7));
			tty->column = (tty->column | 7) + 1;
			return;
		}
		tty->column = (tty->column | 7) + 1;
		break;
	case '\b':
		if (tty->column)
			tty->column--;
		break;
	}
	emit(tty, (char *)&c, 1);
}

void tty_write_processed(struct tty *tty, const char *bytes, size_t n)
{
	size_t plain = 0;

	if (!(tty->termios.c_oflag & OPOST)) {
		emit(tty, bytes, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned char c = bytes[i];

		if (!is_control(c)) {
			if (!is_continuation(tty, c))
				tty->column++;
			continue;
		}
		emit(tty, bytes + plain, i - plain);
		output_special(tty, c);
		plain = i + 1;
	}
	emit(tty, bytes + plain, n - plain);
}

/* Echo. */

static void echo_text(struct tty *tty, const char *text, size_t n)
{
	tty_write_processed(tty, text, n);
}

/* Control characters show as ^X, but for tab and newline. */
static void echo(struct tty *tty, unsigned char c)
{
	char shown[2] = {'^', c ^ 0x40};

	if (is_control(c) && c != '\t' && c != '\n' && lflag(tty, ECHOCTL))
		echo_text(tty, shown, 2);
	else
		echo_text(tty, (char *)&c, 1);
}

/* The ring. */

static void set_line_end(struct tty *tty, u32 at, bool on)
{
	u8 *byte = &tty->line_ends[at % TTY_BUFFER_SIZE / 8], bit = 1u << (at % 8);

	*byte = on ? *byte | bit : *byte & ~bit;
}

static bool is_line_end(const struct tty *tty, u32 at)
{
	return tty->line_ends[at % TTY_BUFFER_SIZE / 8] & (1u << (at % 8));
}

static unsigned char char_at(const struct tty *tty, u32 at)
{
	return tty->buffer[at % TTY_BUFFER_SIZE];
}

/*
 * In canonical mode there is always room: what does not fit is dropped, but for the end of the
 * line.
 */
bool n_tty_has_room(const struct tty *tty)
{
	return lflag(tty, ICANON) || tty->head - tty->tail < TTY_BUFFER_SIZE;
}

static bool put_char(struct tty *tty, unsigned char c, bool line_end)
{
	u32 reserved = lflag(tty, ICANON) && !line_end ? 1 : 0;

	if (tty->head - tty->tail >= TTY_BUFFER_SIZE - reserved)
		return false;
	tty->buffer[tty->head % TTY_BUFFER_SIZE] = c;
	set_line_end(tty, tty->head, line_end);
	tty->head++;
	return true;
}

static void wake_readers(struct tty *tty)
{
	wake_up_poll(&tty->read_wait, POLLIN | POLLRDNORM);
}

u32 n_tty_readable(const struct tty *tty)
{
	u32 n = (lflag(tty, ICANON) ? tty->line_head : tty->head) - tty->tail;

	if (lflag(tty, ICANON) || tty->termios.c_cc[VTIME] || !tty->termios.c_cc[VMIN])
		return n;
	return n >= tty->termios.c_cc[VMIN] ? n : 0;
}

void n_tty_flush_input(struct tty *tty)
{
	tty->head = tty->line_head = tty->tail = 0;
	tty->literal_next = false;
}

/* Editing of the line being typed. */

/* The column at which the character at would stand, counted from where the line began. */
static u32 column_of(const struct tty *tty, u32 at)
{
	u32 column = tty->line_start_column;

	for (u32 i = tty->line_head; i != at; i++) {
		unsigned char c = char_at(tty, i);

		if (c == '\t')
			column = (column | 7) + 1;
		else if (is_control(c))
			column += lflag(tty, ECHOCTL) ? 2 : 0;
		else if (!is_continuation(tty, c))
			column++;
	}
	return column;
}

/* Takes the last character off the line. */
static void erase_char(struct tty *tty)
{
	u32 columns;

	do
		tty->head--;
	while (tty->head != tty->line_head && is_continuation(tty, char_at(tty, tty->head)));
	if (!lflag(tty, ECHO))
		return;
	if (!lflag(tty, ECHOE)) {
		echo(tty, tty->termios.c_cc[VERASE]);
		return;
	}
	columns = tty->column - MIN(tty->column, column_of(tty, tty->head));
	if (char_at(tty, tty->head) == '\t') {
		while (columns--)
			echo_text(tty, "\b", 1);
		return;
	}
	while (columns--)
		echo_text(tty, "\b \b", 3);
}

static bool is_word_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
	       c >= 128;
}

static void erase_word(struct tty *tty)
{
	bool seen = false;

	while (tty->head != tty->line_head) {
		bool word = is_word_char(char_at(tty, tty->head - 1));

		if (seen && !word)
			break;
		seen |= word;
		erase_char(tty);
	}
}

static void kill_line(struct tty *tty)
{
	if (lflag(tty, ECHO) && !(lflag(tty, ECHOK) && lflag(tty, ECHOKE) && lflag(tty, ECHOE))) {
		tty->head = tty->line_head;
		echo(tty, tty->termios.c_cc[VKILL]);
		if (lflag(tty, ECHOK))
			echo_text(tty, "\n", 1);
		return;
	}
	while (tty->head != tty->line_head)
		erase_char(tty);
}

static void reprint_line(struct tty *tty)
{
	echo(tty, tty->termios.c_cc[VREPRINT]);
	echo_text(tty, "\n", 1);
	tty->line_start_column = 0;
	for (u32 i = tty->line_head; i != tty->head; i++)
		echo(tty, char_at(tty, i));
}

static void finish_line(struct tty *tty, unsigned char stored)
{
	if (!put_char(tty, stored, true))
		return;
	tty->line_head = tty->head;
	tty->line_start_column = tty->column;
	wake_readers(tty);
}

/* true: c was for editing or ended the line. */
static bool canonical_char(struct tty *tty, unsigned char c)
{
	bool extended = lflag(tty, IEXTEN), has_line = tty->head != tty->line_head;

	if (is_special(tty, c, VERASE)) {
		if (has_line)
			erase_char(tty);
	} else if (is_special(tty, c, VKILL)) {
		kill_line(tty);
	} else if (extended && is_special(tty, c, VWERASE)) {
		erase_word(tty);
	} else if (extended && is_special(tty, c, VREPRINT) && lflag(tty, ECHO)) {
		reprint_line(tty);
	} else if (extended && is_special(tty, c, VLNEXT)) {
		tty->literal_next = true;
		if (lflag(tty, ECHO) && lflag(tty, ECHOCTL))
			echo_text(tty, "^\b", 2);
	} else if (c == '\n') {
		if (lflag(tty, ECHO) || lflag(tty, ECHONL))
			echo_text(tty, "\n", 1);
		finish_line(tty, '\n');
	} else if (is_special(tty, c, VEOF)) {
		finish_line(tty, DISABLED);
	} else if (is_special(tty, c, VEOL) || (extended && is_special(tty, c, VEOL2))) {
		if (lflag(tty, ECHO))
			echo(tty, c);
		finish_line(tty, c);
	} else {
		return false;
	}
	return true;
}

static void ordinary_char(struct tty *tty, unsigned char c)
{
	if (tty->head == tty->line_head)
		tty->line_start_column = tty->column;
	if (!put_char(tty, c, false)) {
		if (iflag(tty, IMAXBEL))
			emit(tty, "\a", 1);
		return;
	}
	if (lflag(tty, ECHO))
		echo(tty, c);
	if (!lflag(tty, ICANON)) {
		tty->line_head = tty->head;
		if (n_tty_readable(tty))
			wake_readers(tty);
	}
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
		if (!lflag(tty, NOFLSH))
			n_tty_flush_input(tty);
		if (tty->stopped) {
			WRITE_ONCE(tty->stopped, false);
			wake_up_all(&tty->write_wait);
		}
		if (lflag(tty, ECHO))
			echo(tty, c);
		tty_signal(tty, signals[i].sig);
		return true;
	}
	return false;
}

/* ^S and ^Q: true if c is one of them, or only starts output again. */
static bool flow_char(struct tty *tty, unsigned char c)
{
	bool start = is_special(tty, c, VSTART), stop = is_special(tty, c, VSTOP);

	if (start || stop) {
		WRITE_ONCE(tty->stopped, stop && !start);
		if (!tty->stopped)
			wake_up_all(&tty->write_wait);
		return true;
	}
	if (tty->stopped && iflag(tty, IXANY)) {
		WRITE_ONCE(tty->stopped, false);
		wake_up_all(&tty->write_wait);
	}
	return false;
}

static void receive_char(struct tty *tty, unsigned char c)
{
	if (iflag(tty, ISTRIP))
		c &= 0x7f;
	if (iflag(tty, IUCLC) && lflag(tty, IEXTEN) && c >= 'A' && c <= 'Z')
		c |= 0x20;
	if (tty->literal_next) {
		tty->literal_next = false;
		ordinary_char(tty, c);
		return;
	}
	if (iflag(tty, IXON) && flow_char(tty, c))
		return;
	if (lflag(tty, ISIG) && signal_char(tty, c))
		return;
	if (c == '\r') {
		if (iflag(tty, IGNCR))
			return;
		if (iflag(tty, ICRNL))
			c = '\n';
	} else if (c == '\n' && iflag(tty, INLCR)) {
		c = '\r';
	}
	if (!lflag(tty, ICANON) || !canonical_char(tty, c))
		ordinary_char(tty, c);
}

void n_tty_receive(struct tty *tty, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		receive_char(tty, bytes[i]);
}

void n_tty_set_termios(struct tty *tty, const struct kernel_termios *new)
{
	bool was_canonical = lflag(tty, ICANON);

	tty->termios = *new;
	/* What was typed under the other rule is readable, and ends a line at the switch. */
	if (was_canonical != lflag(tty, ICANON) && tty->head != tty->line_head)
		tty->line_head = tty->head;
	if (lflag(tty, ICANON) && !was_canonical && tty->head != tty->tail)
		set_line_end(tty, tty->head - 1, true);
	if (!iflag(tty, IXON) && tty->stopped) {
		WRITE_ONCE(tty->stopped, false);
		wake_up_all(&tty->write_wait);
	}
	wake_up_all(&tty->read_wait);
	wake_up(&tty->input_wait);
}

/* Reading. */

/*
 * One line or what there is of it, at most n bytes, into buf; *ended: the line's end was reached.
 */
static size_t take_line(struct tty *tty, char *buf, size_t n, bool *ended)
{
	size_t done = 0;

	*ended = false;
	while (done < n && tty->tail != tty->line_head && !*ended) {
		unsigned char c = char_at(tty, tty->tail);

		*ended = is_line_end(tty, tty->tail);
		tty->tail++;
		if (*ended && c == DISABLED)
			break;
		buf[done++] = c;
	}
	return done;
}

static size_t take_raw(struct tty *tty, char *buf, size_t n)
{
	size_t done = 0;

	while (done < n && tty->tail != tty->head)
		buf[done++] = char_at(tty, tty->tail++);
	tty->line_head = tty->head;
	return done;
}

/*
 * Moves what is there to the reader. Bytes, or -EFAULT. *finished: the read is over, whatever room
 * it has left.
 */
static ssize_t take_input(struct tty *tty, struct iov_iter *to, bool *finished)
{
	ssize_t done = 0;

	while (to->count && !*finished) {
		char bytes[128];
		size_t n = MIN(to->count, sizeof(bytes));

		if (lflag(tty, ICANON)) {
			n = take_line(tty, bytes, n, finished);
		} else {
			n = take_raw(tty, bytes, n);
			if (n < sizeof(bytes))
				*finished = true;
		}
		if (n == 0)
			break;
		if (copy_to_iter(bytes, n, to) < n)
			return done ? done : -EFAULT;
		done += n;
	}
	wake_up(&tty->input_wait);
	return done;
}

/*
 * Sleeps until input may be there, at most *left ns. 1: time is over; -ERESTARTSYS. The mutex is
 * not held.
 */
static int wait_for_input(struct tty *tty, struct file *file, u32 seen, u64 *left)
{
	struct wait_entry entry;
	int result = 0;

	wait_entry_init(&entry);
	prepare_to_wait(&tty->read_wait, &entry, TASK_INTERRUPTIBLE);
	if (READ_ONCE(tty->head) == seen && !n_tty_readable(tty) && !tty_hung_up(file)) {
		if (signal_pending(current))
			result = -ERESTARTSYS;
		else
			*left = schedule_timeout(*left);
	}
	finish_wait(&tty->read_wait, &entry);
	return result == 0 && *left == 0 ? 1 : result;
}

#define TENTH_NS 100000000ull

/* VMIN and VTIME of a raw read, as termios(3) names the four cases. */
struct raw_rule {
	u32 min;
	u64 first, between; /* longest waits for the first byte and after one; ~0: for ever */
};

static struct raw_rule raw_rule(const struct tty *tty)
{
	u32 min = tty->termios.c_cc[VMIN];
	u64 time = tty->termios.c_cc[VTIME] * TENTH_NS;

	if (lflag(tty, ICANON))
		return (struct raw_rule){1, ~0ull, ~0ull};
	if (min)
		return (struct raw_rule){min, ~0ull, time ? time : ~0ull};
	return (struct raw_rule){1, time, 0};
}

ssize_t n_tty_read(struct tty *tty, struct file *file, struct iov_iter *to)
{
	ssize_t done = 0, n;
	u64 left = ~0ull;
	bool first = true;
	int result;

	for (;;) {
		bool finished = false, raw, readable;
		struct raw_rule rule;
		u32 seen;

		result = tty_check_change(tty, SIGTTIN);
		if (result != 0 || tty_hung_up(file))
			break;
		mutex_lock(&tty->lock);
		raw = !lflag(tty, ICANON);
		rule = raw_rule(tty);
		seen = tty->head;
		readable = tty->tail != (raw ? tty->head : tty->line_head);
		n = readable ? take_input(tty, to, &finished) : 0;
		mutex_unlock(&tty->lock);
		result = MIN(n, 0l);
		if (result != 0)
			break;
		done += n;
		if (!to->count || (readable && !raw && finished) || (raw && done >= rule.min))
			break;
		if (file->flags & O_NONBLOCK) {
			result = -EAGAIN;
			break;
		}
		if (first)
			left = rule.first;
		if (n > 0)
			left = rule.between;
		first = false;
		result = left ? wait_for_input(tty, file, seen, &left) : 1;
		if (result != 0)
			break;
	}
	if (result > 0)
		result = 0;
	return done ? done : result;
}
