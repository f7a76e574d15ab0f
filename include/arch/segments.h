/*
 * Segment selectors and RFLAGS bits; for assembly too. The selectors are Linux's, since programs
 * see them.
 */
#pragma once

#define KERNEL_CS    0x10
#define KERNEL_DS    0x18
#define USER_BASE_CS 0x23 /* what sysret counts from; no descriptor: there is no 32-bit user code */
#define USER_DS      0x2b
#define USER_CS      0x33
#define TSS_SELECTOR 0x40
#define GDT_ENTRIES  16

/* A segment whose limit is the CPU's number: where programs find it (lsl). */
#define CPU_NUMBER_SELECTOR 0x7b

#define FLAGS_CF    0x00000001
#define FLAGS_FIXED 0x00000002 /* always one */
#define FLAGS_PF    0x00000004
#define FLAGS_AF    0x00000010
#define FLAGS_ZF    0x00000040
#define FLAGS_SF    0x00000080
#define FLAGS_TF    0x00000100
#define FLAGS_IF    0x00000200
#define FLAGS_DF    0x00000400
#define FLAGS_OF    0x00000800
#define FLAGS_IOPL  0x00003000
#define FLAGS_NT    0x00004000
#define FLAGS_RF    0x00010000
#define FLAGS_AC    0x00040000
#define FLAGS_ID    0x00200000

/* Cleared by the syscall instruction. */
#define FLAGS_SYSCALL_MASK                                                                       \
	(FLAGS_CF | FLAGS_PF | FLAGS_AF | FLAGS_ZF | FLAGS_SF | FLAGS_TF | FLAGS_IF | FLAGS_DF | \
	 FLAGS_OF | FLAGS_IOPL | FLAGS_NT | FLAGS_RF | FLAGS_AC | FLAGS_ID)
