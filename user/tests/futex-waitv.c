/*
 * futex_waitv(2): waiting for several words at once.
 */
#include "futex_words.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

enum { MOST = FUTEX_WAITV_MAX };

struct words {
	volatile int word[MOST + 1];
	volatile int ready;
};

static struct words *words;

static long waitv(const void *waiters, unsigned int n, const void *timeout, int clock)
{
	return raw5(SYS_futex_waitv, waiters, n, 0, timeout, clock);
}

/* The first n words, each expected to be 0. */
static struct futex_waitv *all_words(int n)
{
	static struct futex_waitv v[MOST + 1];

	words = tap_shared(sizeof(*words));
	for (int i = 0; i < n; i++)
		v[i] = (struct futex_waitv){.uaddr = (unsigned long)&words->word[i],
					    .flags = FUTEX_32};
	return v;
}

static void bad_arguments_are_refused(void)
{
	struct futex_waitv *v = all_words(2);
	struct timespec past = {1, 0}, bad = {0, -1};

	check_eq(raw5(SYS_futex_waitv, v, 1, 1, NULL, 0), -EINVAL);
	check_eq(waitv(v, 0, NULL, 0), -EINVAL);
	check_eq(waitv(v, MOST + 1, NULL, 0), -EINVAL);
	check_eq(waitv(v, -1, NULL, 0), -EINVAL);
	check_eq(waitv(NULL, 1, NULL, 0), -EINVAL);
	check_eq(waitv(KERNEL_ADDRESS, 1, NULL, 0), -EFAULT);
	check_eq(waitv(v, 1, &past, CLOCK_BOOTTIME), -EINVAL);
	check_eq(waitv(v, 1, KERNEL_ADDRESS, CLOCK_BOOTTIME), -EINVAL);
	check_eq(waitv(v, 1, KERNEL_ADDRESS, CLOCK_MONOTONIC), -EFAULT);
	check_eq(waitv(v, 1, &bad, CLOCK_MONOTONIC), -EINVAL);
	/* The time is looked at before the list is. */
	check_eq(waitv(KERNEL_ADDRESS, 1, &bad, CLOCK_MONOTONIC), -EINVAL);
	/* Without a time the clock does not matter. */
	words->word[0] = 1;
	check_eq(waitv(v, 1, NULL, 99), -EAGAIN);
}

static void bad_entries_are_refused(void)
{
	struct futex_waitv *v = all_words(3);

	words->word[0] = 1;
	v[2].flags = 0;
	check_eq(waitv(v, 3, NULL, 0), -EINVAL);
	v[2].flags = FUTEX_32 | FUTEX_CLOCK_REALTIME;
	check_eq(waitv(v, 3, NULL, 0), -EINVAL);
	v[2].flags = FUTEX_32;
	v[2].reserved = 1;
	check_eq(waitv(v, 3, NULL, 0), -EINVAL);
	v[2].reserved = 0;
	v[2].uaddr++;
	check_eq(waitv(v, 3, NULL, 0), -EINVAL);
	v[2].uaddr = (unsigned long)UNMAPPED_ADDRESS;
	check_eq(waitv(v, 3, NULL, 0), -EFAULT);
	v[2].uaddr = (unsigned long)KERNEL_ADDRESS;
	check_eq(waitv(v, 3, NULL, 0), -EFAULT);
	/* A private one is looked at when its turn comes. */
	v[2].uaddr = (unsigned long)UNMAPPED_ADDRESS;
	v[2].flags = FUTEX_32 | FUTEX_PRIVATE_FLAG;
	check_eq(waitv(v, 3, NULL, 0), -EAGAIN);
	words->word[0] = 0;
	check_eq(waitv(v, 3, NULL, 0), -EFAULT);
	check_eq(waitv(UNMAPPED_ADDRESS, 1, NULL, 0), -EFAULT);
}

static void any_other_value_is_not_waited_for(void)
{
	struct futex_waitv *v = all_words(MOST);

	words->word[MOST - 1] = 1;
	check_eq(waitv(v, MOST, NULL, 0), -EAGAIN);
	v[MOST - 1].val = 1;
	words->word[0] = 1;
	check_eq(waitv(v, MOST, NULL, 0), -EAGAIN);
	/* Nothing stays behind. */
	for (int i = 0; i < MOST; i++)
		check_eq(futex(&words->word[i], FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

static void values_have_32_bits(void)
{
	struct futex_waitv *v = all_words(1);
	struct timespec past = {1, 0};

	v[0].val = 1ul << 32;
	check_eq(waitv(v, 1, &past, CLOCK_MONOTONIC), -ETIMEDOUT);
}

static pid_t start_waiting(struct futex_waitv *v, int n, long result)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		set(&words->ready, 1);
		check_eq(waitv(v, n, NULL, 0), result);
		_exit(0);
	}
	tap_await(&words->ready, 1);
	await_state(pid, 'S');
	return pid;
}

static void index_tells_who_was_woken(void)
{
	static const int which[] = {0, 1, 77, MOST - 1};
	struct futex_waitv *v;
	pid_t pid;

	for (unsigned int i = 0; i < TAP_COUNT(which); i++) {
		v = all_words(MOST);
		pid = start_waiting(v, MOST, which[i]);
		check_eq(futex(&words->word[MOST], FUTEX_WAKE, 1, NULL, NULL, 0), 0);
		check_eq(futex(&words->word[which[i]], FUTEX_WAKE, 9, NULL, NULL, 0), 1);
		check_exits(pid, 0);
	}
}

static void last_one_woken_counts(void)
{
	struct futex_waitv *v = all_words(3);
	pid_t pid = start_waiting(v, 3, 2);

	/* It does not get to run in between. */
	only_cpu_0();
	check_eq(raw3(SYS_sched_setaffinity, pid, 8, &(unsigned long){1}), 0);
	set_policy(0, SCHED_FIFO, 20);
	check_eq(futex(&words->word[2], FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_eq(futex(&words->word[1], FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_eq(futex(&words->word[0], FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_exits(pid, 0);
}

static void same_word_twice(void)
{
	struct futex_waitv *v = all_words(2);
	pid_t pid;

	v[1] = v[0];
	pid = start_waiting(v, 2, 0);
	check_eq(futex(&words->word[0], FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_exits(pid, 0);
}

static void waiting_for_any_ends_in_time(void)
{
	struct futex_waitv *v = all_words(3);
	struct timespec end, past = {1, 0};
	long long start = tap_now();

	check_eq(waitv(v, 3, &past, CLOCK_MONOTONIC), -ETIMEDOUT);
	check_eq(waitv(v, 3, &past, CLOCK_REALTIME), -ETIMEDOUT);
	end = clock_plus(CLOCK_MONOTONIC, 20);
	check_eq(waitv(v, 3, &end, CLOCK_MONOTONIC), -ETIMEDOUT);
	check(tap_now() - start >= 19000000);
	end = clock_plus(CLOCK_REALTIME, 20);
	check_eq(waitv(v, 3, &end, CLOCK_REALTIME), -ETIMEDOUT);
	check(tap_now() - start >= 38000000);
	check_eq(futex(&words->word[0], FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

static void signals(int flags, int restarted)
{
	struct futex_waitv *v = all_words(3);
	pid_t pid = tap_fork();

	if (pid == 0) {
		set_handler(SIGUSR1, count_signal, flags);
		set(&words->ready, 1);
		check_eq(waitv(v, 3, NULL, 0), restarted ? 1 : -EINTR);
		check_eq(get(&caught[SIGUSR1]), 1);
		_exit(0);
	}
	tap_await(&words->ready, 1);
	await_state(pid, 'S');
	check_call(kill(pid, SIGUSR1));
	settle();
	if (restarted) {
		await_state(pid, 'S');
		check_eq(futex(&words->word[1], FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	}
	check_exits(pid, 0);
}

static void signal_ends_or_restarts(void)
{
	signals(0, 0);
	signals(SA_RESTART, 1);
}

static void requeue_takes_it_along(void)
{
	struct futex_waitv *v = all_words(3);
	pid_t pid = start_waiting(v, 3, 1);

	check_eq(futex(&words->word[1], FUTEX_REQUEUE, 0, (void *)1, &words->word[9], 0), 1);
	check_eq(futex(&words->word[1], FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	check_eq(futex(&words->word[9], FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	check_exits(pid, 0);
}

/* One wakes any word at random, the other waits for any: no wake is lost. */
static void no_wake_is_lost(void)
{
	enum { N = 8, TIMES = 3000 };
	struct futex_waitv *v = all_words(N);
	unsigned int random = 1;
	pid_t pid = tap_fork();

	if (pid == 0) {
		for (int seen = 0; seen < TIMES;) {
			long result = waitv(v, N, NULL, 0);
			int sum = 0;

			check(result == -EAGAIN || (result >= 0 && result < N));
			for (int i = 0; i < N; i++) {
				v[i].val = get(&words->word[i]);
				sum += v[i].val;
			}
			seen = sum;
			set(&words->ready, seen);
		}
		_exit(0);
	}
	for (int i = 1; i <= TIMES; i++) {
		random = random * 1103515245 + 12345;
		add(&words->word[random >> 16 & (N - 1)], 1);
		futex(&words->word[random >> 16 & (N - 1)], FUTEX_WAKE, 1, NULL, NULL, 0);
		if (random >> 24 & 1)
			tap_await(&words->ready, i);
	}
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(bad_arguments_are_refused, "futex_waitv: bad counts, flags, clocks and times"),
	TEST(bad_entries_are_refused, "futex_waitv: bad entries, before any value is looked at"),
	TEST(any_other_value_is_not_waited_for, "futex_waitv: one other value among 128"),
	TEST(values_have_32_bits, "futex_waitv: only 32 bits of a value are compared"),
	TEST(index_tells_who_was_woken, "futex_waitv: returns which word was woken"),
	TEST(last_one_woken_counts, "futex_waitv: the last of several that were woken"),
	TEST(same_word_twice, "futex_waitv: the same word twice"),
	TEST(waiting_for_any_ends_in_time, "futex_waitv: ends at a time of the clock asked for"),
	TEST(signal_ends_or_restarts, "futex_waitv: a signal ends it, or it is restarted"),
	TEST(requeue_takes_it_along, "futex_waitv: a word that was requeued counts for its place"),
	TEST(no_wake_is_lost, "futex_waitv: no wake is lost"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
