/* Pipes (fs/pipe.c) and named ones (fs/fifo.c). */
#ifndef TINE_PIPE_H
#define TINE_PIPE_H

#include <tine/mutex.h>
#include <tine/types.h>
#include <tine/wait_queue.h>

struct file;
struct inode;
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
	u32 files;   /* open files, FIFO's inode lock */
};

struct pipe *pipe_alloc(void); /* NULL: out of memory */
void pipe_free(struct pipe *pipe);
/* A file that had it open has gone; the last one frees it. */
void pipe_put(struct inode *inode, struct pipe *pipe);
extern const struct file_operations pipe_operations;
long pipe_fcntl(struct file *file, unsigned int cmd, unsigned long arg);

#endif
