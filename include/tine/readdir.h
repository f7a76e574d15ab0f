/* Reading directories: what a readdir operation fills (fs/readdir.c). */
#pragma once

#include <tine/file.h>
#include <uapi/dirent.h>

struct dir_context {
	/*
	 * Takes an entry; next is the position after it. false: no room, stop and leave pos at this
	 * entry.
	 */
	bool (*emit)(struct dir_context *ctx, const char *name, unsigned int len, u64 ino,
		     unsigned int type, loff_t next);
	loff_t pos; /* 0 ".", 1 "..", then the directory's own */
};

/* getdents64(2), or getdents(2) with its old layout. */
long getdents(unsigned int fd, void __user *buf, unsigned int size, bool old_layout);

/* "." and ".." if they are due; false: no room. */
bool dir_emit_dots(struct file *file, struct dir_context *ctx);

/* read(2) of any directory: EISDIR. */
ssize_t dir_read(struct file *file, struct iov_iter *to, loff_t *pos);
