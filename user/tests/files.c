/*
 * Descriptors, as far as fork, exec and a shell need them: tables that are copied, offsets that are
 * shared, numbers and their limits. Names of files are in paths.c.
 */
#include "helpers.h"

#include <limits.h>
#include <sys/resource.h>

static int is_open(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	check(flags >= 0 || errno == EBADF);
	return flags >= 0;
}

/* ---- descriptors over fork ---- */

static void fork_copies_the_table(void)
{
	int ends[2], extra = check_call(dup(0));
	pid_t pid;

	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		check_call(close(extra));
		check_eq(dup2(ends[1], 60), 60);
		check_call(fcntl(ends[0], F_SETFD, FD_CLOEXEC));
		_exit(0);
	}
	check_exits(pid, 0);
	check(is_open(extra) && !is_open(60));
	check_eq(fcntl(ends[0], F_GETFD), 0);
}

static void what_the_parent_opens_later_is_its_own(void)
{
	int gate[2], fd;
	pid_t pid;

	make_pipe(gate);
	pid = tap_fork();
	if (pid == 0)
		_exit(is_open(take_byte(gate[0])) ? 1 : 0);
	fd = check_call(dup2(0, 70));
	give_byte(gate[1], fd);
	check_exits(pid, 0);
}

static void offset_is_shared_over_fork(void)
{
	char bytes[4];
	int fd;
	pid_t pid;

	go_home();
	make_file("text", "abcdefghij");
	fd = check_call(open("text", O_RDWR));
	pid = tap_fork();
	if (pid == 0) {
		check_eq(read(fd, bytes, 3), 3);
		check(memcmp(bytes, "abc", 3) == 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(lseek(fd, 0, SEEK_CUR), 3);
	check_eq(read(fd, bytes, 2), 2);
	check(memcmp(bytes, "de", 2) == 0);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(lseek(fd, 0, SEEK_CUR), 5);
		check_eq(lseek(fd, -1, SEEK_END), 9);
		check_call(close(fd));
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(read(fd, bytes, 4), 1);
	check_eq(bytes[0], 'j');
	check_call(close(fd));
	check_call(unlink("text"));
	leave_home();
}

static void writers_with_one_offset_do_not_overwrite(void)
{
	enum { WRITERS = 4, LINES = 50 };
	char bytes[WRITERS * LINES * 4 + 1];
	int fd, seen[WRITERS] = {0};
	pid_t pids[WRITERS];

	go_home();
	fd = check_call(open("log", O_RDWR | O_CREAT, 0600));
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			char line[4] = {'a' + i, 'a' + i, 'a' + i, '\n'};
			for (int n = 0; n < LINES; n++)
				check_eq(write(fd, line, 4), 4);
			_exit(0);
		}
	}
	for (int i = 0; i < WRITERS; i++)
		check_exits(pids[i], 0);
	check_eq(pread(fd, bytes, sizeof(bytes), 0), WRITERS * LINES * 4);
	for (int n = 0; n < WRITERS * LINES * 4; n += 4) {
		check(bytes[n] == bytes[n + 1] && bytes[n] == bytes[n + 2] && bytes[n + 3] == '\n');
		seen[bytes[n] - 'a']++;
	}
	for (int i = 0; i < WRITERS; i++)
		check_eq(seen[i], LINES);
	check_call(close(fd));
	check_call(unlink("log"));
	leave_home();
}

static void two_opens_have_two_offsets(void)
{
	char byte;
	int first, second;

	go_home();
	make_file("text", "abc");
	first = check_call(open("text", O_RDONLY));
	second = check_call(open("text", O_RDONLY));
	check_eq(read(first, &byte, 1), 1);
	check_eq(read(first, &byte, 1), 1);
	check_eq(read(second, &byte, 1), 1);
	check_eq(byte, 'a');
	check_call(close(first));
	check_call(close(second));
	check_call(unlink("text"));
	leave_home();
}

static void append_always_writes_at_the_end(void)
{
	int fd;
	pid_t pid;

	go_home();
	make_file("log", "one ");
	fd = check_call(open("log", O_WRONLY | O_APPEND));
	pid = tap_fork();
	if (pid == 0) {
		int own = check_call(open("log", O_WRONLY | O_APPEND));
		check_eq(write(own, "two ", 4), 4);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(write(fd, "three", 5), 5);
	check_eq(lseek(fd, 0, SEEK_CUR), 13);
	check_call(close(fd));
	check_file("log", "one two three");
	leave_home();
}

static void unlinked_file_lives_while_it_is_open(void)
{
	char bytes[8];
	int fd, gate[2];
	struct stat status;
	pid_t pid;

	go_home();
	make_pipe(gate);
	fd = check_call(open("gone", O_RDWR | O_CREAT, 0600));
	check_eq(write(fd, "still", 5), 5);
	pid = tap_fork();
	if (pid == 0) {
		take_byte(gate[0]);
		check_eq(pread(fd, bytes, 8, 0), 5);
		check(memcmp(bytes, "still", 5) == 0);
		_exit(0);
	}
	check_call(unlink("gone"));
	check_call(fstat(fd, &status));
	check_eq(status.st_nlink, 0);
	check_call(close(fd));
	check_errno(open("gone", O_RDONLY), ENOENT);
	give_byte(gate[1], 1);
	check_exits(pid, 0);
	leave_home();
}

static void write_over_it(void *argument)
{
	int fd = check_call(open("shared", O_RDWR));

	check_eq(pwrite(fd, "child", 5, 0), 5);
}

static void children_see_one_file_system(void)
{
	int fd;

	go_home();
	make_file("shared", "parent");
	fd = check_call(open("shared", O_RDONLY));
	check_child(write_over_it, NULL);
	check_call(close(fd));
	check_file("shared", "childt");
	leave_home();
}

/* ---- numbers ---- */

static void lowest_free_number_is_taken(void)
{
	int first = check_call(dup(0)), second = check_call(dup(0)), third = check_call(dup(0));

	check_eq(second, first + 1);
	check_eq(third, first + 2);
	check_call(close(first));
	check_call(close(second));
	check_eq(dup(0), first);
	check_eq(fcntl(0, F_DUPFD, 0), second);
	check_eq(fcntl(0, F_DUPFD, 200), 200);
	check_eq(fcntl(0, F_DUPFD, 200), 201);
	check_eq(fcntl(0, F_DUPFD_CLOEXEC, 200), 202);
	check_eq(fcntl(202, F_GETFD), FD_CLOEXEC);
	check_eq(fcntl(201, F_GETFD), 0);
}

static void dup2_rules(void)
{
	enum { CLOSED = 91, COPY = 90 };
	int ends[2];

	check_call(pipe2(ends, O_CLOEXEC));
	check_eq(dup2(ends[0], ends[0]), ends[0]);
	check_eq(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	check_eq(dup2(ends[0], COPY), COPY);
	check_eq(fcntl(COPY, F_GETFD), 0);
	check_eq(raw3(SYS_dup3, ends[0], COPY, O_CLOEXEC), COPY);
	check_eq(fcntl(COPY, F_GETFD), FD_CLOEXEC);
	/* The other end is closed by being replaced. */
	check_eq(dup2(0, ends[1]), ends[1]);
	check_eof(COPY);
	check_eq(raw2(SYS_dup2, CLOSED, CLOSED), -EBADF);
	check_eq(raw2(SYS_dup2, CLOSED, 3), -EBADF);
	check_eq(raw2(SYS_dup2, -1, 3), -EBADF);
	check_eq(raw2(SYS_dup2, 0, -1), -EBADF);
	check_eq(raw2(SYS_dup2, 0, INT_MAX), -EBADF);
	check_eq(raw3(SYS_dup3, 0, 0, 0), -EINVAL);
	check_eq(raw3(SYS_dup3, 0, 92, O_APPEND), -EINVAL);
	check_eq(raw3(SYS_dup3, CLOSED, 92, 0), -EBADF);
	check_eq(raw1(SYS_dup, CLOSED), -EBADF);
	check_eq(raw1(SYS_close, CLOSED), -EBADF);
	check_eq(raw1(SYS_close, -1), -EBADF);
	check_eq(raw3(SYS_fcntl, CLOSED, F_GETFD, 0), -EBADF);
	check_eq(raw3(SYS_fcntl, 0, 9999, 0), -EINVAL);
}

static void meet_the_limit(void *argument)
{
	struct rlimit limit = {40, 40};
	int ends[2], last = -1, fd;
	pid_t pid;

	check_eq(dup2(0, 50), 50);
	check_call(setrlimit(RLIMIT_NOFILE, &limit));
	while ((fd = dup(0)) >= 0)
		last = fd;
	check_eq(errno, EMFILE);
	check_eq(last, 39);
	check_errno(open("/dev/null", O_RDONLY), EMFILE);
	check_errno(pipe(ends), EMFILE);
	check_errno(fcntl(0, F_DUPFD, 0), EMFILE);
	check_errno(fcntl(0, F_DUPFD, 40), EINVAL);
	check_eq(raw2(SYS_dup2, 0, 40), -EBADF);
	check_eq(raw2(SYS_dup2, 0, 39), 39);
	/* One that is beyond the limit stays open, and is copied by fork. */
	check(is_open(50));
	check_call(close(39));
	check_errno(pipe(ends), EMFILE);
	check_eq(dup(50), 39);
	pid = tap_fork();
	if (pid == 0) {
		check(is_open(50));
		check_errno(dup(0), EMFILE);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void at_the_limit_is_emfile(void)
{
	check_child(meet_the_limit, NULL);
}

static void large_numbers_are_copied(void)
{
	static const int numbers[] = {63, 64, 65, 127, 128, 255, 256, 511, 512, 1000, 1023};
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	for (size_t i = 0; i < TAP_COUNT(numbers); i++) {
		check_eq(dup2(ends[1], numbers[i]), numbers[i]);
		check_call(fcntl(numbers[i], F_SETFD, i % 2 ? FD_CLOEXEC : 0));
	}
	pid = tap_fork();
	if (pid == 0) {
		for (size_t i = 0; i < TAP_COUNT(numbers); i++) {
			check_eq(fcntl(numbers[i], F_GETFD), i % 2 ? FD_CLOEXEC : 0);
			give_byte(numbers[i], i);
		}
		check(!is_open(62) && !is_open(66) && !is_open(1022));
		_exit(0);
	}
	for (size_t i = 0; i < TAP_COUNT(numbers); i++)
		check_eq(take_byte(ends[0]), i);
	check_exits(pid, 0);
}

static int helper(int argc, char **argv)
{
	for (int fd = 100; fd < 1024; fd++)
		if ((fcntl(fd, F_GETFD) >= 0) != (fd % 3 == 0))
			return 1;
	return 0;
}

static void close_on_exec_over_a_large_table(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		for (int fd = 100; fd < 1024; fd++) {
			check_eq(dup2(0, fd), fd);
			if (fd % 3)
				check_call(fcntl(fd, F_SETFD, FD_CLOEXEC));
		}
		raw_exec_helper("open", NULL, NULL);
		_exit(126);
	}
	check_exits(pid, 0);
}

static void modes_of_descriptors(void)
{
	char byte = 'x';
	int fd;

	go_home();
	make_file("text", "abc");
	fd = check_call(open("text", O_RDONLY));
	check_errno(write(fd, &byte, 1), EBADF);
	check_errno(ftruncate(fd, 0), EINVAL);
	check_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	check_call(close(fd));
	fd = check_call(open("text", O_WRONLY | O_APPEND));
	check_errno(read(fd, &byte, 1), EBADF);
	check_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY | O_APPEND);
	check_call(fcntl(fd, F_SETFL, 0));
	check_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_WRONLY);
	check_call(close(fd));
	check_call(unlink("text"));
	leave_home();
}

/* ---- reading and writing ---- */

static void holes_are_zero(void)
{
	static char bytes[10000];
	struct stat status;
	int fd;

	go_home();
	fd = check_call(open("holes", O_RDWR | O_CREAT, 0600));
	check_eq(pwrite(fd, "end", 3, 8000), 3);
	check_call(fstat(fd, &status));
	check_eq(status.st_size, 8003);
	memset(bytes, 1, sizeof(bytes));
	check_eq(read(fd, bytes, sizeof(bytes)), 8003);
	for (int i = 0; i < 8000; i++)
		check_eq(bytes[i], 0);
	check(memcmp(bytes + 8000, "end", 3) == 0);
	check_call(ftruncate(fd, 8001));
	check_call(ftruncate(fd, 9000));
	memset(bytes, 1, sizeof(bytes));
	check_eq(pread(fd, bytes, sizeof(bytes), 8000), 1000);
	check(bytes[0] == 'e' && bytes[1] == 0 && bytes[2] == 0 && bytes[999] == 0);
	check_eq(pread(fd, bytes, 1, 9000), 0);
	check_eq(pread(fd, bytes, 1, 100000), 0);
	check_call(close(fd));
	check_call(unlink("holes"));
	leave_home();
}

static void seek_rules(void)
{
	int fd;

	go_home();
	make_file("text", "abcdef");
	fd = check_call(open("text", O_RDWR));
	check_eq(lseek(fd, 0, SEEK_END), 6);
	check_eq(lseek(fd, 100, SEEK_SET), 100);
	check_eq(lseek(fd, -50, SEEK_CUR), 50);
	check_errno(lseek(fd, -51, SEEK_CUR), EINVAL);
	check_errno(lseek(fd, -1, SEEK_SET), EINVAL);
	check_errno(lseek(fd, 0, 99), EINVAL);
	check_eq(lseek(fd, 0, SEEK_CUR), 50);
	check_errno(pread(fd, &fd, 1, -1), EINVAL);
	check_errno(lseek(99, 0, SEEK_SET), EBADF);
	check_call(close(fd));
	check_call(unlink("text"));
	leave_home();
}

static void devices(void)
{
	char bytes[100];
	int null = check_call(open("/dev/null", O_RDWR)),
	    zero = check_call(open("/dev/zero", O_RDWR));

	check_eq(write(null, bytes, sizeof(bytes)), (long)sizeof(bytes));
	check_eq(read(null, bytes, sizeof(bytes)), 0);
	memset(bytes, 1, sizeof(bytes));
	check_eq(read(zero, bytes, sizeof(bytes)), (long)sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		check_eq(bytes[i], 0);
	check_eq(write(zero, bytes, sizeof(bytes)), (long)sizeof(bytes));
	check_eq(raw3(SYS_read, zero, UNMAPPED_ADDRESS, 1), -EFAULT);
}

static const struct test_case cases[] = {
	TEST(fork_copies_the_table, "files: fork copies the descriptor table"),
	TEST(what_the_parent_opens_later_is_its_own,
	     "files: what the parent opens after fork is its own"),
	TEST(offset_is_shared_over_fork,
	     "files: parent and child share the offset of what was open"),
	TEST(writers_with_one_offset_do_not_overwrite,
	     "files: four writers with one offset overwrite nothing"),
	TEST(two_opens_have_two_offsets, "files: two opens have two offsets"),
	TEST(append_always_writes_at_the_end,
	     "files: O_APPEND writes at the end, whoever has made it longer"),
	TEST(unlinked_file_lives_while_it_is_open,
	     "files: an unlinked file lives while a child has it open"),
	TEST(children_see_one_file_system, "files: what a child writes to a file the parent reads"),
	TEST(lowest_free_number_is_taken, "files: the lowest free number is taken"),
	TEST(dup2_rules, "files: dup2 and dup3: same number, replaced number, bad numbers"),
	TEST(at_the_limit_is_emfile,
	     "files: at the limit of descriptors it is EMFILE, above it EBADF or EINVAL"),
	TEST(large_numbers_are_copied, "files: descriptors up to 1023 are copied with their flags"),
	TEST(close_on_exec_over_a_large_table,
	     "files: exec closes what is marked, in a table of a thousand"),
	TEST(modes_of_descriptors,
	     "files: reading, writing and appending are a descriptor's modes"),
	TEST(holes_are_zero, "files: holes and what lies beyond a truncation are zero"),
	TEST(seek_rules, "files: lseek's rules"),
	TEST(devices, "files: /dev/null and /dev/zero"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
