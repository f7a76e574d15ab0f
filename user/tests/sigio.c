/*
 * O_ASYNC: signals when a pipe, a FIFO, a socket or a terminal can be read or written; who owns a
 * file, which signal it gets and what that says.
 */
#include "helpers.h"

#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#ifndef FIOSETOWN
#define FIOSETOWN 0x8901
#define FIOGETOWN 0x8903
#endif

#define ANY_SIG (SIGRTMIN + 3)

struct owner {
	int type, pid;
};

enum { BY_TID, BY_PID, BY_GROUP };

static volatile siginfo_t seen;
static volatile int count;

static void note(int sig, siginfo_t *info, void *context)
{
	memcpy((void *)&seen, info, sizeof(seen));
	count++;
}

static void catch (int sig)
{
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO | SA_RESTART};

	check_call(sigaction(sig, &action, NULL));
}

/* fd sends sig (0: SIGIO) to this process. */
static void own(int fd, int sig)
{
	catch (sig ? sig : SIGIO);
	count = 0;
	check_call(fcntl(fd, F_SETOWN, getpid()));
	check_call(fcntl(fd, F_SETSIG, sig));
	check_call(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_ASYNC));
}

static void expect(int fd, int code, long band)
{
	check_eq(count, 1);
	check_eq(seen.si_signo, ANY_SIG);
	check_eq(seen.si_code, code);
	check_eq(seen.si_fd, fd);
	check_eq(seen.si_band, band);
	count = 0;
}

static void owners(void)
{
	int ends[2], pid = getpid();

	check_call(pipe(ends));
	check_eq(fcntl(ends[0], F_GETOWN), 0);
	check_call(fcntl(ends[0], F_SETOWN, pid));
	check_eq(fcntl(ends[0], F_GETOWN), pid);
	check_eq(fcntl(ends[1], F_GETOWN), 0);
	check_eq(fcntl(dup(ends[0]), F_GETOWN), pid);
	check_errno(fcntl(ends[0], F_SETOWN, NO_SUCH_PID), ESRCH);
	check_errno(fcntl(ends[0], F_SETOWN, -NO_SUCH_PID), ESRCH);
	check_errno(fcntl(ends[0], F_SETOWN, INT_MIN), EINVAL);
	check_eq(fcntl(ends[0], F_GETOWN), pid);
	check_call(fcntl(ends[0], F_SETOWN, 0));
	check_eq(fcntl(ends[0], F_GETOWN), 0);
	check_errno(fcntl(open("/", O_PATH), F_GETOWN), EBADF);
	check_call(fcntl(open("/", O_RDONLY), F_SETOWN, pid));
}

static void owners_by_kind(void)
{
	struct owner owner = {9, 9};
	int ends[2];

	check_call(pipe(ends));
	check_call(fcntl(ends[0], F_GETOWN_EX, &owner));
	check_eq(owner.type, BY_TID);
	check_eq(owner.pid, 0);
	for (int type = BY_TID; type <= BY_GROUP; type++) {
		owner = (struct owner){type, type == BY_GROUP ? getpgrp() : getpid()};
		check_call(fcntl(ends[0], F_SETOWN_EX, &owner));
		check_eq(fcntl(ends[0], F_GETOWN), type == BY_GROUP ? -getpgrp() : getpid());
		memset(&owner, 9, sizeof(owner));
		check_call(fcntl(ends[0], F_GETOWN_EX, &owner));
		check_eq(owner.type, type);
		check_eq(owner.pid, type == BY_GROUP ? getpgrp() : getpid());
	}
	owner.type = 3;
	check_errno(fcntl(ends[0], F_SETOWN_EX, &owner), EINVAL);
	owner.type = -1;
	check_errno(fcntl(ends[0], F_SETOWN_EX, &owner), EINVAL);
	owner = (struct owner){BY_PID, -getpid()};
	check_errno(fcntl(ends[0], F_SETOWN_EX, &owner), ESRCH);
	check_errno(fcntl(ends[0], F_SETOWN_EX, UNMAPPED_ADDRESS), EFAULT);
	check_errno(fcntl(ends[0], F_GETOWN_EX, UNMAPPED_ADDRESS), EFAULT);
}

static void which_signal(void)
{
	int ends[2];

	check_call(pipe(ends));
	check_eq(fcntl(ends[0], F_GETSIG), 0);
	check_errno(fcntl(ends[0], F_SETSIG, 65), EINVAL);
	check_errno(fcntl(ends[0], F_SETSIG, -1), EINVAL);
	check_call(fcntl(ends[0], F_SETSIG, 64));
	check_eq(fcntl(ends[0], F_GETSIG), 64);
	check_call(fcntl(ends[0], F_SETSIG, 0));
	check_eq(fcntl(ends[0], F_GETSIG), 0);
}

static void plain_sigio(void)
{
	int ends[2];

	check_call(pipe(ends));
	own(ends[0], 0);
	check_eq(write(ends[1], "x", 1), 1);
	check_eq(count, 1);
	check_eq(seen.si_signo, SIGIO);
	check_eq(seen.si_code, SI_KERNEL);
	check_eq(seen.si_pid, 0);
	/* Every write, also while there is something to read. */
	check_eq(write(ends[1], "x", 1), 1);
	check_eq(count, 2);
	check_call(fcntl(ends[0], F_SETFL, 0));
	check_eq(write(ends[1], "x", 1), 1);
	check_eq(count, 2);
}

static void pipe_ends(void)
{
	char byte;
	int ends[2];

	check_call(pipe(ends));
	own(ends[0], ANY_SIG);
	check_eq(write(ends[1], "ab", 2), 2);
	expect(ends[0], POLL_IN, POLLIN | POLLRDNORM);
	check_eq(read(ends[0], &byte, 1), 1);
	check_eq(count, 0);
	own(ends[1], ANY_SIG);
	check_eq(read(ends[0], &byte, 1), 1);
	expect(ends[1], POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND);
	check_call(fcntl(ends[0], F_SETFL, 0));
	check_call(close(ends[0]));
	expect(ends[1], POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND);
}

static void last_writer(void)
{
	int ends[2], other;

	check_call(pipe(ends));
	own(ends[0], ANY_SIG);
	other = check_call(dup(ends[1]));
	check_call(close(other));
	check_eq(count, 0);
	check_call(close(ends[1]));
	expect(ends[0], POLL_IN, POLLIN | POLLRDNORM);
}

static void fifos(void)
{
	int fd, writer;

	go_home();
	check_call(mkfifo("fifo", 0600));
	fd = check_call(open("fifo", O_RDONLY | O_NONBLOCK));
	writer = check_call(open("fifo", O_WRONLY));
	own(fd, ANY_SIG);
	check_eq(write(writer, "x", 1), 1);
	expect(fd, POLL_IN, POLLIN | POLLRDNORM);
	check_call(unlink("fifo"));
	leave_home();
}

static void stream_sockets(void)
{
	int ends[2];

	check_call(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	own(ends[0], ANY_SIG);
	check_eq(write(ends[1], "x", 1), 1);
	expect(ends[0], POLL_IN, POLLIN | POLLRDNORM);
	check_call(shutdown(ends[1], SHUT_WR));
	expect(ends[0], POLL_IN, POLLIN | POLLRDNORM);
	check_call(close(ends[1]));
	expect(ends[0], POLL_HUP, POLLHUP | POLLERR);
}

static void datagram_sockets(void)
{
	int ends[2];

	check_call(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	own(ends[0], ANY_SIG);
	check_eq(write(ends[1], "x", 1), 1);
	expect(ends[0], POLL_IN, POLLIN | POLLRDNORM);
}

static void room_in_sockets(void)
{
	static char data[4096];
	int ends[2];

	check_call(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	check_eq(write(ends[0], data, 1), 1);
	own(ends[0], ANY_SIG);
	check_eq(read(ends[1], data, 1), 1);
	check_eq(count, 0);
	check_call(fcntl(ends[0], F_SETFL, O_NONBLOCK | O_ASYNC));
	check_call(fcntl(ends[1], F_SETFL, O_NONBLOCK));
	while (write(ends[0], data, sizeof(data)) > 0)
		;
	check_eq(count, 0);
	while (read(ends[1], data, sizeof(data)) > 0)
		;
	expect(ends[0], POLL_OUT, POLLOUT | POLLWRNORM | POLLWRBAND);
}

static void terminals(void)
{
	struct owner owner;
	struct pollfd poll_fd;
	int master, slave;

	check_call(openpty(&master, &slave, NULL, NULL, NULL));
	check_call(fcntl(slave, F_SETFL, O_RDWR | O_ASYNC));
	check_call(fcntl(slave, F_GETOWN_EX, &owner));
	check_eq(owner.type, BY_PID);
	check_eq(owner.pid, getpid());
	catch (ANY_SIG);
	check_call(fcntl(slave, F_SETSIG, ANY_SIG));
	check_eq(write(master, "a", 1), 1);
	check_eq(write(master, "\n", 1), 1);
	poll_fd = (struct pollfd){slave, POLLIN, 0};
	check_eq(poll(&poll_fd, 1, -1) >= 0 || errno == EINTR, 1);
	while (!count)
		tap_sleep_ms(1);
	expect(slave, POLL_IN, POLLIN | POLLRDNORM);
}

static void masters(void)
{
	int master, slave;

	check_call(openpty(&master, &slave, NULL, NULL, NULL));
	own(master, ANY_SIG);
	check_eq(write(slave, "x", 1), 1);
	while (!count)
		tap_sleep_ms(1);
	expect(master, POLL_IN, POLLIN | POLLRDNORM);
}

static void by_ioctl(void)
{
	int ends[2], on = 1, who = getpid(), fd = check_call(open("/", O_RDONLY));

	check_call(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	check_call(ioctl(ends[0], FIOSETOWN, &who));
	who = 0;
	check_call(ioctl(ends[0], FIOGETOWN, &who));
	check_eq(who, getpid());
	check_eq(fcntl(ends[0], F_GETOWN), getpid());
	who = NO_SUCH_PID;
	check_errno(ioctl(ends[0], FIOSETOWN, &who), ESRCH);
	check_errno(ioctl(ends[0], FIOSETOWN, UNMAPPED_ADDRESS), EFAULT);
	check_errno(ioctl(ends[0], FIOGETOWN, UNMAPPED_ADDRESS), EFAULT);
	check_errno(ioctl(fd, FIOSETOWN, &who), ENOTTY);
	check_call(ioctl(ends[0], FIOASYNC, &on));
	check_eq(fcntl(ends[0], F_GETFL), O_RDWR | O_ASYNC);
	catch (SIGIO);
	check_eq(write(ends[1], "x", 1), 1);
	check_eq(count, 1);
	on = 0;
	check_call(ioctl(ends[0], FIOASYNC, &on));
	check_eq(fcntl(ends[0], F_GETFL), O_RDWR);
	check_call(ioctl(fd, FIOASYNC, &on));
	on = 1;
	check_errno(ioctl(fd, FIOASYNC, &on), ENOTTY);
	check_errno(ioctl(fd, FIOASYNC, UNMAPPED_ADDRESS), EFAULT);
	/* What sends no signals ignores F_SETFL's flag. */
	check_call(fcntl(fd, F_SETFL, O_ASYNC));
	check_eq(fcntl(fd, F_GETFL) & O_ASYNC, 0);
}

static void full_queue(void)
{
	struct rlimit {
		unsigned long now, max;
	} none = {0, 0};
	int ends[2];

	check_call(pipe(ends));
	own(ends[0], ANY_SIG);
	catch (SIGIO);
	check_call(syscall(SYS_setrlimit, 11 /* SIGPENDING */, &none));
	check_eq(write(ends[1], "x", 1), 1);
	check_eq(count, 1);
	check_eq(seen.si_signo, SIGIO);
}

static void signals_with_codes(void)
{
	int ends[2];

	check_call(pipe(ends));
	own(ends[0], SIGCHLD);
	check_eq(write(ends[1], "x", 1), 1);
	check_eq(count, 1);
	check_eq(seen.si_code, SI_SIGIO);
	check_eq(seen.si_fd, ends[0]);
}

static volatile int *phase;

/* A process of another user, which waits for a signal until phase is 2. */
static void other_user(void *unused)
{
	catch (SIGIO);
	check_call(setresuid(1000, 1000, 1000));
	set(phase, 1);
	tap_await(phase, 2);
	check_eq(count, 1);
}

static void rights(void)
{
	int ends[2];
	pid_t child, victim;

	phase = tap_shared(sizeof(*phase));
	check_call(pipe(ends));
	victim = tap_child(other_user, NULL);
	tap_await(phase, 1);
	child = tap_fork();
	if (child == 0) {
		/* A stranger owns the file: whatever it says, the signal does not come. */
		check_call(setresuid(1001, 1001, 1001));
		check_call(fcntl(ends[0], F_SETOWN, victim));
		check_call(fcntl(ends[0], F_SETFL, O_ASYNC));
		_exit(0);
	}
	check_exits(child, 0);
	check_eq(write(ends[1], "x", 1), 1);
	/* The right of who set it counts, not of who writes. */
	check_call(fcntl(ends[0], F_SETOWN, victim));
	child = tap_fork();
	if (child == 0) {
		check_call(setresuid(1001, 1001, 1001));
		check_eq(write(ends[1], "x", 1), 1);
		_exit(0);
	}
	check_exits(child, 0);
	set(phase, 2);
	check_exits(victim, 0);
}

static void owner_that_ends(void)
{
	int ends[2];
	pid_t child = tap_fork();

	if (child == 0)
		for (;;)
			pause();
	check_call(pipe(ends));
	check_call(fcntl(ends[0], F_SETOWN, child));
	check_call(fcntl(ends[0], F_SETFL, O_ASYNC));
	check_eq(fcntl(ends[0], F_GETOWN), child);
	check_call(kill(child, SIGKILL));
	check_killed(child, SIGKILL);
	check_eq(fcntl(ends[0], F_GETOWN), 0);
	check_eq(write(ends[1], "x", 1), 1);
}

static void groups(void)
{
	volatile int *ready = tap_shared(2 * sizeof(*ready));
	pid_t children[2];
	int ends[2];

	check_call(pipe(ends));
	catch (SIGIO);
	count = 0;
	for (int i = 0; i < 2; i++) {
		children[i] = tap_fork();
		if (children[i])
			continue;
		add(&ready[0], 1);
		tap_await(&ready[1], 1);
		check_eq(count, 1);
		_exit(0);
	}
	tap_await(&ready[0], 2);
	check_call(fcntl(ends[0], F_SETOWN, -getpgrp()));
	check_call(fcntl(ends[0], F_SETFL, O_ASYNC));
	check_eq(write(ends[1], "x", 1), 1);
	check_eq(count, 1);
	set(&ready[1], 1);
	for (int i = 0; i < 2; i++)
		check_exits(children[i], 0);
}

static void closing_under_fire(void)
{
	int ends[2];
	pid_t child;

	catch (SIGIO);
	check_call(pipe(ends));
	check_call(fcntl(ends[1], F_SETFL, O_NONBLOCK));
	child = tap_fork();
	if (child == 0) {
		check_call(close(ends[0]));
		signal(SIGPIPE, SIG_IGN);
		while (write(ends[1], "x", 1) >= 0 || errno == EAGAIN)
			;
		check_eq(errno, EPIPE);
		_exit(0);
	}
	check_call(close(ends[1]));
	for (int i = 0; i < 300; i++) {
		check_call(fcntl(ends[0], F_SETOWN, i % 2 ? getpid() : child));
		check_call(fcntl(ends[0], F_SETSIG, i % 3 ? 0 : SIGCHLD));
		check_call(fcntl(ends[0], F_SETFL, i % 5 ? O_ASYNC : 0));
	}
	check_call(close(ends[0]));
	check_exits(child, 0);
}

static const struct test_case cases[] = {
	TEST(owners, "F_SETOWN, F_GETOWN: processes, groups, nobody, and who is not there"),
	TEST(owners_by_kind, "F_SETOWN_EX, F_GETOWN_EX: threads, processes and groups"),
	TEST(which_signal, "F_SETSIG, F_GETSIG: any signal, or none for SIGIO"),
	TEST(plain_sigio, "O_ASYNC: a SIGIO for every write into a pipe, until switched off"),
	TEST(pipe_ends, "O_ASYNC: each end of a pipe learns what the other does"),
	TEST(last_writer, "O_ASYNC: the last writer's end is something to read"),
	TEST(fifos, "O_ASYNC: FIFOs"),
	TEST(stream_sockets, "O_ASYNC: stream sockets: data, shutdown and hangup"),
	TEST(datagram_sockets, "O_ASYNC: datagram sockets"),
	TEST(room_in_sockets, "O_ASYNC: room in a socket, for who was told that there is none"),
	TEST(terminals, "O_ASYNC: a line at a terminal, whose opener is the owner"),
	TEST(masters, "O_ASYNC: output at a pseudo terminal's master"),
	TEST(by_ioctl, "FIOASYNC, FIOSETOWN, FIOGETOWN"),
	TEST(full_queue, "O_ASYNC: a real-time signal that finds no room becomes SIGIO"),
	TEST(signals_with_codes, "O_ASYNC: SI_SIGIO for signals that have codes of their own"),
	TEST(rights, "O_ASYNC: whether the signal comes is for who set the owner"),
	TEST(owner_that_ends, "O_ASYNC: an owner that has ended is nobody"),
	TEST(groups, "O_ASYNC: every process of a group"),
	TEST(closing_under_fire, "O_ASYNC: switched, owned anew and closed while signals are sent"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
