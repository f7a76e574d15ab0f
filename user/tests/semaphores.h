#ifndef SEMAPHORES_H
#define SEMAPHORES_H

/*
 * What the tests of System V semaphores share. A case makes its sets by new_set and removes them by
 * remove_set. What may run in a process that shares the memory of another uses the raw_ calls.
 */
#include "helpers.h"

#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif
#ifndef SEM_STAT
#define SEM_STAT 18
#define SEM_INFO 19
#endif

enum { SEMVMX_ = 32767, MILLISECOND = 1000000 };

/* An operation, spelled short. */
#define OP(number, change, flags) \
	((struct sembuf){.sem_num = (number), .sem_op = (change), .sem_flg = (flags)})

static inline UNUSED long raw_semop(int id, int number, int change, int flags)
{
	struct sembuf op = OP(number, change, flags);

	return raw3(SYS_semop, id, &op, 1);
}

static inline UNUSED long raw_semop2(int id, struct sembuf first, struct sembuf second)
{
	struct sembuf ops[2] = {first, second};

	return raw3(SYS_semop, id, ops, 2);
}

static inline UNUSED long raw_semop_within(int id, int number, int change, int flags,
					   long nanoseconds)
{
	struct sembuf op = OP(number, change, flags);
	struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};

	return raw4(SYS_semtimedop, id, &op, 1, &time);
}

/* The C library's semctl takes its last argument as a union. */
static inline UNUSED long raw_semctl(int id, int number, int command, unsigned long argument)
{
	return raw4(SYS_semctl, id, number, command, argument);
}

static inline UNUSED int new_set(int n)
{
	return check_call(semget(IPC_PRIVATE, n, 0600));
}

static inline UNUSED void remove_set(int id)
{
	check_eq(raw_semctl(id, 0, IPC_RMID, 0), 0);
}

static inline UNUSED void set_value(int id, int number, int value)
{
	check_eq(raw_semctl(id, number, SETVAL, value), 0);
}

static inline UNUSED int value_of(int id, int number)
{
	return raw_semctl(id, number, GETVAL, 0);
}

/* Processes that wait for the semaphore to grow, to become zero. */
static inline UNUSED int growth_waiters(int id, int number)
{
	return raw_semctl(id, number, GETNCNT, 0);
}

static inline UNUSED int zero_waiters(int id, int number)
{
	return raw_semctl(id, number, GETZCNT, 0);
}

static inline UNUSED void await_growth_waiters(int id, int number, int n)
{
	while (growth_waiters(id, number) != n)
		raw0(SYS_sched_yield);
}

static inline UNUSED void await_zero_waiters(int id, int number, int n)
{
	while (zero_waiters(id, number) != n)
		raw0(SYS_sched_yield);
}

/* A child that does this and exits, with 0 if it got through and the errno if not. */
static inline UNUSED pid_t operating_child(int id, int number, int change, int flags)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(-raw_semop(id, number, change, flags));
	return pid;
}

/* The same with two operations in one call. */
static inline UNUSED pid_t operating_child2(int id, struct sembuf first, struct sembuf second)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(-raw_semop2(id, first, second));
	return pid;
}

static inline UNUSED struct semid_ds set_stat(int id)
{
	struct semid_ds ds;

	check_eq(raw_semctl(id, 0, IPC_STAT, (unsigned long)&ds), 0);
	return ds;
}

#endif
