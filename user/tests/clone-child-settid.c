/*
 * CLONE_CHILD_SETTID: the child stores its number in its own memory before it reaches user mode.
 */
#include "clone.h"

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

/* ---- before the child reaches user mode ---- */

static void it_is_stored_before_the_child_runs(void)
{
	volatile int *word = tap_shared(4096);

	for (int i = 0; i < 20; i++) {
		long pid;

		*word = -7;
		pid = raw_clone_call(CLONE_CHILD_SETTID | SIGCHLD, new_stack(), NULL, (int *)word,
				     0, check_parent_word, (void *)word);
		check(pid > 0);
		check_exits(pid, 0);
		check_eq(*word, pid);
	}
}

static void clone3_stores_it(void)
{
	static volatile int word = -7;
	const struct clone_args args = {
		.flags = CLONE_CHILD_SETTID,
		.child_tid = (uintptr_t)&word,
		.exit_signal = SIGCHLD,
	};
	long pid = raw_clone3(&args, sizeof(args));

	if (pid == 0)
		raw_exit(check_parent_word((void *)&word));
	check_exits(pid, 0);
	check_eq(word, -7);
}

static int check_thread_word(void *word)
{
	set(turn, get(word) == raw_gettid() && get(word) != raw0(SYS_getpid) ? 1 : 2);
	return 0;
}

static void for_a_thread_it_is_the_thread_s_number(void)
{
	volatile int word = -7;
	struct thread thread;

	begin_turns();
	thread.tid = raw_clone_call(THREAD_FLAGS | CLONE_CHILD_SETTID, new_stack(),
				    (int *)&thread.word, (int *)&word, 0, check_thread_word,
				    (void *)&word);
	check(thread.tid > 0);
	/* The word that is stored here is also the one that is cleared. */
	while (get(&word) != 0)
		raw_futex_wait(&word, thread.tid);
	check_eq(*turn, 1);
}

/* ---- words that cannot be stored ---- */

static int check_kept(void *word)
{
	return *(volatile int *)word == -7 ? 0 : 1;
}

static void read_only_word_is_left_alone(void)
{
	int *word = (int *)new_page();

	*word = -7;
	check_call(mprotect(word, 4096, PROT_READ));
	for (int vm = 0; vm < 2; vm++) {
		long pid = raw_clone_call((vm ? CLONE_VM : 0) | CLONE_CHILD_SETTID | SIGCHLD,
					  new_stack(), NULL, word, 0, check_kept, word);
		check(pid > 0);
		check_exits(pid, 0);
	}
	check_eq(*word, -7);
}

static int return_five(void *argument)
{
	return 5;
}

static void word_that_the_child_does_not_get_is_ignored(void)
{
	volatile int *word = (int *)new_page();
	long pid;

	*word = -7;
	check_call(madvise((void *)word, 4096, MADV_DONTFORK));
	pid = raw_clone_call(CLONE_CHILD_SETTID | SIGCHLD, new_stack(), NULL, (int *)word, 0,
			     return_five, NULL);
	check(pid > 0);
	check_exits(pid, 5);
	check_eq(*word, -7);
}

static void word_across_the_end_of_memory_is_left_alone(void)
{
	char *end = end_of_memory();
	long pid;

	memset(end - 4, 0x5a, 4);
	pid = raw_clone_call(CLONE_VM | CLONE_CHILD_SETTID | SIGCHLD, new_stack(), NULL,
			     (int *)(end - 2), 0, return_five, NULL);
	check(pid > 0);
	check_exits(pid, 5);
	for (int i = 1; i <= 4; i++)
		check_eq(end[-i], 0x5a);
}

/* ---- whose copy ---- */

/* A page that nobody has touched: the child gets one of its own, the parent none. */
static void untouched_page_is_made_for_the_child(void)
{
	volatile int *word = (int *)new_page();
	long pid = raw_clone_call(CLONE_CHILD_SETTID | SIGCHLD, new_stack(), NULL, (int *)word, 0,
				  check_parent_word, (void *)word);

	check(pid > 0);
	check_exits(pid, 0);
	check_eq(*word, 0);
}

static int fork_once(void *word)
{
	long pid;
	int status;

	set(word, -7);
	pid = raw_fork();
	if (pid == 0)
		raw_exit(0);
	return raw_wait4(pid, &status, 0, NULL) == pid && get(word) == -7 ? 0 : 1;
}

static void grandchild_stores_nothing(void)
{
	volatile int *word = tap_shared(4096);
	long pid = raw_clone_call(CLONE_CHILD_SETTID | SIGCHLD, new_stack(), NULL, (int *)word, 0,
				  fork_once, (void *)word);

	check(pid > 0);
	check_exits(pid, 0);
	check_eq(*word, -7);
}

static const struct test_case cases[] = {
	TEST(child_settid_is_stored_in_the_child_only,
	     "clone: CLONE_CHILD_SETTID is stored in the child's memory"),
	TEST(child_settid_under_vm_is_seen_by_both,
	     "clone: CLONE_CHILD_SETTID under CLONE_VM is seen by both"),
	TEST(it_is_stored_before_the_child_runs,
	     "CLONE_CHILD_SETTID: stored before the child runs, twenty times"),
	TEST(clone3_stores_it, "CLONE_CHILD_SETTID: clone3 stores it"),
	TEST(for_a_thread_it_is_the_thread_s_number,
	     "CLONE_CHILD_SETTID: for a thread it is the thread's number"),
	TEST(read_only_word_is_left_alone, "CLONE_CHILD_SETTID: a read-only word is left alone"),
	TEST(word_that_the_child_does_not_get_is_ignored,
	     "CLONE_CHILD_SETTID: a word in memory that fork leaves out is ignored"),
	TEST(word_across_the_end_of_memory_is_left_alone,
	     "CLONE_CHILD_SETTID: a word that ends in unmapped memory is left alone"),
	TEST(untouched_page_is_made_for_the_child,
	     "CLONE_CHILD_SETTID: a page never touched is made for the child alone"),
	TEST(grandchild_stores_nothing, "CLONE_CHILD_SETTID: the child's own child stores nothing"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
