/* What processes have used (kernel/rusage.c). */
#pragma once

#include <tine/types.h>
#include <uapi/resource.h>

struct mm_struct;
struct task_struct;

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
