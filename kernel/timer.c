/*
 * Timers: functions that are called at a time.
 *
 * Each CPU has a queue of its own, a pairing heap ordered by time: putting a timer in is O(1),
 * taking one out O(log n) amortised, and nothing is allocated, since a timer carries its own links.
 * A timer goes into the queue of the CPU that arms it, so that CPUs do not disturb each other;
 * removing it from elsewhere takes that queue's lock.
 *
 * The hardware knows one moment a CPU: `programmed`. It is only ever moved forward to an earlier
 * moment; when what it was set for goes away it is left alone, and the interrupt that then comes
 * for nothing sets it anew. Tasks are switched and timers cancelled far more often than a tick
 * passes, and this makes both free of hardware accesses.
 *
 * `running` is the timer whose function is being called. It lets timer_cancel() promise that the
 * function is not running when it returns, which is what makes a timer on a sleeper's stack safe. A
 * timer that is armed again while its function runs on another CPU goes back to that CPU's queue,
 * so that `running` needs to be looked up in one place only.
 *
 * Locks: timer_queue.lock, taken with interrupts off, guards the heap, first and running. first is
 * also read without it by its own CPU, because the scheduler asks under a run queue's lock.
 * programmed belongs to its CPU, with interrupts off.
 */
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/spinlock.h>
#include <tine/time.h>

#define NEVER (~0ull)

struct timer_queue {
	struct spinlock lock;
	struct timer *root;
	u64 first; /* when the first one expires */
	struct timer *running;
	u64 programmed;
} __aligned(64);

static struct timer_queue queues[MAX_CPUS];

/* Heap a gets b as a child or the other way round. */
static struct timer *heap_meld(struct timer *a, struct timer *b)
{
	struct timer *swap;

	if (!a || !b)
		return a ? a : b;
	if (b->expires < a->expires) {
		swap = a;
		a = b;
		b = swap;
	}
	b->heap_next = a->heap_child;
	if (b->heap_next)
		b->heap_next->heap_prev = &b->heap_next;
	b->heap_prev = &a->heap_child;
	a->heap_child = b;
	return a;
}

/* Makes one heap of a list of siblings: melds them in pairs, then the pairs from the last to the
 * first. */
static struct timer *heap_meld_siblings(struct timer *list)
{
	struct timer *pairs = NULL, *root = NULL, *first, *second, *pair;

	while (list) {
		first = list;
		second = first->heap_next;
		list = second ? second->heap_next : NULL;
		pair = heap_meld(first, second);
		pair->heap_next = pairs;
		pairs = pair;
	}
	while (pairs) {
		pair = pairs;
		pairs = pair->heap_next;
		root = heap_meld(root, pair);
	}
	return root;
}

static void queue_set_root(struct timer_queue *q, struct timer *root)
{
	q->root = root;
	if (root) {
		root->heap_next = NULL;
		root->heap_prev = &q->root;
	}
	WRITE_ONCE(q->first, root ? root->expires : NEVER);
}

static void queue_insert(struct timer_queue *q, struct timer *timer)
{
	timer->heap_child = timer->heap_next = NULL;
	timer->armed = true;
	queue_set_root(q, heap_meld(q->root, timer));
}

static void queue_remove(struct timer_queue *q, struct timer *timer)
{
	*timer->heap_prev = timer->heap_next;
	if (timer->heap_next)
		timer->heap_next->heap_prev = timer->heap_prev;
	timer->armed = false;
	queue_set_root(q, heap_meld(q->root, heap_meld_siblings(timer->heap_child)));
}

/* Locks the queue that timer is in, or was in last. Interrupts off. */
static struct timer_queue *timer_lock(struct timer *timer)
{
	struct timer_queue *q;
	unsigned int cpu;

	for (;;) {
		cpu = READ_ONCE(timer->cpu);
		q = &queues[cpu];
		spin_lock(&q->lock);
		if (likely(timer->cpu == cpu))
			return q;
		spin_unlock(&q->lock);
	}
}

void timer_setup(struct timer *timer, void (*fn)(struct timer *timer, u64 now), void *arg)
{
	*timer = (struct timer){.fn = fn, .arg = arg, .cpu = cpu_id()};
}

void timer_arm(struct timer *timer, u64 expires)
{
	irq_state_t state = irq_save();
	struct timer_queue *mine = &queues[cpu_id()];
	struct timer_queue *q = timer_lock(timer);

	if (timer->armed)
		queue_remove(q, timer);
	if (q != mine && q->running != timer) {
		WRITE_ONCE(timer->cpu, cpu_id());
		spin_unlock(&q->lock);
		q = mine;
		spin_lock(&q->lock);
	}
	timer->expires = expires;
	queue_insert(q, timer);
	spin_unlock(&q->lock);
	timer_reprogram();
	irq_restore(state);
}

bool timer_cancel(struct timer *timer)
{
	bool pending = false, running;
	struct timer_queue *q;
	irq_state_t state;

	do {
		state = irq_save();
		q = timer_lock(timer);
		if (timer->armed) {
			queue_remove(q, timer);
			pending = true;
		}
		running = q->running == timer;
		spin_unlock_irqrestore(&q->lock, state);
		while (running && READ_ONCE(q->running) == timer)
			cpu_relax();
	} while (running); /* its function may have armed it again */
	return pending;
}

void timer_disarm(struct timer *timer)
{
	irq_state_t state = irq_save();
	struct timer_queue *q = timer_lock(timer);

	if (timer->armed)
		queue_remove(q, timer);
	spin_unlock_irqrestore(&q->lock, state);
}

/* After fn returned the timer may be gone: only its address is looked at. */
static void queue_run(struct timer_queue *q, u64 now)
{
	struct timer *timer;

	spin_lock(&q->lock);
	while (q->first <= now) {
		timer = q->root;
		queue_remove(q, timer);
		q->running = timer;
		spin_unlock(&q->lock);
		timer->fn(timer, now);
		spin_lock(&q->lock);
		WRITE_ONCE(q->running, NULL);
	}
	spin_unlock(&q->lock);
}

void timer_interrupt(bool user)
{
	struct timer_queue *q = &queues[cpu_id()];
	u64 now = arch_clock_ns();

	ASSERT(!irqs_enabled());
	q->programmed = NEVER;
	if (q->first <= now)
		queue_run(q, now);
	sched_tick(now, user);
	run_cpu_timers();
	timer_reprogram();
}

void timer_reprogram(void)
{
	struct timer_queue *q = &queues[cpu_id()];
	u64 when = MIN(READ_ONCE(q->first), sched_next_tick());

	ASSERT(!irqs_enabled());
	if (when >= q->programmed)
		return;
	q->programmed = when;
	arch_timer_arm(when);
}

void timer_init(void)
{
	for (unsigned int i = 0; i < MAX_CPUS; i++) {
		spin_lock_init(&queues[i].lock, LOCK_CLASS_TIMER);
		queues[i].first = queues[i].programmed = NEVER;
	}
}
