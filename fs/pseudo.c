/*
 * File systems that are mounted nowhere, for files that are reached by descriptor only: pipes and
 * sockets, which have an inode each, and anonymous files, which share one, since all that matters
 * about them is in the file.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/mount.h>
#include <tine/printk.h>
#include <tine/pseudo_fs.h>
#include <tine/slab.h>
#include <uapi/statfs.h>

static struct vfsmount *anon_mount;

struct vfsmount *pseudo_mount(const struct file_system_type *type, u32 magic)
{
	static const struct super_operations no_operations;
	struct super_block *sb = super_alloc(type, &no_operations, magic);
	struct inode *root = sb ? inode_alloc(sb, S_IFDIR | 0555) : NULL;
	struct vfsmount *mnt = NULL;

	if (root)
		sb->root = dentry_alloc(sb, NULL, "/", 1, root);
	if (root && sb->root)
		mnt = mount_alloc(sb, sb->root, type->name);
	ASSERT(mnt);
	return mnt;
}

struct dentry *pseudo_dentry(struct vfsmount *mnt, const char *kind, struct inode *inode)
{
	char name[48];
	int n = snprintf(name, sizeof(name), "%s:[%u]", kind, (unsigned int)inode->ino);

	return dentry_alloc(mnt->sb, NULL, name, n, inode);
}

struct file *pseudo_file(struct vfsmount *mnt, const char *kind, mode_t mode, int flags,
			 const struct file_operations *ops)
{
	struct inode *inode = inode_alloc(mnt->sb, mode);
	struct path path = {.mnt = mnt};
	struct file *file;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->nlink = 1;
	path.dentry = pseudo_dentry(mnt, kind, inode);
	if (!path.dentry)
		return ERR_PTR(-ENOMEM);
	file = file_alloc(&path, flags, ops);
	dput(path.dentry);
	return file;
}

struct file *anon_inode_file(const char *name, int flags, const struct file_operations *ops,
			     void *private_data)
{
	struct path path = {.mnt = anon_mount};
	struct file *file;
	char whole[48];
	int n = snprintf(whole, sizeof(whole), "anon_inode:%s", name);

	path.dentry =
		dentry_alloc(anon_mount->sb, NULL, whole, n, igrab(anon_mount->sb->root->inode));
	if (!path.dentry)
		return ERR_PTR(-ENOMEM);
	file = file_alloc(&path, flags & ~O_CLOEXEC, ops);
	dput(path.dentry);
	if (!IS_ERR(file))
		file->private_data = private_data;
	return file;
}

int anon_inode_fd(const char *name, int flags, const struct file_operations *ops,
		  void *private_data)
{
	int fd = get_unused_fd(0, flags & O_CLOEXEC);

	if (fd >= 0)
		fd = fd_finish(fd, anon_inode_file(name, flags, ops, private_data));
	if (fd < 0)
		kfree(private_data);
	return fd;
}

static const struct file_system_type anon_inode_type = {
	.name = "anon_inodefs",
	.nodev = true,
	.kernel_only = true,
};

void anon_inode_init(void)
{
	anon_mount = pseudo_mount(&anon_inode_type, ANON_INODE_FS_MAGIC);
	/* As on Linux: a file of no type. */
	anon_mount->sb->root->inode->mode = 0600;
	anon_mount->sb->root->inode->nlink = 1;
}
