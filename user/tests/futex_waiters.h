#ifndef FUTEX_WAITERS_H
#define FUTEX_WAITERS_H

/*
 * For the suites about futexes: children that wait for a word and say how they were woken.
 */
#include "futex_call.h"

/* Words that all processes of a case see; each waiter counts itself in and out. */
struct shared {
	volatile int word[4];
	volatile int waiting, woken;
	volatile int result[16];
};

static struct shared *shared UNUSED;

static inline UNUSED void make_shared(void)
{
	shared = tap_shared(sizeof(*shared));
}

/* A child that waits on the word while it is `value`, and exits with 0 if it was woken. */
static inline UNUSED pid_t start_waiter_for(volatile int *word, int op, int value, int bitset)
{
	int before = get(&shared->waiting);
	pid_t pid = tap_fork();
	long result;

	if (pid == 0) {
		add(&shared->waiting, 1);
		result = futex(word, op, value, NULL, NULL, bitset);
		add(&shared->woken, 1);
		_exit(result ? 1 : 0);
	}
	tap_await(&shared->waiting, before + 1);
	await_state(pid, 'S');
	return pid;
}

static inline UNUSED pid_t start_waiter(volatile int *word, int op, int bitset)
{
	return start_waiter_for(word, op, 0, bitset);
}

static inline UNUSED void start_waiters(int n, volatile int *word, int op, int bitset)
{
	while (n-- > 0)
		start_waiter(word, op, bitset);
}

static inline UNUSED void reap(int n)
{
	int status;

	while (n-- > 0) {
		check(waitpid(-1, &status, 0) > 0);
		check_eq(status, 0);
	}
}

#endif
