// sources: fs/page_tree.c
/*
 * A file's pages against an array: random insertions, truncations and searches, in a small file and
 * in one with pages wide apart. Every insertion is first tried with each of its allocations
 * failing, which must lose nothing; in the end no node is left.
 */
#include <tine/err.h>
#include <tine/page.h>
#include <tine/page_tree.h>
#include <tine/sched.h>

#include "objects.h"
#include "tap.h"

#define SLOTS 400

static struct address_space tree;
static struct page pages[SLOTS];
static bool present[SLOTS];
static unsigned long stride; /* of the indexes that the slots stand for */
static unsigned int pages_in_tree;

void cond_resched(void)
{
}

void mutex_init(struct mutex *m, enum lock_class class)
{
}

void free_data_page(struct page *page)
{
	CHECK(present[page - pages]);
	present[page - pages] = false;
	pages_in_tree--;
}

static unsigned int random_number(unsigned int below)
{
	static unsigned long long state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

/* The lowest index >= from that has a page. */
static unsigned long next_in_array(unsigned long from)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (i * stride >= from && present[i])
			return i * stride;
	return ~0ul;
}

static void check_slot(unsigned int i)
{
	CHECK(page_tree_lookup(&tree, i * stride) == (present[i] ? &pages[i] : NULL));
	if (stride > 1)
		CHECK(!page_tree_lookup(&tree, i * stride + 1));
	CHECK(page_tree_next(&tree, i * stride) == next_in_array(i * stride));
}

static void insert(unsigned int i)
{
	long before = objects_in_use;

	if (present[i])
		return;
	pages[i] = (struct page){.kind = PAGE_DATA, .count = ATOMIC_INIT(1)};
	for (int n = 1;; n++) {
		fail_at = n;
		if (page_tree_insert(&tree, i * stride, &pages[i]) == 0)
			break;
		CHECK(objects_in_use >= before);
		CHECK(!page_tree_lookup(&tree, i * stride));
	}
	fail_at = 0;
	present[i] = true;
	pages_in_tree++;
}

static void truncate_to(unsigned int i)
{
	unsigned int beyond = 0;

	for (unsigned int k = i; k < SLOTS; k++)
		beyond += present[k];
	CHECK(page_tree_remove(&tree, i * stride, ~0ul, NULL) == beyond);
	CHECK(page_tree_next(&tree, i * stride) == ~0ul);
}

static bool keep_odd(struct page *page)
{
	return (page - pages) % 2;
}

static void remove_even(unsigned int from, unsigned int to)
{
	unsigned int even = 0;

	for (unsigned int k = from; k < to; k++)
		even += k % 2 == 0 && present[k];
	CHECK(page_tree_remove(&tree, from * stride, to * stride, keep_odd) == even);
}

static void random_operations(unsigned long distance, const char *text)
{
	stride = distance;
	address_space_init(&tree);
	for (int round = 0; round < 20000; round++) {
		if (random_number(300) == 0)
			truncate_to(random_number(SLOTS));
		else if (random_number(300) == 0)
			remove_even(random_number(SLOTS), random_number(SLOTS));
		else
			insert(random_number(SLOTS));
		check_slot(random_number(SLOTS));
	}
	for (unsigned int i = 0; i < SLOTS; i++)
		check_slot(i);
	truncate_to(0);
	CHECK(pages_in_tree == 0 && objects_in_use == 0 && tree.height == 0);
	tap_ok(text);
}

/* A failed insertion far beyond the end leaves the nodes that were there, and no other. */
static void failures_leave_nothing(void)
{
	stride = 1ul << 40;
	address_space_init(&tree);
	for (int n = 1; n < 8; n++) {
		fail_at = n;
		CHECK(page_tree_insert(&tree, 3 * stride, &pages[3]) == -ENOMEM);
		CHECK(objects_in_use == 0 && !tree.root && tree.height == 0);
	}
	fail_at = 0;
	tap_ok("page tree: an insertion that fails leaves nothing behind");
}

int main(void)
{
	page_tree_init();
	random_operations(1, "page tree: a small file");
	random_operations(63, "page tree: a file with holes");
	random_operations(1ul << 37, "page tree: pages as far apart as they can be");
	failures_leave_nothing();
	return tap_done();
}
