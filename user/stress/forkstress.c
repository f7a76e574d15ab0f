/*
 * Memory under stress: processes that map, write, fork and end at random, and know what they must read.
 *
 *	/stress/forkstress [-t SECONDS] [-n PROCESSES] [-s SEED]
 *
 * Each worker has a model of its memory: what each page of twelve areas and of the heap shows, and what was
 * written to it last (model.c). It picks one action after another (actions.c): writes and checks, itself
 * and through the kernel; mmap, munmap, mremap, mprotect, madvise, brk; fork, with its threads writing meanwhile;
 * vfork and exec; kill, wait and exit. A child begins with its parent's model as well as with its memory.
 *
 * The controller, from whose memory the first ones are forked, keeps enough of them alive, reaps orphans, and each
 * second has the kernel look at itself, if it can (/proc/tine/check): for that a process on each CPU has to
 * ask. At the end all have to go, and all that is left is looked at once more.
 *
 * The seed decides what each process does; with more than one CPU, and since children are only started
 * while there is room, not in which order. The last line of the output says how it went; the exit status is 0
 * if nothing was wrong.
 */
#define _GNU_SOURCE
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <uapi/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND    1000000000LL
#define CONTROL   ((void *)0x300000000000)
#define MOST_CPUS 64
#define CHECK     "/proc/tine/check"
#define SHARED_AREA \
	(AREAS - 2) /* and the one behind it show the shared anonymous memory at first */

struct control *control;
uint64_t *shared_anon;

/* ---- small things ---- */

static uint64_t random_state;

void seed_random(uint64_t seed)
{
	random_state = seed * 2 + 1;
}

uint64_t any(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x2545f4914f6cdd1d;
}

unsigned below(unsigned n)
{
	return (any() >> 32) % n;
}

long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

void fail(const char *format, ...)
{
	char text[600];
	va_list arguments;
	int n;

	if (__atomic_exchange_n(&control->failed, 1, __ATOMIC_SEQ_CST) == 0) {
		n = snprintf(text, sizeof(text),
			     "forkstress: FAILED: seed %lu, process %d, id %d: ", control->seed,
			     getpid(), my_id);
		va_start(arguments, format);
		n += vsnprintf(text + n, sizeof(text) - n - 1, format, arguments);
		va_end(arguments);
		text[n++] = '\n';
		(void)!write(STDOUT_FILENO, text, n);
	}
	_exit(1);
}

/* ---- what all of them share ---- */

static void make_file(int fd, size_t size)
{
	int made = memfd_create("forkstress", 0);

	must(made >= 0 && dup2(made, fd) == fd && close(made) == 0 && ftruncate(fd, size) == 0);
}

static void map_control(void)
{
	control = mmap(CONTROL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		       CONTROL_FD, 0);
	if (control == MAP_FAILED)
		_exit(1);
}

static void make_objects(void)
{
	static uint64_t words[PAGE / sizeof(uint64_t)];

	make_file(BASE_FD, OBJECT_PAGES * PAGE);
	make_file(SHARED_FD, OBJECT_PAGES * PAGE);
	for (int i = 0; i < OBJECT_PAGES; i++) {
		fill_base_page(words, i);
		must(pwrite(BASE_FD, words, PAGE, i * PAGE) == PAGE);
	}
	shared_anon = mmap(NULL, OBJECT_PAGES * PAGE, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared_anon != MAP_FAILED);
}

/* A second mapping of the shared anonymous memory, in two areas: mremap from length 0 makes one. */
static void map_shared_anon(void)
{
	const size_t half = AREA_PAGES * PAGE;

	for (int i = 0; i < 2; i++) {
		void *at = page_at(SHARED_AREA + i, 0);

		must(mremap((char *)shared_anon + i * half, 0, half, MREMAP_MAYMOVE | MREMAP_FIXED,
			    at) == at);
		for (int page = 0; page < AREA_PAGES; page++)
			model[SHARED_AREA + i][page] =
				(struct page_model){.mapped = 1,
						    .shared = 1,
						    .source = SHARED_ANON,
						    .rights = PROT_READ | PROT_WRITE,
						    .index = i * AREA_PAGES + page};
	}
}

/* ---- the kernel's own checks ---- */

static pid_t checkers[MOST_CPUS];
static int checker_count;

/* On one CPU: asks for a check each time that the round's number changes, before anything else runs there. */
static void run_checker(int cpu)
{
	const struct sched_param priority = {.sched_priority = 1};
	cpu_set_t cpus;
	int round = 0, fd = open(CHECK, O_WRONLY);
	long result;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	must(sched_setaffinity(0, sizeof(cpus), &cpus) == 0);
	must(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &priority) == 0);
	for (;;) {
		while (__atomic_load_n(&control->check_round, __ATOMIC_SEQ_CST) == round)
			syscall(SYS_futex, &control->check_round, FUTEX_WAIT, round, NULL, NULL, 0);
		round++;
		do
			result = write(fd, "1", 1);
		while (result < 0 && errno == EAGAIN);
		must(result == 1 || errno == ENOMEM);
		if (cpu == 0 && result == 1)
			control->checks++;
		__atomic_fetch_add(&control->check_done, 1, __ATOMIC_SEQ_CST);
	}
}

static void start_checkers(void)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (access(CHECK, W_OK) < 0) {
		printf("forkstress: this kernel cannot check itself\n");
		return;
	}
	for (int cpu = 0; cpu < cpus && cpu < MOST_CPUS; cpu++) {
		pid_t pid = fork();

		must(pid >= 0);
		if (pid == 0)
			run_checker(cpu);
		checkers[checker_count++] = pid;
	}
}

static int check_is_over(void)
{
	return __atomic_load_n(&control->check_done, __ATOMIC_SEQ_CST) ==
	       control->check_round * checker_count;
}

static void start_check(void)
{
	__atomic_fetch_add(&control->check_round, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &control->check_round, FUTEX_WAKE, checker_count, NULL, NULL, 0);
}

static void end_checkers(void)
{
	for (int i = 0; i < checker_count; i++) {
		kill(checkers[i], SIGKILL);
		while (waitpid(checkers[i], NULL, 0) < 0 && errno == EINTR)
			;
	}
}

/* ---- the controller ---- */

/* A worker was killed while it counted in a word of a shared object: what has become of it? */
static void settle(int id)
{
	struct slot *slot = &control->slots[id];
	int place = slot->writing - 1, object = place / OBJECT_PAGES, page = place % OBJECT_PAGES;
	uint64_t *ledger = &control->ledger[object][page][id], value;

	if (object)
		value = ((volatile uint64_t *)shared_anon)[page * PAGE / sizeof(value) + 1 + id];
	else
		must(pread(SHARED_FD, &value, sizeof(value),
			   page * PAGE + (1 + id) * sizeof(value)) == sizeof(value));
	if (value != *ledger && value != *ledger + 1)
		fail("word of id %d in page %d of shared object %d is %#lx, not %#lx", id, page,
		     object, value, *ledger);
	*ledger = value;
	slot->writing = 0;
	__atomic_store_n(&slot->state, FREE, __ATOMIC_SEQ_CST);
}

/* Is there nobody in this place? Its process has ended and was reaped, or is still to be made. */
static int is_empty(const struct slot *slot)
{
	pid_t pid = slot->pid;

	return !pid || kill(pid, 0);
}

/*
 * Has this place been taken, with nobody in it, each time the controller looked for 20 s? Then who took
 * it, or who was about to give it back, was killed.
 */
static int is_abandoned(int id, int state)
{
	static long long since[MOST_WORKERS];

	if (state != TAKEN || !is_empty(&control->slots[id]))
		since[id] = 0;
	else if (!since[id])
		since[id] = now();
	return since[id] && now() - since[id] > 20 * SECOND;
}

/* Returns how many workers there are, and gives back the places that others could not. */
static int settle_all(void)
{
	int workers = 0;

	for (int id = 0; id < control->processes; id++) {
		struct slot *slot = &control->slots[id];
		int state = __atomic_load_n(&slot->state, __ATOMIC_SEQ_CST);

		if (state == UNSETTLED)
			settle(id);
		else if (is_abandoned(id, state))
			give_back(slot);
		else
			workers += state == TAKEN && !is_empty(slot);
	}
	return workers;
}

static void print_progress(const char *word, long long seconds)
{
	printf("%s seed=%lu seconds=%lld actions=%ld forks=%ld ends=%ld kills=%ld execs=%ld checks=%ld\n",
	       word, control->seed, seconds, control->actions, control->births, control->deaths,
	       control->kills, control->execs, control->checks);
	fflush(stdout);
}

static void pause_briefly(void)
{
	struct timespec time = {0, 20000000};

	nanosleep(&time, NULL);
}

static void reap_all(void)
{
	while (reap(WNOHANG) > 0)
		;
}

/* Says where it hangs, as far as can be told. */
static void end_stuck(int id)
{
	const struct slot *slot = &control->slots[id];
	char path[64], text[128] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", slot->pid);
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		text[strcspn(text, "\n")] = 0;
		close(fd);
	}
	kill(slot->pid, SIGKILL);
	if (!control->failed || text[0])
		printf("forkstress: id %d, process %d, started by %d, killed %d, did not end: %s\n",
		       id, slot->pid, slot->parent, slot->killed, text);
	fflush(stdout);
	control->failed = 1;
}

/* All workers end of themselves; one that does not is stuck. */
static void end_workers(void)
{
	long long until = now() + 20 * SECOND;

	control->stop = 1;
	while (settle_all() && now() < until) {
		reap_all();
		pause_briefly();
	}
	for (int id = 0; id < MOST_WORKERS; id++)
		if (control->slots[id].state == TAKEN && !is_empty(&control->slots[id]))
			end_stuck(id);
	reap_all();
}

static void control_workers(int seconds)
{
	long long start = now(), next_check = start, next_report = start + 10 * SECOND, time;

	while ((time = now()) < start + seconds * SECOND && !control->failed) {
		reap_all();
		if (settle_all() < (control->processes + 1) / 2)
			start_worker(any(), NULL);
		if (time >= next_check && check_is_over()) {
			next_check = time + SECOND;
			start_check();
		}
		if (time >= next_report) {
			next_report += 10 * SECOND;
			print_progress("forkstress:", (time - start) / SECOND);
		}
		pause_briefly();
	}
	end_workers();
	while (!check_is_over() && !control->failed)
		pause_briefly();
	start_check();
	while (!check_is_over() && !control->failed)
		pause_briefly();
	end_checkers();
	print_progress(control->failed ? "#### stress failed" : "#### stress passed",
		       (now() - start) / SECOND);
}

static void become_anew(const char *id, const char *seed)
{
	map_control();
	my_id = atoi(id);
	empty_model();
	seed_random(strtoull(seed, NULL, 10));
	work();
}

int main(int argc, char **argv)
{
	int seconds = 10, processes = 24, option;
	uint64_t seed;

	if (argc == 2 && strcmp(argv[1], "helper") == 0)
		return HELPER_STATUS;
	if (argc == 4 && strcmp(argv[1], "worker") == 0)
		become_anew(argv[2], argv[3]);
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = now();
	seed %= 1000000000;
	while ((option = getopt(argc, argv, "t:n:s:")) != -1) {
		if (option == 't')
			seconds = atoi(optarg);
		else if (option == 'n')
			processes = atoi(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	if (processes < 1 || processes > MOST_WORKERS)
		return 2;

	make_file(CONTROL_FD, sizeof(*control));
	map_control();
	control->seed = seed;
	control->processes = processes;
	printf("forkstress: seed %lu, %d processes, %d s, %ld CPUs\n", seed, processes, seconds,
	       sysconf(_SC_NPROCESSORS_ONLN));
	fflush(stdout);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0);
	make_objects();
	empty_model();
	map_shared_anon();
	start_checkers();
	seed_random(seed);
	control_workers(seconds);
	return control->failed;
}
