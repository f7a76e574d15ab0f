/*
 * Debug builds: whether the page tables of all processes, the pages and the memory maps agree.
 *
 * The kernel is not preempted, and nothing in mm/ sleeps while a reference is between two owners.
 * So when every CPU runs a task that is in check_memory, no other task is in the middle of a change,
 * and what follows holds exactly:
 *
 *   - a node's count is the number of entries that point to it, for a root one; as many nodes as
 *     are cached have none;
 *   - an anonymous page's count is the number of leaf entries that point to it; files, and those who
 *     read and write them, hold further references on theirs;
 *   - an entry is writable only if what it points to has one reference, or is a shared mapping's;
 *   - a node knows of all groups and columns in use; what an entry points to is of the level below;
 *   - a leaf entry lies in a mapping and allows no more than it does;
 *   - what an address space counts of its map and of its pages is right.
 *
 * A node that several point to is looked into once for its own sake, and once for each address
 * space for the sake of its map. A task that sleeps with an address space locked may have a change
 * of the map before it, and a draft of the map that exec builds is that map itself: then only
 * the page tables are looked at.
 *
 * The CPUs meet without any help of the scheduler: a program has a task on each call check_memory.
 * One that comes first spins with interrupts on, so that it answers to flushes, but not for ever: who is
 * to come may wait for something that a task of this CPU has.
 */
#include <tine/mm_check.h>

#ifdef CONFIG_DEBUG

#include <tine/err.h>
#include <tine/pgtable.h>
#include <tine/pgtable_node.h>
#include <tine/printk.h>
#include <tine/string.h>
#include <tine/time.h>
#include <tine/vma.h>

/* By page frame: the entries and roots that were found to point there. */
static u32 *found;

/* A walk of one address space, and where it is. */
struct walk {
	struct mm_struct *mm;
	struct vma *vma; /* the last one that was needed */
	bool map_is_settled;
	u64 in_use; /* leaf entries */
	const struct page *page;
	unsigned long address;
	pte_t entry;
};

static void expect(const struct walk *at, const char *what, u64 wanted, u64 have)
{
	const struct page *page = at->page;

	if (unlikely(have != wanted))
		panic("memory check: %s: %lu expected, %lu found; page %lx of kind %u, level %u, "
		      "%d references; mm %p, address %lx, entry %lx",
		      what, wanted, have, page_to_phys(page), page->kind, page->level,
		      atomic_read(&page->count), at->mm, at->address, at->entry);
}

/* For its node's own sake; counts it. True: it is the first that leads to what it points to. */
static bool check_entry(const struct walk *at, unsigned int index)
{
	const struct page *node = at->page, *child = child_of(at->entry);
	pte_t write = at->entry & PTE_WRITE;

	expect(at, "group and column in use", 1,
	       node->groups >> (index / GROUP_SIZE) & node->columns >> (index % GROUP_SIZE) & 1);
	if (at->entry & PTE_UNCOUNTED) {
		expect(at, "right to write to an uncounted page", 0, write);
		return false;
	}
	expect(at, "kind of a child", node->level > 1 ? PAGE_TABLE : PAGE_DATA, child->kind);
	if (node->level > 1)
		expect(at, "level of a child", node->level - 1, child->level);
	if (write && !(at->entry & PTE_SHARED))
		expect(at, "references on what is writable", 1, atomic_read(&child->count));
	return found[child - page_array]++ == 0;
}

/* A leaf entry, for the map's sake. */
static void check_mapping(struct walk *at)
{
	pte_t entry = at->entry;
	u32 has = (entry & PTE_WRITE ? VM_WRITE : 0) | (entry & PTE_SHARED ? VM_SHARED : 0);

	at->in_use++;
	if (!at->map_is_settled)
		return;
	if (!at->vma || at->vma->end <= at->address)
		at->vma = vma_find(at->mm, at->address);
	expect(at, "mapping", true, at->vma && at->vma->start <= at->address);
	if (entry & PTE_PRESENT) /* then it can be read, and the mapping may be no PROT_NONE */
		has |= (entry & PTE_NO_EXEC ? 0 : VM_EXEC) |
		       (at->vma->flags & VM_ACCESS ? 0 : VM_READ);
	expect(at, "rights that the mapping has not", 0, has & ~at->vma->flags);
}

/* first: the walk has not come to this node before. Recurses a level at a time. */
static void check_node(struct walk *at, const struct page *node, unsigned long address, bool first)
{
	unsigned int entries = node->level == PT_LEVELS ? PT_ENTRIES / 2 : PT_ENTRIES;

	for (unsigned int i = 0; i < entries; i++) {
		pte_t entry = entries_of(node)[i];
		bool leads = false;

		if (!entry)
			continue;
		at->page = node;
		at->entry = entry;
		at->address = address + ((unsigned long)i << pt_level_shift(node->level));
		if (first)
			leads = check_entry(at, i);
		if (node->level == 1)
			check_mapping(at);
		else
			check_node(at, child_of(entry), at->address, leads);
	}
}

/* The sums of the map: a draft without any of it says by how much they would shrink. */
static void check_map(const struct walk *at)
{
	const struct mm_struct *mm = at->mm;
	struct vma_edit edit;

	vma_edit_begin(&edit, at->mm);
	vma_edit_unmap(&edit, 0, TASK_SIZE_MAX);
	expect(at, "mappings", -edit.growth.count, mm->map.count);
	expect(at, "pages mapped", -edit.growth.total_pages, mm->map.total_pages);
	expect(at, "pages of data", -edit.growth.data_pages, mm->map.data_pages);
	expect(at, "pages of stacks", -edit.growth.stack_pages, mm->map.stack_pages);
	expect(at, "pages locked", -edit.growth.locked_pages, mm->map.locked_pages);
	expect(at, "pages promised", -edit.growth.committed_pages, mm->map.committed_pages);
	vma_edit_end(&edit);
}

static void check_mm(struct mm_struct *mm)
{
	struct walk at = {.mm = mm,
			  .page = mm->root,
			  .map_is_settled = !mm->unborn && mutex_trylock(&mm->lock)};

	check_node(&at, mm->root, 0, found[mm->root - page_array]++ == 0);
	expect(&at, "entries at most", MIN(at.in_use, mm->touched_pages), at.in_use);
	if (!at.map_is_settled)
		return;
	check_map(&at);
	mutex_unlock(&mm->lock);
}

/* What the walks found against what the pages say. */
static void check_counts(void)
{
	struct walk at = {.page = page_array};
	u64 unused = 0;

	for (u64 pfn = 0; pfn < page_count; pfn++, at.page++) {
		u64 n = found[pfn], count = atomic_read(&at.page->count);

		if (at.page->kind == PAGE_DATA && at.page->owner == PAGE_SHMEM)
			expect(&at, "references at least", MAX(n, count), count);
		else if (n)
			expect(&at, "references", n, count);
		else
			unused += at.page->kind == PAGE_TABLE;
	}
	at.page = page_array;
	expect(&at, "nodes in no tree", pgtable_cached_nodes(), unused);
}

static int check_everything(void)
{
	unsigned int order = 0;
	struct page *block;

	while ((PAGE_SIZE << order) < page_count * sizeof(*found))
		order++;
	block = order <= MAX_ORDER ? alloc_pages(order) : NULL;
	if (!block)
		return -ENOMEM;
	found = page_address(block);
	memset(found, 0, PAGE_SIZE << order);
	for (struct mm_struct *mm = next_mm(NULL); mm; mm = next_mm(mm))
		check_mm(mm);
	check_counts();
	free_pages(block, order);
	return 0;
}

/* --- The meeting --- */

static u64 present;  /* atomic: CPUs that are here */
static u32 meetings; /* atomic: those that are over */
static int result;   /* of the last one */

int check_memory(void)
{
	u64 cpu = 1ul << cpu_id(), until = arch_clock_ns() + NSEC_PER_SEC, seen;
	u32 meeting = READ_ONCE(meetings);

	if (__atomic_or_fetch(&present, cpu, __ATOMIC_SEQ_CST) == cpu_online_mask) {
		result = check_everything();
		present = 0;
		__atomic_store_n(&meetings, meeting + 1, __ATOMIC_SEQ_CST);
	}
	while (__atomic_load_n(&meetings, __ATOMIC_SEQ_CST) == meeting) {
		cpu_relax();
		seen = READ_ONCE(present);
		/* It is too late to go when all have come. */
		if (arch_clock_ns() > until && (seen & cpu) && seen != cpu_online_mask &&
		    __atomic_compare_exchange_n(&present, &seen, seen & ~cpu, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return -EAGAIN;
	}
	return result;
}

#endif
