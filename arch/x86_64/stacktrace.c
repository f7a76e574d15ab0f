/*
 * Registers and call chains for messages. The kernel keeps frame pointers: rbp points at the
 * caller's rbp and the return address.
 */
#include <arch/kernel_map.h>
#include <arch/msr.h>
#include <arch/registers.h>
#include <tine/arch.h>
#include <tine/printk.h>
#include <tine/symtab.h>
#include <tine/task.h>

#define MAX_FRAMES 32

struct frame {
	const struct frame *caller;
	unsigned long return_address;
};

static bool is_frame(const struct frame *f)
{
	unsigned long address = (unsigned long)f;

	return address % 8 == 0 && address >= DIRECT_MAP_BASE && kernel_is_mapped(address) &&
	       kernel_is_mapped(address + 8);
}

void arch_walk_stack(void (*visit)(unsigned long address, void *arg), void *arg)
{
	const struct frame *f = __builtin_frame_address(0);

	for (int i = 0; i < MAX_FRAMES && is_frame(f); i++, f = f->caller)
		visit(f->return_address, arg);
}

/* What switch_stacks pushed lies at the stack pointer: an address, then rbp. */
void arch_walk_task_stack(const struct task_struct *task,
			  void (*visit)(unsigned long address, void *arg), void *arg)
{
	unsigned long low = (unsigned long)task->stack, high = low + KERNEL_STACK_SIZE;
	const unsigned long *saved = (const unsigned long *)READ_ONCE(task->thread.sp);
	const struct frame *f;

	if ((unsigned long)saved < low || (unsigned long)(saved + 2) > high)
		return;
	visit(saved[0], arg);
	for (f = (const struct frame *)saved[1];
	     (unsigned long)f >= low && (unsigned long)(f + 1) <= high && (unsigned long)f % 8 == 0;
	     f = READ_ONCE(f->caller)) {
		low = (unsigned long)(f + 1);
		visit(f->return_address, arg);
	}
}

void arch_show_registers(const struct pt_regs *r)
{
	unsigned long offset;
	const char *name = user_mode(r) ? NULL : symtab_lookup(r->ip, &offset);

	if (name)
		printk(LOG_EMERG, "RIP: %04lx:%s+0x%lx\n", r->cs, name, offset);
	else
		printk(LOG_EMERG, "RIP: %04lx:%016lx\n", r->cs, r->ip);
	printk(LOG_EMERG, "RSP: %04lx:%016lx EFLAGS: %08lx ORIG_RAX: %016lx\n", r->ss, r->sp,
	       r->flags, r->orig_ax);
	printk(LOG_EMERG, "RAX: %016lx RBX: %016lx RCX: %016lx\n", r->ax, r->bx, r->cx);
	printk(LOG_EMERG, "RDX: %016lx RSI: %016lx RDI: %016lx\n", r->dx, r->si, r->di);
	printk(LOG_EMERG, "RBP: %016lx R08: %016lx R09: %016lx\n", r->bp, r->r8, r->r9);
	printk(LOG_EMERG, "R10: %016lx R11: %016lx R12: %016lx\n", r->r10, r->r11, r->r12);
	printk(LOG_EMERG, "R13: %016lx R14: %016lx R15: %016lx\n", r->r13, r->r14, r->r15);
	printk(LOG_EMERG, "CR2: %016lx CR3: %016lx CR4: %016lx\n", read_cr2(), read_cr3(),
	       read_cr4());
}
