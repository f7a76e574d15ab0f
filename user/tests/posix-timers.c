/* Timers of timer_create: clocks, signals, overruns, threads, fork, exec, exit, limits. */
#include "helpers.h"

#include <sys/resource.h>
#include <time.h>

#define SECOND      1000000000LL
#define MILLISECOND 1000000LL

#define SIGEV_TO_THREAD      4
#define CPU_CLOCK(pid, bits) ((clockid_t)(~(unsigned)(pid) << 3 | (bits)))
#define CPU_SCHED            2
#define CPU_THREAD           4
#define NO_TIMER             123456

struct event {
	union sigval value;
	int signo, notify, tid, pad[11];
};

static struct itimerspec interval(long long value, long long period)
{
	return (struct itimerspec){
		.it_value = {value / SECOND, value % SECOND},
		.it_interval = {period / SECOND, period % SECOND},
	};
}

static long long ns(struct timespec t)
{
	return t.tv_sec * SECOND + t.tv_nsec;
}

static long long now(clockid_t clock)
{
	struct timespec t;

	check_eq(raw2(SYS_clock_gettime, clock, &t), 0);
	return ns(t);
}

static int create(clockid_t clock, int notify, int signo, int tid)
{
	struct event event = {
		.value.sival_int = 4711, .signo = signo, .notify = notify, .tid = tid};
	int id;

	check_eq(raw3(SYS_timer_create, clock, &event, &id), 0);
	return id;
}

static long set_flags(int id, int flags, long long value, long long period)
{
	struct itimerspec spec = interval(value, period);

	return raw4(SYS_timer_settime, id, flags, &spec, NULL);
}

static void start(int id, long long value, long long period)
{
	check_eq(set_flags(id, 0, value, period), 0);
}

static struct itimerspec show(int id)
{
	struct itimerspec spec;

	check_eq(raw2(SYS_timer_gettime, id, &spec), 0);
	return spec;
}

static long long left(int id)
{
	return ns(show(id).it_value);
}

static volatile int last_id, last_overrun, last_code, last_value, last_thread;

static void note(int number, siginfo_t *info, void *context)
{
	last_id = info->si_timerid;
	last_overrun = info->si_overrun;
	last_code = info->si_code;
	last_value = info->si_value.sival_int;
	last_thread = raw0(SYS_gettid);
	add(&caught[number], 1);
}

/* ---- errors ---- */

static void bad_clocks(void)
{
	static const struct {
		clockid_t clock;
		int error;
	} bad[] = {
		{10, EINVAL},
		{12, EINVAL},
		{1000, EINVAL},
		{CLOCK_MONOTONIC_RAW, EOPNOTSUPP},
		{CLOCK_MONOTONIC_COARSE, EOPNOTSUPP},
		{CLOCK_REALTIME_COARSE, EOPNOTSUPP},
		{CPU_CLOCK(0, 3), EOPNOTSUPP},
		{CPU_CLOCK(4000000, CPU_SCHED), EINVAL},
		{CPU_CLOCK(1, CPU_SCHED | CPU_THREAD), EINVAL},
	};
	int id;

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw3(SYS_timer_create, bad[i].clock, NULL, &id), -bad[i].error);
}

static void bad_events(void)
{
	static const struct event bad[] = {
		{.notify = SIGEV_SIGNAL, .signo = 0},
		{.notify = SIGEV_SIGNAL, .signo = 65},
		{.notify = SIGEV_SIGNAL, .signo = -1},
		{.notify = SIGEV_THREAD, .signo = 65},
		{.notify = 3, .signo = SIGALRM},
		{.notify = 5, .signo = SIGALRM},
		{.notify = -1, .signo = SIGALRM},
		{.notify = SIGEV_TO_THREAD, .signo = SIGALRM, .tid = 0},
		{.notify = SIGEV_TO_THREAD, .signo = SIGALRM, .tid = -1},
		{.notify = SIGEV_TO_THREAD, .signo = SIGALRM, .tid = 1},
		{.notify = SIGEV_TO_THREAD, .signo = SIGALRM, .tid = NO_SUCH_PID},
	};
	struct event good = {.notify = SIGEV_SIGNAL, .signo = SIGALRM};
	int id;

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, &bad[i], &id), -EINVAL);
	check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, UNMAPPED_ADDRESS, &id), -EFAULT);
	check_eq(raw3(SYS_timer_create, 1000, UNMAPPED_ADDRESS, &id), -EFAULT);
	check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, &good, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, &good, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, &bad[0], KERNEL_ADDRESS), -EINVAL);
	/* Nothing is asked of a signal that is never sent. */
	create(CLOCK_MONOTONIC, SIGEV_NONE, 1000, 0);
}

static void no_such_timer(void)
{
	struct itimerspec spec = interval(SECOND, 0);
	int id;

	for (int made = 0; made < 2; made++) {
		check_eq(raw2(SYS_timer_gettime, NO_TIMER, &spec), -EINVAL);
		check_eq(raw2(SYS_timer_gettime, -1, UNMAPPED_ADDRESS), -EINVAL);
		check_eq(raw4(SYS_timer_settime, NO_TIMER, 0, &spec, NULL), -EINVAL);
		check_eq(raw1(SYS_timer_getoverrun, NO_TIMER), -EINVAL);
		check_eq(raw1(SYS_timer_delete, NO_TIMER), -EINVAL);
		check_eq(raw1(SYS_timer_delete, -1), -EINVAL);
		check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id), 0);
	}
	check_eq(raw1(SYS_timer_delete, id), 0);
	check_eq(raw1(SYS_timer_delete, id), -EINVAL);
	check_eq(raw1(SYS_timer_getoverrun, id), -EINVAL);
}

static void bad_times(void)
{
	static const struct itimerspec bad[] = {
		{.it_value = {0, SECOND}},    {.it_value = {0, -1}},    {.it_value = {-1, 0}},
		{.it_interval = {0, SECOND}}, {.it_interval = {-1, 0}},
	};
	struct itimerspec spec = interval(100 * SECOND, 0);
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw4(SYS_timer_settime, id, 0, &bad[i], NULL), -EINVAL);
	check_eq(raw4(SYS_timer_settime, id, 0, NULL, NULL), -EINVAL);
	check_eq(raw4(SYS_timer_settime, id, 0, UNMAPPED_ADDRESS, NULL), -EFAULT);
	check_eq(raw4(SYS_timer_settime, NO_TIMER, 0, UNMAPPED_ADDRESS, NULL), -EFAULT);
	check_eq(raw2(SYS_timer_gettime, id, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(left(id), 0);
	/* Set, although the old value could not be stored. */
	check_eq(raw4(SYS_timer_settime, id, 0, &spec, KERNEL_ADDRESS), -EFAULT);
	check(left(id) > 90 * SECOND);
}

/* ---- numbers and signals ---- */

static void numbers_are_not_used_again(void)
{
	int first = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0), second, third;

	check_eq(first, 0);
	second = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	check_eq(second, 1);
	check_eq(raw1(SYS_timer_delete, first), 0);
	check_eq(raw1(SYS_timer_delete, second), 0);
	third = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	check_eq(third, 2);
}

static void fires_once(void)
{
	long long begin = now(CLOCK_MONOTONIC);
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);

	set_info_handler(SIGUSR1, note, 0);
	start(id, 20 * MILLISECOND, 0);
	check(left(id) <= 20 * MILLISECOND);
	tap_await(&caught[SIGUSR1], 1);
	check(now(CLOCK_MONOTONIC) - begin >= 20 * MILLISECOND);
	check_eq(last_code, SI_TIMER);
	check_eq(last_id, id);
	check_eq(last_value, 4711);
	check_eq(last_overrun, 0);
	check_eq(raw1(SYS_timer_getoverrun, id), 0);
	check_eq(left(id), 0);
	settle();
	check_eq(caught[SIGUSR1], 1);
}

static void without_an_event(void)
{
	int id;

	create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	check_eq(raw3(SYS_timer_create, CLOCK_REALTIME, NULL, &id), 0);
	set_info_handler(SIGALRM, note, 0);
	start(id, MILLISECOND, 0);
	tap_await(&caught[SIGALRM], 1);
	check_eq(last_id, id);
	check_eq(last_value, id);
}

static const clockid_t wall_clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,      CLOCK_BOOTTIME,
					CLOCK_TAI,      CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM};

static void every_clock(void)
{
	set_info_handler(SIGUSR1, note, 0);
	for (size_t i = 0; i < TAP_COUNT(wall_clocks); i++) {
		int id = create(wall_clocks[i], SIGEV_SIGNAL, SIGUSR1, 0);
		long long begin = now(wall_clocks[i]);

		caught[SIGUSR1] = 0;
		start(id, 5 * MILLISECOND, 0);
		tap_await(&caught[SIGUSR1], 1);
		check(now(wall_clocks[i]) - begin >= 5 * MILLISECOND);
		check_eq(last_id, id);
	}
}

static void absolute_times(void)
{
	set_info_handler(SIGUSR1, note, 0);
	for (size_t i = 0; i < TAP_COUNT(wall_clocks); i++) {
		int id = create(wall_clocks[i], SIGEV_SIGNAL, SIGUSR1, 0);
		long long end = now(wall_clocks[i]) + 10 * MILLISECOND;

		caught[SIGUSR1] = 0;
		check_eq(set_flags(id, TIMER_ABSTIME, end, 0), 0);
		tap_await(&caught[SIGUSR1], 1);
		check(now(wall_clocks[i]) >= end);
		/* Long past: at once. */
		check_eq(set_flags(id, TIMER_ABSTIME, 1, 0), 0);
		tap_await(&caught[SIGUSR1], 2);
		check_eq(set_flags(id, TIMER_ABSTIME, now(wall_clocks[i]) + 100 * SECOND, 0), 0);
		check(left(id) > 90 * SECOND && left(id) <= 100 * SECOND);
	}
}

static void set_shows_the_old(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);
	struct itimerspec spec = interval(0, 5 * SECOND), old;

	start(id, 100 * SECOND, 3 * SECOND);
	check_eq(raw4(SYS_timer_settime, id, 0, &spec, &old), 0);
	check(ns(old.it_value) > 90 * SECOND && ns(old.it_value) <= 100 * SECOND);
	check_eq(ns(old.it_interval), 3 * SECOND);
	check_eq(left(id), 0);
	check_eq(ns(show(id).it_interval), 0);
}

static void repeats(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0);

	set_info_handler(SIGRTMIN, note, 0);
	start(id, 3 * MILLISECOND, 2 * MILLISECOND);
	tap_await(&caught[SIGRTMIN], 5);
	check_eq(ns(show(id).it_interval), 2 * MILLISECOND);
	start(id, 0, 0);
	check_eq(ns(show(id).it_interval), 0);
}

static void overruns(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0);

	set_info_handler(SIGRTMIN, note, 0);
	block_signal(SIGRTMIN);
	start(id, 2 * MILLISECOND, 2 * MILLISECOND);
	tap_sleep_ms(50);
	check(left(id) > 0 && left(id) <= 2 * MILLISECOND);
	start(create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0), SECOND, 0);
	check(is_pending(SIGRTMIN));
	unblock_signal(SIGRTMIN);
	check(get(&caught[SIGRTMIN]) >= 1);
	check_eq(set_flags(id, 0, 100 * SECOND, 0), 0);
	check(caught[SIGRTMIN] < 20);
}

static void overruns_are_counted(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0);
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	block_signal(SIGRTMIN);
	start(id, 2 * MILLISECOND, 2 * MILLISECOND);
	tap_sleep_ms(50);
	check_eq(sigwaitinfo(&set, &info), SIGRTMIN);
	check_eq(info.si_code, SI_TIMER);
	check(info.si_overrun >= 20);
	check_eq(raw1(SYS_timer_getoverrun, id), info.si_overrun);
	/* A new setting forgets them. */
	start(id, 100 * SECOND, 0);
	check_eq(raw1(SYS_timer_getoverrun, id), 0);
}

static void overruns_have_a_limit(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0);
	siginfo_t info;
	sigset_t set;

	/* Since boot, one each nanosecond: more than an int holds after a while, else many. */
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	block_signal(SIGRTMIN);
	check_eq(set_flags(id, TIMER_ABSTIME, 1, 1), 0);
	check_eq(sigwaitinfo(&set, &info), SIGRTMIN);
	check(info.si_overrun >= 1000000);
	start(id, 0, 0);
	id = create(CLOCK_REALTIME, SIGEV_SIGNAL, SIGRTMIN, 0);
	while (sigtimedwait(&set, &info, &(struct timespec){0}) > 0)
		;
	check_eq(set_flags(id, TIMER_ABSTIME, 1, 1), 0);
	check_eq(sigwaitinfo(&set, &info), SIGRTMIN);
	check_eq(info.si_overrun, 0x7fffffff);
	check_eq(raw1(SYS_timer_getoverrun, id), 0x7fffffff);
}

static void ignored_goes_on(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);

	signal(SIGUSR1, SIG_IGN);
	start(id, MILLISECOND, MILLISECOND);
	settle();
	check(left(id) > 0);
	check(!is_pending(SIGUSR1));
	set_info_handler(SIGUSR1, note, 0);
	tap_await(&caught[SIGUSR1], 3);
}

static void standard_signals_of_two_timers(void)
{
	int one = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);
	int two = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);

	set_info_handler(SIGUSR1, note, 0);
	block_signal(SIGUSR1);
	start(one, MILLISECOND, 0);
	start(two, MILLISECOND, 0);
	while (left(one) || left(two))
		sched_yield();
	kill(getpid(), SIGUSR1);
	unblock_signal(SIGUSR1);
	/* One queued entry each; kill's comes to what is pending already. */
	check_eq(caught[SIGUSR1], 2);
}

static void deleted_with_a_signal_pending(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0);

	set_info_handler(SIGRTMIN, note, 0);
	block_signal(SIGRTMIN);
	start(id, MILLISECOND, MILLISECOND);
	while (!is_pending(SIGRTMIN))
		sched_yield();
	check_eq(raw1(SYS_timer_delete, id), 0);
	check(is_pending(SIGRTMIN));
	unblock_signal(SIGRTMIN);
	check_eq(caught[SIGRTMIN], 1);
	check_eq(last_id, id);
	settle();
	check_eq(caught[SIGRTMIN], 1);
}

static void set_with_a_signal_pending(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0);

	set_info_handler(SIGRTMIN, note, 0);
	block_signal(SIGRTMIN);
	start(id, MILLISECOND, MILLISECOND);
	while (!is_pending(SIGRTMIN))
		sched_yield();
	start(id, 100 * SECOND, 100 * SECOND);
	unblock_signal(SIGRTMIN);
	check_eq(caught[SIGRTMIN], 1);
	check_eq(last_overrun, 0);
	check(left(id) > 90 * SECOND);
	settle();
	check_eq(caught[SIGRTMIN], 1);
}

static void silent_timers_count(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);

	start(id, MILLISECOND, 0);
	while (left(id) > 0)
		sched_yield();
	check_eq(left(id), 0);
	start(id, 5 * MILLISECOND, 50 * SECOND);
	settle();
	check(left(id) > 40 * SECOND && left(id) <= 50 * SECOND);
	check_eq(ns(show(id).it_interval), 50 * SECOND);
}

static void stops_and_continues(void)
{
	pid_t pid = tap_fork();
	int status;

	if (pid == 0) {
		int stop = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGSTOP, 0);
		int go_on = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGCONT, 0);

		set_info_handler(SIGCONT, note, 0);
		start(go_on, 60 * MILLISECOND, 0);
		start(stop, MILLISECOND, 0);
		tap_await(&caught[SIGCONT], 1);
		_exit(5);
	}
	check_eq(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
	check_exits(pid, 5);
}

/* The timer's SIGCONT takes queued stop signals back. */
static void cont_flushes_stops(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGCONT, 0);

	set_info_handler(SIGCONT, note, 0);
	block_signal(SIGTSTP);
	for (int i = 0; i < 20; i++) {
		check_eq(sigqueue(getpid(), SIGTSTP, (union sigval){0}), 0);
		check(is_pending(SIGTSTP));
		start(id, 100000, 0);
		tap_await(&caught[SIGCONT], i + 1);
		check(!is_pending(SIGTSTP));
	}
}

static void kills(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		block_all_signals();
		start(create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGKILL, 0), MILLISECOND, 0);
		for (;;)
			pause();
	}
	check_killed(pid, SIGKILL);
}

/* ---- CPU time ---- */

static void process_cpu_timer(void)
{
	int id = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0);
	long long begin = now(CLOCK_PROCESS_CPUTIME_ID);

	set_info_handler(SIGUSR1, note, 0);
	start(id, 30 * MILLISECOND, 0);
	tap_sleep_ms(60);
	check_eq(caught[SIGUSR1], 0);
	check(left(id) > 0 && left(id) <= 30 * MILLISECOND);
	while (!get(&caught[SIGUSR1]))
		;
	check(now(CLOCK_PROCESS_CPUTIME_ID) - begin >= 30 * MILLISECOND);
	check_eq(last_code, SI_TIMER);
	check_eq(left(id), 0);
}

static void thread_cpu_timer(void)
{
	int id = create(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0);
	long long begin = now(CLOCK_THREAD_CPUTIME_ID);

	set_info_handler(SIGUSR1, note, 0);
	start(id, 20 * MILLISECOND, 20 * MILLISECOND);
	while (get(&caught[SIGUSR1]) < 3)
		;
	check(now(CLOCK_THREAD_CPUTIME_ID) - begin >= 60 * MILLISECOND);
	start(id, 0, 0);
	/* Absolute, and past already. */
	caught[SIGUSR1] = 0;
	check_eq(set_flags(id, TIMER_ABSTIME, 1, 0), 0);
	tap_await(&caught[SIGUSR1], 1);
}

static int burn_for_ever(void *argument)
{
	for (;;)
		;
	return 0;
}

static void process_cpu_timer_counts_threads(void)
{
	int id = create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0);
	struct thread thread;

	set_info_handler(SIGUSR1, note, 0);
	start(id, 50 * MILLISECOND, 0);
	thread_start(&thread, burn_for_ever, NULL);
	tap_await(&caught[SIGUSR1], 1);
	check(now(CLOCK_PROCESS_CPUTIME_ID) >= 50 * MILLISECOND);
}

static void cpu_timer_of_another_thread(void)
{
	struct thread thread;
	int id;

	set_info_handler(SIGUSR1, note, 0);
	block_signal(SIGUSR1);
	thread_start(&thread, burn_for_ever, NULL);
	unblock_signal(SIGUSR1);
	id = create(CPU_CLOCK(thread.tid, CPU_SCHED | CPU_THREAD), SIGEV_SIGNAL, SIGUSR1, 0);
	start(id, 30 * MILLISECOND, 0);
	tap_await(&caught[SIGUSR1], 1);
	check_eq(last_thread, getpid());
	check(now(CPU_CLOCK(thread.tid, CPU_SCHED | CPU_THREAD)) >= 30 * MILLISECOND);
}

static volatile int let_go;

static int wait_to_leave(void *argument)
{
	raw_await(&let_go, 1);
	return 0;
}

static void cpu_timer_of_a_dead_thread(void)
{
	struct itimerspec spec = interval(SECOND, 0);
	struct thread thread;
	int id;

	thread_start(&thread, wait_to_leave, NULL);
	id = create(CPU_CLOCK(thread.tid, CPU_SCHED | CPU_THREAD), SIGEV_SIGNAL, SIGUSR1, 0);
	start(id, 100 * SECOND, SECOND);
	set(&let_go, 1);
	thread_join(&thread);
	check_eq(left(id), 0);
	check_eq(raw4(SYS_timer_settime, id, 0, &spec, NULL), -ESRCH);
	check_eq(raw1(SYS_timer_delete, id), 0);
}

/* ---- threads ---- */

static int wait_for_signals(void *argument)
{
	raw_await(&caught[SIGRTMIN], 3);
	return 0;
}

static void to_one_thread(void)
{
	struct thread threads[3];
	int id;

	set_info_handler(SIGRTMIN, note, 0);
	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], wait_for_signals, NULL);
	id = create(CLOCK_MONOTONIC, SIGEV_TO_THREAD, SIGRTMIN, threads[1].tid);
	start(id, MILLISECOND, MILLISECOND);
	for (int i = 0; i < 3; i++)
		thread_join(&threads[i]);
	check_eq(last_thread, threads[1].tid);
	/* It is gone: nobody is signalled any more. */
	settle();
	block_signal(SIGRTMIN);
	settle();
	check(!is_pending(SIGRTMIN));
	check_eq(raw1(SYS_timer_delete, id), 0);
}

static int arm_and_leave(void *argument)
{
	struct itimerspec spec = interval(5 * MILLISECOND, 5 * MILLISECOND);
	int id;

	raw3(SYS_timer_create, CLOCK_MONOTONIC, argument, &id);
	return raw4(SYS_timer_settime, id, 0, &spec, NULL);
}

static void outlives_its_thread(void)
{
	struct event event = {.notify = SIGEV_SIGNAL, .signo = SIGUSR1};
	struct thread thread;

	set_info_handler(SIGUSR1, note, 0);
	thread_start(&thread, arm_and_leave, &event);
	thread_join(&thread);
	tap_await(&caught[SIGUSR1], 3);
	check_eq(last_thread, getpid());
}

static int make_and_delete(void *argument)
{
	struct event event = {.notify = SIGEV_SIGNAL, .signo = SIGUSR1};
	struct itimerspec spec = interval(1, 1);
	int id;

	for (int i = 0; i < 200; i++) {
		if (raw3(SYS_timer_create, CLOCK_MONOTONIC, &event, &id))
			return 1;
		raw4(SYS_timer_settime, id, 0, &spec, NULL);
		if (raw1(SYS_timer_delete, id))
			return 1;
	}
	add(argument, 1);
	return 0;
}

static void races_of_delete(void)
{
	static volatile int done;
	struct thread threads[3];

	set_info_handler(SIGUSR1, note, 0);
	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], make_and_delete, (void *)&done);
	for (int i = 0; i < 3; i++)
		thread_join(&threads[i]);
	check_eq(done, 3);
}

/* ---- processes ---- */

static void fork_does_not_inherit(void)
{
	int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);
	pid_t pid;

	start(id, 100 * SECOND, 0);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(raw1(SYS_timer_delete, id), -EINVAL);
		check_eq(raw1(SYS_timer_getoverrun, id), -EINVAL);
		check_eq(create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0), 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check(left(id) > 90 * SECOND);
}

static void gone_on_exec(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		int id = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0);

		block_signal(SIGUSR1);
		start(id, 1, 1);
		while (!is_pending(SIGUSR1))
			sched_yield();
		/* Deleted, but its signal is there. */
		raw1(SYS_timer_delete, id);
		start(create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR1, 0), 1, 1);
		start(create(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0), 1, 1);
		start(create(CLOCK_MONOTONIC, SIGEV_TO_THREAD, SIGUSR1, getpid()), 1, 1);
		block_signal(SIGUSR2);
		kill(getpid(), SIGUSR2);
		raw_exec_helper("timers", NULL, NULL);
		_exit(126);
	}
	check_exits(pid, 7);
}

static int exec_timers(void *argument)
{
	raw_exec_helper("timers", NULL, NULL);
	return 1;
}

static void gone_on_exec_by_a_thread(void)
{
	pid_t pid = tap_fork();
	struct thread thread;

	if (pid == 0) {
		block_signal(SIGUSR1);
		block_signal(SIGUSR2);
		kill(getpid(), SIGUSR2);
		for (int i = 0; i < 10; i++)
			start(create(CLOCK_MONOTONIC, i % 2 ? SIGEV_SIGNAL : SIGEV_TO_THREAD,
				     SIGUSR1, getpid()),
			      1 + i * 100000, 1);
		thread_start(&thread, exec_timers, NULL);
		for (;;)
			pause();
	}
	check_exits(pid, 7);
}

static void exit_with_timers(void)
{
	for (int i = 0; i < 30; i++) {
		pid_t pid = tap_fork();

		if (pid == 0) {
			signal(SIGUSR1, SIG_IGN);
			for (int n = 0; n < 10; n++) {
				start(create(CLOCK_MONOTONIC, SIGEV_SIGNAL,
					     n % 2 ? SIGUSR1 : SIGCHLD, 0),
				      1 + n * 5000, 1000);
				start(create(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 0), 1,
				      1);
			}
			for (int n = 0; n < i * 20; n++)
				raw0(SYS_getppid);
			_exit(0);
		}
		check_exits(pid, 0);
	}
}

static void many_timers(void)
{
	enum { COUNT = 500 };
	int ids[COUNT];

	set_info_handler(SIGRTMIN, note, 0);
	for (int i = 0; i < COUNT; i++)
		ids[i] = create(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGRTMIN, 0);
	for (int i = 1; i < COUNT; i++)
		check_eq(ids[i], ids[i - 1] + 1);
	for (int i = 0; i < COUNT; i += 2)
		check_eq(raw1(SYS_timer_delete, ids[i]), 0);
	for (int i = 1; i < COUNT; i += 2)
		start(ids[i], MILLISECOND, 0);
	tap_await(&caught[SIGRTMIN], COUNT / 2);
	settle();
	check_eq(caught[SIGRTMIN], COUNT / 2);
}

static void limited_by_sigpending(void)
{
	struct rlimit limit = {3, 3};
	int id, others;

	check_call(setuid(12345));
	check_call(setrlimit(RLIMIT_SIGPENDING, &limit));
	for (int i = 0; i < 3; i++)
		create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id), -EAGAIN);
	check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, UNMAPPED_ADDRESS, &id), -EFAULT);
	check_eq(raw3(SYS_timer_create, 1000, NULL, &id), -EINVAL);
	/* They leave no room for queued signals either. */
	block_signal(SIGRTMIN);
	check_errno(sigqueue(getpid(), SIGRTMIN, (union sigval){0}), EAGAIN);
	check_eq(raw1(SYS_timer_delete, 1), 0);
	others = create(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
	check(others >= 3);
}

static void alarm_clocks_need_a_capability(void)
{
	int id;

	check_call(setuid(12345));
	check_eq(raw3(SYS_timer_create, CLOCK_REALTIME_ALARM, NULL, &id), -EPERM);
	check_eq(raw3(SYS_timer_create, CLOCK_BOOTTIME_ALARM, NULL, &id), -EPERM);
	check_eq(raw3(SYS_timer_create, CLOCK_REALTIME_ALARM, NULL, UNMAPPED_ADDRESS), -EFAULT);
}

static const struct test_case cases[] = {
	TEST(bad_clocks, "clocks that have no timers"),
	TEST(bad_events, "bad events and bad pointers"),
	TEST(no_such_timer, "numbers of no timer"),
	TEST(bad_times, "bad times are refused"),
	TEST(numbers_are_not_used_again, "numbers begin at nought and are not used again"),
	TEST(fires_once, "a single shot comes once, with its siginfo"),
	TEST(without_an_event, "without an event it is SIGALRM with the timer's number"),
	TEST(every_clock, "a time from now, by every clock"),
	TEST(absolute_times, "a time of day, by every clock"),
	TEST(set_shows_the_old, "setting shows the old, and nought stops"),
	TEST(repeats, "a period goes on"),
	TEST(overruns, "a blocked signal is queued once"),
	TEST(overruns_are_counted, "missed periods are counted"),
	TEST(overruns_have_a_limit, "the count of missed periods has a limit"),
	TEST(ignored_goes_on, "an ignored signal does not stop the timer"),
	TEST(standard_signals_of_two_timers, "two timers with one standard signal"),
	TEST(deleted_with_a_signal_pending, "a deleted timer's signal stays pending"),
	TEST(set_with_a_signal_pending, "a timer set anew while its signal is pending"),
	TEST(silent_timers_count, "a timer without a signal can be read"),
	TEST(stops_and_continues, "timers that stop and continue the process"),
	TEST(cont_flushes_stops, "a timer's SIGCONT takes stop signals back"),
	TEST(kills, "a timer that sends SIGKILL"),
	TEST(process_cpu_timer, "a timer of the process's CPU time"),
	TEST(thread_cpu_timer, "a timer of the thread's CPU time"),
	TEST(process_cpu_timer_counts_threads, "the process's CPU time is that of all threads"),
	TEST(cpu_timer_of_another_thread, "a timer of another thread's CPU time"),
	TEST(cpu_timer_of_a_dead_thread, "a timer of a dead thread's CPU time"),
	TEST(to_one_thread, "a timer that signals one thread, until it is gone"),
	TEST(outlives_its_thread, "a timer outlives the thread that made it"),
	TEST(races_of_delete, "timers are made and deleted while they expire"),
	TEST(fork_does_not_inherit, "a forked child has no timers"),
	TEST(gone_on_exec, "exec deletes timers and their signals"),
	TEST(gone_on_exec_by_a_thread, "exec by a thread deletes timers"),
	TEST(exit_with_timers, "processes exit while timers expire"),
	TEST(many_timers, "hundreds of timers"),
	TEST(limited_by_sigpending, "RLIMIT_SIGPENDING limits timers"),
	TEST(alarm_clocks_need_a_capability, "alarm clocks need a capability"),
};

static int helper(int argc, char **argv)
{
	sigset_t pending;

	for (int id = 0; id < 12; id++)
		if (raw1(SYS_timer_getoverrun, id) != -EINVAL)
			return 1;
	tap_sleep_ms(20);
	sigpending(&pending);
	if (sigismember(&pending, SIGUSR1))
		return 2;
	return sigismember(&pending, SIGUSR2) ? 7 : 3;
}

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
