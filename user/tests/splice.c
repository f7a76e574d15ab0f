/*
 * splice, tee, vmsplice, copy_file_range, preadv2 and pwritev2, and the calls about disks that there
 * are not: what is moved, what is checked, who waits.
 */
#include "helpers.h"

#include <sys/eventfd.h>
#include <sys/uio.h>

#ifndef RWF_APPEND
#define RWF_APPEND 0x10
#endif

enum { PAGE = 4096 };

static char buf[100000];

static int new_file(const char *text)
{
	int fd = check_call(open("/tmp", O_TMPFILE | O_RDWR, 0600));

	check_eq(write(fd, text, strlen(text)), (long)strlen(text));
	check_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void nonblocking_pipe(int ends[2])
{
	check_call(pipe2(ends, O_NONBLOCK));
}

static void check_reads(int fd, const char *text)
{
	memset(buf, 0, 100);
	check_eq(read(fd, buf, 99), (long)strlen(text));
	check(strcmp(buf, text) == 0);
}

static void splice_errors(void)
{
	int file = new_file("hello"), p[2], dir = check_call(open("/", O_RDONLY | O_DIRECTORY));
	int event = check_call(eventfd(1, EFD_NONBLOCK));
	loff_t at = 0, before = -1;

	nonblocking_pipe(p);
	check_errno(splice(file, NULL, file, NULL, 10, 0), EINVAL);
	check_errno(splice(file, NULL, p[1], NULL, 10, 16), EINVAL);
	check_eq(splice(-1, NULL, -1, NULL, 0, 16), 0);
	check_errno(splice(-1, NULL, p[1], NULL, 10, 0), EBADF);
	check_errno(splice(file, NULL, -1, NULL, 10, 0), EBADF);
	check_errno(splice(file, NULL, p[0], NULL, 10, 0), EBADF);
	check_errno(splice(p[1], NULL, file, NULL, 10, 0), EBADF);
	check_errno(splice(p[0], &at, file, NULL, 10, 0), ESPIPE);
	check_errno(splice(file, NULL, p[1], &at, 10, 0), ESPIPE);
	check_errno(splice(file, UNMAPPED_ADDRESS, p[1], NULL, 10, 0), EFAULT);
	check_errno(splice(file, &before, p[1], NULL, 10, 0), EINVAL);
	check_errno(splice(p[0], NULL, p[1], NULL, 10, 0), EINVAL);
	check_errno(splice(p[0], NULL, file, NULL, 10, 0), EAGAIN);
	check_errno(splice(dir, NULL, p[1], NULL, 10, 0), EINVAL);
	check_errno(splice(event, NULL, p[1], NULL, 10, 0), EINVAL);
	give_byte(p[1], 1);
	check_call(fcntl(file, F_SETFL, O_APPEND));
	check_errno(splice(p[0], NULL, file, NULL, 10, 0), EINVAL);
}

static void file_to_pipe_and_back(void)
{
	int from = new_file("hello, world"), to = new_file(""), p[2];
	loff_t at = 7;

	nonblocking_pipe(p);
	check_eq(splice(from, NULL, p[1], NULL, 5, 0), 5);
	check_eq(lseek(from, 0, SEEK_CUR), 5);
	check_eq(splice(from, &at, p[1], NULL, 1 << 20, 0), 5);
	check_eq(at, 12);
	check_eq(lseek(from, 0, SEEK_CUR), 5);
	check_eq(splice(from, &at, p[1], NULL, 10, 0), 0);
	at = 2;
	check_eq(splice(p[0], NULL, to, &at, 100, 0), 10);
	check_eq(at, 12);
	check_eq(lseek(to, 2, SEEK_SET), 2);
	check_reads(to, "helloworld");
	check_errno(splice(p[0], NULL, to, NULL, 1, 0), EAGAIN);
	close(p[1]);
	check_eq(splice(p[0], NULL, to, NULL, 1, 0), 0);
}

static void more_than_a_pipe_holds(void)
{
	int from = new_file(""), p[2];
	loff_t at = 0;

	check_call(ftruncate(from, 100000));
	nonblocking_pipe(p);
	check_eq(splice(from, &at, p[1], NULL, 100000, 0), 65536);
	check_errno(splice(from, &at, p[1], NULL, 100000, 0), EAGAIN);
	check_eq(read(p[0], buf, sizeof(buf)), 65536);
	check_eq(splice(from, &at, p[1], NULL, 100000, 0), 100000 - 65536);
}

static void without_readers(void)
{
	int from = new_file("hello"), p[2], q[2];
	struct iovec iov = {buf, 1};

	signal(SIGPIPE, SIG_IGN);
	make_pipe(p);
	make_pipe(q);
	close(p[0]);
	give_byte(q[1], 1);
	check_errno(splice(from, NULL, p[1], NULL, 5, 0), EPIPE);
	check_errno(splice(q[0], NULL, p[1], NULL, 5, 0), EPIPE);
	check_errno(tee(q[0], p[1], 5, 0), EPIPE);
	check_errno(vmsplice(p[1], &iov, 1, 0), EPIPE);
	check_eq(take_byte(q[0]), 1);
	signal(SIGPIPE, SIG_DFL);
}

static void pipe_to_pipe(void)
{
	int p[2], q[2];

	nonblocking_pipe(p);
	nonblocking_pipe(q);
	check_eq(write(p[1], "hello, world", 12), 12);
	check_eq(splice(p[0], NULL, q[1], NULL, 5, 0), 5);
	check_eq(write(q[1], "!", 1), 1); /* not into the page that is still shared */
	check_reads(p[0], ", world");
	check_reads(q[0], "hello!");
	check_errno(splice(p[0], NULL, q[1], NULL, 5, 0), EAGAIN);
	check_eq(write(p[1], buf, 50000), 50000);
	check_eq(splice(p[0], NULL, q[1], NULL, 1 << 20, 0), 50000);
	check_eq(read(q[0], buf, sizeof(buf)), 50000);
}

static void tee_copies(void)
{
	int p[2], q[2];

	nonblocking_pipe(p);
	nonblocking_pipe(q);
	check_errno(tee(p[0], q[1], 10, 0), EAGAIN);
	check_eq(write(p[1], "hello", 5), 5);
	check_eq(tee(p[0], q[1], 3, 0), 3);
	check_eq(write(p[1], "XYZ", 3), 3);
	check_eq(write(q[1], "123", 3), 3);
	check_reads(q[0], "hel123");
	check_eq(tee(p[0], q[1], 100, 0), 8);
	check_reads(p[0], "helloXYZ");
	check_eq(write(p[1], "new", 3), 3); /* nor into a page that was shared */
	check_reads(q[0], "helloXYZ");
	check_reads(p[0], "new");
	close(p[1]);
	check_eq(tee(p[0], q[1], 1, 0), 0);
}

static void tee_errors(void)
{
	int p[2], q[2], file = new_file("x");

	nonblocking_pipe(p);
	nonblocking_pipe(q);
	give_byte(p[1], 1);
	check_eq(tee(-1, -1, 0, 0), 0);
	check_errno(tee(p[0], q[1], 0, 16), EINVAL);
	check_errno(tee(p[0], p[1], 10, 0), EINVAL);
	check_errno(tee(file, q[1], 10, 0), EINVAL);
	check_errno(tee(p[0], file, 10, 0), EINVAL);
	check_errno(tee(p[1], q[1], 10, 0), EBADF);
	check_errno(tee(p[0], q[0], 10, 0), EBADF);
	check_errno(tee(-1, q[1], 10, 0), EBADF);
}

static void vmsplice_both_ways(void)
{
	struct iovec iov[2] = {{"hello", 5}, {"world", 5}};
	int p[2], file = new_file("x");

	make_pipe(p);
	check_eq(vmsplice(p[1], iov, 2, 0), 10);
	check_reads(p[0], "helloworld");
	check_eq(write(p[1], "abc", 3), 3);
	iov[0] = (struct iovec){buf, 2};
	iov[1] = (struct iovec){buf + 10, 10};
	check_eq(vmsplice(p[0], iov, 2, 0), 3);
	check(buf[0] == 'a' && buf[1] == 'b' && buf[10] == 'c');
	check_errno(vmsplice(p[0], iov, 2, SPLICE_F_NONBLOCK), EAGAIN);
	check_errno(vmsplice(p[1], iov, 2, 16), EINVAL);
	check_errno(vmsplice(file, iov, 2, 0), EBADF);
	check_errno(vmsplice(-1, iov, 2, 0), EBADF);
	check_eq(vmsplice(p[1], iov, 0, 0), 0);
	check_errno(vmsplice(p[1], iov, 1025, 0), EINVAL);
	check_errno(vmsplice(p[1], UNMAPPED_ADDRESS, 1, 0), EFAULT);
	iov[0] = (struct iovec){UNMAPPED_ADDRESS, 5};
	check_errno(vmsplice(p[1], iov, 1, 0), EFAULT);
}

static void splice_waits(void)
{
	int p[2], q[2], file = new_file("");
	pid_t pid;

	make_pipe(p);
	make_pipe(q);
	pid = tap_fork();
	if (pid == 0) {
		settle();
		give_byte(p[1], 1);
		settle();
		give_byte(p[1], 2);
		_exit(0);
	}
	check_eq(splice(p[0], NULL, file, NULL, 100, 0), 1);
	check_eq(splice(p[0], NULL, q[1], NULL, 100, 0), 1);
	check_eq(take_byte(q[0]), 2);
	check_exits(pid, 0);
}

static void copying_ranges(void)
{
	int from = new_file("hello, world"), to = new_file(""), dir, append, p[2];
	loff_t at = 0, there = 4, before = -1;

	make_pipe(p);
	dir = check_call(open("/", O_RDONLY | O_DIRECTORY));
	append = new_file("");
	check_call(fcntl(append, F_SETFL, O_APPEND));
	check_eq(copy_file_range(from, NULL, to, NULL, 5, 0), 5);
	check_eq(lseek(from, 0, SEEK_CUR), 5);
	check_eq(lseek(to, 0, SEEK_CUR), 5);
	at = 7;
	check_eq(copy_file_range(from, &at, to, NULL, 100, 0), 5);
	check_eq(at, 12);
	check_eq(lseek(from, 0, SEEK_CUR), 5);
	check_eq(copy_file_range(from, &at, to, NULL, 100, 0), 0);
	check_eq(lseek(to, 0, SEEK_SET), 0);
	check_reads(to, "helloworld");
	at = 0;
	check_errno(copy_file_range(from, &at, from, &there, 5, 0), EINVAL);
	check_eq(copy_file_range(from, &at, from, &there, 4, 0), 4);
	check_errno(copy_file_range(from, NULL, to, NULL, 10, 1), EINVAL);
	check_errno(copy_file_range(from, NULL, p[1], NULL, 10, 0), EINVAL);
	check_errno(copy_file_range(dir, NULL, to, NULL, 10, 0), EISDIR);
	check_errno(copy_file_range(from, NULL, append, NULL, 10, 0), EBADF);
	check_errno(copy_file_range(from, UNMAPPED_ADDRESS, to, NULL, 10, 0), EFAULT);
	check_errno(copy_file_range(from, &before, to, NULL, 10, 0), EOVERFLOW);
	there = INT64_MAX;
	at = 0;
	check_errno(copy_file_range(from, &at, to, &there, 10, 0), EFBIG);
	check_errno(copy_file_range(check_call(open("/proc/self/status", O_RDONLY)), NULL, to, NULL,
				    10, 0),
		    EXDEV);
	check_errno(copy_file_range(-1, NULL, to, NULL, 10, 1), EBADF);
}

static long rw2(long call, int fd, struct iovec *iov, long n, long at, int flags)
{
	return raw6(call, fd, iov, n, at, 0, flags);
}

static void flags_of_one_read_or_write(void)
{
	struct iovec iov = {buf, 4};
	int file = new_file("hello"), p[2];

	make_pipe(p);
	memcpy(buf, "abcd", 4);
	check_eq(rw2(SYS_pwritev2, file, &iov, 1, 0, RWF_APPEND), 4);
	check_eq(lseek(file, 0, SEEK_CUR), 0);
	check_eq(rw2(SYS_pwritev2, file, &iov, 1, -1, RWF_APPEND), 4);
	check_eq(lseek(file, 0, SEEK_CUR), 13);
	check_eq(rw2(SYS_pwritev2, file, &iov, 1, 1, 0x6), 4);
	check_eq(rw2(SYS_preadv2, file, &iov, 1, 0, 1), 4);
	check_eq(memcmp(buf, "habc", 4), 0);
	check_eq(lseek(file, 9, SEEK_SET), 9);
	check_eq(rw2(SYS_preadv2, file, &iov, 1, -1, 0), 4);
	check_eq(lseek(file, 0, SEEK_CUR), 13);
	check_eq(rw2(SYS_preadv2, file, &iov, 1, -2, 0), -EINVAL);
	check_eq(rw2(SYS_preadv2, file, &iov, 1, 0, 0x100), -EOPNOTSUPP);
	check_eq(rw2(SYS_preadv2, file, &iov, 1, 0, 8), -EOPNOTSUPP);
	check_eq(rw2(SYS_preadv2, p[0], &iov, 1, -1, 8), -EOPNOTSUPP);
	check_eq(rw2(SYS_preadv2, p[0], &iov, 1, 0, 0), -ESPIPE);
	check_eq(rw2(SYS_preadv2, -1, &iov, 1, 0, 0x100), -EBADF);
	check_eq(rw2(SYS_preadv2, file, &iov, 0, 0, 0x100), 0);
	check_eq(rw2(SYS_preadv2, file, &iov, 1025, 0, 0x100), -EINVAL);
}

static void calls_about_disks(void)
{
	int file = new_file("x"), p[2], dir = check_call(open("/", O_RDONLY | O_DIRECTORY));
	int path = check_call(open("/", O_PATH));

	make_pipe(p);
	check_call(readahead(file, 0, 10));
	check_errno(readahead(p[0], 0, 10), EINVAL);
	check_errno(readahead(dir, 0, 10), EINVAL);
	check_errno(readahead(p[1], 0, 10), EBADF);
	check_call(sync_file_range(file, 0, 0, 7));
	check_call(sync_file_range(dir, 0, 0, 7));
	check_errno(sync_file_range(file, 0, 0, 8), EINVAL);
	check_errno(sync_file_range(file, -1, 0, 0), EINVAL);
	check_errno(sync_file_range(file, 10, INT64_MAX, 0), EINVAL);
	check_errno(sync_file_range(p[0], 0, 0, 0), ESPIPE);
	check_errno(sync_file_range(-1, 0, 0, 8), EBADF);
	check_call(syncfs(file));
	check_call(syncfs(p[0]));
	check_errno(syncfs(path), EBADF);
	check_eq(posix_fadvise(file, 0, 0, 6), EINVAL);
	check_eq(posix_fadvise(file, 0, -1, 0), EINVAL);
	check_eq(posix_fadvise(p[0], 0, 0, 99), ESPIPE);
	check_eq(posix_fadvise(dir, 0, 0, 0), 0);
}

enum { BYTES = 400000 };

/* A chain of pipes over all CPUs, one link by splice, one by tee: every byte arrives in order. */
static void a_chain_of_pipes(void)
{
	int p[2], q[2], r[2], sum = 0, seen = 0;
	pid_t pids[3];
	ssize_t n;

	make_pipe(p);
	make_pipe(q);
	make_pipe(r);
	for (int i = 0; i < 3; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0 && i == 0) {
			close(p[0]);
			for (int k = 0; k < BYTES; k += 1000) {
				for (int b = 0; b < 1000; b++)
					buf[b] = (k + b) % 251;
				check_eq(write(p[1], buf, 1000), 1000);
			}
			_exit(0);
		}
		if (pids[i] == 0 && i == 1) {
			close(p[1]);
			close(q[0]);
			while (splice(p[0], NULL, q[1], NULL, 1700, 0) > 0)
				;
			_exit(0);
		}
		if (pids[i] == 0) {
			close(p[1]);
			close(q[1]);
			close(r[0]);
			while ((n = tee(q[0], r[1], 3000, 0)) > 0)
				for (; n > 0; n -= seen)
					seen = check_call(read(q[0], buf, n));
			_exit(0);
		}
	}
	close(p[1]);
	close(q[1]);
	close(r[1]);
	while ((n = read(r[0], buf, sizeof(buf))) > 0)
		for (int b = 0; b < n; b++, sum++)
			check_eq((unsigned char)buf[b], sum % 251);
	check_eq(sum, BYTES);
	close(p[0]);
	for (int i = 0; i < 3; i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(splice_errors, "splice: errors in order"),
	TEST(file_to_pipe_and_back, "splice: from a file to a pipe and back"),
	TEST(more_than_a_pipe_holds, "splice: more than a pipe holds"),
	TEST(without_readers, "splice: without readers all of them are EPIPE"),
	TEST(pipe_to_pipe, "splice: from pipe to pipe"),
	TEST(tee_copies, "splice: tee leaves the bytes where they are"),
	TEST(tee_errors, "splice: tee: errors in order"),
	TEST(vmsplice_both_ways, "splice: vmsplice both ways, and its errors"),
	TEST(splice_waits, "splice: waits for the first bytes only"),
	TEST(copying_ranges, "splice: copy_file_range and its errors"),
	TEST(flags_of_one_read_or_write, "splice: flags of preadv2 and pwritev2"),
	TEST(calls_about_disks, "splice: readahead, sync_file_range, syncfs, posix_fadvise"),
	TEST(a_chain_of_pipes, "splice: a chain of processes loses no byte"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
