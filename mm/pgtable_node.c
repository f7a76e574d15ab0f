/*
 * The nodes of the page-table tree (mm/pgtable.c): taken, copied and given back.
 *
 *     groups   64 bits: n set: some of entries 8n to 8n+7, a cache line, is in use
 *     columns   8 bits: n clear: no entry 8m+n is in use, whatever m
 *
 * So what is done to all entries of a node costs as much as it has in use. Above level 1 those are
 * few, one as a rule, and both masks together find them; at level 1 they lie close together, and a
 * group is gone through whole. An emptied node is all zero again and goes to its CPU's stack of
 * zeroed nodes; a root keeps its kernel half there.
 *
 * A node with several references may be copied by several CPUs at once: they share it with those
 * who clear writable bits in it, and change it in no other way.
 */
#include <tine/page.h>
#include <tine/pgtable.h>
#include <tine/pgtable_node.h>
#include <tine/printk.h>

#define NODE_CACHE_MIN 64ul

/* Zeroed nodes; [1]: roots, with their kernel half. Only the CPU itself touches its own. */
static struct node_cache {
	struct page *first;
	unsigned int n;
} __aligned(64) node_caches[MAX_CPUS][2];
static unsigned int cache_limit = NODE_CACHE_MIN; /* of each; whoever sets it sets the same */

/* --- Taking and giving back --- */

static __noinline struct page *new_node(unsigned int level)
{
	struct page *node = alloc_pages(0);

	if (!node)
		return NULL;
	node->kind = PAGE_TABLE;
	node->groups = node->columns = 0;
	clear_page(page_address(node));
	if (level == PT_LEVELS)
		arch_init_root_table(page_address(node));
	return node;
}

inline struct page *node_alloc(unsigned int level)
{
	struct node_cache *cache = &node_caches[cpu_id()][level == PT_LEVELS];
	struct page *node = cache->first;

	if (likely(node)) {
		cache->first = node->next;
		cache->n--;
	} else {
		node = new_node(level);
		if (!node)
			return NULL;
	}
	node->level = level;
	atomic_set(&node->count, 1);
	return node;
}

static void free_node_page(struct page *node)
{
	node->kind = PAGE_KERNEL;
	free_pages(node, 0);
}

/* Zeroed nodes may be a 64th of all memory, over all CPUs, whose number boot finds out late. */
static __noinline bool is_full(const struct node_cache *cache)
{
	cache_limit = MAX(NODE_CACHE_MIN, total_page_count() / 64 / nr_cpus);
	return cache->n >= cache_limit;
}

/* node's user entries are all zero. */
static void node_free(struct page *node)
{
	struct node_cache *cache = &node_caches[cpu_id()][node->level == PT_LEVELS];

	if (unlikely(cache->n >= READ_ONCE(cache_limit)) && is_full(cache)) {
		free_node_page(node);
		return;
	}
	node->next = cache->first;
	cache->first = node;
	cache->n++;
}

unsigned long drain_node_caches(void)
{
	struct node_cache *cache = node_caches[cpu_id()];
	unsigned long n = cache[0].n + cache[1].n;
	struct page *node;

	for (unsigned int i = 0; i < 2; i++) {
		while ((node = cache[i].first) != NULL) {
			cache[i].first = node->next;
			free_node_page(node);
		}
		cache[i].n = 0;
	}
	return n;
}

/* Clears the entries in use of a node above level 1, and drops the nodes they point to. */
static inline void drop_nodes(struct page *node)
{
	pte_t *entries = entries_of(node);

	for (u64 groups = node->groups; groups; groups &= groups - 1) {
		pte_t *group = &entries[GROUP_SIZE * __builtin_ctzl(groups)];

		for (u64 columns = node->columns; columns; columns &= columns - 1) {
			u64 i = __builtin_ctzl(columns);
			pte_t entry = group[i];

			if (!entry)
				continue;
			group[i] = 0;
			put_node(child_of(entry));
		}
	}
}

/* Clears the entries in use of a level-1 node, and drops the pages they hold. */
static inline void drop_pages(struct page *node)
{
	pte_t *entries = entries_of(node);

	for (u64 groups = node->groups; groups; groups &= groups - 1) {
		pte_t *group = &entries[GROUP_SIZE * __builtin_ctzl(groups)];

#pragma GCC unroll 8
		for (unsigned int i = 0; i < GROUP_SIZE; i++) {
			pte_t entry = group[i];

			if (!entry)
				continue;
			group[i] = 0;
			if (!(entry & PTE_UNCOUNTED))
				put_page(child_of(entry));
		}
	}
}

/* Drops all of a node that nobody else has, and the node. */
static __noinline void empty_node(struct page *node)
{
	if (node->level > 1)
		drop_nodes(node);
	else
		drop_pages(node);
	node->groups = node->columns = 0;
	node_free(node);
}

void put_node(struct page *node)
{
	ASSERT(node->kind == PAGE_TABLE);
	if (atomic_read(&node->count) == 1 || atomic_dec_and_test(&node->count))
		empty_node(node);
}

/* --- Copying --- */

/* Each child gets one more reference, and its entry is read-only in both nodes. */
static inline void copy_node_entries(const struct page *old, pte_t *from, pte_t *to)
{
	for (u64 groups = old->groups; groups; groups &= groups - 1) {
		u64 first = GROUP_SIZE * __builtin_ctzl(groups);

		for (u64 columns = old->columns; columns; columns &= columns - 1) {
			u64 i = first + __builtin_ctzl(columns);
			pte_t entry = READ_ONCE(from[i]);

			if (!entry)
				continue;
			get_page(child_of(entry));
			to[i] = entry & ~PTE_WRITE;
			if (entry & PTE_WRITE)
				__atomic_fetch_and(&from[i], ~PTE_WRITE, __ATOMIC_SEQ_CST);
		}
	}
}

/* The same, but that entries of shared mappings stay writable. */
static inline void copy_page_entries(const struct page *old, pte_t *from, pte_t *to)
{
	for (u64 groups = old->groups; groups; groups &= groups - 1) {
		u64 first = GROUP_SIZE * __builtin_ctzl(groups);
		pte_t any = 0;

#pragma GCC unroll 8
		for (u64 i = first; i < first + GROUP_SIZE; i++) {
			pte_t entry = READ_ONCE(from[i]);

			if (!entry)
				continue;
			any |= entry;
			to[i] = entry;
			if (likely(!(entry & PTE_UNCOUNTED)))
				get_page(child_of(entry));
		}
		for (u64 i = first; (any & PTE_WRITE) && i < first + GROUP_SIZE; i++) {
			if ((to[i] & (PTE_WRITE | PTE_SHARED)) != PTE_WRITE)
				continue;
			__atomic_fetch_and(&from[i], ~PTE_WRITE, __ATOMIC_SEQ_CST);
			to[i] &= ~PTE_WRITE;
		}
	}
}

struct page *copy_node(const struct page *old)
{
	struct page *copy = node_alloc(old->level);

	if (!copy)
		return NULL;
	copy->groups = old->groups;
	copy->columns = old->columns;
	if (old->level > 1)
		copy_node_entries(old, entries_of(old), entries_of(copy));
	else
		copy_page_entries(old, entries_of(old), entries_of(copy));
	return copy;
}

u64 pgtable_cached_nodes(void)
{
	u64 n = 0;

	for (unsigned int i = 0; i < MAX_CPUS; i++)
		n += READ_ONCE(node_caches[i][0].n) + READ_ONCE(node_caches[i][1].n);
	return n;
}
