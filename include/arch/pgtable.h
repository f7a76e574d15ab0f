/* The page-table entry format (Intel SDM volume 3, section 4.5), as mm/pgtable.c sees it. */
#pragma once

#include <tine/types.h>

#define PT_LEVELS            4 /* level 4: the root; level 1: entries point to data pages */
#define PT_ENTRIES           512
#define PT_USER_ROOT_ENTRIES 256 /* the root's other half maps the kernel */

#define PTE_PRESENT  0x001ul
#define PTE_WRITE    0x002ul
#define PTE_USER     0x004ul
#define PTE_ACCESSED 0x020ul
#define PTE_DIRTY    0x040ul
#define PTE_LARGE    0x080ul /* above level 1: a large page; kernel half only */
#define PTE_GLOBAL   0x100ul /* kernel half only */
#define PTE_SHARED \
	0x200ul /* software: level 1, page of a shared mapping, writable whatever its count */
#define PTE_UNCOUNTED \
	0x400ul /* software: level 1, holds no reference on its page (zero page, vDSO) */
#define PTE_NONE         0x800ul /* software: level 1, not present but keeps its page (PROT_NONE) */
#define PTE_NO_EXEC      (1ul << 63)
#define PTE_ADDRESS_MASK 0x000ffffffffff000ul

typedef u64 pte_t;

/*
 * Bits of an entry above level 1. Accessed is set at once so that the processor never writes to a
 * shared node.
 */
#define PTE_TABLE_BITS (PTE_PRESENT | PTE_USER | PTE_ACCESSED)
#define PTE_LEAF_BITS  (PTE_PRESENT | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

/*
 * How far apart the addresses of neighbouring entries of a level are, as a shift: 12, 21, 30, 39.
 */
static inline unsigned int pt_level_shift(unsigned int level)
{
	return 12 + 9 * (level - 1);
}

static inline unsigned int pt_index(unsigned long address, unsigned int level)
{
	return (address >> pt_level_shift(level)) & (PT_ENTRIES - 1);
}

static inline u64 pte_phys(pte_t e)
{
	return e & PTE_ADDRESS_MASK;
}
