/*
 * Stopping and continuing: what stops a process, what its parent is told, by wait and by SIGCHLD,
 * and what becomes of signals meanwhile.
 */
#include "helpers.h"

static volatile int *shared;

static void count_up(void *argument)
{
	set(&shared[0], 1);
	for (;;)
		add(&shared[1], 1);
}

/* A child that counts at shared[1], and counts already. */
static pid_t start_counting(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(count_up, NULL);
	tap_await(&shared[1], 1);
	return pid;
}

static void check_stopped(pid_t pid, int number)
{
	int status;

	check_eq(raw_wait4(pid, &status, WUNTRACED, NULL), pid);
	check_eq(status, number << 8 | 0x7f);
}

static void check_continued(pid_t pid)
{
	int status;

	check_eq(raw_wait4(pid, &status, WCONTINUED, NULL), pid);
	check_eq(status, 0xffff);
}

static void check_counting(int is_counting)
{
	int before = shared[1];

	if (is_counting) {
		tap_await(&shared[1], before + 1);
	} else {
		settle();
		check_eq(shared[1], before);
	}
}

static void end_it(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void sigstop_stops_and_sigcont_continues(void)
{
	pid_t pid = start_counting();

	for (int i = 0; i < 3; i++) {
		check_call(kill(pid, SIGSTOP));
		check_stopped(pid, SIGSTOP);
		check_counting(0);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
		check_counting(1);
	}
	end_it(pid);
}

static void stop_is_told_only_on_demand(void)
{
	pid_t pid = start_counting();
	siginfo_t info;

	check_call(kill(pid, SIGSTOP));
	check_eq(raw_waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT, NULL), 0);
	check_eq(raw_wait4(pid, NULL, WNOHANG, NULL), 0);
	check_eq(raw_wait4(pid, NULL, WNOHANG | WCONTINUED, NULL), 0);
	info.si_pid = 5;
	check_eq(raw_waitid(P_PID, pid, &info, WEXITED | WNOHANG, NULL), 0);
	check_eq(info.si_pid, 0);
	check_stopped(pid, SIGSTOP);
	end_it(pid);
}

static void stop_is_told_once(void)
{
	pid_t pid = start_counting();
	siginfo_t info;

	check_call(kill(pid, SIGSTOP));
	for (int i = 0; i < 3; i++) {
		check_eq(raw_waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT, NULL), 0);
		check_eq(info.si_signo, SIGCHLD);
		check_eq(info.si_code, CLD_STOPPED);
		check_eq(info.si_status, SIGSTOP);
		check_eq(info.si_pid, pid);
	}
	check_stopped(pid, SIGSTOP);
	check_eq(raw_wait4(pid, NULL, WUNTRACED | WNOHANG, NULL), 0);
	check_call(kill(pid, SIGCONT));
	for (int i = 0; i < 3; i++) {
		check_eq(raw_waitid(P_PID, pid, &info, WCONTINUED | WNOWAIT, NULL), 0);
		check_eq(info.si_code, CLD_CONTINUED);
		check_eq(info.si_status, SIGCONT);
	}
	check_continued(pid);
	check_eq(raw_wait4(pid, NULL, WCONTINUED | WNOHANG, NULL), 0);
	end_it(pid);
}

static void sigcont_erases_a_stop_not_yet_told(void)
{
	pid_t pid = start_counting();
	siginfo_t info;

	check_call(kill(pid, SIGSTOP));
	check_eq(raw_waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT, NULL), 0);
	check_call(kill(pid, SIGCONT));
	check_eq(raw_wait4(pid, NULL, WUNTRACED | WNOHANG, NULL), 0);
	check_continued(pid);
	end_it(pid);
}

static void a_new_stop_erases_a_continue_not_yet_told(void)
{
	pid_t pid = start_counting();
	siginfo_t info;

	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	check_call(kill(pid, SIGCONT));
	check_eq(raw_waitid(P_PID, pid, &info, WCONTINUED | WNOWAIT, NULL), 0);
	check_call(kill(pid, SIGSTOP));
	check_eq(raw_waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT, NULL), 0);
	check_eq(raw_wait4(pid, NULL, WCONTINUED | WNOHANG, NULL), 0);
	check_stopped(pid, SIGSTOP);
	end_it(pid);
}

static void sigkill_ends_a_stopped_process(void)
{
	pid_t pid = start_counting();

	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	end_it(pid);
}

static void other_signals_wait_until_it_goes_on(void)
{
	pid_t pid = start_counting();

	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	check_call(kill(pid, SIGTERM));
	settle();
	check_eq(raw_wait4(pid, NULL, WNOHANG, NULL), 0);
	check_call(kill(pid, SIGCONT));
	check_killed(pid, SIGTERM);
}

static void stopped_twice_continues_at_once(void)
{
	pid_t pid = start_counting();

	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	check_call(kill(pid, SIGSTOP));
	check_call(kill(pid, SIGSTOP));
	check_call(kill(pid, SIGCONT));
	check_continued(pid);
	check_counting(1);
	check_eq(raw_wait4(pid, NULL, WUNTRACED | WNOHANG, NULL), 0);
	end_it(pid);
}

static void terminal_stops_stop_by_default(void)
{
	static const int signals[] = {SIGTSTP, SIGTTIN, SIGTTOU};

	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t pid = start_counting();
		check_call(kill(pid, signals[i]));
		check_stopped(pid, signals[i]);
		check_counting(0);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
		end_it(pid);
	}
}

static void note_in_shared(int number)
{
	add(&shared[2], number);
}

static void handle_stops(void *argument)
{
	set_handler(SIGTSTP, note_in_shared, 0);
	set_handler(SIGCONT, note_in_shared, 0);
	signal(SIGTTIN, SIG_IGN);
	block_signal(SIGTTOU);
	count_up(NULL);
}

static void handled_ignored_and_blocked_stops_do_not(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(handle_stops, NULL);
	tap_await(&shared[1], 1);
	check_call(kill(pid, SIGTSTP));
	tap_await(&shared[2], SIGTSTP);
	check_call(kill(pid, SIGTTIN));
	check_call(kill(pid, SIGTTOU));
	check_counting(1);
	check_eq(raw_wait4(pid, NULL, WUNTRACED | WNOHANG, NULL), 0);
	/* SIGCONT is handled although nothing is stopped. */
	check_call(kill(pid, SIGCONT));
	tap_await(&shared[2], SIGTSTP + SIGCONT);
	check_eq(raw_wait4(pid, NULL, WCONTINUED | WNOHANG, NULL), 0);
	end_it(pid);
}

static void handle_cont_and_stop(void *argument)
{
	set_handler(SIGCONT, note_in_shared, 0);
	if (argument)
		block_signal(SIGCONT);
	raise(SIGSTOP);
	set(&shared[3], 1);
	if (argument) {
		check(is_pending(SIGCONT));
		check_eq(shared[2], 0);
	} else {
		check_eq(shared[2], SIGCONT);
	}
}

static void sigcont_continues_even_if_it_is_blocked(void)
{
	for (long blocked = 0; blocked < 2; blocked++) {
		pid_t pid;

		shared = tap_shared(4096);
		pid = tap_child(handle_cont_and_stop, (void *)blocked);
		check_stopped(pid, SIGSTOP);
		check_eq(shared[3], 0);
		check_call(kill(pid, SIGCONT));
		check_exits(pid, 0);
		check_eq(shared[3], 1);
	}
}

static void cont_and_stop_erase_each_other(void)
{
	block_signal(SIGCONT);
	block_signal(SIGTSTP);
	set_handler(SIGCONT, count_signal, 0);
	set_handler(SIGTSTP, count_signal, 0);
	check_call(raise(SIGTSTP));
	check(is_pending(SIGTSTP));
	check_call(raise(SIGCONT));
	check(is_pending(SIGCONT) && !is_pending(SIGTSTP));
	check_call(raise(SIGTSTP));
	check(!is_pending(SIGCONT) && is_pending(SIGTSTP));
	unblock_signal(SIGTSTP);
	check_eq(caught[SIGTSTP], 1);
	check_eq(caught[SIGCONT], 0);
}

/* ---- SIGCHLD for stops ---- */

static siginfo_t last_info;

static void keep_info(int number, siginfo_t *info, void *context)
{
	last_info = *info;
	add(&caught[number], 1);
}

static void sigchld_comes_for_stop_and_continue(void)
{
	pid_t pid = start_counting();

	set_info_handler(SIGCHLD, keep_info, SA_RESTART);
	check_call(kill(pid, SIGSTOP));
	tap_await(&caught[SIGCHLD], 1);
	check_eq(last_info.si_code, CLD_STOPPED);
	check_eq(last_info.si_status, SIGSTOP);
	check_eq(last_info.si_pid, pid);
	check_stopped(pid, SIGSTOP);
	check_call(kill(pid, SIGCONT));
	tap_await(&caught[SIGCHLD], 2);
	check_eq(last_info.si_code, CLD_CONTINUED);
	check_eq(last_info.si_status, SIGCONT);
	check_continued(pid);
	end_it(pid);
	check_eq(caught[SIGCHLD], 3);
}

static void nocldstop_silences_stops_but_not_the_end(void)
{
	pid_t pid = start_counting();

	set_info_handler(SIGCHLD, keep_info, SA_RESTART | SA_NOCLDSTOP);
	for (int i = 0; i < 2; i++) {
		check_call(kill(pid, SIGSTOP));
		check_stopped(pid, SIGSTOP);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
	}
	check_counting(1);
	check_eq(caught[SIGCHLD], 0);
	end_it(pid);
	check_eq(caught[SIGCHLD], 1);
	check_eq(last_info.si_code, CLD_KILLED);
}

/* ---- blocked calls and threads ---- */

static void read_over_a_stop(void *argument)
{
	char byte;

	set(&shared[0], 1);
	if (raw3(SYS_read, *(int *)argument, &byte, 1) != 1)
		_exit(1);
	set(&shared[1], 1);
	_exit(byte);
}

static void stopped_read_goes_on_afterwards(void)
{
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	make_pipe(ends);
	pid = tap_child(read_over_a_stop, &ends[0]);
	tap_await(&shared[0], 1);
	for (int i = 0; i < 3; i++) {
		settle();
		check_call(kill(pid, SIGSTOP));
		check_stopped(pid, SIGSTOP);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
	}
	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	give_byte(ends[1], 9);
	settle();
	check_eq(shared[1], 0);
	check_call(kill(pid, SIGCONT));
	check_exits(pid, 9);
}

static void sleep_over_a_stop(void *argument)
{
	struct timespec time = {0, 50 * 1000 * 1000};

	set(&shared[0], 1);
	_exit(raw2(SYS_nanosleep, &time, NULL) == 0 ? 3 : 4);
}

static void stopped_sleep_goes_on_afterwards(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(sleep_over_a_stop, NULL);
	tap_await(&shared[0], 1);
	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	tap_sleep_ms(10);
	check_call(kill(pid, SIGCONT));
	check_exits(pid, 3);
}

static int count_in_thread(void *argument)
{
	for (;;)
		add(argument, 1);
	return 0;
}

static void count_in_threads(void *argument)
{
	struct thread threads[3];

	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], count_in_thread, (void *)&shared[2 + i]);
	for (int i = 0; i < 3; i++)
		tap_await(&shared[2 + i], 1);
	count_up(NULL);
}

static void all_threads_stop_and_go_on(void)
{
	int before[4];
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(count_in_threads, NULL);
	tap_await(&shared[1], 1);
	for (int round = 0; round < 3; round++) {
		check_call(kill(pid, SIGSTOP));
		check_stopped(pid, SIGSTOP);
		for (int i = 0; i < 4; i++)
			before[i] = shared[1 + i];
		settle();
		for (int i = 0; i < 4; i++)
			check_eq(shared[1 + i], before[i]);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
		for (int i = 0; i < 4; i++)
			tap_await(&shared[1 + i], before[i] + 1);
	}
	end_it(pid);
}

static void stopped_threads_can_be_killed(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(count_in_threads, NULL);
	tap_await(&shared[1], 1);
	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	end_it(pid);
}

static void stop_by_itself(void *argument)
{
	raise(SIGSTOP);
	raw1(SYS_exit_group, argument);
}

static void a_group_is_stopped_and_continued(void)
{
	pid_t pids[3], group = 0;

	for (long i = 0; i < 3; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			die_with_the_parent();
			setpgid(0, group);
			stop_by_itself((void *)i);
		}
		check_call(setpgid(pids[i], group));
		if (!group)
			group = pids[0];
	}
	for (int i = 0; i < 3; i++)
		check_stopped(pids[i], SIGSTOP);
	check_call(kill(-group, SIGCONT));
	for (int i = 0; i < 3; i++)
		check_exits(pids[i], i);
}

static void kill_and_continue(void *argument)
{
	pid_t pid = start_counting();

	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	check_call(kill(pid, SIGKILL));
	check_call(kill(pid, SIGCONT));
	check_killed(pid, SIGKILL);
}

static void sigcont_does_not_save_from_sigkill(void)
{
	check_child(kill_and_continue, NULL);
}

static const struct test_case cases[] = {
	TEST(sigstop_stops_and_sigcont_continues,
	     "stop: SIGSTOP stops, SIGCONT continues, three times"),
	TEST(stop_is_told_only_on_demand, "stop: a stop is told only to who asks for it"),
	TEST(stop_is_told_once,
	     "stop: stop and continue are told once, with WNOWAIT as often as asked"),
	TEST(sigcont_erases_a_stop_not_yet_told,
	     "stop: SIGCONT erases a stop that was not yet told"),
	TEST(a_new_stop_erases_a_continue_not_yet_told,
	     "stop: a new stop erases a continue that was not yet told"),
	TEST(sigkill_ends_a_stopped_process, "stop: SIGKILL ends a stopped process"),
	TEST(other_signals_wait_until_it_goes_on, "stop: other signals wait until it goes on"),
	TEST(stopped_twice_continues_at_once, "stop: a process stopped twice continues at once"),
	TEST(terminal_stops_stop_by_default, "stop: SIGTSTP, SIGTTIN and SIGTTOU stop by default"),
	TEST(handled_ignored_and_blocked_stops_do_not,
	     "stop: handled, ignored or blocked they do not"),
	TEST(sigcont_continues_even_if_it_is_blocked,
	     "stop: SIGCONT continues even if it is blocked or handled"),
	TEST(cont_and_stop_erase_each_other,
	     "stop: pending SIGCONT and stop signals erase each other"),
	TEST(sigchld_comes_for_stop_and_continue, "stop: SIGCHLD comes for stop and continue"),
	TEST(nocldstop_silences_stops_but_not_the_end,
	     "stop: SA_NOCLDSTOP silences stops, but not the end"),
	TEST(stopped_read_goes_on_afterwards, "stop: a read that was stopped goes on afterwards"),
	TEST(stopped_sleep_goes_on_afterwards, "stop: a sleep that was stopped goes on afterwards"),
	TEST(all_threads_stop_and_go_on, "stop: all threads stop and all go on"),
	TEST(stopped_threads_can_be_killed, "stop: stopped threads can be killed"),
	TEST(a_group_is_stopped_and_continued,
	     "stop: a group of stopped processes is continued at once"),
	TEST(sigcont_does_not_save_from_sigkill, "stop: SIGCONT does not save from SIGKILL"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
