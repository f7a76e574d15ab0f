/*
 * Text that grows as it is printed. Printing never allocates and never fails: what does not fit
 * sets overflow, and who owns the buffer then makes the text again in a larger one. So text may be
 * made under spinlocks.
 *
 * A text whose length depends on programs (mappings, mounts) is made in parts, as many items at a
 * time as fit, so that it needs no buffer of its own length.
 */
#include <tine/err.h>
#include <tine/fs.h>
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

void seq_pad(struct seq_buffer *m, size_t start, size_t length)
{
	while (m->len - start < length && !m->overflow)
		seq_write(m, " ", 1);
}

/* The name is made at the end of the room, and escapes may take no more than what is before it. */
void seq_file_name(struct seq_buffer *m, struct file *file)
{
	char *name = m->overflow ? NULL : file_path(file, m->text + m->len, m->size - m->len);

	if (!name || IS_ERR(name)) {
		m->overflow = true;
		return;
	}
	for (; *name && !m->overflow; name++) {
		if (*name != '\n')
			seq_write(m, name, 1);
		else if (m->text + m->len + 4 > name + 1)
			m->overflow = true;
		else
			seq_puts(m, "\\012");
	}
}

bool seq_next(struct seq_buffer *m, size_t start, u64 cursor)
{
	if (!m->overflow) {
		m->cursor = cursor;
		return true;
	}
	if (start > 0) {
		m->len = start;
		m->overflow = false;
		m->more = true;
	}
	return false;
}
