/*
 * O_ASYNC: a file that sends a signal when something can be read or written.
 *
 *	pipe, socket, terminal --list--> file_async --> file_async --> NULL
 *	                       file->async --^   |
 *	                                         +--owner--> pid: a thread, a process or a group
 *
 * What a file has of this, its owner, its signal and its place in the object's list, hangs off
 * file->async, which is NULL until somebody asks. So is the list of an object: who makes something
 * ready looks at one pointer. The signal is SIGIO, without details; or one chosen by F_SETSIG, which
 * says which descriptor and what happened, and which becomes a SIGIO when its queue is full.
 *
 * Whether the signal may be sent is decided by who set the owner, not by who made the file ready.
 *
 * async_lock guards all of it. It is held while signals are sent, so tasklist_lock and the lock of a
 * sighand nest inside. That is why this is not done by the wait queues: their lock comes after.
 */
#include <tine/async.h>
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fs.h>
#include <tine/pid.h>
#include <tine/signal_internal.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/ioctl.h>
#include <uapi/poll.h>

struct file_async {
	struct file *file;        /* constant */
	struct pid *owner;        /* counted; NULL: nobody */
	enum pid_type type;       /* of the owner */
	uid_t uid, euid;          /* of who set it */
	int sig;                  /* 0: SIGIO without details */
	int fd;                   /* as the file was called when it was switched on */
	struct file_async **list; /* NULL: switched off */
	struct file_async *next;
};

static struct spinlock async_lock = SPINLOCK_INIT(LOCK_CLASS_ASYNC);

/* What file has, made if there is none. ERR_PTR(-ENOMEM). */
static struct file_async *async_of(struct file *file)
{
	struct file_async *async = READ_ONCE(file->async), *new;

	if (async)
		return async;
	new = kzalloc(sizeof(*new));
	if (!new)
		return ERR_PTR(-ENOMEM);
	new->file = file;
	new->type = PIDTYPE_PID;
	spin_lock(&async_lock);
	if (!file->async) {
		WRITE_ONCE(file->async, new);
		new = NULL;
	}
	async = file->async;
	spin_unlock(&async_lock);
	kfree(new);
	return async;
}

/* --- Which files send signals --- */

static void switch_off(struct file_async *async)
{
	struct file_async **at = async->list;

	if (!at)
		return;
	while (*at != async)
		at = &(*at)->next;
	WRITE_ONCE(*at, async->next);
	async->list = NULL;
}

int async_switch(int fd, struct file *file, bool on, struct file_async **list)
{
	struct file_async *async;

	if (!on && !READ_ONCE(file->async))
		return 0;
	async = async_of(file);
	if (IS_ERR(async))
		return PTR_ERR(async);
	spin_lock(&async_lock);
	switch_off(async);
	if (on) {
		async->fd = fd;
		async->list = list;
		async->next = *list;
		WRITE_ONCE(*list, async);
	}
	spin_unlock(&async_lock);
	return 0;
}

void async_forget(struct file *file)
{
	spin_lock(&async_lock);
	switch_off(file->async);
	spin_unlock(&async_lock);
	put_pid(file->async->owner);
	kfree(file->async);
}

/* --- Sending --- */

/* These say something of their own by codes above 0. */
static bool has_codes(int sig)
{
	const sigset_t set = sigmask(SIGILL) | sigmask(SIGFPE) | sigmask(SIGSEGV) |
			     sigmask(SIGBUS) | sigmask(SIGTRAP) | sigmask(SIGCHLD) |
			     sigmask(SIGSYS);

	return set & sigmask(sig);
}

static siginfo_t details(const struct file_async *async, int code)
{
	static const long bands[] = {
		[POLL_IN] = POLLIN | POLLRDNORM,
		[POLL_OUT] = POLLOUT | POLLWRNORM | POLLWRBAND,
		[POLL_HUP] = POLLHUP | POLLERR,
	};
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = async->sig;
	info.si_code = has_codes(async->sig) ? SI_SIGIO : code;
	info.si_band = bands[code];
	info.si_fd = async->fd;
	return info;
}

static bool may_signal(const struct file_async *async, const struct cred *to)
{
	return async->euid == 0 || async->euid == to->suid || async->euid == to->uid ||
	       async->uid == to->suid || async->uid == to->uid;
}

static void signal_task(const struct file_async *async, struct task_struct *task, int code)
{
	enum pid_type type = async->type == PIDTYPE_PID ? PIDTYPE_PID : PIDTYPE_TGID;
	siginfo_t info = details(async, code);
	irq_state_t irq;
	int error = -EAGAIN;

	if (!lock_task_sighand(task, &irq))
		return;
	if (may_signal(async, task->cred)) {
		if (async->sig)
			error = send_signal_locked(async->sig, &info, task, type);
		if (error != 0)
			send_signal_locked(SIGIO, SEND_SIG_PRIV, task, type);
	}
	spin_unlock_irqrestore(&task->sighand->lock, irq);
}

static void signal_owner(const struct file_async *async, int code)
{
	struct pid *owner = async->owner;
	struct task_struct *task;

	if (!owner)
		return;
	spin_lock(&tasklist_lock);
	if (async->type == PIDTYPE_PGID) {
		list_for_each_entry(task, &owner->tasks[PIDTYPE_PGID], pid_link[PIDTYPE_PGID]) {
			signal_task(async, task, code);
			task->signal->broadcasts++;
		}
	} else {
		task = pid_task(owner, PIDTYPE_PID);
		if (task)
			signal_task(async, task, code);
	}
	spin_unlock(&tasklist_lock);
}

void async_send(struct file_async **list, u32 modes, int code)
{
	spin_lock(&async_lock);
	for (const struct file_async *async = *list; async; async = async->next)
		if (async->file->mode & modes)
			signal_owner(async, code);
	spin_unlock(&async_lock);
}

/* --- Owners --- */

/* pid is consumed. */
static void become_owner(struct file_async *async, struct pid *pid, enum pid_type type)
{
	struct pid *old;

	spin_lock(&async_lock);
	old = async->owner;
	async->owner = pid;
	async->type = type;
	if (pid) {
		async->uid = current->cred->uid;
		async->euid = current->cred->euid;
	}
	spin_unlock(&async_lock);
	put_pid(old);
}

void async_default_owner(struct file *file, struct pid *pid, bool group)
{
	if (!file->async->owner)
		become_owner(file->async, get_pid(pid), group ? PIDTYPE_PGID : PIDTYPE_TGID);
}

/* nr 0: nobody. */
static long set_owner(struct file *file, int nr, enum pid_type type)
{
	struct pid *pid = nr ? find_get_pid(nr) : NULL;
	struct file_async *async;

	if (nr && !pid)
		return -ESRCH;
	async = async_of(file);
	if (IS_ERR(async)) {
		put_pid(pid);
		return PTR_ERR(async);
	}
	become_owner(async, pid, type);
	return 0;
}

static long set_owner_or_group(struct file *file, int who)
{
	if (who == -0x7fffffff - 1)
		return -EINVAL;
	return set_owner(file, who < 0 ? -who : who, who < 0 ? PIDTYPE_PGID : PIDTYPE_TGID);
}

/* The owner's number, 0 if it has ended. */
static int owner_of(struct file *file, enum pid_type *type)
{
	const struct file_async *async = READ_ONCE(file->async);
	int nr = 0;

	*type = PIDTYPE_PID;
	if (!async)
		return 0;
	spin_lock(&async_lock);
	*type = async->type;
	spin_lock(&tasklist_lock);
	if (async->owner && pid_task(async->owner, async->type))
		nr = pid_vnr(async->owner);
	spin_unlock(&tasklist_lock);
	spin_unlock(&async_lock);
	return nr;
}

static int owner_or_group(struct file *file)
{
	enum pid_type type;
	int nr = owner_of(file, &type);

	return type == PIDTYPE_PGID ? -nr : nr;
}

/* As fcntl numbers them. */
static const enum pid_type owner_types[] = {
	[F_OWNER_TID] = PIDTYPE_PID,
	[F_OWNER_PID] = PIDTYPE_TGID,
	[F_OWNER_PGRP] = PIDTYPE_PGID,
};

static long set_owner_ex(struct file *file, const struct f_owner_ex __user *user)
{
	struct f_owner_ex owner;

	if (get_user(owner, user))
		return -EFAULT;
	if ((unsigned int)owner.type >= ARRAY_SIZE(owner_types))
		return -EINVAL;
	return set_owner(file, owner.pid, owner_types[owner.type]);
}

static long get_owner_ex(struct file *file, struct f_owner_ex __user *user)
{
	struct f_owner_ex owner = {0};
	enum pid_type type;

	owner.pid = owner_of(file, &type);
	while (owner_types[owner.type] != type)
		owner.type++;
	return put_user(owner, user);
}

static long set_signal(struct file *file, unsigned long sig)
{
	struct file_async *async;

	if (sig > NSIG)
		return -EINVAL;
	async = async_of(file);
	if (IS_ERR(async))
		return PTR_ERR(async);
	WRITE_ONCE(async->sig, sig);
	return 0;
}

long async_fcntl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case F_SETOWN:
		return set_owner_or_group(file, arg);
	case F_GETOWN:
		return owner_or_group(file);
	case F_SETOWN_EX:
		return set_owner_ex(file, (const struct f_owner_ex __user *)arg);
	case F_GETOWN_EX:
		return get_owner_ex(file, (struct f_owner_ex __user *)arg);
	case F_SETSIG:
		return set_signal(file, arg);
	case F_GETSIG:
		return READ_ONCE(file->async) ? file->async->sig : 0;
	default:
		return -EINVAL;
	}
}

long async_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	int who;

	switch (cmd) {
	case FIOSETOWN:
	case SIOCSPGRP:
		return get_user(who, (int __user *)arg) ? -EFAULT : set_owner_or_group(file, who);
	case FIOGETOWN:
	case SIOCGPGRP:
		return put_user(owner_or_group(file), (int __user *)arg);
	default:
		return -ENOTTY;
	}
}
