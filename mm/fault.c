/*
 * Page faults: what happens when a program touches an address that its page tables do not allow.
 *
 *   address --> mapping (or a stack to grow)   --> MAPERR
 *           --> is this access allowed there?  --> ACCERR
 *           --> the page:           read                        write
 *                 anonymous         the zero page               a new zeroed page
 *                 private, of file  the file's page             a copy of it
 *                 shared            the file's page (a shared anonymous mapping has a file too)
 *                 already there     nothing to do               copy-on-write (mm/pgtable.c)
 *
 * The mm's lock is held throughout, so two threads that touch the same page come one after the
 * other, and the second finds the work done. Faults for nothing are ordinary: a CPU may still
 * remember that an entry was missing or read-only. They must simply be answered by "try again",
 * which is why the page tables are looked at first, not why the processor said it faulted.
 *
 * Getting a file's page may sleep and takes the file's mapping lock, which comes after the mm's.
 * Locks of inodes come before it: so reads and writes of files must not copy to or from user memory
 * while they hold a lock that get_page takes.
 *
 * When memory is short the lock is let go, the out-of-memory killer runs, and the fault is tried
 * again.
 */
#include <tine/err.h>
#include <tine/fail.h>
#include <tine/file.h>
#include <tine/pgtable.h>
#include <tine/task.h>
#include <tine/vma.h>

#define FAULT_AROUND 16 /* pages, a power of two */

/* --- Stacks --- */

static bool stack_may_grow(struct mm_struct *mm, const struct vma *vma, unsigned long address)
{
	unsigned long pages = (vma->start - address) >> PAGE_SHIFT;
	const struct vma *below = vma_below(mm, vma->start);

	if (address < MMAP_MIN_ADDR)
		return false;
	if (below && !(below->flags & VM_GROWSDOWN) && (below->flags & VM_ACCESS) &&
	    address < below->end + STACK_GUARD_GAP)
		return false;
	return vma->end - address <= rlimit(RLIMIT_STACK) && may_expand_mm(mm, vma->flags, pages) &&
	       may_lock(mm, vma->flags, pages) && enough_memory(pages);
}

static enum fault_result expand_stack(struct mm_struct *mm, struct vma *vma, unsigned long address)
{
	u64 pgoff = vma->pgoff - ((vma->start - address) >> PAGE_SHIFT);

	if (!(vma->flags & VM_GROWSDOWN) || !stack_may_grow(mm, vma, address))
		return FAULT_MAPERR;
	vma = vma_alloc(address, vma->end, vma->flags, vma->file, pgoff);
	return vma_map(mm, vma) ? FAULT_OOM : FAULT_OK;
}

enum fault_result find_or_grow(struct mm_struct *mm, unsigned long address, struct vma **found)
{
	struct vma *vma = vma_find(mm, address);
	enum fault_result result;

	if (!vma)
		return FAULT_MAPERR;
	if (unlikely(vma->start > address)) {
		result = expand_stack(mm, vma, address);
		if (result != FAULT_OK)
			return result;
		vma = vma_find(mm, address);
	}
	*found = vma;
	return FAULT_OK;
}

/* --- Pages --- */

static enum fault_result install(struct mm_struct *mm, unsigned long address, struct page *page,
				 unsigned int rights)
{
	if (!pgtable_map(mm, address, page, rights)) {
		mm->touched_pages++;
		return FAULT_OK;
	}
	if (!(rights & PG_UNCOUNTED))
		put_page(page);
	return FAULT_OOM;
}

static enum fault_result install_zeroed(struct mm_struct *mm, const struct vma *vma,
					unsigned long address)
{
	struct page *page = alloc_zeroed_data_page();

	return page ? install(mm, address, page, vma_rights(vma->flags) | PG_WRITE) : FAULT_OOM;
}

static enum fault_result install_zero_page(struct mm_struct *mm, const struct vma *vma,
					   unsigned long address)
{
	unsigned int rights = vma_rights(vma->flags) & ~PG_WRITE;

	return install(mm, address, zero_page, rights | PG_UNCOUNTED);
}

static enum fault_result install_copy(struct mm_struct *mm, const struct vma *vma,
				      unsigned long address, struct page *original)
{
	struct page *page = alloc_data_page();

	if (page)
		copy_page(page_address(page), page_address(original));
	put_page(original);
	return page ? install(mm, address, page, vma_rights(vma->flags) | PG_WRITE) : FAULT_OOM;
}

/* Who reads one page of a file reads its neighbours soon: those that are in memory are mapped with it,
 * read-only. */
enum fault_result map_around(struct mm_struct *mm, const struct vma *vma, unsigned long address)
{
	const unsigned int rights = vma_rights(vma->flags) & ~PG_WRITE;
	unsigned long first = ALIGN_DOWN(address, FAULT_AROUND * PAGE_SIZE);
	unsigned long start = MAX(vma->start, first);
	unsigned long end = MIN(vma->end, first + FAULT_AROUND * PAGE_SIZE);
	unsigned int n = (end - start) >> PAGE_SHIFT;
	struct page *pages[FAULT_AROUND];
	int mapped = -ENOENT;

	vma->file->ops->get_pages(vma->file, vma_pgoff(vma, start), pages, n);
	if (likely(pages[(address - start) >> PAGE_SHIFT]))
		mapped = pgtable_map_around(mm, start, pages, n, rights);
	if (likely(mapped >= 0)) {
		mm->touched_pages += mapped;
		return FAULT_OK;
	}
	for (unsigned int i = 0; i < n; i++)
		if (pages[i])
			put_page(pages[i]);
	return mapped == -ENOMEM ? FAULT_OOM : FAULT_BUS;
}

/* A write to a private mapping leaves a hole in the file a hole; every other access has to see what
 * others write there. */
static enum fault_result install_file_page(struct mm_struct *mm, const struct vma *vma,
					   unsigned long address, bool write)
{
	bool shared = vma->flags & VM_SHARED, copy = write && !shared;
	unsigned int rights = vma_rights(vma->flags);
	enum fault_result result = FAULT_BUS;
	struct page *page;

	if (!shared && !write)
		result = map_around(mm, vma, address);
	if (result != FAULT_BUS)
		return result;
	page = vma->file->ops->get_page(vma->file, vma_pgoff(vma, address), !copy);
	if (IS_ERR(page))
		return PTR_ERR(page) == -ENOMEM ? FAULT_OOM : FAULT_BUS;
	if (!page)
		return copy ? install_zeroed(mm, vma, address)
			    : install_zero_page(mm, vma, address);
	if (copy)
		return install_copy(mm, vma, address, page);
	return install(mm, address, page, shared ? rights : rights & ~PG_WRITE);
}

/* The kernel's own page; a debugger that writes to it gets a copy. */
static enum fault_result install_vdso_page(struct mm_struct *mm, const struct vma *vma,
					   unsigned long address, bool write)
{
	unsigned int rights = (vma_rights(vma->flags) & ~PG_WRITE) | PG_UNCOUNTED;
	struct page *page = arch_vdso_page(vma_pgoff(vma, address));
	enum fault_result result;

	if (!page)
		return FAULT_BUS;
	result = install(mm, address, page, rights);
	if (result == FAULT_OK && write && pgtable_write_fault(mm, address))
		result = FAULT_OOM;
	return result;
}

static enum fault_result install_page(struct mm_struct *mm, const struct vma *vma,
				      unsigned long address, bool write)
{
	if (vma->flags & VM_UNCOUNTED)
		return install_vdso_page(mm, vma, address, write);
	if (vma->file)
		return install_file_page(mm, vma, address, write);
	return write ? install_zeroed(mm, vma, address) : install_zero_page(mm, vma, address);
}

enum fault_result fault_in_page(struct mm_struct *mm, struct vma *vma, unsigned long address,
				bool write)
{
	bool writable;
	int error;

	if (write) {
		error = pgtable_write_fault(mm, address);
		if (error != -ENOENT)
			return error ? FAULT_OOM : FAULT_OK;
	} else if (pgtable_lookup(mm, address, &writable)) {
		return FAULT_OK;
	}
	return install_page(mm, vma, address, write);
}

/* --- The fault --- */

static bool access_allowed(const struct vma *vma, enum fault_access access)
{
	static const u32 needed[] = {
		[FAULT_READ] = VM_ACCESS, /* the processor cannot forbid only reading */
		[FAULT_WRITE] = VM_WRITE,
		[FAULT_EXEC] = VM_EXEC,
	};

	return vma->flags & needed[access];
}

static enum fault_result fault_locked(struct mm_struct *mm, unsigned long address,
				      enum fault_access access)
{
	struct vma *vma;
	enum fault_result result = find_or_grow(mm, address, &vma);

	if (result != FAULT_OK)
		return result;
	if (!access_allowed(vma, access))
		return FAULT_ACCERR;
	return fault_in_page(mm, vma, address, access == FAULT_WRITE);
}

static enum fault_result fault_until_memory(struct mm_struct *mm, unsigned long address,
					    enum fault_access access)
{
	enum fault_result result;

	for (;;) {
		result = MUTEX_LOCKED(&mm->lock, fault_locked(mm, address, access));
		if (likely(result != FAULT_OOM))
			return result;
		if (!wait_for_memory())
			return fatal_signal_pending(current) ? FAULT_KILLED : FAULT_OOM;
	}
}

enum fault_result handle_page_fault(struct mm_struct *mm, unsigned long address,
				    enum fault_access access)
{
	enum fault_result result;
	bool suspended;

	if (address >= TASK_SIZE_MAX)
		return FAULT_MAPERR;
	current->min_flt++;
	suspended = fail_suspend();
	result = fault_until_memory(mm, address & PAGE_MASK, access);
	fail_resume(suspended);
	return result;
}

bool wait_for_memory(void)
{
	return !fatal_signal_pending(current) && out_of_memory();
}

/* --- Without being asked by the processor --- */

/* Faults in the page at *at, if it is mapped, and moves *at on: to the next page or mapping. */
static enum fault_result populate_page(struct mm_struct *mm, unsigned long *at, unsigned long end)
{
	struct vma *vma = vma_find(mm, *at);
	enum fault_result result = FAULT_ACCERR;
	unsigned long stop = vma ? vma->end : end;

	*at = vma ? MAX(*at, vma->start) : end;
	if (*at >= end)
		return FAULT_OK;
	if (vma->flags & (VM_LOCKONFAULT | VM_UNCOUNTED))
		result = FAULT_OK;
	else if (vma->flags & VM_ACCESS)
		result = fault_in_page(mm, vma, *at,
				       (vma->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE);
	if (result == FAULT_OK && !(vma->flags & (VM_LOCKONFAULT | VM_UNCOUNTED)))
		stop = *at + PAGE_SIZE;
	if (result != FAULT_OOM)
		*at = stop;
	return result;
}

int mm_populate(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	enum fault_result result;
	int error = 0;

	while (start < end) {
		if (fatal_signal_pending(current))
			return -EINTR;
		result = MUTEX_LOCKED(&mm->lock, populate_page(mm, &start, end));
		if (result == FAULT_OOM && !wait_for_memory())
			return -ENOMEM;
		if (result != FAULT_OK && result != FAULT_OOM)
			error = -EFAULT;
	}
	return error;
}
