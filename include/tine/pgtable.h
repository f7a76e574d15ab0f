/*
 * A process's page tables as a copy-on-write tree of reference-counted nodes (mm/pgtable.c). All
 * functions are called with the lock of the mm held.
 */
#pragma once

#include <tine/page.h>
#include <tine/types.h>

struct mm_struct;

/* What a leaf entry allows; read is implied unless PG_NONE. */
#define PG_WRITE     1u
#define PG_EXEC      2u
#define PG_SHARED    4u  /* page of a shared mapping: writable whatever its count */
#define PG_UNCOUNTED 8u  /* the entry holds no reference on the page */
#define PG_NONE      16u /* PROT_NONE: the entry keeps its page, but every access faults */

/* A new, empty root in mm->root. ENOMEM. */
int pgtable_alloc_root(struct mm_struct *mm);
/* Drops the root and all that only it held. mm runs on no CPU. Tolerates mm->root NULL. */
void pgtable_free_root(struct mm_struct *mm);

/*
 * Fork: child gets a root whose entries are parent's, all of them read-only in both. Flushes
 * parent's TLBs. ENOMEM: child as before. Cost: the root's few entries; and if written, any number,
 * is an address that parent could write to without a fault, what the first such write by either
 * would cost: then both can write to that page without one.
 */
int pgtable_fork(struct mm_struct *child, struct mm_struct *parent, unsigned long written);

/*
 * Installs page at address (page-aligned) with rights; breaks the path to it as a write does. The
 * caller's reference on the page goes to the entry. What was mapped there before is dropped.
 * ENOMEM: nothing changed, the caller keeps its reference.
 */
int pgtable_map(struct mm_struct *mm, unsigned long address, struct page *page,
		unsigned int rights);
/*
 * Installs n pages (NULL: none), which lie under one page-table node, from address on wherever nothing
 * is mapped. The caller's references go to the entries, or with the pages that were not needed.
 * Returns how many were installed; ENOMEM: nothing changed, the caller keeps its references.
 */
int pgtable_map_around(struct mm_struct *mm, unsigned long address, struct page **pages,
		       unsigned int n, unsigned int rights);

/*
 * Write fault on a present private page: makes the path writable, copies the page if it has other
 * references. ENOMEM; ENOENT if nothing is mapped there (the caller then faults the page in).
 */
int pgtable_write_fault(struct mm_struct *mm, unsigned long address);

/*
 * The page mapped at address and whether a write would need a fault; NULL if none. No reference is
 * taken.
 */
struct page *pgtable_lookup(struct mm_struct *mm, unsigned long address, bool *writable);

/*
 * Unmaps [start, end); nodes wholly inside are dropped, not copied. ENOMEM (a shared node at an
 * edge could not be copied): what could be unmapped is.
 */
int pgtable_unmap(struct mm_struct *mm, unsigned long start, unsigned long end);

/*
 * Changes the rights of what is mapped in [start, end). Taking rights away or giving execute
 * changes the entries; writability of private pages comes back by write faults. ENOMEM. Of rights,
 * PG_SHARED and PG_UNCOUNTED are ignored: they stay as they were.
 */
int pgtable_protect(struct mm_struct *mm, unsigned long start, unsigned long end,
		    unsigned int rights);

/*
 * Moves what is mapped in [from, from + size) to to (mremap). The ranges do not overlap; nothing is
 * mapped at to. ENOMEM.
 */
int pgtable_move(struct mm_struct *mm, unsigned long from, unsigned long to, unsigned long size);

/* Zeroed nodes that wait to be used again, over all CPUs. */
u64 pgtable_cached_nodes(void);
/* Gives those of the calling CPU back to the page allocator; returns how many pages. */
unsigned long drain_node_caches(void);
