/*
 * vfork: the child borrows its parent's memory and the parent stands still until it is given back,
 * by exec or by exit. Here are the ways in which a parent must not run early, and the ways in which
 * nobody may be left hanging: killed parents, killed children, stopped children, signals.
 */
#include "helpers.h"

static volatile int word;
static volatile int *shared; /* by which a case talks to processes that do not share its memory */

static int set_word(void *argument)
{
	word = (int)(long)argument;
	return 0;
}

static void child_shares_memory(void)
{
	pid_t pid = vfork_call(set_word, (void *)42);

	check_eq(word, 42);
	check_exits(pid, 0);
}

static int dawdle_and_set_word(void *argument)
{
	for (int i = 0; i < 20; i++)
		raw0(SYS_sched_yield);
	raw_settle();
	return set_word(argument);
}

static void parent_waits_for_exit(void)
{
	pid_t pid = vfork_call(dawdle_and_set_word, (void *)1);

	check_eq(word, 1);
	check_exits(pid, 0);
}

static int exec_waiter(void *argument)
{
	raw_settle();
	word = 1;
	raw_exec_helper("exit-when-told", argument, NULL);
	return 1;
}

static void parent_waits_for_exec_and_no_longer(void)
{
	int gate[2];
	char number[16];
	pid_t pid;

	make_pipe(gate);
	snprintf(number, sizeof(number), "%d", gate[0]);
	pid = vfork_call(exec_waiter, number);
	check_eq(word, 1);
	check_eq(waitpid(pid, NULL, WNOHANG), 0);
	give_byte(gate[1], 7);
	check_exits(pid, 7);
}

static int fail_to_exec(void *argument)
{
	const char *nothing[] = {NULL};

	if (raw3(SYS_execve, "/no/such/program", nothing, nothing) != -ENOENT)
		return 1;
	if (raw3(SYS_execve, "/", nothing, nothing) != -EACCES)
		return 2;
	return dawdle_and_set_word(argument);
}

static void failed_exec_does_not_release(void)
{
	pid_t pid = vfork_call(fail_to_exec, (void *)1);

	check_eq(word, 1);
	check_exits(pid, 0);
}

static volatile int word_seen_by_handler = -1;

static void note_word(int number)
{
	count_signal(number);
	word_seen_by_handler = word;
}

static int signal_the_parent(void *argument)
{
	pid_t parent = raw0(SYS_getppid);

	for (int i = 0; i < 3; i++) {
		raw2(SYS_kill, parent, SIGUSR1);
		raw_settle();
	}
	return caught[SIGUSR1] == 0 ? set_word(argument) : 1;
}

static void handled_signal_waits_for_the_release(void)
{
	pid_t pid;

	set_handler(SIGUSR1, note_word, 0);
	pid = vfork_call(signal_the_parent, (void *)1);
	check_exits(pid, 0);
	check_eq(word, 1);
	check_eq(caught[SIGUSR1], 1);
	check_eq(word_seen_by_handler, 1);
}

static void ignored_signal_does_not_release(void)
{
	pid_t pid;

	signal(SIGUSR1, SIG_IGN);
	pid = vfork_call(signal_the_parent, (void *)1);
	check_eq(word, 1);
	check_exits(pid, 0);
}

static int stop_and_set_word(void *argument)
{
	set(&shared[1], raw0(SYS_getpid));
	raw2(SYS_kill, raw0(SYS_getpid), SIGSTOP);
	set(&shared[2], 1);
	return (int)(long)argument;
}

static void vfork_a_stopper(void *argument)
{
	pid_t pid = vfork_call(stop_and_set_word, argument);

	set(&shared[3], 1);
	check_exits(pid, 0);
}

static void stopped_child_keeps_the_parent_waiting(void)
{
	pid_t parent;

	shared = tap_shared(4096);
	parent = tap_child(vfork_a_stopper, NULL);
	tap_await(&shared[1], 1);
	settle();
	check_eq(shared[2], 0);
	check_eq(shared[3], 0);
	pester(shared[1], SIGCONT, &shared[3]);
	check_exits(parent, 0);
}

static int wait_to_be_told(void *argument)
{
	int *ends = argument;
	char byte;

	word = 1;
	set(&shared[1], raw0(SYS_getpid));
	if (raw3(SYS_read, ends[0], &byte, 1) != 1 || word != 1)
		return 1;
	set(&shared[2], raw0(SYS_getppid));
	return 0;
}

static void vfork_and_wait_to_be_told(void *argument)
{
	vfork_call(wait_to_be_told, argument);
	set(&shared[3], 1);
}

/* A parent in vfork gets `number`; the child must go on in the memory that the parent has left. */
static void kill_waiting_parent(int number)
{
	int gate[2];
	pid_t parent;

	shared = tap_shared(4096);
	make_pipe(gate);
	parent = tap_child(vfork_and_wait_to_be_told, gate);
	tap_await(&shared[1], 1);
	check_call(kill(parent, number));
	check_killed(parent, number);
	check_eq(shared[2], 0);
	check_call(kill(shared[1], 0));
	give_byte(gate[1], 1);
	tap_await(&shared[2], 1);
	check(shared[2] != parent);
	check_eq(shared[3], 0);
}

static void killed_parent_leaves_at_once(void)
{
	kill_waiting_parent(SIGKILL);
}

static void parent_ended_by_sigterm_leaves_at_once(void)
{
	kill_waiting_parent(SIGTERM);
}

/* A signal that would dump core is not in such a hurry as the other deadly ones. */
static void parent_ended_by_sigquit_waits_for_the_release(void)
{
	int gate[2];
	pid_t parent;

	shared = tap_shared(4096);
	make_pipe(gate);
	parent = tap_child(vfork_and_wait_to_be_told, gate);
	tap_await(&shared[1], 1);
	check_call(kill(parent, SIGQUIT));
	settle();
	check_eq(raw_wait4(parent, NULL, WNOHANG, NULL), 0);
	give_byte(gate[1], 1);
	check_killed(parent, SIGQUIT);
	check_eq(shared[2], parent);
	check_eq(shared[3], 0);
}

static void vfork_and_be_killed(void *argument)
{
	pid_t parent = tap_child(vfork_and_wait_to_be_told, argument);

	tap_await(&shared[1], 1);
	check_call(kill(parent, SIGKILL));
	check_killed(parent, SIGKILL);
}

static void child_of_killed_parent_ends_quietly(void)
{
	int gate[2];

	shared = tap_shared(4096);
	make_pipe(gate);
	for (int i = 0; i < 10; i++) {
		set(&shared[1], 0);
		set(&shared[2], 0);
		check_child(vfork_and_be_killed, gate);
		give_byte(gate[1], 1);
		tap_await(&shared[2], 1);
	}
	check_eq(shared[3], 0);
}

static int pause_for_ever(void *argument)
{
	set(&shared[1], raw0(SYS_getpid));
	for (;;)
		raw0(SYS_pause);
	return (int)(long)argument;
}

static void vfork_and_report_death(void *argument)
{
	pid_t pid = vfork_call(pause_for_ever, argument);

	set(&shared[3], 1);
	check_killed(pid, SIGKILL);
}

static void killed_child_releases_the_parent(void)
{
	pid_t parent;

	shared = tap_shared(4096);
	parent = tap_child(vfork_and_report_death, NULL);
	tap_await(&shared[1], 1);
	settle();
	check_eq(shared[3], 0);
	check_call(kill(shared[1], SIGKILL));
	check_exits(parent, 0);
}

static int write_to_address(void *argument)
{
	raw_settle();
	word = 1;
	*(volatile int *)argument = 1;
	return 0;
}

static void crashed_child_releases_the_parent(void)
{
	pid_t pid = vfork_call(write_to_address, UNMAPPED_ADDRESS);

	check_eq(word, 1);
	check_killed(pid, SIGSEGV);
}

static int thread_that_vforks(void *argument)
{
	pid_t pid;

	shared[0] = 1;
	pid = vfork_call(wait_to_be_told, argument);
	set(&shared[4], 1);
	return pid < 0;
}

static void only_the_calling_thread_waits(void)
{
	struct thread thread;
	int gate[2], status;

	shared = tap_shared(4096);
	make_pipe(gate);
	thread_start(&thread, thread_that_vforks, gate);
	tap_await(&shared[1], 1);
	settle();
	check_eq(shared[4], 0);
	give_byte(gate[1], 1);
	thread_join(&thread);
	check_eq(shared[4], 1);
	check_eq(waitpid(shared[1], &status, 0), shared[1]);
	check_eq(status, 0);
}

static int thread_that_vforks_often(void *argument)
{
	volatile int *done = argument;
	int mine = 0;

	for (int i = 1; i <= 30; i++) {
		pid_t pid = vfork_call(set_word, (void *)1);
		int status;
		if (pid < 0 || raw_wait4(pid, &status, 0, NULL) != pid || status != 0)
			return 1;
		mine++;
	}
	set(done, mine);
	return 0;
}

static void threads_vfork_at_the_same_time(void)
{
	struct thread threads[3];
	volatile int done[3] = {0};

	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], thread_that_vforks_often, (void *)&done[i]);
	for (int i = 0; i < 3; i++)
		thread_join(&threads[i]);
	for (int i = 0; i < 3; i++)
		check_eq(done[i], 30);
}

static int close_and_handle(void *argument)
{
	int *ends = argument;
	struct sigaction action = {.sa_handler = SIG_IGN};

	close(ends[0]);
	close(ends[1]);
	sigaction(SIGUSR1, &action, NULL);
	chdir("/tmp");
	umask(0);
	return 0;
}

static void child_has_its_own_table_handlers_and_directory(void)
{
	char directory[256], now[256];
	struct sigaction action;
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	check(getcwd(directory, sizeof(directory)) != NULL);
	umask(027);
	pid = vfork_call(close_and_handle, ends);
	check_exits(pid, 0);
	give_byte(ends[1], 1);
	take_byte(ends[0]);
	check_call(sigaction(SIGUSR1, NULL, &action));
	check(action.sa_handler == SIG_DFL);
	check(getcwd(now, sizeof(now)) != NULL);
	check(strcmp(directory, now) == 0);
	check_eq(umask(0), 027);
}

static void a_hundred_in_a_row(void)
{
	for (int i = 1; i <= 100; i++) {
		pid_t pid = vfork_call(set_word, (void *)(long)i);
		check_eq(word, i);
		check_exits(pid, 0);
	}
}

static int exit_with_argument(void *argument)
{
	return (int)(long)argument;
}

static void child_is_a_zombie_until_waited_for(void)
{
	pid_t pid = vfork_call(exit_with_argument, (void *)77);

	check_call(kill(pid, 0));
	check_exits(pid, 77);
	check_errno(kill(pid, 0), ESRCH);
}

static int exec_quit_helper(void *argument)
{
	word = 1;
	raw_exec_helper("exit", argument, NULL);
	return 126;
}

static int vfork_inside_vfork(void *argument)
{
	pid_t pid = vfork_call(exec_quit_helper, argument);
	int status;

	if (word != 1)
		return 1;
	if (raw_wait4(pid, &status, 0, NULL) != pid || !WIFEXITED(status))
		return 2;
	word = 2;
	return WEXITSTATUS(status);
}

static void vfork_child_may_vfork(void)
{
	pid_t pid = vfork_call(vfork_inside_vfork, "33");

	check_eq(word, 2);
	check_exits(pid, 33);
}

static int helper(int argc, char **argv)
{
	char byte;

	if (argc == 2 && strcmp(argv[0], "exit-when-told") == 0)
		return read(atoi(argv[1]), &byte, 1) == 1 ? byte : 1;
	if (argc == 2 && strcmp(argv[0], "exit") == 0)
		return atoi(argv[1]);
	return 125;
}

static const struct test_case cases[] = {
	TEST(child_shares_memory, "vfork: what the child writes, the parent reads"),
	TEST(parent_waits_for_exit, "vfork: the parent does not run before the child has exited"),
	TEST(parent_waits_for_exec_and_no_longer,
	     "vfork: the parent runs as soon as the child has exec'd"),
	TEST(failed_exec_does_not_release, "vfork: an exec that fails does not release the parent"),
	TEST(handled_signal_waits_for_the_release,
	     "vfork: a waiting parent runs its signal handler after the release, once"),
	TEST(ignored_signal_does_not_release,
	     "vfork: an ignored signal does not release the parent"),
	TEST(stopped_child_keeps_the_parent_waiting,
	     "vfork: a stopped child keeps the parent waiting until it goes on"),
	TEST(killed_parent_leaves_at_once,
	     "vfork: SIGKILL ends a waiting parent at once, and the child goes on"),
	TEST(parent_ended_by_sigterm_leaves_at_once,
	     "vfork: SIGTERM by default ends a waiting parent at once as well"),
	TEST(parent_ended_by_sigquit_waits_for_the_release,
	     "vfork: SIGQUIT by default ends a waiting parent after the release"),
	TEST(child_of_killed_parent_ends_quietly,
	     "vfork: the child of a killed parent ends without harm, ten times"),
	TEST(killed_child_releases_the_parent,
	     "vfork: a child killed by SIGKILL releases its parent"),
	TEST(crashed_child_releases_the_parent, "vfork: a child that crashes releases its parent"),
	TEST(only_the_calling_thread_waits,
	     "vfork: only the calling thread waits, the others go on"),
	TEST(threads_vfork_at_the_same_time, "vfork: three threads each wait for their own child"),
	TEST(child_has_its_own_table_handlers_and_directory,
	     "vfork: descriptors, handlers, directory and umask are the child's own"),
	TEST(a_hundred_in_a_row, "vfork: a hundred children, one after the other"),
	TEST(child_is_a_zombie_until_waited_for,
	     "vfork: the child is a zombie with its exit code until it is waited for"),
	TEST(vfork_child_may_vfork, "vfork: a vfork child may vfork, and its own child may exec"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
