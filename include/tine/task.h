/*
 * struct task_struct: a thread. Its life (kernel/task.c): allocated by copy_process, published when
 * whole, runs, exits to a zombie, is reaped, freed when the last reference goes.
 *
 * Fields are grouped by what fork does to them. Locks:
 *   c  constant once published
 *   s  only the task itself writes; others may read
 *   t  tasklist_lock
 *   h  sighand->lock
 *   r  the lock of the run queue of task->cpu
 *   l  alloc lock (task->alloc_lock): who reads another task's mm, files, fs, cred
 *   p  the lock of all futexes with priority inheritance (kernel/futex_pi.c)
 *   a  atomic
 */
#pragma once

#include <tine/arch.h>
#include <tine/atomic.h>
#include <tine/cred.h>
#include <tine/list.h>
#include <tine/mutex.h>
#include <tine/pid.h>
#include <tine/rusage.h>
#include <tine/sched.h>
#include <tine/signal.h>
#include <tine/spinlock.h>
#include <tine/types.h>
#include <uapi/resource.h>

struct completion;
struct files_struct;
struct fs_struct;
struct futex_pi_waiter;
struct io_context;
struct mm_struct;
struct passed_files;
struct pollfd;
struct process_timers;
struct rseq;
struct sem_undo_list;

#define TASK_COMM_LEN     16
#define KERNEL_STACK_SIZE 8192ul

/* task->work: what to do before going back to user mode. */
#define TIF_RESCHED         0x1u  /* give up the CPU */
#define TIF_SIGPENDING      0x2u  /* signals may be pending */
#define TIF_RESTORE_SIGMASK 0x4u  /* put back saved_sigmask if no handler ran */
#define TIF_REGS_CHANGED    0x8u  /* pt_regs were replaced during a system call (exec, sigreturn) */
#define TIF_RSEQ            0x10u /* lost the CPU: a restartable sequence may have to be aborted */

/* task->flags; /proc/PID/stat shows them, so the values are Linux's */
#define PF_IDLE           0x2u
#define PF_EXITING        0x4u       /* in do_exit */
#define PF_FORKNOEXEC     0x40u      /* forked, has not called exec */
#define PF_MCE_PROCESS    0x80u      /* chose how to be told of bad memory... */
#define PF_SUPERPRIV      0x100u     /* used a capability */
#define PF_SIGNALED       0x400u     /* killed by a signal */
#define PF_NPROC_EXCEEDED 0x1000u    /* setuid went over RLIMIT_NPROC: exec will fail */
#define PF_IO_FLUSHER     0x180000u  /* said that others' writes depend on it */
#define PF_KTHREAD        0x200000u  /* kernel thread: no user mode, no mm */
#define PF_MCE_EARLY      0x8000000u /* ... at once, not when it is touched */

/* task->exit_state */
#define EXIT_ALIVE  0
#define EXIT_ZOMBIE 1 /* waits to be reaped */
#define EXIT_DEAD   2 /* reaped, or nobody wants to */

struct restart_block {
	long (*fn)(struct restart_block *restart);
	clockid_t clock;
	u64 expires;            /* absolute, arch_clock_ns time */
	void __user *remaining; /* struct timespec, NULL if not wanted */
	u32 __user *futex;
	u32 futex_value, futex_bitset, futex_flags;
	struct pollfd __user *poll_fds;
	unsigned int poll_count;
};

struct task_struct {
	/* Zero in a new task. Pointers that own something are all here. */
	u32 work;                         /* a: TIF_; first, as assembly tests it */
	u32 exit_state;                   /* t */
	void *stack;                      /* c: lowest address of the kernel stack; owned */
	struct mm_struct *mm;             /* l, s: owned; NULL for kernel threads and after exit */
	struct files_struct *files;       /* l, s: owned */
	struct fs_struct *fs;             /* l, s: owned */
	struct io_context *io_context;    /* l: owned; NULL until it has a priority */
	struct sem_undo_list *undo_list;  /* l, s: owned; NULL until used (ipc/sem_undo.c) */
	struct sighand_struct *sighand;   /* t+h to change: owned */
	struct signal_struct *signal;     /* c: owned; lives as long as the task_struct */
	struct cred *cred;                /* l, s: owned */
	struct user_struct *counted_user; /* s, t: in whose count of processes it is; owned */
	struct pid *thread_pid;           /* t: owned; NULL once reaped */
	struct sigpending pending;        /* h */
	struct completion
		*vfork_done; /* l: whom to tell when mm is released; on the parent's stack */
	int __user *clear_child_tid; /* s */
	int __user *set_child_tid;   /* s */
	void __user *robust_list;    /* s */
	struct rseq __user *rseq;    /* s: NULL: none is registered */
	u32 rseq_signature;          /* s */
	sigset_t saved_sigmask;      /* s */
	sigset_t real_blocked;       /* h: what was blocked when sigtimedwait began; 0 outside it */
	u32 jobctl;                  /* h: JOBCTL_ */
	u64 cpu_ns;                  /* r: time used, without the current slice */
	u64 slice_start;             /* r */
	u32 user_ticks,
		system_ticks; /* r: scheduler ticks that met it in user mode, in the kernel */
	u64 nvcsw, nivcsw;    /* r: switches because it slept, because it was made to */
	u64 min_flt, maj_flt; /* s */
	int exit_code;        /* s until zombie, then t: status word */
	int pdeath_signal;    /* s */
	int exit_signal;      /* t: -1 for a thread that is not the leader */
	bool on_rq;           /* r */
	u8 lent;              /* r, p to write: the urgency of those who wait for it; 0 none */
	bool pi_closed;       /* s: gives up no more futexes: it is past that in its exit */
	struct futex_pi_waiter *pi_waiters;   /* p: who waits for futexes that it holds */
	struct futex_pi_waiter *pi_blocked;   /* p: its own, while it waits for such a futex */
	u32 parent_exec_id;                   /* c: its parent's exec_id when it was made */
	u32 fail_nth;                         /* s: debug: fail this allocation from now, 0 none */
	bool fail_suspended;                  /* s: debug: not now */
	struct passed_files **dropping_files; /* s: more to drop, while it drops some (ipc/scm.c) */
	u32 state;                            /* r to wake; the task itself sets it: TASK_ */
	unsigned int cpu;                     /* r */
	struct arch_thread thread;            /* s, and switch_to */
	struct lock_record held_mutexes;      /* s: debug builds */
	/* For RLIMIT_RTTIME: nvcsw when it was last looked at, cpu_ns when that changed. */
	u64 rt_slept, rt_begin; /* s */

	/* Copied from the parent. */
	u32 flags;                     /* s: PF_ */
	char comm[TASK_COMM_LEN];      /* l */
	sigset_t blocked;              /* h to write, s */
	stack_t altstack;              /* s */
	u64 cpus_allowed;              /* r */
	u64 vtime;                     /* r: virtual time, in the terms of its run queue's rounds */
	struct sched_attributes sched; /* r to write */
	u32 exec_id;     /* s: counts execs: an exit signal is for the program that asked for it */
	u32 personality; /* s */
	bool no_new_privs;  /* s: never cleared */
	u64 timer_slack_ns; /* s: how late a sleep may end: a promise that nothing here needs */
	u64 default_timer_slack_ns; /* c: what it began with */

	/* Set by hand. */
	u64 start_time;      /* c: arch_clock_ns */
	struct atomic count; /* a: references */
	struct spinlock alloc_lock;
	int pid,
		tgid; /* c (exec may change both, t): numbers in the initial namespace, for messages */
	struct task_struct *real_parent;          /* t */
	struct task_struct *parent;               /* t: real_parent, or the tracer */
	struct task_struct *group_leader;         /* t */
	struct list_head children, sibling;       /* t: real_parent's children */
	struct list_head thread_link;             /* t+h: in signal->threads */
	struct list_head tasks_link;              /* t: leaders, in task_list */
	struct list_head pid_link[PIDTYPE_LISTS]; /* t: in signal->pids' lists */
	struct list_head run_link;                /* r */
	struct restart_block restart;             /* s */
};

/* How many bytes are zero in a new task, and how many more come from its parent. */
#define TASK_ZEROED offsetof(struct task_struct, flags)
#define TASK_COPIED (offsetof(struct task_struct, count) - TASK_ZEROED)

/* How readily the process is killed when memory is out: -1000, never, to 1000. */
struct oom_score {
	int adj, least; /* least: anybody may lower adj so far */
};

/*
 * What the threads of a process share. Counted by its task_structs. Locks as above.
 */
struct signal_struct {
	/* Zero in a new process. */
	struct task_struct
		*group_exec_task; /* h: the thread in exec that waits for the others to go */
	int group_exit_code;      /* h */
	u32 flags;                /* h: SIGNAL_ */
	int group_stop_count;     /* h: threads still to stop */
	int stop_signal;          /* h: what stopped the group, for wait */
	u32 broadcasts;           /* t: signals sent to many processes, this one among them */
	bool is_child_subreaper, has_child_subreaper; /* t */
	bool leader;                                  /* t: session leader */
	struct pid *pids[PIDTYPE_PID];                /* t: [PGID], [SID], [TGID]: counted */
	struct tty *tty;                    /* t: controlling terminal: counted by the tty code */
	struct pid *tty_old_pgrp;           /* t: counted: its foreground group before a hangup */
	struct usage used, child_used;      /* t+h: threads that are gone; children waited for */
	u64 shown_user_ns, shown_system_ns; /* h: CPU time that somebody was told of */
	struct process_timers *timers; /* set once, under h: owned; NULL until a timer is used */

	/* Copied from the parent. */
	struct rlimit rlim[RLIM_NLIMITS]; /* l of the group leader to write; read without */
	struct oom_score oom_score;       /* a */

	/* Set by hand. */
	struct atomic count;              /* a: task_structs that point here */
	struct atomic live;               /* a: threads that have not begun to exit */
	int nr_threads;                   /* t+h: threads in the list */
	struct list_head threads;         /* t+h: by thread_link */
	struct wait_queue wait_child;     /* wait4 sleeps here */
	struct sigpending shared_pending; /* h */
	struct mutex exec_lock;
};

#define SIGNAL_GROUP_EXIT     0x1u  /* every thread is to exit with group_exit_code */
#define SIGNAL_STOP_STOPPED   0x2u  /* the group is stopped */
#define SIGNAL_STOP_CONTINUED 0x4u  /* it was continued, and wait has not reported it */
#define SIGNAL_UNKILLABLE     0x8u  /* init: only signals it has handlers for reach it */
#define SIGNAL_CLD_STOPPED    0x10u /* its parent is to be told of a stop, of a continue */
#define SIGNAL_CLD_CONTINUED  0x20u

extern struct atomic stopped_groups; /* a: how many have SIGNAL_STOP_STOPPED */

extern struct spinlock tasklist_lock;
/* Thread group leaders, zombies included, oldest first; tasklist_lock. */
extern struct list_head task_list;
extern struct task_struct init_task;     /* CPU 0's idle task: ancestor of all */
extern struct task_struct *child_reaper; /* process 1 */
extern int nr_threads;                   /* tasks published and not yet reaped; tasklist_lock */
extern u64 total_forks;                  /* tasks ever published; tasklist_lock */
extern int max_threads;                  /* limit of nr_threads, from the size of memory */

/* Does current have work for the way out to user mode? */
static inline bool signal_pending(const struct task_struct *task)
{
	return unlikely(READ_ONCE(task->work) & TIF_SIGPENDING);
}

bool fatal_signal_pending(const struct task_struct *task);

/* A signal that must end a sleep in state is pending for task. */
static inline bool signal_pending_state(unsigned int state, const struct task_struct *task)
{
	return signal_pending(task) && ((state & TASK_INTERRUPTIBLE) ||
					((state & TASK_WAKEKILL) && fatal_signal_pending(task)));
}

/*
 * Sets current's state with a full barrier: what was written before is seen by a waker that sees
 * the state, and vice versa.
 */
static inline void set_current_state(unsigned int state)
{
	__atomic_store_n(&current->state, state, __ATOMIC_SEQ_CST);
}

/* Atomic. Setting another task's flag is followed by kick_task(). */
static inline void set_task_work(struct task_struct *task, u32 bits)
{
	__atomic_fetch_or(&task->work, bits, __ATOMIC_SEQ_CST);
}

static inline void clear_task_work(struct task_struct *task, u32 bits)
{
	if (READ_ONCE(task->work) & bits)
		__atomic_fetch_and(&task->work, ~bits, __ATOMIC_SEQ_CST);
}

/*
 * A task with a kernel stack, count 1, known to nobody. What is copied from a parent is undefined.
 * NULL: out of memory.
 */
struct task_struct *alloc_task_struct(void);
static inline void get_task_struct(struct task_struct *task)
{
	atomic_inc(&task->count);
}
/*
 * The last one releases every resource the task still has and frees it. Any context but interrupts.
 */
void put_task_struct(struct task_struct *task);
static inline void scoped_put_task_struct(struct task_struct **task)
{
	if (*task)
		put_task_struct(*task);
}

/* Next thread of the group, NULL at the end. tasklist_lock held. */
struct task_struct *next_thread(const struct task_struct *task);

/*
 * The process with the lowest number above tgid, with a reference; NULL if there is none. For walks
 * that sleep on the way.
 */
struct task_struct *get_next_process(int tgid);
/*
 * The memory of a process, by a thread that still has it, with a user reference; NULL if none has.
 */
struct mm_struct *get_process_mm(struct task_struct *task);

static inline bool thread_group_leader(const struct task_struct *task)
{
	return task->group_leader == task;
}

static inline void usage_add_thread(struct usage *sum, const struct task_struct *task)
{
	sum->cpu_ns += task_cpu_ns(task);
	sum->user_ticks += task->user_ticks;
	sum->system_ticks += task->system_ticks;
	sum->min_flt += task->min_flt;
	sum->maj_flt += task->maj_flt;
	sum->nvcsw += task->nvcsw;
	sum->nivcsw += task->nivcsw;
}

static inline bool same_thread_group(const struct task_struct *a, const struct task_struct *b)
{
	return a->signal == b->signal;
}

/*
 * Waits until no thread of current's group but current is left and makes current the leader; for
 * exec. -EAGAIN: somebody else does exec or the group is exiting.
 */
int de_thread(struct task_struct *task);

/* Ends current / its thread group; code is a status word as wait(2) returns it. */
void do_exit(int code) __noreturn;
void do_group_exit(int code) __noreturn;
/*
 * Reaps a zombie: unlinks it everywhere and drops the list's reference. tasklist_lock held; called
 * once, by who set EXIT_DEAD.
 */
void release_task_locked(struct task_struct *task);
/*
 * True if pgrp has no member whose parent is in another group of the same session; ignored does not
 * count. tasklist_lock held.
 */
bool is_orphaned_pgrp(struct pid *pgrp, const struct task_struct *ignored);

/* Rows of clone's table of resources. */
struct kernel_clone_args;
int copy_signal(struct task_struct *child, const struct kernel_clone_args *args);
void release_signal(struct task_struct *task);

/*
 * A kernel stack: KERNEL_STACK_SIZE bytes above a guard page; the lowest address. NULL: out of
 * memory. arch.
 */
void *alloc_kernel_stack(void);
void free_kernel_stack(void *stack);

/* Limits of the first process, inherited by all others (kernel/rlimit.c). */
void init_rlimits(struct rlimit *rlim);

/* kernel/personality.c. How much of a new program's addresses is drawn: 0 nothing, 1 all but the
 * break, 2 all. must: whatever current's personality says. */
unsigned int personality_randomize(bool must);
/* exec, past the point of no return. clears: all that makes a program easier to attack goes. */
void personality_exec(bool clears);
extern int randomize_va_space; /* atomic */

void set_task_comm(struct task_struct *task, const char *name);
void get_task_comm(char name[TASK_COMM_LEN], struct task_struct *task);
static inline unsigned long rlimit(unsigned int limit)
{
	return READ_ONCE(current->signal->rlim[limit].rlim_cur);
}

void task_init(void);
