/* Descriptors that stand for processes (kernel/pidfd.c, pidfd_open(2)). */
#pragma once

#include <tine/pid.h>

struct file;
struct task_struct;

/*
 * A descriptor for pid, reserved but not yet installed, and its file in *file: the caller installs
 * them, or gives both back. flags: O_NONBLOCK or 0. EMFILE, ENFILE, ENOMEM.
 */
int pidfd_prepare(struct pid *pid, int flags, struct file **file);
/* Gives back what was prepared and not installed. */
void pidfd_abandon(int fd, struct file *file);
/* The process that descriptor fd stands for, with a reference, and the file's flags. -EBADF. */
struct pid *pidfd_get_pid(unsigned int fd, unsigned int *flags);
/* That process's leader, counted; it may be a zombie. EBADF; ESRCH: it is gone. */
struct task_struct *pidfd_get_task(unsigned int fd);

/* Who polls the files of a pid. */
struct exit_wait {
	struct wait_queue queue;
	unsigned int files; /* tasklist_lock */
};

/* The process is a zombie, or gone: whoever polls a descriptor of it is told. tasklist_lock held. */
static inline void pid_exited(struct pid *pid)
{
	if (unlikely(pid->exit_wait))
		wake_up_all(&pid->exit_wait->queue);
}
