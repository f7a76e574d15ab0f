/*
 * ioctl(2) of terminals (ioctl_tty(2)): settings, window size, queues; what is about sessions is in
 * tty_jobctrl.c.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/signal.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/tty.h>
#include <tine/uaccess.h>
#include <uapi/ioctl.h>

static long get_termios(struct tty *tty, struct kernel_termios __user *user)
{
	struct kernel_termios termios;

	mutex_lock(&tty->lock);
	termios = tty->termios;
	mutex_unlock(&tty->lock);
	return copy_to_user(user, &termios, sizeof(termios)) ? -EFAULT : 0;
}

static long set_termios(struct tty *tty, const struct kernel_termios __user *user, bool flush)
{
	struct kernel_termios termios;
	int error = tty_check_change(tty, SIGTTOU);

	if (error != 0)
		return error;
	if (copy_from_user(&termios, user, sizeof(termios)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	if (flush)
		n_tty_flush_input(tty);
	n_tty_set_termios(tty, &termios);
	mutex_unlock(&tty->lock);
	return 0;
}

static long get_winsize(struct tty *tty, struct winsize __user *user)
{
	struct winsize size;

	mutex_lock(&tty->lock);
	size = tty->winsize;
	mutex_unlock(&tty->lock);
	return copy_to_user(user, &size, sizeof(size)) ? -EFAULT : 0;
}

static long set_winsize(struct tty *tty, const struct winsize __user *user)
{
	struct winsize size;
	bool changed;

	if (copy_from_user(&size, user, sizeof(size)))
		return -EFAULT;
	mutex_lock(&tty->lock);
	changed = memcmp(&size, &tty->winsize, sizeof(size)) != 0;
	tty->winsize = size;
	mutex_unlock(&tty->lock);
	if (changed)
		tty_signal(tty, SIGWINCH);
	return 0;
}

/* Output is written at once, so there is never any to flush. */
static long flush(struct tty *tty, unsigned long which)
{
	int error = tty_check_change(tty, SIGTTOU);

	if (error != 0)
		return error;
	if (which > TCIOFLUSH)
		return -EINVAL;
	if (which != TCOFLUSH) {
		mutex_lock(&tty->lock);
		n_tty_flush_input(tty);
		mutex_unlock(&tty->lock);
	}
	return 0;
}

static long flow(struct tty *tty, unsigned long what)
{
	int error = tty_check_change(tty, SIGTTOU);

	if (error != 0)
		return error;
	switch (what) {
	case TCOOFF:
	case TCOON:
		mutex_lock(&tty->lock);
		WRITE_ONCE(tty->stopped, what == TCOOFF);
		mutex_unlock(&tty->lock);
		wake_up_all(&tty->write_wait);
		return 0;
	case TCIOFF:
	case TCION:
		tty->output((char *)&tty->termios.c_cc[what == TCIOFF ? VSTOP : VSTART], 1);
		return 0;
	default:
		return -EINVAL;
	}
}

static long readable_bytes(struct tty *tty, int __user *user)
{
	u32 n;

	mutex_lock(&tty->lock);
	n = (tty->termios.c_lflag & ICANON ? tty->line_head : tty->head) - tty->tail;
	mutex_unlock(&tty->lock);
	return put_user((int)n, user);
}

/* Puts a character into the input as if it had been typed. */
static long simulate_input(struct tty *tty, const char __user *user)
{
	char c;

	if (current->signal->tty != tty && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (get_user(c, user) != 0)
		return -EFAULT;
	mutex_lock(&tty->lock);
	n_tty_receive(tty, &c, 1);
	mutex_unlock(&tty->lock);
	return 0;
}

long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tty *tty = file->private_data;
	void __user *user = (void __user *)arg;

	if (tty_hung_up(file))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TCGETS:
		return get_termios(tty, user);
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(tty, user, cmd == TCSETSF);
	case TIOCGWINSZ:
		return get_winsize(tty, user);
	case TIOCSWINSZ:
		return set_winsize(tty, user);
	case TCFLSH:
		return flush(tty, arg);
	case TCXONC:
		return flow(tty, arg);
	case FIONREAD:
		return readable_bytes(tty, user);
	case TIOCOUTQ:
		return put_user(0, (int __user *)user);
	case TCSBRK:
	case TCSBRKP:
		return tty_check_change(tty, SIGTTOU);
	case TIOCSTI:
		return simulate_input(tty, user);
	default:
		return tty_job_ioctl(tty, cmd, arg);
	}
}
