/*
 * Filling the root file system from the archive that the boot loader brought: any number of newc
 * cpio archives, each plain or compressed by gzip, with zeroes between them, as Linux takes them.
 *
 * Decompressed bytes go straight into the cpio reader and from there into files, so memory holds
 * the compressed archive and the files, and nothing twice. Of an archive that is not compressed,
 * pages that hold nothing but contents of one file, and are where they would be in it, become the
 * file's own (tmpfs_adopt_pages), and only the rest is copied; tools/align_cpio lays an archive out
 * so that nearly all are. Entries are made by the same functions
 * as system calls use. An entry that is there already is replaced if it is of another kind. Files
 * that share an inode number in the archive become hard links; directories get their times at the
 * end, since making entries in them changes those.
 *
 * The message that is returned says what is wrong, in which entry and at which offset.
 */
#include <tine/cpio.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/inflate.h>
#include <tine/namei.h>
#include <tine/printk.h>
#include <tine/rw.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/tmpfs.h>

/* A file with several names, or a directory whose time is to be set. */
struct seen {
	struct seen *next;
	u32 ino, major, minor, mtime;
	char name[];
};

struct unpack {
	struct inflate inflate;
	struct cpio cpio;
	struct seen *links[32]; /* hashed by inode number */
	struct seen *directories;
	struct file *file; /* being written */
	loff_t pos;
	u32 mtime;
	const char *error; /* from the cpio reader, while decompressing */
};

static char message_buffer[256];

static struct seen *remember(struct seen **list, const struct cpio_entry *e, const char *name)
{
	struct seen *seen = kmalloc(sizeof(*seen) + strlen(name) + 1);

	if (!seen)
		return NULL;
	*seen = (struct seen){*list, e->ino, e->major, e->minor, e->mtime};
	memcpy(seen->name, name, strlen(name) + 1);
	*list = seen;
	return seen;
}

static void forget(struct seen **list)
{
	while (*list) {
		struct seen *seen = *list;

		*list = seen->next;
		kfree(seen);
	}
}

static void forget_links(void *arg)
{
	struct unpack *u = arg;

	for (unsigned int i = 0; i < ARRAY_SIZE(u->links); i++)
		forget(&u->links[i]);
}

static int set_attributes(const struct path *path, const struct cpio_entry *e)
{
	struct iattr attr = {
		.valid = ATTR_UID | ATTR_GID | ATTR_MTIME | ATTR_ATIME | ATTR_TIMES_SET,
		.uid = e->uid,
		.gid = e->gid,
		.mtime = {.tv_sec = e->mtime},
		.atime = {.tv_sec = e->mtime},
	};
	struct inode *inode = path->dentry->inode;
	int error;

	mutex_lock(&inode->lock);
	error = notify_change(inode, &attr);
	attr.valid = ATTR_MODE;
	attr.mode = e->mode;
	if (error == 0 && !S_ISLNK(inode->mode))
		error = notify_change(inode, &attr);
	mutex_unlock(&inode->lock);
	return error;
}

static int set_attributes_of(const char *name, const struct cpio_entry *e)
{
	struct path path SCOPED(path_put) = {};
	int error = kern_path(name, 0, &path);

	return error != 0 ? error : set_attributes(&path, e);
}

/* Removes what has the name, if it is of another kind, or is no directory and must be made new. */
static void clear_way(const char *name, mode_t mode, bool fresh)
{
	struct path path;
	mode_t old;

	if (kern_path(name, 0, &path) != 0)
		return;
	old = path.dentry->inode->mode;
	path_put(&path);
	if (S_ISDIR(old) ? !S_ISDIR(mode) : fresh || (old & S_IFMT) != (mode & S_IFMT))
		kernel_unlink(name, S_ISDIR(old));
}

/*
 * 1: name is now another name of an earlier entry; 0: it is the first of its inode, or the only
 * one.
 */
static int link_to_earlier(struct unpack *u, const struct cpio_entry *e, const char *name)
{
	struct seen **bucket = &u->links[e->ino % ARRAY_SIZE(u->links)], *seen;
	int error;

	if (e->nlink < 2)
		return 0;
	for (seen = *bucket; seen; seen = seen->next) {
		if (seen->ino != e->ino || seen->major != e->major || seen->minor != e->minor)
			continue;
		clear_way(name, e->mode, true);
		error = kernel_link(seen->name, name);
		return error != 0 ? error : 1;
	}
	return remember(bucket, e, name) ? 0 : -ENOMEM;
}

static int begin_file(struct unpack *u, const struct cpio_entry *e, const char *name)
{
	int linked = link_to_earlier(u, e, name);
	struct file *file;

	if (linked < 0)
		return linked;
	if (!linked)
		clear_way(name, e->mode, true);
	if (linked && e->size == 0)
		return 0;
	file = filp_open(name, O_WRONLY | O_CREAT | (linked ? 0 : O_TRUNC), e->mode & 07777);
	if (IS_ERR(file))
		return PTR_ERR(file);
	u->file = file;
	u->pos = 0;
	return set_attributes(&file->path, e);
}

static int begin_other(struct unpack *u, const struct cpio_entry *e, const char *name,
		       const char *body)
{
	int error;

	if (S_ISDIR(e->mode)) {
		clear_way(name, e->mode, false);
		error = kernel_mknod(name, S_IFDIR | (e->mode & 07777), 0, NULL);
		if (error != 0 && error != -EEXIST)
			return error;
		if (!remember(&u->directories, e, name))
			return -ENOMEM;
		return set_attributes_of(name, e);
	}
	error = S_ISLNK(e->mode) ? 0 : link_to_earlier(u, e, name);
	if (error != 0)
		return MIN(error, 0);
	clear_way(name, e->mode, true);
	error = kernel_mknod(name, body ? S_IFLNK | 0777 : e->mode, MKDEV(e->rmajor, e->rminor),
			     body);
	return error != 0 ? error : set_attributes_of(name, e);
}

static const char *out_of_room(int error)
{
	return error == -ENOMEM ? "out of memory" : error == -ENOSPC ? "no space left" : NULL;
}

/* An entry that cannot be made is skipped, as Linux does; but not for want of memory. */
static const char *begin(void *arg, const struct cpio_entry *e, const char *name, const char *body)
{
	struct unpack *u = arg;
	int error;

	while (*name == '/')
		name++;
	if (!*name)
		return NULL;
	error = S_ISREG(e->mode) ? begin_file(u, e, name) : begin_other(u, e, name, body);
	u->mtime = e->mtime;
	if (error != 0)
		printk(LOG_WARNING, "initramfs: cannot make /%s: error %d\n", name, -error);
	return out_of_room(error);
}

static const char *data(void *arg, const u8 *bytes, size_t n)
{
	struct unpack *u = arg;
	struct iov_iter from;
	ssize_t written;
	size_t adopted;

	if (!u->file)
		return NULL;
	adopted = tmpfs_adopt_pages(u->file, bytes, n, u->pos);
	u->pos += (loff_t)adopted;
	n -= adopted;
	iov_iter_kernel(&from, (void *)(bytes + adopted), n);
	written = vfs_write(u->file, &from, &u->pos);
	return written == (ssize_t)n ? NULL : out_of_room(written < 0 ? written : -ENOSPC);
}

static const char *end(void *arg)
{
	struct unpack *u = arg;

	if (u->file) {
		u->file->inode->mtime = (struct uapi_timespec){.tv_sec = u->mtime};
		fput(u->file);
	}
	u->file = NULL;
	return NULL;
}

static const struct cpio_consumer consumer = {
	.begin = begin,
	.data = data,
	.end = end,
	.trailer = forget_links,
};

static const char *feed(void *arg, const u8 *bytes, size_t n)
{
	struct unpack *u = arg;
	size_t used;

	u->error = cpio_feed(&u->cpio, bytes, n, &used);
	if (!u->error && used < n)
		u->error = "junk after the end of the archive";
	return u->error;
}

static const char *explain(const struct unpack *u, const char *what, size_t offset)
{
	bool in_entry = u->cpio.state != CPIO_GAP && u->cpio.state != CPIO_IN_HEADER;

	snprintf(message_buffer, sizeof(message_buffer), "%s (byte %zu of the initrd%s%.100s%s)",
		 what, offset, in_entry ? ", entry \"" : "", in_entry ? u->cpio.name : "",
		 in_entry ? "\"" : "");
	return message_buffer;
}

/* One archive, at the beginning of bytes. */
static const char *unpack_one(struct unpack *u, const u8 *bytes, size_t n, size_t *used)
{
	const char *message;

	cpio_init(&u->cpio, &consumer, u);
	if (bytes[0] == 0x1f && n > 1 && bytes[1] == 0x8b)
		message = gunzip(&u->inflate, bytes, n, used, feed, u);
	else if (bytes[0] == '0')
		message = cpio_feed(&u->cpio, bytes, n, used);
	else
		message = "neither a cpio archive nor one compressed by gzip";
	if (!message)
		message = cpio_finish(&u->cpio);
	end(u);
	return message;
}

static void set_directory_times(struct unpack *u)
{
	for (struct seen *seen = u->directories; seen; seen = seen->next) {
		struct path path SCOPED(path_put) = {};

		if (kern_path(seen->name, 0, &path) == 0)
			path.dentry->inode->mtime = (struct uapi_timespec){.tv_sec = seen->mtime};
	}
}

const char *initramfs_unpack(const void *archive, size_t size)
{
	struct unpack *u = kzalloc(sizeof(*u));
	const u8 *bytes = archive;
	const char *message = NULL;
	size_t offset = 0;

	if (!u)
		return "out of memory";
	while (!message && offset < size) {
		size_t used = 0;

		if (bytes[offset] == 0) {
			offset++;
			continue;
		}
		message = unpack_one(u, bytes + offset, size - offset, &used);
		offset += used;
	}
	if (message)
		message = explain(u, message, offset);
	set_directory_times(u);
	forget_links(u);
	forget(&u->directories);
	kfree(u);
	return message;
}
