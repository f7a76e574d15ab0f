/* From the boot loader to struct boot_info (arch/x86_64/boot.c and the two protocols beside it). */
#pragma once

#include <arch/boot_magic.h>
#include <tine/boot_info.h>
#include <tine/types.h>

/* Fill boot_info from what the loader left at info (identity-mapped). */
void multiboot2_read(const void *info);
void pvh_read(const void *info);

/*
 * Ranges of RAM, for both. Adding rounds inwards to pages, taking away outwards; a range too many
 * is left out with a warning.
 */
void boot_add_usable(u64 start, u64 end);
void boot_remove_usable(u64 start, u64 end);
/* size bytes without a NUL, or up to a NUL. */
void boot_set_command_line(const char *text, size_t size);

/* head.S's successor: never returns. */
void boot_main(u32 magic, u32 info);

/*
 * Memory before page_alloc_init: zeroed pages from usable RAM below 4 GiB, never given back;
 * recorded in boot_info.reserved. Panics if there is none.
 */
u64 early_alloc_page(void);
/* A page below 640 KiB, for the other CPUs' first instructions; 0 if there is none. */
u64 early_alloc_low_page(void);
