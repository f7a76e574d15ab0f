/* Debug builds: making a chosen allocation fail, as Linux's /proc/PID/fail-nth does, so that every error path can be taken. */
#ifndef TINE_FAIL_H
#define TINE_FAIL_H

#include <tine/types.h>

#ifdef CONFIG_DEBUG
/* Counts current's fail_nth down; true when it reaches zero: this allocation is to fail. */
bool should_fail_alloc(void);
#else
static inline bool should_fail_alloc(void)
{
	return false;
}
#endif

#endif
