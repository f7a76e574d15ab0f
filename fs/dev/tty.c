/*
 * Terminals.
 *
 *      interrupt: tty_receive -> input ring -> ttyd -> line discipline -> buffer -> read(2)
 *                                                 \-> echo, signals
 *
 * A driver's interrupt only puts bytes into a ring, under a spinlock, and wakes ttyd, a kernel
 * thread. ttyd takes the terminal's mutex and runs the line discipline (n_tty.c): echo, editing,
 * signals. So ^C works while the foreground program computes and nobody reads, and nothing that may
 * sleep runs in an interrupt. Readers take finished input out of the buffer under the same mutex.
 * Output goes through the discipline's output processing straight to the console.
 *
 * There is one terminal, the console; /dev/console, /dev/ttyS0 and, for processes that it controls,
 * /dev/tty are ways to open it. Who controls it is in tty_jobctrl.c.
 */
#include <tine/console.h>
#include <tine/dev.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/poll.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/tty.h>

#define DEV_TTY     MKDEV(5, 0)
#define DEV_CONSOLE MKDEV(5, 1)

static const struct kernel_termios initial_termios = {
	.c_iflag = ICRNL | IXON,
	.c_oflag = OPOST | ONLCR,
	.c_cflag = B9600 | CS8 | CREAD | HUPCL | CLOCAL,
	.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.c_cc = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
};

struct tty console_tty = {
	.count = ATOMIC_INIT(1),
	.input_lock = SPINLOCK_INIT(LOCK_CLASS_TTY_INPUT),
	.input_wait = WAIT_QUEUE_INIT(console_tty.input_wait),
	.dev = MKDEV(4, 64),
	.output = console_write,
};

void tty_receive(const char *bytes, size_t n)
{
	struct tty *tty = &console_tty;
	irq_state_t irq = spin_lock_irqsave(&tty->input_lock);

	for (; n && tty->input_head - tty->input_tail < TTY_INPUT_SIZE; n--)
		tty->input[tty->input_head++ % TTY_INPUT_SIZE] = *bytes++;
	spin_unlock_irqrestore(&tty->input_lock, irq);
	wake_up(&tty->input_wait);
}

/* Takes up to size bytes out of the ring. */
static size_t take_input(struct tty *tty, char *to, size_t size)
{
	irq_state_t irq = spin_lock_irqsave(&tty->input_lock);
	size_t n = 0;

	while (n < size && tty->input_tail != tty->input_head)
		to[n++] = tty->input[tty->input_tail++ % TTY_INPUT_SIZE];
	spin_unlock_irqrestore(&tty->input_lock, irq);
	return n;
}

/* Input can go on to the discipline: while programs do not read, raw input stays in the ring. */
static bool input_ready(struct tty *tty)
{
	return READ_ONCE(tty->input_head) != READ_ONCE(tty->input_tail) && n_tty_has_room(tty);
}

int tty_thread(void *arg)
{
	struct tty *tty = &console_tty;

	for (;;) {
		struct wait_entry entry;
		char bytes[64];
		size_t n;
		int ignored;

		wait_event(&tty->input_wait, &entry, TASK_INTERRUPTIBLE, input_ready(tty), ignored);
		(void)ignored; /* nobody can send a signal to a kernel thread */
		mutex_lock(&tty->lock);
		n = take_input(tty, bytes, sizeof(bytes));
		n_tty_receive(tty, bytes, n);
		mutex_unlock(&tty->lock);
	}
	return 0;
}

void tty_init(void)
{
	struct tty *tty = &console_tty;

	mutex_init(&tty->lock, LOCK_CLASS_TTY);
	wait_queue_init(&tty->read_wait);
	wait_queue_init(&tty->write_wait);
	tty->termios = initial_termios;
}

/* /dev/console outlives every session. */
bool tty_hung_up(const struct file *file)
{
	const struct tty *tty = file->private_data;

	return file->generation != READ_ONCE(tty->hangups) && file->inode->rdev != DEV_CONSOLE;
}

static int tty_open(struct inode *inode, struct file *file)
{
	struct tty *tty = inode->rdev == DEV_TTY ? get_current_tty() : tty_get(&console_tty);

	if (!tty)
		return -ENXIO;
	file->private_data = tty;
	file->generation = READ_ONCE(tty->hangups);
	file->mode &= ~(FMODE_SEEKABLE | FMODE_ATOMIC_POS);
	/* Opening the console never makes it the controlling terminal; TIOCSCTTY does. */
	if (!(file->flags & O_NOCTTY) && inode->rdev != DEV_CONSOLE && inode->rdev != DEV_TTY &&
	    (file->mode & FMODE_READ))
		tty_open_controlling(tty);
	return 0;
}

static void tty_release(struct file *file)
{
	tty_put(file->private_data);
}

static ssize_t tty_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	if (!to->count || tty_hung_up(file))
		return 0;
	return n_tty_read(file->private_data, file, to);
}

/* Waits while output is stopped (^S). */
static int wait_for_output(struct tty *tty, struct file *file)
{
	struct wait_entry entry;
	int error = 0;

	while (READ_ONCE(tty->stopped) && !tty_hung_up(file) && error == 0) {
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		wait_event(&tty->write_wait, &entry, TASK_INTERRUPTIBLE,
			   !READ_ONCE(tty->stopped) || tty_hung_up(file), error);
	}
	return error == 0 && tty_hung_up(file) ? -EIO : error;
}

static ssize_t tty_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	struct tty *tty = file->private_data;
	ssize_t done = 0;
	int error = 0;

	if (tty_hung_up(file))
		return -EIO;
	if (tty->termios.c_lflag & TOSTOP)
		error = tty_check_change(tty, SIGTTOU);
	while (from->count && error == 0) {
		char bytes[128];
		size_t n;

		error = wait_for_output(tty, file);
		if (error != 0)
			break;
		n = copy_from_iter(bytes, MIN(from->count, sizeof(bytes)), from);
		if (n == 0) {
			error = -EFAULT;
			break;
		}
		mutex_lock(&tty->lock);
		tty_write_processed(tty, bytes, n);
		mutex_unlock(&tty->lock);
		done += n;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	return done ? done : error;
}

static u32 tty_poll(struct file *file, struct poll_table *table)
{
	struct tty *tty = file->private_data;
	u32 events = 0;

	poll_wait(file, &tty->read_wait, table);
	poll_wait(file, &tty->write_wait, table);
	if (tty_hung_up(file))
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	mutex_lock(&tty->lock);
	if (n_tty_readable(tty))
		events |= POLLIN | POLLRDNORM;
	if (!tty->stopped)
		events |= POLLOUT | POLLWRNORM;
	mutex_unlock(&tty->lock);
	return events;
}

const struct file_operations tty_operations = {
	.open = tty_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
};
