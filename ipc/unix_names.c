/*
 * The names of unix-domain sockets (unix(7)): bind(2), and how who connects or sends finds them.
 *
 * Names are abstract (bytes behind a NUL, in a table here) or paths: then the table finds the socket
 * by the inode that bind() made. One table, one lock, held for a look along a chain. A name stays
 * with its socket for life; it is whole before anybody can find it.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fs_struct.h>
#include <tine/namei.h>
#include <tine/printk.h>
#include <tine/random.h>
#include <tine/socket.h>
#include <tine/string.h>
#include <tine/task.h>

#define NAME_BUCKETS 256u

static struct spinlock name_lock = SPINLOCK_INIT(LOCK_CLASS_SOCKET_NAMES);
static struct unix_sock *names[NAME_BUCKETS]; /* name_lock; not counted: a dead socket leaves */

static unsigned int bucket_of(const void *bytes, int len)
{
	const unsigned char *p = bytes;
	u32 hash = 0;

	for (int i = 0; i < len; i++)
		hash = hash * 31 + p[i];
	return hash % NAME_BUCKETS;
}

static unsigned int name_bucket(const struct sockaddr_un *name, int len)
{
	return bucket_of(name->sun_path, len - PATH_OFFSET);
}

static unsigned int inode_bucket(const struct inode *inode)
{
	return bucket_of(&inode->ino, sizeof(inode->ino));
}

void unix_remove_name(struct unix_sock *sock)
{
	unsigned int bucket = sock->path.dentry ? inode_bucket(sock->path.dentry->inode)
						: name_bucket(&sock->name, sock->name_len);
	struct unix_sock **link = &names[bucket];

	if (!sock->name_len)
		return;
	spin_lock(&name_lock);
	while (*link && *link != sock)
		link = &(*link)->name_next;
	if (*link)
		*link = sock->name_next;
	spin_unlock(&name_lock);
}

int unix_check_name(const struct sockaddr_un *name, int len)
{
	if (len <= PATH_OFFSET || len > (int)sizeof(*name) || name->sun_family != AF_UNIX)
		return -EINVAL;
	return 0;
}

static struct unix_sock *find_name(const struct sockaddr_un *name, int len, int type)
{
	struct unix_sock *sock = names[name_bucket(name, len)];

	while (sock && (sock->path.dentry || sock->type != type || sock->name_len != len ||
			memcmp(&sock->name, name, len) != 0))
		sock = sock->name_next;
	return sock;
}

/*
 * Puts sock into the table. The name is whole before anybody can find it. sock locked. EADDRINUSE,
 * or EINVAL if it has a name already.
 */
static int insert_name(struct unix_sock *sock, const struct sockaddr_un *name, int len,
		       const struct path *path)
{
	unsigned int bucket = path ? inode_bucket(path->dentry->inode) : name_bucket(name, len);
	int error = 0;

	if (sock->name_len)
		return -EINVAL;
	spin_lock(&name_lock);
	if (!path && find_name(name, len, sock->type)) {
		error = -EADDRINUSE;
	} else {
		memcpy(&sock->name, name, len);
		if (path)
			sock->path = *path;
		__atomic_store_n(&sock->name_len, len, __ATOMIC_RELEASE);
		sock->name_next = names[bucket];
		names[bucket] = sock;
	}
	spin_unlock(&name_lock);
	return error;
}

int unix_autobind(struct unix_sock *sock)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	u32 number = get_random_u64();
	int error = -EADDRINUSE;

	mutex_lock(&sock->lock);
	if (sock->name_len)
		error = 0;
	for (u32 tries = 0; error == -EADDRINUSE && tries <= 0xfffff; tries++, number++) {
		int n = snprintf(name.sun_path + 1, 6, "%05x", number & 0xfffff);

		error = insert_name(sock, &name, PATH_OFFSET + 1 + n, NULL);
	}
	mutex_unlock(&sock->lock);
	return error == -EADDRINUSE ? -ENOSPC : error;
}

static int bind_abstract(struct unix_sock *sock, const struct sockaddr_un *name, int len)
{
	return MUTEX_LOCKED(&sock->lock, insert_name(sock, name, len, NULL));
}

/* The path may fill the whole of sun_path, without a NUL. */
static void terminated_path(char to[UNIX_PATH_MAX + 1], const struct sockaddr_un *name, int len)
{
	memcpy(to, name->sun_path, len - PATH_OFFSET);
	to[len - PATH_OFFSET] = '\0';
}

static int bind_path(struct unix_sock *sock, const struct sockaddr_un *name, int len)
{
	mode_t mode = S_IFSOCK | (0777 & ~current_umask());
	char file[UNIX_PATH_MAX + 1];
	struct path path;
	int error;

	terminated_path(file, name, len);
	error = kernel_mknod(file, mode, 0, NULL);
	if (error != 0)
		return error == -EEXIST ? -EADDRINUSE : error;
	error = kern_path(file, 0, &path);
	if (error != 0)
		return error;
	len = MIN(PATH_OFFSET + (int)strlen(file) + 1, (int)sizeof(*name));
	error = MUTEX_LOCKED(&sock->lock, insert_name(sock, name, len, &path));
	if (error != 0) {
		(void)kernel_unlink(file, false);
		path_put(&path);
	}
	return error;
}

int unix_bind(struct unix_sock *sock, struct sockaddr_un *name, int len)
{
	int error;

	if (len == PATH_OFFSET && name->sun_family == AF_UNIX)
		return unix_autobind(sock);
	error = unix_check_name(name, len);
	if (error != 0)
		return error;
	return name->sun_path[0] ? bind_path(sock, name, len) : bind_abstract(sock, name, len);
}

static struct unix_sock *find_path(const struct sockaddr_un *name, int len)
{
	char file[UNIX_PATH_MAX + 1];
	struct unix_sock *sock;
	struct path path;
	int error;

	terminated_path(file, name, len);
	error = kern_path(file, LOOKUP_FOLLOW, &path);
	if (error != 0)
		return ERR_PTR(error);
	error = inode_permission(current->cred, path.dentry->inode, MAY_WRITE);
	spin_lock(&name_lock);
	sock = names[inode_bucket(path.dentry->inode)];
	while (sock && (!sock->path.dentry || sock->path.dentry->inode != path.dentry->inode))
		sock = sock->name_next;
	if (error == 0 && sock)
		unix_get(sock);
	spin_unlock(&name_lock);
	path_put(&path);
	if (error != 0)
		return ERR_PTR(error);
	return sock ? sock : ERR_PTR(-ECONNREFUSED);
}

struct unix_sock *unix_find(const struct sockaddr_un *name, int len, int type)
{
	struct unix_sock *sock;

	if (name->sun_path[0]) {
		sock = find_path(name, len);
		if (!IS_ERR(sock) && sock->type != type) {
			unix_put(sock);
			return ERR_PTR(-EPROTOTYPE);
		}
		return sock;
	}
	spin_lock(&name_lock);
	sock = find_name(name, len, type);
	if (sock)
		unix_get(sock);
	spin_unlock(&name_lock);
	return sock ? sock : ERR_PTR(-ECONNREFUSED);
}
