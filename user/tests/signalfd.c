/*
 * signalfd: whose signals are read, in what form, and who waits for them.
 */
#include "helpers.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

static void block_all(void)
{
	sigset_t all;

	sigfillset(&all);
	check_call(sigprocmask(SIG_BLOCK, &all, NULL));
}

static int signalfd_of(int signal, int flags)
{
	sigset_t set;

	block_all();
	sigemptyset(&set);
	if (signal)
		sigaddset(&set, signal);
	else
		sigfillset(&set);
	return check_call(signalfd(-1, &set, flags));
}

static struct signalfd_siginfo take(int fd)
{
	struct signalfd_siginfo info;

	check_eq(read(fd, &info, sizeof(info)), sizeof(info));
	return info;
}

static int readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	check_call(poll(&p, 1, 0));
	return p.revents;
}

static void errors(void)
{
	unsigned long set = ~0ul;
	char buf[128];
	int fd = signalfd_of(0, SFD_NONBLOCK), ends[2];

	make_pipe(ends);
	check_eq(raw4(SYS_signalfd4, -1, &set, 4, 1), -EINVAL);
	check_eq(raw4(SYS_signalfd4, -1, UNMAPPED_ADDRESS, 8, 1), -EFAULT);
	check_eq(raw4(SYS_signalfd4, -1, &set, 8, 1), -EINVAL);
	check_eq(raw4(SYS_signalfd4, -2, &set, 8, 0), -EBADF);
	check_eq(raw4(SYS_signalfd4, ends[0], &set, 8, 0), -EINVAL);
	check_eq(raw4(SYS_signalfd4, fd, &set, 8, 1), -EINVAL);
	check_eq(raw3(SYS_signalfd, fd, &set, 8), fd);
	check_errno(read(fd, buf, 127), EINVAL);
	check_errno(read(fd, buf, 0), EINVAL);
	check_errno(read(fd, buf, 128), EAGAIN);
	check_errno(write(fd, buf, 128), EINVAL);
	check_eq(fcntl(signalfd_of(0, SFD_CLOEXEC), F_GETFD), FD_CLOEXEC);
	check_eq(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
}

static void what_a_signal_tells(void)
{
	int fd = signalfd_of(0, SFD_NONBLOCK), ends[2];
	struct signalfd_siginfo info;
	pid_t pid;

	raise(SIGUSR1);
	info = take(fd);
	check_eq(info.ssi_signo, SIGUSR1);
	check_eq(info.ssi_code, SI_TKILL);
	check_eq(info.ssi_pid, getpid());
	kill(getpid(), SIGUSR2);
	info = take(fd);
	check_eq(info.ssi_code, SI_USER);
	check_eq(info.ssi_pid, getpid());
	check_eq(info.ssi_uid, getuid());
	sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 77});
	info = take(fd);
	check_eq(info.ssi_code, SI_QUEUE);
	check_eq(info.ssi_int, 77);
	check_eq((int)info.ssi_ptr, 77);
	make_pipe(ends);
	close(ends[0]);
	check_errno(write(ends[1], "x", 1), EPIPE);
	info = take(fd);
	check_eq(info.ssi_signo, SIGPIPE);
	check_eq(info.ssi_code, SI_USER);
	pid = tap_fork();
	if (pid == 0)
		_exit(3);
	check_exits(pid, 3);
	info = take(fd);
	check_eq(info.ssi_signo, SIGCHLD);
	check_eq(info.ssi_code, CLD_EXITED);
	check_eq(info.ssi_pid, pid);
	check_eq(info.ssi_status, 3);
	check_eq(info.ssi_int, 0);
}

static void a_fault_that_was_sent(void)
{
	siginfo_t sent = {.si_signo = SIGSYS, .si_code = -1};
	int fd = signalfd_of(0, SFD_NONBLOCK);
	struct signalfd_siginfo info;

	sent.si_value.sival_ptr = (void *)0x123456789abc;
	check_eq(raw4(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGSYS, &sent), 0);
	info = take(fd);
	check_eq(info.ssi_signo, SIGSYS);
	check_eq(info.ssi_code, -1);
	check_eq(info.ssi_ptr, 0x123456789abc);
	check_eq(info.ssi_syscall, 0);
}

static void many_in_one_read(void)
{
	int fd = signalfd_of(0, SFD_NONBLOCK);
	struct signalfd_siginfo info[4];

	for (int i = 0; i < 3; i++)
		sigqueue(getpid(), SIGRTMIN + i, (union sigval){.sival_int = i});
	check_eq(read(fd, info, 300), 256);
	check_eq(info[0].ssi_signo, SIGRTMIN);
	check_eq(info[1].ssi_signo, SIGRTMIN + 1);
	check_eq(read(fd, info, sizeof(info)), 128);
	check_eq(info[0].ssi_int, 2);
	check_errno(read(fd, info, 128), EAGAIN);
	raise(SIGUSR1);
	check_errno(read(fd, UNMAPPED_ADDRESS, 128), EFAULT);
	check_errno(read(fd, info, 128), EAGAIN); /* it is lost */
}

static void only_the_set_is_read(void)
{
	int fd = signalfd_of(SIGUSR1, SFD_NONBLOCK);
	struct signalfd_siginfo info;
	sigset_t set;

	raise(SIGUSR2);
	check_eq(readable(fd), 0);
	check_errno(read(fd, &info, sizeof(info)), EAGAIN);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	check_eq(signalfd(fd, &set, 0), fd);
	check_eq(readable(fd), POLLIN);
	check_eq(take(fd).ssi_signo, SIGUSR2);
	raise(SIGUSR1);
	check_eq(readable(fd), 0);
}

static void the_reader_reads_its_own(void)
{
	int fd = signalfd_of(0, SFD_NONBLOCK);
	struct signalfd_siginfo info;
	pid_t pid;

	raise(SIGUSR1);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(readable(fd), 0);
		check_errno(read(fd, &info, sizeof(info)), EAGAIN);
		raise(SIGUSR2);
		check_eq(readable(fd), POLLIN);
		check_eq(take(fd).ssi_signo, SIGUSR2);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(take(fd).ssi_signo, SIGUSR1);
	check_eq(take(fd).ssi_signo, SIGCHLD);
	check_errno(read(fd, &info, sizeof(info)), EAGAIN);
}

static pid_t send_later(int signal)
{
	pid_t parent = getpid(), pid = tap_fork();

	if (pid == 0) {
		settle();
		kill(parent, signal);
		_exit(0);
	}
	return pid;
}

static void a_read_waits(void)
{
	int fd = signalfd_of(SIGUSR1, 0);
	pid_t pid = send_later(SIGUSR1);
	struct signalfd_siginfo info = take(fd);

	check_eq(info.ssi_pid, pid);
	check_exits(pid, 0);
}

static void poll_waits(void)
{
	int fd = signalfd_of(SIGUSR1, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	pid_t pid = send_later(SIGUSR1);

	check_eq(poll(&p, 1, -1), 1);
	take(fd);
	check_exits(pid, 0);
}

static void epoll_waits(void)
{
	int fd = signalfd_of(SIGUSR1, 0), ep = check_call(epoll_create1(0));
	struct epoll_event event = {.events = EPOLLIN};
	pid_t pid;

	check_call(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	check_eq(epoll_wait(ep, &event, 1, 0), 0);
	pid = send_later(SIGUSR1);
	check_eq(epoll_wait(ep, &event, 1, -1), 1);
	take(fd);
	check_eq(epoll_wait(ep, &event, 1, 0), 0);
	check_exits(pid, 0);
}

/* The epoll outlives the process that made it watch. */
static void an_epoll_of_a_process_that_is_gone(void)
{
	int fd = signalfd_of(SIGUSR1, SFD_NONBLOCK), ep = check_call(epoll_create1(0));
	struct epoll_event event = {.events = EPOLLIN};
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_call(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
		_exit(0);
	}
	check_exits(pid, 0);
	raise(SIGUSR1);
	close(fd);
	check_eq(epoll_wait(ep, &event, 1, 0), 0);
}

static void handler(int signal)
{
	(void)signal;
}

static void another_signal_ends_the_wait(void)
{
	struct sigaction action = {.sa_handler = handler};
	int fd = signalfd_of(SIGUSR1, 0);
	struct signalfd_siginfo info;
	volatile int *done = tap_shared(4096);
	pid_t parent = getpid(), pid;
	sigset_t set;

	check_call(sigaction(SIGUSR2, &action, NULL));
	pid = tap_fork();
	if (pid == 0) {
		while (!get(done)) {
			kill(parent, SIGUSR2);
			tap_sleep_ms(1);
		}
		_exit(0);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	check_call(sigprocmask(SIG_UNBLOCK, &set, NULL));
	check_errno(read(fd, &info, sizeof(info)), EINTR);
	__atomic_store_n(done, 1, __ATOMIC_SEQ_CST);
	check_exits(pid, 0);
}

enum { SENDERS = 3, SIGNALS = 300 };

/* Queued signals from several CPUs: the reader gets each one once. */
static void no_signal_is_lost(void)
{
	int fd = signalfd_of(SIGRTMIN, 0), sum = 0;
	pid_t parent = getpid(), pids[SENDERS];

	for (int i = 0; i < SENDERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			for (int n = 0; n < SIGNALS; n++)
				while (sigqueue(parent, SIGRTMIN, (union sigval){.sival_int = 1}))
					tap_sleep_ms(1);
			_exit(0);
		}
	}
	for (int n = 0; n < SENDERS * SIGNALS; n++)
		sum += take(fd).ssi_int;
	check_eq(sum, SENDERS * SIGNALS);
	for (int i = 0; i < SENDERS; i++)
		check_exits(pids[i], 0);
	check_eq(readable(fd), 0);
}

static const struct test_case cases[] = {
	TEST(errors, "signalfd: errors, flags, sizes"),
	TEST(what_a_signal_tells, "signalfd: what a signal tells, by its cause"),
	TEST(a_fault_that_was_sent, "signalfd: a fault's signal, sent by a program, has its value"),
	TEST(many_in_one_read, "signalfd: as many as fit in one read; EFAULT loses one"),
	TEST(only_the_set_is_read, "signalfd: only the set is read, and the set can be changed"),
	TEST(the_reader_reads_its_own, "signalfd: after fork the reader reads its own signals"),
	TEST(a_read_waits, "signalfd: a read waits for a signal"),
	TEST(poll_waits, "signalfd: poll waits for a signal"),
	TEST(epoll_waits, "signalfd: epoll waits for a signal"),
	TEST(an_epoll_of_a_process_that_is_gone,
	     "signalfd: an epoll outlives the process whose signals it watched"),
	TEST(another_signal_ends_the_wait, "signalfd: another signal ends the wait"),
	TEST(no_signal_is_lost, "signalfd: queued signals of three senders are read once each"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
