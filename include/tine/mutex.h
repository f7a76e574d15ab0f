/* Mutual exclusion for those who may sleep (kernel/mutex.c). */
#pragma once

#include <tine/list.h>
#include <tine/spinlock.h>

struct task_struct;

struct mutex {
	struct task_struct *owner; /* NULL: free; bit 0: there are waiters */
	struct spinlock lock;      /* guards waiters */
	struct list_head waiters;
#ifdef CONFIG_DEBUG
	enum lock_class class;
#endif
};

void mutex_init(struct mutex *m, enum lock_class class);
void mutex_lock(struct mutex *m);
/* -EINTR if a fatal signal came first. */
int mutex_lock_killable(struct mutex *m) __must_check;
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
/* True if current holds it. For assertions. */
bool mutex_is_mine(const struct mutex *m);
