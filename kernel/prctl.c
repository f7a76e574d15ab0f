/*
 * prctl(2): a process's switches, a row each. What Tine does not have is not in the table, and so
 * EINVAL, as on a Linux built without it.
 */
#include <tine/cred.h>
#include <tine/mm.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/prctl.h>
#include <uapi/securebits.h>

/* The process. */

static long set_pdeathsig(unsigned long sig)
{
	if (sig > NSIG)
		return -EINVAL;
	current->pdeath_signal = sig;
	return 0;
}

static long set_dumpable(unsigned long dumpable)
{
	if (dumpable > 1)
		return -EINVAL;
	WRITE_ONCE(current->mm->dumpable, dumpable);
	return 0;
}

static long set_name(unsigned long from)
{
	char name[TASK_COMM_LEN] = {0};

	if (strncpy_from_user(name, (const char __user *)from, sizeof(name) - 1) < 0)
		return -EFAULT;
	set_task_comm(current, name);
	return 0;
}

static long get_name(unsigned long to)
{
	char name[TASK_COMM_LEN] = {0};

	(void)strscpy(name, current->comm, sizeof(name));
	return copy_to_user((char __user *)to, name, sizeof(name)) ? -EFAULT : 0;
}

/* task's process descends from current's. tasklist_lock held. */
static bool is_descendant(const struct task_struct *task)
{
	while (task != &init_task) {
		task = task->real_parent;
		if (same_thread_group(task, current))
			return true;
	}
	return false;
}

/* has_child_subreaper saves the search for one in processes that have none; it is never cleared. */
static long set_child_subreaper(unsigned long on)
{
	struct task_struct *leader;

	spin_lock(&tasklist_lock);
	current->signal->is_child_subreaper = on != 0;
	if (on)
		list_for_each_entry(leader, &task_list, tasks_link)
			if (is_descendant(leader))
				leader->signal->has_child_subreaper = true;
	spin_unlock(&tasklist_lock);
	return 0;
}

/*
 * What the program wishes for events that never come here: memory found bad, huge pages, counted
 * events, a disk whose writes wait for memory. The wishes are kept and told.
 */

static void set_task_flags(u32 mask, u32 flags)
{
	current->flags = (current->flags & ~mask) | flags;
}

static long set_mce_kill(unsigned long what, unsigned long policy)
{
	static const u32 flags[] = {
		[PR_MCE_KILL_LATE] = PF_MCE_PROCESS,
		[PR_MCE_KILL_EARLY] = PF_MCE_PROCESS | PF_MCE_EARLY,
		[PR_MCE_KILL_DEFAULT] = 0,
	};

	if (what > PR_MCE_KILL_SET || policy >= ARRAY_SIZE(flags) ||
	    (what == PR_MCE_KILL_CLEAR && policy))
		return -EINVAL;
	if (what == PR_MCE_KILL_CLEAR)
		set_task_flags(PF_MCE_PROCESS, 0);
	else
		set_task_flags(PF_MCE_PROCESS | PF_MCE_EARLY, flags[policy]);
	return 0;
}

static long get_mce_kill(void)
{
	if (!(current->flags & PF_MCE_PROCESS))
		return PR_MCE_KILL_DEFAULT;
	return current->flags & PF_MCE_EARLY ? PR_MCE_KILL_EARLY : PR_MCE_KILL_LATE;
}

static long set_thp_disable(unsigned long on)
{
	WRITE_ONCE(current->mm->thp_disabled, on != 0);
	return 0;
}

static long set_io_flusher(unsigned long on)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (on > 1)
		return -EINVAL;
	set_task_flags(PF_IO_FLUSHER, on ? PF_IO_FLUSHER : 0);
	return 0;
}

static long set_timerslack(unsigned long ns)
{
	current->timer_slack_ns = ns ? ns : current->default_timer_slack_ns;
	return 0;
}

static long get_io_flusher(void)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return (current->flags & PF_IO_FLUSHER) != 0;
}

/* Privileges. */

static long set_no_new_privs(unsigned long on)
{
	if (on != 1)
		return -EINVAL;
	current->no_new_privs = true;
	return 0;
}

static bool valid_capability(unsigned long cap)
{
	return cap <= CAP_LAST;
}

static long drop_from_bounding_set(unsigned long cap)
{
	struct cred *new;

	if (!capable(CAP_SETPCAP))
		return -EPERM;
	if (!valid_capability(cap))
		return -EINVAL;
	new = prepare_creds();
	if (!new)
		return -ENOMEM;
	new->cap_bounding &= ~(1ull << cap);
	commit_creds(new);
	return 0;
}

static long commit_securebits(u32 bits)
{
	struct cred *new = prepare_creds();

	if (!new)
		return -ENOMEM;
	new->securebits = bits;
	commit_creds(new);
	return 0;
}

/* A lock stays, and keeps the bit below it as it is. */
static long set_securebits(unsigned long bits)
{
	u32 old = current->cred->securebits, locks = old & SECBITS_LOCKS;

	if (((locks >> 1) & (old ^ bits)) || (locks & ~bits) ||
	    (bits & ~(unsigned long)(SECBITS_LOCKS | SECBITS_ALL)) || !capable(CAP_SETPCAP))
		return -EPERM;
	return commit_securebits(bits);
}

static long set_keepcaps(unsigned long on)
{
	u32 bits = current->cred->securebits;

	if (on > 1)
		return -EINVAL;
	if (bits & SECBIT_KEEP_CAPS_LOCKED)
		return -EPERM;
	return commit_securebits(on ? bits | SECBIT_KEEP_CAPS : bits & ~SECBIT_KEEP_CAPS);
}

static long commit_ambient(u64 ambient)
{
	struct cred *new = prepare_creds();

	if (!new)
		return -ENOMEM;
	new->cap_ambient = ambient;
	commit_creds(new);
	return 0;
}

static long change_ambient(unsigned long what, unsigned long cap)
{
	const struct cred *cred = current->cred;
	u64 mask;

	if (what == PR_CAP_AMBIENT_CLEAR_ALL)
		return cap ? -EINVAL : commit_ambient(0);
	if (!valid_capability(cap))
		return -EINVAL;
	mask = 1ull << cap;
	switch (what) {
	case PR_CAP_AMBIENT_IS_SET:
		return (cred->cap_ambient & mask) != 0;
	case PR_CAP_AMBIENT_RAISE:
		if (!(cred->cap_permitted & cred->cap_inheritable & mask) ||
		    (cred->securebits & SECBIT_NO_CAP_AMBIENT_RAISE))
			return -EPERM;
		return commit_ambient(cred->cap_ambient | mask);
	case PR_CAP_AMBIENT_LOWER:
		return commit_ambient(cred->cap_ambient & ~mask);
	default:
		return -EINVAL;
	}
}

static bool all_zero(const unsigned long args[4], int from)
{
	for (int n = from; n < 6; n++)
		if (args[n - 2])
			return false;
	return true;
}

/* An option, from which argument on all must be 0 (6: Linux does not look), and what it returns. */
#define ROW(option, zero_from, result) \
	case option:                   \
		return all_zero(args, zero_from) ? (long)(result) : -EINVAL;

/* clang-format off */
long sys_prctl(int option, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	const unsigned long args[] = {a2, a3, a4, a5};

	switch (option) {
	ROW(PR_SET_PDEATHSIG,            6, set_pdeathsig(a2))
	ROW(PR_GET_PDEATHSIG,            6, put_user(current->pdeath_signal, (int __user *)a2))
	ROW(PR_GET_DUMPABLE,             6, READ_ONCE(current->mm->dumpable))
	ROW(PR_SET_DUMPABLE,             6, set_dumpable(a2))
	ROW(PR_GET_KEEPCAPS,             6, (current->cred->securebits & SECBIT_KEEP_CAPS) != 0)
	ROW(PR_SET_KEEPCAPS,             6, set_keepcaps(a2))
	ROW(PR_GET_TIMING,               6, PR_TIMING_STATISTICAL)
	ROW(PR_SET_TIMING,               6, a2 == PR_TIMING_STATISTICAL ? 0 : -EINVAL)
	ROW(PR_SET_NAME,                 6, set_name(a2))
	ROW(PR_GET_NAME,                 6, get_name(a2))
	ROW(PR_CAPBSET_READ,             6, valid_capability(a2) ? (int)(current->cred->cap_bounding >> a2 & 1) : -EINVAL)
	ROW(PR_CAPBSET_DROP,             6, drop_from_bounding_set(a2))
	ROW(PR_GET_SECUREBITS,           6, current->cred->securebits)
	ROW(PR_SET_SECUREBITS,           6, set_securebits(a2))
	ROW(PR_SET_TIMERSLACK,           6, set_timerslack(a2))
	ROW(PR_GET_TIMERSLACK,           6, current->timer_slack_ns)
	ROW(PR_SET_CHILD_SUBREAPER,      6, set_child_subreaper(a2))
	ROW(PR_GET_CHILD_SUBREAPER,      6, put_user((int)current->signal->is_child_subreaper, (int __user *)a2))
	ROW(PR_TASK_PERF_EVENTS_DISABLE, 6, 0) /* a process has none */
	ROW(PR_TASK_PERF_EVENTS_ENABLE,  6, 0)
	ROW(PR_MCE_KILL,                 4, set_mce_kill(a2, a3))
	ROW(PR_MCE_KILL_GET,             2, get_mce_kill())
	ROW(PR_SET_THP_DISABLE,          3, set_thp_disable(a2))
	ROW(PR_GET_THP_DISABLE,          2, READ_ONCE(current->mm->thp_disabled))
	ROW(PR_SET_IO_FLUSHER,           3, set_io_flusher(a2))
	ROW(PR_GET_IO_FLUSHER,           2, get_io_flusher())
	ROW(PR_SET_NO_NEW_PRIVS,         3, set_no_new_privs(a2))
	ROW(PR_GET_NO_NEW_PRIVS,         2, current->no_new_privs)
	ROW(PR_GET_TID_ADDRESS,          6, put_user(current->clear_child_tid, (int __user *__user *)a2))
	ROW(PR_CAP_AMBIENT,              4, change_ambient(a2, a3))
	default:
		return -EINVAL;
	}
}
/* clang-format on */
