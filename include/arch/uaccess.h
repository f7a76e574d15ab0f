/*
 * Single accesses to user memory from C, for arch/x86_64. The caller has checked that the address
 * is in user space.
 */
#pragma once

#include <tine/types.h>

/* asm.h's SMAP_SITE and EXCEPTION_FIXUP for inline assembly. */
#define SMAP_SITE_STRING(kind)                                     \
	"771: .byte 0x0f, 0x1f, 0x00\n\t"                          \
	".pushsection .smap_sites." #kind ", \"a\", @progbits\n\t" \
	".quad 771b\n\t"                                           \
	".popsection\n\t"
#define EXCEPTION_FIXUP_STRING(instruction, fixup)      \
	".pushsection __ex_table, \"a\", @progbits\n\t" \
	".balign 8\n\t"                                 \
	".quad " instruction ", " fixup "\n\t"          \
	".popsection\n\t"

static inline void user_access_begin(void)
{
	__asm__ volatile(SMAP_SITE_STRING(stac)::: "memory");
}

static inline void user_access_end(void)
{
	__asm__ volatile(SMAP_SITE_STRING(clac)::: "memory");
}

/* load_user_u64(), load_user_u8(). Between begin and end: *value = *address. False: it faulted. */
#define LOAD_USER(type, instruction)                                                 \
	static inline bool load_user_##type(type *value, const void __user *address) \
	{                                                                            \
		type v;                                                              \
		__asm__ goto("1: " instruction                                       \
			     " %1, %0\n\t" EXCEPTION_FIXUP_STRING("1b", "%l[fault]") \
			     : "=q"(v)                                               \
			     : "m"(*(const type *)address)                           \
			     :                                                       \
			     : fault);                                               \
		*value = v;                                                          \
		return true;                                                         \
fault:                                                                               \
		return false;                                                        \
	}
LOAD_USER(u64, "movq")
LOAD_USER(u8, "movb")
