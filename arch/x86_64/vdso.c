/*
 * What is mapped into every program: one page of data that the kernel writes and programs read, and
 * behind it the code that reads it (arch/x86_64/vdso). Both are made at boot and never go. They are
 * mapped when they are first touched (mm/fault.c), and no reference is counted, so a program that
 * uses neither costs nothing but the entries in its map.
 */
#include <arch/vdso.h>
#include <tine/arch.h>
#include <tine/page.h>
#include <tine/printk.h>
#include <tine/string.h>
#include <tine/time.h>

extern const char vdso_image_start[], vdso_image_end[];

static struct page *pages[VDSO_PAGES];

static struct vdso_data *data(void)
{
	return page_address(pages[0]);
}

void vdso_init(u64 tsc_base, u64 ns_per_tsc)
{
	size_t size = vdso_image_end - vdso_image_start;

	ASSERT(size <= (VDSO_PAGES - 1) * PAGE_SIZE);
	for (unsigned int i = 0; i < VDSO_PAGES; i++) {
		pages[i] = alloc_pages(0);
		if (!pages[i])
			panic("no memory for the vDSO");
		pages[i]->kind = PAGE_RESERVED;
		clear_page(page_address(pages[i]));
	}
	memcpy(page_address(pages[1]), vdso_image_start, size);
	*data() = (struct vdso_data){
		.tsc_base = tsc_base,
		.ns_per_tsc = ns_per_tsc,
		.coarse_ns = TICK_NS,
	};
}

struct page *arch_vdso_page(u64 index)
{
	return index < VDSO_PAGES ? pages[index] : NULL;
}

void arch_set_user_clock(u64 real_offset, u64 zone)
{
	WRITE_ONCE(data()->real_offset, real_offset);
	WRITE_ONCE(data()->zone, zone);
}
