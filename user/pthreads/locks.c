/*
 * Read-write locks, spin locks and barriers, among threads and among processes.
 */
#include "pthreads.h"

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spinlock;
static pthread_barrier_t barrier;
static struct gate gate = GATE;
static volatile long left, right; /* equal, except while a writer is at it */
static volatile int tid, order;

/* ---- read-write locks ---- */

static void *read_together(void *argument)
{
	check_eq(pthread_rwlock_rdlock(&rwlock), 0);
	gate_wait(&gate);
	check_eq(pthread_rwlock_unlock(&rwlock), 0);
	return NULL;
}

static void readers_together(void)
{
	pthread_t threads[50];

	start_many(threads, 50, read_together);
	tap_await(&gate.waiting, 50);
	check_eq(pthread_rwlock_trywrlock(&rwlock), EBUSY);
	check_eq(pthread_rwlock_tryrdlock(&rwlock), 0);
	check_eq(pthread_rwlock_unlock(&rwlock), 0);
	gate_open(&gate);
	join_many(threads, 50);
	check_eq(pthread_rwlock_trywrlock(&rwlock), 0);
	check_eq(pthread_rwlock_unlock(&rwlock), 0);
}

static void *try_reading(void *argument)
{
	return (void *)(long)pthread_rwlock_tryrdlock(&rwlock);
}

static void *read_in_vain(void *argument)
{
	struct timespec soon = from_now(CLOCK_REALTIME, 10);

	check_eq(pthread_rwlock_timedrdlock(&rwlock, &LONG_AGO), ETIMEDOUT);
	check_eq(pthread_rwlock_timedrdlock(&rwlock, &soon), ETIMEDOUT);
	soon = from_now(CLOCK_REALTIME, 10);
	check_eq(pthread_rwlock_timedwrlock(&rwlock, &soon), ETIMEDOUT);
	return NULL;
}

static void writer_alone(void)
{
	check_eq(pthread_rwlock_wrlock(&rwlock), 0);
	check_eq((long)join(start(try_reading, NULL)), EBUSY);
	check_eq(pthread_rwlock_trywrlock(&rwlock), EBUSY);
	join(start(read_in_vain, NULL));
	check_eq(pthread_rwlock_unlock(&rwlock), 0);
	check_eq((long)join(start(try_reading, NULL)), 0);
}

static void *read_when_free(void *argument)
{
	tell_tid(&tid);
	check_eq(pthread_rwlock_rdlock(&rwlock), 0);
	add(&order, 1);
	check_eq(pthread_rwlock_unlock(&rwlock), 0);
	return NULL;
}

static void readers_wait_for_the_writer(void)
{
	pthread_t threads[20];

	check_eq(pthread_rwlock_wrlock(&rwlock), 0);
	for (int i = 0; i < 20; i++) {
		set(&tid, 0);
		threads[i] = start(read_when_free, NULL);
		await_asleep(&tid);
	}
	check_eq(get(&order), 0);
	check_eq(pthread_rwlock_unlock(&rwlock), 0);
	join_many(threads, 20);
	check_eq(get(&order), 20);
}

static void *write_when_free(void *argument)
{
	tell_tid(&tid);
	check_eq(pthread_rwlock_wrlock(&rwlock), 0);
	check_eq(get(&order), 1);
	check_eq(pthread_rwlock_unlock(&rwlock), 0);
	return NULL;
}

static void writer_waits_for_readers(void)
{
	pthread_t thread;

	check_eq(pthread_rwlock_rdlock(&rwlock), 0);
	thread = start(write_when_free, NULL);
	await_asleep(&tid);
	set(&order, 1);
	check_eq(pthread_rwlock_unlock(&rwlock), 0);
	join(thread);
}

static void write_both(pthread_rwlock_t *lock, volatile long *a, volatile long *b)
{
	check_eq(pthread_rwlock_wrlock(lock), 0);
	check_eq(*a, *b);
	*a += 1;
	sched_yield();
	*b += 1;
	check_eq(pthread_rwlock_unlock(lock), 0);
}

static void read_both(pthread_rwlock_t *lock, volatile long *a, volatile long *b)
{
	check_eq(pthread_rwlock_rdlock(lock), 0);
	check_eq(*a, *b);
	check_eq(pthread_rwlock_unlock(lock), 0);
}

static void *read_or_write(void *number)
{
	for (int i = 0; i < 100; i++) {
		if ((long)number % 4 == 0)
			write_both(&rwlock, &left, &right);
		else
			read_both(&rwlock, &left, &right);
	}
	return NULL;
}

static void readers_see_no_half_change(void)
{
	pthread_t threads[8];

	start_many(threads, 8, read_or_write);
	join_many(threads, 8);
	check_eq(left, 200);
	check_eq(right, 200);
}

struct common {
	pthread_rwlock_t rwlock;
	pthread_spinlock_t spinlock;
	pthread_barrier_t barrier;
	volatile long left, right;
	volatile int arrived, serial;
};

static void write_in_common(void *argument)
{
	struct common *common = argument;

	for (int i = 0; i < 100; i++) {
		write_both(&common->rwlock, &common->left, &common->right);
		read_both(&common->rwlock, &common->left, &common->right);
	}
}

static void run_children(void (*function)(void *), void *argument, int count)
{
	pid_t children[8];

	for (int i = 0; i < count; i++)
		children[i] = tap_child(function, argument);
	for (int i = 0; i < count; i++)
		check_exits(children[i], 0);
}

static void rwlock_of_processes(void)
{
	struct common *common = tap_shared(sizeof(*common));
	pthread_rwlockattr_t attributes;

	check_eq(pthread_rwlockattr_init(&attributes), 0);
	check_eq(pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
	check_eq(pthread_rwlock_init(&common->rwlock, &attributes), 0);
	run_children(write_in_common, common, 4);
	check_eq(common->left, 400);
	check_eq(common->right, 400);
	check_eq(pthread_rwlock_destroy(&common->rwlock), 0);
}

/* ---- spin locks ---- */

static void spin_and_add(pthread_spinlock_t *lock, volatile long *number)
{
	for (int i = 0; i < 1000; i++) {
		check_eq(pthread_spin_lock(lock), 0);
		*number += 1;
		check_eq(pthread_spin_unlock(lock), 0);
	}
}

static void *spin(void *argument)
{
	spin_and_add(&spinlock, &left);
	return NULL;
}

static void *try_spinning(void *argument)
{
	return (void *)(long)pthread_spin_trylock(&spinlock);
}

static void spin_locks(void)
{
	pthread_t threads[4];

	check_eq(pthread_spin_init(&spinlock, PTHREAD_PROCESS_PRIVATE), 0);
	start_many(threads, 4, spin);
	join_many(threads, 4);
	check_eq(left, 4000);
	check_eq(pthread_spin_lock(&spinlock), 0);
	check_eq((long)join(start(try_spinning, NULL)), EBUSY);
	check_eq(pthread_spin_unlock(&spinlock), 0);
	check_eq((long)join(start(try_spinning, NULL)), 0);
}

static void spin_in_common(void *argument)
{
	struct common *common = argument;

	spin_and_add(&common->spinlock, &common->left);
}

static void spin_lock_of_processes(void)
{
	struct common *common = tap_shared(sizeof(*common));

	check_eq(pthread_spin_init(&common->spinlock, PTHREAD_PROCESS_SHARED), 0);
	run_children(spin_in_common, common, 3);
	check_eq(common->left, 3000);
}

/* ---- barriers ---- */

#define ROUNDS 10

static volatile int arrived[ROUNDS], serial[ROUNDS];

static void *meet(void *argument)
{
	for (int round = 0; round < ROUNDS; round++) {
		int result;

		add(&arrived[round], 1);
		result = pthread_barrier_wait(&barrier);
		check_eq(get(&arrived[round]), MANY);
		if (result == PTHREAD_BARRIER_SERIAL_THREAD)
			add(&serial[round], 1);
		else
			check_eq(result, 0);
	}
	return NULL;
}

static void barrier_of_many(void)
{
	pthread_t threads[MANY];

	check_eq(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
	check_eq(pthread_barrier_init(&barrier, NULL, MANY), 0);
	start_many(threads, MANY, meet);
	join_many(threads, MANY);
	for (int round = 0; round < ROUNDS; round++)
		check_eq(serial[round], 1);
	check_eq(pthread_barrier_destroy(&barrier), 0);
}

static void *meet_once(void *argument)
{
	struct common *common = argument;

	if (pthread_barrier_wait(&common->barrier) != PTHREAD_BARRIER_SERIAL_THREAD)
		return NULL;
	check_eq(pthread_barrier_destroy(&common->barrier), 0);
	memset(common, 0x55, sizeof(*common));
	return NULL;
}

/* Whoever is told to may destroy it, though the others have not left yet. */
static void barrier_destroyed_at_once(void)
{
	static struct common common;
	pthread_t threads[4];

	for (int i = 0; i < 100; i++) {
		check_eq(pthread_barrier_init(&common.barrier, NULL, 4), 0);
		for (int j = 0; j < 4; j++)
			threads[j] = start(meet_once, &common);
		join_many(threads, 4);
		check_eq(*(char *)&common, 0x55);
		memset(&common, 0, sizeof(common));
	}
}

static void meet_in_common(void *argument)
{
	struct common *common = argument;

	for (int i = 1; i <= 50; i++) {
		add(&common->arrived, 1);
		if (pthread_barrier_wait(&common->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			add(&common->serial, 1);
		check(get(&common->arrived) >= 4 * i);
	}
}

static void barrier_of_processes(void)
{
	struct common *common = tap_shared(sizeof(*common));
	pthread_barrierattr_t attributes;

	check_eq(pthread_barrierattr_init(&attributes), 0);
	check_eq(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
	check_eq(pthread_barrier_init(&common->barrier, &attributes, 4), 0);
	run_children(meet_in_common, common, 4);
	check_eq(common->arrived, 200);
	check_eq(common->serial, 50);
}

static const struct test_case cases[] = {
	TEST(readers_together, "fifty readers hold a read-write lock together"),
	TEST(writer_alone, "a writer holds it alone; others are told EBUSY, or in time ETIMEDOUT"),
	TEST(readers_wait_for_the_writer,
	     "readers asleep are let in together when the writer leaves"),
	TEST(writer_waits_for_readers, "a writer asleep is let in when the last reader leaves"),
	TEST(readers_see_no_half_change, "readers never see what a writer has half done"),
	TEST(rwlock_of_processes, "a read-write lock in shared memory works among processes"),
	TEST(spin_locks, "a spin lock lets in one thread at a time"),
	TEST(spin_lock_of_processes, "a spin lock in shared memory lets in one process at a time"),
	TEST(barrier_of_many, "200 threads meet at a barrier ten times, and one is told each time"),
	TEST(barrier_destroyed_at_once, "that one may destroy the barrier at once"),
	TEST(barrier_of_processes, "processes meet at a barrier in shared memory"),
};

SUITE(locks, cases);
