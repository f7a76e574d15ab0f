/*
 * Memory of its own that a process has when it forks, and what the first write to a page costs.
 *
 * Pages are small ones on both kernels: Linux would make some of them huge, which Tine does not have.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char *map(long size)
{
	char *start = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED)
		fail("mmap");
	madvise(start, size, MADV_NOHUGEPAGE);
	return start;
}

/* fork-N-MiB, fork-N-GiB: so much memory, each page of it written to. */
static char *touched;
static long touched_size;

void touch(long bytes)
{
	touched_size = bytes;
	touched = map(bytes);
	for (long i = 0; i < bytes; i += PAGE)
		touched[i] = 1;
}

void untouch(void)
{
	munmap(touched, touched_size);
}

/* fork-N-mappings: so many mappings of a page that was never touched, no two neighbours with the same rights. */
void make_mappings(long count)
{
	touched_size = count * PAGE;
	touched = map(touched_size);
	for (long i = 0; i < count; i += 2) {
		if (mprotect(touched + i * PAGE, PAGE, PROT_READ))
			fail("mprotect");
	}
}

/* What is mapped so that a page of it can be in a page table in which nothing else is. */
#define TABLE (2 * MIB)

static char *region;

void map_region(long unused)
{
	region = map(3 * TABLE);
}

void unmap_region(void)
{
	munmap(region, 3 * TABLE);
}

static char *middle_of_region(void)
{
	return (char *)(((uintptr_t)region + TABLE - 1) & -TABLE) + TABLE / 2;
}

/* write-after-fork: the first write to a page that a child has too, and to anything in that page table. */
long long write_after_fork(void)
{
	volatile char *page = middle_of_region();
	long long time;
	pid_t pid;

	*page = 1;
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		pause();
		_exit(0);
	}
	time = now();
	*page = 2;
	time = now() - time;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return time;
}

/*
 * first-touch: the first writes to pages of anonymous memory, one after the other, of which the neighbour is there and
 * with it the page table.
 */
long long first_touch(void)
{
	volatile char *page = middle_of_region();
	volatile char *end = page + (FIRST_TOUCHES + 1) * PAGE;
	long long start;

	*page = 1;
	start = now();
	while ((page += PAGE) < end)
		*page = 1;
	start = now() - start;
	madvise(region, 3 * TABLE, MADV_DONTNEED);
	return start;
}
