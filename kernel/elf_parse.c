/*
 * Reading ELF headers: what is asked for, and whether it makes sense. The loading itself is in
 * kernel/elf.c.
 *
 * Every field comes from a file that a program may have made up. So nothing is added before it is
 * known that the sum fits: addresses and sizes are compared with TASK_SIZE_MAX first, after which
 * sums of two of them cannot wrap in 64 bits. File offsets may be anything; what lies beyond the
 * end of the file is found out by whoever reads it.
 *
 * A PT_LOAD is a part of the file, then zeroes:
 *
 *	             p_vaddr          + p_filesz              + p_memsz
 *	|            |                |                       |         |
 *	start (page) ................ zero_from ... file_end ........... end
 *	<- mapped from the file -----><-- cleared --><-- anonymous memory ->
 *
 * The first page shows what the file has in front of the part as well: mapping whole pages, one
 * cannot do otherwise, and images count on it.
 */
#include <tine/arch.h>
#include <tine/elf.h>
#include <tine/string.h>
#include <uapi/mman.h>

int elf_check_header(const struct elf64_header *header)
{
	if (memcmp(header->e_ident, ELF_MAGIC, ELF_MAGIC_SIZE) != 0)
		return -ENOEXEC;
	if (header->e_machine != EM_X86_64 || header->e_phentsize != sizeof(struct elf64_segment))
		return -ENOEXEC;
	return header->e_phnum >= 1 && header->e_phnum <= ELF_MAX_SEGMENTS ? 0 : -ENOEXEC;
}

bool elf_has_program_type(const struct elf64_header *header)
{
	return header->e_type == ET_EXEC || header->e_type == ET_DYN;
}

const struct elf64_segment *elf_find_interpreter(const struct elf64_segment *table, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (table[i].p_type == PT_INTERP)
			return &table[i];
	return NULL;
}

bool elf_wants_executable_stack(const struct elf64_segment *table, unsigned int n)
{
	bool wants = false;

	for (unsigned int i = 0; i < n; i++)
		if (table[i].p_type == PT_GNU_STACK)
			wants = table[i].p_flags & PF_X;
	return wants;
}

/* The segment's memory fits below the end of user space. */
static bool segment_fits(const struct elf64_segment *segment)
{
	return segment->p_memsz <= TASK_SIZE_MAX &&
	       segment->p_vaddr <= TASK_SIZE_MAX - segment->p_memsz;
}

static bool is_power_of_two(unsigned long n)
{
	return n && !(n & (n - 1));
}

int elf_find_extent(const struct elf64_segment *table, unsigned int n, struct elf_extent *extent)
{
	*extent = (struct elf_extent){.start = TASK_SIZE_MAX, .alignment = PAGE_SIZE};
	for (unsigned int i = 0; i < n; i++) {
		if (table[i].p_type != PT_LOAD)
			continue;
		if (!segment_fits(&table[i]))
			return -EINVAL;
		extent->start = MIN(extent->start, ALIGN_DOWN(table[i].p_vaddr, PAGE_SIZE));
		extent->end = MAX(extent->end, table[i].p_vaddr + table[i].p_memsz);
		if (is_power_of_two(table[i].p_align))
			extent->alignment = MAX(extent->alignment, table[i].p_align);
	}
	extent->start = MIN(extent->start, extent->end);
	extent->end = ALIGN_UP(extent->end, PAGE_SIZE);
	return 0;
}

static unsigned int segment_prot(const struct elf64_segment *segment)
{
	return (segment->p_flags & PF_R ? PROT_READ : 0) |
	       (segment->p_flags & PF_W ? PROT_WRITE : 0) |
	       (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

int elf_plan_segment(const struct elf64_segment *segment, unsigned long bias,
		     struct image_part *part)
{
	unsigned long address, in_page = segment->p_vaddr & (PAGE_SIZE - 1);

	if (!segment_fits(segment) || segment->p_filesz > segment->p_memsz)
		return -EINVAL;
	/* A bias may be a small negative number too, if the image does not begin at 0. */
	address = segment->p_vaddr + bias;
	if (address > TASK_SIZE_MAX || segment->p_memsz > TASK_SIZE_MAX - address)
		return -EINVAL;
	if (segment->p_filesz &&
	    (segment->p_offset < in_page || ((segment->p_offset - in_page) & (PAGE_SIZE - 1))))
		return -EINVAL;
	part->start = part->file_end = part->end = address - in_page;
	if (segment->p_filesz)
		part->file_end = ALIGN_UP(address + segment->p_filesz, PAGE_SIZE);
	if (segment->p_memsz)
		part->end = ALIGN_UP(address + segment->p_memsz, PAGE_SIZE);
	part->zero_from = part->file_end;
	if (segment->p_filesz && segment->p_memsz > segment->p_filesz)
		part->zero_from = address + segment->p_filesz;
	part->offset = segment->p_offset - in_page;
	part->prot = segment_prot(segment);
	return 0;
}

unsigned long elf_find_table(const struct elf64_header *header, const struct elf64_segment *table)
{
	unsigned long address = 0;

	for (unsigned int i = 0; i < header->e_phnum; i++)
		if (table[i].p_type == PT_LOAD && header->e_phoff >= table[i].p_offset &&
		    header->e_phoff - table[i].p_offset < table[i].p_filesz)
			address = header->e_phoff - table[i].p_offset + table[i].p_vaddr;
	return address;
}
