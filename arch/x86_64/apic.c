/*
 * Interrupt controllers: each CPU's local APIC, through its registers in memory (Intel SDM volume
 * 3, chapter 11); the I/O APIC for the few devices that interrupt; and the two old PICs, which are
 * moved out of the exceptions' way and masked.
 *
 * A CPU writes only its own local APIC. Sending takes two writes, so it is done with interrupts
 * off; nothing else needs a lock.
 */
#include <arch/acpi.h>
#include <arch/apic.h>
#include <arch/io.h>
#include <arch/kernel_map.h>
#include <arch/msr.h>
#include <arch/traps.h>
#include <arch/x86_cpu.h>
#include <tine/arch.h>
#include <tine/printk.h>

#define APIC_BASE_ENABLE 0x800ul
#define APIC_BASE_X2APIC 0x400ul

#define REG_ID            0x20
#define REG_TASK_PRIORITY 0x80
#define REG_EOI           0xb0
#define REG_SPURIOUS      0xf0
#define REG_COMMAND_LOW   0x300
#define REG_COMMAND_HIGH  0x310
#define REG_LVT_TIMER     0x320
#define REG_LVT_LINT0     0x350
#define REG_LVT_LINT1     0x360
#define REG_LVT_ERROR     0x370
#define REG_TIMER_INITIAL 0x380
#define REG_TIMER_CURRENT 0x390
#define REG_TIMER_DIVIDE  0x3e0

#define SPURIOUS_ENABLE   0x100
#define LVT_MASKED        0x10000
#define LVT_NMI           0x400
#define LVT_TSC_DEADLINE  0x40000
#define TIMER_DIVIDE_BY_1 0xb

#define COMMAND_NMI     0x400
#define COMMAND_INIT    0x500
#define COMMAND_STARTUP 0x600
#define COMMAND_PENDING 0x1000
#define COMMAND_ASSERT  0x4000

#define IOAPIC_SELECT    0x00
#define IOAPIC_WINDOW    0x10
#define IOAPIC_VERSION   0x01
#define IOAPIC_ROUTES    0x10
#define ROUTE_MASKED     0x10000
#define ROUTE_LEVEL      0x8000
#define ROUTE_ACTIVE_LOW 0x2000

#define PIC1 0x20
#define PIC2 0xa0

static char *lapic;
static char *ioapics[ACPI_MAX_IOAPICS];

static u32 lapic_read(unsigned int reg)
{
	return mmio_read32(lapic + reg);
}

static void lapic_write(unsigned int reg, u32 value)
{
	mmio_write32(lapic + reg, value);
}

u32 apic_id(void)
{
	return lapic_read(REG_ID) >> 24;
}

void apic_eoi(void)
{
	lapic_write(REG_EOI, 0);
}

static void send_command(u32 apic_id, u32 command)
{
	irq_state_t state = irq_save();

	while (lapic_read(REG_COMMAND_LOW) & COMMAND_PENDING)
		cpu_relax();
	lapic_write(REG_COMMAND_HIGH, apic_id << 24);
	lapic_write(REG_COMMAND_LOW, command);
	irq_restore(state);
}

void apic_send(u32 apic_id, u8 vector)
{
	send_command(apic_id, COMMAND_ASSERT | vector);
}

void apic_send_init(u32 apic_id)
{
	send_command(apic_id, COMMAND_ASSERT | COMMAND_INIT);
}

void apic_send_startup(u32 apic_id, u8 page)
{
	send_command(apic_id, COMMAND_ASSERT | COMMAND_STARTUP | page);
}

void apic_send_nmi(u32 apic_id)
{
	send_command(apic_id, COMMAND_ASSERT | COMMAND_NMI);
}

void arch_send_reschedule(unsigned int cpu)
{
	apic_send(x86_cpus[cpu]->cpu.apic_id, VECTOR_RESCHEDULE);
}

/*
 * The interrupt itself is the message: the way out of it, or the idle loop, looks at the task's
 * work.
 */
void interrupt_reschedule(struct pt_regs *regs, unsigned long error_code)
{
	apic_eoi();
}

/* From the masked PICs: no one to tell. */
void interrupt_spurious(struct pt_regs *regs, unsigned long error_code)
{
}

void interrupt_stray(struct pt_regs *regs, unsigned long error_code)
{
	apic_eoi();
	printk(LOG_WARNING, "interrupt on a vector that nobody uses\n");
}

void apic_timer_setup(bool deadline)
{
	lapic_write(REG_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
	lapic_write(REG_LVT_TIMER, VECTOR_TIMER | (deadline ? LVT_TSC_DEADLINE : 0));
}

void apic_timer_start(u32 count)
{
	lapic_write(REG_TIMER_INITIAL, count);
}

void apic_timer_start_masked(u32 count)
{
	lapic_write(REG_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
	lapic_write(REG_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	lapic_write(REG_TIMER_INITIAL, count);
}

u32 apic_timer_left(void)
{
	return lapic_read(REG_TIMER_CURRENT);
}

static void mask_pics(void)
{
	/* Initialise, base vector, how they are cascaded, 8086 mode: four words each. */
	outb(PIC1, 0x11);
	outb(PIC2, 0x11);
	outb(PIC1 + 1, VECTOR_PIC);
	outb(PIC2 + 1, VECTOR_PIC + 8);
	outb(PIC1 + 1, 4);
	outb(PIC2 + 1, 2);
	outb(PIC1 + 1, 1);
	outb(PIC2 + 1, 1);
	outb(PIC1 + 1, 0xff);
	outb(PIC2 + 1, 0xff);
}

void apic_init_cpu(void)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	/* Firmware may have left it in x2APIC mode, from which the only way back is through off. */
	if (base & APIC_BASE_X2APIC)
		wrmsr(MSR_APIC_BASE, base & ~(APIC_BASE_ENABLE | APIC_BASE_X2APIC));
	wrmsr(MSR_APIC_BASE, (base & ~APIC_BASE_X2APIC) | APIC_BASE_ENABLE);
	lapic_write(REG_TASK_PRIORITY, 0);
	lapic_write(REG_LVT_TIMER, LVT_MASKED);
	lapic_write(REG_LVT_LINT0, LVT_MASKED);
	lapic_write(REG_LVT_LINT1, LVT_NMI);
	lapic_write(REG_LVT_ERROR, LVT_MASKED);
	lapic_write(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
}

static u32 ioapic_read(char *ioapic, u32 reg)
{
	mmio_write32(ioapic + IOAPIC_SELECT, reg);
	return mmio_read32(ioapic + IOAPIC_WINDOW);
}

static void ioapic_write(char *ioapic, u32 reg, u32 value)
{
	mmio_write32(ioapic + IOAPIC_SELECT, reg);
	mmio_write32(ioapic + IOAPIC_WINDOW, value);
}

static unsigned int ioapic_routes(char *ioapic)
{
	return (ioapic_read(ioapic, IOAPIC_VERSION) >> 16 & 0xff) + 1;
}

static void ioapic_init(unsigned int i)
{
	char *ioapic = map_physical(acpi_info.ioapics[i].address, PAGE_SIZE, KERNEL_DEVICE);

	if (!ioapic)
		panic("no memory to map an I/O APIC");
	ioapics[i] = ioapic;
	for (unsigned int route = 0; route < ioapic_routes(ioapic); route++)
		ioapic_write(ioapic, IOAPIC_ROUTES + 2 * route, ROUTE_MASKED);
}

bool ioapic_route_isa(unsigned int irq, u8 vector)
{
	const struct acpi_isa_route *isa = &acpi_info.isa[irq];
	u32 low = vector;

	low |= isa->level ? ROUTE_LEVEL : 0;
	low |= isa->active_low ? ROUTE_ACTIVE_LOW : 0;
	for (unsigned int i = 0; i < acpi_info.ioapic_count; i++) {
		u32 route = isa->gsi - acpi_info.ioapics[i].first_gsi;

		if (isa->gsi < acpi_info.ioapics[i].first_gsi || route >= ioapic_routes(ioapics[i]))
			continue;
		ioapic_write(ioapics[i], IOAPIC_ROUTES + 2 * route + 1, boot_cpu.cpu.apic_id << 24);
		ioapic_write(ioapics[i], IOAPIC_ROUTES + 2 * route, low);
		return true;
	}
	return false;
}

void apic_init(void)
{
	mask_pics();
	lapic = map_physical(acpi_info.lapic_address, PAGE_SIZE, KERNEL_DEVICE);
	if (!lapic)
		panic("no memory to map the local APIC");
	apic_init_cpu();
	boot_cpu.cpu.apic_id = apic_id();
	for (unsigned int i = 0; i < acpi_info.ioapic_count; i++)
		ioapic_init(i);
}
