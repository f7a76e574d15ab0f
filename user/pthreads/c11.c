/*
 * The threads of C11, which each library builds on its own.
 */
#include "pthreads.h"

#include <threads.h>

static mtx_t mutex;
static cnd_t cond;
static tss_t key;
static once_flag flag = ONCE_FLAG_INIT;
static volatile int runs, waiting;
static int counter, is_open;

static int count_turns(void *argument)
{
	for (int i = 0; i < 500; i++) {
		check_eq(mtx_lock(&mutex), thrd_success);
		counter++;
		check_eq(mtx_unlock(&mutex), thrd_success);
		if (i % 100 == 0)
			thrd_yield();
	}
	return (int)(long)argument;
}

static int exit_deep(void *argument)
{
	thrd_exit((int)(long)argument);
}

static void threads_and_mutexes(void)
{
	thrd_t threads[8];
	int result;

	check_eq(mtx_init(&mutex, mtx_plain), thrd_success);
	for (long i = 0; i < 8; i++)
		check_eq(thrd_create(&threads[i], count_turns, (void *)(i - 4)), thrd_success);
	for (int i = 0; i < 8; i++) {
		check_eq(thrd_join(threads[i], &result), thrd_success);
		check_eq(result, i - 4);
	}
	check_eq(counter, 8 * 500);
	check_eq(thrd_create(&threads[0], exit_deep, (void *)77), thrd_success);
	check(!thrd_equal(threads[0], thrd_current()));
	check_eq(thrd_join(threads[0], &result), thrd_success);
	check_eq(result, 77);
	mtx_destroy(&mutex);
}

static int count_and_leave(void *argument)
{
	add(&runs, 1);
	return 0;
}

static void detached(void)
{
	thrd_t thread;

	for (int i = 0; i < 100; i++) {
		check_eq(thrd_create(&thread, count_and_leave, NULL), thrd_success);
		check_eq(thrd_detach(thread), thrd_success);
	}
	tap_await(&runs, 100);
	await_threads(1);
}

static int try_mutex(void *argument)
{
	check_eq(mtx_trylock(&mutex), thrd_busy);
	check_eq(mtx_timedlock(&mutex, &LONG_AGO), thrd_timedout);
	return 0;
}

static void recursive_and_timed(void)
{
	thrd_t thread;

	check_eq(mtx_init(&mutex, mtx_timed | mtx_recursive), thrd_success);
	for (int i = 0; i < 3; i++)
		check_eq(mtx_lock(&mutex), thrd_success);
	check_eq(mtx_trylock(&mutex), thrd_success);
	for (int i = 0; i < 4; i++) {
		check_eq(thrd_create(&thread, try_mutex, NULL), thrd_success);
		check_eq(thrd_join(thread, NULL), thrd_success);
		check_eq(mtx_unlock(&mutex), thrd_success);
	}
	check_eq(mtx_timedlock(&mutex, &LONG_AGO), thrd_success);
	check_eq(mtx_unlock(&mutex), thrd_success);
}

static int wait_until_open(void *argument)
{
	check_eq(mtx_lock(&mutex), thrd_success);
	add(&waiting, 1);
	while (!is_open)
		check_eq(cnd_wait(&cond, &mutex), thrd_success);
	check_eq(mtx_unlock(&mutex), thrd_success);
	return 0;
}

static void conditions(void)
{
	struct timespec soon = from_now(CLOCK_REALTIME, 10);
	thrd_t threads[30];

	check_eq(mtx_init(&mutex, mtx_plain), thrd_success);
	check_eq(cnd_init(&cond), thrd_success);
	check_eq(mtx_lock(&mutex), thrd_success);
	check_eq(cnd_timedwait(&cond, &mutex, &soon), thrd_timedout);
	check_eq(mtx_unlock(&mutex), thrd_success);
	for (int i = 0; i < 30; i++)
		check_eq(thrd_create(&threads[i], wait_until_open, NULL), thrd_success);
	tap_await(&waiting, 30);
	check_eq(mtx_lock(&mutex), thrd_success);
	is_open = 1;
	check_eq(cnd_signal(&cond), thrd_success);
	check_eq(cnd_broadcast(&cond), thrd_success);
	check_eq(mtx_unlock(&mutex), thrd_success);
	for (int i = 0; i < 30; i++)
		check_eq(thrd_join(threads[i], NULL), thrd_success);
	cnd_destroy(&cond);
}

static void run_once(void)
{
	add(&runs, 1);
}

static int call_it_once(void *argument)
{
	call_once(&flag, run_once);
	check_eq(get(&runs), 1);
	return 0;
}

static void once(void)
{
	thrd_t threads[30];

	for (int i = 0; i < 30; i++)
		check_eq(thrd_create(&threads[i], call_it_once, NULL), thrd_success);
	for (int i = 0; i < 30; i++)
		check_eq(thrd_join(threads[i], NULL), thrd_success);
	check_eq(runs, 1);
}

static void count_value(void *value)
{
	add(value, 1);
}

static _Thread_local int local = 5;

static int set_value(void *value)
{
	check(tss_get(key) == NULL);
	check_eq(tss_set(key, value), thrd_success);
	check(tss_get(key) == value);
	check_eq(local, 5);
	local = 6;
	return 0;
}

static void specific(void)
{
	static int destroyed[30];
	thrd_t threads[30];

	check_eq(tss_create(&key, count_value), thrd_success);
	for (int i = 0; i < 30; i++)
		check_eq(thrd_create(&threads[i], set_value, &destroyed[i]), thrd_success);
	for (int i = 0; i < 30; i++)
		check_eq(thrd_join(threads[i], NULL), thrd_success);
	for (int i = 0; i < 30; i++)
		check_eq(destroyed[i], 1);
	check_eq(local, 5);
	tss_delete(key);
}

static void sleeping(void)
{
	long long before = tap_now();

	check_eq(thrd_sleep(&(struct timespec){0, 5000000}, NULL), 0);
	check(tap_now() - before >= 5000000);
}

static const struct test_case cases[] = {
	TEST(threads_and_mutexes,
	     "thrd_create, thrd_join and thrd_exit; mtx_lock lets in one at a time"),
	TEST(detached, "thrd_detach"),
	TEST(recursive_and_timed, "a mutex that is recursive and timed is both"),
	TEST(conditions, "cnd_signal, cnd_broadcast, cnd_timedwait"),
	TEST(once, "call_once"),
	TEST(specific, "tss_create with a destructor, and _Thread_local"),
	TEST(sleeping, "thrd_sleep sleeps for as long as it is told"),
};

SUITE(c11, cases);
