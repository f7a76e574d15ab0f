/*
 * What exec maps into a new address space: the stack, the parts of images, the vDSO. The mm is unborn,
 * so nothing has to be undone: where one of these fails, all of it goes.
 *
 *	             start                     zero_from   file_end       end
 *	              |  mapped from the file      | cleared   |  anonymous  |
 *
 * Some pages are not left to faults: the last one of the file's part where memory goes on in zeroes,
 * a copy of which is cleared from there on; and what a program that has just begun will touch.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/file.h>
#include <tine/pgtable.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/vma.h>
#include <uapi/mman.h>

#define FILE_SIZE_MAX ((1ull << 63) - 1)
#define VM_MAYALL     (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

/* A new mapping where nothing is mapped. EPERM: a limit forbids it; ENOMEM; as ERR_PTR. */
static struct vma *add_mapping(struct mm_struct *mm, unsigned long start, unsigned long end,
			       u32 flags, struct file *file, u64 pgoff)
{
	unsigned long pages = (end - start) >> PAGE_SHIFT;
	struct vma *vma;

	if (!may_expand_mm(mm, flags, pages))
		return ERR_PTR(-EPERM);
	if ((flags & (VM_WRITE | VM_GROWSDOWN)) == VM_WRITE && !enough_memory(pages))
		return ERR_PTR(-EPERM);
	vma = vma_alloc(start, end, flags, file, pgoff);
	return vma_map(mm, vma) ? ERR_PTR(-ENOMEM) : vma;
}

/* --- Images --- */

static __noinline int make_room(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct vma_edit edit;
	int error;

	vma_edit_begin(&edit, mm);
	error = unmap_range(&edit, start, end);
	vma_edit_end(&edit);
	return error;
}

/* A private mapping of file, or of nothing; its file has agreed already. */
static struct vma *map_private(struct mm_struct *mm, struct file *file, unsigned long start,
			       unsigned long end, unsigned int prot, u64 offset)
{
	u32 flags = vma_prot_flags(prot) | VM_MAYALL;
	int error = vma_any(mm, start, end) ? make_room(mm, start, end) : 0;

	if (flags & VM_WRITE)
		flags |= VM_ACCOUNT;
	if (error)
		return ERR_PTR(error);
	return add_mapping(mm, start, end, flags, file, offset >> PAGE_SHIFT);
}

/* Maps a copy of the last page of the file's part, cleared from zero_from on. */
static int clear_tail(struct mm_struct *mm, const struct vma *vma, const struct image_part *part)
{
	unsigned long start = part->zero_from & PAGE_MASK;
	struct page *from, *page;
	int error = -ENOMEM;

	from = vma->file->ops->get_page(vma->file, vma_pgoff(vma, start), false);
	if (IS_ERR(from)) /* -EFAULT: behind the end of the file, which touching it will show */
		return PTR_ERR(from) == -ENOMEM ? -ENOMEM : 0;
	page = alloc_zeroed_data_page();
	if (page && from)
		memcpy(page_address(page), page_address(from), part->zero_from - start);
	if (from)
		put_page(from);
	if (page)
		error = pgtable_map(mm, start, page, vma_rights(vma->flags));
	if (page && error)
		put_page(page);
	mm->touched_pages++;
	return error;
}

static int map_file_part(struct mm_struct *mm, struct file *file, const struct image_part *part,
			 unsigned long touch)
{
	struct vma *vma;
	int error = 0;

	if (part->offset > FILE_SIZE_MAX - (part->file_end - part->start))
		return -EOVERFLOW;
	vma = map_private(mm, file, part->start, part->file_end, part->prot, part->offset);
	if (IS_ERR(vma))
		return PTR_ERR(vma);
	/* Without leave to write, what the file has in the last page stays visible. */
	if (part->zero_from != part->file_end && (vma->flags & VM_WRITE))
		error = clear_tail(mm, vma, part);
	if (!error && (vma->flags & VM_ACCESS) &&
	    map_around(mm, vma, touch & PAGE_MASK) == FAULT_OOM)
		error = -ENOMEM;
	return error;
}

static int map_part_locked(struct mm_struct *mm, struct file *file, const struct image_part *part,
			   unsigned long touch)
{
	unsigned int prot = PROT_READ | PROT_WRITE | (part->prot & PROT_EXEC);
	struct vma *zeroes;
	int error = 0;

	if (part->start < MMAP_MIN_ADDR && part->end > part->start && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (part->file_end > part->start)
		error = map_file_part(mm, file, part, touch);
	if (error || part->end == part->file_end)
		return error;
	zeroes = map_private(mm, NULL, part->file_end, part->end, prot, part->file_end);
	return IS_ERR(zeroes) ? PTR_ERR(zeroes) : 0;
}

int mm_map_image_part(struct mm_struct *mm, struct file *file, const struct image_part *part,
		      unsigned long touch)
{
	return MUTEX_LOCKED(&mm->lock, map_part_locked(mm, file, part, touch));
}

long mm_find_room(struct mm_struct *mm, unsigned long length)
{
	return MUTEX_LOCKED(&mm->lock, may_expand_mm(mm, 0, length >> PAGE_SHIFT)
					       ? get_unmapped_area(mm, 0, length, 0)
					       : -ENOMEM);
}

/* --- The stack and the vDSO --- */

int mm_map_stack(struct mm_struct *mm, unsigned long top, unsigned long size, bool exec)
{
	const u32 flags = VM_READ | VM_WRITE | (exec ? VM_EXEC : 0) | VM_MAYALL | VM_GROWSDOWN |
			  VM_ACCOUNT;
	unsigned long start = top - ALIGN_UP(size, PAGE_SIZE);
	struct vma *vma = MUTEX_LOCKED(&mm->lock, add_mapping(mm, start, top, flags, NULL,
							      start >> PAGE_SHIFT));

	return IS_ERR(vma) ? PTR_ERR(vma) : 0;
}

/*
 * The page table behind that of the top of the stack: its own, so that fork need not copy its
 * entries with the stack's, but next to it, so that what fork does copy grows by one entry.
 */
static unsigned long choose_vdso(struct mm_struct *mm, unsigned long stack, unsigned int place)
{
	unsigned long start = ALIGN_UP(stack, PAGE_SIZE * PT_ENTRIES);

	if (start + PAGE_SIZE * PT_ENTRIES > TASK_SIZE_MAX)
		return vma_free_range(mm, MMAP_MIN_ADDR, mm->mmap_base, VDSO_PAGES * PAGE_SIZE);
	return start + place % (PT_ENTRIES - VDSO_PAGES + 1) * PAGE_SIZE;
}

int mm_map_vdso(struct mm_struct *mm, unsigned long stack, unsigned int place)
{
	const u32 both = VM_UNCOUNTED | VM_DONTEXPAND | VM_READ | VM_MAYREAD;
	const u32 data = both | VM_IO, code = both | VM_EXEC | VM_MAYWRITE | VM_MAYEXEC;
	unsigned long start;
	int error = -ENOMEM;

	mutex_lock(&mm->lock);
	start = choose_vdso(mm, stack, place);
	mm->vdso = start + PAGE_SIZE;
	if (start)
		error = vma_map(mm, vma_alloc(start, mm->vdso, data, NULL, 0));
	if (!error)
		error = vma_map(mm,
				vma_alloc(mm->vdso, start + VDSO_PAGES * PAGE_SIZE, code, NULL, 1));
	mutex_unlock(&mm->lock);
	return error;
}
