/*
 * Threads and processes at each limit: the user's, the machine's, and that of numbers. Whoever is
 * refused gets EAGAIN, nothing is stored, nobody else has seen anything, and when one ends there is
 * room for one again.
 */
#include "raw_threads.h"

#include <sys/resource.h>

#define PID_MAX     "/proc/sys/kernel/pid_max"
#define THREADS_MAX "/proc/sys/kernel/threads-max"
#define MOST        2000

static struct thread threads[MOST];
static int started;

static long number_in(const char *path)
{
	char text[64];

	check(read_text(path, text, sizeof(text)) > 0);
	return strtol(text, NULL, 10);
}

static void set_number(const char *path, long n)
{
	char text[32];
	int fd = check_call(open(path, O_WRONLY)),
	    length = snprintf(text, sizeof(text), "%ld\n", n);

	check_eq(write(fd, text, (size_t)length), length);
	check_call(close(fd));
}

/* All tasks of the machine. */
static long tasks_alive(void)
{
	char text[128];

	check(read_text("/proc/loadavg", text, sizeof(text)) > 0);
	return strtol(strchr(text, '/') + 1, NULL, 10);
}

/* One more that waits; its number, or a negated errno, and then its words are as before. */
static long one_more(void)
{
	struct thread *thread = &threads[started];
	int parent_word = -7;
	long tid;

	check(started < MOST);
	thread->word = -7;
	tid = raw_clone_call(THREAD_FLAGS | CLONE_CHILD_SETTID, new_stack(), &parent_word,
			     (int *)&thread->word, 0, wait_to_go, NULL);
	if (tid > 0) {
		thread->tid = tid;
		raw_await(&thread->word, (int)tid);
		check_eq(parent_word, tid);
		started++;
	} else {
		check_eq(parent_word, -7);
		check_eq(get(&thread->word), -7);
	}
	return tid;
}

static void end_all(void)
{
	let_go(threads, started);
	started = 0;
}

/* Every way to make a task is refused, and leaves nothing. */
static void all_are_refused(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	int before = count_threads(getpid()), fd = dup(0), word = -7, pidfd = -7;

	close(fd);
	check_eq(one_more(), -EAGAIN);
	check_eq(raw_fork(), -EAGAIN);
	check_eq(raw_clone(CLONE_VFORK | CLONE_VM | SIGCHLD, NULL, NULL, NULL, 0), -EAGAIN);
	check_eq(raw_clone3(&args, sizeof(args)), -EAGAIN);
	args.flags = CLONE_PIDFD | CLONE_PARENT_SETTID;
	args.pidfd = (uint64_t)&pidfd;
	args.parent_tid = (uint64_t)&word;
	check_eq(raw_clone3(&args, sizeof(args)), -EAGAIN);
	check_eq(raw_clone(CLONE_PARENT_SETTID | SIGCHLD, NULL, &word, NULL, 0), -EAGAIN);
	check_eq(word, -7);
	check_eq(count_threads(getpid()), before);
	check_errno(waitpid(-1, NULL, __WALL), ECHILD);
	fd = dup(0); /* no descriptor was lost */
	check_call(close(fd));
	check_eq(dup(0), fd);
	check_call(close(fd));
}

/* Threads until one is refused, for the right reason. */
static void fill(void)
{
	long tid;

	while ((tid = one_more()) > 0)
		;
	check_eq(tid, -EAGAIN);
}

/* ---- the user's limit ---- */

static void as_a_user(void *unused)
{
	struct rlimit limit = {20, 20};

	(void)unused;
	check_call(setrlimit(RLIMIT_NPROC, &limit));
	check_call(setresuid(4321, 4321, 4321));
	check_call(prctl(PR_SET_DUMPABLE, 1));
	fill();
	check_eq(started, 19);
	all_are_refused();
	end_all();
	fill();
	check_eq(started, 19);
	end_all();
}

static void users_limit(void)
{
	check_child(as_a_user, NULL);
}

/* ---- the machine's limit ---- */

static void machines_limit(void)
{
	long kept = number_in(THREADS_MAX), now = tasks_alive();

	set_number(THREADS_MAX, now + 20);
	fill();
	/* Others may come and go meanwhile. */
	check(started >= 10 && started <= 40);
	all_are_refused();
	end_all();
	check(one_more() > 0);
	end_all();
	set_number(THREADS_MAX, kept);
	check_eq(count_threads(getpid()), 1);
}

/* ---- the numbers ---- */

static int below(long limit)
{
	for (int i = 0; i < started; i++)
		if (threads[i].tid >= limit)
			return 0;
	return 1;
}

/* The lowest limit there is. Numbers up to 300 are given out only once, when the machine starts. */
static void limit_of_numbers(void)
{
	long kept = number_in(PID_MAX), limit = 400;

	set_number(PID_MAX, limit);
	fill();
	check(started >= 50);
	check(below(limit));
	all_are_refused();
	end_all();
	fill();
	check(below(limit));
	end_all();
	set_number(PID_MAX, kept);
	check(one_more() > 0);
	end_all();
}

/* One number is free: it is taken, given back, and taken again. */
static void last_number(void)
{
	long kept = number_in(PID_MAX);
	pid_t pid, again;

	set_number(PID_MAX, 400);
	fill();
	end_all();
	pid = tap_fork();
	if (pid == 0)
		for (;;)
			pause();
	fill();
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
	for (int i = 0; i < 20; i++) {
		again = raw_fork();
		if (again == 0)
			raw_exit(3);
		check_eq(again, pid);
		check_eq(raw_fork(), -EAGAIN); /* a zombie has its number still */
		check_exits(again, 3);
	}
	end_all();
	set_number(PID_MAX, kept);
}

static const struct test_case cases[] = {
	TEST(users_limit, "limits: RLIMIT_NPROC counts threads and refuses the first too many"),
	TEST(machines_limit, "limits: kernel.threads-max refuses threads and processes"),
	TEST(limit_of_numbers, "limits: without numbers up to kernel.pid_max none is made"),
	TEST(last_number, "limits: the last number is given out again and again"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
