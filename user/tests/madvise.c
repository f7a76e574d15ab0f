/* madvise, as far as it changes what a program or its children see. */
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
	char *memory = map_between_holes(2 * PAGE);

	check_errno(madvise(memory + 1, PAGE, MADV_DONTNEED), EINVAL);
	check_errno(madvise(memory, PAGE, 12345), EINVAL);
	check_errno(madvise(memory, 0UL - PAGE, MADV_DONTNEED), EINVAL);
	check_errno(madvise(memory + 2 * PAGE, PAGE, MADV_DONTNEED), ENOMEM);
	check_call(madvise(memory, 0, MADV_DONTNEED));
	check_call(madvise(memory + 2 * PAGE, 0, MADV_DONTNEED));
}

static void dontneed_zeroes_private_memory(void)
{
	char *memory = map_private(4 * PAGE);

	memset(memory, 'a', 4 * PAGE);
	check_call(madvise(memory + PAGE, PAGE + 1,
			   MADV_DONTNEED)); /* two pages: the length is rounded up */
	check(holds(memory, PAGE, 'a'));
	check(holds(memory + PAGE, 2 * PAGE, 0));
	check(holds(memory + 3 * PAGE, PAGE, 'a'));
	memset(memory, 'b', 4 * PAGE);
	check(holds(memory, 4 * PAGE, 'b'));
}

static void dontneed_brings_the_file_back(void)
{
	int fd = make_file(2 * PAGE, 'f');
	char *memory = map(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	memset(memory, 'm', 2 * PAGE);
	check_call(madvise(memory, PAGE, MADV_DONTNEED));
	check(holds(memory, PAGE, 'f'));
	check(holds(memory + PAGE, PAGE, 'm'));
}

static void dontneed_keeps_shared_memory(void)
{
	char *memory = tap_shared(2 * PAGE);

	memset(memory, 'a', 2 * PAGE);
	check_call(madvise(memory, 2 * PAGE, MADV_DONTNEED));
	check(holds(memory, 2 * PAGE, 'a'));
}

static void dontneed_works_around_a_hole(void)
{
	char *memory = map_private(3 * PAGE);

	memset(memory, 'a', 3 * PAGE);
	check_call(munmap(memory + PAGE, PAGE));
	check_errno(madvise(memory, 3 * PAGE, MADV_DONTNEED), ENOMEM);
	check(holds(memory, PAGE, 0));
	check(holds(memory + 2 * PAGE, PAGE, 0));
}

static void dontneed_on_one_side(char *memory, size_t size, char *from, size_t length,
				 int child_does_it)
{
	int *done = tap_shared(sizeof(*done));
	pid_t pid;

	for (size_t i = 0; i < size; i += PAGE)
		memory[i] = 'a';
	pid = tap_fork();
	if ((pid == 0) == child_does_it) {
		check_call(madvise(from, length, MADV_DONTNEED));
		for (char *p = memory; p < memory + size; p += PAGE)
			check_eq(*p, p >= from && p < from + length ? 0 : 'a');
		*from = 'x';
		*done = 1;
	} else {
		tap_await(done, 1);
		for (size_t i = 0; i < size; i += PAGE)
			check_eq(memory[i], 'a');
		*from = 'y';
	}
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
	check_eq(*from, child_does_it ? 'y' : 'x');
}

static void dontneed_after_fork_is_ones_own(void)
{
	for (int child = 0; child < 2; child++) {
		char *memory = map_private(4 * PAGE);
		dontneed_on_one_side(memory, 4 * PAGE, memory + PAGE, 2 * PAGE, child);
	}
}

static void dontneed_of_a_whole_node_after_fork_is_ones_own(void)
{
	for (int child = 0; child < 2; child++) {
		char *memory = map_private_at(NOWHERE - PAGE, TABLE + 2 * PAGE);
		dontneed_on_one_side(memory, TABLE + 2 * PAGE, NOWHERE, TABLE, child);
	}
}

static void dontfork_is_not_in_the_child(void)
{
	char *memory = map_private(3 * PAGE);

	memset(memory, 'a', 3 * PAGE);
	check_call(madvise(memory + PAGE, PAGE, MADV_DONTFORK));
	check_child(read_byte, memory);
	check_dies(read_byte, memory + PAGE, SIGSEGV);
	check_dies(write_byte, memory + PAGE, SIGSEGV);
	check_child(write_byte, memory + 2 * PAGE);
	check(holds(memory, 3 * PAGE, 'a'));
	memory[PAGE] = 'b';
	check_eq(memory[PAGE], 'b');
}

static void dontfork_leaves_room_for_the_child(void)
{
	char *memory = map_private_at(NOWHERE, 3 * PAGE);
	pid_t pid;

	memset(memory, 'a', 3 * PAGE);
	check_call(madvise(memory + PAGE, PAGE, MADV_DONTFORK));
	pid = tap_fork();
	if (pid == 0) {
		check(mmap(memory + PAGE, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			   0) == memory + PAGE);
		check(holds(memory + PAGE, PAGE, 0));
		memory[PAGE] = 'c';
		check_child(read_byte, memory + PAGE); /* the new mapping is an ordinary one */
		_exit(0);
	}
	check_exits(pid, 0);
	check(holds(memory, 3 * PAGE, 'a'));
}

static void dontfork_of_whole_nodes(void)
{
	char *memory = map_private_at(NOWHERE - TABLE, 3 * TABLE);
	pid_t pid;

	for (size_t i = 0; i < 3 * TABLE; i += PAGE)
		memory[i] = 'a';
	check_call(madvise(memory + TABLE - PAGE, TABLE + 2 * PAGE, MADV_DONTFORK));
	for (int round = 0; round < 2; round++) { /* the parent's tree is right after a fork, too */
		pid = tap_fork();
		if (pid == 0) {
			check_dies(read_byte, memory + TABLE - PAGE, SIGSEGV);
			check_dies(read_byte, memory + TABLE, SIGSEGV);
			check_dies(read_byte, memory + 2 * TABLE, SIGSEGV);
			check_eq(memory[TABLE - 2 * PAGE] + memory[2 * TABLE + PAGE], 'a' + 'a');
			memory[0] = memory[3 * TABLE - 1] = 'c';
			_exit(0);
		}
		check_exits(pid, 0);
		for (size_t i = 0; i < 3 * TABLE; i += PAGE)
			check_eq(memory[i], 'a');
	}
}

static void dofork_undoes_dontfork(void)
{
	char *memory = map_private(PAGE);

	memory[0] = 'a';
	check_call(madvise(memory, PAGE, MADV_DONTFORK));
	check_dies(read_byte, memory, SIGSEGV);
	check_call(madvise(memory, PAGE, MADV_DOFORK));
	check_child(write_byte, memory);
	check_eq(memory[0], 'a');
}

static void dontfork_holds_for_shared_memory(void)
{
	char *memory = tap_shared(PAGE);

	check_call(madvise(memory, PAGE, MADV_DONTFORK));
	check_dies(read_byte, memory, SIGSEGV);
	memory[0] = 1;
}

/* A page written between two forks is cut out of each child anew. */
static void dontfork_memory_stays_the_parents_alone(void)
{
	char *memory = map_private(2 * PAGE);

	check_call(madvise(memory, PAGE, MADV_DONTFORK));
	for (int i = 0; i < 10; i++) {
		memory[0] = memory[PAGE] = i;
		check_dies(read_byte, memory, SIGSEGV);
		check_child(write_byte, memory + PAGE);
		check_eq(memory[0], i);
		check_eq(memory[PAGE], i);
	}
}

static void wipeonfork_is_zero_in_the_child(void)
{
	char *memory = map_private(3 * PAGE);
	pid_t pid;

	memset(memory, 'a', 3 * PAGE);
	check_call(madvise(memory + PAGE, PAGE, MADV_WIPEONFORK));
	pid = tap_fork();
	if (pid == 0) {
		check(holds(memory, PAGE, 'a'));
		check(holds(memory + PAGE, PAGE, 0));
		check(holds(memory + 2 * PAGE, PAGE, 'a'));
		memory[PAGE] = 'c';
		_exit(0);
	}
	check_exits(pid, 0);
	check(holds(memory, 3 * PAGE, 'a'));
}

static void wipeonfork_is_inherited(void)
{
	char *memory = map_private(PAGE);
	pid_t pid;

	memory[0] = 'a';
	check_call(madvise(memory, PAGE, MADV_WIPEONFORK));
	pid = tap_fork();
	if (pid == 0) {
		memory[0] = 'c';
		pid = tap_fork();
		if (pid == 0) {
			check_eq(memory[0], 0);
			_exit(0);
		}
		check_exits(pid, 0);
		check_eq(memory[0], 'c');
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(memory[0], 'a');
}

static void wipeonfork_of_whole_nodes(void)
{
	char *memory = map_private_at(NOWHERE - TABLE, 3 * TABLE);
	pid_t pid;

	for (size_t i = 0; i < 3 * TABLE; i += PAGE)
		memory[i] = 'a';
	check_call(madvise(memory + TABLE, TABLE + PAGE, MADV_WIPEONFORK));
	pid = tap_fork();
	if (pid == 0) {
		for (size_t i = 0; i < 3 * TABLE; i += PAGE)
			check_eq(memory[i], i >= TABLE && i <= 2 * TABLE ? 0 : 'a');
		memory[TABLE] = 'c';
		_exit(0);
	}
	check_exits(pid, 0);
	for (size_t i = 0; i < 3 * TABLE; i += PAGE)
		check_eq(memory[i], 'a');
}

static void keeponfork_undoes_wipeonfork(void)
{
	char *memory = map_private(PAGE);
	pid_t pid;

	memory[0] = 'a';
	check_call(madvise(memory, PAGE, MADV_WIPEONFORK));
	check_call(madvise(memory, PAGE, MADV_KEEPONFORK));
	pid = tap_fork();
	if (pid == 0) {
		check_eq(memory[0], 'a');
		_exit(0);
	}
	check_exits(pid, 0);
}

static void wipeonfork_is_for_private_anonymous_memory(void)
{
	int fd = make_file(PAGE, 'f');

	check_errno(madvise(tap_shared(PAGE), PAGE, MADV_WIPEONFORK), EINVAL);
	check_errno(madvise(map(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0), PAGE, MADV_WIPEONFORK),
		    EINVAL);
}

static const struct test_case cases[] = {
	TEST(bad_arguments_are_refused, "madvise refuses bad addresses and advice"),
	TEST(dontneed_zeroes_private_memory,
	     "MADV_DONTNEED makes private memory zero, in whole pages"),
	TEST(dontneed_brings_the_file_back, "MADV_DONTNEED brings a file's contents back"),
	TEST(dontneed_keeps_shared_memory, "MADV_DONTNEED leaves the contents of shared memory"),
	TEST(dontneed_works_around_a_hole,
	     "MADV_DONTNEED over a hole does the rest and fails with ENOMEM"),
	TEST(dontneed_after_fork_is_ones_own,
	     "MADV_DONTNEED after fork drops nothing of the other side's"),
	TEST(dontneed_of_a_whole_node_after_fork_is_ones_own,
	     "MADV_DONTNEED of 2 MiB after fork drops nothing of the other side's"),
	TEST(dontfork_is_not_in_the_child,
	     "MADV_DONTFORK memory is not in the child, and its neighbours are"),
	TEST(dontfork_leaves_room_for_the_child,
	     "a child may map something else where MADV_DONTFORK memory was"),
	TEST(dontfork_of_whole_nodes, "MADV_DONTFORK over 2 MiB boundaries is not in the child"),
	TEST(dofork_undoes_dontfork, "MADV_DOFORK undoes MADV_DONTFORK"),
	TEST(dontfork_holds_for_shared_memory, "MADV_DONTFORK holds for shared memory"),
	TEST(dontfork_memory_stays_the_parents_alone,
	     "MADV_DONTFORK memory is cut out of every child anew"),
	TEST(wipeonfork_is_zero_in_the_child,
	     "MADV_WIPEONFORK memory is zero in the child and kept in the parent"),
	TEST(wipeonfork_is_inherited, "MADV_WIPEONFORK is inherited by the child"),
	TEST(wipeonfork_of_whole_nodes,
	     "MADV_WIPEONFORK over 2 MiB boundaries is zero in the child"),
	TEST(keeponfork_undoes_wipeonfork, "MADV_KEEPONFORK undoes MADV_WIPEONFORK"),
	TEST(wipeonfork_is_for_private_anonymous_memory,
	     "MADV_WIPEONFORK refuses shared and file mappings"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
