/* Scheduling policies and attributes: sched(7), sched_setattr(2), getpriority(2). */
#pragma once

#define SCHED_OTHER         0
#define SCHED_FIFO          1
#define SCHED_RR            2
#define SCHED_BATCH         3
#define SCHED_IDLE          5
#define SCHED_DEADLINE      6
#define SCHED_RESET_ON_FORK 0x40000000

#define MIN_NICE        (-20)
#define MAX_NICE        19
#define MAX_RT_PRIORITY 99

#define PRIO_PROCESS 0
#define PRIO_PGRP    1
#define PRIO_USER    2

struct sched_param {
	int sched_priority;
};

struct sched_attr {
	unsigned int size, policy;
	unsigned long flags;
	int nice;
	unsigned int priority;
	unsigned long runtime, deadline, period;
	unsigned int util_min, util_max;
};

#define SCHED_ATTR_SIZE_VER0 48
#define SCHED_ATTR_SIZE_VER1 56
_Static_assert(sizeof(struct sched_attr) == SCHED_ATTR_SIZE_VER1, "the ABI's size");

#define SCHED_FLAG_RESET_ON_FORK 0x01
#define SCHED_FLAG_KEEP_POLICY   0x08
#define SCHED_FLAG_KEEP_PARAMS   0x10
#define SCHED_FLAG_UTIL_CLAMP    0x60
#define SCHED_FLAG_ALL           0x7f
