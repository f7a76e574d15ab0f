/* A one-shot event that one task waits for (kernel/completion.c); vfork's parent waits on one. */
#pragma once

#include <tine/spinlock.h>
#include <tine/types.h>

struct task_struct;

struct completion {
	struct spinlock lock;
	bool done; /* lock to write */
	struct task_struct *waiter;
};

/* current is who will wait. */
void completion_init(struct completion *c);
/*
 * Lets the waiter through. The completion, and the waiter, may be gone when this returns. Not in
 * interrupts.
 */
void complete(struct completion *c);
/* 0, or -ERESTARTSYS if current was killed first. */
int wait_for_completion_killable(struct completion *c) __must_check;
