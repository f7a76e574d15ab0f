/*
 * membarrier(2): a full memory barrier in every running thread, made by one of them for all.
 *
 * Whoever reads much and writes seldom (hazard pointers, RCU in user space, the code patching of
 * language runtimes) leaves the barrier out of the frequent side, and on the rare side asks the
 * kernel to put one into everybody else. A thread that does not run has passed one when it was
 * switched away, and passes another when it is switched to; the processors that run one are
 * interrupted (arch_sync_cpus). Since such an interrupt also makes the processor fetch its
 * instructions anew, one body serves all commands but for whom it interrupts. Those for restartable
 * sequences also abort what sequences they meet; a thread that does not run has its own aborted when
 * it runs again.
 *
 * The private commands have to be announced, as on Linux; the announcement belongs to the address
 * space, is inherited by fork and ends with exec. That of MEMBARRIER_CMD_GLOBAL_EXPEDITED changes
 * nothing: both global commands interrupt all processors, whatever they run.
 */
#include <tine/err.h>
#include <tine/mm.h>
#include <tine/rseq.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <uapi/membarrier.h>

#define REGISTRATIONS                                                                           \
	(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |                                  \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)
#define COMMANDS                                                                         \
	(REGISTRATIONS | MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |       \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE | \
	 MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ)

/* The bit of a private command's registration is the next one. */
static long sync_own(struct mm_struct *mm, u32 command, u64 cpus)
{
	if (!(__atomic_load_n(&mm->membarrier, __ATOMIC_ACQUIRE) & command << 1))
		return -EPERM;
	arch_sync_cpus(mm, cpus, command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ);
	/* The caller's own section is met only where its CPU was named and others may run, as on Linux. */
	if (cpus == 1ul << cpu_id() && nr_cpus > 1 && atomic_read(&mm->users) > 1)
		rseq_preempt(current);
	return 0;
}

/* What flags and cpu choose; a CPU that there is not is none, and no error. */
static u64 chosen_cpus(unsigned int flags, int cpu)
{
	if (!flags || cpu < 0)
		return ~0ul;
	return cpu < MAX_CPUS ? 1ul << cpu : 0;
}

long sys_membarrier(int command, unsigned int flags, int cpu)
{
	struct mm_struct *mm = current->mm;

	if (flags &&
	    (command != MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ || flags != MEMBARRIER_CMD_FLAG_CPU))
		return -EINVAL;
	switch (command) {
	case MEMBARRIER_CMD_QUERY:
		return COMMANDS;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		arch_sync_cpus(NULL, ~0ul, false);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE:
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
		return sync_own(mm, command, chosen_cpus(flags, cpu));
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE:
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
		__atomic_or_fetch(&mm->membarrier, command, __ATOMIC_SEQ_CST);
		return 0;
	default:
		return -EINVAL;
	}
}
