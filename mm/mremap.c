/*
 * mremap(2): a mapping made smaller, larger, or moved.
 *
 * To move, page-table entries go from the old range to the new one (pgtable_move); no page is
 * copied. The map changes by one edit: the new mapping in, the old one out. A private anonymous
 * mapping is numbered anew by its new address, so it can become one with its neighbours there.
 *
 * The checks come in Linux's order, which differs between the two ways in: with MREMAP_FIXED or
 * MREMAP_DONTUNMAP the target is looked at, and emptied, before the source is.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/pgtable.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/vma.h>
#include <uapi/mman.h>

struct move {
	struct mm_struct *mm;
	unsigned long from, old_length, to, new_length;
	unsigned long flags; /* MREMAP_ */
	bool populate;       /* out: the grown part is locked memory, to be faulted in */
};

static int check_growth(const struct move *m, const struct vma *vma)
{
	unsigned long pages = (m->new_length - m->old_length) >> PAGE_SHIFT;
	u64 pgoff = vma_pgoff(vma, m->from);

	if (pgoff + (m->new_length >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	if (vma->flags & VM_DONTEXPAND)
		return -EFAULT;
	if (!may_lock(m->mm, vma->flags, pages))
		return -EAGAIN;
	return may_expand_mm(m->mm, vma->flags, pages) ? 0 : -ENOMEM;
}

/* May the source, which vma is found at, get its new length? */
static int check_source(const struct move *m, const struct vma *vma)
{
	if (!vma)
		return -EFAULT;
	if (!m->old_length && !(vma->flags & VM_SHARED))
		return -EINVAL;
	if ((m->flags & MREMAP_DONTUNMAP) && (vma->flags & VM_DONTEXPAND))
		return -EINVAL;
	if (m->old_length > vma->end - m->from)
		return -EFAULT;
	return m->new_length == m->old_length ? 0 : check_growth(m, vma);
}

static bool affordable(const struct vma *vma, unsigned long pages)
{
	return !(vma->flags & VM_ACCOUNT) || enough_memory(pages);
}

/* The new mapping: like vma's part at m->from, at m->to and as long as is wanted. */
static struct vma *moved_vma(const struct move *m, const struct vma *vma)
{
	bool keeps = vma->file || (vma->flags & VM_UNCOUNTED);
	u64 pgoff = keeps ? vma_pgoff(vma, m->from) : m->to >> PAGE_SHIFT;

	return vma_alloc(m->to, m->to + m->new_length, vma->flags, vma->file, pgoff);
}

static int move_pages(const struct move *m)
{
	int error;

	while ((error = pgtable_move(m->mm, m->from, m->to, m->old_length)) == -ENOMEM)
		if (!wait_for_memory())
			break;
	return error;
}

/* Nothing is mapped at m->to any more. */
static long move_mapping(struct move *m, struct vma_edit *edit, const struct vma *vma)
{
	unsigned long end = m->from + m->old_length;
	int error;

	if ((int)m->mm->map.count >= READ_ONCE(max_map_count) - 3)
		return -ENOMEM;
	if (!affordable(vma, m->new_length >> PAGE_SHIFT))
		return -ENOMEM;
	vma_edit_map(edit, moved_vma(m, vma));
	if (m->flags & MREMAP_DONTUNMAP) {
		if (vma->flags & VM_LOCKED)
			vma_edit_map(edit, vma_part(vma, m->from, end,
						    vma->flags & ~(VM_LOCKED | VM_LOCKONFAULT)));
	} else if (m->old_length) {
		vma_edit_unmap(edit, m->from, end);
	}
	m->populate = vma->flags & VM_LOCKED;
	error = vma_edit_check(edit);
	if (!error)
		error = move_pages(m);
	if (!error)
		error = vma_edit_commit(edit);
	return error ? error : (long)m->to;
}

/* Empties [start, end) as munmap does. */
static int unmap_first(struct mm_struct *mm, unsigned long start, unsigned long end,
		       struct vma_edit *edit)
{
	vma_edit_begin(edit, mm);
	return start < end && vma_any(mm, start, end) ? unmap_range(edit, start, end) : 0;
}

/* What lies behind the new length goes first. */
static int unmap_tail(const struct move *m, struct vma_edit *edit)
{
	unsigned long start = m->from + m->new_length, length = m->old_length - m->new_length;

	if (start < m->from || start > TASK_SIZE_MAX || length > TASK_SIZE_MAX - start)
		return -EINVAL;
	return unmap_first(m->mm, start, start + length, edit);
}

static int check_target(const struct move *m)
{
	if (m->to & ~PAGE_MASK)
		return -EINVAL;
	if (m->new_length > TASK_SIZE_MAX || m->to > TASK_SIZE_MAX - m->new_length)
		return -EINVAL;
	if (m->from + m->old_length > m->to && m->to + m->new_length > m->from)
		return -EINVAL;
	return (int)m->mm->map.count + 2 >= READ_ONCE(max_map_count) - 3 ? -ENOMEM : 0;
}

/* The three edits that a move to a given place can take. */
struct move_edits {
	struct vma_edit target, tail, move;
};

/* MREMAP_FIXED or MREMAP_DONTUNMAP. */
static long move_to(struct move *m, struct move_edits *edits)
{
	unsigned long pages = m->old_length >> PAGE_SHIFT;
	const struct vma *vma;
	long error = check_target(m), place;

	if (!error && (m->flags & MREMAP_FIXED))
		error = unmap_first(m->mm, m->to, m->to + m->new_length, &edits->target);
	if (!error && m->old_length > m->new_length) {
		error = unmap_tail(m, &edits->tail);
		m->old_length = m->new_length;
	}
	if (error)
		return error;
	vma = vma_lookup(m->mm, m->from);
	error = check_source(m, vma);
	if (error)
		return error;
	if ((m->flags & MREMAP_DONTUNMAP) && !may_expand_mm(m->mm, vma->flags, pages))
		return -ENOMEM;
	place = get_unmapped_area(m->mm, m->to, m->new_length,
				  m->flags & MREMAP_FIXED ? MAP_FIXED : 0);
	if (place < 0)
		return place;
	m->to = place;
	vma_edit_begin(&edits->move, m->mm);
	return move_mapping(m, &edits->move, vma);
}

/* Longer at the same place, if the mapping ends with the range and nothing is in the way. */
static bool can_extend(const struct move *m, const struct vma *vma)
{
	unsigned long end = m->from + m->new_length;

	return vma->end == m->from + m->old_length && end > vma->end && end <= TASK_SIZE_MAX &&
	       !vma_any(m->mm, vma->end, end);
}

static long extend(struct move *m, struct vma_edit *edit, const struct vma *vma)
{
	unsigned long end = m->from + m->new_length;
	int error;

	if (!affordable(vma, (end - vma->end) >> PAGE_SHIFT))
		return -ENOMEM;
	vma_edit_map(edit, vma_alloc(vma->start, end, vma->flags, vma->file, vma->pgoff));
	error = vma_edit_commit(edit);
	m->populate = vma->flags & VM_LOCKED;
	m->to = m->from;
	return error ? error : (long)m->from;
}

static long resize(struct move *m, struct move_edits *edits)
{
	const struct vma *vma = vma_lookup(m->mm, m->from);
	long error = 0, place;

	if (m->old_length >= m->new_length) {
		if (m->old_length > m->new_length)
			error = unmap_tail(m, &edits->tail);
		return error ? error : (long)m->from;
	}
	error = check_source(m, vma);
	if (error)
		return error;
	vma_edit_begin(&edits->move, m->mm);
	if (can_extend(m, vma))
		return extend(m, &edits->move, vma);
	if (!(m->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	place = get_unmapped_area(m->mm, 0, m->new_length, 0);
	if (place < 0)
		return place;
	m->to = place;
	return move_mapping(m, &edits->move, vma);
}

static long remap_locked(struct move *m, struct move_edits *edits)
{
	if (!vma_lookup(m->mm, m->from))
		return -EFAULT;
	if (m->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return move_to(m, edits);
	return resize(m, edits);
}

static long do_mremap(struct move *m)
{
	struct move_edits edits = {.target = {.tree = NULL}};
	long result;

	result = MUTEX_LOCKED(&m->mm->lock, remap_locked(m, &edits));
	vma_edit_end(&edits.target);
	vma_edit_end(&edits.tail);
	vma_edit_end(&edits.move);
	if (result >= 0 && m->populate && m->new_length > m->old_length)
		mm_populate(m->mm, m->to + m->old_length, m->to + m->new_length);
	return result;
}

long sys_mremap(unsigned long address, unsigned long old_length, unsigned long new_length,
		unsigned long flags, unsigned long new_address)
{
	struct move m = {.mm = current->mm,
			 .from = address,
			 .to = new_address,
			 .flags = flags,
			 .old_length = ALIGN_UP(old_length, PAGE_SIZE),
			 .new_length = ALIGN_UP(new_length, PAGE_SIZE)};

	if (flags & ~(unsigned long)(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) &&
	    (!(flags & MREMAP_MAYMOVE) || m.old_length != m.new_length))
		return -EINVAL;
	if ((address & ~PAGE_MASK) || !m.new_length)
		return -EINVAL;
	return do_mremap(&m);
}
