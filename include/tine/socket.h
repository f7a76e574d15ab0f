/*
 * Unix-domain sockets (ipc/): what its files have in common. ipc/socket.c has the system calls,
 * ipc/unix_names.c names, ipc/unix.c connections, ipc/unix_data.c what is sent, ipc/scm.c what travels
 * beside it.
 */
#pragma once

#include <tine/atomic.h>
#include <tine/file.h>
#include <tine/iov_iter.h>
#include <tine/list.h>
#include <tine/mutex.h>
#include <tine/types.h>
#include <tine/wait_queue.h>
#include <uapi/socket.h>

struct cred;
struct pid;

#define PATH_OFFSET ((int)offsetof(struct sockaddr_un, sun_path))

#define SHUTDOWN_RECEIVE 1u
#define SHUTDOWN_SEND    2u
#define SHUTDOWN_BOTH    (SHUTDOWN_RECEIVE | SHUTDOWN_SEND)

struct file_async;

enum unix_state { UNIX_UNCONNECTED, UNIX_LISTENING, UNIX_CONNECTED };

/* Who is at the other end: what SO_PEERCRED shows. */
struct peer_identity {
	struct pid *pid;   /* counted; NULL: nobody */
	struct cred *cred; /* counted */
};

/*
 * One end. Locks: l = lock; c = constant; a = atomic; f = flight lock (ipc/scm.c); n = name lock
 * (ipc/unix_names.c). The locks of two sockets are never held together.
 */
struct unix_sock {
	struct atomic count; /* a: its file, its peer, its name's finders, messages it has sent */
	int type;            /* c: SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET */
	struct mutex lock;
	enum unix_state state;         /* l */
	bool dead;                     /* l: closed */
	u32 shutdown;                  /* l: SHUTDOWN_ */
	struct unix_sock *peer;        /* l: counted */
	struct list_head messages;     /* l: received, oldest first */
	unsigned int queued;           /* l: messages, or connections that wait to be accepted */
	unsigned int backlog;          /* l: how many of them may wait, less one */
	struct list_head pending;      /* l: connections, by their own pending */
	int error;                     /* l: to be reported once */
	struct peer_identity identity; /* l */
	struct atomic sent;            /* a: bytes sent and not yet received, with overhead */
	struct wait_queue wait;        /* for something to happen here */
	struct file_async *async;      /* async.c */
	bool no_room;                  /* a: somebody was told that it cannot send */
	/* The name, constant once name_len, which is written last, is not 0. */
	int name_len;
	struct sockaddr_un name;
	struct path path;            /* c with the name: counted, if it is in a file system */
	struct unix_sock *name_next; /* n */
	/* For finding what nobody can reach. */
	unsigned int in_flight;     /* f: references that messages hold on its file */
	bool reached;               /* f */
	struct unix_sock *listener; /* f: whose pending list it is in; not counted */
	struct list_head unreached; /* the collector's */
	/* Options. l to write */
	u32 options; /* OPTION_ */
	unsigned int send_size, receive_size, receive_low, priority;
	u64 receive_timeout, send_timeout; /* ns; ~0: for ever */
	struct linger linger;
};

#define OPTION_PASSCRED (1u << SO_PASSCRED)

/* Descriptors on their way in a message. Each file is counted. */
struct passed_files {
	struct passed_files *next; /* in a chain that waits to be dropped */
	struct list_head link;     /* f: all that are in flight */
	struct unix_sock *owner;   /* f: in whose queue they are; NULL: in none yet */
	struct user_struct *user; /* whose files in flight they are; counted; NULL: not in flight */
	unsigned int n;
	struct file *file[SCM_MAX_FD];
};

/* The sender's word for who it is. */
struct sender {
	struct pid *pid; /* counted */
	uid_t uid;
	gid_t gid;
};

/* What one send puts into the peer's queue. */
struct unix_message {
	struct list_head link;
	struct unix_sock *from;     /* counted: its name, and how much it has sent */
	struct passed_files *files; /* owned; NULL: none */
	struct sender sender;
	unsigned int len, consumed;
	char data[];
};

/* A msghdr on its way through the kernel. */
struct socket_message {
	struct iov_iter data;
	unsigned int flags;     /* MSG_ as asked */
	unsigned int msg_flags; /* what msg_flags tells a receiver */
	struct sockaddr_un name;
	int name_len; /* 0: none */
	void __user *control;
	size_t control_len;         /* a receiver: what is left of it */
	struct passed_files *files; /* of a sender; owned */
	struct sender sender;       /* of a sender */
};

extern const struct file_operations socket_operations;

static inline bool is_socket(const struct file *file)
{
	return file->ops == &socket_operations;
}

static inline struct unix_sock *file_sock(const struct file *file)
{
	return file->private_data;
}

static inline bool sock_is_dgram(const struct unix_sock *sock)
{
	return sock->type == SOCK_DGRAM;
}

/* --- ipc/socket.c --- */

/* The socket behind a descriptor. f.file NULL: *error (EBADF, ENOTSOCK) says why there is none. */
struct fd socket_fd(unsigned int fd, int *error);
void socket_init(void);

/* --- ipc/unix.c, ipc/unix_names.c --- */

/* A socket of its own, count 1. NULL: out of memory. */
struct unix_sock *unix_alloc(int type);
static inline struct unix_sock *unix_get(struct unix_sock *sock)
{
	atomic_inc(&sock->count);
	return sock;
}
void unix_put(struct unix_sock *sock); /* tolerates NULL; sleeps */
/* The last descriptor is closed: lets go of the peer, the name and what was not received. */
void unix_close(struct unix_sock *sock);
/* The peer with a reference, NULL if there is none. */
struct unix_sock *unix_peer_get(struct unix_sock *sock);
void unix_make_pair(struct unix_sock *a, struct unix_sock *b);
/* As the system calls of those names; the address has been copied. */
int unix_bind(struct unix_sock *sock, struct sockaddr_un *name, int len);
int unix_connect(struct unix_sock *sock, struct sockaddr_un *name, int len, bool nonblock);
int unix_listen(struct unix_sock *sock, int backlog);
/* The oldest connection, the reference is the caller's. */
struct unix_sock *unix_accept(struct unix_sock *sock, bool nonblock);
int unix_shutdown(struct unix_sock *sock, int how);
/* A datagram socket's peer turned out to be closed. */
void unix_forget_peer(struct unix_sock *sock, struct unix_sock *peer);
/* EINVAL unless name is an address of this family. */
int unix_check_name(const struct sockaddr_un *name, int len);
/* Gives a socket that has none a name of the kernel's choice. */
int unix_autobind(struct unix_sock *sock);
/* sock is dead: nobody finds it any more. */
void unix_remove_name(struct unix_sock *sock);
/* The socket of that name and type, counted. ECONNREFUSED, EPROTOTYPE, ENOENT, EACCES... */
struct unix_sock *unix_find(const struct sockaddr_un *name, int len, int type);
/*
 * Waits on wq until ready(sock) or *left (ns, ~0: for ever) is over. -EAGAIN: it is over;
 * -ERESTARTSYS, or with a limit -EINTR: a signal.
 */
int unix_wait(struct unix_sock *sock, struct wait_queue *wq, bool (*ready)(struct unix_sock *),
	      u64 *left);
void unix_init(void);

/* --- ipc/unix_data.c --- */

/* Sends / receives as sendmsg(2), recvmsg(2); bytes or -errno. SIGPIPE is raised here. */
ssize_t unix_send(struct unix_sock *sock, struct socket_message *message, bool nonblock);
ssize_t unix_receive(struct unix_sock *sock, struct socket_message *message, bool nonblock);
/* The error that waits to be reported, which is then forgotten: 0 or -errno. */
int unix_take_error(struct unix_sock *sock);
/* Frees messages, with no socket locked. */
void unix_free_messages(struct list_head *messages);
u32 unix_poll(struct file *file, struct poll_table *table);
/* SIOCINQ / SIOCOUTQ. */
long unix_bytes_waiting(struct unix_sock *sock);
/* Datagram senders that wait for room somewhere look again. */
void unix_wake_dgram_senders(void);
/* Something can be read from sock, or accepted. */
void unix_announce_data(struct unix_sock *sock);

/* --- ipc/scm.c --- */

/*
 * A sender's control messages, read into message, whose sender is current if they do not say
 * otherwise. Errnos as sendmsg(2). scm_drop gives back what was not sent.
 */
int scm_import(struct socket_message *message);
void scm_drop(struct socket_message *message);
/* Tells a receiver who sent what it got, if it wants to know, and gives it files (consumed; NULL:
 * none). */
void scm_export(struct socket_message *to, bool credentials, const struct sender *sender,
		struct passed_files *files);
/* The files of a message that is being received; duplicated for MSG_PEEK. ENOMEM: NULL. */
struct passed_files *passed_files_take(struct unix_message *message, bool peek);
/* They are in owner's queue now; owner locked. Tolerates NULL. */
void passed_files_arrive(struct passed_files *files, struct unix_sock *owner);
/* Drops them, with no socket locked. Tolerates NULL. */
void passed_files_put(struct passed_files *files);
/* sock waits in listener's pending list; NULL: in none any more. */
void unix_set_listener(struct unix_sock *sock, struct unix_sock *listener);
/* Empties sockets in flight that nobody can reach any more. */
void unix_collect_garbage(void);
void scm_init(void);
