// sources: kernel/clone_rules.c
/*
 * The rules of clone against a second statement of them, written from the manual pages clone(2) and user_namespaces(7): every
 * word of legacy flags, for a caller with and without privilege, and as init; and what clone3 adds.
 */
#include <stdio.h>
#include <tine/cred.h>
#include <tine/fork.h>
#include <uapi/errno.h>

/* What Linux accepts and Tine does not have: EINVAL, but only if Linux would not have refused it first. */
#define LACKING                                                                        \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME | CLONE_INTO_CGROUP)

static bool has(u64 flags, u64 all)
{
	return (flags & all) == all;
}

/* clone(2), section ERRORS: the EINVAL paragraphs, then EPERM. */
static int manual_legacy(u64 f, bool same_address, bool privileged, bool init)
{
	const u64 namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
			       CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;

	if (has(f, CLONE_PIDFD | CLONE_PARENT_SETTID) && same_address)
		return EINVAL;
	if (has(f, CLONE_FS | CLONE_NEWNS) || has(f, CLONE_FS | CLONE_NEWUSER))
		return EINVAL;
	if (has(f, CLONE_THREAD) && !has(f, CLONE_SIGHAND))
		return EINVAL;
	if (has(f, CLONE_SIGHAND) && !has(f, CLONE_VM))
		return EINVAL;
	if (has(f, CLONE_PARENT) && init)
		return EINVAL;
	if (has(f, CLONE_THREAD) && (has(f, CLONE_NEWPID) || has(f, CLONE_NEWUSER)))
		return EINVAL;
	if (has(f, CLONE_PIDFD) && (has(f, CLONE_THREAD) || has(f, CLONE_DETACHED)))
		return EINVAL;
	if ((f & namespaces) && !has(f, CLONE_NEWUSER) && !privileged)
		return EPERM;
	if (has(f, CLONE_NEWIPC | CLONE_SYSVSEM))
		return EINVAL;
	return 0;
}

static int expected(u64 flags, bool same_address, bool privileged, bool init)
{
	int error = manual_legacy(flags, same_address, privileged, init);

	return error ? error : flags & LACKING ? EINVAL : 0;
}

static int actual(const struct kernel_clone_args *args, const struct clone_caller *caller)
{
	const struct clone_rule *rule = clone_check(args, caller);

	return rule ? rule->error : 0;
}

static int cases, failures;

static void result(bool ok, const char *text)
{
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++cases, text);
}

static bool check_legacy(bool same_address, bool privileged, bool init)
{
	static int word;
	const struct clone_caller caller = {
		.init_of_namespace = init,
		.capabilities = privileged ? CAP_FULL_SET : 0,
	};
	struct kernel_clone_args args = {.pidfd = &word, .parent_tid = same_address ? &word : NULL};

	for (u64 high = 0; high < 1u << 24; high++) {
		args.flags = high << 8;
		if (actual(&args, &caller) == expected(args.flags, same_address, privileged, init))
			continue;
		printf("# flags %#lx: %d, expected %d\n", (unsigned long)args.flags,
		       actual(&args, &caller),
		       expected(args.flags, same_address, privileged, init));
		return false;
	}
	return true;
}

static int clone3(u64 flags, int exit_signal)
{
	const struct clone_caller caller = {.capabilities = CAP_FULL_SET};
	struct kernel_clone_args args = {
		.flags = flags, .exit_signal = exit_signal, .clone3 = true};

	return actual(&args, &caller);
}

static bool clone3_refuses_unknown_bits(void)
{
	for (int bit = 34; bit < 64; bit++)
		if (clone3(1ull << bit, 0) != EINVAL)
			return false;
	return true;
}

static bool clone3_refuses_signal_bits(void)
{
	for (int bit = 0; bit < 7; bit++)
		if (clone3(1ull << bit, 0) != EINVAL)
			return false;
	return clone3(CLONE_DETACHED, 0) == EINVAL;
}

static bool every_refusal_says_why(void)
{
	const struct clone_caller caller = {0};

	for (u64 high = 0; high < 1u << 24; high++) {
		struct kernel_clone_args args = {.flags = high << 8};
		const struct clone_rule *rule = clone_check(&args, &caller);

		if (rule && (!rule->why || !rule->why[0] || rule->error <= 0))
			return false;
	}
	return true;
}

int main(void)
{
	const u64 thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;

	printf("TAP version 13\n1..9\n");
	result(check_legacy(false, true, false), "all words of flags, privileged");
	result(check_legacy(true, true, false),
	       "all words of flags, pidfd and parent_tid at one address");
	result(check_legacy(false, false, false), "all words of flags, without privilege");
	result(check_legacy(false, true, true), "all words of flags, called by init");
	result(every_refusal_says_why(), "every refusal has an errno and a reason");
	result(clone3_refuses_unknown_bits(), "clone3 refuses bits that it does not know");
	result(clone3_refuses_signal_bits(), "clone3 refuses signal bits and CLONE_DETACHED");
	result(clone3(CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND, 0) == EINVAL &&
		       clone3(CLONE_CLEAR_SIGHAND, 0) == 0,
	       "clone3 refuses CLONE_CLEAR_SIGHAND with CLONE_SIGHAND");
	result(clone3(thread, 17) == EINVAL && clone3(CLONE_PARENT, 17) == EINVAL &&
		       clone3(thread, 0) == 0 && clone3(CLONE_PARENT, 0) == 0,
	       "clone3 refuses an exit signal with CLONE_THREAD and CLONE_PARENT");
	return failures != 0;
}
