/*
 * Spinlocks. The kernel is not preempted, so taking one needs no more than the lock word; a lock
 * that an interrupt handler takes too must be taken with interrupts off (the _irqsave forms).
 */
#pragma once

#include <tine/arch.h>
#include <tine/lock_order.h>
#include <tine/types.h>

struct spinlock {
	u32 locked;
#ifdef CONFIG_DEBUG
	u16 class;
	u16 holder; /* CPU number + 1 while held */
#endif
};

/* Debug builds: the classes of locks that somebody holds, in the order taken. */
struct lock_record {
#ifdef CONFIG_DEBUG
	u8 n;
	u8 classes[15];
#endif
};

#ifdef CONFIG_DEBUG
#define SPINLOCK_INIT(class_)                               \
	{                                                   \
		.locked = 0, .class = (class_), .holder = 0 \
	}
/*
 * Panic if the lock order forbids taking class now. Spinlocks are recorded for each CPU, mutexes
 * for each task.
 */
void lock_debug_acquire(enum lock_class class);
void lock_debug_release(enum lock_class class);
void lock_debug_acquire_mutex(enum lock_class class);
void lock_debug_release_mutex(enum lock_class class);
/* Panics if this CPU holds a spinlock other than allowed (LOCK_CLASS_NUM: none). */
void lock_debug_may_sleep(enum lock_class allowed);
/*
 * An interrupt handler begins and ends: it starts with no spinlocks; what it interrupted gets its
 * own back.
 */
void lock_debug_irq_enter(struct lock_record *saved);
void lock_debug_irq_exit(const struct lock_record *saved);
#else
#define SPINLOCK_INIT(class_) \
	{                     \
		.locked = 0   \
	}
static inline void lock_debug_acquire(enum lock_class class)
{
}
static inline void lock_debug_release(enum lock_class class)
{
}
static inline void lock_debug_acquire_mutex(enum lock_class class)
{
}
static inline void lock_debug_release_mutex(enum lock_class class)
{
}
static inline void lock_debug_may_sleep(enum lock_class allowed)
{
}
static inline void lock_debug_irq_enter(struct lock_record *saved)
{
}
static inline void lock_debug_irq_exit(const struct lock_record *saved)
{
}
#endif

static inline void spin_lock_init(struct spinlock *l, enum lock_class class)
{
	*l = (struct spinlock)SPINLOCK_INIT(class);
}

static inline bool spin_trylock_raw(struct spinlock *l)
{
	return __atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spin_lock(struct spinlock *l)
{
#ifdef CONFIG_DEBUG
	lock_debug_acquire(l->class);
#endif
	while (unlikely(!spin_trylock_raw(l)))
		while (__atomic_load_n(&l->locked, __ATOMIC_RELAXED))
			cpu_relax();
#ifdef CONFIG_DEBUG
	l->holder = cpu_id() + 1;
#endif
}

static inline void spin_unlock(struct spinlock *l)
{
#ifdef CONFIG_DEBUG
	l->holder = 0;
	lock_debug_release(l->class);
#endif
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
}

static inline irq_state_t spin_lock_irqsave(struct spinlock *l)
{
	irq_state_t state = irq_save();

	spin_lock(l);
	return state;
}

static inline void spin_unlock_irqrestore(struct spinlock *l, irq_state_t state)
{
	spin_unlock(l);
	irq_restore(state);
}

/* What expr is, worked out while lock is held; MUTEX_LOCKED (mutex.h) likewise. */
#define SPIN_LOCKED(lock, expr)               \
	({                                    \
		spin_lock(lock);              \
		__auto_type locked_ = (expr); \
		spin_unlock(lock);            \
		locked_;                      \
	})
