/* The clock and the timer (arch/x86_64/clock.c). */
#pragma once

#include <tine/types.h>

/* The clock shows 0 from here on, until clock_init(). */
void clock_init_boot(void);
/*
 * Finds out how fast the TSC and the local APIC's timer count. A few milliseconds if neither says.
 */
void clock_init(void);
/* This CPU's timer. */
void clock_init_cpu(void);
/* How fast the TSC counts. */
u64 clock_tsc_khz(void);
/* Busy. */
void delay_us(unsigned int us);
