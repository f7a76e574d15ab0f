/*
 * What exec does to credentials (capabilities(7), "Transformation of capabilities during
 * execve()").
 *
 * What changes them is: a set-user-id or set-group-id file; a file with capabilities of its own
 * (its attribute security.capability); user 0, for whom every file counts as having all; and, for
 * everybody else, that only ambient capabilities are kept.
 *
 * The rules are worked out on a copy on the stack. Nearly always the outcome is what was there
 * before, and then the credentials stay, shared with whoever shares them.
 */
#include <tine/binprm.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/mount.h>
#include <tine/task.h>
#include <tine/xattr.h>
#include <uapi/securebits.h>
#include <uapi/stat.h>
#include <uapi/xattr.h>

/* The memory of a privileged program is not laid out to a caller's odd wish. */
#define SECURE_STACK_LIMIT (8ul << 20)

/* The ids that the file's mode asks for; not with no_new_privs. Does it ask for any? */
static bool apply_file_ids(struct cred *new, const struct file *file)
{
	bool user, group;
	uid_t uid;
	gid_t gid;
	mode_t mode;

	file_owner_mode(file, &uid, &gid, &mode);
	user = mode & S_ISUID;
	/* Without group execute the bit once meant mandatory locking. */
	group = (mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);
	if (current->no_new_privs)
		return false;
	if (user)
		new->euid = uid;
	if (group)
		new->egid = gid;
	return user || group;
}

/* What a file's own capabilities do: has: there are some; effective: they begin as effective. */
struct file_caps {
	bool has, effective;
};

/*
 * Reads them, and gives new the permitted ones that come of them. EPERM: the bounding set lacks
 * some, and the program, since it knows nothing of capabilities, would not notice.
 */
static int apply_file_caps(struct cred *new, const struct file *file, struct file_caps *caps)
{
	struct vfs_cap_data data = {0};
	u64 permitted, inheritable;
	ssize_t size = -ENODATA;

	new->cap_permitted = 0;
	if (!(file->path.mnt->flags & MNT_NOSUID))
		size = xattr_get(file->inode, XATTR_NAME_CAPS, &data, sizeof(data));
	/* What is stored is well-formed. Those for another user namespace's root say nothing here. */
	if (size < 0 || data.root_id != 0)
		return 0;
	permitted = (data.data[0].permitted | (u64)data.data[1].permitted << 32) & CAP_FULL_SET;
	inheritable = data.data[0].inheritable | (u64)data.data[1].inheritable << 32;
	caps->has = true;
	caps->effective = data.magic & VFS_CAP_FLAGS_EFFECTIVE;
	new->cap_permitted = (new->cap_bounding &permitted) | (new->cap_inheritable &inheritable);
	return caps->effective && (permitted & ~new->cap_permitted) ? -EPERM : 0;
}

/* A file without capabilities of its own has all for user 0, and so has one with, unless the bits
 * alone make its user 0. */
static void apply_root(struct cred *new, const struct cred *old, struct file_caps *caps)
{
	bool effective = new->euid == 0, real = new->uid == 0;

	if ((new->securebits &SECBIT_NOROOT) || (caps->has && effective && !real))
		return;
	if (effective || real)
		new->cap_permitted = old->cap_bounding | old->cap_inheritable;
	caps->effective |= effective;
}

/*
 * Takes back what the program would gain, where the caller may not hand it on, or where somebody
 * outside the process shares its root and working directory, and could move them under it.
 */
static void limit_gain(struct binprm *b, struct cred *new, const struct cred *old)
{
	b->alone = !current->no_new_privs && fs_exec_begin();
	if (b->alone)
		return;
	if (current->no_new_privs || !capable(CAP_SETUID)) {
		new->euid = new->uid;
		new->egid = new->gid;
	}
	new->cap_permitted &= old->cap_permitted;
}

/*
 * Applies the rules to new, a copy of old: b->secure, b->clears_personality. Whether the program has
 * "other ids" is asked of the effective ones as against its caller's real ones, so that it also is
 * so if the caller had them already.
 */
static int apply_rules(struct binprm *b, struct cred *new, const struct cred *old)
{
	struct file_caps caps = {0};
	bool new_ids, gains;
	int error;

	b->clears_personality = apply_file_ids(new, b->file);
	error = apply_file_caps(new, b->file, &caps);
	if (error)
		return error;
	apply_root(new, old, &caps);
	new_ids = new->euid != old->uid || new->egid != old->gid;
	gains = new->cap_permitted & ~old->cap_permitted;
	b->clears_personality |= gains;
	if (new_ids || gains)
		limit_gain(b, new, old);
	new->suid = new->fsuid = new->euid;
	new->sgid = new->fsgid = new->egid;
	if (new_ids || caps.has)
		new->cap_ambient = 0;
	new->cap_permitted |= new->cap_ambient;
	new->cap_effective = caps.effective ? new->cap_permitted : new->cap_ambient;
	new->securebits &= ~SECBIT_KEEP_CAPS;
	b->secure = new_ids ||
		    (new->uid != 0 && (caps.effective || (new->cap_permitted & ~new->cap_ambient)));
	return 0;
}

static bool is_other_identity(const struct cred *new, const struct cred *old)
{
	return new->euid != old->euid || new->egid != old->egid || new->fsuid != old->fsuid ||
	       new->fsgid != old->fsgid || (new->cap_permitted & ~old->cap_permitted);
}

/* Do the rules leave everything as it is? */
static bool is_unchanged(const struct cred *new, const struct cred *old)
{
	return !is_other_identity(new, old) &&
	       new->suid == old->suid &&new->sgid == old->sgid &&new->cap_permitted ==
		       old->cap_permitted &&new->cap_effective ==
		       old->cap_effective &&new->cap_ambient ==
		       old->cap_ambient &&new->securebits == old->securebits;
}

void exec_note_readable(struct binprm *b, const struct file *file)
{
	if (inode_permission(current->cred, file->inode, MAY_READ))
		b->unreadable = true;
}

int exec_prepare_creds(struct binprm *b)
{
	struct cred new = *current->cred;
	struct cred *copy;
	int error = apply_rules(b, &new, current->cred);

	if (error)
		return error;
	if (b->secure)
		b->limit = MIN(b->limit, SECURE_STACK_LIMIT);
	if (is_unchanged(&new, current->cred))
		return 0;
	b->new_identity = is_other_identity(&new, current->cred);
	copy = prepare_creds();
	if (!copy)
		return -ENOMEM;
	new.count = copy->count;
	*copy = new; /* whose references are those that prepare_creds took: of user and groups */
	b->cred = copy;
	return 0;
}
