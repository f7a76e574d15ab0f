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

static long set_pdeathsig(unsigned long sig, unsigned long a3)
{
	if (sig > NSIG)
		return -EINVAL;
	current->pdeath_signal = sig;
	return 0;
}

static long get_pdeathsig(unsigned long to, unsigned long a3)
{
	return put_user(current->pdeath_signal, (int __user *)to);
}

static long get_dumpable(unsigned long a2, unsigned long a3)
{
	return READ_ONCE(current->mm->dumpable);
}

static long set_dumpable(unsigned long dumpable, unsigned long a3)
{
	if (dumpable > 1)
		return -EINVAL;
	WRITE_ONCE(current->mm->dumpable, dumpable);
	return 0;
}

static long get_timing(unsigned long a2, unsigned long a3)
{
	return PR_TIMING_STATISTICAL;
}

static long set_timing(unsigned long timing, unsigned long a3)
{
	return timing == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
}

static long set_name(unsigned long from, unsigned long a3)
{
	char name[TASK_COMM_LEN] = {0};

	if (strncpy_from_user(name, (const char __user *)from, sizeof(name) - 1) < 0)
		return -EFAULT;
	set_task_comm(current, name);
	return 0;
}

static long get_name(unsigned long to, unsigned long a3)
{
	char name[TASK_COMM_LEN] = {0};

	(void)strscpy(name, current->comm, sizeof(name));
	return copy_to_user((char __user *)to, name, sizeof(name)) ? -EFAULT : 0;
}

static long get_timerslack(unsigned long a2, unsigned long a3)
{
	return current->timer_slack_ns;
}

static long set_timerslack(unsigned long ns, unsigned long a3)
{
	current->timer_slack_ns = ns ? ns : current->default_timer_slack_ns;
	return 0;
}

static long get_tid_address(unsigned long to, unsigned long a3)
{
	return put_user(current->clear_child_tid, (int __user *__user *)to);
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
static long set_child_subreaper(unsigned long on, unsigned long a3)
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

static long get_child_subreaper(unsigned long to, unsigned long a3)
{
	return put_user((int)current->signal->is_child_subreaper, (int __user *)to);
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

static long get_mce_kill(unsigned long a2, unsigned long a3)
{
	if (!(current->flags & PF_MCE_PROCESS))
		return PR_MCE_KILL_DEFAULT;
	return current->flags & PF_MCE_EARLY ? PR_MCE_KILL_EARLY : PR_MCE_KILL_LATE;
}

static long set_thp_disable(unsigned long on, unsigned long a3)
{
	WRITE_ONCE(current->mm->thp_disabled, on != 0);
	return 0;
}

static long get_thp_disable(unsigned long a2, unsigned long a3)
{
	return READ_ONCE(current->mm->thp_disabled);
}

static long switch_perf_events(unsigned long a2, unsigned long a3)
{
	return 0; /* a process has none */
}

static long set_io_flusher(unsigned long on, unsigned long a3)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (on > 1)
		return -EINVAL;
	set_task_flags(PF_IO_FLUSHER, on ? PF_IO_FLUSHER : 0);
	return 0;
}

static long get_io_flusher(unsigned long a2, unsigned long a3)
{
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	return (current->flags & PF_IO_FLUSHER) != 0;
}

/* Privileges. */

static long set_no_new_privs(unsigned long on, unsigned long a3)
{
	if (on != 1)
		return -EINVAL;
	current->no_new_privs = true;
	return 0;
}

static long get_no_new_privs(unsigned long a2, unsigned long a3)
{
	return current->no_new_privs;
}

static bool valid_capability(unsigned long cap)
{
	return cap <= CAP_LAST;
}

static long read_bounding_set(unsigned long cap, unsigned long a3)
{
	if (!valid_capability(cap))
		return -EINVAL;
	return current->cred->cap_bounding >> cap & 1;
}

static long drop_from_bounding_set(unsigned long cap, unsigned long a3)
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

static long get_securebits(unsigned long a2, unsigned long a3)
{
	return current->cred->securebits;
}

/* A lock stays, and keeps the bit below it as it is. */
static long set_securebits(unsigned long bits, unsigned long a3)
{
	u32 old = current->cred->securebits, locks = old & SECBITS_LOCKS;

	if (((locks >> 1) & (old ^ bits)) || (locks & ~bits) ||
	    (bits & ~(unsigned long)(SECBITS_LOCKS | SECBITS_ALL)) || !capable(CAP_SETPCAP))
		return -EPERM;
	return commit_securebits(bits);
}

static long get_keepcaps(unsigned long a2, unsigned long a3)
{
	return (current->cred->securebits & SECBIT_KEEP_CAPS) != 0;
}

static long set_keepcaps(unsigned long on, unsigned long a3)
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

/* clang-format off */
static const struct prctl_row {
	int option;
	int must_be_zero; /* from this argument on; 6: Linux does not look */
	long (*run)(unsigned long a2, unsigned long a3);
} rows[] = {
	{ PR_SET_PDEATHSIG,              6, set_pdeathsig },
	{ PR_GET_PDEATHSIG,              6, get_pdeathsig },
	{ PR_GET_DUMPABLE,               6, get_dumpable },
	{ PR_SET_DUMPABLE,               6, set_dumpable },
	{ PR_GET_KEEPCAPS,               6, get_keepcaps },
	{ PR_SET_KEEPCAPS,               6, set_keepcaps },
	{ PR_GET_TIMING,                 6, get_timing },
	{ PR_SET_TIMING,                 6, set_timing },
	{ PR_SET_NAME,                   6, set_name },
	{ PR_GET_NAME,                   6, get_name },
	{ PR_CAPBSET_READ,               6, read_bounding_set },
	{ PR_CAPBSET_DROP,               6, drop_from_bounding_set },
	{ PR_GET_SECUREBITS,             6, get_securebits },
	{ PR_SET_SECUREBITS,             6, set_securebits },
	{ PR_SET_TIMERSLACK,             6, set_timerslack },
	{ PR_GET_TIMERSLACK,             6, get_timerslack },
	{ PR_SET_CHILD_SUBREAPER,        6, set_child_subreaper },
	{ PR_GET_CHILD_SUBREAPER,        6, get_child_subreaper },
	{ PR_TASK_PERF_EVENTS_DISABLE,   6, switch_perf_events },
	{ PR_TASK_PERF_EVENTS_ENABLE,    6, switch_perf_events },
	{ PR_MCE_KILL,                   4, set_mce_kill },
	{ PR_MCE_KILL_GET,               2, get_mce_kill },
	{ PR_SET_THP_DISABLE,            3, set_thp_disable },
	{ PR_GET_THP_DISABLE,            2, get_thp_disable },
	{ PR_SET_IO_FLUSHER,             3, set_io_flusher },
	{ PR_GET_IO_FLUSHER,             2, get_io_flusher },
	{ PR_SET_NO_NEW_PRIVS,           3, set_no_new_privs },
	{ PR_GET_NO_NEW_PRIVS,           2, get_no_new_privs },
	{ PR_GET_TID_ADDRESS,            6, get_tid_address },
	{ PR_CAP_AMBIENT,                4, change_ambient },
};
/* clang-format on */

long sys_prctl(int option, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	const unsigned long args[] = {a2, a3, a4, a5};

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].option != option)
			continue;
		for (int n = rows[i].must_be_zero; n < 6; n++)
			if (args[n - 2])
				return -EINVAL;
		return rows[i].run(a2, a3);
	}
	return -EINVAL;
}
