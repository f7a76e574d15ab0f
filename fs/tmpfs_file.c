/*
 * Contents of tmpfs files: pages in the inode's page tree, holes where there are none.
 *
 * Writers and truncation hold inode->lock; the tree itself is guarded by the mapping's lock, which
 * is never held while user memory is copied: a page is looked up, counted, and copied from or to
 * after the lock was let go. So a write whose buffer is a mapping of the same file works: its fault
 * takes only the mapping's lock. Mappings get the same pages (get_page) and count them; who drops
 * pages takes them out of the mappings first (mm/truncate.c): else some would still write to a page
 * that others do not find in the file any more. Behind the end no fault brings them back; where a
 * hole is punched one may, and a page that is counted again is not dropped but cleared.
 *
 * The size is set before pages are dropped and after they are filled, and pages are zero before
 * they are in the tree: nobody sees old memory. A page is charged to the super block when it enters
 * the tree.
 */
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/iov_iter.h>
#include <tine/mm.h>
#include <tine/page.h>
#include <tine/rw.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/tmpfs.h>
#include <uapi/falloc.h>

/* page->private. */
#define WRITTEN  0
#define RESERVED 1 /* by fallocate: there is memory for it, but it counts as a hole */

#define SEALED_WRITE (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/* page is in the tree now. */
static void count_page(struct inode *inode, struct page *page)
{
	page->owner = PAGE_SHMEM;
	inode->block_count++;
	tmpfs_count_pages(1);
}

/*
 * The page at index with a reference; NULL: a hole, or beyond the end; made where create is set.
 * ERR_PTR(-ENOMEM, -ENOSPC).
 */
static struct page *find_page(struct inode *inode, u64 index, bool create)
{
	struct tmpfs *fs = inode->sb->private;
	struct page *page;

	page = page_tree_lookup(&inode->mapping, index);
	if (page) {
		get_page(page);
		return page;
	}
	if (!create)
		return NULL;
	if (!tmpfs_charge(&fs->blocks, &fs->max_blocks))
		return ERR_PTR(-ENOSPC);
	page = alloc_zeroed_data_page();
	if (!page || page_tree_insert(&inode->mapping, index, page) != 0) {
		if (page)
			put_page(page);
		tmpfs_uncharge(&fs->blocks, 1);
		return ERR_PTR(-ENOMEM);
	}
	count_page(inode, page);
	get_page(page);
	return page;
}

static struct page *lock_and_find_page(struct inode *inode, u64 index, bool create)
{
	return MUTEX_LOCKED(&inode->mapping.lock, find_page(inode, index, create));
}

void tmpfs_drop_pages(struct inode *inode, u64 first, u64 end, bool (*keep)(struct page *page))
{
	struct tmpfs *fs = inode->sb->private;
	u64 dropped;

	mutex_lock(&inode->mapping.lock);
	dropped = page_tree_remove(&inode->mapping, first, end, keep);
	inode->block_count -= dropped;
	mutex_unlock(&inode->mapping.lock);
	tmpfs_uncharge(&fs->blocks, dropped);
	tmpfs_count_pages(-(s64)dropped);
}

/* Zeroes bytes [from, to) of one page, if the file has it. */
static void clear_part(struct inode *inode, u64 from, u64 to)
{
	struct page *page = from < to ? lock_and_find_page(inode, from / PAGE_SIZE, false) : NULL;

	if (!page)
		return;
	memset((char *)page_address(page) + from % PAGE_SIZE, 0, to - from);
	put_page(page);
}

/* Lets go of what is beyond size, which is the file's size already. */
static void cut_off(struct inode *inode, loff_t size)
{
	u64 first = DIV_ROUND_UP((u64)size, PAGE_SIZE);

	smp_mb(); /* a mapping made now is seen here, or its faults see the new size */
	if (READ_ONCE(inode->mapped))
		unmap_file_pages(inode, first, UNMAP_TO_END);
	tmpfs_drop_pages(inode, first, ~0ull, NULL);
	/* The rest of the last page must read as zeroes when the file grows again. */
	clear_part(inode, size, ALIGN_UP((u64)size, PAGE_SIZE));
}

int tmpfs_set_size(struct inode *inode, loff_t size)
{
	loff_t old = inode->size;

	if (inode->seals & (size < old ? F_SEAL_SHRINK : size > old ? F_SEAL_GROW : 0))
		return -EPERM;
	WRITE_ONCE(inode->size, size);
	if (size < old)
		cut_off(inode, size);
	inode_touch_modified(inode);
	return 0;
}

static ssize_t tmpfs_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	struct inode *inode = file->inode;
	ssize_t done = 0;

	while (to->count) {
		loff_t size = READ_ONCE(inode->size);
		size_t offset = *pos % PAGE_SIZE, copied;
		size_t n = MIN(to->count, PAGE_SIZE - offset);
		struct page *page;

		if (*pos >= size)
			break;
		n = MIN(n, (size_t)(size - *pos));
		page = lock_and_find_page(inode, *pos / PAGE_SIZE, false);
		if (page) {
			copied = copy_to_iter((char *)page_address(page) + offset, n, to);
			put_page(page);
		} else {
			copied = zero_to_iter(n, to);
		}
		*pos += copied;
		done += copied;
		cond_resched();
		if (copied < n)
			return done ? done : -EFAULT;
	}
	file_accessed(file);
	return done;
}

static ssize_t write_pages(struct inode *inode, struct iov_iter *from, loff_t *pos)
{
	ssize_t done = 0;

	while (from->count) {
		size_t offset = *pos % PAGE_SIZE, copied;
		size_t n = MIN(from->count, PAGE_SIZE - offset);
		struct page *page = ERR_PTR(-EPERM);

		if (!(inode->seals & F_SEAL_GROW) || *pos + (loff_t)n <= inode->size)
			page = lock_and_find_page(inode, *pos / PAGE_SIZE, true);
		if (IS_ERR(page))
			return done ? done : PTR_ERR(page);
		page->private = WRITTEN;
		copied = copy_from_iter((char *)page_address(page) + offset, n, from);
		put_page(page);
		*pos += copied;
		done += copied;
		cond_resched();
		if (*pos > inode->size)
			WRITE_ONCE(inode->size, *pos);
		if (copied < n)
			return done ? done : -EFAULT;
	}
	return done;
}

/* Makes the page at bytes the file's, if it is reserved memory and the file has a hole there. */
static bool adopt_page(struct inode *inode, u64 index, const u8 *bytes)
{
	struct page *page = reserved_page(bytes);

	if (!page || page_tree_lookup(&inode->mapping, index) ||
	    page_tree_insert(&inode->mapping, index, page) != 0)
		return false;
	adopt_reserved_page(page);
	count_page(inode, page);
	return true;
}

/* Memory was divided before these pages were part of it: the limits grow by them. */
static void charge_adopted(struct tmpfs *fs, u64 pages)
{
	fs->blocks += pages;
	fs->max_blocks += pages;
	fs->max_inodes += pages;
	fs->default_blocks += pages;
}

size_t tmpfs_adopt_pages(struct file *file, const u8 *bytes, size_t n, loff_t pos)
{
	struct inode *inode = file->inode;
	size_t done = 0;

	if (file->ops != &tmpfs_file_operations || ((unsigned long)bytes | pos) % PAGE_SIZE)
		return 0;
	mutex_lock(&inode->lock);
	mutex_lock(&inode->mapping.lock);
	while (n - done >= PAGE_SIZE && adopt_page(inode, (pos + done) / PAGE_SIZE, bytes + done))
		done += PAGE_SIZE;
	mutex_unlock(&inode->mapping.lock);
	charge_adopted(inode->sb->private, done / PAGE_SIZE);
	if (done)
		WRITE_ONCE(inode->size, MAX(inode->size, pos + (loff_t)done));
	mutex_unlock(&inode->lock);
	return done;
}

static ssize_t tmpfs_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	struct inode *inode = file->inode;
	ssize_t result;

	mutex_lock(&inode->lock);
	result = generic_write_checks(file, from, pos);
	if (result > 0 && (inode->seals & SEALED_WRITE))
		result = -EPERM;
	if (result > 0) {
		inode_kill_priv(inode);
		inode_touch_modified(inode);
		result = write_pages(inode, from, pos);
	}
	mutex_unlock(&inode->lock);
	return result;
}

/* The first page from index on that was written (hole: was not), or one beyond the end. */
static u64 next_written(struct inode *inode, u64 index, bool hole)
{
	u64 end = DIV_ROUND_UP((u64)inode->size, PAGE_SIZE);

	while (index < end) {
		struct page *page = page_tree_lookup(&inode->mapping, index);

		if ((page && page->private != RESERVED) != hole)
			break;
		index = page || hole ? index + 1 : page_tree_next(&inode->mapping, index);
	}
	return index;
}

static loff_t seek_page(struct inode *inode, loff_t offset, bool hole)
{
	u64 index;

	index = MUTEX_LOCKED(&inode->mapping.lock, next_written(inode, offset / PAGE_SIZE, hole));
	if (index >= DIV_ROUND_UP((u64)inode->size, PAGE_SIZE))
		return hole ? inode->size : -ENXIO;
	return MAX(offset, (loff_t)(index * PAGE_SIZE));
}

static loff_t tmpfs_llseek(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file->inode;
	loff_t found;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return generic_llseek(file, offset, whence);
	mutex_lock(&inode->lock);
	found = offset < 0 || offset >= inode->size ? -ENXIO
						    : seek_page(inode, offset, whence == SEEK_HOLE);
	if (found >= 0)
		file->pos = MIN(found, inode->size);
	mutex_unlock(&inode->lock);
	return found;
}

static struct page *tmpfs_get_page(struct file *file, u64 pgoff, bool create)
{
	struct inode *inode = file->inode;
	struct page *page;

	mutex_lock(&inode->mapping.lock);
	if (pgoff >= DIV_ROUND_UP((u64)READ_ONCE(inode->size), PAGE_SIZE))
		page = ERR_PTR(-EFAULT);
	else
		page = find_page(inode, pgoff, create);
	if (page && !IS_ERR(page))
		page->private = WRITTEN;
	mutex_unlock(&inode->mapping.lock);
	return page;
}

static void tmpfs_get_pages(struct file *file, u64 pgoff, struct page **pages, unsigned int n)
{
	struct inode *inode = file->inode;
	u64 end;

	mutex_lock(&inode->mapping.lock);
	end = DIV_ROUND_UP((u64)READ_ONCE(inode->size), PAGE_SIZE);
	for (; n > 0 && pgoff + n > end; n--)
		pages[n - 1] = NULL;
	page_tree_get_many(&inode->mapping, pgoff, pages, n, RESERVED);
	mutex_unlock(&inode->mapping.lock);
}

/* A sealed file is shared only for reading, and for good. */
static int tmpfs_mmap(struct file *file, u32 *vm_flags)
{
	struct inode *inode = file->inode;

	WRITE_ONCE(inode->mapped, true);
	smp_mb(); /* who cuts off pages or seals sees the mapping, or this sees what was done */
	if ((*vm_flags & VM_SHARED) && (READ_ONCE(inode->seals) & SEALED_WRITE)) {
		if (*vm_flags & VM_WRITE)
			return -EPERM;
		*vm_flags &= ~VM_MAYWRITE;
	}
	file_accessed(file);
	return 0;
}

/* --- fallocate --- */

/* A page that somebody maps or reads is not dropped: what is written there from now on must stay. */
static bool clear_if_used(struct page *page)
{
	bool used = atomic_read(&page->count) > 1;

	if (used)
		clear_page(page_address(page));
	return used;
}

/* Pages are mapped nowhere when they are dropped; but faults may have brought some back. */
static int punch_hole(struct inode *inode, u64 from, u64 to)
{
	u64 first = DIV_ROUND_UP(from, PAGE_SIZE), end = to / PAGE_SIZE;

	if (inode->seals & SEALED_WRITE)
		return -EPERM;
	clear_part(inode, from, MIN(to, first * PAGE_SIZE));
	if (first <= end)
		clear_part(inode, end * PAGE_SIZE, to);
	if (first < end) {
		if (READ_ONCE(inode->mapped))
			unmap_file_pages(inode, first, end);
		tmpfs_drop_pages(inode, first, end, clear_if_used);
	}
	return 0;
}

static int reserve_page(struct inode *inode, u64 index)
{
	struct page *page;
	u64 before;

	mutex_lock(&inode->mapping.lock);
	before = inode->block_count;
	page = find_page(inode, index, true);
	if (!IS_ERR(page) && inode->block_count != before)
		page->private = RESERVED;
	mutex_unlock(&inode->mapping.lock);
	if (IS_ERR(page))
		return PTR_ERR(page);
	put_page(page);
	return 0;
}

static bool is_written(struct page *page)
{
	return page->private != RESERVED;
}

static int reserve(struct inode *inode, u64 from, u64 to, bool keep_size)
{
	struct tmpfs *fs = inode->sb->private;
	u64 first = from / PAGE_SIZE, end = DIV_ROUND_UP(to, PAGE_SIZE), index;
	u64 most = READ_ONCE(fs->max_blocks); /* 0: no limit */
	int error = check_new_size(inode->size, to);

	if (!error && (inode->seals & F_SEAL_GROW) && to > (u64)inode->size)
		error = -EPERM;
	if (!error && end - first > (most && most < total_page_count() ? most : total_page_count()))
		error = -ENOSPC;
	for (index = first; !error && index < end; index++) {
		error = signal_pending(current) ? -EINTR : reserve_page(inode, index);
		cond_resched();
	}
	if (error)
		tmpfs_drop_pages(inode, first, index, is_written);
	else if (!keep_size && to > (u64)inode->size)
		WRITE_ONCE(inode->size, to);
	return error;
}

static int tmpfs_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	struct inode *inode = file->inode;
	int error;

	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	if (mode & FALLOC_FL_PUNCH_HOLE)
		error = punch_hole(inode, offset, offset + length);
	else
		error = reserve(inode, offset, offset + length, mode & FALLOC_FL_KEEP_SIZE);
	if (!error) {
		inode_kill_priv(inode);
		inode_touch_modified(inode);
	}
	mutex_unlock(&inode->lock);
	return error;
}

static int tmpfs_fsync(struct file *file)
{
	return 0;
}

const struct file_operations tmpfs_file_operations = {
	.read = tmpfs_read,
	.write = tmpfs_write,
	.llseek = tmpfs_llseek,
	.get_page = tmpfs_get_page,
	.get_pages = tmpfs_get_pages,
	.mmap = tmpfs_mmap,
	.fsync = tmpfs_fsync,
	.fallocate = tmpfs_fallocate,
};
