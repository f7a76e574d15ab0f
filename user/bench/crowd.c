/* Many of a thing at once: open files, live children, children's memory, processors that fork. */
#define _GNU_SOURCE
#include "bench.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* fork-N-files: so many open files, each opened for itself. */
static int *files;
static long file_count;

void open_files(long count)
{
	struct rlimit limit = {count + 100, count + 100};

	if (setrlimit(RLIMIT_NOFILE, &limit))
		fail("setrlimit");
	files = malloc(count * sizeof(*files));
	for (file_count = 0; file_count < count; file_count++) {
		files[file_count] = open("/dev/null", O_RDONLY);
		if (files[file_count] < 0)
			fail("open");
	}
}

void close_files(void)
{
	while (file_count > 0)
		close(files[--file_count]);
	free(files);
}

/* Children that live on until end_children(), in memory that all share, so that none of it is copied after a fork. */
static struct crowd {
	volatile long arrived, count;
	pid_t children[];
} * crowd;
static long crowd_size;

static void gather(long count)
{
	crowd_size = sizeof(*crowd) + count * sizeof(crowd->children[0]);
	crowd = mmap(NULL, crowd_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crowd == MAP_FAILED)
		fail("mmap");
}

void end_children(void)
{
	for (long i = 0; i < crowd->count; i++)
		kill(crowd->children[i], SIGKILL);
	for (long i = 0; i < crowd->count; i++)
		waitpid(crowd->children[i], NULL, 0);
	munmap(crowd, crowd_size);
}

/* fork-beside-N: so many children, each of which has run and sleeps in pause(). */
void start_children(long count)
{
	gather(count);
	while (crowd->count < count) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			crowd->arrived++;
			pause();
			_exit(0);
		}
		crowd->children[crowd->count++] = pid;
		while (crowd->arrived < crowd->count)
			sched_yield();
	}
}

/*
 * fork-500-children: forks in a row, of children that live on. After each the parent writes to its stack, which it then
 * shares with the child; that is in the result as well.
 */
long long fork_many(void)
{
	long long time;

	gather(FORKS_IN_A_ROW);
	time = now();
	while (crowd->count < FORKS_IN_A_ROW) {
		pid_t pid = fork();

		if (pid < 0)
			fail("fork");
		if (pid == 0) {
			pause();
			_exit(0);
		}
		crowd->children[crowd->count++] = pid;
	}
	time = now() - time;
	end_children();
	return time;
}

/* live-children: how many children live at once before fork fails, of so many. */
long long most_children(long count)
{
	long long most;

	gather(count);
	while (crowd->count < count) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0) {
			pause();
			_exit(0);
		}
		crowd->children[crowd->count++] = pid;
	}
	most = crowd->count;
	end_children();
	return most;
}

static long free_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[100];
	long kib = -1;

	while (kib < 0 && file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "MemFree:", 8))
			kib = atol(line + 8);
	}
	if (!file || kib < 0)
		fail("/proc/meminfo");
	fclose(file);
	return kib * KIB;
}

/* memory-per-child: bytes by which the kernel has less free memory, for each of so many children that sleep. */
long long memory_of_children(long count)
{
	long before = free_memory(), after;

	start_children(count);
	after = free_memory();
	end_children();
	return (before - after) / count;
}

/*
 * forks-a-second: rounds of fork, _exit and wait in so much time, by as many processes at once as there are
 * processors. Where they run is the kernel's business.
 */
struct race {
	volatile int ready, go, over;
	volatile long rounds[64];
};

static void run(struct race *race, int runner)
{
	race->rounds[runner] = 0;
	__atomic_fetch_add(&race->ready, 1, __ATOMIC_SEQ_CST);
	while (!race->go)
		sched_yield();
	while (!race->over) {
		fork_exit_wait();
		race->rounds[runner]++;
	}
	_exit(0);
}

long long forks_a_second(long milliseconds)
{
	struct race *race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int runners = sysconf(_SC_NPROCESSORS_ONLN);
	long long start, rounds = 0;

	if (race == MAP_FAILED || runners > 64)
		fail("mmap");
	for (int i = 0; i < runners; i++) {
		if (fork() == 0)
			run(race, i);
	}
	while (race->ready < runners)
		sched_yield();
	start = now();
	race->go = 1;
	usleep(milliseconds * 1000);
	race->over = 1;
	start = now() - start;
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < runners; i++)
		rounds += race->rounds[i];
	munmap(race, sizeof(*race));
	return rounds * 1000000000LL / start;
}
