/*
 * devtmpfs: a tmpfs that the kernel fills with a node for every device. There is one instance,
 * whoever mounts it however often; and fs_init, which puts the root file system together and, as on
 * Linux, gives it what a program needs before anything is mounted: /dev with the console, and
 * /root.
 */
#include <tine/dev.h>
#include <tine/epoll.h>
#include <tine/err.h>
#include <tine/file_lock.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/printk.h>
#include <tine/pseudo_fs.h>
#include <tine/signal.h>
#include <tine/socket.h>
#include <tine/tmpfs.h>

static struct super_block *devtmpfs;

static struct super_block *devtmpfs_get_super(const struct file_system_type *type, const char *data)
{
	atomic_inc(&devtmpfs->count);
	return devtmpfs;
}

const struct file_system_type devtmpfs_type = {
	.name = "devtmpfs",
	.nodev = true,
	.get_super = devtmpfs_get_super,
};

static void devtmpfs_init(void)
{
	devtmpfs = tmpfs_get_super(&devtmpfs_type, "mode=0755");
	ASSERT(!IS_ERR(devtmpfs));
	for (const struct chrdev *c = chrdevs; c->name; c++) {
		int error = make_node(devtmpfs, c->name, S_IFCHR | c->mode, c->dev);

		ASSERT(error == 0);
	}
}

static void mount_root(void)
{
	struct super_block *sb = tmpfs_get_super(&tmpfs_type, "mode=0755");
	struct vfsmount *root = IS_ERR(sb) ? NULL : mount_alloc(sb, sb->root, "rootfs");
	struct path path;

	ASSERT(root);
	root->ns = &init_mnt_ns;
	init_mnt_ns.root = root;
	list_add_tail(&root->link, &init_mnt_ns.mounts);
	path = (struct path){root, sb->root};
	fs_struct_init(&path);
}

static void must(int error)
{
	if (error != 0)
		panic("cannot fill the root file system: error %d", -error);
}

void fs_init(void)
{
	inode_init();
	dcache_init();
	file_init();
	files_init();
	file_lock_init();
	page_tree_init();
	rename_init();
	mount_init();
	tmpfs_init();
	pipe_init();
	anon_inode_init();
	epoll_init();
	signalfd_init();
	socket_init();
	mount_root();
	devtmpfs_init();
	tty_init();
	must(kernel_mknod("/dev", S_IFDIR | 0755, 0, NULL));
	must(kernel_mknod("/dev/console", S_IFCHR | 0600, MKDEV(5, 1), NULL));
	must(kernel_mknod("/root", S_IFDIR | 0700, 0, NULL));
}
