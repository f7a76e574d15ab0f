/*
 * Signals: delivery.
 *
 * A thread looks at its signals on its way to user mode, while TIF_SIGPENDING is set:
 *
 *	exit to user mode ---> do_signal() ---> get_signal(): takes one and acts on it
 *	        ^                  |		ignored		take the next
 *	        +------------------+		stop		sleep, then take the next
 *						fatal		do_group_exit()
 *						handler		arch_setup_signal_frame()
 *
 * One handler is set up at a time, and the loop in the arch code comes back while the flag is set.
 * The frame of a second signal is built on top of the first one's, whose handler has not run an
 * instruction yet: so of signals that are unblocked together the one taken last runs first, unless
 * a handler's mask blocks the others.
 *
 * Order: what the thread itself caused (SIGSEGV and its like) first, or the handler would see
 * registers of another handler; then by number, the thread's own before the process's.
 *
 * A system call that a signal interrupted has left an ERESTART result in its registers.
 * arch_restart_syscall() makes EINTR of it or winds the call back, once it is known whether a
 * handler runs and with which flags.
 *
 * Nothing here allocates. Lock: sighand->lock, dropped before anything that sleeps or dies.
 */
#include <tine/printk.h>
#include <tine/rseq.h>
#include <tine/signal_internal.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/timers.h>
#include <tine/uaccess.h>

/* Taking signals out. */

/* The signal of set to take next; set is not empty. */
static int next_signal(sigset_t set)
{
	if (set & SIG_SYNCHRONOUS)
		set &= SIG_SYNCHRONOUS;
	return __builtin_ctzl(set) + 1;
}

static void default_siginfo(siginfo_t *info, int sig, bool from_kernel)
{
	memset(info, 0, sizeof(*info));
	info->si_signo = sig;
	info->si_code = from_kernel ? SI_KERNEL : SI_USER;
}

/* The next queued entry for sig from entry on, NULL if there is none. */
static struct sigqueue *find_entry(struct sigpending *pending, struct list_head *from, int sig)
{
	for (struct list_head *l = from; l != &pending->queue; l = l->next) {
		struct sigqueue *entry = list_entry(l, struct sigqueue, link);

		if (entry->info.si_signo == sig)
			return entry;
	}
	return NULL;
}

/* Takes one sig out of pending, which has it; entry is its first in the queue, or NULL. */
static void collect_signal(struct sigpending *pending, int sig, struct sigqueue *entry,
			   siginfo_t *info)
{
	if (!entry) {
		default_siginfo(info, sig, pending->from_kernel & sigmask(sig));
		pending->from_kernel &= ~sigmask(sig);
		pending->set &= ~sigmask(sig);
		return;
	}
	if (!find_entry(pending, entry->link.next, sig))
		pending->set &= ~sigmask(sig);
	*info = entry->info;
	list_del(&entry->link);
	if (entry->timer)
		posix_timer_taken(entry->timer, info);
	else
		sigqueue_free(entry);
}

static int take_from(struct sigpending *pending, sigset_t blocked, siginfo_t *info)
{
	sigset_t set = pending->set & ~blocked;
	int sig;

	if (!set)
		return 0;
	sig = next_signal(set);
	collect_signal(pending, sig, find_entry(pending, pending->queue.next, sig), info);
	return sig;
}

/*
 * A fault of current's, with the siginfo that tells so, comes even before a synchronous signal of a
 * lower number from kill(2).
 */
static int take_fault(siginfo_t *info)
{
	struct sigpending *pending = &current->pending;
	struct sigqueue *entry;

	if (!(pending->set & ~current->blocked & SIG_SYNCHRONOUS))
		return 0;
	list_for_each_entry(entry, &pending->queue, link) {
		int sig = entry->info.si_signo;

		if (entry->info.si_code <= SI_USER || !(sigmask(sig) & SIG_SYNCHRONOUS))
			continue;
		collect_signal(pending, sig, entry, info);
		recalc_sigpending(current);
		return sig;
	}
	return 0;
}

int dequeue_signal(sigset_t blocked, siginfo_t *info)
{
	struct signal_struct *signal = current->signal;
	int sig = take_from(&current->pending, blocked, info);

	if (!sig) {
		sig = take_from(&signal->shared_pending, blocked, info);
		if (sig == SIGALRM && signal->timers)
			itimer_taken(signal->timers);
	}
	recalc_sigpending(current);
	if (sig && (sigmask(sig) & SIG_STOPS))
		current->jobctl |= JOBCTL_STOP_DEQUEUED;
	return sig;
}

void retarget_shared_pending(struct task_struct *task, sigset_t which)
{
	struct task_struct *thread;

	which &= task->signal->shared_pending.set;
	list_for_each_entry(thread, &task->signal->threads, thread_link) {
		if (!which)
			return;
		if (thread == task || (thread->flags & PF_EXITING) || !(which & ~thread->blocked))
			continue;
		which &= thread->blocked;
		if (!signal_pending(thread))
			signal_wake_up(thread, false);
	}
}

/* Acting on them. */

enum outcome {
	TAKE_NEXT,
	NOTHING_PENDING,
	RUN_HANDLER,
	TELL_PARENT,
	STOP,
	DIE,
};

/* What the signal just taken out, ksig->sig, does. */
static enum outcome decide(struct ksignal *ksig)
{
	struct sighand_struct *sighand = current->sighand;
	sigset_t mask = sigmask(ksig->sig);

	ksig->action = get_action(sighand, ksig->sig);
	if (ksig->action.handler == SIG_IGN)
		return TAKE_NEXT;
	if (ksig->action.handler != SIG_DFL) {
		if (ksig->action.flags & SA_RESETHAND)
			sighand->defaulted |= mask;
		return RUN_HANDLER;
	}
	if (default_action(ksig->sig) == DEFAULT_IGNORE)
		return TAKE_NEXT;
	if ((current->signal->flags & SIGNAL_UNKILLABLE) && !(mask & SIG_UNBLOCKABLE))
		return TAKE_NEXT;
	return default_action(ksig->sig) == DEFAULT_STOP ? STOP : DIE;
}

/*
 * One look at what is pending. ksig->sig is 0 if the outcome is about the group, not about a
 * signal.
 */
static enum outcome take_signal(struct ksignal *ksig)
{
	struct signal_struct *signal = current->signal;

	ksig->sig = 0;
	if (signal->flags & (SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED))
		return TELL_PARENT;
	if ((signal->flags & SIGNAL_GROUP_EXIT) || signal->group_exec_task) {
		/* Killable sleeps on the way out are to sleep. */
		current->pending.set &= ~sigmask(SIGKILL);
		recalc_sigpending(current);
		ksig->sig = SIGKILL;
		return DIE;
	}
	if (current->jobctl & JOBCTL_STOP_PENDING)
		return STOP;
	ksig->sig = take_fault(&ksig->info);
	if (!ksig->sig)
		ksig->sig = dequeue_signal(current->blocked, &ksig->info);
	return ksig->sig ? decide(ksig) : NOTHING_PENDING;
}

/*
 * A stop from the terminal would leave a process in an orphaned group with nobody to continue it.
 */
static bool would_be_stuck(int sig)
{
	if (!sig || sig == SIGSTOP)
		return false;
	return SPIN_LOCKED(&tasklist_lock,
			   is_orphaned_pgrp(current->signal->pids[PIDTYPE_PGID], NULL));
}

/* True: ksig has a handler that is to run. False: nothing is pending any more. */
static bool get_signal(struct ksignal *ksig)
{
	struct sighand_struct *sighand = current->sighand;

	for (;;) {
		irq_state_t state = spin_lock_irqsave(&sighand->lock);
		enum outcome outcome = take_signal(ksig);

		spin_unlock_irqrestore(&sighand->lock, state);
		switch (outcome) {
		case RUN_HANDLER:
			return true;
		case NOTHING_PENDING:
			return false;
		case TAKE_NEXT:
			break;
		case TELL_PARENT:
			notify_continue();
			break;
		case STOP:
			if (!would_be_stuck(ksig->sig))
				do_signal_stop(ksig->sig);
			break;
		case DIE:
			current->flags |= PF_SIGNALED;
			do_group_exit(ksig->sig);
		}
	}
}

void do_signal(struct pt_regs *regs)
{
	struct ksignal ksig;

	if (get_signal(&ksig)) {
		arch_restart_syscall(regs, (ksig.action.flags & SA_RESTART) != 0);
		rseq_signal(regs, ksig.sig);
		signal_setup_done(arch_setup_signal_frame(&ksig, regs) != 0, &ksig);
		return;
	}
	arch_restart_syscall(regs, -1);
	restore_saved_sigmask_unless(false);
}

/* Helpers of the frame code. */

void force_sigsegv(int sig)
{
	if (sig == SIGSEGV)
		force_fatal_sig(SIGSEGV);
	else
		force_sig(SIGSEGV);
}

void signal_setup_done(bool failed, const struct ksignal *ksig)
{
	sigset_t blocked = current->blocked | ksig->action.mask;

	if (failed) {
		force_sigsegv(ksig->sig);
		return;
	}
	if (current->work & TIF_RESTORE_SIGMASK)
		clear_task_work(current, TIF_RESTORE_SIGMASK);
	if (!(ksig->action.flags & SA_NODEFER))
		blocked |= sigmask(ksig->sig);
	set_current_blocked(blocked);
	if (current->altstack.ss_flags & SS_AUTODISARM)
		current->altstack = (stack_t){.ss_flags = SS_DISABLE};
}

/* sp lies on the alternate stack, or at its top. */
static bool within_altstack(unsigned long sp)
{
	unsigned long low = (unsigned long)current->altstack.ss_sp;

	return sp > low && sp - low <= current->altstack.ss_size;
}

bool on_altstack(unsigned long sp)
{
	return !(current->altstack.ss_flags & SS_AUTODISARM) && within_altstack(sp);
}

unsigned long sigframe_base(const struct ksignal *ksig, unsigned long sp)
{
	const stack_t *altstack = &current->altstack;

	if (!(ksig->action.flags & SA_ONSTACK) || altstack->ss_size == 0 || on_altstack(sp))
		return sp;
	return (unsigned long)altstack->ss_sp + altstack->ss_size;
}

bool sigframe_overflows(unsigned long sp, unsigned long base, unsigned long frame)
{
	const stack_t *altstack = &current->altstack;
	bool entering = altstack->ss_size != 0 &&
			base == (unsigned long)altstack->ss_sp + altstack->ss_size;

	return (entering || on_altstack(sp)) && !within_altstack(frame);
}

stack_t altstack_to_save(void)
{
	stack_t stack;

	/* Padding included: it goes to user space. */
	memset(&stack, 0, sizeof(stack));
	stack.ss_sp = current->altstack.ss_sp;
	stack.ss_size = current->altstack.ss_size;
	stack.ss_flags = stack.ss_size ? current->altstack.ss_flags : SS_DISABLE;
	return stack;
}
