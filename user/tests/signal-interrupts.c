/*
 * What a signal does to a call that waits: EINTR, or going on as if nothing had been; what an
 * interrupted call tells of what it had done; and a computation that is interrupted all the time.
 */
#include "helpers.h"

#include <time.h>

static volatile int *shared;

enum {
	CALL_READ,
	CALL_WAIT,
	CALL_NANOSLEEP,
	CALL_WRITE,
	CALL_PAUSE,
	CALL_FUTEX,
	CALL_WAITID,
	CALL_COUNT
};

/* Blocks in one of the calls until a signal comes; its result. */
static long blocking_call(int call)
{
	static char bytes[65536];
	struct timespec hour = {3600, 0};
	int ends[2], futex = 1;
	long result = 0;
	pid_t pid;

	make_pipe(ends);
	if (call == CALL_READ)
		return raw3(SYS_read, ends[0], bytes, 1);
	if (call == CALL_WRITE) {
		check_eq(write(ends[1], bytes, sizeof(bytes)), (long)sizeof(bytes));
		return raw3(SYS_write, ends[1], bytes, 1);
	}
	if (call == CALL_NANOSLEEP)
		return raw2(SYS_nanosleep, &hour, NULL);
	if (call == CALL_PAUSE)
		return raw0(SYS_pause);
	if (call == CALL_FUTEX)
		return raw_futex_wait(&futex, 1);
	pid = tap_fork();
	if (pid == 0)
		for (;;)
			pause();
	if (call == CALL_WAIT)
		result = raw_wait4(pid, NULL, 0, NULL);
	if (call == CALL_WAITID)
		result = raw_waitid(P_ALL, 0, NULL, WEXITED, NULL);
	kill(pid, SIGKILL);
	tap_wait(pid);
	return result;
}

static void be_interrupted(void *argument)
{
	set_handler(SIGUSR1, count_signal, 0);
	set(&shared[1], 1);
	check_eq(blocking_call((int)(long)argument), -EINTR);
	check(caught[SIGUSR1] > 0);
	set(&shared[2], 1);
}

static void handled_signal_interrupts_blocking_calls(void)
{
	for (long call = 0; call < CALL_COUNT; call++) {
		pid_t pid;

		shared = tap_shared(4096);
		pid = tap_child(be_interrupted, (void *)call);
		tap_await(&shared[1], 1);
		pester(pid, SIGUSR1, &shared[2]);
		check_exits(pid, 0);
	}
}

static void note_in_shared(int number)
{
	add(&shared[3], 1);
}

static void read_and_restart(void *argument)
{
	char byte = 0;

	set_handler(SIGUSR1, note_in_shared, SA_RESTART);
	set(&shared[1], 1);
	check_eq(raw3(SYS_read, *(int *)argument, &byte, 1), 1);
	check_eq(byte, 5);
	check(shared[3] >= 3);
}

/* Signal a child, one signal after another, until its handler has run three times. */
static void signal_three_times(pid_t pid)
{
	tap_await(&shared[1], 1);
	for (int i = 1; i <= 3; i++) {
		settle();
		check_call(kill(pid, SIGUSR1));
		tap_await(&shared[3], i);
	}
}

static void restart_goes_on_reading(void)
{
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	make_pipe(ends);
	pid = tap_child(read_and_restart, &ends[0]);
	signal_three_times(pid);
	give_byte(ends[1], 5);
	check_exits(pid, 0);
}

static void wait_and_restart(void *argument)
{
	pid_t pid = tap_fork();
	int status;

	if (pid == 0) {
		take_byte(*(int *)argument);
		_exit(8);
	}
	set_handler(SIGUSR1, note_in_shared, SA_RESTART);
	set(&shared[1], 1);
	check_eq(raw_wait4(pid, &status, 0, NULL), pid);
	check_eq(status, 8 << 8);
	check(shared[3] >= 3);
}

static void restart_goes_on_waiting(void)
{
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	make_pipe(ends);
	pid = tap_child(wait_and_restart, &ends[0]);
	signal_three_times(pid);
	give_byte(ends[1], 5);
	check_exits(pid, 0);
}

static void ignored_signal_interrupts_nothing(void)
{
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		char byte;
		signal(SIGUSR1, SIG_IGN);
		set(&shared[1], 1);
		/* SIGCHLD, SIGURG, SIGWINCH and SIGCONT are ignored by default. */
		_exit(raw3(SYS_read, ends[0], &byte, 1) == 1 ? 0 : 1);
	}
	tap_await(&shared[1], 1);
	for (int i = 0; i < 3; i++) {
		settle();
		check_call(kill(pid, SIGUSR1));
		check_call(kill(pid, SIGCHLD));
		check_call(kill(pid, SIGWINCH));
		check_call(kill(pid, SIGCONT));
	}
	give_byte(ends[1], 1);
	check_exits(pid, 0);
}

static void sleep_and_be_interrupted(void *argument)
{
	struct timespec time = {1000, 0}, left = {0, 0};

	set_handler(SIGUSR1, count_signal, argument ? SA_RESTART : 0);
	set(&shared[1], 1);
	check_eq(raw2(SYS_nanosleep, &time, &left), -EINTR);
	check(left.tv_sec >= 900 && left.tv_sec <= 1000);
	left.tv_sec = 7;
	set(&shared[4], 1);
	check_eq(raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &time, &left), -EINTR);
	check(left.tv_sec >= 900 && left.tv_sec <= 1000);
	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_sec += 1000;
	left.tv_sec = 7;
	check_eq(raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &time, &left), -EINTR);
	check_eq(left.tv_sec, 7);
	set(&shared[2], 1);
}

static void interrupted_sleep_tells_what_is_left(void)
{
	shared = tap_shared(4096);
	pid_t pid = tap_child(sleep_and_be_interrupted, NULL);

	tap_await(&shared[1], 1);
	pester(pid, SIGUSR1, &shared[2]);
	check_exits(pid, 0);
}

static void partial_write(void *argument)
{
	static char bytes[200000];
	long n;

	set_handler(SIGUSR1, count_signal, 0);
	set(&shared[1], 1);
	n = raw3(SYS_write, *(int *)argument, bytes, sizeof(bytes));
	check_eq(n, 65536);
	set(&shared[2], 1);
}

static void interrupted_write_tells_what_was_written(void)
{
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	make_pipe(ends);
	pid = tap_child(partial_write, &ends[1]);
	tap_await(&shared[1], 1);
	tap_sleep_ms(100);
	pester(pid, SIGUSR1, &shared[2]);
	check_exits(pid, 0);
}

static void take_many(void *argument)
{
	struct sigaction action = {.sa_handler = note_in_shared, .sa_flags = SA_RESTART};
	volatile double sum = 0;
	double expected = 0;

	check_call(sigaction(SIGUSR1, &action, NULL));
	set(&shared[1], 1);
	while (!get(&shared[2])) {
		sum += 0.5;
		expected += 0.5;
		check(sum == expected);
	}
}

static void many_signals_disturb_nothing(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_child(take_many, NULL);
	tap_await(&shared[1], 1);
	for (int i = 0; i < 300; i++) {
		check_call(kill(pid, SIGUSR1));
		if (i % 10 == 0)
			tap_await(&shared[3], i / 10 + 1);
	}
	set(&shared[2], 1);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(handled_signal_interrupts_blocking_calls,
	     "signals: a handled signal interrupts read, write, wait, sleep, pause and futex"),
	TEST(restart_goes_on_reading, "signals: SA_RESTART: read goes on"),
	TEST(restart_goes_on_waiting, "signals: SA_RESTART: wait goes on"),
	TEST(ignored_signal_interrupts_nothing, "signals: ignored signals interrupt nothing"),
	TEST(interrupted_sleep_tells_what_is_left,
	     "signals: an interrupted sleep tells what is left, an absolute one does not"),
	TEST(interrupted_write_tells_what_was_written,
	     "signals: an interrupted write tells how much was written"),
	TEST(many_signals_disturb_nothing, "signals: three hundred signals disturb no calculation"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
