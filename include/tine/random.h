/* Random numbers (kernel/random.c). */
#pragma once

#include <tine/types.h>

/* Fills buf with n bytes that nobody can predict from others it has seen. Any context but
 * interrupts; does not sleep. */
void get_random_bytes(void *buf, size_t n);
u64 get_random_u64(void);

extern u8 random_boot_id[16]; /* another one at every boot */

/* Seeds the generator. Called once at boot, after the clock and the processor are known; not needed
 * before fork or exec. */
void random_init(void);
