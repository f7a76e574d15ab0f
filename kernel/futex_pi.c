/*
 * Futexes with priority inheritance (futex(2), FUTEX_LOCK_PI and its relatives).
 *
 * Such a word is a lock: 0, or the number of the thread that holds it, and two bits. Nobody comes
 * to the kernel to take a free one, or to give up one that nobody waits for. Who waits sets
 * FUTEX_WAITERS, so that the owner comes here to unlock, and lends the owner its urgency: as long as
 * others wait, the owner runs at the priority of the most urgent of them, and whoever it waits for
 * in its turn, along the whole chain.
 *
 *	task A <-- owner -- waiter of B <-- pi_blocked -- task B <-- owner -- waiter of C ...
 *	   \____ pi_waiters __/                              \____ pi_waiters __/
 *
 * There is nothing but the waiters, each on the stack of its task: a lock without any is only a
 * word. All waiters for one lock have the same owner, and are in the list of what waits for it, which
 * also has those for other locks. Unlocking hands the lock to the most urgent waiter (of those that
 * are not real-time, the first) there and then: its owner is now its own task, those of the
 * others change to it, and the word says so. It stays in its bucket until it has woken up and leaves.
 *
 * An owner that dies has its locks handed over as well. It cannot write the words, which may not be
 * mapped where it is; the new owner does (died), with FUTEX_OWNER_DIED. Until then what
 * the word says of its owner does not matter. A list of robust futexes is done before, so a word that
 * names a thread which is past this (pi_closed) will never change.
 *
 * Whom a task waits for, and who waits for it, is what one lock for the machine guards, as chains go from process
 * to process. It is taken only here, and never by fork and exit of a task that has no part in it. Locks,
 * in this order: the mm's, one bucket or two, pi_lock, a run queue's.
 *
 * Linux lets a task that is more urgent take a lock from one that was handed it but has not run
 * yet. Here it has to wait, and lends.
 */
#include <tine/err.h>
#include <tine/futex.h>
#include <tine/futex_internal.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>
#include <uapi/futex.h>

#define MAX_CHAIN 1024u

/* pi_lock, but for what is in waiter. */
struct futex_pi_waiter {
	struct futex_waiter waiter;
	struct futex_key lock;     /* WAIT_REQUEUE_PI: the only one it may be moved to */
	struct task_struct *owner; /* of the lock: its own task, if it has been handed it */
	struct futex_pi_waiter *next, **at; /* in owner's pi_waiters */
	u64 ticket;                         /* who waits longer has a lower one */
	bool died; /* handed over by a dead owner: the word does not say so yet */
};

static struct spinlock pi_lock = SPINLOCK_INIT(LOCK_CLASS_PI);
static u64 next_ticket; /* pi_lock */

/* --- Who waits for whom. All with pi_lock held. --- */

static struct futex_pi_waiter *pi_waiter(const struct futex_waiter *waiter)
{
	return container_of(waiter, struct futex_pi_waiter, waiter);
}

static void link_waiter(struct futex_pi_waiter *w, struct task_struct *owner)
{
	w->owner = owner;
	w->next = owner->pi_waiters;
	w->at = &owner->pi_waiters;
	if (w->next)
		w->next->at = &w->next;
	owner->pi_waiters = w;
}

static void unlink_waiter(struct futex_pi_waiter *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
}

/* Those that are not real-time are all alike. */
static bool goes_before(const struct futex_pi_waiter *a, const struct futex_pi_waiter *b)
{
	unsigned int urgency_a = MAX(sched_urgency(a->waiter.task), URGENCY_FAIR_MAX);
	unsigned int urgency_b = MAX(sched_urgency(b->waiter.task), URGENCY_FAIR_MAX);

	return urgency_a != urgency_b ? urgency_a > urgency_b : a->ticket < b->ticket;
}

/* Of those who wait for owner, for the lock key or (NULL) for any. */
static struct futex_pi_waiter *most_urgent(const struct task_struct *owner,
					   const struct futex_key *key)
{
	struct futex_pi_waiter *best = NULL;

	for (struct futex_pi_waiter *w = owner->pi_waiters; w; w = w->next)
		if ((!key || same_key(&w->waiter.key, key)) && (!best || goes_before(w, best)))
			best = w;
	return best;
}

/* Who waits for task has changed, or how urgent they are: what it is lent follows, and so on. */
static void lend(struct task_struct *task)
{
	const struct futex_pi_waiter *best;
	unsigned int urgency;

	for (;;) {
		best = most_urgent(task, NULL);
		urgency = best ? sched_urgency(best->waiter.task) : 0;
		if (urgency == task->lent)
			return;
		sched_lend(task, urgency);
		if (!task->pi_blocked)
			return;
		task = task->pi_blocked->owner;
	}
}

/* task would wait for itself if it waited for owner; a chain that is too long counts as well. */
static bool is_deadlock(const struct task_struct *task, const struct task_struct *owner)
{
	for (unsigned int n = 0; owner != task; n++) {
		if (!owner->pi_blocked)
			return false;
		if (n >= MAX_CHAIN)
			return true;
		owner = owner->pi_blocked->owner;
	}
	return true;
}

/* What came of trying to get a lock; or another -errno. */
#define BUSY  0              /* its owner will come here to unlock it */
#define TAKEN 1              /* it is the task's */
#define AGAIN (-ERESTARTSYS) /* word or owner changed meanwhile: to be tried again, here */

/* w, whose bucket is locked, waits for a lock of owner from now on: 0. AGAIN, EDEADLK. */
static int wait_for_owner(struct futex_pi_waiter *w, struct task_struct *owner)
{
	struct task_struct *task = w->waiter.task;
	bool first = !owner->pi_waiters;

	if (is_deadlock(task, owner))
		return -EDEADLK;
	w->ticket = next_ticket++;
	link_waiter(w, owner);
	/* It closes first and then looks at who waits; if others do, it is yet to come. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (first && READ_ONCE(owner->pi_closed)) {
		unlink_waiter(w);
		w->owner = NULL;
		return AGAIN;
	}
	w->waiter.kind = WAIT_PI;
	task->pi_blocked = w;
	lend(owner);
	return 0;
}

/* The lock that w waits for becomes its task's. */
static void hand_over(struct futex_pi_waiter *w, bool died)
{
	struct task_struct *from = w->owner, *to = w->waiter.task;
	struct futex_pi_waiter *other, *next;

	unlink_waiter(w);
	w->owner = to;
	w->died = died;
	to->pi_blocked = NULL;
	for (other = from->pi_waiters; other; other = next) {
		next = other->next;
		if (!same_key(&other->waiter.key, &w->waiter.key))
			continue;
		unlink_waiter(other);
		link_waiter(other, to);
	}
	lend(from);
	lend(to);
	wake_up_process(to);
}

void futex_pi_adjust(struct task_struct *task)
{
	spin_lock(&pi_lock);
	if (task->pi_blocked)
		lend(task->pi_blocked->owner);
	spin_unlock(&pi_lock);
}

void futex_pi_abandon(struct task_struct *task)
{
	struct futex_pi_waiter *w;

	spin_lock(&pi_lock);
	while ((w = task->pi_waiters) != NULL)
		hand_over(most_urgent(task, &w->waiter.key), true);
	spin_unlock(&pi_lock);
}

/* --- The word. All with the bucket and pi_lock held. --- */

static u32 number_of(const struct task_struct *task)
{
	return task_pid_vnr(task);
}

static u32 read_word(const u32 *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* False: it is not old any more. */
static bool change_word(u32 *word, u32 old, u32 new)
{
	return __atomic_compare_exchange_n(word, &old, new, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

/* The first of those who wait, in any way, at futex; rather one to whom a dead owner left it. */
static struct futex_waiter *first_waiter(const struct futex *futex)
{
	struct futex_waiter *waiter, *first = NULL;

	list_for_each_entry(waiter, &futex->bucket->waiters, link) {
		if (!same_key(&waiter->key, &futex->key))
			continue;
		if (!first || (waiter->kind == WAIT_PI && pi_waiter(waiter)->died))
			first = waiter;
	}
	return first;
}

/* The owner of a lock that waiter waits for; the word must agree. NULL: it does not. */
static struct task_struct *known_owner(const struct futex_waiter *waiter, u32 seen)
{
	const struct futex_pi_waiter *w = pi_waiter(waiter);
	u32 number = seen & FUTEX_TID_MASK;

	if (waiter->kind != WAIT_PI)
		return NULL;
	/* A robust lock, of an owner that has marked it and not yet handed it over? */
	if (w->died || (!number && (seen & FUTEX_OWNER_DIED)))
		return w->owner;
	return number == number_of(w->owner) ? w->owner : NULL;
}

/* A try to get a lock: the word as it was when its owner was looked up. */
struct attempt {
	struct futex *futex;
	u32 *word;
	u32 seen;
	struct task_struct
		*named; /* whom it names, with a reference; NULL if nobody has that number */
	struct task_struct *owner; /* whom to wait for, if it is BUSY */
};

/*
 * Makes the lock task's if it is free, and says that others wait if contended; else sees to
 * it that its owner comes here. BUSY, TAKEN, AGAIN; EDEADLK, EINVAL, EPERM, ESRCH.
 */
static int claim(struct attempt *a, const struct task_struct *task, bool contended)
{
	const struct futex_waiter *first = first_waiter(a->futex);
	u32 mark = contended ? FUTEX_WAITERS : 0;

	if (read_word(a->word) != a->seen)
		return AGAIN;
	if ((a->seen & FUTEX_TID_MASK) == number_of(task))
		return -EDEADLK;
	if (first) {
		a->owner = known_owner(first, a->seen);
		return a->owner ? BUSY : -EINVAL;
	}
	if (!(a->seen & FUTEX_TID_MASK))
		return change_word(a->word, a->seen,
				   (a->seen & FUTEX_OWNER_DIED) | number_of(task) | mark)
			       ? TAKEN
			       : AGAIN;
	if (!change_word(a->word, a->seen, a->seen | FUTEX_WAITERS))
		return AGAIN;
	a->owner = a->named;
	if (a->owner && (a->owner->flags & PF_KTHREAD))
		return -EPERM;
	if (a->owner && !READ_ONCE(a->owner->pi_closed))
		return BUSY;
	/* It is gone. Did its list of robust futexes have this one? */
	return read_word(a->word) == (a->seen | FUTEX_WAITERS) ? -ESRCH : AGAIN;
}

static void begin_attempt(struct attempt *a)
{
	a->seen = read_word(a->word);
	a->named = a->seen & FUTEX_TID_MASK ? find_get_task_by_vpid(a->seen & FUTEX_TID_MASK)
					    : NULL;
}

static void end_attempt(struct attempt *a)
{
	if (a->named)
		put_task_struct(a->named);
}

/* --- Locking --- */

static int claim_for_current(struct futex *futex, u32 *word, void *arg)
{
	struct futex_pi_waiter *w = arg;
	struct attempt a = {.futex = futex, .word = word};
	int result;

	do {
		begin_attempt(&a);
		spin_lock(&futex->bucket->lock);
		spin_lock(&pi_lock);
		result = claim(&a, current, false);
		if (result == BUSY && w) {
			w->waiter.key = futex->key;
			w->waiter.bucket = futex->bucket;
			result = wait_for_owner(w, a.owner);
			if (!result)
				add_waiter(futex->bucket, &w->waiter);
		}
		spin_unlock(&pi_lock);
		spin_unlock(&futex->bucket->lock);
		end_attempt(&a);
	} while (result == AGAIN);
	return result;
}

/* The new owner says in the word whose it is, and leaves. */
static int settle_word(struct futex *futex, u32 *word, void *arg)
{
	struct futex_pi_waiter *w = arg;
	struct futex_bucket *bucket = lock_bucket_of(&w->waiter);

	spin_lock(&pi_lock);
	__atomic_store_n(word, FUTEX_WAITERS | FUTEX_OWNER_DIED | number_of(current),
			 __ATOMIC_SEQ_CST);
	w->died = false;
	list_del(&w->waiter.link);
	spin_unlock(&pi_lock);
	spin_unlock(&bucket->lock);
	return 0;
}

/* w, of current, leaves its queue, and the lock it waits for unless that is its own by now. */
static bool stop_waiting(struct futex_pi_waiter *w)
{
	struct task_struct *owner = w->owner;

	if (owner == current)
		return true;
	if (!owner)
		return false;
	unlink_waiter(w);
	current->pi_blocked = NULL;
	lend(owner);
	return false;
}

/* Ends the wait for lock that ended with error. 0 if current has got it all the same, or EFAULT. */
static int finish(struct futex *lock, struct futex_pi_waiter *w, int error)
{
	struct futex_bucket *bucket = lock_bucket_of(&w->waiter);
	bool has_it, died;

	spin_lock(&pi_lock);
	has_it = stop_waiting(w);
	died = w->died;
	if (!died)
		list_del(&w->waiter.link);
	spin_unlock(&pi_lock);
	spin_unlock(&bucket->lock);
	if (!died)
		return has_it ? 0 : error;
	error = with_word(lock, true, settle_word, w);
	if (error)
		unqueue(&w->waiter);
	return error;
}

/* Sleeps until current has the lock that w waits for: 0. ETIMEDOUT, EINTR. */
static int sleep_for_lock(struct futex_pi_waiter *w, const struct deadline *deadline)
{
	static const struct deadline never = {CLOCK_MONOTONIC, KTIME_MAX};
	int error = 0;

	while (!error) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (READ_ONCE(w->owner) == current)
			break;
		if (signal_pending(current))
			error = -EINTR;
		else if (schedule_until(deadline ? deadline : &never))
			error = -ETIMEDOUT;
	}
	set_current_state(TASK_RUNNING);
	return error;
}

long futex_lock_pi(struct futex *futex, const struct deadline *deadline)
{
	struct futex_pi_waiter w = {.waiter = {.task = current}};
	int error;

	list_init(&w.waiter.link);
	error = with_word(futex, true, claim_for_current, &w);
	if (error)
		return error == TAKEN ? 0 : error;
	error = finish(futex, &w, sleep_for_lock(&w, deadline));
	return error == -EINTR ? -ERESTARTNOINTR : error;
}

long futex_trylock_pi(struct futex *futex)
{
	int result = with_word(futex, true, claim_for_current, NULL);

	return result == TAKEN ? 0 : result == BUSY ? -EAGAIN : result;
}

/* --- Unlocking --- */

/* Finds out to whom current's lock goes: *heir, NULL if nobody waits. EINVAL: it is not current's. */
static int find_heir(const struct futex *futex, struct futex_pi_waiter **heir)
{
	const struct futex_waiter *first = first_waiter(futex);

	*heir = NULL;
	if (!first)
		return 0;
	if (first->kind != WAIT_PI || pi_waiter(first)->owner != current)
		return -EINVAL;
	*heir = most_urgent(current, &futex->key);
	ASSERT(*heir);
	return 0;
}

static int unlock_word(struct futex *futex, u32 *word, void *arg)
{
	struct futex_pi_waiter *heir;
	int error;
	u32 seen, new;

	do {
		seen = read_word(word);
		if ((seen & FUTEX_TID_MASK) != number_of(current))
			return -EPERM;
		spin_lock(&futex->bucket->lock);
		spin_lock(&pi_lock);
		error = find_heir(futex, &heir);
		new = !error &&heir ? FUTEX_WAITERS | number_of(heir->waiter.task) : 0;
		if (!error && !change_word(word, seen, new))
			error = AGAIN;
		else if (!error && heir)
			hand_over(heir, false);
		spin_unlock(&pi_lock);
		spin_unlock(&futex->bucket->lock);
	} while (error == AGAIN);
	return error;
}

long futex_unlock_pi(struct futex *futex)
{
	u32 seen;

	if (get_user(seen, futex->word))
		return -EFAULT;
	if ((seen & FUTEX_TID_MASK) != number_of(current))
		return -EPERM;
	return with_word(futex, true, unlock_word, NULL);
}

/* --- Condition variables: from a plain futex to a lock --- */

long futex_wait_requeue_pi(struct futex *futex, u32 expected, const struct deadline *deadline,
			   struct futex *lock)
{
	struct futex_pi_waiter w = {
		.waiter = {.task = current,
			   .bitset = FUTEX_BITSET_MATCH_ANY,
			   .kind = WAIT_REQUEUE_PI},
	};
	int error;

	if (futex->word == lock->word)
		return -EINVAL;
	error = find_futex(lock, true);
	if (error)
		return error;
	w.lock = lock->key;
	error = queue_waiter(futex, &w.waiter, expected);
	if (error)
		return error;
	if (same_key(&w.lock, &futex->key)) {
		unqueue(&w.waiter);
		return -EINVAL;
	}
	error = finish(lock, &w, sleep_for_lock(&w, deadline));
	if (error != -EINTR)
		return error;
	/* Once it was moved, the word that it waited for has changed. */
	return w.owner ? -EAGAIN : -ERESTARTNOINTR;
}

/* waiter, of from's queue, may be made to wait for the lock. */
static bool may_move(const struct futex_waiter *waiter, const struct futex *lock)
{
	return waiter->kind == WAIT_REQUEUE_PI && same_key(&pi_waiter(waiter)->lock, &lock->key);
}

/* w is woken with the lock in its hands. */
static void give_free_lock(struct futex_pi_waiter *w, const struct futex *lock)
{
	list_del(&w->waiter.link);
	w->waiter.key = lock->key;
	w->waiter.kind = WAIT_PI;
	w->owner = w->waiter.task;
	wake_up_process(w->waiter.task);
}

/* Moves the rest of from's waiters to a lock of owner, done being dealt with; how many in all, or
 * an error. */
static int move_rest(struct futex *from, const struct futex_requeue *r, struct task_struct *owner,
		     int done)
{
	struct futex_waiter *waiter, *next;
	int error;

	list_for_each_entry_safe(waiter, next, &from->bucket->waiters, link) {
		if (done - r->wake >= r->move)
			break;
		if (!same_key(&waiter->key, &from->key))
			continue;
		if (!may_move(waiter, r->to))
			return -EINVAL;
		error = wait_for_owner(pi_waiter(waiter), owner);
		if (error)
			return error;
		move_waiter(waiter, r->to);
		done++;
	}
	return done;
}

/* The first waiter gets the lock if it is free. How many were woken or moved; AGAIN, or an error. */
static int requeue_locked(struct attempt *a, struct futex *from, const struct futex_requeue *r)
{
	struct futex_waiter *first = first_waiter(from);
	int result;

	if (!first)
		return 0;
	if (!may_move(first, r->to))
		return -EINVAL;
	result = claim(a, first->task, r->move > 0);
	if (result == TAKEN) {
		a->owner = first->task;
		give_free_lock(pi_waiter(first), r->to);
		return move_rest(from, r, a->owner, 1);
	}
	return result == BUSY ? move_rest(from, r, a->owner, 0) : result;
}

struct requeue_pi {
	struct futex *from;
	const struct futex_requeue *r;
	int result;
};

#define TOUCH_FROM 1 /* the word that is waited for must be faulted in */

static int requeue_words(struct futex *lock, u32 *word, void *arg)
{
	struct requeue_pi *q = arg;
	const u32 *compared = locate_word(q->from, false);
	struct attempt a = {.futex = lock, .word = word};

	if (!compared || IS_ERR(compared))
		return compared ? PTR_ERR(compared) : TOUCH_FROM;
	do {
		begin_attempt(&a);
		lock_two_buckets(q->from->bucket, lock->bucket);
		spin_lock(&pi_lock);
		q->result = read_word(compared) == q->r->expected
				    ? requeue_locked(&a, q->from, q->r)
				    : -EAGAIN;
		spin_unlock(&pi_lock);
		unlock_two_buckets(q->from->bucket, lock->bucket);
		end_attempt(&a);
	} while (q->result == AGAIN);
	return 0;
}

long futex_requeue_pi(struct futex *from, const struct futex_requeue *r)
{
	struct requeue_pi q = {from, r, 0};
	int error;
	u32 seen;

	if (r->wake < 0 || r->move < 0 || from->word == r->to->word || r->wake != 1)
		return -EINVAL;
	error = find_futex(from, false);
	if (!error)
		error = find_futex(r->to, true);
	if (error)
		return error;
	if (same_key(&from->key, &r->to->key))
		return -EINVAL;
	do {
		if (get_user(seen, from->word))
			return -EFAULT;
		if (seen != r->expected)
			return -EAGAIN;
		error = with_word(r->to, true, requeue_words, &q);
	} while (error == TOUCH_FROM);
	return error ? error : q.result;
}
