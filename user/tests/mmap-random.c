/*
 * Random operations on memory against a record of what each page should be: mmap, munmap, mprotect,
 * mremap, madvise, writes by the program and by the kernel, and forks, whose children go on in
 * their own way with their own copy of the record. The record itself lies in memory that fork
 * shares, so a page that leaks from one process to another shows twice.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define PAGES 40
#define STEPS 250
#define DEPTH 3

/* Across the edge of two nodes of every level of the page tables. */
#define PLACE (NOWHERE - (PAGES / 2) * PAGE)

struct page {
	char mapped, shared, dontfork, wipe;
	int prot;
	unsigned long value; /* the first and the last word */
};

static struct page record[PAGES];
static unsigned long random_state;
static unsigned long next_value;
static int words[2]; /* a pipe through which the kernel writes */
static sigjmp_buf faulted;

static unsigned int below(unsigned int n)
{
	random_state = random_state * 6364136223846793005UL + 1442695040888963407UL;
	return (random_state >> 33) % n;
}

static void on_fault(int signal)
{
	siglongjmp(faulted, 1);
}

static volatile unsigned long *word(unsigned int page, int last)
{
	return (unsigned long *)(PLACE + page * PAGE + (last ? PAGE - sizeof(long) : 0));
}

/* --- Looking --- */

static int can_read(unsigned int page)
{
	if (sigsetjmp(faulted, 1))
		return 0;
	(void)*word(page, 0);
	return 1;
}

static int can_write(unsigned int page)
{
	if (sigsetjmp(faulted, 1))
		return 0;
	*word(page, 0) = record[page].value;
	return 1;
}

static void check_page(unsigned int page)
{
	const struct page *expected = &record[page];

	check_eq(can_read(page), expected->mapped && (expected->prot & PROT_READ));
	if (!expected->mapped || !(expected->prot & PROT_READ))
		return;
	check_eq(*word(page, 0), expected->value);
	check_eq(*word(page, 1), expected->value);
	if (!(expected->prot & PROT_WRITE))
		check(!can_write(page));
}

static void check_all(void)
{
	for (unsigned int page = 0; page < PAGES; page++)
		check_page(page);
}

/* --- Doing --- */

struct range {
	unsigned int first, count;
};

static struct range random_range(void)
{
	struct range range = {.first = below(PAGES)};
	unsigned int rest = PAGES - range.first;

	range.count = 1 + below(rest < 8 ? rest : 8);
	return range;
}

static int random_prot(void)
{
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE};

	return prots[below(4)];
}

static char *address(struct range range)
{
	return PLACE + range.first * PAGE;
}

static void forget(struct range range)
{
	memset(&record[range.first], 0, range.count * sizeof(record[0]));
}

static void do_map(void)
{
	struct range range = random_range();
	int shared = below(4) == 0, prot = random_prot();

	map(address(range), range.count * PAGE, prot,
	    MAP_FIXED | MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
	forget(range);
	for (unsigned int i = range.first; i < range.first + range.count; i++) {
		record[i].mapped = 1;
		record[i].shared = shared;
		record[i].prot = prot;
	}
}

static void do_unmap(void)
{
	struct range range = random_range();

	check_call(munmap(address(range), range.count * PAGE));
	forget(range);
}

/* Changes what comes before the first hole. */
static void do_protect(void)
{
	struct range range = random_range();
	int prot = random_prot(), result = mprotect(address(range), range.count * PAGE, prot);
	unsigned int i = range.first;

	while (i < range.first + range.count && record[i].mapped)
		record[i++].prot = prot;
	check_eq(result, i < range.first + range.count ? -1 : 0);
}

static void do_write(void)
{
	unsigned int page = below(PAGES);

	if (!record[page].mapped || !(record[page].prot & PROT_WRITE) || record[page].shared)
		return;
	record[page].value = ++next_value;
	*word(page, 0) = *word(page, 1) = next_value;
}

/* read(2) writes to the page, or refuses where the program could not write either. */
static void do_kernel_write(void)
{
	unsigned int page = below(PAGES);
	unsigned long value = ++next_value;
	int writable = record[page].mapped && (record[page].prot & PROT_WRITE);
	long wanted = writable ? (long)sizeof(value) : -1;

	if (record[page].shared)
		return;
	for (int last = 0; last < 2; last++) {
		check_eq(write(words[1], &value, sizeof(value)), sizeof(value));
		check_eq(read(words[0], (void *)word(page, last), sizeof(value)), wanted);
		if (wanted < 0)
			check_eq(read(words[0], &value, sizeof(value)), sizeof(value));
	}
	if (wanted > 0)
		record[page].value = value;
}

static void do_dontneed(void)
{
	struct range range = random_range();

	madvise(address(range), range.count * PAGE, MADV_DONTNEED);
	for (unsigned int i = range.first; i < range.first + range.count; i++)
		if (!record[i].shared)
			record[i].value = 0;
}

static void do_move(void)
{
	struct range from = random_range(), to = {.first = below(PAGES - from.count + 1)};
	struct page moved[8];
	void *result;

	to.count = from.count;
	if (from.first < to.first + to.count && to.first < from.first + from.count)
		return;
	memcpy(moved, &record[from.first], from.count * sizeof(moved[0]));
	result = mremap(address(from), from.count * PAGE, to.count * PAGE,
			MREMAP_MAYMOVE | MREMAP_FIXED, address(to));
	if (result == MAP_FAILED && errno == EFAULT && !moved[0].mapped)
		return;
	forget(to);
	if (result == MAP_FAILED) {
		check_eq(errno,
			 EFAULT); /* more than one mapping; the target is gone all the same */
		return;
	}
	forget(from);
	memcpy(&record[to.first], moved, to.count * sizeof(moved[0]));
}

static void do_advise_fork(void)
{
	unsigned int page = below(PAGES);
	char *at = PLACE + page * PAGE;

	if (!record[page].mapped)
		return;
	if (below(2)) {
		record[page].dontfork = below(2);
		check_call(madvise(at, PAGE, record[page].dontfork ? MADV_DONTFORK : MADV_DOFORK));
	} else if (!record[page].shared) {
		record[page].wipe = below(2);
		check_call(
			madvise(at, PAGE, record[page].wipe ? MADV_WIPEONFORK : MADV_KEEPONFORK));
	}
}

static void run_steps(int depth);

static void do_fork(int depth)
{
	pid_t pid;

	if (depth == DEPTH)
		return;
	pid = tap_fork();
	if (pid > 0) {
		if (below(2))
			do_write();
		check_all();
		check_exits(pid, 0);
		return;
	}
	for (unsigned int i = 0; i < PAGES; i++) {
		if (record[i].dontfork)
			memset(&record[i], 0, sizeof(record[i]));
		if (record[i].wipe)
			record[i].value = 0;
	}
	random_state += 12345;
	next_value += 1000000UL * (depth + 1);
	check_all();
	run_steps(depth + 1);
	_exit(0);
}

static void run_steps(int depth)
{
	static void (*const operations[])(void) = {
		do_map,   do_map,          do_unmap,       do_protect, do_protect,
		do_write, do_write,        do_write,       do_write,   do_dontneed,
		do_move,  do_kernel_write, do_advise_fork,
	};

	check_call(pipe(words)); /* one's own: parent and child run at once */
	for (int step = 0; step < STEPS >> (2 * depth); step++) {
		unsigned int choice = below(TAP_COUNT(operations) + 1);

		if (choice == TAP_COUNT(operations))
			do_fork(depth);
		else
			operations[choice]();
		check_page(below(PAGES));
	}
	check_all();
	close(words[0]);
	close(words[1]);
}

static void run_seeds(unsigned int first, unsigned int count)
{
	signal(SIGSEGV, on_fault);
	for (unsigned int seed = first; seed < first + count; seed++) {
		random_state = seed;
		munmap(PLACE, PAGES * PAGE);
		memset(record, 0, sizeof(record));
		run_steps(0);
	}
}

static void first_seeds(void)
{
	run_seeds(1, 3);
}

static void more_seeds(void)
{
	run_seeds(1000, 3);
}

static void seeds_of_several_at_once(void)
{
	pid_t pids[4];

	for (unsigned int i = 0; i < TAP_COUNT(pids); i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			run_seeds(2000 + 100 * i, 2);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < TAP_COUNT(pids); i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(first_seeds, "memory is what random operations and forks made of it"),
	TEST(more_seeds, "and once more, with other numbers"),
	TEST(seeds_of_several_at_once, "and in several processes at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
