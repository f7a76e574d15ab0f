/*
 * Which CPUs a task may run on, as user space asks for it: sched_setaffinity(2),
 * sched_getaffinity(2), getcpu(2). The moving itself is the scheduler's.
 */
#include <tine/cred.h>
#include <tine/pid.h>
#include <tine/sched.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

/* The task with that number, current for 0, with a reference; NULL if there is none. */
static struct task_struct *get_task_by_pid(pid_t pid)
{
	if (pid)
		return find_get_task_by_vpid(pid);
	get_task_struct(current);
	return current;
}

bool is_same_owner(struct task_struct *task)
{
	uid_t uid = current->cred->euid;
	bool same;

	same = SPIN_LOCKED(&task->alloc_lock,
			   task->cred && (uid == task->cred->euid || uid == task->cred->uid));
	return same || capable(CAP_SYS_NICE);
}

long sys_sched_setaffinity(pid_t pid, unsigned int size, unsigned long __user *from)
{
	struct task_struct *task SCOPED(put_task_struct) = NULL;
	unsigned long mask = 0;

	if (copy_from_user(&mask, from, MIN((size_t)size, sizeof(mask))))
		return -EFAULT;
	task = get_task_by_pid(pid);
	if (!task)
		return -ESRCH;
	if (task->flags & PF_KTHREAD)
		return -EINVAL;
	return is_same_owner(task) ? sched_set_affinity(task, mask) : -EPERM;
}

long sys_sched_getaffinity(pid_t pid, unsigned int size, unsigned long __user *to)
{
	struct task_struct *task;
	unsigned long mask;

	if ((u64)size * 8 < nr_cpus || size % sizeof(mask))
		return -EINVAL;
	task = get_task_by_pid(pid);
	if (!task)
		return -ESRCH;
	mask = READ_ONCE(task->cpus_allowed) & cpu_online_mask;
	put_task_struct(task);
	return put_user(mask, to) ? -EFAULT : (long)sizeof(mask);
}

long sys_getcpu(unsigned int __user *cpu, unsigned int __user *node, void __user *unused)
{
	if (cpu && put_user(cpu_id(), cpu))
		return -EFAULT;
	if (node && put_user(0u, node))
		return -EFAULT;
	return 0;
}
