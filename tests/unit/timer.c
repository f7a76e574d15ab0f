// sources: kernel/timer.c
/*
 * Timers of several CPUs against a clock that the test turns. Timers are armed, moved and cancelled
 * at random, also by their own functions; time then goes on to the next interrupt that some CPU
 * asked for. Every timer has to go off exactly when it is due, on the CPU that armed it, and none
 * that was cancelled may.
 */
#include <tine/sched.h>
#include <tine/time.h>

#include "tap.h"

#define CPUS   3
#define TIMERS 200
#define NEVER  (~0ul)

struct model {
	struct timer timer;
	bool armed;
	unsigned int cpu;
	u64 due;
};

unsigned int host_cpu;
static struct model models[TIMERS];
static u64 clock_now, alarm_at[CPUS], tick_at[CPUS];
static unsigned long fired, alarms;
static u64 random_state = 1;

static u64 random_below(u64 n)
{
	random_state = random_state * 6364136223846793005ul + 1442695040888963407ul;
	return (random_state >> 33) % n;
}

u64 arch_clock_ns(void)
{
	return clock_now;
}

void arch_timer_arm(u64 when)
{
	alarm_at[host_cpu] = when;
	alarms++;
}

void sched_tick(u64 now, bool user)
{
	CHECK(now == clock_now);
	if (now >= tick_at[host_cpu])
		tick_at[host_cpu] = random_below(3) ? now + 10000 : NEVER;
}

void run_cpu_timers(void)
{
}

u64 sched_next_tick(void)
{
	return tick_at[host_cpu];
}

static void arm(struct model *m)
{
	m->armed = true;
	m->cpu = host_cpu;
	/* Often at the same moment as others, sometimes in the past. */
	m->due = clock_now + random_below(40) * 100;
	if (random_below(20) == 0 && m->due > 5000)
		m->due -= 5000;
	timer_arm(&m->timer, m->due);
}

static void expired(struct timer *timer, u64 now)
{
	struct model *m = timer->arg;

	CHECK(m->armed && m->cpu == host_cpu);
	CHECK(now == clock_now && now >= m->due);
	m->armed = false;
	m->due = 0;
	fired++;
	if (random_below(8) == 0) {
		arm(m);
		m->due = now + 1 + random_below(1000);
		timer_arm(timer, m->due);
	}
}

/* Nothing that is due is still waiting, and every CPU will be woken in time for what comes. */
static void check_all(void)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		if (models[i].armed)
			CHECK(alarm_at[models[i].cpu] <= models[i].due);
}

static void advance(void)
{
	unsigned int cpu = 0;

	for (unsigned int i = 1; i < CPUS; i++)
		if (alarm_at[i] < alarm_at[cpu])
			cpu = i;
	if (alarm_at[cpu] == NEVER)
		return;
	clock_now = clock_now > alarm_at[cpu] ? clock_now : alarm_at[cpu];
	host_cpu = cpu;
	alarm_at[cpu] = NEVER;
	timer_interrupt(false);
}

static void step(void)
{
	struct model *m = &models[random_below(TIMERS)];
	bool was_armed = m->armed;

	host_cpu = (unsigned int)random_below(CPUS);
	switch (random_below(5)) {
	case 0:
	case 1:
		arm(m);
		break;
	case 2:
		m->armed = false;
		CHECK(timer_cancel(&m->timer) == was_armed);
		break;
	default:
		advance();
	}
	check_all();
}

static void run_dry(void)
{
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_cancel(&models[i].timer);
	for (unsigned int i = 0; i < TIMERS; i++)
		models[i].armed = false;
	for (unsigned int i = 0; i < CPUS; i++)
		tick_at[i] = NEVER;
	fired = 0;
	for (unsigned int i = 0; i < 4 * CPUS; i++)
		advance();
	CHECK(fired == 0);
	for (unsigned int i = 0; i < CPUS; i++)
		CHECK(alarm_at[i] == NEVER);
}

int main(void)
{
	timer_init();
	for (unsigned int i = 0; i < CPUS; i++)
		alarm_at[i] = tick_at[i] = NEVER;
	for (unsigned int i = 0; i < TIMERS; i++)
		timer_setup(&models[i].timer, expired, &models[i]);
	for (unsigned int i = 0; i < 100000; i++)
		step();
	CHECK(fired > 5000);
	tap_ok("timers: each goes off when it is due, on its CPU, once");
	CHECK(alarms < 100000);
	run_dry();
	tap_ok("timers: without any, no CPU is interrupted");
	return tap_done();
}
