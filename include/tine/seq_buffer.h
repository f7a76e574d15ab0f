/* Text that grows as it is printed (fs/seq_buffer.c), for the files of /proc. */
#pragma once

#include <tine/types.h>

struct file;

struct seq_buffer {
	char *text;
	size_t size, len;
	bool overflow; /* did not fit: the text is made again with more room */
	u64 cursor;    /* where this part of the text begins, then where the next one does */
	bool more;     /* there is a next part */
};

void seq_printf(struct seq_buffer *m, const char *fmt, ...) __printf(2, 3);
void seq_puts(struct seq_buffer *m, const char *s);
void seq_write(struct seq_buffer *m, const void *bytes, size_t n);
/* With the characters in escape, and backslashes, as octal. */
void seq_escape(struct seq_buffer *m, const char *s, const char *escape);
/* Blanks until the text that began at start is that long. */
void seq_pad(struct seq_buffer *m, size_t start, size_t length);
/* The file's name as current sees it, newlines escaped. */
void seq_file_name(struct seq_buffer *m, struct file *file);
/*
 * For a text that comes in parts: an item was printed that began at start, and the next one is
 * cursor (what that means is the caller's). False if the part ends here: then the item, did it not
 * fit, was taken back and begins the next part.
 */
bool seq_next(struct seq_buffer *m, size_t start, u64 cursor);
