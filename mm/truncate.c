/*
 * Taking the pages of a file that was made shorter out of the mappings of it, so that who touches
 * them gets SIGBUS.
 *
 * There is no list of a file's mappings: they are in trees that processes share, which fork copies
 * in no time. Instead all address spaces are searched; that is only done for files that were ever
 * mapped, when they are cut.
 *
 * None is missed. The file's size is already the new one, so a fault finds nothing to map any more.
 * An address space that fork is making joins the list, behind its parent, before its parent's lock
 * is let go: either it is copied after the parent was dealt with, or it comes later in the walk.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/pgtable.h>
#include <tine/vma.h>

static int unmap_locked(struct mm_struct *mm, const struct inode *inode, u64 first)
{
	unsigned long start;
	struct vma *vma;
	int error = 0;

	for (vma = vma_find(mm, 0); vma && !error; vma = vma_find(mm, vma->end)) {
		if (!vma->file || vma->file->inode != inode || first >= vma_pgoff(vma, vma->end))
			continue;
		start = first > vma->pgoff ? vma->start + ((first - vma->pgoff) << PAGE_SHIFT)
					   : vma->start;
		error = pgtable_unmap(mm, start, vma->end);
	}
	return error;
}

void unmap_file_pages(const struct inode *inode, u64 first)
{
	struct mm_struct *mm;
	int error;

	for (mm = next_mm(NULL); mm; mm = next_mm(mm)) {
		do {
			mutex_lock(&mm->lock);
			error = unmap_locked(mm, inode, first);
			mutex_unlock(&mm->lock);
		} while (error && wait_for_memory());
	}
}
