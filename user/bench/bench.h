#ifndef BENCH_H
#define BENCH_H

/*
 * What /bench/forkbench can measure. The table in forkbench.c names each row; what it does is in a file for each
 * subject, and declared below.
 *
 * A row is one of three kinds:
 *   operation   what is done once a round. Rounds follow each other in one loop between two readings of the clock:
 *               the loop is in the result.
 *   timed       a round that times itself, since it does things that are not to count. What reading the clock
 *               costs is taken off.
 *   figure      no time: the result itself, in whatever unit the row's name says.
 */
#define KIB  1024L
#define MIB  (1024L * KIB)
#define GIB  (1024L * MIB)
#define PAGE 4096L

struct row {
	const char *name;
	void (*operation)(void);
	long long (*timed)(void);
	long long (*figure)(long size);
	void (*setup)(long size); /* before the first round */
	void (*teardown)(void);   /* after the last */
	long size;                /* for these: bytes, children, files, mappings */
	int rounds;               /* at least */
	int operations;           /* that a timed round does; 0 is 1 */
	long memory;              /* MiB that the machine must have; 0: as much as any */
};

/* Nanoseconds of the monotonic clock. */
long long now(void);

/* Ends the program, saying what went wrong by errno. */
_Noreturn void fail(const char *what);

/* calls.c: system calls, switching, pipes */
void null_system_call(void);
void yield_to_nobody(void);
void make_pipes(long unused);
void pipe_round_trip(void);
void close_pipes(void);

/* create.c: processes and threads */
void fork_exit_wait(void);
void vfork_exit_wait(void);
void fork_exec_wait(void);
void vfork_exec_wait(void);
void thread_create_join(void);
void pthread_create_join(void);
long long fork_alone(void);

/* memory.c: what a process that forks has in memory */
void touch(long bytes);
void untouch(void);
void make_mappings(long count);
void map_region(long unused);
void unmap_region(void);
long long write_after_fork(void);
long long first_touch(void);
#define FIRST_TOUCHES 255

/* crowd.c: many children, many files, many processors */
void open_files(long count);
void close_files(void);
void start_children(long count);
void end_children(void);
long long fork_many(void);
#define FORKS_IN_A_ROW 500
long long most_children(long count);
long long memory_of_children(long count);
long long forks_a_second(long milliseconds);

#endif
