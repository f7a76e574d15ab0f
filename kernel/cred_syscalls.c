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

long sys_getresuid(uid_t __user *real, uid_t __user *effective, uid_t __user *saved)
{
	const struct cred *cred = current->cred;

	if (put_user(cred->uid, real) || put_user(cred->euid, effective) ||
	    put_user(cred->suid, saved))
		return -EFAULT;
	return 0;
}

long sys_getresgid(gid_t __user *real, gid_t __user *effective, gid_t __user *saved)
{
	const struct cred *cred = current->cred;

	if (put_user(cred->gid, real) || put_user(cred->egid, effective) ||
	    put_user(cred->sgid, saved))
		return -EFAULT;
	return 0;
}

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

/* For setres*id: to set an id to what it is, or leave it, is nothing. */
static bool keeps(u32 id, u32 old)
{
	return id == KEEP || id == old;
}

/* User ids. */

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

/* Finishes a change of user ids and commits it. EAGAIN: out of memory, as Linux has it. */
static int commit_user_change(struct cred *new)
{
	const struct cred *old = current->cred;
	struct user_struct *user;

	if (new->uid != old->uid) {
		user = get_user_struct(new->uid);
		if (!user) {
			put_cred(new);
			return -EAGAIN;
		}
		put_user_struct(new->user);
		new->user = user;
		note_process_limit(user);
	}
	new->fsuid = new->euid;
	adjust_capabilities(new, old);
	commit_ids(new);
	return 0;
}

long sys_setuid(uid_t uid)
{
	const struct cred *old = current->cred;
	bool capable_setuid = capable(CAP_SETUID);
	struct cred *new;

	if (uid == KEEP)
		return -EINVAL;
	if (!capable_setuid && uid != old->uid && uid != old->suid)
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	new->euid = uid;
	if (capable_setuid)
		new->uid = new->suid = uid;
	return commit_user_change(new);
}

long sys_setreuid(uid_t real, uid_t effective)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (real != KEEP && real != old->uid && real != old->euid && !capable(CAP_SETUID))
		return -EPERM;
	if (effective != KEEP && effective != old->uid && effective != old->euid &&
	    effective != old->suid && !capable(CAP_SETUID))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (real != KEEP)
		new->uid = real;
	if (effective != KEEP)
		new->euid = effective;
	if (real != KEEP || (effective != KEEP && effective != old->uid))
		new->suid = new->euid;
	return commit_user_change(new);
}

/* Without CAP_SETUID only the three ids that one has may be set. */
static bool may_become(uid_t uid)
{
	const struct cred *cred = current->cred;

	return uid == KEEP || uid == cred->uid || uid == cred->euid || uid == cred->suid;
}

long sys_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (keeps(real, old->uid) && keeps(effective, old->euid) && keeps(saved, old->suid) &&
	    keeps(effective, old->fsuid))
		return 0;
	if ((!may_become(real) || !may_become(effective) || !may_become(saved)) &&
	    !capable(CAP_SETUID))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (real != KEEP)
		new->uid = real;
	if (effective != KEEP)
		new->euid = effective;
	if (saved != KEEP)
		new->suid = saved;
	return commit_user_change(new);
}

/* Returns the old one, whether it changed or not. */
long sys_setfsuid(uid_t uid)
{
	const struct cred *old = current->cred;
	uid_t before = old->fsuid;
	struct cred *new;

	if (uid == KEEP || uid == before || (!may_become(uid) && !capable(CAP_SETUID)))
		return before;
	new = prepare_creds();
	if (!new)
		return before;
	new->fsuid = uid;
	adjust_file_capabilities(new, old);
	commit_ids(new);
	return before;
}

/* Group ids: the same rules, and no capability depends on them. */

static bool may_join(gid_t gid)
{
	const struct cred *cred = current->cred;

	return gid == KEEP || gid == cred->gid || gid == cred->egid || gid == cred->sgid;
}

static int commit_group_change(struct cred *new)
{
	new->fsgid = new->egid;
	commit_ids(new);
	return 0;
}

long sys_setgid(gid_t gid)
{
	const struct cred *old = current->cred;
	bool capable_setgid = capable(CAP_SETGID);
	struct cred *new;

	if (gid == KEEP)
		return -EINVAL;
	if (!capable_setgid && gid != old->gid && gid != old->sgid)
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	new->egid = gid;
	if (capable_setgid)
		new->gid = new->sgid = gid;
	return commit_group_change(new);
}

long sys_setregid(gid_t real, gid_t effective)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (real != KEEP && real != old->gid && real != old->egid && !capable(CAP_SETGID))
		return -EPERM;
	if (!may_join(effective) && !capable(CAP_SETGID))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (real != KEEP)
		new->gid = real;
	if (effective != KEEP)
		new->egid = effective;
	if (real != KEEP || (effective != KEEP && effective != old->gid))
		new->sgid = new->egid;
	return commit_group_change(new);
}

long sys_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	const struct cred *old = current->cred;
	struct cred *new;

	if (keeps(real, old->gid) && keeps(effective, old->egid) && keeps(saved, old->sgid) &&
	    keeps(effective, old->fsgid))
		return 0;
	if ((!may_join(real) || !may_join(effective) || !may_join(saved)) && !capable(CAP_SETGID))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	if (real != KEEP)
		new->gid = real;
	if (effective != KEEP)
		new->egid = effective;
	if (saved != KEEP)
		new->sgid = saved;
	return commit_group_change(new);
}

long sys_setfsgid(gid_t gid)
{
	gid_t before = current->cred->fsgid;
	struct cred *new;

	if (gid == KEEP || gid == before || (!may_join(gid) && !capable(CAP_SETGID)))
		return before;
	new = prepare_creds();
	if (!new)
		return before;
	new->fsgid = gid;
	commit_ids(new);
	return before;
}

/* Supplementary groups. */

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
