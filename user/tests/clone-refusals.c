/*
 * One call for each rule of clone, breaking that rule and none before it: in the order of the rows
 * in kernel/clone_rules.c.
 *
 * As the first program of a system (rdinit=) it makes all of them, those of init among them, and
 * ends the machine. With loglevel=7 the kernel then gives its reasons, one row after the other:
 * tests/boot_checks.py knows them from the table itself, so that a new row needs a call here.
 */
#include "clone_calls.h"

#include <sys/reboot.h>

enum caller { ROOT, NOBODY, INIT };

struct refusal {
	enum caller caller;
	struct clone_call call; /* with no size and no stack, it has those of plain_clone3() */
};

#define THREAD (BIT(THREAD) | BIT(SIGHAND) | BIT(VM))
#define CLONE(...)                             \
	{                                      \
		.same_address = 1, __VA_ARGS__ \
	}
#define CLONE3(...)                      \
	{                                \
		.clone3 = 1, __VA_ARGS__ \
	}

/* clang-format off */
static const struct refusal refusals[] = {
	/* of clone3's size */
	{ROOT,   CLONE3(.size = 4097)},
	{ROOT,   CLONE3(.size = 63)},
	/* of its block */
	{ROOT,   CLONE3(.size = 96, .bytes_beyond = 1)},
	{ROOT,   CLONE3(.set_tid = SET_TID_SOME, .set_tid_size = 33)},
	{ROOT,   CLONE3(.set_tid = SET_TID_SOME)},
	{ROOT,   CLONE3(.exit_signal = 65)},
	{ROOT,   CLONE3(.flags = BIT(INTO_CGROUP), .cgroup = -1)},
	/* of what it is stricter about */
	{ROOT,   CLONE3(.flags = UINT64_C(1) << 34)},
	{ROOT,   CLONE3(.flags = BIT(DETACHED))},
	{ROOT,   CLONE3(.flags = BIT(CLEAR_SIGHAND) | BIT(SIGHAND) | BIT(VM))},
	{ROOT,   CLONE3(.flags = THREAD, .exit_signal = SIGCHLD)},
	{ROOT,   CLONE3(.flags = BIT(PARENT), .exit_signal = SIGCHLD)},
	{ROOT,   CLONE3(.stack = 4096)},
	{ROOT,   CLONE3(.stack = BEYOND_USER, .stack_size = 4096)},
	/* of flags that do not go together */
	{ROOT,   CLONE(.flags = BIT(PIDFD) | BIT(PARENT_SETTID))},
	{ROOT,   CLONE(.flags = BIT(NEWNS) | BIT(FS))},
	{ROOT,   CLONE(.flags = BIT(NEWUSER) | BIT(FS))},
	{ROOT,   CLONE(.flags = BIT(THREAD) | BIT(VM))},
	{ROOT,   CLONE(.flags = BIT(SIGHAND))},
	{INIT,   CLONE(.flags = BIT(PARENT))},
	{ROOT,   CLONE(.flags = THREAD | BIT(NEWPID))},
	{ROOT,   CLONE(.flags = BIT(PIDFD) | BIT(DETACHED))},
	/* of privilege, TLS bases and numbers */
	{NOBODY, CLONE(.flags = BIT(NEWNS))},
	{NOBODY, CLONE(.flags = BIT(NEWCGROUP))},
	{NOBODY, CLONE(.flags = BIT(NEWUTS))},
	{NOBODY, CLONE(.flags = BIT(NEWIPC) | BIT(SYSVSEM))},
	{NOBODY, CLONE(.flags = BIT(NEWPID))},
	{NOBODY, CLONE(.flags = BIT(NEWNET))},
	{NOBODY, CLONE3(.flags = BIT(NEWTIME))},
	{ROOT,   CLONE(.flags = BIT(NEWIPC) | BIT(SYSVSEM))},
	{ROOT,   CLONE(.flags = BIT(SETTLS), .tls = BEYOND_USER)},
	{ROOT,   CLONE3(.set_tid = SET_TID_SOME, .set_tid_size = 2, .number = CHOSEN_NUMBER)},
	{NOBODY, CLONE3(.set_tid = SET_TID_SOME, .set_tid_size = 1, .number = 0)},
	{NOBODY, CLONE3(.set_tid = SET_TID_SOME, .set_tid_size = 1, .number = CHOSEN_NUMBER)},
	/* of what Tine has not */
	{ROOT,   CLONE(.flags = BIT(NEWUTS))},
	{ROOT,   CLONE3(.flags = BIT(INTO_CGROUP))},
	/* of a number that somebody has */
	{ROOT,   CLONE3(.set_tid = SET_TID_SOME, .set_tid_size = 1, .number = 1, .number_taken = 1)},
};
/* clang-format on */

static int return_zero(void *argument)
{
	return 0;
}

/* What a row leaves out. */
static struct clone_call whole(struct clone_call call)
{
	const struct clone_call plain = plain_clone3();

	if (!call.size)
		call.size = plain.size;
	if (!call.stack && !call.stack_size) {
		call.stack = plain.stack;
		call.stack_size = plain.stack_size;
	}
	return call;
}

static int error_of(const struct refusal *refusal)
{
	const struct clone_call call = whole(refusal->call);
	const struct clone_who who = {
		.init = refusal->caller == INIT,
		.sys_admin = refusal->caller != NOBODY,
		.checkpoint_restore = refusal->caller != NOBODY,
		.pid_max = PID_MAX,
	};

	return clone_refused(&call, &who);
}

static void provoke(void *argument)
{
	const struct refusal *refusal = argument;
	const struct clone_call call = whole(refusal->call);
	int error = error_of(refusal);
	long result;

	if (refusal->caller == NOBODY) {
		check_call(setgid(65534));
		check_call(setuid(65534));
	}
	result = issue(&call, return_zero, NULL);
	/* What Linux would do is EINVAL on Tine, and is not tried elsewhere. */
	if (result != -(error ? error : EINVAL))
		tap_note("%s", clone_call_words(&call));
	check_eq(result, -(error ? error : EINVAL));
}

static void each_rule_refuses(void)
{
	for (size_t i = 0; i < TAP_COUNT(refusals); i++)
		if (refusals[i].caller != INIT && error_of(&refusals[i]) != 0)
			check_child(provoke, (void *)&refusals[i]);
}

static const struct test_case cases[] = {
	TEST(each_rule_refuses,
	     "refusals: each rule has its errno, with a call that breaks no other"),
};

/* Init makes the calls itself where it can, so that the reasons come in their order. */
static void provoke_all_as_init(void)
{
	for (size_t i = 0; i < TAP_COUNT(refusals); i++)
		if (refusals[i].caller == NOBODY)
			check_child(provoke, (void *)&refusals[i]);
		else
			provoke((void *)&refusals[i]);
	printf("as init: each rule refuses\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
	if (getpid() == 1)
		provoke_all_as_init();
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
