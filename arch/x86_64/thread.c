/*
 * What a task has of the processor: its kernel stack with pt_regs at the top, its TLS bases and
 * segment selectors, its FPU state (fpu.c).
 *
 *   stack + KERNEL_STACK_SIZE  +-----------------+
 *                              | struct pt_regs  |  of user mode: task_pt_regs()
 *                              +-----------------+
 *                              | struct          |  only in a new task;
 *                              |  switch_frame   |  it "returns" to ret_from_fork
 *                              +-----------------+  <- thread.sp of a new task
 *
 * TLS bases and selectors live in the processor while their task runs: a program may change them
 * without telling the kernel (wrfsbase, mov to ds), so they are read when it leaves. Its selectors
 * can only be null or those of its own code and data, which are always good to load. GS is special:
 * in the kernel its base is the CPU's, and the user's is the one that swapgs brings back.
 */
#include <arch/cpufeature.h>
#include <arch/fpu.h>
#include <arch/msr.h>
#include <arch/registers.h>
#include <arch/tlb.h>
#include <arch/x86_cpu.h>
#include <tine/fork.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/arch_prctl.h>

/* What a new task's stack begins with: what switch_stacks looks for, then a kernel thread's function. */
struct switch_frame {
	void (*return_address)(void);
	u64 bp;
	int (*fn)(void *);
	void *fn_arg;
};

void ret_from_fork(void);
/* ret_from_fork's way into a kernel thread. */
void kernel_thread_main(int (*fn)(void *), void *arg);

struct pt_regs *task_pt_regs(const struct task_struct *task)
{
	return (struct pt_regs *)((char *)task->stack + KERNEL_STACK_SIZE) - 1;
}

/*
 * The user's GS base while GS holds the kernel's, and back. Interrupts off: an interrupt would find
 * the user's GS.
 */
static inline u64 read_user_gs_base(void)
{
	u64 base;

	if (!cpu_features.fsgsbase)
		return rdmsr(MSR_KERNEL_GS_BASE);
	__asm__ volatile("swapgs\n\trdgsbase %0\n\tswapgs" : "=r"(base));
	return base;
}

static inline void write_user_gs_base(u64 base)
{
	if (cpu_features.fsgsbase)
		__asm__ volatile("swapgs\n\twrgsbase %0\n\tswapgs" ::"r"(base) : "memory");
	else
		wrmsr(MSR_KERNEL_GS_BASE, base);
}

static inline u64 read_fs_base(void)
{
	u64 base;

	if (!cpu_features.fsgsbase)
		return rdmsr(MSR_FS_BASE);
	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

static inline void write_fs_base(u64 base)
{
	if (cpu_features.fsgsbase)
		__asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
	else
		wrmsr(MSR_FS_BASE, base);
}

/* Interrupts off. */
static inline void save_segments(struct arch_thread *t)
{
	__asm__ volatile("movw %%ds, %0\n\t"
			 "movw %%es, %1\n\t"
			 "movw %%fs, %2\n\t"
			 "movw %%gs, %3"
			 : "=m"(t->ds), "=m"(t->es), "=m"(t->fs), "=m"(t->gs));
	t->fs_base = read_fs_base();
	t->gs_base = read_user_gs_base();
}

static void load_selectors(const struct arch_thread *t)
{
	__asm__ volatile("movw %0, %%ds\n\t"
			 "movw %1, %%es\n\t"
			 "movw %2, %%fs\n\t"
			 "swapgs\n\t"
			 "movw %3, %%gs\n\t"
			 "swapgs"
			 :
			 : "m"(t->ds), "m"(t->es), "m"(t->fs), "m"(t->gs)
			 : "memory");
}

/* Loading a selector changes the base: bases come last. */
static inline void load_segments(const struct arch_thread *old, const struct arch_thread *t)
{
	bool selectors = old->selectors | t->selectors;

	if (unlikely(selectors))
		load_selectors(t);
	write_fs_base(t->fs_base);
	if (unlikely(selectors) || old->gs_base != t->gs_base)
		write_user_gs_base(t->gs_base);
}

/* The caller's canary changes under it: it must not check its own. */
__attribute__((no_stack_protector)) void switch_to(struct task_struct *prev,
						   struct task_struct *next)
{
	struct x86_cpu *cpu = this_x86_cpu();

	fpu_switch(prev->thread.fpu, next->thread.fpu);
	save_segments(&prev->thread);
	load_segments(&prev->thread, &next->thread);
	load_mm(cpu, next->mm);
	set_kernel_sp(cpu, (u64)next->stack + KERNEL_STACK_SIZE);
	cpu->cpu.task = next;
	cpu->cpu.stack_canary = next->thread.canary;
}

/*
 * Good enough to be unknown to who does not read memory; the lowest byte is zero so that no string
 * runs into it.
 */
u64 new_stack_canary(void)
{
	return (this_x86_cpu()->cpu.stack_canary + rdtsc()) * 0x9e3779b97f4a7c15ul << 8;
}

static void copy_user_state(struct task_struct *child, const struct kernel_clone_args *args)
{
	struct pt_regs *regs = task_pt_regs(child);
	irq_state_t state = irq_save();

	save_segments(&child->thread);
	irq_restore(state);
	*regs = *task_pt_regs(current);
	child->work |= current->work & TIF_REGS_CHANGED;
	regs->ax = 0;
	if (args->stack)
		regs->sp = args->stack;
	if (args->flags & CLONE_SETTLS)
		child->thread.fs_base = args->tls;
}

int copy_thread(struct task_struct *child, const struct kernel_clone_args *args)
{
	struct switch_frame *frame = (struct switch_frame *)task_pt_regs(child) - 1;
	int error = fpu_copy(child);

	if (error)
		return error;

	if (!args->fn)
		copy_user_state(child, args);
	*frame = (struct switch_frame){
		.return_address = ret_from_fork,
		.fn = args->fn,
		.fn_arg = args->fn_arg,
	};
	child->thread.sp = (u64)frame;
	child->thread.canary = new_stack_canary();
	return 0;
}

void exit_thread(struct task_struct *task)
{
	fpu_free(task);
}

void kernel_thread_main(int (*fn)(void *), void *arg)
{
	int result = fn(arg);

	if (current->flags & PF_KTHREAD)
		do_exit((result & 0xff) << 8);
	/* It has executed a program: its first instruction is next. */
}

void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp)
{
	struct arch_thread *t = &current->thread;
	unsigned long orig_ax = regs->orig_ax;
	irq_state_t state;

	*regs = (struct pt_regs){
		.orig_ax = orig_ax,
		.ip = ip,
		.cs = USER_CS,
		.flags = FLAGS_IF | FLAGS_FIXED,
		.sp = sp,
		.ss = USER_DS,
	};
	t->fs_base = t->gs_base = t->selectors = 0;
	state = irq_save();
	load_selectors(t);
	write_fs_base(0);
	write_user_gs_base(0);
	irq_restore(state);
	fpu_reset();
	set_task_work(current, TIF_REGS_CHANGED);
}

static long set_base(int option, unsigned long base)
{
	irq_state_t state;

	if (base >= TASK_SIZE_MAX)
		return -EPERM;
	state = irq_save();
	if (option == ARCH_SET_FS)
		write_fs_base(base);
	else
		write_user_gs_base(base);
	irq_restore(state);
	return 0;
}

static long get_base(int option, unsigned long __user *to)
{
	irq_state_t state = irq_save();
	u64 base = option == ARCH_GET_FS ? read_fs_base() : read_user_gs_base();

	irq_restore(state);
	return put_user(base, to);
}

/*
 * Every part of the state that there is may be used without asking, and the large ones that must be
 * asked for on Linux there are not.
 */
static long request_state(unsigned long part)
{
	const unsigned long last_part = 18; /* AMX's tiles */

	return part > last_part ? -EINVAL : -EOPNOTSUPP;
}

long sys_arch_prctl(int option, unsigned long argument)
{
	switch (option) {
	case ARCH_SET_FS:
	case ARCH_SET_GS:
		return set_base(option, argument);
	case ARCH_GET_FS:
	case ARCH_GET_GS:
		return get_base(option, (unsigned long __user *)argument);
	case ARCH_GET_CPUID:
		return 1;
	case ARCH_SET_CPUID: /* no processor of ours can make cpuid fault */
		return -ENODEV;
	case ARCH_GET_XCOMP_SUPP:
	case ARCH_GET_XCOMP_PERM:
	case ARCH_GET_XCOMP_GUEST_PERM:
		return put_user(fpu_features(), (u64 __user *)argument);
	case ARCH_REQ_XCOMP_PERM:
	case ARCH_REQ_XCOMP_GUEST_PERM:
		return request_state(argument);
	}
	return -EINVAL;
}
