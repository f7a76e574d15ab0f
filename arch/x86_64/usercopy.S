/*
 * Copies between the kernel and user memory. A fault on a bad user address continues at the fix-up
 * given beside the instruction; what remains is then tried byte by byte, so that the count of bytes
 * not copied is exact. A word is loaded or stored whole or not at all. With SMAP, user memory is open to the kernel only between STAC and CLAC.
 */
#include <arch/asm.h>
#include <arch/page.h>

#define EFAULT 14

/* Goes to user_range_bad unless [\pointer, \pointer + rdx) is user space. */
.macro CHECK_USER_RANGE pointer
	movabsq $TASK_SIZE_MAX, %rax
	subq %rdx, %rax
	jb user_range_bad
	cmpq %rax, \pointer
	ja user_range_bad
.endm

	.text
/* size_t copy_from_user(void *dst, const void *src, size_t n) */
FUNCTION(copy_from_user)
	CHECK_USER_RANGE %rsi
	jmp user_copy
END(copy_from_user)

/* size_t copy_to_user(void *dst, const void *src, size_t n) */
FUNCTION(copy_to_user)
	CHECK_USER_RANGE %rdi
user_copy:
	STAC
	cmpq $8, %rdx
	jb 7f
	jne 3f
1:	movq (%rsi), %rax
2:	movq %rax, (%rdi)
	CLAC
	xorl %eax, %eax
	ret
3:	movq %rdx, %rcx
	shrq $3, %rcx
	andl $7, %edx
4:	rep movsq
7:	movl %edx, %ecx
5:	rep movsb
	CLAC
	xorl %eax, %eax
	ret

copy_word_fault:
	movl $8, %ecx
	jmp 6f
copy_words_fault:
	leaq (%rdx, %rcx, 8), %rcx
6:	rep movsb
copy_bytes_fault:
	CLAC
	movq %rcx, %rax
	ret
	EXCEPTION_FIXUP(1b, copy_word_fault)
	EXCEPTION_FIXUP(2b, copy_word_fault)
	EXCEPTION_FIXUP(4b, copy_words_fault)
	EXCEPTION_FIXUP(5b, copy_bytes_fault)
	EXCEPTION_FIXUP(6b, copy_bytes_fault)
END(copy_to_user)

user_range_bad:
	movq %rdx, %rax
	ret

/* size_t clear_user(void *dst, size_t n) */
FUNCTION(clear_user)
	movq %rsi, %rdx
	CHECK_USER_RANGE %rdi
	STAC
	xorl %eax, %eax
	movq %rdx, %rcx
	shrq $3, %rcx
	andl $7, %edx
1:	rep stosq
	movl %edx, %ecx
2:	rep stosb
	CLAC
	ret

clear_words_fault:
	leaq (%rdx, %rcx, 8), %rcx
3:	rep stosb
clear_bytes_fault:
	CLAC
	movq %rcx, %rax
	ret
	EXCEPTION_FIXUP(1b, clear_words_fault)
	EXCEPTION_FIXUP(2b, clear_bytes_fault)
	EXCEPTION_FIXUP(3b, clear_bytes_fault)
END(clear_user)

/*
 * int user_load_u32(u32 *to, const u32 *from), int user_store_u32(u32 *to, const u32 *from); u64
 * likewise
 */
.macro USER_WORD bits, word
FUNCTION(user_load_u\bits)
	movabsq $(TASK_SIZE_MAX - \bits / 8), %rax
	cmpq %rax, %rsi
	ja atomic_bad
	STAC
1:	mov (%rsi), \word
	mov \word, (%rdi)
	CLAC
	xorl %eax, %eax
	ret
	EXCEPTION_FIXUP(1b, atomic_fault)
END(user_load_u\bits)

FUNCTION(user_store_u\bits)
	movabsq $(TASK_SIZE_MAX - \bits / 8), %rax
	cmpq %rax, %rdi
	ja atomic_bad
	STAC
	mov (%rsi), \word
1:	mov \word, (%rdi)
	CLAC
	xorl %eax, %eax
	ret
	EXCEPTION_FIXUP(1b, atomic_fault)
END(user_store_u\bits)
.endm

USER_WORD 32, %eax
USER_WORD 64, %rax

/* int user_cmpxchg_u32(u32 *ptr, u32 expected, u32 new, u32 *old) */
FUNCTION(user_cmpxchg_u32)
	movabsq $(TASK_SIZE_MAX - 4), %rax
	cmpq %rax, %rdi
	ja atomic_bad
	movl %esi, %eax
	STAC
1:	lock cmpxchgl %edx, (%rdi)
	CLAC
	movl %eax, (%rcx)
	xorl %eax, %eax
	ret
	EXCEPTION_FIXUP(1b, atomic_fault)
END(user_cmpxchg_u32)

/* int user_xchg_u32(u32 *ptr, u32 new, u32 *old) */
FUNCTION(user_xchg_u32)
	movabsq $(TASK_SIZE_MAX - 4), %rax
	cmpq %rax, %rdi
	ja atomic_bad
	STAC
1:	xchgl %esi, (%rdi)
	CLAC
	movl %esi, (%rdx)
	xorl %eax, %eax
	ret
	EXCEPTION_FIXUP(1b, atomic_fault)
END(user_xchg_u32)

/* int user_add_u32(u32 *ptr, u32 n, u32 *old) */
FUNCTION(user_add_u32)
	movabsq $(TASK_SIZE_MAX - 4), %rax
	cmpq %rax, %rdi
	ja atomic_bad
	STAC
1:	lock xaddl %esi, (%rdi)
	CLAC
	movl %esi, (%rdx)
	xorl %eax, %eax
	ret
	EXCEPTION_FIXUP(1b, atomic_fault)
END(user_add_u32)

atomic_fault:
	CLAC
atomic_bad:
	movl $-EFAULT, %eax
	ret

	.section .note.GNU-stack, "", @progbits
