/* Sleeping until something happens (kernel/wait_queue.c). */
#pragma once

#include <tine/list.h>
#include <tine/spinlock.h>
#include <tine/types.h>

struct task_struct;

struct wait_queue {
	struct spinlock lock;
	struct list_head entries;
};

/* One sleeper (or watcher) in one queue; lives on the sleeper's stack. */
struct wait_entry {
	struct list_head link;
	struct task_struct *task;
	/*
	 * Called under the queue's lock by wake_up; NULL: wakes task. Returns true if this entry
	 * counts as an exclusive one woken.
	 */
	bool (*wake)(struct wait_entry *entry, u64 key);
	bool exclusive; /* wake_up stops after one of these */
};

#define WAIT_QUEUE_INIT(name)                                                                     \
	{                                                                                         \
		.lock = SPINLOCK_INIT(LOCK_CLASS_WAIT), .entries = LIST_HEAD_INIT((name).entries) \
	}

void wait_queue_init(struct wait_queue *wq);
/* An entry for current that is in no queue. */
void wait_entry_init(struct wait_entry *entry);
/*
 * Puts entry into wq, if it is not there, and sets current's state. Then check the condition, then
 * schedule().
 */
void prepare_to_wait(struct wait_queue *wq, struct wait_entry *entry, unsigned int state);
/* Takes entry out and sets the state to running. */
void finish_wait(struct wait_queue *wq, struct wait_entry *entry);
/* For pollers: entry->wake is set by the caller. */
void add_wait_entry(struct wait_queue *wq, struct wait_entry *entry);
void remove_wait_entry(struct wait_queue *wq, struct wait_entry *entry);

/*
 * Wakes every non-exclusive entry and one exclusive one / all. key: poll events, for entries with a
 * wake of their own. Any context.
 */
void wake_up(struct wait_queue *wq);
void wake_up_all(struct wait_queue *wq);
void wake_up_poll(struct wait_queue *wq, u64 events);

/*
 * Sleeps in state until cond holds; result is set to 0, or to -ERESTARTSYS when a signal ends the
 * wait (TASK_INTERRUPTIBLE: any; TASK_KILLABLE: a fatal one). entry is the caller's struct
 * wait_entry.
 */
#define wait_event(wq, entry, state, cond, result)                    \
	do {                                                          \
		(result) = 0;                                         \
		wait_entry_init(entry);                               \
		for (;;) {                                            \
			prepare_to_wait((wq), (entry), (state));      \
			if (cond)                                     \
				break;                                \
			if (signal_pending_state((state), current)) { \
				(result) = -ERESTARTSYS;              \
				break;                                \
			}                                             \
			schedule();                                   \
		}                                                     \
		finish_wait((wq), (entry));                           \
	} while (0)
