/*
 * clone3's structure: which sizes and pointers it takes, and what it wants of each field, in which
 * order.
 */
#include "helpers.h"

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
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
