/* Interval timers: setitimer, getitimer and alarm, over signals, fork, exec, threads and exit. */
#include "helpers.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#define SECOND      1000000
#define MILLISECOND 1000

static struct itimerval interval(long value_us, long period_us)
{
	return (struct itimerval){
		.it_value = {value_us / SECOND, value_us % SECOND},
		.it_interval = {period_us / SECOND, period_us % SECOND},
	};
}

static long set_timer(int which, long value_us, long period_us)
{
	struct itimerval value = interval(value_us, period_us);

	return raw3(SYS_setitimer, which, &value, NULL);
}

static long us(struct timeval tv)
{
	return tv.tv_sec * SECOND + tv.tv_usec;
}

static long value_left(int which)
{
	struct itimerval value;

	check_eq(raw2(SYS_getitimer, which, &value), 0);
	return us(value.it_value);
}

static void burn_until(const volatile int *word, int value)
{
	while (get(word) < value)
		;
}

static long long cpu_ns(void)
{
	struct timespec t;

	check_eq(raw2(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- errors ---- */

static void bad_arguments(void)
{
	struct itimerval value = interval(SECOND, 0);
	static const struct itimerval bad[] = {
		{.it_value = {0, SECOND}},    {.it_value = {0, -1}},    {.it_value = {-1, 0}},
		{.it_interval = {0, SECOND}}, {.it_interval = {-1, 0}},
	};

	check_eq(raw2(SYS_getitimer, 3, &value), -EINVAL);
	check_eq(raw2(SYS_getitimer, -1, &value), -EINVAL);
	check_eq(raw2(SYS_getitimer, 3, UNMAPPED_ADDRESS), -EINVAL);
	check_eq(raw3(SYS_setitimer, 3, &value, NULL), -EINVAL);
	check_eq(raw3(SYS_setitimer, -1, &value, NULL), -EINVAL);
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw3(SYS_setitimer, ITIMER_REAL, &bad[i], NULL), -EINVAL);
	check_eq(value_left(ITIMER_REAL), 0);
}

static void bad_pointers(void)
{
	struct itimerval value = interval(100 * SECOND, 0);

	check_eq(raw2(SYS_getitimer, ITIMER_REAL, NULL), -EFAULT);
	check_eq(raw2(SYS_getitimer, ITIMER_REAL, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw3(SYS_setitimer, ITIMER_REAL, UNMAPPED_ADDRESS, NULL), -EFAULT);
	check_eq(raw3(SYS_setitimer, 7, UNMAPPED_ADDRESS, NULL), -EFAULT);
	/* A bad place for the old value: it is set all the same. */
	check_eq(raw3(SYS_setitimer, ITIMER_REAL, &value, KERNEL_ADDRESS), -EFAULT);
	check(value_left(ITIMER_REAL) > 90 * SECOND);
}

static void null_stops(void)
{
	struct itimerval old;

	check_eq(set_timer(ITIMER_REAL, 100 * SECOND, SECOND), 0);
	check_eq(raw3(SYS_setitimer, ITIMER_REAL, NULL, &old), 0);
	check(us(old.it_value) > 90 * SECOND && us(old.it_value) <= 100 * SECOND);
	check_eq(us(old.it_interval), SECOND);
	check_eq(value_left(ITIMER_REAL), 0);
}

/* ---- ITIMER_REAL ---- */

static volatile int last_code;

static void note_code(int number, siginfo_t *info, void *context)
{
	last_code = info->si_code;
	add(&caught[number], 1);
}

static void fires_once(void)
{
	long long start = tap_now();

	set_info_handler(SIGALRM, note_code, 0);
	check_eq(set_timer(ITIMER_REAL, 20 * MILLISECOND, 0), 0);
	tap_await(&caught[SIGALRM], 1);
	check(tap_now() - start >= 20 * 1000000LL);
	check_eq(caught[SIGALRM], 1);
	check_eq(last_code, SI_KERNEL);
	check_eq(value_left(ITIMER_REAL), 0);
	settle();
	check_eq(caught[SIGALRM], 1);
}

static void fires_again(void)
{
	struct itimerval value;

	set_handler(SIGALRM, count_signal, 0);
	check_eq(set_timer(ITIMER_REAL, 5 * MILLISECOND, 5 * MILLISECOND), 0);
	tap_await(&caught[SIGALRM], 4);
	check_eq(raw2(SYS_getitimer, ITIMER_REAL, &value), 0);
	check_eq(us(value.it_interval), 5 * MILLISECOND);
	check_eq(set_timer(ITIMER_REAL, 0, 5 * MILLISECOND), 0);
	check_eq(raw2(SYS_getitimer, ITIMER_REAL, &value), 0);
	check_eq(us(value.it_value), 0);
	check_eq(us(value.it_interval), 0);
}

static void default_action_kills(void *unused)
{
	set_timer(ITIMER_REAL, MILLISECOND, 0);
	for (;;)
		pause();
}

static void kills(void)
{
	check_dies(default_action_kills, NULL, SIGALRM);
}

static void blocked_does_not_pile_up(void)
{
	struct itimerval value;

	set_handler(SIGALRM, count_signal, 0);
	block_signal(SIGALRM);
	check_eq(set_timer(ITIMER_REAL, MILLISECOND, MILLISECOND), 0);
	while (!is_pending(SIGALRM))
		sched_yield();
	/* The next period begins when the signal is taken. */
	check_eq(raw2(SYS_getitimer, ITIMER_REAL, &value), 0);
	check_eq(us(value.it_value), 0);
	check_eq(us(value.it_interval), MILLISECOND);
	check_eq(set_timer(ITIMER_REAL, 0, 0), 0);
	check(is_pending(SIGALRM));
	unblock_signal(SIGALRM);
	check_eq(caught[SIGALRM], 1);
}

static void taken_by_sigtimedwait_goes_on(void)
{
	sigset_t set;
	siginfo_t info;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	block_signal(SIGALRM);
	check_eq(set_timer(ITIMER_REAL, MILLISECOND, MILLISECOND), 0);
	for (int i = 0; i < 3; i++) {
		check_eq(sigwaitinfo(&set, &info), SIGALRM);
		check_eq(info.si_code, SI_KERNEL);
	}
	check(value_left(ITIMER_REAL) <= MILLISECOND);
	check_eq(set_timer(ITIMER_REAL, 0, 0), 0);
}

static void another_alarm_starts_the_period(void)
{
	struct itimerval value;

	block_signal(SIGALRM);
	check_eq(set_timer(ITIMER_REAL, MILLISECOND, 100 * SECOND), 0);
	while (!is_pending(SIGALRM))
		sched_yield();
	check_eq(value_left(ITIMER_REAL), 0);
	/* Taken, whoever has sent it. */
	set_handler(SIGALRM, count_signal, 0);
	unblock_signal(SIGALRM);
	check_eq(caught[SIGALRM], 1);
	check_eq(raw2(SYS_getitimer, ITIMER_REAL, &value), 0);
	check(us(value.it_value) > 90 * SECOND);
	check_eq(us(value.it_interval), 100 * SECOND);
}

static void ignored_ends_the_series(void)
{
	struct itimerval value;

	signal(SIGALRM, SIG_IGN);
	check_eq(set_timer(ITIMER_REAL, MILLISECOND, MILLISECOND), 0);
	while (value_left(ITIMER_REAL) > 0)
		sched_yield();
	settle();
	check_eq(raw2(SYS_getitimer, ITIMER_REAL, &value), 0);
	check_eq(us(value.it_value), 0);
	check_eq(us(value.it_interval), MILLISECOND);
	set_handler(SIGALRM, count_signal, 0);
	settle();
	check_eq(caught[SIGALRM], 0);
	/* Any SIGALRM that is taken wakes it up again. */
	kill(getpid(), SIGALRM);
	tap_await(&caught[SIGALRM], 3);
	check_eq(set_timer(ITIMER_REAL, 0, 0), 0);
}

static void long_times(void)
{
	struct itimerval value = {.it_value = {0x7fffffffffffffff, 999999},
				  .it_interval = {0x7fffffffffffffff, 0}};

	check_eq(raw3(SYS_setitimer, ITIMER_REAL, &value, NULL), 0);
	check_eq(raw2(SYS_getitimer, ITIMER_REAL, &value), 0);
	check(value.it_value.tv_sec > 4000000000);
	check(value.it_interval.tv_sec > 4000000000);
	check_eq(set_timer(ITIMER_REAL, 0, 0), 0);
}

static void setting_returns_the_old(void)
{
	struct itimerval value = interval(50 * SECOND, 2 * SECOND), old;

	check_eq(set_timer(ITIMER_REAL, 100 * SECOND, SECOND), 0);
	check_eq(raw3(SYS_setitimer, ITIMER_REAL, &value, &old), 0);
	check(us(old.it_value) > 90 * SECOND && us(old.it_value) <= 100 * SECOND);
	check_eq(us(old.it_interval), SECOND);
	check(value_left(ITIMER_REAL) <= 50 * SECOND);
}

/* ---- alarm ---- */

static void alarm_is_the_real_timer(void)
{
	struct itimerval value;

	check_eq(raw1(SYS_alarm, 100), 0);
	check(value_left(ITIMER_REAL) > 90 * SECOND);
	check_eq(raw1(SYS_alarm, 10), 100);
	check_eq(set_timer(ITIMER_REAL, 100 * SECOND, SECOND), 0);
	check_eq(raw1(SYS_alarm, 50), 100);
	check_eq(raw2(SYS_getitimer, ITIMER_REAL, &value), 0);
	check_eq(us(value.it_interval), 0);
	check_eq(raw1(SYS_alarm, 0), 50);
	check_eq(raw1(SYS_alarm, 0), 0);
	check_eq(value_left(ITIMER_REAL), 0);
}

static void alarm_rounds(void)
{
	check_eq(set_timer(ITIMER_REAL, 200 * MILLISECOND, 0), 0);
	check_eq(raw1(SYS_alarm, 0), 1);
	check_eq(set_timer(ITIMER_REAL, 10 * SECOND + 400 * MILLISECOND, 0), 0);
	check_eq(raw1(SYS_alarm, 0), 10);
	check_eq(set_timer(ITIMER_REAL, 10 * SECOND + 900 * MILLISECOND, 0), 0);
	check_eq(raw1(SYS_alarm, 0), 11);
	check_eq(raw1(SYS_alarm, 0xffffffffu), 0);
	check_eq((unsigned)raw1(SYS_alarm, 0), 0xffffffffu);
}

/* ---- CPU time ---- */

static void virtual_counts_work(void)
{
	long long start = cpu_ns();

	set_info_handler(SIGVTALRM, note_code, 0);
	check_eq(set_timer(ITIMER_VIRTUAL, 30 * MILLISECOND, 0), 0);
	burn_until(&caught[SIGVTALRM], 1);
	check(cpu_ns() - start >= 20 * 1000000);
	check_eq(last_code, SI_KERNEL);
	check_eq(value_left(ITIMER_VIRTUAL), 0);
}

static void profile_counts_work(void)
{
	long long start = cpu_ns();

	set_handler(SIGPROF, count_signal, 0);
	check_eq(set_timer(ITIMER_PROF, 20 * MILLISECOND, 10 * MILLISECOND), 0);
	while (get(&caught[SIGPROF]) < 3)
		raw0(SYS_getppid);
	check(cpu_ns() - start >= 30 * 1000000); /* less a tick: so exact is Linux */
	check_eq(set_timer(ITIMER_PROF, 0, 0), 0);
}

static void sleep_is_no_work(void)
{
	set_handler(SIGPROF, count_signal, 0);
	set_handler(SIGVTALRM, count_signal, 0);
	check_eq(set_timer(ITIMER_PROF, 40 * MILLISECOND, 0), 0);
	check_eq(set_timer(ITIMER_VIRTUAL, 40 * MILLISECOND, 0), 0);
	tap_sleep_ms(100);
	check_eq(caught[SIGPROF] + caught[SIGVTALRM], 0);
	check(value_left(ITIMER_PROF) > 0);
	check(value_left(ITIMER_VIRTUAL) > 0);
}

static void three_at_once(void)
{
	set_handler(SIGALRM, count_signal, 0);
	set_handler(SIGPROF, count_signal, 0);
	set_handler(SIGVTALRM, count_signal, 0);
	check_eq(set_timer(ITIMER_REAL, 10 * MILLISECOND, 10 * MILLISECOND), 0);
	check_eq(set_timer(ITIMER_VIRTUAL, 10 * MILLISECOND, 10 * MILLISECOND), 0);
	check_eq(set_timer(ITIMER_PROF, 10 * MILLISECOND, 10 * MILLISECOND), 0);
	burn_until(&caught[SIGALRM], 2);
	burn_until(&caught[SIGVTALRM], 2);
	burn_until(&caught[SIGPROF], 2);
}

static int burn_for_ever(void *argument)
{
	for (;;)
		;
	return 0;
}

static void profile_counts_all_threads(void)
{
	struct thread threads[2];

	set_handler(SIGPROF, count_signal, 0);
	check_eq(set_timer(ITIMER_PROF, 60 * MILLISECOND, 0), 0);
	thread_start(&threads[0], burn_for_ever, NULL);
	thread_start(&threads[1], burn_for_ever, NULL);
	tap_await(&caught[SIGPROF], 1);
	check(cpu_ns() >= 50 * 1000000);
}

/* ---- processes and threads ---- */

static void fork_does_not_inherit(void)
{
	pid_t pid;

	check_eq(set_timer(ITIMER_REAL, 100 * SECOND, SECOND), 0);
	check_eq(set_timer(ITIMER_PROF, 100 * SECOND, SECOND), 0);
	pid = tap_fork();
	if (pid == 0) {
		struct itimerval value;

		check_eq(raw2(SYS_getitimer, ITIMER_REAL, &value), 0);
		check_eq(us(value.it_value) + us(value.it_interval), 0);
		check_eq(raw2(SYS_getitimer, ITIMER_PROF, &value), 0);
		check_eq(us(value.it_value) + us(value.it_interval), 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check(value_left(ITIMER_REAL) > 90 * SECOND);
}

static int arm_and_leave(void *argument)
{
	struct itimerval value = interval(10 * MILLISECOND, 10 * MILLISECOND);

	return raw3(SYS_setitimer, ITIMER_REAL, &value, NULL);
}

static void outlives_its_thread(void)
{
	struct thread thread;

	set_handler(SIGALRM, count_signal, 0);
	thread_start(&thread, arm_and_leave, NULL);
	thread_join(&thread);
	tap_await(&caught[SIGALRM], 2);
}

static int await_alarms(void *argument)
{
	unsigned long none = 0;

	while (get(&caught[SIGALRM]) < 3)
		raw2(SYS_rt_sigsuspend, &none, 8);
	raw1(SYS_exit_group, 0);
	return 0;
}

static void leader_leaves(void *unused)
{
	struct thread thread;

	set_handler(SIGALRM, count_signal, 0);
	set_timer(ITIMER_REAL, 10 * MILLISECOND, 10 * MILLISECOND);
	thread_start(&thread, await_alarms, NULL);
	raw1(SYS_exit, 1);
}

static void outlives_the_leader(void)
{
	check_child(leader_leaves, NULL);
}

static void exit_with_timers(void)
{
	for (int i = 0; i < 30; i++) {
		pid_t pid = tap_fork();

		if (pid == 0) {
			signal(SIGALRM, SIG_IGN);
			signal(SIGPROF, SIG_IGN);
			set_timer(ITIMER_REAL, 1 + i * 10, 1);
			set_timer(ITIMER_PROF, 1, 1);
			for (int n = 0; n < i * 20; n++)
				raw0(SYS_getppid);
			_exit(0);
		}
		check_exits(pid, 0);
	}
}

static void stays_over_exec(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		set_timer(ITIMER_REAL, 100 * SECOND, 3 * SECOND);
		set_timer(ITIMER_PROF, 100 * SECOND, 4 * SECOND);
		raw_exec_helper("show", NULL, NULL);
		_exit(126);
	}
	check_exits(pid, 7);
}

static void kills_the_new_program(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		set_timer(ITIMER_REAL, 30 * MILLISECOND, 0);
		raw_exec_helper("pause", NULL, NULL);
		_exit(126);
	}
	check_killed(pid, SIGALRM);
}

static int exec_show(void *argument)
{
	raw_exec_helper("show", NULL, NULL);
	return 1;
}

static void stays_over_exec_by_a_thread(void)
{
	pid_t pid = tap_fork();
	struct thread thread;

	if (pid == 0) {
		set_timer(ITIMER_REAL, 100 * SECOND, 3 * SECOND);
		set_timer(ITIMER_PROF, 100 * SECOND, 4 * SECOND);
		thread_start(&thread, exec_show, NULL);
		for (;;)
			pause();
	}
	check_exits(pid, 7);
}

static int exec_pause(void *argument)
{
	raw_exec_helper("pause", NULL, NULL);
	return 1;
}

static void kills_after_exec_by_a_thread(void)
{
	for (int i = 0; i < 10; i++) {
		pid_t pid = tap_fork();
		struct thread thread;

		if (pid == 0) {
			set_timer(ITIMER_REAL, 1 + i * 500, 0);
			thread_start(&thread, exec_pause, NULL);
			for (;;)
				pause();
		}
		check_killed(pid, SIGALRM);
	}
}

/* The child shares its parent's handlers, and stops to when it execs. */
static void exec_out_of_shared_handlers(void)
{
	for (int i = 0; i < 10; i++) {
		pid_t pid = clone_call(CLONE_VM | CLONE_SIGHAND | CLONE_VFORK | SIGCHLD,
				       i % 2 ? exec_pause : exec_show, NULL);

		if (i % 2) {
			check_eq(kill(pid, SIGALRM), 0);
			check_killed(pid, SIGALRM);
		} else {
			check_exits(pid, 8);
		}
	}
}

static int arm_and_exec_pause(void *argument)
{
	set_timer(ITIMER_REAL, 2 * MILLISECOND, 0);
	return exec_pause(argument);
}

static void fires_while_handlers_are_unshared(void)
{
	for (int i = 0; i < 10; i++)
		check_killed(clone_call(CLONE_VM | CLONE_SIGHAND | CLONE_VFORK | SIGCHLD,
					arm_and_exec_pause, NULL),
			     SIGALRM);
}

/* ---- RLIMIT_CPU ---- */

static void burn_at_limit(void *unused)
{
	struct rlimit limit = {1, 1};

	check_call(setrlimit(RLIMIT_CPU, &limit));
	burn_for_ever(NULL);
}

static void hard_cpu_limit(void)
{
	check_dies(burn_at_limit, NULL, SIGKILL);
}

static void soft_cpu_limit(void)
{
	struct rlimit limit = {0, 100};

	set_handler(SIGXCPU, count_signal, 0);
	check_call(setrlimit(RLIMIT_CPU, &limit));
	burn_until(&caught[SIGXCPU], 1);
	check_call(getrlimit(RLIMIT_CPU, &limit));
	check_eq(limit.rlim_cur, 1);
	check_eq(limit.rlim_max, 100);
}

static const struct test_case cases[] = {
	TEST(bad_arguments, "bad timers and bad times are refused"),
	TEST(bad_pointers, "bad pointers"),
	TEST(null_stops, "setting to NULL stops the timer"),
	TEST(setting_returns_the_old, "setting a timer tells what it was"),
	TEST(long_times, "times beyond the clock's end"),
	TEST(fires_once, "a single shot comes once, not early, from the kernel"),
	TEST(fires_again, "a period goes on until it is stopped"),
	TEST(kills, "SIGALRM kills whoever does not handle it"),
	TEST(blocked_does_not_pile_up, "a blocked signal stops the series until it is taken"),
	TEST(taken_by_sigtimedwait_goes_on, "sigtimedwait takes it, and the series goes on"),
	TEST(another_alarm_starts_the_period, "the next period begins when the signal is taken"),
	TEST(ignored_ends_the_series, "an ignored signal ends the series until another is taken"),
	TEST(alarm_is_the_real_timer, "alarm sets and shows the real timer"),
	TEST(alarm_rounds, "alarm rounds what is left"),
	TEST(virtual_counts_work, "the virtual timer counts user time"),
	TEST(profile_counts_work, "the profile timer counts all CPU time, again and again"),
	TEST(sleep_is_no_work, "CPU timers stand still in a sleep"),
	TEST(three_at_once, "the three timers do not disturb each other"),
	TEST(profile_counts_all_threads, "the profile timer counts every thread"),
	TEST(fork_does_not_inherit, "a forked child has no timers"),
	TEST(outlives_its_thread, "a timer outlives the thread that set it"),
	TEST(outlives_the_leader, "a timer outlives the first thread"),
	TEST(exit_with_timers, "processes exit while timers expire"),
	TEST(stays_over_exec, "timers stay over exec"),
	TEST(kills_the_new_program, "a timer set before exec kills the new program"),
	TEST(stays_over_exec_by_a_thread, "timers stay over an exec by another thread"),
	TEST(kills_after_exec_by_a_thread, "timers expire during an exec by another thread"),
	TEST(exec_out_of_shared_handlers, "exec by a child that shares its handlers"),
	TEST(fires_while_handlers_are_unshared, "a timer expires while exec unshares handlers"),
	TEST(hard_cpu_limit, "RLIMIT_CPU's hard limit kills"),
	TEST(soft_cpu_limit, "RLIMIT_CPU's soft limit signals and moves"),
};

static int helper(int argc, char **argv)
{
	struct itimerval real = {0}, prof = {0};

	signal(SIGALRM, SIG_DFL);
	if (strcmp(argv[0], "pause") == 0)
		for (;;)
			pause();
	getitimer(ITIMER_REAL, &real);
	getitimer(ITIMER_PROF, &prof);
	if (real.it_value.tv_sec > 90 && real.it_interval.tv_sec == 3 &&
	    prof.it_value.tv_sec > 90 && prof.it_interval.tv_sec == 4)
		return 7;
	return us(real.it_value) || us(prof.it_value) ? 1 : 8;
}

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
