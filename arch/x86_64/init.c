/* The architecture's part of booting, in order. */
#include <arch/acpi.h>
#include <arch/apic.h>
#include <arch/clock.h>
#include <arch/cpufeature.h>
#include <arch/fpu.h>
#include <arch/kernel_map.h>
#include <arch/smp.h>
#include <arch/traps.h>
#include <arch/x86_cpu.h>
#include <tine/task.h>

void arch_init_early(void)
{
	clock_init_boot();
	init_task.thread.canary = boot_cpu.cpu.stack_canary;
	set_kernel_sp(&boot_cpu, (u64)boot_stack + KERNEL_STACK_SIZE);

	cpu_features_detect(); /* patches code ... */
	extable_init();        /* ... and constants, while they are still writable */
	idt_init();
	fpu_init();
	x86_cpu_init(&boot_cpu, 0, 0);
	x86_cpu_load(&boot_cpu);
	smp_init();
	kernel_map_init();
}

void arch_init(void)
{
	fpu_init_cache();
	acpi_init();
	apic_init();
	clock_init();
}
