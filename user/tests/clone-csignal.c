/*
 * CSIGNAL, the low byte of clone's flags: the signal that tells the parent of the child's end. It
 * also decides which kind of wait sees the child.
 */
#include "helpers.h"

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static siginfo_t last_info;

static void keep_info(int number, siginfo_t *info, void *context)
{
	last_info = *info;
	add(&caught[number], 1);
}

static void exit_signal_is_the_one_asked_for(void)
{
	static const int signals[] = {SIGUSR1, SIGHUP, SIGCHLD, SIGSEGV, 40, 64};

	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t pid;

		set_info_handler(signals[i], keep_info, SA_RESTART);
		pid = clone_call(signals[i], return_argument, (void *)11);
		await_zombie(pid);
		while (!caught[signals[i]])
			sched_yield();
		check_eq(caught[signals[i]], 1);
		check_eq(last_info.si_signo, signals[i]);
		check_eq(last_info.si_code, CLD_EXITED);
		check_eq(last_info.si_pid, pid);
		check_eq(last_info.si_uid, getuid());
		check_eq(last_info.si_status, 11);
		check_exits(pid, 11);
	}
}

static void no_exit_signal_sends_none(void)
{
	sigset_t pending;
	pid_t pid;

	block_all_signals();
	pid = clone_call(0, return_argument, (void *)12);
	await_zombie(pid);
	check_call(sigpending(&pending));
	check(sigisemptyset(&pending));
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	check_exits(pid, 12);
}

static void be_killed_by_a_child(void *argument)
{
	clone_call((unsigned long)argument, return_argument, NULL);
	for (;;)
		pause();
}

static void deadly_exit_signal_kills_the_parent(void)
{
	check_dies(be_killed_by_a_child, (void *)(long)SIGKILL, SIGKILL);
	check_dies(be_killed_by_a_child, (void *)(long)SIGTERM, SIGTERM);
}

static void clone_ignores_flags_above_bit_31(void)
{
	static const unsigned long high[] = {0x100000000, 0x200000000, 0x8000000000000000,
					     0xffffffff00000000};

	for (size_t i = 0; i < TAP_COUNT(high); i++)
		check_exits(clone_call(high[i] | SIGCHLD, return_argument, (void *)13), 13);
}

static void every_exit_signal_is_accepted(void)
{
	block_all_signals();
	for (int number = 0; number < 256; number++) {
		long pid;

		if (number == SIGKILL || number == SIGSTOP)
			continue;
		pid = raw_clone(number, NULL, NULL, NULL, 0);
		if (pid == 0)
			raw1(SYS_exit_group, number);
		check(pid > 0);
		check_exits(pid, number);
		if (number >= 1 && number <= 64)
			check(is_pending(number));
	}
}

static const struct test_case cases[] = {
	TEST(exit_signal_is_the_one_asked_for,
	     "clone: the exit signal is the one asked for, and tells of the child"),
	TEST(no_exit_signal_sends_none, "clone: exit signal 0 sends none"),
	TEST(deadly_exit_signal_kills_the_parent,
	     "clone: a deadly exit signal kills the parent, SIGKILL too"),
	TEST(clone_ignores_flags_above_bit_31, "clone: flag bits above 31 are ignored"),
	TEST(every_exit_signal_is_accepted,
	     "rules: clone accepts exit signals 0 to 255 and sends those up to 64"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
