/*
 * Clone's first table: which requests are refused.
 *
 * A row says: whoever asks for all of flags must also ask for all of needs and for none of
 * excludes, and breaks(), where there is one, must not hold; else the call fails with error,
 * because of why. The first broken row decides, so the order of the rows is the order of Linux's
 * checks. At loglevel 7 the kernel prints why; docs/clone-flags.md is made from the rows.
 *
 * The table is in parts, one a stage of the call (enum clone_stage): between its checks Linux reads
 * the program's memory, or makes parts of the child that there is a limit to, which fails as well.
 *
 * Pure: depends on its arguments only, and is compiled and tested on the host as well.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fork.h>
#include <tine/pid.h>
#include <tine/uaccess.h>

#define CLONE3_FLAGS (0xffffffffull | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)

/* --- Conditions that are about more than flags --- */

/* clang-format off */
#define CONDITION(name, holds)                                                                 \
	static bool name(const struct kernel_clone_args *args, const struct clone_caller *caller) \
	{                                                                                      \
		return (holds);                                                                \
	}

CONDITION(block_too_long, args->block->size > PAGE_SIZE)
CONDITION(block_too_short, args->block->size < CLONE_ARGS_SIZE_VER0)
CONDITION(bytes_unknown, args->block->bytes_unknown)
CONDITION(set_tid_too_long, args->block->args.set_tid_size > MAX_PID_NS_LEVEL)
CONDITION(half_a_set_tid, !args->block->args.set_tid != !args->block->args.set_tid_size)
CONDITION(no_such_signal, args->block->args.exit_signal > CLONE_SIGNAL_MAX)
CONDITION(no_descriptor, args->block->args.cgroup > 0x7fffffff ||
			 args->block->size < CLONE_ARGS_SIZE_VER2)
CONDITION(unknown_flags, args->flags & ~CLONE3_FLAGS)
CONDITION(obsolete_flags, args->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME)))
CONDITION(exit_signal_unused, args->exit_signal != 0)
CONDITION(half_a_stack, !args->block->args.stack != !args->block->args.stack_size)
CONDITION(stack_beyond_user, !access_ok((void __user *)args->block->args.stack,
					args->block->args.stack_size))
CONDITION(same_pointer, args->pidfd == args->parent_tid)
CONDITION(caller_is_init, caller->init_of_namespace)
CONDITION(may_not_administer, !(caller->capabilities >> CAP_SYS_ADMIN & 1) &&
			      !(args->flags & CLONE_NEWUSER))
CONDITION(tls_beyond_user, args->tls >= TASK_SIZE_MAX)
/* There is one pid namespace. */
CONDITION(too_many_numbers, args->set_tid_size > 1)
CONDITION(no_such_number, args->set_tid[0] < 1 || args->set_tid[0] >= caller->pid_max)
CONDITION(may_not_choose, !(caller->capabilities >> CAP_SYS_ADMIN & 1) &&
			  !(caller->capabilities >> CAP_CHECKPOINT_RESTORE & 1))

/* --- The rows --- */

static const struct clone_rule size_rules[] = {
	{ .breaks = block_too_long, .error = E2BIG,
	  .why = "clone3's block is longer than a page" },
	{ .breaks = block_too_short, .error = EINVAL,
	  .why = "clone3's block is shorter than its first version, 64 bytes" },
};

static const struct clone_rule block_rules[] = {
	{ .breaks = bytes_unknown, .error = E2BIG,
	  .why = "clone3's block asks for something newer: bytes beyond what is known are not zero" },
	{ .breaks = set_tid_too_long, .error = EINVAL,
	  .why = "set_tid has more numbers than pid namespaces can be nested" },
	{ .breaks = half_a_set_tid, .error = EINVAL,
	  .why = "set_tid and set_tid_size are given both or not at all" },
	{ .breaks = no_such_signal, .error = EINVAL,
	  .why = "exit_signal is above 64, the last signal" },
	{ .flags = CLONE_INTO_CGROUP, .breaks = no_descriptor, .error = EINVAL,
	  .why = "CLONE_INTO_CGROUP needs a descriptor in cgroup" },
};

static const struct clone_rule clone3_rules[] = {
	{ .breaks = unknown_flags, .error = EINVAL,
	  .why = "a flag that clone3 does not know" },
	{ .breaks = obsolete_flags, .error = EINVAL,
	  .why = "CLONE_DETACHED and signal bits have no place in clone3's flags" },
	{ .flags = CLONE_CLEAR_SIGHAND, .excludes = CLONE_SIGHAND, .error = EINVAL,
	  .why = "CLONE_CLEAR_SIGHAND would clear the handlers that CLONE_SIGHAND shares" },
	{ .flags = CLONE_THREAD, .breaks = exit_signal_unused, .error = EINVAL,
	  .why = "a thread sends no exit signal" },
	{ .flags = CLONE_PARENT, .breaks = exit_signal_unused, .error = EINVAL,
	  .why = "CLONE_PARENT takes the caller's exit signal" },
	{ .breaks = half_a_stack, .error = EINVAL,
	  .why = "stack and stack_size are given both or not at all" },
	{ .breaks = stack_beyond_user, .error = EINVAL,
	  .why = "the stack is not in user memory" },
};

static const struct clone_rule flag_rules[] = {
	{ .flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .breaks = same_pointer, .error = EINVAL,
	  .why = "the pidfd and the child's number would be stored at one address" },
	{ .flags = CLONE_NEWNS, .excludes = CLONE_FS, .error = EINVAL,
	  .why = "CLONE_FS shares a root directory, which a new mount namespace replaces" },
	{ .flags = CLONE_NEWUSER, .excludes = CLONE_FS, .error = EINVAL,
	  .why = "CLONE_FS shares a root directory, which a new user namespace could use to escape" },
	{ .flags = CLONE_THREAD, .needs = CLONE_SIGHAND, .error = EINVAL,
	  .why = "CLONE_THREAD needs CLONE_SIGHAND (a thread group has one set of handlers)" },
	{ .flags = CLONE_SIGHAND, .needs = CLONE_VM, .error = EINVAL,
	  .why = "CLONE_SIGHAND needs CLONE_VM (shared handlers point into shared code)" },
	{ .flags = CLONE_PARENT, .breaks = caller_is_init, .error = EINVAL,
	  .why = "init's sibling would have nobody to reap it" },
	{ .flags = CLONE_THREAD, .excludes = CLONE_NEWUSER | CLONE_NEWPID, .error = EINVAL,
	  .why = "the threads of a group are in the same user and pid namespaces" },
	{ .flags = CLONE_PIDFD, .excludes = CLONE_DETACHED | CLONE_THREAD, .error = EINVAL,
	  .why = "a pidfd stands for a process, not for a thread" },
};

static const struct clone_rule child_rules[] = {
	{ .flags = CLONE_NEWNS, .breaks = may_not_administer, .error = EPERM,
	  .why = "CLONE_NEWNS needs CAP_SYS_ADMIN" },
	{ .flags = CLONE_NEWCGROUP, .breaks = may_not_administer, .error = EPERM,
	  .why = "CLONE_NEWCGROUP needs CAP_SYS_ADMIN" },
	{ .flags = CLONE_NEWUTS, .breaks = may_not_administer, .error = EPERM,
	  .why = "CLONE_NEWUTS needs CAP_SYS_ADMIN" },
	{ .flags = CLONE_NEWIPC, .breaks = may_not_administer, .error = EPERM,
	  .why = "CLONE_NEWIPC needs CAP_SYS_ADMIN" },
	{ .flags = CLONE_NEWPID, .breaks = may_not_administer, .error = EPERM,
	  .why = "CLONE_NEWPID needs CAP_SYS_ADMIN" },
	{ .flags = CLONE_NEWNET, .breaks = may_not_administer, .error = EPERM,
	  .why = "CLONE_NEWNET needs CAP_SYS_ADMIN" },
	{ .flags = CLONE_NEWTIME, .breaks = may_not_administer, .error = EPERM,
	  .why = "CLONE_NEWTIME needs CAP_SYS_ADMIN" },
	{ .flags = CLONE_NEWIPC, .excludes = CLONE_SYSVSEM, .error = EINVAL,
	  .why = "an undo list is about semaphores of one IPC namespace" },
	{ .flags = CLONE_SETTLS, .breaks = tls_beyond_user, .error = EPERM,
	  .why = "CLONE_SETTLS needs an address in user memory" },
};

static const struct clone_rule set_tid_rules[] = {
	{ .breaks = too_many_numbers, .error = EINVAL,
	  .why = "set_tid has more numbers than the child has pid namespaces" },
	{ .breaks = no_such_number, .error = EINVAL,
	  .why = "set_tid asks for a number that no process can have" },
	{ .breaks = may_not_choose, .error = EPERM,
	  .why = "set_tid needs CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN" },
};

/* What Linux has and Tine has not. */
static const struct clone_rule lacking_rules[] = {
	{ .excludes = CLONE_NAMESPACES | CLONE_NEWUSER, .error = EINVAL,
	  .why = "Tine has one namespace of each kind" },
	{ .excludes = CLONE_INTO_CGROUP, .error = EINVAL,
	  .why = "Tine has no control groups" },
};

const struct clone_rule_list clone_rules[CLONE_STAGES] = {
	[CLONE_SIZE]    = { size_rules, ARRAY_SIZE(size_rules), 0 },
	[CLONE_BLOCK]   = { block_rules, ARRAY_SIZE(block_rules), 0 },
	[CLONE_CLONE3]  = { clone3_rules, ARRAY_SIZE(clone3_rules), 0 },
	[CLONE_FLAGS]   = { flag_rules, ARRAY_SIZE(flag_rules),
			    CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWUSER | CLONE_THREAD |
			    CLONE_SIGHAND | CLONE_PARENT },
	[CLONE_CHILD]   = { child_rules, ARRAY_SIZE(child_rules), CLONE_NAMESPACES | CLONE_SETTLS },
	[CLONE_SET_TID] = { set_tid_rules, ARRAY_SIZE(set_tid_rules), 0 },
	[CLONE_LACKING] = { lacking_rules, ARRAY_SIZE(lacking_rules),
			    CLONE_NAMESPACES | CLONE_NEWUSER | CLONE_INTO_CGROUP },
};
/* clang-format on */

const struct clone_rule clone_number_taken = {
	.error = EEXIST,
	.why = "set_tid asks for a number that is in use",
};

static inline const struct clone_rule *first_broken(const struct clone_rule *rules, unsigned int n,
						    const struct kernel_clone_args *args,
						    const struct clone_caller *caller)
{
	const u64 missing = ~args->flags;

#pragma GCC unroll 16
	for (const struct clone_rule *rule = rules; rule < rules + n; rule++) {
		if (rule->flags & missing) /* it does not speak of this request */
			continue;
		if ((rule->needs & missing) || (rule->excludes & args->flags) ||
		    (rule->breaks && rule->breaks(args, caller)))
			return rule;
	}
	return NULL;
}

/* The rows that concern every thread become code: a test or two each, without a loop. */
const struct clone_rule *clone_check(enum clone_stage stage, const struct kernel_clone_args *args,
				     const struct clone_caller *caller)
{
	if (stage == CLONE_FLAGS)
		return first_broken(flag_rules, ARRAY_SIZE(flag_rules), args, caller);
	return first_broken(clone_rules[stage].rows, clone_rules[stage].count, args, caller);
}
