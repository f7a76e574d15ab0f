/* The processor as generic code sees it: per-CPU data through GS, interrupts, the current task. */
#pragma once

#include <tine/types.h>

#define MAX_CPUS 64

struct run_queue;
struct task_struct;

/*
 * Per-CPU data at GS:0 in the kernel. The first fields are known to assembly and to the compiler
 * (the canary at 40).
 */
struct cpu {
	struct cpu *self;
	struct task_struct *task; /* who runs: current */
	u64 kernel_sp;            /* top of current's kernel stack, for the syscall instruction */
	u64 user_sp;              /* where the syscall entry parks the user's stack pointer */
	u32 id;
	u32 apic_id;
	u64 stack_canary;
	struct run_queue *run_queue; /* the scheduler's */
	/* arch/x86_64's own fields follow in struct x86_cpu, which begins with this. */
};

_Static_assert(offsetof(struct cpu, stack_canary) == 40, "-mstack-protector-guard-offset");

static inline struct cpu *this_cpu(void)
{
	struct cpu *cpu;

	__asm__ volatile("movq %%gs:%c1, %0" : "=r"(cpu) : "i"(offsetof(struct cpu, self)));
	return cpu;
}

/* As wide as an index, so that none is widened. */
static inline unsigned long cpu_id(void)
{
	unsigned long id;

	__asm__ volatile("movl %%gs:%c1, %k0" : "=r"(id) : "i"(offsetof(struct cpu, id)));
	return id;
}

/* Not volatile: within one function the current task does not change. */
static inline struct task_struct *get_current(void)
{
	struct task_struct *task;

	__asm__("movq %%gs:%c1, %0" : "=r"(task) : "i"(offsetof(struct cpu, task)));
	return task;
}
#define current get_current()

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* p, which the compiler now keeps instead of working it out again wherever it is used. */
static inline void *worked_out(void *p)
{
	__asm__("" : "+r"(p));
	return p;
}

typedef unsigned long irq_state_t; /* RFLAGS */

static inline void irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline irq_state_t irq_save(void)
{
	irq_state_t flags;

	__asm__ volatile("pushfq; popq %0; cli" : "=r"(flags)::"memory");
	return flags;
}

static inline void irq_restore(irq_state_t flags)
{
	__asm__ volatile("pushq %0; popfq" ::"r"(flags) : "memory", "cc");
}

static inline bool irqs_enabled(void)
{
	irq_state_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	return flags & 0x200;
}
