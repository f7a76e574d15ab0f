/*
 * ioctl(2) of terminals (ioctl_tty(2)): settings, window size, queues; what is about sessions is in
 * tty_jobctrl.c. A pseudo terminal's master has the slave's settings and sessions, so
 * tty_pair_ioctl is for both ends.
 *
 * Output is written at once, so there is never any to wait for.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/fs.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/tty.h>
#include <tine/uaccess.h>
#include <uapi/ioctl.h>

/* The three forms of the settings. That of TCGETS is the beginning of that of TCGETS2. */
enum termios_form { TERMIO, TERMIOS, TERMIOS2 };

_Static_assert(sizeof(struct kernel_termios) == 36, "TCGETS");
_Static_assert(sizeof(struct kernel_termios2) == 44, "TCGETS2");
_Static_assert(sizeof(struct termio) == 18, "TCGETA");

static const struct termios_command {
	unsigned int cmd;
	enum termios_form form;
	bool set, flush;
} termios_commands[] = {
	{TCGETS, TERMIOS, false, false},   {TCSETS, TERMIOS, true, false},
	{TCSETSW, TERMIOS, true, false},   {TCSETSF, TERMIOS, true, true},
	{TCGETA, TERMIO, false, false},    {TCSETA, TERMIO, true, false},
	{TCSETAW, TERMIO, true, false},    {TCSETAF, TERMIO, true, true},
	{TCGETS2, TERMIOS2, false, false}, {TCSETS2, TERMIOS2, true, false},
	{TCSETSW2, TERMIOS2, true, false}, {TCSETSF2, TERMIOS2, true, true},
};

static const struct termios_command *termios_command(unsigned int cmd)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(termios_commands); i++)
		if (termios_commands[i].cmd == cmd)
			return &termios_commands[i];
	return NULL;
}

static long get_termios(struct tty *tty, enum termios_form form, void __user *user)
{
	struct kernel_termios2 all;
	struct termio old;

	all = MUTEX_LOCKED(&tty->lock, tty->termios);
	if (form != TERMIO)
		return copy_to_user(user, &all,
				    form == TERMIOS ? sizeof(struct kernel_termios) : sizeof(all))
			       ? -EFAULT
			       : 0;
	memset(&old, 0, sizeof(old));
	old.c_iflag = all.c_iflag;
	old.c_oflag = all.c_oflag;
	old.c_cflag = all.c_cflag;
	old.c_lflag = all.c_lflag;
	old.c_line = all.c_line;
	memcpy(old.c_cc, all.c_cc, sizeof(old.c_cc));
	return copy_to_user(user, &old, sizeof(old)) ? -EFAULT : 0;
}

static unsigned int merge(unsigned int all, unsigned short low)
{
	return (all & 0xffff0000) | low;
}

/* Changes what the form has of *all to what user says. */
static int read_termios(enum termios_form form, const void __user *user,
			struct kernel_termios2 *all)
{
	struct termio old;

	if (form != TERMIO)
		return copy_from_user(all, user,
				      form == TERMIOS ? sizeof(struct kernel_termios)
						      : sizeof(*all))
			       ? -EFAULT
			       : 0;
	if (copy_from_user(&old, user, sizeof(old)))
		return -EFAULT;
	all->c_iflag = merge(all->c_iflag, old.c_iflag);
	all->c_oflag = merge(all->c_oflag, old.c_oflag);
	all->c_cflag = merge(all->c_cflag, old.c_cflag);
	all->c_lflag = merge(all->c_lflag, old.c_lflag);
	all->c_line = old.c_line;
	memcpy(all->c_cc, old.c_cc, sizeof(old.c_cc));
	return 0;
}

/* What the speed bits stand for; asked: BOTHER. */
static unsigned int speed(unsigned int bits, unsigned int asked)
{
	static const unsigned int speeds[] = {
		0,       50,      75,      110,     134,     150,     200,     300,
		600,     1200,    1800,    2400,    4800,    9600,    19200,   38400,
		57600,   115200,  230400,  460800,  500000,  576000,  921600,  1000000,
		1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
	};

	bits &= CBAUD;
	if (bits == BOTHER)
		return asked;
	return speeds[bits & BOTHER ? (bits & 15) + 15 : bits];
}

static void set_speeds(struct kernel_termios2 *t)
{
	unsigned int input = t->c_cflag >> IBSHIFT & CBAUD;

	t->c_ospeed = speed(t->c_cflag, t->c_ospeed);
	t->c_ispeed = input ? speed(input, t->c_ispeed) : t->c_ospeed;
}

static long set_termios(struct tty *tty, const struct termios_command *command,
			const void __user *user)
{
	struct kernel_termios2 termios;
	long error = tty_check_change(tty, SIGTTOU);

	if (error != 0)
		return error;
	termios = MUTEX_LOCKED(&tty->lock, tty->termios);
	error = read_termios(command->form, user, &termios);
	if (error != 0)
		return error;
	set_speeds(&termios);
	mutex_lock(&tty->lock);
	if (command->flush)
		n_tty_flush_input(tty);
	if (tty->pty)
		pty_adjust_termios(tty, &termios);
	n_tty_set_termios(tty, &termios);
	mutex_unlock(&tty->lock);
	return 0;
}

static long get_winsize(struct tty *tty, struct winsize __user *user)
{
	struct winsize size;

	size = MUTEX_LOCKED(&tty->lock, tty->winsize);
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

static long flush(struct tty *tty, unsigned long which)
{
	if (which > TCIOFLUSH)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (which != TCIFLUSH)
		pty_set_status(tty, 0, TIOCPKT_FLUSHWRITE);
	if (which != TCOFLUSH) {
		n_tty_flush_input(tty);
		tty_pump(tty);
	}
	mutex_unlock(&tty->lock);
	return 0;
}

/* The other end is asked to stop or to go on. */
static void send_flow_char(struct tty *tty, unsigned int which)
{
	char c = tty->termios.c_cc[which];

	if (c != DISABLED_CHAR)
		tty->driver->write(tty, &c, 1);
}

static long flow(struct tty *tty, unsigned long what)
{
	if (what > TCION)
		return -EINVAL;
	mutex_lock(&tty->lock);
	if (what == TCOOFF) {
		tty->held = true;
		tty_stop(tty);
	} else if (what == TCOON && tty->held) {
		tty->held = false;
		tty_start(tty);
	} else if (what != TCOON) {
		send_flow_char(tty, what == TCIOFF ? VSTOP : VSTART);
	}
	mutex_unlock(&tty->lock);
	return 0;
}

static long readable_bytes(struct tty *tty, int __user *user)
{
	u32 n, ends = 0;

	mutex_lock(&tty->lock);
	n = n_tty_available(tty);
	for (u32 at = tty->tail; n_tty_canonical(tty) && at != tty->line_head; at++)
		ends += n_tty_line_end(tty, at) && n_tty_char(tty, at) == DISABLED_CHAR;
	mutex_unlock(&tty->lock);
	return put_user((int)(n - ends), user);
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

static long hang_up(struct tty *tty)
{
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	tty_vhangup(tty);
	return 0;
}

static long set_discipline(const int __user *user)
{
	int n;

	if (get_user(n, user) != 0)
		return -EFAULT;
	return n == 0 ? 0 : -EINVAL;
}

static void set_exclusive(struct tty *tty, bool on)
{
	MUTEX_LOCKED(&tty->lock, tty->exclusive = on);
}

long tty_pair_ioctl(struct tty *tty, struct file *file, unsigned int cmd, unsigned long arg,
		    bool by_master)
{
	const struct termios_command *command = termios_command(cmd);
	void __user *user = (void __user *)arg;

	if (command)
		return command->set ? set_termios(tty, command, user)
				    : get_termios(tty, command->form, user);
	switch (cmd) {
	case TIOCGWINSZ:
		return get_winsize(tty, user);
	case TIOCSWINSZ:
		return set_winsize(tty, user);
	case TIOCGETD:
	case TIOCOUTQ:
		return put_user(0, (int __user *)user);
	case TIOCSETD:
		return set_discipline(user);
	case TIOCGDEV:
		return put_user((u32)new_encode_dev(tty->dev), (u32 __user *)user);
	default:
		return tty_job_ioctl(tty, file, cmd, arg, by_master);
	}
}

/* Commands that a process of the background may not give. */
static bool changes(unsigned int cmd)
{
	return cmd == TCFLSH || cmd == TCXONC || cmd == TCSBRK || cmd == TCSBRKP ||
	       cmd == TIOCSBRK || cmd == TIOCCBRK || cmd == TIOCSETD;
}

static long do_ioctl(struct tty *tty, struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case TCFLSH:
		return flush(tty, arg);
	case TCXONC:
		return flow(tty, arg);
	case FIONREAD:
		return readable_bytes(tty, user);
	case TCSBRK:
	case TCSBRKP:
	case TIOCSBRK:
	case TIOCCBRK:
		return 0;
	case TIOCSTI:
		return simulate_input(tty, user);
	case TIOCEXCL:
	case TIOCNXCL:
		set_exclusive(tty, cmd == TIOCEXCL);
		return 0;
	case TIOCGEXCL:
		return put_user((int)tty->exclusive, (int __user *)user);
	case TIOCVHANGUP:
		return hang_up(tty);
	case TIOCGPTPEER: /* of something that is no master */
		return -EIO;
	default:
		return tty_pair_ioctl(tty, file, cmd, arg, false);
	}
}

long tty_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct tty *tty = file->private_data;
	long error;

	if (tty_hung_up(file))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	error = changes(cmd) ? tty_check_change(tty, SIGTTOU) : 0;
	if (error != 0)
		return error;
	error = tty->driver->ioctl ? tty->driver->ioctl(tty, cmd, arg) : -ENOTTY;
	return error == -ENOTTY ? do_ioctl(tty, file, cmd, arg) : error;
}
