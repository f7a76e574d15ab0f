/*
 * CLONE_CHILD_CLEARTID: a word that the kernel clears, and wakes who waits for, when the child leaves
 * its memory; and set_tid_address, which says which word.
 */
#include "helpers.h"

static volatile int *shared;

static int return_argument(void *argument)
{
	return (int)(long)argument;
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

static const struct test_case cases[] = {
	TEST(cleartid_clears_and_wakes_at_exit,
	     "clone: CLONE_CHILD_CLEARTID clears the word at exit, and wakes"),
	TEST(cleartid_clears_and_wakes_at_death,
	     "clone: CLONE_CHILD_CLEARTID does so when the child is killed"),
	TEST(cleartid_needs_another_user_of_the_memory,
	     "clone: CLONE_CHILD_CLEARTID leaves the word of memory with no other user"),
	TEST(set_tid_address_moves_the_word,
	     "clone: set_tid_address moves the word, and returns the tid"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
