/*
 * What the headers of an ELF64 image ask for (kernel/elf_parse.c): pure functions of bytes that
 * nobody vouches for. Every result is in range: what does not fit is an error, and no sum wraps.
 */
#pragma once

#include <tine/err.h>
#include <tine/mm.h>
#include <tine/types.h>
#include <uapi/elf.h>

#define ELF_MAX_SEGMENTS (4096u / sizeof(struct elf64_segment))

/* 0, or -ENOEXEC: not for this processor, or its table of segments has an impossible size. */
int elf_check_header(const struct elf64_header *header);
/* It is an executable, of fixed or independent position; not an object file or a dump. */
bool elf_has_program_type(const struct elf64_header *header);

/* The first PT_INTERP, NULL if there is none. */
const struct elf64_segment *elf_find_interpreter(const struct elf64_segment *table, unsigned int n);
/* A PT_GNU_STACK asks for an executable stack. */
bool elf_wants_executable_stack(const struct elf64_segment *table, unsigned int n);

/* All of an image's PT_LOADs together. */
struct elf_extent {
	unsigned long start,
		end; /* page-aligned, as the file says, unbiased; both 0 if there is no PT_LOAD */
	unsigned long alignment; /* the largest that a PT_LOAD asks for, at least a page */
};

/* -EINVAL: a PT_LOAD that does not fit below the end of user space. */
int elf_find_extent(const struct elf64_segment *table, unsigned int n, struct elf_extent *extent);

/* One PT_LOAD in memory. bias is page-aligned. -EINVAL: file and memory do not fit each other, or the
 * whole does not fit below the end of user space. */
int elf_plan_segment(const struct elf64_segment *segment, unsigned long bias,
		     struct image_part *part);

/* Where the file's table of segments is in memory, unbiased: in the last PT_LOAD that holds it; 0
 * if none does. */
unsigned long elf_find_table(const struct elf64_header *header, const struct elf64_segment *table);
