/*
 * The memory map from inside mm/: its tree and how it is changed (mm/vma.c), and what the system
 * calls on mappings have in common. Everything here is called with the mm's lock held unless it
 * says otherwise.
 */
#pragma once

#include <tine/mm.h>

#define MAX_MAP_COUNT   65530             /* what max_map_count is at first, as on Linux */
#define MMAP_MIN_ADDR   65536ul           /* below it only with CAP_SYS_RAWIO */
#define STACK_GUARD_GAP (256 * PAGE_SIZE) /* kept free below a VM_GROWSDOWN mapping */
#define VM_ACCESS       (VM_READ | VM_WRITE | VM_EXEC)

extern int max_map_count; /* vm.max_map_count: mappings that a process may have */

/*
 * A change of an mm's map: a draft beside the map in use. The draft takes the map's place as a
 * whole or not at all, so whatever fails on the way leaves the old map. vma pointers got from the
 * mm stay good until the commit.
 *
 *	vma_edit_begin(&edit, mm);
 *	vma_edit_map(&edit, vma_alloc(...));
 *	error = vma_edit_commit(&edit);
 *	mutex_unlock(&mm->lock);
 *	vma_edit_end(&edit);
 */
struct vma_edit {
	struct mm_struct *mm;
	struct vma *tree;       /* the draft; once committed, the old map */
	struct map_size growth; /* of the mm's */
	long limit;             /* of mappings after it, if it makes more of them */
	bool failed;            /* out of memory: the draft is only good for vma_edit_end */
};

void vma_edit_begin(struct vma_edit *edit, struct mm_struct *mm);
/* Puts vma (consumed) in the place of all that is mapped in its range, one with its neighbours
 * where they are alike. NULL counts as out of memory, so that an allocation can be the argument. */
void vma_edit_map(struct vma_edit *edit, struct vma *vma);
/* Takes out whatever is mapped in [start, end), cutting mappings at its ends. */
void vma_edit_unmap(struct vma_edit *edit, unsigned long start, unsigned long end);
/* ENOMEM: out of memory, or more mappings than the limit. After 0 the commit cannot fail. */
int vma_edit_check(const struct vma_edit *edit);
/* Makes the draft the map. ENOMEM as vma_edit_check; the map is as it was. */
int vma_edit_commit(struct vma_edit *edit);
/* Drops what is not in use: the draft, or after a commit the old map. It may hold the last
 * reference on a file, whose closing takes locks that come before the mm's: so the lock is not
 * held, unless every file of the loser is known to be held. */
void vma_edit_end(struct vma_edit *edit);
/* All of it for one mapping (consumed), in whose place is none whose file it does not hold too.
 * ENOMEM as vma_edit_commit; the map is as it was, unless it is unborn. */
int vma_map(struct mm_struct *mm, struct vma *vma);

/* A mapping of [start, end), count 1, in no tree; with a reference of its own on file (may be
 * NULL). NULL: out of memory. */
struct vma *vma_alloc(unsigned long start, unsigned long end, u32 flags, struct file *file,
		      u64 pgoff);
/* A new mapping like vma's part [start, end), with other flags. */
struct vma *vma_part(const struct vma *vma, unsigned long start, unsigned long end, u32 flags);
void vma_get(struct vma *vma);
/* Drops a reference, and with the last one all that only vma held. Tolerates NULL. No lock needed;
 * see vma_edit_end. */
void vma_put(struct vma *vma);
void vma_init(void);
/* Makes vma's part [start, end) have other flags, which do not concern its pages. vma may be gone
 * then. ENOMEM: nothing changed. */
int vma_change_flags(struct mm_struct *mm, const struct vma *vma, unsigned long start,
		     unsigned long end, u32 flags);

/* For the end of exec: the map of an unborn mm is a tree from here on. */
void vma_make_tree(struct mm_struct *mm);
/* As vma_find, but only mappings that have any of flags. */
struct vma *vma_find_flags(struct mm_struct *mm, unsigned long address, u32 flags);
/* The mapping that contains address; NULL if none does. */
struct vma *vma_lookup(struct mm_struct *mm, unsigned long address);
/* The highest mapping that ends at or below address; NULL if none. */
struct vma *vma_below(struct mm_struct *mm, unsigned long address);
/* The highest address in [low, high - length] where length bytes are free, guard gaps of stacks
 * respected; 0: none. */
unsigned long vma_free_range(struct mm_struct *mm, unsigned long low, unsigned long high,
			     unsigned long length);

static inline bool vma_any(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	const struct vma *vma = vma_find(mm, start);

	return vma && vma->start < end;
}

static inline unsigned long vma_pages(const struct vma *vma)
{
	return (vma->end - vma->start) >> PAGE_SHIFT;
}

/* The first byte that a new mapping below vma may not touch. */
static inline unsigned long vma_start_gap(const struct vma *vma)
{
	if (!(vma->flags & VM_GROWSDOWN))
		return vma->start;
	return vma->start > STACK_GUARD_GAP ? vma->start - STACK_GUARD_GAP : 0;
}

/* The page of vma's file that address shows. */
static inline u64 vma_pgoff(const struct vma *vma, unsigned long address)
{
	return vma->pgoff + ((address - vma->start) >> PAGE_SHIFT);
}

/* Private and writable: a mapping that RLIMIT_DATA counts. */
static inline bool vma_flags_data(u32 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

/* A private mapping that may get pages of its own. */
static inline bool vma_flags_cow(u32 flags)
{
	return (flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE;
}

/* What the page tables are told about vma's pages: PG_ bits. */
unsigned int vma_rights(u32 flags);
/* PROT_EXEC if current's personality takes it to come with prot, else 0. */
unsigned long implied_exec(unsigned long prot);
/* VM_READ, VM_WRITE, VM_EXEC for PROT_ bits. */
u32 vma_prot_flags(unsigned long prot);

/* mm/mmap.c: limits. RLIMIT_AS and RLIMIT_DATA allow pages more of such a mapping. */
bool may_expand_mm(const struct mm_struct *mm, u32 flags, unsigned long pages);
/* mm/commit.c: vm.overcommit_memory lets as many pages more be promised. */
bool enough_memory(unsigned long pages);
/* Where a mapping of length bytes (page-aligned) goes, by mmap's rules; flags: MAP_FIXED,
 * MAP_32BIT. -errno. */
long get_unmapped_area(struct mm_struct *mm, unsigned long address, unsigned long length,
		       unsigned int flags);
/* Drops all pages in [start, end), not the mappings. ENOMEM only if current is being killed. */
int zap_range(struct mm_struct *mm, unsigned long start, unsigned long end);
/* Unmaps [start, end) through edit, which is committed then. */
int unmap_range(struct vma_edit *edit, unsigned long start, unsigned long end);

/* mm/fault.c. A read of vma's page at address (page-aligned), where no page is mapped: of a private
 * mapping of a file. FAULT_BUS: the page is not in memory, and nothing was done;
 * FAULT_OOM. */
enum fault_result map_around(struct mm_struct *mm, const struct vma *vma, unsigned long address);
/* Makes vma's page at address (page-aligned) present, and one's own if write is set;
 * rights are the caller's care. */
enum fault_result fault_in_page(struct mm_struct *mm, struct vma *vma, unsigned long address,
				bool write);
/*
 * The mapping at address (page-aligned). A stack above it is grown down to it if the rules of
 * stacks allow: then the map has changed. FAULT_MAPERR, FAULT_OOM.
 */
enum fault_result find_or_grow(struct mm_struct *mm, unsigned long address, struct vma **found);
/* What to do when memory was short, without the mm's lock: true if it is worth trying again. */
bool wait_for_memory(void);
/* Faults in all that is mapped in [start, end), to be written where that is private and allowed,
 * but what is only locked on fault. Takes the lock itself. What fails is left out; the first failure
 * is the result: EFAULT, ENOMEM. */
int mm_populate(struct mm_struct *mm, unsigned long start, unsigned long end);

/* mm/mlock.c. RLIMIT_MEMLOCK allows pages more of a mapping with these flags; allows any at all. */
bool may_lock(const struct mm_struct *mm, u32 flags, unsigned long pages);
bool may_lock_any(void);
