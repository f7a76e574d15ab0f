/*
 * CLONE_IO: child and parent have one I/O priority, if the parent has one at all; and the calls that
 * set it.
 */
#include "clone.h"

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

static int exec_and_set_priority(void *argument)
{
	raw_exec_helper("set", NULL, NULL);
	return 126;
}

static void exec_goes_on_sharing(void)
{
	set_io_priority(BEST_EFFORT | 6);
	check_exits(clone_call(CLONE_IO | SIGCHLD, exec_and_set_priority, NULL), 0);
	check_eq(io_priority(0), BEST_EFFORT | 3);
	check_exits(clone_call(SIGCHLD, exec_and_set_priority, NULL), 0);
	set_io_priority(BEST_EFFORT | 5);
	check_exits(clone_call(SIGCHLD, exec_and_set_priority, NULL), 0);
	check_eq(io_priority(0), BEST_EFFORT | 5);
}

static int set_to_argument(void *argument)
{
	return raw3(SYS_ioprio_set, WHO_PROCESS, 0, argument) == 0 ? 0 : 1;
}

static int clone_that_sets(void *argument)
{
	long pid = raw_clone_call((unsigned long)argument | SIGCHLD, new_stack(), NULL, NULL, 0,
				  set_to_argument, (void *)(BEST_EFFORT | 1L));
	int status;

	return raw_wait4(pid, &status, 0, NULL) == pid && status == 0 ? 0 : 1;
}

static void grandchild_shares_by_its_own_flags(void)
{
	set_io_priority(BEST_EFFORT | 6);
	check_exits(clone_call(CLONE_IO | SIGCHLD, clone_that_sets, NULL), 0);
	check_eq(io_priority(0), BEST_EFFORT | 6);
	check_exits(clone_call(SIGCHLD, clone_that_sets, (void *)CLONE_IO), 0);
	check_eq(io_priority(0), BEST_EFFORT | 6);
	check_exits(clone_call(CLONE_IO | SIGCHLD, clone_that_sets, (void *)CLONE_IO), 0);
	check_eq(io_priority(0), BEST_EFFORT | 1);
}

static void threads_share_it_by_the_flag_too(void)
{
	static const unsigned long flags[] = {THREAD_FLAGS, THREAD_FLAGS | CLONE_IO};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		struct thread thread;
		int *word = (int *)&thread.word;

		set_io_priority(BEST_EFFORT | 6);
		thread.tid = raw_clone_call(flags[i], new_stack(), word, word, 0, set_to_argument,
					    (void *)(BEST_EFFORT | 2L));
		check(thread.tid > 0);
		thread_join(&thread);
		check_eq(io_priority(0), BEST_EFFORT | (i ? 2 : 6));
	}
}

/* Set to "none" again there still is a context: it is shared, but not worth a copy. */
static void context_without_priority_is_shared_and_not_copied(void)
{
	pid_t pid;

	set_io_priority(BEST_EFFORT | 6);
	set_io_priority(0);
	pid = clone_call(CLONE_IO | SIGCHLD, wait_for_end, NULL);
	set_io_priority(BEST_EFFORT | 4);
	check_eq(io_priority(pid), BEST_EFFORT | 4);
	end_child(pid);
	set_io_priority(0);
	pid = clone_call(SIGCHLD, wait_for_end, NULL);
	check_eq(io_priority(pid), 0);
	end_child(pid);
}

static int set_again_and_again(void *argument)
{
	for (int i = 0; i < 500; i++)
		raw3(SYS_ioprio_set, WHO_PROCESS, 0, BEST_EFFORT | (i & 7));
	return 0;
}

static void both_set_it_while_others_come_and_go(void)
{
	pid_t pid;

	set_io_priority(BEST_EFFORT | 6);
	pid = clone_call(CLONE_IO | SIGCHLD, set_again_and_again, NULL);
	for (int i = 0; i < 20; i++)
		check_exits(clone_call((i % 2 ? CLONE_IO : 0) | SIGCHLD, set_to_argument,
				       (void *)(BEST_EFFORT | 2L)),
			    0);
	check_exits(pid, 0);
	check_eq(io_priority(0) >> 13, 2);
}

static int helper(int argc, char **argv)
{
	return set_to_argument((void *)(BEST_EFFORT | 3L));
}

/* Who has exited has none any more, and gets none. */
static void zombie_gets_none(void)
{
	siginfo_t info;
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(0);
	check_call(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	check_call(syscall(SYS_ioprio_set, WHO_PROCESS, pid, BEST_EFFORT | 6));
	check_eq(io_priority(pid), 0);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(without_a_context_there_is_nothing_to_share,
	     "CLONE_IO: shares nothing if the parent has no io context"),
	TEST(a_child_gets_a_copy, "io priority: a child has its own copy"),
	TEST(clone_io_shares_it, "CLONE_IO: what one sets, the other has, also when one has ended"),
	TEST(io_priorities_are_checked, "ioprio_set, ioprio_get: bad values and permissions"),
	TEST(exec_goes_on_sharing, "CLONE_IO: exec by one goes on sharing"),
	TEST(grandchild_shares_by_its_own_flags,
	     "CLONE_IO: a grandchild shares with whom its own flags say"),
	TEST(threads_share_it_by_the_flag_too, "CLONE_IO: a thread shares it with the flag only"),
	TEST(context_without_priority_is_shared_and_not_copied,
	     "CLONE_IO: a priority set to none again is shared, and not copied"),
	TEST(zombie_gets_none, "CLONE_IO: a zombie has no priority and gets none"),
	TEST(both_set_it_while_others_come_and_go,
	     "CLONE_IO: two set it at once while others come and go"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
