/* Extended attributes (fs/xattr.c): what the rest of the kernel needs of them. */
#ifndef TINE_XATTR_H
#define TINE_XATTR_H

#include <tine/types.h>

struct inode;

/*
 * Copies inode's attribute of that name to buf, size bytes, and returns its length; size 0 asks only
 * for that. ENODATA, ERANGE. No rights are asked. Takes inode's lock.
 */
ssize_t xattr_get(struct inode *inode, const char *name, void *buf, size_t size);
/* What was written, or has another owner now, gives its file's capabilities away. i held. */
void xattr_drop_capability(struct inode *inode);
/* inode is nobody's any more. */
void xattrs_free(struct inode *inode);

#endif
