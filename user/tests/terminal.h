#ifndef TERMINAL_H
#define TERMINAL_H

#include "helpers.h"

/*
 * What the suites about terminals share: a pseudo terminal whose master types and sees, and whose
 * slave the program under test uses.
 *
 * What a master writes has gone through the line discipline only some time after write returned (on
 * Linux a worker does it). So a test waits for what must come, and shows that something does not
 * come by what comes behind it.
 */
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

struct terminal {
	int master, slave, number;
	char path[32];
};

/* The slave is opened with O_NOCTTY and has the settings of a new terminal. */
static inline UNUSED struct terminal new_terminal(void)
{
	struct terminal t;
	int zero = 0;

	t.master = check_call(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	check_call(ioctl(t.master, TIOCSPTLCK, &zero));
	check_call(ioctl(t.master, TIOCGPTN, &t.number));
	snprintf(t.path, sizeof(t.path), "/dev/pts/%d", t.number);
	t.slave = check_call(open(t.path, O_RDWR | O_NOCTTY));
	return t;
}

static inline UNUSED struct termios get_settings(int fd)
{
	struct termios settings;

	check_call(tcgetattr(fd, &settings));
	return settings;
}

/* Flags of iflag, oflag and lflag that are switched off and on. */
static inline UNUSED void change(int fd, tcflag_t struct_member_offset, tcflag_t off, tcflag_t on)
{
	struct termios settings = get_settings(fd);
	tcflag_t *flags = (tcflag_t *)((char *)&settings + struct_member_offset);

	*flags = (*flags & ~off) | on;
	check_call(tcsetattr(fd, TCSANOW, &settings));
}
#define IFLAG offsetof(struct termios, c_iflag)
#define OFLAG offsetof(struct termios, c_oflag)
#define LFLAG offsetof(struct termios, c_lflag)

static inline UNUSED void set_char(int fd, int which, unsigned char c)
{
	struct termios settings = get_settings(fd);

	settings.c_cc[which] = c;
	check_call(tcsetattr(fd, TCSANOW, &settings));
}

/* No editing, no signals, no echo, bytes as they are. */
static inline UNUSED void make_raw(int fd, int min, int time)
{
	struct termios settings = get_settings(fd);

	cfmakeraw(&settings);
	settings.c_cc[VMIN] = min;
	settings.c_cc[VTIME] = time;
	check_call(tcsetattr(fd, TCSANOW, &settings));
}

static inline UNUSED void type(int fd, const char *text)
{
	check_eq(write(fd, text, strlen(text)), strlen(text));
}

static inline UNUSED void check_bytes(const char *got, size_t n, const char *wanted)
{
	if (n != strlen(wanted) || memcmp(got, wanted, n) != 0)
		tap_fail(__FILE__, __LINE__, "expected '%s', got '%.*s' (%zu bytes)", wanted,
			 (int)n, got, n);
}

/* Exactly these bytes come from fd, in however many reads. */
static inline UNUSED void expect(int fd, const char *wanted)
{
	char got[4096];
	size_t n = 0, length = strlen(wanted);

	while (n < length) {
		long more = read(fd, got + n, length - n);

		if (more < 0 && errno == EINTR)
			continue;
		if (more <= 0)
			tap_fail(__FILE__, __LINE__, "expected '%s', got '%.*s' and then %ld (%s)",
				 wanted, (int)n, got, more, more < 0 ? strerror(errno) : "end");
		n += more;
	}
	check_bytes(got, n, wanted);
}

/* One read gives exactly these bytes. */
static inline UNUSED void expect_read(int fd, const char *wanted)
{
	char got[8192];
	long n = check_call(read(fd, got, sizeof(got)));

	check_bytes(got, n, wanted);
}

static inline UNUSED int poll_now(int fd, int events)
{
	struct pollfd p = {.fd = fd, .events = events};

	check_call(poll(&p, 1, 0));
	return p.revents;
}

/* Waits until fd has one of events. */
static inline UNUSED int poll_for(int fd, int events)
{
	struct pollfd p = {.fd = fd, .events = events};

	check_eq(poll(&p, 1, -1), 1);
	return p.revents;
}

static inline UNUSED void set_nonblock(int fd)
{
	check_call(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

/* Nothing is there to be read, and nothing comes for a while. */
static inline UNUSED void expect_nothing(int fd)
{
	settle();
	check_eq(poll_now(fd, POLLIN), 0);
}

static inline UNUSED int readable(int fd)
{
	int n = -1;

	check_call(ioctl(fd, FIONREAD, &n));
	return n;
}

/* Waits until n bytes can be read. */
static inline UNUSED void await_readable(int fd, int n)
{
	while (readable(fd) < n)
		tap_sleep_ms(1);
	check_eq(readable(fd), n);
}

/* Makes the caller, who is no group's leader, the leader of a session on the terminal. */
static inline UNUSED void take_terminal(int slave)
{
	check_call(setsid());
	check_call(ioctl(slave, TIOCSCTTY, 0));
}

#endif
