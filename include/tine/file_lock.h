/* Advisory locks on files (fs/file_lock.c): flock(2), and the record locks of fcntl(2). */
#pragma once

#include <tine/fs.h>

struct seq_buffer;

/* F_GETLK, F_SETLK, F_SETLKW and the same for open files (F_OFD_); fd is file's. */
long fcntl_lock(unsigned int fd, struct file *file, unsigned int cmd, struct flock __user *user);

/*
 * Drops owner's locks on inode and wakes who waits for them: of a process (files_struct) that closes
 * a descriptor of it, of an open file that goes. Cheap if the inode was never locked.
 */
void drop_file_locks(struct inode *inode, const void *owner);
/* /proc/locks. */
int show_file_locks(struct seq_buffer *m, struct task_struct *task);

void file_lock_init(void);
