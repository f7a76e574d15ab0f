/*
 * Debug builds: making a chosen allocation fail, as Linux's /proc/PID/fail-nth does, so that every
 * error path can be taken.
 */
#pragma once

#include <tine/types.h>

#ifdef CONFIG_DEBUG
/* Counts current's fail_nth down; true when it reaches zero: this allocation is to fail. */
bool should_fail_alloc(void);
/*
 * Between the two nothing is counted and nothing fails: in page faults, whose failures are answered
 * not by an errno but by the out-of-memory killer, and while the number itself is read or written.
 * They nest by the value that is handed from one to the other.
 */
bool fail_suspend(void);
void fail_resume(bool was_suspended);
#else
static inline bool should_fail_alloc(void)
{
	return false;
}
static inline bool fail_suspend(void)
{
	return false;
}
static inline void fail_resume(bool was_suspended)
{
}
#endif
