/*
 * exec by a thread that is not the first: what of the thread and of its process the new program
 * has, and exec against everything else that can be going on in a process of several threads.
 */
#include "raw_threads.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#define BIT(number) (1UL << ((number)-1))

static volatile int *shared; /* of parent and child, as far as the exec */

/* ---- the new program ---- */

static int is_alone(void)
{
	return raw0(SYS_gettid) == getpid() && count_threads(getpid()) == 1 &&
	       status_number("/proc/self/status", "Threads:", 10) == 1 &&
	       thread_state(getpid(), getpid()) == 'R';
}

static int starttime(pid_t pid)
{
	char path[64], text[1024], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	read_text(path, text, sizeof(text));
	at = strrchr(text, ')') + 2;
	for (int field = 3; field < 22; field++)
		at = strchr(at, ' ') + 1;
	return atoi(at);
}

static unsigned long pending(void)
{
	unsigned long set = 0;

	raw2(SYS_rt_sigpending, &set, 8);
	return set;
}

static int helper(int argc, char **argv)
{
	long number = argc > 1 ? atol(argv[1]) : 0;
	long *head = (long *)1;
	size_t size;
	unsigned long mask = 0;

	if (strcmp(argv[0], "alone") == 0)
		return is_alone() && getpid() == number ? 0 : 1;
	if (strcmp(argv[0], "gone") == 0)
		return raw3(SYS_tgkill, getpid(), number, 0) == -ESRCH && is_alone() ? 0 : 1;
	if (strcmp(argv[0], "pending") == 0)
		return pending() == (BIT(SIGUSR1) | BIT(SIGTERM)) ? 0 : 1;
	if (strcmp(argv[0], "mask") == 0) {
		raw4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
		return mask == BIT(SIGUSR2) ? 0 : 1;
	}
	if (strcmp(argv[0], "alarm") == 0)
		return pause(); /* until it comes */
	if (strcmp(argv[0], "robust") == 0) {
		raw3(SYS_get_robust_list, 0, &head, &size);
		return head == NULL ? 0 : 1;
	}
	if (strcmp(argv[0], "death") == 0) {
		int signal = -1;

		raw2(SYS_prctl, PR_GET_PDEATHSIG, &signal);
		return signal == SIGUSR1 ? 0 : 1;
	}
	if (strcmp(argv[0], "nice") == 0)
		return getpriority(PRIO_PROCESS, 0) == 7 ? 0 : 1;
	if (strcmp(argv[0], "child") == 0)
		return raw_wait4((pid_t)number, NULL, __WNOTHREAD, NULL) == number ? 0 : 1;
	if (strcmp(argv[0], "started") == 0)
		return starttime(getpid()) == number ? 0 : 1;
	if (strcmp(argv[0], "group") == 0)
		return getpgrp() == getpid() && getsid(0) == getpid() ? 0 : 1;
	if (strcmp(argv[0], "timer") == 0) {
		struct itimerspec spec;

		return raw2(SYS_timer_gettime, number, &spec) == -EINVAL ? 0 : 1;
	}
	return 9;
}

/* ---- a child whose second thread executes it ---- */

struct plan {
	void (*first)(void);  /* what the first thread does before, */
	void (*second)(void); /* and the second; each may be NULL */
	const char *verb;
};

static char number_text[24];

static void give_number(long number)
{
	snprintf(number_text, sizeof(number_text), "%ld", number);
}

static int executes(void *argument)
{
	const struct plan *plan = argument;

	if (plan->second)
		plan->second();
	raw_exec_helper(plan->verb, number_text, NULL);
	return 126;
}

static pid_t start_plan(const struct plan *plan)
{
	struct thread threads[4];
	pid_t pid = tap_fork();

	if (pid)
		return pid;
	if (plan->first)
		plan->first();
	start_waiting(threads, 3); /* with the first one's mask, as the second */
	thread_start(&threads[3], executes, (void *)plan);
	for (;;)
		raw0(SYS_pause);
}

static void run_plan(void (*first)(void), void (*second)(void), const char *verb)
{
	const struct plan plan = {first, second, verb};

	check_exits(start_plan(&plan), 0);
}

static void give_pid(void)
{
	give_number(getpid());
}

static void the_process_stays(void)
{
	run_plan(give_pid, NULL, "alone");
}

static void give_tid(void)
{
	give_number(raw_gettid());
}

static void the_tid_is_gone(void)
{
	run_plan(NULL, give_tid, "gone");
}

/* The process's and the caller's own stay pending; another thread's go with it. */
static void first_has_pending(void)
{
	block_all_signals();
	raw2(SYS_tkill, raw_gettid(), SIGUSR2);
}

static void second_has_pending(void)
{
	raw2(SYS_tkill, raw_gettid(), SIGUSR1);
	raw2(SYS_kill, raw0(SYS_getpid), SIGTERM);
}

static void what_stays_pending(void)
{
	run_plan(first_has_pending, second_has_pending, "pending");
}

static void second_blocks(void)
{
	unsigned long mask = BIT(SIGUSR2);

	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
}

static void first_blocks(void)
{
	block_signal(SIGUSR1);
}

static void the_callers_mask(void)
{
	run_plan(first_blocks, second_blocks, "mask");
}

static void sets_alarm(void)
{
	const struct itimerval soon = {{0, 0}, {0, 200000}};

	check_call(setitimer(ITIMER_REAL, &soon, NULL));
}

static void the_alarm_comes(void)
{
	const struct plan plan = {sets_alarm, NULL, "alarm"};

	check_killed(start_plan(&plan), SIGALRM);
}

static void makes_timer(void)
{
	int id;

	check_eq(raw3(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id), 0);
	give_number(id);
}

static void timers_are_gone(void)
{
	run_plan(makes_timer, NULL, "timer");
}

/*
 * The caller's list is walked at exec, when it has its new number already: a lock under the old one
 * is not found.
 */
static struct {
	long *list;
	long offset, pending;
	long *entries[2]; /* as in a struct robust_list, each a lock's */
} robust;

static void second_has_locks(void)
{
	robust.list = (long *)&robust.entries[0];
	robust.entries[0] = (long *)&robust.entries[1];
	robust.entries[1] = (long *)&robust;
	/* Both locks are words of the shared page, at one distance behind their entries. */
	robust.offset = (char *)shared - (char *)&robust.entries[0];
	shared[0] = (int)raw0(SYS_getpid);
	shared[2] = (int)raw_gettid();
	raw2(SYS_set_robust_list, &robust, 24);
}

static void robust_list_is_walked(void)
{
	const struct plan plan = {NULL, second_has_locks, "robust"};
	pid_t pid = start_plan(&plan);

	check_exits(pid, 0);
	check_eq(shared[0], 0x40000000);
	check(shared[2] > 0 && shared[2] != pid);
}

static void second_wants_signal(void)
{
	raw2(SYS_prctl, PR_SET_PDEATHSIG, SIGUSR1);
}

static void the_callers_death_signal(void)
{
	run_plan(NULL, second_wants_signal, "death");
}

static void second_is_nice(void)
{
	raw3(SYS_setpriority, PRIO_PROCESS, 0, 7);
}

static void the_callers_nice(void)
{
	run_plan(NULL, second_is_nice, "nice");
}

static void first_forks(void)
{
	pid_t pid = raw_fork();

	if (pid == 0)
		raw_exit(0);
	give_number(pid);
}

static void second_forks(void)
{
	first_forks();
}

static void the_firsts_children(void)
{
	run_plan(first_forks, NULL, "child");
}

static void the_callers_children(void)
{
	run_plan(NULL, second_forks, "child");
}

static void first_notes_start(void)
{
	tap_sleep_ms(100);
	give_number(starttime(getpid()));
}

static void the_process_is_as_old(void)
{
	run_plan(first_notes_start, NULL, "started");
}

static void first_leads(void)
{
	die_with_the_parent();
	check_call(setsid());
}

static void group_and_session(void)
{
	run_plan(first_leads, NULL, "group");
}

/* ---- the parent ---- */

static void the_parent_hears_nothing(void)
{
	const struct plan plan = {sets_alarm, NULL, "alarm"};
	pid_t pid;
	char path[64], text[32];

	set_handler(SIGCHLD, count_signal, 0);
	pid = start_plan(&plan);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	do {
		check_eq(raw_wait4(-1, NULL, WNOHANG | WUNTRACED | WCONTINUED | __WALL, NULL), 0);
		check_eq(caught[SIGCHLD], 0);
		/* The new program's second argument tells it from the old one. */
		read_text(path, text, sizeof(text));
	} while (memchr(text, 0, 16) == NULL && strstr(text, "alarm") == NULL &&
		 count_threads(pid) != 1);
	check_killed(pid, SIGALRM);
	check_eq(caught[SIGCHLD], 1);
}

static void the_exit_signal_is_reset(void)
{
	const struct plan plan = {NULL, NULL, "nice"};
	struct thread thread;
	pid_t pid;

	set_handler(SIGUSR1, count_signal, 0);
	set_handler(SIGCHLD, count_signal, 0);
	pid = (pid_t)raw_clone(SIGUSR1, NULL, NULL, NULL, 0);
	if (pid == 0) {
		thread_start(&thread, executes, (void *)&plan);
		for (;;)
			raw0(SYS_pause);
	}
	check_eq(raw_wait4(pid, NULL, __WALL, NULL), pid);
	check_eq(caught[SIGUSR1], 0);
	check_eq(caught[SIGCHLD], 1);
}

/* ---- races ---- */

static volatile int start_line;

static int executes_at_once(void *unused)
{
	(void)unused;
	while (!get(&start_line))
		;
	raw_exec_helper("alone", number_text, NULL);
	return 126;
}

static int exits_at_once(void *unused)
{
	(void)unused;
	while (!get(&start_line))
		;
	raw1(SYS_exit_group, 42);
	return 0;
}

static int one_exits(void *unused)
{
	(void)unused;
	while (!get(&start_line))
		;
	return 0;
}

static int breeds(void *unused)
{
	(void)unused;
	for (int i = 0; i < 200; i++) {
		if (raw_clone_call(THREAD_FLAGS & ~(CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID),
				   new_stack(), NULL, NULL, 0, wait_to_go, NULL) < 0)
			return 1;
		set(&start_line, 1);
	}
	return 0;
}

static int race(int (*other)(void *), int (*another)(void *))
{
	pid_t pid = tap_fork();
	struct thread threads[3];
	int status;

	if (pid == 0) {
		give_pid();
		thread_start(&threads[0], executes_at_once, NULL);
		thread_start(&threads[1], other, NULL);
		thread_start(&threads[2], another, NULL);
		if (other != breeds)
			set(&start_line, 1);
		for (;;)
			raw0(SYS_pause);
	}
	status = tap_wait(pid);
	check(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void two_at_once(void)
{
	for (int i = 0; i < 20; i++)
		check_eq(race(executes_at_once, executes_at_once), 0);
}

static void against_exit_group(void)
{
	for (int i = 0; i < 30; i++) {
		int code = race(exits_at_once, one_exits);

		check(code == 0 || code == 42);
	}
}

static void against_clone(void)
{
	for (int i = 0; i < 10; i++)
		check_eq(race(breeds, breeds), 0);
}

/* SIGKILL in the middle: it ends by it or has become the new program, which ends well. */
static void against_kill(void)
{
	for (int i = 0; i < 20; i++) {
		const struct plan plan = {give_pid, NULL, "alone"};
		pid_t pid = start_plan(&plan);
		int status;

		for (int spin = 0; spin < i * 3; spin++)
			raw0(SYS_sched_yield);
		check_call(kill(pid, SIGKILL));
		status = tap_wait(pid);
		check((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) ||
		      (WIFEXITED(status) && WEXITSTATUS(status) == 0));
	}
}

/* Stopped and continued all the while. */
static void against_stops(void)
{
	for (int i = 0; i < 10; i++) {
		const struct plan plan = {give_pid, NULL, "alone"};
		pid_t pid = start_plan(&plan);

		for (int round = 0; round < 5; round++) {
			check_call(kill(pid, SIGSTOP));
			check_call(kill(pid, SIGCONT));
			raw0(SYS_sched_yield);
		}
		check_exits(pid, 0);
	}
}

static const struct test_case cases[] = {
	TEST(the_process_stays,
	     "thread-exec: the pid stays, the tid becomes it, and nobody else is left"),
	TEST(the_tid_is_gone, "thread-exec: the caller's old number is free"),
	TEST(what_stays_pending,
	     "thread-exec: the process's and the caller's signals stay pending"),
	TEST(the_callers_mask, "thread-exec: the mask is the caller's"),
	TEST(the_alarm_comes, "thread-exec: an alarm comes to the new program"),
	TEST(timers_are_gone, "thread-exec: timers are gone"),
	TEST(robust_list_is_walked,
	     "thread-exec: the caller's robust list is walked and forgotten"),
	TEST(the_callers_death_signal, "thread-exec: the death signal is the caller's"),
	TEST(the_callers_nice, "thread-exec: nice is the caller's"),
	TEST(the_firsts_children, "thread-exec: the first thread's children stay the process's"),
	TEST(the_callers_children, "thread-exec: so do the caller's"),
	TEST(the_process_is_as_old, "thread-exec: the process is as old as it was"),
	TEST(group_and_session, "thread-exec: group and session stay"),
	TEST(the_parent_hears_nothing, "thread-exec: the parent hears nothing of it"),
	TEST(the_exit_signal_is_reset, "thread-exec: the exit signal becomes SIGCHLD"),
	TEST(two_at_once, "thread-exec: of three at once one wins"),
	TEST(against_exit_group, "thread-exec: against exit_group either wins"),
	TEST(against_clone, "thread-exec: against threads that make threads it wins"),
	TEST(against_kill, "thread-exec: SIGKILL in the middle of it"),
	TEST(against_stops, "thread-exec: stops in the middle of it"),
};

int main(int argc, char **argv)
{
	shared = tap_shared(4096);
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
