/*
 * CLONE_CLEAR_SIGHAND: the child begins with every handler reset to the default; what is ignored
 * stays ignored.
 */
#include "clone.h"

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

static long clear_clone(unsigned long flags)
{
	const struct clone_args args = {.flags = CLONE_CLEAR_SIGHAND | flags,
					.exit_signal = SIGCHLD};

	return raw_clone3(&args, sizeof(args));
}

/* Each signal in one of three ways; the child finds the ignored ones and nothing else. */
static void every_signal_is_reset_unless_ignored(void)
{
	long pid;

	block_all_signals();
	for (int number = 1; number <= 64; number++)
		if (number != SIGKILL && number != SIGSTOP)
			set_action(number, number % 3 ? (void *)count_signal : SIG_IGN, SA_RESTART,
				   1);
	pid = clear_clone(0);
	if (pid == 0) {
		for (int number = 1; number <= 64; number++) {
			struct kernel_action action = action_of(number);
			int ignored = number % 3 == 0 && number != SIGKILL && number != SIGSTOP;

			check(action.handler == (ignored ? SIG_IGN : SIG_DFL));
			check_eq(action.flags, 0);
			check_eq(action.mask, 0);
		}
		_exit(0);
	}
	set_action(SIGCHLD, SIG_DFL, 0, 0);
	check_exits(pid, 0);
}

static void handled_signal_now_kills(void)
{
	long pid;

	set_action(SIGUSR1, count_signal, 0, 0);
	pid = clear_clone(0);
	if (pid == 0) {
		raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
		raw_exit(0);
	}
	check_killed(pid, SIGUSR1);
}

static void mask_and_signal_stack_are_kept(void)
{
	stack_t stack = {.ss_sp = new_page(), .ss_size = 4096}, seen;
	long pid;

	check_call(sigaltstack(&stack, NULL));
	block_signal(SIGUSR1);
	raise(SIGUSR1);
	pid = clear_clone(0);
	if (pid == 0) {
		check(is_blocked(SIGUSR1));
		check(!is_pending(SIGUSR1));
		check_call(sigaltstack(NULL, &seen));
		check(seen.ss_sp == stack.ss_sp && seen.ss_flags == 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check(is_pending(SIGUSR1));
}

static int has_default(void *argument)
{
	struct kernel_action *action = argument;

	return raw4(SYS_rt_sigaction, SIGUSR1, NULL, action, 8) == 0 && action->handler == SIG_DFL
		       ? 0
		       : 1;
}

static void shared_memory_is_no_obstacle(void)
{
	static const unsigned long flags[] = {CLONE_VFORK, CLONE_VFORK | CLONE_VM,
					      CLONE_VFORK | CLONE_VM | CLONE_FILES | CLONE_FS};

	set_action(SIGUSR1, count_signal, 0, 0);
	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		struct kernel_action action = {0};
		const struct clone_args args = {
			.flags = CLONE_CLEAR_SIGHAND | flags[i],
			.exit_signal = SIGCHLD,
			.stack = (uintptr_t)new_stack() - STACK_SIZE,
			.stack_size = STACK_SIZE,
		};
		long pid = raw_clone3_call(&args, sizeof(args), has_default, &action);

		check(pid > 0);
		check_exits(pid, 0);
		check(action_of(SIGUSR1).handler == (void *)count_signal);
	}
}

/* clone has no room for it: bit 32 is cut off there. */
static void clone_does_not_know_it(void)
{
	long pid;

	set_action(SIGUSR1, count_signal, 0, 0);
	pid = raw_clone(CLONE_CLEAR_SIGHAND | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0) {
		check(action_of(SIGUSR1).handler == (void *)count_signal);
		_exit(0);
	}
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(clear_sighand_resets_handlers_only,
	     "actions: CLONE_CLEAR_SIGHAND resets handlers, in the child"),
	TEST(every_signal_is_reset_unless_ignored,
	     "CLONE_CLEAR_SIGHAND: of 64 signals only the ignored ones stay as they are"),
	TEST(handled_signal_now_kills,
	     "CLONE_CLEAR_SIGHAND: a signal that the parent handles kills the child"),
	TEST(mask_and_signal_stack_are_kept, "CLONE_CLEAR_SIGHAND: mask and signal stack are kept"),
	TEST(shared_memory_is_no_obstacle,
	     "CLONE_CLEAR_SIGHAND: goes with CLONE_VM and leaves the parent's handlers"),
	TEST(clone_does_not_know_it, "CLONE_CLEAR_SIGHAND: clone does not know it"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
