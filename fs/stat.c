/*
 * What a file is: stat(2) in its many forms, statx(2), access(2), readlink(2), statfs(2), and the
 * calls that have nothing to wait for because nothing here is on a disk (sync, fsync, fadvise).
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/page.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/stat.h>
#include <uapi/mount.h>
#include <uapi/statfs.h>

static u64 inode_blocks(const struct inode *inode)
{
	return READ_ONCE(inode->block_count) * (PAGE_SIZE / 512);
}

static u64 inode_block_size(const struct inode *inode)
{
	return inode->sb->type == &proc_type ? 1024 : PAGE_SIZE;
}

static void fill_stat(const struct inode *inode, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_dev = new_encode_dev(inode->sb->dev);
	st->st_ino = inode->ino;
	st->st_nlink = inode->nlink;
	st->st_mode = inode->mode;
	st->st_uid = inode->uid;
	st->st_gid = inode->gid;
	st->st_rdev = new_encode_dev(inode->rdev);
	st->st_size = READ_ONCE(inode->size);
	st->st_blksize = inode_block_size(inode);
	st->st_blocks = inode_blocks(inode);
	st->st_atime_sec = inode->atime.tv_sec;
	st->st_atime_nsec = inode->atime.tv_nsec;
	st->st_mtime_sec = inode->mtime.tv_sec;
	st->st_mtime_nsec = inode->mtime.tv_nsec;
	st->st_ctime_sec = inode->ctime.tv_sec;
	st->st_ctime_nsec = inode->ctime.tv_nsec;
}

static long stat_inode(const struct inode *inode, struct stat __user *user)
{
	struct stat st;

	fill_stat(inode, &st);
	return copy_to_user(user, &st, sizeof(st)) ? -EFAULT : 0;
}

static long stat_path(int dfd, const char __user *name, unsigned int flags,
		      struct stat __user *user)
{
	struct path path SCOPED(path_put) = {};
	long error = user_path_at(dfd, name, flags, &path);

	return error != 0 ? error : stat_inode(path.dentry->inode, user);
}

long sys_fstat(unsigned int fd, struct stat __user *st)
{
	struct fd f SCOPED(fdput) = fdget_raw(fd);

	return f.file ? stat_inode(f.file->inode, st) : -EBADF;
}

/* An empty name with AT_EMPTY_PATH is the descriptor itself: no need for a walk. */
static bool is_descriptor_itself(const char __user *name, int flags)
{
	char first;

	return (flags & AT_EMPTY_PATH) && get_user(first, name) == 0 && first == '\0';
}

long sys_newfstatat(int dfd, const char __user *name, struct stat __user *st, int flags)
{
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if (dfd >= 0 && is_descriptor_itself(name, flags))
		return sys_fstat(dfd, st);
	return stat_path(dfd, name, lookup_flags(flags), st);
}

static struct statx_timestamp statx_time(struct uapi_timespec ts)
{
	return (struct statx_timestamp){.tv_sec = ts.tv_sec, .tv_nsec = ts.tv_nsec};
}

static void fill_statx(const struct path *path, struct statx *stx, unsigned int mask)
{
	const struct inode *inode = path->dentry->inode;

	memset(stx, 0, sizeof(*stx));
	stx->stx_mask = STATX_BASIC_STATS | STATX_MNT_ID;
	stx->stx_blksize = inode_block_size(inode);
	stx->stx_nlink = inode->nlink;
	stx->stx_uid = inode->uid;
	stx->stx_gid = inode->gid;
	stx->stx_mode = inode->mode;
	stx->stx_ino = inode->ino;
	stx->stx_size = READ_ONCE(inode->size);
	stx->stx_blocks = inode_blocks(inode);
	stx->stx_atime = statx_time(inode->atime);
	stx->stx_mtime = statx_time(inode->mtime);
	stx->stx_ctime = statx_time(inode->ctime);
	stx->stx_rdev_major = MAJOR(inode->rdev);
	stx->stx_rdev_minor = MINOR(inode->rdev);
	stx->stx_dev_major = MAJOR(inode->sb->dev);
	stx->stx_dev_minor = MINOR(inode->sb->dev);
	stx->stx_mnt_id = path->mnt->id;
	stx->stx_attributes_mask = STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX;
	if (inode->sb->magic == TMPFS_MAGIC) {
		stx->stx_attributes_mask |= STATX_ATTR_TMPFS;
		stx->stx_mask |= mask & STATX_BTIME;
		if (mask & STATX_BTIME)
			stx->stx_btime = statx_time(inode->btime);
	}
	if (path->dentry == path->mnt->root)
		stx->stx_attributes = STATX_ATTR_MOUNT_ROOT;
}

long sys_statx(int dfd, const char __user *name, unsigned int flags, unsigned int mask,
	       struct statx __user *user)
{
	struct path path SCOPED(path_put) = {};
	struct statx *stx SCOPED(kfree) = NULL;
	long error;

	if ((mask & STATX_RESERVED) || (flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE)
		return -EINVAL;
	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	error = user_path_at(dfd, name, lookup_flags(flags), &path);
	if (error != 0)
		return error;
	stx = kmalloc(sizeof(*stx));
	if (!stx)
		return -ENOMEM;
	fill_statx(&path, stx, mask);
	return copy_to_user(user, stx, sizeof(*stx)) ? -EFAULT : 0;
}

static int check_access(const struct path *path, const struct cred *cred, unsigned int mode)
{
	struct inode *inode = path->dentry->inode;
	int error;

	if ((mode & MAY_EXEC) && S_ISREG(inode->mode) && (path->mnt->flags & MNT_NOEXEC))
		return -EACCES;
	error = inode_permission(cred, inode, mode);
	if (error == 0 && (mode & MAY_WRITE) && !S_ISCHR(inode->mode) && !S_ISBLK(inode->mode) &&
	    !S_ISFIFO(inode->mode) && !S_ISSOCK(inode->mode))
		error = mnt_want_write(path->mnt);
	return error;
}

/* With the real instead of the effective identity, and the capabilities that go with it. */
static void make_real(struct cred *cred)
{
	cred->fsuid = cred->uid;
	cred->fsgid = cred->gid;
	cred->cap_effective = cred->uid == 0 ? cred->cap_permitted : 0;
}

long sys_faccessat2(int dfd, const char __user *name, int mode, int flags)
{
	struct path path SCOPED(path_put) = {};
	struct cred cred = *current->cred;
	char *kernel_name SCOPED(putname) = NULL;
	long error;

	if ((mode & ~7) || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)))
		return -EINVAL;
	if (!(flags & AT_EACCESS))
		make_real(&cred);
	kernel_name = flags & AT_EMPTY_PATH ? getname_empty(name) : getname(name);
	if (IS_ERR(kernel_name))
		return PTR_ERR(kernel_name);
	error = path_lookup(dfd, kernel_name, lookup_flags(flags), &cred, &path);
	return error != 0 ? error : check_access(&path, &cred, mode);
}

/* The text of a link that jumps is the name of what it jumps to. */
static const char *jump_text(struct inode *inode, char *buf)
{
	struct path target SCOPED(path_put) = {}, root SCOPED(path_put) = {};
	bool outside;
	int error = inode->ops->jump(inode, &target);

	if (error != 0)
		return ERR_PTR(error);
	get_fs_root(&root);
	return path_name(&target, &root, buf, PATH_MAX, &outside);
}

static long read_link(struct inode *inode, char __user *user, int size)
{
	char *buf SCOPED(kfree) = kmalloc(PATH_MAX);
	const char *text;
	int n;

	if (!buf)
		return -ENOMEM;
	text = inode->ops->jump ? jump_text(inode, buf) : inode->ops->get_link(inode, buf);
	if (IS_ERR(text))
		return PTR_ERR(text);
	n = MIN((int)strlen(text), size);
	return copy_to_user(user, text, n) ? -EFAULT : n;
}

long sys_readlinkat(int dfd, const char __user *name, char __user *user, int size)
{
	struct path path SCOPED(path_put) = {};
	bool empty;
	char first;
	long error;

	if (size <= 0)
		return -EINVAL;
	empty = get_user(first, name) == 0 && first == '\0';
	error = user_path_at(dfd, name, LOOKUP_EMPTY, &path);
	if (error != 0)
		return error;
	if (S_ISLNK(path.dentry->inode->mode))
		return read_link(path.dentry->inode, user, size);
	return empty ? -ENOENT : -EINVAL;
}

static unsigned long statfs_flags(const struct vfsmount *mnt)
{
	return ST_VALID | (mnt->flags & MNT_SHOWN) | (mnt_want_write(mnt) ? ST_RDONLY : 0) |
	       (mnt->sb->flags & (MS_SYNCHRONOUS | MS_MANDLOCK));
}

static long statfs_path(const struct path *path, struct statfs __user *user)
{
	struct super_block *sb = path->mnt->sb;
	struct statfs st = {
		.f_type = sb->magic,
		.f_bsize = PAGE_SIZE,
		.f_frsize = PAGE_SIZE,
		.f_namelen = NAME_MAX,
		.f_fsid = {sb->dev},
		.f_flags = statfs_flags(path->mnt),
	};

	if (sb->ops->statfs)
		sb->ops->statfs(sb, &st);
	return copy_to_user(user, &st, sizeof(st)) ? -EFAULT : 0;
}

long sys_statfs(const char __user *name, struct statfs __user *user)
{
	struct path path SCOPED(path_put) = {};
	long error = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW, &path);

	return error != 0 ? error : statfs_path(&path, user);
}

long sys_fstatfs(unsigned int fd, struct statfs __user *user)
{
	struct fd f SCOPED(fdput) = fdget_raw(fd);

	return f.file ? statfs_path(&f.file->path, user) : -EBADF;
}

/* The name of the working directory, its NUL counted. */
long sys_getcwd(char __user *user, unsigned long size)
{
	static const char unreachable[] = "(unreachable)";
	struct path root SCOPED(path_put) = {}, pwd SCOPED(path_put) = {};
	char *buf SCOPED(kfree) = kmalloc(PATH_MAX), *text;
	unsigned long len;
	bool outside;

	if (!buf)
		return -ENOMEM;
	get_fs_root_and_pwd(&root, &pwd);
	if (pwd.dentry->flags & DENTRY_GONE)
		return -ENOENT;
	text = path_name(&pwd, &root, buf, PATH_MAX, &outside);
	if (IS_ERR(text))
		return PTR_ERR(text);
	if (outside) {
		if (text - buf < (long)sizeof(unreachable) - 1)
			return -ENAMETOOLONG;
		text -= sizeof(unreachable) - 1;
		memcpy(text, unreachable, sizeof(unreachable) - 1);
	}
	len = strlen(text) + 1;
	if (len > size)
		return -ERANGE;
	return copy_to_user(user, text, len) ? -EFAULT : (long)len;
}

long sys_syncfs(int fd)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	return f.file ? 0 : -EBADF;
}

long sys_fsync(unsigned int fd)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	if (!f.file)
		return -EBADF;
	return f.file->ops->fsync ? f.file->ops->fsync(f.file) : -EINVAL;
}

/* Advice about a file in memory: checked, and then there is nothing to do. */
long sys_fadvise64(int fd, loff_t offset, size_t len, int advice)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	if (!f.file)
		return -EBADF;
	if (S_ISFIFO(f.file->inode->mode))
		return -ESPIPE;
	return (loff_t)len < 0 || advice < 0 || advice > 5 ? -EINVAL : 0;
}

static int check_sync_range(const struct inode *inode, loff_t offset, loff_t length,
			    unsigned int flags)
{
	mode_t mode = inode->mode;

	if ((flags & ~SYNC_FILE_RANGE_ALL) || offset < 0 || length < 0 ||
	    offset > MAX_LFS_FILESIZE - length)
		return -EINVAL;
	return S_ISREG(mode) || S_ISBLK(mode) || S_ISDIR(mode) || S_ISLNK(mode) ? 0 : -ESPIPE;
}

long sys_sync_file_range(int fd, loff_t offset, loff_t length, unsigned int flags)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	return f.file ? check_sync_range(f.file->inode, offset, length, flags) : -EBADF;
}

long sys_readahead(int fd, loff_t offset, size_t n)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	if (!f.file || !(f.file->mode & FMODE_READ))
		return -EBADF;
	return S_ISREG(f.file->inode->mode) || S_ISBLK(f.file->inode->mode) ? 0 : -EINVAL;
}
