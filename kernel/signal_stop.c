/*
 * Signals: stopping and continuing, and what a parent is told.
 *
 * A stop is of the whole process. The thread that takes the stop signal out marks every other
 * thread JOBCTL_STOP_PENDING, counts them in group_stop_count and wakes them; each takes part on
 * its way to user mode and sleeps as TASK_STOPPED. The last one sets SIGNAL_STOP_STOPPED and tells
 * the parent. A thread that exits meanwhile counts as having taken part.
 *
 *	running --stop signal--> group_stop_count > 0 --last thread--> SIGNAL_STOP_STOPPED
 *	   ^			      |					   |
 *	   +-------- SIGCONT ---------+-------------- SIGCONT -------------+
 *	  SIGNAL_STOP_CONTINUED until waited for
 *
 * SIGCONT acts when it is sent, whether blocked, ignored or handled: it takes pending stop signals
 * back and wakes the threads. Its sender holds the wrong locks for telling the parent, so it leaves
 * a note (SIGNAL_CLD_) for the first continued thread. A thread that has dequeued a stop signal
 * drops the lock before it stops; JOBCTL_STOP_DEQUEUED, cleared by SIGCONT, says whether the stop
 * is still wanted.
 *
 * For wait(2): stop_signal with SIGNAL_STOP_STOPPED is a stop not yet reported (wait sets it to 0),
 * SIGNAL_STOP_CONTINUED a continue not yet reported (wait clears it).
 *
 * Locks: tasklist_lock for parents; sighand->lock for the rest, never that of the child and of the
 * parent together.
 */
#include <tine/cred.h>
#include <tine/printk.h>
#include <tine/rusage.h>
#include <tine/sched.h>
#include <tine/signal_internal.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/timers.h>

#define CLOCK_TICK_NS    (NSEC_PER_SEC / 100)
#define SIGNAL_CLD_MASK  (SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED)
#define SIGNAL_STOP_MASK (SIGNAL_CLD_MASK | SIGNAL_STOP_STOPPED | SIGNAL_STOP_CONTINUED)

struct atomic stopped_groups;

/* Sending. */

static void flush_from_group(struct signal_struct *signal, sigset_t mask)
{
	struct process_timers *timers = signal->timers;
	struct list_head *dead = timers && timers->in_interrupt ? &timers->dead : NULL;
	struct task_struct *thread;

	flush_sigqueue_mask(mask, &signal->shared_pending, dead);
	list_for_each_entry(thread, &signal->threads, thread_link)
		flush_sigqueue_mask(mask, &thread->pending, dead);
}

static void continue_group(struct signal_struct *signal)
{
	struct task_struct *thread;
	u32 note = 0;

	list_for_each_entry(thread, &signal->threads, thread_link) {
		thread->jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_DEQUEUED);
		try_to_wake_up(thread, TASK_STOPPED_BIT);
	}
	if (signal->flags & SIGNAL_STOP_STOPPED)
		note = SIGNAL_CLD_CONTINUED;
	else if (signal->group_stop_count > 0)
		note = SIGNAL_CLD_STOPPED;
	if (!note)
		return;
	if (note == SIGNAL_CLD_CONTINUED)
		atomic_dec(&stopped_groups);
	signal->flags = (signal->flags & ~SIGNAL_STOP_MASK) | note | SIGNAL_STOP_CONTINUED;
	signal->group_stop_count = 0;
	signal->stop_signal = 0;
}

void prepare_stop_or_continue(struct task_struct *task, int sig)
{
	if (sigmask(sig) & SIG_STOPS) {
		flush_from_group(task->signal, sigmask(SIGCONT));
	} else if (sig == SIGCONT) {
		flush_from_group(task->signal, SIG_STOPS);
		continue_group(task->signal);
	}
}

/* Telling the parent. */

/* A SIGCHLD (or other exit signal) about task; the uid and pid as task's parent sees them. */
static void fill_child_info(siginfo_t *info, int sig, struct task_struct *task,
			    const struct task_struct *parent, struct cpu_time used)
{
	const struct pid *pid = parent->thread_pid;

	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_pid = pid_nr_ns(task->thread_pid, pid->numbers[pid->level].ns);
	info->si_uid = task_uid(task);
	info->si_utime = used.user / CLOCK_TICK_NS;
	info->si_stime = used.system / CLOCK_TICK_NS;
}

static void fill_exit_status(siginfo_t *info, int code)
{
	info->si_status = code & 0x7f;
	if (code & 0x80)
		info->si_code = CLD_DUMPED;
	else if (code & 0x7f)
		info->si_code = CLD_KILLED;
	else
		info->si_code = CLD_EXITED;
	if (info->si_code == CLD_EXITED)
		info->si_status = code >> 8;
}

/* Apart, so that a parent that is sent nothing does not pay for the siginfo. */
static __noinline void send_exit_signal(struct task_struct *task, struct task_struct *parent,
					int sig)
{
	irq_state_t state;
	siginfo_t info;

	fill_child_info(&info, sig, task, parent, process_cpu_time(task));
	fill_exit_status(&info, task->exit_code);
	state = spin_lock_irqsave(&parent->sighand->lock);
	send_signal_locked(sig, &info, parent, PIDTYPE_TGID);
	spin_unlock_irqrestore(&parent->sighand->lock, state);
}

bool do_notify_parent(struct task_struct *task, int sig)
{
	struct task_struct *parent = task->parent;
	struct sighand_struct *sighand = parent->sighand;
	bool autoreap = false, ignored, send;
	irq_state_t state;

	/* The program that asked for another signal is there no more. */
	if (task->parent_exec_id != parent->exec_id)
		sig = SIGCHLD;
	send = sig > 0 && sig <= NSIG;
	if (sig == SIGCHLD) {
		state = spin_lock_irqsave(&sighand->lock);
		ignored = sig_handler(sighand, SIGCHLD) == SIG_IGN;
		autoreap = ignored || (sig_flags(sighand, SIGCHLD) & SA_NOCLDWAIT);
		send = !ignored && !sig_ignored(parent, SIGCHLD, false);
		spin_unlock_irqrestore(&sighand->lock, state);
	}
	if (send)
		send_exit_signal(task, parent, sig);
	wake_up_all(&parent->signal->wait_child);
	return autoreap;
}

static void do_notify_parent_cldstop(struct task_struct *task, int why)
{
	struct task_struct *leader = task->group_leader, *parent = leader->real_parent;
	struct sighand_struct *sighand = parent->sighand;
	irq_state_t state;
	siginfo_t info;

	fill_child_info(&info, SIGCHLD, leader, parent, thread_cpu_time(leader));
	info.si_code = why;
	info.si_status = why == CLD_CONTINUED ? SIGCONT : READ_ONCE(task->signal->stop_signal);

	state = spin_lock_irqsave(&sighand->lock);
	if (sig_handler(sighand, SIGCHLD) != SIG_IGN &&
	    !(sig_flags(sighand, SIGCHLD) & SA_NOCLDSTOP))
		send_signal_locked(SIGCHLD, &info, parent, PIDTYPE_TGID);
	spin_unlock_irqrestore(&sighand->lock, state);
	/* wait(2) reports stops and continues without a signal too. */
	wake_up_all(&parent->signal->wait_child);
}

static void tell_parent(int why)
{
	spin_lock(&tasklist_lock);
	do_notify_parent_cldstop(current, why);
	spin_unlock(&tasklist_lock);
}

void notify_continue(void)
{
	struct signal_struct *signal = current->signal;
	irq_state_t state = spin_lock_irqsave(&current->sighand->lock);
	u32 notes = signal->flags & SIGNAL_CLD_MASK;

	signal->flags &= ~SIGNAL_CLD_MASK;
	spin_unlock_irqrestore(&current->sighand->lock, state);
	if (notes)
		tell_parent(notes & SIGNAL_CLD_CONTINUED ? CLD_CONTINUED : CLD_STOPPED);
}

/* Stopping. */

/*
 * current takes part in its group's stop; true if it was the last one, and the parent is to be
 * told.
 */
static bool participate_group_stop(void)
{
	struct signal_struct *signal = current->signal;

	ASSERT(signal->group_stop_count > 0);
	current->jobctl &= ~JOBCTL_STOP_PENDING;
	if (--signal->group_stop_count > 0 || (signal->flags & SIGNAL_STOP_STOPPED))
		return false;
	signal->flags = (signal->flags & ~SIGNAL_STOP_MASK) | SIGNAL_STOP_STOPPED;
	atomic_inc(&stopped_groups);
	return true;
}

static void add_to_group_stop(struct task_struct *thread)
{
	if ((thread->flags & PF_EXITING) || (thread->state & TASK_STOPPED_BIT))
		return;
	thread->jobctl |= JOBCTL_STOP_PENDING;
	current->signal->group_stop_count++;
	if (thread != current)
		signal_wake_up(thread, false);
}

static void begin_group_stop(int sig)
{
	struct signal_struct *signal = current->signal;
	struct task_struct *thread;

	signal->stop_signal = sig;
	signal->group_stop_count = 0;
	list_for_each_entry(thread, &signal->threads, thread_link)
		add_to_group_stop(thread);
}

/* A stop signal was dequeued and nothing that came since makes it void. */
static bool may_stop(const struct signal_struct *signal)
{
	return (current->jobctl & JOBCTL_STOP_DEQUEUED) && !(signal->flags & SIGNAL_GROUP_EXIT) &&
	       !signal->group_exec_task;
}

void do_signal_stop(int sig)
{
	struct sighand_struct *sighand = current->sighand;
	irq_state_t state = spin_lock_irqsave(&sighand->lock);
	bool last;

	if (!(current->jobctl & JOBCTL_STOP_PENDING) && sig && may_stop(current->signal))
		begin_group_stop(sig);
	if (!(current->jobctl & JOBCTL_STOP_PENDING)) {
		spin_unlock_irqrestore(&sighand->lock, state);
		return;
	}
	last = participate_group_stop();
	/* Under the lock, so that a SIGCONT sent from now on finds and wakes this thread. */
	set_current_state(TASK_STOPPED);
	spin_unlock_irqrestore(&sighand->lock, state);
	if (last)
		tell_parent(CLD_STOPPED);
	schedule();
}

/* Leaving. */

void exit_signals(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	bool last = false;
	irq_state_t state;

	if (signal->nr_threads == 1) {
		task->flags |= PF_EXITING;
		return;
	}
	state = spin_lock_irqsave(&task->sighand->lock);
	task->flags |= PF_EXITING;
	if (!(signal->flags & SIGNAL_GROUP_EXIT)) {
		retarget_shared_pending(task, ~task->blocked);
		if (task->jobctl & JOBCTL_STOP_PENDING)
			last = participate_group_stop();
	}
	spin_unlock_irqrestore(&task->sighand->lock, state);
	if (last)
		tell_parent(CLD_STOPPED);
}
