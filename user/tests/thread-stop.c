/*
 * Stops and continues of a process of several threads.
 */
#include "raw_threads.h"

#include <sys/syscall.h>

#define N 5

static volatile int *shared; /* of each case its own: [0] ready, others as it likes */

static int sits_there(void *unused)
{
	(void)unused;
	for (;;)
		raw0(SYS_pause);
	return 0;
}

static int spins(void *unused)
{
	(void)unused;
	for (;;)
		;
	return 0;
}

static long tids[N];

/* A process of N + 1 threads, some asleep and some busy; it never ends by itself. */
static pid_t crowd(void)
{
	long *numbers;
	pid_t pid;

	shared = tap_shared(4096);
	numbers = (long *)(shared + 64);
	pid = tap_fork();
	if (pid == 0) {
		struct thread threads[N];

		for (int i = 0; i < N; i++) {
			thread_start(&threads[i], i < 2 ? spins : sits_there, NULL);
			numbers[i] = threads[i].tid;
		}
		set(shared, 1);
		sits_there(NULL);
	}
	tap_await(shared, 1);
	for (int i = 0; i < N; i++)
		tids[i] = numbers[i];
	return pid;
}

static void check_stopped(pid_t pid, int number)
{
	int status;

	check_eq(raw_wait4(pid, &status, WUNTRACED, NULL), pid);
	check(WIFSTOPPED(status));
	check_eq(WSTOPSIG(status), number);
}

static void check_continued(pid_t pid)
{
	int status;

	check_eq(raw_wait4(pid, &status, WCONTINUED, NULL), pid);
	check(WIFCONTINUED(status));
}

static void end(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void check_all_in_stop(pid_t pid)
{
	check_eq(thread_state(pid, pid), 'T');
	for (int i = 0; i < N; i++)
		check_eq(thread_state(pid, (pid_t)tids[i]), 'T');
}

static void all_stop(void)
{
	pid_t pid = crowd();

	check_call(kill(pid, SIGSTOP));
	check_stopped(pid, SIGSTOP);
	check_all_in_stop(pid);
	check_call(kill(pid, SIGCONT));
	check_continued(pid);
	for (int i = 0; i < N; i++)
		check(thread_state(pid, (pid_t)tids[i]) != 'T');
	end(pid);
}

static void by_one_thread(void)
{
	static const int numbers[] = {SIGSTOP, SIGTSTP, SIGTTIN};
	pid_t pid = crowd();

	for (size_t i = 0; i < TAP_COUNT(numbers); i++) {
		check_eq(raw3(SYS_tgkill, pid, tids[i], numbers[i]), 0);
		/* A group without a shell above it is orphaned, and then only SIGSTOP stops. */
		if (numbers[i] == SIGSTOP) {
			check_stopped(pid, numbers[i]);
			check_all_in_stop(pid);
			check_eq(raw3(SYS_tgkill, pid, tids[N - 1], SIGCONT), 0);
			check_continued(pid);
		}
		check_call(kill(pid, SIGCONT));
	}
	end(pid);
}

static void told_once(void)
{
	pid_t pid;

	set_handler(SIGCHLD, count_signal, SA_RESTART);
	pid = crowd();
	for (int i = 1; i <= 5; i++) {
		check_call(kill(pid, SIGSTOP));
		check_stopped(pid, SIGSTOP);
		check_eq(raw_wait4(pid, NULL, WUNTRACED | WNOHANG, NULL), 0);
		check_eq(caught[SIGCHLD], 2 * i - 1);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
		check_eq(raw_wait4(pid, NULL, WCONTINUED | WNOHANG, NULL), 0);
		raw_await(&caught[SIGCHLD], 2 * i);
		check_eq(caught[SIGCHLD], 2 * i);
	}
	end(pid);
}

static UNUSED void tell(int number)
{
	(void)number;
	add(shared + 1, 1);
}

static void handler_of_cont(void)
{
	pid_t pid;

	set_handler(SIGCONT, tell, 0);
	pid = crowd();
	for (int i = 1; i <= 3; i++) {
		check_call(kill(pid, SIGSTOP));
		check_stopped(pid, SIGSTOP);
		check_eq(get(shared + 1), i - 1);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
		tap_await(shared + 1, i);
	}
	settle();
	check_eq(get(shared + 1), 3);
	end(pid);
}

/* A thread that waits for its vfork child stops when that has let it go, and the process with it. */
static int child_waits(void *unused)
{
	(void)unused;
	while (!get(shared + 1))
		raw_settle();
	return 0;
}

static int in_vfork(void *unused)
{
	(void)unused;
	set(shared + 2, vfork_call(child_waits, NULL));
	return sits_there(NULL);
}

static void a_vfork_holds_it_up(void)
{
	struct thread thread;
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_fork();
	if (pid == 0) {
		thread_start(&thread, in_vfork, NULL);
		set(shared + 3, (int)thread.tid);
		set(shared, 1);
		sits_there(NULL);
	}
	tap_await(shared, 1);
	await_thread_state(pid, shared[3], 'D');
	check_call(kill(pid, SIGSTOP));
	await_thread_state(pid, pid, 'T');
	settle();
	check_eq(raw_wait4(pid, NULL, WUNTRACED | WNOHANG, NULL), 0);
	check_eq(thread_state(pid, shared[3]), 'D');
	set(shared + 1, 1);
	check_stopped(pid, SIGSTOP);
	check_eq(get(shared + 2), 0);
	check_call(kill(pid, SIGCONT));
	check_continued(pid);
	tap_await(shared + 2, 1);
	end(pid);
}

/* ---- storms ---- */

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

static int (*life)(void *); /* of the threads that come and go */

static int churn(void *stack)
{
	volatile int word;

	for (;;) {
		word = 1;
		if (raw_clone_call(THREAD_FLAGS, stack, NULL, (int *)&word, 0, life, NULL) < 0)
			raw1(SYS_exit_group, 1);
		while (get(&word))
			raw_futex_wait(&word, 1);
		add(shared + 1, 1);
	}
	return 0;
}

static pid_t churning(int (*function)(void *))
{
	pid_t pid;

	shared = tap_shared(4096);
	life = function;
	pid = tap_fork();
	if (pid == 0) {
		struct thread threads[3];

		for (int i = 0; i < 3; i++)
			thread_start(&threads[i], churn, new_stack());
		sits_there(NULL);
	}
	tap_await(shared + 1, 1);
	return pid;
}

/* Each stop holds, and after each continue it goes on. */
static void while_threads_come_and_go(void)
{
	pid_t pid = churning(nothing);

	for (int i = 0; i < 30; i++) {
		int made;

		check_call(kill(pid, SIGSTOP));
		check_stopped(pid, SIGSTOP);
		made = get(shared + 1);
		raw_settle();
		check_eq(get(shared + 1), made);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
		tap_await(shared + 1, made + 1);
	}
	end(pid);
}

/* Counts for longer than it takes to stop the others. */
static int counts(void *unused)
{
	for (int i = 0; i < 20000; i++)
		add(shared + 2, 1);
	return nothing(unused);
}

/* A stop that begins while a thread is being made is one for the new thread as well. */
static void nobody_is_born_running(void)
{
	pid_t pid = churning(counts);

	for (int i = 0; i < 50; i++) {
		check_call(kill(pid, SIGSTOP));
		check_stopped(pid, SIGSTOP);
		set(shared + 2, 0);
		for (int n = 0; n < 20; n++)
			raw0(SYS_sched_yield);
		check_eq(get(shared + 2), 0);
		check_call(kill(pid, SIGCONT));
		check_continued(pid);
		tap_await(shared + 2, 1);
	}
	end(pid);
}

static void stops_and_deaths(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = churning(nothing);
		int status;

		check_call(kill(pid, SIGSTOP));
		if (i % 2)
			check_call(kill(pid, SIGCONT));
		check_call(kill(pid, SIGTERM));
		if (i % 4 == 0)
			check_call(kill(pid, SIGCONT));
		else if (i % 2 == 0)
			check_call(kill(pid, SIGKILL));
		status = tap_wait(pid);
		check(WIFSIGNALED(status));
		check(WTERMSIG(status) == SIGTERM || (i % 4 == 2 && WTERMSIG(status) == SIGKILL));
	}
}

/* SIGCONT takes back a stop that not all threads have come to. */
static void stops_taken_back(void)
{
	pid_t pid = churning(nothing);
	int made;

	for (int i = 0; i < 200; i++) {
		check_call(kill(pid, SIGSTOP));
		check_call(kill(pid, SIGCONT));
	}
	made = get(shared + 1);
	tap_await(shared + 1, made + 10);
	check_eq(raw_wait4(pid, NULL, WUNTRACED | WNOHANG, NULL), 0);
	end(pid);
}

static int exits_when_told(void *unused)
{
	(void)unused;
	while (!get(shared + 1))
		;
	return 0;
}

/* Who leaves instead of stopping is not waited for. */
static void leaving_while_stopping(void)
{
	shared = tap_shared(4096);
	for (int i = 0; i < 10; i++) {
		pid_t pid = tap_fork();

		if (pid == 0) {
			struct thread threads[N];

			for (int j = 0; j < N; j++)
				thread_start(&threads[j], exits_when_told, NULL);
			set(shared, i + 1);
			sits_there(NULL);
		}
		tap_await(shared, i + 1);
		check_call(kill(pid, SIGSTOP));
		set(shared + 1, 1);
		check_stopped(pid, SIGSTOP);
		set(shared + 1, 0);
		end(pid);
	}
}

static const struct test_case cases[] = {
	TEST(all_stop, "thread-stop: busy or asleep, all threads stop and go on"),
	TEST(by_one_thread, "thread-stop: SIGSTOP to one thread stops all"),
	TEST(told_once, "thread-stop: the parent is told once, however many threads there are"),
	TEST(handler_of_cont, "thread-stop: SIGCONT's handler runs once"),
	TEST(a_vfork_holds_it_up, "thread-stop: a thread in vfork holds the stop up"),
	TEST(while_threads_come_and_go, "thread-stop: threads that come and go stop as well"),
	TEST(nobody_is_born_running, "thread-stop: a thread that is made meanwhile stops as well"),
	TEST(stops_and_deaths, "thread-stop: deaths of stopping processes"),
	TEST(stops_taken_back, "thread-stop: stops that are taken back"),
	TEST(leaving_while_stopping, "thread-stop: who leaves is not waited for"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
