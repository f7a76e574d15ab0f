/*
 * Exit: how tasks end.
 *
 *   do_exit:   tell signals -> let go of memory, files, ... -> hand the children on -> zombie -> last switch
 *   wait:      the parent collects status and usage, and releases the zombie
 *   release:   out of all lists; the task_struct goes with its last reference
 *
 * A thread that is not its group's leader is released by itself. The leader stays a zombie until
 * all other threads are gone and its parent has waited for it, or at once if the parent does not
 * want to know. Everything about who is whose child is done under tasklist_lock.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/fork.h>
#include <tine/pidfd.h>
#include <tine/printk.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/timers.h>
#include <uapi/wait.h>

/* --- Releasing a zombie --- */

/* Out of the thread group, and no signals any more. */
static void leave_thread_group(struct task_struct *task)
{
	struct sighand_struct *sighand = task->sighand;
	irq_state_t irq = spin_lock_irqsave(&sighand->lock);

	if (!thread_group_leader(task)) /* who leads is the last to go, and has been counted */
		usage_add_thread(&task->signal->used, task);
	task->signal->nr_threads--;
	list_del(&task->thread_link);
	flush_sigqueue(&task->pending);
	if (task->signal->nr_threads == 0)
		flush_sigqueue(&task->signal->shared_pending);
	WRITE_ONCE(task->sighand, NULL);
	spin_unlock_irqrestore(&sighand->lock, irq);
	put_sighand(sighand);
	if (task->signal->group_exec_task)
		wake_up_process(task->signal->group_exec_task);
}

/*
 * The leader of a group whose last other thread has just gone: only now is its parent told. True if
 * nobody wants to wait for it.
 */
static bool leader_may_go(struct task_struct *leader)
{
	if (leader->exit_state != EXIT_ZOMBIE || leader->signal->nr_threads > 1)
		return false;
	pid_exited(leader->thread_pid);
	if (!do_notify_parent(leader, leader->exit_signal))
		return false;
	leader->exit_state = EXIT_DEAD;
	return true;
}

static void unlink_task(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	ASSERT(task->exit_state == EXIT_DEAD);
	release_process_count(task);
	leave_thread_group(task);
	if (leader == task) {
		detach_pid(task, PIDTYPE_PGID);
		detach_pid(task, PIDTYPE_SID);
		list_del(&task->sibling);
		list_del(&task->tasks_link);
	}
	vacate_pid(task->thread_pid);
	put_pid(task->thread_pid);
	task->thread_pid = NULL;
	nr_threads--;
}

void release_task_locked(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	bool leader_too;

	unlink_task(task);
	leader_too = leader != task && leader_may_go(leader);
	if (leader_too)
		unlink_task(leader);
	put_task_struct(task);
	if (leader_too)
		put_task_struct(leader);
}

/* --- Orphans --- */

static struct task_struct *live_thread(const struct task_struct *task)
{
	struct task_struct *thread;

	list_for_each_entry(thread, &task->signal->threads, thread_link) {
		if (!(thread->flags & PF_EXITING))
			return thread;
	}
	return NULL;
}

/* Who gets the children of father: a thread of its group, the nearest subreaper, or init. */
static struct task_struct *find_reaper(const struct task_struct *father)
{
	struct task_struct *reaper = live_thread(father), *ancestor = father->real_parent;

	if (!reaper && father->signal->has_child_subreaper)
		for (; !reaper && !same_thread_group(ancestor, child_reaper) &&
		       ancestor != &init_task;
		     ancestor = ancestor->real_parent)
			if (ancestor->signal->is_child_subreaper)
				reaper = live_thread(ancestor);
	if (!reaper)
		reaper = live_thread(child_reaper); /* exec by it frees a leader that is not */
	return reaper ? reaper : child_reaper;
}

bool is_orphaned_pgrp(struct pid *pgrp, const struct task_struct *ignored)
{
	struct task_struct *member;

	list_for_each_entry(member, &pgrp->tasks[PIDTYPE_PGID], pid_link[PIDTYPE_PGID]) {
		const struct signal_struct *parent = member->real_parent->signal;

		if (member == ignored || (member->exit_state && member->signal->nr_threads == 1) ||
		    member->real_parent->signal == child_reaper->signal)
			continue;
		if (parent->pids[PIDTYPE_PGID] != pgrp &&
		    parent->pids[PIDTYPE_SID] == member->signal->pids[PIDTYPE_SID])
			return false;
	}
	return true;
}

static bool has_stopped_member(struct pid *pgrp)
{
	struct task_struct *member;

	list_for_each_entry(member, &pgrp->tasks[PIDTYPE_PGID], pid_link[PIDTYPE_PGID]) {
		if (member->signal->flags & SIGNAL_STOP_STOPPED)
			return true;
	}
	return false;
}

/*
 * A process group loses its last connection to the rest of its session when task exits (parent
 * NULL: task's own group, of which its parent is that connection) or when task's parent does:
 * stopped members could never be continued, so they are hung up.
 */
static void kill_orphaned_pgrp(struct task_struct *task, struct task_struct *parent)
{
	struct pid *pgrp = task->signal->pids[PIDTYPE_PGID];
	const struct task_struct *ignored = parent ? NULL : task;

	if (!atomic_read(&stopped_groups)) /* spares a walk of the group for each that ends */
		return;
	if (!parent)
		parent = task->real_parent;
	if (!pgrp || pgrp == parent->signal->pids[PIDTYPE_PGID] ||
	    task->signal->pids[PIDTYPE_SID] != parent->signal->pids[PIDTYPE_SID])
		return;
	if (is_orphaned_pgrp(pgrp, ignored) && has_stopped_member(pgrp)) {
		kill_pgrp_locked(pgrp, SIGHUP, SEND_SIG_PRIV);
		kill_pgrp_locked(pgrp, SIGCONT, SEND_SIG_PRIV);
	}
}

/* child (a group leader) and its threads get another parent in another thread group. */
static void reparent_process(struct task_struct *child, struct task_struct *father,
			     struct task_struct *reaper)
{
	if (same_thread_group(reaper, father))
		return;
	child->exit_signal = SIGCHLD;
	if (child->exit_state == EXIT_ZOMBIE && child->signal->nr_threads == 1 &&
	    do_notify_parent(child, child->exit_signal))
		child->exit_state = EXIT_DEAD;
	kill_orphaned_pgrp(child, father);
}

static void reparent_threads(struct task_struct *child, struct task_struct *father,
			     struct task_struct *reaper)
{
	struct task_struct *thread;

	list_for_each_entry(thread, &child->signal->threads, thread_link) {
		thread->real_parent = reaper;
		if (thread->parent == father)
			thread->parent = reaper;
		if (thread->pdeath_signal)
			group_send_sig_info(thread->pdeath_signal, SEND_SIG_NOINFO, thread);
	}
}

/* Hands father's children on. */
static void reparent_children(struct task_struct *father)
{
	struct task_struct *child, *next, *reaper;

	if (list_empty(&father->children))
		return;
	reaper = find_reaper(father);
	list_for_each_entry_safe(child, next, &father->children, sibling) {
		reparent_threads(child, father, reaper);
		reparent_process(child, father, reaper);
		list_del(&child->sibling);
		list_add_tail(&child->sibling, &reaper->children);
		if (child->exit_state == EXIT_DEAD)
			release_task_locked(child);
	}
}

/* --- Exit --- */

/*
 * Does nobody want to wait for task? If somebody may, it is told, unless the group has other
 * threads.
 */
static bool notify_of_exit(struct task_struct *task)
{
	if (task->flags & PF_KTHREAD)
		return true;
	if (!thread_group_leader(task))
		return true;
	if (task->signal->nr_threads > 1)
		return false;
	pid_exited(task->thread_pid);
	return do_notify_parent(task, task->exit_signal);
}

/*
 * From here on the parent may reap task. Interrupts stay off: the timer's would look for the
 * sighand, which goes as soon as the lock is free.
 */
static void become_zombie(struct task_struct *task, bool group_dead)
{
	spin_lock(&tasklist_lock);
	reparent_children(task);
	if (group_dead)
		kill_orphaned_pgrp(task->group_leader, NULL);
	task->exit_state = EXIT_ZOMBIE;
	if (notify_of_exit(task)) {
		task->exit_state = EXIT_DEAD;
		release_task_locked(task);
	} else if (task->signal->group_exec_task) {
		wake_up_process(task->signal->group_exec_task);
	}
	irq_disable();
	spin_unlock(&tasklist_lock);
}

/* The process's status is that of its last thread, unless exit_group or a signal has set it. */
static void note_group_exit(struct signal_struct *signal, int code)
{
	irq_state_t irq = spin_lock_irqsave(&current->sighand->lock);

	if (!(signal->flags & SIGNAL_GROUP_EXIT)) {
		signal->flags |= SIGNAL_GROUP_EXIT;
		signal->group_exit_code = code;
	}
	spin_unlock_irqrestore(&current->sighand->lock, irq);
}

void do_exit(int code)
{
	struct task_struct *task = current;
	bool group_dead;

	ASSERT(!(task->flags & (PF_IDLE | PF_EXITING)));
	exit_signals(task);
	group_dead = atomic_dec_and_test(&task->signal->live);
	if (group_dead)
		note_group_exit(task->signal, code);
	if (group_dead && same_thread_group(task, child_reaper))
		panic("Attempted to kill init! exitcode=0x%08x", task->signal->group_exit_code);
	task->exit_code = code;
	if (group_dead)
		exit_timers(task->signal);
	if (task->mm)
		mm_release(task);
	release_resources(task, false);
	if (group_dead) {
		if (task->signal->leader)
			disassociate_ctty(true);
		tty_release_signal(task);
	}
	become_zombie(task, group_dead);

	/* finish_switch() drops the reference that running meant. */
	set_current_state(TASK_DEAD);
	schedule();
	panic("a dead task runs");
}

void do_group_exit(int code)
{
	struct signal_struct *signal = current->signal;
	irq_state_t irq = spin_lock_irqsave(&current->sighand->lock);

	if (signal->flags & SIGNAL_GROUP_EXIT) {
		code = signal->group_exit_code;
	} else if (signal->group_exec_task) {
		code = 0;
	} else {
		signal->group_exit_code = code;
		signal->flags |= SIGNAL_GROUP_EXIT;
		if (signal->nr_threads > 1)
			zap_other_threads(current);
	}
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	do_exit(code);
}

long sys_exit(int code)
{
	do_exit(WAIT_STATUS_EXITED(code));
}

long sys_exit_group(int code)
{
	do_group_exit(WAIT_STATUS_EXITED(code));
}
