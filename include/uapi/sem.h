/* System V semaphores: semget(2), semop(2), semctl(2). */
#ifndef TINE_UAPI_SEM_H
#define TINE_UAPI_SEM_H

#include <uapi/ipc.h>

#define SEM_UNDO 0x1000

#define GETPID       11
#define GETVAL       12
#define GETALL       13
#define GETNCNT      14
#define GETZCNT      15
#define SETVAL       16
#define SETALL       17
#define SEM_STAT     18
#define SEM_INFO     19
#define SEM_STAT_ANY 20

/* Limits: what they begin with, and two that are fixed; the rest Linux only reports. */
#define SEMMNI 32000
#define SEMMSL 32000
#define SEMMNS (SEMMNI * SEMMSL)
#define SEMOPM 500
#define SEMVMX 32767
#define SEMAEM SEMVMX
#define SEMUME SEMOPM
#define SEMMNU SEMMNS
#define SEMMAP SEMMNS
#define SEMUSZ 20

struct sembuf {
	uint16_t sem_num;
	int16_t sem_op;
	int16_t sem_flg;
};

struct semid64_ds {
	struct ipc64_perm sem_perm;
	int64_t sem_otime, unused1;
	int64_t sem_ctime, unused2;
	uint64_t sem_nsems, unused3, unused4;
};

struct seminfo {
	int semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
};

_Static_assert(sizeof(struct sembuf) == 6, "struct sembuf");
_Static_assert(sizeof(struct semid64_ds) == 104, "struct semid64_ds");

#endif
