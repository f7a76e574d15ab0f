/*
 * CSIGNAL, the low byte of clone's flags: the signal that tells the parent of the child's end. It
 * also decides which kind of wait sees the child.
 */
#include "clone.h"

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

/* ---- which wait sees the child ---- */

static void every_exit_signal_but_sigchld_needs_wclone(void)
{
	block_all_signals();
	for (int number = 0; number < 256; number++) {
		long pid;
		int status, is_plain = number == SIGCHLD;

		if (number == SIGKILL || number == SIGSTOP)
			continue;
		pid = raw_clone(number, NULL, NULL, NULL, 0);
		if (pid == 0)
			raw1(SYS_exit_group, 1);
		check(pid > 0);
		check_eq(raw_wait4(pid, NULL, WNOHANG | (is_plain ? __WCLONE : 0), NULL), -ECHILD);
		check_eq(raw_wait4(pid, &status, is_plain ? 0 : __WCLONE, NULL), pid);
	}
}

static void clone3_takes_the_signals_there_are(void)
{
	block_all_signals();
	for (int number = 0; number <= 64; number++) {
		const struct clone_args args = {.exit_signal = number};
		long pid;

		if (number == SIGKILL || number == SIGSTOP)
			continue;
		pid = raw_clone3(&args, sizeof(args));
		if (pid == 0)
			raw1(SYS_exit_group, 1);
		check(pid > 0);
		check_exits(pid, 1);
		check(number == 0 || is_pending(number));
	}
}

/* ---- what the signal tells ---- */

static int die_by(void *argument)
{
	raw2(SYS_kill, raw0(SYS_getpid), argument);
	return 0;
}

static void exit_signal_tells_how_the_child_ended(void)
{
	pid_t pid;

	set_info_handler(SIGUSR1, keep_info, SA_RESTART);
	pid = clone_call(SIGUSR1, die_by, (void *)SIGTERM);
	check_killed(pid, SIGTERM);
	while (!caught[SIGUSR1])
		sched_yield();
	check_eq(last_info.si_code, CLD_KILLED);
	check_eq(last_info.si_status, SIGTERM);
	check_eq(last_info.si_pid, pid);
}

static int become_nobody(void *argument)
{
	return raw1(SYS_setuid, 1000) == 0 ? 0 : 1;
}

static void exit_signal_tells_the_child_s_user(void)
{
	set_info_handler(SIGUSR1, keep_info, SA_RESTART);
	check_exits(clone_call(SIGUSR1, become_nobody, NULL), 0);
	while (!caught[SIGUSR1])
		sched_yield();
	check_eq(last_info.si_uid, 1000);
}

static void realtime_exit_signals_queue(void)
{
	static const int signals[] = {SIGUSR1, 40};

	block_all_signals();
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		const struct timespec none = {0, 0};
		sigset_t set;
		int n = 0;

		for (int child = 0; child < 3; child++)
			check_exits(clone_call(signals[i], return_argument, NULL), 0);
		sigemptyset(&set);
		sigaddset(&set, signals[i]);
		while (sigtimedwait(&set, NULL, &none) == signals[i])
			n++;
		check_eq(n, signals[i] == SIGUSR1 ? 1 : 3);
	}
}

static void stop_of_the_child_sends_sigchld_all_the_same(void)
{
	pid_t pid;
	int status;

	set_info_handler(SIGUSR1, keep_info, SA_RESTART);
	set_info_handler(SIGCHLD, keep_info, SA_RESTART);
	pid = clone_call(SIGUSR1, wait_for_ever, NULL);
	check_call(kill(pid, SIGSTOP));
	check_eq(raw_wait4(pid, &status, WUNTRACED | __WCLONE, NULL), pid);
	while (!caught[SIGCHLD])
		sched_yield();
	check_eq(last_info.si_code, CLD_STOPPED);
	check_eq(caught[SIGUSR1], 0);
	end_child(pid);
	while (!caught[SIGUSR1])
		sched_yield();
	check_eq(caught[SIGCHLD], 1);
}

static void stop_by_a_child(void *argument)
{
	clone_call(SIGSTOP, return_argument, NULL);
	for (;;)
		pause();
}

static void exit_signal_may_stop_the_parent(void)
{
	pid_t pid = tap_child(stop_by_a_child, NULL);
	int status;

	check_eq(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	end_child(pid);
}

/* ---- ignored children ---- */

static void ignoring_other_exit_signals_keeps_zombies(void)
{
	pid_t pid;

	signal(SIGUSR1, SIG_IGN);
	pid = clone_call(SIGUSR1, return_argument, (void *)3);
	await_zombie(pid);
	check_exits(pid, 3);
	signal(SIGCHLD, SIG_IGN);
	pid = clone_call(SIGUSR1, return_argument, (void *)4);
	await_zombie(pid);
	check_exits(pid, 4);
	pid = clone_call(0, return_argument, (void *)5);
	await_zombie(pid);
	check_exits(pid, 5);
	pid = clone_call(SIGCHLD, return_argument, (void *)6);
	check_eq(raw_wait4(pid, NULL, __WALL, NULL), -ECHILD);
}

static void nocldwait_is_about_sigchld_only(void)
{
	pid_t pid;

	set_handler(SIGCHLD, count_signal, SA_NOCLDWAIT | SA_RESTART);
	set_handler(SIGUSR1, count_signal, SA_NOCLDWAIT | SA_RESTART);
	pid = clone_call(SIGUSR1, return_argument, (void *)4);
	await_zombie(pid);
	check_exits(pid, 4);
	check_eq(caught[SIGCHLD], 0);
	pid = clone_call(SIGCHLD, return_argument, (void *)6);
	check_eq(raw_wait4(pid, NULL, __WALL, NULL), -ECHILD);
}

/* ---- what changes the exit signal ---- */

static int exit_in_turn(void *argument)
{
	await_turn(1);
	return (int)(long)argument;
}

enum { GATE = 50 };

/* The new program is told by SIGCHLD, not by a signal it has not asked for. */
static void exec_by_the_parent_makes_it_sigchld(void)
{
	static const char *const signals[] = {"10", "12", "40"};

	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		char number[16];
		int gate[2];
		pid_t pid;

		begin_turns();
		make_pipe(gate);
		check_eq(dup2(gate[1], GATE), GATE);
		pid = tap_fork();
		if (pid == 0) {
			int child = clone_call(atoi(signals[i]), exit_in_turn, (void *)3);

			snprintf(number, sizeof(number), "%d", child);
			block_all_signals();
			raw_exec_helper("parent", number, signals[i]);
			_exit(126);
		}
		check_eq(take_byte(gate[0]), 1);
		give_turn(1);
		check_exits(pid, 0);
	}
}

static int exec_and_exit(void *argument)
{
	raw_exec_helper("exit", "3", NULL);
	return 126;
}

static void exec_by_the_child_makes_it_sigchld(void)
{
	static const int signals[] = {0, SIGUSR1, 40, 200};

	block_all_signals();
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		sigset_t pending, set;
		const struct timespec none = {0, 0};
		pid_t pid = clone_call(signals[i], exec_and_exit, NULL);
		int status;

		await_zombie(pid);
		check_eq(raw_wait4(pid, NULL, __WCLONE, NULL), -ECHILD);
		check_eq(raw_wait4(pid, &status, 0, NULL), pid);
		check_eq(status, 3 << 8);
		check_call(sigpending(&pending));
		check(sigismember(&pending, SIGCHLD));
		check(!signals[i] || signals[i] > 64 || !sigismember(&pending, signals[i]));
		sigemptyset(&set);
		sigaddset(&set, SIGCHLD);
		check_eq(sigtimedwait(&set, NULL, &none), SIGCHLD);
	}
}

static void clone_and_leave(void *argument)
{
	turn[1] = clone_call((unsigned long)argument, exit_in_turn, (void *)4);
}

static void new_parent_is_told_by_sigchld(void)
{
	static const long signals[] = {0, SIGUSR1, SIGTERM, SIGKILL, 200};

	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		int status;

		begin_turns();
		check_child(clone_and_leave, (void *)signals[i]);
		caught[SIGCHLD] = 0;
		give_turn(1);
		check_eq(raw_wait4(turn[1], &status, 0, NULL), turn[1]);
		check_eq(status, 4 << 8);
		while (!caught[SIGCHLD])
			sched_yield();
	}
}

static int clone_in_a_thread(void *argument)
{
	set(&turn[1], raw_clone_call(SIGUSR1, new_stack(), NULL, NULL, 0, exit_in_turn, (void *)4));
	return 0;
}

/* A child handed to another thread of the same process keeps its exit signal. */
static void end_of_the_cloning_thread_changes_nothing(void)
{
	struct thread thread;

	begin_turns();
	set_handler(SIGUSR1, count_signal, SA_RESTART);
	thread_start(&thread, clone_in_a_thread, NULL);
	thread_join(&thread);
	give_turn(1);
	await_zombie(turn[1]);
	check_eq(raw_wait4(turn[1], NULL, 0, NULL), -ECHILD);
	check_exits(turn[1], 4);
	while (!caught[SIGUSR1])
		sched_yield();
}

/*
 * `parent CHILD SIGNAL`: the child ends once GATE has said that this program runs, and that is told by
 * SIGCHLD; exit with 0 then.
 */
static int helper_parent(int child, int number)
{
	const struct timespec none = {0, 0};
	siginfo_t info;
	sigset_t set;

	if (write(GATE, "\1", 1) != 1)
		return 5;
	sigfillset(&set);
	if (sigwaitinfo(&set, &info) != SIGCHLD || info.si_pid != child || info.si_status != 3)
		return 1;
	if (sigtimedwait(&set, NULL, &none) == number)
		return 2;
	/* The kind of wait stays what it was. */
	if (raw_wait4(child, NULL, 0, NULL) != -ECHILD)
		return 3;
	return raw_wait4(child, NULL, __WCLONE, NULL) == child ? 0 : 4;
}

static int helper(int argc, char **argv)
{
	if (strcmp(argv[0], "parent") == 0 && argc == 3)
		return helper_parent(atoi(argv[1]), atoi(argv[2]));
	return argc == 2 ? atoi(argv[1]) : 125;
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
	TEST(every_exit_signal_but_sigchld_needs_wclone,
	     "CSIGNAL: of 0 to 255 only SIGCHLD needs no __WCLONE, and refuses it"),
	TEST(clone3_takes_the_signals_there_are, "CSIGNAL: clone3 takes 0 to 64 and sends them"),
	TEST(exit_signal_tells_how_the_child_ended,
	     "CSIGNAL: another exit signal also tells who killed the child"),
	TEST(exit_signal_tells_the_child_s_user,
	     "CSIGNAL: the exit signal tells the user that the child has become"),
	TEST(realtime_exit_signals_queue,
	     "CSIGNAL: real-time exit signals of several children queue, others do not"),
	TEST(stop_of_the_child_sends_sigchld_all_the_same,
	     "CSIGNAL: the child's stop is told by SIGCHLD all the same"),
	TEST(exit_signal_may_stop_the_parent, "CSIGNAL: exit signal SIGSTOP stops the parent"),
	TEST(ignoring_other_exit_signals_keeps_zombies,
	     "CSIGNAL: a child whose exit signal is ignored becomes a zombie, unless it is SIGCHLD"),
	TEST(nocldwait_is_about_sigchld_only,
	     "CSIGNAL: SA_NOCLDWAIT is about children that end with SIGCHLD"),
	TEST(exec_by_the_parent_makes_it_sigchld,
	     "CSIGNAL: after exec by the parent the end is told by SIGCHLD, but needs __WCLONE"),
	TEST(exec_by_the_child_makes_it_sigchld,
	     "CSIGNAL: after exec by the child it is SIGCHLD for signal and wait"),
	TEST(new_parent_is_told_by_sigchld, "CSIGNAL: a new parent is told by SIGCHLD"),
	TEST(end_of_the_cloning_thread_changes_nothing,
	     "CSIGNAL: the end of the thread that cloned leaves the exit signal"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
