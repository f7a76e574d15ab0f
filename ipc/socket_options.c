/*
 * Options of sockets: setsockopt(2), getsockopt(2), at level SOL_SOCKET (socket(7), unix(7)); the
 * family has none of its own.
 */
#include <tine/cred.h>
#include <tine/err.h>
#include <tine/fdtable.h>
#include <tine/pid.h>
#include <tine/socket.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/time.h>
#include <tine/uaccess.h>

#define LEAST_SEND    4608u
#define LEAST_RECEIVE 2304u
#define MOST_BUFFER   212992u

/* Those that are remembered and shown again: between processes of one machine most change nothing. */
#define SWITCHES                                                                             \
	(1u << SO_REUSEADDR | 1u << SO_DONTROUTE | 1u << SO_BROADCAST | 1u << SO_KEEPALIVE | \
	 1u << SO_OOBINLINE | 1u << SO_REUSEPORT | 1u << SO_PASSCRED | 1u << SO_DEBUG)

static bool is_switch(int option)
{
	return option > 0 && option < 32 && (SWITCHES >> option & 1);
}

static int set_timeout(u64 *to, const void __user *user, int len)
{
	struct uapi_timeval tv;

	if (len < (int)sizeof(tv))
		return -EINVAL;
	if (copy_from_user(&tv, user, sizeof(tv)))
		return -EFAULT;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0)
		*to = 0;
	else if ((tv.tv_sec == 0 && tv.tv_usec == 0) ||
		 tv.tv_sec >= (long)(KTIME_MAX / NSEC_PER_SEC))
		*to = ~0ull;
	else
		*to = tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * NSEC_PER_USEC;
	return 0;
}

static int set_linger(struct unix_sock *sock, const void __user *user, int len)
{
	struct linger linger;

	if (len < (int)sizeof(linger))
		return -EINVAL;
	if (copy_from_user(&linger, user, sizeof(linger)))
		return -EFAULT;
	sock->linger = (struct linger){!!linger.l_onoff,
				       linger.l_onoff ? linger.l_linger : sock->linger.l_linger};
	return 0;
}

/* Linux doubles what is asked for, to leave room for its own data. */
static unsigned int buffer_size(int value, unsigned int least, bool limited)
{
	unsigned int size = limited ? MIN((unsigned int)value, MOST_BUFFER)
				    : (unsigned int)MAX(value, 0);

	return MAX(MIN(size, 0x3fffffffu) * 2, least);
}

static int set_number(struct unix_sock *sock, int option, int value)
{
	bool force = option == SO_SNDBUFFORCE || option == SO_RCVBUFFORCE;

	if (force && !capable(CAP_NET_ADMIN))
		return -EPERM;
	if (option == SO_DEBUG && value && !capable(CAP_NET_ADMIN))
		return -EACCES;
	if (option == SO_SNDBUF || option == SO_SNDBUFFORCE)
		sock->send_size = buffer_size(value, LEAST_SEND, !force);
	else if (option == SO_RCVBUF || option == SO_RCVBUFFORCE)
		sock->receive_size = buffer_size(value, LEAST_RECEIVE, !force);
	else if (option == SO_RCVLOWAT)
		sock->receive_low = value < 0 ? 0x7fffffff : value ? value : 1;
	else if (option == SO_PRIORITY && (value < 0 || value > 6) && !capable(CAP_NET_ADMIN))
		return -EPERM;
	else if (option == SO_PRIORITY)
		sock->priority = value;
	else if (is_switch(option))
		sock->options = value ? sock->options | 1u << option
				      : sock->options & ~(1u << option);
	else
		return -ENOPROTOOPT;
	return 0;
}

static int set_option(struct unix_sock *sock, int option, const void __user *user, int len)
{
	int value, error;

	if (len < (int)sizeof(value))
		return -EINVAL;
	if (get_user(value, (const int __user *)user))
		return -EFAULT;
	mutex_lock(&sock->lock);
	if (option == SO_LINGER)
		error = set_linger(sock, user, len);
	else if (option == SO_RCVTIMEO)
		error = set_timeout(&sock->receive_timeout, user, len);
	else if (option == SO_SNDTIMEO)
		error = set_timeout(&sock->send_timeout, user, len);
	else
		error = set_number(sock, option, value);
	mutex_unlock(&sock->lock);
	return error;
}

long sys_setsockopt(int fd, int level, int option, const void __user *user, int len)
{
	struct fd f SCOPED(fdput) = {};
	int error;

	if (len < 0)
		return -EINVAL;
	f = socket_fd(fd, &error);
	if (error == 0 && level != SOL_SOCKET)
		error = -EOPNOTSUPP;
	return error ? error : set_option(file_sock(f.file), option, user, len);
}

static int get_number(struct unix_sock *sock, int option, int *value)
{
	if (is_switch(option))
		*value = sock->options >> option & 1;
	else if (option == SO_TYPE)
		*value = sock->type;
	else if (option == SO_DOMAIN)
		*value = AF_UNIX;
	else if (option == SO_PROTOCOL)
		*value = 0;
	else if (option == SO_ACCEPTCONN)
		*value = sock->state == UNIX_LISTENING;
	else if (option == SO_SNDBUF)
		*value = sock->send_size;
	else if (option == SO_RCVBUF)
		*value = sock->receive_size;
	else if (option == SO_RCVLOWAT)
		*value = sock->receive_low;
	else if (option == SO_SNDLOWAT)
		*value = 1;
	else if (option == SO_PRIORITY)
		*value = sock->priority;
	else if (option == SO_ERROR)
		*value = -unix_take_error(sock);
	else
		return -ENOPROTOOPT;
	return 0;
}

static struct uapi_timeval timeout_value(u64 ns)
{
	return ns == ~0ull ? (struct uapi_timeval){0, 0} : ns_to_timeval(ns);
}

static struct ucred peer_ucred(struct unix_sock *sock)
{
	struct ucred ucred = {0, -1, -1};

	mutex_lock(&sock->lock);
	if (sock->identity.cred) {
		ucred.pid = pid_vnr(sock->identity.pid);
		ucred.uid = sock->identity.cred->euid;
		ucred.gid = sock->identity.cred->egid;
	}
	mutex_unlock(&sock->lock);
	return ucred;
}

union option_value {
	int number;
	struct linger linger;
	struct uapi_timeval timeout;
	struct ucred ucred;
};

/* The size of the option's value, or -errno. */
static int get_option(struct unix_sock *sock, int option, union option_value *value)
{
	switch (option) {
	case SO_LINGER:
		value->linger = sock->linger;
		return sizeof(value->linger);
	case SO_RCVTIMEO:
	case SO_SNDTIMEO:
		value->timeout = timeout_value(option == SO_RCVTIMEO ? sock->receive_timeout
								     : sock->send_timeout);
		return sizeof(value->timeout);
	case SO_PEERCRED:
		value->ucred = peer_ucred(sock);
		return sizeof(value->ucred);
	default:
		return get_number(sock, option, &value->number) ?: (int)sizeof(value->number);
	}
}

static int get_peer_groups(struct unix_sock *sock, gid_t __user *user, int room, int __user *len)
{
	struct group_info *groups;
	struct cred *cred;
	int n, error = 0;

	cred = MUTEX_LOCKED(&sock->lock,
			    sock->identity.cred ? get_cred(sock->identity.cred) : NULL);
	if (!cred)
		return -ENODATA;
	groups = cred->groups;
	n = groups ? groups->n * sizeof(gid_t) : 0;
	if (room < n)
		error = -ERANGE;
	else if (n && copy_to_user(user, groups->gid, n))
		error = -EFAULT;
	if (put_user(n, len))
		error = -EFAULT;
	put_cred(cred);
	return error;
}

static int export_option(struct unix_sock *sock, int option, void __user *user, int __user *len)
{
	union option_value value;
	int room, size;

	if (get_user(room, len))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (option == SO_PEERGROUPS)
		return get_peer_groups(sock, user, room, len);
	memset(&value, 0, sizeof(value));
	size = get_option(sock, option, &value);
	if (size < 0)
		return size;
	size = MIN(size, room);
	if (copy_to_user(user, &value, size))
		return -EFAULT;
	return put_user(size, len);
}

long sys_getsockopt(int fd, int level, int option, void __user *user, int __user *len)
{
	int error;
	struct fd f SCOPED(fdput) = socket_fd(fd, &error);

	if (error == 0 && level != SOL_SOCKET)
		error = -EOPNOTSUPP;
	return error ? error : export_option(file_sock(f.file), option, user, len);
}
