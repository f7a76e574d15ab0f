/*
 * kcmp(2): do two tasks share a resource, or two descriptors an open file? The answer is how two
 * kernel addresses compare. So that it gives none of them away, they are scrambled first, each kind
 * by numbers of its own: a bijection, so what is equal stays equal, and the order is one.
 */
#include <tine/cred.h>
#include <tine/epoll.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs_struct.h>
#include <tine/kcmp.h>
#include <tine/pid.h>
#include <tine/random.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/kcmp.h>

static u64 scramble[KCMP_TYPES][2];

void kcmp_init(void)
{
	get_random_bytes(scramble, sizeof(scramble));
}

static long compare(const void *a, const void *b, unsigned int type)
{
	u64 factor = scramble[type][1] | 1;
	u64 x = ((u64)a ^ scramble[type][0]) * factor, y = ((u64)b ^ scramble[type][0]) * factor;

	return (x < y) | ((x > y) << 1);
}

/* Only looked at, never followed: it needs no reference once the comparison is made. */
static const void *shared_object(struct task_struct *task, int type)
{
	const void *object = NULL;

	spin_lock(&task->alloc_lock);
	switch (type) {
	case KCMP_VM:
		object = task->mm;
		break;
	case KCMP_FILES:
		object = task->files && READ_ONCE(task->files->lender) ? (void *)task : task->files;
		break;
	case KCMP_FS:
		object = fs_identity(task);
		break;
	case KCMP_SIGHAND:
		object = task->sighand;
		break;
	case KCMP_IO:
		object = task->io_context;
		break;
	case KCMP_SYSVSEM:
		object = task->undo_list;
		break;
	}
	spin_unlock(&task->alloc_lock);
	return object;
}

/* The file at task's descriptor with a reference; NULL. */
static struct file *file_of(struct task_struct *task, unsigned long fd)
{
	return fd <= ~0u ? task_get_file(task, fd, NULL) : NULL;
}

static long compare_descriptors(struct task_struct *a, unsigned long fd_a, struct task_struct *b,
				unsigned long fd_b)
{
	struct file *file_a SCOPED(fput) = file_of(a, fd_a),
			    *file_b SCOPED(fput) = file_of(b, fd_b);

	return file_a && file_b ? compare(file_a, file_b, KCMP_FILE) : -EBADF;
}

static long compare_watched(struct task_struct *a, unsigned long fd_a, struct task_struct *b,
			    const struct kcmp_epoll_slot __user *user)
{
	struct file *file SCOPED(fput) = NULL, *epoll SCOPED(fput) = NULL, *watched;
	struct kcmp_epoll_slot slot;
	long result;

	if (copy_from_user(&slot, user, sizeof(slot)))
		return -EFAULT;
	file = file_of(a, fd_a);
	epoll = file_of(b, slot.efd);
	if (!file || !epoll)
		return -EBADF;
	watched = epoll_watched_file(epoll, slot.tfd, slot.toff);
	if (IS_ERR(watched))
		return PTR_ERR(watched);
	result = compare(file, watched, KCMP_FILE);
	fput(watched);
	return result;
}

static long compare_tasks(struct task_struct *a, struct task_struct *b, int type,
			  unsigned long index_a, unsigned long index_b)
{
	if (!may_inspect(a, INSPECT_BY_REAL_IDS) || !may_inspect(b, INSPECT_BY_REAL_IDS))
		return -EPERM;
	switch (type) {
	case KCMP_FILE:
		return compare_descriptors(a, index_a, b, index_b);
	case KCMP_EPOLL_TFD:
		return compare_watched(a, index_a, b, (void __user *)index_b);
	case KCMP_VM:
	case KCMP_FILES:
	case KCMP_FS:
	case KCMP_SIGHAND:
	case KCMP_IO:
	case KCMP_SYSVSEM:
		return compare(shared_object(a, type), shared_object(b, type), type);
	default:
		return -EINVAL;
	}
}

long sys_kcmp(pid_t pid_a, pid_t pid_b, int type, unsigned long index_a, unsigned long index_b)
{
	struct task_struct *a SCOPED(put_task_struct) = find_get_task_by_vpid(pid_a);
	struct task_struct *b SCOPED(put_task_struct) = find_get_task_by_vpid(pid_b);

	return a && b ? compare_tasks(a, b, type, index_a, index_b) : -ESRCH;
}
