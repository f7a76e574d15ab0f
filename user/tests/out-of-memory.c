/*
 * When memory is really out, the process that took most of it dies, in whatever way it came by it;
 * the others, and the kernel, do not, and what it had is there again.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define MIB (1UL << 20)

static size_t total_memory(void)
{
	struct sysinfo info;

	check_call(sysinfo(&info));
	return info.totalram * info.mem_unit;
}

static char *reserve(size_t size, int flags)
{
	return map(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_NORESERVE | flags, -1,
		   0);
}

static void write_to(char *memory, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		memory[i] = 'x';
}

/* The ways to take more than there is. Each returns only if the kernel let it have all of that. */

static void take_private(void *size)
{
	write_to(reserve((size_t)size, MAP_PRIVATE), (size_t)size);
}

static void take_shared(void *size)
{
	write_to(reserve((size_t)size, MAP_SHARED), (size_t)size);
}

static void take_at_once(void *size)
{
	reserve((size_t)size, MAP_PRIVATE | MAP_POPULATE);
}

static void take_by_read(void *size)
{
	int fd = check_call(open("/dev/zero", O_RDONLY));
	char *memory = reserve((size_t)size, MAP_PRIVATE);

	for (size_t done = 0; done < (size_t)size; done += MIB)
		check_eq(read(fd, memory + done, MIB), MIB);
}

/* Each page read is the page of zeros, but the way to it is a table of its own. */
static void take_tables(void *size)
{
	size_t tables = (size_t)size / PAGE;
	volatile char *memory = reserve(tables * TABLE, MAP_PRIVATE);

	for (size_t i = 0; i < tables; i++)
		(void)memory[i * TABLE];
}

/* One copy for each of two processes is more than there is, the original is not. */
static void take_copies(void *size)
{
	size_t part = (size_t)size / 4;
	char *memory = reserve(part, MAP_PRIVATE);

	write_to(memory, part);
	for (int i = 0; i < 3; i++)
		if (tap_fork() == 0)
			break;
	write_to(memory, part);
	pause();
}

static void is_killed(void (*take)(void *))
{
	check_dies(take, (void *)(2 * total_memory()), SIGKILL);
}

static void greedy_is_killed(void)
{
	is_killed(take_private);
}

static void greedy_for_shared_memory_is_killed(void)
{
	is_killed(take_shared);
}

static void greedy_at_once_is_killed(void)
{
	is_killed(take_at_once);
}

static void greedy_in_a_system_call_is_killed(void)
{
	is_killed(take_by_read);
}

static void greedy_for_tables_is_killed(void)
{
	is_killed(take_tables);
}

/* A process with some memory, which it finds as it was when *turn says so. */
static pid_t bystander(int *turn)
{
	pid_t pid = tap_fork();
	char *memory;

	if (pid > 0) {
		tap_await(turn, 1);
		return pid;
	}
	memory = map_private(4 * MIB);
	memset(memory, 'b', 4 * MIB);
	__atomic_store_n(turn, 1, __ATOMIC_SEQ_CST);
	while (__atomic_load_n(turn, __ATOMIC_SEQ_CST) < 2)
		tap_sleep_ms(1);
	check(holds(memory, 4 * MIB, 'b'));
	_exit(0);
}

static void neighbours_go_on(void)
{
	int *turn = tap_shared(sizeof(*turn));
	pid_t pid = bystander(turn);

	is_killed(take_private);
	__atomic_store_n(turn, 2, __ATOMIC_SEQ_CST);
	check_exits(pid, 0);
}

/* What a killed process had shared with its parent is the parent's again, whole and writable. */
static void shared_pages_survive(void)
{
	char *shared = map_private(4 * MIB);

	memset(shared, 1, 4 * MIB);
	for (int round = 0; round < 2; round++) {
		is_killed(take_private);
		for (unsigned long at = 0; at < 4 * MIB; at += PAGE)
			check_eq(shared[at]++, 1 + round);
	}
}

static void memory_comes_back(void)
{
	for (int i = 0; i < 3; i++) {
		is_killed(take_private);
		check_child(take_private, (void *)(total_memory() / 2));
	}
}

/* Of several that copy what they share, as many die as must; the machine goes on. */
static void copies_are_too_many(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		setpgid(0, 0);
		take_copies((void *)(2 * total_memory()));
	}
	tap_sleep_ms(3000);
	kill(-pid, SIGKILL);
	check_killed(pid, SIGKILL);
	check_child(take_private, (void *)(total_memory() / 2));
}

static void ask_to_be_killed(int score)
{
	int fd = check_call(open("/proc/self/oom_score_adj", O_WRONLY));

	check(dprintf(fd, "%d", score) > 0);
	close(fd);
}

static void score_decides(void)
{
	int *turn = tap_shared(sizeof(*turn));
	pid_t willing = tap_fork(), greedy;

	if (willing == 0) {
		ask_to_be_killed(1000);
		write_to(map_private(4 * MIB), 4 * MIB);
		__atomic_store_n(turn, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	tap_await(turn, 1);
	greedy = tap_child(take_private, (void *)(2 * total_memory()));
	check_killed(willing, SIGKILL);
	check_killed(greedy, SIGKILL);
}

static const struct test_case cases[] = {
	TEST(greedy_is_killed, "out of memory: the process that takes all is killed"),
	TEST(greedy_for_shared_memory_is_killed,
	     "out of memory: so is one that takes shared memory"),
	TEST(greedy_at_once_is_killed, "out of memory: so is one that asks mmap for all at once"),
	TEST(greedy_in_a_system_call_is_killed, "out of memory: so is one that has read fill it"),
	TEST(greedy_for_tables_is_killed,
	     "out of memory: so is one that fills it with page tables"),
	TEST(neighbours_go_on, "out of memory: a small process lives, with its memory as it was"),
	TEST(shared_pages_survive, "out of memory: what was shared with the killed is whole"),
	TEST(memory_comes_back, "out of memory: what the killed had can be used again"),
	TEST(copies_are_too_many,
	     "out of memory: children that copy too much of what is shared die"),
	TEST(score_decides, "out of memory: oom_score_adj chooses who is killed first"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
