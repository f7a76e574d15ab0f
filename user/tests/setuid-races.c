/*
 * Set-user-id programs against those who are about meanwhile: a process that shares its root and
 * working directory could move them under the privileged program, so nobody outside the process may
 * share them, nor begin to; and whoever only looks, or is about to end, does not count.
 */
#include "setuid.h"

static volatile int *shared;

static void be_watched_user(void)
{
	be_user();
	set(&shared[0], getpid());
}

/* Looks at the directories of whoever executes. */
static void watch(void *unused)
{
	char path[64], text[256];

	for (;;) {
		snprintf(path, sizeof(path), "/proc/%d/cwd", get(&shared[0]));
		raw3(SYS_readlink, path, text, sizeof(text));
		snprintf(path, sizeof(path), "/proc/%d/root", get(&shared[0]));
		raw3(SYS_readlink, path, text, sizeof(text));
	}
}

static void watchers_take_nothing(void)
{
	shared = tap_shared(4096);
	make_program(0, 0, 04755);
	tap_child(watch, NULL);
	tap_child(watch, NULL);
	for (int i = 0; i < 30; i++)
		check_eq(rights_after(be_watched_user).effective, ALL_CAPS);
	remove_program();
}

static int leave(void *unused)
{
	add(&shared[0], 1);
	return 0;
}

static void exec_as_threads_leave(void *unused)
{
	static struct thread threads[4];

	be_user();
	for (int i = 0; i < 4; i++)
		thread_start(&threads[i], leave, NULL);
	raw_await(&shared[0], 4);
	exec_program(NULL);
}

/* The rights of `stay` as function, a child's, executes it. */
static pid_t start_stayer(void (*function)(void *), struct rights *rights)
{
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	report_fd = ends[1];
	verb = "stay";
	pid = tap_child(function, NULL);
	check_eq(read(ends[0], rights, sizeof(*rights)), (long)sizeof(*rights));
	close(ends[0]);
	close(ends[1]);
	return pid;
}

static void end_stayer(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void leaving_threads_take_nothing(void)
{
	struct rights rights;

	shared = tap_shared(4096);
	make_program(0, 0, 04755);
	for (int i = 0; i < 20; i++) {
		set(&shared[0], 0);
		end_stayer(start_stayer(exec_as_threads_leave, &rights));
		check_eq(rights.effective, ALL_CAPS);
	}
	remove_program();
}

#define SHARERS 64

static volatile int *go;
static int rounds;

/* A thread that makes processes which share its directories, as long as it lives: shared[0] counts
 * them, shared[1...] are their numbers. It begins a little after the exec, each time a little later. */
static int make_sharers(void *unused)
{
	while (!get(go))
		;
	for (volatile int i = 0; i < rounds * 6000; i++)
		;
	for (int n = 0; n < SHARERS;) {
		long pid = raw5(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);

		if (pid == 0)
			for (;;)
				raw0(SYS_pause);
		if (pid < 0) /* an exec is going on */
			continue;
		set(&shared[1 + n], pid);
		set(&shared[0], ++n);
	}
	return 0;
}

static void exec_against_sharers(void *unused)
{
	static struct thread thread;

	be_user();
	thread_start(&thread, make_sharers, NULL);
	raw0(SYS_sched_yield);
	set(go, 1);
	exec_program(NULL);
}

/* However the race ends: who has got rights shares its directories with nobody. */
static void nobody_begins_to_share(void)
{
	struct rights rights;
	pid_t pid;

	shared = tap_shared(4096);
	go = tap_shared(4096);
	make_program(0, 0, 04755);
	for (rounds = 0; rounds < 60; rounds++) {
		set(&shared[0], 0);
		set(go, 0);
		pid = start_stayer(exec_against_sharers, &rights);
		for (int n = 1; n <= get(&shared[0]); n++) {
			pid_t sharer = get(&shared[n]);

			if (rights.permitted)
				check(raw5(SYS_kcmp, pid, sharer, 3 /* KCMP_FS */, 0, 0) != 0);
			check_call(kill(sharer, SIGKILL));
		}
		end_stayer(pid);
	}
	remove_program();
}

static const struct test_case cases[] = {
	TEST(watchers_take_nothing,
	     "setuid-races: who looks at its directories in /proc takes nothing from it"),
	TEST(leaving_threads_take_nothing,
	     "setuid-races: threads that end meanwhile take nothing from it"),
	TEST(nobody_begins_to_share,
	     "setuid-races: nobody begins to share the directories of the privileged"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
