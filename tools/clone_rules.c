/*
 * Prints the rules of clone (kernel/clone_rules.c, which this is linked with) for tools/clone_flags.py,
 * a line each: stage, flags, needs, excludes, whether there is a condition besides, errno, why.
 */
#include <stdio.h>
#include <tine/fork.h>

static const char *const stages[CLONE_STAGES] = {
	[CLONE_SIZE] = "size",       [CLONE_BLOCK] = "block", [CLONE_CLONE3] = "clone3",
	[CLONE_FLAGS] = "flags",     [CLONE_CHILD] = "child", [CLONE_SET_TID] = "set_tid",
	[CLONE_LACKING] = "lacking",
};

static void print_rule(const char *stage, const struct clone_rule *rule)
{
	printf("%s\t%#lx\t%#lx\t%#lx\t%d\t%d\t%s\n", stage, rule->flags, rule->needs,
	       rule->excludes, rule->breaks != NULL, rule->error, rule->why);
}

int main(void)
{
	for (int stage = 0; stage < CLONE_STAGES; stage++)
		for (unsigned int i = 0; i < clone_rules[stage].count; i++)
			print_rule(stages[stage], &clone_rules[stage].rows[i]);
	print_rule("number", &clone_number_taken);
	return 0;
}
