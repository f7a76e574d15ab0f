/*
 * Every allocation of the calls that make processes, memory and files fails once (no_memory.h).
 */
#define _GNU_SOURCE
#include "linux.h"
#include "no_memory.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

/* What a raw call to make a child returned: its number, or -errno. */
static int reap(long pid)
{
	int status;

	if (pid < 0)
		return -pid;
	check_eq(waitpid(pid, &status, 0), pid);
	check_eq(status, 0);
	return 0;
}

static int try_fork(void)
{
	long pid = raw_fork();

	if (pid == 0)
		raw_exit(0);
	return reap(pid);
}

static void forking(void)
{
	fail_each(try_fork, NULL);
	check_errno(waitpid(-1, NULL, 0), ECHILD);
}

/* With mappings that a child does not get, or gets empty, so that its share of the tree is cut. */
static void forking_with_cuts(void)
{
	char *memory =
		mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED);
	memset(memory, 1, 64 * PAGE);
	check_call(madvise(memory + 8 * PAGE, 8 * PAGE, MADV_DONTFORK));
	check_call(madvise(memory + 32 * PAGE, 8 * PAGE, MADV_WIPEONFORK));
	fail_each(try_fork, NULL);
	for (unsigned long i = 0; i < 64; i++)
		check_eq(memory[i * PAGE], 1);
}

static int try_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : reap(pid);
}

static void vforking(void)
{
	fail_each(try_vfork, NULL);
}

static int try_sharing_all(void)
{
	const unsigned long all = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_VFORK;
	long pid = raw_clone(all | SIGCHLD, NULL, NULL, NULL, 0);

	if (pid == 0)
		raw_exit(0);
	return reap(pid);
}

static void cloning_with_all_shared(void)
{
	fail_each(try_sharing_all, NULL);
}

/* Every flag alone; what needs another has it. The words are stored only if there is a child. */
static unsigned long flags;
static int words[2];

static int try_flags(void)
{
	long pid;

	words[0] = words[1] = -7;
	pid = raw_clone(flags | CLONE_VFORK | SIGCHLD, NULL, &words[0], &words[1], 0);
	if (pid == 0)
		raw_exit(0);
	if (pid < 0)
		check(words[0] == -7 && words[1] == -7);
	if (flags & CLONE_PIDFD && pid > 0)
		check_call(close(words[0]));
	return reap(pid);
}

static void cloning_with_each_flag(void)
{
	static const unsigned long each[] = {
		CLONE_VM,
		CLONE_FS,
		CLONE_FILES,
		CLONE_VM | CLONE_SIGHAND,
		CLONE_SYSVSEM,
		CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
		CLONE_IO,
		CLONE_PIDFD,
		CLONE_PIDFD | CLONE_FILES | CLONE_VM,
	};
	int fd = dup(0);

	close(fd);
	for (size_t i = 0; i < TAP_COUNT(each); i++) {
		flags = each[i];
		fail_each(try_flags, NULL);
		check_call(close(control));
	}
	check_eq(dup(0), fd);
	check_errno(waitpid(-1, NULL, __WALL), ECHILD);
}

/* A thread as libraries make it, and what is left of one that could not be made. */
static char thread_stack[16384] __attribute__((aligned(16)));
static unsigned long thread_area[8];

static int end_at_once(void *unused)
{
	(void)unused;
	return 0;
}

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *entry;
	int n = 0;

	check(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	check_call(closedir(dir));
	return n;
}

static int try_thread(void)
{
	const unsigned long all = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				  CLONE_SYSVSEM | CLONE_IO | CLONE_SETTLS | CLONE_PARENT_SETTID |
				  CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
	volatile int *word = &words[1];
	long tid;

	words[0] = words[1] = -7;
	tid = raw_clone_call(all, thread_stack + sizeof(thread_stack), &words[0], &words[1],
			     (unsigned long)thread_area, end_at_once, NULL);
	if (tid < 0) {
		check(words[0] == -7 && words[1] == -7);
		check_eq(count_threads(), 1);
		return (int)-tid;
	}
	check_eq(words[0], tid);
	while (*word != 0 || raw3(SYS_tgkill, raw0(SYS_getpid), tid, 0) == 0)
		raw0(SYS_sched_yield);
	return 0;
}

static void making_threads(void)
{
	fail_each(try_thread, NULL);
}

enum { KCMP_FILES = 2, KCMP_FS };

static pid_t sharer;

/* One that fails has parted neither. */
static int try_unshare(void)
{
	int error = unshare(CLONE_FS | CLONE_FILES) ? errno : 0;

	check_eq(syscall(SYS_kcmp, getpid(), sharer, KCMP_FILES, 0, 0) == 0, error != 0);
	check_eq(syscall(SYS_kcmp, getpid(), sharer, KCMP_FS, 0, 0) == 0, error != 0);
	return error;
}

static void unsharing(void)
{
	sharer = raw_clone(CLONE_FS | CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0);
	if (sharer == 0)
		for (;;)
			pause();
	fail_each(try_unshare, NULL);
	kill(sharer, SIGKILL);
	check_killed(sharer, SIGKILL);
}

/*
 * In a child, since a late failure of exec may end the program. As on Linux, no memory for the table of segments looks like a file
 * without one.
 */
static int try_exec(void)
{
	char *const argv[] = {"/bin/true", NULL}, *const envp[] = {NULL};

	execve(argv[0], argv, envp);
	return errno;
}

static void executing(void)
{
	control = check_call(open(FAIL_NTH, O_RDWR));
	for (int nth = 1, status = 1; status != 0; nth++) {
		pid_t pid = tap_fork();

		check(nth < MOST);
		if (pid == 0) {
			close(control);
			control = check_call(open(FAIL_NTH, O_RDWR | O_CLOEXEC));
			arm(nth);
			_exit(try_exec());
		}
		check_eq(waitpid(pid, &status, 0), pid);
		check(WIFSIGNALED(status)
			      ? WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGSEGV
			      : WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == ENOMEM ||
					WEXITSTATUS(status) == ENOEXEC);
	}
}

static char *shared_block;

/* A block whose tables a child shares, so that every change must copy them. */
static void with_a_child_that_shares(void (*change)(void))
{
	pid_t pid;

	shared_block =
		mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(shared_block != MAP_FAILED);
	memset(shared_block, 7, 64 * PAGE);
	pid = tap_fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	change();
	kill(pid, SIGKILL);
	check_killed(pid, SIGKILL);
}

static int try_mprotect(void)
{
	int error = mprotect(shared_block + 8 * PAGE, 4 * PAGE, PROT_READ) ? errno : 0;

	check_eq(shared_block[8 * PAGE], 7);
	check_eq(shared_block[12 * PAGE], 7);
	return error;
}

static void change_rights(void)
{
	fail_each(try_mprotect, NULL);
}

static void mprotecting(void)
{
	with_a_child_that_shares(change_rights);
}

static int try_munmap(void)
{
	int error = munmap(shared_block + 20 * PAGE, 4 * PAGE) ? errno : 0;

	check_eq(shared_block[19 * PAGE], 7);
	check_eq(shared_block[24 * PAGE], 7);
	return error;
}

static void unmap_middle(void)
{
	fail_each(try_munmap, NULL);
}

static void munmapping(void)
{
	with_a_child_that_shares(unmap_middle);
}

static int try_mremap(void)
{
	char *moved = mremap(shared_block, 64 * PAGE, 128 * PAGE, MREMAP_MAYMOVE);

	if (moved == MAP_FAILED)
		return errno;
	shared_block = moved;
	check_eq(shared_block[63 * PAGE], 7);
	check_eq(shared_block[64 * PAGE], 0);
	return 0;
}

static void move_away(void)
{
	/* Something behind it, so that it cannot grow in place. */
	check(mmap(shared_block + 64 * PAGE, PAGE, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	fail_each(try_mremap, NULL);
}

static void mremapping(void)
{
	with_a_child_that_shares(move_away);
}

static int try_mmap(void)
{
	shared_block = mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared_block == MAP_FAILED ? errno : 0;
}

static void undo_mmap(void)
{
	check_call(munmap(shared_block, 3 * PAGE));
}

static void mapping(void)
{
	fail_each(try_mmap, undo_mmap);
}

static int ends[2];

static int try_pipe(void)
{
	return pipe(ends) ? errno : 0;
}

static void undo_pipe(void)
{
	check_call(close(ends[0]));
	check_call(close(ends[1]));
}

static void making_pipes(void)
{
	fail_each(try_pipe, undo_pipe);
}

static int try_socketpair(void)
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) ? errno : 0;
}

static void making_sockets(void)
{
	fail_each(try_socketpair, undo_pipe);
}

/* A pseudo terminal, both ends. */
static int try_terminal(void)
{
	int unlocked = 0, error;

	ends[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (ends[0] < 0)
		return errno;
	if (ioctl(ends[0], TIOCSPTLCK, &unlocked) == 0)
		ends[1] = ioctl(ends[0], 0x5441, O_RDWR | O_NOCTTY);
	if (ends[1] >= 0)
		return 0;
	error = errno;
	check_call(close(ends[0]));
	return error;
}

static void making_terminals(void)
{
	fail_each(try_terminal, undo_pipe);
}

#define DEVPTS "/tmp/no-memory-devpts"

static int try_mount(void)
{
	return mount("devpts", DEVPTS, "devpts", 0, "mode=0620,ptmxmode=0666") ? errno : 0;
}

static void undo_mount(void)
{
	check_call(umount(DEVPTS));
}

static void mounting_terminals(void)
{
	check_call(mkdir(DEVPTS, 0755));
	fail_each(try_mount, undo_mount);
	check_call(rmdir(DEVPTS));
}

/* A byte and a descriptor. */
static int try_send(void)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {"x", 1};
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &ends[0], sizeof(int));
	return sendmsg(ends[0], &message, 0) == 1 ? 0 : errno;
}

static void undo_send(void)
{
	char byte;

	check_eq(read(ends[1], &byte, 1), 1);
}

static void sending_descriptors(void)
{
	check_eq(try_socketpair(), 0);
	fail_each(try_send, undo_send);
	undo_pipe();
}

static int try_connect(void)
{
	struct sockaddr_un name = {AF_UNIX, "\0no-memory"};
	int error = 0;

	ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	ends[1] = socket(AF_UNIX, SOCK_STREAM, 0);
	if (ends[0] < 0 || ends[1] < 0 || bind(ends[0], (struct sockaddr *)&name, 12) ||
	    listen(ends[0], 1) || connect(ends[1], (struct sockaddr *)&name, 12))
		error = errno;
	if (error) {
		close(ends[0]);
		close(ends[1]);
	}
	return error;
}

static void connecting(void)
{
	fail_each(try_connect, undo_pipe);
}

#define NEW_FILE "/tmp/fork-no-memory"

static int try_create(void)
{
	ends[0] = open(NEW_FILE, O_CREAT | O_EXCL | O_RDWR, 0600);
	return ends[0] < 0 ? errno : 0;
}

static void undo_create(void)
{
	check_call(close(ends[0]));
	check_call(unlink(NEW_FILE));
}

static void creating_files(void)
{
	fail_each(try_create, undo_create);
	check_errno(open(NEW_FILE, O_RDONLY), ENOENT);
}

static int try_write(void)
{
	return pwrite(ends[0], "text", 4, 5 * PAGE) == 4 ? 0 : errno;
}

static void undo_write(void)
{
	check_call(ftruncate(ends[0], 0));
}

static void writing_files(void)
{
	check_eq(try_create(), 0);
	fail_each(try_write, undo_write);
	undo_create();
}

static int try_descriptor(void)
{
	int fd = fcntl(0, F_DUPFD, 900);

	if (fd < 0)
		return errno;
	check_call(close(fd));
	return 0;
}

static void growing_the_descriptor_table(void)
{
	fail_each(try_descriptor, NULL);
}

static void ignore(int sig)
{
	(void)sig;
}

static int try_sigaction(void)
{
	struct sigaction action = {.sa_handler = ignore};

	return sigaction(SIGUSR1, &action, NULL) ? errno : 0;
}

static void changing_handlers(void)
{
	struct sigaction old;

	fail_each(try_sigaction, NULL);
	check_call(sigaction(SIGUSR1, NULL, &old));
	check(old.sa_handler == ignore);
}

static const struct test_case cases[] = {
	TEST(forking, "no memory: fork fails with ENOMEM at every allocation"),
	TEST(forking_with_cuts, "no memory: fork with DONTFORK and WIPEONFORK mappings"),
	TEST(vforking, "no memory: vfork"),
	TEST(cloning_with_all_shared, "no memory: clone with everything shared"),
	TEST(cloning_with_each_flag,
	     "no memory: clone with each flag leaves no word and no descriptor"),
	TEST(making_threads, "no memory: a thread with every flag"),
	TEST(unsharing, "no memory: unshare parts all or nothing"),
	TEST(executing, "no memory: execve fails, or ends the program when it is too late to fail"),
	TEST(mprotecting, "no memory: mprotect of shared tables keeps the contents"),
	TEST(munmapping, "no memory: munmap of a part keeps the rest"),
	TEST(mremapping, "no memory: mremap keeps what it could not move"),
	TEST(mapping, "no memory: mmap of shared memory"),
	TEST(making_pipes, "no memory: pipe"),
	TEST(making_sockets, "no memory: socketpair"),
	TEST(making_terminals, "no memory: a pseudo terminal and its slave"),
	TEST(mounting_terminals, "no memory: mounting devpts"),
	TEST(sending_descriptors, "no memory: sendmsg with a descriptor"),
	TEST(connecting, "no memory: sockets that connect"),
	TEST(creating_files, "no memory: creating a file"),
	TEST(writing_files, "no memory: writing to a hole of a file"),
	TEST(growing_the_descriptor_table, "no memory: a descriptor table that must grow"),
	TEST(changing_handlers, "no memory: sigaction"),
};

int main(int argc, char **argv)
{
	return no_memory_main(argc, argv, cases, TAP_COUNT(cases));
}
