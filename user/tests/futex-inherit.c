/*
 * Priority inheritance: who holds a lock that others wait for runs at the priority of the most
 * urgent of them, and so does whom it waits for itself.
 */
#include "futex_words.h"

#define PLAIN 20 /* what /proc shows for nice 0 */

static struct worker urgent(int priority)
{
	struct worker w = new_worker();

	set_policy(w.pid, SCHED_FIFO, priority);
	return w;
}

static void owner_is_lifted(void)
{
	struct worker owner, a, b;

	make_shared();
	owner = new_worker();
	a = urgent(10);
	b = urgent(30);
	does(&owner, 'l', 0);
	check_eq(priority_of(owner.pid), PLAIN);
	waits_for(&a, 0);
	check_eq(priority_of(owner.pid), SHOWN(10));
	waits_for(&b, 0);
	check_eq(priority_of(owner.pid), SHOWN(30));
	does(&owner, 'u', 0);
	check_eq(priority_of(owner.pid), PLAIN);
	/* b has it, and a waits for b. */
	check_eq(answer(&b), 0);
	check_eq(priority_of(b.pid), SHOWN(30));
	check_eq(priority_of(a.pid), SHOWN(10));
	does(&b, 'u', 0);
	check_eq(answer(&a), 0);
	does(&a, 'u', 0);
	end_worker(&owner);
	end_worker(&a);
	end_worker(&b);
}

static void own_priority_is_as_before(void)
{
	struct sched_param param;
	struct worker owner, a;

	make_shared();
	owner = new_worker();
	a = urgent(40);
	does(&owner, 'l', 0);
	waits_for(&a, 0);
	check_eq(raw1(SYS_sched_getscheduler, owner.pid), SCHED_OTHER);
	check_eq(raw2(SYS_sched_getparam, owner.pid, &param), 0);
	check_eq(param.sched_priority, 0);
	/* It may be changed, and what it is lent stays. */
	set_policy(owner.pid, SCHED_FIFO, 20);
	check_eq(priority_of(owner.pid), SHOWN(40));
	set_policy(owner.pid, SCHED_FIFO, 50);
	check_eq(priority_of(owner.pid), SHOWN(50));
	set_policy(owner.pid, SCHED_OTHER, 0);
	check_eq(priority_of(owner.pid), SHOWN(40));
	does(&owner, 'u', 0);
	check_eq(priority_of(owner.pid), PLAIN);
	check_eq(answer(&a), 0);
	end_worker(&owner);
	end_worker(&a);
}

static void less_urgent_waiter_lends_nothing(void)
{
	struct worker owner, a, b;

	make_shared();
	owner = urgent(30);
	a = urgent(10);
	b = new_worker();
	does(&owner, 'l', 0);
	waits_for(&a, 0);
	check_eq(priority_of(owner.pid), SHOWN(30));
	waits_for(&b, 0);
	check_eq(priority_of(owner.pid), SHOWN(30));
	does(&owner, 'u', 0);
	check_eq(answer(&a), 0);
	does(&a, 'u', 0);
	check_eq(answer(&b), 0);
	end_worker(&owner);
	end_worker(&a);
	end_worker(&b);
}

static void nice_is_lent_too(void)
{
	struct worker owner, a;

	make_shared();
	owner = new_worker();
	a = new_worker();
	check_call(setpriority(PRIO_PROCESS, owner.pid, 10));
	check_call(setpriority(PRIO_PROCESS, a.pid, -5));
	does(&owner, 'l', 0);
	check_eq(priority_of(owner.pid), 30);
	waits_for(&a, 0);
	check_eq(priority_of(owner.pid), 15);
	does(&owner, 'u', 0);
	check_eq(priority_of(owner.pid), 30);
	check_eq(answer(&a), 0);
	end_worker(&owner);
	end_worker(&a);
}

static void several_locks_of_one_owner(void)
{
	struct worker owner, a, b;

	make_shared();
	owner = new_worker();
	a = urgent(10);
	b = urgent(30);
	does(&owner, 'l', 0);
	does(&owner, 'l', 1);
	waits_for(&b, 0);
	waits_for(&a, 1);
	check_eq(priority_of(owner.pid), SHOWN(30));
	does(&owner, 'u', 0);
	check_eq(priority_of(owner.pid), SHOWN(10));
	does(&owner, 'u', 1);
	check_eq(priority_of(owner.pid), PLAIN);
	check_eq(answer(&a), 0);
	check_eq(answer(&b), 0);
	end_worker(&owner);
	end_worker(&a);
	end_worker(&b);
}

static void waiter_that_goes_takes_it_back(void)
{
	struct worker owner, a, b;

	make_shared();
	owner = new_worker();
	a = urgent(10);
	b = urgent(30);
	does(&owner, 'l', 0);
	waits_for(&a, 0);
	waits_for(&b, 0);
	kill_worker(&b);
	check_eq(priority_of(owner.pid), SHOWN(10));
	kill_worker(&a);
	check_eq(priority_of(owner.pid), PLAIN);
	does(&owner, 'u', 0);
	end_worker(&owner);
}

static void late_waiter_takes_it_back(void)
{
	struct worker owner;
	pid_t pid;

	make_shared();
	owner = new_worker();
	does(&owner, 'l', 0);
	pid = tap_fork();
	if (pid == 0) {
		struct timespec end;

		set_policy(0, SCHED_FIFO, 25);
		end = clock_plus(CLOCK_MONOTONIC, 200);
		check_eq(futex(&shared->word[0], FUTEX_LOCK_PI2, 0, &end, NULL, 0), -ETIMEDOUT);
		check_eq(priority_of(owner.pid), PLAIN);
		_exit(0);
	}
	await_priority(owner.pid, SHOWN(25));
	check_exits(pid, 0);
	check_eq(priority_of(owner.pid), PLAIN);
	does(&owner, 'u', 0);
	end_worker(&owner);
}

/* w[i] holds lock i and waits for lock i - 1. */
static void make_chain(struct worker *w, int n)
{
	make_shared();
	for (int i = 0; i < n; i++) {
		w[i] = new_worker();
		does(&w[i], 'l', i);
		if (i)
			waits_for(&w[i], i - 1);
	}
}

static void unmake_chain(struct worker *w, int n)
{
	for (int i = 0; i < n; i++) {
		does(&w[i], 'u', i);
		if (i < n - 1) {
			check_eq(answer(&w[i + 1]), 0);
			does(&w[i + 1], 'u', i);
		}
		check_eq(priority_of(w[i].pid), PLAIN);
		end_worker(&w[i]);
	}
}

static void chain_is_lifted(void)
{
	struct worker w[5], a;

	make_chain(w, 5);
	a = urgent(33);
	waits_for(&a, 4);
	for (int i = 0; i < 5; i++)
		check_eq(priority_of(w[i].pid), SHOWN(33));
	kill_worker(&a);
	for (int i = 0; i < 5; i++)
		check_eq(priority_of(w[i].pid), PLAIN);
	unmake_chain(w, 5);
}

static void change_in_a_chain(void)
{
	struct worker w[4];

	make_chain(w, 4);
	set_policy(w[3].pid, SCHED_FIFO, 12);
	for (int i = 0; i < 4; i++)
		check_eq(priority_of(w[i].pid), SHOWN(12));
	set_policy(w[1].pid, SCHED_RR, 15);
	check_eq(priority_of(w[0].pid), SHOWN(15));
	check_eq(priority_of(w[2].pid), SHOWN(12));
	set_policy(w[1].pid, SCHED_OTHER, 0);
	set_policy(w[3].pid, SCHED_OTHER, 0);
	for (int i = 0; i < 4; i++)
		check_eq(priority_of(w[i].pid), PLAIN);
	unmake_chain(w, 4);
}

static void chain_that_breaks(void)
{
	struct worker w[3], a;

	make_chain(w, 3);
	a = urgent(21);
	waits_for(&a, 2);
	check_eq(priority_of(w[0].pid), SHOWN(21));
	/* The one in the middle: what it held goes to w[2], which waited for it. */
	kill_worker(&w[1]);
	check_eq(answer(&w[2]), 0);
	check_eq(priority_of(w[0].pid), PLAIN);
	check_eq(priority_of(w[2].pid), SHOWN(21));
	does(&w[2], 'u', 2);
	check_eq(priority_of(w[2].pid), PLAIN);
	check_eq(answer(&a), 0);
	end_worker(&a);
	end_worker(&w[0]);
	end_worker(&w[2]);
}

static void child_is_not_lifted(void)
{
	struct worker a;
	pid_t pid;

	make_shared();
	a = urgent(20);
	check_eq(lock_pi(&shared->word[0]), 0);
	waits_for(&a, 0);
	check_eq(priority_of(getpid()), SHOWN(20));
	pid = tap_fork();
	if (pid == 0) {
		check_eq(priority_of(getpid()), PLAIN);
		check_eq(unlock_pi(&shared->word[0]), -EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(priority_of(getpid()), SHOWN(20));
	check_eq(unlock_pi(&shared->word[0]), 0);
	check_eq(priority_of(getpid()), PLAIN);
	check_eq(answer(&a), 0);
	end_worker(&a);
}

static void new_owner_is_lifted_by_the_rest(void)
{
	struct worker a, b;

	make_shared();
	a = new_worker();
	b = new_worker();
	check_eq(lock_pi(&shared->word[0]), 0);
	waits_for(&a, 0);
	waits_for(&b, 0);
	check_eq(unlock_pi(&shared->word[0]), 0);
	check_eq(answer(&a), 0);
	set_policy(b.pid, SCHED_FIFO, 9);
	check_eq(priority_of(a.pid), SHOWN(9));
	does(&a, 'u', 0);
	check_eq(priority_of(a.pid), PLAIN);
	check_eq(answer(&b), 0);
	end_worker(&a);
	end_worker(&b);
}

/* ---- who runs, on one CPU ---- */

/* For a while of its own time, if nobody comes. */
static void keep_busy(void)
{
	struct timespec used;

	do
		check_call(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used));
	while (used.tv_sec == 0 && used.tv_nsec < 100000000);
}

/*
 * The owner, at priority 10, is kept from running by one of 20, until one of 30 waits for it. The
 * order in which they come to their ends is noted.
 */
static void inversion_is_undone(void)
{
	volatile int *word;
	pid_t low, middle;

	make_shared();
	word = &shared->word[0];
	only_cpu_0();
	set_policy(0, SCHED_FIFO, 30);
	low = tap_fork();
	if (low == 0) {
		set_policy(0, SCHED_FIFO, 10);
		check_eq(lock_pi(word), 0);
		set(&shared->ready, 1);
		while (!get(&shared->go))
			;
		check_eq(unlock_pi(word), 0);
		shared->order[add(&shared->turn, 1)] = 10;
		_exit(0);
	}
	while (!get(&shared->ready))
		tap_sleep_ms(1);
	middle = tap_fork();
	if (middle == 0) {
		set_policy(0, SCHED_FIFO, 20);
		set(&shared->go, 1);
		keep_busy();
		shared->order[add(&shared->turn, 1)] = 20;
		_exit(0);
	}
	while (!get(&shared->go))
		tap_sleep_ms(1);
	check_eq(lock_pi(word), 0);
	shared->order[add(&shared->turn, 1)] = 30;
	check_eq(unlock_pi(word), 0);
	check_exits(middle, 0);
	check_exits(low, 0);
	check_eq(shared->order[1], 30);
	check_eq(shared->order[2], 20);
	check_eq(shared->order[3], 10);
}

/* Without a lock between them the same three end in the order of their priorities. */
static void unlocking_gives_way(void)
{
	volatile int *word;
	pid_t pid;

	make_shared();
	word = &shared->word[0];
	only_cpu_0();
	set_policy(0, SCHED_FIFO, 10);
	check_eq(lock_pi(word), 0);
	pid = tap_fork();
	if (pid == 0) {
		set_policy(0, SCHED_FIFO, 20);
		set(&shared->ready, 1);
		check_eq(lock_pi(word), 0);
		shared->order[add(&shared->turn, 1)] = 20;
		check_eq(unlock_pi(word), 0);
		_exit(0);
	}
	while (!get(&shared->ready))
		tap_sleep_ms(1);
	check_eq(unlock_pi(word), 0);
	shared->order[add(&shared->turn, 1)] = 10;
	check_exits(pid, 0);
	check_eq(shared->order[1], 20);
	check_eq(shared->order[2], 10);
}

/* ---- many ---- */

enum { THREADS = 4, LOCKS = 3, ROUNDS = 2000 };

static int owners_die;

/*
 * As a C library does: the kernel comes in only if the word is not 0, or not the number alone. What
 * a killed owner left when nobody waited is free: it may be taken here while another still has the
 * dead one for the owner, and that is EINVAL until one of them is gone.
 */
static void lock(volatile int *word)
{
	int none = 0, seen;
	long result;

	if (!__atomic_compare_exchange_n(word, &none, self(), 0, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST)) {
		while (seen = get(word), result = lock_pi(word),
		       result == -ESRCH || (owners_die && result == -EINVAL))
			if (result == -ESRCH)
				__atomic_compare_exchange_n(word, &seen, 0, 0, __ATOMIC_SEQ_CST,
							    __ATOMIC_SEQ_CST);
		check_eq(result, 0);
	}
	check_eq(get(word) & FUTEX_TID_MASK, self());
}

static void unlock(volatile int *word)
{
	int mine = self();

	if (!__atomic_compare_exchange_n(word, &mine, 0, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		check_eq(unlock_pi(word), 0);
}

static void contend(int who)
{
	unsigned int n = who;

	set_policy(0, who % 2 ? SCHED_RR : SCHED_OTHER, who % 2 ? who : 0);
	for (int i = 0; i < ROUNDS; i++) {
		int a = (n = n * 1103515245 + 12345) >> 16 & 1;

		/* Always in the same order. */
		lock(&shared->word[a]);
		lock(&shared->word[LOCKS - 1]);
		shared->counter++;
		unlock(&shared->word[LOCKS - 1]);
		if (n >> 20 & 1)
			raw0(SYS_sched_yield);
		unlock(&shared->word[a]);
	}
}

static void lock_excludes(void)
{
	make_shared();
	for (int i = 0; i < THREADS; i++)
		if (tap_fork() == 0) {
			contend(i);
			check_eq(priority_of(getpid()), i % 2 ? SHOWN(i) : PLAIN);
			_exit(0);
		}
	for (int i = 0; i < THREADS; i++) {
		int status;

		check(wait(&status) > 0);
		check_eq(status, 0);
	}
	check_eq(shared->counter, THREADS * ROUNDS);
	for (int i = 0; i < LOCKS; i++)
		check_eq(get(&shared->word[i]), 0);
}

/* Owners and waiters are killed at any time; who is left must get every lock. */
static void killed_at_any_time(void)
{
	make_shared();
	owners_die = 1;
	set_policy(0, SCHED_FIFO, 50);
	for (int round = 0; round < 40; round++) {
		pid_t pids[THREADS];

		for (int i = 0; i < THREADS; i++) {
			pids[i] = tap_fork();
			if (pids[i] == 0) {
				for (;;)
					contend(i);
			}
		}
		for (int i = 0; i < THREADS; i++) {
			tap_sleep_ms(1);
			check_call(kill(pids[(i + round) % THREADS], SIGKILL));
		}
		for (int i = 0; i < THREADS; i++)
			check_killed(pids[i], SIGKILL);
		for (int i = 0; i < LOCKS; i++)
			set(&shared->word[i], 0);
	}
	for (int i = 0; i < LOCKS; i++)
		check_eq(lock_pi(&shared->word[i]), 0);
}

static const struct test_case cases[] = {
	TEST(owner_is_lifted, "an owner is as urgent as the most urgent of its waiters"),
	TEST(own_priority_is_as_before,
	     "its own policy and priority are what they were, and can be changed"),
	TEST(less_urgent_waiter_lends_nothing, "waiters that are less urgent change nothing"),
	TEST(nice_is_lent_too, "nice is lent as well"),
	TEST(several_locks_of_one_owner,
	     "an owner of two locks keeps what it is lent for the other"),
	TEST(waiter_that_goes_takes_it_back, "a waiter that is killed takes back what it lent"),
	TEST(late_waiter_takes_it_back, "so does one whose time is over"),
	TEST(chain_is_lifted, "a chain of owners that wait is lifted, and set back"),
	TEST(change_in_a_chain, "a change of priority goes along the chain"),
	TEST(chain_that_breaks, "a chain that breaks in the middle"),
	TEST(child_is_not_lifted, "the child of a lifted owner is not lifted"),
	TEST(new_owner_is_lifted_by_the_rest, "the next owner is lifted by the other waiters"),
	TEST(inversion_is_undone, "an owner that is waited for runs before those between"),
	TEST(unlocking_gives_way, "who unlocks gives way to a more urgent waiter"),
	TEST(lock_excludes, "locks exclude, also nested ones, and leave no priority behind"),
	TEST(killed_at_any_time, "owners and waiters are killed at any time"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
