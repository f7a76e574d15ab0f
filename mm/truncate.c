/*
 * Taking pages of a file out of the mappings of it: those that were cut off, so that who touches
 * them gets SIGBUS, and those where a hole was punched; and looking for mappings that may write.
 *
 * There is no list of a file's mappings: they are in trees that processes share, which fork copies
 * in no time. Instead all address spaces are searched; that is only done for files that were ever
 * mapped, when they are cut or sealed.
 *
 * None is missed. A file that was cut is shorter already, so no fault brings the pages back; those of
 * a hole may be, which the file finds by their counts (fs/tmpfs_file.c:punch_hole). An address space that fork is making joins the list, behind its parent, before its parent's lock
 * is let go: either it is copied after the parent was dealt with, or it comes later in the walk.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/pgtable.h>
#include <tine/vma.h>

/* Takes the file's own pages out of a private mapping, and leaves the copies that it made. */
static int unmap_originals(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	bool writable;
	int error = 0;

	for (; start < end && !error; start += PAGE_SIZE) {
		struct page *page = pgtable_lookup(mm, start, &writable);

		if (page && page->owner == PAGE_SHMEM)
			error = pgtable_unmap(mm, start, start + PAGE_SIZE);
	}
	return error;
}

/* The part of vma that shows [first, end) of its file; *start is not below *stop if none does. */
static void shown_part(const struct vma *vma, u64 first, u64 end, unsigned long *start,
		       unsigned long *stop)
{
	*start = first > vma->pgoff ? vma->start + ((first - vma->pgoff) << PAGE_SHIFT)
				    : vma->start;
	*stop = end < vma_pgoff(vma, vma->end) ? vma->start + ((end - vma->pgoff) << PAGE_SHIFT)
					       : vma->end;
}

static int unmap_locked(struct mm_struct *mm, const struct inode *inode, u64 first, u64 end)
{
	unsigned long start, stop;
	struct vma *vma;
	int error = 0;

	for (vma = vma_find(mm, 0); vma && !error; vma = vma_find(mm, vma->end)) {
		if (!vma->file || vma->file->inode != inode || first >= vma_pgoff(vma, vma->end) ||
		    end <= vma->pgoff)
			continue;
		shown_part(vma, first, end, &start, &stop);
		if (end == UNMAP_TO_END || (vma->flags & VM_SHARED))
			error = pgtable_unmap(mm, start, stop);
		else
			error = unmap_originals(mm, start, stop);
	}
	return error;
}

void unmap_file_pages(const struct inode *inode, u64 first, u64 end)
{
	struct mm_struct *mm;
	int error;

	for (mm = next_mm(NULL); mm; mm = next_mm(mm)) {
		do {
			error = MUTEX_LOCKED(&mm->lock, unmap_locked(mm, inode, first, end));
		} while (error && wait_for_memory());
	}
}

static bool has_writable_mapping(struct mm_struct *mm, const struct inode *inode)
{
	const u32 flags = VM_SHARED | VM_MAYWRITE;
	struct vma *vma;

	for (vma = vma_find(mm, 0); vma; vma = vma_find(mm, vma->end))
		if (vma->file && vma->file->inode == inode && (vma->flags & flags) == flags)
			return true;
	return false;
}

bool file_mapped_writable(const struct inode *inode)
{
	struct mm_struct *mm;
	bool found = false;

	/* To the end, since the walk holds what it has come to. */
	for (mm = next_mm(NULL); mm; mm = next_mm(mm)) {
		found = MUTEX_LOCKED(&mm->lock, found || has_writable_mapping(mm, inode));
	}
	return found;
}
