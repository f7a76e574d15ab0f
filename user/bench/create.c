/* Making a process or a thread, and hearing of its end. */
#define _GNU_SOURCE
#include "bench.h"
#include "linux.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#define FUTEX_WAIT 0

static void wait_for(pid_t pid)
{
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		fail("fork");
}

/* fork-exit-wait: the C library's fork, a child that ends at once, waitpid. */
void fork_exit_wait(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

/* vfork-exit-wait: the same with vfork. */
void vfork_exit_wait(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	wait_for(pid);
}

static char *const nothing[] = {"/bench/forkbench", "nothing", NULL};

/* fork-exec-wait: a child that executes this program, whose main() returns at once. */
void fork_exec_wait(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execv(nothing[0], nothing);
		_exit(127);
	}
	wait_for(pid);
}

/* vfork-exec-wait: the same with vfork. */
void vfork_exec_wait(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		execv(nothing[0], nothing);
		_exit(127);
	}
	wait_for(pid);
}

/*
 * fork-N-MiB, fork-N-mappings and the like: until fork() has returned in the parent. The child's end, and waiting for
 * it, are not in it.
 */
long long fork_alone(void)
{
	long long start = now(), time;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	time = now() - start;
	wait_for(pid);
	return time;
}

static int end_thread(void *argument)
{
	return 0;
}

/*
 * thread-create-join: what a C library asks of the kernel for a thread whose stack it kept from an earlier one: a
 * clone with its flags, and a wait on the word that the kernel clears when the thread has ended.
 */
void thread_create_join(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	static volatile int tid;
	const unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
				    CLONE_THREAD | CLONE_SYSVSEM | CLONE_PARENT_SETTID |
				    CLONE_CHILD_CLEARTID;
	int *word = (int *)&tid, left;

	if (raw_clone_call(flags, stack + sizeof(stack), word, word, 0, end_thread, NULL) < 0)
		fail("clone");
	while ((left = tid) != 0)
		raw4(SYS_futex, word, FUTEX_WAIT, left, NULL);
}

static void *end_pthread(void *argument)
{
	return argument;
}

/* pthread-create-join: the same with all that musl does for it: maps a stack with a guard page, and unmaps it. */
void pthread_create_join(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, end_pthread, NULL) != 0 ||
	    pthread_join(thread, NULL) != 0)
		fail("pthread");
}
