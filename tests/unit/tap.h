/* TAP from a unit test: a result for each case, and an exit status. */
#ifndef UNIT_TAP_H
#define UNIT_TAP_H

#include <stdio.h>
#include <stdlib.h>

static unsigned int tap_cases;
static unsigned int tap_seed __attribute__((unused)); /* of what runs, where there is one */

/* Ends the program where a condition does not hold: what follows would make no sense. */
#define CHECK(condition)                                                                     \
	do {                                                                                 \
		if (!(condition)) {                                                          \
			printf("not ok %u - %s:%d: %s\n", tap_cases + 1, __FILE__, __LINE__, \
			       #condition);                                                  \
			fflush(stdout);                                                      \
			abort();                                                             \
		}                                                                            \
	} while (0)

static inline void tap_ok(const char *text)
{
	printf("ok %u - %s\n", ++tap_cases, text);
	fflush(stdout);
}

static inline int tap_done(void)
{
	printf("1..%u\n", tap_cases);
	return 0;
}

#endif
