// sources: mm/pgtable.c mm/pgtable_node.c mm/usage.c mm/accounting.c
/*
 * The page-table tree with several CPUs: the kernel's own code, every shared access a place where
 * another CPU may go on.
 *
 * Four CPUs run address spaces, several of them the same one at times. Each CPU does what programs
 * and the kernel do (read, write, fork, unmap, protect, move, exit) and has a processor's memory of
 * translations: leaf entries and the nodes found on the way, which are used until a flush.
 * Allocations fail by chance. Checked are
 *
 *   isolation     each address space reads what it wrote, or what its parent had at fork, and
 *                 shared pages are the same to all;
 *   rights        no access gets through that the mapping does not allow, however old the
 *                 translation is;
 *   invariants    in a pause: invariant 1, the counts, the bookkeeping of nodes (trees.h);
 *   leaks         in the end no page is left.
 *
 * The first argument is the number of schedules, the second the seed of the first.
 */
#include <tine/err.h>

#include "fibers.h"
#include "trees.h"

#define SPACES     7
#define OPERATIONS 40
#define ROUNDS     3
#define TABLE      (1ul << 21)
#define DIRECTORY  (1ul << 30)
#define ROOT_ENTRY (1ul << 39)

/* Pages on both sides of the edges of nodes of every level; the last ones are of a shared mapping.
 */
static const unsigned long addresses[] = {
	ROOT_ENTRY,
	ROOT_ENTRY + PAGE_SIZE,
	ROOT_ENTRY + 100 * PAGE_SIZE,
	ROOT_ENTRY + TABLE - PAGE_SIZE,
	ROOT_ENTRY + TABLE,
	ROOT_ENTRY + DIRECTORY - PAGE_SIZE,
	ROOT_ENTRY + DIRECTORY,
	ROOT_ENTRY + DIRECTORY + 3 * TABLE,
	2 * ROOT_ENTRY - PAGE_SIZE,
	2 * ROOT_ENTRY,
	ROOT_ENTRY + 2 * PAGE_SIZE,
	2 * ROOT_ENTRY + PAGE_SIZE,
};

#define PLACES         ARRAY_SIZE(addresses)
#define SHARED_PLACES  2
#define PRIVATE_PLACES (PLACES - SHARED_PLACES)

enum prot { NONE, READ, WRITE };

struct space {
	enum { FREE, BEING_MADE, ALIVE, DYING } state;
	unsigned int cpus; /* that run it */
	struct mm_struct mm;
	u64 expected[PRIVATE_PLACES];
	enum prot prot[PLACES];
	bool in_flux[PLACES]; /* its meaning changes just now: a program that looks sees either */
};

static struct space spaces[SPACES];
static unsigned int nr_spaces, nr_places, first_place; /* that the schedule uses */
static struct page *shared_pages[SHARED_PLACES];
static u64 shared_expected[SHARED_PLACES];
static u64 next_value;

/* What a processor remembers. */
static struct cpu {
	struct space *space;
	struct {
		struct page *page; /* NULL: nothing */
		bool writable;
	} tlb[PLACES], nodes[PLACES][PT_LEVELS];
	unsigned int flushes;
} cpus[FIBERS];

static struct cpu *this_cpu(void)
{
	return &cpus[host_cpu];
}

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand() % n;
}

static unsigned int random_place(void)
{
	return (first_place + below(nr_places)) % PLACES;
}

/* --- The processor --- */

/*
 * A flush of any page forgets all nodes remembered: so INVLPG does (Intel SDM volume 3, section
 * 4.10.4.1; AMD with EFER.TCE clear), and mm/pgtable.c relies on it.
 */
static void flush_cpu(struct cpu *cpu, unsigned long start, unsigned long end)
{
	for (unsigned int i = 0; i < PLACES; i++)
		if (addresses[i] >= start && addresses[i] < end)
			cpu->tlb[i].page = NULL;
	memset(cpu->nodes, 0, sizeof(cpu->nodes));
	cpu->flushes++;
}

void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	for (unsigned int i = 0; i < FIBERS; i++) {
		host_step();
		if (cpus[i].space && &cpus[i].space->mm == mm)
			flush_cpu(&cpus[i], start, end);
	}
}

void cond_resched(void)
{
}

void flush_tlb_mm(struct mm_struct *mm)
{
	flush_tlb_range(mm, 0, ~0ul);
}

/* Where a walk may begin: the root, or a node remembered. */
static struct page *walk_from(struct cpu *cpu, unsigned int place, unsigned int *level,
			      bool *writable)
{
	for (unsigned int l = 1; l < PT_LEVELS; l++) {
		if (!cpu->nodes[place][l].page || below(2))
			continue;
		*level = l;
		*writable = cpu->nodes[place][l].writable;
		return cpu->nodes[place][l].page;
	}
	*level = PT_LEVELS;
	*writable = true;
	return cpu->space->mm.root;
}

/* Fills the TLB; false: something on the way is not present. A flush comes between two accesses, so
 * a walk never outlives one. */
static bool walk(struct cpu *cpu, unsigned int place)
{
	unsigned int flushes, level, index;
	struct page *node;
	bool writable;
	pte_t entry;

again:
	flushes = cpu->flushes;
	node = walk_from(cpu, place, &level, &writable);
	for (;; level--) {
		host_step();
		if (cpu->flushes != flushes)
			goto again;
		CHECK(node->kind == PAGE_TABLE && node->level == level);
		index = pt_index(addresses[place], level);
		entry = ((pte_t *)page_address(node))[index];
		if (!(entry & PTE_PRESENT))
			return false;
		writable = writable && (entry & PTE_WRITE);
		node = entry_page(entry);
		if (level == 1)
			break;
		cpu->nodes[place][level - 1].page = node;
		cpu->nodes[place][level - 1].writable = writable;
	}
	cpu->tlb[place].page = node;
	cpu->tlb[place].writable = writable;
	return true;
}

/* Finds a translation that allows the access, remembered or not. */
static bool translate(struct cpu *cpu, unsigned int place, bool write)
{
	if (cpu->tlb[place].page && (!write || cpu->tlb[place].writable))
		return true;
	if (!walk(cpu, place))
		return false;
	return !write || cpu->tlb[place].writable;
}

/* --- The kernel: faults --- */

static u64 *expected_at(struct space *space, unsigned int place)
{
	return place < PRIVATE_PLACES ? &space->expected[place]
				      : &shared_expected[place - PRIVATE_PLACES];
}

static int map_page(struct space *space, unsigned int place, struct page *page, unsigned int rights)
{
	int error = page ? pgtable_map(&space->mm, addresses[place], page, rights) : -ENOMEM;

	if (error && page && !(rights & PG_UNCOUNTED))
		put_page(page);
	return error;
}

static int install(struct space *space, unsigned int place, bool write)
{
	unsigned int rights = space->prot[place] == WRITE ? PG_WRITE : 0;

	if (place >= PRIVATE_PLACES) {
		get_page(shared_pages[place - PRIVATE_PLACES]);
		return map_page(space, place, shared_pages[place - PRIVATE_PLACES],
				rights | PG_SHARED);
	}
	if (!write)
		return map_page(space, place, zero_page, PG_UNCOUNTED);
	return map_page(space, place, alloc_zeroed_data_page(), rights);
}

static int fault_in(struct space *space, unsigned int place, bool write)
{
	bool writable;
	int error;

	if (space->prot[place] < (write ? WRITE : READ))
		return -EACCES;
	if (write) {
		error = pgtable_write_fault(&space->mm, addresses[place]);
		if (error != -ENOENT)
			return error;
	} else if (pgtable_lookup(&space->mm, addresses[place], &writable)) {
		return 0;
	}
	return install(space, place, write);
}

static int fault(struct space *space, unsigned int place, bool write)
{
	int error;

	mutex_lock(&space->mm.lock);
	error = fault_in(space, place, write);
	mutex_unlock(&space->mm.lock);
	return error;
}

/* --- Programs --- */

static void touch(struct cpu *cpu, unsigned int place, bool write)
{
	struct space *space = cpu->space;
	u64 *word;

	if (space->in_flux[place])
		return;
	CHECK(space->prot[place] >= (write ? WRITE : READ));
	word = page_address(cpu->tlb[place].page);
	if (write)
		*word = *expected_at(space, place) = ++next_value;
	else
		CHECK(*word == *expected_at(space, place));
}

static void access(struct cpu *cpu, unsigned int place, bool write)
{
	while (!translate(cpu, place, write))
		if (fault(cpu->space, place, write) == -EACCES)
			return;
	touch(cpu, place, write);
}

/* Retries what may not end half done. */
static void until_done(struct space *space, int (*step)(struct space *space, const void *arg),
		       const void *arg)
{
	while (step(space, arg))
		fiber_yield();
}

/* Addresses, and what to do to what is mapped there. */
struct range {
	unsigned long start, end;
	enum prot prot;
};

static bool in_range(const struct range *range, unsigned int place)
{
	return addresses[place] >= range->start && addresses[place] < range->end;
}

/* A page, a whole node's worth, or from one place to another. */
static struct range random_range(void)
{
	static const unsigned long sizes[] = {PAGE_SIZE, TABLE, DIRECTORY, ROOT_ENTRY};
	unsigned long from = addresses[below(PLACES)], to = addresses[below(PLACES)];
	unsigned long size = sizes[below(4)];
	struct range range = {.start = MIN(from, to), .end = MAX(from, to) + PAGE_SIZE};

	if (below(3) == 0)
		return range;
	range.start = ALIGN_DOWN(from, size);
	range.end = range.start + size;
	return range;
}

static int unmap_step(struct space *space, const void *arg)
{
	const struct range *range = arg;
	int error = pgtable_unmap(&space->mm, range->start, range->end);

	for (unsigned int i = 0; !error && i < PRIVATE_PLACES; i++)
		if (in_range(range, i))
			space->expected[i] = 0;
	return error;
}

static void unmap(struct space *space)
{
	const struct range range = random_range();

	mutex_lock(&space->mm.lock);
	until_done(space, unmap_step, &range);
	mutex_unlock(&space->mm.lock);
}

static int protect_step(struct space *space, const void *arg)
{
	static const unsigned int rights[] = {[NONE] = PG_NONE, [READ] = 0, [WRITE] = PG_WRITE};
	const struct range *range = arg;

	return pgtable_protect(&space->mm, range->start, range->end, rights[range->prot]);
}

/* New rights may be used as soon as they are given, old ones until they are taken away. */
static void protect(struct space *space)
{
	struct range range = random_range();

	range.prot = below(4) ? WRITE : below(2) ? READ : NONE;
	mutex_lock(&space->mm.lock);
	for (unsigned int i = 0; i < PLACES; i++)
		if (in_range(&range, i))
			space->prot[i] = MAX(space->prot[i], range.prot);
	until_done(space, protect_step, &range);
	for (unsigned int i = 0; i < PLACES; i++)
		if (in_range(&range, i))
			space->prot[i] = range.prot;
	mutex_unlock(&space->mm.lock);
}

static int move_step(struct space *space, const void *arg)
{
	const unsigned int *places = arg;

	return pgtable_move(&space->mm, addresses[places[0]], addresses[places[1]], PAGE_SIZE);
}

static void move(struct space *space)
{
	const unsigned int places[] = {below(PRIVATE_PLACES), below(PRIVATE_PLACES)};
	const unsigned int from = places[0], to = places[1];
	const struct range target = {.start = addresses[to], .end = addresses[to] + PAGE_SIZE};

	if (from == to)
		return;
	mutex_lock(&space->mm.lock);
	space->in_flux[from] = space->in_flux[to] = true;
	until_done(space, unmap_step, &target);
	until_done(space, move_step, places);
	space->expected[to] = space->expected[from];
	space->prot[to] = space->prot[from];
	space->expected[from] = 0;
	space->in_flux[from] = space->in_flux[to] = false;
	mutex_unlock(&space->mm.lock);
}

/* What mmap with MAP_FIXED comes to, and the kernel when it maps a page over another. */
static void replace(struct space *space)
{
	unsigned int place = below(PRIVATE_PLACES);
	struct page *page = alloc_zeroed_data_page();
	u64 value = ++next_value;

	if (!page)
		return;
	*(u64 *)page_address(page) = value;
	mutex_lock(&space->mm.lock);
	if (space->prot[place] == WRITE) {
		space->in_flux[place] = true;
		if (!map_page(space, place, page, PG_WRITE))
			space->expected[place] = value;
		space->in_flux[place] = false;
	} else {
		put_page(page);
	}
	mutex_unlock(&space->mm.lock);
}

static struct space *find_space(unsigned int state)
{
	unsigned int first = below(nr_spaces);

	for (unsigned int i = 0; i < nr_spaces; i++)
		if (spaces[(first + i) % nr_spaces].state == state)
			return &spaces[(first + i) % nr_spaces];
	return NULL;
}

/*
 * Other threads of parent may write while the fork goes on. What they write to the place that the
 * fork was told of, child has or has not: it got its own page at some time between.
 */
static void expect_from(struct space *child, struct space *parent, unsigned int written, u64 before)
{
	struct page *page;
	bool writable;
	u64 got;

	memcpy(child->expected, parent->expected, sizeof(child->expected));
	memcpy(child->prot, parent->prot, sizeof(child->prot));
	page = written < PRIVATE_PLACES ? pgtable_lookup(&child->mm, addresses[written], &writable)
					: NULL;
	if (!page)
		return;
	got = *(u64 *)page_address(page);
	CHECK(got == before || (got > before && got <= parent->expected[written]));
	child->expected[written] = got;
}

static void fork_space(struct space *parent)
{
	unsigned int written = below(2) ? random_place() : PLACES;
	struct space *child = find_space(FREE);
	u64 before;
	int error;

	if (!child)
		return;
	*child = (struct space){.state = BEING_MADE};
	mutex_lock(&parent->mm.lock);
	before = written < PRIVATE_PLACES ? parent->expected[written] : 0;
	error = pgtable_fork(&child->mm, &parent->mm, written < PLACES ? addresses[written] : ~0ul);
	if (!error)
		expect_from(child, parent, written, before);
	mutex_unlock(&parent->mm.lock);
	child->state = error ? FREE : ALIVE;
}

/* --- CPUs --- */

static void leave(struct cpu *cpu)
{
	struct space *space = cpu->space;

	cpu->space = NULL;
	flush_cpu(cpu, 0, ~0ul);
	if (--space->cpus == 0 && space->state == DYING) {
		pgtable_free_root(&space->mm);
		space->state = FREE;
	}
}

static void make_space(void)
{
	struct space *space = find_space(FREE);

	if (!space)
		return;
	*space = (struct space){.state = BEING_MADE};
	for (unsigned int i = 0; i < PLACES; i++)
		space->prot[i] = WRITE;
	space->state = pgtable_alloc_root(&space->mm) ? FREE : ALIVE;
}

static void enter(struct cpu *cpu)
{
	while (!cpu->space) {
		cpu->space = find_space(ALIVE);
		if (!cpu->space) {
			make_space();
			fiber_yield();
		}
	}
	cpu->space->cpus++;
}

static void operate(struct cpu *cpu)
{
	unsigned int choice = below(100);

	if (choice < 30)
		access(cpu, random_place(), false);
	else if (choice < 62)
		access(cpu, random_place(), true);
	else if (choice < 72)
		fork_space(cpu->space);
	else if (choice < 78)
		unmap(cpu->space);
	else if (choice < 84)
		protect(cpu->space);
	else if (choice < 89)
		move(cpu->space);
	else if (choice < 92)
		replace(cpu->space);
	else if (choice < 96)
		leave(cpu);
	else
		cpu->space->state = DYING;
}

static void run_cpu(void)
{
	struct cpu *cpu = this_cpu();

	for (unsigned int i = 0; i < OPERATIONS; i++) {
		if (!cpu->space)
			enter(cpu);
		operate(cpu);
		if (cpu->space && cpu->space->state == DYING)
			leave(cpu);
	}
	if (cpu->space)
		leave(cpu);
}

/* --- The whole --- */

static void check_trees(void)
{
	trees_begin();
	for (unsigned int i = 0; i < SHARED_PLACES; i++)
		trees_add_page(shared_pages[i]);
	for (unsigned int i = 0; i < SPACES; i++)
		if (spaces[i].state == ALIVE)
			trees_add(&spaces[i].mm);
	trees_end();
}

static void read_all(struct space *space)
{
	struct cpu *cpu = &cpus[0];

	host_cpu = 0;
	cpu->space = space;
	space->cpus++;
	for (unsigned int place = 0; place < PLACES; place++)
		access(cpu, place, false);
	leave(cpu);
}

/* Every other schedule has all CPUs meet at a few places in a few spaces. */
static void choose_size(void)
{
	bool crowded = below(2);

	nr_spaces = crowded ? 2 + below(2) : SPACES;
	nr_places = crowded ? 1 + below(3) : PLACES;
	first_place = below(PLACES);
}

static void run_schedule(unsigned int seed)
{
	tap_seed = seed;
	srand(seed);
	choose_size();
	for (unsigned int i = 0; i < SHARED_PLACES; i++) {
		shared_pages[i] = alloc_zeroed_data_page();
		shared_expected[i] = 0;
	}
	for (unsigned int round = 0; round < ROUNDS; round++) {
		fail_permille = 30;
		fibers_run(run_cpu);
		fail_permille = 0;
		check_trees();
		for (unsigned int i = 0; i < SPACES; i++)
			if (spaces[i].state == ALIVE)
				read_all(&spaces[i]);
		check_trees();
	}
	for (unsigned int i = 0; i < SPACES; i++) {
		if (spaces[i].state == ALIVE)
			pgtable_free_root(&spaces[i].mm);
		spaces[i].state = FREE;
	}
	for (unsigned int i = 0; i < SHARED_PLACES; i++)
		put_page(shared_pages[i]);
	CHECK(unowned_page_count() == HOST_PAGES - 1);
}

int main(int argc, char **argv)
{
	unsigned int schedules = argc > 1 ? atoi(argv[1]) : 4000;
	unsigned int first = argc > 2 ? atoi(argv[2]) : 1;

	pages_init();
	for (unsigned int i = 0; i < schedules; i++)
		run_schedule(first + i);
	tap_ok("isolation, rights, invariants, counts and no leak under random schedules");
	return tap_done();
}
