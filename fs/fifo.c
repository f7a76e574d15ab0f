/*
 * Opening FIFOs: the pipe hangs on the inode while somebody has it open. An open for one end waits
 * until the other end is opened (once is enough, even if it is closed again at once: hence the
 * counts of opens); with O_NONBLOCK a reader does not wait and a writer without reader gets ENXIO;
 * an open for both ends never waits (fifo(7)). Nor does one of a pipe without a name, by way of
 * /proc/PID/fd: its other end was open from the beginning, and may be closed for good.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/pipe.h>
#include <tine/poll.h>
#include <tine/sched.h>
#include <tine/task.h>
#include <uapi/statfs.h>

/* The inode's pipe, made if this is the first open; counts the file. */
static struct pipe *get_pipe(struct inode *inode)
{
	struct pipe *pipe;

	mutex_lock(&inode->lock);
	if (!inode->pipe)
		inode->pipe = pipe_alloc(inode->sb->magic != PIPEFS_MAGIC);
	pipe = inode->pipe;
	if (pipe)
		pipe->files++;
	mutex_unlock(&inode->lock);
	return pipe;
}

/* How often the other end has been opened. */
static const u32 *partner_opens(const struct pipe *pipe, const struct file *file)
{
	return file->mode & FMODE_READ ? &pipe->writer_opens : &pipe->reader_opens;
}

/*
 * The file counts as what it was opened for; *partners: how often the other end had been opened.
 * ENXIO: it may not wait, and there is nobody to read what it writes.
 */
static int count_ends(struct pipe *pipe, struct file *file, u32 *partners)
{
	bool write_only = !(file->mode & FMODE_READ);

	mutex_lock(&pipe->lock);
	if (write_only && (file->flags & O_NONBLOCK) && !pipe->readers && pipe->named) {
		mutex_unlock(&pipe->lock);
		return -ENXIO;
	}
	*partners = *partner_opens(pipe, file);
	if (file->mode & FMODE_READ) {
		pipe->readers++;
		pipe->reader_opens++;
	}
	if (file->mode & FMODE_WRITE) {
		pipe->writers++;
		pipe->writer_opens++;
	}
	mutex_unlock(&pipe->lock);
	wake_up_all(&pipe->readers_wait);
	wake_up_all(&pipe->writers_wait);
	return 0;
}

/* The other end is open now, or has been opened since. */
static bool has_partner(const struct pipe *pipe, const struct file *file, u32 before)
{
	const u32 *there = file->mode & FMODE_READ ? &pipe->writers : &pipe->readers;

	return READ_ONCE(*there) || READ_ONCE(*partner_opens(pipe, file)) != before;
}

static int wait_for_partner(struct pipe *pipe, struct file *file, u32 before)
{
	struct wait_queue *wq = file->mode & FMODE_READ ? &pipe->readers_wait : &pipe->writers_wait;

	return wait_event(wq, TASK_INTERRUPTIBLE, has_partner(pipe, file, before));
}

static int fifo_open(struct inode *inode, struct file *file)
{
	bool both = (file->mode & FMODE_READ) && (file->mode & FMODE_WRITE);
	struct pipe *pipe = get_pipe(inode);
	u32 partners;
	int error;

	if (!pipe)
		return -ENOMEM;
	file->private_data = pipe;
	file->ops = &pipe_operations;
	file->mode &= ~(FMODE_SEEKABLE | FMODE_ATOMIC_POS);
	error = count_ends(pipe, file, &partners);
	if (error != 0) {
		pipe_put(inode, pipe);
		return error;
	}
	if (both || !pipe->named || has_partner(pipe, file, partners))
		return 0;
	if (file->flags & O_NONBLOCK) {
		file->generation = partners;
		return 0;
	}
	error = wait_for_partner(pipe, file, partners);
	if (error != 0)
		pipe_operations.release(file);
	return error;
}

const struct file_operations fifo_operations = {
	.open = fifo_open,
};
