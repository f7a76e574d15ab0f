/*
 * Terminals in raw mode: every case of VMIN and VTIME, and changing from one mode to the other.
 */
#include "terminal.h"

#include <sched.h>

#define TENTH 100000000LL

static struct terminal raw_terminal(int min, int time)
{
	struct terminal t = new_terminal();

	make_raw(t.slave, min, time);
	return t;
}

struct typing {
	int fd, after_ms;
	const char *text;
};

static void type_later(void *argument)
{
	struct typing *typing = argument;

	tap_sleep_ms(typing->after_ms);
	type(typing->fd, typing->text);
}

static void min_one_takes_what_is_there(void)
{
	struct terminal t = raw_terminal(1, 0);
	struct typing typing = {t.master, 20, "xyz"};
	char c[2];

	type(t.master, "abc");
	await_readable(t.slave, 3);
	check_eq(read(t.slave, c, 2), 2);
	expect_read(t.slave, "c");
	pid_t pid = tap_child(type_later, &typing);
	expect(t.slave, "xyz");
	check_exits(pid, 0);
}

static void min_five_waits_for_five(void)
{
	struct terminal t = raw_terminal(5, 0);
	struct typing typing = {t.master, 30, "defgh"};
	char got[16];

	type(t.master, "abc");
	await_readable(t.slave, 3);
	check_eq(poll_now(t.slave, POLLIN), 0);
	pid_t pid = tap_child(type_later, &typing);
	check(read(t.slave, got, sizeof(got)) >= 5);
	check_exits(pid, 0);
}

static void a_small_buffer_is_enough(void)
{
	struct terminal t = raw_terminal(5, 0);
	char got[2];

	type(t.master, "abc");
	await_readable(t.slave, 3);
	check_eq(read(t.slave, got, 2), 2);
	check_bytes(got, 2, "ab");
}

static void min_zero_does_not_wait(void)
{
	struct terminal t = raw_terminal(0, 0);
	char c;

	check_eq(read(t.slave, &c, 1), 0);
	type(t.master, "a");
	await_readable(t.slave, 1);
	expect_read(t.slave, "a");
	set_nonblock(t.slave);
	check_eq(read(t.slave, &c, 1), 0);
}

static void time_alone_limits_the_wait(void)
{
	struct terminal t = raw_terminal(0, 2);
	struct typing typing = {t.master, 20, "k"};
	long long start = tap_now();
	char c;

	check_eq(read(t.slave, &c, 1), 0);
	check(tap_now() - start >= 2 * TENTH - TENTH / 10);
	make_raw(t.slave, 0, 255);
	pid_t pid = tap_child(type_later, &typing);
	check_eq(read(t.slave, &c, 1), 1);
	check_exits(pid, 0);
}

static void time_runs_between_bytes(void)
{
	struct terminal t = raw_terminal(5, 1);
	struct typing typing = {t.master, 150, "k"};
	long long start = tap_now();
	char got[16];

	pid_t pid = tap_child(type_later, &typing);
	check_eq(read(t.slave, got, sizeof(got)), 1); /* the first byte may take any time */
	check(tap_now() - start >= 2 * TENTH);
	check_exits(pid, 0);
	type(t.master, "abcde");
	await_readable(t.slave, 5);
	check_eq(read(t.slave, got, sizeof(got)), 5);
}

static void poll_looks_at_min_unless_there_is_time(void)
{
	struct terminal t = raw_terminal(3, 0);

	type(t.master, "ab");
	await_readable(t.slave, 2);
	check_eq(poll_now(t.slave, POLLIN), 0);
	make_raw(t.slave, 3, 1);
	check_eq(poll_now(t.slave, POLLIN), POLLIN);
	make_raw(t.slave, 0, 0);
	check_eq(poll_now(t.slave, POLLIN), POLLIN);
	expect_read(t.slave, "ab");
	check_eq(poll_now(t.slave, POLLIN), 0);
}

static void nonblocking_reads_take_fewer(void)
{
	struct terminal t = raw_terminal(5, 0);
	char got[8];

	set_nonblock(t.slave);
	check_errno(read(t.slave, got, 8), EAGAIN);
	type(t.master, "ab");
	await_readable(t.slave, 2);
	check_eq(read(t.slave, got, 8), 2);
}

static volatile int handled;

static void on_alarm(int signal)
{
	handled++;
}

static void interrupt_parent(void *argument)
{
	tap_sleep_ms(30);
	check_call(kill(getppid(), SIGUSR1));
}

static void a_signal_ends_the_wait(void)
{
	struct terminal t = raw_terminal(3, 0);
	struct sigaction action = {.sa_handler = on_alarm};
	char got[8];

	check_call(sigaction(SIGUSR1, &action, NULL));
	pid_t pid = tap_child(interrupt_parent, NULL);
	check_errno(read(t.slave, got, 8), EINTR);
	check_exits(pid, 0);
	type(t.master, "ab");
	await_readable(t.slave, 2);
	pid = tap_child(interrupt_parent, NULL);
	check_eq(read(t.slave, got, 8), 2); /* what there was */
	check_exits(pid, 0);
	check_eq(handled, 2);
}

static void raw_input_is_not_looked_at(void)
{
	struct terminal t = raw_terminal(1, 0);

	type(t.master, "\x03\x04\x7f\x11\x13\x15\x16\x17\x1a\x1c\r\n");
	await_readable(t.slave, 12);
	expect_read(t.slave, "\x03\x04\x7f\x11\x13\x15\x16\x17\x1a\x1c\r\n");
}

static void raw_input_may_be_echoed(void)
{
	struct terminal t = raw_terminal(1, 0);

	change(t.slave, LFLAG, 0, ECHO | ECHOCTL);
	type(t.master, "a\x7f\r\n.");
	expect(t.master, "a^?^M^J.");
	change(t.slave, IFLAG, 0, ICRNL);
	type(t.master, "\r\n.");
	expect(t.master, "\n^J.");
}

static void unread_lines_become_bytes(void)
{
	struct terminal t = new_terminal();
	char got[16];

	type(t.master, "one\ntw\x04"
		       "o");
	await_readable(t.slave, 6);
	settle();
	change(t.slave, LFLAG, ICANON, 0);
	await_readable(t.slave, 8);
	check_eq(read(t.slave, got, sizeof(got)), 8);
	check(memcmp(got, "one\ntw\0o", 8) == 0);
}

static void unread_bytes_become_a_line(void)
{
	struct terminal t = raw_terminal(1, 0);

	type(t.master, "raw\nbytes");
	await_readable(t.slave, 9);
	change(t.slave, LFLAG, 0, ICANON);
	expect_read(t.slave, "raw\nbytes");
	type(t.master, "more\n");
	expect_read(t.slave, "more\n");
}

static void raw_input_that_does_not_fit_waits(void)
{
	struct terminal t = raw_terminal(1, 0);
	static char bytes[6000], got[6000];
	long n = 0;

	for (int i = 0; i < 6000; i++)
		bytes[i] = i * 7;
	check_eq(write(t.master, bytes, 6000), 6000);
	await_readable(t.slave, 4095);
	while (n < 6000)
		n += check_call(read(t.slave, got + n, 1000));
	check(memcmp(bytes, got, 6000) == 0);
}

static void change_mode(void *argument)
{
	struct terminal *t = argument;

	settle();
	make_raw(t->slave, 1, 0);
}

static void a_waiting_reader_sees_the_new_mode(void)
{
	struct terminal t = new_terminal();

	type(t.master, "no line");
	pid_t pid = tap_child(change_mode, &t);
	expect_read(t.slave, "no line");
	check_exits(pid, 0);
}

static void read_some(void *argument)
{
	struct terminal *t = argument;
	char got[5];

	check_eq(read(t->slave, got, 5), 5);
	for (int i = 1; i < 5; i++)
		check_eq(got[i], got[0] + i);
}

static void readers_do_not_share_what_they_wait_for(void)
{
	struct terminal t = raw_terminal(5, 0);
	pid_t a = tap_child(read_some, &t), b = tap_child(read_some, &t);

	for (const char *c = "abcdeABCDE"; *c; c++) {
		check_eq(write(t.master, c, 1), 1);
		sched_yield();
	}
	check_exits(a, 0);
	check_exits(b, 0);
}

static const struct test_case cases[] = {
	TEST(min_one_takes_what_is_there, "VMIN 1: a read takes what is there"),
	TEST(min_five_waits_for_five, "VMIN 5: a read waits for five"),
	TEST(a_small_buffer_is_enough, "VMIN 5: a buffer of two is full with two"),
	TEST(min_zero_does_not_wait, "VMIN 0, VTIME 0: a read does not wait"),
	TEST(time_alone_limits_the_wait, "VMIN 0, VTIME: a read waits so long for the first byte"),
	TEST(time_runs_between_bytes, "VMIN and VTIME: time runs after the first byte"),
	TEST(poll_looks_at_min_unless_there_is_time,
	     "poll waits for VMIN bytes unless there is VTIME"),
	TEST(nonblocking_reads_take_fewer, "a non-blocking read takes fewer than VMIN"),
	TEST(a_signal_ends_the_wait, "a signal ends the wait for VMIN bytes"),
	TEST(raw_input_is_not_looked_at, "raw input is not looked at"),
	TEST(raw_input_may_be_echoed, "raw input may be echoed"),
	TEST(unread_lines_become_bytes, "lines that were not read become bytes"),
	TEST(unread_bytes_become_a_line, "bytes that were not read become a line"),
	TEST(raw_input_that_does_not_fit_waits,
	     "raw input that does not fit waits and is not lost"),
	TEST(a_waiting_reader_sees_the_new_mode, "a reader that waits sees the new mode"),
	TEST(readers_do_not_share_what_they_wait_for,
	     "readers that wait for VMIN bytes take turns"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
