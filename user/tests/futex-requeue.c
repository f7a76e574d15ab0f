/*
 * FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI: condition variables whose waiters are moved to a
 * lock with priority inheritance; and what plain requeueing refuses.
 */
#include "futex_words.h"

#define DIED    FUTEX_OWNER_DIED
#define WAITERS FUTEX_WAITERS

enum { CONDITION, LOCK, OTHER };

static volatile int *condition, *lock, *other;

static void make_words(void)
{
	make_shared();
	condition = &shared->word[CONDITION];
	lock = &shared->word[LOCK];
	other = &shared->word[OTHER];
}

static long wait_requeue(const void *timeout)
{
	return futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, timeout, lock, 0);
}

static long requeue(long wake, long move, volatile int *to, int expected)
{
	return futex(condition, FUTEX_CMP_REQUEUE_PI, wake, (void *)move, to, expected);
}

/* A child that waits; with the lock it notes its turn, gives it up, and exits with 0. */
static pid_t start_one(int priority)
{
	int number = get(&shared->ready);
	pid_t pid = tap_fork();

	if (pid == 0) {
		if (priority)
			set_policy(0, SCHED_FIFO, priority);
		add(&shared->ready, 1);
		check_eq(wait_requeue(NULL), 0);
		check_eq(get(lock) & FUTEX_TID_MASK, self());
		shared->order[add(&shared->turn, 1) - 1] = number;
		check_eq(unlock_pi(lock), 0);
		_exit(0);
	}
	await_word(&shared->ready, number + 1);
	await_state(pid, 'S');
	return pid;
}

static void reap_all(const pid_t *pids, int n)
{
	for (int i = 0; i < n; i++)
		check_exits(pids[i], 0);
}

/* ---- what is refused ---- */

static void bad_requeues_are_refused(void)
{
	volatile int *odd;

	make_words();
	odd = (int *)((char *)condition + 1);
	check_eq(requeue(1, 1, condition, 0), -EINVAL);
	check_eq(requeue(0, 1, lock, 0), -EINVAL);
	check_eq(requeue(2, 1, lock, 0), -EINVAL);
	check_eq(requeue(-1, 1, lock, 0), -EINVAL);
	check_eq(requeue(1, -1, lock, 0), -EINVAL);
	check_eq(requeue(1, 1, odd, 0), -EINVAL);
	check_eq(requeue(1, 1, KERNEL_ADDRESS, 0), -EFAULT);
	check_eq(requeue(1, 1, UNMAPPED_ADDRESS, 1), -EFAULT);
	check_eq(futex(odd, FUTEX_CMP_REQUEUE_PI, 1, NULL, lock, 0), -EINVAL);
	check_eq(futex(UNMAPPED_ADDRESS, FUTEX_CMP_REQUEUE_PI, 1, NULL, lock, 0), -EFAULT);
	check_eq(requeue(1, 1, lock, 1), -EAGAIN);
	check_eq(futex(condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, NULL,
		       UNMAPPED_ADDRESS, 1),
		 -EAGAIN);
	check_eq(futex(condition, FUTEX_CMP_REQUEUE_PI | FUTEX_PRIVATE_FLAG, 1, NULL,
		       UNMAPPED_ADDRESS, 0),
		 -EFAULT);
	/* Nobody waits. */
	check_eq(requeue(1, 1, lock, 0), 0);
	check_eq(get(lock), 0);
}

static void bad_waits_are_refused(void)
{
	struct timespec bad = {0, -1}, past = {1, 0};
	volatile int *odd;
	int flag = FUTEX_CLOCK_REALTIME;

	make_words();
	odd = (int *)((char *)condition + 1);
	check_eq(futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, condition, 0), -EINVAL);
	check_eq(futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, odd, 0), -EINVAL);
	check_eq(futex(odd, FUTEX_WAIT_REQUEUE_PI, 0, NULL, lock, 0), -EINVAL);
	check_eq(futex(condition, FUTEX_WAIT_REQUEUE_PI, 0, NULL, UNMAPPED_ADDRESS, 0), -EFAULT);
	check_eq(futex(UNMAPPED_ADDRESS, FUTEX_WAIT_REQUEUE_PI, 0, NULL, lock, 0), -EFAULT);
	check_eq(futex(condition, FUTEX_WAIT_REQUEUE_PI, 1, NULL, lock, 0), -EAGAIN);
	check_eq(wait_requeue(&bad), -EINVAL);
	check_eq(wait_requeue(KERNEL_ADDRESS), -EFAULT);
	check_eq(wait_requeue(&past), -ETIMEDOUT);
	check_eq(futex(condition, FUTEX_WAIT_REQUEUE_PI | flag, 0, &past, lock, 0), -ETIMEDOUT);
	check_eq(get(lock), 0);
}

static void same_word_at_two_addresses(void)
{
	volatile int *here, *there;
	int fd;

	make_words();
	fd = check_call(open("/tmp/futex-requeue", O_RDWR | O_CREAT | O_TRUNC, 0600));
	check_call(unlink("/tmp/futex-requeue"));
	check_call(ftruncate(fd, 4096));
	here = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	there = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(here != MAP_FAILED && there != MAP_FAILED);
	check_eq(futex(here, FUTEX_CMP_REQUEUE_PI, 1, NULL, there, 0), -EINVAL);
	check_eq(futex(here, FUTEX_WAIT_REQUEUE_PI, 0, NULL, there, 0), -EINVAL);
	check_eq(futex(here, FUTEX_WAIT_REQUEUE_PI, 1, NULL, there, 0), -EAGAIN);
	check_eq(futex(here, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

static void waiters_belong_to_one_operation(void)
{
	pid_t pid, plain;

	make_words();
	pid = start_one(0);
	check_eq(futex(condition, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
	check_eq(futex(condition, FUTEX_REQUEUE, 0, (void *)1, lock, 0), -EINVAL);
	check_eq(futex(condition, FUTEX_CMP_REQUEUE, 1, (void *)1, lock, 0), -EINVAL);
	check_eq(futex(condition, FUTEX_WAKE_OP, 1, (void *)1, other, 0), -EINVAL);
	check_eq(requeue(1, 1, other, 0), -EINVAL);
	check_eq(futex(condition, FUTEX_LOCK_PI, 0, NULL, NULL, 0), -EINVAL);
	check_eq(requeue(1, 0, lock, 0), 1);
	check_exits(pid, 0);
	set(condition, 0);
	/* And plain waiters to the others. */
	plain = tap_fork();
	if (plain == 0) {
		add(&shared->ready, 1);
		_exit(futex(condition, FUTEX_WAIT, 0, NULL, NULL, 0) != 0);
	}
	await_word(&shared->ready, 2);
	await_state(plain, 'S');
	check_eq(requeue(1, 1, lock, 0), -EINVAL);
	check_eq(futex(condition, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_exits(plain, 0);
}

/* ---- moving ---- */

static void free_lock_goes_to_the_first(void)
{
	pid_t pids[3];

	make_words();
	for (int i = 0; i < 3; i++)
		pids[i] = start_one(0);
	check_eq(requeue(1, 0, lock, 0), 1);
	check_exits(pids[0], 0);
	check_eq(get(lock), 0);
	check_eq(requeue(1, 100, lock, 0), 2);
	reap_all(pids + 1, 2);
	check_eq(get(lock), 0);
	check_eq(shared->order[0], 0);
	check_eq(shared->order[1], 1);
	check_eq(shared->order[2], 2);
	check_eq(requeue(1, 1, lock, 0), 0);
}

static void held_lock_is_waited_for(void)
{
	pid_t pids[4];

	make_words();
	for (int i = 0; i < 4; i++)
		pids[i] = start_one(0);
	check_eq(lock_pi(lock), 0);
	check_eq(requeue(1, 1, lock, 0), 2);
	check_eq(get(lock), (int)(self() | WAITERS));
	settle();
	check_eq(get(&shared->turn), 0);
	/* One even if none is asked for. */
	check_eq(requeue(1, 0, lock, 0), 1);
	check_eq(unlock_pi(lock), 0);
	reap_all(pids, 3);
	check_eq(get(lock), 0);
	check_eq(requeue(1, 0, lock, 0), 1);
	check_exits(pids[3], 0);
}

static void moved_waiters_lend(void)
{
	static const int priorities[] = {0, 10, 30, 20};
	pid_t pids[4];

	make_words();
	for (int i = 0; i < 4; i++)
		pids[i] = start_one(priorities[i]);
	check_eq(lock_pi(lock), 0);
	check_eq(requeue(1, 0, lock, 0), 1);
	check_eq(priority_of(getpid()), SHOWN(30));
	check_eq(requeue(1, 100, lock, 0), 3);
	check_eq(priority_of(getpid()), SHOWN(30));
	check_eq(unlock_pi(lock), 0);
	check_eq(priority_of(getpid()), 20);
	reap_all(pids, 4);
	check_eq(shared->order[0], 2);
	check_eq(shared->order[1], 3);
	check_eq(shared->order[2], 1);
	check_eq(shared->order[3], 0);
}

static void lock_that_names_its_waiter(void)
{
	pid_t pid;

	make_words();
	pid = start_one(0);
	set(lock, pid);
	check_eq(requeue(1, 1, lock, 0), -EDEADLK);
	set(lock, NO_SUCH_PID);
	check_eq(requeue(1, 1, lock, 0), -ESRCH);
	check_eq(get(lock), (int)(NO_SUCH_PID | WAITERS));
	set(lock, DIED);
	check_eq(requeue(1, 0, lock, 0), 1);
	check_exits(pid, 0);
	check_eq(get(lock), 0);
}

static void circle_through_a_requeue(void)
{
	struct worker w;
	pid_t pid;

	make_words();
	w = new_worker();
	does(&w, 'l', LOCK);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(lock_pi(other), 0);
		add(&shared->ready, 1);
		check_eq(wait_requeue(NULL), 0);
		_exit(0);
	}
	await_word(&shared->ready, 1);
	await_state(pid, 'S');
	waits_for(&w, OTHER);
	check_eq(requeue(1, 1, lock, 0), -EDEADLK);
	/* It waits where it was. */
	await_state(pid, 'S');
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	check_eq(answer(&w), 0);
	does(&w, 'u', OTHER);
	does(&w, 'u', LOCK);
	end_worker(&w);
}

static void time_ends_both_waits(void)
{
	pid_t pid;

	make_words();
	check_eq(lock_pi(lock), 0);
	pid = tap_fork();
	if (pid == 0) {
		struct timespec end = clock_plus(CLOCK_MONOTONIC, 20);

		check_eq(wait_requeue(&end), -ETIMEDOUT);
		end = clock_plus(CLOCK_MONOTONIC, 400);
		set(&shared->ready, 1);
		check_eq(wait_requeue(&end), -ETIMEDOUT);
		_exit(get(&shared->go) != 1);
	}
	await_word(&shared->ready, 1);
	await_state(pid, 'S');
	set(&shared->go, requeue(1, 0, lock, 0));
	check_exits(pid, 0);
	check_eq(unlock_pi(lock), 0);
	check_eq(get(lock), 0);
}

static void signals_before_and_after(void)
{
	pid_t pid;

	make_words();
	check_eq(lock_pi(lock), 0);
	pid = tap_fork();
	if (pid == 0) {
		set_handler(SIGUSR1, count_signal, 0);
		set(&shared->ready, 1);
		check_eq(wait_requeue(NULL), -EAGAIN);
		check_eq(get(&caught[SIGUSR1]), 2);
		_exit(0);
	}
	await_word(&shared->ready, 1);
	await_state(pid, 'S');
	/* Before it is moved it waits again; afterwards it is told to look again. */
	check_call(kill(pid, SIGUSR1));
	settle();
	await_state(pid, 'S');
	check_eq(requeue(1, 0, lock, 0), 1);
	check_call(kill(pid, SIGUSR1));
	check_exits(pid, 0);
	check_eq(unlock_pi(lock), 0);
	check_eq(get(lock), 0);
}

static void owner_dies_with_moved_waiters(void)
{
	struct worker w;
	pid_t pid;

	make_words();
	w = new_worker();
	does(&w, 'l', LOCK);
	pid = tap_fork();
	if (pid == 0) {
		set(&shared->ready, 1);
		check_eq(wait_requeue(NULL), 0);
		check_eq(get(lock), (int)(self() | WAITERS | DIED));
		check_eq(unlock_pi(lock), 0);
		_exit(0);
	}
	await_word(&shared->ready, 1);
	await_state(pid, 'S');
	check_eq(requeue(1, 0, lock, 0), 1);
	kill_worker(&w);
	check_exits(pid, 0);
	check_eq(get(lock), 0);
}

/* ---- many ---- */

enum { CONSUMERS = 4, ITEMS = 1500 };

/* A queue with a lock and a condition, used as a C library would; the last item says it is over. */
static void consume(void)
{
	for (;;) {
		int seen, expected = 0;

		if (!__atomic_compare_exchange_n(lock, &expected, self(), 0, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			check_eq(lock_pi(lock), 0);
		while (shared->counter == 0 && !get(&shared->done)) {
			seen = get(condition);
			check_eq(unlock_pi(lock), 0);
			if (futex(condition, FUTEX_WAIT_REQUEUE_PI, seen, NULL, lock, 0))
				check_eq(lock_pi(lock), 0);
			check_eq(get(lock) & FUTEX_TID_MASK, self());
		}
		if (shared->counter == 0)
			break;
		shared->counter--;
		add(&shared->turn, 1);
		check_eq(unlock_pi(lock), 0);
	}
	check_eq(unlock_pi(lock), 0);
}

static void produce(int i)
{
	long result;

	check_eq(lock_pi(lock), 0);
	if (i < ITEMS)
		shared->counter++;
	else
		set(&shared->done, 1);
	add(condition, 1);
	do
		result = futex(condition, FUTEX_CMP_REQUEUE_PI, 1,
			       (void *)(long)(i % 3 == 0 || i == ITEMS ? 100 : 0), lock,
			       get(condition));
	while (result == -EAGAIN);
	check(result >= 0);
	check_eq(unlock_pi(lock), 0);
}

static void no_item_is_lost(void)
{
	pid_t pids[CONSUMERS];

	make_words();
	for (int i = 0; i < CONSUMERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			consume();
			_exit(0);
		}
	}
	for (int i = 0; i <= ITEMS; i++)
		produce(i);
	reap_all(pids, CONSUMERS);
	check_eq(get(&shared->turn), ITEMS);
	check_eq(get(lock), 0);
}

/* ---- plain waiters ---- */

static void plain_waiters_queue_by_priority(void)
{
	static const int priorities[] = {0, 10, 30, 20, 10};
	static const int order[] = {2, 3, 1, 4, 0};
	pid_t pids[5];

	make_words();
	for (int i = 0; i < 5; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			if (priorities[i])
				set_policy(0, SCHED_FIFO, priorities[i]);
			add(&shared->ready, 1);
			_exit(futex(condition, FUTEX_WAIT, 0, NULL, NULL, 0) != 0);
		}
		await_word(&shared->ready, i + 1);
		await_state(pids[i], 'S');
	}
	/* Also in the queue that they are moved to. */
	check_eq(futex(condition, FUTEX_REQUEUE, 0, (void *)100, other, 0), 5);
	for (int i = 0; i < 5; i++) {
		check_eq(futex(other, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
		check_exits(pids[order[i]], 0);
	}
}

static const struct test_case cases[] = {
	TEST(bad_requeues_are_refused, "requeue to a lock: bad counts and words are refused"),
	TEST(bad_waits_are_refused, "wait to be requeued: bad words and times are refused"),
	TEST(same_word_at_two_addresses, "condition and lock are not one word at two addresses"),
	TEST(waiters_belong_to_one_operation,
	     "each kind of waiter is for its own operations alone"),
	TEST(free_lock_goes_to_the_first, "a free lock goes to the first waiter"),
	TEST(held_lock_is_waited_for, "a held lock is waited for by those that are moved"),
	TEST(moved_waiters_lend, "those that are moved lend their priority, and are served by it"),
	TEST(lock_that_names_its_waiter, "a lock that names the waiter, nobody, or a dead owner"),
	TEST(circle_through_a_requeue, "a move that would close a circle is EDEADLK"),
	TEST(time_ends_both_waits, "time ends the wait before and after the move"),
	TEST(signals_before_and_after, "a signal before the move restarts, after it ends the wait"),
	TEST(owner_dies_with_moved_waiters, "an owner dies while moved waiters wait"),
	TEST(no_item_is_lost, "a queue with several consumers loses nothing"),
	TEST(plain_waiters_queue_by_priority, "plain waiters are woken by real-time priority"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
