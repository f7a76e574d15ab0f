/* Duplicating descriptors, and closing many at once: dup(2), dup2(2), dup3(2), close_range(2). */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/syscall.h>
#include <tine/task.h>

long sys_dup(unsigned int old)
{
	struct fd f SCOPED(fdput) = fdget_raw(old);
	int fd = f.file ? get_unused_fd(0, false) : -EBADF;

	if (fd >= 0)
		fd_install(fd, get_file(f.file));
	return fd;
}

long sys_dup3(unsigned int old, unsigned int new, int flags)
{
	struct fd f SCOPED(fdput) = {};
	int error;

	if ((flags & ~O_CLOEXEC) || old == new)
		return -EINVAL;
	if (new >= fd_limit())
		return -EBADF;
	f = fdget_raw(old);
	if (!f.file)
		return -EBADF;
	error = fd_install_at(new, f.file, flags & O_CLOEXEC);
	return error != 0 ? error : (long)new;
}

long sys_dup2(unsigned int old, unsigned int new)
{
	struct fd f SCOPED(fdput) = {};

	if (old != new)
		return sys_dup3(old, new, 0);
	f = fdget_raw(old);
	return f.file ? (long)new : -EBADF;
}

long sys_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	int error = 0;

	if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
		return -EINVAL;
	if (!current->files)
		return 0;
	if (flags & CLOSE_RANGE_UNSHARE)
		error = unshare_files();
	for (u64 fd = first; error == 0; fd++) {
		fd = next_open_fd(fd, last);
		if (fd > last)
			break;
		if (flags & CLOSE_RANGE_CLOEXEC)
			error = set_fd_close_on_exec(fd, true);
		else
			close_fd(fd);
	}
	return error;
}
