/* Time structures and clock numbers (clock_gettime(2)). */
#pragma once

#include <uapi/resource.h>

struct uapi_timespec {
	long tv_sec, tv_nsec;
};

#define CLOCK_REALTIME           0
#define CLOCK_MONOTONIC          1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID  3
#define CLOCK_MONOTONIC_RAW      4
#define CLOCK_REALTIME_COARSE    5
#define CLOCK_MONOTONIC_COARSE   6
#define CLOCK_BOOTTIME           7
#define CLOCK_REALTIME_ALARM     8
#define CLOCK_BOOTTIME_ALARM     9
#define CLOCK_TAI                11
#define TIMER_ABSTIME            1

#define TFD_TIMER_ABSTIME       1
#define TFD_TIMER_CANCEL_ON_SET 2

#define ITIMER_REAL    0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF    2

struct uapi_itimerval {
	struct uapi_timeval it_interval, it_value;
};

struct uapi_itimerspec {
	struct uapi_timespec it_interval, it_value;
};

struct uapi_utimbuf {
	long actime, modtime;
};

struct tms {
	long tms_utime, tms_stime, tms_cutime, tms_cstime;
};
