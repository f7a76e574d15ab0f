/* Starting the other CPUs (arch/x86_64/smp.c). */
#ifndef ARCH_SMP_H
#define ARCH_SMP_H

/* Sets aside the page they start in. Before page_alloc_init. */
void smp_init(void);

#endif
