/*
 * clone3's structure: which sizes and pointers it takes, and what it wants of each field, in which
 * order.
 */
#include "clone.h"

#define THREAD (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

static long try_clone3(struct clone_args args, size_t size)
{
	long pid = raw_clone3(&args, size);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		tap_wait(pid);
	return pid;
}

static void clone3_refuses_sizes(void)
{
	static struct clone_args pages[4096 * 2 / sizeof(struct clone_args) + 1];
	static const size_t too_small[] = {0, 1, 8, 56, 63};
	static const size_t too_big[] = {4097, 8192, 0x100000000, SIZE_MAX, SIZE_MAX / 2 + 1};

	for (size_t i = 0; i < TAP_COUNT(too_small); i++)
		check_eq(raw_clone3(pages, too_small[i]), -EINVAL);
	for (size_t i = 0; i < TAP_COUNT(too_big); i++)
		check_eq(raw_clone3(pages, too_big[i]), -E2BIG);
	check_eq(raw_clone3(NULL, 63), -EINVAL);
	check_eq(raw_clone3(NULL, 4097), -E2BIG);
	check_eq(raw_clone3(UNMAPPED_ADDRESS, 0), -EINVAL);
}

static void clone3_refuses_bytes_it_does_not_know(void)
{
	static unsigned char bytes[4096];

	for (size_t position = sizeof(struct clone_args); position < sizeof(bytes);
	     position += 667) {
		bytes[position] = 1;
		check_eq(raw_clone3((struct clone_args *)bytes, sizeof(bytes)), -E2BIG);
		check_eq(raw_clone3((struct clone_args *)bytes, position + 1), -E2BIG);
		bytes[position] = 0;
	}
	bytes[sizeof(bytes) - 1] = 0x80;
	check_eq(raw_clone3((struct clone_args *)bytes, sizeof(bytes)), -E2BIG);
	/* Before anything else is looked at. */
	*(uint64_t *)bytes = CLONE_SIGHAND;
	check_eq(raw_clone3((struct clone_args *)bytes, sizeof(bytes)), -E2BIG);
}

static void clone3_refuses_bad_pointers(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(pages != MAP_FAILED);
	check_call(munmap(pages + 4096, 4096));
	check_eq(raw_clone3(NULL, 64), -EFAULT);
	check_eq(raw_clone3(UNMAPPED_ADDRESS, 88), -EFAULT);
	check_eq(raw_clone3(KERNEL_ADDRESS, 88), -EFAULT);
	check_eq(raw_clone3((void *)0x8000000000000000, 88), -EFAULT);
	check_eq(raw_clone3((void *)-8L, 88), -EFAULT);
	check_eq(raw_clone3((void *)(pages + 4096 - 63), 64), -EFAULT);
	check_eq(raw_clone3((void *)(pages + 4096 - 64), 88), -EFAULT);
	check_eq(raw_clone3((void *)(pages + 4096 - 88), 4096), -EFAULT);
}

static void clone3_refuses_exit_signals(void)
{
	static const uint64_t bad[] = {65,          66,          127,
				       128,         255,         256,
				       0x100000000, 0x100000011, 0x8000000000000000,
				       UINT64_MAX};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(try_clone3((struct clone_args){.exit_signal = bad[i]}, 64), -EINVAL);
	for (int number = 1; number <= 64; number += 9) {
		check_eq(try_clone3((struct clone_args){.flags = CLONE_PARENT,
							.exit_signal = number},
				    64),
			 -EINVAL);
		check_eq(try_clone3((struct clone_args){.flags = THREAD, .exit_signal = number},
				    64),
			 -EINVAL);
	}
}

static void clone3_refuses_stacks(void)
{
	static char memory[4096];
	const uint64_t start = (uintptr_t)memory;

	check_eq(try_clone3((struct clone_args){.stack = start, .exit_signal = SIGCHLD}, 64),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.stack_size = 4096, .exit_signal = SIGCHLD}, 64),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.stack = start,
						.stack_size = UINT64_MAX,
						.exit_signal = SIGCHLD},
			    64),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.stack = (uintptr_t)KERNEL_ADDRESS,
						.stack_size = 4096},
			    64),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.stack = start, .stack_size = 1UL << 63}, 64),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.stack = UINT64_MAX - 10, .stack_size = 4096}, 64),
		 -EINVAL);
}

static void clone3_refuses_set_tid(void)
{
	static pid_t numbers[40];
	const uint64_t set_tid = (uintptr_t)numbers;

	check_eq(try_clone3((struct clone_args){.set_tid = set_tid}, 80), -EINVAL);
	check_eq(try_clone3((struct clone_args){.set_tid_size = 1}, 80), -EINVAL);
	check_eq(try_clone3((struct clone_args){.set_tid = set_tid, .set_tid_size = 33}, 80),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.set_tid_size = UINT64_MAX}, 80), -EINVAL);
	check_eq(try_clone3((struct clone_args){.set_tid = set_tid, .set_tid_size = 1UL << 32 | 1},
			    80),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.set_tid = (uintptr_t)UNMAPPED_ADDRESS,
						.set_tid_size = 1},
			    80),
		 -EFAULT);
	check_eq(try_clone3((struct clone_args){.set_tid = (uintptr_t)KERNEL_ADDRESS,
						.set_tid_size = 1},
			    80),
		 -EFAULT);
}

static void clone3_refuses_cgroups(void)
{
	const uint64_t into = CLONE_INTO_CGROUP;

	check_eq(try_clone3((struct clone_args){.flags = into, .exit_signal = SIGCHLD}, 64),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.flags = into, .exit_signal = SIGCHLD}, 80),
		 -EINVAL);
	check_eq(try_clone3((struct clone_args){.flags = into, .cgroup = 1UL << 31}, 88), -EINVAL);
	check_eq(try_clone3((struct clone_args){.flags = into, .cgroup = UINT64_MAX}, 88), -EINVAL);
}

static void the_size_is_looked_at_first(void)
{
	struct clone_args args = {
		.flags = UINT64_MAX, .exit_signal = 1000, .set_tid_size = 100, .stack_size = 1};

	check_eq(raw_clone3(&args, 63), -EINVAL);
	check_eq(raw_clone3(&args, 5000), -E2BIG);
	/* The set_tid array is read before flags are judged. */
	args.set_tid_size = 1;
	args.set_tid = (uintptr_t)UNMAPPED_ADDRESS;
	args.exit_signal = 0;
	args.flags = 1UL << 60;
	check_eq(raw_clone3(&args, 88), -EFAULT);
	args.exit_signal = 1000;
	check_eq(raw_clone3(&args, 88), -EINVAL);
}

/* ---- sizes ---- */

static long clone3_child(const void *args, size_t size)
{
	long pid = raw_clone3(args, size);

	if (pid == 0)
		raw_exit(21);
	return pid;
}

static void sizes_known_and_to_come_are_taken(void)
{
	static const size_t sizes[] = {64, 65, 72, 79, 80, 87, 88, 89, 96, 127, 128, 4095, 4096};
	static unsigned char bytes[4096];

	for (size_t i = 0; i < TAP_COUNT(sizes); i++) {
		*(struct clone_args *)bytes = (struct clone_args){.exit_signal = SIGCHLD};
		check_exits(clone3_child(bytes, sizes[i]), 21);
	}
}

/* What lies beyond the size is not looked at. */
static void fields_beyond_the_size_are_ignored(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};

	memset(&args.set_tid, 0xff, sizeof(args) - 64);
	check_exits(clone3_child(&args, 64), 21);
	args.set_tid = args.set_tid_size = 0;
	check_exits(clone3_child(&args, 80), 21);
	/* A field cut in two has its first bytes, and zeros. */
	args.cgroup = 0;
	args.set_tid_size = 0xff00000000000000;
	check_exits(clone3_child(&args, 79), 21);
	check_eq(clone3_child(&args, 80), -EINVAL);
}

static void size_must_reach_the_cgroup_to_use_it(void)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};

	for (size_t size = 64; size < 88; size += 8)
		check_eq(clone3_child(&args, size), -EINVAL);
	args.flags = 0;
	args.cgroup = UINT64_MAX;
	check_exits(clone3_child(&args, 88), 21);
}

/* ---- pointers ---- */

static void structure_may_end_where_memory_does(void)
{
	static const size_t sizes[] = {64, 72, 80, 88, 128};
	const struct clone_args args = {.exit_signal = SIGCHLD};
	char *end = end_of_memory();

	for (size_t i = 0; i < TAP_COUNT(sizes); i++) {
		memset(end - 256, 0, 256);
		memcpy(end - sizes[i], &args, sizes[i] < sizeof(args) ? sizes[i] : sizeof(args));
		check_exits(clone3_child(end - sizes[i], sizes[i]), 21);
	}
}

static void structure_across_the_end_of_memory_is_efault(void)
{
	char *end = end_of_memory();

	memset(end - 256, 0, 256);
	for (size_t inside = 0; inside < 88; inside += 8) {
		check_eq(clone3_child(end - inside, 88), -EFAULT);
		if (inside < 64)
			check_eq(clone3_child(end - inside, 64), -EFAULT);
	}
	for (size_t inside = 88; inside < 128; inside += 13)
		check_eq(clone3_child(end - inside, 128), -EFAULT);
	check_eq(clone3_child(end - 1, 64), -EFAULT);
	check_errno(waitpid(-1, NULL, __WALL), ECHILD);
}

/* Bytes that are not zero are told before those that are not there. */
static void unknown_bytes_come_before_missing_ones(void)
{
	char *end = end_of_memory();

	memset(end - 256, 0, 256);
	end[-1] = 1;
	check_eq(clone3_child(end - 96, 96), -E2BIG);
	end[-1] = 0;
	check_eq(clone3_child(end - 96, 104), -EFAULT);
}

static void structure_may_be_anywhere_and_is_not_written(void)
{
	char *page = new_page();
	const struct clone_args args = {.exit_signal = SIGCHLD};

	for (int offset = 1; offset < 8; offset++) {
		memcpy(page + offset, &args, sizeof(args));
		check_exits(clone3_child(page + offset, sizeof(args)), 21);
	}
	memcpy(page, &args, sizeof(args));
	check_call(mprotect(page, 4096, PROT_READ));
	check_exits(clone3_child(page, sizeof(args)), 21);
}

/* ---- fields ---- */

static void fields_without_their_flags_are_ignored(void)
{
	static const uint64_t rubbish[] = {1, 0xffffffff80000000, 0x8000000000000000, UINT64_MAX};

	for (size_t i = 0; i < TAP_COUNT(rubbish); i++) {
		const struct clone_args args = {
			.pidfd = rubbish[i],
			.child_tid = rubbish[i],
			.parent_tid = rubbish[i],
			.tls = rubbish[i],
			.cgroup = rubbish[i],
			.exit_signal = SIGCHLD,
		};

		check_exits(clone3_child(&args, sizeof(args)), 21);
	}
}

static int note_stack_pointer(void *argument)
{
	return (char *)__builtin_frame_address(0) < (char *)argument &&
			       (char *)__builtin_frame_address(0) > (char *)argument - 512
		       ? 0
		       : 1;
}

static void stack_begins_at_its_end(void)
{
	static const size_t sizes[] = {1024, 4096, STACK_SIZE};

	for (size_t i = 0; i < TAP_COUNT(sizes); i++)
		for (int vm = 0; vm < 2; vm++) {
			char *bottom = (char *)new_stack() - STACK_SIZE;
			const struct clone_args args = {
				.flags = vm ? CLONE_VM : 0,
				.exit_signal = SIGCHLD,
				.stack = (uintptr_t)bottom,
				.stack_size = sizes[i],
			};
			long pid = raw_clone3_call(&args, sizeof(args), note_stack_pointer,
						   bottom + sizes[i]);
			check(pid > 0);
			check_exits(pid, 0);
		}
}

static int use_stack(void *argument)
{
	return 0;
}

/* Whether there is memory is the child's own affair. */
static void stack_without_memory_kills_the_child(void)
{
	char *end = end_of_memory();
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)end,
		.stack_size = 4096,
	};
	long pid = raw_clone3_call(&args, sizeof(args), use_stack, NULL);

	check(pid > 0);
	check_killed(pid, SIGSEGV);
	args.stack = 0x7fffffffe000;
	args.stack_size = 4096;
	pid = raw_clone3_call(&args, sizeof(args), use_stack, NULL);
	check(pid > 0);
	check_killed(pid, SIGSEGV);
}

static const struct test_case cases[] = {
	TEST(clone3_refuses_sizes,
	     "rules: clone3 refuses sizes below 64 and above a page, before it reads"),
	TEST(clone3_refuses_bytes_it_does_not_know,
	     "rules: clone3 refuses bytes that it does not know unless they are zero"),
	TEST(clone3_refuses_bad_pointers,
	     "rules: clone3 refuses bad pointers, also ones that begin well"),
	TEST(clone3_refuses_exit_signals,
	     "rules: clone3 refuses exit signals above 64, and any with threads or CLONE_PARENT"),
	TEST(clone3_refuses_stacks,
	     "rules: clone3 refuses half a stack and stacks beyond user memory"),
	TEST(clone3_refuses_set_tid,
	     "rules: clone3 refuses half a set_tid, long ones and bad ones"),
	TEST(clone3_refuses_cgroups,
	     "rules: clone3 refuses CLONE_INTO_CGROUP without a descriptor"),
	TEST(the_size_is_looked_at_first,
	     "rules: clone3 looks at size, arguments and flags in that order"),
	TEST(sizes_known_and_to_come_are_taken,
	     "clone3: every size from 64 to a page is taken, with zeros behind"),
	TEST(fields_beyond_the_size_are_ignored,
	     "clone3: fields beyond the size are ignored, and bytes of one cut in two"),
	TEST(size_must_reach_the_cgroup_to_use_it,
	     "clone3: CLONE_INTO_CGROUP needs a size that reaches the field"),
	TEST(structure_may_end_where_memory_does,
	     "clone3: the structure may end where memory does"),
	TEST(structure_across_the_end_of_memory_is_efault,
	     "clone3: cut off at each field by the end of memory it is EFAULT"),
	TEST(unknown_bytes_come_before_missing_ones,
	     "clone3: bytes it does not know are E2BIG, missing ones EFAULT"),
	TEST(structure_may_be_anywhere_and_is_not_written,
	     "clone3: the structure may be at any address and read-only"),
	TEST(fields_without_their_flags_are_ignored,
	     "clone3: fields without their flags are ignored, whatever they hold"),
	TEST(stack_begins_at_its_end, "clone3: the child's stack begins at stack + stack_size"),
	TEST(stack_without_memory_kills_the_child,
	     "clone3: a stack without memory kills the child, not the caller"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
