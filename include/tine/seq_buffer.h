/* Text that grows as it is printed (fs/seq_buffer.c), for the files of /proc. */
#ifndef TINE_SEQ_BUFFER_H
#define TINE_SEQ_BUFFER_H

#include <tine/types.h>

struct seq_buffer {
	char *text;
	size_t size, len;
	bool overflow; /* did not fit: the text is made again with more room */
};

void seq_printf(struct seq_buffer *m, const char *fmt, ...) __printf(2, 3);
void seq_puts(struct seq_buffer *m, const char *s);
void seq_write(struct seq_buffer *m, const void *bytes, size_t n);
/* With the characters in escape, and backslashes, as octal. */
void seq_escape(struct seq_buffer *m, const char *s, const char *escape);

#endif
