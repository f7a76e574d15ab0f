#ifndef PTHREADS_H
#define PTHREADS_H

/*
 * What the suites of threads share. Each file NAME.c here is a suite, SUITE(NAME, cases); all of them are linked
 * into one program, once with musl and once with glibc, which is the suite that its own name says (main.c).
 *
 * Threads here are the C library's, so errno is each thread's own, and a check may fail in any thread. pthread
 * functions return an errno: check_eq(pthread_...(), 0).
 */
#include "helpers.h"

#include <pthread.h>
#include <time.h>

struct suite {
	const char *name;
	const struct test_case *cases;
	size_t count;
};

/* The linker puts these pointers together in a section, where main.c finds them. */
#define SUITE(subject, cases)                                                            \
	static const struct suite subject##_suite = {#subject, cases, TAP_COUNT(cases)}; \
	const struct suite *const subject##_pointer                                      \
		__attribute__((section("suites"), used)) = &subject##_suite

extern const struct suite *const __start_suites[], *const __stop_suites[];

/* As many threads as a case of "many" has. */
#define MANY 200

/* A stack that 200 threads can each have in a small machine. */
#define SMALL_STACK 65536

typedef void *(*thread_function)(void *);

/* A thread with default attributes. */
pthread_t start(thread_function function, void *argument);

/* As many threads with small stacks as `threads` has room for; thread i gets i as its argument. */
void start_many(pthread_t *threads, int count, thread_function function);

/* Joins it and returns what it returned. */
void *join(pthread_t thread);
void join_many(pthread_t *threads, int count);

/* Where threads wait, asleep, until it is opened. GATE initialises it; `waiting` counts who has come. */
struct gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	volatile int waiting;
	int is_open;
};

#define GATE                                                              \
	{                                                                 \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 \
	}

void gate_wait(struct gate *gate);
void gate_open(struct gate *gate);

/* Waits until the thread with this number sleeps in the kernel, or is gone. */
void await_asleep(const volatile int *tid);

/* For such a number: the caller's own, stored where others may wait for it. */
void tell_tid(volatile int *tid);

/* The threads that the process has, as /proc counts them; and waits until it has so many. */
int count_threads(void);
void await_threads(int count);

/* Now on this clock and so many milliseconds. */
struct timespec from_now(clockid_t clock, long ms);

/* A time on any clock that has long been over. */
#define LONG_AGO ((struct timespec){1, 0})

/* The program that runs, for execve. */
char *own_path(void);

/*
 * exec's it, to do `verb` and no case: "exit" exits with the number `argument`, "first" calls end_first. Returns only a
 * negated errno.
 */
long exec_helper(const char *verb, const char *argument);

/* The first thread ends; another one goes on, and then returns or calls exit. In processes.c. */
_Noreturn void end_first(const char *how);

#endif
