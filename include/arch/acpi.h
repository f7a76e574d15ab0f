/*
 * The few ACPI tables that are read (arch/x86_64/acpi.c): processors, interrupt routing, timer
 * port, power control.
 */
#pragma once

#include <arch/cpu.h>
#include <tine/types.h>

#define ACPI_MAX_IOAPICS 8

/* Where a register is: an I/O port or memory (ACPI 5.2.3.2). address 0: there is none. */
struct acpi_register {
	u64 address;
	bool is_port;
};

struct acpi_ioapic {
	u64 address;
	u32 first_gsi;
};

/* An ISA interrupt that is not where the old PIC had it. */
struct acpi_isa_route {
	u32 gsi;
	bool active_low, level;
};

struct acpi_info {
	u64 lapic_address;
	unsigned int cpu_count; /* enabled ones, in the firmware's order */
	u32 apic_ids[MAX_CPUS];
	unsigned int ioapic_count;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	struct acpi_isa_route isa[16];

	struct acpi_register pm_timer;
	bool pm_timer_32_bit;
	struct acpi_register pm1a_control, pm1b_control, sleep_control;
	bool can_sleep; /* \_S5_ was found */
	u8 sleep_type_a, sleep_type_b;
	struct acpi_register reset;
	u8 reset_value;
};

/* Constant after acpi_init. Without tables: one CPU, the defaults of a PC. */
extern struct acpi_info acpi_info;
void acpi_init(void);

void acpi_write8(const struct acpi_register *reg, u8 value);
u16 acpi_read16(const struct acpi_register *reg);
u32 acpi_read32(const struct acpi_register *reg);
void acpi_write16(const struct acpi_register *reg, u16 value);
