/*
 * What there is once per CPU: struct x86_cpu, which GS points at while the CPU is in the kernel,
 * with its segment table, its task state segment and the stacks for the interrupts that may come
 * when no other stack can be trusted.
 *
 * boot_cpu is in the image, since GS must be right before the first C function; smp.c allocates the
 * others'.
 */
#include <arch/cpufeature.h>
#include <arch/fpu.h>
#include <arch/msr.h>
#include <arch/traps.h>
#include <arch/x86_cpu.h>
#include <tine/task.h>

#define DESCRIPTOR_KERNEL_CODE 0x00af9b000000ffffull
#define DESCRIPTOR_KERNEL_DATA 0x00cf93000000ffffull
#define DESCRIPTOR_USER_DATA   0x00cff3000000ffffull
#define DESCRIPTOR_USER_CODE   0x00affb000000ffffull
#define DESCRIPTOR_NUMBER      0x0040f50000000000ull /* its limit is to be filled in */
#define DESCRIPTOR_TSS         0x0000890000000000ull /* available 64-bit TSS, present */

struct x86_cpu boot_cpu = {
	.cpu.self = &boot_cpu.cpu,
	.cpu.task = &init_task,
};

struct x86_cpu *x86_cpus[MAX_CPUS] = {&boot_cpu};
u64 cpu_online_mask = 1;
unsigned int nr_cpus = 1;

void syscall_entry(void);

static void gdt_init(struct x86_cpu *cpu)
{
	u64 tss = (u64)&cpu->tss;
	u64 *gdt = cpu->gdt;

	gdt[KERNEL_CS / 8] = DESCRIPTOR_KERNEL_CODE;
	gdt[KERNEL_DS / 8] = DESCRIPTOR_KERNEL_DATA;
	gdt[USER_DS / 8] = DESCRIPTOR_USER_DATA;
	gdt[USER_CS / 8] = DESCRIPTOR_USER_CODE;
	gdt[CPU_NUMBER_SELECTOR / 8] = DESCRIPTOR_NUMBER | cpu->cpu.id;
	gdt[TSS_SELECTOR / 8] = DESCRIPTOR_TSS | (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 |
				(tss >> 24 & 0xff) << 56;
	gdt[TSS_SELECTOR / 8 + 1] = tss >> 32;
}

void x86_cpu_init(struct x86_cpu *cpu, u32 id, u32 apic_id)
{
	cpu->cpu.self = &cpu->cpu;
	cpu->cpu.id = id;
	cpu->cpu.apic_id = apic_id;
	gdt_init(cpu);
	cpu->tss.io_map_base = sizeof(struct tss); /* none: no port is the user's */
	for (unsigned int i = 0; i < IST_COUNT; i++) {
		cpu->ist_stacks[i].cpu = &cpu->cpu;
		cpu->tss.ist[i] = (u64)&cpu->ist_stacks[i].cpu;
	}
}

static void load_segments(struct x86_cpu *cpu)
{
	struct {
		u16 limit;
		u64 base;
	} __packed gdtr = {sizeof(cpu->gdt) - 1, (u64)cpu->gdt};

	__asm__ volatile("lgdt %0\n\t"
			 "ltr %w1\n\t"
			 "lldt %w2\n\t"
			 "pushq %q3\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:"
			 :
			 : "m"(gdtr), "r"(TSS_SELECTOR), "r"(0), "i"(KERNEL_CS)
			 : "rax", "memory");
}

static void load_control_registers(void)
{
	const struct cpu_features *f = &cpu_features;
	u64 cr4 = CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

	cr4 |= f->global_pages ? CR4_PGE : 0;
	cr4 |= f->smep ? CR4_SMEP : 0;
	cr4 |= f->smap ? CR4_SMAP : 0;
	cr4 |= f->umip ? CR4_UMIP : 0;
	cr4 |= f->fsgsbase ? CR4_FSGSBASE : 0;
	cr4 |= f->xsave ? CR4_OSXSAVE : 0;
	write_cr4(cr4);
	write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
}

static void load_syscall(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE);
	wrmsr(MSR_STAR, (u64)USER_BASE_CS << 48 | (u64)KERNEL_CS << 32);
	wrmsr(MSR_LSTAR, (u64)syscall_entry);
	wrmsr(MSR_SYSCALL_MASK, FLAGS_SYSCALL_MASK);
	wrmsr(MSR_SYSENTER_CS, 0); /* sysenter is a general protection fault */
	wrmsr(MSR_KERNEL_GS_BASE, 0);
}

/* What rdtscp and rdpid tell programs. */
static void load_number(const struct x86_cpu *cpu)
{
	if (cpu_features.tsc_aux)
		wrmsr(MSR_TSC_AUX, cpu->cpu.id);
}

void x86_cpu_load(struct x86_cpu *cpu)
{
	load_segments(cpu);
	idt_load();
	load_control_registers();
	load_syscall();
	load_number(cpu);
	fpu_init_cpu();
}

/*
 * sti lets interrupts in after the next instruction: none can come between the two and be slept
 * through.
 */
void arch_idle(void)
{
	__asm__ volatile("sti; hlt" ::: "memory");
}
