/*
 * The order in which the tasks that wait for a CPU run.
 *
 * Real-time tasks (SCHED_FIFO, SCHED_RR) come first, by priority. All others take turns in rounds
 * of 8 ms: a task belongs to the round that its virtual time has reached, and within a round the
 * first come is the first served. Virtual time passes while it runs, at the pace of the clock for
 * nice 0, and with each step of nice a quarter faster or slower: who has used up its share waits
 * for a later round, at most 63 rounds away, and who slept has its turn in this one, at once if it
 * has had clearly less of it than the task that runs: programs that pass a lock round with
 * time-outs, as Python does, count on being heard in time. All who wait
 * for the present round are in one list, and the next round's are appended to it when they all have
 * had their turn; as long as nobody is nice that is all there is to it. So that a real-time task
 * that never sleeps leaves a way in, they get 95% of each second.
 *
 *	queue:	real-time, by priority | the present round, first come first
 *	later:	the next round | the one after it | ...
 *
 * Lock: the run queue's. Linux orders by virtual time alone, in a tree.
 */
#include <tine/run_queue.h>
#include <uapi/sched.h>

void insert_realtime(struct run_queue *rq, struct task_struct *task, bool first)
{
	unsigned int rank = task->sched.rank + first;
	struct list_head *l = rq->queue.next;

	while (l != &rq->queue && list_entry(l, struct task_struct, run_link)->sched.rank >= rank)
		l = l->next;
	list_add_tail(&task->run_link, l);
}

void insert_later(struct run_queue *rq, struct task_struct *task)
{
	unsigned int slot;

	task->vtime = MIN(task->vtime, rq->round + (ROUNDS - 1) * ROUND_NS);
	slot = task->vtime / ROUND_NS % ROUNDS;
	list_add_tail(&task->run_link, &rq->later[slot]);
	rq->filled |= 1ul << slot;
}

void next_round(struct run_queue *rq)
{
	while (rq->filled) {
		unsigned int now = rq->round / ROUND_NS % ROUNDS;
		u64 ahead = rq->filled >> now;
		unsigned int slot = __builtin_ctzl(ahead ? ahead << now : rq->filled);

		rq->round += (slot - now) % ROUNDS * ROUND_NS;
		rq->filled &= ~(1ul << slot);
		/* Its tasks may have gone meanwhile. */
		if (list_empty(&rq->later[slot]))
			continue;
		list_splice_tail(&rq->later[slot], &rq->queue);
		return;
	}
}

static struct task_struct *first_fair(struct run_queue *rq)
{
	struct task_struct *task;

	list_for_each_entry(task, &rq->queue, run_link)
		if (!is_realtime(task))
			return task;
	return NULL;
}

struct task_struct *fair_before(struct run_queue *rq, struct task_struct *realtime)
{
	struct task_struct *task = first_fair(rq);

	if (!task) {
		next_round(rq);
		task = first_fair(rq);
	}
	return task ? task : realtime;
}

/*
 * SCHED_COST_UNIT times the pace of virtual time at this nice: 1.25 to its power, in fixed point.
 * SCHED_IDLE is a notch below nice 19.
 */
static u32 cost_of(const struct sched_attributes *a)
{
	int nice = a->policy == SCHED_IDLE ? MAX_NICE + 1 : a->nice;
	u64 cost = SCHED_COST_UNIT << 16;

	for (; nice > 0; nice--)
		cost = cost * 5 / 4;
	for (; nice < 0; nice++)
		cost = cost * 4 / 5;
	return cost >> 16;
}

void sched_attributes_set(struct sched_attributes *a)
{
	a->lifted = false;
	a->cost = a->rt_priority ? 0 : cost_of(a);
	a->rank = a->rt_priority + (a->policy == SCHED_IDLE ? 0 : 1);
}
