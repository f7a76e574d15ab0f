/*
 * What processes have used: getrusage(2), times(2), and the usage that wait4(2) reports.
 *
 * A live thread counts in its task_struct. When it is reaped its counts are added to its process's
 * signal_struct, and when a process is reaped to its parent's "children" counts (kernel/exit.c). So
 * the usage of a process is signal_struct plus the threads still in its list, zombies included.
 *
 * CPU time is measured whole, at each switch. It is all reported as user time: telling the system's
 * share apart would cost two readings of the clock in every system call, and Linux, too, reports
 * user time only where its tick never met a process in the kernel. Linux's fields for what Tine
 * does not have (swaps, blocks, messages) are zero, as most are there.
 */
#include <tine/mm.h>
#include <tine/pgtable.h>
#include <tine/rusage.h>
#include <tine/sched.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>

struct usage {
	u64 cpu_ns, min_flt, maj_flt, nvcsw, nivcsw, max_rss_pages;
};

static void add_thread(struct usage *u, const struct task_struct *task)
{
	u->cpu_ns += task_cpu_ns(task);
	u->min_flt += task->min_flt;
	u->maj_flt += task->maj_flt;
	u->nvcsw += task->nvcsw;
	u->nivcsw += task->nivcsw;
}

static void add_process(struct usage *u, struct task_struct *task)
{
	const struct signal_struct *signal = task->signal;
	struct task_struct *thread;
	irq_state_t state = spin_lock_irqsave(&task->sighand->lock);

	list_for_each_entry(thread, &signal->threads, thread_link)
		add_thread(u, thread);
	u->cpu_ns += signal->cpu_ns;
	u->min_flt += signal->min_flt;
	u->maj_flt += signal->maj_flt;
	u->nvcsw += signal->nvcsw;
	u->nivcsw += signal->nivcsw;
	u->max_rss_pages = MAX(u->max_rss_pages, signal->max_rss_pages);
	spin_unlock_irqrestore(&task->sighand->lock, state);
}

static void add_children(struct usage *u, const struct signal_struct *signal)
{
	u->cpu_ns += signal->child_cpu_ns;
	u->min_flt += signal->child_min_flt;
	u->maj_flt += signal->child_maj_flt;
	u->nvcsw += signal->child_nvcsw;
	u->nivcsw += signal->child_nivcsw;
	u->max_rss_pages = MAX(u->max_rss_pages, signal->child_max_rss_pages);
}

struct cpu_time thread_cpu_time(struct task_struct *task)
{
	return (struct cpu_time){.user = task_cpu_ns(task)};
}

struct cpu_time process_cpu_time(struct task_struct *task)
{
	struct usage u = {0};

	add_process(&u, task);
	return (struct cpu_time){.user = u.cpu_ns};
}

void fill_rusage(struct task_struct *task, int who, struct rusage *ru)
{
	struct usage u = {0};

	if (who == RUSAGE_THREAD) {
		add_thread(&u, task);
		u.max_rss_pages = task->signal->max_rss_pages;
	}
	if (who == RUSAGE_SELF || who == RUSAGE_BOTH)
		add_process(&u, task);
	if (who == RUSAGE_CHILDREN || who == RUSAGE_BOTH)
		add_children(&u, task->signal);
	*ru = (struct rusage){
		.ru_utime = ns_to_timeval(u.cpu_ns),
		.ru_minflt = (long)u.min_flt,
		.ru_majflt = (long)u.maj_flt,
		.ru_nvcsw = (long)u.nvcsw,
		.ru_nivcsw = (long)u.nivcsw,
		.ru_maxrss = (long)(u.max_rss_pages * PAGE_SIZE / 1024),
	};
}

/* The most that current's process has had mapped: what it has now, unless it had more in an earlier
 * program. */
static long current_max_rss(long before)
{
	struct mm_struct *mm = current->mm;
	u64 pages;

	mutex_lock(&mm->lock);
	pages = pgtable_count_pages(mm);
	mutex_unlock(&mm->lock);
	return MAX(before, (long)(pages * PAGE_SIZE / 1024));
}

long sys_getrusage(int who, struct rusage __user *to)
{
	struct rusage ru;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	fill_rusage(current, who, &ru);
	if (who != RUSAGE_CHILDREN)
		ru.ru_maxrss = current_max_rss(ru.ru_maxrss);
	return put_user(ru, to);
}

static long to_ticks(u64 ns)
{
	return (long)(ns / (NSEC_PER_SEC / USER_HZ));
}

long sys_times(struct tms __user *to)
{
	struct cpu_time own = process_cpu_time(current);
	struct tms tms = {
		.tms_utime = to_ticks(own.user),
		.tms_stime = to_ticks(own.system),
		.tms_cutime = to_ticks(current->signal->child_cpu_ns),
	};

	if (to && put_user(tms, to))
		return -EFAULT;
	return to_ticks(ktime_get());
}
