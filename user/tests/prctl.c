/*
 * prctl: a process's switches: what they do, what fork and exec make of them, and the errors.
 */
#include "helpers.h"

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT           47
#define PR_CAP_AMBIENT_IS_SET    1
#define PR_CAP_AMBIENT_RAISE     2
#define PR_CAP_AMBIENT_LOWER     3
#define PR_CAP_AMBIENT_CLEAR_ALL 4
#endif

static volatile int *shared;

static long call(int option, unsigned long a2, unsigned long a3, unsigned long a4, unsigned long a5)
{
	return raw5(SYS_prctl, option, a2, a3, a4, a5);
}

static long call1(int option, unsigned long a2)
{
	return call(option, a2, 0, 0, 0);
}

static void unknown_options(void)
{
	check_eq(call1(0, 0), -EINVAL);
	check_eq(call1(-1, 0), -EINVAL);
	check_eq(call1(1000, 0), -EINVAL);
	check_eq(call1(6, 0), -EINVAL);
	check_eq(call1(PR_GET_ENDIAN, (long)&shared), -EINVAL);
}

static void pause_for_ever(void)
{
	for (;;)
		pause();
}

/* ---- the signal at the parent's death ---- */

static void pdeathsig_rules(void)
{
	int number = 5;

	check_eq(call1(PR_GET_PDEATHSIG, (long)&number), 0);
	check_eq(number, 0);
	check_eq(call1(PR_SET_PDEATHSIG, 65), -EINVAL);
	check_eq(call1(PR_SET_PDEATHSIG, -1), -EINVAL);
	check_eq(call1(PR_SET_PDEATHSIG, 64), 0);
	check_eq(call1(PR_GET_PDEATHSIG, (long)&number), 0);
	check_eq(number, 64);
	check_eq(call1(PR_GET_PDEATHSIG, (long)UNMAPPED_ADDRESS), -EFAULT);
	if (raw_fork() == 0) {
		call1(PR_GET_PDEATHSIG, (long)&number);
		raw_exit(number == 0 ? 0 : 1);
	}
	check_eq(raw_wait4(-1, &number, 0, NULL) > 0, 1);
	check_eq(number, 0);
}

static void orphan_after(int number)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		pid_t parent = getpid();

		if (raw_fork() == 0) {
			call1(PR_SET_PDEATHSIG, number);
			set(&shared[1], getpid());
			set(&shared[0], 1);
			while (getppid() == parent)
				sched_yield();
			pause_for_ever();
		}
		tap_await(&shared[0], 1);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void pdeathsig_comes(void)
{
	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	orphan_after(SIGUSR1);
	check_killed(get(&shared[1]), SIGUSR1);
}

/* ---- subreapers ---- */

static void subreaper_gets_the_orphans(void)
{
	int on = 5;
	pid_t pid;

	shared = tap_shared(4096);
	check_eq(call1(PR_GET_CHILD_SUBREAPER, (long)&on), 0);
	check_eq(on, 0);
	check_eq(call1(PR_SET_CHILD_SUBREAPER, 7), 0);
	check_eq(call1(PR_GET_CHILD_SUBREAPER, (long)&on), 0);
	check_eq(on, 1);
	pid = tap_fork();
	if (pid == 0) {
		prctl(PR_GET_CHILD_SUBREAPER, &on);
		check_eq(on, 0);
		if (raw_fork() == 0) {
			tap_await(&shared[0], 1);
			raw_exit(getppid() == get(&shared[1]) ? 4 : 1);
		}
		_exit(0);
	}
	set(&shared[1], getpid());
	check_exits(pid, 0);
	set(&shared[0], 1);
	check_eq(raw_wait4(-1, &on, 0, NULL) > 0, 1);
	check_eq(on >> 8, 4);
}

/* It counts also for those who were there before it was one, however deep. */
static void subreaper_of_grandchildren(void)
{
	int status;
	pid_t pid;

	shared = tap_shared(4096);
	pid = tap_fork();
	if (pid == 0) {
		if (raw_fork() == 0) {
			if (raw_fork() == 0) {
				add(&shared[0], 1);
				tap_await(&shared[1], 1);
				raw_exit(6);
			}
			tap_await(&shared[0], 2);
			raw_exit(5);
		}
		tap_await(&shared[0], 2);
		_exit(4);
	}
	tap_await(&shared[0], 1);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	set(&shared[0], 2);
	check_exits(pid, 4);
	check_eq(raw_wait4(-1, &status, 0, NULL) > 0, 1);
	check_eq(status >> 8, 5);
	set(&shared[1], 1);
	check_eq(raw_wait4(-1, &status, 0, NULL) > 0, 1);
	check_eq(status >> 8, 6);
}

/* ---- names, dumpable, timer slack ---- */

static void names(void)
{
	char name[16];

	check_eq(call1(PR_SET_NAME, (long)"a name that is too long"), 0);
	check_eq(call1(PR_GET_NAME, (long)name), 0);
	check_eq(strcmp(name, "a name that is "), 0);
	check_eq(call1(PR_SET_NAME, (long)"short"), 0);
	memset(name, 'x', sizeof(name));
	check_eq(call1(PR_GET_NAME, (long)name), 0);
	check_eq(memcmp(name, "short\0\0\0\0\0\0\0\0\0\0", 16), 0);
	check_eq(call1(PR_SET_NAME, (long)UNMAPPED_ADDRESS), -EFAULT);
	check_eq(call1(PR_GET_NAME, (long)UNMAPPED_ADDRESS), -EFAULT);
}

static void dumpable(void)
{
	int status;

	check_eq(call1(PR_GET_DUMPABLE, 0), 1);
	check_eq(call1(PR_SET_DUMPABLE, 2), -EINVAL);
	check_eq(call1(PR_SET_DUMPABLE, -1), -EINVAL);
	check_eq(call1(PR_SET_DUMPABLE, 0), 0);
	check_eq(call1(PR_GET_DUMPABLE, 0), 0);
	if (raw_fork() == 0)
		raw_exit(call1(PR_GET_DUMPABLE, 0));
	check_eq(raw_wait4(-1, &status, 0, NULL) > 0, 1);
	check_eq(status, 0);
}

static void timer_slack(void)
{
	int status;

	check_eq(call1(PR_GET_TIMERSLACK, 0), 50000);
	check_eq(call1(PR_SET_TIMERSLACK, 70), 0);
	check_eq(call1(PR_GET_TIMERSLACK, 0), 70);
	if (raw_fork() == 0) {
		call1(PR_SET_TIMERSLACK, 80);
		call1(PR_SET_TIMERSLACK, 0);
		raw_exit(call1(PR_GET_TIMERSLACK, 0));
	}
	check_eq(raw_wait4(-1, &status, 0, NULL) > 0, 1);
	check_eq(status >> 8, 70);
	check_eq(call1(PR_SET_TIMERSLACK, 0), 0);
	check_eq(call1(PR_GET_TIMERSLACK, 0), 50000);
}

static void timing(void)
{
	check_eq(call1(PR_GET_TIMING, 0), PR_TIMING_STATISTICAL);
	check_eq(call1(PR_SET_TIMING, PR_TIMING_STATISTICAL), 0);
	check_eq(call1(PR_SET_TIMING, PR_TIMING_TIMESTAMP), -EINVAL);
}

static void tid_address(void)
{
	int *address = NULL, word;

	raw1(SYS_set_tid_address, &word);
	check_eq(call1(PR_GET_TID_ADDRESS, (long)&address), 0);
	check(address == &word);
	raw1(SYS_set_tid_address, NULL);
}

/* ---- privileges ---- */

static void no_new_privs(void)
{
	int status;

	check_eq(call1(PR_GET_NO_NEW_PRIVS, 0), 0);
	check_eq(call1(PR_GET_NO_NEW_PRIVS, 1), -EINVAL);
	check_eq(call1(PR_SET_NO_NEW_PRIVS, 0), -EINVAL);
	check_eq(call1(PR_SET_NO_NEW_PRIVS, 2), -EINVAL);
	check_eq(call(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 1), -EINVAL);
	check_eq(call(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), -EINVAL);
	check_eq(call1(PR_GET_NO_NEW_PRIVS, 0), 0);
	check_eq(call1(PR_SET_NO_NEW_PRIVS, 1), 0);
	check_eq(call1(PR_GET_NO_NEW_PRIVS, 0), 1);
	if (raw_fork() == 0)
		raw_exit(call1(PR_GET_NO_NEW_PRIVS, 0));
	check_eq(raw_wait4(-1, &status, 0, NULL) > 0, 1);
	check_eq(status >> 8, 1);
}

static void bounding_set(void)
{
	check_eq(call1(PR_CAPBSET_READ, 0), 1);
	check_eq(call1(PR_CAPBSET_READ, 40), 1);
	check_eq(call1(PR_CAPBSET_READ, 41), -EINVAL);
	check_eq(call1(PR_CAPBSET_READ, -1), -EINVAL);
	check_eq(call1(PR_CAPBSET_DROP, 41), -EINVAL);
	check_eq(call1(PR_CAPBSET_DROP, 5), 0);
	check_eq(call1(PR_CAPBSET_READ, 5), 0);
	check_eq(raw3(SYS_setresuid, 1000, 1000, 1000), 0);
	check_eq(call1(PR_CAPBSET_DROP, 41), -EPERM);
	check_eq(call1(PR_CAPBSET_READ, 6), 1);
}

static void keepcaps(void)
{
	check_eq(call1(PR_GET_KEEPCAPS, 0), 0);
	check_eq(call1(PR_SET_KEEPCAPS, 2), -EINVAL);
	check_eq(call1(PR_SET_KEEPCAPS, 1), 0);
	check_eq(call1(PR_GET_KEEPCAPS, 0), 1);
	check_eq(call1(PR_GET_SECUREBITS, 0), 0x10);
	check_eq(call1(PR_SET_SECUREBITS, 0x30), 0);
	check_eq(call1(PR_SET_KEEPCAPS, 0), -EPERM);
	check_eq(call1(PR_SET_SECUREBITS, 0x20), -EPERM);
	check_eq(call1(PR_SET_SECUREBITS, 0x10), -EPERM);
	check_eq(call1(PR_SET_SECUREBITS, 0x100), -EPERM);
	check_eq(call1(PR_SET_SECUREBITS, 0x31), 0);
	check_eq(call1(PR_GET_SECUREBITS, 0), 0x31);
}

static void ambient_capabilities(void)
{
	check_eq(call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 7, 0, 0), 0);
	check_eq(call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 7, 0, 0), -EPERM);
	check_eq(call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 41, 0, 0), -EINVAL);
	check_eq(call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 7, 1, 0), -EINVAL);
	check_eq(call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), 0);
	check_eq(call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0), -EINVAL);
	check_eq(call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 1), -EINVAL);
	check_eq(call(PR_CAP_AMBIENT, 9, 7, 0, 0), -EINVAL);
	check_eq(call(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, 7, 0, 0), 0);
}

static const struct test_case cases[] = {
	TEST(unknown_options, "prctl: what is unknown is EINVAL"),
	TEST(pdeathsig_rules, "prctl: pdeathsig: errors, and fork clears it"),
	TEST(pdeathsig_comes, "prctl: pdeathsig comes when the parent dies"),
	TEST(subreaper_gets_the_orphans, "prctl: a subreaper gets the orphans below it"),
	TEST(subreaper_of_grandchildren,
	     "prctl: a subreaper gets also those that were there before it was one"),
	TEST(names, "prctl: names are cut to 15 bytes"),
	TEST(dumpable, "prctl: dumpable is 1, may be 0, and fork keeps it"),
	TEST(timer_slack, "prctl: timer slack; a child's default is its parent's"),
	TEST(timing, "prctl: timing is statistical"),
	TEST(tid_address, "prctl: the address that set_tid_address took"),
	TEST(no_new_privs, "prctl: no_new_privs is for good and inherited"),
	TEST(bounding_set, "prctl: the bounding set can only be made smaller"),
	TEST(keepcaps, "prctl: keepcaps and securebits, and their locks"),
	TEST(ambient_capabilities, "prctl: ambient capabilities"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
