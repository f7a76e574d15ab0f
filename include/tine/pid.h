/*
 * Process numbers (kernel/pid.c): struct pid, which outlives the task that had it, and the
 * allocation of numbers.
 */
#pragma once

#include <tine/atomic.h>
#include <tine/list.h>
#include <tine/types.h>
#include <tine/wait_queue.h>

struct exit_wait;
struct task_struct;
struct pid_namespace;

#define MAX_PID_NS_LEVEL 32

enum pid_type {
	PIDTYPE_PGID, /* leaders of the thread groups in the process group */
	PIDTYPE_SID,  /* leaders of the thread groups in the session */
	PIDTYPE_TGID, /* the leader of the thread group */
	PIDTYPE_PID,  /* the task with this tid */
	PIDTYPE_MAX,
	PIDTYPE_LISTS = PIDTYPE_TGID, /* those that many tasks can share come first */
};

/* A number in one namespace. */
struct upid {
	int nr;
	struct pid_namespace *ns;
	struct pid *next; /* hash chain; private to kernel/pid.c */
};

/* Task and lists: tasklist_lock. The rest is constant. */
struct pid {
	struct atomic count;
	unsigned int level;          /* depth of the namespace it was made in */
	struct exit_wait *exit_wait; /* tasklist_lock: of its pidfds, which keep it; else NULL */
	struct task_struct *task; /* whose number it is; NULL before it is published, or reaped */
	struct list_head tasks[PIDTYPE_LISTS];
	struct upid numbers[]; /* level + 1 of them, outermost first */
};

extern struct pid_namespace init_pid_ns;
extern int pid_max; /* numbers are below this */
#define PID_MAX_MIN 301
#define PID_MAX_MAX 4194304
/* /proc/sys/kernel/pid_max. EINVAL: out of range; ENOMEM. */
int set_pid_max(int n);

/*
 * A new pid with a number in ns and each of its ancestors, count 1, not yet found by find_get_pid.
 * The first set_tid_size of them, from ns outwards, are those in set_tid, which the rules of clone
 * have passed. EAGAIN: no number is free; EEXIST: one of these is in use; ENOMEM.
 */
struct pid *alloc_pid(struct pid_namespace *ns, const pid_t *set_tid, unsigned int set_tid_size);
/* Makes the numbers findable, as those of task. tasklist_lock held. Cannot fail. */
void publish_pid(struct pid *pid, struct task_struct *task);
/* The task whose number it was is reaped. tasklist_lock held. */
void vacate_pid(struct pid *pid);
/* Frees the numbers (also of one never published); the struct lives until its last put_pid. */
void free_pid_numbers(struct pid *pid);
/* Both tolerate NULL. */
static inline struct pid *get_pid(struct pid *pid)
{
	if (pid)
		atomic_inc(&pid->count);
	return pid;
}
void free_pid(struct pid *pid); /* put_pid's */
static inline void put_pid(struct pid *pid)
{
	if (pid && atomic_dec_and_test(&pid->count))
		free_pid(pid);
}

/*
 * Put task into / take it out of the list of its pid of that type, PGID or SID; tasklist_lock
 * held. change replaces signal->pids[type], taking a reference on to. A number is freed when it is
 * no task's, no group's and no session's any more.
 */
void attach_pid(struct task_struct *task, enum pid_type type);
void detach_pid(struct task_struct *task, enum pid_type type);
void change_pid(struct task_struct *task, enum pid_type type, struct pid *to);

/* The pid with number nr as current's namespace sees it, with a reference; NULL if none. */
struct pid *find_get_pid(int nr);
/* The same without a reference; tasklist_lock held (numbers are freed only under it). */
struct pid *find_vpid(int nr);
/*
 * The first number >= nr in use in current's namespace, with a reference; NULL if none (for readdir
 * of /proc).
 */
struct pid *find_ge_pid(int nr, int *found);

/* The task of that type, NULL if there is none. tasklist_lock held. */
struct task_struct *pid_task(struct pid *pid, enum pid_type type);
/* The same with a reference; the lock is not held. */
struct task_struct *get_pid_task(struct pid *pid, enum pid_type type);
/* The task with that number, with a reference; NULL if none. */
struct task_struct *find_get_task_by_vpid(int nr);
struct task_struct *find_task_by_vpid(int nr); /* tasklist_lock held, no reference */

/* pid's number as ns / current's namespace sees it; 0 if it has none there, or pid is NULL. */
int pid_nr_ns(const struct pid *pid, const struct pid_namespace *ns);
int pid_vnr(const struct pid *pid);

int task_pid_vnr(const struct task_struct *task);
int task_tgid_vnr(const struct task_struct *task);
int task_pgrp_vnr(const struct task_struct *task);    /* tasklist_lock held, or task is current */
int task_session_vnr(const struct task_struct *task); /* likewise */

/* The number given out last in the initial namespace. */
int last_pid(void);

void pid_init(void);
