/* The scheduler (kernel/sched.c): task states, sleeping and waking, time slices. */
#pragma once

#include <tine/types.h>

struct task_struct;

/* task_struct.state. A sleeping task is woken by those who name one of its bits. */
#define TASK_RUNNING         0x00u
#define TASK_INTERRUPTIBLE   0x01u
#define TASK_UNINTERRUPTIBLE 0x02u
#define TASK_STOPPED_BIT     0x04u
#define TASK_TRACED_BIT      0x08u
#define TASK_WAKEKILL        0x10u /* fatal signals wake it too */
#define TASK_DEAD            0x20u /* never runs again */
#define TASK_NEW             0x40u /* not yet woken for the first time */
#define TASK_KILLABLE        (TASK_WAKEKILL | TASK_UNINTERRUPTIBLE)
#define TASK_STOPPED         (TASK_WAKEKILL | TASK_STOPPED_BIT)
#define TASK_TRACED          (TASK_WAKEKILL | TASK_TRACED_BIT)
#define TASK_NORMAL          (TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)

#define SLICE_NS          10000000ull
#define REALTIME_SLICE_NS (10 * SLICE_NS) /* of SCHED_RR among its like */

/* How a task is scheduled (sched(7)): chosen by programs, inherited by fork. */
struct sched_attributes {
	u8 policy : 4; /* SCHED_, uapi/sched.h */
	bool reset_on_fork : 1;
	bool lifted : 1; /* rank and cost are lent by somebody more urgent who waits for the task */
	u8 rt_priority;  /* SCHED_FIFO and SCHED_RR: 1 to 99; others 0 */
	s8 nice;         /* kept under the policies that do not ask for it */
	/* Derived, by sched_attributes_set(). */
	u8 rank;  /* who has the higher one runs first: SCHED_IDLE 0, 1, real-time 2 to 100 */
	u32 cost; /* virtual nanoseconds for SCHED_COST_UNIT real ones; real-time 0 */
};

#define SCHED_COST_UNIT 1024ul

void sched_init(void);
/* Makes the caller's context the idle task of this CPU. */
void sched_init_cpu(void);
/* The idle loop; never returns. */
void cpu_idle(void) __attribute__((noreturn));

/*
 * Gives up the CPU. If current's state is not TASK_RUNNING it sleeps until woken, unless a signal
 * for that state is pending. Interrupts are on when it returns.
 */
void schedule(void);
/* A long loop in the kernel gives way here if something else should run. May sleep. */
void cond_resched(void);
/*
 * Sleeps at most ns (~0ull: for ever) in the state set before; returns the time left, 0 if it ran
 * out.
 */
u64 schedule_timeout(u64 ns);
/* Wakes task if its state has a bit of mask. True if it did. Any context. */
bool try_to_wake_up(struct task_struct *task, unsigned int mask);
bool wake_task(struct task_struct *task, unsigned int mask); /* with interrupts off */
bool wake_up_process(struct task_struct *task);              /* TASK_NORMAL */
/*
 * Lets a task made by copy_process run for the first time; on the CPU that it was made on if it may,
 * behind the caller.
 */
void wake_up_new_task(struct task_struct *task);
/*
 * What every task does first, with the lock of the run queue that switched to it held. prev ran
 * before.
 */
void schedule_tail(struct task_struct *prev);
/*
 * A timer interrupt passed, and met user mode or the kernel; now is arch_clock_ns(). Called with
 * interrupts off, after expired timers have run.
 */
void sched_tick(u64 now, bool user);
/*
 * When this CPU next needs sched_tick, in arch_clock_ns() time; ~0: not until something else
 * happens.
 */
u64 sched_next_tick(void);
void sched_yield(void);
/* Makes task leave user mode soon (it has new work flags). Any context. */
void kick_task(struct task_struct *task);
/* EINVAL: no allowed CPU is online. Waits until the task has left a CPU that is now forbidden. */
int sched_set_affinity(struct task_struct *task, u64 mask);

/* Fills what is derived, as if nothing were lent. */
void sched_attributes_set(struct sched_attributes *a);
/*
 * How urgent task is, with what it is lent: 1 to 40 for nice 19 to -20, 42 to 140 for real-time
 * priorities; 40 less this is what /proc/PID/stat shows.
 */
unsigned int sched_urgency(const struct task_struct *task);
#define URGENCY_FAIR_MAX 40
/*
 * Priority inheritance: task, for which others wait, runs as if it were as urgent as this; 0 takes
 * back what it was lent. Any context.
 */
void sched_lend(struct task_struct *task, unsigned int urgency);
/* Makes attributes task's; it gives way, or others to it, as they say. Any context. */
void sched_set_attributes(struct task_struct *task, struct sched_attributes attributes);
/*
 * Affinity and attributes of task are current's to change: they have the same user, or it has
 * CAP_SYS_NICE.
 */
bool is_same_owner(struct task_struct *task);

/* Sum over all CPUs. */
unsigned long nr_running(void);
u64 nr_context_switches(void);

/* CPU time of task so far in nanoseconds, the current slice included. */
u64 task_cpu_ns(const struct task_struct *task);
/* Time that cpu has had nothing to run. */
u64 sched_idle_ns(unsigned int cpu);
/* Time that it has spent in the kernel, going by where its ticks met it. */
u64 sched_system_ns(unsigned int cpu);
