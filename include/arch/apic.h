/*
 * Interrupt controllers (arch/x86_64/apic.c): each CPU's local APIC, the I/O APIC, the old PICs
 * that stay masked.
 */
#pragma once

#include <tine/types.h>

/* Boot CPU: maps and enables; then apic_init_cpu() on each other CPU. */
void apic_init(void);
void apic_init_cpu(void);
u32 apic_id(void);

void apic_eoi(void);
/* Sends a vector to the CPU with that local APIC. Any context. */
void apic_send(u32 apic_id, u8 vector);
void apic_send_init(u32 apic_id);
void apic_send_startup(u32 apic_id, u8 page);
void apic_send_nmi(u32 apic_id);

/* The one-shot timer: counts down from count and then raises VECTOR_TIMER; 0 stops it. */
void apic_timer_start(u32 count);
u32 apic_timer_left(void);
/* Masked, counting: for calibration. */
void apic_timer_start_masked(u32 count);
/* Sets the timer's mode on this CPU: one-shot count-down, or the TSC deadline. */
void apic_timer_setup(bool deadline);

/* Routes an ISA interrupt line to vector on the boot CPU. False: there is no I/O APIC for it. */
bool ioapic_route_isa(unsigned int irq, u8 vector);
