/*
 * CLONE_VM: child and parent have one memory, with its mappings, its break and all that is set for a
 * part of it. Without the flag each has its own.
 */
#include "clone.h"

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

/* ---- what is set for a part of the memory, or for all of it ---- */

static int protect_page(void *page)
{
	return raw3(SYS_mprotect, page, 4096, PROT_READ) == 0 ? 0 : 1;
}

/* Can the kernel write a byte there? Asked by a read from a pipe. */
static int is_writable(void *address)
{
	int ends[2];
	long n;

	make_pipe(ends);
	give_byte(ends[1], 1);
	n = raw3(SYS_read, ends[0], address, 1);
	close(ends[0]);
	close(ends[1]);
	check(n == 1 || n == -EFAULT);
	return n == 1;
}

static void protection_is_shared_with_vm_only(void)
{
	char *page = new_page();

	check_exits(clone_call(SIGCHLD, protect_page, page), 0);
	check(is_writable(page));
	check_exits(clone_call(CLONE_VM | SIGCHLD, protect_page, page), 0);
	check(!is_writable(page));
	check(is_mapped(page));
}

static int drop_contents(void *page)
{
	return raw3(SYS_madvise, page, 4096, MADV_DONTNEED) == 0 ? 0 : 1;
}

static void dropped_pages_are_gone_for_both_with_vm_only(void)
{
	volatile char *page = new_page();

	page[7] = 7;
	check_exits(clone_call(SIGCHLD, drop_contents, (void *)page), 0);
	check_eq(page[7], 7);
	check_exits(clone_call(CLONE_VM | SIGCHLD, drop_contents, (void *)page), 0);
	check_eq(page[7], 0);
}

static int move_page(void *page)
{
	return raw5(SYS_mremap, page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, NEW_MAPPING) ==
			       (long)NEW_MAPPING
		       ? 0
		       : 1;
}

static void moved_mapping_is_moved_for_both_with_vm_only(void)
{
	volatile char *page = new_page();

	page[7] = 7;
	check_exits(clone_call(SIGCHLD, move_page, (void *)page), 0);
	check_eq(page[7], 7);
	check(!is_mapped(NEW_MAPPING));
	check_exits(clone_call(CLONE_VM | SIGCHLD, move_page, (void *)page), 0);
	check(!is_mapped((void *)page));
	check_eq(((volatile char *)NEW_MAPPING)[7], 7);
}

static int lock_page(void *page)
{
	return raw2(SYS_mlock, page, 4096) == 0 ? 0 : 1;
}

static void locked_pages_are_counted_for_both_with_vm_only(void)
{
	char *page = new_page();

	check_exits(clone_call(SIGCHLD, lock_page, page), 0);
	check_eq(number_of(read_text("/proc/self/status"), "VmLck"), 0);
	check_exits(clone_call(CLONE_VM | SIGCHLD, lock_page, page), 0);
	check_eq(number_of(read_text("/proc/self/status"), "VmLck"), 4);
}

static int become_undumpable(void *argument)
{
	return raw2(SYS_prctl, PR_SET_DUMPABLE, argument) == 0 ? 0 : 1;
}

static void dumpable_is_shared_with_vm_only(void)
{
	check_exits(clone_call(SIGCHLD, become_undumpable, (void *)0), 0);
	check_eq(prctl(PR_GET_DUMPABLE), 1);
	check_exits(clone_call(CLONE_VM | SIGCHLD, become_undumpable, (void *)0), 0);
	check_eq(prctl(PR_GET_DUMPABLE), 0);
}

/* The score by which a process is chosen when memory is out goes with the memory. */
static void oom_score_is_shared_with_vm_only(void)
{
	static const unsigned long flags[] = {0, CLONE_VM, CLONE_VM | CLONE_SIGHAND};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		pid_t pid = clone_call(flags[i] | SIGCHLD, wait_for_ever, NULL);
		char path[64];

		check(try_write("/proc/self/oom_score_adj", "100") > 0);
		snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
		check_eq(atoi(read_text(path)), flags[i] ? 100 : 0);
		check(try_write(path, "300") > 0);
		check_eq(atoi(read_text("/proc/self/oom_score_adj")), flags[i] ? 300 : 100);
		end_child(pid);
		check(try_write("/proc/self/oom_score_adj", "0") > 0);
	}
}

/* ---- two that run at the same time ---- */

enum { ROUNDS = 500 };
static volatile int numbers[2];

static int answer_numbers(void *argument)
{
	for (int i = 1; i <= ROUNDS; i++) {
		raw_await(&numbers[0], i);
		set(&numbers[1], i);
	}
	return 0;
}

static void writes_are_seen_while_both_run(void)
{
	pid_t pid = clone_call(CLONE_VM | SIGCHLD, answer_numbers, NULL);

	for (int i = 1; i <= ROUNDS; i++) {
		set(&numbers[0], i);
		tap_await(&numbers[1], i);
	}
	check_exits(pid, 0);
}

/* Every page that the parent hands over is used and unmapped here, and then is mapped nowhere. */
static int unmap_what_is_mapped(void *slot)
{
	for (int i = 1; i <= ROUNDS; i++) {
		volatile char *page;

		raw_await(&numbers[0], i);
		page = *(char *volatile *)slot;
		if (page[5] != 5)
			return 1;
		page[6] = 6;
		if (raw2(SYS_munmap, page, 4096) != 0)
			return 2;
		set(&numbers[1], i);
	}
	return 0;
}

static void mappings_come_and_go_while_both_run(void)
{
	static char *volatile page;
	pid_t pid = clone_call(CLONE_VM | SIGCHLD, unmap_what_is_mapped, (void *)&page);

	for (int i = 1; i <= ROUNDS; i++) {
		page = new_page();
		page[5] = 5;
		set(&numbers[0], i);
		tap_await(&numbers[1], i);
		check(i % 50 != 0 || !is_mapped(page));
	}
	check_exits(pid, 0);
}

static int fill_pages(void *memory)
{
	set(&numbers[0], 1);
	for (int i = 0; i < 512; i++)
		((volatile char *)memory)[i * 4096] += 1;
	return 0;
}

/* Both touch the same new pages first, at the same time: each page is there once. */
static void first_touch_by_both_gives_one_page(void)
{
	const size_t size = 512 * 4096;

	for (int round = 0; round < 4; round++) {
		volatile char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pid_t pid;

		check(memory != MAP_FAILED);
		set(&numbers[0], 0);
		pid = clone_call(CLONE_VM | SIGCHLD, fill_pages, (void *)memory);
		tap_await(&numbers[0], 1);
		for (int i = 0; i < 512; i++)
			memory[i * 4096 + 64] += 1;
		check_exits(pid, 0);
		for (int i = 0; i < 512; i++)
			check_eq(memory[i * 4096] + memory[i * 4096 + 64], 2);
		check_call(munmap((void *)memory, size));
	}
}

/* ---- what goes with the memory at clone ---- */

static int signal_stack_flags(void *argument)
{
	stack_t stack;

	return raw2(SYS_sigaltstack, NULL, &stack) == 0 ? stack.ss_flags : 99;
}

static void signal_stack_is_dropped_with_vm_alone(void)
{
	stack_t stack = {.ss_sp = new_page(), .ss_size = 4096};

	check_call(sigaltstack(&stack, NULL));
	check_exits(clone_call(SIGCHLD, signal_stack_flags, NULL), 0);
	check_exits(clone_call(CLONE_VFORK | SIGCHLD, signal_stack_flags, NULL), 0);
	check_exits(clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, signal_stack_flags, NULL), 0);
	check_exits(clone_call(CLONE_VM | SIGCHLD, signal_stack_flags, NULL), SS_DISABLE);
	check_exits(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, signal_stack_flags, NULL),
		    SS_DISABLE);
}

static int add_one_and_clone(void *argument)
{
	int *left = argument, status;
	long pid;

	word++;
	if (--*left == 0)
		return 0;
	pid = raw_clone_call(CLONE_VM | SIGCHLD, left + *left * 4096, NULL, NULL, 0,
			     add_one_and_clone, left);
	return raw_wait4(pid, &status, 0, NULL) == pid && status == 0 ? 0 : 1;
}

static void memory_is_shared_down_a_line_of_clones(void)
{
	int *left =
		mmap(NULL, 12 * 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(left != MAP_FAILED);
	*left = 10;
	check_exits(clone_call(CLONE_VM | SIGCHLD, add_one_and_clone, left), 0);
	check_eq(word, 10);
	check_eq(*left, 0);
}

static const struct test_case cases[] = {
	TEST(vm_shares_memory_and_mappings, "clone: CLONE_VM shares memory, mmap and munmap"),
	TEST(without_vm_memory_is_a_copy, "clone: without CLONE_VM memory is a copy"),
	TEST(break_is_shared_with_vm_only, "clone: the break is shared with CLONE_VM only"),
	TEST(child_runs_on_the_stack_it_was_given,
	     "clone: the child runs on the stack it was given, shared or copied"),
	TEST(clone_without_stack_goes_on_where_it_was,
	     "clone: without a stack the child goes on on a copy of the parent's"),
	TEST(protection_is_shared_with_vm_only,
	     "CLONE_VM: mprotect by the child is the parent's too, with the flag only"),
	TEST(dropped_pages_are_gone_for_both_with_vm_only,
	     "CLONE_VM: MADV_DONTNEED by the child drops the parent's page, with the flag only"),
	TEST(moved_mapping_is_moved_for_both_with_vm_only,
	     "CLONE_VM: mremap by the child moves the parent's mapping, with the flag only"),
	TEST(locked_pages_are_counted_for_both_with_vm_only,
	     "CLONE_VM: what the child locks counts as the parent's, with the flag only"),
	TEST(dumpable_is_shared_with_vm_only,
	     "CLONE_VM: PR_SET_DUMPABLE is of the memory, so it is shared with the flag only"),
	TEST(oom_score_is_shared_with_vm_only,
	     "CLONE_VM: oom_score_adj set for one is the other's, with the flag only"),
	TEST(writes_are_seen_while_both_run,
	     "CLONE_VM: each sees the other's writes while both run"),
	TEST(mappings_come_and_go_while_both_run,
	     "CLONE_VM: pages mapped by one are used and unmapped by the other, both running"),
	TEST(first_touch_by_both_gives_one_page,
	     "CLONE_VM: a page first touched by both at once is one page"),
	TEST(signal_stack_is_dropped_with_vm_alone,
	     "CLONE_VM: the child has no signal stack, unless with CLONE_VFORK"),
	TEST(memory_is_shared_down_a_line_of_clones, "CLONE_VM: ten generations share one memory"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
