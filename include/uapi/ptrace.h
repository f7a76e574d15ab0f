/*
 * The registers of a task in the kernel, in Linux's x86-64 layout: what every way into the kernel
 * saves.
 */
#pragma once

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx;
	unsigned long r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long
		orig_ax; /* system call number; -1 for interrupts and traps, error code at first */
	unsigned long ip, cs, flags, sp, ss;
};
