/*
 * CLONE_SETTLS: the child begins with a base of FS of its own. A base that no user address can be is
 * refused.
 */
#include "clone.h"

static __thread long thread_word = 1234;
static volatile int *shared;

static unsigned long get_fs(void)
{
	unsigned long base = 0;

	check_eq(raw2(SYS_arch_prctl, ARCH_GET_FS, &base), 0);
	return base;
}

static long load_gs(void)
{
	long value;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

/* Beyond what any x86-64 processor can have as a user address. */
static const unsigned long bad_bases[] = {0x0100000000000000, 0x7fffffffffffffff,
					  0x8000000000000000, 0xffff800000000000,
					  0xffffffff80000000, 0xffffffffffffffff};

static int return_zero(void *argument)
{
	return 0;
}

static void bad_base_makes_no_child(void)
{
	for (size_t i = 0; i < TAP_COUNT(bad_bases); i++) {
		check_eq(raw_clone_call(CLONE_VM | CLONE_SETTLS | SIGCHLD, new_stack(), NULL, NULL,
					bad_bases[i], return_zero, NULL),
			 -EPERM);
		check_eq(raw_clone(CLONE_SETTLS | SIGCHLD, NULL, NULL, NULL, bad_bases[i]), -EPERM);
	}
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
}

static long load_fs(void)
{
	long value;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(value));
	return value;
}

static int report_fs(void *argument)
{
	unsigned long *report = argument;

	raw2(SYS_arch_prctl, ARCH_GET_FS, &report[0]);
	report[1] = load_fs();
	raw0(SYS_sched_yield);
	report[2] = load_fs();
	return 0;
}

static void settls_gives_the_child_a_base(void)
{
	static long words[64] = {4711};
	unsigned long report[3] = {0}, own = get_fs();
	long pid = raw_clone_call(CLONE_VM | CLONE_SETTLS | SIGCHLD, new_stack(), NULL, NULL,
				  (unsigned long)words, report_fs, report);

	check(pid > 0);
	check_exits(pid, 0);
	check_eq(report[0], (unsigned long)words);
	check_eq(report[1], 4711);
	check_eq(report[2], 4711);
	check_eq(get_fs(), own);
	check_eq(thread_word, 1234);
}

static int check_base_in_child(void *argument)
{
	unsigned long base;

	if (raw2(SYS_arch_prctl, ARCH_GET_FS, &base) != 0 || base != (unsigned long)argument)
		return 1;
	return load_fs() == *(long *)argument ? 0 : 2;
}

static void settls_works_without_vm(void)
{
	static long words[64] = {4711};
	long pid = raw_clone_call(CLONE_SETTLS | SIGCHLD, new_stack(), NULL, NULL,
				  (unsigned long)words, check_base_in_child, words);

	check(pid > 0);
	check_exits(pid, 0);
}

static void without_settls_the_base_is_inherited(void)
{
	check_exits(clone_call(CLONE_VM | SIGCHLD, check_base_in_child, (void *)get_fs()), 0);
	check_exits(clone_call(SIGCHLD, check_base_in_child, (void *)get_fs()), 0);
}

static int spin_with_bases(void *argument)
{
	long *words = argument;

	if (raw2(SYS_arch_prctl, ARCH_SET_GS, words) != 0)
		return 1;
	add(&shared[0], 1);
	while (!get(&shared[1]))
		if (load_fs() != words[0] || load_gs() != words[0])
			return 2;
	return 0;
}

static void bases_survive_preemption(void)
{
	static long words[4][64] = {{10}, {20}, {30}, {40}};
	long pids[4];

	shared = tap_shared(4096);
	for (int i = 0; i < 4; i++) {
		pids[i] = raw_clone_call(CLONE_VM | CLONE_SETTLS | SIGCHLD, new_stack(), NULL, NULL,
					 (unsigned long)words[i], spin_with_bases, words[i]);
		check(pids[i] > 0);
	}
	tap_await(&shared[0], 4);
	tap_sleep_ms(100);
	set(&shared[1], 1);
	for (int i = 0; i < 4; i++)
		check_exits(pids[i], 0);
}

static long try_clone3(struct clone_args args, size_t size)
{
	long pid = raw_clone3(&args, size);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		tap_wait(pid);
	return pid;
}

static void clone3_refuses_bad_thread_registers(void)
{
	static const uint64_t bad[] = {0x0100000000000000, 0x8000000000000000, 0xffff800000000000,
				       UINT64_MAX};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(try_clone3((struct clone_args){.flags = CLONE_SETTLS,
							.tls = bad[i],
							.exit_signal = SIGCHLD},
				    64),
			 -EPERM);
}

/* ---- the argument, and what it is taken for ---- */

static int report_base(void *argument)
{
	unsigned long base;

	if (raw2(SYS_arch_prctl, ARCH_GET_FS, &base) != 0)
		return 1;
	return base == (unsigned long)argument ? 0 : 2;
}

static void lowest_and_highest_bases(void)
{
	static const unsigned long bases[] = {0, 1, 0xfff, 0x80000000, 0x7fffffffefff};

	for (size_t i = 0; i < TAP_COUNT(bases); i++) {
		long pid = raw_clone_call(CLONE_SETTLS | SIGCHLD, new_stack(), NULL, NULL, bases[i],
					  report_base, (void *)bases[i]);
		check(pid > 0);
		check_exits(pid, 0);
	}
}

static void without_the_flag_the_argument_is_ignored(void)
{
	for (size_t i = 0; i < TAP_COUNT(bad_bases); i++) {
		const struct clone_args args = {.tls = bad_bases[i], .exit_signal = SIGCHLD};
		long pid = raw_clone_call(SIGCHLD, new_stack(), NULL, NULL, bad_bases[i],
					  report_base, (void *)get_fs());

		check(pid > 0);
		check_exits(pid, 0);
		pid = raw_clone3(&args, sizeof(args));
		if (pid == 0)
			raw_exit(report_base((void *)get_fs()));
		check(pid > 0);
		check_exits(pid, 0);
	}
}

static volatile int parent_word, child_word;
static long base_words[64] = {4711};

static int check_every_argument(void *argument)
{
	const int tid = raw_gettid();

	return get(&child_word) == tid && report_base(base_words) == 0 ? 0 : 1;
}

/* flags, stack, parent_tid, child_tid, tls: each lands where it belongs. */
static void arguments_are_in_the_order_of_x86_64(void)
{
	long pid;

	parent_word = child_word = 0;
	pid = raw_clone_call(CLONE_VM | CLONE_VFORK | CLONE_SETTLS | CLONE_PARENT_SETTID |
				     CLONE_CHILD_SETTID | SIGCHLD,
			     new_stack(), (int *)&parent_word, (int *)&child_word,
			     (unsigned long)base_words, check_every_argument, NULL);
	check(pid > 0);
	check_exits(pid, 0);
	check_eq(parent_word, pid);
	check_eq(child_word, pid);
}

static void clone3_gives_the_child_a_base(void)
{
	const struct clone_args args = {
		.flags = CLONE_VM | CLONE_SETTLS,
		.exit_signal = SIGCHLD,
		.tls = (uintptr_t)base_words,
		.stack = (uintptr_t)new_stack() - STACK_SIZE,
		.stack_size = STACK_SIZE,
	};
	long pid = raw_clone3_call(&args, sizeof(args), report_base, base_words);

	check(pid > 0);
	check_exits(pid, 0);
}

static int fork_and_report_base(void *argument)
{
	long pid = raw_fork();
	int status;

	if (pid == 0)
		raw_exit(report_base(argument));
	if (raw_wait4(pid, &status, 0, NULL) != pid || status != 0)
		return 1;
	pid = vfork_call(report_base, argument);
	return raw_wait4(pid, &status, 0, NULL) == pid && status == 0 ? 0 : 2;
}

static void grandchildren_inherit_the_base(void)
{
	long pid = raw_clone_call(CLONE_VM | CLONE_SETTLS | SIGCHLD, new_stack(), NULL, NULL,
				  (unsigned long)base_words, fork_and_report_base, base_words);

	check(pid > 0);
	check_exits(pid, 0);
}

static int report_gs(void *argument)
{
	return load_gs() == *(long *)argument ? 0 : 1;
}

static void base_of_gs_is_inherited_all_the_same(void)
{
	static long words[2] = {99};
	long pid;

	check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, words), 0);
	pid = raw_clone_call(CLONE_VM | CLONE_SETTLS | SIGCHLD, new_stack(), NULL, NULL,
			     (unsigned long)base_words, report_gs, words);
	check(pid > 0);
	check_exits(pid, 0);
}

static void base_of_a_vfork_child_leaves_the_parents(void)
{
	unsigned long own = get_fs();

	for (int i = 0; i < 20; i++) {
		long pid = raw_clone_call(CLONE_VM | CLONE_VFORK | CLONE_SETTLS | SIGCHLD,
					  new_stack(), NULL, NULL, (unsigned long)base_words,
					  report_base, base_words);

		check_eq(get_fs(), own);
		check_eq(thread_word, 1234);
		check_exits(pid, 0);
	}
}

static const struct test_case cases[] = {
	TEST(bad_base_makes_no_child,
	     "tls: clone: a base beyond user addresses is EPERM and makes no child"),
	TEST(settls_gives_the_child_a_base,
	     "tls: CLONE_SETTLS gives the child its base and leaves the parent's"),
	TEST(settls_works_without_vm, "tls: CLONE_SETTLS works without CLONE_VM"),
	TEST(without_settls_the_base_is_inherited,
	     "tls: without CLONE_SETTLS clone keeps the base"),
	TEST(bases_survive_preemption, "tls: four spinning tasks each keep their own bases"),
	TEST(clone3_refuses_bad_thread_registers,
	     "rules: clone3 refuses a TLS base beyond user addresses"),
	TEST(lowest_and_highest_bases,
	     "CLONE_SETTLS: takes the lowest and the highest user address"),
	TEST(without_the_flag_the_argument_is_ignored,
	     "CLONE_SETTLS: without it the argument is ignored, be it ever so bad"),
	TEST(arguments_are_in_the_order_of_x86_64,
	     "CLONE_SETTLS: tls is the fifth argument, child_tid the fourth"),
	TEST(clone3_gives_the_child_a_base, "CLONE_SETTLS: clone3 gives the child its base"),
	TEST(grandchildren_inherit_the_base,
	     "CLONE_SETTLS: the child's own children inherit the base"),
	TEST(base_of_gs_is_inherited_all_the_same,
	     "CLONE_SETTLS: the base of GS is inherited all the same"),
	TEST(base_of_a_vfork_child_leaves_the_parents,
	     "CLONE_SETTLS: the base of a child that is waited for leaves the parent's"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
