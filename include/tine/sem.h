/* System V semaphores (ipc/sem.c) and what tasks share of them (ipc/sem_undo.c). */
#ifndef TINE_SEM_H
#define TINE_SEM_H

#include <tine/ipc.h>
#include <tine/list.h>
#include <tine/types.h>

struct kernel_clone_args;
struct pid;
struct sem_undo_list;
struct seq_buffer;
struct task_struct;

/* A row of clone's table of resources. ENOMEM. */
int copy_semundo(struct task_struct *child, const struct kernel_clone_args *args);
/* Takes part in the undo list no more; the last one to do so has it applied. Any task, as exit. */
void release_semundo(struct task_struct *task);

/* kernel.sem. */
enum sem_limit { LIMIT_SEMMSL, LIMIT_SEMMNS, LIMIT_SEMOPM, LIMIT_SEMMNI, SEM_LIMITS };
extern int sem_limits[SEM_LIMITS];
int show_semaphores(struct seq_buffer *m, struct task_struct *task);

void sem_init(void);

/* --- Between sem.c and sem_undo.c --- */

struct sem {
	struct pid *pid; /* counted: the process that last did something to it; NULL: none yet */
	int value;
};

/* The object's lock guards all but nsems, which is constant. */
struct sem_array {
	struct ipc_object ipc;
	time_t otime, ctime;           /* last semop, last change by semctl; seconds since 1970 */
	struct list_head undos;        /* sem_undo.in_set */
	struct list_head zero_waiters; /* sem_waiter: who alters nothing; first come, first */
	struct list_head waiters;      /* sem_waiter: the others */
	int nsems;
	struct sem sems[];
};

/* What one undo list has to do to one set. */
struct sem_undo {
	struct list_head in_list; /* list->lock */
	struct list_head in_set;  /* the set's lock */
	struct sem_undo_list *list;
	struct sem_array *set;
	s16 adjustments[]; /* the set's lock: set->nsems of them, to be added to the values */
};

void sem_put(struct sem_array *set);
/* The process whose number pid is has done something to the semaphore. Set locked. */
void sem_touch(struct sem *sem, struct pid *pid);
/*
 * Values have changed: whoever waits and can go on now is let go. operated: and that counts as an
 * operation in any case. Set locked.
 */
void sem_update(struct sem_array *set, bool operated);

/* current's list, made at the first call. NULL: out of memory. */
struct sem_undo_list *sem_own_undo_list(void);
/*
 * What list, current's, has to undo in set, made at the first call. Set locked; the lock is dropped to
 * allocate. ERR_PTR: ENOMEM; EIDRM: it was removed meanwhile.
 */
struct sem_undo *sem_get_undo(struct sem_undo_list *list, struct sem_array *set);
/* semnum was given a value: what was to be undone there is forgotten. Set locked. */
void sem_clear_undos(struct sem_array *set, int semnum);
/* set is removed. Set locked. */
void sem_drop_undos(struct sem_array *set);

#endif
