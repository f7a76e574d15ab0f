/* kcmp(2) (kernel/kcmp.c). */
#ifndef TINE_KCMP_H
#define TINE_KCMP_H

/* Boot, once there are random numbers. */
void kcmp_init(void);

#endif
