/*
 * futex_waitv(2): waiting for any of up to 128 futexes.
 *
 * One waiter a word, each queued as FUTEX_WAIT does. While the later ones are queued the first may
 * be woken already; that is seen before going to sleep, and counts for more than a word that has
 * another value or cannot be read.
 */
#include <tine/err.h>
#include <tine/futex.h>
#include <tine/futex_internal.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>
#include <uapi/futex.h>

struct wanted {
	struct futex futex;
	struct futex_waiter waiter;
	u32 expected;
};

struct vector {
	unsigned int n;
	struct wanted wanted[];
};

static int read_wanted(struct vector *v, const struct futex_waitv __user *from)
{
	struct futex_waitv asked;

	for (unsigned int i = 0; i < v->n; i++) {
		if (get_user(asked, &from[i]))
			return -EFAULT;
		if ((asked.flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG)) || asked.reserved ||
		    !(asked.flags & FUTEX_32))
			return -EINVAL;
		v->wanted[i] = (struct wanted){
			.futex = {.word = (u32 __user *)asked.uaddr,
				  .private = asked.flags & FUTEX_PRIVATE_FLAG},
			.waiter = {.task = current, .bitset = FUTEX_BITSET_MATCH_ANY},
			.expected = asked.val,
		};
	}
	return 0;
}

/* Takes the first n out of their queues. The last of them that had been woken; else error. */
static int unqueue_first(struct vector *v, unsigned int n, int error)
{
	for (unsigned int i = 0; i < n; i++)
		if (!unqueue(&v->wanted[i].waiter))
			error = i;
	return error;
}

/* How many are queued, from the first; if not all, *error says why. */
static unsigned int queue_all(struct vector *v, int *error)
{
	unsigned int i;

	*error = 0;
	for (i = 0; i < v->n && !*error; i++)
		*error = find_futex(&v->wanted[i].futex, false);
	if (*error)
		return 0;
	for (i = 0; i < v->n; i++) {
		struct wanted *w = &v->wanted[i];

		*error = queue_waiter(&w->futex, &w->waiter, w->expected);
		if (*error)
			break;
	}
	return i;
}

static bool is_any_woken(const struct vector *v)
{
	for (unsigned int i = 0; i < v->n; i++)
		if (is_woken(&v->wanted[i].waiter))
			return true;
	return false;
}

/* Which was woken; ETIMEDOUT, ERESTARTSYS, EAGAIN, EFAULT, EINVAL. */
static int wait_for_any(struct vector *v, const struct deadline *deadline)
{
	int error;
	unsigned int queued = queue_all(v, &error);

	while (!error) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (is_any_woken(v))
			break;
		if (signal_pending(current))
			error = -ERESTARTSYS;
		else if (schedule_until(deadline))
			error = -ETIMEDOUT;
	}
	set_current_state(TASK_RUNNING);
	return unqueue_first(v, queued, error);
}

/* By the clock that the caller names; without a time, never. EINVAL, EFAULT. */
static int read_deadline(const struct uapi_timespec __user *timeout, clockid_t clock,
			 struct deadline *deadline)
{
	*deadline = (struct deadline){CLOCK_MONOTONIC, KTIME_MAX};
	if (!timeout)
		return 0;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -EINVAL;
	deadline->clock = clock;
	return get_timespec_ns(timeout, &deadline->ns);
}

long sys_futex_waitv(const struct futex_waitv __user *waiters, unsigned int n, unsigned int flags,
		     const struct uapi_timespec __user *timeout, clockid_t clock)
{
	struct deadline deadline;
	struct vector *v;
	int result;

	if (flags || !n || n > FUTEX_WAITV_MAX || !waiters)
		return -EINVAL;
	result = read_deadline(timeout, clock, &deadline);
	if (result)
		return result;
	v = kmalloc(sizeof(*v) + n * sizeof(struct wanted));
	if (!v)
		return -ENOMEM;
	v->n = n;
	result = read_wanted(v, waiters);
	if (!result)
		result = wait_for_any(v, &deadline);
	kfree(v);
	return result;
}
