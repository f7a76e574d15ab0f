/*
 * The line discipline's read(2): a line in canonical mode, what VMIN and VTIME ask for in raw mode
 * (termios(3)). One reader at a time: who waits for the rest of VMIN bytes gets it.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/sched.h>
#include <tine/task.h>
#include <tine/tty.h>

#define TENTH_NS 100000000ull
#define FOREVER  (~0ull)

/*
 * One line or what there is of it, at most n bytes, into buf; *ended: the line's end was reached.
 */
static size_t take_line(struct tty *tty, char *buf, size_t n, bool *ended)
{
	size_t done = 0;

	while (done < n && tty->tail != tty->line_head && !*ended) {
		unsigned char c = n_tty_char(tty, tty->tail);

		*ended = n_tty_line_end(tty, tty->tail);
		tty->tail++;
		if (*ended && c == DISABLED_CHAR)
			break;
		buf[done++] = c;
	}
	return done;
}

static size_t take_raw(struct tty *tty, char *buf, size_t n)
{
	size_t done = 0;

	while (done < n && tty->tail != tty->head)
		buf[done++] = n_tty_char(tty, tty->tail++);
	tty->line_head = tty->tail;
	return done;
}

/* A line that just fits is over, also where only the end-of-file character would follow. */
static void skip_end_of_file(struct tty *tty)
{
	if (tty->tail != tty->line_head && n_tty_line_end(tty, tty->tail) &&
	    n_tty_char(tty, tty->tail) == DISABLED_CHAR)
		tty->tail++;
}

/* Moves what is there to the reader. Bytes, or -EFAULT. */
static ssize_t take_input(struct tty *tty, struct iov_iter *to)
{
	bool canonical = n_tty_canonical(tty), ended = false;
	ssize_t done = 0;
	char bytes[128];
	size_t n;

	do {
		n = MIN(to->count, sizeof(bytes));
		n = canonical ? take_line(tty, bytes, n, &ended) : take_raw(tty, bytes, n);
		if (copy_to_iter(bytes, n, to) < n)
			return done ? done : -EFAULT;
		done += n;
	} while (n == sizeof(bytes) && to->count && !ended);
	if (canonical && !ended && !to->count)
		skip_end_of_file(tty);
	tty_pump(tty);
	return done;
}

/* VMIN and VTIME of a raw read, as termios(3) names the four cases. */
struct read_rule {
	ssize_t min;
	u64 first, between; /* longest waits for the first byte and after one */
};

static struct read_rule read_rule(const struct tty *tty)
{
	ssize_t min = tty->termios.c_cc[VMIN];
	u64 time = tty->termios.c_cc[VTIME] * TENTH_NS;

	if (tty->termios.c_lflag & ICANON)
		return (struct read_rule){0, FOREVER, FOREVER};
	if (min)
		return (struct read_rule){min, FOREVER, time ? time : FOREVER};
	return (struct read_rule){1, time, time};
}

/* Sleeps until input may be there, at most *left ns. */
static int wait_for_input(struct tty *tty, struct file *file, u64 *left)
{
	struct wait_entry entry;
	int result = 0;

	wait_entry_init(&entry);
	prepare_to_wait(&tty->read_wait, &entry, TASK_INTERRUPTIBLE);
	if (!n_tty_available(tty) && !tty_hung_up(file)) {
		if (signal_pending(current))
			result = -ERESTARTSYS;
		else
			*left = schedule_timeout(*left);
	}
	finish_wait(&tty->read_wait, &entry);
	return result;
}

/* With the right to read, which keeps other readers away. */
static ssize_t read_claimed(struct tty *tty, struct file *file, struct iov_iter *to)
{
	struct read_rule rule = read_rule(tty);
	u64 left = rule.first;
	ssize_t done = 0, n;

	for (;;) {
		bool available;

		mutex_lock(&tty->lock);
		available = n_tty_available(tty);
		n = available ? take_input(tty, to) : 0;
		mutex_unlock(&tty->lock);
		if (n < 0)
			break;
		done += n;
		if (available && (done >= rule.min || !to->count))
			return done;
		if (available) {
			left = rule.between;
			continue;
		}
		if (pts_is_orphan(tty) && !done)
			return -EIO;
		if (tty_hung_up(file) || !left)
			return done;
		n = file->flags & O_NONBLOCK ? -EAGAIN : wait_for_input(tty, file, &left);
		if (n < 0)
			break;
	}
	return done ? done : n;
}

ssize_t n_tty_read(struct tty *tty, struct file *file, struct iov_iter *to)
{
	ssize_t result = 0;

	if (file->inode->rdev != DEV_CONSOLE)
		result = tty_check_change(tty, SIGTTIN);
	if (result == 0)
		result = tty_claim(tty, file, &tty->reading, &tty->read_wait);
	if (result != 0)
		return result;
	result = read_claimed(tty, file, to);
	tty_unclaim(tty, &tty->reading, &tty->read_wait);
	return result;
}
