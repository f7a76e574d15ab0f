/*
 * Signals: sending.
 *
 * Every signal goes through send_signal_locked(), under the lock of the target's sighand:
 *
 *	prepare	a stop signal takes back a pending SIGCONT and the other way round; SIGCONT
 *		wakes a stopped group
 *	drop	what the target ignores, unless it is blocked: when it is unblocked there may be a
 *		handler
 *	queue	to the thread or to the process; a standard signal that is pending is dropped
 *	choose	a thread that does not block it is woken; a signal that can only end the process
 *		ends it here and now: SIGNAL_GROUP_EXIT is set, and every thread gets a SIGKILL
 *
 * So a process that is to die is marked before anybody runs, and whoever waits in a killable sleep
 * is woken.
 *
 * Whom a program may signal is asked in check_kill_permission(); signals of the kernel's own
 * (SEND_SIG_PRIV, or a positive si_code) are not asked about. Init gets only what it has a handler
 * for, and from no one in its own pid namespace SIGKILL or SIGSTOP; a fault of its own does end it.
 * Kernel threads get nothing.
 *
 * In interrupts: only SEND_SIG_PRIV with standard signals, and send_timer_signal(), since those need
 * no memory.
 *
 * Locks: tasklist_lock, outside sighand->lock, keeps targets from being reaped and process groups
 * as they are.
 */
#include <tine/cred.h>
#include <tine/sched.h>
#include <tine/signal_internal.h>
#include <tine/string.h>
#include <tine/task.h>
#include <uapi/errno.h>

static const u8 default_actions[NSIG + 1] = {
	[SIGCHLD] = DEFAULT_IGNORE,  [SIGCONT] = DEFAULT_IGNORE, [SIGURG] = DEFAULT_IGNORE,
	[SIGWINCH] = DEFAULT_IGNORE, [SIGSTOP] = DEFAULT_STOP,   [SIGTSTP] = DEFAULT_STOP,
	[SIGTTIN] = DEFAULT_STOP,    [SIGTTOU] = DEFAULT_STOP,   [SIGQUIT] = DEFAULT_CORE,
	[SIGILL] = DEFAULT_CORE,     [SIGTRAP] = DEFAULT_CORE,   [SIGABRT] = DEFAULT_CORE,
	[SIGBUS] = DEFAULT_CORE,     [SIGFPE] = DEFAULT_CORE,    [SIGSEGV] = DEFAULT_CORE,
	[SIGXCPU] = DEFAULT_CORE,    [SIGXFSZ] = DEFAULT_CORE,   [SIGSYS] = DEFAULT_CORE,
};

enum default_action default_action(int sig)
{
	return default_actions[sig];
}

void signal_wake_up(struct task_struct *task, bool fatal)
{
	set_task_work(task, TIF_SIGPENDING);
	if (task == current)
		return;
	if (!try_to_wake_up(task, TASK_INTERRUPTIBLE | (fatal ? TASK_WAKEKILL : 0)))
		kick_task(task);
}

/* Senders and permissions. */

static bool is_special(const siginfo_t *info)
{
	return info == SEND_SIG_NOINFO || info == SEND_SIG_PRIV;
}

/* info says that a program sent it. */
static bool from_program(const siginfo_t *info)
{
	return info == SEND_SIG_NOINFO || (info != SEND_SIG_PRIV && info->si_code <= 0);
}

/* info names the sending process. */
static bool has_sender(const siginfo_t *info)
{
	return info->si_code <= 0 && info->si_code != SI_TIMER && info->si_code != SI_SIGIO;
}

static const struct pid_namespace *pid_namespace_of(const struct task_struct *task)
{
	const struct pid *pid = task->thread_pid;

	return pid->numbers[pid->level].ns;
}

/* The number of current's process as target's pid namespace sees it; 0 from outside. */
static int sender_pid(const struct task_struct *target)
{
	return pid_nr_ns(current->signal->pids[PIDTYPE_TGID], pid_namespace_of(target));
}

/* target's credentials do not change while its sighand's lock is held. */
static bool may_kill(const struct task_struct *target)
{
	const struct cred *mine = current->cred, *theirs = target->cred;

	return mine->euid == theirs->suid || mine->euid == theirs->uid ||
	       mine->uid == theirs->suid || mine->uid == theirs->uid || capable(CAP_KILL);
}

int check_kill_permission(int sig, const siginfo_t *info, const struct task_struct *task)
{
	if (!valid_signal(sig))
		return -EINVAL;
	if (!from_program(info) || same_thread_group(current, task) || may_kill(task))
		return 0;
	/* A shell may continue its jobs, whoever they have become. */
	if (sig == SIGCONT && task->signal->pids[PIDTYPE_SID] == current->signal->pids[PIDTYPE_SID])
		return 0;
	return -EPERM;
}

/* Which signals are dropped. */

/*
 * Init has no use for sig. force: the sender stands above it (the kernel, an outer pid namespace).
 */
static bool init_refuses(const struct task_struct *task, int sig, bool force)
{
	bool unblockable = sigmask(sig) & SIG_UNBLOCKABLE;

	if (same_thread_group(task, child_reaper) && unblockable)
		return true;
	return sig_handler(task->sighand, sig) == SIG_DFL && !(force && unblockable);
}

bool sig_ignored(const struct task_struct *task, int sig, bool force)
{
	unsigned long handler = sig_handler(task->sighand, sig);

	if ((task->blocked | task->real_blocked) & sigmask(sig))
		return false;
	if (task->flags & PF_KTHREAD)
		return true;
	if (unlikely(task->signal->flags & SIGNAL_UNKILLABLE) && init_refuses(task, sig, force))
		return true;
	return handler == SIG_IGN || (handler == SIG_DFL && default_action(sig) == DEFAULT_IGNORE);
}

/* Sending. */

/* Fills a queue entry's siginfo from what the sender gave. */
static void fill_siginfo(siginfo_t *to, int sig, const siginfo_t *info,
			 const struct task_struct *target)
{
	if (!is_special(info)) {
		*to = *info;
		if (has_sender(info) && sender_pid(target) == 0)
			to->si_pid = 0;
		return;
	}
	memset(to, 0, sizeof(*to));
	to->si_signo = sig;
	if (info == SEND_SIG_PRIV) {
		to->si_code = SI_KERNEL;
		return;
	}
	to->si_code = SI_USER;
	to->si_pid = sender_pid(target);
	to->si_uid = current->cred->uid;
}

/*
 * Puts a siginfo for sig into pending's queue. -EAGAIN if there is no room and the sender should
 * know: for sigqueue() of a real-time signal. Otherwise a signal that cannot have its siginfo goes
 * without.
 */
static int queue_siginfo(struct sigpending *pending, int sig, const siginfo_t *info,
			 struct task_struct *task)
{
	bool over_limit = sig < SIGRTMIN && (is_special(info) || info->si_code >= 0);
	struct sigqueue *entry;

	if (sig == SIGKILL || (task->flags & PF_KTHREAD))
		return 0;
	if (info == SEND_SIG_PRIV && sig < SIGRTMIN) {
		pending->from_kernel |= sigmask(sig);
		return 0;
	}
	entry = sigqueue_alloc(task, over_limit);
	if (entry) {
		fill_siginfo(&entry->info, sig, info, task);
		list_add_tail(&entry->link, &pending->queue);
		return 0;
	}
	if (sig >= SIGRTMIN && !is_special(info) && info->si_code != SI_USER)
		return -EAGAIN;
	return 0;
}

/* task is a thread that would handle sig soon. */
static bool wants_signal(const struct task_struct *task, int sig)
{
	if ((task->blocked & sigmask(sig)) || (task->flags & PF_EXITING))
		return false;
	if (sig == SIGKILL)
		return true;
	if (READ_ONCE(task->state) & (TASK_STOPPED_BIT | TASK_TRACED_BIT))
		return false;
	return task == current || !signal_pending(task);
}

/* The thread that gets sig: task itself if it wants it; NULL: all will find it when they look. */
static struct task_struct *choose_thread(struct task_struct *task, int sig, enum pid_type type)
{
	struct task_struct *thread;

	if (wants_signal(task, sig))
		return task;
	if (type == PIDTYPE_PID)
		return NULL;
	list_for_each_entry(thread, &task->signal->threads, thread_link)
		if (wants_signal(thread, sig))
			return thread;
	return NULL;
}

/* sig, taken by thread, can only end the process, and does so at once: not after a core dump. */
static bool sig_fatal(const struct task_struct *thread, int sig)
{
	if ((thread->signal->flags & SIGNAL_UNKILLABLE) && !(sigmask(sig) & SIG_UNBLOCKABLE))
		return false;
	return sig_handler(thread->sighand, sig) == SIG_DFL &&
	       default_action(sig) == DEFAULT_TERMINATE && !(thread->real_blocked & sigmask(sig));
}

static void kill_thread(struct task_struct *thread)
{
	thread->jobctl &= ~JOBCTL_STOP_PENDING;
	thread->pending.set |= sigmask(SIGKILL);
	signal_wake_up(thread, true);
}

static void start_group_exit(struct signal_struct *signal, int code)
{
	struct task_struct *thread;

	if (signal->flags & SIGNAL_STOP_STOPPED)
		atomic_dec(&stopped_groups);
	signal->flags = (signal->flags & SIGNAL_UNKILLABLE) | SIGNAL_GROUP_EXIT;
	signal->group_exit_code = code;
	signal->group_stop_count = 0;
	list_for_each_entry(thread, &signal->threads, thread_link)
		kill_thread(thread);
}

/* sig has come to be pending for task or its process. */
static void announce_signal(int sig, struct task_struct *task, enum pid_type type)
{
	struct task_struct *thread = choose_thread(task, sig, type);

	if (unlikely(READ_ONCE(task->sighand->watched)))
		signalfd_notify(task->sighand);
	if (!thread)
		return;
	if (sig_fatal(thread, sig) && !(thread->signal->flags & SIGNAL_GROUP_EXIT))
		start_group_exit(thread->signal, sig);
	else
		signal_wake_up(thread, sig == SIGKILL);
}

bool send_timer_signal(struct sigqueue *entry, struct task_struct *task, enum pid_type type)
{
	struct sigpending *pending = type == PIDTYPE_PID ? &task->pending
							 : &task->signal->shared_pending;
	int sig = entry->info.si_signo;

	if (!(task->signal->flags & SIGNAL_GROUP_EXIT))
		prepare_stop_or_continue(task, sig);
	if (sig_ignored(task, sig, false))
		return false;
	if (!list_empty(&entry->link)) {
		entry->info.si_overrun++;
		return true;
	}
	entry->info.si_overrun = 0;
	list_add_tail(&entry->link, &pending->queue);
	pending->set |= sigmask(sig);
	announce_signal(sig, task, type);
	return true;
}

int send_signal_locked(int sig, siginfo_t *info, struct task_struct *task, enum pid_type type)
{
	struct signal_struct *signal = task->signal;
	struct sigpending *pending = type == PIDTYPE_PID ? &task->pending : &signal->shared_pending;
	bool force = info == SEND_SIG_PRIV ||
		     ((info == SEND_SIG_NOINFO || has_sender(info)) && sender_pid(task) == 0);
	int err;

	if (!(signal->flags & SIGNAL_GROUP_EXIT))
		prepare_stop_or_continue(task, sig);
	if (sig_ignored(task, sig, force))
		return 0;
	if (sig < SIGRTMIN && (pending->set & sigmask(sig)))
		return 0;
	err = queue_siginfo(pending, sig, info, task);
	if (err)
		return err;
	pending->set |= sigmask(sig);
	announce_signal(sig, task, type);
	return 0;
}

int send_sig_info(int sig, siginfo_t *info, struct task_struct *task)
{
	irq_state_t state;
	int err;

	if (!valid_signal(sig))
		return -EINVAL;
	if (!lock_task_sighand(task, &state))
		return -ESRCH;
	err = send_signal_locked(sig, info, task, PIDTYPE_PID);
	spin_unlock_irqrestore(&task->sighand->lock, state);
	return err;
}

int group_send_sig_info(int sig, siginfo_t *info, struct task_struct *task)
{
	irq_state_t state;
	int err;

	if (!lock_task_sighand(task, &state))
		return -ESRCH;
	err = check_kill_permission(sig, info, task);
	if (!err && sig)
		err = send_signal_locked(sig, info, task, PIDTYPE_TGID);
	spin_unlock_irqrestore(&task->sighand->lock, state);
	return err;
}

int broadcast_sig_info(int sig, siginfo_t *info, struct task_struct *task)
{
	int err = group_send_sig_info(sig, info, task);

	/* After the signal is pending: fork looks at them in the other order. */
	task->signal->broadcasts++;
	return err;
}

int kill_pgrp_locked(struct pid *pgrp, int sig, siginfo_t *info)
{
	struct task_struct *leader;
	int err = -ESRCH;
	bool sent = false;

	if (!pgrp)
		return -ESRCH;
	list_for_each_entry(leader, &pgrp->tasks[PIDTYPE_PGID], pid_link[PIDTYPE_PGID]) {
		err = broadcast_sig_info(sig, info, leader);
		sent |= !err;
	}
	return sent ? 0 : err;
}

int kill_pgrp(struct pid *pgrp, int sig, siginfo_t *info)
{
	return SPIN_LOCKED(&tasklist_lock, kill_pgrp_locked(pgrp, sig, info));
}

void zap_other_threads(struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct task_struct *thread;

	signal->group_stop_count = 0;
	task->jobctl &= ~JOBCTL_STOP_PENDING;
	list_for_each_entry(thread, &signal->threads, thread_link)
		if (thread != task && thread->exit_state == EXIT_ALIVE)
			kill_thread(thread);
}

/* Faults. */

/* reset: the action becomes the default whatever it is. */
static void force_sig_info(int sig, siginfo_t *info, bool reset)
{
	struct sighand_struct *sighand = current->sighand;
	irq_state_t state = spin_lock_irqsave(&sighand->lock);
	bool blocked = current->blocked & sigmask(sig);

	if (reset || blocked || sig_handler(sighand, sig) == SIG_IGN) {
		sighand->defaulted |= sigmask(sig);
		current->blocked &= ~sigmask(sig);
	}
	if (sig_handler(sighand, sig) == SIG_DFL)
		current->signal->flags &= ~SIGNAL_UNKILLABLE;
	send_signal_locked(sig, info, current, PIDTYPE_PID);
	/* It may have been pending and blocked before, and was not sent again. */
	recalc_sigpending(current);
	spin_unlock_irqrestore(&sighand->lock, state);
}

void force_sig(int sig)
{
	force_sig_info(sig, SEND_SIG_PRIV, false);
}

void force_fatal_sig(int sig)
{
	force_sig_info(sig, SEND_SIG_PRIV, true);
}

void force_sig_fault(int sig, int code, void __user *address)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = sig;
	info.si_code = code;
	info.si_addr = address;
	force_sig_info(sig, &info, false);
}
