/* mremap: growing, shrinking and moving, and moving what fork has shared. */
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

/* mremap as the kernel has it: an address, or a negated errno. */
static long remap(void *old, size_t old_size, size_t new_size, int flags, void *new_place)
{
	return raw5(SYS_mremap, old, old_size, new_size, flags, new_place);
}

#define MOVE (MREMAP_MAYMOVE | MREMAP_FIXED)

static void bad_arguments_are_refused(void)
{
	char *memory = map_between_holes(2 * PAGE);

	check_eq(remap(memory + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), -EINVAL);
	check_eq(remap(memory, PAGE, 0, MREMAP_MAYMOVE, NULL), -EINVAL);
	check_eq(remap(memory, PAGE, PAGE, 0x100, NULL), -EINVAL);
	check_eq(remap(memory, PAGE, PAGE, MREMAP_FIXED, NOWHERE), -EINVAL);
	check_eq(remap(memory, PAGE, PAGE, MOVE, NOWHERE + 1), -EINVAL);
	check_eq(remap(memory, 2 * PAGE, 2 * PAGE, MOVE, memory + PAGE), -EINVAL);
	check_eq(remap(memory, 2 * PAGE, 2 * PAGE, MOVE, memory), -EINVAL);
	check_eq(remap(memory + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL), -EFAULT);
	check_eq(remap(memory, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, NULL), -EFAULT);
	check_eq(remap(memory, PAGE, PAGE, MOVE, (void *)NOT_CANONICAL), -EINVAL);
	memory[0] = memory[PAGE] = 1;
}

static void grows_where_there_is_room(void)
{
	char *memory = map_private_at(NOWHERE, PAGE);

	memset(memory, 'a', PAGE);
	check_eq(remap(memory, PAGE, 3 * PAGE, 0, NULL), (long)memory);
	check(holds(memory, PAGE, 'a'));
	check(holds(memory + PAGE, 2 * PAGE, 0));
	memory[3 * PAGE - 1] = 'b';
}

static void does_not_grow_over_others(void)
{
	char *memory = map_private_at(NOWHERE, PAGE);

	map_private_at(NOWHERE + 2 * PAGE, PAGE)[0] = 'b';
	check_eq(remap(memory, PAGE, 2 * PAGE, 0, NULL), (long)memory);
	check_eq(remap(memory, 2 * PAGE, 3 * PAGE, 0, NULL), -ENOMEM);
	check_eq(NOWHERE[2 * PAGE], 'b');
}

static void moves_to_grow(void)
{
	char *memory = map_private_at(NOWHERE, 2 * PAGE), *moved;

	map_private_at(NOWHERE + 2 * PAGE, PAGE)[0] = 'b';
	memset(memory, 'a', 2 * PAGE);
	moved = (char *)remap(memory, 2 * PAGE, 5 * PAGE, MREMAP_MAYMOVE, NULL);
	check((long)moved > 0 && moved != memory);
	check(holds(moved, 2 * PAGE, 'a'));
	check(holds(moved + 2 * PAGE, 3 * PAGE, 0));
	check_dies(read_byte, memory, SIGSEGV);
	check_eq(NOWHERE[2 * PAGE], 'b');
}

static void shrinks(void)
{
	char *memory = map_private(4 * PAGE);

	memset(memory, 'a', 4 * PAGE);
	check_eq(remap(memory, 4 * PAGE, PAGE, 0, NULL), (long)memory);
	check(holds(memory, PAGE, 'a'));
	check_dies(read_byte, memory + PAGE, SIGSEGV);
	check_dies(read_byte, memory + 4 * PAGE - 1, SIGSEGV);
}

static void moves_to_a_fixed_place(void)
{
	char *memory = map_private(2 * PAGE), *target = map_private_at(NOWHERE, 3 * PAGE);

	memset(memory, 'a', 2 * PAGE);
	memset(target, 'b', 3 * PAGE);
	check_eq(remap(memory, 2 * PAGE, 2 * PAGE, MOVE, target), (long)target);
	check(holds(target, 2 * PAGE, 'a'));
	check(holds(target + 2 * PAGE, PAGE, 'b'));
	check_dies(read_byte, memory, SIGSEGV);
	target[0] = 'c';
}

static void moves_part_of_a_mapping(void)
{
	char *memory = map_private(3 * PAGE);

	for (int i = 0; i < 3; i++)
		memory[i * PAGE] = 'a' + i;
	check_eq(remap(memory + PAGE, PAGE, PAGE, MOVE, NOWHERE), (long)NOWHERE);
	check_eq(NOWHERE[0], 'b');
	check_eq(memory[0], 'a');
	check_eq(memory[2 * PAGE], 'c');
	check_dies(read_byte, memory + PAGE, SIGSEGV);
}

static void rights_move_along(void)
{
	char *memory = map_private(PAGE);

	memory[0] = 'a';
	check_call(mprotect(memory, PAGE, PROT_READ));
	check_eq(remap(memory, PAGE, 2 * PAGE, MOVE, NOWHERE), (long)NOWHERE);
	check_eq(NOWHERE[0], 'a');
	check_dies(write_byte, NOWHERE, SIGSEGV);
	check_dies(write_byte, NOWHERE + PAGE, SIGSEGV);
}

/* One side moves a region that fork has shared. What either writes then is its own. */
static void move_after_fork(char *memory, size_t size, char *target, int child_does_it)
{
	int *done = tap_shared(sizeof(*done));
	char *mine = memory;
	pid_t pid;

	for (size_t i = 0; i < size; i += PAGE)
		memory[i] = i >> 12;
	pid = tap_fork();
	if ((pid == 0) == child_does_it) {
		check_eq(remap(memory, size, size, MOVE, target), (long)target);
		mine = target;
		check_dies(read_byte, memory, SIGSEGV);
		check_dies(read_byte, memory + size - 1, SIGSEGV);
		for (size_t i = 0; i < size; i += PAGE)
			check_eq(mine[i], (char)(i >> 12));
		for (size_t i = 0; i < size; i += PAGE)
			mine[i]++;
		*done = 1;
	}
	tap_await(done, 1);
	for (size_t i = 0; i < size; i += PAGE)
		check_eq(mine[i], (char)((i >> 12) + (mine == target)));
	for (size_t i = 0; i < size; i += PAGE)
		mine[i] = 'x';
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
	check(mine[0] == 'x' && mine[size - PAGE] == 'x');
}

static void small_region_moved_after_fork(void)
{
	for (int child = 0; child < 2; child++)
		move_after_fork(map_private(5 * PAGE), 5 * PAGE, NOWHERE + child * TABLE, child);
}

static void whole_node_moved_after_fork(void)
{
	for (int child = 0; child < 2; child++)
		move_after_fork(map_private_at(NOWHERE, TABLE), TABLE,
				NOWHERE + (2 + child) * DIRECTORY, child);
}

static void node_moved_to_an_odd_place_after_fork(void)
{
	for (int child = 0; child < 2; child++)
		move_after_fork(map_private_at(NOWHERE + PAGE, TABLE), TABLE,
				NOWHERE + (2 + child) * TABLE + 7 * PAGE, child);
}

static void moved_over_the_edge_of_a_directory_after_fork(void)
{
	for (int child = 0; child < 2; child++)
		move_after_fork(map_private_at(NOWHERE, 64 * PAGE), 64 * PAGE,
				NOWHERE + (child + 1) * ROOT_ENTRY - 32 * PAGE, child);
}

static void moved_before_fork_is_isolated(void)
{
	char *memory = map_private(2 * PAGE);
	pid_t pid;

	memory[0] = 'a';
	check_eq(remap(memory, 2 * PAGE, 2 * PAGE, MOVE, NOWHERE), (long)NOWHERE);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(NOWHERE[0], 'a');
		NOWHERE[0] = NOWHERE[PAGE] = 'c';
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(NOWHERE[0], 'a');
	check_eq(NOWHERE[PAGE], 0);
}

static void shared_memory_stays_shared_when_moved(void)
{
	char *memory = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(remap(memory, PAGE, PAGE, MOVE, NOWHERE), (long)NOWHERE);
		NOWHERE[0] = 'c';
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(memory[0], 'c');
}

static void file_mapping_grows_into_the_file(void)
{
	int fd = make_file(3 * PAGE, 'f');
	char *memory = map(NOWHERE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);

	check_eq(pwrite(fd, "third", 5, 2 * PAGE), 5);
	check_eq(remap(memory, PAGE, 3 * PAGE, 0, NULL), (long)memory);
	check(memcmp(memory + 2 * PAGE, "third", 5) == 0);
}

/*
 * An old size of nothing makes a second mapping of shared memory, and is refused for private
 * memory.
 */
static void old_size_zero_duplicates_shared_memory(void)
{
	char *memory = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
	     *again;

	again = (char *)remap(memory, 0, PAGE, MREMAP_MAYMOVE, NULL);
	check((long)again > 0 && again != memory);
	memory[3] = 'a';
	check_eq(((volatile char *)again)[3], 'a');
	check_eq(remap(map_private(PAGE), 0, PAGE, MREMAP_MAYMOVE, NULL), -EINVAL);
}

static void moved_pages_are_not_left_in_the_old_place(void)
{
	for (int i = 0; i < 20; i++) {
		char *memory = map_private_at(NOWHERE, PAGE);
		memory[0] = 'a' + i;
		check_eq(remap(memory, PAGE, PAGE, MOVE, NOWHERE + TABLE), (long)(NOWHERE + TABLE));
		map_private_at(NOWHERE, PAGE);
		check_eq(((volatile char *)NOWHERE)[0], 0);
		check_eq(((volatile char *)NOWHERE)[TABLE], 'a' + i);
	}
}

static const struct test_case cases[] = {
	TEST(bad_arguments_are_refused, "mremap refuses bad addresses, sizes and flags"),
	TEST(grows_where_there_is_room, "mremap grows in place, with zeros"),
	TEST(does_not_grow_over_others, "mremap does not grow over another mapping"),
	TEST(moves_to_grow, "mremap moves a mapping to grow it, with its contents"),
	TEST(shrinks, "mremap shrinks a mapping"),
	TEST(moves_to_a_fixed_place, "mremap moves to a fixed place and replaces what was there"),
	TEST(moves_part_of_a_mapping, "mremap moves the middle of a mapping"),
	TEST(rights_move_along, "mremap keeps the rights"),
	TEST(small_region_moved_after_fork,
	     "a few shared pages are moved on one side of a fork only"),
	TEST(whole_node_moved_after_fork,
	     "2 MiB of shared pages are moved on one side of a fork only"),
	TEST(node_moved_to_an_odd_place_after_fork,
	     "2 MiB of shared pages are moved to another place within their nodes"),
	TEST(moved_over_the_edge_of_a_directory_after_fork,
	     "shared pages are moved across the edge of 512 GiB"),
	TEST(moved_before_fork_is_isolated, "what was moved before fork is isolated after it"),
	TEST(shared_memory_stays_shared_when_moved,
	     "shared memory moved in the child is still shared"),
	TEST(file_mapping_grows_into_the_file, "a file mapping grows into its file"),
	TEST(old_size_zero_duplicates_shared_memory,
	     "an old size of zero duplicates shared memory and no other"),
	TEST(moved_pages_are_not_left_in_the_old_place,
	     "pages moved are seen in the new place only"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
