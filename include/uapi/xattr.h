/* Extended attributes, as xattr(7) has them, and the one that exec reads. */
#pragma once

#define XATTR_CREATE  1 /* EEXIST if it is there */
#define XATTR_REPLACE 2 /* ENODATA if it is not */

#define XATTR_NAME_MAX 255
#define XATTR_SIZE_MAX 65536
#define XATTR_LIST_MAX 65536

#define XATTR_NAME_CAPS "security.capability"

#define VFS_CAP_REVISION_MASK   0xff000000u
#define VFS_CAP_FLAGS_EFFECTIVE 1u
#define VFS_CAP_REVISION_2      0x02000000u
#define VFS_CAP_REVISION_3      0x03000000u

/* What security.capability holds, little-endian; revision 2 ends before root_id. */
struct vfs_cap_data {
	unsigned int magic;
	struct {
		unsigned int permitted, inheritable;
	} data[2];
	unsigned int root_id;
};
