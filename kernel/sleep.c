/*
 * nanosleep(2) and clock_nanosleep(2).
 *
 * A sleep is a deadline on a clock and a loop: sleep until the deadline, look at the clock again.
 * An interval is turned into a deadline at once, so that a sleep which a signal interrupts and
 * restart_syscall(2) continues does not grow; an interval of CLOCK_REALTIME is measured by
 * CLOCK_MONOTONIC, because setting the time of day must not change how long it lasts.
 *
 * There are no CPU-time timers behind the sleep on a CPU clock: no process can use more than one
 * second a second on each CPU, so that bounds from below how long to sleep before looking again.
 */
#include <tine/sched.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>

/* 0 when the deadline has passed, -EINTR if a signal came first. */
static long sleep_until(const struct deadline *deadline)
{
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (schedule_until(deadline))
			return 0;
		if (signal_pending(current))
			return -EINTR;
	}
}

/* Sleeps to the end of an interval; when a signal comes first, says how much is left and prepares
 * the restart. */
static long sleep_interval(struct restart_block *restart)
{
	struct deadline deadline = {restart->clock, restart->expires};
	struct uapi_timespec __user *remaining = restart->remaining;
	u64 left;

	if (sleep_until(&deadline) == 0)
		return 0;
	left = clock_read(deadline.clock, &left) || left >= deadline.ns ? 0 : deadline.ns - left;
	if (!left)
		return 0;
	if (remaining && put_user(ns_to_timespec(left), remaining))
		return -EFAULT;
	restart->fn = sleep_interval;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_for(clockid_t clock, u64 ns, struct uapi_timespec __user *remaining)
{
	struct restart_block *restart = &current->restart;
	u64 now;

	if (clock_read(clock, &now))
		return -EINVAL;
	restart->clock = clock;
	restart->expires = ns >= KTIME_MAX - now ? KTIME_MAX : now + ns;
	restart->remaining = remaining;
	return sleep_interval(restart);
}

static long sleep_to(clockid_t clock, u64 ns)
{
	struct deadline deadline = {clock, ns};
	u64 now;

	if (clock_read(clock, &now))
		return -EINVAL;
	return sleep_until(&deadline) ? -ERESTARTNOHAND : 0;
}

long sys_nanosleep(const struct uapi_timespec __user *request,
		   struct uapi_timespec __user *remaining)
{
	u64 ns;
	int error = get_timespec_ns(request, &ns);

	return error ? error : sleep_for(CLOCK_MONOTONIC, ns, remaining);
}

long sys_clock_nanosleep(clockid_t clock, int flags, const struct uapi_timespec __user *request,
			 struct uapi_timespec __user *remaining)
{
	u64 ns;
	int error = clock_check_sleep(clock);

	if (!error)
		error = get_timespec_ns(request, &ns);
	if (!error)
		error = clock_check_sleeper(clock, flags);
	if (error)
		return error;
	if (flags & TIMER_ABSTIME)
		return sleep_to(clock, ns);
	return sleep_for(clock_is_cpu(clock) ? clock : CLOCK_MONOTONIC, ns, remaining);
}
