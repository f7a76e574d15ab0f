/*
 * Opening FIFOs: the pipe hangs on the inode while somebody has it open. An open for one end waits
 * until the other end is opened (once is enough, even if it is closed again at once: hence the
 * counts of opens); with O_NONBLOCK a reader does not wait and a writer without reader gets ENXIO;
 * an open for both ends never waits (fifo(7)).
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/pipe.h>
#include <tine/poll.h>
#include <tine/sched.h>
#include <tine/task.h>

/* The inode's pipe, made if this is the first open; counts the file. */
static struct pipe *get_pipe(struct inode *inode)
{
	struct pipe *pipe;

	mutex_lock(&inode->lock);
	if (!inode->pipe)
		inode->pipe = pipe_alloc();
	pipe = inode->pipe;
	if (pipe)
		pipe->files++;
	mutex_unlock(&inode->lock);
	return pipe;
}

static void count_ends(struct pipe *pipe, struct file *file)
{
	mutex_lock(&pipe->lock);
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
}

/* Sleeps until *others, or the count of their opens, shows a partner. */
static int wait_for_partner(struct wait_queue *wq, const u32 *others, const u32 *opens)
{
	u32 before = READ_ONCE(*opens);
	struct wait_entry entry;
	int error;

	wait_event(wq, &entry, TASK_INTERRUPTIBLE,
		   READ_ONCE(*others) || READ_ONCE(*opens) != before, error);
	return error;
}

static int fifo_open(struct inode *inode, struct file *file)
{
	bool nonblock = file->flags & O_NONBLOCK;
	struct pipe *pipe = get_pipe(inode);
	int error = 0;

	if (!pipe)
		return -ENOMEM;
	file->private_data = pipe;
	file->ops = &pipe_operations;
	file->mode &= ~(FMODE_SEEKABLE | FMODE_ATOMIC_POS);
	if (!(file->mode & FMODE_READ) && nonblock && !READ_ONCE(pipe->readers))
		error = -ENXIO;
	count_ends(pipe, file);
	if (error == 0 && !(file->mode & FMODE_WRITE) && !READ_ONCE(pipe->writers)) {
		if (nonblock)
			file->writers_before = READ_ONCE(pipe->writer_opens);
		else
			error = wait_for_partner(&pipe->readers_wait, &pipe->writers,
						 &pipe->writer_opens);
	} else if (error == 0 && !(file->mode & FMODE_READ) && !READ_ONCE(pipe->readers)) {
		error = wait_for_partner(&pipe->writers_wait, &pipe->readers, &pipe->reader_opens);
	}
	if (error != 0)
		pipe_operations.release(file);
	return error;
}

const struct file_operations fifo_operations = {
	.open = fifo_open,
};
