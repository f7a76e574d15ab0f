/* Locked memory: mlock, mlock2, munlock, mlockall, munlockall, and what a lock changes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

static long raw_mlock2(const void *start, size_t length, int flags)
{
	return syscall(SYS_mlock2, start, length, flags);
}

static void give_up_root(void)
{
	check_call(setuid(1000));
}

static void limit_locked(unsigned long soft)
{
	struct rlimit limit = {soft, soft};

	check_call(setrlimit(RLIMIT_MEMLOCK, &limit));
}

/* How many of the pages are there? */
static int present(char *memory, int pages)
{
	unsigned char there[64];
	int n = 0;

	check(pages <= 64);
	check_call(mincore(memory, pages * PAGE, there));
	for (int i = 0; i < pages; i++)
		n += there[i] & 1;
	return n;
}

static void lock_brings_pages_in(void)
{
	char *memory = map_private(8 * PAGE);

	check_eq(present(memory, 8), 0);
	check_call(mlock(memory + PAGE, 2 * PAGE));
	check_eq(present(memory, 8), 2);
	check_eq(locked_kb(), 8);
	check_call(munlock(memory, 8 * PAGE));
	check_eq(locked_kb(), 0);
	check_eq(present(memory, 8), 2);
}

static void parts_of_pages_count_whole(void)
{
	char *memory = map_private(4 * PAGE);

	check_call(mlock(memory + PAGE - 1, 2));
	check_eq(present(memory, 4), 2);
	check_eq(locked_kb(), 8);
	check_call(munlock(memory + PAGE + 5, 1));
	check_eq(locked_kb(), 4);
	check_call(mlock(memory, 0));
	check_eq(locked_kb(), 4);
}

static void locks_do_not_stack(void)
{
	char *memory = map_private(4 * PAGE);

	check_call(mlock(memory, 4 * PAGE));
	check_call(mlock(memory, 2 * PAGE));
	check_eq(locked_kb(), 16);
	check_call(munlock(memory, 4 * PAGE));
	check_eq(locked_kb(), 0);
}

static void bad_ranges(void)
{
	char *memory = map_between_holes(2 * PAGE);

	check_errno(mlock(memory - PAGE, PAGE), ENOMEM);
	check_errno(mlock(memory, 3 * PAGE), ENOMEM);
	check_eq(locked_kb(), 8);
	check_errno(munlock(memory - PAGE, 2 * PAGE), ENOMEM);
	check_eq(locked_kb(), 8);
	check_errno(mlock(memory, 0UL - 64 * PAGE), EINVAL);
	check_errno(munlock(memory, 0UL - 64 * PAGE), EINVAL);
	check_call(mlock(memory, ~0UL - 1));
	check_errno(mlock((void *)(1UL << 47), PAGE), ENOMEM);
	check_errno(raw_mlock2(memory, PAGE, 2), EINVAL);
	check_errno(raw_mlock2(memory, PAGE, -1), EINVAL);
}

static void inaccessible_memory_is_locked_all_the_same(void)
{
	char *memory = map(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check_errno(mlock(memory, PAGE), ENOMEM);
	check_eq(locked_kb(), 4);
	check_call(mprotect(memory, PAGE, PROT_READ));
	check_call(mlock(memory, PAGE));
}

static void beyond_the_file(void)
{
	int fd = make_file(PAGE, 'f');
	char *memory = map(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, fd, 0);

	check_errno(mlock(memory, 3 * PAGE), ENOMEM);
	check_eq(locked_kb(), 12);
	check_call(munlock(memory, 3 * PAGE));
	check_call(mlock(memory, PAGE));
}

static void on_fault(void)
{
	char *memory = map_private(4 * PAGE);

	check_call(raw_mlock2(memory, 4 * PAGE, MLOCK_ONFAULT));
	check_eq(present(memory, 4), 0);
	check_eq(locked_kb(), 16);
	memory[PAGE] = 1;
	check_eq(present(memory, 4), 1);
	check_call(raw_mlock2(memory, 4 * PAGE, 0));
	check_eq(present(memory, 4), 4);
}

static void limit_is_kept(void)
{
	char *memory = map_private(8 * PAGE);

	limit_locked(4 * PAGE);
	check_call(mlock(memory, 8 * PAGE)); /* root may */
	check_call(munlock(memory, 8 * PAGE));
	give_up_root();
	check_errno(mlock(memory, 5 * PAGE), ENOMEM);
	check_eq(locked_kb(), 0);
	check_call(mlock(memory, 3 * PAGE));
	check_errno(mlock(memory + 4 * PAGE, 2 * PAGE), ENOMEM);
	check_call(mlock(memory + PAGE, 3 * PAGE)); /* two of them are locked already */
	check_eq(locked_kb(), 16);
	check_errno(mlock(memory, 0UL - 64 * PAGE), ENOMEM);
}

static void no_limit_no_lock(void)
{
	char *memory = map_private(PAGE);

	limit_locked(0);
	give_up_root();
	check_errno(mlock(memory, PAGE), EPERM);
	check_errno(mlock(memory, 0), EPERM);
	check_errno(raw_mlock2(memory, PAGE, 0), EPERM);
	check_errno(raw_mlock2(memory, PAGE, 8), EINVAL);
	check_errno(mlockall(MCL_CURRENT), EPERM);
	check_errno(mlockall(0), EINVAL);
	check_call(munlock(memory, PAGE));
	check_call(munlockall());
	check_eq(raw6(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1,
		      0),
		 -EPERM); /* musl's mmap calls this one ENOMEM */
}

static void mapping_locked(void)
{
	char *memory = map(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);

	check_eq(present(memory, 4), 4);
	check_eq(locked_kb(), 16);
	check_call(munmap(memory, 2 * PAGE));
	check_eq(locked_kb(), 8);
	limit_locked(4 * PAGE);
	give_up_root();
	check(mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0) ==
		      MAP_FAILED &&
	      errno == EAGAIN);
	map(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
}

static void child_checks_no_locks(void *argument)
{
	char *memory = argument, *more = map_private(2 * PAGE);

	check_eq(locked_kb(), 0);
	check_eq(present(more, 2), 0);
	check_call(madvise(memory, PAGE, MADV_DONTNEED));
	check_eq(memory[0], 0);
}

static void fork_gives_no_locks(void)
{
	char *memory = map_private(4 * PAGE);

	check_call(mlock(memory, 2 * PAGE));
	check_call(raw_mlock2(memory + 2 * PAGE, 2 * PAGE, MLOCK_ONFAULT));
	check_call(mlockall(MCL_FUTURE));
	memory[0] = 7;
	check_child(child_checks_no_locks, memory);
	check_eq(locked_kb(), 16);
	check_eq(memory[0], 7);
	memory = map_private(2 * PAGE);
	check_eq(present(memory, 2), 2);
}

static void future_mappings(void)
{
	char *memory = map_private(2 * PAGE), *more, *end;

	check_call(mlockall(MCL_FUTURE));
	check_eq(present(memory, 2), 0);
	more = map_private(4 * PAGE);
	check_eq(present(more, 4), 4);
	check_eq(locked_kb(), 16);
	end = sbrk(0);
	end = (char *)(((unsigned long)end + PAGE - 1) & -PAGE);
	check_eq(syscall(SYS_brk, end + 3 * PAGE), end + 3 * PAGE);
	check_eq(present(end, 3), 3);
	check_eq(syscall(SYS_brk, end), end);
	check_call(munlockall());
	check_eq(locked_kb(), 0);
	more = map_private(4 * PAGE);
	check_eq(present(more, 4), 0);
}

static void future_on_fault(void)
{
	char *more;

	check_errno(mlockall(MCL_ONFAULT), EINVAL);
	check_errno(mlockall(8), EINVAL);
	check_call(mlockall(MCL_FUTURE | MCL_ONFAULT));
	more = map_private(4 * PAGE);
	check_eq(present(more, 4), 0);
	check_eq(locked_kb(), 16);
	check_call(mlockall(MCL_CURRENT));
	check_eq(present(more, 4), 4);
	more = map_private(4 * PAGE);
	check_eq(present(more, 4), 0);
}

static void future_mappings_keep_the_limit(void)
{
	char *end = sbrk(0);

	limit_locked(4 * PAGE);
	check_call(mlockall(MCL_FUTURE));
	give_up_root();
	check(mmap(NULL, 5 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
	      errno == EAGAIN);
	check_eq(syscall(SYS_brk, end + 6 * PAGE), end);
	map_private(4 * PAGE);
	check(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
	      errno == EAGAIN);
	check_errno(mlockall(MCL_CURRENT), ENOMEM);
	check_call(munlockall());
	map_private(PAGE);
}

static void exec_ends_all_locks(void)
{
	pid_t pid;

	check_call(mlockall(MCL_CURRENT | MCL_FUTURE));
	pid = tap_fork();
	if (pid == 0) {
		check_call(mlockall(MCL_CURRENT | MCL_FUTURE));
		execl("/bin/sh", "sh", "-c", "grep -q '^VmLck:.* 0 kB' /proc/self/status", NULL);
		_exit(126);
	}
	check_exits(pid, 0);
}

static void locked_pages_are_not_dropped(void)
{
	char *memory = map_private(2 * PAGE);
	int fd = make_file(PAGE, 'f');
	char *file = map(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);

	memory[0] = 5;
	check_call(mlock(memory, PAGE));
	check_call(mlock(file, PAGE));
	check_errno(madvise(memory, PAGE, MADV_DONTNEED), EINVAL);
	check_errno(madvise(memory, PAGE, MADV_FREE), EINVAL);
	check_errno(madvise(memory, PAGE, 20), EINVAL); /* MADV_COLD */
	check_errno(madvise(memory, PAGE, 21), EINVAL); /* MADV_PAGEOUT */
	check_errno(msync(file, PAGE, MS_INVALIDATE), EBUSY);
	check_errno(msync(file, PAGE, MS_SYNC | MS_INVALIDATE), EBUSY);
	check_call(msync(file, PAGE, MS_SYNC));
	check_eq(memory[0], 5);
	check_call(madvise(memory, PAGE, 24)); /* MADV_DONTNEED_LOCKED */
	check_eq(memory[0], 0);
	check_call(munlock(file, PAGE));
	check_call(msync(file, PAGE, MS_INVALIDATE));
}

static void growing_locked_memory(void)
{
	char *memory = map(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);

	memory = mremap(memory, 2 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
	check(memory != MAP_FAILED);
	check_eq(present(memory, 6), 6);
	check_eq(locked_kb(), 24);
	limit_locked(8 * PAGE);
	give_up_root();
	check(mremap(memory, 6 * PAGE, 9 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED && errno == EAGAIN);
	check(mremap(memory, 6 * PAGE, 8 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
}

static void lock_breaks_copy_on_write(void)
{
	int fd = make_file(2 * PAGE, 'f');
	char *memory = map(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	check_call(mlock(memory, 2 * PAGE));
	check_eq(pwrite(fd, "x", 1, 0), 1);
	check_eq(memory[0], 'f');
}

static const struct test_case cases[] = {
	TEST(lock_brings_pages_in, "mlock brings the pages in, munlock leaves them there"),
	TEST(parts_of_pages_count_whole, "a byte of a page locks the page, no byte locks nothing"),
	TEST(locks_do_not_stack, "locking twice is undone by unlocking once"),
	TEST(bad_ranges, "holes are ENOMEM after what is before them, wrapping ranges EINVAL"),
	TEST(inaccessible_memory_is_locked_all_the_same, "PROT_NONE memory: ENOMEM, but locked"),
	TEST(beyond_the_file, "a mapping beyond its file's end: ENOMEM, but locked"),
	TEST(on_fault, "MLOCK_ONFAULT brings in no page that is not touched"),
	TEST(limit_is_kept, "RLIMIT_MEMLOCK counts each page once; root is above it"),
	TEST(no_limit_no_lock, "with a limit of 0 locking is EPERM, unlocking works"),
	TEST(mapping_locked, "MAP_LOCKED brings pages in and counts"),
	TEST(fork_gives_no_locks, "a forked child has no locks, present or future"),
	TEST(future_mappings, "MCL_FUTURE locks new mappings and the break"),
	TEST(future_on_fault, "MCL_FUTURE with MCL_ONFAULT leaves pages to their faults"),
	TEST(future_mappings_keep_the_limit, "MCL_FUTURE over the limit: mmap EAGAIN, brk stays"),
	TEST(exec_ends_all_locks, "exec ends locks, also those of the future"),
	TEST(locked_pages_are_not_dropped, "madvise and msync refuse to drop locked pages"),
	TEST(growing_locked_memory, "mremap counts what locked memory grows by"),
	TEST(lock_breaks_copy_on_write, "locking a private mapping gives it pages of its own"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
