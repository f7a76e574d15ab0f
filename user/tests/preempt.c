/*
 * Nobody keeps the processor: tasks that never make a system call, what is in their registers when
 * they are interrupted, and creation while all that goes on.
 */
#include "helpers.h"

static volatile int *shared;

/* More spinners than most test machines have processors. */
enum { SPINNERS = 6 };

static void spin(void *argument)
{
	add(&shared[0], 1);
	for (;;)
		__asm__ volatile("");
}

static void start_spinners(pid_t *pids)
{
	shared = tap_shared(4096);
	for (int i = 0; i < SPINNERS; i++)
		pids[i] = tap_child(spin, NULL);
}

static void end_spinners(const pid_t *pids)
{
	for (int i = 0; i < SPINNERS; i++)
		check_call(kill(pids[i], SIGKILL));
	for (int i = 0; i < SPINNERS; i++)
		check_killed(pids[i], SIGKILL);
}

static void spinners_all_get_to_run(void)
{
	pid_t pids[SPINNERS];

	start_spinners(pids);
	tap_await(&shared[0], SPINNERS);
	end_spinners(pids);
}

static void who_sleeps_wakes_among_spinners(void)
{
	pid_t pids[SPINNERS];

	start_spinners(pids);
	for (int i = 0; i < 5; i++)
		tap_sleep_ms(1);
	end_spinners(pids);
}

static void pipes_work_among_spinners(void)
{
	int there[2], back[2];
	pid_t pids[SPINNERS], pid;

	start_spinners(pids);
	make_pipe(there);
	make_pipe(back);
	pid = tap_fork();
	if (pid == 0) {
		for (int i = 0; i < 10; i++)
			give_byte(back[1], take_byte(there[0]));
		_exit(0);
	}
	for (int i = 0; i < 10; i++) {
		give_byte(there[1], i);
		check_eq(take_byte(back[0]), i);
	}
	check_exits(pid, 0);
	end_spinners(pids);
}

static void spinner_takes_signals(void)
{
	shared = tap_shared(4096);
	for (int i = 0; i < 5; i++) {
		pid_t pid = tap_child(spin, NULL);
		tap_await(&shared[0], i + 1);
		check_call(kill(pid, SIGTERM));
		check_killed(pid, SIGTERM);
	}
}

static void count_in_shared(int number)
{
	add(&shared[1], 1);
}

static void spin_with_handler(void *argument)
{
	set_handler(SIGUSR1, count_in_shared, 0);
	spin(argument);
}

static void spinner_runs_its_handler(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(spin_with_handler, NULL);
	tap_await(&shared[0], 1);
	for (int i = 1; i <= 10; i++) {
		check_call(kill(pid, SIGUSR1));
		tap_await(&shared[1], i);
	}
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static int spin_in_thread(void *argument)
{
	spin(argument);
	return 0;
}

static void spin_in_threads(void *argument)
{
	struct thread threads[SPINNERS];

	for (int i = 0; i < SPINNERS; i++)
		thread_start(&threads[i], spin_in_thread, NULL);
	tap_await(&shared[0], SPINNERS);
	raw1(SYS_exit_group, 5);
}

static void spinning_threads_leave_time_and_can_be_ended(void)
{
	shared = tap_shared(4096);
	check_exits(tap_child(spin_in_threads, NULL), 5);
}

/*
 * Hold `seed` plus the register's number in every register but rsp, and look whether it stays,
 * until the word at `stop` is set. Returns 0 if it did.
 */
static int hold_registers(unsigned long seed, volatile int *stop)
{
	int result;

	__asm__ volatile("push %%rbp\n\t"
			 "push %%rdi\n\t"
			 "movq %%rsi, %%xmm3\n\t"
			 "movq %%rsi, %%xmm12\n\t"
			 "lea 1(%%rsi), %%rax\n\t"
			 "lea 2(%%rsi), %%rbx\n\t"
			 "lea 3(%%rsi), %%rcx\n\t"
			 "lea 4(%%rsi), %%rdx\n\t"
			 "lea 5(%%rsi), %%rbp\n\t"
			 "lea 8(%%rsi), %%r8\n\t"
			 "lea 9(%%rsi), %%r9\n\t"
			 "lea 10(%%rsi), %%r10\n\t"
			 "lea 11(%%rsi), %%r11\n\t"
			 "lea 12(%%rsi), %%r12\n\t"
			 "lea 13(%%rsi), %%r13\n\t"
			 "lea 14(%%rsi), %%r14\n\t"
			 "lea 15(%%rsi), %%r15\n"
			 "1:\t"
			 "lea 1(%%rsi), %%rdi\n\tcmp %%rdi, %%rax\n\tjne 2f\n\t"
			 "lea 2(%%rsi), %%rdi\n\tcmp %%rdi, %%rbx\n\tjne 2f\n\t"
			 "lea 3(%%rsi), %%rdi\n\tcmp %%rdi, %%rcx\n\tjne 2f\n\t"
			 "lea 4(%%rsi), %%rdi\n\tcmp %%rdi, %%rdx\n\tjne 2f\n\t"
			 "lea 5(%%rsi), %%rdi\n\tcmp %%rdi, %%rbp\n\tjne 2f\n\t"
			 "lea 8(%%rsi), %%rdi\n\tcmp %%rdi, %%r8\n\tjne 2f\n\t"
			 "lea 9(%%rsi), %%rdi\n\tcmp %%rdi, %%r9\n\tjne 2f\n\t"
			 "lea 10(%%rsi), %%rdi\n\tcmp %%rdi, %%r10\n\tjne 2f\n\t"
			 "lea 11(%%rsi), %%rdi\n\tcmp %%rdi, %%r11\n\tjne 2f\n\t"
			 "lea 12(%%rsi), %%rdi\n\tcmp %%rdi, %%r12\n\tjne 2f\n\t"
			 "lea 13(%%rsi), %%rdi\n\tcmp %%rdi, %%r13\n\tjne 2f\n\t"
			 "lea 14(%%rsi), %%rdi\n\tcmp %%rdi, %%r14\n\tjne 2f\n\t"
			 "lea 15(%%rsi), %%rdi\n\tcmp %%rdi, %%r15\n\tjne 2f\n\t"
			 "movq %%xmm3, %%rdi\n\tcmp %%rdi, %%rsi\n\tjne 2f\n\t"
			 "movq %%xmm12, %%rdi\n\tcmp %%rdi, %%rsi\n\tjne 2f\n\t"
			 "mov (%%rsp), %%rdi\n\t"
			 "cmpl $0, (%%rdi)\n\t"
			 "je 1b\n\t"
			 "xor %%eax, %%eax\n\t"
			 "jmp 3f\n"
			 "2:\tmov $1, %%eax\n"
			 "3:\tpop %%rdi\n\t"
			 "pop %%rbp"
			 : "=&a"(result), "+D"(stop), "+S"(seed)
			 :
			 : "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
			   "r15", "xmm3", "xmm12", "memory", "cc");
	return result;
}

static void hold(void *argument)
{
	add(&shared[0], 1);
	_exit(hold_registers((unsigned long)argument, &shared[1]));
}

static void registers_survive_being_interrupted(void)
{
	pid_t pids[SPINNERS];

	shared = tap_shared(4096);
	for (unsigned long i = 0; i < SPINNERS; i++)
		pids[i] = tap_child(hold, (void *)(0x123456789abcdef0 * (i + 1)));
	tap_await(&shared[0], SPINNERS);
	tap_sleep_ms(150);
	set(&shared[1], 1);
	for (int i = 0; i < SPINNERS; i++)
		check_exits(pids[i], 0);
}

/*
 * fork with patterns in the registers that a system call keeps. 0 in the child, its number in the
 * parent, -1 in whom a register has changed.
 */
static long fork_with_registers(void)
{
	long result;

	__asm__ volatile("push %%rbp\n\t"
			 "mov $0x5a5a5a01, %%ebx\n\t"
			 "mov $0x5a5a5a02, %%ebp\n\t"
			 "mov $0x5a5a5a03, %%r12d\n\t"
			 "mov $0x5a5a5a04, %%r13d\n\t"
			 "mov $0x5a5a5a05, %%r14d\n\t"
			 "mov $0x5a5a5a06, %%r15d\n\t"
			 "mov $0x5a5a5a07, %%edi\n\t"
			 "mov $0x5a5a5a08, %%r9d\n\t"
			 "movq %%rdi, %%xmm5\n\t"
			 "syscall\n\t"
			 "cmp $0x5a5a5a01, %%rbx\n\tjne 2f\n\t"
			 "cmp $0x5a5a5a02, %%rbp\n\tjne 2f\n\t"
			 "cmp $0x5a5a5a03, %%r12\n\tjne 2f\n\t"
			 "cmp $0x5a5a5a04, %%r13\n\tjne 2f\n\t"
			 "cmp $0x5a5a5a05, %%r14\n\tjne 2f\n\t"
			 "cmp $0x5a5a5a06, %%r15\n\tjne 2f\n\t"
			 "cmp $0x5a5a5a07, %%rdi\n\tjne 2f\n\t"
			 "cmp $0x5a5a5a08, %%r9\n\tjne 2f\n\t"
			 "movq %%xmm5, %%rcx\n\t"
			 "cmp %%rcx, %%rdi\n\t"
			 "je 3f\n"
			 "2:\tmov $-1, %%rax\n"
			 "3:\tpop %%rbp"
			 : "=a"(result)
			 : "a"(SYS_fork)
			 : "rbx", "rcx", "rdi", "r9", "r11", "r12", "r13", "r14", "r15", "xmm5",
			   "memory", "cc");
	return result;
}

static void fork_and_reap(void)
{
	long pid = fork_with_registers();

	if (pid == 0)
		_exit(3);
	check(pid > 0);
	check_exits(pid, 3);
}

static void fork_among_spinners_keeps_registers(void)
{
	pid_t pids[SPINNERS];

	start_spinners(pids);
	for (int i = 0; i < 20; i++)
		fork_and_reap();
	end_spinners(pids);
}

static void fork_until_told(void *argument)
{
	do
		fork_and_reap();
	while (!get(&shared[1]));
}

static void forks_at_the_same_time_keep_registers(void)
{
	pid_t pids[4];

	shared = tap_shared(4096);
	for (int i = 0; i < 4; i++)
		pids[i] = tap_child(fork_until_told, NULL);
	tap_sleep_ms(200);
	set(&shared[1], 1);
	for (int i = 0; i < 4; i++)
		check_exits(pids[i], 0);
}

static void fork_in_a_storm(void *argument)
{
	set_handler(SIGUSR1, count_in_shared, 0);
	set(&shared[0], 1);
	for (int i = 0; i < 50 || !get(&shared[1]); i++) {
		long pid = raw_fork();

		if (pid == 0)
			raw1(SYS_exit_group, 3);
		/* Never EINTR: where the kernel gives up a fork for a signal, it does it again. */
		check(pid > 0);
		check_exits(pid, 3);
	}
	check_eq(raw_wait4(-1, NULL, __WALL, NULL), -ECHILD);
	set(&shared[2], 1);
}

static void fork_in_a_storm_of_signals(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(fork_in_a_storm, NULL);
	tap_await(&shared[0], 1);
	while (!get(&shared[2]) && !is_zombie(pid)) {
		raw2(SYS_kill, pid, SIGUSR1);
		raw0(SYS_sched_yield);
	}
	check_exits(pid, 0);
	check(shared[1] > 0);
}

static volatile int word;

/* Longer than a slice of time, and then the word. */
static int spin_in_vfork(void *argument)
{
	long long end = tap_now() + 60 * 1000 * 1000;

	while (tap_now() < end)
		;
	word = 1;
	return 0;
}

static void vfork_parent_waits_among_spinners(void)
{
	pid_t pids[2];

	shared = tap_shared(4096);
	for (int i = 0; i < 2; i++)
		pids[i] = tap_child(spin, NULL);
	for (int i = 0; i < 2; i++) {
		pid_t pid = vfork_call(spin_in_vfork, NULL);
		check_eq(word, 1);
		check_exits(pid, 0);
		word = 0;
		pid = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, spin_in_vfork, NULL);
		check_eq(word, 1);
		check_exits(pid, 0);
		word = 0;
	}
	for (int i = 0; i < 2; i++) {
		check_call(kill(pids[i], SIGKILL));
		check_killed(pids[i], SIGKILL);
	}
}

static int signal_parent_and_spin(void *argument)
{
	raw2(SYS_kill, raw0(SYS_getppid), SIGUSR1);
	return spin_in_vfork(argument);
}

static volatile int word_in_handler = -1;

static void note_word(int number)
{
	add(&caught[number], 1);
	word_in_handler = word;
}

static void vfork_parent_waits_with_a_signal_pending(void)
{
	pid_t pid;

	set_handler(SIGUSR1, note_word, 0);
	pid = vfork_call(signal_parent_and_spin, NULL);
	check_eq(word, 1);
	check_eq(word_in_handler, 1);
	check_exits(pid, 0);
	word = 0;
	pid = clone_call(CLONE_VM | CLONE_VFORK | SIGCHLD, signal_parent_and_spin, NULL);
	check_eq(word, 1);
	check_eq(caught[SIGUSR1], 2);
	check_eq(word_in_handler, 1);
	check_exits(pid, 0);
}

static int spin_until_killed(void *argument)
{
	set(&shared[2], raw0(SYS_getpid));
	for (;;)
		__asm__ volatile("");
	return 0;
}

static void vfork_a_spinner(void *argument)
{
	pid_t pid = vfork_call(spin_until_killed, NULL);

	check_killed(pid, SIGKILL);
	_exit(7);
}

static void spinning_vfork_child_can_be_killed(void)
{
	pid_t parent;

	shared = tap_shared(4096);
	parent = tap_child(vfork_a_spinner, NULL);
	tap_await(&shared[2], 1);
	check_eq(raw_wait4(parent, NULL, WNOHANG, NULL), 0);
	check_call(kill(shared[2], SIGKILL));
	check_exits(parent, 7);
}

static void vfork_parent_with_spinning_child_can_be_killed(void)
{
	pid_t parent;

	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	parent = tap_child(vfork_a_spinner, NULL);
	tap_await(&shared[2], 1);
	check_call(kill(parent, SIGKILL));
	check_killed(parent, SIGKILL);
	check_eq(raw_wait4(shared[2], NULL, WNOHANG, NULL), 0);
	check_call(kill(shared[2], SIGKILL));
	check_killed(shared[2], SIGKILL);
}

static int exit_with_argument(void *argument)
{
	return (int)(long)argument;
}

static void vfork_until_killed(void *argument)
{
	for (int i = 0;; i++) {
		pid_t pid = vfork_call(exit_with_argument, (void *)3);
		check_exits(pid, 3);
		set(&shared[0], i);
	}
}

static void killing_a_busy_vfork_parent_leaves_nobody(void)
{
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (int i = 0; i < 10; i++) {
		pid_t pid;

		shared = tap_shared(4096);
		pid = tap_child(vfork_until_killed, NULL);
		tap_await(&shared[0], 2 + i);
		check_call(kill(pid, SIGKILL));
		check_killed(pid, SIGKILL);
		/* A child that it left behind ends by itself. */
		while (raw_wait4(-1, NULL, 0, NULL) != -ECHILD)
			;
	}
}

static void yield_until_told(void *argument)
{
	add(&shared[0], 1);
	while (!get(&shared[1]))
		sched_yield();
}

static void yielding_tasks_let_each_other_run(void)
{
	pid_t pids[8];

	shared = tap_shared(4096);
	for (int i = 0; i < 8; i++)
		pids[i] = tap_child(yield_until_told, NULL);
	tap_await(&shared[0], 8);
	set(&shared[1], 1);
	for (int i = 0; i < 8; i++)
		check_exits(pids[i], 0);
}

static void make_a_family(void *argument)
{
	for (int i = 0; i < 5; i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			_exit(i);
		check_exits(pid, i);
	}
}

static void many_families_at_once(void)
{
	pid_t pids[10];

	for (int i = 0; i < 10; i++)
		pids[i] = tap_child(make_a_family, NULL);
	for (int i = 0; i < 10; i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(spinners_all_get_to_run, "preempt: six tasks that never let go all get to run"),
	TEST(who_sleeps_wakes_among_spinners, "preempt: who sleeps wakes among spinners"),
	TEST(pipes_work_among_spinners, "preempt: a pipe goes there and back among spinners"),
	TEST(spinner_takes_signals, "preempt: a spinner can be killed"),
	TEST(spinner_runs_its_handler, "preempt: a spinner runs its signal handler"),
	TEST(spinning_threads_leave_time_and_can_be_ended,
	     "preempt: spinning threads leave their process time, and end with it"),
	TEST(registers_survive_being_interrupted, "preempt: registers survive being interrupted"),
	TEST(fork_among_spinners_keeps_registers,
	     "preempt: fork among spinners gives parent and child their registers"),
	TEST(forks_at_the_same_time_keep_registers,
	     "preempt: four that fork at the same time keep their registers"),
	TEST(fork_in_a_storm_of_signals,
	     "preempt: fifty forks in a storm of signals each make one child"),
	TEST(vfork_parent_waits_among_spinners,
	     "preempt: a vfork parent waits for its spinning child, among spinners"),
	TEST(vfork_parent_waits_with_a_signal_pending,
	     "preempt: a vfork parent with a signal pending waits for its spinning child"),
	TEST(spinning_vfork_child_can_be_killed, "preempt: a spinning vfork child can be killed"),
	TEST(vfork_parent_with_spinning_child_can_be_killed,
	     "preempt: a vfork parent whose child spins can be killed, the child after it"),
	TEST(killing_a_busy_vfork_parent_leaves_nobody,
	     "preempt: killing one that vforks all the time leaves nobody hanging"),
	TEST(yielding_tasks_let_each_other_run, "preempt: eight that yield let each other run"),
	TEST(many_families_at_once, "preempt: ten families of five at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
