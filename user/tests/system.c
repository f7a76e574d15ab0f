/* Limits, names, random numbers, and what the system tells of itself. */
#include "helpers.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

static long get_limit(int resource, struct rlimit *limit)
{
	return raw2(SYS_getrlimit, resource, limit);
}

static long set_limit(int resource, unsigned long soft, unsigned long hard)
{
	struct rlimit limit = {soft, hard};

	return raw2(SYS_setrlimit, resource, &limit);
}

static long prlimit_of(long pid, int resource, const struct rlimit *new, struct rlimit *old)
{
	return raw4(SYS_prlimit64, pid, resource, new, old);
}

/* ---- limits ---- */

static void check_limit(int resource, unsigned long soft, unsigned long hard)
{
	struct rlimit limit;

	check_eq(get_limit(resource, &limit), 0);
	check_eq(limit.rlim_cur, soft);
	check_eq(limit.rlim_max, hard);
}

static void first_limits(void)
{
	struct rlimit processes, signals;

	check_limit(RLIMIT_STACK, 8 << 20, RLIM_INFINITY);
	check_limit(RLIMIT_NOFILE, 1024, 4096);
	check_limit(RLIMIT_CORE, 0, RLIM_INFINITY);
	check_limit(RLIMIT_MEMLOCK, 8 << 20, 8 << 20);
	check_limit(RLIMIT_MSGQUEUE, 819200, 819200);
	check_limit(RLIMIT_NICE, 0, 0);
	check_limit(RLIMIT_RTPRIO, 0, 0);
	check_limit(RLIMIT_AS, RLIM_INFINITY, RLIM_INFINITY);
	check_limit(RLIMIT_DATA, RLIM_INFINITY, RLIM_INFINITY);
	check_limit(RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY);
	check_limit(RLIMIT_CPU, RLIM_INFINITY, RLIM_INFINITY);
	check_eq(get_limit(RLIMIT_NPROC, &processes), 0);
	check_eq(get_limit(RLIMIT_SIGPENDING, &signals), 0);
	check_eq(processes.rlim_cur, processes.rlim_max);
	check_eq(processes.rlim_cur, signals.rlim_cur);
}

static void limits_are_checked(void)
{
	struct rlimit limit = {10, 5};

	check_eq(get_limit(16, &limit), -EINVAL);
	check_eq(get_limit(-1, &limit), -EINVAL);
	check_eq(get_limit(16, KERNEL_ADDRESS), -EINVAL);
	check_eq(get_limit(RLIMIT_AS, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw2(SYS_setrlimit, 16, KERNEL_ADDRESS), -EFAULT);
	check_eq(set_limit(16, 1, 1), -EINVAL);
	check_eq(set_limit(RLIMIT_CORE, 10, 5), -EINVAL);
	check_eq(set_limit(RLIMIT_NOFILE, 10, 1048577), -EPERM);
	check_eq(set_limit(RLIMIT_NOFILE, 10, 1048576), 0);
	check_eq(prlimit_of(0, RLIMIT_CORE, &limit, NULL), -EINVAL);
	check_eq(prlimit_of(0, 99, NULL, NULL), -EINVAL);
	check_eq(prlimit_of(NO_SUCH_PID, 99, KERNEL_ADDRESS, NULL), -EFAULT);
	check_eq(prlimit_of(NO_SUCH_PID, 99, NULL, NULL), -ESRCH);
	check_eq(prlimit_of(-1, RLIMIT_CORE, NULL, NULL), -ESRCH);
	check_eq(prlimit_of(0, RLIMIT_CORE, NULL, KERNEL_ADDRESS), -EFAULT);
	check_eq(prlimit_of(0, RLIMIT_CORE, NULL, NULL), 0);
}

static void only_the_privileged_raise_limits(void)
{
	check_eq(set_limit(RLIMIT_CORE, 10, 100), 0);
	check_eq(set_limit(RLIMIT_CORE, 10, 200), 0);
	check_call(setuid(1000));
	check_eq(set_limit(RLIMIT_CORE, 200, 200), 0);
	check_eq(set_limit(RLIMIT_CORE, 5, 201), -EPERM);
	check_eq(set_limit(RLIMIT_CORE, 5, 50), 0);
	check_eq(set_limit(RLIMIT_CORE, 5, 51), -EPERM);
	check_limit(RLIMIT_CORE, 5, 50);
}

static void limits_of_others(void)
{
	struct rlimit limit = {3, 4}, old = {0, 0};
	pid_t pid = tap_fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	check_eq(prlimit_of(pid, RLIMIT_CORE, &limit, &old), 0);
	check_eq(old.rlim_max, RLIM_INFINITY);
	check_eq(prlimit_of(pid, RLIMIT_CORE, NULL, &old), 0);
	check_eq(old.rlim_cur, 3);
	check_eq(old.rlim_max, 4);
	check_limit(RLIMIT_CORE, 0, RLIM_INFINITY);
	check_call(setuid(1000));
	check_eq(prlimit_of(pid, RLIMIT_CORE, NULL, &old), -EPERM);
	check_eq(prlimit_of(pid, 99, NULL, &old), -EPERM);
	check_eq(prlimit_of(getpid(), RLIMIT_CORE, NULL, &old), 0);
}

static void limits_are_inherited_as_copies(void)
{
	pid_t pid;

	check_eq(set_limit(RLIMIT_CORE, 11, 22), 0);
	pid = tap_fork();
	if (pid == 0) {
		check_limit(RLIMIT_CORE, 11, 22);
		check_eq(set_limit(RLIMIT_CORE, 1, 2), 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_limit(RLIMIT_CORE, 11, 22);
}

static int set_limit_in_thread(void *argument)
{
	struct rlimit limit = {1, 2};

	raw2(SYS_setrlimit, RLIMIT_CORE, &limit);
	return 0;
}

static void threads_share_limits(void)
{
	struct thread thread;

	thread_start(&thread, set_limit_in_thread, NULL);
	thread_join(&thread);
	check_limit(RLIMIT_CORE, 1, 2);
}

static void spin_for_ever(void *argument)
{
	unsigned long soft = (unsigned long)argument;

	set_handler(SIGXCPU, count_signal, 0);
	check_eq(set_limit(RLIMIT_CPU, soft, 2), 0);
	for (;;)
		if (caught[SIGXCPU] && soft == 1) {
			check_limit(RLIMIT_CPU, 2, 2);
			_exit(0);
		}
}

static void cpu_limit_warns_and_kills(void)
{
	check_child(spin_for_ever, (void *)1);
	check_dies(spin_for_ever, (void *)2, SIGKILL);
}

/* ---- names ---- */

static void names_of_the_system(void)
{
	struct utsname names;

	check_eq(raw1(SYS_uname, &names), 0);
	check(strcmp(names.sysname, "Linux") == 0);
	check(strcmp(names.machine, "x86_64") == 0);
	check(strncmp(names.release, "6.1.0", 5) == 0);
	check(strncmp(names.version, "#1 SMP", 6) == 0);
	check(names.nodename[0]);
	check_eq(raw1(SYS_uname, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw1(SYS_uname, NULL), -EFAULT);
}

static void host_name_can_be_set(void)
{
	struct utsname before, after;
	char longest[65];

	check_call(uname(&before));
	check_eq(raw2(SYS_sethostname, "some-name", 4), 0);
	check_call(uname(&after));
	check(strcmp(after.nodename, "some") == 0);
	memset(longest, 'x', sizeof(longest));
	check_eq(raw2(SYS_sethostname, longest, 65), -EINVAL);
	check_eq(raw2(SYS_sethostname, longest, -1), -EINVAL);
	check_eq(raw2(SYS_sethostname, KERNEL_ADDRESS, 5), -EFAULT);
	check_eq(raw2(SYS_sethostname, longest, 64), 0);
	check_call(uname(&after));
	check_eq(strlen(after.nodename), 64);
	check_eq(raw2(SYS_sethostname, "", 0), 0);
	check_call(uname(&after));
	check_eq(strlen(after.nodename), 0);
	check_eq(raw2(SYS_sethostname, before.nodename, strlen(before.nodename)), 0);
	check_call(setuid(1000));
	check_eq(raw2(SYS_sethostname, KERNEL_ADDRESS, -1), -EPERM);
}

/* ---- random numbers ---- */

static void random_bytes_differ(void)
{
	unsigned char bytes[4096];
	int count[256] = {0};
	unsigned long a, b;

	check_eq(raw3(SYS_getrandom, bytes, sizeof(bytes), 0), sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		count[bytes[i]]++;
	for (int i = 0; i < 256; i++)
		check(count[i] < 64);
	for (int flags = 0; flags <= 4; flags++) {
		if (flags == 3)
			continue;
		check_eq(raw3(SYS_getrandom, &a, sizeof(a), flags), sizeof(a));
		check_eq(raw3(SYS_getrandom, &b, sizeof(b), flags), sizeof(b));
		check(a != b);
	}
}

static void random_bytes_differ_after_fork(void)
{
	unsigned long *words = tap_shared(4096);
	pid_t pids[8];

	for (int i = 0; i < 8; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			raw3(SYS_getrandom, &words[i], sizeof(words[i]), 0);
			_exit(0);
		}
	}
	for (int i = 0; i < 8; i++)
		check_exits(pids[i], 0);
	for (int i = 0; i < 8; i++)
		for (int j = 0; j < i; j++)
			check(words[i] != words[j]);
}

static void random_calls_are_checked(void)
{
	char *edge = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check_eq(raw3(SYS_getrandom, edge, 1, 8), -EINVAL);
	check_eq(raw3(SYS_getrandom, edge, 1, 2 | 4), -EINVAL);
	check_eq(raw3(SYS_getrandom, KERNEL_ADDRESS, 1, 0), -EFAULT);
	check_eq(raw3(SYS_getrandom, UNMAPPED_ADDRESS, 1, 0), -EFAULT);
	check_eq(raw3(SYS_getrandom, edge, 0, 0), 0);
	check_call(munmap(edge + 4096, 4096));
	check_eq(raw3(SYS_getrandom, edge + 4096, 100, 0), -EFAULT);
	check_eq(raw3(SYS_getrandom, edge, 4096, 0), 4096);
	check_eq(raw3(SYS_getrandom, edge, 1 << 20, 1), 4096);
}

/* ---- the rest ---- */

static void system_information(void)
{
	struct timespec t;
	struct sysinfo info;

	check_eq(raw1(SYS_sysinfo, &info), 0);
	check_eq(info.mem_unit, 1);
	check(info.totalram > 8 << 20 && info.freeram < info.totalram && info.freeram > 1 << 20);
	check_eq(info.totalswap, 0);
	check(info.procs >= 2 && info.procs < 1000);
	check_call(clock_gettime(CLOCK_BOOTTIME, &t));
	check(labs((long)info.uptime - (long)t.tv_sec) <= 2);
	check_eq(raw1(SYS_sysinfo, KERNEL_ADDRESS), -EFAULT);
}

static void reboot_is_not_done_by_accident(void)
{
	check_eq(raw4(SYS_reboot, 1, 2, 0x1234567, 0), -EINVAL);
	check_eq(raw4(SYS_reboot, 0xfee1dead, 2, 0x1234567, 0), -EINVAL);
	check_eq(raw4(SYS_reboot, 0xfee1dead, 672274793, 0x7777777, 0), -EINVAL);
	check_eq(raw4(SYS_reboot, 0xfee1dead, 672274793, 0xa1b2c3d4, KERNEL_ADDRESS), -EFAULT);
	check_eq(raw4(SYS_reboot, 0xfee1dead, 369367448, 0x89abcdef, 0), 0);
	check_eq(raw4(SYS_reboot, 0xfee1dead, 537993216, 0, 0), 0);
	check_eq(raw4(SYS_reboot, 0xfee1dead, 85072278, 0x89abcdef, 0), 0);
	check_call(setuid(1000));
	check_eq(raw4(SYS_reboot, 1, 2, 0x1234567, 0), -EPERM);
}

static void current_processor(void)
{
	unsigned cpu = -1, node = -1;

	check_eq(raw3(SYS_getcpu, &cpu, &node, NULL), 0);
	check(cpu < 64);
	check_eq(node, 0);
	check_eq(raw3(SYS_getcpu, NULL, NULL, NULL), 0);
	check_eq(raw3(SYS_getcpu, KERNEL_ADDRESS, NULL, NULL), -EFAULT);
	check_eq(raw3(SYS_getcpu, NULL, KERNEL_ADDRESS, NULL), -EFAULT);
}

/* ---- numbers of system calls ---- */

static void unknown_numbers_are_enosys(void)
{
	static const long numbers[] = {500,        510,        511,
				       512,        513,        1000,
				       4096,       0x3fffffff, -1,
				       -2,         0x7fffffff, 0x80000000,
				       0xffffffff, 1L << 31,   512L << 32 | 512};

	for (size_t i = 0; i < TAP_COUNT(numbers); i++)
		check_eq(raw1(numbers[i], 0), -ENOSYS);
}

static void upper_half_of_a_number_says_nothing(void)
{
	check_eq(raw1(1L << 32 | SYS_getpid, 0), getpid());
	check_eq(raw1(~0xffffffffL | SYS_getpid, 0), getpid());
	check_eq(raw1(LONG_MIN | SYS_getppid, 0), getppid());
}

static const struct test_case cases[] = {
	TEST(first_limits, "system: the limits that the first process has"),
	TEST(limits_are_checked, "system: bad limits are refused, each with its errno"),
	TEST(only_the_privileged_raise_limits, "system: only the privileged raise a hard limit"),
	TEST(limits_of_others, "system: prlimit reaches other processes of the same user"),
	TEST(limits_are_inherited_as_copies,
	     "system: a child has limits of its own, as its parent's"),
	TEST(threads_share_limits, "system: threads share limits"),
	TEST(cpu_limit_warns_and_kills,
	     "system: RLIMIT_CPU warns at the soft limit and kills at the hard one"),
	TEST(names_of_the_system, "system: uname names the system"),
	TEST(host_name_can_be_set, "system: the host name can be set"),
	TEST(random_bytes_differ, "system: getrandom gives bytes that look random"),
	TEST(random_bytes_differ_after_fork,
	     "system: after fork each process gets other random bytes"),
	TEST(random_calls_are_checked, "system: bad calls of getrandom are refused, or cut short"),
	TEST(system_information, "system: sysinfo tells of memory and uptime"),
	TEST(reboot_is_not_done_by_accident,
	     "system: reboot wants its magic numbers and a privilege"),
	TEST(current_processor, "system: getcpu tells the processor"),
	TEST(unknown_numbers_are_enosys, "system: numbers without a system call are ENOSYS"),
	TEST(upper_half_of_a_number_says_nothing,
	     "system: the upper half of a system call's number says nothing"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
