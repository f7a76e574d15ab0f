/*
 * Truncation: a file loses pages that programs may have mapped.
 *
 * There is no list of a file's mappings, since nodes of the memory map are shared by forked processes. Truncating a file that is
 * mapped is rare, so it walks all processes and their maps. A process that is forked meanwhile may get a number that the walk has
 * passed and a mapping that it has not yet cleared; so the walk is repeated until nobody forked during it.
 */
#include <tine/file.h>
#include <tine/mm.h>
#include <tine/task.h>
#include <tine/vma.h>

struct truncation {
	struct mm_struct *mm;
	const struct inode *inode;
	u64 first;
};

static int unmap_from_vma(const struct vma *vma, void *arg)
{
	const struct truncation *t = arg;
	unsigned long start = vma->start;

	if (!vma->file || vma->file->inode != t->inode || vma->pgoff + vma_pages(vma) <= t->first)
		return 0;
	if (t->first > vma->pgoff)
		start += (t->first - vma->pgoff) << PAGE_SHIFT;
	return zap_range(t->mm, start, vma->end);
}

static void unmap_from_process(struct task_struct *leader, struct truncation *t)
{
	t->mm = get_process_mm(leader);
	if (!t->mm)
		return;
	mutex_lock(&t->mm->lock);
	vma_for_each(t->mm, unmap_from_vma, t);
	mutex_unlock(&t->mm->lock);
	mm_put(t->mm);
}

void unmap_file_pages(const struct inode *inode, u64 first)
{
	struct truncation t = {.inode = inode, .first = first};
	struct task_struct *task;
	u64 forks;

	do {
		forks = READ_ONCE(total_forks);
		for (int tgid = 0; (task = get_next_process(tgid)) != NULL; put_task_struct(task)) {
			tgid = task->tgid;
			unmap_from_process(task, &t);
		}
	} while (forks != READ_ONCE(total_forks));
}
