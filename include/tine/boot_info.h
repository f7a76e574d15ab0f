/*
 * What the boot loader said, whichever it was (arch/x86_64/boot fills it; nothing after that knows
 * which).
 */
#pragma once

#include <tine/types.h>

#define BOOT_MAX_RANGES        64
#define BOOT_COMMAND_LINE_SIZE 2048

struct boot_range {
	u64 start, end; /* physical, bytes */
};

struct boot_info {
	const char *loader;
	char command_line[BOOT_COMMAND_LINE_SIZE];
	/* RAM, sorted, not overlapping; still includes the next three. */
	struct boot_range usable[BOOT_MAX_RANGES];
	unsigned int usable_count;
	struct boot_range kernel; /* the image, with bss */
	struct boot_range initrd; /* empty if there is none */
	/* In use by the machine or by early tables; page_alloc stays away. */
	struct boot_range reserved[BOOT_MAX_RANGES];
	unsigned int reserved_count;
	u64 acpi_rsdp;    /* physical, 0 if there is none */
	bool text_screen; /* the screen, if there is one, is in VGA text mode */
};

extern struct boot_info boot_info;
