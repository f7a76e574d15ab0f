/*
 * The nodes of the page tables (mm/pgtable_node.c), for those who walk and change them:
 * mm/pgtable.c, mm/usage.c, mm/check.c.
 */
#pragma once

#include <tine/arch.h>
#include <tine/page.h>

#define GROUP_SIZE 8 /* entries for each bit of page.groups */

static inline pte_t *entries_of(const struct page *node)
{
	return page_address(node);
}

static inline struct page *child_of(pte_t entry)
{
	return phys_to_page(pte_phys(entry));
}

/* The entries of the node that entry points to. */
static inline pte_t *table_of(pte_t entry)
{
	return phys_to_virt(pte_phys(entry));
}

/* The first index >= index of an entry in a group in use; PT_ENTRIES if there is none. */
static inline unsigned int skip_unused(const struct page *node, unsigned int index)
{
	u64 groups;

	if (index >= PT_ENTRIES)
		return PT_ENTRIES;
	groups = node->groups >> (index / GROUP_SIZE);
	if (groups & 1)
		return index;
	if (!groups)
		return PT_ENTRIES;
	return ALIGN_DOWN(index, GROUP_SIZE) + GROUP_SIZE * __builtin_ctzl(groups);
}

static inline unsigned long entry_start(unsigned long address, unsigned int level)
{
	return ALIGN_DOWN(address, 1ul << pt_level_shift(level));
}

/* The end of the entry that address is in, or end if that comes first. */
static inline unsigned long entry_end(unsigned long address, unsigned long end, unsigned int level)
{
	unsigned long next = entry_start(address, level) + (1ul << pt_level_shift(level));

	return MIN(next, end);
}

/*
 * Advances address past entries of node that are not in use; returns end if there are none left
 * before it.
 */
static inline unsigned long skip_to_used(const struct page *node, unsigned long address,
					 unsigned long end, unsigned int level)
{
	unsigned int index = pt_index(address, level), next = skip_unused(node, index);

	if (next == index)
		return address;
	address = entry_start(address, level) +
		  ((unsigned long)(next - index) << pt_level_shift(level));
	return MIN(address, end);
}

/* A node of that level without user entries, count 1. NULL: out of memory. */
struct page *node_alloc(unsigned int level);
/*
 * A node with the same children, each with one more reference, and read-only in both but for pages
 * of shared mappings. NULL: out of memory.
 */
struct page *copy_node(const struct page *old);
/*
 * Drops a reference, and with the last one all that the node points to. Recurses at most as deep as
 * there are levels.
 */
void put_node(struct page *node);

static inline void set_entry(struct page *node, unsigned int index, pte_t entry)
{
	WRITE_ONCE(entries_of(node)[index], entry);
	node->groups |= 1ul << (index / GROUP_SIZE);
	node->columns |= 1u << (index % GROUP_SIZE);
}

/* Clears the group's bit if nothing in it is in use any more. */
static inline void update_group(struct page *node, unsigned int index)
{
	const pte_t *group = &entries_of(node)[ALIGN_DOWN(index, GROUP_SIZE)];
	pte_t any = 0;

	for (unsigned int i = 0; i < GROUP_SIZE; i++)
		any |= group[i];
	if (!any)
		node->groups &= ~(1ul << (index / GROUP_SIZE));
}
