/*
 * Character devices: a table from device numbers to operations, and the nodes that /dev shows for
 * them. A device node is opened by finding its row and letting the device's own operations take
 * over.
 */
#include <tine/dev.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/pty.h>

const struct chrdev chrdevs[] = {
	{"null", MKDEV(1, 3), 0666, &null_operations},
	{"zero", MKDEV(1, 5), 0666, &zero_operations},
	{"full", MKDEV(1, 7), 0666, &full_operations},
	{"random", MKDEV(1, 8), 0666, &random_operations},
	{"urandom", MKDEV(1, 9), 0666, &random_operations},
	{"kmsg", MKDEV(1, 11), 0644, &kmsg_operations},
	{"tty0", MKDEV(4, 0), 0620, &tty_operations},
	{"tty1", MKDEV(4, 1), 0620, &tty_operations},
	{"ttyS0", MKDEV(4, 64), 0600, &tty_operations},
	{"tty", DEV_TTY, 0666, &tty_operations},
	{"console", DEV_CONSOLE, 0600, &tty_operations},
	{"ptmx", DEV_PTMX, 0666, &ptmx_operations},
	{NULL, 0, 0, NULL},
};

const struct file_operations *chrdev_find(dev_t dev)
{
	for (const struct chrdev *c = chrdevs; c->name; c++)
		if (c->dev == dev)
			return c->ops;
	return MAJOR(dev) == PTS_MAJOR ? &tty_operations : NULL;
}

static int chrdev_open(struct inode *inode, struct file *file)
{
	const struct file_operations *ops = chrdev_find(inode->rdev);

	if (!ops)
		return -ENXIO;
	file->ops = ops;
	return ops->open ? ops->open(inode, file) : 0;
}

const struct file_operations chrdev_operations = {
	.open = chrdev_open,
};

/* Block devices and sockets: there are nodes, but nothing behind them. */
static int nodev_open(struct inode *inode, struct file *file)
{
	return -ENXIO;
}

const struct file_operations nodev_operations = {
	.open = nodev_open,
};
