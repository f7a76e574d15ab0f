/*
 * Making and removing names: mknod, mkdir, link, symlink, unlink, rmdir. The walk stops at the
 * directory; then, with the directory locked, the last component is looked up, the right to change
 * the directory checked, and the tree changed. The file system only provides the new inode: a name
 * is a dentry, and that is all there is to it.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>

/* The directory of a name, locked, ready for a new entry. On failure nothing is held. */
static int begin_create(struct nameidata *nd, int dfd, const char *name, bool is_dir)
{
	struct dentry *old;
	struct inode *dir;
	int error = nd_begin(nd, dfd, name, 0);

	if (error == 0)
		error = nd_walk_parent(nd);
	if (error == 0 && nd->last_type != LAST_NORM)
		error = -EEXIST;
	if (error != 0) {
		nd_end(nd);
		return error;
	}
	dir = nd->path.dentry->inode;
	mutex_lock(&dir->lock);
	old = lookup_child(nd->path.dentry, nd->last, nd->last_len);
	if (!IS_ERR(old)) {
		dput(old);
		error = -EEXIST;
	} else if (PTR_ERR(old) != -ENOENT || dir->ops->lookup) {
		error = PTR_ERR(old);
	} else if (nd->last_slash && !is_dir) {
		error = -ENOENT;
	} else {
		error = mnt_want_write(nd->path.mnt);
	}
	if (error != 0) {
		mutex_unlock(&dir->lock);
		nd_end(nd);
	}
	return error;
}

static void end_create(struct nameidata *nd)
{
	mutex_unlock(&nd->path.dentry->inode->lock);
	nd_end(nd);
}

/* Puts a name for inode (consumed) into the locked directory. */
static int add_name(struct dentry *dir, const char *name, unsigned int len, struct inode *inode)
{
	struct dentry *dentry = dentry_alloc(dir->sb, dir, name, len, inode);

	if (!dentry)
		return -ENOMEM;
	inode->nlink++;
	if (S_ISDIR(inode->mode)) {
		inode->nlink++;
		dir->inode->nlink++;
	}
	dentry_attach(dentry);
	dput(dentry);
	dir->inode->size += dir->sb->entry_size;
	inode_touch_modified(dir->inode);
	return 0;
}

static int create_inode(struct dentry *dir, const char *name, unsigned int len, mode_t mode,
			dev_t rdev, const char *target)
{
	struct inode *inode;
	int error = may_create(dir->inode, current->cred);

	if (error != 0)
		return error;
	/* Character device 0 is a whiteout: no device, but what hides a file below it. */
	if ((S_ISBLK(mode) || (S_ISCHR(mode) && rdev)) && !capable(CAP_MKNOD))
		return -EPERM;
	if (!dir->inode->ops->create)
		return -EPERM;
	inode = dir->inode->ops->create(dir->inode, mode, rdev, target);
	if (IS_ERR(inode))
		return PTR_ERR(inode);
	return add_name(dir, name, len, inode);
}

static int make_at(int dfd, const char *name, mode_t mode, dev_t rdev, const char *target)
{
	struct nameidata nd;
	int error = begin_create(&nd, dfd, name, S_ISDIR(mode));

	if (error != 0)
		return error;
	error = create_inode(nd.path.dentry, nd.last, nd.last_len, mode, rdev, target);
	end_create(&nd);
	return error;
}

static int user_make_at(int dfd, const char __user *user, mode_t mode, dev_t rdev,
			const char *target)
{
	char *name SCOPED(putname) = getname(user);

	return IS_ERR(name) ? PTR_ERR(name) : make_at(dfd, name, mode, rdev, target);
}

int make_node(struct super_block *sb, const char *name, mode_t mode, dev_t rdev)
{
	return MUTEX_LOCKED(&sb->root->inode->lock,
			    create_inode(sb->root, name, strlen(name), mode, rdev, NULL));
}

int kernel_mknod(const char *name, mode_t mode, dev_t rdev, const char *target)
{
	return make_at(AT_FDCWD, name, mode, rdev, target);
}

long sys_mknodat(int dfd, const char __user *name, mode_t mode, unsigned int dev)
{
	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	return user_make_at(dfd, name, mode & ~current_umask(),
			    S_ISCHR(mode) || S_ISBLK(mode) ? new_decode_dev(dev) : 0, NULL);
}

long sys_mkdirat(int dfd, const char __user *name, mode_t mode)
{
	return user_make_at(dfd, name, S_IFDIR | (mode & 01777 & ~current_umask()), 0, NULL);
}

long sys_symlinkat(const char __user *target, int dfd, const char __user *name)
{
	char *text SCOPED(putname) = getname(target);

	return IS_ERR(text) ? PTR_ERR(text) : user_make_at(dfd, name, S_IFLNK | 0777, 0, text);
}

/*
 * Who neither owns a file nor may act for its owner links to it only what could do no harm: a
 * regular file that is neither set-user-id nor set-group-id and that he may read and write. Linux
 * has this as fs.protected_hardlinks, on wherever distributions decide.
 */
static bool may_link(const struct cred *cred, const struct inode *inode)
{
	mode_t mode = inode->mode;

	if (inode_owner_or_capable(cred, inode))
		return true;
	return S_ISREG(mode) && !(mode & S_ISUID) &&
	       (mode & (S_ISGID | S_IXGRP)) != (S_ISGID | S_IXGRP) &&
	       inode_permission(cred, inode, MAY_READ | MAY_WRITE) == 0;
}

static int link_locked(struct nameidata *nd, struct inode *inode)
{
	int (*charge)(struct super_block * sb, int n) = inode->sb->ops->charge_name;
	bool charged = inode->nlink && charge;
	int error = charged ? charge(inode->sb, 1) : 0;

	if (error != 0)
		return error;
	error = add_name(nd->path.dentry, nd->last, nd->last_len, igrab(inode));
	if (error != 0 && charged)
		charge(inode->sb, -1);
	if (error != 0)
		return error;
	inode_touch_changed(inode);
	inode->linkable = false;
	return 0;
}

/* Another name for old in the locked directory nd stands in. */
static int link_inode(struct nameidata *nd, const struct path *old)
{
	struct inode *dir = nd->path.dentry->inode, *inode = old->dentry->inode;
	int error;

	if (nd->path.mnt != old->mnt)
		return -EXDEV;
	if (!may_link(nd->cred, inode))
		return -EPERM;
	error = may_create(dir, nd->cred);
	if (error != 0)
		return error;
	if (!dir->ops->create || S_ISDIR(inode->mode))
		return -EPERM;
	mutex_lock(&inode->lock);
	/* A file whose last name is gone gets no new one, unless it never had one (O_TMPFILE). */
	if (inode->nlink == 0 && !inode->linkable) {
		error = -ENOENT;
	} else {
		error = link_locked(nd, inode);
	}
	mutex_unlock(&inode->lock);
	return error;
}

static int do_link(int old_dfd, const char *old_name, int new_dfd, const char *new_name, int flags)
{
	struct path old SCOPED(path_put) = {};
	struct nameidata nd;
	int error = path_lookup(old_dfd, old_name,
				(flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
					(flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0),
				NULL, &old);

	if (error == 0)
		error = begin_create(&nd, new_dfd, new_name, false);
	if (error != 0)
		return error;
	error = link_inode(&nd, &old);
	end_create(&nd);
	return error;
}

int kernel_link(const char *old, const char *new)
{
	return do_link(AT_FDCWD, old, AT_FDCWD, new, 0);
}

long sys_linkat(int old_dfd, const char __user *old, int new_dfd, const char __user *new, int flags)
{
	char *old_name SCOPED(putname) = NULL, *new_name SCOPED(putname) = NULL;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) && !capable(CAP_DAC_READ_SEARCH))
		return -ENOENT;
	old_name = flags & AT_EMPTY_PATH ? getname_empty(old) : getname(old);
	if (IS_ERR(old_name))
		return PTR_ERR(old_name);
	new_name = getname(new);
	if (IS_ERR(new_name))
		return PTR_ERR(new_name);
	return do_link(old_dfd, old_name, new_dfd, new_name, flags);
}

/* Takes the name away; both inodes locked. */
static void remove_name(struct dentry *dir, struct dentry *victim)
{
	struct inode *inode = victim->inode;

	uncharge_name(inode);
	inode->nlink--;
	if (S_ISDIR(inode->mode)) {
		inode->nlink--;
		inode->dead = true;
		dir->inode->nlink--;
	}
	dir->inode->size -= dir->sb->entry_size;
	inode_touch_modified(dir->inode);
	inode_touch_changed(inode);
	dentry_detach(victim);
}

/* victim stands in dir, which is locked. */
static int remove_child(struct dentry *dir, struct dentry *victim, bool is_dir)
{
	struct inode *inode = victim->inode;
	int error = may_delete(dir->inode, victim, is_dir);

	if (error != 0)
		return error;
	if (!dir->inode->ops->create)
		return -EPERM;
	mutex_lock(&inode->lock);
	if (is_mountpoint(victim))
		error = -EBUSY;
	else if (is_dir && !dentry_empty(victim))
		error = -ENOTEMPTY;
	else
		remove_name(dir, victim);
	mutex_unlock(&inode->lock);
	return error;
}

static int last_type_error(const struct nameidata *nd, bool is_dir)
{
	if (nd->last_type == LAST_NORM)
		return 0;
	if (!is_dir)
		return -EISDIR;
	switch (nd->last_type) {
	case LAST_DOTDOT:
		return -ENOTEMPTY;
	case LAST_DOT:
		return -EINVAL;
	default:
		return -EBUSY;
	}
}

static int unlink_last(struct nameidata *nd, bool is_dir)
{
	struct dentry *dir = nd->path.dentry, *victim;
	int error = last_type_error(nd, is_dir);

	if (error == 0)
		error = mnt_want_write(nd->path.mnt);
	if (error != 0)
		return error;
	mutex_lock(&dir->inode->lock);
	victim = lookup_child(dir, nd->last, nd->last_len);
	if (IS_ERR(victim))
		error = PTR_ERR(victim);
	else if (!is_dir && nd->last_slash)
		error = S_ISDIR(victim->inode->mode) ? -EISDIR : -ENOTDIR;
	else
		error = remove_child(dir, victim, is_dir);
	mutex_unlock(&dir->inode->lock);
	if (!IS_ERR(victim))
		dput(victim);
	return error;
}

static int unlink_at(int dfd, const char *name, bool is_dir)
{
	struct nameidata nd SCOPED(nd_end);
	int error = nd_begin(&nd, dfd, name, 0);

	if (error == 0)
		error = nd_walk_parent(&nd);
	return error != 0 ? error : unlink_last(&nd, is_dir);
}

int kernel_unlink(const char *name, bool is_dir)
{
	return unlink_at(AT_FDCWD, name, is_dir);
}

long sys_unlinkat(int dfd, const char __user *user, int flags)
{
	char *name SCOPED(putname) = NULL;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	name = getname(user);
	return IS_ERR(name) ? PTR_ERR(name) : unlink_at(dfd, name, flags & AT_REMOVEDIR);
}
