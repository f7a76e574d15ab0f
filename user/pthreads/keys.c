/*
 * What is each thread's own, and what happens once: keys and their destructors, variables marked __thread,
 * pthread_once.
 */
#include "pthreads.h"

#include <limits.h>

static struct gate gate = GATE;
static volatile int runs, ready;
static pthread_key_t key, second;

/* ---- once ---- */

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void run_once(void)
{
	add(&runs, 1);
	sched_yield();
	set(&ready, 1);
}

static void *all_run_it(void *argument)
{
	gate_wait(&gate);
	check_eq(pthread_once(&once, run_once), 0);
	check_eq(get(&ready), 1);
	return NULL;
}

static void once_among_many(void)
{
	pthread_t threads[MANY];

	start_many(threads, MANY, all_run_it);
	gate_open(&gate);
	join_many(threads, MANY);
	check_eq(pthread_once(&once, run_once), 0);
	check_eq(runs, 1);
}

static void cancelled_while_running(void)
{
	if (add(&runs, 1) > 1)
		return;
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

static void *run_the_cancelled(void *argument)
{
	check_eq(pthread_once(&once, cancelled_while_running), 0);
	return NULL;
}

static void once_cancelled(void)
{
	check(join(start(run_the_cancelled, NULL)) == PTHREAD_CANCELED);
	check(join(start(run_the_cancelled, NULL)) == NULL);
	check_eq(runs, 2);
	check(join(start(run_the_cancelled, NULL)) == NULL);
	check_eq(runs, 2);
}

/* ---- keys ---- */

static void *use_key(void *value)
{
	check(pthread_getspecific(key) == NULL);
	check_eq(pthread_setspecific(key, (char *)value + 1), 0);
	gate_wait(&gate);
	check(pthread_getspecific(key) == (char *)value + 1);
	return NULL;
}

static void each_has_its_value(void)
{
	pthread_t threads[MANY];

	check_eq(pthread_key_create(&key, NULL), 0);
	check_eq(pthread_setspecific(key, &key), 0);
	start_many(threads, MANY, use_key);
	tap_await(&gate.waiting, MANY);
	gate_open(&gate);
	join_many(threads, MANY);
	check(pthread_getspecific(key) == &key);
	check_eq(pthread_key_delete(key), 0);
}

static void count_and_clear(void *value)
{
	check(pthread_getspecific(key) == NULL);
	add((int *)value, 1);
}

static void add_ten(void *value)
{
	add((int *)value, 10);
}

static int seen[3];

static void *set_and_end(void *how)
{
	check_eq(pthread_setspecific(key, &seen[(long)how]), 0);
	check_eq(pthread_setspecific(second, &seen[(long)how]), 0);
	if ((long)how == 1)
		pthread_exit(NULL);
	if ((long)how == 2) {
		pthread_cancel(pthread_self());
		pthread_testcancel();
	}
	return NULL;
}

static void destructors(void)
{
	check_eq(pthread_key_create(&key, count_and_clear), 0);
	check_eq(pthread_key_create(&second, add_ten), 0);
	for (long how = 0; how < 3; how++) {
		join(start(set_and_end, (void *)how));
		check_eq(seen[how], 11);
	}
}

static void set_again(void *value)
{
	add(&runs, 1);
	check_eq(pthread_setspecific(key, value), 0);
}

static void set_the_other(void *value)
{
	add(&runs, 1);
	check_eq(pthread_setspecific(second, value), 0);
}

static void *set_key(void *value)
{
	check_eq(pthread_setspecific(key, value), 0);
	return NULL;
}

static void destructor_rounds(void)
{
	check_eq(pthread_key_create(&key, set_again), 0);
	join(start(set_key, &key));
	check_eq(runs, PTHREAD_DESTRUCTOR_ITERATIONS);
}

static void destructor_sets_another(void)
{
	check_eq(pthread_key_create(&key, set_the_other), 0);
	check_eq(pthread_key_create(&second, add_ten), 0);
	join(start(set_key, &seen[0]));
	check_eq(runs, 1);
	check_eq(seen[0], 10);
}

static void no_destructor_for_null(void)
{
	check_eq(pthread_key_create(&key, set_again), 0);
	join(start(set_key, NULL));
	check_eq(runs, 0);
}

static void all_keys(void)
{
	static pthread_key_t keys[PTHREAD_KEYS_MAX + 1];
	int made = 0, error;

	while ((error = pthread_key_create(&keys[made], NULL)) == 0)
		check(++made <= PTHREAD_KEYS_MAX);
	check_eq(error, EAGAIN);
	check(made > PTHREAD_KEYS_MAX / 2);
	for (int i = 0; i < made; i++)
		check_eq(pthread_setspecific(keys[i], &keys[i]), 0);
	for (int i = 0; i < made; i++)
		check(pthread_getspecific(keys[i]) == &keys[i]);
	for (int i = 0; i < made; i++)
		check_eq(pthread_key_delete(keys[i]), 0);
	check_eq(pthread_key_create(&key, NULL), 0);
	check(pthread_getspecific(key) == NULL);
}

static void *keep_value(void *argument)
{
	check_eq(pthread_setspecific(key, &seen[1]), 0);
	gate_wait(&gate);
	check(pthread_getspecific(second) == NULL);
	return NULL;
}

static void deleted_key(void)
{
	pthread_t thread;

	check_eq(pthread_key_create(&key, add_ten), 0);
	thread = start(keep_value, NULL);
	tap_await(&gate.waiting, 1);
	check_eq(pthread_key_delete(key), 0);
	check_eq(pthread_key_create(&second, add_ten), 0);
	gate_open(&gate);
	join(thread);
	check_eq(seen[1], 0);
}

static void main_ends(void *argument)
{
	check_eq(pthread_key_create(&key, add_ten), 0);
	check_eq(pthread_setspecific(key, argument), 0);
	pthread_exit(NULL);
}

static void destructor_of_main(void)
{
	int *number = tap_shared(sizeof(*number));

	check_exits(tap_child(main_ends, number), 0);
	check_eq(*number, 10);
}

/* ---- __thread ---- */

static __thread int initialised = 12345;
static __thread int zero;
static __thread char aligned[64] __attribute__((aligned(64))) = "aligned";
static __thread char large[4000];
static __thread struct {
	char c;
	double d;
	void *self;
} mixed = {'c', 2.5, &gate};
static void *addresses[MANY];

static void *use_variables(void *number)
{
	int i = (long)number;

	check_eq(initialised, 12345);
	check_eq(zero, 0);
	check_eq((unsigned long)aligned % 64, 0);
	check(strcmp(aligned, "aligned") == 0);
	check(mixed.c == 'c' && mixed.d == 2.5 && mixed.self == &gate);
	for (size_t at = 0; at < sizeof(large); at++)
		check(large[at] == 0);
	addresses[i] = &initialised;
	initialised = zero = i;
	memset(large, i, sizeof(large));
	memset(aligned, i, sizeof(aligned));
	mixed.c = i;
	errno = i;
	gate_wait(&gate);
	check_eq(initialised, i);
	check_eq(zero, i);
	check(mixed.c == (char)i && large[3999] == (char)i && aligned[63] == (char)i);
	check_eq(errno, i);
	return NULL;
}

static void variables_of_many(void)
{
	pthread_t threads[MANY];

	for (int round = 0; round < 2; round++) {
		gate.waiting = gate.is_open = 0;
		start_many(threads, MANY, use_variables);
		tap_await(&gate.waiting, MANY);
		gate_open(&gate);
		join_many(threads, MANY);
		for (int i = 0; i < MANY; i++)
			for (int j = 0; j < i; j++)
				check(addresses[i] != addresses[j]);
	}
	check_eq(initialised, 12345);
}

static void *fork_with_variables(void *argument)
{
	pid_t pid;

	initialised = 77;
	pid = tap_fork();
	if (pid == 0) {
		check_eq(initialised, 77);
		initialised = 78;
		_exit(initialised);
	}
	check_exits(pid, 78);
	check_eq(initialised, 77);
	return NULL;
}

static void variables_after_fork(void)
{
	join(start(fork_with_variables, NULL));
	check_eq(initialised, 12345);
}

static volatile int in_handler;

static void read_variable(int number)
{
	set(&in_handler, initialised);
}

static void *raise_with_variable(void *argument)
{
	initialised = 99;
	check_call(raise(SIGUSR1));
	return NULL;
}

static void variables_in_a_handler(void)
{
	set_handler(SIGUSR1, read_variable, 0);
	join(start(raise_with_variable, NULL));
	check_eq(in_handler, 99);
	check_call(raise(SIGUSR1));
	check_eq(in_handler, 12345);
}

static const struct test_case cases[] = {
	TEST(once_among_many, "of 200 threads one runs it, and all wait until it is done"),
	TEST(once_cancelled, "one that is cancelled has not run: the next does it"),
	TEST(each_has_its_value, "200 threads have a value each under the same key"),
	TEST(destructors, "destructors run at return, pthread_exit and cancellation, for each key"),
	TEST(destructor_rounds, "one that sets its key again is run as often as promised"),
	TEST(destructor_sets_another, "one may set another key, whose destructor runs then"),
	TEST(no_destructor_for_null, "NULL has no destructor"),
	TEST(all_keys, "when all keys are taken there is EAGAIN, and later keys to be had again"),
	TEST(deleted_key, "a deleted key has no destructor, and a new one no value"),
	TEST(destructor_of_main, "the first thread's destructors run when it ends by pthread_exit"),
	TEST(variables_of_many, "200 threads have their own variables, initialised and aligned"),
	TEST(variables_after_fork, "a forked child has the variables of the thread that forked"),
	TEST(variables_in_a_handler, "a signal handler sees the variables of its thread"),
};

SUITE(keys, cases);
