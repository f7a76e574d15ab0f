/*
 * Terminals.
 *
 *      interrupt: tty_receive -> input ring -> line discipline -> buffer -> read(2)
 *      write(2) on a pty's master -^                 \-> echo, signals
 *
 * A driver's interrupt only puts bytes into a ring, under a spinlock, and wakes ttyd, a kernel
 * thread. ttyd takes the terminal's mutex and runs the line discipline (tty_input.c): echo,
 * editing, signals. So ^C works while the foreground program computes and nobody reads, and nothing
 * that may sleep runs in an interrupt. Readers (tty_read.c) take finished input out of the buffer
 * under the same mutex. Output goes through the discipline's output processing (tty_output.c)
 * straight to the driver.
 *
 * Each console device is a terminal: /dev/ttyS0, and the screen with its keyboard as /dev/tty0 and
 * /dev/tty1. /dev/console is one of them, and /dev/tty whichever controls the process that opens it
 * (tty_jobctrl.c). The others are pseudo terminals (pty.c).
 */
#include <tine/console.h>
#include <tine/dev.h>
#include <tine/async.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/poll.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <tine/tty.h>

size_t tty_device_write(struct tty *tty, const char *bytes, size_t n)
{
	console_write(tty->console, bytes, n);
	return n;
}

static const struct tty_driver serial_driver = {
	.write = tty_device_write,
	.termios = {TTY_STD_IFLAG, OPOST | ONLCR, B9600 | CS8 | CREAD | HUPCL | CLOCAL,
		    TTY_STD_LFLAG, 0, TTY_STD_CC, 9600, 9600},
};

static struct tty *devices[CONSOLE_COUNT];
static struct wait_queue input_wait = WAIT_QUEUE_INIT(input_wait); /* ttyd's */

struct tty *tty_alloc(const struct tty_driver *driver, dev_t dev)
{
	struct tty *tty = kzalloc(sizeof(*tty));
	char *input = kmalloc(TTY_INPUT_SIZE);

	if (!tty || !input) {
		kfree(input);
		kfree(tty);
		return NULL;
	}
	atomic_set(&tty->count, 1);
	mutex_init(&tty->lock, LOCK_CLASS_TTY);
	spin_lock_init(&tty->input_lock, LOCK_CLASS_TTY_INPUT);
	wait_queue_init(&tty->read_wait);
	wait_queue_init(&tty->write_wait);
	tty->driver = driver;
	tty->dev = dev;
	tty->termios = driver->termios;
	tty->input = (struct byte_ring){.bytes = input, .size = TTY_INPUT_SIZE};
	tty->echoes = (struct byte_ring){.bytes = tty->echo_bytes, .size = TTY_ECHO_SIZE};
	return tty;
}

void tty_put(struct tty *tty)
{
	if (!atomic_dec_and_test(&tty->count))
		return;
	pty_free(tty);
	kfree(tty->input.bytes);
	kfree(tty);
}

size_t tty_queue_input(struct tty *tty, const char *bytes, size_t n)
{
	irq_state_t irq = spin_lock_irqsave(&tty->input_lock);

	n = ring_put(&tty->input, bytes, n);
	spin_unlock_irqrestore(&tty->input_lock, irq);
	return n;
}

void tty_receive(enum console_id console, const char *bytes, size_t n)
{
	tty_queue_input(devices[console], bytes, n);
	wake_up(&input_wait);
}

/* IXOFF: asks the other end to be silent while there is no room, and to go on. */
static void throttle(struct tty *tty, bool full)
{
	if (tty->throttled == full || !(tty->termios.c_iflag & IXOFF) || tty->pty)
		return;
	tty->throttled = full;
	tty->driver->write(tty, (char *)&tty->termios.c_cc[full ? VSTOP : VSTART], 1);
}

void tty_pump(struct tty *tty)
{
	char bytes[64];
	size_t n, done;

	do {
		n = ring_peek(&tty->input, bytes, sizeof(bytes));
		done = n_tty_receive(tty, bytes, n);
		ring_skip(&tty->input, done);
	} while (n && done == n);
	throttle(tty, done < n);
}

/* Input can go on to the discipline: while programs do not read, it stays in the ring. */
static struct tty *tty_with_input(void)
{
	for (unsigned int i = 0; i < CONSOLE_COUNT; i++)
		if (ring_used(&devices[i]->input) && n_tty_has_room(devices[i]))
			return devices[i];
	return NULL;
}

int tty_thread(void *arg)
{
	for (;;) {
		struct tty *tty;

		/* Nobody can send a signal to a kernel thread. */
		(void)wait_event(&input_wait, TASK_INTERRUPTIBLE, (tty = tty_with_input()));
		mutex_lock(&tty->lock);
		tty_pump(tty);
		mutex_unlock(&tty->lock);
	}
	return 0;
}

void tty_init(void)
{
	devices[CONSOLE_SERIAL] = tty_alloc(&serial_driver, MKDEV(4, 64));
	devices[CONSOLE_SCREEN] = tty_alloc(&screen_driver, MKDEV(4, 1));
	for (unsigned int i = 0; i < CONSOLE_COUNT; i++) {
		ASSERT(devices[i]);
		devices[i]->console = i;
	}
	devices[CONSOLE_SCREEN]->winsize = (struct winsize){25, 80, 0, 0};
}

int tty_claim(struct tty *tty, struct file *file, bool *busy, struct wait_queue *wq)
{
	int error = 0;

	while (error == 0) {
		bool was_busy;

		mutex_lock(&tty->lock);
		was_busy = *busy;
		*busy = true;
		mutex_unlock(&tty->lock);
		if (!was_busy)
			return 0;
		error = file_wait_event(file, wq, !READ_ONCE(*busy));
	}
	return error;
}

void tty_unclaim(struct tty *tty, bool *busy, struct wait_queue *wq)
{
	MUTEX_LOCKED(&tty->lock, WRITE_ONCE(*busy, false));
	wake_up_all(wq);
}

/* /dev/console outlives every session. */
bool tty_hung_up(const struct file *file)
{
	const struct tty *tty = file->private_data;

	return file->generation != READ_ONCE(tty->hangups) && file->inode->rdev != DEV_CONSOLE;
}

static struct tty *device(enum console_id console)
{
	return console_present(console) ? tty_get(devices[console]) : ERR_PTR(-ENXIO);
}

static struct tty *lookup(struct inode *inode)
{
	struct tty *tty;

	switch (inode->rdev) {
	case DEV_TTY:
		tty = get_current_tty();
		return tty ? tty : ERR_PTR(-ENXIO);
	case DEV_CONSOLE:
		return tty_get(devices[console_preferred()]);
	case MKDEV(4, 64):
		return device(CONSOLE_SERIAL);
	case MKDEV(4, 0):
	case MKDEV(4, 1):
		return device(CONSOLE_SCREEN);
	default:
		return pts_lookup(inode);
	}
}

/* The generation is read while a master, if there is one, is open: its hangup is yet to come. */
static int count_open(struct tty *tty, struct file *file)
{
	int error = 0;

	mutex_lock(&tty->lock);
	if (tty->exclusive && !capable(CAP_SYS_ADMIN))
		error = -EBUSY;
	else if (tty->pty)
		error = pts_open(tty);
	tty->opens += error == 0;
	file->generation = READ_ONCE(tty->hangups);
	mutex_unlock(&tty->lock);
	return error;
}

static int tty_open(struct inode *inode, struct file *file)
{
	struct tty *tty = lookup(inode);
	int error = IS_ERR(tty) ? PTR_ERR(tty) : count_open(tty, file);

	if (error != 0) {
		if (!IS_ERR(tty))
			tty_put(tty);
		return error;
	}
	file->private_data = tty;
	file->mode &= ~(FMODE_SEEKABLE | FMODE_ATOMIC_POS);
	/* The ways to open whatever is there never make it the controlling terminal. */
	if (!(file->flags & O_NOCTTY) && inode->rdev != DEV_CONSOLE && inode->rdev != MKDEV(4, 0))
		tty_open_controlling(tty, file);
	return 0;
}

static void tty_release(struct file *file)
{
	struct tty *tty = file->private_data;

	mutex_lock(&tty->lock);
	tty->opens--;
	if (tty->opens == 0 && tty->pty)
		pts_closed(tty);
	else if (tty->opens == 0)
		tty->exclusive = false;
	mutex_unlock(&tty->lock);
	tty_put(tty);
}

static ssize_t tty_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	if (!to->count || tty_hung_up(file))
		return 0;
	return n_tty_read(file->private_data, file, to);
}

/* Waits while output is stopped (^S), or the reader of the master is slow. */
static int wait_for_output(struct tty *tty, struct file *file)
{
	return file_wait_event(file, &tty->write_wait, tty_can_output(tty) || tty_hung_up(file));
}

/* How many of the n bytes were written; *error says why not all. */
static size_t write_chunk(struct tty *tty, struct file *file, const char *bytes, size_t n,
			  int *error)
{
	size_t done = 0;

	while (done < n && *error == 0) {
		size_t taken = 0;

		mutex_lock(&tty->lock);
		if (tty_hung_up(file))
			*error = -EIO;
		else
			taken = tty_output(tty, bytes + done, n - done);
		mutex_unlock(&tty->lock);
		done += taken;
		if (!taken && *error == 0)
			*error = wait_for_output(tty, file);
	}
	return done;
}

static ssize_t write_claimed(struct tty *tty, struct file *file, struct iov_iter *from)
{
	ssize_t done = 0;
	int error = 0;

	while (from->count && error == 0) {
		char bytes[128];
		size_t n = copy_from_iter(bytes, MIN(from->count, sizeof(bytes)), from);

		if (n == 0)
			error = -EFAULT;
		done += write_chunk(tty, file, bytes, n, &error);
		if (error == 0 && signal_pending(current))
			error = -ERESTARTSYS;
		cond_resched();
	}
	return done ? done : error;
}

static ssize_t tty_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	struct tty *tty = file->private_data;
	ssize_t result;

	if (tty_hung_up(file))
		return -EIO;
	result = tty_claim(tty, file, &tty->writing, &tty->write_wait);
	if (result != 0)
		return result;
	if ((tty->termios.c_lflag & TOSTOP) && file->inode->rdev != DEV_CONSOLE)
		result = tty_check_change(tty, SIGTTOU);
	if (result == 0)
		result = write_claimed(tty, file, from);
	tty_unclaim(tty, &tty->writing, &tty->write_wait);
	return result;
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
	if (n_tty_enough(tty))
		events |= POLLIN | POLLRDNORM;
	if (tty_can_output(tty))
		events |= POLLOUT | POLLWRNORM;
	mutex_unlock(&tty->lock);
	return events;
}

/* Without an owner the file is the foreground group's. */
static int tty_async(int fd, struct file *file, bool on)
{
	struct tty *tty = file->private_data;
	int error = async_switch(fd, file, on, &tty->async);
	struct pid *pgrp;

	if (error != 0 || !on)
		return error;
	pgrp = SPIN_LOCKED(&tasklist_lock, tty->pgrp ? get_pid(tty->pgrp) : NULL);
	async_default_owner(file, pgrp ? pgrp : current->signal->pids[PIDTYPE_TGID], pgrp);
	put_pid(pgrp);
	return 0;
}

const struct file_operations tty_operations = {
	.open = tty_open,
	.release = tty_release,
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.async = tty_async,
};
