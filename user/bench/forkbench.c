/*
 * What making a process costs.
 *
 *	/bench/forkbench [-f] [-t MILLISECONDS] [ROW,ROW...]
 *	/bench/forkbench profile ROW ROUNDS
 *
 * Prints one line `#### bench ROW RESULT` for each row as it comes, which tests/bench.py reads. Most results are
 * nanoseconds, the mean over many rounds after some to warm up, with what reading the clock costs taken off. Under
 * QEMU's -icount shift=0 a nanosecond is one guest instruction, kernel and program together. With -t each row is
 * repeated for so long at least. With -f the program lies where it always does: whether two of its mappings share a page
 * table is not left to chance, on which a few of the results depend. Without ROWs, all are measured for which there is memory.
 *
 * The second form does nothing but rounds of one row, at those addresses, for tests/profile.py.
 */
#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

void fail(const char *what)
{
	perror(what);
	exit(1);
}

static long long read_the_clock(void)
{
	long long start = now();

	return now() - start;
}

/* Nanoseconds that the kernel's clock had run when this program began. */
static long long started;

static long long time_of_start(long unused)
{
	return started;
}

/* clang-format off */
#define TOUCHED(text, bytes, n, needs) \
	{"fork-" text, .timed = fork_alone, .setup = touch, .teardown = untouch, \
	 .size = bytes, .rounds = n, .memory = needs}
#define MAPPINGS(count, n) \
	{"fork-" #count "-mappings", .timed = fork_alone, .setup = make_mappings, .teardown = untouch, \
	 .size = count, .rounds = n}
#define BESIDE(count, needs) \
	{"fork-beside-" #count, .timed = fork_alone, .setup = start_children, .teardown = end_children, \
	 .size = count, .rounds = 20, .memory = needs}

static const struct row rows[] = {
	{"boot", .figure = time_of_start},
	{"clock", .timed = read_the_clock, .rounds = 1000},
	{"null-syscall", .operation = null_system_call, .rounds = 10000},
	{"sched-yield", .operation = yield_to_nobody, .rounds = 10000},
	{"pipe-round-trip", .operation = pipe_round_trip, .setup = make_pipes, .teardown = close_pipes,
	 .rounds = 1000},
	{"fork-exit-wait", .operation = fork_exit_wait, .rounds = 200},
	{"vfork-exit-wait", .operation = vfork_exit_wait, .rounds = 200},
	{"fork-exec-wait", .operation = fork_exec_wait, .rounds = 100},
	{"vfork-exec-wait", .operation = vfork_exec_wait, .rounds = 100},
	{"thread-create-join", .operation = thread_create_join, .rounds = 500},
	{"pthread-create-join", .operation = pthread_create_join, .rounds = 200},
	{"first-touch", .timed = first_touch, .setup = map_region, .teardown = unmap_region,
	 .rounds = 20, .operations = FIRST_TOUCHES},
	{"write-after-fork", .timed = write_after_fork, .setup = map_region, .teardown = unmap_region,
	 .rounds = 100},
	TOUCHED("1-MiB", 1 * MIB, 100, 0),
	TOUCHED("4-MiB", 4 * MIB, 50, 0),
	TOUCHED("16-MiB", 16 * MIB, 20, 0),
	TOUCHED("64-MiB", 64 * MIB, 10, 0),
	TOUCHED("256-MiB", 256 * MIB, 10, 400),
	TOUCHED("1-GiB", 1 * GIB, 3, 1500),
	TOUCHED("4-GiB", 4 * GIB, 2, 4500),
	{"fork-exit-wait-256-MiB", .operation = fork_exit_wait, .setup = touch, .teardown = untouch,
	 .size = 256 * MIB, .rounds = 10, .memory = 400},
	MAPPINGS(10, 50),
	MAPPINGS(100, 50),
	MAPPINGS(200, 50),
	MAPPINGS(1000, 20),
	MAPPINGS(2000, 20),
	MAPPINGS(10000, 5),
	MAPPINGS(20000, 5),
	{"fork-500-children", .timed = fork_many, .rounds = 5, .operations = FORKS_IN_A_ROW},
	BESIDE(10, 0),
	BESIDE(100, 0),
	BESIDE(1000, 0),
	BESIDE(3000, 600),
	BESIDE(10000, 2000),
	BESIDE(30000, 4500),
	{"fork-1000-files", .timed = fork_alone, .setup = open_files, .teardown = close_files,
	 .size = 1000, .rounds = 50},
	{"fork-exit-wait-1000-files", .operation = fork_exit_wait, .setup = open_files,
	 .teardown = close_files, .size = 1000, .rounds = 50},
	{"live-children", .figure = most_children, .size = 30000, .memory = 4500},
	{"memory-per-child", .figure = memory_of_children, .size = 1000},
	{"forks-a-second", .figure = forks_a_second, .size = 1000},
};
/* clang-format on */

#define ROWS       (sizeof(rows) / sizeof(rows[0]))
#define WARMING_UP 10

static void do_round(const struct row *row)
{
	if (row->timed)
		row->timed();
	else
		row->operation();
}

static void warm_up(const struct row *row)
{
	if (row->setup)
		row->setup(row->size);
	for (int i = 0; i < WARMING_UP && i < row->rounds; i++)
		do_round(row);
}

/* The time of so many rounds, those of the clock not among them. */
static long long time_rounds(const struct row *row, long rounds, long long clock)
{
	long long total = 0, start = now();

	if (row->operation) {
		for (long i = 0; i < rounds; i++)
			row->operation();
		return now() - start - clock;
	}
	for (long i = 0; i < rounds; i++)
		total += row->timed();
	return total - rounds * clock;
}

/* Nanoseconds an operation. */
static long long measure(const struct row *row, long long at_least, long long clock)
{
	long long time, total = 0, rounds = 0, begin;
	int operations = row->operations ? row->operations : 1;

	if (row->figure)
		return row->figure(row->size);
	warm_up(row);
	begin = now();
	do {
		time = time_rounds(row, row->rounds, clock);
		total += time;
		rounds += row->rounds;
	} while (now() - begin < at_least);
	if (row->teardown)
		row->teardown();
	return total / (rounds * operations);
}

/* Whether name is among the names of list, which commas separate. */
static int names(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (!strncmp(at, name, length) && (at[length] == ',' || !at[length]))
			return 1;
	}
	return 0;
}

static int fits(const struct row *row)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 && (long)(info.totalram / MIB * info.mem_unit) >= row->memory;
}

static void measure_all(const char *chosen, long long at_least)
{
	long long clock = measure(&rows[1], 0, 0);

	for (const struct row *row = rows; row < rows + ROWS; row++) {
		if (chosen ? !names(chosen, row->name) : !fits(row))
			continue;
		printf("#### bench %s %lld\n", row->name,
		       row == &rows[1] ? clock : measure(row, at_least, clock));
		fflush(stdout);
	}
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

	for (const struct row *row = rows; row < rows + ROWS; row++) {
		if (strcmp(row->name, name) || row->figure)
			continue;
		warm_up(row);
		printf("#### profile begin %p\n", (void *)between_rounds);
		wait_for_line(console);
		for (int i = 0; i < rounds; i++) {
			between_rounds();
			do_round(row);
		}
		between_rounds();
		printf("#### profile end\n");
		wait_for_line(console);
		return 0;
	}
	printf("no rounds of %s\n", name);
	return 1;
}

/* Begins anew without randomized addresses, unless it did already. */
static void fix_addresses(char **argv)
{
	int now = personality(0xffffffff);

	if (now & ADDR_NO_RANDOMIZE)
		return;
	if (personality(now | ADDR_NO_RANDOMIZE) < 0)
		fail("personality");
	execv(argv[0], argv);
	fail(argv[0]);
}

int main(int argc, char **argv)
{
	long long at_least = 0;

	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc == 4 && !strcmp(argv[1], "profile")) {
		fix_addresses(argv);
		return profile(argv[2], atoi(argv[3]));
	}
	started = now();
	if (argc > 1 && !strcmp(argv[1], "-f")) {
		fix_addresses(argv);
		argc--;
		argv++;
	}
	if (argc > 2 && !strcmp(argv[1], "-t")) {
		at_least = atoll(argv[2]) * 1000000;
		argc -= 2;
		argv += 2;
	}
	measure_all(argc > 1 ? argv[1] : NULL, at_least);
	return 0;
}
