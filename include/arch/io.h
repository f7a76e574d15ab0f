/* I/O ports and memory-mapped device registers. */
#pragma once

#include <tine/types.h>

/* outb(), inb() and so on, by the width. */
#define PORT_IO(letter, type)                                                                   \
	static inline void out##letter(u16 port, type value)                                    \
	{                                                                                       \
		__asm__ volatile("out" #letter " %0, %1" ::"a"(value), "Nd"(port) : "memory");  \
	}                                                                                       \
	static inline type in##letter(u16 port)                                                 \
	{                                                                                       \
		type value;                                                                     \
		__asm__ volatile("in" #letter " %1, %0" : "=a"(value) : "Nd"(port) : "memory"); \
		return value;                                                                   \
	}
PORT_IO(b, u8)
PORT_IO(w, u16)
PORT_IO(l, u32)

static inline u32 mmio_read32(const volatile void *address)
{
	return *(const volatile u32 *)address;
}

static inline void mmio_write32(volatile void *address, u32 value)
{
	*(volatile u32 *)address = value;
}
