/*
 * Output devices: where printk and the terminal write (arch/x86_64/serial.c and others register
 * themselves).
 */
#ifndef TINE_CONSOLE_H
#define TINE_CONSOLE_H

#include <tine/types.h>

/* console=name on the command line: output goes to it too. False: there is no such device. */
bool console_select(const char *name);
/*
 * Finds the devices and starts output on those selected (none selected: on all there are). After
 * the command line was read.
 */
void console_init(void);
/*
 * Before a panic's message, other CPUs stopped: makes output work whoever held the lock, and as
 * early as it may be.
 */
void console_panic(void);
/*
 * Writes raw bytes to the device(s) that console= chose; "\n" is sent as "\r\n" by the caller where
 * wanted. Any context; takes a lock inside so that lines do not mix.
 */
void console_write(const char *bytes, size_t n);
/* printk: the same with "\n" as "\r\n". */
void console_write_text(const char *text, size_t n);
/* Turns on the receive interrupt: bytes then arrive at tty_receive(). */
void console_enable_input(void);

#endif
