/*
 * The tree of mounts.
 *
 * A vfsmount is a super block's tree (or, for a bind mount, part of one) hung on a dentry of
 * another mount. A path is therefore a pair (mount, dentry): a walk goes down through a mount point
 * by replacing the pair by the mount hung there, and up through a root by the reverse.
 * dentry->mounts counts the mounts on a dentry, so that the walk only looks where there is one.
 *
 * The namespace lists its mounts, in the order of mounting, and counts them; children count their
 * parents; paths of open files, working directories and walks count the mount they are in. So a
 * mount with no children and only the namespace's reference and the caller's is not busy. The mount
 * lock guards the tree. All mounts are private: nothing propagates.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/slab.h>
#include <tine/spinlock.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/mount.h>

struct spinlock mount_lock = SPINLOCK_INIT(LOCK_CLASS_MOUNT);
static struct kmem_cache *mount_cache;

struct mnt_namespace init_mnt_ns = {
	.count = ATOMIC_INIT(1),
	.mounts = LIST_HEAD_INIT(init_mnt_ns.mounts),
};

struct mnt_namespace *current_mnt_ns(void)
{
	return &init_mnt_ns;
}

void mount_init(void)
{
	mount_cache = kmem_cache_create("vfsmount", sizeof(struct vfsmount), 0);
}

struct vfsmount *mount_alloc(struct super_block *sb, struct dentry *root, const char *source)
{
	static int last_id;
	struct vfsmount *mnt = kmem_cache_zalloc(mount_cache);

	if (!mnt || !(mnt->source = kstrdup(source))) {
		kmem_cache_free(mount_cache, mnt);
		super_put(sb);
		return NULL;
	}
	atomic_set(&mnt->count, 1);
	list_init(&mnt->link);
	mnt->sb = sb;
	mnt->root = dget(root);
	mnt->id = __atomic_add_fetch(&last_id, 1, __ATOMIC_RELAXED);
	return mnt;
}

void mntput(struct vfsmount *mnt)
{
	if (!mnt || !atomic_dec_and_test(&mnt->count))
		return;
	dput(mnt->root);
	super_put(mnt->sb);
	kfree(mnt->source);
	kmem_cache_free(mount_cache, mnt);
}

void path_get(const struct path *path)
{
	mntget(path->mnt);
	dget(path->dentry);
}

void path_put(const struct path *path)
{
	dput(path->dentry);
	mntput(path->mnt);
}

static struct vfsmount *mount_on(const struct path *path)
{
	struct vfsmount *mnt;

	if (!path->mnt->ns)
		return NULL;
	list_for_each_entry(mnt, &path->mnt->ns->mounts, link)
		if (mnt->mountpoint == path->dentry && mnt->parent == path->mnt)
			return mnt;
	return NULL;
}

void follow_mounts(struct path *path)
{
	while (unlikely(READ_ONCE(path->dentry->mounts))) {
		struct path below = *path;
		struct vfsmount *mnt;

		spin_lock(&mount_lock);
		mnt = mount_on(path);
		if (mnt) {
			path->mnt = mntget(mnt);
			path->dentry = dget(mnt->root);
		}
		spin_unlock(&mount_lock);
		if (!mnt)
			return;
		path_put(&below);
	}
}

bool follow_up(struct path *path)
{
	struct path above = *path;
	bool up;

	spin_lock(&mount_lock);
	up = path->mnt->parent && path->dentry == path->mnt->root;
	if (up) {
		path->dentry = dget(above.mnt->mountpoint);
		path->mnt = mntget(above.mnt->parent);
	}
	spin_unlock(&mount_lock);
	if (up)
		path_put(&above);
	return up;
}

int mnt_want_write(const struct vfsmount *mnt)
{
	return (mnt->flags & MNT_READONLY) || mnt->sb->read_only ? -EROFS : 0;
}

bool is_mountpoint(const struct dentry *dentry)
{
	return READ_ONCE(dentry->mounts) != 0;
}

/*
 * Hangs mnt (reference consumed on success) at path. The directory at path is locked against
 * removal.
 */
static int attach(struct vfsmount *mnt, const struct path *path)
{
	int error = 0;

	spin_lock(&mount_lock);
	if (path->dentry->flags & DENTRY_GONE) {
		error = -ENOENT;
	} else if (!path->mnt->ns) {
		error = -EINVAL;
	} else {
		mnt->parent = mntget(path->mnt);
		mnt->mountpoint = dget(path->dentry);
		mnt->mountpoint->mounts++;
		mnt->ns = path->mnt->ns;
		list_add_tail(&mnt->link, &mnt->ns->mounts);
	}
	spin_unlock(&mount_lock);
	return error;
}

static bool has_mount_on(const struct path *path)
{
	bool found;

	spin_lock(&mount_lock);
	found = mount_on(path) != NULL;
	spin_unlock(&mount_lock);
	return found;
}

/* Hangs mnt (reference consumed) at what is on top of path now. */
static int add_mount(struct vfsmount *mnt, const struct path *where)
{
	struct path path = *where;
	int error = 0;

	path_get(&path);
	for (;;) {
		follow_mounts(&path);
		mutex_lock(&path.dentry->inode->lock);
		if (!has_mount_on(&path))
			break;
		mutex_unlock(&path.dentry->inode->lock);
	}
	if (path.mnt->sb == mnt->sb && path.mnt->root == path.dentry && mnt->root == path.dentry)
		error = -EBUSY;
	else if (S_ISLNK(mnt->root->inode->mode))
		error = -EINVAL;
	else if (S_ISDIR(mnt->root->inode->mode) != S_ISDIR(path.dentry->inode->mode))
		error = -ENOTDIR;
	if (error == 0)
		error = attach(mnt, &path);
	mutex_unlock(&path.dentry->inode->lock);
	path_put(&path);
	if (error != 0)
		mntput(mnt);
	return error;
}

static u32 mount_flags(unsigned long flags)
{
	return (flags & MS_RDONLY ? MNT_READONLY : 0) | (flags & MS_NOSUID ? MNT_NOSUID : 0) |
	       (flags & MS_NODEV ? MNT_NODEV : 0) | (flags & MS_NOEXEC ? MNT_NOEXEC : 0) |
	       (flags & MS_NOATIME ? MNT_NOATIME : 0);
}

static int new_mount(const char *type_name, const char *source, const struct path *path,
		     unsigned long flags, const char *data)
{
	const struct file_system_type *type;
	struct super_block *sb;
	struct vfsmount *mnt;

	if (!type_name)
		return -EINVAL;
	type = find_file_system(type_name);
	if (!type)
		return -ENODEV;
	sb = type->get_super(type, data);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	mnt = mount_alloc(sb, sb->root, source ? source : "none");
	if (!mnt)
		return -ENOMEM;
	mnt->flags = mount_flags(flags);
	return add_mount(mnt, path);
}

static bool has_mounts_below(const struct path *path)
{
	struct vfsmount *mnt;
	bool found = false;

	spin_lock(&mount_lock);
	list_for_each_entry(mnt, &current_mnt_ns()->mounts, link)
		if (mnt->parent == path->mnt && is_subdir(mnt->mountpoint, path->dentry))
			found = true;
	spin_unlock(&mount_lock);
	return found;
}

/*
 * A bind mount. With MS_REC what is mounted below would have to come too: refused where there is
 * any.
 */
static int bind_mount(const char *from, const struct path *path, bool recursive)
{
	struct path old;
	struct vfsmount *mnt;
	int error;

	if (!from || !*from)
		return -EINVAL;
	error = kern_path(from, LOOKUP_FOLLOW, &old);
	if (error != 0)
		return error;
	if (!old.mnt->ns || (recursive && has_mounts_below(&old))) {
		path_put(&old);
		return -EINVAL;
	}
	atomic_inc(&old.mnt->sb->count);
	mnt = mount_alloc(old.mnt->sb, old.dentry, old.mnt->source);
	if (mnt)
		mnt->flags = old.mnt->flags;
	path_put(&old);
	return mnt ? add_mount(mnt, path) : -ENOMEM;
}

static int remount(const struct path *path, unsigned long flags, const char *data)
{
	struct super_block *sb = path->mnt->sb;
	int error = 0;

	if (path->dentry != path->mnt->root)
		return -EINVAL;
	if (!(flags & MS_BIND)) {
		if (sb->ops->remount)
			error = sb->ops->remount(sb, data);
		if (error == 0)
			WRITE_ONCE(sb->read_only, (flags & MS_RDONLY) != 0);
	}
	if (error == 0)
		WRITE_ONCE(path->mnt->flags, mount_flags(flags));
	return error;
}

/* Every mount is private: asking for that is granted, for anything else refused. */
static int change_propagation(const struct path *path, unsigned long flags)
{
	unsigned long type = flags & ~(unsigned long)(MS_REC | MS_SILENT);

	return path->dentry == path->mnt->root && type == MS_PRIVATE ? 0 : -EINVAL;
}

#define MS_PROPAGATION (MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE)

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
		return bind_mount(source, path, flags & MS_REC);
	if (flags & MS_PROPAGATION)
		return change_propagation(path, flags);
	if (flags & MS_MOVE)
		return -EINVAL;
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

/* Options: up to a page, as much of it as can be read. */
static char *mount_options(const void __user *from)
{
	char *text;
	size_t left;

	if (!from)
		return NULL;
	text = kzalloc(PAGE_SIZE);
	if (!text)
		return ERR_PTR(-ENOMEM);
	left = copy_from_user(text, from, PAGE_SIZE);
	if (left == PAGE_SIZE) {
		kfree(text);
		return ERR_PTR(-EFAULT);
	}
	text[PAGE_SIZE - 1] = '\0';
	return text;
}

long sys_mount(char __user *source, char __user *dir, char __user *type, unsigned long flags,
	       void __user *data)
{
	char *type_name = mount_string(type), *source_name = NULL, *options = NULL;
	struct path path;
	long error = IS_ERR(type_name) ? PTR_ERR(type_name) : 0;

	if (error == 0) {
		source_name = mount_string(source);
		error = IS_ERR(source_name) ? PTR_ERR(source_name) : 0;
	}
	if (error == 0) {
		options = mount_options(data);
		error = IS_ERR(options) ? PTR_ERR(options) : 0;
	}
	if (error == 0)
		error = user_path_at(AT_FDCWD, dir, LOOKUP_FOLLOW, &path);
	if (error == 0) {
		error = do_mount(source_name, &path, type_name, flags, options);
		path_put(&path);
	}
	putname(type_name);
	putname(source_name);
	if (!IS_ERR(options))
		kfree(options);
	return error;
}

/* Takes mnt off the tree; what its references keep is put by the caller. Mount lock held. */
static void detach(struct vfsmount *mnt, struct path *was_on)
{
	was_on->mnt = mnt->parent;
	was_on->dentry = mnt->mountpoint;
	mnt->mountpoint->mounts--;
	mnt->parent = NULL;
	mnt->mountpoint = NULL;
	mnt->ns = NULL;
	list_del(&mnt->link);
}

static struct vfsmount *child_of(struct vfsmount *parent)
{
	struct vfsmount *mnt;

	list_for_each_entry(mnt, &parent->ns->mounts, link)
		if (mnt->parent == parent)
			return mnt;
	return NULL;
}

/*
 * Takes off mnt, or with detach_all the lowest mount below it. Returns what was taken off, or
 * ERR_PTR.
 */
static struct vfsmount *umount_one(struct vfsmount *mnt, bool detach_all, struct path *was_on)
{
	struct vfsmount *child;

	spin_lock(&mount_lock);
	if (!mnt->ns || !mnt->parent) {
		mnt = ERR_PTR(-EINVAL);
	} else if (!detach_all && (child_of(mnt) || atomic_read(&mnt->count) > 2)) {
		mnt = ERR_PTR(-EBUSY);
	} else {
		while ((child = child_of(mnt)))
			mnt = child;
		detach(mnt, was_on);
	}
	spin_unlock(&mount_lock);
	return mnt;
}

static int do_umount(struct vfsmount *mnt, bool detach_all)
{
	struct vfsmount *gone;
	struct path was_on;

	do {
		gone = umount_one(mnt, detach_all, &was_on);
		if (IS_ERR(gone))
			return PTR_ERR(gone);
		path_put(&was_on);
		mntput(gone);
	} while (gone != mnt);
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
	if (!capable(CAP_SYS_ADMIN))
		error = -EPERM;
	else if (path.dentry != path.mnt->root || (flags & MNT_EXPIRE))
		error = -EINVAL;
	dput(path.dentry);
	if (error == 0)
		error = do_umount(path.mnt, flags & MNT_DETACH);
	mntput(path.mnt);
	return error;
}
