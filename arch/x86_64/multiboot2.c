/*
 * What a Multiboot2 loader (GRUB) says: a list of tags, each with a type and a size, padded to 8
 * bytes (Multiboot2 specification 2.0, section 3.6). The loader is trusted as much as the firmware
 * is: sizes are honoured, not doubted.
 */
#include <arch/boot.h>
#include <arch/page.h>
#include <tine/arch.h>
#include <tine/string.h>

enum {
	TAG_END = 0,
	TAG_COMMAND_LINE = 1,
	TAG_MODULE = 3,
	TAG_MEMORY_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_OLD_RSDP = 14,
	TAG_NEW_RSDP = 15,
};

#define MEMORY_AVAILABLE 1
#define FRAMEBUFFER_TEXT 2

struct tag {
	u32 type, size;
	union {
		char command_line[0];
		struct {
			u32 start, end;
		} module;
		struct {
			u32 entry_size, entry_version;
			u8 entries[0];
		} memory_map;
		struct {
			u64 address;
			u32 pitch, width, height;
			u8 depth, type;
		} framebuffer;
		u8 rsdp[0];
	};
};

struct memory_entry {
	u64 base, length;
	u32 type, reserved;
};

static void read_memory(const struct tag *tag, bool usable)
{
	const u8 *p = tag->memory_map.entries, *end = (const u8 *)tag + tag->size;

	for (; p + sizeof(struct memory_entry) <= end; p += tag->memory_map.entry_size) {
		const struct memory_entry *e = (const struct memory_entry *)p;

		if (usable && e->type == MEMORY_AVAILABLE)
			boot_add_usable(e->base, e->base + e->length);
		if (!usable && e->type != MEMORY_AVAILABLE)
			boot_remove_usable(e->base, e->base + e->length);
	}
}

/*
 * GRUB hands on a copy of the root pointer. It is kept below: what it points to stays where it is.
 */
static u64 copy_rsdp(const struct tag *tag)
{
	static u8 copy[64] __aligned(16);

	memcpy(copy, tag->rsdp, MIN(tag->size - offsetof(struct tag, rsdp), sizeof(copy)));
	return virt_to_phys(copy);
}

static void read_tag(const struct tag *tag)
{
	switch (tag->type) {
	case TAG_COMMAND_LINE:
		boot_set_command_line(tag->command_line,
				      tag->size - offsetof(struct tag, command_line));
		break;
	case TAG_MODULE:
		if (boot_info.initrd.end == 0)
			boot_info.initrd = (struct boot_range){tag->module.start, tag->module.end};
		break;
	case TAG_MEMORY_MAP:
		read_memory(tag, true);
		read_memory(tag, false);
		break;
	case TAG_FRAMEBUFFER:
		boot_info.text_screen = tag->framebuffer.type == FRAMEBUFFER_TEXT;
		break;
	case TAG_NEW_RSDP:
		boot_info.acpi_rsdp = copy_rsdp(tag);
		break;
	case TAG_OLD_RSDP:
		if (!boot_info.acpi_rsdp)
			boot_info.acpi_rsdp = copy_rsdp(tag);
		break;
	}
}

void multiboot2_read(const void *info)
{
	const u8 *p = (const u8 *)info + 8, *end = (const u8 *)info + *(const u32 *)info;

	boot_info.loader = "Multiboot2";
	while (p + 8 <= end) {
		const struct tag *tag = (const struct tag *)p;

		if (tag->type == TAG_END || tag->size < 8)
			break;
		read_tag(tag);
		p += ALIGN_UP(tag->size, 8);
	}
}
