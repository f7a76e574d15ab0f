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

/* link and key: the bucket's lock. bucket: the same, and who has it locked knows whether it is
 * still the right one. */
struct futex_waiter {
	struct list_head link; /* empty: woken */
	struct futex_key key;
	struct futex_bucket *bucket;
	struct task_struct *task;
	u32 bitset;
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

/* Checks the word's address and sets the key. Sleeps. EINVAL, EFAULT. */
int find_futex(struct futex *futex);
/*
 * Calls fn with bucket locks of its choice and the word as it is then, while nobody can change what
 * is mapped at futex->word. Faults the page in first, as often as needed. fn's result, or -EFAULT.
 */
int with_word(struct futex *futex, int (*fn)(struct futex *futex, const u32 *word, void *arg),
	      void *arg);

/* Two buckets, which may be one. */
void lock_two_buckets(struct futex_bucket *a, struct futex_bucket *b);
void unlock_two_buckets(struct futex_bucket *a, struct futex_bucket *b);

/* Wakes up to n waiters of key whose bitsets meet bitset; one at least, as on Linux, if there is
 * any. The bucket is locked. */
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
