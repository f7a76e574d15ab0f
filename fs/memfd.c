/*
 * memfd_create(2): a file in memory without a name, and seals, which take away for good what may be
 * done to such a file: growing, shrinking, writing, adding more seals (fcntl(2)). tmpfs obeys them;
 * this file hands them out.
 *
 * A file is sealed against writing only while nobody has a shared mapping of it that may be written
 * to. The seal comes first and the search second: a mapping that is made meanwhile either sees the
 * seal or is found. Writes wait for the inode's lock until it is decided.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/mm.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/tmpfs.h>
#include <tine/uaccess.h>
#include <uapi/falloc.h>

#define NAME_LIMIT 249 /* that "memfd:" and a name still are a file name */
#define SEALS      (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static struct file *new_memfd(const char *name, unsigned int flags)
{
	struct file *file = shmem_file_setup(name, 0);

	if (IS_ERR(file))
		return file;
	file->inode->mapped = false;
	file->flags |= O_LARGEFILE;
	file->mode |= FMODE_SEEKABLE | FMODE_ATOMIC_POS;
	if (flags & MFD_ALLOW_SEALING)
		file->inode->seals = 0;
	return file;
}

static int install(const char *name, unsigned int flags)
{
	int fd = get_unused_fd(0, flags & MFD_CLOEXEC);

	return fd < 0 ? fd : fd_finish(fd, new_memfd(name, flags));
}

/* There are no huge pages: as on a Linux without them. */
long sys_memfd_create(const char __user *user, unsigned int flags)
{
	static const char prefix[] = "/memfd:";
	const size_t start = sizeof(prefix) - 1;
	char name[sizeof(prefix) + NAME_LIMIT + 1];
	long n;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
		return -EINVAL;
	memcpy(name, prefix, start);
	n = strncpy_from_user(name + start, user, NAME_LIMIT + 1);
	if (n < 0)
		return n;
	return n > NAME_LIMIT ? -EINVAL : install(name, flags);
}

static long seal(struct inode *inode, u32 seals)
{
	u32 old = inode->seals;

	if (old & F_SEAL_SEAL)
		return -EPERM;
	WRITE_ONCE(inode->seals, old | seals);
	smp_mb();
	if ((seals & ~old & F_SEAL_WRITE) && READ_ONCE(inode->mapped) &&
	    file_mapped_writable(inode)) {
		WRITE_ONCE(inode->seals, old);
		return -EBUSY;
	}
	return 0;
}

long memfd_fcntl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct inode *inode = file->inode;

	if (cmd == F_ADD_SEALS) {
		if (!(file->mode & FMODE_WRITE))
			return -EPERM;
		if (arg & ~(unsigned long)SEALS)
			return -EINVAL;
	}
	if (file->ops != &tmpfs_file_operations)
		return -EINVAL;
	return MUTEX_LOCKED(&inode->lock,
			    cmd == F_ADD_SEALS ? seal(inode, arg) : (long)inode->seals);
}
