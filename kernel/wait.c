/*
 * Wait: wait4(2) and waitid(2), by which a parent learns of its children's ends, stops and
 * continues.
 *
 * A call looks at the children of all threads of the caller's group (__WNOTHREAD: of the caller
 * alone), under tasklist_lock; at one alone if that was named. The first child with something to
 * tell is reported; if there is none but one that may have later, the caller sleeps in
 * signal->wait_child, where do_notify_parent wakes it. What is to be reported is gathered in a
 * struct report and copied to the user after the lock is released; a bad pointer then costs the
 * report, as on Linux.
 */
#include <tine/err.h>
#include <tine/pidfd.h>
#include <tine/printk.h>
#include <tine/rusage.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/fcntl.h>
#include <uapi/wait.h>

struct report {
	int pid;
	uid_t uid;
	int status;      /* wait4's status word */
	int code, value; /* waitid's si_code and si_status */
	struct rusage rusage;
};

struct wait_request {
	enum pid_type type; /* PIDTYPE_MAX: any child */
	struct pid *pid;
	unsigned int options;
	bool want_rusage;
	int nothing_yet; /* what WNOHANG returns if there is a child but no news: 0 or -EAGAIN */
	int no_task; /* what to return if nothing was found: ECHILD, or 0 if it is worth waiting */
	struct report *report;
};

/*
 * The child's exit signal says whether it is a "clone" child; threads' and foreign children never
 * come here.
 */
static bool is_eligible(const struct wait_request *req, const struct task_struct *child)
{
	const struct pid *pid = req->type == PIDTYPE_MAX ? NULL : child->signal->pids[req->type];

	if (req->type != PIDTYPE_MAX && pid != req->pid)
		return false;
	if (req->options & __WALL)
		return true;
	return (child->exit_signal != SIGCHLD) == !!(req->options & __WCLONE);
}

static void fill_report(struct wait_request *req, struct task_struct *child, int status, int code,
			int value)
{
	struct report *report = req->report;

	report->status = status;
	report->code = code;
	report->value = value;
	report->pid = task_tgid_vnr(child);
	report->uid = child->cred->uid;
	if (req->want_rusage)
		fill_rusage(child, RUSAGE_BOTH, &report->rusage);
}

/* Adds what a reaped child used to what the caller's children have used. */
static void add_child_usage(struct signal_struct *parent, const struct task_struct *child)
{
	struct usage u = {0};

	usage_add_thread(&u, child);
	usage_add(&u, &child->signal->used);
	usage_add(&u, &child->signal->child_used);
	usage_add(&parent->child_used, &u);
}

static bool report_zombie(struct wait_request *req, struct task_struct *child)
{
	int status = child->signal->group_exit_code, sig = status & 0x7f;

	if (!(req->options & WEXITED))
		return false;
	if (sig)
		fill_report(req, child, status, status & WAIT_STATUS_CORE ? CLD_DUMPED : CLD_KILLED,
			    sig);
	else
		fill_report(req, child, status, CLD_EXITED, (status >> 8) & 0xff);
	if (req->options & WNOWAIT)
		return true;
	add_child_usage(current->signal, child);
	child->exit_state = EXIT_DEAD;
	release_task_locked(child);
	return true;
}

/* A stop or a continue is reported once, unless WNOWAIT leaves it. */
static bool report_stop(struct wait_request *req, struct task_struct *child)
{
	struct signal_struct *signal = child->signal;
	irq_state_t irq;
	int sig = 0;

	if (!(req->options & WSTOPPED) || !(READ_ONCE(signal->flags) & SIGNAL_STOP_STOPPED))
		return false;
	irq = spin_lock_irqsave(&child->sighand->lock);
	if (signal->flags & SIGNAL_STOP_STOPPED)
		sig = signal->stop_signal;
	if (sig && !(req->options & WNOWAIT))
		signal->stop_signal = 0;
	spin_unlock_irqrestore(&child->sighand->lock, irq);
	if (!sig)
		return false;
	fill_report(req, child, WAIT_STATUS_STOPPED(sig), CLD_STOPPED, sig);
	return true;
}

static bool report_continue(struct wait_request *req, struct task_struct *child)
{
	struct signal_struct *signal = child->signal;
	irq_state_t irq;
	bool continued;

	if (!(req->options & WCONTINUED) || !(READ_ONCE(signal->flags) & SIGNAL_STOP_CONTINUED))
		return false;
	irq = spin_lock_irqsave(&child->sighand->lock);
	continued = signal->flags & SIGNAL_STOP_CONTINUED;
	if (!(req->options & WNOWAIT))
		signal->flags &= ~SIGNAL_STOP_CONTINUED;
	spin_unlock_irqrestore(&child->sighand->lock, irq);
	if (!continued)
		return false;
	fill_report(req, child, WAIT_STATUS_CONTINUED, CLD_CONTINUED, SIGCONT);
	return true;
}

/* True if child had something to report. */
static bool consider(struct wait_request *req, struct task_struct *child)
{
	if (child->exit_state == EXIT_DEAD || !is_eligible(req, child))
		return false;
	if (child->exit_state == EXIT_ZOMBIE && child->signal->nr_threads == 1)
		return report_zombie(req, child);
	req->no_task = 0;
	return report_stop(req, child) || report_continue(req, child);
}

static bool look_at_children(struct wait_request *req, struct task_struct *parent)
{
	struct task_struct *child;

	list_for_each_entry(child, &parent->children, sibling) {
		if (consider(req, child))
			return true;
	}
	return false;
}

/* The one child that req is about. */
static bool look_at_child(struct wait_request *req)
{
	struct task_struct *child = pid_task(req->pid, PIDTYPE_TGID);
	const struct task_struct *parent = child ? child->real_parent : NULL;

	if (!child ||
	    (req->options & __WNOTHREAD ? parent != current : !same_thread_group(parent, current)))
		return false;
	return consider(req, child);
}

/* Looks at every child that req may be about. tasklist_lock held. */
static bool look(struct wait_request *req)
{
	struct task_struct *thread;

	req->no_task = -ECHILD;
	if (req->type == PIDTYPE_TGID)
		return look_at_child(req);
	if (req->options & __WNOTHREAD)
		return look_at_children(req, current);
	list_for_each_entry(thread, &current->signal->threads, thread_link) {
		if (look_at_children(req, thread))
			return true;
	}
	return false;
}

/*
 * True, and result is the pid that was reported, 0 (WNOHANG, nothing yet), or -errno; or false, and
 * the caller is to sleep and try again: entry is in the queue. tasklist_lock held, under which all
 * news are told.
 */
static bool try_wait(struct wait_request *req, struct wait_entry *entry, int *result)
{
	if (look(req)) {
		*result = req->report->pid;
	} else if (req->no_task) {
		*result = req->no_task;
	} else if (req->options & WNOHANG) {
		*result = req->nothing_yet;
	} else if (signal_pending(current)) {
		*result = -ERESTARTSYS;
	} else {
		prepare_to_wait(&current->signal->wait_child, entry, TASK_INTERRUPTIBLE);
		return false;
	}
	return true;
}

static int do_wait(struct wait_request *req)
{
	struct wait_entry entry;
	bool done;
	int result;

	wait_entry_init(&entry);
	for (;;) {
		done = SPIN_LOCKED(&tasklist_lock, try_wait(req, &entry, &result));
		if (done)
			break;
		schedule();
	}
	if (!list_empty(&entry.link))
		remove_wait_entry(&current->signal->wait_child, &entry);
	return result;
}

/* Of the caller's own group; number 0. */
static struct pid *get_own_group(void)
{
	return SPIN_LOCKED(&tasklist_lock, get_pid(current->signal->pids[PIDTYPE_PGID]));
}

long sys_wait4(pid_t which, int __user *status, int options, struct rusage __user *rusage)
{
	struct report report;
	struct wait_request req = {
		.type = PIDTYPE_MAX,
		.options = options | WEXITED,
		.want_rusage = rusage != NULL,
		.report = &report,
	};
	long result;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (which == -2147483647 - 1)
		return -ESRCH;
	if (which > 0)
		req.type = PIDTYPE_TGID;
	else if (which != -1)
		req.type = PIDTYPE_PGID;
	if (which == 0)
		req.pid = get_own_group();
	else if (which != -1)
		req.pid = find_get_pid(which > 0 ? which : -which);
	result = do_wait(&req);
	put_pid(req.pid);
	if (result <= 0)
		return result;
	if (status && put_user(report.status, status))
		return -EFAULT;
	if (rusage && copy_to_user(rusage, &report.rusage, sizeof(report.rusage)))
		return -EFAULT;
	return result;
}

/* A pidfd that may not wait makes the call one that does not: it is then EAGAIN, not 0. */
static int pidfd_target(int fd, struct wait_request *req)
{
	unsigned int flags;
	struct pid *pid = pidfd_get_pid(fd, &flags);

	if (IS_ERR(pid))
		return PTR_ERR(pid);
	req->type = PIDTYPE_TGID;
	req->pid = pid;
	if ((flags & O_NONBLOCK) && !(req->options & WNOHANG)) {
		req->options |= WNOHANG;
		req->nothing_yet = -EAGAIN;
	}
	return 0;
}

/* Whom waitid's idtype and id mean. */
static int waitid_target(int idtype, pid_t id, struct wait_request *req)
{
	switch (idtype) {
	case P_ALL:
		req->type = PIDTYPE_MAX;
		return 0;
	case P_PID:
		if (id <= 0)
			return -EINVAL;
		req->type = PIDTYPE_TGID;
		req->pid = find_get_pid(id);
		return 0;
	case P_PGID:
		if (id < 0)
			return -EINVAL;
		req->type = PIDTYPE_PGID;
		req->pid = id ? find_get_pid(id) : get_own_group();
		return 0;
	case P_PIDFD:
		return id < 0 ? -EINVAL : pidfd_target(id, req);
	default:
		return -EINVAL;
	}
}

static long do_waitid(int idtype, pid_t id, struct report *report, int options, bool want_rusage)
{
	struct wait_request req = {
		.options = options,
		.want_rusage = want_rusage,
		.report = report,
	};
	long result;

	if (options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
			__WCLONE | __WALL))
		return -EINVAL;
	if (!(options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	result = waitid_target(idtype, id, &req);
	if (result)
		return result;
	result = do_wait(&req);
	put_pid(req.pid);
	return result;
}

/* Only these fields are written; what lies between and behind them stays as it was. */
static int write_siginfo(siginfo_t __user *info, const struct report *report)
{
	if (put_user(report->pid ? SIGCHLD : 0, &info->si_signo) || put_user(0, &info->si_errno) ||
	    put_user(report->code, &info->si_code) || put_user(report->pid, &info->si_pid) ||
	    put_user(report->uid, &info->si_uid) || put_user(report->value, &info->si_status))
		return -EFAULT;
	return 0;
}

long sys_waitid(int idtype, pid_t id, siginfo_t __user *info, int options,
		struct rusage __user *rusage)
{
	struct report report;
	long result;

	memset(&report, 0, sizeof(report));
	result = do_waitid(idtype, id, &report, options, rusage != NULL);
	if (result > 0) {
		result = 0;
		if (rusage && copy_to_user(rusage, &report.rusage, sizeof(report.rusage)))
			return -EFAULT;
	} else {
		memset(&report, 0, sizeof(report));
	}
	if (info && write_siginfo(info, &report))
		return -EFAULT;
	return result;
}
