/* Pipes (fs/pipe.c) and named ones (fs/fifo.c). */
#pragma once

#include <tine/mutex.h>
#include <tine/types.h>
#include <tine/wait_queue.h>

struct file;
struct file_async;
struct inode;
struct iov_iter;
struct page;

#define PIPE_BUF           4096u
#define PIPE_DEFAULT_SLOTS 16u

extern int pipe_max_bytes; /* fs.pipe-max-size: the unprivileged make pipes no larger */
/* Sets it to bytes, rounded up to a power of two pages. EINVAL. */
int set_pipe_max_bytes(int bytes);

struct pipe_buffer {
	struct page *page;
	u32 offset;
	u16 len;
	bool packet; /* O_DIRECT: one write, one read */
	bool shared; /* others have the page too: nobody writes to it */
};

/* lock guards all but the wait queues. */
struct pipe {
	struct mutex lock;
	struct wait_queue readers_wait; /* for bytes, or the end of the last writer */
	struct wait_queue writers_wait; /* for room, or the end of the last reader */
	struct pipe_buffer *buffers;    /* a ring of slots */
	struct page *spare;             /* a page kept for the next write */
	u32 slots;                      /* a power of two */
	u32 head, tail;                 /* free-running: buffers are [tail, head) */
	u32 readers, writers;           /* open files with that end */
	u32 reader_opens, writer_opens; /* ever: what a blocking open of a FIFO waits for */
	bool polled; /* ever: then every write is told of, for edge-triggered watchers */
	bool named;  /* a FIFO */
	struct file_async *async; /* async.c: of both ends */
	u32 files;                /* open files, FIFO's inode lock */
};

/* These two for who has not locked it: so it was a moment ago. */
static inline bool pipe_looks_empty(const struct pipe *pipe)
{
	return READ_ONCE(pipe->head) == READ_ONCE(pipe->tail);
}

static inline bool pipe_looks_full(const struct pipe *pipe)
{
	return READ_ONCE(pipe->head) - READ_ONCE(pipe->tail) >= READ_ONCE(pipe->slots);
}

/* The rest of this part is for who has the pipe locked. */
static inline bool pipe_empty(const struct pipe *pipe)
{
	return pipe->head == pipe->tail;
}

static inline bool pipe_full(const struct pipe *pipe)
{
	return pipe->head - pipe->tail >= pipe->slots;
}

static inline struct pipe_buffer *pipe_slot(const struct pipe *pipe, u32 index)
{
	return &pipe->buffers[index & (pipe->slots - 1)];
}

/* Until there are bytes, or nobody to write any: 0; or -ERESTARTSYS. The pipe is not locked. */
int pipe_wait_for_bytes(struct pipe *pipe);
/* Until there is room, or nobody to read. */
int pipe_wait_for_room(struct pipe *pipe);
/* Somebody writes, and nobody is there to read: SIGPIPE to current, and -EPIPE. */
int pipe_broken(void);

/* The rest of this part is for who has the pipe locked. */
/* Lets go of the first slot. */
void pipe_drop_slot(struct pipe *pipe);
/*
 * Takes bytes out of the ring while there are any and somebody wants them. Bytes moved, or -EFAULT.
 */
ssize_t pipe_take_bytes(struct pipe *pipe, struct iov_iter *to);
/* Puts bytes into the ring while there is room. Bytes moved; if none, 0, -EFAULT or -ENOMEM. */
ssize_t pipe_put_bytes(struct pipe *pipe, struct iov_iter *from, bool packet);

/* named: a FIFO, whose times are kept. NULL: out of memory. */
struct pipe *pipe_alloc(bool named);
/* A file that had it open has gone; the last one frees it. */
void pipe_put(struct inode *inode, struct pipe *pipe);
extern const struct file_operations pipe_operations;
long pipe_fcntl(struct file *file, unsigned int cmd, unsigned long arg);
