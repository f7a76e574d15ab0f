/*
 * Resource limits: getrlimit(2), setrlimit(2), prlimit(2).
 *
 * The limits belong to the process and are in its signal_struct. They are changed under the
 * alloc_lock of the group's leader, so that the comparison with the old hard limit and the change
 * are one step; readers take single words without it. Who leads another process is tasklist_lock's.
 */
#include <tine/cred.h>
#include <tine/fdtable.h>
#include <tine/pid.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define MIB (1ul << 20)

void init_rlimits(struct rlimit *rlim)
{
	unsigned long processes = (unsigned long)max_threads / 2;

	for (unsigned int i = 0; i < RLIM_NLIMITS; i++)
		rlim[i] = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
	rlim[RLIMIT_STACK] = (struct rlimit){8 * MIB, RLIM_INFINITY};
	rlim[RLIMIT_CORE] = (struct rlimit){0, RLIM_INFINITY};
	rlim[RLIMIT_NPROC] = (struct rlimit){processes, processes};
	rlim[RLIMIT_NOFILE] = (struct rlimit){1024, 4096};
	rlim[RLIMIT_MEMLOCK] = (struct rlimit){8 * MIB, 8 * MIB};
	rlim[RLIMIT_SIGPENDING] = (struct rlimit){processes, processes};
	rlim[RLIMIT_MSGQUEUE] = (struct rlimit){819200, 819200};
	rlim[RLIMIT_NICE] = (struct rlimit){0, 0};
	rlim[RLIMIT_RTPRIO] = (struct rlimit){0, 0};
}

/* Reads the limit into old, then sets it from new; either may be NULL. task is kept by the caller.
 */
static int do_prlimit(struct task_struct *task, unsigned int resource, const struct rlimit *new,
		      struct rlimit *old)
{
	struct rlimit *limit;
	int error = 0;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new &&new->rlim_cur > new->rlim_max)
		return -EINVAL;
	if (new &&resource ==
	    RLIMIT_NOFILE &&new->rlim_max > (unsigned long)READ_ONCE(max_open_files))
		return -EPERM;
	limit = &task->signal->rlim[resource];
	spin_lock(&tasklist_lock); /* who leads the group, if task is still in it */
	if (!task->sighand) {
		spin_unlock(&tasklist_lock);
		return -ESRCH;
	}
	spin_lock(&task->group_leader->alloc_lock);
	if (new &&new->rlim_max > limit->rlim_max && !capable(CAP_SYS_RESOURCE))
		error = -EPERM;
	if (!error && old)
		*old = *limit;
	if (!error && new)
		*limit = *new;
	spin_unlock(&task->group_leader->alloc_lock);
	spin_unlock(&tasklist_lock);
	return error;
}

long sys_getrlimit(unsigned int resource, struct rlimit __user *to)
{
	struct rlimit limit;
	int error = do_prlimit(current, resource, NULL, &limit);

	return error ? error : put_user(limit, to);
}

long sys_setrlimit(unsigned int resource, struct rlimit __user *from)
{
	return from ? sys_prlimit64(0, resource, from, NULL) : -EFAULT;
}

/* Another's limits: for the same user in every respect, or with CAP_SYS_RESOURCE. */
static bool may_prlimit(struct task_struct *task)
{
	const struct cred *mine = current->cred, *its;
	bool same;

	if (task == current)
		return true;
	spin_lock(&task->alloc_lock);
	its = task->cred;
	same = its && mine->uid == its->euid && mine->uid == its->suid && mine->uid == its->uid &&
	       mine->gid == its->egid && mine->gid == its->sgid && mine->gid == its->gid;
	spin_unlock(&task->alloc_lock);
	return same || capable(CAP_SYS_RESOURCE);
}

long sys_prlimit64(pid_t pid, unsigned int resource, const struct rlimit __user *from,
		   struct rlimit __user *to)
{
	struct task_struct *other SCOPED(put_task_struct) = NULL, *task = current;
	struct rlimit new, old;
	int error;

	if (from && get_user(new, from))
		return -EFAULT;
	if (pid)
		task = other = find_get_task_by_vpid(pid);
	if (!task)
		return -ESRCH;
	error = may_prlimit(task) ? do_prlimit(task, resource, from ? &new : NULL, &old) : -EPERM;
	return error || !to ? error : put_user(old, to);
}
