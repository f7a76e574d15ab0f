/*
 * rename(2).
 *
 * Renames between two directories go one at a time (the rename lock), so that the tree does not
 * change above the directories while it is decided which of them is the ancestor: that one is
 * locked first. Then both ends are looked up, the rules are checked in Linux's order, and the
 * dentry moves. Names are allocated before: the move itself cannot fail.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

static struct mutex rename_lock;

/* Everything a rename is about. */
struct renaming {
	struct nameidata from, to;
	struct dentry *old, *new; /* counted; new may be NULL */
	struct dentry *
		trap; /* the child of the ancestor on the way to the other directory; not counted */
	unsigned int flags;
};

void rename_init(void)
{
	mutex_init(&rename_lock, LOCK_CLASS_RENAME);
}

/*
 * The child of ancestor that is above or is dentry, NULL if ancestor is not above. rename_lock
 * held.
 */
static struct dentry *way_down(struct dentry *ancestor, struct dentry *dentry)
{
	while (dentry->parent != dentry) {
		if (dentry->parent == ancestor)
			return dentry;
		dentry = dentry->parent;
	}
	return NULL;
}

static void lock_directories(struct renaming *r)
{
	struct dentry *a = r->from.path.dentry, *b = r->to.path.dentry;

	r->trap = NULL;
	if (a == b) {
		mutex_lock(&a->inode->lock);
		return;
	}
	mutex_lock(&rename_lock);
	r->trap = way_down(b, a);
	if (r->trap) {
		mutex_lock(&b->inode->lock);
		mutex_lock(&a->inode->lock);
		return;
	}
	r->trap = way_down(a, b);
	mutex_lock(&a->inode->lock);
	mutex_lock(&b->inode->lock);
}

static void unlock_directories(struct renaming *r)
{
	struct dentry *a = r->from.path.dentry, *b = r->to.path.dentry;

	mutex_unlock(&a->inode->lock);
	if (a == b)
		return;
	mutex_unlock(&b->inode->lock);
	mutex_unlock(&rename_lock);
}

/* Looks both names up and checks what does not need the inodes' rules. */
static int find_both(struct renaming *r)
{
	bool exchange = r->flags & RENAME_EXCHANGE;
	struct dentry *found;

	found = lookup_child(r->from.path.dentry, r->from.last, r->from.last_len);
	if (IS_ERR(found))
		return PTR_ERR(found);
	r->old = found;
	found = lookup_child(r->to.path.dentry, r->to.last, r->to.last_len);
	if (!IS_ERR(found))
		r->new = found;
	else if (PTR_ERR(found) != -ENOENT || r->to.path.dentry->inode->ops->lookup)
		return PTR_ERR(found);
	if (r->new && (r->flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (exchange && !r->new)
		return -ENOENT;
	if (exchange && r->to.last_slash && !S_ISDIR(r->new->inode->mode))
		return -ENOTDIR;
	/* What is not a directory has no slash after it. */
	if (!S_ISDIR(r->old->inode->mode)) {
		if (r->from.last_slash || (!exchange && r->to.last_slash))
			return -ENOTDIR;
	}
	if (r->old == r->trap)
		return -EINVAL;
	if (r->new && r->new == r->trap)
		return exchange ? -EINVAL : -ENOTEMPTY;
	return 0;
}

static int check_rules(struct renaming *r)
{
	struct inode *old_dir = r->from.path.dentry->inode, *new_dir = r->to.path.dentry->inode;
	bool is_dir = S_ISDIR(r->old->inode->mode), exchange = r->flags & RENAME_EXCHANGE;
	int error = may_delete(old_dir, r->old, is_dir);

	if (error != 0)
		return error;
	if (!r->new)
		error = may_create(new_dir, current->cred);
	else
		error = may_delete(new_dir, r->new,
				   exchange ? S_ISDIR(r->new->inode->mode) : is_dir);
	if (error != 0)
		return error;
	if (!old_dir->ops->create || !new_dir->ops->create)
		return -EPERM;
	/* A directory that moves gets another "..": it must be writable. */
	if (is_dir && old_dir != new_dir)
		error = inode_permission(current->cred, r->old->inode, MAY_WRITE);
	if (error == 0 && exchange && old_dir != new_dir && S_ISDIR(r->new->inode->mode))
		error = inode_permission(current->cred, r->new->inode, MAY_WRITE);
	if (error == 0 && (is_mountpoint(r->old) || (r->new &&is_mountpoint(r->new))))
		error = -EBUSY;
	if (error == 0 && r->new &&is_dir && !exchange && !dentry_empty(r->new))
		error = -ENOTEMPTY;
	return error;
}

static void count_moved_directory(struct inode *from, struct inode *to)
{
	from->nlink--;
	to->nlink++;
}

/* Takes away the name that is replaced. */
static void drop_target(struct renaming *r)
{
	struct inode *dir = r->to.path.dentry->inode, *inode = r->new->inode;

	uncharge_name(inode);
	inode->nlink--;
	if (S_ISDIR(inode->mode)) {
		inode->nlink--;
		inode->dead = true;
		dir->nlink--;
	}
	inode_touch_changed(inode);
	dir->size -= r->new->sb->entry_size;
	dentry_detach(r->new);
}

/* Somebody may have made an entry there, or mounted something, since it was looked at. */
static int replace_target(struct renaming *r)
{
	int error = 0;

	mutex_lock(&r->new->inode->lock);
	if (is_mountpoint(r->new))
		error = -EBUSY;
	else if (S_ISDIR(r->new->inode->mode) && !dentry_empty(r->new))
		error = -ENOTEMPTY;
	else
		drop_target(r);
	mutex_unlock(&r->new->inode->lock);
	return error;
}

/* What RENAME_WHITEOUT leaves in the old place, for overlays: a device 0:0. NULL: nothing. */
static struct dentry *make_whiteout(struct renaming *r)
{
	struct dentry *dir = r->from.path.dentry, *dentry;
	struct inode *inode;

	if (!(r->flags & RENAME_WHITEOUT))
		return NULL;
	inode = dir->inode->ops->create(dir->inode, S_IFCHR, 0, NULL);
	if (IS_ERR(inode))
		return (struct dentry *)inode;
	dentry = dentry_alloc(dir->sb, dir, r->from.last, r->from.last_len, inode);
	return dentry ? dentry : ERR_PTR(-ENOMEM);
}

static void leave_whiteout(struct inode *dir, struct dentry *whiteout)
{
	if (!whiteout)
		return;
	whiteout->inode->nlink = 1;
	dentry_attach(whiteout);
	dir->size += whiteout->sb->entry_size;
	dput(whiteout);
}

static int move(struct renaming *r)
{
	struct dentry *whiteout = make_whiteout(r);
	struct inode *old_dir = r->from.path.dentry->inode, *new_dir = r->to.path.dentry->inode;
	char *name;
	int error = 0;

	if (IS_ERR(whiteout))
		return PTR_ERR(whiteout);
	name = dentry_prepare_name(r->to.last, r->to.last_len);
	if (!name)
		error = -ENOMEM;
	else if (r->new)
		error = replace_target(r);
	if (error != 0) {
		kfree(name);
		dput(whiteout);
		return error;
	}
	if (S_ISDIR(r->old->inode->mode))
		count_moved_directory(old_dir, new_dir);
	old_dir->size -= r->old->sb->entry_size;
	new_dir->size += r->old->sb->entry_size;
	dentry_move(r->old, r->to.path.dentry, name);
	leave_whiteout(old_dir, whiteout);
	return 0;
}

static int exchange(struct renaming *r)
{
	struct inode *old_dir = r->from.path.dentry->inode, *new_dir = r->to.path.dentry->inode;
	char *old_name = dentry_prepare_name(r->to.last, r->to.last_len);
	char *new_name = dentry_prepare_name(r->from.last, r->from.last_len);

	if (!old_name || !new_name) {
		kfree(old_name);
		kfree(new_name);
		return -ENOMEM;
	}
	if (S_ISDIR(r->old->inode->mode))
		count_moved_directory(old_dir, new_dir);
	if (S_ISDIR(r->new->inode->mode))
		count_moved_directory(new_dir, old_dir);
	dentry_exchange(r->old, r->new, old_name, new_name);
	inode_touch_changed(r->new->inode);
	return 0;
}

static int rename_locked(struct renaming *r)
{
	int error = find_both(r);

	if (error != 0)
		return error;
	/* Two names of one file: nothing happens, successfully. */
	if (r->new && r->old->inode == r->new->inode)
		return 0;
	error = check_rules(r);
	if (error == 0)
		error = r->flags & RENAME_EXCHANGE ? exchange(r) : move(r);
	if (error != 0)
		return error;
	inode_touch_modified(r->from.path.dentry->inode);
	inode_touch_modified(r->to.path.dentry->inode);
	inode_touch_changed(r->old->inode);
	return 0;
}

static int rename_last(struct renaming *r)
{
	int error;

	if (r->from.path.mnt != r->to.path.mnt)
		return -EXDEV;
	if (r->from.last_type != LAST_NORM)
		return -EBUSY;
	if (r->to.last_type != LAST_NORM)
		return r->flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	error = mnt_want_write(r->from.path.mnt);
	if (error != 0)
		return error;
	lock_directories(r);
	error = rename_locked(r);
	unlock_directories(r);
	return error;
}

static int do_rename(int old_dfd, const char *old, int new_dfd, const char *new, unsigned int flags)
{
	struct renaming *r = kzalloc(sizeof(*r));
	int error;

	if (!r)
		return -ENOMEM;
	r->flags = flags;
	error = nd_begin(&r->from, old_dfd, old, 0);
	if (error == 0)
		error = nd_walk_parent(&r->from);
	if (error == 0) {
		error = nd_begin(&r->to, new_dfd, new, 0);
		if (error == 0)
			error = nd_walk_parent(&r->to);
		if (error == 0)
			error = rename_last(r);
		dput(r->old);
		dput(r->new);
		nd_end(&r->to);
	}
	nd_end(&r->from);
	kfree(r);
	return error;
}

long sys_renameat2(int old_dfd, const char __user *old, int new_dfd, const char __user *new,
		   unsigned int flags)
{
	char *old_name SCOPED(putname) = NULL, *new_name SCOPED(putname) = NULL;

	if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) ||
	    ((flags & (RENAME_NOREPLACE | RENAME_WHITEOUT)) && (flags & RENAME_EXCHANGE)))
		return -EINVAL;
	old_name = getname(old);
	if (IS_ERR(old_name))
		return PTR_ERR(old_name);
	new_name = getname(new);
	if (IS_ERR(new_name))
		return PTR_ERR(new_name);
	return do_rename(old_dfd, old_name, new_dfd, new_name, flags);
}
