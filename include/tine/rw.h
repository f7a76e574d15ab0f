/* What read, write and lseek of regular files have in common (fs/read_write.c). */
#pragma once

#include <tine/file.h>
#include <tine/iov_iter.h>

/*
 * For write operations of regular files, inode locked: applies O_APPEND, RLIMIT_FSIZE (SIGXFSZ,
 * EFBIG) and the largest file size. The bytes that may be written, 0, or -errno.
 */
ssize_t generic_write_checks(struct file *file, struct iov_iter *from, loff_t *pos);
/* SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE of a file without holes. */
loff_t generic_llseek(struct file *file, loff_t offset, int whence);
/* For files where seeking makes no difference: 0. */
loff_t noop_llseek(struct file *file, loff_t offset, int whence);
/* RLIMIT_FSIZE and the largest size for a truncation: 0 or -EFBIG. */
int check_new_size(loff_t old, loff_t size);

/*
 * Copies up to n bytes through a page of the kernel's, since the pages of files here are never far
 * away; the positions move by what was written. Bytes or -errno.
 */
ssize_t copy_between(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t n);

ssize_t vfs_read(struct file *file, struct iov_iter *to, loff_t *pos);
ssize_t vfs_write(struct file *file, struct iov_iter *from, loff_t *pos);
