/* What fork gives a child, and what the parent learns of it. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define FUTEX_WAIT 0
#define FUTEX_WAKE 1

static volatile sig_atomic_t caught; /* the last signal that note_signal saw */

static void note_signal(int signal)
{
	caught = signal;
}

static void handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	check_call(sigaction(signal, &action, NULL));
}

static void returns_twice(void)
{
	struct {
		pid_t child, parent;
	} *seen = tap_shared(sizeof(*seen));
	pid_t pid = raw_fork();

	if (pid == 0) {
		seen->child = raw0(SYS_getpid);
		seen->parent = raw0(SYS_getppid);
		_exit(0);
	}
	check(pid > 0);
	check_exits(pid, 0);
	check_eq(seen->child, pid);
	check_eq(seen->parent, getpid());
}

static void child_is_its_own_thread_group(void)
{
	pid_t pid = raw_fork();

	if (pid == 0) {
		check_eq(raw_gettid(), raw0(SYS_getpid));
		_exit(0);
	}
	check_exits(pid, 0);
}

static void exit_status_is_eight_bits(void)
{
	static const int codes[] = {0, 1, 2, 63, 127, 128, 254, 255, 256, 0x1234, -1};

	for (size_t i = 0; i < TAP_COUNT(codes); i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			_exit(codes[i]);
		check_eq(tap_wait(pid), (codes[i] & 0xff) << 8);
	}
}

static void child_is_reaped_once(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(3);
	check_exits(pid, 3);
	check_errno(waitpid(pid, NULL, 0), ECHILD);
	check_errno(waitpid(-1, NULL, 0), ECHILD);
	check_errno(kill(pid, 0), ESRCH);
}

static void wait_blocks_until_exit(void)
{
	int *done = tap_shared(sizeof(*done));
	pid_t pid = tap_fork();

	if (pid == 0) {
		tap_sleep_ms(50);
		*done = 1;
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(*done, 1);
}

static void wait_without_hanging(void)
{
	int ends[2], status = 77;
	char byte;
	pid_t pid;

	check_call(pipe(ends));
	pid = tap_fork();
	if (pid == 0) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1)); /* end of file once the parent closes */
	}
	check_eq(waitpid(pid, &status, WNOHANG), 0);
	check_eq(status, 77);
	check_call(close(ends[1]));
	check_exits(pid, 0);
}

static void every_child_is_reported_once(void)
{
	enum { CHILDREN = 20 };
	pid_t pids[CHILDREN];
	int seen[CHILDREN] = {0}, status;

	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0)
			_exit(i);
	}
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = check_call(wait(&status));
		check(WIFEXITED(status) && WEXITSTATUS(status) < CHILDREN);
		check_eq(pid, pids[WEXITSTATUS(status)]);
		seen[WEXITSTATUS(status)]++;
	}
	for (int i = 0; i < CHILDREN; i++)
		check_eq(seen[i], 1);
	check_errno(wait(&status), ECHILD);
}

static void zombie_can_be_looked_at(void)
{
	siginfo_t info;
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(9);
	for (int i = 0; i < 2; i++) {
		memset(&info, 0x5a, sizeof(info));
		check_call(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
		check_eq(info.si_signo, SIGCHLD);
		check_eq(info.si_code, CLD_EXITED);
		check_eq(info.si_pid, pid);
		check_eq(info.si_status, 9);
	}
	check_exits(pid, 9);
}

static void death_sends_sigchld(void)
{
	sigset_t block, old;
	pid_t pid;

	handle(SIGCHLD, note_signal, 0);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	check_call(sigprocmask(SIG_BLOCK, &block, &old));
	pid = tap_fork();
	if (pid == 0)
		_exit(0);
	caught = 0;
	check_errno(sigsuspend(&old), EINTR);
	check_eq(caught, SIGCHLD);
	check_exits(pid, 0);
}

static void mask_is_inherited_but_not_what_is_pending(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	check_call(sigprocmask(SIG_BLOCK, &set, NULL));
	check_call(raise(SIGUSR1));
	check_call(kill(getpid(), SIGUSR1));
	pid_t pid = tap_fork();
	if (pid == 0) {
		check_call(sigpending(&set));
		check(!sigismember(&set, SIGUSR1));
		check_call(sigprocmask(SIG_BLOCK, NULL, &set));
		check(sigismember(&set, SIGUSR1));
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(sigpending(&set));
	check(sigismember(&set, SIGUSR1));
}

static void handlers_are_inherited_as_a_copy(void)
{
	struct sigaction action;

	handle(SIGUSR1, note_signal, 0);
	handle(SIGUSR2, SIG_IGN, 0);
	pid_t pid = tap_fork();
	if (pid == 0) {
		check_call(kill(getpid(), SIGUSR1));
		check_eq(caught, SIGUSR1);
		check_call(kill(getpid(), SIGUSR2));
		handle(SIGUSR1, SIG_DFL, 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(caught, 0);
	check_call(sigaction(SIGUSR1, NULL, &action));
	check(action.sa_handler == note_signal);
}

static char alternate_stack[64 * 1024];
static volatile int on_alternate_stack;

static void note_stack(int signal)
{
	char here;

	(void)signal;
	on_alternate_stack = &here >= alternate_stack &&
			     &here < alternate_stack + sizeof(alternate_stack);
}

static void signal_stack_is_inherited(void)
{
	stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof(alternate_stack)}, seen;

	check_call(sigaltstack(&stack, NULL));
	handle(SIGUSR1, note_stack, SA_ONSTACK);
	pid_t pid = tap_fork();
	if (pid == 0) {
		check_call(sigaltstack(NULL, &seen));
		check(seen.ss_sp == alternate_stack && seen.ss_flags == 0);
		check_call(raise(SIGUSR1));
		check(on_alternate_stack);
		_exit(0);
	}
	check_exits(pid, 0);
	check(!on_alternate_stack);
}

static void file_position_is_shared(void)
{
	int fd = make_file(100, 'x');
	pid_t pid;

	check_eq(lseek(fd, 10, SEEK_SET), 10);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(lseek(fd, 0, SEEK_CUR), 10);
		check_eq(lseek(fd, 42, SEEK_SET), 42);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(lseek(fd, 0, SEEK_CUR), 42);
}

static void descriptors_are_a_copy(void)
{
	int fd = check_call(open("/dev/null", O_RDWR | O_CLOEXEC));
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		check_call(close(fd));
		check_call(dup2(STDOUT_FILENO, 200));
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	check_errno(fcntl(200, F_GETFD), EBADF);
}

static void pipe_ends_when_every_copy_is_closed(void)
{
	int ends[2], go[2];
	char byte = 0;
	pid_t pid;

	check_call(pipe(ends));
	check_call(pipe(go));
	pid = tap_fork();
	if (pid == 0) {
		check_eq(read(go[0], &byte, 1), 1);
		check_eq(write(ends[1], "c", 1), 1);
		_exit(0); /* closes the last writing end */
	}
	check_call(close(ends[1]));
	check_eq(write(go[1], "g", 1), 1);
	check_eq(read(ends[0], &byte, 1), 1);
	check_eq(byte, 'c');
	check_eq(read(ends[0], &byte, 1), 0);
	check_exits(pid, 0);
}

/* More than a pipe holds, written by the child from memory that it shares, read by the parent. */
static void pipe_carries_more_than_it_holds(void)
{
	enum { WORDS = 50000 };
	static int numbers[WORDS];
	int ends[2];
	pid_t pid;

	check_call(pipe(ends));
	for (int i = 0; i < WORDS; i++)
		numbers[i] = i;
	pid = tap_fork();
	if (pid == 0) {
		check_eq(write(ends[1], numbers, sizeof(numbers)), sizeof(numbers));
		_exit(0);
	}
	memset(numbers, 0, sizeof(numbers));
	for (size_t done = 0; done < sizeof(numbers);)
		done += check_call(read(ends[0], (char *)numbers + done, sizeof(numbers) - done));
	for (int i = 0; i < WORDS; i++)
		check_eq(numbers[i], i);
	check_exits(pid, 0);
}

static void directory_and_umask_are_a_copy(void)
{
	char where[64];
	pid_t pid;

	check_call(chdir("/tmp"));
	umask(027);
	pid = tap_fork();
	if (pid == 0) {
		check(getcwd(where, sizeof(where)) && strcmp(where, "/tmp") == 0);
		check_eq(umask(077), 027);
		check_call(chdir("/"));
		_exit(0);
	}
	check_exits(pid, 0);
	check(getcwd(where, sizeof(where)) && strcmp(where, "/tmp") == 0);
	check_eq(umask(022), 027);
}

static void identity_is_inherited(void)
{
	gid_t groups[] = {7, 11}, seen[4];
	uid_t real, effective, saved;
	pid_t group, session, pid;

	check_call(setgroups(2, groups));
	check_call(setresgid(101, 102, 103));
	check_call(setresuid(201, 202, 203));
	group = getpgrp();
	session = getsid(0);
	pid = tap_fork();
	if (pid == 0) {
		check_call(getresuid(&real, &effective, &saved));
		check(real == 201 && effective == 202 && saved == 203);
		check_call(getresgid(&real, &effective, &saved));
		check(real == 101 && effective == 102 && saved == 103);
		check_eq(getgroups(4, seen), 2);
		check(seen[0] == 7 && seen[1] == 11);
		check_eq(getpgrp(), group);
		check_eq(getsid(0), session);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void limits_are_a_copy(void)
{
	struct rlimit limit = {123, 456};
	pid_t pid;

	check_call(setrlimit(RLIMIT_CORE, &limit));
	pid = tap_fork();
	if (pid == 0) {
		check_call(getrlimit(RLIMIT_CORE, &limit));
		check(limit.rlim_cur == 123 && limit.rlim_max == 456);
		limit.rlim_cur = 1;
		check_call(setrlimit(RLIMIT_CORE, &limit));
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(getrlimit(RLIMIT_CORE, &limit));
	check_eq(limit.rlim_cur, 123);
}

static void name_is_inherited_and_death_signal_is_not(void)
{
	char name[16] = "";
	int signal = -1;
	pid_t pid;

	check_call(prctl(PR_SET_NAME, "a-name-too-long-to-fit"));
	check_call(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	pid = tap_fork();
	if (pid == 0) {
		check_call(prctl(PR_GET_NAME, name));
		check(strcmp(name, "a-name-too-long") == 0);
		check_call(prctl(PR_GET_PDEATHSIG, &signal));
		check_eq(signal, 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(prctl(PR_GET_PDEATHSIG, &signal));
	check_eq(signal, SIGUSR1);
}

static void tid_address_is_not_inherited(void)
{
	int *word = tap_shared(sizeof(*word));
	pid_t pid;

	*word = 77;
	raw1(SYS_set_tid_address, word);
	pid = raw_fork();
	if (pid == 0)
		raw1(SYS_exit_group, 0);
	check_exits(pid, 0);
	check_eq(*word, 77);
}

/* Wake who sleeps on the word, until one has been woken or, if `tries` is spent, none was. */
static long wake(int *word, int tries)
{
	long woken = 0;

	for (int i = 0; i < tries && woken == 0; i++) {
		woken = raw3(SYS_futex, word, FUTEX_WAKE, 1);
		tap_sleep_ms(1);
	}
	return woken;
}

static void futex_in_shared_memory_joins_processes(void)
{
	int *word = tap_shared(sizeof(*word));
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(raw4(SYS_futex, word, FUTEX_WAIT, 0, NULL), 0);
		_exit(0);
	}
	check_eq(wake(word, 10000), 1);
	check_exits(pid, 0);
}

static void futex_in_private_memory_is_each_ones_own(void)
{
	int *word = (int *)map_private(PAGE);
	pid_t pid;

	*word = 0;
	pid = tap_fork();
	if (pid == 0) {
		raw4(SYS_futex, word, FUTEX_WAIT, 0, NULL);
		_exit(1);
	}
	check_eq(wake(word, 20), 0);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static volatile int forked_in_handler;

static void fork_here(int signal)
{
	(void)signal;
	forked_in_handler = raw_fork();
}

static void fork_inside_a_handler(void)
{
	volatile long local = 0x1234567;
	sigset_t mask;

	handle(SIGUSR1, fork_here, 0);
	check_call(raise(SIGUSR1));
	check_eq(local, 0x1234567); /* both come here, each through its own signal frame */
	check_call(sigprocmask(SIG_BLOCK, NULL, &mask));
	check(!sigismember(&mask, SIGUSR1));
	if (forked_in_handler == 0)
		_exit(5);
	check_exits(forked_in_handler, 5);
}

static void signals_do_not_disturb_fork(void)
{
	int *stop = tap_shared(sizeof(*stop)), forks = 0;
	pid_t target = getpid(), sender;

	handle(SIGUSR1, note_signal, 0);
	sender = tap_fork();
	if (sender == 0) {
		while (!*(volatile int *)stop)
			kill(target, SIGUSR1);
		_exit(0);
	}
	while (!caught)
		sched_yield();
	for (int i = 0; i < 100; i++) {
		pid_t pid = raw_fork();
		if (pid == 0)
			_exit(i);
		check(pid > 0); /* never interrupted, never a number that only the kernel knows */
		check_exits(pid, i);
		forks++;
	}
	check_eq(forks, 100);
	*stop = 1;
	check_exits(sender, 0);
}

static long in_data = 1;

/* What the exec'd program does, which main calls: status 0 if nothing of the old image is left. */
static int after_exec(const char *mapped_before)
{
	void *address = (void *)strtoul(mapped_before, NULL, 16);

	return in_data != 1 || raw3(SYS_madvise, address, PAGE, MADV_NORMAL) != -ENOMEM;
}

static void exec_sees_nothing_and_harms_nothing(void)
{
	char *memory = map_private_at(NOWHERE, PAGE);
	char mapped[32];
	pid_t pid;

	memory[5] = 55;
	in_data = 2;
	snprintf(mapped, sizeof(mapped), "%lx", (long)memory);
	pid = tap_fork();
	if (pid == 0) {
		char *self = (char *)getauxval(AT_EXECFN);
		char *argv[] = {self, "--after-exec", mapped, NULL};
		memory[5] = 66;
		in_data = 3;
		execve(self, argv, (char *[]){NULL});
		_exit(126);
	}
	check_exits(pid, 0);
	check_eq(memory[5], 55);
	check_eq(in_data, 2);
}

static void three_hundred_forks(void)
{
	long sum = 0;

	for (int i = 0; i < 300; i++) {
		int status;
		pid_t pid = raw_fork();
		if (pid == 0)
			raw1(SYS_exit_group, i & 0x7f);
		check(pid > 0);
		check_eq(raw4(SYS_wait4, pid, &status, 0, NULL), pid);
		check_eq(status, (i & 0x7f) << 8);
		sum += i;
	}
	check_eq(sum, 44850);
}

static const struct test_case cases[] = {
	TEST(returns_twice, "fork returns the child's number to the parent and 0 to the child"),
	TEST(child_is_its_own_thread_group,
	     "a forked child is the first thread of a process of its own"),
	TEST(exit_status_is_eight_bits,
	     "the parent sees the low eight bits of what the child exits with"),
	TEST(child_is_reaped_once, "a child that was waited for is gone"),
	TEST(wait_blocks_until_exit, "wait blocks until the child has exited"),
	TEST(wait_without_hanging,
	     "wait with WNOHANG returns 0 while the child lives and leaves the status alone"),
	TEST(every_child_is_reported_once,
	     "wait for any child reports each of twenty once, with its own status"),
	TEST(zombie_can_be_looked_at, "waitid with WNOWAIT shows a dead child and leaves it"),
	TEST(death_sends_sigchld, "a child's death sends SIGCHLD"),
	TEST(mask_is_inherited_but_not_what_is_pending,
	     "a child inherits the signal mask and no pending signal"),
	TEST(handlers_are_inherited_as_a_copy,
	     "a child inherits signal handlers, and changing them changes only its own"),
	TEST(signal_stack_is_inherited, "a child inherits the alternate signal stack"),
	TEST(file_position_is_shared, "parent and child share the position in an open file"),
	TEST(descriptors_are_a_copy,
	     "a child's descriptors are a copy, with their close-on-exec flags"),
	TEST(pipe_ends_when_every_copy_is_closed,
	     "a pipe ends only when parent and child have closed it"),
	TEST(pipe_carries_more_than_it_holds,
	     "a pipe carries more than it holds from child to parent"),
	TEST(directory_and_umask_are_a_copy, "working directory and umask are copied"),
	TEST(identity_is_inherited, "users, groups, process group and session are inherited"),
	TEST(limits_are_a_copy, "resource limits are copied"),
	TEST(name_is_inherited_and_death_signal_is_not,
	     "a child inherits the name and not the parent-death signal"),
	TEST(tid_address_is_not_inherited, "a plain fork child clears no tid word at its exit"),
	TEST(futex_in_shared_memory_joins_processes,
	     "a futex in shared memory wakes the other process"),
	TEST(futex_in_private_memory_is_each_ones_own,
	     "a futex in private memory wakes nobody in the other process"),
	TEST(fork_inside_a_handler,
	     "fork inside a signal handler: both return through their own frame"),
	TEST(signals_do_not_disturb_fork,
	     "fork under a storm of signals neither fails nor happens twice"),
	TEST(exec_sees_nothing_and_harms_nothing,
	     "an exec'd child sees none of the old memory and harms none of it"),
	TEST(three_hundred_forks, "three hundred forks, one after the other"),
};

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--after-exec") == 0)
		return after_exec(argv[2]);
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
