/*
 * The memory map: a persistent balanced tree of mappings.
 *
 * The map is a value. Fork copies it by taking a reference on its root, whatever its size; a node
 * with more than one reference never changes again. Who changes a map copies the nodes on the way
 * from the root to the change, and shares the rest:
 *
 *     parent's:  d --> b --> a     child's, after it unmapped c:  d' --> b' --> a   (the same a)
 *                |     `---> c                                    |
 *                `---> f --> g                                    `---> f          (the same f, g)
 *
 * A change is made to a draft (struct vma_edit), which begins as one more reference on the map in
 * use. That alone makes all of the map immutable, so the draft copies what it touches and the old
 * map stays whole until the commit swaps the two roots; a failed allocation at any point is
 * answered by dropping the draft. Nodes that the draft has made itself have one reference and are
 * changed in place (own). The map that exec builds has nothing to fall back to: when that fails, all
 * of it goes. So its drafts are the map itself (mm->unborn), and nothing is copied. Nor is it put right
 * with each mapping: it is a list in order of address by way of right (mm->vmas_are_list), which find
 * takes for a tree, until it is born or something is taken out of it.
 *
 * The tree is an AVL tree: the heights of a node's two subtrees differ by at most one, so it is at
 * most 1.44 log2(n) high: 23 for the most mappings there may be, which bounds the recursion.
 * Everything is built from two operations:
 *
 *   join(left, middle, right)  one tree of all; costs the difference of the two heights;
 *   split(tree, at)            two trees, of what lies below and above the address; a mapping that
 *                              lies across it is cut.
 *
 * To map something, split at its start and its end, drop the tree in between, and join the outer
 * two with the new mapping between them. To unmap is the same without the new mapping.
 *
 * Each node knows about its whole subtree where it starts and ends, the largest gap between two of
 * its mappings, and which flags occur in it: so a free range, or the mappings that fork must treat
 * specially, are found in one descent.
 *
 * Lock: mm->lock guards mm->vmas; nodes are guarded by being immutable while shared. Linux has a
 * maple tree here, changes it in place and copies all of it at fork.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/vma.h>

int max_map_count = MAX_MAP_COUNT;

static struct kmem_cache *vma_cache;

/* --- Nodes --- */

struct vma *vma_alloc(unsigned long start, unsigned long end, u32 flags, struct file *file,
		      u64 pgoff)
{
	struct vma *vma = kmem_cache_alloc(vma_cache);

	if (!vma)
		return NULL;
	atomic_set(&vma->count, 1);
	vma->flags = flags;
	vma->start = start;
	vma->end = end;
	vma->file = file ? get_file(file) : NULL;
	vma->pgoff = pgoff;
	vma->left = vma->right = NULL; /* what is known about the subtree is update's */
	return vma;
}

struct vma *vma_part(const struct vma *vma, unsigned long start, unsigned long end, u32 flags)
{
	ASSERT(vma->start <= start && start < end && end <= vma->end);
	return vma_alloc(start, end, flags, vma->file, vma_pgoff(vma, start));
}

void vma_get(struct vma *vma)
{
	if (vma)
		atomic_inc(&vma->count);
}

/* Recurses to the left only, at most as deep as the tree is high. */
void vma_put(struct vma *vma)
{
	while (vma && atomic_dec_and_test(&vma->count)) {
		struct vma *right = vma->right;

		vma_put(vma->left);
		fput(vma->file);
		kmem_cache_free(vma_cache, vma);
		vma = right;
	}
}

/* --- The tree: what a node knows about its subtree --- */

static unsigned int height(const struct vma *tree)
{
	return tree ? tree->height : 0;
}

static unsigned long gap_between(unsigned long end, unsigned long start)
{
	return start > end ? start - end : 0;
}

static void update_left(struct vma *node, const struct vma *left)
{
	node->tree_start = left->tree_start;
	node->tree_gap = MAX(left->tree_gap, gap_between(left->tree_end, vma_start_gap(node)));
	node->tree_flags |= left->tree_flags;
	node->height = left->height + 1;
}

static void update_right(struct vma *node, const struct vma *right)
{
	unsigned long gap = MAX(right->tree_gap, gap_between(node->end, right->tree_start));

	node->tree_end = right->tree_end;
	node->tree_gap = MAX(node->tree_gap, gap);
	node->tree_flags |= right->tree_flags;
	node->height = MAX(node->height, right->height + 1);
}

static void update(struct vma *node)
{
	node->tree_start = vma_start_gap(node);
	node->tree_end = node->end;
	node->tree_gap = 0;
	node->tree_flags = node->flags;
	node->height = 1;
	if (node->left)
		update_left(node, node->left);
	if (node->right)
		update_right(node, node->right);
}

/* --- The tree: drafts --- */

/*
 * Makes *link, in a node that is the draft's own, such a node too: shared ones are replaced by a
 * copy. False: out of memory, *link is as it was.
 */
static bool own(struct vma_edit *edit, struct vma **link)
{
	struct vma *old = *link, *copy;

	if (atomic_read(&old->count) == 1)
		return true;
	copy = kmem_cache_alloc(vma_cache);
	if (!copy) {
		edit->failed = true;
		return false;
	}
	*copy = *old;
	atomic_set(&copy->count, 1);
	vma_get(copy->left);
	vma_get(copy->right);
	if (copy->file)
		get_file(copy->file);
	*link = copy;
	vma_put(old);
	return true;
}

static struct vma *rotate_right(struct vma *node)
{
	struct vma *top = node->left;

	node->left = top->right;
	update(node);
	top->right = node;
	update(top);
	return top;
}

static struct vma *rotate_left(struct vma *node)
{
	struct vma *top = node->right;

	node->right = top->left;
	update(node);
	top->left = node;
	update(top);
	return top;
}

/* Puts node right after one of its subtrees became one higher or lower. Out of memory leaves it
 * unbalanced. */
static struct vma *balance(struct vma_edit *edit, struct vma *node)
{
	update(node);
	if (height(node->left) > height(node->right) + 1 && own(edit, &node->left)) {
		struct vma *left = node->left;

		if (height(left->left) < height(left->right) && own(edit, &left->right))
			node->left = rotate_left(left);
		return rotate_right(node);
	}
	if (height(node->right) > height(node->left) + 1 && own(edit, &node->right)) {
		struct vma *right = node->right;

		if (height(right->right) < height(right->left) && own(edit, &right->left))
			node->right = rotate_right(right);
		return rotate_left(node);
	}
	return node;
}

/* One tree of left, middle (one node, the draft's own) and right, which are in this order and
 * consumed. */
static struct vma *join(struct vma_edit *edit, struct vma *left, struct vma *middle,
			struct vma *right)
{
	if (height(left) > height(right) + 1 && own(edit, &left)) {
		left->right = join(edit, left->right, middle, right);
		return balance(edit, left);
	}
	if (height(right) > height(left) + 1 && own(edit, &right)) {
		right->left = join(edit, left, middle, right->left);
		return balance(edit, right);
	}
	middle->left = left;
	middle->right = right;
	update(middle);
	return middle;
}

/* --- The tree: of a map that exec builds --- */

/* Can one mapping stand for what left shows below at and right shows from there on? */
static bool alike(const struct vma *left, const struct vma *right, unsigned long at)
{
	return left->flags == right->flags && left->file == right->file &&
	       vma_pgoff(left, at) == vma_pgoff(right, at) && !(left->flags & VM_DONTEXPAND);
}

/* Puts vma in its place in *link. False: it is not beside other mappings only, unlike them. */
static bool insert_in_list(struct vma **link, struct vma *vma)
{
	const struct vma *below = NULL, *above;

	for (; *link && (*link)->end <= vma->start; link = &(*link)->right)
		below = *link;
	above = *link;
	if (below && below->end == vma->start && alike(below, vma, vma->start))
		return false;
	if (above && above->start <= vma->end &&
	    (above->start < vma->end || alike(vma, above, vma->end)))
		return false;
	vma->right = *link;
	*link = vma;
	return true;
}

/* The first n of *list, at least one; *list is then what follows them. */
static struct vma *build(struct vma **list, unsigned int n)
{
	struct vma *left = n > 1 ? build(list, n / 2) : NULL, *node = *list;

	*list = node->right;
	node->left = left;
	node->right = n > 2 ? build(list, (n - 1) / 2) : NULL;
	update(node);
	return node;
}

void vma_make_tree(struct mm_struct *mm)
{
	struct vma *list = mm->vmas;
	unsigned int n = 0;

	if (!mm->vmas_are_list)
		return;
	for (const struct vma *vma = list; vma; vma = vma->right)
		n++;
	mm->vmas = n ? build(&list, n) : NULL;
	mm->vmas_are_list = false;
}

/* --- The tree: what is taken away --- */

/* Takes the last node out of *link. NULL: out of memory. */
static struct vma *take_last(struct vma_edit *edit, struct vma **link)
{
	struct vma *node, *last;

	if (!own(edit, link))
		return NULL;
	node = *link;
	if (!node->right) {
		*link = node->left;
		node->left = NULL;
		return node;
	}
	last = take_last(edit, &node->right);
	*link = balance(edit, node);
	return last;
}

/* The same without a middle. */
static struct vma *join_two(struct vma_edit *edit, struct vma *left, struct vma *right)
{
	struct vma *last;

	if (!left || !right)
		return left ? left : right;
	last = take_last(edit, &left);
	if (last)
		return join(edit, left, last, right);
	vma_put(left);
	return right;
}

/* Cuts node in two: it keeps what is below at, the result is the rest. NULL: out of memory. */
static struct vma *cut(struct vma_edit *edit, struct vma *node, unsigned long at)
{
	struct vma *rest = vma_part(node, at, node->end, node->flags);

	if (!rest) {
		edit->failed = true;
		return NULL;
	}
	node->end = at;
	edit->growth.count++;
	return rest;
}

/* Consumes tree, of which nothing is copied that lies on one side as a whole. Out of memory loses
 * mappings. */
static void split(struct vma_edit *edit, struct vma *tree, unsigned long at, struct vma **below,
		  struct vma **above)
{
	struct vma *left, *right, *rest;

	*below = *above = NULL;
	if (!tree)
		return;
	if (at <= tree->tree_start) {
		*above = tree;
		return;
	}
	if (at >= tree->tree_end) {
		*below = tree;
		return;
	}
	if (!own(edit, &tree)) {
		vma_put(tree);
		return;
	}
	left = tree->left;
	right = tree->right;
	if (at <= tree->start) {
		split(edit, left, at, below, &left);
		*above = join(edit, left, tree, right);
	} else if (at >= tree->end) {
		split(edit, right, at, &right, above);
		*below = join(edit, left, tree, right);
	} else {
		rest = cut(edit, tree, at);
		*below = join(edit, left, tree, NULL);
		*above = rest ? join(edit, NULL, rest, right) : right;
	}
}

/* --- Looking things up --- */

static struct vma *find(struct vma *tree, unsigned long address)
{
	struct vma *found = NULL;

	while (tree) {
		if (tree->end > address) {
			found = tree;
			if (tree->start <= address)
				break;
			tree = tree->left;
		} else {
			tree = tree->right;
		}
	}
	return found;
}

struct vma *vma_find(struct mm_struct *mm, unsigned long address)
{
	return find(mm->vmas, address);
}

struct vma *vma_lookup(struct mm_struct *mm, unsigned long address)
{
	struct vma *vma = find(mm->vmas, address);

	return vma && vma->start <= address ? vma : NULL;
}

struct vma *vma_below(struct mm_struct *mm, unsigned long address)
{
	struct vma *tree = mm->vmas, *found = NULL;

	while (tree) {
		if (tree->end <= address) {
			found = tree;
			tree = tree->right;
		} else {
			tree = tree->left;
		}
	}
	return found;
}

static struct vma *find_flags(struct vma *tree, unsigned long address, u32 flags)
{
	struct vma *found;

	while (tree && (tree->tree_flags & flags) && tree->tree_end > address) {
		found = find_flags(tree->left, address, flags);
		if (found)
			return found;
		if ((tree->flags & flags) && tree->end > address)
			return tree;
		tree = tree->right;
	}
	return NULL;
}

struct vma *vma_find_flags(struct mm_struct *mm, unsigned long address, u32 flags)
{
	return find_flags(mm->vmas, address, flags);
}

static int for_each(const struct vma *tree, int (*visit)(const struct vma *vma, void *arg),
		    void *arg)
{
	int result = 0;

	for (; tree && !result; tree = tree->right) {
		result = for_each(tree->left, visit, arg);
		if (!result)
			result = visit(tree, arg);
	}
	return result;
}

int vma_for_each(struct mm_struct *mm, int (*visit)(const struct vma *vma, void *arg), void *arg)
{
	return for_each(mm->vmas, visit, arg);
}

static bool fits(unsigned long low, unsigned long high, unsigned long length)
{
	return high > low && high - low >= length;
}

/* What is looked for: length bytes that are free, in [low, high). */
struct range_search {
	unsigned long low, high, length;
};

static bool may_have_room(const struct vma *tree, const struct range_search *search)
{
	return tree->tree_gap >= search->length && tree->tree_end > search->low &&
	       tree->tree_start < search->high;
}

/* The highest such place between or next to tree's mappings; [low, high) is the free range before
 * and after them. 0: none. */
static unsigned long free_range(const struct vma *tree, unsigned long low, unsigned long high,
				const struct range_search *search)
{
	unsigned long found;

	for (; tree; tree = tree->left) {
		if (!may_have_room(tree, search) && !fits(low, tree->tree_start, search->length) &&
		    !fits(tree->tree_end, high, search->length))
			return 0;
		found = free_range(tree->right, MAX(low, tree->end), high, search);
		if (found)
			return found;
		high = MIN(search->high, vma_start_gap(tree));
	}
	return fits(low, high, search->length) ? high - search->length : 0;
}

static unsigned long free_range_in_list(const struct vma *list, const struct range_search *search)
{
	unsigned long low = search->low, high, found = 0;

	for (; list; list = list->right) {
		high = MIN(search->high, vma_start_gap(list));
		if (fits(low, high, search->length))
			found = high - search->length;
		low = MAX(low, list->end);
	}
	return fits(low, search->high, search->length) ? search->high - search->length : found;
}

unsigned long vma_free_range(struct mm_struct *mm, unsigned long low, unsigned long high,
			     unsigned long length)
{
	const struct range_search search = {.low = low, .high = high, .length = length};

	if (mm->vmas_are_list)
		return free_range_in_list(mm->vmas, &search);
	return free_range(mm->vmas, low, high, &search);
}

/* --- Edits --- */

static void account(struct map_size *size, const struct vma *vma, long sign)
{
	long pages = sign * (long)vma_pages(vma);

	size->count += sign;
	size->total_pages += pages;
	if (vma_flags_data(vma->flags))
		size->data_pages += pages;
	if (vma->flags & VM_GROWSDOWN)
		size->stack_pages += pages;
	if (vma->flags & VM_LOCKED)
		size->locked_pages += pages;
	if (vma->flags & VM_ACCOUNT)
		size->committed_pages += pages;
}

static void account_tree(struct vma_edit *edit, const struct vma *tree, long sign)
{
	for (; tree; tree = tree->right) {
		account(&edit->growth, tree, sign);
		account_tree(edit, tree->left, sign);
	}
}

/* Takes [start, end) out of the draft: what is left is two trees. */
static void carve(struct vma_edit *edit, unsigned long start, unsigned long end, struct vma **below,
		  struct vma **above)
{
	struct vma *rest, *between;

	if (edit->mm->vmas_are_list) {
		vma_make_tree(edit->mm);
		edit->tree = edit->mm->vmas;
	}
	split(edit, edit->tree, start, below, &rest);
	split(edit, rest, end, &between, above);
	account_tree(edit, between, -1);
	vma_put(between);
	edit->tree = NULL;
}

void vma_edit_begin(struct vma_edit *edit, struct mm_struct *mm)
{
	/* Exec may reach one more, as mmap may. */
	*edit = (struct vma_edit){
		.mm = mm, .tree = mm->vmas, .limit = READ_ONCE(max_map_count) + mm->unborn};
	if (!mm->unborn)
		vma_get(edit->tree);
}

/* The draft has changed. One of an unborn mm is the map itself. */
static void set_tree(struct vma_edit *edit, struct vma *tree)
{
	edit->tree = tree;
	if (edit->mm->unborn)
		edit->mm->vmas = tree;
}

/* Extends vma over those next to it that it can stand for. */
static void merge(const struct vma_edit *edit, struct vma *vma)
{
	const struct vma *below = find(edit->tree, vma->start - 1);
	const struct vma *above = find(edit->tree, vma->end);

	if (below && below->start < vma->start && alike(below, vma, vma->start)) {
		vma->start = below->start;
		vma->pgoff = below->pgoff;
	}
	if (above && above->start <= vma->end && alike(vma, above, vma->end))
		vma->end = above->end;
}

void vma_edit_map(struct vma_edit *edit, struct vma *vma)
{
	struct vma *below, *above;

	if (!vma) {
		edit->failed = true;
		return;
	}
	merge(edit, vma);
	account(&edit->growth, vma, 1);
	carve(edit, vma->start, vma->end, &below, &above);
	set_tree(edit, join(edit, below, vma, above));
}

void vma_edit_unmap(struct vma_edit *edit, unsigned long start, unsigned long end)
{
	struct vma *below, *above;

	carve(edit, start, end, &below, &above);
	set_tree(edit, join_two(edit, below, above));
}

static void note_peak(struct mm_struct *mm)
{
	mm->peak_pages = MAX(mm->peak_pages, mm->map.total_pages);
}

int vma_edit_check(const struct vma_edit *edit)
{
	const long more = edit->growth.count;
	bool too_many = more > 0 && edit->mm->map.count + more > edit->limit;

	return edit->failed || too_many ? -ENOMEM : 0;
}

int vma_edit_commit(struct vma_edit *edit)
{
	struct mm_struct *mm = edit->mm;
	struct vma *old = mm->vmas;
	int error = vma_edit_check(edit);

	if (error)
		return error;

	/* Commit: nothing below may fail. */
	mm->vmas = edit->tree;
	edit->tree = old;
	mm->map.count += edit->growth.count;
	mm->map.total_pages += edit->growth.total_pages;
	mm->map.data_pages += edit->growth.data_pages;
	mm->map.stack_pages += edit->growth.stack_pages;
	mm->map.locked_pages += edit->growth.locked_pages;
	mm->map.committed_pages += edit->growth.committed_pages;
	note_peak(mm);
	return 0;
}

void vma_edit_end(struct vma_edit *edit)
{
	if (edit->tree && !edit->mm->unborn)
		vma_put(edit->tree);
	edit->tree = NULL;
}

static __noinline int map_by_draft(struct mm_struct *mm, struct vma *vma)
{
	struct vma_edit edit;
	int error;

	vma_edit_begin(&edit, mm);
	vma_edit_map(&edit, vma);
	error = vma_edit_commit(&edit);
	vma_edit_end(&edit);
	return error;
}

int vma_map(struct mm_struct *mm, struct vma *vma)
{
	if (!mm->vmas_are_list || !vma || mm->map.count > READ_ONCE(max_map_count) ||
	    !insert_in_list(&mm->vmas, vma))
		return map_by_draft(mm, vma);
	account(&mm->map, vma, 1);
	note_peak(mm);
	return 0;
}

int vma_change_flags(struct mm_struct *mm, const struct vma *vma, unsigned long start,
		     unsigned long end, u32 flags)
{
	if (flags == vma->flags)
		return 0;
	return vma_map(mm, vma_part(vma, start, end, flags)); /* which holds every file */
}

void vma_init(void)
{
	vma_cache = kmem_cache_create("vma", sizeof(struct vma), 0);
}
