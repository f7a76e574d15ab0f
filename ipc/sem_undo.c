/*
 * SEM_UNDO: what a process did to semaphores is taken back when it ends.
 *
 *   task ──┐
 *          ├─> sem_undo_list ──> sem_undo ──> sem_undo     one for each set
 *   task ──┘                        │             │
 *                                sem_array     sem_array   each with a list of its own of them
 *
 * A task has no list until it operates with SEM_UNDO, or makes another task with CLONE_SYSVSEM,
 * which then shares it. The last one that leaves, by exit or unshare, has the list applied: each
 * adjustment is added to its semaphore, as far as 0 and SEMVMX allow. A list survives exec.
 *
 * An undo is in two lists. Adjustments and its place in the set's list are guarded by the set's
 * lock, its place in the task's by the lock of that list, which is taken inside the set's. So
 * removing a set finds and frees its undos without racing with operations; applying a list goes the
 * other way, from list to set, and for that takes a reference on the set first. An undo that is
 * still in its list keeps its set from being freed: the set's removal takes it out first.
 */
#include <tine/clone_args.h>
#include <tine/err.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/sem.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <uapi/sched.h>
#include <uapi/sem.h>

struct sem_undo_list {
	struct atomic count;  /* tasks */
	struct spinlock lock; /* guards undos */
	struct list_head undos;
};

struct sem_undo_list *sem_own_undo_list(void)
{
	struct sem_undo_list *list = current->undo_list;

	if (list)
		return list;
	list = kmalloc(sizeof(*list));
	if (!list)
		return NULL;
	atomic_set(&list->count, 1);
	spin_lock_init(&list->lock, LOCK_CLASS_SEM_UNDO);
	list_init(&list->undos);
	SPIN_LOCKED(&current->alloc_lock, current->undo_list = list);
	return list;
}

/* The newest first, as they are applied. Set locked. */
static struct sem_undo *find_undo(struct sem_undo_list *list, const struct sem_array *set)
{
	struct sem_undo *undo, *found = NULL;

	spin_lock(&list->lock);
	list_for_each_entry(undo, &list->undos, in_list) {
		if (undo->set == set) {
			found = undo;
			break;
		}
	}
	spin_unlock(&list->lock);
	return found;
}

static void link_undo(struct sem_undo *undo, struct sem_undo_list *list, struct sem_array *set)
{
	undo->list = list;
	undo->set = set;
	list_add(&undo->in_set, &set->undos);
	spin_lock(&list->lock);
	list_add(&undo->in_list, &list->undos);
	spin_unlock(&list->lock);
}

static void free_undo(struct sem_undo *undo)
{
	list_del(&undo->in_set);
	spin_lock(&undo->list->lock);
	list_del(&undo->in_list);
	spin_unlock(&undo->list->lock);
	kfree(undo);
}

struct sem_undo *sem_get_undo(struct sem_undo_list *list, struct sem_array *set)
{
	struct sem_undo *undo = find_undo(list, set), *new;

	if (likely(undo))
		return undo;
	spin_unlock(&set->ipc.lock);
	new = kzalloc(sizeof(*new) + set->nsems * sizeof(new->adjustments[0]));
	spin_lock(&set->ipc.lock);
	undo = find_undo(list, set); /* another task with this list was faster */
	if (new && !undo && !set->ipc.removed) {
		link_undo(new, list, set);
		return new;
	}
	kfree(new);
	if (undo)
		return undo;
	return ERR_PTR(new ? -EIDRM : -ENOMEM);
}

void sem_clear_undos(struct sem_array *set, int semnum)
{
	struct sem_undo *undo;

	list_for_each_entry(undo, &set->undos, in_set)
		undo->adjustments[semnum] = 0;
}

void sem_drop_undos(struct sem_array *set)
{
	struct sem_undo *undo, *next;

	list_for_each_entry_safe(undo, next, &set->undos, in_set)
		free_undo(undo);
}

/* --- At the end --- */

/* Set locked. */
static void apply_undo(struct sem_array *set, const struct sem_undo *undo)
{
	for (int i = 0; i < set->nsems; i++) {
		struct sem *sem = &set->sems[i];

		if (!undo->adjustments[i])
			continue;
		sem->value = MAX(MIN(sem->value + undo->adjustments[i], SEMVMX), 0);
		sem_touch(sem, current->signal->pids[PIDTYPE_TGID]);
	}
	sem_update(set, true);
}

/* The set of the first undo in list, with a reference; NULL if there is none. */
static struct sem_array *first_set(struct sem_undo_list *list)
{
	struct sem_array *set = NULL;

	spin_lock(&list->lock);
	if (!list_empty(&list->undos)) {
		set = list_first_entry(&list->undos, struct sem_undo, in_list)->set;
		atomic_inc(&set->ipc.count);
	}
	spin_unlock(&list->lock);
	return set;
}

/* Nobody shares the list any more, so that it only becomes shorter. */
static void apply_list(struct sem_undo_list *list)
{
	struct sem_array *set;
	struct sem_undo *undo;

	while ((set = first_set(list))) {
		spin_lock(&set->ipc.lock);
		undo = find_undo(list, set);
		if (undo) {
			apply_undo(set, undo);
			free_undo(undo);
		}
		spin_unlock(&set->ipc.lock);
		sem_put(set);
		cond_resched();
	}
}

/* --- The row of clone's table --- */

int copy_semundo(struct task_struct *child, const struct kernel_clone_args *args)
{
	struct sem_undo_list *list;

	if (!(args->flags & CLONE_SYSVSEM))
		return 0;
	list = sem_own_undo_list();
	if (!list)
		return -ENOMEM;
	atomic_inc(&list->count);
	child->undo_list = list;
	return 0;
}

void release_semundo(struct task_struct *task)
{
	struct sem_undo_list *list;

	if (likely(!task->undo_list))
		return;
	spin_lock(&task->alloc_lock);
	list = task->undo_list;
	task->undo_list = NULL;
	spin_unlock(&task->alloc_lock);
	if (!atomic_dec_and_test(&list->count))
		return;
	apply_list(list);
	kfree(list);
}
