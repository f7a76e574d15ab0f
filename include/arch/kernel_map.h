/* The kernel half of every address space (arch/x86_64/kernel_map.c). */
#pragma once

#include <arch/pgtable.h>
#include <tine/types.h>

#define PTE_WRITE_THROUGH 0x008ul
#define PTE_CACHE_DISABLE 0x010ul

#define KERNEL_RO     (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL | PTE_NO_EXEC)
#define KERNEL_RW     (KERNEL_RO | PTE_WRITE | PTE_DIRTY)
#define KERNEL_RX     (PTE_PRESENT | PTE_ACCESSED | PTE_GLOBAL)
#define KERNEL_DEVICE (KERNEL_RW | PTE_WRITE_THROUGH | PTE_CACHE_DISABLE)

/*
 * Builds the final tables from boot_info and loads them: all RAM at DIRECT_MAP_BASE, the image with
 * its rights, nothing else.
 */
void kernel_map_init(void);
/* Physical address of the root that kernel threads run on; holds no user mappings. */
extern u64 kernel_root;

/*
 * Makes [phys, phys + size), which is no RAM of ours (firmware tables, device registers), readable
 * and writable at phys_to_virt(phys) and returns that; what is mapped there already stays as it is.
 * NULL: out of memory. Stays for good.
 */
void *map_physical(u64 phys, u64 size, u64 bits);

/*
 * One page of the kernel half. The caller keeps others away from the address. kernel_map_page:
 * false: no memory for tables. kernel_unmap_page returns the physical address that was mapped, 0 if
 * none was, and flushes nothing.
 */
bool kernel_map_page(unsigned long address, u64 phys, u64 bits);
u64 kernel_unmap_page(unsigned long address);
bool kernel_is_mapped(unsigned long address);
