/*
 * mmap(2) and munmap(2): where a mapping goes, whether it may be made, and making it.
 *
 * do_mmap works in the order in which Linux checks: the request itself, the place, what the kind of
 * mapping asks for, the limits. The first that is wrong decides the errno. Only then is the map
 * changed, as one edit: what MAP_FIXED replaces goes and the new mapping comes, or neither.
 *
 * Pages and mappings go in this order: when something is unmapped, the draft without it is ready
 * first (so that memory cannot run out any more), then the page tables are emptied, then the draft
 * becomes the map; all under the mm's lock, so no fault comes in between. The old map is dropped
 * after the lock, since closing a file takes locks that come before it.
 *
 * Pages are not reserved, but counted as promised (mm/commit.c).
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/file.h>
#include <tine/pgtable.h>
#include <tine/printk.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/vma.h>
#include <uapi/mman.h>
#include <uapi/personality.h>

#define MMAP_32BIT_LOW  0x40000000ul /* where MAP_32BIT mappings go */
#define MMAP_32BIT_HIGH 0x80000000ul

/* The flags that MAP_SHARED_VALIDATE accepts. */
#define MAP_KNOWN                                                                                \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE |      \
	 MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | \
	 MAP_HUGETLB | ((unsigned long)MAP_HUGE_MASK << MAP_HUGE_SHIFT))

/* A mapping being made. */
struct request {
	struct mm_struct *mm;
	struct file *file;
	unsigned long address, length;
	unsigned int prot;   /* PROT_ */
	unsigned long flags; /* MAP_ */
	u64 pgoff;
	u32 vm_flags;
};

/* --- Limits --- */

static bool within_limit(unsigned long used, unsigned long more, unsigned long limit)
{
	return used + more <= limit >> PAGE_SHIFT;
}

bool may_expand_mm(const struct mm_struct *mm, u32 flags, unsigned long pages)
{
	const struct rlimit *data = &current->signal->rlim[RLIMIT_DATA];

	if (!within_limit(mm->map.total_pages, pages, rlimit(RLIMIT_AS)))
		return false;
	if (!vma_flags_data(flags) ||
	    within_limit(mm->map.data_pages, pages, READ_ONCE(data->rlim_cur)))
		return true;
	/* A soft limit of 0 is how some programs keep brk from working; as on Linux the hard limit
	 * counts then. */
	return READ_ONCE(data->rlim_cur) == 0 &&
	       within_limit(mm->map.data_pages, pages, READ_ONCE(data->rlim_max));
}

/* Does a mapping with these flags count against memory as it is made? */
static bool charged(u32 flags)
{
	return (flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/* The pages mapped in [start, end), which replacing them gives back. */
static unsigned long mapped_pages(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	unsigned long pages = 0;

	for (struct vma *vma = vma_find(mm, start); vma && vma->start < end;
	     vma = vma_find(mm, vma->end))
		pages += (MIN(vma->end, end) - MAX(vma->start, start)) >> PAGE_SHIFT;
	return pages;
}

/* --- The place --- */

/* True if a mapping can be made at the place that the caller hints at. */
static bool hint_is_free(struct mm_struct *mm, unsigned long address, unsigned long length)
{
	const struct vma *vma;

	if (TASK_SIZE_MAX - length < address)
		return false;
	vma = vma_find(mm, address);
	return !vma || (vma->start > address && address + length <= vma_start_gap(vma));
}

static unsigned long find_place(struct mm_struct *mm, unsigned long address, unsigned long length,
				unsigned int flags)
{
	unsigned long found;

	if (flags & MAP_32BIT)
		return vma_free_range(mm, MMAP_32BIT_LOW, MMAP_32BIT_HIGH, length);
	if (address && hint_is_free(mm, ALIGN_DOWN(address, PAGE_SIZE), length))
		return ALIGN_DOWN(address, PAGE_SIZE);
	found = vma_free_range(mm, MMAP_MIN_ADDR, mm->mmap_base, length);
	return found ? found : vma_free_range(mm, mm->mmap_base, TASK_SIZE_MAX, length);
}

long get_unmapped_area(struct mm_struct *mm, unsigned long address, unsigned long length,
		       unsigned int flags)
{
	if (length > TASK_SIZE_MAX)
		return -ENOMEM;
	if (!(flags & MAP_FIXED)) {
		address = find_place(mm, address, length, flags);
		if (!address)
			return -ENOMEM;
	}
	if (address > TASK_SIZE_MAX - length)
		return -ENOMEM;
	if (address & ~PAGE_MASK)
		return -EINVAL;
	if (address < MMAP_MIN_ADDR && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	return address;
}

/* --- What a mapping may be --- */

u32 vma_prot_flags(unsigned long prot)
{
	_Static_assert(PROT_READ == VM_READ && PROT_WRITE == VM_WRITE && PROT_EXEC == VM_EXEC,
		       "PROT_ bits are VM_ bits");
	return prot & VM_ACCESS;
}

unsigned long implied_exec(unsigned long prot)
{
	bool implied = (prot & PROT_READ) && (current->personality & READ_IMPLIES_EXEC);

	return implied ? PROT_EXEC : 0;
}

unsigned int vma_rights(u32 flags)
{
	unsigned int rights = flags & VM_SHARED ? PG_SHARED : 0;

	if (!(flags & VM_ACCESS))
		return rights | PG_NONE;
	if (flags & VM_WRITE)
		rights |= PG_WRITE;
	if (flags & VM_EXEC)
		rights |= PG_EXEC;
	return rights;
}

static int check_shared_file(struct request *r)
{
	if ((r->prot & PROT_WRITE) && !(r->file->mode & FMODE_WRITE))
		return -EACCES;
	r->vm_flags |= VM_SHARED;
	if (!(r->file->mode & FMODE_WRITE))
		r->vm_flags &= ~VM_MAYWRITE;
	return 0;
}

/* No file is longer than 2^63 - 1 bytes, so no mapping may show what would be behind that. */
static bool within_any_file(const struct request *r)
{
	u64 last = (1ull << 63) - 1;

	return r->length <= last && r->pgoff <= (last - r->length) >> PAGE_SHIFT;
}

static int check_file(struct request *r)
{
	int error = 0;

	if (!within_any_file(r))
		return -EOVERFLOW;
	switch (r->flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (r->flags & ~(unsigned long)MAP_KNOWN)
			return -EOPNOTSUPP;
		error = check_shared_file(r);
		break;
	case MAP_SHARED:
		error = check_shared_file(r);
		break;
	case MAP_PRIVATE:
		break;
	default:
		return -EINVAL;
	}
	if (error)
		return error;
	if (!(r->file->mode & FMODE_READ))
		return -EACCES;
	if (file_noexec(r->file)) {
		if (r->vm_flags & VM_EXEC)
			return -EPERM;
		r->vm_flags &= ~VM_MAYEXEC;
	}
	if (!r->file->ops->get_page && !r->file->ops->maps_anonymous)
		return -ENODEV;
	return r->flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

static int check_anonymous(struct request *r)
{
	switch (r->flags & MAP_TYPE) {
	case MAP_SHARED:
		if (r->flags & MAP_GROWSDOWN)
			return -EINVAL;
		r->vm_flags |= VM_SHARED;
		r->pgoff = 0;
		return 0;
	case MAP_PRIVATE:
		r->pgoff = r->address >> PAGE_SHIFT;
		return 0;
	default:
		return -EINVAL;
	}
}

static int check_locked(const struct request *r)
{
	if (!(r->vm_flags & VM_LOCKED))
		return 0;
	if ((r->flags & MAP_LOCKED) && !may_lock_any())
		return -EPERM;
	return may_lock(r->mm, r->vm_flags, r->length >> PAGE_SHIFT) ? 0 : -EAGAIN;
}

static int check_limits(struct request *r)
{
	unsigned long pages = r->length >> PAGE_SHIFT, replaced;

	if (!may_expand_mm(r->mm, r->vm_flags, pages)) {
		replaced = mapped_pages(r->mm, r->address, r->address + r->length);
		if (!may_expand_mm(r->mm, r->vm_flags, pages - replaced))
			return -ENOMEM;
	}
	if (!charged(r->vm_flags))
		return 0;
	r->vm_flags |= VM_ACCOUNT;
	return enough_memory(pages) ? 0 : -ENOMEM;
}

static u32 initial_vm_flags(const struct request *r)
{
	u32 flags = vma_prot_flags(r->prot) | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC |
		    r->mm->def_flags;

	if (r->flags & MAP_GROWSDOWN)
		flags |= VM_GROWSDOWN;
	if (r->flags & MAP_LOCKED)
		flags |= VM_LOCKED;
	if ((r->flags & MAP_NORESERVE) && READ_ONCE(overcommit_memory) != OVERCOMMIT_NEVER)
		flags |= VM_NORESERVE;
	return flags;
}

/* The request alone, before any place is looked for. */
static int check_request(struct request *r)
{
	if (!r->length)
		return -EINVAL;
	if (r->flags & MAP_FIXED_NOREPLACE)
		r->flags |= MAP_FIXED;
	if (!(r->flags & MAP_FIXED)) {
		r->address = ALIGN_DOWN(r->address, PAGE_SIZE);
		if (r->address && r->address < MMAP_MIN_ADDR)
			r->address = MMAP_MIN_ADDR;
	}
	r->length = ALIGN_UP(r->length, PAGE_SIZE);
	if (!r->length)
		return -ENOMEM;
	if (r->pgoff + (r->length >> PAGE_SHIFT) < r->pgoff)
		return -EOVERFLOW;
	return (int)r->mm->map.count > READ_ONCE(max_map_count) ? -ENOMEM : 0;
}

static void forget_file(struct request *r)
{
	r->file = NULL;
	r->pgoff = r->vm_flags & VM_SHARED ? 0 : r->address >> PAGE_SHIFT;
}

static int check_mapping(struct request *r)
{
	long place = get_unmapped_area(r->mm, r->address, r->length, r->flags);
	int error;

	if (place < 0)
		return place;
	r->address = place;
	if ((r->flags & MAP_FIXED_NOREPLACE) && vma_any(r->mm, r->address, r->address + r->length))
		return -EEXIST;
	r->vm_flags = initial_vm_flags(r);
	error = check_locked(r);
	if (!error)
		error = r->file ? check_file(r) : check_anonymous(r);
	if (!error)
		error = check_limits(r);
	if (!error && r->file && r->file->ops->mmap)
		error = r->file->ops->mmap(r->file, &r->vm_flags);
	if (!error && r->file && r->file->ops->maps_anonymous)
		forget_file(r);
	return error;
}

/* --- Making and removing --- */

int zap_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	int error;

	/* Only copying a shared node at an edge takes memory, a page at most for each level. */
	while ((error = pgtable_unmap(mm, start, end)) == -ENOMEM)
		if (!wait_for_memory())
			break;
	return error;
}

int unmap_range(struct vma_edit *edit, unsigned long start, unsigned long end)
{
	int error;

	vma_edit_unmap(edit, start, end);
	error = vma_edit_check(edit);
	if (!error)
		error = zap_range(edit->mm, start, end);
	return error ? error : vma_edit_commit(edit);
}

/* The draft is complete before the old pages go, so what was mapped there is lost only if the new
 * mapping comes. */
static int make_mapping(struct vma_edit *edit, const struct request *r)
{
	unsigned long end = r->address + r->length;
	bool replaces = vma_any(r->mm, r->address, end);
	int error;

	edit->limit++; /* check_request was the check; Linux, too, lets mmap alone reach this */
	vma_edit_map(edit, vma_alloc(r->address, end, r->vm_flags, r->file, r->pgoff));
	if (!replaces)
		return vma_edit_commit(edit);
	error = vma_edit_check(edit);
	if (!error)
		error = zap_range(r->mm, r->address, end);
	return error ? error : vma_edit_commit(edit);
}

/* A file of its own for a shared anonymous mapping: the caller of do_mmap has one reference on it,
 * and drops it. */
static long add_shared_memory(struct request *r)
{
	struct file *file;

	if (r->file || !(r->vm_flags & VM_SHARED))
		return 0;
	if (!(r->vm_flags & VM_NORESERVE) && !enough_memory(r->length >> PAGE_SHIFT))
		return -ENOMEM;
	file = shmem_file_setup("/dev/zero", r->length);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (!(r->vm_flags & VM_NORESERVE))
		shmem_reserve(file);
	r->file = file;
	return 0;
}

static long map_locked(struct request *r, struct vma_edit *edit)
{
	long error = check_request(r);

	if (!error)
		error = check_mapping(r);
	if (!error)
		error = add_shared_memory(r);
	if (!error)
		error = make_mapping(edit, r);
	return error;
}

static bool wants_populate(const struct request *r)
{
	return (r->vm_flags & VM_LOCKED) ||
	       (r->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
}

long do_mmap(struct mm_struct *mm, struct file *file, unsigned long address, unsigned long length,
	     unsigned int prot, unsigned long flags, u64 offset)
{
	struct request r = {.mm = mm,
			    .file = file,
			    .address = address,
			    .length = length,
			    .prot = prot,
			    .flags = flags,
			    .pgoff = offset >> PAGE_SHIFT};
	struct vma_edit edit;
	long error;

	mutex_lock(&mm->lock);
	vma_edit_begin(&edit, mm);
	error = map_locked(&r, &edit);
	mutex_unlock(&mm->lock);
	vma_edit_end(&edit);
	if (r.file != file)
		fput(r.file);
	if (error)
		return error;
	if (wants_populate(&r))
		mm_populate(mm, r.address, r.address + r.length);
	return r.address;
}

long do_munmap(struct mm_struct *mm, unsigned long address, unsigned long length)
{
	unsigned long end = address + ALIGN_UP(length, PAGE_SIZE);
	struct vma_edit edit;
	long error = 0;

	if ((address & ~PAGE_MASK) || address > TASK_SIZE_MAX || length > TASK_SIZE_MAX - address)
		return -EINVAL;
	if (end == address)
		return -EINVAL;
	mutex_lock(&mm->lock);
	vma_edit_begin(&edit, mm);
	if (vma_any(mm, address, end))
		error = unmap_range(&edit, address, end);
	mutex_unlock(&mm->lock);
	vma_edit_end(&edit);
	return error;
}

/* --- System calls --- */

/* There are no huge pages: none of a size the processor knows is free, and others do not exist. */
static long check_hugetlb(unsigned long length, unsigned long flags)
{
	unsigned int size = (flags >> MAP_HUGE_SHIFT) & MAP_HUGE_MASK;
	bool exists = size == 0 || size == 21 || size == 30;

	return exists && length ? -ENOMEM : -EINVAL;
}

long sys_mmap(unsigned long address, unsigned long length, unsigned long prot, unsigned long flags,
	      unsigned long fd, unsigned long offset)
{
	struct file *file = NULL;
	long result;

	if (offset & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		file = fget(fd);
		if (!file)
			return -EBADF;
		result = flags & MAP_HUGETLB ? -EINVAL : 0;
	} else {
		result = flags & MAP_HUGETLB ? check_hugetlb(length, flags) : 0;
	}
	if (!file || !file_noexec(file))
		prot |= implied_exec(prot);
	if (!result)
		result = do_mmap(current->mm, file, address, length, prot, flags, offset);
	fput(file);
	return result;
}

/* The file of the shared mappings that cover [start, end) without a gap, counted, and the rights
 * that the first of them gives. EINVAL. */
static struct file *covering_file(struct mm_struct *mm, unsigned long start, unsigned long end,
				  u32 *vm_flags)
{
	const struct vma *first = vma_lookup(mm, start), *vma = first;

	if (!vma || !(vma->flags & VM_SHARED) || !(vma->flags & VM_MAYWRITE))
		return ERR_PTR(-EINVAL);
	while (vma->end < end) {
		const struct vma *next = vma_find(mm, vma->end);

		if (!next || next->start != vma->end || next->file != first->file ||
		    next->flags != first->flags)
			return ERR_PTR(-EINVAL);
		vma = next;
	}
	*vm_flags = first->flags;
	return get_file(first->file);
}

/* As on Linux today: ordinary mappings of the other pages, made over the old ones. */
long sys_remap_file_pages(unsigned long start, size_t size, unsigned long prot, size_t pgoff,
			  unsigned long flags)
{
	struct mm_struct *mm = current->mm;
	struct file *file;
	u32 vm_flags;
	long result;

	start &= PAGE_MASK;
	size &= PAGE_MASK;
	if (prot || start + size <= start || pgoff + (size >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	file = MUTEX_LOCKED(&mm->lock, covering_file(mm, start, start + size, &vm_flags));
	if (IS_ERR(file))
		return PTR_ERR(file);
	flags = (flags & MAP_NONBLOCK) | MAP_SHARED | MAP_FIXED | MAP_POPULATE;
	if (vm_flags & VM_LOCKED)
		flags |= MAP_LOCKED;
	result = pgoff > ~0ul >> PAGE_SHIFT ? -EOVERFLOW
					    : do_mmap(mm, file, start, size, vm_flags & VM_ACCESS,
						      flags, pgoff << PAGE_SHIFT);
	fput(file);
	return MIN(result, 0);
}
