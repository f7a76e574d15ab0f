#ifndef CLONE_CALLS_H
#define CLONE_CALLS_H

/* Making the calls of which clone_rules.h says whether they are refused, for whoever asks. */
#include "clone_rules.h"
#include "rights.h"

#define CAP_SYS_ADMIN          21
#define CAP_CHECKPOINT_RESTORE 40

#define PID_MAX 32768
/* Far from where numbers are given out during the tests. */
#define CHOSEN_NUMBER 31500
#define SET_TID_SOME  1 /* clone_call.set_tid, if it is not 0: it becomes an address */

/* Where a child's number and a pidfd are stored; NOTHING_STORED before. */
static volatile int parent_word, child_word, pidfd_word;
#define NOTHING_STORED (-1)

/* What CLONE_SETTLS gets; and the stack of every child, one at a time. */
static char tls_block[256] __attribute__((aligned(64)));
static char child_stack[16384] __attribute__((aligned(64)));

/* A call of clone3 that gives the child a stack, and breaks no rule by itself. */
static inline UNUSED struct clone_call plain_clone3(void)
{
	return (struct clone_call){
		.clone3 = 1,
		.size = sizeof(struct clone_args),
		.tls = (uintptr_t)tls_block + 64,
		.stack = (uintptr_t)child_stack,
		.stack_size = sizeof(child_stack),
	};
}

/* clone has one argument for a pidfd and for the number. */
static inline UNUSED struct clone_call plain_clone(void)
{
	struct clone_call call = plain_clone3();

	call.clone3 = 0;
	call.same_address = 1;
	return call;
}

static inline UNUSED long issue_clone3(const struct clone_call *c, int (*function)(void *),
				       void *argument)
{
	static union {
		struct clone_args args;
		unsigned char bytes[4096];
	} block;
	static pid_t numbers[40];

	numbers[0] = c->number;
	memset(&block, 0, sizeof(block));
	block.args = (struct clone_args){
		.flags = c->flags,
		.pidfd = (uintptr_t)(c->same_address ? &parent_word : &pidfd_word),
		.child_tid = (uintptr_t)&child_word,
		.parent_tid = (uintptr_t)&parent_word,
		.exit_signal = c->exit_signal,
		.stack = c->stack,
		.stack_size = c->stack_size,
		.tls = c->tls,
		.set_tid = c->set_tid ? (uintptr_t)numbers : 0,
		.set_tid_size = c->set_tid_size,
		.cgroup = c->cgroup,
	};
	if (c->bytes_beyond && c->size > sizeof(block.args) && c->size <= sizeof(block))
		block.bytes[c->size - 1] = 1;
	return raw_clone3_call(&block.args, c->size, function, argument);
}

/*
 * The call. The child runs function(argument) on the stack given, or on a copy of the caller's if
 * there is none, and ends its thread with the result.
 */
static inline UNUSED long issue(const struct clone_call *c, int (*function)(void *), void *argument)
{
	parent_word = child_word = pidfd_word = NOTHING_STORED;
	if (c->clone3)
		return issue_clone3(c, function, argument);
	return raw_clone_call(c->flags | c->exit_signal, (void *)(c->stack + c->stack_size),
			      (int *)&parent_word, (int *)&child_word, c->tls, function, argument);
}

/* The caller gives up all but these capabilities; it cannot go back. */
static inline UNUSED void keep_only(const struct clone_who *who)
{
	unsigned long caps = 0;

	if (who->sys_admin)
		caps |= CAP(CAP_SYS_ADMIN);
	if (who->checkpoint_restore)
		caps |= CAP(CAP_CHECKPOINT_RESTORE);
	check_eq(set_caps(caps, caps, 0), 0);
}

#endif
