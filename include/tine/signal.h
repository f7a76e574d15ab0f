/*
 * Signals: actions and pending sets (kernel/signal.c), sending (signal_send.c), stop, continue and
 * telling the parent (signal_stop.c), delivery (signal_deliver.c), system calls
 * (signal_syscalls.c), frames (arch/x86_64/signal.c). sighand_struct.lock guards all of it ("h" in
 * task.h); it is taken with interrupts off.
 */
#pragma once

#include <tine/atomic.h>
#include <tine/list.h>
#include <tine/spinlock.h>
#include <tine/types.h>
#include <uapi/signal.h>

struct kernel_clone_args;
struct pid;
struct posix_timer;
struct pt_regs;
struct task_struct;
struct user_struct;
struct wait_queue;

static inline sigset_t sigmask(int sig)
{
	return 1ul << (sig - 1);
}

/*
 * The actions, shared copy-on-write by the sighands of forked processes: immutable while count is
 * more than one.
 */
struct sigactions {
	struct atomic count;
	sigset_t handled, ignored;            /* those with a handler; those that are SIG_IGN */
	struct kernel_sigaction action[NSIG]; /* as rt_sigaction takes it; [sig - 1] */
};

/*
 * What resets actions (exec, SA_RESETHAND, a forced signal) notes it in a set and so needs no copy
 * of them: exec of a forked process leaves the parent's actions shared, and no reset can fail.
 */
struct sighand_struct {
	struct atomic count; /* tasks that share it */
	struct spinlock lock;
	struct sigactions *actions;
	sigset_t defaulted; /* their handler is SIG_DFL, whatever actions say */
	sigset_t cleared;   /* their flags, restorer and mask are zero, whatever actions say */
	bool watched;       /* h: somebody has waited for signals with a signalfd (fs/signalfd.c) */
};

/* One queued signal. */
struct sigqueue {
	struct list_head link;
	struct posix_timer *timer; /* h: whose entry it is for as long as it lives; mostly NULL */
	siginfo_t info;
	struct user_struct *user; /* whose RLIMIT_SIGPENDING it counts against; counted */
};

struct sigpending {
	sigset_t set;
	sigset_t from_kernel;   /* those without a sigqueue that the kernel sent: SI_KERNEL */
	struct list_head queue; /* of sigqueue; signals without one have default siginfo */
};

/* A signal about to be handled. */
struct ksignal {
	int sig;
	siginfo_t info;
	struct kernel_sigaction action;
};

/* Special siginfo arguments: sent by a user's kill / by the kernel itself. */
#define SEND_SIG_NOINFO ((siginfo_t *)0)
#define SEND_SIG_PRIV   ((siginfo_t *)1)

/* task_struct.jobctl */
#define JOBCTL_STOP_PENDING  0x1u /* has yet to take part in its group's stop; counted there */
#define JOBCTL_STOP_DEQUEUED 0x2u /* took a stop signal out, and no SIGCONT came since */

/* Creating and ending tasks. */
/* init_task's: default actions. */
extern struct sighand_struct init_sighand;
/*
 * Locks task's sighand; NULL, and nothing locked, if task has been reaped. task->sighand changes
 * only under tasklist_lock and the old sighand's lock, so it is safe for: current; whoever holds
 * tasklist_lock; a timer that is cancelled before its task is reaped and while its task changes
 * sighand in exec.
 */
struct sighand_struct *lock_task_sighand(struct task_struct *task, irq_state_t *state);
/*
 * clone: child gets actions of its own (copy-on-write), or shares current's with CLONE_SIGHAND;
 * CLONE_CLEAR_SIGHAND resets. ENOMEM.
 */
int copy_sighand(struct task_struct *child, const struct kernel_clone_args *args);
void release_sighand(struct task_struct *task); /* tolerates NULL */
/* Gives current a sighand of its own if it shares one; for exec. ENOMEM. */
int unshare_sighand(struct task_struct *task);
void put_sighand(struct sighand_struct *sighand);
void sigpending_init(struct sigpending *pending);
/*
 * Drops the signals of mask. h held, or nobody else knows of pending. dead: a list for what is to
 * be freed later; NULL: it is freed.
 */
void flush_sigqueue_mask(sigset_t mask, struct sigpending *pending, struct list_head *dead);
/* All of them. */
static inline void flush_sigqueue(struct sigpending *pending)
{
	if (unlikely(pending->set))
		flush_sigqueue_mask(~0ul, pending, NULL);
}
/* exec: drops what looks as if timers had sent it. h held. */
void flush_timer_signals(struct sigpending *pending);
/*
 * exec: handled signals go back to default, ignored ones stay (unless force_default); task's
 * sighand is its own. Cannot fail.
 */
void flush_signal_handlers(struct task_struct *task, bool force_default);
/* For /proc: which signals have a handler, which are ignored. h held. */
sigset_t sighand_handled(const struct sighand_struct *sighand);
sigset_t sighand_ignored(const struct sighand_struct *sighand);

/* Sending. Return 0 or -errno. With a special info, also in interrupts; otherwise not. */
/*
 * To one thread / to its process. tasklist_lock held, task is current, or as lock_task_sighand
 * says.
 */
/*
 * group_send_sig_info: EPERM if the sender, info says, is a program and current may not signal
 * task; sig 0 only asks.
 */
int send_sig_info(int sig, siginfo_t *info, struct task_struct *task);
int group_send_sig_info(int sig, siginfo_t *info, struct task_struct *task);
/*
 * To every process of a group; tasklist_lock is taken inside. ESRCH if it has none. Not in
 * interrupts.
 */
int kill_pgrp(struct pid *pgrp, int sig, siginfo_t *info);
int kill_pgrp_locked(struct pid *pgrp, int sig, siginfo_t *info); /* tasklist_lock held */
/* A fault of current itself: cannot be blocked or ignored. */
void force_sig(int sig);
void force_sig_fault(int sig, int code, void __user *address);
/* The same with the action reset to default first, so that it ends current. */
void force_fatal_sig(int sig);
/*
 * SIGSEGV because a handler for sig cannot be started: one for SIGSEGV is no way to report that.
 */
void force_sigsegv(int sig);
/* Everybody in the group but current is to die (exit_group, exec). sighand->lock held. */
void zap_other_threads(struct task_struct *task);

/*
 * Tells parent of task's end (sig: task->exit_signal). tasklist_lock held. True if nobody will wait
 * for it (SIGCHLD ignored): it is to be reaped at once.
 */
bool do_notify_parent(struct task_struct *task, int sig);

/* A signal was made pending for a task of a sighand that is watched. h held. */
void signalfd_notify(const struct sighand_struct *sighand);
void signalfd_init(void);

/* Delivery. */
/*
 * Called by the way out to user mode while TIF_SIGPENDING is set, interrupts on: takes one signal
 * and handles it (stops, dies, sets up a frame), or finds none and restarts the system call. Called
 * again while the flag is set, so frames stack up.
 */
void do_signal(struct pt_regs *regs);
/* Recomputes TIF_SIGPENDING of task after its blocked set changed. h held. */
void recalc_sigpending(struct task_struct *task);
/* Changes current's blocked set (SIGKILL and SIGSTOP stay out); takes the lock. */
void set_current_blocked(sigset_t set);
/*
 * For ppoll, pselect, sigsuspend: blocked = set until the system call returns; the old one comes
 * back by TIF_RESTORE_SIGMASK. set NULL: nothing. EINVAL: size; EFAULT.
 */
int set_user_sigmask(const sigset_t __user *set, size_t size);
void restore_saved_sigmask_unless(bool interrupted);
/* Copies a siginfo out, all 128 bytes. -EFAULT. */
int copy_siginfo_to_user(siginfo_t __user *to, const siginfo_t *from) __must_check;
/*
 * fork: a signal sent to a group (or to everybody) reaches parent and child, or comes before the
 * fork. The first is called before anything is made, the second under tasklist_lock when the child
 * is about to be published; -ERESTARTNOINTR: handle signals first, then fork. Signals to the caller
 * alone that come in between do not matter, so that a fast timer cannot keep it from forking.
 */
int fork_signals_begin(u32 *seen);
int fork_signals_end(u32 seen);

/*
 * current begins to exit: sets PF_EXITING, hands shared signals on to other threads, takes part in
 * a group stop. No lock held.
 */
void exit_signals(struct task_struct *task);

/* The frame code's helpers (arch/x86_64/signal.c). */
/* sp lies on current's alternate stack; with SS_AUTODISARM nobody can tell, so the answer is no. */
bool on_altstack(unsigned long sp);
/* Base for a frame of the handler: the alternate stack if asked and not in use, else sp. */
unsigned long sigframe_base(const struct ksignal *ksig, unsigned long sp);
/*
 * frame, reached from base, would lie below the alternate stack that it is on. sp is the
 * interrupted stack pointer.
 */
bool sigframe_overflows(unsigned long sp, unsigned long base, unsigned long frame);
/* What sigreturn is to put back: the blocked set, or the one that sigsuspend saved. */
sigset_t sigmask_to_save(void);
/* sigaltstack(2) as a frame shows it, without padding bytes of the kernel's. */
stack_t altstack_to_save(void);
/* sigreturn: takes the alternate stack back, as far as it is valid. -EFAULT. */
int restore_altstack(const stack_t __user *from, unsigned long sp);
/* After a frame was made (failed: not): blocks the action's mask, or forces SIGSEGV. */
void signal_setup_done(bool failed, const struct ksignal *ksig);

void signals_init(void);
