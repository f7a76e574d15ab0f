/*
 * The timers of a process: struct process_timers from its making to its end, and what the timer
 * interrupt does for those that count CPU time.
 *
 * CPU time passes only while a thread runs, and a running thread is met by the timer interrupt at
 * least at every tick of the scheduler. So nothing is armed for such a timer: the interrupt looks
 * whether current's process has any, and samples the clocks only then. Like Linux's they expire at
 * a tick, never early.
 *
 * A timer by the clock expires in an interrupt on any CPU, when the process may be about to end or
 * to exec. It finds the process through process_timers.task, under process_timers.lock:
 *
 *	exec by a thread	set_timers_task() before the old leader is reaped
 *	exec, unshared sighand	await_expiring_timers() before the old sighand is freed
 *	exit of the last	exit_timers(): cancelled, and task is NULL from then on
 *
 * The struct itself stays as long as the signal_struct, since an interrupt may meet a thread that
 * has exited.
 */
#include <tine/printk.h>
#include <tine/rusage.h>
#include <tine/signal_internal.h>
#include <tine/slab.h>
#include <tine/task.h>
#include <tine/timers.h>

/* --- From its making to its end --- */

static struct process_timers *alloc_process_timers(void)
{
	struct process_timers *timers = kzalloc(sizeof(*timers));

	if (!timers)
		return NULL;
	spin_lock_init(&timers->lock, LOCK_CLASS_TIMERS);
	itimer_init(timers);
	list_init(&timers->cpu_timers);
	list_init(&timers->dead);
	return timers;
}

struct process_timers *get_process_timers(void)
{
	struct signal_struct *signal = current->signal;
	struct process_timers *new;
	irq_state_t irq;

	if (signal->timers)
		return signal->timers;
	new = alloc_process_timers();
	if (!new)
		return NULL;
	spin_lock(&tasklist_lock); /* who leads the group */
	irq = spin_lock_irqsave(&current->sighand->lock);
	new->task = current->group_leader;
	if (!signal->timers) {
		WRITE_ONCE(signal->timers, new);
		new = NULL;
	}
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	spin_unlock(&tasklist_lock);
	kfree(new);
	return signal->timers;
}

struct task_struct *lock_process_timers(struct process_timers *timers)
{
	irq_state_t off;

	ASSERT(!irqs_enabled());
	spin_lock(&timers->lock);
	if (timers->task && lock_task_sighand(timers->task, &off)) {
		timers->in_interrupt = true;
		return timers->task;
	}
	spin_unlock(&timers->lock);
	return NULL;
}

void unlock_process_timers(struct process_timers *timers, struct task_struct *task)
{
	timers->in_interrupt = false;
	spin_unlock(&task->sighand->lock);
	spin_unlock(&timers->lock);
}

void set_timers_task(struct process_timers *timers, struct task_struct *task)
{
	irq_state_t irq;

	if (!timers)
		return;
	irq = spin_lock_irqsave(&timers->lock);
	timers->task = task;
	spin_unlock_irqrestore(&timers->lock, irq);
}

void await_expiring_timers(struct process_timers *timers)
{
	irq_state_t irq;

	if (!timers)
		return;
	irq = spin_lock_irqsave(&timers->lock);
	spin_unlock_irqrestore(&timers->lock, irq);
}

void exit_timers(struct signal_struct *signal)
{
	struct process_timers *timers = signal->timers;

	if (likely(!timers))
		return;
	timer_cancel(&timers->real);
	delete_posix_timers(timers);
	set_timers_task(timers, NULL);
}

void exec_timers(struct signal_struct *signal)
{
	irq_state_t irq;

	if (!signal->timers && !current->pending.set && !signal->shared_pending.set)
		return;
	if (signal->timers)
		delete_posix_timers(signal->timers);
	irq = spin_lock_irqsave(&current->sighand->lock);
	flush_timer_signals(&current->pending);
	flush_timer_signals(&signal->shared_pending);
	spin_unlock_irqrestore(&current->sighand->lock, irq);
}

void free_dead_entries(struct process_timers *timers)
{
	struct sigqueue *entry, *next;

	list_for_each_entry_safe(entry, next, &timers->dead, link) {
		list_del(&entry->link);
		sigqueue_free(entry);
	}
}

void free_process_timers(struct process_timers *timers)
{
	free_dead_entries(timers);
	kfree(timers->table);
	kfree(timers);
}

/* --- CPU time --- */

static void check_cpu_timers(struct process_timers *timers)
{
	irq_state_t irq;
	struct cpu_time used;

	if (!timers->cpu_value[0].expires && !timers->cpu_value[1].expires &&
	    list_empty(&timers->cpu_timers))
		return;
	if (!lock_task_sighand(current, &irq))
		return;
	timers->in_interrupt = true;
	used = process_cpu_time_locked(current);
	check_cpu_itimers(timers, &used);
	check_posix_cpu_timers(timers, &used);
	timers->in_interrupt = false;
	spin_unlock_irqrestore(&current->sighand->lock, irq);
}

/* Beyond the soft limit a signal each second, beyond the hard one the end. */
static void check_cpu_limit(struct rlimit *limit)
{
	struct cpu_time used = process_cpu_time(current);
	u64 seconds = (used.user + used.system) / NSEC_PER_SEC, soft = READ_ONCE(limit->rlim_cur);

	if (seconds >= limit->rlim_max) {
		group_send_sig_info(SIGKILL, SEND_SIG_PRIV, current);
	} else if (seconds >= soft) {
		WRITE_ONCE(limit->rlim_cur, soft + 1);
		group_send_sig_info(SIGXCPU, SEND_SIG_PRIV, current);
	}
}

/* RLIMIT_RTTIME: microseconds that a real-time task has run without going to sleep. */
static void check_realtime_limit(struct rlimit *limit)
{
	struct task_struct *task = current;
	u64 now = task_cpu_ns(task), soft = READ_ONCE(limit->rlim_cur), us;

	if (task->rt_slept != task->nvcsw) {
		task->rt_slept = task->nvcsw;
		task->rt_begin = now;
	}
	us = (now - task->rt_begin) / 1000;
	if (us >= limit->rlim_max) {
		group_send_sig_info(SIGKILL, SEND_SIG_PRIV, task);
	} else if (us >= soft) {
		WRITE_ONCE(limit->rlim_cur, soft + NSEC_PER_SEC / 1000);
		group_send_sig_info(SIGXCPU, SEND_SIG_PRIV, task);
	}
}

void run_cpu_timers(void)
{
	struct rlimit *realtime_limit = &current->signal->rlim[RLIMIT_RTTIME];
	struct process_timers *timers = READ_ONCE(current->signal->timers);
	struct rlimit *limit = &current->signal->rlim[RLIMIT_CPU];

	if (unlikely(timers))
		check_cpu_timers(timers);
	if (unlikely(limit->rlim_cur != RLIM_INFINITY))
		check_cpu_limit(limit);
	if (unlikely(current->sched.rt_priority && realtime_limit->rlim_cur != RLIM_INFINITY))
		check_realtime_limit(realtime_limit);
}
