/*
 * Every allocation of the calls that make timers, event files, locks, terminals and mounts fails
 * once (no_memory.h).
 */
#define _GNU_SOURCE

#include "linux.h"
#include "no_memory.h"
#include "tap.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

enum { PAGE = 4096, LARGE = 20 };

#define NAME "/tmp/no-memory-calls"

static int fd = -1, other = -1;
static char *memory;

static int fd_result(int new)
{
	fd = new;
	return fd < 0 ? errno : 0;
}

static int result(long value)
{
	return value < 0 ? errno : 0;
}

static void undo_fd(void)
{
	check_call(close(fd));
}

static int try_eventfd(void)
{
	return fd_result(eventfd(1, 0));
}

static int try_timerfd(void)
{
	return fd_result(timerfd_create(CLOCK_MONOTONIC, 0));
}

static int try_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return fd_result(signalfd(-1, &set, 0));
}

static int try_memfd(void)
{
	return fd_result(syscall(SYS_memfd_create, "no-memory", 0));
}

static int try_epoll(void)
{
	return fd_result(epoll_create1(0));
}

static int try_pidfd(void)
{
	return fd_result(syscall(434, getpid(), 0));
}

static int try_ptmx(void)
{
	return fd_result(open("/dev/ptmx", O_RDWR | O_NOCTTY));
}

/* Two words, of which one has another value. */
static int try_waiting_for_words(void)
{
	static unsigned int words[2];
	struct {
		unsigned long value, address;
		unsigned int flags, reserved;
	} wanted[] = {{0, (unsigned long)&words[0], 2, 0}, {1, (unsigned long)&words[1], 2, 0}};
	long got = syscall(449, wanted, 2, 0, NULL, 0);

	check_eq(got, -1);
	return errno == EAGAIN ? 0 : errno;
}

static void waiting_for_words(void)
{
	fail_each(try_waiting_for_words, NULL);
}

static void making_event_files(void)
{
	fail_each(try_eventfd, undo_fd);
	fail_each(try_timerfd, undo_fd);
	fail_each(try_signalfd, undo_fd);
}

static void making_memfds(void)
{
	fail_each(try_memfd, undo_fd);
}

static void making_epolls(void)
{
	fail_each(try_epoll, undo_fd);
}

static void making_pidfds(void)
{
	fail_each(try_pidfd, undo_fd);
}

static void making_terminals(void)
{
	fail_each(try_ptmx, undo_fd);
}

static int try_watch(void)
{
	struct epoll_event event = {.events = EPOLLIN};

	return result(epoll_ctl(fd, EPOLL_CTL_ADD, other, &event));
}

static void undo_watch(void)
{
	check_call(epoll_ctl(fd, EPOLL_CTL_DEL, other, NULL));
}

static void watching(void)
{
	fd = check_call(epoll_create1(0));
	other = check_call(eventfd(0, 0));
	fail_each(try_watch, undo_watch);
}

static int try_slave(void)
{
	return (other = open(memory, O_RDWR | O_NOCTTY)) < 0 ? errno : 0;
}

static void undo_slave(void)
{
	check_call(close(other));
}

static void opening_the_other_end(void)
{
	static char name[32];
	int number, unlock = 0;

	fd = check_call(open("/dev/ptmx", O_RDWR | O_NOCTTY));
	check_call(ioctl(fd, TIOCGPTN, &number));
	check_call(ioctl(fd, TIOCSPTLCK, &unlock));
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	memory = name;
	fail_each(try_slave, undo_slave);
}

static timer_t timer;

static int try_timer(void)
{
	return result(timer_create(CLOCK_MONOTONIC, NULL, &timer));
}

static void undo_timer(void)
{
	check_call(timer_delete(timer));
}

static void making_timers(void)
{
	fail_each(try_timer, undo_timer);
}

static int try_itimer(void)
{
	const struct itimerval later = {.it_value = {100, 0}};

	return result(setitimer(ITIMER_REAL, &later, NULL));
}

/* The timers of a process stay with it, so one attempt in each of many processes. */
static void setting_itimers(void)
{
	for (int nth = 1; nth < 10; nth++) {
		pid_t pid = tap_fork();

		if (pid == 0) {
			int error;

			control = check_call(open(FAIL_NTH, O_RDWR | O_CLOEXEC));
			arm(nth);
			error = try_itimer();
			(void)was_not_reached();
			check(error == 0 || error == ENOMEM || error == EAGAIN);
			_exit(0);
		}
		check_exits(pid, 0);
	}
}

static int try_flock(void)
{
	return result(flock(fd, LOCK_EX | LOCK_NB));
}

static void undo_flock(void)
{
	check_call(flock(fd, LOCK_UN));
}

static int record_error(int type, off_t start, off_t length)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};

	return result(fcntl(fd, F_SETLK, &lock));
}

static int try_lock(void)
{
	return record_error(F_WRLCK, 0, 100);
}

static void undo_lock(void)
{
	check_eq(record_error(F_UNLCK, 0, 0), 0);
}

/* In the middle of a lock: that is split in two. */
static int try_split(void)
{
	return record_error(F_UNLCK, 40, 10);
}

static void undo_split(void)
{
	check_eq(record_error(F_WRLCK, 0, 100), 0);
}

static void locking_files(void)
{
	fd = check_call(open(NAME, O_CREAT | O_RDWR, 0600));
	check_call(unlink(NAME));
	fail_each(try_flock, undo_flock);
}

static void locking_records(void)
{
	fd = check_call(open(NAME, O_CREAT | O_RDWR, 0600));
	check_call(unlink(NAME));
	fail_each(try_lock, undo_lock);
	check_eq(try_lock(), 0);
	fail_each(try_split, undo_split);
}

static int try_mount(void)
{
	return result(mount("tmpfs", NAME, "tmpfs", 0, "size=1m,mode=700"));
}

static void undo_mount(void)
{
	check_call(umount2(NAME, 0));
}

static int try_proc(void)
{
	return result(mount("proc", NAME, "proc", 0, NULL));
}

static int try_bind(void)
{
	return result(mount("/proc", NAME, NULL, MS_BIND, NULL));
}

static void mounting(void)
{
	check_call(mkdir(NAME, 0700));
	fail_each(try_mount, undo_mount);
	fail_each(try_proc, undo_mount);
	fail_each(try_bind, undo_mount);
	check_call(rmdir(NAME));
}

static int try_mlock(void)
{
	return result(mlock(memory + PAGE, PAGE));
}

static void undo_mlock(void)
{
	check_call(munlock(memory, 3 * PAGE));
}

static void locking_memory(void)
{
	memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	fail_each(try_mlock, undo_mlock);
}

static int try_symlink(void)
{
	return result(symlink("some text that is longer than what fits into a name inline", NAME));
}

static int try_mkdir(void)
{
	return result(mkdir(NAME, 0700));
}

static int try_fifo(void)
{
	return result(mknod(NAME, S_IFIFO | 0600, 0));
}

static void undo_name(void)
{
	check_call(unlink(NAME));
}

static void undo_mkdir(void)
{
	check_call(rmdir(NAME));
}

static int try_open_fifo(void)
{
	return fd_result(open(NAME, O_RDWR));
}

static void making_names(void)
{
	fail_each(try_symlink, undo_name);
	fail_each(try_mkdir, undo_mkdir);
	fail_each(try_fifo, undo_name);
	check_eq(try_fifo(), 0);
	fail_each(try_open_fifo, undo_fd);
	undo_name();
}

#define LONG_NAME NAME "-with-a-new-name-that-is-longer-than-what-fits-into-an-entry-inline"

static int try_rename(void)
{
	return result(rename(NAME, LONG_NAME));
}

static void undo_rename(void)
{
	check_call(rename(LONG_NAME, NAME));
}

static void renaming(void)
{
	check_eq(try_fifo(), 0);
	fail_each(try_rename, undo_rename);
	undo_name();
}

static int try_poll(void)
{
	struct pollfd many[600];

	for (int i = 0; i < 600; i++)
		many[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	return result(poll(many, 600, 1));
}

static void polling(void)
{
	fd = check_call(eventfd(0, 0));
	fail_each(try_poll, NULL);
}

static int try_readv(void)
{
	struct iovec many[LARGE];
	char bytes[LARGE];

	for (int i = 0; i < LARGE; i++)
		many[i] = (struct iovec){bytes + i, 1};
	return result(preadv(fd, many, LARGE, 0));
}

static void reading_into_many_places(void)
{
	fd = check_call(open("/init", O_RDONLY));
	fail_each(try_readv, NULL);
}

static int try_queue(void)
{
	return result(sigqueue(getpid(), SIGRTMIN, (union sigval){1}));
}

static void undo_queue(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	check_eq(sigwaitinfo(&set, NULL), SIGRTMIN);
}

static void queueing_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	check_call(sigprocmask(SIG_BLOCK, &set, NULL));
	fail_each(try_queue, undo_queue);
}

static int try_groups(void)
{
	static gid_t groups[100];

	for (int i = 0; i < 100; i++)
		groups[i] = i;
	return result(syscall(SYS_setgroups, 100, groups));
}

static int try_resuid(void)
{
	return result(syscall(SYS_setresuid, -1, -1, 4711));
}

static void undo_resuid(void)
{
	check_call(syscall(SYS_setresuid, -1, -1, 0));
}

static void changing_ids(void)
{
	fail_each(try_groups, NULL);
	fail_each(try_resuid, undo_resuid);
}

static int try_allocate(void)
{
	return result(syscall(SYS_fallocate, fd, 0, 0, 5 * PAGE));
}

static void undo_allocate(void)
{
	check_call(ftruncate(fd, 0));
}

static void allocating_files(void)
{
	fd = check_call(syscall(SYS_memfd_create, "no-memory", 0));
	fail_each(try_allocate, undo_allocate);
}

static int try_semget(void)
{
	return fd_result(semget(IPC_PRIVATE, 100, 0600));
}

static void undo_semget(void)
{
	check_call(semctl(fd, 0, IPC_RMID));
}

static int try_semop(void)
{
	struct sembuf op = {.sem_op = 1, .sem_flg = SEM_UNDO};

	return result(semop(fd, &op, 1));
}

static int try_many_semops(void)
{
	static struct sembuf ops[LARGE * 10];

	return result(semop(fd, ops, LARGE * 10));
}

static int try_getall(void)
{
	static unsigned short values[100];

	return result(semctl(fd, 0, GETALL, values));
}

static int try_setall(void)
{
	static unsigned short values[100];

	return result(semctl(fd, 0, SETALL, values));
}

/* What was to be undone is, and the list of it goes. */
static void undo_semop(void)
{
	check_call(unshare(CLONE_SYSVSEM));
	check_eq(semctl(fd, 0, GETVAL), 0);
}

static void semaphores(void)
{
	fail_each(try_semget, undo_semget);
	check_eq(try_semget(), 0);
	fail_each(try_semop, undo_semop);
	fail_each(try_many_semops, NULL);
	fail_each(try_getall, NULL);
	fail_each(try_setall, NULL);
	undo_semget();
}

static int try_sharing_clone(void)
{
	pid_t pid = raw_clone(CLONE_SYSVSEM | SIGCHLD, NULL, NULL, NULL, 0);

	if (pid == 0)
		raw_exit(0);
	if (pid > 0)
		tap_wait(pid);
	check_call(unshare(CLONE_SYSVSEM));
	return pid < 0 ? -pid : 0;
}

static void sharing_what_is_undone(void)
{
	fail_each(try_sharing_clone, NULL);
}

static const struct test_case cases[] = {
	TEST(semaphores, "semget, semop and semctl"),
	TEST(sharing_what_is_undone, "a clone that shares what is to be undone to semaphores"),
	TEST(making_event_files, "no memory: eventfd, timerfd and signalfd"),
	TEST(waiting_for_words, "no memory: futex_waitv"),
	TEST(making_memfds, "no memory: memfd_create"),
	TEST(making_epolls, "no memory: epoll_create"),
	TEST(watching, "no memory: epoll_ctl"),
	TEST(making_pidfds, "no memory: pidfd_open"),
	TEST(making_terminals, "no memory: a new pseudo terminal"),
	TEST(opening_the_other_end, "no memory: the other end of a pseudo terminal"),
	TEST(making_timers, "no memory: timer_create"),
	TEST(setting_itimers, "no memory: setitimer"),
	TEST(locking_files, "no memory: flock"),
	TEST(locking_records, "no memory: record locks, also one that is split"),
	TEST(mounting, "no memory: mount, of new file systems and of old ones elsewhere"),
	TEST(locking_memory, "no memory: mlock"),
	TEST(making_names, "no memory: symlink, mkdir, mknod, and opening a FIFO"),
	TEST(renaming, "no memory: rename"),
	TEST(polling, "no memory: poll on many files"),
	TEST(reading_into_many_places, "no memory: preadv"),
	TEST(queueing_signals, "no memory: sigqueue"),
	TEST(changing_ids, "no memory: setgroups and setresuid"),
	TEST(allocating_files, "no memory: fallocate"),
};

int main(int argc, char **argv)
{
	return no_memory_main(argc, argv, cases, TAP_COUNT(cases));
}
