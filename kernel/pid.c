/*
 * Process numbers.
 *
 * A struct pid is a number's holder: it names the task that has it, and the process group and
 * session of the same number hang in its lists. It outlives them as long as somebody keeps a
 * reference, while the number itself is free for others once all are gone. So who wants to remember
 * a process remembers its struct pid, never the number.
 *
 * Numbers are given out upwards from the last one, wrapping at pid_max to RESERVED_PIDS, from a
 * bitmap; lookup is by a hash table of size fixed at boot. pid_lock guards both. The lists of tasks
 * are guarded by tasklist_lock, under which a number is also freed, so that what find_vpid returned
 * stays valid while that lock is held.
 */
#include <tine/err.h>
#include <tine/page.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>

#define RESERVED_PIDS 300

struct pid_namespace {
	struct pid_namespace *parent;
	unsigned int level;
	int last;             /* pid_lock: the number given out last */
	u64 *bitmap;          /* pid_lock: numbers in use */
	int bits;             /* pid_lock: size of the bitmap */
	struct pid **buckets; /* pid_lock: published pids, by number */
};

struct pid_namespace init_pid_ns;
int pid_max = 32768;

static struct spinlock pid_lock = SPINLOCK_INIT(LOCK_CLASS_PID);
static struct kmem_cache *pid_cache;
static unsigned int bucket_mask;

static struct pid **bucket_of(const struct pid_namespace *ns, int nr)
{
	return &ns->buckets[(unsigned int)nr & bucket_mask];
}

/* --- Numbers --- */

/* The first clear bit in [from, to), -1 if there is none. */
static int find_free_number(const struct pid_namespace *ns, int from, int to)
{
	for (int word = from / 64; word * 64 < to; word++) {
		u64 free = ~ns->bitmap[word];

		if (word == from / 64)
			free &= ~0ul << (from % 64);
		if (free) {
			int nr = word * 64 + __builtin_ctzl(free);

			return nr < to ? nr : -1;
		}
	}
	return -1;
}

static int take_number(struct pid_namespace *ns)
{
	int limit = MIN(READ_ONCE(pid_max), ns->bits);
	int first = ns->last >= RESERVED_PIDS ? RESERVED_PIDS : 1;
	int nr = find_free_number(ns, ns->last + 1, limit);

	if (nr < 0)
		nr = find_free_number(ns, first, MIN(ns->last + 1, limit));
	if (nr < 0)
		return -EAGAIN;
	ns->bitmap[nr / 64] |= 1ul << (nr % 64);
	ns->last = nr;
	return nr;
}

int last_pid(void)
{
	return READ_ONCE(init_pid_ns.last);
}

/* Takes that number, if it is free. */
static int take_chosen(struct pid_namespace *ns, int nr)
{
	ASSERT(nr > 0 && nr < ns->bits);
	if (ns->bitmap[nr / 64] >> (nr % 64) & 1)
		return -EEXIST;
	ns->bitmap[nr / 64] |= 1ul << (nr % 64);
	return nr;
}

/*
 * Takes pid out of the hash chain of its number at level if it is in it, and frees the number.
 * pid_lock held.
 */
static void free_number(struct pid *pid, unsigned int level)
{
	struct pid_namespace *ns = pid->numbers[level].ns;
	int nr = pid->numbers[level].nr;

	for (struct pid **p = bucket_of(ns, nr); *p; p = &(*p)->numbers[level].next)
		if (*p == pid) {
			*p = pid->numbers[level].next;
			break;
		}
	ns->bitmap[nr / 64] &= ~(1ul << (nr % 64));
}

static int take_numbers(struct pid *pid, struct pid_namespace *ns, const pid_t *set_tid,
			unsigned int set_tid_size)
{
	int nr = 0;

	spin_lock(&pid_lock);
	for (; ns; ns = ns->parent) {
		nr = set_tid_size ? take_chosen(ns, *set_tid++) : take_number(ns);
		set_tid_size -= set_tid_size != 0;
		if (nr < 0)
			break;
		pid->numbers[ns->level] = (struct upid){.nr = nr, .ns = ns};
	}
	for (unsigned int level = ns ? ns->level + 1 : 0; ns && level <= pid->level; level++)
		free_number(pid, level);
	spin_unlock(&pid_lock);
	return MIN(nr, 0);
}

struct pid *alloc_pid(struct pid_namespace *ns, const pid_t *set_tid, unsigned int set_tid_size)
{
	struct pid *pid;
	int error;

	ASSERT(ns->level == 0); /* pid_cache's objects have room for one number */
	pid = kmem_cache_alloc(pid_cache);
	if (!pid)
		return ERR_PTR(-ENOMEM);
	atomic_set(&pid->count, 1);
	pid->level = ns->level;
	pid->exit_wait = NULL;
	pid->task = NULL;
	for (int type = 0; type < PIDTYPE_LISTS; type++)
		list_init(&pid->tasks[type]);
	error = take_numbers(pid, ns, set_tid, set_tid_size);
	if (error) {
		kmem_cache_free(pid_cache, pid);
		return ERR_PTR(error);
	}
	return pid;
}

void publish_pid(struct pid *pid, struct task_struct *task)
{
	pid->task = task;
	spin_lock(&pid_lock);
	for (unsigned int level = 0; level <= pid->level; level++) {
		struct pid **bucket = bucket_of(pid->numbers[level].ns, pid->numbers[level].nr);

		pid->numbers[level].next = *bucket;
		*bucket = pid;
	}
	spin_unlock(&pid_lock);
}

void free_pid_numbers(struct pid *pid)
{
	spin_lock(&pid_lock);
	for (unsigned int level = 0; level <= pid->level; level++)
		free_number(pid, level);
	spin_unlock(&pid_lock);
}

/* --- Tasks --- */

static void free_unused_numbers(struct pid *pid)
{
	if (!pid->task && list_empty(&pid->tasks[PIDTYPE_PGID]) &&
	    list_empty(&pid->tasks[PIDTYPE_SID]))
		free_pid_numbers(pid);
}

void vacate_pid(struct pid *pid)
{
	pid->task = NULL;
	free_unused_numbers(pid);
}

void attach_pid(struct task_struct *task, enum pid_type type)
{
	struct pid *pid = task->signal->pids[type];

	if (pid)
		list_add_tail(&task->pid_link[type], &pid->tasks[type]);
}

void detach_pid(struct task_struct *task, enum pid_type type)
{
	struct pid *pid = task->signal->pids[type];

	list_del(&task->pid_link[type]);
	if (pid)
		free_unused_numbers(pid);
}

void change_pid(struct task_struct *task, enum pid_type type, struct pid *to)
{
	struct pid *from = task->signal->pids[type];

	ASSERT(type < PIDTYPE_LISTS);
	get_pid(to);
	detach_pid(task, type);
	task->signal->pids[type] = to;
	attach_pid(task, type);
	put_pid(from);
}

int set_pid_max(int n)
{
	u64 *bitmap, *old = NULL;

	if (n < PID_MAX_MIN || n > PID_MAX_MAX)
		return -EINVAL;
	bitmap = kzalloc(DIV_ROUND_UP(n, 64) * sizeof(u64));
	if (!bitmap)
		return -ENOMEM;
	spin_lock(&pid_lock);
	if (n > init_pid_ns.bits) {
		old = init_pid_ns.bitmap;
		memcpy(bitmap, old, DIV_ROUND_UP(init_pid_ns.bits, 64) * sizeof(u64));
		init_pid_ns.bitmap = bitmap;
		init_pid_ns.bits = n;
		bitmap = NULL;
	}
	WRITE_ONCE(pid_max, n);
	spin_unlock(&pid_lock);
	kfree(bitmap);
	kfree(old);
	return 0;
}

/* --- References and lookup --- */

void free_pid(struct pid *pid)
{
	kmem_cache_free(pid_cache, pid);
}

static struct pid_namespace *current_ns(void)
{
	return &init_pid_ns;
}

/* pid_lock held. */
static struct pid *lookup(const struct pid_namespace *ns, int nr)
{
	struct pid *pid;

	if (nr <= 0)
		return NULL;
	for (pid = *bucket_of(ns, nr); pid; pid = pid->numbers[ns->level].next)
		if (pid->numbers[ns->level].nr == nr)
			return pid;
	return NULL;
}

struct pid *find_vpid(int nr)
{
	return SPIN_LOCKED(&pid_lock, lookup(current_ns(), nr));
}

struct pid *find_get_pid(int nr)
{
	return SPIN_LOCKED(&pid_lock, get_pid(lookup(current_ns(), nr)));
}

struct pid *find_ge_pid(int nr, int *found)
{
	struct pid_namespace *ns = current_ns();
	struct pid *pid = NULL;

	spin_lock(&pid_lock);
	for (nr = MAX(nr, 1); !pid && nr < ns->bits; nr++) {
		if (nr % 64 == 0 && !ns->bitmap[nr / 64]) {
			nr += 63;
			continue;
		}
		pid = get_pid(lookup(ns, nr));
		*found = nr;
	}
	spin_unlock(&pid_lock);
	return pid;
}

struct task_struct *pid_task(struct pid *pid, enum pid_type type)
{
	if (!pid)
		return NULL;
	if (type == PIDTYPE_PID)
		return pid->task;
	if (type == PIDTYPE_TGID)
		return pid->task && thread_group_leader(pid->task) ? pid->task : NULL;
	if (list_empty(&pid->tasks[type]))
		return NULL;
	return container_of(pid->tasks[type].next, struct task_struct, pid_link[type]);
}

struct task_struct *get_pid_task(struct pid *pid, enum pid_type type)
{
	struct task_struct *task;

	spin_lock(&tasklist_lock);
	task = pid_task(pid, type);
	if (task)
		get_task_struct(task);
	spin_unlock(&tasklist_lock);
	return task;
}

struct task_struct *find_task_by_vpid(int nr)
{
	return pid_task(find_vpid(nr), PIDTYPE_PID);
}

struct task_struct *find_get_task_by_vpid(int nr)
{
	struct task_struct *task;

	spin_lock(&tasklist_lock);
	task = find_task_by_vpid(nr);
	if (task)
		get_task_struct(task);
	spin_unlock(&tasklist_lock);
	return task;
}

inline int pid_nr_ns(const struct pid *pid, const struct pid_namespace *ns)
{
	unsigned int level = ns == &init_pid_ns ? 0 : ns->level;

	/* The outermost sees all. */
	if (!pid || (level && (level > pid->level || pid->numbers[level].ns != ns)))
		return 0;
	return pid->numbers[level].nr;
}

inline int pid_vnr(const struct pid *pid)
{
	return pid_nr_ns(pid, current_ns());
}

int task_pid_vnr(const struct task_struct *task)
{
	return pid_vnr(task->thread_pid);
}

int task_tgid_vnr(const struct task_struct *task)
{
	return pid_vnr(task->signal->pids[PIDTYPE_TGID]);
}

int task_pgrp_vnr(const struct task_struct *task)
{
	return pid_vnr(task->signal->pids[PIDTYPE_PGID]);
}

int task_session_vnr(const struct task_struct *task)
{
	return pid_vnr(task->signal->pids[PIDTYPE_SID]);
}

long sys_getppid(void)
{
	return SPIN_LOCKED(&tasklist_lock, task_tgid_vnr(current->real_parent));
}

void pid_init(void)
{
	unsigned int buckets = 256;

	while (buckets < 65536 && buckets < total_page_count() / 8)
		buckets *= 2;
	bucket_mask = buckets - 1;
	init_pid_ns.bits = pid_max;
	init_pid_ns.bitmap = kzalloc(pid_max / 8);
	init_pid_ns.buckets = kzalloc(buckets * sizeof(struct pid *));
	if (!init_pid_ns.bitmap || !init_pid_ns.buckets)
		panic("no memory for process numbers");
	pid_cache = kmem_cache_create("pid", sizeof(struct pid) + sizeof(struct upid), 0);
}
