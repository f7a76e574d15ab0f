/*
 * CLONE_DETACHED: once said that nobody is told of the child's end; it means nothing any more.
 */
#include "clone.h"

static void what_means_nothing_is_accepted(void)
{
	static const unsigned long flags[] = {CLONE_DETACHED, CLONE_UNTRACED,
					      CLONE_DETACHED | CLONE_UNTRACED};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		long pid = raw_clone(flags[i] | SIGCHLD, NULL, NULL, NULL, 0);
		if (pid == 0)
			raw1(SYS_exit_group, 3);
		check(pid > 0);
		check_exits(pid, 3);
	}
}

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static void detached_child_is_waited_for_all_the_same(void)
{
	static const int signals[] = {SIGCHLD, SIGUSR1, 0};

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t pid = clone_call(CLONE_DETACHED | signals[i], return_argument, (void *)5);

		await_zombie(pid);
		while (signals[i] && !caught[signals[i]])
			sched_yield();
		check_exits(pid, 5);
	}
	check_eq(caught[SIGUSR1], 1);
	check_eq(caught[SIGCHLD], 1);
}

static void thread_may_be_detached(void)
{
	struct thread thread;
	int *word = (int *)&thread.word;

	thread.tid = raw_clone_call(THREAD_FLAGS | CLONE_DETACHED, new_stack(), word, word, 0,
				    return_argument, NULL);
	check(thread.tid > 0);
	thread_join(&thread);
}

static void clone3_has_no_place_for_it(void)
{
	static const unsigned long flags[] = {0, CLONE_VM, CLONE_PIDFD, CLONE_VFORK};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		int fd;
		const struct clone_args args = {
			.flags = CLONE_DETACHED | flags[i],
			.pidfd = (uintptr_t)&fd,
			.exit_signal = SIGCHLD,
		};

		check_eq(raw_clone3(&args, sizeof(args)), -EINVAL);
	}
	check_errno(waitpid(-1, NULL, __WALL), ECHILD);
}

static const struct test_case cases[] = {
	TEST(what_means_nothing_is_accepted,
	     "rules: clone accepts flags that have no meaning left"),
	TEST(detached_child_is_waited_for_all_the_same,
	     "CLONE_DETACHED: the child sends its exit signal and is waited for"),
	TEST(thread_may_be_detached, "CLONE_DETACHED: a thread made with it is a thread"),
	TEST(clone3_has_no_place_for_it, "CLONE_DETACHED: clone3 refuses it with whatever else"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
