/*
 * procfs: files whose text is made when they are read. Every directory is a table of proc_entry
 * rows, or numbers (processes, descriptors) with a row for each; the row says what a name is.
 * Inodes and dentries are made by each walk and go with it: nothing is cached, so nothing can be
 * stale.
 *
 * An inode remembers its row and, below /proc/PID, the struct pid of the process, which does not
 * keep the process alive: each use looks the task up, and finds none (ESRCH) when it is gone.
 *
 * Each mount is a super block of its own with its own options: hidepid= and gid= say who sees the
 * processes of others, subset=pid leaves out all but processes.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/mm.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/proc_fs.h>
#include <tine/readdir.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <uapi/statfs.h>

/* hidepid= */
enum hide_pid {
	HIDE_NOTHING,
	HIDE_CONTENTS,     /* other users' directories cannot be entered */
	HIDE_NAMES,        /* nor seen */
	HIDE_UNTRACED = 4, /* nor those that the reader may not inspect */
};

struct proc_options {
	enum hide_pid hide;
	gid_t gid; /* this group sees all */
	bool only_pids;
};

static const struct inode_operations proc_dir_inode, proc_file_inode, proc_link_inode,
	proc_jump_inode;
static const struct file_operations proc_dir_operations;

static const struct proc_entry proc_root = {
	.name = "/",
	.mode = 0555,
	.children = proc_root_entries,
};

static const struct proc_entry pid_entry = {
	.name = "",
	.mode = 0555,
	.children = proc_pid_entries,
};

static struct proc_inode *proc_of(const struct inode *inode)
{
	return inode->private;
}

static const struct proc_options *options_of(const struct super_block *sb)
{
	return sb->private;
}

struct task_struct *proc_get_task(const struct inode *inode, bool *gone)
{
	struct pid *pid = proc_of(inode)->pid;
	struct task_struct *task = pid ? get_pid_task(pid, PIDTYPE_PID) : NULL;

	*gone = pid && !task;
	return task;
}

struct pid *proc_fd_pid(unsigned int fd)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	if (!f.file || f.file->ops != &proc_dir_operations ||
	    proc_of(f.file->inode)->entry != &pid_entry)
		return ERR_PTR(-EBADF);
	return get_pid(proc_of(f.file->inode)->pid);
}

/* Numbers for stat: the same name gives the same one. */
static u64 inode_number(const struct proc_entry *entry, const struct pid *pid)
{
	u64 n = (unsigned long)entry >> 3 & 0xffffff;

	return pid ? n + ((u64)pid->numbers[0].nr << 24) : n;
}

static void set_kind(struct inode *inode, const struct proc_entry *entry)
{
	if (entry->children || entry->next_number) {
		inode->mode = S_IFDIR | entry->mode;
		inode->ops = &proc_dir_inode;
		inode->fops = &proc_dir_operations;
		inode->nlink = 2;
		for (const struct proc_entry *e = entry->children; e && e->name; e++)
			inode->nlink += e->children || e->next_number;
	} else if (entry->target || entry->link || entry->jump) {
		inode->mode = S_IFLNK | 0777;
		inode->ops = entry->jump ? &proc_jump_inode : &proc_link_inode;
	} else {
		inode->mode = S_IFREG | entry->mode;
		inode->ops = &proc_file_inode;
		inode->fops = &proc_file_operations;
	}
}

/*
 * A process's files are its user's, unless it may not be looked into: then root's. Its directory
 * itself always is the user's.
 */
static void set_owner(struct inode *inode, struct task_struct *task)
{
	bool open_to_all = inode->mode == (S_IFDIR | 0555);

	inode->uid = 0;
	inode->gid = 0;
	if (!task || (task->flags & PF_KTHREAD))
		return;
	spin_lock(&task->alloc_lock);
	if (task->cred && (open_to_all || (task->mm && READ_ONCE(task->mm->dumpable) == 1))) {
		inode->uid = task->cred->euid;
		inode->gid = task->cred->egid;
	}
	spin_unlock(&task->alloc_lock);
}

static struct pid *get_task_pid(struct task_struct *task)
{
	return SPIN_LOCKED(&tasklist_lock, get_pid(task->thread_pid));
}

/* number: what a numbered link is the number of. */
static struct inode *new_inode(struct super_block *sb, const struct proc_entry *entry,
			       struct task_struct *task, int number)
{
	struct inode *inode = inode_alloc(sb, 0);
	struct proc_inode *proc = kzalloc(sizeof(*proc));
	int error = inode && proc ? 0 : -ENOMEM;

	if (error == 0 && task && !(proc->pid = get_task_pid(task)))
		error = -ESRCH; /* reaped meanwhile */
	if (error != 0) {
		kfree(proc);
		iput(inode);
		return ERR_PTR(error);
	}
	inode->private = proc;
	inode->nlink = 1;
	inode->rdev = number;
	proc->entry = entry;
	inode->ino = inode_number(entry, proc->pid) + number;
	set_kind(inode, entry);
	set_owner(inode, task);
	return inode;
}

static struct dentry *new_dentry(struct dentry *dir, const char *name, unsigned int len,
				 const struct proc_entry *entry, struct task_struct *task,
				 int number)
{
	struct inode *inode = new_inode(dir->sb, entry, task, number);
	struct dentry *dentry;

	if (IS_ERR(inode))
		return ERR_PTR(PTR_ERR(inode));
	dentry = dentry_alloc(dir->sb, dir, name, len, inode);
	return dentry ? dentry : ERR_PTR(-ENOMEM);
}

/* A decimal number without leading zeroes, else -1. */
static int parse_number(const char *name, unsigned int len)
{
	int n = 0;

	if (len == 0 || len > 9 || (len > 1 && name[0] == '0'))
		return -1;
	for (unsigned int i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		n = n * 10 + name[i] - '0';
	}
	return n;
}

/* Options of the mount let current see task, where they hide at least so much from others. */
static bool may_see(const struct proc_options *o, struct task_struct *task, enum hide_pid hidden)
{
	if (o->hide == HIDE_UNTRACED)
		return proc_may_inspect(task);
	return o->hide < hidden || in_group(current->cred, o->gid) || proc_may_inspect(task);
}

static struct dentry *lookup_pid(struct dentry *dir, const char *name, unsigned int len)
{
	int nr = parse_number(name, len);
	struct task_struct *task SCOPED(put_task_struct) = nr > 0 ? find_get_task_by_vpid(nr)
								  : NULL;

	if (!task || !may_see(options_of(dir->sb), task, HIDE_NAMES))
		return ERR_PTR(-ENOENT);
	return new_dentry(dir, name, len, &pid_entry, task, 0);
}

/* A link, or a file, that belongs to a number. */
static struct dentry *numbered_entry(struct dentry *dir, const struct proc_entry *entry,
				     struct task_struct *task, int nr, const char *name,
				     unsigned int len)
{
	struct dentry *dentry = new_dentry(dir, name, len, entry, task, nr);

	if (!IS_ERR(dentry) && entry->link_mode) {
		dentry->inode->mode = S_IFLNK | entry->link_mode(task, nr);
		dentry->inode->size = 64;
	}
	return dentry;
}

/*
 * A name in a directory of numbers: of a thread, with what is below it, or of something of the
 * task's.
 */
static struct dentry *number_dentry(struct dentry *dir, const struct proc_entry *entry,
				    struct task_struct *task, int nr, const char *name,
				    unsigned int len)
{
	struct task_struct *thread SCOPED(put_task_struct) = NULL;

	if (!entry->children)
		return numbered_entry(dir, entry, task, nr, name, len);
	thread = find_get_task_by_vpid(nr);
	return thread ? new_dentry(dir, name, len, entry, thread, 0) : ERR_PTR(-ENOENT);
}

/* In the root the rows of subset=pid stand first. */
static bool row_shown(const struct super_block *sb, const struct proc_entry *of,
		      const struct proc_entry *e)
{
	return of != &proc_root || e < proc_root_entries + 2 || !options_of(sb)->only_pids;
}

static struct dentry *lookup_entry(struct dentry *dir, const struct proc_entry *of,
				   struct task_struct *task, const char *name, unsigned int len)
{
	const struct proc_entry *e;
	int nr;

	for (e = of->children; e && e->name && row_shown(dir->sb, of, e); e++)
		if (strlen(e->name) == len && memcmp(e->name, name, len) == 0)
			return new_dentry(dir, name, len, e, task, 0);
	nr = of->next_number ? parse_number(name, len) : -1;
	if (nr >= 0 && of->next_number(task, nr) == nr)
		return number_dentry(dir, of->number_entry, task, nr, name, len);
	return of == &proc_root ? lookup_pid(dir, name, len) : ERR_PTR(-ENOENT);
}

static struct dentry *proc_lookup(struct dentry *dir, const char *name, unsigned int len)
{
	struct dentry *dentry;
	bool gone;

	do { /* again if the task was reaped: it may be exec that gave its number to another thread */
		struct task_struct *task SCOPED(put_task_struct) = proc_get_task(dir->inode, &gone);

		dentry = gone ? ERR_PTR(-ENOENT)
			      : lookup_entry(dir, proc_of(dir->inode)->entry, task, name, len);
	} while (dentry == ERR_PTR(-ESRCH));
	return dentry;
}

static unsigned int entry_type(const struct proc_entry *e)
{
	if (e->children || e->next_number)
		return DT_DIR;
	return e->target || e->link || e->jump ? DT_LNK : DT_REG;
}

static bool emit_number(struct dir_context *ctx, const struct proc_entry *entry, int nr, u64 ino)
{
	char name[12];
	int len = snprintf(name, sizeof(name), "%d", nr);

	if (!ctx->emit(ctx, name, len, ino, entry_type(entry), ctx->pos + 1))
		return false;
	ctx->pos++;
	return true;
}

/* Positions: 0 and 1 the dots, then the table's rows, from 0x10000 on numbers. */
#define FIRST_NUMBER 0x10000

static bool emit_rows(struct file *file, struct dir_context *ctx)
{
	const struct proc_inode *proc = proc_of(file->inode);
	const struct pid *pid = proc->pid;
	const struct proc_entry *e = proc->entry->children;

	for (loff_t n = 0; e && e->name && row_shown(file->inode->sb, proc->entry, e); e++, n++) {
		if (ctx->pos != n + 2)
			continue;
		if (!ctx->emit(ctx, e->name, strlen(e->name), inode_number(e, pid), entry_type(e),
			       ctx->pos + 1))
			return false;
		ctx->pos++;
	}
	return true;
}

static int next_pid(const struct proc_options *o, int nr)
{
	struct pid *pid;
	int found;

	while ((pid = find_ge_pid(nr, &found))) {
		struct task_struct *task SCOPED(put_task_struct) = get_pid_task(pid, PIDTYPE_TGID);

		put_pid(pid);
		if (task && may_see(o, task, HIDE_NAMES))
			return found;
		nr = found + 1;
	}
	return -1;
}

static void emit_numbers(struct file *file, struct dir_context *ctx, struct task_struct *task)
{
	const struct proc_entry *of = proc_of(file->inode)->entry;
	const struct proc_options *o = options_of(file->inode->sb);
	const struct proc_entry *each = of == &proc_root ? &pid_entry : of->number_entry;
	int nr;

	if (ctx->pos < FIRST_NUMBER)
		ctx->pos = FIRST_NUMBER;
	while (ctx->pos - FIRST_NUMBER <= INT32_MAX) {
		nr = ctx->pos - FIRST_NUMBER;
		nr = of == &proc_root ? next_pid(o, MAX(nr, 1)) : of->next_number(task, nr);
		if (nr < 0)
			return;
		ctx->pos = FIRST_NUMBER + (loff_t)nr;
		if (!emit_number(ctx, each, nr, ((u64)nr << 24) + 1))
			return;
	}
}

static int proc_readdir(struct file *file, struct dir_context *ctx)
{
	const struct proc_inode *proc = proc_of(file->inode);
	bool gone;
	struct task_struct *task SCOPED(put_task_struct) = proc_get_task(file->inode, &gone);

	if (gone)
		return -ENOENT;
	if (dir_emit_dots(file, ctx) && emit_rows(file, ctx) &&
	    (proc->entry == &proc_root || proc->entry->next_number))
		emit_numbers(file, ctx, task);
	return 0;
}

static const struct file_operations proc_dir_operations = {
	.read = dir_read,
	.readdir = proc_readdir,
	.llseek = proc_llseek,
};

/* Permissions. */

bool proc_may_inspect(struct task_struct *task)
{
	return may_inspect(task, INSPECT_BY_FILE_IDS);
}

/* In /proc/sys the mode binds root as well. */
static int sysctl_permission(const struct cred *cred, const struct inode *inode, unsigned int mask)
{
	mode_t mode = inode->mode;

	if (cred->euid == 0)
		mode >>= 6;
	else if (in_group(cred, 0))
		mode >>= 3;
	return mask & ~mode & 7 ? -EACCES : 0;
}

static int task_permission(const struct cred *cred, const struct inode *inode, unsigned int mask,
			   struct task_struct *task)
{
	const struct proc_entry *entry = proc_of(inode)->entry;
	const struct proc_options *o = options_of(inode->sb);
	int error;

	if (entry == &pid_entry && !may_see(o, task, HIDE_CONTENTS))
		return o->hide == HIDE_NAMES ? -ENOENT : -EPERM;
	error = generic_permission(cred, inode, mask);
	if (error == -EACCES && entry->own_threads && same_thread_group(task, current))
		return 0;
	if (error == 0 && entry->guarded && S_ISDIR(inode->mode) && !proc_may_inspect(task))
		return -EACCES;
	return error;
}

static int proc_permission(const struct cred *cred, const struct inode *inode, unsigned int mask)
{
	bool gone;
	struct task_struct *task SCOPED(put_task_struct) = proc_get_task(inode, &gone);

	if (gone)
		return -ESRCH;
	if (task)
		return task_permission(cred, inode, mask, task);
	if (proc_of(inode)->entry->sysctl)
		return sysctl_permission(cred, inode, mask);
	return generic_permission(cred, inode, mask);
}

/* The files have no length that could be set; O_TRUNC, as in "echo 1 >/proc/...", is harmless. */
static int proc_set_size(struct inode *inode, loff_t size)
{
	return 0;
}

static const struct inode_operations proc_dir_inode = {
	.lookup = proc_lookup,
	.permission = proc_permission,
};

static const struct inode_operations proc_file_inode = {
	.set_size = proc_set_size,
	.permission = proc_permission,
};

/* Links. */

static const char *proc_get_link(struct inode *inode, char *buf)
{
	bool gone;
	struct task_struct *task SCOPED(put_task_struct) = proc_get_task(inode, &gone);
	const struct proc_entry *entry = proc_of(inode)->entry;

	if (gone)
		return ERR_PTR(-ENOENT);
	if (entry->guarded && !proc_may_inspect(task))
		return ERR_PTR(-EACCES);
	return entry->target ? entry->target : entry->link(task, buf);
}

static int proc_jump(struct inode *inode, struct path *path)
{
	bool gone;
	struct task_struct *task SCOPED(put_task_struct) = proc_get_task(inode, &gone);
	const struct proc_entry *entry = proc_of(inode)->entry;

	if (gone)
		return -ENOENT;
	if (entry->guarded && !proc_may_inspect(task))
		return -EACCES;
	return entry->jump(task, inode->rdev, path);
}

static const struct inode_operations proc_link_inode = {.get_link = proc_get_link};
static const struct inode_operations proc_jump_inode = {.jump = proc_jump};

/* Super blocks and their options. */

static bool parse_hide(const char *value, struct proc_options *o)
{
	static const struct {
		const char *name;
		enum hide_pid hide;
	} names[] = {
		{"0", HIDE_NOTHING},       {"off", HIDE_NOTHING},         {"1", HIDE_CONTENTS},
		{"2", HIDE_NAMES},         {"noaccess", HIDE_CONTENTS},   {"4", HIDE_UNTRACED},
		{"invisible", HIDE_NAMES}, {"ptraceable", HIDE_UNTRACED},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(value, names[i].name) == 0) {
			o->hide = names[i].hide;
			return true;
		}
	return false;
}

static bool parse_option(const char *word, const char *value, void *options)
{
	struct proc_options *o = options;
	int gid;

	if (!value)
		return false;
	if (strcmp(word, "hidepid") == 0)
		return parse_hide(value, o);
	if (strcmp(word, "subset") == 0 && strcmp(value, "pid") == 0)
		return o->only_pids = true;
	if (strcmp(word, "gid") != 0 || proc_parse_int(value, 0, INT32_MAX, &gid) != 0)
		return false;
	o->gid = gid;
	return true;
}

static int proc_remount(struct super_block *sb, const char *data)
{
	struct proc_options o = *options_of(sb);
	int error = parse_mount_options(data, parse_option, &o);

	if (error == 0)
		*(struct proc_options *)sb->private = o;
	return error;
}

static void proc_show_options(struct super_block *sb, struct seq_buffer *m)
{
	static const char *const names[] = {"off", "noaccess", "invisible", "", "ptraceable"};
	const struct proc_options *o = options_of(sb);

	if (o->gid)
		seq_printf(m, ",gid=%u", o->gid);
	if (o->hide != HIDE_NOTHING)
		seq_printf(m, ",hidepid=%s", names[o->hide]);
	if (o->only_pids)
		seq_puts(m, ",subset=pid");
}

static void proc_evict_inode(struct inode *inode)
{
	struct proc_inode *proc = inode->private;

	if (proc)
		put_pid(proc->pid);
	kfree(proc);
}

static void proc_put_super(struct super_block *sb)
{
	kfree(sb->private);
}

static const struct super_operations proc_super_operations = {
	.evict_inode = proc_evict_inode,
	.remount = proc_remount,
	.show_options = proc_show_options,
	.put_super = proc_put_super,
};

static struct super_block *proc_get_super(const struct file_system_type *type, const char *data)
{
	struct super_block *sb = super_alloc(type, &proc_super_operations, PROC_SUPER_MAGIC);
	int error = -ENOMEM;
	struct inode *root;

	if (!sb)
		return ERR_PTR(error);
	sb->private = kzalloc(sizeof(struct proc_options));
	if (sb->private)
		error = parse_mount_options(data, parse_option, sb->private);
	root = error == 0 ? new_inode(sb, &proc_root, NULL, 0) : ERR_PTR(error);
	if (!IS_ERR(root))
		sb->root = dentry_alloc(sb, NULL, "/", 1, root);
	if (sb->root)
		return sb;
	super_put(sb);
	return ERR_PTR(error != 0 ? error : -ENOMEM);
}

const struct file_system_type proc_type = {
	.name = "proc",
	.nodev = true,
	.get_super = proc_get_super,
};
