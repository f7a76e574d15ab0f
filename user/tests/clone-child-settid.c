/*
 * CLONE_CHILD_SETTID: the child stores its number in its own memory before it reaches user mode.
 */
#include "helpers.h"

static int check_parent_word(void *argument)
{
	return get(argument) == raw_gettid() ? 0 : 1;
}

static void child_settid_is_stored_in_the_child_only(void)
{
	static volatile int tid = -7;
	long pid = raw_clone_call(CLONE_CHILD_SETTID | SIGCHLD, new_stack(), NULL, (int *)&tid, 0,
				  check_parent_word, (void *)&tid);

	check(pid > 0);
	check_exits(pid, 0);
	check_eq(tid, -7);
}

static void child_settid_under_vm_is_seen_by_both(void)
{
	volatile int tid = -7;
	long pid = raw_clone_call(CLONE_VM | CLONE_CHILD_SETTID | SIGCHLD, new_stack(), NULL,
				  (int *)&tid, 0, check_parent_word, (void *)&tid);

	check(pid > 0);
	check_exits(pid, 0);
	check_eq(tid, pid);
}

static const struct test_case cases[] = {
	TEST(child_settid_is_stored_in_the_child_only,
	     "clone: CLONE_CHILD_SETTID is stored in the child's memory"),
	TEST(child_settid_under_vm_is_seen_by_both,
	     "clone: CLONE_CHILD_SETTID under CLONE_VM is seen by both"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
