/* The screen as a terminal. */
#include <tine/tty.h>

const struct tty_driver screen_driver = {
	.write = tty_device_write,
	.termios = {TTY_STD_IFLAG | IUTF8, OPOST | ONLCR, B38400 | CS8 | CREAD | HUPCL,
		    TTY_STD_LFLAG, 0, TTY_STD_CC, 38400, 38400},
	.resets = true,
};
