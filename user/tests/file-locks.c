/*
 * Locks on files: flock(2), which belongs to an open file; record locks of fcntl(2), which belong to
 * a process (its descriptor table); and those of open files (F_OFD_SETLK).
 */
#include "helpers.h"

#include <limits.h>
#include <sys/file.h>
#include <sys/syscall.h>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK  36
#define F_OFD_SETLK  37
#define F_OFD_SETLKW 38
#endif

#define ANY 0 /* length: to the end, wherever that is */

static int open_lockable(void)
{
	return check_call(open("lockable", O_RDWR | O_CREAT, 0600));
}

static void begin(void)
{
	go_home();
}

static void end(void)
{
	check_call(unlink("lockable"));
	leave_home();
}

static int lock(int fd, int command, int type, off_t start, off_t length)
{
	struct flock request = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	return fcntl(fd, command, &request);
}

/* What stands in the way of a write lock of everything from start on, as another process sees it. */
static struct flock seen_by_another(int fd, off_t start, off_t length)
{
	struct flock *shared = tap_shared(sizeof(*shared));
	pid_t pid;

	*shared = (struct flock){
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
	pid = tap_fork();
	if (pid == 0) {
		check_call(fcntl(fd, F_GETLK, shared));
		_exit(0);
	}
	check_exits(pid, 0);
	return *shared;
}

static void check_seen(int fd, off_t from, int type, off_t start, off_t length)
{
	struct flock seen = seen_by_another(fd, from, ANY);

	check_eq(seen.l_type, type);
	if (type == F_UNLCK)
		return;
	check_eq(seen.l_start, start);
	check_eq(seen.l_len, length);
	check_eq(seen.l_pid, getpid());
	check_eq(seen.l_whence, SEEK_SET);
}

/* ---- flock ---- */

static void flock_shared_and_exclusive(void)
{
	int a, b;

	begin();
	a = open_lockable();
	b = open_lockable();
	check_call(flock(a, LOCK_SH));
	check_call(flock(b, LOCK_SH | LOCK_NB));
	check_errno(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	check_call(flock(a, LOCK_UN));
	check_call(flock(b, LOCK_EX | LOCK_NB));
	check_errno(flock(a, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	check_errno(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	check_call(flock(b, LOCK_SH));
	check_call(flock(a, LOCK_SH | LOCK_NB));
	close(a);
	close(b);
	end();
}

static void flock_conversion_lets_go_first(void)
{
	int a, b, c;

	begin();
	a = open_lockable();
	b = open_lockable();
	c = open_lockable();
	check_call(flock(a, LOCK_SH));
	check_call(flock(b, LOCK_SH));
	check_errno(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	check_call(flock(b, LOCK_UN));
	check_call(flock(c, LOCK_EX | LOCK_NB)); /* a has lost its lock */
	end();
}

static void flock_belongs_to_the_open_file(void)
{
	int a, copy, b;
	pid_t pid;

	begin();
	a = open_lockable();
	copy = check_call(dup(a));
	b = open_lockable();
	check_call(flock(a, LOCK_EX));
	check_call(flock(copy, LOCK_EX | LOCK_NB));
	check_call(close(a));
	check_errno(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	pid = tap_fork();
	if (pid == 0)
		_exit(0); /* its descriptors go, the lock stays */
	check_exits(pid, 0);
	check_errno(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	check_call(close(copy));
	check_call(flock(b, LOCK_EX | LOCK_NB));
	end();
}

static void flock_child_may_unlock(void)
{
	int a, b;
	pid_t pid;

	begin();
	a = open_lockable();
	b = open_lockable();
	check_call(flock(a, LOCK_EX));
	pid = tap_fork();
	if (pid == 0) {
		check_call(flock(a, LOCK_UN));
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(flock(b, LOCK_EX | LOCK_NB));
	end();
}

static void flock_child_keeps_it(void)
{
	int a, b, ends[2];
	pid_t pid;

	begin();
	make_pipe(ends);
	a = open_lockable();
	b = open_lockable();
	check_call(flock(a, LOCK_EX));
	pid = tap_fork();
	if (pid == 0) {
		close(ends[1]);
		check_eof(ends[0]);
		_exit(0);
	}
	close(a);
	check_errno(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	close(ends[1]);
	check_exits(pid, 0);
	check_call(flock(b, LOCK_EX));
	end();
}

static void flock_bad_arguments(void)
{
	int a, place, reader;

	begin();
	a = open_lockable();
	place = check_call(open("lockable", O_PATH));
	reader = check_call(open("lockable", O_RDONLY));
	check_errno(flock(-1, LOCK_EX), EBADF);
	check_errno(flock(place, LOCK_EX), EBADF);
	check_errno(flock(a, 0), EINVAL);
	check_errno(flock(a, LOCK_SH | LOCK_EX), EINVAL);
	check_errno(flock(a, LOCK_UN | LOCK_EX), EINVAL);
	check_errno(flock(a, 16), EINVAL);
	check_errno(flock(-1, 16), EINVAL);
	check_call(flock(a, LOCK_UN)); /* there is none */
	check_call(flock(reader, LOCK_EX));
	check_errno(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	end();
}

static void flock_and_records_do_not_meet(void)
{
	int a, b;

	begin();
	a = open_lockable();
	b = open_lockable();
	check_call(flock(a, LOCK_EX));
	check_call(lock(b, F_SETLK, F_WRLCK, 0, ANY));
	check_call(flock(a, LOCK_UN));
	check_call(flock(b, LOCK_EX));
	end();
}

static void flock_on_anything(void)
{
	int ends[2], dir, null;

	make_pipe(ends);
	dir = check_call(open("/", O_RDONLY));
	null = check_call(open("/dev/null", O_RDONLY));
	check_call(flock(ends[0], LOCK_EX | LOCK_NB));
	check_errno(flock(ends[1], LOCK_SH | LOCK_NB), EWOULDBLOCK);
	check_call(flock(dir, LOCK_EX | LOCK_NB));
	check_call(flock(null, LOCK_EX | LOCK_NB));
}

static void flock_waits(void)
{
	volatile int *state = tap_shared(sizeof(int));
	int a;
	pid_t pid;

	begin();
	a = open_lockable();
	check_call(flock(a, LOCK_EX));
	pid = tap_fork();
	if (pid == 0) {
		int mine = open_lockable();

		set(state, 1);
		check_call(flock(mine, LOCK_SH));
		check_eq(get(state), 2);
		_exit(0);
	}
	tap_await(state, 1);
	settle();
	set(state, 2);
	check_call(flock(a, LOCK_UN));
	check_exits(pid, 0);
	end();
}

static void flock_interrupted(void)
{
	volatile int *done = tap_shared(sizeof(int));
	int a;
	pid_t pid;

	begin();
	a = open_lockable();
	check_call(flock(a, LOCK_EX));
	pid = tap_fork();
	if (pid == 0) {
		int mine = open_lockable();

		set_handler(SIGUSR1, count_signal, 0);
		check_errno(flock(mine, LOCK_EX), EINTR);
		set(done, 1);
		_exit(0);
	}
	while (!get(done) && !is_zombie(pid)) {
		tap_sleep_ms(5);
		kill(pid, SIGUSR1);
	}
	tap_wait(pid);
	check_eq(get(done), 1);
	end();
}

/* ---- record locks: ranges ---- */

static void record_is_seen_by_others(void)
{
	int fd;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 10, 20));
	check_seen(fd, 0, F_WRLCK, 10, 20);
	check_seen(fd, 30, F_UNLCK, 0, 0);
	check_call(lock(fd, F_SETLK, F_RDLCK, 10, ANY));
	check_seen(fd, 1000000, F_RDLCK, 10, 0);
	check_call(lock(fd, F_SETLK, F_UNLCK, 0, ANY));
	check_seen(fd, 0, F_UNLCK, 0, 0);
	end();
}

static void record_own_is_not_in_the_way(void)
{
	struct flock request = {.l_type = F_WRLCK, .l_start = 3, .l_len = 4, .l_pid = 77};
	int fd;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	check_call(fcntl(fd, F_GETLK, &request));
	check_eq(request.l_type, F_UNLCK);
	check_eq(request.l_start, 3);
	check_eq(request.l_len, 4);
	check_eq(request.l_pid, 77);
	end();
}

static void records_split(void)
{
	int fd;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, 100));
	check_call(lock(fd, F_SETLK, F_UNLCK, 40, 20));
	check_seen(fd, 0, F_WRLCK, 0, 40);
	check_seen(fd, 40, F_WRLCK, 60, 40);
	check_call(lock(fd, F_SETLK, F_RDLCK, 10, 10));
	check_seen(fd, 0, F_WRLCK, 0, 10);
	check_seen(fd, 10, F_RDLCK, 10, 10);
	check_seen(fd, 20, F_WRLCK, 20, 20);
	end();
}

static void records_merge(void)
{
	int fd;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	check_call(lock(fd, F_SETLK, F_WRLCK, 20, 10));
	check_seen(fd, 0, F_WRLCK, 0, 10);
	check_call(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	check_seen(fd, 0, F_WRLCK, 0, 30);
	check_call(lock(fd, F_SETLK, F_RDLCK, 30, 10));
	check_seen(fd, 0, F_WRLCK, 0, 30);
	check_call(lock(fd, F_SETLK, F_WRLCK, 25, 100));
	check_seen(fd, 0, F_WRLCK, 0, 125);
	check_call(lock(fd, F_SETLK, F_RDLCK, 5, 5));
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	check_seen(fd, 0, F_WRLCK, 0, 0);
	end();
}

static void records_cut_at_both_ends(void)
{
	int fd;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	check_call(lock(fd, F_SETLK, F_WRLCK, 30, 10));
	check_call(lock(fd, F_SETLK, F_UNLCK, 15, 20));
	check_seen(fd, 0, F_WRLCK, 10, 5);
	check_seen(fd, 15, F_WRLCK, 35, 5);
	check_call(lock(fd, F_SETLK, F_UNLCK, 0, 12));
	check_seen(fd, 0, F_WRLCK, 12, 3);
	check_call(lock(fd, F_SETLK, F_UNLCK, 14, ANY));
	check_seen(fd, 0, F_WRLCK, 12, 2);
	end();
}

static void record_ranges_from_anywhere(void)
{
	struct flock request = {
		.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -10, .l_len = 5};
	int fd;

	begin();
	fd = open_lockable();
	check_call(ftruncate(fd, 100));
	check_call(fcntl(fd, F_SETLK, &request));
	check_seen(fd, 0, F_WRLCK, 90, 5);
	check_call(lock(fd, F_SETLK, F_UNLCK, 0, ANY));
	check_eq(lseek(fd, 50, SEEK_SET), 50);
	request =
		(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = 1, .l_len = -11};
	check_call(fcntl(fd, F_SETLK, &request));
	check_seen(fd, 0, F_WRLCK, 40, 11);
	end();
}

static void record_ranges_refused(void)
{
	struct flock request = {.l_type = F_WRLCK};
	int fd;

	begin();
	fd = open_lockable();
	check_errno(lock(fd, F_SETLK, F_WRLCK, -1, 5), EINVAL);
	check_errno(lock(fd, F_SETLK, F_WRLCK, 5, -6), EINVAL);
	check_errno(lock(fd, F_SETLK, F_WRLCK, 5, LONG_MIN), EINVAL);
	check_errno(lock(fd, F_SETLK, F_WRLCK, LONG_MAX, 2), EOVERFLOW);
	check_call(lock(fd, F_SETLK, F_WRLCK, LONG_MAX, 1));
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, LONG_MAX));
	check_seen(fd, 0, F_WRLCK, 0, 0);
	check_errno(lock(fd, F_SETLK, 3, 0, ANY), EINVAL);
	check_errno(lock(fd, F_SETLK, -1, 0, ANY), EINVAL);
	check_errno(lock(fd, F_GETLK, F_UNLCK, 0, ANY), EINVAL);
	check_errno(lock(fd, F_GETLK, 9, 0, ANY), EINVAL);
	request.l_whence = 3;
	check_errno(fcntl(fd, F_SETLK, &request), EINVAL);
	request = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = LONG_MAX};
	check_call(ftruncate(fd, 1));
	check_errno(fcntl(fd, F_SETLK, &request), EOVERFLOW);
	end();
}

static void record_bad_descriptors_and_pointers(void)
{
	struct flock request = {.l_type = F_WRLCK};
	int fd, reader, writer, place;

	begin();
	fd = open_lockable();
	reader = check_call(open("lockable", O_RDONLY));
	writer = check_call(open("lockable", O_WRONLY));
	place = check_call(open("lockable", O_PATH));
	check_errno(fcntl(-1, F_SETLK, &request), EBADF);
	check_errno(fcntl(place, F_SETLK, &request), EBADF);
	check_errno(fcntl(reader, F_SETLK, &request), EBADF);
	check_errno(fcntl(reader, F_OFD_SETLK, &request), EBADF);
	check_call(fcntl(reader, F_GETLK, &request));
	request.l_type = F_RDLCK;
	check_errno(fcntl(writer, F_SETLK, &request), EBADF);
	check_call(fcntl(reader, F_SETLK, &request));
	for (int command = F_GETLK; command <= F_SETLKW; command++) {
		check_errno(fcntl(fd, command, NULL), EFAULT);
		check_errno(fcntl(fd, command, KERNEL_ADDRESS), EFAULT);
		check_errno(fcntl(fd, command, UNMAPPED_ADDRESS), EFAULT);
		check_errno(fcntl(fd, command - F_GETLK + F_OFD_GETLK, NULL), EFAULT);
	}
	end();
}

/* ---- record locks: whose they are ---- */

static void record_goes_with_any_close(void)
{
	int fd, other;

	begin();
	fd = open_lockable();
	other = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	check_call(close(other));
	check_seen(fd, 0, F_UNLCK, 0, 0);
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	other = open_lockable();
	check_call(dup2(0, other));
	check_seen(fd, 0, F_UNLCK, 0, 0);
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	other = check_call(dup(fd));
	check_eq(raw3(SYS_close_range, other, other, 0), 0);
	check_seen(fd, 0, F_UNLCK, 0, 0);
	end();
}

static void record_is_not_inherited(void)
{
	int fd;
	pid_t pid;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	pid = tap_fork();
	if (pid == 0) {
		check_errno(lock(fd, F_SETLK, F_RDLCK, 0, 1), EAGAIN);
		check_call(lock(fd, F_SETLK, F_UNLCK, 0, ANY)); /* not its own: nothing */
		check_call(close(fd));
		_exit(0);
	}
	check_exits(pid, 0);
	check_seen(fd, 0, F_WRLCK, 0, 0);
	end();
}

static void record_goes_with_the_process(void)
{
	int fd;
	pid_t pid;

	begin();
	fd = open_lockable();
	pid = tap_fork();
	if (pid == 0) {
		check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	end();
}

static void record_of_a_killed_child_with_children(void)
{
	volatile int *state = tap_shared(sizeof(int));
	int fd, ends[2];
	pid_t pid;

	begin();
	make_pipe(ends);
	fd = open_lockable();
	pid = tap_fork();
	if (pid == 0) {
		check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
		if (tap_fork() == 0) { /* shares the descriptors, but not the lock */
			set(state, 1);
			take_byte(ends[0]);
			_exit(0);
		}
		pause();
	}
	tap_await(state, 1);
	check_errno(lock(fd, F_SETLK, F_WRLCK, 0, ANY), EAGAIN);
	kill(pid, SIGKILL);
	check_killed(pid, SIGKILL);
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	give_byte(ends[1], 'x');
	end();
}

static int lock_in_thread(void *argument)
{
	struct flock request = {.l_type = F_WRLCK, .l_start = 50, .l_len = 10};

	return raw3(SYS_fcntl, *(int *)argument, F_SETLK, &request);
}

static void record_is_the_same_for_all_threads(void)
{
	struct thread thread;
	int fd;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	thread_start(&thread, lock_in_thread, &fd);
	thread_join(&thread);
	check_seen(fd, 0, F_WRLCK, 0, 0);
	check_call(lock(fd, F_SETLK, F_UNLCK, 0, 50));
	check_seen(fd, 0, F_WRLCK, 50, 0);
	end();
}

static int helper_main(int argc, char **argv)
{
	struct flock request = {.l_type = F_WRLCK};
	int fd = atoi(argv[1]);
	pid_t pid = fork();

	if (pid == 0) {
		if (fcntl(fd, F_GETLK, &request) != 0)
			_exit(1);
		_exit(request.l_type == F_WRLCK && request.l_pid == getppid() ? 0 : 2);
	}
	return WEXITSTATUS(tap_wait(pid));
}

static void record_is_kept_over_exec(void)
{
	char number[16];
	int fd;
	pid_t pid;

	begin();
	fd = open_lockable();
	snprintf(number, sizeof(number), "%d", fd);
	pid = tap_fork();
	if (pid == 0) {
		check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
		raw_exec_helper("seen", number, NULL);
		_exit(126);
	}
	check_exits(pid, 0);
	end();
}

static void record_goes_with_close_on_exec(void)
{
	char number[16];
	int fd, other;
	pid_t pid;

	begin();
	fd = open_lockable();
	snprintf(number, sizeof(number), "%d", fd);
	pid = tap_fork();
	if (pid == 0) {
		other = check_call(open("lockable", O_RDWR | O_CLOEXEC));
		check_call(lock(other, F_SETLK, F_WRLCK, 0, ANY));
		raw_exec_helper("seen", number, NULL);
		_exit(126);
	}
	check_exits(pid, 2);
	end();
}

/* ---- record locks: waiting ---- */

static void record_waits_for_its_turn(void)
{
	volatile int *state = tap_shared(sizeof(int));
	int fd;
	pid_t pid;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, 100));
	pid = tap_fork();
	if (pid == 0) {
		set(state, 1);
		check_call(lock(fd, F_SETLKW, F_WRLCK, 50, 100));
		check_eq(get(state), 3);
		_exit(0);
	}
	tap_await(state, 1);
	settle();
	set(state, 2);
	check_call(lock(fd, F_SETLK, F_UNLCK, 0, 60)); /* not enough */
	settle();
	set(state, 3);
	check_call(lock(fd, F_SETLK, F_RDLCK, 60, 40)); /* nor is that */
	check_call(lock(fd, F_SETLK, F_UNLCK, 60, 40));
	check_exits(pid, 0);
	end();
}

static void record_wait_ends_with_a_signal(void)
{
	volatile int *done = tap_shared(2 * sizeof(int));
	int fd;
	pid_t pid;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	pid = tap_fork();
	if (pid == 0) {
		set_handler(SIGUSR1, count_signal, 0);
		check_errno(lock(fd, F_SETLKW, F_WRLCK, 0, ANY), EINTR);
		set_handler(SIGUSR1, count_signal, SA_RESTART);
		set(done, 1);
		check_call(lock(fd, F_SETLKW, F_WRLCK, 0, ANY));
		check(get(&caught[SIGUSR1]) > 1);
		_exit(0);
	}
	while (!get(done) && !is_zombie(pid)) {
		tap_sleep_ms(5);
		kill(pid, SIGUSR1);
	}
	for (int i = 0; i < 4; i++) {
		tap_sleep_ms(5);
		kill(pid, SIGUSR1);
	}
	check_call(lock(fd, F_SETLK, F_UNLCK, 0, ANY));
	check_exits(pid, 0);
	end();
}

static void a_killed_waiter_leaves_nothing(void)
{
	volatile int *state = tap_shared(sizeof(int));
	int fd;
	pid_t pid;

	begin();
	fd = open_lockable();
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, ANY));
	pid = tap_fork();
	if (pid == 0) {
		set(state, 1);
		lock(fd, F_SETLKW, F_WRLCK, 0, ANY);
		_exit(1);
	}
	tap_await(state, 1);
	settle();
	kill(pid, SIGKILL);
	check_killed(pid, SIGKILL);
	check_call(lock(fd, F_SETLK, F_UNLCK, 0, ANY));
	check_seen(fd, 0, F_UNLCK, 0, 0);
	end();
}

static void two_that_wait_for_each_other(void)
{
	volatile int *state = tap_shared(2 * sizeof(int));
	int fd, status, refused = 0;
	pid_t pids[2];

	begin();
	fd = open_lockable();
	for (int i = 0; i < 2; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			check_call(lock(fd, F_SETLK, F_WRLCK, i, 1));
			set(&state[i], 1);
			tap_await(&state[1 - i], 1);
			if (lock(fd, F_SETLKW, F_WRLCK, 1 - i, 1) == 0)
				_exit(0);
			check_eq(errno, EDEADLK);
			_exit(1);
		}
	}
	for (int i = 0; i < 2; i++) {
		status = tap_wait(pids[i]);
		check(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		refused += WEXITSTATUS(status);
	}
	check_eq(refused, 1);
	end();
}

static void a_ring_of_five(void)
{
	enum { N = 5 };
	volatile int *holding = tap_shared(sizeof(int));
	int fd, refused = 0;
	pid_t pids[N];

	begin();
	fd = open_lockable();
	for (int i = 0; i < N; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			check_call(lock(fd, F_SETLK, F_WRLCK, i, 1));
			add(holding, 1);
			tap_await(holding, N);
			if (lock(fd, F_SETLKW, F_WRLCK, (i + 1) % N, 1) == 0)
				_exit(0);
			check_eq(errno, EDEADLK);
			_exit(1);
		}
	}
	for (int i = 0; i < N; i++)
		refused += WEXITSTATUS(tap_wait(pids[i]));
	check_eq(refused, 1);
	end();
}

static int wait_for_lock(void *argument)
{
	struct flock request = {.l_type = F_WRLCK};
	volatile int *words = argument;

	set(&words[1], 1);
	words[2] = raw3(SYS_fcntl, words[0], F_SETLKW, &request);
	return 0;
}

static void a_close_under_a_waiter(void)
{
	volatile int *words = tap_shared(3 * sizeof(int));
	struct thread thread;
	int ends[2];
	pid_t pid;

	begin();
	make_pipe(ends);
	close(open_lockable());
	pid = tap_fork();
	if (pid == 0) {
		check_call(lock(open_lockable(), F_SETLK, F_WRLCK, 0, ANY));
		give_byte(ends[1], 'l');
		tap_await(&words[1], 2);
		_exit(0);
	}
	take_byte(ends[0]);
	words[0] = open_lockable();
	thread_start(&thread, wait_for_lock, (void *)words);
	tap_await(&words[1], 1);
	settle();
	check_call(close(words[0]));
	set(&words[1], 2); /* the other process ends, the lock is free */
	thread_join(&thread);
	check_eq(words[2], -EBADF);
	check_exits(pid, 0);
	check_call(lock(open_lockable(), F_SETLK, F_WRLCK, 0, ANY));
	end();
}

/* ---- locks of open files ---- */

static void ofd_belongs_to_the_open_file(void)
{
	int a, b, copy;
	pid_t pid;

	begin();
	a = open_lockable();
	b = open_lockable();
	copy = check_call(dup(a));
	check_call(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	check_errno(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
	check_call(lock(copy, F_OFD_SETLK, F_WRLCK, 5, 1));
	check_call(close(open_lockable())); /* another close does not matter */
	check_errno(lock(b, F_OFD_SETLK, F_RDLCK, 0, 1), EAGAIN);
	pid = tap_fork();
	if (pid == 0) {
		check_call(lock(a, F_OFD_SETLK, F_UNLCK, 0, 5));
		check_call(lock(b, F_OFD_SETLK, F_WRLCK, 0, 5));
		check_errno(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
		_exit(0);
	}
	check_exits(pid, 0);
	check_errno(lock(a, F_OFD_SETLK, F_WRLCK, 0, 5), EAGAIN); /* b is still open here */
	close(a);
	close(copy);
	check_call(lock(b, F_OFD_SETLK, F_WRLCK, 0, ANY));
	end();
}

static void ofd_and_process_locks_conflict(void)
{
	struct flock request = {.l_type = F_WRLCK};
	int a, b;

	begin();
	a = open_lockable();
	b = open_lockable();
	check_call(lock(a, F_OFD_SETLK, F_RDLCK, 0, 10));
	check_errno(lock(b, F_SETLK, F_WRLCK, 0, 1), EAGAIN);
	check_errno(lock(a, F_SETLK, F_WRLCK, 0, 1), EAGAIN); /* another owner, though one file */
	check_call(lock(b, F_SETLK, F_RDLCK, 0, 1));
	check_call(fcntl(b, F_GETLK, &request));
	check_eq(request.l_type, F_RDLCK);
	check_eq(request.l_pid, -1);
	check_eq(request.l_len, 10);
	request = (struct flock){.l_type = F_WRLCK};
	check_call(fcntl(b, F_OFD_GETLK, &request));
	check_eq(request.l_type, F_RDLCK);
	request = (struct flock){.l_type = F_WRLCK, .l_len = 1};
	check_call(fcntl(a, F_OFD_GETLK, &request));
	check_eq(request.l_type, F_RDLCK);
	check_eq(request.l_pid, getpid());
	end();
}

static void ofd_bad_arguments(void)
{
	struct flock request = {.l_type = F_WRLCK, .l_pid = 1};
	int fd;

	begin();
	fd = open_lockable();
	check_errno(fcntl(fd, F_OFD_SETLK, &request), EINVAL);
	check_errno(fcntl(fd, F_OFD_SETLKW, &request), EINVAL);
	check_errno(fcntl(fd, F_OFD_GETLK, &request), EINVAL);
	request = (struct flock){.l_type = F_UNLCK};
	check_errno(fcntl(fd, F_OFD_GETLK, &request), EINVAL);
	end();
}

static void ofd_waits_without_looking_for_deadlock(void)
{
	volatile int *state = tap_shared(sizeof(int));
	int a, b;
	pid_t pid;

	begin();
	a = open_lockable();
	b = open_lockable();
	check_call(lock(a, F_OFD_SETLK, F_WRLCK, 0, 1));
	check_call(lock(b, F_OFD_SETLK, F_WRLCK, 1, 1));
	pid = tap_fork();
	if (pid == 0) {
		set(state, 1);
		check_call(lock(a, F_OFD_SETLKW, F_WRLCK, 1, 1));
		check_eq(get(state), 2);
		_exit(0);
	}
	tap_await(state, 1);
	settle();
	set_handler(SIGALRM, count_signal, 0);
	pid_t waker = tap_fork();
	if (waker == 0) {
		for (;;) {
			tap_sleep_ms(5);
			kill(getppid(), SIGALRM);
		}
	}
	check_errno(lock(b, F_OFD_SETLKW, F_WRLCK, 0, 1), EINTR); /* waits: no EDEADLK */
	kill(waker, SIGKILL);
	tap_wait(waker);
	set(state, 2);
	check_call(lock(b, F_OFD_SETLK, F_UNLCK, 0, ANY));
	check_exits(pid, 0);
	end();
}

/* ---- many at once ---- */

static void take(int fd, int ofd)
{
	check_call(ofd ? lock(fd, F_OFD_SETLKW, F_WRLCK, 0, ANY) : flock(fd, LOCK_EX));
}

static void let_go(int fd, int ofd)
{
	check_call(ofd ? lock(fd, F_OFD_SETLK, F_UNLCK, 0, ANY) : flock(fd, LOCK_UN));
}

/* A counter in a file that is only right if no two hold the lock at once. */
static void contention(int ofd)
{
	enum { N = 4, ROUNDS = 100 };
	long value = 0;
	int fd;
	pid_t pids[N];

	begin();
	fd = open_lockable();
	check_eq(write(fd, &value, sizeof(value)), sizeof(value));
	for (int i = 0; i < N; i++) {
		pids[i] = tap_fork();
		if (pids[i] != 0)
			continue;
		fd = open_lockable();
		for (int n = 0; n < ROUNDS; n++) {
			take(fd, ofd);
			check_eq(pread(fd, &value, sizeof(value), 0), sizeof(value));
			value++;
			if (n % 8 == 0)
				raw0(SYS_sched_yield);
			check_eq(pwrite(fd, &value, sizeof(value), 0), sizeof(value));
			let_go(fd, ofd);
		}
		_exit(0);
	}
	for (int i = 0; i < N; i++)
		check_exits(pids[i], 0);
	check_eq(pread(fd, &value, sizeof(value), 0), sizeof(value));
	check_eq(value, N * ROUNDS);
	end();
}

static void contention_for_flock(void)
{
	contention(0);
}

static void contention_for_ofd(void)
{
	contention(1);
}

static void many_locks_at_once(void)
{
	enum { N = 2000 };
	int fd;
	pid_t pid;

	begin();
	fd = open_lockable();
	for (int i = 0; i < N; i++)
		check_call(lock(fd, F_SETLK, F_WRLCK, 2 * i, 1));
	check_seen(fd, 2 * N - 2, F_WRLCK, 2 * N - 2, 1);
	check_seen(fd, 1000, F_WRLCK, 1000, 1);
	pid = tap_fork();
	if (pid == 0) {
		for (int i = 0; i < N; i++)
			check_call(lock(fd, F_SETLK, F_WRLCK, 2 * i + 1, 1));
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(lock(fd, F_SETLK, F_WRLCK, 0, 2 * N));
	check_seen(fd, 0, F_WRLCK, 0, 2 * N);
	end();
}

static const struct test_case cases[] = {
	TEST(flock_shared_and_exclusive, "flock: many share, one excludes"),
	TEST(flock_conversion_lets_go_first, "flock: a conversion that fails loses the lock"),
	TEST(flock_belongs_to_the_open_file, "flock: goes with the last close of the open file"),
	TEST(flock_child_may_unlock, "flock: a child unlocks what its parent locked"),
	TEST(flock_child_keeps_it, "flock: a child keeps the lock of a descriptor it inherited"),
	TEST(flock_bad_arguments, "flock: what is refused, and how"),
	TEST(flock_and_records_do_not_meet, "flock and record locks do not see each other"),
	TEST(flock_on_anything, "flock: pipes, directories and devices can be locked"),
	TEST(flock_waits, "flock: waits until it is free"),
	TEST(flock_interrupted, "flock: a handled signal ends the wait"),
	TEST(record_is_seen_by_others, "record lock: another process sees range, kind and owner"),
	TEST(record_own_is_not_in_the_way, "record lock: F_GETLK leaves all but the type if free"),
	TEST(records_split, "record locks: unlocking or changing the middle splits"),
	TEST(records_merge, "record locks: neighbours of one kind become one"),
	TEST(records_cut_at_both_ends,
	     "record locks: an unlock cuts off ends and drops what it covers"),
	TEST(record_ranges_from_anywhere, "record lock: from the end, the offset, and backwards"),
	TEST(record_ranges_refused, "record lock: ranges and types that are refused"),
	TEST(record_bad_descriptors_and_pointers, "record lock: bad descriptors and pointers"),
	TEST(record_goes_with_any_close,
	     "record lock: any close of the file in the process drops it"),
	TEST(record_is_not_inherited, "record lock: a forked child has none, and cannot drop it"),
	TEST(record_goes_with_the_process, "record lock: goes when its process ends"),
	TEST(record_of_a_killed_child_with_children,
	     "record lock: goes when its process is killed, though its child lives on"),
	TEST(record_is_the_same_for_all_threads, "record lock: threads own it together"),
	TEST(record_is_kept_over_exec, "record lock: exec keeps it"),
	TEST(record_goes_with_close_on_exec, "record lock: close-on-exec drops it"),
	TEST(record_waits_for_its_turn, "F_SETLKW waits until all of the range is free"),
	TEST(record_wait_ends_with_a_signal, "F_SETLKW: EINTR, or restarted with SA_RESTART"),
	TEST(a_killed_waiter_leaves_nothing, "F_SETLKW: a waiter that is killed gets no lock"),
	TEST(two_that_wait_for_each_other,
	     "F_SETLKW: one of two that wait for each other: EDEADLK"),
	TEST(a_ring_of_five, "F_SETLKW: a ring of five is found, and broken once"),
	TEST(a_close_under_a_waiter, "F_SETLKW: EBADF if the descriptor was closed meanwhile"),
	TEST(ofd_belongs_to_the_open_file, "OFD lock: goes with the open file, not the process"),
	TEST(ofd_and_process_locks_conflict, "OFD locks and record locks conflict"),
	TEST(ofd_bad_arguments, "OFD lock: l_pid must be zero"),
	TEST(ofd_waits_without_looking_for_deadlock, "OFD lock: waits, deadlock or not"),
	TEST(contention_for_flock, "flock: four processes count in a file without a mistake"),
	TEST(contention_for_ofd, "OFD lock: four processes count in a file without a mistake"),
	TEST(many_locks_at_once, "record locks: two thousand of them"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper_main);
}
