/* Checks of page-table trees as a whole: while nothing runs, every count, bit and level is what the
 * rules of mm/pgtable.c say. */
#ifndef UNIT_TREES_H
#define UNIT_TREES_H

#include <arch/pgtable.h>
#include <tine/mm.h>
#include <tine/pgtable.h>

#include "pages.h"

static struct {
	int references; /* from entries and roots */
	bool seen;
} found[HOST_PAGES];
static unsigned int found_pages;

static inline struct page *entry_page(pte_t entry)
{
	return phys_to_page(pte_phys(entry));
}

static inline void tree_reference(struct page *page)
{
	if (!found[page - page_array].seen)
		found_pages++;
	found[page - page_array].seen = true;
	found[page - page_array].references++;
}

static inline void check_entry(pte_t entry, unsigned int level)
{
	const struct page *page = entry_page(entry);

	CHECK(entry & PTE_ACCESSED);
	if (level > 1) {
		CHECK((entry & ~(PTE_ADDRESS_MASK | PTE_WRITE)) == PTE_TABLE_BITS);
		CHECK(page->kind == PAGE_TABLE && page->level == level - 1);
	} else {
		CHECK(!(entry & PTE_PRESENT) == !!(entry & PTE_NONE));
		CHECK((entry & PTE_DIRTY) && !((entry & PTE_NONE) && (entry & PTE_WRITE)));
		CHECK(page->kind == (entry & PTE_UNCOUNTED ? PAGE_RESERVED : PAGE_DATA));
		CHECK(!((entry & PTE_UNCOUNTED) && (entry & PTE_WRITE)));
	}
	/* Invariant 1. */
	if ((entry & (PTE_WRITE | PTE_SHARED)) == PTE_WRITE)
		CHECK(page->count.value == 1);
}

static inline u64 groups_in_use(const pte_t *entries)
{
	u64 groups = 0;

	for (unsigned int i = 0; i < PT_ENTRIES; i++)
		if (entries[i])
			groups |= 1ul << (i / 8);
	return groups;
}

static inline void check_node(struct page *node)
{
	const pte_t *entries = page_address(node);
	bool first = !found[node - page_array].seen;

	tree_reference(node);
	if (!first)
		return;
	CHECK(node->groups == groups_in_use(entries));
	for (unsigned int i = 0; i < PT_ENTRIES; i++) {
		if (!entries[i])
			continue;
		check_entry(entries[i], node->level);
		if (node->level > 1)
			check_node(entry_page(entries[i]));
		else if (!(entries[i] & PTE_UNCOUNTED))
			tree_reference(entry_page(entries[i]));
	}
}

static inline void trees_begin(void)
{
	memset(found, 0, sizeof(found));
	found_pages = 0;
}

static inline void trees_add(const struct mm_struct *mm)
{
	check_node(mm->root);
}

/* A reference that is not in any tree. */
static inline void trees_add_page(struct page *page)
{
	tree_reference(page);
}

/* Every reference was found, and every page that is in use. */
static inline void trees_end(void)
{
	for (unsigned int i = 1; i < HOST_PAGES; i++)
		if (found[i].seen)
			CHECK(page_array[i].count.value == found[i].references);
	CHECK(zero_page->count.value == 0);
	CHECK(found_pages == HOST_PAGES - 1 - unowned_page_count());
}

#endif
