/*
 * Advisory locks: flock(2), the record locks of fcntl(2), and those of open files (F_OFD_SETLK).
 *
 * All three are one thing, a range of a file that an owner holds for reading or for writing; they
 * differ in who the owner is and in when he is taken to have let go:
 *
 *	FLOCK	the open file; the whole of the file; when the last descriptor of it is closed
 *	POSIX	the descriptor table, so a process with all its threads; when it closes any
 *		descriptor of the file, or ends. A forked child has a table of its own
 *	OFD	the open file, and otherwise as POSIX
 *
 * Two ranges conflict if they overlap, one of them is for writing, and the owners differ. FLOCK locks
 * meet only their like; POSIX and OFD locks meet each other.
 *
 * A file's locks are in a list that its inode points to while there are any. The ranges of one
 * owner never overlap and stand in order, neighbours of one type being one lock: set_range merges and
 * cuts. It needs at most two new locks, which are allocated before anything changes.
 *
 * Who has to wait stands in lock_waiters with the request itself, which lies on its own stack, and in
 * the wait queue of the file. Every change of a file's locks wakes all of them, oldest first, and
 * they look again. Nothing points from a request to the lock that is in its way: who waits for whom
 * is found by asking each request for its conflict again, so the search for a deadlock cannot meet
 * what is gone.
 *
 * file_lock_mutex guards all of it: there is one for the machine, since the search crosses files.
 * Leases (F_SETLEASE) are left out.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/file_lock.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/seq_buffer.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

/* The longest chain of waiters that is followed, as on Linux. */
#define MAX_DEADLOCK_STEPS 10

enum lock_kind { LOCK_KIND_FLOCK, LOCK_KIND_POSIX, LOCK_KIND_OFD };

struct file_lock {
	struct list_head link; /* in its file's list; of a request that waits: in lock_waiters */
	struct inode *inode;   /* kept by the open file */
	const void *owner;     /* only compared */
	struct pid *pid;       /* counted: the process that took it */
	enum lock_kind kind;
	int type;          /* F_RDLCK, F_WRLCK; of a request also F_UNLCK */
	loff_t start, end; /* the last byte, included */
};

/* The locks of one inode. */
struct file_lock_list {
	struct list_head locks;
	struct list_head link; /* in all_lists */
	struct wait_queue wait;
};

static struct mutex file_lock_mutex;
static struct kmem_cache *lock_cache;
static struct list_head lock_waiters = LIST_HEAD_INIT(lock_waiters);
static struct list_head all_lists = LIST_HEAD_INIT(all_lists);

void file_lock_init(void)
{
	mutex_init(&file_lock_mutex, LOCK_CLASS_FILE_LOCK);
	lock_cache = kmem_cache_create("file_lock", sizeof(struct file_lock), 0);
}

static void free_lock(struct file_lock *lock)
{
	if (lock)
		put_pid(lock->pid);
	kmem_cache_free(lock_cache, lock);
}

static void remove_lock(struct file_lock *lock)
{
	list_del(&lock->link);
	free_lock(lock);
}

/* The inode's list, made if this is its first lock; NULL: out of memory. */
static struct file_lock_list *lock_list(struct inode *inode)
{
	struct file_lock_list *list = inode->locks;

	if (list)
		return list;
	list = kzalloc(sizeof(*list));
	if (!list)
		return NULL;
	list_init(&list->locks);
	wait_queue_init(&list->wait);
	list_add_tail(&list->link, &all_lists);
	WRITE_ONCE(inode->locks, list);
	return list;
}

/* Lets go of the inode's list once it holds no lock and nobody waits. */
static void trim_list(struct inode *inode)
{
	struct file_lock_list *list = inode->locks;

	if (!list_empty(&list->locks) || !list_empty(&list->wait.entries))
		return;
	WRITE_ONCE(inode->locks, NULL);
	list_del(&list->link);
	kfree(list);
}

/* Conflicts. */

static bool same_list(const struct file_lock *a, const struct file_lock *b)
{
	return (a->kind == LOCK_KIND_FLOCK) == (b->kind == LOCK_KIND_FLOCK);
}

static bool same_owner(const struct file_lock *a, const struct file_lock *b)
{
	return a->owner == b->owner && a->kind == b->kind;
}

static bool conflicts(const struct file_lock *a, const struct file_lock *b)
{
	return same_list(a, b) && !same_owner(a, b) && a->start <= b->end && b->start <= a->end &&
	       (a->type == F_WRLCK || b->type == F_WRLCK);
}

/* The first lock that stands in request's way, NULL if none. */
static struct file_lock *find_conflict(const struct file_lock *request)
{
	struct file_lock *lock;

	if (request->type == F_UNLCK || !request->inode->locks)
		return NULL;
	list_for_each_entry(lock, &request->inode->locks->locks, link)
		if (conflicts(lock, request))
			return lock;
	return NULL;
}

/* The lock that a process waits for, NULL if it does not wait. */
static struct file_lock *awaited_by(const void *owner)
{
	struct file_lock *request, *found;

	list_for_each_entry(request, &lock_waiters, link) {
		found = request->owner == owner ? find_conflict(request) : NULL;
		if (found)
			return found;
	}
	return NULL;
}

/* If request waits for blocker: does, in the end, blocker's owner wait for request's? */
static bool would_deadlock(const struct file_lock *request, const struct file_lock *blocker)
{
	if (request->kind != LOCK_KIND_POSIX)
		return false;
	for (int i = 0; i <= MAX_DEADLOCK_STEPS && blocker; i++) {
		if (blocker->kind != LOCK_KIND_POSIX)
			return false;
		blocker = awaited_by(blocker->owner);
		if (blocker && same_owner(blocker, request))
			return true;
	}
	return false;
}

/* Changing a file's locks. */

static void fill_lock(struct file_lock *lock, const struct file_lock *from, loff_t start,
		      loff_t end)
{
	*lock = *from;
	get_pid(lock->pid);
	lock->start = start;
	lock->end = end;
}

/* In front of the owner's first lock beyond it, or behind his last, or at the end. */
static void insert_lock(struct file_lock_list *list, struct file_lock *lock)
{
	struct list_head *before = &list->locks;
	struct file_lock *other;

	list_for_each_entry(other, &list->locks, link) {
		if (!same_owner(other, lock))
			continue;
		before = &other->link;
		if (other->start > lock->start)
			break;
		before = before->next;
	}
	list_add_tail(&lock->link, before);
}

/*
 * Makes lock, which request meets, give way: it is taken up into request if it is of the same type,
 * otherwise cut. *spare is used for what is left of it behind request.
 */
static void give_way(struct file_lock_list *list, struct file_lock *lock, struct file_lock *request,
		     struct file_lock **spare)
{
	if (lock->type == request->type) {
		request->start = MIN(request->start, lock->start);
		request->end = MAX(request->end, lock->end);
		remove_lock(lock);
	} else if (lock->start < request->start) {
		if (lock->end > request->end) {
			fill_lock(*spare, lock, request->end + 1, lock->end);
			insert_lock(list, *spare);
			*spare = NULL;
		}
		lock->end = request->start - 1;
	} else if (lock->end > request->end) {
		lock->start = request->end + 1;
	} else {
		remove_lock(lock);
	}
}

/* Locks of the same type are one also where they only touch. */
static bool meets(const struct file_lock *lock, const struct file_lock *request)
{
	loff_t reach = lock->type == request->type;

	return same_owner(lock, request) && lock->start - reach <= request->end &&
	       request->start - reach <= lock->end;
}

/* The owner holds request's range as request says, and nothing else of it. Cannot fail. */
static void set_range(struct file_lock_list *list, struct file_lock *request,
		      struct file_lock *spare[2])
{
	struct file_lock *lock, *next;

	list_for_each_entry_safe(lock, next, &list->locks, link)
		if (meets(lock, request))
			give_way(list, lock, request, &spare[1]);
	if (request->type != F_UNLCK) {
		fill_lock(spare[0], request, request->start, request->end);
		insert_lock(list, spare[0]);
		spare[0] = NULL;
	}
	wake_up_all(&list->wait);
}

/* flock changes a lock's type by letting go of it first. */
static void drop_before_conversion(struct file_lock_list *list, const struct file_lock *request)
{
	struct file_lock *lock;

	list_for_each_entry(lock, &list->locks, link) {
		if (!same_owner(lock, request) || lock->type == request->type)
			continue;
		remove_lock(lock);
		wake_up_all(&list->wait);
		return;
	}
}

static void drop_locks_of(struct file_lock_list *list, const void *owner)
{
	struct file_lock *lock, *next;
	bool any = false;

	list_for_each_entry_safe(lock, next, &list->locks, link) {
		if (lock->owner != owner)
			continue;
		remove_lock(lock);
		any = true;
	}
	if (any)
		wake_up_all(&list->wait);
}

void drop_file_locks(struct inode *inode, const void *owner)
{
	if (likely(!READ_ONCE(inode->locks)))
		return;
	mutex_lock(&file_lock_mutex);
	if (inode->locks) {
		drop_locks_of(inode->locks, owner);
		trim_list(inode);
	}
	mutex_unlock(&file_lock_mutex);
}

/* Setting a lock. */

/* 0: done; -EAGAIN: something is in the way; -EDEADLK (may_wait only). */
static int try_request(struct file_lock_list *list, struct file_lock *request, bool may_wait,
		       struct file_lock *spare[2])
{
	struct file_lock *blocker;

	if (request->kind == LOCK_KIND_FLOCK)
		drop_before_conversion(list, request);
	blocker = find_conflict(request);
	if (!blocker) {
		set_range(list, request, spare);
		return 0;
	}
	return may_wait && would_deadlock(request, blocker) ? -EDEADLK : -EAGAIN;
}

/*
 * The request, waiting until it can be had if that is wanted. Its place in the queue stays.
 * file_lock_mutex is held, and let go while it sleeps.
 */
static int request_and_wait(struct file_lock_list *list, struct file_lock *request, bool may_wait,
			    struct file_lock *spare[2])
{
	struct wait_entry entry;
	int error;

	wait_entry_init(&entry);
	entry.exclusive = true; /* so that it queues up behind those that were first */
	list_init(&request->link);
	for (;;) {
		list_del(&request->link);
		error = try_request(list, request, may_wait, spare);
		if (error != -EAGAIN || !may_wait)
			break;
		prepare_to_wait(&list->wait, &entry, TASK_INTERRUPTIBLE);
		if (signal_pending(current)) {
			error = -ERESTARTSYS;
			break;
		}
		list_add_tail(&request->link, &lock_waiters);
		mutex_unlock(&file_lock_mutex);
		schedule();
		mutex_lock(&file_lock_mutex);
	}
	finish_wait(&list->wait, &entry);
	return error;
}

static int set_lock(struct file_lock *request, bool may_wait)
{
	struct file_lock *spare[2] = {};
	/* To unlock everything takes no memory, so that it cannot fail. */
	bool all = request->type == F_UNLCK && request->start == 0 &&
		   request->end == MAX_LFS_FILESIZE;
	int error = request->kind == LOCK_KIND_FLOCK ? -ENOMEM : -ENOLCK;

	if (!all) {
		spare[0] = kmem_cache_zalloc(lock_cache);
		spare[1] = kmem_cache_zalloc(lock_cache);
	}
	mutex_lock(&file_lock_mutex);
	if (request->type == F_UNLCK && !request->inode->locks)
		error = 0;
	else if ((all || (spare[0] && spare[1])) && lock_list(request->inode))
		error = request_and_wait(request->inode->locks, request, may_wait, spare);
	if (request->inode->locks)
		trim_list(request->inode);
	mutex_unlock(&file_lock_mutex);
	free_lock(spare[0]);
	free_lock(spare[1]);
	return error;
}

/* flock(2) */

static int flock_type(unsigned int cmd)
{
	switch (cmd) {
	case LOCK_SH:
		return F_RDLCK;
	case LOCK_EX:
		return F_WRLCK;
	case LOCK_UN:
		return F_UNLCK;
	default:
		return -EINVAL;
	}
}

long sys_flock(unsigned int fd, unsigned int cmd)
{
	struct fd f SCOPED(fdput) = {};
	int type = flock_type(cmd & ~LOCK_NB);
	struct file_lock request;

	if (type < 0)
		return type;
	f = fdget(fd);
	if (!f.file || (type != F_UNLCK && !(f.file->mode & (FMODE_READ | FMODE_WRITE))))
		return -EBADF;
	request = (struct file_lock){
		.inode = f.file->inode,
		.owner = f.file,
		.pid = current->signal->pids[PIDTYPE_TGID],
		.kind = LOCK_KIND_FLOCK,
		.type = type,
		.end = MAX_LFS_FILESIZE,
	};
	return set_lock(&request, !(cmd & LOCK_NB));
}

/* fcntl(2) */

/* The range that from names: a negative length is before its start, zero is all the rest. */
static int parse_range(const struct file *file, const struct flock *from, struct file_lock *request)
{
	loff_t start = 0;

	if (from->l_whence == SEEK_CUR)
		start = file->pos;
	else if (from->l_whence == SEEK_END)
		start = READ_ONCE(file->inode->size);
	else if (from->l_whence != SEEK_SET)
		return -EINVAL;
	if (from->l_start > MAX_LFS_FILESIZE - start)
		return -EOVERFLOW;
	start += from->l_start;
	if (start < 0)
		return -EINVAL;
	request->end = MAX_LFS_FILESIZE;
	if (from->l_len > 0) {
		if (from->l_len - 1 > MAX_LFS_FILESIZE - start)
			return -EOVERFLOW;
		request->end = start + (from->l_len - 1);
	} else if (from->l_len < 0) {
		if (start + from->l_len < 0)
			return -EINVAL;
		request->end = start - 1;
		start += from->l_len;
	}
	request->start = start;
	return 0;
}

static int parse_request(struct file *file, const struct flock *from, bool ofd,
			 struct file_lock *request)
{
	int error;

	*request = (struct file_lock){
		.inode = file->inode,
		.owner = ofd ? (void *)file : (void *)current->files,
		.pid = current->signal->pids[PIDTYPE_TGID],
		.kind = ofd ? LOCK_KIND_OFD : LOCK_KIND_POSIX,
		.type = from->l_type,
	};
	error = parse_range(file, from, request);
	if (error != 0)
		return error;
	if (from->l_type != F_RDLCK && from->l_type != F_WRLCK && from->l_type != F_UNLCK)
		return -EINVAL;
	return ofd && from->l_pid != 0 ? -EINVAL : 0;
}

static void describe_lock(const struct file_lock *lock, struct flock *to)
{
	to->l_type = lock->type;
	to->l_whence = SEEK_SET;
	to->l_start = lock->start;
	to->l_len = lock->end == MAX_LFS_FILESIZE ? 0 : lock->end - lock->start + 1;
	to->l_pid = lock->kind == LOCK_KIND_OFD ? -1 : pid_vnr(lock->pid);
}

static long get_lock(struct file *file, struct flock *flock, bool ofd, struct flock __user *user)
{
	struct file_lock request, *found;
	int error;

	if (flock->l_type != F_RDLCK && flock->l_type != F_WRLCK)
		return -EINVAL;
	error = parse_request(file, flock, ofd, &request);
	if (error != 0)
		return error;
	mutex_lock(&file_lock_mutex);
	found = find_conflict(&request);
	if (found)
		describe_lock(found, flock);
	else
		flock->l_type = F_UNLCK;
	mutex_unlock(&file_lock_mutex);
	return copy_to_user(user, flock, sizeof(*flock)) ? -EFAULT : 0;
}

static bool mode_allows(const struct file *file, int type)
{
	return !(type == F_RDLCK && !(file->mode & FMODE_READ)) &&
	       !(type == F_WRLCK && !(file->mode & FMODE_WRITE));
}

/*
 * A record lock goes when its process closes the file: what was set just after another thread had
 * closed it, of which that close knew nothing, must go as well.
 */
static int check_not_closed(unsigned int fd, const struct file *file)
{
	struct fd now = fdget(fd);
	bool still_open = now.file == file;

	fdput(now);
	if (still_open)
		return 0;
	drop_file_locks(file->inode, current->files);
	return -EBADF;
}

static long set_user_lock(unsigned int fd, struct file *file, const struct flock *flock, bool ofd,
			  bool may_wait)
{
	struct file_lock request;
	int error = ofd ? 0 : own_files(); /* record locks are the table's */

	if (error == 0)
		error = parse_request(file, flock, ofd, &request);
	if (error != 0)
		return error;
	if (!mode_allows(file, flock->l_type))
		return -EBADF;
	if (!ofd)
		WRITE_ONCE(current->files->has_record_locks, true);
	error = set_lock(&request, may_wait);
	if (error == 0 && !ofd && flock->l_type != F_UNLCK)
		error = check_not_closed(fd, file);
	return error;
}

long fcntl_lock(unsigned int fd, struct file *file, unsigned int cmd, struct flock __user *user)
{
	bool ofd = cmd >= F_OFD_GETLK;
	struct flock flock;

	if (copy_from_user(&flock, user, sizeof(flock)))
		return -EFAULT;
	if (cmd == F_GETLK || cmd == F_OFD_GETLK)
		return get_lock(file, &flock, ofd, user);
	return set_user_lock(fd, file, &flock, ofd, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
}

/* /proc/locks */

static void show_lock(struct seq_buffer *m, int number, const char *arrow,
		      const struct file_lock *lock)
{
	static const char *const kinds[] = {"FLOCK ", "POSIX ", "OFDLCK"};
	dev_t dev = lock->inode->sb->dev;

	seq_printf(m, "%d: %s%s ADVISORY  %s %d %02x:%02x:%zu ", number, arrow, kinds[lock->kind],
		   lock->type == F_WRLCK ? "WRITE" : "READ",
		   lock->kind == LOCK_KIND_OFD ? -1 : pid_vnr(lock->pid), MAJOR(dev), MINOR(dev),
		   (size_t)lock->inode->ino);
	seq_printf(m, "%zu ", (size_t)lock->start);
	if (lock->end == MAX_LFS_FILESIZE)
		seq_puts(m, "EOF\n");
	else
		seq_printf(m, "%zu\n", (size_t)lock->end);
}

int show_file_locks(struct seq_buffer *m, struct task_struct *task)
{
	struct file_lock_list *list;
	struct file_lock *lock, *request;
	int number = 0;

	mutex_lock(&file_lock_mutex);
	list_for_each_entry(list, &all_lists, link)
		list_for_each_entry(lock, &list->locks, link) {
			show_lock(m, ++number, "", lock);
			list_for_each_entry(request, &lock_waiters, link)
				if (find_conflict(request) == lock)
					show_lock(m, number, "-> ", request);
		}
	mutex_unlock(&file_lock_mutex);
	return 0;
}
