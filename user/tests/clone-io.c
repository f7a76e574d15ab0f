/*
 * CLONE_IO: child and parent have one I/O priority, if the parent has one at all; and the calls that
 * set it.
 */
#include "helpers.h"

enum { KCMP_IO = 5 };
enum { WHO_PROCESS = 1, BEST_EFFORT = 2 << 13 };

static long kcmp(pid_t a, pid_t b, int type, unsigned long index_a, unsigned long index_b)
{
	return syscall(SYS_kcmp, a, b, type, index_a, index_b);
}

static int wait_for_end(void *argument)
{
	for (;;)
		raw0(SYS_pause);
	return 0;
}

static long io_priority(pid_t pid)
{
	return check_call(syscall(SYS_ioprio_get, WHO_PROCESS, pid));
}

static void set_io_priority(int priority)
{
	check_call(syscall(SYS_ioprio_set, WHO_PROCESS, 0, priority));
}

static void without_a_context_there_is_nothing_to_share(void)
{
	pid_t pid = clone_call(CLONE_IO | SIGCHLD, wait_for_end, NULL);

	check_eq(io_priority(pid), 0);
	set_io_priority(BEST_EFFORT | 6);
	check_eq(io_priority(pid), 0);
	check(kcmp(getpid(), pid, KCMP_IO, 0, 0) > 0);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void a_child_gets_a_copy(void)
{
	pid_t pid;

	set_io_priority(BEST_EFFORT | 6);
	pid = clone_call(SIGCHLD, wait_for_end, NULL);
	check_eq(io_priority(pid), BEST_EFFORT | 6);
	check(kcmp(getpid(), pid, KCMP_IO, 0, 0) > 0);
	set_io_priority(BEST_EFFORT | 2);
	check_eq(io_priority(pid), BEST_EFFORT | 6);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void clone_io_shares_it(void)
{
	pid_t pid;

	set_io_priority(BEST_EFFORT | 6);
	pid = clone_call(CLONE_IO | SIGCHLD, wait_for_end, NULL);
	check_eq(kcmp(getpid(), pid, KCMP_IO, 0, 0), 0);
	set_io_priority(BEST_EFFORT | 2);
	check_eq(io_priority(pid), BEST_EFFORT | 2);
	check_call(syscall(SYS_ioprio_set, WHO_PROCESS, pid, 3 << 13));
	check_eq(io_priority(0), 3 << 13);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(io_priority(0), 3 << 13);
}

static void io_priorities_are_checked(void)
{
	pid_t pid;

	check_errno(syscall(SYS_ioprio_get, 4, 0), EINVAL);
	check_errno(syscall(SYS_ioprio_get, 0, 0), EINVAL);
	check_errno(syscall(SYS_ioprio_get, WHO_PROCESS, NO_SUCH_PID), ESRCH);
	check_errno(syscall(SYS_ioprio_set, WHO_PROCESS, 0, 1), EINVAL);
	check_errno(syscall(SYS_ioprio_set, WHO_PROCESS, 0, 4 << 13), EINVAL);
	check_errno(syscall(SYS_ioprio_set, 7, 0, BEST_EFFORT), EINVAL);
	check_call(syscall(SYS_ioprio_set, WHO_PROCESS, 0, 1 << 13 | 3));
	pid = tap_fork();
	if (pid == 0) {
		check_call(setuid(1000));
		check_errno(syscall(SYS_ioprio_set, WHO_PROCESS, 0, 1 << 13), EPERM);
		check_errno(syscall(SYS_ioprio_set, WHO_PROCESS, getppid(), BEST_EFFORT), EPERM);
		check_call(syscall(SYS_ioprio_set, WHO_PROCESS, 0, BEST_EFFORT | 7));
		_exit(0);
	}
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(without_a_context_there_is_nothing_to_share,
	     "CLONE_IO: shares nothing if the parent has no io context"),
	TEST(a_child_gets_a_copy, "io priority: a child has its own copy"),
	TEST(clone_io_shares_it, "CLONE_IO: what one sets, the other has, also when one has ended"),
	TEST(io_priorities_are_checked, "ioprio_set, ioprio_get: bad values and permissions"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
