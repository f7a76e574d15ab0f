/*
 * mprotect(2): other rights for a range of mappings.
 *
 * As on Linux the range is worked through mapping by mapping, and what came before a hole or a
 * mapping that may not have these rights stays changed. Each mapping is cut and joined as needed by
 * an edit of its own.
 *
 * Order. An edit that can no longer fail is ready first; then the page tables change; then the edit
 * is committed. All under the mm's lock, so no fault looks at one without the other. Writing to
 * private pages comes back by faults, which break copy-on-write; it is never given to an entry
 * here.
 */
#include <tine/err.h>
#include <tine/pgtable.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/vma.h>
#include <uapi/mman.h>

/* Shifted like this a VM_MAY bit stands where the right is that it allows. */
static u32 may_rights(u32 flags)
{
	_Static_assert(VM_MAYREAD == VM_READ << 4 && VM_MAYEXEC == VM_EXEC << 4, "VM_MAY bits");
	return flags >> 4 & VM_ACCESS;
}

static int protect_pages(struct mm_struct *mm, unsigned long start, unsigned long end, u32 flags)
{
	int error;

	while ((error = pgtable_protect(mm, start, end, vma_rights(flags))) == -ENOMEM)
		if (!wait_for_memory())
			break;
	return error;
}

/* Making a private mapping writable for the first time promises memory. */
static bool charged_by(u32 old, u32 new)
{
	return (new &VM_WRITE) && !(old & (VM_ACCOUNT | VM_WRITE | VM_SHARED | VM_NORESERVE));
}

static int check_limits(struct mm_struct *mm, u32 old, u32 new, unsigned long pages)
{
	if (!(new &VM_WRITE))
		return 0;
	if (!may_expand_mm(mm, new, pages) && may_expand_mm(mm, old, pages))
		return -ENOMEM;
	return charged_by(old, new) && !enough_memory(pages) ? -ENOMEM : 0;
}

static int change_part(struct vma_edit *edit, const struct vma *vma, unsigned long start,
		       unsigned long end, u32 flags)
{
	int error;

	vma_edit_map(edit, vma_part(vma, start, end, flags));
	error = vma_edit_check(edit);
	if (!error)
		error = protect_pages(edit->mm, start, end, flags);
	return error ? error : vma_edit_commit(edit);
}

/* One mapping's part [start, end). */
static int protect_part(struct mm_struct *mm, const struct vma *vma, unsigned long start,
			unsigned long end, u32 rights)
{
	u32 implied = vma->flags & VM_MAYEXEC ? vma_prot_flags(implied_exec(rights)) : 0;
	u32 flags = (vma->flags & ~VM_ACCESS) | rights | implied;
	struct vma_edit edit;
	int error;

	if (rights & ~may_rights(flags))
		return -EACCES;
	if (flags == vma->flags)
		return 0;
	error = check_limits(mm, vma->flags, flags, (end - start) >> PAGE_SHIFT);
	if (error)
		return error;
	if (charged_by(vma->flags, flags))
		flags |= VM_ACCOUNT;
	vma_edit_begin(&edit, mm);
	error = change_part(&edit, vma, start, end, flags);
	vma_edit_end(&edit); /* the new map still holds every file */
	return error;
}

static int protect_range(struct mm_struct *mm, struct vma *vma, unsigned long start,
			 unsigned long end, u32 rights)
{
	unsigned long stop;
	int error;

	for (;;) {
		stop = MIN(vma->end, end);
		error = protect_part(mm, vma, start, stop, rights);
		if (error || stop >= end)
			return error;
		vma = vma_find(mm, stop); /* it may begin before: joined with what was changed */
		if (!vma || vma->start > stop)
			return -ENOMEM;
		start = stop;
	}
}

/* Where the change begins: PROT_GROWSDOWN extends it to the start of a stack. -errno. */
static long protect_start(const struct vma *vma, unsigned long start, unsigned long end,
			  unsigned long grows)
{
	if (!vma)
		return -ENOMEM;
	if (grows & PROT_GROWSDOWN) {
		if (vma->start >= end)
			return -ENOMEM;
		return vma->flags & VM_GROWSDOWN ? (long)vma->start : -EINVAL;
	}
	if (vma->start > start)
		return -ENOMEM;
	return grows ? -EINVAL : (long)start; /* nothing grows up on this machine */
}

static long do_mprotect(unsigned long start, unsigned long end, u32 rights, unsigned long grows)
{
	struct mm_struct *mm = current->mm;
	struct vma *vma;
	long result;

	mutex_lock(&mm->lock);
	vma = vma_find(mm, start);
	result = protect_start(vma, start, end, grows);
	if (result >= 0)
		result = protect_range(mm, vma, result, end, rights);
	mutex_unlock(&mm->lock);
	return result;
}

/* key: other than -1 it would have to be one that pkey_alloc gave. */
long sys_pkey_mprotect(unsigned long start, size_t length, unsigned long prot, int key)
{
	unsigned long grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	unsigned long end = start + ALIGN_UP(length, PAGE_SIZE);

	prot &= ~grows;
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || (start & ~PAGE_MASK))
		return -EINVAL;
	if (!length)
		return 0;
	if (end <= start)
		return -ENOMEM;
	if (prot & ~(unsigned long)(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	return key == -1 ? do_mprotect(start, end, vma_prot_flags(prot), grows) : -EINVAL;
}

/* --- Protection keys: as on a processor that has none --- */

long sys_pkey_alloc(unsigned long flags, unsigned long rights)
{
	return flags || (rights & ~(unsigned long)PKEY_ACCESS_MASK) ? -EINVAL : -ENOSPC;
}
