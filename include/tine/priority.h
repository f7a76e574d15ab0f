/* Choosing tasks as setpriority(2) and ioprio_set(2) do (kernel/priority.c). */
#pragma once

struct task_struct;

/* What is done to each thread that is meant. result: what came of those before, -ESRCH at first. */
typedef long (*visit_fn)(struct task_struct *task, int arg, long result);

/*
 * Visits the threads that which (PRIO_PROCESS, PRIO_PGRP, PRIO_USER) and who (0: current's) mean,
 * under tasklist_lock. The last result; -ESRCH: there is none; -EINVAL: which is none of these.
 */
long visit_selected(int which, int who, visit_fn visit, int arg);

/* of_realtime for a real-time policy, 0 for others; -EINVAL: there is no such policy. */
long sched_priority_limit(int policy, long of_realtime);
