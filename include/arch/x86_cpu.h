/* Everything there is once per CPU (arch/x86_64/cpu.c). */
#pragma once

#include <arch/cpu.h>
#include <arch/page.h>
#include <arch/segments.h>
#include <tine/types.h>

/* Interrupt stacks: entries of the TSS's table, 1 to 3 in a gate's IST field. */
enum ist { IST_DOUBLE_FAULT = 1, IST_NMI, IST_MACHINE_CHECK, IST_COUNT = IST_MACHINE_CHECK };

/* Intel SDM volume 3, section 8.7. */
struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3;
	u16 io_map_base;
} __packed;

_Static_assert(sizeof(struct tss) == 104, "hardware's layout");

/*
 * The stacks that cannot be the interrupted one. The CPU that each belongs to stands above the
 * frame, since GS may be the user's.
 */
struct ist_stack {
	u8 bytes[PAGE_SIZE - 16];
	struct cpu *cpu;
	u64 unused;
};

#define STACK_SLOTS 4

struct x86_cpu {
	struct cpu cpu;
	/* Whose root is in CR3; NULL: the kernel's. Only this CPU writes it, interrupts off. */
	struct mm_struct *loaded_mm;
	void *stack_cache[STACK_SLOTS]; /* free kernel stacks; exchanged atomically */
	struct tss tss;
	u64 gdt[GDT_ENTRIES] __aligned(16);
	struct ist_stack ist_stacks[IST_COUNT] __aligned(PAGE_SIZE);
};

extern struct x86_cpu boot_cpu;
/* Filled before the CPU starts; NULL for those there are not. */
extern struct x86_cpu *x86_cpus[MAX_CPUS];

static inline struct x86_cpu *this_x86_cpu(void)
{
	return (struct x86_cpu *)this_cpu();
}

/* Sets up a CPU's struct, on any CPU. */
void x86_cpu_init(struct x86_cpu *cpu, u32 id, u32 apic_id);
/*
 * Loads the calling CPU's registers from it: GDT, TSS, IDT, control registers, the syscall
 * instruction, FPU.
 */
void x86_cpu_load(struct x86_cpu *cpu);

/* A value for a new task's thread.canary (thread.c). */
u64 new_stack_canary(void);

/* The top of the kernel stack for the next entry from user mode. */
static inline void set_kernel_sp(struct x86_cpu *cpu, u64 sp)
{
	cpu->cpu.kernel_sp = sp;
	cpu->tss.rsp[0] = sp;
}
