/*
 * Keys, identifiers and permissions of System V IPC (sysvipc(7)), the same for each kind of object.
 *
 * An identifier is an index into a table and a sequence number above it. Indices go round, over at
 * least MIN_CYCLE of them, and the sequence number steps whenever they begin anew: so what was
 * removed is not soon mistaken for what came after it. The table grows with the highest index and
 * goes when it is empty.
 *
 * The mutex is for those who make and remove objects, who may allocate, and search by key. Who has
 * an identifier needs the short lock only, for one look into the table that ends with a reference;
 * everything after that is under the object's own lock. An object that is removed meanwhile is
 * marked so under its lock; who finds the mark says EIDRM.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/ipc.h>
#include <tine/printk.h>
#include <tine/slab.h>
#include <tine/string.h>
#include <tine/task.h>
#include <uapi/ipc.h>

#define MIN_CYCLE      64
#define INDEX_MASK     (IPC_MAX_OBJECTS - 1)
#define SEQUENCE_LIMIT (INT32_MAX >> IPC_INDEX_BITS)

void ipc_ids_init(struct ipc_ids *ids)
{
	mutex_init(&ids->mutex, LOCK_CLASS_IPC);
	spin_lock_init(&ids->lock, LOCK_CLASS_IPC_IDS);
	ids->last = -1;
}

struct ipc_object *ipc_find_key(const struct ipc_ids *ids, int key)
{
	ASSERT(mutex_is_mine(&ids->mutex));
	for (int i = 0; key != IPC_PRIVATE && i < ids->size; i++)
		if (ids->slots[i] && ids->slots[i]->key == key)
			return ids->slots[i];
	return NULL;
}

/* --- Identifiers --- */

/* The first free index in [from, to); to if there is none. */
static int find_free(const struct ipc_ids *ids, int from, int to)
{
	while (from < MIN(to, ids->size) && ids->slots[from])
		from++;
	return MIN(from, to);
}

static int take_index(struct ipc_ids *ids)
{
	int cycle = MIN(MAX(ids->in_use * 3 / 2, MIN_CYCLE), IPC_MAX_OBJECTS);
	int index = find_free(ids, ids->next, cycle);

	return index < cycle ? index : find_free(ids, 0, cycle);
}

/* Replaces the table, which index does not fit into. ENOMEM. */
static int grow(struct ipc_ids *ids, int index)
{
	int size = MAX(ids->size * 2, MIN_CYCLE);
	struct ipc_object **slots, **old = ids->slots;

	while (size <= index)
		size *= 2;
	slots = kcalloc(size, sizeof(struct ipc_object *));
	if (!slots)
		return -ENOMEM;
	memcpy(slots, old, ids->size * sizeof(struct ipc_object *));
	spin_lock(&ids->lock);
	ids->slots = slots;
	ids->size = size;
	spin_unlock(&ids->lock);
	kfree(old);
	return 0;
}

static int next_id(struct ipc_ids *ids, int index)
{
	if (index <= ids->last && ++ids->seq >= SEQUENCE_LIMIT)
		ids->seq = 0;
	ids->last = index;
	ids->next = index + 1;
	return ids->seq << IPC_INDEX_BITS | index;
}

int ipc_add(struct ipc_ids *ids, struct ipc_object *object, int key, int flags, int limit)
{
	const struct cred *cred = current->cred;
	int index;

	ASSERT(mutex_is_mine(&ids->mutex));
	if (ids->in_use >= MIN(limit, IPC_MAX_OBJECTS))
		return -ENOSPC;
	index = take_index(ids);
	if (index >= ids->size && grow(ids, index))
		return -ENOMEM;

	/* Commit: nothing below may fail. */
	spin_lock_init(&object->lock, LOCK_CLASS_IPC_OBJECT);
	atomic_set(&object->count, 1);
	object->removed = false;
	object->id = next_id(ids, index);
	object->key = key;
	object->uid = object->cuid = cred->euid;
	object->gid = object->cgid = cred->egid;
	object->mode = flags & 0777;
	ids->in_use++;
	SPIN_LOCKED(&ids->lock, ids->slots[index] = object);
	return object->id;
}

void ipc_remove(struct ipc_ids *ids, struct ipc_object *object)
{
	struct ipc_object **empty = NULL;

	ASSERT(mutex_is_mine(&ids->mutex));
	spin_lock(&ids->lock);
	ids->slots[object->id & INDEX_MASK] = NULL;
	if (--ids->in_use == 0) {
		empty = ids->slots;
		ids->slots = NULL;
		ids->size = 0;
	}
	spin_unlock(&ids->lock);
	kfree(empty);
}

/* The object at the index of id, with a reference, if it matches in the bits of mask. */
static struct ipc_object *get_object(struct ipc_ids *ids, int id, int mask)
{
	int index = id & INDEX_MASK;
	struct ipc_object *object;

	spin_lock(&ids->lock);
	object = id >= 0 && index < ids->size ? ids->slots[index] : NULL;
	if (object && !((object->id ^ id) & mask))
		atomic_inc(&object->count);
	else
		object = NULL;
	spin_unlock(&ids->lock);
	return object;
}

struct ipc_object *ipc_get(struct ipc_ids *ids, int id)
{
	return get_object(ids, id, ~0);
}

struct ipc_object *ipc_get_index(struct ipc_ids *ids, int index)
{
	return get_object(ids, index, INDEX_MASK);
}

int ipc_highest_index(const struct ipc_ids *ids)
{
	int index = ids->size - 1;

	while (index > 0 && !ids->slots[index])
		index--;
	return MAX(index, 0);
}

/* --- Permissions --- */

int ipc_permission(const struct ipc_object *object, int flags)
{
	const struct cred *cred = current->cred;
	unsigned int wanted = flags >> 6 | flags >> 3 | flags, granted = object->mode;

	if (cred->euid == object->cuid || cred->euid == object->uid)
		granted >>= 6;
	else if (in_group(cred, object->cgid) || in_group(cred, object->gid))
		granted >>= 3;
	return (wanted & ~granted & 07) && !capable(CAP_IPC_OWNER) ? -EACCES : 0;
}

int ipc_check_owner(const struct ipc_object *object)
{
	uid_t euid = current->cred->euid;

	if (euid == object->cuid || euid == object->uid || capable(CAP_SYS_ADMIN))
		return 0;
	return -EPERM;
}

void ipc_fill_perm(struct ipc64_perm *perm, const struct ipc_object *object)
{
	*perm = (struct ipc64_perm){
		.key = object->key,
		.uid = object->uid,
		.gid = object->gid,
		.cuid = object->cuid,
		.cgid = object->cgid,
		.mode = object->mode,
		.seq = object->id >> IPC_INDEX_BITS,
	};
}

int ipc_set_perm(struct ipc_object *object, const struct ipc64_perm *perm)
{
	if (perm->uid == (uid_t)-1 || perm->gid == (gid_t)-1)
		return -EINVAL;
	object->uid = perm->uid;
	object->gid = perm->gid;
	object->mode = perm->mode & 0777;
	return 0;
}
