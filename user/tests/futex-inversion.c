/*
 * Priority inheritance decides who runs: on one CPU, with threads of SCHED_FIFO that are always
 * busy, just one of them gets on, the most urgent. LOW has a lock, MIDDLE is more urgent and knows of
 * no lock, and HIGH waits: then LOW must run before MIDDLE, and only as long as that is so.
 *
 * The case itself is more urgent than all of them. While it sleeps they run. LOW yields now and then:
 * lifted it is as urgent as who waits for it, who could not give up waiting otherwise.
 */
#include "futex_words.h"

enum { LOW, NEXT, PEER, MIDDLE, HIGH, HIGHER, RUNNERS };

static const int priorities[RUNNERS] = {10, 15, 10, 20, 30, 40};

#define CONDUCTOR 50

/* What a runner is told: a letter, and a word where there is one. It begins when it has run next. */
struct order {
	volatile int letter, word;
	volatile int yields;    /* whenever there is none */
	volatile int done;      /* how many it has carried out */
	volatile long result;   /* of the last one */
	volatile long progress; /* how often it has looked for an order */
};

static struct orchestra {
	struct order orders[RUNNERS];
	volatile int word[WORDS];
	volatile int child_progress;
} * all;

static pid_t pids[RUNNERS];
static int told[RUNNERS];

/* ---- what runners do ---- */

/* Lifted or not, its child is not. */
static long make_child(void)
{
	pid_t pid = tap_fork();

	while (pid == 0)
		add(&all->child_progress, 1);
	return pid;
}

static long wait_in_time(volatile int *word)
{
	struct timespec end = clock_plus(CLOCK_MONOTONIC, 50);

	return futex(word, FUTEX_LOCK_PI2, 0, &end, NULL, 0);
}

static long carry_out(int letter, volatile int *word)
{
	switch (letter) {
	case 'l':
		return lock_pi(word);
	case 'u':
		return unlock_pi(word);
	case 't':
		return wait_in_time(word);
	case 'c': /* waits for the last word, as for a condition, to be moved to the lock */
		return futex(&all->word[WORDS - 1], FUTEX_WAIT_REQUEUE_PI, 0, NULL, word, 0);
	case 'f':
		return make_child();
	case 's':
		return raw_futex_wait(&all->word[WORDS - 2], 0) == 0 ? 0 : 1;
	default:
		_exit(0);
	}
}

static void play(struct order *order)
{
	for (;;) {
		int letter = get(&order->letter);

		order->progress++;
		if (!letter) {
			if (order->yields)
				raw0(SYS_sched_yield);
			continue;
		}
		set(&order->letter, 0);
		order->result = carry_out(letter, &all->word[order->word]);
		add(&order->done, 1);
	}
}

/* ---- what the case does with them ---- */

static void begin(void)
{
	all = tap_shared(sizeof(*all));
	memset(told, 0, sizeof(told));
	only_cpu_0();
	set_policy(0, SCHED_FIFO, CONDUCTOR);
	all->orders[LOW].yields = 1;
}

static void start(int who)
{
	pids[who] = tap_fork();
	if (pids[who] == 0)
		play(&all->orders[who]);
	set_policy(pids[who], SCHED_FIFO, priorities[who]);
}

static void say(int who, int letter, int word)
{
	all->orders[who].word = word;
	set(&all->orders[who].letter, letter);
	told[who]++;
}

static void await_done(int who)
{
	while (get(&all->orders[who].done) != told[who])
		tap_sleep_ms(1);
	check_eq(all->orders[who].result, 0);
}

/* It is the most urgent, and is not kept from what it is told. */
static void does_now(int who, int letter, int word)
{
	say(who, letter, word);
	await_done(who);
}

/* It is the most urgent, and goes to sleep. */
static void sleeps_by(int who, int letter, int word)
{
	say(who, letter, word);
	while (get(&all->orders[who].letter))
		tap_sleep_ms(1);
	await_state(pids[who], 'S');
}

/* It unlocks, and the other gets on with what it waited for. */
static void hands_over(int who, int word, int to)
{
	say(who, 'u', word);
	await_done(to);
}

static void wake_sleepers(void)
{
	check(futex(&all->word[WORDS - 2], FUTEX_WAKE, RUNNERS, NULL, NULL, 0) > 0);
}

/* Which of them get on while the case sleeps: a bit each. */
static unsigned int runners(void)
{
	long before[RUNNERS];
	unsigned int set = 0;

	for (int i = 0; i < RUNNERS; i++)
		before[i] = all->orders[i].progress;
	while (!set) {
		tap_sleep_ms(2);
		for (int i = 0; i < RUNNERS; i++)
			set |= (unsigned int)(all->orders[i].progress != before[i]) << i;
	}
	return set;
}

/* This one, and nobody else; looked at twice, as a change might come late. */
#define check_runs(who)                          \
	do {                                     \
		check_eq(runners(), 1 << (who)); \
		check_eq(runners(), 1 << (who)); \
	} while (0)

static void end(int who)
{
	check_call(kill(pids[who], SIGKILL));
	check_killed(pids[who], SIGKILL);
	pids[who] = 0;
}

/* At the end of a case, whoever is left. */
static void end_all(void)
{
	for (int i = 0; i < RUNNERS; i++)
		if (pids[i]) {
			set_policy(pids[i], SCHED_FIFO, CONDUCTOR - 1);
			end(i);
		}
}

/* LOW has lock 0, and MIDDLE keeps it from running. */
static void begin_inversion(void)
{
	begin();
	start(LOW);
	does_now(LOW, 'l', 0);
	start(MIDDLE);
	check_runs(MIDDLE);
}

/* The same, and HIGH waits for the lock. */
static void begin_undone_inversion(void)
{
	begin_inversion();
	start(HIGH);
	sleeps_by(HIGH, 'l', 0);
	check_runs(LOW);
}

/* ---- cases ---- */

static void unlocking_drops_it(void)
{
	begin_undone_inversion();
	hands_over(LOW, 0, HIGH);
	check_runs(HIGH);
	/* Not when HIGH is out of the way either. */
	sleeps_by(HIGH, 's', 0);
	check_runs(MIDDLE);
	wake_sleepers();
	check_runs(HIGH);
	does_now(HIGH, 'u', 0);
	end(HIGH);
	check_runs(MIDDLE);
	end(MIDDLE);
	check_runs(LOW);
	await_done(LOW);
	end_all();
}

static void chain_of_two_locks(void)
{
	begin();
	start(LOW);
	does_now(LOW, 'l', 0);
	start(NEXT);
	does_now(NEXT, 'l', 1);
	sleeps_by(NEXT, 'l', 0);
	start(MIDDLE);
	check_runs(MIDDLE);
	start(HIGH);
	sleeps_by(HIGH, 'l', 1);
	check_runs(LOW);
	/* Now NEXT has both, and LOW is nobody again. */
	hands_over(LOW, 0, NEXT);
	check_runs(NEXT);
	does_now(NEXT, 'u', 0);
	check_runs(NEXT);
	hands_over(NEXT, 1, HIGH);
	check_runs(HIGH);
	end(HIGH);
	check_runs(MIDDLE);
	end(MIDDLE);
	check_runs(NEXT);
	end(NEXT);
	check_runs(LOW);
	end_all();
}

/* While HIGH waits MIDDLE does not run; and LOW does, unless the whole machine was away so long. */
static void time_that_is_over_drops_it(void)
{
	long low, middle;

	begin_inversion();
	start(HIGH);
	do {
		low = all->orders[LOW].progress;
		middle = all->orders[MIDDLE].progress;
		say(HIGH, 't', 0);
		while (get(&all->orders[HIGH].done) != told[HIGH])
			tap_sleep_ms(1);
		check_eq(all->orders[HIGH].result, -ETIMEDOUT);
		check_eq(all->orders[MIDDLE].progress, middle);
	} while (all->orders[LOW].progress == low);
	sleeps_by(HIGH, 's', 0);
	check_runs(MIDDLE);
	end_all();
}

static void end_of_the_waiter_drops_it(void)
{
	begin_undone_inversion();
	end(HIGH);
	check_runs(MIDDLE);
	end_all();
}

static void stopped_waiter_lends_nothing(void)
{
	begin_undone_inversion();
	check_call(kill(pids[HIGH], SIGSTOP));
	await_state(pids[HIGH], 'T');
	check_runs(MIDDLE);
	check_call(kill(pids[HIGH], SIGCONT));
	await_state(pids[HIGH], 'S');
	check_runs(LOW);
	end_all();
}

static void waiters_priority_counts_as_it_is(void)
{
	static const struct {
		int policy, priority, runs;
	} steps[] = {
		{SCHED_FIFO, 15, MIDDLE}, {SCHED_FIFO, 20, MIDDLE}, {SCHED_RR, 21, LOW},
		{SCHED_OTHER, 0, MIDDLE}, {SCHED_FIFO, 40, LOW},    {SCHED_BATCH, 0, MIDDLE},
		{SCHED_FIFO, 30, LOW},    {SCHED_FIFO, 1, MIDDLE},
	};

	begin_undone_inversion();
	for (size_t i = 0; i < TAP_COUNT(steps); i++) {
		set_policy(pids[HIGH], steps[i].policy, steps[i].priority);
		check_runs(steps[i].runs);
	}
	end_all();
}

/* What the owner is by itself counts only where it is more. */
static void owners_priority_counts_if_it_is_more(void)
{
	begin_undone_inversion();
	set_policy(pids[LOW], SCHED_FIFO, 1);
	check_runs(LOW);
	set_policy(pids[LOW], SCHED_OTHER, 0);
	check_runs(LOW);
	set_policy(pids[LOW], SCHED_FIFO, 40);
	does_now(LOW, 'u', 0);
	check_runs(LOW);
	set_policy(pids[LOW], SCHED_FIFO, 10);
	check_runs(HIGH);
	end(HIGH);
	check_runs(MIDDLE);
	end_all();
}

static void most_urgent_waiter_counts(void)
{
	begin_undone_inversion();
	start(HIGHER);
	sleeps_by(HIGHER, 'l', 0);
	set_policy(pids[MIDDLE], SCHED_FIFO, 35);
	check_runs(LOW);
	end(HIGHER);
	check_runs(MIDDLE);
	set_policy(pids[MIDDLE], SCHED_FIFO, 25);
	check_runs(LOW);
	end(HIGH);
	check_runs(MIDDLE);
	end_all();
}

/* It has given one lock back, and is waited for on the other still. */
static void second_lock_keeps_it(void)
{
	begin();
	start(LOW);
	does_now(LOW, 'l', 0);
	does_now(LOW, 'l', 1);
	start(MIDDLE);
	start(HIGH);
	sleeps_by(HIGH, 'l', 0);
	start(HIGHER);
	sleeps_by(HIGHER, 'l', 1);
	check_runs(LOW);
	hands_over(LOW, 1, HIGHER);
	check_runs(HIGHER);
	end(HIGHER);
	await_done(LOW);
	check_runs(LOW);
	hands_over(LOW, 0, HIGH);
	check_runs(HIGH);
	end(HIGH);
	check_runs(MIDDLE);
	end_all();
}

static void lifted_owner_sleeps_and_wakes(void)
{
	begin_undone_inversion();
	sleeps_by(LOW, 's', 0);
	check_runs(MIDDLE);
	wake_sleepers();
	check_runs(LOW);
	await_done(LOW);
	end_all();
}

/* It is lent something while it sleeps. */
static void sleeping_owner_is_lifted(void)
{
	begin();
	start(LOW);
	does_now(LOW, 'l', 0);
	sleeps_by(LOW, 's', 0);
	start(MIDDLE);
	start(HIGH);
	sleeps_by(HIGH, 'l', 0);
	check_runs(MIDDLE);
	wake_sleepers();
	check_runs(LOW);
	await_done(LOW);
	end_all();
}

static void end_of_the_owner_hands_it_on(void)
{
	begin_undone_inversion();
	check_call(kill(pids[LOW], SIGKILL));
	await_done(HIGH);
	check_runs(HIGH);
	check_eq(get(&all->word[0]), (int)(pids[HIGH] | FUTEX_WAITERS | FUTEX_OWNER_DIED));
	end(HIGH);
	check_runs(MIDDLE);
	end(MIDDLE);
	end_all();
}

static void child_of_a_lifted_owner_waits(void)
{
	begin_undone_inversion();
	say(LOW, 'f', 0);
	while (get(&all->orders[LOW].done) != told[LOW])
		tap_sleep_ms(1);
	check(all->orders[LOW].result > 0);
	sleeps_by(LOW, 's', 0);
	check_runs(MIDDLE);
	check_eq(get(&all->child_progress), 0);
	end(MIDDLE);
	while (!get(&all->child_progress))
		tap_sleep_ms(1);
	end_all();
}

/* The next owner is lifted by the others who wait, as soon as it is the owner. */
static void next_owner_is_lifted(void)
{
	begin_undone_inversion();
	start(HIGHER);
	sleeps_by(HIGHER, 'l', 0);
	set_policy(pids[HIGHER], SCHED_FIFO, 25);
	hands_over(LOW, 0, HIGH);
	check_runs(HIGH);
	set_policy(pids[HIGH], SCHED_FIFO, 1);
	set_policy(pids[HIGHER], SCHED_FIFO, 26);
	check_runs(HIGH);
	set_policy(pids[HIGHER], SCHED_FIFO, 15);
	check_runs(MIDDLE);
	end(MIDDLE);
	check_runs(HIGH);
	hands_over(HIGH, 0, HIGHER);
	end(HIGHER);
	check_runs(LOW);
	end_all();
}

/* Who waits for a condition lends nothing before it is moved to the lock. */
static void moved_waiter_lends(void)
{
	begin_inversion();
	start(HIGH);
	sleeps_by(HIGH, 'c', 0);
	check_runs(MIDDLE);
	check_eq(futex(&all->word[WORDS - 1], FUTEX_CMP_REQUEUE_PI, 1, (void *)1, &all->word[0], 0),
		 1);
	check_runs(LOW);
	hands_over(LOW, 0, HIGH);
	check_runs(HIGH);
	end(HIGH);
	check_runs(MIDDLE);
	end_all();
}

/* When it falls back it is the first of those that are as urgent as it is. */
static void falls_back_before_its_peers(void)
{
	begin();
	all->orders[LOW].yields = 0;
	start(LOW);
	does_now(LOW, 'l', 0);
	start(PEER);
	check_runs(PEER); /* it comes from above as well */
	sleeps_by(PEER, 's', 0);
	check_runs(LOW);
	wake_sleepers();
	check_runs(LOW);
	set_policy(pids[LOW], SCHED_FIFO, priorities[LOW]); /* no change, the same place */
	check_runs(LOW);
	start(HIGH);
	sleeps_by(HIGH, 'l', 0);
	check_runs(LOW);
	hands_over(LOW, 0, HIGH);
	sleeps_by(HIGH, 's', 0);
	check_runs(LOW);
	sleeps_by(LOW, 's', 0);
	check_runs(PEER);
	end_all();
}

static const struct test_case cases[] = {
	TEST(unlocking_drops_it, "one CPU: an owner runs before those between, until it unlocks"),
	TEST(chain_of_two_locks, "one CPU: an owner whom another owner waits for runs first"),
	TEST(time_that_is_over_drops_it, "one CPU: until the waiter's time is over"),
	TEST(end_of_the_waiter_drops_it, "one CPU: until the waiter ends"),
	TEST(stopped_waiter_lends_nothing, "one CPU: not while the waiter is stopped"),
	TEST(waiters_priority_counts_as_it_is,
	     "one CPU: the waiter's policy and priority may change while it waits"),
	TEST(owners_priority_counts_if_it_is_more, "one CPU: so may the owner's"),
	TEST(most_urgent_waiter_counts, "one CPU: the most urgent of two waiters counts"),
	TEST(second_lock_keeps_it, "one CPU: an owner of two locks runs for either"),
	TEST(lifted_owner_sleeps_and_wakes, "one CPU: a lifted owner that wakes up goes first"),
	TEST(sleeping_owner_is_lifted, "one CPU: so does one that was lifted while it slept"),
	TEST(end_of_the_owner_hands_it_on, "one CPU: an owner that ends makes room"),
	TEST(child_of_a_lifted_owner_waits, "one CPU: the child of a lifted owner waits"),
	TEST(next_owner_is_lifted, "one CPU: the next owner runs for those who still wait"),
	TEST(moved_waiter_lends, "one CPU: a waiter for a condition, once moved to the lock"),
	TEST(falls_back_before_its_peers,
	     "one CPU: an owner that falls back is the first of its priority"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
