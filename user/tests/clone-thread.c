/*
 * CLONE_THREAD: the child is one more thread of the caller's process: no child of anybody's, and
 * nobody is told of its end.
 */
#include "clone.h"

#include <sys/resource.h>
#include <sys/time.h>
#include <pthread.h>

static volatile int *shared;
static volatile int word;

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

static int exit_when_told(void *argument)
{
	raw_await(&shared[0], 1);
	return 0;
}

static int note_thread(void *argument)
{
	volatile int *notes = argument;

	set(&notes[0], raw0(SYS_getpid));
	set(&notes[1], raw_gettid());
	set(&notes[2], raw0(SYS_getppid));
	set(&notes[3], raw0(SYS_getpgrp));
	return 0;
}

static void thread_has_the_process_s_pid_and_its_own_tid(void)
{
	volatile int notes[4] = {0};
	struct thread thread;

	thread_start(&thread, note_thread, (void *)notes);
	thread_join(&thread);
	check_eq(notes[0], getpid());
	check_eq(notes[1], thread.tid);
	check(notes[1] != notes[0]);
	check_eq(notes[2], getppid());
	check_eq(notes[3], getpgrp());
}

static void thread_is_no_child(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	thread_start(&thread, exit_when_told, NULL);
	check_eq(raw_wait4(thread.tid, NULL, __WALL | WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, __WALL | WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, __WCLONE | WNOHANG, NULL), -ECHILD);
	set(&shared[0], 1);
	thread_join(&thread);
}

static void thread_ignores_the_exit_signal(void)
{
	static const int signals[] = {SIGUSR1, SIGCHLD, SIGKILL, 200};

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		struct thread thread = {0};
		int *tid = (int *)&thread.word;

		thread.tid = raw_clone_call(THREAD_FLAGS | signals[i], new_stack(), tid, tid, 0,
					    return_argument, NULL);
		check(thread.tid > 0);
		thread_join(&thread);
	}
	settle();
	check_eq(caught[SIGUSR1] + caught[SIGCHLD], 0);
}

static void *pthread_body(void *argument)
{
	errno = 77;
	return (char *)argument + 1;
}

static void library_threads_work(void)
{
	pthread_t threads[4];
	void *result;

	errno = 0;
	for (long i = 0; i < 4; i++)
		check_eq(pthread_create(&threads[i], NULL, pthread_body, (void *)(i * 10)), 0);
	for (long i = 0; i < 4; i++) {
		check_eq(pthread_join(threads[i], &result), 0);
		check_eq((long)result, i * 10 + 1);
	}
	check_eq(errno, 0);
}

/* ---- what the process has once ---- */

static int change_the_process(void *argument)
{
	const struct rlimit limit = {77, 88};
	const struct itimerval timer = {.it_value = {1000, 0}};

	if (raw2(SYS_setrlimit, RLIMIT_NOFILE, &limit) != 0)
		return 1;
	if (raw3(SYS_setitimer, ITIMER_REAL, &timer, NULL) != 0)
		return 2;
	return raw2(SYS_setpgid, 0, 0) == 0 ? 0 : 3;
}

static void limits_timers_and_group_are_the_process_s(void)
{
	struct itimerval timer;
	struct rlimit limit;
	struct thread thread;
	pid_t pid = tap_fork();

	if (pid != 0) {
		check_exits(pid, 0);
		return;
	}
	die_with_the_parent();
	thread_start(&thread, change_the_process, NULL);
	thread_join(&thread);
	check_call(getrlimit(RLIMIT_NOFILE, &limit));
	check_eq(limit.rlim_cur, 77);
	check_call(getitimer(ITIMER_REAL, &timer));
	check(timer.it_value.tv_sec > 0);
	check_eq(getpgrp(), getpid());
	_exit(0);
}

/* Without CLONE_THREAD, all else shared: they are the child's own. */
static void without_thread_they_are_the_childs_own(void)
{
	const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND;
	struct itimerval timer;
	struct rlimit before, after;

	check_call(getrlimit(RLIMIT_NOFILE, &before));
	check_exits(clone_call(flags | SIGCHLD, change_the_process, NULL), 0);
	check_call(getrlimit(RLIMIT_NOFILE, &after));
	check_eq(after.rlim_cur, before.rlim_cur);
	check_call(getitimer(ITIMER_REAL, &timer));
	check_eq(timer.it_value.tv_sec, 0);
	check(getpgrp() != 0 && getpgrp() == getpid());
}

/* ---- what each thread has ---- */

static int change_the_thread(void *argument)
{
	unsigned long usr1 = 1UL << (SIGUSR1 - 1);

	raw2(SYS_prctl, PR_SET_NAME, "another");
	if (raw3(SYS_setresuid, -1, 1000, -1) != 0)
		return 1;
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8);
	raw2(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
	raw3(SYS_setpriority, PRIO_PROCESS, 0, 7);
	return 0;
}

static void credentials_name_mask_and_niceness_are_the_thread_s(void)
{
	char before[16] = "", after[16] = "";
	struct thread thread;

	check_call(prctl(PR_GET_NAME, before));
	thread_start(&thread, change_the_thread, NULL);
	thread_join(&thread);
	check_call(prctl(PR_GET_NAME, after));
	check(strcmp(before, after) == 0);
	check_eq(geteuid(), 0);
	check(!is_blocked(SIGUSR1));
	check_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	check_eq(getpriority(PRIO_PROCESS, 0), 0);
}

static volatile int handled_by;

static void note_thread_handling(int number)
{
	set(&handled_by, raw_gettid());
}

static int wait_for_signal(void *argument)
{
	set(&shared[1], 1);
	while (!get(&handled_by))
		raw0(SYS_sched_yield);
	return 0;
}

static void signal_to_a_thread_is_handled_there(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	set_handler(SIGUSR1, note_thread_handling, 0);
	thread_start(&thread, wait_for_signal, NULL);
	tap_await(&shared[1], 1);
	check_eq(raw3(SYS_tgkill, getpid(), thread.tid, SIGUSR1), 0);
	thread_join(&thread);
	check_eq(handled_by, thread.tid);
}

static void signal_to_the_process_finds_who_has_it_unblocked(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	set_handler(SIGUSR1, note_thread_handling, 0);
	thread_start(&thread, wait_for_signal, NULL);
	block_signal(SIGUSR1);
	tap_await(&shared[1], 1);
	check_call(kill(getpid(), SIGUSR1));
	thread_join(&thread);
	check_eq(handled_by, thread.tid);
}

static int look_at_pending(void *argument)
{
	unsigned long pending = 0;

	raw2(SYS_rt_sigpending, &pending, 8);
	set(&shared[1], pending == (1UL << (SIGUSR2 - 1)) ? 1 : 2);
	return 0;
}

/* What is sent to the process is pending for all; what is sent to one thread, for that one. */
static void pending_signals_of_process_and_thread(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	block_signal(SIGUSR1);
	block_signal(SIGUSR2);
	check_eq(raw3(SYS_tgkill, getpid(), raw_gettid(), SIGUSR1), 0);
	check_call(kill(getpid(), SIGUSR2));
	thread_start(&thread, look_at_pending, NULL);
	thread_join(&thread);
	check_eq(shared[1], 1);
	check(is_pending(SIGUSR1) && is_pending(SIGUSR2));
}

/* ---- many, and how they are made ---- */

static int count_and_exit(void *argument)
{
	add(&shared[1], 1);
	return 0;
}

static void many_come_and_go(void)
{
	enum { AT_ONCE = 16, TIMES = 12 };
	static struct thread threads[AT_ONCE];

	shared = tap_shared(4096);
	for (int i = 0; i < TIMES; i++) {
		for (int j = 0; j < AT_ONCE; j++)
			thread_start(&threads[j], count_and_exit, NULL);
		for (int j = 0; j < AT_ONCE; j++)
			thread_join(&threads[j]);
	}
	check_eq(shared[1], AT_ONCE * TIMES);
	check_eq(number_of(read_text("/proc/self/status"), "Threads"), 1);
}

static struct thread second;

static int start_the_second(void *argument)
{
	int *word = (int *)&second.word;

	second.tid =
		raw_clone_call(THREAD_FLAGS, new_stack(), word, word, 0, note_thread, argument);
	return 0;
}

static void a_thread_makes_a_thread_of_the_process(void)
{
	volatile int notes[4] = {0};
	struct thread first;

	thread_start(&first, start_the_second, (void *)notes);
	thread_join(&first);
	thread_join(&second);
	check_eq(notes[0], getpid());
	check_eq(notes[1], second.tid);
	check_eq(notes[2], getppid());
}

/* CLONE_PARENT beside it changes nothing: a thread has its process's parent anyhow. */
static void parent_flag_means_nothing_for_a_thread(void)
{
	volatile int notes[4] = {0};
	struct thread thread;
	int *word = (int *)&thread.word;

	thread.tid = raw_clone_call(THREAD_FLAGS | CLONE_PARENT, new_stack(), word, word, 0,
				    note_thread, (void *)notes);
	check(thread.tid > 0);
	thread_join(&thread);
	check_eq(notes[0], getpid());
	check_eq(notes[2], getppid());
}

static int clone3_thread(void *argument)
{
	return note_thread(argument);
}

static void clone3_makes_threads_too(void)
{
	volatile int notes[4] = {0};
	struct thread thread;
	const struct clone_args args = {
		.flags = THREAD_FLAGS,
		.parent_tid = (uintptr_t)&thread.word,
		.child_tid = (uintptr_t)&thread.word,
		.stack = (uintptr_t)new_stack() - STACK_SIZE,
		.stack_size = STACK_SIZE,
	};

	thread.tid = raw_clone3_call(&args, sizeof(args), clone3_thread, (void *)notes);
	check(thread.tid > 0);
	thread_join(&thread);
	check_eq(notes[0], getpid());
	check_eq(notes[1], thread.tid);
}

static const struct test_case cases[] = {
	TEST(thread_has_the_process_s_pid_and_its_own_tid,
	     "clone: a thread has the process's pid and a tid of its own"),
	TEST(thread_is_no_child, "clone: a thread is nobody's child to wait for"),
	TEST(thread_ignores_the_exit_signal, "clone: CLONE_THREAD ignores the exit signal"),
	TEST(library_threads_work,
	     "clone: the C library's threads start, have their own errno, and are joined"),
	TEST(limits_timers_and_group_are_the_process_s,
	     "CLONE_THREAD: limits, timers and process group are the process's"),
	TEST(without_thread_they_are_the_childs_own,
	     "CLONE_THREAD: without it they are the child's, whatever else is shared"),
	TEST(credentials_name_mask_and_niceness_are_the_thread_s,
	     "CLONE_THREAD: credentials, name, mask and niceness are the thread's own"),
	TEST(signal_to_a_thread_is_handled_there,
	     "CLONE_THREAD: a signal to one thread is handled there"),
	TEST(signal_to_the_process_finds_who_has_it_unblocked,
	     "CLONE_THREAD: a signal to the process goes to a thread that does not block it"),
	TEST(pending_signals_of_process_and_thread,
	     "CLONE_THREAD: pending signals of the process are every thread's, those of one its own"),
	TEST(many_come_and_go, "CLONE_THREAD: sixteen at once, twelve times, and one is left"),
	TEST(a_thread_makes_a_thread_of_the_process,
	     "CLONE_THREAD: a thread's thread is the process's"),
	TEST(parent_flag_means_nothing_for_a_thread,
	     "CLONE_THREAD: CLONE_PARENT beside it changes nothing"),
	TEST(clone3_makes_threads_too, "CLONE_THREAD: clone3 makes threads too"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
