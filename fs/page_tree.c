/*
 * The pages of a file.
 *
 * A tree of nodes with 64 slots: slots of the lowest nodes point to pages, those of others to
 * nodes. It is as high as its highest index needs and grows upwards: a new root gets the old one as
 * its first slot. Nodes that become empty are freed, so a sparse file costs what it holds. A node
 * counts its slots in use.
 *
 * The tree holds a reference on every page in it; whoever looks one up under the mapping's lock
 * takes another before letting the lock go. Indexes reach 2^52 (a file of 2^64 bytes), nine levels,
 * which bounds the recursion.
 */
#include <tine/err.h>
#include <tine/page.h>
#include <tine/page_tree.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/slab.h>

#define NODE_SHIFT 6
#define NODE_SLOTS (1u << NODE_SHIFT)

struct page_tree_node {
	unsigned int used;
	void *slot[NODE_SLOTS]; /* struct page or struct page_tree_node */
};

static struct kmem_cache *node_cache;

void page_tree_init(void)
{
	node_cache = kmem_cache_create("page_tree_node", sizeof(struct page_tree_node), 0);
}

void address_space_init(struct address_space *mapping)
{
	mutex_init(&mapping->lock, LOCK_CLASS_MAPPING);
	mapping->root = NULL;
	mapping->height = 0;
}

/* Indexes that a tree of that height reaches are below this. */
static u64 tree_limit(unsigned int height)
{
	return height == 0 ? 0 : 1ull << (NODE_SHIFT * height);
}

static unsigned int slot_of(u64 index, unsigned int level)
{
	return (index >> (NODE_SHIFT * (level - 1))) & (NODE_SLOTS - 1);
}

/* The lowest node on the way to index; NULL if there is none. */
static const struct page_tree_node *find_leaf(const struct address_space *mapping, u64 index)
{
	const struct page_tree_node *node = mapping->root;

	if (index >= tree_limit(mapping->height))
		return NULL;
	for (unsigned int level = mapping->height; level > 1 && node; level--)
		node = node->slot[slot_of(index, level)];
	return node;
}

struct page *page_tree_lookup(const struct address_space *mapping, u64 index)
{
	const struct page_tree_node *leaf = find_leaf(mapping, index);

	return leaf ? leaf->slot[slot_of(index, 1)] : NULL;
}

void page_tree_get_many(const struct address_space *mapping, u64 index, struct page **pages,
			unsigned int n, u64 unless)
{
	const struct page_tree_node *leaf = NULL;
	struct page *page;

	for (unsigned int i = 0; i < n; i++, index++) {
		if (i == 0 || slot_of(index, 1) == 0)
			leaf = find_leaf(mapping, index);
		page = leaf ? leaf->slot[slot_of(index, 1)] : NULL;
		if (page && page->private != unless)
			get_page(page);
		else
			page = NULL;
		pages[i] = page;
	}
}

static int grow(struct address_space *mapping, u64 index)
{
	while (index >= tree_limit(mapping->height)) {
		struct page_tree_node *node = kmem_cache_zalloc(node_cache);

		if (!node)
			return -ENOMEM;
		if (mapping->root) {
			node->slot[0] = mapping->root;
			node->used = 1;
		}
		mapping->root = node;
		mapping->height++;
	}
	return 0;
}

/*
 * Drops the pages in [first, end) below node, whose lowest index is base, but those to keep; frees
 * what became empty. Returns the pages dropped.
 */
static u64 remove_from(void **slot, unsigned int level, u64 base, u64 first, u64 end,
		       bool (*keep)(struct page *page))
{
	struct page_tree_node *node = *slot;
	u64 step = 1ull << (NODE_SHIFT * (level - 1)), dropped = 0;

	cond_resched();
	for (unsigned int i = first > base ? (first - base) / step : 0; i < NODE_SLOTS; i++) {
		if (base + i * step >= end)
			break;
		if (!node->slot[i])
			continue;
		if (level == 1 && keep && keep(node->slot[i]))
			continue;
		if (level == 1) {
			put_page(node->slot[i]);
			node->slot[i] = NULL;
			dropped++;
		} else {
			dropped += remove_from(&node->slot[i], level - 1, base + i * step, first,
					       end, keep);
		}
		if (!node->slot[i])
			node->used--;
	}
	if (node->used == 0) {
		kmem_cache_free(node_cache, node);
		*slot = NULL;
	}
	return dropped;
}

u64 page_tree_remove(struct address_space *mapping, u64 first, u64 end,
		     bool (*keep)(struct page *page))
{
	u64 dropped;

	if (first >= tree_limit(mapping->height))
		return 0;
	dropped = remove_from((void **)&mapping->root, mapping->height, 0, first, end, keep);
	if (!mapping->root)
		mapping->height = 0;
	return dropped;
}

/* Walks down to the lowest node, making nodes on the way. */
static struct page_tree_node *leaf_for(struct address_space *mapping, u64 index)
{
	struct page_tree_node *node = mapping->root;

	for (unsigned int level = mapping->height; level > 1; level--) {
		void **slot = &node->slot[slot_of(index, level)];

		if (!*slot) {
			*slot = kmem_cache_zalloc(node_cache);
			if (!*slot)
				return NULL;
			node->used++;
		}
		node = *slot;
	}
	return node;
}

/* Frees the empty nodes on the way to index, which an insertion that failed has left. */
static void prune(void **slot, unsigned int level, u64 index)
{
	struct page_tree_node *node = *slot;
	void **child = &node->slot[slot_of(index, level)];

	if (level > 1 && *child) {
		prune(child, level - 1, index);
		if (!*child)
			node->used--;
	}
	if (node->used == 0) {
		kmem_cache_free(node_cache, node);
		*slot = NULL;
	}
}

int page_tree_insert(struct address_space *mapping, u64 index, struct page *page)
{
	struct page_tree_node *leaf = grow(mapping, index) == 0 ? leaf_for(mapping, index) : NULL;

	if (!leaf) {
		if (mapping->root)
			prune((void **)&mapping->root, mapping->height, index);
		if (!mapping->root)
			mapping->height = 0;
		return -ENOMEM;
	}
	ASSERT(!leaf->slot[slot_of(index, 1)]);
	leaf->slot[slot_of(index, 1)] = page;
	leaf->used++;
	return 0;
}

/* The lowest index >= from below node that has a page, ~0 if none. */
static u64 next_page(const struct page_tree_node *node, unsigned int level, u64 base, u64 from)
{
	u64 step = 1ull << (NODE_SHIFT * (level - 1));

	for (unsigned int i = from > base ? (from - base) / step : 0; i < NODE_SLOTS; i++) {
		u64 found = base + i * step;

		if (node->slot[i] && level > 1)
			found = next_page(node->slot[i], level - 1, found, from);
		if (node->slot[i] && found != ~0ull)
			return found;
	}
	return ~0ull;
}

u64 page_tree_next(const struct address_space *mapping, u64 from)
{
	return from >= tree_limit(mapping->height)
		       ? ~0ull
		       : next_page(mapping->root, mapping->height, 0, from);
}
