/*
 * eventfd(2): a counter behind a descriptor. Writes add to it and wait where it would reach its
 * largest value; reads wait for it to be more than zero and take all of it, or one (EFD_SEMAPHORE).
 *
 * The counter is one word, changed by compare and exchange: no lock. Who changed it wakes the other
 * side afterwards; whoever sleeps looks at it once more after joining the queue.
 */
#include <tine/err.h>
#include <tine/iov_iter.h>
#include <tine/poll.h>
#include <tine/pseudo_fs.h>
#include <tine/rw.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <uapi/eventfd.h>

#define MAX_COUNT (~0ull - 1) /* that a write may reach */

struct eventfd {
	u64 count; /* atomic */
	bool semaphore;
	struct wait_queue wait;
};

static u64 get_count(const struct eventfd *e)
{
	return __atomic_load_n(&e->count, __ATOMIC_SEQ_CST);
}

/* Takes what a read takes; 0: there is nothing. */
static u64 take(struct eventfd *e)
{
	u64 old = get_count(e), n;

	do
		n = e->semaphore ? MIN(old, 1ull) : old;
	while (n && !__atomic_compare_exchange_n(&e->count, &old, old - n, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST));
	return n;
}

/* Adds n, if that fits. */
static bool add(struct eventfd *e, u64 n)
{
	u64 old = get_count(e);

	do
		if (n > MAX_COUNT - old)
			return false;
	while (!__atomic_compare_exchange_n(&e->count, &old, old + n, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST));
	return true;
}

static ssize_t eventfd_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	struct eventfd *e = file->private_data;
	int error;
	u64 n;

	if (to->count < sizeof(n))
		return -EINVAL;
	while (!(n = take(e))) {
		error = file_wait_event(file, &e->wait, get_count(e) > 0);
		if (error != 0)
			return error;
	}
	wake_up_poll(&e->wait, POLLOUT);
	return copy_to_iter(&n, sizeof(n), to) < sizeof(n) ? -EFAULT : (ssize_t)sizeof(n);
}

static ssize_t eventfd_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	struct eventfd *e = file->private_data;
	int error;
	u64 n;

	if (from->count < sizeof(n))
		return -EINVAL;
	if (copy_from_iter(&n, sizeof(n), from) < sizeof(n))
		return -EFAULT;
	if (n == ~0ull)
		return -EINVAL;
	while (!add(e, n)) {
		error = file_wait_event(file, &e->wait, n <= MAX_COUNT - get_count(e));
		if (error != 0)
			return error;
	}
	wake_up_poll(&e->wait, POLLIN);
	return sizeof(n);
}

static u32 eventfd_poll(struct file *file, struct poll_table *table)
{
	struct eventfd *e = file->private_data;
	u64 count;

	poll_wait(file, &e->wait, table);
	count = get_count(e);
	return (count > 0 ? POLLIN : 0) | (count < MAX_COUNT ? POLLOUT : 0);
}

static void eventfd_release(struct file *file)
{
	kfree(file->private_data);
}

static const struct file_operations eventfd_operations = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.llseek = noop_llseek,
	.release = eventfd_release,
};

long sys_eventfd2(unsigned int count, int flags)
{
	struct eventfd *e;

	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	e = kzalloc(sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	wait_queue_init(&e->wait);
	return anon_inode_fd("[eventfd]", O_RDWR | (flags & ~EFD_SEMAPHORE), &eventfd_operations,
			     e);
}
