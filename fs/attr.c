/*
 * Changing what a file is: mode, owner, times, size. Each call finds the file, checks that its
 * mount may be written, locks the inode, and leaves the rules to notify_change.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/rw.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

static int change(const struct path *path, struct iattr *attr)
{
	struct inode *inode = path->dentry->inode;
	int error = mnt_want_write(path->mnt);

	if (error != 0)
		return error;
	mutex_lock(&inode->lock);
	/*
	 * A change of owner takes away set-user-id and set-group-id, as a write does, whoever makes
	 * it.
	 */
	error = notify_change(inode, attr);
	mutex_unlock(&inode->lock);
	return error;
}

static int change_user_path(int dfd, const char __user *name, unsigned int flags,
			    struct iattr *attr)
{
	struct path path SCOPED(path_put) = {};
	int error = user_path_at(dfd, name, flags, &path);

	return error != 0 ? error : change(&path, attr);
}

static struct iattr mode_attr(mode_t mode)
{
	return (struct iattr){.valid = ATTR_MODE, .mode = mode & 07777};
}

long sys_fchmodat(int dfd, const char __user *name, mode_t mode)
{
	struct iattr attr = mode_attr(mode);

	return change_user_path(dfd, name, LOOKUP_FOLLOW, &attr);
}

static int change_fd(unsigned int fd, struct iattr *attr)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	return f.file ? change(&f.file->path, attr) : -EBADF;
}

long sys_fchmod(unsigned int fd, mode_t mode)
{
	struct iattr attr = mode_attr(mode);

	return change_fd(fd, &attr);
}

static struct iattr owner_attr(uid_t uid, gid_t gid)
{
	return (struct iattr){
		.valid = ATTR_CHOWN | (uid != (uid_t)-1 ? ATTR_UID : 0) |
			 (gid != (gid_t)-1 ? ATTR_GID : 0),
		.uid = uid,
		.gid = gid,
	};
}

long sys_fchownat(int dfd, const char __user *name, uid_t uid, gid_t gid, int flags)
{
	struct iattr attr = owner_attr(uid, gid);

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_user_path(dfd, name, lookup_flags(flags), &attr);
}

long sys_fchown(unsigned int fd, uid_t uid, gid_t gid)
{
	struct iattr attr = owner_attr(uid, gid);

	return change_fd(fd, &attr);
}

/* Sets the attribute for one time: now, not at all, or to a value. */
static int time_attr(struct iattr *attr, unsigned int which, const struct uapi_timespec *from,
		     struct uapi_timespec *to)
{
	if (from->tv_nsec == UTIME_OMIT)
		return 0;
	attr->valid |= which;
	if (from->tv_nsec == UTIME_NOW) {
		*to = current_time();
		return 0;
	}
	if ((unsigned long)from->tv_nsec >= 1000000000)
		return -EINVAL;
	*to = *from;
	return 0;
}

/* times NULL: both are now. *nothing: neither is to be changed. */
static int times_attr(struct iattr *attr, const struct uapi_timespec times[2], bool *nothing)
{
	int error;

	*nothing = false;
	if (!times) {
		attr->valid = ATTR_ATIME | ATTR_MTIME;
		return 0;
	}
	error = time_attr(attr, ATTR_ATIME, &times[0], &attr->atime);
	if (error == 0)
		error = time_attr(attr, ATTR_MTIME, &times[1], &attr->mtime);
	*nothing = error == 0 && attr->valid == 0;
	/* Both now is what a NULL asks for, and needs as little. */
	if (!(times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW))
		attr->valid |= ATTR_TIMES_SET;
	return error;
}

static long change_times(int dfd, const char __user *name, const struct uapi_timespec times[2],
			 int flags)
{
	struct iattr attr = {};
	bool nothing;
	int error = times_attr(&attr, times, &nothing);

	if (error != 0 || nothing)
		return error;
	if (!name && dfd != AT_FDCWD)
		return flags ? -EINVAL : change_fd(dfd, &attr);
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return change_user_path(dfd, name, lookup_flags(flags), &attr);
}

long sys_utimensat(int dfd, const char __user *name, struct uapi_timespec __user *user, int flags)
{
	struct uapi_timespec times[2];

	if (user && copy_from_user(times, user, sizeof(times)))
		return -EFAULT;
	return change_times(dfd, name, user ? times : NULL, flags);
}

/* The older ways. Those with microseconds know no UTIME_NOW and no UTIME_OMIT. */

long sys_futimesat(int dfd, const char __user *name, const struct uapi_timeval __user *user)
{
	struct uapi_timeval tv[2];
	struct uapi_timespec times[2];

	if (user && copy_from_user(tv, user, sizeof(tv)))
		return -EFAULT;
	for (int i = 0; user && i < 2; i++) {
		if ((unsigned long)tv[i].tv_usec >= 1000000)
			return -EINVAL;
		times[i] = (struct uapi_timespec){tv[i].tv_sec, tv[i].tv_usec * 1000};
	}
	return change_times(dfd, name, user ? times : NULL, 0);
}

long sys_utime(const char __user *name, const struct uapi_utimbuf __user *user)
{
	struct uapi_utimbuf buffer;
	struct uapi_timespec times[2] = {};

	if (user && get_user(buffer, user))
		return -EFAULT;
	if (user) {
		times[0].tv_sec = buffer.actime;
		times[1].tv_sec = buffer.modtime;
	}
	return change_times(AT_FDCWD, name, user ? times : NULL, 0);
}

/* size is within the largest and RLIMIT_FSIZE; the inode is locked. */
static int set_length(struct inode *inode, loff_t size)
{
	struct iattr attr = {.valid = ATTR_SIZE | ATTR_MTIME, .size = size};
	int error;

	mutex_lock(&inode->lock);
	error = check_new_size(inode->size, size);
	if (error == 0) {
		inode_kill_priv(inode);
		error = notify_change(inode, &attr);
	}
	mutex_unlock(&inode->lock);
	return error;
}

static int truncate_path(const struct path *path, loff_t size)
{
	struct inode *inode = path->dentry->inode;
	int error;

	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	error = mnt_want_write(path->mnt);
	if (error == 0)
		error = inode_permission(current->cred, inode, MAY_WRITE);
	if (error == 0)
		error = inode_get_write(inode);
	if (error != 0)
		return error;
	error = set_length(inode, size);
	inode_put_write(inode);
	return error;
}

long sys_truncate(const char __user *name, long size)
{
	struct path path SCOPED(path_put) = {};
	int error;

	if (size < 0)
		return -EINVAL;
	error = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW, &path);
	return error != 0 ? error : truncate_path(&path, size);
}

long sys_ftruncate(unsigned int fd, unsigned long size)
{
	struct fd f SCOPED(fdput) = {};

	if ((long)size < 0)
		return -EINVAL;
	f = fdget(fd);
	if (!f.file)
		return -EBADF;
	if (!S_ISREG(f.file->inode->mode) || !(f.file->mode & FMODE_WRITE))
		return -EINVAL;
	return set_length(f.file->inode, size);
}
