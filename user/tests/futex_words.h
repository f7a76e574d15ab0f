#ifndef FUTEX_WORDS_H
#define FUTEX_WORDS_H

/*
 * For the tests of futexes with priority inheritance: words that all processes of a case see, and
 * processes that lock and unlock on command.
 */
#include "futex_call.h"

#include <sched.h>
#include <sys/resource.h>

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

/* ---- what /proc says ---- */

static inline UNUSED int priority_of(pid_t pid)
{
	char state;

	return read_stat(pid, &state);
}

/* What it shows for real-time priority n. */
#define SHOWN(n) (-1 - (n))

/* These sleep as await_state does. */
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
