/* System V semaphores with many callers at once: nobody is forgotten, and nothing is counted twice. */
#include "semaphores.h"

enum { PAGE = 4096, CALLERS = 6, ROUNDS = 400 };

static void run_callers(void (*body)(int id, int self, volatile int *shared), int id,
			volatile int *shared)
{
	pid_t pids[CALLERS];

	for (int i = 0; i < CALLERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			body(id, i, shared);
			_exit(0);
		}
	}
	for (int i = 0; i < CALLERS; i++)
		check_exits(pids[i], 0);
}

static void count_under_a_semaphore(int id, int self, volatile int *shared)
{
	for (int i = 0; i < ROUNDS; i++) {
		check_eq(raw_semop(id, 0, -1, i & 1 ? SEM_UNDO : 0), 0);
		check_eq(++shared[1], 1);
		shared[0]++;
		shared[1]--;
		check_eq(raw_semop(id, 0, 1, i & 1 ? SEM_UNDO : 0), 0);
	}
}

static void mutual_exclusion(void)
{
	volatile int *shared = tap_shared(PAGE);
	int id = new_set(1);

	set_value(id, 0, 1);
	run_callers(count_under_a_semaphore, id, shared);
	check_eq(shared[0], CALLERS * ROUNDS);
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

static void dine(int id, int self, volatile int *shared)
{
	int other = (self + 1) % CALLERS;

	for (int i = 0; i < ROUNDS; i++) {
		check_eq(raw_semop2(id, OP(self, -1, 0), OP(other, -1, 0)), 0);
		check_eq(++shared[self], 1);
		check_eq(++shared[other], 1);
		shared[self]--;
		shared[other]--;
		check_eq(raw_semop2(id, OP(self, 1, 0), OP(other, 1, 0)), 0);
	}
}

static void philosophers(void)
{
	int id = new_set(CALLERS);

	for (int i = 0; i < CALLERS; i++)
		set_value(id, i, 1);
	run_callers(dine, id, tap_shared(PAGE));
	for (int i = 0; i < CALLERS; i++)
		check_eq(value_of(id, i), 1);
	remove_set(id);
}

static void pass_the_token(int id, int self, volatile int *shared)
{
	for (int i = 0; i < ROUNDS; i++) {
		check_eq(raw_semop(id, self, -1, 0), 0);
		check_eq(shared[0]++, i * CALLERS + self);
		check_eq(raw_semop(id, (self + 1) % CALLERS, 1, 0), 0);
	}
}

static void a_ring(void)
{
	int id = new_set(CALLERS);

	set_value(id, 0, 1);
	run_callers(pass_the_token, id, tap_shared(PAGE));
	check_eq(value_of(id, 0), 1);
	remove_set(id);
}

static void meet(int id, int self, volatile int *shared)
{
	for (int i = 0; i < ROUNDS / 4; i++) {
		int barrier = i & 1;

		add(&shared[0], 1);
		check_eq(raw_semop(id, barrier, -1, 0), 0);
		check_eq(raw_semop(id, barrier, 0, 0), 0);
		check(get(&shared[0]) >= (i + 1) * CALLERS);
		/* Nobody is at this one any more once all have come to the other. */
		if (self == 0) {
			check_eq(raw_semop(id, 2, -(CALLERS - 1), 0), 0);
			check_eq(raw_semop(id, barrier, CALLERS, 0), 0);
			check_eq(raw_semop(id, 3, CALLERS - 1, 0), 0);
		} else {
			check_eq(raw_semop(id, 2, 1, 0), 0);
			check_eq(raw_semop(id, 3, -1, 0), 0);
		}
	}
}

static void barriers(void)
{
	int id = new_set(4);

	set_value(id, 0, CALLERS);
	set_value(id, 1, CALLERS);
	run_callers(meet, id, tap_shared(PAGE));
	remove_set(id);
}

/* The time-outs are as short as they can be, so that they meet the wake-ups. */
static void give_or_take(int id, int self, volatile int *shared)
{
	int got = 0;

	for (int i = 0; i < ROUNDS; i++) {
		long result = self & 1 ? raw_semop(id, 0, 1, 0)
				       : raw_semop_within(id, 0, -1, 0, i % 50 * 1000);

		check(result == 0 || (result == -EAGAIN && !(self & 1)));
		if (result == 0)
			got += self & 1 ? 1 : -1;
	}
	add(&shared[0], got);
}

static void time_outs_race_with_wake_ups(void)
{
	volatile int *shared = tap_shared(PAGE);
	int id = new_set(1);

	run_callers(give_or_take, id, shared);
	check_eq(value_of(id, 0), shared[0]);
	check_eq(growth_waiters(id, 0), 0);
	remove_set(id);
}

static void use_or_remove(int id, int self, volatile int *shared)
{
	for (int i = 0; i < ROUNDS; i++) {
		int mine = get(&shared[0]);
		long result = raw_semop2(mine, OP(0, -1, SEM_UNDO), OP(1, 1, SEM_UNDO));

		check(result == 0 || result == -EIDRM || result == -EINVAL);
		if (i % CALLERS == self) {
			int fresh = new_set(2);

			check_eq(raw_semctl(fresh, 0, SETVAL, 100), 0);
			mine = __atomic_exchange_n(&shared[0], fresh, __ATOMIC_SEQ_CST);
			remove_set(mine);
		}
	}
}

static void removal_races_with_operations(void)
{
	volatile int *shared = tap_shared(PAGE);

	shared[0] = new_set(2);
	set_value(shared[0], 0, 100);
	run_callers(use_or_remove, 0, shared);
	remove_set(shared[0]);
}

static const struct test_case cases[] = {
	TEST(mutual_exclusion, "one at a time, with and without SEM_UNDO"),
	TEST(philosophers, "two semaphores at once, in a circle"),
	TEST(a_ring, "a token goes round"),
	TEST(barriers, "barriers that wait for zero"),
	TEST(time_outs_race_with_wake_ups, "time-outs race with wake-ups"),
	TEST(removal_races_with_operations, "removals race with operations"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
