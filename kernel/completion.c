/*
 * Completions: one task waits for an event that happens once. A completion may live on its waiter's
 * stack: complete() wakes the waiter under the lock, and the waiter takes the lock before it leaves.
 */
#include <tine/completion.h>
#include <tine/err.h>
#include <tine/printk.h>
#include <tine/task.h>

void completion_init(struct completion *c)
{
	spin_lock_init(&c->lock, LOCK_CLASS_WAIT);
	c->done = false;
	c->waiter = current;
}

void complete(struct completion *c)
{
	spin_lock(&c->lock);
	WRITE_ONCE(c->done, true);
	try_to_wake_up(c->waiter, TASK_NORMAL);
	spin_unlock(&c->lock);
}

int wait_for_completion_killable(struct completion *c)
{
	bool done;

	ASSERT(c->waiter == current);
	while (!READ_ONCE(c->done) && !fatal_signal_pending(current)) {
		set_current_state(TASK_KILLABLE);
		if (!READ_ONCE(c->done))
			schedule();
	}
	set_current_state(TASK_RUNNING);
	done = SPIN_LOCKED(&c->lock, c->done);
	return done ? 0 : -ERESTARTSYS;
}
