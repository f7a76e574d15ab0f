/* System calls that do next to nothing, and what one process can ask of another: to run, and to answer. */
#include "bench.h"
#include "linux.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

/* null-syscall: getppid, of which the C library keeps no copy. */
void null_system_call(void)
{
	raw0(SYS_getppid);
}

/* sched-yield: sched_yield, with nobody else who could run. */
void yield_to_nobody(void)
{
	raw0(SYS_sched_yield);
}

/* pipe-round-trip: a byte through one pipe to a child, which sends it back through another. */
static int there[2], back[2];
static pid_t answerer;

static void answer(void)
{
	char byte;

	close(there[1]);
	while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
		;
	_exit(0);
}

void make_pipes(long unused)
{
	if (pipe(there) || pipe(back))
		fail("pipe");
	answerer = fork();
	if (answerer < 0)
		fail("fork");
	if (answerer == 0)
		answer();
}

void pipe_round_trip(void)
{
	char byte = 0;

	if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
		fail("pipe");
}

/* The child reads the end of its pipe. */
void close_pipes(void)
{
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(back[i]);
	}
	waitpid(answerer, NULL, 0);
}
