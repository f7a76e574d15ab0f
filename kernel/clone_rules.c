/*
 * Clone's first table: which requests are refused.
 *
 * A row says: whoever asks for all of flags must also ask for all of needs and for none of
 * excludes, and breaks(), where there is one, must not hold; else the call fails with error,
 * because of why. The first broken row decides, so the order of the rows is the order of Linux's
 * checks. At loglevel 7 the kernel prints why.
 *
 * Pure: depends on its arguments only, and is compiled and tested on the host as well.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fork.h>

#define CLONE3_FLAGS (0xffffffffull | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP)
#define CLONE_NAMESPACES                                                              \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | \
	 CLONE_NEWNET | CLONE_NEWTIME)

static bool unknown_flags(const struct kernel_clone_args *args, const struct clone_caller *caller)
{
	return args->clone3 && (args->flags & ~CLONE3_FLAGS);
}

static bool obsolete_flags(const struct kernel_clone_args *args, const struct clone_caller *caller)
{
	return args->clone3 && (args->flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME)));
}

static bool exit_signal_unused(const struct kernel_clone_args *args,
			       const struct clone_caller *caller)
{
	return args->clone3 && args->exit_signal != 0;
}

static bool same_pointer(const struct kernel_clone_args *args, const struct clone_caller *caller)
{
	return args->pidfd == args->parent_tid;
}

static bool caller_is_init(const struct kernel_clone_args *args, const struct clone_caller *caller)
{
	return caller->init_of_namespace;
}

static bool may_not_administer(const struct kernel_clone_args *args,
			       const struct clone_caller *caller)
{
	return !(caller->capabilities >> CAP_SYS_ADMIN & 1) && !(args->flags & CLONE_NEWUSER);
}

/* clang-format off */
static const struct clone_rule rules[] = {
	{ .breaks = unknown_flags, .error = EINVAL,
	  .why = "a flag that clone3 does not know" },
	{ .breaks = obsolete_flags, .error = EINVAL,
	  .why = "CLONE_DETACHED and signal bits have no place in clone3's flags" },
	{ .flags = CLONE_SIGHAND | CLONE_CLEAR_SIGHAND, .excludes = CLONE_SIGHAND, .error = EINVAL,
	  .why = "CLONE_CLEAR_SIGHAND would clear the handlers that CLONE_SIGHAND shares" },
	{ .flags = CLONE_THREAD, .breaks = exit_signal_unused, .error = EINVAL,
	  .why = "a thread sends no exit signal" },
	{ .flags = CLONE_PARENT, .breaks = exit_signal_unused, .error = EINVAL,
	  .why = "CLONE_PARENT takes the caller's exit signal" },
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
	/* What Linux has and Tine has not. */
	{ .excludes = CLONE_NAMESPACES | CLONE_NEWUSER, .error = EINVAL,
	  .why = "Tine has one namespace of each kind" },
	{ .excludes = CLONE_INTO_CGROUP, .error = EINVAL,
	  .why = "Tine has no control groups" },
};
/* clang-format on */

static bool is_broken(const struct clone_rule *rule, const struct kernel_clone_args *args,
		      const struct clone_caller *caller)
{
	if ((args->flags & rule->flags) != rule->flags)
		return false;
	if ((args->flags & rule->needs) != rule->needs)
		return true;
	if (args->flags & rule->excludes)
		return true;
	return rule->breaks && rule->breaks(args, caller);
}

const struct clone_rule *clone_check(const struct kernel_clone_args *args,
				     const struct clone_caller *caller)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(rules); i++)
		if (is_broken(&rules[i], args, caller))
			return &rules[i];
	return NULL;
}
