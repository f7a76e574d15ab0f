/*
 * Debug builds: the invariants of all memory, checked while every CPU stands still (mm/check.c).
 */
#pragma once

#include <tine/types.h>

#ifdef CONFIG_DEBUG
/*
 * Waits until a task on each CPU is in here, and has one of them check. Panics if something is wrong.
 * EAGAIN: the others did not come within a second. ENOMEM: nothing was checked.
 */
int check_memory(void);
#endif
