/*
 * What clone and clone3 refuse, and with which errno. Every row here is refused by Linux; a kernel
 * that lets one through, or gives another reason, fails the case with the row's words.
 */
#include "helpers.h"

#include <limits.h>
#include <sys/resource.h>

struct rule {
	const char *words;
	unsigned long flags;
	int error;
};

#define ROW(flags, error)                \
	{                                \
#flags, (flags), (error) \
	}

static int return_zero(void *argument)
{
	return 0;
}

/* Refused by clone; the exit signal makes no difference. */
static void check_clone_refuses(const struct rule *rules, size_t count)
{
	static const int signals[] = {SIGCHLD, 0, 255};

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < TAP_COUNT(signals); j++) {
			static int words[2];
			int *tid = &words[0];
			long result = raw_clone_call(rules[i].flags | signals[j], new_stack(), tid,
						     &words[1], 0, return_zero, NULL);

			if (result != -rules[i].error)
				tap_note("clone(%s | %d)", rules[i].words, signals[j]);
			check_eq(result, -rules[i].error);
		}
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
}

/* The same flags refused by clone3. */
static void check_clone3_refuses(const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct clone_args args = {.flags = rules[i].flags};
		int pidfd;
		long result;

		args.pidfd = (uintptr_t)&pidfd;
		args.stack = (uintptr_t)new_stack() - STACK_SIZE;
		args.stack_size = STACK_SIZE;
		result = raw_clone3_call(&args, sizeof(args), return_zero, NULL);
		if (result != -rules[i].error)
			tap_note("clone3(%s)", rules[i].words);
		check_eq(result, -rules[i].error);
	}
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
}

static const struct rule needs[] = {
	ROW(CLONE_SIGHAND, EINVAL),
	ROW(CLONE_SIGHAND | CLONE_FS | CLONE_FILES, EINVAL),
	ROW(CLONE_SIGHAND | CLONE_VFORK, EINVAL),
	ROW(CLONE_THREAD, EINVAL),
	ROW(CLONE_THREAD | CLONE_VM, EINVAL),
	ROW(CLONE_THREAD | CLONE_SIGHAND, EINVAL),
	ROW(CLONE_THREAD | CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM, EINVAL),
};

static void what_needs_something_else(void)
{
	check_clone_refuses(needs, TAP_COUNT(needs));
	check_clone3_refuses(needs, TAP_COUNT(needs));
}

#define THREAD (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

static const struct rule namespaces[] = {
	ROW(CLONE_NEWNS | CLONE_FS, EINVAL),
	ROW(CLONE_NEWUSER | CLONE_FS, EINVAL),
	ROW(CLONE_NEWUSER | CLONE_NEWNS | CLONE_FS, EINVAL),
	ROW(CLONE_NEWUSER | THREAD, EINVAL),
	ROW(CLONE_NEWPID | THREAD, EINVAL),
	ROW(CLONE_NEWUSER | CLONE_NEWPID | THREAD, EINVAL),
	ROW(CLONE_NEWNS | CLONE_FS | THREAD, EINVAL),
	ROW(CLONE_NEWIPC | CLONE_SYSVSEM, EINVAL),
	ROW(CLONE_NEWIPC | CLONE_SYSVSEM | CLONE_VM, EINVAL),
	ROW(CLONE_NEWNS | CLONE_SIGHAND, EINVAL),
	ROW(CLONE_NEWPID | CLONE_THREAD, EINVAL),
};

static void namespaces_that_go_with_nothing(void)
{
	if (geteuid() != 0)
		return;
	check_clone_refuses(namespaces, TAP_COUNT(namespaces));
	check_clone3_refuses(namespaces, TAP_COUNT(namespaces));
}

/*
 * Without privilege making a namespace is EPERM, but what goes with nothing is EINVAL before that.
 */
static const struct rule unprivileged[] = {
	ROW(CLONE_NEWNS, EPERM),
	ROW(CLONE_NEWUTS, EPERM),
	ROW(CLONE_NEWIPC, EPERM),
	ROW(CLONE_NEWPID, EPERM),
	ROW(CLONE_NEWNET, EPERM),
	ROW(CLONE_NEWCGROUP, EPERM),
	ROW(CLONE_NEWPID | CLONE_VM, EPERM),
	ROW(CLONE_NEWIPC | CLONE_SYSVSEM, EPERM),
	ROW(CLONE_NEWUTS | THREAD, EPERM),
	ROW(CLONE_NEWNS | CLONE_FS, EINVAL),
	ROW(CLONE_NEWPID | THREAD, EINVAL),
	ROW(CLONE_NEWUTS | CLONE_SIGHAND, EINVAL),
};

static void become_nobody(void)
{
	if (geteuid() == 0) {
		check_call(setgid(65534));
		check_call(setuid(65534));
	}
}

static void check_unprivileged(void *argument)
{
	become_nobody();
	check_clone_refuses(unprivileged, TAP_COUNT(unprivileged));
	check_clone3_refuses(unprivileged, TAP_COUNT(unprivileged));
}

static void namespaces_need_privilege(void)
{
	check_child(check_unprivileged, NULL);
}

/*
 * CLONE_DETACHED has no meaning left, but clone3 and pidfds refuse it. 0x80 is a flag of clone3's,
 * part of clone's exit signal.
 */
static const struct rule pidfds_of_clone[] = {
	ROW(CLONE_PIDFD | CLONE_PARENT_SETTID, EINVAL),
	ROW(CLONE_PIDFD | CLONE_DETACHED, EINVAL),
	ROW(CLONE_PIDFD | THREAD, EINVAL),
	ROW(CLONE_PIDFD | CLONE_PARENT_SETTID | THREAD, EINVAL),
};

static const struct rule pidfds_of_clone3[] = {
	ROW(CLONE_PIDFD | CLONE_DETACHED, EINVAL),
	ROW(CLONE_PIDFD | THREAD, EINVAL),
};

static void pidfds_that_go_with_nothing(void)
{
	check_clone_refuses(pidfds_of_clone, TAP_COUNT(pidfds_of_clone));
	check_clone3_refuses(pidfds_of_clone3, TAP_COUNT(pidfds_of_clone3));
}

/* ---- clone3 is strict ---- */

static const struct rule flags_of_clone3[] = {
	ROW(1, EINVAL),
	ROW(SIGCHLD, EINVAL),
	ROW(0x40, EINVAL),
	ROW(CLONE_VM | 0x7f, EINVAL),
	ROW(CLONE_DETACHED, EINVAL),
	ROW(CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM, EINVAL),
	ROW(CLONE_CLEAR_SIGHAND | THREAD, EINVAL),
	ROW(0x400000000, EINVAL),
	ROW(0x800000000, EINVAL),
	ROW(0x4000000000000000, EINVAL),
	ROW(0x8000000000000000, EINVAL),
	ROW(0x8000000000000000 | CLONE_VM, EINVAL),
	ROW(0xffffffffffffffff, EINVAL),
};

static void clone3_refuses_unknown_flags(void)
{
	check_clone3_refuses(flags_of_clone3, TAP_COUNT(flags_of_clone3));
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

/* ---- what clone accepts although clone3 does not ---- */

static void every_exit_signal_is_accepted(void)
{
	block_all_signals();
	for (int number = 0; number < 256; number++) {
		long pid;

		if (number == SIGKILL || number == SIGSTOP)
			continue;
		pid = raw_clone(number, NULL, NULL, NULL, 0);
		if (pid == 0)
			raw1(SYS_exit_group, number);
		check(pid > 0);
		check_exits(pid, number);
		if (number >= 1 && number <= 64)
			check(is_pending(number));
	}
}

static void what_means_nothing_is_accepted(void)
{
	static const unsigned long flags[] = {CLONE_DETACHED, CLONE_UNTRACED, CLONE_SYSVSEM,
					      CLONE_DETACHED | CLONE_SYSVSEM};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		long pid = raw_clone(flags[i] | SIGCHLD, NULL, NULL, NULL, 0);
		if (pid == 0)
			raw1(SYS_exit_group, 3);
		check(pid > 0);
		check_exits(pid, 3);
	}
}

/* ---- limits ---- */

static void fork_over_the_limit(void *argument)
{
	struct rlimit limit = {1, 1};
	long pid;

	check_call(setrlimit(RLIMIT_NPROC, &limit));
	become_nobody();
	/* One process of this user is all there may be. */
	pid = raw_fork();
	check_eq(pid, -EAGAIN);
	check_eq(vfork_call(return_zero, NULL), -EAGAIN);
	check_eq(raw_clone_call(THREAD, new_stack(), NULL, NULL, 0, return_zero, NULL), -EAGAIN);
	/* The rules come before the limit. */
	check_eq(raw_clone(CLONE_SIGHAND | SIGCHLD, NULL, NULL, NULL, 0), -EINVAL);
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
}

static void over_the_limit_of_processes_is_eagain(void)
{
	if (geteuid() == 0)
		check_child(fork_over_the_limit, NULL);
}

static void fork_as_root_over_the_limit(void *argument)
{
	struct rlimit limit = {1, 1};

	check_call(setrlimit(RLIMIT_NPROC, &limit));
	check_exits(clone_call(SIGCHLD, return_zero, NULL), 0);
}

static void root_may_go_over_the_limit(void)
{
	if (geteuid() == 0)
		check_child(fork_as_root_over_the_limit, NULL);
}

static const struct test_case cases[] = {
	TEST(what_needs_something_else,
	     "rules: CLONE_SIGHAND needs CLONE_VM, CLONE_THREAD needs CLONE_SIGHAND"),
	TEST(namespaces_that_go_with_nothing, "rules: namespaces that do not go with sharing"),
	TEST(namespaces_need_privilege,
	     "rules: without privilege a namespace is EPERM, after all that is EINVAL"),
	TEST(pidfds_that_go_with_nothing, "rules: what CLONE_PIDFD does not go with"),
	TEST(clone3_refuses_unknown_flags,
	     "rules: clone3 refuses exit signals among the flags, and unknown flags up to bit 63"),
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
	TEST(clone3_refuses_bad_thread_registers,
	     "rules: clone3 refuses a TLS base beyond user addresses"),
	TEST(the_size_is_looked_at_first,
	     "rules: clone3 looks at size, arguments and flags in that order"),
	TEST(every_exit_signal_is_accepted,
	     "rules: clone accepts exit signals 0 to 255 and sends those up to 64"),
	TEST(what_means_nothing_is_accepted,
	     "rules: clone accepts flags that have no meaning left"),
	TEST(over_the_limit_of_processes_is_eagain,
	     "rules: over the limit of processes every way to fork is EAGAIN"),
	TEST(root_may_go_over_the_limit, "rules: root may go over the limit of processes"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
