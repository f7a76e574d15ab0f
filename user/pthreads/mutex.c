/*
 * Mutexes: who may enter, who has to wait and for how long, and that the memory of one can go as soon as nobody
 * needs it. Those that a dead owner leaves behind are in robust.c.
 */
#include "pthreads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long plain_counter; /* guarded by whatever the case tries */
static volatile int tid;

static void make_mutex(pthread_mutex_t *m, int type, int shared)
{
	pthread_mutexattr_t attributes;

	check_eq(pthread_mutexattr_init(&attributes), 0);
	check_eq(pthread_mutexattr_settype(&attributes, type), 0);
	check_eq(pthread_mutexattr_setpshared(&attributes, shared), 0);
	check_eq(pthread_mutex_init(m, &attributes), 0);
	check_eq(pthread_mutexattr_destroy(&attributes), 0);
}

/* What pthread_mutex_trylock says in another thread; it keeps nothing. */
static void *try_it(void *m)
{
	long error = pthread_mutex_trylock(m);

	if (error == 0)
		check_eq(pthread_mutex_unlock(m), 0);
	return (void *)error;
}

static void check_busy(pthread_mutex_t *m)
{
	check_eq((long)join(start(try_it, m)), EBUSY);
}

static void check_free(pthread_mutex_t *m)
{
	check_eq((long)join(start(try_it, m)), 0);
}

#define TURNS 500

static void add_turns(pthread_mutex_t *m, long *number)
{
	for (int i = 0; i < TURNS; i++) {
		check_eq(pthread_mutex_lock(m), 0);
		*(volatile long *)number += 1;
		if (i % 50 == 0)
			sched_yield(); /* so that others find it held */
		check_eq(pthread_mutex_unlock(m), 0);
	}
}

static void *take_turns(void *argument)
{
	add_turns(&mutex, &plain_counter);
	return NULL;
}

static void one_at_a_time(void)
{
	pthread_t threads[8];

	start_many(threads, 8, take_turns);
	join_many(threads, 8);
	check_eq(plain_counter, 8 * TURNS);
	check_free(&mutex);
}

static void *take_once(void *argument)
{
	check_eq(pthread_mutex_lock(&mutex), 0);
	*(volatile long *)&plain_counter += 1;
	check_eq(pthread_mutex_unlock(&mutex), 0);
	return NULL;
}

static void many_wait_for_one(void)
{
	pthread_t threads[MANY];

	check_eq(pthread_mutex_lock(&mutex), 0);
	start_many(threads, MANY, take_once);
	check_busy(&mutex);
	check_eq(plain_counter, 0);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	join_many(threads, MANY);
	check_eq(plain_counter, MANY);
}

static void trylock(void)
{
	check_eq(pthread_mutex_trylock(&mutex), 0);
	check_eq(pthread_mutex_trylock(&mutex), EBUSY);
	check_busy(&mutex);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	check_free(&mutex);
}

static void recursive(void)
{
	pthread_mutex_t m;

	make_mutex(&m, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PROCESS_PRIVATE);
	for (int i = 0; i < 3; i++)
		check_eq(pthread_mutex_lock(&m), 0);
	check_eq(pthread_mutex_trylock(&m), 0);
	for (int i = 0; i < 4; i++) {
		check_busy(&m);
		check_eq(pthread_mutex_unlock(&m), 0);
	}
	check_free(&m);
	check_eq(pthread_mutex_unlock(&m), EPERM);
	check_eq(pthread_mutex_destroy(&m), 0);
}

static void *unlock_it(void *m)
{
	return (void *)(long)pthread_mutex_unlock(m);
}

static void error_checking(void)
{
	pthread_mutex_t m;

	make_mutex(&m, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PROCESS_PRIVATE);
	check_eq(pthread_mutex_unlock(&m), EPERM);
	check_eq(pthread_mutex_lock(&m), 0);
	check_eq(pthread_mutex_lock(&m), EDEADLK);
	check_eq(pthread_mutex_trylock(&m), EBUSY);
	check_eq((long)join(start(unlock_it, &m)), EPERM);
	check_busy(&m);
	check_eq(pthread_mutex_unlock(&m), 0);
	check_free(&m);
	check_eq(pthread_mutex_destroy(&m), 0);
}

/* glibc spins for a while before it sleeps; musl has no such kind and says so. */
static void adaptive(void)
{
	const int adaptive_type = 3; /* PTHREAD_MUTEX_ADAPTIVE_NP */
	pthread_mutexattr_t attributes;
	pthread_t threads[8];
	int error;

	check_eq(pthread_mutexattr_init(&attributes), 0);
	error = pthread_mutexattr_settype(&attributes, adaptive_type);
#ifndef __GLIBC__
	check_eq(error, EINVAL);
	return;
#endif
	check_eq(error, 0);
	check_eq(pthread_mutex_init(&mutex, &attributes), 0);
	start_many(threads, 8, take_turns);
	join_many(threads, 8);
	check_eq(plain_counter, 8 * TURNS);
}

static void unknown_attributes(void)
{
	pthread_mutexattr_t attributes;

	check_eq(pthread_mutexattr_init(&attributes), 0);
	check_eq(pthread_mutexattr_settype(&attributes, 77), EINVAL);
	check_eq(pthread_mutexattr_setpshared(&attributes, 77), EINVAL);
	check_eq(pthread_mutexattr_setrobust(&attributes, 77), EINVAL);
	check_eq(pthread_mutexattr_setprotocol(&attributes, 77), EINVAL);
}

/* ---- waiting until a time ---- */

static void *time_out(void *argument)
{
	struct timespec soon = from_now(CLOCK_REALTIME, 20), now;
	struct timespec bad = {soon.tv_sec + 100, 1000000000};

	check_eq(pthread_mutex_timedlock(&mutex, &LONG_AGO), ETIMEDOUT);
	check_eq(pthread_mutex_timedlock(&mutex, &bad), EINVAL);
	check_eq(pthread_mutex_timedlock(&mutex, &soon), ETIMEDOUT);
	check_call(clock_gettime(CLOCK_REALTIME, &now));
	check(now.tv_sec > soon.tv_sec ||
	      (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));
	return NULL;
}

static void timed_lock_that_ends(void)
{
	check_eq(pthread_mutex_lock(&mutex), 0);
	join(start(time_out, NULL));
	check_eq(pthread_mutex_unlock(&mutex), 0);
	check_eq(pthread_mutex_timedlock(&mutex, &LONG_AGO), 0);
	check_busy(&mutex);
	check_eq(pthread_mutex_unlock(&mutex), 0);
}

static void *lock_in_time(void *argument)
{
	struct timespec late = from_now(CLOCK_REALTIME, 3600 * 1000);

	tell_tid(&tid);
	check_eq(pthread_mutex_timedlock(&mutex, &late), 0);
	plain_counter++;
	check_eq(pthread_mutex_unlock(&mutex), 0);
	return NULL;
}

static void timed_lock_in_time(void)
{
	pthread_t thread;

	check_eq(pthread_mutex_lock(&mutex), 0);
	thread = start(lock_in_time, NULL);
	await_asleep(&tid);
	check_eq(plain_counter, 0);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	join(thread);
	check_eq(plain_counter, 1);
}

static void *lock_through_signals(void *argument)
{
	tell_tid(&tid);
	check_eq(pthread_mutex_lock(&mutex), 0);
	check_eq(get(&caught[SIGUSR1]), 20);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	return NULL;
}

static void signals_do_not_end_the_wait(void)
{
	pthread_t thread;

	set_handler(SIGUSR1, count_signal, 0);
	check_eq(pthread_mutex_lock(&mutex), 0);
	thread = start(lock_through_signals, NULL);
	await_asleep(&tid);
	for (int i = 0; i < 20; i++) {
		check_eq(pthread_kill(thread, SIGUSR1), 0);
		tap_await(&caught[SIGUSR1], i + 1);
	}
	check_eq(pthread_mutex_unlock(&mutex), 0);
	join(thread);
}

/* ---- between processes, and the end of one ---- */

struct common {
	pthread_mutex_t mutex;
	long number;
	volatile int users;
};

static void take_turns_in_common(void *argument)
{
	struct common *common = argument;

	add_turns(&common->mutex, &common->number);
}

static void shared_by_processes(void)
{
	struct common *common = tap_shared(sizeof(*common));
	pid_t children[4];

	make_mutex(&common->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_SHARED);
	for (int i = 0; i < 4; i++)
		children[i] = tap_child(take_turns_in_common, common);
	for (int i = 0; i < 4; i++)
		check_exits(children[i], 0);
	check_eq(common->number, 4 * TURNS);
}

static void *leave_and_unmap(void *argument)
{
	struct common *common = argument;
	int left;

	check_eq(pthread_mutex_lock(&common->mutex), 0);
	left = --common->users;
	check_eq(pthread_mutex_unlock(&common->mutex), 0);
	if (left == 0) {
		check_eq(pthread_mutex_destroy(&common->mutex), 0);
		check_call(munmap(common, sizeof(*common)));
	}
	return NULL;
}

/* The one that unlocked before may still be about to wake somebody on memory that is gone. */
static void gone_with_its_memory(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 100; i++) {
		struct common *common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		check(common != MAP_FAILED);
		make_mutex(&common->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PROCESS_PRIVATE);
		common->users = 3;
		for (int j = 0; j < 3; j++)
			threads[j] = start(leave_and_unmap, common);
		join_many(threads, 3);
	}
	await_threads(1);
}

static const struct test_case cases[] = {
	TEST(one_at_a_time, "a mutex lets in one thread at a time"),
	TEST(many_wait_for_one, "200 threads wait for a mutex, and each gets it"),
	TEST(trylock, "trylock says EBUSY and does not wait"),
	TEST(recursive, "a recursive mutex is free after as many unlocks as locks"),
	TEST(error_checking, "an error-checking mutex knows its owner"),
	TEST(adaptive, "an adaptive mutex excludes; a library without them says EINVAL"),
	TEST(unknown_attributes, "attributes that there are not are EINVAL"),
	TEST(timed_lock_that_ends,
	     "a lock with an end to its patience gives up then, and not before"),
	TEST(timed_lock_in_time, "and has the mutex if it is given up in time"),
	TEST(signals_do_not_end_the_wait,
	     "signal handlers run while their thread waits for a mutex"),
	TEST(shared_by_processes, "a mutex in shared memory excludes processes"),
	TEST(gone_with_its_memory, "a mutex's memory may be unmapped by who locks it last"),
};

SUITE(mutex, cases);
