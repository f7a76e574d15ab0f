/*
 * Open files and descriptor tables (fs/file.c, fs/files_struct.c): what the rest of the kernel
 * needs of them.
 */
#pragma once

#include <tine/atomic.h>
#include <tine/mutex.h>
#include <tine/types.h>
#include <uapi/fcntl.h>

struct cred;
struct dentry;
struct file;
struct file_async;
struct dir_context;
struct epitem;
struct inode;
struct iov_iter;
struct kernel_clone_args;
struct page;
struct poll_table;
struct signal_struct;
struct seq_buffer;
struct fs_struct;
struct task_struct;
struct vfsmount;

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file_operations {
	/*
	 * NULL: EINVAL. pos is the file's own offset, with pos_lock held where it is shared, or
	 * pread's.
	 */
	ssize_t (*read)(struct file *file, struct iov_iter *to, loff_t *pos);
	ssize_t (*write)(struct file *file, struct iov_iter *from, loff_t *pos);
	loff_t (*llseek)(struct file *file, loff_t offset, int whence);
	int (*readdir)(struct file *file, struct dir_context *ctx);
	long (*ioctl)(struct file *file, unsigned int cmd, unsigned long arg);
	/*
	 * Events ready now (EPOLL bits); registers with table (may be NULL) every wait queue that
	 * will announce others.
	 */
	u32 (*poll)(struct file *file, struct poll_table *table);
	int (*open)(struct inode *inode, struct file *file);
	void (*release)(struct file *file); /* last reference gone */
	/*
	 * For mmap: the page that holds bytes [pgoff * 4096, ...) of the file, with a reference,
	 * made if the file has a hole there and create is set (otherwise a hole gives NULL: reads
	 * see zeroes). ERR_PTR(-EFAULT): beyond the end (SIGBUS); -ENOMEM. NULL pointer operation:
	 * the file cannot be mapped (ENODEV).
	 */
	struct page *(*get_page)(struct file *file, u64 pgoff, bool create);
	/*
	 * For reading by private mappings: of the n pages from pgoff on those that are there
	 * already, each with a reference; NULL for what reads as a hole and beyond the end. Who
	 * has get_page has this too.
	 */
	void (*get_pages)(struct file *file, u64 pgoff, struct page **pages, unsigned int n);
	/* A mapping of it is anonymous memory, as if there were no file. */
	bool maps_anonymous;
	/* Checks a mapping before it is made, and may take VM_MAY rights from it; may be NULL. */
	int (*mmap)(struct file *file, u32 *vm_flags);
	int (*fsync)(struct file *file);
	/* Modes as the operation knows them; the file is writable, the range valid. NULL: EOPNOTSUPP. */
	int (*fallocate)(struct file *file, int mode, loff_t offset, loff_t length);
	/* O_ASYNC is switched; NULL: the flag means nothing. */
	int (*async)(int fd, struct file *file, bool on);
	/* Adds lines to /proc/PID/fdinfo; may be NULL. */
	void (*show_fdinfo)(struct seq_buffer *m, struct file *file);
};

struct file {
	struct atomic count;
	unsigned int flags; /* O_: status flags; access mode */
	u32 mode;           /* FMODE_, constant */
	const struct file_operations *ops;
	struct inode *inode; /* constant, kept by path */
	struct path path;    /* constant, counted */
	struct mutex pos_lock;
	loff_t pos;     /* pos_lock */
	u32 generation; /* FIFOs: writers seen before; terminals: hangups */
	void *private_data;
	struct cred *cred;        /* of the opener; counted */
	struct epitem *watchers;  /* epoll.c: NULL while no epoll watches it */
	struct file_async *async; /* async.c: owned; NULL until it has an owner for signals */
};

#define FMODE_READ     1u
#define FMODE_WRITE    2u
#define FMODE_PATH     4u  /* O_PATH: a place in the tree, not to be read or written */
#define FMODE_SEEKABLE 8u  /* lseek, pread and pwrite work; opens of pipes and terminals clear it */
#define FMODE_WRITER   16u /* counted in inode->write_count */
#define FMODE_PROGRAM  32u /* likewise, negatively */
#define FMODE_CREATED  64u /* the open made the file */
#define FMODE_ATOMIC_POS \
	128u /* regular files and directories: the offset is locked where it is shared */

/*
 * A file with path (a reference is taken), count 1; ENFILE or ENOMEM as ERR_PTR. ops->open is not
 * called.
 */
struct file *file_alloc(const struct path *path, int flags, const struct file_operations *ops);

/*
 * A file that is nothing yet, so that an open that makes a file cannot fail for lack of memory
 * afterwards; NULL: out of memory.
 */
struct file *file_alloc_empty(void);
void file_free_empty(struct file *file); /* tolerates NULL */
/*
 * Makes an empty file (consumed) an open one: access mode from flags, counted as writer, ops->open
 * called. created: the access mode was not asked of the file.
 */
struct file *file_open_path(struct file *file, const struct path *path, int flags, bool created);

/* Open files in all. */
long open_file_count(void);

static inline struct file *get_file(struct file *file)
{
	atomic_inc(&file->count);
	return file;
}

/* Drops a reference; the last one closes. May sleep. Tolerates NULL. */
void fput(struct file *file);
static inline void scoped_fput(struct file **file)
{
	fput(*file);
}

/* The open file behind a descriptor of current with a reference, NULL if there is none. */
struct file *fget(int fd);

/*
 * Clone. Share with CLONE_FILES / CLONE_FS, else duplicate. ENOMEM (EMFILE is impossible).
 * Descriptor tables are chunks shared copy-on-write.
 */
int copy_files(struct task_struct *child, const struct kernel_clone_args *args);
void release_files(
	struct task_struct *task); /* tolerates NULL; closes what nobody else has. May sleep. */
int copy_fs(struct task_struct *child, const struct kernel_clone_args *args);
void release_fs(struct task_struct *task);
/* Gives current a table of its own if it shares one (unshare, exec). ENOMEM. */
int unshare_files(void);
/*
 * The same in two steps, for unshare: a copy, NULL if it is not shared, which becomes current's own
 * or is dropped. ENOMEM.
 */
int unshare_fs_begin(struct fs_struct **copy);
void unshare_fs_end(struct fs_struct *copy, bool commit);
/* exec: closes what is marked close-on-exec. */
void close_on_exec(void);

/* Files from inside the kernel. ERR_PTR on failure. */
/*
 * For exec: a regular file that current may execute, opened for reading; EACCES, ENOENT, ELOOP,
 * ENOTDIR, ETXTBSY... as execve(2). dirfd and flags (AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW) as
 * execveat(2).
 */
struct file *open_exec(int dirfd, const char *path, int flags);
struct file *filp_open(const char *path, int flags, mode_t mode);
/* Reads at pos into kernel memory; short only at the end of the file. Bytes read or -errno. */
ssize_t kernel_read(struct file *file, void *buf, size_t n, loff_t pos);
/* fallocate(2) on a file of any kind. */
int vfs_fallocate(struct file *file, int mode, loff_t offset, loff_t length);
/* An unnamed file of size bytes in memory, for shared anonymous mappings. */
struct file *shmem_file_setup(const char *name, loff_t size);
/* Its pages count as promised until it goes; once, before anybody else knows it. */
void shmem_reserve(struct file *file);
/* Pages of files in memory, and what was promised besides. */
u64 shmem_committed_pages(void);
loff_t file_size(const struct file *file);
/* current may know which of its pages are in memory: its owner, who may write to it. */
bool file_residence_shown(const struct file *file);
/* Its mount forbids execution. */
bool file_noexec(const struct file *file);
/* Owner and mode of the file for exec: set-user-id handling. */
void file_owner_mode(const struct file *file, uid_t *uid, gid_t *gid, mode_t *mode);
/* The absolute path of file as /proc shows it, in buf; ERR_PTR(-ENAMETOOLONG). */
char *file_path(const struct file *file, char *buf, size_t size);

/*
 * Boot: the root file system with /dev, /dev/console and /root; then the archive; then init's three
 * descriptors. initramfs_unpack: NULL or a message that says what is wrong with the archive.
 */
void fs_init(void);
const char *initramfs_unpack(const void *data, size_t size);
int open_console_descriptors(void); /* for current: 0, 1, 2 on /dev/console */

/*
 * exit of a session leader: hangs up its terminal (SIGHUP to the foreground group). tasklist_lock
 * not held.
 */
void disassociate_ctty(bool on_exit);
void tty_forget(struct signal_struct *signal);     /* drops signal->tty; tasklist_lock held */
void tty_release_signal(struct task_struct *task); /* the same, not held */
