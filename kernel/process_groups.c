/*
 * Process groups and sessions: the system calls.
 *
 * A process is in one group, a group in one session; both are struct pids, whose lists hold the
 * leaders of the thread groups (kernel/pid.c). A group or session lives as long as it has members,
 * also when the process that gave it its number is gone; so its number is not given to a new
 * process either.
 *
 * A shell moves its children between groups before they exec; a session leader stays where it is,
 * which is what makes "the session's terminal" and "the group in the foreground" mean something.
 * Lock: tasklist_lock.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/pid.h>
#include <tine/syscall.h>
#include <tine/task.h>

static struct pid *pgrp_of(const struct task_struct *task)
{
	return task->signal->pids[PIDTYPE_PGID];
}

static struct pid *session_of(const struct task_struct *task)
{
	return task->signal->pids[PIDTYPE_SID];
}

/* May current's process move task to another group? */
static int check_setpgid_target(const struct task_struct *task)
{
	if (!thread_group_leader(task))
		return -EINVAL;
	if (same_thread_group(task->real_parent, current)) {
		if (session_of(task) != session_of(current))
			return -EPERM;
		if (!(task->flags & PF_FORKNOEXEC))
			return -EACCES;
	} else if (!same_thread_group(task, current)) {
		return -ESRCH;
	}
	return task->signal->leader ? -EPERM : 0;
}

/*
 * The group to move to: one of this session, or a new one with the process's own number. NULL:
 * neither.
 */
static struct pid *find_group(const struct task_struct *task, pid_t pid, pid_t pgid)
{
	struct pid *pgrp;
	struct task_struct *member;

	if (pgid == pid)
		return task->thread_pid;
	pgrp = find_vpid(pgid);
	member = pid_task(pgrp, PIDTYPE_PGID);
	return member && session_of(member) == session_of(current) ? pgrp : NULL;
}

static int setpgid_locked(pid_t pid, pid_t pgid)
{
	struct task_struct *task = find_task_by_vpid(pid);
	struct pid *pgrp;
	int err;

	if (!task)
		return -ESRCH;
	err = check_setpgid_target(task);
	if (err)
		return err;
	pgrp = find_group(task, pid, pgid);
	if (!pgrp)
		return -EPERM;
	if (pgrp_of(task) != pgrp)
		change_pid(task, PIDTYPE_PGID, pgrp);
	return 0;
}

long sys_setpgid(pid_t pid, pid_t pgid)
{
	if (!pid)
		pid = task_pid_vnr(current->group_leader);
	if (!pgid)
		pgid = pid;
	if (pgid < 0)
		return -EINVAL;
	return SPIN_LOCKED(&tasklist_lock, setpgid_locked(pid, pgid));
}

/* The number of the group or session (type) of the process with number pid, 0: of the caller's. */
static long number_of(pid_t pid, enum pid_type type)
{
	struct task_struct *task;
	long nr = -ESRCH;

	spin_lock(&tasklist_lock);
	task = pid ? find_task_by_vpid(pid) : current;
	if (task)
		nr = pid_vnr(task->signal->pids[type]);
	spin_unlock(&tasklist_lock);
	return nr;
}

long sys_getpgid(pid_t pid)
{
	return number_of(pid, PIDTYPE_PGID);
}

long sys_getsid(pid_t pid)
{
	return number_of(pid, PIDTYPE_SID);
}

/* EPERM if current's process leads a session, or a group, which would then be in two sessions. */
static int become_session_leader(void)
{
	struct task_struct *leader = current->group_leader;
	struct pid *pid = leader->thread_pid;

	if (leader->signal->leader || pid_task(pid, PIDTYPE_PGID))
		return -EPERM;
	leader->signal->leader = true;
	change_pid(leader, PIDTYPE_SID, pid);
	change_pid(leader, PIDTYPE_PGID, pid);
	return 0;
}

long sys_setsid(void)
{
	int err;

	spin_lock(&tasklist_lock);
	err = become_session_leader();
	if (!err)
		tty_forget(current->signal);
	spin_unlock(&tasklist_lock);
	return err ? err : task_session_vnr(current);
}
