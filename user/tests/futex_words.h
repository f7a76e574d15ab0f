#ifndef FUTEX_WORDS_H
#define FUTEX_WORDS_H

/*
 * For the tests of futexes with priority inheritance: the call itself, words that all processes of
 * a case see, processes that lock and unlock on command, and what /proc says of them.
 */
#include "helpers.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <uapi/futex.h>

static inline UNUSED long futex(volatile int *word, int op, int value, const void *timeout,
				volatile int *word2, int value3)
{
	return raw6(SYS_futex, word, op, value, timeout, word2, value3);
}

static inline UNUSED long lock_pi(volatile int *word)
{
	return futex(word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
}

static inline UNUSED long unlock_pi(volatile int *word)
{
	return futex(word, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
}

static inline UNUSED int self(void)
{
	return raw0(SYS_gettid);
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

/* ---- what /proc says ---- */

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

static inline UNUSED int priority_of(pid_t pid)
{
	char state;

	return read_stat(pid, &state);
}

/* What it shows for real-time priority n. */
#define SHOWN(n) (-1 - (n))

/* These sleep between one look and the next: who looks may be more urgent than who is waited for. */
static inline UNUSED void await_state(pid_t pid, char wanted)
{
	char state;

	while (read_stat(pid, &state), state != wanted)
		tap_sleep_ms(1);
}

static inline UNUSED void await_priority(pid_t pid, int wanted)
{
	while (priority_of(pid) != wanted)
		tap_sleep_ms(1);
}

static inline UNUSED void await_word(const volatile int *word, int value)
{
	while (get(word) < value)
		tap_sleep_ms(1);
}

static inline UNUSED void set_policy(pid_t pid, int policy, int priority)
{
	struct sched_param param = {.sched_priority = priority};

	check_eq(raw3(SYS_sched_setscheduler, pid, policy, &param), 0);
}

static inline UNUSED void only_cpu_0(void)
{
	unsigned long mask = 1;

	check_eq(raw3(SYS_sched_setaffinity, 0, sizeof(mask), &mask), 0);
}

/* ---- words and processes ---- */

enum { WORDS = 16, PROCESSES = 16 };

struct shared {
	volatile int word[WORDS];
	volatile int ready, done, turn, go;
	volatile int result[PROCESSES];
	volatile int order[PROCESSES];
	volatile int counter, workers;
	volatile int tries[PROCESSES]; /* a worker is about to do something */
};

static struct shared *shared UNUSED;

static inline UNUSED void make_shared(void)
{
	shared = tap_shared(sizeof(*shared));
}

/*
 * A process that does one thing after the other as it is told by bytes: l<n> locks word n, u<n>
 * unlocks it, x exits. After each it answers with the result.
 */
struct worker {
	pid_t pid;
	int commands, answers, index, told;
};

static inline UNUSED void work(int commands, int answers, int index)
{
	char c[2];
	long result;

	while (read(commands, c, 2) == 2) {
		volatile int *word = &shared->word[c[1] - '0'];

		if (c[0] == 'x')
			_exit(0);
		add(&shared->tries[index], 1);
		result = c[0] == 'l' ? lock_pi(word) : unlock_pi(word);
		check_eq(write(answers, &result, sizeof(result)), sizeof(result));
	}
	_exit(1);
}

static inline UNUSED struct worker new_worker(void)
{
	int commands[2], answers[2];
	struct worker w = {.index = add(&shared->workers, 1) - 1};

	make_pipe(commands);
	make_pipe(answers);
	w.pid = tap_fork();
	if (w.pid == 0) {
		close(commands[1]);
		close(answers[0]);
		work(commands[0], answers[1], w.index);
	}
	close(commands[0]);
	close(answers[1]);
	w.commands = commands[1];
	w.answers = answers[0];
	return w;
}

static inline UNUSED void tell(struct worker *w, char command, int word)
{
	char c[2] = {command, '0' + word};

	w->told++;
	check_eq(write(w->commands, c, 2), 2);
}

static inline UNUSED long answer(const struct worker *w)
{
	long result;

	check_eq(read(w->answers, &result, sizeof(result)), sizeof(result));
	return result;
}

/* It does not have to wait. */
static inline UNUSED void does(struct worker *w, char command, int word)
{
	tell(w, command, word);
	check_eq(answer(w), 0);
}

/* It locks the word, which another holds, and waits: it sleeps, and the word is marked. */
static inline UNUSED void waits_for(struct worker *w, int word)
{
	tell(w, 'l', word);
	await_word(&shared->tries[w->index], w->told);
	await_state(w->pid, 'S');
	check(get(&shared->word[word]) & FUTEX_WAITERS);
}

static inline UNUSED void end_worker(struct worker *w)
{
	tell(w, 'x', 0);
	check_exits(w->pid, 0);
}

static inline UNUSED void kill_worker(const struct worker *w)
{
	check_call(kill(w->pid, SIGKILL));
	check_killed(w->pid, SIGKILL);
}

#endif
