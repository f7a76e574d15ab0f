/*
 * Signals (kernel/signal.c): actions, pending sets, sending, delivery. sighand_struct.lock guards all of it; it is taken with
 * interrupts off.
 */
#ifndef TINE_SIGNAL_H
#define TINE_SIGNAL_H

#include <tine/atomic.h>
#include <tine/list.h>
#include <tine/spinlock.h>
#include <tine/types.h>
#include <uapi/signal.h>

struct pid;
struct pt_regs;
struct task_struct;
struct wait_queue;

/* The actions, shared copy-on-write by the sighands of forked processes: immutable while count is more than one. */
struct sigactions {
	struct atomic count;
	struct kernel_sigaction action[64]; /* uapi/signal.h: as rt_sigaction takes it; [sig - 1] */
};

struct sighand_struct {
	struct atomic count; /* tasks that share it */
	struct spinlock lock;
	struct sigactions *actions;
};

/* One queued signal. */
struct sigqueue {
	struct list_head link;
	siginfo_t info;
	struct user_struct *user; /* whose RLIMIT_SIGPENDING it counts against; counted */
};

struct sigpending {
	sigset_t set;
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
#define SEND_SIG_PRIV ((siginfo_t *)1)

/* Creating and ending tasks. */
/* clone: child gets actions of its own (copy-on-write), or shares current's with CLONE_SIGHAND; CLONE_CLEAR_SIGHAND resets. ENOMEM. */
int copy_sighand(struct task_struct *child, u64 flags);
void release_sighand(struct task_struct *task); /* tolerates NULL */
void sigpending_init(struct sigpending *pending);
/* Drops what is queued. */
void flush_sigqueue(struct sigpending *pending);
/* exec: handled signals go back to default, ignored ones stay; current's sighand is its own. ENOMEM cannot happen after unshare_sighand. */
void flush_signal_handlers(struct task_struct *task, bool force_default);

/* Sending. Return 0 or -errno; may be called in interrupts only where said. */
/* To one thread / to its process. tasklist_lock held or task otherwise kept from being reaped; any context. */
int send_sig_info(int sig, siginfo_t *info, struct task_struct *task);
int group_send_sig_info(int sig, siginfo_t *info, struct task_struct *task);
/* To every process of a group; tasklist_lock is taken inside. ESRCH if it has none. */
int kill_pgrp(struct pid *pgrp, int sig, siginfo_t *info);
int kill_pgrp_locked(struct pid *pgrp, int sig, siginfo_t *info); /* tasklist_lock held */
/* A fault of current itself: cannot be blocked or ignored. */
void force_sig(int sig);
void force_sig_fault(int sig, int code, void __user *address);
/* Everybody in the group but current is to die (exit_group, exec). sighand->lock held. */
void zap_other_threads(struct task_struct *task);

/* Tells parent of task's end (sig: task->exit_signal) or of a stop or continue. tasklist_lock held.
 * do_notify_parent returns true if nobody will wait for it (SIGCHLD ignored): it is to be reaped at once. */
bool do_notify_parent(struct task_struct *task, int sig);
void do_notify_parent_cldstop(struct task_struct *task, int why);

/* Delivery. */
/* Called by the way out to user mode while TIF_SIGPENDING is set, interrupts on: handles signals, stops, dies, sets up frames,
 * restarts system calls. */
void do_signal(struct pt_regs *regs);
/* Recomputes TIF_SIGPENDING of task after its blocked set changed. h held. */
void recalc_sigpending(struct task_struct *task);
/* Changes current's blocked set (SIGKILL and SIGSTOP stay out); takes the lock. */
void set_current_blocked(sigset_t set);
/* For ppoll, pselect, sigsuspend: blocked = set until the system call returns; the old one comes back by TIF_RESTORE_SIGMASK. */
int set_user_sigmask(const sigset_t __user *set, size_t size);
void restore_saved_sigmask_unless(bool interrupted);
/* fork: moves pending-signal checks for a process that is about to get a child: -ERESTARTNOINTR if a signal for current is pending. */
int fork_signal_pending(void);

/* A new thread begins / task leaves: keeps group stop and shared signals right. tasklist_lock and h held as exit.c does. */
void exit_signals(struct task_struct *task);

/* The frame code's helpers (arch/x86_64/signal.c). */
/* Base for a frame of the handler: the alternate stack if asked and not in use, else sp. */
unsigned long sigframe_base(const struct ksignal *ksig, unsigned long sp);
int save_altstack(stack_t __user *to, unsigned long sp);
int restore_altstack(const stack_t __user *from, unsigned long sp);
/* After a frame was made (failed: not): blocks the action's mask, or forces SIGSEGV. */
void signal_setup_done(bool failed, const struct ksignal *ksig);

void signals_init(void);

#endif
