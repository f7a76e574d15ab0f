/*
 * Semaphores, named and unnamed, among threads and among processes.
 */
#include "pthreads.h"

#include <limits.h>
#include <semaphore.h>

static sem_t sem;
static volatile int tid, passed;

static void *wait_once(void *argument)
{
	tell_tid(&tid);
	check_call(sem_wait(&sem));
	add(&passed, 1);
	return NULL;
}

static void counts(void)
{
	int value;

	check_call(sem_init(&sem, 0, 2));
	check_call(sem_wait(&sem));
	check_call(sem_trywait(&sem));
	check_errno(sem_trywait(&sem), EAGAIN);
	check_call(sem_getvalue(&sem, &value));
	check_eq(value, 0);
	check_call(sem_post(&sem));
	check_call(sem_getvalue(&sem, &value));
	check_eq(value, 1);
	check_call(sem_destroy(&sem));
}

static void limits(void)
{
	check_errno(sem_init(&sem, 0, (unsigned)SEM_VALUE_MAX + 1), EINVAL);
	check_call(sem_init(&sem, 0, SEM_VALUE_MAX));
	check_errno(sem_post(&sem), EOVERFLOW);
	check_call(sem_wait(&sem));
	check_call(sem_post(&sem));
}

static void post_wakes_one(void)
{
	pthread_t threads[20];

	check_call(sem_init(&sem, 0, 0));
	for (int i = 0; i < 20; i++) {
		set(&tid, 0);
		threads[i] = start(wait_once, NULL);
		await_asleep(&tid);
	}
	for (int i = 1; i <= 20; i++) {
		check_eq(get(&passed), i - 1);
		check_call(sem_post(&sem));
		tap_await(&passed, i);
	}
	join_many(threads, 20);
}

static void *post_many(void *argument)
{
	for (int i = 0; i < 500; i++)
		check_call(sem_post(&sem));
	return NULL;
}

static void *wait_many(void *argument)
{
	for (int i = 0; i < 500; i++)
		check_call(sem_wait(&sem));
	return NULL;
}

static void as_many_waits_as_posts(void)
{
	pthread_t threads[8];

	check_call(sem_init(&sem, 0, 0));
	start_many(threads, 4, wait_many);
	start_many(threads + 4, 4, post_many);
	join_many(threads, 8);
	check_errno(sem_trywait(&sem), EAGAIN);
}

/* ---- until a time, or a signal ---- */

static void *post_when_asleep(void *main_tid)
{
	await_asleep(main_tid);
	check_call(sem_post(&sem));
	return NULL;
}

static void timed_wait(void)
{
	struct timespec soon = from_now(CLOCK_REALTIME, 20), now;
	struct timespec late = from_now(CLOCK_REALTIME, 3600 * 1000);
	struct timespec bad = {late.tv_sec, -1};
	pthread_t thread;

	check_call(sem_init(&sem, 0, 1));
	check_call(sem_timedwait(&sem, &LONG_AGO));
	check_errno(sem_timedwait(&sem, &LONG_AGO), ETIMEDOUT);
	check_errno(sem_timedwait(&sem, &bad), EINVAL);
	check_errno(sem_timedwait(&sem, &soon), ETIMEDOUT);
	check_call(clock_gettime(CLOCK_REALTIME, &now));
	check(now.tv_sec > soon.tv_sec ||
	      (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));
	tell_tid(&tid);
	thread = start(post_when_asleep, (void *)&tid);
	check_call(sem_timedwait(&sem, &late));
	join(thread);
}

static volatile int result, result_errno;

static void *wait_and_tell(void *argument)
{
	tell_tid(&tid);
	set(&result, sem_wait(&sem) == 0 ? 1 : -1);
	set(&result_errno, errno);
	return NULL;
}

static void interrupted(void)
{
	pthread_t thread;

	set_handler(SIGUSR1, count_signal, 0);
	check_call(sem_init(&sem, 0, 0));
	thread = start(wait_and_tell, NULL);
	await_asleep(&tid);
	check_eq(pthread_kill(thread, SIGUSR1), 0);
	join(thread);
	check_eq(result, -1);
	check_eq(result_errno, EINTR);
	check_eq(caught[SIGUSR1], 1);
	check_errno(sem_trywait(&sem), EAGAIN);
}

static void restarted(void)
{
	pthread_t thread;

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	check_call(sem_init(&sem, 0, 0));
	thread = start(wait_and_tell, NULL);
	await_asleep(&tid);
	for (int i = 0; i < 20; i++) {
		check_eq(pthread_kill(thread, SIGUSR1), 0);
		tap_await(&caught[SIGUSR1], i + 1);
	}
	check_eq(get(&result), 0);
	check_call(sem_post(&sem));
	join(thread);
	check_eq(result, 1);
}

static void post_it(int number)
{
	int error = errno;

	sem_post(&sem);
	errno = error;
}

static void posted_by_a_handler(void)
{
	pthread_t thread;

	set_handler(SIGUSR1, post_it, 0);
	check_call(sem_init(&sem, 0, 0));
	thread = start(wait_once, NULL);
	await_asleep(&tid);
	check_call(raise(SIGUSR1));
	join(thread);
	check_eq(passed, 1);
}

/* ---- among processes ---- */

struct common {
	sem_t ping, pong;
	volatile int hits;
};

static void return_the_ball(void *argument)
{
	struct common *common = argument;

	for (int i = 0; i < 300; i++) {
		check_call(sem_wait(&common->ping));
		check_eq(add(&common->hits, 1), 2 * i + 2);
		check_call(sem_post(&common->pong));
	}
}

static void shared_by_processes(void)
{
	struct common *common = tap_shared(sizeof(*common));
	pid_t child;

	check_call(sem_init(&common->ping, 1, 0));
	check_call(sem_init(&common->pong, 1, 0));
	child = tap_child(return_the_ball, common);
	for (int i = 0; i < 300; i++) {
		check_eq(add(&common->hits, 1), 2 * i + 1);
		check_call(sem_post(&common->ping));
		check_call(sem_wait(&common->pong));
	}
	check_exits(child, 0);
}

#define NAME "/pthread-sem"

static void post_by_name(void *argument)
{
	sem_t *named = sem_open(NAME, 0);

	check(named != SEM_FAILED);
	check_call(sem_post(named));
	check_call(sem_close(named));
}

static void named(void)
{
	sem_t *named, *again;

	sem_unlink(NAME);
	check(sem_open(NAME, 0) == SEM_FAILED);
	check_eq(errno, ENOENT);
	named = sem_open(NAME, O_CREAT | O_EXCL, 0600, 1);
	check(named != SEM_FAILED);
	check(sem_open(NAME, O_CREAT | O_EXCL, 0600, 1) == SEM_FAILED);
	check_eq(errno, EEXIST);
	again = sem_open(NAME, 0);
	check(again == named);
	check_call(sem_wait(named));
	check_exits(tap_child(post_by_name, NULL), 0);
	check_call(sem_wait(again));
	check_errno(sem_trywait(named), EAGAIN);
	check_call(sem_close(again));
	check_call(sem_unlink(NAME));
	check_errno(sem_unlink(NAME), ENOENT);
	check_call(sem_post(named));
	check_call(sem_close(named));
}

static void *wait_for_go(void *argument)
{
	check_call(sem_wait(argument));
	return NULL;
}

/* The poster may still be in the kernel, waking, when the waiter has gone on and unmapped it. */
static void gone_with_its_memory(void)
{
	for (int i = 0; i < 100; i++) {
		sem_t *own = mmap(NULL, sizeof(*own), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		pthread_t thread;

		check(own != MAP_FAILED);
		check_call(sem_init(own, 0, 0));
		thread = start(wait_for_go, own);
		check_call(sem_post(own));
		join(thread);
		check_call(sem_destroy(own));
		check_call(munmap(own, sizeof(*own)));
	}
}

static const struct test_case cases[] = {
	TEST(counts, "a semaphore counts, and trywait does not wait"),
	TEST(limits, "too high a value is EINVAL, one post too many EOVERFLOW"),
	TEST(post_wakes_one, "each post lets one of twenty pass"),
	TEST(as_many_waits_as_posts, "four threads wait as often as four others post"),
	TEST(timed_wait, "a wait with an end gives up then, and not before"),
	TEST(interrupted, "a signal handler ends a wait with EINTR"),
	TEST(restarted, "one with SA_RESTART does not"),
	TEST(posted_by_a_handler, "a signal handler may post"),
	TEST(shared_by_processes, "two processes take turns by semaphores in shared memory"),
	TEST(named, "a semaphore with a name is found by another process"),
	TEST(gone_with_its_memory, "a semaphore's memory may be unmapped once the wait is over"),
};

SUITE(sem, cases);
