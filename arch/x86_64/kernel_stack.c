/*
 * Kernel stacks: slots of an unmapped guard page and KERNEL_STACK_SIZE bytes above it, from
 * KERNEL_STACKS_BASE upwards. A stack that runs over hits the guard page, which the processor
 * reports on a stack of its own, instead of destroying what lies below.
 *
 * A freed stack stays mapped and waits for the next task: first in its CPU's cache, whose slots are
 * exchanged atomically so that neither a lock nor interrupts matter, then in the shared list, whose
 * links lie in the stacks themselves. drain_kernel_stacks() unmaps those, some at a time; their
 * slots are found again by looking for one that is not mapped. It is called when memory is out, and
 * by a CPU that has nothing to do when there are many.
 *
 * stacks_lock guards the shared list, the slots and the page tables of the area.
 */
#include <arch/kernel_map.h>
#include <arch/kernel_stack.h>
#include <arch/page.h>
#include <arch/tlb.h>
#include <arch/x86_cpu.h>
#include <tine/page.h>
#include <tine/spinlock.h>
#include <tine/task.h>

#define SLOT_SIZE   (PAGE_SIZE + KERNEL_STACK_SIZE)
#define STACK_PAGES (KERNEL_STACK_SIZE / PAGE_SIZE)
#define AREA_SIZE   (1ul << 39) /* one entry of the root */
#define MANY_STACKS 256         /* free ones, and how many are unmapped by one flush of the TLBs */

struct free_stack {
	struct free_stack *next;
};

static struct spinlock stacks_lock = SPINLOCK_INIT(LOCK_CLASS_VMAP);
static struct free_stack *shared;
static unsigned int shared_count;      /* in the list */
static unsigned long first_maybe_free; /* slots below this number are not looked at */
static unsigned long first_unused;     /* slots from this number on never had a stack */
static bool draining;                  /* slots between them may still be in TLBs */

extern char boot_stack_guard[];

static void push_shared(void *stack)
{
	struct free_stack *free = stack;

	free->next = shared;
	shared = free;
	shared_count++;
}

/* NULL: there is none. */
static void *pop_shared(void)
{
	struct free_stack *free = shared;

	if (free) {
		shared = free->next;
		shared_count--;
	}
	return free;
}

static unsigned long stack_of_slot(unsigned long slot)
{
	return KERNEL_STACKS_BASE + slot * SLOT_SIZE + PAGE_SIZE;
}

/* Unmaps what is mapped of a stack and puts its pages into pages. */
static void unmap_stack(unsigned long stack, struct list_head *pages)
{
	for (unsigned long page = stack; page < stack + KERNEL_STACK_SIZE; page += PAGE_SIZE) {
		u64 phys = kernel_unmap_page(page);

		if (phys)
			list_add(&phys_to_page(phys)->list, pages);
	}
}

static unsigned long free_page_list(struct list_head *pages)
{
	unsigned long n = 0;

	while (!list_empty(pages)) {
		struct page *page = list_first_entry(pages, struct page, list);

		list_del(&page->list);
		free_pages(page, 0);
		n++;
	}
	return n;
}

static bool map_stack(unsigned long stack)
{
	struct list_head pages = LIST_HEAD_INIT(pages);

	for (unsigned int i = 0; i < STACK_PAGES; i++) {
		struct page *page = alloc_pages(0);

		if (page && kernel_map_page(stack + i * PAGE_SIZE, page_to_phys(page), KERNEL_RW))
			continue;
		if (page)
			free_pages(page, 0);
		/* Nobody has touched the addresses: no TLB knows them. */
		unmap_stack(stack, &pages);
		free_page_list(&pages);
		return false;
	}
	return true;
}

/* stacks_lock held. */
static void *make_stack(void)
{
	unsigned long slot = draining ? first_unused : first_maybe_free;

	while (kernel_is_mapped(stack_of_slot(slot)))
		slot++;
	first_maybe_free = slot;
	if ((slot + 1) * SLOT_SIZE > AREA_SIZE || !map_stack(stack_of_slot(slot)))
		return NULL;
	first_maybe_free = slot + 1;
	first_unused = MAX(first_unused, slot + 1);
	return (void *)stack_of_slot(slot);
}

void *alloc_kernel_stack(void)
{
	struct x86_cpu *cpu = this_x86_cpu();
	irq_state_t state;
	void *stack;

	for (unsigned int i = 0; i < STACK_SLOTS; i++)
		if (cpu->stack_cache[i] &&
		    (stack = __atomic_exchange_n(&cpu->stack_cache[i], NULL, __ATOMIC_ACQUIRE)))
			return stack;

	state = spin_lock_irqsave(&stacks_lock);
	stack = pop_shared();
	if (!stack)
		stack = make_stack();
	spin_unlock_irqrestore(&stacks_lock, state);
	return stack;
}

void free_kernel_stack(void *stack)
{
	struct x86_cpu *cpu = this_x86_cpu();
	irq_state_t state;

	for (unsigned int i = 0; i < STACK_SLOTS && stack; i++)
		stack = __atomic_exchange_n(&cpu->stack_cache[i], stack, __ATOMIC_ACQ_REL);
	if (!stack)
		return;
	state = spin_lock_irqsave(&stacks_lock);
	push_shared(stack);
	spin_unlock_irqrestore(&stacks_lock, state);
}

static void empty_cpu_caches(void)
{
	for (unsigned int cpu = 0; cpu < nr_cpus; cpu++) {
		for (unsigned int i = 0; x86_cpus[cpu] && i < STACK_SLOTS; i++) {
			void *stack = __atomic_exchange_n(&x86_cpus[cpu]->stack_cache[i], NULL,
							  __ATOMIC_ACQ_REL);

			if (stack)
				push_shared(stack);
		}
	}
}

/* Unmaps free stacks, not too many; returns the lowest slot of them. stacks_lock held. */
static unsigned long unmap_free_stacks(struct list_head *pages)
{
	unsigned long lowest = first_maybe_free, stack;

	if (shared_count < MANY_STACKS)
		empty_cpu_caches();
	for (unsigned int i = 0; i < MANY_STACKS; i++) {
		stack = (unsigned long)pop_shared();
		if (!stack)
			break;
		lowest = MIN(lowest, (stack - KERNEL_STACKS_BASE) / SLOT_SIZE);
		unmap_stack(stack, pages);
	}
	return lowest;
}

unsigned long drain_kernel_stacks(void)
{
	struct list_head pages = LIST_HEAD_INIT(pages);
	unsigned long lowest;
	irq_state_t state = spin_lock_irqsave(&stacks_lock);

	if (draining) {
		spin_unlock_irqrestore(&stacks_lock, state);
		return 0;
	}
	draining = true;
	lowest = unmap_free_stacks(&pages);
	spin_unlock_irqrestore(&stacks_lock, state);

	/* The slots may be used again only when no TLB knows the old pages. */
	flush_tlb_kernel();
	state = spin_lock_irqsave(&stacks_lock);
	first_maybe_free = lowest;
	draining = false;
	spin_unlock_irqrestore(&stacks_lock, state);
	return free_page_list(&pages);
}

bool trim_kernel_stacks(void)
{
	return unlikely(READ_ONCE(shared_count) > MANY_STACKS) && drain_kernel_stacks() > 0;
}

bool is_stack_guard(unsigned long address)
{
	if (address - (unsigned long)boot_stack_guard < PAGE_SIZE)
		return true;
	return address >= KERNEL_STACKS_BASE && address < KERNEL_STACKS_BASE + AREA_SIZE &&
	       (address - KERNEL_STACKS_BASE) % SLOT_SIZE < PAGE_SIZE;
}
