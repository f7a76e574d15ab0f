/*
 * madvise(2): what a program knows about its memory.
 *
 * A table says for each advice which mappings it is not for and what it does to the others: nothing
 * (it is about the speed of disks, huge or equal pages, core dumps, none of which Tine has, and no
 * program can see it), drop the pages, or set flags that fork obeys. Holes in the range do not keep
 * the rest from being advised, but make the result ENOMEM.
 *
 * process_madvise(2) gives advice on another process's memory, of those kinds that no program can
 * see the effect of.
 *
 * MADV_FREE may drop the pages at any time until they are written again; here it is at once.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/file.h>
#include <tine/iov_iter.h>
#include <tine/pidfd.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/vma.h>
#include <uapi/falloc.h>
#include <uapi/mman.h>

#define FAST_RANGES 8

struct advice {
	int number;
	u32 refused;    /* EINVAL for mappings with any of these flags */
	bool remote;    /* process_madvise may give it */
	bool anonymous; /* EINVAL for mappings of files, shared memory among them */
	u32 set, clear; /* flags */
	int (*apply)(struct mm_struct *mm, const struct vma *vma, unsigned long start,
		     unsigned long end); /* may be NULL */
};

/* What MADV_REMOVE takes from one file. */
struct hole {
	loff_t offset, length;
	unsigned long next; /* where to go on */
	bool skipped;       /* nothing was mapped before it */
};

static int drop_pages(struct mm_struct *mm, const struct vma *vma, unsigned long start,
		      unsigned long end)
{
	return zap_range(mm, start, end);
}

static const struct advice advices[] = {
	{.number = MADV_NORMAL},
	{.number = MADV_RANDOM},
	{.number = MADV_SEQUENTIAL},
	{.number = MADV_WILLNEED, .remote = true},
	{.number = MADV_DONTNEED, .refused = VM_LOCKED | VM_IO, .apply = drop_pages},
	{.number = MADV_DONTNEED_LOCKED, .refused = VM_IO, .apply = drop_pages},
	{.number = MADV_FREE,
	 .refused = VM_LOCKED | VM_UNCOUNTED,
	 .anonymous = true,
	 .apply = drop_pages},
	{.number = MADV_DONTFORK, .refused = VM_IO, .set = VM_DONTCOPY},
	{.number = MADV_DOFORK, .refused = VM_IO, .clear = VM_DONTCOPY},
	{.number = MADV_WIPEONFORK,
	 .refused = VM_UNCOUNTED,
	 .anonymous = true,
	 .set = VM_WIPEONFORK},
	{.number = MADV_KEEPONFORK, .clear = VM_WIPEONFORK},
	{.number = MADV_DONTDUMP},
	{.number = MADV_DODUMP, .refused = VM_DONTEXPAND},
	{.number = MADV_MERGEABLE},
	{.number = MADV_UNMERGEABLE},
	{.number = MADV_HUGEPAGE},
	{.number = MADV_NOHUGEPAGE},
	{.number = MADV_COLD, .refused = VM_LOCKED | VM_IO, .remote = true},
	{.number = MADV_PAGEOUT, .refused = VM_LOCKED | VM_IO, .remote = true},
	{.number = MADV_COLLAPSE,
	 .refused = ~0u,
	 .remote = true}, /* no range can be made a huge page */
};

/* One mapping's part [start, end). */
static int advise_part(struct mm_struct *mm, const struct vma *vma, const struct advice *advice,
		       unsigned long start, unsigned long end)
{
	if ((vma->flags & advice->refused) || (advice->anonymous && vma->file))
		return -EINVAL;
	if (advice->apply)
		return advice->apply(mm, vma, start, end);
	return vma_change_flags(mm, vma, start, end, (vma->flags & ~advice->clear) | advice->set);
}

static int advise_locked(struct mm_struct *mm, const struct advice *advice, unsigned long start,
			 unsigned long end)
{
	int error, result = 0;

	while (start < end) {
		struct vma *vma = vma_find(mm, start);
		unsigned long stop;

		if (!vma || vma->start > start)
			result = -ENOMEM;
		if (!vma || vma->start >= end)
			break;
		stop = MIN(vma->end, end);
		error = advise_part(mm, vma, advice, MAX(start, vma->start), stop);
		if (error)
			return error;
		start = stop;
	}
	return result;
}

/* --- MADV_POPULATE_READ, MADV_POPULATE_WRITE --- */

static int fault_in_locked(struct mm_struct *mm, unsigned long address, bool write)
{
	struct vma *vma = vma_lookup(mm, address);

	if (!vma)
		return -ENOMEM;
	if (!(vma->flags & (write ? VM_WRITE : VM_READ)) || (vma->flags & VM_IO))
		return -EINVAL;
	switch (fault_in_page(mm, vma, address, write)) {
	case FAULT_OK:
		return 0;
	case FAULT_OOM:
		return -EAGAIN;
	default:
		return -EFAULT;
	}
}

static int populate(struct mm_struct *mm, unsigned long start, unsigned long end, bool write)
{
	int error = 0;

	while (start < end && !error) {
		if (fatal_signal_pending(current))
			return -EINTR;
		error = MUTEX_LOCKED(&mm->lock, fault_in_locked(mm, start, write));
		if (!error)
			start += PAGE_SIZE;
		else if (error == -EAGAIN)
			error = wait_for_memory() ? 0 : -ENOMEM;
	}
	return error;
}

/* --- MADV_REMOVE: a hole in the file behind the mapping --- */

/* The next stretch from *start on: its file (counted) and where in it. ERR_PTR(ENOMEM, EINVAL...) */
static struct file *file_to_punch(struct mm_struct *mm, unsigned long start, unsigned long end,
				  struct hole *hole)
{
	const u32 needed = VM_SHARED | VM_MAYWRITE;
	struct vma *vma = vma_find(mm, start);

	if (!vma || vma->start >= end)
		return ERR_PTR(-ENOMEM);
	if ((vma->flags & VM_LOCKED) || !vma->file)
		return ERR_PTR(-EINVAL);
	if ((vma->flags & needed) != needed)
		return ERR_PTR(-EACCES);
	hole->skipped = vma->start > start;
	start = MAX(start, vma->start);
	hole->next = MIN(vma->end, end);
	hole->offset = (loff_t)(vma_pgoff(vma, start) << PAGE_SHIFT);
	hole->length = hole->next - start;
	return get_file(vma->file);
}

/* The map is not locked while the file is changed, whose locks come first. */
static int punch_out(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	int error, result = 0;
	struct hole hole;

	for (; start < end; start = hole.next) {
		struct file *file;

		file = MUTEX_LOCKED(&mm->lock, file_to_punch(mm, start, end, &hole));
		if (IS_ERR(file))
			return PTR_ERR(file);
		error = vfs_fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, hole.offset,
				      hole.length);
		fput(file);
		if (error)
			return error;
		if (hole.skipped)
			result = -ENOMEM;
	}
	return result;
}

static const struct advice *find_advice(int number)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(advices); i++)
		if (advices[i].number == number)
			return &advices[i];
	return NULL;
}

static long do_madvise(struct mm_struct *mm, unsigned long start, size_t length, int number)
{
	bool populating = number == MADV_POPULATE_READ || number == MADV_POPULATE_WRITE;
	const struct advice *advice = find_advice(number);
	unsigned long end = start + ALIGN_UP(length, PAGE_SIZE);

	if ((!advice && !populating && number != MADV_REMOVE) || (start & ~PAGE_MASK))
		return -EINVAL;
	if ((length && end == start) || end < start)
		return -EINVAL;
	if (populating)
		return populate(mm, start, end, number == MADV_POPULATE_WRITE);
	if (number == MADV_REMOVE)
		return punch_out(mm, start, end);
	return MUTEX_LOCKED(&mm->lock, advise_locked(mm, advice, start, end));
}

long sys_madvise(unsigned long start, size_t length, int number)
{
	return do_madvise(current->mm, start, length, number);
}

/* --- process_madvise --- */

/* Bytes advised, or the first error. */
static long advise_ranges(struct mm_struct *mm, struct iov_iter *ranges, int number)
{
	size_t total = ranges->count;
	long error = 0;

	while (ranges->count && !error) {
		error = do_madvise(mm, (unsigned long)ranges->at, ranges->left, number);
		if (!error)
			iov_iter_advance(ranges, ranges->left);
	}
	return ranges->count < total ? (long)(total - ranges->count) : error;
}

static long advise_task(struct task_struct *task, struct iov_iter *ranges, int number)
{
	const struct advice *advice = find_advice(number);
	struct mm_struct *mm;
	long result;

	if (!advice || !advice->remote)
		return -EINVAL;
	mm = mm_access(task);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	result = capable(CAP_SYS_NICE) ? advise_ranges(mm, ranges, number) : -EPERM;
	mm_put(mm);
	return result;
}

long sys_process_madvise(int pidfd, const struct iovec __user *user, size_t n, int number,
			 unsigned int flags)
{
	struct iovec fast[FAST_RANGES], *big SCOPED(kfree) = NULL;
	struct task_struct *task;
	struct iov_iter ranges;
	long result;

	if (flags)
		return -EINVAL;
	result = import_iovec(user, n, fast, FAST_RANGES, &big, &ranges);
	if (result < 0)
		return result;
	task = pidfd_get_task(pidfd);
	if (IS_ERR(task))
		return PTR_ERR(task);
	result = advise_task(task, &ranges, number);
	put_task_struct(task);
	return result;
}
