/*
 * open(2): from a path and flags to an open file.
 *
 * Three stages, as Linux orders them: flags are checked without looking at any file; the walk goes
 * to the last component and, with O_CREAT, makes it if it is not there, under its directory's lock;
 * then the file found is judged (kind, permission, read-only) and opened. A descriptor is reserved
 * before all of that, so that the last step cannot fail.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/page.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define VALID_OPEN_FLAGS                                                                      \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | \
	 FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | \
	 O_PATH | O_TMPFILE_BIT)
#define PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH)

/* What an open asks for. */
struct open_request {
	int flags;
	mode_t mode;         /* of a new file, type included */
	unsigned int may;    /* MAY_ bits */
	unsigned int lookup; /* LOOKUP_ bits of openat2 */
	bool created;
	struct file *file; /* empty, allocated before anything is made; owned until it is used */
};

static int parse_flags(int flags, mode_t mode, struct open_request *r)
{
	static const unsigned int may[4] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
					    MAY_READ | MAY_WRITE};

	flags &= VALID_OPEN_FLAGS & ~O_CLOEXEC;
	if (flags & O_PATH)
		flags &= PATH_FLAGS;
	if ((flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return -EINVAL;
	r->created = false;
	r->lookup = 0;
	r->mode = flags & (O_CREAT | O_TMPFILE_BIT) ? (mode & 07777) | S_IFREG : 0;
	r->may = flags & O_PATH ? 0 : may[flags & O_ACCMODE];
	if (flags & O_TMPFILE_BIT) {
		if ((flags & O_TMPFILE) != O_TMPFILE || !(r->may & MAY_WRITE))
			return -EINVAL;
	}
	if (flags & O_TRUNC)
		r->may |= MAY_WRITE;
	if (flags & O_APPEND)
		r->may |= MAY_APPEND;
	r->flags = flags;
	return 0;
}

static struct dentry *create_file(struct nameidata *nd, struct open_request *r)
{
	struct dentry *dir = nd->path.dentry, *dentry;
	struct inode *inode;
	int error = mnt_want_write(nd->path.mnt);

	if (error == 0)
		error = may_create(dir->inode, nd->cred);
	if (error != 0)
		return ERR_PTR(error);
	if (!dir->inode->ops->create)
		return ERR_PTR(-EACCES);
	inode = dir->inode->ops->create(dir->inode, r->mode & ~current_umask(), 0, NULL);
	if (IS_ERR(inode))
		return (struct dentry *)inode;
	dentry = dentry_alloc(dir->sb, dir, nd->last, nd->last_len, inode);
	if (!dentry)
		return ERR_PTR(-ENOMEM);
	inode->nlink = 1;
	dentry_attach(dentry);
	dir->inode->size += dir->sb->entry_size;
	inode_touch_modified(dir->inode);
	r->created = true;
	return dentry;
}

static struct dentry *lookup_or_create(struct nameidata *nd, struct open_request *r)
{
	struct dentry *dir = nd->path.dentry;
	struct dentry *child = lookup_child(dir, nd->last, nd->last_len);

	if (!IS_ERR(child) || PTR_ERR(child) != -ENOENT || !(r->flags & O_CREAT))
		return child;
	mutex_lock(&dir->inode->lock);
	child = lookup_child(dir, nd->last, nd->last_len);
	if (IS_ERR(child) && PTR_ERR(child) == -ENOENT && !dir->inode->ops->lookup)
		child = create_file(nd, r);
	mutex_unlock(&dir->inode->lock);
	return child;
}

/* One attempt at the last component; 1: it was a link, go on walking. */
static int open_last(struct nameidata *nd, struct open_request *r)
{
	struct dentry *child;

	if (nd->last_type != LAST_NORM)
		return nd_step(nd, true);
	if (r->flags & O_CREAT) {
		if (nd->last_slash)
			return -EISDIR;
	} else if (nd->last_slash) {
		nd->flags |= LOOKUP_FOLLOW | LOOKUP_DIRECTORY;
	}
	child = lookup_or_create(nd, r);
	if (IS_ERR(child))
		return PTR_ERR(child);
	return nd_step_to(nd, child, nd->flags & LOOKUP_FOLLOW);
}

static int check_kind(const struct path *path, struct open_request *r)
{
	mode_t mode = path->dentry->inode->mode;

	switch (mode & S_IFMT) {
	case S_IFLNK:
		return -ELOOP;
	case S_IFDIR:
		if (r->may & MAY_WRITE)
			return -EISDIR;
		return r->may & MAY_EXEC ? -EACCES : 0;
	case S_IFBLK:
	case S_IFCHR:
		if (path->mnt->flags & MNT_NODEV)
			return -EACCES;
		/* fall through */
	case S_IFIFO:
	case S_IFSOCK:
		r->flags &= ~O_TRUNC;
		return r->may & MAY_EXEC ? -EACCES : 0;
	default:
		return (r->may & MAY_EXEC) && (path->mnt->flags & MNT_NOEXEC) ? -EACCES : 0;
	}
}

/* May the file at path be opened so? */
static int may_open(const struct path *path, struct open_request *r, const struct cred *cred)
{
	struct inode *inode = path->dentry->inode;
	int error;

	if (r->flags & O_PATH)
		return 0;
	error = check_kind(path, r);
	if (error == 0 && !r->created) {
		if ((r->may & MAY_WRITE) && !S_ISCHR(inode->mode) && !S_ISFIFO(inode->mode))
			error = mnt_want_write(path->mnt);
		if (error == 0)
			error = inode_permission(cred, inode, r->may);
	}
	if (error == 0 && (r->flags & O_NOATIME) && !inode_owner_or_capable(cred, inode))
		error = -EPERM;
	return error;
}

static int truncate_opened(struct inode *inode)
{
	struct iattr attr = {.valid = ATTR_SIZE | ATTR_MTIME, .size = 0};
	int error;

	mutex_lock(&inode->lock);
	inode_kill_priv(inode);
	error = inode->ops->set_size ? notify_change(inode, &attr) : 0;
	mutex_unlock(&inode->lock);
	return error;
}

/* Judges and opens the file at the walk's end. */
static struct file *use_file(struct open_request *r, const struct path *path, int flags,
			     bool created)
{
	struct file *file = r->file;

	r->file = NULL;
	return file_open_path(file, path, flags, created);
}

static struct file *open_found(struct nameidata *nd, struct open_request *r)
{
	struct inode *inode = nd->path.dentry->inode;
	struct file *file;
	int error;

	if (r->flags & O_CREAT) {
		if ((r->flags & O_EXCL) && !r->created)
			return ERR_PTR(-EEXIST);
		if (S_ISDIR(inode->mode))
			return ERR_PTR(-EISDIR);
	}
	if (((nd->flags & LOOKUP_DIRECTORY) || (r->flags & O_DIRECTORY)) && !S_ISDIR(inode->mode))
		return ERR_PTR(-ENOTDIR);
	error = may_open(&nd->path, r, nd->cred);
	if (error != 0)
		return ERR_PTR(error);
	file = use_file(r, &nd->path, r->flags, r->created);
	if (!IS_ERR(file) && (r->flags & O_TRUNC) && !r->created && S_ISREG(inode->mode)) {
		error = inode_get_write(inode);
		if (error == 0) {
			error = truncate_opened(inode);
			inode_put_write(inode);
		}
		if (error != 0) {
			fput(file);
			return ERR_PTR(error);
		}
	}
	return file;
}

/* O_TMPFILE: the path names a directory; the file gets no name. */
static struct file *open_nameless(int dfd, const char *name, struct open_request *r)
{
	struct path dir SCOPED(path_put) = {}, path;
	struct inode *inode;
	struct file *file;
	int error = path_lookup(dfd, name,
				r->lookup | LOOKUP_DIRECTORY |
					(r->flags & O_NOFOLLOW ? 0 : LOOKUP_FOLLOW),
				NULL, &dir);

	if (error == 0)
		error = mnt_want_write(dir.mnt);
	if (error == 0)
		error = may_create(dir.dentry->inode, current->cred);
	if (error == 0 && !dir.dentry->inode->ops->create)
		error = -EOPNOTSUPP;
	if (error != 0)
		return ERR_PTR(error);
	inode = dir.dentry->inode->ops->create(dir.dentry->inode, r->mode & ~current_umask(), 0,
					       NULL);
	if (IS_ERR(inode))
		return (struct file *)inode;
	path.mnt = dir.mnt;
	path.dentry = dentry_alloc(dir.dentry->sb, dir.dentry, "#nameless", 9, inode);
	if (!path.dentry)
		return ERR_PTR(-ENOMEM);
	path.dentry->flags |= DENTRY_GONE;
	inode->linkable = !(r->flags & O_EXCL);
	file = use_file(r, &path, r->flags & ~O_TMPFILE_BIT, true);
	dput(path.dentry);
	return file;
}

static struct file *open_named(int dfd, const char *name, struct open_request *r)
{
	struct nameidata nd SCOPED(nd_end);
	bool follow = !(r->flags & O_NOFOLLOW) &&
		      (r->flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	int error = nd_begin(&nd, dfd, name, r->lookup | (follow ? LOOKUP_FOLLOW : 0));

	while (error == 0) {
		error = nd_walk_parent(&nd);
		if (error == 0)
			error = open_last(&nd, r);
		if (error != 1)
			break;
		error = 0;
	}
	return error != 0 ? ERR_PTR(error) : open_found(&nd, r);
}

static struct file *open_request(int dfd, const char *name, struct open_request *r)
{
	struct file *file;

	r->file = file_alloc_empty();
	if (!r->file)
		return ERR_PTR(-ENOMEM);
	file = r->flags & O_TMPFILE_BIT ? open_nameless(dfd, name, r) : open_named(dfd, name, r);
	file_free_empty(r->file);
	return file;
}

struct file *do_filp_open(int dfd, const char *name, int flags, mode_t mode)
{
	struct open_request r;
	int error = parse_flags(flags, mode, &r);

	return error != 0 ? ERR_PTR(error) : open_request(dfd, name, &r);
}

static long open_descriptor(int dfd, const char __user *user, struct open_request *r, bool cloexec)
{
	char *name SCOPED(putname) = getname(user);
	int fd = IS_ERR(name) ? PTR_ERR(name) : get_unused_fd(0, cloexec);

	return fd < 0 ? fd : fd_finish(fd, open_request(dfd, name, r));
}

long sys_openat(int dfd, const char __user *user, int flags, mode_t mode)
{
	struct open_request r;
	int error = parse_flags(flags, mode, &r);

	return error != 0 ? error : open_descriptor(dfd, user, &r, flags & O_CLOEXEC);
}

/* openat2 refuses what open ignores. */
static int check_how(const struct open_how *how)
{
	const u64 creates = O_CREAT | O_TMPFILE_BIT, scoped = RESOLVE_BENEATH | RESOLVE_IN_ROOT;

	if ((how->flags & ~(u64)VALID_OPEN_FLAGS) || (how->resolve & ~0x3full) ||
	    (how->resolve & scoped) == scoped)
		return -EINVAL;
	if (how->flags & creates ? how->mode & ~07777ul : how->mode)
		return -EINVAL;
	if ((how->flags & O_PATH) && (how->flags & ~(u64)(PATH_FLAGS | O_CLOEXEC)))
		return -EINVAL;
	/* Everything is at hand here, but for what does not exist yet. */
	if ((how->resolve & RESOLVE_CACHED) && (how->flags & (creates | O_TRUNC)))
		return -EAGAIN;
	return 0;
}

long sys_openat2(int dfd, const char __user *name, struct open_how __user *user, size_t size)
{
	struct open_request r;
	struct open_how how;
	int error;

	if (size < sizeof(how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	error = copy_struct_from_user(&how, sizeof(how), user, size);
	if (error == 0)
		error = check_how(&how);
	if (error == 0)
		error = parse_flags(how.flags, how.mode, &r);
	if (error != 0)
		return error;
	r.lookup = (how.resolve & ~(u64)RESOLVE_CACHED) << LOOKUP_RESOLVE_SHIFT;
	return open_descriptor(dfd, name, &r, how.flags & O_CLOEXEC);
}

/* chdir, fchdir, chroot. */
static int check_directory(const struct path *path)
{
	const struct inode *inode = path->dentry->inode;

	return S_ISDIR(inode->mode) ? inode_permission(current->cred, inode, MAY_EXEC) : -ENOTDIR;
}

long sys_chdir(const char __user *name)
{
	struct path path SCOPED(path_put) = {};
	int error = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (error == 0)
		error = check_directory(&path);
	if (error == 0)
		set_fs_pwd(&path);
	return error;
}

long sys_fchdir(unsigned int fd)
{
	struct fd f SCOPED(fdput) = fdget_raw(fd);
	int error = f.file ? check_directory(&f.file->path) : -EBADF;

	if (error == 0)
		set_fs_pwd(&f.file->path);
	return error;
}

long sys_chroot(const char __user *name)
{
	struct path path SCOPED(path_put) = {};
	int error = user_path_at(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &path);

	if (error == 0)
		error = check_directory(&path);
	if (error == 0 && !capable(CAP_SYS_CHROOT))
		error = -EPERM;
	if (error == 0)
		set_fs_root(&path);
	return error;
}
