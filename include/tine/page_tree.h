/*
 * The pages of a file: a tree of nodes with 64 slots, as high as the highest index needs
 * (fs/page_tree.c). A page in the tree is counted by it.
 */
#pragma once

#include <tine/mutex.h>
#include <tine/types.h>

struct page;
struct page_tree_node;

struct address_space {
	struct mutex lock;           /* guards the rest */
	struct page_tree_node *root; /* NULL: no page */
	unsigned int height;         /* levels of nodes; 0: root is NULL */
};

void page_tree_init(void);
void address_space_init(struct address_space *mapping);
/* NULL: a hole. lock held. */
struct page *page_tree_lookup(const struct address_space *mapping, u64 index);
/* The n pages from index on, with a reference each; NULL for those whose private is unless. lock
 * held. */
void page_tree_get_many(const struct address_space *mapping, u64 index, struct page **pages,
			unsigned int n, u64 unless);
/* Puts page (reference consumed on success) at a hole. ENOMEM: nothing changed. lock held. */
int page_tree_insert(struct address_space *mapping, u64 index, struct page *page);
/* Drops the pages in [first, end), but those that keep (NULL: none) is true of; returns how many. lock
 * held. */
u64 page_tree_remove(struct address_space *mapping, u64 first, u64 end,
		     bool (*keep)(struct page *page));
/* The lowest index >= from that has a page; ~0 if there is none. lock held. */
u64 page_tree_next(const struct address_space *mapping, u64 from);
