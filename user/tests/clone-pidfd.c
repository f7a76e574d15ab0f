/*
 * CLONE_PIDFD: a descriptor that stands for the child, in the caller's table before the child runs.
 * What can be done with one is in pidfd.c.
 */
#include "helpers.h"

#include <sys/resource.h>

static pid_t clone_with_pidfd(unsigned long flags, int *pidfd)
{
	const struct clone_args args = {
		.flags = CLONE_PIDFD | flags,
		.pidfd = (uintptr_t)pidfd,
		.exit_signal = SIGCHLD,
	};

	return raw_clone3(&args, sizeof(args));
}

static void clone_gives_one(void)
{
	int fd = -1;
	long pid = raw_clone(CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, 0);

	if (pid == 0)
		raw_exit(7);
	check(pid > 0);
	check(fd >= 0);
	check_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	check_exits(pid, 7);
}

static void clone3_gives_one(void)
{
	siginfo_t info;
	int fd = -1;
	pid_t pid = clone_with_pidfd(0, &fd);

	if (pid == 0)
		raw_exit(7);
	check(pid > 0);
	check_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	check_call(waitid(P_PIDFD, fd, &info, WEXITED));
	check_eq(info.si_pid, pid);
	check_eq(info.si_status, 7);
	check_errno(waitid(P_PIDFD, fd, &info, WEXITED), ECHILD);
}

static void the_child_has_none(void)
{
	int fd = -1;
	pid_t pid = clone_with_pidfd(0, &fd);

	if (pid == 0)
		raw_exit(fd == -1 ? 0 : 1);
	check_exits(pid, 0);
}

static void a_shared_table_shows_it(void)
{
	volatile int *fd = tap_shared(4096);
	pid_t pid;

	*fd = -1;
	pid = clone_with_pidfd(CLONE_FILES, (int *)fd);
	if (pid == 0) {
		while (get(fd) < 0)
			raw0(SYS_sched_yield);
		raw_exit(raw3(SYS_fcntl, *fd, F_GETFD, 0) == FD_CLOEXEC ? 0 : 1);
	}
	check_exits(pid, 0);
}

static void a_bad_pointer_makes_no_child(void)
{
	int next = dup(0), after;

	close(next);
	check_eq(clone_with_pidfd(0, (int *)8), -EFAULT);
	check_eq(raw_clone(CLONE_PIDFD | SIGCHLD, NULL, (int *)8, NULL, 0), -EFAULT);
	check_errno(waitpid(-1, NULL, 0), ECHILD);
	after = dup(0);
	check_eq(after, next);
}

static void no_descriptor_makes_no_child(void)
{
	const struct rlimit none = {3, 3};
	int fd;

	check_call(setrlimit(RLIMIT_NOFILE, &none));
	while (dup(0) >= 0)
		;
	check_eq(clone_with_pidfd(0, &fd), -EMFILE);
	check_errno(waitpid(-1, NULL, 0), ECHILD);
}

static const struct test_case cases[] = {
	TEST(clone_gives_one, "CLONE_PIDFD: clone stores it, close-on-exec"),
	TEST(clone3_gives_one, "CLONE_PIDFD: clone3 stores it, and waitid takes it"),
	TEST(the_child_has_none, "CLONE_PIDFD: nothing is stored in the child"),
	TEST(a_shared_table_shows_it, "CLONE_PIDFD: with CLONE_FILES the child sees its own"),
	TEST(a_bad_pointer_makes_no_child,
	     "CLONE_PIDFD: a bad pointer is EFAULT, no child, no descriptor"),
	TEST(no_descriptor_makes_no_child, "CLONE_PIDFD: no descriptor left is EMFILE, no child"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
