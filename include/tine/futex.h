/* Fast user-space locks (kernel/futex.c): sleeping on a word of user memory; and robust lists
 * (kernel/robust_list.c). */
#pragma once

#include <tine/types.h>

struct task_struct;

/* As futex(FUTEX_WAKE) on uaddr in current->mm, private or shared: wakes up to n waiters; how many
 * it woke, or -EFAULT, -EINVAL. Sleeps. */
int futex_wake_user(u32 __user *uaddr, int n);

/* Gives up the robust futexes that current, about to leave its mm, still holds: marks them, wakes
 * one waiter each. It has a list; whatever that holds is harmless. mm_release calls it. Sleeps. */
void exit_robust_list(void);

/*
 * Priority inheritance (kernel/futex_pi.c). task's own urgency has changed: so has that of those it
 * waits for. Takes pi_lock.
 */
void futex_pi_adjust(struct task_struct *task);
/* task, which leaves its mm, hands over the futexes that others wait for. */
void futex_pi_abandon(struct task_struct *task);

void futex_init(void);
