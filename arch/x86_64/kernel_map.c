/*
 * The kernel half of every address space.
 *
 * It holds three things: RAM at DIRECT_MAP_BASE, never executable, in the largest pages that fit;
 * the kernel stacks; and the kernel image, page by page, each with no more rights than it needs.
 * Memory that is not RAM (firmware tables, device registers) is added at its place in the direct
 * map by who needs it. So no writable byte is executable, and text and constants are writable
 * through neither of their two addresses.
 *
 * The root of each process copies the kernel's entries of kernel_root once, when it is made
 * (arch_init_root_table). For that they must never change: kernel_map_init makes a level-3 table
 * for every entry that can ever be used, and what is mapped later goes below those. Kernel entries
 * are global: they survive a change of root, and are flushed one by one where one is taken away.
 *
 * No lock: the boot CPU alone changes the tables while it boots; afterwards only kernel_stack.c
 * does, under its own lock.
 */
#include <arch/boot.h>
#include <arch/cpufeature.h>
#include <arch/kernel_map.h>
#include <arch/msr.h>
#include <arch/page.h>
#include <arch/sections.h>
#include <tine/arch.h>
#include <tine/page.h>
#include <tine/printk.h>

#define TABLE_BITS       (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED)
#define MAX_ROOT_ENTRIES 16

extern char boot_stack_guard[];

u64 kernel_root;

/* The present entries of the kernel's half of the root. Constant after boot. */
static struct {
	unsigned int index;
	pte_t entry;
} root_entries[MAX_ROOT_ENTRIES];
static unsigned int root_entry_count;

static struct atomic table_pages; /* taken from the page allocator */

/* A zeroed page for a table; 0: out of memory. */
static u64 alloc_table(void)
{
	struct page *page;

	if (!page_array)
		return early_alloc_page();
	page = alloc_pages(0);
	if (!page)
		return 0;
	clear_page(page_address(page));
	atomic_inc(&table_pages);
	return page_to_phys(page);
}

unsigned long kernel_table_pages(void)
{
	return atomic_read(&table_pages);
}

/*
 * The entry for address at level, or a large one above it. NULL: there is none, or, if make is set,
 * no memory for the tables on the way. No root entry is made after boot.
 */
static pte_t *entry_of(unsigned long address, unsigned int level, bool make)
{
	pte_t *table = phys_to_virt(kernel_root);

	for (unsigned int l = PT_LEVELS; l > level; l--) {
		pte_t *e = &table[pt_index(address, l)];

		if (*e & PTE_LARGE)
			return e;
		if (!(*e & PTE_PRESENT)) {
			u64 new = make && (l < PT_LEVELS || root_entry_count == 0) ? alloc_table()
										   : 0;

			if (!new)
				return NULL;
			*e = new | TABLE_BITS;
		}
		table = phys_to_virt(pte_phys(*e));
	}
	return &table[pt_index(address, level)];
}

/* The largest page size that can map the beginning of a range, as a level. */
static unsigned int best_level(unsigned long address, u64 phys, u64 size)
{
	unsigned int level = cpu_features.gigabyte_pages ? 3 : 2;

	for (; level > 1; level--) {
		u64 page = 1ul << pt_level_shift(level);

		if (((address | phys) & (page - 1)) == 0 && size >= page)
			break;
	}
	return level;
}

/* Boot only: fresh addresses, whole pages. */
static void map_range(unsigned long address, u64 phys, u64 size, u64 bits)
{
	while (size > 0) {
		unsigned int level = best_level(address, phys, size);
		u64 page = 1ul << pt_level_shift(level);

		*entry_of(address, level, true) = phys | bits | (level > 1 ? PTE_LARGE : 0);
		address += page;
		phys += page;
		size -= page;
	}
}

/* The direct map of one range of RAM; the kernel's constants in it are read-only. */
static void map_ram(struct boot_range ram)
{
	const struct boot_range constant = {boot_info.kernel.start, virt_to_phys(_erodata)};
	const u64 cuts[] = {ram.start, constant.start, constant.end, ram.end};

	for (int i = 0; i < 3; i++) {
		u64 start = MIN(MAX(cuts[i], ram.start), ram.end);
		u64 end = MIN(MAX(cuts[i + 1], ram.start), ram.end);

		map_range((unsigned long)phys_to_virt(start), start, end - start,
			  i == 1 ? KERNEL_RO : KERNEL_RW);
	}
}

static void map_section(const char *start, const char *end, u64 bits)
{
	map_range((unsigned long)start, virt_to_phys(start), ALIGN_UP(end - start, PAGE_SIZE),
		  bits);
}

static void record_root_entries(void)
{
	const pte_t *root = phys_to_virt(kernel_root);

	for (unsigned int i = PT_USER_ROOT_ENTRIES; i < PT_ENTRIES; i++) {
		if (!root[i])
			continue;
		if (root_entry_count == MAX_ROOT_ENTRIES)
			panic("more memory than the direct map has room for");
		root_entries[root_entry_count].index = i;
		root_entries[root_entry_count++].entry = root[i];
	}
}

void kernel_map_init(void)
{
	kernel_root = early_alloc_page();
	for (unsigned int i = 0; i < boot_info.usable_count; i++)
		map_ram(boot_info.usable[i]);
	map_section(_stext, _etext, KERNEL_RX);
	map_section(_srodata, _erodata, KERNEL_RO);
	map_section(_sdata, _end, KERNEL_RW);
	*entry_of((unsigned long)boot_stack_guard, 1, false) = 0;
	entry_of(DIRECT_MAP_BASE, 3, true); /* for devices, on a machine without memory there */
	entry_of(KERNEL_STACKS_BASE, 3, true);
	record_root_entries();
	write_cr3(kernel_root);
}

void arch_init_root_table(void *table)
{
	pte_t *root = table;

	for (unsigned int i = 0; i < root_entry_count; i++)
		root[root_entries[i].index] = root_entries[i].entry;
}

bool kernel_map_page(unsigned long address, u64 phys, u64 bits)
{
	pte_t *e = entry_of(address, 1, true);

	if (!e)
		return false;
	*e = phys | bits;
	return true;
}

u64 kernel_unmap_page(unsigned long address)
{
	pte_t *e = entry_of(address, 1, false);
	pte_t old;

	if (!e)
		return 0;
	old = *e;
	*e = 0;
	return pte_phys(old);
}

bool kernel_is_mapped(unsigned long address)
{
	const pte_t *e;

	if (!kernel_root) /* still on head.S's tables */
		return address >= KERNEL_IMAGE_BASE;
	e = entry_of(address, 1, false);
	return e && (*e & PTE_PRESENT);
}

void *map_physical(u64 phys, u64 size, u64 bits)
{
	u64 end = phys + size;

	for (u64 p = ALIGN_DOWN(phys, PAGE_SIZE); p < end; p += PAGE_SIZE) {
		unsigned long address = (unsigned long)phys_to_virt(p);

		if (!kernel_is_mapped(address) && !kernel_map_page(address, p, bits))
			return NULL;
	}
	return phys_to_virt(phys);
}
