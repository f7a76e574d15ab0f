/*
 * Every allocation fails once. The file fail-nth of a task in /proc makes the nth allocation that
 * the task makes from then on fail. A call is repeated with the first, the second, ... allocation
 * failing, until it gets through without having reached the one that was to fail. Up to there it
 * must say ENOMEM (or what the call says instead) and leave everything as it was; that nothing has
 * leaked is seen by init, which counts pages and objects after the last suite.
 *
 * A kernel without fault injection, as Debian's, runs no case.
 */
#ifndef NO_MEMORY_H
#define NO_MEMORY_H

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FAIL_NTH "/proc/thread-self/fail-nth"
#define MOST     300 /* more allocations than any of these calls makes */

static int control;

static void arm(int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", nth);

	check_eq(pwrite(control, text, n, 0), n);
}

/* Disarms; true if the allocation that was to fail was not reached. */
static int was_not_reached(void)
{
	char text[16] = "";
	int left;

	check(pread(control, text, sizeof(text) - 1, 0) > 0);
	left = atoi(text);
	arm(0);
	return left > 0;
}

/*
 * Calls attempt with ever later allocations failing, until none fails. attempt returns 0, or the errno of a failure that left no
 * trace; undo (may be NULL) takes back a success, and no allocation fails in it.
 */
static void fail_each(int (*attempt)(void), void (*undo)(void))
{
	int failures = 0;

	control = check_call(open(FAIL_NTH, O_RDWR | O_CLOEXEC));
	for (int nth = 1; nth < MOST; nth++) {
		int error, done;

		arm(nth);
		error = attempt();
		done = was_not_reached();
		if (!error && undo)
			undo();
		if (done) {
			check_eq(error, 0);
			check(failures > 0);
			return;
		}
		if (error)
			check(error == ENOMEM || error == EAGAIN || error == ENOBUFS ||
			      error == ENOLCK);
		failures += error != 0;
	}
	check(!"a call that gets through");
}

static int no_memory_main(int argc, char **argv, const struct test_case *cases, size_t count)
{
	if (access(FAIL_NTH, W_OK)) {
		printf("TAP version 13\n1..0 # SKIP the kernel has no fault injection\n");
		return 0;
	}
	return tap_main(argc, argv, cases, count);
}

#endif
