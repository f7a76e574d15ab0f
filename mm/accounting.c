/*
 * Where all pages are, for tests that look for leaks: what is free, or only cached and would be
 * free if it were needed.
 */
#include <tine/page.h>
#include <tine/pgtable.h>
#include <tine/slab.h>

u64 unowned_page_count(void)
{
	return free_page_count() + slab_page_count() + pgtable_cached_nodes() +
	       kernel_table_pages();
}
