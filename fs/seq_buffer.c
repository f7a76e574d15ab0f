/*
 * Text that grows as it is printed. Printing never allocates and never fails: what does not fit
 * sets overflow, and who owns the buffer then makes the text again in a larger one. So text may be
 * made under spinlocks.
 */
#include <tine/printk.h>
#include <tine/seq_buffer.h>
#include <tine/string.h>

void seq_write(struct seq_buffer *m, const void *bytes, size_t n)
{
	if (m->overflow || n > m->size - m->len) {
		m->overflow = true;
		return;
	}
	memcpy(m->text + m->len, bytes, n);
	m->len += n;
}

void seq_puts(struct seq_buffer *m, const char *s)
{
	seq_write(m, s, strlen(s));
}

void seq_printf(struct seq_buffer *m, const char *fmt, ...)
{
	size_t room = m->size - m->len;
	va_list args;
	size_t n;

	if (m->overflow)
		return;
	va_start(args, fmt);
	n = vsnprintf(m->text + m->len, room, fmt, args);
	va_end(args);
	if (n >= room)
		m->overflow = true;
	else
		m->len += n;
}

void seq_escape(struct seq_buffer *m, const char *s, const char *escape)
{
	for (; *s; s++) {
		if (*s == '\\' || strchr(escape, *s))
			seq_printf(m, "\\%03o", (unsigned char)*s);
		else
			seq_write(m, s, 1);
	}
}
