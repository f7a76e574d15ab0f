/* Devices: the table behind /dev (fs/dev/chrdev.c) and its rows' operations. */
#pragma once

#include <tine/file.h>

struct chrdev {
	const char *name; /* in /dev */
	dev_t dev;
	mode_t mode;
	const struct file_operations *ops;
};

extern const struct chrdev chrdevs[]; /* ends with a NULL name */

extern const struct file_operations null_operations, zero_operations, full_operations;
extern const struct file_operations random_operations, kmsg_operations, tty_operations;
