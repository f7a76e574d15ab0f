/*
 * Capabilities: capget(2) and capset(2). What else changes them: kernel/cred_syscalls.c (user ids),
 * kernel/exec_cred.c (exec), kernel/prctl.c (bounding and ambient sets).
 *
 * A thread may give up what it has, and make inheritable what it has or, with CAP_SETPCAP, what its
 * bounding set allows; nothing makes it gain. The version in the header says whether the sets come
 * as one or as two words of 32.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/pid.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/capability.h>

struct cap_sets {
	u64 effective, permitted, inheritable;
};

/*
 * How many words a set has in the header's version; an unknown one is replaced by the newest:
 * EINVAL.
 */
static int words_of_version(struct cap_user_header __user *header)
{
	u32 version;

	if (get_user(version, &header->version))
		return -EFAULT;
	switch (version) {
	case LINUX_CAPABILITY_VERSION_1:
		return 1;
	case LINUX_CAPABILITY_VERSION_2:
	case LINUX_CAPABILITY_VERSION_3:
		return 2;
	}
	if (put_user(LINUX_CAPABILITY_VERSION_3, &header->version))
		return -EFAULT;
	return -EINVAL;
}

static void sets_of_cred(struct cap_sets *sets, const struct cred *cred)
{
	sets->effective = cred->cap_effective;
	sets->permitted = cred->cap_permitted;
	sets->inheritable = cred->cap_inheritable;
}

/* Those of the thread with that number, 0: current. ESRCH. */
static int get_sets(struct cap_sets *sets, pid_t pid)
{
	struct task_struct *task;

	if (!pid || pid == task_pid_vnr(current)) {
		sets_of_cred(sets, current->cred);
		return 0;
	}
	task = find_get_task_by_vpid(pid);
	if (!task)
		return -ESRCH;
	spin_lock(&task->alloc_lock);
	sets_of_cred(sets, task->cred);
	spin_unlock(&task->alloc_lock);
	put_task_struct(task);
	return 0;
}

long sys_capget(struct cap_user_header __user *header, struct cap_user_data __user *data)
{
	struct cap_user_data halves[2];
	struct cap_sets sets;
	int words = words_of_version(header), err;
	pid_t pid;

	/* To ask for the newest version is no error. */
	if (!data && (words > 0 || words == -EINVAL))
		return 0;
	if (words < 0)
		return words;
	if (get_user(pid, &header->pid))
		return -EFAULT;
	if (pid < 0)
		return -EINVAL;
	err = get_sets(&sets, pid);
	if (err)
		return err;
	for (int i = 0; i < 2; i++)
		halves[i] = (struct cap_user_data){
			.effective = sets.effective >> (32 * i),
			.permitted = sets.permitted >> (32 * i),
			.inheritable = sets.inheritable >> (32 * i),
		};
	return copy_to_user(data, halves, words * sizeof(halves[0])) ? -EFAULT : 0;
}

static int read_sets(struct cap_sets *sets, const struct cap_user_data __user *data, int words)
{
	struct cap_user_data halves[2] = {0};

	if (copy_from_user(halves, data, words * sizeof(halves[0])))
		return -EFAULT;
	sets->effective = (halves[0].effective | (u64)halves[1].effective << 32) & CAP_FULL_SET;
	sets->permitted = (halves[0].permitted | (u64)halves[1].permitted << 32) & CAP_FULL_SET;
	sets->inheritable = (halves[0].inheritable | (u64)halves[1].inheritable << 32) &
			    CAP_FULL_SET;
	return 0;
}

static bool may_have(const struct cap_sets *sets, const struct cred *old)
{
	u64 inheritable = old->cap_inheritable | old->cap_bounding;

	if (!capable(CAP_SETPCAP))
		inheritable &= old->cap_inheritable | old->cap_permitted;
	return !(sets->inheritable & ~inheritable) && !(sets->permitted & ~old->cap_permitted) &&
	       !(sets->effective & ~sets->permitted);
}

long sys_capset(struct cap_user_header __user *header, const struct cap_user_data __user *data)
{
	int words = words_of_version(header), err;
	struct cap_sets sets;
	struct cred *new;
	pid_t pid;

	if (words < 0)
		return words;
	if (get_user(pid, &header->pid))
		return -EFAULT;
	if (pid && pid != task_pid_vnr(current))
		return -EPERM;
	err = read_sets(&sets, data, words);
	if (err)
		return err;
	if (!may_have(&sets, current->cred))
		return -EPERM;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	new->cap_effective = sets.effective;
	new->cap_permitted = sets.permitted;
	new->cap_inheritable = sets.inheritable;
	new->cap_ambient &= sets.permitted &sets.inheritable;
	commit_creds(new);
	return 0;
}
