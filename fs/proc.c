/*
 * procfs: files whose text is made when they are read. Every directory is a table of proc_entry
 * rows, or numbers (processes, descriptors) with a row for each; the row says what a name is.
 * Inodes and dentries are made by each walk and go with it: nothing is cached, so nothing can be
 * stale.
 *
 * An inode remembers its row and, below /proc/PID, the struct pid of the process, which does not
 * keep the process alive: each use looks the task up, and finds none (ESRCH) when it is gone. Text
 * is made whole at the first read of an open file, in a buffer that grows until it fits, and later
 * reads take from that; reading at offset 0 makes it anew.
 */
#include <tine/err.h>
#include <tine/fail.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/mm.h>
#include <tine/mount.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/proc_fs.h>
#include <tine/readdir.h>
#include <tine/rw.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <uapi/statfs.h>

#define FIRST_TEXT   1024u
#define LARGEST_TEXT (4u << 20)

/* What an inode of /proc is. */
struct proc_inode {
	const struct proc_entry *entry;
	struct pid *pid; /* counted; NULL outside of process directories */
};

static const struct inode_operations proc_dir_inode, proc_link_inode, proc_jump_inode;
static int proc_set_size(struct inode *inode, loff_t size);
static const struct inode_operations proc_file_inode = {.set_size = proc_set_size};
static const struct file_operations proc_dir_operations, proc_file_operations;
static struct super_block *proc_super;

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

/* The task an inode is about, counted. *gone: it has ended. */
static struct task_struct *get_task(const struct inode *inode, bool *gone)
{
	struct pid *pid = proc_of(inode)->pid;
	struct task_struct *task = NULL;

	if (pid) {
		spin_lock(&tasklist_lock);
		task = pid_task(pid, PIDTYPE_PID);
		if (task)
			get_task_struct(task);
		spin_unlock(&tasklist_lock);
	}
	*gone = pid && !task;
	return task;
}

static void put_task(struct task_struct *task)
{
	if (task)
		put_task_struct(task);
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
	} else if (entry->link || entry->jump) {
		inode->mode = S_IFLNK | 0777;
		inode->ops = entry->jump ? &proc_jump_inode : &proc_link_inode;
	} else {
		inode->mode = S_IFREG | entry->mode;
		inode->ops = &proc_file_inode;
		inode->fops = &proc_file_operations;
	}
}

static void set_owner(struct inode *inode, struct task_struct *task)
{
	inode->uid = 0;
	inode->gid = 0;
	if (!task)
		return;
	spin_lock(&task->alloc_lock);
	if (task->cred) {
		inode->uid = task->cred->euid;
		inode->gid = task->cred->egid;
	}
	spin_unlock(&task->alloc_lock);
}

/* number: what a numbered link is the number of. */
static struct inode *new_inode(const struct proc_entry *entry, struct task_struct *task, int number)
{
	struct inode *inode = inode_alloc(proc_super, 0);
	struct proc_inode *proc = kzalloc(sizeof(*proc));
	struct pid *pid;

	if (!inode || !proc) {
		kfree(proc);
		iput(inode);
		return NULL;
	}
	inode->private = proc;
	inode->nlink = 1;
	inode->rdev = number;
	proc->entry = entry;
	if (task) {
		spin_lock(&tasklist_lock);
		pid = task->thread_pid;
		if (pid)
			proc->pid = get_pid(pid);
		spin_unlock(&tasklist_lock);
	}
	inode->ino = inode_number(entry, proc->pid) + number;
	set_kind(inode, entry);
	set_owner(inode, task);
	return inode;
}

static void proc_evict_inode(struct inode *inode)
{
	struct proc_inode *proc = inode->private;

	if (proc)
		put_pid(proc->pid);
	kfree(proc);
}

static struct dentry *new_dentry(struct dentry *dir, const char *name, unsigned int len,
				 const struct proc_entry *entry, struct task_struct *task,
				 int number)
{
	struct inode *inode = new_inode(entry, task, number);
	struct dentry *dentry;

	if (!inode)
		return ERR_PTR(-ENOMEM);
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

static struct dentry *lookup_pid(struct dentry *dir, const char *name, unsigned int len)
{
	int nr = parse_number(name, len);
	struct task_struct *task = nr > 0 ? find_get_task_by_vpid(nr) : NULL;
	struct dentry *dentry = ERR_PTR(-ENOENT);

	if (task) {
		dentry = new_dentry(dir, name, len, &pid_entry, task, 0);
		put_task_struct(task);
	}
	return dentry;
}

static struct dentry *numbered_link(struct dentry *dir, const struct proc_entry *entry,
				    struct task_struct *task, int nr, const char *name,
				    unsigned int len)
{
	struct dentry *dentry = new_dentry(dir, name, len, entry, task, nr);

	if (!IS_ERR(dentry) && entry->link_mode)
		dentry->inode->mode = S_IFLNK | entry->link_mode(task, nr);
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
	struct task_struct *thread;
	struct dentry *dentry;

	if (!entry->children)
		return numbered_link(dir, entry, task, nr, name, len);
	thread = find_get_task_by_vpid(nr);
	if (!thread)
		return ERR_PTR(-ENOENT);
	dentry = new_dentry(dir, name, len, entry, thread, 0);
	put_task_struct(thread);
	return dentry;
}

static struct dentry *lookup_entry(struct dentry *dir, const struct proc_entry *of,
				   struct task_struct *task, const char *name, unsigned int len)
{
	const struct proc_entry *e;
	int nr;

	for (e = of->children; e && e->name; e++)
		if (strlen(e->name) == len && memcmp(e->name, name, len) == 0)
			return new_dentry(dir, name, len, e, task, 0);
	nr = of->next_number ? parse_number(name, len) : -1;
	if (nr >= 0 && of->next_number(task, nr) == nr)
		return number_dentry(dir, of->number_entry, task, nr, name, len);
	return of == &proc_root ? lookup_pid(dir, name, len) : ERR_PTR(-ENOENT);
}

static struct dentry *proc_lookup(struct dentry *dir, const char *name, unsigned int len)
{
	bool gone;
	struct task_struct *task = get_task(dir->inode, &gone);
	struct dentry *found = ERR_PTR(-ENOENT);

	if (!gone)
		found = lookup_entry(dir, proc_of(dir->inode)->entry, task, name, len);
	put_task(task);
	return found;
}

static const struct inode_operations proc_dir_inode = {.lookup = proc_lookup};

static unsigned int entry_type(const struct proc_entry *e)
{
	if (e->children || e->next_number)
		return DT_DIR;
	return e->link || e->jump ? DT_LNK : DT_REG;
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

static bool emit_rows(struct dir_context *ctx, const struct proc_entry *rows, const struct pid *pid)
{
	loff_t n = 0;

	for (const struct proc_entry *e = rows; e && e->name; e++, n++) {
		if (ctx->pos != n + 2)
			continue;
		if (!ctx->emit(ctx, e->name, strlen(e->name), inode_number(e, pid), entry_type(e),
			       ctx->pos + 1))
			return false;
		ctx->pos++;
	}
	return true;
}

static int next_pid(int nr)
{
	struct pid *pid;
	int found;

	while ((pid = find_ge_pid(nr, &found))) {
		struct task_struct *task;

		spin_lock(&tasklist_lock);
		task = pid_task(pid, PIDTYPE_TGID);
		spin_unlock(&tasklist_lock);
		put_pid(pid);
		if (task)
			return found;
		nr = found + 1;
	}
	return -1;
}

static void emit_numbers(struct dir_context *ctx, const struct proc_entry *of,
			 struct task_struct *task)
{
	const struct proc_entry *each = of == &proc_root ? &pid_entry : of->number_entry;
	int nr;

	if (ctx->pos < FIRST_NUMBER)
		ctx->pos = FIRST_NUMBER;
	while (ctx->pos - FIRST_NUMBER <= INT32_MAX) {
		nr = ctx->pos - FIRST_NUMBER;
		nr = of == &proc_root ? next_pid(MAX(nr, 1)) : of->next_number(task, nr);
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
	struct task_struct *task = get_task(file->inode, &gone);

	if (gone)
		return -ENOENT;
	if (dir_emit_dots(file, ctx) && emit_rows(ctx, proc->entry->children, proc->pid) &&
	    (proc->entry == &proc_root || proc->entry->next_number))
		emit_numbers(ctx, proc->entry, task);
	put_task(task);
	return 0;
}

/* There is no end to seek from: texts have no length before they are read. */
static loff_t proc_llseek(struct file *file, loff_t offset, int whence)
{
	return whence <= SEEK_CUR ? generic_llseek(file, offset, whence) : -EINVAL;
}

static const struct file_operations proc_dir_operations = {
	.read = dir_read,
	.readdir = proc_readdir,
	.llseek = proc_llseek,
};

static int check_guard(const struct proc_entry *entry, struct task_struct *task)
{
	const struct cred *cred = current->cred;

	if (!entry->guarded || may_inspect(task, cred->fsuid, cred->fsgid))
		return 0;
	return -EACCES;
}

/* Links. */

static const char *proc_get_link(struct inode *inode, char *buf)
{
	bool gone;
	struct task_struct *task = get_task(inode, &gone);
	const char *text = gone ? ERR_PTR(-ENOENT) : proc_of(inode)->entry->link(task, buf);

	put_task(task);
	return text;
}

static int proc_jump(struct inode *inode, struct path *path)
{
	bool gone;
	struct task_struct *task = get_task(inode, &gone);
	const struct proc_entry *entry = proc_of(inode)->entry;
	int error = gone ? -ENOENT : check_guard(entry, task);

	if (error == 0)
		error = entry->jump(task, inode->rdev, path);
	put_task(task);
	return error;
}

static const struct inode_operations proc_link_inode = {.get_link = proc_get_link};
static const struct inode_operations proc_jump_inode = {.jump = proc_jump};

/* Files. */

/* O_TRUNC, as in "echo 1 >/proc/...", has nothing to do. */
static int proc_set_size(struct inode *inode, loff_t size)
{
	return 0;
}

static int proc_open(struct inode *inode, struct file *file)
{
	struct seq_buffer *m;
	bool gone;
	struct task_struct *task = get_task(inode, &gone);
	int error = gone ? -ESRCH : check_guard(proc_of(inode)->entry, task);

	put_task(task);
	if (error != 0)
		return error;
	m = kzalloc(sizeof(*m));
	file->private_data = m;
	return m ? 0 : -ENOMEM;
}

static void proc_release(struct file *file)
{
	struct seq_buffer *m = file->private_data;

	kfree(m->text);
	kfree(m);
}

static int make_text(struct seq_buffer *m, const struct proc_entry *entry, struct task_struct *task)
{
	int error = 0;

	for (size_t size = MAX(m->size, (size_t)FIRST_TEXT); size <= LARGEST_TEXT; size *= 2) {
		if (size != m->size) {
			kfree(m->text);
			m->text = kmalloc(size);
			m->size = m->text ? size : 0;
		}
		if (!m->text)
			return -ENOMEM;
		m->len = 0;
		m->overflow = false;
		error = entry->show(m, task);
		if (error != 0 || !m->overflow)
			return error;
	}
	return -ENOMEM;
}

static ssize_t read_text(struct file *file, struct iov_iter *to, loff_t *pos)
{
	const struct proc_entry *entry = proc_of(file->inode)->entry;
	struct seq_buffer *m = file->private_data;
	struct task_struct *task;
	size_t n, copied;
	bool gone;
	int error = 0;

	if (!entry->show)
		return -EINVAL;
	mutex_lock(&file->inode->lock);
	if (*pos == 0 || !m->text) {
		task = get_task(file->inode, &gone);
		error = gone ? -ESRCH : make_text(m, entry, task);
		put_task(task);
	}
	if (error == 0 && *pos < (loff_t)m->len) {
		n = MIN(to->count, m->len - (size_t)*pos);
		copied = copy_to_iter(m->text + *pos, n, to);
		*pos += copied;
		error = n && !copied ? -EFAULT : (int)copied;
	}
	mutex_unlock(&file->inode->lock);
	return error;
}

#define LONGEST_WRITE 4096u

static ssize_t write_text(struct file *file, struct iov_iter *from, loff_t *pos)
{
	const struct proc_entry *entry = proc_of(file->inode)->entry;
	size_t n = MIN(from->count, LONGEST_WRITE);
	struct task_struct *task;
	char *text;
	bool gone;
	int error;

	if (!entry->write)
		return -EIO;
	text = kmalloc(n + 1);
	if (!text)
		return -ENOMEM;
	task = get_task(file->inode, &gone);
	if (gone)
		error = -ESRCH;
	else if (copy_from_iter(text, n, from) < n)
		error = -EFAULT;
	else {
		text[n] = '\0';
		error = entry->write(text, n, task);
	}
	put_task(task);
	kfree(text);
	*pos += n;
	return error != 0 ? error : (ssize_t)n;
}

/* Reading and writing fail-nth must not be what it makes fail. */
static ssize_t proc_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	bool suspended = fail_suspend();
	ssize_t result = read_text(file, to, pos);

	fail_resume(suspended);
	return result;
}

static ssize_t proc_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	bool suspended = fail_suspend();
	ssize_t result = write_text(file, from, pos);

	fail_resume(suspended);
	return result;
}

static const struct file_operations proc_file_operations = {
	.open = proc_open,
	.release = proc_release,
	.read = proc_read,
	.write = proc_write,
	.llseek = proc_llseek,
};

static const struct super_operations proc_super_operations = {
	.evict_inode = proc_evict_inode,
};

static struct super_block *proc_get_super(const struct file_system_type *type, const char *data)
{
	atomic_inc(&proc_super->count);
	return proc_super;
}

const struct file_system_type proc_type = {
	.name = "proc",
	.nodev = true,
	.get_super = proc_get_super,
};

void proc_init(void)
{
	struct inode *root;

	proc_super = super_alloc(&proc_type, &proc_super_operations, PROC_SUPER_MAGIC);
	ASSERT(proc_super);
	root = new_inode(&proc_root, NULL, 0);
	ASSERT(root);
	proc_super->root = dentry_alloc(proc_super, NULL, "/", 1, root);
	ASSERT(proc_super->root);
}
