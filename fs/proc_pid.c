/*
 * /proc/PID: one process, as ps and libc read it: the table of its files, and those that have no
 * better home. The task that show is given is counted, but may be on its way out: what it owns is
 * reached through counted copies taken under its alloc_lock (get_task_mm, get_files_struct,
 * get_task_fs, get_task_cred), its relations under tasklist_lock.
 *
 * What a process may read of another is decided by the files' modes and owner, and where guarded
 * says so by the rule for debuggers (may_inspect).
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mm.h>
#include <tine/namei.h>
#include <tine/printk.h>
#include <tine/proc_fs.h>
#include <tine/string.h>
#include <tine/symtab.h>
#include <tine/task.h>

static int show_comm(struct seq_buffer *m, struct task_struct *task)
{
	char name[TASK_COMM_LEN];

	get_task_comm(name, task);
	seq_puts(m, name);
	seq_puts(m, "\n");
	return 0;
}

static int write_comm(const char *text, size_t n, struct task_struct *task)
{
	char name[TASK_COMM_LEN] = "";

	if (!same_thread_group(current, task))
		return -EINVAL;
	(void)strscpy(name, text, sizeof(name));
	set_task_comm(task, name);
	return 0;
}

/* The function that task sleeps in: the first on its stack that does more than sleep. */
static void find_sleeper(unsigned long address, void *arg)
{
	static const char *const ways_to_sleep[] = {
		"schedule",          "schedule_timeout",    "schedule_until",     "lock_slowly",
		"mutex_lock_slowly", "pipe_wait_for_bytes", "pipe_wait_for_room",
	};
	const char **found = arg;
	unsigned long offset;
	const char *name = *found ? NULL : symtab_lookup(address, &offset);

	for (unsigned int i = 0; name && i < ARRAY_SIZE(ways_to_sleep); i++)
		if (strcmp(name, ways_to_sleep[i]) == 0)
			name = NULL;
	if (name)
		*found = name;
}

static int show_wchan(struct seq_buffer *m, struct task_struct *task)
{
	const char *name = NULL;

	if (proc_may_inspect(task) && READ_ONCE(task->state) != TASK_RUNNING && !task->exit_state)
		arch_walk_task_stack(task, find_sleeper, &name);
	seq_puts(m, name ? name : "0");
	return 0;
}

/* The killer's points for the process (mm/oom.c), of 2000; what it never kills has none. */
static int show_oom_score(struct seq_buffer *m, struct task_struct *task)
{
	long total = total_page_count(), points = oom_points(task);

	points = points ? (1000 + points * 1000 / total) * 2 / 3 : 0;
	seq_printf(m, "%ld\n", MAX(points, 0));
	return 0;
}

#define OOM_SCORE_ADJ_MAX 1000
#define OOM_ADJ_MIN       (-17)
#define OOM_ADJ_MAX       15

static int show_oom_score_adj(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%d\n", READ_ONCE(task->signal->oom_score.adj));
	return 0;
}

/* floor: that low anybody may set it again. */
static void set_score(struct signal_struct *signal, int value, bool floor)
{
	WRITE_ONCE(signal->oom_score.adj, value);
	if (floor)
		WRITE_ONCE(signal->oom_score.least, value);
}

/* The killer frees memory, so who shares task's, but for vfork, is scored alike. */
static void set_score_of_sharers(struct task_struct *task, int value, bool floor)
{
	struct mm_struct *mm = get_process_mm(task), *other;
	struct task_struct *process;

	for (int tgid = 1; mm && (process = get_next_process(tgid)) != NULL;) {
		tgid = process->tgid;
		other = get_process_mm(process);
		if (other == mm && !READ_ONCE(process->vfork_done))
			set_score(process->signal, value, floor);
		if (other)
			mm_put(other);
		put_task_struct(process);
	}
	if (mm)
		mm_put(mm);
}

/* Lowering it below the floor, or on the old scale below what it is, needs the right to. */
static int set_oom_score_adj(struct task_struct *task, int value, bool old_scale)
{
	struct signal_struct *signal = task->signal;
	bool floor = !old_scale && has_capability(CAP_SYS_RESOURCE);
	int least = READ_ONCE(*(old_scale ? &signal->oom_score.adj : &signal->oom_score.least));

	if (value < least && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	set_score(signal, value, floor);
	if (!READ_ONCE(task->vfork_done))
		set_score_of_sharers(task, value, floor);
	return 0;
}

static int write_oom_score_adj(const char *text, size_t n, struct task_struct *task)
{
	int value;
	int error = proc_parse_int(text, -OOM_SCORE_ADJ_MAX, OOM_SCORE_ADJ_MAX, &value);

	return error ?: set_oom_score_adj(task, value, false);
}

/* The scale that oom_score_adj replaced. */
static int show_oom_adj(struct seq_buffer *m, struct task_struct *task)
{
	int adj = READ_ONCE(task->signal->oom_score.adj);

	seq_printf(m, "%d\n",
		   adj == OOM_SCORE_ADJ_MAX ? OOM_ADJ_MAX : adj * -OOM_ADJ_MIN / OOM_SCORE_ADJ_MAX);
	return 0;
}

static int write_oom_adj(const char *text, size_t n, struct task_struct *task)
{
	int value, error = proc_parse_int(text, OOM_ADJ_MIN, OOM_ADJ_MAX, &value);

	if (error != 0)
		return error;
	if (value == OOM_ADJ_MAX)
		return set_oom_score_adj(task, OOM_SCORE_ADJ_MAX, true);
	return set_oom_score_adj(task, value * OOM_SCORE_ADJ_MAX / -OOM_ADJ_MIN, true);
}

static void show_limit(struct seq_buffer *m, unsigned long value)
{
	if (value == RLIM_INFINITY)
		seq_printf(m, "%-20s ", "unlimited");
	else
		seq_printf(m, "%-20lu ", value);
}

static int show_personality(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%08x\n", READ_ONCE(task->personality));
	return 0;
}

static int show_limits(struct seq_buffer *m, struct task_struct *task)
{
	static const struct {
		const char *name, *unit;
	} limits[RLIM_NLIMITS] = {
		[RLIMIT_CPU] = {"Max cpu time", "seconds"},
		[RLIMIT_FSIZE] = {"Max file size", "bytes"},
		[RLIMIT_DATA] = {"Max data size", "bytes"},
		[RLIMIT_STACK] = {"Max stack size", "bytes"},
		[RLIMIT_CORE] = {"Max core file size", "bytes"},
		[RLIMIT_RSS] = {"Max resident set", "bytes"},
		[RLIMIT_NPROC] = {"Max processes", "processes"},
		[RLIMIT_NOFILE] = {"Max open files", "files"},
		[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
		[RLIMIT_AS] = {"Max address space", "bytes"},
		[RLIMIT_LOCKS] = {"Max file locks", "locks"},
		[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
		[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
		[RLIMIT_NICE] = {"Max nice priority", ""},
		[RLIMIT_RTPRIO] = {"Max realtime priority", ""},
		[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
	};

	seq_printf(m, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (unsigned int i = 0; i < RLIM_NLIMITS; i++) {
		const struct rlimit *limit = &task->signal->rlim[i];

		seq_printf(m, "%-25s ", limits[i].name);
		show_limit(m, READ_ONCE(limit->rlim_cur));
		show_limit(m, READ_ONCE(limit->rlim_max));
		seq_printf(m, limits[i].unit[0] ? "%-10s\n" : "\n", limits[i].unit);
	}
	return 0;
}

/* Links. */

static int jump_exe(struct task_struct *task, int number, struct path *path)
{
	struct mm_struct *mm SCOPED(mm_put) = get_task_mm(task);

	if (!mm || !mm->exe_file)
		return -ENOENT;
	*path = mm->exe_file->path;
	path_get(path);
	return 0;
}

static int jump_cwd(struct task_struct *task, int number, struct path *path)
{
	return get_task_fs(task, NULL, path) ? 0 : -ENOENT;
}

static int jump_root(struct task_struct *task, int number, struct path *path)
{
	return get_task_fs(task, path, NULL) ? 0 : -ENOENT;
}

/* Namespaces: one of each kind, under the number that the first one has on Linux. */
/* clang-format off */
static const struct proc_entry ns_entries[] = {
	{ .name = "cgroup", .guarded = true, .target = "cgroup:[4026531835]" },
	{ .name = "ipc", .guarded = true, .target = "ipc:[4026531839]" },
	{ .name = "mnt", .guarded = true, .target = "mnt:[4026531841]" },
	{ .name = "net", .guarded = true, .target = "net:[4026531840]" },
	{ .name = "pid", .guarded = true, .target = "pid:[4026531836]" },
	{ .name = "pid_for_children", .guarded = true, .target = "pid:[4026531836]" },
	{ .name = "time", .guarded = true, .target = "time:[4026531834]" },
	{ .name = "time_for_children", .guarded = true, .target = "time:[4026531834]" },
	{ .name = "user", .guarded = true, .target = "user:[4026531837]" },
	{ .name = "uts", .guarded = true, .target = "uts:[4026531838]" },
	{ .name = NULL },
};
/* clang-format on */

/* There is no network: its directory is empty. */
static const struct proc_entry net_entries[] = {{.name = NULL}};

/* Threads. */

/* The first of task's threads from nr on. Mostly they were made one after the other. */
static int next_thread_number(struct task_struct *task, int nr)
{
	struct task_struct *thread;
	int best = -1;

	spin_lock(&tasklist_lock);
	thread = find_task_by_vpid(nr);
	if (thread && same_thread_group(thread, task)) {
		spin_unlock(&tasklist_lock);
		return nr;
	}
	list_for_each_entry(thread, &task->signal->threads, thread_link) {
		int number = task_pid_vnr(thread);

		if (number >= nr && number > 0 && (best < 0 || number < best))
			best = number;
	}
	spin_unlock(&tasklist_lock);
	return best;
}

#ifdef CONFIG_DEBUG
static int show_fail_nth(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%u\n", READ_ONCE(task->fail_nth));
	return 0;
}

static int write_fail_nth(const char *text, size_t n, struct task_struct *task)
{
	int value, error = proc_parse_int(text, 0, INT32_MAX, &value);

	if (error == 0)
		WRITE_ONCE(task->fail_nth, value);
	return error;
}

#define FAIL_NTH {.name = "fail-nth", .mode = 0644, .show = show_fail_nth, .write = write_fail_nth},
#else
#define FAIL_NTH
#endif

/* What a process and a thread both have. */
/* clang-format off */
#define COMMON_ENTRIES                                                                              \
	{ .name = "auxv", .mode = 0400, .guarded = true, .show_mm = proc_show_auxv },               \
	{ .name = "cgroup", .mode = 0444, .text = "" }, /* there are none */                        \
	{ .name = "cmdline", .mode = 0444, .show = proc_show_cmdline },                             \
	{ .name = "comm", .mode = 0644, .own_threads = true, .show = show_comm,                     \
	  .write = write_comm },                                                                    \
	{ .name = "cwd", .mode = 0777, .guarded = true, .jump = jump_cwd },                         \
	{ .name = "environ", .mode = 0400, .guarded = true, .show_mm = proc_show_environ },         \
	{ .name = "exe", .mode = 0777, .guarded = true, .jump = jump_exe },                         \
	FAIL_NTH                                                                                    \
	{ .name = "fd", .mode = 0500, .own_threads = true, .next_number = proc_next_fd,             \
	  .number_entry = &proc_fd_entry },                                                         \
	{ .name = "fdinfo", .mode = 0555, .guarded = true, .next_number = proc_next_fd,             \
	  .number_entry = &proc_fdinfo_entry },                                                     \
	{ .name = "limits", .mode = 0444, .show = show_limits },                                    \
	{ .name = "maps", .mode = 0444, .guarded = true, .show_mm = proc_show_maps },               \
	{ .name = "mem", .mode = 0600, .guarded = true, .transfer = proc_transfer_mem },            \
	{ .name = "mountinfo", .mode = 0444, .show = proc_show_mountinfo },                         \
	{ .name = "mounts", .mode = 0444, .show = proc_show_mounts },                               \
	{ .name = "net", .mode = 0555, .children = net_entries },                                   \
	{ .name = "ns", .mode = 0511, .children = ns_entries },                                     \
	{ .name = "oom_adj", .mode = 0644, .show = show_oom_adj, .write = write_oom_adj },          \
	{ .name = "oom_score", .mode = 0444, .show = show_oom_score },                              \
	{ .name = "oom_score_adj", .mode = 0644, .show = show_oom_score_adj,                        \
	  .write = write_oom_score_adj },                                                           \
	{ .name = "personality", .mode = 0400, .guarded = true, .show = show_personality },         \
	{ .name = "root", .mode = 0777, .guarded = true, .jump = jump_root },                       \
	{ .name = "smaps", .mode = 0444, .guarded = true, .show_mm = proc_show_smaps },             \
	{ .name = "smaps_rollup", .mode = 0444, .guarded = true,                                    \
	  .show_mm = proc_show_smaps_rollup },                                                      \
	{ .name = "statm", .mode = 0444, .show = proc_show_statm },                                 \
	{ .name = "status", .mode = 0444, .show = proc_show_status },                               \
	{ .name = "wchan", .mode = 0444, .show = show_wchan }

static const struct proc_entry thread_entries[] = {
	COMMON_ENTRIES,
	{ .name = "children", .mode = 0444, .show = proc_show_children },
	{ .name = "stat", .mode = 0444, .show = proc_show_thread_stat },
	{ .name = NULL },
};

static const struct proc_entry thread_entry = {
	.name = "", .mode = 0555, .children = thread_entries,
};

const struct proc_entry proc_pid_entries[] = {
	COMMON_ENTRIES,
	{ .name = "mountstats", .mode = 0400, .show = proc_show_mountstats },
	{ .name = "stat", .mode = 0444, .show = proc_show_stat },
	{ .name = "task", .mode = 0555, .next_number = next_thread_number,
	  .number_entry = &thread_entry },
	{ .name = NULL },
};
/* clang-format on */
