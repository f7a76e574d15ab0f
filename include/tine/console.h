/*
 * The devices that kernel messages and the terminals of fs/dev/tty.c are on (arch/x86_64/console.c
 * has the table of them).
 */
#pragma once

#include <tine/types.h>

enum console_id { CONSOLE_SERIAL, CONSOLE_SCREEN, CONSOLE_COUNT };

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
bool console_present(enum console_id id);
/* What /dev/console is: the last one that console= named; without it the screen, if there is one. */
enum console_id console_preferred(void);
/*
 * Writes raw bytes to a device; takes a lock inside so that lines do not mix. Nothing if it is not
 * there. What a terminal answers arrives at tty_receive().
 */
void console_write(enum console_id id, const char *bytes, size_t n);
/* printk: to those that console= chose, "\n" as "\r\n". */
void console_write_text(const char *text, size_t n);
/* Turns on the receive interrupts: bytes then arrive at tty_receive(). */
void console_enable_input(void);
/* From a driver: what came (fs/dev/tty.c). Any context. */
void tty_receive(enum console_id id, const char *bytes, size_t n);
