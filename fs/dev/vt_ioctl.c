/*
 * The screen as a terminal driver, and the requests by which programs know a console
 * (ioctl_console(2)). There is one virtual terminal, number 1, always in text mode.
 */
#include <tine/err.h>
#include <tine/task.h>
#include <tine/tty.h>
#include <tine/uaccess.h>
#include <uapi/kd.h>

/* Who may change it: whose terminal it is, and root. */
static bool may_change(const struct tty *tty)
{
	return current->signal->tty == tty || capable(CAP_SYS_TTY_CONFIG);
}

static long set_mode(const struct tty *tty, bool possible)
{
	if (!may_change(tty))
		return -EPERM;
	return possible ? 0 : -EINVAL;
}

static long activate(const struct tty *tty, unsigned long n)
{
	if (!may_change(tty))
		return -EPERM;
	return n == 1 ? 0 : -ENXIO;
}

static long screen_ioctl(struct tty *tty, unsigned int cmd, unsigned long arg)
{
	static const struct vt_mode automatic;
	static const struct vt_stat state = {.v_active = 1, .v_state = 3};
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case KDGKBTYPE:
		return put_user((char)KB_101, (char __user *)user);
	case KDGETMODE:
		return put_user(KD_TEXT, (int __user *)user);
	case KDSETMODE:
		return set_mode(tty, arg == KD_TEXT);
	case KDGKBMODE:
		return put_user(K_UNICODE, (int __user *)user);
	case KDSKBMODE:
		return set_mode(tty, arg == K_UNICODE || arg == K_XLATE);
	case VT_OPENQRY: /* the next one that is free: there is none */
		return put_user(-1, (int __user *)user);
	case VT_GETMODE:
		return copy_to_user(user, &automatic, sizeof(automatic)) ? -EFAULT : 0;
	case VT_GETSTATE:
		return copy_to_user(user, &state, sizeof(state)) ? -EFAULT : 0;
	case VT_ACTIVATE:
	case VT_WAITACTIVE:
		return activate(tty, arg);
	default:
		return -ENOTTY;
	}
}

const struct tty_driver screen_driver = {
	.write = tty_device_write,
	.ioctl = screen_ioctl,
	.termios = {TTY_STD_IFLAG | IUTF8, OPOST | ONLCR, B38400 | CS8 | CREAD | HUPCL,
		    TTY_STD_LFLAG, 0, TTY_STD_CC, 38400, 38400},
	.resets = true,
};
