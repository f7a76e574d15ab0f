/*
 * Signals: the data. Actions, queues of pending signals, blocked sets.
 *
 *	task_struct ----+--> sighand_struct --> sigactions		what a signal does
 *	  pending	|    (shared with CLONE_SIGHAND,		(shared copy-on-write by
 *	  blocked	|     always by threads)			 forked processes)
 *			+--> signal_struct
 *			       shared_pending			what was sent to the process
 *
 * A pending set is a bit for each signal, and a queue of siginfo. Standard signals are there once
 * or not at all; real-time signals have one entry for each time they were sent, and their bit stays
 * set until the last entry is taken. A bit without an entry is a signal without information: the
 * kernel sent it (from_kernel; needs no memory, so interrupts may send), or there was no memory or
 * no room under RLIMIT_SIGPENDING.
 *
 * sighand->lock guards the sighand, the pending sets of all tasks that share it, their blocked sets
 * (written by the task itself alone, which may read its own without the lock), their jobctl, and
 * their signal_struct's group state. What depends on all of these is TIF_SIGPENDING: "current
 * should look at its signals before it goes back to user mode". It may be set without need, never
 * clear when there is something: who adds a signal or unblocks one sets it, and only current,
 * having looked, clears it.
 *
 * Actions: fork takes a reference on the parent's sigactions. They change only while the sighand is
 * their one user; sigaction(2) copies them otherwise. What merely resets an action notes that in
 * the sets defaulted and cleared of the sighand, so that exec (which resets all) copies nothing,
 * and a one-shot handler or a forced signal needs no memory.
 *
 * Linux copies all 64 actions at fork; it finds another task's sighand under RCU where this kernel
 * wants tasklist_lock.
 */
#include <tine/cred.h>
#include <tine/fork.h>
#include <tine/printk.h>
#include <tine/signal_internal.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/timers.h>
#include <tine/uaccess.h>

static struct kmem_cache *sighand_cache, *sigactions_cache, *sigqueue_cache;

static struct sigactions default_actions = {.count = {1}};

struct sighand_struct init_sighand = {
	.count = {1},
	.lock = SPINLOCK_INIT(LOCK_CLASS_SIGHAND),
	.actions = &default_actions,
};

void signals_init(void)
{
	sighand_cache = kmem_cache_create("sighand_struct", sizeof(struct sighand_struct), 0);
	sigactions_cache = kmem_cache_create("sigactions", sizeof(struct sigactions), 0);
	sigqueue_cache = kmem_cache_create("sigqueue", sizeof(struct sigqueue), 0);
}

/* The sighand may change until its lock is held, and then no longer. */
struct sighand_struct *lock_task_sighand(struct task_struct *task, irq_state_t *state)
{
	for (;;) {
		struct sighand_struct *sighand = READ_ONCE(task->sighand);

		if (!sighand)
			return NULL;
		*state = spin_lock_irqsave(&sighand->lock);
		if (likely(sighand == READ_ONCE(task->sighand)))
			return sighand;
		spin_unlock_irqrestore(&sighand->lock, *state);
	}
}

/* Actions. */

static void put_actions(struct sigactions *actions)
{
	if (atomic_dec_and_test(&actions->count))
		kmem_cache_free(sigactions_cache, actions);
}

struct kernel_sigaction get_action(const struct sighand_struct *sighand, int sig)
{
	struct kernel_sigaction action = sighand->actions->action[sig - 1];

	if (sighand->defaulted & sigmask(sig))
		action.handler = SIG_DFL;
	if (sighand->cleared & sigmask(sig))
		action.flags = action.restorer = action.mask = 0;
	return action;
}

sigset_t sighand_handled(const struct sighand_struct *sighand)
{
	return sighand->actions->handled & ~sighand->defaulted;
}

sigset_t sighand_ignored(const struct sighand_struct *sighand)
{
	return sighand->actions->ignored & ~sighand->defaulted;
}

/*
 * Makes sighand the one user of its actions. New references come only through sighand, whose lock
 * is held.
 */
static int own_actions(struct sighand_struct *sighand)
{
	struct sigactions *old = sighand->actions, *new;

	if (atomic_read(&old->count) == 1)
		return 0;
	new = kmem_cache_alloc(sigactions_cache);
	if (!new)
		return -ENOMEM;
	memcpy(new, old, sizeof(*new));
	atomic_set(&new->count, 1);
	sighand->actions = new;
	put_actions(old);
	return 0;
}

int set_action(struct sighand_struct *sighand, int sig, const struct kernel_sigaction *action)
{
	sigset_t mask = sigmask(sig);
	struct sigactions *actions;
	int err = own_actions(sighand);

	if (err)
		return err;
	actions = sighand->actions;
	actions->action[sig - 1] = *action;
	actions->handled &= ~mask;
	actions->ignored &= ~mask;
	if (action->handler == SIG_IGN)
		actions->ignored |= mask;
	else if (action->handler != SIG_DFL)
		actions->handled |= mask;
	sighand->defaulted &= ~mask;
	sighand->cleared &= ~mask;
	return 0;
}

void flush_signal_handlers(struct task_struct *task, bool force_default)
{
	struct sighand_struct *sighand = task->sighand;
	irq_state_t state = spin_lock_irqsave(&sighand->lock);

	sighand->defaulted |= force_default ? ~0ul : sighand->actions->handled;
	sighand->cleared = ~0ul;
	spin_unlock_irqrestore(&sighand->lock, state);
}

/* A sighand with the actions that from has. NULL: out of memory. */
static struct sighand_struct *dup_sighand(struct sighand_struct *from)
{
	struct sighand_struct *sighand = kmem_cache_alloc(sighand_cache);
	irq_state_t state;

	if (!sighand)
		return NULL;
	atomic_set(&sighand->count, 1);
	spin_lock_init(&sighand->lock, LOCK_CLASS_SIGHAND);
	state = spin_lock_irqsave(&from->lock);
	sighand->actions = from->actions;
	atomic_inc(&sighand->actions->count);
	sighand->defaulted = from->defaulted;
	sighand->cleared = from->cleared;
	sighand->watched = false;
	spin_unlock_irqrestore(&from->lock, state);
	return sighand;
}

int copy_sighand(struct task_struct *child, const struct kernel_clone_args *args)
{
	if (args->flags & CLONE_SIGHAND) {
		atomic_inc(&current->sighand->count);
		child->sighand = current->sighand;
		return 0;
	}
	child->sighand = dup_sighand(current->sighand);
	if (!child->sighand)
		return -ENOMEM;
	if (args->flags & CLONE_CLEAR_SIGHAND)
		flush_signal_handlers(child, false);
	return 0;
}

int unshare_sighand(struct task_struct *task)
{
	struct sighand_struct *old = task->sighand, *new;
	irq_state_t state;

	if (atomic_read(&old->count) == 1)
		return 0;
	new = dup_sighand(old);
	if (!new)
		return -ENOMEM;
	spin_lock(&tasklist_lock);
	state = spin_lock_irqsave(&old->lock);
	WRITE_ONCE(task->sighand, new);
	spin_unlock_irqrestore(&old->lock, state);
	spin_unlock(&tasklist_lock);
	await_expiring_timers(task->signal->timers);
	put_sighand(old);
	return 0;
}

void put_sighand(struct sighand_struct *sighand)
{
	if (!atomic_dec_and_test(&sighand->count))
		return;
	put_actions(sighand->actions);
	kmem_cache_free(sighand_cache, sighand);
}

void release_sighand(struct task_struct *task)
{
	struct sighand_struct *sighand = task->sighand;

	if (!sighand)
		return;
	task->sighand = NULL;
	put_sighand(sighand);
}

/* Pending signals. */

void sigpending_init(struct sigpending *pending)
{
	pending->set = pending->from_kernel = 0;
	list_init(&pending->queue);
}

struct sigqueue *sigqueue_alloc(struct task_struct *task, bool over_limit)
{
	struct user_struct *user = task->cred->user;
	unsigned long limit = READ_ONCE(task->signal->rlim[RLIMIT_SIGPENDING].rlim_cur);
	struct sigqueue *entry = NULL;

	if ((unsigned long)atomic_add_return(&user->sigpending, 1) <= limit || over_limit)
		entry = kmem_cache_alloc(sigqueue_cache);
	if (!entry) {
		atomic_dec(&user->sigpending);
		return NULL;
	}
	entry->timer = NULL;
	entry->user = user;
	atomic_inc(&user->count);
	return entry;
}

void sigqueue_free(struct sigqueue *entry)
{
	atomic_dec(&entry->user->sigpending);
	put_user_struct(entry->user);
	kmem_cache_free(sigqueue_cache, entry);
}

/* Frees an entry that was taken out of a queue, unless it is a timer's, which keeps it. */
static void sigqueue_drop(struct sigqueue *entry)
{
	if (!entry->timer)
		sigqueue_free(entry);
}

void flush_sigqueue_mask(sigset_t mask, struct sigpending *pending, struct list_head *dead)
{
	struct sigqueue *entry, *next;

	if (!(pending->set & mask))
		return;
	pending->set &= ~mask;
	pending->from_kernel &= ~mask;
	list_for_each_entry_safe(entry, next, &pending->queue, link) {
		if (!(sigmask(entry->info.si_signo) & mask))
			continue;
		list_del(&entry->link);
		if (dead && !entry->timer)
			list_add_tail(&entry->link, dead);
		else
			sigqueue_drop(entry);
	}
}

/* A signal stays pending if it is also there from somebody else. */
void flush_timer_signals(struct sigpending *pending)
{
	struct sigqueue *entry, *next;
	sigset_t keep = pending->set;

	list_for_each_entry(entry, &pending->queue, link)
		keep &= ~sigmask(entry->info.si_signo);
	list_for_each_entry_safe(entry, next, &pending->queue, link) {
		if (entry->info.si_code != SI_TIMER) {
			keep |= sigmask(entry->info.si_signo);
			continue;
		}
		list_del(&entry->link);
		sigqueue_drop(entry);
	}
	pending->set = keep;
}

static bool has_pending_signals(const struct task_struct *task)
{
	sigset_t pending = task->pending.set | task->signal->shared_pending.set;

	return pending & ~task->blocked;
}

/*
 * A continue that the parent has not been told of is a reason to look too: whoever comes first
 * tells it.
 */
inline void recalc_sigpending(struct task_struct *task)
{
	u32 notices = task->signal->flags & (SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED);

	if (has_pending_signals(task) || (task->jobctl & JOBCTL_STOP_PENDING) || notices)
		set_task_work(task, TIF_SIGPENDING);
	else if (task == current && signal_pending(task))
		clear_task_work(task, TIF_SIGPENDING);
}

int fork_signals_begin(u32 *seen)
{
	irq_state_t state;

	/* First: a broadcast that is counted already is pending by now. */
	*seen = __atomic_load_n(&current->signal->broadcasts, __ATOMIC_ACQUIRE);
	if (likely(!signal_pending(current)))
		return 0;
	state = spin_lock_irqsave(&current->sighand->lock);
	recalc_sigpending(current);
	spin_unlock_irqrestore(&current->sighand->lock, state);
	return signal_pending(current) ? -ERESTARTNOINTR : 0;
}

int fork_signals_end(u32 seen)
{
	if (current->signal->broadcasts == seen)
		return 0;
	/*
	 * Another thread may have taken it; the call is restarted only on the way through
	 * do_signal().
	 */
	set_task_work(current, TIF_SIGPENDING);
	return -ERESTARTNOINTR;
}

/* Blocked sets. */

inline void set_blocked_locked(sigset_t set)
{
	if (signal_pending(current) && current->signal->nr_threads > 1)
		retarget_shared_pending(current, set & ~current->blocked);
	current->blocked = set;
	recalc_sigpending(current);
}

inline void set_current_blocked(sigset_t set)
{
	irq_state_t state;

	set &= ~SIG_UNBLOCKABLE;
	/* Only current writes it, so it may look without the lock. */
	if (set == current->blocked)
		return;
	state = spin_lock_irqsave(&current->sighand->lock);
	set_blocked_locked(set);
	spin_unlock_irqrestore(&current->sighand->lock, state);
}

int set_user_sigmask(const sigset_t __user *set, size_t size)
{
	sigset_t blocked;

	if (!set)
		return 0;
	if (size != sizeof(blocked))
		return -EINVAL;
	if (get_user(blocked, set))
		return -EFAULT;
	current->saved_sigmask = current->blocked;
	set_task_work(current, TIF_RESTORE_SIGMASK);
	set_current_blocked(blocked);
	return 0;
}

/*
 * interrupted: the signal that ends the call is about to be handled under the call's own mask;
 * do_signal() puts the old one back.
 */
void restore_saved_sigmask_unless(bool interrupted)
{
	if (interrupted || !(current->work & TIF_RESTORE_SIGMASK))
		return;
	clear_task_work(current, TIF_RESTORE_SIGMASK);
	set_current_blocked(current->saved_sigmask);
}

sigset_t sigmask_to_save(void)
{
	return current->work & TIF_RESTORE_SIGMASK ? current->saved_sigmask : current->blocked;
}
