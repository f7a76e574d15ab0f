/*
 * Where all pages are. For tests that look for leaks: what is free, or only cached and would be free
 * if it were needed. For /proc/meminfo: what the others are used for.
 */
#include <tine/page.h>
#include <tine/pgtable.h>
#include <tine/sched.h>
#include <tine/slab.h>

u64 unowned_page_count(void)
{
	return free_page_count() + slab_page_count() + pgtable_cached_nodes() +
	       kernel_table_pages();
}

/*
 * Nobody counts as pages come and go: they are looked at one by one, whole blocks of free ones at
 * once, without a lock. So the numbers are as exact as any that change while they are read.
 */
struct page_census page_census(void)
{
	struct page_census census = {0};
	u64 cached = pgtable_cached_nodes(), looked_at = 0;
	const struct page *page;

	for (u64 pfn = 0; pfn < page_count; pfn++) {
		page = &page_array[pfn];
		if (page->kind == PAGE_DATA && page->owner == PAGE_ANON)
			census.anonymous++;
		else if (page->kind == PAGE_TABLE)
			census.tables++;
		else if (page->kind == PAGE_FREE)
			pfn += (1ul << MIN(page->order, MAX_ORDER)) - 1;
		if (++looked_at % 4096 == 0)
			cond_resched();
	}
	census.tables -= MIN(census.tables, cached);
	return census;
}
