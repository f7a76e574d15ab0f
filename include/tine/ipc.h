/*
 * What the objects of System V IPC have in common (ipc/ids.c): keys, identifiers, owners. Embedded
 * in each kind of object; one struct ipc_ids for each kind. Locks:
 *   m  ids->mutex
 *   i  ids->lock
 *   o  the object's own lock
 *   c  constant
 *   a  atomic
 */
#ifndef TINE_IPC_H
#define TINE_IPC_H

#include <tine/atomic.h>
#include <tine/mutex.h>
#include <tine/spinlock.h>
#include <tine/types.h>

struct ipc64_perm;

#define IPC_INDEX_BITS  15
#define IPC_MAX_OBJECTS (1 << IPC_INDEX_BITS)

struct ipc_object {
	struct spinlock lock;
	struct atomic count; /* a */
	bool removed;        /* o: nothing new begins on it */
	int id;              /* c: seq << IPC_INDEX_BITS | index */
	int key;             /* c */
	uid_t uid, cuid;     /* o to change; c: the creator's */
	gid_t gid, cgid;     /* likewise */
	mode_t mode;         /* o: permissions */
};

struct ipc_ids {
	struct mutex mutex;        /* objects are made and removed */
	struct spinlock lock;      /* an identifier is looked up */
	struct ipc_object **slots; /* m and i to change: by index */
	int size;                  /* m and i to change: of slots */
	int in_use;                /* m */
	int next, last;            /* m: where to look for a free index; used last */
	int seq;                   /* m */
};

void ipc_ids_init(struct ipc_ids *ids);
/* The object with that key, NULL if there is none, or it is IPC_PRIVATE. mutex held. */
struct ipc_object *ipc_find_key(const struct ipc_ids *ids, int key);
/*
 * Gives object an identifier, a key, current as owner and creator, and the permissions in flags; ids
 * take over its first reference. Returns the identifier; ENOSPC: there are limit of them; ENOMEM.
 * mutex held.
 */
int ipc_add(struct ipc_ids *ids, struct ipc_object *object, int key, int flags, int limit);
/* Takes it out; the reference becomes the caller's. mutex held. */
void ipc_remove(struct ipc_ids *ids, struct ipc_object *object);
/* The object with that identifier / at that index, with a reference; NULL if there is none. */
struct ipc_object *ipc_get(struct ipc_ids *ids, int id);
struct ipc_object *ipc_get_index(struct ipc_ids *ids, int index);
/* The highest index in use, 0 if none is. mutex held. */
int ipc_highest_index(const struct ipc_ids *ids);

/* May current do what flags ask for in the bits of a mode? EACCES. The object's lock held. */
int ipc_permission(const struct ipc_object *object, int flags);
/* May current remove it, or change its owner? EPERM. Lock held. */
int ipc_check_owner(const struct ipc_object *object);
/* IPC_STAT's part; IPC_SET: EINVAL. Lock held. */
void ipc_fill_perm(struct ipc64_perm *perm, const struct ipc_object *object);
int ipc_set_perm(struct ipc_object *object, const struct ipc64_perm *perm);

#endif
