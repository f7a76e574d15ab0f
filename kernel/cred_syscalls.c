/*
 * Credentials: the system calls that read and change them.
 *
 * A change is made on a copy (kernel/cred.c): prepare, alter, commit. Whatever can fail comes
 * before the commit. -1 as an id means "leave it".
 *
 *	real	who started the process		RLIMIT_NPROC and signals count by it
 *	effective	what it may do now
 *	saved	what it may go back to
 *	fs	what files are judged by: follows the effective one
 *
 * Capabilities follow the user ids (capabilities(7)): when the last of real, effective and saved
 * uid stops being 0, permitted, effective and ambient ones go, unless SECBIT_KEEP_CAPS asks to keep
 * the permitted ones; when only the effective uid changes from or to 0, the effective ones go or
 * come back; when only the fs uid does, those that are about files.
 *
 * setuid to a user who is over RLIMIT_NPROC succeeds, as programs do not expect it to fail, and
 * leaves PF_NPROC_EXCEEDED for exec to fail on.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/mm.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/securebits.h>

#define CAP_MASK(cap) (1ull << (cap))
#define CAPS_ABOUT_FILES                                                               \
	(CAP_MASK(CAP_CHOWN) | CAP_MASK(CAP_MKNOD) | CAP_MASK(CAP_DAC_OVERRIDE) |      \
	 CAP_MASK(CAP_DAC_READ_SEARCH) | CAP_MASK(CAP_FOWNER) | CAP_MASK(CAP_FSETID) | \
	 CAP_MASK(CAP_LINUX_IMMUTABLE) | CAP_MASK(CAP_MAC_OVERRIDE))

#define KEEP 0xffffffffu /* as an id: no change */

/*
 * Makes new current's. A process that is no longer what its parent started, or what may look into
 * it, loses what that gave them: the signal at the parent's death, and leave to be traced.
 */
static void commit_ids(struct cred *new)
{
	const struct cred *old = current->cred;

	if (new->euid != old->euid || new->egid != old->egid || new->fsuid != old->fsuid ||
	    new->fsgid != old->fsgid) {
		WRITE_ONCE(current->mm->dumpable, 0);
		current->pdeath_signal = 0;
	}
	commit_creds(new);
}

static bool is_root(const struct cred *cred)
{
	return cred->uid == 0 || cred->euid == 0 || cred->suid == 0;
}

/* What set*uid from old to new does to new's capabilities. */
static void adjust_capabilities(struct cred *new, const struct cred *old)
{
	if (new->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (is_root(old) && !is_root(new)) {
		if (!(new->securebits &SECBIT_KEEP_CAPS))
			new->cap_permitted = new->cap_effective = 0;
		new->cap_ambient = 0;
	}
	if (old->euid == 0 && new->euid != 0)
		new->cap_effective = 0;
	if (old->euid != 0 && new->euid == 0)
		new->cap_effective = new->cap_permitted;
}

/* The same for setfsuid(2). */
static void adjust_file_capabilities(struct cred *new, const struct cred *old)
{
	if (new->securebits & SECBIT_NO_SETUID_FIXUP)
		return;
	if (old->fsuid == 0 && new->fsuid != 0)
		new->cap_effective &= ~CAPS_ABOUT_FILES;
	if (old->fsuid != 0 && new->fsuid == 0)
		new->cap_effective |= new->cap_permitted &CAPS_ABOUT_FILES;
}

static void note_process_limit(const struct user_struct *user)
{
	/* current is not among them yet. */
	if ((unsigned long)atomic_read(&user->processes) > rlimit(RLIMIT_NPROC) && user->uid != 0)
		current->flags |= PF_NPROC_EXCEEDED;
	else
		current->flags &= ~PF_NPROC_EXCEEDED;
}

/* What depends on the user ids of new. EAGAIN: out of memory, as Linux has it. */
static int change_user(struct cred *new)
{
	const struct cred *old = current->cred;
	struct user_struct *user;

	if (new->uid != old->uid) {
		user = get_user_struct(new->uid);
		if (!user)
			return -EAGAIN;
		put_user_struct(new->user);
		new->user = user;
		note_process_limit(user);
	}
	adjust_capabilities(new, old);
	return 0;
}

/* --- The ids of users and of groups: the same rules for both, but no capability depends on groups --- */

static bool may_set_any(enum id_kind kind)
{
	return capable(kind == GROUP_IDS ? CAP_SETGID : CAP_SETUID);
}

/* id is one of the three, or none is asked for: setting it needs no capability. */
static bool has_id(const struct ids *ids, u32 id)
{
	return id == KEEP || id == ids->real || id == ids->effective || id == ids->saved;
}

static u32 chosen(u32 id, u32 old)
{
	return id == KEEP ? old : id;
}

/* Makes ids current's; the fs id is the effective one from now on. */
static int commit_change(enum id_kind kind, struct ids *ids)
{
	struct cred *new = prepare_creds();

	if (!new)
		return -ENOMEM;
	ids->fs = ids->effective;
	new->ids[kind] = *ids;
	if (kind == USER_IDS && change_user(new) != 0) {
		put_cred(new);
		return -EAGAIN;
	}
	commit_ids(new);
	return 0;
}

long get_ids(enum id_kind kind, u32 __user *real, u32 __user *effective, u32 __user *saved)
{
	struct ids ids = current->cred->ids[kind];

	if (put_user(ids.real, real) || put_user(ids.effective, effective) ||
	    put_user(ids.saved, saved))
		return -EFAULT;
	return 0;
}

long set_id(enum id_kind kind, u32 id)
{
	struct ids ids = current->cred->ids[kind];
	bool any = may_set_any(kind);

	if (id == KEEP)
		return -EINVAL;
	if (!any && id != ids.real && id != ids.saved)
		return -EPERM;
	ids.effective = id;
	if (any)
		ids.real = ids.saved = id;
	return commit_change(kind, &ids);
}

long set_re_ids(enum id_kind kind, u32 real, u32 effective)
{
	struct ids old = current->cred->ids[kind], new = old;

	if (real != KEEP && real != old.real && real != old.effective && !may_set_any(kind))
		return -EPERM;
	if (!has_id(&old, effective) && !may_set_any(kind))
		return -EPERM;
	new.real = chosen(real, old.real);
	new.effective = chosen(effective, old.effective);
	if (real != KEEP || (effective != KEEP && effective != old.real))
		new.saved = new.effective;
	return commit_change(kind, &new);
}

long set_res_ids(enum id_kind kind, u32 real, u32 effective, u32 saved)
{
	struct ids old = current->cred->ids[kind];
	struct ids new = {chosen(real, old.real), chosen(effective, old.effective),
			  chosen(saved, old.saved), chosen(effective, old.fs)};

	/* To set them to what they are is nothing. */
	if (memcmp(&new, &old, sizeof(new)) == 0)
		return 0;
	if (!(has_id(&old, real) && has_id(&old, effective) && has_id(&old, saved)) &&
	    !may_set_any(kind))
		return -EPERM;
	return commit_change(kind, &new);
}

long set_fs_id(enum id_kind kind, u32 id)
{
	struct ids ids = current->cred->ids[kind];
	struct cred *new;

	if (id == KEEP || id == ids.fs || (!has_id(&ids, id) && !may_set_any(kind)))
		return ids.fs;
	new = prepare_creds();
	if (!new)
		return ids.fs;
	new->ids[kind].fs = id;
	if (kind == USER_IDS)
		adjust_file_capabilities(new, current->cred);
	commit_ids(new);
	return ids.fs;
}

/* --- Supplementary groups --- */

long sys_getgroups(int size, gid_t __user *list)
{
	const struct group_info *groups = current->cred->groups;
	int n = groups ? groups->n : 0;

	if (size < 0)
		return -EINVAL;
	if (size == 0 || n == 0)
		return n;
	if (n > size)
		return -EINVAL;
	return copy_to_user(list, groups->gid, n * sizeof(gid_t)) ? -EFAULT : n;
}

/* Moves gid[root] down to where the heap below it is one again. */
static void sift_down(gid_t *gid, unsigned int root, unsigned int n)
{
	for (;;) {
		unsigned int child = 2 * root + 1;
		gid_t value = gid[root];

		if (child >= n)
			return;
		if (child + 1 < n && gid[child + 1] > gid[child])
			child++;
		if (gid[child] <= value)
			return;
		gid[root] = gid[child];
		gid[child] = value;
		root = child;
	}
}

/* Heap sort: in place, and no list that a program chooses makes it slow. */
static void sort_groups(struct group_info *groups)
{
	for (unsigned int i = groups->n / 2; i-- > 0;)
		sift_down(groups->gid, i, groups->n);
	for (unsigned int n = groups->n; n-- > 1;) {
		gid_t largest = groups->gid[0];

		groups->gid[0] = groups->gid[n];
		groups->gid[n] = largest;
		sift_down(groups->gid, 0, n);
	}
}

/* EINVAL: -1 is no group. */
static int check_groups(const gid_t *gid, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (gid[i] == KEEP)
			return -EINVAL;
	return 0;
}

static struct group_info *read_groups(const gid_t __user *list, unsigned int n)
{
	struct group_info *groups = kmalloc(sizeof(*groups) + n * sizeof(gid_t));
	size_t left;
	int err;

	if (!groups)
		return ERR_PTR(-ENOMEM);
	atomic_set(&groups->count, 1);
	groups->n = n;
	left = copy_from_user(groups->gid, list, n * sizeof(gid_t));
	err = check_groups(groups->gid, n - DIV_ROUND_UP(left, sizeof(gid_t)));
	if (!err && left)
		err = -EFAULT;
	if (err) {
		kfree(groups);
		return ERR_PTR(err);
	}
	sort_groups(groups);
	return groups;
}

long sys_setgroups(int size, gid_t __user *list)
{
	struct group_info *groups;
	struct cred *new;

	if (!capable(CAP_SETGID))
		return -EPERM;
	if ((unsigned int)size > NGROUPS_MAX)
		return -EINVAL;
	groups = read_groups(list, size);
	if (IS_ERR(groups))
		return PTR_ERR(groups);
	new = prepare_creds();
	if (!new) {
		kfree(groups);
		return -ENOMEM;
	}
	cred_set_groups(new, groups);
	commit_creds(new);
	return 0;
}
