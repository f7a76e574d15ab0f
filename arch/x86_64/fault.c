/*
 * Page faults.
 *
 *   in user mode                    handle_page_fault(): try again, or a signal
 *   the processor's own access      SIGKILL: user code made it read a descriptor where there is none
 *   in the kernel, in a user copy,  the same; but what would be a signal sends the copy to its
 *   at a user address               fix-up, which returns the error to its caller
 *   anything else                   a bug: panic
 *
 * What a user copy is, the fix-up table says: a sorted list of instructions that may fault and
 * where to go on then. A kernel bug that follows a user pointer is so found even where the
 * processor has no SMAP.
 */
#include <arch/kernel_stack.h>
#include <arch/msr.h>
#include <arch/registers.h>
#include <arch/traps.h>
#include <tine/mm.h>
#include <tine/printk.h>
#include <tine/signal.h>
#include <tine/task.h>

struct fixup {
	unsigned long instruction, fixup;
};

extern struct fixup __start_ex_table[], __stop_ex_table[];

/* Nearly sorted as it is linked. The table is still writable. */
void extable_init(void)
{
	for (struct fixup *i = __start_ex_table + 1; i < __stop_ex_table; i++) {
		struct fixup moved = *i, *to = i;

		for (; to > __start_ex_table && to[-1].instruction > moved.instruction; to--)
			*to = to[-1];
		*to = moved;
	}
}

static const struct fixup *find_fixup(unsigned long ip)
{
	const struct fixup *low = __start_ex_table, *high = __stop_ex_table;

	while (low < high) {
		const struct fixup *middle = low + (high - low) / 2;

		if (middle->instruction == ip)
			return middle;
		if (middle->instruction < ip)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool fixup_exception(struct pt_regs *regs)
{
	const struct fixup *f = find_fixup(regs->ip);

	if (f)
		regs->ip = f->fixup;
	return f != NULL;
}

/*
 * As on Linux, a page that is not there is brought in before it is found that it may not be
 * executed.
 */
static enum fault_access access_of(unsigned long error_code)
{
	if ((error_code & PF_FETCH) && (error_code & PF_PROTECTION))
		return FAULT_EXEC;
	return error_code & PF_WRITE ? FAULT_WRITE : FAULT_READ;
}

static void signal_fault(unsigned long address, unsigned long error_code, enum fault_result result)
{
	/* As Linux: do not tell whether the kernel has something there. */
	if (address >= TASK_SIZE_MAX)
		error_code |= PF_PROTECTION;
	record_trap(TRAP_PF, error_code);
	current->thread.fault_address = address;
	if (result == FAULT_BUS)
		force_sig_fault(SIGBUS, BUS_ADRERR, (void __user *)address);
	else
		force_sig_fault(SIGSEGV, result == FAULT_ACCERR ? SEGV_ACCERR : SEGV_MAPERR,
				(void __user *)address);
}

static void user_fault(unsigned long address, unsigned long error_code)
{
	enum fault_result result = FAULT_MAPERR;

	irq_enable();
	if (likely(address < TASK_SIZE_MAX))
		result = handle_page_fault(current->mm, address, access_of(error_code));
	/*
	 * Out of memory, killed: the way out sees whether it is this task that dies; if not, it
	 * tries again.
	 */
	if (likely(result == FAULT_OK) || result == FAULT_OOM || result == FAULT_KILLED)
		return;
	signal_fault(address, error_code, result);
}

/* A fault in a user copy. False: the copy is to fail. */
static bool copy_fault(unsigned long address, unsigned long error_code)
{
	enum fault_result result;

	if (!current->mm)
		return false;
	irq_enable();
	do
		result = handle_page_fault(current->mm, address, access_of(error_code));
	while (result == FAULT_OOM && !fatal_signal_pending(current));
	return result == FAULT_OK;
}

static const char *kernel_fault_kind(const struct pt_regs *regs, unsigned long address,
				     unsigned long error_code)
{
	if (is_stack_guard(address))
		return "kernel stack overflow";
	if (error_code & PF_RESERVED)
		return "page table with reserved bits set";
	if (error_code & PF_FETCH)
		return "kernel tried to execute data";
	if (address < PAGE_SIZE)
		return "kernel NULL pointer dereference";
	if (address < TASK_SIZE_MAX)
		return "kernel access to user memory outside a user copy";
	return "kernel page fault";
}

void trap_page_fault(struct pt_regs *regs, unsigned long error_code)
{
	unsigned long address = read_cr2();

	if (likely((error_code & (PF_USER | PF_RESERVED)) == PF_USER)) {
		user_fault(address, error_code);
		return;
	}
	if (user_mode(regs) && !(error_code & PF_RESERVED)) {
		irq_enable();
		force_fatal_sig(SIGKILL);
		return;
	}
	if (address < TASK_SIZE_MAX && !(error_code & PF_RESERVED) && find_fixup(regs->ip) &&
	    (regs->flags & FLAGS_IF)) {
		if (!copy_fault(address, error_code))
			fixup_exception(regs);
		return;
	}
	printk(LOG_EMERG, "BUG: page fault at %016lx, error code %lx\n", address, error_code);
	die(kernel_fault_kind(regs, address, error_code), regs);
}
