/* What /proc says is in memory: RssAnon, RssShmem, and each mapping's share, over forks. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define MIB (1UL << 20)
#define SLACK \
	1024L /* KiB: what the test itself touches, and what Linux counts late or unmaps meanwhile */

static long status(const char *name)
{
	return number_in("/proc/self/status", name);
}

static long rollup(const char *name)
{
	return number_in("/proc/self/smaps_rollup", name);
}

static int near(long kb, long wanted)
{
	if (kb > wanted - SLACK && kb < wanted + SLACK)
		return 1;
	tap_note("%ld instead of %ld kB", kb, wanted);
	return 0;
}

static void touching_counts(void)
{
	long before = status("RssAnon");
	char *memory = map_private(16 * MIB);

	check(near(status("RssAnon"), before));
	memset(memory, 1, 8 * MIB);
	check(near(status("RssAnon"), before + 8192));
	check(near(status("VmRSS"), status("RssAnon") + status("RssFile") + status("RssShmem")));
	check_call(madvise(memory, 4 * MIB, MADV_DONTNEED));
	check(near(status("RssAnon"), before + 4096));
	check_call(munmap(memory, 16 * MIB));
	check(near(status("RssAnon"), before));
}

static void reading_zeroes_does_not(void)
{
	long before = status("VmRSS");
	char *memory = map_private(8 * MIB);

	check(holds(memory, 8 * MIB, 0));
	check(near(status("VmRSS"), before));
}

static void shared_memory_is_apart(void)
{
	long anonymous = status("RssAnon"), shared = status("RssShmem");
	char *memory = tap_shared(8 * MIB);

	memset(memory, 1, 8 * MIB);
	check(near(status("RssShmem"), shared + 8192));
	check(near(status("RssAnon"), anonymous));
}

static void inherits(void *argument)
{
	long *before = argument;

	check(near(status("RssAnon"), before[0] + 8192));
	check(near(rollup("Private_Dirty"), before[1]));
}

static void a_child_counts_what_it_shares(void)
{
	long before[2] = {status("RssAnon"), 0};
	char *memory = map_private(8 * MIB);

	memset(memory, 1, 8 * MIB);
	check_child(inherits, before);
	check(near(rollup("Rss"), status("VmRSS")));
}

static void halves(void *argument)
{
	char *memory = argument;
	long share = rollup("Pss");

	memset(memory, 2, 4 * MIB); /* half of it is the child's own now */
	check(near(rollup("Pss"), share + 2048));
}

static void a_page_is_divided_among_those_who_have_it(void)
{
	char *memory = map_private(8 * MIB);

	memset(memory, 1, 8 * MIB);
	check_child(halves, memory);
}

static void private_copies_of_files(void)
{
	int fd = make_file(4 * MIB, 'f');
	char *memory = map(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	long anonymous = status("RssAnon"), shared = status("RssShmem");

	check(holds(memory, 4 * MIB, 'f'));
	check(near(status("RssShmem"), shared + 4096));
	check(near(status("RssAnon"), anonymous));
	memset(memory, 'm', 4 * MIB);
	check(near(status("RssShmem"), shared));
	check(near(status("RssAnon"), anonymous + 4096));
	check_call(ftruncate(fd, 0));
	check(near(status("RssAnon"), anonymous));
}

static const struct test_case cases[] = {
	TEST(touching_counts, "memory counts when it is touched, until it is dropped"),
	TEST(reading_zeroes_does_not, "memory that was only read does not"),
	TEST(shared_memory_is_apart, "shared memory counts as RssShmem"),
	TEST(a_child_counts_what_it_shares, "a forked child counts what it shares, as not its own"),
	TEST(a_page_is_divided_among_those_who_have_it, "Pss grows when shared pages are copied"),
	TEST(private_copies_of_files,
	     "a private copy of a file's page is anonymous, until it is cut off"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
