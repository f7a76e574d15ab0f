/*
 * CLONE_PARENT_SETTID: the child's number is stored in the parent's memory before the child runs.
 * Also what holds for all three words in which clone leaves the number.
 */
#include "helpers.h"

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static int check_parent_word(void *argument)
{
	return get(argument) == raw_gettid() ? 0 : 1;
}

static void parent_settid_is_stored_before_the_child_runs(void)
{
	for (int i = 0; i < 20; i++) {
		volatile int tid = 0;
		long pid = raw_clone_call(CLONE_VM | CLONE_PARENT_SETTID | SIGCHLD, new_stack(),
					  (int *)&tid, NULL, 0, check_parent_word, (void *)&tid);
		check(pid > 0);
		check_eq(tid, pid);
		check_exits(pid, 0);
	}
}

static int return_word(void *argument)
{
	return get(argument) == -7 ? 0 : 1;
}

static void parent_settid_is_stored_in_the_parent_only(void)
{
	static volatile int tid = -7;
	long pid = raw_clone_call(CLONE_PARENT_SETTID | SIGCHLD, new_stack(), (int *)&tid, NULL, 0,
				  return_word, (void *)&tid);

	check(pid > 0);
	check_eq(tid, pid);
	check_exits(pid, 0);
}

static void without_the_flags_no_word_is_touched(void)
{
	volatile int parent_tid = -7, child_tid = -7;
	long pid = raw_clone_call(CLONE_VM | SIGCHLD, new_stack(), (int *)&parent_tid,
				  (int *)&child_tid, 0, return_word, (void *)&child_tid);

	check(pid > 0);
	check_exits(pid, 0);
	check_eq(parent_tid, -7);
	check_eq(child_tid, -7);
}

static void bad_pointers_to_words_are_ignored(void)
{
	static void *const bad[] = {NULL, UNMAPPED_ADDRESS, KERNEL_ADDRESS,
				    (void *)0x8000000000000000};
	static const unsigned long flags[] = {
		CLONE_PARENT_SETTID, CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID,
		CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		for (size_t j = 0; j < TAP_COUNT(flags); j++)
			for (int vm = 0; vm < 2; vm++) {
				long pid = raw_clone_call(flags[j] | (vm ? CLONE_VM : 0) | SIGCHLD,
							  new_stack(), bad[i], bad[i], 0,
							  return_argument, (void *)4);
				check(pid > 0);
				check_exits(pid, 4);
			}
}

static const struct test_case cases[] = {
	TEST(parent_settid_is_stored_before_the_child_runs,
	     "clone: CLONE_PARENT_SETTID is stored before the child runs"),
	TEST(parent_settid_is_stored_in_the_parent_only,
	     "clone: CLONE_PARENT_SETTID is stored in the parent's memory"),
	TEST(without_the_flags_no_word_is_touched, "clone: without these flags no word is touched"),
	TEST(bad_pointers_to_words_are_ignored, "clone: bad pointers to these words are ignored"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
