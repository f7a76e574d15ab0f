/* Errors as pointers: a function that returns a pointer returns -errno in its last page. */
#pragma once

#include <tine/types.h>
#include <uapi/errno.h>

/*
 * Results inside the kernel only. A system call that a signal interrupts returns one of these and
 * the signal code turns it into EINTR or restarts the call; user space never sees them.
 */
#define ERESTARTSYS           512 /* restart if the handler has SA_RESTART, or if there is none */
#define ERESTARTNOINTR        513 /* always restart */
#define ERESTARTNOHAND        514 /* restart only if no handler ran */
#define ERESTART_RESTARTBLOCK 516 /* restart through restart_syscall(2) if no handler ran */

#define MAX_ERRNO 4095

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (unsigned long)ptr >= (unsigned long)-MAX_ERRNO;
}
