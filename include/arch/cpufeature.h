/* What the processor can do (arch/x86_64/cpufeature.c). All CPUs are taken to be alike. */
#pragma once

#include <tine/types.h>

struct cpu_features {
	bool gigabyte_pages;
	bool global_pages;
	bool smep, smap, umip;
	bool fsgsbase;
	bool xsave, xsaveopt;
	bool avx;
	bool rdrand;
	bool tsc_deadline;
	bool tsc_aux; /* rdtscp or rdpid */
};

/* Constant after boot. */
extern struct cpu_features cpu_features;

struct cpuid_result {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_result cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_result r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/*
 * The highest leaf of the basic, extended (0x80000000) or hypervisor (0x40000000) range; 0 if the
 * range is not there.
 */
u32 cpuid_max_leaf(u32 range);

/* Fills cpu_features. Panics if something is missing that every x86-64 processor in use has. */
void cpu_features_detect(void);
