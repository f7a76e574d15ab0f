/*
 * What processes have used: getrusage(2), times(2), and the usage that wait4(2) reports.
 *
 * A live thread counts in its task_struct. When it is reaped its counts are added to its process's
 * signal_struct, and when a process is reaped to its parent's "children" counts (kernel/exit.c). So
 * the usage of a process is signal_struct plus the threads still in its list, zombies included.
 *
 * CPU time is measured whole, at each switch. How it divides into user and system time is estimated
 * from where the scheduler's ticks met the task: measuring it would cost two readings of the clock
 * in every system call. Without any tick in the kernel all is user time. Linux's default
 * configuration does the same.
 *
 * The largest resident size is an upper bound too: pages that came to be mapped, as far as there
 * were mappings for them at once. Counting what is mapped would make the exit of a forked child as
 * expensive as its memory is large.
 *
 * Linux's fields for what Tine does not have (swaps, blocks, messages) are zero, as most are there.
 */
#include <tine/mm.h>
#include <tine/rusage.h>
#include <tine/sched.h>
#include <tine/signal.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>

static struct cpu_time divide(const struct usage *u)
{
	u64 ticks = u->user_ticks + u->system_ticks, system;

	if (!u->system_ticks)
		return (struct cpu_time){.user = u->cpu_ns};
	/* In two parts, so that nothing overflows. */
	system = u->cpu_ns / ticks * u->system_ticks + u->cpu_ns % ticks * u->system_ticks / ticks;
	return (struct cpu_time){.user = u->cpu_ns - system, .system = system};
}

static void add_process_locked(struct usage *u, const struct task_struct *task)
{
	struct task_struct *thread;

	list_for_each_entry(thread, &task->signal->threads, thread_link)
		usage_add_thread(u, thread);
	usage_add(u, &task->signal->used);
}

/*
 * How a sum is divided may change with the next tick, but no part of what was shown is taken back.
 * h held.
 */
static struct cpu_time keep_rising(struct signal_struct *signal, struct cpu_time time)
{
	u64 sum = time.user + time.system;
	u64 user = signal->shown_user_ns, system = signal->shown_system_ns;

	if (sum < user + system)
		return (struct cpu_time){user, system};
	system = MAX(time.system, system);
	user = MAX(sum - system, user);
	signal->shown_user_ns = user;
	signal->shown_system_ns = sum - user;
	return (struct cpu_time){user, sum - user};
}

/* Adds what the process has used, and tells its CPU time. */
static struct cpu_time add_process(struct usage *u, struct task_struct *task)
{
	struct cpu_time time = {0};
	irq_state_t state;

	if (lock_task_sighand(task, &state)) {
		add_process_locked(u, task);
		time = keep_rising(task->signal, divide(u));
		spin_unlock_irqrestore(&task->sighand->lock, state);
	}
	u->max_rss_pages = MAX(u->max_rss_pages, task->signal->used.max_rss_pages);
	return time;
}

struct cpu_time thread_cpu_time(struct task_struct *task)
{
	struct usage u = {0};

	usage_add_thread(&u, task);
	return divide(&u);
}

struct cpu_time process_cpu_time(struct task_struct *task)
{
	struct usage u = {0};

	return add_process(&u, task);
}

struct cpu_time process_cpu_time_locked(struct task_struct *task)
{
	struct usage u = {0};

	add_process_locked(&u, task);
	return keep_rising(task->signal, divide(&u));
}

static struct cpu_time children_cpu_time(const struct signal_struct *signal)
{
	return divide(&signal->child_used);
}

/* No more than was ever mapped: memory that was unmapped and mapped again counts twice. */
u64 max_rss_pages(const struct mm_struct *mm)
{
	return MIN(READ_ONCE(mm->touched_pages), READ_ONCE(mm->peak_pages));
}

void note_max_rss(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	u64 pages = max_rss_pages(task->mm);

	if (pages > signal->used.max_rss_pages)
		WRITE_ONCE(signal->used.max_rss_pages, pages);
}

void fill_rusage(struct task_struct *task, int who, struct rusage *ru)
{
	struct usage u = {0};
	struct cpu_time time = {0};

	if (who == RUSAGE_THREAD)
		usage_add_thread(&u, task);
	if (who == RUSAGE_SELF || who == RUSAGE_BOTH)
		time = add_process(&u, task);
	if (who == RUSAGE_CHILDREN || who == RUSAGE_BOTH)
		usage_add(&u, &task->signal->child_used);
	if (task == current && who != RUSAGE_CHILDREN)
		u.max_rss_pages = MAX(task->signal->used.max_rss_pages, max_rss_pages(task->mm));
	if (who != RUSAGE_SELF)
		time = divide(&u);
	*ru = (struct rusage){
		.ru_utime = ns_to_timeval(time.user),
		.ru_stime = ns_to_timeval(time.system),
		.ru_minflt = (long)u.min_flt,
		.ru_majflt = (long)u.maj_flt,
		.ru_nvcsw = (long)u.nvcsw,
		.ru_nivcsw = (long)u.nivcsw,
		.ru_maxrss = (long)(u.max_rss_pages * PAGE_SIZE / 1024),
	};
}

long sys_getrusage(int who, struct rusage __user *to)
{
	struct rusage ru;

	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	fill_rusage(current, who, &ru);
	return put_user(ru, to);
}

static long to_ticks(u64 ns)
{
	return (long)(ns / (NSEC_PER_SEC / USER_HZ));
}

long sys_times(struct tms __user *to)
{
	struct cpu_time own = process_cpu_time(current);
	struct cpu_time children = children_cpu_time(current->signal);
	struct tms tms = {
		.tms_utime = to_ticks(own.user),
		.tms_stime = to_ticks(own.system),
		.tms_cutime = to_ticks(children.user),
		.tms_cstime = to_ticks(children.system),
	};

	if (to && put_user(tms, to))
		return -EFAULT;
	return to_ticks(ktime_get());
}
