/*
 * What stands directly in /proc: the system as a whole. Numbers are taken at the moment of reading,
 * without stopping anything. The tables of processes' files and of /proc/sys are elsewhere
 * (fs/proc_pid.c, fs/proc_sysctl.c), as are larger texts.
 */
#include <tine/boot_info.h>
#include <tine/file_lock.h>
#include <tine/fs.h>
#include <tine/mm_check.h>
#include <tine/page.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/proc_fs.h>
#include <tine/sem.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <tine/utsname.h>

static int show_cmdline(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%s\n", boot_info.command_line);
	return 0;
}

static int show_filesystems(struct seq_buffer *m, struct task_struct *task)
{
	for (unsigned int i = 0; file_system_types[i]; i++)
		seq_printf(m, "%s\t%s\n", file_system_types[i]->nodev ? "nodev" : "",
			   file_system_types[i]->name);
	return 0;
}

static const char *link_self(struct task_struct *task, char *buf)
{
	snprintf(buf, PATH_MAX, "%d", task_tgid_vnr(current));
	return buf;
}

static const char *link_thread_self(struct task_struct *task, char *buf)
{
	snprintf(buf, PATH_MAX, "%d/task/%d", task_tgid_vnr(current), task_pid_vnr(current));
	return buf;
}

static const char version[] = UTS_SYSNAME " version " UTS_RELEASE " (" UTS_COMPILER ") " UTS_VERSION
					  "\n";

/* By major number: what fs/dev/chrdev.c has. */
static const char devices[] = "Character devices:\n"
			      "  1 mem\n"
			      "  4 tty\n"
			      "  4 ttyS\n"
			      "  5 /dev/tty\n"
			      "  5 /dev/console\n"
			      "  5 /dev/ptmx\n"
			      "136 pts\n"
			      "\n"
			      "Block devices:\n";

static const char tty_drivers[] = "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
				  "/dev/console         /dev/console    5       1 system:console\n"
				  "/dev/ptmx            /dev/ptmx       5       2 system\n"
				  "/dev/vc/0            /dev/vc/0       4       0 system:vtmaster\n"
				  "serial               /dev/ttyS       4      64 serial\n"
				  "pty_slave            /dev/pts      136 0-1048575 pty:slave\n"
				  "unknown              /dev/tty        4       1 console\n";

static const char consoles[] = "ttyS0                -W- (EC p a)    4:64\n";
static const char swaps[] = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
static const char nothing[] = ""; /* partitions, disks, loadable modules: there are none */

/* /proc/tine: what tests look at to see that nothing was leaked. */

static void show_counter(const struct kmem_cache_info *info, void *arg)
{
	seq_printf(arg, "%s %ld\n", info->name, info->in_use);
}

static int show_counters(struct seq_buffer *m, struct task_struct *task)
{
	while (drain_kernel_stacks() > 0)
		;
	seq_printf(m, "free_pages %lu\n", unowned_page_count());
	kmem_cache_for_each(show_counter, m);
	seq_printf(m, "threads %d\n", nr_threads);
	return 0;
}

#ifdef CONFIG_DEBUG
static int write_check(const char *text, size_t n, struct task_struct *task)
{
	return check_memory();
}

#define CHECK {.name = "check", .mode = 0200, .write = write_check},
#else
#define CHECK
#endif

/* clang-format off */
static const struct proc_entry tine_entries[] = {
	CHECK
	{.name = "counters", .mode = 0444, .show = show_counters},
	{.name = NULL},
};
/* clang-format on */

static const struct proc_entry sysvipc_entries[] = {
	{.name = "sem", .mode = 0444, .show = show_semaphores},
	{.name = NULL},
};

static const struct proc_entry tty_entries[] = {
	{.name = "drivers", .mode = 0444, .text = tty_drivers},
	{.name = NULL},
};

/* Those that subset=pid leaves stand first. */
/* clang-format off */
const struct proc_entry proc_root_entries[] = {
	{ .name = "self", .mode = 0777, .link = link_self },
	{ .name = "thread-self", .mode = 0777, .link = link_thread_self },

	{ .name = "cmdline", .mode = 0444, .show = show_cmdline },
	{ .name = "consoles", .mode = 0444, .text = consoles },
	{ .name = "cpuinfo", .mode = 0444, .show = proc_show_cpuinfo },
	{ .name = "devices", .mode = 0444, .text = devices },
	{ .name = "diskstats", .mode = 0444, .text = nothing },
	{ .name = "filesystems", .mode = 0444, .show = show_filesystems },
	{ .name = "loadavg", .mode = 0444, .show = proc_show_loadavg },
	{ .name = "locks", .mode = 0444, .show = show_file_locks },
	{ .name = "meminfo", .mode = 0444, .show = proc_show_meminfo },
	{ .name = "modules", .mode = 0444, .text = nothing },
	{ .name = "mounts", .mode = 0777, .target = "self/mounts" },
	{ .name = "net", .mode = 0777, .target = "self/net" },
	{ .name = "partitions", .mode = 0444, .text = nothing },
	{ .name = "slabinfo", .mode = 0400, .show = proc_show_slabinfo },
	{ .name = "stat", .mode = 0444, .show = proc_show_cpu_stat },
	{ .name = "swaps", .mode = 0444, .text = swaps },
	{ .name = "sys", .mode = 0555, .children = proc_sys_entries },
	{ .name = "sysvipc", .mode = 0555, .children = sysvipc_entries },
	{ .name = "tine", .mode = 0555, .children = tine_entries },
	{ .name = "tty", .mode = 0555, .children = tty_entries },
	{ .name = "uptime", .mode = 0444, .show = proc_show_uptime },
	{ .name = "version", .mode = 0444, .text = version },
	{ .name = "vmstat", .mode = 0444, .show = proc_show_vmstat },
	{ .name = NULL },
};
/* clang-format on */
