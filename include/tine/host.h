/*
 * What include/arch provides, for kernel code compiled into a program of the host (tests/unit). A
 * test defines what it uses of the variables and functions; physical memory is one block at
 * host_memory.
 *
 * host_step(), where a test defines it, is called before each access that other CPUs may see or
 * disturb, so that a test can let something else happen there.
 */
#pragma once

#include <tine/types.h>

#define MAX_CPUS      64
#define PAGE_SHIFT    12
#define PAGE_SIZE     4096ul
#define PAGE_MASK     (~(PAGE_SIZE - 1))
#define TASK_SIZE_MAX 0x7ffffffff000ul

struct mm_struct;
struct task_struct;

struct arch_thread {
	u64 sp;
};

void host_step(void) __attribute__((weak));

static inline void host_shared_access(void)
{
	if (host_step)
		host_step();
}

#define __atomic_load_n(...)    (host_shared_access(), __atomic_load_n(__VA_ARGS__))
#define __atomic_store_n(...)   (host_shared_access(), __atomic_store_n(__VA_ARGS__))
#define __atomic_fetch_add(...) (host_shared_access(), __atomic_fetch_add(__VA_ARGS__))
#define __atomic_fetch_sub(...) (host_shared_access(), __atomic_fetch_sub(__VA_ARGS__))
#define __atomic_add_fetch(...) (host_shared_access(), __atomic_add_fetch(__VA_ARGS__))
#define __atomic_sub_fetch(...) (host_shared_access(), __atomic_sub_fetch(__VA_ARGS__))
#define __atomic_fetch_and(...) (host_shared_access(), __atomic_fetch_and(__VA_ARGS__))
#undef READ_ONCE
#undef WRITE_ONCE
#define READ_ONCE(x)     (host_shared_access(), *(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (host_shared_access(), *(volatile __typeof__(x) *)&(x) = (v))

extern unsigned int nr_cpus;
extern unsigned int host_cpu;
extern struct task_struct *host_current;
extern char *host_memory;

#define current host_current

static inline unsigned long cpu_id(void)
{
	return host_cpu;
}

static inline void cpu_relax(void)
{
}

typedef unsigned long irq_state_t;

static inline irq_state_t irq_save(void)
{
	return 0;
}

static inline void irq_restore(irq_state_t state)
{
}

static inline bool irqs_enabled(void)
{
	return false;
}

u64 arch_clock_ns(void);
void arch_timer_arm(u64 when);

static inline void *phys_to_virt(u64 phys)
{
	return host_memory + phys;
}

static inline u64 virt_to_phys(const void *virt)
{
	return (const char *)virt - host_memory;
}

void arch_init_root_table(void *table);
void flush_tlb_mm(struct mm_struct *mm);
void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end);
