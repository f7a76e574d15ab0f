/*
 * Unix-domain sockets: making them, names, connections, streams, and how an end of a connection
 * learns that the other one has gone.
 */
#include "helpers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char path[64];

static socklen_t path_name(struct sockaddr_un *name, const char *text)
{
	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	strcpy(name->sun_path, text);
	return offsetof(struct sockaddr_un, sun_path) + strlen(text) + 1;
}

/* A name of this case alone, without a file. */
static socklen_t abstract_name(struct sockaddr_un *name, const char *text)
{
	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       snprintf(name->sun_path + 1, 60, "tine-%d-%s", getpid(), text);
}

static void pair(int ends[2], int type)
{
	check_call(socketpair(AF_UNIX, type, 0, ends));
}

static int listener(struct sockaddr_un *name, socklen_t *len, int backlog)
{
	int fd = check_call(socket(AF_UNIX, SOCK_STREAM, 0));

	*len = abstract_name(name, "listener");
	check_call(bind(fd, (struct sockaddr *)name, *len));
	check_call(listen(fd, backlog));
	return fd;
}

static int events_of(int fd, int events)
{
	struct pollfd one = {.fd = fd, .events = events};

	check_call(poll(&one, 1, 0));
	return one.revents;
}

static void kinds(void)
{
	check_errno(socket(AF_UNIX, 77, 0), EINVAL);
	check_errno(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	check_errno(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT);
	check_errno(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
	check_errno(socket(46, SOCK_STREAM, 0), EAFNOSUPPORT);
	check_errno(socket(AF_UNIX, SOCK_STREAM | 0x100000, 0), EINVAL);
	check_call(close(check_call(socket(AF_UNIX, SOCK_STREAM, AF_UNIX))));
}

static void flags_of_a_new_socket(void)
{
	int fd = check_call(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)), type;
	socklen_t len = sizeof(type);
	struct stat st;

	check_eq(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	check_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	check_call(fstat(fd, &st));
	check(S_ISSOCK(st.st_mode));
	check_errno(lseek(fd, 0, SEEK_SET), ESPIPE);
	check_call(getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len));
	check_eq(type, SOCK_STREAM);
	close(fd);
}

static void not_a_socket(void)
{
	struct sockaddr_un name;
	socklen_t len = path_name(&name, "/tmp/x");
	int ends[2];

	make_pipe(ends);
	check_errno(bind(ends[0], (struct sockaddr *)&name, len), ENOTSOCK);
	check_errno(bind(-1, (struct sockaddr *)&name, len), EBADF);
	check_errno(listen(ends[0], 1), ENOTSOCK);
	check_errno(accept(ends[0], NULL, NULL), ENOTSOCK);
	check_errno(send(ends[1], "x", 1, 0), ENOTSOCK);
	check_errno(shutdown(ends[1], SHUT_WR), ENOTSOCK);
	check_errno(getsockname(ends[1], (struct sockaddr *)&name, &len), ENOTSOCK);
}

static void bytes_both_ways(void)
{
	char bytes[8];
	int ends[2];

	pair(ends, SOCK_STREAM);
	check_eq(write(ends[0], "abc", 3), 3);
	check_eq(write(ends[0], "de", 2), 2);
	check_eq(write(ends[1], "xy", 2), 2);
	check_eq(read(ends[1], bytes, 4), 4);
	check(!memcmp(bytes, "abcd", 4));
	check_eq(read(ends[1], bytes, 4), 1);
	check_eq(read(ends[0], bytes, 8), 2);
	check(!memcmp(bytes, "xy", 2));
}

static void end_of_file_and_broken_pipe(void)
{
	char byte;
	int ends[2];

	pair(ends, SOCK_STREAM);
	check_eq(write(ends[0], "z", 1), 1);
	close(ends[0]);
	check_eq(read(ends[1], &byte, 1), 1);
	check_eq(read(ends[1], &byte, 1), 0);
	check_eq(send(ends[1], "x", 1, MSG_NOSIGNAL), -1);
	check_eq(errno, EPIPE);
}

static void writes_to_nobody(void *ends)
{
	(void)write(((int *)ends)[1], "x", 1);
}

static void broken_pipe_kills(void)
{
	int ends[2];

	pair(ends, SOCK_STREAM);
	close(ends[0]);
	check_dies(writes_to_nobody, ends, SIGPIPE);
}

static void close_with_data_unread_resets(void)
{
	char byte;
	int ends[2];

	pair(ends, SOCK_STREAM);
	check_eq(write(ends[1], "unread", 6), 6);
	close(ends[0]);
	check_eq(events_of(ends[1], POLLIN), POLLIN | POLLERR | POLLHUP);
	check_errno(read(ends[1], &byte, 1), ECONNRESET);
	check_eq(read(ends[1], &byte, 1), 0);
}

static void shutdown_halves(void)
{
	char byte;
	int ends[2];

	pair(ends, SOCK_STREAM);
	check_errno(shutdown(ends[0], 3), EINVAL);
	check_call(shutdown(ends[0], SHUT_WR));
	check_eq(send(ends[0], "x", 1, MSG_NOSIGNAL), -1);
	check_eq(errno, EPIPE);
	check_eq(read(ends[1], &byte, 1), 0);
	check_eq(write(ends[1], "y", 1), 1);
	check_eq(read(ends[0], &byte, 1), 1);
	check_call(shutdown(ends[1], SHUT_WR));
	check_eq(events_of(ends[0], POLLIN | POLLRDHUP | POLLOUT),
		 POLLIN | POLLRDHUP | POLLOUT | POLLHUP);
}

static void polling_a_stream(void)
{
	int ends[2];

	pair(ends, SOCK_STREAM);
	check_eq(events_of(ends[0], POLLIN | POLLOUT | POLLRDHUP), POLLOUT);
	check_eq(write(ends[1], "x", 1), 1);
	check_eq(events_of(ends[0], POLLIN | POLLOUT), POLLIN | POLLOUT);
	close(ends[1]);
	check_eq(events_of(ends[0], POLLIN | POLLRDHUP), POLLIN | POLLRDHUP | POLLHUP);
	close(ends[0]);
	ends[0] = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	check_eq(events_of(ends[0], POLLIN | POLLOUT), POLLOUT | POLLHUP);
}

static void a_full_stream_blocks(void)
{
	static char bytes[4096];
	int ends[2], sent = 0;
	ssize_t n;

	pair(ends, SOCK_STREAM | SOCK_NONBLOCK);
	while ((n = write(ends[0], bytes, sizeof(bytes))) > 0)
		sent += n;
	check_eq(errno, EAGAIN);
	check(sent >= 65536);
	check_eq(events_of(ends[0], POLLOUT), 0);
	while ((n = read(ends[1], bytes, sizeof(bytes))) > 0)
		sent -= n;
	check_eq(errno, EAGAIN);
	check_eq(sent, 0);
	check_eq(events_of(ends[0], POLLOUT), POLLOUT);
}

static void a_blocked_writer_goes_on(void)
{
	enum { TOTAL = 1 << 20 };
	static char bytes[TOTAL];
	int ends[2], got = 0;
	pid_t pid;

	pair(ends, SOCK_STREAM);
	pid = tap_fork();
	if (pid == 0) {
		memset(bytes, 7, sizeof(bytes));
		check_eq(write(ends[0], bytes, TOTAL), TOTAL);
		_exit(0);
	}
	close(ends[0]);
	while (got < TOTAL) {
		ssize_t n = check_call(read(ends[1], bytes, 60000));

		check(n > 0);
		for (ssize_t i = 0; i < n; i++)
			check(bytes[i] == 7);
		got += n;
	}
	check_eq(read(ends[1], bytes, 1), 0);
	check_exits(pid, 0);
}

static void time_limits(void)
{
	struct timeval limit = {0, 20000}, bad = {0, 1000000}, back;
	socklen_t len = sizeof(back);
	char byte;
	int ends[2];

	pair(ends, SOCK_STREAM);
	check_errno(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &bad, sizeof(bad)), EDOM);
	check_errno(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, 4), EINVAL);
	check_call(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	check_call(getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &back, &len));
	check_eq(back.tv_sec, 0);
	check_eq(back.tv_usec, 20000);
	check_errno(read(ends[0], &byte, 1), EAGAIN);
}

static void wait_for_all(void)
{
	char bytes[6];
	int ends[2];
	pid_t pid;

	pair(ends, SOCK_STREAM);
	pid = tap_fork();
	if (pid == 0) {
		for (int i = 0; i < 6; i++) {
			check_eq(write(ends[0], "x", 1), 1);
			sched_yield();
		}
		_exit(0);
	}
	check_eq(recv(ends[1], bytes, 6, MSG_WAITALL), 6);
	check_exits(pid, 0);
}

static void peeking(void)
{
	char bytes[4];
	int ends[2], waiting;

	pair(ends, SOCK_STREAM);
	check_eq(write(ends[0], "abcd", 4), 4);
	check_call(ioctl(ends[1], FIONREAD, &waiting));
	check_eq(waiting, 4);
	check_eq(recv(ends[1], bytes, 2, MSG_PEEK), 2);
	check_eq(recv(ends[1], bytes, 4, 0), 4);
	check(!memcmp(bytes, "abcd", 4));
	check_errno(recv(ends[1], bytes, 4, MSG_DONTWAIT), EAGAIN);
	check_eq(write(ends[0], "e", 1), 1);
	check_eq(recv(ends[1], bytes, 0, 0), 0);
	check_eq(recv(ends[1], bytes, 4, 0), 1);
	check_errno(recv(ends[1], bytes, 0, MSG_DONTWAIT), EAGAIN);
}

static void listen_needs_a_name(void)
{
	int fd = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	int dgram = check_call(socket(AF_UNIX, SOCK_DGRAM, 0));

	check_errno(listen(fd, 1), EINVAL);
	check_errno(accept(fd, NULL, NULL), EINVAL);
	check_errno(listen(dgram, 1), EOPNOTSUPP);
	check_errno(accept(dgram, NULL, NULL), EOPNOTSUPP);
}

static void connect_and_accept(void)
{
	struct sockaddr_un name, other;
	socklen_t len, other_len = sizeof(other);
	int server = listener(&name, &len, 5);
	int client = check_call(socket(AF_UNIX, SOCK_STREAM, 0)), end;
	char byte;

	check_eq(events_of(server, POLLIN | POLLOUT), 0);
	check_call(connect(client, (struct sockaddr *)&name, len));
	check_eq(events_of(server, POLLIN), POLLIN);
	check_errno(connect(client, (struct sockaddr *)&name, len), EISCONN);
	check_eq(write(client, "q", 1), 1);
	end = check_call(accept(server, (struct sockaddr *)&other, &other_len));
	check_eq(other_len, sizeof(sa_family_t));
	check_eq(read(end, &byte, 1), 1);
	other_len = sizeof(other);
	check_call(getsockname(end, (struct sockaddr *)&other, &other_len));
	check_eq(other_len, len);
	check(!memcmp(&other, &name, len));
	other_len = sizeof(other);
	check_call(getpeername(client, (struct sockaddr *)&other, &other_len));
	check(other_len == len && !memcmp(&other, &name, len));
	other_len = 2;
	check_call(getpeername(client, (struct sockaddr *)&other, &other_len));
	check_eq(other_len, len);
	check_errno(connect(server, (struct sockaddr *)&name, len), EINVAL);
	check_errno(bind(server, (struct sockaddr *)&name, len), EINVAL);
}

static void refused(void)
{
	struct sockaddr_un name;
	socklen_t len = abstract_name(&name, "nobody");
	int fd = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	int bound = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	struct sockaddr_un unnamed;
	socklen_t unnamed_len = sizeof(unnamed);

	check_errno(connect(fd, (struct sockaddr *)&name, len), ECONNREFUSED);
	check_call(bind(bound, (struct sockaddr *)&name, len));
	check_errno(connect(fd, (struct sockaddr *)&name, len), ECONNREFUSED);
	check_errno(connect(fd, (struct sockaddr *)&name, 2), EINVAL);
	check_errno(connect(fd, (struct sockaddr *)&name, 200), EINVAL);
	check_errno(connect(fd, (struct sockaddr *)1, len), EFAULT);
	check_errno(getpeername(fd, (struct sockaddr *)&unnamed, &unnamed_len), ENOTCONN);
	check_errno(write(fd, "x", 1), ENOTCONN);
	check_errno(recv(fd, path, 1, 0), EINVAL);
}

static void a_full_backlog(void)
{
	struct sockaddr_un name;
	socklen_t len;
	int server = listener(&name, &len, 0), clients[3];

	for (int i = 0; i < 2; i++)
		clients[i] = check_call(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
	check_call(connect(clients[0], (struct sockaddr *)&name, len));
	check_errno(connect(clients[1], (struct sockaddr *)&name, len), EAGAIN);
	close(check_call(accept(server, NULL, NULL)));
	check_call(connect(clients[1], (struct sockaddr *)&name, len));
}

static void a_connect_waits_for_room(void)
{
	struct sockaddr_un name;
	socklen_t len;
	int server = listener(&name, &len, 0), first;
	pid_t pid;

	first = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	check_call(connect(first, (struct sockaddr *)&name, len));
	pid = tap_fork();
	if (pid == 0) {
		int second = check_call(socket(AF_UNIX, SOCK_STREAM, 0));

		check_call(connect(second, (struct sockaddr *)&name, len));
		_exit(0);
	}
	settle();
	check_call(accept(server, NULL, NULL));
	check_exits(pid, 0);
	check_call(accept(server, NULL, NULL));
}

static void a_closed_listener_resets(void)
{
	struct sockaddr_un name;
	socklen_t len;
	int server = listener(&name, &len, 3), client;
	char byte;

	client = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	check_call(connect(client, (struct sockaddr *)&name, len));
	close(server);
	check_errno(read(client, &byte, 1), ECONNRESET);
	check_eq(read(client, &byte, 1), 0);
}

static void names_in_the_file_system(void)
{
	struct sockaddr_un name, back;
	socklen_t len, back_len = sizeof(back);
	int fd = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	int client = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	int dgram = check_call(socket(AF_UNIX, SOCK_DGRAM, 0));
	struct stat st;

	snprintf(path, sizeof(path), "/tmp/socket-%d", getpid());
	len = path_name(&name, path);
	check_errno(connect(client, (struct sockaddr *)&name, len), ENOENT);
	umask(027);
	check_call(bind(fd, (struct sockaddr *)&name, len));
	check_call(stat(path, &st));
	check_eq(st.st_mode, S_IFSOCK | 0750);
	check_call(getsockname(fd, (struct sockaddr *)&back, &back_len));
	check(back_len == len && !memcmp(&back, &name, len));
	check_errno(open(path, O_RDWR), ENXIO);
	check_call(listen(fd, 1));
	check_errno(connect(dgram, (struct sockaddr *)&name, len), EPROTOTYPE);
	check_errno(bind(client, (struct sockaddr *)&name, len), EADDRINUSE);
	check_call(connect(client, (struct sockaddr *)&name, len));
	close(fd);
	check_errno(connect(dgram, (struct sockaddr *)&name, len), ECONNREFUSED);
	check_call(unlink(path));
	check_errno(connect(dgram, (struct sockaddr *)&name, len), ENOENT);
}

static void connecting_needs_write_permission(void)
{
	struct sockaddr_un name;
	socklen_t len;
	int fd = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	pid_t pid;

	snprintf(path, sizeof(path), "/tmp/socket-%d", getpid());
	len = path_name(&name, path);
	check_call(bind(fd, (struct sockaddr *)&name, len));
	check_call(listen(fd, 1));
	check_call(chmod(path, 0755));
	pid = tap_fork();
	if (pid == 0) {
		int client = check_call(socket(AF_UNIX, SOCK_STREAM, 0));

		check_call(setuid(1000));
		check_errno(connect(client, (struct sockaddr *)&name, len), EACCES);
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(unlink(path));
}

static void longest_path(void)
{
	struct sockaddr_un name;
	int fd = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	int client = check_call(socket(AF_UNIX, SOCK_STREAM, 0)), n;
	char with_nul[sizeof(name.sun_path) + 1];

	memset(&name, 0, sizeof(name));
	name.sun_family = AF_UNIX;
	n = snprintf(name.sun_path, sizeof(name.sun_path), "/tmp/socket-%d-", getpid());
	memset(name.sun_path + n, 'l', sizeof(name.sun_path) - n);
	memcpy(with_nul, name.sun_path, sizeof(name.sun_path));
	with_nul[sizeof(name.sun_path)] = '\0';
	check_call(bind(fd, (struct sockaddr *)&name, sizeof(name)));
	check_call(listen(fd, 1));
	check_call(connect(client, (struct sockaddr *)&name, sizeof(name)));
	check_call(unlink(with_nul));
}

static void a_name_of_the_kernels_choice(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(name);
	int fd = check_call(socket(AF_UNIX, SOCK_DGRAM, 0));

	check_call(bind(fd, (struct sockaddr *)&name, sizeof(sa_family_t)));
	check_call(getsockname(fd, (struct sockaddr *)&name, &len));
	check_eq(len, sizeof(sa_family_t) + 6);
	check_eq(name.sun_path[0], 0);
	check_errno(bind(fd, (struct sockaddr *)&name, len), EINVAL);
}

static void abstract_names_are_bytes(void)
{
	struct sockaddr_un name;
	socklen_t len = abstract_name(&name, "bytes");
	int a = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	int b = check_call(socket(AF_UNIX, SOCK_STREAM, 0));

	check_call(bind(a, (struct sockaddr *)&name, len));
	check_errno(bind(b, (struct sockaddr *)&name, len), EADDRINUSE);
	check_call(bind(b, (struct sockaddr *)&name, len + 1));
	close(a);
	a = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	check_call(bind(a, (struct sockaddr *)&name, len));
}

static void who_is_at_the_other_end(void)
{
	struct sockaddr_un name;
	struct ucred who;
	socklen_t len, size = sizeof(who);
	int server = listener(&name, &len, 5), end, ends[2];
	pid_t pid;

	pair(ends, SOCK_STREAM);
	check_call(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &who, &size));
	check_eq(who.pid, getpid());
	pid = tap_fork();
	if (pid == 0) {
		int client = check_call(socket(AF_UNIX, SOCK_STREAM, 0));

		check_call(setgid(77));
		check_call(setuid(1000));
		check_call(connect(client, (struct sockaddr *)&name, len));
		check_call(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &size));
		check_eq(who.pid, getppid());
		check_eq(who.uid, 0);
		pause();
	}
	end = check_call(accept(server, NULL, NULL));
	check_call(getsockopt(end, SOL_SOCKET, SO_PEERCRED, &who, &size));
	check_eq(who.pid, pid);
	check_eq(who.uid, 1000);
	check_eq(who.gid, 77);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	end = check_call(socket(AF_UNIX, SOCK_STREAM, 0));
	check_call(getsockopt(end, SOL_SOCKET, SO_PEERCRED, &who, &size));
	check_eq(who.pid, 0);
	check(who.uid == (uid_t)-1);
}

static void options(void)
{
	int ends[2], value = 1, *volatile bad = (int *)1;
	socklen_t len = sizeof(value);

	pair(ends, SOCK_STREAM);
	check_call(getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, &len));
	check_eq(value, 212992);
	value = 10000;
	check_call(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
	check_call(getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, &len));
	check_eq(value, 20000);
	value = 1;
	check_call(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
	check_call(getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, &len));
	check_eq(value, 4608);
	check_call(getsockopt(ends[0], SOL_SOCKET, SO_DOMAIN, &value, &len));
	check_eq(value, AF_UNIX);
	check_call(getsockopt(ends[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &len));
	check_eq(value, 0);
	check_errno(setsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, sizeof(value)), ENOPROTOOPT);
	check_errno(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, 2), EINVAL);
	check_errno(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, (void *)1, 4), EFAULT);
	check_errno(getsockopt(ends[0], 77, SO_TYPE, &value, &len), EOPNOTSUPP);
	check_errno(getsockopt(ends[0], SOL_SOCKET, 9999, &value, &len), ENOPROTOOPT);
	check_errno(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, bad, &len), EFAULT);
	len = -1;
	check_errno(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, path, &len), EINVAL);
}

static void bad_pointers(void)
{
	int *volatile bad = (int *)1;
	char byte;
	int ends[2];

	check_errno(socketpair(AF_UNIX, SOCK_STREAM, 0, bad), EFAULT);
	pair(ends, SOCK_STREAM);
	check_errno(send(ends[0], (void *)1, 5, 0), EFAULT);
	check_eq(write(ends[0], "ab", 2), 2);
	check_errno(recv(ends[1], (void *)1, 2, 0), EFAULT);
	check_eq(recv(ends[1], &byte, 1, 0), 1);
	check_eq(byte, 'a');
}

static void ignore(int signal)
{
}

static void a_signal_interrupts_a_receiver(void)
{
	struct sigaction action = {.sa_handler = ignore};
	volatile int *done = tap_shared(4096);
	char byte;
	int ends[2];
	pid_t pid;

	pair(ends, SOCK_STREAM);
	check_call(sigaction(SIGUSR1, &action, NULL));
	pid = tap_fork();
	if (pid == 0) {
		while (!*done) {
			check_call(kill(getppid(), SIGUSR1));
			tap_sleep_ms(1);
		}
		_exit(0);
	}
	check_errno(read(ends[0], &byte, 1), EINTR);
	*done = 1;
	check_exits(pid, 0);
}

static void nothing_is_torn_between_readers(void)
{
	enum { MESSAGES = 2000, READERS = 3 };
	int ends[2], *sums = tap_shared(4096), total = 0;
	pid_t pids[READERS];

	pair(ends, SOCK_SEQPACKET);
	for (int i = 0; i < READERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			int value[2];

			close(ends[0]);
			while (check_call(read(ends[1], value, sizeof(value))) > 0) {
				check_eq(value[0], ~value[1]);
				sums[i] += value[0];
			}
			_exit(0);
		}
	}
	for (int i = 0; i < MESSAGES; i++) {
		int value[2] = {i, ~i};

		check_eq(write(ends[0], value, sizeof(value)), (long)sizeof(value));
		total += i;
	}
	close(ends[0]);
	for (int i = 0; i < READERS; i++) {
		check_exits(pids[i], 0);
		total -= sums[i];
	}
	check_eq(total, 0);
}

static void close_races_with_send(void)
{
	enum { ROUNDS = 300 };

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < ROUNDS; i++) {
		char bytes[64];
		int ends[2];
		pid_t pid;

		pair(ends, SOCK_STREAM);
		pid = tap_fork();
		if (pid == 0) {
			close(ends[0]);
			for (int n = i % 7; n > 0; n--)
				(void)read(ends[1], bytes, sizeof(bytes));
			_exit(0);
		}
		close(ends[1]);
		for (int n = 0; n < 10; n++)
			if (write(ends[0], bytes, sizeof(bytes)) < 0)
				check(errno == EPIPE || errno == ECONNRESET);
		close(ends[0]);
		check_exits(pid, 0);
	}
}

static const struct test_case cases[] = {
	TEST(kinds, "socket: families, types and protocols that there are and are not"),
	TEST(flags_of_a_new_socket, "socket: SOCK_NONBLOCK and SOCK_CLOEXEC, and what fstat shows"),
	TEST(not_a_socket, "calls for sockets on other files are ENOTSOCK"),
	TEST(bytes_both_ways, "socketpair: bytes go both ways, in order"),
	TEST(end_of_file_and_broken_pipe,
	     "the other end closed: what was sent, then end of file; EPIPE"),
	TEST(broken_pipe_kills, "writing to a closed stream raises SIGPIPE"),
	TEST(close_with_data_unread_resets,
	     "closing with data unread is ECONNRESET once, then end of file"),
	TEST(shutdown_halves, "shutdown: each half, and what poll says of both"),
	TEST(polling_a_stream, "poll: a stream that is empty, readable, closed, unconnected"),
	TEST(a_full_stream_blocks, "a full stream is EAGAIN and not writable until it is read"),
	TEST(a_blocked_writer_goes_on, "a writer of 1 MiB waits for its reader, and all arrives"),
	TEST(time_limits, "SO_RCVTIMEO: read back, bad values, EAGAIN when it is over"),
	TEST(wait_for_all, "MSG_WAITALL waits for all bytes"),
	TEST(peeking, "MSG_PEEK, MSG_DONTWAIT, FIONREAD, and nothing asked for"),
	TEST(listen_needs_a_name, "listen and accept on sockets that cannot"),
	TEST(connect_and_accept, "connect, accept and the names of both ends"),
	TEST(refused, "connect: nobody there, nobody listening, bad addresses"),
	TEST(a_full_backlog, "connect: a full backlog is EAGAIN for a socket that may not wait"),
	TEST(a_connect_waits_for_room, "connect: waits until accept makes room"),
	TEST(a_closed_listener_resets, "closing a listener resets who waits to be accepted"),
	TEST(names_in_the_file_system,
	     "names in the file system: mode, type, use, and after unlink"),
	TEST(connecting_needs_write_permission,
	     "connect: needs write permission on the socket's file"),
	TEST(longest_path, "a path that fills sun_path without a NUL"),
	TEST(a_name_of_the_kernels_choice, "bind without a name takes an abstract one"),
	TEST(abstract_names_are_bytes, "abstract names: every byte counts; free again after close"),
	TEST(who_is_at_the_other_end,
	     "SO_PEERCRED: of a pair, of both ends of a connection, of none"),
	TEST(options, "socket options: values, sizes and errors"),
	TEST(bad_pointers, "bad pointers are EFAULT, and lose nothing of a stream"),
	TEST(a_signal_interrupts_a_receiver, "a signal interrupts a receiver"),
	TEST(nothing_is_torn_between_readers, "three readers of one socket get each message once"),
	TEST(close_races_with_send, "closing one end while the other sends"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
