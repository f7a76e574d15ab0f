/*
 * What exec does to credentials (capabilities(7), "Transformation of capabilities during
 * execve()").
 *
 * No file has capabilities of its own here, so what changes them is: a set-user-id or set-group-id
 * file; user 0, for whom every file counts as having all capabilities; and, for everybody else,
 * that only ambient capabilities are kept.
 *
 * The rules are worked out on a copy on the stack. Nearly always the outcome is what was there
 * before, and then the credentials stay, shared with whoever shares them.
 */
#include <tine/binprm.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/fs_struct.h>
#include <tine/task.h>
#include <uapi/securebits.h>
#include <uapi/stat.h>

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
static void apply_rules(struct binprm *b, struct cred *new, const struct cred *old)
{
	bool root_rules, effective, new_ids, gains;

	b->clears_personality = apply_file_ids(new, b->file);
	root_rules = !(new->securebits &SECBIT_NOROOT);
	effective = root_rules && new->euid == 0;
	new->cap_permitted = 0;
	if (root_rules && (new->euid == 0 || new->uid == 0))
		new->cap_permitted = old->cap_bounding | old->cap_inheritable;
	new_ids = new->euid != old->uid || new->egid != old->gid;
	gains = new->cap_permitted & ~old->cap_permitted;
	b->clears_personality |= gains;
	if (new_ids || gains)
		limit_gain(b, new, old);
	new->suid = new->fsuid = new->euid;
	new->sgid = new->fsgid = new->egid;
	if (new_ids)
		new->cap_ambient = 0;
	new->cap_permitted |= new->cap_ambient;
	new->cap_effective = effective ? new->cap_permitted : new->cap_ambient;
	new->securebits &= ~SECBIT_KEEP_CAPS;
	b->secure = new_ids ||
		    (new->uid != 0 && (effective || (new->cap_permitted & ~new->cap_ambient)));
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

	apply_rules(b, &new, current->cred);
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
