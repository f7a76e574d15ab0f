/* Pages and the layout of the address space. */
#ifndef ARCH_PAGE_H
#define ARCH_PAGE_H

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))

/* User addresses are below this: the last page below the hole stays unused, as on Linux. */
#define TASK_SIZE_MAX 0x7ffffffff000ul

#define DIRECT_MAP_BASE 0xffff888000000000ul /* all physical memory, writable, not executable */
#define KERNEL_STACKS_BASE 0xffffc90000000000ul /* kernel stacks, a guard page below each */
#define KERNEL_IMAGE_BASE 0xffffffff80000000ul /* physical 0 as the image is linked */

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

#endif
