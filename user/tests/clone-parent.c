/*
 * CLONE_PARENT: the child is its maker's sibling, and ends with its maker's exit signal.
 */
#include "clone.h"

static volatile int *shared;
static volatile int word;

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static int exit_with_parent(void *argument)
{
	return raw0(SYS_getppid) == (long)argument ? 3 : 4;
}

static void make_a_sibling(void *argument)
{
	set(&shared[0],
	    clone_call(CLONE_PARENT | SIGCHLD, exit_with_parent, (void *)(long)getppid()));
	check_eq(raw_wait4(shared[0], NULL, __WALL, NULL), -ECHILD);
}

static void parent_makes_a_sibling(void)
{
	shared = tap_shared(4096);
	check_child(make_a_sibling, NULL);
	check_exits(shared[0], 3);
}

static int make_a_sibling_with_another_signal(void *argument)
{
	set(&shared[0], raw_clone_call(CLONE_PARENT | SIGUSR2, new_stack(), NULL, NULL, 0,
				       return_argument, (void *)6));
	return 0;
}

static void parent_takes_the_callers_exit_signal(void)
{
	static const int signals[] = {SIGUSR1, SIGCHLD, 0};

	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t pid;
		int status, is_clone = signals[i] != SIGCHLD;

		shared = tap_shared(4096);
		memset((void *)caught, 0, sizeof(caught));
		set_handler(SIGUSR1, count_signal, SA_RESTART);
		set_handler(SIGUSR2, count_signal, SA_RESTART);
		set_handler(SIGCHLD, count_signal, SA_RESTART);
		pid = clone_call(signals[i], make_a_sibling_with_another_signal, NULL);
		check_exits(pid, 0);
		check_eq(raw_wait4(shared[0], &status, is_clone ? 0 : __WCLONE, NULL), -ECHILD);
		await_zombie(shared[0]);
		check_eq(raw_wait4(shared[0], &status, is_clone ? __WCLONE : 0, NULL), shared[0]);
		check_eq(status, 6 << 8);
		check_eq(caught[SIGUSR2], 0);
		check((caught[SIGUSR1] > 0) == (signals[i] == SIGUSR1));
		check((caught[SIGCHLD] > 0) == (signals[i] == SIGCHLD));
	}
}

/* ---- whose sibling ---- */

static int sibling_by_thread(void *argument)
{
	set(&shared[0], raw_clone_call(CLONE_PARENT | SIGCHLD, new_stack(), NULL, NULL, 0,
				       exit_with_parent, (void *)(long)raw0(SYS_getppid)));
	return 0;
}

static void make_a_sibling_in_a_thread(void *argument)
{
	struct thread thread;

	thread_start(&thread, sibling_by_thread, NULL);
	thread_join(&thread);
	check_eq(raw_wait4(shared[0], NULL, __WALL, NULL), -ECHILD);
}

/* With the exit signal of the process: a thread has none. */
static void a_thread_makes_a_sibling_of_its_process(void)
{
	int status;

	shared = tap_shared(4096);
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	check_child(make_a_sibling_in_a_thread, NULL);
	check_eq(raw_wait4(shared[0], &status, 0, NULL), shared[0]);
	check_eq(status, 3 << 8);
	check(caught[SIGCHLD] > 0);
}

static int line_of_siblings(void *argument)
{
	int number = (int)(long)argument;

	add(&shared[1], raw0(SYS_getppid) == shared[2]);
	if (number < 8)
		set(&shared[3 + number],
		    raw_clone_call(CLONE_PARENT, new_stack(), NULL, NULL, 0, line_of_siblings,
				   (void *)(long)(number + 1)));
	return number;
}

static void a_line_of_siblings_has_one_parent(void)
{
	shared = tap_shared(4096);
	shared[2] = getpid();
	check_exits(clone_call(SIGCHLD, line_of_siblings, NULL), 0);
	for (int i = 0; i < 8; i++) {
		tap_await(&shared[3 + i], 1);
		check_exits(shared[3 + i], i + 1);
	}
	check_eq(shared[1], 9);
	check_errno(waitpid(-1, NULL, __WALL), ECHILD);
}

static int sibling_of_an_orphan(void *argument)
{
	while (raw0(SYS_getppid) == (long)argument)
		raw0(SYS_sched_yield);
	set(&shared[0], raw_clone_call(CLONE_PARENT, new_stack(), NULL, NULL, 0, exit_with_parent,
				       (void *)(long)raw0(SYS_getppid)));
	return 5;
}

static void make_an_orphan(void *argument)
{
	set(&shared[1], clone_call(SIGUSR1, sibling_of_an_orphan, (void *)(long)getpid()));
}

static void an_orphan_s_sibling_is_the_subreapers(void)
{
	int status;

	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_child(make_an_orphan, NULL);
	/* Both end with SIGCHLD: the orphan since it was handed over, its sibling with the same. */
	check_eq(raw_wait4(shared[1], &status, 0, NULL), shared[1]);
	check_eq(status, 5 << 8);
	check_eq(raw_wait4(shared[0], &status, 0, NULL), shared[0]);
	check_eq(status, 3 << 8);
}

static int report_group(void *argument)
{
	set(&shared[1], raw0(SYS_getpgrp));
	set(&shared[2], raw1(SYS_getsid, 0));
	set(&shared[3], raw1(SYS_umask, 0));
	return 0;
}

static void make_a_sibling_in_another_session(void *argument)
{
	die_with_the_parent();
	check_call(setsid());
	umask(0111);
	set(&shared[0],
	    raw_clone_call(CLONE_PARENT | SIGCHLD, new_stack(), NULL, NULL, 0, report_group, NULL));
}

/* Only the parent is another: what is inherited comes from who calls. */
static void the_rest_is_the_callers(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	umask(0022);
	pid = tap_child(make_a_sibling_in_another_session, NULL);
	check_exits(pid, 0);
	check_exits(shared[0], 0);
	check_eq(shared[1], pid);
	check_eq(shared[2], pid);
	check_eq(shared[3], 0111);
}

static int sibling_by_clone3(void *argument)
{
	const struct clone_args args = {.flags = CLONE_PARENT};
	long pid = raw_clone3(&args, sizeof(args));

	if (pid == 0)
		raw1(SYS_exit_group, 9);
	set(&shared[0], pid);
	return 0;
}

static void clone3_takes_the_callers_exit_signal(void)
{
	int status;

	shared = tap_shared(4096);
	set_handler(SIGUSR1, count_signal, SA_RESTART);
	check_exits(clone_call(SIGUSR1, sibling_by_clone3, NULL), 0);
	check(shared[0] > 0);
	await_zombie(shared[0]);
	check_eq(raw_wait4(shared[0], &status, __WCLONE, NULL), shared[0]);
	check_eq(status, 9 << 8);
}

static int exec_sibling_maker(void *argument)
{
	raw_exec_helper("sibling", NULL, NULL);
	return 126;
}

/* exec has made the caller's exit signal SIGCHLD, and so the sibling's is. */
static void after_exec_the_sibling_ends_with_sigchld(void)
{
	int status;

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	check_exits(clone_call(SIGUSR1, exec_sibling_maker, NULL), 0);
	check(raw_wait4(-1, &status, 0, NULL) > 0);
	check_eq(status, 3 << 8);
	check_eq(caught[SIGUSR1], 0);
}

static void reaped_by_itself_if_the_parent_ignores_sigchld(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	signal(SIGCHLD, SIG_IGN);
	pid = tap_child(make_a_sibling, NULL);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
	check(shared[0] > 0);
	check_errno(kill(shared[0], 0), ESRCH);
}

static int helper(int argc, char **argv)
{
	long pid = raw_clone(CLONE_PARENT | SIGUSR1, NULL, NULL, NULL, 0);

	if (pid == 0)
		_exit(3);
	return pid > 0 ? 0 : 1;
}

static const struct test_case cases[] = {
	TEST(parent_makes_a_sibling, "clone: CLONE_PARENT makes a sibling"),
	TEST(parent_takes_the_callers_exit_signal,
	     "clone: CLONE_PARENT takes the caller's exit signal, not the one asked for"),
	TEST(a_thread_makes_a_sibling_of_its_process,
	     "CLONE_PARENT: by a thread, the child is a sibling of the process"),
	TEST(a_line_of_siblings_has_one_parent,
	     "CLONE_PARENT: nine that each make the next have one parent"),
	TEST(an_orphan_s_sibling_is_the_subreapers,
	     "CLONE_PARENT: an orphan's sibling is the child of who took the orphan"),
	TEST(the_rest_is_the_callers,
	     "CLONE_PARENT: group, session and umask come from the caller"),
	TEST(clone3_takes_the_callers_exit_signal,
	     "CLONE_PARENT: clone3 takes the caller's exit signal as well"),
	TEST(after_exec_the_sibling_ends_with_sigchld,
	     "CLONE_PARENT: after exec by the caller the sibling ends with SIGCHLD"),
	TEST(reaped_by_itself_if_the_parent_ignores_sigchld,
	     "CLONE_PARENT: no zombie of a sibling if the parent ignores SIGCHLD"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
