/*
 * CPUs for unit tests: fibers that run one at a time, in an order decided by rand(). host_step(),
 * which host.h puts before every access that other CPUs may see, is where another one may go on; so
 * a schedule that fails can be run again by its seed.
 */
#ifndef UNIT_FIBERS_H
#define UNIT_FIBERS_H

#include <sanitizer/common_interface_defs.h>
#include <stdlib.h>
#include <ucontext.h>

#include <tine/mutex.h>

#include "tap.h"

#define FIBERS      4
#define FIBER_STACK 65536

static struct fiber {
	ucontext_t context;
	void *sanitizer_stack;
	bool running;
	char stack[FIBER_STACK];
} fibers[FIBERS];

unsigned int host_cpu;
struct task_struct *host_current;

static struct fiber *this_fiber; /* NULL: the scheduler runs */
static void (*fiber_main)(void);
static ucontext_t scheduler;
static const void *scheduler_stack;
static size_t scheduler_stack_size;

static inline void to_scheduler(struct fiber *fiber)
{
	__sanitizer_start_switch_fiber(fiber->running ? &fiber->sanitizer_stack : NULL,
				       scheduler_stack, scheduler_stack_size);
	swapcontext(&fiber->context, &scheduler);
	__sanitizer_finish_switch_fiber(fiber->sanitizer_stack, NULL, NULL);
}

/* Lets another CPU go on, or the same one. */
static inline void fiber_yield(void)
{
	if (this_fiber)
		to_scheduler(this_fiber);
}

void host_step(void)
{
	if (this_fiber && rand() % 3 == 0)
		fiber_yield();
}

static void fiber_begin(void)
{
	__sanitizer_finish_switch_fiber(NULL, &scheduler_stack, &scheduler_stack_size);
	fiber_main();
	this_fiber->running = false;
	to_scheduler(this_fiber);
}

static inline void go_on(struct fiber *fiber)
{
	void *sanitizer_stack;

	this_fiber = fiber;
	host_cpu = fiber - fibers;
	__sanitizer_start_switch_fiber(&sanitizer_stack, fiber->stack, sizeof(fiber->stack));
	swapcontext(&scheduler, &fiber->context);
	__sanitizer_finish_switch_fiber(sanitizer_stack, NULL, NULL);
	this_fiber = NULL;
}

static inline void start_fiber(struct fiber *fiber)
{
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = sizeof(fiber->stack);
	makecontext(&fiber->context, fiber_begin, 0);
	fiber->running = true;
}

static inline bool all_done(void)
{
	for (unsigned int i = 0; i < FIBERS; i++)
		if (fibers[i].running)
			return false;
	return true;
}

/* Runs main on every CPU until all have returned. */
static inline void fibers_run(void (*main)(void))
{
	fiber_main = main;
	for (unsigned int i = 0; i < FIBERS; i++)
		start_fiber(&fibers[i]);
	while (!all_done()) {
		struct fiber *fiber = &fibers[rand() % FIBERS];

		if (fiber->running)
			go_on(fiber);
	}
}

/* Mutexes: the owner is the CPU, shifted so that it is never NULL. */
static inline struct task_struct *mutex_me(void)
{
	return (struct task_struct *)(host_cpu + 1ul);
}

void mutex_lock(struct mutex *m)
{
	CHECK(m->owner != mutex_me());
	while (m->owner)
		fiber_yield();
	m->owner = mutex_me();
}

void mutex_unlock(struct mutex *m)
{
	CHECK(m->owner == mutex_me());
	m->owner = NULL;
}

bool mutex_is_mine(const struct mutex *m)
{
	return m->owner == mutex_me();
}

#endif
