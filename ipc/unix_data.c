/*
 * Unix-domain sockets: sending, receiving, and what poll sees.
 *
 * A send makes a message that holds the bytes and hangs it in the peer's queue; a receiver takes it
 * out. A stream's messages have no meaning to the receiver, but for two: bytes that came with
 * descriptors, and, where it asks for credentials, bytes of different senders, are not read in one go.
 * What a socket has sent and nobody has received yet counts against its SO_SNDBUF. Datagrams also
 * wait while the receiver, unless it is connected to the sender, has a full queue; whoever takes one
 * out of such a queue wakes all who wait so, since it does not know for which of them.
 */
#include <tine/async.h>
#include <tine/err.h>
#include <tine/pid.h>
#include <tine/poll.h>
#include <tine/signal.h>
#include <tine/slab.h>
#include <tine/socket.h>
#include <tine/string.h>
#include <tine/task.h>

#define MESSAGE_OVERHEAD 768 /* what a message counts besides its bytes, as on Linux */
#define STREAM_PIECE     (4 * PAGE_SIZE - sizeof(struct unix_message))

static struct wait_queue dgram_room = WAIT_QUEUE_INIT(dgram_room);

void unix_wake_dgram_senders(void)
{
	wake_up_all(&dgram_room);
}

/* --- Messages --- */

static bool has_send_room(struct unix_sock *sock)
{
	return atomic_read(&sock->sent) < (int)READ_ONCE(sock->send_size) ||
	       (READ_ONCE(sock->shutdown) & SHUTDOWN_SEND) || READ_ONCE(sock->error);
}

/* Bytes sent are few enough that a poller should write more. */
static bool is_writable(const struct unix_sock *sock)
{
	return sock->state != UNIX_LISTENING &&
	       (long)atomic_read(&sock->sent) * 4 <= (long)READ_ONCE(sock->send_size);
}

int unix_take_error(struct unix_sock *sock)
{
	int error;

	if (!READ_ONCE(sock->error))
		return 0;
	mutex_lock(&sock->lock);
	error = sock->error;
	sock->error = 0;
	mutex_unlock(&sock->lock);
	return -error;
}

void unix_announce_data(struct unix_sock *sock)
{
	wake_up_poll(&sock->wait, POLLIN | POLLRDNORM);
	async_notify(&sock->async, ~0u, POLL_IN);
}

static int wait_for_send_room(struct unix_sock *sock, u64 *left)
{
	int error;

	for (;;) {
		error = unix_take_error(sock);
		if (error == 0 && (READ_ONCE(sock->shutdown) & SHUTDOWN_SEND))
			error = -EPIPE;
		if (error != 0 || atomic_read(&sock->sent) < (int)READ_ONCE(sock->send_size))
			return error;
		WRITE_ONCE(sock->no_room, true);
		error = unix_wait(sock, &sock->wait, has_send_room, left);
		if (error != 0)
			return error;
	}
}

static void free_message(struct unix_message *message)
{
	struct unix_sock *from = message->from;

	passed_files_put(message->files);
	put_pid(message->sender.pid);
	atomic_add_return(&from->sent, -(int)(message->len + MESSAGE_OVERHEAD));
	kfree(message);
	if (is_writable(from)) {
		wake_up_poll(&from->wait, POLLOUT | POLLWRNORM | POLLWRBAND);
		if (unlikely(from->async) &&
		    __atomic_exchange_n(&from->no_room, false, __ATOMIC_SEQ_CST))
			async_notify(&from->async, ~0u, POLL_OUT);
	}
	unix_put(from);
}

void unix_free_messages(struct list_head *messages)
{
	struct unix_message *message, *next;

	list_for_each_entry_safe(message, next, messages, link) {
		list_del(&message->link);
		free_message(message);
	}
}

/* The next n bytes of what is sent as a message; it takes the files along. ERR_PTR. */
static struct unix_message *make_message(struct unix_sock *sock, struct socket_message *what,
					 size_t n, u64 *left)
{
	struct unix_message *message;
	int error = wait_for_send_room(sock, left);

	if (error != 0)
		return ERR_PTR(error);
	message = kmalloc(sizeof(*message) + n);
	if (!message)
		return ERR_PTR(-ENOBUFS);
	list_init(&message->link);
	message->from = unix_get(sock);
	atomic_add_return(&sock->sent, n + MESSAGE_OVERHEAD);
	message->sender = what->sender;
	(void)get_pid(what->sender.pid);
	message->len = n;
	message->consumed = 0;
	message->files = NULL;
	if (copy_from_iter(message->data, n, &what->data) < n) {
		free_message(message);
		return ERR_PTR(-EFAULT);
	}
	message->files = what->files;
	what->files = NULL;
	return message;
}

/* Hangs message into to's queue; to locked. */
static void enqueue(struct unix_sock *to, struct unix_message *message)
{
	passed_files_arrive(message->files, to);
	list_add_tail(&message->link, &to->messages);
	to->queued++;
}

/* --- Sending --- */

static ssize_t send_piece(struct unix_sock *sock, struct unix_sock *peer,
			  struct socket_message *what, u64 *left)
{
	size_t n = MIN(what->data.count, STREAM_PIECE);
	struct unix_message *message = make_message(sock, what, n, left);
	int error = 0;

	if (IS_ERR(message))
		return PTR_ERR(message);
	mutex_lock(&peer->lock);
	if (peer->dead || (peer->shutdown & SHUTDOWN_RECEIVE))
		error = -EPIPE;
	else
		enqueue(peer, message);
	mutex_unlock(&peer->lock);
	if (error != 0)
		free_message(message);
	else
		unix_announce_data(peer);
	return error ? error : (ssize_t)n;
}

static ssize_t send_stream(struct unix_sock *sock, struct socket_message *what, u64 *left)
{
	struct unix_sock *peer = unix_peer_get(sock);
	ssize_t sent = 0, n = 0;

	if (what->name_len)
		n = sock->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	else if (!peer)
		n = -ENOTCONN;
	else if (READ_ONCE(sock->shutdown) & SHUTDOWN_SEND)
		n = -EPIPE;
	while (n >= 0 && what->data.count) {
		n = send_piece(sock, peer, what, left);
		if (n > 0)
			sent += n;
	}
	unix_put(peer);
	if (n == -EPIPE && sent == 0 && !(what->flags & MSG_NOSIGNAL))
		send_sig_info(SIGPIPE, SEND_SIG_NOINFO, current);
	return sent ? sent : MIN(n, 0);
}

static bool has_dgram_room(struct unix_sock *to)
{
	return READ_ONCE(to->queued) <= READ_ONCE(to->backlog) || READ_ONCE(to->dead) ||
	       (READ_ONCE(to->shutdown) & SHUTDOWN_RECEIVE);
}

/* A datagram's way into to's queue. 1: that is full. */
static int deliver(struct unix_sock *sock, struct unix_sock *to, struct unix_message *message)
{
	int result = 0;

	mutex_lock(&to->lock);
	if (to->peer && to->peer != sock)
		result = -EPERM;
	else if (to->dead)
		result = -ECONNREFUSED;
	else if (to->shutdown & SHUTDOWN_RECEIVE)
		result = -EPIPE;
	else if (to != sock && to->peer != sock && to->queued > to->backlog)
		result = 1;
	else
		enqueue(to, message);
	mutex_unlock(&to->lock);
	if (result == 0)
		unix_announce_data(to);
	return result;
}

static int deliver_waiting(struct unix_sock *sock, struct unix_sock *to,
			   struct unix_message *message, u64 *left)
{
	int result;

	while ((result = deliver(sock, to, message)) == 1) {
		result = unix_wait(to, &dgram_room, has_dgram_room, left);
		if (result != 0)
			break;
	}
	return result;
}

/* Where a datagram goes, counted: the name it is sent to, or the peer. */
static struct unix_sock *dgram_target(struct unix_sock *sock, const struct socket_message *what)
{
	struct unix_sock *to;

	if (what->name_len)
		return unix_find(&what->name, what->name_len, sock->type);
	to = unix_peer_get(sock);
	return to ? to : ERR_PTR(-ENOTCONN);
}

static int prepare_dgram(struct unix_sock *sock, struct socket_message *what)
{
	int error = what->name_len ? unix_check_name(&what->name, what->name_len) : 0;

	if (error == 0 && !what->name_len && !READ_ONCE(sock->peer))
		error = -ENOTCONN;
	if (error == 0 && (sock->options & OPTION_PASSCRED) && !sock->name_len)
		error = unix_autobind(sock);
	if (error == 0 && what->data.count > sock->send_size - 32)
		error = -EMSGSIZE;
	return error;
}

static ssize_t send_dgram(struct unix_sock *sock, struct socket_message *what, u64 *left)
{
	size_t n = what->data.count;
	struct unix_message *message;
	struct unix_sock *to;
	int error = prepare_dgram(sock, what);

	if (error != 0)
		return error;
	message = make_message(sock, what, n, left);
	if (IS_ERR(message))
		return PTR_ERR(message);
	to = dgram_target(sock, what);
	if (IS_ERR(to)) {
		error = PTR_ERR(to);
	} else {
		error = deliver_waiting(sock, to, message, left);
		if (error == -ECONNREFUSED && !what->name_len)
			unix_forget_peer(sock, to);
		unix_put(to);
	}
	if (error != 0)
		free_message(message);
	return error ? error : (ssize_t)n;
}

ssize_t unix_send(struct unix_sock *sock, struct socket_message *what, bool nonblock)
{
	u64 left = nonblock ? 0 : READ_ONCE(sock->send_timeout);

	if (what->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (sock->type == SOCK_STREAM)
		return send_stream(sock, what, &left);
	if (sock->type == SOCK_SEQPACKET) {
		if (READ_ONCE(sock->state) != UNIX_CONNECTED)
			return -ENOTCONN;
		what->name_len = 0;
	}
	return send_dgram(sock, what, &left);
}

/* --- Receiving --- */

static bool has_message(struct unix_sock *sock)
{
	return READ_ONCE(sock->queued) || READ_ONCE(sock->error) ||
	       (READ_ONCE(sock->shutdown) & SHUTDOWN_RECEIVE);
}

/* What one receive call has got so far. */
struct receipt {
	struct sender sender; /* of the first message; pid counted */
	struct passed_files *files;
	struct list_head used; /* messages to be freed when the socket is unlocked */
	bool any;
};

static void begin_receipt(struct receipt *receipt)
{
	*receipt = (struct receipt){.any = false};
	list_init(&receipt->used);
}

static void end_receipt(struct unix_sock *sock, struct receipt *receipt, struct socket_message *to)
{
	if (receipt->any)
		scm_export(to, sock->options & OPTION_PASSCRED, &receipt->sender, receipt->files);
	put_pid(receipt->sender.pid);
	unix_free_messages(&receipt->used);
}

static void note_sender(struct receipt *receipt, const struct unix_message *message,
			struct socket_message *to)
{
	int len = __atomic_load_n(&message->from->name_len, __ATOMIC_ACQUIRE);

	receipt->any = true;
	receipt->sender = message->sender;
	(void)get_pid(receipt->sender.pid);
	to->name_len = len;
	memcpy(&to->name, &message->from->name, len);
}

static void use_up(struct unix_sock *sock, struct unix_message *message, struct receipt *receipt)
{
	list_del(&message->link);
	list_add_tail(&message->link, &receipt->used);
	sock->queued--;
}

static bool same_sender(const struct sender *a, const struct sender *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/*
 * Copies what the first message still has. True: go on with the next one. Socket locked; *n grows,
 * or becomes -EFAULT.
 */
static bool read_message(struct unix_sock *sock, struct socket_message *to, struct receipt *receipt,
			 ssize_t *n)
{
	struct unix_message *message = list_first_entry(&sock->messages, struct unix_message, link);
	size_t part = MIN(message->len - message->consumed, to->data.count), done;
	bool peek = to->flags & MSG_PEEK, had_files = message->files;

	if (!receipt->any)
		note_sender(receipt, message, to);
	else if ((sock->options & OPTION_PASSCRED) &&
		 !same_sender(&receipt->sender, &message->sender))
		return false;
	done = copy_to_iter(message->data + message->consumed, part, &to->data);
	if (done < part) {
		if (*n == 0)
			*n = -EFAULT;
		return false;
	}
	*n += part;
	if (had_files)
		receipt->files = passed_files_take(message, peek);
	if (peek)
		return false;
	message->consumed += part;
	if (message->consumed < message->len)
		return false;
	use_up(sock, message, receipt);
	return !had_files;
}

/* All that is there now. 1: wait for more. */
static int receive_now(struct unix_sock *sock, struct socket_message *to, size_t target,
		       struct receipt *receipt, ssize_t *n)
{
	int result = 0;

	mutex_lock(&sock->lock);
	do {
		if (!list_empty(&sock->messages)) {
			if (!read_message(sock, to, receipt, n))
				break;
		} else if (*n >= (ssize_t)target) {
			break;
		} else if (sock->error) {
			result = -sock->error;
			sock->error = 0;
		} else if (sock->shutdown & SHUTDOWN_RECEIVE) {
			break;
		} else {
			result = 1;
		}
	} while (result == 0 && to->data.count);
	mutex_unlock(&sock->lock);
	return result;
}

static ssize_t receive_stream(struct unix_sock *sock, struct socket_message *to, u64 *left)
{
	size_t low = to->flags & MSG_WAITALL ? to->data.count : (size_t)sock->receive_low;
	size_t target = MAX(MIN(to->data.count, low), 1ul);
	struct receipt receipt;
	ssize_t n = 0;
	int result;

	if (READ_ONCE(sock->state) != UNIX_CONNECTED)
		return -EINVAL;
	begin_receipt(&receipt);
	while ((result = receive_now(sock, to, target, &receipt, &n)) == 1) {
		unix_free_messages(&receipt.used);
		result = unix_wait(sock, &sock->wait, has_message, left);
		if (result != 0)
			break;
	}
	end_receipt(sock, &receipt, to);
	return n ? n : result;
}

/* One datagram, whole. 1: there is none; 2: there will be none. */
static int receive_dgram_now(struct unix_sock *sock, struct socket_message *to,
			     struct receipt *receipt, ssize_t *n)
{
	struct unix_message *message;
	bool peek = to->flags & MSG_PEEK, was_full;
	size_t part;
	int result = 0;

	mutex_lock(&sock->lock);
	was_full = sock->queued > sock->backlog;
	if (sock->error) {
		result = -sock->error;
		sock->error = 0;
	} else if (list_empty(&sock->messages)) {
		result = sock->shutdown & SHUTDOWN_RECEIVE ? 2 : 1;
	} else {
		message = list_first_entry(&sock->messages, struct unix_message, link);
		part = MIN((size_t)message->len, to->data.count);
		note_sender(receipt, message, to);
		if (part < message->len)
			to->msg_flags |= MSG_TRUNC;
		*n = to->flags & MSG_TRUNC ? message->len : part;
		if (copy_to_iter(message->data, part, &to->data) < part)
			result = -EFAULT;
		else
			receipt->files = passed_files_take(message, peek);
		if (!peek)
			use_up(sock, message, receipt);
	}
	mutex_unlock(&sock->lock);
	if (was_full && !peek)
		unix_wake_dgram_senders();
	return result;
}

static ssize_t receive_dgram(struct unix_sock *sock, struct socket_message *to, u64 *left)
{
	struct receipt receipt;
	ssize_t n = 0;
	int result;

	begin_receipt(&receipt);
	while ((result = receive_dgram_now(sock, to, &receipt, &n)) == 1) {
		result = unix_wait(sock, &sock->wait, has_message, left);
		if (result != 0)
			break;
	}
	end_receipt(sock, &receipt, to);
	return result < 0 ? result : n;
}

ssize_t unix_receive(struct unix_sock *sock, struct socket_message *to, bool nonblock)
{
	u64 left = nonblock ? 0 : READ_ONCE(sock->receive_timeout);

	to->name_len = 0;
	if (sock->type == SOCK_SEQPACKET && READ_ONCE(sock->state) != UNIX_CONNECTED)
		return -ENOTCONN;
	if (to->flags & MSG_OOB)
		return -EOPNOTSUPP;
	return sock->type == SOCK_STREAM ? receive_stream(sock, to, &left)
					 : receive_dgram(sock, to, &left);
}

/* --- Looking --- */

long unix_bytes_waiting(struct unix_sock *sock)
{
	struct unix_message *message;
	long n = 0;

	mutex_lock(&sock->lock);
	if (sock->state == UNIX_LISTENING)
		n = -EINVAL;
	list_for_each_entry(message, &sock->messages, link) {
		n += message->len - message->consumed;
		if (sock_is_dgram(sock))
			break;
	}
	mutex_unlock(&sock->lock);
	return n;
}

/* A datagram to the peer would not have to wait for it. sock locked. */
static bool peer_has_room(const struct unix_sock *sock)
{
	const struct unix_sock *peer = sock->peer;

	return !peer || READ_ONCE(peer->peer) == sock ||
	       READ_ONCE(peer->queued) <= READ_ONCE(peer->backlog);
}

u32 unix_poll(struct file *file, struct poll_table *table)
{
	struct unix_sock *sock = file_sock(file);
	bool stream = sock->type == SOCK_STREAM;
	u32 events = 0;

	poll_wait(file, &sock->wait, table);
	if (!stream)
		poll_wait(file, &dgram_room, table);
	mutex_lock(&sock->lock);
	if (sock->error)
		events |= POLLERR;
	if (sock->shutdown == SHUTDOWN_BOTH ||
	    (!sock_is_dgram(sock) && sock->state == UNIX_UNCONNECTED))
		events |= POLLHUP;
	if (sock->shutdown & SHUTDOWN_RECEIVE)
		events |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (sock->queued)
		events |= POLLIN | POLLRDNORM;
	if (is_writable(sock) && (stream || peer_has_room(sock)))
		events |= POLLOUT | POLLWRNORM | POLLWRBAND;
	else
		WRITE_ONCE(sock->no_room, true);
	mutex_unlock(&sock->lock);
	return events;
}
