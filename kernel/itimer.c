/*
 * setitimer(2), getitimer(2), alarm(2): three timers a process, each with a signal of its own.
 *
 *	ITIMER_REAL	SIGALRM		by the clock; a struct timer
 *	ITIMER_VIRTUAL	SIGVTALRM	by the process's user time  \ looked at when the timer
 *	ITIMER_PROF	SIGPROF		by all its CPU time	    / interrupt meets the process
 *
 * They stay over exec and are not inherited. As on Linux, ITIMER_REAL begins its next period when
 * its signal is taken, not when it is sent: a process that does not look cannot be flooded, and one
 * that ignores SIGALRM gets no second period.
 *
 * Lock: sighand->lock. The function of ITIMER_REAL may find that the timer was stopped or set anew
 * while it waited for the lock, so it looks at the time itself.
 */
#include <tine/rusage.h>
#include <tine/signal_internal.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/timers.h>
#include <tine/uaccess.h>

u64 interval_forward(struct interval *interval, u64 now)
{
	u64 periods;

	if (!interval->period || interval->expires > now)
		return 0;
	periods = (now - interval->expires) / interval->period + 1;
	interval->expires += periods * interval->period;
	return periods;
}

u64 interval_left(const struct interval *interval, u64 now, u64 atom)
{
	if (!interval->expires)
		return 0;
	return interval->expires > now ? interval->expires - now : atom;
}

int put_itimerspec(const struct interval *value, struct uapi_itimerspec __user *to)
{
	struct uapi_itimerspec v = {
		.it_interval = ns_to_timespec(value->period),
		.it_value = ns_to_timespec(value->expires),
	};

	return put_user(v, to) ? -EFAULT : 0;
}

int get_itimerspec(const struct uapi_itimerspec __user *from, struct interval *value)
{
	struct uapi_itimerspec v;

	if (get_user(v, from))
		return -EFAULT;
	if (timespec_to_ns(&v.it_interval, &value->period) ||
	    timespec_to_ns(&v.it_value, &value->expires))
		return -EINVAL;
	return 0;
}

/* --- ITIMER_REAL --- */

static void real_expired(struct timer *timer, u64 now)
{
	struct process_timers *timers = timer->arg;
	struct task_struct *task = lock_process_timers(timers);

	if (!task)
		return;
	if (timers->real_armed && timers->real_value.expires <= now) {
		timers->real_armed = false;
		send_signal_locked(SIGALRM, SEND_SIG_PRIV, task, PIDTYPE_TGID);
	}
	unlock_process_timers(timers, task);
}

void itimer_init(struct process_timers *timers)
{
	timer_setup(&timers->real, real_expired, timers);
}

static void arm_real(struct process_timers *timers)
{
	timers->real_armed = true;
	timer_arm(&timers->real, timers->real_value.expires);
}

void itimer_taken(struct process_timers *timers)
{
	if (timers->real_armed || !timers->real_value.period)
		return;
	interval_forward(&timers->real_value, ktime_get());
	arm_real(timers);
}

static struct interval get_real(const struct process_timers *timers)
{
	struct interval value = timers->real_value;

	value.expires = timers->real_armed ? interval_left(&value, ktime_get(), NSEC_PER_USEC) : 0;
	return value;
}

static void set_real(struct process_timers *timers, struct interval value)
{
	timer_disarm(&timers->real);
	timers->real_armed = false;
	timers->real_value = (struct interval){0};
	if (!value.expires)
		return;
	value.expires = add_saturated(ktime_get(), value.expires);
	timers->real_value = value;
	arm_real(timers);
}

/* --- ITIMER_VIRTUAL and ITIMER_PROF --- */

static u64 cpu_clock(int which, const struct cpu_time *used)
{
	return used->user + (which == ITIMER_PROF ? used->system : 0);
}

static u64 read_cpu_clock(int which)
{
	struct cpu_time used = process_cpu_time_locked(current);

	return cpu_clock(which, &used);
}

static void check_cpu_itimer(struct interval *value, u64 now, int sig)
{
	if (!value->expires || value->expires > now)
		return;
	value->expires = value->period ? value->expires + value->period : 0;
	send_signal_locked(sig, SEND_SIG_PRIV, current, PIDTYPE_TGID);
}

void check_cpu_itimers(struct process_timers *timers, const struct cpu_time *used)
{
	check_cpu_itimer(&timers->cpu_value[0], cpu_clock(ITIMER_VIRTUAL, used), SIGVTALRM);
	check_cpu_itimer(&timers->cpu_value[1], cpu_clock(ITIMER_PROF, used), SIGPROF);
}

static struct interval get_cpu(const struct process_timers *timers, int which)
{
	struct interval value = timers->cpu_value[which - ITIMER_VIRTUAL];

	if (value.expires)
		value.expires = interval_left(&value, read_cpu_clock(which), TICK_NS);
	return value;
}

/* A tick is added, as on Linux, since the current one may have begun long ago. */
static void set_cpu(struct process_timers *timers, int which, struct interval value)
{
	if (value.expires)
		value.expires = add_saturated(read_cpu_clock(which), value.expires + TICK_NS);
	timers->cpu_value[which - ITIMER_VIRTUAL] = value;
}

/* --- System calls. Here expires is relative. --- */

static struct interval get_itimer(int which)
{
	struct process_timers *timers = current->signal->timers;
	struct interval value;
	irq_state_t irq;

	if (!timers)
		return (struct interval){0};
	irq = spin_lock_irqsave(&current->sighand->lock);
	value = which == ITIMER_REAL ? get_real(timers) : get_cpu(timers, which);
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	return value;
}

/* Sets a timer and tells what it was set to. ENOMEM. */
static int set_itimer(int which, struct interval value, struct interval *old)
{
	struct process_timers *timers;
	irq_state_t irq;

	*old = (struct interval){0};
	if (!value.expires && !current->signal->timers)
		return 0;
	timers = get_process_timers();
	if (!timers)
		return -ENOMEM;
	irq = spin_lock_irqsave(&current->sighand->lock);
	if (which == ITIMER_REAL) {
		*old = get_real(timers);
		set_real(timers, value);
	} else {
		*old = get_cpu(timers, which);
		set_cpu(timers, which, value);
	}
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	return 0;
}

static int put_itimer(const struct interval *value, struct uapi_itimerval __user *to)
{
	struct uapi_itimerval v = {
		.it_interval = ns_to_timeval(value->period),
		.it_value = ns_to_timeval(value->expires),
	};

	return put_user(v, to) ? -EFAULT : 0;
}

static int timeval_to_ns(const struct uapi_timeval *tv, u64 *ns)
{
	struct uapi_timespec ts = {tv->tv_sec, tv->tv_usec * (long)NSEC_PER_USEC};

	if ((u64)tv->tv_usec >= NSEC_PER_SEC / NSEC_PER_USEC)
		return -EINVAL;
	return timespec_to_ns(&ts, ns);
}

static int get_user_itimer(const struct uapi_itimerval __user *from, struct interval *value)
{
	struct uapi_itimerval v;

	*value = (struct interval){0};
	if (!from) /* Linux takes that for zero, against POSIX */
		return 0;
	if (get_user(v, from))
		return -EFAULT;
	if (timeval_to_ns(&v.it_value, &value->expires) ||
	    timeval_to_ns(&v.it_interval, &value->period))
		return -EINVAL;
	return 0;
}

long sys_getitimer(int which, struct uapi_itimerval __user *to)
{
	struct interval value;

	if (which < ITIMER_REAL || which > ITIMER_PROF)
		return -EINVAL;
	value = get_itimer(which);
	return put_itimer(&value, to);
}

long sys_setitimer(int which, const struct uapi_itimerval __user *from,
		   struct uapi_itimerval __user *to)
{
	struct interval value, old;
	int error = get_user_itimer(from, &value);

	if (!error && (which < ITIMER_REAL || which > ITIMER_PROF))
		error = -EINVAL;
	if (!error)
		error = set_itimer(which, value, &old);
	if (error || !to)
		return error;
	return put_itimer(&old, to);
}

/* What is left of the old alarm is rounded, but never to nothing. */
long sys_alarm(unsigned int seconds)
{
	struct interval value = {.expires = seconds * NSEC_PER_SEC}, old;
	u64 left, rest;

	if (set_itimer(ITIMER_REAL, value, &old))
		return 0;
	left = old.expires / NSEC_PER_SEC;
	rest = old.expires % NSEC_PER_SEC;
	return (long)(left + ((!left && rest) || rest >= NSEC_PER_SEC / 2));
}
