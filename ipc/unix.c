/*
 * Unix-domain sockets: their life, and who is connected to whom (unix(7)).
 *
 * A socket is kept by its file and by others that know it: the peer, whoever has found it by name,
 * the messages that it has sent. Closing it makes it dead, which the others notice when they next
 * lock it. A connected stream is two sockets that point at each other; a listener has the sockets
 * that connect() made for the other end in its pending list until accept() gives them files.
 *
 * No two sockets are locked together: who must change both locks one after the other, and each
 * change is whole in itself.
 */
#include <tine/async.h>
#include <tine/err.h>
#include <tine/namei.h>
#include <tine/pid.h>
#include <tine/slab.h>
#include <tine/socket.h>
#include <tine/task.h>

#define DEFAULT_BUFFER 212992u
#define DGRAM_BACKLOG  10u

static struct kmem_cache *unix_cache;

/* --- Life --- */

struct unix_sock *unix_alloc(int type)
{
	struct unix_sock *sock = kmem_cache_zalloc(unix_cache);

	if (!sock)
		return NULL;
	atomic_set(&sock->count, 1);
	mutex_init(&sock->lock, LOCK_CLASS_SOCKET);
	wait_queue_init(&sock->wait);
	list_init(&sock->messages);
	list_init(&sock->pending);
	list_init(&sock->unreached);
	sock->type = type;
	sock->backlog = DGRAM_BACKLOG;
	sock->send_size = sock->receive_size = DEFAULT_BUFFER;
	sock->receive_low = 1;
	sock->receive_timeout = sock->send_timeout = ~0ull;
	return sock;
}

static void set_identity(struct unix_sock *sock, struct pid *pid, struct cred *cred)
{
	struct peer_identity old = sock->identity;

	sock->identity.pid = pid ? get_pid(pid) : NULL;
	sock->identity.cred = cred ? get_cred(cred) : NULL;
	put_pid(old.pid);
	put_cred(old.cred);
}

static void identify_current(struct unix_sock *sock)
{
	set_identity(sock, current->signal->pids[PIDTYPE_TGID], current->cred);
}

void unix_put(struct unix_sock *sock)
{
	if (!sock || !atomic_dec_and_test(&sock->count))
		return;
	set_identity(sock, NULL, NULL);
	if (sock->path.dentry)
		path_put(&sock->path);
	kmem_cache_free(unix_cache, sock);
}

struct unix_sock *unix_peer_get(struct unix_sock *sock)
{
	return MUTEX_LOCKED(&sock->lock, sock->peer ? unix_get(sock->peer) : NULL);
}

/* The other end of a stream learns that this one is closed; lost: with data unread. */
static void hang_up(struct unix_sock *peer, bool lost)
{
	mutex_lock(&peer->lock);
	peer->shutdown = SHUTDOWN_BOTH;
	if (lost)
		peer->error = ECONNRESET;
	mutex_unlock(&peer->lock);
	wake_up_all(&peer->wait);
	async_notify(&peer->async, ~0u, POLL_HUP);
}

/* unaccepted: it is the end of a connection that the listener has not taken. */
static void close_sock(struct unix_sock *sock, bool unaccepted)
{
	struct list_head messages, pending;
	struct unix_sock *peer, *next;

	list_init(&messages);
	list_init(&pending);
	unix_remove_name(sock);
	mutex_lock(&sock->lock);
	sock->dead = true;
	sock->shutdown = SHUTDOWN_BOTH;
	peer = sock->peer;
	sock->peer = NULL;
	sock->queued = 0;
	list_splice_tail(&sock->messages, &messages);
	list_splice_tail(&sock->pending, &pending);
	mutex_unlock(&sock->lock);
	wake_up_all(&sock->wait);
	if (sock_is_dgram(sock))
		unix_wake_dgram_senders();
	else if (peer)
		hang_up(peer, unaccepted || !list_empty(&messages));
	unix_put(peer);
	unix_free_messages(&messages);
	list_for_each_entry_safe(peer, next, &pending, pending) {
		list_del(&peer->pending);
		unix_set_listener(peer, NULL);
		close_sock(peer, true);
	}
	unix_put(sock);
}

void unix_close(struct unix_sock *sock)
{
	close_sock(sock, false);
	unix_collect_garbage();
}

void unix_make_pair(struct unix_sock *a, struct unix_sock *b)
{
	a->peer = unix_get(b);
	b->peer = unix_get(a);
	a->state = b->state = UNIX_CONNECTED;
	identify_current(a);
	identify_current(b);
}

int unix_wait(struct unix_sock *sock, struct wait_queue *wq, bool (*ready)(struct unix_sock *),
	      u64 *left)
{
	struct wait_entry entry;
	bool for_ever = *left == ~0ull;
	int result = 0;

	wait_entry_init(&entry);
	for (;;) {
		prepare_to_wait(wq, &entry, TASK_INTERRUPTIBLE);
		if (ready(sock))
			break;
		if (*left == 0)
			result = -EAGAIN;
		else if (signal_pending(current))
			result = for_ever ? -ERESTARTSYS : -EINTR;
		if (result != 0)
			break;
		*left = schedule_timeout(*left);
	}
	finish_wait(wq, &entry);
	return result;
}

/* --- Connections --- */

int unix_listen(struct unix_sock *sock, int backlog)
{
	int error = 0;

	if (sock_is_dgram(sock))
		return -EOPNOTSUPP;
	mutex_lock(&sock->lock);
	if (!sock->name_len || sock->state == UNIX_CONNECTED) {
		error = -EINVAL;
	} else {
		sock->backlog = MIN((unsigned int)backlog, (unsigned int)SOMAXCONN);
		sock->state = UNIX_LISTENING;
		identify_current(sock);
	}
	mutex_unlock(&sock->lock);
	wake_up_all(&sock->wait);
	return error;
}

static bool backlog_has_room(struct unix_sock *sock)
{
	return READ_ONCE(sock->queued) <= READ_ONCE(sock->backlog) || READ_ONCE(sock->dead) ||
	       (READ_ONCE(sock->shutdown) & SHUTDOWN_RECEIVE);
}

/*
 * Makes sock one end of a connection whose other end is other; taken back by unclaim() if the
 * listener does not want it. EISCONN, EINVAL.
 */
static int claim(struct unix_sock *sock, struct unix_sock *other)
{
	int error = 0;

	mutex_lock(&sock->lock);
	if (sock->state == UNIX_UNCONNECTED) {
		sock->state = UNIX_CONNECTED;
		sock->peer = unix_get(other);
	} else {
		error = sock->state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
	}
	mutex_unlock(&sock->lock);
	return error;
}

static void unclaim(struct unix_sock *sock)
{
	struct unix_sock *other;

	mutex_lock(&sock->lock);
	other = sock->peer;
	sock->peer = NULL;
	sock->state = UNIX_UNCONNECTED;
	mutex_unlock(&sock->lock);
	unix_put(other);
}

/*
 * Hangs the other end of a connection, NULL: none after all, in the listener's queue. It inherits
 * the listener's name. 1: there is no room now. ECONNREFUSED. On success *identity is who listens,
 * counted.
 */
static int enqueue_connection(struct unix_sock *listener, struct unix_sock *other,
			      struct peer_identity *identity)
{
	int result = 0;

	mutex_lock(&listener->lock);
	if (listener->dead || listener->state != UNIX_LISTENING ||
	    (listener->shutdown & SHUTDOWN_RECEIVE)) {
		result = -ECONNREFUSED;
	} else if (listener->queued > listener->backlog) {
		result = 1;
	} else if (other) {
		other->name = listener->name;
		other->name_len = listener->name_len;
		other->options = listener->options;
		list_add_tail(&other->pending, &listener->pending);
		unix_set_listener(other, listener);
		listener->queued++;
		identity->pid = get_pid(listener->identity.pid);
		identity->cred = get_cred(listener->identity.cred);
	}
	mutex_unlock(&listener->lock);
	return result;
}

/* One try. 1: the listener's queue is full. */
static int try_connect(struct unix_sock *sock, struct unix_sock *listener, struct unix_sock *other)
{
	struct peer_identity identity = {NULL, NULL};
	int error = claim(sock, other);
	int result = enqueue_connection(listener, error ? NULL : other, &identity);

	if (result != 0) {
		if (error == 0)
			unclaim(sock);
		return result;
	}
	if (error != 0)
		return error;
	mutex_lock(&sock->lock);
	set_identity(sock, identity.pid, identity.cred);
	mutex_unlock(&sock->lock);
	put_pid(identity.pid);
	put_cred(identity.cred);
	unix_announce_data(listener);
	return 0;
}

static int connect_to(struct unix_sock *sock, const struct sockaddr_un *name, int len,
		      struct unix_sock *other, u64 *left)
{
	struct unix_sock *listener = unix_find(name, len, sock->type);
	int result;

	if (IS_ERR(listener))
		return PTR_ERR(listener);
	result = try_connect(sock, listener, other);
	if (result == 1) {
		result = unix_wait(listener, &listener->wait, backlog_has_room, left);
		if (result == 0)
			result = 1;
	}
	unix_put(listener);
	return result;
}

static int connect_stream(struct unix_sock *sock, const struct sockaddr_un *name, int len,
			  bool nonblock)
{
	u64 left = nonblock ? 0 : READ_ONCE(sock->send_timeout);
	struct unix_sock *other;
	int result = unix_check_name(name, len);

	if (result == 0 && (sock->options & OPTION_PASSCRED) && !sock->name_len)
		result = unix_autobind(sock);
	if (result != 0)
		return result;
	other = unix_alloc(sock->type);
	if (!other)
		return -ENOMEM;
	other->state = UNIX_CONNECTED;
	other->peer = unix_get(sock);
	identify_current(other);
	do
		result = connect_to(sock, name, len, other, &left);
	while (result == 1);
	if (result == 0)
		return 0;
	other->peer = NULL;
	unix_put(sock);
	unix_put(other);
	return result;
}

/* A datagram socket that is connected takes datagrams from its peer only. */
static bool accepts_from(struct unix_sock *other, const struct unix_sock *sock)
{
	return MUTEX_LOCKED(&other->lock, !other->peer || other->peer == sock);
}

/* The former peer of a datagram socket, which was its peer in turn, learns that it is no more. */
static void part_from(struct unix_sock *old, const struct unix_sock *sock)
{
	mutex_lock(&old->lock);
	if (!old->dead && old->peer == sock)
		old->error = ECONNRESET;
	mutex_unlock(&old->lock);
	wake_up_all(&old->wait);
}

/* Sends of a datagram socket go to other from now on; NULL: nowhere. The reference is consumed. */
static void set_dgram_peer(struct unix_sock *sock, struct unix_sock *other)
{
	struct list_head messages;
	struct unix_sock *old;

	list_init(&messages);
	mutex_lock(&sock->lock);
	old = sock->peer;
	sock->peer = other;
	sock->state = other ? UNIX_CONNECTED : UNIX_UNCONNECTED;
	if (old && old != other) {
		list_splice_tail(&sock->messages, &messages);
		sock->queued = 0;
	}
	mutex_unlock(&sock->lock);
	if (old && old != other && !list_empty(&messages))
		part_from(old, sock);
	unix_put(old);
	unix_free_messages(&messages);
	unix_wake_dgram_senders();
}

void unix_forget_peer(struct unix_sock *sock, struct unix_sock *peer)
{
	bool mine;

	mine = MUTEX_LOCKED(&sock->lock, sock->peer == peer);
	if (mine)
		set_dgram_peer(sock, NULL);
}

static int connect_dgram(struct unix_sock *sock, const struct sockaddr_un *name, int len)
{
	struct unix_sock *other;
	int error;

	if (len < PATH_OFFSET)
		return -EINVAL;
	if (name->sun_family == AF_UNSPEC) {
		set_dgram_peer(sock, NULL);
		return 0;
	}
	error = unix_check_name(name, len);
	if (error == 0 && (sock->options & OPTION_PASSCRED) && !sock->name_len)
		error = unix_autobind(sock);
	if (error != 0)
		return error;
	other = unix_find(name, len, sock->type);
	if (IS_ERR(other))
		return PTR_ERR(other);
	if (!accepts_from(other, sock)) {
		unix_put(other);
		return -EPERM;
	}
	set_dgram_peer(sock, other);
	return 0;
}

int unix_connect(struct unix_sock *sock, struct sockaddr_un *name, int len, bool nonblock)
{
	if (sock_is_dgram(sock))
		return connect_dgram(sock, name, len);
	return connect_stream(sock, name, len, nonblock);
}

static bool has_pending(struct unix_sock *sock)
{
	return READ_ONCE(sock->queued) || READ_ONCE(sock->state) != UNIX_LISTENING ||
	       (READ_ONCE(sock->shutdown) & SHUTDOWN_RECEIVE);
}

/* NULL: nothing pending. */
static struct unix_sock *take_pending(struct unix_sock *sock)
{
	struct unix_sock *other = NULL;
	bool was_full;

	mutex_lock(&sock->lock);
	was_full = sock->queued > sock->backlog;
	if (sock->state != UNIX_LISTENING) {
		other = ERR_PTR(-EINVAL);
	} else if (sock->queued) {
		other = list_first_entry(&sock->pending, struct unix_sock, pending);
		list_del(&other->pending);
		unix_set_listener(other, NULL);
		sock->queued--;
	} else if (sock->shutdown & SHUTDOWN_RECEIVE) {
		other = ERR_PTR(-EINVAL);
	}
	mutex_unlock(&sock->lock);
	if (was_full)
		wake_up_all(&sock->wait);
	return other;
}

struct unix_sock *unix_accept(struct unix_sock *sock, bool nonblock)
{
	u64 left = nonblock ? 0 : READ_ONCE(sock->receive_timeout);
	struct unix_sock *other;
	int error;

	if (sock_is_dgram(sock))
		return ERR_PTR(-EOPNOTSUPP);
	while (!(other = take_pending(sock))) {
		error = unix_wait(sock, &sock->wait, has_pending, &left);
		if (error != 0)
			return ERR_PTR(error);
	}
	return other;
}

int unix_shutdown(struct unix_sock *sock, int how)
{
	static const u32 ours[] = {SHUTDOWN_RECEIVE, SHUTDOWN_SEND, SHUTDOWN_BOTH};
	static const u32 theirs[] = {SHUTDOWN_SEND, SHUTDOWN_RECEIVE, SHUTDOWN_BOTH};
	struct unix_sock *peer;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	mutex_lock(&sock->lock);
	sock->shutdown |= ours[how];
	peer = sock->peer && !sock_is_dgram(sock) ? unix_get(sock->peer) : NULL;
	mutex_unlock(&sock->lock);
	wake_up_all(&sock->wait);
	if (!peer)
		return 0;
	MUTEX_LOCKED(&peer->lock, peer->shutdown |= theirs[how]);
	wake_up_all(&peer->wait);
	if (how == SHUT_RDWR)
		async_notify(&peer->async, ~0u, POLL_HUP);
	else if (how == SHUT_WR)
		async_notify(&peer->async, ~0u, POLL_IN);
	unix_put(peer);
	return 0;
}

void unix_init(void)
{
	scm_init();
	unix_cache = kmem_cache_create("unix_sock", sizeof(struct unix_sock), 0);
}
