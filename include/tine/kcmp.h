/* kcmp(2) (kernel/kcmp.c). */
#pragma once

/* Boot, once there are random numbers. */
void kcmp_init(void);
