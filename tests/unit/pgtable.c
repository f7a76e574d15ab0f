// sources: mm/pgtable.c mm/pgtable_node.c mm/usage.c mm/accounting.c
/*
 * Each function of the page tables by itself: what it promises, and what it promises when it runs
 * out of memory. Trees are forked a few times at random, then an operation is tried with its first,
 * second, ... allocation failing until it succeeds. Contents of all trees are compared with plain
 * arrays after each attempt.
 */
#include <tine/err.h>

#include "trees.h"

#define SPACES     4
#define TABLE      (1ul << 21)
#define DIRECTORY  (1ul << 30)
#define ROOT_ENTRY (1ul << 39)

unsigned int host_cpu;
struct task_struct *host_current;

/* Where pages are mapped: neighbours, and both sides of the edges of nodes. */
static const unsigned long addresses[] = {
	TABLE - PAGE_SIZE,
	TABLE,
	TABLE + PAGE_SIZE,
	TABLE + 9 * PAGE_SIZE,
	DIRECTORY - PAGE_SIZE,
	DIRECTORY,
	3 * DIRECTORY,
	ROOT_ENTRY - PAGE_SIZE,
	ROOT_ENTRY,
	ROOT_ENTRY + TABLE,
	TASK_SIZE_MAX - PAGE_SIZE,
};

#define PLACES ARRAY_SIZE(addresses)

/* What a tree shows: 0 for nothing mapped. */
struct space {
	struct mm_struct mm; /* root NULL: not in use */
	u64 contents[PLACES];
};

static struct space spaces[SPACES];
static unsigned int flushes;
static unsigned long flushed_start, flushed_end;

void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	flushes++;
	flushed_start = MIN(flushed_start, start);
	flushed_end = MAX(flushed_end, end);
}

void cond_resched(void)
{
}

void flush_tlb_mm(struct mm_struct *mm)
{
	flush_tlb_range(mm, 0, TASK_SIZE_MAX);
}

static void expect_flushes(void)
{
	flushes = 0;
	flushed_start = ~0ul;
	flushed_end = 0;
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand() % n;
}

static u64 read_word(struct space *space, unsigned int place)
{
	bool writable;
	struct page *page = pgtable_lookup(&space->mm, addresses[place], &writable);

	return page ? *(u64 *)page_address(page) : 0;
}

static void check_all(void)
{
	trees_begin();
	for (unsigned int i = 0; i < SPACES; i++) {
		if (!spaces[i].mm.root)
			continue;
		trees_add(&spaces[i].mm);
		for (unsigned int place = 0; place < PLACES; place++)
			CHECK(read_word(&spaces[i], place) == spaces[i].contents[place]);
	}
	trees_end();
}

/* --- Operations: each may fail, and is tried until it does not --- */

struct operation {
	struct space *space;
	unsigned long start, end, to, written;
	unsigned int place, rights;
	struct page *page;
};

static int try_map(struct operation *op)
{
	return pgtable_map(&op->space->mm, addresses[op->place], op->page, op->rights);
}

static int try_write(struct operation *op)
{
	return pgtable_write_fault(&op->space->mm, addresses[op->place]);
}

static int try_unmap(struct operation *op)
{
	return pgtable_unmap(&op->space->mm, op->start, op->end);
}

static int try_protect(struct operation *op)
{
	return pgtable_protect(&op->space->mm, op->start, op->end, op->rights);
}

static int try_move(struct operation *op)
{
	return pgtable_move(&op->space->mm, op->start, op->to, op->end - op->start);
}

static int try_fork(struct operation *op)
{
	struct mm_struct child = {.root = NULL};
	int error = pgtable_fork(&child, &op->space->mm, op->written);

	if (error)
		CHECK(child.root == NULL);
	else
		spaces[op->place].mm.root = child.root;
	return error;
}

/* Out of memory must leave all trees as they were, unless what an unmap had done already is known
 * to op. */
static int persist(int (*attempt)(struct operation *op), struct operation *op)
{
	unsigned int n = 0;
	int error;

	do {
		fail_at = ++n;
		error = attempt(op);
		fail_at = 0;
		if (error == -ENOMEM && attempt != try_unmap)
			check_all();
	} while (error == -ENOMEM);
	return error;
}

static struct page *page_with(u64 value)
{
	struct page *page = alloc_zeroed_data_page();

	*(u64 *)page_address(page) = value;
	return page;
}

static void map(struct space *space)
{
	struct operation op = {.space = space, .place = below(PLACES)};
	u64 value = 1 + below(1000000);

	op.rights = below(2) ? PG_WRITE : below(2) ? PG_EXEC : 0;
	if (below(4) == 0)
		op.rights |= PG_SHARED;
	op.page = page_with(value);
	/* The page belongs to nobody until it is mapped, so trees cannot be checked meanwhile. */
	for (unsigned int n = 1;; n++) {
		fail_at = n;
		if (!try_map(&op))
			break;
		CHECK(op.page->count.value == 1);
	}
	fail_at = 0;
	space->contents[op.place] = value;
}

static void write(struct space *space)
{
	struct operation op = {.space = space, .place = below(PLACES)};
	bool writable;
	struct page *page;
	int error;

	pgtable_lookup(&space->mm, addresses[op.place], &writable);
	expect_flushes();
	error = persist(try_write, &op);
	CHECK(error == (space->contents[op.place] ? 0 : -ENOENT));
	if (error)
		return;
	CHECK(!writable || flushes == 0);
	page = pgtable_lookup(&space->mm, addresses[op.place], &writable);
	CHECK(writable);
	if (page->count.value == 1)
		*(u64 *)page_address(page) = space->contents[op.place] = 1 + below(1000000);
}

static struct operation random_range(struct space *space)
{
	unsigned long from = addresses[below(PLACES)], to = addresses[below(PLACES)];
	unsigned long size = 1ul << (12 + 9 * below(4));
	struct operation op = {
		.space = space, .start = MIN(from, to), .end = MAX(from, to) + PAGE_SIZE};

	if (below(2)) {
		op.start = ALIGN_DOWN(from, size);
		op.end = MIN(op.start + size, TASK_SIZE_MAX);
	}
	return op;
}

static void unmap(struct space *space)
{
	struct operation op = random_range(space);

	expect_flushes();
	persist(try_unmap, &op);
	for (unsigned int i = 0; i < PLACES; i++) {
		if (addresses[i] < op.start || addresses[i] >= op.end)
			continue;
		if (space->contents[i])
			CHECK(flushed_start <= addresses[i] && flushed_end > addresses[i]);
		space->contents[i] = 0;
	}
}

static void protect(struct space *space)
{
	static const unsigned int rights[] = {0, PG_WRITE, PG_EXEC, PG_NONE};
	struct operation op = random_range(space);
	bool writable;

	op.rights = rights[below(ARRAY_SIZE(rights))];
	CHECK(persist(try_protect, &op) == 0);
	for (unsigned int i = 0; i < PLACES; i++) {
		if (addresses[i] < op.start || addresses[i] >= op.end || !space->contents[i])
			continue;
		pgtable_lookup(&space->mm, addresses[i], &writable);
		CHECK(!writable || (op.rights & PG_WRITE));
		if (op.rights == PG_NONE)
			CHECK(pgtable_write_fault(&space->mm, addresses[i]) == -ENOENT);
	}
	/* So that the other operations find ordinary pages. */
	op.rights = PG_WRITE;
	CHECK(persist(try_protect, &op) == 0);
}

/* The whole of one gigabyte to where nothing is. */
static void move(struct space *space)
{
	struct operation op = {.space = space, .start = 0, .end = DIRECTORY, .to = 5 * DIRECTORY};

	persist(try_move, &op);
	for (unsigned int i = 0; i < PLACES; i++)
		if (addresses[i] < op.end)
			CHECK(read_word(space, i) == 0);
	op = (struct operation){.space = space, .start = op.to, .end = op.to + DIRECTORY, .to = 0};
	pgtable_move(&space->mm, op.start, op.to, DIRECTORY);
}

static void fork_or_end(struct space *space)
{
	struct operation op = {.space = space, .place = below(SPACES)};
	struct space *other = &spaces[op.place];

	if (other == space)
		return;
	op.written = below(2) ? addresses[below(PLACES)] : ~0ul;
	pgtable_free_root(&other->mm);
	CHECK(other->mm.root == NULL);
	CHECK(persist(try_fork, &op) == 0);
	memcpy(other->contents, space->contents, sizeof(other->contents));
}

static void random_operations(unsigned int seed)
{
	static void (*const operations[])(struct space * space) = {
		map, map, map, write, write, write, unmap, protect, move, fork_or_end,
	};

	tap_seed = seed;
	srand(seed);
	CHECK(pgtable_alloc_root(&spaces[0].mm) == 0);
	memset(spaces[0].contents, 0, sizeof(spaces[0].contents));
	for (unsigned int step = 0; step < 100; step++) {
		struct space *space = &spaces[below(SPACES)];

		if (!space->mm.root)
			continue;
		operations[below(ARRAY_SIZE(operations))](space);
		check_all();
	}
	for (unsigned int i = 0; i < SPACES; i++)
		pgtable_free_root(&spaces[i].mm);
	CHECK(unowned_page_count() == HOST_PAGES - 1);
}

/* --- What things cost --- */

static void map_many(struct mm_struct *mm, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		CHECK(pgtable_map(mm, ROOT_ENTRY + i * PAGE_SIZE, page_with(i), PG_WRITE) == 0);
}

static struct mm_usage usage_of(struct mm_struct *mm)
{
	struct mm_usage usage = {0};

	mm_measure(mm, 0, TASK_SIZE_MAX, &usage);
	return usage;
}

static u64 pages_of(struct mm_struct *mm)
{
	struct mm_usage usage = usage_of(mm);

	return mm_usage_pages(&usage);
}

/* What is measured: pages by owner, what relatives share, and each one's part of it. */
static void usage_is_divided(void)
{
	struct mm_struct parent = {.root = NULL}, child = {.root = NULL};
	struct page *file = page_with(7);
	struct mm_usage usage, part = {0};

	CHECK(pgtable_alloc_root(&parent) == 0);
	map_many(&parent, 600);
	CHECK(pgtable_map(&parent, 0, zero_page, PG_UNCOUNTED) == 0);
	file->owner = PAGE_SHMEM;
	get_page(file);
	CHECK(pgtable_map(&parent, DIRECTORY, file, PG_SHARED) == 0);
	usage = usage_of(&parent);
	CHECK(usage.pages[PAGE_ANON] == 600 && usage.shared[PAGE_ANON] == 0);
	CHECK(usage.pages[PAGE_SHMEM] == 1 && usage.shared[PAGE_SHMEM] == 0);
	CHECK(usage.share[PAGE_ANON] == 600 * MM_SHARE_UNIT &&
	      usage.share[PAGE_SHMEM] == MM_SHARE_UNIT);
	CHECK(usage.nodes == 1 + 2 + 3 + 4);
	mm_measure(&parent, ROOT_ENTRY + PAGE_SIZE, ROOT_ENTRY + 513 * PAGE_SIZE, &part);
	CHECK(part.pages[PAGE_ANON] == 512 && part.pages[PAGE_SHMEM] == 0);
	CHECK(pgtable_fork(&child, &parent, 0) == 0);
	CHECK(pgtable_write_fault(&child, ROOT_ENTRY) == 0);
	usage = usage_of(&child);
	CHECK(usage.pages[PAGE_ANON] == 600 && usage.shared[PAGE_ANON] == 599);
	CHECK(usage.pages[PAGE_SHMEM] == 1 && usage.shared[PAGE_SHMEM] == 1);
	CHECK(usage.share[PAGE_ANON] == MM_SHARE_UNIT + 599 * MM_SHARE_UNIT / 2);
	CHECK(usage.share[PAGE_SHMEM] == MM_SHARE_UNIT / 2);
	put_page(file);
	CHECK(pgtable_unmap(&parent, 0, TASK_SIZE_MAX) == 0);
	CHECK(pages_of(&parent) == 0 && pages_of(&child) == 601);
	pgtable_free_root(&parent);
	pgtable_free_root(&child);
	CHECK(unowned_page_count() == HOST_PAGES - 1);
}

static void fork_shares_all(void)
{
	struct mm_struct parent = {.root = NULL}, child = {.root = NULL};
	u64 before;

	CHECK(pgtable_alloc_root(&parent) == 0);
	map_many(&parent, 2000);
	CHECK(pages_of(&parent) == 2000);
	before = unowned_page_count();
	CHECK(pgtable_fork(&child, &parent, 0) == 0);
	CHECK(before - unowned_page_count() == 1); /* the root */
	CHECK(pgtable_write_fault(&child, ROOT_ENTRY) == 0);
	CHECK(before - unowned_page_count() == 5); /* a node of each level and the page */
	CHECK(pgtable_unmap(&child, ROOT_ENTRY, ROOT_ENTRY + DIRECTORY) == 0);
	CHECK(pages_of(&child) == 0 && pages_of(&parent) == 2000);
	pgtable_free_root(&parent);
	pgtable_free_root(&child);
	CHECK(unowned_page_count() == HOST_PAGES - 1);
}

/* Both can write, each to its own: nothing is left to do for whoever writes first. */
static void fork_splits_what_is_written(void)
{
	struct mm_struct parent = {.root = NULL}, child = {.root = NULL};
	struct page *page, *copy;
	bool writable;
	int error;

	CHECK(pgtable_alloc_root(&parent) == 0);
	map_many(&parent, 600);
	page = pgtable_lookup(&parent, ROOT_ENTRY, &writable);
	*(u64 *)page_address(page) = 5;
	CHECK(pgtable_fork(&child, &parent, ROOT_ENTRY) == 0);
	CHECK(pgtable_lookup(&parent, ROOT_ENTRY, &writable) == page && writable);
	copy = pgtable_lookup(&child, ROOT_ENTRY, &writable);
	CHECK(copy != page && writable && *(u64 *)page_address(copy) == 5);
	CHECK(pgtable_lookup(&child, ROOT_ENTRY + PAGE_SIZE, &writable) && !writable);
	CHECK(pgtable_lookup(&parent, ROOT_ENTRY + PAGE_SIZE, &writable) && !writable);
	trees_begin();
	trees_add(&parent);
	trees_add(&child);
	trees_end();
	pgtable_free_root(&child);
	/* As far as there is memory. */
	for (unsigned int n = 1, done = 0; !done; n++) {
		CHECK(pgtable_write_fault(&parent, ROOT_ENTRY) == 0);
		fail_at = n;
		error = pgtable_fork(&child, &parent, ROOT_ENTRY);
		done = fail_at;
		fail_at = 0;
		if (error)
			continue;
		copy = pgtable_lookup(&child, ROOT_ENTRY, &writable);
		CHECK(writable == done && *(u64 *)page_address(copy) == 5);
		trees_begin();
		trees_add(&parent);
		trees_add(&child);
		trees_end();
		pgtable_free_root(&child);
	}
	/* What could not be written to before stays shared; an address may be anything. */
	CHECK(pgtable_fork(&child, &parent, ROOT_ENTRY + PAGE_SIZE) == 0);
	CHECK(pgtable_lookup(&child, ROOT_ENTRY + PAGE_SIZE, &writable) && !writable);
	pgtable_free_root(&child);
	CHECK(pgtable_fork(&child, &parent, ~0ul) == 0);
	pgtable_free_root(&child);
	pgtable_free_root(&parent);
	CHECK(unowned_page_count() == HOST_PAGES - 1);
}

static void many_references(void)
{
	static struct mm_struct mms[1000];

	CHECK(pgtable_alloc_root(&mms[0]) == 0);
	map_many(&mms[0], 3);
	for (unsigned int i = 1; i < ARRAY_SIZE(mms); i++) {
		CHECK(pgtable_fork(&mms[i], &mms[i - 1], 0) == 0);
		if (i % 3 == 0)
			CHECK(pgtable_write_fault(&mms[i], ROOT_ENTRY + PAGE_SIZE) == 0);
	}
	trees_begin();
	for (unsigned int i = 0; i < ARRAY_SIZE(mms); i++)
		trees_add(&mms[i]);
	trees_end();
	for (unsigned int i = 0; i < ARRAY_SIZE(mms); i++)
		pgtable_free_root(&mms[i]);
	CHECK(unowned_page_count() == HOST_PAGES - 1);
}

int main(void)
{
	pages_init();
	for (unsigned int seed = 1; seed <= 100; seed++)
		random_operations(seed);
	tap_ok("random operations on forked trees, every allocation failing once");
	usage_is_divided();
	tap_ok("what is in memory is counted by its owner and divided among who maps it");
	fork_shares_all();
	tap_ok("fork copies the root, a write one path, an unmap of a whole node nothing");
	fork_splits_what_is_written();
	tap_ok("fork gives both their own of the page that both will write");
	many_references();
	tap_ok("a thousand generations keep the counts");
	return tap_done();
}
