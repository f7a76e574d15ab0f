/*
 * FUTEX_REQUEUE, FUTEX_CMP_REQUEUE: those who wait for one word are made to wait for another, so
 * that not all wake only to fight for the same lock.
 *
 * A waiter moves from bucket to bucket with both locked: see kernel/futex.c:unqueue for the other
 * side.
 */
#include <tine/err.h>
#include <tine/futex_internal.h>
#include <tine/sched.h>

/* Within one bucket it keeps its place: it would be come upon again at the end. */
void move_waiter(struct futex_waiter *waiter, const struct futex *to)
{
	waiter->key = to->key;
	if (waiter->bucket == to->bucket)
		return;
	list_del(&waiter->link);
	add_waiter(to->bucket, waiter);
	WRITE_ONCE(waiter->bucket, to->bucket);
}

/* Wakes the first r->wake waiters, moves r->move more; how many in all. Both buckets are locked. */
static int requeue_locked(struct futex *from, const struct futex_requeue *r)
{
	struct futex_waiter *waiter, *next;
	int done = 0;

	list_for_each_entry_safe(waiter, next, &from->bucket->waiters, link) {
		if (done - r->wake >= r->move)
			break;
		if (!same_key(&waiter->key, &from->key))
			continue;
		if (waiter->kind != WAIT_PLAIN)
			return -EINVAL;
		if (++done > r->wake) {
			move_waiter(waiter, r->to);
		} else {
			list_del(&waiter->link);
			wake_up_process(waiter->task);
		}
	}
	return done;
}

static int requeue(struct futex *from, u32 *word, void *arg)
{
	const struct futex_requeue *r = arg;
	int result;

	lock_two_buckets(from->bucket, r->to->bucket);
	if (word && __atomic_load_n(word, __ATOMIC_SEQ_CST) != r->expected)
		result = -EAGAIN;
	else
		result = requeue_locked(from, r);
	unlock_two_buckets(from->bucket, r->to->bucket);
	return result;
}

long futex_requeue(struct futex *from, struct futex_requeue *r)
{
	int error;

	if (r->wake < 0 || r->move < 0)
		return -EINVAL;
	error = find_futex(from, false);
	if (!error)
		error = find_futex(r->to, false);
	if (error)
		return error;
	return r->compare ? with_word(from, false, requeue, r) : requeue(from, NULL, r);
}
