/*
 * The tree of names.
 *
 * For file systems in memory the dentries are the directory: there is nothing behind them to look a
 * name up in. A dentry in the tree is in one hash table (by parent and name) and in its parent's
 * list of children, in the order in which names were made, each with an offset that is never used
 * again: so readdir can go on where it stopped whatever happened meanwhile. The tree holds a
 * reference on each of its dentries, and each dentry on its parent.
 *
 * Dentries made on the fly (/proc) are in no tree: each walk makes its own, and it goes when the
 * walk or the open file does.
 *
 * The dcache lock guards hash chains, lists and parents. The names and children of a directory
 * change only with its inode locked as well, so who has that may read them without the spinlock.
 */
#include <tine/arch.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/page.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/spinlock.h>
#include <tine/string.h>

static struct kmem_cache *dentry_cache;
static struct spinlock dcache_lock = SPINLOCK_INIT(LOCK_CLASS_DCACHE);
static struct dentry **hash_table;
static unsigned int hash_mask;

/*
 * One bucket for every 16 pages of memory, but at least a page of buckets and at most the largest
 * block.
 */
void dcache_init(void)
{
	unsigned int order = 0;

	while (order < MAX_ORDER && (512ull << order) < total_page_count() / 16)
		order++;
	hash_table = page_address(alloc_pages(order));
	memset(hash_table, 0, PAGE_SIZE << order);
	hash_mask = (512u << order) - 1;
	dentry_cache = kmem_cache_create("dentry", sizeof(struct dentry), 0);
}

static u32 hash_name(const struct dentry *parent, const char *name, unsigned int len)
{
	u64 hash = (unsigned long)parent >> 6;

	for (unsigned int i = 0; i < len; i++)
		hash = (hash ^ (u8)name[i]) * 0x100000001b3ull;
	return hash ^ (hash >> 32);
}

static void free_name(struct dentry *dentry)
{
	if (dentry->name != dentry->inline_name)
		kfree(dentry->name);
}

static bool set_first_name(struct dentry *dentry, const char *name, unsigned int len)
{
	dentry->name = dentry->inline_name;
	if (len >= sizeof(dentry->inline_name) && !(dentry->name = kmalloc(len + 1)))
		return false;
	memcpy(dentry->name, name, len);
	dentry->name[len] = '\0';
	dentry->name_len = len;
	return true;
}

struct dentry *dentry_alloc(struct super_block *sb, struct dentry *parent, const char *name,
			    unsigned int len, struct inode *inode)
{
	struct dentry *dentry = kmem_cache_zalloc(dentry_cache);

	if (!dentry || !set_first_name(dentry, name, len)) {
		kmem_cache_free(dentry_cache, dentry);
		iput(inode);
		return NULL;
	}
	atomic_set(&dentry->count, 1);
	list_init(&dentry->child);
	list_init(&dentry->children);
	dentry->next_offset = 2; /* after . and .. */
	dentry->sb = sb;
	dentry->inode = inode;
	dentry->parent = parent ? dget(parent) : dentry;
	return dentry;
}

void dput(struct dentry *dentry)
{
	while (dentry && atomic_dec_and_test(&dentry->count)) {
		struct dentry *parent = dentry->parent;

		ASSERT(!(dentry->flags & DENTRY_TREE));
		iput(dentry->inode);
		free_name(dentry);
		kmem_cache_free(dentry_cache, dentry);
		dentry = parent != dentry ? parent : NULL;
	}
}

static void hash_insert(struct dentry *dentry)
{
	struct dentry **bucket;

	dentry->hash = hash_name(dentry->parent, dentry->name, dentry->name_len);
	bucket = &hash_table[dentry->hash & hash_mask];
	dentry->hash_next = *bucket;
	dentry->hash_prev = bucket;
	if (*bucket)
		(*bucket)->hash_prev = &dentry->hash_next;
	*bucket = dentry;
}

static void hash_remove(struct dentry *dentry)
{
	*dentry->hash_prev = dentry->hash_next;
	if (dentry->hash_next)
		dentry->hash_next->hash_prev = dentry->hash_prev;
}

static void tree_insert(struct dentry *dentry)
{
	hash_insert(dentry);
	dentry->offset = dentry->parent->next_offset++;
	list_add_tail(&dentry->child, &dentry->parent->children);
}

void dentry_attach(struct dentry *dentry)
{
	dget(dentry);
	spin_lock(&dcache_lock);
	tree_insert(dentry);
	dentry->flags |= DENTRY_TREE;
	spin_unlock(&dcache_lock);
}

void dentry_detach(struct dentry *dentry)
{
	spin_lock(&dcache_lock);
	hash_remove(dentry);
	list_del(&dentry->child);
	dentry->flags = (dentry->flags & ~DENTRY_TREE) | DENTRY_GONE;
	spin_unlock(&dcache_lock);
	dput(dentry);
}

struct dentry *dentry_lookup(struct dentry *parent, const char *name, unsigned int len)
{
	u32 hash = hash_name(parent, name, len);
	struct dentry *dentry;

	spin_lock(&dcache_lock);
	for (dentry = hash_table[hash & hash_mask]; dentry; dentry = dentry->hash_next)
		if (dentry->hash == hash && dentry->parent == parent && dentry->name_len == len &&
		    memcmp(dentry->name, name, len) == 0)
			break;
	if (dentry)
		dget(dentry);
	spin_unlock(&dcache_lock);
	return dentry;
}

struct dentry *dget_parent(struct dentry *dentry)
{
	struct dentry *parent;

	parent = SPIN_LOCKED(&dcache_lock, dget(dentry->parent));
	return parent;
}

bool is_subdir(struct dentry *child, const struct dentry *ancestor)
{
	bool found;

	spin_lock(&dcache_lock);
	while (child != ancestor && child->parent != child)
		child = child->parent;
	found = child == ancestor;
	spin_unlock(&dcache_lock);
	return found;
}

char *dentry_prepare_name(const char *name, unsigned int len)
{
	char *copy = kmalloc(len + 1);

	if (copy) {
		memcpy(copy, name, len);
		copy[len] = '\0';
	}
	return copy;
}

/* Renames in place; the name that is no longer used is returned, to be freed without the lock. */
static char *rename_in_tree(struct dentry *dentry, struct dentry *parent, char *name)
{
	char *old = dentry->name == dentry->inline_name ? NULL : dentry->name;

	hash_remove(dentry);
	list_del(&dentry->child);
	dentry->name = name;
	dentry->name_len = strlen(name);
	dentry->parent = parent;
	tree_insert(dentry);
	return old;
}

void dentry_move(struct dentry *dentry, struct dentry *parent, char *name)
{
	struct dentry *old_parent = dentry->parent;
	char *old_name;

	dget(parent);
	old_name = SPIN_LOCKED(&dcache_lock, rename_in_tree(dentry, parent, name));
	kfree(old_name);
	dput(old_parent);
}

void dentry_exchange(struct dentry *a, struct dentry *b, char *name_for_a, char *name_for_b)
{
	struct dentry *parent_of_a = a->parent, *parent_of_b = b->parent;
	char *old_a, *old_b;

	/* Each parent loses one child and gains one: their counts stay. */
	spin_lock(&dcache_lock);
	old_a = rename_in_tree(a, parent_of_b, name_for_a);
	old_b = rename_in_tree(b, parent_of_a, name_for_b);
	spin_unlock(&dcache_lock);
	kfree(old_a);
	kfree(old_b);
}

/* Without recursion: always the leaf that the first children lead to. */
void dentry_drop_tree(struct dentry *root)
{
	struct dentry *at = root;

	for (;;) {
		struct dentry *parent = at->parent;

		if (!list_empty(&at->children)) {
			at = list_first_entry(&at->children, struct dentry, child);
			continue;
		}
		if (at == root)
			break;
		dentry_detach(at);
		at = parent;
	}
	dput(root);
}

struct dentry *dentry_child_from(struct dentry *dir, u64 from)
{
	struct dentry *child;

	list_for_each_entry(child, &dir->children, child)
		if (child->offset >= from)
			return child;
	return NULL;
}

/* Writes text so that it ends at end; NULL if it would begin before buf. */
static char *prepend(char *buf, char *end, const char *text, size_t len)
{
	if (!end || (size_t)(end - buf) < len)
		return NULL;
	memcpy(end - len, text, len);
	return end - len;
}

static char *name_locked(const struct path *path, const struct path *root, char *buf, char *end,
			 bool *outside)
{
	const struct dentry *dentry = path->dentry;
	const struct vfsmount *mnt = path->mnt;
	char *at = end;

	while (mnt != root->mnt || dentry != root->dentry) {
		if (dentry->parent == dentry && dentry != mnt->root) {
			/* It never had a place in a tree: its name is all there is. */
			*outside = true;
			return prepend(buf, at, dentry->name, dentry->name_len);
		}
		if (dentry == mnt->root) {
			if (!mnt->parent) {
				*outside = true;
				break;
			}
			dentry = mnt->mountpoint;
			mnt = mnt->parent;
			continue;
		}
		at = prepend(buf, at, dentry->name, dentry->name_len);
		at = prepend(buf, at, "/", 1);
		dentry = dentry->parent;
	}
	return at == end ? prepend(buf, at, "/", 1) : at;
}

char *path_name(const struct path *path, const struct path *root, char *buf, size_t size,
		bool *outside)
{
	static const char deleted[] = " (deleted)";
	char *end = buf + size - 1;

	*end = '\0';
	*outside = false;
	if (path->dentry->flags & DENTRY_GONE)
		end = prepend(buf, end, deleted, sizeof(deleted) - 1);
	if (!end)
		return ERR_PTR(-ENAMETOOLONG);
	spin_lock(&mount_lock);
	end = SPIN_LOCKED(&dcache_lock, name_locked(path, root, buf, end, outside));
	spin_unlock(&mount_lock);
	return end ? end : ERR_PTR(-ENAMETOOLONG);
}
