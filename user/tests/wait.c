/*
 * wait4 and waitid: which children each of them sees, what it reports, what it leaves behind, and
 * which of several errors comes first.
 */
#include "helpers.h"

#include <limits.h>
#include <sys/resource.h>

static volatile int *shared;

static void exit_with(void *argument)
{
	_exit((int)(long)argument);
}

static void sleep_for_ever(void *argument)
{
	(void)argument;
	for (;;)
		pause();
}

static int raw_exit_with(void *argument)
{
	return (int)(long)argument;
}

static void check_status_words(void)
{
	pid_t pid;
	int status;

	for (int code = 0; code < 256; code += 51) {
		pid = tap_child(exit_with, (void *)(long)code);
		check_eq(raw_wait4(pid, &status, 0, NULL), pid);
		check_eq(status, code << 8);
	}
	for (int number = 1; number < 32; number += 14) {
		pid = tap_child(sleep_for_ever, NULL);
		check_call(kill(pid, number));
		check_eq(raw_wait4(pid, &status, 0, NULL), pid);
		check_eq(status, number);
	}
}

static void status_word_is_exit_code_or_signal(void)
{
	check_status_words();
}

static void no_children_is_echild(void)
{
	siginfo_t info;

	check_eq(raw_wait4(-1, NULL, 0, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(0, NULL, 0, NULL), -ECHILD);
	check_eq(raw_wait4(1, NULL, 0, NULL), -ECHILD);
	check_eq(raw_wait4(-NO_SUCH_PID, NULL, 0, NULL), -ECHILD);
	check_eq(raw_wait4(NO_SUCH_PID, NULL, 0, NULL), -ECHILD);
	check_eq(raw_waitid(P_ALL, 0, &info, WEXITED, NULL), -ECHILD);
	check_eq(raw_waitid(P_PID, NO_SUCH_PID, &info, WEXITED, NULL), -ECHILD);
	check_eq(raw_waitid(P_PGID, 0, &info, WEXITED | WNOHANG, NULL), -ECHILD);
}

static void others_are_not_children(void)
{
	int ends[2];
	pid_t child, grandchild = 0;

	make_pipe(ends);
	child = tap_fork();
	if (child == 0) {
		pid_t pid = tap_child(sleep_for_ever, NULL);
		check_eq(write(ends[1], &pid, sizeof(pid)), (long)sizeof(pid));
		sleep_for_ever(NULL);
	}
	check_eq(read(ends[0], &grandchild, sizeof(grandchild)), (long)sizeof(grandchild));
	check_eq(raw_wait4(grandchild, NULL, WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(getpid(), NULL, WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(getppid(), NULL, WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(child, NULL, WNOHANG, NULL), 0);
	kill(grandchild, SIGKILL);
	kill(child, SIGKILL);
	check_killed(child, SIGKILL);
	check_eq(raw_wait4(child, NULL, WNOHANG, NULL), -ECHILD);
}

static void wnohang_does_not_wait(void)
{
	siginfo_t info;
	int status = 0x5555;
	int gate[2];
	pid_t pid;

	make_pipe(gate);
	pid = tap_fork();
	if (pid == 0)
		_exit(take_byte(gate[0]));
	check_eq(raw_wait4(pid, &status, WNOHANG, NULL), 0);
	check_eq(raw_wait4(-1, &status, WNOHANG, NULL), 0);
	check_eq(status, 0x5555);
	memset(&info, 0xff, sizeof(info));
	check_eq(raw_waitid(P_ALL, 0, &info, WEXITED | WNOHANG, NULL), 0);
	check_eq(info.si_signo, 0);
	check_eq(info.si_pid, 0);
	give_byte(gate[1], 9);
	await_zombie(pid);
	check_eq(raw_wait4(-1, &status, WNOHANG, NULL), pid);
	check_eq(status, 9 << 8);
}

static void bad_options_come_before_echild(void)
{
	static const int refused_by_wait4[] = {WEXITED,    WNOWAIT,           0x10,   0x100,
					       0x10000000, WNOHANG | WEXITED, INT_MIN};
	siginfo_t info;

	for (size_t i = 0; i < TAP_COUNT(refused_by_wait4); i++) {
		if (refused_by_wait4[i] == INT_MIN)
			continue; /* bit 31 is __WCLONE */
		check_eq(raw_wait4(-1, NULL, refused_by_wait4[i], NULL), -EINVAL);
	}
	check_eq(raw_wait4(-1, NULL,
			   WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL,
			   NULL),
		 -ECHILD);
	check_eq(raw_waitid(P_ALL, 0, &info, 0, NULL), -EINVAL);
	check_eq(raw_waitid(P_ALL, 0, &info, WNOHANG | WNOWAIT | __WALL, NULL), -EINVAL);
	check_eq(raw_waitid(P_ALL, 0, &info, WEXITED | 0x10, NULL), -EINVAL);
	check_eq(raw_waitid(P_ALL, 0, &info,
			    WEXITED | WSTOPPED | WCONTINUED | WNOWAIT | __WALL | __WCLONE |
				    __WNOTHREAD,
			    NULL),
		 -ECHILD);
}

static void bad_ids(void)
{
	siginfo_t info;

	check_eq(raw_waitid(99, 1, &info, WEXITED, NULL), -EINVAL);
	check_eq(raw_waitid(-1, 1, &info, WEXITED, NULL), -EINVAL);
	check_eq(raw_waitid(P_PID, 0, &info, WEXITED, NULL), -EINVAL);
	check_eq(raw_waitid(P_PID, -1, &info, WEXITED, NULL), -EINVAL);
	check_eq(raw_waitid(P_PGID, -1, &info, WEXITED, NULL), -EINVAL);
	check_eq(raw_waitid(P_ALL, -1, &info, WEXITED, NULL), -ECHILD);
	check_eq(raw_wait4(INT_MIN, NULL, 0, NULL), -ESRCH);
	check_eq(raw_wait4(INT_MIN, NULL, 0x10, NULL), -EINVAL);
}

static void waitid_fills_in_siginfo(void)
{
	siginfo_t info;
	pid_t pid = tap_child(exit_with, (void *)(long)0x123);

	memset(&info, 0xff, sizeof(info));
	check_eq(raw_waitid(P_PID, pid, &info, WEXITED, NULL), 0);
	check_eq(info.si_signo, SIGCHLD);
	check_eq(info.si_errno, 0);
	check_eq(info.si_code, CLD_EXITED);
	check_eq(info.si_pid, pid);
	check_eq(info.si_uid, getuid());
	check_eq(info.si_status, 0x23);
	pid = tap_child(sleep_for_ever, NULL);
	check_call(kill(pid, SIGTERM));
	check_eq(raw_waitid(P_ALL, 0, &info, WEXITED, NULL), 0);
	check_eq(info.si_signo, SIGCHLD);
	check_eq(info.si_code, CLD_KILLED);
	check_eq(info.si_pid, pid);
	check_eq(info.si_status, SIGTERM);
}

static void waitid_without_siginfo(void)
{
	pid_t pid = tap_child(exit_with, NULL);

	check_eq(raw_waitid(P_PID, pid, NULL, WEXITED, NULL), 0);
	check_eq(raw_waitid(P_PID, pid, NULL, WEXITED, NULL), -ECHILD);
}

static void waitid_clears_siginfo_when_it_fails(void)
{
	siginfo_t info;

	memset(&info, 0xff, sizeof(info));
	check_eq(raw_waitid(P_ALL, 0, &info, WEXITED, NULL), -ECHILD);
	check_eq(info.si_signo, 0);
	check_eq(info.si_code, 0);
	check_eq(info.si_pid, 0);
	check_eq(info.si_status, 0);
	memset(&info, 0xff, sizeof(info));
	check_eq(raw_waitid(P_ALL, 0, &info, 0, NULL), -EINVAL);
	check_eq(info.si_signo, 0);
	check_eq(info.si_pid, 0);
}

static void wnowait_leaves_the_zombie(void)
{
	siginfo_t info;
	pid_t pid = tap_child(exit_with, (void *)5);

	for (int i = 0; i < 3; i++) {
		memset(&info, 0, sizeof(info));
		check_eq(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT, NULL), 0);
		check_eq(info.si_pid, pid);
		check_eq(info.si_status, 5);
	}
	check_exits(pid, 5);
	check_eq(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT, NULL), -ECHILD);
}

static void zombie_is_no_child_for_stops(void)
{
	siginfo_t info;
	pid_t pid = tap_child(exit_with, (void *)5);

	await_zombie(pid);
	check_eq(raw_waitid(P_PID, pid, &info, WSTOPPED, NULL), -ECHILD);
	check_eq(raw_waitid(P_PID, pid, &info, WCONTINUED | WNOHANG, NULL), -ECHILD);
	check_eq(raw_waitid(P_ALL, 0, &info, WSTOPPED | WCONTINUED, NULL), -ECHILD);
	check_exits(pid, 5);
}

static void efault_still_reaps(void)
{
	pid_t pid = tap_child(exit_with, NULL);

	check_eq(raw_wait4(pid, UNMAPPED_ADDRESS, 0, NULL), -EFAULT);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	pid = tap_child(exit_with, NULL);
	check_eq(raw_wait4(pid, KERNEL_ADDRESS, 0, NULL), -EFAULT);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	pid = tap_child(exit_with, NULL);
	check_eq(raw_wait4(pid, NULL, 0, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	pid = tap_child(exit_with, NULL);
	check_eq(raw_waitid(P_PID, pid, UNMAPPED_ADDRESS, WEXITED, NULL), -EFAULT);
	check_eq(raw_waitid(P_PID, pid, NULL, WEXITED, NULL), -ECHILD);
	pid = tap_child(exit_with, NULL);
	check_eq(raw_waitid(P_PID, pid, NULL, WEXITED, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw_waitid(P_PID, pid, NULL, WEXITED, NULL), -ECHILD);
}

static void pointers_are_not_looked_at_for_nothing(void)
{
	pid_t pid = tap_child(sleep_for_ever, NULL);

	check_eq(raw_wait4(pid, UNMAPPED_ADDRESS, WNOHANG, UNMAPPED_ADDRESS), 0);
	check_eq(raw_wait4(NO_SUCH_PID, UNMAPPED_ADDRESS, 0, UNMAPPED_ADDRESS), -ECHILD);
	kill(pid, SIGKILL);
	check_killed(pid, SIGKILL);
}

static void burn_some_time(void *argument)
{
	long long end = tap_now() + 30 * 1000 * 1000;

	(void)argument;
	while (tap_now() < end)
		;
}

static void rusage_is_filled_in(void)
{
	struct rusage usage;
	siginfo_t info;
	pid_t pid = tap_child(burn_some_time, NULL);

	memset(&usage, 0xff, sizeof(usage));
	check_eq(raw_wait4(pid, NULL, 0, &usage), pid);
	check(usage.ru_utime.tv_sec >= 0 && usage.ru_utime.tv_sec < 60);
	check(usage.ru_stime.tv_sec >= 0 && usage.ru_stime.tv_sec < 60);
	check(usage.ru_utime.tv_usec >= 0 && usage.ru_utime.tv_usec < 1000000);
	check(usage.ru_stime.tv_usec >= 0 && usage.ru_stime.tv_usec < 1000000);
	check(usage.ru_nsignals == 0 && usage.ru_nswap == 0);
	pid = tap_child(exit_with, NULL);
	memset(&usage, 0xff, sizeof(usage));
	check_eq(raw_waitid(P_PID, pid, &info, WEXITED, &usage), 0);
	check(usage.ru_utime.tv_sec >= 0 && usage.ru_utime.tv_sec < 60);
	check(usage.ru_nsignals == 0 && usage.ru_nswap == 0);
}

/* One child of each kind: its exit signal is SIGCHLD, another one, none. */
static void clone_children_need_wclone(void)
{
	static const int signals[] = {SIGUSR1, 0, 65, 255};

	signal(SIGUSR1, SIG_IGN);
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t plain = tap_child(exit_with, (void *)1);
		pid_t other = clone_call(signals[i], raw_exit_with, (void *)2);
		int status;

		check_eq(raw_wait4(other, &status, 0, NULL), -ECHILD);
		check_eq(raw_wait4(plain, &status, __WCLONE, NULL), -ECHILD);
		check_eq(raw_wait4(-1, &status, 0, NULL), plain);
		check_eq(raw_wait4(-1, &status, WNOHANG, NULL), -ECHILD);
		check_eq(raw_wait4(-1, &status, __WCLONE, NULL), other);
		check_eq(status, 2 << 8);
	}
}

static void wall_sees_both(void)
{
	for (int i = 0; i < 2; i++) {
		pid_t plain = tap_child(exit_with, (void *)1);
		pid_t other = clone_call(0, raw_exit_with, (void *)2);
		int status;

		check_eq(raw_wait4(other, &status, __WALL, NULL), other);
		check_eq(raw_wait4(plain, &status, __WALL | (i ? __WCLONE : 0), NULL), plain);
		check_eq(raw_wait4(-1, &status, __WALL, NULL), -ECHILD);
	}
}

static int fork_in_a_thread(void *argument)
{
	volatile int *numbers = argument;
	pid_t pid = raw_fork();

	if (pid == 0)
		raw1(SYS_exit_group, 3);
	set(&numbers[0], pid);
	raw_await(&numbers[1], 1);
	if (raw_wait4(numbers[2], NULL, WNOHANG | __WNOTHREAD, NULL) == -ECHILD)
		set(&numbers[3], 1);
	set(&numbers[4], raw_wait4(pid, NULL, __WNOTHREAD, NULL) == pid);
	return 0;
}

static void wnothread_sees_only_the_threads_own(void)
{
	struct thread thread;
	volatile int numbers[5] = {0};

	numbers[2] = tap_child(sleep_for_ever, NULL);
	thread_start(&thread, fork_in_a_thread, (void *)numbers);
	tap_await(&numbers[0], 1);
	await_zombie(numbers[0]);
	check_eq(raw_wait4(numbers[0], NULL, __WNOTHREAD, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, __WNOTHREAD | WNOHANG, NULL), 0);
	set(&numbers[1], 1);
	thread_join(&thread);
	check_eq(numbers[3], 1);
	check_eq(numbers[4], 1);
	kill(numbers[2], SIGKILL);
	check_killed(numbers[2], SIGKILL);
}

static int fork_and_leave(void *argument)
{
	volatile int *number = argument;
	pid_t pid = raw_fork();

	if (pid == 0) {
		raw_settle();
		raw1(SYS_exit_group, 3);
	}
	set(number, pid);
	return 0;
}

static void any_thread_may_wait_for_a_threads_child(void)
{
	struct thread thread;
	volatile int number = 0;
	int status;

	thread_start(&thread, fork_and_leave, (void *)&number);
	tap_await(&number, 1);
	check_eq(raw_wait4(number, &status, 0, NULL), number);
	check_eq(status, 3 << 8);
	thread_join(&thread);
}

static void child_of_an_ended_thread_is_the_process_s(void)
{
	struct thread thread;
	volatile int number = 0;
	int status;

	thread_start(&thread, fork_and_leave, (void *)&number);
	thread_join(&thread);
	check_eq(raw_wait4(number, &status, __WNOTHREAD, NULL), number);
	check_eq(status, 3 << 8);
}

static int wait_in_a_thread(void *argument)
{
	volatile int *result = argument;

	set(result, raw_wait4(-1, NULL, 0, NULL));
	return 0;
}

static void one_child_is_reaped_by_one_thread(void)
{
	struct thread threads[3];
	volatile int results[3] = {0};
	int gate[2], reaped = 0;
	pid_t pid;

	make_pipe(gate);
	pid = tap_fork();
	if (pid == 0)
		_exit(take_byte(gate[0]));
	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], wait_in_a_thread, (void *)&results[i]);
	settle();
	give_byte(gate[1], 1);
	for (int i = 0; i < 3; i++) {
		thread_join(&threads[i]);
		check(results[i] == pid || results[i] == -ECHILD);
		reaped += results[i] == pid;
	}
	check_eq(reaped, 1);
}

static void groups_are_told_apart(void)
{
	pid_t mine = tap_child(exit_with, (void *)1);
	pid_t other = tap_fork();
	int status;
	siginfo_t info;

	if (other == 0) {
		setpgid(0, 0);
		_exit(2);
	}
	setpgid(other, other);
	await_zombie(other);
	check_eq(raw_wait4(0, &status, 0, NULL), mine);
	check_eq(raw_wait4(0, &status, WNOHANG, NULL), -ECHILD);
	check_eq(raw_waitid(P_PGID, 0, &info, WEXITED, NULL), -ECHILD);
	check_eq(raw_waitid(P_PGID, other, &info, WEXITED | WNOWAIT, NULL), 0);
	check_eq(info.si_pid, other);
	check_eq(raw_wait4(-other, &status, 0, NULL), other);
	check_eq(status, 2 << 8);
	check_eq(raw_wait4(-other, &status, 0, NULL), -ECHILD);
}

static void zombies_are_reaped_in_any_order(void)
{
	static const int order[] = {3, 0, 4, 1, 2};
	pid_t pids[5];

	for (long i = 0; i < 5; i++)
		pids[i] = tap_child(exit_with, (void *)(i + 10));
	for (int i = 0; i < 5; i++)
		check_exits(pids[order[i]], order[i] + 10);
	check_eq(raw_wait4(-1, NULL, 0, NULL), -ECHILD);
}

static void wait_blocks_until_the_child_ends(void)
{
	pid_t pid;
	int status;

	shared = tap_shared(4096);
	for (int i = 0; i < 3; i++) {
		set(&shared[0], 0);
		pid = tap_fork();
		if (pid == 0) {
			settle();
			set(&shared[0], 1);
			_exit(0);
		}
		if (i == 0)
			check_eq(raw_wait4(pid, &status, 0, NULL), pid);
		else if (i == 1)
			check_eq(raw_wait4(-1, &status, 0, NULL), pid);
		else
			check_eq(raw_waitid(P_ALL, 0, NULL, WEXITED, NULL), 0);
		check_eq(shared[0], 1);
	}
}

static void nobody_is_reaped_twice_or_forgotten(void)
{
	enum { CHILDREN = 100 };
	pid_t pids[CHILDREN];
	int status, seen[CHILDREN] = {0};

	for (long i = 0; i < CHILDREN; i++)
		pids[i] = tap_child(exit_with, (void *)i);
	for (int n = 0; n < CHILDREN; n++) {
		long pid = raw_wait4(-1, &status, 0, NULL);
		int i = WEXITSTATUS(status);

		check(pid > 0 && WIFEXITED(status) && i < CHILDREN);
		check_eq(pids[i], pid);
		check_eq(seen[i]++, 0);
	}
	check_eq(raw_wait4(-1, &status, 0, NULL), -ECHILD);
}

static void ignored_sigchld_reaps_by_itself(void)
{
	siginfo_t info;

	signal(SIGCHLD, SIG_IGN);
	shared = tap_shared(4096);
	for (int i = 0; i < 3; i++)
		if (tap_fork() == 0) {
			settle();
			add(&shared[0], 1);
			_exit(0);
		}
	check_eq(raw_wait4(-1, NULL, 0, NULL), -ECHILD);
	check_eq(shared[0], 3);
	if (tap_fork() == 0)
		_exit(0);
	check_eq(raw_waitid(P_ALL, 0, &info, WEXITED, NULL), -ECHILD);
}

static void ignoring_sigchld_later_keeps_a_zombie(void)
{
	pid_t pid = tap_child(exit_with, (void *)4);
	int status;

	await_zombie(pid);
	signal(SIGCHLD, SIG_IGN);
	check_eq(raw_wait4(pid, &status, 0, NULL), pid);
	check_eq(status, 4 << 8);
}

static void nocldwait_reaps_and_still_signals(void)
{
	pid_t pid;

	set_handler(SIGCHLD, count_signal, SA_NOCLDWAIT | SA_RESTART);
	pid = tap_child(exit_with, (void *)4);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	check_eq(caught[SIGCHLD], 1);
}

static void exit_signal_255_sends_nothing(void)
{
	static const int signals[] = {65, 128, 255};

	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t pid = clone_call(signals[i], raw_exit_with, (void *)1);
		sigset_t pending;

		await_zombie(pid);
		check_call(sigpending(&pending));
		check(sigisemptyset(&pending));
		check_eq(raw_wait4(pid, NULL, WNOHANG, NULL), -ECHILD);
		check_eq(raw_wait4(pid, NULL, __WALL, NULL), pid);
	}
}

static const struct test_case cases[] = {
	TEST(status_word_is_exit_code_or_signal,
	     "wait: the status word holds the exit code, or the signal"),
	TEST(no_children_is_echild, "wait: without such a child every form is ECHILD"),
	TEST(others_are_not_children, "wait: grandchild, parent, self and the reaped are ECHILD"),
	TEST(wnohang_does_not_wait,
	     "wait: WNOHANG gives 0 while the child lives, and leaves the status alone"),
	TEST(bad_options_come_before_echild,
	     "wait: EINVAL for unknown options comes before ECHILD"),
	TEST(bad_ids, "wait: EINVAL for bad id types and ids, ESRCH for INT_MIN"),
	TEST(waitid_fills_in_siginfo, "waitid: siginfo tells who, how and with what"),
	TEST(waitid_without_siginfo, "waitid: without a siginfo it reaps all the same"),
	TEST(waitid_clears_siginfo_when_it_fails, "waitid: siginfo is cleared even when it fails"),
	TEST(wnowait_leaves_the_zombie,
	     "waitid: WNOWAIT reports as often as asked, and reaps nothing"),
	TEST(zombie_is_no_child_for_stops,
	     "waitid: asked only for stops or continues, a zombie is ECHILD"),
	TEST(efault_still_reaps, "wait: a bad pointer is EFAULT, and the child is reaped"),
	TEST(pointers_are_not_looked_at_for_nothing,
	     "wait: with nobody to report, bad pointers do no harm"),
	TEST(rusage_is_filled_in, "wait: rusage is filled in"),
	TEST(clone_children_need_wclone,
	     "wait: a child whose exit signal is not SIGCHLD needs __WCLONE"),
	TEST(wall_sees_both, "wait: __WALL sees both kinds of children"),
	TEST(wnothread_sees_only_the_threads_own,
	     "wait: __WNOTHREAD sees only the calling thread's children"),
	TEST(any_thread_may_wait_for_a_threads_child,
	     "wait: any thread may wait for another thread's child"),
	TEST(child_of_an_ended_thread_is_the_process_s,
	     "wait: the child of a thread that ended stays the process's child"),
	TEST(one_child_is_reaped_by_one_thread,
	     "wait: of three waiting threads one gets the child, the others ECHILD"),
	TEST(groups_are_told_apart, "wait: by process group, one's own and another"),
	TEST(zombies_are_reaped_in_any_order, "wait: zombies are reaped by number, in any order"),
	TEST(wait_blocks_until_the_child_ends, "wait: it blocks until the child has ended"),
	TEST(nobody_is_reaped_twice_or_forgotten, "wait: a hundred children are each reaped once"),
	TEST(ignored_sigchld_reaps_by_itself,
	     "wait: with SIGCHLD ignored it waits for all, then is ECHILD"),
	TEST(ignoring_sigchld_later_keeps_a_zombie,
	     "wait: ignoring SIGCHLD does not take a zombie away"),
	TEST(nocldwait_reaps_and_still_signals,
	     "wait: with SA_NOCLDWAIT no zombie is left, and SIGCHLD still comes"),
	TEST(exit_signal_255_sends_nothing,
	     "wait: exit signals above 64 send nothing and need __WALL or __WCLONE"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
