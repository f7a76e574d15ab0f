/*
 * What the files kernel/signal*.c share. Everything is called with the sighand's lock held unless
 * it says otherwise.
 */
#pragma once

#include <tine/pid.h>
#include <tine/signal.h>

#define SIG_UNBLOCKABLE (sigmask(SIGKILL) | sigmask(SIGSTOP))
#define SIG_STOPS       (sigmask(SIGSTOP) | sigmask(SIGTSTP) | sigmask(SIGTTIN) | sigmask(SIGTTOU))
/* Those that tell of what the thread itself just did: delivered before all others. */
#define SIG_SYNCHRONOUS                                                            \
	(sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) | sigmask(SIGTRAP) | \
	 sigmask(SIGFPE) | sigmask(SIGSYS))

/* What a signal does without a handler. */
enum default_action {
	DEFAULT_TERMINATE,
	DEFAULT_CORE, /* the same after a core dump (which Tine does not write): begins at delivery */
	DEFAULT_IGNORE,
	DEFAULT_STOP,
};
enum default_action default_action(int sig);

static inline bool valid_signal(int sig)
{
	return sig >= 0 && sig <= NSIG;
}

static inline unsigned long sig_handler(const struct sighand_struct *sighand, int sig)
{
	if (sighand->defaulted & sigmask(sig))
		return SIG_DFL;
	return sighand->actions->action[sig - 1].handler;
}

static inline unsigned long sig_flags(const struct sighand_struct *sighand, int sig)
{
	return sighand->cleared & sigmask(sig) ? 0 : sighand->actions->action[sig - 1].flags;
}

/* The action as a program would read it. */
struct kernel_sigaction get_action(const struct sighand_struct *sighand, int sig);
/* Changes it, copying the actions if they are shared. ENOMEM. */
int set_action(struct sighand_struct *sighand, int sig, const struct kernel_sigaction *action);

/*
 * A queue entry that counts against task's user; NULL: out of memory, or over the limit where that
 * binds.
 */
struct sigqueue *sigqueue_alloc(struct task_struct *task, bool over_limit);
void sigqueue_free(struct sigqueue *entry);

/* A wake-up for a signal: ends an interruptible sleep; with fatal a killable one and a stop too. */
void signal_wake_up(struct task_struct *task, bool fatal);
/*
 * Sends without asking for permission. type: PIDTYPE_PID to the thread, PIDTYPE_TGID to the
 * process. -EAGAIN: the queue is full.
 */
int send_signal_locked(int sig, siginfo_t *info, struct task_struct *task, enum pid_type type);
/* group_send_sig_info() to one of many. tasklist_lock held, the sighand's not. */
int broadcast_sig_info(int sig, siginfo_t *info, struct task_struct *task);
/*
 * Sends entry, which belongs to a timer, to task or its process; if it is still queued, counts it
 * in si_overrun. False: the signal is ignored. Any context.
 */
bool send_timer_signal(struct sigqueue *entry, struct task_struct *task, enum pid_type type);
bool sig_ignored(const struct task_struct *task, int sig, bool force);
/* EPERM, EINVAL, or 0: current may send sig with info to task. tasklist_lock held too. */
int check_kill_permission(int sig, const siginfo_t *info, const struct task_struct *task);

/*
 * The stop and continue effects of sending sig, which it has whether blocked, ignored or handled.
 */
void prepare_stop_or_continue(struct task_struct *task, int sig);
/*
 * current stops as the stop signal sig, just dequeued, says, or (0) takes part in the stop that its
 * group has begun. Returns when it is continued or killed; at once if the stop was overtaken by
 * SIGCONT or death. No lock held.
 */
void do_signal_stop(int sig);
/*
 * Tells the parent of a continue (or of a stop that a continue cut short) that nobody has told it
 * of yet. No lock held.
 */
void notify_continue(void);

/* Takes the next signal of current that is not in blocked; 0: none. */
int dequeue_signal(sigset_t blocked, siginfo_t *info);
/* Changes current's blocked set and hands newly blocked shared signals on to other threads. */
void set_blocked_locked(sigset_t set);
/* Wakes other threads for those of the shared signals in which that they can take. */
void retarget_shared_pending(struct task_struct *task, sigset_t which);

/* What kill(2) and its relatives send: from current. */
void siginfo_from_current(siginfo_t *info, int sig, int code);
/*
 * A program's siginfo, as one for sig. EFAULT; E2BIG: it says something where no siginfo that the
 * kernel knows has anything.
 */
int copy_siginfo_from_user(siginfo_t *info, int sig, const siginfo_t __user *from);
