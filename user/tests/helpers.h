#ifndef HELPERS_H
#define HELPERS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

/*
 * What several fork tests need beside tap.h and linux.h: threads and vfork children made by hand, a
 * program that execs itself, signal handlers that count, words to wait for.
 *
 * Threads made here share the C library's thread register with their maker, so what runs in them
 * uses raw_ system calls and shared words, and leaves errno alone.
 */
#include "linux.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

#ifndef FUTEX_WAIT
#define FUTEX_WAIT 0
#define FUTEX_WAKE 1
#endif

#define STACK_SIZE 65536
#define THREAD_FLAGS                                                                        \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/* The number of a child that is surely none: above any pid_max that Linux allows. */
#define NO_SUCH_PID 0x3fffffff

/* An address that user space can never map on x86-64, and one that nobody has mapped. */
#define KERNEL_ADDRESS   ((void *)0xffffffff80000000)
#define UNMAPPED_ADDRESS ((void *)0x10)

/* ---- words that one process sets and another waits for ---- */

static inline UNUSED int get(const volatile int *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}
static inline UNUSED void set(volatile int *word, int value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}
static inline UNUSED int add(volatile int *word, int value)
{
	return __atomic_add_fetch(word, value, __ATOMIC_SEQ_CST);
}

/*
 * Long enough for everybody else to get as far as they can: only to show that something does not
 * happen.
 */
static inline UNUSED void settle(void)
{
	tap_sleep_ms(20);
}

/* The same by a raw system call, for a process that shares its errno with a running one. */
static inline UNUSED void raw_settle(void)
{
	struct timespec time = {0, 20 * 1000 * 1000};

	raw2(SYS_nanosleep, &time, NULL);
}

static inline UNUSED void raw_await(const volatile int *word, int value)
{
	while (get(word) < value)
		raw0(SYS_sched_yield);
}

static inline UNUSED long raw_futex_wait(volatile int *word, int value)
{
	return raw6(SYS_futex, word, FUTEX_WAIT, value, 0, 0, 0);
}

static inline UNUSED long raw_futex_wake(volatile int *word, int count)
{
	return raw6(SYS_futex, word, FUTEX_WAKE, count, 0, 0, 0);
}

/* ---- pipes as gates ---- */

static inline UNUSED void make_pipe(int ends[2])
{
	check_call(pipe(ends));
}

/* Wait until somebody writes a byte, or fail at end of file. */
static inline UNUSED char take_byte(int fd)
{
	char byte = 0;
	long n;

	while ((n = raw3(SYS_read, fd, &byte, 1)) == -EINTR)
		;
	check_eq(n, 1);
	return byte;
}

static inline UNUSED void give_byte(int fd, char byte)
{
	check_eq(raw3(SYS_write, fd, &byte, 1), 1);
}

/* The pipe's other side is closed, and nothing is left in it. */
static inline UNUSED void check_eof(int fd)
{
	char byte;
	long n;

	while ((n = raw3(SYS_read, fd, &byte, 1)) == -EINTR)
		;
	check_eq(n, 0);
}

/* ---- children and threads made by hand ---- */

/* The top of a stack of its own. It is never given back: the case's end does that. */
static inline UNUSED void *new_stack(void)
{
	char *stack =
		mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(stack != MAP_FAILED);
	return stack + STACK_SIZE;
}

/*
 * vfork; the child calls function(argument) below the caller's frame, on the caller's own stack,
 * and exits with what it returns. The whole is one piece of assembly, so that nothing the compiler
 * keeps in the caller's frame is touched by the child.
 */
static inline UNUSED pid_t vfork_call(int (*function)(void *), void *argument)
{
	register long r12 __asm__("r12") = (long)function;
	register long r13 __asm__("r13") = (long)argument;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "sub $256, %%rsp\n\t"
			 "and $-16, %%rsp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_vfork), "r"(r12), "r"(r13), [exit] "i"(SYS_exit)
			 : "rcx", "rdi", "r11", "memory");
	return result;
}

/* clone with these flags and a stack of the child's own; fails the case if it fails. */
static inline UNUSED pid_t clone_call(unsigned long flags, int (*function)(void *), void *argument)
{
	long pid = raw_clone_call(flags, new_stack(), NULL, NULL, 0, function, argument);

	check(pid > 0);
	return pid;
}

/* A thread. The word is cleared by the kernel when the thread leaves its memory. */
struct thread {
	volatile int word;
	long tid;
};

static inline UNUSED void thread_start(struct thread *thread, int (*function)(void *),
				       void *argument)
{
	int *word = (int *)&thread->word;

	thread->tid = raw_clone_call(THREAD_FLAGS, new_stack(), word, word, 0, function, argument);
	check(thread->tid > 0);
}

/*
 * Wait until the thread is no more: a little after its word is cleared, its number is gone as well.
 */
static inline UNUSED void thread_join(struct thread *thread)
{
	int value;

	while ((value = get(&thread->word)) != 0)
		raw_futex_wait(&thread->word, value);
	while (raw3(SYS_tgkill, raw0(SYS_getpid), thread->tid, 0) == 0)
		raw0(SYS_sched_yield);
}

/*
 * For a child that leaves the case's process group, so that it does not outlive a case that fails:
 * what is left of the group is killed, but that one would be missed.
 */
static inline UNUSED void die_with_the_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* ---- a test program that execs itself ---- */

/*
 * A program whose cases exec something gives exec_main its own argv. Run as `program --helper VERB
 * ...` it is the program that a case has exec'd: `helper` gets argv from VERB on, and what it
 * returns is the exit status. No check may be used there, since there is no case around it.
 */
static char self_path[4096] UNUSED;

static inline UNUSED int exec_main(int argc, char **argv, const struct test_case *cases,
				   size_t count, int (*helper)(int argc, char **argv))
{
	size_t length = 0;

	if (argc > 2 && strcmp(argv[1], "--helper") == 0)
		return helper(argc - 2, argv + 2);
	if (argv[0][0] != '/') {
		if (!getcwd(self_path, sizeof(self_path) / 2))
			return 2;
		length = strlen(self_path);
		self_path[length++] = '/';
	}
	snprintf(self_path + length, sizeof(self_path) - length, "%s", argv[0]);
	return tap_main(argc, argv, cases, count);
}

/* Exec this program's helper with up to two arguments. Returns only a negated errno. */
static inline UNUSED long raw_exec_helper(const char *verb, const char *first, const char *second)
{
	const char *argv[] = {self_path, "--helper", verb, first, first ? second : NULL, NULL};
	const char *envp[] = {NULL};

	return raw3(SYS_execve, self_path, argv, envp);
}

/* The helper in a forked child. */
static inline UNUSED pid_t spawn_helper(const char *verb, const char *first, const char *second)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		raw_exec_helper(verb, first, second);
		_exit(126);
	}
	return pid;
}

/* Exec this path. Returns only a negated errno. */
static inline UNUSED long try_exec(const char *path)
{
	const char *argv[] = {"x", NULL};

	return raw3(SYS_execve, path, argv, NULL);
}

/* ---- files ---- */

static inline UNUSED void write_file(const char *path, const void *bytes, size_t size, int mode)
{
	int fd = check_call(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));

	check_eq(write(fd, bytes, size), (long)size);
	check_call(close(fd));
	check_call(chmod(path, mode));
}

/* A new file with this text. */
static inline UNUSED void make_file(const char *path, const char *text)
{
	int fd = check_call(open(path, O_WRONLY | O_CREAT | O_EXCL, 0644));

	check_eq(write(fd, text, strlen(text)), (long)strlen(text));
	check_call(close(fd));
}

/* The file holds `text`; it is removed. */
static inline UNUSED void check_file(const char *path, const char *text)
{
	char bytes[256];
	int fd = check_call(open(path, O_RDONLY));

	check_eq(read(fd, bytes, sizeof(bytes)), (long)strlen(text));
	check(memcmp(bytes, text, strlen(text)) == 0);
	check_call(close(fd));
	check_call(unlink(path));
}

/*
 * A case may work in a directory of its own, which it leaves empty. What a case that failed has left
 * there is put aside, so that the next one does not fail for it.
 */
#define HOME_DIRECTORY "/tmp/home"

static inline UNUSED void go_home(void)
{
	char aside[64];

	snprintf(aside, sizeof(aside), HOME_DIRECTORY "-left-%d", getpid());
	rename(HOME_DIRECTORY, aside);
	check_call(mkdir(HOME_DIRECTORY, 0755));
	check_call(chdir(HOME_DIRECTORY));
}

static inline UNUSED void leave_home(void)
{
	check_call(chdir("/"));
	check_call(rmdir(HOME_DIRECTORY));
}

/* ---- signals ---- */

static volatile int caught[65] UNUSED; /* how often count_signal has run, by signal */

static UNUSED void count_signal(int number)
{
	add(&caught[number], 1);
}

static inline UNUSED void set_handler(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	sigemptyset(&action.sa_mask);
	check_call(sigaction(number, &action, NULL));
}

static inline UNUSED void set_info_handler(int number, void (*handler)(int, siginfo_t *, void *),
					   int flags)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO};

	sigemptyset(&action.sa_mask);
	check_call(sigaction(number, &action, NULL));
}

static inline UNUSED void change_mask(int how, int number)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, number);
	check_call(sigprocmask(how, &signals, NULL));
}

static inline UNUSED void block_signal(int number)
{
	change_mask(SIG_BLOCK, number);
}
static inline UNUSED void unblock_signal(int number)
{
	change_mask(SIG_UNBLOCK, number);
}

/* Also those that the C library keeps for itself. */
static inline UNUSED void block_all_signals(void)
{
	unsigned long all = ~0UL;

	check_eq(raw4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, 8), 0);
}

static inline UNUSED int is_pending(int number)
{
	sigset_t signals;

	check_call(sigpending(&signals));
	return sigismember(&signals, number);
}

static inline UNUSED int is_blocked(int number)
{
	sigset_t signals;

	check_call(sigprocmask(SIG_BLOCK, NULL, &signals));
	return sigismember(&signals, number);
}

/* ---- the ways of waiting, with their flags spelled out by the caller ---- */

static inline UNUSED long raw_wait4(pid_t pid, int *status, int options, void *rusage)
{
	return raw4(SYS_wait4, pid, status, options, rusage);
}

static inline UNUSED long raw_waitid(int type, pid_t id, siginfo_t *info, int options, void *rusage)
{
	return raw5(SYS_waitid, type, id, info, options, rusage);
}

/* Wait until the child has ended, and leave it a zombie. */
static inline UNUSED void await_zombie(pid_t pid)
{
	siginfo_t info;

	check_eq(raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT | __WALL, NULL), 0);
}

/* Is this a child of the caller's that has ended? */
static inline UNUSED int is_zombie(pid_t pid)
{
	siginfo_t info;

	return raw_waitid(P_PID, pid, &info, WEXITED | WNOWAIT | WNOHANG | __WALL, NULL) == 0 &&
	       info.si_pid == pid;
}

/*
 * Send `number` to `pid` again and again until the word is set: for a target that is about to
 * block. A child that has ended instead is given up.
 */
static inline UNUSED void pester(pid_t pid, int number, const volatile int *done)
{
	while (!get(done) && !is_zombie(pid)) {
		raw2(SYS_kill, pid, number);
		tap_sleep_ms(2);
	}
}

#endif
