/* Reading a saved pt_regs. */
#pragma once

#include <arch/segments.h>
#include <tine/types.h>
#include <uapi/ptrace.h>

/* regs were saved on the way in from user mode. */
static inline bool user_mode(const struct pt_regs *regs)
{
	return regs->cs & 3;
}
