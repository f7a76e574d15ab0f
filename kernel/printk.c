/*
 * Kernel messages: kept in a ring of bytes, the oldest overwritten, and shown on the console if
 * their level is below console_loglevel. A message is a line "<level>[seconds.microseconds] text",
 * as dmesg expects it. syslog(2) is in syslog.c.
 *
 * log_lock guards the ring and the line buffer, and keeps the console's lines in order; it is taken
 * in any context, so with interrupts off. Messages from before the console works are shown when it
 * does.
 */
#include <tine/console.h>
#include <tine/log.h>
#include <tine/printk.h>
#include <tine/spinlock.h>
#include <tine/time.h>

#define LINE_SIZE 1024

int console_printk[4] = {LOG_INFO, LOG_WARNING, LOG_ALERT, LOG_INFO};

static struct spinlock log_lock = SPINLOCK_INIT(LOCK_CLASS_LOG);
static char ring[LOG_RING_SIZE];
static u64 written;          /* bytes ever written; byte n is ring[n % LOG_RING_SIZE] */
static char line[LINE_SIZE]; /* the message being made */
static bool console_ready;

static void append(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ring[written++ % LOG_RING_SIZE] = text[i];
}

/* Shows line, of n bytes, without its "<level>". */
static void show(enum log_level level, size_t n)
{
	if (console_ready && (int)level < console_loglevel)
		console_write_text(line + 3, n - 3);
}

/* Makes line; returns its length. What is too long loses its end, but not its newline. */
static size_t format_line(enum log_level level, const char *fmt, va_list args)
{
	u64 now = arch_clock_ns();
	u64 seconds = now / NSEC_PER_SEC, microseconds = now % NSEC_PER_SEC / NSEC_PER_USEC;
	size_t n;

	n = snprintf(line, sizeof(line), "<%d>[%5lu.%06lu] ", level, seconds, microseconds);
	n += vsnprintf(line + n, sizeof(line) - n, fmt, args);
	if (n >= sizeof(line)) {
		n = sizeof(line) - 1;
		line[n - 1] = '\n';
	}
	return n;
}

void printk(enum log_level level, const char *fmt, ...)
{
	irq_state_t state = spin_lock_irqsave(&log_lock);
	va_list args;
	size_t n;

	va_start(args, fmt);
	n = format_line(level, fmt, args);
	va_end(args);
	append(line, n);
	show(level, n);
	spin_unlock_irqrestore(&log_lock, state);
}

u64 log_end(void)
{
	return __atomic_load_n(&written, __ATOMIC_ACQUIRE);
}

/* The beginning of the oldest whole line at or after from. log_lock held. */
static u64 line_start(u64 from)
{
	if (written <= LOG_RING_SIZE || from + LOG_RING_SIZE > written)
		return from;
	for (from = written - LOG_RING_SIZE; from < written; from++)
		if (ring[from % LOG_RING_SIZE] == '\n')
			return from + 1;
	return written;
}

size_t log_read(u64 *from, char *buf, size_t size)
{
	irq_state_t state = spin_lock_irqsave(&log_lock);
	size_t n = 0;

	*from = line_start(*from);
	while (n < size && *from < written)
		buf[n++] = ring[(*from)++ % LOG_RING_SIZE];
	spin_unlock_irqrestore(&log_lock, state);
	return n;
}

/* Copies the line at *from into line; returns its length. log_lock held. */
static size_t copy_line(u64 *from)
{
	size_t n = 0;

	while (*from < written && n < sizeof(line)) {
		line[n] = ring[(*from)++ % LOG_RING_SIZE];
		if (line[n++] == '\n')
			break;
	}
	return n;
}

void log_show_on_console(void)
{
	irq_state_t state = spin_lock_irqsave(&log_lock);
	u64 from = line_start(0);

	console_ready = true;
	while (from < written) {
		size_t n = copy_line(&from);

		show(line[1] - '0', n);
	}
	spin_unlock_irqrestore(&log_lock, state);
}

void log_panic(void)
{
	spin_lock_init(&log_lock, LOCK_CLASS_LOG);
	console_panic();
	console_loglevel = LOG_DEBUG + 1;
	if (!console_ready)
		log_show_on_console();
}
