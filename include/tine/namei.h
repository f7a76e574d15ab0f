/* Finding files by name (fs/namei.c): the walk along a path. */
#pragma once

#include <tine/fs.h>

#define LOOKUP_FOLLOW    0x01u /* a symbolic link at the end is followed */
#define LOOKUP_DIRECTORY 0x02u /* ENOTDIR unless it is one */
#define LOOKUP_EMPTY     0x04u /* an empty name is dirfd itself */
/* What openat2 restricts, as openat2(2) has it, eight bits higher. */
#define LOOKUP_RESOLVE_SHIFT 8
#define LOOKUP_NO_XDEV       (RESOLVE_NO_XDEV << LOOKUP_RESOLVE_SHIFT)
#define LOOKUP_NO_MAGICLINKS (RESOLVE_NO_MAGICLINKS << LOOKUP_RESOLVE_SHIFT)
#define LOOKUP_NO_SYMLINKS   (RESOLVE_NO_SYMLINKS << LOOKUP_RESOLVE_SHIFT)
#define LOOKUP_BENEATH       (RESOLVE_BENEATH << LOOKUP_RESOLVE_SHIFT)
#define LOOKUP_IN_ROOT       (RESOLVE_IN_ROOT << LOOKUP_RESOLVE_SHIFT)
#define LOOKUP_IS_SCOPED     (LOOKUP_BENEATH | LOOKUP_IN_ROOT)

/* What the AT_ flags of a call mean for its walk. */
static inline unsigned int lookup_flags(int flags)
{
	return (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) |
	       (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
}

enum last_type { LAST_NORM, LAST_DOT, LAST_DOTDOT, LAST_ROOT };

/* A walk in progress. path is where it is; last is the component that comes next. */
struct nameidata {
	struct path path; /* counted */
	struct path root; /* counted: what "/" means */
	const struct cred *cred;
	const char *name;   /* what is left to walk */
	char *owned;        /* buffer that name is in, if the walk made it */
	unsigned int flags; /* LOOKUP_ */
	unsigned int links; /* symbolic links followed */
	const char *last;
	unsigned int last_len;
	bool last_slash; /* slashes follow last */
	enum last_type last_type;
};

/*
 * A path from user space: a page. ERR_PTR: EFAULT, ENAMETOOLONG, ENOENT if empty (unless allowed),
 * ENOMEM.
 */
char *getname(const char __user *name);
char *getname_empty(const char __user *name);
void putname(char *name); /* tolerates NULL and ERR_PTR */
static inline void scoped_putname(char **name)
{
	putname(*name);
}

/* Walks to the directory that holds the last component; nd_end when done, also after failure. */
int nd_begin(struct nameidata *nd, int dfd, const char *name, unsigned int flags);
int nd_walk_parent(struct nameidata *nd);
/*
 * Takes the step to last. A symbolic link that is to be followed is put in place of the rest: 1 is
 * returned, and nd_walk_parent comes next.
 */
int nd_step(struct nameidata *nd, bool follow);
/* The same with a dentry for last that was looked up already (consumed). */
int nd_step_to(struct nameidata *nd, struct dentry *dentry, bool follow);
/* Child of a directory by name, with a reference; ERR_PTR(-ENOENT), -ENAMETOOLONG. */
struct dentry *lookup_child(struct dentry *dir, const char *name, unsigned int len);
void nd_end(struct nameidata *nd);
#define scoped_nd_end nd_end

/* Whole walks. path is counted on success. */
int path_lookup(int dfd, const char *name, unsigned int flags, const struct cred *cred,
		struct path *path);
int user_path_at(int dfd, const char __user *name, unsigned int flags, struct path *path);
int kern_path(const char *name, unsigned int flags, struct path *path);

void path_get(const struct path *path);
void path_put(const struct path *path); /* tolerates one of NULLs */
#define scoped_path_put path_put
static inline bool path_equal(const struct path *a, const struct path *b)
{
	return a->mnt == b->mnt && a->dentry == b->dentry;
}

/* Opens at the walk's end as open(2) does (fs/open.c). */
struct file *do_filp_open(int dfd, const char *name, int flags, mode_t mode);

/*
 * mknod, mkdir and symlink (with target), link, unlink and rmdir for the kernel's own use; no
 * umask.
 */
int kernel_mknod(const char *name, mode_t mode, dev_t rdev, const char *target);
int kernel_link(const char *old, const char *new);
int kernel_unlink(const char *name, bool is_dir);

/* May name go from / come into dir? victim NULL: a new entry. dir's lock held. */
int may_create(const struct inode *dir, const struct cred *cred);
int may_delete(const struct inode *dir, const struct dentry *victim, bool is_dir);
