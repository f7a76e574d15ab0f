/*
 * futex(2): what a wait compares and when it ends, whom a wake finds, how waiters are moved.
 */
#include "futex_waiters.h"

#define FUTEX_UNKNOWN 77

static struct timespec milliseconds(long n)
{
	return (struct timespec){n / 1000, n % 1000 * 1000000};
}

/* ---- waiting ---- */

static void other_value_is_not_waited_for(void)
{
	volatile int word = 5;

	check_eq(futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0), -EAGAIN);
	check_eq(futex(&word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 4, NULL, NULL, 0), -EAGAIN);
	check_eq(futex(&word, FUTEX_WAIT_BITSET, 4, NULL, NULL, -1), -EAGAIN);
}

static void timeout_ends_a_wait(void)
{
	struct timespec interval = milliseconds(20), end;
	volatile int word = 0;
	long long start = tap_now();

	check_eq(futex(&word, FUTEX_WAIT, 0, &interval, NULL, 0), -ETIMEDOUT);
	check(tap_now() - start >= 20000000);
	start = tap_now();
	end = clock_plus(CLOCK_MONOTONIC, 20);
	check_eq(futex(&word, FUTEX_WAIT_BITSET, 0, &end, NULL, -1), -ETIMEDOUT);
	check(tap_now() - start >= 19000000);
	end = clock_plus(CLOCK_REALTIME, 20);
	check_eq(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &end, NULL, -1),
		 -ETIMEDOUT);
	check(tap_now() - start >= 38000000);
	/* A time long past. */
	end = milliseconds(1);
	check_eq(futex(&word, FUTEX_WAIT_BITSET, 0, &end, NULL, -1), -ETIMEDOUT);
}

static void bad_waits_are_refused(void)
{
	struct timespec bad = {0, 1000000000}, negative = {-1, 0}, short_time = {0, 1};
	static int words[2];
	char *unaligned = (char *)words + 1;

	check_eq(futex((int *)unaligned, FUTEX_WAIT, 0, NULL, NULL, 0), -EINVAL);
	check_eq(futex(words, FUTEX_WAIT, 0, &bad, NULL, 0), -EINVAL);
	check_eq(futex(words, FUTEX_WAIT, 0, &negative, NULL, 0), -EINVAL);
	check_eq(futex(words, FUTEX_WAIT, 0, KERNEL_ADDRESS, NULL, 0), -EFAULT);
	check_eq(futex(KERNEL_ADDRESS, FUTEX_WAIT, 0, NULL, NULL, 0), -EFAULT);
	check_eq(futex(words, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0), -EINVAL);
	check_eq(futex(words, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &short_time, NULL, 0), -ENOSYS);
	check_eq(futex(words, FUTEX_UNKNOWN, 0, NULL, NULL, 0), -ENOSYS);
	check_eq(futex(words, FUTEX_UNKNOWN | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0), -ENOSYS);
}

static void bad_wakes_are_refused(void)
{
	static int words[2];
	char *unaligned = (char *)words + 1;

	check_eq(futex((int *)unaligned, FUTEX_WAKE, 1, NULL, NULL, 0), -EINVAL);
	check_eq(futex(KERNEL_ADDRESS, FUTEX_WAKE, 1, NULL, NULL, 0), -EFAULT);
	check_eq(futex(UNMAPPED_ADDRESS, FUTEX_WAKE, 1, NULL, NULL, 0), -EFAULT);
	check_eq(futex(UNMAPPED_ADDRESS, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), 0);
	check_eq(futex(words, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), -EINVAL);
	check_eq(futex(words, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

static void interrupted_wait(int flags, const struct timespec *interval, int want)
{
	volatile int word = 0;
	pid_t pid;

	set_handler(SIGUSR1, count_signal, flags);
	pid = tap_fork();
	if (pid == 0) {
		for (;;) {
			tap_sleep_ms(2);
			kill(getppid(), SIGUSR1);
		}
	}
	check_eq(futex(&word, FUTEX_WAIT, 0, interval, NULL, 0), want);
	check(get(&caught[SIGUSR1]) > 0);
	check_call(kill(pid, SIGKILL));
	tap_wait(pid);
}

static void signal_interrupts_a_wait(void)
{
	struct timespec interval = milliseconds(30000);

	interrupted_wait(0, NULL, -EINTR);
	interrupted_wait(0, &interval, -EINTR);
	interrupted_wait(SA_RESTART, &interval, -EINTR);
}

static int wake_after_signals(void *argument)
{
	volatile int *word = argument;

	for (int i = 0; i < 10; i++) {
		raw_settle();
		raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
	}
	set(word, 1);
	raw_futex_wake(word, 1);
	return 0;
}

static void wait_is_restarted(void)
{
	static volatile int word;
	struct thread thread;
	long result;

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	thread_start(&thread, wake_after_signals, (void *)&word);
	while (get(&word) == 0) {
		result = futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0);
		check(result == 0 || result == -EAGAIN);
	}
	thread_join(&thread);
	check(get(&caught[SIGUSR1]) > 0);
}

/* ---- waking ---- */

static void wake_counts_whom_it_woke(void)
{
	volatile int *word;

	make_shared();
	word = &shared->word[0];
	start_waiters(5, word, FUTEX_WAIT, 0);
	check_eq(futex(&shared->word[1], FUTEX_WAKE, 10, NULL, NULL, 0), 0);
	check_eq(futex(word, FUTEX_WAKE, 2, NULL, NULL, 0), 2);
	check_eq(futex(word, FUTEX_WAKE, 0, NULL, NULL, 0), 1);
	check_eq(futex(word, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
	check_eq(futex(word, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
	reap(5);
}

static void waiters_are_woken_in_order(void)
{
	volatile int *word;
	pid_t pids[4];

	make_shared();
	word = &shared->word[0];
	for (int i = 0; i < 4; i++) {
		pids[i] = start_waiter(word, FUTEX_WAIT, 0);
	}
	for (int i = 0; i < 4; i++) {
		check_eq(futex(word, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
		check_exits(pids[i], 0);
	}
}

static void bitsets_select_waiters(void)
{
	volatile int *word;

	make_shared();
	word = &shared->word[0];
	start_waiters(2, word, FUTEX_WAIT_BITSET, 1);
	start_waiters(2, word, FUTEX_WAIT_BITSET, 6);
	check_eq(futex(word, FUTEX_WAKE_BITSET, 10, NULL, NULL, 8), 0);
	check_eq(futex(word, FUTEX_WAKE_BITSET, 10, NULL, NULL, 2), 2);
	check_eq(futex(word, FUTEX_WAKE_BITSET, 10, NULL, NULL, 4), 0);
	check_eq(futex(word, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
	reap(4);
}

static void shared_word_at_two_addresses(void)
{
	int fd, status;
	volatile int *here, *there;
	pid_t pid;

	make_shared();
	fd = check_call(open("/tmp/futex-word", O_RDWR | O_CREAT | O_TRUNC, 0600));
	check_call(ftruncate(fd, 8192));
	here = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	there = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(here != MAP_FAILED && there != MAP_FAILED);
	pid = start_waiter(here + 3, FUTEX_WAIT, 0);
	check_eq(futex(there + 3, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	check_eq(futex(there + 1024 + 3, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), 0);
	check_eq(futex(there + 1024 + 3, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	status = tap_wait(pid);
	check_eq(status, 0);
	check_call(close(fd));
	check_call(unlink("/tmp/futex-word"));
}

static void private_word_is_each_process_own(void)
{
	static volatile int word;
	pid_t pid;

	make_shared();
	pid = start_waiter(&word, FUTEX_WAIT, 0);
	check_eq(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	check_eq(futex(&word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0), 0);
	check_eq(get(&shared->woken), 0);
	check_call(kill(pid, SIGKILL));
	tap_wait(pid);
}

/* ---- requeueing ---- */

static void requeue_moves_waiters(void)
{
	volatile int *from, *to;

	make_shared();
	from = &shared->word[0];
	to = &shared->word[1];
	start_waiters(5, from, FUTEX_WAIT, 0);
	check_eq(futex(from, FUTEX_REQUEUE, 1, (void *)2, to, 0), 3);
	check_eq(futex(to, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
	check_eq(futex(from, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
	reap(5);
}

static void requeue_compares_first(void)
{
	volatile int *from, *to;

	make_shared();
	from = &shared->word[0];
	to = &shared->word[1];
	start_waiters(3, from, FUTEX_WAIT, 0);
	set(from, 9);
	check_eq(futex(from, FUTEX_CMP_REQUEUE, 1, (void *)9, to, 8), -EAGAIN);
	check_eq(futex(from, FUTEX_CMP_REQUEUE, -1, (void *)9, to, 9), -EINVAL);
	check_eq(futex(from, FUTEX_CMP_REQUEUE, 1, (void *)-1, to, 9), -EINVAL);
	check_eq(futex(from, FUTEX_CMP_REQUEUE, 0, (void *)2, to, 9), 2);
	check_eq(futex(to, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_eq(futex(to, FUTEX_CMP_REQUEUE, 0, (void *)9, from, 0), 1);
	check_eq(futex(from, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
	reap(3);
}

static void requeue_to_the_same_word(void)
{
	volatile int *word;

	make_shared();
	word = &shared->word[0];
	start_waiters(3, word, FUTEX_WAIT, 0);
	check_eq(futex(word, FUTEX_REQUEUE, 1, (void *)10, word, 0), 3);
	check_eq(futex(word, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
	reap(3);
}

static void moved_waiter_can_be_interrupted(void)
{
	volatile int *from, *to;
	pid_t pid;

	make_shared();
	from = &shared->word[0];
	to = &shared->word[1];
	pid = start_waiter(from, FUTEX_WAIT, 0);
	check_eq(futex(from, FUTEX_REQUEUE, 0, (void *)1, to, 0), 1);
	check_call(kill(pid, SIGKILL));
	tap_wait(pid);
	check_eq(futex(to, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
	check_eq(futex(from, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
}

/* ---- threads ---- */

#define TURNS 2000

static volatile int turn;

static int take_turns(void *argument)
{
	int self = *(int *)argument, seen;

	for (int i = 0; i < TURNS; i++) {
		while ((seen = get(&turn)) % 2 != self)
			raw6(SYS_futex, &turn, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, 0, 0, 0);
		add(&turn, 1);
		raw6(SYS_futex, &turn, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
	}
	return 0;
}

static void threads_take_turns(void)
{
	static int numbers[2] = {0, 1};
	struct thread threads[2];

	for (int i = 0; i < 2; i++)
		thread_start(&threads[i], take_turns, &numbers[i]);
	for (int i = 0; i < 2; i++)
		thread_join(&threads[i]);
	check_eq(turn, 2 * TURNS);
}

/* A lock as libraries make it: 0 free, 1 held, 2 held and maybe waited for. */
static volatile int lock_word, counter;

static void lock(volatile int *word)
{
	int seen = 0;

	if (__atomic_compare_exchange_n(word, &seen, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	while (__atomic_exchange_n(word, 2, __ATOMIC_SEQ_CST))
		raw6(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 2, 0, 0, 0);
}

static void unlock(volatile int *word)
{
	if (__atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST) == 2)
		raw6(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
}

static int count_under_lock(void *argument)
{
	for (int i = 0; i < TURNS; i++) {
		lock(&lock_word);
		counter = counter + 1;
		if (i % 50 == 0)
			raw0(SYS_sched_yield);
		unlock(&lock_word);
	}
	return 0;
}

static void lock_excludes(void)
{
	struct thread threads[6];

	for (size_t i = 0; i < TAP_COUNT(threads); i++)
		thread_start(&threads[i], count_under_lock, NULL);
	for (size_t i = 0; i < TAP_COUNT(threads); i++)
		thread_join(&threads[i]);
	check_eq(counter, (int)TAP_COUNT(threads) * TURNS);
}

static const struct test_case cases[] = {
	TEST(other_value_is_not_waited_for, "futex: a wait for another value is EAGAIN"),
	TEST(timeout_ends_a_wait, "futex: a wait ends after an interval, or at a time"),
	TEST(bad_waits_are_refused, "futex: bad waits are refused, each with its errno"),
	TEST(bad_wakes_are_refused,
	     "futex: bad wakes are refused; a private one looks at no memory"),
	TEST(signal_interrupts_a_wait, "futex: a handled signal ends a wait with EINTR"),
	TEST(wait_is_restarted, "futex: a wait without end goes on after handlers with SA_RESTART"),
	TEST(wake_counts_whom_it_woke, "futex: a wake wakes so many and says how many"),
	TEST(waiters_are_woken_in_order, "futex: who waits longest is woken first"),
	TEST(bitsets_select_waiters, "futex: bitsets select whom a wake finds"),
	TEST(shared_word_at_two_addresses,
	     "futex: a word of a file is one futex wherever it is mapped"),
	TEST(private_word_is_each_process_own, "futex: after fork a private word is another futex"),
	TEST(requeue_moves_waiters, "futex: requeue wakes some and moves others"),
	TEST(requeue_compares_first, "futex: requeue compares the word and its arguments first"),
	TEST(requeue_to_the_same_word, "futex: requeue from a word to itself"),
	TEST(moved_waiter_can_be_interrupted, "futex: a waiter that was moved can be killed"),
	TEST(threads_take_turns, "futex: two threads take turns"),
	TEST(lock_excludes, "futex: a lock made of one excludes six threads from each other"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
