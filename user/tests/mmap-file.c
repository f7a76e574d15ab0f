/* Mappings of files in memory: what others see, over forks, truncation and exec. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

static char *map_shared(int fd, size_t size)
{
	return map(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void writes_x(void *memory)
{
	*(volatile char *)memory = 'x';
}

static void one_page_for_all(void)
{
	int fd = make_file(2 * PAGE, 'f');
	char *a = map_shared(fd, 2 * PAGE), *b = map_shared(fd, 2 * PAGE), byte;

	a[10] = 'a';
	check_eq(b[10], 'a');
	check_eq(pread(fd, &byte, 1, 10), 1);
	check_eq(byte, 'a');
	check_eq(pwrite(fd, "w", 1, PAGE), 1);
	check_eq(a[PAGE], 'w');
	check_child(writes_x, a);
	check_eq(b[0], 'x');
	check_call(msync(a, 2 * PAGE, MS_SYNC));
	check_call(munmap(a, 2 * PAGE));
	check_eq(b[10], 'a');
}

static void named_files_are_shared_by_strangers(void)
{
	static const char *const names[] = {"/tmp/tine-mapped", "/dev/tine-mapped"};

	for (int i = 0; i < 2; i++) {
		int fd = check_call(open(names[i], O_RDWR | O_CREAT | O_EXCL, 0600));
		char *memory;
		pid_t pid;

		check_call(ftruncate(fd, PAGE));
		memory = map_shared(fd, PAGE);
		pid = tap_fork();
		if (pid == 0) {
			int again = check_call(open(names[i], O_RDWR));

			map_shared(again, PAGE)[5] = 'c';
			_exit(0);
		}
		check_exits(pid, 0);
		check_eq(memory[5], 'c');
		check_call(unlink(names[i]));
		check_eq(memory[5], 'c');
	}
}

static void private_mapping_follows_until_written(void)
{
	int fd = make_file(2 * PAGE, 'f');
	char *memory = map(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), byte;

	memory[0] = 'm';
	check_eq(pwrite(fd, "ww", 2, 0), 2);
	check_eq(memory[0], 'm');
	check_eq(memory[1], 'f');
	check_eq(pread(fd, &byte, 1, 0), 1);
	check_eq(byte, 'w');
}

static void beyond_the_end(void)
{
	int fd = make_file(PAGE + 100, 'f');
	char *memory = map_shared(fd, 3 * PAGE);

	check(holds(memory + PAGE + 100, PAGE - 100, 0));
	check_dies(read_byte, memory + 2 * PAGE, SIGBUS);
	check_dies(write_byte, memory + 2 * PAGE, SIGBUS);
	check_call(ftruncate(fd, 3 * PAGE));
	check_eq(memory[2 * PAGE], 0);
}

static void cut_off_in_every_process(void)
{
	int fd = make_file(4 * PAGE, 'f'), *step = tap_shared(sizeof(int));
	char *memory = map_shared(fd, 4 * PAGE);
	char *copy = map(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	pid_t pid;

	check(holds(memory, 4 * PAGE, 'f'));
	memset(copy, 'c', 4 * PAGE);
	pid = tap_fork();
	if (pid == 0) {
		__atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
		tap_await(step, 2);
		check_dies(read_byte, memory + PAGE, SIGBUS);
		check_dies(read_byte, copy + 3 * PAGE, SIGBUS);
		check_eq(copy[0], 'c');
		_exit(0);
	}
	tap_await(step, 1);
	check_call(ftruncate(fd, 10));
	__atomic_store_n(step, 2, __ATOMIC_SEQ_CST);
	check_exits(pid, 0);
	check_dies(read_byte, memory + PAGE, SIGBUS);
	check_dies(read_byte, copy + PAGE, SIGBUS);
	check(holds(memory, 10, 'f') && holds(memory + 10, PAGE - 10, 0));
	check(holds(copy, PAGE, 'c'));
	check_call(ftruncate(fd, 2 * PAGE));
	check_eq(memory[PAGE], 0);
	check_eq(copy[PAGE], 0);
}

static void needs_the_right_to_write(void)
{
	char name[] = "/tmp/tine-read-only";
	int fd = check_call(open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	char *memory;

	check_call(ftruncate(fd, PAGE));
	check_call(close(fd));
	fd = check_call(open(name, O_RDONLY));
	check_call(unlink(name));
	check(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED && errno == EACCES);
	memory = map(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check_errno(mprotect(memory, PAGE, PROT_READ | PROT_WRITE), EACCES);
	memory = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	memory[0] = 1;
}

static void sync_refuses(void)
{
	char *memory = map_between_holes(PAGE);

	check_errno(msync(memory + 1, PAGE, MS_SYNC), EINVAL);
	check_errno(msync(memory, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	check_errno(msync(memory, PAGE, 8), EINVAL);
	check_errno(msync(memory, 2 * PAGE, MS_SYNC), ENOMEM);
	check_errno(msync(memory, 0UL - PAGE, MS_SYNC), ENOMEM);
	check_call(msync(memory, 0, MS_SYNC));
	check_call(msync(memory, PAGE, 0));
	check_call(msync(memory, PAGE, MS_ASYNC));
}

static void programs_that_are_written(void)
{
	char name[] = "/tmp/tine-program";
	int from = check_call(open("/bin/busybox", O_RDONLY)), fd, fails;
	char block[4096];
	ssize_t n;
	pid_t pid;

	fd = check_call(open(name, O_RDWR | O_CREAT | O_EXCL, 0755));
	while ((n = read(from, block, sizeof(block))) > 0)
		check_eq(write(fd, block, n), n);
	check_errno(execl(name, "sleep", "100", NULL), ETXTBSY);
	map_shared(fd, PAGE);
	check_call(close(fd));
	fails = execl(name, "sleep", "100", NULL) < 0 && errno == ETXTBSY;
	check(fails); /* a shared writable mapping counts as a writer */
	check_call(unlink(name));
	pid = tap_fork();
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(one_page_for_all, "mappings, reads and writes of a file see the same bytes"),
	TEST(named_files_are_shared_by_strangers, "so do processes that open it by its name"),
	TEST(private_mapping_follows_until_written,
	     "a private page is one's own once it is written"),
	TEST(beyond_the_end, "zeroes up to the page's end, SIGBUS behind it, until the file grows"),
	TEST(cut_off_in_every_process, "truncation takes pages out of every process, copies too"),
	TEST(needs_the_right_to_write, "writing through a shared mapping needs a file open for it"),
	TEST(sync_refuses, "what msync refuses"),
	TEST(programs_that_are_written, "a file that is being written is not run, mapped or open"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
