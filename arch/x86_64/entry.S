/*
 * Every way into the kernel and out of it.
 *
 * Whatever the way in, a whole struct pt_regs ends up on the stack, the user's register values are
 * cleared from all registers that C code would carry around, but for a system call's arguments, GS
 * points at this CPU's struct x86_cpu, and DF and AC are clear. From user mode the stack is the
 * task's kernel stack and pt_regs lies at its very top (task_pt_regs). rbp is zero after an entry
 * from user mode, which ends backtraces; from the kernel it stays, so that a backtrace goes through
 * the interrupt.
 *
 * The way out to user mode turns interrupts off, does whatever current->work asks for (exit_to_user
 * in traps.c), and returns: by sysret if the registers are as a system call left them, else by
 * iretq. sysret cannot set rcx and r11 apart from ip and flags. Who replaces saved registers says
 * so by TIF_REGS_CHANGED, so that a system call without work need not look; but one thing is always
 * looked at, since it would let a program take over the kernel: sysret to an ip that is not
 * canonical faults in kernel mode, on the user's stack. iretq faults for a bad ip, cs or ss too;
 * that is recognised by its address and becomes the program's own fault (bad_iret).
 *
 * NMI, double fault and machine check may hit anywhere, even where GS is still the user's: they
 * have stacks of their own, whose top word names the CPU, and put back the GS base they found.
 */
#include <arch/asm.h>
#include <arch/msr.h>
#include <arch/segments.h>

.macro PUSH_REGISTERS ax=%rax
	pushq %rdi
	pushq %rsi
	pushq %rdx
	pushq %rcx
	pushq \ax
	pushq %r8
	pushq %r9
	pushq %r10
	pushq %r11
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
.endm

/*
 * All but rax and those that pass arguments. rbx is not cleared but becomes current, for
 * USER_WORK_TEST: C functions keep it.
 */
.macro CLEAR_OTHER_REGISTERS
	xorl %r10d, %r10d
	xorl %r11d, %r11d
	movq %gs:CPU_CURRENT, %rbx
	xorl %ebp, %ebp
	xorl %r12d, %r12d
	xorl %r13d, %r13d
	xorl %r14d, %r14d
	xorl %r15d, %r15d
.endm

/* All but rdi, rsi (which get arguments) and rax. */
.macro CLEAR_REGISTERS
	xorl %edx, %edx
	xorl %ecx, %ecx
	xorl %r8d, %r8d
	xorl %r9d, %r9d
	CLEAR_OTHER_REGISTERS
.endm

/* All but rsp, leaving orig_ax on top. */
.macro POP_REGISTERS
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	popq %r11
	popq %r10
	popq %r9
	popq %r8
	popq %rax
	popq %rcx
	popq %rdx
	popq %rsi
	popq %rdi
.endm

/*
 * The arguments of a C handler: regs, and the error code if the processor gave one. orig_ax becomes
 * -1: no system call.
 */
.macro HANDLER_ARGUMENTS has_error
	movq %rsp, %rdi
	.if \has_error
	movq PT_ORIG_AX(%rsp), %rsi
	movq $-1, PT_ORIG_AX(%rsp)
	.else
	xorl %esi, %esi
	.endif
.endm

/* Is there something to do before user mode? rbx = current. */
.macro USER_WORK_TEST
	cmpl $0, TASK_WORK(%rbx)
.endm

	.text
/*
 * The syscall instruction: rcx = ip, r11 = flags, interrupts off by MSR_SYSCALL_MASK.
 */
FUNCTION(syscall_entry)
	swapgs
	movq %rsp, %gs:CPU_USER_SP
	movq %gs:CPU_KERNEL_SP, %rsp
	pushq $USER_DS
	pushq %gs:CPU_USER_SP
	pushq %r11
	pushq $USER_CS
	pushq %rcx
	pushq %rax
	PUSH_REGISTERS $-38 /* ENOSYS, for who looks before the call is done */
	/* The arguments stay where a C function looks for them, but for the fourth. */
	movq %r10, %rcx
	CLEAR_OTHER_REGISTERS
	/* The upper half of rax says nothing. No branch: speculation stays in the table too. */
	cmpl $SYSCALL_LIMIT, %eax
	cmovael syscall_limit(%rip), %eax
	sti
	call *syscall_table(, %rax, 8)
	cli
	USER_WORK_TEST
	jne syscall_work
syscall_leave:
	movq PT_IP(%rsp), %rcx
	movq PT_FLAGS(%rsp), %r11
	cmpl $0x7fff, PT_IP + 4(%rsp)
	ja syscall_leave_by_iret
	testl $FLAGS_TF, %r11d /* sysret would trap an instruction sooner than Linux does */
	jnz syscall_leave_by_iret
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	movq PT_R10 - PT_R11(%rsp), %r10
	movq PT_R9 - PT_R11(%rsp), %r9
	movq PT_R8 - PT_R11(%rsp), %r8
	movq PT_DX - PT_R11(%rsp), %rdx
	movq PT_SI - PT_R11(%rsp), %rsi
	movq PT_DI - PT_R11(%rsp), %rdi
	movq PT_SP - PT_R11(%rsp), %rsp
	swapgs
	sysretq

syscall_leave_by_iret:
	movq %rax, PT_AX(%rsp)
	jmp leave_by_iret

syscall_work:
	movq %rax, PT_AX(%rsp)
syscall_work_again:
	movq %rsp, %rdi
	call exit_to_user
	movq PT_AX(%rsp), %rax
	movq PT_IP(%rsp), %rcx
	movq PT_FLAGS(%rsp), %r11
	cmpq %rcx, PT_CX(%rsp)
	jne leave_by_iret
	cmpq %r11, PT_R11(%rsp)
	jne leave_by_iret
	cmpl $USER_CS, PT_CS(%rsp)
	jne leave_by_iret
	cmpl $USER_DS, PT_SS(%rsp)
	jne leave_by_iret
	testl $(FLAGS_TF | FLAGS_RF), %r11d
	jnz leave_by_iret
	jmp syscall_leave

/* A new task's way out: pt_regs were copied from a system call, or made by exec. */
	.globl return_from_fork
return_from_fork:
	cli
	movq %gs:CPU_CURRENT, %rbx
	USER_WORK_TEST
	jne syscall_work_again
	movq PT_AX(%rsp), %rax
	jmp syscall_leave
END(syscall_entry)

/* Back to user mode after an interrupt or exception. rbx = current. */
FUNCTION(return_to_user)
	cli
	USER_WORK_TEST
	je leave_by_iret
	movq %rsp, %rdi
	call exit_to_user
leave_by_iret:
	POP_REGISTERS
	addq $8, %rsp
	swapgs
	.globl iret_to_user
iret_to_user:
	iretq
END(return_to_user)

FUNCTION(return_to_kernel)
	cli
	POP_REGISTERS
	addq $8, %rsp
	iretq
END(return_to_kernel)

/*
 * iretq to user mode faulted, on the task's stack, with GS the user's and every register the
 * user's: the exception's frame lies below the five words that iretq refused. They are the end of a
 * pt_regs; its rest is made again, and the fault is the user's.
 */
FUNCTION(bad_iret)
	swapgs
	popq %gs:CPU_USER_SP
	movq PT_SP - PT_IP(%rsp), %rsp
	pushq $-1
	PUSH_REGISTERS
	movq %rsp, %rdi
	movq %gs:CPU_USER_SP, %rsi
	CLEAR_REGISTERS
	call user_iret_fault
	jmp return_to_user
END(bad_iret)

/*
 * entry NAME, HANDLER: calls HANDLER(regs, error code). may_be_iret: the kinds of fault that iretq
 * raises.
 */
.macro ENTRY name, handler, has_error=0, may_be_iret=0
FUNCTION(\name)
	CLAC
	cld
	.ifeq \has_error
	pushq $-1
	.endif
	testb $3, PT_CS - PT_ORIG_AX(%rsp)
	jz 1f
	swapgs
	PUSH_REGISTERS
	HANDLER_ARGUMENTS \has_error
	CLEAR_REGISTERS
	call \handler
	jmp return_to_user
1:
	.if \may_be_iret
	cmpq $iret_to_user, PT_IP - PT_ORIG_AX(%rsp)
	je bad_iret
	.endif
	PUSH_REGISTERS
	HANDLER_ARGUMENTS \has_error
	call \handler
	jmp return_to_kernel
END(\name)
.endm

/* The same on a stack of its own, from any state. */
.macro ENTRY_IST name, handler, has_error=0
FUNCTION(\name)
	CLAC
	cld
	.ifeq \has_error
	pushq $-1
	.endif
	PUSH_REGISTERS
	movl $MSR_GS_BASE, %ecx
	rdmsr
	movl %eax, %ebx
	shlq $32, %rdx
	orq %rdx, %rbx
	movq %rsp, %rax
	andq $-IST_STACK_SIZE, %rax
	movq IST_STACK_CPU(%rax), %rax
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	HANDLER_ARGUMENTS \has_error
	call \handler
	movl $MSR_GS_BASE, %ecx
	movl %ebx, %eax
	movq %rbx, %rdx
	shrq $32, %rdx
	wrmsr
	POP_REGISTERS
	addq $8, %rsp
	iretq
END(\name)
.endm

ENTRY entry_divide_error, trap_divide_error
ENTRY entry_debug, trap_debug
ENTRY_IST entry_nmi, trap_nmi
ENTRY entry_breakpoint, trap_breakpoint
ENTRY entry_overflow, trap_overflow
ENTRY entry_bounds, trap_bounds
ENTRY entry_invalid_opcode, trap_invalid_opcode
ENTRY entry_no_device, trap_no_device
ENTRY_IST entry_double_fault, trap_double_fault, 1
ENTRY entry_invalid_tss, trap_invalid_tss, 1
ENTRY entry_segment_not_present, trap_segment_not_present, 1, 1
ENTRY entry_stack_fault, trap_stack_fault, 1, 1
ENTRY entry_general_protection, trap_general_protection, 1, 1
ENTRY entry_page_fault, trap_page_fault, 1
ENTRY entry_x87_error, trap_x87_error
ENTRY entry_alignment, trap_alignment, 1
ENTRY_IST entry_machine_check, trap_machine_check
ENTRY entry_simd_error, trap_simd_error

ENTRY entry_serial, interrupt_serial
ENTRY entry_keyboard, interrupt_keyboard
ENTRY entry_timer, interrupt_timer
ENTRY entry_flush, interrupt_flush
ENTRY entry_reschedule, interrupt_reschedule
ENTRY entry_stray, interrupt_stray
ENTRY entry_spurious, interrupt_spurious

	.section .rodata
	.balign 4
syscall_limit:
	.long SYSCALL_LIMIT

	.section .note.GNU-stack, "", @progbits
