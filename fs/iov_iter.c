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

static void next_buffer(struct iov_iter *iter)
{
	iter->at = iter->next->iov_base;
	iter->left = iter->next->iov_len;
	iter->next++;
}

inline void iov_iter_advance(struct iov_iter *iter, size_t n)
{
	iter->count -= n;
	while (unlikely(iter->count) && n >= iter->left) {
		n -= iter->left;
		next_buffer(iter);
	}
	iter->at += n;
	iter->left -= n;
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
	*iter = (struct iov_iter){.count = total, .next = to};
	if (n)
		next_buffer(iter);
	return total;
}

enum transfer { TO_ITER, FROM_ITER, ZERO_ITER };

/* Returns how many of n bytes could not be moved. */
static inline size_t transfer(enum transfer how, bool kernel, char *there, char *here, size_t n)
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

static __noinline size_t move_on(enum transfer how, char *here, size_t n, struct iov_iter *iter)
{
	size_t done = 0, part, bad;

	n = MIN(n, iter->count);
	do {
		part = MIN(n - done, iter->left);
		bad = transfer(how, iter->kernel, iter->at, here + done, part);
		part -= bad;
		iov_iter_advance(iter, part);
		done += part;
	} while (done < n && bad == 0);
	return done;
}

/* The usual case first: one buffer of a program has all. */
static inline size_t move(enum transfer how, char *here, size_t n, struct iov_iter *iter)
{
	if (unlikely(n > iter->count || n > iter->left || iter->kernel))
		return move_on(how, here, n, iter);
	n -= transfer(how, false, iter->at, here, n);
	iov_iter_advance(iter, n);
	return n;
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
