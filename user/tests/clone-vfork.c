/*
 * CLONE_VFORK: the caller waits until the child has given its memory back, whether that memory is
 * the caller's or not. What vfork itself, which is one of these, must do is in vfork.c.
 */
#include "helpers.h"

static volatile int word;
static volatile int *shared; /* by which a case talks to processes that do not share its memory */

static int set_word(void *argument)
{
	word = (int)(long)argument;
	return 0;
}

static int dawdle_and_set_word(void *argument)
{
	for (int i = 0; i < 20; i++)
		raw0(SYS_sched_yield);
	raw_settle();
	return set_word(argument);
}

static void own_stack_waits_too(void)
{
	pid_t pid = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, dawdle_and_set_word, (void *)1);

	check_eq(word, 1);
	check_exits(pid, 0);
}

static int set_shared(void *argument)
{
	word = 5;
	raw_settle();
	set(&shared[0], 1);
	return (int)(long)argument;
}

static void without_vm_waits_too(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = clone_call(CLONE_VFORK | SIGCHLD, set_shared, NULL);
	check_eq(shared[0], 1);
	check_eq(word, 0);
	check_exits(pid, 0);
}

static volatile int word_seen_by_handler = -1;

static void note_word(int number)
{
	count_signal(number);
	word_seen_by_handler = word;
}

static int signal_the_parent(void *argument)
{
	pid_t parent = raw0(SYS_getppid);

	for (int i = 0; i < 3; i++) {
		raw2(SYS_kill, parent, SIGUSR1);
		raw_settle();
	}
	return caught[SIGUSR1] == 0 ? set_word(argument) : 1;
}

static int signal_the_parent_from_own_stack(void *argument)
{
	return signal_the_parent(argument);
}

static void handled_signal_waits_with_own_stack(void)
{
	pid_t pid;

	set_handler(SIGUSR1, note_word, SA_RESTART);
	pid = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, signal_the_parent_from_own_stack,
			 (void *)1);
	check_eq(word, 1);
	check_eq(caught[SIGUSR1], 1);
	check_eq(word_seen_by_handler, 1);
	check_exits(pid, 0);
}

static int vfork_thread_child(void *argument)
{
	return dawdle_and_set_word(argument);
}

static void thread_made_with_vfork_holds_its_maker(void)
{
	unsigned long flags = THREAD_FLAGS & ~(CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID);

	clone_call(flags | CLONE_VFORK, vfork_thread_child, (void *)1);
	check_eq(word, 1);
}

static const struct test_case cases[] = {
	TEST(own_stack_waits_too,
	     "vfork: the parent waits for a child that has a stack of its own"),
	TEST(without_vm_waits_too,
	     "vfork: CLONE_VFORK without CLONE_VM waits, and copies the memory"),
	TEST(handled_signal_waits_with_own_stack,
	     "vfork: the same when the child has a stack of its own"),
	TEST(thread_made_with_vfork_holds_its_maker,
	     "vfork: a thread made with CLONE_VFORK holds its maker until it ends"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
