// sources: kernel/elf_parse.c
/*
 * Reading ELF headers: what a sound image asks for, every field that can be wrong, and then images
 * whose fields were changed at random, of which only this is demanded: no result out of range, no
 * sum that wraps, nothing read outside the table.
 */
#include <stdlib.h>
#include <string.h>
#include <tine/arch.h>
#include <tine/elf.h>
#include <uapi/mman.h>

#include "tap.h"

#define BASE 0x400000ul

static const struct elf64_header sound_header = {
	.e_ident = ELF_MAGIC,
	.e_type = ET_EXEC,
	.e_machine = EM_X86_64,
	.e_entry = BASE + 0x1000,
	.e_phoff = sizeof(struct elf64_header),
	.e_phentsize = sizeof(struct elf64_segment),
	.e_phnum = 3,
};

static const struct elf64_segment sound_table[3] = {
	{.p_type = PT_LOAD,
	 .p_flags = PF_R | PF_X,
	 .p_vaddr = BASE,
	 .p_filesz = 0x1234,
	 .p_memsz = 0x1234,
	 .p_align = 0x1000},
	{.p_type = PT_LOAD,
	 .p_flags = PF_R | PF_W,
	 .p_offset = 0x1ff0,
	 .p_vaddr = BASE + 0x2ff0,
	 .p_filesz = 0x20,
	 .p_memsz = 0x5000,
	 .p_align = 0x200000},
	{.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W},
};

static u64 random_state = 88172645463325252ul;

static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static void headers(void)
{
	struct elf64_header h = sound_header;

	CHECK(elf_check_header(&h) == 0 && elf_has_program_type(&h));
	h.e_type = ET_DYN;
	CHECK(elf_has_program_type(&h));
	h.e_type = 4;
	CHECK(!elf_has_program_type(&h));
	h = sound_header;
	h.e_ident[3] = 'G';
	CHECK(elf_check_header(&h) == -ENOEXEC);
	h = sound_header;
	h.e_machine = 3;
	CHECK(elf_check_header(&h) == -ENOEXEC);
	h = sound_header;
	h.e_phentsize++;
	CHECK(elf_check_header(&h) == -ENOEXEC);
	tap_ok("elf: a header that is not ours is ENOEXEC");

	h = sound_header;
	h.e_phnum = 0;
	CHECK(elf_check_header(&h) == -ENOEXEC);
	h.e_phnum = 73;
	CHECK(elf_check_header(&h) == 0);
	h.e_phnum = 74;
	CHECK(elf_check_header(&h) == -ENOEXEC);
	h.e_phnum = 0xffff;
	CHECK(elf_check_header(&h) == -ENOEXEC);
	tap_ok("elf: the table of segments is one page at most, and not empty");
}

static void properties(void)
{
	struct elf64_segment table[3];

	memcpy(table, sound_table, sizeof(table));
	CHECK(!elf_find_interpreter(table, 3));
	table[1].p_type = table[2].p_type = PT_INTERP;
	CHECK(elf_find_interpreter(table, 3) == &table[1]);
	tap_ok("elf: the first PT_INTERP counts");

	CHECK(!elf_wants_executable_stack(sound_table, 3));
	table[0].p_type = table[1].p_type = PT_GNU_STACK;
	table[0].p_flags = PF_R | PF_W;
	table[1].p_flags = PF_R | PF_W | PF_X;
	CHECK(elf_wants_executable_stack(table, 3));
	CHECK(!elf_wants_executable_stack(table, 1));
	tap_ok("elf: the last PT_GNU_STACK counts, and without one the stack is not executable");

	CHECK(elf_find_table(&sound_header, sound_table) == BASE + sizeof(struct elf64_header));
	memcpy(table, sound_table, sizeof(table));
	table[0].p_offset = 0x80;
	CHECK(elf_find_table(&sound_header, table) == 0);
	tap_ok("elf: the table's address is found where a segment has it");
}

static void extents(void)
{
	struct elf64_segment table[3];
	struct elf_extent extent;

	CHECK(elf_find_extent(sound_table, 3, &extent) == 0);
	CHECK(extent.start == BASE && extent.end == BASE + 0x8000);
	CHECK(extent.alignment == 0x200000);
	CHECK(elf_find_extent(sound_table + 2, 1, &extent) == 0);
	CHECK(extent.start == extent.end && extent.alignment == PAGE_SIZE);

	memcpy(table, sound_table, sizeof(table));
	table[1].p_align = 0x3000;
	CHECK(elf_find_extent(table, 3, &extent) == 0 && extent.alignment == PAGE_SIZE);
	table[1].p_memsz = TASK_SIZE_MAX;
	CHECK(elf_find_extent(table, 3, &extent) == -EINVAL);
	table[1].p_memsz = ~0ul;
	CHECK(elf_find_extent(table, 3, &extent) == -EINVAL);
	tap_ok("elf: the extent of all segments, and its alignment");
}

static void segments(void)
{
	struct elf64_segment s = sound_table[0];
	struct image_part m;

	CHECK(elf_plan_segment(&s, 0, &m) == 0);
	CHECK(m.start == BASE && m.file_end == BASE + 0x2000 && m.end == m.file_end);
	CHECK(m.zero_from == m.file_end && m.offset == 0 && m.prot == (PROT_READ | PROT_EXEC));

	s = sound_table[1];
	CHECK(elf_plan_segment(&s, 0x10000, &m) == 0);
	CHECK(m.start == BASE + 0x12000 && m.offset == 0x1000);
	CHECK(m.zero_from == BASE + 0x13010 && m.file_end == BASE + 0x14000);
	CHECK(m.end == BASE + 0x18000 && m.prot == (PROT_READ | PROT_WRITE));

	s.p_filesz = 0;
	CHECK(elf_plan_segment(&s, 0, &m) == 0);
	CHECK(m.file_end == m.start && m.zero_from == m.start && m.end == BASE + 0x8000);
	s.p_memsz = 0;
	CHECK(elf_plan_segment(&s, 0, &m) == 0 && m.end == m.start);

	s = sound_table[1];
	CHECK(elf_plan_segment(&s, -BASE, &m) == 0 && m.start == 0x2000);
	tap_ok("elf: a segment is file, then zeroes, in whole pages");
}

static void bad_segments(void)
{
	struct elf64_segment s = sound_table[1];
	struct image_part m;

	s.p_filesz = s.p_memsz + 1;
	CHECK(elf_plan_segment(&s, 0, &m) == -EINVAL);
	s = sound_table[1];
	s.p_offset = 0x1fe0;
	CHECK(elf_plan_segment(&s, 0, &m) == -EINVAL);
	s.p_offset = 0xff0 - 0x1000;
	CHECK(elf_plan_segment(&s, 0, &m) == 0);
	s.p_offset = 0;
	CHECK(elf_plan_segment(&s, 0, &m) == -EINVAL);
	s = sound_table[1];
	s.p_vaddr = TASK_SIZE_MAX - 0x4ff0;
	CHECK(elf_plan_segment(&s, 0, &m) == -EINVAL);
	s = sound_table[1];
	CHECK(elf_plan_segment(&s, TASK_SIZE_MAX, &m) == -EINVAL);
	CHECK(elf_plan_segment(&s, TASK_SIZE_MAX - BASE - 0x2ff0, &m) == -EINVAL);
	s.p_memsz = ~0ul;
	CHECK(elf_plan_segment(&s, 0, &m) == -EINVAL);
	tap_ok("elf: a segment that does not fit is EINVAL");
}

/* A number that is likely to be at an edge of something. */
static u64 odd_number(void)
{
	static const u64 edges[] = {
		0,         1,         0xfff, 0x1000, 0x1001, BASE, TASK_SIZE_MAX - 1, TASK_SIZE_MAX,
		1ul << 47, 1ul << 63, ~0ul};
	u64 n = edges[random_u64() % ARRAY_SIZE(edges)];

	switch (random_u64() % 4) {
	case 0:
		return n;
	case 1:
		return n + random_u64() % 0x3000;
	case 2:
		return n - random_u64() % 0x3000;
	default:
		return random_u64() >> random_u64() % 64;
	}
}

static void check_plan(const struct elf64_segment *s, unsigned long bias)
{
	struct image_part m;

	if (elf_plan_segment(s, bias, &m))
		return;
	CHECK(m.start % PAGE_SIZE == 0 && m.file_end % PAGE_SIZE == 0 && m.end % PAGE_SIZE == 0);
	CHECK(m.start <= m.zero_from && m.zero_from <= m.file_end);
	CHECK(m.start <= m.end && m.end <= TASK_SIZE_MAX && m.file_end <= TASK_SIZE_MAX);
	CHECK(m.file_end <= m.end || !s->p_filesz);
	CHECK(m.file_end == m.start || m.offset % PAGE_SIZE == 0);
	CHECK(m.file_end - m.zero_from < PAGE_SIZE);
}

static void mutations(void)
{
	for (unsigned int round = 0; round < 200000; round++) {
		unsigned int n = 1 + random_u64() % 3;
		/* Exactly as large as it must be, for the sanitizer. */
		struct elf64_segment *table = malloc(n * sizeof(*table));
		struct elf64_header header = sound_header;
		struct elf_extent extent;
		u64 *field;

		CHECK(table);
		memcpy(table, sound_table, n * sizeof(*table));
		header.e_phnum = n;
		for (unsigned int i = random_u64() % 6; i > 0; i--) {
			field = &table[random_u64() % n].p_offset;
			field[random_u64() % 6] = odd_number();
		}
		header.e_phoff = odd_number();
		elf_find_table(&header, table);
		if (!elf_find_extent(table, n, &extent))
			CHECK(extent.start <= extent.end && extent.end <= TASK_SIZE_MAX &&
			      extent.start % PAGE_SIZE == 0 && extent.end % PAGE_SIZE == 0);
		for (unsigned int i = 0; i < n; i++)
			check_plan(&table[i], ALIGN_DOWN(odd_number(), PAGE_SIZE));
		free(table);
	}
	tap_ok("elf: two hundred thousand images with fields changed at random");
}

int main(void)
{
	headers();
	properties();
	extents();
	segments();
	bad_segments();
	mutations();
	return tap_done();
}
