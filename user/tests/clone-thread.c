/*
 * CLONE_THREAD: the child is one more thread of the caller's process: no child of anybody's, and
 * nobody is told of its end.
 */
#include "helpers.h"

#include <pthread.h>

static volatile int *shared;
static volatile int word;

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static int exit_when_told(void *argument)
{
	raw_await(&shared[0], 1);
	return 0;
}

static int note_thread(void *argument)
{
	volatile int *notes = argument;

	set(&notes[0], raw0(SYS_getpid));
	set(&notes[1], raw_gettid());
	set(&notes[2], raw0(SYS_getppid));
	set(&notes[3], raw0(SYS_getpgrp));
	return 0;
}

static void thread_has_the_process_s_pid_and_its_own_tid(void)
{
	volatile int notes[4] = {0};
	struct thread thread;

	thread_start(&thread, note_thread, (void *)notes);
	thread_join(&thread);
	check_eq(notes[0], getpid());
	check_eq(notes[1], thread.tid);
	check(notes[1] != notes[0]);
	check_eq(notes[2], getppid());
	check_eq(notes[3], getpgrp());
}

static void thread_is_no_child(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	thread_start(&thread, exit_when_told, NULL);
	check_eq(raw_wait4(thread.tid, NULL, __WALL | WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, __WALL | WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, __WCLONE | WNOHANG, NULL), -ECHILD);
	set(&shared[0], 1);
	thread_join(&thread);
}

static void thread_ignores_the_exit_signal(void)
{
	static const int signals[] = {SIGUSR1, SIGCHLD, SIGKILL, 200};

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		struct thread thread = {0};
		int *tid = (int *)&thread.word;

		thread.tid = raw_clone_call(THREAD_FLAGS | signals[i], new_stack(), tid, tid, 0,
					    return_argument, NULL);
		check(thread.tid > 0);
		thread_join(&thread);
	}
	settle();
	check_eq(caught[SIGUSR1] + caught[SIGCHLD], 0);
}

static void *pthread_body(void *argument)
{
	errno = 77;
	return (char *)argument + 1;
}

static void library_threads_work(void)
{
	pthread_t threads[4];
	void *result;

	errno = 0;
	for (long i = 0; i < 4; i++)
		check_eq(pthread_create(&threads[i], NULL, pthread_body, (void *)(i * 10)), 0);
	for (long i = 0; i < 4; i++) {
		check_eq(pthread_join(threads[i], &result), 0);
		check_eq((long)result, i * 10 + 1);
	}
	check_eq(errno, 0);
}

static const struct test_case cases[] = {
	TEST(thread_has_the_process_s_pid_and_its_own_tid,
	     "clone: a thread has the process's pid and a tid of its own"),
	TEST(thread_is_no_child, "clone: a thread is nobody's child to wait for"),
	TEST(thread_ignores_the_exit_signal, "clone: CLONE_THREAD ignores the exit signal"),
	TEST(library_threads_work,
	     "clone: the C library's threads start, have their own errno, and are joined"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
