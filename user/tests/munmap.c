/*
 * munmap: what is gone, what is left, and that another process's copy of the same memory is
 * neither.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

static void bad_arguments_are_refused(void)
{
	char *memory = map_private(PAGE);

	check_errno(munmap(memory + 1, PAGE), EINVAL);
	check_errno(munmap(memory, 0), EINVAL);
	check_errno(munmap((void *)0xffff800000000000, PAGE), EINVAL);
	check_errno(munmap((void *)NOT_CANONICAL, PAGE), EINVAL);
	check_errno(munmap(memory, 0UL - PAGE), EINVAL);
	memory[0] = 1;
}

static void unmapping_nothing_is_no_error(void)
{
	check_call(munmap(NOWHERE, PAGE));
	check_call(munmap(NOWHERE, 3 * ROOT_ENTRY));
}

static void hole_in_the_middle(void)
{
	char *memory = map_private(5 * PAGE);

	memset(memory, 'a', 5 * PAGE);
	check_call(munmap(memory + 2 * PAGE, PAGE));
	check_dies(read_byte, memory + 2 * PAGE, SIGSEGV);
	check(holds(memory, 2 * PAGE, 'a'));
	check(holds(memory + 3 * PAGE, 2 * PAGE, 'a'));
}

static void length_is_rounded_up(void)
{
	char *memory = map_private(3 * PAGE);

	memset(memory, 'a', 3 * PAGE);
	check_call(munmap(memory, PAGE + 1));
	check_dies(read_byte, memory + 2 * PAGE - 1, SIGSEGV);
	check_eq(memory[2 * PAGE], 'a');
}

static void across_mappings_and_gaps(void)
{
	map_private_at(NOWHERE, 2 * PAGE)[0] = 'a';
	map_private_at(NOWHERE + 4 * PAGE, 2 * PAGE)[PAGE] = 'b';
	map(NOWHERE + 6 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check_call(munmap(NOWHERE + PAGE, 4 * PAGE));
	check_eq(NOWHERE[0], 'a');
	check_eq(NOWHERE[5 * PAGE], 'b');
	check_eq(NOWHERE[6 * PAGE], 0);
	check_dies(read_byte, NOWHERE + PAGE, SIGSEGV);
	check_dies(read_byte, NOWHERE + 4 * PAGE, SIGSEGV);
}

/* Memory that comes back where memory was is new memory, and no translation of the old is left. */
static void mapped_again_is_zero(void)
{
	for (int i = 0; i < 30; i++) {
		char *memory = map_private_at(NOWHERE, 2 * PAGE);
		check_eq(memory[0] + memory[PAGE], 0);
		memory[0] = memory[PAGE] = 1;
		check_call(munmap(memory, 2 * PAGE));
	}
}

static void unmapped_memory_faults_at_once(void)
{
	char *memory = map_private(600 * PAGE);

	for (int i = 0; i < 600; i++)
		memory[i * PAGE] = 1;
	check_call(munmap(memory, PAGE));
	check(faults_here(read_byte, memory));
	check(!faults_here(read_byte, memory + PAGE));
	check_call(munmap(memory + PAGE, 598 * PAGE));
	for (int i = 0; i < 599; i++)
		check(faults_here(write_byte, memory + i * PAGE));
	check(!faults_here(write_byte, memory + 599 * PAGE));
}

static void unmap_after_fork(char *memory, size_t size, char *from, size_t length,
			     int child_does_it)
{
	int *done = tap_shared(sizeof(*done));
	pid_t pid;

	for (char *p = memory; p < memory + size; p += PAGE)
		*p = 'a';
	pid = tap_fork();
	if ((pid == 0) == child_does_it) {
		check_call(munmap(from, length));
		check_dies(read_byte, from, SIGSEGV);
		check_dies(read_byte, from + length - 1, SIGSEGV);
		if (from > memory)
			check_eq(*(from - PAGE), 'a');
		if (from + length < memory + size)
			*(from + length) = 'c';
		*done = 1;
	} else {
		tap_await(done, 1);
		for (char *p = memory; p < memory + size; p += PAGE)
			check_eq(*p, 'a');
		for (char *p = memory; p < memory + size; p += PAGE)
			*p = 'b';
	}
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
}

static void half_of_a_region_after_fork(void)
{
	for (int child = 0; child < 2; child++) {
		char *memory = map_private(8 * PAGE);
		unmap_after_fork(memory, 8 * PAGE, memory + 4 * PAGE, 4 * PAGE, child);
	}
}

static void middle_of_a_region_after_fork(void)
{
	for (int child = 0; child < 2; child++) {
		char *memory = map_private(9 * PAGE);
		unmap_after_fork(memory, 9 * PAGE, memory + 3 * PAGE, 3 * PAGE, child);
	}
}

/* Exactly one node of the page-table tree, which can be dropped whole. */
static void whole_node_after_fork(void)
{
	for (int child = 0; child < 2; child++) {
		char *memory = map_private_at(NOWHERE - TABLE, 3 * TABLE);
		unmap_after_fork(memory, 3 * TABLE, memory + TABLE, TABLE, child);
		check_call(munmap(memory, 3 * TABLE));
	}
}

/* One node whole, and one page of the nodes on either side. */
static void node_and_a_page_more_after_fork(void)
{
	for (int child = 0; child < 2; child++) {
		char *memory = map_private_at(NOWHERE - TABLE, 3 * TABLE);
		unmap_after_fork(memory, 3 * TABLE, memory + TABLE - PAGE, TABLE + 2 * PAGE, child);
		check_call(munmap(memory, 3 * TABLE));
	}
}

static void all_but_one_page_after_fork(void)
{
	for (int child = 0; child < 2; child++) {
		char *memory = map_private_at(NOWHERE, TABLE);
		unmap_after_fork(memory, TABLE, memory, TABLE - PAGE, child);
		check_call(munmap(memory, TABLE));
	}
}

/*
 * Pages at the edges of nodes of every level; a span that ends inside some and covers others whole.
 */
static void spans_every_level_after_fork(void)
{
	static const unsigned long offsets[] = {0,
						TABLE - PAGE,
						TABLE,
						DIRECTORY - PAGE,
						DIRECTORY,
						DIRECTORY + TABLE,
						2 * DIRECTORY,
						ROOT_ENTRY - PAGE,
						ROOT_ENTRY,
						ROOT_ENTRY + DIRECTORY,
						ROOT_ENTRY + DIRECTORY + PAGE};
	unsigned long from = TABLE, to = ROOT_ENTRY + DIRECTORY;
	char *memory = map_private_at(NOWHERE, 2 * ROOT_ENTRY);
	pid_t pid;

	for (size_t i = 0; i < TAP_COUNT(offsets); i++)
		memory[offsets[i]] = 'a';
	pid = tap_fork();
	if (pid == 0) {
		check_call(munmap(memory + from, to - from));
		for (size_t i = 0; i < TAP_COUNT(offsets); i++)
			if (offsets[i] >= from && offsets[i] < to)
				check_dies(read_byte, memory + offsets[i], SIGSEGV);
			else
				check_eq(memory[offsets[i]], 'a');
		_exit(0);
	}
	check_exits(pid, 0);
	for (size_t i = 0; i < TAP_COUNT(offsets); i++)
		check_eq(memory[offsets[i]]++, 'a');
	check_call(munmap(memory, 2 * ROOT_ENTRY));
	for (size_t i = 0; i < TAP_COUNT(offsets); i++)
		check_dies(read_byte, memory + offsets[i], SIGSEGV);
}

/*
 * Fork a tree that already has holes: the child has the same holes, and may fill them for itself.
 */
static void holes_are_inherited(void)
{
	char *memory = map_private_at(NOWHERE - TABLE, 2 * TABLE);
	pid_t pid;

	for (size_t i = 0; i < 2 * TABLE; i += PAGE)
		memory[i] = 'a';
	check_call(munmap(memory + 5 * PAGE, TABLE - 5 * PAGE)); /* to the end of the first node */
	check_call(munmap(memory + TABLE + PAGE, PAGE));
	pid = tap_fork();
	if (pid == 0) {
		check_dies(read_byte, memory + 5 * PAGE, SIGSEGV);
		check_dies(read_byte, memory + TABLE - 1, SIGSEGV);
		check_dies(read_byte, memory + TABLE + PAGE, SIGSEGV);
		check_eq(memory[4 * PAGE] + memory[TABLE] + memory[TABLE + 2 * PAGE], 3 * 'a');
		map_private_at(memory + 5 * PAGE, TABLE - 5 * PAGE);
		check_eq(memory[5 * PAGE], 0);
		memory[5 * PAGE] = 'c';
		_exit(0);
	}
	check_exits(pid, 0);
	check_dies(read_byte, memory + 5 * PAGE, SIGSEGV);
	check_eq(memory[4 * PAGE], 'a');
}

static void shared_memory_survives_unmapping_elsewhere(void)
{
	volatile char *memory = tap_shared(2 * PAGE);
	pid_t pid;

	memory[0] = memory[PAGE] = 'a';
	pid = tap_fork();
	if (pid == 0) {
		memory[0] = 'c';
		check_call(munmap((char *)memory, PAGE));
		memory[PAGE] = 'd';
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(memory[0], 'c');
	check_eq(memory[PAGE], 'd');
}

static void last_mapping_of_a_file_keeps_the_file(void)
{
	int fd = make_file(PAGE, 'f');
	char *memory = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char byte;

	memory[1] = 'm';
	check_call(munmap(memory, PAGE));
	check_eq(pread(fd, &byte, 1, 1), 1);
	check_eq(byte, 'm');
}

static void own_image_can_be_unmapped(void)
{
	static char spare[3 * PAGE] __attribute__((aligned(4096)));
	pid_t pid;

	memset(spare, 'a', sizeof(spare));
	pid = tap_fork();
	if (pid == 0) {
		check_call(munmap(spare + PAGE, PAGE));
		check_dies(read_byte, spare + PAGE, SIGSEGV);
		_exit(0);
	}
	check_exits(pid, 0);
	check(holds(spare, sizeof(spare), 'a'));
}

static const struct test_case cases[] = {
	TEST(bad_arguments_are_refused, "munmap refuses bad addresses and lengths"),
	TEST(unmapping_nothing_is_no_error, "unmapping what is not mapped succeeds, however large"),
	TEST(hole_in_the_middle, "munmap makes a hole in a mapping"),
	TEST(length_is_rounded_up, "munmap takes whole pages"),
	TEST(across_mappings_and_gaps, "munmap spans mappings and gaps and stops at its edges"),
	TEST(mapped_again_is_zero, "memory mapped where memory was is zero"),
	TEST(unmapped_memory_faults_at_once, "memory just used and unmapped faults at once"),
	TEST(half_of_a_region_after_fork,
	     "half of a region unmapped after fork is gone on one side only"),
	TEST(middle_of_a_region_after_fork,
	     "the middle of a region unmapped after fork is gone on one side only"),
	TEST(whole_node_after_fork, "2 MiB unmapped after fork are gone on one side only"),
	TEST(node_and_a_page_more_after_fork,
	     "2 MiB and a page on either side unmapped after fork are gone on one side only"),
	TEST(all_but_one_page_after_fork,
	     "all but one page of 2 MiB unmapped after fork are gone on one side only"),
	TEST(spans_every_level_after_fork,
	     "a span over 512 GiB unmapped after fork is gone on one side only"),
	TEST(holes_are_inherited, "a child inherits holes and fills them for itself"),
	TEST(shared_memory_survives_unmapping_elsewhere,
	     "shared memory stays where another process has unmapped it"),
	TEST(last_mapping_of_a_file_keeps_the_file,
	     "what was written to a shared file mapping stays in the file"),
	TEST(own_image_can_be_unmapped,
	     "part of the program's own image can be unmapped in the child"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
