/* Restartable sequences (kernel/rseq.c). */
#pragma once

#include <tine/task.h>

/* task loses its CPU, or is to act as if it had. Any context. */
static inline void rseq_preempt(struct task_struct *task)
{
	if (unlikely(task->rseq))
		set_task_work(task, TIF_RSEQ);
}

/*
 * The way out to user mode after rseq_preempt(current): aborts the section that regs are in, if they
 * are, and tells the program its CPU. SIGSEGV if its memory does not let it. Interrupts are on.
 */
void rseq_resume(struct pt_regs *regs);
/* The same before a frame for sig is made, and whether or not current was preempted. */
void rseq_signal(struct pt_regs *regs, int sig);
/* clone: what child has of current's registration. Both are registered or may be. */
void rseq_fork(struct task_struct *child, u64 clone_flags);
