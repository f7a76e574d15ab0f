/*
 * CLONE_DETACHED: once said that nobody is told of the child's end; it means nothing any more.
 */
#include "helpers.h"

static void what_means_nothing_is_accepted(void)
{
	static const unsigned long flags[] = {CLONE_DETACHED, CLONE_UNTRACED,
					      CLONE_DETACHED | CLONE_UNTRACED};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		long pid = raw_clone(flags[i] | SIGCHLD, NULL, NULL, NULL, 0);
		if (pid == 0)
			raw1(SYS_exit_group, 3);
		check(pid > 0);
		check_exits(pid, 3);
	}
}

static const struct test_case cases[] = {
	TEST(what_means_nothing_is_accepted,
	     "rules: clone accepts flags that have no meaning left"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
