/* ELF64 executables, as far as exec reads them (System V ABI, object files; AMD64 supplement). */
#pragma once

#define ELF_MAGIC      "\177ELF"
#define ELF_MAGIC_SIZE 4

#define ET_EXEC   2
#define ET_DYN    3
#define EM_X86_64 62

#define PT_LOAD      1
#define PT_INTERP    3
#define PT_GNU_STACK 0x6474e551

#define PF_X 1
#define PF_W 2
#define PF_R 4

struct elf64_header {
	unsigned char e_ident[16];
	unsigned short e_type, e_machine;
	unsigned int e_version;
	unsigned long e_entry, e_phoff, e_shoff;
	unsigned int e_flags;
	unsigned short e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};

_Static_assert(sizeof(struct elf64_header) == 64, "Elf64_Ehdr");

struct elf64_segment {
	unsigned int p_type, p_flags;
	unsigned long p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
};

_Static_assert(sizeof(struct elf64_segment) == 56, "Elf64_Phdr");
