/*
 * Pidfds: made by pidfd_open (by clone: clone-pidfd.c), what they can be asked and told, and how they
 * outlive the process.
 */
#include "helpers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
enum { PIDFD_SEND_SIGNAL = 424, PIDFD_OPEN = 434, PIDFD_GETFD = 438 };

static int pidfd_open(long pid, unsigned long flags)
{
	return syscall(PIDFD_OPEN, pid, flags);
}

static int pidfd_send(int fd, int signal, void *info)
{
	return syscall(PIDFD_SEND_SIGNAL, fd, signal, info, 0);
}

static pid_t clone_with_pidfd(unsigned long flags, int *pidfd)
{
	const struct clone_args args = {
		.flags = CLONE_PIDFD | flags,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

	return raw_clone3(&args, sizeof(args));
}

static pid_t sleeper(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static int readable(int fd)
{
	struct pollfd one = {.fd = fd, .events = POLLIN};

	check_call(poll(&one, 1, 0));
	return one.revents;
}

static void end(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void opening(void)
{
	pid_t pid = sleeper();
	int fd = check_call(pidfd_open(pid, 0));

	check_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	check_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	close(fd);
	fd = check_call(pidfd_open(pid, O_NONBLOCK));
	check_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	check_errno(pidfd_open(pid, 1), EINVAL);
	check_errno(pidfd_open(0, 0), EINVAL);
	check_errno(pidfd_open(-1, 0), EINVAL);
	check_errno(pidfd_open(NO_SUCH_PID, 0), ESRCH);
	end(pid);
	check_errno(pidfd_open(pid, 0), ESRCH);
}

static int wait_for_word(void *word)
{
	while (!get(word))
		raw0(SYS_sched_yield);
	return 0;
}

static void a_thread_has_none(void)
{
	static volatile int done;
	struct thread thread;

	thread_start(&thread, wait_for_word, (void *)&done);
	check_errno(pidfd_open(thread.tid, 0), EINVAL);
	set(&done, 1);
	thread_join(&thread);
}

static void becomes_readable_at_the_end(void)
{
	pid_t pid = sleeper();
	int fd = check_call(pidfd_open(pid, 0));
	struct pollfd one = {.fd = fd, .events = POLLIN};

	check_eq(readable(fd), 0);
	check_call(kill(pid, SIGKILL));
	check_eq(poll(&one, 1, -1), 1);
	check_eq(one.revents, POLLIN);
	check_killed(pid, SIGKILL);
	check_eq(readable(fd), POLLIN);
}

static void wakes_who_polls(void)
{
	pid_t pid = sleeper(), watcher;
	int fd = check_call(pidfd_open(pid, 0));

	watcher = tap_fork();
	if (watcher == 0) {
		struct pollfd one = {.fd = fd, .events = POLLIN};

		check_eq(poll(&one, 1, -1), 1);
		_exit(0);
	}
	settle();
	end(pid);
	check_exits(watcher, 0);
}

static void epoll_tells_of_the_end(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5};
	int epoll = check_call(epoll_create1(0)), fd = -1;
	pid_t pid = clone_with_pidfd(0, &fd);

	if (pid == 0) {
		raw_settle();
		raw_exit(0);
	}
	check_call(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	check_eq(epoll_wait(epoll, &event, 1, -1), 1);
	check_eq(event.data.u32, 5);
	check_exits(pid, 0);
}

static void not_before_the_last_thread(void)
{
	int fd, gate[2];
	pid_t pid;

	make_pipe(gate);
	pid = tap_fork();
	if (pid == 0) {
		static volatile int gone;
		struct thread thread;

		/* The leader leaves; its thread goes on until the gate is closed. */
		close(gate[1]);
		thread_start(&thread, wait_for_word, (void *)&gone);
		raw1(SYS_exit, 0);
	}
	close(gate[0]);
	fd = check_call(pidfd_open(pid, 0));
	settle();
	check_eq(readable(fd), 0);
	end(pid);
	check_eq(readable(fd), POLLIN);
}

static void an_ignored_child_ends_too(void)
{
	struct pollfd one = {.events = POLLIN};
	pid_t pid;

	signal(SIGCHLD, SIG_IGN);
	pid = sleeper();
	one.fd = check_call(pidfd_open(pid, 0));
	check_call(kill(pid, SIGKILL));
	check_eq(poll(&one, 1, -1), 1);
	check_errno(pidfd_send(one.fd, 0, NULL), ESRCH);
}

static void signals_reach_the_process(void)
{
	pid_t pid = sleeper();
	int fd = check_call(pidfd_open(pid, 0));

	check_call(pidfd_send(fd, 0, NULL));
	check_errno(pidfd_send(fd, 65, NULL), EINVAL);
	check_errno(syscall(PIDFD_SEND_SIGNAL, fd, SIGTERM, NULL, 1), EINVAL);
	check_errno(pidfd_send(0, SIGTERM, NULL), EBADF);
	check_errno(pidfd_send(-1, SIGTERM, NULL), EBADF);
	check_errno(pidfd_send(fd, SIGTERM, (void *)8), EFAULT);
	check_call(pidfd_send(fd, SIGTERM, NULL));
	check_killed(pid, SIGTERM);
	check_errno(pidfd_send(fd, SIGTERM, NULL), ESRCH);
}

static void siginfo_is_checked(void)
{
	pid_t pid = sleeper();
	int fd = check_call(pidfd_open(pid, 0));
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGTERM;
	info.si_code = SI_USER;
	check_errno(pidfd_send(fd, SIGTERM, &info), EPERM);
	info.si_code = SI_TKILL;
	check_errno(pidfd_send(fd, SIGTERM, &info), EPERM);
	info.si_code = SI_QUEUE;
	check_errno(pidfd_send(fd, SIGUSR1, &info), EINVAL);
	check_call(pidfd_send(fd, SIGTERM, &info));
	check_killed(pid, SIGTERM);
}

static void a_proc_directory_will_do(void)
{
	pid_t pid = sleeper();
	char name[32];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d", pid);
	fd = check_call(open(name, O_DIRECTORY));
	check_call(pidfd_send(fd, SIGTERM, NULL));
	check_killed(pid, SIGTERM);
	close(fd);
	fd = check_call(open("/proc", O_DIRECTORY));
	check_errno(pidfd_send(fd, SIGTERM, NULL), EBADF);
}

static void permission_is_asked(void)
{
	pid_t pid = sleeper(), other;
	int fd = check_call(pidfd_open(pid, 0));

	other = tap_fork();
	if (other == 0) {
		check_call(setuid(1000));
		check_errno(pidfd_send(fd, SIGTERM, NULL), EPERM);
		check_errno(syscall(PIDFD_GETFD, fd, 0, 0), EPERM);
		_exit(0);
	}
	check_exits(other, 0);
	end(pid);
}

static void waiting_by_pidfd(void)
{
	pid_t pid = sleeper(), grandchild;
	int fd = check_call(pidfd_open(pid, 0)), other;
	siginfo_t info;

	check_call(waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG));
	check_eq(info.si_pid, 0);
	other = check_call(pidfd_open(pid, O_NONBLOCK));
	check_errno(waitid(P_PIDFD, other, &info, WEXITED), EAGAIN);
	check_call(waitid(P_PIDFD, other, &info, WEXITED | WNOHANG));
	check_errno(waitid(P_PIDFD, -1, &info, WEXITED), EINVAL);
	check_errno(waitid(P_PIDFD, 0, &info, WEXITED), EBADF);
	grandchild = getppid();
	check_errno(waitid(P_PIDFD, check_call(pidfd_open(grandchild, 0)), &info, WEXITED), ECHILD);
	check_call(kill(pid, SIGKILL));
	check_call(waitid(P_PIDFD, fd, &info, WEXITED));
	check_eq(info.si_pid, pid);
	check_eq(info.si_code, CLD_KILLED);
}

static void files_are_taken_over(void)
{
	int pipe_ends[2], fd, mine;
	pid_t pid;

	make_pipe(pipe_ends);
	pid = sleeper();
	fd = check_call(pidfd_open(pid, 0));
	close(pipe_ends[1]);
	mine = check_call(syscall(PIDFD_GETFD, fd, pipe_ends[1], 0));
	check_eq(fcntl(mine, F_GETFD), FD_CLOEXEC);
	give_byte(mine, 9);
	check_eq(take_byte(pipe_ends[0]), 9);
	check_errno(syscall(PIDFD_GETFD, fd, 1000, 0), EBADF);
	check_errno(syscall(PIDFD_GETFD, fd, 0, 1), EINVAL);
	check_errno(syscall(PIDFD_GETFD, 0, 0, 0), EBADF);
	end(pid);
	check_errno(syscall(PIDFD_GETFD, fd, 0, 0), ESRCH);
}

static void fdinfo_names_the_process(void)
{
	pid_t pid = sleeper();
	int fd = check_call(pidfd_open(pid, 0)), info;
	char name[64], text[512] = "", line[32];

	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	snprintf(line, sizeof(line), "\nPid:\t%d\n", pid);
	info = check_call(open(name, O_RDONLY));
	check(read(info, text, sizeof(text) - 1) > 0);
	check(strstr(text, line));
	end(pid);
	memset(text, 0, sizeof(text));
	check(pread(info, text, sizeof(text) - 1, 0) > 0);
	check(strstr(text, "\nPid:\t-1\n"));
}

static void it_is_named_in_proc(void)
{
	pid_t pid = sleeper();
	int fd = check_call(pidfd_open(pid, 0));
	char name[64], text[64] = "";

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	check(readlink(name, text, sizeof(text) - 1) > 0);
	check(!strcmp(text, "anon_inode:[pidfd]"));
	check_errno(read(fd, text, 1), EINVAL);
	end(pid);
}

static void opening_and_ending_race(void)
{
	for (int i = 0; i < 300; i++) {
		pid_t pid = tap_fork();
		int fd;

		if (pid == 0)
			_exit(0);
		fd = pidfd_open(pid, 0);
		if (fd >= 0) {
			struct pollfd one = {.fd = fd, .events = POLLIN};

			check_eq(poll(&one, 1, -1), 1);
			close(fd);
		}
		check_exits(pid, 0);
	}
}

static const struct test_case cases[] = {
	TEST(opening, "pidfd_open: flags, and whom there is none for"),
	TEST(a_thread_has_none, "pidfd_open: a thread is EINVAL"),
	TEST(becomes_readable_at_the_end,
	     "poll: readable once the process has ended, reaped or not"),
	TEST(wakes_who_polls, "poll: wakes another process that watches"),
	TEST(epoll_tells_of_the_end, "epoll: tells of the end"),
	TEST(not_before_the_last_thread, "poll: not while a thread of the process lives"),
	TEST(an_ignored_child_ends_too, "poll: a child that nobody waits for; then ESRCH"),
	TEST(signals_reach_the_process, "pidfd_send_signal: the signal, and its errors"),
	TEST(siginfo_is_checked, "pidfd_send_signal: a siginfo that is forged or does not fit"),
	TEST(a_proc_directory_will_do, "pidfd_send_signal: takes a descriptor of /proc/PID"),
	TEST(permission_is_asked, "pidfd_send_signal, pidfd_getfd: only who may"),
	TEST(waiting_by_pidfd,
	     "waitid: P_PIDFD, not blocking, bad descriptors, somebody else's child"),
	TEST(files_are_taken_over, "pidfd_getfd: another process's file, and its errors"),
	TEST(fdinfo_names_the_process, "fdinfo: the number, -1 when it is gone"),
	TEST(it_is_named_in_proc, "/proc/self/fd names it; it cannot be read"),
	TEST(opening_and_ending_race, "pidfd_open while the process ends"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
