/* What System V semaphores, shared memory and messages have in common (sysvipc(7)). */
#ifndef TINE_UAPI_IPC_H
#define TINE_UAPI_IPC_H

#include <stdint.h>

#define IPC_PRIVATE 0

#define IPC_CREAT  01000
#define IPC_EXCL   02000
#define IPC_NOWAIT 04000

#define IPC_RMID 0
#define IPC_SET  1
#define IPC_STAT 2
#define IPC_INFO 3

struct ipc64_perm {
	int key;
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode;
	uint16_t seq, pad[3];
	uint64_t unused[2];
};

_Static_assert(sizeof(struct ipc64_perm) == 48, "struct ipc64_perm");

#endif
