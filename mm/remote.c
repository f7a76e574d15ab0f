/*
 * Reaching into another process's memory, for exec (which fills the stack of a program that does
 * not run yet) and debuggers.
 *
 * Each page is made present as a fault of the owner would make it, and copied under the lock of the
 * mm: so no fork can come between breaking copy-on-write and the write. buf is kernel memory, hence
 * never faults.
 *
 * force is a debugger's right: to read what is mapped but not readable, and to write where the
 * mapping is private, whatever it allows its owner. Such a write is made in a copy, which is the
 * process's own.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/pgtable.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/vma.h>

struct remote {
	struct mm_struct *mm;
	bool write, force;
};

static bool allowed(const struct vma *vma, const struct remote *r)
{
	if (r->write)
		return (vma->flags & VM_WRITE) || (r->force && vma_flags_cow(vma->flags));
	return (vma->flags & VM_READ) || (r->force && (vma->flags & VM_MAYREAD));
}

/* A copy takes the place of a page that the mapping lets nobody write to, and has its rights: the
 * owner's threads run meanwhile, and must not get more. */
static enum fault_result replace_page(struct mm_struct *mm, struct vma *vma, unsigned long address)
{
	enum fault_result result = fault_in_page(mm, vma, address, false);
	struct page *copy;
	bool writable;

	if (result != FAULT_OK)
		return result;
	copy = alloc_data_page();
	if (!copy)
		return FAULT_OOM;
	copy_page(page_address(copy), page_address(pgtable_lookup(mm, address, &writable)));
	if (!pgtable_map(mm, address, copy, vma_rights(vma->flags)))
		return FAULT_OK;
	put_page(copy);
	return FAULT_OOM;
}

/* Makes the page present and, to be written, one's own. */
static enum fault_result reach_page(const struct remote *r, struct vma *vma, unsigned long address)
{
	if (r->write && !(vma->flags & VM_WRITE))
		return replace_page(r->mm, vma, address);
	return fault_in_page(r->mm, vma, address, r->write);
}

static enum fault_result copy_locked(const struct remote *r, unsigned long address, void *buf,
				     size_t n)
{
	unsigned long start = address & PAGE_MASK;
	enum fault_result result;
	struct vma *vma;
	struct page *page;
	bool writable;
	void *bytes;

	result = find_or_grow(r->mm, start, &vma);
	if (result != FAULT_OK)
		return result;
	if (!allowed(vma, r))
		return FAULT_ACCERR;
	result = reach_page(r, vma, start);
	page = result == FAULT_OK ? pgtable_lookup(r->mm, start, &writable) : NULL;
	if (page) {
		bytes = (char *)page_address(page) + (address - start);
		memcpy(r->write ? bytes : buf, r->write ? buf : bytes, n);
	}
	return result;
}

static enum fault_result copy_part(const struct remote *r, unsigned long address, void *buf,
				   size_t n)
{
	enum fault_result result;

	do {
		result = MUTEX_LOCKED(&r->mm->lock, copy_locked(r, address, buf, n));
	} while (result == FAULT_OOM && wait_for_memory());
	return result;
}

struct mm_struct *mm_access(struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (mm && mm != current->mm && !may_inspect(task, INSPECT_BY_REAL_IDS)) {
		mm_put(mm);
		return ERR_PTR(-EACCES);
	}
	return mm ? mm : ERR_PTR(-ESRCH);
}

size_t access_remote_vm(struct mm_struct *mm, unsigned long address, void *buf, size_t n,
			bool write, bool force)
{
	const struct remote r = {.mm = mm, .write = write, .force = force};
	size_t done = 0, part;

	while (done < n && address + done < TASK_SIZE_MAX) {
		part = MIN(n - done, PAGE_SIZE - ((address + done) & ~PAGE_MASK));
		if (copy_part(&r, address + done, (char *)buf + done, part) != FAULT_OK)
			break;
		done += part;
	}
	return done;
}
