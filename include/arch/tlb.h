/* Flushing kernel addresses; user addresses are in tine/arch.h (arch/x86_64/tlb.c). */
#pragma once

/*
 * Flushes everything, global entries too, on every CPU, and waits for it. Interrupts on, no
 * spinlock held.
 */
void flush_tlb_kernel(void);
