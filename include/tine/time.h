/* Clocks and timers (kernel/time.c, kernel/timer.c, kernel/posix_clock.c, kernel/sleep.c). */
#pragma once

#include <tine/types.h>
#include <uapi/time.h>

#define NSEC_PER_SEC  1000000000ul
#define NSEC_PER_MSEC 1000000ul
#define NSEC_PER_USEC 1000ul
#define USER_HZ       100ul /* clock ticks a second, as times(2) and /proc count them */
#define KTIME_MAX     (~0ull >> 1)
#define TICK_NS       (NSEC_PER_SEC / 250) /* of the kernel that programs are to think this is */

/* a + b, no more than KTIME_MAX; each is no more. */
static inline u64 add_saturated(u64 a, u64 b)
{
	return MIN(a + b, KTIME_MAX);
}

/* A call of fn at a time. Embedded in its owner, who keeps it from being armed by two at once. All
 * but fn and arg is private. */
struct timer {
	u64 expires;
	void (*fn)(struct timer *timer,
		   u64 now); /* in the timer interrupt, interrupts off, no lock held; may re-arm */
	void *arg;
	struct timer *heap_child, *heap_next, **heap_prev;
	unsigned int cpu;
	bool armed;
};

void timer_setup(struct timer *timer, void (*fn)(struct timer *timer, u64 now), void *arg);
/* Runs fn once arch_clock_ns() >= expires, on this CPU; replaces an earlier arming. Any context. */
void timer_arm(struct timer *timer, u64 expires);
/* Afterwards fn does not run and is not running on any CPU. True if it had been pending. Not from
 * fn itself. */
bool timer_cancel(struct timer *timer);
/* Afterwards it is not pending, but fn may be running, or about to. Any context. */
void timer_disarm(struct timer *timer);
/* The arch code's timer interrupt, which met user mode or the kernel: runs what has expired, then
 * sched_tick, then arms the next interrupt. Interrupts off. */
void timer_interrupt(bool user);
/* Its part about CPU time (kernel/cpu_timers.c): signals of current's process that are due. */
void run_cpu_timers(void);
/*
 * Makes sure that this CPU's interrupt comes no later than the earlier of its timers and
 * sched_next_tick(); it may come earlier. Called by the scheduler when the latter changes.
 * Interrupts off.
 */
void timer_reprogram(void);
/* Called first thing at boot, before anything arms a timer. */
void timer_init(void);

/* Nanoseconds: since boot; since 1970. */
u64 ktime_get(void);
u64 ktime_get_real(void);
/* Sets the time of day, and ends the sleeps that wait for a time now past. */
void ktime_set_real(u64 ns);

/* clock_settime(2) of CLOCK_REALTIME. EINVAL, EPERM. */
int set_time_of_day(const struct uapi_timespec *ts);
/* CLOCK_TAI: how many seconds it is ahead of CLOCK_REALTIME; 0 until somebody says. */
u64 ktime_get_tai(void);
int tai_offset(void);
void set_tai_offset(int seconds);

/* timespec <-> nanoseconds. to: -EINVAL for a negative or overlong field; saturates at KTIME_MAX.
 */
int timespec_to_ns(const struct uapi_timespec *ts, u64 *ns);
struct uapi_timespec ns_to_timespec(u64 ns);
struct uapi_timeval ns_to_timeval(u64 ns);
/* The same from user memory; -EFAULT too. */
int get_timespec_ns(const struct uapi_timespec __user *ts, u64 *ns);

/* What a clock that is no CPU clock shows; one that there is. Any context. */
u64 wall_clock_now(clockid_t clock);
/* Reads clock for current. -EINVAL: there is no such clock, or the task it belongs to is gone. */
int clock_read(clockid_t clock, u64 *ns);
/* Can a sleep end at a time on that clock? -EINVAL: no such clock. -EOPNOTSUPP: no. */
int clock_check_sleep(clockid_t clock);
/* May current sleep so, flags as clock_nanosleep(2)? -EINVAL: on its own thread's time, which would
 * not pass. -EPERM, -EINVAL: alarm clocks are stricter. */
int clock_check_sleeper(clockid_t clock, int flags);
/* Why no clock but CLOCK_REALTIME can be adjusted: EINVAL there is none such; EOPNOTSUPP. */
int clock_check_adjust(clockid_t clock);
/* The clock counts a task's CPU time. */
bool clock_is_cpu(clockid_t clock);

/* The end of a sleep: a time on one of the clocks. ns KTIME_MAX: never. */
struct deadline {
	clockid_t clock;
	u64 ns;
};

/* Nanoseconds until then, 0 if it is past. Less than the truth for a CPU clock: to be asked again.
 */
u64 deadline_left(const struct deadline *deadline);
/*
 * Sleeps in the state set before, until something wakes current or the deadline passes: true if it
 * has passed. Returns at once if it had passed already. The state is TASK_RUNNING afterwards.
 */
bool schedule_until(const struct deadline *deadline);

void time_init(void);
