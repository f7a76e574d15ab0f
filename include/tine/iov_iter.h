/*
 * Where read and write take bytes from and put them: user or kernel buffers, one or many
 * (fs/iov_iter.c).
 */
#pragma once

#include <tine/types.h>
#include <uapi/uio.h>

#define MAX_RW_COUNT 0x7ffff000ul

struct iov_iter {
	char *at;                 /* the next byte */
	size_t left;              /* bytes of its buffer from there on */
	size_t count;             /* bytes left in all */
	const struct iovec *next; /* the buffers behind it */
	bool kernel;              /* buffers are kernel memory */
	bool append;              /* a write goes to the end of the file */
};

static inline void iov_iter_user(struct iov_iter *iter, void __user *buf, size_t n)
{
	*iter = (struct iov_iter){.at = buf, .left = n, .count = n};
}

static inline void iov_iter_kernel(struct iov_iter *iter, void *buf, size_t n)
{
	*iter = (struct iov_iter){.at = buf, .left = n, .count = n, .kernel = true};
}

/*
 * Reads a user's array, into fast or, if it has more than n_fast, into *big, NULL before, which the
 * caller kfrees, also after failure. Bytes in all or -errno as readv(2).
 */
ssize_t import_iovec(const struct iovec __user *user, unsigned long n, struct iovec *fast,
		     size_t n_fast, struct iovec **big, struct iov_iter *iter);

/*
 * Copy up to n bytes and advance; return how many were copied: fewer than asked if the iterator
 * ended or a user page is bad.
 */
size_t copy_to_iter(const void *src, size_t n, struct iov_iter *iter) __must_check;
size_t copy_from_iter(void *dst, size_t n, struct iov_iter *iter) __must_check;
size_t zero_to_iter(size_t n, struct iov_iter *iter) __must_check;
void iov_iter_advance(struct iov_iter *iter, size_t n);
