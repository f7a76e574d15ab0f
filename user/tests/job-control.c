/*
 * Sessions, controlling terminals and process groups in the foreground and in the background. Each
 * case is a process in a session without a terminal; `lead` makes a session on a new one.
 */
#include "terminal.h"

#include <sched.h>

#define LONG_TIME_MS 100000

static struct terminal t; /* of the case */

/* Runs function as the leader of a session on the case's terminal. */
static pid_t lead(void (*function)(void *), void *argument)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		take_terminal(t.slave);
		function(argument);
		_exit(0);
	}
	return pid;
}

/* A child in a group of its own; function runs there. */
static pid_t background(void (*function)(void *), void *argument)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		setpgid(0, 0);
		function(argument);
		_exit(0);
	}
	setpgid(pid, pid);
	return pid;
}

static void check_stopped(pid_t pid, int signal)
{
	int status;

	check_eq(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
	check_eq(WSTOPSIG(status), signal);
}

static void end(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void run_case(void (*function)(void *))
{
	t = new_terminal();
	check_exits(lead(function, NULL), 0);
}

static void sleep_long(void *argument)
{
	tap_sleep_ms(LONG_TIME_MS);
}

/* ---- who has the terminal ---- */

static void leader_has_the_terminal(void *argument)
{
	int tty = check_call(open("/dev/tty", O_RDWR)), session = 0;

	check_eq(tcgetpgrp(t.slave), getpid());
	check_eq(tcgetpgrp(tty), getpid());
	check_call(ioctl(t.slave, TIOCGSID, &session));
	check_eq(session, getpid());
	check_call(ioctl(t.master, TIOCGSID, &session));
	check_eq(session, getpid());
	check_eq(tcgetpgrp(t.master), getpid());
	check_call(ioctl(t.slave, TIOCSCTTY, 0)); /* has it already */
	check_errno(ioctl(t.slave, TIOCGPGRP, UNMAPPED_ADDRESS), EFAULT);
}

static void a_leader_takes_a_terminal(void)
{
	int n;

	t = new_terminal();
	check_errno(ioctl(t.slave, TIOCGPGRP, &n), ENOTTY);
	check_errno(ioctl(t.slave, TIOCGSID, &n), ENOTTY);
	check_errno(ioctl(t.slave, TIOCSCTTY, 0), EPERM); /* no leader */
	check_errno(ioctl(t.slave, TIOCNOTTY), ENOTTY);
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	check_call(ioctl(t.master, TIOCGPGRP, &n));
	check_eq(n, 0);
	check_errno(ioctl(t.master, TIOCGSID, &n), ENOTTY);
	check_exits(lead(leader_has_the_terminal, NULL), 0);
}

static void open_takes(void *argument)
{
	int fd;

	check_call(setsid());
	fd = check_call(open(t.path, O_RDWR | O_NOCTTY));
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	check_call(open(t.path, O_WRONLY)); /* not for one who may only write */
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	check_call(open("/dev/ptmx", O_RDWR));
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	check_call(open(t.path, O_RDWR));
	check_call(open("/dev/tty", O_RDWR));
	check_eq(tcgetpgrp(fd), getpid());
}

static void opening_takes_a_terminal(void)
{
	t = new_terminal();
	check_child(open_takes, NULL);
}

static void try_to_steal(void *argument)
{
	check_call(setsid());
	check_errno(ioctl(t.slave, TIOCSCTTY, 0), EPERM);
	check_call(open(t.path, O_RDWR)); /* takes nothing from others */
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	if (argument) {
		check_call(setuid(1000));
		check_errno(ioctl(t.slave, TIOCSCTTY, 1), EPERM);
		return;
	}
	check_call(ioctl(t.slave, TIOCSCTTY, 1));
	check_eq(tcgetpgrp(t.slave), getpid());
}

static void is_stolen_from(void *argument)
{
	int n;

	check_child(try_to_steal, "as nobody");
	check_eq(tcgetpgrp(t.slave), getpid());
	check_child(try_to_steal, NULL);
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	check_errno(ioctl(t.slave, TIOCGPGRP, &n), ENOTTY);
}

static void root_steals_a_terminal(void)
{
	run_case(is_stolen_from);
}

static void a_second_terminal(void *argument)
{
	struct terminal second = new_terminal();

	check_errno(ioctl(second.slave, TIOCSCTTY, 0), EPERM);
	check_errno(ioctl(second.slave, TIOCSCTTY, 1), EPERM);
}

static void a_session_has_one_terminal(void)
{
	run_case(a_second_terminal);
}

static void child_gives_up(void *argument)
{
	check_call(ioctl(t.slave, TIOCNOTTY));
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
}

static void only_for_the_child(void *argument)
{
	check_child(child_gives_up, NULL);
	check_call(open("/dev/tty", O_RDWR));
}

static void a_member_gives_the_terminal_up(void)
{
	run_case(only_for_the_child);
}

static void child_in_a_new_session(void *argument)
{
	check_call(setsid());
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	check_call(write(t.slave, "", 0));
}

static void session_child(void *argument)
{
	check_child(child_in_a_new_session, NULL);
}

static void a_new_session_has_no_terminal(void)
{
	run_case(session_child);
}

/* ---- foreground and background ---- */

static void sets_groups(void *argument)
{
	int other = getppid(), n = -5;
	pid_t pid = background(sleep_long, NULL);

	check_call(tcsetpgrp(t.slave, pid));
	check_eq(tcgetpgrp(t.slave), pid);
	check_call(signal(SIGTTOU, SIG_IGN) == SIG_ERR ? -1 : 0);
	check_call(tcsetpgrp(t.slave, getpid()));
	check_errno(tcsetpgrp(t.slave, other), EPERM);
	check_errno(tcsetpgrp(t.slave, NO_SUCH_PID), ESRCH);
	check_errno(ioctl(t.slave, TIOCSPGRP, &n), EINVAL);
	check_errno(ioctl(t.slave, TIOCSPGRP, UNMAPPED_ADDRESS), EFAULT);
	end(pid);
}

static void the_foreground_group_is_set(void)
{
	int n = getpid();

	run_case(sets_groups);
	t = new_terminal();
	check_errno(ioctl(t.slave, TIOCSPGRP, &n), ENOTTY);
	check_errno(ioctl(t.master, TIOCSPGRP, &n), ENOTTY);
}

static void read_line(void *argument)
{
	expect_read(t.slave, "for me\n");
}

static void reader_is_stopped(void *argument)
{
	pid_t pid = background(read_line, NULL);

	type(t.master, "for me\n");
	check_stopped(pid, SIGTTIN);
	check_call(tcsetpgrp(t.slave, pid));
	check_call(kill(-pid, SIGCONT));
	check_exits(pid, 0);
}

static void a_background_reader_is_stopped(void)
{
	run_case(reader_is_stopped);
}

static void read_is_refused(void *argument)
{
	sigset_t set;
	char c;

	signal(SIGTTIN, SIG_IGN);
	check_errno(read(t.slave, &c, 1), EIO);
	signal(SIGTTIN, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTTIN);
	check_call(sigprocmask(SIG_BLOCK, &set, NULL));
	check_errno(read(t.slave, &c, 1), EIO);
}

static void readers_that_do_not_care(void *argument)
{
	check_exits(background(read_is_refused, NULL), 0);
}

static void a_background_reader_that_ignores_it_gets_eio(void)
{
	run_case(readers_that_do_not_care);
}

static void write_freely(void *argument)
{
	type(t.slave, "w");
}

static void writers(void *argument)
{
	pid_t pid = background(write_freely, NULL);

	check_exits(pid, 0);
	expect(t.master, "w");
	change(t.slave, LFLAG, 0, TOSTOP);
	pid = background(write_freely, NULL);
	check_stopped(pid, SIGTTOU);
	check_call(tcsetpgrp(t.slave, pid));
	check_call(kill(-pid, SIGCONT));
	check_exits(pid, 0);
	expect(t.master, "w");
}

static void a_background_writer_is_stopped_by_tostop(void)
{
	run_case(writers);
}

static void write_regardless(void *argument)
{
	signal(SIGTTOU, SIG_IGN);
	type(t.slave, "w");
}

static void ignoring_writers(void *argument)
{
	change(t.slave, LFLAG, 0, TOSTOP);
	check_exits(background(write_regardless, NULL), 0);
	expect(t.master, "w");
}

static void a_background_writer_may_ignore_it(void)
{
	run_case(ignoring_writers);
}

static void change_settings(void *command)
{
	struct termios s = get_settings(t.slave);
	int n = getpid();

	switch ((long)command) {
	case 0:
		check_call(tcsetattr(t.slave, TCSANOW, &s));
		break;
	case 1:
		check_call(tcflush(t.slave, TCIFLUSH));
		break;
	case 2:
		check_call(tcflow(t.slave, TCOON));
		break;
	case 3:
		check_call(ioctl(t.slave, TIOCSPGRP, &n));
		break;
	}
}

static void changers(void *argument)
{
	for (long command = 0; command < 4; command++) {
		pid_t pid = background(change_settings, (void *)command);

		check_stopped(pid, SIGTTOU);
		end(pid);
	}
}

static void changes_from_the_background_stop(void)
{
	run_case(changers);
}

/* An orphaned group: its leader's parent is in another session. */
static void orphan(void *argument)
{
	int n = getpid();
	char c;

	while (getppid() != *(int *)argument)
		tap_sleep_ms(1);
	check_errno(read(t.slave, &c, 1), EIO);
	check_errno(tcsetattr(t.slave, TCSANOW, &(struct termios){0}), EIO);
	check_errno(ioctl(t.slave, TIOCSPGRP, &n), ENOTTY);
	set(argument + sizeof(int), 1);
}

static int *shared;

static void make_orphan(void *argument)
{
	background(orphan, shared);
	_exit(0); /* not reaped by it: its own parent's child now */
}

static void orphan_case(void *argument)
{
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 0));
	check_exits(background(make_orphan, NULL), 0);
	tap_await(shared + 1, 1);
}

static void an_orphaned_group_gets_eio(void)
{
	shared = tap_shared(2 * sizeof(int));
	*shared = 1;
	run_case(orphan_case);
}

/* ---- signals from the terminal ---- */

static void typed_signals(void *argument)
{
	static const struct {
		const char *typed;
		int signal;
	} rows[] = {{"\x03", SIGINT}, {"\x1c", SIGQUIT}};
	pid_t pid;

	signal(SIGTTOU, SIG_IGN);
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		pid = background(sleep_long, NULL);
		check_call(tcsetpgrp(t.slave, pid));
		type(t.master, rows[i].typed);
		check_killed(pid, rows[i].signal);
	}
	pid = background(sleep_long, NULL);
	check_call(tcsetpgrp(t.slave, pid));
	type(t.master, "\x1a");
	check_stopped(pid, SIGTSTP);
	end(pid);
}

static void typed_characters_signal_the_foreground(void)
{
	run_case(typed_signals);
}

static void master_signals(void *argument)
{
	pid_t pid = background(sleep_long, NULL);

	check_call(tcsetpgrp(t.slave, pid));
	check_errno(ioctl(t.master, 0x40045436, SIGTERM), EINVAL);
	check_call(ioctl(t.master, 0x40045436, SIGINT));
	check_killed(pid, SIGINT);
}

static void the_master_signals_the_foreground(void)
{
	run_case(master_signals);
}

static volatile int winches;

static void on_winch(int signal)
{
	winches++;
}

static void resizes(void *argument)
{
	struct winsize size = {30, 90, 0, 0};

	signal(SIGWINCH, on_winch);
	check_call(ioctl(t.master, TIOCSWINSZ, &size));
	check_eq(winches, 1);
	check_call(ioctl(t.slave, TIOCSWINSZ, &size)); /* the same: nothing to tell */
	check_eq(winches, 1);
	size.ws_col++;
	check_call(ioctl(t.slave, TIOCSWINSZ, &size));
	check_eq(winches, 2);
}

static void a_new_size_is_signalled(void)
{
	run_case(resizes);
}

/* ---- hangups ---- */

static void wait_for_hangup(void *argument)
{
	sigset_t signals;
	int sig;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCONT);
	check_call(sigprocmask(SIG_BLOCK, &signals, NULL));
	set(shared, 1);
	check_eq(sigwait(&signals, &sig), 0);
	check_eq(sig, SIGHUP);
	if (argument) {
		check_eq(sigwait(&signals, &sig), 0);
		check_eq(sig, SIGCONT);
	} else {
		settle();
		sigpending(&signals);
		check_eq(sigismember(&signals, SIGCONT), 0);
	}
	set(shared + 1, 1);
}

static void leader_in_wait(void *argument)
{
	wait_for_hangup("with SIGCONT");
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
}

static void closing_the_master_signals_the_leader(void)
{
	pid_t pid;

	shared = tap_shared(2 * sizeof(int));
	t = new_terminal();
	pid = tap_fork();
	if (pid == 0) {
		close(t.master);
		take_terminal(t.slave);
		leader_in_wait(NULL);
		_exit(0);
	}
	tap_await(shared, 1);
	check_call(close(t.master));
	check_exits(pid, 0);
}

static void leaves_a_foreground_group(void *argument)
{
	pid_t pid = background(wait_for_hangup, argument);

	tap_await(shared, 1);
	check_call(tcsetpgrp(t.slave, pid));
}

static void the_leaders_exit_signals_the_foreground(void)
{
	shared = tap_shared(2 * sizeof(int));
	run_case(leaves_a_foreground_group);
	tap_await(shared + 1, 1);
	type(t.slave, "alive"); /* a pseudo terminal is not hung up by it */
	expect(t.master, "alive");
}

static void gives_up(void *argument)
{
	pid_t pid = background(wait_for_hangup, "with SIGCONT");

	tap_await(shared, 1);
	check_call(tcsetpgrp(t.slave, pid));
	signal(SIGHUP, SIG_IGN);
	check_call(ioctl(t.slave, TIOCNOTTY));
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	check_exits(pid, 0);
	type(t.slave, "alive");
	expect(t.master, "alive");
}

static void the_leader_gives_the_terminal_up(void)
{
	shared = tap_shared(2 * sizeof(int));
	run_case(gives_up);
}

static void hangs_itself_up(void *argument)
{
	int fd = check_call(open(t.path, O_RDWR | O_NOCTTY));
	char c;

	signal(SIGHUP, SIG_IGN);
	change(t.slave, LFLAG, ECHO, 0);
	check_call(syscall(SYS_vhangup));
	check_errno(open("/dev/tty", O_RDWR), ENXIO);
	check_eq(read(fd, &c, 1), 0);
	check_errno(write(t.slave, "x", 1), EIO);
	fd = check_call(open(t.path, O_RDWR)); /* a new beginning */
	check_eq(get_settings(fd).c_lflag & ECHO, ECHO);
	check_eq(tcgetpgrp(fd), getpid());
	type(fd, "new");
	expect(t.master, "new");
	check_call(setuid(1000));
	check_errno(syscall(SYS_vhangup), EPERM);
	check_errno(ioctl(fd, 0x5437), EPERM);
}

static void a_terminal_is_hung_up_by_vhangup(void)
{
	run_case(hangs_itself_up);
}

static void old_group_is_told(void *argument)
{
	pid_t pid = background(wait_for_hangup, "with SIGCONT");

	tap_await(shared, 1);
	check_call(tcsetpgrp(t.slave, pid));
	signal(SIGHUP, SIG_IGN);
	check_call(ioctl(t.slave, 0x5437));
	settle();
	check_eq(get(shared + 1), 0); /* only the leader heard of it; its end tells the group */
}

static void the_group_hears_of_the_hangup_from_the_leader(void)
{
	shared = tap_shared(2 * sizeof(int));
	run_case(old_group_is_told);
	tap_await(shared + 1, 1);
}

static void fork_and_hang_up(void *argument)
{
	for (int i = 0; i < 50; i++) {
		t = new_terminal();
		pid_t pid = lead(sleep_long, NULL);

		if (i & 1)
			sched_yield();
		close(t.slave);
		close(t.master);
		kill(pid, SIGKILL);
		tap_wait(pid);
	}
}

static void hangups_on_every_cpu_at_once(void)
{
	pid_t children[4];

	for (int i = 0; i < 4; i++)
		children[i] = tap_child(fork_and_hang_up, NULL);
	for (int i = 0; i < 4; i++)
		check_exits(children[i], 0);
}

static const struct test_case cases[] = {
	TEST(a_leader_takes_a_terminal, "a session's leader takes a terminal with TIOCSCTTY"),
	TEST(opening_takes_a_terminal,
	     "a leader without a terminal gets the one it opens for reading"),
	TEST(root_steals_a_terminal, "only root steals another session's terminal"),
	TEST(a_session_has_one_terminal, "a session has one terminal"),
	TEST(a_member_gives_the_terminal_up,
	     "a member of the session gives the terminal up for itself"),
	TEST(a_new_session_has_no_terminal, "a new session has no terminal"),
	TEST(the_foreground_group_is_set,
	     "the foreground group is set, and who may not is told why"),
	TEST(a_background_reader_is_stopped,
	     "a background reader is stopped by SIGTTIN and goes on in the foreground"),
	TEST(a_background_reader_that_ignores_it_gets_eio,
	     "a background reader that ignores or blocks SIGTTIN gets EIO"),
	TEST(a_background_writer_is_stopped_by_tostop,
	     "a background writer is stopped only with TOSTOP"),
	TEST(a_background_writer_may_ignore_it, "a background writer that ignores SIGTTOU writes"),
	TEST(changes_from_the_background_stop, "changes from the background stop by SIGTTOU"),
	TEST(an_orphaned_group_gets_eio, "an orphaned group is not stopped: EIO"),
	TEST(typed_characters_signal_the_foreground, "^C, ^\\ and ^Z signal the foreground group"),
	TEST(the_master_signals_the_foreground, "TIOCSIG signals the foreground group"),
	TEST(a_new_size_is_signalled, "a new window size is signalled"),
	TEST(closing_the_master_signals_the_leader,
	     "closing the master sends the leader SIGHUP and SIGCONT"),
	TEST(the_leaders_exit_signals_the_foreground,
	     "the leader's exit sends the foreground group SIGHUP alone"),
	TEST(the_leader_gives_the_terminal_up,
	     "TIOCNOTTY by the leader sends the foreground group SIGHUP and SIGCONT"),
	TEST(a_terminal_is_hung_up_by_vhangup, "vhangup hangs the terminal up, and it begins anew"),
	TEST(the_group_hears_of_the_hangup_from_the_leader,
	     "after a hangup the leader's exit tells the old foreground group"),
	TEST(hangups_on_every_cpu_at_once, "terminals are hung up on every CPU at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
