/* /proc/PID/stat and statm: the fields that ps and top read, and what they say of a process. */
#include "proc.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/times.h>

static void all_fields(void)
{
	struct stat_fields s;

	stat_of(getpid(), &s);
	check_eq(s.count, STAT_FIELDS);
	check(strchr(proc_text, '\n') == proc_text + strlen(proc_text) - 1);
	check_eq(s.state, 'R');
	check_eq(s.value[1], getpid());
	check_eq(s.value[4], getppid());
	check_eq(s.value[5], getpgrp());
	check_eq(s.value[6], getsid(0));
	check_eq(s.value[18], 20);
	check_eq(s.value[19], 0);
	check_eq(s.value[20], 1);
	check_eq(s.value[21], 0);
	check_eq(s.value[38], SIGCHLD);
	check_eq(s.value[40], 0);
	check_eq(s.value[41], SCHED_OTHER);
}

static void no_terminal(void)
{
	struct stat_fields s;
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_call(setsid());
		stat_of(getpid(), &s);
		check_eq(s.value[6], getpid());
		check_eq(s.value[7], 0);
		check_eq(s.value[8], -1);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void odd_names(void)
{
	struct stat_fields s;

	check_call(prctl(PR_SET_NAME, ") R 1 (\n\\"));
	stat_of(getpid(), &s);
	check(strcmp(s.name, ") R 1 (\n\\") == 0);
	check_eq(s.count, STAT_FIELDS);
	check(strncmp(line_of(read_text("/proc/self/status"), "Name"), ") R 1 (\\n\\\\\n", 12) ==
	      0);
	check(strcmp(read_text("/proc/self/comm"), ") R 1 (\n\\\n") == 0);
}

static void states(void)
{
	pid_t pid = idle_child();
	struct stat_fields s;
	siginfo_t info;

	do {
		stat_of(pid, &s);
	} while (s.state == 'R');
	check_eq(s.state, 'S');
	check_eq(s.value[35], 1);
	check_call(kill(pid, SIGSTOP));
	check_eq(raw_waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT, NULL), 0);
	stat_of(pid, &s);
	check_eq(s.state, 'T');
	check(strncmp(line_of(read_of(pid, "status"), "State"), "T (stopped)\n", 12) == 0);
	check_call(kill(pid, SIGKILL));
	await_zombie(pid);
	stat_of(pid, &s);
	check_eq(s.state, 'Z');
	check(strncmp(line_of(read_of(pid, "status"), "State"), "Z (zombie)\n", 11) == 0);
	check_killed(pid, SIGKILL);
}

static void zombies_have_no_memory(void)
{
	pid_t pid = tap_fork();
	struct stat_fields s;

	if (pid == 0)
		_exit(3);
	await_zombie(pid);
	stat_of(pid, &s);
	check_eq(s.count, STAT_FIELDS);
	check_eq(s.value[23], 0);
	check_eq(s.value[24], 0);
	for (int i = 26; i <= 30; i++)
		check_eq(s.value[i], 0);
	for (int i = 45; i <= 51; i++)
		check_eq(s.value[i], 0);
	check_eq(s.value[52], 3 << 8);
	check(strcmp(read_of(pid, "statm"), "0 0 0 0 0 0 0\n") == 0);
	check_eq(strlen(read_of(pid, "cmdline")), 0);
	check_eq(strlen(read_of(pid, "maps")), 0);
	check_exits(pid, 3);
}

static void exit_status_of_a_killed_one(void)
{
	pid_t pid = idle_child();
	struct stat_fields s;

	check_call(kill(pid, SIGTERM));
	await_zombie(pid);
	stat_of(pid, &s);
	check_eq(s.value[52], SIGTERM);
	check_eq(s.value[9] & 0x400, 0x400);
	check_killed(pid, SIGTERM);
}

static void forked_flag(void)
{
	pid_t pid = idle_child();
	struct stat_fields s;

	stat_of(pid, &s);
	check_eq(s.value[9] & 0x40, 0x40);
	check_eq(s.value[9] & 0x200000, 0);
	end_child(pid);
}

static void signal_fields(void)
{
	struct stat_fields s;

	set_handler(SIGUSR1, count_signal, 0);
	signal(SIGUSR2, SIG_IGN);
	block_signal(SIGTERM);
	check_call(raise(SIGTERM));
	stat_of(getpid(), &s);
	check_eq(s.value[31] & 1 << (SIGTERM - 1), 1 << (SIGTERM - 1));
	check_eq(s.value[32] & 1 << (SIGTERM - 1), 1 << (SIGTERM - 1));
	check_eq(s.value[33] & 1 << (SIGUSR2 - 1), 1 << (SIGUSR2 - 1));
	check_eq(s.value[34] & 1 << (SIGUSR1 - 1), 1 << (SIGUSR1 - 1));
	check_eq(s.value[34] & 1 << (SIGUSR2 - 1), 0);
}

static void start_time(void)
{
	struct stat_fields s, old;
	double uptime = strtod(read_text("/proc/uptime"), NULL);
	pid_t pid;

	stat_of(getpid(), &old);
	tap_sleep_ms(30);
	pid = idle_child();
	stat_of(pid, &s);
	check(s.value[22] > old.value[22]);
	check(old.value[22] <= (long)(uptime * 100) + 1);
	end_child(pid);
}

static void cpu_time(void)
{
	struct tms before, after;
	struct stat_fields s;

	times(&before);
	do {
		times(&after);
	} while (after.tms_utime + after.tms_stime < before.tms_utime + before.tms_stime + 5);
	stat_of(getpid(), &s);
	check(s.value[14] + s.value[15] >= 5);
	times(&after);
	check(s.value[14] + s.value[15] <= after.tms_utime + after.tms_stime + 1);
}

static void burn(void *argument)
{
	struct tms now;

	do {
		times(&now);
	} while (now.tms_utime + now.tms_stime < 5);
}

static void time_of_children(void)
{
	struct stat_fields s;
	pid_t pid = tap_child(burn, NULL);

	await_zombie(pid);
	stat_of(getpid(), &s);
	check_eq(s.value[16] + s.value[17], 0);
	check_exits(pid, 0);
	stat_of(getpid(), &s);
	check(s.value[16] + s.value[17] >= 4);
	check(s.value[11] > 0);
}

static void faults(void)
{
	struct stat_fields before, after;
	char *memory =
		mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED);
	stat_of(getpid(), &before);
	for (int i = 0; i < 64; i++)
		memory[i * 4096] = 1;
	stat_of(getpid(), &after);
	check(after.value[10] >= before.value[10] + 64);
	check(after.value[24] >= before.value[24] + 64);
	munmap(memory, 64 * 4096);
	stat_of(getpid(), &after);
	check(after.value[24] < before.value[24] + 64);
}

static void size_fields(void)
{
	struct stat_fields before, after;
	long size, resident, shared, text, library, data, dirty;
	void *memory;

	stat_of(getpid(), &before);
	memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(memory != MAP_FAILED);
	stat_of(getpid(), &after);
	check_eq(after.value[23], before.value[23] + (1 << 20));
	check_eq(sscanf(read_text("/proc/self/statm"), "%ld %ld %ld %ld %ld %ld %ld\n", &size,
			&resident, &shared, &text, &library, &data, &dirty),
		 7);
	check_eq(size * 4096, after.value[23]);
	check(resident > 0 && resident <= size && shared <= resident);
	check(text > 0 && data >= 256);
	check_eq(library, 0);
	check_eq(dirty, 0);
}

static void addresses(void)
{
	struct stat_fields s;
	long here = (long)(void *)&addresses, local = (long)&s;

	stat_of(getpid(), &s);
	check(s.value[26] <= here && here < s.value[27]);
	check(s.value[28] > local && s.value[28] - local < 8 << 20);
	check(s.value[45] > 0 && s.value[45] <= s.value[46]);
	check(s.value[47] > 0 && s.value[47] <= (long)sbrk(0));
	check(s.value[48] > local && s.value[48] < s.value[49]);
	check(s.value[49] <= s.value[50] && s.value[50] <= s.value[51]);
	check_eq(s.value[25], RLIM_INFINITY);
}

static int wait_for_word(void *argument)
{
	raw_await(argument, 1);
	return 0;
}

static void threads(void)
{
	struct thread thread;
	int *go = tap_shared(sizeof(*go));
	char path[64];
	struct stat_fields s;

	thread_start(&thread, wait_for_word, go);
	stat_of(getpid(), &s);
	check_eq(s.value[20], 2);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", thread.tid);
	parse_stat(read_text(path), &s);
	check_eq(s.value[1], thread.tid);
	check_eq(s.value[4], getppid());
	check_eq(s.value[38], -1);
	check(s.value[23] > 0 && s.value[24] > 0);
	check_eq(s.count, STAT_FIELDS);
	set(go, 1);
	thread_join(&thread);
	stat_of(getpid(), &s);
	check_eq(s.value[20], 1);
	check_eq(try_read(path, proc_text, 64), -ENOENT);
}

static int exit_leader_later(void *argument)
{
	int *words = argument;

	set(&words[0], 1);
	raw_await(&words[1], 1);
	return 0;
}

/* The leader is gone, another thread goes on: a zombie with a thread. */
static void dead_leader(void)
{
	int *words = tap_shared(2 * sizeof(int));
	struct thread thread;
	struct stat_fields s;
	pid_t pid = tap_fork();

	if (pid == 0) {
		thread_start(&thread, exit_leader_later, words);
		raw1(SYS_exit, 0);
	}
	tap_await(&words[0], 1);
	do {
		stat_of(pid, &s);
	} while (s.state != 'Z');
	check_eq(s.value[20], 2);
	check_eq(s.value[23], 0);
	check(strcmp(read_of(pid, "statm"), "0 0 0 0 0 0 0\n") == 0);
	set(&words[1], 1);
	check_exits(pid, 0);
}

static void of_others(void)
{
	struct stat_fields s;
	pid_t pid = tap_fork();

	if (pid == 0) {
		become_user(1000);
		stat_of(getppid(), &s);
		check_eq(s.count, STAT_FIELDS);
		check(s.value[23] > 0);
		check_eq(s.value[26], 1);
		check_eq(s.value[27], 1);
		check_eq(s.value[28], 0);
		check_eq(s.value[48], 0);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void kernel_threads(void)
{
	struct stat_fields s;

	stat_of(2, &s);
	check_eq(s.count, STAT_FIELDS);
	check_eq(s.value[4], 0);
	check_eq(s.value[5], 0);
	check_eq(s.value[9] & 0x200000, 0x200000);
	check_eq(s.value[23], 0);
	check_eq(strlen(read_text("/proc/2/cmdline")), 0);
	check_eq(strlen(read_text("/proc/2/maps")), 0);
	check(strcmp(read_text("/proc/2/statm"), "0 0 0 0 0 0 0\n") == 0);
	check_errno(readlink("/proc/2/exe", proc_text, 64), ENOENT);
}

static const struct test_case cases[] = {
	TEST(all_fields, "stat has 52 fields, and relations, priority and policy are right"),
	TEST(no_terminal, "a session without a terminal shows 0 and -1"),
	TEST(odd_names,
	     "a name with brackets and a newline: as it is in stat and comm, escaped in status"),
	TEST(states, "sleeping, stopped and zombie are S, T and Z"),
	TEST(zombies_have_no_memory, "a zombie has a status, but no memory, arguments or map"),
	TEST(exit_status_of_a_killed_one, "a killed zombie shows the signal, and a flag says so"),
	TEST(forked_flag, "a flag tells a fork that has not called exec"),
	TEST(signal_fields, "pending, blocked, ignored and caught signals"),
	TEST(start_time, "when it started, in ticks since boot"),
	TEST(cpu_time, "CPU time goes with times(2)"),
	TEST(time_of_children, "children's time and faults count once they are reaped"),
	TEST(faults,
	     "faults and resident pages grow with touched memory; unmapping lowers the latter"),
	TEST(size_fields, "vsize and statm go with what is mapped"),
	TEST(addresses, "code, data, break, stack, arguments and environment"),
	TEST(threads, "threads are counted and have a stat of their own"),
	TEST(dead_leader, "a leader that ended before its thread is a zombie with two threads"),
	TEST(of_others, "another user's process hides its addresses, not its size"),
	TEST(kernel_threads, "kernel threads have no memory, arguments or program"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
