#ifndef RAW_THREADS_H
#define RAW_THREADS_H

/*
 * For the suites about threads: what /proc says of a process's threads, and threads that wait until
 * they are let go.
 */
#include "helpers.h"

#include <dirent.h>

/* Everything in a file of /proc, as a string; its length, or a negated errno. */
static inline UNUSED long read_text(const char *path, char *text, size_t size)
{
	long fd = raw3(SYS_open, path, O_RDONLY, 0), n, length = 0;

	text[0] = 0;
	if (fd < 0)
		return fd;
	while ((n = raw3(SYS_read, fd, text + length, size - 1 - (size_t)length)) > 0)
		length += n;
	raw1(SYS_close, fd);
	text[n < 0 ? 0 : length] = 0;
	return n < 0 ? n : length;
}

/* The number behind `word` in a status file; -1: it is not there. */
static inline UNUSED long status_number(const char *path, const char *word, int base)
{
	char text[4096], *at;

	if (read_text(path, text, sizeof(text)) < 0 || !(at = strstr(text, word)))
		return -1;
	return (long)strtoul(at + strlen(word), NULL, base);
}

static inline UNUSED long thread_number(pid_t pid, pid_t tid, const char *word, int base)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", pid, tid);
	return status_number(path, word, base);
}

/* The letter of a thread's state in its stat file; 0: no such thread. */
static inline UNUSED char thread_state(pid_t pid, pid_t tid)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	if (read_text(path, text, sizeof(text)) <= 0)
		return 0;
	return strrchr(text, ')')[2];
}

static inline UNUSED void await_thread_state(pid_t pid, pid_t tid, char state)
{
	while (thread_state(pid, tid) != state)
		tap_sleep_ms(1);
}

static inline UNUSED int count_threads(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	check(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

/* ---- threads that wait ---- */

static volatile int threads_may_go UNUSED;

static UNUSED int wait_to_go(void *unused)
{
	(void)unused;
	while (!get(&threads_may_go))
		raw_futex_wait(&threads_may_go, 0);
	return 0;
}

static inline UNUSED void start_waiting(struct thread *threads, int n)
{
	for (int i = 0; i < n; i++)
		thread_start(&threads[i], wait_to_go, NULL);
}

static inline UNUSED void let_go(struct thread *threads, int n)
{
	set(&threads_may_go, 1);
	raw_futex_wake(&threads_may_go, 1000);
	for (int i = 0; i < n; i++)
		thread_join(&threads[i]);
	set(&threads_may_go, 0);
}

/* Ends the first thread of a process; returns in another one, as its function's argument. */
static inline UNUSED void leave_to(int (*function)(void *), void *argument)
{
	static struct thread heir;

	thread_start(&heir, function, argument);
	raw_exit(0);
}

#endif
