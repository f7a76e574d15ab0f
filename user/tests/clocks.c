/* Clocks: what they count, how they relate, and how each is refused; sleeps and their restart. */
#include "helpers.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#define SECOND      1000000000LL
#define MILLISECOND 1000000LL

/* The CPU clock of a process or thread: what is counted below its number's complement. */
#define CPU_CLOCK(pid, bits) ((clockid_t)(~(unsigned)(pid) << 3 | (bits)))
#define CPU_PROF             0
#define CPU_VIRT             1
#define CPU_SCHED            2
#define CPU_THREAD           4

static long read_clock(clockid_t clock, struct timespec *t)
{
	return raw2(SYS_clock_gettime, clock, t);
}

static long long now(clockid_t clock)
{
	struct timespec t;

	check_eq(read_clock(clock, &t), 0);
	check(t.tv_nsec >= 0 && t.tv_nsec < SECOND);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* Use the processor until this much CPU time has gone. */
static void burn(long long ns)
{
	long long end = now(CLOCK_THREAD_CPUTIME_ID) + ns;

	while (now(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static const clockid_t steady[] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE,
				   CLOCK_BOOTTIME_ALARM, CLOCK_BOOTTIME};
static const clockid_t of_day[] = {CLOCK_REALTIME, CLOCK_REALTIME_COARSE, CLOCK_TAI,
				   CLOCK_REALTIME_ALARM};

/* ---- reading ---- */

static void clocks_agree(void)
{
	for (size_t i = 0; i < TAP_COUNT(steady); i++)
		check(llabs(now(steady[i]) - now(CLOCK_MONOTONIC)) < SECOND);
	for (size_t i = 0; i < TAP_COUNT(of_day); i++)
		check(llabs(now(of_day[i]) - now(CLOCK_REALTIME)) < SECOND);
	/* Later than when this was written. */
	check(now(CLOCK_REALTIME) > 1700000000 * SECOND);
}

static void clocks_advance(void)
{
	long long before[TAP_COUNT(steady)];

	for (size_t i = 0; i < TAP_COUNT(steady); i++)
		before[i] = now(steady[i]);
	tap_sleep_ms(30);
	for (size_t i = 0; i < TAP_COUNT(steady); i++)
		check(now(steady[i]) - before[i] >= 20 * MILLISECOND);
}

static void resolutions(void)
{
	struct timespec t;

	for (size_t i = 0; i < TAP_COUNT(steady); i++) {
		check_eq(raw2(SYS_clock_getres, steady[i], &t), 0);
		check_eq(t.tv_sec, 0);
		check_eq(t.tv_nsec, steady[i] == CLOCK_MONOTONIC_COARSE ? 4000000 : 1);
	}
	check_eq(raw2(SYS_clock_getres, CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	check_eq(t.tv_nsec, 1);
	check_eq(raw2(SYS_clock_getres, CLOCK_REALTIME_COARSE, &t), 0);
	check_eq(t.tv_nsec, 4000000);
	check_eq(raw2(SYS_clock_getres, CPU_CLOCK(0, CPU_PROF), &t), 0);
	check_eq(t.tv_nsec, 4000000);
	check_eq(raw2(SYS_clock_getres, CPU_CLOCK(0, CPU_SCHED), &t), 0);
	check_eq(t.tv_nsec, 1);
	check_eq(raw2(SYS_clock_getres, CLOCK_MONOTONIC, NULL), 0);
}

static void no_such_clock(void)
{
	static const clockid_t bad[] = {10,
					12,
					16,
					1000,
					CPU_CLOCK(0, 3),
					CPU_CLOCK(1, 3),
					CPU_CLOCK(4000000, CPU_SCHED),
					CPU_CLOCK(3, 7)};
	struct timespec t;

	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		check_eq(read_clock(bad[i], &t), -EINVAL);
		check_eq(raw2(SYS_clock_getres, bad[i], &t), -EINVAL);
	}
	check_eq(read_clock(CLOCK_MONOTONIC, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(read_clock(CLOCK_MONOTONIC, KERNEL_ADDRESS), -EFAULT);
	check_eq(read_clock(1000, KERNEL_ADDRESS), -EINVAL);
	check_eq(raw2(SYS_clock_getres, CLOCK_MONOTONIC, KERNEL_ADDRESS), -EFAULT);
}

static void time_of_day_by_older_calls(void)
{
	struct timeval tv;
	time_t seconds = 0, before = now(CLOCK_REALTIME) / SECOND;

	check_eq(raw2(SYS_gettimeofday, &tv, NULL), 0);
	check(tv.tv_sec >= before && tv.tv_sec <= before + 2);
	check(tv.tv_usec >= 0 && tv.tv_usec < 1000000);
	check_eq(raw2(SYS_gettimeofday, NULL, NULL), 0);
	check_eq(raw2(SYS_gettimeofday, KERNEL_ADDRESS, NULL), -EFAULT);
	check_eq(raw2(SYS_gettimeofday, NULL, KERNEL_ADDRESS), -EFAULT);
	check(raw1(SYS_time, NULL) >= before);
	check(raw1(SYS_time, &seconds) == seconds);
	check_eq(raw1(SYS_time, KERNEL_ADDRESS), -EFAULT);
}

/* ---- CPU time ---- */

static void cpu_time_is_work_not_sleep(void)
{
	long long thread = now(CLOCK_THREAD_CPUTIME_ID), process = now(CLOCK_PROCESS_CPUTIME_ID);

	tap_sleep_ms(50);
	check(now(CLOCK_THREAD_CPUTIME_ID) - thread < 30 * MILLISECOND);
	burn(30 * MILLISECOND);
	check(now(CLOCK_THREAD_CPUTIME_ID) - thread >= 30 * MILLISECOND);
	check(now(CLOCK_PROCESS_CPUTIME_ID) - process >= 30 * MILLISECOND);
}

static int burn_in_thread(void *argument)
{
	struct timespec t;

	do
		raw2(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &t);
	while (t.tv_nsec < 40 * MILLISECOND);
	return 0;
}

static void threads_count_for_the_process(void)
{
	long long process = now(CLOCK_PROCESS_CPUTIME_ID), thread = now(CLOCK_THREAD_CPUTIME_ID);
	struct thread threads[2];

	for (int i = 0; i < 2; i++)
		thread_start(&threads[i], burn_in_thread, NULL);
	for (int i = 0; i < 2; i++)
		thread_join(&threads[i]);
	/* Also those that are gone. */
	check(now(CLOCK_PROCESS_CPUTIME_ID) - process >= 80 * MILLISECOND);
	check(now(CLOCK_PROCESS_CPUTIME_ID) - now(CLOCK_THREAD_CPUTIME_ID) >=
	      process - thread + 70 * MILLISECOND);
}

static void cpu_clocks_have_numbers(void)
{
	int ends[2];
	pid_t pid;

	burn(10 * MILLISECOND);
	check(now(CPU_CLOCK(0, CPU_SCHED)) >= 10 * MILLISECOND);
	check(now(CPU_CLOCK(getpid(), CPU_SCHED)) >= 10 * MILLISECOND);
	check(now(CPU_CLOCK(getpid(), CPU_SCHED | CPU_THREAD)) >= 10 * MILLISECOND);
	check(now(CPU_CLOCK(getpid(), CPU_PROF)) >= 0);
	check(now(CPU_CLOCK(getpid(), CPU_VIRT)) >= 0);
	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		burn(20 * MILLISECOND);
		give_byte(ends[1], 1);
		pause();
	}
	take_byte(ends[0]);
	check(now(CPU_CLOCK(pid, CPU_SCHED)) >= 20 * MILLISECOND);
	check(now(CPU_CLOCK(pid, CPU_SCHED)) < 10 * SECOND);
	/* Another process's thread. */
	check_eq(read_clock(CPU_CLOCK(pid, CPU_SCHED | CPU_THREAD), &(struct timespec){0}),
		 -EINVAL);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(read_clock(CPU_CLOCK(pid, CPU_SCHED), &(struct timespec){0}), -EINVAL);
}

static void times_counts_children(void)
{
	struct tms before, after;
	pid_t pid;

	check(times(&before) > 0);
	pid = tap_fork();
	if (pid == 0) {
		burn(60 * MILLISECOND);
		_exit(0);
	}
	check_exits(pid, 0);
	check(times(&after) > 0);
	check(after.tms_cutime + after.tms_cstime >= before.tms_cutime + before.tms_cstime + 4);
	check_eq(before.tms_cutime + before.tms_cstime, 0);
	check(raw1(SYS_times, NULL) > 0);
	check_eq(raw1(SYS_times, KERNEL_ADDRESS), -EFAULT);
}

static void rusage_counts(void)
{
	struct rusage ru;
	pid_t pid;

	check_eq(raw2(SYS_getrusage, RUSAGE_SELF, &ru), 0);
	check(ru.ru_maxrss > 0);
	check(ru.ru_minflt > 0);
	burn(20 * MILLISECOND);
	check_eq(raw2(SYS_getrusage, RUSAGE_SELF, &ru), 0);
	check(ru.ru_utime.tv_sec || ru.ru_stime.tv_sec ||
	      ru.ru_utime.tv_usec + ru.ru_stime.tv_usec >= 20000);
	check_eq(raw2(SYS_getrusage, 1 /* RUSAGE_THREAD */, &ru), 0);
	check(ru.ru_utime.tv_sec || ru.ru_stime.tv_sec ||
	      ru.ru_utime.tv_usec + ru.ru_stime.tv_usec >= 20000);
	check_eq(raw2(SYS_getrusage, RUSAGE_CHILDREN, &ru), 0);
	check_eq(ru.ru_minflt + ru.ru_nvcsw + ru.ru_maxrss, 0);
	pid = tap_fork();
	if (pid == 0) {
		tap_sleep_ms(1);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(raw2(SYS_getrusage, RUSAGE_CHILDREN, &ru), 0);
	check(ru.ru_nvcsw > 0 && ru.ru_minflt > 0);
	check(ru.ru_maxrss > 0);
	check_eq(raw2(SYS_getrusage, 2, &ru), -EINVAL);
	check_eq(raw2(SYS_getrusage, -2, &ru), -EINVAL);
	check_eq(raw2(SYS_getrusage, RUSAGE_SELF, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_getrusage, 2, KERNEL_ADDRESS), -EINVAL);
}

/* ---- sleeping ---- */

static long nanosleep_on(clockid_t clock, int flags, const struct timespec *t,
			 struct timespec *left)
{
	return raw4(SYS_clock_nanosleep, clock, flags, t, left);
}

static void sleeps_are_refused_in_order(void)
{
	struct timespec bad = {0, SECOND}, negative = {-1, 0}, zero = {0, 0};

	check_eq(nanosleep_on(1000, 0, KERNEL_ADDRESS, NULL), -EINVAL);
	check_eq(nanosleep_on(CLOCK_MONOTONIC_RAW, 0, KERNEL_ADDRESS, NULL), -EOPNOTSUPP);
	check_eq(nanosleep_on(CLOCK_MONOTONIC_COARSE, 0, &zero, NULL), -EOPNOTSUPP);
	check_eq(nanosleep_on(CLOCK_REALTIME_COARSE, 0, &zero, NULL), -EOPNOTSUPP);
	check_eq(nanosleep_on(CLOCK_THREAD_CPUTIME_ID, 0, &zero, NULL), -EOPNOTSUPP);
	check_eq(nanosleep_on(CLOCK_MONOTONIC, 0, KERNEL_ADDRESS, NULL), -EFAULT);
	check_eq(nanosleep_on(CLOCK_MONOTONIC, 0, &bad, NULL), -EINVAL);
	check_eq(nanosleep_on(CLOCK_REALTIME, 0, &negative, NULL), -EINVAL);
	check_eq(nanosleep_on(CLOCK_BOOTTIME, 0, &zero, NULL), 0);
	check_eq(nanosleep_on(CLOCK_TAI, 0, &zero, NULL), 0);
	check_eq(nanosleep_on(CLOCK_MONOTONIC, TIMER_ABSTIME, &zero, KERNEL_ADDRESS), 0);
	check_eq(nanosleep_on(CLOCK_MONOTONIC, 0x100, &zero, NULL), 0);
	check_eq(nanosleep_on(CPU_CLOCK(0, CPU_SCHED | CPU_THREAD), 0, &zero, NULL), -EINVAL);
	check_eq(nanosleep_on(CPU_CLOCK(getpid(), CPU_SCHED | CPU_THREAD), 0, &zero, NULL),
		 -EINVAL);
	check_eq(nanosleep_on(CPU_CLOCK(0, 3), 0, &zero, NULL), -EOPNOTSUPP);
	check_eq(nanosleep_on(CLOCK_REALTIME_ALARM, 0, &zero, NULL), 0);
	check_eq(nanosleep_on(CLOCK_BOOTTIME_ALARM, TIMER_ABSTIME, &zero, NULL), 0);
	check_eq(nanosleep_on(CLOCK_BOOTTIME_ALARM, 2, &zero, NULL), -EINVAL);
	check_eq(nanosleep_on(CLOCK_BOOTTIME_ALARM, 0, &bad, NULL), -EINVAL);
	check_eq(nanosleep_on(CPU_CLOCK(4000000, CPU_SCHED), 0, &zero, NULL), -EINVAL);
	check_call(setuid(1000));
	check_eq(nanosleep_on(CLOCK_BOOTTIME_ALARM, 0, &zero, NULL), -EPERM);
	check_eq(nanosleep_on(CLOCK_BOOTTIME_ALARM, 2, &zero, NULL), -EINVAL);
}

static void sleep_on_every_clock(void)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
					   CLOCK_TAI};
	struct timespec t = {0, 10 * MILLISECOND};
	long long start;

	for (size_t i = 0; i < TAP_COUNT(clocks); i++) {
		start = tap_now();
		check_eq(nanosleep_on(clocks[i], 0, &t, NULL), 0);
		check(tap_now() - start >= 10 * MILLISECOND);
	}
	for (size_t i = 0; i < TAP_COUNT(clocks); i++) {
		long long end = now(clocks[i]) + 10 * MILLISECOND;
		struct timespec until = {end / SECOND, end % SECOND};

		check_eq(nanosleep_on(clocks[i], TIMER_ABSTIME, &until, NULL), 0);
		check(now(clocks[i]) >= end);
	}
}

static int spin_until_told(void *argument)
{
	while (!__atomic_load_n((int *)argument, __ATOMIC_SEQ_CST))
		;
	return 0;
}

static void sleep_by_cpu_time(void)
{
	static int stop;
	struct timespec t = {0, 30 * MILLISECOND};
	long long start = now(CLOCK_PROCESS_CPUTIME_ID);
	struct thread spinner;

	thread_start(&spinner, spin_until_told, &stop);
	check_eq(nanosleep_on(CLOCK_PROCESS_CPUTIME_ID, 0, &t, NULL), 0);
	check(now(CLOCK_PROCESS_CPUTIME_ID) - start >= 30 * MILLISECOND);
	set(&stop, 1);
	thread_join(&spinner);
}

/* A child that sends the case a signal every few milliseconds. */
static pid_t start_pestering(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		for (;;) {
			tap_sleep_ms(5);
			kill(getppid(), SIGUSR1);
		}
	}
	return pid;
}

static void interrupted_sleep_tells_what_is_left(void)
{
	struct timespec t = {10, 0}, left = {0, 0};
	pid_t pid;

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	pid = start_pestering();
	check_eq(raw2(SYS_nanosleep, &t, &left), -EINTR);
	check(left.tv_sec == 9 && left.tv_nsec > 0);
	left.tv_sec = 77;
	check_eq(nanosleep_on(CLOCK_REALTIME, 0, &t, &left), -EINTR);
	check_eq(left.tv_sec, 9);
	check_eq(raw2(SYS_nanosleep, &t, KERNEL_ADDRESS), -EFAULT);
	/* Nothing is said to be left of a sleep to a time. */
	t.tv_sec = 1000000;
	left.tv_sec = 77;
	check_eq(nanosleep_on(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, &left), -EINTR);
	check_eq(left.tv_sec, 77);
	check_call(kill(pid, SIGKILL));
	tap_wait(pid);
}

/* Stopping and continuing runs no handler: the sleep goes on, and ends when it would have. */
static void sleep_survives_stop_and_continue(void)
{
	volatile int *done = tap_shared(sizeof(*done));
	struct timespec t = {0, 150 * MILLISECOND}, left = {0, 0};
	pid_t pid = tap_fork();
	long long start;

	if (pid == 0) {
		start = tap_now();
		check_eq(raw2(SYS_nanosleep, &t, &left), 0);
		check(tap_now() - start >= 150 * MILLISECOND);
		check(tap_now() - start < 100 * 150 * MILLISECOND);
		set(done, 1);
		_exit(0);
	}
	for (int i = 0; i < 4; i++) {
		tap_sleep_ms(10);
		check_call(kill(pid, SIGSTOP));
		tap_sleep_ms(10);
		check_call(kill(pid, SIGCONT));
	}
	check_exits(pid, 0);
	check_eq(*done, 1);
}

/* ---- setting ---- */

static void setting_is_refused_in_order(void)
{
	struct timespec t = {1000, SECOND};

	check_eq(raw2(SYS_clock_settime, CLOCK_MONOTONIC, &t), -EINVAL);
	check_eq(raw2(SYS_clock_settime, 1000, KERNEL_ADDRESS), -EINVAL);
	check_eq(raw2(SYS_clock_settime, CLOCK_PROCESS_CPUTIME_ID, &t), -EINVAL);
	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, &t), -EINVAL);
	t.tv_nsec = 0;
	check_eq(raw2(SYS_clock_settime, CPU_CLOCK(0, CPU_SCHED), &t), -EPERM);
	check_eq(raw2(SYS_clock_settime, CPU_CLOCK(4000000, CPU_SCHED), &t), -EINVAL);
	t.tv_sec = -1;
	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, &t), -EINVAL);
	check_call(setuid(1000));
	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, &t), -EINVAL);
	t.tv_sec = 1700000000;
	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, &t), -EPERM);
}

static void setting_moves_the_time_of_day_only(void)
{
	long long real = now(CLOCK_REALTIME), steady_before = now(CLOCK_MONOTONIC);
	struct timespec t = {real / SECOND + 5000, 0};

	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, &t), 0);
	check(llabs(now(CLOCK_REALTIME) - real - 5000 * SECOND) < 2 * SECOND);
	check(now(CLOCK_MONOTONIC) - steady_before < SECOND);
	t.tv_sec -= 5000;
	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, &t), 0);
}

static void setting_ends_sleeps_to_a_time_of_day(void)
{
	long long real = now(CLOCK_REALTIME);
	struct timespec t = {real / SECOND + 5000, 0};
	volatile int *ready = tap_shared(sizeof(*ready));
	pid_t pid = tap_fork();

	if (pid == 0) {
		set(ready, 1);
		_exit(nanosleep_on(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL) ? 1 : 0);
	}
	tap_await(ready, 1);
	settle();
	t.tv_sec++;
	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, &t), 0);
	check_exits(pid, 0);
	t.tv_sec -= 5001;
	check_eq(raw2(SYS_clock_settime, CLOCK_REALTIME, &t), 0);
}

static long long in_ns(struct timeval tv)
{
	return tv.tv_sec * SECOND + tv.tv_usec * 1000LL;
}

static void usage_only_grows(void)
{
	long long user = 0, system = 0, end = now(CLOCK_PROCESS_CPUTIME_ID) + 300 * MILLISECOND;
	struct rusage ru;
	char byte;

	while (now(CLOCK_PROCESS_CPUTIME_ID) < end) {
		check_call(getrusage(RUSAGE_SELF, &ru));
		check(in_ns(ru.ru_utime) >= user);
		check(in_ns(ru.ru_stime) >= system);
		user = in_ns(ru.ru_utime);
		system = in_ns(ru.ru_stime);
		if (user / (20 * MILLISECOND) % 2)
			for (volatile int i = 0; i < 20000; i++)
				;
		else
			raw3(SYS_read, 0, &byte, 1);
	}
}

static const struct test_case cases[] = {
	TEST(clocks_agree, "clocks: those that count the same agree"),
	TEST(clocks_advance, "clocks: time passes on every one"),
	TEST(resolutions, "clocks: resolutions are Linux's"),
	TEST(no_such_clock, "clocks: one that does not exist is EINVAL"),
	TEST(time_of_day_by_older_calls, "clocks: time and gettimeofday tell the time of day"),
	TEST(cpu_time_is_work_not_sleep, "clocks: CPU time is work, not sleep"),
	TEST(threads_count_for_the_process,
	     "clocks: a process's CPU time is that of all its threads"),
	TEST(cpu_clocks_have_numbers, "clocks: CPU clocks of other processes have numbers"),
	TEST(times_counts_children, "clocks: times counts children that were waited for"),
	TEST(rusage_counts, "clocks: getrusage tells own and children's usage"),
	TEST(usage_only_grows, "clocks: neither user nor system time is taken back"),
	TEST(sleeps_are_refused_in_order, "clocks: bad sleeps are refused, each with its errno"),
	TEST(sleep_on_every_clock, "clocks: sleeps on each clock, for an interval and to a time"),
	TEST(sleep_by_cpu_time, "clocks: a sleep by the process's CPU time"),
	TEST(interrupted_sleep_tells_what_is_left,
	     "clocks: an interrupted sleep tells what is left"),
	TEST(sleep_survives_stop_and_continue, "clocks: stop and continue do not end a sleep"),
	TEST(setting_is_refused_in_order, "clocks: bad settings are refused, each with its errno"),
	TEST(setting_moves_the_time_of_day_only, "clocks: setting moves the time of day only"),
	TEST(setting_ends_sleeps_to_a_time_of_day, "clocks: setting ends sleeps to a time of day"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
