/* Mounted file systems (fs/mount.c). */
#pragma once

#include <tine/fs.h>

/*
 * A file system's tree, or part of it, at a place in the tree of mounts. What is not constant
 * changes with the namespace lock and the mount lock held, and is read with one of them; a: atomic.
 */
struct vfsmount {
	struct atomic count;
	struct atomic writers;     /* files open for writing through it */
	u32 flags;                 /* a: MNT_ */
	bool expiring;             /* a: MNT_EXPIRE has seen it, and nobody has used it since */
	struct dentry *root;       /* constant, counted */
	struct super_block *sb;    /* constant, counted */
	struct vfsmount *parent;   /* counted; NULL: not attached, or the root of all */
	struct dentry *mountpoint; /* in parent; counted */
	struct mnt_namespace *ns;  /* NULL: not attached */
	struct list_head link;     /* in ns->mounts, in the order of mounting */
	int id;
	char *source;          /* what /proc/mounts shows first; owned */
	struct vfsmount *copy; /* of this mount in a tree that is being copied */
};

/* Most of these are as statfs(2) shows them. */
#define MNT_READONLY    1u
#define MNT_NOSUID      2u
#define MNT_NODEV       4u
#define MNT_NOEXEC      8u
#define MNT_NOATIME     1024u
#define MNT_NODIRATIME  2048u
#define MNT_RELATIME    4096u
#define MNT_NOSYMFOLLOW 8192u
#define MNT_SHOWN       (MNT_NOSYMFOLLOW * 2 - 1)
#define MNT_UNBINDABLE  0x10000u

struct mnt_namespace {
	struct atomic count;
	struct vfsmount *root;
	struct list_head mounts;
};

extern struct mnt_namespace init_mnt_ns;
struct mnt_namespace *current_mnt_ns(void);

extern struct spinlock mount_lock;
extern struct mutex namespace_lock;

static inline struct vfsmount *mntget(struct vfsmount *mnt)
{
	atomic_inc(&mnt->count);
	return mnt;
}
void mntput(struct vfsmount *mnt); /* tolerates NULL; may sleep */

/*
 * A mount of sb (reference consumed, also on failure) that is attached nowhere. NULL: out of
 * memory.
 */
struct vfsmount *mount_alloc(struct super_block *sb, struct dentry *root, const char *source);
/* Replaces path, while something is mounted on it, by the root of that. */
void follow_mounts(struct path *path);
/* If path is the root of a mount: replaces it by what it is mounted on and returns true. */
bool follow_up(struct path *path);
/* -EROFS if the file system or the mount is read-only. */
int mnt_want_write(const struct vfsmount *mnt);
/* The same, and until the second call it cannot become read-only: for files open for writing. */
int mnt_get_write(struct vfsmount *mnt);
void mnt_put_write(struct vfsmount *mnt);
/* Something is mounted on dentry, through whichever parent. */
bool is_mountpoint(const struct dentry *dentry);

/*
 * For who changes the tree. lock_mountpoint: the place where something is to be hung, which is what
 * is on top of where, counted, with the namespace locked and locked against removal; on failure
 * nothing is held.
 */
int lock_mountpoint(const struct path *where, struct path *at);
void unlock_mountpoint(const struct path *at);
/* Hangs mnt at path / takes it from where it hangs, which the caller puts. Mount lock held. */
void mnt_hook(struct vfsmount *mnt, const struct path *path);
struct path mnt_unhook(struct vfsmount *mnt);
/* mnt (reference consumed on success) comes to a place that is locked. ENOTDIR. */
int mnt_attach(struct vfsmount *mnt, const struct path *at);
/* mntput for who only looks: does not count as use. */
void mntput_no_expire(struct vfsmount *mnt);
