/* The vDSO as it was linked (arch/x86_64/vdso), for vdso.c. */
	.section .rodata, "a", @progbits
	.balign 8
	.globl vdso_image_start, vdso_image_end
vdso_image_start:
	.incbin VDSO_IMAGE
vdso_image_end:
