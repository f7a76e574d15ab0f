/*
 * syslog(2): reading the kernel's messages. As on Debian, all of it is for the privileged: messages
 * may hold addresses.
 */
#include <tine/cred.h>
#include <tine/log.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/spinlock.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>
#include <uapi/syslog.h>

#define POLL_NS (NSEC_PER_SEC / 10)

/* Guarded by nothing but being single words: two readers share what there is. */
static u64 read_position;       /* SYSLOG_ACTION_READ goes on here */
static u64 clear_position;      /* SYSLOG_ACTION_READ_ALL begins here */
static int saved_loglevel = -1; /* before SYSLOG_ACTION_CONSOLE_OFF; -1: it is on */

/* Copies messages from *from on to user space. Bytes or -EFAULT. */
static long copy_messages(u64 *from, char __user *buf, size_t size)
{
	char part[128];
	size_t done = 0;

	while (done < size) {
		size_t n = log_read(from, part, MIN(sizeof(part), size - done));

		if (n == 0)
			break;
		if (copy_to_user(buf + done, part, n))
			return -EFAULT;
		done += n;
	}
	return done;
}

static long read_new(char __user *buf, size_t size)
{
	while (READ_ONCE(read_position) >= log_end()) {
		set_current_state(TASK_INTERRUPTIBLE);
		schedule_timeout(POLL_NS);
		if (signal_pending(current))
			return -ERESTARTSYS;
	}
	return copy_messages(&read_position, buf, size);
}

/* The last size bytes of messages, from the beginning of a line. */
static long read_all(char __user *buf, size_t size, bool clear)
{
	u64 end = log_end(), from = READ_ONCE(clear_position);
	char skipped;
	long n;

	if (end - from > size) {
		from = end - size - 1;
		while (log_read(&from, &skipped, 1) && skipped != '\n')
			;
	}
	n = copy_messages(&from, buf, size);
	if (clear && n >= 0)
		WRITE_ONCE(clear_position, end);
	return n;
}

static long set_console_level(int level)
{
	if (level < 1 || level > 8)
		return -EINVAL;
	console_loglevel = MAX(level, minimum_console_loglevel);
	saved_loglevel = -1;
	return 0;
}

static void console_off(void)
{
	if (saved_loglevel < 0)
		saved_loglevel = console_loglevel;
	console_loglevel = minimum_console_loglevel;
}

static void console_on(void)
{
	if (saved_loglevel >= 0)
		console_loglevel = saved_loglevel;
	saved_loglevel = -1;
}

static long checked_read(int type, char __user *buf, int size)
{
	if (!buf || size < 0)
		return -EINVAL;
	if (size == 0)
		return 0;
	if (!access_ok(buf, size))
		return -EFAULT;
	if (type == SYSLOG_ACTION_READ)
		return read_new(buf, size);
	return read_all(buf, size, type == SYSLOG_ACTION_READ_CLEAR);
}

long sys_syslog(int type, char __user *buf, int size)
{
	if (!capable(CAP_SYSLOG) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	switch (type) {
	case SYSLOG_ACTION_CLOSE:
	case SYSLOG_ACTION_OPEN:
		return 0;
	case SYSLOG_ACTION_READ:
	case SYSLOG_ACTION_READ_ALL:
	case SYSLOG_ACTION_READ_CLEAR:
		return checked_read(type, buf, size);
	case SYSLOG_ACTION_CLEAR:
		WRITE_ONCE(clear_position, log_end());
		return 0;
	case SYSLOG_ACTION_CONSOLE_OFF:
		console_off();
		return 0;
	case SYSLOG_ACTION_CONSOLE_ON:
		console_on();
		return 0;
	case SYSLOG_ACTION_CONSOLE_LEVEL:
		return set_console_level(size);
	case SYSLOG_ACTION_SIZE_UNREAD:
		return MIN(log_end() - READ_ONCE(read_position), LOG_RING_SIZE);
	case SYSLOG_ACTION_SIZE_BUFFER:
		return LOG_RING_SIZE;
	}
	return -EINVAL;
}
