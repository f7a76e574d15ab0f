/*
 * Reading directories: getdents(2). The file's operation offers entries one by one to an actor,
 * which writes each to user memory and refuses the one that does not fit; the offset stays at that
 * one. The directory is locked meanwhile, so that its entries stay where they are; writing to user
 * memory under that lock is allowed, since faults take only locks that come later.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/readdir.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/dirent.h>

struct getdents {
	struct dir_context ctx;
	char __user *at;
	size_t left;
	bool old_layout;
	int error;
	loff_t __user *last_off; /* of the entry before: the position after it */
};

/* The bytes of a name with what the layout has before and after it. */
static size_t record_size(const struct getdents *g, unsigned int len)
{
	size_t fixed = g->old_layout ? offsetof(struct linux_dirent, d_name) + 2
				     : offsetof(struct linux_dirent64, d_name) + 1;

	return ALIGN_UP(fixed + len, sizeof(long));
}

/* Header, name and type of one entry in user memory, by way of a buffer that holds the longest. */
static int write_record(struct getdents *g, const char *name, unsigned int len, u64 ino,
			unsigned int type, loff_t next, size_t size)
{
	union {
		struct linux_dirent64 new;
		struct linux_dirent old;
		char bytes[sizeof(struct linux_dirent64)];
	} head = {};
	size_t name_at = g->old_layout ? offsetof(struct linux_dirent, d_name)
				       : offsetof(struct linux_dirent64, d_name);
	char kind = type;

	if (g->old_layout) {
		head.old.d_ino = ino;
		head.old.d_off = next;
		head.old.d_reclen = size;
	} else {
		head.new.d_ino = ino;
		head.new.d_off = next;
		head.new.d_reclen = size;
		head.new.d_type = type;
	}
	if (copy_to_user(g->at, &head, name_at) || copy_to_user(g->at + name_at, name, len) ||
	    clear_user(g->at + name_at + len, size - name_at - len) ||
	    (g->old_layout && put_user(kind, g->at + size - 1) != 0))
		return -EFAULT;
	return 0;
}

static bool emit(struct dir_context *ctx, const char *name, unsigned int len, u64 ino,
		 unsigned int type, loff_t next)
{
	struct getdents *g = container_of(ctx, struct getdents, ctx);
	size_t size = record_size(g, len);

	if (size > g->left) {
		g->error = -EINVAL;
		return false;
	}
	if (g->last_off && signal_pending(current)) {
		g->error = -EINTR;
		return false;
	}
	g->error = write_record(g, name, len, ino, type, next, size);
	if (g->error != 0)
		return false;
	cond_resched();
	g->last_off = (loff_t __user *)(g->at + offsetof(struct linux_dirent64, d_off));
	g->at += size;
	g->left -= size;
	return true;
}

static int iterate(struct file *file, struct dir_context *ctx)
{
	struct inode *inode = file->inode;
	int error;

	if (!file->ops->readdir)
		return -ENOTDIR;
	mutex_lock(&inode->lock);
	error = inode->dead ? -ENOENT : 0;
	if (error == 0) {
		ctx->pos = file->pos;
		error = file->ops->readdir(file, ctx);
		file->pos = ctx->pos;
		file_accessed(file);
	}
	mutex_unlock(&inode->lock);
	return error;
}

long getdents(unsigned int fd, void __user *buf, unsigned int size, bool old_layout)
{
	struct getdents g = {.ctx.emit = emit, .at = buf, .left = size, .old_layout = old_layout};
	struct fd f SCOPED(fdput) = fdget_pos(fd);
	int error;

	if (!f.file)
		return -EBADF;
	error = iterate(f.file, &g.ctx);
	/* What was written counts more than what came after. */
	if (g.last_off)
		return size - g.left;
	return error != 0 ? error : g.error;
}

bool dir_emit_dots(struct file *file, struct dir_context *ctx)
{
	struct dentry *dir = file->path.dentry;

	if (ctx->pos == 0) {
		if (!ctx->emit(ctx, ".", 1, dir->inode->ino, DT_DIR, 1))
			return false;
		ctx->pos = 1;
	}
	if (ctx->pos == 1) {
		struct dentry *parent = dget_parent(dir);
		bool more = ctx->emit(ctx, "..", 2, parent->inode->ino, DT_DIR, 2);

		dput(parent);
		if (!more)
			return false;
		ctx->pos = 2;
	}
	return true;
}

static int dentry_readdir(struct file *file, struct dir_context *ctx)
{
	struct dentry *dir = file->path.dentry, *child;

	if (!dir_emit_dots(file, ctx))
		return 0;
	child = dentry_child_from(dir, ctx->pos);
	for (; child && &child->child != &dir->children;
	     child = list_entry(child->child.next, struct dentry, child)) {
		if (!ctx->emit(ctx, child->name, child->name_len, child->inode->ino,
			       (child->inode->mode >> 12) & 15, child->offset + 1))
			return 0;
		ctx->pos = child->offset + 1;
	}
	return 0;
}

/* Offsets of a directory are not bytes: any that lseek is given is kept. */
static loff_t dir_llseek(struct file *file, loff_t offset, int whence)
{
	if (whence == SEEK_CUR)
		offset += file->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	file->pos = offset;
	return offset;
}

static int dir_fsync(struct file *file)
{
	return 0;
}

ssize_t dir_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	return -EISDIR;
}

const struct file_operations dentry_dir_operations = {
	.read = dir_read,
	.readdir = dentry_readdir,
	.llseek = dir_llseek,
	.fsync = dir_fsync,
};
