/* When memory is really out, the process that took most of it dies; the others, and the kernel, do not. */
#define _GNU_SOURCE
#include "tap.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB   (1024ul * 1024)
#define PAGE  4096ul
#define BLOCK (64ul * 1024 * MIB) /* of addresses: more than the machine has memory */

static char *reserve(void)
{
	char *block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	check(block != MAP_FAILED);
	return block;
}

/* Touches pages until it is killed. */
static void take_all(void *unused)
{
	char *block = reserve();

	(void)unused;
	for (unsigned long at = 0; at < BLOCK; at += PAGE)
		block[at] = 1;
}

static void greedy_dies(void)
{
	check_killed(tap_child(take_all, NULL), SIGKILL);
}

/* A child that has filled a MiB, says so, and on request looks whether it is still as it was. */
static void keep_a_mebibyte(int ready, int go)
{
	char *mine = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char byte = 0;

	check(mine != MAP_FAILED);
	memset(mine, 0x5a, MIB);
	check(write(ready, &byte, 1) == 1);
	check(read(go, &byte, 1) == 1);
	for (unsigned long at = 0; at < MIB; at++)
		check(mine[at] == 0x5a);
}

static void modest_lives(void)
{
	int ready[2], go[2];
	char byte = 0;
	pid_t modest;

	check_call(pipe(ready));
	check_call(pipe(go));
	modest = tap_fork();
	if (modest == 0) {
		keep_a_mebibyte(ready[1], go[0]);
		_exit(0);
	}
	check(read(ready[0], &byte, 1) == 1);
	check_killed(tap_child(take_all, NULL), SIGKILL);
	check(write(go[1], &byte, 1) == 1);
	check_exits(modest, 0);
}

/* What a killed process had shared with its parent is the parent's again, whole and writable. */
static void shared_pages_survive(void)
{
	char *shared =
		mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(shared != MAP_FAILED);
	memset(shared, 1, 4 * MIB);
	for (int round = 0; round < 2; round++) {
		check_killed(tap_child(take_all, NULL), SIGKILL);
		for (unsigned long at = 0; at < 4 * MIB; at += PAGE)
			check_eq(shared[at]++, 1 + round);
	}
}

static const struct test_case cases[] = {
	TEST(greedy_dies, "out of memory: the process that takes all is killed"),
	TEST(modest_lives, "out of memory: a small process lives, with its memory as it was"),
	TEST(shared_pages_survive, "out of memory: what was shared with the killed is whole"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
