/*
 * Pseudo terminals (pty(7)): a terminal whose other end is a program.
 *
 *      master: write(2) -> input ring -> line discipline -> read(2) :slave
 *      master: read(2) <------- out ring <- output processing <- write(2) :slave
 *
 * The slave is a struct tty like any other. The master is a file on /dev/ptmx whose private data is
 * the same struct tty; it has no line discipline of its own. One mutex, the tty's, guards both.
 *
 * Opening /dev/ptmx makes the pair and, in the devpts it belongs to, the slave's node. Closing the
 * master removes the node and hangs the slave up; the number is free again when the slave's last
 * file is closed too. When the slave's last file is closed, the master reads what is left and then
 * EIO, until somebody opens the slave again.
 */
#include <tine/async.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/iov_iter.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/poll.h>
#include <tine/pty.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/ioctl.h>

#define OUT_SIZE 16384u

static size_t slave_write(struct tty *tty, const char *bytes, size_t n)
{
	n = ring_put(&tty->pty->out, bytes, n);
	if (n) {
		wake_up_poll(&tty->pty->read_wait, POLLIN | POLLRDNORM);
		async_notify(&tty->pty->async, ~0u, POLL_IN);
	}
	return n;
}

static size_t slave_room(const struct tty *tty)
{
	return ring_room(&tty->pty->out);
}

static const struct tty_driver slave_driver = {
	.write = slave_write,
	.room = slave_room,
	.termios = {TTY_STD_IFLAG, OPOST | ONLCR, B38400 | CS8 | CREAD, TTY_STD_LFLAG, 0,
		    TTY_STD_CC, 38400, 38400},
	.resets = true,
};

static struct tty *pty_alloc(void)
{
	struct tty *tty = tty_alloc(&slave_driver, 0);
	struct pty *pty = kzalloc(sizeof(*pty));
	char *out = kmalloc(OUT_SIZE);

	if (!tty || !pty || !out) {
		if (tty)
			tty_put(tty);
		kfree(pty);
		kfree(out);
		return NULL;
	}
	wait_queue_init(&pty->read_wait);
	wait_queue_init(&pty->write_wait);
	pty->out = (struct byte_ring){.bytes = out, .size = OUT_SIZE};
	pty->locked = true;
	tty->pty = pty;
	return tty;
}

void pty_free(struct tty *tty)
{
	struct pty *pty = tty->pty;

	if (!pty)
		return;
	devpts_free_number(pty);
	kfree(pty->out.bytes);
	kfree(pty);
}

void pty_set_status(struct tty *tty, unsigned int clear, unsigned int set)
{
	struct pty *pty = tty->pty;

	if (!pty || !pty->packet)
		return;
	pty->status = (pty->status & ~clear) | set;
	wake_up_poll(&pty->read_wait, POLLIN | POLLRDNORM | POLLPRI);
}

static bool default_flow(const struct kernel_termios2 *t)
{
	return (t->c_iflag & IXON) && t->c_cc[VSTOP] == 19 && t->c_cc[VSTART] == 17;
}

void pty_adjust_termios(struct tty *tty, struct kernel_termios2 *new)
{
	bool flow = default_flow(new), changed = flow != default_flow(&tty->termios);
	unsigned int external = (tty->termios.c_lflag | new->c_lflag) & EXTPROC;

	if (changed || external)
		pty_set_status(tty, TIOCPKT_DOSTOP | TIOCPKT_NOSTOP,
			       (flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP) |
				       (external ? TIOCPKT_IOCTL : 0));
	new->c_cflag = (new->c_cflag & ~(CSIZE | PARENB)) | CS8 | CREAD;
}

bool pts_is_orphan(const struct tty *tty)
{
	return tty->pty && READ_ONCE(tty->pty->master_closed);
}

int pts_open(struct tty *tty)
{
	if (tty->pty->locked || tty->pty->master_closed)
		return -EIO;
	tty->pty->slave_closed = false;
	return 0;
}

void pts_closed(struct tty *tty)
{
	tty->pty->slave_closed = true;
	wake_up_all(&tty->pty->read_wait);
	wake_up_all(&tty->pty->write_wait);
}

static int master_open(struct inode *inode, struct file *file)
{
	struct path root;
	struct tty *tty;
	int error = devpts_find(file, &root);

	if (error != 0)
		return error;
	tty = pty_alloc();
	error = tty ? devpts_add(root.mnt->sb, tty) : -ENOMEM;
	path_put(&root);
	if (error != 0) {
		if (tty)
			tty_put(tty);
		return error;
	}
	file->private_data = tty;
	file->mode &= ~(FMODE_SEEKABLE | FMODE_ATOMIC_POS);
	return 0;
}

static void master_release(struct file *file)
{
	struct tty *tty = file->private_data;

	devpts_remove(tty->pty);
	MUTEX_LOCKED(&tty->lock, WRITE_ONCE(tty->pty->master_closed, true));
	tty_vhangup(tty);
	tty_put(tty);
}

/* There is something to read, or nothing to wait for. */
static bool readable(const struct pty *pty)
{
	return ring_used(&pty->out) || (pty->packet && pty->status) || pty->slave_closed;
}

/* Bytes, or -EFAULT. */
static ssize_t take_output(struct pty *pty, struct iov_iter *to)
{
	char bytes[128], status = pty->status;
	ssize_t done = 0;
	size_t n;

	if (pty->packet && status) {
		pty->status = 0;
		return copy_to_iter(&status, 1, to) ? 1 : -EFAULT;
	}
	if (pty->packet && ring_used(&pty->out)) {
		if (copy_to_iter("", 1, to) < 1) /* TIOCPKT_DATA */
			return -EFAULT;
		done = 1;
	}
	while ((n = ring_peek(&pty->out, bytes, MIN(to->count, sizeof(bytes)))) > 0) {
		ring_skip(&pty->out, n);
		if (copy_to_iter(bytes, n, to) < n)
			return done ? done : -EFAULT;
		done += n;
	}
	return done;
}

static ssize_t master_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	struct tty *tty = file->private_data;
	struct pty *pty = tty->pty;
	int error = 0;

	while (to->count && error == 0) {
		ssize_t n;
		bool closed;

		mutex_lock(&tty->lock);
		n = take_output(pty, to);
		closed = pty->slave_closed;
		tty_flush_echo(tty);
		mutex_unlock(&tty->lock);
		if (n != 0) {
			wake_up_poll(&tty->write_wait, POLLOUT | POLLWRNORM);
			return n;
		}
		if (closed)
			return -EIO;
		error = file_wait_event(file, &pty->read_wait, readable(pty));
	}
	return error;
}

/* As much as there is room for. Bytes, or -EFAULT. */
static ssize_t put_input(struct tty *tty, struct iov_iter *from)
{
	char bytes[128];
	ssize_t n = MIN(from->count, sizeof(bytes));

	mutex_lock(&tty->lock);
	n = MIN(n, (ssize_t)ring_room(&tty->input));
	if (n > 0) {
		n = copy_from_iter(bytes, n, from);
		tty_queue_input(tty, bytes, n);
		tty_pump(tty);
		n = n ? n : -EFAULT;
	}
	mutex_unlock(&tty->lock);
	return n;
}

static ssize_t write_claimed(struct file *file, struct iov_iter *from)
{
	struct tty *tty = file->private_data;
	ssize_t done = 0, n = 0;
	int error = 0;

	while (from->count && error == 0) {
		n = put_input(tty, from);
		done += MAX(n, 0l);
		if (n < 0)
			error = n;
		else if (n == 0)
			error = file_wait_event(file, &tty->pty->write_wait,
						ring_room(&tty->input));
		else if (signal_pending(current))
			error = -ERESTARTSYS;
		cond_resched();
	}
	return done ? done : error;
}

static ssize_t master_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	struct tty *tty = file->private_data;
	struct pty *pty = tty->pty;
	ssize_t result = tty_claim(tty, file, &pty->writing, &pty->write_wait);

	if (result != 0)
		return result;
	result = write_claimed(file, from);
	tty_unclaim(tty, &pty->writing, &pty->write_wait);
	return result;
}

static u32 master_poll(struct file *file, struct poll_table *table)
{
	struct tty *tty = file->private_data;
	struct pty *pty = tty->pty;
	u32 events = 0;

	poll_wait(file, &pty->read_wait, table);
	poll_wait(file, &pty->write_wait, table);
	mutex_lock(&tty->lock);
	if (ring_used(&pty->out))
		events |= POLLIN | POLLRDNORM;
	if (pty->packet && pty->status)
		events |= POLLPRI | POLLIN | POLLRDNORM;
	if (pty->slave_closed)
		events |= POLLHUP;
	if (ring_room(&tty->input))
		events |= POLLOUT | POLLWRNORM;
	mutex_unlock(&tty->lock);
	return events;
}

static long set_flag(struct tty *tty, bool *flag, const int __user *user)
{
	int on;

	if (get_user(on, user) != 0)
		return -EFAULT;
	mutex_lock(&tty->lock);
	if (on && !*flag)
		tty->pty->status = 0;
	WRITE_ONCE(*flag, on != 0);
	mutex_unlock(&tty->lock);
	return 0;
}

/* TIOCSIG: to the foreground group, without anybody's permission. */
static long send_signal(struct tty *tty, unsigned long sig)
{
	if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
		return -EINVAL;
	tty_signal(tty, sig);
	return 0;
}

static long flush(struct tty *tty, unsigned long which)
{
	if (which > TCIOFLUSH)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (which != TCOFLUSH)
		ring_skip(&tty->pty->out, ring_used(&tty->pty->out));
	tty_flush_echo(tty);
	mutex_unlock(&tty->lock);
	wake_up_all(&tty->write_wait);
	return 0;
}

/* TIOCGPTPEER: the slave, whatever the path to it looks like from here. */
static struct file *open_slave(struct file *master, int flags)
{
	struct pty *pty = ((struct tty *)master->private_data)->pty;
	struct path path SCOPED(path_put) = {};
	struct file *file;
	int error = devpts_find(master, &path);

	if (error != 0)
		return ERR_PTR(error);
	dput(path.dentry);
	path.dentry = dget(pty->dentry);
	if (path.mnt->sb != pty->sb)
		return ERR_PTR(-ENODEV);
	file = file_alloc_empty();
	return file ? file_open_path(file, &path, flags, false) : ERR_PTR(-ENOMEM);
}

static long open_peer(struct file *master, int flags)
{
	int fd = get_unused_fd(0, flags & O_CLOEXEC);

	return fd < 0 ? fd : fd_finish(fd, open_slave(master, flags & ~O_CLOEXEC));
}

static long master_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tty *tty = file->private_data;
	struct pty *pty = tty->pty;
	int __user *user = (int __user *)arg;

	switch (cmd) {
	case TIOCGPTN:
		return put_user((int)pty->index, user);
	case TIOCSPTLCK:
		return set_flag(tty, &pty->locked, user);
	case TIOCGPTLCK:
		return put_user((int)READ_ONCE(pty->locked), user);
	case TIOCPKT:
		return set_flag(tty, &pty->packet, user);
	case TIOCGPKT:
		return put_user((int)READ_ONCE(pty->packet), user);
	case TIOCSIG:
		return send_signal(tty, arg);
	case TIOCGPTPEER:
		return open_peer(file, arg);
	case FIONREAD:
		return put_user((int)ring_used(&pty->out), user);
	case TCFLSH:
		return flush(tty, arg);
	case TCSBRK:
	case TCSBRKP:
		return 0;
	default:
		return tty_pair_ioctl(tty, file, cmd, arg, true);
	}
}

static int master_async(int fd, struct file *file, bool on)
{
	struct tty *tty = file->private_data;
	int error = async_switch(fd, file, on, &tty->pty->async);

	if (error == 0 && on)
		async_default_owner(file, current->signal->pids[PIDTYPE_TGID], false);
	return error;
}

const struct file_operations ptmx_operations = {
	.open = master_open,
	.release = master_release,
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.async = master_async,
};
