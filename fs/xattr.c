/*
 * Extended attributes: named values that hang off an inode, for tmpfs and devtmpfs.
 *
 *	inode->xattrs --> xattr --> xattr --> NULL	newest first; NULL until one is set
 *
 * The first part of a name says whose it is. "trusted." is the administrator's, who alone sees
 * these; "security." anybody may read, and security.capability holds what a program gets when it is
 * executed. tmpfs has no others: "user." is refused as on Linux 6.1. A file system without
 * attributes refuses all, after the same questions about rights.
 *
 * inode->lock guards the list and the values. A value comes from user memory, and goes there, by
 * way of a buffer of its own, so that no fault is taken with the lock held. Each attribute is one
 * piece of memory and counts against no limit: only who has capabilities can set one.
 *
 * Linux keeps POSIX access lists in attributes as well. There are none here.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <tine/xattr.h>
#include <uapi/xattr.h>

#define CAPS_SIZE_2 offsetof(struct vfs_cap_data, root_id)
#define CAPS_SIZE_3 sizeof(struct vfs_cap_data)

struct xattr {
	struct xattr *next;
	size_t size;
	u8 *value; /* behind the name */
	char name[];
};

/* --- The list of an inode. Its lock is held. --- */

/* The place of an attribute, or of the NULL at the end. */
static struct xattr **find(struct inode *inode, const char *name)
{
	struct xattr **at = &inode->xattrs;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static void replace(struct xattr **at, struct xattr *by)
{
	struct xattr *old = *at;

	if (by)
		by->next = old->next;
	*at = by ? by : old->next;
	kfree(old);
}

void xattr_drop_capability(struct inode *inode)
{
	struct xattr **at = find(inode, XATTR_NAME_CAPS);

	if (*at)
		replace(at, NULL);
}

void xattrs_free(struct inode *inode)
{
	while (inode->xattrs)
		replace(&inode->xattrs, NULL);
}

ssize_t xattr_get(struct inode *inode, const char *name, void *buf, size_t size)
{
	ssize_t result = -ENODATA;
	const struct xattr *xattr;

	mutex_lock(&inode->lock);
	xattr = *find(inode, name);
	if (xattr)
		result = size && size < xattr->size ? -ERANGE : (ssize_t)xattr->size;
	if (result > 0 && size)
		memcpy(buf, xattr->value, xattr->size);
	mutex_unlock(&inode->lock);
	return result;
}

/* --- Names and rights --- */

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static int copy_name(char *name, const char __user *user)
{
	long len = strncpy_from_user(name, user, XATTR_NAME_MAX + 1);

	if (len < 0)
		return len;
	return len == 0 || len > XATTR_NAME_MAX ? -ERANGE : 0;
}

/* What the name alone allows: mask of MAY_READ, MAY_WRITE. */
static int check_rights(const struct inode *inode, const char *name, unsigned int mask)
{
	int refusal = mask & MAY_WRITE ? -EPERM : -ENODATA;

	if (has_prefix(name, "security.") || has_prefix(name, "system."))
		return 0;
	if (has_prefix(name, "trusted."))
		return capable(CAP_SYS_ADMIN) ? 0 : refusal;
	if (has_prefix(name, "user.")) {
		if (!S_ISREG(inode->mode) && !S_ISDIR(inode->mode))
			return refusal;
		if (S_ISDIR(inode->mode) && (inode->mode & S_ISVTX) && (mask & MAY_WRITE) &&
		    !inode_owner_or_capable(current->cred, inode))
			return -EPERM;
	}
	return inode_permission(current->cred, inode, mask);
}

/* The right to change what is for the kernel's own decisions. */
static int check_security(const char *name)
{
	if (!has_prefix(name, "security."))
		return 0;
	return capable(strcmp(name, XATTR_NAME_CAPS) == 0 ? CAP_SETFCAP : CAP_SYS_ADMIN) ? 0
											 : -EPERM;
}

/* There can be such an attribute. */
static int check_kind(const struct inode *inode, const char *name)
{
	if (!inode->sb->has_xattrs)
		return -EOPNOTSUPP;
	if (!has_prefix(name, "security.") && !has_prefix(name, "trusted."))
		return -EOPNOTSUPP;
	return strchr(name, '.')[1] ? 0 : -EINVAL;
}

static int check_change(const struct inode *inode, const char *name)
{
	int error = check_rights(inode, name, MAY_WRITE);

	if (error == 0)
		error = check_security(name);
	return error == 0 ? check_kind(inode, name) : error;
}

/*
 * A new security.capability is well-formed. One for the root user of every user namespace is stored
 * in the older form, without that user.
 */
static int check_capability(struct xattr *xattr)
{
	struct vfs_cap_data *caps = (struct vfs_cap_data *)xattr->value;
	u32 revision;

	if (xattr->size != CAPS_SIZE_2 && xattr->size != CAPS_SIZE_3)
		return -EINVAL;
	revision = caps->magic & VFS_CAP_REVISION_MASK;
	if (revision != (xattr->size == CAPS_SIZE_2 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3))
		return -EINVAL;
	if (!capable(CAP_SETFCAP))
		return -EPERM;
	if (revision == VFS_CAP_REVISION_2)
		return 0;
	if (caps->root_id == (u32)-1)
		return -EINVAL;
	if (caps->root_id == 0) {
		caps->magic ^= VFS_CAP_REVISION_2 ^ VFS_CAP_REVISION_3;
		xattr->size = CAPS_SIZE_2;
	}
	return 0;
}

/* --- set --- */

static struct xattr *new_xattr(const char *name, size_t size, const void __user *value)
{
	size_t head = ALIGN_UP(sizeof(struct xattr) + strlen(name) + 1, 4);
	struct xattr *xattr = kmalloc(head + size);

	if (!xattr)
		return ERR_PTR(-ENOMEM);
	xattr->next = NULL;
	xattr->size = size;
	xattr->value = (u8 *)xattr + head;
	memcpy(xattr->name, name, strlen(name) + 1);
	if (size && copy_from_user(xattr->value, value, size)) {
		kfree(xattr);
		return ERR_PTR(-EFAULT);
	}
	return xattr;
}

/* xattr is consumed if the result is 0. */
static int set_locked(struct inode *inode, struct xattr *xattr, int flags)
{
	struct xattr **at;
	int error = check_change(inode, xattr->name);

	if (error != 0)
		return error;
	at = find(inode, xattr->name);
	if (*at && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!*at && (flags & XATTR_REPLACE))
		return -ENODATA;
	if (*at) {
		replace(at, xattr);
	} else {
		xattr->next = inode->xattrs;
		inode->xattrs = xattr;
	}
	inode_touch_changed(inode);
	return 0;
}

long xattr_do_set(const struct path *path, const struct xattr_call *call)
{
	struct inode *inode = path->dentry->inode;
	char name[XATTR_NAME_MAX + 1];
	struct xattr *xattr;
	int error = mnt_want_write(path->mnt);

	if (error != 0)
		return error;
	if (call->flags & ~(XATTR_CREATE | XATTR_REPLACE))
		return -EINVAL;
	error = copy_name(name, call->name);
	if (error != 0)
		return error;
	if (call->size > XATTR_SIZE_MAX)
		return -E2BIG;
	xattr = new_xattr(name, call->size, call->buf);
	if (IS_ERR(xattr))
		return PTR_ERR(xattr);
	if (xattr->size && strcmp(name, XATTR_NAME_CAPS) == 0)
		error = check_capability(xattr);
	mutex_lock(&inode->lock);
	if (error == 0)
		error = set_locked(inode, xattr, call->flags);
	mutex_unlock(&inode->lock);
	if (error != 0)
		kfree(xattr);
	return error;
}

/* --- get, list, remove --- */

/* n bytes at from, or an error, to the caller; from is freed. */
static long give(const struct xattr_call *call, void *from, ssize_t n)
{
	if (n > 0 && call->size && copy_to_user(call->buf, from, n))
		n = -EFAULT;
	kfree(from);
	return n;
}

long xattr_do_get(const struct path *path, const struct xattr_call *call)
{
	struct inode *inode = path->dentry->inode;
	size_t size = MIN(call->size, (size_t)XATTR_SIZE_MAX);
	char name[XATTR_NAME_MAX + 1];
	void *buf = NULL;
	ssize_t n = copy_name(name, call->name);

	if (n == 0 && size && !(buf = kmalloc(size)))
		n = -ENOMEM;
	if (n == 0)
		n = check_rights(inode, name, MAY_READ);
	if (n == 0)
		n = check_kind(inode, name);
	if (n == 0)
		n = xattr_get(inode, name, buf, size);
	return give(call, buf, n);
}

/* The names, each with its NUL, that current may see. */
static ssize_t list_names(struct inode *inode, char *buf, size_t size)
{
	bool trusted = capable(CAP_SYS_ADMIN);
	const struct xattr *xattr;
	size_t used = 0, len;

	mutex_lock(&inode->lock);
	for (xattr = inode->xattrs; xattr; xattr = xattr->next) {
		if (!trusted && has_prefix(xattr->name, "trusted."))
			continue;
		len = strlen(xattr->name) + 1;
		if (size && used + len <= size)
			memcpy(buf + used, xattr->name, len);
		used += len;
	}
	mutex_unlock(&inode->lock);
	if (!size || used <= size)
		return used;
	return size < XATTR_LIST_MAX ? -ERANGE : -E2BIG;
}

long xattr_do_list(const struct path *path, const struct xattr_call *call)
{
	size_t size = MIN(call->size, (size_t)XATTR_LIST_MAX);
	char *buf = size ? kmalloc(size) : NULL;

	if (size && !buf)
		return -ENOMEM;
	return give(call, buf, list_names(path->dentry->inode, buf, size));
}

static int remove_locked(struct inode *inode, const char *name)
{
	struct xattr **at;
	int error = check_change(inode, name);

	if (error != 0)
		return error;
	at = find(inode, name);
	if (!*at)
		return -ENODATA;
	replace(at, NULL);
	inode_touch_changed(inode);
	return 0;
}

long xattr_do_remove(const struct path *path, const struct xattr_call *call)
{
	struct inode *inode = path->dentry->inode;
	char name[XATTR_NAME_MAX + 1];
	int error = mnt_want_write(path->mnt);

	if (error == 0)
		error = copy_name(name, call->name);
	if (error != 0)
		return error;
	error = MUTEX_LOCKED(&inode->lock, remove_locked(inode, name));
	return error;
}

/* --- The system calls: rows of include/tine/syscall_table.h --- */

long xattr_on_path(const char __user *name, unsigned int lookup, const struct xattr_call *call)
{
	struct path path SCOPED(path_put) = {};
	long error = user_path_at(AT_FDCWD, name, lookup, &path);

	return error != 0 ? error : call->run(&path, call);
}

long xattr_on_fd(int fd, const struct xattr_call *call)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	return f.file ? call->run(&f.file->path, call) : -EBADF;
}
