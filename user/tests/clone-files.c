/*
 * CLONE_FILES: child and parent have one descriptor table. Who shares it sees what the other opens,
 * closes and marks, at once and also on another processor.
 */
#include "helpers.h"

#include <time.h>

static volatile int *shared;
static volatile int word;

/* Close ends[0], mark ends[1], and make a new descriptor, 50. */
static int change_files(void *argument)
{
	int *ends = argument;

	if (raw1(SYS_close, ends[0]) != 0)
		return 1;
	if (raw3(SYS_fcntl, ends[1], F_SETFD, FD_CLOEXEC) != 0)
		return 2;
	return raw2(SYS_dup2, ends[1], 50) == 50 ? 0 : 3;
}

static void change_files_under(unsigned long flags, int is_shared)
{
	int ends[2];

	make_pipe(ends);
	check_exits(clone_call(flags | SIGCHLD, change_files, ends), 0);
	if (is_shared) {
		check_errno(fcntl(ends[0], F_GETFD), EBADF);
		check_eq(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
		check_eq(fcntl(50, F_GETFD), 0);
		close(50);
	} else {
		check_eq(fcntl(ends[0], F_GETFD), 0);
		check_eq(fcntl(ends[1], F_GETFD), 0);
		check_errno(fcntl(50, F_GETFD), EBADF);
		give_byte(ends[1], 1);
		take_byte(ends[0]);
		close(ends[0]);
	}
	close(ends[1]);
}

static void files_shares_the_descriptor_table(void)
{
	change_files_under(CLONE_FILES, 1);
	change_files_under(CLONE_FILES | CLONE_VM, 1);
}

static void without_files_the_table_is_a_copy(void)
{
	change_files_under(0, 0);
	change_files_under(CLONE_VM | CLONE_FS | CLONE_SIGHAND, 0);
}

static int open_many(void *argument)
{
	for (int fd = 100; fd < 400; fd++)
		if (raw2(SYS_dup2, 1, fd) != fd)
			return 1;
	return 0;
}

static void shared_table_grows_for_both(void)
{
	check_exits(clone_call(CLONE_FILES | SIGCHLD, open_many, NULL), 0);
	for (int fd = 100; fd < 400; fd++)
		check_call(close(fd));
}

static int wait_with_files(void *argument)
{
	set(&shared[0], 1);
	raw_await(&shared[1], 1);
	return 0;
}

static void share_files_and_leave(void *argument)
{
	set(&shared[2], clone_call(CLONE_FILES | SIGCHLD, wait_with_files, NULL));
	tap_await(&shared[0], 1);
}

static void shared_table_lives_as_long_as_anybody_has_it(void)
{
	int ends[2];
	struct timespec wait = {0, 1000000};
	char byte;

	shared = tap_shared(4096);
	make_pipe(ends);
	check_child(share_files_and_leave, NULL);
	close(ends[1]);
	check_call(fcntl(ends[0], F_SETFL, O_NONBLOCK));
	check_errno(read(ends[0], &byte, 1), EAGAIN);
	set(&shared[1], 1);
	while (read(ends[0], &byte, 1) != 0)
		nanosleep(&wait, NULL);
}

static const struct test_case cases[] = {
	TEST(files_shares_the_descriptor_table, "clone: CLONE_FILES shares the descriptor table"),
	TEST(without_files_the_table_is_a_copy, "clone: without CLONE_FILES it is a copy"),
	TEST(shared_table_grows_for_both, "clone: a shared descriptor table grows for both"),
	TEST(shared_table_lives_as_long_as_anybody_has_it,
	     "clone: a shared descriptor table lives until its last user ends"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
