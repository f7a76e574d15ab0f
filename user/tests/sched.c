/* Who runs, where, and how long a sleep is. No case depends on how fast the machine is. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define MILLISECOND 1000000LL

static long long clock_now(clockid_t clock)
{
	struct timespec now;

	check_eq(raw2(SYS_clock_gettime, clock, &now), 0);
	return now.tv_sec * 1000 * MILLISECOND + now.tv_nsec;
}

static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check_call(sched_setaffinity(0, sizeof(set), &set));
}

static int this_cpu(void)
{
	unsigned cpu = -1, node = -1;

	check_eq(raw3(SYS_getcpu, &cpu, &node, NULL), 0);
	return cpu;
}

static void stay_here(void)
{
	stay_on(this_cpu());
}

static void yield_returns(void)
{
	for (int i = 0; i < 100; i++)
		check_eq(raw0(SYS_sched_yield), 0);
}

static void yield_lets_others_run(void)
{
	int *turn = tap_shared(sizeof(*turn));
	pid_t pids[3];

	stay_here();
	for (int self = 0; self < 3; self++) {
		pids[self] = tap_fork();
		if (pids[self] == 0) {
			for (int round = 0; round < 30; round++) {
				while (__atomic_load_n(turn, __ATOMIC_SEQ_CST) != round * 3 + self)
					sched_yield();
				__atomic_add_fetch(turn, 1, __ATOMIC_SEQ_CST);
			}
			_exit(0);
		}
	}
	for (int self = 0; self < 3; self++)
		check_exits(pids[self], 0);
	check_eq(*turn, 90);
}

static void sleep_lasts_as_long_as_asked(void)
{
	static const long milliseconds[] = {0, 1, 5, 10, 30, 100};

	for (size_t i = 0; i < TAP_COUNT(milliseconds); i++) {
		struct timespec asked = {0, milliseconds[i] * MILLISECOND};
		long long start = clock_now(CLOCK_MONOTONIC);
		check_eq(raw2(SYS_nanosleep, &asked, NULL), 0);
		check(clock_now(CLOCK_MONOTONIC) - start >= milliseconds[i] * MILLISECOND);
	}
}

static void short_sleeps_are_not_cut_off(void)
{
	struct timespec asked = {0, 300000};

	for (int i = 0; i < 20; i++) {
		long long start = clock_now(CLOCK_MONOTONIC);
		check_eq(raw2(SYS_nanosleep, &asked, NULL), 0);
		check(clock_now(CLOCK_MONOTONIC) - start >= 300000);
	}
}

static void bad_sleeps_are_refused(void)
{
	static const struct timespec bad[] = {{0, -1}, {0, 1000000000}, {-1, 0}, {1, -5}};
	static const struct timespec one = {0, 1};

	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		check_eq(raw2(SYS_nanosleep, &bad[i], NULL), -EINVAL);
		check_eq(raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &bad[i], NULL), -EINVAL);
	}
	check_eq(raw4(SYS_clock_nanosleep, 77, 0, &one, NULL), -EINVAL);
}

static void sleep_until_a_time(void)
{
	struct timespec until;
	long long end = clock_now(CLOCK_MONOTONIC) + 30 * MILLISECOND;

	until = (struct timespec){end / (1000 * MILLISECOND), end % (1000 * MILLISECOND)};
	check_eq(raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
	check(clock_now(CLOCK_MONOTONIC) >= end);
	check_eq(raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL), 0);
}

static volatile int caught;

static void note_signal(int signal)
{
	caught = signal;
}

static void signal_ends_a_sleep(void)
{
	struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
	struct timespec asked = {100, 0}, left = {-1, -1};
	pid_t target = getpid(), pid;

	check_call(sigaction(SIGUSR1, &action, NULL));
	pid = tap_fork();
	if (pid == 0) {
		tap_sleep_ms(30);
		kill(target, SIGUSR1);
		_exit(0);
	}
	check_eq(raw2(SYS_nanosleep, &asked, &left), -EINTR);
	check_eq(caught, SIGUSR1);
	check(left.tv_sec < 100 && left.tv_sec > 10 && left.tv_nsec >= 0 &&
	      left.tv_nsec < 1000 * MILLISECOND);
	check_exits(pid, 0);
}

static void many_sleep_at_once(void)
{
	enum { SLEEPERS = 40 };
	pid_t pids[SLEEPERS];

	for (int i = 0; i < SLEEPERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			long long asked = (i * 7 % SLEEPERS) * 2 * MILLISECOND;
			struct timespec length = {0, asked};
			long long start = clock_now(CLOCK_MONOTONIC);
			check_eq(raw2(SYS_nanosleep, &length, NULL), 0);
			check(clock_now(CLOCK_MONOTONIC) - start >= asked);
			_exit(0);
		}
	}
	for (int i = 0; i < SLEEPERS; i++)
		check_exits(pids[i], 0);
}

static void spin_until_set(volatile int *word)
{
	while (!*word)
		__asm__ volatile("pause");
}

/* The child never enters the kernel while it waits. */
static void spinning_process_is_preempted(void)
{
	int *go = tap_shared(sizeof(*go));
	pid_t pid;

	stay_here();
	pid = tap_fork();
	if (pid == 0) {
		spin_until_set(go);
		_exit(0);
	}
	tap_sleep_ms(20);
	*go = 1;
	check_exits(pid, 0);
}

static void spinning_process_can_be_killed(void)
{
	int *never = tap_shared(sizeof(*never));

	stay_here();
	for (int i = 0; i < 3; i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			spin_until_set(never);
		tap_sleep_ms(5);
		check_call(kill(pid, SIGKILL));
		check_killed(pid, SIGKILL);
	}
}

static void many_processes_share_the_processors(void)
{
	enum { PROCESSES = 24 };
	int *ready = tap_shared(2 * sizeof(*ready)), *go = ready + 1;
	pid_t pids[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			__atomic_add_fetch(ready, 1, __ATOMIC_SEQ_CST);
			spin_until_set(go); /* every one of them must be run, for all to be ready */
			_exit(i);
		}
	}
	tap_await(ready, PROCESSES);
	*go = 1;
	for (int i = 0; i < PROCESSES; i++)
		check_exits(pids[i], i);
}

static void two_hogs_share_one_processor(void)
{
	volatile long *count = tap_shared(2 * sizeof(*count));
	int *go = tap_shared(2 * sizeof(*go));
	pid_t pids[2];

	stay_here();
	for (int i = 0; i < 2; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			__atomic_add_fetch(&go[0], 1, __ATOMIC_SEQ_CST);
			tap_await(&go[0], 2);
			while (!*(volatile int *)&go[1])
				count[i]++;
			_exit(0);
		}
	}
	tap_await(&go[0], 2);
	tap_sleep_ms(600);
	go[1] = 1;
	for (int i = 0; i < 2; i++)
		check_exits(pids[i], 0);
	check(count[0] > count[1] / 10 && count[1] > count[0] / 10);
}

static void sleepers_run_beside_hogs(void)
{
	int *stop = tap_shared(sizeof(*stop));
	pid_t pids[3];

	stay_here();
	for (int i = 0; i < 3; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			spin_until_set(stop);
			_exit(0);
		}
	}
	for (int i = 0; i < 10; i++)
		tap_sleep_ms(1);
	*stop = 1;
	for (int i = 0; i < 3; i++)
		check_exits(pids[i], 0);
}

static void fork_does_not_wait_for_hogs_for_ever(void)
{
	int *stop = tap_shared(sizeof(*stop));
	pid_t hogs[2];

	stay_here();
	for (int i = 0; i < 2; i++) {
		hogs[i] = tap_fork();
		if (hogs[i] == 0) {
			spin_until_set(stop);
			_exit(0);
		}
	}
	for (int i = 0; i < 10; i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			_exit(i);
		check_exits(pid, i);
	}
	*stop = 1;
	check_exits(hogs[0], 0);
	check_exits(hogs[1], 0);
}

/* Two processes that wake each other through pipes, on one CPU or on two. */
static void play_ping_pong(int first_cpu, int second_cpu)
{
	int there[2], back[2];
	unsigned char ball = 0;
	pid_t pid;

	check_call(pipe(there));
	check_call(pipe(back));
	pid = tap_fork();
	stay_on(pid == 0 ? first_cpu : second_cpu);
	for (int i = 0; i < 100; i++) {
		if (pid == 0) {
			check_eq(read(there[0], &ball, 1), 1);
			ball++;
			check_eq(write(back[1], &ball, 1), 1);
		} else {
			check_eq(write(there[1], &ball, 1), 1);
			check_eq(read(back[0], &ball, 1), 1);
			check_eq(ball, i + 1);
		}
	}
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
}

/* The first and the last CPU that this process may run on. */
static void first_and_last_cpu(int *first, int *last)
{
	cpu_set_t set;

	check_call(sched_getaffinity(0, sizeof(set), &set));
	*first = -1;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set)) {
			*last = cpu;
			if (*first < 0)
				*first = cpu;
		}
	check(*first >= 0);
}

static void ping_pong_on_one_processor(void)
{
	int cpu = this_cpu();

	play_ping_pong(cpu, cpu);
}

static void ping_pong_across_processors(void)
{
	int first, last;

	first_and_last_cpu(&first, &last);
	play_ping_pong(first, last);
}

static void affinity_holds_the_current_processor(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	check_call(sched_getaffinity(0, sizeof(set), &set));
	check(CPU_COUNT(&set) > 0);
	check(CPU_ISSET(this_cpu(), &set));
}

static void affinity_is_obeyed(void)
{
	cpu_set_t all, seen;

	check_call(sched_getaffinity(0, sizeof(all), &all));
	for (int round = 0; round < 3; round++)
		for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
			if (!CPU_ISSET(cpu, &all))
				continue;
			stay_on(cpu);
			check_eq(this_cpu(), cpu);
			for (int i = 0; i < 5; i++)
				sched_yield();
			tap_sleep_ms(1);
			check_eq(this_cpu(), cpu);
			check_call(sched_getaffinity(0, sizeof(seen), &seen));
			check(CPU_COUNT(&seen) == 1 && CPU_ISSET(cpu, &seen));
		}
}

static void affinity_is_inherited(void)
{
	cpu_set_t seen;
	int first, last;
	pid_t pid;

	first_and_last_cpu(&first, &last);
	stay_on(last);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(this_cpu(), last);
		check_call(sched_getaffinity(0, sizeof(seen), &seen));
		check(CPU_COUNT(&seen) == 1 && CPU_ISSET(last, &seen));
		stay_on(first);
		check_eq(this_cpu(), first);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(this_cpu(), last);
}

/* A process that spins is moved to wherever it is told to go. */
static void affinity_of_another_process(void)
{
	int *seen = tap_shared(2 * sizeof(*seen)), *end = seen + 1;
	int cpus[2];
	cpu_set_t set;
	pid_t pid;

	first_and_last_cpu(&cpus[0], &cpus[1]);
	pid = tap_fork();
	if (pid == 0) {
		while (!*(volatile int *)end)
			*(volatile int *)seen = this_cpu();
		_exit(0);
	}
	for (int i = 0; i < 6; i++) {
		CPU_ZERO(&set);
		CPU_SET(cpus[i % 2], &set);
		check_call(sched_setaffinity(pid, sizeof(set), &set));
		*(volatile int *)seen = -1;
		while (*(volatile int *)seen != cpus[i % 2])
			sched_yield();
		check_call(sched_getaffinity(pid, sizeof(set), &set));
		check(CPU_COUNT(&set) == 1 && CPU_ISSET(cpus[i % 2], &set));
	}
	*end = 1;
	check_exits(pid, 0);
	check_errno(sched_setaffinity(pid, sizeof(set), &set), ESRCH);
	check_eq(raw3(SYS_sched_getaffinity, pid, sizeof(set), &set), -ESRCH);
}

static void sleeper_wakes_where_it_was_sent(void)
{
	int *awake_on = tap_shared(sizeof(*awake_on));
	int first, last, ends[2];
	cpu_set_t set;
	char byte;
	pid_t pid;

	first_and_last_cpu(&first, &last);
	check_call(pipe(ends));
	stay_on(first);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(read(ends[0], &byte, 1), 1);
		*awake_on = this_cpu();
		_exit(0);
	}
	tap_sleep_ms(20);
	CPU_ZERO(&set);
	CPU_SET(last, &set);
	check_call(sched_setaffinity(pid, sizeof(set), &set));
	check_eq(write(ends[1], "x", 1), 1);
	check_exits(pid, 0);
	check_eq(*awake_on, last);
}

static void bad_affinities_are_refused(void)
{
	unsigned long words[16] = {0};

	check_eq(raw3(SYS_sched_setaffinity, 0, sizeof(words), words), -EINVAL);
	words[15] = 1UL << 63; /* there is no such processor */
	check_eq(raw3(SYS_sched_setaffinity, 0, sizeof(words), words), -EINVAL);
	check_eq(raw3(SYS_sched_getaffinity, 0, 1, words), -EINVAL);
	check_eq(raw3(SYS_sched_getaffinity, 0, 12, words), -EINVAL);
	check_eq(raw3(SYS_sched_getaffinity, 0, 0, words), -EINVAL);
	check(raw3(SYS_sched_getaffinity, 0, sizeof(words), words) > 0);
	check(words[0] != 0);
}

/* Processors that do not exist are ignored beside one that does. */
static void excess_processors_are_ignored(void)
{
	unsigned long words[16];

	memset(words, 0xff, sizeof(words));
	check_eq(raw3(SYS_sched_setaffinity, 0, sizeof(words), words), 0);
	memset(words, 0, sizeof(words));
	check(raw3(SYS_sched_getaffinity, 0, sizeof(words), words) > 0);
	check_eq(words[15], 0);
}

static void clock_never_goes_back(void)
{
	volatile long long *last = tap_shared(2 * sizeof(*last));
	int *lock = tap_shared(sizeof(*lock));
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			for (int look = 0; look < 300; look++) {
				long long now;
				while (__atomic_exchange_n(lock, 1, __ATOMIC_SEQ_CST))
					sched_yield();
				now = look % 2 ? clock_now(CLOCK_MONOTONIC) : tap_now();
				int went_back = now < *last;
				*last = now;
				__atomic_store_n(lock, 0, __ATOMIC_SEQ_CST);
				check(!went_back);
			}
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(yield_returns, "sched_yield succeeds"),
	TEST(yield_lets_others_run, "processes that yield on one processor take turns"),
	TEST(sleep_lasts_as_long_as_asked, "nanosleep lasts at least as long as asked"),
	TEST(short_sleeps_are_not_cut_off, "sleeps shorter than a tick last as long as asked"),
	TEST(bad_sleeps_are_refused, "sleeps of impossible length or clock are EINVAL"),
	TEST(sleep_until_a_time,
	     "clock_nanosleep to a time ends no earlier, and at once if it is past"),
	TEST(signal_ends_a_sleep,
	     "a handled signal ends a sleep, with what is left of it, also with SA_RESTART"),
	TEST(many_sleep_at_once, "forty processes sleep at once, each for its own time"),
	TEST(spinning_process_is_preempted,
	     "a process that spins does not keep another from its processor"),
	TEST(spinning_process_can_be_killed, "a process that spins can be killed"),
	TEST(many_processes_share_the_processors, "twenty-four spinning processes all get to run"),
	TEST(two_hogs_share_one_processor, "two processes that never sleep share one processor"),
	TEST(sleepers_run_beside_hogs,
	     "a process that sleeps a little runs beside three that never sleep"),
	TEST(fork_does_not_wait_for_hogs_for_ever,
	     "fork and wait go on beside processes that never sleep"),
	TEST(ping_pong_on_one_processor, "two processes wake each other on one processor"),
	TEST(ping_pong_across_processors,
	     "two processes wake each other on two processors, if there are two"),
	TEST(affinity_holds_the_current_processor,
	     "the affinity of a process holds the processor that it runs on"),
	TEST(affinity_is_obeyed, "a process runs on the one processor that it is bound to"),
	TEST(affinity_is_inherited, "a child inherits the affinity and may change its own"),
	TEST(affinity_of_another_process, "a running process is moved by another"),
	TEST(sleeper_wakes_where_it_was_sent,
	     "a process that was moved asleep wakes on its new processor"),
	TEST(bad_affinities_are_refused,
	     "affinities without a processor, and sizes too small, are EINVAL"),
	TEST(excess_processors_are_ignored,
	     "processors that do not exist are ignored in an affinity"),
	TEST(clock_never_goes_back,
	     "the monotonic clock never goes back, from whichever processor it is read"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
