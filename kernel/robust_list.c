/*
 * Robust futexes (get_robust_list(2)): a thread that dies with locks held must not leave others
 * waiting for ever. It keeps a list of the locks that it holds, in its own memory, and has told the
 * kernel where. When it leaves that memory the kernel walks the list, marks each lock as left by a
 * dead owner, and wakes one who waits for it.
 *
 * The list is user memory that may hold anything: a bad pointer ends the walk, and so do 2048
 * entries, which a circle of pointers would otherwise make endless. Only words that name this
 * thread as their owner are changed.
 *
 * The entry being taken or given up at the moment is named apart (list_op_pending), as it may not
 * be in the list. A thread that died between releasing such a lock and waking its waiters has left
 * zero there: then one of them is woken for it.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/futex.h>
#include <tine/sched.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/futex.h>

#define LIMIT   2048u
#define PI_FLAG 1ul

/* A pointer of the list, taken apart. */
struct entry {
	char __user *address; /* of its struct robust_list */
	bool pi;
};

static int read_entry(struct entry *entry, struct robust_list __user *__user *from)
{
	struct robust_list __user *pointer;

	if (get_user(pointer, from))
		return -EFAULT;
	entry->address = (char __user *)((unsigned long)pointer & ~PI_FLAG);
	entry->pi = (unsigned long)pointer & PI_FLAG;
	return 0;
}

/* Marks the futex if current holds it. EFAULT, EINVAL: the list is not to be trusted any further.
 */
static int abandon(u32 __user *word, bool pi, bool pending)
{
	u32 value, seen;

	if ((unsigned long)word % sizeof(*word))
		return -EINVAL;
	if (get_user(seen, word))
		return -EFAULT;
	do {
		value = seen;
		if (pending && !pi && !(value & FUTEX_TID_MASK)) {
			futex_wake_user(word, 1);
			return 0;
		}
		if ((value & FUTEX_TID_MASK) != (u32)task_pid_vnr(current))
			return 0;
		if (user_cmpxchg_u32(word, value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED,
				     &seen))
			return -EFAULT;
	} while (seen != value);
	if (!pi && (value & FUTEX_WAITERS))
		futex_wake_user(word, 1);
	return 0;
}

/* False: the list is not to be trusted any further. */
static bool walk(struct robust_list_head __user *head, long offset, const struct entry *pending)
{
	struct entry entry, next;
	int error = read_entry(&entry, &head->list.next);

	for (unsigned int n = 0; !error && entry.address != (char __user *)head && n < LIMIT; n++) {
		/* Before the lock is given up: its next owner may put the entry into another list.
		 */
		int unreadable =
			read_entry(&next, (struct robust_list __user * __user *)entry.address);

		if (entry.address != pending->address)
			error = abandon((u32 __user *)(entry.address + offset), entry.pi, false);
		if (unreadable)
			return false;
		entry = next;
		if (READ_ONCE(current->work) & TIF_RESCHED)
			schedule();
	}
	return !error;
}

void exit_robust_list(void)
{
	struct robust_list_head __user *head = current->robust_list;
	struct entry pending;
	long offset;

	current->robust_list = NULL;
	if (get_user(offset, &head->futex_offset) || read_entry(&pending, &head->list_op_pending))
		return;
	if (walk(head, offset, &pending) && pending.address)
		abandon((u32 __user *)(pending.address + offset), pending.pi, true);
}

long sys_set_robust_list(void __user *head, size_t size)
{
	if (size != sizeof(struct robust_list_head))
		return -EINVAL;
	current->robust_list = head;
	return 0;
}

long sys_get_robust_list(int pid, void __user *__user *to, size_t __user *size)
{
	struct task_struct *task = pid ? find_get_task_by_vpid(pid) : current;
	void __user *head = NULL;
	bool allowed;

	if (!task)
		return -ESRCH;
	/* Knowing where a process keeps its locks is a debugger's right. */
	allowed = may_inspect(task, INSPECT_BY_REAL_IDS);
	head = task->robust_list;
	if (pid)
		put_task_struct(task);
	if (!allowed)
		return -EPERM;
	if (put_user(sizeof(struct robust_list_head), size) || put_user(head, to))
		return -EFAULT;
	return 0;
}

long sys_set_tid_address(int __user *word)
{
	current->clear_child_tid = word;
	return task_pid_vnr(current);
}
