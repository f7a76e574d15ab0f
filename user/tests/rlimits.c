/*
 * Resource limits where they bind: what each one refuses, with which errno or signal, and that it
 * refuses nothing below the limit.
 */
#include "helpers.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#define MIB (1ul << 20)

static void set_limit(int resource, unsigned long soft, unsigned long hard)
{
	struct rlimit limit = {soft, hard};

	check_call(setrlimit(resource, &limit));
}

static void *map(size_t size, int prot, int flags)
{
	return mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

/* ---- files ---- */

static int small_file(unsigned long limit)
{
	int fd = check_call(open("/tmp/limited", O_RDWR | O_CREAT | O_TRUNC, 0600));

	check_call(unlink("/tmp/limited"));
	set_limit(RLIMIT_FSIZE, limit, limit);
	return fd;
}

static void files_end_at_the_limit(void)
{
	int fd = small_file(10);

	set_handler(SIGXFSZ, count_signal, 0);
	check_eq(write(fd, "0123456789abcdef", 16), 10);
	check_eq(caught[SIGXFSZ], 0);
	check_errno(write(fd, "x", 1), EFBIG);
	check_eq(caught[SIGXFSZ], 1);
	check_errno(pwrite(fd, "x", 1, 50), EFBIG);
	check_eq(caught[SIGXFSZ], 2);
	check_errno(ftruncate(fd, 11), EFBIG);
	check_eq(caught[SIGXFSZ], 3);
	check_call(ftruncate(fd, 10));
	check_call(pwrite(fd, "x", 1, 9));
	signal(SIGXFSZ, SIG_IGN);
	check_errno(write(fd, "x", 1), EFBIG);
}

static void write_beyond(void *argument)
{
	int fd = small_file(0);

	raw3(SYS_write, fd, "x", 1);
}

static void default_is_death(void)
{
	check_dies(write_beyond, NULL, SIGXFSZ);
}

static void pipes_have_no_size(void)
{
	int ends[2];

	set_limit(RLIMIT_FSIZE, 0, 0);
	make_pipe(ends);
	check_eq(write(ends[1], "xyz", 3), 3);
}

static void descriptors(void)
{
	int ends[2], fd;

	set_limit(RLIMIT_NOFILE, 10, 20);
	while ((fd = open("/dev/null", O_RDONLY)) >= 0)
		check(fd < 10);
	check_eq(errno, EMFILE);
	check_errno(dup(0), EMFILE);
	check_errno(pipe(ends), EMFILE);
	check_eq(raw3(SYS_dup3, 0, 10, 0), -EBADF);
	check_errno(fcntl(0, F_DUPFD, 10), EINVAL);
	check_errno(fcntl(0, F_DUPFD, 5), EMFILE);
	set_limit(RLIMIT_NOFILE, 11, 20);
	check_eq(dup(0), 10);
	/* What is open above a lowered limit stays. */
	set_limit(RLIMIT_NOFILE, 3, 20);
	check_call(fcntl(10, F_GETFD));
	check_call(close(10));
}

/* ---- memory ---- */

static void address_space(void)
{
	void *before;

	set_limit(RLIMIT_AS, 64 * MIB, 64 * MIB);
	check(map(128 * MIB, PROT_NONE, 0) == MAP_FAILED);
	check_eq(errno, ENOMEM);
	before = map(16 * MIB, PROT_NONE, 0);
	check(before != MAP_FAILED);
	check(mremap(before, 16 * MIB, 128 * MIB, MREMAP_MAYMOVE) == MAP_FAILED);
	check_eq(errno, ENOMEM);
	check_call(munmap(before, 16 * MIB));
}

static void data(void)
{
	char *end = (char *)raw1(SYS_brk, 0), *none;

	set_limit(RLIMIT_DATA, 8 * MIB, 8 * MIB);
	check(map(16 * MIB, PROT_READ | PROT_WRITE, 0) == MAP_FAILED);
	check_eq(errno, ENOMEM);
	check((char *)raw1(SYS_brk, end + 16 * MIB) == end);
	/* What cannot be written is no data, until it can. */
	none = map(16 * MIB, PROT_NONE, 0);
	check(none != MAP_FAILED);
	check_errno(mprotect(none, 16 * MIB, PROT_READ | PROT_WRITE), ENOMEM);
	check_call(mprotect(none, 1 * MIB, PROT_READ | PROT_WRITE));
}

static int deep(int pages)
{
	volatile char here[4096];

	here[0] = 1;
	return pages ? deep(pages - 1) + here[0] : 0;
}

static void use_stack(void *argument)
{
	set_limit(RLIMIT_STACK, 256 * 1024, 256 * 1024);
	deep((int)(long)argument);
}

static void stack(void)
{
	check_child(use_stack, (void *)16);
	check_dies(use_stack, (void *)200, SIGSEGV);
}

static void lock_memory(void *argument)
{
	check_call(setuid(1000));
	check(map(32 * 1024, PROT_READ | PROT_WRITE, MAP_LOCKED) != MAP_FAILED);
	check(map(64 * 1024, PROT_READ | PROT_WRITE, MAP_LOCKED) == MAP_FAILED);
	check_eq(errno, EAGAIN);
}

static void locked_memory(void)
{
	set_limit(RLIMIT_MEMLOCK, 64 * 1024, 64 * 1024);
	/* Root has CAP_IPC_LOCK. */
	check(map(128 * 1024, PROT_READ | PROT_WRITE, MAP_LOCKED) != MAP_FAILED);
	check_child(lock_memory, NULL);
}

/* ---- processes and signals ---- */

static void processes(void)
{
	pid_t pid;

	check_call(setuid(6543));
	set_limit(RLIMIT_NPROC, 2, 2);
	pid = tap_fork();
	if (pid == 0) {
		long second = raw0(SYS_fork);

		_exit(second == -EAGAIN ? 0 : 1);
	}
	check_exits(pid, 0);
	set_limit(RLIMIT_NPROC, 1, 1);
	check_errno(fork(), EAGAIN);
}

static siginfo_t last_info;
static volatile int came;

static void note_info(int number, siginfo_t *info, void *context)
{
	last_info = *info;
	add(&came, 1);
}

static void processor_time(void)
{
	struct rlimit limit;

	set_info_handler(SIGXCPU, note_info, 0);
	set_limit(RLIMIT_CPU, 1, 100);
	while (!get(&came))
		;
	check_eq(last_info.si_code, SI_KERNEL);
	check_eq(last_info.si_pid, 0);
	check_call(getrlimit(RLIMIT_CPU, &limit));
	check_eq(limit.rlim_cur, 2);
}

static void spin_in_realtime(void *argument)
{
	int priority = 1;
	long hard = (long)argument;

	set_limit(RLIMIT_RTTIME, 200000, hard);
	set_info_handler(SIGXCPU, note_info, 0);
	check_eq(raw3(SYS_sched_setscheduler, 0, SCHED_FIFO, &priority), 0);
	while (!get(&came))
		;
	check_eq(last_info.si_code, SI_KERNEL);
	while (hard < 2000000)
		;
}

static void realtime_without_sleep(void)
{
	check_child(spin_in_realtime, (void *)2000000L);
	check_dies(spin_in_realtime, (void *)400000L, SIGKILL);
}

static void sleep_in_realtime(void *argument)
{
	int priority = 1;
	long long end;

	set_limit(RLIMIT_RTTIME, 400000, 400000);
	check_eq(raw3(SYS_sched_setscheduler, 0, SCHED_FIFO, &priority), 0);
	for (int i = 0; i < 8; i++) {
		for (end = tap_now() + 100000000; tap_now() < end;)
			;
		tap_sleep_ms(1);
	}
}

static void realtime_that_sleeps(void)
{
	check_child(sleep_in_realtime, NULL);
}

/* ---- the calls themselves ---- */

static void every_limit_can_be_set(void)
{
	struct rlimit limit, back;

	for (int i = 0; i < 16; i++) {
		check_eq(raw4(SYS_prlimit64, 0, i, NULL, &limit), 0);
		limit.rlim_cur = limit.rlim_max;
		check_eq(raw4(SYS_prlimit64, 0, i, &limit, NULL), 0);
		check_eq(raw2(SYS_getrlimit, i, &back), 0);
		check(back.rlim_cur == limit.rlim_cur && back.rlim_max == limit.rlim_max);
	}
	check_eq(raw4(SYS_prlimit64, 0, 16, NULL, &limit), -EINVAL);
	check_eq(raw4(SYS_prlimit64, 0, -1, NULL, NULL), -EINVAL);
	check_eq(raw4(SYS_prlimit64, NO_SUCH_PID, 0, NULL, NULL), -ESRCH);
	check_eq(raw4(SYS_prlimit64, 0, 0, UNMAPPED_ADDRESS, NULL), -EFAULT);
	check_eq(raw4(SYS_prlimit64, 0, 0, NULL, UNMAPPED_ADDRESS), -EFAULT);
	limit = (struct rlimit){2, 1};
	check_eq(raw4(SYS_prlimit64, 0, 0, &limit, NULL), -EINVAL);
}

static const struct test_case cases[] = {
	TEST(every_limit_can_be_set, "rlimits: every limit can be read and set, and no other"),
	TEST(files_end_at_the_limit, "rlimits: RLIMIT_FSIZE cuts a write short, then SIGXFSZ"),
	TEST(default_is_death, "rlimits: SIGXFSZ kills by default"),
	TEST(pipes_have_no_size, "rlimits: RLIMIT_FSIZE is about files only"),
	TEST(descriptors, "rlimits: RLIMIT_NOFILE: EMFILE, EBADF, EINVAL, and what is open stays"),
	TEST(address_space, "rlimits: RLIMIT_AS refuses mmap and mremap"),
	TEST(data, "rlimits: RLIMIT_DATA refuses mmap, brk and mprotect"),
	TEST(stack, "rlimits: RLIMIT_STACK stops the stack's growth"),
	TEST(locked_memory, "rlimits: RLIMIT_MEMLOCK binds the unprivileged"),
	TEST(processes, "rlimits: RLIMIT_NPROC refuses fork"),
	TEST(processor_time, "rlimits: RLIMIT_CPU sends SIGXCPU, and again a second later"),
	TEST(realtime_without_sleep, "rlimits: RLIMIT_RTTIME warns and kills real-time tasks"),
	TEST(realtime_that_sleeps, "rlimits: RLIMIT_RTTIME begins anew with every sleep"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
