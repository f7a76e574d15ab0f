/*
 * Address spaces: making, copying and ending them.
 *
 * An mm_struct has two counts. users: the tasks that run in it, and whoever needs its contents for
 * a while; with the last one the contents go: page tables, map, the program's file. count: all
 * users together are one; who holds another may still look at the struct (a CPU that has not yet
 * loaded other page tables, say).
 *
 *   mm_alloc --> mm_get/mm_put --> users 0: contents go --> mm_grab/mm_drop --> count 0: freed
 *
 * dup_mm is fork's copy: one reference on the parent's map, one copy-on-write step at the root of
 * its page tables, a few numbers. Then what must not be inherited is cut out of the child's share,
 * copying only the way to it; the map's flags lead to it.
 *
 * Lock: mm->lock, for what tine/mm.h marks with m. The child's is taken only after the parent's was
 * let go, since nobody else can know the child yet.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/pgtable.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/vma.h>

static struct kmem_cache *mm_cache;
static struct spinlock mm_list_lock = SPINLOCK_INIT(LOCK_CLASS_MM_LIST);
static struct list_head mm_list = LIST_HEAD_INIT(mm_list); /* mm_list_lock */

static void init_new(struct mm_struct *mm)
{
	atomic_set(&mm->users, 1);
	atomic_set(&mm->count, 1);
	list_init(&mm->link);
	mutex_init(&mm->lock, LOCK_CLASS_MM);
}

static void link_mm(struct mm_struct *mm)
{
	spin_lock(&mm_list_lock);
	list_add_tail(&mm->link, &mm_list);
	spin_unlock(&mm_list_lock);
}

struct mm_struct *next_mm(struct mm_struct *prev)
{
	struct list_head *link;
	struct mm_struct *next = NULL;

	spin_lock(&mm_list_lock);
	for (link = prev ? prev->link.next : mm_list.next; link != &mm_list && !next;
	     link = link->next) {
		next = list_entry(link, struct mm_struct, link);
		if (!atomic_inc_not_zero(&next->users))
			next = NULL;
	}
	spin_unlock(&mm_list_lock);
	if (prev)
		mm_put(prev);
	return next;
}

u64 mm_committed_pages(void)
{
	struct mm_struct *mm;
	u64 pages = 0;

	spin_lock(&mm_list_lock);
	list_for_each_entry(mm, &mm_list, link)
		pages += READ_ONCE(mm->map.committed_pages);
	spin_unlock(&mm_list_lock);
	return pages;
}

struct mm_struct *mm_alloc(void)
{
	struct mm_struct *mm = kmem_cache_alloc(mm_cache);

	if (!mm)
		return NULL;
	memset(mm, 0, offsetof(struct mm_struct, auxv));
	init_new(mm);
	mm->mmap_base = TASK_SIZE_MAX - STACK_GUARD_GAP;
	mm->unborn = mm->vmas_are_list = true;
	if (pgtable_alloc_root(mm)) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	link_mm(mm);
	return mm;
}

void mm_get(struct mm_struct *mm)
{
	atomic_inc(&mm->users);
}

bool mm_get_unless_gone(struct mm_struct *mm)
{
	return atomic_inc_not_zero(&mm->users);
}

void mm_put(struct mm_struct *mm)
{
	if (!atomic_dec_and_test(&mm->users))
		return;
	ASSERT(READ_ONCE(mm->cpus) == 0);
	spin_lock(&mm_list_lock);
	list_del(&mm->link);
	spin_unlock(&mm_list_lock);
	pgtable_free_root(mm);
	vma_put(mm->vmas);
	fput(mm->exe_file);
	mm_drop(mm);
}

void mm_grab(struct mm_struct *mm)
{
	atomic_inc(&mm->count);
}

void mm_drop(struct mm_struct *mm)
{
	if (atomic_dec_and_test(&mm->count))
		kmem_cache_free(mm_cache, mm);
}

struct mm_struct *get_task_mm(struct task_struct *task)
{
	struct mm_struct *mm;

	spin_lock(&task->alloc_lock);
	mm = task->flags & PF_KTHREAD ? NULL : task->mm;
	if (mm)
		mm_get(mm);
	spin_unlock(&task->alloc_lock);
	return mm;
}

struct mm_usage mm_usage(struct mm_struct *mm)
{
	struct mm_usage usage = {0};

	mutex_lock(&mm->lock);
	mm_measure(mm, 0, TASK_SIZE_MAX, &usage);
	mutex_unlock(&mm->lock);
	return usage;
}

/* --- Fork --- */

/* The numbers, all of them; owning pointers and what belongs to one mm alone is set afterwards. */
static struct mm_struct *copy_struct(const struct mm_struct *oldmm)
{
	struct mm_struct *mm = kmem_cache_alloc(mm_cache);

	if (!mm)
		return NULL;
	memcpy(mm, oldmm, sizeof(*mm));
	init_new(mm);
	mm->root = NULL;
	mm->vmas = NULL;
	mm->exe_file = NULL;
	mm->cpus = 0;
	mm->def_flags = 0;
	mm->oom_victim = 0;
	return mm;
}

/* The child's map without DONTFORK mappings, and without locks on memory. */
static int cut_map(struct mm_struct *mm)
{
	struct vma_edit edit;
	struct vma *vma;
	int error;

	vma_edit_begin(&edit, mm);
	for (vma = vma_find_flags(mm, 0, VM_DONTCOPY | VM_LOCKED); vma;
	     vma = vma_find_flags(mm, vma->end, VM_DONTCOPY | VM_LOCKED)) {
		if (vma->flags & VM_DONTCOPY)
			vma_edit_unmap(&edit, vma->start, vma->end);
		else
			vma_edit_map(&edit, vma_part(vma, vma->start, vma->end,
						     vma->flags & ~(VM_LOCKED | VM_LOCKONFAULT)));
	}
	error = vma_edit_commit(&edit);
	vma_edit_end(&edit); /* the parent still holds every file */
	return error;
}

/* Drops from the child what fork must not show it. The map is still the parent's. */
static int cut_private(struct mm_struct *mm)
{
	struct vma *vma;
	int error = 0;

	for (vma = vma_find_flags(mm, 0, VM_DONTCOPY | VM_WIPEONFORK); vma && !error;
	     vma = vma_find_flags(mm, vma->end, VM_DONTCOPY | VM_WIPEONFORK))
		error = pgtable_unmap(mm, vma->start, vma->end);
	if (!error && vma_find_flags(mm, 0, VM_DONTCOPY | VM_LOCKED))
		error = cut_map(mm);
	return error;
}

static bool needs_cutting(const struct mm_struct *mm)
{
	return mm->vmas && (mm->vmas->tree_flags & (VM_DONTCOPY | VM_WIPEONFORK | VM_LOCKED));
}

struct mm_struct *dup_mm(struct mm_struct *oldmm, unsigned long stack)
{
	struct mm_struct *mm;
	int error;

	mutex_lock(&oldmm->lock);
	mm = copy_struct(oldmm);
	error = mm ? pgtable_fork(mm, oldmm, stack) : -ENOMEM;
	if (!error) {
		mm->vmas = oldmm->vmas;
		vma_get(mm->vmas);
		link_mm(mm); /* under the lock: next_mm */
	}
	mutex_unlock(&oldmm->lock);
	if (!mm)
		return ERR_PTR(-ENOMEM);
	mm->exe_file = oldmm->exe_file ? get_file(oldmm->exe_file) : NULL;

	if (!error && needs_cutting(mm))
		error = MUTEX_LOCKED(&mm->lock, cut_private(mm));
	/* What the child was promised is part of the sum by now. */
	if (unlikely(overcommit_memory == OVERCOMMIT_NEVER) && !error && !enough_memory(0))
		error = -ENOMEM;
	if (error) {
		mm_put(mm);
		return ERR_PTR(error);
	}
	return mm;
}

void mm_init(void)
{
	mm_cache = kmem_cache_create("mm_struct", sizeof(struct mm_struct), 0);
	vma_init();
}
