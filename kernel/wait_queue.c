/*
 * Wait queues: lists of who waits for something to happen.
 *
 * A sleeper puts its entry into the queue and sets its state, then looks at the condition, then
 * sleeps; a waker makes the condition true, then wakes. Setting the state is a full barrier and
 * waking takes the queue's lock, so either the sleeper sees the condition or the waker sees the
 * sleeper. Wakers may be interrupt handlers: the lock is taken with interrupts off.
 */
#include <tine/task.h>
#include <tine/wait_queue.h>

void wait_queue_init(struct wait_queue *wq)
{
	spin_lock_init(&wq->lock, LOCK_CLASS_WAIT);
	list_init(&wq->entries);
}

void add_wait_entry(struct wait_queue *wq, struct wait_entry *entry)
{
	irq_state_t irq = spin_lock_irqsave(&wq->lock);

	if (list_empty(&entry->link)) {
		if (entry->exclusive)
			list_add_tail(&entry->link, &wq->entries);
		else
			list_add(&entry->link, &wq->entries);
	}
	spin_unlock_irqrestore(&wq->lock, irq);
}

void remove_wait_entry(struct wait_queue *wq, struct wait_entry *entry)
{
	irq_state_t irq = spin_lock_irqsave(&wq->lock);

	list_del(&entry->link);
	spin_unlock_irqrestore(&wq->lock, irq);
}

void prepare_to_wait(struct wait_queue *wq, struct wait_entry *entry, unsigned int state)
{
	if (list_empty(&entry->link))
		add_wait_entry(wq, entry);
	set_current_state(state);
}

void finish_wait(struct wait_queue *wq, struct wait_entry *entry)
{
	set_current_state(TASK_RUNNING);
	remove_wait_entry(wq, entry);
}

void wake_entries(struct wait_queue *wq, unsigned int max, u64 key)
{
	struct wait_entry *entry, *next;
	irq_state_t irq;
	bool woken;

	/*
	 * Nobody waits, and whoever comes now looks at the condition, which the caller has changed
	 * before.
	 */
	smp_mb();
	if (list_empty(&wq->entries))
		return;
	irq = spin_lock_irqsave(&wq->lock);
	list_for_each_entry_safe(entry, next, &wq->entries, link) {
		woken = entry->wake ? entry->wake(entry, key) : wake_task(entry->task, TASK_NORMAL);
		if (woken && entry->exclusive && --max == 0)
			break;
	}
	spin_unlock_irqrestore(&wq->lock, irq);
}
