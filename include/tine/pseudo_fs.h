/* File systems that are mounted nowhere: what has no name still has an inode (fs/pseudo.c). */
#pragma once

#include <tine/fs.h>

struct vfsmount;

/* Boot: a mount of a new file system of that type. Cannot fail. */
struct vfsmount *pseudo_mount(const struct file_system_type *type, u32 magic);
/* A dentry for inode (consumed, also on failure) that is called "kind:[number]". NULL: ENOMEM. */
struct dentry *pseudo_dentry(struct vfsmount *mnt, const char *kind, struct inode *inode);
/*
 * An open file with an inode of its own; flags as open(2). ENFILE, ENOMEM as ERR_PTR. ops->open is
 * not called.
 */
struct file *pseudo_file(struct vfsmount *mnt, const char *kind, mode_t mode, int flags,
			 const struct file_operations *ops);
/*
 * An open file that needs no inode of its own: /proc/PID/fd shows it as anon_inode: and name, as in
 * "[eventfd]". Errors as above; private_data is set.
 */
struct file *anon_inode_file(const char *name, int flags, const struct file_operations *ops,
			     void *private_data);
/*
 * The same, installed: the descriptor, close-on-exec if flags has O_CLOEXEC; EMFILE besides. On
 * failure private_data, which kmalloc gave, is freed.
 */
int anon_inode_fd(const char *name, int flags, const struct file_operations *ops,
		  void *private_data);
void anon_inode_init(void);
