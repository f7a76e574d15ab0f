/*
 * Unix-domain sockets: datagrams and packets, and what travels beside the bytes: descriptors and
 * credentials.
 */
#include "helpers.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void pair(int ends[2], int type)
{
	check_call(socketpair(AF_UNIX, type, 0, ends));
}

static socklen_t abstract_name(struct sockaddr_un *name, const char *text)
{
	memset(name, 0, sizeof(*name));
	name->sun_family = AF_UNIX;
	return offsetof(struct sockaddr_un, sun_path) + 1 +
	       snprintf(name->sun_path + 1, 60, "tine-%d-%s", getpid(), text);
}

static int bound_dgram(const char *text, struct sockaddr_un *name, socklen_t *len)
{
	int fd = check_call(socket(AF_UNIX, SOCK_DGRAM, 0));

	*len = abstract_name(name, text);
	check_call(bind(fd, (struct sockaddr *)name, *len));
	return fd;
}

/* A message with one byte, a control message of that type, and room for what comes. */
struct parcel {
	struct msghdr header;
	struct iovec iov;
	char byte;
	_Alignas(struct cmsghdr) char control[2048];
};

static struct msghdr *parcel(struct parcel *parcel, int type, const void *data, size_t len)
{
	struct cmsghdr *cmsg;

	memset(parcel, 0, sizeof(*parcel));
	parcel->byte = 'p';
	parcel->iov = (struct iovec){&parcel->byte, 1};
	parcel->header.msg_iov = &parcel->iov;
	parcel->header.msg_iovlen = 1;
	parcel->header.msg_control = parcel->control;
	parcel->header.msg_controllen = CMSG_SPACE(len);
	cmsg = CMSG_FIRSTHDR(&parcel->header);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	return &parcel->header;
}

/* Room for a message with a control buffer of that size. */
static struct msghdr *empty_parcel(struct parcel *parcel, size_t control)
{
	memset(parcel, 0, sizeof(*parcel));
	parcel->iov = (struct iovec){&parcel->byte, 1};
	parcel->header.msg_iov = &parcel->iov;
	parcel->header.msg_iovlen = 1;
	parcel->header.msg_control = parcel->control;
	parcel->header.msg_controllen = control;
	return &parcel->header;
}

static void send_fds(int socket, const int *fds, int n)
{
	struct parcel out;

	check_eq(sendmsg(socket, parcel(&out, SCM_RIGHTS, fds, n * sizeof(int)), 0), 1);
}

static int receive_fd(int socket, int flags)
{
	struct parcel in;
	struct cmsghdr *cmsg;
	int fd;

	check_eq(recvmsg(socket, empty_parcel(&in, sizeof(in.control)), flags), 1);
	cmsg = CMSG_FIRSTHDR(&in.header);
	check(cmsg && cmsg->cmsg_type == SCM_RIGHTS && cmsg->cmsg_len == CMSG_LEN(sizeof(int)));
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}

/* Without libc, which looks at the message first. */
static long raw_sendmsg(int socket, const struct msghdr *header)
{
	return syscall(SYS_sendmsg, socket, header, 0);
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void datagrams_keep_their_ends(void)
{
	char bytes[8];
	int ends[2];

	pair(ends, SOCK_DGRAM);
	check_eq(write(ends[0], "abcd", 4), 4);
	check_eq(write(ends[0], "", 0), 0);
	check_eq(write(ends[0], "ef", 2), 2);
	check_eq(recv(ends[1], bytes, 2, MSG_TRUNC), 4);
	check_eq(read(ends[1], bytes, 8), 0);
	check_eq(read(ends[1], bytes, 8), 2);
}

static void cut_off_datagrams_say_so(void)
{
	struct parcel in;
	int ends[2];

	pair(ends, SOCK_DGRAM);
	check_eq(write(ends[0], "abcd", 4), 4);
	check_eq(recvmsg(ends[1], empty_parcel(&in, 0), 0), 1);
	check_eq(in.header.msg_flags, MSG_TRUNC);
}

static void datagrams_between_names(void)
{
	struct sockaddr_un a_name, b_name, from;
	socklen_t a_len, b_len, len = sizeof(from);
	int a = bound_dgram("a", &a_name, &a_len), b = bound_dgram("b", &b_name, &b_len);
	char byte;

	check_eq(sendto(a, "x", 1, 0, (struct sockaddr *)&b_name, b_len), 1);
	check_eq(recvfrom(b, &byte, 1, 0, (struct sockaddr *)&from, &len), 1);
	check(len == a_len && !memcmp(&from, &a_name, len));
	check_errno(send(a, "x", 1, 0), ENOTCONN);
	check_call(connect(a, (struct sockaddr *)&b_name, b_len));
	check_eq(send(a, "x", 1, 0), 1);
	close(b);
	check_errno(send(a, "x", 1, 0), ECONNREFUSED);
	check_errno(send(a, "x", 1, 0), ENOTCONN);
}

static void a_connected_datagram_socket_is_closed_to_others(void)
{
	struct sockaddr_un a_name, b_name, c_name;
	socklen_t a_len, b_len, c_len;
	int a = bound_dgram("a", &a_name, &a_len), b = bound_dgram("b", &b_name, &b_len);
	int c = bound_dgram("c", &c_name, &c_len);
	const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

	check_call(connect(a, (struct sockaddr *)&b_name, b_len));
	check_errno(sendto(c, "x", 1, 0, (struct sockaddr *)&a_name, a_len), EPERM);
	check_errno(connect(c, (struct sockaddr *)&a_name, a_len), EPERM);
	check_eq(sendto(b, "x", 1, 0, (struct sockaddr *)&a_name, a_len), 1);
	check_call(connect(a, &nowhere, sizeof(nowhere)));
	check_eq(sendto(c, "x", 1, 0, (struct sockaddr *)&a_name, a_len), 1);
}

static void a_full_receiver(void)
{
	struct sockaddr_un a_name, b_name;
	socklen_t a_len, b_len;
	int a = bound_dgram("a", &a_name, &a_len), b = bound_dgram("b", &b_name, &b_len), n = 0;
	struct pollfd one = {.fd = a, .events = POLLOUT};
	char byte;

	check_call(connect(a, (struct sockaddr *)&b_name, b_len));
	while (send(a, "x", 1, MSG_DONTWAIT) == 1)
		n++;
	check_eq(errno, EAGAIN);
	check_eq(n, 11);
	check_eq(poll(&one, 1, 0), 0);
	check_eq(read(b, &byte, 1), 1);
	check_eq(poll(&one, 1, 0), 1);
	check_eq(send(a, "x", 1, MSG_DONTWAIT), 1);
}

static void a_sender_waits_for_a_full_receiver(void)
{
	struct sockaddr_un name;
	socklen_t len;
	int receiver = bound_dgram("r", &name, &len);
	char byte;
	pid_t pid;

	pid = tap_fork();
	if (pid == 0) {
		int sender = check_call(socket(AF_UNIX, SOCK_DGRAM, 0));

		for (int i = 0; i < 200; i++)
			check_eq(sendto(sender, "x", 1, 0, (struct sockaddr *)&name, len), 1);
		_exit(0);
	}
	for (int i = 0; i < 200; i++)
		check_eq(read(receiver, &byte, 1), 1);
	check_exits(pid, 0);
}

static void too_large_a_datagram(void)
{
	static char bytes[300000];
	int ends[2];

	pair(ends, SOCK_DGRAM);
	check_errno(write(ends[0], bytes, sizeof(bytes)), EMSGSIZE);
	check_eq(write(ends[0], bytes, 100000), 100000);
	check_eq(read(ends[1], bytes, sizeof(bytes)), 100000);
}

static void packets_and_their_end(void)
{
	char bytes[8];
	int ends[2], lone = check_call(socket(AF_UNIX, SOCK_SEQPACKET, 0));

	check_errno(write(lone, "x", 1), ENOTCONN);
	check_errno(read(lone, bytes, 1), ENOTCONN);
	pair(ends, SOCK_SEQPACKET);
	check_eq(write(ends[0], "abc", 3), 3);
	check_eq(write(ends[0], "d", 1), 1);
	close(ends[0]);
	check_eq(read(ends[1], bytes, 8), 3);
	check_eq(read(ends[1], bytes, 8), 1);
	check_eq(read(ends[1], bytes, 8), 0);
	signal(SIGPIPE, SIG_IGN);
	check_errno(write(ends[1], "x", 1), EPIPE);
}

static void a_descriptor_is_passed(void)
{
	int ends[2], files[2], fd;
	pid_t pid;

	pair(ends, SOCK_STREAM);
	make_pipe(files);
	pid = tap_fork();
	if (pid == 0) {
		close(files[0]);
		close(files[1]);
		fd = receive_fd(ends[1], MSG_CMSG_CLOEXEC);
		check_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		give_byte(fd, 42);
		_exit(0);
	}
	send_fds(ends[0], &files[1], 1);
	close(files[1]);
	check_eq(take_byte(files[0]), 42);
	check_exits(pid, 0);
	check_eq(read(files[0], &fd, 1), 0);
}

static void a_passed_descriptor_is_the_same_file(void)
{
	int ends[2], file = check_call(open("/proc/self/maps", O_RDONLY)), fd;
	char byte;

	pair(ends, SOCK_DGRAM);
	check_eq(read(file, &byte, 1), 1);
	send_fds(ends[0], &file, 1);
	close(file);
	fd = receive_fd(ends[1], 0);
	check_eq(lseek(fd, 0, SEEK_CUR), 1);
	check_eq(fcntl(fd, F_GETFD), 0);
}

static void peeked_descriptors_are_copies(void)
{
	int ends[2], files[2], a, b, before;

	pair(ends, SOCK_STREAM);
	make_pipe(files);
	before = open_fds();
	send_fds(ends[0], &files[0], 1);
	a = receive_fd(ends[1], MSG_PEEK);
	b = receive_fd(ends[1], 0);
	check(a != b);
	check_eq(open_fds(), before + 2);
}

static void no_room_for_descriptors(void)
{
	struct parcel in;
	int ends[2], files[2], before, fds[3];

	pair(ends, SOCK_DGRAM);
	make_pipe(files);
	fds[0] = fds[1] = fds[2] = files[0];
	before = open_fds();
	send_fds(ends[0], fds, 3);
	check_eq(recvmsg(ends[1], empty_parcel(&in, CMSG_LEN(2 * sizeof(int))), 0), 1);
	check_eq(in.header.msg_flags, MSG_CTRUNC);
	check_eq(CMSG_FIRSTHDR(&in.header)->cmsg_len, CMSG_LEN(2 * sizeof(int)));
	check_eq(open_fds(), before + 2);
	send_fds(ends[0], fds, 3);
	check_eq(recvmsg(ends[1], empty_parcel(&in, 0), 0), 1);
	check_eq(in.header.msg_flags, MSG_CTRUNC);
	check_eq(open_fds(), before + 2);
}

static void reading_drops_descriptors(void)
{
	int ends[2], files[2];
	char byte;

	pair(ends, SOCK_STREAM);
	make_pipe(files);
	send_fds(ends[0], &files[1], 1);
	close(files[1]);
	check_eq(read(ends[1], &byte, 1), 1);
	check_eq(read(files[0], &byte, 1), 0);
}

static void a_read_stops_at_descriptors(void)
{
	char bytes[8];
	struct parcel in;
	int ends[2], files[2];

	pair(ends, SOCK_STREAM);
	make_pipe(files);
	check_eq(write(ends[0], "ab", 2), 2);
	send_fds(ends[0], &files[0], 1);
	check_eq(write(ends[0], "cd", 2), 2);
	empty_parcel(&in, sizeof(in.control));
	in.iov = (struct iovec){bytes, sizeof(bytes)};
	check_eq(recvmsg(ends[1], &in.header, 0), 3);
	check(CMSG_FIRSTHDR(&in.header) != NULL);
	check_eq(read(ends[1], bytes, 8), 2);
}

static void bad_control_messages(void)
{
	int ends[2], bad = 999, many[254];
	struct parcel out;

	pair(ends, SOCK_STREAM);
	check_errno(sendmsg(ends[0], parcel(&out, SCM_RIGHTS, &bad, sizeof(bad)), 0), EBADF);
	check_errno(sendmsg(ends[0], parcel(&out, 77, &bad, sizeof(bad)), 0), EINVAL);
	parcel(&out, SCM_RIGHTS, &bad, sizeof(bad));
	CMSG_FIRSTHDR(&out.header)->cmsg_len = 3;
	check_errno(sendmsg(ends[0], &out.header, 0), EINVAL);
	CMSG_FIRSTHDR(&out.header)->cmsg_len = 4000;
	check_errno(sendmsg(ends[0], &out.header, 0), EINVAL);
	parcel(&out, SCM_RIGHTS, &bad, sizeof(bad));
	out.header.msg_control = (void *)8;
	check_errno(raw_sendmsg(ends[0], &out.header), EFAULT);
	for (int i = 0; i < 254; i++)
		many[i] = ends[0];
	check_errno(raw_sendmsg(ends[0], parcel(&out, SCM_RIGHTS, many, sizeof(many))), EINVAL);
	check_eq(raw_sendmsg(ends[0], parcel(&out, SCM_RIGHTS, many, sizeof(many) - 4)), 1);
	check_errno(raw_sendmsg(ends[0], (void *)8), EFAULT);
	check_errno(syscall(SYS_recvmsg, ends[1], 8, 0), EFAULT);
	parcel(&out, SCM_RIGHTS, &bad, 0);
	out.header.msg_iovlen = 2000;
	check_errno(sendmsg(ends[0], &out.header, 0), EMSGSIZE);
}

static void credentials_come_when_asked_for(void)
{
	struct parcel in;
	struct cmsghdr *cmsg;
	struct ucred who;
	int ends[2], on = 1;
	pid_t pid;

	pair(ends, SOCK_STREAM);
	check_call(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	pid = tap_fork();
	if (pid == 0) {
		check_call(setgid(77));
		check_call(setuid(1000));
		check_eq(write(ends[0], "x", 1), 1);
		_exit(0);
	}
	check_eq(recvmsg(ends[1], empty_parcel(&in, sizeof(in.control)), 0), 1);
	cmsg = CMSG_FIRSTHDR(&in.header);
	check(cmsg && cmsg->cmsg_type == SCM_CREDENTIALS);
	memcpy(&who, CMSG_DATA(cmsg), sizeof(who));
	check_eq(who.pid, pid);
	check_eq(who.uid, 1000);
	check_eq(who.gid, 77);
	check_exits(pid, 0);
}

static void writers_are_told_apart(void)
{
	char bytes[8];
	struct parcel in;
	int ends[2], on = 1;
	pid_t pid;

	pair(ends, SOCK_STREAM);
	check_call(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	check_eq(write(ends[0], "ab", 2), 2);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(write(ends[0], "cd", 2), 2);
		_exit(0);
	}
	check_exits(pid, 0);
	empty_parcel(&in, sizeof(in.control));
	in.iov = (struct iovec){bytes, sizeof(bytes)};
	check_eq(recvmsg(ends[1], &in.header, 0), 2);
	check_eq(read(ends[1], bytes, 8), 2);
}

static void claims_are_checked(void)
{
	const struct ucred root = {getpid(), 0, 0}, nobody = {getpid(), 65534, 65534};
	const struct ucred init = {1, 1000, 1000}, none = {0x3ffffff, 0, 0};
	struct parcel out;
	int ends[2];

	pair(ends, SOCK_DGRAM);
	check_eq(sendmsg(ends[0], parcel(&out, SCM_CREDENTIALS, &nobody, sizeof(nobody)), 0), 1);
	check_errno(sendmsg(ends[0], parcel(&out, SCM_CREDENTIALS, &none, sizeof(none)), 0), ESRCH);
	check_errno(sendmsg(ends[0], parcel(&out, SCM_CREDENTIALS, &root, 8), 0), EINVAL);
	check_call(setuid(1000));
	check_errno(sendmsg(ends[0], parcel(&out, SCM_CREDENTIALS, &root, sizeof(root)), 0), EPERM);
	check_errno(sendmsg(ends[0], parcel(&out, SCM_CREDENTIALS, &init, sizeof(init)), 0), EPERM);
}

static void files_in_flight_are_limited(void)
{
	const struct rlimit few = {20, 20};
	int ends[2], fds[10];
	struct parcel out;
	pid_t pid;

	pair(ends, SOCK_DGRAM);
	for (int i = 0; i < 10; i++)
		fds[i] = ends[0];
	pid = tap_fork();
	if (pid == 0) {
		check_call(setrlimit(RLIMIT_NOFILE, &few));
		check_call(setuid(4711));
		for (int i = 0; i < 3; i++)
			send_fds(ends[0], fds, 10);
		check_errno(sendmsg(ends[0], parcel(&out, SCM_RIGHTS, fds, sizeof(fds)), 0),
			    ETOOMANYREFS);
		_exit(0);
	}
	check_exits(pid, 0);
}

/* The pipe's write end goes with the sockets, so its reader sees when they are gone. */
static void expect_collected(int sockets[2], int pipe_ends[2])
{
	char byte;

	close(pipe_ends[1]);
	close(sockets[0]);
	close(sockets[1]);
	/* Any socket that is closed lets the collector look. */
	close(check_call(socket(AF_UNIX, SOCK_STREAM, 0)));
	check_eq(read(pipe_ends[0], &byte, 1), 0);
}

static void a_socket_in_its_own_queue_is_collected(void)
{
	int ends[2], files[2], fds[2];

	pair(ends, SOCK_STREAM);
	make_pipe(files);
	fds[0] = ends[1];
	fds[1] = files[1];
	send_fds(ends[0], fds, 2);
	expect_collected(ends, files);
}

static void sockets_in_each_others_queues_are_collected(void)
{
	int ends[2], files[2], fds[3];

	pair(ends, SOCK_DGRAM);
	make_pipe(files);
	fds[0] = ends[0];
	fds[1] = ends[1];
	fds[2] = files[1];
	send_fds(ends[0], fds, 3);
	send_fds(ends[1], fds, 3);
	expect_collected(ends, files);
}

static void what_can_be_reached_is_kept(void)
{
	int outer[2], inner[2], got;
	char byte;

	pair(outer, SOCK_STREAM);
	pair(inner, SOCK_STREAM);
	send_fds(inner[0], &inner[1], 1);
	check_eq(write(inner[0], "k", 1), 1);
	send_fds(outer[0], &inner[1], 1);
	close(inner[1]);
	close(check_call(socket(AF_UNIX, SOCK_STREAM, 0)));
	got = receive_fd(outer[1], 0);
	check_call(receive_fd(got, 0));
	check_eq(read(got, &byte, 1), 1);
	check_eq(byte, 'k');
}

static void a_long_chain_is_dropped(void)
{
	enum { LENGTH = 400 };
	int ends[2], next[2];

	pair(ends, SOCK_STREAM);
	for (int i = 0; i < LENGTH; i++) {
		pair(next, SOCK_STREAM);
		send_fds(next[0], &ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		memcpy(ends, next, sizeof(next));
	}
	close(ends[0]);
	close(ends[1]);
}

static void many_messages_in_one_call(void)
{
	char bytes[3][4];
	struct iovec iov[3];
	struct mmsghdr messages[3];
	int ends[2];

	pair(ends, SOCK_DGRAM);
	memset(messages, 0, sizeof(messages));
	for (int i = 0; i < 3; i++) {
		iov[i] = (struct iovec){bytes[i], i + 1};
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	check_eq(sendmmsg(ends[0], messages, 3, 0), 3);
	for (int i = 0; i < 3; i++) {
		check_eq(messages[i].msg_len, i + 1);
		iov[i].iov_len = 4;
	}
	check_eq(recvmmsg(ends[1], messages, 2, 0, NULL), 2);
	check_eq(messages[1].msg_len, 2);
	check_eq(recvmmsg(ends[1], messages, 3, MSG_WAITFORONE, NULL), 1);
	check_eq(messages[0].msg_len, 3);
	check_errno(recvmmsg(ends[1], messages, 1, MSG_DONTWAIT, NULL), EAGAIN);
}

static void passing_while_closing(void)
{
	enum { ROUNDS = 100 };

	for (int i = 0; i < ROUNDS; i++) {
		int ends[2];
		pid_t pid;

		pair(ends, SOCK_DGRAM);
		pid = tap_fork();
		if (pid == 0) {
			for (int n = 0; n < 5; n++)
				send_fds(ends[0], &ends[n & 1], 1);
			_exit(0);
		}
		for (int n = 0; n < 2; n++)
			close(receive_fd(ends[1], n ? MSG_PEEK : 0));
		close(ends[0]);
		close(ends[1]);
		check_exits(pid, 0);
	}
	/* Those that were sent into their own queues go with the next socket that is closed. */
	close(check_call(socket(AF_UNIX, SOCK_STREAM, 0)));
}

static const struct test_case cases[] = {
	TEST(datagrams_keep_their_ends,
	     "datagrams keep their boundaries, empty ones too; MSG_TRUNC"),
	TEST(cut_off_datagrams_say_so, "a datagram that is cut off says MSG_TRUNC"),
	TEST(datagrams_between_names, "datagrams go to names, and say from which they come"),
	TEST(a_connected_datagram_socket_is_closed_to_others,
	     "a connected datagram socket takes nothing from others"),
	TEST(a_full_receiver, "a receiver takes 11 datagrams, then the sender is not writable"),
	TEST(a_sender_waits_for_a_full_receiver, "a sender waits while its receiver is full"),
	TEST(too_large_a_datagram,
	     "a datagram larger than SO_SNDBUF is EMSGSIZE, a large one whole"),
	TEST(packets_and_their_end, "SOCK_SEQPACKET: boundaries, end of file, EPIPE, ENOTCONN"),
	TEST(a_descriptor_is_passed, "SCM_RIGHTS: a descriptor reaches another process"),
	TEST(a_passed_descriptor_is_the_same_file, "SCM_RIGHTS: it is the same open file"),
	TEST(peeked_descriptors_are_copies, "SCM_RIGHTS: MSG_PEEK gives descriptors of its own"),
	TEST(no_room_for_descriptors,
	     "SCM_RIGHTS: what there is no room for is closed, MSG_CTRUNC"),
	TEST(reading_drops_descriptors, "SCM_RIGHTS: a plain read closes what came along"),
	TEST(a_read_stops_at_descriptors, "SCM_RIGHTS: a read of a stream ends behind them"),
	TEST(bad_control_messages,
	     "control messages: bad types, lengths, descriptors and pointers"),
	TEST(credentials_come_when_asked_for, "SO_PASSCRED: who sent it, also after they are gone"),
	TEST(writers_are_told_apart, "SO_PASSCRED: bytes of two writers are not read together"),
	TEST(claims_are_checked, "SCM_CREDENTIALS: only the privileged claim to be somebody else"),
	TEST(files_in_flight_are_limited,
	     "SCM_RIGHTS: RLIMIT_NOFILE limits a user's files in flight"),
	TEST(a_socket_in_its_own_queue_is_collected, "a socket in its own queue is collected"),
	TEST(sockets_in_each_others_queues_are_collected,
	     "sockets in each other's queues are collected"),
	TEST(what_can_be_reached_is_kept,
	     "a socket in flight that can be reached keeps what it has"),
	TEST(a_long_chain_is_dropped, "a chain of 400 sockets, each in the next one's queue"),
	TEST(many_messages_in_one_call, "sendmmsg and recvmmsg"),
	TEST(passing_while_closing, "descriptors passed while both ends are being closed"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
