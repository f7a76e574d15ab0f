/*
 * Debug builds: checks of the lock order at run time.
 *
 * Each CPU records the classes of the spinlocks that it holds, each task those of its mutexes.
 * Taking a lock of a class that does not come later in include/tine/lock_order.h than all those
 * held is a panic, long before the deadlock that it would one day cause. An interrupt handler
 * starts with an empty record: that it takes no lock which is also taken with interrupts on is a
 * rule that the handlers keep by taking none but those marked so in the order.
 */
#include <tine/printk.h>
#include <tine/spinlock.h>
#include <tine/task.h>

#ifdef CONFIG_DEBUG

static struct lock_record cpu_records[MAX_CPUS];

/* Two of these may be held at once; lock_order.h says in which order. */
static bool nests(enum lock_class class)
{
	return class == LOCK_CLASS_INODE || class == LOCK_CLASS_MM || class == LOCK_CLASS_FUTEX ||
	       class == LOCK_CLASS_PIPE || class == LOCK_CLASS_EPOLL || class == LOCK_CLASS_WAIT;
}

static void record(struct lock_record *held, enum lock_class class)
{
	for (unsigned int i = 0; i < held->n; i++)
		if (held->classes[i] > class || (held->classes[i] == class && !nests(class)))
			panic("lock order: class %d taken while %d is held", class,
			      held->classes[i]);
	if (held->n == ARRAY_SIZE(held->classes))
		panic("lock order: too many locks held");
	held->classes[held->n++] = class;
}

static void forget(struct lock_record *held, enum lock_class class)
{
	for (unsigned int i = held->n; i-- > 0;) {
		if (held->classes[i] != class)
			continue;
		held->n--;
		for (; i < held->n; i++)
			held->classes[i] = held->classes[i + 1];
		return;
	}
	panic("lock of class %d released but not held", class);
}

void lock_debug_acquire(enum lock_class class)
{
	irq_state_t irq = irq_save();

	record(&cpu_records[cpu_id()], class);
	irq_restore(irq);
}

void lock_debug_release(enum lock_class class)
{
	irq_state_t irq = irq_save();

	forget(&cpu_records[cpu_id()], class);
	irq_restore(irq);
}

void lock_debug_acquire_mutex(enum lock_class class)
{
	lock_debug_may_sleep(LOCK_CLASS_NUM);
	record(&current->held_mutexes, class);
}

void lock_debug_release_mutex(enum lock_class class)
{
	forget(&current->held_mutexes, class);
}

void lock_debug_may_sleep(enum lock_class allowed)
{
	irq_state_t irq = irq_save();
	const struct lock_record *held = &cpu_records[cpu_id()];

	for (unsigned int i = 0; i < held->n; i++)
		if (held->classes[i] != allowed)
			panic("may sleep with a spinlock of class %d held", held->classes[i]);
	irq_restore(irq);
}

void lock_debug_irq_enter(struct lock_record *saved)
{
	*saved = cpu_records[cpu_id()];
	cpu_records[cpu_id()].n = 0;
}

void lock_debug_irq_exit(const struct lock_record *saved)
{
	cpu_records[cpu_id()] = *saved;
}

#endif
