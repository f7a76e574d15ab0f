/*
 * CLONE_PARENT_SETTID: the child's number is stored in the parent's memory before the child runs.
 * Also what holds for all three words in which clone leaves the number.
 */
#include "clone.h"

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

/* ---- where the word may be ---- */

static long clone_with_word(unsigned long flags, void *word, int code)
{
	return raw_clone_call(flags | CLONE_PARENT_SETTID | SIGCHLD, new_stack(), word, NULL, 0,
			      return_argument, (void *)(long)code);
}

static void word_may_be_anywhere(void)
{
	char *page = new_page();

	for (int offset = 0; offset < 4; offset++) {
		long pid = clone_with_word(0, page + offset, 4);
		int stored;

		memcpy(&stored, page + offset, sizeof(stored));
		check_eq(stored, pid);
		check_exits(pid, 4);
	}
}

/* A word that begins well and ends nowhere: nothing of it is stored, and the child is made. */
static void word_across_the_end_of_memory_is_left_alone(void)
{
	char *end = end_of_memory();

	memset(end - 4, 0x5a, 4);
	for (int part = 1; part < 4; part++) {
		check_exits(clone_with_word(0, end - part, 4), 4);
		for (int i = 1; i <= 4; i++)
			check_eq(end[-i], 0x5a);
	}
}

static void read_only_word_is_left_alone(void)
{
	int *word = (int *)new_page();

	*word = -7;
	check_call(mprotect(word, 4096, PROT_READ));
	check_exits(clone_with_word(0, word, 4), 4);
	check_exits(clone_with_word(CLONE_VM, word, 4), 4);
	check_eq(*word, -7);
}

static int compare_with_tid(void *word)
{
	return get(word) == raw_gettid() ? 0 : 1;
}

static void word_in_shared_memory_is_seen_by_the_child(void)
{
	volatile int *word = tap_shared(4096);

	for (int i = 0; i < 10; i++) {
		long pid = raw_clone_call(CLONE_PARENT_SETTID | SIGCHLD, new_stack(), (int *)word,
					  NULL, 0, compare_with_tid, (void *)word);
		check(pid > 0);
		check_exits(pid, 0);
	}
}

/* The page is copied for the parent as it would be by a write of the program's own. */
static void page_shared_with_an_older_child_is_copied(void)
{
	volatile int *word = (int *)new_page();
	pid_t older;
	long pid;

	*word = -7;
	older = tap_fork();
	if (older == 0)
		wait_for_ever(NULL);
	pid = clone_with_word(0, (void *)word, 4);
	check_eq(*word, pid);
	check_exits(pid, 4);
	end_child(older);
	check_eq(*word, pid);
}

/* ---- with other flags and calls ---- */

static void clone3_stores_it_beside_the_pidfd(void)
{
	volatile int word = -7, fd = -7;
	const struct clone_args args = {
		.flags = CLONE_PARENT_SETTID | CLONE_PIDFD,
		.parent_tid = (uintptr_t)&word,
		.pidfd = (uintptr_t)&fd,
		.exit_signal = SIGCHLD,
	};
	long pid = raw_clone3(&args, sizeof(args));

	if (pid == 0)
		raw_exit(word == -7 ? 0 : 1);
	check_eq(word, pid);
	check(fd > 2 && fd != pid);
	check_call(close(fd));
	check_exits(pid, 0);
}

static void word_is_the_thread_s_number(void)
{
	for (int i = 0; i < 10; i++) {
		struct thread thread;

		thread_start(&thread, compare_with_tid, (void *)&thread.tid);
		check(thread.tid != getpid());
		thread_join(&thread);
	}
}

/* Both words in one place: whoever is last, it is the same number. */
static void both_words_may_be_one(void)
{
	volatile int word = -7;
	long pid = raw_clone_call(CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD,
				  new_stack(), (int *)&word, (int *)&word, 0, compare_with_tid,
				  (void *)&word);

	check(pid > 0);
	check_eq(word, pid);
	check_exits(pid, 0);
	check_eq(word, pid);
}

static const struct test_case cases[] = {
	TEST(parent_settid_is_stored_before_the_child_runs,
	     "clone: CLONE_PARENT_SETTID is stored before the child runs"),
	TEST(parent_settid_is_stored_in_the_parent_only,
	     "clone: CLONE_PARENT_SETTID is stored in the parent's memory"),
	TEST(without_the_flags_no_word_is_touched, "clone: without these flags no word is touched"),
	TEST(bad_pointers_to_words_are_ignored, "clone: bad pointers to these words are ignored"),
	TEST(word_may_be_anywhere, "CLONE_PARENT_SETTID: the word may be at any address"),
	TEST(word_across_the_end_of_memory_is_left_alone,
	     "CLONE_PARENT_SETTID: a word that ends in unmapped memory is left alone"),
	TEST(read_only_word_is_left_alone, "CLONE_PARENT_SETTID: a read-only word is left alone"),
	TEST(word_in_shared_memory_is_seen_by_the_child,
	     "CLONE_PARENT_SETTID: in shared memory the child sees it when it begins"),
	TEST(page_shared_with_an_older_child_is_copied,
	     "CLONE_PARENT_SETTID: a page shared with an older child is copied first"),
	TEST(clone3_stores_it_beside_the_pidfd,
	     "CLONE_PARENT_SETTID: clone3 stores number and pidfd, each in its place"),
	TEST(word_is_the_thread_s_number,
	     "CLONE_PARENT_SETTID: for a thread it is the thread's number"),
	TEST(both_words_may_be_one,
	     "CLONE_PARENT_SETTID: it and CLONE_CHILD_SETTID may store in one word"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
