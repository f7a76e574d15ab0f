/*
 * kcmp: which resources two tasks share, seen from outside; after each way of making the second.
 */
#include "helpers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_, VM, FILES, FS, SIGHAND, IO, SYSVSEM, EPOLL_TFD };

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

/* A child made with these flags shares exactly the types in the bits of shared. */
static void expect_shared(unsigned long flags, int shared)
{
	pid_t pid = clone_call(flags | SIGCHLD, wait_for_end, NULL);

	for (int type = VM; type <= SIGHAND; type++)
		check_eq(kcmp(getpid(), pid, type, 0, 0) == 0, shared >> type & 1);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void a_fork_shares_nothing(void)
{
	expect_shared(0, 0);
}

static void each_flag_shares_its_own(void)
{
	expect_shared(CLONE_VM, 1 << VM);
	expect_shared(CLONE_FILES, 1 << FILES);
	expect_shared(CLONE_FS, 1 << FS);
	expect_shared(CLONE_VM | CLONE_SIGHAND, 1 << VM | 1 << SIGHAND);
	expect_shared(CLONE_FS | CLONE_FILES, 1 << FS | 1 << FILES);
}

static int stay(void *done)
{
	while (!get(done))
		raw0(SYS_sched_yield);
	return 0;
}

static void a_thread_shares_all(void)
{
	static volatile int done;
	struct thread thread;

	thread_start(&thread, stay, (void *)&done);
	for (int type = VM; type <= SYSVSEM; type++)
		check_eq(kcmp(getpid(), thread.tid, type, 0, 0), 0);
	set(&done, 1);
	thread_join(&thread);
}

static void open_files_are_compared(void)
{
	int a = check_call(open("/dev/null", O_RDONLY)), b = check_call(dup(a));
	int other = check_call(open("/dev/null", O_RDONLY));
	pid_t pid = tap_fork();

	if (pid == 0)
		wait_for_end(NULL);
	check_eq(kcmp(getpid(), getpid(), FILE_, a, b), 0);
	check(kcmp(getpid(), getpid(), FILE_, a, other) > 0);
	check_eq(kcmp(getpid(), pid, FILE_, a, b), 0);
	check_errno(kcmp(getpid(), pid, FILE_, a, 500), EBADF);
	check_errno(kcmp(getpid(), pid, FILE_, -1, b), EBADF);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void the_order_is_one(void)
{
	pid_t pid = clone_call(SIGCHLD, wait_for_end, NULL);

	for (int type = VM; type <= SIGHAND; type++) {
		long one = kcmp(getpid(), pid, type, 0, 0), other = kcmp(pid, getpid(), type, 0, 0);

		check((one == 1 && other == 2) || (one == 2 && other == 1));
	}
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void errors(void)
{
	pid_t pid;

	check_errno(kcmp(getpid(), NO_SUCH_PID, VM, 0, 0), ESRCH);
	check_errno(kcmp(NO_SUCH_PID, getpid(), 77, 0, 0), ESRCH);
	check_errno(kcmp(getpid(), getpid(), 8, 0, 0), EINVAL);
	check_errno(kcmp(getpid(), getpid(), -1, 0, 0), EINVAL);
	check_errno(kcmp(getpid(), getpid(), EPOLL_TFD, 0, 8), EFAULT);
	pid = tap_fork();
	if (pid == 0) {
		check_call(setuid(1000));
		check_errno(kcmp(getpid(), getppid(), VM, 0, 0), EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void files_in_an_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = check_call(epoll_create1(0)), ends[2], copy;
	unsigned int slot[3];

	make_pipe(ends);
	copy = check_call(dup(ends[0]));
	check_call(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
	slot[0] = epoll;
	slot[1] = ends[0];
	slot[2] = 0;
	check_eq(kcmp(getpid(), getpid(), EPOLL_TFD, copy, (unsigned long)slot), 0);
	check(kcmp(getpid(), getpid(), EPOLL_TFD, ends[1], (unsigned long)slot) > 0);
	slot[2] = 1;
	check_errno(kcmp(getpid(), getpid(), EPOLL_TFD, copy, (unsigned long)slot), ENOENT);
	slot[0] = copy;
	check_errno(kcmp(getpid(), getpid(), EPOLL_TFD, copy, (unsigned long)slot), EINVAL);
	slot[0] = 900;
	check_errno(kcmp(getpid(), getpid(), EPOLL_TFD, copy, (unsigned long)slot), EBADF);
}

static const struct test_case cases[] = {
	TEST(a_fork_shares_nothing, "kcmp: fork shares nothing"),
	TEST(each_flag_shares_its_own,
	     "kcmp: each of clone's flags shares what it names, and no more"),
	TEST(a_thread_shares_all, "kcmp: a thread shares everything"),
	TEST(open_files_are_compared, "kcmp: descriptors of one file, of two, and of none"),
	TEST(the_order_is_one, "kcmp: what differs is in the same order from both sides"),
	TEST(errors, "kcmp: no such task, no such type, a bad pointer, no permission"),
	TEST(files_in_an_epoll, "kcmp: what an epoll watches"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
