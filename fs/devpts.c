/*
 * devpts: the nodes of pseudo terminals, /dev/pts/N, and a ptmx of its own. Every mount is an
 * instance with its own numbers; /dev/ptmx makes its terminals in the one that is mounted on the
 * pts beside it.
 *
 * A number is the lowest that is free, and is in use until both ends of the pair are closed: the
 * pairs of an instance are a list in the order of their numbers. Each counts the super block, which
 * so outlives them. The root inode's lock guards the list, the directory, and which pair a node
 * stands for (NULL once the master is closed).
 */
#include <tine/err.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/printk.h>
#include <tine/pty.h>
#include <tine/seq_buffer.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <uapi/statfs.h>

#define MAX_NUMBERS (1u << 20)
#define MAX_PTYS    4096u /* over all instances */

struct devpts_options {
	bool set_uid, set_gid;
	unsigned int uid, gid, mode, ptmx_mode, max;
};

struct devpts {
	struct devpts_options options; /* the root inode's lock to write */
	struct list_head ptys;
	struct inode *ptmx; /* its dentry keeps it */
};

static const struct devpts_options default_options = {.mode = 0600, .max = MAX_NUMBERS};
static const struct inode_operations node_inode = {};
static unsigned int pty_count; /* atomic */

static bool parse_number(const char *text, unsigned int base, unsigned int *value)
{
	u64 n;
	const char *end = parse_digits(text, base, &n);

	if (!end || *end || n > INT32_MAX)
		return false;
	*value = n;
	return true;
}

static bool parse_option(const char *word, const char *value, void *options)
{
	struct devpts_options *o = options;

	if (!value)
		return strcmp(word, "newinstance") == 0;
	if (strcmp(word, "uid") == 0)
		return o->set_uid = parse_number(value, 10, &o->uid);
	if (strcmp(word, "gid") == 0)
		return o->set_gid = parse_number(value, 10, &o->gid);
	if (strcmp(word, "mode") == 0 && parse_number(value, 8, &o->mode))
		return (o->mode &= 07777), true;
	if (strcmp(word, "ptmxmode") == 0 && parse_number(value, 8, &o->ptmx_mode))
		return (o->ptmx_mode &= 07777), true;
	if (strcmp(word, "max") == 0)
		return parse_number(value, 10, &o->max) && o->max <= MAX_NUMBERS;
	return false;
}

static int devpts_remount(struct super_block *sb, const char *data)
{
	struct devpts *fs = sb->private;
	struct devpts_options options = default_options;
	int error = parse_mount_options(data, parse_option, &options);

	if (error != 0)
		return error;
	mutex_lock(&sb->root->inode->lock);
	fs->options = options;
	fs->ptmx->mode = S_IFCHR | options.ptmx_mode;
	mutex_unlock(&sb->root->inode->lock);
	return 0;
}

static void devpts_show_options(struct super_block *sb, struct seq_buffer *m)
{
	const struct devpts_options *o = &((struct devpts *)sb->private)->options;

	if (o->set_uid)
		seq_printf(m, ",uid=%u", o->uid);
	if (o->set_gid)
		seq_printf(m, ",gid=%u", o->gid);
	seq_printf(m, ",mode=%03o,ptmxmode=%03o", o->mode, o->ptmx_mode);
	if (o->max < MAX_NUMBERS)
		seq_printf(m, ",max=%u", o->max);
}

static void devpts_put_super(struct super_block *sb)
{
	kfree(sb->private);
}

static const struct super_operations devpts_operations = {
	.remount = devpts_remount,
	.show_options = devpts_show_options,
	.put_super = devpts_put_super,
};

static struct inode *new_inode(struct super_block *sb, mode_t mode, u64 ino)
{
	struct inode *inode = inode_alloc(sb, mode);

	if (!inode)
		return NULL;
	inode->ino = ino;
	inode->ops = &node_inode;
	return inode;
}

/* A node in the root directory, counted; root's lock held, or nobody knows the tree yet. */
static struct dentry *add_node(struct super_block *sb, const char *name, struct inode *inode)
{
	struct dentry *dentry;

	if (!inode)
		return NULL;
	inode->nlink = 1;
	dentry = dentry_alloc(sb, sb->root, name, strlen(name), inode);
	if (dentry)
		dentry_attach(dentry);
	return dentry;
}

static int fill_super(struct super_block *sb)
{
	struct devpts *fs = sb->private;
	struct inode *root = new_inode(sb, S_IFDIR | 0755, 1);
	struct dentry *ptmx;

	if (!root)
		return -ENOMEM;
	root->uid = root->gid = 0;
	root->nlink = 2;
	root->fops = &dentry_dir_operations;
	sb->root = dentry_alloc(sb, NULL, "/", 1, root);
	if (!sb->root)
		return -ENOMEM;
	fs->ptmx = new_inode(sb, S_IFCHR | fs->options.ptmx_mode, 2);
	if (fs->ptmx) {
		fs->ptmx->rdev = DEV_PTMX;
		fs->ptmx->uid = fs->ptmx->gid = 0;
	}
	ptmx = add_node(sb, "ptmx", fs->ptmx);
	if (!ptmx)
		return -ENOMEM;
	dput(ptmx);
	return 0;
}

static struct super_block *devpts_get_super(const struct file_system_type *type, const char *data)
{
	struct devpts *fs = kzalloc(sizeof(*fs));
	struct super_block *sb = super_alloc(type, &devpts_operations, DEVPTS_SUPER_MAGIC);
	int error = -ENOMEM;

	if (!fs || !sb) {
		kfree(fs);
		kfree(sb);
		return ERR_PTR(-ENOMEM);
	}
	sb->private = fs;
	list_init(&fs->ptys);
	fs->options = default_options;
	error = parse_mount_options(data, parse_option, &fs->options);
	if (error == 0)
		error = fill_super(sb);
	if (error == 0)
		return sb;
	super_put(sb);
	return ERR_PTR(error);
}

const struct file_system_type devpts_type = {
	.name = "devpts",
	.nodev = true,
	.get_super = devpts_get_super,
};

int devpts_find(const struct file *ptmx, struct path *root)
{
	struct dentry *parent, *child;

	root->mnt = ptmx->path.mnt;
	if (root->mnt->sb->type == &devpts_type) {
		root->dentry = root->mnt->sb->root;
		path_get(root);
		return 0;
	}
	parent = dget_parent(ptmx->path.dentry);
	child = lookup_child(parent, "pts", 3);
	dput(parent);
	if (IS_ERR(child))
		return PTR_ERR(child);
	root->dentry = child;
	mntget(root->mnt);
	follow_mounts(root);
	if (root->mnt->sb->type == &devpts_type && root->dentry == root->mnt->root)
		return 0;
	path_put(root);
	return -ENODEV;
}

/* The lowest number that is free, and behind which list entry its pair belongs. */
static unsigned int free_number(struct devpts *fs, struct list_head **after)
{
	unsigned int n = 0;
	struct pty *pty;

	*after = &fs->ptys;
	list_for_each_entry(pty, &fs->ptys, link) {
		if (pty->index != n)
			break;
		*after = &pty->link;
		n++;
	}
	return n;
}

static struct inode *slave_inode(struct super_block *sb, struct tty *tty)
{
	const struct devpts_options *o = &((struct devpts *)sb->private)->options;
	struct inode *inode = new_inode(sb, S_IFCHR | o->mode, tty->pty->index + 3);

	if (!inode)
		return NULL;
	inode->rdev = tty->dev;
	inode->uid = o->set_uid ? o->uid : inode->uid;
	inode->gid = o->set_gid ? o->gid : inode->gid;
	inode->private = tty;
	return inode;
}

/* Root's lock held. */
static int add_slave(struct super_block *sb, struct tty *tty)
{
	struct devpts *fs = sb->private;
	struct pty *pty = tty->pty;
	struct list_head *after;
	char name[12];

	pty->index = free_number(fs, &after);
	if (pty->index >= fs->options.max)
		return -ENOSPC;
	tty->dev = MKDEV(PTS_MAJOR, pty->index);
	snprintf(name, sizeof(name), "%u", pty->index);
	pty->dentry = add_node(sb, name, slave_inode(sb, tty));
	if (!pty->dentry)
		return -ENOMEM;
	atomic_inc(&sb->count);
	pty->sb = sb;
	list_add(&pty->link, after);
	inode_touch_modified(sb->root->inode);
	return 0;
}

int devpts_add(struct super_block *sb, struct tty *tty)
{
	int error = -ENOSPC;

	if (__atomic_add_fetch(&pty_count, 1, __ATOMIC_RELAXED) <= MAX_PTYS) {
		error = MUTEX_LOCKED(&sb->root->inode->lock, add_slave(sb, tty));
	}
	if (error != 0)
		__atomic_sub_fetch(&pty_count, 1, __ATOMIC_RELAXED);
	return error;
}

void devpts_remove(struct pty *pty)
{
	struct inode *root = pty->sb->root->inode;

	mutex_lock(&root->lock);
	pty->dentry->inode->private = NULL;
	pty->dentry->inode->nlink = 0;
	dentry_detach(pty->dentry);
	inode_touch_modified(root);
	mutex_unlock(&root->lock);
	dput(pty->dentry);
}

void devpts_free_number(struct pty *pty)
{
	if (!pty->sb)
		return;
	mutex_lock(&pty->sb->root->inode->lock);
	list_del(&pty->link);
	mutex_unlock(&pty->sb->root->inode->lock);
	super_put(pty->sb);
	__atomic_sub_fetch(&pty_count, 1, __ATOMIC_RELAXED);
}

struct tty *pts_lookup(struct inode *inode)
{
	struct inode *root;
	struct tty *tty;

	if (inode->sb->type != &devpts_type)
		return ERR_PTR(-EIO);
	root = inode->sb->root->inode;
	tty = MUTEX_LOCKED(&root->lock, tty_get(inode->private));
	return tty ? tty : ERR_PTR(-EIO);
}
