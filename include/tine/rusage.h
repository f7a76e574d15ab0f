/* What processes have used (kernel/rusage.c). */
#pragma once

#include <tine/types.h>
#include <uapi/resource.h>

struct mm_struct;
struct task_struct;

/* What tasks have used together. */
struct usage {
	u64 cpu_ns, user_ticks, system_ticks, min_flt, maj_flt, nvcsw, nivcsw;
	u64 max_rss_pages; /* of the largest */
};

static inline void usage_add(struct usage *sum, const struct usage *u)
{
	sum->cpu_ns += u->cpu_ns;
	sum->user_ticks += u->user_ticks;
	sum->system_ticks += u->system_ticks;
	sum->min_flt += u->min_flt;
	sum->maj_flt += u->maj_flt;
	sum->nvcsw += u->nvcsw;
	sum->nivcsw += u->nivcsw;
	sum->max_rss_pages = MAX(sum->max_rss_pages, u->max_rss_pages);
}

/* CPU time in nanoseconds, split into user and system. */
struct cpu_time {
	u64 user, system;
};

/* Of one thread; of all threads of its process, those gone included. task is current, or
 * tasklist_lock is held. */
struct cpu_time thread_cpu_time(struct task_struct *task);
struct cpu_time process_cpu_time(struct task_struct *task);
/* The same with task's sighand->lock held. */
struct cpu_time process_cpu_time_locked(struct task_struct *task);

/* task, which is current, is about to leave its mm: its process remembers how large it was. */
void note_max_rss(struct task_struct *task);

/* The most that mm ever had in memory, or a little more. */
u64 max_rss_pages(const struct mm_struct *mm);

/* getrusage(2) for task; who is RUSAGE_. RUSAGE_BOTH is what wait4 reports: the process and its
 * waited-for children. task is current, or a zombie with tasklist_lock held. */
void fill_rusage(struct task_struct *task, int who, struct rusage *ru);
