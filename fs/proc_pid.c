/*
 * /proc/PID: one process, as ps and libc read it. The task that show is given is counted, but may
 * be on its way out: what it owns is reached through counted copies taken under its alloc_lock
 * (get_task_mm, get_files_struct, get_task_fs), its relations under tasklist_lock. What a process
 * may read of another is decided by the files' modes and owner.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mm.h>
#include <tine/namei.h>
#include <tine/proc_fs.h>
#include <tine/rusage.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/tty.h>

static int show_comm(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%.*s\n", TASK_COMM_LEN, task->comm);
	return 0;
}

static int write_comm(const char *text, size_t n, struct task_struct *task)
{
	char name[TASK_COMM_LEN] = "";

	if (!same_thread_group(current, task))
		return -EINVAL;
	strscpy(name, text, sizeof(name));
	set_task_comm(task, name);
	return 0;
}

/* Copies [start, end) of the task's memory into the text. */
static int show_memory(struct seq_buffer *m, struct mm_struct *mm, unsigned long start,
		       unsigned long end)
{
	while (start < end && !m->overflow) {
		size_t n = MIN(end - start, m->size - m->len), got;

		if (n == 0) {
			m->overflow = true;
			break;
		}
		got = access_remote_vm(mm, start, m->text + m->len, n, false, true);
		m->len += got;
		start += got;
		if (got < n)
			break;
	}
	return 0;
}

static int show_cmdline(struct seq_buffer *m, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm)
		return 0;
	show_memory(m, mm, mm->arg_start, mm->arg_end);
	mm_put(mm);
	return 0;
}

static int show_environ(struct seq_buffer *m, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm)
		return 0;
	show_memory(m, mm, mm->env_start, mm->env_end);
	mm_put(mm);
	return 0;
}

static void show_file_name(struct seq_buffer *m, struct file *file)
{
	char *name = file_path(file, m->text + m->len, m->size - m->len);

	if (IS_ERR(name) || m->overflow) {
		m->overflow = true;
		return;
	}
	memmove(m->text + m->len, name, strlen(name));
	m->len += strlen(name);
}

static const char *special_name(const struct mm_struct *mm, const struct vma *vma)
{
	if (vma->start <= mm->brk && vma->end > mm->start_brk && mm->brk > mm->start_brk)
		return "[heap]";
	if (vma->start <= mm->start_stack && vma->end > mm->start_stack)
		return "[stack]";
	return mm->vdso && vma->start == mm->vdso ? "[vdso]" : NULL;
}

struct maps {
	struct seq_buffer *m;
	struct mm_struct *mm;
};

static int show_vma(const struct vma *vma, void *arg)
{
	struct maps *maps = arg;
	struct seq_buffer *m = maps->m;
	const struct inode *inode = vma->file ? vma->file->inode : NULL;
	const char *name = inode ? NULL : special_name(maps->mm, vma);
	size_t start = m->len;

	seq_printf(m, "%08lx-%08lx %c%c%c%c %08zx %02x:%02x %zu ", vma->start, vma->end,
		   vma->flags & VM_READ ? 'r' : '-', vma->flags & VM_WRITE ? 'w' : '-',
		   vma->flags & VM_EXEC ? 'x' : '-', vma->flags & VM_SHARED ? 's' : 'p',
		   inode ? (size_t)vma->pgoff << PAGE_SHIFT : 0, inode ? MAJOR(inode->sb->dev) : 0,
		   inode ? MINOR(inode->sb->dev) : 0, inode ? (size_t)inode->ino : 0);
	if (inode || name)
		while (m->len - start < 73 && !m->overflow)
			seq_puts(m, " ");
	if (inode)
		show_file_name(m, vma->file);
	else if (name)
		seq_puts(m, name);
	seq_puts(m, "\n");
	return m->overflow;
}

static int show_maps(struct seq_buffer *m, struct task_struct *task)
{
	struct maps maps = {m, get_task_mm(task)};

	if (!maps.mm)
		return 0;
	mutex_lock(&maps.mm->lock);
	vma_for_each(maps.mm, show_vma, &maps);
	mutex_unlock(&maps.mm->lock);
	mm_put(maps.mm);
	return 0;
}

/* The state's letter and its name, as ps shows them. */
static const char *state_name(const struct task_struct *task)
{
	u32 state = READ_ONCE(task->state), exit_state = READ_ONCE(task->exit_state);

	if (exit_state == EXIT_ZOMBIE)
		return "Z (zombie)";
	if (exit_state == EXIT_DEAD)
		return "X (dead)";
	if (state & TASK_STOPPED_BIT)
		return "T (stopped)";
	if (state & TASK_TRACED_BIT)
		return "t (tracing stop)";
	if (state & TASK_INTERRUPTIBLE)
		return "S (sleeping)";
	return state & TASK_UNINTERRUPTIBLE ? "D (disk sleep)" : "R (running)";
}

/* What stat and status tell of a process's relations; taken together, under tasklist_lock. */
struct relations {
	int ppid, pgrp, session, tty_nr, tty_pgrp, threads, tracer;
	u64 min_flt, maj_flt, child_min_flt, child_maj_flt, child_cpu;
	struct cpu_time cpu;
};

static void get_relations(struct task_struct *task, struct relations *r)
{
	struct signal_struct *signal = task->signal;

	spin_lock(&tasklist_lock);
	memset(r, 0, sizeof(*r));
	r->ppid = task->real_parent ? task_tgid_vnr(task->real_parent) : 0;
	r->tracer = task->parent != task->real_parent ? task_pid_vnr(task->parent) : 0;
	r->pgrp = task_pgrp_vnr(task);
	r->session = task_session_vnr(task);
	r->tty_pgrp = -1;
	if (signal->tty) {
		r->tty_nr = new_encode_dev(signal->tty->dev);
		r->tty_pgrp = pid_vnr(signal->tty->pgrp);
	}
	r->threads = signal->nr_threads;
	r->min_flt = signal->min_flt + task->min_flt;
	r->maj_flt = signal->maj_flt + task->maj_flt;
	r->child_min_flt = signal->child_min_flt;
	r->child_maj_flt = signal->child_maj_flt;
	r->child_cpu = signal->child_cpu_ns;
	r->cpu = process_cpu_time(task);
	spin_unlock(&tasklist_lock);
}

static size_t ticks(u64 ns)
{
	return ns / 10000000;
}

struct signal_sets {
	sigset_t pending, shared, blocked, ignored, caught;
};

static void get_signal_sets(struct task_struct *task, struct signal_sets *s)
{
	irq_state_t irq;

	memset(s, 0, sizeof(*s));
	spin_lock(&tasklist_lock);
	if (task->sighand) {
		irq = spin_lock_irqsave(&task->sighand->lock);
		s->pending = task->pending.set;
		s->shared = task->signal->shared_pending.set;
		s->blocked = task->blocked;
		for (int i = 0; i < NSIG; i++) {
			unsigned long handler = task->sighand->actions->action[i].handler;

			if (handler == SIG_IGN)
				s->ignored |= 1ul << i;
			else if (handler != SIG_DFL)
				s->caught |= 1ul << i;
		}
		spin_unlock_irqrestore(&task->sighand->lock, irq);
	}
	spin_unlock(&tasklist_lock);
}

static int show_stat(struct seq_buffer *m, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);
	struct signal_sets sets;
	struct relations r;

	get_relations(task, &r);
	get_signal_sets(task, &sets);
	seq_printf(m, "%d (%.*s) %c %d %d %d %d %d 0 %zu %zu %zu %zu ", task_pid_vnr(task),
		   TASK_COMM_LEN, task->comm, state_name(task)[0], r.ppid, r.pgrp, r.session,
		   r.tty_nr, r.tty_pgrp, (size_t)r.min_flt, (size_t)r.child_min_flt,
		   (size_t)r.maj_flt, (size_t)r.child_maj_flt);
	seq_printf(m, "%zu %zu %zu 0 20 0 %d 0 %zu ", ticks(r.cpu.user), ticks(r.cpu.system),
		   ticks(r.child_cpu), r.threads, ticks(task->start_time));
	seq_printf(m, "%lu 0 %lu %lu %lu %lu 0 0 ", mm ? mm->total_pages * PAGE_SIZE : 0, ~0ul,
		   mm ? mm->start_code : 0, mm ? mm->end_code : 0, mm ? mm->start_stack : 0);
	seq_printf(m, "%zu %zu %zu %zu 0 0 0 %d %u 0 0 0 0 0 ", (size_t)(sets.pending & INT32_MAX),
		   (size_t)(sets.blocked & INT32_MAX), (size_t)(sets.ignored & INT32_MAX),
		   (size_t)(sets.caught & INT32_MAX), task->exit_signal, task->cpu);
	seq_printf(m, "%lu %lu %lu %lu %lu %lu %lu %d\n", mm ? mm->start_data : 0,
		   mm ? mm->end_data : 0, mm ? mm->start_brk : 0, mm ? mm->arg_start : 0,
		   mm ? mm->arg_end : 0, mm ? mm->env_start : 0, mm ? mm->env_end : 0,
		   task->exit_code);
	if (mm)
		mm_put(mm);
	return 0;
}

static int show_statm(struct seq_buffer *m, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm) {
		seq_puts(m, "0 0 0 0 0 0 0\n");
		return 0;
	}
	seq_printf(m, "%lu 0 0 %lu 0 %lu 0\n", mm->total_pages,
		   (mm->end_code - mm->start_code) >> PAGE_SHIFT, mm->data_pages + mm->stack_pages);
	mm_put(mm);
	return 0;
}

static void show_ids(struct seq_buffer *m, struct task_struct *task)
{
	struct cred *cred;

	spin_lock(&task->alloc_lock);
	cred = task->cred ? get_cred(task->cred) : NULL;
	spin_unlock(&task->alloc_lock);
	if (!cred)
		return;
	seq_printf(m, "Uid:\t%u\t%u\t%u\t%u\n", cred->uid, cred->euid, cred->suid, cred->fsuid);
	seq_printf(m, "Gid:\t%u\t%u\t%u\t%u\n", cred->gid, cred->egid, cred->sgid, cred->fsgid);
	seq_puts(m, "Groups:\t");
	for (unsigned int i = 0; cred->groups && i < cred->groups->n; i++)
		seq_printf(m, "%u ", cred->groups->gid[i]);
	seq_puts(m, "\n");
	put_cred(cred);
}

static void show_sizes(struct seq_buffer *m, struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm)
		return;
	seq_printf(m, "VmSize:\t%8lu kB\nVmLck:\t%8lu kB\n", mm->total_pages * 4,
		   mm->locked_pages * 4);
	seq_printf(m, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\n", mm->data_pages * 4,
		   mm->stack_pages * 4, (mm->end_code - mm->start_code) / 1024);
	mm_put(mm);
}

static void show_caps(struct seq_buffer *m, struct task_struct *task)
{
	struct cred *cred;

	spin_lock(&task->alloc_lock);
	cred = task->cred ? get_cred(task->cred) : NULL;
	spin_unlock(&task->alloc_lock);
	if (!cred)
		return;
	seq_printf(m, "CapInh:\t%016zx\nCapPrm:\t%016zx\nCapEff:\t%016zx\n",
		   (size_t)cred->cap_inheritable, (size_t)cred->cap_permitted,
		   (size_t)cred->cap_effective);
	seq_printf(m, "CapBnd:\t%016zx\nCapAmb:\t%016zx\nNoNewPrivs:\t%d\n",
		   (size_t)cred->cap_bounding, (size_t)cred->cap_ambient, task->no_new_privs);
	put_cred(cred);
}

static int show_status(struct seq_buffer *m, struct task_struct *task)
{
	struct signal_sets sets;
	struct relations r;
	mode_t umask;

	get_relations(task, &r);
	get_signal_sets(task, &sets);
	seq_printf(m, "Name:\t%.*s\n", TASK_COMM_LEN, task->comm);
	if (task_umask(task, &umask))
		seq_printf(m, "Umask:\t%04o\n", umask);
	seq_printf(m, "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
		   state_name(task), task_tgid_vnr(task), task_pid_vnr(task), r.ppid, r.tracer);
	show_ids(m, task);
	show_sizes(m, task);
	seq_printf(m, "Threads:\t%d\nSigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n",
		   r.threads, sets.pending, sets.shared, sets.blocked);
	seq_printf(m, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", sets.ignored, sets.caught);
	show_caps(m, task);
	seq_printf(m, "voluntary_ctxt_switches:\t%zu\nnonvoluntary_ctxt_switches:\t%zu\n",
		   (size_t)task->nvcsw, (size_t)task->nivcsw);
	return 0;
}

static int show_mounts(struct seq_buffer *m, struct task_struct *task)
{
	return proc_show_mounts(m, task);
}

static int show_oom_score_adj(struct seq_buffer *m, struct task_struct *task)
{
	seq_printf(m, "%d\n", READ_ONCE(task->signal->oom_score_adj));
	return 0;
}

/* Lowering it below what it is needs the right to. */
static int write_oom_score_adj(const char *text, size_t n, struct task_struct *task)
{
	bool negative = *text == '-';
	int value, error = proc_parse_int(text + negative, 0, 1000, &value);

	if (error != 0)
		return error;
	if (negative)
		value = -value;
	if (value < READ_ONCE(task->signal->oom_score_adj) && !capable(CAP_SYS_RESOURCE))
		return -EACCES;
	WRITE_ONCE(task->signal->oom_score_adj, value);
	return 0;
}

/* Links. */

static int jump_exe(struct task_struct *task, int number, struct path *path)
{
	struct mm_struct *mm = get_task_mm(task);
	int error = -ENOENT;

	if (mm && mm->exe_file) {
		*path = mm->exe_file->path;
		path_get(path);
		error = 0;
	}
	if (mm)
		mm_put(mm);
	return error;
}

static int jump_cwd(struct task_struct *task, int number, struct path *path)
{
	return get_task_fs(task, NULL, path) ? 0 : -ENOENT;
}

static int jump_root(struct task_struct *task, int number, struct path *path)
{
	return get_task_fs(task, path, NULL) ? 0 : -ENOENT;
}

static int next_fd(struct task_struct *task, int nr)
{
	struct files_struct *files = get_files_struct(task);
	unsigned int fd = nr;
	struct file *file;

	if (!files)
		return -1;
	file = files_next(files, &fd);
	put_files_struct(files);
	fput(file);
	return file ? (int)fd : -1;
}

static int jump_fd(struct task_struct *task, int number, struct path *path)
{
	struct files_struct *files = get_files_struct(task);
	unsigned int fd = number;
	struct file *file = files ? files_next(files, &fd) : NULL;
	int error = -ENOENT;

	if (file && fd == (unsigned int)number) {
		*path = file->path;
		path_get(path);
		error = 0;
	}
	fput(file);
	put_files_struct(files);
	return error;
}

/* As the file was opened: "r-x" for reading, "-wx" for writing. */
static mode_t fd_link_mode(struct task_struct *task, int number)
{
	struct files_struct *files = get_files_struct(task);
	unsigned int fd = number;
	struct file *file = files ? files_next(files, &fd) : NULL;
	mode_t mode = 0;

	if (file && fd == (unsigned int)number)
		mode = (file->mode & FMODE_READ ? 0500 : 0) | (file->mode & FMODE_WRITE ? 0300 : 0);
	fput(file);
	put_files_struct(files);
	return mode;
}

static const struct proc_entry fd_entry = {
	.name = "",
	.mode = 0777,
	.jump = jump_fd,
	.link_mode = fd_link_mode,
};

/* Threads. */

static int next_thread_number(struct task_struct *task, int nr)
{
	struct task_struct *thread;
	int best = -1;

	spin_lock(&tasklist_lock);
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
#endif

/* A thread's directory is a process's without "task", which therefore stands first. */
static const struct proc_entry thread_entry = {
	.name = "",
	.mode = 0555,
	.children = proc_pid_entries + 1,
};

/* clang-format off */
const struct proc_entry proc_pid_entries[] = {
	{ .name = "task", .mode = 0555, .next_number = next_thread_number,
	  .number_entry = &thread_entry },
	{ .name = "cmdline", .mode = 0444, .show = show_cmdline },
	{ .name = "comm", .mode = 0644, .show = show_comm, .write = write_comm },
	{ .name = "cwd", .mode = 0777, .guarded = true, .jump = jump_cwd },
	{ .name = "environ", .mode = 0400, .guarded = true, .show = show_environ },
	{ .name = "exe", .mode = 0777, .guarded = true, .jump = jump_exe },
#ifdef CONFIG_DEBUG
	{ .name = "fail-nth", .mode = 0644, .show = show_fail_nth, .write = write_fail_nth },
#endif
	{ .name = "fd", .mode = 0500, .next_number = next_fd, .number_entry = &fd_entry },
	{ .name = "maps", .mode = 0444, .guarded = true, .show = show_maps },
	{ .name = "mounts", .mode = 0444, .show = show_mounts },
	{ .name = "oom_score_adj", .mode = 0644, .show = show_oom_score_adj,
	  .write = write_oom_score_adj },
	{ .name = "root", .mode = 0777, .guarded = true, .jump = jump_root },
	{ .name = "stat", .mode = 0444, .show = show_stat },
	{ .name = "statm", .mode = 0444, .show = show_statm },
	{ .name = "status", .mode = 0444, .show = show_status },
	{ .name = NULL },
};
/* clang-format on */
