/*
 * Signals: the system calls. Arguments, user memory and the order of errors; what they do is in the
 * other signal files.
 */
#include <tine/cred.h>
#include <tine/sched.h>
#include <tine/signal_internal.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>

/* Actions. */

/* Signals that are now ignored and were pending are dropped. h held. */
static void drop_if_ignored(int sig)
{
	struct signal_struct *signal = current->signal;
	unsigned long handler = sig_handler(current->sighand, sig);
	struct task_struct *thread;

	if (handler != SIG_IGN && !(handler == SIG_DFL && default_action(sig) == DEFAULT_IGNORE))
		return;
	flush_sigqueue_mask(sigmask(sig), &signal->shared_pending, NULL);
	list_for_each_entry(thread, &signal->threads, thread_link)
		flush_sigqueue_mask(sigmask(sig), &thread->pending, NULL);
}

/* new may be NULL. */
static int do_sigaction(int sig, struct kernel_sigaction *new, struct kernel_sigaction *old)
{
	struct sighand_struct *sighand = current->sighand;
	irq_state_t state;
	int err = 0;

	if (sig < 1 || sig > NSIG || (new && (sigmask(sig) & SIG_UNBLOCKABLE)))
		return -EINVAL;
	state = spin_lock_irqsave(&sighand->lock);
	*old = get_action(sighand, sig);
	if (new) {
		new->flags &= SA_KNOWN_FLAGS;
		new->mask &= ~SIG_UNBLOCKABLE;
		err = set_action(sighand, sig, new);
	}
	if (new && !err)
		drop_if_ignored(sig);
	spin_unlock_irqrestore(&sighand->lock, state);
	return err;
}

long sys_rt_sigaction(int sig, const struct kernel_sigaction __user *act,
		      struct kernel_sigaction __user *oldact, size_t size)
{
	struct kernel_sigaction new, old;
	int err;

	if (size != sizeof(sigset_t))
		return -EINVAL;
	if (act && copy_from_user(&new, act, sizeof(new)))
		return -EFAULT;
	err = do_sigaction(sig, act ? &new : NULL, &old);
	if (err)
		return err;
	if (oldact && copy_to_user(oldact, &old, sizeof(old)))
		return -EFAULT;
	return 0;
}

/* Blocked and pending sets. */

static int change_mask(int how, sigset_t set)
{
	switch (how) {
	case SIG_BLOCK:
		set |= current->blocked;
		break;
	case SIG_UNBLOCK:
		set = current->blocked & ~set;
		break;
	case SIG_SETMASK:
		break;
	default:
		return -EINVAL;
	}
	set_current_blocked(set);
	return 0;
}

long sys_rt_sigprocmask(int how, const sigset_t __user *set, sigset_t __user *oldset, size_t size)
{
	sigset_t old = current->blocked, new;
	int err;

	if (size != sizeof(sigset_t))
		return -EINVAL;
	if (set) {
		if (get_user(new, set))
			return -EFAULT;
		err = change_mask(how, new);
		if (err)
			return err;
	}
	return oldset ? put_user(old, oldset) : 0;
}

long sys_rt_sigpending(sigset_t __user *set, size_t size)
{
	irq_state_t state;
	sigset_t pending;

	if (size > sizeof(sigset_t))
		return -EINVAL;
	state = spin_lock_irqsave(&current->sighand->lock);
	pending = current->pending.set | current->signal->shared_pending.set;
	spin_unlock_irqrestore(&current->sighand->lock, state);
	pending &= current->blocked;
	return copy_to_user(set, &pending, size) ? -EFAULT : 0;
}

/* Waiting. */

long sys_pause(void)
{
	while (!signal_pending(current)) {
		set_current_state(TASK_INTERRUPTIBLE);
		schedule();
	}
	return -ERESTARTNOHAND;
}

long sys_rt_sigsuspend(sigset_t __user *set, size_t size)
{
	int err;

	if (size != sizeof(sigset_t))
		return -EINVAL;
	if (!set)
		return -EFAULT;
	err = set_user_sigmask(set, size);
	return err ? err : sys_pause();
}

/*
 * Takes a signal of which, waiting up to ns for one; -EAGAIN: none came. While it waits those
 * signals are unblocked so that they wake it, and real_blocked tells their senders that they are
 * neither to be dropped nor to kill.
 */
static int wait_for_signal(sigset_t which, siginfo_t *info, u64 ns)
{
	struct sighand_struct *sighand = current->sighand;
	irq_state_t state = spin_lock_irqsave(&sighand->lock);
	int sig = dequeue_signal(~which, info);
	u64 left;

	if (sig || ns == 0) {
		spin_unlock_irqrestore(&sighand->lock, state);
		return sig ? sig : -EAGAIN;
	}
	current->real_blocked = current->blocked;
	current->blocked &= ~which;
	recalc_sigpending(current);
	spin_unlock_irqrestore(&sighand->lock, state);

	set_current_state(TASK_INTERRUPTIBLE);
	left = schedule_timeout(ns);

	state = spin_lock_irqsave(&sighand->lock);
	set_blocked_locked(current->real_blocked);
	current->real_blocked = 0;
	sig = dequeue_signal(~which, info);
	spin_unlock_irqrestore(&sighand->lock, state);
	if (sig)
		return sig;
	return left ? -EINTR : -EAGAIN;
}

long sys_rt_sigtimedwait(const sigset_t __user *set, siginfo_t __user *uinfo,
			 const struct uapi_timespec __user *timeout, size_t size)
{
	siginfo_t info;
	sigset_t which;
	u64 ns = ~0ull;
	int ret;

	if (size != sizeof(sigset_t))
		return -EINVAL;
	if (get_user(which, set))
		return -EFAULT;
	if (timeout) {
		ret = get_timespec_ns(timeout, &ns);
		if (ret)
			return ret;
	}
	ret = wait_for_signal(which & ~SIG_UNBLOCKABLE, &info, ns);
	if (ret > 0 && uinfo && copy_siginfo_to_user(uinfo, &info))
		return -EFAULT;
	return ret;
}

long sys_restart_syscall(void)
{
	struct restart_block *restart = &current->restart;

	return restart->fn ? restart->fn(restart) : -EINTR;
}

/* The alternate stack. */

/* sp: the user's stack pointer. */
static int set_altstack(const stack_t *new, unsigned long sp)
{
	int mode = new->ss_flags & ~(int)SS_AUTODISARM;

	if (on_altstack(sp))
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	/* What is in force may be set again, whatever its size. */
	if (new->ss_sp == current->altstack.ss_sp &&new->ss_size ==
	    current->altstack.ss_size &&new->ss_flags == current->altstack.ss_flags)
		return 0;
	if (mode == SS_DISABLE) {
		current->altstack = (stack_t){.ss_flags = new->ss_flags};
		return 0;
	}
	if (new->ss_size < MINSIGSTKSZ)
		return -ENOMEM;
	current->altstack = *new;
	return 0;
}

/* As sigaltstack(2) reports it: SS_ONSTACK means that it is in use. */
static stack_t altstack_in_use(unsigned long sp)
{
	stack_t stack = altstack_to_save();

	stack.ss_flags = current->altstack.ss_flags & (int)SS_AUTODISARM;
	if (!stack.ss_size)
		stack.ss_flags |= SS_DISABLE;
	else if (on_altstack(sp))
		stack.ss_flags |= SS_ONSTACK;
	return stack;
}

long sys_sigaltstack(const stack_t __user *new, stack_t __user *old)
{
	unsigned long sp = task_pt_regs(current)->sp;
	stack_t stack, before = altstack_in_use(sp);
	int err;

	if (new) {
		if (copy_from_user(&stack, new, sizeof(stack)))
			return -EFAULT;
		err = set_altstack(&stack, sp);
		if (err)
			return err;
	}
	return old && copy_to_user(old, &before, sizeof(before)) ? -EFAULT : 0;
}

int restore_altstack(const stack_t __user *from, unsigned long sp)
{
	stack_t stack;

	if (copy_from_user(&stack, from, sizeof(stack)))
		return -EFAULT;
	/* A frame whose stack is not valid any more is no reason to fail. */
	(void)set_altstack(&stack, sp);
	return 0;
}

/* Sending. */

void siginfo_from_current(siginfo_t *info, int sig, int code)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = task_tgid_vnr(current);
	info->si_uid = current->cred->uid;
}

static int kill_process_locked(pid_t pid, int sig, siginfo_t *info)
{
	struct task_struct *task = find_task_by_vpid(pid);

	return task ? group_send_sig_info(sig, info, task) : -ESRCH;
}

/*
 * Every process but init and the caller's own. As on Linux, to be refused by all of them is
 * success.
 */
static int kill_everybody_locked(int sig, siginfo_t *info)
{
	struct task_struct *leader;
	int err, ret = 0;
	bool found = false;

	list_for_each_entry(leader, &task_list, tasks_link) {
		if (task_pid_vnr(leader) <= 1 || same_thread_group(leader, current))
			continue;
		found = true;
		err = broadcast_sig_info(sig, info, leader);
		if (err != -EPERM)
			ret = err;
	}
	return found ? ret : -ESRCH;
}

static int kill_something_locked(pid_t pid, int sig, siginfo_t *info)
{
	if (pid > 0)
		return kill_process_locked(pid, sig, info);
	if (pid == -1)
		return kill_everybody_locked(sig, info);
	if (pid == 0)
		return kill_pgrp_locked(current->signal->pids[PIDTYPE_PGID], sig, info);
	return kill_pgrp_locked(find_vpid(-pid), sig, info);
}

long sys_kill(pid_t pid, int sig)
{
	siginfo_t info;

	if (pid == (pid_t)0x80000000)
		return -ESRCH;
	siginfo_from_current(&info, sig, SI_USER);
	return SPIN_LOCKED(&tasklist_lock, kill_something_locked(pid, sig, &info));
}

/* To the thread pid, which is to be of process tgid if that is not 0. */
static int kill_thread_locked(pid_t tgid, pid_t pid, int sig, siginfo_t *info)
{
	struct task_struct *task = find_task_by_vpid(pid);
	irq_state_t state;
	int err;

	if (!task || (tgid && task_tgid_vnr(task) != tgid))
		return -ESRCH;
	if (!lock_task_sighand(task, &state))
		return -ESRCH;
	err = check_kill_permission(sig, info, task);
	if (!err && sig)
		err = send_signal_locked(sig, info, task, PIDTYPE_PID);
	spin_unlock_irqrestore(&task->sighand->lock, state);
	return err;
}

static int kill_thread(pid_t tgid, pid_t pid, int sig, siginfo_t *info)
{
	return SPIN_LOCKED(&tasklist_lock, kill_thread_locked(tgid, pid, sig, info));
}

long sys_tkill(pid_t pid, int sig)
{
	siginfo_t info;

	if (pid <= 0)
		return -EINVAL;
	siginfo_from_current(&info, sig, SI_TKILL);
	return kill_thread(0, pid, sig, &info);
}

long sys_tgkill(pid_t tgid, pid_t pid, int sig)
{
	siginfo_t info;

	if (pid <= 0 || tgid <= 0)
		return -EINVAL;
	siginfo_from_current(&info, sig, SI_TKILL);
	return kill_thread(tgid, pid, sig, &info);
}

/* The highest si_code of a signal that has codes of its own. */
static int highest_code(int sig)
{
	switch (sig) {
	case SIGILL:
		return 11;
	case SIGFPE:
		return 15;
	case SIGSEGV:
		return 9;
	case SIGBUS:
		return 5;
	case SIGTRAP:
		return 6;
	case SIGCHLD:
	case SIGIO:
		return 6;
	case SIGSYS:
		return 2;
	default:
		return 0;
	}
}

/* The kernel knows how much of a siginfo with that code is used. */
static bool known_layout(int sig, int code)
{
	const int highest_poll_code = 6;

	if (code == SI_KERNEL || code == SI_ASYNCNL)
		return true;
	if (code > SI_USER)
		return code <= MAX(highest_code(sig), highest_poll_code);
	return code >= SI_DETHREAD;
}

int copy_siginfo_from_user(siginfo_t *info, int sig, const siginfo_t __user *from)
{
	const char *bytes = (const char *)info;

	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	info->si_signo = sig;
	if (!known_layout(sig, info->si_code))
		for (size_t i = SIGINFO_USED_SIZE; i < sizeof(*info); i++)
			if (bytes[i])
				return -E2BIG;
	memset((char *)info + SIGINFO_USED_SIZE, 0, sizeof(*info) - SIGINFO_USED_SIZE);
	return 0;
}

int copy_siginfo_to_user(siginfo_t __user *to, const siginfo_t *from)
{
	return copy_to_user(to, from, sizeof(*to)) ? -EFAULT : 0;
}

/* Only to itself may a program send what looks as if it came from the kernel or from kill(2). */
static bool is_forged(const siginfo_t *info, pid_t pid)
{
	return (info->si_code >= 0 || info->si_code == SI_TKILL) && task_pid_vnr(current) != pid;
}

long sys_rt_sigqueueinfo(pid_t pid, int sig, siginfo_t __user *uinfo)
{
	siginfo_t info;
	int err = copy_siginfo_from_user(&info, sig, uinfo);

	if (err)
		return err;
	if (is_forged(&info, pid))
		return -EPERM;
	err = SPIN_LOCKED(&tasklist_lock, kill_process_locked(pid, sig, &info));
	return err;
}

long sys_rt_tgsigqueueinfo(pid_t tgid, pid_t pid, int sig, siginfo_t __user *uinfo)
{
	siginfo_t info;
	int err = copy_siginfo_from_user(&info, sig, uinfo);

	if (err)
		return err;
	if (pid <= 0 || tgid <= 0)
		return -EINVAL;
	if (is_forged(&info, pid))
		return -EPERM;
	return kill_thread(tgid, pid, sig, &info);
}
