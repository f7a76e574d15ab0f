/*
 * Turning the machine off and restarting it: through ACPI, or, for a restart, by whatever else has
 * ever worked.
 */
#include <arch/acpi.h>
#include <arch/clock.h>
#include <arch/io.h>
#include <tine/arch.h>
#include <tine/printk.h>

#define PM1_SLEEP_TYPE_SHIFT     10
#define PM1_SLEEP_TYPE           (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP_ENABLE         (1u << 13)
#define SLEEP_CONTROL_TYPE_SHIFT 2
#define SLEEP_CONTROL_ENABLE     (1u << 5)

#define KEYBOARD_COMMAND     0x64
#define KEYBOARD_PULSE_RESET 0xfe
#define KEYBOARD_INPUT_FULL  0x02
#define MAX_TRIES            100000
#define SLOW_POWER_US        1000000 /* what the power may take to go */

void arch_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* ACPI 4.8.3.2.1 */
static void pm1_sleep(const struct acpi_register *control, u8 type)
{
	u16 value;

	if (!control->address)
		return;
	value = acpi_read16(control) & ~PM1_SLEEP_TYPE;
	acpi_write16(control, value | type << PM1_SLEEP_TYPE_SHIFT | PM1_SLEEP_ENABLE);
}

void arch_power_off(void)
{
	const struct acpi_info *a = &acpi_info;

	irq_disable();
	if (a->can_sleep) {
		if (a->sleep_control.address)
			acpi_write8(&a->sleep_control, a->sleep_type_a << SLEEP_CONTROL_TYPE_SHIFT |
							       SLEEP_CONTROL_ENABLE);
		pm1_sleep(&a->pm1a_control, a->sleep_type_a);
		pm1_sleep(&a->pm1b_control, a->sleep_type_b);
	}
	delay_us(SLOW_POWER_US);
	printk(LOG_EMERG, "This machine cannot be turned off by software: do it by hand.\n");
	arch_halt();
}

static void reset_by_keyboard_controller(void)
{
	for (int i = 0; i < MAX_TRIES && (inb(KEYBOARD_COMMAND) & KEYBOARD_INPUT_FULL); i++)
		cpu_relax();
	outb(KEYBOARD_COMMAND, KEYBOARD_PULSE_RESET);
	for (int i = 0; i < MAX_TRIES; i++)
		cpu_relax();
}

/* An exception with no table to find its handler in. */
static void triple_fault(void)
{
	static const struct {
		u16 limit;
		u64 base;
	} __packed empty;

	__asm__ volatile("lidt %0\n\tint3" ::"m"(empty));
}

void arch_reboot(void)
{
	irq_disable();
	if (acpi_info.reset.address)
		acpi_write8(&acpi_info.reset, acpi_info.reset_value);
	reset_by_keyboard_controller();
	triple_fault();
	arch_halt();
}
