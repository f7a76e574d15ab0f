/*
 * Bad pointers, given to every common system call: EFAULT, and nothing done that cannot be taken
 * back. What makes a pointer bad is a list, and so are the calls; each case goes through both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define FUTEX_WAIT    0
#define FUTEX_PRIVATE 128

/* Kinds of pointers. The first eight are bad whatever is done with them. */
enum {
	LOW_ADDRESS,
	UNMAPPED,
	NO_RIGHTS,
	NOT_CANONICAL_LOW,
	NOT_CANONICAL_HIGH,
	KERNEL_START,
	KERNEL_IMAGE,
	TOP_BYTE,
	CROSSING,  /* the last byte before an unmapped page: bad for anything longer than a byte */
	READ_ONLY, /* bad to write to */
	KINDS
};

static struct {
	const char *kind;
	char *pointer;
} pointers[KINDS];

static char *last_page; /* a page, all 'x', with a hole behind it */
static int file;        /* 100 bytes of 'f' */

static void prepare(void)
{
	char *no_rights = map(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *read_only = map_private(PAGE);

	last_page = map_between_holes(PAGE);
	memset(last_page, 'x', PAGE);
	memset(read_only, 'x', PAGE);
	check_call(mprotect(read_only, PAGE, PROT_READ));
	file = make_file(100, 'f');
	pointers[LOW_ADDRESS].kind = "in the first page", pointers[LOW_ADDRESS].pointer = (char *)8;
	pointers[UNMAPPED].kind = "unmapped", pointers[UNMAPPED].pointer = last_page + PAGE;
	pointers[NO_RIGHTS].kind = "to PROT_NONE", pointers[NO_RIGHTS].pointer = no_rights;
	pointers[NOT_CANONICAL_LOW].kind = "not canonical",
	pointers[NOT_CANONICAL_LOW].pointer = (char *)NOT_CANONICAL;
	pointers[NOT_CANONICAL_HIGH].kind = "not canonical",
	pointers[NOT_CANONICAL_HIGH].pointer = (char *)(1UL << 63);
	pointers[KERNEL_START].kind = "kernel half",
	pointers[KERNEL_START].pointer = (char *)0xffff800000000000;
	pointers[KERNEL_IMAGE].kind = "kernel image",
	pointers[KERNEL_IMAGE].pointer = (char *)0xffffffff81000000;
	pointers[TOP_BYTE].kind = "top byte", pointers[TOP_BYTE].pointer = (char *)~0UL;
	pointers[CROSSING].kind = "crossing", pointers[CROSSING].pointer = last_page + PAGE - 1;
	pointers[READ_ONLY].kind = "read-only", pointers[READ_ONLY].pointer = read_only;
}

/* A system call with a bad pointer in one place. */
struct call {
	const char *name;
	long (*make)(char *bad);
};

#define CALL(name, expression)      \
	static long name(char *bad) \
	{                           \
		return expression;  \
	}

static void check_calls(const struct call *calls, size_t count, int kinds)
{
	for (size_t i = 0; i < count; i++)
		for (int kind = 0; kind < kinds; kind++) {
			long result = calls[i].make(pointers[kind].pointer);
			if (result != -EFAULT)
				tap_fail(__FILE__, __LINE__, "%s, pointer %s: expected %d, got %ld",
					 calls[i].name, pointers[kind].kind, -EFAULT, result);
		}
}

#define CHECK_CALLS(calls, kinds) prepare(), check_calls(calls, TAP_COUNT(calls), kinds)

/* Names. */

CALL(open_name, raw3(SYS_open, bad, O_RDONLY, 0))
CALL(create_name, raw3(SYS_open, bad, O_RDWR | O_CREAT, 0600))
CALL(openat_name, raw4(SYS_openat, AT_FDCWD, bad, O_RDONLY, 0))
CALL(stat_name, raw2(SYS_stat, bad, last_page))
CALL(lstat_name, raw2(SYS_lstat, bad, last_page))
CALL(newfstatat_name, raw4(SYS_newfstatat, AT_FDCWD, bad, last_page, 0))
CALL(access_name, raw2(SYS_access, bad, F_OK))
CALL(chdir_name, raw1(SYS_chdir, bad))
CALL(mkdir_name, raw2(SYS_mkdir, bad, 0700))
CALL(rmdir_name, raw1(SYS_rmdir, bad))
CALL(unlink_name, raw1(SYS_unlink, bad))
CALL(chmod_name, raw2(SYS_chmod, bad, 0700))
CALL(rename_old, raw2(SYS_rename, bad, "/tmp/new"))
CALL(rename_new, raw2(SYS_rename, "/tmp", bad))
CALL(link_old, raw2(SYS_link, bad, "/tmp/new"))
CALL(link_new, raw2(SYS_link, "/tmp", bad))
CALL(symlink_target, raw2(SYS_symlink, bad, "/tmp/new"))
CALL(symlink_name, raw2(SYS_symlink, "target", bad))
CALL(readlink_name, raw3(SYS_readlink, bad, last_page, 100))
CALL(exec_name, raw3(SYS_execve, bad, NULL, NULL))

static void names(void)
{
	static const struct call calls[] = {
		{"open", open_name},
		{"open, creating", create_name},
		{"openat", openat_name},
		{"stat", stat_name},
		{"lstat", lstat_name},
		{"newfstatat", newfstatat_name},
		{"access", access_name},
		{"chdir", chdir_name},
		{"mkdir", mkdir_name},
		{"rmdir", rmdir_name},
		{"unlink", unlink_name},
		{"chmod", chmod_name},
		{"rename from", rename_old},
		{"rename to", rename_new},
		{"link from", link_old},
		{"link to", link_new},
		{"symlink to", symlink_target},
		{"symlink at", symlink_name},
		{"readlink", readlink_name},
		{"execve", exec_name},
	};

	CHECK_CALLS(calls, CROSSING + 1);
}

static void name_may_end_at_the_end_of_memory(void)
{
	char *name;
	struct stat status;

	prepare();
	name = last_page + PAGE - 5;
	memcpy(name, "/tmp", 5);
	check_call(access(name, F_OK));
	check_call(stat(name, &status));
	check(S_ISDIR(status.st_mode));
	check_call(chdir(name));
	name[4] = 'x';
	check_errno(access(name, F_OK), EFAULT);
}

static void long_names(void)
{
	char *name = map_between_holes(2 * PAGE);

	memset(name, '/', 2 * PAGE);
	check_errno(access(name, F_OK),
		    ENAMETOOLONG); /* long before it reaches the unmapped page */
	name[PATH_MAX] = 0;
	check_errno(access(name, F_OK), ENAMETOOLONG);
	name[PATH_MAX - 1] = 0;
	check_call(access(name, F_OK));
	check_errno(access("", F_OK), ENOENT);
}

/* Data: to user memory. */

static int filled_pipe(void)
{
	int ends[2];
	char block[100];

	memset(block, 'p', sizeof(block));
	check_call(pipe(ends));
	check_eq(write(ends[1], block, sizeof(block)), sizeof(block));
	return ends[0];
}

static long readv_to(char *bad)
{
	struct iovec part = {bad, 50};

	lseek(file, 0, SEEK_SET);
	return raw3(SYS_readv, file, &part, 1);
}

static long read_pipe_to(char *bad)
{
	int fd = filled_pipe();
	long result = raw3(SYS_read, fd, bad, 50);

	close(fd);
	return result;
}

CALL(read_file_to, raw4(SYS_pread64, file, bad, 50, 0))
CALL(read_zeros_to, raw3(SYS_read, check_call(open("/dev/zero", O_RDONLY | O_CLOEXEC)), bad, 50))
CALL(readv_parts, raw3(SYS_readv, file, bad, 1))
CALL(random_to, raw3(SYS_getrandom, bad, 50, 0))

static void destinations_of_data(void)
{
	static const struct call calls[] = {{"pread64", read_file_to},
					    {"readv", readv_to},
					    {"read from a pipe", read_pipe_to},
					    {"read from /dev/zero", read_zeros_to},
					    {"getrandom", random_to}};
	prepare();
	check_calls(calls, TAP_COUNT(calls), TOP_BYTE + 1);
	for (size_t i = 0; i < TAP_COUNT(calls); i++)
		check_eq(calls[i].make(pointers[READ_ONLY].pointer), -EFAULT);
	check(holds(pointers[READ_ONLY].pointer, PAGE, 'x'));
	check_call(lseek(file, 0, SEEK_SET));
	check_eq(raw3(SYS_read, file, pointers[UNMAPPED].pointer, 50), -EFAULT);
	check_eq(lseek(file, 0, SEEK_CUR), 0);
}

static void destination_that_fits_in_part(void)
{
	char *end, *more = map_private(PAGE);
	struct iovec parts[2];
	int fd;

	prepare();
	end = last_page + PAGE - 10;
	parts[0] = (struct iovec){more, 20};
	parts[1] = (struct iovec){last_page + PAGE, 20};
	check_eq(pread(file, end, 50, 0), 10);
	check(holds(end, 10, 'f'));
	check_eq(lseek(file, 0, SEEK_SET), 0);
	check_eq(readv(file, parts, 2), 20);
	check_eq(lseek(file, 0, SEEK_CUR), 20);
	fd = filled_pipe();
	check_errno(read(fd, end, 50), EFAULT);
	check_eq(read(fd, more, 200), 100); /* and nothing was lost */
	check_errno(read(filled_pipe(), last_page + PAGE, 50), EFAULT);
}

/* Data: from user memory. */

static long write_pipe_from(char *bad)
{
	int ends[2];
	long result;

	check_call(pipe2(ends, O_NONBLOCK));
	result = raw3(SYS_write, ends[1], bad, 50);
	check_errno(read(ends[0], last_page, 1), EAGAIN);
	close(ends[0]);
	close(ends[1]);
	return result;
}

static long writev_from(char *bad)
{
	struct iovec part = {bad, 50};

	return raw3(SYS_writev, file, &part, 1);
}

CALL(write_file_from, raw3(SYS_write, file, bad, 50))
CALL(pwrite_file_from, raw4(SYS_pwrite64, file, bad, 50, 0))
CALL(writev_parts, raw3(SYS_writev, file, bad, 1))

static void sources_of_data(void)
{
	static const struct call calls[] = {{"write", write_file_from},
					    {"pwrite64", pwrite_file_from},
					    {"writev", writev_from},
					    {"write to a pipe", write_pipe_from}};
	char byte;

	CHECK_CALLS(calls, TOP_BYTE + 1);
	check_eq(pread(file, &byte, 1, 0), 1);
	check_eq(byte, 'f');
	check_eq(lseek(file, 0, SEEK_END), 100);
}

static void source_that_is_there_in_part(void)
{
	char byte;

	prepare();
	check_eq(pwrite(file, last_page + PAGE - 10, 50, 0), 10);
	check_eq(pread(file, &byte, 1, 9), 1);
	check_eq(byte, 'x');
	check_eq(pread(file, &byte, 1, 10), 1);
	check_eq(byte, 'f');
	check_eq(write_pipe_from(last_page + PAGE - 10), -EFAULT);
}

static void vectors(void)
{
	static const struct call calls[] = {{"readv", readv_parts}, {"writev", writev_parts}};

	CHECK_CALLS(calls, CROSSING + 1);
}

static void nothing_to_copy_is_no_fault(void)
{
	prepare();
	check_eq(raw3(SYS_read, file, pointers[UNMAPPED].pointer, 0), 0);
	check_eq(raw3(SYS_write, file, pointers[NO_RIGHTS].pointer, 0), 0);
	check_eq(raw3(SYS_write, check_call(open("/dev/null", O_WRONLY)),
		      pointers[UNMAPPED].pointer, 50),
		 50);
	check_eq(raw3(SYS_write, check_call(open("/dev/null", O_WRONLY)),
		      pointers[KERNEL_IMAGE].pointer, 50),
		 -EFAULT);
}

/* Structures: to user memory. */

CALL(stat_to, raw2(SYS_stat, "/tmp", bad))
CALL(lstat_to, raw2(SYS_lstat, "/tmp", bad))
CALL(fstat_to, raw2(SYS_fstat, file, bad))
CALL(newfstatat_to, raw4(SYS_newfstatat, AT_FDCWD, "/tmp", bad, 0))
CALL(getcwd_to, raw2(SYS_getcwd, bad, 100))
CALL(pipe_to, raw1(SYS_pipe, bad))
CALL(pipe2_to, raw2(SYS_pipe2, bad, O_CLOEXEC))

static long directory_to(char *bad)
{
	int fd = check_call(open("/", O_RDONLY | O_DIRECTORY));
	long result = raw3(SYS_getdents64, fd, bad, 1024);

	close(fd);
	return result;
}

static void file_structures(void)
{
	static const struct call calls[] = {{"stat", stat_to},     {"lstat", lstat_to},
					    {"fstat", fstat_to},   {"newfstatat", newfstatat_to},
					    {"getcwd", getcwd_to}, {"pipe", pipe_to},
					    {"pipe2", pipe2_to},   {"getdents64", directory_to}};
	int next;

	prepare();
	check_call(chdir("/tmp"));
	next = check_call(dup(0));
	check_call(close(next));
	check_calls(calls, TAP_COUNT(calls), KINDS);
	check_eq(dup(0), next); /* no pipe was left open */
}

static void link_targets(void)
{
	char name[32];

	prepare();
	snprintf(name, sizeof(name), "/tmp/tine-efault-%d", (int)getpid());
	check_call(symlink("somewhere", name));
	for (int kind = 0; kind < KINDS; kind++)
		if (raw3(SYS_readlink, name, pointers[kind].pointer, 100) != -EFAULT) {
			unlink(name);
			tap_fail(__FILE__, __LINE__, "readlink, pointer %s: expected EFAULT",
				 pointers[kind].kind);
		}
	check_call(unlink(name));
}

CALL(uname_to, raw1(SYS_uname, bad))
CALL(sysinfo_to, raw1(SYS_sysinfo, bad))
CALL(getrlimit_to, raw2(SYS_getrlimit, RLIMIT_NOFILE, bad))
CALL(prlimit_to, raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, bad))
CALL(clock_gettime_to, raw2(SYS_clock_gettime, CLOCK_REALTIME, bad))
CALL(gettimeofday_to, raw2(SYS_gettimeofday, bad, NULL))
CALL(getresuid_to, raw3(SYS_getresuid, last_page, bad, last_page + 8))
CALL(getgroups_to, raw2(SYS_getgroups, 4, bad))
CALL(affinity_to, raw3(SYS_sched_getaffinity, 0, 128, bad))
CALL(getcpu_to, raw3(SYS_getcpu, bad, NULL, NULL))
CALL(name_to, raw2(SYS_prctl, PR_GET_NAME, bad))
CALL(death_signal_to, raw2(SYS_prctl, PR_GET_PDEATHSIG, bad))
CALL(thread_register_to, raw2(SYS_arch_prctl, ARCH_GET_FS, bad))

static void system_structures(void)
{
	static const struct call calls[] = {
		{"uname", uname_to},
		{"sysinfo", sysinfo_to},
		{"getrlimit", getrlimit_to},
		{"prlimit64", prlimit_to},
		{"clock_gettime", clock_gettime_to},
		{"gettimeofday", gettimeofday_to},
		{"getresuid", getresuid_to},
		{"getgroups", getgroups_to},
		{"sched_getaffinity", affinity_to},
		{"getcpu", getcpu_to},
		{"prctl, name", name_to},
		{"prctl, death signal", death_signal_to},
		{"arch_prctl", thread_register_to},
	};

	check_call(setgroups(2, (gid_t[]){7, 8}));
	CHECK_CALLS(calls, KINDS);
}

CALL(old_action_to, raw4(SYS_rt_sigaction, SIGUSR1, NULL, bad, 8))
CALL(old_mask_to, raw4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, bad, 8))
CALL(pending_to, raw2(SYS_rt_sigpending, bad, 8))
CALL(old_stack_to, raw2(SYS_sigaltstack, NULL, bad))

static void signal_structures(void)
{
	static const struct call calls[] = {{"rt_sigaction", old_action_to},
					    {"rt_sigprocmask", old_mask_to},
					    {"rt_sigpending", pending_to},
					    {"sigaltstack", old_stack_to}};

	CHECK_CALLS(calls, KINDS);
}

/* wait4 and waitid with a bad pointer have reaped the child all the same. */
static pid_t dying_child(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(3);
	return pid;
}

static void wait_reaps_all_the_same(void)
{
	prepare();
	for (int kind = 0; kind < KINDS; kind++) {
		pid_t pid = dying_child();
		check_eq(raw4(SYS_wait4, pid, pointers[kind].pointer, 0, NULL), -EFAULT);
		check_eq(raw4(SYS_wait4, pid, NULL, 0, NULL), -ECHILD);
		pid = dying_child();
		check_eq(raw5(SYS_waitid, P_PID, pid, pointers[kind].pointer, WEXITED, NULL),
			 -EFAULT);
		check_eq(raw4(SYS_wait4, pid, NULL, 0, NULL), -ECHILD);
		pid = dying_child();
		check_eq(raw4(SYS_wait4, pid, NULL, 0, pointers[kind].pointer), -EFAULT);
		check_eq(raw4(SYS_wait4, pid, NULL, 0, NULL), -ECHILD);
	}
}

/* Structures: from user memory. */

CALL(limit_from, raw2(SYS_setrlimit, RLIMIT_CORE, bad))
CALL(prlimit_from, raw4(SYS_prlimit64, 0, RLIMIT_CORE, bad, NULL))
CALL(sleep_from, raw2(SYS_nanosleep, bad, NULL))
CALL(clock_sleep_from, raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, bad, NULL))
CALL(action_from, raw4(SYS_rt_sigaction, SIGUSR1, bad, NULL, 8))
CALL(mask_from, raw4(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8))
CALL(suspend_from, raw2(SYS_rt_sigsuspend, bad, 8))
CALL(stack_from, raw2(SYS_sigaltstack, bad, NULL))
CALL(affinity_from, raw3(SYS_sched_setaffinity, 0, 8, bad))
CALL(groups_from, raw2(SYS_setgroups, 2, bad))
CALL(poll_from, raw3(SYS_poll, bad, 1, 0))
CALL(clone_from, raw2(SYS_clone3, bad, CLONE_ARGS_SIZE_VER0))
CALL(task_name_from, raw2(SYS_prctl, PR_SET_NAME, bad))

static void structures_to_the_kernel(void)
{
	static const struct call calls[] = {
		{"setrlimit", limit_from},
		{"prlimit64", prlimit_from},
		{"nanosleep", sleep_from},
		{"clock_nanosleep", clock_sleep_from},
		{"rt_sigaction", action_from},
		{"rt_sigprocmask", mask_from},
		{"rt_sigsuspend", suspend_from},
		{"sigaltstack", stack_from},
		{"sched_setaffinity", affinity_from},
		{"setgroups", groups_from},
		{"poll", poll_from},
		{"clone3", clone_from},
		{"prctl, name", task_name_from},
	};

	CHECK_CALLS(calls, CROSSING + 1);
}

static void poll_cannot_answer(void)
{
	struct pollfd asked = {.fd = -1};
	struct pollfd *read_only;

	prepare();
	read_only = (struct pollfd *)map_private(PAGE);
	*read_only = asked;
	check_call(mprotect(read_only, PAGE, PROT_READ));
	check_eq(raw3(SYS_poll, read_only, 1, 0), -EFAULT);
}

static long futex_wait(char *bad)
{
	char *aligned = (char *)((unsigned long)bad & ~3UL);

	return raw4(SYS_futex, aligned, FUTEX_WAIT | FUTEX_PRIVATE, 0, NULL);
}

static void futex_words(void)
{
	static const struct call calls[] = {{"futex wait", futex_wait}};

	CHECK_CALLS(calls, TOP_BYTE + 1);
}

/* What a failing call was to change is as before. */
static void failed_calls_change_nothing(void)
{
	struct sigaction action = {.sa_handler = SIG_IGN};
	sigset_t mask, seen;

	prepare();
	check_call(sigaction(SIGUSR1, &action, NULL));
	check_eq(action_from(pointers[UNMAPPED].pointer), -EFAULT);
	check_call(sigaction(SIGUSR1, NULL, &action));
	check(action.sa_handler == SIG_IGN);
	sigfillset(&mask);
	check_eq(mask_from(pointers[UNMAPPED].pointer), -EFAULT);
	check_call(sigprocmask(SIG_BLOCK, NULL, &seen));
	check(!sigismember(&seen, SIGUSR2));
	/* This one has changed the mask already when it fails to store the old one. */
	check_eq(raw4(SYS_rt_sigprocmask, SIG_BLOCK, &mask, pointers[UNMAPPED].pointer, 8),
		 -EFAULT);
	check_call(sigprocmask(SIG_BLOCK, NULL, &seen));
	check(sigismember(&seen, SIGUSR2));
}

/* execve: the lists, and what is in them. */

static char *self;

CALL(argv_bad, raw3(SYS_execve, self, bad, NULL))
CALL(envp_bad, raw3(SYS_execve, self, ((char *[]){self, NULL}), bad))
CALL(argument_bad, raw3(SYS_execve, self, ((char *[]){self, bad, NULL}), NULL))
CALL(environment_bad, raw3(SYS_execve, self, ((char *[]){self, NULL}), ((char *[]){bad, NULL})))

static void exec_lists(void)
{
	static const struct call calls[] = {{"argv", argv_bad},
					    {"envp", envp_bad},
					    {"an argument", argument_bad},
					    {"a string of the environment", environment_bad}};

	self = (char *)getauxval(AT_EXECFN);
	CHECK_CALLS(calls, CROSSING + 1);
}

/*
 * clone ignores bad places for the tid, and a child whose word to clear is bad ends as any other.
 */
static void clone_ignores_bad_tid_places(void)
{
	prepare();
	for (int kind = 0; kind < KINDS; kind++) {
		int *bad = (int *)pointers[kind].pointer;
		pid_t pid = raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID |
					      CLONE_CHILD_CLEARTID | SIGCHLD,
				      NULL, bad, bad, 0);
		if (pid == 0)
			raw1(SYS_exit_group, 4);
		check(pid > 0);
		check_exits(pid, 4);
	}
}

static void set_tid_address_takes_anything(void)
{
	prepare();
	for (int kind = 0; kind < KINDS; kind++) {
		pid_t pid = tap_fork();
		if (pid == 0) {
			check_eq(raw1(SYS_set_tid_address, pointers[kind].pointer), raw_gettid());
			raw_exit(4);
		}
		check_exits(pid, 4);
	}
}

/* Signals that cannot be delivered for want of memory end the process. */
static void set_handler_and_stack(void *handler, void *stack_bottom)
{
	stack_t stack = {.ss_sp = stack_bottom, .ss_size = 16 * PAGE};
	struct sigaction action = {.sa_handler = (void (*)(int))handler, .sa_flags = SA_ONSTACK};

	if (stack_bottom)
		check_call(sigaltstack(&stack, NULL));
	check_call(sigaction(SIGUSR1, &action, NULL));
	raise(SIGUSR1);
}

static void do_nothing(int signal)
{
	(void)signal;
}
static void run_on_bad_stack(void *stack)
{
	set_handler_and_stack(do_nothing, stack);
}
static void run_bad_handler(void *handler)
{
	set_handler_and_stack(handler, NULL);
}

static void bad_signal_stacks_and_handlers_are_fatal(void)
{
	prepare();
	for (int kind = UNMAPPED; kind <= KERNEL_IMAGE; kind++)
		check_dies(run_bad_handler, pointers[kind].pointer, SIGSEGV);
	for (int kind = NOT_CANONICAL_LOW; kind <= KERNEL_IMAGE; kind++)
		check_dies(run_on_bad_stack, pointers[kind].pointer, SIGSEGV);
	check_dies(run_on_bad_stack,
		   map(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), SIGSEGV);
	check_dies(run_on_bad_stack,
		   map(NULL, 16 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), SIGSEGV);
	check_dies(run_on_bad_stack, NOWHERE, SIGSEGV);
}

/*
 * The child of a fork has the same bad pointers: what faults in the kernel there is its own affair.
 */
static void bad_pointers_are_bad_in_the_child(void)
{
	pid_t pid;

	prepare();
	pid = tap_fork();
	if (pid == 0) {
		for (int kind = 0; kind < KINDS; kind++)
			check_eq(fstat_to(pointers[kind].pointer), -EFAULT);
		check_call(munmap(last_page, PAGE));
		check_eq(fstat_to(last_page), -EFAULT);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(fstat_to(last_page), 0);
}

static const struct test_case cases[] = {
	TEST(names, "bad pointers to names are EFAULT, in every call that takes a name"),
	TEST(name_may_end_at_the_end_of_memory,
	     "a name may end with the last byte before an unmapped page"),
	TEST(long_names, "a name that is too long is ENAMETOOLONG before it is EFAULT"),
	TEST(destinations_of_data,
	     "bad destinations of data are EFAULT and the file position stays"),
	TEST(destination_that_fits_in_part,
	     "a destination that is mapped in part gets that part of a file, nothing of a pipe"),
	TEST(sources_of_data, "bad sources of data are EFAULT and nothing is written"),
	TEST(source_that_is_there_in_part,
	     "a source that is mapped in part is written to a file in part, not to a pipe"),
	TEST(vectors, "bad pointers to the parts of readv and writev are EFAULT"),
	TEST(nothing_to_copy_is_no_fault, "bad pointers that nobody follows are no fault"),
	TEST(file_structures,
	     "bad places for stat, getcwd, getdents64 and pipe are EFAULT and no pipe stays open"),
	TEST(link_targets, "bad places for readlink are EFAULT"),
	TEST(system_structures, "bad places for what the system tells of itself are EFAULT"),
	TEST(signal_structures, "bad places for old signal state are EFAULT"),
	TEST(wait_reaps_all_the_same,
	     "wait4 and waitid with a bad place are EFAULT and have reaped the child"),
	TEST(structures_to_the_kernel, "bad pointers to what the kernel is to read are EFAULT"),
	TEST(poll_cannot_answer, "poll that cannot store its answer is EFAULT"),
	TEST(futex_words, "futex wait on a bad word is EFAULT"),
	TEST(failed_calls_change_nothing,
	     "EFAULT from rt_sigaction changes nothing; rt_sigprocmask sets before it stores"),
	TEST(exec_lists, "bad lists and strings for execve are EFAULT and the program goes on"),
	TEST(clone_ignores_bad_tid_places, "clone ignores bad places for the tid"),
	TEST(set_tid_address_takes_anything, "a bad word to clear at exit harms nobody"),
	TEST(bad_signal_stacks_and_handlers_are_fatal,
	     "bad signal stacks and handlers are SIGSEGV"),
	TEST(bad_pointers_are_bad_in_the_child,
	     "pointers are judged by the memory of the process that uses them"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
