/*
 * Copy-on-write over more than two processes: children of children, siblings, and processes whose
 * parents are gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

/* Fork. 1 in the child, which must end by _exit(0); 0 in the parent, once the child has done so. */
static int in_child(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		return 1;
	check_exits(pid, 0);
	return 0;
}

static void three_generations_are_isolated(void)
{
	volatile char *memory = map_private(PAGE);

	memory[0] = 1;
	if (in_child()) {
		check_eq(memory[0], 1);
		memory[0] = 2;
		if (in_child()) {
			check_eq(memory[0], 2);
			memory[0] = 3;
			if (in_child()) {
				check_eq(memory[0], 3);
				memory[0] = 4;
				_exit(0);
			}
			check_eq(memory[0], 3);
			_exit(0);
		}
		check_eq(memory[0], 2);
		_exit(0);
	}
	check_eq(memory[0], 1);
}

/* Nobody writes before the youngest does. */
static void youngest_writes_first(void)
{
	volatile char *memory = map_private(PAGE);

	memory[0] = 1;
	if (in_child()) {
		if (in_child()) {
			if (in_child()) {
				memory[0] = 4;
				_exit(0);
			}
			check_eq(memory[0], 1);
			memory[0] = 3;
			_exit(0);
		}
		check_eq(memory[0], 1);
		memory[0] = 2;
		_exit(0);
	}
	check_eq(memory[0], 1);
}

static void shared_stays_shared_beside_private(void)
{
	char *shared = map(NOWHERE, PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	volatile char *memory = shared, *secret = map_private_at(NOWHERE + PAGE, PAGE);

	memory[0] = secret[0] = 1;
	if (in_child()) {
		memory[0]++, secret[0]++;
		if (in_child()) {
			memory[0]++, secret[0]++;
			if (in_child()) {
				memory[0]++, secret[0]++;
				check_eq(secret[0], 4);
				_exit(0);
			}
			check_eq(memory[0], 4);
			check_eq(secret[0], 3);
			_exit(0);
		}
		check_eq(secret[0], 2);
		_exit(0);
	}
	check_eq(memory[0], 4);
	check_eq(secret[0], 1);
}

/* A shared page that nobody has touched before the forks is still one page. */
static void shared_is_shared_when_first_touched_late(void)
{
	volatile char *memory =
		map(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (in_child()) {
		if (in_child()) {
			memory[0] = 'g';
			_exit(0);
		}
		check_eq(memory[0], 'g');
		memory[PAGE] = 'c';
		_exit(0);
	}
	check_eq(memory[0], 'g');
	check_eq(memory[PAGE], 'c');
	memory[2 * PAGE] = 'p';
	if (in_child()) {
		if (in_child()) {
			check_eq(memory[2 * PAGE], 'p');
			_exit(0);
		}
		_exit(0);
	}
}

static void shared_file_is_shared_over_generations(void)
{
	int fd = make_file(2 * PAGE, 'f');
	volatile char *memory = map(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char byte;

	if (in_child()) {
		memory[0] = 'c';
		if (in_child()) {
			check_eq(memory[0], 'c');
			memory[PAGE] = 'g';
			_exit(0);
		}
		_exit(0);
	}
	check_eq(memory[0], 'c');
	check_eq(memory[PAGE], 'g');
	check_eq(pread(fd, &byte, 1, PAGE), 1);
	check_eq(byte, 'g');
}

/* A private page of a file follows the file until its own process writes to it, whoever else has written. */
static void private_file_page_follows_the_file_until_written(void)
{
	int fd = make_file(PAGE, 'f');
	volatile char *memory = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	check_eq(memory[0], 'f');
	if (in_child()) {
		memory[1] = 'c';
		check_eq(pwrite(fd, "ww", 2, 0), 2);
		check_eq(memory[0], 'f');
		check_eq(memory[1], 'c');
		_exit(0);
	}
	check_eq(memory[0], 'w');
	check_eq(memory[1], 'w');
	if (in_child()) {
		check_eq(pwrite(fd, "xx", 2, 0), 2);
		check_eq(memory[0], 'x');
		_exit(0);
	}
	check_eq(memory[1], 'x');
}

/* The process between two others is gone, with or without pages of its own, when they write. */
static void middle_exits(int middle_writes)
{
	volatile char *memory = map_private(3 * PAGE);
	int *stage = tap_shared(sizeof(*stage)), *done = tap_shared(sizeof(*done));

	memory[0] = memory[PAGE] = memory[2 * PAGE] = 1;
	if (in_child()) {
		if (middle_writes)
			memory[0] = 2;
		if (tap_fork() == 0) {
			tap_await(stage, 1); /* the middle process has been reaped by now */
			check_eq(memory[0], middle_writes ? 2 : 1);
			check_eq(memory[PAGE], 1);
			memory[0] = memory[PAGE] = 3;
			check_eq(memory[2 * PAGE], 1);
			*done = 1;
			tap_await(stage, 2);
			check_eq(memory[0], 3);
			check_eq(memory[2 * PAGE], 1);
			*done = 2;
			_exit(0);
		}
		_exit(0);
	}
	*stage = 1;
	tap_await(done, 1);
	check_eq(memory[0], 1);
	check_eq(memory[PAGE], 1);
	memory[2 * PAGE] = 4;
	*stage = 2;
	tap_await(done, 2);
	check_eq(memory[0], 1);
}

static void middle_exits_without_writing(void)
{
	middle_exits(0);
}
static void middle_exits_after_writing(void)
{
	middle_exits(1);
}

/* The first owner goes; its descendants go on with what it left them. */
static void descendants_outlive_the_first_owner(void)
{
	int *done = tap_shared(sizeof(*done)), *stage = tap_shared(sizeof(*stage));

	if (in_child()) {
		volatile char *memory = map_private(2 * PAGE);
		memory[0] = memory[PAGE] = 'o';
		for (int i = 0; i < 3; i++)
			if (tap_fork() == 0) {
				tap_await(stage, 1);
				check(memory[0] == 'o' && memory[PAGE] == 'o');
				memory[0] = 'a' + i;
				__atomic_add_fetch(done, 1, __ATOMIC_SEQ_CST);
				tap_await(done, 3);
				check(memory[0] == 'a' + i && memory[PAGE] == 'o');
				__atomic_add_fetch(done, 1, __ATOMIC_SEQ_CST);
				_exit(0);
			}
		_exit(0);
	}
	*stage = 1;
	tap_await(done, 6);
}

static void siblings_are_isolated(void)
{
	enum { CHILDREN = 12 };
	volatile int *memory = (volatile int *)map_private(PAGE);
	int *written = tap_shared(sizeof(*written));
	pid_t pids[CHILDREN];

	memory[0] = 1000;
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			memory[0] += i;
			memory[i + 1] = i;
			__atomic_add_fetch(written, 1, __ATOMIC_SEQ_CST);
			tap_await(written, CHILDREN);
			check_eq(memory[0], 1000 + i);
			for (int j = 0; j < CHILDREN; j++)
				check_eq(memory[j + 1], j == i ? i : 0);
			_exit(0);
		}
	}
	for (int i = 0; i < CHILDREN; i++)
		check_exits(pids[i], 0);
	check_eq(memory[0], 1000);
}

/* Every process of a binary tree of depth five writes its path from the root. */
static void grow_tree(volatile unsigned *path, int depth, unsigned expected)
{
	pid_t pids[2];

	check_eq(*path, expected);
	if (depth == 0)
		return;
	for (unsigned side = 0; side < 2; side++) {
		pids[side] = tap_fork();
		if (pids[side] == 0) {
			*path = *path << 1 | side;
			grow_tree(path, depth - 1, expected << 1 | side);
			_exit(0);
		}
	}
	check_exits(pids[0], 0);
	check_exits(pids[1], 0);
	check_eq(*path, expected);
}

static void a_tree_of_processes_is_isolated(void)
{
	volatile unsigned *path = (volatile unsigned *)map_private(PAGE);

	*path = 1;
	grow_tree(path, 5, 1);
}

/*
 * Generation n writes page n of a region, and finds its ancestors' pages before it and nothing
 * after it.
 */
static void descend(volatile char *pages, int generation, int last)
{
	for (int i = 0; i < last; i++)
		check_eq(pages[i * 40 * PAGE], i < generation ? i + 1 : 0);
	if (generation == last)
		return;
	pages[generation * 40 * PAGE] = generation + 1;
	if (in_child()) {
		descend(pages, generation + 1, last);
		_exit(0);
	}
	for (int i = 0; i < last; i++)
		check_eq(pages[i * 40 * PAGE], i <= generation ? i + 1 : 0);
}

static void each_generation_adds_a_page(void)
{
	enum { GENERATIONS = 20 };

	descend(map_private(GENERATIONS * 40 * PAGE), 0, GENERATIONS);
}

static void unmapping_in_the_middle_leaves_the_rest(void)
{
	volatile char *memory = map_private(4 * PAGE);
	int *stage = tap_shared(sizeof(*stage)), *done = tap_shared(sizeof(*done));

	for (int i = 0; i < 4; i++)
		memory[i * PAGE] = i + 1;
	if (in_child()) {
		if (tap_fork() == 0) {
			tap_await(stage, 1);
			for (int i = 0; i < 4; i++)
				check_eq(memory[i * PAGE], i + 1);
			memory[PAGE] = 'g';
			*done = 1;
			_exit(0);
		}
		check_call(munmap((char *)memory + PAGE, 2 * PAGE));
		*stage = 1;
		tap_await(done, 1);
		check_dies(read_byte, (char *)memory + PAGE, SIGSEGV);
		check_eq(memory[3 * PAGE], 4);
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		check_eq(memory[i * PAGE], i + 1);
}

static void mapping_of_a_child_is_unknown_to_its_parent(void)
{
	if (in_child()) {
		volatile char *shared = map(NOWHERE, PAGE, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		volatile char *secret = map_private_at(NOWHERE + PAGE, PAGE);
		shared[0] = secret[0] = 1;
		if (in_child()) {
			shared[0] = secret[0] = 2;
			_exit(0);
		}
		check_eq(shared[0], 2);
		check_eq(secret[0], 1);
		_exit(0);
	}
	check_dies(read_byte, NOWHERE, SIGSEGV);
	check_dies(read_byte, NOWHERE + PAGE, SIGSEGV);
}

/* The same place is mapped anew by each generation; nothing of an older one shows through. */
static void each_generation_maps_anew(void)
{
	volatile char *memory = map_private_at(NOWHERE, TABLE);

	memory[0] = memory[PAGE] = 1;
	if (in_child()) {
		map_private_at(NOWHERE, TABLE);
		check_eq(memory[0] + memory[PAGE], 0);
		memory[0] = 2;
		if (in_child()) {
			check_eq(memory[0], 2);
			map_private_at(NOWHERE, PAGE);
			check_eq(memory[0] + memory[PAGE], 0);
			memory[0] = 3;
			_exit(0);
		}
		check_eq(memory[0], 2);
		_exit(0);
	}
	check_eq(memory[0] + memory[PAGE], 2);
}

/* Write, fork, write, fork: the tree of the one who goes on is partly shared at each step. */
static void long_line_of_children_sees_each_state(void)
{
	enum { CHILDREN = 24 };
	volatile int *memory = (volatile int *)map_private(CHILDREN * PAGE);
	int *go = tap_shared(sizeof(*go));
	pid_t pids[CHILDREN];

	for (int i = 0; i < CHILDREN; i++) {
		memory[0] = i;
		memory[i * (PAGE / 4) + 1] = i;
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			tap_await(go, 1);
			check_eq(memory[0], i);
			for (int j = 0; j < CHILDREN; j++)
				check_eq(memory[j * (PAGE / 4) + 1], j <= i ? j : 0);
			memory[0] = -1;
			_exit(0);
		}
	}
	*go = 1;
	for (int i = 0; i < CHILDREN; i++)
		check_exits(pids[i], 0);
	check_eq(memory[0], CHILDREN - 1);
}

static const struct test_case cases[] = {
	TEST(three_generations_are_isolated,
	     "each of four generations writes to a private page unseen by the others"),
	TEST(youngest_writes_first,
	     "the youngest of four generations writes first, unseen by the others"),
	TEST(shared_stays_shared_beside_private,
	     "a shared page stays shared over generations and its private neighbour does not"),
	TEST(shared_is_shared_when_first_touched_late,
	     "a shared page first touched by a grandchild is everybody's"),
	TEST(shared_file_is_shared_over_generations,
	     "a shared file mapping is shared over generations"),
	TEST(private_file_page_follows_the_file_until_written,
	     "a private file page follows the file until its own process writes to it"),
	TEST(middle_exits_without_writing,
	     "a grandchild writes after its parent has exited without writing"),
	TEST(middle_exits_after_writing,
	     "a grandchild writes after its parent has exited after writing"),
	TEST(descendants_outlive_the_first_owner,
	     "pages outlive the process that first wrote them"),
	TEST(siblings_are_isolated, "twelve siblings write to one page and each sees its own"),
	TEST(a_tree_of_processes_is_isolated, "every process of a tree sees its own path"),
	TEST(each_generation_adds_a_page,
	     "twenty generations each add a page for their descendants only"),
	TEST(unmapping_in_the_middle_leaves_the_rest,
	     "what a process unmaps its parent and its child still have"),
	TEST(mapping_of_a_child_is_unknown_to_its_parent,
	     "what a child maps its own child has and its parent has not"),
	TEST(each_generation_maps_anew,
	     "a place mapped anew by each generation shows nothing of the older ones"),
	TEST(long_line_of_children_sees_each_state,
	     "of many children each sees the state at its own fork"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
