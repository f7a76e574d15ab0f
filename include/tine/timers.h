/*
 * The timers of a process: what setitimer(2) sets (kernel/itimer.c), what timer_create(2) makes
 * (kernel/posix_timer.c), and when those that count CPU time are looked at (kernel/cpu_timers.c).
 *
 * A process has none of this until it first asks for a timer: signal_struct.timers is NULL, and
 * that is all that fork, exec, exit and the scheduler's tick look at.
 */
#pragma once

#include <tine/list.h>
#include <tine/spinlock.h>
#include <tine/time.h>
#include <tine/wait_queue.h>
#include <uapi/signal.h>

struct cpu_time;
struct posix_timer;
struct signal_struct;
struct task_struct;

/* What an interval timer and a timer of timer_create have in common. Times on its clock. */
struct interval {
	u64 expires; /* 0: not set */
	u64 period;  /* 0: once */
};

/*
 * h: the process's sighand->lock. An expiring timer knows nothing but this struct, and finds that
 * lock through task; so lock guards who that is, and that its sighand stays.
 */
struct process_timers {
	struct spinlock lock;
	struct task_struct *task;     /* lock: the leader of the group; NULL once all have exited */
	struct timer real;            /* ITIMER_REAL */
	bool real_armed;              /* h: it has yet to expire */
	struct interval real_value;   /* h: by arch_clock_ns */
	struct interval cpu_value[2]; /* h: ITIMER_VIRTUAL, ITIMER_PROF */
	struct list_head cpu_timers;  /* h: armed posix_timers that count CPU time */
	struct posix_timer **table;   /* h: all posix_timers, by rising id */
	unsigned int count, size;     /* h: entries in it, room in it */
	int next_id;                  /* h */
	bool in_interrupt;            /* h: an expiring timer sends: nothing may be freed now */
	struct list_head dead;        /* h: sigqueues that are to be freed when something may be */
};

/* current's, made if it has none. NULL: out of memory. */
struct process_timers *get_process_timers(void);
/*
 * For a timer's function: locks timers->lock and the sighand of the task it returns; NULL, and
 * nothing locked: the process has ended. Interrupts are off.
 */
struct task_struct *lock_process_timers(struct process_timers *timers);
void unlock_process_timers(struct process_timers *timers, struct task_struct *task);
/* The group is led by task from now on. tasklist_lock held. Tolerates NULL. */
void set_timers_task(struct process_timers *timers, struct task_struct *task);
/* Afterwards no expiring timer uses a sighand that task had before. Tolerates NULL. */
void await_expiring_timers(struct process_timers *timers);
/* The last thread exits: every timer ends. */
void exit_timers(struct signal_struct *signal);
/* exec: posix_timers and their signals go, interval timers stay. current is the only thread. */
void exec_timers(struct signal_struct *signal);
/* With the signal_struct. */
void free_process_timers(struct process_timers *timers);

/*
 * A timer by a clock that is no CPU clock; when the clock is set it is adjusted. fn, in the timer
 * interrupt, must look at the clock: it may be called early. Its owner keeps it from being armed or
 * disarmed by two at once.
 */
struct clock_timer {
	struct timer timer;
	struct wait_entry set; /* waits for the time of day to be set, while armed by it */
};
void clock_timer_setup(struct clock_timer *timer, void (*fn)(struct timer *timer, u64 now),
		       void *arg);
void clock_timer_arm(struct clock_timer *timer, clockid_t clock, u64 expires);
/* fn is called when the time of day is set, until the timer is disarmed, armed or not. */
void clock_timer_watch(struct clock_timer *timer);
/* How often the time of day has been set. */
u64 clock_set_count(void);
/* Afterwards it is not pending, but fn may be running, or about to. */
void clock_timer_disarm(struct clock_timer *timer);
/* Afterwards fn is not running either. Not with a lock held that fn takes. */
void clock_timer_cancel(struct clock_timer *timer);

/*
 * Moves an interval that has passed at now on by whole periods, beyond now; returns how many. Once:
 * not moved, 0.
 */
u64 interval_forward(struct interval *interval, u64 now);
/* What is left of it for a program to see: 0 if it is not set, atom if it has passed. */
u64 interval_left(const struct interval *interval, u64 now, u64 atom);

/* A new one: nothing set. */
void itimer_init(struct process_timers *timers);
/* The same to and from user memory. EFAULT, EINVAL. */
int put_itimerspec(const struct interval *value, struct uapi_itimerspec __user *to);
int get_itimerspec(const struct uapi_itimerspec __user *from, struct interval *value);

/*
 * Clocks of timers (kernel/posix_clock.c). clock_check_timer: EINVAL if there is no such clock,
 * EOPNOTSUPP if it has no timers. get_timer_clock: the clock under the number that clock_now or
 * cpu_clock_value takes; if it is a thread's, that thread, with a reference. EINVAL, EPERM.
 */
int clock_check_timer(clockid_t id);
int get_timer_clock(clockid_t id, clockid_t *clock, struct task_struct **thread);
/* What that CPU clock shows when so much is used. */
u64 cpu_clock_value(clockid_t clock, const struct cpu_time *used);

/* SIGALRM was taken out: ITIMER_REAL, if it repeats, begins its next period. h held. */
void itimer_taken(struct process_timers *timers);
/* timer's signal was taken, and this is what its taker is told. h held. */
void posix_timer_taken(struct posix_timer *timer, siginfo_t *info);
/* Sends for current's posix_timers on CPU clocks; so much its process has used. h held. */
void check_posix_cpu_timers(struct process_timers *timers, const struct cpu_time *used);
/* All of current's; nobody makes new ones. */
void delete_posix_timers(struct process_timers *timers);
/* What was taken out of queues in an interrupt. h held; not in one. */
void free_dead_entries(struct process_timers *timers);
/* Sends for the interval timers that expire when so much CPU time is used. h held. */
void check_cpu_itimers(struct process_timers *timers, const struct cpu_time *used);
