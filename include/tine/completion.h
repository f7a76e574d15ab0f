/* A one-shot event that tasks can wait for (kernel/completion.c); vfork's parent waits on one. */
#pragma once

#include <tine/wait_queue.h>

struct completion {
	unsigned int done;
	struct wait_queue wait;
};

void completion_init(struct completion *c);
/*
 * Lets one waiter (for each call) through. The completion may be gone as soon as its waiter has
 * seen it.
 */
void complete(struct completion *c);
/* 0, or -ERESTARTSYS if current was killed first. */
int wait_for_completion_killable(struct completion *c) __must_check;
