/* Sleeping until something happens (kernel/wait_queue.c). */
#pragma once

#include <tine/arch.h>
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
static inline void wait_entry_init(struct wait_entry *entry)
{
	*entry = (struct wait_entry){.link = LIST_HEAD_INIT(entry->link), .task = current};
}
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
 * Wakes every non-exclusive entry and up to max exclusive ones. key: poll events, for entries with a
 * wake of their own. Any context.
 */
void wake_entries(struct wait_queue *wq, unsigned int max, u64 key);
static inline void wake_up(struct wait_queue *wq)
{
	wake_entries(wq, 1, 0);
}
static inline void wake_up_all(struct wait_queue *wq)
{
	wake_entries(wq, ~0u, 0);
}
static inline void wake_up_poll(struct wait_queue *wq, u64 events)
{
	wake_entries(wq, 1, events);
}

/*
 * Sleeps in state until cond holds: 0; or -ERESTARTSYS when a signal ends the wait
 * (TASK_INTERRUPTIBLE: any; TASK_KILLABLE: a fatal one).
 */
#define wait_event(wq, state, cond)                                   \
	({                                                            \
		struct wait_queue *wait_queue_ = (wq);                \
		struct wait_entry wait_entry_;                        \
		int wait_result_ = 0;                                 \
		wait_entry_init(&wait_entry_);                        \
		add_wait_entry(wait_queue_, &wait_entry_);            \
		for (;;) {                                            \
			set_current_state(state);                     \
			if (cond)                                     \
				break;                                \
			if (signal_pending_state((state), current)) { \
				wait_result_ = -ERESTARTSYS;          \
				break;                                \
			}                                             \
			schedule();                                   \
		}                                                     \
		finish_wait(wait_queue_, &wait_entry_);               \
		wait_result_;                                         \
	})

/* The same in a call on file, which any signal ends, and which with O_NONBLOCK is -EAGAIN at once. */
#define file_wait_event(file, wq, cond) \
	((file)->flags & O_NONBLOCK ? -EAGAIN : wait_event(wq, TASK_INTERRUPTIBLE, cond))
