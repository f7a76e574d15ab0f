/*
 * The first instructions. Both loaders leave a processor in 32-bit protected mode without paging:
 * GRUB at _start with eax = the Multiboot2 magic and ebx = its information (Multiboot2, section
 * 3.3), QEMU and Xen at pvh_start with ebx = struct hvm_start_info (Xen's docs/misc/pvh.pandoc).
 * From there: page tables that map the first 4 GiB three times (where it is, as the direct map, and
 * its first GiB as the kernel image), long mode, a stack, the per-CPU pointer, boot_main(magic,
 * info).
 *
 * The other CPUs come from trampoline.S through secondary_start with the same tables.
 */
#include <arch/asm.h>
#include <arch/boot_magic.h>
#include <arch/msr.h>
#include <arch/page.h>
#include <arch/segments.h>

#define PHYS(symbol) ((symbol) - KERNEL_IMAGE_BASE)
#define PTE_TABLE 0x03	/* present, writable */
#define PTE_2M 0x83	/* and large */
#define ROOT_INDEX(address) (((address) >> 39) & 511)

	.section .boot.header, "a", @progbits
	.balign 8
multiboot2_header:
	.long MULTIBOOT2_HEADER_MAGIC
	.long 0 /* i386 protected mode */
	.long multiboot2_header_end - multiboot2_header
	.long -(MULTIBOOT2_HEADER_MAGIC + (multiboot2_header_end - multiboot2_header))
	/* entry address */
	.word 3, 0
	.long 12
	.long _start
	.balign 8
	/* modules start at a page */
	.word 6, 0
	.long 8
	/* end */
	.word 0, 0
	.long 8
multiboot2_header_end:

	.section .note.pvh, "a", @note
	.balign 4
	.long 4, 8, 18 /* sizes of name and value; XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.quad pvh_start

	.section .boot, "ax", @progbits
	.code32
	.globl _start
pvh_start:
	movl $PVH_MAGIC, %eax
_start:
	cli
	cld
	movl $PHYS(boot_stack + STACK_SIZE), %esp
	movl %eax, %ebp
	movl %ebx, %esi

	movl $0x80000000, %eax
	cpuid
	cmpl $0x80000001, %eax
	jb not_x86_64
	movl $0x80000001, %eax
	cpuid
	andl $(1 << 29 | 1 << 20), %edx /* long mode, NX */
	cmpl $(1 << 29 | 1 << 20), %edx
	jne not_x86_64

	call make_page_tables
	call enter_long_mode
	ljmp $KERNEL_CS, $boot_64

/* Four tables of 2 MiB pages for the first 4 GiB, and the ways to them. The memory is zero. */
make_page_tables:
	movl $PHYS(boot_pd), %edi
	movl $PTE_2M, %eax
1:	movl %eax, (%edi)
	addl $8, %edi
	addl $0x200000, %eax
	jnc 1b

	movl $PHYS(boot_pd + PTE_TABLE), %eax
	movl %eax, PHYS(boot_pdpt_image + 510 * 8)
	movl $PHYS(boot_pdpt), %edi
	movl $4, %ecx
1:	movl %eax, (%edi)
	addl $8, %edi
	addl $4096, %eax
	loop 1b

	movl $PHYS(boot_pdpt + PTE_TABLE), PHYS(boot_root)
	movl $PHYS(boot_pdpt + PTE_TABLE), PHYS(boot_root + ROOT_INDEX(DIRECT_MAP_BASE) * 8)
	movl $PHYS(boot_pdpt_image + PTE_TABLE), PHYS(boot_root + ROOT_INDEX(KERNEL_IMAGE_BASE) * 8)
	ret

enter_long_mode:
	movl $CR4_PAE, %eax
	movl %eax, %cr4
	movl $PHYS(boot_root), %eax
	movl %eax, %cr3
	movl $MSR_EFER, %ecx
	rdmsr
	orl $(EFER_LME | EFER_NXE), %eax
	wrmsr
	lgdt boot_gdt_pointer
	movl $(CR0_PG | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE), %eax
	movl %eax, %cr0
	ret

/* Says so on the serial line and on the screen, as far as they are there. */
not_x86_64:
	movl $not_x86_64_message, %esi
	movl $0xb8000, %edi
	movb $0x07, %ah
1:	lodsb
	testb %al, %al
	jz 2f
	stosw
	movw $0x3f8, %dx
	outb %al, %dx
	jmp 1b
2:	hlt
	jmp 2b

not_x86_64_message:
	.asciz "Tine needs a 64-bit x86 processor with NX.\r\n"

	.code64
boot_64:
	movq $start_64, %rax
	jmp *%rax

/* From the trampoline, in long mode with this file's tables and GDT. */
	.globl secondary_boot_64
secondary_boot_64:
	movq $secondary_start, %rax
	jmp *%rax

	.balign 8
	.globl boot_gdt
boot_gdt:
	.quad 0, 0
	.quad 0x00af9b000000ffff /* KERNEL_CS: 64-bit code */
	.quad 0x00cf93000000ffff /* KERNEL_DS */
boot_gdt_end:
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long boot_gdt

	.text
.macro NULL_SEGMENTS
	xorl %eax, %eax
	movl %eax, %ds
	movl %eax, %es
	movl %eax, %fs
	movl %eax, %gs
	movl $KERNEL_DS, %eax
	movl %eax, %ss
.endm

/* GS to the struct cpu at \cpu. */
.macro SET_GS_BASE cpu
	movl $MSR_GS_BASE, %ecx
	movq \cpu, %rdx
	movl %edx, %eax
	shrq $32, %rdx
	wrmsr
.endm

/* ebp: magic, esi: information. The canary must be there before the first C function. */
FUNCTION(start_64)
	NULL_SEGMENTS
	movq $(boot_stack + STACK_SIZE), %rsp
	SET_GS_BASE $boot_cpu
	rdtsc
	shlq $32, %rax
	addq %rdx, %rax
	movabsq $0x9e3779b97f4a7c15, %rcx
	imulq %rcx, %rax
	xorb %al, %al
	movq %rax, %gs:CPU_CANARY
	movl %ebp, %edi
	xorl %ebp, %ebp
	call boot_main
	ud2
END(start_64)

/*
 * Finds the CPU's struct and stack by its local APIC number. The stack is not in the first tables.
 */
FUNCTION(secondary_start)
	NULL_SEGMENTS
	movq kernel_root, %rax
	movq %rax, %cr3
	movl $1, %eax
	cpuid
	shrl $24, %ebx
	movq secondary_cpus(, %rbx, 8), %rdi
	movq CPU_KERNEL_SP(%rdi), %rsp
	movq %rdi, %rbx
	SET_GS_BASE %rdi
	movq %rbx, %rdi
	xorl %ebp, %ebp
	call secondary_cpu_main
	ud2
END(secondary_start)

	.section .bss.page_aligned, "aw", @nobits
	.balign 4096
	.globl boot_root
boot_root:
	.skip 4096
boot_pdpt:
	.skip 4096
boot_pdpt_image:
	.skip 4096
boot_pd:
	.skip 4 * 4096
	.globl boot_stack_guard, boot_stack
boot_stack_guard:
	.skip 4096
boot_stack:
	.skip STACK_SIZE

	.section .note.GNU-stack, "", @progbits
