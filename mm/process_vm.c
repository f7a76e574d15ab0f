/*
 * process_vm_readv(2) and process_vm_writev(2): copying between the caller's memory and another
 * process's, for debuggers and message passing without a copy in between.
 *
 * Page by page by way of a buffer: the one side is reached as ptrace reaches it (mm/remote.c), but
 * within what its mappings allow; the other as any system call copies. So only one mm's lock is
 * ever held. What was copied before something went wrong is the result.
 */
#include <tine/err.h>
#include <tine/iov_iter.h>
#include <tine/mm.h>
#include <tine/pid.h>
#include <tine/slab.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>

#define FAST_IOV 8

struct transfer {
	struct mm_struct *mm;
	struct iov_iter local;
	bool write;
	char *buf; /* a page */
};

/* The other side's ranges; they are looked at when they are used. *ranges is to be kfreed. */
static int read_ranges(const struct iovec __user *user, unsigned long n, struct iovec **ranges)
{
	if (n > UIO_MAXIOV)
		return -EINVAL;
	*ranges = kcalloc(MAX(n, 1ul), sizeof(**ranges));
	if (!*ranges)
		return -ENOMEM;
	if (copy_from_user(*ranges, user, n * sizeof(**ranges)))
		return -EFAULT;
	for (unsigned long i = 0; i < n; i++)
		if ((ssize_t)(*ranges)[i].iov_len < 0)
			return -EINVAL;
	return 0;
}

/* Copies n bytes, which are within a page of the other side; returns how many it could. */
static size_t copy_within_page(struct transfer *t, unsigned long address, size_t n)
{
	if (t->write) {
		n = copy_from_iter(t->buf, n, &t->local);
		return access_remote_vm(t->mm, address, t->buf, n, true, false);
	}
	n = access_remote_vm(t->mm, address, t->buf, n, false, false);
	return copy_to_iter(t->buf, n, &t->local);
}

/* Copies until the range or the caller's side is done, or something fails: then the rest is left. */
static size_t copy_range(struct transfer *t, unsigned long address, size_t n)
{
	size_t done = 0, part, copied;

	while (done < n && t->local.count && !fatal_signal_pending(current)) {
		part = MIN(n - done, PAGE_SIZE - ((address + done) & ~PAGE_MASK));
		part = MIN(part, t->local.count);
		copied = copy_within_page(t, address + done, part);
		done += copied;
		if (copied < part)
			break;
	}
	return done;
}

static ssize_t copy_ranges(struct transfer *t, const struct iovec *remote, unsigned long n)
{
	size_t total = 0, want, got;

	for (unsigned long i = 0; i < n && t->local.count; i++) {
		want = MIN(remote[i].iov_len, t->local.count);
		got = copy_range(t, (unsigned long)remote[i].iov_base, want);
		total += got;
		if (got < want)
			return total ? (ssize_t)total : -EFAULT;
	}
	return total;
}

/* The memory of the process nr, with a user reference. */
static struct mm_struct *find_mm(int nr)
{
	struct task_struct *task = find_get_task_by_vpid(nr);
	struct mm_struct *mm;

	if (!task)
		return ERR_PTR(-ESRCH);
	mm = mm_access(task);
	put_task_struct(task);
	return mm == ERR_PTR(-EACCES) ? ERR_PTR(-EPERM) : mm;
}

static ssize_t transfer(struct transfer *t, int nr, const struct iovec *remote, unsigned long n)
{
	size_t total = 0;
	ssize_t result;

	for (unsigned long i = 0; i < n; i++)
		total |= remote[i].iov_len;
	if (!total)
		return 0;
	t->mm = find_mm(nr);
	if (IS_ERR(t->mm))
		return PTR_ERR(t->mm);
	t->buf = kmalloc(PAGE_SIZE);
	result = t->buf ? copy_ranges(t, remote, n) : -ENOMEM;
	kfree(t->buf);
	mm_put(t->mm);
	return result;
}

/* What the two calls ask for. */
struct process_vm_args {
	int nr;
	const struct iovec __user *local, *remote;
	unsigned long n_local, n_remote, flags;
};

static long process_vm(const struct process_vm_args *args, bool write)
{
	struct iovec fast[FAST_IOV], *big SCOPED(kfree) = NULL, *remote SCOPED(kfree) = NULL;
	struct transfer t = {.write = write};
	ssize_t result;

	if (args->flags)
		return -EINVAL;
	result = import_iovec(args->local, args->n_local, fast, FAST_IOV, &big, &t.local);
	if (result <= 0)
		return result;
	result = read_ranges(args->remote, args->n_remote, &remote);
	return result ? result : transfer(&t, args->nr, remote, args->n_remote);
}

long sys_process_vm_readv(int nr, const struct iovec __user *local, unsigned long n_local,
			  const struct iovec __user *remote, unsigned long n_remote,
			  unsigned long flags)
{
	const struct process_vm_args args = {nr, local, remote, n_local, n_remote, flags};

	return process_vm(&args, false);
}

long sys_process_vm_writev(int nr, const struct iovec __user *local, unsigned long n_local,
			   const struct iovec __user *remote, unsigned long n_remote,
			   unsigned long flags)
{
	const struct process_vm_args args = {nr, local, remote, n_local, n_remote, flags};

	return process_vm(&args, true);
}
