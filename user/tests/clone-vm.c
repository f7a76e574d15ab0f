/*
 * CLONE_VM: child and parent have one memory, with its mappings, its break and all that is set for a
 * part of it. Without the flag each has its own.
 */
#include "helpers.h"

static volatile int word;

#define NEW_MAPPING ((void *)0x100000000000)

static int change_memory(void *argument)
{
	long result;

	word = 5;
	result = raw6(SYS_mmap, NEW_MAPPING, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (result != (long)NEW_MAPPING)
		return 1;
	*(volatile int *)NEW_MAPPING = 42;
	return raw2(SYS_munmap, argument, 4096) == 0 ? 0 : 2;
}

/* Can the kernel read a byte there? Asked by a write to a pipe, which never faults. */
static int is_mapped(const void *address)
{
	int ends[2];
	long n;

	make_pipe(ends);
	n = raw3(SYS_write, ends[1], address, 1);
	close(ends[0]);
	close(ends[1]);
	check(n == 1 || n == -EFAULT);
	return n == 1;
}

static void change_memory_under(unsigned long flags, int is_shared)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED);
	page[0] = 1;
	check_exits(clone_call(flags | SIGCHLD, change_memory, page), 0);
	check_eq(word, is_shared ? 5 : 0);
	check_eq(is_mapped(NEW_MAPPING), is_shared);
	check_eq(is_mapped(page), !is_shared);
	if (is_shared)
		check_eq(*(volatile int *)NEW_MAPPING, 42);
}

static void vm_shares_memory_and_mappings(void)
{
	change_memory_under(CLONE_VM, 1);
}
static void without_vm_memory_is_a_copy(void)
{
	change_memory_under(0, 0);
}

static int grow_break(void *argument)
{
	long old = raw1(SYS_brk, 0);

	return raw1(SYS_brk, old + 65536) == old + 65536 ? 0 : 1;
}

static void break_is_shared_with_vm_only(void)
{
	long old = raw1(SYS_brk, 0);

	check_exits(clone_call(SIGCHLD, grow_break, NULL), 0);
	check_eq(raw1(SYS_brk, 0), old);
	check_exits(clone_call(CLONE_VM | SIGCHLD, grow_break, NULL), 0);
	check_eq(raw1(SYS_brk, 0), old + 65536);
}

static int note_stack_address(void *argument)
{
	char here;

	return &here<(char *)argument && & here>(char *) argument - STACK_SIZE ? 0 : 1;
}

static void child_runs_on_the_stack_it_was_given(void)
{
	static const unsigned long flags[] = {0, CLONE_VM, CLONE_VM | CLONE_VFORK, CLONE_VFORK};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		void *stack = new_stack();
		long pid = raw_clone_call(flags[i] | SIGCHLD, stack, NULL, NULL, 0,
					  note_stack_address, stack);
		check(pid > 0);
		check_exits(pid, 0);
	}
}

static void clone_without_stack_goes_on_where_it_was(void)
{
	int here = 8;
	long pid = raw_clone(SIGCHLD, NULL, NULL, NULL, 0);

	check(pid >= 0);
	if (pid == 0)
		_exit(here);
	check_exits(pid, 8);
}

static const struct test_case cases[] = {
	TEST(vm_shares_memory_and_mappings, "clone: CLONE_VM shares memory, mmap and munmap"),
	TEST(without_vm_memory_is_a_copy, "clone: without CLONE_VM memory is a copy"),
	TEST(break_is_shared_with_vm_only, "clone: the break is shared with CLONE_VM only"),
	TEST(child_runs_on_the_stack_it_was_given,
	     "clone: the child runs on the stack it was given, shared or copied"),
	TEST(clone_without_stack_goes_on_where_it_was,
	     "clone: without a stack the child goes on on a copy of the parent's"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
