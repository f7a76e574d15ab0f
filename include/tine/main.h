/* Where the generic kernel begins (kernel/main.c). */
#pragma once

#include <tine/types.h>

/* Called by the architecture once boot_info is filled: interrupts off, on init_task's stack. */
void start_kernel(void) __noreturn;
/* On each other CPU: interrupts off, on its idle task's stack. */
void secondary_main(void) __noreturn;
