/* What the processor can do, and the instructions that depend on it. */
#include <arch/cpufeature.h>
#include <tine/printk.h>
#include <tine/string.h>
#include <tine/types.h>

#define BIT(n) (1u << (n))

struct cpu_features cpu_features;

/* Addresses of three-byte gaps in the code, from asm.h's STAC and CLAC. */
extern u8 *const __start_smap_stac[], *const __stop_smap_stac[];
extern u8 *const __start_smap_clac[], *const __stop_smap_clac[];

u32 cpuid_max_leaf(u32 range)
{
	u32 max = cpuid(range, 0).eax;

	return max >= range && max < range + 0x10000 ? max : 0;
}

/*
 * Puts the instructions that open and close user memory to the kernel where they belong. The code
 * is still writable, and no other CPU runs yet.
 */
static void patch_smap(void)
{
	static const u8 stac[3] = {0x0f, 0x01, 0xcb}, clac[3] = {0x0f, 0x01, 0xca};

	for (u8 *const *p = __start_smap_stac; p < __stop_smap_stac; p++)
		memcpy(*p, stac, sizeof(stac));
	for (u8 *const *p = __start_smap_clac; p < __stop_smap_clac; p++)
		memcpy(*p, clac, sizeof(clac));
}

void cpu_features_detect(void)
{
	struct cpuid_result r1 = cpuid(1, 0), r7 = {0}, rd1 = {0}, re1 = cpuid(0x80000001, 0);
	struct cpu_features *f = &cpu_features;

	if (cpuid_max_leaf(0) >= 7)
		r7 = cpuid(7, 0);
	if (cpuid_max_leaf(0) >= 0xd)
		rd1 = cpuid(0xd, 1);
	if (!(r1.edx & BIT(4)) || !(r1.edx & BIT(9)) || !(r1.edx & BIT(24)))
		panic("the processor has no TSC, no local APIC or no FXSAVE");

	f->global_pages = r1.edx & BIT(13);
	f->xsave = r1.ecx & BIT(26);
	f->avx = f->xsave && (r1.ecx & BIT(28));
	f->xsaveopt = f->xsave && (rd1.eax & BIT(0));
	f->tsc_deadline = r1.ecx & BIT(24);
	f->rdrand = r1.ecx & BIT(30);
	f->fsgsbase = r7.ebx & BIT(0);
	f->smep = r7.ebx & BIT(7);
	f->smap = r7.ebx & BIT(20);
	f->umip = r7.ecx & BIT(2);
	f->tsc_aux = (re1.edx & BIT(27)) || (r7.ecx & BIT(22));
	f->gigabyte_pages = re1.edx & BIT(26);
	if (f->smap)
		patch_smap();
}
