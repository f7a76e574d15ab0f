/*
 * What a PVH loader says (QEMU's -kernel, Xen, cloud-hypervisor): struct hvm_start_info, version 1
 * (Xen's public arch-x86/hvm/start_info.h).
 */
#include <arch/boot.h>
#include <arch/page.h>
#include <tine/arch.h>
#include <tine/printk.h>

#define MEMORY_RAM 1

struct hvm_start_info {
	u32 magic, version, flags, module_count;
	u64 modules, command_line, rsdp;
	u64 memory_map; /* version 1 from here */
	u32 memory_map_entries, reserved;
};

struct hvm_module {
	u64 address, size, command_line, reserved;
};

struct hvm_memory_entry {
	u64 address, size;
	u32 type, reserved;
};

static void read_memory(const struct hvm_start_info *info, bool usable)
{
	const struct hvm_memory_entry *e = phys_to_virt(info->memory_map);

	for (u32 i = 0; i < info->memory_map_entries; i++, e++) {
		if (usable && e->type == MEMORY_RAM)
			boot_add_usable(e->address, e->address + e->size);
		if (!usable && e->type != MEMORY_RAM)
			boot_remove_usable(e->address, e->address + e->size);
	}
}

void pvh_read(const void *start)
{
	const struct hvm_start_info *info = start;

	boot_info.loader = "PVH";
	if (info->magic != PVH_MAGIC || info->version < 1)
		panic("boot: PVH start information of an unknown kind: magic %x, version %u",
		      info->magic, info->version);
	if (info->command_line)
		boot_set_command_line(phys_to_virt(info->command_line), BOOT_COMMAND_LINE_SIZE);
	if (info->module_count) {
		const struct hvm_module *m = phys_to_virt(info->modules);

		boot_info.initrd = (struct boot_range){m->address, m->address + m->size};
	}
	boot_info.acpi_rsdp = info->rsdp;
	read_memory(info, true);
	read_memory(info, false);
}
