/*
 * Pipes between processes: who waits for whom, end of file and the broken pipe, what is atomic, and
 * how long a pipe's ends live.
 */
#include "helpers.h"

#include <poll.h>
#include <sys/uio.h>

enum { CAPACITY = 65536, ATOMIC = 4096 };

static volatile int *shared;

static void read_waits_for_a_writer(void)
{
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		settle();
		set(&shared[0], 1);
		give_byte(ends[1], 42);
		_exit(0);
	}
	check_eq(take_byte(ends[0]), 42);
	check_eq(shared[0], 1);
	check_exits(pid, 0);
}

static void write_waits_for_a_reader(void)
{
	static char bytes[CAPACITY + 1];
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		settle();
		set(&shared[0], 1);
		for (int i = 0; i < CAPACITY + 1; i += 1024)
			check_call(read(ends[0], bytes, 1024));
		_exit(0);
	}
	check_eq(write(ends[1], bytes, sizeof(bytes)), (long)sizeof(bytes));
	check_eq(shared[0], 1);
	close(ends[0]);
	check_exits(pid, 0);
}

static void capacity_is_64_kib(void)
{
	static char bytes[ATOMIC];
	struct pollfd poll_end;
	int ends[2], full = 0;

	check_call(pipe2(ends, O_NONBLOCK));
	while (write(ends[1], bytes, sizeof(bytes)) == (long)sizeof(bytes))
		full += sizeof(bytes);
	check_eq(errno, EAGAIN);
	check_eq(full, CAPACITY);
	check_errno(write(ends[1], bytes, 1), EAGAIN);
	poll_end = (struct pollfd){.fd = ends[1], .events = POLLOUT};
	check_eq(poll(&poll_end, 1, 0), 0);
	for (int i = 0; i < CAPACITY; i += ATOMIC)
		check_eq(read(ends[0], bytes, ATOMIC), ATOMIC);
	check_errno(read(ends[0], bytes, 1), EAGAIN);
	check_eq(poll(&poll_end, 1, 0), 1);
	check_eq(poll_end.revents, POLLOUT);
}

static void nonblocking_write_takes_what_fits_or_nothing(void)
{
	static char bytes[CAPACITY * 2];
	int ends[2];

	check_call(pipe2(ends, O_NONBLOCK));
	check_eq(write(ends[1], bytes, sizeof(bytes)), CAPACITY);
	check_eq(read(ends[0], bytes, ATOMIC), ATOMIC);
	check_eq(write(ends[1], bytes, ATOMIC - 1), ATOMIC - 1);
	/* One byte is free, and small writes are not torn. */
	check_errno(write(ends[1], bytes, ATOMIC), EAGAIN);
}

static void end_of_file_comes_with_the_last_writer(void)
{
	int ends[2];
	pid_t pids[3];

	make_pipe(ends);
	for (int i = 0; i < 3; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			settle();
			give_byte(ends[1], 'x');
			_exit(0);
		}
	}
	close(ends[1]);
	for (int i = 0; i < 3; i++)
		check_eq(take_byte(ends[0]), 'x');
	check_eof(ends[0]);
	check_eof(ends[0]);
	for (int i = 0; i < 3; i++)
		check_exits(pids[i], 0);
}

static void what_was_written_is_read_before_end_of_file(void)
{
	char bytes[16];
	int ends[2];

	make_pipe(ends);
	check_eq(write(ends[1], "hello", 5), 5);
	close(ends[1]);
	check_eq(read(ends[0], bytes, 3), 3);
	check_eq(read(ends[0], bytes, sizeof(bytes)), 2);
	check(memcmp(bytes, "lo", 2) == 0);
	check_eq(read(ends[0], bytes, sizeof(bytes)), 0);
}

static void write_to_nobody(void *argument)
{
	int ends[2];

	make_pipe(ends);
	close(ends[0]);
	write(ends[1], "x", 1);
}

static void without_readers_is_epipe_and_sigpipe(void)
{
	int ends[2];

	check_dies(write_to_nobody, NULL, SIGPIPE);
	make_pipe(ends);
	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	check_errno(write(ends[1], "x", 1), EPIPE);
	set_handler(SIGPIPE, count_signal, 0);
	check_errno(write(ends[1], "x", 1), EPIPE);
	check_eq(caught[SIGPIPE], 1);
	check_eq(write(ends[1], "x", 0), 0);
	check_eq(caught[SIGPIPE], 1);
}

static void fill_and_wait(void *argument)
{
	static char bytes[CAPACITY * 2];
	int *ends = argument;

	close(ends[0]);
	signal(SIGPIPE, SIG_IGN);
	set(&shared[0], 1);
	check_eq(write(ends[1], bytes, sizeof(bytes)), CAPACITY);
	check_errno(write(ends[1], bytes, 1), EPIPE);
}

static void writer_that_waits_learns_that_the_reader_is_gone(void)
{
	struct pollfd full;
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	make_pipe(ends);
	pid = tap_child(fill_and_wait, ends);
	tap_await(&shared[0], 1);
	full = (struct pollfd){.fd = ends[1], .events = POLLOUT};
	while (poll(&full, 1, 0) != 0)
		sched_yield();
	close(ends[0]);
	check_exits(pid, 0);
}

/* Several writers, each writing whole blocks of its own letter: no block may be torn. */
static void small_writes_are_atomic(void)
{
	enum { WRITERS = 4, BLOCKS = 25 };
	static char block[ATOMIC];
	int seen[WRITERS] = {0}, ends[2];
	pid_t pids[WRITERS];

	make_pipe(ends);
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			memset(block, 'a' + i, sizeof(block));
			for (int n = 0; n < BLOCKS; n++)
				check_eq(write(ends[1], block, sizeof(block)), (long)sizeof(block));
			_exit(0);
		}
	}
	close(ends[1]);
	for (int n = 0; n < WRITERS * BLOCKS; n++) {
		size_t have = 0;
		while (have < sizeof(block)) {
			long got = read(ends[0], block + have, sizeof(block) - have);
			check(got > 0);
			have += got;
		}
		for (size_t i = 1; i < sizeof(block); i++)
			check_eq(block[i], block[0]);
		seen[block[0] - 'a']++;
	}
	check_eof(ends[0]);
	for (int i = 0; i < WRITERS; i++) {
		check_eq(seen[i], BLOCKS);
		check_exits(pids[i], 0);
	}
}

static void every_byte_goes_to_one_reader(void)
{
	enum { READERS = 3, BYTES = 3000 };
	int ends[2];
	pid_t pids[READERS];

	shared = tap_shared(BYTES * sizeof(int));
	make_pipe(ends);
	for (int i = 0; i < READERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			unsigned short number;
			close(ends[1]);
			while (read(ends[0], &number, sizeof(number)) == sizeof(number))
				add(&shared[number], 1);
			_exit(0);
		}
	}
	for (unsigned short number = 0; number < BYTES; number++)
		check_eq(write(ends[1], &number, sizeof(number)), (long)sizeof(number));
	close(ends[1]);
	for (int i = 0; i < READERS; i++)
		check_exits(pids[i], 0);
	for (int i = 0; i < BYTES; i++)
		check_eq(shared[i], 1);
}

static void ping_pong(void)
{
	int there[2], back[2];
	pid_t pid;

	make_pipe(there);
	make_pipe(back);
	pid = tap_fork();
	if (pid == 0) {
		for (int i = 0; i < 200; i++)
			give_byte(back[1], take_byte(there[0]) + 1);
		_exit(0);
	}
	for (int i = 0; i < 200; i++) {
		give_byte(there[1], i % 100);
		check_eq(take_byte(back[0]), i % 100 + 1);
	}
	check_exits(pid, 0);
}

/* A byte goes round a ring of ten processes, each of which adds one. */
static void a_ring_of_processes(void)
{
	enum { LENGTH = 10 };
	int first[2], in, next[2];

	make_pipe(first);
	in = first[0];
	for (int i = 0; i < LENGTH; i++) {
		make_pipe(next);
		if (tap_fork() == 0) {
			char byte = take_byte(in);
			give_byte(next[1], byte + 1);
			_exit(0);
		}
		close(in);
		close(next[1]);
		in = next[0];
	}
	give_byte(first[1], 1);
	check_eq(take_byte(in), 1 + LENGTH);
	check_eof(in);
	for (int i = 0; i < LENGTH; i++)
		check_call(wait(NULL));
}

/* What a shell does for `first | second | third`. */
static void a_pipeline_of_three(void)
{
	char line[64];
	int one[2], two[2], three[2];
	pid_t pids[3];

	make_pipe(one);
	make_pipe(two);
	make_pipe(three);
	for (int i = 0; i < 3; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			int *in = i == 1 ? one : two, *out = i == 0 ? one : i == 1 ? two : three;
			long n;
			if (i > 0)
				check_eq(dup2(in[0], 0), 0);
			check_eq(dup2(out[1], 1), 1);
			for (int fd = 3; fd < 20; fd++)
				close(fd);
			if (i == 0)
				_exit(write(1, "abc", 3) == 3 ? 0 : 1);
			while ((n = read(0, line, sizeof(line))) > 0) {
				for (int k = 0; k < n; k++)
					line[k] += 1;
				check_eq(write(1, line, n), n);
			}
			_exit(0);
		}
	}
	close(one[0]), close(one[1]), close(two[0]), close(two[1]), close(three[1]);
	check_eq(read(three[0], line, sizeof(line)), 3);
	check(memcmp(line, "cde", 3) == 0);
	check_eof(three[0]);
	for (int i = 0; i < 3; i++)
		check_exits(pids[i], 0);
}

static void pipe_errors(void)
{
	char byte;
	int ends[2];

	check_eq(raw1(SYS_pipe, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_pipe2, UNMAPPED_ADDRESS, 0), -EFAULT);
	check_eq(raw2(SYS_pipe2, ends, O_CREAT), -EINVAL);
	make_pipe(ends);
	check_errno(read(ends[1], &byte, 1), EBADF);
	check_errno(write(ends[0], "x", 1), EBADF);
	check_errno(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
	check_errno(pread(ends[0], &byte, 1, 0), ESPIPE);
	check_errno(pwrite(ends[1], &byte, 1, 0), ESPIPE);
	check_errno(ftruncate(ends[1], 0), EINVAL);
	check_eq(raw3(SYS_write, ends[1], UNMAPPED_ADDRESS, 1), -EFAULT);
	give_byte(ends[1], 1);
	check_eq(raw3(SYS_read, ends[0], UNMAPPED_ADDRESS, 1), -EFAULT);
	check_eq(raw3(SYS_read, ends[0], &byte, 0), 0);
	check_eq(take_byte(ends[0]), 1);
}

static int reopen(int end, int flags)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", end);
	return open(path, flags);
}

/* As shells do for what they pass as /dev/fd/N. */
static void opened_again_by_its_descriptor(void)
{
	struct pollfd polled = {.events = POLLIN};
	int ends[2], reader, writer;
	char byte;

	make_pipe(ends);
	reader = reopen(ends[1], O_RDONLY);
	writer = reopen(ends[0], O_WRONLY | O_NONBLOCK);
	check(reader >= 0 && writer >= 0);
	close(ends[0]);
	close(ends[1]);
	give_byte(writer, 7);
	check_eq(take_byte(reader), 7);
	close(writer);
	ends[0] = reopen(reader, O_RDONLY);
	ends[1] = reopen(reader, O_RDONLY | O_NONBLOCK);
	for (int i = 0; i < 2; i++) {
		check_eq(read(ends[i], &byte, 1), 0);
		polled.fd = ends[i];
		check_eq(poll(&polled, 1, 0), 1);
		check_eq(polled.revents, POLLHUP);
	}
	writer = reopen(reader, O_WRONLY);
	for (int i = 0; i < 2; i++)
		close(ends[i]);
	close(reader);
	signal(SIGPIPE, SIG_IGN);
	check_errno(write(writer, "x", 1), EPIPE);
}

/* The descriptors that a failed pipe took must not stay taken. */
static void a_failed_pipe_leaves_no_descriptors(void)
{
	int first = check_call(dup(0)), second;

	close(first);
	for (int i = 0; i < 10; i++)
		check_eq(raw1(SYS_pipe, UNMAPPED_ADDRESS), -EFAULT);
	second = check_call(dup(0));
	check_eq(second, first);
}

static void vectors_are_one_write(void)
{
	char first[3], second[5];
	struct iovec out[] = {{"ab", 2}, {"", 0}, {"cdefgh", 6}}, in[] = {{first, 3}, {second, 5}};
	int ends[2];

	make_pipe(ends);
	check_eq(writev(ends[1], out, 3), 8);
	check_eq(readv(ends[0], in, 2), 8);
	check(memcmp(first, "abc", 3) == 0 && memcmp(second, "defgh", 5) == 0);
	check_eq(raw3(SYS_writev, ends[1], out, -1), -EINVAL);
	check_eq(raw3(SYS_writev, ends[1], out, 1025), -EINVAL);
	check_eq(raw3(SYS_writev, ends[1], UNMAPPED_ADDRESS, 1), -EFAULT);
}

static void empty_buffers_are_passed_over(void)
{
	char a[2], b[3], c[9];
	struct iovec out[] = {{"", 0}, {"ab", 2}, {"", 0}, {"", 0}, {"cdefg", 5}, {"", 0}};
	struct iovec in[] = {{NULL, 0}, {a, 2}, {NULL, 0}, {b, 3}, {NULL, 0}, {c, 9}};
	int ends[2];

	make_pipe(ends);
	check_eq(writev(ends[1], out, 6), 7);
	check_eq(readv(ends[0], in, 6), 7);
	check(memcmp(a, "ab", 2) == 0 && memcmp(b, "cde", 3) == 0 && memcmp(c, "fg", 2) == 0);
	check_eq(writev(ends[1], out, 1), 0);
	check_eq(readv(ends[0], in, 1), 0);
}

static void a_bad_buffer_ends_a_vector(void)
{
	char a[2], b[2];
	struct iovec in[] = {{a, 2}, {NULL, 0}, {UNMAPPED_ADDRESS, 2}, {b, 2}};
	int ends[2];

	make_pipe(ends);
	check_eq(write(ends[1], "abcdef", 6), 6);
	check_eq(readv(ends[0], in + 2, 2), -1);
	check_eq(errno, EFAULT);
	check_eq(read(ends[0], b, 2), 2);
	check(memcmp(b, "ab", 2) == 0);
}

static void poll_tells_what_would_not_wait(void)
{
	struct pollfd ends_polled[2];
	int ends[2];

	make_pipe(ends);
	ends_polled[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	ends_polled[1] = (struct pollfd){.fd = ends[1], .events = POLLOUT};
	check_eq(poll(ends_polled, 2, 0), 1);
	check_eq(ends_polled[0].revents, 0);
	check_eq(ends_polled[1].revents, POLLOUT);
	give_byte(ends[1], 1);
	check_eq(poll(ends_polled, 1, -1), 1);
	check_eq(ends_polled[0].revents, POLLIN);
	take_byte(ends[0]);
	close(ends[1]);
	check_eq(poll(ends_polled, 1, -1), 1);
	check_eq(ends_polled[0].revents, POLLHUP);
	make_pipe(ends);
	close(ends[0]);
	ends_polled[1].fd = ends[1];
	check_eq(poll(&ends_polled[1], 1, -1), 1);
	check_eq(ends_polled[1].revents, POLLOUT | POLLERR);
}

static void poll_waits_for_a_writer(void)
{
	struct pollfd polled;
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		settle();
		give_byte(ends[1], 3);
		_exit(0);
	}
	polled = (struct pollfd){.fd = ends[0], .events = POLLIN};
	check_eq(poll(&polled, 1, -1), 1);
	check_eq(take_byte(ends[0]), 3);
	check_exits(pid, 0);
}

static void nonblocking_is_the_ends_not_the_descriptors(void)
{
	char byte;
	int ends[2], copy;
	pid_t pid;

	make_pipe(ends);
	copy = check_call(dup(ends[0]));
	pid = tap_fork();
	if (pid == 0) {
		check_call(fcntl(ends[0], F_SETFL, O_NONBLOCK));
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(fcntl(copy, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	check_errno(read(copy, &byte, 1), EAGAIN);
	check_eq(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
}

static const struct test_case cases[] = {
	TEST(read_waits_for_a_writer, "pipes: read waits for a writer"),
	TEST(write_waits_for_a_reader,
	     "pipes: a write that does not fit waits for a reader, and is done whole"),
	TEST(capacity_is_64_kib, "pipes: 64 KiB fit"),
	TEST(nonblocking_write_takes_what_fits_or_nothing,
	     "pipes: O_NONBLOCK: a large write takes what fits, a small one all or nothing"),
	TEST(end_of_file_comes_with_the_last_writer,
	     "pipes: end of file comes when the last writer has closed"),
	TEST(what_was_written_is_read_before_end_of_file,
	     "pipes: what was written is read before end of file"),
	TEST(without_readers_is_epipe_and_sigpipe,
	     "pipes: without readers a write is SIGPIPE and EPIPE"),
	TEST(writer_that_waits_learns_that_the_reader_is_gone,
	     "pipes: a writer that waits learns that the last reader is gone"),
	TEST(small_writes_are_atomic,
	     "pipes: writes of up to 4 KiB from four writers are not torn"),
	TEST(every_byte_goes_to_one_reader, "pipes: three readers get everything once"),
	TEST(ping_pong, "pipes: two hundred bytes go there and back"),
	TEST(a_ring_of_processes, "pipes: a byte goes through ten processes"),
	TEST(a_pipeline_of_three, "pipes: a pipeline of three ends by itself"),
	TEST(pipe_errors, "pipes: the errno for what cannot be done with a pipe"),
	TEST(a_failed_pipe_leaves_no_descriptors,
	     "pipes: a pipe that failed leaves no descriptors taken"),
	TEST(opened_again_by_its_descriptor,
	     "pipes: opening an end by its descriptor does not wait for the other"),
	TEST(vectors_are_one_write, "pipes: writev and readv"),
	TEST(empty_buffers_are_passed_over, "pipes: empty buffers in a vector are passed over"),
	TEST(a_bad_buffer_ends_a_vector, "pipes: a bad buffer of a vector takes nothing"),
	TEST(poll_tells_what_would_not_wait,
	     "pipes: poll tells what would not wait, end of file and the lost reader"),
	TEST(poll_waits_for_a_writer, "pipes: poll waits for a writer"),
	TEST(nonblocking_is_the_ends_not_the_descriptors,
	     "pipes: O_NONBLOCK belongs to the end, for every descriptor and process"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
