/*
 * init-threads, as the first program: init's first thread has ended when a process is orphaned, and
 * then another one executes a program. The orphan is that program's child.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORPHANS_STATUS 5
#define KEPT           10 /* the pipe's other end */

static const char *program;

/* The grandchild lives for as long as somebody has the pipe's other end. */
static void make_orphan(int end)
{
	char byte;
	pid_t pid = fork();

	if (pid == 0) {
		if (fork())
			_exit(0);
		close(KEPT);
		_exit(read(end, &byte, 1) == 0 ? ORPHANS_STATUS : 1);
	}
	waitpid(pid, NULL, 0);
}

static void *go_on(void *first_thread)
{
	int pipe_ends[2];

	pthread_join(*(pthread_t *)first_thread, NULL);
	if (pipe(pipe_ends) == 0 && dup2(pipe_ends[1], KEPT) == KEPT) {
		close(pipe_ends[1]);
		make_orphan(pipe_ends[0]);
		execl(program, program, "after", NULL);
	}
	return NULL;
}

static void adopt(void)
{
	int status = 0;
	pid_t early = waitpid(-1, &status, WNOHANG), late;

	close(KEPT);
	late = waitpid(-1, &status, 0);
	printf("init-threads: the orphan is %s\n",
	       early == 0 && late > 0 && status == ORPHANS_STATUS << 8 ? "ours" : "lost");
	fflush(stdout);
	sync();
	reboot(RB_POWER_OFF);
}

int main(int argc, char **argv)
{
	static pthread_t first, second;

	program = argv[0];
	if (argc > 1)
		adopt();
	first = pthread_self();
	pthread_create(&second, NULL, go_on, &first);
	pthread_exit(NULL);
}
