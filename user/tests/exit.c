/*
 * How processes and threads end: codes, zombies, groups whose leader leaves first, and who inherits
 * the children that are left.
 */
#include "helpers.h"

#include <sys/prctl.h>

static volatile int *shared;

static void exit_with(void *argument)
{
	_exit((int)(long)argument);
}

static void codes_are_cut_to_eight_bits(void)
{
	static const struct {
		int code, seen;
	} rows[] = {{0, 0},   {1, 1},   {127, 127}, {128, 128},        {255, 255},
		    {256, 0}, {257, 1}, {-1, 255},  {0x12345678, 0x78}};

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			raw1(SYS_exit_group, rows[i].code);
		check_exits(pid, rows[i].seen);
		pid = tap_fork();
		if (pid == 0)
			raw1(SYS_exit, rows[i].code);
		check_exits(pid, rows[i].seen);
	}
}

/* ---- groups of threads ---- */

static int spin_in_thread(void *argument)
{
	add(argument, 1);
	for (;;)
		add((volatile int *)argument + 1, 1);
	return 0;
}

static int pause_in_thread(void *argument)
{
	add(argument, 1);
	for (;;)
		raw0(SYS_pause);
	return 0;
}

static int read_in_thread(void *argument)
{
	int ends[2];
	char byte;

	raw1(SYS_pipe, ends);
	add(argument, 1);
	for (;;)
		raw3(SYS_read, ends[0], &byte, 1);
	return 0;
}

static int sleep_in_thread(void *argument)
{
	struct timespec hour = {3600, 0};

	add(argument, 1);
	for (;;)
		raw2(SYS_nanosleep, &hour, NULL);
	return 0;
}

static int futex_in_thread(void *argument)
{
	int word = 1;

	add(argument, 1);
	for (;;)
		raw_futex_wait(&word, 1);
	return 0;
}

static int wait_for_child_in_thread(void *argument)
{
	pid_t pid = raw_fork();

	if (pid == 0) {
		raw_await((volatile int *)argument + 5, 1);
		raw1(SYS_exit_group, 0);
	}
	add(argument, 1);
	raw_wait4(pid, NULL, 0, NULL);
	for (;;)
		raw0(SYS_pause);
	return 0;
}

/*
 * A thread in each of the ways of being busy or blocked, six of them; shared[0] counts those that
 * have begun.
 */
static void start_all_kinds_of_threads(void)
{
	static struct thread threads[6];
	static int (*const kinds[])(void *) = {spin_in_thread,  pause_in_thread,
					       read_in_thread,  sleep_in_thread,
					       futex_in_thread, wait_for_child_in_thread};

	for (size_t i = 0; i < TAP_COUNT(kinds); i++)
		thread_start(&threads[i], kinds[i], (void *)shared);
	tap_await(&shared[0], TAP_COUNT(kinds));
}

static void exit_group_of_many(void *argument)
{
	start_all_kinds_of_threads();
	raw1(SYS_exit_group, argument);
}

/* Nobody counts at shared[1] any more. */
static void check_spinner_is_gone(void)
{
	int before = shared[1];

	settle();
	check_eq(shared[1], before);
}

static void exit_group_ends_all_threads(void)
{
	shared = tap_shared(4096);
	check_exits(tap_child(exit_group_of_many, (void *)9), 9);
	check_spinner_is_gone();
	set(&shared[5], 1);
}

static int exit_group_in_thread(void *argument)
{
	raw_await(&shared[0], 6);
	raw1(SYS_exit_group, argument);
	return 0;
}

static void exit_group_elsewhere(void *argument)
{
	struct thread thread;

	thread_start(&thread, exit_group_in_thread, argument);
	start_all_kinds_of_threads();
	sleep_in_thread((void *)&shared[2]);
}

static void exit_group_by_another_thread(void)
{
	shared = tap_shared(4096);
	check_exits(tap_child(exit_group_elsewhere, (void *)12), 12);
	check_spinner_is_gone();
	set(&shared[5], 1);
}

static void be_many(void *argument)
{
	start_all_kinds_of_threads();
	set(&shared[2], 1);
	pause_in_thread((void *)&shared[3]);
}

static void sigkill_ends_all_threads(void)
{
	static const int signals[] = {SIGKILL, SIGTERM, SIGUSR1};

	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t pid;

		shared = tap_shared(4096);
		pid = tap_child(be_many, NULL);
		tap_await(&shared[2], 1);
		check_call(kill(pid, signals[i]));
		check_killed(pid, signals[i]);
		check_spinner_is_gone();
		set(&shared[5], 1);
	}
}

static int crash_in_thread(void *argument)
{
	raw_await(&shared[0], 6);
	*(volatile int *)argument = 1;
	return 0;
}

static void crash_elsewhere(void *argument)
{
	struct thread thread;

	thread_start(&thread, crash_in_thread, argument);
	be_many(NULL);
}

static void crash_of_one_thread_ends_all(void)
{
	shared = tap_shared(4096);
	check_killed(tap_child(crash_elsewhere, UNMAPPED_ADDRESS), SIGSEGV);
	check_spinner_is_gone();
	set(&shared[5], 1);
}

static int exit_when_told(void *argument)
{
	raw_await(&shared[0], 1);
	return (int)(long)argument;
}

static void leave_a_thread_behind(void *argument)
{
	struct thread thread;

	thread_start(&thread, exit_when_told, argument);
	raw_exit(3);
}

static void leader_that_left_waits_for_the_last_thread(void)
{
	siginfo_t info;
	pid_t pid;

	shared = tap_shared(4096);
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	pid = tap_child(leave_a_thread_behind, (void *)8);
	settle();
	info.si_pid = 1;
	check_eq(raw_waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT, NULL), 0);
	check_eq(info.si_pid, 0);
	check_eq(raw_wait4(pid, NULL, WNOHANG, NULL), 0);
	check_eq(caught[SIGCHLD], 0);
	check_call(kill(pid, 0));
	set(&shared[0], 1);
	check_exits(pid, 8);
	check_eq(caught[SIGCHLD], 1);
}

static void leader_that_left_is_killed(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(leave_a_thread_behind, (void *)8);
	settle();
	check_call(kill(pid, SIGTERM));
	check_killed(pid, SIGTERM);
}

static void threads_end_one_by_one(void *argument)
{
	struct thread threads[3];

	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], exit_when_told, (void *)(long)(20 + i));
	set(&shared[0], 1);
	for (int i = 0; i < 3; i++)
		thread_join(&threads[i]);
	set(&shared[1], 1);
	raw_exit((int)(long)argument);
}

static void code_of_a_thread_that_was_not_last_is_lost(void)
{
	shared = tap_shared(4096);
	check_exits(tap_child(threads_end_one_by_one, (void *)30), 30);
	check_eq(shared[1], 1);
}

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static void end_of_a_thread_sends_no_sigchld(void)
{
	struct thread thread;

	set_handler(SIGCHLD, count_signal, SA_RESTART);
	for (int i = 0; i < 5; i++) {
		thread_start(&thread, return_argument, (void *)3);
		thread_join(&thread);
	}
	settle();
	check_eq(caught[SIGCHLD], 0);
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
}

/* ---- zombies ---- */

static void zombie_is_there_until_reaped(void)
{
	pid_t pid = tap_child(exit_with, (void *)6);

	await_zombie(pid);
	check_call(kill(pid, 0));
	check_call(kill(pid, SIGKILL));
	check_call(kill(pid, SIGTERM));
	check_eq(getpgid(pid), getpgrp());
	check_exits(pid, 6);
	check_errno(kill(pid, 0), ESRCH);
	check_errno(getpgid(pid), ESRCH);
}

static void zombie_has_given_back_its_descriptors(void)
{
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0)
		_exit(0);
	close(ends[1]);
	await_zombie(pid);
	check_eof(ends[0]);
	check_exits(pid, 0);
}

static void a_killed_process_closes_its_descriptors(void)
{
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0)
		for (;;)
			pause();
	close(ends[1]);
	check_call(kill(pid, SIGKILL));
	check_eof(ends[0]);
	check_killed(pid, SIGKILL);
}

static void many_zombies(void)
{
	enum { CHILDREN = 64 };
	pid_t pids[CHILDREN];

	for (long i = 0; i < CHILDREN; i++)
		pids[i] = tap_child(exit_with, (void *)i);
	for (int i = 0; i < CHILDREN; i++)
		await_zombie(pids[i]);
	for (int i = CHILDREN - 1; i >= 0; i--)
		check_exits(pids[i], i);
}

/* ---- orphans ---- */

/*
 * Child: makes a grandchild and ends. The grandchild waits to be told, notes its parent, and exits
 * with 21.
 */
static void make_an_orphan(void *argument)
{
	pid_t parent = getpid(), pid = tap_fork();

	if (pid == 0) {
		while (getppid() == parent)
			sched_yield();
		set(&shared[1], getppid());
		tap_await(&shared[2], 1);
		_exit(21);
	}
	set(&shared[0], pid);
	_exit(0);
}

static void orphan_goes_to_init(void)
{
	shared = tap_shared(4096);
	check_child(make_an_orphan, NULL);
	tap_await(&shared[1], 1);
	check_eq(shared[1], 1);
	check_eq(raw_wait4(shared[0], NULL, WNOHANG, NULL), -ECHILD);
	set(&shared[2], 1);
}

static void orphan_goes_to_the_subreaper(void)
{
	int is_subreaper = 5, status;

	shared = tap_shared(4096);
	check_call(prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper));
	check_eq(is_subreaper, 0);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_call(prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper));
	check_eq(is_subreaper, 1);
	check_child(make_an_orphan, NULL);
	tap_await(&shared[1], 1);
	check_eq(shared[1], getpid());
	check_eq(raw_wait4(shared[0], &status, WNOHANG, NULL), 0);
	set(&shared[2], 1);
	check_eq(raw_wait4(-1, &status, 0, NULL), shared[0]);
	check_eq(status, 21 << 8);
}

static void note_whether_subreaper(void *argument)
{
	int is_subreaper = 5;

	check_call(prctl(PR_GET_CHILD_SUBREAPER, &is_subreaper));
	check_eq(is_subreaper, 0);
}

static void subreaper_is_not_inherited(void)
{
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_child(note_whether_subreaper, NULL);
}

static void be_a_subreaper_and_leave(void *argument)
{
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_child(make_an_orphan, NULL);
	tap_await(&shared[1], 1);
	check_eq(shared[1], getpid());
}

static void the_nearest_subreaper_inherits(void)
{
	int status;

	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_child(be_a_subreaper_and_leave, NULL);
	set(&shared[2], 1);
	check_eq(raw_wait4(-1, &status, 0, NULL), shared[0]);
	check_eq(status, 21 << 8);
}

static void no_longer_a_subreaper(void)
{
	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 0));
	check_child(make_an_orphan, NULL);
	tap_await(&shared[1], 1);
	check(shared[1] != getpid());
	set(&shared[2], 1);
}

static void leave_a_zombie(void *argument)
{
	pid_t pid = tap_child(exit_with, argument);

	await_zombie(pid);
	set(&shared[0], pid);
}

static void orphaned_zombie_goes_to_the_subreaper(void)
{
	pid_t child;
	int status;

	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	child = tap_child(leave_a_zombie, (void *)17);
	check_exits(child, 0);
	check_eq(raw_wait4(-1, &status, 0, NULL), shared[0]);
	check_eq(status, 17 << 8);
}

static void inherited_child_sends_sigchld(void)
{
	pid_t child;

	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	child = tap_child(make_an_orphan, NULL);
	check_exits(child, 0);
	tap_await(&shared[1], 1);
	check_eq(caught[SIGCHLD], 1);
	set(&shared[2], 1);
	check_exits(shared[0], 21);
	check_eq(caught[SIGCHLD], 2);
}

static int exit_when_reparented(void *argument)
{
	long parent = (long)argument;

	while (raw0(SYS_getppid) == parent)
		raw0(SYS_sched_yield);
	return 4;
}

static void clone_a_silent_child(void *argument)
{
	set(&shared[0], clone_call(0, exit_when_reparented, (void *)(long)getpid()));
}

static void reparenting_resets_the_exit_signal(void)
{
	int status;

	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_child(clone_a_silent_child, NULL);
	check_eq(raw_wait4(-1, &status, 0, NULL), shared[0]);
	check_eq(status, 4 << 8);
}

/* Each process forks the next and leaves: a line of 20 that the subreaper has to reap. */
static _Noreturn void fork_the_next_and_leave(int left)
{
	while (left > 0 && tap_fork() == 0)
		left--;
	_exit(left);
}

static void a_line_of_orphans_is_reaped(void)
{
	int status, ended = 0, sum = 0;
	long pid;

	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	if (tap_fork() == 0)
		fork_the_next_and_leave(20);
	while ((pid = raw_wait4(-1, &status, 0, NULL)) > 0) {
		check(WIFEXITED(status));
		sum += WEXITSTATUS(status);
		ended++;
	}
	check_eq(pid, -ECHILD);
	check_eq(ended, 21);
	check_eq(sum, 20 * 21 / 2);
}

static void siblings_of_the_dead_are_left_alone(void)
{
	pid_t parent = getpid(), first, second;

	shared = tap_shared(4096);
	first = tap_child(exit_with, NULL);
	second = tap_fork();
	if (second == 0) {
		tap_await(&shared[0], 1);
		check_eq(getppid(), parent);
		_exit(0);
	}
	check_exits(first, 0);
	set(&shared[0], 1);
	check_exits(second, 0);
}

/* ---- a signal when the parent dies ---- */

static void be_loyal(void *argument)
{
	int number = 99;

	check_call(prctl(PR_GET_PDEATHSIG, &number));
	check_eq(number, 0);
	check_call(prctl(PR_SET_PDEATHSIG, SIGUSR2));
	check_call(prctl(PR_GET_PDEATHSIG, &number));
	check_eq(number, SIGUSR2);
	set(&shared[0], getpid());
	for (;;)
		pause();
}

static void make_a_loyal_child(void *argument)
{
	tap_child(be_loyal, NULL);
	tap_await(&shared[0], 1);
}

static void pdeathsig_comes_when_the_parent_dies(void)
{
	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_child(make_a_loyal_child, NULL);
	check_killed(shared[0], SIGUSR2);
}

static void check_no_pdeathsig(void *argument)
{
	int number = 99;

	check_call(prctl(PR_GET_PDEATHSIG, &number));
	check_eq(number, 0);
}

static void pdeathsig_is_not_inherited(void)
{
	check_call(prctl(PR_SET_PDEATHSIG, SIGTERM));
	check_child(check_no_pdeathsig, NULL);
}

static void pdeathsig_is_checked(void)
{
	check_errno(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	check_errno(prctl(PR_SET_PDEATHSIG, -1), EINVAL);
	check_call(prctl(PR_SET_PDEATHSIG, 64));
	check_call(prctl(PR_SET_PDEATHSIG, 0));
	check_errno(prctl(PR_GET_PDEATHSIG, UNMAPPED_ADDRESS), EFAULT);
}

static int fork_a_loyal_child(void *argument)
{
	pid_t pid = raw_fork();

	if (pid == 0) {
		raw2(SYS_prctl, PR_SET_PDEATHSIG, SIGUSR2);
		set(&shared[1], 1);
		for (;;)
			raw0(SYS_pause);
	}
	set(&shared[0], pid);
	raw_await(&shared[1], 1);
	return 0;
}

static void pdeathsig_comes_when_the_forking_thread_ends(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	thread_start(&thread, fork_a_loyal_child, NULL);
	thread_join(&thread);
	check_killed(shared[0], SIGUSR2);
}

static const struct test_case cases[] = {
	TEST(codes_are_cut_to_eight_bits, "exit: the code is cut to eight bits"),
	TEST(exit_group_ends_all_threads,
	     "exit: exit_group ends threads that spin, read, sleep, pause and wait"),
	TEST(exit_group_by_another_thread,
	     "exit: exit_group by a thread other than the leader gives its code"),
	TEST(sigkill_ends_all_threads, "exit: a deadly signal ends all threads"),
	TEST(crash_of_one_thread_ends_all, "exit: a thread that crashes ends the process"),
	TEST(leader_that_left_waits_for_the_last_thread,
	     "exit: a leader that left is reaped with the last thread and its code"),
	TEST(leader_that_left_is_killed,
	     "exit: a process whose leader has left can still be killed"),
	TEST(code_of_a_thread_that_was_not_last_is_lost,
	     "exit: the code of a thread that is not the last is lost"),
	TEST(end_of_a_thread_sends_no_sigchld,
	     "exit: the end of a thread sends no SIGCHLD and leaves nothing to wait for"),
	TEST(zombie_is_there_until_reaped,
	     "exit: a zombie can be signalled and looked up until it is reaped"),
	TEST(zombie_has_given_back_its_descriptors, "exit: a zombie's descriptors are closed"),
	TEST(a_killed_process_closes_its_descriptors,
	     "exit: a killed process's descriptors are closed"),
	TEST(many_zombies, "exit: 64 zombies at once keep their codes"),
	TEST(orphan_goes_to_init, "exit: an orphan goes to process 1"),
	TEST(orphan_goes_to_the_subreaper,
	     "exit: an orphan goes to the subreaper, which can wait for it"),
	TEST(subreaper_is_not_inherited, "exit: being a subreaper is not inherited"),
	TEST(the_nearest_subreaper_inherits,
	     "exit: the nearest subreaper inherits, and when it ends the next"),
	TEST(no_longer_a_subreaper, "exit: who is no longer a subreaper inherits nothing"),
	TEST(orphaned_zombie_goes_to_the_subreaper,
	     "exit: a zombie whose parent ends goes to the subreaper"),
	TEST(inherited_child_sends_sigchld,
	     "exit: an inherited child sends SIGCHLD to its new parent"),
	TEST(reparenting_resets_the_exit_signal,
	     "exit: an inherited child's exit signal becomes SIGCHLD"),
	TEST(a_line_of_orphans_is_reaped, "exit: a line of orphans is reaped to the last"),
	TEST(siblings_of_the_dead_are_left_alone,
	     "exit: the dead one's siblings keep their parent"),
	TEST(pdeathsig_comes_when_the_parent_dies,
	     "exit: PR_SET_PDEATHSIG: the signal comes when the parent dies"),
	TEST(pdeathsig_is_not_inherited, "exit: PR_SET_PDEATHSIG is not inherited"),
	TEST(pdeathsig_is_checked, "exit: PR_SET_PDEATHSIG refuses what is no signal"),
	TEST(pdeathsig_comes_when_the_forking_thread_ends,
	     "exit: the end of the thread that forked counts as the parent's death"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
