/*
 * /proc/PID/stat, statm and status: a process in numbers, as ps and top read them (proc(5)).
 *
 * What describes a process in relation to others is taken together, under tasklist_lock; the rest
 * is read field by field while the process runs. stat of a process counts all of its threads, those
 * that have ended included; stat of a thread (below task/) that thread alone.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs_struct.h>
#include <tine/mm.h>
#include <tine/proc_fs.h>
#include <tine/rusage.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/tty.h>
#include <tine/vma.h>

unsigned long proc_ticks(u64 ns)
{
	return ns / (NSEC_PER_SEC / USER_HZ);
}

static unsigned long timeval_ticks(const struct uapi_timeval *tv)
{
	return tv->tv_sec * USER_HZ + tv->tv_usec / (1000000 / USER_HZ);
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

/* What stat and status tell of a process's relations. */
struct relations {
	int ppid, tgid, pid, pgrp, session, tty_nr, tty_pgrp, threads, tracer;
	struct rusage used, children_used;
};

/* ESRCH: task has been reaped. */
static int get_relations(struct task_struct *task, bool whole, struct relations *r)
{
	struct signal_struct *signal = task->signal;
	bool there;

	memset(r, 0, sizeof(*r));
	spin_lock(&tasklist_lock);
	r->tty_pgrp = -1;
	there = task->sighand != NULL;
	if (there) {
		r->ppid = task_tgid_vnr(task->real_parent);
		r->tracer = task->parent != task->real_parent ? task_pid_vnr(task->parent) : 0;
		r->tgid = task_tgid_vnr(task);
		r->pid = task_pid_vnr(task);
		r->pgrp = task_pgrp_vnr(task);
		r->session = task_session_vnr(task);
		r->threads = signal->nr_threads;
		if (signal->tty) {
			r->tty_nr = new_encode_dev(signal->tty->dev);
			r->tty_pgrp = pid_vnr(signal->tty->pgrp);
		}
		fill_rusage(task, whole ? RUSAGE_SELF : RUSAGE_THREAD, &r->used);
		fill_rusage(task, RUSAGE_CHILDREN, &r->children_used);
	}
	spin_unlock(&tasklist_lock);
	return there ? 0 : -ESRCH;
}

struct signal_sets {
	sigset_t pending, shared, blocked, ignored, caught;
	int queued;
};

static void get_signal_sets(struct task_struct *task, struct signal_sets *s)
{
	irq_state_t irq;

	memset(s, 0, sizeof(*s));
	spin_lock(&tasklist_lock);
	if (lock_task_sighand(task, &irq)) {
		s->pending = task->pending.set;
		s->shared = task->signal->shared_pending.set;
		s->blocked = task->blocked;
		s->ignored = sighand_ignored(task->sighand);
		s->caught = sighand_handled(task->sighand);
		s->queued = task->cred ? atomic_read(&task->cred->user->sigpending) : 0;
		spin_unlock_irqrestore(&task->sighand->lock, irq);
	}
	spin_unlock(&tasklist_lock);
}

/* Programs choose their names: in status none may end its line. */
static void show_name(struct seq_buffer *m, struct task_struct *task, bool escape)
{
	char name[TASK_COMM_LEN];

	get_task_comm(name, task);
	for (const char *at = name; *at; at++) {
		if (escape && (*at == '\n' || *at == '\\'))
			seq_puts(m, *at == '\n' ? "\\n" : "\\\\");
		else
			seq_write(m, at, 1);
	}
}

/* Field by field as numbered in proc(5). */
static void show_stat_of(struct seq_buffer *m, struct task_struct *task, struct mm_struct *mm,
			 const struct relations *r)
{
	bool may = proc_may_inspect(task);
	const struct mm_struct *shown = may ? mm : NULL;
	int rt = task->sched.rt_priority;
	struct mm_usage usage = {0};
	struct signal_sets sets;

	if (mm)
		usage = mm_usage(mm);
	get_signal_sets(task, &sets);
	seq_printf(m, "%d (", r->pid);
	show_name(m, task, false);
	seq_printf(m, ") %c %d %d %d %d %d %u ", state_name(task)[0], r->ppid, r->pgrp, r->session,
		   r->tty_nr, r->tty_pgrp, task->flags);
	seq_printf(m, "%ld %ld %ld %ld ", r->used.ru_minflt, r->children_used.ru_minflt,
		   r->used.ru_majflt, r->children_used.ru_majflt);
	seq_printf(m, "%lu %lu %lu %lu ", timeval_ticks(&r->used.ru_utime),
		   timeval_ticks(&r->used.ru_stime), timeval_ticks(&r->children_used.ru_utime),
		   timeval_ticks(&r->children_used.ru_stime));
	/* 18: below 0 for real-time tasks, else 20 for nice 0. */
	seq_printf(m, "%d %d %d 0 %lu %lu %lu %lu ", 40 - (int)sched_urgency(task),
		   task->sched.nice, r->threads, proc_ticks(task->start_time),
		   mm ? mm->map.total_pages * PAGE_SIZE : 0, mm_usage_pages(&usage),
		   task->signal->rlim[RLIMIT_RSS].rlim_cur);
	/* 26: addresses, without those of a stack and an instruction that only a dump would have. */
	seq_printf(m, "%lu %lu %lu 0 0 ", shown ? shown->start_code : !!mm,
		   shown ? shown->end_code : !!mm, shown ? shown->start_stack : 0);
	seq_printf(m, "%lu %lu %lu %lu ", sets.pending & INT32_MAX, sets.blocked & INT32_MAX,
		   sets.ignored & INT32_MAX, sets.caught & INT32_MAX);
	seq_printf(m, "%d 0 0 %d %u %d %d 0 0 0 ", may && state_name(task)[0] != 'R',
		   task->exit_signal, task->cpu, rt, task->sched.policy);
	if (shown)
		seq_printf(m, "%lu %lu %lu %lu %lu %lu %lu ", shown->start_data, shown->end_data,
			   shown->start_brk, shown->arg_start, shown->arg_end, shown->env_start,
			   shown->env_end);
	else
		seq_puts(m, "0 0 0 0 0 0 0 ");
	seq_printf(m, "%d\n", may ? task->exit_code : 0);
}

static int show_stat(struct seq_buffer *m, struct task_struct *task, bool whole)
{
	struct mm_struct *mm SCOPED(mm_put) = NULL;
	struct relations r;
	int error = get_relations(task, whole, &r);

	if (error != 0)
		return error;
	mm = get_task_mm(task);
	show_stat_of(m, task, mm, &r);
	return 0;
}

int proc_show_stat(struct seq_buffer *m, struct task_struct *task)
{
	return show_stat(m, task, true);
}

int proc_show_thread_stat(struct seq_buffer *m, struct task_struct *task)
{
	return show_stat(m, task, false);
}

static unsigned long code_pages(const struct mm_struct *mm)
{
	return (ALIGN_UP(mm->end_code, PAGE_SIZE) - ALIGN_DOWN(mm->start_code, PAGE_SIZE)) >>
	       PAGE_SHIFT;
}

int proc_show_statm(struct seq_buffer *m, struct task_struct *task)
{
	struct mm_struct *mm SCOPED(mm_put) = get_task_mm(task);
	struct mm_usage usage;

	if (!mm) {
		seq_puts(m, "0 0 0 0 0 0 0\n");
		return 0;
	}
	usage = mm_usage(mm);
	seq_printf(m, "%lu %lu %lu %lu 0 %lu 0\n", mm->map.total_pages, mm_usage_pages(&usage),
		   usage.pages[PAGE_SHMEM], code_pages(mm),
		   mm->map.data_pages + mm->map.stack_pages);
	return 0;
}

static void show_ids(struct seq_buffer *m, const struct cred *cred)
{
	seq_printf(m, "Uid:\t%u\t%u\t%u\t%u\n", cred->uid, cred->euid, cred->suid, cred->fsuid);
	seq_printf(m, "Gid:\t%u\t%u\t%u\t%u\n", cred->gid, cred->egid, cred->sgid, cred->fsgid);
}

static void show_groups(struct seq_buffer *m, const struct cred *cred)
{
	seq_puts(m, "Groups:\t");
	for (unsigned int i = 0; cred->groups && i < cred->groups->n; i++)
		seq_printf(m, i ? " %u" : "%u", cred->groups->gid[i]);
	seq_puts(m, " \n");
}

static unsigned int fd_size(struct task_struct *task)
{
	struct files_struct *files = get_files_struct(task);
	unsigned int n = files ? READ_ONCE(files->capacity) * FD_CHUNK : 0;

	put_files_struct(files);
	return n;
}

/* Pages of code other than the program's own. */
static int add_library(const struct vma *vma, void *arg)
{
	if ((vma->flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
		*(unsigned long *)arg += vma_pages(vma);
	return 0;
}

static unsigned long library_pages(struct mm_struct *mm)
{
	unsigned long pages = 0, own = code_pages(mm);

	mutex_lock(&mm->lock);
	vma_for_each(mm, add_library, &pages);
	mutex_unlock(&mm->lock);
	return pages > own ? pages - own : 0;
}

static void show_kilobytes(struct seq_buffer *m, const char *name, unsigned long pages)
{
	seq_printf(m, "%s:\t%8lu kB\n", name, pages * (PAGE_SIZE / 1024));
}

/* Nothing counts what is in memory while it changes: the most that was is only known roughly. */
static void show_memory(struct seq_buffer *m, struct mm_struct *mm)
{
	struct mm_usage usage = mm_usage(mm);
	unsigned long rss = mm_usage_pages(&usage);
	const struct {
		const char *name;
		unsigned long pages;
	} lines[] = {
		{"VmPeak", mm->peak_pages},
		{"VmSize", mm->map.total_pages},
		{"VmLck", mm->map.locked_pages},
		{"VmPin", 0},
		{"VmHWM", MAX(rss, max_rss_pages(mm))},
		{"VmRSS", rss},
		{"RssAnon", usage.pages[PAGE_ANON]},
		{"RssFile", 0},
		{"RssShmem", usage.pages[PAGE_SHMEM]},
		{"VmData", mm->map.data_pages},
		{"VmStk", mm->map.stack_pages},
		{"VmExe", code_pages(mm)},
		{"VmLib", library_pages(mm)},
		{"VmPTE", usage.nodes},
		{"VmSwap", 0},
		{"HugetlbPages", 0},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(lines); i++)
		show_kilobytes(m, lines[i].name, lines[i].pages);
	seq_puts(m, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

static void show_signals(struct seq_buffer *m, struct task_struct *task, int threads)
{
	struct signal_sets s;

	get_signal_sets(task, &s);
	seq_printf(m, "Threads:\t%d\nSigQ:\t%d/%lu\n", threads, s.queued,
		   task->signal->rlim[RLIMIT_SIGPENDING].rlim_cur);
	seq_printf(m, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", s.pending, s.shared,
		   s.blocked);
	seq_printf(m, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", s.ignored, s.caught);
}

static void show_rights(struct seq_buffer *m, struct task_struct *task, const struct cred *cred)
{
	seq_printf(m, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", cred->cap_inheritable,
		   cred->cap_permitted, cred->cap_effective);
	seq_printf(m, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", cred->cap_bounding, cred->cap_ambient);
	seq_printf(m, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", task->no_new_privs);
	seq_puts(m, "Speculation_Store_Bypass:\tvulnerable\n"
		    "SpeculationIndirectBranch:\talways enabled\n");
}

/* "0-3,5" */
static void show_cpu_list(struct seq_buffer *m, u64 mask)
{
	const char *comma = "";

	while (mask) {
		unsigned int first = __builtin_ctzl(mask), last = first;

		while (last < 63 && (mask >> (last + 1) & 1))
			last++;
		seq_printf(m, first == last ? "%s%u" : "%s%u-%u", comma, first, last);
		comma = ",";
		mask &= last == 63 ? 0 : ~0ul << (last + 1);
	}
}

static void show_affinity(struct seq_buffer *m, struct task_struct *task)
{
	u64 cpus = task->cpus_allowed & (~0ul >> (64 - nr_cpus));

	seq_puts(m, "Cpus_allowed:\t");
	if (nr_cpus > 32)
		seq_printf(m, "%0*lx,%08lx", (int)DIV_ROUND_UP(nr_cpus - 32, 4), cpus >> 32,
			   cpus & UINT32_MAX);
	else
		seq_printf(m, "%0*lx", (int)DIV_ROUND_UP(nr_cpus, 4), cpus);
	seq_puts(m, "\nCpus_allowed_list:\t");
	show_cpu_list(m, cpus);
	seq_puts(m, "\nMems_allowed:\t1\nMems_allowed_list:\t0\n");
	seq_printf(m, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		   task->nvcsw, task->nivcsw);
}

int proc_show_status(struct seq_buffer *m, struct task_struct *task)
{
	struct cred *cred;
	struct mm_struct *mm SCOPED(mm_put) = NULL;
	struct relations r;
	mode_t umask;
	int error = get_relations(task, false, &r);

	if (error != 0)
		return error;
	cred = get_task_cred(task);
	seq_puts(m, "Name:\t");
	show_name(m, task, true);
	if (task_umask(task, &umask))
		seq_printf(m, "\nUmask:\t%04o", umask);
	seq_printf(m, "\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n",
		   state_name(task), r.tgid, r.pid, r.ppid, r.tracer);
	show_ids(m, cred);
	seq_printf(m, "FDSize:\t%u\n", fd_size(task));
	show_groups(m, cred);
	seq_printf(m, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", r.tgid, r.pid, r.pgrp,
		   r.session);
	mm = get_task_mm(task);
	if (mm)
		show_memory(m, mm);
	show_signals(m, task, r.threads);
	show_rights(m, task, cred);
	show_affinity(m, task);
	put_cred(cred);
	return 0;
}

/* The children of one thread, oldest first. */
int proc_show_children(struct seq_buffer *m, struct task_struct *task)
{
	struct task_struct *child;

	spin_lock(&tasklist_lock);
	list_for_each_entry(child, &task->children, sibling)
		seq_printf(m, "%d ", task_pid_vnr(child));
	spin_unlock(&tasklist_lock);
	return 0;
}
