/*
 * Exceptions other than page faults (fault.c). In user mode each becomes the signal that Linux
 * makes of it, with Linux's si_code and address; in kernel mode it is a bug, except where an
 * instruction has a fix-up. Handlers begin with interrupts off.
 */
#include <arch/fpu.h>
#include <arch/kernel_stack.h>
#include <arch/msr.h>
#include <arch/registers.h>
#include <arch/traps.h>
#include <tine/printk.h>
#include <tine/rseq.h>
#include <tine/sched.h>
#include <tine/signal.h>
#include <tine/task.h>

void record_trap(unsigned long trap_number, unsigned long error_code)
{
	current->thread.trap_number = trap_number;
	current->thread.error_code = error_code;
}

void die(const char *what, const struct pt_regs *regs)
{
	printk(LOG_EMERG, "BUG: %s\n", what);
	arch_show_registers(regs);
	panic("%s", what);
}

/* code 0: the signal comes as from the kernel, without an address. */
static void trap(const struct pt_regs *regs, unsigned long number, unsigned long error_code,
		 int sig, int code, unsigned long address)
{
	irq_enable();
	record_trap(number, error_code);
	if (code)
		force_sig_fault(sig, code, (void __user *)address);
	else
		force_sig(sig);
}

/* Those that are always the same signal of a user's, and a bug in the kernel. */
#define TRAP(name, what, number, sig, code, address)                     \
	void trap_##name(struct pt_regs *regs, unsigned long error_code) \
	{                                                                \
		if (!user_mode(regs))                                    \
			die(what, regs);                                 \
		trap(regs, number, error_code, sig, code, address);      \
	}
TRAP(divide_error, "divide error", TRAP_DE, SIGFPE, FPE_INTDIV, regs->ip)
TRAP(breakpoint, "breakpoint", TRAP_BP, SIGTRAP, 0, 0)
TRAP(overflow, "overflow", TRAP_OF, SIGSEGV, 0, 0)
TRAP(bounds, "bound range exceeded", TRAP_BR, SIGSEGV, 0, 0)
TRAP(invalid_opcode, "invalid opcode", TRAP_UD, SIGILL, ILL_ILLOPN, regs->ip)
TRAP(invalid_tss, "invalid TSS", TRAP_TS, SIGSEGV, 0, 0)
TRAP(segment_not_present, "segment not present", TRAP_NP, SIGBUS, 0, 0)
TRAP(stack_fault, "stack segment fault", TRAP_SS, SIGBUS, 0, 0)
TRAP(alignment, "alignment check", TRAP_AC, SIGBUS, BUS_ADRALN, 0)

#define DR6_STEP    0x4000ul
#define DR6_INITIAL 0xffff0ff0ul

/* A single step (the user's TF), or the int1 instruction, which leaves no bit in DR6. */
void trap_debug(struct pt_regs *regs, unsigned long error_code)
{
	unsigned long dr6;

	if (!user_mode(regs))
		die("debug exception", regs);
	__asm__ volatile("movq %%dr6, %0\n\tmovq %1, %%dr6" : "=&r"(dr6) : "r"(DR6_INITIAL));
	trap(regs, TRAP_DB, 0, SIGTRAP, dr6 & DR6_STEP ? TRAP_TRACE : TRAP_BRKPT, regs->ip);
}

/* CR0.TS and EM are never set. */
void trap_no_device(struct pt_regs *regs, unsigned long error_code)
{
	die("unexpected #NM", regs);
}

void trap_general_protection(struct pt_regs *regs, unsigned long error_code)
{
	if (user_mode(regs))
		trap(regs, TRAP_GP, error_code, SIGSEGV, 0, 0);
	else if (!fixup_exception(regs))
		die("general protection fault", regs);
}

void user_iret_fault(struct pt_regs *regs, unsigned long error_code)
{
	trap(regs, TRAP_GP, error_code, SIGSEGV, 0, 0);
}

static void floating_point_error(struct pt_regs *regs, unsigned long number, bool simd)
{
	int code;

	if (!user_mode(regs))
		die(simd ? "SIMD floating-point error" : "x87 floating-point error", regs);
	code = fpu_exception_code(simd);
	if (code)
		trap(regs, number, 0, SIGFPE, code, regs->ip);
}

void trap_x87_error(struct pt_regs *regs, unsigned long error_code)
{
	floating_point_error(regs, TRAP_MF, false);
}

void trap_simd_error(struct pt_regs *regs, unsigned long error_code)
{
	floating_point_error(regs, TRAP_XM, true);
}

/* On a stack of its own: most often the task's was full. */
void trap_double_fault(struct pt_regs *regs, unsigned long error_code)
{
	die(is_stack_guard(read_cr2()) ? "kernel stack overflow" : "double fault", regs);
}

void trap_machine_check(struct pt_regs *regs, unsigned long error_code)
{
	die("machine check", regs);
}

void exit_to_user(struct pt_regs *regs)
{
	u32 work;

	while ((work = READ_ONCE(current->work)) != 0) {
		irq_enable();
		if (work & TIF_RESCHED)
			schedule();
		if (work & (TIF_SIGPENDING | TIF_RESTORE_SIGMASK))
			do_signal(regs);
		if (work & TIF_RSEQ)
			rseq_resume(regs);
		if (work & TIF_REGS_CHANGED)
			clear_task_work(current, TIF_REGS_CHANGED);
		irq_disable();
	}
}
