#ifndef FUTEX_CALL_H
#define FUTEX_CALL_H

/* For the suites about futexes: the call itself, and what /proc says of who waits. */
#include "helpers.h"

#include <sys/mman.h>
#include <time.h>
#include <uapi/futex.h>

static inline UNUSED long futex(volatile int *word, int op, int value, const void *timeout,
				volatile int *word2, int value3)
{
	return raw6(SYS_futex, word, op, value, timeout, word2, value3);
}

static inline UNUSED struct timespec clock_plus(clockid_t clock, long ms)
{
	struct timespec t;

	check_call(clock_gettime(clock, &t));
	t.tv_nsec += ms % 1000 * 1000000;
	t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

/* Fields 3 (state) and 18 (priority) of /proc/PID/stat. */
static inline UNUSED int read_stat(pid_t pid, char *state)
{
	char path[64], text[1024], *at;
	int fd, priority = 0;
	long n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = check_call(open(path, O_RDONLY));
	n = check_call(read(fd, text, sizeof(text) - 1));
	check_call(close(fd));
	text[n] = 0;
	at = strrchr(text, ')');
	check(at != NULL);
	*state = at[2];
	at += 2;
	for (int field = 3; field < 18; field++)
		at = strchr(at, ' ') + 1;
	sscanf(at, "%d", &priority);
	return priority;
}

/* Sleeps between one look and the next: who looks may be more urgent than who is waited for. */
static inline UNUSED void await_state(pid_t pid, char wanted)
{
	char state;

	while (read_stat(pid, &state), state != wanted)
		tap_sleep_ms(1);
}

#endif
