/*
 * fcntl(2) and ioctl(2): what belongs to the descriptor (close-on-exec, duplication) and to the
 * open file (status flags) is done here; the rest goes to the file's own operation. There are no
 * leases: those commands say EINVAL.
 */
#include <tine/async.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/file_lock.h>
#include <tine/fs.h>
#include <tine/pipe.h>
#include <tine/tmpfs.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/ioctl.h>

#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME)

static long dup_from(struct file *file, unsigned long from, bool close_on_exec)
{
	int fd;

	if (from >= rlimit(RLIMIT_NOFILE))
		return -EINVAL;
	fd = get_unused_fd(from, close_on_exec);
	if (fd >= 0)
		fd_install(fd, get_file(file));
	return fd;
}

/* pos_lock held. */
static int switch_async(unsigned int fd, struct file *file, bool on)
{
	if (on == !!(file->flags & FASYNC) || !file->ops->async)
		return 0;
	return file->ops->async(fd, file, on);
}

static long set_flags(unsigned int fd, struct file *file, unsigned int flags)
{
	unsigned int settable = SETTABLE_FLAGS | (file->ops->async ? FASYNC : 0);
	int error;

	if ((flags & ~file->flags & O_NOATIME) &&
	    !inode_owner_or_capable(current->cred, file->inode))
		return -EPERM;
	if ((flags & O_DIRECT) && !S_ISFIFO(file->inode->mode))
		return -EINVAL;
	mutex_lock(&file->pos_lock);
	error = switch_async(fd, file, flags & FASYNC);
	if (error == 0)
		WRITE_ONCE(file->flags, (flags & settable) | (file->flags & ~settable));
	mutex_unlock(&file->pos_lock);
	return error;
}

static bool allowed_on_path(unsigned int cmd)
{
	return cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC || cmd == F_GETFD || cmd == F_SETFD ||
	       cmd == F_GETFL;
}

static long do_fcntl(unsigned int fd, struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return dup_from(file, arg, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_close_on_exec(fd) ? FD_CLOEXEC : 0;
	case F_SETFD:
		return set_fd_close_on_exec(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return file->flags;
	case F_SETFL:
		return set_flags(fd, file, arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return fcntl_lock(fd, file, cmd, (struct flock __user *)arg);
	case F_ADD_SEALS:
	case F_GET_SEALS:
		return memfd_fcntl(file, cmd, arg);
	case F_GETPIPE_SZ:
	case F_SETPIPE_SZ:
		return pipe_fcntl(file, cmd, arg);
	default:
		return async_fcntl(file, cmd, arg);
	}
}

long sys_fcntl(unsigned int fd, unsigned int cmd, unsigned long arg)
{
	struct fd f SCOPED(fdput) = fdget_raw(fd);

	if (!f.file || ((f.file->mode & FMODE_PATH) && !allowed_on_path(cmd)))
		return -EBADF;
	return do_fcntl(fd, f.file, cmd, arg);
}

/* FIONBIO and FIOASYNC: the flag by itself. */
static long set_one_flag(unsigned int fd, struct file *file, unsigned int flag, int __user *user)
{
	int on, error = 0;

	if (get_user(on, user) != 0)
		return -EFAULT;
	mutex_lock(&file->pos_lock);
	if (flag == FASYNC && !on != !(file->flags & FASYNC))
		error = file->ops->async ? switch_async(fd, file, on) : -ENOTTY;
	if (error == 0)
		WRITE_ONCE(file->flags, on ? file->flags | flag : file->flags & ~flag);
	mutex_unlock(&file->pos_lock);
	return error;
}

static long do_ioctl(unsigned int fd, struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		return set_fd_close_on_exec(fd, cmd == FIOCLEX);
	case FIONBIO:
		return set_one_flag(fd, file, O_NONBLOCK, (int __user *)arg);
	case FIOASYNC:
		return set_one_flag(fd, file, FASYNC, (int __user *)arg);
	case FIONREAD:
		if (S_ISREG(file->inode->mode))
			return put_user((int)(file->inode->size - file->pos), (int __user *)arg);
		break;
	}
	return file->ops->ioctl ? file->ops->ioctl(file, cmd, arg) : -ENOTTY;
}

long sys_ioctl(unsigned int fd, unsigned int cmd, unsigned long arg)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	return f.file ? do_ioctl(fd, f.file, cmd, arg) : -EBADF;
}
