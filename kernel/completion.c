/*
 * Completions: waiting for an event that happens once. Unlike a bare wait queue a completion may
 * live on its waiter's stack: the waiter leaves only after complete() has let go of the lock.
 */
#include <tine/completion.h>
#include <tine/err.h>
#include <tine/task.h>

void completion_init(struct completion *c)
{
	c->done = 0;
	wait_queue_init(&c->wait);
}

void complete(struct completion *c)
{
	irq_state_t irq = spin_lock_irqsave(&c->wait.lock);

	c->done++;
	if (!list_empty(&c->wait.entries))
		try_to_wake_up(list_first_entry(&c->wait.entries, struct wait_entry, link)->task,
			       TASK_NORMAL);
	spin_unlock_irqrestore(&c->wait.lock, irq);
}

/* Takes one completion if there is one, under the lock that complete() holds. */
static bool take_completion(struct completion *c)
{
	irq_state_t irq = spin_lock_irqsave(&c->wait.lock);
	bool taken = c->done > 0;

	if (taken)
		c->done--;
	spin_unlock_irqrestore(&c->wait.lock, irq);
	return taken;
}

int wait_for_completion_killable(struct completion *c)
{
	return wait_event(&c->wait, TASK_KILLABLE, take_completion(c));
}
