/*
 * CLONE_FILES: child and parent have one descriptor table. Who shares it sees what the other opens,
 * closes and marks, at once and also on another processor.
 */
#include "clone.h"

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
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

/* ---- each way to change the table ---- */

static int make_descriptors(void *argument)
{
	const int fd = (int)(long)argument;

	if (raw3(SYS_open, "/dev/null", O_RDWR | O_CLOEXEC, 0) != fd + 1)
		return 1;
	if (raw1(SYS_dup, fd) != fd + 2 || raw2(SYS_dup2, fd, fd + 5) != fd + 5)
		return 2;
	if (raw3(SYS_dup3, fd, fd + 6, O_CLOEXEC) != fd + 6)
		return 3;
	if (raw3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, fd + 8) != fd + 8)
		return 4;
	if (raw2(SYS_ioctl, fd + 2, FIOCLEX) != 0)
		return 5;
	return 0;
}

static void every_way_to_open_is_seen(void)
{
	static const int expected[] = {FD_CLOEXEC, FD_CLOEXEC, -1, -1,
				       0,          FD_CLOEXEC, -1, FD_CLOEXEC};
	int fd = check_call(open("/dev/null", O_RDWR));

	check_exits(clone_call(CLONE_FILES | SIGCHLD, make_descriptors, (void *)(long)fd), 0);
	for (int i = 1; i <= 8; i++)
		check_eq(fcntl(fd + i, F_GETFD), expected[i - 1]);
	check_call(syscall(SYS_close_range, fd, fd + 8, 0));
}

static int close_descriptors(void *argument)
{
	const int fd = (int)(long)argument;

	if (raw3(SYS_close_range, fd + 1, fd + 2, 0) != 0)
		return 1;
	if (raw3(SYS_close_range, fd + 4, fd + 6, 4 /* CLOSE_RANGE_CLOEXEC */) != 0)
		return 2;
	return raw3(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC) == 0 ? 0 : 3;
}

static void every_way_to_close_is_seen(void)
{
	static const int expected[] = {FD_CLOEXEC, -1,         -1,         0,
				       FD_CLOEXEC, FD_CLOEXEC, FD_CLOEXEC, 0};
	int fd = check_call(open("/dev/null", O_RDWR));

	for (int i = 1; i < 8; i++)
		check_eq(dup(fd), fd + i);
	check_exits(clone_call(SIGCHLD, close_descriptors, (void *)(long)fd), 0);
	for (int i = 0; i < 8; i++)
		check_eq(fcntl(fd + i, F_GETFD), 0);
	check_exits(clone_call(CLONE_FILES | SIGCHLD, close_descriptors, (void *)(long)fd), 0);
	for (int i = 0; i < 8; i++)
		check_eq(fcntl(fd + i, F_GETFD), expected[i]);
	check_call(syscall(SYS_close_range, fd, fd + 7, 0));
}

static int part_and_close(void *argument)
{
	return raw3(SYS_close_range, 0, ~0U, 2 /* CLOSE_RANGE_UNSHARE */) == 0 ? 0 : 1;
}

static void close_range_may_part_the_tables(void)
{
	int ends[2];

	make_pipe(ends);
	check_exits(clone_call(CLONE_FILES | SIGCHLD, part_and_close, NULL), 0);
	give_byte(ends[1], 1);
	take_byte(ends[0]);
}

/* ---- a table in use on two processors ---- */

static int close_in_turns(void *argument)
{
	for (int i = 1; i < 400; i += 2) {
		await_turn(i);
		if (raw3(SYS_fcntl, turn[1], F_GETFD, 0) != (i % 4 == 1 ? FD_CLOEXEC : 0))
			return 1;
		if (raw1(SYS_close, turn[1]) != 0)
			return 2;
		give_turn(i + 1);
	}
	return 0;
}

static void what_one_opens_the_other_closes(void)
{
	pid_t pid;

	begin_turns();
	pid = clone_call(CLONE_FILES | SIGCHLD, close_in_turns, NULL);
	for (int i = 1; i < 400; i += 2) {
		int fd = check_call(open("/dev/null", i % 4 == 1 ? O_CLOEXEC : 0));

		set(&turn[1], fd);
		give_turn(i);
		await_turn(i + 1);
		check_errno(fcntl(fd, F_GETFD), EBADF);
	}
	check_exits(pid, 0);
}

enum { ROUNDS = 1500 };

/* Open a device again and again: the number is one's own until one closes it. */
static int open_and_close(const char *path, unsigned long device)
{
	for (int i = 0; i < ROUNDS; i++) {
		long fd = raw3(SYS_open, path, O_RDONLY, 0);
		struct stat status;

		if (fd < 0 || raw2(SYS_fstat, fd, &status) != 0)
			return 1;
		if (status.st_rdev != device)
			return 2;
		if (raw1(SYS_close, fd) != 0)
			return 3;
	}
	return 0;
}

static int open_zero(void *argument)
{
	return open_and_close("/dev/zero", makedev(1, 5));
}

static void two_that_open_never_get_one_number(void)
{
	pid_t pid = clone_call(CLONE_FILES | SIGCHLD, open_zero, NULL);

	check_eq(open_and_close("/dev/null", makedev(1, 3)), 0);
	check_exits(pid, 0);
}

static int use_descriptor(void *argument)
{
	const int fd = (int)(long)argument;
	struct stat status;

	while (!get(turn))
		if (raw2(SYS_fstat, fd, &status) != 0 || status.st_rdev != makedev(1, 3))
			return 1;
	return 0;
}

/* The table moves to a larger place while the other looks into it. */
static void table_grows_while_the_other_uses_it(void)
{
	long fd = check_call(open("/dev/null", O_RDONLY));
	pid_t pid;

	begin_turns();
	pid = clone_call(CLONE_FILES | SIGCHLD, use_descriptor, (void *)fd);
	for (int above = 70; above < 1000; above += 61)
		check_eq(dup2(0, above), above);
	give_turn(1);
	check_exits(pid, 0);
	check_call(syscall(SYS_close_range, 70, 1000, 0));
}

/* ---- a file in use while its descriptor goes ---- */

static int read_blocked(void *argument)
{
	const int *ends = argument;
	char byte = 0;

	give_turn(1);
	return raw3(SYS_read, ends[0], &byte, 1) == 1 ? byte : 99;
}

/* Wait until the process sleeps. */
static void await_sleep(pid_t pid)
{
	struct stat_fields fields;

	do {
		sched_yield();
		stat_of(pid, &fields);
	} while (fields.state != 'S');
}

static void blocked_read_outlives_its_descriptor(void)
{
	int ends[2], writer;
	pid_t pid;

	begin_turns();
	make_pipe(ends);
	writer = dup(ends[1]);
	pid = clone_call(CLONE_FILES | SIGCHLD, read_blocked, ends);
	await_turn(1);
	await_sleep(pid);
	check_call(close(ends[0]));
	check_errno(fcntl(ends[0], F_GETFD), EBADF);
	/* The file is still open: it is being read. */
	give_byte(writer, 7);
	check_exits(pid, 7);
	signal(SIGPIPE, SIG_IGN);
	check_errno(write(writer, "", 1), EPIPE);
}

static void blocked_read_stays_with_the_old_file(void)
{
	int ends[2], others[2];
	pid_t pid;

	begin_turns();
	make_pipe(ends);
	make_pipe(others);
	pid = clone_call(CLONE_FILES | SIGCHLD, read_blocked, ends);
	await_turn(1);
	await_sleep(pid);
	give_byte(others[1], 8);
	check_eq(dup2(others[0], ends[0]), ends[0]);
	give_byte(ends[1], 9);
	check_exits(pid, 9);
	check_eq(take_byte(ends[0]), 8);
}

/* ---- what goes with the table, and what does not ---- */

static int lock_file(void *argument)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

	return raw3(SYS_fcntl, argument, F_SETLK, &lock) == 0 ? 0 : 1;
}

/* Record locks belong to the table: who shares it has no lock against the other. */
static void record_locks_belong_to_the_table(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	long fd = check_call(open("/tmp/clone-files", O_RDWR | O_CREAT | O_EXCL, 0600));

	check_call(unlink("/tmp/clone-files"));
	check_exits(clone_call(CLONE_FILES | SIGCHLD, lock_file, (void *)fd), 0);
	/* It is the table's also when he who set it has ended. */
	check_exits(clone_call(SIGCHLD, lock_file, (void *)fd), 1);
	check_exits(clone_call(CLONE_FILES | SIGCHLD, lock_file, (void *)fd), 0);
	lock.l_type = F_UNLCK;
	check_call(fcntl(fd, F_SETLK, &lock));
	check_exits(clone_call(SIGCHLD, lock_file, (void *)fd), 0);
}

static int open_below_a_limit(void *argument)
{
	const struct rlimit limit = {(unsigned long)argument, (unsigned long)argument};

	if (raw2(SYS_setrlimit, RLIMIT_NOFILE, &limit) != 0)
		return 1;
	return raw1(SYS_dup, 0) == -EMFILE ? 0 : 2;
}

static void limit_is_each_process_s_own(void)
{
	long fd = lowest_free_descriptor();

	check_exits(clone_call(CLONE_FILES | SIGCHLD, open_below_a_limit, (void *)fd), 0);
	check_eq(dup(0), fd);
}

static int exec_closer(void *argument)
{
	raw_exec_helper("close", argument, NULL);
	return 126;
}

/* exec takes a table of its own, as the shared one is at that moment, and then closes in that. */
static void exec_goes_on_with_a_copy(void)
{
	int ends[2];
	char number[16];

	make_pipe(ends);
	check_eq(dup2(ends[0], 100), 100);
	check_call(fcntl(100, F_SETFD, FD_CLOEXEC));
	snprintf(number, sizeof(number), "%d", ends[0]);
	check_exits(clone_call(CLONE_FILES | SIGCHLD, exec_closer, number), 0);
	check_eq(fcntl(ends[0], F_GETFD), 0);
	check_eq(fcntl(100, F_GETFD), FD_CLOEXEC);
	check_errno(fcntl(101, F_GETFD), EBADF);
	check_call(close(100));
}

static int fork_and_close(void *argument)
{
	long pid = raw_fork();
	int status;

	if (pid == 0)
		raw_exit(raw1(SYS_close, argument) == 0 ? 0 : 1);
	return raw_wait4(pid, &status, 0, NULL) == pid && status == 0 ? 0 : 2;
}

static void fork_by_a_sharer_copies(void)
{
	long fd = check_call(dup(0));

	check_exits(clone_call(CLONE_FILES | SIGCHLD, fork_and_close, (void *)fd), 0);
	check_eq(fcntl(fd, F_GETFD), 0);
	close(fd);
}

static int take_number_in_thread(void *argument)
{
	return raw1(SYS_close, argument) == 0 ? 0 : 1;
}

static void thread_may_have_its_own_table(void)
{
	const unsigned long flags = THREAD_FLAGS & ~CLONE_FILES;
	long fd = check_call(dup(0));
	struct thread thread;
	int *word = (int *)&thread.word;

	thread.tid = raw_clone_call(flags, new_stack(), word, word, 0, take_number_in_thread,
				    (void *)fd);
	check(thread.tid > 0);
	thread_join(&thread);
	check_eq(fcntl(fd, F_GETFD), 0);
	thread_start(&thread, take_number_in_thread, (void *)fd);
	thread_join(&thread);
	check_errno(fcntl(fd, F_GETFD), EBADF);
}

/* A table that is a copy keeps its marks when one of the two opens, closes or marks later. */
static void marks_of_a_copy_stay(void)
{
	int marked = check_call(open("/dev/null", O_RDONLY | O_CLOEXEC));
	int plain = check_call(open("/dev/null", O_RDONLY));

	for (int by_child = 0; by_child < 2; by_child++) {
		pid_t pid = tap_fork();

		if (pid != 0 && by_child) {
			check_exits(pid, 0);
			continue;
		}
		if (pid == 0 && !by_child)
			wait_for_ever(NULL);
		check_call(close(check_call(dup(0))));
		check_eq(fcntl(marked, F_GETFD), FD_CLOEXEC);
		check_eq(fcntl(plain, F_GETFD), 0);
		check_call(fcntl(plain, F_SETFD, FD_CLOEXEC));
		check_eq(fcntl(marked, F_GETFD), FD_CLOEXEC);
		check_call(fcntl(plain, F_SETFD, 0));
		if (pid == 0)
			_exit(0);
		end_child(pid);
	}
}

/* Forks before and after it changes its table, and so do its children, for so many generations. */
static void change_in_each_generation(void *argument)
{
	long left = (long)argument;
	int lowest = check_call(dup(0));

	check_call(close(lowest));
	if (left > 0)
		check_child(change_in_each_generation, (void *)(left - 1));
	check_errno(fcntl(lowest, F_GETFD), EBADF);
	check_eq(dup(0), lowest);
	check_call(fcntl(lowest, F_SETFD, FD_CLOEXEC));
	if (left > 0)
		check_child(change_in_each_generation, (void *)(left - 1));
	check_eq(fcntl(lowest, F_GETFD), FD_CLOEXEC);
	check_errno(fcntl(lowest + 1, F_GETFD), EBADF);
	check_call(close(lowest));
}

static void each_forked_process_goes_its_own_way(void)
{
	change_in_each_generation((void *)3);
}

static void lock_and_wait(void *argument)
{
	const struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
	int *ends = argument;
	char byte;

	check_call(fcntl(ends[2], F_SETLK, &lock));
	check_call(close(ends[1]));
	check_eq(read(ends[0], &byte, 1), 0);
}

/* The child's first change is a lock; the pipe's end comes with the parent's. */
static void forked_child_locks_for_itself(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
	int ends[3];
	pid_t pid;

	check_call(pipe(ends));
	ends[2] = check_call(open("/tmp/clone-files", O_RDWR | O_CREAT, 0600));
	pid = tap_fork();
	if (pid == 0) {
		lock_and_wait(ends);
		_exit(0);
	}
	while (lock.l_type != F_WRLCK || lock.l_pid != pid) {
		lock = (struct flock){.l_type = F_WRLCK, .l_len = 1};
		check_call(fcntl(ends[2], F_GETLK, &lock));
		sched_yield();
	}
	check_errno(fcntl(ends[2], F_SETLK, &lock), EAGAIN);
	check_call(close(ends[1]));
	check_eq(waitpid(pid, NULL, 0), pid);
	check_call(fcntl(ends[2], F_SETLK, &lock));
	close(ends[0]);
	close(ends[2]);
	check_call(unlink("/tmp/clone-files"));
}

static int helper(int argc, char **argv)
{
	int fd = argc == 2 ? atoi(argv[1]) : -1;

	if (fcntl(fd, F_GETFD) != 0 || fcntl(100, F_GETFD) != -1)
		return 1;
	close(fd);
	return dup2(0, 101) == 101 ? 0 : 2;
}

static const struct test_case cases[] = {
	TEST(files_shares_the_descriptor_table, "clone: CLONE_FILES shares the descriptor table"),
	TEST(without_files_the_table_is_a_copy, "clone: without CLONE_FILES it is a copy"),
	TEST(shared_table_grows_for_both, "clone: a shared descriptor table grows for both"),
	TEST(shared_table_lives_as_long_as_anybody_has_it,
	     "clone: a shared descriptor table lives until its last user ends"),
	TEST(every_way_to_open_is_seen,
	     "CLONE_FILES: open, dup, dup2, dup3 and fcntl by the child are seen by the parent"),
	TEST(every_way_to_close_is_seen,
	     "CLONE_FILES: close_range and FD_CLOEXEC are seen, with the flag only"),
	TEST(close_range_may_part_the_tables,
	     "CLONE_FILES: CLOSE_RANGE_UNSHARE closes in a table of the caller's own"),
	TEST(what_one_opens_the_other_closes,
	     "CLONE_FILES: what one opens the other closes, in turns"),
	TEST(two_that_open_never_get_one_number,
	     "CLONE_FILES: two that open and close at once never get one number"),
	TEST(table_grows_while_the_other_uses_it,
	     "CLONE_FILES: the table grows while the other uses it"),
	TEST(blocked_read_outlives_its_descriptor,
	     "CLONE_FILES: a blocked read goes on when the other closes its descriptor"),
	TEST(blocked_read_stays_with_the_old_file,
	     "CLONE_FILES: a blocked read stays with its file when the other puts another there"),
	TEST(record_locks_belong_to_the_table, "CLONE_FILES: record locks belong to the table"),
	TEST(limit_is_each_process_s_own, "CLONE_FILES: RLIMIT_NOFILE is each process's own"),
	TEST(exec_goes_on_with_a_copy, "CLONE_FILES: exec goes on with a copy, and closes in that"),
	TEST(fork_by_a_sharer_copies, "CLONE_FILES: a fork by one who shares is a copy"),
	TEST(thread_may_have_its_own_table,
	     "CLONE_FILES: a thread made without it has a table of its own"),
	TEST(each_forked_process_goes_its_own_way,
	     "CLONE_FILES: without it four generations change their tables, and fork meanwhile"),
	TEST(forked_child_locks_for_itself,
	     "CLONE_FILES: without it a child that locks first of all locks for itself"),
	TEST(marks_of_a_copy_stay,
	     "CLONE_FILES: without it each table keeps its marks, whatever is opened"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
