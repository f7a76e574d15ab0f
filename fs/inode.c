/*
 * Inodes: the files themselves, apart from their names.
 *
 * An inode lives while somebody counts it: dentries, open files (through their path), walks. When
 * the last reference goes its file system frees the contents; there is no cache of inodes to come
 * back from, since every file system lives in memory and a file without a name is gone once it is
 * closed.
 *
 * inode->lock guards the contents: of a directory its entries, of a file its size. It is taken
 * parent before child, and of two unrelated directories (rename) under the rename lock, the
 * ancestor first.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/xattr.h>

static struct kmem_cache *inode_cache;

void inode_init(void)
{
	inode_cache = kmem_cache_create("inode", sizeof(struct inode), 0);
}

struct uapi_timespec current_time(void)
{
	return ns_to_timespec(ktime_get_real());
}

struct inode *inode_alloc(struct super_block *sb, mode_t mode)
{
	struct inode *inode = kmem_cache_zalloc(inode_cache);

	if (!inode)
		return NULL;
	atomic_set(&inode->count, 1);
	mutex_init(&inode->lock, LOCK_CLASS_INODE);
	address_space_init(&inode->mapping);
	inode->sb = sb;
	inode->mode = mode;
	inode->uid = current->cred->fsuid;
	inode->gid = current->cred->fsgid;
	inode->ino = __atomic_add_fetch(&sb->next_ino, 1, __ATOMIC_RELAXED);
	inode->atime = inode->mtime = inode->ctime = inode->btime = current_time();
	inode->fops = special_file_operations(mode);
	return inode;
}

void iput(struct inode *inode)
{
	if (!inode || !atomic_dec_and_test(&inode->count))
		return;
	if (inode->sb->ops && inode->sb->ops->evict_inode)
		inode->sb->ops->evict_inode(inode);
	ASSERT(!inode->locks);
	if (unlikely(inode->xattrs))
		xattrs_free(inode);
	kfree(inode->link);
	kmem_cache_free(inode_cache, inode);
}

const struct file_operations *special_file_operations(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFIFO:
		return &fifo_operations;
	case S_IFCHR:
		return &chrdev_operations;
	case S_IFBLK:
	case S_IFSOCK:
		return &nodev_operations;
	default:
		return NULL;
	}
}

void inode_init_owner(struct inode *inode, const struct inode *dir, mode_t mode)
{
	const struct cred *cred = current->cred;

	inode->uid = cred->fsuid;
	inode->gid = cred->fsgid;
	if (dir && (dir->mode & S_ISGID)) {
		inode->gid = dir->gid;
		if (S_ISDIR(mode))
			mode |= S_ISGID;
		else if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
			 !in_group(cred, dir->gid) && !capable(CAP_FSETID))
			mode &= ~S_ISGID;
	}
	inode->mode = mode;
}

void inode_touch_modified(struct inode *inode)
{
	inode->mtime = inode->ctime = current_time();
}

void inode_touch_changed(struct inode *inode)
{
	inode->ctime = current_time();
}

static bool before(const struct uapi_timespec *a, const struct uapi_timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* With relatime the access time moves if it is older than the last change, or than a day. */
void file_accessed(struct file *file)
{
	struct inode *inode = file->inode;
	u32 flags = file->path.mnt->flags;
	struct uapi_timespec now;

	if ((file->flags & O_NOATIME) || inode->sb->read_only ||
	    (flags & (MNT_READONLY | MNT_NOATIME)) ||
	    ((flags & MNT_NODIRATIME) && S_ISDIR(inode->mode)))
		return;
	now = current_time();
	if ((flags & MNT_RELATIME) && before(&inode->mtime, &inode->atime) &&
	    before(&inode->ctime, &inode->atime) && now.tv_sec - inode->atime.tv_sec < 24 * 3600)
		return;
	inode->atime = now;
}

static bool has_cap(const struct cred *cred, int cap)
{
	return cred->cap_effective & (1ull << cap);
}

static bool capable_of_access(const struct cred *cred, mode_t mode, unsigned int mask)
{
	if (S_ISDIR(mode))
		return (!(mask & MAY_WRITE) && has_cap(cred, CAP_DAC_READ_SEARCH)) ||
		       has_cap(cred, CAP_DAC_OVERRIDE);
	if (mask == MAY_READ && has_cap(cred, CAP_DAC_READ_SEARCH))
		return true;
	return (!(mask & MAY_EXEC) || (mode & 0111)) && has_cap(cred, CAP_DAC_OVERRIDE);
}

int generic_permission(const struct cred *cred, const struct inode *inode, unsigned int mask)
{
	mode_t bits = inode->mode;

	if (cred->fsuid == inode->uid)
		bits >>= 6;
	else if (((bits >> 3) ^ bits) & 7 && in_group(cred, inode->gid))
		bits >>= 3;
	if ((mask & ~bits & 7) == 0 || capable_of_access(cred, inode->mode, mask))
		return 0;
	return -EACCES;
}

int inode_permission(const struct cred *cred, const struct inode *inode, unsigned int mask)
{
	mode_t mode = inode->mode;

	mask &= MAY_READ | MAY_WRITE | MAY_EXEC;
	if ((mask & MAY_WRITE) && inode->sb->read_only &&
	    (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
		return -EROFS;
	if (inode->ops && inode->ops->permission)
		return inode->ops->permission(cred, inode, mask);
	return generic_permission(cred, inode, mask);
}

bool inode_owner_or_capable(const struct cred *cred, const struct inode *inode)
{
	return cred->fsuid == inode->uid || has_cap(cred, CAP_FOWNER);
}

static bool in_group_or_capable(const struct cred *cred, const struct inode *inode)
{
	return in_group(cred, inode->gid) || has_cap(cred, CAP_FSETID);
}

/*
 * The bits that a write or a change of owner takes away. Set-group-id without execution for the
 * group once meant locking.
 */
static mode_t priv_bits(const struct inode *inode)
{
	mode_t mode = inode->mode, kill = mode & S_ISUID;

	if (!S_ISREG(mode))
		return 0;
	if ((mode & S_ISGID) && ((mode & S_IXGRP) || !in_group_or_capable(current->cred, inode)))
		kill |= S_ISGID;
	return kill;
}

void inode_kill_priv(struct inode *inode)
{
	mode_t kill = priv_bits(inode);

	if (unlikely(inode->xattrs))
		xattr_drop_capability(inode);
	if (unlikely(kill) && !capable(CAP_FSETID))
		inode->mode &= ~kill;
}

static int count_towards(int *count, int step)
{
	int old = __atomic_load_n(count, __ATOMIC_RELAXED);

	do {
		if (old * step < 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(count, &old, old + step, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_RELAXED));
	return 0;
}

int inode_get_write(struct inode *inode)
{
	return count_towards(&inode->write_count, 1);
}

int inode_deny_write(struct inode *inode)
{
	return count_towards(&inode->write_count, -1);
}

static int check_owner_change(const struct cred *cred, const struct inode *inode,
			      const struct iattr *attr)
{
	bool owner = cred->fsuid == inode->uid, chown = has_cap(cred, CAP_CHOWN);

	if ((attr->valid & ATTR_UID) && !(owner && attr->uid == inode->uid) && !chown)
		return -EPERM;
	if ((attr->valid & ATTR_GID) && !chown &&
	    !(owner && (attr->gid == inode->gid || in_group(cred, attr->gid))))
		return -EPERM;
	return 0;
}

/* Times set to the present need no more than the right to write. */
static int check_times(const struct cred *cred, const struct inode *inode, const struct iattr *attr)
{
	if (!(attr->valid & (ATTR_ATIME | ATTR_MTIME)) || inode_owner_or_capable(cred, inode) ||
	    (attr->valid & ATTR_SIZE))
		return 0;
	if (attr->valid & ATTR_TIMES_SET)
		return -EPERM;
	return inode_permission(cred, inode, MAY_WRITE);
}

static void set_mode(const struct cred *cred, struct inode *inode, mode_t mode)
{
	if (!in_group_or_capable(cred, inode))
		mode &= ~S_ISGID;
	inode->mode = (inode->mode & S_IFMT) | (mode & 07777);
}

int notify_change(struct inode *inode, struct iattr *attr)
{
	const struct cred *cred = current->cred;
	int error = check_owner_change(cred, inode, attr);

	if (error == 0 &&
	    ((attr->valid & ATTR_MODE) || ((attr->valid & ATTR_CHOWN) && priv_bits(inode))) &&
	    !inode_owner_or_capable(cred, inode))
		error = -EPERM;
	if (error == 0)
		error = check_times(cred, inode, attr);
	if (error == 0 && (attr->valid & ATTR_SIZE))
		error = inode->ops->set_size ? inode->ops->set_size(inode, attr->size) : -EINVAL;
	if (error != 0)
		return error;

	if (attr->valid & ATTR_CHOWN) {
		inode->mode &= ~priv_bits(inode);
		if (!S_ISDIR(inode->mode))
			xattr_drop_capability(inode);
	}
	if (attr->valid & ATTR_UID)
		inode->uid = attr->uid;
	if (attr->valid & ATTR_GID)
		inode->gid = attr->gid;
	if (attr->valid & ATTR_MODE)
		set_mode(cred, inode, attr->mode);
	inode->ctime = current_time();
	if (attr->valid & ATTR_ATIME)
		inode->atime = attr->valid & ATTR_TIMES_SET ? attr->atime : inode->ctime;
	if (attr->valid & ATTR_MTIME)
		inode->mtime = attr->valid & ATTR_TIMES_SET ? attr->mtime : inode->ctime;
	return 0;
}
