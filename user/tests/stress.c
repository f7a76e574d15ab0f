/*
 * Memory under stress, for a short while: /stress/forkstress (user/stress/) with a seed that is
 * always the same, and with one of its own, which it prints. `make stress` does it for longer.
 */
#include "tap.h"

#include <unistd.h>

#define SECONDS "5"

static void keeps_to_the_model(void)
{
	execl("/stress/forkstress", "forkstress", "-t", SECONDS, "-s", "1", NULL);
	check(!"it can be executed");
}

static void keeps_to_the_model_with_a_new_seed(void)
{
	execl("/stress/forkstress", "forkstress", "-t", SECONDS, NULL);
	check(!"it can be executed");
}

static const struct test_case cases[] = {
	TEST(keeps_to_the_model,
	     "memory keeps to a model of it while processes fork, map and end at random"),
	TEST(keeps_to_the_model_with_a_new_seed, "the same, each time in another order"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
