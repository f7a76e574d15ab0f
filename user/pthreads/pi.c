/*
 * Mutexes with priority inheritance: while somebody more urgent waits for one, its owner is as urgent. The kernel does the
 * waiting and knows the owner (futex(2), FUTEX_LOCK_PI).
 */
#include "pthreads.h"

static pthread_mutex_t mutex, second;
static volatile int low_tid, high_tid, go, high_has_it, counter;

static void make_pi(pthread_mutex_t *m, int type, int robust, int shared)
{
	pthread_mutexattr_t attributes;
	int protocol;

	check_eq(pthread_mutexattr_init(&attributes), 0);
	check_eq(pthread_mutexattr_getprotocol(&attributes, &protocol), 0);
	check_eq(protocol, PTHREAD_PRIO_NONE);
	check_eq(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT), 0);
	check_eq(pthread_mutexattr_settype(&attributes, type), 0);
	check_eq(pthread_mutexattr_setrobust(&attributes, robust), 0);
	check_eq(pthread_mutexattr_setpshared(&attributes, shared), 0);
	check_eq(pthread_mutex_init(m, &attributes), 0);
	check_eq(pthread_mutexattr_destroy(&attributes), 0);
}

static void make_plain_pi(pthread_mutex_t *m)
{
	make_pi(m, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

#define TURNS 300

static void add_turns(pthread_mutex_t *m, volatile long *number)
{
	for (int i = 0; i < TURNS; i++) {
		check_eq(pthread_mutex_lock(m), 0);
		*number += 1;
		if (i % 50 == 0)
			sched_yield();
		check_eq(pthread_mutex_unlock(m), 0);
	}
}

static long number;

static void *take_turns(void *argument)
{
	add_turns(&mutex, &number);
	return NULL;
}

static void one_at_a_time(void)
{
	pthread_t threads[8];

	make_plain_pi(&mutex);
	start_many(threads, 8, take_turns);
	join_many(threads, 8);
	check_eq(number, 8 * TURNS);
	check_eq(pthread_mutex_destroy(&mutex), 0);
}

static void *try_it(void *m)
{
	long error = pthread_mutex_trylock(m);

	if (error == EOWNERDEAD)
		check_eq(pthread_mutex_consistent(m), 0);
	if (error == 0 || error == EOWNERDEAD)
		check_eq(pthread_mutex_unlock(m), 0);
	return (void *)error;
}

static void *time_out(void *argument)
{
	struct timespec soon = from_now(CLOCK_REALTIME, 10);

	check_eq(pthread_mutex_timedlock(&mutex, &LONG_AGO), ETIMEDOUT);
	check_eq(pthread_mutex_timedlock(&mutex, &soon), ETIMEDOUT);
	return NULL;
}

static void trylock_and_timedlock(void)
{
	make_plain_pi(&mutex);
	check_eq(pthread_mutex_trylock(&mutex), 0);
	check_eq((long)join(start(try_it, &mutex)), EBUSY);
	join(start(time_out, NULL));
	check_eq(pthread_mutex_unlock(&mutex), 0);
	check_eq((long)join(start(try_it, &mutex)), 0);
}

static void kinds(void)
{
	make_pi(&mutex, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	check_eq(pthread_mutex_unlock(&mutex), EPERM);
	check_eq(pthread_mutex_lock(&mutex), 0);
	check_eq(pthread_mutex_lock(&mutex), EDEADLK);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	make_pi(&second, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
	check_eq(pthread_mutex_lock(&second), 0);
	check_eq(pthread_mutex_lock(&second), 0);
	check_eq(pthread_mutex_unlock(&second), 0);
	check_eq((long)join(start(try_it, &second)), EBUSY);
	check_eq(pthread_mutex_unlock(&second), 0);
	check_eq((long)join(start(try_it, &second)), 0);
}

static void *die_holding(void *m)
{
	check_eq(pthread_mutex_lock(m), 0);
	return NULL;
}

static void robust(void)
{
	make_pi(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
	for (int i = 0; i < 20; i++) {
		join(start(die_holding, &mutex));
		check_eq(pthread_mutex_lock(&mutex), EOWNERDEAD);
		check_eq(pthread_mutex_consistent(&mutex), 0);
		check_eq(pthread_mutex_unlock(&mutex), 0);
		check_eq((long)join(start(try_it, &mutex)), 0);
	}
}

struct common {
	pthread_mutex_t mutex;
	volatile long number;
};

static void take_turns_in_common(void *argument)
{
	struct common *common = argument;

	add_turns(&common->mutex, &common->number);
}

static void shared_by_processes(void)
{
	struct common *common = tap_shared(sizeof(*common));
	pid_t children[3];

	make_pi(&common->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED,
		PTHREAD_PROCESS_SHARED);
	for (int i = 0; i < 3; i++)
		children[i] = tap_child(take_turns_in_common, common);
	for (int i = 0; i < 3; i++)
		check_exits(children[i], 0);
	check_eq(common->number, 3 * TURNS);
}

/* ---- priorities ---- */

static pthread_t start_realtime(thread_function function, int priority)
{
	struct sched_param param = {.sched_priority = priority};
	pthread_attr_t attributes;
	pthread_t thread;

	check_eq(pthread_attr_init(&attributes), 0);
	check_eq(pthread_attr_setinheritsched(&attributes, PTHREAD_EXPLICIT_SCHED), 0);
	check_eq(pthread_attr_setschedpolicy(&attributes, SCHED_FIFO), 0);
	check_eq(pthread_attr_setschedparam(&attributes, &param), 0);
	check_eq(pthread_create(&thread, &attributes, function, NULL), 0);
	return thread;
}

/* The 18th field of stat: -1 - the real-time priority that the thread has at the moment. */
static int priority_of(int tid)
{
	char path[64], text[512], *at;
	int fd, n;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = check_call(open(path, O_RDONLY));
	n = check_call(read(fd, text, sizeof(text) - 1));
	close(fd);
	text[n] = '\0';
	at = strrchr(text, ')');
	check(at);
	for (int field = 2; field < 18; field++) {
		at = strchr(at + 1, ' ');
		check(at);
	}
	return -1 - atoi(at);
}

static void *hold_until_told(void *argument)
{
	check_eq(pthread_mutex_lock(&mutex), 0);
	tell_tid(&low_tid);
	while (!get(&go))
		nanosleep(&(struct timespec){0, 1000000}, NULL);
	check_eq(priority_of(raw_gettid()), 30);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	check_eq(priority_of(raw_gettid()), 10);
	return NULL;
}

static void *want_it(void *argument)
{
	tell_tid(&high_tid);
	check_eq(pthread_mutex_lock(&mutex), 0);
	set(&high_has_it, 1);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	return NULL;
}

static void owner_inherits(void)
{
	pthread_t low, high;

	make_plain_pi(&mutex);
	low = start_realtime(hold_until_told, 10);
	tap_await(&low_tid, 1);
	check_eq(priority_of(low_tid), 10);
	high = start_realtime(want_it, 30);
	while (priority_of(low_tid) != 30)
		sched_yield();
	check_eq(get(&high_has_it), 0);
	set(&go, 1);
	join(high);
	join(low);
}

static void *hold_second_and_wait(void *argument)
{
	check_eq(pthread_mutex_lock(&second), 0);
	set(&counter, 1);
	check_eq(pthread_mutex_lock(&mutex), 0);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	check_eq(pthread_mutex_unlock(&second), 0);
	return NULL;
}

static void *want_second(void *argument)
{
	check_eq(pthread_mutex_lock(&second), 0);
	check_eq(pthread_mutex_unlock(&second), 0);
	return NULL;
}

static void along_a_chain(void)
{
	pthread_t low, middle, high;

	make_plain_pi(&mutex);
	make_plain_pi(&second);
	low = start_realtime(hold_until_told, 10);
	tap_await(&low_tid, 1);
	middle = start_realtime(hold_second_and_wait, 20);
	while (priority_of(low_tid) != 20)
		sched_yield();
	high = start_realtime(want_second, 30);
	while (priority_of(low_tid) != 30)
		sched_yield();
	set(&go, 1);
	join(high);
	join(middle);
	join(low);
}

static const struct test_case cases[] = {
	TEST(one_at_a_time, "a mutex with priority inheritance lets in one thread at a time"),
	TEST(trylock_and_timedlock, "trylock is EBUSY, and timedlock ends in time"),
	TEST(kinds, "an error-checking one knows its owner, a recursive one counts"),
	TEST(robust, "a robust one tells of its dead owner"),
	TEST(shared_by_processes, "one in shared memory excludes processes"),
	TEST(owner_inherits, "its owner has the priority of who waits, until it unlocks"),
	TEST(along_a_chain, "and so has the owner of what the owner waits for"),
};

SUITE(pi, cases);
