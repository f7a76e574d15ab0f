/*
 * Fork while other tasks of the same memory run: on another CPU if there is one, by preemption if
 * not. Each case is a real race whose outcome does not depend on who wins. The helpers are tasks
 * made by clone with CLONE_VM, so nothing but the kernel stands between them. They use no libc call
 * that keeps state, since they share errno and everything else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define HELPERS    3
#define READ_WRITE (PROT_READ | PROT_WRITE)

static char helper_stacks[HELPERS][32 * 1024] __attribute__((aligned(16)));
static pid_t helper_pids[HELPERS];

/*
 * What a helper looks at to know when to stop. In shared memory, so that it is one word for
 * everybody.
 */
static volatile int *stop;

static void start_helper(int number, int (*function)(void *), void *argument)
{
	char *top = helper_stacks[number] + sizeof(helper_stacks[number]);

	helper_pids[number] =
		raw_clone_call(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD, top,
			       NULL, NULL, 0, function, argument);
	check(helper_pids[number] > 0);
}

static void prepare(void)
{
	stop = tap_shared(sizeof(*stop));
}

static void finish_helper(int number)
{
	__atomic_store_n(stop, 1, __ATOMIC_SEQ_CST);
	check_exits(helper_pids[number], 0);
}

static int stopped(void)
{
	return __atomic_load_n(stop, __ATOMIC_SEQ_CST);
}

/*
 * Everybody meets here, `count` at a time; good for many rounds. The word is private or shared as
 * its users need.
 */
struct barrier {
	volatile int arrived, round;
};

static void meet(struct barrier *barrier, int count)
{
	int round = __atomic_load_n(&barrier->round, __ATOMIC_SEQ_CST);

	if (__atomic_add_fetch(&barrier->arrived, 1, __ATOMIC_SEQ_CST) == count) {
		__atomic_store_n(&barrier->arrived, 0, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&barrier->round, 1, __ATOMIC_SEQ_CST);
		return;
	}
	for (int spins = 0; __atomic_load_n(&barrier->round, __ATOMIC_SEQ_CST) == round; spins++)
		if (spins >
		    1000) /* until then stay awake, so that those on other CPUs leave together */
			raw0(SYS_sched_yield);
}

/* Fork children that end at once, and reap them. */
static void fork_many(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = raw_fork();
		if (pid == 0)
			raw1(SYS_exit_group, 0);
		check(pid > 0);
		check_exits(pid, 0);
	}
}

/*
 * Lost writes: a task that writes while another forks must find every value that it has written.
 * One that goes on through an old translation writes into the page that the child was given, or
 * that the fork has left behind.
 */
enum { WRITTEN_PAGES = 16 };
static volatile uint32_t *written;
static volatile int *rounds_written; /* in shared memory, for the children to see */

static int write_and_read_back(void *unused)
{
	uint32_t value = 0;

	(void)unused;
	do {
		value++;
		for (int page = 0; page < WRITTEN_PAGES; page++)
			written[page * 1024] = value;
		for (int page = 0; page < WRITTEN_PAGES; page++)
			if (written[page * 1024] != value)
				return 1;
		__atomic_add_fetch(rounds_written, 1, __ATOMIC_SEQ_CST);
	} while (!stopped());
	return 0;
}

static void start_writing(void)
{
	prepare();
	written = (volatile uint32_t *)map_private(WRITTEN_PAGES * PAGE);
	rounds_written = tap_shared(sizeof(*rounds_written));
	start_helper(0, write_and_read_back, NULL);
	tap_await(rounds_written, 1);
}

static void no_write_is_lost(void)
{
	start_writing();
	for (int i = 0; i < 40; i++) {
		pid_t pid = raw_fork();
		if (pid == 0)
			raw1(SYS_exit_group, 0);
		check(pid > 0);
		for (int page = 0; page < WRITTEN_PAGES; page++)
			written[page * 1024 + 512] =
				i; /* makes the copy, under the helper's hands */
		check_exits(pid, 0);
		for (int page = 0; page < WRITTEN_PAGES; page++)
			check_eq(written[page * 1024 + 512], i);
	}
	finish_helper(0);
}

/*
 * The same seen from the child: what another task of the parent writes after fork never arrives
 * there.
 */
static void child_sees_nothing_change(void)
{
	start_writing();
	for (int i = 0; i < 20; i++) {
		pid_t pid = raw_fork();
		if (pid == 0) {
			uint32_t seen[WRITTEN_PAGES];
			for (int page = 0; page < WRITTEN_PAGES; page++)
				seen[page] = written[page * 1024];
			tap_await(rounds_written,
				  __atomic_load_n(rounds_written, __ATOMIC_SEQ_CST) + 5);
			for (int page = 0; page < WRITTEN_PAGES; page++)
				check_eq(written[page * 1024], seen[page]);
			_exit(0);
		}
		check(pid > 0);
		check_exits(pid, 0);
	}
	finish_helper(0);
}

/* Locked increments of one private word by several tasks while one of them forks: none is lost. */
static volatile int *counter;

static int increment(void *done)
{
	int count = 0;

	do {
		__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
		count++;
	} while (!stopped());
	*(volatile int *)done = count;
	return 0;
}

static void no_increment_is_lost(void)
{
	static int done[HELPERS];
	int expected = 0;

	prepare();
	counter = (volatile int *)map_private(PAGE);
	for (int i = 0; i < HELPERS; i++)
		start_helper(i, increment, &done[i]);
	for (int i = 0; i < 20; i++) {
		fork_many(1);
		__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
		expected++;
	}
	for (int i = 0; i < HELPERS; i++) {
		finish_helper(i);
		expected += done[i];
	}
	check_eq(*counter, expected);
}

/* First touches: several tasks fault on the same new page at once, and get one page. */
static struct barrier *everybody;
static volatile int *words;
enum { NEW_PAGES = 40 };

static int touch_new_pages(void *unused)
{
	(void)unused;
	for (int i = 0; i < NEW_PAGES; i++) {
		meet(everybody, HELPERS + 1);
		__atomic_add_fetch(&words[i * 1024], 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void first_touch_by_all_at_once(void)
{
	everybody = tap_shared(sizeof(*everybody));
	words = (volatile int *)map_private(NEW_PAGES * PAGE);
	for (int i = 0; i < HELPERS; i++)
		start_helper(i, touch_new_pages, NULL);
	touch_new_pages(NULL);
	for (int i = 0; i < HELPERS; i++)
		check_exits(helper_pids[i], 0);
	for (int i = 0; i < NEW_PAGES; i++)
		check_eq(words[i * 1024], HELPERS + 1);
}

/*
 * First writes after fork: several tasks break the sharing of the same page at once, and get one
 * copy.
 */
static int write_shared_pages(void *argument)
{
	int self = *(int *)argument;

	for (int i = 0; i < NEW_PAGES; i++) {
		meet(everybody, HELPERS + 1);
		words[i * 1024 + 1 + self] = self + 1;
	}
	return 0;
}

static void copy_is_made_once_for_all(void)
{
	static int numbers[HELPERS + 1] = {0, 1, 2, 3};
	pid_t holder;

	prepare();
	everybody = tap_shared(sizeof(*everybody));
	words = (volatile int *)map_private(NEW_PAGES * PAGE);
	for (int i = 0; i < NEW_PAGES; i++)
		words[i * 1024] = 1000 + i;
	holder = tap_fork(); /* keeps every page shared as long as it lives */
	if (holder == 0) {
		tap_await(stop, 1);
		for (int i = 0; i < NEW_PAGES; i++)
			for (int word = 0; word < HELPERS + 2; word++)
				check_eq(words[i * 1024 + word], word == 0 ? 1000 + i : 0);
		_exit(0);
	}
	for (int i = 0; i < HELPERS; i++)
		start_helper(i, write_shared_pages, &numbers[i]);
	write_shared_pages(&numbers[HELPERS]);
	for (int i = 0; i < HELPERS; i++)
		check_exits(helper_pids[i], 0);
	for (int i = 0; i < NEW_PAGES; i++) {
		check_eq(words[i * 1024], 1000 + i);
		for (int self = 0; self <= HELPERS; self++)
			check_eq(words[i * 1024 + 1 + self], self + 1);
	}
	*stop = 1;
	check_exits(holder, 0);
}

/* The kernel and a program break the sharing of one page at once. */
static int read_into_shared_pages(void *argument)
{
	int fd = *(int *)argument;

	for (int i = 0; i < NEW_PAGES; i++) {
		meet(everybody, 2);
		if (raw4(SYS_pread64, fd, &words[i * 1024 + 100], 4, 0) != 4)
			return 1;
	}
	return 0;
}

static void copy_is_made_once_with_the_kernel(void)
{
	int zeros = make_file(4, 'z');
	pid_t holder;

	prepare();
	everybody = tap_shared(sizeof(*everybody));
	words = (volatile int *)map_private(NEW_PAGES * PAGE);
	for (int i = 0; i < NEW_PAGES; i++)
		words[i * 1024] = 1000 + i;
	holder = tap_fork();
	if (holder == 0) {
		tap_await(stop, 1);
		for (int i = 0; i < NEW_PAGES; i++)
			check(words[i * 1024] == 1000 + i && words[i * 1024 + 100] == 0);
		_exit(0);
	}
	start_helper(0, read_into_shared_pages, &zeros);
	for (int i = 0; i < NEW_PAGES; i++) {
		meet(everybody, 2);
		words[i * 1024 + 1] = i;
	}
	check_exits(helper_pids[0], 0);
	for (int i = 0; i < NEW_PAGES; i++) {
		check_eq(words[i * 1024], 1000 + i);
		check_eq(words[i * 1024 + 1], i);
		check_eq(words[i * 1024 + 100], 0x7a7a7a7a);
	}
	*stop = 1;
	check_exits(holder, 0);
}

/*
 * Children that all write the page they share with each other and the parent, at once, many times
 * over.
 */
static void all_children_write_at_once(void)
{
	enum { CHILDREN = 6, PAGES = 16 };
	struct barrier *barrier = tap_shared(sizeof(*barrier));
	volatile int *memory = (volatile int *)map_private(PAGES * PAGE);
	pid_t pids[CHILDREN];

	for (int i = 0; i < PAGES; i++)
		memory[i * 1024] = i;
	for (int child = 0; child < CHILDREN; child++) {
		pids[child] = tap_fork();
		if (pids[child] == 0) {
			for (int i = 0; i < PAGES; i++) {
				meet(barrier, CHILDREN + 1);
				memory[i * 1024] += 1000 * (child + 1);
				check_eq(memory[i * 1024], i + 1000 * (child + 1));
			}
			for (int i = 0; i < PAGES; i++)
				check_eq(memory[i * 1024], i + 1000 * (child + 1));
			_exit(0);
		}
	}
	for (int i = 0; i < PAGES; i++) {
		meet(barrier, CHILDREN + 1);
		memory[i * 1024] += 100000;
	}
	for (int child = 0; child < CHILDREN; child++)
		check_exits(pids[child], 0);
	for (int i = 0; i < PAGES; i++)
		check_eq(memory[i * 1024], i + 100000);
}

/*
 * The last but one owner exits while the last one writes: the page is kept or copied, never lost.
 */
static void exit_races_with_write(void)
{
	volatile int *memory = (volatile int *)map_private(32 * PAGE);

	for (int round = 0; round < 30; round++) {
		pid_t pids[2];
		for (int i = 0; i < 32; i++)
			memory[i * 1024] = round * 100 + i;
		for (size_t child = 0; child < TAP_COUNT(pids); child++) {
			pids[child] = tap_fork();
			if (pids[child] == 0) {
				memory[(round + child) % 32 * 1024] = -1;
				raw1(SYS_exit_group, 0);
			}
		}
		for (int i = 0; i < 32; i++)
			memory[i * 1024 + 1] = memory[i * 1024] + 1;
		for (int i = 0; i < 32; i++)
			check(memory[i * 1024] == round * 100 + i &&
			      memory[i * 1024 + 1] == round * 100 + i + 1);
		for (size_t child = 0; child < TAP_COUNT(pids); child++)
			check_exits(pids[child], 0);
	}
}

/* Another task maps, touches and unmaps all the time, over the edges of page-table nodes. */
static int map_and_unmap(void *unused)
{
	uint32_t round = 0;

	(void)unused;
	do {
		char *memory = (char *)raw6(SYS_mmap, NOWHERE - 4 * PAGE, 8 * PAGE, READ_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (memory != NOWHERE - 4 * PAGE)
			return 1;
		round++;
		for (int i = 0; i < 8; i++) {
			if (*(volatile uint32_t *)(memory + i * PAGE) != 0)
				return 2;
			*(volatile uint32_t *)(memory + i * PAGE) = round;
		}
		for (int i = 0; i < 8; i++)
			if (*(volatile uint32_t *)(memory + i * PAGE) != round)
				return 3;
		if (raw2(SYS_munmap, memory + PAGE, 6 * PAGE) != 0)
			return 4;
	} while (!stopped());
	return 0;
}

static void fork_while_another_maps_and_unmaps(void)
{
	volatile char *memory = map_private(64 * PAGE);

	prepare();
	start_helper(0, map_and_unmap, NULL);
	for (int i = 0; i < 40; i++) {
		memory[i * PAGE] = i;
		pid_t pid = raw_fork();
		if (pid == 0) {
			check_eq(memory[i * PAGE], i);
			memory[(i + 1) % 64 * PAGE] = 'c';
			/* The place where the other task is busy is this process's own now. */
			memset(map_private_at(NOWHERE - 4 * PAGE, 8 * PAGE), 'c', 8 * PAGE);
			check(holds(NOWHERE - 4 * PAGE, 8 * PAGE, 'c'));
			_exit(0);
		}
		check(pid > 0);
		check_exits(pid, 0);
	}
	for (int i = 0; i < 40; i++)
		check_eq(memory[i * PAGE], i);
	finish_helper(0);
}

/* Another task faults in new pages all the time, so that fork meets a tree that grows. */
static int touch_without_end(void *unused)
{
	char *memory = NOWHERE;

	(void)unused;
	do {
		for (size_t i = 0; i < 4 * TABLE; i += 37 * PAGE) {
			if (*(volatile uint32_t *)(memory + i) != 0)
				return 1;
			*(volatile uint32_t *)(memory + i) = i + 1;
		}
		for (size_t i = 0; i < 4 * TABLE; i += 37 * PAGE)
			if (*(volatile uint32_t *)(memory + i) != i + 1)
				return 2;
		if (raw3(SYS_madvise, memory, 4 * TABLE, MADV_DONTNEED) != 0)
			return 3;
	} while (!stopped());
	return 0;
}

static void fork_while_another_faults(void)
{
	prepare();
	map_private_at(NOWHERE, 4 * TABLE);
	start_helper(0, touch_without_end, NULL);
	for (int i = 0; i < 30; i++) {
		pid_t pid = raw_fork();
		if (pid == 0) {
			for (size_t page = 0; page < 4 * TABLE; page += 37 * PAGE) {
				uint32_t value = *(volatile uint32_t *)(NOWHERE + page);
				check(value == 0 || value == page + 1);
			}
			_exit(0);
		}
		check(pid > 0);
		check_exits(pid, 0);
	}
	finish_helper(0);
}

/* Another task changes rights beside the memory that is forked and written. */
static int change_rights(void *unused)
{
	(void)unused;
	do {
		if (raw3(SYS_mprotect, NOWHERE + PAGE, PAGE, PROT_READ) != 0 ||
		    NOWHERE[PAGE] != 'a')
			return 1;
		if (raw3(SYS_mprotect, NOWHERE + PAGE, PAGE, READ_WRITE) != 0)
			return 2;
		*(volatile char *)(NOWHERE + PAGE) = 'a';
	} while (!stopped());
	return 0;
}

static void fork_while_another_changes_rights(void)
{
	volatile char *memory = map_private_at(NOWHERE, 3 * PAGE);

	memory[PAGE] = 'a';
	prepare();
	start_helper(0, change_rights, NULL);
	for (int i = 0; i < 40; i++) {
		memory[0] = memory[2 * PAGE] = i;
		pid_t pid = raw_fork();
		if (pid == 0) {
			check_call(mprotect((char *)memory, 3 * PAGE, READ_WRITE));
			check_eq(memory[0], i);
			check_eq(memory[PAGE], 'a');
			memory[0] = memory[PAGE] = memory[2 * PAGE] = 'c';
			_exit(0);
		}
		check(pid > 0);
		check_exits(pid, 0);
		check_eq(memory[0], i);
		check_eq(memory[2 * PAGE], i);
	}
	finish_helper(0);
}

/* Several tasks of one memory fork at once. */
static int fork_without_end(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++) {
		int status = -1;
		pid_t pid = raw_fork();
		if (pid == 0) {
			words[0] = 77; /* a copy of its own */
			raw1(SYS_exit_group, words[0] == 77 ? 5 : 6);
		}
		if (pid < 0 || raw4(SYS_wait4, pid, &status, 0, NULL) != pid || status != 5 << 8)
			return 1;
	}
	return 0;
}

static void all_tasks_of_a_memory_fork_at_once(void)
{
	words = (volatile int *)map_private(PAGE);
	for (int i = 0; i < HELPERS; i++)
		start_helper(i, fork_without_end, NULL);
	for (int i = 0; i < 20; i++) {
		words[1] = i;
		fork_many(1);
		check_eq(words[1], i);
	}
	for (int i = 0; i < HELPERS; i++)
		check_exits(helper_pids[i], 0);
	check_eq(words[0], 0);
}

/*
 * Translations that another CPU still has: a task reads a page over and over, and at each step must
 * find what was mapped there last when it learned of the step.
 */
static volatile int *step, *step_seen;
enum { STEPS = 60 };

static int follow_the_steps(void *unused)
{
	int seen = 0;

	(void)unused;
	while (seen < STEPS) {
		int now = __atomic_load_n(step, __ATOMIC_SEQ_CST);
		int value = *(volatile int *)NOWHERE;
		if (value < now)
			return 1;
		if (now > seen) {
			seen = now;
			__atomic_store_n(step_seen, now, __ATOMIC_SEQ_CST);
		} else {
			raw0(SYS_sched_yield);
		}
	}
	return 0;
}

static void prepare_steps(void)
{
	step = tap_shared(2 * sizeof(*step));
	step_seen = step + 1;
	*(volatile int *)map_private_at(NOWHERE, PAGE) = 0;
}

/*
 * A copy on write puts a new page in the place; the other CPU still knows the one that the child
 * keeps.
 */
static void copy_is_seen_at_once(void)
{
	prepare_steps();
	start_helper(0, follow_the_steps, NULL);
	for (int i = 1; i <= STEPS; i++) {
		pid_t pid = raw_fork();
		if (pid == 0) {
			while (__atomic_load_n(step_seen, __ATOMIC_SEQ_CST) < i)
				raw0(SYS_sched_yield);
			raw1(SYS_exit_group, *(volatile int *)NOWHERE == i - 1 ? 0 : 1);
		}
		check(pid > 0);
		*(volatile int *)NOWHERE = i;
		__atomic_store_n(step, i, __ATOMIC_SEQ_CST);
		tap_await(step_seen, i);
		check_exits(pid, 0);
	}
	check_exits(helper_pids[0], 0);
}

/* A page filled elsewhere and moved over another one's place. */
static int expect_moved_page(void *unused)
{
	(void)unused;
	for (int i = 1; i <= STEPS; i++) {
		while (__atomic_load_n(step, __ATOMIC_SEQ_CST) < i)
			raw0(SYS_sched_yield);
		if (*(volatile int *)NOWHERE != i)
			return 1;
		__atomic_store_n(step_seen, i, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void moved_page_is_seen_at_once(void)
{
	prepare_steps();
	start_helper(0, expect_moved_page, NULL);
	for (int i = 1; i <= STEPS; i++) {
		void *page = map_private(PAGE);
		*(volatile int *)page = i;
		check(mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, NOWHERE) == NOWHERE);
		__atomic_store_n(step, i, __ATOMIC_SEQ_CST);
		tap_await(step_seen, i);
	}
	check_exits(helper_pids[0], 0);
}

/* A task that has just used a page dies at the next use once another has taken the page away. */
static int use_until_told(void *write_too)
{
	volatile int *page = (volatile int *)NOWHERE;

	__atomic_store_n(step_seen, 1, __ATOMIC_SEQ_CST);
	do {
		if (write_too)
			page[1]++;
		else
			(void)page[1];
	} while (__atomic_load_n(step, __ATOMIC_SEQ_CST) == 0);
	if (write_too)
		page[1]++;
	else
		(void)page[1];
	return 0; /* never: the use above is fatal */
}

/*
 * Run a user of the page, take the page away under it, say so. The user may die before or after it
 * is told.
 */
static void take_away(long (*change)(void), void *write_too)
{
	for (int i = 0; i < 10; i++) {
		prepare_steps();
		start_helper(0, use_until_told, write_too);
		tap_await(step_seen, 1);
		check_eq(change(), 0);
		__atomic_store_n(step, 1, __ATOMIC_SEQ_CST);
		check_killed(helper_pids[0], SIGSEGV);
		check_call(munmap((void *)step, 2 * sizeof(*step)));
	}
}

static long unmap_page(void)
{
	return raw2(SYS_munmap, NOWHERE, PAGE);
}
static long make_page_read_only(void)
{
	return raw3(SYS_mprotect, NOWHERE, PAGE, PROT_READ);
}
static long move_page_away(void)
{
	return raw5(SYS_mremap, NOWHERE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    NOWHERE + TABLE) == (long)(NOWHERE + TABLE)
		       ? 0
		       : -1;
}

static void unmapped_page_is_gone_for_all(void)
{
	take_away(unmap_page, NULL);
}
static void right_to_write_is_gone_for_all(void)
{
	take_away(make_page_read_only, &step);
}
static void moved_page_is_gone_for_all(void)
{
	take_away(move_page_away, &step);
}

/* Several processes, each forking and writing, with nothing to do with each other. */
static void many_processes_fork_at_once(void)
{
	enum { PROCESSES = 4 };
	volatile char *memory = map_private(40 * PAGE);
	pid_t pids[PROCESSES];

	for (int process = 0; process < PROCESSES; process++) {
		pids[process] = tap_fork();
		if (pids[process] == 0) {
			for (int i = 0; i < 25; i++) {
				memory[i * PAGE] = process + i;
				pid_t pid = tap_fork();
				if (pid == 0) {
					check_eq(memory[i * PAGE], process + i);
					memory[i * PAGE] = 'x';
					_exit(0);
				}
				check_exits(pid, 0);
				check_eq(memory[i * PAGE], process + i);
			}
			_exit(0);
		}
	}
	for (int process = 0; process < PROCESSES; process++)
		check_exits(pids[process], 0);
	check_eq(memory[0], 0);
}

/* Processes of three generations hammer their copies of one page while they come and go. */
static void hammer(volatile int *page, int depth, int value)
{
	pid_t pids[2];

	for (int i = 0; i < 2; i++) {
		pids[i] = -1;
		if (depth > 0) {
			pids[i] = tap_fork();
			if (pids[i] == 0) {
				hammer(page, depth - 1, value * 2 + i);
				_exit(0);
			}
		}
	}
	for (int i = 0; i < 2000; i++) {
		page[i % 1024] = value;
		check_eq(page[i % 1024], value);
	}
	for (int i = 0; i < 1024; i++)
		check_eq(page[i], value);
	for (int i = 0; i < 2; i++)
		if (pids[i] > 0)
			check_exits(pids[i], 0);
	for (int i = 0; i < 1024; i++)
		check_eq(page[i], value);
}

static void generations_hammer_one_page(void)
{
	for (int round = 0; round < 4; round++)
		hammer((volatile int *)map_private(PAGE), 3, 1);
}

/* The killing of a whole memory's tasks while one of them is in fork. */
static int fork_until_stopped(void *unused)
{
	(void)unused;
	while (!stopped()) {
		pid_t pid = raw_fork();
		if (pid == 0)
			raw1(SYS_exit_group, 0);
		raw4(SYS_wait4, pid, NULL, 0, NULL);
	}
	return 0;
}

static void tasks_can_be_killed_in_fork(void)
{
	prepare(); /* though nothing ever tells them to stop */
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < HELPERS; i++)
			start_helper(i, fork_until_stopped, NULL);
		tap_sleep_ms(5);
		for (int i = 0; i < HELPERS; i++)
			check_call(kill(helper_pids[i], SIGKILL));
		for (int i = 0; i < HELPERS; i++)
			check_killed(helper_pids[i], SIGKILL);
	}
}

static const struct test_case cases[] = {
	TEST(no_write_is_lost, "no write of one task is lost while another forks"),
	TEST(child_sees_nothing_change,
	     "the child sees none of what the parent's other tasks go on writing"),
	TEST(no_increment_is_lost, "no locked increment is lost while another task forks"),
	TEST(first_touch_by_all_at_once, "tasks that touch a new page at once get one page"),
	TEST(copy_is_made_once_for_all, "tasks that write a shared page at once get one copy"),
	TEST(copy_is_made_once_with_the_kernel,
	     "a task and the kernel that write a shared page at once get one copy"),
	TEST(all_children_write_at_once,
	     "children that write a shared page at once get a copy each"),
	TEST(exit_races_with_write, "a page is right when one owner exits while another writes"),
	TEST(fork_while_another_maps_and_unmaps, "fork while another task maps and unmaps"),
	TEST(fork_while_another_faults, "fork while another task faults pages in and drops them"),
	TEST(fork_while_another_changes_rights, "fork while another task changes rights"),
	TEST(all_tasks_of_a_memory_fork_at_once, "all tasks of one memory fork at once"),
	TEST(copy_is_seen_at_once, "a page replaced by its copy is seen by all tasks at once"),
	TEST(moved_page_is_seen_at_once,
	     "a page moved in over another is seen by all tasks at once"),
	TEST(unmapped_page_is_gone_for_all, "a page unmapped is gone for all tasks at once"),
	TEST(right_to_write_is_gone_for_all, "a right taken away is gone for all tasks at once"),
	TEST(moved_page_is_gone_for_all, "a page moved away is gone for all tasks at once"),
	TEST(many_processes_fork_at_once, "processes that have nothing in common fork at once"),
	TEST(generations_hammer_one_page, "three generations hammer their copies of one page"),
	TEST(tasks_can_be_killed_in_fork, "tasks that share a memory are killed while they fork"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
