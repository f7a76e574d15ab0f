/*
 * Ends of threads and of their process: a first thread that has left, exit_group against every kind
 * of sleep, and whose children are whose.
 */
#include "raw_threads.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/syscall.h>

#define N 6

/* ---- the first thread has left ---- */

/* A process whose first thread is gone; the other waits until it is killed or signalled. */
static int sits_there(void *unused)
{
	(void)unused;
	for (;;)
		raw0(SYS_pause);
	return 0;
}

static pid_t headless(int (*function)(void *), void *argument)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		leave_to(function, argument);
	await_thread_state(pid, pid, 'Z');
	return pid;
}

static void kill_and_reap(pid_t pid)
{
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void shows_as_zombie(void)
{
	pid_t pid = headless(sits_there, NULL);
	char path[64], text[4096];

	check_eq(thread_state(pid, pid), 'Z');
	check_eq(count_threads(pid), 2);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	check_eq(status_number(path, "Threads:", 10), 2);
	check_eq(status_number(path, "VmSize:", 10), -1);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	check_eq(read_text(path, text, sizeof(text)), 0);
	check_eq(raw_wait4(pid, NULL, WNOHANG, NULL), 0);
	check_eq(raw_wait4(pid, NULL, WNOHANG | WUNTRACED | __WALL, NULL), 0);
	kill_and_reap(pid);
}

static volatile int *shared_word;

static UNUSED void tell(int number)
{
	(void)number;
	add(shared_word, 1);
}

static void takes_signals(void)
{
	pid_t pid;

	shared_word = tap_shared(4096);
	set_handler(SIGUSR1, tell, 0);
	pid = headless(sits_there, NULL);
	check_call(kill(pid, SIGUSR1));
	tap_await(shared_word, 1);
	/* Its first thread can be named, but takes nothing any more. */
	check_eq(raw3(SYS_tgkill, pid, pid, SIGUSR1), 0);
	check_eq(raw2(SYS_tkill, pid, SIGUSR1), 0);
	settle();
	check_eq(get(shared_word), 1);
	kill_and_reap(pid);
}

static void stops_and_continues(void)
{
	pid_t pid = headless(sits_there, NULL);
	int status;

	check_call(kill(pid, SIGSTOP));
	check_eq(raw_wait4(pid, &status, WUNTRACED, NULL), pid);
	check(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	check_eq(thread_state(pid, pid), 'Z');
	check_call(kill(pid, SIGCONT));
	check_eq(raw_wait4(pid, &status, WCONTINUED, NULL), pid);
	check(WIFCONTINUED(status));
	kill_and_reap(pid);
}

static int forks_and_waits(void *unused)
{
	long pid;
	int status;

	(void)unused;
	pid = raw_fork();
	if (pid == 0)
		raw1(SYS_exit_group, 7);
	if (raw_wait4((pid_t)pid, &status, 0, NULL) != pid)
		raw1(SYS_exit_group, 1);
	raw1(SYS_exit_group, WEXITSTATUS(status));
	return 0;
}

static void can_fork(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		leave_to(forks_and_waits, NULL);
	check_exits(pid, 7);
}

static int two_more(void *unused)
{
	static struct thread last;

	(void)unused;
	thread_start(&last, sits_there, NULL);
	return 0;
}

static void can_make_threads(void)
{
	pid_t pid = headless(two_more, NULL);

	while (count_threads(pid) != 2)
		tap_sleep_ms(1);
	check_eq(thread_state(pid, pid), 'Z');
	kill_and_reap(pid);
}

/* ---- exit_group in every kind of sleep ---- */

static int pipe_ends[2], full_pipe[2], lock_fd;
static volatile int never;

static int in_futex(void *unused)
{
	(void)unused;
	return (int)raw_futex_wait(&never, 0);
}

static int in_poll(void *unused)
{
	struct pollfd fds = {.fd = pipe_ends[0], .events = POLLIN};

	(void)unused;
	return (int)raw3(SYS_poll, &fds, 1, -1);
}

static int in_epoll(void *unused)
{
	struct epoll_event event = {.events = EPOLLIN};
	long fd = raw1(SYS_epoll_create1, 0);

	(void)unused;
	raw4(SYS_epoll_ctl, fd, EPOLL_CTL_ADD, pipe_ends[0], &event);
	return (int)raw4(SYS_epoll_wait, fd, &event, 1, -1);
}

static int in_sigtimedwait(void *unused)
{
	unsigned long set = 1UL << (SIGUSR2 - 1);

	(void)unused;
	return (int)raw4(SYS_rt_sigtimedwait, &set, NULL, NULL, 8);
}

static int in_sigsuspend(void *unused)
{
	unsigned long set = ~0UL;

	(void)unused;
	return (int)raw2(SYS_rt_sigsuspend, &set, 8);
}

static int in_flock(void *unused)
{
	(void)unused;
	return (int)raw2(SYS_flock, lock_fd, LOCK_EX);
}

static int in_setlkw(void *unused)
{
	struct flock lock = {.l_type = F_WRLCK};

	(void)unused;
	return (int)raw3(SYS_fcntl, lock_fd, F_SETLKW, &lock);
}

static int in_full_pipe(void *unused)
{
	static char bytes[1 << 20];

	(void)unused;
	return (int)raw3(SYS_write, full_pipe[1], bytes, sizeof(bytes));
}

static int in_fifo(void *unused)
{
	(void)unused;
	return (int)raw3(SYS_open, HOME_DIRECTORY "/fifo", O_RDONLY, 0);
}

static int in_wait(void *unused)
{
	(void)unused;
	return (int)raw_wait4(-1, NULL, __WALL, NULL);
}

static int pauses(void *unused)
{
	(void)unused;
	raw0(SYS_pause);
	return 0;
}

/* The parent is released by its own death. */
static int in_vfork(void *unused)
{
	(void)unused;
	return vfork_call(pauses, NULL);
}

static int (*const sleeps[])(void *) = {
	in_futex,  in_poll,      in_epoll, in_sigtimedwait, in_sigsuspend, in_flock,
	in_setlkw, in_full_pipe, in_fifo,  in_wait,         in_vfork,
};

static void all_asleep(void)
{
	struct thread threads[TAP_COUNT(sleeps)];
	struct thread guard;

	make_pipe(pipe_ends);
	make_pipe(full_pipe);
	thread_start(&guard, sits_there,
		     NULL); /* in_wait is to have nobody to wait for but others' */
	if (raw_fork() == 0) {
		raw0(SYS_pause);
		raw_exit(0);
	}
	for (size_t i = 0; i < TAP_COUNT(sleeps); i++) {
		thread_start(&threads[i], sleeps[i], NULL);
		if (sleeps[i] == in_vfork)
			await_thread_state(getpid(), (pid_t)threads[i].tid, 'D');
		else
			await_thread_state(getpid(), (pid_t)threads[i].tid, 'S');
	}
}

static pid_t sleepers(int how)
{
	volatile int *ready = tap_shared(4096);
	pid_t pid = tap_fork();

	if (pid == 0) {
		all_asleep();
		set(ready, 1);
		if (how)
			raw1(SYS_exit_group, how);
		sits_there(NULL);
	}
	tap_await(ready, 1);
	return pid;
}

static void with_locks_and_fifo(void (*run)(void))
{
	struct flock lock = {.l_type = F_WRLCK};
	int fd;

	go_home();
	check_call(mkfifo("fifo", 0600));
	fd = check_call(open("lock", O_RDWR | O_CREAT, 0600));
	check_call(flock(fd, LOCK_EX));
	check_call(fcntl(fd, F_SETLK, &lock));
	lock_fd = check_call(open("lock", O_RDWR));
	run();
	check_call(unlink("fifo"));
	check_call(unlink("lock"));
	leave_home();
}

static void leaves_them(void)
{
	check_exits(sleepers(3), 3);
}

static void kills_them(void)
{
	pid_t pid = sleepers(0);

	check_call(kill(pid, SIGTERM));
	check_killed(pid, SIGTERM);
}

static void exit_group_ends_all_sleeps(void)
{
	with_locks_and_fifo(leaves_them);
}

static void a_signal_ends_all_sleeps(void)
{
	with_locks_and_fifo(kills_them);
}

/* ---- races ---- */

static volatile int start_line;

static int exits_with(void *code)
{
	while (!get(&start_line))
		;
	raw1(SYS_exit_group, code);
	return 0;
}

static void exit_groups_at_once(void)
{
	for (int round = 0; round < 30; round++) {
		pid_t pid = tap_fork();
		int status;

		if (pid == 0) {
			struct thread threads[N];

			for (long i = 0; i < N; i++)
				thread_start(&threads[i], exits_with, (void *)(i + 1));
			set(&start_line, 1);
			sits_there(NULL);
		}
		status = tap_wait(pid);
		check(WIFEXITED(status));
		check(WEXITSTATUS(status) >= 1 && WEXITSTATUS(status) <= N);
	}
}

static int breeds(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++) {
		char *stack = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				   -1, 0);

		if (stack == MAP_FAILED ||
		    raw_clone_call(THREAD_FLAGS & ~(CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID),
				   stack + 16384, NULL, NULL, 0, sits_there, NULL) < 0)
			return 0;
	}
	return 0;
}

static void exit_group_against_clone(void)
{
	for (int round = 0; round < 20; round++) {
		pid_t pid = tap_fork();

		if (pid == 0) {
			struct thread threads[3];

			for (int i = 0; i < 3; i++)
				thread_start(&threads[i], breeds, NULL);
			while (count_threads(getpid()) < 10 + round)
				raw0(SYS_sched_yield);
			raw1(SYS_exit_group, 4);
		}
		check_exits(pid, 4);
		check_errno(kill(pid, 0), ESRCH);
	}
}

/* All leave by exit: who is last gives the status. */
static int exits_alone(void *code)
{
	while (!get(&start_line))
		;
	return (int)(long)code;
}

static void exits_at_once(void)
{
	for (int round = 0; round < 30; round++) {
		pid_t pid = tap_fork();
		int status;

		if (pid == 0) {
			struct thread threads[N];

			for (long i = 0; i < N; i++)
				thread_start(&threads[i], exits_alone, (void *)(i + 1));
			set(&start_line, 1);
			raw_exit(N + 1);
		}
		status = tap_wait(pid);
		check(WIFEXITED(status));
		check(WEXITSTATUS(status) >= 1 && WEXITSTATUS(status) <= N + 1);
	}
}

/* ---- whose children ---- */

static volatile long child_pid;
static volatile int step;

static int child_waits(void *unused)
{
	(void)unused;
	raw0(SYS_pause);
	return 0;
}

static int forks_and_leaves(void *unused)
{
	long pid = raw_fork();

	(void)unused;
	if (pid == 0) {
		child_waits(NULL);
		raw_exit(0);
	}
	child_pid = pid;
	return 0;
}

static void children_go_to_a_sibling(void)
{
	struct thread thread;

	thread_start(&thread, forks_and_leaves, NULL);
	thread_join(&thread);
	check_eq(raw_wait4((pid_t)child_pid, NULL, WNOHANG | __WNOTHREAD, NULL), 0);
	check_call(kill((pid_t)child_pid, SIGKILL));
	check_eq(raw_wait4((pid_t)child_pid, NULL, __WNOTHREAD, NULL), child_pid);
}

static int clones_for_parent(void *unused)
{
	long pid = raw_clone(CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, 0);

	(void)unused;
	if (pid == 0)
		raw1(SYS_exit_group, 5);
	*shared_word = (int)pid;
	return 0;
}

static void forks_a_cloner(void)
{
	struct thread thread;
	pid_t pid = tap_fork();

	if (pid == 0) {
		thread_start(&thread, clones_for_parent, NULL);
		thread_join(&thread);
		_exit(0);
	}
	check_exits(pid, 0);
}

/* CLONE_PARENT in a thread: the child is the process's parent's. */
static void parent_of_a_threads_child(void)
{
	int status;

	shared_word = tap_shared(4096);
	forks_a_cloner();
	check(get(shared_word) > 0);
	check_eq(raw_wait4(*shared_word, &status, 0, NULL), *shared_word);
	check_eq(WEXITSTATUS(status), 5);
}

static volatile long thread_result[3];

static int parent_thread(void *unused)
{
	long pid;
	struct thread thread;

	(void)unused;
	pid = raw_fork();
	if (pid == 0) {
		thread_start(&thread, clones_for_parent, NULL);
		thread_join(&thread);
		raw1(SYS_exit_group, 0);
	}
	raw_wait4((pid_t)pid, NULL, __WNOTHREAD, NULL);
	set(&step, 1);
	raw_await(&step, 2);
	thread_result[0] = raw_wait4(*shared_word, NULL, __WNOTHREAD, NULL);
	return 0;
}

/* ... and there that thread's which made the process. */
static void thread_that_is_the_parent(void)
{
	struct thread thread;

	shared_word = tap_shared(4096);
	thread_start(&thread, parent_thread, NULL);
	raw_await(&step, 1);
	check_eq(raw_wait4(*shared_word, NULL, __WNOTHREAD | WNOHANG, NULL), -ECHILD);
	set(&step, 2);
	thread_join(&thread);
	check_eq(thread_result[0], *shared_word);
}

static int becomes_subreaper(void *unused)
{
	(void)unused;
	raw2(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

static void subreaper_is_the_process(void)
{
	struct thread thread;
	volatile int *word = tap_shared(4096);
	int is = 0;
	pid_t pid;

	thread_start(&thread, becomes_subreaper, NULL);
	thread_join(&thread);
	check_call(prctl(PR_GET_CHILD_SUBREAPER, &is));
	check_eq(is, 1);
	pid = tap_fork();
	if (pid == 0) {
		pid_t orphan = raw_fork();

		if (orphan == 0) {
			while (getppid() != get(word + 1))
				tap_sleep_ms(1);
			_exit(6);
		}
		set(word, orphan);
		_exit(0);
	}
	set(word + 1, getpid());
	check_exits(pid, 0);
	check_exits(*word, 6);
}

static int sets_death_signal(void *unused)
{
	(void)unused;
	raw2(SYS_prctl, PR_SET_PDEATHSIG, SIGUSR1);
	set(shared_word, 1);
	return sits_there(NULL);
}

/* The wish is a thread's; the signal is the process's. */
static void death_signal_of_a_thread(void)
{
	pid_t middle;

	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	shared_word = tap_shared(4096);
	middle = tap_fork();
	if (middle == 0) {
		pid_t pid = raw_fork();

		if (pid == 0) {
			struct thread thread;

			thread_start(&thread, sets_death_signal, NULL);
			sits_there(NULL);
		}
		set(shared_word + 1, pid);
		raw_await(shared_word, 1);
		_exit(0);
	}
	check_exits(middle, 0);
	check_killed(shared_word[1], SIGUSR1);
}

/* A word in memory that another process has too is cleared for a killed thread as well. */
static struct thread dying;

static int dies_in_group(void *unused)
{
	struct thread *thread = &dying;

	(void)unused;
	thread->word = 1;
	thread->tid = raw_clone_call(THREAD_FLAGS & ~CLONE_PARENT_SETTID, new_stack(), NULL,
				     (int *)&thread->word, 0, sits_there, NULL);
	raw1(SYS_exit_group, 0);
	return 0;
}

static void word_of_a_killed_thread(void)
{
	pid_t pid = clone_call(CLONE_VM | SIGCHLD, dies_in_group, NULL);

	while (get(&dying.word) || !dying.tid)
		raw_futex_wait(&dying.word, 1);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(shows_as_zombie,
	     "thread-exit: a first thread that left is a zombie, and its group lives"),
	TEST(takes_signals, "thread-exit: without a first thread the process takes signals"),
	TEST(stops_and_continues, "thread-exit: without a first thread it stops and continues"),
	TEST(can_fork, "thread-exit: without a first thread it forks and waits"),
	TEST(can_make_threads, "thread-exit: without a first thread it makes others"),
	TEST(exit_group_ends_all_sleeps, "thread-exit: exit_group ends eleven kinds of sleep"),
	TEST(a_signal_ends_all_sleeps, "thread-exit: a deadly signal ends eleven kinds of sleep"),
	TEST(exit_groups_at_once, "thread-exit: of several exit_groups one gives the status"),
	TEST(exit_group_against_clone, "thread-exit: exit_group ends threads that make threads"),
	TEST(exits_at_once, "thread-exit: of threads that leave at once the last gives the status"),
	TEST(children_go_to_a_sibling, "thread-exit: a thread's children go to a sibling"),
	TEST(parent_of_a_threads_child,
	     "thread-exit: CLONE_PARENT in a thread is the process's sibling"),
	TEST(thread_that_is_the_parent, "thread-exit: ... and the child of the thread that forked"),
	TEST(subreaper_is_the_process, "thread-exit: a thread makes its process a subreaper"),
	TEST(death_signal_of_a_thread,
	     "thread-exit: a thread's death signal is sent to the process"),
	TEST(word_of_a_killed_thread,
	     "thread-exit: a killed thread's word is cleared for who shares it"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
