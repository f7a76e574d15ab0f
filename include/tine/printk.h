/*
 * Kernel messages. The first argument's level decides whether the console shows it (loglevel= on
 * the command line).
 */
#pragma once

#include <stdarg.h>
#include <tine/types.h>

enum log_level {
	LOG_EMERG,
	LOG_ALERT,
	LOG_CRIT,
	LOG_ERR,
	LOG_WARNING,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG,
};

/*
 * Messages below this level reach the console; 6 unless quiet (4) or loglevel= says otherwise. So
 * loglevel=7 adds the kernel's explanations (LOG_INFO): why it refused a clone, which system call
 * it lacks.
 */
extern int console_printk[4];
#define console_loglevel         (console_printk[0])
#define minimum_console_loglevel (console_printk[2]) /* syslog(2) goes no lower */

/* Is an explanation worth making? */
static inline bool log_explains(void)
{
	return console_loglevel > LOG_INFO;
}

/*
 * Formats and prints one line (the newline is in the format). Any context, interrupts included.
 * Understands %d %i %u %o %x %X %c %s %p %% with flags - 0 + space #, width, precision, * and h hh
 * l ll z.
 */
void printk(enum log_level level, const char *fmt, ...) __printf(2, 3);

/* As C's; return the length that the whole text would have had. */
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);

/*
 * Stops the machine: message, registers where there are any, backtrace with function names, the
 * other CPUs halted; then reboots or stops as panic= says. Never returns.
 */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn __cold;

#ifdef TINE_HOST_TEST
#include <assert.h>
#define ASSERT(cond) assert(cond)
#else
/*
 * A condition that only a bug in the kernel can break: never something that a user program chooses.
 */
#define ASSERT(cond)                                                                      \
	do {                                                                              \
		if (unlikely(!(cond)))                                                    \
			panic("assertion failed: %s (%s:%d)", #cond, __FILE__, __LINE__); \
	} while (0)
#endif
