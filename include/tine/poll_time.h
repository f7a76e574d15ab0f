/* Time-outs of ppoll and pselect (fs/poll.c). */
#pragma once

#include <tine/types.h>
#include <uapi/time.h>

/* *left: nanoseconds, ~0 without a time-out. EFAULT, EINVAL. */
int get_timeout(const struct uapi_timespec __user *user, u64 *left);
/*
 * Stores what is left until end (arch_clock_ns time) through user, if that is not NULL; returns the
 * system call's result.
 */
long put_time_left(long result, struct uapi_timespec __user *user, u64 end);
