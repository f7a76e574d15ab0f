/*
 * Job control: which session a terminal controls and which of its process groups is in the
 * foreground.
 *
 * tty->session and tty->pgrp are counted struct pids, each process's signal->tty a counted pointer;
 * all are guarded by tasklist_lock, which is also what keeps sessions and groups as they are. A pid
 * is put only after the lock was let go. signal->tty may be put under it, since it never is a
 * terminal's last reference: devices stay, and a pseudo terminal's master, before it goes, hangs up
 * and so takes the terminal from every process, after which no file is good for getting it back.
 */
#include <tine/err.h>
#include <tine/file.h>
#include <tine/signal.h>
#include <tine/syscall.h>
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
	return SPIN_LOCKED(&tasklist_lock, tty_get(current->signal->tty));
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

/* References to be put once tasklist_lock was let go. */
struct old_pids {
	struct pid *session, *pgrp, *signal_pgrp;
};

static void put_old(const struct old_pids *old)
{
	put_pid(old->session);
	put_pid(old->pgrp);
	put_pid(old->signal_pgrp);
}

/* Nobody's terminal any more. tasklist_lock held. */
static void clear_owner(struct tty *tty, struct old_pids *old)
{
	old->session = tty->session;
	old->pgrp = tty->pgrp;
	tty->session = tty->pgrp = NULL;
}

/* Makes tty current's session's controlling terminal. tasklist_lock held. */
static void set_controlling(struct tty *tty, struct old_pids *old)
{
	struct signal_struct *signal = current->signal;

	clear_owner(tty, old);
	tty->session = get_pid(my_session());
	tty->pgrp = get_pid(my_pgrp());
	signal->tty = tty_get(tty);
	old->signal_pgrp = signal->tty_old_pgrp;
	signal->tty_old_pgrp = NULL;
}

void tty_open_controlling(struct tty *tty, const struct file *file)
{
	struct old_pids old = {NULL, NULL, NULL};

	if (!current->signal->leader || !(file->mode & FMODE_READ))
		return;
	spin_lock(&tasklist_lock);
	if (!current->signal->tty && !tty->session && !tty_hung_up(file))
		set_controlling(tty, &old);
	spin_unlock(&tasklist_lock);
	put_old(&old);
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
static long take_terminal_locked(struct tty *tty, const struct file *file, unsigned long arg,
				 bool by_master, struct old_pids *old)
{
	struct signal_struct *signal = current->signal;

	if (!by_master && tty_hung_up(file))
		return -EIO;
	if (signal->leader && tty->session == my_session())
		return 0;
	if (!signal->leader || signal->tty)
		return -EPERM;
	if (tty->session && (arg != 1 || !capable(CAP_SYS_ADMIN)))
		return -EPERM;
	if (!(file->mode & FMODE_READ) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (tty->session)
		clear_session_tty(tty->session, tty);
	set_controlling(tty, old);
	return 0;
}

static long take_terminal(struct tty *tty, const struct file *file, unsigned long arg,
			  bool by_master)
{
	struct old_pids old = {NULL, NULL, NULL};
	long error;

	error = SPIN_LOCKED(&tasklist_lock, take_terminal_locked(tty, file, arg, by_master, &old));
	put_old(&old);
	return error;
}

/* The foreground group or the session: who has the terminal may ask, and the pair's master. */
static long get_number(struct tty *tty, bool of_session, bool by_master, int __user *user)
{
	struct pid *pid;
	int nr = -1;

	spin_lock(&tasklist_lock);
	pid = of_session ? tty->session : tty->pgrp;
	if (current->signal->tty == tty || by_master)
		nr = pid ? pid_vnr(pid) : of_session ? -1 : 0;
	spin_unlock(&tasklist_lock);
	return nr < 0 ? -ENOTTY : put_user(nr, user);
}

static long set_foreground_locked(struct tty *tty, int nr, struct pid **old)
{
	struct pid *pgrp;
	struct task_struct *member;

	if (current->signal->tty != tty || tty->session != my_session())
		return -ENOTTY;
	pgrp = find_vpid(nr);
	if (!pgrp)
		return -ESRCH;
	member = pid_task(pgrp, PIDTYPE_PGID);
	if (!member)
		member = pid_task(pgrp, PIDTYPE_PID);
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
	if (nr < 0)
		return -EINVAL;
	error = SPIN_LOCKED(&tasklist_lock, set_foreground_locked(tty, nr, &old));
	put_pid(old);
	return error;
}

long tty_job_ioctl(struct tty *tty, struct file *file, unsigned int cmd, unsigned long arg,
		   bool by_master)
{
	switch (cmd) {
	case TIOCSCTTY:
		return take_terminal(tty, file, arg, by_master);
	case TIOCNOTTY:
		if (by_master || current->signal->tty != tty)
			return -ENOTTY;
		disassociate_ctty(false);
		return 0;
	case TIOCGPGRP:
	case TIOCGSID:
		return get_number(tty, cmd == TIOCGSID, by_master, (int __user *)arg);
	case TIOCSPGRP:
		return set_foreground(tty, (int __user *)arg);
	default:
		return -ENOTTY;
	}
}

void tty_forget(struct signal_struct *signal)
{
	struct tty *tty = signal->tty;

	signal->tty = NULL;
	if (tty)
		tty_put(tty);
}

void tty_release_signal(struct task_struct *task)
{
	spin_lock(&tasklist_lock);
	tty_forget(task->signal);
	spin_unlock(&tasklist_lock);
}

/* Its session's leader loses the terminal: it will hand the signal on to its foreground group. */
static void hang_up_leader(struct tty *tty, struct old_pids *old)
{
	struct task_struct *leader = pid_task(tty->session, PIDTYPE_TGID);

	if (!leader || !leader->signal->leader)
		return;
	group_send_sig_info(SIGHUP, SEND_SIG_PRIV, leader);
	group_send_sig_info(SIGCONT, SEND_SIG_PRIV, leader);
	old->signal_pgrp = leader->signal->tty_old_pgrp;
	leader->signal->tty_old_pgrp = tty->pgrp ? get_pid(tty->pgrp) : NULL;
}

/* Files that have it open are of no use from now on. tasklist_lock held. */
static void hang_up(struct tty *tty, struct old_pids *old)
{
	WRITE_ONCE(tty->hangups, tty->hangups + 1);
	if (tty->session) {
		hang_up_leader(tty, old);
		clear_session_tty(tty->session, tty);
	}
	clear_owner(tty, old);
}

/* Who waits for it is told, with what it takes to begin anew. */
static void after_hangup(struct tty *tty)
{
	mutex_lock(&tty->lock);
	n_tty_flush_input(tty);
	tty->held = false;
	tty_start(tty);
	if (tty->driver->resets)
		n_tty_set_termios(tty, &tty->driver->termios);
	mutex_unlock(&tty->lock);
	wake_up_all(&tty->read_wait);
	wake_up_all(&tty->write_wait);
}

void tty_vhangup(struct tty *tty)
{
	struct old_pids old = {NULL, NULL, NULL};

	spin_lock(&tasklist_lock);
	hang_up(tty, &old);
	spin_unlock(&tasklist_lock);
	put_old(&old);
	after_hangup(tty);
}

long sys_vhangup(void)
{
	struct tty *tty;

	if (!capable(CAP_SYS_TTY_CONFIG))
		return -EPERM;
	tty = get_current_tty();
	if (tty) {
		tty_vhangup(tty);
		tty_put(tty);
	}
	return 0;
}

/* What a session's leader does to the foreground group by giving the terminal up. */
static void leave_session(struct tty *tty, bool on_exit, struct old_pids *old)
{
	struct signal_struct *signal = current->signal;
	struct pid *pgrp = tty ? tty->pgrp : on_exit ? signal->tty_old_pgrp : NULL;

	if (pgrp)
		kill_pgrp_locked(pgrp, SIGHUP, SEND_SIG_PRIV);
	if (pgrp && (!tty || !on_exit))
		kill_pgrp_locked(pgrp, SIGCONT, SEND_SIG_PRIV);
	if (tty) {
		clear_owner(tty, old);
		clear_session_tty(my_session(), tty);
	}
	if (tty || on_exit) {
		old->signal_pgrp = signal->tty_old_pgrp;
		signal->tty_old_pgrp = NULL;
	}
}

/*
 * The leader gives the terminal up for its whole session, and with its exit hangs up a device;
 * another process gives it up only for itself.
 */
void disassociate_ctty(bool on_exit)
{
	struct old_pids old = {NULL, NULL, NULL};
	bool hung_up = false;
	struct tty *tty;

	spin_lock(&tasklist_lock);
	tty = current->signal->tty;
	if (!current->signal->leader) {
		tty_forget(current->signal);
		tty = NULL;
	} else {
		hung_up = tty && on_exit && !tty->pty;
		leave_session(tty, on_exit, &old);
		if (hung_up)
			WRITE_ONCE(tty->hangups, tty->hangups + 1);
	}
	spin_unlock(&tasklist_lock);
	put_old(&old);
	if (hung_up)
		after_hangup(tty);
}
