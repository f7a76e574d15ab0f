/* From one kernel stack to another, and a new task's first instructions. */
#include <arch/asm.h>

	.text
/*
 * struct task_struct *switch_stacks(u64 *prev_sp, u64 next_sp, struct task_struct *prev): keeps the
 * registers that a C function must keep on this stack, goes on with next's, and returns prev there,
 * since next's idea of who ran before it is old.
 */
FUNCTION(switch_stacks)
	pushq %rbx
	pushq %rbp
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp, (%rdi)
	movq %rsi, %rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbp
	popq %rbx
	movq %rdx, %rax
	ret
END(switch_stacks)

/*
 * Where switch_stacks returns to in a new task: rax = the task that ran before, rbx = a kernel
 * thread's function or 0, r12 = its argument (copy_thread's switch_frame). pt_regs lie right above.
 */
FUNCTION(ret_from_fork)
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
