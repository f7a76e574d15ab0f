/*
 * What a signal does to each call that waits, a row each: with a handler without SA_RESTART the
 * call is EINTR, always; with SA_RESTART it is EINTR or goes on; and a stop and a continue, for
 * which no handler runs, make some calls EINTR too (signal(7)).
 *
 * A child makes the call. That it sleeps, /proc tells; so whether the call went on needs no guess:
 * the handler has run, and the child sleeps again.
 */
#include "helpers.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <time.h>

#define GOES_ON  1 /* none of these is a result */
#define NOT_HERE 2 /* this kernel does not have what the call is about */

#ifndef F_OFD_SETLKW
#define F_OFD_SETLKW 38
#endif

struct call {
	const char *what;
	long (*run)(void);
	int restarted, continued; /* GOES_ON or a negated errno */
};

static volatile struct {
	int ready, handled, done;
	long result;
} * child;

static volatile int *ready_word; /* what a call that waits for another process waits for */

/* ---- the calls ---- */

static char bytes[65536];

/* The last thing before the call. */
static void ready(void)
{
	set(&child->ready, 1);
}

static long read_pipe(void)
{
	int ends[2];

	make_pipe(ends);
	ready();
	return raw3(SYS_read, ends[0], bytes, 1);
}

static long write_pipe(void)
{
	int ends[2];

	make_pipe(ends);
	check_eq(write(ends[1], bytes, sizeof(bytes)), (long)sizeof(bytes));
	ready();
	return raw3(SYS_write, ends[1], bytes, 1);
}

/* A child that never ends; it goes with the group. */
static pid_t idle_child(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static long call_wait4(void)
{
	pid_t pid = idle_child();

	ready();
	return raw_wait4(pid, NULL, 0, NULL);
}

static long call_waitid(void)
{
	idle_child();
	ready();
	return raw_waitid(P_ALL, 0, NULL, WEXITED, NULL);
}

static const struct timespec hour = {3600, 0};
static int futex_word = 1;

static long futex_wait(void)
{
	ready();
	return raw6(SYS_futex, &futex_word, FUTEX_WAIT, 1, NULL, 0, 0);
}

static long futex_wait_timeout(void)
{
	ready();
	return raw6(SYS_futex, &futex_word, FUTEX_WAIT, 1, &hour, 0, 0);
}

static long call_nanosleep(void)
{
	ready();
	return raw2(SYS_nanosleep, &hour, NULL);
}

static long clock_nanosleep_until(void)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 3600;
	ready();
	return raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL);
}

static long poll_with(long timeout)
{
	struct pollfd fds = {.events = POLLIN};
	int ends[2];

	make_pipe(ends);
	fds.fd = ends[0];
	ready();
	return raw3(SYS_poll, &fds, 1, timeout);
}

static long poll_for_ever(void)
{
	return poll_with(-1);
}

static long poll_an_hour(void)
{
	return poll_with(3600 * 1000);
}

static long call_ppoll(void)
{
	ready();
	return raw5(SYS_ppoll, NULL, 0, NULL, NULL, 0);
}

static long call_select(void)
{
	ready();
	return raw5(SYS_select, 0, NULL, NULL, NULL, NULL);
}

static long select_an_hour(void)
{
	struct timeval time = {3600, 0};

	ready();
	return raw5(SYS_select, 0, NULL, NULL, NULL, &time);
}

static long call_pselect(void)
{
	ready();
	return raw6(SYS_pselect6, 0, NULL, NULL, NULL, NULL, NULL);
}

static long call_sigsuspend(void)
{
	unsigned long none = 0;

	ready();
	return raw2(SYS_rt_sigsuspend, &none, 8);
}

static long call_pause(void)
{
	ready();
	return raw0(SYS_pause);
}

static long call_sigtimedwait(void)
{
	unsigned long other = 1ul << (SIGUSR2 - 1);

	ready();
	return raw4(SYS_rt_sigtimedwait, &other, NULL, NULL, 8);
}

static long open_fifo(int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/fifo-%d", getpid());
	check_call(mkfifo(path, 0600));
	ready();
	return raw3(SYS_open, path, flags, 0);
}

static long open_fifo_to_read(void)
{
	return open_fifo(O_RDONLY);
}

static long open_fifo_to_write(void)
{
	return open_fifo(O_WRONLY);
}

/* A file that a process of the child's own has locked, with `lock`. */
static int locked_file(void (*lock)(int))
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/lock-%d", getpid());
	fd = check_call(open(path, O_RDWR | O_CREAT, 0600));
	if (tap_fork() == 0) {
		lock(check_call(open(path, O_RDWR)));
		set(ready_word, 1);
		for (;;)
			pause();
	}
	tap_await(ready_word, 1);
	check_call(unlink(path));
	return fd;
}

static void lock_record(int fd)
{
	struct flock lock = {.l_type = F_WRLCK};

	check_call(fcntl(fd, F_SETLK, &lock));
}

static void lock_whole(int fd)
{
	check_call(flock(fd, LOCK_EX));
}

static long wait_for_record(int how)
{
	struct flock lock = {.l_type = F_WRLCK};
	int fd = locked_file(lock_record);

	ready();
	return raw3(SYS_fcntl, fd, how, &lock);
}

static long call_setlkw(void)
{
	return wait_for_record(F_SETLKW);
}

static long call_ofd_setlkw(void)
{
	return wait_for_record(F_OFD_SETLKW);
}

static long call_flock(void)
{
	int fd = locked_file(lock_whole);

	ready();
	return raw2(SYS_flock, fd, LOCK_EX);
}

static long read_eventfd(void)
{
	long fd = raw2(SYS_eventfd2, 0, 0);

	if (fd == -ENOSYS)
		return NOT_HERE;
	ready();
	return raw3(SYS_read, fd, bytes, 8);
}

static long call_epoll_wait(void)
{
	struct epoll_event event;
	long fd = raw1(SYS_epoll_create1, 0);

	if (fd == -ENOSYS)
		return NOT_HERE;
	ready();
	return raw4(SYS_epoll_wait, fd, &event, 1, -1);
}

static long receive(void)
{
	int ends[2];

	if (raw4(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return NOT_HERE;
	ready();
	return raw6(SYS_recvfrom, ends[0], bytes, 1, 0, NULL, NULL);
}

static long call_accept(void)
{
	long fd = raw3(SYS_socket, AF_UNIX, SOCK_STREAM, 0);
	sa_family_t name = AF_UNIX;

	if (fd < 0 || raw3(SYS_bind, fd, &name, sizeof(name)) < 0 || raw2(SYS_listen, fd, 5) < 0)
		return NOT_HERE;
	ready();
	return raw3(SYS_accept, fd, NULL, NULL);
}

static long call_semop(void)
{
	struct sembuf take = {.sem_num = 0, .sem_op = -1};
	long id = raw3(SYS_semget, IPC_PRIVATE, 1, 0600), result;

	if (id == -ENOSYS)
		return NOT_HERE;
	check(id >= 0);
	ready();
	result = raw3(SYS_semop, id, &take, 1);
	raw4(SYS_semctl, id, 0, IPC_RMID, 0);
	return result;
}

/* clang-format off */
static const struct call calls[] = {
	{ "read of a pipe", read_pipe, GOES_ON, GOES_ON },
	{ "write to a full pipe", write_pipe, GOES_ON, GOES_ON },
	{ "wait4", call_wait4, GOES_ON, GOES_ON },
	{ "waitid", call_waitid, GOES_ON, GOES_ON },
	{ "futex", futex_wait, GOES_ON, GOES_ON },
	{ "futex with a timeout", futex_wait_timeout, -EINTR, GOES_ON },
	{ "nanosleep", call_nanosleep, -EINTR, GOES_ON },
	{ "clock_nanosleep to a time", clock_nanosleep_until, -EINTR, GOES_ON },
	{ "poll", poll_for_ever, -EINTR, GOES_ON },
	{ "poll with a timeout", poll_an_hour, -EINTR, GOES_ON },
	{ "ppoll", call_ppoll, -EINTR, GOES_ON },
	{ "select", call_select, -EINTR, GOES_ON },
	{ "select with a timeout", select_an_hour, -EINTR, GOES_ON },
	{ "pselect", call_pselect, -EINTR, GOES_ON },
	{ "sigsuspend", call_sigsuspend, -EINTR, GOES_ON },
	{ "pause", call_pause, -EINTR, GOES_ON },
	{ "sigtimedwait", call_sigtimedwait, -EINTR, -EINTR },
	{ "open of a FIFO to read", open_fifo_to_read, GOES_ON, GOES_ON },
	{ "open of a FIFO to write", open_fifo_to_write, GOES_ON, GOES_ON },
	{ "fcntl F_SETLKW", call_setlkw, GOES_ON, GOES_ON },
	{ "fcntl F_OFD_SETLKW", call_ofd_setlkw, GOES_ON, GOES_ON },
	{ "flock", call_flock, GOES_ON, GOES_ON },
	{ "read of an eventfd", read_eventfd, GOES_ON, GOES_ON },
	{ "epoll_wait", call_epoll_wait, -EINTR, -EINTR },
	{ "recv", receive, GOES_ON, GOES_ON },
	{ "accept", call_accept, GOES_ON, GOES_ON },
	{ "semop", call_semop, -EINTR, -EINTR },
};
/* clang-format on */

/* ---- one call, one way to disturb it ---- */

static void note_handled(int number)
{
	add(&child->handled, 1);
}

struct plan {
	const struct call *call;
	int flags;
};

static void make_the_call(void *argument)
{
	const struct plan *plan = argument;

	die_with_the_parent();
	set_handler(SIGUSR1, note_handled, plan->flags);
	child->result = plan->call->run();
	set(&child->done, 1);
}

static int sleeps(pid_t pid)
{
	char path[32], text[256], *after_name;
	long n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	after_name = strrchr(text, ')');
	return after_name && after_name[2] == 'S';
}

/* Until the child sleeps in the call, or has come out of it. */
static void await_sleep(pid_t pid)
{
	while (!get(&child->done) && !sleeps(pid))
		raw0(SYS_sched_yield);
}

static void handle_a_signal(pid_t pid)
{
	check_call(kill(pid, SIGUSR1));
	tap_await(&child->handled, 1);
}

static void stop_and_continue(pid_t pid)
{
	siginfo_t info;
	int status;

	check_call(kill(pid, SIGSTOP));
	check_eq(raw_wait4(pid, &status, WUNTRACED, NULL), pid);
	check(WIFSTOPPED(status));
	check_call(kill(pid, SIGCONT));
	/* It may have come to its end already, and then there is no continuing to be told of. */
	if (waitid(P_PID, pid, &info, WCONTINUED) == 0)
		check_eq(info.si_code, CLD_CONTINUED);
	else
		check_eq(errno, ECHILD);
}

/* GOES_ON, or the call's result. */
static long disturbed(const struct call *call, int flags, void (*disturb)(pid_t))
{
	struct plan plan = {call, flags};
	char path[64];
	long result;
	pid_t pid;

	child = tap_shared(4096);
	ready_word = tap_shared(4096);
	pid = tap_child(make_the_call, &plan);
	while (!get(&child->ready) && !get(&child->done))
		raw0(SYS_sched_yield);
	await_sleep(pid);
	if (get(&child->done) && child->result == NOT_HERE) {
		tap_wait(pid);
		return NOT_HERE;
	}
	disturb(pid);
	await_sleep(pid);
	result = get(&child->done) ? child->result : GOES_ON;
	kill(pid, SIGKILL);
	tap_wait(pid);
	snprintf(path, sizeof(path), "/tmp/fifo-%d", pid);
	unlink(path);
	return result;
}

/* Disturbs every call; wanted says what is to come of it. All that differ are told. */
static void check_calls(const char *how, int flags, void (*disturb)(pid_t),
			long (*wanted)(const struct call *))
{
	int differ = 0;

	for (const struct call *call = calls; call < calls + TAP_COUNT(calls); call++) {
		long result = disturbed(call, flags, disturb);

		if (result == wanted(call) || result == NOT_HERE)
			continue;
		tap_note("%s, %s: %ld", call->what, how, result);
		differ++;
	}
	check_eq(differ, 0);
}

static long interrupted(const struct call *call)
{
	return -EINTR;
}

static long restarted(const struct call *call)
{
	return call->restarted;
}

static long continued(const struct call *call)
{
	return call->continued;
}

static void handlers_interrupt(void)
{
	check_calls("handled", 0, handle_a_signal, interrupted);
}

static void handlers_with_restart(void)
{
	check_calls("SA_RESTART", SA_RESTART, handle_a_signal, restarted);
}

static void stops(void)
{
	check_calls("stopped", 0, stop_and_continue, continued);
}

static const struct test_case cases[] = {
	TEST(handlers_interrupt, "restart: every call that waits is EINTR when a handler has run"),
	TEST(handlers_with_restart, "restart: with SA_RESTART those that may go on do"),
	TEST(stops, "restart: after a stop and a continue most calls go on"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
