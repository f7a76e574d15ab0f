/*
 * How tasks are scheduled, as user space asks for it: sched_setattr(2) and its older relatives,
 * setpriority(2). What the attributes do is the scheduler's (kernel/sched.c).
 *
 * Everybody may make their own tasks nicer. To make them less nice takes RLIMIT_NICE, to make them
 * real-time RLIMIT_RTPRIO, and CAP_SYS_NICE allows everything (sched(7)). There is no
 * SCHED_DEADLINE; SCHED_BATCH is SCHED_OTHER by another name, since no task that wakes interrupts
 * another of its rank.
 */
#include <tine/cred.h>
#include <tine/futex.h>
#include <tine/pid.h>
#include <tine/priority.h>
#include <tine/sched.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/sched.h>
#include <uapi/time.h>

#define POLICY_AS_BEFORE (-1)

/* The thread with that number, current for 0, with a reference. EINVAL: pid < 0; ESRCH. */
static int get_thread(pid_t pid, struct task_struct **task)
{
	if (pid < 0)
		return -EINVAL;
	*task = pid ? find_get_task_by_vpid(pid) : current;
	if (!*task)
		return -ESRCH;
	if (!pid)
		get_task_struct(current);
	return 0;
}

static bool is_fair(int policy)
{
	return policy == SCHED_OTHER || policy == SCHED_BATCH;
}

static bool is_realtime(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static unsigned long limit_of(const struct task_struct *task, unsigned int limit)
{
	return READ_ONCE(task->signal->rlim[limit].rlim_cur);
}

/* As system calls return it, and as RLIMIT_NICE counts: 40 for nice -20, 1 for nice 19. */
static long upside_down(int nice)
{
	return MAX_NICE + 1 - nice;
}

static bool limit_allows_nice(const struct task_struct *task, int nice)
{
	return (unsigned long)upside_down(nice) <= limit_of(task, RLIMIT_NICE);
}

/* task may go from old to new without a privilege. */
static bool is_allowed(struct task_struct *task, const struct sched_attributes *old,
		       const struct sched_attributes *new)
{
	unsigned long rt_limit = limit_of(task, RLIMIT_RTPRIO);

	if (is_fair(new->policy) && new->nice < old->nice && !limit_allows_nice(task, new->nice))
		return false;
	if (is_realtime(new->policy) && new->policy != old->policy && !rt_limit)
		return false;
	if (new->rt_priority > old->rt_priority &&new->rt_priority > rt_limit)
		return false;
	/* SCHED_IDLE counts as the nicest of all. */
	if (old->policy == SCHED_IDLE && new->policy != SCHED_IDLE &&
	    !limit_allows_nice(task, old->nice))
		return false;
	return is_same_owner(task) && (new->reset_on_fork || !old->reset_on_fork);
}

/*
 * policy may be POLICY_AS_BEFORE; flags are SCHED_FLAG_. EINVAL, EPERM, EOPNOTSUPP. tasklist_lock
 * held, so that of two changes at once none is lost.
 */
static int change(struct task_struct *task, int policy, u32 priority, int nice, u64 flags)
{
	struct sched_attributes old = task->sched, new = old;

	if (policy != POLICY_AS_BEFORE) {
		if (!is_fair(policy) && !is_realtime(policy) && policy != SCHED_IDLE)
			return -EINVAL;
		new.policy = policy;
		new.reset_on_fork = flags &SCHED_FLAG_RESET_ON_FORK;
	}
	if ((flags & ~(u64)SCHED_FLAG_ALL) || priority > MAX_RT_PRIORITY ||
	    is_realtime(new.policy) != (priority != 0))
		return -EINVAL;
	new.rt_priority = priority;
	if (is_fair(new.policy))
		new.nice = nice;
	if (!is_allowed(task, &old, &new) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (flags & SCHED_FLAG_UTIL_CLAMP)
		return -EOPNOTSUPP;
	/* To keep the parameters keeps the policy too: all the same it was looked at. */
	if (flags & SCHED_FLAG_KEEP_PARAMS)
		old.reset_on_fork = new.reset_on_fork;
	sched_set_attributes(task, flags & SCHED_FLAG_KEEP_PARAMS ? old : new);
	futex_pi_adjust(task);
	return 0;
}

/* --- By policy and priority --- */

static long set_scheduler(pid_t pid, int policy, const struct sched_param __user *from)
{
	struct sched_param param;
	struct task_struct *task;
	u64 flags = 0;
	int error;

	if (!from || pid < 0)
		return -EINVAL;
	if (get_user(param, from))
		return -EFAULT;
	error = get_thread(pid, &task);
	if (error)
		return error;
	if (policy != POLICY_AS_BEFORE && (policy & SCHED_RESET_ON_FORK)) {
		flags = SCHED_FLAG_RESET_ON_FORK;
		policy &= ~SCHED_RESET_ON_FORK;
	}
	error = SPIN_LOCKED(&tasklist_lock,
			    change(task, policy, param.sched_priority, task->sched.nice, flags));
	put_task_struct(task);
	return error;
}

long sys_sched_setscheduler(pid_t pid, int policy, const struct sched_param __user *param)
{
	return policy < 0 ? -EINVAL : set_scheduler(pid, policy, param);
}

long sys_sched_setparam(pid_t pid, const struct sched_param __user *param)
{
	return set_scheduler(pid, POLICY_AS_BEFORE, param);
}

/* The attributes of the thread with that number. EINVAL, ESRCH. */
static int read_attributes(pid_t pid, struct sched_attributes *a)
{
	struct task_struct *task;
	int error = get_thread(pid, &task);

	if (error)
		return error;
	*a = task->sched;
	put_task_struct(task);
	return 0;
}

long sys_sched_getscheduler(pid_t pid)
{
	struct sched_attributes a;
	int error = read_attributes(pid, &a);

	if (error)
		return error;
	return a.policy | (a.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

long sys_sched_getparam(pid_t pid, struct sched_param __user *to)
{
	struct sched_attributes a;
	int error = to ? read_attributes(pid, &a) : -EINVAL;

	if (error)
		return error;
	return put_user((struct sched_param){a.rt_priority}, to);
}

long sched_priority_limit(int policy, long of_realtime)
{
	if (is_realtime(policy))
		return of_realtime;
	/* Programs may ask also about what they cannot have. */
	return is_fair(policy) || policy == SCHED_IDLE || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_rr_get_interval(pid_t pid, struct uapi_timespec __user *to)
{
	struct uapi_timespec interval = {.tv_nsec = SLICE_NS};
	struct sched_attributes a;
	int error = read_attributes(pid, &a);

	if (error)
		return error;
	if (is_realtime(a.policy))
		interval.tv_nsec = a.policy == SCHED_RR ? REALTIME_SLICE_NS : 0;
	return put_user(interval, to);
}

/* --- By struct sched_attr --- */

static int read_attr(struct sched_attr *attr, struct sched_attr __user *from)
{
	int error = -E2BIG;
	u32 size;

	if (get_user(size, &from->size))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_SIZE_VER0;
	if (size >= SCHED_ATTR_SIZE_VER0 && size <= PAGE_SIZE)
		error = copy_struct_from_user(attr, sizeof(*attr), from, size);
	if (error == -E2BIG && put_user((u32)sizeof(*attr), &from->size))
		return -EFAULT;
	if (error)
		return error;
	if ((attr->flags & SCHED_FLAG_UTIL_CLAMP) && size < SCHED_ATTR_SIZE_VER1)
		return -EINVAL;
	attr->nice = MAX(MIN(attr->nice, MAX_NICE), MIN_NICE);
	return (int)attr->policy < 0 ? -EINVAL : 0;
}

long sys_sched_setattr(pid_t pid, struct sched_attr __user *from, unsigned int flags)
{
	struct task_struct *task;
	struct sched_attr attr;
	int error, policy;

	if (!from || pid < 0 || flags)
		return -EINVAL;
	error = read_attr(&attr, from);
	if (!error)
		error = get_thread(pid, &task);
	if (error)
		return error;
	policy = attr.flags & SCHED_FLAG_KEEP_POLICY ? POLICY_AS_BEFORE : (int)attr.policy;
	spin_lock(&tasklist_lock);
	if (attr.flags & SCHED_FLAG_KEEP_PARAMS) {
		attr.nice = task->sched.nice;
		attr.priority = task->sched.rt_priority ? task->sched.rt_priority : attr.priority;
	}
	error = change(task, policy, attr.priority, attr.nice, attr.flags);
	spin_unlock(&tasklist_lock);
	put_task_struct(task);
	return error;
}

long sys_sched_getattr(pid_t pid, struct sched_attr __user *to, unsigned int size,
		       unsigned int flags)
{
	struct sched_attributes a;
	struct sched_attr attr;
	int error;

	if (!to || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 || flags)
		return -EINVAL;
	error = read_attributes(pid, &a);
	if (error)
		return error;
	attr = (struct sched_attr){
		.size = MIN(size, sizeof(attr)),
		.policy = a.policy,
		.flags = a.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0,
		.nice = a.rt_priority ? 0 : a.nice,
		.priority = a.rt_priority,
	};
	return copy_to_user(to, &attr, attr.size) ? -EFAULT : 0;
}

/* --- By thread, process group or user --- */

/* As on Linux: a refusal stays, success takes the place of ESRCH only. */
static long set_nice(struct task_struct *task, int nice, long result)
{
	struct sched_attributes a = task->sched;

	if (!is_same_owner(task) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (nice < a.nice && !limit_allows_nice(task, nice) && !capable(CAP_SYS_NICE))
		return -EACCES;
	a.nice = nice;
	sched_set_attributes(task, a);
	futex_pi_adjust(task);
	return result == -ESRCH ? 0 : result;
}

static long higher_priority(struct task_struct *task, int nice, long result)
{
	return MAX(result, upside_down(task->sched.nice));
}

static bool is_of_user(struct task_struct *task, uid_t uid)
{
	return SPIN_LOCKED(&task->alloc_lock, task->cred && task->cred->uid == uid);
}

/* Visits the threads of pgrp's processes or, if that is NULL, all of the user's. */
static long visit_threads(const struct pid *pgrp, uid_t uid, visit_fn visit, int nice)
{
	struct task_struct *leader, *thread;
	long result = -ESRCH;

	list_for_each_entry(leader, &task_list, tasks_link)
		for (thread = leader; thread; thread = next_thread(thread))
			if (pgrp ? thread->signal->pids[PIDTYPE_PGID] == pgrp
				 : is_of_user(thread, uid))
				result = visit(thread, nice, result);
	return result;
}

static long visit_locked(int which, int who, visit_fn visit, int nice)
{
	struct task_struct *task;
	struct pid *pgrp;

	switch (which) {
	case PRIO_PROCESS:
		task = who ? find_task_by_vpid(who) : current;
		return task ? visit(task, nice, -ESRCH) : -ESRCH;
	case PRIO_PGRP:
		pgrp = who ? find_vpid(who) : current->signal->pids[PIDTYPE_PGID];
		return pgrp ? visit_threads(pgrp, 0, visit, nice) : -ESRCH;
	case PRIO_USER:
		return visit_threads(NULL, who ? (uid_t)who : current->cred->uid, visit, nice);
	default:
		return -EINVAL;
	}
}

long visit_selected(int which, int who, visit_fn visit, int nice)
{
	return SPIN_LOCKED(&tasklist_lock, visit_locked(which, who, visit, nice));
}

long sys_setpriority(int which, int who, int nice)
{
	return visit_selected(which, who, set_nice, MAX(MIN(nice, MAX_NICE), MIN_NICE));
}

long sys_getpriority(int which, int who)
{
	return visit_selected(which, who, higher_priority, 0);
}
