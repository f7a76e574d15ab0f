/* For assembly: offsets into C structs (checked in arch/x86_64/offsets.c) and small macros. */
#pragma once

#define CPU_SELF      0
#define CPU_CURRENT   8
#define CPU_KERNEL_SP 16
#define CPU_USER_SP   24
#define CPU_CANARY    40

#define TASK_WORK 0

#define STACK_SIZE 8192

#define SYSCALL_LIMIT 512

#define FEATURE_AVX 8

#define PT_R15     0
#define PT_R14     8
#define PT_R13     16
#define PT_R12     24
#define PT_BP      32
#define PT_BX      40
#define PT_R11     48
#define PT_R10     56
#define PT_R9      64
#define PT_R8      72
#define PT_AX      80
#define PT_CX      88
#define PT_DX      96
#define PT_SI      104
#define PT_DI      112
#define PT_ORIG_AX 120
#define PT_IP      128
#define PT_CS      136
#define PT_FLAGS   144
#define PT_SP      152
#define PT_SS      160
#define PT_SIZE    168

#define IST_STACK_SIZE 4096
#define IST_STACK_CPU  4080 /* from the bottom */

#ifdef __ASSEMBLER__
/* clang-format off */
#define FUNCTION(name)                                                                             \
	.globl name;                                                                               \
	.type name, @function;                                                                     \
	.balign 16;                                                                                \
	name:
#define END(name) .size name, .- name

/* A fault at instruction goes on at fixup. */
#define EXCEPTION_FIXUP(instruction, fixup)                                                        \
	.pushsection __ex_table, "a", @progbits;                                                   \
	.balign 8;                                                                                 \
	.quad instruction, fixup;                                                                  \
	.popsection

/*
 * Places where stac or clac goes if the processor has SMAP: three bytes of nothing until
 * cpufeature.c patches them.
 */
#define SMAP_SITE(kind)                                                                            \
	771:.byte 0x0f, 0x1f, 0x00;                                                                \
	.pushsection .smap_sites.kind, "a", @progbits;                                             \
	.quad 771b;                                                                                \
	.popsection
#define STAC SMAP_SITE(stac)
#define CLAC SMAP_SITE(clac)
/* clang-format on */
#endif
