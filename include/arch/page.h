/* Pages and the layout of the address space. */
#pragma once

#ifdef __ASSEMBLER__
#define UL(x) x
#else
#define UL(x) x##ul
#endif

#define PAGE_SHIFT 12
#define PAGE_SIZE  UL(4096)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

/* User addresses are below this: the last page below the hole stays unused, as on Linux. */
#define TASK_SIZE_MAX UL(0x7ffffffff000)

#define DIRECT_MAP_BASE    UL(0xffff888000000000) /* all RAM, writable, not executable */
#define KERNEL_STACKS_BASE UL(0xffffc90000000000) /* kernel stacks, a guard page below each */
#define KERNEL_IMAGE_BASE  UL(0xffffffff80000000) /* physical 0 as the image is linked */

#ifndef __ASSEMBLER__
#include <tine/types.h>

static inline void *phys_to_virt(u64 phys)
{
	return (void *)(phys + DIRECT_MAP_BASE);
}

/* Only for direct-map addresses and the kernel image. */
static inline u64 virt_to_phys(const void *virt)
{
	unsigned long v = (unsigned long)virt;

	return v >= KERNEL_IMAGE_BASE ? v - KERNEL_IMAGE_BASE : v - DIRECT_MAP_BASE;
}
#endif
