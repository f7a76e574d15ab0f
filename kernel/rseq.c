/*
 * Restartable sequences, rseq(2): data of each CPU's own, in user space, without atomic
 * instructions.
 *
 * A thread registers a struct rseq in its memory, in which the kernel keeps the number of the CPU
 * that the thread is on. A critical section is a stretch of code that works with the data of that
 * CPU and ends with one store, its commit. While it is in one, rseq_cs points to a description:
 *
 *	start_ip:  which CPU? prepare, ..., commit	start_ip + post_commit_offset: done
 *	abort_ip:  try again, or otherwise		the signature lies before it
 *
 * A thread that has lost its CPU inside a section, or gets a signal there, goes on at abort_ip, so
 * either the section ran undisturbed on one CPU up to the commit, or the commit did not happen. The
 * signature, which the registration names, keeps a forged description from making any address a
 * place to jump to. A description that the thread is not inside of is one that it has left, and is
 * taken out of rseq_cs.
 *
 * All of that is done on the way out to user mode, by who has TIF_RSEQ, which is set at every switch
 * away from a registered thread (rseq_preempt) and by membarrier(2). Others pay nothing. What the
 * program has written is trusted in nothing: what cannot be right is SIGSEGV. If the memory is not
 * there the thread may sleep here, lose its CPU again, and so come here again.
 *
 * Sections make no system calls; as on Linux without CONFIG_DEBUG_RSEQ nobody looks. Lock: none,
 * all is current's own.
 */
#include <tine/err.h>
#include <tine/rseq.h>
#include <tine/signal.h>
#include <tine/syscall.h>
#include <tine/uaccess.h>
#include <uapi/rseq.h>
#include <uapi/clone.h>

static bool is_plausible(const struct rseq_cs *cs)
{
	u64 end;

	if (__builtin_add_overflow(cs->start_ip, cs->post_commit_offset, &end))
		return false;
	return cs->start_ip < TASK_SIZE_MAX && end < TASK_SIZE_MAX &&
	       cs->abort_ip < TASK_SIZE_MAX && cs->version == 0 &&
	       cs->abort_ip - cs->start_ip >= cs->post_commit_offset;
}

/* The description at address. EFAULT, EINVAL: it is none. */
static int read_section(struct rseq_cs *cs, u64 address)
{
	u32 signature;

	if (address >= TASK_SIZE_MAX)
		return -EINVAL;
	if (copy_from_user(cs, (const void __user *)address, sizeof(*cs)))
		return -EFAULT;
	if (!is_plausible(cs))
		return -EINVAL;
	if (get_user(signature, (const u32 __user *)(cs->abort_ip - sizeof(signature))))
		return -EFAULT;
	return signature == current->rseq_signature ? 0 : -EINVAL;
}

/* A section that asks for anything by flags is not aborted, but refused. */
static int check_flags(const struct rseq_cs *cs)
{
	u32 flags;

	if (get_user(flags, &current->rseq->flags))
		return -EFAULT;
	return flags || cs->flags ? -EINVAL : 0;
}

static int leave_section(struct pt_regs *regs)
{
	struct rseq __user *rseq = current->rseq;
	struct rseq_cs cs;
	u64 address;
	bool inside;
	int error;

	if (get_user(address, &rseq->rseq_cs))
		return -EFAULT;
	if (!address)
		return 0;
	error = read_section(&cs, address);
	if (error)
		return error;
	inside = arch_user_ip(regs) - cs.start_ip < cs.post_commit_offset;
	if (inside)
		error = check_flags(&cs);
	if (!error)
		error = put_user(0, &rseq->rseq_cs);
	if (!error && inside)
		arch_set_user_ip(regs, cs.abort_ip);
	return error;
}

static int tell_cpu(struct rseq __user *rseq, u32 start, u32 cpu)
{
	const u32 ids[] = {start, cpu};

	_Static_assert(offsetof(struct rseq, cpu_id) == sizeof(u32), "the numbers are neighbours");
	return copy_to_user(&rseq->cpu_id_start, ids, sizeof(ids)) ? -EFAULT : 0;
}

static int leave_section_and_tell_cpu(struct pt_regs *regs)
{
	int error = leave_section(regs);

	return error ? error : tell_cpu(current->rseq, cpu_id(), cpu_id());
}

void rseq_resume(struct pt_regs *regs)
{
	/* First: a fault below may sleep, and then it is to be done again. */
	clear_task_work(current, TIF_RSEQ);
	if (current->rseq && leave_section_and_tell_cpu(regs))
		force_sig(SIGSEGV);
}

void rseq_signal(struct pt_regs *regs, int sig)
{
	if (current->rseq && leave_section_and_tell_cpu(regs))
		force_sigsegv(sig);
}

void rseq_fork(struct task_struct *child, u64 clone_flags)
{
	if (clone_flags & CLONE_VM)
		return;
	child->rseq = current->rseq;
	child->rseq_signature = current->rseq_signature;
	rseq_preempt(child);
}

static long unregister(struct rseq __user *rseq, u32 signature)
{
	int error;

	if (current->rseq_signature != signature)
		return -EPERM;
	error = tell_cpu(rseq, 0, RSEQ_CPU_ID_UNINITIALIZED);
	if (!error)
		current->rseq = NULL;
	return error;
}

/* What the area's memory was used for before is no section of the caller's. */
static int forget_section(struct rseq __user *rseq)
{
	u64 address;

	if (get_user(address, &rseq->rseq_cs) || (address && put_user(0, &rseq->rseq_cs)))
		return -EFAULT;
	return 0;
}

long sys_rseq(struct rseq __user *rseq, u32 size, int flags, u32 signature)
{
	struct rseq __user *registered = current->rseq;

	if (flags & ~RSEQ_FLAG_UNREGISTER)
		return -EINVAL;
	if (size != sizeof(*rseq))
		return -EINVAL;
	if (registered ? rseq != registered : flags || (u64)rseq % __alignof__(*rseq))
		return -EINVAL;
	if (flags)
		return unregister(rseq, signature);
	if (registered)
		return current->rseq_signature == signature ? -EBUSY : -EPERM;
	if (!access_ok(rseq, size) || forget_section(rseq))
		return -EFAULT;
	current->rseq = rseq;
	current->rseq_signature = signature;
	rseq_preempt(current);
	return 0;
}
