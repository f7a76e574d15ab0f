/*
 * eventfd: the counter, its limits, who waits for whom, and what it is as a file.
 */
#include "helpers.h"

#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/vfs.h>

#define LARGEST (UINT64_MAX - 1)

static int new_eventfd(unsigned int count, int flags)
{
	return check_call(eventfd(count, flags));
}

static uint64_t take(int fd)
{
	uint64_t value = 0;

	check_eq(read(fd, &value, sizeof(value)), 8);
	return value;
}

static void give(int fd, uint64_t value)
{
	check_eq(write(fd, &value, sizeof(value)), 8);
}

static short poll_events(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};

	check_call(poll(&p, 1, 0));
	return p.revents;
}

static void read_takes_all(void)
{
	uint64_t value;
	int fd = new_eventfd(3, EFD_NONBLOCK);

	give(fd, 4);
	check_eq(take(fd), 7);
	check_errno(read(fd, &value, 8), EAGAIN);
}

static void a_semaphore_gives_one(void)
{
	uint64_t value;
	int fd = new_eventfd(2, EFD_NONBLOCK | EFD_SEMAPHORE);

	check_eq(take(fd), 1);
	check_eq(take(fd), 1);
	check_errno(read(fd, &value, 8), EAGAIN);
}

static void the_largest_value(void)
{
	uint64_t value = 1;
	int fd = new_eventfd(0, EFD_NONBLOCK);

	give(fd, LARGEST);
	check_eq(poll_events(fd), POLLIN);
	check_errno(write(fd, &value, 8), EAGAIN);
	give(fd, 0);
	check_eq(take(fd), (long)LARGEST);
	give(fd, LARGEST - 1);
	check_eq(poll_events(fd), POLLIN | POLLOUT);
	give(fd, 1);
	value = UINT64_MAX;
	check_errno(write(fd, &value, 8), EINVAL);
}

static void sizes_and_pointers(void)
{
	char buf[16] = {0};
	int fd = new_eventfd(1, EFD_NONBLOCK);

	check_errno(read(fd, buf, 7), EINVAL);
	check_errno(write(fd, buf, 7), EINVAL);
	check_errno(read(fd, buf, 0), EINVAL);
	check_errno(write(fd, buf, 0), EINVAL);
	check_errno(write(fd, UNMAPPED_ADDRESS, 8), EFAULT);
	check_errno(write(fd, KERNEL_ADDRESS, 8), EFAULT);
	check_errno(read(fd, UNMAPPED_ADDRESS, 8), EFAULT);
	check_errno(read(fd, buf, 8), EAGAIN); /* the failed read took it */
	give(fd, 5);
	check_eq(read(fd, buf, 16), 8);
}

static void flags_are_checked(void)
{
	check_errno(eventfd(0, 2), EINVAL);
	check_errno(eventfd(0, -1), EINVAL);
	check_eq(fcntl(new_eventfd(0, EFD_CLOEXEC), F_GETFD), FD_CLOEXEC);
	check_eq(fcntl(new_eventfd(0, 0), F_GETFD), 0);
	check_eq(fcntl(new_eventfd(0, 0), F_GETFL), O_RDWR);
	check_eq(fcntl(new_eventfd(0, EFD_NONBLOCK), F_GETFL), O_RDWR | O_NONBLOCK);
	check_eq(take(raw1(SYS_eventfd, 9)), 9);
}

static void what_it_is_as_a_file(void)
{
	int fd = new_eventfd(0, EFD_NONBLOCK);
	char path[64], name[64] = "";
	struct statfs statfs;
	struct stat stat;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check_call(readlink(path, name, sizeof(name) - 1));
	check(strcmp(name, "anon_inode:[eventfd]") == 0);
	check_call(fstat(fd, &stat));
	check_eq(stat.st_mode, 0600);
	check_eq(stat.st_nlink, 1);
	check_call(fstatfs(fd, &statfs));
	check_eq(statfs.f_type, 0x09041934);
	check_eq(lseek(fd, 5, SEEK_SET), 0);
	check_eq(lseek(fd, -5, SEEK_CUR), 0);
	check_errno(pread(fd, name, 8, 0), ESPIPE);
	check_errno(pwrite(fd, name, 8, 0), ESPIPE);
	check_errno(ftruncate(fd, 0), EINVAL);
	check_errno(fsync(fd), EINVAL);
	check(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
}

static void without_descriptors_is_emfile(void)
{
	struct rlimit limit = {3, 3};

	check_call(setrlimit(RLIMIT_NOFILE, &limit));
	check_errno(eventfd(0, 0), EMFILE);
}

static void poll_tells(void)
{
	int fd = new_eventfd(0, 0);

	check_eq(poll_events(fd), POLLOUT);
	give(fd, 1);
	check_eq(poll_events(fd), POLLIN | POLLOUT);
	take(fd);
	check_eq(poll_events(fd), POLLOUT);
}

static void a_read_waits_for_a_write(void)
{
	int fd = new_eventfd(0, 0);
	pid_t pid = tap_fork();

	if (pid == 0) {
		settle();
		give(fd, 11);
		_exit(0);
	}
	check_eq(take(fd), 11);
	check_exits(pid, 0);
}

static void a_write_waits_for_room(void)
{
	int fd = new_eventfd(0, 0);
	pid_t pid;

	give(fd, LARGEST);
	pid = tap_fork();
	if (pid == 0) {
		settle();
		check_eq(take(fd), (long)LARGEST);
		_exit(0);
	}
	give(fd, 2);
	check_eq(take(fd), 2);
	check_exits(pid, 0);
}

static void handler(int signal)
{
	(void)signal;
}

static void a_signal_ends_the_wait(void)
{
	struct sigaction action = {.sa_handler = handler};
	int fd = new_eventfd(0, 0);
	uint64_t value;
	pid_t parent = getpid(), pid;
	volatile int *done = tap_shared(4096);

	check_call(sigaction(SIGUSR1, &action, NULL));
	pid = tap_fork();
	if (pid == 0) {
		while (!get(done)) {
			kill(parent, SIGUSR1);
			tap_sleep_ms(1);
		}
		_exit(0);
	}
	check_errno(read(fd, &value, 8), EINTR);
	set(done, 1);
	check_exits(pid, 0);
}

static void poll_waits_for_both(void)
{
	int fd = new_eventfd(0, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	pid_t pid = tap_fork();

	if (pid == 0) {
		settle();
		give(fd, LARGEST);
		p.events = POLLOUT;
		check_eq(poll(&p, 1, -1), 1);
		check_eq(p.revents, POLLOUT);
		_exit(0);
	}
	check_eq(poll(&p, 1, -1), 1);
	check_eq(p.revents, POLLIN);
	settle();
	check_eq(take(fd), (long)LARGEST);
	check_exits(pid, 0);
}

enum { WRITERS = 3, ROUNDS = 2000 };

/* Writers and readers on all CPUs: the sum of what is read is the sum of what was written. */
static void nothing_is_lost(void)
{
	int fd = new_eventfd(0, 0), total = 0;
	pid_t pids[WRITERS];

	for (int i = 0; i < WRITERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			for (int n = 0; n < ROUNDS; n++)
				give(fd, 1);
			_exit(0);
		}
	}
	while (total < WRITERS * ROUNDS)
		total += take(fd);
	check_eq(total, WRITERS * ROUNDS);
	for (int i = 0; i < WRITERS; i++)
		check_exits(pids[i], 0);
}

static void a_semaphore_is_taken_by_one(void)
{
	int fd = new_eventfd(0, EFD_SEMAPHORE);
	volatile int *taken = tap_shared(4096);
	pid_t pids[WRITERS];

	for (int i = 0; i < WRITERS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			for (int n = 0; n < ROUNDS; n++) {
				check_eq(take(fd), 1);
				add(taken, 1);
			}
			_exit(0);
		}
	}
	for (int n = 0; n < WRITERS * ROUNDS; n += 10)
		give(fd, 10);
	for (int i = 0; i < WRITERS; i++)
		check_exits(pids[i], 0);
	check_eq(*taken, WRITERS * ROUNDS);
	check_eq(poll_events(fd), POLLOUT);
}

static const struct test_case cases[] = {
	TEST(read_takes_all, "eventfd: a read takes the whole count"),
	TEST(a_semaphore_gives_one, "eventfd: EFD_SEMAPHORE: a read takes one"),
	TEST(the_largest_value, "eventfd: the count reaches 2^64 - 2 and no more"),
	TEST(sizes_and_pointers, "eventfd: short and bad buffers"),
	TEST(flags_are_checked, "eventfd: flags"),
	TEST(what_it_is_as_a_file, "eventfd: name, mode, file system, and what cannot be done"),
	TEST(without_descriptors_is_emfile, "eventfd: EMFILE"),
	TEST(poll_tells, "eventfd: poll tells"),
	TEST(a_read_waits_for_a_write, "eventfd: a read waits for a write"),
	TEST(a_write_waits_for_room, "eventfd: a write that would overflow waits for a read"),
	TEST(a_signal_ends_the_wait, "eventfd: a signal ends the wait"),
	TEST(poll_waits_for_both, "eventfd: poll waits for a count, and for room"),
	TEST(nothing_is_lost, "eventfd: of three writers no count is lost"),
	TEST(a_semaphore_is_taken_by_one,
	     "eventfd: three readers of a semaphore each get their own"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
