/*
 * Threads: who they are, what /proc shows of them, and what is each one's own.
 */
#include "raw_threads.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#define N 5

static struct thread threads[N];

/* What a thread found out, for the case to look at. */
static volatile long results[16];

/* ---- numbers ---- */

static int who_am_i(void *unused)
{
	(void)unused;
	results[0] = raw0(SYS_getpid);
	results[1] = raw0(SYS_gettid);
	results[2] = raw0(SYS_getppid);
	results[3] = raw0(SYS_getpgrp);
	results[4] = raw1(SYS_getsid, 0);
	return 0;
}

static void numbers(void)
{
	thread_start(&threads[0], who_am_i, NULL);
	thread_join(&threads[0]);
	check_eq(results[0], getpid());
	check_eq(results[1], threads[0].tid);
	check(results[1] != results[0]);
	check_eq(results[2], getppid());
	check_eq(results[3], getpgrp());
	check_eq(results[4], getsid(0));
}

static void groups_by_tid(void)
{
	start_waiting(threads, 1);
	check_eq(getpgid((pid_t)threads[0].tid), getpgrp());
	check_eq(getsid((pid_t)threads[0].tid), getsid(0));
	check_errno(setpgid((pid_t)threads[0].tid, 0), EINVAL);
	check_errno(setpgid(0, (pid_t)threads[0].tid), EPERM);
	let_go(threads, 1);
	check_errno(getpgid((pid_t)threads[0].tid), ESRCH);
	check_errno(getsid((pid_t)threads[0].tid), ESRCH);
	check_errno(setpgid((pid_t)threads[0].tid, 0), ESRCH);
}

static int new_group(void *unused)
{
	(void)unused;
	results[0] = raw2(SYS_setpgid, 0, 0);
	results[1] = raw0(SYS_getpgrp);
	return 0;
}

static int new_session(void *unused)
{
	(void)unused;
	results[0] = raw0(SYS_setsid);
	results[1] = raw0(SYS_setsid);
	return 0;
}

static void group_in_child(void *unused)
{
	(void)unused;
	die_with_the_parent();
	thread_start(&threads[0], new_group, NULL);
	thread_join(&threads[0]);
	check_eq(results[0], 0);
	check_eq(results[1], getpid());
	check_eq(getpgrp(), getpid());
}

static void session_in_child(void *unused)
{
	(void)unused;
	die_with_the_parent();
	thread_start(&threads[0], new_session, NULL);
	thread_join(&threads[0]);
	check_eq(results[0], getpid());
	check_eq(results[1], -EPERM);
	check_eq(getsid(0), getpid());
	check_eq(getpgrp(), getpid());
}

static void groups_from_threads(void)
{
	check_child(group_in_child, NULL);
}

static void sessions_from_threads(void)
{
	check_child(session_in_child, NULL);
}

static void kill_by_tid(void)
{
	start_waiting(threads, 1);
	set_handler(SIGUSR1, count_signal, 0);
	check_call(kill((pid_t)threads[0].tid, 0));
	check_call(kill((pid_t)threads[0].tid, SIGUSR1));
	raw_await(&caught[SIGUSR1], 1);
	let_go(threads, 1);
	check_errno(kill((pid_t)threads[0].tid, 0), ESRCH);
}

/* ---- /proc ---- */

static void task_directory(void)
{
	check_eq(count_threads(getpid()), 1);
	start_waiting(threads, N);
	check_eq(count_threads(getpid()), N + 1);
	check_eq(status_number("/proc/self/status", "Threads:", 10), N + 1);
	for (int i = 0; i < N; i++)
		check_eq(thread_number(getpid(), (pid_t)threads[i].tid, "Threads:", 10), N + 1);
	let_go(threads, N);
	check_eq(count_threads(getpid()), 1);
	check_eq(status_number("/proc/self/status", "Threads:", 10), 1);
}

static void status_of_a_thread(void)
{
	pid_t tid;

	start_waiting(threads, 1);
	tid = (pid_t)threads[0].tid;
	check_eq(thread_number(getpid(), tid, "\nPid:", 10), tid);
	check_eq(thread_number(getpid(), tid, "Tgid:", 10), getpid());
	check_eq(thread_number(getpid(), tid, "PPid:", 10), getppid());
	await_thread_state(getpid(), tid, 'S');
	let_go(threads, 1);
	check_eq(thread_state(getpid(), tid), 0);
}

/* By its number a thread can be found in /proc, where it is not listed. */
static void hidden_directory(void)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	start_waiting(threads, 1);
	snprintf(path, sizeof(path), "/proc/%ld/status", threads[0].tid);
	check_eq(status_number(path, "\nPid:", 10), threads[0].tid);
	check_eq(status_number(path, "Tgid:", 10), getpid());
	dir = opendir("/proc");
	check(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		check(atol(entry->d_name) != threads[0].tid);
	closedir(dir);
	let_go(threads, 1);
	check_errno(open(path, O_RDONLY), ENOENT);
}

static void strangers_are_not_in_it(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d", getpid(), getppid());
	check_errno(access(path, F_OK), ENOENT);
	snprintf(path, sizeof(path), "/proc/self/task/%d", NO_SUCH_PID);
	check_errno(access(path, F_OK), ENOENT);
	check_errno(access("/proc/self/task/0", F_OK), ENOENT);
	check_errno(access("/proc/self/task/-1", F_OK), ENOENT);
}

/* What was opened while the thread lived says that it does not any more. */
static void file_of_a_dead_thread(void)
{
	char path[64], byte;
	int fd;

	start_waiting(threads, 1);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/status", threads[0].tid);
	fd = check_call(open(path, O_RDONLY));
	let_go(threads, 1);
	check_errno(read(fd, &byte, 1), ESRCH);
	check_call(close(fd));
}

/* A thread is listed until a little after its word is cleared. */
static void await_count(int n)
{
	while (count_threads(getpid()) != n)
		raw0(SYS_sched_yield);
}

static volatile int churning;

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

static int churn(void *stack)
{
	volatile int word;

	while (get(&churning)) {
		word = 1;
		if (raw_clone_call(THREAD_FLAGS, stack, NULL, (int *)&word, 0, nothing, NULL) < 0)
			return 1;
		while (get(&word))
			raw_futex_wait(&word, 1);
	}
	return 0;
}

/* Threads that stay are listed each time, whatever comes and goes in between. */
static void listing_while_threads_come_and_go(void)
{
	struct thread churner;

	set(&churning, 1);
	start_waiting(threads, N);
	thread_start(&churner, churn, new_stack());
	for (int i = 0; i < 200; i++) {
		int n = count_threads(getpid());

		/* Of the others some are listed, and as they are made at the end, any number. */
		check(n >= N + 2);
	}
	set(&churning, 0);
	thread_join(&churner);
	let_go(threads, N);
	await_count(1);
}

static int set_name(void *unused)
{
	(void)unused;
	results[0] = raw2(SYS_prctl, PR_SET_NAME, "a thread's name");
	return wait_to_go(NULL);
}

static void names(void)
{
	char path[64], text[32], mine[32];
	int fd;

	read_text("/proc/self/comm", mine, sizeof(mine));
	results[0] = -1;
	thread_start(&threads[0], set_name, NULL);
	while (results[0])
		raw0(SYS_sched_yield);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/comm", threads[0].tid);
	read_text(path, text, sizeof(text));
	check(strcmp(text, "a thread's name\n") == 0);
	read_text("/proc/self/comm", text, sizeof(text));
	check(strcmp(text, mine) == 0);
	fd = check_call(open(path, O_WRONLY));
	check_eq(write(fd, "given", 5), 5);
	check_call(close(fd));
	read_text(path, text, sizeof(text));
	check(strcmp(text, "given\n") == 0);
	let_go(threads, 1);
}

/* ---- what is each thread's own ---- */

static void tid_address_of_a_thread(void)
{
	static volatile int word = 1;

	check_eq(raw1(SYS_set_tid_address, &word), raw_gettid());
	check_eq(word, 1);
	check_eq(raw1(SYS_set_tid_address, NULL), raw_gettid());
	check_eq(raw1(SYS_set_tid_address, KERNEL_ADDRESS), raw_gettid());
}

static volatile int another_word = 1;

static int moves_its_word(void *unused)
{
	(void)unused;
	raw1(SYS_set_tid_address, &another_word);
	return 0;
}

static void moved_word_is_cleared(void)
{
	volatile int *word = &threads[0].word;
	long tid;

	thread_start(&threads[0], moves_its_word, NULL);
	tid = threads[0].tid;
	while (get(&another_word))
		raw_futex_wait(&another_word, 1);
	while (raw3(SYS_tgkill, getpid(), tid, 0) == 0)
		raw0(SYS_sched_yield);
	check_eq(get(word), tid);
}

static int bases(void *unused)
{
	static long here;
	unsigned long fs = 0, gs = 0;

	(void)unused;
	raw2(SYS_arch_prctl, ARCH_GET_FS, &fs);
	results[0] = (long)fs;
	results[1] = raw2(SYS_arch_prctl, ARCH_SET_GS, &here);
	results[2] = raw2(SYS_arch_prctl, ARCH_GET_GS, &gs);
	results[3] = gs == (unsigned long)&here;
	return 0;
}

static void bases_are_each_ones_own(void)
{
	unsigned long fs, gs;

	check_eq(raw2(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
	thread_start(&threads[0], bases, NULL);
	thread_join(&threads[0]);
	check_eq(results[0], fs);
	check_eq(results[1], 0);
	check_eq(results[2], 0);
	check_eq(results[3], 1);
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_GS, &gs), 0);
	check_eq(gs, 0);
}

static void getcpu_arguments(void)
{
	unsigned int cpu = 77, node = 77;

	check_eq(raw3(SYS_getcpu, NULL, NULL, NULL), 0);
	check_eq(raw3(SYS_getcpu, &cpu, NULL, KERNEL_ADDRESS), 0);
	check(cpu < 64);
	check_eq(raw3(SYS_getcpu, NULL, &node, NULL), 0);
	check_eq(node, 0);
	check_eq(raw3(SYS_getcpu, KERNEL_ADDRESS, NULL, NULL), -EFAULT);
	check_eq(raw3(SYS_getcpu, NULL, KERNEL_ADDRESS, NULL), -EFAULT);
	check_eq(raw3(SYS_getcpu, UNMAPPED_ADDRESS, &node, NULL), -EFAULT);
}

static int reports_cpu(void *unused)
{
	unsigned int cpu;

	(void)unused;
	while (!get(&threads_may_go)) {
		raw3(SYS_getcpu, &cpu, NULL, NULL);
		results[0] = cpu;
		raw0(SYS_sched_yield);
	}
	return 0;
}

static void affinity_of_another(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN), size;
	unsigned long mask, all[128], mine[128];
	long tid;

	thread_start(&threads[0], reports_cpu, NULL);
	tid = threads[0].tid;
	size = raw3(SYS_sched_getaffinity, 0, sizeof(mine), mine);
	check_eq(raw3(SYS_sched_getaffinity, tid, sizeof(all), all), size);
	check_eq(all[0], mine[0]);
	for (int i = 0; i < 4 * cpus; i++) {
		mask = 1UL << (i % cpus);
		check_eq(raw3(SYS_sched_setaffinity, tid, sizeof(mask), &mask), 0);
		check(raw3(SYS_sched_getaffinity, tid, sizeof(all), all) == size && all[0] == mask);
		while (results[0] != i % cpus)
			raw0(SYS_sched_yield);
	}
	check_eq(raw3(SYS_sched_getaffinity, 0, sizeof(all), all), size);
	check_eq(all[0], mine[0]);
	mask = 0;
	check_eq(raw3(SYS_sched_setaffinity, tid, sizeof(mask), &mask), -EINVAL);
	check_eq(raw3(SYS_sched_setaffinity, tid, sizeof(mask), NULL), -EFAULT);
	check_eq(raw3(SYS_sched_getaffinity, tid, 4, all), -EINVAL);
	let_go(threads, 1);
	mask = 1;
	check_eq(raw3(SYS_sched_setaffinity, tid, sizeof(mask), &mask), -ESRCH);
	check_eq(raw3(SYS_sched_getaffinity, tid, sizeof(all), all), -ESRCH);
}

static void priority_of_another(void)
{
	id_t tid;

	start_waiting(threads, 1);
	tid = (id_t)threads[0].tid;
	check_call(setpriority(PRIO_PROCESS, tid, 5));
	check_eq(getpriority(PRIO_PROCESS, tid), 5);
	check_eq(getpriority(PRIO_PROCESS, 0), 0);
	check_eq(getpriority(PRIO_PROCESS, (id_t)getpid()), 0);
	let_go(threads, 1);
	check_errno(getpriority(PRIO_PROCESS, tid), ESRCH);
}

/* A thread's number stands for its process where limits are concerned. */
static void limits_by_tid(void)
{
	struct rlimit old, new = {100, 100}, seen;

	start_waiting(threads, 1);
	check_call(prlimit((pid_t)threads[0].tid, RLIMIT_NOFILE, &new, &old));
	check_call(getrlimit(RLIMIT_NOFILE, &seen));
	check_eq(seen.rlim_cur, 100);
	let_go(threads, 1);
	check_errno(prlimit((pid_t)threads[0].tid, RLIMIT_NOFILE, &new, NULL), ESRCH);
}

static long robust_head[3];

static int sets_robust_list(void *unused)
{
	(void)unused;
	robust_head[0] = (long)robust_head;
	results[0] = raw2(SYS_set_robust_list, robust_head, 24);
	return wait_to_go(NULL);
}

static void robust_list_of_another(void)
{
	long *head = NULL;
	size_t size = 0;

	results[0] = -1;
	thread_start(&threads[0], sets_robust_list, NULL);
	while (results[0])
		raw0(SYS_sched_yield);
	check_eq(raw3(SYS_get_robust_list, threads[0].tid, &head, &size), 0);
	check(head == robust_head && size == 24);
	check_eq(raw3(SYS_get_robust_list, 0, &head, &size), 0);
	check(head == NULL);
	let_go(threads, 1);
	check_eq(raw3(SYS_get_robust_list, threads[0].tid, &head, &size), -ESRCH);
}

/* ---- many ---- */

#define MAKERS 4
#define MADE   500

static volatile int made;

static int maker(void *stack)
{
	volatile int word;

	for (int i = 0; i < MADE; i++) {
		word = 1;
		if (raw_clone_call(THREAD_FLAGS, stack, NULL, (int *)&word, 0, nothing, NULL) <= 0)
			return 1;
		while (get(&word))
			raw_futex_wait(&word, 1);
		add(&made, 1);
	}
	return 0;
}

static void storm(void)
{
	struct thread makers[MAKERS];

	for (int i = 0; i < MAKERS; i++)
		thread_start(&makers[i], maker, new_stack());
	for (int i = 0; i < MAKERS; i++)
		thread_join(&makers[i]);
	check_eq(made, MAKERS * MADE);
	await_count(1);
}

/* A thread's memory goes with the last one: many alive at once. */
static void many_at_once(void)
{
	static struct thread many[200];

	start_waiting(many, 200);
	check_eq(count_threads(getpid()), 201);
	let_go(many, 200);
	check_eq(count_threads(getpid()), 1);
}

static const struct test_case cases[] = {
	TEST(numbers, "threads: they share the process's numbers but for their own"),
	TEST(groups_by_tid, "threads: group and session are found by a thread's number"),
	TEST(groups_from_threads, "threads: any of them can make the process lead a group"),
	TEST(sessions_from_threads, "threads: any of them can begin a session"),
	TEST(kill_by_tid, "threads: kill with a thread's number signals its process"),
	TEST(task_directory, "threads: /proc/PID/task lists them, and status counts them"),
	TEST(status_of_a_thread, "threads: a thread has a status of its own in /proc"),
	TEST(hidden_directory, "threads: /proc has them by number, but does not list them"),
	TEST(strangers_are_not_in_it, "threads: /proc/PID/task has no other process's"),
	TEST(file_of_a_dead_thread, "threads: an open status is ESRCH once its thread is gone"),
	TEST(listing_while_threads_come_and_go, "threads: who stays is listed each time"),
	TEST(names, "threads: each has a name"),
	TEST(tid_address_of_a_thread, "threads: set_tid_address takes any address"),
	TEST(moved_word_is_cleared, "threads: set_tid_address moves the word that is cleared"),
	TEST(bases_are_each_ones_own, "threads: segment bases are copied, then each one's own"),
	TEST(getcpu_arguments, "threads: getcpu's arguments"),
	TEST(affinity_of_another, "threads: affinity is each thread's, and others can set it"),
	TEST(priority_of_another, "threads: nice is each thread's, and others can set it"),
	TEST(limits_by_tid, "threads: prlimit with a thread's number is its process's"),
	TEST(robust_list_of_another, "threads: each has a robust list, which others can ask for"),
	TEST(storm, "threads: thousands come and go"),
	TEST(many_at_once, "threads: two hundred at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
