/*
 * Futexes with priority inheritance: what locking and unlocking do to the word, who gets a lock, how
 * long it may take, and what is refused.
 */
#include "futex_words.h"

#define DIED    FUTEX_OWNER_DIED
#define WAITERS FUTEX_WAITERS

/* ---- one thread alone ---- */

static void free_lock_is_taken(void)
{
	make_shared();
	check_eq(lock_pi(&shared->word[0]), 0);
	check_eq(get(&shared->word[0]), self());
	check_eq(unlock_pi(&shared->word[0]), 0);
	check_eq(get(&shared->word[0]), 0);
	check_eq(futex(&shared->word[0], FUTEX_LOCK_PI2, 0, NULL, NULL, 0), 0);
	check_eq(unlock_pi(&shared->word[0]), 0);
	check_eq(futex(&shared->word[0], FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), 0);
	check_eq(get(&shared->word[0]), self());
	check_eq(unlock_pi(&shared->word[0]), 0);
}

static void private_lock_is_taken(void)
{
	volatile int word = 0;

	check_eq(futex(&word, FUTEX_LOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), 0);
	check_eq(word, self());
	check_eq(futex(&word, FUTEX_UNLOCK_PI | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), 0);
	check_eq(word, 0);
}

static void bits_of_a_free_lock(void)
{
	volatile int word = DIED;

	check_eq(lock_pi(&word), 0);
	check_eq(word, (int)(DIED | self()));
	check_eq(unlock_pi(&word), 0);
	check_eq(word, 0);
	word = WAITERS;
	check_eq(lock_pi(&word), 0);
	check_eq(word, self());
	word = WAITERS | DIED;
	check_eq(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), 0);
	check_eq(word, (int)(DIED | self()));
}

static void own_lock_is_a_deadlock(void)
{
	volatile int word = self();

	check_eq(lock_pi(&word), -EDEADLK);
	check_eq(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), -EDEADLK);
	check_eq(word, self());
	word |= WAITERS | DIED;
	check_eq(lock_pi(&word), -EDEADLK);
	check_eq(unlock_pi(&word), 0);
	check_eq(word, 0);
}

static void only_the_owner_unlocks(void)
{
	volatile int word = 0;

	check_eq(unlock_pi(&word), -EPERM);
	word = 1;
	check_eq(unlock_pi(&word), -EPERM);
	word = 1 | WAITERS;
	check_eq(unlock_pi(&word), -EPERM);
	check_eq(word, (int)(1 | WAITERS));
}

static void bad_words_are_refused(void)
{
	static int words[2];
	volatile int *odd = (int *)((char *)words + 1);
	volatile int *only_read = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static const int ops[] = {FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI};

	check(only_read != MAP_FAILED);
	for (unsigned int i = 0; i < TAP_COUNT(ops); i++) {
		check_eq(futex(odd, ops[i], 0, NULL, NULL, 0), -EINVAL);
		check_eq(futex(odd, ops[i] | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), -EINVAL);
		check_eq(futex(KERNEL_ADDRESS, ops[i], 0, NULL, NULL, 0), -EFAULT);
		check_eq(futex(UNMAPPED_ADDRESS, ops[i] | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0),
			 -EFAULT);
		check_eq(futex(only_read, ops[i], 0, NULL, NULL, 0), -EFAULT);
		check_eq(futex(only_read, ops[i] | FUTEX_PRIVATE_FLAG, 0, NULL, NULL, 0), -EFAULT);
	}
	check_eq(unlock_pi(odd), -EPERM);
	check_eq(unlock_pi(KERNEL_ADDRESS), -EFAULT);
	check_eq(unlock_pi(UNMAPPED_ADDRESS), -EFAULT);
	check_eq(unlock_pi(only_read), -EPERM);
	memset((char *)words + 1, 0, 4);
	memcpy((char *)words + 1, &(int){self()}, 4);
	check_eq(unlock_pi(odd), -EINVAL);
}

static void read_only_own_lock_is_not_unlocked(void)
{
	volatile int *word =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*word = self();
	check_call(mprotect((void *)word, 4096, PROT_READ));
	check_eq(unlock_pi(word), -EFAULT);
	check_eq(lock_pi(word), -EFAULT);
	check_eq(*word, self());
}

static void owners_that_are_not_there(void)
{
	volatile int word = NO_SUCH_PID;
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(0);
	check_eq(lock_pi(&word), -ESRCH);
	check_eq(word, (int)(NO_SUCH_PID | WAITERS));
	check_eq(futex(&word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), -ESRCH);
	await_zombie(pid);
	word = pid;
	check_eq(lock_pi(&word), -ESRCH);
	check_eq(word, (int)(pid | WAITERS));
	check_exits(pid, 0);
	word = pid | DIED;
	check_eq(lock_pi(&word), -ESRCH);
	check_eq(word, (int)(pid | WAITERS | DIED));
}

static void bad_times_are_refused(void)
{
	struct timespec late = {1, 0}, bad = {0, 1000000000}, negative = {-1, 0};
	volatile int word = 0;
	static const int ops[] = {FUTEX_LOCK_PI, FUTEX_LOCK_PI2};

	for (int i = 0; i < 2; i++) {
		check_eq(futex(&word, ops[i], 0, &bad, NULL, 0), -EINVAL);
		check_eq(futex(&word, ops[i], 0, &negative, NULL, 0), -EINVAL);
		check_eq(futex(&word, ops[i], 0, KERNEL_ADDRESS, NULL, 0), -EFAULT);
		/* A lock that is free needs no time. */
		check_eq(futex(&word, ops[i], 0, &late, NULL, 0), 0);
		check_eq(unlock_pi(&word), 0);
	}
	/* Of these it is no time. */
	check_eq(futex(&word, FUTEX_TRYLOCK_PI, 0, &bad, NULL, 0), 0);
	check_eq(futex(&word, FUTEX_UNLOCK_PI, 0, &bad, NULL, 0), 0);
}

static void clock_flag_is_taken_by_one(void)
{
	struct timespec bad = {-1, 0};
	volatile int word = 0;
	int flag = FUTEX_CLOCK_REALTIME;

	check_eq(futex(&word, FUTEX_LOCK_PI | flag, 0, NULL, NULL, 0), -ENOSYS);
	check_eq(futex(&word, FUTEX_TRYLOCK_PI | flag, 0, NULL, NULL, 0), -ENOSYS);
	check_eq(futex(&word, FUTEX_UNLOCK_PI | flag, 0, NULL, NULL, 0), -ENOSYS);
	check_eq(futex(&word, FUTEX_CMP_REQUEUE_PI | flag, 1, NULL, NULL, 0), -ENOSYS);
	check_eq(futex(&word, FUTEX_LOCK_PI | flag, 0, &bad, NULL, 0), -EINVAL);
	check_eq(futex(&word, FUTEX_LOCK_PI2 | flag, 0, NULL, NULL, 0), 0);
	check_eq(unlock_pi(&word), 0);
}

/* ---- two ---- */

static void lock_is_waited_for(void)
{
	struct worker w;

	make_shared();
	w = new_worker();
	check_eq(lock_pi(&shared->word[0]), 0);
	waits_for(&w, 0);
	check_eq(get(&shared->word[0]), (int)(self() | WAITERS));
	check_eq(unlock_pi(&shared->word[0]), 0);
	check_eq(answer(&w), 0);
	check_eq(get(&shared->word[0]), (int)(w.pid | WAITERS));
	does(&w, 'u', 0);
	check_eq(get(&shared->word[0]), 0);
	end_worker(&w);
}

static void trylock_does_not_wait(void)
{
	struct worker w;

	make_shared();
	w = new_worker();
	does(&w, 'l', 0);
	check_eq(futex(&shared->word[0], FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), -EAGAIN);
	check_eq(get(&shared->word[0]), (int)(w.pid | WAITERS));
	check_eq(unlock_pi(&shared->word[0]), -EPERM);
	does(&w, 'u', 0);
	check_eq(get(&shared->word[0]), 0);
	end_worker(&w);
}

static void timed(int op, clockid_t clock)
{
	struct timespec end = clock_plus(clock, 20), late = {1, 0};
	long long start = tap_now();

	check_eq(futex(&shared->word[0], op, 0, &end, NULL, 0), -ETIMEDOUT);
	check(tap_now() - start >= 18000000);
	check_eq(futex(&shared->word[0], op, 0, &late, NULL, 0), -ETIMEDOUT);
}

static void waiting_ends_in_time(void)
{
	struct worker w;

	make_shared();
	w = new_worker();
	does(&w, 'l', 0);
	timed(FUTEX_LOCK_PI, CLOCK_REALTIME);
	timed(FUTEX_LOCK_PI2, CLOCK_MONOTONIC);
	timed(FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, CLOCK_REALTIME);
	check_eq(get(&shared->word[0]), (int)(w.pid | WAITERS));
	does(&w, 'u', 0);
	check_eq(get(&shared->word[0]), 0);
	check_eq(lock_pi(&shared->word[0]), 0);
	end_worker(&w);
}

static void signal_does_not_end_a_wait(void)
{
	volatile int *word;
	pid_t pid;

	make_shared();
	word = &shared->word[0];
	check_eq(lock_pi(word), 0);
	pid = tap_fork();
	if (pid == 0) {
		set_handler(SIGUSR1, count_signal, 0);
		set(&shared->ready, 1);
		check_eq(lock_pi(word), 0);
		check_eq(get(&caught[SIGUSR1]), 1);
		_exit(0);
	}
	tap_await(&shared->ready, 1);
	await_state(pid, 'S');
	check_call(kill(pid, SIGUSR1));
	settle();
	await_state(pid, 'S');
	check_call(kill(pid, SIGSTOP));
	await_state(pid, 'T');
	check_call(kill(pid, SIGCONT));
	await_state(pid, 'S');
	check_eq(unlock_pi(word), 0);
	check_exits(pid, 0);
}

static void killed_waiter_gives_up(void)
{
	struct worker a, b;

	make_shared();
	a = new_worker();
	b = new_worker();
	check_eq(lock_pi(&shared->word[0]), 0);
	waits_for(&a, 0);
	waits_for(&b, 0);
	kill_worker(&a);
	check_eq(unlock_pi(&shared->word[0]), 0);
	check_eq(answer(&b), 0);
	check_eq(get(&shared->word[0]), (int)(b.pid | WAITERS));
	does(&b, 'u', 0);
	end_worker(&b);
}

/* ---- who is next ---- */

static void unlock_in_order(struct worker *w, const int *order, int n)
{
	check_eq(unlock_pi(&shared->word[0]), 0);
	for (int i = 0; i < n; i++) {
		check_eq(answer(&w[order[i]]), 0);
		check_eq(get(&shared->word[0]), (int)(w[order[i]].pid | WAITERS));
		does(&w[order[i]], 'u', 0);
	}
	check_eq(get(&shared->word[0]), 0);
	for (int i = 0; i < n; i++)
		end_worker(&w[i]);
}

static void first_come_first_served(void)
{
	struct worker w[4];

	make_shared();
	check_eq(lock_pi(&shared->word[0]), 0);
	for (int i = 0; i < 4; i++) {
		w[i] = new_worker();
		check_call(setpriority(PRIO_PROCESS, w[i].pid, 10 - 5 * i));
		waits_for(&w[i], 0);
	}
	unlock_in_order(w, (const int[]){0, 1, 2, 3}, 4);
}

static void most_urgent_is_first(void)
{
	static const int priorities[] = {0, 10, 30, 20, 30};
	struct worker w[5];

	make_shared();
	check_eq(lock_pi(&shared->word[0]), 0);
	for (int i = 0; i < 5; i++) {
		w[i] = new_worker();
		if (priorities[i])
			set_policy(w[i].pid, i == 3 ? SCHED_RR : SCHED_FIFO, priorities[i]);
		waits_for(&w[i], 0);
	}
	unlock_in_order(w, (const int[]){2, 4, 3, 1, 0}, 5);
}

static void order_follows_changes(void)
{
	struct worker w[3];

	make_shared();
	check_eq(lock_pi(&shared->word[0]), 0);
	for (int i = 0; i < 3; i++) {
		w[i] = new_worker();
		waits_for(&w[i], 0);
	}
	set_policy(w[2].pid, SCHED_FIFO, 5);
	set_policy(w[1].pid, SCHED_FIFO, 7);
	unlock_in_order(w, (const int[]){1, 2, 0}, 3);
}

/* ---- words that do not fit ---- */

static void plain_waiter_is_in_the_way(void)
{
	volatile int *word;
	struct worker w;
	pid_t pid;

	make_shared();
	word = &shared->word[0];
	w = new_worker();
	set(word, w.pid);
	pid = tap_fork();
	if (pid == 0) {
		set(&shared->ready, 1);
		_exit(futex(word, FUTEX_WAIT, w.pid, NULL, NULL, 0) != 0);
	}
	tap_await(&shared->ready, 1);
	await_state(pid, 'S');
	check_eq(lock_pi(word), -EINVAL);
	check_eq(futex(word, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0), -EINVAL);
	check_eq(get(word), w.pid);
	tell(&w, 'u', 0);
	check_eq(answer(&w), -EINVAL);
	check_eq(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_exits(pid, 0);
	does(&w, 'u', 0);
	end_worker(&w);
}

static void waiters_are_not_for_others(void)
{
	struct worker w;
	volatile int *word, *other;

	make_shared();
	w = new_worker();
	word = &shared->word[0];
	other = &shared->word[1];
	check_eq(lock_pi(word), 0);
	waits_for(&w, 0);
	check_eq(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
	check_eq(futex(word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 1), -EINVAL);
	check_eq(futex(word, FUTEX_REQUEUE, 0, (void *)1, other, 0), -EINVAL);
	check_eq(futex(word, FUTEX_CMP_REQUEUE, 0, (void *)1, other, get(word)), -EINVAL);
	check_eq(futex(word, FUTEX_CMP_REQUEUE_PI, 1, (void *)1, other, get(word)), -EINVAL);
	check_eq(futex(word, FUTEX_WAKE_OP, 1, (void *)1, other, 0), -EINVAL);
	check_eq(futex(other, FUTEX_WAKE_OP, 1, (void *)1, word,
		       FUTEX_OP_OR << 28 | FUTEX_OP_CMP_NE << 24),
		 -EINVAL);
	check_eq(unlock_pi(word), 0);
	check_eq(answer(&w), 0);
	does(&w, 'u', 0);
	end_worker(&w);
}

static void owner_and_word_must_agree(void)
{
	struct worker a, b;
	volatile int *word;

	make_shared();
	word = &shared->word[0];
	a = new_worker();
	b = new_worker();
	does(&a, 'l', 0);
	waits_for(&b, 0);
	set(word, 1 | WAITERS);
	check_eq(lock_pi(word), -EINVAL);
	set(word, WAITERS);
	check_eq(lock_pi(word), -EINVAL);
	set(word, NO_SUCH_PID | DIED);
	check_eq(lock_pi(word), -EINVAL);
	/* It is another's in truth. */
	set(word, self() | WAITERS);
	check_eq(unlock_pi(word), -EINVAL);
	check_eq(lock_pi(word), -EDEADLK);
	set(word, a.pid | WAITERS);
	does(&a, 'u', 0);
	check_eq(answer(&b), 0);
	does(&b, 'u', 0);
	end_worker(&a);
	end_worker(&b);
}

/* ---- deadlocks ---- */

static void circle_of(int n)
{
	struct worker w[4];

	make_shared();
	for (int i = 0; i < n; i++) {
		w[i] = new_worker();
		does(&w[i], 'l', i);
	}
	for (int i = 0; i < n - 1; i++)
		waits_for(&w[i], i + 1);
	tell(&w[n - 1], 'l', 0);
	check_eq(answer(&w[n - 1]), -EDEADLK);
	check_eq(get(&shared->word[0]), (int)(w[0].pid | WAITERS));
	/* It goes on: the last one unlocks, and the others one after the other. */
	for (int i = n - 1; i > 0; i--) {
		does(&w[i], 'u', i);
		check_eq(answer(&w[i - 1]), 0);
		does(&w[i - 1], 'u', i);
	}
	does(&w[0], 'u', 0);
	for (int i = 0; i < n; i++)
		end_worker(&w[i]);
}

static void circle_of_two(void)
{
	circle_of(2);
}

static void circle_of_four(void)
{
	circle_of(4);
}

/* ---- owners that go ---- */

static void dead_owner_leaves_its_lock(void)
{
	struct worker a, b, c;

	make_shared();
	a = new_worker();
	b = new_worker();
	c = new_worker();
	does(&a, 'l', 0);
	waits_for(&b, 0);
	waits_for(&c, 0);
	kill_worker(&a);
	check_eq(answer(&b), 0);
	check_eq(get(&shared->word[0]), (int)(b.pid | WAITERS | DIED));
	does(&b, 'u', 0);
	check_eq(answer(&c), 0);
	check_eq(get(&shared->word[0]), (int)(c.pid | WAITERS));
	does(&c, 'u', 0);
	end_worker(&b);
	end_worker(&c);
}

static void dead_owner_leaves_several(void)
{
	struct worker a, w[4];

	make_shared();
	a = new_worker();
	for (int i = 0; i < 4; i++) {
		does(&a, 'l', i);
		w[i] = new_worker();
		waits_for(&w[i], i);
	}
	end_worker(&a);
	for (int i = 0; i < 4; i++) {
		check_eq(answer(&w[i]), 0);
		check_eq(get(&shared->word[i]), (int)(w[i].pid | WAITERS | DIED));
		does(&w[i], 'u', i);
		end_worker(&w[i]);
	}
}

/* A thread takes the page away while another waits for the word in it. */
static int unmap_word(void *argument)
{
	volatile int *word = argument;

	while (!(get(word) & WAITERS))
		raw0(SYS_sched_yield);
	raw_settle();
	raw2(SYS_munmap, word, 4096);
	set(&shared->go, 1);
	return 0;
}

static void heir_may_have_lost_the_word(void)
{
	pid_t owner, heir;
	volatile int *word;

	make_shared();
	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	owner = tap_fork();
	if (owner == 0) {
		check_eq(lock_pi(word), 0);
		set(&shared->ready, 1);
		tap_await(&shared->go, 1);
		_exit(0);
	}
	tap_await(&shared->ready, 1);
	heir = tap_fork();
	if (heir == 0) {
		struct thread thread;
		long result;

		thread_start(&thread, unmap_word, (void *)word);
		result = lock_pi(word);
		thread_join(&thread);
		check_eq(result, -EFAULT);
		_exit(0);
	}
	check_exits(heir, 0);
	check_exits(owner, 0);
	check_eq(get(word), (int)(owner | WAITERS));
}

static void exec_leaves_its_locks(void)
{
	struct worker w;
	pid_t pid;

	make_shared();
	w = new_worker();
	pid = tap_fork();
	if (pid == 0) {
		check_eq(lock_pi(&shared->word[0]), 0);
		set(&shared->ready, 1);
		tap_await(&shared->go, 1);
		execl("/bin/busybox", "true", NULL);
		_exit(1);
	}
	tap_await(&shared->ready, 1);
	waits_for(&w, 0);
	set(&shared->go, 1);
	check_eq(answer(&w), 0);
	check_eq(get(&shared->word[0]), (int)(w.pid | WAITERS | DIED));
	does(&w, 'u', 0);
	check_exits(pid, 0);
	end_worker(&w);
}

static const struct test_case cases[] = {
	TEST(free_lock_is_taken, "a free lock is taken, and the word names its owner"),
	TEST(private_lock_is_taken, "the same with FUTEX_PRIVATE_FLAG"),
	TEST(bits_of_a_free_lock,
	     "of a free lock's bits FUTEX_OWNER_DIED stays, FUTEX_WAITERS goes"),
	TEST(own_lock_is_a_deadlock, "to lock what one holds is EDEADLK"),
	TEST(only_the_owner_unlocks, "to unlock what one does not hold is EPERM"),
	TEST(bad_words_are_refused, "words that are not aligned, not there or cannot be written"),
	TEST(read_only_own_lock_is_not_unlocked, "one's own lock in memory that cannot be written"),
	TEST(owners_that_are_not_there, "an owner that is no thread, or a zombie, is ESRCH"),
	TEST(bad_times_are_refused, "bad times are refused where there is a time"),
	TEST(clock_flag_is_taken_by_one, "FUTEX_CLOCK_REALTIME is for FUTEX_LOCK_PI2 alone"),
	TEST(lock_is_waited_for, "who waits gets the lock when its owner unlocks"),
	TEST(trylock_does_not_wait, "FUTEX_TRYLOCK_PI does not wait, but marks the word"),
	TEST(waiting_ends_in_time, "waiting ends at a time of the clock that was asked for"),
	TEST(signal_does_not_end_a_wait, "a signal, a stop and a continue do not end a wait"),
	TEST(killed_waiter_gives_up, "a waiter that is killed gives its place up"),
	TEST(first_come_first_served, "those that are not real-time get a lock in their order"),
	TEST(most_urgent_is_first, "real-time threads get a lock by their priority"),
	TEST(order_follows_changes, "priorities that change meanwhile count"),
	TEST(plain_waiter_is_in_the_way, "a word with a plain waiter is no lock"),
	TEST(waiters_are_not_for_others,
	     "waiters for a lock are not woken or moved by other operations"),
	TEST(owner_and_word_must_agree, "a word that was tampered with is refused"),
	TEST(circle_of_two, "two that wait for each other: EDEADLK for the second"),
	TEST(circle_of_four, "four that wait for each other: EDEADLK for the last"),
	TEST(dead_owner_leaves_its_lock,
	     "a dead owner's lock goes to who waits for it, and is marked"),
	TEST(dead_owner_leaves_several, "all locks of a dead owner go to who waits for them"),
	TEST(heir_may_have_lost_the_word,
	     "who gets a dead owner's lock but has lost the word is told"),
	TEST(exec_leaves_its_locks, "exec gives up locks as death does"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
