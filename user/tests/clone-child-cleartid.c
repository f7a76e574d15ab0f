/*
 * CLONE_CHILD_CLEARTID: a word that the kernel clears, and wakes who waits for, when the child leaves
 * its memory; and set_tid_address, which says which word.
 */
#include "clone.h"

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

/* ---- who is woken ---- */

static int wait_for_word(void *word)
{
	add(&shared[1], 1);
	while (raw_futex_wait(word, 12345) == -EINTR)
		;
	add(&shared[2], 1);
	return 0;
}

static void await_sleep(pid_t pid)
{
	struct stat_fields fields;

	do {
		sched_yield();
		stat_of(pid, &fields);
	} while (fields.state != 'S');
}

static void start_waiters(pid_t waiters[2], unsigned long flags, volatile int *word)
{
	for (int i = 0; i < 2; i++)
		waiters[i] = clone_call(flags | SIGCHLD, wait_for_word, (void *)word);
	tap_await(&shared[1], 2);
	for (int i = 0; i < 2; i++)
		await_sleep(waiters[i]);
}

static void one_of_two_waiters_is_woken(void)
{
	volatile int word = 12345;
	pid_t waiters[2];
	long pid;

	shared = tap_shared(4096);
	start_waiters(waiters, CLONE_VM, &word);
	pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL,
			     (int *)&word, 0, return_argument, NULL);
	check(pid > 0);
	check_exits(pid, 0);
	tap_await(&shared[2], 1);
	settle();
	check_eq(shared[2], 1);
	check_eq(raw_futex_wake(&word, 10), 1);
	check_exits(waiters[0], 0);
	check_exits(waiters[1], 0);
}

static void waiter_in_another_memory_is_woken(void)
{
	volatile int *word = tap_shared(4096);
	pid_t waiters[2];
	long pid;

	shared = tap_shared(4096);
	*word = 12345;
	start_waiters(waiters, 0, word);
	pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL,
			     (int *)word, 0, return_argument, NULL);
	check_exits(pid, 0);
	check_eq(*word, 0);
	tap_await(&shared[2], 1);
	check_eq(raw_futex_wake(word, 10), 1);
	check_exits(waiters[0], 0);
	check_exits(waiters[1], 0);
}

/* The word cannot be cleared, but who waits for it is woken all the same. */
static void read_only_word_still_wakes(void)
{
	int fd = check_call(syscall(SYS_memfd_create, "word", 0));
	volatile int *word, *view;
	pid_t waiters[2];
	long pid;

	shared = tap_shared(4096);
	check_call(ftruncate(fd, 4096));
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	view = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	check(word != MAP_FAILED && view != MAP_FAILED);
	*word = 12345;
	start_waiters(waiters, 0, word);
	pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL,
			     (int *)view, 0, return_argument, NULL);
	check_exits(pid, 0);
	check_eq(*word, 12345);
	tap_await(&shared[2], 1);
	check_eq(raw_futex_wake(word, 10), 1);
	check_exits(waiters[0], 0);
	check_exits(waiters[1], 0);
}

/* ---- when ---- */

static void word_is_clear_once_the_child_can_be_waited_for(void)
{
	volatile int word;

	for (int i = 0; i < 20; i++) {
		long pid;

		word = 12345;
		pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL,
				     (int *)&word, 0, return_argument, NULL);
		await_zombie(pid);
		check_eq(word, 0);
		check_exits(pid, 0);
	}
}

static void word_is_clear_before_a_waiting_parent_goes_on(void)
{
	volatile int word;

	for (int i = 0; i < 20; i++) {
		long pid;

		word = 12345;
		pid = raw_clone_call(CLONE_VM | CLONE_VFORK | CLONE_CHILD_CLEARTID | SIGCHLD,
				     new_stack(), NULL, (int *)&word, 0, return_argument, NULL);
		check_eq(word, 0);
		check_exits(pid, 0);
	}
}

/* ---- whose word ---- */

static int clone_without_word(void *word)
{
	long pid = raw_clone_call(CLONE_VM | SIGCHLD, new_stack(), NULL, NULL, 0, return_argument,
				  NULL);
	int status;

	if (raw_wait4(pid, &status, 0, NULL) != pid || get(word) != 12345)
		return 1;
	pid = raw_fork();
	if (pid == 0)
		raw_exit(0);
	return raw_wait4(pid, &status, 0, NULL) == pid && get(word) == 12345 ? 0 : 2;
}

static void grandchildren_do_not_inherit_the_word(void)
{
	volatile int *word = tap_shared(4096);
	long pid;

	*word = 12345;
	pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL,
			     (int *)word, 0, clone_without_word, (void *)word);
	check_exits(pid, 0);
	check_eq(*word, 0);
}

static int leave_a_sharer(void *argument)
{
	set(&shared[1],
	    raw_clone_call(CLONE_VM | SIGCHLD, new_stack(), NULL, NULL, 0, exit_when_told, NULL));
	return 0;
}

/* Not the way the child was made counts, but whether its memory has another user at the end. */
static void forked_child_clears_if_it_shares_its_memory_later(void)
{
	volatile int *word = tap_shared(4096);
	long pid;

	shared = tap_shared(4096);
	*word = 12345;
	pid = raw_clone_call(CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL, (int *)word, 0,
			     leave_a_sharer, NULL);
	check_exits(pid, 0);
	check_eq(*word, 0);
	set(&shared[0], 1);
}

static int forget_the_word(void *argument)
{
	return raw1(SYS_set_tid_address, argument) == raw_gettid() ? 0 : 1;
}

static void set_tid_address_may_name_none(void)
{
	static void *const none[] = {NULL, UNMAPPED_ADDRESS, KERNEL_ADDRESS};

	for (size_t i = 0; i < TAP_COUNT(none); i++) {
		volatile int word = 12345;
		long pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(),
					  NULL, (int *)&word, 0, forget_the_word, none[i]);

		check_exits(pid, 0);
		check_eq(word, 12345);
	}
}

static int exec_and_wait(void *argument)
{
	raw_exec_helper("wait", argument, NULL);
	return 126;
}

/* exec clears it, since it leaves the memory; the end of the new program clears nothing more. */
static void exec_clears_it_and_forgets_it(void)
{
	volatile int *word = tap_shared(4096);
	char number[16];
	int gate[2];
	long pid;

	make_pipe(gate);
	snprintf(number, sizeof(number), "%d", gate[0]);
	*word = 12345;
	pid = raw_clone_call(CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, new_stack(), NULL,
			     (int *)word, 0, exec_and_wait, number);
	check(pid > 0);
	while (get(word) != 0)
		raw_futex_wait(word, 12345);
	set(word, 777);
	give_byte(gate[1], 6);
	check_exits(pid, 6);
	check_eq(*word, 777);
}

static int helper(int argc, char **argv)
{
	char byte;

	return argc == 2 && read(atoi(argv[1]), &byte, 1) == 1 ? byte : 1;
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
	TEST(one_of_two_waiters_is_woken, "CLONE_CHILD_CLEARTID: of two who wait one is woken"),
	TEST(waiter_in_another_memory_is_woken,
	     "CLONE_CHILD_CLEARTID: in shared memory a waiter of another process is woken"),
	TEST(read_only_word_still_wakes,
	     "CLONE_CHILD_CLEARTID: a read-only word stays, and a waiter is woken"),
	TEST(word_is_clear_once_the_child_can_be_waited_for,
	     "CLONE_CHILD_CLEARTID: the word is clear once the child can be waited for"),
	TEST(word_is_clear_before_a_waiting_parent_goes_on,
	     "CLONE_CHILD_CLEARTID: with CLONE_VFORK it is clear before the parent goes on"),
	TEST(grandchildren_do_not_inherit_the_word,
	     "CLONE_CHILD_CLEARTID: the child's own children do not inherit the word"),
	TEST(forked_child_clears_if_it_shares_its_memory_later,
	     "CLONE_CHILD_CLEARTID: a forked child that shares its memory later clears it"),
	TEST(set_tid_address_may_name_none,
	     "CLONE_CHILD_CLEARTID: set_tid_address may name no word, or a bad one"),
	TEST(exec_clears_it_and_forgets_it,
	     "CLONE_CHILD_CLEARTID: exec clears the word, and the new program's end does not"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
