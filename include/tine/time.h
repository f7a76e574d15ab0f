/* Clocks and timers (kernel/time.c, kernel/timer.c). */
#ifndef TINE_TIME_H
#define TINE_TIME_H

#include <tine/list.h>
#include <tine/types.h>
#include <uapi/time.h>

#define NSEC_PER_SEC 1000000000ull
#define NSEC_PER_USEC 1000ull

/* A call of fn at a time. Owned by whoever embeds it. */
struct timer {
	struct list_head link; /* private to kernel/timer.c, as is all but fn and arg */
	u64 expires;
	unsigned int cpu;
	bool armed;
	void (*fn)(struct timer *timer, u64 now); /* in the timer interrupt, interrupts off, no lock held; may re-arm */
	void *arg;
	struct timer *heap_child, *heap_next, **heap_prev;
};

void timer_setup(struct timer *timer, void (*fn)(struct timer *timer, u64 now), void *arg);
/* Runs fn once arch_clock_ns() >= expires, on this CPU; replaces an earlier arming. */
void timer_arm(struct timer *timer, u64 expires);
/* Afterwards fn does not run and is not running on any CPU. True if it had been pending. Not from fn itself. */
bool timer_cancel(struct timer *timer);
/* The arch code's timer interrupt: runs what has expired, then sched_tick, then arms the next interrupt. Interrupts off. */
void timer_interrupt(void);
/* Arms this CPU's interrupt for the earlier of its timers and sched_next_tick(). Called by the scheduler when the latter changes. */
void timer_reprogram(void);

/* Nanoseconds: since boot; since 1970. */
u64 ktime_get(void);
u64 ktime_get_real(void);
void ktime_set_real(u64 ns);

/* timespec <-> nanoseconds. from: -EINVAL for a negative or overlong field; the sum saturates at ~0 >> 1. */
int timespec_to_ns(const struct uapi_timespec *ts, u64 *ns);
struct uapi_timespec ns_to_timespec(u64 ns);
struct uapi_timeval ns_to_timeval(u64 ns);

void time_init(void);

#endif
