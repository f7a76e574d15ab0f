/*
 * The bases of FS and GS: set by arch_prctl, kept by fork and by every switch between tasks, apart
 * in every task, and never such that the processor could fault on them in the kernel.
 */
#include "helpers.h"

#include <sys/auxv.h>

static __thread long thread_word = 1234;

static unsigned long get_fs(void)
{
	unsigned long base = 0;

	check_eq(raw2(SYS_arch_prctl, ARCH_GET_FS, &base), 0);
	return base;
}

static unsigned long get_gs(void)
{
	unsigned long base = 0;

	check_eq(raw2(SYS_arch_prctl, ARCH_GET_GS, &base), 0);
	return base;
}

static long load_gs(void)
{
	long value;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

static void fork_keeps_thread_variables(void)
{
	unsigned long base = get_fs();
	long *address = &thread_word;
	pid_t pid;

	check(base != 0);
	thread_word = 77;
	pid = tap_fork();
	if (pid == 0) {
		check_eq(get_fs(), base);
		check(&thread_word == address);
		check_eq(thread_word, 77);
		thread_word = 78;
		check_child((void (*)(void *))settle, NULL);
		check_eq(thread_word, 78);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(thread_word, 77);
}

static void fork_keeps_the_gs_base(void)
{
	static long words[2] = {111, 222};
	pid_t pid;

	check_eq(get_gs(), 0);
	check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, words), 0);
	check_eq(get_gs(), (unsigned long)words);
	check_eq(load_gs(), 111);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(get_gs(), (unsigned long)words);
		check_eq(load_gs(), 111);
		check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, &words[1]), 0);
		for (int i = 0; i < 20; i++) {
			raw0(SYS_sched_yield);
			check_eq(load_gs(), 222);
		}
		_exit(0);
	}
	for (int i = 0; i < 20; i++) {
		raw0(SYS_sched_yield);
		check_eq(load_gs(), 111);
	}
	check_exits(pid, 0);
	check_eq(load_gs(), 111);
}

static long set_fs_and_read(unsigned long base, unsigned long *seen)
{
	unsigned long old;
	long result;

	/* Between the two calls no code runs that could need the old base. */
	raw2(SYS_arch_prctl, ARCH_GET_FS, &old);
	result = raw2(SYS_arch_prctl, ARCH_SET_FS, base);
	raw2(SYS_arch_prctl, ARCH_GET_FS, seen);
	raw2(SYS_arch_prctl, ARCH_SET_FS, old);
	return result;
}

static void bases_can_be_set_and_read(void)
{
	static char memory[4096];
	static const unsigned long bases[] = {0,          1,          0xfff,         0x7fffffff,
					      0x80000000, 0xffffffff, 0x123456789abc};
	unsigned long seen, own = get_fs();

	check_eq(set_fs_and_read((unsigned long)memory, &seen), 0);
	check_eq(seen, (unsigned long)memory);
	for (size_t i = 0; i < TAP_COUNT(bases); i++) {
		check_eq(set_fs_and_read(bases[i], &seen), 0);
		check_eq(seen, bases[i]);
		check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, bases[i]), 0);
		check_eq(get_gs(), bases[i]);
	}
	check_eq(get_fs(), own);
}

/* Beyond what any x86-64 processor can have as a user address. */
static const unsigned long bad_bases[] = {0x0100000000000000, 0x7fffffffffffffff,
					  0x8000000000000000, 0xffff800000000000,
					  0xffffffff80000000, 0xffffffffffffffff};

static void bad_bases_are_eperm(void)
{
	unsigned long fs = get_fs(), gs = get_gs();

	for (size_t i = 0; i < TAP_COUNT(bad_bases); i++) {
		check_eq(raw2(SYS_arch_prctl, ARCH_SET_FS, bad_bases[i]), -EPERM);
		check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, bad_bases[i]), -EPERM);
		check_eq(get_fs(), fs);
		check_eq(get_gs(), gs);
	}
}

static void other_errors(void)
{
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_FS, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_GS, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_arch_prctl, 0, 0), -EINVAL);
	check_eq(raw2(SYS_arch_prctl, 0x1000, 0), -EINVAL);
	check_eq(raw2(SYS_arch_prctl, -1, 0), -EINVAL);
}

static unsigned long fs_in_handler, gs_in_handler;

static void note_bases(int number)
{
	raw2(SYS_arch_prctl, ARCH_GET_FS, &fs_in_handler);
	raw2(SYS_arch_prctl, ARCH_GET_GS, &gs_in_handler);
}

static void handlers_run_with_the_same_bases(void)
{
	static long words[2] = {5};

	check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, words), 0);
	set_handler(SIGUSR1, note_bases, 0);
	check_call(raise(SIGUSR1));
	check_eq(fs_in_handler, get_fs());
	check_eq(gs_in_handler, (unsigned long)words);
	check_eq(load_gs(), 5);
}

static void exec_with_gs(void *argument)
{
	static long words[2] = {5};

	check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, words), 0);
	raw_exec_helper("gs", NULL, NULL);
	_exit(126);
}

static void exec_clears_the_gs_base(void)
{
	check_child(exec_with_gs, NULL);
}

/*
 * The processor's own instructions may be used where the kernel says so; then they count like
 * arch_prctl.
 */
static void base_written_by_an_instruction_is_kept(void)
{
	static long words[2] = {6, 7};
	unsigned long base = 0;
	pid_t pid;

	if (!(getauxval(AT_HWCAP2) & 2))
		return;
	__asm__ volatile("wrgsbase %0" : : "r"(words));
	check_eq(get_gs(), (unsigned long)words);
	raw_settle();
	check_eq(load_gs(), 6);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(load_gs(), 6);
		__asm__ volatile("wrgsbase %0" : : "r"(&words[1]));
		raw_settle();
		check_eq(load_gs(), 7);
		_exit(0);
	}
	check_exits(pid, 0);
	__asm__ volatile("rdgsbase %0" : "=r"(base));
	check_eq(base, (unsigned long)words);
}

static int helper(int argc, char **argv)
{
	unsigned long base = 1;

	return raw2(SYS_arch_prctl, ARCH_GET_GS, &base) == 0 && base == 0 ? 0 : 1;
}

static const struct test_case cases[] = {
	TEST(fork_keeps_thread_variables,
	     "tls: fork keeps the FS base, and thread variables are the child's own"),
	TEST(fork_keeps_the_gs_base, "tls: fork keeps the GS base, and then it is the child's own"),
	TEST(bases_can_be_set_and_read, "tls: arch_prctl sets any user address and gives it back"),
	TEST(bad_bases_are_eperm,
	     "tls: arch_prctl: a base beyond user addresses is EPERM and changes nothing"),
	TEST(other_errors, "tls: arch_prctl: bad pointers are EFAULT, unknown codes EINVAL"),
	TEST(handlers_run_with_the_same_bases, "tls: a signal handler runs with the same bases"),
	TEST(exec_clears_the_gs_base, "tls: exec clears the GS base"),
	TEST(base_written_by_an_instruction_is_kept,
	     "tls: a base written by wrgsbase is kept, where that is allowed"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
