/*
 * Pidfds: descriptors that stand for a process (pidfd_open(2), clone(2) with CLONE_PIDFD).
 *
 * The file holds a struct pid, which outlives the process and is never given to another one: so what
 * is done through it cannot meet a stranger who got the same number. It becomes readable when the
 * process has ended, which is when a parent could wait for it. The queue for that hangs on the pid
 * while there are such files: processes that nobody watches have none.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/pidfd.h>
#include <tine/poll.h>
#include <tine/proc_fs.h>
#include <tine/pseudo_fs.h>
#include <tine/signal_internal.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define PIDFD_NONBLOCK O_NONBLOCK

static bool has_exited(struct pid *pid)
{
	struct task_struct *task;
	bool exited;

	spin_lock(&tasklist_lock);
	task = pid_task(pid, PIDTYPE_PID);
	exited = !task || (task->exit_state && task->signal->nr_threads == 1);
	spin_unlock(&tasklist_lock);
	return exited;
}

static u32 pidfd_poll(struct file *file, struct poll_table *table)
{
	struct pid *pid = file->private_data;

	poll_wait(file, &pid->exit_wait->queue, table);
	return has_exited(pid) ? POLLIN | POLLRDNORM : 0;
}

static void put_exit_wait(struct pid *pid)
{
	struct exit_wait *unused = NULL;

	spin_lock(&tasklist_lock);
	if (--pid->exit_wait->files == 0) {
		unused = pid->exit_wait;
		pid->exit_wait = NULL;
	}
	spin_unlock(&tasklist_lock);
	kfree(unused);
}

static void pidfd_release(struct file *file)
{
	put_exit_wait(file->private_data);
	put_pid(file->private_data);
}

static void pidfd_show(struct seq_buffer *m, struct file *file)
{
	struct pid *pid = file->private_data;
	int nr;

	nr = SPIN_LOCKED(&tasklist_lock, pid_task(pid, PIDTYPE_PID) ? pid_vnr(pid) : -1);
	seq_printf(m, "Pid:\t%d\nNSpid:\t%d\n", nr, nr);
}

static const struct file_operations pidfd_operations = {
	.poll = pidfd_poll,
	.release = pidfd_release,
	.show_fdinfo = pidfd_show,
};

/* One more file for pid; the first makes the queue. */
static int get_exit_wait(struct pid *pid)
{
	struct exit_wait *new = kzalloc(sizeof(*new));

	if (!new)
		return -ENOMEM;
	wait_queue_init(&new->queue);
	spin_lock(&tasklist_lock);
	if (!pid->exit_wait) {
		pid->exit_wait = new;
		new = NULL;
	}
	pid->exit_wait->files++;
	spin_unlock(&tasklist_lock);
	kfree(new);
	return 0;
}

int pidfd_prepare(struct pid *pid, int flags, struct file **file)
{
	int fd = get_unused_fd(0, true), error;

	if (fd < 0)
		return fd;
	error = get_exit_wait(pid);
	if (error == 0) {
		*file = anon_inode_file("[pidfd]", O_RDWR | flags, &pidfd_operations, pid);
		error = IS_ERR(*file) ? PTR_ERR(*file) : 0;
		if (error != 0)
			put_exit_wait(pid);
	}
	if (error != 0) {
		put_unused_fd(fd);
		return error;
	}
	get_pid(pid);
	return fd;
}

void pidfd_abandon(int fd, struct file *file)
{
	put_unused_fd(fd);
	fput(file);
}

struct pid *pidfd_get_pid(unsigned int fd, unsigned int *flags)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	if (!f.file || f.file->ops != &pidfd_operations)
		return ERR_PTR(-EBADF);
	*flags = f.file->flags;
	return get_pid(f.file->private_data);
}

struct task_struct *pidfd_get_task(unsigned int fd)
{
	unsigned int flags;
	struct pid *pid = pidfd_get_pid(fd, &flags);
	struct task_struct *task;

	if (IS_ERR(pid))
		return ERR_PTR(PTR_ERR(pid));
	task = get_pid_task(pid, PIDTYPE_PID);
	put_pid(pid);
	return task ? task : ERR_PTR(-ESRCH);
}

long sys_pidfd_open(pid_t nr, unsigned int flags)
{
	struct pid *pid;
	struct file *file;
	bool leads;
	int fd = -EINVAL;

	if ((flags & ~PIDFD_NONBLOCK) || nr <= 0)
		return -EINVAL;
	pid = find_get_pid(nr);
	if (!pid)
		return -ESRCH;
	leads = SPIN_LOCKED(&tasklist_lock, pid_task(pid, PIDTYPE_TGID));
	if (leads)
		fd = pidfd_prepare(pid, flags, &file);
	if (fd >= 0)
		fd_install(fd, file);
	put_pid(pid);
	return fd;
}

/* A pidfd, or a descriptor of /proc/PID. */
static struct pid *signal_target(unsigned int fd)
{
	unsigned int flags;
	struct pid *pid = pidfd_get_pid(fd, &flags);

	return IS_ERR(pid) ? proc_fd_pid(fd) : pid;
}

static int read_signal(siginfo_t *info, int sig, const siginfo_t __user *user, struct pid *pid)
{
	int error, signo;

	if (!user) {
		siginfo_from_current(info, sig, SI_USER);
		return 0;
	}
	error = get_user(signo, &user->si_signo);
	if (error == 0)
		error = copy_siginfo_from_user(info, sig, user);
	if (error == 0 && signo != sig)
		error = -EINVAL;
	/* Only to itself may a program send what looks as if it came from the kernel. */
	if (error == 0 && pid != current->thread_pid &&
	    (info->si_code >= 0 || info->si_code == SI_TKILL))
		error = -EPERM;
	return error;
}

long sys_pidfd_send_signal(int fd, int sig, siginfo_t __user *user, unsigned int flags)
{
	struct task_struct *task;
	struct pid *pid;
	siginfo_t info;
	int error;

	if (flags)
		return -EINVAL;
	pid = signal_target(fd);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	error = read_signal(&info, sig, user, pid);
	if (error == 0) {
		spin_lock(&tasklist_lock);
		task = pid_task(pid, PIDTYPE_PID);
		error = task ? group_send_sig_info(sig, &info, task) : -ESRCH;
		spin_unlock(&tasklist_lock);
	}
	put_pid(pid);
	return error;
}

/* A file of another process, as a descriptor here. task is kept by the caller. */
static int steal_file(struct task_struct *task, int number)
{
	struct file *file;
	int fd;

	if (!may_inspect(task, INSPECT_BY_REAL_IDS))
		return -EPERM;
	file = task_get_file(task, number, NULL);
	if (!file)
		return READ_ONCE(task->files) ? -EBADF : -ESRCH;
	fd = get_unused_fd(0, true);
	if (fd < 0)
		fput(file);
	else
		fd_install(fd, file);
	return fd;
}

long sys_pidfd_getfd(int fd, int number, unsigned int flags)
{
	struct task_struct *task;
	int result;

	if (flags)
		return -EINVAL;
	task = pidfd_get_task(fd);
	if (IS_ERR(task))
		return PTR_ERR(task);
	result = steal_file(task, number);
	put_task_struct(task);
	return result;
}
