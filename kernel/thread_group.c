/*
 * Thread groups at exec: one thread stays.
 *
 * The thread that calls exec kills the others and waits until they are gone. If it was not the
 * leader, the leader is by then a zombie that waits for its group; the exec'ing thread takes its
 * place: its number, its parent's list, its process group and session entries; so the process keeps
 * its pid. signal->group_exec_task says that this is going on; an exiting thread of the group wakes
 * that task (kernel/exit.c).
 */
#include <tine/err.h>
#include <tine/printk.h>
#include <tine/task.h>
#include <tine/timers.h>

/*
 * Nobody is left of the group but task, or task and a leader that has exited. tasklist_lock held.
 */
static bool others_gone(const struct task_struct *task)
{
	const struct task_struct *leader = task->group_leader;

	if (task->signal->nr_threads == 1)
		return true;
	return task->signal->nr_threads == 2 && leader != task && leader->exit_state == EXIT_ZOMBIE;
}

static void replace_link(struct list_head *old, struct list_head *new)
{
	list_del(new);
	if (list_empty(old))
		return;
	list_add(new, old);
	list_del(old);
}

/* Swaps the numbers of two threads of a group. */
static void exchange_numbers(struct task_struct *a, struct task_struct *b)
{
	struct pid *pid = a->thread_pid;
	int nr = a->pid;

	a->thread_pid = b->thread_pid;
	a->pid = b->pid;
	b->thread_pid = pid;
	b->pid = nr;
	a->thread_pid->task = a;
	b->thread_pid->task = b;
}

/* task takes the place of its zombie leader, which is reaped. tasklist_lock held. */
static void become_leader(struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	ASSERT(leader->exit_state == EXIT_ZOMBIE);
	exchange_numbers(task, leader);
	for (int type = 0; type < PIDTYPE_LISTS; type++)
		replace_link(&leader->pid_link[type], &task->pid_link[type]);
	replace_link(&leader->sibling, &task->sibling);
	replace_link(&leader->tasks_link, &task->tasks_link);
	if (child_reaper == leader)
		child_reaper = task;
	set_timers_task(task->signal->timers, task);
	task->start_time = leader->start_time;
	task->group_leader = leader->group_leader = task;
	leader->exit_signal = -1;
	leader->exit_state = EXIT_DEAD;
	release_task_locked(leader);
}

/*
 * Begins the end of the other threads. EAGAIN: somebody else does, or the whole group is exiting.
 */
static int begin(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	irq_state_t irq = spin_lock_irqsave(&task->sighand->lock);
	int error = 0;

	if ((signal->flags & SIGNAL_GROUP_EXIT) || signal->group_exec_task)
		error = -EAGAIN;
	else
		signal->group_exec_task = task;
	if (!error && signal->nr_threads > 1)
		zap_other_threads(task);
	spin_unlock_irqrestore(&task->sighand->lock, irq);
	return error;
}

static void end(struct task_struct *task)
{
	irq_state_t irq = spin_lock_irqsave(&task->sighand->lock);

	task->signal->group_exec_task = NULL;
	spin_unlock_irqrestore(&task->sighand->lock, irq);
}

int de_thread(struct task_struct *task)
{
	int error = begin(task);
	bool gone;

	if (error)
		return error;
	for (;;) {
		set_current_state(TASK_KILLABLE);
		spin_lock(&tasklist_lock);
		gone = others_gone(task);
		if (gone && !thread_group_leader(task))
			become_leader(task);
		spin_unlock(&tasklist_lock);
		if (gone)
			break;
		if (fatal_signal_pending(task)) {
			error = -EAGAIN;
			break;
		}
		schedule();
	}
	set_current_state(TASK_RUNNING);
	if (!error)
		task->exit_signal = SIGCHLD;
	end(task);
	return error;
}
