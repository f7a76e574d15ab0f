/* What the auxiliary vector tells programs about the processor. */
#include <arch/cpufeature.h>
#include <arch/fpu.h>
#include <tine/arch.h>
#include <uapi/ucontext.h>

#define HWCAP2_FSGSBASE 0x2ul
#define FRAME_ALIGN     16ul

unsigned long arch_hwcap(void)
{
	static u32 features; /* asked once: cpuid is slow, and under a hypervisor very slow */

	if (!READ_ONCE(features))
		WRITE_ONCE(features, cpuid(1, 0).edx);
	return features;
}

unsigned long arch_hwcap2(void)
{
	return cpu_features.fsgsbase ? HWCAP2_FSGSBASE : 0;
}

unsigned long arch_signal_frame_size(void)
{
	unsigned long size = sizeof(struct rt_sigframe) + (FRAME_ALIGN - 1) + fpu_frame_size() +
			     (FPU_FRAME_ALIGN - 1);

	return ALIGN_UP(size, FRAME_ALIGN);
}
