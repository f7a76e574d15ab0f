/*
 * Open files: a place in the tree of names, an offset, and the operations of what is there.
 *
 * A file is counted by descriptors (through their chunk), by mappings, and by whoever uses it for a
 * moment. The last reference calls release, gives back the count as writer or program on the inode,
 * and lets the path go. The offset is guarded by pos_lock, which is taken only where two could use
 * the file at once (fdget_pos).
 */
#include <tine/async.h>
#include <tine/cred.h>
#include <tine/epoll.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/file_lock.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/namei.h>
#include <tine/rw.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <tine/uaccess.h>

static struct kmem_cache *file_cache;
static const struct file_operations path_operations; /* of O_PATH files: nothing */

void file_init(void)
{
	file_cache = kmem_cache_create("file", sizeof(struct file), 0);
}

long open_file_count(void)
{
	return kmem_cache_in_use(file_cache);
}

static u32 mode_of_flags(int flags)
{
	static const u32 modes[4] = {FMODE_READ, FMODE_WRITE, FMODE_READ | FMODE_WRITE, 0};

	return flags & O_PATH ? FMODE_PATH : modes[flags & O_ACCMODE];
}

struct file *file_alloc_empty(void)
{
	return kmem_cache_alloc(file_cache);
}

void file_free_empty(struct file *file)
{
	kmem_cache_free(file_cache, file);
}

static void file_fill(struct file *file, const struct path *path, int flags,
		      const struct file_operations *ops)
{
	atomic_set(&file->count, 1);
	mutex_init(&file->pos_lock, LOCK_CLASS_FILE_POS);
	file->flags = flags;
	file->mode = mode_of_flags(flags);
	file->ops = ops;
	file->path = *path;
	path_get(path);
	file->inode = path->dentry->inode;
	file->pos = 0;
	file->generation = 0;
	file->private_data = NULL;
	file->cred = get_cred(current->cred);
	file->watchers = NULL;
	file->async = NULL;
}

struct file *file_alloc(const struct path *path, int flags, const struct file_operations *ops)
{
	struct file *file = file_alloc_empty();

	if (!file)
		return ERR_PTR(-ENOMEM);
	file_fill(file, path, flags, ops);
	return file;
}

/* Gives back the inode's count of writers or of programs. */
static void drop_access(struct file *file)
{
	if (file->mode & FMODE_WRITER) {
		inode_put_write(file->inode);
		mnt_put_write(file->path.mnt);
	}
	if (file->mode & FMODE_PROGRAM)
		__atomic_add_fetch(&file->inode->write_count, 1, __ATOMIC_SEQ_CST);
}

static void file_free(struct file *file)
{
	drop_access(file);
	path_put(&file->path);
	put_cred(file->cred);
	kmem_cache_free(file_cache, file);
}

void fput(struct file *file)
{
	if (!file || !atomic_dec_and_test(&file->count))
		return;
	if (unlikely(READ_ONCE(file->watchers)))
		epoll_forget_file(file);
	if (unlikely(READ_ONCE(file->async)))
		async_forget(file);
	drop_file_locks(file->inode, file);
	if (file->ops->release)
		file->ops->release(file);
	file_free(file);
}

struct file *task_next_file(struct task_struct *task, unsigned int *fd)
{
	struct files_struct *files = get_files_struct(task);
	struct file *file = NULL;

	if (!files)
		return NULL;
	spin_lock(&files->lock);
	for (; *fd < files->used * FD_CHUNK && !file; ++*fd)
		file = files_lookup(files, *fd);
	if (file) {
		--*fd;
		get_file(file);
	}
	spin_unlock(&files->lock);
	put_files_struct(files);
	return file;
}

struct file *task_get_file(struct task_struct *task, unsigned int fd, bool *close_on_exec)
{
	struct files_struct *files = get_files_struct(task);
	struct file *file;

	if (!files)
		return NULL;
	spin_lock(&files->lock);
	file = files_lookup(files, fd);
	if (file)
		get_file(file);
	if (file && close_on_exec)
		*close_on_exec = files->chunks[fd / FD_CHUNK]->close_on_exec & fd_bit(fd);
	spin_unlock(&files->lock);
	put_files_struct(files);
	return file;
}

void fdput_flags(struct fd f)
{
	if (f.flags & FD_UNLOCK)
		mutex_unlock(&f.file->pos_lock);
	if (f.flags & FD_PUT)
		fput(f.file);
}

static int start_access(struct file *file)
{
	struct inode *inode = file->inode;
	int error = 0;

	if ((file->mode & FMODE_WRITE) && S_ISREG(inode->mode)) {
		error = inode_get_write(inode);
		if (error != 0)
			return error;
		error = mnt_get_write(file->path.mnt);
		if (error == 0)
			file->mode |= FMODE_WRITER;
		else
			inode_put_write(inode);
	}
	file->mode |= FMODE_SEEKABLE;
	if (S_ISREG(inode->mode) || S_ISDIR(inode->mode))
		file->mode |= FMODE_ATOMIC_POS;
	return error;
}

struct file *file_open_path(struct file *file, const struct path *path, int flags, bool created)
{
	struct inode *inode = path->dentry->inode;
	int error;

	file_fill(file, path, flags, flags & O_PATH ? &path_operations : inode->fops);
	if (flags & O_PATH)
		return file;
	file->flags |= O_LARGEFILE;
	if (created)
		file->mode |= FMODE_CREATED;
	error = start_access(file);
	if (error == 0 && file->ops->open)
		error = file->ops->open(inode, file);
	if (error == 0 && (flags & O_DIRECT)) {
		fput(file);
		return ERR_PTR(-EINVAL);
	}
	if (error != 0) {
		file_free(file);
		return ERR_PTR(error);
	}
	file->flags &= ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC);
	return file;
}

struct file *filp_open(const char *path, int flags, mode_t mode)
{
	return do_filp_open(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

/*
 * For exec, at the end of the walk: a regular file, executable, on a mount that allows programs,
 * that nobody writes to.
 */
static struct file *open_program(const struct path *path)
{
	struct inode *inode = path->dentry->inode;
	struct file *file;
	int error = 0;

	if (S_ISLNK(inode->mode))
		return ERR_PTR(-ELOOP);
	if (!S_ISREG(inode->mode) || (path->mnt->flags & MNT_NOEXEC))
		error = -EACCES;
	else
		error = inode_permission(current->cred, inode, MAY_EXEC);
	if (error != 0)
		return ERR_PTR(error);
	file = file_alloc_empty();
	if (!file)
		return ERR_PTR(-ENOMEM);
	file = file_open_path(file, path, O_RDONLY, false);
	if (IS_ERR(file))
		return file;
	error = inode_deny_write(inode);
	if (error != 0) {
		fput(file);
		return ERR_PTR(error);
	}
	file->mode |= FMODE_PROGRAM;
	return file;
}

struct file *open_exec(int dirfd, const char *name, int flags)
{
	struct path path SCOPED(path_put) = {};
	int error;

	if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return ERR_PTR(-EINVAL);
	error = path_lookup(dirfd, name, lookup_flags(flags), NULL, &path);
	return error != 0 ? ERR_PTR(error) : open_program(&path);
}

ssize_t kernel_read(struct file *file, void *buf, size_t n, loff_t pos)
{
	struct iov_iter to;

	if (!(file->mode & FMODE_READ) || !file->ops->read)
		return -EINVAL;
	iov_iter_kernel(&to, buf, MIN(n, MAX_RW_COUNT));
	return file->ops->read(file, &to, &pos);
}

bool file_residence_shown(const struct file *file)
{
	return inode_owner_or_capable(current->cred, file->inode) ||
	       !inode_permission(current->cred, file->inode, MAY_WRITE);
}

bool file_noexec(const struct file *file)
{
	return file->path.mnt->flags & MNT_NOEXEC;
}

loff_t file_size(const struct file *file)
{
	return READ_ONCE(file->inode->size);
}

void file_owner_mode(const struct file *file, uid_t *uid, gid_t *gid, mode_t *mode)
{
	*uid = file->inode->uid;
	*gid = file->inode->gid;
	*mode = READ_ONCE(file->inode->mode);
	if (file->path.mnt->flags & MNT_NOSUID)
		*mode &= ~(S_ISUID | S_ISGID);
}

char *file_path(const struct file *file, char *buf, size_t size)
{
	struct path root SCOPED(path_put) = {};
	bool outside;

	get_fs_root(&root);
	return path_name(&file->path, &root, buf, size, &outside);
}

int open_console_descriptors(void)
{
	struct file *console = filp_open("/dev/console", O_RDWR, 0);

	if (IS_ERR(console))
		return PTR_ERR(console);
	for (unsigned int i = 0; i < 3; i++) {
		int fd = get_unused_fd(0, false);

		if (fd < 0) {
			fput(console);
			return fd;
		}
		fd_install(fd, get_file(console));
	}
	fput(console);
	return 0;
}

int fd_install_pair(struct file *files[2], bool close_on_exec, int __user *user)
{
	int fds[2], error;

	fds[0] = get_unused_fd(0, close_on_exec);
	fds[1] = fds[0] < 0 ? fds[0] : get_unused_fd(0, close_on_exec);
	error = MIN(fds[1], 0);
	if (error == 0 && copy_to_user(user, fds, sizeof(fds)))
		error = -EFAULT;
	for (int i = 0; i < 2; i++) {
		if (error == 0) {
			fd_install(fds[i], files[i]);
			continue;
		}
		if (fds[i] >= 0)
			put_unused_fd(fds[i]);
		fput(files[i]);
	}
	return error;
}
