/* O_ASYNC (fs/async.c): files that send their owner a signal when something can be done. */
#pragma once

#include <tine/file.h>

struct file_async;
struct pid;

/*
 * For the async operation of files: puts file, called fd, into the list of those that want signals,
 * or takes it out. list belongs to the object behind the file. ENOMEM.
 */
int async_switch(int fd, struct file *file, bool on, struct file_async **list);
/* Makes pid the owner if there is none yet; after async_switch. */
void async_default_owner(struct file *file, struct pid *pid, bool group);

void async_send(struct file_async **list, u32 modes, int code);
/*
 * Something happened, code is POLL_IN and so on: signals to the owners of the files in list that
 * are open for one of modes (FMODE_). No spinlock held.
 */
static inline void async_notify(struct file_async **list, u32 modes, int code)
{
	if (unlikely(READ_ONCE(*list)))
		async_send(list, modes, code);
}

/* fcntl's commands about owner and signal; EINVAL for others. */
long async_fcntl(struct file *file, unsigned int cmd, unsigned long arg);
/* The same by ioctl, for sockets; ENOTTY for others. */
long async_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
/* The last reference to file has gone. */
void async_forget(struct file *file);
