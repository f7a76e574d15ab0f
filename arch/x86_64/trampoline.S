/*
 * Where another CPU starts: in real mode at the beginning of a page below 1 MiB, to which smp.c
 * copies this. It goes to long mode in one step with the boot CPU's first page tables (Intel SDM
 * volume 3, section 9.8.5); nothing here depends on where the page is.
 */
#include <arch/asm.h>
#include <arch/msr.h>
#include <arch/page.h>
#include <arch/segments.h>

	.section .rodata
	.globl trampoline_start, trampoline_end
	.code16
trampoline_start:
	cli
	cld
	movw %cs, %ax
	movw %ax, %ds
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $(boot_root - KERNEL_IMAGE_BASE), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $(EFER_LME | EFER_NXE), %eax
	wrmsr
	lgdtl gdt_pointer - trampoline_start
	movl $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
	movl %eax, %cr0
	ljmpl $KERNEL_CS, $secondary_boot_64
gdt_pointer:
	.word 4 * 8 - 1
	.long boot_gdt
trampoline_end:

	.section .note.GNU-stack, "", @progbits
