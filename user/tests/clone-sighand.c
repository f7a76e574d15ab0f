/*
 * CLONE_SIGHAND: child and parent have one table of signal handlers; which signals are blocked and
 * which are pending stays each one's own.
 */
#include "helpers.h"

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

static const struct test_case cases[] = {
	TEST(sighand_shares_handlers, "clone: CLONE_SIGHAND shares handlers"),
	TEST(without_sighand_handlers_are_copies, "clone: without CLONE_SIGHAND they are copies"),
	TEST(mask_and_pending_signals_are_never_shared,
	     "clone: mask and pending signals are not shared even then"),
	TEST(shared_handler_runs_in_the_one_signalled,
	     "clone: a shared handler runs in whom the signal was sent to"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
