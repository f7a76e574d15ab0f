/*
 * The registers in a signal frame (Linux x86-64 layout; a program may read and change them before
 * sigreturn).
 */
#pragma once

struct sigcontext {
	unsigned long r8, r9, r10, r11, r12, r13, r14, r15;
	unsigned long di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	unsigned short cs, gs, fs, ss; /* gs and fs are zero and not restored: their bases stay */
	unsigned long err, trapno;     /* of the last fault */
	unsigned long oldmask;
	unsigned long cr2;
	unsigned long fpstate; /* user address of what include/arch/fpu.h describes; 0: none */
	unsigned long reserved[8];
};

_Static_assert(sizeof(struct sigcontext) == 256, "struct sigcontext is 256 bytes");
