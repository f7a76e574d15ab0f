/*
 * What the files kernel/futex*.c share: words, their keys, and the queues of who waits for them.
 */
#pragma once

#include <tine/list.h>
#include <tine/spinlock.h>
#include <tine/types.h>

struct task_struct;

struct futex_key {
	const void *space; /* the mm, or the file's super block */
	u64 ino;           /* 0, or the file's */
	u64 offset;        /* address, or offset in the file */
};

struct futex_bucket {
	struct spinlock lock;
	struct list_head waiters;
} __aligned(64);

struct deadline;

enum futex_wait_kind {
	WAIT_PLAIN,
	WAIT_REQUEUE_PI, /* FUTEX_WAIT_REQUEUE_PI, not moved yet */
	WAIT_PI,         /* for a futex with priority inheritance */
};

/* Of those whose kind is not WAIT_PLAIN a struct futex_pi_waiter (kernel/futex_pi.c) is around it.
 * link, key and kind: the bucket's lock. bucket: the same, and who has it locked knows whether it
 * is still the right one. */
struct futex_waiter {
	struct list_head link; /* empty: woken */
	struct futex_key key;
	struct futex_bucket *bucket;
	struct task_struct *task;
	u32 bitset;
	u8 kind;
	u8 rt_priority; /* by which it stands in the queue */
};

/* One futex operation's word. */
struct futex {
	u32 __user *word;
	bool private;
	struct futex_key key;
	struct futex_bucket *bucket;
};

/* The same word? */
static inline bool same_key(const struct futex_key *a, const struct futex_key *b)
{
	return a->space == b->space && a->ino == b->ino && a->offset == b->offset;
}

/* Checks the word's address, whether it can be written if that is asked for and it is not private,
 * and sets the key. Sleeps. EINVAL, EFAULT. */
int find_futex(struct futex *futex, bool write);
/*
 * Calls fn with the key set and the word at its kernel address, while nobody can change what is
 * mapped at futex->word: the mm is locked. Faults the page in first, as often as needed, for
 * writing if asked. fn's result, or -EINVAL, -EFAULT.
 */
typedef int (*futex_word_fn)(struct futex *futex, u32 *word, void *arg);
int with_word(struct futex *futex, bool write, futex_word_fn fn, void *arg);
/* In fn: another word's kernel address, its key set; NULL if it must be faulted in first;
 * ERR_PTR(-EFAULT): it is no futex. */
u32 *locate_word(struct futex *futex, bool write);

/* Two buckets, which may be one. */
void lock_two_buckets(struct futex_bucket *a, struct futex_bucket *b);
void unlock_two_buckets(struct futex_bucket *a, struct futex_bucket *b);

/* Puts waiter, whose key and bucket are set, into the locked bucket: behind the others, but before
 * those of a lower real-time priority. */
void add_waiter(struct futex_bucket *bucket, struct futex_waiter *waiter);
/* Queues a new waiter (task, kind and bitset set) if the word is as expected. EINVAL, EFAULT,
 * EAGAIN. Then sleep until is_woken(). */
int queue_waiter(struct futex *futex, struct futex_waiter *waiter, u32 expected);
bool is_woken(const struct futex_waiter *waiter);
/* Locks the bucket that waiter is in: it may be moved. */
struct futex_bucket *lock_bucket_of(const struct futex_waiter *waiter);
/* Takes waiter out of its queue. False: somebody had woken it. Afterwards nobody knows it. */
bool unqueue(struct futex_waiter *waiter);
/* Puts a waiter of one locked bucket into the queue of another. */
void move_waiter(struct futex_waiter *waiter, const struct futex *to);

/* Wakes up to n waiters of key whose bitsets meet bitset; one at least, as on Linux, if there is
 * any. The bucket is locked. EINVAL: those are not for FUTEX_WAKE. */
int wake_locked(struct futex_bucket *bucket, const struct futex_key *key, int n, u32 bitset);

/* FUTEX_REQUEUE and FUTEX_CMP_REQUEUE (kernel/futex_requeue.c). */
struct futex_requeue {
	struct futex *to;
	int wake, move; /* at most so many */
	bool compare;
	u32 expected;
};
/* How many were woken or moved; EINVAL, EFAULT, EAGAIN. */
long futex_requeue(struct futex *from, struct futex_requeue *r);

/*
 * FUTEX_WAKE_OP (kernel/futex_wake_op.c): changes the second word, wakes n1 waiters on the first,
 * and n2 on the second if its old value was as asked. How many; EINVAL, EFAULT, ENOSYS.
 */
long futex_wake_op(struct futex *first, struct futex *second, int n1, int n2, u32 code);

/*
 * Futexes with priority inheritance (kernel/futex_pi.c): FUTEX_LOCK_PI and its relatives, futex(2).
 * deadline NULL: none.
 */
long futex_lock_pi(struct futex *futex, const struct deadline *deadline);
long futex_trylock_pi(struct futex *futex);
long futex_unlock_pi(struct futex *futex);
long futex_wait_requeue_pi(struct futex *futex, u32 expected, const struct deadline *deadline,
			   struct futex *lock);
long futex_requeue_pi(struct futex *from, const struct futex_requeue *r);
