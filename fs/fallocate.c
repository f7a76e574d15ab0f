/*
 * fallocate(2): memory for a part of a file before it is written, and holes. What holds for every
 * file is checked here, in Linux's order; the rest is the file's operation.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/syscall.h>
#include <uapi/falloc.h>

#define KNOWN_MODES                                                              \
	(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | \
	 FALLOC_FL_ZERO_RANGE | FALLOC_FL_INSERT_RANGE | FALLOC_FL_UNSHARE_RANGE)

static int check_mode(int mode)
{
	const int hole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;

	if ((mode & ~KNOWN_MODES) || (mode & hole) == hole)
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_PUNCH_HOLE) && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if ((mode & FALLOC_FL_COLLAPSE_RANGE) && mode != FALLOC_FL_COLLAPSE_RANGE)
		return -EINVAL;
	if ((mode & FALLOC_FL_INSERT_RANGE) && mode != FALLOC_FL_INSERT_RANGE)
		return -EINVAL;
	if ((mode & FALLOC_FL_UNSHARE_RANGE) &&
	    (mode & ~(FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE)))
		return -EINVAL;
	return 0;
}

int vfs_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	mode_t kind = file->inode->mode;
	int error;

	if (offset < 0 || length <= 0)
		return -EINVAL;
	error = check_mode(mode);
	if (error)
		return error;
	if (!(file->mode & FMODE_WRITE))
		return -EBADF;
	if (S_ISFIFO(kind))
		return -ESPIPE;
	if (S_ISDIR(kind))
		return -EISDIR;
	if (!S_ISREG(kind) && !S_ISBLK(kind))
		return -ENODEV;
	if (offset > MAX_LFS_FILESIZE - length)
		return -EFBIG;
	return file->ops->fallocate ? file->ops->fallocate(file, mode, offset, length)
				    : -EOPNOTSUPP;
}

long sys_fallocate(int fd, int mode, loff_t offset, loff_t length)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	return f.file ? vfs_fallocate(f.file, mode, offset, length) : -EBADF;
}
