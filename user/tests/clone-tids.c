/*
 * The words in which clone leaves the child's number: in the parent's memory, in the child's, and
 * the one that is cleared when the child leaves its memory.
 */
#include "helpers.h"

static volatile int *shared;

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

static int exit_when_told(void *argument)
{
	raw_await(&shared[0], 1);
	return 0;
}

static int pause_for_ever(void *argument)
{
	for (;;)
		raw0(SYS_pause);
	return 0;
}

/* A CLONE_VM child with a CLEARTID word ends; the parent sleeps on the word until it is woken. */
static void await_cleared_word(volatile int *tid, int (*function)(void *), int number)
{
	long pid;
	int value;

	shared = tap_shared(4096);
	*tid = 12345;
	pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL,
			     (int *)tid, 0, function, NULL);
	check(pid > 0);
	check_eq(*tid, 12345);
	if (number)
		check_call(kill(pid, number));
	set(&shared[0], 1);
	while ((value = get(tid)) != 0)
		raw_futex_wait(tid, value);
	if (number)
		check_killed(pid, number);
	else
		check_exits(pid, 0);
}

static void cleartid_clears_and_wakes_at_exit(void)
{
	volatile int tid;

	for (int i = 0; i < 10; i++)
		await_cleared_word(&tid, exit_when_told, 0);
}

static void cleartid_clears_and_wakes_at_death(void)
{
	volatile int tid;

	await_cleared_word(&tid, pause_for_ever, SIGKILL);
	await_cleared_word(&tid, pause_for_ever, SIGTERM);
}

static void cleartid_needs_another_user_of_the_memory(void)
{
	volatile int *tid = tap_shared(4096);
	long pid;

	*tid = 12345;
	pid = raw_clone_call(CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL, (int *)tid, 0,
			     return_argument, NULL);
	check(pid > 0);
	check_exits(pid, 0);
	check_eq(*tid, 12345);
}

static int move_the_word(void *argument)
{
	return raw1(SYS_set_tid_address, argument) == raw_gettid() ? 0 : 1;
}

static void set_tid_address_moves_the_word(void)
{
	volatile int first = 1, second = 2;
	long pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL,
				  (int *)&first, 0, move_the_word, (void *)&second);

	check(pid > 0);
	check_exits(pid, 0);
	check_eq(first, 1);
	check_eq(second, 0);
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
	TEST(child_settid_is_stored_in_the_child_only,
	     "clone: CLONE_CHILD_SETTID is stored in the child's memory"),
	TEST(child_settid_under_vm_is_seen_by_both,
	     "clone: CLONE_CHILD_SETTID under CLONE_VM is seen by both"),
	TEST(without_the_flags_no_word_is_touched, "clone: without these flags no word is touched"),
	TEST(cleartid_clears_and_wakes_at_exit,
	     "clone: CLONE_CHILD_CLEARTID clears the word at exit, and wakes"),
	TEST(cleartid_clears_and_wakes_at_death,
	     "clone: CLONE_CHILD_CLEARTID does so when the child is killed"),
	TEST(cleartid_needs_another_user_of_the_memory,
	     "clone: CLONE_CHILD_CLEARTID leaves the word of memory with no other user"),
	TEST(set_tid_address_moves_the_word,
	     "clone: set_tid_address moves the word, and returns the tid"),
	TEST(bad_pointers_to_words_are_ignored, "clone: bad pointers to these words are ignored"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
