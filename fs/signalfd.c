/*
 * signalfd(2): signals read from a descriptor instead of handled.
 *
 * A signalfd holds nothing but a set of signals. Whoever reads it, or asks whether it is readable,
 * takes or sees its own signals of that set: the thread's and its process's, whoever made the
 * descriptor. They should be blocked, or they are delivered meanwhile.
 *
 * Who waits for signals sleeps in one of a few queues, chosen by the sighand it belongs to; a
 * sighand that somebody has waited for is marked, so that sending a signal to any other costs one
 * look. The queues are never freed: an epoll may have joined one for a process that is gone.
 */
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/iov_iter.h>
#include <tine/poll.h>
#include <tine/pseudo_fs.h>
#include <tine/rw.h>
#include <tine/sched.h>
#include <tine/signal_internal.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/signalfd.h>

#define QUEUES 16

struct signalfd {
	sigset_t set;
};

static struct wait_queue queues[QUEUES];
static const struct file_operations signalfd_operations;

void signalfd_init(void)
{
	for (unsigned int i = 0; i < QUEUES; i++)
		wait_queue_init(&queues[i]);
}

static struct wait_queue *queue_of(const struct sighand_struct *sighand)
{
	return &queues[(uintptr_t)sighand / sizeof(*sighand) % QUEUES];
}

void signalfd_notify(const struct sighand_struct *sighand)
{
	wake_up_poll(queue_of(sighand), POLLIN);
}

/*
 * current's queue, which is woken from now on: whoever has sent a signal without a look at it, has
 * let the lock go, so that the signal is seen.
 */
static struct wait_queue *join_queue(void)
{
	struct sighand_struct *sighand = current->sighand;
	irq_state_t state = spin_lock_irqsave(&sighand->lock);

	sighand->watched = true;
	spin_unlock_irqrestore(&sighand->lock, state);
	return queue_of(sighand);
}

static bool is_pending(const struct signalfd *s)
{
	return (READ_ONCE(current->pending.set) | READ_ONCE(current->signal->shared_pending.set)) &
	       READ_ONCE(s->set);
}

static int take_signal(const struct signalfd *s, siginfo_t *info)
{
	irq_state_t state = spin_lock_irqsave(&current->sighand->lock);
	int sig = dequeue_signal(~s->set, info);

	spin_unlock_irqrestore(&current->sighand->lock, state);
	return sig;
}

/* What of a siginfo a cause fills in. */
enum layout { BY_PROCESS, BY_QUEUE, BY_TIMER, BY_POLL, BY_FAULT, BY_CHILD, BY_SYSCALL };

static enum layout layout_of(const siginfo_t *info)
{
	static const u8 by_signal[NSIG + 1] = {
		[SIGILL] = BY_FAULT, [SIGFPE] = BY_FAULT,   [SIGSEGV] = BY_FAULT,
		[SIGBUS] = BY_FAULT, [SIGTRAP] = BY_FAULT,  [SIGCHLD] = BY_CHILD,
		[SIGIO] = BY_POLL,   [SIGSYS] = BY_SYSCALL,
	};

	if (info->si_code > SI_USER && info->si_code < SI_KERNEL)
		return by_signal[info->si_signo];
	if (info->si_code == SI_TIMER)
		return BY_TIMER;
	if (info->si_code == SI_SIGIO)
		return BY_POLL;
	return info->si_code < 0 ? BY_QUEUE : BY_PROCESS;
}

static void fill_siginfo(struct signalfd_siginfo *to, const siginfo_t *info)
{
	enum layout layout = layout_of(info);

	memset(to, 0, sizeof(*to));
	to->ssi_signo = info->si_signo;
	to->ssi_errno = info->si_errno;
	to->ssi_code = info->si_code;
	switch (layout) {
	case BY_PROCESS:
	case BY_QUEUE:
	case BY_CHILD:
		to->ssi_pid = info->si_pid;
		to->ssi_uid = info->si_uid;
		break;
	case BY_TIMER:
		to->ssi_tid = info->si_timerid;
		to->ssi_overrun = info->si_overrun;
		break;
	case BY_POLL:
		to->ssi_band = info->si_band;
		to->ssi_fd = info->si_fd;
		break;
	case BY_FAULT:
		to->ssi_addr = (u64)info->si_addr;
		to->ssi_addr_lsb = info->si_addr_lsb;
		break;
	case BY_SYSCALL:
		to->ssi_call_addr = (u64)info->si_call_addr;
		to->ssi_syscall = info->si_syscall;
		to->ssi_arch = info->si_arch;
		break;
	}
	if (layout == BY_CHILD) {
		to->ssi_status = info->si_status;
		to->ssi_utime = info->si_utime;
		to->ssi_stime = info->si_stime;
	}
	/* Both have it at the same place. */
	if (layout == BY_QUEUE || layout == BY_TIMER) {
		to->ssi_ptr = (u64)info->si_value.sival_ptr;
		to->ssi_int = info->si_value.sival_int;
	}
}

/* The first signal is waited for, unless that must not be; what else is there comes along. */
static int next_signal(struct file *file, bool wait, siginfo_t *info)
{
	const struct signalfd *s = file->private_data;
	int sig, error;

	while ((sig = take_signal(s, info)) == 0) {
		if (!wait)
			return -EAGAIN;
		error = wait_event(join_queue(), TASK_INTERRUPTIBLE, is_pending(s));
		if (error != 0)
			return error;
	}
	return sig;
}

static ssize_t signalfd_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	bool wait = !(file->flags & O_NONBLOCK);
	struct signalfd_siginfo out;
	ssize_t done = 0;
	siginfo_t info;

	if (to->count < sizeof(out))
		return -EINVAL;
	while (to->count >= sizeof(out)) {
		int result = next_signal(file, wait && !done, &info);

		if (result < 0)
			return done ? done : result;
		fill_siginfo(&out, &info);
		if (copy_to_iter(&out, sizeof(out), to) < sizeof(out))
			return done ? done : -EFAULT;
		done += sizeof(out);
	}
	return done;
}

static u32 signalfd_poll(struct file *file, struct poll_table *table)
{
	poll_wait(file, join_queue(), table);
	smp_mb();
	return is_pending(file->private_data) ? POLLIN : 0;
}

static void signalfd_release(struct file *file)
{
	kfree(file->private_data);
}

static const struct file_operations signalfd_operations = {
	.read = signalfd_read,
	.poll = signalfd_poll,
	.llseek = noop_llseek,
	.release = signalfd_release,
};

static int new_signalfd(sigset_t set, int flags)
{
	struct signalfd *s = kmalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->set = set;
	return anon_inode_fd("[signalfd]", O_RDWR | flags, &signalfd_operations, s);
}

static int change_set(int fd, sigset_t set)
{
	struct fd f SCOPED(fdput) = fdget(fd);

	if (!f.file)
		return -EBADF;
	if (f.file->ops != &signalfd_operations)
		return -EINVAL;
	WRITE_ONCE(((struct signalfd *)f.file->private_data)->set, set);
	signalfd_notify(current->sighand);
	return fd;
}

long sys_signalfd4(int fd, const sigset_t __user *user, size_t size, int flags)
{
	sigset_t set;

	if (size != sizeof(set))
		return -EINVAL;
	if (copy_from_user(&set, user, sizeof(set)))
		return -EFAULT;
	if (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK))
		return -EINVAL;
	set &= ~SIG_UNBLOCKABLE;
	return fd == -1 ? new_signalfd(set, flags) : change_set(fd, set);
}
