/*
 * Job control: which session a terminal controls and which of its process groups is in the
 * foreground.
 *
 * tty->session and tty->pgrp are counted struct pids, each process's signal->tty a counted pointer;
 * all are guarded by tasklist_lock, which is also what keeps sessions and groups as they are. A
 * reference is put only after the lock was let go.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/signal.h>
#include <tine/task.h>
#include <tine/tty.h>
#include <tine/uaccess.h>
#include <uapi/ioctl.h>

struct tty *tty_get(struct tty *tty)
{
	if (tty)
		atomic_inc(&tty->count);
	return tty;
}

void tty_put(struct tty *tty)
{
	/* The console's own reference is never dropped. */
	atomic_dec(&tty->count);
}

static struct pid *my_session(void)
{
	return current->signal->pids[PIDTYPE_SID];
}

static struct pid *my_pgrp(void)
{
	return current->signal->pids[PIDTYPE_PGID];
}

struct tty *get_current_tty(void)
{
	struct tty *tty;

	spin_lock(&tasklist_lock);
	tty = tty_get(current->signal->tty);
	spin_unlock(&tasklist_lock);
	return tty;
}

void tty_signal(struct tty *tty, int sig)
{
	spin_lock(&tasklist_lock);
	if (tty->pgrp)
		kill_pgrp_locked(tty->pgrp, sig, SEND_SIG_PRIV);
	spin_unlock(&tasklist_lock);
}

static bool ignores(int sig)
{
	irq_state_t irq = spin_lock_irqsave(&current->sighand->lock);
	bool ignored = (current->blocked & (1ul << (sig - 1))) ||
		       current->sighand->actions->action[sig - 1].handler == SIG_IGN;

	spin_unlock_irqrestore(&current->sighand->lock, irq);
	return ignored;
}

/*
 * A process of the background may not read, nor change the terminal: its group is stopped by sig.
 * Reading is EIO where nobody could continue it, or where it does not care for the signal; writing
 * then goes ahead.
 */
int tty_check_change(struct tty *tty, int sig)
{
	struct pid *pgrp = my_pgrp();
	bool background, orphaned;

	spin_lock(&tasklist_lock);
	background = current->signal->tty == tty && tty->pgrp && tty->pgrp != pgrp;
	orphaned = background && is_orphaned_pgrp(pgrp, NULL);
	spin_unlock(&tasklist_lock);
	if (!background)
		return 0;
	if (ignores(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (orphaned)
		return -EIO;
	kill_pgrp(pgrp, sig, SEND_SIG_PRIV);
	set_task_work(current, TIF_SIGPENDING);
	return -ERESTARTSYS;
}

/*
 * Makes tty current's session's controlling terminal. tasklist_lock held. Returns what it replaces,
 * to be put.
 */
static void set_controlling(struct tty *tty, struct pid **old_session, struct pid **old_pgrp)
{
	*old_session = tty->session;
	*old_pgrp = tty->pgrp;
	tty->session = get_pid(my_session());
	tty->pgrp = get_pid(my_pgrp());
	current->signal->tty = tty_get(tty);
}

void tty_open_controlling(struct tty *tty)
{
	struct pid *session = NULL, *pgrp = NULL;

	if (!current->signal->leader)
		return;
	spin_lock(&tasklist_lock);
	if (current->signal->leader && !current->signal->tty && !tty->session)
		set_controlling(tty, &session, &pgrp);
	spin_unlock(&tasklist_lock);
	put_pid(session);
	put_pid(pgrp);
}

/* Takes the terminal away from every process of a session. tasklist_lock held. */
static void clear_session_tty(struct pid *session, struct tty *tty)
{
	struct task_struct *task;

	list_for_each_entry(task, &session->tasks[PIDTYPE_SID], pid_link[PIDTYPE_SID]) {
		if (task->signal->tty != tty)
			continue;
		task->signal->tty = NULL;
		tty_put(tty);
	}
}

/* TIOCSCTTY. arg 1: steal it from another session, with CAP_SYS_ADMIN. */
static long take_terminal(struct tty *tty, unsigned long arg)
{
	struct pid *session = NULL, *pgrp = NULL;
	long error = 0;

	spin_lock(&tasklist_lock);
	if (current->signal->leader && tty->session == my_session()) {
		error = 0;
	} else if (!current->signal->leader || current->signal->tty) {
		error = -EPERM;
	} else if (tty->session && (arg != 1 || !capable(CAP_SYS_ADMIN))) {
		error = -EPERM;
	} else {
		if (tty->session)
			clear_session_tty(tty->session, tty);
		set_controlling(tty, &session, &pgrp);
	}
	spin_unlock(&tasklist_lock);
	put_pid(session);
	put_pid(pgrp);
	return error;
}

static long get_foreground(struct tty *tty, int __user *user)
{
	int nr;

	spin_lock(&tasklist_lock);
	nr = current->signal->tty == tty ? pid_vnr(tty->pgrp) : -1;
	spin_unlock(&tasklist_lock);
	return nr < 0 ? -ENOTTY : put_user(nr, user);
}

static long set_foreground_locked(struct tty *tty, int nr, struct pid **old)
{
	struct pid *pgrp;
	struct task_struct *member;

	if (current->signal->tty != tty || tty->session != my_session())
		return -ENOTTY;
	if (nr < 0)
		return -EINVAL;
	pgrp = find_vpid(nr);
	if (!pgrp)
		return -ESRCH;
	member = pid_task(pgrp, PIDTYPE_PGID);
	if (!member || member->signal->pids[PIDTYPE_SID] != my_session())
		return -EPERM;
	*old = tty->pgrp;
	tty->pgrp = get_pid(pgrp);
	return 0;
}

static long set_foreground(struct tty *tty, const int __user *user)
{
	struct pid *old = NULL;
	int nr;
	long error = tty_check_change(tty, SIGTTOU);

	if (error == -EIO)
		return -ENOTTY;
	if (error != 0)
		return error;
	if (get_user(nr, user) != 0)
		return -EFAULT;
	spin_lock(&tasklist_lock);
	error = set_foreground_locked(tty, nr, &old);
	spin_unlock(&tasklist_lock);
	put_pid(old);
	return error;
}

static long get_session(struct tty *tty, int __user *user)
{
	int nr;

	spin_lock(&tasklist_lock);
	nr = current->signal->tty == tty && tty->session ? pid_vnr(tty->session) : -1;
	spin_unlock(&tasklist_lock);
	return nr < 0 ? -ENOTTY : put_user(nr, user);
}

long tty_job_ioctl(struct tty *tty, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case TIOCSCTTY:
		return take_terminal(tty, arg);
	case TIOCNOTTY:
		if (current->signal->tty != tty)
			return -ENOTTY;
		disassociate_ctty(false);
		return 0;
	case TIOCGPGRP:
		return get_foreground(tty, (int __user *)arg);
	case TIOCSPGRP:
		return set_foreground(tty, (int __user *)arg);
	case TIOCGSID:
		return get_session(tty, (int __user *)arg);
	default:
		return -ENOTTY;
	}
}

static void forget_tty_locked(struct signal_struct *signal)
{
	struct tty *tty = signal->tty;

	signal->tty = NULL;
	if (tty)
		tty_put(tty);
}

void tty_release_signal(struct task_struct *task)
{
	spin_lock(&tasklist_lock);
	forget_tty_locked(task->signal);
	spin_unlock(&tasklist_lock);
}

/* Files that have it open are of no use from now on. tasklist_lock held. */
static void hang_up(struct tty *tty)
{
	WRITE_ONCE(tty->hangups, tty->hangups + 1);
	wake_up_all(&tty->read_wait);
	wake_up_all(&tty->write_wait);
}

/* The leader gives the terminal up for its whole session; another process only for itself. */
void disassociate_ctty(bool on_exit)
{
	struct pid *session = NULL, *pgrp = NULL;
	struct tty *tty;

	spin_lock(&tasklist_lock);
	tty = current->signal->tty;
	if (!current->signal->leader) {
		forget_tty_locked(current->signal);
	} else if (tty) {
		session = tty->session;
		pgrp = tty->pgrp;
		tty->session = tty->pgrp = NULL;
		if (pgrp)
			kill_pgrp_locked(pgrp, SIGHUP, SEND_SIG_PRIV);
		if (pgrp && !on_exit)
			kill_pgrp_locked(pgrp, SIGCONT, SEND_SIG_PRIV);
		clear_session_tty(my_session(), tty);
		if (on_exit)
			hang_up(tty);
	}
	spin_unlock(&tasklist_lock);
	put_pid(session);
	put_pid(pgrp);
}
