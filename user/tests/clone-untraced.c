/*
 * CLONE_UNTRACED: a tracer is not to follow the child. Who is not traced sees no difference, with any
 * way to make a child.
 */
#include "clone.h"

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static void children_are_as_without_it(void)
{
	static const unsigned long flags[] = {SIGCHLD, CLONE_VFORK | SIGCHLD,
					      CLONE_VM | CLONE_VFORK | SIGCHLD,
					      CLONE_VM | CLONE_SIGHAND | SIGUSR1, 0};

	signal(SIGUSR1, SIG_IGN);
	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		pid_t pid = clone_call(CLONE_UNTRACED | flags[i], return_argument, (void *)5);

		await_zombie(pid);
		check_eq(raw_wait4(pid, NULL, (flags[i] & CSIGNAL) == SIGCHLD ? __WCLONE : 0, NULL),
			 -ECHILD);
		check_exits(pid, 5);
	}
}

static void threads_are_as_without_it(void)
{
	struct thread thread;
	int *word = (int *)&thread.word;

	thread.tid = raw_clone_call(THREAD_FLAGS | CLONE_UNTRACED, new_stack(), word, word, 0,
				    return_argument, NULL);
	check(thread.tid > 0);
	thread_join(&thread);
}

static void clone3_takes_it(void)
{
	const struct clone_args args = {.flags = CLONE_UNTRACED, .exit_signal = SIGCHLD};
	long pid = raw_clone3(&args, sizeof(args));

	if (pid == 0)
		raw_exit(6);
	check(pid > 0);
	check_exits(pid, 6);
}

static void untraced_flag_and_ptrace_flag_go_together(void)
{
	const struct clone_args args = {.flags = CLONE_UNTRACED | CLONE_PTRACE,
					.exit_signal = SIGCHLD};
	long pid = raw_clone3(&args, sizeof(args));

	if (pid == 0)
		raw_exit(6);
	check(pid > 0);
	check_exits(pid, 6);
	check_exits(clone_call(CLONE_PTRACE | SIGCHLD, return_argument, (void *)7), 7);
}

static const struct test_case cases[] = {
	TEST(children_are_as_without_it, "CLONE_UNTRACED: children are as without it"),
	TEST(threads_are_as_without_it, "CLONE_UNTRACED: threads are as without it"),
	TEST(clone3_takes_it, "CLONE_UNTRACED: clone3 takes it"),
	TEST(untraced_flag_and_ptrace_flag_go_together,
	     "CLONE_UNTRACED: it and CLONE_PTRACE go together, and mean nothing untraced"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
