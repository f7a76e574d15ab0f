/*
 * Starting and stopping the other CPUs.
 *
 * Everything a CPU needs (its struct, its idle task and stack) is made first; then all get INIT and
 * a start-up message at once and go through trampoline.S and head.S in parallel, finding their own
 * struct by the number of their local APIC. What a CPU does not answer within a second it will not
 * do at all; the system runs without it.
 */
#include <arch/acpi.h>
#include <arch/apic.h>
#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/smp.h>
#include <arch/traps.h>
#include <arch/x86_cpu.h>
#include <tine/fork.h>
#include <tine/main.h>
#include <tine/page.h>
#include <tine/printk.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/time.h>

#define START_TIMEOUT_NS  NSEC_PER_SEC
#define SECOND_MESSAGE_NS (NSEC_PER_SEC / 1000)

/* By local APIC number; head.S:secondary_start reads it. */
struct x86_cpu *secondary_cpus[256];

static u64 trampoline; /* physical */
static bool stopping;

extern char trampoline_start[], trampoline_end[];
/* head.S's successor on another CPU. */
void secondary_cpu_main(struct x86_cpu *cpu) __noreturn;

void smp_init(void)
{
	trampoline = early_alloc_low_page();
}

void secondary_cpu_main(struct x86_cpu *cpu)
{
	x86_cpu_load(cpu);
	apic_init_cpu();
	clock_init_cpu();
	secondary_main();
}

static unsigned int block_order(size_t size)
{
	unsigned int order = 0;

	while ((PAGE_SIZE << order) < size)
		order++;
	return order;
}

/* False: no memory. */
static bool prepare_cpu(u32 id, u32 apic_id)
{
	unsigned int order = block_order(sizeof(struct x86_cpu));
	struct page *pages = alloc_pages(order);
	struct task_struct *idle;
	struct x86_cpu *cpu;

	if (!pages)
		return false;
	idle = fork_idle(id);
	if (!idle) {
		free_pages(pages, order);
		return false;
	}
	idle->thread.canary = new_stack_canary();
	cpu = page_address(pages);
	memset(cpu, 0, sizeof(*cpu));
	x86_cpu_init(cpu, id, apic_id);
	cpu->cpu.task = idle;
	cpu->cpu.stack_canary = idle->thread.canary;
	set_kernel_sp(cpu, (u64)idle->stack + KERNEL_STACK_SIZE);
	x86_cpus[id] = cpu;
	secondary_cpus[apic_id] = cpu;
	return true;
}

static void prepare_cpus(unsigned int max)
{
	for (unsigned int i = 0; i < acpi_info.cpu_count && nr_cpus < max; i++) {
		if (acpi_info.apic_ids[i] == boot_cpu.cpu.apic_id)
			continue;
		if (!prepare_cpu(nr_cpus, acpi_info.apic_ids[i])) {
			printk(LOG_WARNING, "smp: no memory for CPU %u\n", nr_cpus);
			return;
		}
		nr_cpus++;
	}
}

static u64 missing_cpus(void)
{
	u64 all = nr_cpus == 64 ? ~0ull : (1ull << nr_cpus) - 1;

	return all & ~__atomic_load_n(&cpu_online_mask, __ATOMIC_ACQUIRE);
}

static void send_startup(u64 cpus)
{
	for (; cpus; cpus &= cpus - 1)
		apic_send_startup(x86_cpus[__builtin_ctzl(cpus)]->cpu.apic_id,
				  trampoline >> PAGE_SHIFT);
}

/* Waits until no CPU is missing or it is time. */
static void wait_for_cpus(u64 until)
{
	while (missing_cpus() && arch_clock_ns() < until)
		cpu_relax();
}

void arch_start_cpus(unsigned int max)
{
	u64 start;

	if (trampoline)
		prepare_cpus(max);
	if (nr_cpus == 1)
		return;
	memcpy(phys_to_virt(trampoline), trampoline_start, trampoline_end - trampoline_start);
	for (unsigned int i = 1; i < nr_cpus; i++)
		apic_send_init(x86_cpus[i]->cpu.apic_id);
	delay_us(10);
	start = arch_clock_ns();
	send_startup(missing_cpus());
	wait_for_cpus(start + SECOND_MESSAGE_NS);
	send_startup(missing_cpus()); /* old processors miss the first */
	wait_for_cpus(start + START_TIMEOUT_NS);
	if (missing_cpus())
		printk(LOG_ERR, "smp: CPUs %lx do not start\n", missing_cpus());
	printk(LOG_NOTICE, "smp: %u CPUs\n", nr_cpus);
}

/* Not to CPUs that never started: firmware left them where an NMI would reset the machine. */
void arch_stop_other_cpus(void)
{
	u64 others = __atomic_load_n(&cpu_online_mask, __ATOMIC_ACQUIRE) & ~(1ull << cpu_id());

	__atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
	for (; others; others &= others - 1)
		apic_send_nmi(x86_cpus[__builtin_ctzl(others)]->cpu.apic_id);
}

void trap_nmi(struct pt_regs *regs, unsigned long error_code)
{
	while (__atomic_load_n(&stopping, __ATOMIC_RELAXED))
		__asm__ volatile("cli; hlt");
}
