/*
 * CLONE_VFORK: the caller waits until the child has given its memory back, whether that memory is
 * the caller's or not. What vfork itself, which is one of these, must do is in vfork.c.
 */
#include "clone.h"

#include <sys/time.h>

static volatile int word;
static volatile int *shared; /* by which a case talks to processes that do not share its memory */

static int set_word(void *argument)
{
	word = (int)(long)argument;
	return 0;
}

static int dawdle_and_set_word(void *argument)
{
	for (int i = 0; i < 20; i++)
		raw0(SYS_sched_yield);
	raw_settle();
	return set_word(argument);
}

static void own_stack_waits_too(void)
{
	pid_t pid = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, dawdle_and_set_word, (void *)1);

	check_eq(word, 1);
	check_exits(pid, 0);
}

static int set_shared(void *argument)
{
	word = 5;
	raw_settle();
	set(&shared[0], 1);
	return (int)(long)argument;
}

static void without_vm_waits_too(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = clone_call(CLONE_VFORK | SIGCHLD, set_shared, NULL);
	check_eq(shared[0], 1);
	check_eq(word, 0);
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

static int signal_the_parent_from_own_stack(void *argument)
{
	return signal_the_parent(argument);
}

static void handled_signal_waits_with_own_stack(void)
{
	pid_t pid;

	set_handler(SIGUSR1, note_word, SA_RESTART);
	pid = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, signal_the_parent_from_own_stack,
			 (void *)1);
	check_eq(word, 1);
	check_eq(caught[SIGUSR1], 1);
	check_eq(word_seen_by_handler, 1);
	check_exits(pid, 0);
}

static int vfork_thread_child(void *argument)
{
	return dawdle_and_set_word(argument);
}

static void thread_made_with_vfork_holds_its_maker(void)
{
	unsigned long flags = THREAD_FLAGS & ~(CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID);

	clone_call(flags | CLONE_VFORK, vfork_thread_child, (void *)1);
	check_eq(word, 1);
}

/* ---- other flags beside it ---- */

static int note_and_exit(void *argument)
{
	raw_settle();
	set(&shared[0], 1);
	return (int)(long)argument;
}

static void whatever_else_is_shared_the_caller_waits(void)
{
	static const unsigned long flags[] = {
		CLONE_FS,
		CLONE_FILES,
		CLONE_VM | CLONE_SIGHAND,
		CLONE_IO,
		CLONE_SYSVSEM,
		CLONE_UNTRACED,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_IO | CLONE_SYSVSEM,
	};

	shared = tap_shared(4096);
	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		pid_t pid;

		set(&shared[0], 0);
		pid = clone_call(flags[i] | CLONE_VFORK | SIGCHLD, note_and_exit, (void *)3);
		check_eq(shared[0], 1);
		check_exits(pid, 3);
	}
}

static void wait_for_a_sibling(void *argument)
{
	long pid = raw_clone_call(CLONE_PARENT | CLONE_VFORK, new_stack(), NULL, NULL, 0,
				  note_and_exit, (void *)3);

	check_eq(shared[0], 1);
	set(&shared[1], pid);
}

static void caller_waits_for_a_sibling_too(void)
{
	shared = tap_shared(4096);
	check_child(wait_for_a_sibling, NULL);
	check_exits(shared[1], 3);
}

static int report_words(void *argument)
{
	volatile int *words = argument;

	set(&words[2], get(&words[0]) == raw_gettid());
	set(&words[3], words[1] >= 0 && raw3(SYS_fcntl, words[1], F_GETFD, 0) == FD_CLOEXEC);
	return 0;
}

static void number_and_pidfd_are_there_before_the_wait(void)
{
	static volatile int words[4] = {-1, -1};
	const struct clone_args args = {
		.flags = CLONE_VFORK | CLONE_VM | CLONE_FILES | CLONE_PARENT_SETTID | CLONE_PIDFD,
		.parent_tid = (uintptr_t)&words[0],
		.pidfd = (uintptr_t)&words[1],
		.exit_signal = SIGCHLD,
		.stack = (uintptr_t)new_stack() - STACK_SIZE,
		.stack_size = STACK_SIZE,
	};
	long pid = raw_clone3_call(&args, sizeof(args), report_words, (void *)words);

	check_eq(words[0], pid);
	check_eq(words[2], 1);
	check_eq(words[3], 1);
	check_exits(pid, 0);
}

/* ---- what releases the caller ---- */

static int exec_waiter(void *argument)
{
	raw_settle();
	set(&shared[0], 1);
	raw_exec_helper("wait", argument, NULL);
	return 126;
}

static void exec_releases_also_without_vm(void)
{
	char number[16];
	int gate[2];

	shared = tap_shared(4096);
	make_pipe(gate);
	snprintf(number, sizeof(number), "%d", gate[0]);
	for (int vm = 0; vm < 2; vm++) {
		pid_t pid;

		set(&shared[0], 0);
		pid = clone_call((vm ? CLONE_VM : 0) | CLONE_VFORK | SIGCHLD, exec_waiter, number);
		check_eq(shared[0], 1);
		check_eq(waitpid(pid, NULL, WNOHANG), 0);
		give_byte(gate[1], 7);
		check_exits(pid, 7);
	}
}

static int die(void *argument)
{
	raw_settle();
	set(&shared[0], 1);
	raw2(SYS_kill, raw0(SYS_getpid), argument);
	return 0;
}

static void death_releases_also_without_vm(void)
{
	static const long deadly[] = {SIGKILL, SIGTERM, SIGABRT, SIGSEGV, 64};

	shared = tap_shared(4096);
	for (size_t i = 0; i < 2 * TAP_COUNT(deadly); i++) {
		pid_t pid;

		set(&shared[0], 0);
		pid = clone_call((i % 2 ? CLONE_VM : 0) | CLONE_VFORK | SIGCHLD, die,
				 (void *)deadly[i / 2]);
		check_eq(shared[0], 1);
		check_killed(pid, deadly[i / 2]);
	}
}

static int stay_until_told(void *argument)
{
	raw_await(&shared[1], 1);
	return 0;
}

static int leave_a_grandchild(void *argument)
{
	set(&shared[2],
	    raw_clone_call(CLONE_VM | SIGCHLD, new_stack(), NULL, NULL, 0, stay_until_told, NULL));
	return 0;
}

/* It is the child that lets go of the memory; that others still have it does not matter. */
static void grandchild_with_the_memory_does_not_hold_the_caller(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, leave_a_grandchild, NULL);
	check(shared[2] > 0);
	check_call(kill(shared[2], 0));
	check_exits(pid, 0);
	set(&shared[1], 1);
}

static int leave_a_thread(void *argument)
{
	const unsigned long flags = THREAD_FLAGS & ~(CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID);

	raw_clone_call(flags, new_stack(), NULL, NULL, 0, stay_until_told, NULL);
	set(&shared[0], 1);
	return 0; /* only this thread ends */
}

static void end_of_the_child_s_first_thread_releases(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = clone_call(CLONE_VFORK | SIGCHLD, leave_a_thread, NULL);
	check_eq(shared[0], 1);
	check_eq(raw_wait4(pid, NULL, WNOHANG, NULL), 0);
	set(&shared[1], 1);
	check_exits(pid, 0);
}

static int nest(void *argument)
{
	long depth = (long)argument, pid;
	int status;

	if (depth == 0)
		return 0;
	pid = raw_clone_call(CLONE_VFORK | SIGCHLD, new_stack(), NULL, NULL, 0, nest,
			     (void *)(depth - 1));
	if (get(&shared[0]) != depth - 1)
		return 1;
	set(&shared[0], depth);
	return raw_wait4(pid, &status, 0, NULL) == pid && status == 0 ? 0 : 2;
}

static void nested_without_vm(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = clone_call(CLONE_VFORK | SIGCHLD, nest, (void *)6);
	check_eq(shared[0], 6);
	check_exits(pid, 0);
}

/* ---- what happens to the caller meanwhile ---- */

static void vfork_a_waiter(void *argument)
{
	pid_t pid = clone_call(CLONE_VFORK | SIGCHLD, stay_until_told, NULL);

	set(&shared[3], 1);
	check_exits(pid, 0);
}

static void stop_takes_effect_after_the_release(void)
{
	pid_t pid;
	int status;

	shared = tap_shared(4096);
	pid = tap_child(vfork_a_waiter, NULL);
	settle();
	check_call(kill(pid, SIGSTOP));
	settle();
	check_eq(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
	set(&shared[1], 1);
	check_eq(waitpid(pid, &status, WUNTRACED), pid);
	check(WIFSTOPPED(status));
	check_eq(shared[3], 0);
	check_call(kill(pid, SIGCONT));
	check_exits(pid, 0);
}

static int timer_and_settle(void *argument)
{
	for (int i = 0; i < 3; i++)
		raw_settle();
	set(&shared[0], caught[SIGALRM]);
	return 0;
}

static void timer_expires_and_is_handled_after_the_release(void)
{
	const struct itimerval soon = {.it_value = {0, 1000}};
	pid_t pid;

	shared = tap_shared(4096);
	set_handler(SIGALRM, count_signal, 0);
	check_call(setitimer(ITIMER_REAL, &soon, NULL));
	pid = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, timer_and_settle, NULL);
	check_eq(caught[SIGALRM], 1);
	check_exits(pid, 0);
}

static int pause_noted(void *argument)
{
	set(&shared[0], raw0(SYS_getpid));
	return wait_for_ever(argument);
}

static int vfork_in_thread(void *argument)
{
	raw_clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, new_stack(), NULL, NULL, 0, pause_noted,
		       NULL);
	set(&shared[3], 1);
	return 0;
}

static void leave_a_waiting_thread(void *by_exec)
{
	struct thread thread;

	thread_start(&thread, vfork_in_thread, NULL);
	tap_await(&shared[0], 1);
	if (!by_exec)
		raw1(SYS_exit_group, 6);
	raw_exec_helper("six", NULL, NULL);
}

/* A thread that waits is no obstacle to the end of its process, or to exec by another thread. */
static void waiting_thread_ends_with_its_process(void)
{
	for (long by_exec = 0; by_exec < 2; by_exec++) {
		pid_t pid;

		shared = tap_shared(4096);
		pid = tap_child(leave_a_waiting_thread, (void *)by_exec);
		check_exits(pid, 6);
		check_eq(shared[3], 0);
		check_call(kill(shared[0], 0));
		check_call(kill(shared[0], SIGKILL));
	}
}

static int helper(int argc, char **argv)
{
	char byte;

	if (strcmp(argv[0], "six") == 0)
		return 6;
	return argc == 2 && read(atoi(argv[1]), &byte, 1) == 1 ? byte : 1;
}

static const struct test_case cases[] = {
	TEST(own_stack_waits_too,
	     "vfork: the parent waits for a child that has a stack of its own"),
	TEST(without_vm_waits_too,
	     "vfork: CLONE_VFORK without CLONE_VM waits, and copies the memory"),
	TEST(handled_signal_waits_with_own_stack,
	     "vfork: the same when the child has a stack of its own"),
	TEST(thread_made_with_vfork_holds_its_maker,
	     "vfork: a thread made with CLONE_VFORK holds its maker until it ends"),
	TEST(whatever_else_is_shared_the_caller_waits,
	     "CLONE_VFORK: the caller waits whatever else is shared"),
	TEST(caller_waits_for_a_sibling_too,
	     "CLONE_VFORK: with CLONE_PARENT the caller waits for a sibling"),
	TEST(number_and_pidfd_are_there_before_the_wait,
	     "CLONE_VFORK: the child's number and pidfd are stored before the wait"),
	TEST(exec_releases_also_without_vm,
	     "CLONE_VFORK: exec releases the caller, with CLONE_VM and without"),
	TEST(death_releases_also_without_vm,
	     "CLONE_VFORK: death by signal releases the caller, with CLONE_VM and without"),
	TEST(grandchild_with_the_memory_does_not_hold_the_caller,
	     "CLONE_VFORK: a grandchild that keeps the memory does not hold the caller"),
	TEST(end_of_the_child_s_first_thread_releases,
	     "CLONE_VFORK: the end of the child's first thread releases the caller"),
	TEST(nested_without_vm, "CLONE_VFORK: six nested, each with memory of its own"),
	TEST(stop_takes_effect_after_the_release,
	     "CLONE_VFORK: SIGSTOP to the caller takes effect after the release"),
	TEST(timer_expires_and_is_handled_after_the_release,
	     "CLONE_VFORK: a timer that expires meanwhile is handled after the release"),
	TEST(waiting_thread_ends_with_its_process,
	     "CLONE_VFORK: a waiting thread ends with its process, and by exec of another thread"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
