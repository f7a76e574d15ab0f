/*
 * Pipes: a ring of slots, each with a page and the bytes in it.
 *
 * A write of at most a page goes into the rest of the last page, if it fits there whole, or into a
 * slot of its own: so writes of up to PIPE_BUF bytes are never torn. Slots hold pages only while
 * they hold bytes; one page is kept for the next write, so that a pipe used for small messages
 * allocates nothing.
 *
 * The pipe's mutex guards the ring. Sleepers check their condition without it and again with it. A
 * reader wakes writers only when the ring was full, a writer wakes readers only when it was empty:
 * nobody sleeps in between.
 *
 * An unnamed pipe and a FIFO differ only in how they are opened (fs/fifo.c); the pipe lives while a
 * file has it open.
 */
#include <tine/cred.h>
#include <tine/async.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/mount.h>
#include <tine/page.h>
#include <tine/pipe.h>
#include <tine/poll.h>
#include <tine/pseudo_fs.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/ioctl.h>
#include <uapi/statfs.h>

static struct kmem_cache *pipe_cache;
static struct vfsmount *pipe_mount;
int pipe_max_bytes = 1048576;

struct pipe *pipe_alloc(bool named)
{
	struct pipe *pipe = kmem_cache_zalloc(pipe_cache);

	if (!pipe)
		return NULL;
	pipe->buffers = kcalloc(PIPE_DEFAULT_SLOTS, sizeof(*pipe->buffers));
	if (!pipe->buffers) {
		kmem_cache_free(pipe_cache, pipe);
		return NULL;
	}
	pipe->slots = PIPE_DEFAULT_SLOTS;
	pipe->named = named;
	mutex_init(&pipe->lock, LOCK_CLASS_PIPE);
	wait_queue_init(&pipe->readers_wait);
	wait_queue_init(&pipe->writers_wait);
	return pipe;
}

static void pipe_free(struct pipe *pipe)
{
	for (u32 i = pipe->tail; i != pipe->head; i++)
		put_page(pipe_slot(pipe, i)->page);
	if (pipe->spare)
		put_page(pipe->spare);
	kfree(pipe->buffers);
	kmem_cache_free(pipe_cache, pipe);
}

void pipe_put(struct inode *inode, struct pipe *pipe)
{
	bool last;

	mutex_lock(&inode->lock);
	last = --pipe->files == 0;
	if (last)
		inode->pipe = NULL;
	mutex_unlock(&inode->lock);
	if (last)
		pipe_free(pipe);
}

/* buffer is the first slot's. */
static inline void drop_slot(struct pipe *pipe, struct pipe_buffer *buffer)
{
	if (pipe->spare || buffer->shared)
		put_page(buffer->page);
	else
		pipe->spare = buffer->page;
	WRITE_ONCE(pipe->tail, pipe->tail + 1);
}

void pipe_drop_slot(struct pipe *pipe)
{
	drop_slot(pipe, pipe_slot(pipe, pipe->tail));
}

inline ssize_t pipe_take_bytes(struct pipe *pipe, struct iov_iter *to)
{
	ssize_t done = 0;
	bool packet = false;

	while (to->count && !packet && !pipe_empty(pipe)) {
		struct pipe_buffer *buffer = pipe_slot(pipe, pipe->tail);
		size_t n = MIN(to->count, (size_t)buffer->len);

		if (copy_to_iter((char *)page_address(buffer->page) + buffer->offset, n, to) < n)
			return done ? done : -EFAULT;
		buffer->offset += n;
		buffer->len -= n;
		done += n;
		packet = buffer->packet;
		if (buffer->len == 0 || packet)
			drop_slot(pipe, buffer);
	}
	return done;
}

int pipe_wait_for_bytes(struct pipe *pipe)
{
	return wait_event(&pipe->readers_wait, TASK_INTERRUPTIBLE,
			  !pipe_looks_empty(pipe) || !READ_ONCE(pipe->writers));
}

int pipe_wait_for_room(struct pipe *pipe)
{
	return wait_event(&pipe->writers_wait, TASK_INTERRUPTIBLE,
			  !pipe_looks_full(pipe) || !READ_ONCE(pipe->readers));
}

static ssize_t pipe_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	struct pipe *pipe = file->private_data;
	bool was_full = false, dry;
	ssize_t result;

	if (!to->count)
		return 0;
	do {
		if (pipe_looks_empty(pipe) && READ_ONCE(pipe->writers)) {
			result = -EAGAIN;
			if (file->flags & O_NONBLOCK)
				break;
			result = pipe_wait_for_bytes(pipe);
			if (result != 0)
				return result;
		}
		mutex_lock(&pipe->lock);
		was_full = pipe_full(pipe);
		result = pipe_take_bytes(pipe, to);
		dry = result == 0 && pipe->writers;
		mutex_unlock(&pipe->lock);
	} while (dry);
	if (was_full && !pipe_looks_full(pipe))
		wake_up_poll(&pipe->writers_wait, POLLOUT | POLLWRNORM);
	async_notify(&pipe->async, FMODE_WRITE, POLL_OUT);
	if (result > 0 && pipe->named)
		file_accessed(file);
	return result;
}

/*
 * Adds what is not whole pages to the last page, which there is, if it fits there whole. Bytes,
 * -EFAULT.
 */
static __noinline ssize_t merge(struct pipe *pipe, struct iov_iter *from)
{
	struct pipe_buffer *last = pipe_slot(pipe, pipe->head - 1);
	size_t n = from->count % PAGE_SIZE;
	char *to;

	if (last->packet || last->shared || last->offset + last->len + n > PAGE_SIZE)
		return 0;
	to = (char *)page_address(last->page) + last->offset + last->len;
	if (copy_from_iter(to, n, from) < n)
		return -EFAULT;
	last->len += n;
	return n;
}

/*
 * Fills a new slot with as much as a page holds: all of that or nothing. Bytes, -EFAULT or -ENOMEM.
 */
static ssize_t fill_slot(struct pipe *pipe, struct iov_iter *from, bool packet)
{
	size_t n = MIN(from->count, PAGE_SIZE);
	struct page *page;

	if (!pipe->spare && !(pipe->spare = alloc_data_page()))
		return -ENOMEM;
	page = pipe->spare;
	if (copy_from_iter(page_address(page), n, from) < n)
		return -EFAULT;
	pipe->spare = NULL;
	*pipe_slot(pipe, pipe->head) =
		(struct pipe_buffer){.page = page, .len = n, .packet = packet};
	WRITE_ONCE(pipe->head, pipe->head + 1);
	return n;
}

inline ssize_t pipe_put_bytes(struct pipe *pipe, struct iov_iter *from, bool packet)
{
	ssize_t done = packet || pipe_empty(pipe) ? 0 : merge(pipe, from), n;

	if (done < 0)
		return done;
	while (from->count && !pipe_full(pipe)) {
		n = fill_slot(pipe, from, packet);
		if (n < 0)
			return done ? done : n;
		done += n;
	}
	return done;
}

int pipe_broken(void)
{
	send_sig_info(SIGPIPE, SEND_SIG_NOINFO, current);
	return -EPIPE;
}

/*
 * One round of a write: everything that fits now. Bytes, perhaps 0, or -errno; *more: some are left
 * that must wait for room.
 */
static inline ssize_t write_round(struct file *file, struct pipe *pipe, struct iov_iter *from,
				  bool *more)
{
	bool was_empty;
	ssize_t n;

	mutex_lock(&pipe->lock);
	was_empty = pipe_empty(pipe);
	n = likely(pipe->readers) ? pipe_put_bytes(pipe, from, file->flags & O_DIRECT)
				  : pipe_broken();
	*more = unlikely(from->count) && n >= 0 && pipe_full(pipe);
	mutex_unlock(&pipe->lock);
	if ((was_empty && n > 0) || (READ_ONCE(pipe->polled) && n != -EPIPE))
		wake_up_poll(&pipe->readers_wait, POLLIN | POLLRDNORM);
	return n;
}

/* Goes on with a write that has done so much and found the pipe full. */
static __noinline ssize_t write_rest(struct file *file, struct pipe *pipe, struct iov_iter *from,
				     ssize_t done)
{
	bool more = true;
	ssize_t n;

	do {
		n = file->flags & O_NONBLOCK ? -EAGAIN : pipe_wait_for_room(pipe);
		if (n < 0)
			break;
		n = write_round(file, pipe, from, &more);
		done += MAX(n, 0l);
	} while (more);
	return done ? done : n;
}

static ssize_t pipe_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	struct pipe *pipe = file->private_data;
	bool more;
	ssize_t n;

	if (!from->count)
		return 0;
	n = write_round(file, pipe, from, &more);
	if (unlikely(more))
		n = write_rest(file, pipe, from, n);
	async_notify(&pipe->async, FMODE_READ, POLL_IN);
	if (n > 0 && pipe->named)
		inode_touch_modified(file->inode);
	return n;
}

static u32 pipe_poll(struct file *file, struct poll_table *table)
{
	struct pipe *pipe = file->private_data;
	u32 events = 0;

	WRITE_ONCE(pipe->polled, true);
	if (file->mode & FMODE_READ)
		poll_wait(file, &pipe->readers_wait, table);
	if (file->mode & FMODE_WRITE)
		poll_wait(file, &pipe->writers_wait, table);
	smp_mb();
	if (file->mode & FMODE_READ) {
		if (!pipe_looks_empty(pipe))
			events |= POLLIN | POLLRDNORM;
		/*
		 * A FIFO that nobody has opened for writing since this end was opened has not hung
		 * up.
		 */
		if (!READ_ONCE(pipe->writers) && READ_ONCE(pipe->writer_opens) != file->generation)
			events |= POLLHUP;
	}
	if (file->mode & FMODE_WRITE) {
		if (!pipe_looks_full(pipe))
			events |= POLLOUT | POLLWRNORM;
		if (!READ_ONCE(pipe->readers))
			events |= POLLERR;
	}
	return events;
}

static void pipe_release(struct file *file)
{
	struct pipe *pipe = file->private_data;

	bool one_sided;

	mutex_lock(&pipe->lock);
	if (file->mode & FMODE_READ)
		pipe->readers--;
	if (file->mode & FMODE_WRITE)
		pipe->writers--;
	one_sided = !pipe->readers != !pipe->writers;
	mutex_unlock(&pipe->lock);
	if ((file->mode & FMODE_READ) && !pipe->readers)
		wake_up_poll(&pipe->writers_wait, POLLOUT | POLLWRNORM | POLLERR | POLLHUP);
	if ((file->mode & FMODE_WRITE) && !pipe->writers)
		wake_up_poll(&pipe->readers_wait, POLLIN | POLLRDNORM | POLLERR | POLLHUP);
	if (one_sided) {
		async_notify(&pipe->async, FMODE_READ, POLL_IN);
		async_notify(&pipe->async, FMODE_WRITE, POLL_OUT);
	}
	pipe_put(file->inode, pipe);
}

static int readable_bytes(struct pipe *pipe)
{
	int n = 0;

	mutex_lock(&pipe->lock);
	for (u32 i = pipe->tail; i != pipe->head; i++)
		n += pipe_slot(pipe, i)->len;
	mutex_unlock(&pipe->lock);
	return n;
}

static long pipe_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd != FIONREAD)
		return -ENOTTY;
	return put_user(readable_bytes(file->private_data), (int __user *)arg);
}

static long resize(struct pipe *pipe, u32 slots)
{
	struct pipe_buffer *buffers = kcalloc(slots, sizeof(*buffers)), *old;
	u32 used;

	if (!buffers)
		return -ENOMEM;
	mutex_lock(&pipe->lock);
	used = pipe->head - pipe->tail;
	if (used > slots) {
		mutex_unlock(&pipe->lock);
		kfree(buffers);
		return -EBUSY;
	}
	for (u32 i = 0; i < used; i++)
		buffers[i] = *pipe_slot(pipe, pipe->tail + i);
	old = pipe->buffers;
	pipe->buffers = buffers;
	pipe->tail = 0;
	pipe->head = used;
	pipe->slots = slots;
	mutex_unlock(&pipe->lock);
	kfree(old);
	wake_up_poll(&pipe->writers_wait, POLLOUT | POLLWRNORM);
	return slots * PAGE_SIZE;
}

int set_pipe_max_bytes(int bytes)
{
	int size = PAGE_SIZE;

	while (size < bytes)
		if (__builtin_add_overflow(size, size, &size))
			return -EINVAL;
	WRITE_ONCE(pipe_max_bytes, size);
	return 0;
}

static long set_size(struct pipe *pipe, unsigned int bytes)
{
	u32 slots = 1;

	if (bytes > 1u << 31)
		return -EINVAL;
	while (slots * PAGE_SIZE < bytes)
		slots *= 2;
	if (slots > pipe->slots && slots * PAGE_SIZE > (unsigned int)READ_ONCE(pipe_max_bytes) &&
	    !capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return resize(pipe, slots);
}

long pipe_fcntl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct pipe *pipe = file->private_data;

	if (file->ops->read != pipe_read)
		return -EBADF;
	return cmd == F_SETPIPE_SZ ? set_size(pipe, arg) : (long)(pipe->slots * PAGE_SIZE);
}

static int pipe_async(int fd, struct file *file, bool on)
{
	struct pipe *pipe = file->private_data;

	return async_switch(fd, file, on, &pipe->async);
}

const struct file_operations pipe_operations = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.async = pipe_async,
	.release = pipe_release,
};

static struct inode *pipe_inode(void)
{
	struct inode *inode = inode_alloc(pipe_mount->sb, S_IFIFO | 0600);

	if (!inode)
		return NULL;
	inode->nlink = 1;
	inode->pipe = pipe_alloc(false);
	if (!inode->pipe) {
		iput(inode);
		return NULL;
	}
	inode->pipe->readers = inode->pipe->writers = 1;
	inode->pipe->reader_opens = inode->pipe->writer_opens = 1;
	return inode;
}

static struct file *pipe_end(const struct path *path, int flags)
{
	struct file *file = file_alloc(path, flags, &pipe_operations);

	if (!IS_ERR(file)) {
		file->private_data = path->dentry->inode->pipe;
		path->dentry->inode->pipe->files++;
	}
	return file;
}

/* Both ends of a new pipe. */
static int make_pipe(struct file *ends[2], int flags)
{
	struct path path = {.mnt = pipe_mount};
	struct inode *inode = pipe_inode();
	int error = 0;

	if (!inode)
		return -ENOMEM;
	path.dentry = pseudo_dentry(pipe_mount, "pipe", igrab(inode));
	ends[1] = NULL;
	ends[0] = path.dentry ? pipe_end(&path, O_RDONLY | (flags & O_NONBLOCK)) : ERR_PTR(-ENOMEM);
	if (IS_ERR(ends[0])) {
		pipe_free(inode->pipe);
		error = PTR_ERR(ends[0]);
	} else {
		ends[1] = pipe_end(&path, O_WRONLY | (flags & (O_NONBLOCK | O_DIRECT)));
		if (IS_ERR(ends[1])) {
			error = PTR_ERR(ends[1]);
			fput(ends[0]);
		}
	}
	dput(path.dentry);
	iput(inode);
	return error;
}

long sys_pipe2(int __user *user, int flags)
{
	struct file *ends[2];
	int error;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	error = make_pipe(ends, flags);
	return error ? error : fd_install_pair(ends, flags & O_CLOEXEC, user);
}

const struct file_system_type pipefs_type = {
	.name = "pipefs",
	.nodev = true,
	.kernel_only = true,
};

void pipe_init(void)
{
	pipe_cache = kmem_cache_create("pipe", sizeof(struct pipe), 0);
	pipe_mount = pseudo_mount(&pipefs_type, PIPEFS_MAGIC);
}
