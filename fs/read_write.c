/*
 * read(2), write(2) and their kin: descriptor, access mode, buffer and count are checked here, in
 * Linux's order; the file's operation then sees an iov_iter that it may trust. The offset is the
 * file's own, locked where it could be used by two at once, or the caller's (pread).
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/rw.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define FAST_IOVECS 8

/* n is at most MAX_RW_COUNT. */
static bool valid_range(loff_t pos, size_t n)
{
	return (u64)pos <= MAX_LFS_FILESIZE - n;
}

ssize_t vfs_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	if (!(file->mode & FMODE_READ))
		return -EBADF;
	if (!file->ops->read || !valid_range(*pos, to->count))
		return -EINVAL;
	return file->ops->read(file, to, pos);
}

ssize_t vfs_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	if (!(file->mode & FMODE_WRITE))
		return -EBADF;
	if (!file->ops->write || !valid_range(*pos, from->count))
		return -EINVAL;
	return file->ops->write(file, from, pos);
}

/* One buffer. The mode is checked before the buffer, the buffer before the offset. */
static inline ssize_t transfer(struct file *file, char __user *buf, size_t n, loff_t *pos,
			       bool write)
{
	ssize_t (*op)(struct file * file, struct iov_iter * iter, loff_t * pos) =
		write ? file->ops->write : file->ops->read;
	struct iov_iter iter;

	if (!(file->mode & (write ? FMODE_WRITE : FMODE_READ)))
		return -EBADF;
	if (!op)
		return -EINVAL;
	if (!access_ok(buf, n))
		return -EFAULT;
	iov_iter_user(&iter, buf, MIN(n, MAX_RW_COUNT));
	return valid_range(*pos, iter.count) ? op(file, &iter, pos) : -EINVAL;
}

static inline ssize_t transfer_at_offset(unsigned int fd, char __user *buf, size_t n, bool write)
{
	struct fd f = fdget_pos(fd);
	ssize_t result;
	loff_t pos;

	if (!f.file)
		return -EBADF;
	pos = f.file->pos;
	result = transfer(f.file, buf, n, &pos, write);
	if (result >= 0)
		f.file->pos = pos;
	fdput(f);
	return result;
}

long sys_read(unsigned int fd, char __user *buf, size_t n)
{
	return transfer_at_offset(fd, buf, n, false);
}

long sys_write(unsigned int fd, const char __user *buf, size_t n)
{
	return transfer_at_offset(fd, (char __user *)buf, n, true);
}

static ssize_t transfer_at(unsigned int fd, char __user *buf, size_t n, loff_t pos, bool write)
{
	struct fd f SCOPED(fdput) = {};

	if (pos < 0)
		return -EINVAL;
	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	return f.file->mode & FMODE_SEEKABLE ? transfer(f.file, buf, n, &pos, write) : -ESPIPE;
}

long sys_pread64(unsigned int fd, char __user *buf, size_t n, loff_t pos)
{
	return transfer_at(fd, buf, n, pos, false);
}

long sys_pwrite64(unsigned int fd, const char __user *buf, size_t n, loff_t pos)
{
	return transfer_at(fd, (char __user *)buf, n, pos, true);
}

/* The flags of preadv2 and pwritev2. Nothing here can promise not to wait. */
static int apply_flags(struct iov_iter *iter, int flags)
{
	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND))
		return -EOPNOTSUPP;
	iter->append = flags & RWF_APPEND;
	return 0;
}

static ssize_t transfer_vector(struct file *file, const struct iovec __user *user, unsigned long n,
			       loff_t *pos, bool write, int flags)
{
	struct iovec fast[FAST_IOVECS], *big SCOPED(kfree) = NULL;
	struct iov_iter iter;
	ssize_t result = import_iovec(user, n, fast, FAST_IOVECS, &big, &iter);
	u32 mode = write ? FMODE_WRITE : FMODE_READ;

	if (result < 0)
		return result;
	/* Nothing to move is success, but only where something could be moved. */
	if (result == 0 && (file->mode & mode) && (write ? file->ops->write : file->ops->read))
		return 0;
	result = apply_flags(&iter, flags);
	if (result != 0)
		return result;
	return write ? vfs_write(file, &iter, pos) : vfs_read(file, &iter, pos);
}

static ssize_t vector_at_offset(unsigned int fd, const struct iovec __user *iov, unsigned long n,
				bool write, int flags)
{
	struct fd f = fdget_pos(fd);
	ssize_t result;
	loff_t pos;

	if (!f.file)
		return -EBADF;
	pos = f.file->pos;
	result = transfer_vector(f.file, iov, n, &pos, write, flags);
	if (result >= 0)
		f.file->pos = pos;
	fdput(f);
	return result;
}

static ssize_t vector_at(unsigned int fd, const struct iovec __user *iov, unsigned long n,
			 loff_t pos, bool write, int flags)
{
	struct fd f SCOPED(fdput) = {};

	if (pos < 0)
		return -EINVAL;
	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	if (!(f.file->mode & FMODE_SEEKABLE))
		return -ESPIPE;
	return transfer_vector(f.file, iov, n, &pos, write, flags);
}

/*
 * Offset -1 is the file's own. It comes in two registers for the sake of 32-bit machines; here the
 * low one holds all of it.
 */
static ssize_t vector_with_flags(unsigned long fd, const struct iovec __user *iov, unsigned long n,
				 loff_t pos, bool write, int flags)
{
	return pos == -1 ? vector_at_offset(fd, iov, n, write, flags)
			 : vector_at(fd, iov, n, pos, write, flags);
}

long sys_preadv2(unsigned long fd, const struct iovec __user *iov, unsigned long n,
		 unsigned long pos, unsigned long pos_high, int flags)
{
	return vector_with_flags(fd, iov, n, pos, false, flags);
}

long sys_pwritev2(unsigned long fd, const struct iovec __user *iov, unsigned long n,
		  unsigned long pos, unsigned long pos_high, int flags)
{
	return vector_with_flags(fd, iov, n, pos, true, flags);
}

loff_t noop_llseek(struct file *file, loff_t offset, int whence)
{
	return file->pos;
}

loff_t generic_llseek(struct file *file, loff_t offset, int whence)
{
	loff_t size = READ_ONCE(file->inode->size), base = 0;

	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = file->pos;
		break;
	case SEEK_END:
		base = size;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (offset < 0 || offset >= size)
			return -ENXIO;
		offset = whence == SEEK_HOLE ? size : offset;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, offset, &offset) || offset < 0)
		return -EINVAL;
	file->pos = offset;
	return offset;
}

long sys_lseek(unsigned int fd, off_t offset, unsigned int whence)
{
	struct fd f SCOPED(fdput) = fdget_pos(fd);

	if (!f.file)
		return -EBADF;
	if (whence > SEEK_HOLE)
		return -EINVAL;
	if (f.file->ops->llseek &&
	    ((f.file->mode & FMODE_SEEKABLE) || f.file->ops->llseek == noop_llseek))
		return f.file->ops->llseek(f.file, offset, whence);
	return -ESPIPE;
}

int check_new_size(loff_t old, loff_t size)
{
	if (size > old && (u64)size > rlimit(RLIMIT_FSIZE)) {
		send_sig_info(SIGXFSZ, SEND_SIG_NOINFO, current);
		return -EFBIG;
	}
	return 0;
}

ssize_t generic_write_checks(struct file *file, struct iov_iter *from, loff_t *pos)
{
	u64 limit = rlimit(RLIMIT_FSIZE);

	if (!from->count)
		return 0;
	if ((file->flags & O_APPEND) || from->append)
		*pos = file->inode->size;
	if ((u64)*pos >= limit) {
		send_sig_info(SIGXFSZ, SEND_SIG_NOINFO, current);
		return -EFBIG;
	}
	if (*pos >= MAX_LFS_FILESIZE)
		return -EFBIG;
	limit = MIN(limit, (u64)MAX_LFS_FILESIZE);
	from->count = MIN(from->count, limit - (u64)*pos);
	return from->count;
}

ssize_t copy_between(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t n)
{
	char *page = kmalloc(PAGE_SIZE);
	ssize_t done = 0, got = 0;

	if (!page)
		return -ENOMEM;
	while (n && !signal_pending(current)) {
		loff_t from = *in_pos;
		struct iov_iter iter;
		ssize_t put;

		iov_iter_kernel(&iter, page, MIN(n, PAGE_SIZE));
		got = vfs_read(in, &iter, &from);
		if (got <= 0)
			break;
		iov_iter_kernel(&iter, page, got);
		put = vfs_write(out, &iter, out_pos);
		if (put < 0) {
			got = put;
			break;
		}
		*in_pos += put;
		done += put;
		n -= put;
		if (put < got)
			break;
	}
	kfree(page);
	if (done == 0 && got >= 0 && n && signal_pending(current))
		return -ERESTARTSYS;
	return done ? done : MIN(got, 0l);
}

static ssize_t do_sendfile(struct fd out, struct fd in, loff_t *pos, size_t n)
{
	loff_t in_pos = pos ? *pos : in.file->pos, out_pos = out.file->pos;
	ssize_t result;

	if (!(in.file->mode & FMODE_READ) || !(out.file->mode & FMODE_WRITE))
		return -EBADF;
	if (pos && !(in.file->mode & FMODE_SEEKABLE))
		return -ESPIPE;
	if (!in.file->ops->read || !out.file->ops->write || (out.file->flags & O_APPEND) ||
	    !S_ISREG(in.file->inode->mode) || in_pos < 0)
		return -EINVAL;
	result = copy_between(in.file, &in_pos, out.file, &out_pos, MIN(n, MAX_RW_COUNT));
	if (result > 0) {
		out.file->pos = out_pos;
		if (pos)
			*pos = in_pos;
		else
			in.file->pos = in_pos;
	}
	return result;
}

long sys_sendfile(int out_fd, int in_fd, off_t __user *user_pos, size_t n)
{
	struct fd in SCOPED(fdput) = {}, out SCOPED(fdput) = {};
	loff_t pos = 0;
	ssize_t result;

	if (user_pos && get_user(pos, user_pos) != 0)
		return -EFAULT;
	in = fdget(in_fd);
	if (!in.file)
		return -EBADF;
	out = fdget(out_fd);
	result = out.file ? do_sendfile(out, in, user_pos ? &pos : NULL, n) : -EBADF;
	if (user_pos && put_user(pos, user_pos) != 0)
		return -EFAULT;
	return result;
}
