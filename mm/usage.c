/*
 * What is in memory of an address space.
 *
 * Nobody counts while pages come and go, since fork would have to copy the counts; who asks has the
 * page tables walked (mm/pgtable.c), which takes as long as there is in use. A page or node that
 * others have too stands for as many mappings as it has references; below a shared node they
 * multiply.
 */
#include <tine/mm.h>
#include <tine/pgtable_node.h>
#include <tine/sched.h>

/*
 * Adds a page to usage; ways: how many mappings the way to it stands for. A page of a file is also
 * counted by the file.
 */
static void measure_page(const struct page *page, u64 ways, struct mm_usage *usage)
{
	u64 count = atomic_read(&page->count), mappings = ways;

	if (page->owner == PAGE_ANON)
		mappings *= count;
	else if (count > 2)
		mappings *= count - 1;
	usage->pages[page->owner]++;
	usage->share[page->owner] += MM_SHARE_UNIT / mappings;
	if (mappings > 1)
		usage->shared[page->owner]++;
}

/* Nodes above may be shared: each other reference on them is another address space, or more. */
static void measure_below(const struct page *node, unsigned long start, unsigned long end, u64 ways,
			  struct mm_usage *usage)
{
	unsigned int level = node->level;
	unsigned long address, stop;
	struct page *child;
	pte_t entry;

	usage->nodes++;
	cond_resched();
	for (address = start; address < end; address = stop) {
		address = skip_to_used(node, address, end, level);
		if (address == end)
			break;
		stop = entry_end(address, end, level);
		entry = READ_ONCE(entries_of(node)[pt_index(address, level)]);
		if (!entry || (entry & PTE_UNCOUNTED))
			continue;
		child = child_of(entry);
		if (level == 1)
			measure_page(child, ways, usage);
		else
			measure_below(child, address, stop,
				      MIN(ways * atomic_read(&child->count), MM_SHARE_UNIT), usage);
	}
}

void mm_measure(struct mm_struct *mm, unsigned long start, unsigned long end,
		struct mm_usage *usage)
{
	measure_below(mm->root, start, end, 1, usage);
}
