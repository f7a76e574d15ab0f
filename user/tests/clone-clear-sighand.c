/*
 * CLONE_CLEAR_SIGHAND: the child begins with every handler reset to the default; what is ignored
 * stays ignored.
 */
#include "helpers.h"

struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

static struct kernel_action action_of(int number)
{
	struct kernel_action action = {0};

	check_eq(raw4(SYS_rt_sigaction, number, NULL, &action, 8), 0);
	return action;
}

static void set_action(int number, void *handler, unsigned long flags, unsigned long mask)
{
	struct kernel_action action = {handler, flags, NULL, mask};

	check_eq(raw4(SYS_rt_sigaction, number, &action, NULL, 8), 0);
}

static void clear_sighand_resets_handlers_only(void)
{
	struct clone_args args = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
	pid_t pid;

	set_action(SIGUSR1, SIG_IGN, SA_RESTART, 0);
	set_action(SIGUSR2, count_signal, SA_RESTART, 4);
	pid = raw_clone3(&args, sizeof(args));
	check(pid >= 0);
	if (pid == 0) {
		check(action_of(SIGUSR1).handler == SIG_IGN);
		check_eq(action_of(SIGUSR1).flags, 0);
		check(action_of(SIGUSR2).handler == SIG_DFL);
		check_eq(action_of(SIGUSR2).flags, 0);
		check_eq(action_of(SIGUSR2).mask, 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check(action_of(SIGUSR2).handler == (void *)count_signal);
	check_eq(action_of(SIGUSR2).mask, 4);
}

static const struct test_case cases[] = {
	TEST(clear_sighand_resets_handlers_only,
	     "actions: CLONE_CLEAR_SIGHAND resets handlers, in the child"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
