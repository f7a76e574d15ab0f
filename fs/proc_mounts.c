/*
 * /proc/PID/mounts, mountinfo and mountstats: what is mounted where, as far as it can be reached
 * from the process's root. They come in parts that begin behind a mount's number.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/proc_fs.h>
#include <tine/slab.h>
#include <uapi/mount.h>

#define ESCAPED " \t\n"

/* The mount after id in the namespace, counted. */
static struct vfsmount *next_mount(int id)
{
	struct vfsmount *mnt, *found = NULL;

	spin_lock(&mount_lock);
	list_for_each_entry(mnt, &current_mnt_ns()->mounts, link)
		if (mnt->id > id && (!found || mnt->id < found->id))
			found = mnt;
	if (found)
		mntget(found);
	spin_unlock(&mount_lock);
	return found;
}

static const char *type_name(const struct vfsmount *mnt)
{
	return mnt->parent ? mnt->sb->type->name : "rootfs";
}

static const char *source_of(const struct vfsmount *mnt)
{
	return mnt->parent ? mnt->source : "rootfs";
}

struct flag_name {
	u32 flag;
	const char *text;
};

/* With a comma in front of each. */
static void show_flags(struct seq_buffer *m, u32 flags, const struct flag_name *names)
{
	for (; names->flag; names++)
		if (flags & names->flag)
			seq_printf(m, ",%s", names->text);
}

static void show_mount_options(struct seq_buffer *m, const struct vfsmount *mnt)
{
	static const struct flag_name names[] = {
		{MNT_NOSUID, "nosuid"},           {MNT_NODEV, "nodev"},
		{MNT_NOEXEC, "noexec"},           {MNT_NOATIME, "noatime"},
		{MNT_NODIRATIME, "nodiratime"},   {MNT_RELATIME, "relatime"},
		{MNT_NOSYMFOLLOW, "nosymfollow"}, {},
	};

	show_flags(m, mnt->flags, names);
}

static void show_super_flags(struct seq_buffer *m, const struct super_block *sb)
{
	static const struct flag_name names[] = {
		{MS_SYNCHRONOUS, "sync"},
		{MS_DIRSYNC, "dirsync"},
		{MS_MANDLOCK, "mand"},
		{MS_LAZYTIME, "lazytime"},
		{},
	};

	show_flags(m, sb->flags, names);
}

static void show_super_options(struct seq_buffer *m, struct vfsmount *mnt)
{
	if (mnt->sb->ops->show_options)
		mnt->sb->ops->show_options(mnt->sb, m);
}

static void show_mount(struct seq_buffer *m, struct vfsmount *mnt, const char *name)
{
	seq_escape(m, source_of(mnt), ESCAPED "#");
	seq_puts(m, " ");
	seq_escape(m, name, ESCAPED);
	seq_printf(m, " %s %s", type_name(mnt), mnt_want_write(mnt) ? "ro" : "rw");
	show_super_flags(m, mnt->sb);
	show_mount_options(m, mnt);
	show_super_options(m, mnt);
	seq_puts(m, " 0 0\n");
}

/* Which part of its file system a mount shows. */
static void show_mount_root(struct seq_buffer *m, const struct vfsmount *mnt)
{
	struct vfsmount whole = {.root = mnt->sb->root}; /* as if all of it were mounted */
	const struct path root = {&whole, whole.root}, path = {&whole, mnt->root};
	char *buf = kmalloc(PATH_MAX), *name = NULL;
	bool outside;

	if (buf)
		name = path_name(&path, &root, buf, PATH_MAX, &outside);
	seq_escape(m, name && !IS_ERR(name) ? name : "?", ESCAPED);
	kfree(buf);
}

static int parent_id(const struct vfsmount *mnt)
{
	return SPIN_LOCKED(&mount_lock, mnt->parent ? mnt->parent->id : mnt->id);
}

static void show_mountinfo(struct seq_buffer *m, struct vfsmount *mnt, const char *name)
{
	seq_printf(m, "%d %d %u:%u ", mnt->id, parent_id(mnt), MAJOR(mnt->sb->dev),
		   MINOR(mnt->sb->dev));
	show_mount_root(m, mnt);
	seq_puts(m, " ");
	seq_escape(m, name, ESCAPED);
	seq_puts(m, mnt->flags & MNT_READONLY ? " ro" : " rw");
	show_mount_options(m, mnt);
	seq_printf(m, " - %s ", type_name(mnt));
	seq_escape(m, source_of(mnt), ESCAPED "#");
	seq_puts(m, mnt->sb->read_only ? " ro" : " rw");
	show_super_flags(m, mnt->sb);
	show_super_options(m, mnt);
	seq_puts(m, "\n");
}

static void show_mountstats(struct seq_buffer *m, struct vfsmount *mnt, const char *name)
{
	seq_puts(m, "device ");
	seq_escape(m, source_of(mnt), ESCAPED "#");
	seq_puts(m, " mounted on ");
	seq_escape(m, name, ESCAPED);
	seq_printf(m, " with fstype %s\n", type_name(mnt));
}

static int show_each_mount(struct seq_buffer *m, struct task_struct *task,
			   void (*show)(struct seq_buffer *m, struct vfsmount *mnt,
					const char *name))
{
	char *buf SCOPED(kfree) = kmalloc(PATH_MAX), *name;
	struct path root SCOPED(path_put) = {}, at;
	bool outside, goes_on = true;

	if (!buf || !get_task_fs(task, &root, NULL))
		return buf ? -EINVAL : -ENOMEM;
	while (goes_on && (at.mnt = next_mount(m->cursor))) {
		size_t start = m->len;

		at.dentry = at.mnt->root;
		name = path_name(&at, &root, buf, PATH_MAX, &outside);
		if (!IS_ERR(name) && !outside)
			show(m, at.mnt, name);
		goes_on = seq_next(m, start, at.mnt->id);
		mntput(at.mnt);
	}
	return 0;
}

int proc_show_mounts(struct seq_buffer *m, struct task_struct *task)
{
	return show_each_mount(m, task, show_mount);
}

int proc_show_mountinfo(struct seq_buffer *m, struct task_struct *task)
{
	return show_each_mount(m, task, show_mountinfo);
}

int proc_show_mountstats(struct seq_buffer *m, struct task_struct *task)
{
	return show_each_mount(m, task, show_mountstats);
}
