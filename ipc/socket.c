/*
 * Sockets: the system calls, and sockets as files. There is one family, AF_UNIX (ipc/unix.c); here
 * are descriptors, addresses and options on their way from and to the program.
 *
 * A socket's file has an inode on a file system of its own that is mounted nowhere; /proc/PID/fd
 * shows it as socket:[number].
 */
#include <tine/async.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/fs.h>
#include <tine/mount.h>
#include <tine/pseudo_fs.h>
#include <tine/slab.h>
#include <tine/socket.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>
#include <uapi/ioctl.h>
#include <uapi/statfs.h>

#define FAST_IOVECS 8

static struct vfsmount *socket_mount;

/* --- Sockets as files --- */

static bool may_not_wait(const struct file *file, const struct socket_message *message)
{
	return (file->flags & O_NONBLOCK) || (message->flags & MSG_DONTWAIT);
}

static ssize_t receive_message(struct file *file, struct socket_message *message)
{
	return unix_receive(file_sock(file), message, may_not_wait(file, message));
}

static ssize_t send_message(struct file *file, struct socket_message *message)
{
	ssize_t result = scm_import(message);

	if (result != 0)
		return result;
	result = unix_send(file_sock(file), message, may_not_wait(file, message));
	scm_drop(message);
	return result;
}

static ssize_t socket_read(struct file *file, struct iov_iter *to, loff_t *pos)
{
	struct socket_message message = {.data = *to};

	return receive_message(file, &message);
}

static ssize_t socket_write(struct file *file, struct iov_iter *from, loff_t *pos)
{
	bool packet = file_sock(file)->type == SOCK_SEQPACKET;
	struct socket_message message = {.data = *from, .flags = packet ? MSG_EOR : 0};

	return send_message(file, &message);
}

static long socket_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct unix_sock *sock = file_sock(file);
	long n;

	if (cmd == FIONREAD)
		n = unix_bytes_waiting(sock);
	else if (cmd == TIOCOUTQ)
		n = atomic_read(&sock->sent);
	else
		return async_ioctl(file, cmd, arg);
	return n < 0 ? n : put_user((int)n, (int __user *)arg);
}

static int socket_async(int fd, struct file *file, bool on)
{
	return async_switch(fd, file, on, &file_sock(file)->async);
}

static void socket_release(struct file *file)
{
	unix_close(file_sock(file));
}

const struct file_operations socket_operations = {
	.read = socket_read,
	.write = socket_write,
	.poll = unix_poll,
	.ioctl = socket_ioctl,
	.async = socket_async,
	.release = socket_release,
};

/* A file for sock, whose reference is consumed, also on failure. ERR_PTR. */
static struct file *socket_file(struct unix_sock *sock, int flags)
{
	struct file *file = pseudo_file(socket_mount, "socket", S_IFSOCK | 0777,
					O_RDWR | (flags & SOCK_NONBLOCK), &socket_operations);

	if (IS_ERR(file)) {
		unix_close(sock);
		return file;
	}
	file->private_data = sock;
	return file;
}

struct fd socket_fd(unsigned int fd, int *error)
{
	struct fd f = fdget(fd);

	*error = f.file ? 0 : -EBADF;
	if (f.file && !is_socket(f.file)) {
		fdput(f);
		f.file = NULL;
		*error = -ENOTSOCK;
	}
	return f;
}

/* A number for a file, which it gets once all else has gone well. */
static int reserve_fd(int flags)
{
	return get_unused_fd(0, flags & SOCK_CLOEXEC);
}

/* --- Making them --- */

/* What socket(2) was asked for, as a type of ours; -errno. */
static int check_kind(int family, int type, int protocol)
{
	int flags = type & ~SOCK_TYPE_MASK;

	type &= SOCK_TYPE_MASK;
	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	if (type >= SOCK_MAX)
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return -ESOCKTNOSUPPORT;
	return type;
}

long sys_socket(int family, int type, int protocol)
{
	int kind = check_kind(family, type, protocol), fd;
	struct unix_sock *sock;
	struct file *file;

	if (kind < 0)
		return kind;
	sock = unix_alloc(kind);
	if (!sock)
		return -ENOMEM;
	file = socket_file(sock, type);
	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = reserve_fd(type);
	if (fd < 0)
		fput(file);
	else
		fd_install(fd, file);
	return fd;
}

static int make_pair(struct file *files[2], int kind, int flags)
{
	struct unix_sock *a = unix_alloc(kind), *b = unix_alloc(kind);

	if (!a || !b) {
		unix_put(a);
		unix_put(b);
		return -ENOMEM;
	}
	unix_make_pair(a, b);
	files[0] = socket_file(a, flags);
	files[1] = socket_file(b, flags);
	if (!IS_ERR(files[0]) && !IS_ERR(files[1]))
		return 0;
	for (int i = 0; i < 2; i++)
		if (!IS_ERR(files[i]))
			fput(files[i]);
	return -ENOMEM;
}

long sys_socketpair(int family, int type, int protocol, int __user *user)
{
	int kind = check_kind(family, type, protocol), error;
	struct file *files[2];

	if (kind < 0)
		return kind;
	error = make_pair(files, kind, type);
	return error ? error : fd_install_pair(files, type & SOCK_CLOEXEC, user);
}

/* --- Addresses --- */

static int read_name(struct sockaddr_un *name, const void __user *user, int len)
{
	if (len < 0 || len > 128) /* Linux's largest address of any family */
		return -EINVAL;
	memset(name, 0, sizeof(*name));
	if (copy_from_user(name, user, MIN(len, (int)sizeof(*name))))
		return -EFAULT;
	return 0;
}

/* Stores an address and its length as accept(2) says: cut off to the room, the whole length told. */
static int store_name(const struct sockaddr_un *name, int len, void __user *user,
		      int __user *user_len)
{
	int room;

	if (get_user(room, user_len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (copy_to_user(user, name, MIN(room, len)))
		return -EFAULT;
	return put_user(len, user_len);
}

static int store_sock_name(struct unix_sock *sock, void __user *user, int __user *user_len)
{
	static const struct sockaddr_un unnamed = {.sun_family = AF_UNIX};
	int len = __atomic_load_n(&sock->name_len, __ATOMIC_ACQUIRE);

	if (!len)
		return store_name(&unnamed, sizeof(unnamed.sun_family), user, user_len);
	return store_name(&sock->name, len, user, user_len);
}

static int store_peer_name(struct unix_sock *sock, void __user *user, int __user *user_len)
{
	struct unix_sock *peer = unix_peer_get(sock);
	int error;

	if (!peer)
		return -ENOTCONN;
	error = store_sock_name(peer, user, user_len);
	unix_put(peer);
	return error;
}

long sys_bind(int fd, const void __user *user, int len)
{
	struct sockaddr_un name;
	int error;
	struct fd f SCOPED(fdput) = socket_fd(fd, &error);

	if (error == 0)
		error = read_name(&name, user, len);
	return error ? error : unix_bind(file_sock(f.file), &name, len);
}

long sys_connect(int fd, const void __user *user, int len)
{
	struct sockaddr_un name;
	int error;
	struct fd f SCOPED(fdput) = socket_fd(fd, &error);

	if (error == 0)
		error = read_name(&name, user, len);
	if (error)
		return error;
	return unix_connect(file_sock(f.file), &name, len, f.file->flags & O_NONBLOCK);
}

long sys_listen(int fd, int backlog)
{
	int error;
	struct fd f SCOPED(fdput) = socket_fd(fd, &error);

	return error ? error : unix_listen(file_sock(f.file), backlog);
}

long sys_shutdown(int fd, int how)
{
	int error;
	struct fd f SCOPED(fdput) = socket_fd(fd, &error);

	return error ? error : unix_shutdown(file_sock(f.file), how);
}

long sys_getsockname(int fd, void __user *user, int __user *len)
{
	int error;
	struct fd f SCOPED(fdput) = socket_fd(fd, &error);

	return error ? error : store_sock_name(file_sock(f.file), user, len);
}

long sys_getpeername(int fd, void __user *user, int __user *len)
{
	int error;
	struct fd f SCOPED(fdput) = socket_fd(fd, &error);

	return error ? error : store_peer_name(file_sock(f.file), user, len);
}

/* A connection becomes a file, and its peer's name is stored where that is wanted. */
static int accept_from(struct file *listener, int fd, int flags, void __user *name, int __user *len)
{
	struct unix_sock *sock = unix_accept(file_sock(listener), listener->flags & O_NONBLOCK);
	struct file *file;
	int error = 0;

	if (IS_ERR(sock))
		return PTR_ERR(sock);
	file = socket_file(sock, flags);
	if (IS_ERR(file))
		return PTR_ERR(file);
	if (name)
		error = store_peer_name(sock, name, len);
	/* Whoever connected has closed already. */
	if (error == -ENOTCONN)
		error = -ECONNABORTED;
	if (error != 0)
		fput(file);
	else
		fd_install(fd, file);
	return error;
}

long sys_accept4(int fd, void __user *name, int __user *len, int flags)
{
	struct fd f SCOPED(fdput) = {};
	int error, new;

	if (flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK))
		return -EINVAL;
	f = socket_fd(fd, &error);
	if (error != 0)
		return error;
	new = reserve_fd(flags);
	if (new < 0)
		return new;
	error = accept_from(f.file, new, flags, name, len);
	if (error == 0)
		return new;
	put_unused_fd(new);
	return error;
}

/* --- Sending and receiving --- */

long sys_sendto(int fd, const void __user *buf, size_t n, unsigned int flags,
		const void __user *name, int len)
{
	struct socket_message message = {.flags = flags};
	struct fd f SCOPED(fdput) = {};
	int error;

	if (!access_ok(buf, n))
		return -EFAULT;
	iov_iter_user(&message.data, (void __user *)buf, MIN(n, MAX_RW_COUNT));
	f = socket_fd(fd, &error);
	if (error == 0 && name) {
		error = read_name(&message.name, name, len);
		message.name_len = len;
	}
	return error ? error : send_message(f.file, &message);
}

long sys_recvfrom(int fd, void __user *buf, size_t n, unsigned int flags, void __user *name,
		  int __user *len)
{
	struct socket_message message = {.flags = flags};
	struct fd f SCOPED(fdput) = {};
	int error;
	long result;

	if (!access_ok(buf, n))
		return -EFAULT;
	iov_iter_user(&message.data, buf, MIN(n, MAX_RW_COUNT));
	f = socket_fd(fd, &error);
	if (error != 0)
		return error;
	result = receive_message(f.file, &message);
	if (result >= 0 && name)
		error = store_name(&message.name, message.name_len, name, len);
	return error ? error : result;
}

/* A program's msghdr with its array of buffers, in fast or in *big, which is to be kfreed. */
static int read_msghdr(struct user_msghdr *header, struct socket_message *message,
		       const struct user_msghdr __user *user, struct iovec *fast,
		       struct iovec **big)
{
	ssize_t n;

	if (copy_from_user(header, user, sizeof(*header)))
		return -EFAULT;
	if (header->msg_namelen < 0)
		return -EINVAL;
	if (header->msg_iovlen > UIO_MAXIOV)
		return -EMSGSIZE;
	if (header->msg_controllen > 0x7fffffff)
		return -ENOBUFS;
	n = import_iovec(header->msg_iov, header->msg_iovlen, fast, FAST_IOVECS, big,
			 &message->data);
	message->control = header->msg_control;
	message->control_len = header->msg_control ? header->msg_controllen : 0;
	return MIN(n, 0);
}

static long send_msghdr(struct file *file, const struct user_msghdr __user *user,
			unsigned int flags)
{
	struct iovec fast[FAST_IOVECS], *big SCOPED(kfree) = NULL;
	struct socket_message message = {.flags = flags};
	struct user_msghdr header;
	long result = read_msghdr(&header, &message, user, fast, &big);

	if (result != 0)
		return result;
	if (header.msg_name && header.msg_namelen) {
		message.name_len = MIN(header.msg_namelen, 128);
		result = read_name(&message.name, header.msg_name, message.name_len);
	}
	return result ? result : send_message(file, &message);
}

static long receive_msghdr(struct file *file, struct user_msghdr __user *user, unsigned int flags)
{
	struct iovec fast[FAST_IOVECS], *big SCOPED(kfree) = NULL;
	struct socket_message message = {.flags = flags};
	struct user_msghdr header;
	long result = read_msghdr(&header, &message, user, fast, &big);
	size_t control_len = message.control_len;

	if (result != 0)
		return result;
	result = receive_message(file, &message);
	if (result < 0)
		return result;
	message.msg_flags |= flags & MSG_CMSG_CLOEXEC;
	if (header.msg_name && (copy_to_user(header.msg_name, &message.name,
					     MIN(header.msg_namelen, message.name_len)) ||
				put_user(message.name_len, &user->msg_namelen)))
		return -EFAULT;
	if (put_user(message.msg_flags, &user->msg_flags) ||
	    put_user(control_len - message.control_len, &user->msg_controllen))
		return -EFAULT;
	return result;
}

long sys_sendmsg(int fd, const struct user_msghdr __user *user, unsigned int flags)
{
	struct fd f SCOPED(fdput) = {};
	int error;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	f = socket_fd(fd, &error);
	return error ? error : send_msghdr(f.file, user, flags);
}

long sys_recvmsg(int fd, struct user_msghdr __user *user, unsigned int flags)
{
	struct fd f SCOPED(fdput) = {};
	int error;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	f = socket_fd(fd, &error);
	return error ? error : receive_msghdr(f.file, user, flags);
}

long sys_sendmmsg(int fd, struct mmsghdr __user *user, unsigned int n, unsigned int flags)
{
	struct fd f SCOPED(fdput) = {};
	unsigned int done = 0;
	long result = 0;
	int error;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	f = socket_fd(fd, &error);
	if (error != 0)
		return error;
	for (n = MIN(n, (unsigned int)UIO_MAXIOV); done < n; done++) {
		result = send_msghdr(f.file, &user[done].msg_hdr, flags);
		if (result >= 0 && put_user((unsigned int)result, &user[done].msg_len))
			result = -EFAULT;
		if (result < 0)
			break;
	}
	return done ? done : result;
}

/* An error after the first message waits for the next call. */
static void keep_error(struct unix_sock *sock, long error)
{
	mutex_lock(&sock->lock);
	if (error < 0 && error != -EAGAIN)
		sock->error = -error;
	mutex_unlock(&sock->lock);
}

static long receive_many(struct file *file, struct mmsghdr __user *user, unsigned int n,
			 unsigned int flags, u64 deadline)
{
	unsigned int done = 0, next_flags = flags & ~MSG_WAITFORONE;
	long result = 0;

	while (done < n) {
		result = receive_msghdr(file, &user[done].msg_hdr, next_flags);
		if (result >= 0 && put_user((unsigned int)result, &user[done].msg_len))
			result = -EFAULT;
		if (result < 0)
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			next_flags |= MSG_DONTWAIT;
		if (arch_clock_ns() >= deadline)
			break;
	}
	if (done)
		keep_error(file_sock(file), result);
	return done ? done : result;
}

long sys_recvmmsg(int fd, struct mmsghdr __user *user, unsigned int n, unsigned int flags,
		  struct uapi_timespec __user *timeout)
{
	u64 limit = ~0ull, end, now;
	int error = 0;
	struct uapi_timespec left;
	struct fd f;
	long result;

	if (flags & MSG_CMSG_COMPAT)
		return -EINVAL;
	if (timeout)
		error = get_timespec_ns(timeout, &limit);
	if (error != 0)
		return error;
	end = timeout ? arch_clock_ns() + limit : ~0ull;
	f = socket_fd(fd, &error);
	if (error != 0)
		return error;
	result = unix_take_error(file_sock(f.file));
	if (result == 0)
		result = receive_many(f.file, user, n, flags, end);
	fdput(f);
	now = arch_clock_ns();
	left = ns_to_timespec(end > now ? end - now : 0);
	if (timeout && result > 0 && copy_to_user(timeout, &left, sizeof(left)))
		return -EFAULT;
	return result;
}

const struct file_system_type sockfs_type = {
	.name = "sockfs",
	.nodev = true,
	.kernel_only = true,
};

void socket_init(void)
{
	unix_init();
	socket_mount = pseudo_mount(&sockfs_type, SOCKFS_MAGIC);
}
