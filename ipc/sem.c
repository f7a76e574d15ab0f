/*
 * System V semaphores: semget(2), semop(2), semctl(2).
 *
 * A set of semaphores has values, and two queues of callers that wait. A call of semop is all or
 * nothing: its operations are tried one after the other, and at the first that cannot be done the
 * ones before it are taken back. Then the caller fails, or waits in a queue with its operations.
 * Whoever changes a value tries the waiting calls itself, on behalf of the sleepers, and wakes those
 * that are through: so no value is ever seen between, and who has waited longer goes first. Waiting
 * for zeros alters nothing, so the ones that do are tried before all others, whenever a value has
 * changed; of the others the first that can go on does, until there is none.
 *
 * One lock a set guards values, queues, undo adjustments (ipc/sem_undo.c) and permissions. A waiter
 * is on its caller's stack: it is linked, judged and unlinked under the lock, and its caller looks
 * at the verdict under the lock too before it leaves. A caller that waits has a reference on the
 * set; removing the set ends its wait with EIDRM.
 *
 * Linux has queues for each semaphore beside these, for calls with one operation, and locks for
 * each. Which calls get through is the same.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/pid.h>
#include <tine/printk.h>
#include <tine/sem.h>
#include <tine/seq_buffer.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>
#include <uapi/sem.h>

/* Operations that a call has room for on its stack. */
#define FEW_OPERATIONS 64

/* What is still to be found out about a waiter; other verdicts are what its call returns. */
#define MUST_WAIT 1

struct sem_waiter {
	struct list_head link;
	struct task_struct *task;
	const struct sembuf *ops;
	unsigned int nops;
	const struct sembuf *blocking; /* the operation that could not be done */
	struct sem_undo *undo;         /* NULL if no operation wants it */
	bool alters;
	int verdict;
};

int sem_limits[SEM_LIMITS] = {
	[LIMIT_SEMMSL] = SEMMSL,
	[LIMIT_SEMMNS] = SEMMNS,
	[LIMIT_SEMOPM] = SEMOPM,
	[LIMIT_SEMMNI] = SEMMNI,
};

static struct ipc_ids ids;
static long sems_in_use; /* ids.mutex */

/* --- Sets --- */

static struct sem_array *set_of(struct ipc_object *object)
{
	return object ? container_of(object, struct sem_array, ipc) : NULL;
}

void sem_put(struct sem_array *set)
{
	if (!atomic_dec_and_test(&set->ipc.count))
		return;
	for (int i = 0; i < set->nsems; i++)
		put_pid(set->sems[i].pid);
	kfree(set);
}

/* The set, whose reference is handed over, locked; NULL if there is none. */
static struct sem_array *lock_set(struct ipc_object *object)
{
	if (object)
		spin_lock(&object->lock);
	return set_of(object);
}

static void unlock_and_put(struct sem_array *set)
{
	if (!set)
		return;
	spin_unlock(&set->ipc.lock);
	sem_put(set);
}

static void scoped_unlock_and_put(struct sem_array **set)
{
	unlock_and_put(*set);
}

static time_t seconds_now(void)
{
	return ktime_get_real() / NSEC_PER_SEC;
}

static long make_set(int key, int nsems, int flags)
{
	struct sem_array *set;
	int id;

	if (!nsems)
		return -EINVAL;
	if (sems_in_use + nsems > sem_limits[LIMIT_SEMMNS])
		return -ENOSPC;
	set = kzalloc(sizeof(*set) + nsems * sizeof(set->sems[0]));
	if (!set)
		return -ENOMEM;
	set->ctime = seconds_now();
	set->nsems = nsems;
	list_init(&set->undos);
	list_init(&set->zero_waiters);
	list_init(&set->waiters);
	id = ipc_add(&ids, &set->ipc, key, flags, sem_limits[LIMIT_SEMMNI]);
	if (id < 0)
		kfree(set);
	else
		sems_in_use += nsems;
	return id;
}

/* The identifier of a set that has the key already. */
static long open_set(struct sem_array *set, int nsems, int flags)
{
	int error;

	if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
		return -EEXIST;
	if (nsems > set->nsems)
		return -EINVAL;
	error = SPIN_LOCKED(&set->ipc.lock, ipc_permission(&set->ipc, flags));
	return error ? error : set->ipc.id;
}

long sys_semget(int key, int nsems, int flags)
{
	struct sem_array *set;
	long result;

	if (nsems < 0 || nsems > sem_limits[LIMIT_SEMMSL])
		return -EINVAL;
	mutex_lock(&ids.mutex);
	set = set_of(ipc_find_key(&ids, key));
	if (set)
		result = open_set(set, nsems, flags);
	else if (key == IPC_PRIVATE || (flags & IPC_CREAT))
		result = make_set(key, nsems, flags);
	else
		result = -ENOENT;
	mutex_unlock(&ids.mutex);
	return result;
}

/* --- Operations --- */

void sem_touch(struct sem *sem, struct pid *pid)
{
	if (sem->pid == pid)
		return;
	put_pid(sem->pid);
	sem->pid = get_pid(pid);
}

/* 0, EACCES, EIDRM. Set locked. */
static int check_access(const struct sem_array *set, int flags)
{
	int error = ipc_permission(&set->ipc, flags);

	return !error && set->ipc.removed ? -EIDRM : error;
}

/* Does the operation, with sign -1 takes it back. */
static void apply(struct sem_array *set, const struct sem_waiter *w, const struct sembuf *op,
		  int sign)
{
	set->sems[op->sem_num].value += sign * op->sem_op;
	if (op->sem_flg & SEM_UNDO)
		w->undo->adjustments[op->sem_num] -= sign * op->sem_op;
}

/* Can it be done as things are? 0, MUST_WAIT, EAGAIN, ERANGE. */
static int check_one(const struct sem_array *set, const struct sem_waiter *w,
		     const struct sembuf *op)
{
	int value = set->sems[op->sem_num].value + op->sem_op, adjustment = 0;

	if (op->sem_flg & SEM_UNDO)
		adjustment = w->undo->adjustments[op->sem_num] - op->sem_op;
	if (value < 0 || (op->sem_op == 0 && value != 0))
		return op->sem_flg & IPC_NOWAIT ? -EAGAIN : MUST_WAIT;
	if (value > SEMVMX || adjustment < -SEMAEM - 1 || adjustment > SEMAEM)
		return -ERANGE;
	return 0;
}

/* 0: all operations are done. Else none is: MUST_WAIT, or -errno. */
static int try_all(struct sem_array *set, struct sem_waiter *w)
{
	const struct sembuf *op = w->ops, *end = w->ops + w->nops;
	int verdict = 0;

	for (; op < end && (verdict = check_one(set, w, op)) == 0; op++)
		apply(set, w, op, 1);
	if (verdict) {
		w->blocking = op;
		while (op > w->ops)
			apply(set, w, --op, -1);
		return verdict;
	}
	for (op = w->ops; op < end; op++)
		sem_touch(&set->sems[op->sem_num], w->task->signal->pids[PIDTYPE_TGID]);
	return 0;
}

/* --- Waiting --- */

static void let_go(struct sem_waiter *w, int verdict)
{
	list_del(&w->link);
	w->verdict = verdict;
	wake_up_process(w->task);
}

/* Tries those that wait for zeros only; true if one is through. */
static bool try_zero_waiters(struct sem_array *set)
{
	struct sem_waiter *w, *next;
	bool operated = false;

	list_for_each_entry_safe(w, next, &set->zero_waiters, link) {
		int verdict = try_all(set, w);

		if (verdict != MUST_WAIT)
			let_go(w, verdict);
		operated |= verdict == 0;
	}
	return operated;
}

/* The first of the others that need not wait any more, its operations tried; NULL: none. */
static struct sem_waiter *try_waiters(struct sem_array *set, int *verdict)
{
	struct sem_waiter *w;

	list_for_each_entry(w, &set->waiters, link) {
		*verdict = try_all(set, w);
		if (*verdict != MUST_WAIT)
			return w;
	}
	return NULL;
}

void sem_update(struct sem_array *set, bool operated)
{
	struct sem_waiter *w;
	int verdict;

	operated |= try_zero_waiters(set);
	while ((w = try_waiters(set, &verdict))) {
		let_go(w, verdict);
		if (verdict == 0) {
			operated = true;
			try_zero_waiters(set);
		}
	}
	if (operated)
		set->otime = seconds_now();
}

static void let_all_go(struct list_head *queue, int verdict)
{
	while (!list_empty(queue))
		let_go(list_first_entry(queue, struct sem_waiter, link), verdict);
}

/* Until somebody lets w go, the deadline passes, or a signal comes. Set locked, but asleep. */
static int wait_for_verdict(struct sem_array *set, struct sem_waiter *w,
			    const struct deadline *deadline)
{
	bool passed = false;

	list_add_tail(&w->link, w->alters ? &set->waiters : &set->zero_waiters);
	w->verdict = MUST_WAIT;
	while (w->verdict == MUST_WAIT && !passed && !signal_pending(current)) {
		set_current_state(TASK_INTERRUPTIBLE);
		spin_unlock(&set->ipc.lock);
		passed = schedule_until(deadline);
		spin_lock(&set->ipc.lock);
	}
	if (w->verdict != MUST_WAIT)
		return w->verdict;
	list_del(&w->link);
	return passed ? -EAGAIN : -EINTR;
}

/* --- semop --- */

/* May current do this to set; and where it is to be undone. Set locked (sem_get_undo). */
static int admit(struct sem_array *set, struct sem_waiter *w, unsigned int highest,
		 struct sem_undo_list *undo_list)
{
	int error;

	if (highest >= (unsigned int)set->nsems)
		return -EFBIG;
	error = check_access(set, w->alters ? 0222 : 0444);
	if (error || !undo_list)
		return error;
	w->undo = sem_get_undo(undo_list, set);
	return IS_ERR(w->undo) ? PTR_ERR(w->undo) : 0;
}

static int operate(struct sem_array *set, struct sem_waiter *w, const struct deadline *deadline)
{
	int verdict = try_all(set, w);

	if (verdict == MUST_WAIT)
		return wait_for_verdict(set, w, deadline);
	if (verdict == 0 && w->alters)
		sem_update(set, true);
	else if (verdict == 0)
		set->otime = seconds_now();
	return verdict;
}

static long do_semop(int id, const struct sembuf *ops, unsigned int nops,
		     const struct deadline *deadline)
{
	struct sem_waiter w = {.task = current, .ops = ops, .nops = nops};
	struct sem_array *set SCOPED(unlock_and_put) = NULL;
	struct sem_undo_list *undo_list = NULL;
	unsigned int highest = 0, flags = 0;
	int error;

	for (unsigned int i = 0; i < nops; i++) {
		highest = MAX(highest, ops[i].sem_num);
		flags |= ops[i].sem_flg;
		w.alters |= ops[i].sem_op != 0;
	}
	if ((flags & SEM_UNDO) && !(undo_list = sem_own_undo_list()))
		return -ENOMEM;
	set = lock_set(ipc_get(&ids, id));
	error = set ? admit(set, &w, highest, undo_list) : -EINVAL;
	return error ? error : operate(set, &w, deadline);
}

/* semop(2) as well: without a time-out. */
long sys_semtimedop(int id, struct sembuf __user *user, unsigned int nops,
		    const struct uapi_timespec __user *timeout)
{
	struct sembuf few[FEW_OPERATIONS], *many SCOPED(kfree) = NULL, *ops = few;
	struct deadline deadline = {CLOCK_MONOTONIC, KTIME_MAX};
	struct uapi_timespec time = {};

	if (timeout && get_user(time, timeout))
		return -EFAULT;
	if (nops > (unsigned int)sem_limits[LIMIT_SEMOPM])
		return -E2BIG;
	if (nops == 0)
		return -EINVAL;
	if (nops > FEW_OPERATIONS && !(ops = many = kcalloc(nops, sizeof(*ops))))
		return -ENOMEM;
	if (copy_from_user(ops, user, nops * sizeof(*ops)))
		return -EFAULT;
	if (id < 0 || timespec_to_ns(&time, &deadline.ns))
		return -EINVAL;
	deadline.ns = timeout ? add_saturated(ktime_get(), deadline.ns) : KTIME_MAX;
	return do_semop(id, ops, nops, &deadline);
}

/* --- semctl --- */

static void fill_semid_ds(struct semid64_ds *ds, const struct sem_array *set)
{
	*ds = (struct semid64_ds){
		.sem_otime = set->otime,
		.sem_ctime = set->ctime,
		.sem_nsems = set->nsems,
	};
	ipc_fill_perm(&ds->sem_perm, &set->ipc);
}

static long semctl_info(int cmd, struct seminfo __user *user)
{
	struct seminfo info = {
		.semmni = sem_limits[LIMIT_SEMMNI],
		.semmns = sem_limits[LIMIT_SEMMNS],
		.semmsl = sem_limits[LIMIT_SEMMSL],
		.semopm = sem_limits[LIMIT_SEMOPM],
		.semvmx = SEMVMX,
		.semmnu = SEMMNU,
		.semmap = SEMMAP,
		.semume = SEMUME,
		.semusz = SEMUSZ,
		.semaem = SEMAEM,
	};
	int highest;

	mutex_lock(&ids.mutex);
	if (cmd == SEM_INFO) {
		info.semusz = ids.in_use;
		info.semaem = sems_in_use;
	}
	highest = ipc_highest_index(&ids);
	mutex_unlock(&ids.mutex);
	return put_user(info, user) ?: highest;
}

static long semctl_stat(int id, int cmd, struct semid64_ds *ds)
{
	struct sem_array *set SCOPED(unlock_and_put) =
		lock_set(cmd == IPC_STAT ? ipc_get(&ids, id) : ipc_get_index(&ids, id));
	int error = set ? check_access(set, cmd == SEM_STAT_ANY ? 0 : 0444) : -EINVAL;

	if (error)
		return error;
	fill_semid_ds(ds, set);
	return cmd == IPC_STAT ? 0 : set->ipc.id;
}

/* How many wait for this semaphore to become zero, or to grow. */
static int count_waiters(const struct list_head *queue, int semnum, bool zero)
{
	struct sem_waiter *w;
	int n = 0;

	list_for_each_entry(w, queue, link)
		n += w->blocking->sem_num == semnum && (w->blocking->sem_op == 0) == zero;
	return n;
}

/* Set locked; afterwards values_set. */
static void set_value(struct sem_array *set, int semnum, int value)
{
	set->sems[semnum].value = value;
	sem_touch(&set->sems[semnum], current->signal->pids[PIDTYPE_TGID]);
	sem_clear_undos(set, semnum);
}

/* Set locked. */
static void values_set(struct sem_array *set)
{
	set->ctime = seconds_now();
	sem_update(set, false);
}

/* Set locked. */
static int one_semaphore(struct sem_array *set, int semnum, int cmd, int value)
{
	bool zero = cmd == GETZCNT;

	switch (cmd) {
	case SETVAL:
		set_value(set, semnum, value);
		values_set(set);
		return 0;
	case GETVAL:
		return set->sems[semnum].value;
	case GETPID:
		return pid_vnr(set->sems[semnum].pid);
	default:
		return count_waiters(&set->waiters, semnum, zero) +
		       count_waiters(&set->zero_waiters, semnum, zero);
	}
}

/* A number that is none is found out before who may not set, but after who may not read. */
static long semctl_one(int id, int semnum, int cmd, int value)
{
	struct sem_array *set SCOPED(unlock_and_put) = NULL;
	bool sets = cmd == SETVAL;
	int error;

	if (sets && (value < 0 || value > SEMVMX))
		return -ERANGE;
	set = lock_set(ipc_get(&ids, id));
	error = set ? check_access(set, sets ? 0222 : 0444) : -EINVAL;
	if (set && (semnum < 0 || semnum >= set->nsems) && (sets || !error))
		error = -EINVAL;
	return error ? error : one_semaphore(set, semnum, cmd, value);
}

/* SETALL's values; no set has been touched yet. */
static int read_values(u16 *values, const u16 __user *user, int n)
{
	if (copy_from_user(values, user, n * sizeof(*values)))
		return -EFAULT;
	for (int i = 0; i < n; i++)
		if (values[i] > SEMVMX)
			return -ERANGE;
	return 0;
}

static void copy_values(struct sem_array *set, u16 *values, int cmd)
{
	for (int i = 0; i < set->nsems; i++) {
		if (cmd == SETALL)
			set_value(set, i, values[i]);
		else
			values[i] = set->sems[i].value;
	}
	if (cmd == SETALL)
		values_set(set);
}

/* GETALL and SETALL, with room for the values. Set not locked. */
static int transfer_all(struct sem_array *set, u16 *values, int cmd, u16 __user *user)
{
	int error = cmd == SETALL ? read_values(values, user, set->nsems) : 0;

	if (error)
		return error;
	spin_lock(&set->ipc.lock);
	if (set->ipc.removed)
		error = -EIDRM;
	else
		copy_values(set, values, cmd);
	spin_unlock(&set->ipc.lock);
	if (!error && cmd == GETALL && copy_to_user(user, values, set->nsems * sizeof(*values)))
		error = -EFAULT;
	return error;
}

static long semctl_all(int id, int cmd, u16 __user *user)
{
	struct sem_array *set = lock_set(ipc_get(&ids, id));
	u16 *values SCOPED(kfree) = NULL;
	long error;

	if (!set)
		return -EINVAL;
	error = check_access(set, cmd == SETALL ? 0222 : 0444);
	spin_unlock(&set->ipc.lock);
	if (!error && !(values = kcalloc(set->nsems, sizeof(*values))))
		error = -ENOMEM;
	if (!error)
		error = transfer_all(set, values, cmd, user);
	sem_put(set);
	return error;
}

/* Set locked. */
static int set_perm(struct sem_array *set, const struct semid64_ds *ds)
{
	int error = ipc_set_perm(&set->ipc, &ds->sem_perm);

	if (!error)
		set->ctime = seconds_now();
	return error;
}

/* From here on nothing begins or goes on with it. Set locked. */
static int mark_removed(struct sem_array *set)
{
	set->ipc.removed = true;
	sem_drop_undos(set);
	let_all_go(&set->zero_waiters, -EIDRM);
	let_all_go(&set->waiters, -EIDRM);
	return 0;
}

/* The set loses its place, and with it the reference that this meant. ids.mutex held. */
static void remove_set(struct sem_array *set)
{
	ipc_remove(&ids, &set->ipc);
	sems_in_use -= set->nsems;
	sem_put(set);
}

static long semctl_owner(int id, int cmd, const struct semid64_ds __user *user)
{
	struct semid64_ds ds;
	struct sem_array *set;
	long error = -EINVAL;

	if (cmd == IPC_SET && get_user(ds, user))
		return -EFAULT;
	mutex_lock(&ids.mutex);
	set = lock_set(ipc_get(&ids, id));
	if (set) {
		error = ipc_check_owner(&set->ipc);
		if (!error)
			error = cmd == IPC_SET ? set_perm(set, &ds) : mark_removed(set);
		spin_unlock(&set->ipc.lock);
		if (!error && cmd == IPC_RMID)
			remove_set(set);
		sem_put(set);
	}
	mutex_unlock(&ids.mutex);
	return error;
}

long sys_semctl(int id, int semnum, int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct semid64_ds ds;
	long result;

	if (id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SEM_INFO:
		return semctl_info(cmd, user);
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		result = semctl_stat(id, cmd, &ds);
		return result >= 0 && copy_to_user(user, &ds, sizeof(ds)) ? -EFAULT : result;
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
	case SETVAL:
		return semctl_one(id, semnum, cmd, arg);
	case GETALL:
	case SETALL:
		return semctl_all(id, cmd, user);
	case IPC_SET:
	case IPC_RMID:
		return semctl_owner(id, cmd, user);
	default:
		return -EINVAL;
	}
}

/* --- /proc/sysvipc/sem --- */

static void show_set(struct seq_buffer *m, struct sem_array *set)
{
	const struct ipc_object *o = &set->ipc;

	spin_lock(&set->ipc.lock);
	seq_printf(m, "%10d %10d  %4o %10d %5u %5u %5u %5u %10ld %10ld\n", o->key, o->id, o->mode,
		   set->nsems, o->uid, o->gid, o->cuid, o->cgid, set->otime, set->ctime);
	spin_unlock(&set->ipc.lock);
}

int show_semaphores(struct seq_buffer *m, struct task_struct *task)
{
	bool goes_on = true;

	if (m->cursor == 0)
		seq_puts(m, "       key      semid perms      nsems   uid   gid  cuid  cgid"
			    "      otime      ctime\n");
	for (int index = m->cursor; goes_on && index < READ_ONCE(ids.size); index++) {
		struct sem_array *set = set_of(ipc_get_index(&ids, index));
		size_t start = m->len;

		if (!set)
			continue;
		show_set(m, set);
		sem_put(set);
		goes_on = seq_next(m, start, index + 1);
	}
	return 0;
}

void sem_init(void)
{
	ipc_ids_init(&ids);
}
