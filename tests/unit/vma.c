// sources: mm/vma.c
/*
 * The tree of mappings against a plain array of pages. Several maps are forked from each other and
 * changed at random; every change is first tried with each of its allocations failing, which must
 * leave no trace. After each one all maps are compared with their arrays, and the tree with its own
 * rules: order, balance, what nodes know of their subtrees, and that like neighbours are one.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/vma.h>

#include "fibers.h"
#include "objects.h"
#include "tap.h"

#define SLOTS  96
#define SLOT   (64 * PAGE_SIZE) /* a stack's guard gap is four of them */
#define BASE   0x10000000ul
#define SPACES 6
#define FILES  3

static const u32 flag_choices[] = {
	VM_READ,
	VM_READ | VM_WRITE,
	VM_READ | VM_WRITE | VM_GROWSDOWN,
	VM_READ | VM_DONTCOPY,
	VM_READ | VM_WRITE | VM_SHARED,
	VM_READ | VM_WRITE | VM_LOCKED,
	VM_READ | VM_DONTEXPAND,
};

/* What is mapped in one slot. */
struct slot {
	bool mapped;
	u32 flags;
	struct file *file;
	u64 pgoff;
	unsigned int id; /* of the change that made it: tells apart what is never joined */
};

struct space {
	bool alive;
	struct mm_struct mm;
	struct slot slots[SLOTS];
};

static struct space spaces[SPACES];
static struct file files[FILES];
static unsigned int next_id;

void fput(struct file *file)
{
	if (file)
		CHECK(!atomic_dec_and_test(&file->count));
}

static unsigned long address_of(unsigned int slot)
{
	return BASE + slot * SLOT;
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand() % n;
}

/* --- Comparing --- */

static u64 pgoff_at(const struct vma *vma, unsigned int slot)
{
	return vma->pgoff + ((address_of(slot) - vma->start) >> PAGE_SHIFT);
}

static bool alike(const struct slot *a, const struct slot *b)
{
	if (!a->mapped || !b->mapped || a->flags != b->flags || a->file != b->file ||
	    a->pgoff + (SLOT >> PAGE_SHIFT) != b->pgoff)
		return false;
	return !(a->flags & VM_DONTEXPAND) || a->id == b->id;
}

static void check_slot(struct space *space, unsigned int slot)
{
	const struct slot *expected = &space->slots[slot];
	unsigned long address = address_of(slot);
	const struct vma *vma = vma_lookup(&space->mm, address);

	CHECK(!vma == !expected->mapped);
	if (!vma)
		return;
	CHECK(vma == vma_lookup(&space->mm, address + SLOT - 1));
	CHECK(vma->flags == expected->flags && vma->file == expected->file);
	CHECK(pgoff_at(vma, slot) == expected->pgoff);
	if (slot > 0)
		CHECK((vma->start < address) == alike(expected - 1, expected));
}

/* What a subtree is found to hold. */
struct sums {
	unsigned int count;
	unsigned long total, data, stack, locked, gap, start, end;
	u32 flags;
	const struct vma *last; /* the mapping before the next in order */
};

static unsigned int check_tree(const struct vma *tree, struct sums *sums)
{
	struct sums mine = {.last = NULL};
	unsigned int left, right;
	unsigned long pages;

	if (!tree)
		return 0;
	CHECK(atomic_read(&tree->count) > 0);
	pages = (tree->end - tree->start) >> PAGE_SHIFT;
	left = check_tree(tree->left, &mine);
	if (mine.last) {
		CHECK(mine.last->end <= tree->start);
		if (vma_start_gap(tree) > mine.last->end)
			mine.gap = MAX(mine.gap, vma_start_gap(tree) - mine.last->end);
	} else {
		mine.start = vma_start_gap(tree);
	}
	mine.last = tree;
	mine.count++;
	mine.total += pages;
	mine.data += vma_flags_data(tree->flags) ? pages : 0;
	mine.stack += tree->flags & VM_GROWSDOWN ? pages : 0;
	mine.locked += tree->flags & VM_LOCKED ? pages : 0;
	mine.flags |= tree->flags;
	mine.end = tree->end;
	if (tree->right) {
		struct sums other = {.last = NULL};

		right = check_tree(tree->right, &other);
		if (other.start > tree->end)
			mine.gap = MAX(mine.gap, other.start - tree->end);
		mine = (struct sums){
			.count = mine.count + other.count,
			.total = mine.total + other.total,
			.data = mine.data + other.data,
			.stack = mine.stack + other.stack,
			.locked = mine.locked + other.locked,
			.gap = MAX(mine.gap, other.gap),
			.start = mine.start,
			.end = other.end,
			.flags = mine.flags | other.flags,
			.last = other.last,
		};
	} else {
		right = 0;
	}
	CHECK(left <= right + 1 && right <= left + 1);
	CHECK(tree->height == MAX(left, right) + 1);
	CHECK(tree->tree_start == mine.start && tree->tree_end == mine.end);
	CHECK(tree->tree_gap == mine.gap && tree->tree_flags == mine.flags);
	*sums = mine;
	return tree->height;
}

static void check_space(struct space *space)
{
	struct sums sums = {.last = NULL};
	const struct mm_struct *mm = &space->mm;

	check_tree(mm->vmas, &sums);
	CHECK(mm->map.count == sums.count && mm->map.total_pages == sums.total);
	CHECK(mm->map.data_pages == sums.data && mm->map.stack_pages == sums.stack);
	CHECK(mm->map.locked_pages == sums.locked);
	for (unsigned int slot = 0; slot < SLOTS; slot++)
		check_slot(space, slot);
}

static void check_all(void)
{
	for (unsigned int i = 0; i < SPACES; i++)
		if (spaces[i].alive)
			check_space(&spaces[i]);
}

/* --- Looking up, against a walk over all mappings --- */

struct search {
	unsigned long address, low, high, length, best;
	struct mm_struct *mm;
	const struct vma *found;
	u32 flags;
};

static int first_with_flags(const struct vma *vma, void *arg)
{
	struct search *search = arg;

	if (vma->end <= search->address || !(vma->flags & search->flags))
		return 0;
	search->found = vma;
	return 1;
}

static int last_below(const struct vma *vma, void *arg)
{
	struct search *search = arg;

	if (vma->end <= search->address)
		search->found = vma;
	return 0;
}

static bool place_is_free(const struct search *search, unsigned long address)
{
	const struct vma *next = vma_find(search->mm, address);

	return address >= search->low && address + search->length <= search->high &&
	       (!next ||
		(next->start >= address && address + search->length <= vma_start_gap(next)));
}

static int try_below(const struct vma *vma, void *arg)
{
	struct search *search = arg;
	unsigned long address = vma_start_gap(vma) - search->length;

	if (place_is_free(search, address))
		search->best = MAX(search->best, address);
	return 0;
}

static void check_free_range(struct space *space)
{
	struct search s = {.mm = &space->mm};

	s.low = address_of(below(SLOTS)) - 8 * SLOT;
	s.high = s.low + below(SLOTS) * SLOT + below(64) * PAGE_SIZE;
	s.length = (1 + below(8)) * SLOT - below(2) * PAGE_SIZE;
	if (s.high - s.low >= s.length && place_is_free(&s, s.high - s.length))
		s.best = s.high - s.length;
	vma_for_each(&space->mm, try_below, &s);
	CHECK(vma_free_range(&space->mm, s.low, s.high, s.length) == s.best);
}

static void check_lookups(struct space *space)
{
	struct search s = {.mm = &space->mm,
			   .address = address_of(below(SLOTS + 1)),
			   .flags = flag_choices[below(ARRAY_SIZE(flag_choices))] & ~VM_READ};

	vma_for_each(&space->mm, first_with_flags, &s);
	CHECK(vma_find_flags(&space->mm, s.address, s.flags) == s.found);
	s.found = NULL;
	vma_for_each(&space->mm, last_below, &s);
	CHECK(vma_below(&space->mm, s.address) == s.found);
	check_free_range(space);
}

/* --- Changing --- */

struct change {
	unsigned int first, end;
	bool map;
	struct slot slot; /* what the first one becomes */
};

static struct change random_change(void)
{
	struct change change = {.first = below(SLOTS), .map = below(3) > 0};
	struct slot *slot = &change.slot;

	change.end = change.first + 1 + below(MIN(12u, SLOTS - change.first));
	slot->mapped = true;
	slot->flags = flag_choices[below(ARRAY_SIZE(flag_choices))];
	slot->file = below(2) ? &files[below(FILES)] : NULL;
	slot->pgoff = address_of(change.first) >> PAGE_SHIFT;
	if (slot->file && below(2))
		slot->pgoff += SLOT >> PAGE_SHIFT;
	slot->id = ++next_id;
	return change;
}

static int apply(struct space *space, const struct change *change)
{
	unsigned long start = address_of(change->first), end = address_of(change->end);
	const struct slot *slot = &change->slot;
	struct vma_edit edit;
	int error;

	if (change->map && space->mm.unborn)
		return vma_map(&space->mm,
			       vma_alloc(start, end, slot->flags, slot->file, slot->pgoff));
	vma_edit_begin(&edit, &space->mm);
	if (change->map)
		vma_edit_map(&edit, vma_alloc(start, end, slot->flags, slot->file, slot->pgoff));
	else
		vma_edit_unmap(&edit, start, end);
	error = vma_edit_commit(&edit);
	vma_edit_end(&edit);
	return error;
}

static void apply_to_slots(struct space *space, const struct change *change)
{
	for (unsigned int i = change->first; i < change->end; i++) {
		space->slots[i] = (struct slot){.mapped = false};
		if (!change->map)
			continue;
		space->slots[i] = change->slot;
		space->slots[i].pgoff += (i - change->first) * (SLOT >> PAGE_SHIFT);
	}
}

/* Makes a change, after trying it with every allocation failing in turn. */
static void change_at_random(struct space *space)
{
	struct change change = random_change();
	long in_use = objects_in_use;
	unsigned int n = 0;
	int error;

	do {
		fail_at = ++n;
		error = apply(space, &change);
		if (error) {
			CHECK(error == -ENOMEM && objects_in_use == in_use);
			check_space(space);
		}
	} while (error);
	fail_at = 0;
	apply_to_slots(space, &change);
}

static void fork_space(struct space *parent, struct space *child)
{
	*child = *parent;
	vma_get(child->mm.vmas);
}

static void end_space(struct space *space)
{
	vma_put(space->mm.vmas);
	*space = (struct space){.alive = false};
}

static void fork_or_end(struct space *space)
{
	struct space *other = &spaces[below(SPACES)];

	if (other == space)
		return;
	if (other->alive)
		end_space(other);
	fork_space(space, other);
}

static void random_changes(unsigned int seed)
{
	tap_seed = seed;
	srand(seed);
	spaces[0].alive = true;
	for (unsigned int step = 0; step < 120; step++) {
		struct space *space = &spaces[below(SPACES)];

		if (!space->alive)
			continue;
		if (below(6) == 0)
			fork_or_end(space);
		else
			change_at_random(space);
		check_lookups(space);
		check_all();
	}
	for (unsigned int i = 0; i < SPACES; i++)
		if (spaces[i].alive)
			end_space(&spaces[i]);
	CHECK(objects_in_use == 0);
	for (unsigned int i = 0; i < FILES; i++)
		CHECK(atomic_read(&files[i].count) == 1);
}

/* --- A map that exec builds --- */

/* Half of the rounds only map, and mostly where nothing is, so that the map stays a list for long. */
static void build_unborn(unsigned int seed)
{
	struct space *space = &spaces[0];

	tap_seed = seed;
	srand(seed);
	space->alive = space->mm.unborn = space->mm.vmas_are_list = true;
	for (unsigned int step = 0; step < 12; step++) {
		struct change change = random_change();

		change.map |= seed % 2;
		CHECK(apply(space, &change) == 0);
		apply_to_slots(space, &change);
		for (unsigned int slot = 0; slot < SLOTS; slot++)
			check_slot(space, slot);
		check_free_range(space);
	}
	vma_make_tree(&space->mm);
	space->mm.unborn = false;
	check_space(space);
	change_at_random(space);
	check_space(space);
	end_space(space);
	CHECK(objects_in_use == 0);
}

/* --- Several CPUs --- */

/* A change under the lock, that may fail; the old map goes after the lock was let go, as in the kernel. */
static void change_locked(struct space *space)
{
	const struct change change = random_change();
	const struct slot *slot = &change.slot;
	unsigned long start = address_of(change.first), end = address_of(change.end);
	struct vma_edit edit;

	mutex_lock(&space->mm.lock);
	vma_edit_begin(&edit, &space->mm);
	if (change.map)
		vma_edit_map(&edit, vma_alloc(start, end, slot->flags, slot->file, slot->pgoff));
	else
		vma_edit_unmap(&edit, start, end);
	if (!vma_edit_commit(&edit))
		apply_to_slots(space, &change);
	mutex_unlock(&space->mm.lock);
	vma_edit_end(&edit);
}

/* Makes space, of this CPU, a copy of parent. */
static void replace_by_fork(struct space *space, struct space *parent)
{
	struct space child;
	struct vma *old;

	mutex_lock(&parent->mm.lock);
	fork_space(parent, &child);
	mutex_unlock(&parent->mm.lock);
	mutex_lock(&space->mm.lock);
	old = space->mm.vmas;
	child.mm.lock = space->mm.lock;
	*space = child;
	mutex_unlock(&space->mm.lock);
	vma_put(old);
}

/* Each CPU has a map of its own, and now and then makes it a copy of another's. */
static void run_cpu(void)
{
	struct space *mine = &spaces[host_cpu];

	for (unsigned int step = 0; step < 40; step++) {
		struct space *other = &spaces[below(FIBERS)];

		if (other != mine && below(5) == 0)
			replace_by_fork(mine, other);
		else
			change_locked(mine);
	}
}

static void random_schedule(unsigned int seed)
{
	tap_seed = seed;
	srand(seed);
	for (unsigned int i = 0; i < FIBERS; i++)
		spaces[i] = (struct space){.alive = true};
	fail_permille = 20;
	fibers_run(run_cpu);
	fail_permille = 0;
	check_all();
	for (unsigned int i = 0; i < FIBERS; i++)
		end_space(&spaces[i]);
	CHECK(objects_in_use == 0);
	for (unsigned int i = 0; i < FILES; i++)
		CHECK(atomic_read(&files[i].count) == 1);
}

/* --- Large maps --- */

static int map_page(struct mm_struct *mm, unsigned long address, u32 flags)
{
	return vma_map(mm,
		       vma_alloc(address, address + PAGE_SIZE, flags, NULL, address >> PAGE_SHIFT));
}

static void map_many(struct mm_struct *mm, unsigned int n, unsigned int stride)
{
	for (unsigned int i = 0; i < n; i++)
		CHECK(map_page(mm, BASE + (unsigned long)(i * stride % n) * 2 * PAGE_SIZE,
			       VM_READ) == 0);
}

static void a_large_map_is_shared(void)
{
	struct mm_struct parent = {.vmas = NULL}, child;
	struct sums sums;
	long before;

	map_many(&parent, 20000, 7919);
	CHECK(check_tree(parent.vmas, &sums) <= 21 && sums.count == 20000);
	child = parent;
	vma_get(child.vmas);
	before = objects_allocated;
	CHECK(map_page(&child, BASE + 4242 * 2 * PAGE_SIZE, VM_READ | VM_WRITE) == 0);
	CHECK(objects_allocated - before <= 3 * 21);
	check_tree(parent.vmas, &sums);
	check_tree(child.vmas, &sums);
	vma_put(parent.vmas);
	check_tree(child.vmas, &sums);
	CHECK(sums.count == 20000);
	vma_put(child.vmas);
	CHECK(objects_in_use == 0);
}

static void there_is_a_limit(void)
{
	struct mm_struct mm = {.vmas = NULL};
	struct sums sums;

	map_many(&mm, MAX_MAP_COUNT, 7919);
	CHECK(map_page(&mm, BASE - 2 * PAGE_SIZE, VM_READ) == -ENOMEM);
	CHECK(map_page(&mm, BASE + 2 * PAGE_SIZE, VM_READ | VM_EXEC) == 0);
	CHECK(map_page(&mm, BASE + PAGE_SIZE, VM_WRITE) == -ENOMEM);
	CHECK(map_page(&mm, BASE + 5 * PAGE_SIZE, VM_READ) == 0); /* joins its neighbours */
	check_tree(mm.vmas, &sums);
	CHECK(sums.count == MAX_MAP_COUNT - 1 && mm.map.count == sums.count);
	vma_put(mm.vmas);
	CHECK(objects_in_use == 0);
}

int main(void)
{
	vma_init();
	for (unsigned int i = 0; i < FILES; i++)
		atomic_set(&files[i].count, 1);
	for (unsigned int seed = 1; seed <= 60; seed++)
		random_changes(seed);
	tap_ok("random changes of forked maps, every allocation failing once");
	for (unsigned int seed = 1; seed <= 400; seed++)
		build_unborn(seed);
	tap_ok("a map that exec builds, a list or no longer one");
	for (unsigned int seed = 1; seed <= 300; seed++)
		random_schedule(seed);
	tap_ok("several CPUs change maps that share nodes");
	a_large_map_is_shared();
	tap_ok("a change of a large shared map copies one path");
	there_is_a_limit();
	tap_ok("the number of mappings has a limit");
	return tap_done();
}
