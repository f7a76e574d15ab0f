/*
 * The account of all workers: a table in memory that all share. A worker's place in it is its id.
 *
 * Who starts a worker takes a place for it first, so that there are never more than was asked for; who
 * reaps one gives the place back. A worker that was killed while it counted in one of its words leaves
 * it one ahead of the ledger, or not: then the controller, which has those pages mapped for good,
 * looks, before anybody else gets the words.
 */
#define _GNU_SOURCE
#include "stress.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int my_id = -1;

static int take_slot(void)
{
	for (int id = 0; id < control->processes; id++) {
		struct slot *slot = &control->slots[id];
		int state = FREE;

		if (!__atomic_compare_exchange_n(&slot->state, &state, TAKEN, 0, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			continue;
		slot->parent = getpid();
		slot->killed = 0;
		return id;
	}
	return -1;
}

static void become_worker(int id, uint64_t seed, const int *tids)
{
	my_id = id;
	control->slots[id].pid = getpid();
	must(!tids || (tids[0] == 0 && tids[1] == getpid()));
	inherit_model();
	seed_random(seed);
	work();
}

int start_worker(uint64_t seed, int *tids)
{
	int id = take_slot();
	long flags = SIGCHLD | (tids ? CLONE_PARENT_SETTID | CLONE_CHILD_SETTID : 0);
	long pid;

	if (id < 0)
		return 0;
	if (tids)
		tids[0] = tids[1] = 0;
	pid = syscall(SYS_clone, flags, 0, tids, tids ? tids + 1 : NULL, 0);
	must(pid >= 0);
	if (pid == 0)
		become_worker(id, seed, tids);
	control->slots[id].pid = pid;
	must(!tids || (tids[0] == pid && tids[1] == 0));
	__atomic_fetch_add(&control->births, 1, __ATOMIC_RELAXED);
	return 1;
}

static struct slot *find_slot(pid_t pid)
{
	for (int id = 0; id < MOST_WORKERS; id++) {
		struct slot *slot = &control->slots[id];

		if (__atomic_load_n(&slot->state, __ATOMIC_SEQ_CST) == TAKEN && slot->pid == pid)
			return slot;
	}
	return NULL;
}

void give_back(struct slot *slot)
{
	slot->pid = 0;
	__atomic_store_n(&slot->state, slot->writing ? UNSETTLED : FREE, __ATOMIC_SEQ_CST);
}

static int ended_well(int status, const struct slot *slot)
{
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == (slot ? 0 : HELPER_STATUS);
	return slot && slot->killed && WTERMSIG(status) == SIGKILL;
}

pid_t reap(int options)
{
	struct slot *slot;
	int status;
	pid_t pid;

	do
		pid = waitpid(-1, &status, options);
	while (pid < 0 && errno == EINTR);
	if (pid <= 0)
		return pid;
	slot = find_slot(pid);
	if (!ended_well(status, slot) && !control->failed)
		fail("process %d ended with status %#x", pid, status);
	if (slot)
		give_back(slot);
	__atomic_fetch_add(&control->deaths, 1, __ATOMIC_RELAXED);
	return pid;
}
