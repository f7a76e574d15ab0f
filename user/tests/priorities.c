/*
 * Scheduling attributes: nice values, policies and priorities: who may set them, what fork and exec
 * make of them, and what they do.
 */
#include "helpers.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

struct attr {
	unsigned int size, policy;
	unsigned long flags;
	int nice;
	unsigned int priority;
	unsigned long runtime, deadline, period;
	unsigned int util_min, util_max;
};

static volatile int *shared;

static long set_policy(pid_t pid, int policy, int priority)
{
	return raw3(SYS_sched_setscheduler, pid, policy, &priority);
}

static long get_policy(pid_t pid)
{
	return raw1(SYS_sched_getscheduler, pid);
}

static long set_nice(int nice)
{
	return raw3(SYS_setpriority, PRIO_PROCESS, 0, nice);
}

/* 20 - nice. */
static long get_nice(void)
{
	return raw2(SYS_getpriority, PRIO_PROCESS, 0);
}

static struct attr get_attr(void)
{
	struct attr attr;

	check_eq(raw4(SYS_sched_getattr, 0, &attr, sizeof(attr), 0), 0);
	return attr;
}

static void use_processor(int cpu)
{
	unsigned long mask = 1ul << cpu;

	check_eq(raw3(SYS_sched_setaffinity, 0, sizeof(mask), &mask), 0);
}

/* ---- errors ---- */

/* clang-format off */
static void errors_of_setpriority(void)
{
	static const struct { int which, who, nice; long result, nice_then; } rows[] = {
		{ PRIO_PROCESS, 0, 5, 0, 15 },       { PRIO_PROCESS, 0, 100, 0, 1 },
		{ PRIO_PROCESS, 0, -100, 0, 40 },    { PRIO_PROCESS, NO_SUCH_PID, 1, -ESRCH, 40 },
		{ PRIO_PROCESS, -1, 1, -ESRCH, 40 }, { PRIO_PGRP, 0, 4, 0, 16 },
		{ PRIO_PGRP, NO_SUCH_PID, 1, -ESRCH, 16 }, { PRIO_USER, 54321, 1, -ESRCH, 16 },
		{ 3, 0, 1, -EINVAL, 16 },            { -1, 0, 1, -EINVAL, 16 },
	};

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		check_eq(raw3(SYS_setpriority, rows[i].which, rows[i].who, rows[i].nice), rows[i].result);
		check_eq(get_nice(), rows[i].nice_then);
	}
	check_eq(raw2(SYS_getpriority, PRIO_PROCESS, NO_SUCH_PID), -ESRCH);
	check_eq(raw2(SYS_getpriority, PRIO_USER, 54321), -ESRCH);
	check_eq(raw2(SYS_getpriority, 3, 0), -EINVAL);
}

static void errors_of_setscheduler(void)
{
	static const struct { int pid, policy, priority; long result; } rows[] = {
		{ 0, SCHED_OTHER, 0, 0 },        { 0, SCHED_OTHER, 1, -EINVAL },
		{ 0, SCHED_FIFO, 0, -EINVAL },   { 0, SCHED_FIFO, 100, -EINVAL },
		{ 0, SCHED_FIFO, -1, -EINVAL },  { 0, SCHED_RR, 99, 0 },
		{ 0, SCHED_BATCH, 0, 0 },        { 0, SCHED_IDLE, 0, 0 },
		{ 0, SCHED_IDLE, 1, -EINVAL },   { 0, 4, 0, -EINVAL },
		{ 0, 7, 0, -EINVAL },            { 0, -1, 0, -EINVAL },
		{ -1, SCHED_OTHER, 0, -EINVAL }, { NO_SUCH_PID, SCHED_OTHER, 0, -ESRCH },
		{ NO_SUCH_PID, 77, 0, -ESRCH },  { 0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0, 0 },
	};
	int priority = 1;

	for (size_t i = 0; i < TAP_COUNT(rows); i++)
		check_eq(set_policy(rows[i].pid, rows[i].policy, rows[i].priority), rows[i].result);
	check_eq(get_policy(0), SCHED_OTHER | SCHED_RESET_ON_FORK);
	check_eq(raw3(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), -EINVAL);
	check_eq(raw3(SYS_sched_setscheduler, 0, SCHED_OTHER, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_sched_setparam, 0, &priority), -EINVAL);
	check_eq(raw2(SYS_sched_setparam, 0, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_sched_setparam, NO_SUCH_PID, &priority), -ESRCH);
	check_eq(raw2(SYS_sched_getparam, 0, NULL), -EINVAL);
	check_eq(raw2(SYS_sched_getparam, 0, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_sched_getparam, -1, &priority), -EINVAL);
	check_eq(get_policy(-1), -EINVAL);
	check_eq(get_policy(NO_SUCH_PID), -ESRCH);
	check_eq(raw2(SYS_sched_rr_get_interval, -1, &priority), -EINVAL);
	check_eq(raw2(SYS_sched_rr_get_interval, 0, UNMAPPED_ADDRESS), -EFAULT);
}

static void ranges(void)
{
	static const struct { int policy; long max, min; } rows[] = {
		{ SCHED_OTHER, 0, 0 }, { SCHED_FIFO, 99, 1 }, { SCHED_RR, 99, 1 }, { SCHED_BATCH, 0, 0 },
		{ SCHED_IDLE, 0, 0 }, { 6, 0, 0 }, { 4, -EINVAL, -EINVAL }, { -1, -EINVAL, -EINVAL },
	};

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		check_eq(raw1(SYS_sched_get_priority_max, rows[i].policy), rows[i].max);
		check_eq(raw1(SYS_sched_get_priority_min, rows[i].policy), rows[i].min);
	}
}

static void attributes(void)
{
	static const struct { struct attr attr; long result; int nice, priority; unsigned int policy; } rows[] = {
		{ { .nice = 50 }, 0, 19, 0, SCHED_OTHER },
		{ { .nice = -50 }, 0, -20, 0, SCHED_OTHER },
		{ { .priority = 1 }, -EINVAL, -20, 0, SCHED_OTHER },
		{ { .policy = SCHED_BATCH, .nice = 4 }, 0, 4, 0, SCHED_BATCH },
		{ { .policy = SCHED_IDLE, .nice = 9 }, 0, 4, 0, SCHED_IDLE },
		{ { .policy = SCHED_FIFO }, -EINVAL, 4, 0, SCHED_IDLE },
		{ { .policy = SCHED_FIFO, .priority = 50 }, 0, 0, 50, SCHED_FIFO },
		{ { .policy = 77, .priority = 60, .flags = 8 }, 0, 0, 60, SCHED_FIFO },
		{ { .policy = SCHED_RR, .priority = 1, .flags = 0x10 }, 0, 0, 60, SCHED_FIFO },
		{ { .policy = SCHED_OTHER, .flags = 0x10 }, -EINVAL, 0, 60, SCHED_FIFO },
		{ { .policy = SCHED_OTHER, .flags = 0x80 }, -EINVAL, 0, 60, SCHED_FIFO },
		{ { .policy = SCHED_OTHER, .flags = 0x20 }, -EOPNOTSUPP, 0, 60, SCHED_FIFO },
		{ { .policy = -1u }, -EINVAL, 0, 60, SCHED_FIFO },
		{ { .policy = SCHED_OTHER }, 0, 0, 0, SCHED_OTHER },
	};

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		struct attr attr = rows[i].attr, now;

		attr.size = sizeof(attr);
		check_eq(raw3(SYS_sched_setattr, 0, &attr, 0), rows[i].result);
		now = get_attr();
		if (now.nice != rows[i].nice || (int)now.priority != rows[i].priority ||
		    now.policy != rows[i].policy)
			tap_fail(__FILE__, __LINE__, "row %zu: policy %u nice %d priority %u", i,
				 now.policy, now.nice, now.priority);
	}
}

static void sizes_of_attributes(void)
{
	static struct { struct attr attr; char more[8000]; } big;
	static const struct { unsigned int size; char last; long result; } rows[] = {
		{ 0, 0, 0 }, { 47, 0, -E2BIG }, { 48, 0, 0 }, { 56, 0, 0 }, { 57, 0, 0 }, { 57, 1, -E2BIG },
		{ 4096, 0, 0 }, { 4096, 1, -E2BIG }, { 4097, 0, -E2BIG }, { -1u, 0, -E2BIG },
	};

	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		char *last = (char *)&big + (rows[i].size - 1) % sizeof(big);

		big.attr.size = rows[i].size;
		*last += rows[i].last;
		check_eq(raw3(SYS_sched_setattr, 0, &big, 0), rows[i].result);
		check_eq(big.attr.size, rows[i].result ? sizeof(big.attr) : rows[i].size);
		memset(&big, 0, sizeof(big));
	}
	check_eq(raw4(SYS_sched_getattr, 0, &big, 47, 0), -EINVAL);
	check_eq(raw4(SYS_sched_getattr, 0, &big, 48, 0), 0);
	check_eq(big.attr.size, 48);
	check_eq(raw4(SYS_sched_getattr, 0, &big, 4096, 0), 0);
	check_eq(big.attr.size, 56);
	check_eq(raw4(SYS_sched_getattr, 0, &big, 4097, 0), -EINVAL);
	check_eq(raw4(SYS_sched_getattr, 0, &big, 48, 1), -EINVAL);
	check_eq(raw4(SYS_sched_getattr, -1, &big, 48, 0), -EINVAL);
	check_eq(raw4(SYS_sched_getattr, NO_SUCH_PID, &big, 48, 0), -ESRCH);
	check_eq(raw4(SYS_sched_getattr, 0, UNMAPPED_ADDRESS, 48, 0), -EFAULT);
	check_eq(raw3(SYS_sched_setattr, 0, &big, 1), -EINVAL);
	check_eq(raw3(SYS_sched_setattr, -1, &big, 0), -EINVAL);
	check_eq(raw3(SYS_sched_setattr, 0, NULL, 0), -EINVAL);
	check_eq(raw3(SYS_sched_setattr, 0, UNMAPPED_ADDRESS, 0), -EFAULT);
}
/* clang-format on */

/* ---- rights ---- */

static void become_somebody(void)
{
	check_call(setgid(1000));
	check_call(setuid(1000));
}

static void others_only_get_nicer(void)
{
	become_somebody();
	check_eq(set_nice(-1), -EACCES);
	check_eq(set_nice(5), 0);
	check_eq(set_nice(4), -EACCES);
	check_eq(set_nice(5), 0);
	check_eq(raw3(SYS_setpriority, PRIO_PROCESS, 1, 19), -EPERM);
	check_eq(set_policy(0, SCHED_FIFO, 1), -EPERM);
	check_eq(set_policy(1, SCHED_OTHER, 0), -EPERM);
	check_eq(set_policy(0, SCHED_BATCH, 0), 0);
	check_eq(set_policy(0, SCHED_IDLE, 0), 0);
	check_eq(set_policy(0, SCHED_OTHER, 0), -EPERM);
	check_eq(get_policy(0), SCHED_IDLE);
	check(get_policy(1) >= 0);
}

static void limits_allow(void)
{
	struct rlimit nice = {25, 25}, realtime = {10, 10};

	check_call(setrlimit(RLIMIT_NICE, &nice));
	check_call(setrlimit(RLIMIT_RTPRIO, &realtime));
	become_somebody();
	check_eq(set_nice(-5), 0);
	check_eq(set_nice(-6), -EACCES);
	check_eq(set_nice(0), 0);
	check_eq(set_policy(0, SCHED_FIFO, 11), -EPERM);
	check_eq(set_policy(0, SCHED_FIFO, 10), 0);
	check_eq(set_policy(0, SCHED_FIFO, 5), 0);
	realtime.rlim_cur = 0;
	check_call(setrlimit(RLIMIT_RTPRIO, &realtime));
	check_eq(set_policy(0, SCHED_FIFO, 6), -EPERM);
	check_eq(set_policy(0, SCHED_FIFO, 4), 0);
	check_eq(set_policy(0, SCHED_RR, 4), -EPERM);
	check_eq(set_policy(0, SCHED_OTHER, 0), 0);
	check_eq(set_policy(0, SCHED_IDLE, 0), 0);
	check_eq(set_policy(0, SCHED_OTHER, 0), 0);
}

static void reset_flag_is_for_good(void)
{
	become_somebody();
	check_eq(set_policy(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0), 0);
	check_eq(set_policy(0, SCHED_OTHER, 0), -EPERM);
	check_eq(set_policy(0, SCHED_OTHER | SCHED_RESET_ON_FORK, 0), 0);
}

/* ---- whom they reach ---- */

static void sleep_for_ever(void *argument)
{
	for (;;)
		pause();
}

static void groups_and_users(void)
{
	pid_t one = tap_child(sleep_for_ever, NULL), two = tap_child(sleep_for_ever, NULL);

	check_call(setpgid(two, 0));
	check_eq(raw3(SYS_setpriority, PRIO_PGRP, two, 7), 0);
	check_eq(raw2(SYS_getpriority, PRIO_PROCESS, two), 13);
	check_eq(raw2(SYS_getpriority, PRIO_PROCESS, one), 20);
	check_eq(raw3(SYS_setpriority, PRIO_PGRP, 0, 3), 0);
	check_eq(raw2(SYS_getpriority, PRIO_PROCESS, one), 17);
	check_eq(raw2(SYS_getpriority, PRIO_PGRP, two), 13);
	/* The least nice of a user's processes counts. */
	become_somebody();
	check_eq(raw2(SYS_getpriority, PRIO_USER, 0), 17);
	check_eq(raw3(SYS_setpriority, PRIO_USER, 1000, 6), 0);
	check_eq(get_nice(), 14);
	check_eq(raw2(SYS_getpriority, PRIO_PROCESS, one), 17);
	check_eq(raw3(SYS_setpriority, PRIO_PGRP, two, 8), -EPERM);
}

static int thread_nice(void *argument)
{
	set(&shared[0], get_nice());
	raw3(SYS_setpriority, PRIO_PROCESS, 0, 11);
	return 0;
}

static void threads_have_their_own(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	check_eq(set_nice(5), 0);
	thread_start(&thread, thread_nice, NULL);
	thread_join(&thread);
	check_eq(shared[0], 15);
	check_eq(get_nice(), 15);
}

static int tell_attributes(int argc, char **argv)
{
	struct attr attr;

	if (raw4(SYS_sched_getattr, 0, &attr, sizeof(attr), 0))
		return 99;
	return attr.policy == SCHED_RR ? attr.priority : 20 - get_nice();
}

static void fork_and_exec_keep_them(void)
{
	check_eq(set_nice(12), 0);
	check_exits(spawn_helper("tell", NULL, NULL), 12);
	check_eq(set_policy(0, SCHED_RR, 33), 0);
	check_exits(spawn_helper("tell", NULL, NULL), 33);
}

static void child_is_ordinary(void *argument)
{
	check_eq(get_policy(0), (long)argument);
	check_eq(get_nice(), 20);
}

static void reset_on_fork(void)
{
	check_eq(set_policy(0, SCHED_RR | SCHED_RESET_ON_FORK, 33), 0);
	check_eq(get_policy(0), SCHED_RR | SCHED_RESET_ON_FORK);
	check_child(child_is_ordinary, (void *)SCHED_OTHER);
	check_eq(set_policy(0, SCHED_BATCH | SCHED_RESET_ON_FORK, 0), 0);
	check_eq(set_nice(-5), 0);
	check_child(child_is_ordinary, (void *)SCHED_BATCH);
	check_eq(get_nice(), 25);
}

static void proc_tells(void)
{
	char text[1024], *p;
	int fd, priority = 0, nice = 0, rt = 0, policy = 0;

	check_eq(set_nice(-3), 0);
	check_eq(set_policy(0, SCHED_FIFO, 7), 0);
	fd = check_call(open("/proc/self/stat", O_RDONLY));
	text[check_call(read(fd, text, sizeof(text) - 1))] = '\0';
	p = strrchr(text, ')') + 1;
	for (int field = 3; p; field++, p = strchr(p + 1, ' ')) {
		int *to = field == 18   ? &priority
			  : field == 19 ? &nice
			  : field == 40 ? &rt
			  : field == 41 ? &policy
					: NULL;

		if (to)
			*to = atoi(p + 1);
	}
	check_eq(priority, -8);
	check_eq(nice, -3);
	check_eq(rt, 7);
	check_eq(policy, SCHED_FIFO);
}

/* ---- what they do ---- */

static void spin(void *argument)
{
	set(&shared[0], 1);
	for (;;)
		;
}

/* Milliseconds of processor time that a child, which ends now, has had. */
static long used_ms(pid_t pid)
{
	struct rusage used;

	kill(pid, SIGKILL);
	check_eq(raw_wait4(pid, NULL, 0, &used), pid);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000 +
	       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1000;
}

struct share {
	int policy, nice;
};

/* What it gets counts from the start, so it is what it is to be before it runs for long. */
static void spin_as(void *argument)
{
	const struct share *share = argument;

	check_eq(set_policy(0, share->policy, 0), 0);
	check_eq(set_nice(share->nice), 0);
	add(&shared[0], 1);
	raw_futex_wait(&shared[1], 0);
	for (;;)
		;
}

/* Two who spin on one processor: the plain one gets more than the other, by the factor at least. */
static void check_shares(int policy, int nice, long factor)
{
	struct share shares[2] = {{SCHED_OTHER, 0}, {policy, nice}};
	long had[2];
	pid_t pids[2];

	shared = tap_shared(4096);
	use_processor(0);
	for (int i = 0; i < 2; i++)
		pids[i] = tap_child(spin_as, &shares[i]);
	while (get(&shared[0]) < 2)
		tap_sleep_ms(5);
	set(&shared[1], 1);
	raw_futex_wake(&shared[1], 2);
	tap_sleep_ms(1500);
	kill(pids[0], SIGSTOP);
	kill(pids[1], SIGSTOP);
	for (int i = 0; i < 2; i++)
		had[i] = used_ms(pids[i]);
	if (had[0] < factor * had[1])
		tap_fail(__FILE__, __LINE__, "%ld ms and %ld ms", had[0], had[1]);
}

static void nicer_gets_less(void)
{
	check_shares(SCHED_OTHER, 10, 3);
}

static void idle_gets_least(void)
{
	check_shares(SCHED_IDLE, 0, 8);
}

static void read_and_note(void *argument)
{
	int fd = (int)(long)argument;

	check_eq(set_policy(0, SCHED_FIFO, 10), 0);
	set(&shared[1], 1);
	take_byte(fd);
	set(&shared[2], 1);
	take_byte(fd);
}

static void realtime_runs_at_once(void)
{
	int ends[2];
	pid_t pid;

	shared = tap_shared(4096);
	use_processor(0);
	make_pipe(ends);
	pid = tap_child(read_and_note, (void *)(long)ends[0]);
	tap_await(&shared[1], 1);
	tap_sleep_ms(20); /* it has the priority already, and sleeps by now */
	give_byte(ends[1], 1);
	check_eq(get(&shared[2]), 1);
	give_byte(ends[1], 1);
	check_exits(pid, 0);
}

static void note_order(void *argument)
{
	long priority = (long)argument;

	check_eq(set_policy(0, SCHED_FIFO, priority), 0);
	add(&shared[0], 1);
	raw6(SYS_futex, &shared[1], FUTEX_WAIT, 0, NULL, 0, 0);
	shared[3 + add(&shared[2], 1)] = priority;
}

static void higher_priorities_first(void)
{
	static const int priorities[] = {20, 40, 10, 30};
	pid_t pids[4];

	shared = tap_shared(4096);
	use_processor(0);
	check_eq(set_policy(0, SCHED_FIFO, 50), 0);
	for (int i = 0; i < 4; i++)
		pids[i] = tap_child(note_order, (void *)(long)priorities[i]);
	while (get(&shared[0]) < 4)
		tap_sleep_ms(5);
	tap_sleep_ms(20);
	set(&shared[1], 1);
	raw_futex_wake(&shared[1], 4);
	for (int i = 0; i < 4; i++)
		check_exits(pids[i], 0);
	for (int i = 0; i < 4; i++)
		check_eq(shared[4 + i], 40 - 10 * i);
}

static void run_second(void *argument)
{
	set(&shared[1], 1);
}

/* A child of the same priority has not run when 300 ms of the parent's are over. */
static void fifo_runs_until_it_yields(void)
{
	long long end;
	pid_t pid;

	shared = tap_shared(4096);
	use_processor(0);
	check_eq(set_policy(0, SCHED_FIFO, 10), 0);
	pid = tap_child(run_second, NULL);
	for (end = tap_now() + 300000000; tap_now() < end;)
		check_eq(get(&shared[1]), 0);
	raw0(SYS_sched_yield);
	check_eq(get(&shared[1]), 1);
	check_exits(pid, 0);
}

static void round_robin_takes_turns(void)
{
	struct timespec slice = {0, 0};
	pid_t pid;

	shared = tap_shared(4096);
	use_processor(0);
	check_eq(set_policy(0, SCHED_RR, 10), 0);
	check_eq(raw2(SYS_sched_rr_get_interval, 0, &slice), 0);
	check(slice.tv_nsec == 100000000);
	pid = tap_child(run_second, NULL);
	while (!get(&shared[1]))
		;
	check_exits(pid, 0);
	check_eq(set_policy(0, SCHED_FIFO, 10), 0);
	check_eq(raw2(SYS_sched_rr_get_interval, 0, &slice), 0);
	check_eq(slice.tv_nsec, 0);
}

static void realtime_leaves_a_way_in(void)
{
	pid_t pid;

	shared = tap_shared(4096);
	use_processor(0);
	pid = tap_child(spin, NULL);
	check_eq(set_policy(pid, SCHED_FIFO, 99), 0);
	tap_await(&shared[0], 1);
	/* This process runs at all. */
	for (volatile int i = 0; i < 1000000; i++)
		;
	check(used_ms(pid) > 0);
}

/* ---- all at once ---- */

static void be_busy(void *argument)
{
	long kind = (long)argument;

	for (;;) {
		add(&shared[8 + kind], 1);
		if (kind % 3 == 1)
			raw0(SYS_sched_yield);
		if (kind % 3 == 2)
			raw2(SYS_nanosleep, (&(struct timespec){0, 200000}), NULL);
	}
}

static void attributes_change_under_way(void)
{
	static const int policies[] = {SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE};
	pid_t pids[6];

	shared = tap_shared(4096);
	check_eq(set_policy(0, SCHED_FIFO, 90), 0);
	for (long i = 0; i < 6; i++) {
		pids[i] = tap_child(be_busy, (void *)i);
		check_eq(set_policy(pids[i], SCHED_OTHER, 0), 0);
	}
	for (unsigned int i = 0; i < 3000; i++) {
		int policy = policies[i * 7 % 5];
		int realtime = policy == SCHED_FIFO || policy == SCHED_RR;

		check_eq(set_policy(pids[i % 6], policy, realtime ? 1 + i % 50 : 0), 0);
		check_eq(raw3(SYS_setpriority, PRIO_PROCESS, pids[i % 5], (int)(i % 40) - 20), 0);
		if (i % 100 == 0)
			tap_sleep_ms(2);
	}
	for (int i = 0; i < 6; i++)
		check_eq(set_policy(pids[i], SCHED_OTHER, 0), 0);
	/* All go on. */
	for (int i = 0; i < 6; i++) {
		int before = get(&shared[8 + i]);

		while (get(&shared[8 + i]) == before)
			tap_sleep_ms(1);
	}
	for (int i = 0; i < 6; i++)
		used_ms(pids[i]);
}

static void renice(void *pid)
{
	for (int i = 0; !get(&shared[0]); i++)
		check_eq(raw3(SYS_setpriority, PRIO_PROCESS, pid, i % 20), 0);
}

/* A change of the nice value at the same time leaves the policy alone. */
static void two_changes_at_once(void)
{
	pid_t target, other;

	shared = tap_shared(4096);
	target = tap_fork();
	if (target == 0)
		for (;;)
			pause();
	other = tap_child(renice, (void *)(long)target);
	for (int i = 0; i < 20000; i++) {
		int policy = i % 2 ? SCHED_BATCH : SCHED_OTHER;

		check_eq(set_policy(target, policy, 0), 0);
		for (int n = 0; n < 3; n++)
			check_eq(get_policy(target), policy);
	}
	set(&shared[0], 1);
	check_exits(other, 0);
	check_call(kill(target, SIGKILL));
	check_killed(target, SIGKILL);
}

static const struct test_case cases[] = {
	TEST(errors_of_setpriority, "priorities: setpriority: whom it means, and its errors"),
	TEST(errors_of_setscheduler, "priorities: setscheduler and its relatives: errors"),
	TEST(ranges, "priorities: what each policy allows"),
	TEST(attributes, "priorities: setattr: what comes of it"),
	TEST(sizes_of_attributes, "priorities: setattr and getattr: sizes, old and new"),
	TEST(others_only_get_nicer, "priorities: without privilege only down"),
	TEST(limits_allow, "priorities: RLIMIT_NICE and RLIMIT_RTPRIO allow more"),
	TEST(reset_flag_is_for_good, "priorities: reset-on-fork cannot be taken back"),
	TEST(groups_and_users, "priorities: groups and users"),
	TEST(threads_have_their_own, "priorities: threads inherit, and then have their own"),
	TEST(fork_and_exec_keep_them, "priorities: fork and exec keep them"),
	TEST(reset_on_fork, "priorities: reset-on-fork makes children ordinary"),
	TEST(proc_tells, "priorities: /proc/PID/stat tells them"),
	TEST(nicer_gets_less, "priorities: nice 10 gets much less than nice 0"),
	TEST(idle_gets_least, "priorities: SCHED_IDLE gets next to nothing beside others"),
	TEST(realtime_runs_at_once, "priorities: a real-time task that is woken runs at once"),
	TEST(higher_priorities_first, "priorities: of real-time tasks the highest runs first"),
	TEST(fifo_runs_until_it_yields, "priorities: SCHED_FIFO runs until it yields"),
	TEST(round_robin_takes_turns, "priorities: SCHED_RR takes turns"),
	TEST(realtime_leaves_a_way_in,
	     "priorities: a real-time task that spins does not stop others"),
	TEST(attributes_change_under_way, "priorities: attributes change while all are busy"),
	TEST(two_changes_at_once, "priorities: of two changes at once none is lost"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), tell_attributes);
}
