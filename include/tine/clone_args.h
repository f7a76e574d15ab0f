/* One request to create a task: what do_fork() is given, and each resource's copy function sees. */
#pragma once

#include <tine/types.h>
#include <uapi/clone.h>

/* What clone3 was given, for the rules. */
struct clone3_block {
	struct clone_args args;
	size_t size;        /* as the caller says */
	bool bytes_unknown; /* behind what args has, some byte is not zero */
};

struct kernel_clone_args {
	u64 flags; /* CLONE_, without the exit signal */
	int exit_signal;
	int __user *pidfd;
	int __user *child_tid;
	int __user *parent_tid;
	unsigned long stack; /* the child's stack pointer; 0: the parent's */
	unsigned long tls;
	const pid_t *set_tid; /* numbers that the child is to have, innermost namespace first */
	unsigned int set_tid_size;
	const struct clone3_block *block; /* of clone3 */
	int (*fn)(void *);                /* a kernel thread: runs this */
	void *fn_arg;
	const char *name; /* of a kernel thread */
};
