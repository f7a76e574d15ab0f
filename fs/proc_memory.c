/*
 * /proc/meminfo, vmstat and slabinfo: what memory is used for.
 *
 * A name that stands for something Tine lacks (swap, pages on a disk) shows 0, as on a Linux that
 * has none. Nothing ages here, so all pages of processes and files count as active; and what is
 * called a file's page is a page of tmpfs, which Linux counts as anonymous too, since it cannot be
 * written back.
 */
#include <tine/mm.h>
#include <tine/page.h>
#include <tine/pgtable.h>
#include <tine/proc_fs.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/tmpfs.h>

#define KIB (PAGE_SIZE / 1024)

int proc_show_meminfo(struct seq_buffer *m, struct task_struct *task)
{
	const struct page_census census = page_census();
	u64 total = total_page_count(), shmem = tmpfs_total_pages(), slab = slab_page_count();
	u64 free = free_page_count() + pgtable_cached_nodes();
	const struct {
		const char *name;
		u64 kib;
	} lines[] = {
		{"MemTotal", total * KIB},
		{"MemFree", free * KIB},
		{"MemAvailable", free * KIB},
		{"Buffers", 0},
		{"Cached", shmem * KIB},
		{"SwapCached", 0},
		{"Active", (census.anonymous + shmem) * KIB},
		{"Inactive", 0},
		{"Active(anon)", (census.anonymous + shmem) * KIB},
		{"Inactive(anon)", 0},
		{"Active(file)", 0},
		{"Inactive(file)", 0},
		{"Unevictable", 0},
		{"Mlocked", 0},
		{"SwapTotal", 0},
		{"SwapFree", 0},
		{"Dirty", 0},
		{"Writeback", 0},
		{"AnonPages", census.anonymous * KIB},
		{"Shmem", shmem * KIB},
		{"KReclaimable", 0},
		{"Slab", slab * KIB},
		{"SReclaimable", 0},
		{"SUnreclaim", slab * KIB},
		{"KernelStack", (u64)READ_ONCE(nr_threads) * KERNEL_STACK_SIZE / 1024},
		{"PageTables", census.tables * KIB},
		{"CommitLimit", commit_limit() * KIB},
		{"Committed_AS", committed_pages() * KIB},
		{"VmallocTotal", 0},
		{"VmallocUsed", 0},
		{"VmallocChunk", 0},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(m, "%s:%*s%8lu kB\n", lines[i].name, 15 - (int)strlen(lines[i].name), "",
			   lines[i].kib);
	return 0;
}

int proc_show_vmstat(struct seq_buffer *m, struct task_struct *task)
{
	const struct page_census census = page_census();
	u64 shmem = tmpfs_total_pages();
	const struct {
		const char *name;
		u64 value;
	} lines[] = {
		{"nr_free_pages", free_page_count()},
		{"nr_inactive_anon", 0},
		{"nr_active_anon", census.anonymous + shmem},
		{"nr_slab_reclaimable", 0},
		{"nr_slab_unreclaimable", slab_page_count()},
		{"nr_anon_pages", census.anonymous},
		{"nr_file_pages", shmem},
		{"nr_dirty", 0},
		{"nr_writeback", 0},
		{"nr_shmem", shmem},
		{"nr_kernel_stack", (u64)READ_ONCE(nr_threads) * KERNEL_STACK_SIZE / 1024},
		{"nr_page_table_pages", census.tables},
		{"pgpgin", 0},
		{"pgpgout", 0},
		{"pswpin", 0},
		{"pswpout", 0},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++)
		seq_printf(m, "%s %lu\n", lines[i].name, lines[i].value);
	return 0;
}

/* A slab's objects that wait in the stacks of CPUs are not told from those in use. */
static void show_cache(const struct kmem_cache_info *info, void *arg)
{
	long slabs = DIV_ROUND_UP(MAX(info->in_use, 0), (long)info->per_slab);

	seq_printf(arg, "%-17s %6ld %6ld %6u %4u %4d", info->name, info->in_use,
		   slabs * info->per_slab, info->size, info->per_slab, 1 << info->order);
	seq_printf(arg, " : tunables %4u %4u %4u : slabdata %6ld %6ld %6u\n", 0, 0, 0, slabs, slabs,
		   0);
}

int proc_show_slabinfo(struct seq_buffer *m, struct task_struct *task)
{
	seq_puts(m, "slabinfo - version: 2.1\n"
		    "# name            <active_objs> <num_objs> <objsize> <objperslab> "
		    "<pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata "
		    "<active_slabs> <num_slabs> <sharedavail>\n");
	kmem_cache_for_each(show_cache, m);
	return 0;
}
