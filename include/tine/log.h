/* The kept kernel messages (kernel/printk.c), for syslog(2), boot and panic. */
#pragma once

#include <tine/types.h>

#define LOG_RING_SIZE (64 * 1024ul)

/* How many bytes of messages there have been: the position behind the newest. */
u64 log_end(void);
/*
 * Copies at most size bytes of messages from position *from, or from the oldest whole line that is
 * left after it, and moves *from behind them. Returns how many.
 */
size_t log_read(u64 *from, char *buf, size_t size);

/* The console works: shows what it has missed, and from now on everything. */
void log_show_on_console(void);
/*
 * Before a panic's message, other CPUs stopped: shows everything from now on, whoever held the
 * lock.
 */
void log_panic(void);
