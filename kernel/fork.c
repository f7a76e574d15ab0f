/*
 * Fork: creating tasks.
 *
 * fork, vfork, clone, clone3 and kernel threads all fill in a struct kernel_clone_args and call
 * do_fork(). What a child gets is one table, clone_resources: copy_process() walks it down, and
 * each row either takes a reference on the parent's resource or duplicates it. What a caller may
 * ask for is the other table, in kernel/clone_rules.c.
 *
 *   check    the rules; allocates nothing (a few that Linux looks at later come before the number)
 *   build    the task, its resources, its number; each step may fail, and then put_task_struct walks the table back up
 *   commit   under tasklist_lock: parent, lists, number become visible; nothing may fail
 *   run      wake_up_new_task; for vfork, wait
 *
 * A child that never ran is known to nobody before the commit, so a failed call leaves no trace.
 * After it, anybody may signal the child, wait for it, or see it in /proc.
 */
#include <tine/completion.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/file.h>
#include <tine/fork.h>
#include <tine/futex.h>
#include <tine/ioprio.h>
#include <tine/mm.h>
#include <tine/pidfd.h>
#include <tine/printk.h>
#include <tine/rseq.h>
#include <tine/rusage.h>
#include <tine/sem.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/tty.h>
#include <tine/uaccess.h>
#include <uapi/sched.h>

/* --- Resources --- */

static int copy_mm(struct task_struct *child, const struct kernel_clone_args *args)
{
	struct mm_struct *mm = current->mm;

	if (args->fn || !mm)
		return 0;
	if (args->flags & CLONE_VM) {
		mm_get(mm);
		child->mm = mm;
		return 0;
	}
	mm = dup_mm(mm, args->stack ? 0 : task_pt_regs(current)->sp);
	if (IS_ERR(mm))
		return PTR_ERR(mm);
	child->mm = mm;
	return 0;
}

/* An exiting or failed task's memory: whoever waits for it to be let go is told first. */
static void release_mm(struct task_struct *task)
{
	struct mm_struct *mm = task->mm;

	if (!mm)
		return;
	spin_lock(&task->alloc_lock);
	task->mm = NULL;
	spin_unlock(&task->alloc_lock);
	if (task == current)
		switch_mm(mm, NULL);
	mm_put(mm);
}

/* clang-format off */
const struct clone_resource clone_resources[] = {
	{ "credentials",     0,             copy_creds,         release_creds,         true },
	{ "process count",   0,             copy_process_count, release_process_count, true },
	{ "open files",      CLONE_FILES,   copy_files,         release_files,         false },
	{ "io context",      CLONE_IO,      copy_io,            release_io,            false },
	{ "directories",     CLONE_FS,      copy_fs,            release_fs,            false },
	{ "semaphore undo",  CLONE_SYSVSEM, copy_semundo,       release_semundo,       false },
	{ "signal handlers", CLONE_SIGHAND, copy_sighand,       release_sighand,       true },
	{ "thread group",    CLONE_THREAD,  copy_signal,        release_signal,        true },
	{ "memory",          CLONE_VM,      copy_mm,            release_mm,            false },
	{ "registers",       0,             copy_thread,        exit_thread,           true },
};
/* clang-format on */
const unsigned int clone_resource_count = ARRAY_SIZE(clone_resources);

/* Unrolled, these loops call each row's function by its name. */
static int copy_resources(struct task_struct *child, const struct kernel_clone_args *args)
{
	int error = 0;

#pragma GCC unroll 16
	for (unsigned int i = 0; i < ARRAY_SIZE(clone_resources) && !error; i++)
		error = clone_resources[i].copy(child, args);
	return error;
}

void release_resources(struct task_struct *task, bool zombie)
{
#pragma GCC unroll 16
	for (unsigned int i = ARRAY_SIZE(clone_resources); i-- > 0;)
		if (zombie == clone_resources[i].zombie_keeps)
			clone_resources[i].release(task);
}

/* --- Check --- */

_Static_assert(CLONE_SIGNAL_MAX == NSIG, "clone3 takes every signal");

static int refuse(const struct clone_rule *rule)
{
	if (log_explains())
		printk(LOG_INFO, "%s[%d]: clone: refused: %s\n", current->comm, current->pid,
		       rule->why);
	return -rule->error;
}

static int walk_rules(enum clone_stage stage, const struct kernel_clone_args *args)
{
	const struct clone_caller caller = {
		.init_of_namespace = current->signal->flags & SIGNAL_UNKILLABLE,
		.capabilities = current->cred->cap_effective,
		.pid_max = READ_ONCE(pid_max),
	};
	const struct clone_rule *rule = clone_check(stage, args, &caller);

	return rule ? refuse(rule) : 0;
}

static inline int check_request(enum clone_stage stage, const struct kernel_clone_args *args)
{
	return clone_concerns(stage, args) ? walk_rules(stage, args) : 0;
}

/* What Linux looks at only now. */
static int check_child(const struct kernel_clone_args *args)
{
	int error = check_request(CLONE_CHILD, args);

	if (!error && args->set_tid_size)
		error = check_request(CLONE_SET_TID, args);
	return error ? error : check_request(CLONE_LACKING, args);
}

/* --- Build --- */

/* The parent's privilege is not the child's if it says so (SCHED_RESET_ON_FORK), and what it is
 * lent never. */
static void reset_attributes(struct task_struct *child)
{
	struct sched_attributes *a = &child->sched;
	bool realtime = a->rank > 1;

	if (a->reset_on_fork && a->rt_priority) {
		a->policy = SCHED_OTHER;
		a->rt_priority = a->nice = 0;
	}
	if (a->reset_on_fork)
		a->nice = MAX(a->nice, 0);
	a->reset_on_fork = false;
	sched_attributes_set(a);
	if (realtime && !a->rt_priority)
		child->vtime = 0;
}

/* What a child has from its parent that is not a resource. */
static void copy_fields(struct task_struct *child, const struct kernel_clone_args *args)
{
	const struct task_struct *parent = current;
	u32 exec_id = parent->exec_id, personality = parent->personality; /* one load, one store */
	u64 slice_start = READ_ONCE(parent->slice_start); /* before the clock is read */

	child->flags = (parent->flags & ~(PF_KTHREAD | PF_IDLE | PF_SUPERPRIV)) | PF_FORKNOEXEC;
	if (args->fn)
		child->flags |= PF_KTHREAD;
	if (args->name)
		(void)strscpy(child->comm, args->name, sizeof(child->comm));
	else
		memcpy(child->comm, parent->comm, sizeof(child->comm));
	child->blocked = parent->blocked;
	if (!(args->flags & CLONE_VM) || (args->flags & CLONE_VFORK))
		child->altstack = parent->altstack;
	else
		child->altstack = (stack_t){.ss_flags = SS_DISABLE};
	child->cpus_allowed = parent->cpus_allowed;
	child->vtime = parent->vtime;
	child->sched = parent->sched;
	if (unlikely(parent->sched.reset_on_fork || parent->sched.lifted))
		reset_attributes(child);
	child->exec_id = exec_id;
	child->personality = personality;
	child->no_new_privs = parent->no_new_privs;
	child->timer_slack_ns = child->default_timer_slack_ns = parent->timer_slack_ns;
	child->fail_nth = 0;

	child->state = TASK_NEW;
	/* vtime, which was copied, is in the terms of that one's queue. */
	child->cpu = current->cpu;
	child->start_time = arch_clock_ns();
	/* A chain of processes that each make the next uses up its share as one that lives does. */
	child->vtime += (child->start_time - slice_start) * child->sched.cost / SCHED_COST_UNIT;
	if (unlikely(parent->rseq))
		rseq_fork(child, args->flags);
	child->clear_child_tid = args->flags & CLONE_CHILD_CLEARTID ? args->child_tid : NULL;
	child->set_child_tid = args->flags & CLONE_CHILD_SETTID ? args->child_tid : NULL;
}

static int make_number(struct task_struct *child, const struct kernel_clone_args *args)
{
	struct pid *pid = alloc_pid(&init_pid_ns, args->set_tid, args->set_tid_size);

	if (PTR_ERR(pid) == -EEXIST)
		return refuse(&clone_number_taken);
	if (IS_ERR(pid))
		return PTR_ERR(pid);
	child->thread_pid = pid;
	child->pid = pid->numbers[0].nr;
	return 0;
}

static void drop_number(struct task_struct *child)
{
	if (!child->thread_pid)
		return;
	free_pid_numbers(child->thread_pid);
	put_pid(child->thread_pid);
	child->thread_pid = NULL;
}

/* CLONE_PIDFD's descriptor, until the child is published. */
struct new_pidfd {
	int fd;
	struct file *file; /* NULL: none */
};

static int make_pidfd(struct task_struct *child, const struct kernel_clone_args *args,
		      struct new_pidfd *new)
{
	if (!(args->flags & CLONE_PIDFD))
		return 0;
	new->fd = pidfd_prepare(child->thread_pid, 0, &new->file);
	if (new->fd < 0)
		new->file = NULL;
	return new->fd < 0 ? new->fd : put_user(new->fd, args->pidfd);
}

/* Who a child's parent is, and what it is sent at the end. tasklist_lock held. */
static void set_parent(struct task_struct *child, const struct kernel_clone_args *args)
{
	if (args->flags & (CLONE_PARENT | CLONE_THREAD)) {
		child->real_parent = current->real_parent;
		child->parent_exec_id = current->parent_exec_id;
		child->exit_signal =
			args->flags & CLONE_THREAD ? -1 : current->group_leader->exit_signal;
	} else {
		child->real_parent = current;
		child->parent_exec_id = current->exec_id;
		child->exit_signal = args->exit_signal;
	}
	child->parent = child->real_parent;
}

/* --- Commit --- */

/* A child in the caller's thread group. tasklist_lock and sighand->lock held. */
static void join_thread_group(struct task_struct *child)
{
	struct signal_struct *signal = child->signal;

	child->group_leader = current->group_leader;
	child->tgid = current->tgid;
	/* The group is stopping: current has been told, and cannot have come to it yet. */
	if (unlikely(current->jobctl & JOBCTL_STOP_PENDING)) {
		child->jobctl = JOBCTL_STOP_PENDING;
		signal->group_stop_count++;
		set_task_work(child, TIF_SIGPENDING);
	}
	signal->nr_threads++;
	atomic_inc(&signal->live);
	list_add_tail(&child->thread_link, &signal->threads);
}

/* A child that is a process of its own. tasklist_lock and sighand->lock held. */
static void lead_thread_group(struct task_struct *child)
{
	struct signal_struct *signal = child->signal, *parent = current->signal;

	child->group_leader = child;
	child->tgid = child->pid;
	list_add_tail(&child->thread_link, &signal->threads);
	signal->pids[PIDTYPE_TGID] = get_pid(child->thread_pid);
	signal->pids[PIDTYPE_PGID] = get_pid(parent->pids[PIDTYPE_PGID]);
	signal->pids[PIDTYPE_SID] = get_pid(parent->pids[PIDTYPE_SID]);
	signal->tty = tty_get(parent->tty);
	signal->has_child_subreaper = child->real_parent->signal->has_child_subreaper ||
				      child->real_parent->signal->is_child_subreaper;
	attach_pid(child, PIDTYPE_PGID);
	attach_pid(child, PIDTYPE_SID);
	list_add_tail(&child->sibling, &child->real_parent->children);
	list_add_tail(&child->tasks_link, &task_list);
	if (child->pid == 1) {
		child_reaper = child;
		signal->flags |= SIGNAL_UNKILLABLE;
	}
}

/*
 * Makes the child visible. EINTR: the caller is being killed; EAGAIN: too many tasks. Then nothing
 * happened.
 */
static int publish(struct task_struct *child, const struct kernel_clone_args *args,
		   u32 signals_seen)
{
	irq_state_t irq;
	int error = 0;

	spin_lock(&tasklist_lock);
	irq = spin_lock_irqsave(&current->sighand->lock);
	if (fatal_signal_pending(current))
		error = -EINTR;
	else if (nr_threads >= max_threads)
		error = -EAGAIN;
	else
		error = fork_signals_end(signals_seen);
	if (error) {
		spin_unlock_irqrestore(&current->sighand->lock, irq);
		spin_unlock(&tasklist_lock);
		return error;
	}

	/* Commit: nothing below may fail. */
	set_parent(child, args);
	if (args->flags & CLONE_THREAD)
		join_thread_group(child);
	else
		lead_thread_group(child);
	spin_unlock_irqrestore(&current->sighand->lock, irq);
	publish_pid(child->thread_pid, child);
	nr_threads++;
	total_forks++;
	spin_unlock(&tasklist_lock);
	return 0;
}

/*
 * A new task as args ask for, published but not yet running, with a reference for the caller; or
 * ERR_PTR.
 */
static struct task_struct *copy_process(const struct kernel_clone_args *args)
{
	struct new_pidfd pidfd = {.file = NULL};
	struct task_struct *child;
	u32 signals_seen;
	int error;

	error = check_request(CLONE_FLAGS, args);
	if (!error)
		error = fork_signals_begin(&signals_seen);
	if (error)
		return ERR_PTR(error);

	child = alloc_task_struct();
	if (!child)
		return ERR_PTR(-ENOMEM);
	copy_fields(child, args);
	error = copy_resources(child, args);
	if (!error)
		error = check_child(args);
	if (!error)
		error = make_number(child, args);
	if (!error)
		error = make_pidfd(child, args, &pidfd);
	if (!error)
		error = publish(child, args, signals_seen);
	if (!error) {
		/* It cannot end, let alone be reaped, before it has run. */
		get_task_struct(child);
		if (pidfd.file)
			fd_install(pidfd.fd, pidfd.file);
		return child;
	}
	if (pidfd.file)
		pidfd_abandon(pidfd.fd, pidfd.file);
	drop_number(child);
	release_resources(child, false);
	put_task_struct(child);
	return ERR_PTR(error);
}

/* --- Run --- */

/*
 * The child is alive until it lets go of its memory, or the caller is killed and does not care any
 * more.
 */
static void wait_for_vfork_done(struct task_struct *child, struct completion *done)
{
	if (!wait_for_completion_killable(done))
		return;
	/* The completion is on our stack: make sure that the child will not touch it. */
	spin_lock(&child->alloc_lock);
	child->vfork_done = NULL;
	spin_unlock(&child->alloc_lock);
}

long do_fork(const struct kernel_clone_args *args)
{
	struct completion vfork_done;
	struct task_struct *child = copy_process(args);
	long nr;

	if (IS_ERR(child))
		return PTR_ERR(child);
	nr = task_pid_vnr(child);
	if (args->flags & CLONE_PARENT_SETTID)
		(void)put_user((int)nr, args->parent_tid); /* Linux ignores a bad pointer here */
	if (args->flags & CLONE_VFORK) {
		completion_init(&vfork_done);
		child->vfork_done = &vfork_done;
	}

	wake_up_new_task(child);

	if (args->flags & CLONE_VFORK)
		wait_for_vfork_done(child, &vfork_done);
	put_task_struct(child);
	return nr;
}

void finish_fork(void)
{
	if (current->set_child_tid)
		(void)put_user(task_pid_vnr(current), current->set_child_tid);
}

void mm_release(struct task_struct *task)
{
	int __user *word = task->clear_child_tid;
	struct completion *done;

	if (unlikely(task->robust_list))
		exit_robust_list();
	if (task->flags & PF_EXITING)
		(void)__atomic_exchange_n(&task->pi_closed, true, __ATOMIC_SEQ_CST);
	if (unlikely(READ_ONCE(task->pi_waiters)))
		futex_pi_abandon(task);
	note_max_rss(task);
	/*
	 * The word matters only to others who have this memory. Clear first, wake after: a waiter
	 * looks at the word.
	 */
	task->clear_child_tid = NULL;
	if (word && atomic_read(&task->mm->users) > 1) {
		(void)put_user(0, word); /* who waits is woken all the same */
		futex_wake_user((u32 __user *)word, 1);
	}

	spin_lock(&task->alloc_lock);
	done = task->vfork_done;
	task->vfork_done = NULL;
	if (done)
		complete(done);
	spin_unlock(&task->alloc_lock);
}

long kernel_thread(int (*fn)(void *), void *arg, const char *name, u64 flags)
{
	const struct kernel_clone_args args = {
		.flags = flags | CLONE_VM | CLONE_UNTRACED,
		.fn = fn,
		.fn_arg = arg,
		.name = name,
	};

	return do_fork(&args);
}

struct task_struct *fork_idle(unsigned int cpu)
{
	struct task_struct *idle = alloc_task_struct();

	if (!idle)
		return NULL;
	memset((char *)idle + TASK_ZEROED, 0, TASK_COPIED);
	idle->flags = PF_KTHREAD | PF_IDLE;
	idle->pid = idle->tgid = 0;
	snprintf(idle->comm, sizeof(idle->comm), "swapper/%u", cpu);
	idle->cpu = cpu;
	idle->cpus_allowed = 1ul << cpu;
	idle->cred = get_cred(&init_cred);
	idle->signal = init_task.signal;
	atomic_inc(&idle->signal->count);
	idle->real_parent = idle->parent = &init_task;
	idle->group_leader = idle;
	return idle;
}

/* --- System calls --- */

long sys_fork(void)
{
	static const struct kernel_clone_args args = {.exit_signal = SIGCHLD};

	return do_fork(&args);
}

long sys_vfork(void)
{
	static const struct kernel_clone_args args = {
		.flags = CLONE_VFORK | CLONE_VM,
		.exit_signal = SIGCHLD,
	};

	return do_fork(&args);
}

/* Flag bits above 31 are ignored; the exit signal is the low byte, whatever it is. */
long sys_clone(unsigned long flags, unsigned long stack, int __user *parent_tid,
	       int __user *child_tid, unsigned long tls)
{
	const struct kernel_clone_args args = {
		.flags = (u32)flags & ~CSIGNAL,
		.exit_signal = flags & CSIGNAL,
		.pidfd = parent_tid,
		.parent_tid = parent_tid,
		.child_tid = child_tid,
		.stack = stack,
		.tls = tls,
	};

	return do_fork(&args);
}

/* Whether there are bytes beyond what is known is for the rules to judge. */
static int read_block(struct clone3_block *block, const struct clone_args __user *user)
{
	int error = copy_struct_from_user(&block->args, sizeof(block->args), user, block->size);

	block->bytes_unknown = error == -E2BIG;
	return error == -E2BIG ? 0 : error;
}

/* The numbers that the child is to have, innermost namespace first. */
static int read_set_tid(pid_t numbers[MAX_PID_NS_LEVEL], const struct clone_args *args)
{
	size_t n = args->set_tid_size * sizeof(pid_t);

	return copy_from_user(numbers, (const pid_t __user *)args->set_tid, n) ? -EFAULT : 0;
}

static long clone_as_in(const struct clone3_block *block)
{
	const struct clone_args *from = &block->args;
	pid_t set_tid[MAX_PID_NS_LEVEL];
	const struct kernel_clone_args args = {
		.flags = from->flags,
		.exit_signal = from->exit_signal,
		.pidfd = (int __user *)from->pidfd,
		.child_tid = (int __user *)from->child_tid,
		.parent_tid = (int __user *)from->parent_tid,
		.stack = from->stack + from->stack_size,
		.tls = from->tls,
		.set_tid = set_tid,
		.set_tid_size = from->set_tid_size,
		.block = block,
	};
	int error = check_request(CLONE_BLOCK, &args);

	if (!error)
		error = read_set_tid(set_tid, from);
	if (!error)
		error = check_request(CLONE_CLONE3, &args);
	return error ? error : do_fork(&args);
}

long sys_clone3(struct clone_args __user *user, size_t size)
{
	struct clone3_block block = {.size = size};
	const struct kernel_clone_args args = {.block = &block};
	int error = check_request(CLONE_SIZE, &args);

	if (!error)
		error = read_block(&block, user);
	return error ? error : clone_as_in(&block);
}

/* Does no other process run in current's memory? Who only looks at it counts in users as well. */
static bool memory_is_own(void)
{
	struct mm_struct *mm = current->mm;
	struct task_struct *leader, *thread;
	bool own = true;

	if (!mm || atomic_read(&mm->users) == 1)
		return true;
	spin_lock(&tasklist_lock);
	list_for_each_entry(leader, &task_list, tasks_link) {
		thread = same_thread_group(leader, current) ? NULL : leader;
		for (; thread; thread = next_thread(thread))
			own &= READ_ONCE(thread->mm) != mm;
	}
	spin_unlock(&tasklist_lock);
	return own;
}

static int check_unshare(unsigned long flags)
{
	const unsigned long known = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM |
				    CLONE_FILES | CLONE_SYSVSEM;

	if (flags & ~(known | CLONE_NAMESPACES | CLONE_NEWUSER))
		return -EINVAL;
	if ((flags & CLONE_THREAD) && current->signal->nr_threads > 1)
		return -EINVAL;
	if ((flags & (CLONE_SIGHAND | CLONE_VM)) && atomic_read(&current->sighand->count) > 1)
		return -EINVAL;
	if ((flags & CLONE_VM) && !memory_is_own())
		return -EINVAL;
	if ((flags & CLONE_NAMESPACES) && !(flags & CLONE_NEWUSER) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return flags & ~known ? -EINVAL : 0; /* Tine has one namespace of each kind */
}

/*
 * What of current's is shared with others is given up: EINVAL for what cannot be, with whoever
 * shares it still there. A call that fails has given up nothing.
 */
long sys_unshare(unsigned long flags)
{
	struct fs_struct *fs = NULL;
	int error = check_unshare(flags);

	if (!error && (flags & CLONE_FS))
		error = unshare_fs_begin(&fs);
	if (!error && (flags & CLONE_FILES))
		error = unshare_files();
	unshare_fs_end(fs, !error);
	if (!error && (flags & CLONE_SYSVSEM))
		release_semundo(current);
	return error;
}
