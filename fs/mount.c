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
 * mount with no children and only the namespace's reference and the caller's is not busy. All mounts
 * are private: nothing propagates.
 *
 * The tree changes under the namespace lock, a mutex that system calls hold from the checks to the
 * change, and in the moment of the change under the mount lock, a spinlock, as well: walks take only
 * that. A mount point's inode is locked while something is hung there, so that it is not removed.
 *
 * What becomes read-only must have no file open for writing: openers count themselves and then look
 * at the flag, who sets the flag looks at the count after that.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/slab.h>

struct spinlock mount_lock = SPINLOCK_INIT(LOCK_CLASS_MOUNT);
struct mutex namespace_lock;
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
	mutex_init(&namespace_lock, LOCK_CLASS_NAMESPACE);
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

void mntput_no_expire(struct vfsmount *mnt)
{
	if (!atomic_dec_and_test(&mnt->count))
		return;
	dput(mnt->root);
	super_put(mnt->sb);
	kfree(mnt->source);
	kmem_cache_free(mount_cache, mnt);
}

void mntput(struct vfsmount *mnt)
{
	if (!mnt)
		return;
	if (unlikely(READ_ONCE(mnt->expiring)))
		WRITE_ONCE(mnt->expiring, false);
	mntput_no_expire(mnt);
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

int mnt_get_write(struct vfsmount *mnt)
{
	int error;

	atomic_inc(&mnt->writers);
	atomic_inc(&mnt->sb->writers);
	smp_mb();
	error = mnt_want_write(mnt);
	if (error != 0)
		mnt_put_write(mnt);
	return error;
}

void mnt_put_write(struct vfsmount *mnt)
{
	atomic_dec(&mnt->sb->writers);
	atomic_dec(&mnt->writers);
}

bool is_mountpoint(const struct dentry *dentry)
{
	return READ_ONCE(dentry->mounts) != 0;
}

/* Changing the tree. */

void mnt_hook(struct vfsmount *mnt, const struct path *path)
{
	mnt->parent = mntget(path->mnt);
	mnt->mountpoint = dget(path->dentry);
	mnt->mountpoint->mounts++;
}

struct path mnt_unhook(struct vfsmount *mnt)
{
	struct path was_on = {mnt->parent, mnt->mountpoint};

	mnt->mountpoint->mounts--;
	mnt->parent = NULL;
	mnt->mountpoint = NULL;
	return was_on;
}

void unlock_mountpoint(const struct path *at)
{
	mutex_unlock(&at->dentry->inode->lock);
	mutex_unlock(&namespace_lock);
	path_put(at);
}

int lock_mountpoint(const struct path *where, struct path *at)
{
	int error = 0;

	*at = *where;
	path_get(at);
	mutex_lock(&namespace_lock);
	follow_mounts(at);
	mutex_lock(&at->dentry->inode->lock);
	if (at->dentry->flags & DENTRY_GONE)
		error = -ENOENT;
	else if (at->mnt->ns != current_mnt_ns())
		error = -EINVAL;
	if (error != 0)
		unlock_mountpoint(at);
	return error;
}

int mnt_attach(struct vfsmount *mnt, const struct path *at)
{
	if (S_ISDIR(mnt->root->inode->mode) != S_ISDIR(at->dentry->inode->mode))
		return -ENOTDIR;
	spin_lock(&mount_lock);
	mnt_hook(mnt, at);
	mnt->ns = at->mnt->ns;
	list_add_tail(&mnt->link, &mnt->ns->mounts);
	spin_unlock(&mount_lock);
	return 0;
}
