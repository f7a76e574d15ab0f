/*
 * Io contexts and their priority: CLONE_IO, ioprio_set(2), ioprio_get(2).
 *
 * A task has an io context once somebody sets its priority. A child gets a copy of it, or with
 * CLONE_IO the same one; there is nothing to share if the parent has none. There are no disks, so
 * what is shared is the number and nothing else.
 *
 * Lock: the pointer is guarded by the task's alloc_lock; the priority is one word.
 */
#include <tine/clone_args.h>
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/ioprio.h>
#include <tine/priority.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <uapi/ioprio.h>
#include <uapi/sched.h>

struct io_context {
	struct atomic count; /* tasks */
	unsigned int priority;
};

static struct io_context *io_context_alloc(unsigned int priority)
{
	struct io_context *io = kmalloc(sizeof(*io));

	if (io)
		*io = (struct io_context){ATOMIC_INIT(1), priority};
	return io;
}

static void io_context_put(struct io_context *io)
{
	if (io && atomic_dec_and_test(&io->count))
		kfree(io);
}

int copy_io(struct task_struct *child, const struct kernel_clone_args *args)
{
	struct io_context *io = current->io_context;

	if (likely(!io))
		return 0;
	if (args->flags & CLONE_IO) {
		atomic_inc(&io->count);
		child->io_context = io;
		return 0;
	}
	if (IOPRIO_PRIO_CLASS(io->priority) == IOPRIO_CLASS_NONE)
		return 0;
	child->io_context = io_context_alloc(io->priority);
	return child->io_context ? 0 : -ENOMEM;
}

void release_io(struct task_struct *task)
{
	struct io_context *io;

	if (likely(!task->io_context))
		return;
	spin_lock(&task->alloc_lock);
	io = task->io_context;
	task->io_context = NULL;
	spin_unlock(&task->alloc_lock);
	io_context_put(io);
}

static int set_one(struct task_struct *task, unsigned int priority)
{
	const struct cred *mine = current->cred;
	uid_t uid = task_uid(task);
	int error = 0;

	if (uid != mine->euid && uid != mine->uid && !capable(CAP_SYS_NICE))
		return -EPERM;
	spin_lock(&task->alloc_lock);
	if (task->io_context)
		task->io_context->priority = priority;
	else if (!(task->flags & PF_EXITING) && !(task->io_context = io_context_alloc(priority)))
		error = -ENOMEM;
	spin_unlock(&task->alloc_lock);
	return error;
}

/* The first failure ends it. */
static long visit_set(struct task_struct *task, int priority, long result)
{
	return result && result != -ESRCH ? result : set_one(task, priority);
}

static unsigned int own_priority(struct task_struct *task)
{
	return SPIN_LOCKED(&task->alloc_lock, task->io_context ? task->io_context->priority : 0);
}

/* Who has set none has one that follows from how it is scheduled. */
static unsigned int effective_priority(struct task_struct *task)
{
	unsigned int priority = own_priority(task), class = IOPRIO_CLASS_BE;

	if (IOPRIO_PRIO_CLASS(priority) != IOPRIO_CLASS_NONE)
		return priority;
	if (task->sched.policy == SCHED_IDLE)
		class = IOPRIO_CLASS_IDLE;
	else if (task->sched.rt_priority)
		class = IOPRIO_CLASS_RT;
	return IOPRIO_VALUE(class, (task->sched.nice + 20) / 5);
}

static long visit_get(struct task_struct *task, int unused, long result)
{
	return own_priority(task);
}

/* Of several the strongest. */
static long visit_strongest(struct task_struct *task, int unused, long result)
{
	long priority = effective_priority(task);

	return result == -ESRCH ? priority : MIN(result, priority);
}

static int check_priority(unsigned int priority)
{
	switch (IOPRIO_PRIO_CLASS(priority)) {
	case IOPRIO_CLASS_RT:
		return capable(CAP_SYS_ADMIN) || capable(CAP_SYS_NICE) ? 0 : -EPERM;
	case IOPRIO_CLASS_BE:
	case IOPRIO_CLASS_IDLE:
		return 0;
	case IOPRIO_CLASS_NONE:
		return IOPRIO_PRIO_LEVEL(priority) ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/* which counts from one here, from zero in setpriority(2). */
static int which_of(int which)
{
	return which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER ? -1
								     : which - IOPRIO_WHO_PROCESS;
}

long sys_ioprio_set(int which, int who, int priority)
{
	int error = check_priority(priority);

	return error ? error : visit_selected(which_of(which), who, visit_set, priority);
}

long sys_ioprio_get(int which, int who)
{
	return visit_selected(which_of(which), who,
			      which == IOPRIO_WHO_PROCESS ? visit_get : visit_strongest, 0);
}
