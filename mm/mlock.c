/*
 * mlock(2) and its relatives: memory that must not leave.
 *
 * Nothing leaves memory here but by the program's own wish, so a lock is a flag of the mapping
 * (VM_LOCKED) that keeps madvise and msync from dropping its pages, counts against RLIMIT_MEMLOCK,
 * and brings all its pages in at once; with VM_LOCKONFAULT they come when they are touched. Fork
 * gives no locks to the child (mm/mm.c:cut_map).
 *
 * mlockall(MCL_FUTURE) is mm->def_flags: what every new mapping, and the break, gets.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/vma.h>
#include <uapi/mman.h>

#define LOCK_FLAGS (VM_LOCKED | VM_LOCKONFAULT)

bool may_lock_any(void)
{
	return rlimit(RLIMIT_MEMLOCK) || capable(CAP_IPC_LOCK);
}

bool may_lock(const struct mm_struct *mm, u32 flags, unsigned long pages)
{
	return !(flags & VM_LOCKED) ||
	       mm->map.locked_pages + pages <= rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT ||
	       capable(CAP_IPC_LOCK);
}

/* Gives vma's part [start, end) these lock flags; the kernel's own pages have none. */
static int lock_part(struct mm_struct *mm, const struct vma *vma, unsigned long start,
		     unsigned long end, u32 locks)
{
	if (vma->flags & (VM_DONTEXPAND | VM_UNCOUNTED))
		return 0;
	return vma_change_flags(mm, vma, start, end, (vma->flags & ~LOCK_FLAGS) | locks);
}

/* All of [start, end), which must be mapped without holes: ENOMEM; what is before one is done. */
static int lock_range(struct mm_struct *mm, unsigned long start, unsigned long end, u32 locks)
{
	const struct vma *vma;
	unsigned long stop;
	int error = 0;

	for (; start < end && !error; start = stop) {
		vma = vma_lookup(mm, start);
		if (!vma)
			return -ENOMEM;
		stop = MIN(vma->end, end);
		error = lock_part(mm, vma, start, stop, locks);
	}
	return error;
}

/* The pages of [start, end) that are locked already, and do not count twice. */
static unsigned long locked_within(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long pages = 0;

	for (struct vma *vma = vma_find_flags(mm, start, VM_LOCKED); vma && vma->start < end;
	     vma = vma_find_flags(mm, vma->end, VM_LOCKED))
		pages += (MIN(vma->end, end) - MAX(vma->start, start)) >> PAGE_SHIFT;
	return pages;
}

static int lock_locked(struct mm_struct *mm, unsigned long start, unsigned long end, u32 locks)
{
	unsigned long pages = (end - start) >> PAGE_SHIFT;

	if (end < start)
		return may_lock(mm, locks, pages) ? -EINVAL : -ENOMEM;
	if (!may_lock(mm, locks, pages) &&
	    !may_lock(mm, locks, pages - locked_within(mm, start, end)))
		return -ENOMEM;
	return lock_range(mm, start, end, locks);
}

static long change_locks(unsigned long start, size_t length, u32 locks)
{
	unsigned long end =
		(start & PAGE_MASK) + ALIGN_UP(length + (start & ~PAGE_MASK), PAGE_SIZE);
	struct mm_struct *mm = current->mm;

	start &= PAGE_MASK;
	return MUTEX_LOCKED(&mm->lock, lock_locked(mm, start, end, locks));
}

long sys_mlock2(unsigned long start, size_t length, int flags)
{
	u32 locks = flags ? LOCK_FLAGS : VM_LOCKED;
	long error;

	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	if (!may_lock_any())
		return -EPERM;
	error = change_locks(start, length, locks);
	if (error)
		return error;
	length += start & ~PAGE_MASK;
	start &= PAGE_MASK;
	error = mm_populate(current->mm, start, start + ALIGN_UP(length, PAGE_SIZE));
	/* POSIX's words: EAGAIN for memory that could not be had, ENOMEM for what is not memory. */
	return error == -ENOMEM ? -EAGAIN : error ? -ENOMEM : 0;
}

long sys_munlock(unsigned long start, size_t length)
{
	return change_locks(start, length, 0);
}

/* All there is and, with MCL_FUTURE, all that will be. What cannot be cut for want of memory stays
 * as it was, as on Linux. */
static void lock_all(struct mm_struct *mm, int flags)
{
	u32 locks = flags & MCL_ONFAULT ? LOCK_FLAGS : VM_LOCKED;
	const struct vma *vma;
	unsigned long end;

	mm->def_flags = flags & MCL_FUTURE ? locks : 0;
	if (flags && !(flags & MCL_CURRENT))
		return;
	for (vma = vma_find(mm, 0); vma; vma = vma_find(mm, end)) {
		end = vma->end;
		lock_part(mm, vma, vma->start, end, flags ? locks : 0);
	}
}

long sys_mlockall(int flags)
{
	struct mm_struct *mm = current->mm;
	bool now = flags & MCL_CURRENT;
	long error = 0;

	if (!flags || flags == MCL_ONFAULT || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
		return -EINVAL;
	if (!may_lock_any())
		return -EPERM;
	mutex_lock(&mm->lock);
	if (now && mm->map.total_pages > rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT &&
	    !capable(CAP_IPC_LOCK))
		error = -ENOMEM;
	else
		lock_all(mm, flags);
	mutex_unlock(&mm->lock);
	if (!error && now)
		mm_populate(mm, 0, TASK_SIZE_MAX);
	return error;
}

long sys_munlockall(void)
{
	struct mm_struct *mm = current->mm;

	mutex_lock(&mm->lock);
	lock_all(mm, 0);
	mutex_unlock(&mm->lock);
	return 0;
}
