/* Waiting for events on files (fs/poll.c). */
#pragma once

#include <tine/file.h>
#include <tine/wait_queue.h>
#include <uapi/poll.h>

/* What a file's poll operation registers with. queue NULL: nobody wants to wait (any more). */
struct poll_table {
	void (*queue)(struct file *file, struct wait_queue *wq, struct poll_table *table);
	u32 events; /* that the waiter asked for */
};

/*
 * For poll operations: wq will be woken when what file has ready may have changed. table may be
 * NULL.
 */
static inline void poll_wait(struct file *file, struct wait_queue *wq, struct poll_table *table)
{
	if (table && table->queue)
		table->queue(file, wq, table);
}

struct poll_entry {
	struct wait_entry wait;
	struct wait_queue *wq;
	struct file *file; /* counted: keeps wq */
	u32 events;
	struct poll_waiter *waiter;
};

#define POLL_INLINE_ENTRIES 3

struct poll_page;

/* One task that waits on any number of files. */
struct poll_waiter {
	struct poll_table table;
	struct task_struct *task;
	bool triggered;
	int error; /* -ENOMEM: an entry could not be made */
	unsigned int inline_used;
	struct poll_page *pages;
	struct poll_entry inline_entries[POLL_INLINE_ENTRIES];
};

/*
 * Has look ask the files, again and again, until it says that some are ready; wait: they are to be
 * waited for, by vfs_poll with waiter->table. What it said; 0 when *left ns are over, which is then
 * 0; -ERESTARTNOHAND for a signal, -ENOMEM.
 */
int poll_until(int (*look)(void *arg, struct poll_waiter *waiter, bool wait), void *arg, u64 *left);

/* Events ready on file; POLLIN and POLLOUT for files without a poll operation. */
u32 vfs_poll(struct file *file, struct poll_table *table);
