/* A new task's first instructions. */
#include <arch/asm.h>

	.text
/*
 * Where switch_stacks goes on in a new task: rax = the task that ran before; on the stack is the rest
 * of copy_thread's switch_frame, and right above it are pt_regs.
 */
FUNCTION(ret_from_fork)
	popq %rbp
	popq %rbx
	popq %r12
	movq %rax, %rdi
	call schedule_tail
	testq %rbx, %rbx
	jnz 1f
	call finish_fork
	jmp return_from_fork
1:	movq %rbx, %rdi
	movq %r12, %rsi
	call kernel_thread_main
	jmp return_from_fork
END(ret_from_fork)

	.section .note.GNU-stack, "", @progbits
