/* Making allocations fail in unit tests: a certain one, or some by chance. */
#ifndef UNIT_FAILING_H
#define UNIT_FAILING_H

#include <stdbool.h>
#include <stdlib.h>

/* Of the allocations from now, the one with this number fails; 0: none. */
static unsigned int fail_at;
/* So many of a thousand allocations fail by chance. */
static unsigned int fail_permille;

static inline bool allocation_fails(void)
{
	if (fail_at && --fail_at == 0)
		return true;
	return fail_permille && (unsigned int)rand() % 1000 < fail_permille;
}

#endif
