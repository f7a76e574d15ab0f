/*
 * Condition variables: who is woken, by what, and until when others wait.
 */
#include "pthreads.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int waiting, tickets, passed, tid;

static void lock(void)
{
	check_eq(pthread_mutex_lock(&mutex), 0);
}

static void unlock(void)
{
	check_eq(pthread_mutex_unlock(&mutex), 0);
}

/* Waits for a ticket. */
static void *pass(void *argument)
{
	lock();
	waiting++;
	while (tickets == 0)
		check_eq(pthread_cond_wait(&cond, &mutex), 0);
	tickets--;
	passed++;
	unlock();
	return NULL;
}

/* Until so many wait; since they wait with the mutex free, nobody is between the count and the wait. */
static void await_waiting(int count)
{
	int now;

	do {
		lock();
		now = waiting;
		unlock();
		sched_yield();
	} while (now < count);
}

static void one_signal_one_waiter(void)
{
	pthread_t threads[20];

	start_many(threads, 20, pass);
	await_waiting(20);
	for (int i = 1; i <= 20; i++) {
		lock();
		tickets++;
		check_eq(pthread_cond_signal(&cond), 0);
		unlock();
		tap_await(&passed, i);
		check_eq(get(&passed), i);
	}
	join_many(threads, 20);
}

static void *pass_all(void *argument)
{
	lock();
	waiting++;
	while (tickets == 0)
		check_eq(pthread_cond_wait(&cond, &mutex), 0);
	passed++;
	unlock();
	return NULL;
}

static void broadcast_wakes_all(void)
{
	pthread_t threads[MANY];

	start_many(threads, MANY, pass_all);
	await_waiting(MANY);
	lock();
	tickets = 1;
	check_eq(pthread_cond_broadcast(&cond), 0);
	check_eq(get(&passed), 0); /* all of them need the mutex first */
	unlock();
	join_many(threads, MANY);
	check_eq(passed, MANY);
}

static void broadcast_without_the_mutex(void)
{
	pthread_t threads[50];

	start_many(threads, 50, pass_all);
	await_waiting(50);
	lock();
	tickets = 1;
	unlock();
	check_eq(pthread_cond_broadcast(&cond), 0);
	join_many(threads, 50);
	check_eq(passed, 50);
}

static void nobody_waits(void)
{
	struct timespec soon = from_now(CLOCK_REALTIME, 10);

	check_eq(pthread_cond_signal(&cond), 0);
	check_eq(pthread_cond_broadcast(&cond), 0);
	lock();
	check_eq(pthread_cond_timedwait(&cond, &mutex, &soon), ETIMEDOUT);
	check_eq(pthread_mutex_trylock(&mutex), EBUSY);
	unlock();
}

/* ---- until a time ---- */

static void make_cond(pthread_cond_t *c, clockid_t clock, int shared)
{
	pthread_condattr_t attributes;
	clockid_t got;

	check_eq(pthread_condattr_init(&attributes), 0);
	check_eq(pthread_condattr_setclock(&attributes, clock), 0);
	check_eq(pthread_condattr_getclock(&attributes, &got), 0);
	check_eq(got, clock);
	check_eq(pthread_condattr_setpshared(&attributes, shared), 0);
	check_eq(pthread_cond_init(c, &attributes), 0);
	check_eq(pthread_condattr_destroy(&attributes), 0);
}

static int is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static void *signal_when_asleep(void *main_tid)
{
	await_asleep(main_tid);
	lock();
	tickets = 1;
	check_eq(pthread_cond_signal(&cond), 0);
	unlock();
	return NULL;
}

static void timed_wait_on(clockid_t clock)
{
	struct timespec soon = from_now(clock, 20), late = from_now(clock, 3600 * 1000), now;
	struct timespec bad = {late.tv_sec, 1000000000};
	pthread_t thread;

	make_cond(&cond, clock, PTHREAD_PROCESS_PRIVATE);
	lock();
	check_eq(pthread_cond_timedwait(&cond, &mutex, &LONG_AGO), ETIMEDOUT);
	check_eq(pthread_cond_timedwait(&cond, &mutex, &bad), EINVAL);
	while (pthread_cond_timedwait(&cond, &mutex, &soon) == 0)
		;
	check_call(clock_gettime(clock, &now));
	check(!is_before(now, soon));
	tell_tid(&tid);
	thread = start(signal_when_asleep, (void *)&tid);
	while (!tickets)
		check_eq(pthread_cond_timedwait(&cond, &mutex, &late), 0);
	unlock();
	join(thread);
}

static void timed_wait_real(void)
{
	timed_wait_on(CLOCK_REALTIME);
}

static void timed_wait_monotonic(void)
{
	timed_wait_on(CLOCK_MONOTONIC);
}

static void other_clocks(void)
{
	pthread_condattr_t attributes;

	check_eq(pthread_condattr_init(&attributes), 0);
	check_eq(pthread_condattr_setclock(&attributes, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
	check_eq(pthread_condattr_setclock(&attributes, CLOCK_THREAD_CPUTIME_ID), EINVAL);
	check_eq(pthread_condattr_setpshared(&attributes, 77), EINVAL);
}

static void *wait_in_vain(void *argument)
{
	struct timespec soon = from_now(CLOCK_REALTIME, (long)argument % 20);
	int error = 0;

	lock();
	while (!error)
		error = pthread_cond_timedwait(&cond, &mutex, &soon);
	check_eq(error, ETIMEDOUT);
	passed++;
	unlock();
	return NULL;
}

/* Waiters leave in any order, while signals come that may find them gone already. */
static void time_outs_among_signals(void)
{
	pthread_t threads[50];

	start_many(threads, 50, wait_in_vain);
	while (get(&passed) < 50) {
		check_eq(pthread_cond_signal(&cond), 0);
		sched_yield();
	}
	join_many(threads, 50);
}

/* ---- a queue ---- */

#define ITEMS 500

static int queue[8], used;
static long sum;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;

static void *produce(void *argument)
{
	for (int i = 1; i <= ITEMS; i++) {
		lock();
		while (used == 8)
			check_eq(pthread_cond_wait(&not_full, &mutex), 0);
		queue[used++] = i;
		check_eq(pthread_cond_signal(&not_empty), 0);
		unlock();
	}
	return NULL;
}

static void *consume(void *argument)
{
	for (int i = 1; i <= ITEMS; i++) {
		lock();
		while (used == 0)
			check_eq(pthread_cond_wait(&not_empty, &mutex), 0);
		sum += queue[--used];
		check_eq(pthread_cond_signal(&not_full), 0);
		unlock();
	}
	return NULL;
}

static void producers_and_consumers(void)
{
	pthread_t threads[8];

	start_many(threads, 4, produce);
	start_many(threads + 4, 4, consume);
	join_many(threads, 8);
	check_eq(sum, 4L * ITEMS * (ITEMS + 1) / 2);
	check_eq(used, 0);
}

/* ---- between processes ---- */

struct common {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int turn, rounds;
};

static struct common *make_common(void)
{
	struct common *common = tap_shared(sizeof(*common));
	pthread_mutexattr_t attributes;

	check_eq(pthread_mutexattr_init(&attributes), 0);
	check_eq(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
	check_eq(pthread_mutex_init(&common->mutex, &attributes), 0);
	make_cond(&common->cond, CLOCK_MONOTONIC, PTHREAD_PROCESS_SHARED);
	return common;
}

static void play(struct common *common, int mine)
{
	for (int i = 0; i < 200; i++) {
		check_eq(pthread_mutex_lock(&common->mutex), 0);
		while (common->turn != mine)
			check_eq(pthread_cond_wait(&common->cond, &common->mutex), 0);
		common->turn = (mine + 1) % 3;
		common->rounds++;
		check_eq(pthread_cond_broadcast(&common->cond), 0);
		check_eq(pthread_mutex_unlock(&common->mutex), 0);
	}
}

static void play_one(void *common)
{
	play(common, 1);
}

static void play_two(void *common)
{
	play(common, 2);
}

static void shared_by_processes(void)
{
	struct common *common = make_common();
	pid_t one = tap_child(play_one, common), two = tap_child(play_two, common);

	play(common, 0);
	check_exits(one, 0);
	check_exits(two, 0);
	check_eq(common->rounds, 600);
	check_eq(pthread_cond_destroy(&common->cond), 0);
}

/* ---- at the edges ---- */

static void mutex_not_held(void)
{
	pthread_mutexattr_t attributes;

	check_eq(pthread_mutexattr_init(&attributes), 0);
	check_eq(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), 0);
	check_eq(pthread_mutex_init(&mutex, &attributes), 0);
	check_eq(pthread_cond_wait(&cond, &mutex), EPERM);
}

static void *wait_through_signals(void *argument)
{
	tell_tid(&tid);
	lock();
	while (!tickets)
		check_eq(pthread_cond_wait(&cond, &mutex), 0);
	unlock();
	return NULL;
}

static void signal_handlers(void)
{
	pthread_t thread = start(wait_through_signals, NULL);

	set_handler(SIGUSR1, count_signal, 0);
	await_asleep(&tid);
	for (int i = 0; i < 20; i++) {
		check_eq(pthread_kill(thread, SIGUSR1), 0);
		tap_await(&caught[SIGUSR1], i + 1);
	}
	lock();
	tickets = 1;
	unlock();
	check_eq(pthread_cond_signal(&cond), 0);
	join(thread);
}

/* Waits on a condition that is destroyed as soon as the waiters have been told to go. */
static void destroyed_after_broadcast(void)
{
	pthread_t threads[5];

	for (int i = 0; i < 50; i++) {
		waiting = tickets = 0;
		check_eq(pthread_cond_init(&cond, NULL), 0);
		start_many(threads, 5, pass_all);
		await_waiting(5);
		lock();
		tickets = 1;
		check_eq(pthread_cond_broadcast(&cond), 0);
		unlock();
		check_eq(pthread_cond_destroy(&cond), 0);
		memset(&cond, 0x55, sizeof(cond));
		join_many(threads, 5);
	}
	check_eq(passed, 250);
}

static const struct test_case cases[] = {
	TEST(one_signal_one_waiter, "each signal lets one waiter pass"),
	TEST(broadcast_wakes_all, "a broadcast lets 200 waiters pass, one after the other"),
	TEST(broadcast_without_the_mutex, "also by who does not hold the mutex"),
	TEST(nobody_waits, "a signal that nobody waits for is not kept"),
	TEST(timed_wait_real, "a wait until a time of day ends then, or by a signal before"),
	TEST(timed_wait_monotonic, "so does one until a time since the start"),
	TEST(other_clocks, "clocks of processor time cannot be waited for"),
	TEST(time_outs_among_signals, "waiters give up while signals come"),
	TEST(producers_and_consumers, "what four threads put into a queue, four take out"),
	TEST(shared_by_processes, "three processes pass the turn around in shared memory"),
	TEST(mutex_not_held, "to wait with a mutex of somebody else's is EPERM"),
	TEST(signal_handlers, "signal handlers run while their thread waits, and it waits on"),
	TEST(destroyed_after_broadcast,
	     "a condition may be destroyed when all have been told to go"),
};

SUITE(cond, cases);
