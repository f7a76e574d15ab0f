/*
 * Page tables as a copy-on-write tree.
 *
 *            mm A         mm B                 level 4: a root for each mm, never shared
 *              \           /
 *              [ node, 2 refs ]                level 3
 *               /            \
 *        [ node, 1 ]     [ node, 1 ]           level 2, 1
 *         /      \            \
 *     page 1    page 1      page 2             level 0: data pages
 *
 * A node is a page of 512 entries with a reference count: how many entries (roots count as none)
 * point to it. Copy-on-write is the same at every level:
 *
 *   Invariant 1: an entry is writable only if what it points to has exactly one reference, or is a data page of a shared
 *                mapping (PTE_SHARED).
 *   Invariant 2: a node with more than one reference is immutable, but that a writable bit in it may be cleared.
 *   The step (cow_break): one reference left: make the entry writable. Otherwise copy the node: same children, each with one
 *                more reference, and read-only in both nodes; point the entry to the copy; drop the old node.
 *
 * An address can be written when every entry on the way to it is writable, since the processor
 * takes the AND of the rights. So fork copies the root alone and makes the few entries in it
 * read-only on both sides; everything else happens when somebody writes. One page both write at
 * once, that of the stack: the way to it is split there and then, which spares each a fault.
 *
 * Several CPUs. The mm's lock is held by whoever changes a tree, and the path is broken from the
 * root down: a node is changed only when all above it belong to this mm alone. Two mms that copy
 * the same shared node at once do no harm: each holds a reference by the entry it came by, so it
 * stays immutable; clearing the writable bits is atomic.
 *
 * TLBs. A processor may remember translations and, for each address range, which node it found on
 * the way. So whenever an entry that was in use is changed to point elsewhere, or loses rights,
 * every CPU that runs the mm is told to flush, and only then are the old nodes and pages put
 * (struct gather): nobody can reach them any more by a stale entry when their new owner writes to
 * them. Entries that only gain rights need no flush: at worst a CPU faults once for nothing. But a
 * copied page may be written to only after the flush: before, one CPU could read in the old page
 * what another has already overwritten in the new one.
 *
 * Cost. A node is copied, walked and emptied in proportion to its use (mm/pgtable_node.c). Accessed
 * and dirty bits are set when an entry is made, so the processor never writes to a node.
 */
#include <tine/err.h>
#include <tine/mm.h>
#include <tine/pgtable.h>
#include <tine/pgtable_node.h>
#include <tine/printk.h>

#define GATHER_SIZE 24

/* What is to be put once the TLBs are flushed. */
struct gather {
	struct mm_struct *mm;
	unsigned long start, end; /* addresses whose translation changed */
	unsigned int n;
	struct page *pages[GATHER_SIZE];
};

/* --- Flushing and putting --- */

static void gather_init(struct gather *gather, struct mm_struct *mm)
{
	gather->mm = mm;
	gather->start = ~0ul;
	gather->end = 0;
	gather->n = 0;
}

static void gather_range(struct gather *gather, unsigned long start, unsigned long end)
{
	gather->start = MIN(gather->start, start);
	gather->end = MAX(gather->end, end);
}

/* Flushes what the gather covers, then puts what it holds. */
static void gather_finish(struct gather *gather)
{
	if (gather->start >= gather->end)
		return;
	flush_tlb_range(gather->mm, gather->start, gather->end);
	for (unsigned int i = 0; i < gather->n; i++) {
		if (gather->pages[i]->kind == PAGE_TABLE)
			put_node(gather->pages[i]);
		else
			put_page(gather->pages[i]);
	}
	gather_init(gather, gather->mm);
}

/* Takes over the reference that an entry at address, which points elsewhere now, had on page. */
static void gather_put(struct gather *gather, unsigned long start, unsigned long end,
		       struct page *page)
{
	gather_range(gather, start, end);
	gather->pages[gather->n++] = page;
	if (gather->n == GATHER_SIZE)
		gather_finish(gather);
}

/* --- The step --- */

static struct page *copy_data_page(const struct page *old)
{
	struct page *copy = alloc_data_page();

	if (copy)
		copy_page(page_address(copy), page_address(old));
	return copy;
}

static struct page *copy_of(const struct page *old, unsigned int level)
{
	return level > 0 ? copy_node(old) : copy_data_page(old);
}

/*
 * Entry, in a node that is this mm's own, points to a node or page of the given level and covers
 * [start, end): makes that this mm's own. A node is writable then. A page is not yet: the caller
 * does that when the gather is finished. ENOMEM: nothing changed.
 */
static int cow_break(pte_t *entry, unsigned int level, unsigned long start, unsigned long end,
		     struct gather *gather)
{
	const pte_t writable = level > 0 ? PTE_WRITE : 0;
	struct page *old = child_of(*entry), *copy;

	if (atomic_read(&old->count) == 1) {
		WRITE_ONCE(*entry, *entry | writable);
		return 0;
	}
	copy = copy_of(old, level);
	if (!copy)
		return -ENOMEM;
	WRITE_ONCE(*entry, (*entry & ~PTE_ADDRESS_MASK) | page_to_phys(copy) | writable);
	gather_put(gather, start, end, old);
	return 0;
}

/* Puts a new node of the level below in table. ENOMEM. */
static __noinline int add_node(pte_t *table, unsigned int index, unsigned int level)
{
	struct page *child = node_alloc(level - 1);

	if (!child)
		return -ENOMEM;
	set_entry(virt_to_page(table), index, page_to_phys(child) | PTE_TABLE_BITS | PTE_WRITE);
	return 0;
}

/*
 * The level-1 node for address, with the whole path to it this mm's own; made where it is missing
 * if create is set. ENOMEM, ENOENT.
 */
static struct page *own_path(struct mm_struct *mm, unsigned long address, bool create,
			     struct gather *gather)
{
	pte_t *table = entries_of(mm->root), *entry;

#pragma GCC unroll 3
	for (unsigned int level = PT_LEVELS; level > 1; level--) {
		unsigned int index = pt_index(address, level);

		entry = &table[index];
		if (unlikely(!*entry)) {
			if (!create)
				return ERR_PTR(-ENOENT);
			if (add_node(table, index, level))
				return ERR_PTR(-ENOMEM);
		} else if (!(*entry & PTE_WRITE)) {
			/* Translations below stay right: one page flushed forgets the old node. */
			if (cow_break(entry, level - 1, address, address + PAGE_SIZE, gather))
				return ERR_PTR(-ENOMEM);
		}
		table = table_of(*entry);
	}
	return child_of(*entry);
}

/* --- Mapping and faults --- */

/* A leaf entry with these rights, but without an address. */
static pte_t leaf_bits(unsigned int rights)
{
	pte_t entry = PTE_LEAF_BITS;

	if (rights & PG_WRITE)
		entry |= PTE_WRITE;
	if (!(rights & PG_EXEC))
		entry |= PTE_NO_EXEC;
	if (rights & PG_SHARED)
		entry |= PTE_SHARED;
	if (rights & PG_UNCOUNTED)
		entry |= PTE_UNCOUNTED;
	if (rights & PG_NONE)
		entry = (entry & ~(PTE_PRESENT | PTE_WRITE)) | PTE_NONE;
	return entry;
}

int pgtable_map(struct mm_struct *mm, unsigned long address, struct page *page, unsigned int rights)
{
	unsigned int index = pt_index(address, 1);
	struct gather gather;
	struct page *node;
	pte_t old;

	gather_init(&gather, mm);
	node = own_path(mm, address, true, &gather);
	if (!IS_ERR(node)) {
		old = entries_of(node)[index];
		set_entry(node, index, leaf_bits(rights) | page_to_phys(page));
		if (old && !(old & PTE_UNCOUNTED))
			gather_put(&gather, address, address + PAGE_SIZE, child_of(old));
		else if (old)
			gather_range(&gather, address, address + PAGE_SIZE);
	}
	gather_finish(&gather);
	return IS_ERR(node) ? PTR_ERR(node) : 0;
}

int pgtable_map_around(struct mm_struct *mm, unsigned long address, struct page **pages,
		       unsigned int n, unsigned int rights)
{
	unsigned int index = pt_index(address, 1);
	const pte_t bits = leaf_bits(rights);
	struct gather gather;
	struct page *node;
	int mapped = 0;

	gather_init(&gather, mm);
	node = own_path(mm, address, true, &gather);
	gather_finish(&gather);
	if (IS_ERR(node))
		return PTR_ERR(node);
	for (unsigned int i = 0; i < n; i++) {
		if (pages[i] && !entries_of(node)[index + i]) {
			set_entry(node, index + i, bits | page_to_phys(pages[i]));
			mapped++;
		} else if (pages[i]) {
			put_page(pages[i]);
		}
	}
	return mapped;
}

/* Replaces the uncounted page that entry maps by a private copy of it. */
static __noinline int break_uncounted(pte_t *entry, unsigned long address, struct gather *gather)
{
	struct page *old = child_of(*entry), *copy;

	copy = old == zero_page ? alloc_zeroed_data_page() : copy_data_page(old);
	if (!copy)
		return -ENOMEM;
	WRITE_ONCE(*entry, (*entry & ~(PTE_ADDRESS_MASK | PTE_UNCOUNTED)) | page_to_phys(copy));
	gather_range(gather, address, address + PAGE_SIZE);
	return 0;
}

/* Makes what entry maps this mm's own, unless it is to be shared. */
static int break_leaf(pte_t *entry, unsigned long address, struct gather *gather)
{
	if (!(*entry & PTE_PRESENT))
		return -ENOENT;
	if (*entry & (PTE_WRITE | PTE_SHARED))
		return 0;
	if (*entry & PTE_UNCOUNTED)
		return break_uncounted(entry, address, gather);
	return cow_break(entry, 0, address, address + PAGE_SIZE, gather);
}

/*
 * The leaf entry for address without changing anything; 0 if there is none. *writable: every entry
 * on the way is.
 */
static pte_t find_leaf(struct mm_struct *mm, unsigned long address, bool *writable)
{
	const pte_t *table = entries_of(mm->root);
	pte_t entry, all = PTE_WRITE;

#pragma GCC unroll 4
	for (unsigned int level = PT_LEVELS; level > 0; level--) {
		entry = READ_ONCE(table[pt_index(address, level)]);
		all &= entry;
		if (!entry)
			break;
		table = table_of(entry);
	}
	*writable = all;
	return entry;
}

/*
 * Where no page is, one will be installed: its path is needed in any case. Nobody may write to the
 * new page while another CPU can still read the old one.
 */
int pgtable_write_fault(struct mm_struct *mm, unsigned long address)
{
	struct gather gather;
	struct page *node;
	pte_t *entry;
	int error;

	gather_init(&gather, mm);
	node = own_path(mm, address, false, &gather);
	if (IS_ERR(node)) {
		gather_finish(&gather);
		return PTR_ERR(node);
	}
	entry = &entries_of(node)[pt_index(address, 1)];
	error = break_leaf(entry, address, &gather);
	gather_finish(&gather);
	if (!error)
		WRITE_ONCE(*entry, *entry | PTE_WRITE);
	return error;
}

struct page *pgtable_lookup(struct mm_struct *mm, unsigned long address, bool *writable)
{
	pte_t entry = find_leaf(mm, address, writable);

	return entry ? child_of(entry) : NULL;
}

/* --- Ranges --- */

/* Takes entry out of node, leaving its reference to the gather. */
static void detach(struct page *node, pte_t *entry, unsigned long start, unsigned long end,
		   struct gather *gather)
{
	pte_t old = *entry;

	WRITE_ONCE(*entry, 0);
	update_group(node, entry - entries_of(node));
	if (old & PTE_UNCOUNTED)
		gather_range(gather, start, end);
	else
		gather_put(gather, start, end, child_of(old));
}

/* Unmaps [start, end) below node, which is the mm's own. Recurses a level at a time. */
static int unmap_below(struct page *node, unsigned long start, unsigned long end,
		       struct gather *gather)
{
	unsigned int level = node->level;
	unsigned long address, stop;
	int error = 0;

	for (address = start; address < end; address = stop) {
		address = skip_to_used(node, address, end, level);
		if (address == end)
			break;
		stop = entry_end(address, end, level);
		pte_t *entry = &entries_of(node)[pt_index(address, level)];

		if (!*entry)
			continue;
		if (level > 1 && stop - address < 1ul << pt_level_shift(level)) {
			if (!(*entry & PTE_WRITE) &&
			    cow_break(entry, level - 1, address, stop, gather)) {
				error = -ENOMEM;
				continue;
			}
			error = unmap_below(child_of(*entry), address, stop, gather) ?: error;
			if (child_of(*entry)->groups)
				continue;
		}
		detach(node, entry, address, stop, gather);
	}
	return error;
}

int pgtable_unmap(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	struct gather gather;
	int error;

	gather_init(&gather, mm);
	error = unmap_below(mm->root, start, end, &gather);
	gather_finish(&gather);
	return error;
}

/*
 * Entry with other rights; PTE_SHARED and PTE_UNCOUNTED stay. A private page becomes writable by a
 * fault only.
 */
static pte_t change_rights(pte_t entry, unsigned int rights)
{
	pte_t keep = entry & (PTE_SHARED | PTE_UNCOUNTED | PTE_ADDRESS_MASK | PTE_WRITE);

	keep |= (PTE_LEAF_BITS & ~PTE_PRESENT) | (rights & PG_EXEC ? 0 : PTE_NO_EXEC);
	if (rights & PG_NONE)
		return (keep & ~PTE_WRITE) | PTE_NONE;
	keep |= PTE_PRESENT;
	if (!(rights & PG_WRITE))
		return keep & ~PTE_WRITE;
	return entry & PTE_SHARED ? keep | PTE_WRITE : keep;
}

static int protect_below(struct page *node, unsigned long start, unsigned long end,
			 unsigned int rights, struct gather *gather)
{
	unsigned int level = node->level;
	unsigned long address, stop;
	int error = 0;

	for (address = start; address < end; address = stop) {
		address = skip_to_used(node, address, end, level);
		if (address == end)
			break;
		stop = entry_end(address, end, level);
		pte_t *entry = &entries_of(node)[pt_index(address, level)];

		if (!*entry)
			continue;
		if (level == 1) {
			WRITE_ONCE(*entry, change_rights(*entry, rights));
			gather_range(gather, address, stop);
			continue;
		}
		if (!(*entry & PTE_WRITE) && cow_break(entry, level - 1, address, stop, gather))
			return -ENOMEM;
		error = protect_below(child_of(*entry), address, stop, rights, gather) ?: error;
	}
	return error;
}

int pgtable_protect(struct mm_struct *mm, unsigned long start, unsigned long end,
		    unsigned int rights)
{
	struct gather gather;
	int error;

	gather_init(&gather, mm);
	error = protect_below(mm->root, start, end, rights, &gather);
	gather_finish(&gather);
	return error;
}

/* The first address >= address with a leaf entry in use, end if there is none before it. */
static unsigned long next_mapped(struct mm_struct *mm, unsigned long address, unsigned long end)
{
	while (address < end) {
		struct page *node = mm->root;

		for (unsigned int level = PT_LEVELS;; level--) {
			unsigned int index = skip_unused(node, pt_index(address, level));
			unsigned long used = skip_to_used(node, address, end, level);

			if (index == PT_ENTRIES) { /* none left in this node: go on behind it */
				address = level == PT_LEVELS ? end
							     : entry_end(address, end, level + 1);
				break;
			}
			address = used;
			if (address == end)
				break;
			if (!entries_of(node)[index]) {
				address = entry_end(address, end, level);
				break;
			}
			if (level == 1)
				return address;
			node = child_of(entries_of(node)[index]);
		}
	}
	return end;
}

/* Makes the paths of both ends of a move the mm's own, so that moving cannot fail. */
static int own_both_paths(struct mm_struct *mm, unsigned long from, unsigned long to,
			  unsigned long size, struct gather *gather)
{
	unsigned long address = next_mapped(mm, from, from + size);

	while (address < from + size) {
		if (IS_ERR(own_path(mm, address, false, gather)) ||
		    IS_ERR(own_path(mm, to + (address - from), true, gather)))
			return -ENOMEM;
		address = next_mapped(mm, address + PAGE_SIZE, from + size);
	}
	return 0;
}

static void move_entry(struct mm_struct *mm, unsigned long from, unsigned long to,
		       struct gather *gather)
{
	struct page *source = own_path(mm, from, false, gather);
	struct page *target = own_path(mm, to, false, gather);
	pte_t *entry = &entries_of(source)[pt_index(from, 1)];

	set_entry(target, pt_index(to, 1), *entry);
	WRITE_ONCE(*entry, 0);
	update_group(source, pt_index(from, 1));
	gather_range(gather, from, from + PAGE_SIZE);
}

int pgtable_move(struct mm_struct *mm, unsigned long from, unsigned long to, unsigned long size)
{
	struct gather gather;
	unsigned long address;
	int error;

	gather_init(&gather, mm);
	error = own_both_paths(mm, from, to, size, &gather);
	if (!error)
		for (address = next_mapped(mm, from, from + size); address < from + size;
		     address = next_mapped(mm, address + PAGE_SIZE, from + size))
			move_entry(mm, address, to + (address - from), &gather);
	gather_finish(&gather);
	if (error)
		pgtable_unmap(mm, to, to + size); /* empty nodes made on the way */
	return error;
}

/* --- Roots --- */

int pgtable_alloc_root(struct mm_struct *mm)
{
	mm->root = node_alloc(PT_LEVELS);
	return mm->root ? 0 : -ENOMEM;
}

void pgtable_free_root(struct mm_struct *mm)
{
	if (mm->root)
		put_node(mm->root);
	mm->root = NULL;
}

/*
 * Of what parent and child, two nodes of one level that nobody else knows, share on the way to
 * address, each gets its own, writable. The entries of parent were writable and are not remembered
 * as that by any TLB; it keeps its nodes and its page. Out of memory, the rest stays shared.
 */
static void split_path(struct page *parent, struct page *child, unsigned long address)
{
	for (unsigned int level = parent->level; level > 0; level--) {
		pte_t *theirs = &entries_of(parent)[pt_index(address, level)];
		pte_t *ours = &entries_of(child)[pt_index(address, level)];

		if (*theirs & PTE_SHARED)
			return;
		parent = child_of(*theirs);
		child = copy_of(parent, level - 1);
		if (!child)
			return;
		atomic_dec(&parent->count);
		WRITE_ONCE(*theirs, *theirs | PTE_WRITE);
		WRITE_ONCE(*ours, (*theirs & ~PTE_ADDRESS_MASK) | page_to_phys(child));
	}
}

int pgtable_fork(struct mm_struct *child, struct mm_struct *parent, unsigned long written)
{
	bool was_writable = false;
	struct page *root;

	if (written < TASK_SIZE_MAX)
		find_leaf(parent, written, &was_writable);
	root = copy_node(parent->root);
	if (!root)
		return -ENOMEM;
	child->root = root;
	flush_tlb_mm(parent);
	if (was_writable)
		split_path(parent->root, root, written);
	return 0;
}
