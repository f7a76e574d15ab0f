/*
 * The output devices behind console.h (arch/x86_64/serial.c, vga.c). Their callers keep each other
 * away.
 */
#ifndef ARCH_CONSOLES_H
#define ARCH_CONSOLES_H

#include <tine/types.h>

/* The first serial port, at 115200 baud. False: there is none. */
bool serial_init(void);
void serial_write(const char *bytes, size_t n);
/* Received bytes from now on interrupt and go to tty_receive(). */
void serial_enable_input(void);

/* The text screen. False: there is none, or it is not in text mode. */
bool vga_init(void);
void vga_write(const char *bytes, size_t n);

#endif
