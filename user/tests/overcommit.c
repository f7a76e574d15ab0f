/* How much memory may be promised: /proc/sys/vm/overcommit_memory, CommitLimit, Committed_AS. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define MIB       (1UL << 20)
#define TOLERANCE (8L << 10) /* KiB: what others do meanwhile, and what is kept in reserve */

static int write_setting(const char *name, const char *value)
{
	char path[64];
	int fd, result;

	snprintf(path, sizeof(path), "/proc/sys/vm/%s", name);
	fd = check_call(open(path, O_WRONLY));
	result = write(fd, value, strlen(value)) == (ssize_t)strlen(value) ? 0 : -errno;
	check_call(close(fd));
	return result;
}

static void set_mode(const char *mode)
{
	check_eq(write_setting("overcommit_memory", mode), 0);
}

static long meminfo(const char *name)
{
	return number_in("/proc/meminfo", name);
}

static void *try_map(size_t size, int protection, int flags)
{
	return mmap(NULL, size, protection, flags | MAP_ANONYMOUS, -1, 0);
}

static int refused(size_t size, int protection, int flags)
{
	void *memory = try_map(size, protection, flags);

	if (memory == MAP_FAILED)
		return errno == ENOMEM;
	check_call(munmap(memory, size));
	return 0;
}

/* What may still be promised, in bytes, a little less. */
static size_t room(void)
{
	long kb = meminfo("CommitLimit") - meminfo("Committed_AS") - 3 * TOLERANCE;

	check(kb > 32 << 10);
	return (size_t)kb << 10 & -2 * MIB;
}

/* Mode 2, with a limit that leaves room. */
static void be_strict(void)
{
	check_eq(write_setting("overcommit_ratio", "90"), 0);
	set_mode("2");
}

static void only_the_impossible_is_refused(void)
{
	size_t all = (size_t)meminfo("MemTotal") << 10;

	set_mode("0");
	check(refused(2 * all, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	check(refused(2 * all, PROT_READ | PROT_WRITE, MAP_SHARED));
	check(!refused(2 * all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE));
	check(!refused(2 * all, PROT_READ, MAP_PRIVATE));
	check(!refused(all / 4 * 3, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	check(try_map(all / 4 * 3, PROT_READ | PROT_WRITE, MAP_PRIVATE) != MAP_FAILED);
	check(try_map(all / 4 * 3, PROT_READ | PROT_WRITE, MAP_PRIVATE) != MAP_FAILED);
}

static void nothing_is_refused(void)
{
	size_t all = (size_t)meminfo("MemTotal") << 10;

	set_mode("1");
	check(!refused(8 * all, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	check(!refused(8 * all, PROT_READ | PROT_WRITE, MAP_SHARED));
	set_mode("0");
}

static void settings_have_bounds(void)
{
	check_eq(write_setting("overcommit_memory", "3"), -EINVAL);
	check_eq(write_setting("overcommit_memory", "-1"), -EINVAL);
	check_eq(write_setting("overcommit_memory", "x"), -EINVAL);
}

static void limit_follows_the_ratio(void)
{
	long all = meminfo("MemTotal");

	check_eq(write_setting("overcommit_ratio", "50"), 0);
	check(labs(meminfo("CommitLimit") - all / 2) < TOLERANCE);
	check_eq(write_setting("overcommit_ratio", "90"), 0);
	check(labs(meminfo("CommitLimit") - all / 10 * 9) < TOLERANCE);
	check_eq(write_setting("overcommit_ratio", "50"), 0);
}

static void promised(long before, long mib)
{
	long grown = meminfo("Committed_AS") - before - (mib << 10);

	check(grown > -TOLERANCE && grown < TOLERANCE);
}

static void promises_are_counted(void)
{
	long before = meminfo("Committed_AS");
	char *memory = map_private(64 * MIB), *other;

	promised(before, 64);
	check_call(munmap(memory + 16 * MIB, 16 * MIB));
	promised(before, 48);
	other = map(NULL, 64 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	promised(before, 48);
	check_call(mprotect(other, 32 * MIB, PROT_READ | PROT_WRITE));
	promised(before, 80);
	check_call(mprotect(other, 32 * MIB, PROT_READ));
	promised(before, 80);
	check_call(munmap(other, 64 * MIB));
	promised(before, 48);
	map(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
	    0);
	promised(before, 48);
	other = mremap(memory, 16 * MIB, 48 * MIB, MREMAP_MAYMOVE);
	check(other != MAP_FAILED);
	promised(before, 80);
}

static void shared_memory_counts_once(void)
{
	long before = meminfo("Committed_AS");
	char *memory = tap_shared(64 * MIB);
	pid_t pid;

	promised(before, 64);
	memset(memory, 1, 32 * MIB);
	promised(before, 64);
	pid = tap_fork();
	if (pid == 0) {
		promised(before, 64);
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(munmap(memory, 64 * MIB));
	promised(before, 0);
}

static void fork_promises_again(void)
{
	long before = meminfo("Committed_AS");
	char *memory = map_private(64 * MIB);
	pid_t pid = tap_fork();

	if (pid == 0) {
		promised(before, 128);
		check_call(munmap(memory, 64 * MIB));
		promised(before, 64);
		_exit(0);
	}
	check_exits(pid, 0);
	promised(before, 64);
}

static void strictly(void)
{
	size_t free;
	char *memory;

	be_strict();
	free = room();
	check(refused(free + 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	check(refused(free + 64 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED));
	check(refused(free + 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE));
	check(!refused(free + 64 * MIB, PROT_READ, MAP_PRIVATE));
	map_private(free / 2);
	check(refused(free / 2 + 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE));
	memory = map(NULL, free, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check_errno(mprotect(memory, free, PROT_READ | PROT_WRITE), ENOMEM);
	check_call(mprotect(memory, free / 4, PROT_READ | PROT_WRITE));
	set_mode("0");
}

static void fork_strictly(void)
{
	size_t free, size;
	char *memory;
	pid_t pid;

	be_strict();
	free = room();
	size = free / 3 * 2 & -PAGE;
	memory = map_private(size);
	memory[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(1);
	check(pid < 0 && errno == ENOMEM);
	check_call(madvise(memory, size, MADV_DONTFORK));
	pid = tap_fork();
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
	check_call(munmap(memory, size));
	pid = tap_fork();
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
	set_mode("0");
}

static const struct test_case cases[] = {
	TEST(only_the_impossible_is_refused, "mode 0 refuses what is larger than memory"),
	TEST(nothing_is_refused, "mode 1 refuses nothing"),
	TEST(settings_have_bounds, "there are three modes"),
	TEST(limit_follows_the_ratio, "CommitLimit is overcommit_ratio percent of memory"),
	TEST(promises_are_counted, "Committed_AS counts private memory that was ever writable"),
	TEST(shared_memory_counts_once, "it counts shared memory once, whoever maps it"),
	TEST(fork_promises_again, "it counts a forked child's memory, though it is shared"),
	TEST(strictly, "mode 2 refuses what goes beyond the limit"),
	TEST(fork_strictly, "and forks that do"),
};

int main(int argc, char **argv)
{
	int status = tap_main(argc, argv, cases, TAP_COUNT(cases));

	set_mode("0");
	write_setting("overcommit_ratio", "50");
	return status;
}
