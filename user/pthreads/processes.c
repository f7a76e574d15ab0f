/*
 * Threads and processes: fork, vfork, exec and exit by one thread of many, and rights that a process has as a whole
 * though the kernel knows them by thread.
 */
#include "pthreads.h"

#include <grp.h>
#include <spawn.h>

static struct gate gate = GATE;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, held = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static volatile int done, counter, tid;
static int ends[2];

static void *wait_at_gate(void *argument)
{
	gate_wait(&gate);
	return argument;
}

static void *count_up(void *argument)
{
	add(&counter, 1);
	return argument;
}

/* ---- fork ---- */

static int order[6], orders;

static void note(int what)
{
	order[orders++] = what;
}

static void prepare_1(void)
{
	note(1);
}
static void prepare_2(void)
{
	note(2);
}
static void parent_1(void)
{
	note(11);
}
static void parent_2(void)
{
	note(12);
}
static void child_1(void)
{
	note(21);
}
static void child_2(void)
{
	note(22);
}

static void check_order(int first)
{
	const int wanted[] = {2, 1, first, first + 1};

	check_eq(orders, 4);
	for (int i = 0; i < 4; i++)
		check_eq(order[i], wanted[i]);
}

static void atfork_handlers(void)
{
	pid_t pid;

	check_eq(pthread_atfork(prepare_1, parent_1, child_1), 0);
	check_eq(pthread_atfork(prepare_2, parent_2, child_2), 0);
	pid = tap_fork();
	check_order(pid ? 11 : 21);
	if (pid == 0)
		_exit(3);
	check_exits(pid, 3);
}

/* What the child of a thread finds: itself alone, under its old name, and able to make threads. */
static void *fork_in_thread(void *argument)
{
	pthread_t self = pthread_self();
	pid_t parent = getpid(), pid = tap_fork();

	if (pid == 0) {
		pthread_t children[5];

		check_eq(count_threads(), 1);
		check(pthread_equal(pthread_self(), self));
		check_eq(raw_gettid(), getpid());
		check_eq(getppid(), parent);
		start_many(children, 5, count_up);
		join_many(children, 5);
		check_eq(counter, 5);
		_exit(4);
	}
	check_exits(pid, 4);
	return NULL;
}

static void fork_from_a_thread(void)
{
	pthread_t others[10];

	start_many(others, 10, wait_at_gate);
	tap_await(&gate.waiting, 10);
	join(start(fork_in_thread, NULL));
	await_threads(11); /* who was joined may be listed for a moment yet */
	gate_open(&gate);
	join_many(others, 10);
}

static void *return_after_fork(void *argument)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		return NULL;
	check_exits(pid, 0);
	return argument;
}

/* The forked thread is the only one of its process: its end is the process's. */
static void child_returns(void)
{
	check(join(start(return_after_fork, &gate)) == &gate);
}

static void *hold_mutex(void *argument)
{
	check_eq(pthread_mutex_lock(&held), 0);
	gate_wait(&gate);
	check_eq(pthread_mutex_unlock(&held), 0);
	return NULL;
}

static void mutexes_in_the_child(void)
{
	pthread_t thread = start(hold_mutex, NULL);
	pid_t pid;

	tap_await(&gate.waiting, 1);
	check_eq(pthread_mutex_lock(&mutex), 0);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(pthread_mutex_trylock(&held), EBUSY);
		check_eq(pthread_mutex_unlock(&mutex), 0);
		check_eq(pthread_mutex_lock(&mutex), 0);
		_exit(5);
	}
	check_exits(pid, 5);
	check_eq(pthread_mutex_unlock(&mutex), 0);
	gate_open(&gate);
	join(thread);
}

static void *allocate_for_ever(void *number)
{
	unsigned seed = (long)number;

	while (!get(&done)) {
		size_t size = rand_r(&seed) % 3000 + 1;
		char *block = malloc(size);

		check(block);
		block[0] = block[size - 1] = 1;
		free(block);
	}
	return NULL;
}

static void allocate_in_child(void *argument)
{
	for (int i = 1; i < 100; i++) {
		char *block = malloc(i * 37);

		check(block);
		memset(block, i, i * 37);
		if (i % 3)
			free(block);
	}
}

static void malloc_in_the_child(void)
{
	pthread_t threads[3];

	start_many(threads, 3, allocate_for_ever);
	for (int i = 0; i < 60; i++)
		check_child(allocate_in_child, NULL);
	set(&done, 1);
	join_many(threads, 3);
}

static void *come_and_go(void *argument)
{
	while (!get(&done))
		join(start(count_up, NULL));
	return NULL;
}

static void alone(void *argument)
{
	check_eq(count_threads(), 1);
	join(start(count_up, NULL));
}

static void fork_while_threads_come_and_go(void)
{
	pthread_t threads[2];

	start_many(threads, 2, come_and_go);
	for (int i = 0; i < 40; i++)
		check_child(alone, NULL);
	set(&done, 1);
	join_many(threads, 2);
}

/* ---- exec, spawn, exit ---- */

static void *exec_in_thread(void *argument)
{
	exec_helper("exit", "9");
	return NULL;
}

static void *sleep_in_pipe(void *argument)
{
	char byte;

	tell_tid(&tid);
	check_eq(read(ends[0], &byte, 1), 1);
	return NULL;
}

static void exec_among_threads(void *argument)
{
	pthread_t threads[20];

	make_pipe(ends);
	start_many(threads, 20, sleep_in_pipe);
	start(exec_in_thread, NULL);
	join(threads[0]);
}

static void exec_from_a_thread(void)
{
	for (int i = 0; i < 5; i++)
		check_exits(tap_child(exec_among_threads, NULL), 9);
}

extern char **environ;

static void *spawn_in_thread(void *number)
{
	char code[16];
	char *argv[] = {own_path(), "--helper", "exit", code, NULL};
	pid_t pid;

	snprintf(code, sizeof(code), "%d", (int)(long)number + 1);
	for (int i = 0; i < 5; i++) {
		check_eq(posix_spawn(&pid, own_path(), NULL, NULL, argv, environ), 0);
		check_exits(pid, (long)number + 1);
		check_eq(posix_spawn(&pid, "/no/such/program", NULL, NULL, argv, environ), ENOENT);
	}
	return NULL;
}

static void spawn_from_many(void)
{
	pthread_t threads[8];

	start_many(threads, 8, spawn_in_thread);
	join_many(threads, 8);
	check_errno(waitpid(-1, NULL, 0), ECHILD);
	await_threads(1);
}

static void *vfork_in_thread(void *number)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (pid == 0)
			_exit((long)number + 1);
		check(pid > 0);
		check_exits(pid, (long)number + 1);
	}
	return NULL;
}

static void vfork_from_many(void)
{
	pthread_t threads[8];

	start_many(threads, 8, vfork_in_thread);
	join_many(threads, 8);
	check_errno(waitpid(-1, NULL, 0), ECHILD);
}

static void *sleep_in_condition(void *argument)
{
	check_eq(pthread_mutex_lock(&mutex), 0);
	tell_tid(&tid);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	return NULL;
}

static void *sleep_in_mutex(void *argument)
{
	tell_tid(&tid);
	check_eq(pthread_mutex_lock(&held), 0);
	return NULL;
}

static void *sleep_in_join(void *thread)
{
	tell_tid(&tid);
	return join(*(pthread_t *)thread);
}

static pthread_t exiting;

static void at_exit(void)
{
	if (pthread_equal(pthread_self(), exiting))
		_exit(16); /* not 6: this has been called, and by that thread */
}

static void *exit_in_thread(void *argument)
{
	exiting = pthread_self();
	exit(6);
}

/* Every thread sleeps in a way of its own, the first one in a join of the one that exits. */
static void exit_among_sleepers(void *argument)
{
	pthread_t sleeper;

	make_pipe(ends);
	check_eq(pthread_mutex_lock(&held), 0);
	atexit(at_exit);
	sleeper = start(sleep_in_pipe, NULL);
	await_asleep(&tid);
	set(&tid, 0);
	start(sleep_in_condition, NULL);
	await_asleep(&tid);
	set(&tid, 0);
	start(sleep_in_mutex, NULL);
	await_asleep(&tid);
	set(&tid, 0);
	start(sleep_in_join, &sleeper);
	await_asleep(&tid);
	join(start(exit_in_thread, NULL));
}

static void exit_from_a_thread(void)
{
	check_exits(tap_child(exit_among_sleepers, NULL), 16);
}

static int process_state(void)
{
	char text[512], *state;
	int fd = check_call(open("/proc/self/stat", O_RDONLY));
	int n = check_call(read(fd, text, sizeof(text) - 1));

	close(fd);
	text[n] = '\0';
	state = strrchr(text, ')');
	check(state);
	return state[2];
}

static void *outlive_main(void *how)
{
	while (process_state() != 'Z')
		sched_yield();
	join(start(count_up, NULL));
	if (raw_gettid() == getpid() || counter != 1)
		exit(8);
	if (how)
		exit(7);
	return NULL;
}

void end_first(const char *how)
{
	start(outlive_main, strcmp(how, "exit") == 0 ? (void *)how : NULL);
	pthread_exit(NULL);
}

static void exec_first(void *how)
{
	exec_helper("first", how);
}

/* In a new program: the kernel does not open musl's list of threads for the first one of a forked child. */
static void main_ends_first(void)
{
	check_exits(tap_child(exec_first, "return"), 0);
	check_exits(tap_child(exec_first, "exit"), 7);
}

/* ---- rights ---- */

#define USER 4321

static void *check_ids(void *argument)
{
	gate_wait(&gate);
	check_eq(raw0(SYS_getuid), USER);
	check_eq(raw0(SYS_geteuid), USER);
	check_eq(raw0(SYS_getgid), USER + 1);
	check_eq(raw2(SYS_getgroups, 0, NULL), 0);
	check_eq(raw1(SYS_setuid, 0), -EPERM);
	return NULL;
}

static void *drop_rights(void *argument)
{
	check_call(setgroups(0, NULL));
	check_call(setresgid(USER + 1, USER + 1, USER + 1));
	check_call(setresuid(USER, USER, USER));
	check_errno(setuid(0), EPERM);
	return NULL;
}

static void rights_of_all(void)
{
	pthread_t threads[30];

	start_many(threads, 30, check_ids);
	tap_await(&gate.waiting, 30);
	join(start(drop_rights, NULL));
	check_eq(raw0(SYS_getuid), USER);
	gate_open(&gate);
	join_many(threads, 30);
}

static void *tell_effective_id(void *argument)
{
	return (void *)raw0(SYS_geteuid);
}

static void *make_threads(void *argument)
{
	while (!get(&done)) {
		long id = (long)join(start(tell_effective_id, NULL));

		check(id == 0 || id == USER);
		add(&counter, 1);
	}
	return NULL;
}

static void rights_while_threads_come_and_go(void)
{
	pthread_t threads[2];

	start_many(threads, 2, make_threads);
	tap_await(&counter, 2);
	for (int i = 0; i < 20; i++) {
		check_call(seteuid(USER));
		check_eq((long)join(start(tell_effective_id, NULL)), USER);
		check_call(seteuid(0));
		check_eq((long)join(start(tell_effective_id, NULL)), 0);
	}
	set(&done, 1);
	join_many(threads, 2);
}

static const struct test_case cases[] = {
	TEST(atfork_handlers, "handlers of fork run in their order, in parent and child"),
	TEST(fork_from_a_thread, "the child of a thread is that thread alone"),
	TEST(child_returns, "and ends when its function returns"),
	TEST(mutexes_in_the_child, "a mutex that another thread held stays held in the child"),
	TEST(malloc_in_the_child, "the child has memory while the parent's threads took some"),
	TEST(fork_while_threads_come_and_go, "a fork while threads begin and end"),
	TEST(exec_from_a_thread, "a thread that execs is its process's only one, with its number"),
	TEST(spawn_from_many, "eight threads spawn programs at the same time"),
	TEST(vfork_from_many, "eight threads vfork at the same time"),
	TEST(exit_from_a_thread, "exit by a thread ends those that sleep"),
	TEST(main_ends_first, "a process outlives its first thread"),
	TEST(rights_of_all, "a change of user and groups by one thread is one of all"),
	TEST(rights_while_threads_come_and_go, "also while threads begin and end"),
};

SUITE(processes, cases);
