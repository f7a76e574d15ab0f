/* Creating tasks (kernel/fork.c, kernel/clone_rules.c). */
#pragma once

#include <tine/clone_args.h>
#include <tine/types.h>

/* Each asks for CAP_SYS_ADMIN, unless CLONE_NEWUSER stands beside it. */
#define CLONE_NAMESPACES                                                              \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | \
	 CLONE_NEWNET | CLONE_NEWTIME)

struct task_struct;

/* What the rules are about besides the arguments: facts about the caller. */
struct clone_caller {
	bool init_of_namespace; /* CLONE_PARENT is refused: its child would have no reaper */
	u64 capabilities;
	int pid_max; /* numbers are below this */
};

/* When a rule is looked at. The first three, and set_tid, are about clone3 only. */
enum clone_stage {
	CLONE_SIZE,    /* before the block is read */
	CLONE_BLOCK,   /* before the set_tid array is read */
	CLONE_CLONE3,  /* what only clone3 is strict about */
	CLONE_FLAGS,   /* before anything is made */
	CLONE_CHILD,   /* when the child has its resources, before it has a number */
	CLONE_SET_TID, /* of a number that is asked for */
	CLONE_LACKING, /* when Linux would do it */
	CLONE_STAGES
};

/* A broken rule. */
struct clone_rule {
	u64 flags;    /* the rule applies if all of these are asked for */
	u64 needs;    /* ... and not all of these are */
	u64 excludes; /* ... or any of these is */
	bool (*breaks)(const struct kernel_clone_args *args, const struct clone_caller *caller);
	int error; /* positive errno */
	const char *why;
};

extern const struct clone_rule_list {
	const struct clone_rule *rows;
	unsigned int count;
	u64 about; /* no row applies to a call that has none of these; 0: to any call */
} clone_rules[CLONE_STAGES];

/* Has the stage a rule for such a call? Most calls are spared the walk. */
static inline bool clone_concerns(enum clone_stage stage, const struct kernel_clone_args *args)
{
	u64 about = clone_rules[stage].about;

	return !about || (args->flags & about);
}

/* The one refusal that is not clone_check's to find: alloc_pid does. */
extern const struct clone_rule clone_number_taken;

/* The first rule of the stage, which concerns args, that they break; NULL if none. Pure. */
const struct clone_rule *clone_check(enum clone_stage stage, const struct kernel_clone_args *args,
				     const struct clone_caller *caller);

/*
 * Creates a task (docs/tour-fork.md); returns its number as the caller's pid namespace sees it, or
 * -errno. With CLONE_VFORK returns when the child has released its memory or the caller has a fatal
 * signal.
 */
long do_fork(const struct kernel_clone_args *args);

/* A kernel thread named name that runs fn(arg); exits with fn's result. Its number or -errno. */
long kernel_thread(int (*fn)(void *), void *arg, const char *name, u64 flags);

/* What a new task does between schedule_tail and user mode: CLONE_CHILD_SETTID's store. */
void finish_fork(void);

/*
 * Tells a vfork parent (if any) that task has let go of its memory, and does CLONE_CHILD_CLEARTID's
 * work. For exec and exit, before task's mm is dropped; task is current.
 */
void mm_release(struct task_struct *task);

/*
 * The resources of a task: clone's second table (kernel/fork.c). copy gives child its own or, if
 * share_flag is asked for, a reference on current's; it changes nothing but child when it fails
 * (ENOMEM, EAGAIN, ...). release gives back what child has and tolerates that it has nothing.
 */
struct clone_resource {
	const char *name;
	u64 share_flag; /* 0: never shared as such */
	int (*copy)(struct task_struct *child, const struct kernel_clone_args *args);
	void (*release)(struct task_struct *task);
	bool zombie_keeps; /* needed until the task is reaped; else released by do_exit */
};

extern const struct clone_resource clone_resources[];
extern const unsigned int clone_resource_count;

/* Releases from the last row up: first what a zombie does not keep; at last, what it does. */
void release_resources(struct task_struct *task, bool zombie);

/*
 * A task for the idle loop of cpu, known to nobody; its stack is free to be started on. NULL: out
 * of memory.
 */
struct task_struct *fork_idle(unsigned int cpu);
