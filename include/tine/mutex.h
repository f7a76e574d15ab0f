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
/* -EINTR if a fatal signal came first. */
int mutex_lock_killable(struct mutex *m) __must_check;
bool mutex_trylock(struct mutex *m);
/* True if current holds it. For assertions. */
bool mutex_is_mine(const struct mutex *m);

#ifdef TINE_HOST_TEST /* tests/unit/fibers.h */
void mutex_lock(struct mutex *m);
void mutex_unlock(struct mutex *m);
#else

#ifdef CONFIG_DEBUG
static inline enum lock_class mutex_class(const struct mutex *m)
{
	return m->class;
}
#else
static inline enum lock_class mutex_class(const struct mutex *m)
{
	return LOCK_CLASS_NUM;
}
#endif

static inline bool mutex_swap_owner(struct mutex *m, unsigned long from, unsigned long to)
{
	struct task_struct *expected = (struct task_struct *)from;

	return __atomic_compare_exchange_n(&m->owner, &expected, (struct task_struct *)to, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* When it is not free; when somebody waits. */
void mutex_lock_slowly(struct mutex *m);
void mutex_unlock_slowly(struct mutex *m);

static inline void mutex_lock(struct mutex *m)
{
	lock_debug_acquire_mutex(mutex_class(m));
	if (unlikely(!mutex_swap_owner(m, 0, (unsigned long)current)))
		mutex_lock_slowly(m);
}

static inline void mutex_unlock(struct mutex *m)
{
	lock_debug_release_mutex(mutex_class(m));
	if (unlikely(!mutex_swap_owner(m, (unsigned long)current, 0)))
		mutex_unlock_slowly(m);
}
#endif

#define MUTEX_LOCKED(lock, expr)              \
	({                                    \
		mutex_lock(lock);             \
		__auto_type locked_ = (expr); \
		mutex_unlock(lock);           \
		locked_;                      \
	})
