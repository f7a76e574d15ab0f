/*
 * Descriptor tables.
 *
 * A table is an array of pointers to chunks of 64 descriptors. fork copies the array and counts the
 * chunks: a thousand open files are sixteen pointers. A chunk with more than one user is immutable;
 * who opens or closes in it makes a copy of its own first, counting each file. So a child that
 * touches no descriptor costs next to nothing to make and to end, and the files of a chunk are let
 * go when its last user lets go of it.
 *
 *      parent's table                    child's table
 *        chunks[0] ----> chunk, count 2 <---- chunks[0]
 *        chunks[1] ----> chunk, count 2 <---- chunks[1]
 *
 * A descriptor that is reserved for a file still being opened sits in a chunk with one user, and
 * stays so: fork copies a chunk with reservations at once, without them. Hence fd_install cannot
 * fail.
 *
 * Closing must not fail for want of memory, so a copy made for closing is waited for, the
 * out-of-memory killer helping, as Linux never fails small allocations.
 *
 * Even the array is copied late. A process that shares its table with nobody lends it to its
 * children: it stays as it is until one of those that use it changes something or comes to share it
 * by CLONE_FILES, which makes a table of its own first (own_files). What is lent is used by single
 * tasks, none of which shares it in the sense of CLONE_FILES; who borrows does not lend it on. A
 * table whose process may hold record locks, which belong to the table, is not lent.
 *
 * files->lock guards the table. Only its users change it, and nobody while it is lent, so a
 * single-threaded process reads its own without the lock and without counting the file (fdget); one
 * that shares its table takes both.
 */
#include <tine/clone_args.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/file_lock.h>
#include <tine/fs.h>
#include <tine/mm.h>
#include <tine/printk.h>
#include <tine/sched.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>

int max_open_files = 1048576;

static struct kmem_cache *files_cache, *chunk_cache;

void files_init(void)
{
	files_cache = kmem_cache_create("files_struct", sizeof(struct files_struct), 0);
	chunk_cache = kmem_cache_create("fd_chunk", sizeof(struct fd_chunk), 0);
}

static unsigned int first_bit(u64 bits)
{
	return __builtin_ctzll(bits);
}

static void chunk_init(struct fd_chunk *chunk)
{
	atomic_set(&chunk->count, 1);
	chunk->open = chunk->reserved = chunk->close_on_exec = 0;
}

/* to becomes a copy of from, without reservations. */
static void chunk_copy(struct fd_chunk *to, const struct fd_chunk *from)
{
	chunk_init(to);
	to->open = from->open & ~from->reserved;
	to->close_on_exec = from->close_on_exec & to->open;
	for (u64 left = to->open; left; left &= left - 1) {
		unsigned int i = first_bit(left);

		to->file[i] = get_file(from->file[i]);
	}
}

static void chunk_put(struct fd_chunk *chunk)
{
	if (!chunk || !atomic_dec_and_test(&chunk->count))
		return;
	for (u64 left = chunk->open & ~chunk->reserved; left; left &= left - 1)
		fput(chunk->file[first_bit(left)]);
	kmem_cache_free(chunk_cache, chunk);
}

static struct files_struct *files_alloc(void)
{
	struct files_struct *files = kmem_cache_alloc(files_cache);

	if (!files)
		return NULL;
	atomic_set(&files->count, 1);
	spin_lock_init(&files->lock, LOCK_CLASS_FILES);
	files->lender = NULL;
	files->has_record_locks = false;
	files->next_free = files->used = 0;
	files->capacity = FD_INLINE_CHUNKS;
	files->chunks = files->inline_chunks;
	return files;
}

/* A descriptor of file, which was the table's, is closed: its process's record locks go. */
static void filp_close(struct files_struct *files, struct file *file)
{
	drop_file_locks(file->inode, files);
	fput(file);
}

/* The table's chunks may go on in others; its record locks do not. */
static void drop_record_locks(struct files_struct *files)
{
	for (unsigned int fd = 0; fd < files->used * FD_CHUNK; fd++) {
		struct file *file = files_lookup(files, fd);

		if (file)
			drop_file_locks(file->inode, files);
	}
}

static void files_free(struct files_struct *files)
{
	if (unlikely(files->has_record_locks))
		drop_record_locks(files);
	for (unsigned int i = 0; i < files->used; i++)
		chunk_put(files->chunks[i]);
	if (files->chunks != files->inline_chunks)
		kfree(files->chunks);
	kmem_cache_free(files_cache, files);
}

/* Room for so many chunks, and more: a power of two. */
static unsigned int roomy(unsigned int chunks)
{
	unsigned int capacity = FD_INLINE_CHUNKS;

	while (capacity < chunks)
		capacity *= 2;
	return capacity;
}

/* Makes the (empty, private) table's array, which is too short, as long as capacity. */
static bool set_capacity(struct files_struct *files, unsigned int capacity)
{
	struct fd_chunk **chunks = kcalloc(capacity, sizeof(*chunks));

	if (!chunks)
		return false;
	if (files->chunks != files->inline_chunks)
		kfree(files->chunks);
	files->chunks = chunks;
	files->capacity = capacity;
	return true;
}

/*
 * The child's form of chunk: shared, or copied if somebody is opening a file in it. NULL: out of
 * memory.
 */
static struct fd_chunk *share_chunk(struct fd_chunk *chunk)
{
	struct fd_chunk *copy;

	if (likely(!chunk->reserved)) {
		atomic_inc(&chunk->count);
		return chunk;
	}
	copy = kmem_cache_alloc(chunk_cache);
	if (copy)
		chunk_copy(copy, chunk);
	return copy;
}

/* new, private and empty, has room for what old, which is locked, uses. false: out of memory. */
static bool share_chunks(struct files_struct *new, struct files_struct *old)
{
	new->next_free = old->next_free;
	for (unsigned int i = 0; i < old->used; i++) {
		struct fd_chunk *chunk = old->chunks[i];

		new->chunks[i] = chunk ? share_chunk(chunk) : NULL;
		new->used = i + 1;
		if (unlikely(!new->chunks[i] != !chunk))
			return false;
		if (chunk && unlikely(chunk->reserved))
			new->next_free = MIN(new->next_free, i * FD_CHUNK);
	}
	return true;
}

static struct files_struct *dup_files(struct files_struct *old)
{
	struct files_struct *new = files_alloc();
	bool done = true;

	if (!new)
		return NULL;
	spin_lock(&old->lock);
	while (done && unlikely(old->used > new->capacity)) {
		unsigned int capacity = roomy(old->used); /* old may grow while it is not locked */

		spin_unlock(&old->lock);
		done = set_capacity(new, capacity);
		spin_lock(&old->lock);
	}
	done = done && share_chunks(new, old);
	spin_unlock(&old->lock);
	if (done)
		return new;
	files_free(new);
	return NULL;
}

void put_files_struct(struct files_struct *files)
{
	if (files && atomic_dec_and_test(&files->count))
		files_free(files);
}

static struct files_struct *replace_files(struct task_struct *task, struct files_struct *new)
{
	struct files_struct *old;

	spin_lock(&task->alloc_lock);
	old = task->files;
	task->files = new;
	spin_unlock(&task->alloc_lock);
	return old;
}

void release_files(struct task_struct *task)
{
	put_files_struct(replace_files(task, NULL));
}

struct files_struct *get_files_struct(struct task_struct *task)
{
	struct files_struct *files;

	spin_lock(&task->alloc_lock);
	files = task->files;
	if (files)
		atomic_inc(&files->count);
	spin_unlock(&task->alloc_lock);
	return files;
}

static int copy_own_files(void)
{
	struct files_struct *copy = dup_files(current->files);

	if (!copy)
		return -ENOMEM;
	put_files_struct(replace_files(current, copy));
	return 0;
}

int unshare_files(void)
{
	const struct files_struct *files = current->files;

	return !files || files->lender || atomic_read(&files->count) == 1 ? 0 : copy_own_files();
}

/* While current is the only user nobody else can lend it. */
int own_files(void)
{
	struct files_struct *files = current->files;

	if (unlikely(!files)) {
		current->files = files_alloc();
		return current->files ? 0 : -ENOMEM;
	}
	if (likely(!files->lender))
		return 0;
	if (atomic_read(&files->count) > 1)
		return copy_own_files();
	files->lender = NULL;
	return 0;
}

/* False: files is not the table of a single task, or must not be lent. */
static bool lend_files(struct files_struct *files)
{
	if (files->has_record_locks)
		return false;
	if (atomic_read(&files->count) == 1)
		files->lender = current;
	if (files->lender != current)
		return false;
	atomic_inc(&files->count);
	return true;
}

int copy_files(struct task_struct *child, const struct kernel_clone_args *args)
{
	struct files_struct *files = current->files;
	bool share = args->flags & CLONE_FILES;

	if (!files)
		return 0;
	/* Who forks does not lend what is borrowed, lest all descendants meet at one count. */
	if ((share || files->lender != current) && own_files())
		return -ENOMEM;
	files = current->files;
	if (share)
		atomic_inc(&files->count);
	child->files = share || lend_files(files) ? files : dup_files(files);
	return child->files ? 0 : -ENOMEM;
}

/* Looking up. */

static inline struct file *lookup_mode(const struct files_struct *files, unsigned int fd,
				       u32 refused)
{
	struct file *file = files_lookup(files, fd);

	return file && likely(!(file->mode & refused)) ? file : NULL;
}

/* Others have the table too, and could close it. */
static __noinline struct fd fdget_counted(struct files_struct *files, unsigned int fd, u32 refused)
{
	struct file *file;

	spin_lock(&files->lock);
	file = lookup_mode(files, fd, refused);
	if (file)
		get_file(file);
	spin_unlock(&files->lock);
	return (struct fd){file, FD_PUT};
}

static inline struct fd fdget_mode(unsigned int fd, u32 refused)
{
	struct files_struct *files = current->files;

	if (unlikely(!files))
		return (struct fd){};
	if (unlikely(atomic_read(&files->count) != 1 && !files->lender))
		return fdget_counted(files, fd, refused);
	return (struct fd){.file = lookup_mode(files, fd, refused)};
}

struct fd fdget(unsigned int fd)
{
	return fdget_mode(fd, FMODE_PATH);
}

struct fd fdget_raw(unsigned int fd)
{
	return fdget_mode(fd, 0);
}

/*
 * More than one reference (a fork, a dup), or a shared table: somebody else could move the offset.
 * A table or a chunk that is shared stands for a reference of every process that uses it.
 */
static __noinline struct fd lock_offset(unsigned int fd, struct fd f)
{
	const struct files_struct *files = current->files;

	if (f.flags || files->lender || atomic_read(&f.file->count) > 1 ||
	    atomic_read(&files->chunks[fd / FD_CHUNK]->count) > 1) {
		mutex_lock(&f.file->pos_lock);
		f.flags |= FD_UNLOCK;
	}
	return f;
}

struct fd fdget_pos(unsigned int fd)
{
	struct fd f = fdget_mode(fd, FMODE_PATH);

	return f.file && (f.file->mode & FMODE_ATOMIC_POS) ? lock_offset(fd, f) : f;
}

struct file *fget(int fd)
{
	struct fd f = fdget(fd);

	if (f.file && !f.flags)
		get_file(f.file);
	return f.file;
}

/* Changing. */

/* A longer array. The lock is let go while it is allocated; the caller looks again. */
static int grow_array(struct files_struct *files, unsigned int chunk_index)
{
	unsigned int capacity = roomy(chunk_index + 1);
	struct fd_chunk **chunks, **old = NULL;

	spin_unlock(&files->lock);
	chunks = kcalloc(capacity, sizeof(*chunks));
	spin_lock(&files->lock);
	if (!chunks)
		return -ENOMEM;
	if (files->capacity < capacity) {
		memcpy(chunks, files->chunks, files->used * sizeof(*chunks));
		old = files->chunks != files->inline_chunks ? files->chunks : NULL;
		files->chunks = chunks;
		files->capacity = capacity;
	} else {
		old = chunks;
	}
	kfree(old);
	return 0;
}

/*
 * The chunk of fd, existing and with no other user. Locked; *dropped: what the table no longer
 * uses, to be put without the lock.
 */
static struct fd_chunk *own_chunk(struct files_struct *files, unsigned int fd,
				  struct fd_chunk **dropped)
{
	unsigned int slot = fd / FD_CHUNK;
	struct fd_chunk *chunk = slot < files->used ? files->chunks[slot] : NULL, *copy;

	*dropped = NULL;
	if (chunk && atomic_read(&chunk->count) == 1)
		return chunk;
	copy = kmem_cache_alloc(chunk_cache);
	if (!copy)
		return NULL;
	if (chunk)
		chunk_copy(copy, chunk);
	else
		chunk_init(copy);
	*dropped = chunk;
	while (files->used <= slot)
		files->chunks[files->used++] = NULL;
	files->chunks[slot] = copy;
	return copy;
}

/* The lowest free descriptor >= from. */
static unsigned int find_free(const struct files_struct *files, unsigned int from)
{
	unsigned int fd = MAX(from, files->next_free);

	while (fd / FD_CHUNK < files->used) {
		const struct fd_chunk *chunk = files->chunks[fd / FD_CHUNK];
		u64 free = chunk ? ~chunk->open & (~0ull << (fd % FD_CHUNK)) : 0;

		if (!chunk)
			return fd;
		if (free)
			return ALIGN_DOWN(fd, FD_CHUNK) + first_bit(free);
		fd = ALIGN_DOWN(fd, FD_CHUNK) + FD_CHUNK;
	}
	return fd;
}

static void reserve(struct files_struct *files, struct fd_chunk *chunk, unsigned int fd,
		    bool close_on_exec)
{
	chunk->open |= fd_bit(fd);
	chunk->reserved |= fd_bit(fd);
	chunk->close_on_exec &= ~fd_bit(fd);
	if (close_on_exec)
		chunk->close_on_exec |= fd_bit(fd);
	if (fd == files->next_free)
		files->next_free = fd + 1;
}

unsigned int fd_limit(void)
{
	return MIN(rlimit(RLIMIT_NOFILE), (unsigned long)READ_ONCE(max_open_files));
}

int get_unused_fd(unsigned int from, bool close_on_exec)
{
	unsigned int limit = fd_limit();
	struct fd_chunk *chunk, *dropped = NULL;
	struct files_struct *files;
	int fd, error = own_files();

	if (error != 0)
		return error;
	files = current->files;
	spin_lock(&files->lock);
	do {
		fd = find_free(files, from);
		if ((unsigned int)fd >= limit)
			error = -EMFILE;
		else if (fd / FD_CHUNK >= files->capacity)
			error = grow_array(files, fd / FD_CHUNK) != 0 ? -ENOMEM : -EAGAIN;
		else
			error = 0;
	} while (error == -EAGAIN);
	if (error == 0) {
		chunk = own_chunk(files, fd, &dropped);
		if (chunk)
			reserve(files, chunk, fd, close_on_exec);
		else
			error = -ENOMEM;
	}
	spin_unlock(&files->lock);
	chunk_put(dropped);
	return error != 0 ? error : fd;
}

static void release_number(struct files_struct *files, struct fd_chunk *chunk, unsigned int fd)
{
	chunk->open &= ~fd_bit(fd);
	chunk->reserved &= ~fd_bit(fd);
	chunk->close_on_exec &= ~fd_bit(fd);
	files->next_free = MIN(files->next_free, fd);
}

void put_unused_fd(unsigned int fd)
{
	struct files_struct *files = current->files;
	struct fd_chunk *chunk;

	spin_lock(&files->lock);
	chunk = files->chunks[fd / FD_CHUNK];
	ASSERT(chunk->reserved & fd_bit(fd));
	release_number(files, chunk, fd);
	spin_unlock(&files->lock);
}

void fd_install(unsigned int fd, struct file *file)
{
	struct files_struct *files = current->files;
	struct fd_chunk *chunk;

	spin_lock(&files->lock);
	chunk = files->chunks[fd / FD_CHUNK];
	ASSERT(chunk->reserved & fd_bit(fd));
	chunk->file[fd % FD_CHUNK] = file;
	chunk->reserved &= ~fd_bit(fd);
	spin_unlock(&files->lock);
}

int fd_finish(unsigned int fd, struct file *file)
{
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

/*
 * own_chunk for those that may not fail. The lock is let go while memory is being freed. NULL: the
 * descriptor is not open any more.
 */
static struct fd_chunk *own_chunk_to_close(struct files_struct *files, unsigned int fd,
					   struct fd_chunk **dropped)
{
	struct fd_chunk *chunk = NULL;

	*dropped = NULL;
	while (files_lookup(files, fd) && !(chunk = own_chunk(files, fd, dropped))) {
		spin_unlock(&files->lock);
		out_of_memory();
		sched_yield();
		spin_lock(&files->lock);
	}
	return chunk;
}

static void own_files_to_close(void)
{
	while (current->files && own_files()) {
		out_of_memory();
		sched_yield();
	}
}

int close_fd(unsigned int fd)
{
	struct fd_chunk *chunk, *dropped;
	struct files_struct *files;
	struct file *file = NULL;

	own_files_to_close();
	files = current->files;
	if (!files)
		return -EBADF;
	spin_lock(&files->lock);
	chunk = own_chunk_to_close(files, fd, &dropped);
	if (chunk) {
		file = chunk->file[fd % FD_CHUNK];
		release_number(files, chunk, fd);
	}
	spin_unlock(&files->lock);
	chunk_put(dropped);
	if (!file)
		return -EBADF;
	filp_close(files, file);
	return 0;
}

bool fd_close_on_exec(unsigned int fd)
{
	struct files_struct *files = current->files;
	bool on;

	spin_lock(&files->lock);
	on = files_lookup(files, fd) && (files->chunks[fd / FD_CHUNK]->close_on_exec & fd_bit(fd));
	spin_unlock(&files->lock);
	return on;
}

int set_fd_close_on_exec(unsigned int fd, bool on)
{
	struct files_struct *files = current->files;
	struct fd_chunk *chunk, *dropped = NULL;
	int error;

	if (!files)
		return -EBADF;
	error = own_files();
	if (error != 0)
		return error;
	files = current->files;
	spin_lock(&files->lock);
	if (!files_lookup(files, fd)) {
		error = -EBADF;
	} else if (on != !!(files->chunks[fd / FD_CHUNK]->close_on_exec & fd_bit(fd))) {
		chunk = own_chunk(files, fd, &dropped);
		if (!chunk)
			error = -ENOMEM;
		else
			chunk->close_on_exec ^= fd_bit(fd);
	}
	spin_unlock(&files->lock);
	chunk_put(dropped);
	return error;
}

void close_on_exec(void)
{
	for (unsigned int i = 0; current->files && i < current->files->used; i++) {
		const struct fd_chunk *chunk;

		/* Closing may bring another table, and another chunk. */
		while ((chunk = current->files->chunks[i]) && chunk->close_on_exec)
			close_fd(i * FD_CHUNK + first_bit(chunk->close_on_exec));
	}
}

int fd_install_at(unsigned int new, struct file *file, bool close_on_exec)
{
	struct fd_chunk *chunk, *dropped = NULL;
	struct files_struct *files;
	struct file *old = NULL;
	int error = own_files();

	if (error != 0)
		return error;
	files = current->files;
	spin_lock(&files->lock);
	while (error == 0 && new / FD_CHUNK >= files->capacity)
		error = grow_array(files, new / FD_CHUNK);
	chunk = error == 0 ? own_chunk(files, new, &dropped) : NULL;
	if (!chunk) {
		error = -ENOMEM;
	} else if (chunk->reserved & fd_bit(new)) {
		error = -EBUSY;
	} else {
		if (chunk->open & fd_bit(new))
			old = chunk->file[new % FD_CHUNK];
		reserve(files, chunk, new, close_on_exec);
		chunk->file[new % FD_CHUNK] = get_file(file);
		chunk->reserved &= ~fd_bit(new);
	}
	spin_unlock(&files->lock);
	chunk_put(dropped);
	if (old)
		filp_close(files, old);
	return error;
}

u64 next_open_fd(u64 fd, u64 last)
{
	struct files_struct *files = current->files;
	u64 end;

	spin_lock(&files->lock);
	end = MIN(last + 1, (u64)files->used * FD_CHUNK);
	while (fd < end && !files_lookup(files, fd))
		fd++;
	spin_unlock(&files->lock);
	return fd < end ? fd : last + 1;
}
