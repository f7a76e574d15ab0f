/*
 * The load average: how many tasks run or want to, averaged over the last 1, 5 and 15 minutes with
 * exponentially falling weight. Every five seconds the averages move towards the present number by
 * the factor 1 - exp(-5 s / period). The numbers are fixed point with LOAD_SHIFT bits of fraction;
 * uptime(1) shows them as Linux's.
 */
#include <tine/loadavg.h>
#include <tine/sched.h>
#include <tine/time.h>

#define PERIOD  (5 * NSEC_PER_SEC)
#define FIXED_1 (1ull << LOAD_SHIFT)

static const u64 decay[3] = {1884, 2014,
			     2037}; /* exp(-5/60), exp(-5/300), exp(-5/900), fixed point */
static u64 average[3];
static struct timer load_timer;

static void load_sample(struct timer *timer, u64 now)
{
	u64 active = nr_running() * FIXED_1;

	for (unsigned int i = 0; i < 3; i++) {
		u64 sum = average[i] * decay[i] + active * (FIXED_1 - decay[i]);

		/* Rounded up on the way up, so that a constant load is reached. */
		if (active >= average[i])
			sum += FIXED_1 - 1;
		WRITE_ONCE(average[i], sum >> LOAD_SHIFT);
	}
	timer_arm(timer, now + PERIOD);
}

void get_load_average(u64 load[3])
{
	for (unsigned int i = 0; i < 3; i++)
		load[i] = READ_ONCE(average[i]);
}

void loadavg_init(void)
{
	timer_setup(&load_timer, load_sample, NULL);
	timer_arm(&load_timer, ktime_get() + PERIOD);
}
