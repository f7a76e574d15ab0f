/*
 * membarrier: which commands there are, who may give them, and that they order memory. The commands
 * about restartable sequences are in rseq-sections.c.
 */
#include "helpers.h"

#define GLOBAL                1
#define GLOBAL_EXPEDITED      2
#define REGISTER_GLOBAL       4
#define PRIVATE               8
#define REGISTER_PRIVATE      16
#define PRIVATE_SYNC          32
#define REGISTER_PRIVATE_SYNC 64
#define ALL_OF_THEM           127

static long membarrier(int command)
{
	return raw3(SYS_membarrier, command, 0, 0);
}

static void query(void)
{
	check_eq(membarrier(0) & ALL_OF_THEM, ALL_OF_THEM);
}

static void bad_commands(void)
{
	static const int bad[] = {-1, 3, 5, 12, 24, 1 << 12, 1 << 30};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(membarrier(bad[i]), -EINVAL);
	for (int command = 1; command <= REGISTER_PRIVATE_SYNC; command *= 2) {
		check_eq(raw3(SYS_membarrier, command, 2, 0), -EINVAL);
		check_eq(raw3(SYS_membarrier, command, -1, 0), -EINVAL);
	}
	check_eq(raw3(SYS_membarrier, 0, 1, 0), -EINVAL);
	check_eq(raw3(SYS_membarrier, PRIVATE, 1, 0), -EINVAL); /* before EPERM */
	check_eq(raw3(SYS_membarrier, GLOBAL, 0, -5), 0);       /* no flag, no processor */
}

static void private_commands_are_announced(void)
{
	check_eq(membarrier(PRIVATE), -EPERM);
	check_eq(membarrier(REGISTER_PRIVATE), 0);
	check_eq(membarrier(REGISTER_PRIVATE), 0);
	check_eq(membarrier(PRIVATE), 0);
	check_eq(membarrier(PRIVATE_SYNC), -EPERM);
	check_eq(membarrier(REGISTER_PRIVATE_SYNC), 0);
	check_eq(membarrier(PRIVATE_SYNC), 0);
	check_eq(membarrier(PRIVATE), 0);
}

static void global_commands_need_no_announcement(void)
{
	check_eq(membarrier(GLOBAL), 0);
	check_eq(membarrier(GLOBAL_EXPEDITED), 0);
	check_eq(membarrier(REGISTER_GLOBAL), 0);
	check_eq(membarrier(GLOBAL_EXPEDITED), 0);
	check_eq(membarrier(PRIVATE), -EPERM);
}

static void use_private(void *wanted)
{
	check_eq(membarrier(PRIVATE), (long)wanted);
}

static void children_inherit(void)
{
	check_child(use_private, (void *)(long)-EPERM);
	check_eq(membarrier(REGISTER_PRIVATE), 0);
	check_child(use_private, (void *)0L);
}

static void announce(void *unused)
{
	(void)unused;
	check_eq(membarrier(REGISTER_PRIVATE), 0);
}

static void announcements_are_each_ones_own(void)
{
	check_child(announce, NULL);
	check_eq(membarrier(PRIVATE), -EPERM);
}

static int in_thread(void *unused)
{
	(void)unused;
	return membarrier(REGISTER_PRIVATE) ? 1 : 0;
}

static void threads_share(void)
{
	struct thread thread;

	thread_start(&thread, in_thread, NULL);
	thread_join(&thread);
	check_eq(membarrier(PRIVATE), 0);
}

static void exec_ends_it(void)
{
	check_eq(membarrier(REGISTER_PRIVATE), 0);
	check_exits(spawn_helper("private", NULL, NULL), EPERM);
}

static int helper(int argc, char **argv)
{
	(void)argc, (void)argv;
	return -membarrier(PRIVATE);
}

/* ---- does it order? ---- */

#define ROUNDS 2000

static struct {
	int command;
	volatile int turn, ready, done; /* rounds: begun, reached by the thread, finished by it */
	volatile int x, y, seen;
	char apart[128];
} * litmus;

/* The frequent side: a store and a load, which the processor may swap. */
static int often(void *unused)
{
	(void)unused;
	for (int round = 1; round <= ROUNDS; round++) {
		set(&litmus->ready, round);
		for (int spins = 0; litmus->turn < round; spins++)
			if (spins > 100) /* there may be one processor only */
				raw0(SYS_sched_yield);
		litmus->x = 1;
		__asm__ volatile("" ::: "memory");
		litmus->seen = litmus->y;
		set(&litmus->done, round);
	}
	return 0;
}

/* Never do both miss what the other wrote. */
static void orders(int command)
{
	struct thread thread;
	int missed;

	litmus = tap_shared(sizeof(*litmus));
	thread_start(&thread, often, NULL);
	for (int round = 1; round <= ROUNDS; round++) {
		raw_await(&litmus->ready, round);
		litmus->x = litmus->y = litmus->seen = 0;
		set(&litmus->turn, round);
		litmus->y = 1;
		check_eq(membarrier(command), 0);
		missed = litmus->x == 0;
		raw_await(&litmus->done, round);
		check(!missed || litmus->seen == 1);
	}
	thread_join(&thread);
}

static void private_orders(void)
{
	check_eq(membarrier(REGISTER_PRIVATE), 0);
	orders(PRIVATE);
}

static void sync_core_orders(void)
{
	check_eq(membarrier(REGISTER_PRIVATE_SYNC), 0);
	orders(PRIVATE_SYNC);
}

static void expedited_orders(void)
{
	check_eq(membarrier(REGISTER_GLOBAL), 0);
	orders(GLOBAL_EXPEDITED);
}

/* Several at once, and processes that come and go, must not wait for each other for ever. */
static void many_at_once(void)
{
	pid_t pids[4];

	for (int i = 0; i < 4; i++) {
		pids[i] = tap_fork();
		if (pids[i])
			continue;
		check_eq(membarrier(REGISTER_PRIVATE), 0);
		for (int round = 0; round < 100; round++) {
			check_eq(membarrier(i % 2 ? PRIVATE : GLOBAL_EXPEDITED), 0);
			if (round % 20 == 0)
				check_child(use_private, (void *)0L);
		}
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(query, "membarrier: what there is"),
	TEST(bad_commands, "membarrier: commands and flags that are none"),
	TEST(private_commands_are_announced, "membarrier: private commands have to be announced"),
	TEST(global_commands_need_no_announcement, "membarrier: global commands need not be"),
	TEST(children_inherit, "membarrier: a child inherits the announcement"),
	TEST(announcements_are_each_ones_own, "membarrier: a child's announcement is its own"),
	TEST(threads_share, "membarrier: threads have one announcement"),
	TEST(exec_ends_it, "membarrier: exec ends the announcement"),
	TEST(private_orders, "membarrier: a private barrier orders another thread's accesses"),
	TEST(sync_core_orders, "membarrier: so does one that serializes"),
	TEST(expedited_orders, "membarrier: so does an expedited global one"),
	TEST(many_at_once, "membarrier: several at once"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
