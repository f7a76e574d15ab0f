/*
 * Where read and write take bytes from and put them. One form for one buffer or many, in user or
 * kernel memory, so that a file system implements reading once. The iterator is advanced by what
 * was copied, never by more, so a short count is exact.
 */
#include <tine/err.h>
#include <tine/iov_iter.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/uaccess.h>

void iov_iter_user(struct iov_iter *iter, void __user *buf, size_t n)
{
	iter->single = (struct iovec){buf, n};
	iter->iov = NULL;
	iter->offset = 0;
	iter->count = n;
	iter->kernel = iter->append = false;
}

void iov_iter_kernel(struct iov_iter *iter, void *buf, size_t n)
{
	iov_iter_user(iter, buf, n);
	iter->kernel = true;
}

static ssize_t check_iovec(struct iovec *iov, unsigned long n)
{
	size_t total = 0;

	for (unsigned long i = 0; i < n; i++)
		if ((ssize_t)iov[i].iov_len < 0)
			return -EINVAL;
	for (unsigned long i = 0; i < n; i++) {
		if (!access_ok(iov[i].iov_base, iov[i].iov_len))
			return -EFAULT;
		iov[i].iov_len = MIN(iov[i].iov_len, MAX_RW_COUNT - total);
		total += iov[i].iov_len;
	}
	return total;
}

ssize_t import_iovec(const struct iovec __user *user, unsigned long n, struct iovec *fast,
		     size_t n_fast, struct iovec **big, struct iov_iter *iter)
{
	struct iovec *to = fast;
	ssize_t total;

	if (n > UIO_MAXIOV)
		return -EINVAL;
	if (n > n_fast && !(to = *big = kcalloc(n, sizeof(*to))))
		return -ENOMEM;
	total = copy_from_user(to, user, n * sizeof(*to)) ? -EFAULT : check_iovec(to, n);
	if (total < 0)
		return total;
	iter->iov = to;
	iter->offset = 0;
	iter->count = total;
	iter->kernel = iter->append = false;
	return total;
}

void iov_iter_advance(struct iov_iter *iter, size_t n)
{
	iter->count -= n;
	iter->offset += n;
	while (iter->iov && iter->count && iter->offset >= iter->iov->iov_len) {
		iter->offset -= iter->iov->iov_len;
		iter->iov++;
	}
}

/* The next stretch of memory: at most n bytes at the returned address. */
static char *stretch(struct iov_iter *iter, size_t *n)
{
	const struct iovec *iov = iter->iov ? iter->iov : &iter->single;

	while (iter->iov && iter->offset >= iter->iov->iov_len) {
		iter->offset -= iter->iov->iov_len;
		iov = ++iter->iov;
	}
	*n = MIN(*n, iov->iov_len - iter->offset);
	return (char *)iov->iov_base + iter->offset;
}

enum transfer { TO_ITER, FROM_ITER, ZERO_ITER };

/* Returns how many of n bytes could not be moved. */
static size_t transfer(enum transfer how, bool kernel, char *there, char *here, size_t n)
{
	if (!kernel) {
		if (how == TO_ITER)
			return copy_to_user(there, here, n);
		return how == FROM_ITER ? copy_from_user(here, there, n) : clear_user(there, n);
	}
	if (how == TO_ITER)
		memcpy(there, here, n);
	else if (how == FROM_ITER)
		memcpy(here, there, n);
	else
		memset(there, 0, n);
	return 0;
}

static size_t move(enum transfer how, char *here, size_t n, struct iov_iter *iter)
{
	size_t done = 0, left = 0;

	n = MIN(n, iter->count);
	while (done < n && left == 0) {
		size_t part = n - done;
		char *there = stretch(iter, &part);

		left = transfer(how, iter->kernel, there, here ? here + done : NULL, part);
		iov_iter_advance(iter, part - left);
		done += part - left;
	}
	return done;
}

size_t copy_to_iter(const void *src, size_t n, struct iov_iter *iter)
{
	return move(TO_ITER, (char *)src, n, iter);
}

size_t copy_from_iter(void *dst, size_t n, struct iov_iter *iter)
{
	return move(FROM_ITER, dst, n, iter);
}

size_t zero_to_iter(size_t n, struct iov_iter *iter)
{
	return move(ZERO_ITER, NULL, n, iter);
}
