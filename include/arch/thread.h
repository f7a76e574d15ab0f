/* The processor state of a task that is not in its pt_regs. */
#pragma once

#include <tine/types.h>

struct task_struct;

struct arch_thread {
	u64 sp;               /* kernel stack pointer while it does not run */
	u64 canary;           /* the compiler's stack canary while it runs */
	u64 fs_base, gs_base; /* user's; valid while it does not run */
	union {
		struct {
			u16 ds, es, fs, gs; /* user's selectors, likewise */
		};
		u64 selectors;
	};
	void *fpu; /* XSAVE area, owned; see arch/fpu.h */
	/* Of the last exception that became a signal of this task, for signal frames. */
	u64 fault_address, error_code, trap_number;
};

/*
 * Leaves prev, whose thread is from, and goes on with to's where that came here, or at its
 * ret_from_fork (copy_thread's switch_frame). The caller keeps its registers on its own stack, as
 * all of them change, and learns who ran before it: its own idea of that is old.
 */
static inline struct task_struct *
switch_stacks(struct arch_thread *from, const struct arch_thread *to, struct task_struct *prev)
{
	__asm__ volatile("pushq %%rbp\n\t"
			 "pushq $1f\n\t"
			 "movq %%rsp, (%1)\n\t"
			 "movq (%2), %%rsp\n\t"
			 "ret\n"
			 "1:\tpopq %%rbp"
			 : "+a"(prev), "+D"(from), "+S"(to)::"rbx", "rcx", "rdx", "r8", "r9", "r10",
			   "r11", "r12", "r13", "r14", "r15", "cc", "memory");
	return prev;
}
