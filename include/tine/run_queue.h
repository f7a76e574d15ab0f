/*
 * A CPU's run queue and the order of those who wait in it (kernel/run_queue.c); for the scheduler
 * alone. Everything is called with the queue's lock held.
 */
#pragma once

#include <tine/list.h>
#include <tine/sched.h>
#include <tine/spinlock.h>
#include <tine/task.h>
#include <tine/time.h>

#define ROUNDS   64          /* as filled has bits */
#define ROUND_NS (1ul << 23) /* of virtual time */

/* Of the ticks of a second those that real-time tasks get if others wait, and how many there are. */
#define REALTIME_TICKS   95
#define TICKS_PER_SECOND (NSEC_PER_SEC / SLICE_NS)

struct run_queue {
	struct spinlock lock;
	unsigned int cpu;       /* whose it is */
	struct list_head queue; /* waiting by run_link: real-time tasks, then the present round's */
	u64 round;              /* the virtual time at which the present round began */
	struct list_head later[ROUNDS]; /* the others: round r's in [r / ROUND_NS % ROUNDS] */
	u64 filled;                     /* which of them may have some */
	unsigned int waiting;           /* how many wait, in all */
	unsigned int ticks,
		realtime_ticks;   /* of this second: all, those that met real-time tasks */
	bool yielding;            /* the real-time task that gives up the CPU asked to */
	struct task_struct *curr; /* who runs */
	struct task_struct *idle; /* runs when nobody waits */
	struct task_struct
		*leaving; /* may not run here any more: queued elsewhere after the switch */
	u64 tick_at;      /* when the next tick is due; ~0: none was asked for */
	u64 switches;
	u64 system_ticks; /* that met the kernel, not a program */
} __aligned(64);

static inline bool is_realtime(const struct task_struct *task)
{
	return unlikely(task->sched.rank > 1);
}

/*
 * Puts a real-time task behind those of its priority, or (first) before them; in any case before
 * all that are fair.
 */
void insert_realtime(struct run_queue *rq, struct task_struct *task, bool first);
/* A task that has used up its share waits for the round that its virtual time has reached. */
void insert_later(struct run_queue *rq, struct task_struct *task);
/* All of the present round have had their turn: the next one that anybody waits for begins. */
void next_round(struct run_queue *rq);
/* Real-time tasks have had what they may of this second: a fair one's turn, if there is one. */
struct task_struct *fair_before(struct run_queue *rq, struct task_struct *realtime);

static inline void enqueue(struct run_queue *rq, struct task_struct *task)
{
	/* Who slept has not saved up for it. */
	if (task->vtime < rq->round)
		task->vtime = rq->round;
	if (likely(task->vtime - rq->round < ROUND_NS))
		list_add_tail(&task->run_link, &rq->queue);
	else if (is_realtime(task))
		insert_realtime(rq, task, false);
	else
		insert_later(rq, task);
	WRITE_ONCE(rq->waiting, rq->waiting + 1);
}

/*
 * A task that was just queued and has had clearly less of the present round than the one that runs:
 * it is put before all others that are fair, and the one that runs should give way.
 */
static inline bool goes_first(struct run_queue *rq, struct task_struct *task)
{
	if (likely(task->vtime + ROUND_NS / 8 >= rq->curr->vtime) || is_realtime(rq->curr) ||
	    is_realtime(list_first_entry(&rq->queue, struct task_struct, run_link)))
		return false;
	list_del(&task->run_link);
	list_add(&task->run_link, &rq->queue);
	return true;
}

static inline void dequeue(struct run_queue *rq, struct task_struct *task)
{
	list_del(&task->run_link);
	WRITE_ONCE(rq->waiting, rq->waiting - 1);
}

/* The waiting task whose turn it is; NULL: none waits. */
static inline struct task_struct *first_waiting(struct run_queue *rq)
{
	struct task_struct *task;

	if (list_empty(&rq->queue))
		next_round(rq);
	if (list_empty(&rq->queue))
		return NULL;
	task = list_first_entry(&rq->queue, struct task_struct, run_link);
	if (is_realtime(task) && rq->realtime_ticks >= REALTIME_TICKS)
		return fair_before(rq, task);
	return task;
}

/* task, which runs, has done so for ns more: what that costs it. Its run queue is locked. */
static inline void charge(struct task_struct *task, u64 ns)
{
	task->cpu_ns += ns;
	task->vtime += ns * task->sched.cost / SCHED_COST_UNIT;
}
