/*
 * Signals: what is done with them, who gets them and when, what fork and exec make of them. What a
 * handler finds on its stack and in its registers is in signal-frames.c, stopping and continuing in
 * stop.c.
 */
#include "helpers.h"

static volatile int *shared;

static void pause_for_ever(void *argument)
{
	if (shared)
		set(&shared[0], 1);
	for (;;)
		pause();
}

static void raise_it(void *argument)
{
	raw2(SYS_kill, getpid(), (long)argument);
	_exit(0);
}

/* ---- dispositions ---- */

static void default_actions(void)
{
	static const int deadly[] = {SIGHUP,    SIGINT,  SIGQUIT, SIGILL,  SIGTRAP, SIGABRT,
				     SIGBUS,    SIGFPE,  SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
				     SIGPIPE,   SIGALRM, SIGTERM, 16,      SIGXCPU, SIGXFSZ,
				     SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGSYS,  32,
				     40,        64};
	static const int harmless[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};

	for (size_t i = 0; i < TAP_COUNT(deadly); i++)
		check_dies(raise_it, (void *)(long)deadly[i], deadly[i]);
	for (size_t i = 0; i < TAP_COUNT(harmless); i++)
		check_child(raise_it, (void *)(long)harmless[i]);
}

static void sigaction_gives_back_what_was_set(void)
{
	struct sigaction action = {.sa_handler = count_signal,
				   .sa_flags = SA_RESTART | SA_NODEFER | SA_ONSTACK},
			 old;

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGTERM);
	sigaddset(&action.sa_mask, 64);
	sigaddset(&action.sa_mask, SIGKILL);
	check_call(sigaction(SIGUSR1, NULL, &old));
	check(old.sa_handler == SIG_DFL);
	check_call(sigaction(SIGUSR1, &action, &old));
	check(old.sa_handler == SIG_DFL);
	check_call(sigaction(SIGUSR1, NULL, &old));
	check(old.sa_handler == count_signal);
	check_eq(old.sa_flags & (SA_RESTART | SA_NODEFER | SA_ONSTACK | SA_RESETHAND | SA_SIGINFO),
		 SA_RESTART | SA_NODEFER | SA_ONSTACK);
	check(sigismember(&old.sa_mask, SIGTERM) && sigismember(&old.sa_mask, 64) &&
	      !sigismember(&old.sa_mask, SIGHUP));
	check(!sigismember(&old.sa_mask, SIGKILL));
}

/* The kernel's own struct sigaction. */
struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask;
};

static void sigaction_errors(void)
{
	struct kernel_action action = {.handler = SIG_IGN};

	check_eq(raw4(SYS_rt_sigaction, SIGKILL, &action, NULL, 8), -EINVAL);
	check_eq(raw4(SYS_rt_sigaction, SIGSTOP, &action, NULL, 8), -EINVAL);
	check_eq(raw4(SYS_rt_sigaction, 0, &action, NULL, 8), -EINVAL);
	check_eq(raw4(SYS_rt_sigaction, 65, &action, NULL, 8), -EINVAL);
	check_eq(raw4(SYS_rt_sigaction, -1, NULL, NULL, 8), -EINVAL);
	check_eq(raw4(SYS_rt_sigaction, SIGUSR1, &action, NULL, 4), -EINVAL);
	check_eq(raw4(SYS_rt_sigaction, SIGUSR1, &action, NULL, 16), -EINVAL);
	check_eq(raw4(SYS_rt_sigaction, SIGUSR1, UNMAPPED_ADDRESS, NULL, 8), -EFAULT);
	check_eq(raw4(SYS_rt_sigaction, SIGUSR1, NULL, UNMAPPED_ADDRESS, 8), -EFAULT);
	check_eq(raw4(SYS_rt_sigaction, SIGKILL, NULL, &action, 8), 0);
	check(action.handler == SIG_DFL);
}

static void handler_runs_with_the_signals_number(void)
{
	static const int numbers[] = {1, SIGCHLD, SIGCONT, SIGSEGV, 31, 40, 64};

	for (size_t i = 0; i < TAP_COUNT(numbers); i++) {
		set_handler(numbers[i], count_signal, 0);
		check_call(raw2(SYS_kill, getpid(), numbers[i]) == 0 ? 0 : -1);
		check_eq(caught[numbers[i]], 1);
	}
}

static void ignored_signals_are_not_even_pending(void)
{
	signal(SIGUSR1, SIG_IGN);
	check_call(raise(SIGUSR1));
	check(!is_pending(SIGUSR1));
	/* A blocked one is kept, in case it is not ignored later. */
	block_signal(SIGUSR1);
	check_call(kill(getpid(), SIGUSR1));
	check(is_pending(SIGUSR1));
	/* Setting it to be ignored throws it away. */
	signal(SIGUSR1, SIG_IGN);
	check(!is_pending(SIGUSR1));
	check_call(kill(getpid(), SIGUSR1));
	set_handler(SIGUSR1, count_signal, 0);
	unblock_signal(SIGUSR1);
	check_eq(caught[SIGUSR1], 1);
}

static void default_of_sigchld_throws_pending_ones_away(void)
{
	set_handler(SIGCHLD, count_signal, 0);
	block_signal(SIGCHLD);
	check_call(raise(SIGCHLD));
	check(is_pending(SIGCHLD));
	signal(SIGCHLD, SIG_DFL);
	check(!is_pending(SIGCHLD));
}

/* ---- masks ---- */

static void blocked_signal_waits(void)
{
	set_handler(SIGUSR1, count_signal, 0);
	block_signal(SIGUSR1);
	check_call(kill(getpid(), SIGUSR1));
	check_call(kill(getpid(), SIGUSR1));
	check_call(kill(getpid(), SIGUSR1));
	check(is_pending(SIGUSR1));
	check_eq(caught[SIGUSR1], 0);
	unblock_signal(SIGUSR1);
	check_eq(caught[SIGUSR1], 1);
	check(!is_pending(SIGUSR1));
}

static void realtime_signals_queue_up(void)
{
	set_handler(40, count_signal, 0);
	block_signal(40);
	for (int i = 0; i < 5; i++)
		check_call(kill(getpid(), 40));
	unblock_signal(40);
	check_eq(caught[40], 5);
}

static void sigprocmask_rules(void)
{
	unsigned long set = 1UL << (SIGUSR1 - 1) | 1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1),
		      old = 1;

	check_eq(raw4(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, 8), 0);
	check_eq(old, 0);
	check_eq(raw4(SYS_rt_sigprocmask, 99, NULL, &old, 8), 0);
	check_eq(old, 1UL << (SIGUSR1 - 1));
	set = 1UL << (SIGHUP - 1);
	check_eq(raw4(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8), 0);
	set = 1UL << (SIGUSR1 - 1);
	check_eq(raw4(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8), 0);
	check_eq(raw4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &old, 8), 0);
	check_eq(old, 1UL << (SIGHUP - 1));
	check_eq(raw4(SYS_rt_sigprocmask, 99, &set, NULL, 8), -EINVAL);
	check_eq(raw4(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, 4), -EINVAL);
	check_eq(raw4(SYS_rt_sigprocmask, SIG_SETMASK, UNMAPPED_ADDRESS, NULL, 8), -EFAULT);
	check_eq(raw4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, UNMAPPED_ADDRESS, 8), -EFAULT);
}

static volatile int blocked_inside[65];

static void note_mask(int number)
{
	for (int i = 1; i < 65; i++)
		blocked_inside[i] = is_blocked(i);
	add(&caught[number], 1);
}

static void handler_runs_with_its_mask(void)
{
	struct sigaction action = {.sa_handler = note_mask};

	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR2);
	check_call(sigaction(SIGUSR1, &action, NULL));
	block_signal(SIGHUP);
	check_call(raise(SIGUSR1));
	check(blocked_inside[SIGUSR1] && blocked_inside[SIGUSR2] && blocked_inside[SIGHUP] &&
	      !blocked_inside[SIGTERM]);
	check(!is_blocked(SIGUSR1) && !is_blocked(SIGUSR2) && is_blocked(SIGHUP));
	action.sa_flags = SA_NODEFER;
	check_call(sigaction(SIGUSR1, &action, NULL));
	check_call(raise(SIGUSR1));
	check(!blocked_inside[SIGUSR1] && blocked_inside[SIGUSR2]);
}

static void resethand_works_once(void)
{
	struct sigaction action;

	set_handler(SIGUSR1, note_mask, SA_RESETHAND);
	check_call(raise(SIGUSR1));
	check_eq(caught[SIGUSR1], 1);
	check(blocked_inside[SIGUSR1]);
	check_call(sigaction(SIGUSR1, NULL, &action));
	check(action.sa_handler == SIG_DFL);
	check_dies(raise_it, (void *)(long)SIGUSR1, SIGUSR1);
}

static volatile int depth, deepest, runs;

/*
 * Raises itself until it has run five times; how deep it gets depends on whether it may interrupt
 * itself.
 */
static void raise_again(int number)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (++runs < 5)
		raise(number);
	depth--;
}

static void nodefer_lets_a_handler_interrupt_itself(void)
{
	set_handler(SIGUSR1, raise_again, SA_NODEFER);
	check_call(raise(SIGUSR1));
	check_eq(runs, 5);
	check_eq(deepest, 5);
	check_eq(depth, 0);
	runs = deepest = 0;
	set_handler(SIGUSR1, raise_again, 0);
	check_call(raise(SIGUSR1));
	check_eq(runs, 5);
	check_eq(deepest, 1);
	check_eq(depth, 0);
}

static volatile int order[8], count;

static void note_order(int number)
{
	if (count < 8)
		order[count++] = number;
}

/* Both handlers are entered before either runs: the one set up last runs first. */
static void signals_unblocked_together(void)
{
	struct sigaction action = {.sa_handler = note_order};
	static const int numbers[] = {SIGUSR1, SIGHUP, SIGUSR2, SIGTERM};
	unsigned long all = ~0UL, none = 0;

	for (int round = 0; round < 2; round++) {
		memset((void *)order, 0, sizeof(order));
		count = 0;
		if (round)
			sigfillset(&action.sa_mask);
		else
			sigemptyset(&action.sa_mask);
		for (size_t i = 0; i < TAP_COUNT(numbers); i++)
			check_call(sigaction(numbers[i], &action, NULL));
		raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8);
		for (size_t i = 0; i < TAP_COUNT(numbers); i++)
			check_call(kill(getpid(), numbers[i]));
		raw4(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
		check_eq(count, 4);
		check_eq(order[round ? 0 : 3], SIGHUP);
		check_eq(order[round ? 1 : 2], SIGUSR1);
		check_eq(order[round ? 2 : 1], SIGUSR2);
		check_eq(order[round ? 3 : 0], SIGTERM);
	}
}

static void sigsuspend_waits_with_another_mask(void)
{
	sigset_t mask;

	set_handler(SIGUSR1, note_mask, 0);
	set_handler(SIGUSR2, count_signal, 0);
	block_signal(SIGUSR1);
	block_signal(SIGUSR2);
	check_call(raise(SIGUSR1));
	check_call(raise(SIGUSR2));
	sigfillset(&mask);
	sigdelset(&mask, SIGUSR1);
	check_errno(sigsuspend(&mask), EINTR);
	check_eq(caught[SIGUSR1], 1);
	check_eq(caught[SIGUSR2], 0);
	/* The handler ran with the mask given, and now the old one is back. */
	check(blocked_inside[SIGHUP]);
	check(is_blocked(SIGUSR1) && is_blocked(SIGUSR2) && !is_blocked(SIGHUP));
	check_eq(raw2(SYS_rt_sigsuspend, &mask, 4), -EINVAL);
	check_eq(raw2(SYS_rt_sigsuspend, UNMAPPED_ADDRESS, 8), -EFAULT);
}

static void sigsuspend_sleeps_until_another_process_signals(void)
{
	sigset_t none;
	pid_t pid;

	set_handler(SIGUSR1, count_signal, 0);
	block_signal(SIGUSR1);
	sigemptyset(&none);
	for (int i = 1; i <= 10; i++) {
		pid = tap_fork();
		if (pid == 0)
			raise_it((kill(getppid(), SIGUSR1), (void *)0));
		check_errno(sigsuspend(&none), EINTR);
		check_eq(caught[SIGUSR1], i);
		check_exits(pid, 0);
	}
}

/* ---- who gets it ---- */

static void kill_errors(void)
{
	check_errno(kill(NO_SUCH_PID, SIGTERM), ESRCH);
	check_errno(kill(NO_SUCH_PID, 0), ESRCH);
	check_errno(kill(-NO_SUCH_PID, SIGTERM), ESRCH);
	check_errno(kill(getpid(), 65), EINVAL);
	check_errno(kill(getpid(), -1), EINVAL);
	check_errno(kill(NO_SUCH_PID, 65), ESRCH);
	check_call(kill(getpid(), 0));
	check_eq(raw2(SYS_kill, 0x80000000, 0), -ESRCH);
	check_eq(raw2(SYS_tkill, 0, 0), -EINVAL);
	check_eq(raw2(SYS_tkill, -1, 0), -EINVAL);
	check_eq(raw2(SYS_tkill, NO_SUCH_PID, 0), -ESRCH);
	check_eq(raw3(SYS_tgkill, getpid(), 0, 0), -EINVAL);
	check_eq(raw3(SYS_tgkill, 0, getpid(), 0), -EINVAL);
	check_eq(raw3(SYS_tgkill, getppid(), getpid(), 0), -ESRCH);
	check_eq(raw3(SYS_tgkill, getpid(), getpid(), 65), -EINVAL);
	check_eq(raw3(SYS_tgkill, getpid(), getpid(), 0), 0);
}

static void kill_another_users_process(void *argument)
{
	check_call(setgid(1000));
	check_call(setuid(1000));
	check_errno(kill((long)argument, SIGTERM), EPERM);
	check_errno(kill((long)argument, 0), EPERM);
	check_errno(kill(1, 0), EPERM);
	check_call(kill(getpid(), 0));
}

static void another_users_process_is_eperm(void)
{
	if (geteuid() == 0)
		check_child(kill_another_users_process, (void *)(long)getpid());
}

static void group_member(void *argument)
{
	die_with_the_parent();
	set_handler(SIGUSR1, count_signal, 0);
	add(&shared[0], 1);
	while (!caught[SIGUSR1])
		sched_yield();
	_exit(4);
}

static void kill_reaches_a_whole_group(void)
{
	pid_t pids[3], group = 0, bystander;

	shared = tap_shared(4096);
	signal(SIGUSR1, SIG_IGN);
	bystander = tap_child(pause_for_ever, NULL);
	tap_await(&shared[0], 1);
	set(&shared[0], 0);
	for (int i = 0; i < 3; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			setpgid(0, group);
			group_member(NULL);
		}
		check_call(setpgid(pids[i], group));
		if (!group)
			group = pids[0];
	}
	tap_await(&shared[0], 3);
	check_call(kill(-group, 0));
	check_call(kill(-group, SIGUSR1));
	for (int i = 0; i < 3; i++)
		check_exits(pids[i], 4);
	check_errno(kill(-group, 0), ESRCH);
	check_eq(waitpid(bystander, NULL, WNOHANG), 0);
	kill(bystander, SIGKILL);
	check_killed(bystander, SIGKILL);
}

static void signal_own_group(void *argument)
{
	pid_t pid;

	die_with_the_parent();
	check_call(setpgid(0, 0));
	set_handler(SIGUSR1, count_signal, SA_RESTART);
	pid = tap_child(group_member, NULL);
	tap_await(&shared[0], 1);
	check_call(kill(0, SIGUSR1));
	check_eq(caught[SIGUSR1], 1);
	check_exits(pid, 4);
}

static void kill_zero_reaches_ones_own_group(void)
{
	shared = tap_shared(4096);
	check_child(signal_own_group, NULL);
}

static volatile long handler_tid;

static void note_tid(int number)
{
	handler_tid = raw_gettid();
	add(&caught[number], 1);
}

static int wait_for_signal(void *argument)
{
	set(&shared[0], 1);
	while (!get(&caught[SIGUSR1]))
		raw0(SYS_sched_yield);
	return 0;
}

static void tgkill_reaches_one_thread(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	set_handler(SIGUSR1, note_tid, 0);
	thread_start(&thread, wait_for_signal, NULL);
	tap_await(&shared[0], 1);
	check_eq(raw3(SYS_tgkill, getpid(), thread.tid, SIGUSR1), 0);
	thread_join(&thread);
	check_eq(handler_tid, thread.tid);
	caught[SIGUSR1] = 0;
	thread_start(&thread, wait_for_signal, NULL);
	check_eq(raw3(SYS_tgkill, getpid(), getpid(), SIGUSR1), 0);
	check_eq(handler_tid, getpid());
	thread_join(&thread);
}

static void kill_finds_a_thread_that_lets_it_in(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	set_handler(SIGUSR1, note_tid, 0);
	thread_start(&thread, wait_for_signal, NULL);
	tap_await(&shared[0], 1);
	block_signal(SIGUSR1);
	check_call(kill(getpid(), SIGUSR1));
	thread_join(&thread);
	check_eq(handler_tid, thread.tid);
	check_eq(caught[SIGUSR1], 1);
	check(!is_pending(SIGUSR1));
}

static int block_in_thread(void *argument)
{
	unsigned long usr1 = 1UL << (SIGUSR1 - 1);

	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8);
	set(&shared[0], 1);
	raw_await(&shared[1], 1);
	return 0;
}

static void mask_belongs_to_the_thread(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	set_handler(SIGUSR1, note_tid, 0);
	thread_start(&thread, block_in_thread, NULL);
	tap_await(&shared[0], 1);
	check(!is_blocked(SIGUSR1));
	check_eq(raw3(SYS_tgkill, getpid(), thread.tid, SIGUSR1), 0);
	settle();
	check_eq(caught[SIGUSR1], 0);
	check(!is_pending(SIGUSR1));
	set(&shared[1], 1);
	thread_join(&thread);
	check_eq(caught[SIGUSR1], 0);
}

static siginfo_t last_info;

static void keep_info(int number, siginfo_t *info, void *context)
{
	last_info = *info;
	add(&caught[number], 1);
}

static void siginfo_tells_the_sender(void)
{
	pid_t pid;

	set_info_handler(SIGUSR1, keep_info, 0);
	block_signal(SIGUSR1);
	pid = tap_fork();
	if (pid == 0) {
		kill(getppid(), SIGUSR1);
		_exit(0);
	}
	check_exits(pid, 0);
	unblock_signal(SIGUSR1);
	check_eq(caught[SIGUSR1], 1);
	check_eq(last_info.si_signo, SIGUSR1);
	check_eq(last_info.si_errno, 0);
	check_eq(last_info.si_code, SI_USER);
	check_eq(last_info.si_pid, pid);
	check_eq(last_info.si_uid, getuid());
	check_eq(raw2(SYS_tkill, getpid(), SIGUSR1), 0);
	check_eq(caught[SIGUSR1], 2);
	check_eq(last_info.si_code, SI_TKILL);
	check_eq(last_info.si_pid, getpid());
}

/* ---- SIGCHLD ---- */

static void exit_with(void *argument)
{
	_exit((int)(long)argument);
}

static void sigchld_tells_how_the_child_ended(void)
{
	pid_t pid;

	set_info_handler(SIGCHLD, keep_info, SA_RESTART);
	pid = tap_child(exit_with, (void *)6);
	tap_await(&caught[SIGCHLD], 1);
	check_eq(last_info.si_signo, SIGCHLD);
	check_eq(last_info.si_code, CLD_EXITED);
	check_eq(last_info.si_pid, pid);
	check_eq(last_info.si_uid, getuid());
	check_eq(last_info.si_status, 6);
	check_exits(pid, 6);
	shared = tap_shared(4096);
	pid = tap_child(pause_for_ever, NULL);
	check_call(kill(pid, SIGKILL));
	tap_await(&caught[SIGCHLD], 2);
	check_eq(last_info.si_code, CLD_KILLED);
	check_eq(last_info.si_pid, pid);
	check_eq(last_info.si_status, SIGKILL);
	check_killed(pid, SIGKILL);
	check_eq(caught[SIGCHLD], 2);
}

static void sigchld_is_there_before_wait_returns(void)
{
	for (int i = 0; i < 20; i++) {
		set_handler(SIGCHLD, count_signal, SA_RESTART);
		check_child(exit_with, NULL);
		check_eq(caught[SIGCHLD], i + 1);
	}
}

/* ---- fork and exec ---- */

static void child_of_a_handled_signal(void *argument)
{
	check(is_blocked(SIGHUP));
	check(!is_pending(SIGHUP));
	check_call(raise(SIGUSR1));
	check_eq(caught[SIGUSR1], 1);
	check_call(raise(SIGUSR2));
}

static void fork_copies_handlers_and_mask_but_not_what_is_pending(void)
{
	set_handler(SIGUSR1, count_signal, 0);
	signal(SIGUSR2, SIG_IGN);
	block_signal(SIGHUP);
	check_call(raise(SIGHUP));
	check(is_pending(SIGHUP));
	check_child(child_of_a_handled_signal, NULL);
	check_eq(caught[SIGUSR1], 0);
	check(is_pending(SIGHUP));
}

static void fork_in_a_handler(int number)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(is_blocked(SIGUSR1) ? 3 : 4);
	check_exits(pid, 3);
	pid = tap_fork();
	caught[number]++;
	if (pid == 0)
		return;
	check_exits(pid, 5);
}

static void fork_inside_a_handler(void)
{
	pid_t self = getpid();

	set_handler(SIGUSR1, fork_in_a_handler, 0);
	check_call(raise(SIGUSR1));
	/* Parent and child both come back from the handler, each once. */
	check_eq(caught[SIGUSR1], 1);
	check(!is_blocked(SIGUSR1));
	if (getpid() != self)
		_exit(5);
}

static const struct test_case cases[] = {
	TEST(default_actions, "signals: what each does by default"),
	TEST(sigaction_gives_back_what_was_set,
	     "signals: sigaction gives back what was set, without SIGKILL in the mask"),
	TEST(sigaction_errors, "signals: sigaction's errors"),
	TEST(handler_runs_with_the_signals_number,
	     "signals: a handler runs with the signal's number"),
	TEST(ignored_signals_are_not_even_pending,
	     "signals: an ignored signal is thrown away, a blocked one is kept"),
	TEST(default_of_sigchld_throws_pending_ones_away,
	     "signals: SIG_DFL for SIGCHLD throws a pending one away"),
	TEST(blocked_signal_waits,
	     "signals: a blocked signal waits, and comes once however often it was sent"),
	TEST(realtime_signals_queue_up,
	     "signals: real-time signals come as often as they were sent"),
	TEST(sigprocmask_rules,
	     "signals: sigprocmask: block, unblock, set, and errors; SIGKILL and SIGSTOP stay"),
	TEST(handler_runs_with_its_mask,
	     "signals: a handler runs with its mask and its own signal blocked"),
	TEST(resethand_works_once, "signals: SA_RESETHAND: the handler runs once"),
	TEST(nodefer_lets_a_handler_interrupt_itself,
	     "signals: SA_NODEFER: a handler can interrupt itself, to any depth"),
	TEST(signals_unblocked_together,
	     "signals: unblocked together the highest runs first, with full masks the lowest"),
	TEST(sigsuspend_waits_with_another_mask,
	     "signals: sigsuspend waits with another mask and puts the old one back"),
	TEST(sigsuspend_sleeps_until_another_process_signals,
	     "signals: sigsuspend sleeps until another process signals"),
	TEST(kill_errors, "signals: the errors of kill, tkill and tgkill, in order"),
	TEST(another_users_process_is_eperm, "signals: another user's process is EPERM"),
	TEST(kill_reaches_a_whole_group,
	     "signals: kill of a group reaches all of it and nobody else"),
	TEST(kill_zero_reaches_ones_own_group,
	     "signals: kill of 0 reaches one's own group and oneself"),
	TEST(tgkill_reaches_one_thread, "signals: tgkill reaches the thread it names"),
	TEST(kill_finds_a_thread_that_lets_it_in,
	     "signals: kill finds a thread that does not block the signal"),
	TEST(mask_belongs_to_the_thread, "signals: the mask is the thread's own"),
	TEST(siginfo_tells_the_sender, "signals: siginfo tells the sender and the way it was sent"),
	TEST(sigchld_tells_how_the_child_ended, "signals: SIGCHLD tells which child ended and how"),
	TEST(sigchld_is_there_before_wait_returns,
	     "signals: SIGCHLD has been handled when wait returns"),
	TEST(fork_copies_handlers_and_mask_but_not_what_is_pending,
	     "signals: fork copies handlers and mask, but nothing that is pending"),
	TEST(fork_inside_a_handler, "signals: fork in a handler: both return from it"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
