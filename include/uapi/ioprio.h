/* ioprio_set(2): a class in bits 13 to 15, a level below, and hints between. */
#pragma once

#define IOPRIO_CLASS_SHIFT     13
#define IOPRIO_PRIO_CLASS(p)   ((unsigned int)(p) >> IOPRIO_CLASS_SHIFT & 7)
#define IOPRIO_PRIO_LEVEL(p)   ((p)&7)
#define IOPRIO_VALUE(class, l) ((class) << IOPRIO_CLASS_SHIFT | (l))

#define IOPRIO_CLASS_NONE 0
#define IOPRIO_CLASS_RT   1
#define IOPRIO_CLASS_BE   2
#define IOPRIO_CLASS_IDLE 3

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_WHO_USER    3
