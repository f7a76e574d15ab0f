/*
 * madvise, value by value on every kind of mapping; advice on another process's memory; and what
 * else a program can ask of its map: remap_file_pages, protection keys, mincore of others' files.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define SYS_PROCESS_MADVISE 440
#define SYS_PIDFD_OPEN      434
#define READ_WRITE          (PROT_READ | PROT_WRITE)

#define WILLNEED 3
#define FREE     8
#define REMOVE   9
#define COLD     20
#define PAGEOUT  21

enum kind {
	PRIVATE,
	SHARED,
	SHARED_FILE,
	COPIED,
	READ_FILE,
	LOCKED,
	NONE,
	STACK,
	READ,
	VVAR,
	KINDS
};

static char *memory[KINDS];

static void make_all_kinds(void)
{
	const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
	int fd = make_file(2 * PAGE, 'f'), reader;
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	reader = check_call(open(name, O_RDONLY));
	memory[PRIVATE] = map(NULL, 2 * PAGE, READ_WRITE, anonymous, -1, 0);
	memory[SHARED] = map(NULL, 2 * PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory[SHARED_FILE] = map(NULL, 2 * PAGE, READ_WRITE, MAP_SHARED, fd, 0);
	memory[COPIED] = map(NULL, 2 * PAGE, READ_WRITE, MAP_PRIVATE, fd, 0);
	memory[READ_FILE] = map(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, reader, 0);
	memory[LOCKED] = map(NULL, 2 * PAGE, READ_WRITE, anonymous | MAP_LOCKED, -1, 0);
	memory[NONE] = map(NULL, 2 * PAGE, PROT_NONE, anonymous, -1, 0);
	memory[STACK] = map(NULL, 2 * PAGE, READ_WRITE, anonymous | MAP_GROWSDOWN, -1, 0);
	memory[READ] = map(NULL, 2 * PAGE, PROT_READ, anonymous, -1, 0);
	memory[VVAR] = (char *)getauxval(AT_SYSINFO_EHDR) - PAGE;
}

/* What each advice comes to, by kind of mapping in the order of enum kind: v EINVAL, a EACCES. */
static const struct {
	int advice;
	const char *results;
} answers[] = {
	{0, ".........."},  {3, ".........."},  {4, ".....v...v"},  {8, ".vvvvv...v"},
	{9, "v..aavvvvv"},  {10, ".........v"}, {11, ".........v"}, {12, ".........."},
	{13, ".........."}, {16, ".........."}, {17, ".........v"}, {18, ".vvvv....v"},
	{19, ".........."}, {20, ".....v...v"}, {21, ".....v...v"}, {22, "......v..v"},
	{23, "....v.v.vv"}, {24, ".........v"}, {25, "vvvvvvvvvv"},
};

static void every_advice(void)
{
	static const int undo[][2] = {{10, 11}, {16, 17}, {18, 19}};

	make_all_kinds();
	for (size_t i = 0; i < TAP_COUNT(answers); i++)
		for (int kind = 0; kind < KINDS; kind++) {
			char want = answers[i].results[kind];
			long got = raw3(SYS_madvise, memory[kind], PAGE, answers[i].advice);

			if (got != (want == 'v' ? -EINVAL : want == 'a' ? -EACCES : 0))
				tap_note("advice %d, kind %d", answers[i].advice, kind);
			check_eq(got, want == 'v' ? -EINVAL : want == 'a' ? -EACCES : 0);
			for (size_t j = 0; kind != VVAR && j < TAP_COUNT(undo); j++)
				if (undo[j][0] == answers[i].advice)
					raw3(SYS_madvise, memory[kind], PAGE, undo[j][1]);
		}
}

static void no_advice(void)
{
	static const int none[] = {-1, 5, 6, 7, 26, 27, 99, 102, 1000};
	char *private = map_private(PAGE);

	for (size_t i = 0; i < TAP_COUNT(none); i++) {
		check_eq(raw3(SYS_madvise, private, PAGE, none[i]), -EINVAL);
		check_eq(raw3(SYS_madvise, private, 0, none[i]), -EINVAL);
	}
	for (size_t i = 0; i < TAP_COUNT(answers); i++)
		check_eq(raw3(SYS_madvise, private, 0, answers[i].advice), 0);
}

/* ---- process_madvise ---- */

static long advise(int pidfd, const struct iovec *ranges, size_t n, int advice)
{
	return raw5(SYS_PROCESS_MADVISE, pidfd, ranges, n, advice, 0);
}

static int pidfd_of(pid_t pid)
{
	return check_call(syscall(SYS_PIDFD_OPEN, pid, 0));
}

static void ones_own_ranges(void)
{
	char *m = map_between_holes(6 * PAGE);
	struct iovec two[2] = {{m, PAGE}, {m + PAGE, 2 * PAGE}};
	int self = pidfd_of(getpid());

	check_eq(advise(self, two, 2, COLD), 3 * PAGE);
	check_eq(advise(self, two, 2, PAGEOUT), 3 * PAGE);
	check_eq(advise(self, two, 2, WILLNEED), 3 * PAGE);
	check_eq(advise(self, two, 0, COLD), 0);
	check_eq(advise(self, NULL, 0, COLD), 0);
	two[0].iov_len = 0; /* nothing to be done there */
	check_eq(advise(self, two, 2, COLD), 2 * PAGE);
	two[0].iov_len = PAGE + 1; /* rounded up, but not in the count */
	check_eq(advise(self, two, 1, COLD), PAGE + 1);
}

static void advice_stops_at_a_mistake(void)
{
	char *m = map_between_holes(2 * PAGE);
	struct iovec two[2] = {{m, PAGE}, {m + 2 * PAGE, PAGE}};
	int self = pidfd_of(getpid());

	check_eq(advise(self, two, 2, COLD), PAGE);
	check_eq(advise(self, two + 1, 1, COLD), -ENOMEM);
	two[1].iov_base = m + 1;
	check_eq(advise(self, two, 2, COLD), PAGE);
	check_eq(advise(self, two + 1, 1, COLD), -EINVAL);
	check_call(mlock(m, PAGE));
	check_eq(advise(self, two, 2, COLD), -EINVAL);
	check_eq(advise(self, two, 1, WILLNEED), PAGE);
}

static void what_process_madvise_refuses(void)
{
	char *m = map_private(PAGE);
	struct iovec range = {m, PAGE}, bad = {m, -PAGE}, high = {(void *)(1UL << 63), PAGE};
	int self = pidfd_of(getpid()), file = make_file(PAGE, 'f');

	for (int advice = -1; advice < 25; advice++)
		if (advice != WILLNEED && advice != COLD && advice != PAGEOUT)
			check_eq(advise(self, &range, 1, advice), -EINVAL);
	check_eq(advise(-1, &range, 1, COLD), -EBADF);
	check_eq(advise(file, &range, 1, COLD), -EBADF);
	check_eq(advise(self, &range, 1025, COLD), -EINVAL);
	check_eq(advise(self, NULL, 1, COLD), -EFAULT);
	check_eq(advise(self, &bad, 1, COLD), -EINVAL);
	check_eq(advise(self, &high, 1, COLD), -EFAULT);
	check_eq(raw5(SYS_PROCESS_MADVISE, -1, NULL, 1, COLD, 1), -EINVAL);
	check_eq(advise(-1, NULL, 1, COLD), -EFAULT);
	check_eq(advise(-1, &range, 1, 99), -EBADF);
}

static void anothers_memory(void)
{
	struct iovec range = {map_private(PAGE), PAGE};
	pid_t pid = tap_fork();
	siginfo_t info;
	int fd;

	if (pid == 0)
		for (;;)
			pause();
	fd = pidfd_of(pid);
	munmap(range.iov_base, PAGE); /* the other still has it */
	check_eq(advise(fd, &range, 1, COLD), PAGE);
	check_eq(advise(fd, &range, 1, MADV_DONTNEED), -EINVAL);
	kill(pid, SIGKILL);
	check_call(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	check_eq(advise(fd, &range, 1, COLD), -ESRCH);
	check_eq(advise(fd, &range, 1, 99), -EINVAL);
	check_killed(pid, SIGKILL);
	check_eq(advise(fd, &range, 1, COLD), -ESRCH);
	check_eq(advise(fd, &range, 1, 99), -ESRCH);
}

static void as_somebody_else(void *range)
{
	int parent = pidfd_of(getppid());

	check_call(setuid(1000));
	check_eq(advise(parent, range, 1, COLD), -EACCES);
	check_eq(advise(pidfd_of(getpid()), range, 1, COLD), -EPERM);
}

static void advice_is_a_right(void)
{
	struct iovec range = {map_private(PAGE), PAGE};

	check_child(as_somebody_else, &range);
}

/* ---- remap_file_pages ---- */

static long remap(void *at, size_t size, size_t page)
{
	return raw5(SYS_remap_file_pages, at, size, 0, page, 0);
}

static int numbered_file(int pages)
{
	int fd = make_file(pages * PAGE, 0);

	for (int i = 0; i < pages; i++)
		check_eq(pwrite(fd, (char[]){'0' + i}, 1, i * PAGE), 1);
	return fd;
}

static void file_pages_in_another_order(void)
{
	int fd = numbered_file(4);
	char *m = map(NULL, 4 * PAGE, READ_WRITE, MAP_SHARED, fd, 0), byte;

	for (int i = 0; i < 4; i++)
		check_eq(remap(m + i * PAGE, PAGE, 3 - i), 0);
	for (int i = 0; i < 4; i++)
		check_eq(m[i * PAGE], '3' - i);
	m[0] = 'x';
	check_eq(pread(fd, &byte, 1, 3 * PAGE), 1);
	check_eq(byte, 'x');
	check_eq(remap(m + 100, PAGE + 100, 1), 0); /* rounded down, both */
	check_eq(m[0], '1');
	check_eq(m[PAGE], '2');
	for (int i = 0; i < 4; i++) /* one mapping again, which may be covered as a whole */
		check_eq(remap(m + i * PAGE, PAGE, i), 0);
	check_eq(remap(m, 4 * PAGE, 0), 0);
}

static void shared_memory_in_another_order(void)
{
	char *m = tap_shared(2 * PAGE);

	m[0] = 'a';
	m[PAGE] = 'b';
	check_eq(remap(m, PAGE, 1), 0);
	check_eq(m[0], 'b');
	m[0] = 'c';
	check_eq(m[PAGE], 'c');
}

static void what_cannot_be_remapped(void)
{
	int fd = numbered_file(2);
	char *m = map(NULL, 2 * PAGE, READ_WRITE, MAP_SHARED, fd, 0);

	make_all_kinds();
	check_eq(raw5(SYS_remap_file_pages, m, PAGE, PROT_READ, 0, 0), -EINVAL);
	check_eq(remap(m, 0, 1), -EINVAL);
	check_eq(remap(m, PAGE - 1, 1), -EINVAL);
	check_eq(remap(m, -PAGE, 0), -EINVAL);
	check_eq(remap(m, PAGE, -1UL), -EINVAL);
	check_eq(remap(memory[PRIVATE], PAGE, 0), -EINVAL);
	check_eq(remap(memory[COPIED], PAGE, 0), -EINVAL);
	check_eq(remap(memory[READ_FILE], PAGE, 0), -EINVAL);
	check_eq(remap((void *)(16 * PAGE), PAGE, 0), -EINVAL);
	check_eq(remap(m, PAGE, 1), 0);
	check_call(munmap(m + PAGE, PAGE));
	check_eq(remap(m, 2 * PAGE, 0), -EINVAL);
	check_eq(m[0], '1');
}

/* ---- protection keys: what holds with and without them ---- */

static void keys_that_are_none(void)
{
	char *m = map_private(PAGE);

	check_eq(raw2(SYS_pkey_alloc, 1, 0), -EINVAL);
	check_eq(raw2(SYS_pkey_alloc, 0, 4), -EINVAL);
	check_eq(raw2(SYS_pkey_alloc, 0, -1), -EINVAL);
	check_eq(raw1(SYS_pkey_free, -1), -EINVAL);
	check_eq(raw1(SYS_pkey_free, 15), -EINVAL);
	check_eq(raw1(SYS_pkey_free, 16), -EINVAL);
	check_eq(raw4(SYS_pkey_mprotect, m, PAGE, PROT_READ, 15), -EINVAL);
	check_eq(raw4(SYS_pkey_mprotect, m, PAGE, PROT_READ, 16), -EINVAL);
	check_eq(raw4(SYS_pkey_mprotect, m, PAGE, PROT_READ, -2), -EINVAL);
	check_eq(raw4(SYS_pkey_mprotect, m, 0, PROT_READ, 15), 0);
	check_eq(raw4(SYS_pkey_mprotect, m, -PAGE, PROT_READ, 15), -ENOMEM);
	check_eq(raw4(SYS_pkey_mprotect, 16 * PAGE, PAGE, PROT_READ, 15), -EINVAL);
	check(!faults_here(write_byte, m));
}

static void no_key_is_mprotect(void)
{
	char *m = map_private(PAGE);

	check_eq(raw4(SYS_pkey_mprotect, m, PAGE, PROT_READ, -1), 0);
	check(faults_here(write_byte, m));
	check_eq(raw4(SYS_pkey_mprotect, m, PAGE, READ_WRITE, -1), 0);
	check(!faults_here(write_byte, m));
}

/* ---- mincore ---- */

static void mincore_as_somebody_else(void *m)
{
	unsigned char pages[2];

	check_call(setuid(1000));
	check_call(mincore(m, 2 * PAGE, pages));
	check_eq(pages[0] & 1, 1);
	check_eq(pages[1] & 1, 1);
}

static void anothers_files_are_all_in_core(void)
{
	int fd = make_file(PAGE, 'f');
	unsigned char pages[2];
	char *m;

	check_call(ftruncate(fd, 2 * PAGE));
	m = map(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check_call(mincore(m, 2 * PAGE, pages));
	check_eq(pages[0] & 1, 1);
	check_eq(pages[1] & 1, 0); /* a hole */
	check_child(mincore_as_somebody_else, m);
	check_call(fchmod(fd, 0622)); /* who may write to it may know */
	if (tap_fork() == 0) {
		check_call(setuid(1000));
		check_call(mincore(m, 2 * PAGE, pages));
		check_eq(pages[1] & 1, 0);
		_exit(0);
	}
	check_call(wait(NULL));
}

/* What fallocate reserved is not there until somebody touches it, and to ask is not to touch. */
static void reserved_pages_stay_reserved(void)
{
	int fd = check_call(open("/tmp/mincore", O_RDWR | O_CREAT | O_TRUNC, 0600));
	unsigned char page = 1;
	void *m;

	check_call(unlink("/tmp/mincore"));
	check_call(fallocate(fd, 0, 0, PAGE));
	m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check(m != MAP_FAILED);
	check_call(mincore(m, PAGE, &page));
	check_eq(page & 1, 0);
	check_eq(lseek(fd, 0, SEEK_HOLE), 0);
	check_eq(*(volatile char *)m, 0);
	check_call(mincore(m, PAGE, &page));
	check_eq(page & 1, 1);
	check_eq(lseek(fd, 0, SEEK_HOLE), PAGE);
	check_call(munmap(m, PAGE));
	check_call(close(fd));
}

static const struct test_case cases[] = {
	TEST(every_advice, "madvise: every advice on every kind of mapping"),
	TEST(no_advice, "madvise: numbers that are no advice, and none of a length of 0"),
	TEST(ones_own_ranges, "process_madvise: ranges of one's own"),
	TEST(advice_stops_at_a_mistake, "process_madvise: what was done before a mistake counts"),
	TEST(what_process_madvise_refuses, "process_madvise: advice, arrays and descriptors"),
	TEST(anothers_memory, "process_madvise: another's memory, a zombie's, and nobody's"),
	TEST(advice_is_a_right, "process_madvise: who may"),
	TEST(file_pages_in_another_order, "remap_file_pages: pages of a file in another order"),
	TEST(shared_memory_in_another_order, "remap_file_pages: so with shared memory"),
	TEST(what_cannot_be_remapped, "remap_file_pages: what is refused"),
	TEST(keys_that_are_none, "protection keys: keys that are none"),
	TEST(no_key_is_mprotect, "protection keys: key -1 is mprotect"),
	TEST(reserved_pages_stay_reserved, "mincore: pages that are only reserved are not in core"),
	TEST(anothers_files_are_all_in_core, "mincore: of a file that is not one's own, all of it"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
