/*
 * The virtual file system's objects (fs/super.c, fs/inode.c, fs/dcache.c): file system types, super
 * blocks, inodes and the tree of names.
 *
 * Locks: i = inode->lock; d = the dcache lock; c = constant; a = atomic.
 */
#pragma once

#include <tine/atomic.h>
#include <tine/cred.h>
#include <tine/file.h>
#include <tine/list.h>
#include <tine/mutex.h>
#include <tine/page_tree.h>
#include <tine/types.h>
#include <uapi/stat.h>
#include <uapi/time.h>

#define NAME_MAX         255
#define PATH_MAX         4096 /* with the NUL */
#define MAX_LFS_FILESIZE 0x7fffffffffffffffll

struct dentry;
struct file_lock_list;
struct inode;
struct pipe;
struct seq_buffer;
struct statfs;
struct super_block;
struct xattr;

#define MKDEV(major, minor) (((dev_t)(major) << 20) | (minor))
#define MAJOR(dev)          ((unsigned int)((dev) >> 20))
#define MINOR(dev)          ((unsigned int)((dev)&0xfffff))
/* The forms that user space sees. */
u64 new_encode_dev(dev_t dev);
dev_t new_decode_dev(u32 dev);

struct file_system_type {
	const char *name;
	bool nodev;       /* for /proc/filesystems */
	bool kernel_only; /* mount(2) does not find it */
	/*
	 * A super block with its root, data as in mount(2) (kernel memory, may be NULL), count 1.
	 * ERR_PTR on failure.
	 */
	struct super_block *(*get_super)(const struct file_system_type *type, const char *data);
};

struct super_operations {
	/* The last reference on inode is gone: free its contents. NULL: nothing to do. */
	void (*evict_inode)(struct inode *inode);
	/* A file that has a name gets another (n 1: -ENOSPC), or loses one of several (n -1). */
	int (*charge_name)(struct super_block *sb, int n);
	void (*statfs)(struct super_block *sb, struct statfs *st);
	int (*remount)(struct super_block *sb, const char *data); /* NULL: no options */
	void (*show_options)(struct super_block *sb, struct seq_buffer *m);
	void (*put_super)(struct super_block *sb);
};

struct super_block {
	struct atomic count;                 /* mounts, and who made it */
	const struct file_system_type *type; /* c */
	const struct super_operations *ops;  /* c */
	dev_t dev;                           /* c */
	struct super_block *next;            /* mount lock: by device number */
	u32 magic;                           /* c */
	bool has_xattrs;                     /* c: extended attributes */
	bool read_only;                      /* a */
	struct atomic writers;               /* files open for writing */
	u32 flags;           /* a: MS_: what is shown of it, and means nothing here */
	u32 entry_size;      /* c: what an entry adds to its directory's size */
	struct dentry *root; /* c: counted */
	u64 next_ino;        /* a */
	void *private;       /* c */
};

struct inode_operations {
	/*
	 * A directory whose entries are made up on the fly: a new dentry for name, count 1, not in
	 * the tree; ERR_PTR(-ENOENT). NULL: the entries are the dentry's children.
	 */
	struct dentry *(*lookup)(struct dentry *dir, const char *name, unsigned int len);
	/*
	 * A new inode for dir, count 1, nlink 0, owner set; target: of a symbolic link. NULL
	 * operation: dir cannot be changed.
	 */
	struct inode *(*create)(struct inode *dir, mode_t mode, dev_t rdev, const char *target);
	/*
	 * Symbolic links: the text, NUL-terminated, in buf of PATH_MAX bytes or for as long as the
	 * inode lives; ERR_PTR.
	 */
	const char *(*get_link)(struct inode *inode, char *buf);
	/*
	 * Links that jump to an object instead of naming it (/proc/PID/exe): counted. NULL: none.
	 */
	int (*jump)(struct inode *inode, struct path *path);
	/* Sets the size; i held. NULL: EINVAL. */
	int (*set_size)(struct inode *inode, loff_t size);
	/* In place of generic_permission, mask of MAY_READ, MAY_WRITE, MAY_EXEC. May be NULL. */
	int (*permission)(const struct cred *cred, const struct inode *inode, unsigned int mask);
};

struct inode {
	struct atomic count;
	mode_t mode;     /* i to write */
	uid_t uid;       /* i to write */
	gid_t gid;       /* i to write */
	u32 nlink;       /* i of the inode itself */
	int write_count; /* a: open for writing so often; negative: as a program so often */
	bool dead;       /* i: a directory that was removed */
	bool mapped;     /* a: was mapped once: pages cut off must be looked for in mappings */
	u8 seals;        /* i to write: F_SEAL_, of files in tmpfs */
	bool linkable;   /* i: opened with O_TMPFILE, may still get its first name */
	dev_t rdev;      /* c */
	u64 ino;         /* c */
	loff_t size;     /* i to write */
	struct uapi_timespec atime, mtime, ctime; /* i to write */
	struct uapi_timespec btime;               /* c */
	struct super_block *sb;                   /* c: not counted: mounts and dentries keep it */
	const struct inode_operations *ops;       /* c */
	const struct file_operations *fops;       /* c */
	struct mutex lock;
	struct address_space mapping;
	char *link;                   /* c: text of a symbolic link; owned */
	struct pipe *pipe;            /* i: of a FIFO that is open; pipe.c */
	struct file_lock_list *locks; /* file_lock.c: NULL while there are none */
	struct xattr *xattrs;         /* i: xattr.c: owned; NULL while there are none */
	u64 block_count;              /* mapping lock: pages charged */
	void *private;                /* c: the file system's */
};

/*
 * An inode of sb with defaults: owner current's fsuid and fsgid, times now, nlink 0, count 1. NULL:
 * out of memory.
 */
struct inode *inode_alloc(struct super_block *sb, mode_t mode);
static inline struct inode *igrab(struct inode *inode)
{
	atomic_inc(&inode->count);
	return inode;
}
void iput(struct inode *inode); /* tolerates NULL; may sleep */
/* The operations for a FIFO, device or socket node; NULL for others. */
const struct file_operations *special_file_operations(mode_t mode);
/* Owner, group and set-group-id of a new inode in dir. */
void inode_init_owner(struct inode *inode, const struct inode *dir, mode_t mode);

struct uapi_timespec current_time(void);
/* A write to, a change of name in, a read of the inode happened. */
void inode_touch_modified(struct inode *inode);
void inode_touch_changed(struct inode *inode);
void file_accessed(struct file *file);

#define MAY_EXEC   1u
#define MAY_WRITE  2u
#define MAY_READ   4u
#define MAY_APPEND 8u
/* 0, -EACCES, or -EROFS. */
int inode_permission(const struct cred *cred, const struct inode *inode, unsigned int mask);
/* By the mode alone. */
int generic_permission(const struct cred *cred, const struct inode *inode, unsigned int mask);
/* cred owns inode or has CAP_FOWNER. */
bool inode_owner_or_capable(const struct cred *cred, const struct inode *inode);
/*
 * Drops set-user-id and set-group-id after a write or truncation by the unprivileged, and file
 * capabilities after anybody's. i held.
 */
void inode_kill_priv(struct inode *inode);

/* A name of inode is about to go; its lock held. */
static inline void uncharge_name(struct inode *inode)
{
	if (inode->nlink > 1 && !S_ISDIR(inode->mode) && inode->sb->ops->charge_name)
		inode->sb->ops->charge_name(inode->sb, -1);
}

/* ETXTBSY: it is a running program / is open for writing. */
int inode_get_write(struct inode *inode);
static inline void inode_put_write(struct inode *inode)
{
	__atomic_sub_fetch(&inode->write_count, 1, __ATOMIC_SEQ_CST);
}
/* Released by adding one. */
int inode_deny_write(struct inode *inode);

#define ATTR_MODE      1u
#define ATTR_UID       2u
#define ATTR_GID       4u
#define ATTR_SIZE      8u
#define ATTR_ATIME     16u
#define ATTR_MTIME     32u
#define ATTR_TIMES_SET 64u  /* to values of the caller's choice */
#define ATTR_CHOWN     128u /* chown(2), if only to the same: takes set-user-id away */

struct iattr {
	unsigned int valid;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	loff_t size;
	struct uapi_timespec atime, mtime;
};
/* Checks current's right to the change and makes it; ctime too. i held. */
int notify_change(struct inode *inode, struct iattr *attr);

/*
 * A name in the tree. A dentry that is in the tree is counted by the tree: so what the hash table
 * holds never has a count of zero, and putting the last reference needs no lock. There are no
 * negative dentries: every file system lives in memory, so looking a name up again is as cheap as
 * remembering that it is not there.
 */
struct dentry {
	struct atomic count;
	u32 flags;              /* d: DENTRY_ */
	u32 hash, name_len;     /* d, and i of the parent's inode */
	char *name;             /* d, and i of the parent's inode: owned, or inline_name */
	struct dentry *parent;  /* d: counted, except a root's, which is itself */
	struct inode *inode;    /* c: counted */
	struct super_block *sb; /* c */
	struct dentry *hash_next, **hash_prev; /* d */
	struct list_head child; /* d, and i of the parent's inode: among its children, by offset */
	struct list_head children; /* d, and i of inode */
	u64 offset;                /* as child: place in the directory, never reused */
	u64 next_offset;           /* as child: of the next one */
	unsigned int mounts;       /* mount lock: file systems mounted here, over all parents */
	char inline_name[32];
};

#define DENTRY_TREE 1u /* hashed, among its parent's children */
#define DENTRY_GONE 2u /* removed: shown as "(deleted)" */

static inline struct dentry *dget(struct dentry *dentry)
{
	atomic_inc(&dentry->count);
	return dentry;
}
void dput(struct dentry *dentry); /* tolerates NULL; may sleep */

/*
 * A dentry for a name in parent with inode (consumed, also on failure), count 1, not in the tree.
 * NULL: out of memory. parent NULL: a root.
 */
struct dentry *dentry_alloc(struct super_block *sb, struct dentry *parent, const char *name,
			    unsigned int len, struct inode *inode);
/* Puts it in the tree. The parent's inode is locked (or nobody else knows the tree yet). */
void dentry_attach(struct dentry *dentry);
/* Takes it out, for ever. Parent's inode locked. */
void dentry_detach(struct dentry *dentry);
/* The child of that name in the tree, with a reference, or NULL. */
struct dentry *dentry_lookup(struct dentry *parent, const char *name, unsigned int len);
/* Parent with a reference. */
struct dentry *dget_parent(struct dentry *dentry);
/* child is below ancestor or is it. */
bool is_subdir(struct dentry *child, const struct dentry *ancestor);
/*
 * Names that dentries will get in a rename, allocated before: NULL out of memory. Freed by
 * dentry_move or kfree.
 */
char *dentry_prepare_name(const char *name, unsigned int len);
/*
 * Moves a dentry that is in the tree to (parent, name); both parents' inodes locked. name is
 * consumed. Cannot fail.
 */
void dentry_move(struct dentry *dentry, struct dentry *parent, char *name);
void dentry_exchange(struct dentry *a, struct dentry *b, char *name_for_a, char *name_for_b);
/* Empties a tree that nobody uses any more, and drops its root. */
void dentry_drop_tree(struct dentry *root);
/* First child with offset >= from, NULL if none. The directory's inode is locked. */
struct dentry *dentry_child_from(struct dentry *dir, u64 from);
static inline bool dentry_empty(const struct dentry *dir)
{
	return list_empty(&dir->children);
}
/*
 * Writes the name of path as seen from root into buf and returns its start; *outside set if it
 * cannot be reached from root.
 */
char *path_name(const struct path *path, const struct path *root, char *buf, size_t size,
		bool *outside);

/* Super blocks and types. */
struct super_block *super_alloc(const struct file_system_type *type,
				const struct super_operations *ops, u32 magic);
void super_put(struct super_block *sb);
/*
 * Gives parse each of the options in data, "name" (value NULL) or "name=value" with commas between;
 * NULL is none. EINVAL where it returns false, ENOMEM.
 */
int parse_mount_options(const char *data,
			bool (*parse)(const char *name, const char *value, void *options),
			void *options);
const struct file_system_type *find_file_system(const char *name);
extern const struct file_system_type *const file_system_types[]; /* ends with NULL */
/*
 * Gives dir, of a file system that lives in memory, a new entry; for the kernel's own use at boot.
 */
int make_node(struct super_block *sb, const char *name, mode_t mode, dev_t rdev);

extern const struct file_system_type tmpfs_type, devtmpfs_type, proc_type, pipefs_type, sockfs_type;
extern const struct file_operations tmpfs_file_operations, dentry_dir_operations;
extern const struct file_operations fifo_operations, chrdev_operations, nodev_operations;

/*
 * Character devices (fs/dev/chrdev.c): the operations of a device number, NULL if there is no such
 * device.
 */
const struct file_operations *chrdev_find(dev_t dev);

void dcache_init(void);
void inode_init(void);
void file_init(void);
void mount_init(void);
void tmpfs_init(void);
void pipe_init(void);
void tty_init(void);
void rename_init(void);
void files_init(void);
