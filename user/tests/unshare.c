/*
 * unshare(2): what the caller shares with others becomes its own, as it is at that moment; or the
 * call is refused, for what cannot be parted from those who share it.
 */
#include "helpers.h"

enum { KCMP_FS = 3 };

static void unshare_parts_them(void)
{
	volatile int *step = tap_shared(4096);
	pid_t parent = getpid(), pid;

	pid = raw_clone(CLONE_FILES | CLONE_FS | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0) {
		if (raw1(SYS_unshare, CLONE_FILES) ||
		    raw3(SYS_kcmp, parent, raw0(SYS_getpid), KCMP_FS))
			raw_exit(1);
		set(step, 1);
		raw_exit(0);
	}
	tap_await(step, 1);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(unshare_parts_them, "kcmp: unshare of one leaves the other shared"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
