/*
 * Credentials: who a task is and what it may do.
 *
 * A struct cred is immutable once a task uses it, and shared by reference: by the threads of a
 * process as long as none changes its own, by a forked child, by open files. A change makes a copy
 * (prepare_creds), alters it, and puts it in place (commit_creds). user_structs count the processes
 * of each user for RLIMIT_NPROC; they are found by a hash table under user_lock.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fork.h>
#include <tine/mm.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/task.h>

#define USER_BUCKETS 64

static struct spinlock user_lock = SPINLOCK_INIT(LOCK_CLASS_USER);
static struct user_struct root_user = {.count = ATOMIC_INIT(1)};
static struct user_struct *user_buckets[USER_BUCKETS] = {&root_user}; /* user_lock */
static struct kmem_cache *cred_cache, *user_cache;

struct cred init_cred = {
	.count = ATOMIC_INIT(1),
	.user = &root_user,
	.cap_effective = CAP_FULL_SET,
	.cap_permitted = CAP_FULL_SET,
	.cap_bounding = CAP_FULL_SET,
};

static struct user_struct *find_user_locked(uid_t uid)
{
	struct user_struct *user = user_buckets[uid % USER_BUCKETS];

	while (user && user->uid != uid)
		user = user->next;
	if (user)
		atomic_inc(&user->count);
	return user;
}

static void hash_user_locked(struct user_struct *user)
{
	user->next = user_buckets[user->uid % USER_BUCKETS];
	user_buckets[user->uid % USER_BUCKETS] = user;
}

struct user_struct *get_user_struct(uid_t uid)
{
	struct user_struct *user, *new;
	irq_state_t irq = spin_lock_irqsave(&user_lock);

	user = find_user_locked(uid);
	spin_unlock_irqrestore(&user_lock, irq);
	if (user)
		return user;
	new = kmem_cache_zalloc(user_cache);
	if (!new)
		return NULL;
	atomic_set(&new->count, 1);
	new->uid = uid;
	irq = spin_lock_irqsave(&user_lock);
	user = find_user_locked(uid);
	if (!user)
		hash_user_locked(new);
	spin_unlock_irqrestore(&user_lock, irq);
	if (!user)
		return new;
	kmem_cache_free(user_cache, new);
	return user;
}

void put_user_struct(struct user_struct *user)
{
	struct user_struct **p;
	irq_state_t irq;

	if (!user || atomic_dec_unless_last(&user->count))
		return;
	irq = spin_lock_irqsave(&user_lock);
	if (!atomic_dec_and_test(&user->count)) {
		spin_unlock_irqrestore(&user_lock, irq);
		return;
	}
	for (p = &user_buckets[user->uid % USER_BUCKETS]; *p != user; p = &(*p)->next)
		;
	*p = user->next;
	spin_unlock_irqrestore(&user_lock, irq);
	kmem_cache_free(user_cache, user);
}

struct cred *get_cred(struct cred *cred)
{
	atomic_inc(&cred->count);
	return cred;
}

static void put_groups(struct group_info *groups)
{
	if (groups && atomic_dec_and_test(&groups->count))
		kfree(groups);
}

void put_cred(struct cred *cred)
{
	if (!cred || !atomic_dec_and_test(&cred->count))
		return;
	put_groups(cred->groups);
	put_user_struct(cred->user);
	kmem_cache_free(cred_cache, cred);
}

struct cred *prepare_creds(void)
{
	struct cred *new = kmem_cache_alloc(cred_cache);

	if (!new)
		return NULL;
	*new = *current->cred;
	atomic_set(&new->count, 1);
	atomic_inc(&new->user->count);
	if (new->groups)
		atomic_inc(&new->groups->count);
	return new;
}

void cred_set_groups(struct cred *cred, struct group_info *groups)
{
	put_groups(cred->groups);
	cred->groups = groups;
}

/* Moves task from one user's count of processes to another's. */
static void count_process(struct task_struct *task, struct user_struct *user)
{
	struct user_struct *old = task->counted_user;

	if (user) {
		atomic_inc(&user->count);
		atomic_inc(&user->processes);
	}
	task->counted_user = user;
	if (old) {
		atomic_dec(&old->processes);
		put_user_struct(old);
	}
}

void commit_creds(struct cred *new)
{
	struct cred *old = current->cred;
	irq_state_t irq;

	if (new->user != old->user)
		count_process(current, new->user);
	spin_lock(&current->alloc_lock);
	irq = spin_lock_irqsave(&current->sighand->lock);
	current->cred = new;
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	spin_unlock(&current->alloc_lock);
	put_cred(old);
}

struct cred *get_task_cred(struct task_struct *task)
{
	return SPIN_LOCKED(&task->alloc_lock, get_cred(task->cred));
}

uid_t task_uid(struct task_struct *task)
{
	if (task == current)
		return task->cred->uid;
	return SPIN_LOCKED(&task->alloc_lock, task->cred->uid);
}

int copy_creds(struct task_struct *child, const struct kernel_clone_args *args)
{
	child->cred = get_cred(current->cred);
	return 0;
}

void release_creds(struct task_struct *task)
{
	put_cred(task->cred);
	task->cred = NULL;
}

int copy_process_count(struct task_struct *child, const struct kernel_clone_args *args)
{
	struct user_struct *user = child->cred->user;

	count_process(child, user);
	if ((unsigned long)atomic_read(&user->processes) > rlimit(RLIMIT_NPROC) &&
	    user != &root_user && !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN))
		return -EAGAIN;
	current->flags &= ~PF_NPROC_EXCEEDED;
	child->flags &= ~PF_NPROC_EXCEEDED;
	return 0;
}

void release_process_count(struct task_struct *task)
{
	count_process(task, NULL);
}

bool may_inspect(struct task_struct *task, enum inspect_by by)
{
	const struct cred *mine = current->cred, *its;
	bool files = by == INSPECT_BY_FILE_IDS, same;
	uid_t uid = files ? mine->fsuid : mine->uid;
	gid_t gid = files ? mine->fsgid : mine->gid;
	u64 caps = files ? mine->cap_effective : mine->cap_permitted;

	if (same_thread_group(task, current))
		return true;
	spin_lock(&task->alloc_lock);
	its = task->cred;
	same = its && uid == its->uid && uid == its->euid && uid == its->suid && gid == its->gid &&
	       gid == its->egid && gid == its->sgid && !(its->cap_permitted & ~caps) &&
	       (!task->mm || READ_ONCE(task->mm->dumpable) == 1);
	spin_unlock(&task->alloc_lock);
	return same || capable(CAP_SYS_PTRACE);
}

bool has_capability(int cap)
{
	return current->cred->cap_effective >> cap & 1;
}

bool capable(int cap)
{
	if (!has_capability(cap))
		return false;
	current->flags |= PF_SUPERPRIV;
	return true;
}

bool in_group(const struct cred *cred, gid_t gid)
{
	unsigned int low = 0, high = cred->groups ? cred->groups->n : 0;

	if (cred->fsgid == gid)
		return true;
	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (cred->groups->gid[middle] == gid)
			return true;
		if (cred->groups->gid[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

void cred_init(void)
{
	cred_cache = kmem_cache_create("cred", sizeof(struct cred), 0);
	user_cache = kmem_cache_create("user_struct", sizeof(struct user_struct), 0);
}
