/*
 * The system calls that change the tree of mounts (fs/mount.c): mount(2) in its several meanings,
 * umount2(2) and pivot_root(2).
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/mount.h>

#define SUPER_FLAGS (MS_SYNCHRONOUS | MS_DIRSYNC | MS_MANDLOCK | MS_LAZYTIME)
#define ATIME_FLAGS (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)

static u32 mount_flags(unsigned long flags)
{
	u32 result = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NODIRATIME);

	if (!(flags & MS_STRICTATIME))
		result |= flags & MS_NOATIME ? MNT_NOATIME : MNT_RELATIME;
	return result | (flags & MS_NOSYMFOLLOW ? MNT_NOSYMFOLLOW : 0);
}

static int new_mount(const char *type_name, const char *source, const struct path *path,
		     unsigned long flags, const char *data)
{
	const struct file_system_type *type;
	struct super_block *sb;
	struct vfsmount *mnt;
	struct path at;
	int error;

	if (!type_name)
		return -EINVAL;
	type = find_file_system(type_name);
	if (!type)
		return -ENODEV;
	sb = type->get_super(type, data);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	if (atomic_read(&sb->count) == 1) {
		sb->flags = flags & SUPER_FLAGS;
		sb->read_only = flags & MS_RDONLY;
	}
	mnt = mount_alloc(sb, sb->root, source ? source : "none");
	if (!mnt)
		return -ENOMEM;
	mnt->flags = mount_flags(flags);
	error = lock_mountpoint(path, &at);
	if (error == 0) {
		if (at.mnt->sb == sb && at.dentry == at.mnt->root && at.dentry == mnt->root)
			error = -EBUSY;
		else
			error = mnt_attach(mnt, &at);
		unlock_mountpoint(&at);
	}
	if (error != 0)
		mntput(mnt);
	return error;
}

/* Bind mounts. */

/*
 * Adds a copy of mnt, with root as its root, to a tree that is not attached yet; it hangs in the copy
 * of mnt's parent, if that has one.
 */
static struct vfsmount *copy_mount(struct vfsmount *mnt, struct dentry *root,
				   struct list_head *tree)
{
	struct vfsmount *copy;

	atomic_inc(&mnt->sb->count);
	copy = mount_alloc(mnt->sb, root, mnt->source);
	if (!copy)
		return NULL;
	copy->flags = mnt->flags;
	if (!list_empty(tree)) {
		copy->parent = mntget(mnt->parent->copy);
		copy->mountpoint = dget(mnt->mountpoint);
	}
	list_add_tail(&copy->link, tree);
	mnt->copy = copy;
	return copy;
}

static void drop_copies(struct list_head *tree)
{
	struct vfsmount *copy, *next;

	list_for_each_entry_safe(copy, next, tree, link) {
		list_del(&copy->link);
		dput(copy->mountpoint);
		mntput(copy->parent);
		mntput(copy);
	}
}

/* mnt hangs below from, its parent has been copied, and it has not. */
static bool is_to_be_copied(const struct vfsmount *mnt, const struct path *from)
{
	return !mnt->copy && mnt->parent && mnt->parent->copy && !(mnt->flags & MNT_UNBINDABLE) &&
	       (mnt->parent != from->mnt || is_subdir(mnt->mountpoint, from->dentry));
}

/* Copies what is mounted at from and, if recursive, all below. Namespace locked. */
static int copy_tree(const struct path *from, bool recursive, struct list_head *tree)
{
	struct list_head *mounts = &from->mnt->ns->mounts;
	struct vfsmount *mnt;
	bool more = recursive;

	list_for_each_entry(mnt, mounts, link)
		mnt->copy = NULL;
	if (!copy_mount(from->mnt, from->dentry, tree))
		return -ENOMEM;
	/* Mounts that were moved may stand in front of their parents: more than one round. */
	while (more) {
		more = false;
		list_for_each_entry(mnt, mounts, link) {
			if (!is_to_be_copied(mnt, from))
				continue;
			if (!copy_mount(mnt, mnt->root, tree))
				return -ENOMEM;
			more = true;
		}
	}
	return 0;
}

/* The copies come to a place that is locked; all of them are consumed on success. */
static int attach_copies(struct list_head *tree, const struct path *at)
{
	struct vfsmount *copy, *next, *root = list_first_entry(tree, struct vfsmount, link);

	list_del(&root->link);
	if (mnt_attach(root, at) != 0) {
		list_add(&root->link, tree);
		return -ENOTDIR;
	}
	spin_lock(&mount_lock);
	list_for_each_entry_safe(copy, next, tree, link) {
		list_del(&copy->link);
		copy->mountpoint->mounts++;
		copy->ns = root->ns;
		list_add_tail(&copy->link, &copy->ns->mounts);
	}
	spin_unlock(&mount_lock);
	return 0;
}

static int bind_mount(const struct path *from, const struct path *path, bool recursive)
{
	struct list_head tree = LIST_HEAD_INIT(tree);
	struct path at;
	int error = lock_mountpoint(path, &at);

	if (error != 0)
		return error;
	if (from->mnt->ns != current_mnt_ns() || (from->mnt->flags & MNT_UNBINDABLE))
		error = -EINVAL;
	else
		error = copy_tree(from, recursive, &tree);
	if (error == 0)
		error = attach_copies(&tree, &at);
	unlock_mountpoint(&at);
	drop_copies(&tree);
	return error;
}

/* Moving. */

static bool is_above(const struct vfsmount *ancestor, const struct vfsmount *mnt)
{
	while (mnt && mnt != ancestor)
		mnt = mnt->parent;
	return mnt != NULL;
}

static int move_mount(const struct path *from, const struct path *path)
{
	struct vfsmount *mnt = from->mnt;
	struct path at, was_on = {};
	int error = lock_mountpoint(path, &at);

	if (error != 0)
		return error;
	if (mnt->ns != current_mnt_ns() || !mnt->parent || from->dentry != mnt->root ||
	    S_ISDIR(mnt->root->inode->mode) != S_ISDIR(at.dentry->inode->mode)) {
		error = -EINVAL;
	} else if (is_above(mnt, at.mnt)) {
		error = -ELOOP;
	} else {
		spin_lock(&mount_lock);
		was_on = mnt_unhook(mnt);
		mnt_hook(mnt, &at);
		spin_unlock(&mount_lock);
	}
	unlock_mountpoint(&at);
	path_put(&was_on);
	return error;
}

static int from_old_path(const char *from, const struct path *path, unsigned long flags)
{
	struct path old SCOPED(path_put) = {};
	int error;

	if (!from || !*from)
		return -EINVAL;
	error = kern_path(from, LOOKUP_FOLLOW, &old);
	if (error != 0)
		return error;
	return flags & MS_BIND ? bind_mount(&old, path, flags & MS_REC) : move_mount(&old, path);
}

/* Changing flags. */

static int set_super_flags(struct super_block *sb, unsigned long flags, const char *data)
{
	bool was_read_only = sb->read_only;
	int error = 0;

	if (flags & MS_RDONLY) {
		WRITE_ONCE(sb->read_only, true);
		smp_mb();
		if (atomic_read(&sb->writers))
			error = -EBUSY;
	}
	if (error == 0 && sb->ops->remount)
		error = sb->ops->remount(sb, data);
	WRITE_ONCE(sb->read_only, error == 0 ? (flags & MS_RDONLY) != 0 : was_read_only);
	if (error == 0)
		WRITE_ONCE(sb->flags, flags & SUPER_FLAGS);
	return error;
}

static int set_mount_flags(struct vfsmount *mnt, u32 flags)
{
	u32 old = mnt->flags;

	WRITE_ONCE(mnt->flags, flags | (old & MNT_UNBINDABLE));
	smp_mb();
	if (!(flags & ~old & MNT_READONLY) || !atomic_read(&mnt->writers))
		return 0;
	WRITE_ONCE(mnt->flags, old);
	return -EBUSY;
}

static int remount(const struct path *path, unsigned long flags, const char *data)
{
	const u32 atime = MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME;
	struct vfsmount *mnt = path->mnt;
	u32 new_flags = mount_flags(flags);
	int error = 0;

	if (mnt->ns != current_mnt_ns() || path->dentry != mnt->root)
		return -EINVAL;
	if (!(flags & ATIME_FLAGS))
		new_flags = (new_flags & ~atime) | (mnt->flags & atime);
	mutex_lock(&namespace_lock);
	if (!(flags & MS_BIND))
		error = set_super_flags(mnt->sb, flags, data);
	if (error == 0)
		error = set_mount_flags(mnt, new_flags);
	mutex_unlock(&namespace_lock);
	return error;
}

#define MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

/*
 * Every mount is private: asking for that, or for a slave of nobody, is granted; bind mounts of it may
 * be forbidden and allowed again; sharing is refused.
 */
static int change_propagation(const struct path *path, unsigned long flags)
{
	unsigned long type = flags & ~(unsigned long)(MS_REC | MS_SILENT);
	u32 unbindable = type == MS_UNBINDABLE ? MNT_UNBINDABLE : 0;
	struct vfsmount *mnt;

	if (path->dentry != path->mnt->root ||
	    (type != MS_PRIVATE && type != MS_SLAVE && type != MS_UNBINDABLE))
		return -EINVAL;
	mutex_lock(&namespace_lock);
	list_for_each_entry(mnt, &current_mnt_ns()->mounts, link)
		if (mnt == path->mnt || ((flags & MS_REC) && is_above(path->mnt, mnt)))
			WRITE_ONCE(mnt->flags, (mnt->flags & ~MNT_UNBINDABLE) | unbindable);
	mutex_unlock(&namespace_lock);
	return 0;
}

static int do_mount(const char *source, const struct path *path, const char *type,
		    unsigned long flags, const char *data)
{
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~(unsigned long)MS_MGC_MSK;
	if (flags & MS_NOUSER)
		return -EINVAL;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (flags & MS_REMOUNT)
		return remount(path, flags, data);
	if (flags & MS_BIND)
		return from_old_path(source, path, flags);
	if (flags & MS_PROPAGATION)
		return change_propagation(path, flags);
	if (flags & MS_MOVE)
		return from_old_path(source, path, flags);
	return new_mount(type, source, path, flags, data);
}

/* A string argument of mount(2) in a page; NULL stays NULL. ERR_PTR. */
static char *mount_string(const char __user *from)
{
	char *text;

	if (!from)
		return NULL;
	text = getname_empty(from);
	return IS_ERR(text) && PTR_ERR(text) == -ENAMETOOLONG ? ERR_PTR(-EINVAL) : text;
}

/* Options: up to a page, as much of it as can be read; *options, NULL before, is to be kfreed. */
static int mount_options(const void __user *from, char **options)
{
	if (!from)
		return 0;
	*options = kzalloc(PAGE_SIZE);
	if (!*options)
		return -ENOMEM;
	if (copy_from_user(*options, from, PAGE_SIZE) == PAGE_SIZE)
		return -EFAULT;
	(*options)[PAGE_SIZE - 1] = '\0';
	return 0;
}

long sys_mount(char __user *source, char __user *dir, char __user *type, unsigned long flags,
	       void __user *data)
{
	char *type_name SCOPED(putname) = mount_string(type);
	char *source_name SCOPED(putname) = NULL, *options SCOPED(kfree) = NULL;
	struct path path SCOPED(path_put) = {};
	int error;

	if (IS_ERR(type_name))
		return PTR_ERR(type_name);
	source_name = mount_string(source);
	if (IS_ERR(source_name))
		return PTR_ERR(source_name);
	error = mount_options(data, &options);
	if (error == 0)
		error = user_path_at(AT_FDCWD, dir, LOOKUP_FOLLOW, &path);
	return error != 0 ? error : do_mount(source_name, &path, type_name, flags, options);
}

/* Taking off. */

static struct vfsmount *child_of(struct vfsmount *parent)
{
	struct vfsmount *mnt;

	list_for_each_entry(mnt, &parent->ns->mounts, link)
		if (mnt->parent == parent)
			return mnt;
	return NULL;
}

/* Takes off mnt and, the lowest first, what is mounted below it. Namespace locked. */
static void umount_tree(struct vfsmount *top)
{
	struct vfsmount *mnt, *child;
	struct path was_on;

	do {
		spin_lock(&mount_lock);
		mnt = top;
		while ((child = child_of(mnt)))
			mnt = child;
		was_on = mnt_unhook(mnt);
		mnt->ns = NULL;
		list_del(&mnt->link);
		spin_unlock(&mount_lock);
		path_put(&was_on);
		if (mnt != top)
			mntput(mnt);
	} while (mnt != top);
	mntput(top);
}

/* The caller's reference and the namespace's are the only ones. */
static bool is_busy(struct vfsmount *mnt)
{
	return child_of(mnt) || atomic_read(&mnt->count) > 2;
}

static int do_umount(const struct path *path, int flags)
{
	struct vfsmount *mnt = path->mnt;

	if (path->dentry != mnt->root || mnt->ns != current_mnt_ns() || !mnt->parent)
		return -EINVAL;
	if (flags & MNT_EXPIRE) {
		if (flags & (MNT_FORCE | MNT_DETACH))
			return -EINVAL;
		if (is_busy(mnt))
			return -EBUSY;
		if (!__atomic_exchange_n(&mnt->expiring, true, __ATOMIC_SEQ_CST))
			return -EAGAIN;
	}
	if (!(flags & MNT_DETACH) && is_busy(mnt))
		return -EBUSY;
	umount_tree(mnt);
	return 0;
}

long sys_umount2(char __user *name, int flags)
{
	struct path path;
	long error;

	if (flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	error = user_path_at(AT_FDCWD, name, flags & UMOUNT_NOFOLLOW ? 0 : LOOKUP_FOLLOW, &path);
	if (error != 0)
		return error;
	error = MUTEX_LOCKED(&namespace_lock,
			     capable(CAP_SYS_ADMIN) ? do_umount(&path, flags) : -EPERM);
	dput(path.dentry);
	mntput_no_expire(path.mnt);
	return error;
}

/* pivot_root(2) */

/* path can be reached from root, going up. Namespace locked. */
static bool is_reachable(const struct path *path, const struct path *root)
{
	const struct vfsmount *mnt = path->mnt;
	struct dentry *dentry = path->dentry;

	while (mnt != root->mnt && mnt->parent) {
		dentry = mnt->mountpoint;
		mnt = mnt->parent;
	}
	return mnt == root->mnt && is_subdir(dentry, root->dentry);
}

static bool is_attached_root(const struct path *path)
{
	return path->dentry == path->mnt->root && path->mnt->parent;
}

/* new becomes what root was, and root goes to old, which is locked. */
static int pivot(const struct path *new, const struct path *old, const struct path *root)
{
	struct path new_was_on, root_was_on;

	if (root->mnt->ns != current_mnt_ns() || new->mnt->ns != current_mnt_ns())
		return -EINVAL;
	if (new->dentry->flags & DENTRY_GONE)
		return -ENOENT;
	if (new->mnt == root->mnt || old->mnt == root->mnt)
		return -EBUSY;
	if (!is_attached_root(root) || !is_attached_root(new) || !is_reachable(old, new) ||
	    !is_reachable(new, root))
		return -EINVAL;
	spin_lock(&mount_lock);
	new_was_on = mnt_unhook(new->mnt);
	root_was_on = mnt_unhook(root->mnt);
	mnt_hook(root->mnt, old);
	mnt_hook(new->mnt, &root_was_on);
	spin_unlock(&mount_lock);
	path_put(&new_was_on);
	path_put(&root_was_on);
	return 0;
}

static int pivot_root(const struct path *new, const struct path *old)
{
	struct path at, root SCOPED(path_put) = {};
	int error = lock_mountpoint(old, &at);

	if (error != 0)
		return error;
	get_fs_root(&root);
	error = pivot(new, &at, &root);
	unlock_mountpoint(&at);
	if (error == 0)
		replace_fs_roots(&root, new);
	return error;
}

long sys_pivot_root(const char __user *new_root, const char __user *put_old)
{
	struct path new SCOPED(path_put) = {}, old SCOPED(path_put) = {};
	int error;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	error = user_path_at(AT_FDCWD, new_root, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &new);
	if (error == 0)
		error = user_path_at(AT_FDCWD, put_old, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &old);
	return error != 0 ? error : pivot_root(&new, &old);
}
