/*
 * clone3's set_tid: a child with a number of the caller's choice, as a program that is restored from
 * a checkpoint wants it.
 */
#include "helpers.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Far from where numbers are given out during the tests. */
enum { CHOSEN = 31000 };

static long clone_as(const pid_t *numbers, unsigned int n, unsigned long flags)
{
	const struct clone_args args = {
		.flags = flags,
		.exit_signal = flags & CLONE_THREAD ? 0 : SIGCHLD,
		.set_tid = (uintptr_t)numbers,
		.set_tid_size = n,
	};

	return raw_clone3(&args, 80);
}

static long clone_one(pid_t number)
{
	return clone_as(&number, 1, 0);
}

static void expect_number(pid_t number)
{
	long pid = clone_one(number);

	if (pid == 0)
		raw_exit(raw0(SYS_getpid) == number ? 0 : 1);
	check_eq(pid, number);
	check_exits(pid, 0);
}

static void the_child_has_it(void)
{
	expect_number(CHOSEN);
}

static void it_can_be_had_again(void)
{
	for (int i = 0; i < 50; i++)
		expect_number(CHOSEN + 1);
}

static void others_go_on_as_before(void)
{
	pid_t before = tap_fork(), after;

	if (before == 0)
		_exit(0);
	check_exits(before, 0);
	expect_number(CHOSEN + 2);
	after = tap_fork();
	if (after == 0)
		_exit(0);
	check_exits(after, 0);
	check(after > before && after < before + 1000);
}

static void taken_numbers_are_refused(void)
{
	long pid = clone_one(CHOSEN + 3);

	if (pid == 0)
		for (;;)
			raw0(SYS_pause);
	check_eq(pid, CHOSEN + 3);
	check_eq(clone_one(CHOSEN + 3), -EEXIST);
	check_eq(clone_one(1), -EEXIST);
	check_eq(clone_one(getpid()), -EEXIST);
	check_call(kill(pid, SIGKILL));
	check_killed(pid, SIGKILL);
}

static void a_zombie_has_its_number(void)
{
	siginfo_t info;
	long pid = clone_one(CHOSEN + 4);

	if (pid == 0)
		raw_exit(0);
	check_call(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	check_eq(clone_one(CHOSEN + 4), -EEXIST);
	check_exits(pid, 0);
	expect_number(CHOSEN + 4);
}

static void impossible_numbers(void)
{
	const pid_t two[2] = {CHOSEN + 5, CHOSEN + 5};

	check_eq(clone_one(0), -EINVAL);
	check_eq(clone_one(-1), -EINVAL);
	check_eq(clone_one(0x7fffffff), -EINVAL);
	check_eq(clone_as(two, 2, 0), -EINVAL);
	check_errno(waitpid(-1, NULL, 0), ECHILD);
}

static void it_takes_a_privilege(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_call(setuid(1000));
		check_eq(clone_one(CHOSEN + 6), -EPERM);
		check_eq(clone_one(1), -EPERM);
		check_eq(clone_one(0), -EINVAL);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void one_of_many_gets_it(void)
{
	enum { RIVALS = 8 };
	volatile int *ready = tap_shared(4096), *winners = ready + 1;
	pid_t pids[RIVALS];

	for (int i = 0; i < RIVALS; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			long pid;

			__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
			tap_await(ready, RIVALS);
			pid = clone_one(CHOSEN + 7);
			if (pid == 0)
				raw_exit(0);
			check(pid == CHOSEN + 7 || pid == -EEXIST);
			if (pid > 0) {
				__atomic_fetch_add(winners, 1, __ATOMIC_SEQ_CST);
				tap_await(winners, 100);
			}
			__atomic_fetch_add(ready, 1, __ATOMIC_SEQ_CST);
			_exit(0);
		}
	}
	/* The winner keeps its zombie until all others have tried. */
	tap_await(ready, 2 * RIVALS - 1);
	tap_await(winners, 1); /* it may have won and not said so yet */
	check_eq(*winners, 1);
	set(winners, 100);
	for (int i = 0; i < RIVALS; i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(the_child_has_it, "set_tid: the child has the number"),
	TEST(it_can_be_had_again, "set_tid: the same number again and again"),
	TEST(others_go_on_as_before, "set_tid: other children's numbers go on as before"),
	TEST(taken_numbers_are_refused, "set_tid: a number in use is EEXIST"),
	TEST(a_zombie_has_its_number, "set_tid: a zombie's number is in use"),
	TEST(impossible_numbers, "set_tid: what is no number, or one too many, is EINVAL"),
	TEST(it_takes_a_privilege, "set_tid: without privilege it is EPERM"),
	TEST(one_of_many_gets_it, "set_tid: of eight that want one number at once, one gets it"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
