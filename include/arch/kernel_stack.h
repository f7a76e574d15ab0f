/* Kernel stacks with a guard page below each (arch/x86_64/kernel_stack.c). */
#pragma once

#include <tine/types.h>

/*
 * The stack that the kernel boots on: init_task's. KERNEL_STACK_SIZE bytes, its guard page below.
 */
extern char boot_stack[];

/* The lowest address of KERNEL_STACK_SIZE bytes, contents undefined; NULL: out of memory. */
void *alloc_kernel_stack(void) __must_check;
/*
 * Keeps the stack mapped for the next who needs one. Tolerates NULL. Nobody may be running on it.
 */
void free_kernel_stack(void *stack);
/*
 * Unmaps free stacks, some hundred at most, and gives their pages back; returns how many pages, 0:
 * no stack is left. May sleep: waits for the other CPUs.
 */
unsigned long drain_kernel_stacks(void);
/* The same if more are free than will soon be needed, for a CPU with nothing to do. True: it was. */
bool trim_kernel_stacks(void);
/* The address lies in a guard page (or other unmapped space) of the stacks' area. */
bool is_stack_guard(unsigned long address);
