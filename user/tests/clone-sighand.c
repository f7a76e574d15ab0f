/*
 * CLONE_SIGHAND: child and parent have one table of signal handlers; which signals are blocked and
 * which are pending stays each one's own.
 */
#include "clone.h"

static int change_handlers(void *argument)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	/*
	 * By the C library, since the kernel's structure is another; it leaves errno alone if it
	 * succeeds.
	 */
	return sigaction(SIGUSR1, &action, NULL) == 0 ? 0 : 1;
}

static void change_handlers_under(unsigned long flags, int is_shared)
{
	struct sigaction action;

	set_handler(SIGUSR1, count_signal, 0);
	check_exits(clone_call(flags | SIGCHLD, change_handlers, NULL), 0);
	check_call(sigaction(SIGUSR1, NULL, &action));
	check(action.sa_handler == (is_shared ? SIG_IGN : count_signal));
}

static void sighand_shares_handlers(void)
{
	change_handlers_under(CLONE_VM | CLONE_SIGHAND, 1);
}

static void without_sighand_handlers_are_copies(void)
{
	change_handlers_under(CLONE_VM, 0);
	change_handlers_under(CLONE_VM | CLONE_FS | CLONE_FILES, 0);
	change_handlers_under(0, 0);
}

static int block_and_raise(void *argument)
{
	unsigned long usr1 = 1UL << (SIGUSR1 - 1);

	if (raw4(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8) != 0)
		return 1;
	if (raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1) != 0)
		return 2;
	return caught[SIGUSR1] == 0 ? 0 : 3;
}

static void mask_and_pending_signals_are_never_shared(void)
{
	set_handler(SIGUSR1, count_signal, 0);
	check_exits(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, block_and_raise, NULL), 0);
	check(!is_blocked(SIGUSR1));
	check(!is_pending(SIGUSR1));
	check_eq(caught[SIGUSR1], 0);
}

static int raise_usr1(void *argument)
{
	return raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1) == 0 && caught[SIGUSR1] ? 0 : 1;
}

static void shared_handler_runs_in_the_one_signalled(void)
{
	set_handler(SIGUSR1, count_signal, SA_RESETHAND);
	check_exits(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, raise_usr1, NULL), 0);
	check_eq(caught[SIGUSR1], 1);
	/* The handler was reset for both: it is one table. */
	check_killed(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, raise_usr1, NULL), SIGUSR1);
}

/* ---- one table ---- */

static volatile int ran; /* which handler ran last */

static void first_handler(int number)
{
	set(&ran, 1);
}
static void second_handler(int number)
{
	set(&ran, 2);
}

/* Raise a signal in every odd turn: the handler is the one that the parent has just set. */
static int raise_in_turns(void *argument)
{
	for (int i = 1; i < 200; i += 2) {
		await_turn(i);
		raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
		if (get(&ran) != 1 + i / 2 % 2)
			return 1;
		give_turn(i + 1);
	}
	return 0;
}

static void handler_set_by_one_runs_in_the_other(void)
{
	pid_t pid;

	begin_turns();
	set_handler(SIGUSR1, SIG_IGN, 0);
	pid = clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, raise_in_turns, NULL);
	for (int i = 1; i < 200; i += 2) {
		set_handler(SIGUSR1, i / 2 % 2 ? second_handler : first_handler, 0);
		give_turn(i);
		await_turn(i + 1);
	}
	check_exits(pid, 0);
}

struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

static int set_every_action(void *argument)
{
	for (int number = 1; number <= 64; number++) {
		struct kernel_action action = {first_handler, SA_NODEFER | SA_ONSTACK, NULL,
					       1UL << (64 - number)};

		if (number != SIGKILL && number != SIGSTOP &&
		    raw4(SYS_rt_sigaction, number, &action, NULL, 8) != 0)
			return 1;
	}
	return 0;
}

static void all_of_an_action_is_shared(void)
{
	const unsigned long never = 1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1);

	block_all_signals();
	check_exits(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, set_every_action, NULL), 0);
	for (int number = 1; number <= 64; number++) {
		struct kernel_action action;

		check_eq(raw4(SYS_rt_sigaction, number, NULL, &action, 8), 0);
		if (number == SIGKILL || number == SIGSTOP) {
			check(action.handler == SIG_DFL);
			continue;
		}
		check(action.handler == (void *)first_handler);
		check_eq(action.flags, SA_NODEFER | SA_ONSTACK);
		check_eq(action.mask, 1UL << (64 - number) & ~never);
	}
}

/* ---- what stays each one's own ---- */

static int block_raise_and_report(void *argument)
{
	unsigned long usr1 = 1UL << (SIGUSR1 - 1), pending = 0;

	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8);
	raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
	give_turn(1);
	await_turn(2);
	raw2(SYS_rt_sigpending, &pending, 8);
	return pending == usr1 ? 0 : 1;
}

/* Ignoring a signal throws away what is pending of it, but only in the process that ignores it. */
static void ignoring_leaves_what_is_pending_in_the_other(void)
{
	pid_t pid;

	begin_turns();
	set_handler(SIGUSR1, first_handler, 0);
	pid = clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, block_raise_and_report, NULL);
	await_turn(1);
	set_handler(SIGUSR1, SIG_IGN, 0);
	give_turn(2);
	check_exits(pid, 0);
}

static int check_mask(void *argument)
{
	unsigned long mask = 0, none = 0;

	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &none, &mask, 8);
	return mask == (unsigned long)argument ? 0 : 1;
}

static void mask_begins_as_the_parents(void)
{
	unsigned long mask = 1UL << (SIGUSR1 - 1) | 1UL << 63, now;

	check_eq(raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8), 0);
	check_exits(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, check_mask, (void *)mask), 0);
	check_exits(clone_call(CLONE_VM | SIGCHLD, check_mask, (void *)mask), 0);
	check_exits(clone_call(SIGCHLD, check_mask, (void *)mask), 0);
	check_eq(raw4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, 8), 0);
	check_eq(now, mask);
}

static int crash(void *argument)
{
	*(volatile int *)argument = 1;
	return 0;
}

static void death_of_one_is_its_own(void)
{
	static const int deadly[] = {SIGTERM, SIGKILL, SIGQUIT, SIGUSR1, 64};

	for (size_t i = 0; i < TAP_COUNT(deadly); i++) {
		pid_t pid = clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, wait_for_ever, NULL);

		check_call(kill(pid, deadly[i]));
		check_killed(pid, deadly[i]);
	}
	check_killed(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, crash, UNMAPPED_ADDRESS),
		     SIGSEGV);
}

static void stopping_one_leaves_the_other_running(void)
{
	pid_t pid = clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, wait_for_ever, NULL);
	int status;

	check_call(kill(pid, SIGSTOP));
	check_eq(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	end_child(pid);
}

/* ---- what follows from one table ---- */

static int ignore_children(void *argument)
{
	struct kernel_action action = {(void *)SIG_IGN, 0, NULL, 0};

	return raw4(SYS_rt_sigaction, SIGCHLD, &action, NULL, 8) == 0 ? 0 : 1;
}

/* Whether dead children are kept is asked of the handlers, so the child decides for its parent. */
static void ignoring_sigchld_by_one_reaps_the_others_children(void)
{
	pid_t pid = clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, ignore_children, NULL);

	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	pid = tap_fork();
	if (pid == 0)
		_exit(0);
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
}

static int handle_when_alone(void *argument)
{
	await_turn(1);
	raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
	set(&turn[1], get(&ran) == 2 ? 1 : 2);
	return 0;
}

static void share_handlers_and_leave(void *argument)
{
	set_handler(SIGUSR1, second_handler, 0);
	clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, handle_when_alone, NULL);
}

static void handlers_live_as_long_as_anybody_has_them(void)
{
	begin_turns();
	check_child(share_handlers_and_leave, NULL);
	give_turn(1);
	tap_await(&turn[1], 1);
	check_eq(turn[1], 1);
}

static const struct test_case cases[] = {
	TEST(sighand_shares_handlers, "clone: CLONE_SIGHAND shares handlers"),
	TEST(without_sighand_handlers_are_copies, "clone: without CLONE_SIGHAND they are copies"),
	TEST(mask_and_pending_signals_are_never_shared,
	     "clone: mask and pending signals are not shared even then"),
	TEST(shared_handler_runs_in_the_one_signalled,
	     "clone: a shared handler runs in whom the signal was sent to"),
	TEST(handler_set_by_one_runs_in_the_other,
	     "CLONE_SIGHAND: a handler that one has just set runs in the other"),
	TEST(all_of_an_action_is_shared,
	     "CLONE_SIGHAND: every signal's handler, flags and mask are shared"),
	TEST(ignoring_leaves_what_is_pending_in_the_other,
	     "CLONE_SIGHAND: ignoring a signal leaves what is pending of it in the other"),
	TEST(mask_begins_as_the_parents,
	     "CLONE_SIGHAND: the mask begins as the parent's, with the flag and without"),
	TEST(death_of_one_is_its_own,
	     "CLONE_SIGHAND: a deadly signal or a crash ends only one of them"),
	TEST(stopping_one_leaves_the_other_running,
	     "CLONE_SIGHAND: SIGSTOP stops only one of them"),
	TEST(ignoring_sigchld_by_one_reaps_the_others_children,
	     "CLONE_SIGHAND: SIGCHLD ignored by one: nobody's children become zombies"),
	TEST(handlers_live_as_long_as_anybody_has_them,
	     "CLONE_SIGHAND: handlers live until their last user ends"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
