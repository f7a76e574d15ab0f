/*
 * splice(2), tee(2) and vmsplice(2): bytes between a pipe and something else without a detour
 * through the program.
 *
 * Between pipes pages change hands, or are shared: a buffer that shares its page is marked, and
 * nobody writes to its page any more. A file's bytes are read into pages that become the pipe's.
 * Everything else is copied once.
 *
 * The pipe's lock is held while the file is read or written, so that bytes are taken out of the
 * pipe only when they have arrived; hence it comes before a file's locks. Of two pipes the one at
 * the lower address is locked first. As on Linux a call waits until it can move something, and
 * then moves what it can without waiting again.
 */
#include <tine/async.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/page.h>
#include <tine/pipe.h>
#include <tine/poll.h>
#include <tine/rw.h>
#include <tine/sched.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/splice.h>

#define FAST_IOVECS 8

static struct pipe *pipe_of(const struct file *file)
{
	return file->ops == &pipe_operations ? file->private_data : NULL;
}

/* --- Waiting and waking --- */

/* 1: there are bytes; 0: there will be none; or -errno. The pipe is locked, but while waiting. */
static int wait_for_bytes(struct pipe *pipe, bool nonblock)
{
	int error;

	while (pipe_empty(pipe)) {
		if (!pipe->writers)
			return 0;
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&pipe->lock);
		error = pipe_wait_for_bytes(pipe);
		mutex_lock(&pipe->lock);
		if (error)
			return error;
	}
	return 1;
}

/* 1: there is room, and somebody to read; or -errno, EPIPE with SIGPIPE. Locked as above. */
static int wait_for_room(struct pipe *pipe, bool nonblock)
{
	int error;

	while (pipe->readers) {
		if (!pipe_full(pipe))
			return 1;
		if (nonblock)
			return -EAGAIN;
		mutex_unlock(&pipe->lock);
		error = pipe_wait_for_room(pipe);
		mutex_lock(&pipe->lock);
		if (error)
			return error;
	}
	return pipe_broken();
}

static void wake_readers(struct pipe *pipe)
{
	wake_up_poll(&pipe->readers_wait, POLLIN | POLLRDNORM);
	async_notify(&pipe->async, FMODE_READ, POLL_IN);
}

static void wake_writers(struct pipe *pipe)
{
	wake_up_poll(&pipe->writers_wait, POLLOUT | POLLWRNORM);
	async_notify(&pipe->async, FMODE_WRITE, POLL_OUT);
}

/* --- Pipe and file --- */

static void push(struct pipe *pipe, struct pipe_buffer buffer)
{
	*pipe_slot(pipe, pipe->head) = buffer;
	WRITE_ONCE(pipe->head, pipe->head + 1);
}

/* The next page of in becomes the pipe's. Bytes, 0 at the end, or -errno. */
static ssize_t page_to_pipe(struct file *in, loff_t *pos, struct pipe *pipe, size_t n)
{
	struct page *page = alloc_data_page();
	struct iov_iter iter;
	ssize_t got;

	if (!page)
		return -ENOMEM;
	iov_iter_kernel(&iter, page_address(page), n);
	got = vfs_read(in, &iter, pos);
	if (got > 0)
		push(pipe, (struct pipe_buffer){.page = page, .len = got});
	else
		put_page(page);
	return got;
}

/* Only a regular file can be asked again without the risk of waiting. */
static ssize_t file_to_pipe(struct file *in, loff_t *pos, struct pipe *pipe, size_t n,
			    bool nonblock)
{
	ssize_t done = 0, got;

	mutex_lock(&pipe->lock);
	got = wait_for_room(pipe, nonblock);
	while (got > 0 && (size_t)done < n && !pipe_full(pipe)) {
		size_t part = MIN(n - done, PAGE_SIZE);

		got = page_to_pipe(in, pos, pipe, part);
		done += MAX(got, 0l);
		if (got < (ssize_t)part || !S_ISREG(in->inode->mode))
			break;
	}
	mutex_unlock(&pipe->lock);
	if (done)
		wake_readers(pipe);
	return done ? done : got;
}

static void consume(struct pipe *pipe, u32 n)
{
	struct pipe_buffer *buffer = pipe_slot(pipe, pipe->tail);

	buffer->offset += n;
	buffer->len -= n;
	if (buffer->len == 0)
		pipe_drop_slot(pipe);
}

static ssize_t pipe_to_file(struct pipe *pipe, struct file *out, loff_t *pos, size_t n,
			    bool nonblock)
{
	ssize_t done = 0, put;

	mutex_lock(&pipe->lock);
	put = wait_for_bytes(pipe, nonblock);
	while (put > 0 && (size_t)done < n && !pipe_empty(pipe)) {
		struct pipe_buffer *buffer = pipe_slot(pipe, pipe->tail);
		size_t part = MIN(n - done, (size_t)buffer->len);
		struct iov_iter iter;

		iov_iter_kernel(&iter, (char *)page_address(buffer->page) + buffer->offset, part);
		put = vfs_write(out, &iter, pos);
		if (put <= 0)
			break;
		consume(pipe, put);
		done += put;
		if (put < (ssize_t)part)
			break;
	}
	mutex_unlock(&pipe->lock);
	if (done)
		wake_writers(pipe);
	return done ? done : put;
}

/* --- Pipe and pipe --- */

static void lock_both(struct pipe *a, struct pipe *b)
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	mutex_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct pipe *a, struct pipe *b)
{
	mutex_unlock(&a->lock);
	mutex_unlock(&b->lock);
}

/* The first n bytes of a buffer, as one that shares its page. */
static struct pipe_buffer share(struct pipe_buffer *buffer, u32 n)
{
	struct pipe_buffer part = *buffer;

	get_page(buffer->page);
	buffer->shared = part.shared = true;
	part.len = n;
	return part;
}

static ssize_t move_buffers(struct pipe *in, struct pipe *out, size_t n)
{
	size_t done = 0;

	while (done < n && !pipe_empty(in) && !pipe_full(out)) {
		struct pipe_buffer *buffer = pipe_slot(in, in->tail);
		u32 part = MIN(n - done, (size_t)buffer->len);

		if (part == buffer->len) {
			push(out, *buffer);
			WRITE_ONCE(in->tail, in->tail + 1);
		} else {
			push(out, share(buffer, part));
			consume(in, part);
		}
		done += part;
	}
	return done;
}

static ssize_t copy_buffers(struct pipe *in, struct pipe *out, size_t n)
{
	size_t done = 0;

	for (u32 i = in->tail; done < n && i != in->head && !pipe_full(out); i++) {
		struct pipe_buffer *buffer = pipe_slot(in, i);
		u32 part = MIN(n - done, (size_t)buffer->len);

		push(out, share(buffer, part));
		done += part;
	}
	return done;
}

/*
 * Waits for bytes here and room there, one after the other. When both are locked somebody else may
 * have been faster: then again.
 */
static ssize_t pipe_to_pipe(struct pipe *in, struct pipe *out, size_t n, bool nonblock,
			    ssize_t (*transfer)(struct pipe *in, struct pipe *out, size_t n))
{
	ssize_t done = 0;

	while (done == 0) {
		int ready;

		ready = MUTEX_LOCKED(&in->lock, wait_for_bytes(in, nonblock));
		if (ready <= 0)
			return ready;
		ready = MUTEX_LOCKED(&out->lock, wait_for_room(out, nonblock));
		if (ready <= 0)
			return ready;
		lock_both(in, out);
		done = out->readers ? transfer(in, out, n) : 0;
		unlock_both(in, out);
	}
	wake_readers(out);
	wake_writers(in);
	return done;
}

/* --- System calls --- */

static bool can_splice(const struct file *file)
{
	mode_t mode = file->inode->mode;

	return S_ISREG(mode) || S_ISCHR(mode) || S_ISSOCK(mode);
}

/* At *offset, or at the file's own position. */
static ssize_t splice_file(struct file *file, loff_t *offset, struct pipe *pipe, size_t n,
			   bool nonblock, bool to_pipe)
{
	loff_t pos = offset ? *offset : file->pos;
	ssize_t result;

	if ((offset && !(file->mode & FMODE_SEEKABLE)) || (!to_pipe && (file->flags & O_APPEND)) ||
	    pos < 0 || !can_splice(file))
		return -EINVAL;
	result = to_pipe ? file_to_pipe(file, &pos, pipe, n, nonblock)
			 : pipe_to_file(pipe, file, &pos, n, nonblock);
	if (result > 0)
		*(offset ? offset : &file->pos) = pos;
	return result;
}

static ssize_t do_splice(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos,
			 size_t n, unsigned int flags)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);
	bool nonblock = flags & SPLICE_F_NONBLOCK;

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	nonblock |= (from && (in->flags & O_NONBLOCK)) || (to && (out->flags & O_NONBLOCK));
	if (from && to)
		return from == to ? -EINVAL : pipe_to_pipe(from, to, n, nonblock, move_buffers);
	if (from)
		return splice_file(out, out_pos, from, n, nonblock, false);
	return to ? splice_file(in, in_pos, to, n, nonblock, true) : -EINVAL;
}

static ssize_t splice_at(struct file *in, loff_t __user *user_in, struct file *out,
			 loff_t __user *user_out, size_t n, unsigned int flags)
{
	loff_t in_pos, out_pos;
	ssize_t result;

	if ((user_in && pipe_of(in)) || (user_out && pipe_of(out)))
		return -ESPIPE;
	if ((user_out && get_user(out_pos, user_out)) || (user_in && get_user(in_pos, user_in)))
		return -EFAULT;
	result = do_splice(in, user_in ? &in_pos : NULL, out, user_out ? &out_pos : NULL,
			   MIN(n, MAX_RW_COUNT), flags);
	if (result < 0)
		return result;
	if ((user_out && put_user(out_pos, user_out)) || (user_in && put_user(in_pos, user_in)))
		return -EFAULT;
	return result;
}

long sys_splice(int in_fd, loff_t __user *in_pos, int out_fd, loff_t __user *out_pos, size_t n,
		unsigned int flags)
{
	struct fd in SCOPED(fdput) = {}, out SCOPED(fdput) = {};

	if (n == 0)
		return 0;
	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	in = fdget(in_fd);
	out = fdget(out_fd);
	return in.file && out.file ? splice_at(in.file, in_pos, out.file, out_pos, n, flags)
				   : -EBADF;
}

static ssize_t do_tee(struct file *in, struct file *out, size_t n, unsigned int flags)
{
	struct pipe *from = pipe_of(in), *to = pipe_of(out);
	bool nonblock = (flags & SPLICE_F_NONBLOCK) || ((in->flags | out->flags) & O_NONBLOCK);

	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE))
		return -EBADF;
	if (!from || !to || from == to)
		return -EINVAL;
	return pipe_to_pipe(from, to, n, nonblock, copy_buffers);
}

long sys_tee(int in_fd, int out_fd, size_t n, unsigned int flags)
{
	struct fd in SCOPED(fdput) = {}, out SCOPED(fdput) = {};

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	if (n == 0)
		return 0;
	in = fdget(in_fd);
	out = fdget(out_fd);
	return in.file && out.file ? do_tee(in.file, out.file, n, flags) : -EBADF;
}

/* Memory into the pipe, or what is in the pipe into memory: copied, so gifts may be kept. */
static ssize_t vmsplice_pipe(struct pipe *pipe, struct iov_iter *iter, bool to_pipe, bool nonblock)
{
	ssize_t result;

	mutex_lock(&pipe->lock);
	result = to_pipe ? wait_for_room(pipe, nonblock) : wait_for_bytes(pipe, nonblock);
	if (result > 0)
		result = to_pipe ? pipe_put_bytes(pipe, iter, false) : pipe_take_bytes(pipe, iter);
	mutex_unlock(&pipe->lock);
	if (result > 0 && to_pipe)
		wake_readers(pipe);
	else if (result > 0)
		wake_writers(pipe);
	return result;
}

static ssize_t do_vmsplice(struct file *file, const struct iovec __user *user, unsigned long n,
			   unsigned int flags)
{
	struct iovec fast[FAST_IOVECS], *big SCOPED(kfree) = NULL;
	bool to_pipe = file->mode & FMODE_WRITE;
	struct iov_iter iter;
	ssize_t result;

	if (!(file->mode & (FMODE_READ | FMODE_WRITE)))
		return -EBADF;
	result = import_iovec(user, n, fast, FAST_IOVECS, &big, &iter);
	if (result <= 0)
		return result;
	if (!pipe_of(file))
		return -EBADF;
	return vmsplice_pipe(pipe_of(file), &iter, to_pipe, flags & SPLICE_F_NONBLOCK);
}

long sys_vmsplice(int fd, const struct iovec __user *iov, unsigned long n, unsigned int flags)
{
	struct fd f SCOPED(fdput) = {};

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	f = fdget(fd);
	return f.file ? do_vmsplice(f.file, iov, n, flags) : -EBADF;
}

/* --- copy_file_range(2) --- */

static int check_copy(const struct file *in, u64 in_pos, const struct file *out, u64 out_pos, u64 n)
{
	mode_t from = in->inode->mode, to = out->inode->mode;

	if (S_ISDIR(from) || S_ISDIR(to))
		return -EISDIR;
	if (!S_ISREG(from) || !S_ISREG(to))
		return -EINVAL;
	if (!(in->mode & FMODE_READ) || !(out->mode & FMODE_WRITE) || (out->flags & O_APPEND))
		return -EBADF;
	if (in->inode->sb != out->inode->sb)
		return -EXDEV;
	if (in_pos + n < in_pos || out_pos + n < out_pos)
		return -EOVERFLOW;
	if (out_pos >= MAX_LFS_FILESIZE)
		return -EFBIG;
	return 0;
}

static ssize_t do_copy(struct file *in, loff_t *in_pos, struct file *out, loff_t *out_pos, size_t n)
{
	int error = check_copy(in, *in_pos, out, *out_pos, n);
	loff_t size = file_size(in);

	if (error)
		return error;
	n = *in_pos >= size ? 0 : MIN(n, (u64)(size - *in_pos));
	if (in->inode == out->inode && *in_pos + (loff_t)n > *out_pos &&
	    *out_pos + (loff_t)n > *in_pos)
		return -EINVAL;
	if (n == 0)
		return 0;
	return copy_between(in, in_pos, out, out_pos, MIN(n, MAX_RW_COUNT));
}

static ssize_t copy_range_at(struct file *in, loff_t __user *user_in, struct file *out,
			     loff_t __user *user_out, size_t n, unsigned int flags)
{
	loff_t in_pos = in->pos, out_pos = out->pos;
	ssize_t result;

	if ((user_in && get_user(in_pos, user_in)) || (user_out && get_user(out_pos, user_out)))
		return -EFAULT;
	result = flags ? -EINVAL : do_copy(in, &in_pos, out, &out_pos, n);
	if (result <= 0)
		return result;
	if (!user_in)
		in->pos = in_pos;
	else if (put_user(in_pos, user_in))
		result = -EFAULT;
	if (!user_out)
		out->pos = out_pos;
	else if (put_user(out_pos, user_out))
		result = -EFAULT;
	return result;
}

long sys_copy_file_range(int in_fd, loff_t __user *in_pos, int out_fd, loff_t __user *out_pos,
			 size_t n, unsigned int flags)
{
	struct fd in SCOPED(fdput) = fdget(in_fd), out SCOPED(fdput) = fdget(out_fd);

	if (!in.file || !out.file)
		return -EBADF;
	return copy_range_at(in.file, in_pos, out.file, out_pos, n, flags);
}
