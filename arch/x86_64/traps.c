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

void trap_divide_error(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("divide error", regs);
	trap(regs, TRAP_DE, 0, SIGFPE, FPE_INTDIV, regs->ip);
}

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

void trap_breakpoint(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("breakpoint", regs);
	trap(regs, TRAP_BP, 0, SIGTRAP, 0, 0);
}

void trap_overflow(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("overflow", regs);
	trap(regs, TRAP_OF, 0, SIGSEGV, 0, 0);
}

void trap_bounds(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("bound range exceeded", regs);
	trap(regs, TRAP_BR, 0, SIGSEGV, 0, 0);
}

void trap_invalid_opcode(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("invalid opcode", regs);
	trap(regs, TRAP_UD, 0, SIGILL, ILL_ILLOPN, regs->ip);
}

/* CR0.TS and EM are never set. */
void trap_no_device(struct pt_regs *regs, unsigned long error_code)
{
	die("unexpected #NM", regs);
}

void trap_invalid_tss(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("invalid TSS", regs);
	trap(regs, TRAP_TS, error_code, SIGSEGV, 0, 0);
}

void trap_segment_not_present(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("segment not present", regs);
	trap(regs, TRAP_NP, error_code, SIGBUS, 0, 0);
}

void trap_stack_fault(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("stack segment fault", regs);
	trap(regs, TRAP_SS, error_code, SIGBUS, 0, 0);
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

void trap_alignment(struct pt_regs *regs, unsigned long error_code)
{
	if (!user_mode(regs))
		die("alignment check", regs);
	trap(regs, TRAP_AC, error_code, SIGBUS, BUS_ADRALN, 0);
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
		if (work & TIF_REGS_CHANGED)
			clear_task_work(current, TIF_REGS_CHANGED);
		irq_disable();
	}
}
