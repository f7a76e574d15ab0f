/*
 * tmpfs: files in memory. The root file system, /tmp, /dev/shm, the memory behind shared anonymous
 * mappings, and (through devtmpfs) /dev are all this.
 *
 * Names are dentries (fs/dcache.c), contents are pages (fs/tmpfs_file.c); this file is the super
 * block: options, the two limits, and the inodes. Every page and every inode is charged to the
 * super block before it is made and given back when it goes, so the limits hold exactly; the counts
 * are atomic and need no lock.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/page.h>
#include <tine/printk.h>
#include <tine/seq_buffer.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/tmpfs.h>
#include <uapi/statfs.h>

#define SHORT_LINK 128 /* longer ones, with their NUL, take a block */
#define ENTRY_SIZE 20  /* what a directory's size grows by for each entry, as Linux has it */

static const struct super_operations tmpfs_super_operations;
static struct vfsmount *shm_mount; /* for files without a name */

static u64 total_pages;    /* atomic: of all instances */
static u64 reserved_pages; /* atomic: of files without a name whose pages were promised */

u64 tmpfs_total_pages(void)
{
	return READ_ONCE(total_pages);
}

/* Shared memory that was promised, less what of it is there and so counted already. */
u64 shmem_committed_pages(void)
{
	const struct tmpfs *shm = shm_mount->sb->private;
	u64 there = READ_ONCE(shm->blocks), reserved = READ_ONCE(reserved_pages);

	return tmpfs_total_pages() + (reserved > there ? reserved - there : 0);
}

void shmem_reserve(struct file *file)
{
	u64 pages = DIV_ROUND_UP((u64)file->inode->size, PAGE_SIZE);

	file->inode->private = (void *)pages;
	__atomic_add_fetch(&reserved_pages, pages, __ATOMIC_RELAXED);
}

void tmpfs_count_pages(s64 n)
{
	__atomic_add_fetch(&total_pages, n, __ATOMIC_RELAXED);
}

bool tmpfs_charge(u64 *used, const u64 *limit)
{
	u64 now = __atomic_add_fetch(used, 1, __ATOMIC_RELAXED), most = READ_ONCE(*limit);

	if (!most || now <= most)
		return true;
	__atomic_sub_fetch(used, 1, __ATOMIC_RELAXED);
	return false;
}

void tmpfs_uncharge(u64 *used, u64 n)
{
	__atomic_sub_fetch(used, n, __ATOMIC_RELAXED);
}

static const char *tmpfs_get_link(struct inode *inode, char *buf)
{
	return inode->link;
}

static struct inode *tmpfs_create(struct inode *dir, mode_t mode, dev_t rdev, const char *target);

static const struct inode_operations tmpfs_dir_inode = {.create = tmpfs_create};
static const struct inode_operations tmpfs_link_inode = {.get_link = tmpfs_get_link};
static const struct inode_operations tmpfs_file_inode = {.set_size = tmpfs_set_size};
static const struct inode_operations tmpfs_special_inode = {};

static struct inode *new_inode(struct super_block *sb, const struct inode *dir, mode_t mode,
			       dev_t rdev)
{
	struct tmpfs *fs = sb->private;
	struct inode *inode;

	if (!tmpfs_charge(&fs->inodes, &fs->max_inodes))
		return ERR_PTR(-ENOSPC);
	inode = inode_alloc(sb, mode);
	if (!inode) {
		tmpfs_uncharge(&fs->inodes, 1);
		return ERR_PTR(-ENOMEM);
	}
	inode_init_owner(inode, dir, mode);
	inode->rdev = rdev;
	inode->ops = &tmpfs_special_inode;
	if (S_ISDIR(mode)) {
		inode->ops = &tmpfs_dir_inode;
		inode->fops = &dentry_dir_operations;
		inode->size = 2 * ENTRY_SIZE;
	} else if (S_ISREG(mode)) {
		inode->seals = F_SEAL_SEAL;
		inode->ops = &tmpfs_file_inode;
		inode->fops = &tmpfs_file_operations;
	} else if (S_ISLNK(mode)) {
		inode->ops = &tmpfs_link_inode;
	}
	return inode;
}

/* The text of a link, which takes a block if it is long. */
static int set_link(struct inode *inode, const char *target)
{
	struct tmpfs *fs = inode->sb->private;
	size_t len = strlen(target);

	if (len >= SHORT_LINK) {
		if (!tmpfs_charge(&fs->blocks, &fs->max_blocks))
			return -ENOSPC;
		inode->block_count = 1;
	}
	inode->link = kstrdup(target);
	inode->size = len;
	return inode->link ? 0 : -ENOMEM;
}

static struct inode *tmpfs_create(struct inode *dir, mode_t mode, dev_t rdev, const char *target)
{
	struct inode *inode = new_inode(dir->sb, dir, mode, rdev);
	int error = !IS_ERR(inode) && target ? set_link(inode, target) : 0;

	if (error == 0)
		return inode;
	iput(inode);
	return ERR_PTR(error);
}

/* Every name of a file costs what an inode does. */
static int tmpfs_charge_name(struct super_block *sb, int n)
{
	struct tmpfs *fs = sb->private;

	if (n > 0)
		return tmpfs_charge(&fs->inodes, &fs->max_inodes) ? 0 : -ENOSPC;
	tmpfs_uncharge(&fs->inodes, 1);
	return 0;
}

static void tmpfs_evict_inode(struct inode *inode)
{
	struct tmpfs *fs = inode->sb->private;

	if (S_ISREG(inode->mode))
		tmpfs_drop_pages(inode, 0, ~0ull, NULL);
	else
		tmpfs_uncharge(&fs->blocks, inode->block_count);
	tmpfs_uncharge(&reserved_pages, (u64)inode->private);
	tmpfs_uncharge(&fs->inodes, 1);
}

static u64 left_of(u64 limit, u64 used)
{
	return limit - MIN(limit, used);
}

static void tmpfs_statfs(struct super_block *sb, struct statfs *st)
{
	const struct tmpfs *fs = sb->private;

	st->f_blocks = READ_ONCE(fs->max_blocks);
	st->f_bfree = st->f_bavail = left_of(st->f_blocks, READ_ONCE(fs->blocks));
	st->f_files = READ_ONCE(fs->max_inodes);
	st->f_ffree = left_of(st->f_files, READ_ONCE(fs->inodes));
}

static void tmpfs_show_options(struct super_block *sb, struct seq_buffer *m)
{
	const struct tmpfs *fs = sb->private;
	const struct inode *root = sb->root->inode;

	if (fs->max_blocks != fs->default_blocks)
		seq_printf(m, ",size=%zuk", (size_t)fs->max_blocks * 4);
	if (fs->max_inodes != fs->default_blocks)
		seq_printf(m, ",nr_inodes=%zu", (size_t)fs->max_inodes);
	if ((root->mode & 07777) != 01777)
		seq_printf(m, ",mode=%03o", root->mode & 07777);
	if (root->uid)
		seq_printf(m, ",uid=%u", root->uid);
	if (root->gid)
		seq_printf(m, ",gid=%u", root->gid);
	seq_puts(m, ",inode64");
}

/*
 * A number, decimal, 0x.. or 0.., with k, m, g, t, p, e; for size also "%" of memory. false:
 * something else follows, or there is no digit.
 */
static bool parse_size(const char *text, bool percent, u64 *result)
{
	static const char units[] = "kmgtpe";
	const char *end = parse_digits(text, 0, result), *unit;

	if (!end)
		return false;
	unit = *end ? strchr(units, *end | 0x20) : NULL;
	if (percent && *end == '%')
		*result = *result * total_page_count() / 100 * PAGE_SIZE;
	else if (unit)
		*result <<= 10 * (unit - units + 1);
	return *end == '\0' || ((unit || (percent && *end == '%')) && end[1] == '\0');
}

static bool parse_id(const char *text, u64 *result)
{
	return parse_size(text, false, result) && *result < 0xffffffff;
}

struct tmpfs_options {
	u64 size, inodes, mode, uid, gid;
	bool has_size, has_inodes, has_mode, has_uid, has_gid;
};

static bool parse_octal(const char *text, u64 *result)
{
	const char *end = parse_digits(text, 8, result);

	if (!end)
		return false;
	*result &= 07777;
	return *end == '\0';
}

static bool parse_option(const char *word, const char *value, void *options)
{
	struct tmpfs_options *o = options;

	if (!value)
		return strcmp(word, "inode64") == 0;
	if (strcmp(word, "size") == 0)
		return o->has_size = parse_size(value, true, &o->size);
	if (strcmp(word, "nr_blocks") == 0) {
		o->has_size = parse_size(value, false, &o->size);
		o->size *= PAGE_SIZE;
		return o->has_size;
	}
	if (strcmp(word, "nr_inodes") == 0)
		return o->has_inodes = parse_size(value, false, &o->inodes);
	if (strcmp(word, "mode") == 0)
		return o->has_mode = parse_octal(value, &o->mode);
	if (strcmp(word, "uid") == 0)
		return o->has_uid = parse_id(value, &o->uid);
	if (strcmp(word, "gid") == 0)
		return o->has_gid = parse_id(value, &o->gid);
	/* What is so in any case. */
	return (strcmp(word, "huge") == 0 && strcmp(value, "never") == 0) ||
	       (strcmp(word, "mpol") == 0 && strcmp(value, "default") == 0);
}

/* No limit below what is in use, and none where there has been none; 0 means none. */
static bool may_limit(u64 limit, u64 old, u64 used)
{
	return !limit || (old && limit >= used);
}

static int apply_limits(struct tmpfs *fs, const struct tmpfs_options *o)
{
	u64 blocks = DIV_ROUND_UP(o->size, PAGE_SIZE);

	if ((o->has_size && !may_limit(blocks, fs->max_blocks, READ_ONCE(fs->blocks))) ||
	    (o->has_inodes && !may_limit(o->inodes, fs->max_inodes, READ_ONCE(fs->inodes))))
		return -EINVAL;
	if (o->has_size)
		WRITE_ONCE(fs->max_blocks, blocks);
	if (o->has_inodes)
		WRITE_ONCE(fs->max_inodes, o->inodes);
	return 0;
}

static int tmpfs_remount(struct super_block *sb, const char *data)
{
	struct tmpfs_options options = {};
	int error = parse_mount_options(data, parse_option, &options);

	return error != 0 ? error : apply_limits(sb->private, &options);
}

static int make_root(struct super_block *sb, const struct tmpfs_options *o)
{
	struct inode *inode = new_inode(sb, NULL, S_IFDIR | (o->has_mode ? o->mode : 01777), 0);

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	inode->nlink = 2;
	if (o->has_uid)
		inode->uid = o->uid;
	if (o->has_gid)
		inode->gid = o->gid;
	sb->root = dentry_alloc(sb, NULL, "/", 1, inode);
	return sb->root ? 0 : -ENOMEM;
}

struct super_block *tmpfs_get_super(const struct file_system_type *type, const char *data)
{
	struct tmpfs *fs = kzalloc(sizeof(*fs));
	struct super_block *sb = super_alloc(type, &tmpfs_super_operations, TMPFS_MAGIC);
	struct tmpfs_options options = {};
	int error = -ENOMEM;

	if (fs && sb) {
		sb->private = fs;
		sb->entry_size = ENTRY_SIZE;
		sb->has_xattrs = true;
		fs->default_blocks = fs->max_blocks = fs->max_inodes = total_page_count() / 2;
		error = parse_mount_options(data, parse_option, &options);
		if (error == 0)
			error = apply_limits(fs, &options);
		if (error == 0)
			error = make_root(sb, &options);
		if (error == 0)
			return sb;
	}
	kfree(fs);
	kfree(sb);
	return ERR_PTR(error);
}

static void tmpfs_put_super(struct super_block *sb)
{
	kfree(sb->private);
}

static const struct super_operations tmpfs_super_operations = {
	.evict_inode = tmpfs_evict_inode,
	.charge_name = tmpfs_charge_name,
	.statfs = tmpfs_statfs,
	.remount = tmpfs_remount,
	.show_options = tmpfs_show_options,
	.put_super = tmpfs_put_super,
};

const struct file_system_type tmpfs_type = {
	.name = "tmpfs",
	.nodev = true,
	.get_super = tmpfs_get_super,
};

void tmpfs_init(void)
{
	struct super_block *sb = tmpfs_get_super(&tmpfs_type, "size=0,nr_inodes=0");

	shm_mount = IS_ERR(sb) ? NULL : mount_alloc(sb, sb->root, "tmpfs");
	ASSERT(shm_mount);
}

struct file *shmem_file_setup(const char *name, loff_t size)
{
	struct super_block *sb = shm_mount->sb;
	struct path path = {.mnt = shm_mount};
	struct inode *inode;
	struct file *file;

	inode = new_inode(sb, NULL, S_IFREG | 0777, 0);
	if (IS_ERR(inode))
		return (struct file *)inode;
	inode->size = size;
	inode->mapped = true; /* or it is about to be */
	path.dentry = dentry_alloc(sb, NULL, name, strlen(name), inode);
	if (!path.dentry)
		return ERR_PTR(-ENOMEM);
	path.dentry->flags |= DENTRY_GONE;
	file = file_alloc(&path, O_RDWR, inode->fops);
	dput(path.dentry);
	return file;
}
