/*
 * prctl and arch_prctl: what a program may only wish for or ask, a table of calls and their results
 * each; and that fork, exec and threads hand the wishes on.
 */
#include "helpers.h"

#define ARCH_GET_CPUID            0x1011
#define ARCH_SET_CPUID            0x1012
#define ARCH_GET_XCOMP_SUPP       0x1021
#define ARCH_GET_XCOMP_PERM       0x1022
#define ARCH_REQ_XCOMP_PERM       0x1023
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025

struct call {
	int option;
	unsigned long a2, a3, a4, a5;
	long result;
};

static void check_calls(const struct call *calls, size_t count)
{
	for (const struct call *c = calls; c < calls + count; c++) {
		long result = raw5(SYS_prctl, c->option, c->a2, c->a3, c->a4, c->a5);

		if (result != c->result)
			tap_fail(__FILE__, __LINE__, "row %d: prctl(%d, %lu, %lu) is %ld",
				 (int)(c - calls), c->option, c->a2, c->a3, result);
	}
}

/* clang-format off */
static void bad_memory(void)
{
	static const struct call calls[] = {
		{ PR_MCE_KILL_GET, 0, 0, 0, 0, PR_MCE_KILL_DEFAULT },
		{ PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0, 0 },
		{ PR_MCE_KILL_GET, 0, 0, 0, 0, PR_MCE_KILL_EARLY },
		{ PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0, 0 },
		{ PR_MCE_KILL_GET, 0, 0, 0, 0, PR_MCE_KILL_LATE },
		{ PR_MCE_KILL, PR_MCE_KILL_SET, 3, 0, 0, -EINVAL },
		{ PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 1, 0, -EINVAL },
		{ PR_MCE_KILL, PR_MCE_KILL_CLEAR, 1, 0, 0, -EINVAL },
		{ PR_MCE_KILL, 2, 0, 0, 0, -EINVAL },
		{ PR_MCE_KILL_GET, 0, 0, 1, 0, -EINVAL },
		{ PR_MCE_KILL_GET, 0, 0, 0, 0, PR_MCE_KILL_LATE },
		{ PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0, 0 },
		{ PR_MCE_KILL_GET, 0, 0, 0, 0, PR_MCE_KILL_DEFAULT },
		{ PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_DEFAULT, 0, 0, 0 },
		{ PR_MCE_KILL_GET, 0, 0, 0, 0, PR_MCE_KILL_DEFAULT },
	};

	check_calls(calls, TAP_COUNT(calls));
}

static void huge_pages(void)
{
	static const struct call calls[] = {
		{ PR_GET_THP_DISABLE, 0, 0, 0, 0, 0 },
		{ PR_SET_THP_DISABLE, 5, 0, 0, 0, 0 },
		{ PR_GET_THP_DISABLE, 0, 0, 0, 0, 1 },
		{ PR_SET_THP_DISABLE, 0, 1, 0, 0, -EINVAL },
		{ PR_SET_THP_DISABLE, 0, 0, 0, 1, -EINVAL },
		{ PR_GET_THP_DISABLE, 1, 0, 0, 0, -EINVAL },
		{ PR_GET_THP_DISABLE, 0, 0, 0, 0, 1 },
		{ PR_SET_THP_DISABLE, 0, 0, 0, 0, 0 },
		{ PR_GET_THP_DISABLE, 0, 0, 0, 0, 0 },
	};

	check_calls(calls, TAP_COUNT(calls));
}

static void io_flusher(void)
{
	static const struct call root[] = {
		{ PR_GET_IO_FLUSHER, 0, 0, 0, 0, 0 },
		{ PR_SET_IO_FLUSHER, 1, 0, 0, 0, 0 },
		{ PR_GET_IO_FLUSHER, 0, 0, 0, 0, 1 },
		{ PR_SET_IO_FLUSHER, 2, 0, 0, 0, -EINVAL },
		{ PR_SET_IO_FLUSHER, 0, 1, 0, 0, -EINVAL },
		{ PR_GET_IO_FLUSHER, 1, 0, 0, 0, -EINVAL },
		{ PR_SET_IO_FLUSHER, 0, 0, 0, 0, 0 },
		{ PR_GET_IO_FLUSHER, 0, 0, 0, 0, 0 },
	};
	static const struct call others[] = {
		{ PR_SET_IO_FLUSHER, 1, 0, 0, 0, -EPERM },
		{ PR_GET_IO_FLUSHER, 0, 0, 0, 0, -EPERM },
	};

	check_calls(root, TAP_COUNT(root));
	check_call(setuid(1000));
	check_calls(others, TAP_COUNT(others));
}

static void counted_events(void)
{
	static const struct call calls[] = {
		{ PR_TASK_PERF_EVENTS_DISABLE, 0, 0, 0, 0, 0 },
		{ PR_TASK_PERF_EVENTS_ENABLE, 0, 0, 0, 0, 0 },
		{ PR_TASK_PERF_EVENTS_DISABLE, 5, 6, 7, 8, 0 },
	};

	check_calls(calls, TAP_COUNT(calls));
}
/* clang-format on */

static int wishes_are_there(void)
{
	return raw5(SYS_prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1 &&
	       raw5(SYS_prctl, PR_MCE_KILL_GET, 0, 0, 0, 0) == PR_MCE_KILL_EARLY &&
	       raw5(SYS_prctl, PR_GET_IO_FLUSHER, 0, 0, 0, 0) == 1;
}

static int look(int argc, char **argv)
{
	return wishes_are_there() ? 0 : 1;
}

static int look_in_thread(void *argument)
{
	set(argument, wishes_are_there() ? 1 : 2);
	return 0;
}

static void wishes_are_inherited(void)
{
	volatile int outcome = 0;
	struct thread thread;

	check_eq(raw5(SYS_prctl, PR_SET_THP_DISABLE, 1, 0, 0, 0), 0);
	check_eq(raw5(SYS_prctl, PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0), 0);
	check_eq(raw5(SYS_prctl, PR_SET_IO_FLUSHER, 1, 0, 0, 0), 0);
	check_exits(spawn_helper("look", NULL, NULL), 0);
	thread_start(&thread, look_in_thread, (void *)&outcome);
	thread_join(&thread);
	check_eq(outcome, 1);
}

/* ---- arch_prctl ---- */

static void vector_state(void)
{
	unsigned long supported = 0, permitted = 0;

	check_eq(raw2(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &supported), 0);
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &permitted), 0);
	check(!(permitted & ~supported));
	if (__builtin_cpu_supports("avx"))
		check_eq(permitted & 7, 7);
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, 2), -EOPNOTSUPP);
	check_eq(raw2(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, 19), -EINVAL);
	check_eq(raw2(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, -1), -EINVAL);
	check_eq(raw2(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, 0), -EOPNOTSUPP);
}

static void cpuid_is_allowed(void)
{
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_CPUID, 0), 1);
	check_eq(raw2(SYS_arch_prctl, ARCH_SET_CPUID, 0), -ENODEV);
	check_eq(raw2(SYS_arch_prctl, ARCH_SET_CPUID, 1), -ENODEV);
}

static const struct test_case cases[] = {
	TEST(bad_memory, "wishes: how to be told of bad memory"),
	TEST(huge_pages, "wishes: no huge pages"),
	TEST(io_flusher, "wishes: being an I/O flusher is for the privileged"),
	TEST(counted_events, "wishes: counted events are switched off and on"),
	TEST(wishes_are_inherited, "wishes: fork, exec and threads hand them on"),
	TEST(vector_state, "wishes: which vector state there is, and asking for more"),
	TEST(cpuid_is_allowed, "wishes: cpuid is allowed and cannot be forbidden"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), look);
}
