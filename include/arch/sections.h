/* Symbols of linker.ld. */
#ifndef ARCH_SECTIONS_H
#define ARCH_SECTIONS_H

extern char _stext[], _etext[], _srodata[], _erodata[], _sdata[], _edata[];
extern char __bss_start[], __bss_end[], _end[];

#endif
