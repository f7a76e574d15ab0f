/*
 * Process groups and sessions: who may put whom where, what fork and exec keep, and the group that
 * nobody outside can wake any more.
 */
#include "helpers.h"

#include <limits.h>

static volatile int *shared;

static void pause_for_ever(void *argument)
{
	die_with_the_parent();
	for (;;)
		pause();
}

static void end_it(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void check_inherited(void *argument)
{
	check_eq(getpgrp(), (long)argument);
	check_eq(getpgid(0), (long)argument);
	check_eq(getpgid(getpid()), (long)argument);
	check_eq(getpgid(getppid()), (long)argument);
	check_eq(getsid(0), getsid(getppid()));
}

static void fork_keeps_group_and_session(void)
{
	check_eq(getpgrp(), getpid());
	check_child(check_inherited, (void *)(long)getpgrp());
}

static void lead_a_group(void *argument)
{
	pid_t session = getsid(0);

	check(getpgrp() != getpid());
	check_call(setpgid(0, 0));
	check_eq(getpgrp(), getpid());
	check_eq(getsid(0), session);
	check_call(setpgid(0, 0));
	check_call(setpgid(getpid(), getpid()));
	check_eq(getpgrp(), getpid());
}

static void process_may_lead_a_group_of_its_own(void)
{
	check_child(lead_a_group, NULL);
}

static void parent_moves_its_children(void)
{
	pid_t first = tap_child(pause_for_ever, NULL), second = tap_child(pause_for_ever, NULL);

	check_call(setpgid(first, 0));
	check_eq(getpgid(first), first);
	check_call(setpgid(second, first));
	check_eq(getpgid(second), first);
	check_call(setpgid(second, getpgrp()));
	check_eq(getpgid(second), getpgrp());
	check_call(setpgid(second, second));
	check_eq(getpgid(second), second);
	check_errno(setpgid(first, NO_SUCH_PID), EPERM);
	check_eq(getpgid(first), first);
	end_it(first);
	end_it(second);
}

static void join_a_dead_leaders_group(void *argument)
{
	check_call(setpgid(0, (long)argument));
	check_eq(getpgrp(), (long)argument);
}

static void group_outlives_its_leader(void)
{
	pid_t leader = tap_child(pause_for_ever, NULL), member = tap_child(pause_for_ever, NULL),
	      newcomer;

	check_call(setpgid(leader, leader));
	check_call(setpgid(member, leader));
	end_it(leader);
	check_errno(kill(leader, 0), ESRCH);
	check_call(kill(-leader, 0));
	check_eq(getpgid(member), leader);
	newcomer = tap_child(join_a_dead_leaders_group, (void *)(long)leader);
	check_exits(newcomer, 0);
	end_it(member);
	check_errno(kill(-leader, 0), ESRCH);
	check_errno(setpgid(0, leader), EPERM);
}

static void setpgid_errors(void)
{
	check_errno(setpgid(0, -1), EINVAL);
	check_errno(setpgid(0, INT_MIN), EINVAL);
	check_errno(setpgid(NO_SUCH_PID, -1), EINVAL);
	check_errno(setpgid(NO_SUCH_PID, 0), ESRCH);
	check_errno(setpgid(getppid(), 0), ESRCH);
	check_errno(setpgid(1, 0), ESRCH);
	check_errno(setpgid(-1, 0), EINVAL);
	check_errno(setpgid(-1, 5), ESRCH);
	check_errno(setpgid(0, NO_SUCH_PID), EPERM);
	check_errno(getpgid(NO_SUCH_PID), ESRCH);
	check_errno(getpgid(-1), ESRCH);
	check_errno(getsid(NO_SUCH_PID), ESRCH);
	check_errno(getsid(-1), ESRCH);
}

static int helper(int argc, char **argv)
{
	char byte;

	if (write(atoi(argv[1]), "x", 1) != 1)
		return 1;
	return read(atoi(argv[2]), &byte, 1) == 1 && getpgrp() == getppid() ? 0 : 2;
}

static void child_that_execd_cannot_be_moved(void)
{
	char out[16], in[16];
	int begun[2], gate[2];
	pid_t pid;

	make_pipe(begun);
	make_pipe(gate);
	snprintf(out, sizeof(out), "%d", begun[1]);
	snprintf(in, sizeof(in), "%d", gate[0]);
	pid = spawn_helper("wait", out, in);
	take_byte(begun[0]);
	check_errno(setpgid(pid, 0), EACCES);
	check_errno(setpgid(pid, getpgrp()), EACCES);
	give_byte(gate[1], 1);
	check_exits(pid, 0);
}

static void make_a_grandchild(void *argument)
{
	pid_t pid = tap_child(pause_for_ever, NULL);

	set(&shared[0], pid);
	tap_await(&shared[1], 1);
	end_it(pid);
}

static void grandchild_cannot_be_moved(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(make_a_grandchild, NULL);
	tap_await(&shared[0], 1);
	check_errno(setpgid(shared[0], 0), ESRCH);
	set(&shared[1], 1);
	check_exits(pid, 0);
}

static void zombie_can_be_moved(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(3);
	await_zombie(pid);
	check_call(setpgid(pid, 0));
	check_eq(getpgid(pid), pid);
	check_exits(pid, 3);
}

/* ---- sessions ---- */

static void lead_a_session(void *argument)
{
	die_with_the_parent();
	check_eq(setsid(), getpid());
	check_eq(getsid(0), getpid());
	check_eq(getpgrp(), getpid());
	check_errno(setsid(), EPERM);
	check_errno(setpgid(0, 0), EPERM);
	check_errno(setpgid(0, getppid()), EPERM);
}

static void setsid_makes_session_and_group(void)
{
	check_child(lead_a_session, NULL);
}

static void leave_the_group(void *argument)
{
	die_with_the_parent();
	check_call(setpgid(0, 0));
	check_errno(setsid(), EPERM);
}

static void group_leader_cannot_make_a_session(void)
{
	check_errno(setsid(), EPERM);
	check_child(leave_the_group, NULL);
}

static void number_still_names_a_group(void *argument)
{
	pid_t member = tap_fork();

	if (member == 0) {
		die_with_the_parent();
		pause();
	}
	die_with_the_parent();
	check_call(setpgid(0, 0));
	check_call(setpgid(member, getpid()));
	check_call(setpgid(0, getpgid(getppid())));
	/* Leader no more, but a group still has this process's number. */
	check_errno(setsid(), EPERM);
	end_it(member);
	check_eq(setsid(), getpid());
}

static void number_of_a_living_group_cannot_be_a_session(void)
{
	check_child(number_still_names_a_group, NULL);
}

static void be_in_another_session(void *argument)
{
	die_with_the_parent();
	check_call(setsid());
	set(&shared[0], 1);
	tap_await(&shared[1], 1);
}

static void child_in_another_session_cannot_be_moved(void)
{
	pid_t pid, other;

	shared = tap_shared(4096);
	pid = tap_child(be_in_another_session, NULL);
	tap_await(&shared[0], 1);
	check_errno(setpgid(pid, 0), EPERM);
	check_errno(setpgid(pid, getpgrp()), EPERM);
	check_eq(getsid(pid), pid);
	other = tap_child(pause_for_ever, NULL);
	check_errno(setpgid(other, pid), EPERM);
	end_it(other);
	set(&shared[1], 1);
	check_exits(pid, 0);
}

static int note_in_thread(void *argument)
{
	volatile int *notes = argument;

	raw2(SYS_setpgid, 0, 0);
	notes[0] = raw1(SYS_getpgid, 0);
	notes[1] = raw1(SYS_getpgid, raw_gettid());
	notes[2] = raw1(SYS_getsid, raw_gettid());
	return 0;
}

static void move_by_a_thread(void *argument)
{
	volatile int notes[3] = {0};
	struct thread thread;

	die_with_the_parent();
	thread_start(&thread, note_in_thread, (void *)notes);
	thread_join(&thread);
	check_eq(notes[0], getpid());
	check_eq(notes[1], getpid());
	check_eq(notes[2], getsid(0));
	check_eq(getpgrp(), getpid());
}

static void threads_share_group_and_session(void)
{
	check_child(move_by_a_thread, NULL);
}

/* ---- the orphaned group ---- */

static void note_signal(int number)
{
	set(&shared[number], 1);
}

/* The parent in the middle: its child in a group of its own stops, then this one ends. */
static void leave_a_stopped_group(void *argument)
{
	pid_t pid = tap_fork();
	int status;

	if (pid == 0) {
		set_handler(SIGHUP, note_signal, 0);
		set_handler(SIGCONT, note_signal, 0);
		raise(SIGSTOP);
		while (!get(&shared[SIGHUP]) || !get(&shared[SIGCONT]))
			sched_yield();
		_exit(7);
	}
	check_call(setpgid(pid, pid));
	set(&shared[70], pid);
	check_eq(raw_wait4(pid, &status, WUNTRACED, NULL), pid);
	check(WIFSTOPPED(status));
}

static void orphaned_stopped_group_gets_sighup_and_sigcont(void)
{
	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	/*
	 * The group's only link to the rest of its session is the process in the middle, so be in
	 * another session.
	 */
	pid_t pid = tap_fork();
	if (pid == 0) {
		die_with_the_parent();
		check_call(setsid());
		leave_a_stopped_group(NULL);
		_exit(0);
	}
	check_exits(pid, 0);
	check_exits(shared[70], 7);
	check_eq(shared[SIGHUP], 1);
	check_eq(shared[SIGCONT], 1);
}

static void leave_a_running_group(void *argument)
{
	pid_t pid;

	die_with_the_parent();
	check_call(setsid());
	pid = tap_fork();
	if (pid == 0) {
		pid_t parent = getppid();
		set_handler(SIGHUP, note_signal, 0);
		set(&shared[71], 1);
		while (getppid() == parent)
			sched_yield();
		settle();
		_exit(shared[SIGHUP] ? 8 : 7);
	}
	check_call(setpgid(pid, pid));
	set(&shared[70], pid);
	tap_await(&shared[71], 1);
}

static void orphaned_running_group_gets_nothing(void)
{
	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_child(leave_a_running_group, NULL);
	check_exits(shared[70], 7);
}

static void try_terminal_stop(void *argument)
{
	die_with_the_parent();
	check_call(setsid());
	/*
	 * Nobody outside this group belongs to the session: it is orphaned, and terminal stops do
	 * nothing.
	 */
	check_call(raise(SIGTSTP));
	check_call(raise(SIGTTIN));
	check_call(raise(SIGTTOU));
	set(&shared[0], 1);
	check_call(raise(SIGSTOP));
}

static void orphaned_group_ignores_terminal_stops(void)
{
	pid_t pid;
	int status;

	shared = tap_shared(4096);
	pid = tap_child(try_terminal_stop, NULL);
	check_eq(raw_wait4(pid, &status, WUNTRACED, NULL), pid);
	check_eq(status, SIGSTOP << 8 | 0x7f);
	check_eq(shared[0], 1);
	check_call(kill(pid, SIGCONT));
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(fork_keeps_group_and_session, "groups: fork keeps group and session"),
	TEST(process_may_lead_a_group_of_its_own,
	     "groups: a process may lead a group of its own, again and again"),
	TEST(parent_moves_its_children, "groups: a parent moves its children between groups"),
	TEST(group_outlives_its_leader,
	     "groups: a group outlives its leader, and ends with its last member"),
	TEST(setpgid_errors, "groups: the errors of setpgid, getpgid and getsid, in order"),
	TEST(child_that_execd_cannot_be_moved, "groups: a child that has exec'd cannot be moved"),
	TEST(grandchild_cannot_be_moved, "groups: a grandchild cannot be moved"),
	TEST(zombie_can_be_moved, "groups: a zombie can be moved"),
	TEST(setsid_makes_session_and_group, "groups: setsid makes a session and a group, once"),
	TEST(group_leader_cannot_make_a_session, "groups: a group's leader cannot make a session"),
	TEST(number_of_a_living_group_cannot_be_a_session,
	     "groups: nor can who gave its number to a group that lives"),
	TEST(child_in_another_session_cannot_be_moved,
	     "groups: nobody is moved from one session to another"),
	TEST(threads_share_group_and_session, "groups: threads share group and session"),
	TEST(orphaned_stopped_group_gets_sighup_and_sigcont,
	     "groups: a stopped group that is orphaned gets SIGHUP and SIGCONT"),
	TEST(orphaned_running_group_gets_nothing,
	     "groups: one that is orphaned while it runs gets nothing"),
	TEST(orphaned_group_ignores_terminal_stops,
	     "groups: an orphaned group does not stop by SIGTSTP, SIGTTIN, SIGTTOU"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
