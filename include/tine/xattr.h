/* Extended attributes (fs/xattr.c): the system calls, and what the rest of the kernel needs. */
#pragma once

#include <tine/types.h>

struct inode;
struct path;

/*
 * Copies inode's attribute of that name to buf, size bytes, and returns its length; size 0 asks only
 * for that. ENODATA, ERANGE. No rights are asked. Takes inode's lock.
 */
ssize_t xattr_get(struct inode *inode, const char *name, void *buf, size_t size);
/* What was written, or has another owner now, gives its file's capabilities away. i held. */
void xattr_drop_capability(struct inode *inode);
/* inode is nobody's any more. */
void xattrs_free(struct inode *inode);

/* A system call: what it does, and the arguments behind the file. */
struct xattr_call {
	long (*run)(const struct path *path, const struct xattr_call *call);
	const char __user *name;
	void __user *buf;
	size_t size;
	int flags;
};

/* The four things to do: setxattr(2), getxattr(2), listxattr(2), removexattr(2). */
long xattr_do_set(const struct path *path, const struct xattr_call *call);
long xattr_do_get(const struct path *path, const struct xattr_call *call);
long xattr_do_list(const struct path *path, const struct xattr_call *call);
long xattr_do_remove(const struct path *path, const struct xattr_call *call);

#define XATTR_SET(name, value, size, flags) \
	(&(struct xattr_call){xattr_do_set, (name), (void __user *)(value), (size), (flags)})
#define XATTR_GET(name, value, size) \
	(&(struct xattr_call){xattr_do_get, (name), (value), (size), 0})
#define XATTR_LIST(list, size) (&(struct xattr_call){xattr_do_list, NULL, (list), (size), 0})
#define XATTR_REMOVE(name)     (&(struct xattr_call){xattr_do_remove, (name), NULL, 0, 0})

/* Does one of them to what a path names, found with LOOKUP_ bits, or to a descriptor's file. */
long xattr_on_path(const char __user *name, unsigned int lookup, const struct xattr_call *call);
long xattr_on_fd(int fd, const struct xattr_call *call);
