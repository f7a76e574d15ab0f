/* The processor state of a task that is not in its pt_regs. */
#pragma once

#include <tine/types.h>

struct arch_thread {
	u64 sp;               /* kernel stack pointer while it does not run */
	u64 canary;           /* the compiler's stack canary while it runs */
	u64 fs_base, gs_base; /* user's; valid while it does not run */
	union {
		struct {
			u16 ds, es, fs, gs; /* user's selectors, likewise */
		};
		u64 selectors;
	};
	void *fpu; /* XSAVE area, owned; see arch/fpu.h */
	/* Of the last exception that became a signal of this task, for signal frames. */
	u64 fault_address, error_code, trap_number;
};
