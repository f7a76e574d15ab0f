/* Symbols of linker.ld. */
#pragma once

extern char _stext[], _etext[], _srodata[], _erodata[], _sdata[], _edata[];
extern char __bss_start[], __bss_end[], _end[];
