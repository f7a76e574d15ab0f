/* The load average (kernel/loadavg.c). */
#pragma once

#include <tine/types.h>

#define LOAD_SHIFT 11 /* bits of fraction */

/* How many tasks wanted a CPU, on average over 1, 5 and 15 minutes, as fixed point. */
void get_load_average(u64 load[3]);
void loadavg_init(void);
