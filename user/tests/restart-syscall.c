/*
 * restart_syscall(2): a call that waits for an interval, and that a stop has interrupted, goes on
 * for what is left of it, not for all of it again.
 */
#define _GNU_SOURCE
#include "futex_words.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#define INTERVAL_MS 1500

static const struct timespec interval = {INTERVAL_MS / 1000, INTERVAL_MS % 1000 * 1000000};

static long by_nanosleep(void)
{
	return raw2(SYS_nanosleep, &interval, NULL);
}

static long by_clock_nanosleep(void)
{
	return raw4(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &interval, NULL);
}

static long by_poll(void)
{
	return raw3(SYS_poll, NULL, 0, INTERVAL_MS);
}

static long by_futex(void)
{
	static int word;

	return raw6(SYS_futex, &word, FUTEX_WAIT, 0, &interval, NULL, 0);
}

static const struct waiting {
	long (*wait)(void);
	long result;
} waits[] = {
	{by_nanosleep, 0},
	{by_clock_nanosleep, 0},
	{by_poll, 0},
	{by_futex, -ETIMEDOUT},
};

static void nothing_to_go_on_with(void)
{
	check_eq(raw0(SYS_restart_syscall), -EINTR);
}

static void what_ended_is_not_gone_on_with(void)
{
	const struct timespec moment = {0, 1000};

	check_eq(raw2(SYS_nanosleep, &moment, NULL), 0);
	check_eq(raw0(SYS_restart_syscall), -EINTR);
}

static pid_t start(const struct waiting *waiting)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(waiting->wait(), waiting->result);
		_exit(0);
	}
	return pid;
}

/* The children are stopped until their intervals are over: each then ends at once. */
static void stop_takes_no_time(void)
{
	pid_t pids[TAP_COUNT(waits)];
	long long continued;

	for (size_t i = 0; i < TAP_COUNT(waits); i++)
		pids[i] = start(&waits[i]);
	for (size_t i = 0; i < TAP_COUNT(waits); i++) {
		await_state(pids[i], 'S');
		check_call(kill(pids[i], SIGSTOP));
		check_eq(raw_wait4(pids[i], NULL, WUNTRACED, NULL), pids[i]);
	}
	tap_sleep_ms(INTERVAL_MS);
	continued = tap_now();
	for (size_t i = 0; i < TAP_COUNT(waits); i++)
		check_call(kill(pids[i], SIGCONT));
	for (size_t i = 0; i < TAP_COUNT(waits); i++)
		check_exits(pids[i], 0);
	check(tap_now() - continued < INTERVAL_MS * 1000000ll);
}

/* And one that is continued early sleeps on until its interval is over. */
static void stop_ends_nothing(void)
{
	long long started = tap_now();
	pid_t pids[TAP_COUNT(waits)];

	for (size_t i = 0; i < TAP_COUNT(waits); i++)
		pids[i] = start(&waits[i]);
	for (size_t i = 0; i < TAP_COUNT(waits); i++) {
		await_state(pids[i], 'S');
		check_call(kill(pids[i], SIGSTOP));
		check_eq(raw_wait4(pids[i], NULL, WUNTRACED, NULL), pids[i]);
		check_call(kill(pids[i], SIGCONT));
	}
	for (size_t i = 0; i < TAP_COUNT(waits); i++)
		check_exits(pids[i], 0);
	check(tap_now() - started >= INTERVAL_MS * 1000000ll);
}

static void on_signal(int number)
{
	check_eq(raw0(SYS_restart_syscall), 0);
}

/* The handler can sleep for what is left; when it returns, the call is over. */
static void handler_ends_it(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

		check_call(sigaction(SIGUSR1, &action, NULL));
		check_eq(by_nanosleep(), -EINTR);
		check_eq(raw0(SYS_restart_syscall), -EINTR);
		_exit(0);
	}
	await_state(pid, 'S');
	check_call(kill(pid, SIGUSR1));
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(nothing_to_go_on_with, "restart_syscall: nothing was interrupted"),
	TEST(what_ended_is_not_gone_on_with,
	     "restart_syscall: a call that came to its end is over"),
	TEST(stop_takes_no_time, "restart_syscall: an interval goes by during a stop"),
	TEST(stop_ends_nothing, "restart_syscall: a stop does not cut an interval short"),
	TEST(handler_ends_it,
	     "restart_syscall: a handler may go on with the call, who was interrupted not"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
