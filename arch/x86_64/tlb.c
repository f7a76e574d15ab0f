/*
 * Which address space each CPU has loaded, and flushing what the TLBs hold of it.
 *
 * mm->cpus says which CPUs may hold entries of mm. A CPU sets its bit before it loads the root and
 * clears it after it has loaded another; who flushes has changed the tables before it reads the
 * mask. With a full barrier between the two steps on either side, the flusher sees the bit, or the
 * CPU that is just switching reads the new tables.
 *
 * Other CPUs flush in an interrupt, one request at a time (flush_lock), and the requester waits
 * with interrupts on, so that CPUs that flush for each other make progress. An mm that runs on one
 * CPU needs neither the lock nor an interrupt.
 */
#include <arch/apic.h>
#include <arch/kernel_map.h>
#include <arch/msr.h>
#include <arch/tlb.h>
#include <arch/traps.h>
#include <arch/x86_cpu.h>
#include <tine/mm.h>
#include <tine/printk.h>
#include <tine/rseq.h>
#include <tine/spinlock.h>

#define MAX_SINGLE_FLUSHES 32 /* pages; more: everything */

static struct spinlock flush_lock = SPINLOCK_INIT(LOCK_CLASS_IPI);

/* The request being served; flush_lock. mm NULL: kernel addresses. */
static struct {
	struct mm_struct *mm;
	unsigned long start, end;
	bool preempts; /* what runs acts as if it had lost its CPU */
	u64 pending;   /* CPUs that have not done it; atomic */
} request;

static u64 this_cpu_bit(void)
{
	return 1ul << cpu_id();
}

void switch_mm(struct mm_struct *prev, struct mm_struct *next)
{
	irq_state_t state = irq_save();

	load_mm(this_x86_cpu(), next);
	irq_restore(state);
}

static void flush_local(unsigned long start, unsigned long end)
{
	if (end - start > MAX_SINGLE_FLUSHES * PAGE_SIZE) {
		write_cr3(read_cr3());
		return;
	}
	for (; start < end; start += PAGE_SIZE)
		invlpg(start);
}

/* A change of CR4.PGE flushes global entries too (Intel SDM volume 3, section 4.10.4.1). */
static void flush_local_kernel(void)
{
	irq_state_t state = irq_save();
	u64 cr4 = read_cr4();

	write_cr4(cr4 ^ CR4_PGE);
	write_cr4(cr4);
	irq_restore(state);
}

void interrupt_flush(struct pt_regs *regs, unsigned long error_code)
{
	apic_eoi();
	if (!request.mm)
		flush_local_kernel();
	else if (this_x86_cpu()->loaded_mm == request.mm)
		flush_local(request.start, request.end);
	if (request.preempts)
		rseq_preempt(current);
	__atomic_and_fetch(&request.pending, ~this_cpu_bit(), __ATOMIC_SEQ_CST);
}

static void interrupt_others(u64 cpus, struct mm_struct *mm, unsigned long start, unsigned long end,
			     bool preempts)
{
	ASSERT(irqs_enabled());
	spin_lock(&flush_lock);
	request.mm = mm;
	request.start = start;
	request.end = end;
	request.preempts = preempts;
	__atomic_store_n(&request.pending, cpus, __ATOMIC_SEQ_CST);
	for (u64 left = cpus; left; left &= left - 1)
		apic_send(x86_cpus[__builtin_ctzl(left)]->cpu.apic_id, VECTOR_FLUSH);
	while (__atomic_load_n(&request.pending, __ATOMIC_ACQUIRE))
		cpu_relax();
	spin_unlock(&flush_lock);
}

static void flush_others(u64 cpus, struct mm_struct *mm, unsigned long start, unsigned long end)
{
	interrupt_others(cpus, mm, start, end, false);
}

void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end)
{
	u64 others;

	smp_mb();
	others = READ_ONCE(mm->cpus) & ~this_cpu_bit();
	if (this_x86_cpu()->loaded_mm == mm)
		flush_local(start, end);
	if (unlikely(others))
		flush_others(others, mm, start, end);
}

/* Entering and leaving an interrupt is a barrier, and serializes (Intel SDM volume 3, section 9.3). */
void arch_sync_cpus(struct mm_struct *mm, u64 cpus, bool preempts)
{
	u64 others;

	smp_mb();
	others = READ_ONCE(*(mm ? &mm->cpus : &cpu_online_mask)) & cpus & ~this_cpu_bit();
	if (others) /* an empty range */
		interrupt_others(others, this_x86_cpu()->loaded_mm, 0, 0, preempts);
	write_cr3(read_cr3());
}

void flush_tlb_mm(struct mm_struct *mm)
{
	flush_tlb_range(mm, 0, ~0ul);
}

void flush_tlb_kernel(void)
{
	u64 others = READ_ONCE(cpu_online_mask) & ~this_cpu_bit();

	flush_local_kernel();
	if (others)
		flush_others(others, NULL, 0, 0);
}
