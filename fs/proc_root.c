/*
 * What stands directly in /proc: the system as a whole. Numbers are taken at the moment of reading,
 * without stopping anything.
 */
#include <tine/boot_info.h>
#include <tine/err.h>
#include <tine/file_lock.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/loadavg.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/page.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/proc_fs.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/tmpfs.h>
#include <tine/utsname.h>

static int show_meminfo(struct seq_buffer *m, struct task_struct *task)
{
	static const char *const absent[] = {"SwapCached", "Active", "Inactive", "SwapTotal",
					     "SwapFree",   "Dirty",  "Writeback"};
	u64 total = total_page_count() * 4, free = free_page_count() * 4;

	seq_printf(m, "MemTotal:       %8zu kB\n", (size_t)total);
	seq_printf(m, "MemFree:        %8zu kB\n", (size_t)free);
	seq_printf(m, "MemAvailable:   %8zu kB\n", (size_t)free);
	seq_printf(m, "Buffers:        %8u kB\n", 0);
	seq_printf(m, "Cached:         %8zu kB\n", (size_t)tmpfs_total_pages() * 4);
	for (unsigned int i = 0; i < ARRAY_SIZE(absent); i++)
		seq_printf(m, "%s:%*s%8u kB\n", absent[i], 15 - (int)strlen(absent[i]), "", 0);
	seq_printf(m, "Shmem:          %8zu kB\n", (size_t)tmpfs_total_pages() * 4);
	return 0;
}

static void show_seconds(struct seq_buffer *m, u64 ns, const char *after)
{
	seq_printf(m, "%zu.%02zu%s", (size_t)(ns / NSEC_PER_SEC),
		   (size_t)(ns % NSEC_PER_SEC / 10000000), after);
}

static unsigned int online_cpus(void)
{
	unsigned int n = 0;

	for (u64 left = cpu_online_mask; left; left &= left - 1)
		n++;
	return n;
}

static u64 all_idle_ns(void)
{
	u64 sum = 0;

	for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
		sum += sched_idle_ns(cpu);
	return sum;
}

static int show_uptime(struct seq_buffer *m, struct task_struct *task)
{
	u64 now = ktime_get();

	show_seconds(m, now, " ");
	show_seconds(m, all_idle_ns(), "\n");
	return 0;
}

static int show_version(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%s version %s (gcc " __VERSION__ ") %s\n", UTS_SYSNAME, UTS_RELEASE,
		   UTS_VERSION);
	return 0;
}

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

static int show_loadavg(struct seq_buffer *m, struct task_struct *task)
{
	u64 load[3];

	get_load_average(load);
	for (int i = 0; i < 3; i++)
		seq_printf(m, "%zu.%02zu ", (size_t)(load[i] >> LOAD_SHIFT),
			   (size_t)((load[i] & ((1u << LOAD_SHIFT) - 1)) * 100 >> LOAD_SHIFT));
	seq_printf(m, "%lu/%d %d\n", nr_running(), nr_threads, last_pid());
	return 0;
}

/* Ticks of a hundredth of a second, which is what user space counts CPU time in. */
static size_t ticks(u64 ns)
{
	return ns / 10000000;
}

static int show_stat(struct seq_buffer *m, struct task_struct *task)
{
	u64 now = ktime_get(), idle = all_idle_ns();
	u64 busy = now * online_cpus() > idle ? now * online_cpus() - idle : 0;

	seq_printf(m, "cpu  %zu 0 0 %zu 0 0 0 0 0 0\n", ticks(busy), ticks(idle));
	for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
		u64 idle_here = MIN(sched_idle_ns(cpu), now);

		if (cpu_online_mask & (1ull << cpu))
			seq_printf(m, "cpu%u %zu 0 0 %zu 0 0 0 0 0 0\n", cpu,
				   ticks(now - idle_here), ticks(idle_here));
	}
	seq_printf(m, "intr 0\nctxt %zu\nbtime %zu\n", (size_t)nr_context_switches(),
		   (size_t)((ktime_get_real() - now) / NSEC_PER_SEC));
	seq_printf(m, "processes %zu\nprocs_running %lu\nprocs_blocked 0\n", (size_t)total_forks,
		   nr_running());
	return 0;
}

static void show_mount(struct seq_buffer *m, struct vfsmount *mnt, const char *name)
{
	static const struct {
		u32 flag;
		const char *text;
	} names[] = {{MNT_NOSUID, ",nosuid"}, {MNT_NODEV, ",nodev"}, {MNT_NOEXEC, ",noexec"}};

	seq_escape(m, mnt->source, " \t\n");
	seq_puts(m, " ");
	seq_escape(m, name, " \t\n");
	seq_printf(m, " %s %s", mnt->parent ? mnt->sb->type->name : "rootfs",
		   mnt_want_write(mnt) ? "ro" : "rw");
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (mnt->flags & names[i].flag)
			seq_puts(m, names[i].text);
	seq_puts(m, mnt->flags & MNT_NOATIME ? ",noatime" : ",relatime");
	if (mnt->sb->ops->show_options)
		mnt->sb->ops->show_options(mnt->sb, m);
	seq_puts(m, " 0 0\n");
}

/* The mount after *id in the namespace, counted. */
static struct vfsmount *next_mount(int id)
{
	struct vfsmount *mnt;

	spin_lock(&mount_lock);
	list_for_each_entry(mnt, &current_mnt_ns()->mounts, link)
		if (mnt->id > id) {
			mntget(mnt);
			spin_unlock(&mount_lock);
			return mnt;
		}
	spin_unlock(&mount_lock);
	return NULL;
}

static int show_mounts(struct seq_buffer *m, struct task_struct *task)
{
	struct path root, at;
	char *buf = kmalloc(PATH_MAX), *name;
	bool outside;
	int id = 0;

	if (!buf)
		return -ENOMEM;
	get_fs_root(&root);
	while ((at.mnt = next_mount(id))) {
		id = at.mnt->id;
		at.dentry = at.mnt->root;
		name = path_name(&at, &root, buf, PATH_MAX, &outside);
		if (!IS_ERR(name) && !outside)
			show_mount(m, at.mnt, name);
		mntput(at.mnt);
	}
	path_put(&root);
	kfree(buf);
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

static const char *link_mounts(struct task_struct *task, char *buf)
{
	return "self/mounts";
}

/* /proc/tine: what tests look at to see that nothing was leaked. */

static void show_counter(const char *name, long in_use, void *arg)
{
	seq_printf(arg, "%s %ld\n", name, in_use);
}

static int show_counters(struct seq_buffer *m, struct task_struct *task)
{
	drain_kernel_stacks();
	seq_printf(m, "free_pages %zu\n", (size_t)unowned_page_count());
	kmem_cache_for_each(show_counter, m);
	seq_printf(m, "threads %d\n", nr_threads);
	return 0;
}

static const struct proc_entry proc_tine_entries[] = {
	{.name = "counters", .mode = 0444, .show = show_counters},
	{.name = NULL},
};

/* /proc/sys */

int proc_parse_int(const char *text, int min, int max, int *value)
{
	long n = 0;
	bool any = false;

	while (*text == ' ')
		text++;
	for (; *text >= '0' && *text <= '9' && n <= INT32_MAX; text++, any = true)
		n = n * 10 + *text - '0';
	if (!any || (*text && *text != '\n') || n < min || n > max)
		return -EINVAL;
	*value = n;
	return 0;
}

#define PID_MAX_MIN 301
#define PID_MAX_MAX 4194304

static int show_pid_max(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%d\n", READ_ONCE(pid_max));
	return 0;
}

static int write_pid_max(const char *text, size_t n, struct task_struct *task)
{
	int value, error = proc_parse_int(text, PID_MAX_MIN, PID_MAX_MAX, &value);

	if (error == 0)
		WRITE_ONCE(pid_max, value);
	return error;
}

static int show_threads_max(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%d\n", READ_ONCE(max_threads));
	return 0;
}

#define THREADS_MIN 20
#define THREADS_MAX 0x3fffffff

static int write_threads_max(const char *text, size_t n, struct task_struct *task)
{
	int value, error = proc_parse_int(text, THREADS_MIN, THREADS_MAX, &value);

	if (error == 0)
		WRITE_ONCE(max_threads, value);
	return error;
}

static int show_osrelease(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%s\n", UTS_RELEASE);
	return 0;
}

static int show_ostype(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%s\n", UTS_SYSNAME);
	return 0;
}

static const struct proc_entry sys_kernel_entries[] = {
	{.name = "osrelease", .mode = 0444, .show = show_osrelease},
	{.name = "ostype", .mode = 0444, .show = show_ostype},
	{.name = "pid_max", .mode = 0644, .show = show_pid_max, .write = write_pid_max},
	{.name = "threads-max", .mode = 0644, .show = show_threads_max, .write = write_threads_max},
	{.name = NULL},
};

static const struct proc_entry proc_sys_entries[] = {
	{.name = "kernel", .mode = 0555, .children = sys_kernel_entries},
	{.name = NULL},
};

const struct proc_entry proc_root_entries[] = {
	{.name = "cmdline", .mode = 0444, .show = show_cmdline},
	{.name = "filesystems", .mode = 0444, .show = show_filesystems},
	{.name = "loadavg", .mode = 0444, .show = show_loadavg},
	{.name = "locks", .mode = 0444, .show = show_file_locks},
	{.name = "meminfo", .mode = 0444, .show = show_meminfo},
	{.name = "mounts", .mode = 0777, .link = link_mounts},
	{.name = "self", .mode = 0777, .link = link_self},
	{.name = "stat", .mode = 0444, .show = show_stat},
	{.name = "sys", .mode = 0555, .children = proc_sys_entries},
	{.name = "thread-self", .mode = 0777, .link = link_thread_self},
	{.name = "tine", .mode = 0555, .children = proc_tine_entries},
	{.name = "uptime", .mode = 0444, .show = show_uptime},
	{.name = "version", .mode = 0444, .show = show_version},
	{.name = NULL},
};

int proc_show_mounts(struct seq_buffer *m, struct task_struct *task)
{
	return show_mounts(m, task);
}
