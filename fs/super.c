/*
 * File system types and super blocks. A super block is one instance of a file system: it lives as
 * long as a mount of it (or the kernel) counts it, and then its whole tree is taken down.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/pty.h>
#include <tine/slab.h>
#include <tine/string.h>

const struct file_system_type *const file_system_types[] = {
	&tmpfs_type, &devtmpfs_type, &devpts_type, &proc_type, &pipefs_type, &sockfs_type, NULL,
};

/*
 * ramfs and the root file system are tmpfs under other names, as on a Linux kernel that has tmpfs.
 */
const struct file_system_type *find_file_system(const char *name)
{
	if (strcmp(name, "ramfs") == 0)
		return &tmpfs_type;
	for (unsigned int i = 0; file_system_types[i]; i++)
		if (strcmp(file_system_types[i]->name, name) == 0 &&
		    !file_system_types[i]->kernel_only)
			return file_system_types[i];
	return NULL;
}

static struct super_block *supers; /* mount_lock: by device number */

/* Gives sb the lowest device number that no file system has. */
static void take_device(struct super_block *sb)
{
	struct super_block **next = &supers;
	unsigned int minor = 1;

	spin_lock(&mount_lock);
	for (; *next && MINOR((*next)->dev) == minor; next = &(*next)->next)
		minor++;
	sb->dev = MKDEV(0, minor);
	sb->next = *next;
	*next = sb;
	spin_unlock(&mount_lock);
}

static void give_back_device(struct super_block *sb)
{
	struct super_block **next = &supers;

	spin_lock(&mount_lock);
	while (*next != sb)
		next = &(*next)->next;
	*next = sb->next;
	spin_unlock(&mount_lock);
}

int parse_mount_options(const char *data,
			bool (*parse)(const char *name, const char *value, void *options),
			void *options)
{
	char *words SCOPED(kfree) = data ? kstrdup(data) : NULL, *next, *value;

	if (data && !words)
		return -ENOMEM;
	for (char *word = words; word; word = next) {
		next = strchr(word, ',');
		if (next)
			*next++ = '\0';
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		if ((*word || value) && !parse(word, value, options))
			return -EINVAL;
	}
	return 0;
}

struct super_block *super_alloc(const struct file_system_type *type,
				const struct super_operations *ops, u32 magic)
{
	struct super_block *sb = kzalloc(sizeof(*sb));

	if (!sb)
		return NULL;
	atomic_set(&sb->count, 1);
	sb->type = type;
	sb->ops = ops;
	sb->magic = magic;
	take_device(sb);
	return sb;
}

void super_put(struct super_block *sb)
{
	if (!sb || !atomic_dec_and_test(&sb->count))
		return;
	if (sb->root)
		dentry_drop_tree(sb->root);
	if (sb->ops->put_super)
		sb->ops->put_super(sb);
	give_back_device(sb);
	kfree(sb);
}

u64 new_encode_dev(dev_t dev)
{
	unsigned int major = MAJOR(dev), minor = MINOR(dev);

	return (minor & 0xff) | (major << 8) | ((u64)(minor & ~0xffu) << 12);
}

dev_t new_decode_dev(u32 dev)
{
	return MKDEV((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >> 12) & 0xfff00));
}
