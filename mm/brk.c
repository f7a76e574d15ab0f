/*
 * brk(2): the end of the data area, which C libraries grow for small allocations.
 *
 * The area begins at start_brk; brk is the end to the byte, as the caller set it. The mapping under
 * it goes to the next page. Whatever is wrong, the answer is the old end, never an errno: so says
 * the ABI.
 */
#include <tine/err.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/vma.h>
#include <uapi/mman.h>

#define BRK_FLAGS (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_ACCOUNT)

void mm_set_brk(struct mm_struct *mm, unsigned long start)
{
	mm->start_brk = mm->brk = start;
}

/* Heap and initialised data together stay below RLIMIT_DATA. */
static bool within_data_limit(const struct mm_struct *mm, unsigned long brk)
{
	unsigned long limit = rlimit(RLIMIT_DATA);

	return limit == RLIM_INFINITY ||
	       brk - mm->start_brk + (mm->end_data - mm->start_data) <= limit;
}

/* [start, end) is free, with a page between it and what lies above, or the guard gap of a stack. */
static bool room_for(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	const struct vma *above = vma_find(mm, start);

	if (get_unmapped_area(mm, start, end - start, MAP_FIXED) < 0)
		return false;
	return !above || end + PAGE_SIZE <= vma_start_gap(above);
}

static int grow(struct vma_edit *edit, unsigned long start, unsigned long end)
{
	unsigned long pages = (end - start) >> PAGE_SHIFT;
	u32 flags = BRK_FLAGS | edit->mm->def_flags | vma_prot_flags(implied_exec(PROT_READ));

	if (!may_lock(edit->mm, flags, pages) || !room_for(edit->mm, start, end) ||
	    !may_expand_mm(edit->mm, BRK_FLAGS, pages) || !enough_memory(pages))
		return -ENOMEM;
	vma_edit_map(edit, vma_alloc(start, end, flags, NULL, start >> PAGE_SHIFT));
	return vma_edit_commit(edit);
}

static int set_brk_locked(struct vma_edit *edit, unsigned long brk)
{
	struct mm_struct *mm = edit->mm;
	unsigned long old = ALIGN_UP(mm->brk, PAGE_SIZE), new = ALIGN_UP(brk, PAGE_SIZE);
	int error = 0;

	if (brk < mm->start_brk || brk > TASK_SIZE_MAX || !within_data_limit(mm, brk))
		return -ENOMEM;
	if (new < old)
		error = unmap_range(edit, new, old);
	else if (new > old)
		error = grow(edit, old, new);
	if (!error)
		mm->brk = brk;
	return error;
}

long sys_brk(unsigned long brk)
{
	struct mm_struct *mm = current->mm;
	struct vma_edit edit;
	unsigned long old, result;
	bool populate;

	mutex_lock(&mm->lock);
	vma_edit_begin(&edit, mm);
	old = mm->brk;
	set_brk_locked(&edit, brk);
	result = mm->brk;
	populate = mm->def_flags & VM_LOCKED;
	mutex_unlock(&mm->lock);
	vma_edit_end(&edit);
	if (populate && result > old)
		mm_populate(mm, ALIGN_UP(old, PAGE_SIZE), ALIGN_UP(result, PAGE_SIZE));
	return result;
}
