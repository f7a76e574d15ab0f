/*
 * Walking paths.
 *
 * A walk is a place (mount and dentry, counted) and the rest of a string. Each step takes the next
 * component off the string: "." stays, ".." goes to the parent (never above the root of the
 * process, up through roots of mounts), a name is looked up among the children; then the walk goes
 * down through whatever is mounted there. A symbolic link is spliced in: target, "/", rest become
 * the new string, in a buffer that the walk owns, so there is no stack of links and no recursion;
 * after 40 of them the walk gives up. Links of /proc that jump to an object move the place instead.
 *
 * The order of checks is Linux's: the directory must be searchable before its entries are looked
 * up, a component must not be longer than 255 bytes, and only then may it be missing; what is
 * followed by a slash must be a directory in the end.
 *
 * Walks take no lock but spinlocks for a moment; who creates or removes looks the last component up
 * again with its directory's inode locked.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/page.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define MAX_LINKS 40u

static char *getname_flags(const char __user *name, bool allow_empty)
{
	struct page *page = alloc_pages(0);
	long len, error = 0;

	if (!page)
		return ERR_PTR(-ENOMEM);
	len = strncpy_from_user(page_address(page), name, PATH_MAX);
	if (len < 0)
		error = len;
	else if (len == PATH_MAX)
		error = -ENAMETOOLONG;
	else if (len == 0 && !allow_empty)
		error = -ENOENT;
	if (error == 0)
		return page_address(page);
	free_pages(page, 0);
	return ERR_PTR(error);
}

char *getname(const char __user *name)
{
	return getname_flags(name, false);
}

char *getname_empty(const char __user *name)
{
	return getname_flags(name, true);
}

void putname(char *name)
{
	if (name && !IS_ERR(name))
		free_pages(virt_to_page(name), 0);
}

static void nd_move(struct nameidata *nd, const struct path *to)
{
	struct path from = nd->path;

	nd->path = *to;
	path_get(&nd->path);
	path_put(&from);
}

/* The place where a relative path starts. */
static int start_at(int dfd, const char *name, struct path *path)
{
	struct fd f SCOPED(fdput) = {};

	if (dfd == AT_FDCWD) {
		get_fs_pwd(path);
		return 0;
	}
	f = fdget_raw(dfd);
	if (!f.file)
		return -EBADF;
	if (*name && !S_ISDIR(f.file->inode->mode))
		return -ENOTDIR;
	*path = f.file->path;
	path_get(path);
	return 0;
}

/* A walk that stays below where it starts: that is its root. */
static int start_scoped(struct nameidata *nd, int dfd, const char *name)
{
	int error;

	nd->root = nd->path;
	if (*name == '/' && (nd->flags & LOOKUP_BENEATH))
		return -EXDEV;
	error = start_at(dfd, name, &nd->path);
	if (error != 0)
		return error;
	nd->root = nd->path;
	path_get(&nd->root);
	while (*nd->name == '/')
		nd->name++;
	return 0;
}

int nd_begin(struct nameidata *nd, int dfd, const char *name, unsigned int flags)
{
	int error = 0;

	nd->cred = current->cred;
	nd->name = name;
	nd->owned = NULL;
	nd->flags = flags;
	nd->links = 0;
	nd->path = (struct path){NULL, NULL};
	if (*name == '\0' && !(flags & LOOKUP_EMPTY)) {
		nd->root = nd->path;
		return -ENOENT;
	}
	if (flags & LOOKUP_IS_SCOPED)
		return start_scoped(nd, dfd, name);
	get_fs_root(&nd->root);
	if (*name == '/') {
		nd->path = nd->root;
		path_get(&nd->path);
	} else {
		error = start_at(dfd, name, &nd->path);
	}
	return error;
}

void nd_end(struct nameidata *nd)
{
	path_put(&nd->path);
	path_put(&nd->root);
	kfree(nd->owned);
}

/* Takes the next component off the string. */
static void next_component(struct nameidata *nd)
{
	const char *at = nd->name;

	nd->last = at;
	while (*at && *at != '/')
		at++;
	nd->last_len = at - nd->last;
	nd->last_slash = *at == '/';
	while (*at == '/')
		at++;
	nd->name = at;
	nd->last_type = LAST_NORM;
	if (nd->last[0] == '.' && nd->last_len == 1)
		nd->last_type = LAST_DOT;
	else if (nd->last[0] == '.' && nd->last_len == 2 && nd->last[1] == '.')
		nd->last_type = LAST_DOTDOT;
}

/* A string that begins with slashes goes on from the root. */
static int start_over(struct nameidata *nd)
{
	if (*nd->name != '/')
		return 0;
	if ((nd->flags & LOOKUP_BENEATH) ||
	    ((nd->flags & LOOKUP_NO_XDEV) && nd->path.mnt != nd->root.mnt))
		return -EXDEV;
	nd_move(nd, &nd->root);
	while (*nd->name == '/')
		nd->name++;
	return 0;
}

int nd_walk_parent(struct nameidata *nd)
{
	int result = start_over(nd);

	if (result != 0)
		return result;
	while (*nd->name) {
		result = inode_permission(nd->cred, nd->path.dentry->inode, MAY_EXEC);
		if (result != 0)
			return result;
		next_component(nd);
		if (!*nd->name)
			return 0;
		result = nd_step(nd, true);
		if (result == 1)
			result = start_over(nd);
		if (result < 0)
			return result;
		if (!S_ISDIR(nd->path.dentry->inode->mode))
			return -ENOTDIR;
	}
	/* Nothing but slashes, or (with LOOKUP_EMPTY) nothing at all. */
	nd->last_type = LAST_ROOT;
	nd->last_len = 0;
	nd->last_slash = false;
	return 0;
}

static int step_up(struct nameidata *nd)
{
	struct vfsmount *mnt = nd->path.mnt;

	do {
		struct dentry *parent;

		if (path_equal(&nd->path, &nd->root)) {
			if (nd->flags & LOOKUP_BENEATH)
				return -EXDEV;
			break;
		}
		if (nd->path.dentry != nd->path.mnt->root) {
			parent = dget_parent(nd->path.dentry);
			dput(nd->path.dentry);
			nd->path.dentry = parent;
			break;
		}
	} while (follow_up(&nd->path));
	follow_mounts(&nd->path);
	return (nd->flags & LOOKUP_NO_XDEV) && nd->path.mnt != mnt ? -EXDEV : 0;
}

struct dentry *lookup_child(struct dentry *dir, const char *name, unsigned int len)
{
	const struct inode_operations *ops = dir->inode->ops;
	struct dentry *child;

	if (ops->lookup)
		return ops->lookup(dir, name, len);
	if (len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	child = dentry_lookup(dir, name, len);
	return child ? child : ERR_PTR(-ENOENT);
}

/* Puts target, and what is left after it, in place of the string. */
static int splice_link(struct nameidata *nd, const char *target)
{
	size_t n = strlen(target), rest = strlen(nd->name);
	char *joined = kmalloc(n + rest + 2);

	if (!joined)
		return -ENOMEM;
	memcpy(joined, target, n);
	if (nd->last_slash)
		joined[n++] = '/';
	memcpy(joined + n, nd->name, rest + 1);
	kfree(nd->owned);
	nd->owned = joined;
	nd->name = joined;
	return 1;
}

/*
 * In a sticky directory that everybody may write to, a link is followed by its owner, or if the
 * directory's owner made it. Linux has this as fs.protected_symlinks, on wherever distributions
 * decide.
 */
static bool may_follow(const struct nameidata *nd, const struct inode *link)
{
	const struct inode *dir = nd->path.dentry->inode;

	if ((dir->mode & (S_ISVTX | S_IWOTH)) != (S_ISVTX | S_IWOTH))
		return true;
	return link->uid == nd->cred->fsuid || link->uid == dir->uid;
}

/* To where a link goes that names no path but a place. */
static int jump(struct nameidata *nd, struct inode *link)
{
	struct path target SCOPED(path_put) = {};
	int error;

	if (nd->flags & LOOKUP_NO_MAGICLINKS)
		return -ELOOP;
	error = link->ops->jump(link, &target);
	if (error != 0)
		return error;
	if ((nd->flags & LOOKUP_IS_SCOPED) ||
	    ((nd->flags & LOOKUP_NO_XDEV) && target.mnt != nd->path.mnt))
		return -EXDEV;
	nd_move(nd, &target);
	return 0;
}

/*
 * The text of a link, or its object. 1: spliced in; 0: jumped. The walk stands in the link's
 * directory.
 */
static int follow_link(struct nameidata *nd, struct inode *link, bool last)
{
	char *buf SCOPED(kfree) = NULL;
	const char *text;

	if (nd->links++ >= MAX_LINKS || (nd->path.mnt->flags & MNT_NOSYMFOLLOW) ||
	    (nd->flags & LOOKUP_NO_SYMLINKS))
		return -ELOOP;
	if (last && !may_follow(nd, link))
		return -EACCES;
	if (link->ops->jump)
		return jump(nd, link);
	if (link->link)
		return splice_link(nd, link->link);
	buf = kmalloc(PATH_MAX);
	if (!buf)
		return -ENOMEM;
	text = link->ops->get_link(link, buf);
	return IS_ERR(text) ? PTR_ERR(text) : splice_link(nd, text);
}

int nd_step_to(struct nameidata *nd, struct dentry *dentry, bool follow)
{
	struct path next = {mntget(nd->path.mnt), dentry};
	int result = 0;

	follow_mounts(&next);
	if ((nd->flags & LOOKUP_NO_XDEV) && next.mnt != nd->path.mnt) {
		path_put(&next);
		return -EXDEV;
	}
	if (follow && S_ISLNK(next.dentry->inode->mode)) {
		result = follow_link(nd, next.dentry->inode, !*nd->name);
		path_put(&next);
		return result;
	}
	path_put(&nd->path);
	nd->path = next;
	return 0;
}

int nd_step(struct nameidata *nd, bool follow)
{
	struct dentry *child;

	if (nd->last_type == LAST_DOTDOT)
		return step_up(nd);
	if (nd->last_type != LAST_NORM)
		return 0;
	child = lookup_child(nd->path.dentry, nd->last, nd->last_len);
	if (IS_ERR(child))
		return PTR_ERR(child);
	return nd_step_to(nd, child, follow);
}

static int walk_whole(struct nameidata *nd)
{
	int result;

	do {
		result = nd_walk_parent(nd);
		if (result != 0)
			return result;
		if (nd->last_slash)
			nd->flags |= LOOKUP_FOLLOW | LOOKUP_DIRECTORY;
		result = nd_step(nd, nd->flags & LOOKUP_FOLLOW);
	} while (result == 1);
	if (result == 0 && (nd->flags & LOOKUP_DIRECTORY) && !S_ISDIR(nd->path.dentry->inode->mode))
		return -ENOTDIR;
	return result;
}

int path_lookup(int dfd, const char *name, unsigned int flags, const struct cred *cred,
		struct path *path)
{
	struct nameidata nd SCOPED(nd_end);
	int error = nd_begin(&nd, dfd, name, flags);

	if (cred)
		nd.cred = cred;
	if (error == 0)
		error = walk_whole(&nd);
	if (error != 0)
		return error;
	*path = nd.path;
	nd.path = (struct path){NULL, NULL};
	return 0;
}

int user_path_at(int dfd, const char __user *user, unsigned int flags, struct path *path)
{
	char *name SCOPED(putname) = flags & LOOKUP_EMPTY ? getname_empty(user) : getname(user);

	return IS_ERR(name) ? PTR_ERR(name) : path_lookup(dfd, name, flags, NULL, path);
}

int kern_path(const char *name, unsigned int flags, struct path *path)
{
	return path_lookup(AT_FDCWD, name, flags, NULL, path);
}

int may_create(const struct inode *dir, const struct cred *cred)
{
	if (dir->dead)
		return -ENOENT;
	return inode_permission(cred, dir, MAY_WRITE | MAY_EXEC);
}

/*
 * In a sticky directory only the owner of the file, the owner of the directory, or CAP_FOWNER may
 * remove.
 */
static bool sticky_forbids(const struct inode *dir, const struct inode *victim)
{
	const struct cred *cred = current->cred;

	return (dir->mode & S_ISVTX) && cred->fsuid != victim->uid && cred->fsuid != dir->uid &&
	       !capable(CAP_FOWNER);
}

int may_delete(const struct inode *dir, const struct dentry *victim, bool is_dir)
{
	int error = inode_permission(current->cred, dir, MAY_WRITE | MAY_EXEC);

	if (error != 0)
		return error;
	if (sticky_forbids(dir, victim->inode))
		return -EPERM;
	if (is_dir && !S_ISDIR(victim->inode->mode))
		return -ENOTDIR;
	if (is_dir && victim->parent == victim)
		return -EBUSY;
	if (!is_dir && S_ISDIR(victim->inode->mode))
		return -EISDIR;
	return dir->dead ? -ENOENT : 0;
}
