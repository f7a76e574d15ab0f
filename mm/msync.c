/*
 * msync(2) and mincore(2): mappings and the files behind them.
 *
 * A shared mapping shows the very pages that read(2) and write(2) of the file use, so there is
 * nothing to write back but what the file's own fsync does.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/pgtable.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <tine/vma.h>
#include <uapi/mman.h>

#define MINCORE_BATCH 128 /* pages looked at under the lock at once */

/* A place in the walk of msync. */
struct sync_walk {
	unsigned long start, end;
	bool invalidate, sync;
	bool hole;         /* something was not mapped */
	struct file *file; /* counted: to be synced before going on */
};

/* Goes on to the next file that is to be synced. */
static int next_file(struct mm_struct *mm, struct sync_walk *walk)
{
	while (walk->start < walk->end && !walk->file) {
		struct vma *vma = vma_find(mm, walk->start);

		if (!vma || vma->start > walk->start)
			walk->hole = true;
		if (!vma || vma->start >= walk->end)
			break;
		if (walk->invalidate && (vma->flags & VM_LOCKED))
			return -EBUSY;
		if (walk->sync && vma->file && (vma->flags & VM_SHARED))
			walk->file = get_file(vma->file);
		walk->start = vma->end;
	}
	return 0;
}

static int sync_file(struct file *file)
{
	int error = file->ops->fsync ? file->ops->fsync(file) : 0;

	fput(file);
	return error;
}

long sys_msync(unsigned long start, size_t length, int flags)
{
	struct sync_walk walk = {.start = start,
				 .end = start + ALIGN_UP(length, PAGE_SIZE),
				 .invalidate = flags & MS_INVALIDATE,
				 .sync = flags & MS_SYNC};
	struct mm_struct *mm = current->mm;
	int error;

	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (start & ~PAGE_MASK) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (walk.end < start)
		return -ENOMEM;
	do {
		walk.file = NULL;
		error = MUTEX_LOCKED(&mm->lock, next_file(mm, &walk));
		if (!error && walk.file)
			error = sync_file(walk.file);
	} while (!error && walk.file);
	return !error && walk.hole ? -ENOMEM : error;
}

/* Would a read of the page at address find it in memory? What is in memory of a file that current may
 * not write to is none of its business: all of it. */
static bool in_core(struct mm_struct *mm, const struct vma *vma, unsigned long address)
{
	struct page *page;
	bool writable;

	if (pgtable_lookup(mm, address, &writable))
		return true;
	if (!vma->file)
		return vma->flags & VM_UNCOUNTED;
	if (!file_residence_shown(vma->file))
		return true;
	vma->file->ops->get_pages(vma->file, vma_pgoff(vma, address), &page, 1);
	if (page)
		put_page(page);
	return page;
}

/* Fills as much of result as one mapping covers; returns how many pages, or ENOMEM. */
static long mincore_batch(struct mm_struct *mm, unsigned long start, unsigned long pages,
			  u8 *result)
{
	struct vma *vma = vma_lookup(mm, start);

	if (!vma)
		return -ENOMEM;
	pages = MIN(pages, (vma->end - start) >> PAGE_SHIFT);
	for (unsigned long i = 0; i < pages; i++)
		result[i] = in_core(mm, vma, start + i * PAGE_SIZE);
	return pages;
}

long sys_mincore(unsigned long start, size_t length, unsigned char __user *result)
{
	unsigned long pages = DIV_ROUND_UP(length, PAGE_SIZE);
	struct mm_struct *mm = current->mm;
	u8 batch[MINCORE_BATCH];
	long n;

	if (start & ~PAGE_MASK)
		return -EINVAL;
	if (!access_ok((void __user *)start, length))
		return -ENOMEM;
	if (!access_ok(result, pages))
		return -EFAULT;
	while (pages) {
		n = MUTEX_LOCKED(&mm->lock,
				 mincore_batch(mm, start, MIN(pages, sizeof(batch)), batch));
		if (n < 0)
			return n;
		if (copy_to_user(result, batch, n))
			return -EFAULT;
		start += n * PAGE_SIZE;
		result += n;
		pages -= n;
	}
	return 0;
}
