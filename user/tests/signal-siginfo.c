/*
 * What siginfo says of signals that come from the kernel's own doings; the alternate stack at its
 * edges; and signals that race with exit, exec and fork.
 */
#include "helpers.h"

#include <sys/resource.h>

static volatile int *shared;
static siginfo_t last;
static volatile int came;

static void note_info(int number, siginfo_t *info, void *context)
{
	last = *info;
	add(&came, 1);
}

static void check_last(int number, int code, pid_t pid)
{
	check_eq(last.si_signo, number);
	check_eq(last.si_code, code);
	check_eq(last.si_pid, pid);
	check_eq(last.si_errno, 0);
}

/* ---- where they come from ---- */

static void broken_pipe(void)
{
	int ends[2];

	make_pipe(ends);
	check_call(close(ends[0]));
	set_info_handler(SIGPIPE, note_info, 0);
	check_errno(write(ends[1], "x", 1), EPIPE);
	check_eq(came, 1);
	check_last(SIGPIPE, SI_USER, getpid());
}

static void file_too_large(void)
{
	struct rlimit none = {0, 0};
	int fd = check_call(open("/tmp/siginfo", O_RDWR | O_CREAT, 0600));

	check_call(unlink("/tmp/siginfo"));
	check_call(setrlimit(RLIMIT_FSIZE, &none));
	set_info_handler(SIGXFSZ, note_info, 0);
	check_errno(write(fd, "x", 1), EFBIG);
	check_last(SIGXFSZ, SI_USER, getpid());
}

static void outlive_the_parent(void *argument)
{
	pid_t parent = getppid();

	set_info_handler(SIGUSR1, note_info, 0);
	check_call(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	set(&shared[1], 1);
	while (!get(&came))
		tap_sleep_ms(1);
	check_last(SIGUSR1, SI_USER, parent);
	set(&shared[2], 1);
}

static void leave_a_child(void *argument)
{
	tap_child(outlive_the_parent, NULL);
	tap_await(&shared[1], 1);
}

static void parents_death(void)
{
	shared = tap_shared(4096);
	check_child(leave_a_child, NULL);
	tap_await(&shared[2], 1);
}

/* ---- what a parent is told ---- */

static void await_info(void)
{
	while (!get(&came))
		tap_sleep_ms(1);
	set(&came, 0);
}

static void sleep_for_ever(void *argument)
{
	for (;;)
		pause();
}

static void be_somebody_and_exit(void *argument)
{
	check_call(setuid(77));
	_exit(300);
}

static void check_child_info(pid_t pid, int code, int status)
{
	await_info();
	check_last(SIGCHLD, code, pid);
	check_eq(last.si_status, status);
}

static void life_of_a_child(void)
{
	pid_t pid;

	set_info_handler(SIGCHLD, note_info, 0);
	pid = tap_child(sleep_for_ever, NULL);
	check_call(kill(pid, SIGSTOP));
	check_child_info(pid, CLD_STOPPED, SIGSTOP);
	check_call(kill(pid, SIGCONT));
	check_child_info(pid, CLD_CONTINUED, SIGCONT);
	check_call(kill(pid, SIGSTOP));
	check_child_info(pid, CLD_STOPPED, SIGSTOP);
	check_call(kill(pid, SIGKILL));
	check_child_info(pid, CLD_KILLED, SIGKILL);
	tap_wait(pid);
	pid = tap_child(be_somebody_and_exit, NULL);
	check_child_info(pid, CLD_EXITED, 300 & 255);
	check_eq(last.si_uid, 77);
	tap_wait(pid);
}

static void use_time(void *argument)
{
	struct rusage used;

	do
		getrusage(RUSAGE_SELF, &used);
	while (used.ru_utime.tv_usec + used.ru_stime.tv_usec < 200000);
}

static void time_of_a_child(void)
{
	set_info_handler(SIGCHLD, note_info, 0);
	tap_child(use_time, NULL);
	await_info();
	/* In hundredths of a second. */
	check(last.si_utime + last.si_stime >= 10 && last.si_utime + last.si_stime < 200);
}

/* ---- the alternate stack ---- */

#define ONE_STACK 65536
#define MANY      0x2000

static char other_stack[ONE_STACK] __attribute__((aligned(16)));

static int kill_with_stack_at(char *sp)
{
	long result;

	__asm__ volatile("mov %%rsp, %%rbx\n\tmov %[sp], %%rsp\n\tsyscall\n\tmov %%rbx, %%rsp"
			 : "=a"(result)
			 : "a"(SYS_tkill), "D"(raw0(SYS_gettid)), "S"(SIGUSR2), [sp] "r"(sp)
			 : "rbx", "rcx", "r11", "memory");
	return (int)result;
}

static char *stack_pointer_for_next;

static void signal_again(int number)
{
	kill_with_stack_at(stack_pointer_for_next);
}

/* On the alternate stack, with the pointer where it says, a second signal comes. */
static void signal_on_stack_at(void *argument)
{
	stack_t stack = {.ss_sp = other_stack, .ss_size = ONE_STACK};

	stack_pointer_for_next = argument;
	check_call(sigaltstack(&stack, NULL));
	set_handler(SIGUSR1, signal_again, SA_ONSTACK);
	set_handler(SIGUSR2, count_signal, SA_ONSTACK);
	check_call(raise(SIGUSR1));
	check_eq(caught[SIGUSR2], 1);
}

static void stack_too_full_kills(void)
{
	check_child(signal_on_stack_at, other_stack + ONE_STACK - MANY);
	check_child(signal_on_stack_at, other_stack + MANY);
	check_dies(signal_on_stack_at, other_stack + 512, SIGSEGV);
	check_dies(signal_on_stack_at, other_stack + 200, SIGSEGV);
}

static void flags_of_the_stack(void)
{
	static const struct {
		int flags;
		long result;
		int then;
	} rows[] = {
		{SS_ONSTACK, 0, SS_ONSTACK ^ SS_ONSTACK},
		{1 << 31, 0, 1 << 31},
		{1 << 31 | SS_ONSTACK, 0, 1 << 31},
		{1 << 31 | SS_DISABLE, 0, 1 << 31 | SS_DISABLE},
		{SS_DISABLE, 0, SS_DISABLE},
		{3, -EINVAL, SS_DISABLE},
		{4, -EINVAL, SS_DISABLE},
	};

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		stack_t stack = {other_stack, rows[i].flags, ONE_STACK}, now;

		check_eq(raw2(SYS_sigaltstack, &stack, NULL), rows[i].result);
		check_eq(raw2(SYS_sigaltstack, NULL, &now), 0);
		check_eq(now.ss_flags, rows[i].then);
	}
}

/* ---- races ---- */

/* Sends to everybody in the group of `pid`, again and again, until it is gone. */
static void shower(pid_t pid, int number)
{
	while (kill(pid, number) == 0 && !is_zombie(pid))
		raw0(SYS_sched_yield);
}

static int exit_at_once(void *argument)
{
	return 0;
}

static void make_threads(void *argument)
{
	static struct thread threads[100];

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	set(&shared[1], 1);
	for (int i = 0; i < 100; i++)
		thread_start(&threads[i], exit_at_once, NULL);
	for (int i = 0; i < 100; i++)
		thread_join(&threads[i]);
}

static void signals_while_threads_exit(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(make_threads, NULL);
	tap_await(&shared[1], 1);
	shower(pid, SIGUSR1);
	check_exits(pid, 0);
}

static void fork_many(void *argument)
{
	set_handler(SIGUSR1, count_signal, SA_RESTART);
	set(&shared[1], 1);
	for (int i = 0; i < 100; i++) {
		pid_t pid = raw_fork();

		if (pid == 0)
			raw_exit(i);
		check_exits(pid, i);
	}
}

static void signals_while_it_forks(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(fork_many, NULL);
	tap_await(&shared[1], 1);
	shower(pid, SIGUSR1);
	check_exits(pid, 0);
}

/* Execs itself with one less, until none is left. SIGUSR1 stays blocked, so it stays pending. */
static int exec_again(int argc, char **argv)
{
	static char number[16];
	const char *again[] = {argv[0], "--helper", "again", number, NULL};
	int left = atoi(argv[1]);
	sigset_t pending;

	if (left == 0)
		return sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) ? 0 : 1;
	snprintf(number, sizeof(number), "%d", left - 1);
	raw3(SYS_execve, "/proc/self/exe", again, NULL);
	return 126;
}

static void signals_while_it_execs(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	block_signal(SIGUSR1);
	pid = tap_fork();
	if (pid == 0) {
		tap_await(&shared[1], 1);
		raw_exec_helper("again", "30", NULL);
		_exit(126);
	}
	check_call(kill(pid, SIGUSR1));
	set(&shared[1], 1);
	shower(pid, SIGUSR1);
	check_exits(pid, 0);
}

static void killed_while_it_execs(void)
{
	for (int i = 0; i < 30; i++) {
		pid_t pid = spawn_helper("again", "1000", NULL);

		tap_sleep_ms(i % 5);
		check_call(kill(pid, SIGKILL));
		check_killed(pid, SIGKILL);
	}
}

static const struct test_case cases[] = {
	TEST(broken_pipe, "siginfo: SIGPIPE comes from the writer itself"),
	TEST(file_too_large, "siginfo: SIGXFSZ comes from the writer itself"),
	TEST(parents_death, "siginfo: the signal at the parent's death names the parent"),
	TEST(life_of_a_child, "siginfo: SIGCHLD tells of stop, continue, death and exit"),
	TEST(time_of_a_child, "siginfo: SIGCHLD tells the child's processor time"),
	TEST(stack_too_full_kills, "siginfo: no room on the alternate stack kills"),
	TEST(flags_of_the_stack, "siginfo: the alternate stack's flags"),
	TEST(signals_while_threads_exit, "siginfo: signals come while threads begin and end"),
	TEST(signals_while_it_forks, "siginfo: signals come while it forks and waits"),
	TEST(signals_while_it_execs, "siginfo: a blocked signal survives exec after exec"),
	TEST(killed_while_it_execs, "siginfo: SIGKILL ends a process that execs again and again"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), exec_again);
}
