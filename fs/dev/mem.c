/*
 * The devices that are no hardware: null, zero, full, random, urandom, kmsg. /dev/zero maps as
 * anonymous memory does: private mappings are holes, shared ones are made of the pages of a
 * nameless file that the mapping's open file keeps.
 */
#include <tine/dev.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/page.h>
#include <tine/printk.h>
#include <tine/random.h>
#include <tine/rw.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>

static ssize_t null_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	return 0;
}

static ssize_t null_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	size_t n = from->count;

	iov_iter_advance(from, n);
	return n;
}

/* Seeking is allowed and makes no difference. */
static loff_t null_llseek(struct file *file, loff_t offset, int whence)
{
	return file->pos = 0;
}

const struct file_operations null_operations = {
	.read = null_read,
	.write = null_write,
	.llseek = null_llseek,
};

static ssize_t zero_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	ssize_t done = 0;

	while (to->count) {
		size_t n = MIN(to->count, PAGE_SIZE), zeroed = zero_to_iter(n, to);

		done += zeroed;
		if (zeroed < n)
			return done ? done : -EFAULT;
		if (signal_pending(current))
			return done;
		cond_resched();
	}
	return done;
}

const struct file_operations zero_operations = {
	.read = zero_read,
	.write = null_write,
	.llseek = null_llseek,
	.maps_anonymous = true,
};

static ssize_t full_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	return -ENOSPC;
}

const struct file_operations full_operations = {
	.read = zero_read,
	.write = full_write,
	.llseek = null_llseek,
};

static ssize_t random_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	u8 bytes[128];
	ssize_t done = 0;

	while (to->count) {
		size_t n = MIN(to->count, sizeof(bytes)), copied;

		get_random_bytes(bytes, n);
		copied = copy_to_iter(bytes, n, to);
		done += copied;
		if (copied < n)
			return done ? done : -EFAULT;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	memset(bytes, 0, sizeof(bytes));
	return done;
}

const struct file_operations random_operations = {
	.read = random_read,
	.write = null_write,
	.llseek = noop_llseek,
};

#define KMSG_LINE 992

/* Writing a line logs it; "<n>" in front is its level. */
static ssize_t kmsg_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	size_t n = from->count, start = 0;
	char *line SCOPED(kfree) = NULL;
	int level = LOG_NOTICE;

	if (n > KMSG_LINE)
		return -EINVAL;
	line = kmalloc(n + 1);
	if (!line)
		return -ENOMEM;
	if (copy_from_iter(line, n, from) < n)
		return -EFAULT;
	line[n] = '\0';
	if (n > 3 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {
		level = line[1] - '0';
		start = 3;
	}
	printk(level, "%s%s", line + start, n && line[n - 1] == '\n' ? "" : "\n");
	return n;
}

const struct file_operations kmsg_operations = {
	.write = kmsg_write,
};
