/*
 * What making a process costs.
 *
 *	/bench/forkbench
 *	/bench/forkbench profile NAME ROUNDS
 *
 * Prints one line `#### bench NAME NANOSECONDS` for each measurement, the mean over many rounds, which
 * tests/bench.py reads. Under QEMU's -icount shift=0 a nanosecond is one guest instruction, kernel and program
 * together, and the result is the same on every run. The second form does nothing but rounds of one measurement,
 * for tests/profile.py.
 */
#define _GNU_SOURCE
#include "linux.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB  (1024L * 1024)
#define PAGE 4096

#define FUTEX_WAIT 0

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Each of these is one round; it returns the time it took. */

static long long null_system_call(void)
{
	long long start = now();

	syscall(SYS_getppid);
	return now() - start;
}

static long long read_the_clock(void)
{
	long long start = now();

	return now() - start;
}

static long long fork_exit_wait(void)
{
	long long start = now();
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		fail("fork");
	return now() - start;
}

static long long vfork_exit_wait(void)
{
	long long start = now();
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		fail("vfork");
	return now() - start;
}

static char *const exec_arguments[] = {"/bench/forkbench", "nothing", NULL};

static long long fork_exec_wait(void)
{
	long long start = now();
	pid_t pid = fork();

	if (pid == 0) {
		execv(exec_arguments[0], exec_arguments);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		fail("fork");
	return now() - start;
}

/* The time until fork() has returned in the parent; the child's end is not in it. */
static long long fork_alone(void)
{
	long long start = now(), end;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	end = now();
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		fail("fork");
	return end - start;
}

/* The same, in a process that has written to so much memory of its own. */
static char *touched;
static long touched_size;

static void touch(long size)
{
	touched_size = size;
	touched = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (touched == MAP_FAILED)
		fail("mmap");
	madvise(touched, size, MADV_NOHUGEPAGE);
	for (long i = 0; i < size; i += PAGE)
		touched[i] = 1;
}

static void untouch(void)
{
	munmap(touched, touched_size);
}

/* The first write after a fork to a page that both have. */
static long long write_after_fork(void)
{
	static char *page;
	long long time;
	pid_t pid;

	if (!page)
		page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*page = 1;
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	time = now();
	*(volatile char *)page = 2;
	time = now() - time;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return time;
}

static int end_thread(void *argument)
{
	return 0;
}

/*
 * What a C library asks of the kernel for a thread whose stack it kept from an earlier one: a clone with its
 * flags, and a wait on the word that the kernel clears when the thread has ended.
 */
static long long thread_create_join(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	static volatile int tid;
	const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
				    CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
				    CLONE_CHILD_CLEARTID;
	long long start = now();
	int *word = (int *)&tid, left;

	if (raw_clone_call(flags, stack + sizeof(stack), word, word, 0, end_thread, NULL) < 0)
		fail("clone");
	while ((left = tid) != 0)
		raw4(SYS_futex, word, FUTEX_WAIT, left, NULL);
	return now() - start;
}

static void *end_pthread(void *argument)
{
	return argument;
}

/* The same with all that musl does for it: maps a stack with a guard page, and unmaps it. */
static long long pthread_create_join(void)
{
	long long start = now();
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_pthread, NULL) != 0 ||
	    pthread_join(thread, NULL) != 0)
		fail("pthread");
	return now() - start;
}

/* A round trip of a byte through two pipes, to a child that sends it back. */
static long long pipe_round_trip(void)
{
	static int there[2], back[2];
	long long start;
	char byte = 0;

	if (!there[0]) {
		if (pipe(there) || pipe(back))
			fail("pipe");
		if (fork() == 0)
			while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
				;
	}
	start = now();
	if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
		fail("pipe");
	return now() - start;
}

static long long yield_to_nobody(void)
{
	long long start = now();

	sched_yield();
	return now() - start;
}

/* The first write to a page of anonymous memory whose neighbours are there. */
static long long first_touch(void)
{
	static volatile char *next;
	static long left;
	long long start;

	if (left-- == 0) {
		left = 255;
		next = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*next = 1;
		next += PAGE;
		left--;
	}
	start = now();
	*next = 1;
	next += PAGE;
	return now() - start;
}

static const struct measurement {
	const char *name;
	long long (*round)(void);
	int rounds;
	long touched; /* bytes of memory of its own that the process has written to */
} measurements[] = {
	{"clock", read_the_clock, 1000, 0},
	{"null-syscall", null_system_call, 1000, 0},
	{"fork-exit-wait", fork_exit_wait, 200, 0},
	{"vfork-exit-wait", vfork_exit_wait, 200, 0},
	{"fork-exec-wait", fork_exec_wait, 100, 0},
	{"thread-create-join", thread_create_join, 200, 0},
	{"pthread-create-join", pthread_create_join, 200, 0},
	{"write-after-fork", write_after_fork, 100, 0},
	{"fork-1-MiB", fork_alone, 100, 1 * MIB},
	{"fork-256-MiB", fork_alone, 10, 256 * MIB},
	{"pipe-round-trip", pipe_round_trip, 200, 0},
	{"sched-yield", yield_to_nobody, 1000, 0},
	{"first-touch", first_touch, 200, 0},
};

#define MEASUREMENTS (sizeof(measurements) / sizeof(measurements[0]))

static void warm_up(const struct measurement *m)
{
	if (m->touched)
		touch(m->touched);
	for (int i = 0; i < 10 && i < m->rounds; i++)
		m->round();
}

static void measure(const struct measurement *m)
{
	long long total = 0;

	warm_up(m);
	for (int i = 0; i < m->rounds; i++)
		total += m->round();
	if (m->touched)
		untouch();
	printf("#### bench %s %lld\n", m->name, total / m->rounds);
	fflush(stdout);
}

/* tests/profile.py watches for this function's address. */
__attribute__((noinline)) static void between_rounds(void)
{
	__asm__ volatile("" ::: "memory");
}

static void wait_for_line(FILE *console)
{
	char line[80];

	fflush(stdout);
	if (!console || !fgets(line, sizeof(line), console))
		fail("/dev/console");
}

/* Goes on when a line comes, with nothing but rounds; ends when another does. */
static int profile(const char *name, int rounds)
{
	FILE *console = fopen("/dev/console", "r");

	for (const struct measurement *m = measurements; m < measurements + MEASUREMENTS; m++) {
		if (strcmp(m->name, name))
			continue;
		warm_up(m);
		printf("#### profile begin %p\n", (void *)between_rounds);
		wait_for_line(console);
		for (int i = 0; i < rounds; i++) {
			between_rounds();
			m->round();
		}
		between_rounds();
		printf("#### profile end\n");
		wait_for_line(console);
		return 0;
	}
	printf("no measurement %s\n", name);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "profile"))
		return profile(argv[2], atoi(argv[3]));
	if (argc > 1)
		return 0;
	printf("#### bench boot %lld\n", now());
	for (const struct measurement *m = measurements; m < measurements + MEASUREMENTS; m++)
		measure(m);
	return 0;
}
