/*
 * What the kernel and the code it lends to programs (arch/x86_64/vdso) share: a page that programs
 * can read.
 */
#pragma once

#include <tine/types.h>

/*
 * The clock as a program computes it. All but the last two fields are constant, and those are one
 * aligned word each, which is written and read whole: so no reader can see half of a change, and
 * there is no sequence to count.
 */
struct vdso_data {
	u64 tsc_base, ns_per_tsc; /* ns since boot = (TSC - tsc_base) * ns_per_tsc >> 32 */
	u64 coarse_ns;            /* what the coarse clocks are cut to */
	u64 real_offset;          /* from the start of 1970 to boot, ns */
	u64 zone;                 /* struct timezone */
};

/* Fills the constant part; where programs see it is up to arch_vdso_page. */
void vdso_init(u64 tsc_base, u64 ns_per_tsc);
