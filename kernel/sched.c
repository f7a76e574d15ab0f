/*
 * The scheduler: which task runs on which CPU.
 *
 * Each CPU has a run queue: the tasks that could run there, in the order in which they will, and
 * the one that does. A task keeps the CPU until it sleeps, until its slice of 10 ms is over and
 * another waits, or until one is woken that outranks it or is behind it. The kernel gives up the CPU only where it
 * sleeps, and on the way to user mode when TIF_RESCHED is set.
 *
 *                wake_up                        schedule
 *    sleeping ------------> queued (on_rq) -------------> running (on_rq, rq->curr)
 *       ^                      ^                              |   |
 *       |                      +----------- slice over -------+   |
 *       +---------------------- state set, schedule() ------------+
 *
 * The order in which waiting tasks run is kernel/run_queue.c's.
 *
 * The lock. rq->lock guards the queue and, in the tasks whose ->cpu it is, state transitions to
 * TASK_RUNNING, on_rq, cpu, cpus_allowed and what the order depends on. It is held across the
 * switch and released by the task that was switched to (finish_switch), so whoever gets it knows
 * that a task which is not rq->curr has left its stack: no other synchronisation between a sleeper
 * that is still switching away and its waker is needed. Two of these locks are never held at once.
 *
 * Several CPUs. A task is queued on the CPU it last ran on. If that is busy and another is idle,
 * the idle one is kicked and comes to take it (steal), from its idle task, so that no lock is held
 * while it looks. A task whose affinity changed moves when it is next picked or put.
 *
 * Ticks. A CPU that runs something has a timer interrupt every 10 ms; an idle one has none. The
 * tick is not moved when tasks switch: a task that has run for at least half a slice when it comes
 * and is waited for gives way.
 */
#include <tine/err.h>
#include <tine/printk.h>
#include <tine/rseq.h>
#include <tine/run_queue.h>
#include <tine/sched.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <uapi/sched.h>

static struct run_queue run_queues[MAX_CPUS];
static u64 idle_mask; /* atomic: CPUs about to halt or halted, and not yet kicked */

static inline struct run_queue *this_rq(void)
{
	return this_cpu()->run_queue;
}

/* Locks the run queue of task's CPU; interrupts are off. */
static inline struct run_queue *lock_task_rq(const struct task_struct *task)
{
	struct run_queue *rq;

	for (;;) {
		rq = worked_out(&run_queues[READ_ONCE(task->cpu)]);
		spin_lock(&rq->lock);
		if (likely(rq->cpu == READ_ONCE(task->cpu)))
			return rq;
		spin_unlock(&rq->lock);
	}
}

static bool may_run_on(const struct task_struct *task, unsigned int cpu)
{
	return task->cpus_allowed >> cpu & 1;
}

/* --- Queueing --- */

/*
 * Makes the task that runs on rq's CPU give way soon. rq->lock held, or rq is this CPU's and
 * interrupts are off.
 */
static __noinline void resched(struct run_queue *rq)
{
	set_task_work(rq->curr, TIF_RESCHED);
	if (rq->cpu != cpu_id())
		arch_send_reschedule(rq->cpu);
}

/* Claims an idle CPU of those in mask and makes it look for work. */
static __noinline void kick_idle_cpu(u64 mask)
{
	u64 idle;
	unsigned int cpu;

	while ((idle = __atomic_load_n(&idle_mask, __ATOMIC_SEQ_CST) & mask) != 0) {
		cpu = __builtin_ctzl(idle);
		if (!(__atomic_fetch_and(&idle_mask, ~(1ul << cpu), __ATOMIC_SEQ_CST) >> cpu & 1))
			continue;
		if (cpu != cpu_id())
			arch_send_reschedule(cpu);
		return;
	}
}

/* Queues a runnable task, sees to it that somebody will run it, and releases rq->lock. */
static inline void queue_and_unlock(struct run_queue *rq, struct task_struct *task)
{
	bool rq_is_idle;
	u64 allowed;

	task->on_rq = true;
	enqueue(rq, task);
	rq_is_idle = rq->curr == rq->idle;
	if (rq_is_idle || task->sched.rank > rq->curr->sched.rank || goes_first(rq, task))
		resched(rq);
	allowed = rq_is_idle ? 0 : task->cpus_allowed;
	spin_unlock(&rq->lock);
	smp_mb(); /* queued first, then looked: cpu_idle does it the other way round */
	if (READ_ONCE(idle_mask) & allowed)
		kick_idle_cpu(allowed);
}

/*
 * task, in no queue, is cpu's from now on, as far ahead of its round as it was ahead of the old
 * one's. The lock of its old run queue is held; the other's round is near enough.
 */
static void move(struct task_struct *task, unsigned int cpu)
{
	u64 from = run_queues[task->cpu].round;
	u64 ahead = task->vtime > from ? task->vtime - from : 0;

	if (!is_realtime(task))
		task->vtime = READ_ONCE(run_queues[cpu].round) + ahead;
	WRITE_ONCE(task->cpu, cpu);
}

/*
 * Queues a runnable task that is in no queue on a CPU that it may use. Interrupts are off, no run
 * queue is locked.
 */
static __noinline void place(struct task_struct *task)
{
	struct run_queue *rq = lock_task_rq(task);
	u64 usable = task->cpus_allowed & cpu_online_mask;

	if (!may_run_on(task, task->cpu) && usable) {
		move(task, __builtin_ctzl(usable));
		spin_unlock(&rq->lock);
		rq = lock_task_rq(task);
	}
	queue_and_unlock(rq, task);
}

/* The same where task's run queue is locked: most often the CPU is one that it may use. */
static inline void place_and_unlock(struct run_queue *rq, struct task_struct *task)
{
	if (likely(may_run_on(task, rq->cpu))) {
		queue_and_unlock(rq, task);
		return;
	}
	spin_unlock(&rq->lock);
	place(task);
}

bool wake_task(struct task_struct *task, unsigned int mask)
{
	struct run_queue *rq = lock_task_rq(task);

	if (!(task->state & mask)) {
		spin_unlock(&rq->lock);
		return false;
	}
	WRITE_ONCE(task->state, TASK_RUNNING);
	if (unlikely(task->on_rq))
		spin_unlock(&rq->lock);
	else
		place_and_unlock(rq, task);
	return true;
}

bool try_to_wake_up(struct task_struct *task, unsigned int mask)
{
	irq_state_t irq = irq_save();
	bool woken = wake_task(task, mask);

	irq_restore(irq);
	return woken;
}

bool wake_up_process(struct task_struct *task)
{
	return try_to_wake_up(task, TASK_NORMAL);
}

void wake_up_new_task(struct task_struct *task)
{
	irq_state_t irq = irq_save();
	struct run_queue *rq = lock_task_rq(task);

	ASSERT(task->state == TASK_NEW);
	get_task_struct(task); /* for as long as it runs: dropped by finish_switch after its last */
	WRITE_ONCE(task->state, TASK_RUNNING);
	place_and_unlock(rq, task);
	irq_restore(irq);
}

/* --- Switching --- */

/*
 * The next task of the queue that may run here, or the idle task. One that may not becomes the
 * leaving task; with two such, the second runs here until it is rescheduled.
 */
static struct task_struct *pick_next(struct run_queue *rq)
{
	struct task_struct *task;

	while ((task = first_waiting(rq)) != NULL) {
		dequeue(rq, task);
		if (likely(may_run_on(task, rq->cpu)) || rq->leaving)
			return task;
		rq->leaving = task;
	}
	return rq->idle;
}

static void queue_realtime(struct run_queue *rq, struct task_struct *task, bool first)
{
	insert_realtime(rq, task, first);
	WRITE_ONCE(rq->waiting, rq->waiting + 1);
}

/*
 * A real-time task that has to give way goes on before others of its priority, unless it yields, or
 * is of those that take turns and has had its own.
 */
static void requeue_realtime(struct run_queue *rq, struct task_struct *prev, u64 ran)
{
	bool over = prev->sched.policy == SCHED_RR && ran >= REALTIME_SLICE_NS;

	queue_realtime(rq, prev, !rq->yielding && !over);
	rq->yielding = false;
}

/* Puts the task that has run until now, for so long, where it belongs. */
static void put_prev(struct run_queue *rq, struct task_struct *prev, u64 ran)
{
	if (prev->state != TASK_RUNNING) {
		if (!signal_pending_state(prev->state, prev)) {
			prev->on_rq = false;
			prev->nvcsw++;
			return;
		}
		WRITE_ONCE(prev->state, TASK_RUNNING);
	}
	if (prev == rq->idle)
		return;
	if (unlikely(!may_run_on(prev, rq->cpu)))
		rq->leaving = prev;
	else if (is_realtime(prev))
		requeue_realtime(rq, prev, ran);
	else
		enqueue(rq, prev);
}

/* A CPU that was idle has ticks again. */
static __noinline void begin_ticks(struct run_queue *rq)
{
	rq->tick_at = rq->curr->slice_start + SLICE_NS;
	timer_reprogram();
}

/*
 * What comes after every switch, in the context of the task that runs now: prev is off its stack.
 * Interrupts are off.
 */
static inline void finish_switch(struct task_struct *prev)
{
	struct run_queue *rq = this_rq();
	struct task_struct *leaving = rq->leaving;
	bool dead = prev->state == TASK_DEAD;

	if (unlikely(leaving))
		rq->leaving = NULL;
	spin_unlock(&rq->lock);
	if (unlikely(rq->tick_at == ~0ull && rq->curr != rq->idle))
		begin_ticks(rq);
	if (unlikely(leaving))
		place(leaving);
	if (unlikely(dead))
		put_task_struct(prev);
}

void schedule_tail(struct task_struct *prev)
{
	finish_switch(prev);
	irq_enable();
}

void schedule(void)
{
	struct run_queue *rq;
	struct task_struct *prev = current, *next;
	u64 now, ran;

	lock_debug_may_sleep(LOCK_CLASS_NUM);
	irq_disable();
	rq = this_rq();
	now = arch_clock_ns();
	ran = now - prev->slice_start;
	spin_lock(&rq->lock);
	clear_task_work(prev, TIF_RESCHED);
	charge(prev, ran);
	put_prev(rq, prev, ran);
	next = pick_next(rq);
	next->slice_start = now;
	if (next == prev) {
		schedule_tail(prev);
		return;
	}
	if (prev->on_rq)
		prev->nivcsw++;
	rseq_preempt(prev);
	rq->curr = next;
	rq->switches++;
	switch_to(prev, next);
	finish_switch(switch_stacks(&prev->thread, &next->thread, prev));
	irq_enable();
}

static void wake_sleeper(struct timer *timer, u64 now)
{
	try_to_wake_up(timer->arg, TASK_NORMAL);
}

u64 schedule_timeout(u64 ns)
{
	struct timer timer;
	u64 end, now = arch_clock_ns();

	if (ns == ~0ull || __builtin_add_overflow(now, ns, &end)) {
		schedule();
		return ns;
	}
	timer_setup(&timer, wake_sleeper, current);
	timer_arm(&timer, end);
	schedule();
	timer_cancel(&timer);
	now = arch_clock_ns();
	return now < end ? end - now : 0;
}

/* Behind everybody who waits in this round and in the next. */
void sched_yield(void)
{
	struct run_queue *rq = this_rq();

	if (!READ_ONCE(rq->waiting))
		return;
	if (is_realtime(current))
		rq->yielding = true;
	else
		current->vtime = MAX(current->vtime, rq->round + ROUND_NS);
	schedule();
}

long sys_sched_yield(void)
{
	sched_yield();
	return 0;
}

void kick_task(struct task_struct *task)
{
	unsigned int cpu = READ_ONCE(task->cpu);

	if (cpu != cpu_id() && READ_ONCE(run_queues[cpu].curr) == task)
		arch_send_reschedule(cpu);
}

/* --- Ticks --- */

/* Has the task that runs had its turn? It may be the only one of its kind that wants it. */
static bool slice_is_over(const struct run_queue *rq, u64 ran)
{
	const struct task_struct *curr = rq->curr;

	if (likely(!is_realtime(curr)))
		return ran >= SLICE_NS / 2;
	return rq->realtime_ticks >= REALTIME_TICKS ||
	       (curr->sched.policy == SCHED_RR && ran >= REALTIME_SLICE_NS);
}

/* Nobody waits for the CPU, so the present round is that of the task that runs. */
static void follow_round(struct run_queue *rq, u64 now)
{
	struct task_struct *curr = rq->curr;

	spin_lock(&rq->lock);
	charge(curr, now - curr->slice_start);
	curr->slice_start = now;
	if (!rq->waiting && !is_realtime(curr) && curr->vtime > rq->round)
		rq->round = ALIGN_DOWN(curr->vtime, ROUND_NS);
	spin_unlock(&rq->lock);
}

static void count_tick(struct run_queue *rq, bool user)
{
	if (user) {
		rq->curr->user_ticks++;
	} else {
		rq->curr->system_ticks++;
		rq->system_ticks++;
	}
	if (++rq->ticks >= TICKS_PER_SECOND)
		rq->ticks = rq->realtime_ticks = 0;
	rq->realtime_ticks += is_realtime(rq->curr);
}

void sched_tick(u64 now, bool user)
{
	struct run_queue *rq = this_rq();

	if (now < rq->tick_at)
		return;
	if (rq->curr == rq->idle) {
		rq->tick_at = ~0ull;
		return;
	}
	rq->tick_at = now + SLICE_NS;
	count_tick(rq, user);
	if (!READ_ONCE(rq->waiting))
		follow_round(rq, now);
	else if (slice_is_over(rq, now - rq->curr->slice_start))
		set_task_work(rq->curr, TIF_RESCHED);
}

u64 sched_next_tick(void)
{
	return this_rq()->tick_at;
}

/* --- Idle CPUs --- */

static struct task_struct *find_for_cpu(struct list_head *list, unsigned int cpu)
{
	struct task_struct *task;

	list_for_each_entry(task, list, run_link)
		if (may_run_on(task, cpu))
			return task;
	return NULL;
}

/*
 * Takes a waiting task that may run on cpu from another CPU's queue; it is then this CPU's,
 * runnable and in no queue.
 */
static struct task_struct *steal_from(struct run_queue *rq, unsigned int cpu)
{
	struct task_struct *task;

	if (!READ_ONCE(rq->waiting))
		return NULL;
	spin_lock(&rq->lock);
	task = find_for_cpu(&rq->queue, cpu);
	for (unsigned int i = 1; !task && i < ROUNDS; i++)
		task = find_for_cpu(&rq->later[(rq->round / ROUND_NS + i) % ROUNDS], cpu);
	if (task) {
		dequeue(rq, task);
		move(task, cpu);
	}
	spin_unlock(&rq->lock);
	return task;
}

/*
 * Looks for work at the other CPUs, beginning behind this one. True if some was queued here.
 * Interrupts are off.
 */
static bool steal(void)
{
	struct task_struct *task;
	unsigned int me = cpu_id();

	for (unsigned int i = 1; i < nr_cpus; i++) {
		task = steal_from(&run_queues[(me + i) % nr_cpus], me);
		if (!task)
			continue;
		place(task);
		return true;
	}
	return false;
}

void cpu_idle(void)
{
	u64 bit = 1ul << cpu_id();

	for (;;) {
		bool busy = trim_kernel_stacks();

		irq_disable();
		__atomic_fetch_or(&idle_mask, bit, __ATOMIC_SEQ_CST);
		/* Announced first, then looked: who queues a task does it the other way round. */
		if (!busy && !READ_ONCE(this_rq()->waiting) && !(current->work & TIF_RESCHED) &&
		    !steal())
			arch_idle();
		else
			irq_enable();
		__atomic_fetch_and(&idle_mask, ~bit, __ATOMIC_SEQ_CST);
		if (READ_ONCE(this_rq()->waiting) || (current->work & TIF_RESCHED))
			schedule();
	}
}

/* --- Affinity and accounting --- */

/* Task is running on a CPU that it may not use. */
static bool on_forbidden_cpu(struct task_struct *task)
{
	irq_state_t irq = irq_save();
	struct run_queue *rq = lock_task_rq(task);
	bool forbidden = rq->curr == task && !may_run_on(task, task->cpu);

	if (forbidden)
		resched(rq);
	spin_unlock_irqrestore(&rq->lock, irq);
	return forbidden;
}

int sched_set_affinity(struct task_struct *task, u64 mask)
{
	irq_state_t irq;
	struct run_queue *rq;

	if (!(mask & cpu_online_mask))
		return -EINVAL;
	irq = irq_save();
	rq = lock_task_rq(task);
	task->cpus_allowed = mask;
	spin_unlock_irqrestore(&rq->lock, irq);
	while (on_forbidden_cpu(task)) {
		if (task == current) {
			schedule();
		} else {
			set_current_state(TASK_UNINTERRUPTIBLE);
			schedule_timeout(NSEC_PER_SEC / 1000);
		}
	}
	return 0;
}

unsigned int sched_urgency(const struct task_struct *task)
{
	const struct sched_attributes *a = &task->sched;
	unsigned int own = a->rt_priority ? URGENCY_FAIR_MAX + 1 + a->rt_priority : 20 - a->nice;

	return MAX(own, READ_ONCE(task->lent));
}

/* What is lent lifts those that are not as urgent, but only above all that are fair. */
static void derive_attributes(struct sched_attributes *a, unsigned int lent)
{
	sched_attributes_set(a);
	if (likely(lent <= URGENCY_FAIR_MAX + (unsigned int)a->rank))
		return;
	a->lifted = true;
	a->rank = lent - URGENCY_FAIR_MAX;
	a->cost = 0;
}

/*
 * task's run queue is locked. Who falls to a priority is the first of those who have it, who rises
 * to it the last (sched(7)).
 */
static void set_attributes(struct run_queue *rq, struct task_struct *task,
			   struct sched_attributes attributes)
{
	bool running = rq->curr == task, falls;
	bool queued = task->on_rq && !running && !list_empty(&task->run_link);

	derive_attributes(&attributes, task->lent);
	falls = attributes.rank < task->sched.rank;
	queued &= attributes.rank != task->sched.rank || attributes.policy != task->sched.policy;
	if (queued)
		dequeue(rq, task);
	/* Real-time tasks are beyond all rounds, and no time passes for them. */
	if (attributes.rank > 1 || is_realtime(task))
		task->vtime = attributes.rank > 1 ? ~0ull : rq->round;
	task->sched = attributes;
	if (queued && is_realtime(task))
		queue_realtime(rq, task, falls);
	else if (queued)
		enqueue(rq, task);
	if (running || (queued && task->sched.rank > rq->curr->sched.rank))
		resched(rq);
}

void sched_set_attributes(struct task_struct *task, struct sched_attributes attributes)
{
	irq_state_t irq = irq_save();
	struct run_queue *rq = lock_task_rq(task);

	set_attributes(rq, task, attributes);
	spin_unlock_irqrestore(&rq->lock, irq);
}

void sched_lend(struct task_struct *task, unsigned int urgency)
{
	irq_state_t irq = irq_save();
	struct run_queue *rq = lock_task_rq(task);
	struct sched_attributes attributes = task->sched;

	task->lent = urgency;
	derive_attributes(&attributes, urgency);
	if (attributes.rank != task->sched.rank)
		set_attributes(rq, task, attributes);
	spin_unlock_irqrestore(&rq->lock, irq);
}

unsigned long nr_running(void)
{
	unsigned long n = 0;

	for (unsigned int i = 0; i < nr_cpus; i++)
		n += READ_ONCE(run_queues[i].waiting) +
		     (READ_ONCE(run_queues[i].curr) != run_queues[i].idle);
	return n;
}

u64 nr_context_switches(void)
{
	u64 n = 0;

	for (unsigned int i = 0; i < nr_cpus; i++)
		n += READ_ONCE(run_queues[i].switches);
	return n;
}

u64 task_cpu_ns(const struct task_struct *task)
{
	irq_state_t irq = irq_save();
	struct run_queue *rq = lock_task_rq(task);
	u64 ns = task->cpu_ns;

	if (rq->curr == task)
		ns += arch_clock_ns() - task->slice_start;
	spin_unlock_irqrestore(&rq->lock, irq);
	return ns;
}

void cond_resched(void)
{
	if (unlikely(READ_ONCE(current->work) & TIF_RESCHED))
		schedule();
}

u64 sched_idle_ns(unsigned int cpu)
{
	return run_queues[cpu].idle ? task_cpu_ns(run_queues[cpu].idle) : 0;
}

u64 sched_system_ns(unsigned int cpu)
{
	return READ_ONCE(run_queues[cpu].system_ticks) * SLICE_NS;
}

/* --- Boot --- */

void sched_init(void)
{
	for (unsigned int i = 0; i < MAX_CPUS; i++) {
		spin_lock_init(&run_queues[i].lock, LOCK_CLASS_RUN_QUEUE);
		run_queues[i].cpu = i;
		for (unsigned int r = 0; r < ROUNDS; r++)
			list_init(&run_queues[i].later[r]);
		list_init(&run_queues[i].queue);
		run_queues[i].tick_at = ~0ull;
	}
	sched_init_cpu();
}

void sched_init_cpu(void)
{
	struct run_queue *rq = &run_queues[cpu_id()];

	this_cpu()->run_queue = rq;
	rq->curr = rq->idle = current;
	current->cpu = rq->cpu;
	current->on_rq = true;
	current->slice_start = arch_clock_ns();
}
