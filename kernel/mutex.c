/*
 * Mutexes: locks whose holder may sleep.
 *
 * owner is the holding task, with bit 0 set while somebody waits; 0 is free. Taking a free one and
 * releasing one that nobody waits for is a single atomic instruction each. Otherwise the waiters
 * queue under m->lock; release wakes the first, which then tries again like anybody else, so a
 * running task may take the mutex before it: that keeps the processor busy where a strict hand-over
 * would make every holder sleep once.
 */
#include <tine/err.h>
#include <tine/mutex.h>
#include <tine/task.h>

#define HAS_WAITERS 1ul

struct waiter {
	struct list_head link;
	struct task_struct *task;
};

#ifdef CONFIG_DEBUG
static void note_class(struct mutex *m, enum lock_class class)
{
	m->class = class;
}
#else
static inline void note_class(struct mutex *m, enum lock_class class)
{
}
#endif

static unsigned long read_owner(const struct mutex *m)
{
	return (unsigned long)__atomic_load_n(&m->owner, __ATOMIC_ACQUIRE);
}

void mutex_init(struct mutex *m, enum lock_class class)
{
	m->owner = NULL;
	spin_lock_init(&m->lock, LOCK_CLASS_MUTEX_WAIT);
	list_init(&m->waiters);
	note_class(m, class);
}

/*
 * Takes the mutex if it is free, else marks that somebody waits. m->lock held, and the caller is in
 * the list.
 */
static bool take_or_mark(struct mutex *m)
{
	unsigned long owner, mine = (unsigned long)current | HAS_WAITERS;

	for (;;) {
		owner = read_owner(m);
		if (!(owner & ~HAS_WAITERS)) {
			if (mutex_swap_owner(m, owner, mine))
				return true;
		} else if ((owner & HAS_WAITERS) ||
			   mutex_swap_owner(m, owner, owner | HAS_WAITERS)) {
			return false;
		}
	}
}

static int lock_slowly(struct mutex *m, unsigned int state)
{
	struct waiter waiter = {.task = current};
	int error = 0;

	spin_lock(&m->lock);
	list_add_tail(&waiter.link, &m->waiters);
	for (;;) {
		/*
		 * Before the look at the owner: a release that comes after it finds us asleep, or
		 * about to be.
		 */
		set_current_state(state);
		if (take_or_mark(m))
			break;
		if (signal_pending_state(state, current)) {
			error = -EINTR;
			break;
		}
		spin_unlock(&m->lock);
		schedule();
		spin_lock(&m->lock);
	}
	set_current_state(TASK_RUNNING);
	list_del(&waiter.link);
	if (list_empty(&m->waiters))
		__atomic_fetch_and((unsigned long *)&m->owner, ~HAS_WAITERS, __ATOMIC_SEQ_CST);
	spin_unlock(&m->lock);
	return error;
}

void mutex_lock_slowly(struct mutex *m)
{
	(void)lock_slowly(m, TASK_UNINTERRUPTIBLE);
}

int mutex_lock_killable(struct mutex *m)
{
	int error = 0;

	lock_debug_acquire_mutex(mutex_class(m));
	if (unlikely(!mutex_swap_owner(m, 0, (unsigned long)current)))
		error = lock_slowly(m, TASK_KILLABLE);
	if (error)
		lock_debug_release_mutex(mutex_class(m));
	return error;
}

bool mutex_trylock(struct mutex *m)
{
	bool locked = mutex_swap_owner(m, 0, (unsigned long)current);

	if (locked)
		lock_debug_acquire_mutex(mutex_class(m));
	return locked;
}

/* Wakes the first of the waiters. */
void mutex_unlock_slowly(struct mutex *m)
{
	struct waiter *first;

	spin_lock(&m->lock);
	__atomic_store_n(&m->owner, list_empty(&m->waiters) ? NULL : (void *)HAS_WAITERS,
			 __ATOMIC_SEQ_CST);
	if (!list_empty(&m->waiters)) {
		first = list_first_entry(&m->waiters, struct waiter, link);
		try_to_wake_up(first->task, TASK_NORMAL | TASK_WAKEKILL);
	}
	spin_unlock(&m->lock);
}

bool mutex_is_mine(const struct mutex *m)
{
	return (read_owner(m) & ~HAS_WAITERS) == (unsigned long)current;
}
