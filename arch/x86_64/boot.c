/*
 * From whichever loader it was to struct boot_info.
 *
 * head.S has mapped the first 4 GiB. The loader's data (information, command line, the archive) may
 * lie anywhere in what it calls usable memory, so nothing is allocated until all of it but the
 * archive has been copied: first multiboot2.c or pvh.c, then the early allocator below, which steps
 * around the archive for good.
 *
 * RAM is kept as sorted ranges of whole pages that do not overlap. What firmware lists twice, once
 * as usable and once as not, is not.
 */
#include <arch/boot.h>
#include <arch/page.h>
#include <arch/sections.h>
#include <tine/arch.h>
#include <tine/main.h>
#include <tine/printk.h>
#include <tine/string.h>

#define LOW_MEMORY_END 0xa0000ul
#define EARLY_LIMIT    (4ul << 30) /* what head.S has mapped */

struct boot_info boot_info;

static void insert_range(struct boot_range *ranges, unsigned int *count, struct boot_range range)
{
	unsigned int i = *count;

	if (i == BOOT_MAX_RANGES) {
		printk(LOG_WARNING, "boot: too many memory ranges: %lx-%lx is left out\n",
		       range.start, range.end);
		return;
	}
	for (; i > 0 && ranges[i - 1].start > range.start; i--)
		ranges[i] = ranges[i - 1];
	ranges[i] = range;
	(*count)++;
}

static void remove_range(struct boot_range *ranges, unsigned int *count, unsigned int i)
{
	(*count)--;
	memmove(&ranges[i], &ranges[i + 1], (*count - i) * sizeof(ranges[0]));
}

void boot_add_usable(u64 start, u64 end)
{
	struct boot_range new = {ALIGN_UP(start, PAGE_SIZE), ALIGN_DOWN(end, PAGE_SIZE)};

	if (new.start >= new.end)
		return;
	for (unsigned int i = 0; i < boot_info.usable_count;) {
		const struct boot_range *r = &boot_info.usable[i];

		if (r->start > new.end || r->end < new.start) {
			i++;
			continue;
		}
		new.start = MIN(new.start, r->start);
		new.end = MAX(new.end, r->end);
		remove_range(boot_info.usable, &boot_info.usable_count, i);
	}
	insert_range(boot_info.usable, &boot_info.usable_count, new);
}

void boot_remove_usable(u64 start, u64 end)
{
	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = ALIGN_UP(end, PAGE_SIZE);
	for (unsigned int i = 0; i < boot_info.usable_count;) {
		struct boot_range r = boot_info.usable[i];

		if (r.start >= end || r.end <= start) {
			i++;
			continue;
		}
		remove_range(boot_info.usable, &boot_info.usable_count, i);
		if (r.end > end)
			insert_range(boot_info.usable, &boot_info.usable_count,
				     (struct boot_range){end, r.end});
		if (r.start < start)
			insert_range(boot_info.usable, &boot_info.usable_count,
				     (struct boot_range){r.start, start});
	}
}

void boot_set_command_line(const char *text, size_t size)
{
	if (strscpy(boot_info.command_line, text, MIN(size + 1, sizeof(boot_info.command_line))) <
	    0)
		printk(LOG_WARNING, "boot: the command line is too long; it is cut\n");
}

/* The first range of ranges that holds some of page's bytes. */
static const struct boot_range *range_of(const struct boot_range *ranges, unsigned int count,
					 u64 page)
{
	for (unsigned int i = 0; i < count; i++)
		if (ranges[i].start < page + PAGE_SIZE && ranges[i].end > page)
			return &ranges[i];
	return NULL;
}

/* Why page cannot be allocated early; NULL if it can. */
static const struct boot_range *taken_by(u64 page)
{
	if (range_of(&boot_info.kernel, 1, page))
		return &boot_info.kernel;
	if (range_of(&boot_info.initrd, 1, page))
		return &boot_info.initrd;
	return range_of(boot_info.reserved, boot_info.reserved_count, page);
}

/* The lowest free page in [from, limit). 0: none. */
static u64 find_page(u64 from, u64 limit)
{
	for (unsigned int i = 0; i < boot_info.usable_count; i++) {
		u64 page = MAX(boot_info.usable[i].start, from);
		const struct boot_range *taken;

		while (page < MIN(boot_info.usable[i].end, limit) &&
		       (taken = taken_by(page)) != NULL)
			page = ALIGN_UP(taken->end, PAGE_SIZE);
		if (page < MIN(boot_info.usable[i].end, limit))
			return page;
	}
	return 0;
}

static void reserve_page(u64 page)
{
	for (unsigned int i = 0; i < boot_info.reserved_count; i++) {
		if (boot_info.reserved[i].end == page) {
			boot_info.reserved[i].end += PAGE_SIZE;
			return;
		}
	}
	if (boot_info.reserved_count == BOOT_MAX_RANGES)
		panic("boot: too many reserved ranges");
	insert_range(boot_info.reserved, &boot_info.reserved_count,
		     (struct boot_range){page, page + PAGE_SIZE});
}

u64 early_alloc_page(void)
{
	static u64 from;
	u64 page = find_page(MAX(from, boot_info.kernel.end), EARLY_LIMIT);

	if (!page)
		panic("not enough memory for the kernel's page tables");
	from = page;
	reserve_page(page);
	memset(phys_to_virt(page), 0, PAGE_SIZE);
	return page;
}

u64 early_alloc_low_page(void)
{
	u64 page = find_page(PAGE_SIZE, LOW_MEMORY_END);

	if (page)
		reserve_page(page);
	return page;
}

static bool is_rsdp(const u8 *p)
{
	u8 sum = 0;

	if (memcmp(p, "RSD PTR ", 8) != 0)
		return false;
	for (int i = 0; i < 20; i++)
		sum += p[i];
	return sum == 0;
}

/* The root pointer of ACPI in the BIOS's memory (ACPI 5.2.5.1); 0 if it is not there. */
static u64 boot_scan_rsdp(void)
{
	u64 ebda = (u64) * (const u16 *)phys_to_virt(0x40e) << 4;
	const struct boot_range areas[] = {{ebda, ebda + 1024}, {0xe0000, 0x100000}};

	for (unsigned int i = 0; i < ARRAY_SIZE(areas); i++)
		for (u64 p = areas[i].start; p >= PAGE_SIZE && p < areas[i].end; p += 16)
			if (is_rsdp(phys_to_virt(p)))
				return p;
	return 0;
}

void boot_main(u32 magic, u32 info)
{
	boot_info.kernel = (struct boot_range){0x100000, virt_to_phys(_end)};
	boot_info.text_screen = true;
	if (magic == MULTIBOOT2_MAGIC)
		multiboot2_read(phys_to_virt(info));
	else if (magic == PVH_MAGIC)
		pvh_read(phys_to_virt(info));
	else
		panic("started by an unknown boot loader: eax is %x", magic);
	boot_remove_usable(0, PAGE_SIZE); /* the BIOS's data, and NULL */
	if (!boot_info.acpi_rsdp)
		boot_info.acpi_rsdp = boot_scan_rsdp();
	if (boot_info.usable_count == 0)
		panic("the boot loader (%s) gave no memory map", boot_info.loader);
	start_kernel();
}
