/* sysinfo(2): memory, load and uptime at a glance. There is no swap and no high memory, so those
 * fields are zero. */
#include <tine/loadavg.h>
#include <tine/page.h>
#include <tine/pgtable.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>
#include <uapi/sysinfo.h>

long sys_sysinfo(struct sysinfo __user *to)
{
	struct sysinfo info = {
		.uptime = (long)DIV_ROUND_UP(ktime_get(), NSEC_PER_SEC),
		.totalram = total_page_count() * PAGE_SIZE,
		.freeram = (free_page_count() + pgtable_cached_nodes()) * PAGE_SIZE,
		.procs = (unsigned short)READ_ONCE(nr_threads),
		.mem_unit = 1,
	};
	u64 load[3];

	get_load_average(load);
	for (unsigned int i = 0; i < 3; i++)
		info.loads[i] = load[i] << (SI_LOAD_SHIFT - LOAD_SHIFT);
	return put_user(info, to);
}
