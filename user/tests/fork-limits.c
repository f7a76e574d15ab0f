/*
 * Many processes: more owners of a page than a small counter counts, many children, long chains,
 * and the limit of processes of a user. Each case that counts a user's processes uses a user of its
 * own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define FIRST_USER 42000

/* Live children wait at the reading end of this pipe until the parent closes the writing end. */
static int gate[2];

static void close_gate(void)
{
	check_call(pipe(gate));
}

static void wait_at_gate(void)
{
	char byte;

	close(gate[1]);
	check_eq(read(gate[0], &byte, 1), 0);
}

static void let_all_pass(void)
{
	check_call(close(gate[1]));
}

static void page_with_more_owners_than_a_byte_counts(void)
{
	enum { CHILDREN = 300 };
	volatile int *page = (volatile int *)map_private(PAGE);
	pid_t pids[CHILDREN];

	close_gate();
	page[0] = 12345;
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			wait_at_gate();
			check_eq(page[0], 12345);
			page[0] = i;
			check_eq(page[0], i);
			_exit(0);
		}
	}
	page[0] = 54321; /* 301 owners: this makes a copy, and takes nothing from the others */
	let_all_pass();
	for (int i = 0; i < CHILDREN; i++)
		check_exits(pids[i], 0);
	check_eq(page[0], 54321);
}

/*
 * The owners go one by one, past every number that a byte wraps at; the page stays for those who
 * are left.
 */
static void page_loses_its_owners_one_by_one(void)
{
	enum { CHILDREN = 260 };
	volatile int *page = (volatile int *)map_private(PAGE);
	int *leaving = tap_shared(sizeof(*leaving));
	pid_t pids[CHILDREN];

	page[0] = 777;
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			while (__atomic_load_n(leaving, __ATOMIC_SEQ_CST) <= i)
				tap_sleep_ms(20);
			check_eq(page[0], 777);
			if (i % 2)
				page[0] = i; /* half of them leave with a copy, half without */
			_exit(0);
		}
	}
	for (int i = 0; i < CHILDREN; i += 20) {
		*leaving = i + 20;
		for (int j = i; j < i + 20; j++)
			check_exits(pids[j], 0);
		memset(map_private(PAGE), 0x5a,
		       PAGE); /* would take the page if it were thought free */
		check_eq(page[0], 777);
	}
	page[0] = 778;
	check_eq(page[0], 778);
}

static void shared_page_with_many_users(void)
{
	enum { CHILDREN = 300 };
	int *counter = tap_shared(sizeof(*counter));
	pid_t pids[CHILDREN];

	close_gate();
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			wait_at_gate();
			__atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	}
	let_all_pass();
	for (int i = 0; i < CHILDREN; i++)
		check_exits(pids[i], 0);
	check_eq(*counter, CHILDREN);
}

/* More references to one page, by one process alone, than sixteen bits count. */
static void page_of_zeros_with_many_references(void)
{
	size_t size = 70000 * PAGE;
	volatile char *memory = map_private_at(NOWHERE, size);
	pid_t pid;

	for (size_t i = 0; i < size; i += PAGE)
		check_eq(memory[i], 0);
	pid = tap_fork();
	if (pid == 0) {
		memory[0] = memory[size - 1] = 'c';
		check_eq(memory[PAGE] + memory[size / 2], 0);
		_exit(0);
	}
	check_exits(pid, 0);
	memory[PAGE] = 'p';
	check_eq(memory[0] + memory[2 * PAGE] + memory[size - 1], 0);
	check_call(munmap((char *)memory, size));
	check(holds(map_private(PAGE), PAGE, 0));
}

static void five_hundred_live_children(void)
{
	enum { CHILDREN = 520 };
	pid_t pids[CHILDREN];
	int status;

	close_gate();
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			wait_at_gate();
			_exit(i % 251);
		}
	}
	check_eq(waitpid(-1, &status, WNOHANG), 0);
	for (int i = 0; i < CHILDREN; i++)
		for (int j = i + 1; j < CHILDREN; j++)
			check(pids[i] != pids[j]);
	let_all_pass();
	for (int i = CHILDREN - 1; i >= 0; i--)
		check_exits(pids[i], i % 251);
	check_errno(waitpid(-1, &status, 0), ECHILD);
}

static void three_hundred_zombies(void)
{
	enum { CHILDREN = 300 };
	int seen[CHILDREN] = {0};

	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			_exit(i % 200);
	}
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		check(waitpid(-1, &status, 0) > 0);
		check(WIFEXITED(status));
		seen[WEXITSTATUS(status)]++;
	}
	for (int i = 0; i < 200; i++)
		check_eq(seen[i], i < 100 ? 2 : 1);
}

/* Each process of the chain waits for the next, and adds one to what that returns. */
static int chain(volatile int *depth_seen, int depth, int last, pid_t parent)
{
	int status;
	pid_t pid;

	check_eq(getppid(), parent);
	check_eq(*depth_seen, depth);
	if (depth == last)
		return 0;
	parent = getpid();
	*depth_seen = depth + 1;
	pid = tap_fork();
	if (pid == 0)
		_exit(chain(depth_seen, depth + 1, last, parent));
	status = tap_wait(pid);
	check(WIFEXITED(status));
	check_eq(*depth_seen, depth + 1);
	return WEXITSTATUS(status) + 1;
}

static void chain_of_a_hundred(void)
{
	volatile int *depth_seen = (volatile int *)map_private(PAGE);

	check_eq(chain(depth_seen, 0, 100, getppid()), 100);
}

/* Each process of the chain forks the next and is gone. */
static void chain_of_a_hundred_orphans(void)
{
	volatile int *depth = (volatile int *)map_private(PAGE);
	int *arrived = tap_shared(sizeof(*arrived));
	pid_t pid = tap_fork();

	if (pid == 0) {
		while (*depth < 100) {
			++*depth;
			if (tap_fork() != 0)
				_exit(0);
		}
		check_eq(*depth, 100);
		*arrived = 1;
		_exit(0);
	}
	check_exits(pid, 0);
	tap_await(arrived, 1);
	check_eq(*depth, 0);
}

static void become(uid_t user, rlim_t processes)
{
	struct rlimit limit = {processes, processes};

	check_call(setrlimit(RLIMIT_NPROC, &limit));
	check_call(setresuid(user, user, user));
}

/* How many children this process can have, which then wait at the gate. */
static int fork_until_refused(pid_t *pids, int most)
{
	for (int i = 0; i < most; i++) {
		pids[i] = raw_fork();
		if (pids[i] == 0) {
			wait_at_gate();
			_exit(0);
		}
		if (pids[i] < 0) {
			check_eq(pids[i], -EAGAIN);
			return i;
		}
	}
	return most;
}

static void limit_is_exact(void)
{
	pid_t pids[10];

	close_gate();
	become(FIRST_USER, 6);
	check_eq(fork_until_refused(pids, 10), 5); /* the sixth process is this one */
	check_eq(raw_fork(), -EAGAIN);
	check_errno(fork(), EAGAIN);
	let_all_pass();
	for (int i = 0; i < 5; i++)
		check_exits(pids[i], 0);
}

static void room_comes_back(void)
{
	pid_t pids[10];

	become(FIRST_USER + 1, 4);
	for (int round = 0; round < 5; round++) {
		close_gate();
		check_eq(fork_until_refused(pids, 10), 3);
		let_all_pass();
		for (int i = 0; i < 3; i++)
			check_exits(pids[i], 0);
		check_call(close(gate[0]));
	}
}

static void zombies_count(void)
{
	siginfo_t info;
	pid_t pid;

	become(FIRST_USER + 2, 2);
	pid = raw_fork();
	if (pid == 0)
		_exit(0);
	check(pid > 0);
	check_call(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	check_eq(raw_fork(), -EAGAIN);
	check_exits(pid, 0);
	pid = raw_fork();
	if (pid == 0)
		_exit(0);
	check(pid > 0);
	check_exits(pid, 0);
}

static void every_kind_of_clone_counts(void)
{
	static char stack[16 * 1024] __attribute__((aligned(16)));
	struct clone_args args = {.exit_signal = SIGCHLD};

	become(FIRST_USER + 3, 1);
	check_eq(raw_fork(), -EAGAIN);
	check_eq(raw_vfork(), -EAGAIN);
	check_eq(raw_clone(SIGCHLD, NULL, NULL, NULL, 0), -EAGAIN);
	check_eq(raw_clone3(&args, CLONE_ARGS_SIZE_VER0), -EAGAIN);
	check_eq(raw_clone_call(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
				stack + sizeof(stack), NULL, NULL, 0, NULL, NULL),
		 -EAGAIN);
}

static void superuser_has_no_limit(void)
{
	struct rlimit limit = {1, 1};

	check_call(setrlimit(RLIMIT_NPROC, &limit));
	for (int i = 0; i < 5; i++)
		if (tap_fork() == 0)
			_exit(0);
	for (int i = 0; i < 5; i++)
		check_call(wait(NULL));
}

static void users_are_counted_apart(void)
{
	pid_t pids[4];

	close_gate();
	for (int user = 0; user < 4; user++) {
		pids[user] = tap_fork();
		if (pids[user] == 0) {
			pid_t pid;
			become(FIRST_USER + 4 + user, 2);
			pid = raw_fork();
			check(pid >= 0);
			wait_at_gate();
			if (pid == 0)
				_exit(0);
			check_exits(pid, 0);
			_exit(0);
		}
	}
	let_all_pass();
	for (int user = 0; user < 4; user++)
		check_exits(pids[user], 0);
}

static long free_kibibytes(void)
{
	struct sysinfo info;

	check_call(sysinfo(&info));
	return (long)(info.freeram * info.mem_unit >> 10);
}

/*
 * A kernel may put off freeing, so the memory has a while to come back; 16 MiB of stacks do not, if
 * they are lost.
 */
static void refused_forks_cost_nothing(void)
{
	long free_before;

	become(FIRST_USER + 8, 1);
	check_eq(raw_fork(), -EAGAIN);
	free_before = free_kibibytes();
	for (int i = 0; i < 1000; i++)
		check_eq(raw_fork(), -EAGAIN);
	for (int i = 0; i < 300 && free_kibibytes() < free_before - 8192; i++)
		tap_sleep_ms(10);
	check(free_kibibytes() >= free_before - 8192);
}

/* Every process forks until it is refused, then waits for the end. */
static void explode(volatile int *alive, volatile int *end)
{
	__atomic_add_fetch(alive, 1, __ATOMIC_SEQ_CST);
	while (!*end) {
		pid_t pid = raw_fork();
		if (pid == 0)
			__atomic_add_fetch(alive, 1, __ATOMIC_SEQ_CST);
		if (pid < 0) {
			check_eq(pid, -EAGAIN);
			tap_sleep_ms(5);
		}
	}
	_exit(0);
}

static void fork_bomb_is_contained(void)
{
	enum { LIMIT = 40 };
	volatile int *alive = tap_shared(2 * sizeof(*alive)), *end = alive + 1;
	pid_t bomb = tap_fork();

	if (bomb == 0) {
		become(FIRST_USER + 9, LIMIT);
		explode(alive, end);
	}
	tap_await(alive, LIMIT);
	for (int i = 0; i < 5; i++) { /* everybody else goes on */
		pid_t pid = tap_fork();
		if (pid == 0)
			_exit(0);
		check_exits(pid, 0);
		tap_sleep_ms(5);
	}
	check_eq(*alive, LIMIT);
	*end = 1;
	check_exits(bomb, 0);
}

static void fork_bomb_can_be_killed(void)
{
	enum { LIMIT = 30 };
	volatile int *alive = tap_shared(2 * sizeof(*alive)), *end = alive + 1;
	pid_t bomb = tap_fork();

	if (bomb == 0) {
		check_call(setpgid(0, 0));
		become(FIRST_USER + 10, LIMIT);
		explode(alive, end);
	}
	tap_await(alive, LIMIT);
	check_call(kill(-bomb, SIGKILL));
	check_killed(bomb, SIGKILL);
	while (kill(-bomb, SIGKILL) == 0)
		tap_sleep_ms(1);
	check_eq(errno, ESRCH);
}

/*
 * setuid to a user who is over the limit succeeds; it is a later execve that fails, and only if the
 * user was over the limit before the setuid already.
 */
static void exec_after_setuid(uid_t user, rlim_t limit, int expected_exit)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		char *self = (char *)getauxval(AT_EXECFN);
		become(user, limit);
		execve(self, (char *[]){self, "--after-exec", NULL}, (char *[]){NULL});
		_exit(errno == EAGAIN ? 1 : 2);
	}
	check_exits(pid, expected_exit);
}

static void exec_fails_for_a_user_over_the_limit(void)
{
	int *ready = tap_shared(sizeof(*ready));
	pid_t pids[3];

	close_gate();
	for (size_t i = 0; i < TAP_COUNT(pids); i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			check_call(setresuid(FIRST_USER + 11, FIRST_USER + 11, FIRST_USER + 11));
			__atomic_add_fetch(ready, 1, __ATOMIC_SEQ_CST);
			wait_at_gate();
			_exit(0);
		}
	}
	tap_await(ready, TAP_COUNT(pids));
	exec_after_setuid(FIRST_USER + 11, 2, 1);
	exec_after_setuid(FIRST_USER + 11, 3, 7);
	exec_after_setuid(FIRST_USER + 11, 4, 7);
	let_all_pass();
	for (size_t i = 0; i < TAP_COUNT(pids); i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(page_with_more_owners_than_a_byte_counts,
	     "a page owned by 301 processes is isolated in each"),
	TEST(page_loses_its_owners_one_by_one, "a page is there until the last of 261 owners"),
	TEST(shared_page_with_many_users, "a shared page used by 301 processes is one page"),
	TEST(page_of_zeros_with_many_references, "70000 references to the page of zeros"),
	TEST(five_hundred_live_children,
	     "520 children live at once, each with a number and an exit status of its own"),
	TEST(three_hundred_zombies, "300 zombies are reaped, each once"),
	TEST(chain_of_a_hundred, "a chain of a hundred forks, each waiting for the next"),
	TEST(chain_of_a_hundred_orphans, "a chain of a hundred forks, each gone before the next"),
	TEST(limit_is_exact, "RLIMIT_NPROC refuses the first process too many with EAGAIN"),
	TEST(room_comes_back, "processes that were reaped make room under RLIMIT_NPROC"),
	TEST(zombies_count, "a zombie counts for RLIMIT_NPROC until it is reaped"),
	TEST(every_kind_of_clone_counts,
	     "RLIMIT_NPROC holds for fork, vfork, clone, clone3 and threads"),
	TEST(superuser_has_no_limit, "RLIMIT_NPROC does not hold for the superuser"),
	TEST(users_are_counted_apart, "RLIMIT_NPROC counts each user's processes"),
	TEST(refused_forks_cost_nothing, "a thousand refused forks leave nothing behind"),
	TEST(fork_bomb_is_contained, "a fork bomb is contained by RLIMIT_NPROC and others go on"),
	TEST(fork_bomb_can_be_killed, "a fork bomb is killed through its process group"),
	TEST(exec_fails_for_a_user_over_the_limit,
	     "exec fails for a user who was over RLIMIT_NPROC before setuid"),
};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--after-exec") == 0)
		return 7;
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
