/*
 * CLONE_PARENT: the child is its maker's sibling, and ends with its maker's exit signal.
 */
#include "helpers.h"

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

static const struct test_case cases[] = {
	TEST(parent_makes_a_sibling, "clone: CLONE_PARENT makes a sibling"),
	TEST(parent_takes_the_callers_exit_signal,
	     "clone: CLONE_PARENT takes the caller's exit signal, not the one asked for"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
