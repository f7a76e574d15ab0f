/*
 * ACPI, as far as one gets without its byte code: the root pointer leads to a list of tables (ACPI
 * 6.4, chapter 5); of those the MADT names processors and interrupt controllers, the FADT the power
 * management ports, and the DSDT holds, as a constant that can be found by its name, what to write
 * there to turn the power off.
 *
 * Tables come from firmware: one with a wrong length or checksum is left out with a message, and
 * nothing is read beyond a table's end.
 */
#include <arch/acpi.h>
#include <arch/io.h>
#include <arch/kernel_map.h>
#include <arch/page.h>
#include <tine/boot_info.h>
#include <tine/printk.h>
#include <tine/string.h>

#define MAX_TABLE_SIZE (1u << 20)

struct acpi_info acpi_info = {
	.lapic_address = 0xfee00000,
};

struct rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length; /* revision 2 from here */
	u64 xsdt;
	u8 extended_checksum, reserved[3];
} __packed;

struct table {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
	u8 body[];
} __packed;

_Static_assert(sizeof(struct table) == 36, "ACPI 5.2.6");

/* A byte of memory that firmware wrote: mapped, but not as part of RAM. */
static const void *map(u64 phys, u64 size)
{
	return map_physical(phys, size, KERNEL_RO);
}

static bool sum_is_zero(const void *data, size_t size)
{
	const u8 *p = data;
	u8 sum = 0;

	while (size-- > 0)
		sum += *p++;
	return sum == 0;
}

/* The table at phys, checked; NULL if it is not good. */
static const struct table *map_table(u64 phys)
{
	const struct table *t = phys ? map(phys, sizeof(*t)) : NULL;
	u32 length;

	if (!t)
		return NULL;
	length = t->length;
	if (length >= sizeof(*t) && length <= MAX_TABLE_SIZE && map(phys, length) &&
	    sum_is_zero(t, length))
		return t;
	printk(LOG_WARNING, "ACPI: table %.4s is damaged: ignored\n", t->signature);
	return NULL;
}

/* n bytes at offset of a table; 0 where the table ends before. */
static u64 field(const struct table *t, size_t offset, size_t n)
{
	u64 value = 0;

	if (offset + n <= t->length)
		memcpy(&value, (const u8 *)t + offset, n);
	return value;
}

/* ---- MADT: ACPI 5.2.12 ---- */

enum {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_ADDRESS = 5,
	MADT_X2APIC = 9
};

#define MADT_ENABLED 1

static void add_cpu(u32 apic_id, u32 flags)
{
	struct acpi_info *info = &acpi_info;

	if (!(flags & MADT_ENABLED) || apic_id > 0xfe)
		return;
	for (unsigned int i = 0; i < info->cpu_count; i++)
		if (info->apic_ids[i] == apic_id)
			return;
	if (info->cpu_count < MAX_CPUS)
		info->apic_ids[info->cpu_count++] = apic_id;
}

static void add_ioapic(u64 address, u32 first_gsi)
{
	if (acpi_info.ioapic_count < ACPI_MAX_IOAPICS)
		acpi_info.ioapics[acpi_info.ioapic_count++] =
			(struct acpi_ioapic){address, first_gsi};
}

/*
 * Polarity and trigger: 0 as the bus has it (ISA: active high, edge), 1 high or edge, 3 low or
 * level.
 */
static void add_override(unsigned int irq, u32 gsi, unsigned int flags)
{
	if (irq < ARRAY_SIZE(acpi_info.isa))
		acpi_info.isa[irq] = (struct acpi_isa_route){
			.gsi = gsi,
			.active_low = (flags & 3) == 3,
			.level = (flags >> 2 & 3) == 3,
		};
}

static void read_madt_entry(const struct table *t, size_t at)
{
	switch (field(t, at, 1)) {
	case MADT_LAPIC:
		add_cpu(field(t, at + 3, 1), field(t, at + 4, 4));
		break;
	case MADT_IOAPIC:
		add_ioapic(field(t, at + 4, 4), field(t, at + 8, 4));
		break;
	case MADT_OVERRIDE:
		add_override(field(t, at + 3, 1), field(t, at + 4, 4), field(t, at + 8, 2));
		break;
	case MADT_LAPIC_ADDRESS:
		acpi_info.lapic_address = field(t, at + 4, 8);
		break;
	case MADT_X2APIC:
		add_cpu(field(t, at + 4, 4), field(t, at + 8, 4));
		break;
	}
}

static void read_madt(const struct table *t)
{
	acpi_info.lapic_address = field(t, 36, 4);
	for (size_t at = 44; at + 2 <= t->length && field(t, at + 1, 1) >= 2;
	     at += field(t, at + 1, 1))
		read_madt_entry(t, at);
}

/* ---- DSDT ---- */

/*
 * An integer constant of the byte code: ZeroOp, OneOp, or a prefix and a byte (ACPI 20.2.3). False:
 * something else.
 */
static bool read_constant(const u8 **p, const u8 *end, u8 *value)
{
	if (*p < end && **p <= 1) {
		*value = *(*p)++;
		return true;
	}
	if (*p + 1 < end && **p == 0x0a) {
		*value = (*p)[1];
		*p += 2;
		return true;
	}
	return false;
}

/* Name (\_S5_, Package (n) {type a, type b, ...}): what to write to turn off. */
static bool find_s5(const struct table *t)
{
	const u8 *end = (const u8 *)t + t->length;

	for (const u8 *p = t->body; p + 8 < end; p++) {
		const u8 *q = p + 5;

		if (memcmp(p, "_S5_\x12", 5) != 0)
			continue;
		q += 1 + (*q >> 6) + 1; /* the package's length, of 1 to 4 bytes, and its count */
		if (read_constant(&q, end, &acpi_info.sleep_type_a) &&
		    read_constant(&q, end, &acpi_info.sleep_type_b))
			return true;
	}
	return false;
}

/* ---- FADT: ACPI 5.2.9 ---- */

#define FADT_RESET_SUPPORTED (1u << 10)
#define FADT_TIMER_32_BIT    (1u << 8)
#define FADT_HW_REDUCED      (1u << 20)

/*
 * A register: the generic address at extended, or else the port at legacy (0: there is no such
 * field).
 */
static struct acpi_register read_register(const struct table *t, size_t extended, size_t legacy)
{
	struct acpi_register r = {field(t, extended + 4, 8), field(t, extended, 1) == 1};

	if (!r.address && legacy)
		r = (struct acpi_register){field(t, legacy, 4), true};
	if (r.address && !r.is_port && !map_physical(r.address, 4, KERNEL_DEVICE))
		r.address = 0;
	return r;
}

static void read_fadt(const struct table *t)
{
	u32 flags = field(t, 112, 4);
	u64 dsdt_address = field(t, 140, 8);
	const struct table *dsdt;

	if (flags & FADT_HW_REDUCED) {
		acpi_info.sleep_control = read_register(t, 244, 0);
	} else {
		acpi_info.pm1a_control = read_register(t, 172, 64);
		acpi_info.pm1b_control = read_register(t, 184, 68);
		acpi_info.pm_timer = read_register(t, 208, 76);
		acpi_info.pm_timer_32_bit = flags & FADT_TIMER_32_BIT;
	}
	if (flags & FADT_RESET_SUPPORTED) {
		acpi_info.reset = read_register(t, 116, 0);
		acpi_info.reset_value = field(t, 128, 1);
	}
	dsdt = map_table(dsdt_address ? dsdt_address : field(t, 40, 4));
	if (dsdt)
		acpi_info.can_sleep = find_s5(dsdt);
}

static void read_table(u64 phys)
{
	const struct table *t = map(phys, sizeof(*t));

	if (!t || (memcmp(t->signature, "APIC", 4) != 0 && memcmp(t->signature, "FACP", 4) != 0))
		return;
	t = map_table(phys);
	if (t && t->signature[0] == 'A')
		read_madt(t);
	else if (t)
		read_fadt(t);
}

/*
 * The list of tables, by 8-byte pointers if there is one, else by 4-byte ones. False: there is
 * none.
 */
static bool read_root(const struct rsdp *rsdp)
{
	bool extended = rsdp->revision >= 2 && rsdp->xsdt;
	const struct table *root = map_table(extended ? rsdp->xsdt : rsdp->rsdt);
	size_t size = extended ? 8 : 4;

	if (!root)
		return false;
	for (size_t at = sizeof(*root); at + size <= root->length; at += size)
		read_table(field(root, at, size));
	return true;
}

void acpi_init(void)
{
	const struct rsdp *rsdp = boot_info.acpi_rsdp ? map(boot_info.acpi_rsdp, sizeof(*rsdp))
						      : NULL;

	for (unsigned int irq = 0; irq < ARRAY_SIZE(acpi_info.isa); irq++)
		acpi_info.isa[irq].gsi = irq;
	if (!rsdp || memcmp(rsdp->signature, "RSD PTR ", 8) != 0 || !sum_is_zero(rsdp, 20) ||
	    !read_root(rsdp))
		printk(LOG_WARNING, "ACPI: no tables: one CPU, and no way to turn the power off\n");
	if (acpi_info.ioapic_count == 0)
		add_ioapic(0xfec00000, 0);
}

void acpi_write8(const struct acpi_register *reg, u8 value)
{
	if (reg->is_port)
		outb(reg->address, value);
	else
		*(volatile u8 *)phys_to_virt(reg->address) = value;
}

u16 acpi_read16(const struct acpi_register *reg)
{
	return reg->is_port ? inw(reg->address) : *(volatile u16 *)phys_to_virt(reg->address);
}

void acpi_write16(const struct acpi_register *reg, u16 value)
{
	if (reg->is_port)
		outw(reg->address, value);
	else
		*(volatile u16 *)phys_to_virt(reg->address) = value;
}

u32 acpi_read32(const struct acpi_register *reg)
{
	return reg->is_port ? inl(reg->address) : mmio_read32(phys_to_virt(reg->address));
}
