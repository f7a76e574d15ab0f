/*
 * Signal actions as sigaction(2) reads them back: after fork, exec, one-shot handlers and faults;
 * SS_AUTODISARM; what a frame says of itself; init's immunity.
 */
#include "helpers.h"

#include <ucontext.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

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

/* ---- reading back ---- */

static void unknown_flags_read_back_as_zero(void)
{
	set_action(SIGUSR1, count_signal, ~0UL, ~0UL);
	/* NOCLDSTOP, NOCLDWAIT, SIGINFO, EXPOSE_TAGBITS, RESTORER, ONSTACK, RESTART, NODEFER, RESETHAND */
	check_eq(action_of(SIGUSR1).flags, 0xdc000807UL);
	check_eq(action_of(SIGUSR1).mask, ~0x40100UL);
	set_action(SIGUSR1, SIG_DFL, 0x400, 0);
	check_eq(action_of(SIGUSR1).flags, 0);
}

static void child_and_parent_change_their_own(void)
{
	pid_t pid;

	set_action(SIGUSR1, SIG_IGN, 0, 0);
	set_action(SIGUSR2, count_signal, SA_RESTART, 4);
	pid = tap_fork();
	if (pid == 0) {
		check(action_of(SIGUSR1).handler == SIG_IGN);
		check(action_of(SIGUSR2).handler == (void *)count_signal);
		set_action(SIGUSR1, SIG_DFL, 0, 0);
		set_action(SIGHUP, count_signal, 0, 0);
		check(action_of(SIGUSR2).handler == (void *)count_signal);
		_exit(0);
	}
	set_action(SIGUSR2, SIG_DFL, 0, 0);
	check_exits(pid, 0);
	check(action_of(SIGUSR1).handler == SIG_IGN);
	check(action_of(SIGUSR2).handler == SIG_DFL);
	check(action_of(SIGHUP).handler == SIG_DFL);
}

static void one_shot_action_keeps_flags_and_mask(void)
{
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESETHAND};
	unsigned long flags;

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGHUP);
	check_call(sigaction(SIGUSR1, &action, NULL));
	flags = action_of(SIGUSR1).flags;
	raise(SIGUSR1);
	check_eq(caught[SIGUSR1], 1);
	check(action_of(SIGUSR1).handler == SIG_DFL);
	check_eq(action_of(SIGUSR1).flags, flags);
	check_eq(action_of(SIGUSR1).mask, 1);
	check_call(sigaction(SIGUSR1, &action, NULL));
	check(action_of(SIGUSR1).handler == (void *)count_signal);
}

/* In a child, since the parent's actions are shared with it until one of them changes something. */
static void one_shot_in_a_child(void *argument)
{
	raise(SIGUSR1);
	check_eq(caught[SIGUSR1], 1);
	check(action_of(SIGUSR1).handler == SIG_DFL);
}

static void one_shot_in_a_child_leaves_the_parent_alone(void)
{
	set_handler(SIGUSR1, count_signal, SA_RESETHAND);
	check_child(one_shot_in_a_child, NULL);
	check_child(one_shot_in_a_child, NULL);
	check(action_of(SIGUSR1).handler == (void *)count_signal);
}

/* The helper reads its actions and says what is wrong. */
static int look_at_actions(int argc, char **argv)
{
	for (int number = 1; number <= 64; number++) {
		struct kernel_action action;
		void *wanted = number == SIGUSR1 || number == SIGCHLD ? SIG_IGN : SIG_DFL;

		if (raw4(SYS_rt_sigaction, number, NULL, &action, 8) != 0)
			return 2;
		if (action.handler != wanted)
			return number;
		if (action.flags || action.mask)
			return 100 + number;
	}
	return 0;
}

static void exec_after_setting(void *argument)
{
	set_action(SIGUSR1, SIG_IGN, SA_RESTART, 4);
	set_action(SIGCHLD, SIG_IGN, SA_NOCLDWAIT, 4);
	set_action(SIGUSR2, count_signal, SA_RESTART, 4);
	set_action(SIGHUP, SIG_DFL, SA_RESTART, 4);
	raw_exec_helper("look", NULL, NULL);
}

static void exec_in_child(void *argument)
{
	raw_exec_helper("look", NULL, NULL);
}

static void exec_resets_handlers_flags_and_masks(void)
{
	check_exits(tap_child(exec_after_setting, NULL), 0);
	/* The same with what the parent set. */
	set_action(SIGUSR1, SIG_IGN, SA_RESTART, 4);
	set_action(SIGCHLD, SIG_IGN, 0, 0);
	set_action(SIGUSR2, count_signal, SA_RESTART, 4);
	set_action(SIGCHLD, SIG_DFL, 0, 0);
	check_exits(tap_child(exec_in_child, NULL), SIGCHLD);
	check(action_of(SIGUSR2).handler == (void *)count_signal);
}

/* ---- the alternate stack, disarmed ---- */

static char other_stack[65536] __attribute__((aligned(16)));
static volatile int flags_in_handler, depth, on_other_stack[3];

static void look_at_stack(int number)
{
	stack_t stack;
	char here;

	sigaltstack(NULL, &stack);
	flags_in_handler = stack.ss_flags;
	on_other_stack[depth] = &here >= other_stack && &here < other_stack + sizeof(other_stack);
	if (depth++ == 0)
		raise(SIGUSR2);
}

static void autodisarm_takes_the_stack_away(void)
{
	stack_t stack = {.ss_sp = other_stack,
			 .ss_size = sizeof(other_stack),
			 .ss_flags = (int)SS_AUTODISARM},
		old;

	check_call(sigaltstack(&stack, NULL));
	check_call(sigaltstack(NULL, &old));
	check_eq(old.ss_flags, (int)SS_AUTODISARM);
	set_handler(SIGUSR1, look_at_stack, SA_ONSTACK);
	set_handler(SIGUSR2, look_at_stack, SA_ONSTACK);
	raise(SIGUSR1);
	check_eq(depth, 2);
	check_eq(flags_in_handler, SS_DISABLE);
	check(on_other_stack[0]);
	/* Disabled means that the nested handler stays where the first one is. */
	check(on_other_stack[1]);
	check_call(sigaltstack(NULL, &old));
	check_eq(old.ss_flags, (int)SS_AUTODISARM);
	check(old.ss_sp == other_stack && old.ss_size == sizeof(other_stack));
}

/* ---- frames ---- */

static ucontext_t *context;
static struct {
	unsigned long flags, cs, ss, err, trap, oldmask;
	int stack_flags;
} seen;

static void read_context(int number, siginfo_t *info, void *ucontext)
{
	context = ucontext;
	seen.flags = context->uc_flags;
	seen.cs = context->uc_mcontext.gregs[REG_CSGSFS] & 0xffff;
	seen.ss = context->uc_mcontext.gregs[REG_CSGSFS] >> 48;
	seen.oldmask = context->uc_mcontext.gregs[REG_OLDMASK];
	seen.stack_flags = context->uc_stack.ss_flags;
}

static void frame_describes_itself(void)
{
	sigset_t old;

	set_info_handler(SIGUSR1, read_context, 0);
	block_signal(SIGHUP);
	check_call(sigprocmask(SIG_BLOCK, NULL, &old));
	raise(SIGUSR1);
	check_eq(seen.flags | 1, 7);
	check_eq(seen.cs, 0x33);
	check_eq(seen.ss, 0x2b);
	check_eq(seen.oldmask, 1);
	check_eq(seen.stack_flags, SS_DISABLE);
}

/* ---- init ---- */

static void init_cannot_be_killed(void)
{
	check_eq(raw2(SYS_kill, 1, SIGKILL), 0);
	check_eq(raw2(SYS_kill, 1, SIGSTOP), 0);
	check_eq(raw2(SYS_tkill, 1, SIGKILL), 0);
	check_eq(raw2(SYS_kill, 1, 63), 0);
	settle();
	check_eq(raw2(SYS_kill, 1, 0), 0);
}

static const struct test_case cases[] = {
	TEST(unknown_flags_read_back_as_zero, "actions: unknown flags read back as zero"),
	TEST(child_and_parent_change_their_own, "actions: child and parent each change their own"),
	TEST(one_shot_action_keeps_flags_and_mask,
	     "actions: SA_RESETHAND resets the handler, not its flags and mask"),
	TEST(one_shot_in_a_child_leaves_the_parent_alone,
	     "actions: a one-shot handler used by a child is still there in the parent"),
	TEST(exec_resets_handlers_flags_and_masks,
	     "actions: exec resets handlers and all flags and masks"),
	TEST(autodisarm_takes_the_stack_away,
	     "actions: SS_AUTODISARM: the stack is away in the handler, and back after it"),
	TEST(frame_describes_itself, "actions: what a frame says of itself"),
	TEST(init_cannot_be_killed, "actions: init cannot be killed or stopped"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), look_at_actions);
}
