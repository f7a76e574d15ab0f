/*
 * Signals: what queues up, in which order it is taken, sigtimedwait, RLIMIT_SIGPENDING, signals made
 * by hand with sigqueue, exit signals, and groups that fork while they are signalled.
 */
#include "helpers.h"

#include <sys/resource.h>
#include <time.h>

static volatile int *shared;

static sigset_t set_of(int first, int second)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, first);
	if (second)
		sigaddset(&signals, second);
	return signals;
}

static void block_two(int first, int second)
{
	sigset_t signals = set_of(first, second);

	check_call(sigprocmask(SIG_BLOCK, &signals, NULL));
}

/* sigtimedwait without a libc in between, which would restart it. */
static long take(int first, int second, siginfo_t *info, long milliseconds)
{
	sigset_t signals = set_of(first, second);
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	return raw4(SYS_rt_sigtimedwait, &signals, info, milliseconds < 0 ? NULL : &time, 8);
}

static long queue_value(pid_t pid, int number, int value)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = value;
	return raw3(SYS_rt_sigqueueinfo, pid, number, &info);
}

/* ---- order ---- */

static void realtime_signals_come_lowest_first_and_in_order(void)
{
	static const int sent[] = {40, 35, 40, 50, 35};
	static const int taken[] = {35, 35, 40, 40, 50};
	static const int values[] = {1, 4, 0, 2, 3};
	sigset_t signals;
	siginfo_t info;

	sigfillset(&signals);
	check_call(sigprocmask(SIG_BLOCK, &signals, NULL));
	for (int i = 0; i < 5; i++)
		check_eq(queue_value(getpid(), sent[i], i), 0);
	for (int i = 0; i < 5; i++) {
		check_eq(raw4(SYS_rt_sigtimedwait, &signals, &info, NULL, 8), taken[i]);
		check_eq(info.si_signo, taken[i]);
		check_eq(info.si_code, SI_QUEUE);
		check_eq(info.si_value.sival_int, values[i]);
		check_eq(info.si_pid, getpid());
	}
}

static void own_signals_come_before_the_process_s(void)
{
	siginfo_t info;

	block_two(SIGUSR1, SIGHUP);
	check_call(kill(getpid(), SIGHUP));
	check_eq(raw2(SYS_tkill, raw_gettid(), SIGUSR1), 0);
	check_eq(take(SIGUSR1, SIGHUP, &info, 0), SIGUSR1);
	check_eq(info.si_code, SI_TKILL);
	check_eq(take(SIGUSR1, SIGHUP, &info, 0), SIGHUP);
	check_eq(info.si_code, SI_USER);
}

static void faults_come_before_lower_numbers(void)
{
	siginfo_t info;

	block_two(SIGSEGV, SIGHUP);
	check_eq(raw2(SYS_tkill, raw_gettid(), SIGHUP), 0);
	check_eq(raw2(SYS_tkill, raw_gettid(), SIGSEGV), 0);
	check_eq(take(SIGSEGV, SIGHUP, &info, 0), SIGSEGV);
	check_eq(take(SIGSEGV, SIGHUP, &info, 0), SIGHUP);
}

static void standard_signals_keep_the_first_siginfo(void)
{
	siginfo_t info;

	block_signal(SIGUSR1);
	check_eq(queue_value(getpid(), SIGUSR1, 1), 0);
	check_eq(queue_value(getpid(), SIGUSR1, 2), 0);
	check_eq(take(SIGUSR1, 0, &info, 0), SIGUSR1);
	check_eq(info.si_value.sival_int, 1);
	check_eq(take(SIGUSR1, 0, &info, 0), -EAGAIN);
}

/* ---- sigtimedwait ---- */

static void sigtimedwait_errors(void)
{
	sigset_t signals = set_of(SIGUSR1, 0);
	struct timespec negative = {-1, 0}, too_long = {0, 1000000000}, none = {0, 0};

	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, &none, 4), -EINVAL);
	check_eq(raw4(SYS_rt_sigtimedwait, UNMAPPED_ADDRESS, NULL, &none, 8), -EFAULT);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, UNMAPPED_ADDRESS, 8), -EFAULT);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, &negative, 8), -EINVAL);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, &too_long, 8), -EINVAL);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, NULL, &none, 8), -EAGAIN);
	block_signal(SIGUSR1);
	raise(SIGUSR1);
	check_eq(raw4(SYS_rt_sigtimedwait, &signals, UNMAPPED_ADDRESS, &none, 8), -EFAULT);
	check(!is_pending(SIGUSR1));
}

static void sigtimedwait_waits_its_time(void)
{
	long long start = tap_now();

	block_signal(SIGUSR1);
	check_eq(take(SIGUSR1, 0, NULL, 30), -EAGAIN);
	check(tap_now() - start >= 30000000);
	check(is_blocked(SIGUSR1));
}

static void send_after_a_while(void *argument)
{
	settle();
	check_call(kill(getppid(), (int)(long)argument));
}

static void sigtimedwait_is_woken_by_what_it_waits_for(void)
{
	siginfo_t info;
	pid_t pid;

	block_signal(SIGUSR1);
	pid = tap_child(send_after_a_while, (void *)SIGUSR1);
	check_eq(take(SIGUSR1, 0, &info, -1), SIGUSR1);
	check_eq(info.si_pid, pid);
	check(is_blocked(SIGUSR1));
	check_exits(pid, 0);
}

/* Also one that would kill, or be dropped, were it not blocked. */
static void sigtimedwait_takes_whatever_is_blocked(void)
{
	pid_t pid;

	block_two(SIGTERM, SIGURG);
	pid = tap_child(send_after_a_while, (void *)SIGTERM);
	check_eq(take(SIGTERM, 0, NULL, -1), SIGTERM);
	check_exits(pid, 0);
	pid = tap_child(send_after_a_while, (void *)SIGURG);
	check_eq(take(SIGURG, 0, NULL, -1), SIGURG);
	check_exits(pid, 0);
}

static void sigtimedwait_is_interrupted_by_others(void)
{
	pid_t pid;

	set_handler(SIGUSR2, count_signal, SA_RESTART);
	pid = tap_child(send_after_a_while, (void *)SIGUSR2);
	check_eq(take(SIGUSR1, 0, NULL, -1), -EINTR);
	check_eq(caught[SIGUSR2], 1);
	check_exits(pid, 0);
}

static void sigtimedwait_never_takes_sigkill(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		take(SIGKILL, SIGSTOP, NULL, -1);
		_exit(1);
	}
	settle();
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

/* ---- RLIMIT_SIGPENDING ---- */

static void become_user(uid_t uid, rlim_t limit)
{
	struct rlimit rlimit = {limit, limit};

	check_call(setrlimit(RLIMIT_SIGPENDING, &rlimit));
	check_call(setresuid(uid, uid, uid));
}

static void fill_the_queue(void *argument)
{
	siginfo_t info;

	become_user(43000, 4);
	block_two(40, SIGUSR1);
	for (int i = 0; i < 4; i++)
		check_eq(queue_value(getpid(), 40, i), 0);
	/* sigqueue of a real-time signal is told; kill is not; of standard ones only the siginfo is lost. */
	check_eq(queue_value(getpid(), 40, 4), -EAGAIN);
	check_call(kill(getpid(), 40));
	check_eq(queue_value(getpid(), SIGUSR1, 7), 0);
	check_eq(take(SIGUSR1, 0, &info, 0), SIGUSR1);
	check_eq(info.si_code, SI_USER);
	check_eq(info.si_pid, 0);
	check_call(kill(getpid(), SIGUSR1));
	check_eq(take(SIGUSR1, 0, &info, 0), SIGUSR1);
	check_eq(info.si_pid, getpid());
	for (int i = 0; i < 4; i++) {
		check_eq(take(40, 0, &info, 0), 40);
		check_eq(info.si_value.sival_int, i);
	}
	check_eq(take(40, 0, &info, 0), -EAGAIN);
	check_eq(queue_value(getpid(), 40, 5), 0);
}

static void queue_is_limited(void)
{
	check_child(fill_the_queue, NULL);
}

static void send_two(void *argument)
{
	become_user(43001, 2);
	block_signal(40);
	check_eq(queue_value(getpid(), 40, 0), 0);
	check_eq(queue_value(getpid(), 40, 1), 0);
	check_eq(queue_value(getpid(), 40, 2), -EAGAIN);
}

static void ended_processes_signals_count_no_longer(void)
{
	for (int i = 0; i < 3; i++)
		check_child(send_two, NULL);
}

/* ---- siginfo by hand ---- */

static void forged_siginfo_is_refused(void)
{
	siginfo_t info;
	pid_t pid = tap_child(send_after_a_while, (void *)SIGURG);

	memset(&info, 0, sizeof(info));
	info.si_code = SI_USER;
	check_eq(raw3(SYS_rt_sigqueueinfo, pid, SIGURG, &info), -EPERM);
	info.si_code = SI_TKILL;
	check_eq(raw3(SYS_rt_sigqueueinfo, pid, SIGURG, &info), -EPERM);
	check_eq(raw4(SYS_rt_tgsigqueueinfo, pid, pid, SIGURG, &info), -EPERM);
	info.si_code = SEGV_MAPERR;
	check_eq(raw3(SYS_rt_sigqueueinfo, pid, SIGURG, &info), -EPERM);
	info.si_code = SI_QUEUE;
	check_eq(raw3(SYS_rt_sigqueueinfo, pid, SIGURG, &info), 0);
	check_eq(raw4(SYS_rt_tgsigqueueinfo, pid, pid, SIGURG, &info), 0);
	check_exits(pid, 0);
}

static void siginfo_to_oneself_may_say_anything(void)
{
	siginfo_t info, got;

	block_signal(SIGUSR1);
	memset(&info, 0, sizeof(info));
	info.si_signo = SIGUSR2;
	info.si_errno = 5;
	info.si_code = SI_TKILL;
	info.si_pid = 77;
	check_eq(raw4(SYS_rt_tgsigqueueinfo, getpid(), raw_gettid(), SIGUSR1, &info), 0);
	check_eq(take(SIGUSR1, 0, &got, 0), SIGUSR1);
	check_eq(got.si_signo, SIGUSR1);
	check_eq(got.si_errno, 5);
	check_eq(got.si_code, SI_TKILL);
	check_eq(got.si_pid, 77);
}

static void siginfo_errors(void)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	check_eq(raw3(SYS_rt_sigqueueinfo, getpid(), SIGURG, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw3(SYS_rt_sigqueueinfo, getpid(), 65, &info), -EINVAL);
	check_eq(raw3(SYS_rt_sigqueueinfo, NO_SUCH_PID, SIGURG, &info), -ESRCH);
	check_eq(raw4(SYS_rt_tgsigqueueinfo, 0, 0, SIGURG, &info), -EINVAL);
	check_eq(raw4(SYS_rt_tgsigqueueinfo, 0, 0, SIGURG, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw4(SYS_rt_tgsigqueueinfo, 1, raw_gettid(), SIGURG, &info), -ESRCH);
	/* A code that no kernel knows, and bytes where no siginfo has any. */
	info.si_code = -1000;
	check_eq(raw3(SYS_rt_sigqueueinfo, getpid(), SIGURG, &info), 0);
	((char *)&info)[100] = 1;
	check_eq(raw3(SYS_rt_sigqueueinfo, getpid(), SIGURG, &info), -E2BIG);
	info.si_code = SI_QUEUE;
	check_eq(raw3(SYS_rt_sigqueueinfo, getpid(), SIGURG, &info), 0);
}

static void siginfo_beyond_its_use_is_zero(void)
{
	siginfo_t info, got;

	block_signal(40);
	memset(&info, 0xff, sizeof(info));
	info.si_code = SI_QUEUE;
	check_eq(raw3(SYS_rt_sigqueueinfo, getpid(), 40, &info), 0);
	memset(&got, 0xaa, sizeof(got));
	check_eq(take(40, 0, &got, 0), 40);
	for (int i = 48; i < 128; i++)
		check_eq(((char *)&got)[i], 0);
}

/* ---- ends of children ---- */

static void end_with(void *argument)
{
	_exit((int)(long)argument);
}

static void nocldwait_reaps_but_still_signals(void)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_NOCLDWAIT};
	pid_t pid;

	check_call(sigaction(SIGCHLD, &action, NULL));
	pid = tap_child(end_with, NULL);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	check_eq(caught[SIGCHLD], 1);
}

static void ignored_sigchld_reaps(void)
{
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	pid = tap_child(end_with, NULL);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	/* Blocked or not, there is no signal. */
	block_signal(SIGCHLD);
	pid = tap_child(end_with, NULL);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	check(!is_pending(SIGCHLD));
}

static void sigchld_of_blocked_parent_waits(void)
{
	siginfo_t info;
	pid_t pid;

	block_signal(SIGCHLD);
	pid = tap_child(end_with, (void *)7);
	check_eq(take(SIGCHLD, 0, &info, -1), SIGCHLD);
	check_eq(info.si_pid, pid);
	check_eq(info.si_code, CLD_EXITED);
	check_eq(info.si_status, 7);
	check_eq(info.si_uid, getuid());
	check_exits(pid, 7);
}

static int end_at_once(void *argument)
{
	return 3;
}

static void any_exit_signal_may_be_asked_for(void)
{
	siginfo_t info;
	pid_t pid;

	block_two(SIGUSR2, 40);
	pid = clone_call(SIGUSR2, end_at_once, NULL);
	check_eq(take(SIGUSR2, 0, &info, -1), SIGUSR2);
	check_eq(info.si_pid, pid);
	check_eq(info.si_code, CLD_EXITED);
	check_eq(raw_wait4(pid, NULL, __WALL, NULL), pid);
	pid = clone_call(40, end_at_once, NULL);
	check_eq(take(40, 0, &info, -1), 40);
	check_eq(info.si_status, 3);
	check_eq(raw_wait4(pid, NULL, __WCLONE, NULL), pid);
}

static int end_later(void *argument)
{
	raw_settle();
	return 0;
}

static void exec_with_a_child(void *argument)
{
	block_two(SIGUSR2, SIGCHLD);
	clone_call(SIGUSR2, end_later, NULL);
	raw_exec_helper("take", NULL, NULL);
}

/* The program that asked for it is gone. */
static void exec_of_the_parent_resets_exit_signals(void)
{
	check_exits(tap_child(exec_with_a_child, NULL), SIGCHLD);
}

static int take_in_helper(int argc, char **argv)
{
	return take(SIGUSR2, SIGCHLD, NULL, -1);
}

/* ---- groups ---- */

/* A process that goes on in its child again and again: at any time it is about to be in a fork. */
static void walk(void)
{
	for (;;) {
		if (raw_fork() > 0)
			raw_exit(0);
		add(&shared[0], 1);
	}
}

/* Four of them in a group of their own; what they leave behind vanishes. */
static pid_t start_walkers(void)
{
	pid_t group;

	shared = tap_shared(4096);
	signal(SIGCHLD, SIG_IGN);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	group = tap_fork();
	if (group == 0) {
		setpgid(0, 0);
		for (int i = 0; i < 3; i++)
			if (raw_fork() == 0)
				break;
		walk();
	}
	setpgid(group, group);
	tap_await(&shared[0], 40);
	return group;
}

static void kill_walkers(pid_t group)
{
	check_call(kill(-group, SIGKILL));
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
}

static void killed_group_has_no_survivor(void)
{
	for (int i = 0; i < 20; i++)
		kill_walkers(start_walkers());
}

static void stopped_forking_group_is_still(void)
{
	pid_t group = start_walkers();
	int count;

	for (int i = 0; i < 10; i++) {
		check_call(kill(-group, SIGSTOP));
		settle();
		count = get(&shared[0]);
		settle();
		check_eq(get(&shared[0]), count);
		check_call(kill(-group, SIGCONT));
		tap_await(&shared[0], count + 8);
	}
	kill_walkers(group);
}

static int send_many(void *argument)
{
	for (int i = 0; i < 2000; i++)
		raw3(SYS_tgkill, raw0(SYS_getpid), (long)argument, i % 2 ? SIGUSR1 : SIGUSR2);
	return 0;
}

static void threads_may_send_at_once(void)
{
	struct thread threads[4];

	set_handler(SIGUSR1, count_signal, 0);
	set_handler(SIGUSR2, count_signal, 0);
	for (int i = 0; i < 4; i++)
		thread_start(&threads[i], send_many, (void *)(long)raw_gettid());
	for (int i = 0; i < 4; i++)
		thread_join(&threads[i]);
	check(caught[SIGUSR1] > 0 && caught[SIGUSR2] > 0);
	check(!is_pending(SIGUSR1) && !is_pending(SIGUSR2));
}

static const struct test_case cases[] = {
	TEST(realtime_signals_come_lowest_first_and_in_order,
	     "queue: real-time signals come lowest first, equal ones in the order sent"),
	TEST(own_signals_come_before_the_process_s,
	     "queue: a thread's own signals come before the process's"),
	TEST(faults_come_before_lower_numbers,
	     "queue: signals of faults come before lower numbers"),
	TEST(standard_signals_keep_the_first_siginfo,
	     "queue: a standard signal sent twice keeps the first siginfo"),
	TEST(sigtimedwait_errors, "queue: sigtimedwait's errors"),
	TEST(sigtimedwait_waits_its_time, "queue: sigtimedwait waits its time"),
	TEST(sigtimedwait_is_woken_by_what_it_waits_for,
	     "queue: sigtimedwait is woken by what it waits for"),
	TEST(sigtimedwait_takes_whatever_is_blocked,
	     "queue: sigtimedwait takes also what would kill or be dropped"),
	TEST(sigtimedwait_is_interrupted_by_others,
	     "queue: sigtimedwait is interrupted by other signals, SA_RESTART or not"),
	TEST(sigtimedwait_never_takes_sigkill, "queue: sigtimedwait does not take SIGKILL"),
	TEST(queue_is_limited, "queue: RLIMIT_SIGPENDING: who is told, and what is lost"),
	TEST(ended_processes_signals_count_no_longer,
	     "queue: what a process leaves pending counts no longer"),
	TEST(forged_siginfo_is_refused, "queue: a siginfo that lies about its origin is refused"),
	TEST(siginfo_to_oneself_may_say_anything, "queue: a siginfo to oneself may say anything"),
	TEST(siginfo_errors, "queue: the errors of sigqueueinfo, in order"),
	TEST(siginfo_beyond_its_use_is_zero, "queue: a siginfo is zero beyond what it uses"),
	TEST(nocldwait_reaps_but_still_signals,
	     "queue: SA_NOCLDWAIT: children vanish, and the handler is called"),
	TEST(ignored_sigchld_reaps, "queue: SIGCHLD ignored: children vanish without a signal"),
	TEST(sigchld_of_blocked_parent_waits, "queue: a blocked SIGCHLD waits, with its siginfo"),
	TEST(any_exit_signal_may_be_asked_for, "queue: a child may end with any signal"),
	TEST(exec_of_the_parent_resets_exit_signals,
	     "queue: after the parent's exec a child ends with SIGCHLD"),
	TEST(killed_group_has_no_survivor, "queue: a group killed while it forks has no survivor"),
	TEST(stopped_forking_group_is_still,
	     "queue: a group stopped while it forks stands still, and goes on"),
	TEST(threads_may_send_at_once, "queue: four threads signal a fifth at once"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), take_in_helper);
}
