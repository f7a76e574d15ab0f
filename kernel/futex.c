/*
 * Futexes: sleeping until a word of user memory changes (futex(2)). The locks themselves are user
 * space's; the kernel only knows who sleeps on which word, in a hash table of queues.
 *
 * What a word is, its key: in a private mapping, or if the caller says so, its address in this mm,
 * and which of the two it was. In a shared mapping its place in the file, since each process may
 * have it at another address; the file is known by its super block and its inode's number, which is
 * never given out twice.
 *
 * No wake-up is lost: who waits compares the word and queues itself under the bucket's lock; who
 * wakes has changed the word before it takes that lock. The word must be read under a spinlock,
 * where no page fault can be served; so the waiter finds its page in the page tables first, with
 * the mm locked to keep it there, and reads it at its kernel address.
 *
 * A waiter is on its owner's stack, and its owner takes the bucket's lock once more before it
 * leaves: so who holds that lock may wake whomever it finds. Requeueing changes a waiter's bucket,
 * with both locked.
 *
 * Locks: the mm's, then one bucket, or two in the order of their addresses. There is none for all
 * futexes, but for those with priority inheritance (kernel/futex_pi.c).
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/fs.h>
#include <tine/futex.h>
#include <tine/futex_internal.h>
#include <tine/mm.h>
#include <tine/page.h>
#include <tine/pgtable.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/spinlock.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>
#include <uapi/futex.h>

#define BUCKET_BITS 8

static struct futex_bucket buckets[1 << BUCKET_BITS];

/* --- Keys --- */

static struct futex_bucket *key_bucket(const struct futex_key *key)
{
	u64 hash = (u64)key->space ^ key->ino * 0x9e3779b97f4a7c15ul ^ key->offset >> 2;

	hash *= 0xd6e8feb86659fd93ul; /* odd, and spreads any bit over the high ones */
	return &buckets[hash >> (64 - BUCKET_BITS)];
}

/*
 * A private mapping that cannot be written shows its file's page, and then it is that word which is
 * meant, or one that never changes and so is no futex (-EFAULT).
 */
static __noinline int is_file_page(unsigned long address)
{
	bool writable;
	const struct page *page = pgtable_lookup(current->mm, address & PAGE_MASK, &writable);

	return page && page->kind == PAGE_DATA && page->owner == PAGE_SHMEM ? 1 : -EFAULT;
}

/* Finds out what the word at futex is. The mm is locked unless it is private. EFAULT. */
static int set_key(struct futex *futex)
{
	unsigned long address = (unsigned long)futex->word;
	struct mm_struct *mm = current->mm;
	const struct vma *vma;
	int of_file;

	futex->key = (struct futex_key){.space = mm, .offset = address};
	if (!futex->private) {
		vma = vma_find(mm, address);
		if (!vma || vma->start > address)
			return -EFAULT;
		of_file = (vma->flags & VM_SHARED) != 0;
		if (!(vma->flags & (VM_SHARED | VM_WRITE)))
			of_file = is_file_page(address);
		if (of_file < 0)
			return of_file;
		if (of_file)
			futex->key = (struct futex_key){
				.space = vma->file->inode->sb,
				.ino = vma->file->inode->ino,
				.offset = vma->pgoff * PAGE_SIZE + (address - vma->start),
			};
		else
			futex->key.offset |= 1; /* as on Linux it is not the private call's */
	}
	futex->bucket = key_bucket(&futex->key);
	return 0;
}

/* The word can be a futex at all. */
static int check_address(const u32 __user *word)
{
	if ((unsigned long)word % sizeof(*word))
		return -EINVAL;
	return access_ok(word, sizeof(*word)) ? 0 : -EFAULT;
}

/* Makes sure that the word can be read, or written. */
static int touch_word(u32 __user *word, bool write)
{
	u32 value;

	return write ? user_add_u32(word, 0, &value) : get_user(value, word);
}

int find_futex(struct futex *futex, bool write)
{
	int error = check_address(futex->word);

	if (error || futex->private)
		return error ? error : set_key(futex);
	if (touch_word(futex->word, write))
		return -EFAULT;
	mutex_lock(&current->mm->lock);
	error = set_key(futex);
	mutex_unlock(&current->mm->lock);
	return error;
}

/* --- Buckets --- */

void lock_two_buckets(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_lock(&MIN(a, b)->lock);
	if (a != b)
		spin_lock(&MAX(a, b)->lock);
}

void unlock_two_buckets(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

int wake_locked(struct futex_bucket *bucket, const struct futex_key *key, int n, u32 bitset)
{
	struct futex_waiter *waiter, *next;
	int woken = 0;

	list_for_each_entry_safe(waiter, next, &bucket->waiters, link) {
		if (!same_key(&waiter->key, key))
			continue;
		if (unlikely(waiter->kind != WAIT_PLAIN))
			return -EINVAL;
		if (!(waiter->bitset & bitset))
			continue;
		list_del(&waiter->link);
		wake_up_process(waiter->task);
		if (++woken >= n)
			break;
	}
	return woken;
}

static int futex_wake(struct futex *futex, int n, u32 bitset)
{
	int woken, error;

	if (!bitset)
		return -EINVAL;
	error = find_futex(futex, false);
	if (error)
		return error;
	spin_lock(&futex->bucket->lock);
	woken = wake_locked(futex->bucket, &futex->key, n, bitset);
	spin_unlock(&futex->bucket->lock);
	return woken;
}

int futex_wake_user(u32 __user *word, int n)
{
	struct futex futex;

	futex.word = word;
	futex.private = false;
	return futex_wake(&futex, n, FUTEX_BITSET_MATCH_ANY);
}

/* --- Waiting --- */

u32 *locate_word(struct futex *futex, bool write)
{
	unsigned long address = (unsigned long)futex->word;
	bool writable;
	struct page *page = pgtable_lookup(current->mm, address & PAGE_MASK, &writable);

	if (!page || (write && !writable))
		return NULL;
	if (set_key(futex))
		return ERR_PTR(-EFAULT);
	return (u32 *)((char *)page_address(page) + (address & ~PAGE_MASK));
}

int with_word(struct futex *futex, bool write, futex_word_fn fn, void *arg)
{
	struct mm_struct *mm = current->mm;
	int error;
	u32 *word;

	error = check_address(futex->word);
	if (error)
		return error;
	for (;;) {
		if (touch_word(futex->word, write))
			return -EFAULT;
		mutex_lock(&mm->lock);
		word = locate_word(futex, write);
		error = IS_ERR(word) ? PTR_ERR(word) : 0;
		if (word && !error)
			error = fn(futex, word, arg);
		mutex_unlock(&mm->lock);
		if (word)
			return error;
	}
}

void add_waiter(struct futex_bucket *bucket, struct futex_waiter *waiter)
{
	struct list_head *l = &bucket->waiters;

	waiter->rt_priority = waiter->task->sched.rt_priority;
	if (unlikely(waiter->rt_priority)) {
		do
			l = l->next;
		while (l != &bucket->waiters &&
		       list_entry(l, struct futex_waiter, link)->rt_priority >=
			       waiter->rt_priority);
	}
	list_add_tail(&waiter->link, l);
}

struct enqueue {
	struct futex_waiter *waiter;
	u32 expected;
};

static int enqueue(struct futex *futex, u32 *word, void *arg)
{
	struct enqueue *e = arg;
	int error = -EAGAIN;

	e->waiter->key = futex->key;
	e->waiter->bucket = futex->bucket;
	spin_lock(&futex->bucket->lock);
	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) == e->expected) {
		add_waiter(futex->bucket, e->waiter);
		error = 0;
	}
	spin_unlock(&futex->bucket->lock);
	return error;
}

int queue_waiter(struct futex *futex, struct futex_waiter *waiter, u32 expected)
{
	struct enqueue e = {waiter, expected};

	list_init(&waiter->link);
	return with_word(futex, false, enqueue, &e);
}

struct futex_bucket *lock_bucket_of(const struct futex_waiter *waiter)
{
	struct futex_bucket *bucket;

	for (;;) {
		bucket = READ_ONCE(waiter->bucket);
		spin_lock(&bucket->lock);
		if (likely(waiter->bucket == bucket))
			return bucket;
		spin_unlock(&bucket->lock);
	}
}

bool unqueue(struct futex_waiter *waiter)
{
	struct futex_bucket *bucket = lock_bucket_of(waiter);
	bool queued = !list_empty(&waiter->link);

	list_del(&waiter->link);
	spin_unlock(&bucket->lock);
	return queued;
}

bool is_woken(const struct futex_waiter *waiter)
{
	return READ_ONCE(waiter->link.next) == &waiter->link;
}

/* Sleeps until woken: 0; -ETIMEDOUT; -ERESTARTSYS: a signal came. */
static int sleep_queued(struct futex_waiter *waiter, const struct deadline *deadline)
{
	int error = 0;
	bool late;

	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (is_woken(waiter) || signal_pending(current))
			break;
		late = schedule_until(deadline);
		if (late)
			error = -ETIMEDOUT;
		if (late || is_woken(waiter))
			break;
	}
	set_current_state(TASK_RUNNING);
	if (!unqueue(waiter))
		return 0;
	return error ? error : -ERESTARTSYS;
}

static int futex_wait(struct futex *futex, u32 expected, u32 bitset,
		      const struct deadline *deadline)
{
	struct futex_waiter waiter;
	int error;

	waiter.task = current;
	waiter.bitset = bitset;
	waiter.kind = WAIT_PLAIN;
	error = queue_waiter(futex, &waiter, expected);
	return error ? error : sleep_queued(&waiter, deadline);
}

static long futex_wait_restart(struct restart_block *r)
{
	struct futex futex = {.word = r->futex, .private = r->futex_flags};
	struct deadline deadline = {r->clock, r->expires};
	int error = futex_wait(&futex, r->futex_value, r->futex_bitset, &deadline);

	return error == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : error;
}

/* A wait that a signal interrupts begins anew after it; one with an end is continued, so that the
 * end stays. */
static long wait_until(struct futex *futex, u32 expected, u32 bitset,
		       const struct deadline *deadline)
{
	struct restart_block *r = &current->restart;
	int error;

	if (!bitset)
		return -EINVAL;
	if (!deadline)
		return futex_wait(futex, expected, bitset,
				  &(struct deadline){CLOCK_MONOTONIC, KTIME_MAX});
	error = futex_wait(futex, expected, bitset, deadline);
	if (error != -ERESTARTSYS)
		return error;
	r->fn = futex_wait_restart;
	r->clock = deadline->clock;
	r->expires = deadline->ns;
	r->futex = futex->word;
	r->futex_value = expected;
	r->futex_bitset = bitset;
	r->futex_flags = futex->private;
	return -ERESTART_RESTARTBLOCK;
}

/* --- The system call --- */

static bool has_timeout(int command)
{
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI ||
	       command == FUTEX_LOCK_PI2 || command == FUTEX_WAIT_REQUEUE_PI;
}

/* FUTEX_WAIT's time is an interval, the others' a deadline. */
static int read_timeout(int op, const struct uapi_timespec __user *timeout,
			struct deadline *deadline)
{
	int command = op & FUTEX_CMD_MASK, error = get_timespec_ns(timeout, &deadline->ns);
	u64 now = ktime_get();

	deadline->clock = op & FUTEX_CLOCK_REALTIME || command == FUTEX_LOCK_PI ? CLOCK_REALTIME
										: CLOCK_MONOTONIC;
	if (command == FUTEX_WAIT)
		deadline->ns = deadline->ns < KTIME_MAX - now ? now + deadline->ns : KTIME_MAX;
	return error;
}

static bool takes_clock(int command)
{
	return command == FUTEX_WAIT_BITSET || command == FUTEX_WAIT_REQUEUE_PI ||
	       command == FUTEX_LOCK_PI2;
}

static long do_futex(int op, struct futex *first, struct futex *second, u32 value, u32 value2,
		     u32 value3, const struct deadline *deadline)
{
	struct futex_requeue r = {
		.to = second, .wake = (int)value, .move = (int)value2, .expected = value3};

	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
		return wait_until(first, value, FUTEX_BITSET_MATCH_ANY, deadline);
	case FUTEX_WAIT_BITSET:
		return wait_until(first, value, value3, deadline);
	case FUTEX_WAKE:
		return futex_wake(first, (int)value, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return futex_wake(first, (int)value, value3);
	case FUTEX_CMP_REQUEUE:
		r.compare = true;
		return futex_requeue(first, &r);
	case FUTEX_REQUEUE:
		return futex_requeue(first, &r);
	case FUTEX_WAKE_OP:
		return futex_wake_op(first, second, (int)value, (int)value2, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(first, deadline);
	case FUTEX_TRYLOCK_PI:
		return futex_trylock_pi(first);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(first);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(first, value, deadline, second);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_requeue_pi(first, &r);
	default:
		return -ENOSYS;
	}
}

/* timeout is a number for those commands that have none. */
long sys_futex(u32 __user *word, int op, u32 value, const struct uapi_timespec __user *timeout,
	       u32 __user *word2, u32 value3)
{
	struct futex first, second;
	int command = op & FUTEX_CMD_MASK, error;
	struct deadline deadline, *end = NULL;

	first.word = word;
	second.word = word2;
	first.private = second.private = op & FUTEX_PRIVATE_FLAG;
	if (timeout && has_timeout(command)) {
		error = read_timeout(op, timeout, &deadline);
		if (error)
			return error;
		end = &deadline;
	}
	if ((op & FUTEX_CLOCK_REALTIME) && !takes_clock(command))
		return -ENOSYS;
	return do_futex(op, &first, &second, value, (u32)(unsigned long)timeout, value3, end);
}

void futex_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(buckets); i++) {
		spin_lock_init(&buckets[i].lock, LOCK_CLASS_FUTEX);
		list_init(&buckets[i].waiters);
	}
}
