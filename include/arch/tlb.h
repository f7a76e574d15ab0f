/* Loading an address space, and flushing kernel addresses; user addresses are in tine/arch.h. */
#pragma once

#include <arch/kernel_map.h>
#include <arch/msr.h>
#include <arch/x86_cpu.h>
#include <tine/mm.h>
#include <tine/page.h>

/*
 * Loads mm (NULL: the kernel's own) on cpu, which is the caller's, in place of whatever was loaded
 * (arch/x86_64/tlb.c says what the order is for). Interrupts off.
 */
static inline void load_mm(struct x86_cpu *cpu, struct mm_struct *mm)
{
	struct mm_struct *loaded = cpu->loaded_mm;
	u64 bit = 1ul << cpu->cpu.id;

	if (loaded == mm)
		return;
	cpu->loaded_mm = mm;
	if (likely(mm)) {
		__atomic_or_fetch(&mm->cpus, bit, __ATOMIC_SEQ_CST);
		write_cr3(page_to_phys(mm->root));
	} else {
		write_cr3(kernel_root);
	}
	if (loaded)
		__atomic_and_fetch(&loaded->cpus, ~bit, __ATOMIC_SEQ_CST);
}

/*
 * Flushes everything, global entries too, on every CPU, and waits for it. Interrupts on, no
 * spinlock held.
 */
void flush_tlb_kernel(void);
