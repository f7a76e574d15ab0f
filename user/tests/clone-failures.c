/*
 * A clone that fails leaves nothing, whatever flags it had: no child, no signal, no descriptor, no
 * word stored, nobody more in what would have been shared. Each way to fail late, with each flag.
 */
#include "clone.h"

#include <sys/resource.h>

struct words {
	int parent_tid, child_tid, pidfd;
};

static const unsigned long each_flag[] = {
	0,
	CLONE_VM,
	CLONE_FS,
	CLONE_FILES,
	CLONE_VM | CLONE_SIGHAND,
	CLONE_VFORK,
	CLONE_VM | CLONE_VFORK,
	CLONE_PARENT,
	CLONE_VM | CLONE_SIGHAND | CLONE_THREAD,
	CLONE_SYSVSEM,
	CLONE_PARENT_SETTID,
	CLONE_CHILD_CLEARTID,
	CLONE_CHILD_SETTID,
	CLONE_UNTRACED,
	CLONE_IO,
	CLONE_CLEAR_SIGHAND,
	CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | CLONE_IO,
};

static int run_not(void *argument)
{
	return 1;
}

/* Fill in what goes with the flags; what fails is the caller's. */
static struct clone_args args_with(unsigned long flags, struct words *words)
{
	*words = (struct words){-7, -8, -9};
	return (struct clone_args){
		.flags = flags,
		.exit_signal = flags & (CLONE_THREAD | CLONE_PARENT) ? 0 : SIGCHLD,
		.parent_tid = (uintptr_t)&words->parent_tid,
		.child_tid = (uintptr_t)&words->child_tid,
		.pidfd = (uintptr_t)&words->pidfd,
		.stack = (uintptr_t)new_stack() - STACK_SIZE,
		.stack_size = STACK_SIZE,
	};
}

static void check_nothing_left(const struct words *words, int lowest)
{
	sigset_t pending;

	check_errno(waitpid(-1, NULL, __WALL), ECHILD);
	check_call(sigpending(&pending));
	check(!sigismember(&pending, SIGCHLD));
	check_eq(words->parent_tid, -7);
	check_eq(words->child_tid, -8);
	check_eq(words->pidfd, -9);
	check_eq(lowest_free_descriptor(), lowest);
	check_eq(number_of(read_text("/proc/self/status"), "Threads"), 1);
	/* Nobody more has the memory or the handlers. */
	check_eq(raw1(SYS_unshare, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD), 0);
}

/* With each flag, the call that `spoil` has spoilt fails with this error. */
static void fail_with_each_flag(void (*spoil)(struct clone_args *), int error)
{
	int lowest = lowest_free_descriptor();
	struct words words;

	block_all_signals();
	for (size_t i = 0; i < TAP_COUNT(each_flag); i++) {
		struct clone_args args = args_with(each_flag[i], &words);
		long result;

		spoil(&args);
		result = raw_clone3_call(&args, sizeof(args), run_not, NULL);
		if (result != -error)
			tap_note("flags %#lx", each_flag[i]);
		check_eq(result, -error);
		check_nothing_left(&words, lowest);
	}
}

static void with_bad_base(struct clone_args *args)
{
	args->flags |= CLONE_SETTLS;
	args->tls = 0xffff800000000000;
}

static void bad_base_leaves_nothing(void)
{
	fail_with_each_flag(with_bad_base, EPERM);
}

static void with_taken_number(struct clone_args *args)
{
	static pid_t number = 1;

	args->set_tid = (uintptr_t)&number;
	args->set_tid_size = 1;
}

static void taken_number_leaves_nothing(void)
{
	fail_with_each_flag(with_taken_number, EEXIST);
}

/* A thread has no pidfd: for it that is EINVAL, earlier. */
static void with_bad_pidfd(struct clone_args *args)
{
	if (args->flags & CLONE_THREAD)
		args->flags &= ~(unsigned long)(CLONE_THREAD | CLONE_PARENT);
	args->exit_signal = args->flags & CLONE_PARENT ? 0 : SIGCHLD;
	args->flags |= CLONE_PIDFD;
	args->pidfd = (uintptr_t)UNMAPPED_ADDRESS;
}

static void bad_pidfd_leaves_nothing(void)
{
	fail_with_each_flag(with_bad_pidfd, EFAULT);
}

static void spoil_nothing(struct clone_args *args)
{
}

static void at_the_limit_of_processes(void *argument)
{
	const struct rlimit one = {1, 1};

	check_call(setrlimit(RLIMIT_NPROC, &one));
	check_call(setuid(65534));
	check_call(prctl(PR_SET_DUMPABLE, 1));
	fail_with_each_flag(spoil_nothing, EAGAIN);
}

static void limit_of_processes_leaves_nothing(void)
{
	check_child(at_the_limit_of_processes, NULL);
}

static void with_unknown_flag(struct clone_args *args)
{
	args->flags |= 1UL << 40;
}

static void unknown_flag_leaves_nothing(void)
{
	fail_with_each_flag(with_unknown_flag, EINVAL);
}

/* The number that was taken and given back can be had again at once. */
static void number_of_a_failed_clone_is_free(void)
{
	struct words words;
	struct clone_args args = args_with(0, &words);
	pid_t number = 3000;
	long pid;

	args.stack = args.stack_size = 0;
	args.set_tid = (uintptr_t)&number;
	args.set_tid_size = 1;
	for (int i = 0; i < 5; i++) {
		args.flags = CLONE_PIDFD;
		args.pidfd = (uintptr_t)UNMAPPED_ADDRESS;
		check_eq(raw_clone3(&args, sizeof(args)), -EFAULT);
		check_errno(kill(number, 0), ESRCH);
		args.flags = 0;
		pid = raw_clone3(&args, sizeof(args));
		if (pid == 0)
			raw_exit(0);
		check_eq(pid, number);
		check_exits(pid, 0);
	}
}

/* The user's processes are counted as before: the limit lets one more in each time. */
static void fail_below_a_limit(void *argument)
{
	const struct rlimit two = {2, 2};
	struct words words;

	check_call(setrlimit(RLIMIT_NPROC, &two));
	check_call(setuid(65533));
	for (int i = 0; i < 20; i++) {
		struct clone_args args = args_with(each_flag[i % TAP_COUNT(each_flag)], &words);

		with_bad_base(&args);
		check_eq(raw_clone3_call(&args, sizeof(args), run_not, NULL), -EPERM);
	}
	check_exits(clone_call(SIGCHLD, run_not, NULL), 1);
}

static void failed_clone_is_not_counted(void)
{
	check_child(fail_below_a_limit, NULL);
}

static const struct test_case cases[] = {
	TEST(unknown_flag_leaves_nothing,
	     "failures: a flag that clone3 does not know leaves nothing, with each flag"),
	TEST(limit_of_processes_leaves_nothing,
	     "failures: the limit of processes leaves nothing, with each flag"),
	TEST(bad_base_leaves_nothing, "failures: a bad TLS base leaves nothing, with each flag"),
	TEST(taken_number_leaves_nothing,
	     "failures: a number in use leaves nothing, with each flag"),
	TEST(bad_pidfd_leaves_nothing,
	     "failures: a bad pointer for the pidfd leaves nothing, with each flag"),
	TEST(number_of_a_failed_clone_is_free,
	     "failures: the number of a clone that failed can be had again"),
	TEST(failed_clone_is_not_counted,
	     "failures: a clone that failed does not count as one of the user's processes"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
