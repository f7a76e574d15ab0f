/*
 * timerfd_create(2) and its relatives: a timer behind a descriptor. A read takes the number of
 * periods that have passed since the last one, and waits for the first.
 *
 * As with timers that send signals the timer stands still once it has expired: what passes from then
 * on is counted when somebody reads, or asks for the time left, and it is armed again.
 *
 * With TFD_TIMER_CANCEL_ON_SET the descriptor becomes readable when the time of day is set, and the
 * read says ECANCELED. Such a timer waits for that whether it is armed or not (struct clock_timer).
 *
 * Lock: timerfd.lock, with interrupts off, since the timer's function takes it.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/iov_iter.h>
#include <tine/poll.h>
#include <tine/pseudo_fs.h>
#include <tine/rw.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/timers.h>

struct timerfd {
	struct spinlock lock;
	struct wait_queue wait;
	clockid_t clock;       /* c: as asked for */
	clockid_t base;        /* lock: the clock that value is on */
	struct interval value; /* lock */
	bool armed;            /* lock */
	bool expired;          /* lock: since it was set or read; it is not armed */
	u64 ticks;             /* lock: periods that passed, without those since expired */
	bool cancels;          /* lock: setting the time of day is to be told */
	bool cancelled;        /* lock: it was set, and nobody has been told */
	u64 set_count;         /* lock: how often it had been set when last told */
	struct clock_timer timer;
};

/* --- With the lock held --- */

/* Learns that the time of day was set, if that matters: a reader is to be told. True: just now. */
static bool note_set(struct timerfd *t)
{
	if (!t->cancels || t->cancelled || t->set_count == clock_set_count())
		return false;
	t->cancelled = true;
	t->ticks++;
	return true;
}

/* Whoever calls this tells the program, which is told once each time. */
static bool take_cancelled(struct timerfd *t)
{
	note_set(t);
	if (!t->cancelled)
		return false;
	t->cancelled = false;
	t->set_count = clock_set_count();
	return true;
}

static void arm(struct timerfd *t)
{
	t->armed = true;
	clock_timer_arm(&t->timer, t->base, t->value.expires);
}

/* A timer that repeats and has expired goes on; returns the periods that passed meanwhile. */
static u64 go_on(struct timerfd *t)
{
	u64 periods;

	if (!t->expired || !t->value.period)
		return 0;
	periods = interval_forward(&t->value, wall_clock_now(t->base));
	t->expired = false;
	arm(t);
	return periods ? periods - 1 : 0;
}

static struct interval time_left(const struct timerfd *t)
{
	struct interval left = {.period = t->value.period};

	if (t->armed)
		left.expires = interval_left(&t->value, wall_clock_now(t->base), 0);
	return left;
}

static void timerfd_expired(struct timer *timer, u64 unused)
{
	struct timerfd *t = timer->arg;
	bool wake;

	spin_lock(&t->lock);
	wake = note_set(t);
	if (t->armed && t->value.expires <= wall_clock_now(t->base)) {
		t->armed = false;
		t->expired = wake = true;
		t->ticks++;
	} else if (t->armed) {
		arm(t); /* the clock was set */
	}
	spin_unlock(&t->lock);
	if (wake)
		wake_up_poll(&t->wait, POLLIN);
}

/* -ECANCELED: set, and the time of day was set since a read would have told. */
static int set_timer(struct timerfd *t, int flags, struct interval value)
{
	bool absolute = flags & TFD_TIMER_ABSTIME;
	bool by_day = t->clock == CLOCK_REALTIME || t->clock == CLOCK_REALTIME_ALARM;
	bool cancels = by_day && absolute && (flags & TFD_TIMER_CANCEL_ON_SET);

	if (cancels && !t->cancels)
		t->set_count = clock_set_count();
	t->cancels = cancels;
	t->cancelled = t->cancelled && cancels;
	t->base = t->clock == CLOCK_REALTIME && !absolute ? CLOCK_MONOTONIC : t->clock;
	if (value.expires && !absolute)
		value.expires = add_saturated(wall_clock_now(t->base), value.expires);
	t->value = value;
	t->expired = false;
	t->ticks = 0;
	if (cancels)
		clock_timer_watch(&t->timer);
	if (value.expires)
		arm(t);
	return take_cancelled(t) ? -ECANCELED : 0;
}

/* What a read takes: 0 nothing; -ECANCELED. */
static int take_ticks(struct timerfd *t, u64 *ticks)
{
	int error = 0;

	*ticks = 0;
	if (take_cancelled(t)) {
		error = -ECANCELED;
	} else if (t->ticks) {
		*ticks = t->ticks + go_on(t);
	}
	if (error || *ticks) {
		t->ticks = 0;
		t->expired = false;
	}
	return error;
}

/* --- As a file --- */

static ssize_t timerfd_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	struct timerfd *t = file->private_data;
	irq_state_t irq;
	u64 ticks;
	int error;

	if (to->count < sizeof(ticks))
		return -EINVAL;
	do {
		irq = spin_lock_irqsave(&t->lock);
		error = take_ticks(t, &ticks);
		spin_unlock_irqrestore(&t->lock, irq);
		if (!error && !ticks)
			error = file_wait_event(file, &t->wait, READ_ONCE(t->ticks) > 0);
	} while (!error && !ticks);
	if (error)
		return error;
	return copy_to_iter(&ticks, sizeof(ticks), to) < sizeof(ticks) ? -EFAULT
								       : (ssize_t)sizeof(ticks);
}

static u32 timerfd_poll(struct file *file, struct poll_table *table)
{
	struct timerfd *t = file->private_data;
	irq_state_t irq;
	bool ready;

	poll_wait(file, &t->wait, table);
	irq = spin_lock_irqsave(&t->lock);
	note_set(t);
	ready = t->ticks > 0;
	spin_unlock_irqrestore(&t->lock, irq);
	return ready ? POLLIN : 0;
}

static void timerfd_release(struct file *file)
{
	struct timerfd *t = file->private_data;

	clock_timer_cancel(&t->timer);
	kfree(t);
}

static const struct file_operations timerfd_operations = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.llseek = noop_llseek,
	.release = timerfd_release,
};

/* --- System calls --- */

static bool is_alarm(clockid_t clock)
{
	return clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

long sys_timerfd_create(int clock, int flags)
{
	struct timerfd *t;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME &&
	    !is_alarm(clock))
		return -EINVAL;
	if (is_alarm(clock) && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	spin_lock_init(&t->lock, LOCK_CLASS_TIMERFD);
	wait_queue_init(&t->wait);
	t->clock = t->base = clock;
	clock_timer_setup(&t->timer, timerfd_expired, t);
	return anon_inode_fd("[timerfd]", O_RDWR | flags, &timerfd_operations, t);
}

/* The timer behind a descriptor, whose caller holds it; ERR_PTR of EBADF, EINVAL. */
static struct timerfd *timerfd_of(struct fd f)
{
	if (!f.file)
		return ERR_PTR(-EBADF);
	return f.file->ops == &timerfd_operations ? f.file->private_data : ERR_PTR(-EINVAL);
}

static int set_timerfd(int fd, int flags, struct interval value, struct interval *old)
{
	struct fd f SCOPED(fdput) = fdget(fd);
	struct timerfd *t = timerfd_of(f);
	irq_state_t irq;
	int error;

	if (IS_ERR(t))
		return PTR_ERR(t);
	if (is_alarm(t->clock) && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	irq = spin_lock_irqsave(&t->lock);
	go_on(t);
	*old = time_left(t);
	t->armed = false;
	clock_timer_disarm(&t->timer);
	error = set_timer(t, flags, value);
	spin_unlock_irqrestore(&t->lock, irq);
	return error;
}

long sys_timerfd_settime(int fd, int flags, const struct uapi_itimerspec __user *from,
			 struct uapi_itimerspec __user *to)
{
	struct interval value, old;
	int error = get_itimerspec(from, &value);

	if (error != -EFAULT && (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)))
		error = -EINVAL;
	if (!error)
		error = set_timerfd(fd, flags, value, &old);
	return error || !to ? error : put_itimerspec(&old, to);
}

long sys_timerfd_gettime(int fd, struct uapi_itimerspec __user *to)
{
	struct fd f SCOPED(fdput) = fdget(fd);
	struct timerfd *t = timerfd_of(f);
	struct interval left;
	irq_state_t irq;

	if (IS_ERR(t))
		return PTR_ERR(t);
	irq = spin_lock_irqsave(&t->lock);
	t->ticks += go_on(t);
	left = time_left(t);
	spin_unlock_irqrestore(&t->lock, irq);
	return put_itimerspec(&left, to);
}
