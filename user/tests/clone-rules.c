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

/* ---- what clone accepts although clone3 does not ---- */

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
	TEST(over_the_limit_of_processes_is_eagain,
	     "rules: over the limit of processes every way to fork is EAGAIN"),
	TEST(root_may_go_over_the_limit, "rules: root may go over the limit of processes"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
