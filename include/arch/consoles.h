/*
 * The devices behind console.h (arch/x86_64/serial.c, vga.c, keyboard.c). Their callers keep each other
 * away.
 */
#pragma once

#include <tine/types.h>

/* The first serial port, at 115200 baud. False: there is none. */
bool serial_init(void);
void serial_write(const char *bytes, size_t n);
/* Received bytes from now on interrupt and go to tty_receive(). */
void serial_enable_input(void);

/* The text screen. False: there is none, or it is not in text mode. */
bool vga_init(void);
void vga_write(const char *bytes, size_t n);
/* A message of the kernel, whatever a program's output is in the middle of. */
void vga_write_message(const char *text, size_t n);
/* What the terminal answers to what was written; returns how many bytes. */
size_t vga_take_reply(char *to, size_t size);
/* Modes of the terminal that change what keys send. May be asked without the caller's lock. */
void vga_keyboard_modes(bool *cursor, bool *keypad);
/* The keyboard, if there is one: keys from now on interrupt and go to tty_receive(). */
void keyboard_enable(void);
