/*
 * exec and fork where memory has several users: from a vfork child, from a CLONE_VM child, from one
 * thread of several. Who is not the caller keeps memory, handlers and descriptors; who is a thread
 * of the caller's is gone.
 */
#include "helpers.h"

enum { PATTERN_SIZE = 256 * 1024 };

static volatile int *shared;
static volatile int word;
static unsigned char data[PATTERN_SIZE] = {1};
static unsigned char zeroed[PATTERN_SIZE];

static void fill(unsigned char *bytes, int seed)
{
	for (int i = 0; i < PATTERN_SIZE; i += 64)
		bytes[i] = (unsigned char)(i / 64 * 7 + seed);
}

static int is_filled(const unsigned char *bytes, int seed)
{
	for (int i = 0; i < PATTERN_SIZE; i += 64)
		if (bytes[i] != (unsigned char)(i / 64 * 7 + seed))
			return 0;
	return 1;
}

/* ---- the helper programs ---- */

/*
 * `scribble GATE`: overwrite all of the memory that the parent has at the same addresses; wait;
 * exit with 5.
 */
static int helper_scribble(int argc, char **argv)
{
	unsigned char *heap = malloc(PATTERN_SIZE);
	char byte;

	if (argc != 2 || !heap || zeroed[64] != 0 || data[0] != 1)
		return 1;
	fill(data, 99);
	fill(zeroed, 99);
	fill(heap, 99);
	return read(atoi(argv[1]), &byte, 1) == 1 ? 5 : 2;
}

/* `alone PID`: exit with 5 if this is process PID and its only thread. */
static int helper_alone(int argc, char **argv)
{
	int pid = argc == 2 ? atoi(argv[1]) : -1;

	if (getpid() != pid || syscall(SYS_gettid) != pid)
		return 1;
	if (raw_wait4(-1, NULL, __WALL | WNOHANG, NULL) != -ECHILD)
		return 2;
	return 5;
}

static int helper(int argc, char **argv)
{
	if (strcmp(argv[0], "scribble") == 0)
		return helper_scribble(argc, argv);
	if (strcmp(argv[0], "alone") == 0)
		return helper_alone(argc, argv);
	if (strcmp(argv[0], "exit") == 0)
		return argc == 2 ? atoi(argv[1]) : 0;
	return 125;
}

/* ---- exec from a child that shares the memory ---- */

static int exec_scribble(void *argument)
{
	word = 1;
	raw_exec_helper("scribble", argument, NULL);
	return 126;
}

/* A child made with these flags execs a program that writes all over; the caller's memory stays. */
static void exec_beside_me(unsigned long flags)
{
	unsigned char on_stack[4096];
	unsigned char *heap = malloc(PATTERN_SIZE);
	char number[16];
	int gate[2];
	pid_t pid;

	check(heap != NULL);
	memset(on_stack, 0x5a, sizeof(on_stack));
	fill(data, 1);
	fill(zeroed, 2);
	fill(heap, 3);
	make_pipe(gate);
	snprintf(number, sizeof(number), "%d", gate[0]);
	pid = flags ? clone_call(flags, exec_scribble, number) : vfork_call(exec_scribble, number);
	for (int i = 0; i < 2; i++) {
		check(is_filled(data, 1) && is_filled(zeroed, 2) && is_filled(heap, 3));
		for (size_t n = 0; n < sizeof(on_stack); n++)
			check_eq(on_stack[n], 0x5a);
		fill(data, 1);
		fill(zeroed, 2);
		fill(heap, 3);
		if (i == 0) {
			settle();
			give_byte(gate[1], 1);
			check_exits(pid, 5);
		}
	}
	check_eq(word, 1);
}

static void exec_after_vfork_leaves_the_parents_memory(void)
{
	exec_beside_me(0);
}

static void exec_under_clone_vm_leaves_the_parents_memory(void)
{
	exec_beside_me(CLONE_VM | SIGCHLD);
}

static void exec_under_vfork_with_own_stack(void)
{
	exec_beside_me(CLONE_VM | CLONE_VFORK | SIGCHLD);
}

static int exec_exit(void *argument)
{
	raw_exec_helper("exit", argument, NULL);
	return 126;
}

static void exec_stops_sharing_handlers(void)
{
	struct sigaction action;
	pid_t pid;

	set_handler(SIGUSR1, count_signal, 0);
	pid = clone_call(CLONE_VM | CLONE_SIGHAND | CLONE_FS | SIGCHLD, exec_exit, "4");
	check_exits(pid, 4);
	check_call(sigaction(SIGUSR1, NULL, &action));
	check(action.sa_handler == count_signal);
	check_call(raise(SIGUSR1));
	check_eq(caught[SIGUSR1], 1);
}

static void exec_stops_sharing_descriptors(void)
{
	int ends[2];
	pid_t pid;

	check_call(pipe2(ends, O_CLOEXEC));
	pid = clone_call(CLONE_VM | CLONE_FILES | SIGCHLD, exec_exit, "4");
	check_exits(pid, 4);
	check_eq(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	give_byte(ends[1], 1);
	take_byte(ends[0]);
}

static int exec_when_released(void *argument)
{
	raw_await(&shared[0], 1);
	return exec_exit(argument);
}

static void exec_clears_the_child_tid_and_wakes(void)
{
	volatile int *tid = tap_shared(4096);
	long pid;
	int value;

	shared = tap_shared(4096);
	*tid = -1;
	pid = raw_clone_call(CLONE_VM | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD,
			     new_stack(), NULL, (int *)tid, 0, exec_when_released, "4");
	check(pid > 0);
	tap_await(tid, 1);
	check_eq(*tid, pid);
	set(&shared[0], 1);
	while ((value = get(tid)) != 0)
		raw_futex_wait(tid, value);
	check_exits(pid, 4);
}

static void exec_resets_the_exit_signal(void)
{
	static const int signals[] = {0, SIGUSR1, 255};

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		int status;
		pid_t pid;

		shared = tap_shared(4096);
		pid = clone_call(CLONE_VM | signals[i], exec_when_released, "4");
		check_eq(raw_wait4(pid, NULL, WNOHANG, NULL), -ECHILD);
		set(&shared[0], 1);
		check_eq(raw_waitid(P_PID, pid, NULL, WEXITED | WNOWAIT | __WALL, NULL), 0);
		check_eq(raw_wait4(pid, &status, 0, NULL), pid);
		check_eq(status, 4 << 8);
	}
	check_eq(caught[SIGUSR1], 0);
	check_eq(caught[SIGCHLD], TAP_COUNT(signals));
}

static int fail_to_exec(void *argument)
{
	const char *nothing[] = {NULL};

	return raw3(SYS_execve, "/no/such/program", nothing, nothing) == -ENOENT
		       ? (int)(long)argument
		       : 1;
}

static void refused_exec_under_clone_vm_changes_nothing(void)
{
	fill(data, 1);
	for (int i = 0; i < 5; i++)
		check_exits(clone_call(CLONE_VM | SIGCHLD, fail_to_exec, (void *)6), 6);
	check(is_filled(data, 1));
}

/* ---- other ends of a child that shares the memory ---- */

static int exit_group_with(void *argument)
{
	word = 2;
	raw1(SYS_exit_group, argument);
	return 0;
}

static int touch_address(void *argument)
{
	*(volatile int *)argument = 1;
	return 0;
}

static int pause_for_ever(void *argument)
{
	set(&word, 3);
	for (;;)
		raw0(SYS_pause);
	return 0;
}

static void end_of_a_clone_vm_child_is_its_own(void)
{
	pid_t pid;

	fill(data, 1);
	check_exits(clone_call(CLONE_VM | SIGCHLD, exit_group_with, (void *)7), 7);
	check_eq(word, 2);
	check_killed(clone_call(CLONE_VM | SIGCHLD, touch_address, UNMAPPED_ADDRESS), SIGSEGV);
	pid = clone_call(CLONE_VM | CLONE_SIGHAND | CLONE_FILES | SIGCHLD, pause_for_ever, NULL);
	tap_await(&word, 3);
	check_call(kill(pid, SIGTERM));
	check_killed(pid, SIGTERM);
	check(is_filled(data, 1));
}

static int outlive_the_parent(void *argument)
{
	pid_t parent = (pid_t)(long)argument;

	while (raw0(SYS_getppid) == parent)
		raw0(SYS_sched_yield);
	raw_settle();
	set(&shared[0], word == 77 && is_filled(data, 5) ? 1 : 2);
	return 0;
}

static void leave_a_clone_vm_child(void *argument)
{
	word = 77;
	fill(data, 5);
	clone_call(CLONE_VM | SIGCHLD, outlive_the_parent, (void *)(long)getpid());
}

static void memory_outlives_the_parent(void)
{
	shared = tap_shared(4096);
	check_child(leave_a_clone_vm_child, NULL);
	tap_await(&shared[0], 1);
	check_eq(shared[0], 1);
}

static int check_memory_when_told(void *argument)
{
	raw_await(&shared[1], 1);
	set(&shared[0], word == 77 && is_filled(data, 5) ? 1 : 2);
	return 0;
}

static void exec_and_leave_the_memory_to_a_child(void *argument)
{
	word = 77;
	fill(data, 5);
	clone_call(CLONE_VM | SIGCHLD, check_memory_when_told, NULL);
	raw_exec_helper("exit", "9", NULL);
}

static void parent_may_exec_and_the_child_keep_the_memory(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(exec_and_leave_the_memory_to_a_child, NULL);
	check_exits(pid, 9);
	set(&shared[1], 1);
	tap_await(&shared[0], 1);
	check_eq(shared[0], 1);
}

/* ---- fork from a child that shares the memory ---- */

static int fork_and_wait(void *argument)
{
	pid_t self = raw0(SYS_getpid), pid;
	int status;

	word = 10;
	pid = raw_fork();
	if (pid == 0) {
		/* A copy: the writes below are seen by nobody else. */
		int ok = word == 10 && raw0(SYS_getppid) == self;
		word = 11;
		data[0] = 200;
		raw1(SYS_exit_group, ok ? 3 : 4);
	}
	if (raw_wait4(pid, &status, 0, NULL) != pid || status != 3 << 8)
		return 1;
	if (word != 10 || data[0] != 100)
		return 2;
	data[0] = 101;
	return 0;
}

static void fork_from_a_vfork_child(void)
{
	pid_t pid;

	data[0] = 100;
	pid = vfork_call(fork_and_wait, NULL);
	check_eq(word, 10);
	check_eq(data[0], 101);
	check_exits(pid, 0);
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
}

static void fork_from_a_clone_vm_child(void)
{
	data[0] = 100;
	check_exits(clone_call(CLONE_VM | SIGCHLD, fork_and_wait, NULL), 0);
	check_eq(word, 10);
	check_eq(data[0], 101);
}

static int vfork_and_wait(void *argument)
{
	pid_t pid = vfork_call(exec_scribble, argument);
	int status;

	if (word != 1)
		return 1;
	word = 2;
	if (raw_wait4(pid, &status, 0, NULL) != pid)
		return 2;
	return WEXITSTATUS(status);
}

static void vfork_from_a_clone_vm_child_and_exec(void)
{
	char number[16];
	int gate[2];
	pid_t pid;

	fill(data, 1);
	make_pipe(gate);
	snprintf(number, sizeof(number), "%d", gate[0]);
	pid = clone_call(CLONE_VM | SIGCHLD, vfork_and_wait, number);
	tap_await(&word, 2);
	give_byte(gate[1], 1);
	check_exits(pid, 5);
	check(is_filled(data, 1));
}

/* ---- threads ---- */

static int spin_in_thread(void *argument)
{
	add(&shared[0], 1);
	for (;;)
		add(&shared[1], 1);
	return 0;
}

static int pause_in_thread(void *argument)
{
	add(&shared[0], 1);
	for (;;)
		raw0(SYS_pause);
	return 0;
}

static int sleep_in_thread(void *argument)
{
	struct timespec hour = {3600, 0};

	add(&shared[0], 1);
	for (;;)
		raw2(SYS_nanosleep, &hour, NULL);
	return 0;
}

static int futex_in_thread(void *argument)
{
	int mine = 1;

	add(&shared[0], 1);
	for (;;)
		raw_futex_wait(&mine, 1);
	return 0;
}

static char own_pid[16];

static void start_threads(void)
{
	static struct thread threads[4];
	static int (*const kinds[])(void *) = {spin_in_thread, pause_in_thread, sleep_in_thread,
					       futex_in_thread};

	snprintf(own_pid, sizeof(own_pid), "%d", getpid());
	for (size_t i = 0; i < TAP_COUNT(kinds); i++)
		thread_start(&threads[i], kinds[i], NULL);
	tap_await(&shared[0], TAP_COUNT(kinds));
}

static void exec_with_threads(void *argument)
{
	start_threads();
	raw_exec_helper("alone", own_pid, NULL);
}

static void check_spinner_is_gone(void)
{
	int before = shared[1];

	settle();
	check_eq(shared[1], before);
}

static void exec_ends_the_other_threads(void)
{
	for (int i = 0; i < 5; i++) {
		shared = tap_shared(4096);
		check_exits(tap_child(exec_with_threads, NULL), 5);
		check_spinner_is_gone();
	}
}

static int exec_in_thread(void *argument)
{
	raw_await(&shared[2], 1);
	raw_exec_helper("alone", argument, NULL);
	set(&shared[3], 1);
	return 0;
}

static void exec_by_another_thread(void *argument)
{
	struct thread thread;

	snprintf(own_pid, sizeof(own_pid), "%d", getpid());
	thread_start(&thread, exec_in_thread, own_pid);
	start_threads();
	set(&shared[2], 1);
	if (argument)
		for (;;)
			add(&shared[4], 1);
	pause_in_thread(NULL);
}

static void exec_by_a_thread_takes_over_the_pid(void)
{
	for (long spin = 0; spin < 4; spin++) {
		shared = tap_shared(4096);
		check_exits(tap_child(exec_by_another_thread, (void *)(spin % 2)), 5);
		check_spinner_is_gone();
	}
}

static void exec_by_a_thread_without_leader(void *argument)
{
	struct thread thread;

	snprintf(own_pid, sizeof(own_pid), "%d", getpid());
	thread_start(&thread, exec_in_thread, own_pid);
	set(&shared[2], 1);
	raw_exit(1);
}

static void exec_after_the_leader_has_left(void)
{
	for (int i = 0; i < 5; i++) {
		shared = tap_shared(4096);
		check_exits(tap_child(exec_by_a_thread_without_leader, NULL), 5);
	}
}

static void several_threads_exec(void *argument)
{
	struct thread threads[3];

	snprintf(own_pid, sizeof(own_pid), "%d", getpid());
	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], exec_in_thread, own_pid);
	set(&shared[2], 1);
	raw_exec_helper("alone", own_pid, NULL);
	pause_in_thread(NULL);
}

static void one_of_several_execs_at_once_wins(void)
{
	for (int i = 0; i < 5; i++) {
		shared = tap_shared(4096);
		check_exits(tap_child(several_threads_exec, NULL), 5);
	}
}

static void fail_to_exec_with_threads(void *argument)
{
	int before;

	start_threads();
	check_eq(fail_to_exec((void *)8), 8);
	before = shared[1];
	tap_await(&shared[1], before + 1);
	raw1(SYS_exit_group, 8);
}

static void refused_exec_leaves_the_threads(void)
{
	shared = tap_shared(4096);
	check_exits(tap_child(fail_to_exec_with_threads, NULL), 8);
}

static void fork_with_threads(void *argument)
{
	start_threads();
	for (int i = 0; i < 5; i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			_exit(raw0(SYS_gettid) == raw0(SYS_getpid) ? 3 : 4);
		check_exits(pid, 3);
	}
	_exit(0);
}

static void fork_copies_only_the_calling_thread(void)
{
	shared = tap_shared(4096);
	check_child(fork_with_threads, NULL);
}

static int wait_to_be_told(void *argument)
{
	set(&shared[5], raw0(SYS_getpid));
	raw_await(&shared[6], 1);
	set(&shared[7], word);
	return 0;
}

static int vfork_in_thread(void *argument)
{
	vfork_call(wait_to_be_told, NULL);
	set(&shared[3], 1);
	return 0;
}

static void exec_while_a_thread_vforks(void *argument)
{
	struct thread thread;

	word = 55;
	snprintf(own_pid, sizeof(own_pid), "%d", getpid());
	thread_start(&thread, vfork_in_thread, NULL);
	tap_await(&shared[5], 1);
	raw_exec_helper("exit", "5", NULL);
}

static void exec_while_another_thread_is_in_vfork(void)
{
	shared = tap_shared(4096);
	check_exits(tap_child(exec_while_a_thread_vforks, NULL), 5);
	check_call(kill(shared[5], 0));
	set(&shared[6], 1);
	tap_await(&shared[7], 1);
	check_eq(shared[7], 55);
	check_eq(shared[3], 0);
}

static const struct test_case cases[] = {
	TEST(exec_after_vfork_leaves_the_parents_memory,
	     "exec after vfork leaves the parent's memory alone"),
	TEST(exec_under_clone_vm_leaves_the_parents_memory,
	     "exec under CLONE_VM leaves the parent's memory alone"),
	TEST(exec_under_vfork_with_own_stack,
	     "exec under CLONE_VM and CLONE_VFORK on a stack of its own, too"),
	TEST(exec_stops_sharing_handlers,
	     "exec ends the sharing of handlers: the other keeps its own"),
	TEST(exec_stops_sharing_descriptors,
	     "exec ends the sharing of descriptors: close-on-exec closes none of the other's"),
	TEST(exec_clears_the_child_tid_and_wakes,
	     "exec clears the CLONE_CHILD_CLEARTID word and wakes who waits on it"),
	TEST(exec_resets_the_exit_signal,
	     "exec resets the exit signal to SIGCHLD, so a plain wait sees the child"),
	TEST(refused_exec_under_clone_vm_changes_nothing,
	     "exec that is refused under CLONE_VM changes nothing"),
	TEST(end_of_a_clone_vm_child_is_its_own,
	     "a CLONE_VM child's exit_group, crash or death is its own"),
	TEST(memory_outlives_the_parent, "shared memory outlives the parent that ended"),
	TEST(parent_may_exec_and_the_child_keep_the_memory,
	     "a parent may exec, and its CLONE_VM child keeps the memory"),
	TEST(fork_from_a_vfork_child,
	     "fork from a vfork child makes a copy, and a child of the vfork child"),
	TEST(fork_from_a_clone_vm_child, "fork from a CLONE_VM child makes a copy as well"),
	TEST(vfork_from_a_clone_vm_child_and_exec, "vfork from a CLONE_VM child, and exec there"),
	TEST(exec_ends_the_other_threads,
	     "exec by the leader ends the other threads, however they are busy"),
	TEST(exec_by_a_thread_takes_over_the_pid,
	     "exec by another thread ends the leader and takes over the pid"),
	TEST(exec_after_the_leader_has_left,
	     "exec by a thread whose leader has left takes over the pid"),
	TEST(one_of_several_execs_at_once_wins,
	     "of several threads that exec at once one wins, and none hangs"),
	TEST(refused_exec_leaves_the_threads,
	     "exec that is refused leaves the other threads alive"),
	TEST(fork_copies_only_the_calling_thread, "fork copies only the calling thread"),
	TEST(exec_while_another_thread_is_in_vfork,
	     "exec ends a thread that waits in vfork, and its child goes on"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
