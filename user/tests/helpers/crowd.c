/*
 * crowd COUNT KIB [BOUND]: so many processes at once, all asleep, made and ended twice.
 *
 * Each may take KIB of memory, and all of it is free again when they are gone. With BOUND the clock must count
 * instructions (QEMU's -icount), and what is done to one process may take no more of them beside all the others than
 * beside ten, and BOUND percent of that.
 *
 * The children and their parent write to their stacks and to nothing else, so that a child is as small as one that
 * has run can be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FEW    10
#define ROUNDS 8

static void expect(int truth, const char *what)
{
	if (truth)
		return;
	printf("crowd: %s (%s)\n", what, strerror(errno));
	exit(1);
}

/* A number in a file: what follows the word, or `/` where that is the word. */
static long number_in(const char *path, const char *word)
{
	char text[4096], *at;
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	expect(n > 0, path);
	text[n] = 0;
	close(fd);
	at = strstr(text, word);
	expect(at != NULL, word);
	return atol(at + strlen(word));
}

static void set_number(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	expect(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), path);
	close(fd);
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* System calls without the C library, which writes to its own memory in a child. */
static long call(long number, long a, long b)
{
	register long r10 __asm__("r10") = 0;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(0L), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static pid_t start_child(void)
{
	long pid = call(SYS_clone, SIGCHLD, 0);

	while (pid == 0)
		call(SYS_pause, 0, 0);
	if (pid < 0) {
		errno = (int)-pid;
		expect(0, "fork");
	}
	return (pid_t)pid;
}

/* Nobody but the caller has anything to do: every child has run, and sleeps. */
static void settle(void)
{
	char text[100];

	do {
		int fd = open("/proc/loadavg", O_RDONLY);
		ssize_t n = read(fd, text, sizeof(text) - 1);

		text[n > 0 ? n : 0] = 0;
		close(fd);
		sched_yield();
	} while (!strstr(text, " 1/"));
}

/* Starts children in the process group of the first one, which is returned; group 0: there is none. */
static pid_t start_children(long count, pid_t group)
{
	while (count-- > 0) {
		pid_t pid = start_child();

		group = group ? group : pid;
		expect(call(SYS_setpgid, pid, group) == 0, "setpgid");
	}
	settle();
	return group;
}

/* What is done to one process, each the cheapest of some rounds. */
static const char *const names[] = {"fork", "exit and wait", "kill", "kill and wait by number"};
#define COSTS (sizeof(names) / sizeof(names[0]))

static void measure(pid_t other, long long least[COSTS])
{
	for (int round = 0; round < ROUNDS; round++) {
		long long at[COSTS + 1];
		pid_t pid;

		at[0] = now();
		pid = (pid_t)call(SYS_clone, SIGCHLD, 0);
		if (pid == 0)
			call(SYS_exit_group, 0, 0);
		at[1] = now();
		expect(waitpid(pid, NULL, 0) == pid, "waitpid");
		at[2] = now();
		expect(kill(other, 0) == 0, "kill");
		at[3] = now();
		for (size_t i = 0; i < 3; i++)
			least[i] = round && least[i] < at[i + 1] - at[i] ? least[i]
									 : at[i + 1] - at[i];
		pid = start_child();
		settle();
		at[3] = now();
		kill(pid, SIGKILL);
		expect(waitpid(pid, NULL, 0) == pid, "waitpid");
		at[4] = now();
		least[3] = round && least[3] < at[4] - at[3] ? least[3] : at[4] - at[3];
	}
}

/* The numbers of children follow each other, but for those that others had meanwhile. */
static void end_children(pid_t group, long count)
{
	int status;

	expect(kill(-group, SIGKILL) == 0, "kill");
	for (pid_t pid = group; count > 0; pid++) {
		if (waitpid(pid, &status, 0) < 0)
			continue;
		expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "a child's status");
		count--;
	}
	expect(waitpid(-1, NULL, 0) < 0 && errno == ECHILD, "no child is left");
}

static void run(long count, long kib, long bound)
{
	long free = number_in("/proc/meminfo", "MemFree:"), taken;
	long long few[COSTS], many[COSTS];
	pid_t group = start_children(FEW, 0);

	measure(group, few);
	start_children(count - FEW, group);
	taken = (free - number_in("/proc/meminfo", "MemFree:")) / count;
	expect(number_in("/proc/loadavg", "/") >= count, "all are there");
	measure(group, many);
	end_children(group, count);
	printf("%ld processes, %ld KiB each\n", count, taken);
	expect(taken <= kib, "a process takes more memory");
	for (size_t i = 0; i < COSTS && bound; i++) {
		printf("%s: %lld, beside all others %lld\n", names[i], few[i], many[i]);
		expect(many[i] * 100 <= few[i] * (100 + bound),
		       "what is done to one depends on the others");
	}
	for (int i = 0; i < 100 && free - number_in("/proc/meminfo", "MemFree:") > count * kib / 20;
	     i++)
		usleep(10000); /* the kernel may tidy up when it is idle */
	expect(free - number_in("/proc/meminfo", "MemFree:") <= count * kib / 20,
	       "memory is free again");
}

int main(int argc, char **argv)
{
	expect(argc >= 3, "crowd COUNT KIB [BOUND]");
	setvbuf(stdout, NULL, _IOLBF, 0);
	set_number("/proc/sys/kernel/pid_max", "65536");
	set_number("/proc/sys/kernel/threads-max", "60000");
	for (int i = 0; i < 2; i++)
		run(atol(argv[1]), atol(argv[2]), argc > 3 ? atol(argv[3]) : 0);
	return 0;
}
