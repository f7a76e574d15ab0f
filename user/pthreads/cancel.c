/*
 * Cancellation: where a thread can be cancelled, when it cannot, and what it does before it ends. Both libraries
 * do it with a signal of their own, which must find a thread in any system call that waits.
 */
#include "pthreads.h"

#include <poll.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int tid, cleaned, order, cancelled;
static int ends[2], sockets[2];
static sem_t semaphore;
static pthread_t sleeper;

static void clean(void *number)
{
	add(&cleaned, 1);
	order = order * 10 + (long)number;
}

/* ---- the cancellation points ---- */

static void in_read(void)
{
	char byte;

	read(ends[0], &byte, 1);
}

static void in_write(void)
{
	static char bytes[65536];

	for (;;)
		write(ends[1], bytes, sizeof(bytes));
}

static void in_nanosleep(void)
{
	nanosleep(&(struct timespec){3600, 0}, NULL);
}

static void in_clock_nanosleep(void)
{
	struct timespec late = from_now(CLOCK_MONOTONIC, 3600 * 1000);

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &late, NULL);
}

static void in_pause(void)
{
	pause();
}

static void unlock_mutex(void *argument)
{
	check_eq(pthread_mutex_unlock(&mutex), 0); /* an EPERM would say that the wait left it */
	add(&cleaned, 1);
}

static void make_error_checking(void)
{
	pthread_mutexattr_t attributes;

	check_eq(pthread_mutexattr_init(&attributes), 0);
	check_eq(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), 0);
	check_eq(pthread_mutex_init(&mutex, &attributes), 0);
}

static void in_cond_wait(void)
{
	check_eq(pthread_mutex_lock(&mutex), 0);
	pthread_cleanup_push(unlock_mutex, NULL);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(0);
}

static void in_cond_timedwait(void)
{
	struct timespec late = from_now(CLOCK_REALTIME, 3600 * 1000);

	check_eq(pthread_mutex_lock(&mutex), 0);
	pthread_cleanup_push(unlock_mutex, NULL);
	for (;;)
		pthread_cond_timedwait(&cond, &mutex, &late);
	pthread_cleanup_pop(0);
}

static void in_join(void)
{
	pthread_join(sleeper, NULL);
}

static void in_sem_wait(void)
{
	sem_wait(&semaphore);
}

static void in_sem_timedwait(void)
{
	struct timespec late = from_now(CLOCK_REALTIME, 3600 * 1000);

	sem_timedwait(&semaphore, &late);
}

static void in_sigwait(void)
{
	sigset_t signals;
	int number;

	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR2);
	sigwait(&signals, &number);
}

static void in_sigsuspend(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigsuspend(&none);
}

static void in_poll(void)
{
	poll(&(struct pollfd){ends[0], POLLIN, 0}, 1, -1);
}

static void in_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(ends[0], &set);
	select(ends[0] + 1, &set, NULL, NULL, NULL);
}

static void in_recv(void)
{
	char byte;

	recv(sockets[0], &byte, 1, 0);
}

static void in_waitpid(void)
{
	waitpid(-1, NULL, 0);
}

#define FIFO "/tmp/pthread-fifo"

static void in_open(void)
{
	open(FIFO, O_RDONLY);
}

static void in_file_lock(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(FIFO, O_RDWR);

	fcntl(fd, F_SETLKW, &lock);
}

static void *call(void *function)
{
	pthread_cleanup_push(clean, NULL);
	tell_tid(&tid);
	((void (*)(void))function)();
	pthread_cleanup_pop(0);
	return NULL;
}

static void *call_when_cancelled(void *function)
{
	pthread_cleanup_push(clean, NULL);
	tap_await(&cancelled, 1); /* no cancellation point */
	((void (*)(void))function)();
	pthread_cleanup_pop(0);
	return NULL;
}

static void *sleep_for_ever(void *argument)
{
	for (;;)
		pause();
	return NULL;
}

/*
 * A thread is cancelled while it sleeps in the call; and one is whose cancellation has come before the call.
 * cleanups: how many handlers each must have run.
 */
static void check_point(void (*function)(void), int cleanups)
{
	pthread_t thread;

	set(&tid, 0);
	cleaned = 0;
	thread = start(call, function);
	await_asleep(&tid);
	check_eq(pthread_cancel(thread), 0);
	check(join(thread) == PTHREAD_CANCELED);
	check_eq(cleaned, cleanups);

	cleaned = cancelled = 0;
	thread = start(call_when_cancelled, function);
	check_eq(pthread_cancel(thread), 0);
	set(&cancelled, 1);
	check(join(thread) == PTHREAD_CANCELED);
	check(cleaned > 0);
	check_eq(pthread_mutex_trylock(&mutex), 0);
	check_eq(pthread_mutex_unlock(&mutex), 0);
}

static void pipes_and_files(void)
{
	make_pipe(ends);
	check_point(in_read, 1);
	check_point(in_poll, 1);
	check_point(in_select, 1);
	check_point(in_write, 1);
}

static void sleeping(void)
{
	check_point(in_nanosleep, 1);
	check_point(in_clock_nanosleep, 1);
	check_point(in_pause, 1);
}

static void conditions(void)
{
	make_error_checking();
	check_point(in_cond_wait, 2);
	check_point(in_cond_timedwait, 2);
}

static void semaphores(void)
{
	check_call(sem_init(&semaphore, 0, 0));
	check_point(in_sem_wait, 1);
	check_point(in_sem_timedwait, 1);
	check_call(sem_post(&semaphore));
	check_call(sem_wait(&semaphore));
}

static void joining(void)
{
	sleeper = start(sleep_for_ever, NULL);
	check_point(in_join, 1);
	check_eq(pthread_cancel(sleeper), 0);
	check(join(sleeper) == PTHREAD_CANCELED); /* it can still be joined */
}

static void signals(void)
{
	block_signal(SIGUSR2);
	check_point(in_sigwait, 1);
	check_point(in_sigsuspend, 1);
}

static void children_and_sockets(void)
{
	pid_t child = tap_fork();

	if (child == 0)
		sleep_for_ever(NULL);
	check_call(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets));
	check_point(in_waitpid, 1);
	check_point(in_recv, 1);
	check_call(kill(child, SIGKILL));
	check_killed(child, SIGKILL);
}

static void opening(void)
{
	unlink(FIFO);
	check_call(mkfifo(FIFO, 0600));
	check_point(in_open, 1);
	check_call(unlink(FIFO));
}

static void hold_the_lock(void *locked)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = check_call(open(FIFO, O_RDWR));

	check_call(fcntl(fd, F_SETLK, &lock));
	set((int *)locked, 1);
	sleep_for_ever(NULL);
}

static void file_locks(void)
{
	int *locked = tap_shared(sizeof(*locked));
	pid_t child;

	write_file(FIFO, "x", 1, 0600);
	child = tap_child(hold_the_lock, locked);
	tap_await(locked, 1);
	check_point(in_file_lock, 1);
	check_call(kill(child, SIGKILL));
	check_killed(child, SIGKILL);
	check_call(unlink(FIFO));
}

/* ---- when not ---- */

static void *deferred(void *argument)
{
	tell_tid(&tid);
	while (get(&order) == 0)
		; /* no cancellation point */
	add(&cleaned, 1);
	pthread_testcancel();
	add(&cleaned, 1);
	return NULL;
}

static void only_at_points(void)
{
	pthread_t thread = start(deferred, NULL);

	tap_await(&tid, 1);
	check_eq(pthread_cancel(thread), 0);
	settle();
	set(&order, 1);
	check(join(thread) == PTHREAD_CANCELED);
	check_eq(cleaned, 1);
}

static void *disabled(void *argument)
{
	int old;

	check_eq(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
	check_eq(old, PTHREAD_CANCEL_ENABLE);
	check_eq(pthread_setcancelstate(77, NULL), EINVAL);
	check_eq(pthread_setcanceltype(77, NULL), EINVAL);
	tell_tid(&tid);
	in_read();
	pthread_testcancel();
	add(&cleaned, 1);
	check_eq(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old), 0);
	check_eq(old, PTHREAD_CANCEL_DISABLE);
	pthread_testcancel();
	add(&cleaned, 1);
	return NULL;
}

static void not_while_disabled(void)
{
	pthread_t thread;

	make_pipe(ends);
	thread = start(disabled, NULL);
	await_asleep(&tid);
	check_eq(pthread_cancel(thread), 0);
	settle();
	check_eq(get(&cleaned), 0);
	give_byte(ends[1], 'x');
	check(join(thread) == PTHREAD_CANCELED);
	check_eq(cleaned, 1);
}

static void *wait_for_mutex(void *argument)
{
	tell_tid(&tid);
	check_eq(pthread_mutex_lock(&mutex), 0);
	add(&cleaned, 1);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	pthread_testcancel();
	return NULL;
}

static void not_in_mutex_lock(void)
{
	pthread_t thread;

	check_eq(pthread_mutex_lock(&mutex), 0);
	thread = start(wait_for_mutex, NULL);
	await_asleep(&tid);
	check_eq(pthread_cancel(thread), 0);
	settle();
	check_eq(pthread_mutex_unlock(&mutex), 0);
	check(join(thread) == PTHREAD_CANCELED);
	check_eq(cleaned, 1);
}

/* ---- at any instruction ---- */

static void *run_for_ever(void *argument)
{
	int old;

	pthread_cleanup_push(clean, (void *)1);
	check_eq(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old), 0);
	check_eq(old, PTHREAD_CANCEL_DEFERRED);
	set(&tid, 1);
	for (;;)
		;
	pthread_cleanup_pop(0);
	return NULL;
}

static void asynchronous(void)
{
	for (int i = 1; i <= 20; i++) {
		pthread_t thread;

		set(&tid, 0);
		thread = start(run_for_ever, NULL);
		tap_await(&tid, 1);
		check_eq(pthread_cancel(thread), 0);
		check(join(thread) == PTHREAD_CANCELED);
		check_eq(cleaned, i);
	}
}

/* ---- handlers ---- */

static void *nest_handlers(void *how)
{
	pthread_cleanup_push(clean, (void *)1);
	pthread_cleanup_push(clean, (void *)2);
	pthread_cleanup_push(clean, (void *)3);
	pthread_cleanup_push(clean, (void *)4);
	pthread_cleanup_pop(1);
	pthread_cleanup_push(clean, (void *)5);
	pthread_cleanup_pop(0);
	if (how)
		pthread_exit(how);
	pthread_cancel(pthread_self());
	pthread_testcancel();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return NULL;
}

static void handlers_in_reverse(void)
{
	check(join(start(nest_handlers, NULL)) == PTHREAD_CANCELED);
	check_eq(order, 4321);
	order = 0;
	check_eq((long)join(start(nest_handlers, (void *)9)), 9);
	check_eq(order, 4321);
}

/* ---- many, and races ---- */

static void *sleep_with_handler(void *argument)
{
	pthread_cleanup_push(clean, NULL);
	sleep_for_ever(NULL);
	pthread_cleanup_pop(0);
	return NULL;
}

static void many(void)
{
	pthread_t threads[MANY];

	start_many(threads, MANY, sleep_with_handler);
	for (int i = 0; i < MANY; i++)
		check_eq(pthread_cancel(threads[i]), 0);
	for (int i = 0; i < MANY; i++)
		check(join(threads[i]) == PTHREAD_CANCELED);
	await_threads(1);
}

static void *end_soon(void *argument)
{
	pthread_testcancel();
	return &mutex;
}

/* It ends by itself or is cancelled, whichever comes first; both are an end. */
static void as_it_ends(void)
{
	for (int i = 0; i < 200; i++) {
		pthread_t thread = start(end_soon, NULL);
		void *result;

		check_eq(pthread_cancel(thread), 0);
		result = join(thread);
		check(result == PTHREAD_CANCELED || result == &mutex);
	}
	await_threads(1);
}

static void *cancel_main(void *argument)
{
	check_eq(pthread_cancel(*(pthread_t *)argument), 0);
	tap_await(&cleaned, 1);
	exit(5);
}

static void main_sleeps(void *argument)
{
	pthread_t self = pthread_self();

	start(cancel_main, &self);
	sleep_with_handler(NULL);
}

static void first_thread(void)
{
	check_exits(tap_child(main_sleeps, NULL), 5);
}

static const struct test_case cases[] = {
	TEST(pipes_and_files, "read, write, poll and select are cancellation points"),
	TEST(sleeping, "nanosleep, clock_nanosleep and pause are"),
	TEST(conditions, "waits for a condition are, and have the mutex in the handlers"),
	TEST(semaphores, "sem_wait and sem_timedwait are, and take nothing"),
	TEST(joining, "pthread_join is, and the other thread can still be joined"),
	TEST(signals, "sigwait and sigsuspend are"),
	TEST(children_and_sockets, "waitpid and recv are"),
	TEST(opening, "open of a pipe with a name is"),
	TEST(file_locks, "fcntl that waits for a lock is"),
	TEST(only_at_points, "a thread is cancelled at such a point and nowhere before"),
	TEST(not_while_disabled, "one that has disabled it is cancelled once it is enabled"),
	TEST(not_in_mutex_lock, "who waits for a mutex is not cancelled"),
	TEST(asynchronous, "with the asynchronous type it is, at any instruction"),
	TEST(handlers_in_reverse,
	     "cleanup handlers run, the last one first, and popped ones no more"),
	TEST(many, "200 threads that sleep are cancelled"),
	TEST(as_it_ends, "a thread may end just as it is cancelled"),
	TEST(first_thread, "the first thread is cancelled, and another ends the process"),
};

SUITE(cancel, cases);
