/*
 * CLONE_PIDFD: a descriptor that stands for the child, in the caller's table before the child runs.
 * What can be done with one is in pidfd.c.
 */
#include "clone.h"

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

/* ---- the descriptor ---- */

static int check_descriptor(void *word)
{
	char text[512] = "", line[32], path[64];
	int fd = get(word);
	long info;

	if (fd < 0 || raw3(SYS_fcntl, fd, F_GETFD, 0) != FD_CLOEXEC)
		return 1;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	snprintf(line, sizeof(line), "\nPid:\t%d\n", (int)raw0(SYS_getpid));
	info = raw3(SYS_open, path, O_RDONLY, 0);
	if (info < 0 || raw3(SYS_read, info, text, sizeof(text) - 1) <= 0)
		return 2;
	return strstr(text, line) ? 0 : 3;
}

static void it_is_there_before_the_child_runs(void)
{
	for (int i = 0; i < 10; i++) {
		volatile int fd = -1;
		long pid = raw_clone_call(
			CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_PIDFD | SIGCHLD, new_stack(),
			(int *)&fd, NULL, 0, check_descriptor, (void *)&fd);
		check(pid > 0);
		check_exits(pid, 0);
		check_call(close(fd));
	}
}

static void it_takes_the_lowest_number(void)
{
	int lowest = lowest_free_descriptor(), fd = 12345;
	pid_t pid = clone_with_pidfd(0, &fd);

	if (pid == 0)
		raw_exit(raw3(SYS_fcntl, lowest, F_GETFD, 0) == -EBADF ? 0 : 1);
	check_eq(fd, lowest);
	/* The child's copy of the table was made before. */
	check_exits(pid, 0);
	check_eq(lowest_free_descriptor(), lowest + 1);
	close(fd);
}

static int wait_by_it(int fd, siginfo_t *info)
{
	return raw_waitid(3 /* P_PIDFD */, fd, info, WEXITED | __WALL, NULL);
}

static void it_stands_for_children_with_any_exit_signal(void)
{
	static const int signals[] = {0, SIGUSR1, 64};

	block_all_signals();
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		siginfo_t info = {0};
		int fd = -1;
		long pid = raw_clone(CLONE_PIDFD | signals[i], NULL, &fd, NULL, 0);

		if (pid == 0)
			raw_exit(8);
		check_eq(wait_by_it(fd, &info), 0);
		check_eq(info.si_pid, pid);
		check_eq(info.si_status, 8);
		close(fd);
	}
}

static void make_a_sibling(void *argument)
{
	volatile int *number = argument;
	siginfo_t info;
	int fd = -1;
	pid_t pid;
	const struct clone_args args = {.flags = CLONE_PIDFD | CLONE_PARENT,
					.pidfd = (uintptr_t)&fd};

	pid = raw_clone3(&args, sizeof(args));
	if (pid == 0)
		raw_exit(4);
	set(number, pid);
	check_eq(wait_by_it(fd, &info), -ECHILD);
}

/* It is the caller's table that gets it, and the caller is not the parent then. */
static void a_siblings_is_the_callers(void)
{
	volatile int *number = tap_shared(4096);

	check_child(make_a_sibling, (void *)number);
	check_exits(*number, 4);
}

/* ---- no child at all ---- */

static int run_not(void *argument)
{
	return 1;
}

static void no_trace_of_a_child(int error, long result)
{
	sigset_t pending;

	check_eq(result, -error);
	check_errno(waitpid(-1, NULL, __WALL), ECHILD);
	check_call(sigpending(&pending));
	check(!sigismember(&pending, SIGCHLD));
}

static void bad_pointers_leave_no_trace(void)
{
	int *read_only = (int *)new_page();
	void *const bad[] = {NULL, UNMAPPED_ADDRESS, KERNEL_ADDRESS, read_only,
			     end_of_memory() - 2};
	int lowest = lowest_free_descriptor();

	*read_only = -7;
	check_call(mprotect(read_only, 4096, PROT_READ));
	block_all_signals();
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		no_trace_of_a_child(EFAULT, clone_with_pidfd(0, bad[i]));
		no_trace_of_a_child(EFAULT,
				    raw_clone_call(CLONE_PIDFD | CLONE_VM | SIGCHLD, new_stack(),
						   bad[i], NULL, 0, run_not, NULL));
		check_eq(lowest_free_descriptor(), lowest);
	}
	check_eq(*read_only, -7);
}

static void full_table_leaves_no_trace(void)
{
	const struct rlimit few = {8, 8};
	int fd = -7;
	pid_t pid;

	check_call(setrlimit(RLIMIT_NOFILE, &few));
	while (dup(0) >= 0)
		;
	block_all_signals();
	no_trace_of_a_child(EMFILE, clone_with_pidfd(0, &fd));
	no_trace_of_a_child(EMFILE, clone_with_pidfd(CLONE_FILES, &fd));
	/* That comes before the pointer is looked at. */
	no_trace_of_a_child(EMFILE, clone_with_pidfd(0, UNMAPPED_ADDRESS));
	check_eq(fd, -7);
	close(7);
	pid = clone_with_pidfd(0, &fd);
	if (pid == 0)
		raw_exit(0);
	check_eq(fd, 7);
	check_exits(pid, 0);
}

static void words_at_one_address_are_refused_by_clone3_too(void)
{
	int word = -7, other = -7;
	struct clone_args args = {.flags = CLONE_PIDFD | CLONE_PARENT_SETTID,
				  .pidfd = (uintptr_t)&word,
				  .parent_tid = (uintptr_t)&word,
				  .exit_signal = SIGCHLD};
	long pid;

	block_all_signals();
	no_trace_of_a_child(EINVAL, raw_clone3(&args, sizeof(args)));
	check_eq(word, -7);
	args.parent_tid = (uintptr_t)&other;
	pid = raw_clone3(&args, sizeof(args));
	if (pid == 0)
		raw_exit(0);
	check_eq(other, pid);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(clone_gives_one, "CLONE_PIDFD: clone stores it, close-on-exec"),
	TEST(clone3_gives_one, "CLONE_PIDFD: clone3 stores it, and waitid takes it"),
	TEST(the_child_has_none, "CLONE_PIDFD: nothing is stored in the child"),
	TEST(a_shared_table_shows_it, "CLONE_PIDFD: with CLONE_FILES the child sees its own"),
	TEST(a_bad_pointer_makes_no_child,
	     "CLONE_PIDFD: a bad pointer is EFAULT, no child, no descriptor"),
	TEST(no_descriptor_makes_no_child, "CLONE_PIDFD: no descriptor left is EMFILE, no child"),
	TEST(it_is_there_before_the_child_runs,
	     "CLONE_PIDFD: the descriptor is there before the child runs, and names it"),
	TEST(it_takes_the_lowest_number,
	     "CLONE_PIDFD: it takes the lowest number, which is free in the child"),
	TEST(it_stands_for_children_with_any_exit_signal, "CLONE_PIDFD: goes with any exit signal"),
	TEST(a_siblings_is_the_callers,
	     "CLONE_PIDFD: with CLONE_PARENT it is the caller's, who cannot wait by it"),
	TEST(bad_pointers_leave_no_trace,
	     "CLONE_PIDFD: bad pointers leave no child, no signal, no descriptor"),
	TEST(full_table_leaves_no_trace,
	     "CLONE_PIDFD: a full table leaves no child and no signal, before the pointer is looked at"),
	TEST(words_at_one_address_are_refused_by_clone3_too,
	     "CLONE_PIDFD: clone3 refuses number and descriptor at one address"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
