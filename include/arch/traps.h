/* Exceptions and interrupts (arch/x86_64/idt.c, traps.c, fault.c, entry.S). */
#pragma once

#define TRAP_DE  0
#define TRAP_DB  1
#define TRAP_NMI 2
#define TRAP_BP  3
#define TRAP_OF  4
#define TRAP_BR  5
#define TRAP_UD  6
#define TRAP_NM  7
#define TRAP_DF  8
#define TRAP_TS  10
#define TRAP_NP  11
#define TRAP_SS  12
#define TRAP_GP  13
#define TRAP_PF  14
#define TRAP_MF  16
#define TRAP_AC  17
#define TRAP_MC  18
#define TRAP_XM  19

/*
 * Interrupt vectors. Those of one group of 16 have one priority; the spurious one's low four bits
 * are ones.
 */
#define VECTOR_PIC        0x20 /* 16 vectors: where a stray one of the masked PICs would come */
#define VECTOR_SERIAL     0x30
#define VECTOR_KEYBOARD   0x31
#define VECTOR_TIMER      0xec
#define VECTOR_FLUSH      0xf1
#define VECTOR_RESCHEDULE 0xf2
#define VECTOR_SPURIOUS   0xff

/* Error code of a page fault. */
#define PF_PROTECTION 0x01
#define PF_WRITE      0x02
#define PF_USER       0x04
#define PF_RESERVED   0x08
#define PF_FETCH      0x10

#ifndef __ASSEMBLER__
#include <tine/types.h>

struct pt_regs;

/* What entry.S calls. error_code is 0 where the processor gives none. Interrupts are off. */
typedef void trap_handler(struct pt_regs *regs, unsigned long error_code);
trap_handler trap_divide_error, trap_debug, trap_nmi, trap_breakpoint, trap_overflow, trap_bounds;
trap_handler trap_invalid_opcode, trap_no_device, trap_double_fault, trap_invalid_tss;
trap_handler trap_segment_not_present, trap_stack_fault, trap_general_protection, trap_page_fault;
trap_handler trap_x87_error, trap_alignment, trap_machine_check, trap_simd_error;
trap_handler interrupt_serial, interrupt_keyboard, interrupt_timer, interrupt_flush;
trap_handler interrupt_reschedule, interrupt_stray, interrupt_spurious;
/* iretq refused the registers of current's pt_regs. */
trap_handler user_iret_fault;
/* The way out to user mode while current->work is not zero. Interrupts off, on return too. */
void exit_to_user(struct pt_regs *regs);

/* Builds the table that every CPU loads. */
void idt_init(void);
void idt_load(void);

/*
 * If regs->ip is an instruction with a fix-up (user copies, user FPU state): makes regs go on
 * there.
 */
bool fixup_exception(struct pt_regs *regs);
void extable_init(void);

/* Prints regs and panics; what says why. */
void die(const char *what, const struct pt_regs *regs) __noreturn __cold;

/* Records an exception of current for signal frames. */
void record_trap(unsigned long trap_number, unsigned long error_code);
#endif
