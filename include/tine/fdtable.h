/* The descriptor table (fs/files_struct.c). */
#pragma once

#include <tine/file.h>
#include <tine/spinlock.h>

#define FD_CHUNK         64u
#define FD_INLINE_CHUNKS 4u

extern int max_open_files; /* fs.nr_open: limit of any process's descriptors */

/*
 * 64 descriptors. Shared by the tables of forked processes while count is more than one; then it is
 * immutable, and who must change it copies it first. A chunk with reserved descriptors is never
 * shared.
 */
struct fd_chunk {
	struct atomic count;
	u64 open;          /* bit n: descriptor n is taken */
	u64 reserved;      /* bit n: taken, but has no file yet */
	u64 close_on_exec; /* bit n */
	/* Each counted by the chunk; undefined where open is clear or reserved is set. */
	struct file *file[FD_CHUNK];
};

/*
 * lock guards all but count and lender, which a single user alone sets. Such a user, and one of those
 * that it is lent to, may read without the lock: only users change a table.
 */
struct files_struct {
	struct atomic count; /* tasks, and who looks from /proc */
	struct spinlock lock;
	/* Not followed. Not NULL: its users have a copy each, to be made by who changes it. */
	const struct task_struct *lender;
	bool has_record_locks;    /* took one once (file_lock.c) */
	unsigned int next_free;   /* no descriptor below is free */
	unsigned int used;        /* no descriptor was ever open from chunks[used] on */
	unsigned int capacity;    /* entries in chunks; those from used on are undefined */
	struct fd_chunk **chunks; /* NULL entry: all free; inline_chunks or allocated */
	struct fd_chunk *inline_chunks[FD_INLINE_CHUNKS];
};

static inline u64 fd_bit(unsigned int fd)
{
	return 1ull << (fd % FD_CHUNK);
}

/* The file at fd; NULL: none (yet). The lock is held, or the caller is the only user. */
static inline struct file *files_lookup(const struct files_struct *files, unsigned int fd)
{
	const struct fd_chunk *chunk;

	if (fd / FD_CHUNK >= files->used)
		return NULL;
	chunk = files->chunks[fd / FD_CHUNK];
	if (!chunk || !((chunk->open & ~chunk->reserved) >> (fd % FD_CHUNK) & 1))
		return NULL;
	return chunk->file[fd % FD_CHUNK];
}

/*
 * Makes current's table (a new one if it has none) its own, or that of those with whom it shares it
 * by CLONE_FILES; for who is about to change it or to be known by it. ENOMEM.
 */
int own_files(void) __must_check;

/*
 * A descriptor's file for the length of a system call: no reference if nobody else can close it
 * meanwhile.
 */
struct fd {
	struct file *file;  /* NULL: bad descriptor */
	unsigned int flags; /* FD_ */
};

#define FD_PUT    1u
#define FD_UNLOCK 2u /* pos_lock */

/* Not for descriptors opened with O_PATH, unless raw. */
struct fd fdget(unsigned int fd);
struct fd fdget_raw(unsigned int fd);
/* With the file offset locked if somebody else could use it. */
struct fd fdget_pos(unsigned int fd);
void fdput_flags(struct fd f);
static inline void fdput(struct fd f) /* tolerates one without a file */
{
	if (unlikely(f.flags))
		fdput_flags(f);
}
static inline void scoped_fdput(struct fd *f)
{
	fdput(*f);
}

/*
 * Reserves the lowest free descriptor >= from, below RLIMIT_NOFILE. EMFILE, ENOMEM; EINVAL if from
 * is not below the limit.
 */
int get_unused_fd(unsigned int from, bool close_on_exec);
void put_unused_fd(unsigned int fd);
/* Gives a reserved descriptor its file (reference consumed). Cannot fail. */
void fd_install(unsigned int fd, struct file *file);
/* The same if there is one, and fd; but if file is an ERR_PTR, the number is free again: -errno. */
int fd_finish(unsigned int fd, struct file *file);
/*
 * Gives two files (references consumed, also on failure) descriptors, and stores those at user, as
 * pipe(2) does: both or none. EMFILE, ENOMEM, EFAULT.
 */
int fd_install_pair(struct file *files[2], bool close_on_exec, int __user *user);
/*
 * Puts file (a reference is taken) at fd, which is below the limit, and closes what was there.
 * EBUSY: another thread is just opening a file there. ENOMEM.
 */
int fd_install_at(unsigned int fd, struct file *file, bool close_on_exec);
/* RLIMIT_NOFILE and the system's limit: descriptors are below. */
unsigned int fd_limit(void);
/* current's first open descriptor in [fd, last], or last + 1. */
u64 next_open_fd(u64 fd, u64 last);
/* EBADF. */
int close_fd(unsigned int fd);
bool fd_close_on_exec(unsigned int fd);
int set_fd_close_on_exec(unsigned int fd, bool on);

/* task's table with a reference, NULL if it has none; for /proc. */
struct files_struct *get_files_struct(struct task_struct *task);
void put_files_struct(struct files_struct *files);
/* The first open descriptor >= *fd of another's table, *fd set to it; a reference. NULL: none. */
struct file *task_next_file(struct task_struct *task, unsigned int *fd);
/* The file at fd of another's table with a reference; NULL: none. *close_on_exec may be asked. */
struct file *task_get_file(struct task_struct *task, unsigned int fd, bool *close_on_exec);
