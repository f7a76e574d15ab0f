/*
 * fs_struct: the root and working directory of a process, and its umask. Shared with CLONE_FS. Its
 * lock is a spinlock that is held while two paths are copied; the paths that a change replaces are
 * put after it was let go.
 *
 * A forked child is to have its own, but what it does with it first is mostly to end or to execute a
 * program. So a task that shares its fs_struct with nobody lends it to its children: it stays as it
 * is until one of those that use it changes it or comes to share it by CLONE_FS, which makes a copy
 * for itself first (own_fs). What is lent is thus used by single tasks, none of which shares it in
 * the sense of CLONE_FS; who borrows does not lend it on.
 */
#include <tine/clone_args.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mm.h>
#include <tine/namei.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>

static struct kmem_cache *fs_cache;

static struct fs_struct *fs_alloc(void)
{
	struct fs_struct *fs = kmem_cache_alloc(fs_cache);

	if (fs) {
		fs->users = 1;
		fs->lender = NULL;
		fs->in_exec = false;
		spin_lock_init(&fs->lock, LOCK_CLASS_FS);
	}
	return fs;
}

static struct fs_struct *dup_fs(struct fs_struct *old)
{
	struct fs_struct *fs = fs_alloc();

	if (!fs)
		return NULL;
	spin_lock(&old->lock);
	fs->umask = old->umask;
	fs->root = old->root;
	fs->pwd = old->pwd;
	path_get(&fs->root);
	path_get(&fs->pwd);
	spin_unlock(&old->lock);
	return fs;
}

static void fs_free(struct fs_struct *fs)
{
	path_put(&fs->root);
	path_put(&fs->pwd);
	kmem_cache_free(fs_cache, fs);
}

/* task lets go of its fs_struct and is one user less in one step, for fs_exec_begin(). */
static void replace_fs(struct task_struct *task, struct fs_struct *new)
{
	struct fs_struct *old = task->fs;
	bool last;

	if (!old)
		return;
	spin_lock(&task->alloc_lock);
	spin_lock(&old->lock);
	task->fs = new;
	last = --old->users == 0;
	spin_unlock(&old->lock);
	spin_unlock(&task->alloc_lock);
	if (last)
		fs_free(old);
}

/*
 * Makes current's fs_struct its own, or that of those with whom it shares it by CLONE_FS. Does not
 * fail for want of memory, as Linux never fails small allocations.
 */
static struct fs_struct *own_fs(void)
{
	struct fs_struct *fs = current->fs, *copy;
	bool borrowed;

	/* Nobody but current could lend it now. */
	if (likely(!READ_ONCE(fs->lender)))
		return fs;
	spin_lock(&fs->lock);
	borrowed = fs->users > 1;
	if (!borrowed)
		fs->lender = NULL;
	spin_unlock(&fs->lock);
	if (!borrowed)
		return fs;
	while (!(copy = dup_fs(fs))) {
		out_of_memory();
		sched_yield();
	}
	replace_fs(current, copy);
	return copy;
}

int copy_fs(struct task_struct *child, const struct kernel_clone_args *args)
{
	bool share = args->flags & CLONE_FS;
	struct fs_struct *fs = current->fs;
	int error = 0;

	if (!fs)
		return 0;
	/* Who forks does not lend what is borrowed, lest all descendants meet at one lock. */
	if (share || fs->lender != current)
		fs = own_fs();
	spin_lock(&fs->lock);
	if (fs->users == 1 && !share)
		fs->lender = current;
	if (share && fs->in_exec) {
		error = -EAGAIN;
	} else if (share || fs->lender) {
		fs->users++;
		child->fs = fs;
	}
	spin_unlock(&fs->lock);
	if (!error && !child->fs && !(child->fs = dup_fs(fs)))
		error = -ENOMEM;
	return error;
}

void release_fs(struct task_struct *task)
{
	replace_fs(task, NULL);
}

bool fs_exec_begin(void)
{
	struct fs_struct *fs = current->fs;
	struct task_struct *thread;
	irq_state_t irq;
	int own = 0;
	bool alone;

	spin_lock(&fs->lock);
	irq = spin_lock_irqsave(&current->sighand->lock);
	list_for_each_entry(thread, &current->signal->threads, thread_link)
		own += thread->fs == fs;
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	alone = fs->lender || fs->users == own;
	fs->in_exec |= alone;
	spin_unlock(&fs->lock);
	return alone;
}

void fs_exec_end(void)
{
	SPIN_LOCKED(&current->fs->lock, current->fs->in_exec = false);
}

int unshare_fs_begin(struct fs_struct **copy)
{
	*copy = NULL;
	if (READ_ONCE(current->fs->lender) || READ_ONCE(current->fs->users) == 1)
		return 0;
	*copy = dup_fs(current->fs);
	return *copy ? 0 : -ENOMEM;
}

void unshare_fs_end(struct fs_struct *copy, bool commit)
{
	if (copy && commit)
		replace_fs(current, copy);
	else if (copy)
		fs_free(copy);
}

void get_fs_root_and_pwd(struct path *root, struct path *pwd)
{
	struct fs_struct *fs = current->fs;

	spin_lock(&fs->lock);
	*root = fs->root;
	*pwd = fs->pwd;
	path_get(root);
	path_get(pwd);
	spin_unlock(&fs->lock);
}

/* to may be NULL. */
static void get_path(struct fs_struct *fs, const struct path *from, struct path *to)
{
	if (!to)
		return;
	spin_lock(&fs->lock);
	*to = *from;
	path_get(to);
	spin_unlock(&fs->lock);
}

void get_fs_root(struct path *root)
{
	get_path(current->fs, &current->fs->root, root);
}

void get_fs_pwd(struct path *pwd)
{
	get_path(current->fs, &current->fs->pwd, pwd);
}

static void set_path(struct fs_struct *fs, struct path *which, const struct path *path)
{
	struct path old;

	path_get(path);
	spin_lock(&fs->lock);
	old = *which;
	*which = *path;
	spin_unlock(&fs->lock);
	path_put(&old);
}

void set_fs_root(const struct path *path)
{
	struct fs_struct *fs = own_fs();

	set_path(fs, &fs->root, path);
}

void set_fs_pwd(const struct path *path)
{
	struct fs_struct *fs = own_fs();

	set_path(fs, &fs->pwd, path);
}

static void replace_path(struct path *which, const struct path *old, const struct path *new)
{
	if (!path_equal(which, old))
		return;
	*which = *new;
	path_get(new);
	path_put(old);
}

void replace_fs_roots(const struct path *old, const struct path *new)
{
	struct task_struct *process, *thread;

	spin_lock(&tasklist_lock);
	list_for_each_entry(process, &task_list, tasks_link)
		list_for_each_entry(thread, &process->signal->threads, thread_link) {
			spin_lock(&thread->alloc_lock);
			if (thread->fs) {
				spin_lock(&thread->fs->lock);
				replace_path(&thread->fs->root, old, new);
				replace_path(&thread->fs->pwd, old, new);
				spin_unlock(&thread->fs->lock);
			}
			spin_unlock(&thread->alloc_lock);
		}
	spin_unlock(&tasklist_lock);
}

bool get_task_fs(struct task_struct *task, struct path *root, struct path *pwd)
{
	struct fs_struct *fs;

	spin_lock(&task->alloc_lock);
	fs = task->fs;
	if (fs) {
		get_path(fs, &fs->root, root);
		get_path(fs, &fs->pwd, pwd);
	}
	spin_unlock(&task->alloc_lock);
	return fs != NULL;
}

bool task_umask(struct task_struct *task, mode_t *umask)
{
	bool found;

	spin_lock(&task->alloc_lock);
	found = task->fs != NULL;
	if (found)
		*umask = task->fs->umask;
	spin_unlock(&task->alloc_lock);
	return found;
}

const void *fs_identity(const struct task_struct *task)
{
	const struct fs_struct *fs = task->fs;

	return fs && READ_ONCE(fs->lender) ? (const void *)task : fs;
}

void fs_struct_init(const struct path *root)
{
	struct fs_struct *fs;

	fs_cache = kmem_cache_create("fs_struct", sizeof(struct fs_struct), 0);
	fs = fs_alloc();
	ASSERT(fs);
	fs->umask = 022;
	fs->root = fs->pwd = *root;
	path_get(root);
	path_get(root);
	current->fs = fs;
}

mode_t current_umask(void)
{
	return current->fs->umask;
}

long sys_umask(int mask)
{
	return __atomic_exchange_n(&own_fs()->umask, mask & 0777, __ATOMIC_RELAXED);
}
