/* Starting the other CPUs (arch/x86_64/smp.c). */
#pragma once

/* Sets aside the page they start in. Before page_alloc_init. */
void smp_init(void);
