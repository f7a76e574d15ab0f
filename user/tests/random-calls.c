/*
 * Random system calls by an unprivileged user: whatever numbers, pointers and descriptors they are
 * given, only the caller may come to harm. What they leave behind shows in the counters after the
 * suite, a kernel that falls over in the boot that ends early.
 */
#include "linux.h"
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGE = 4096,
	USER = 4242,
	NUMBERS = 460,
	CALLS = 1000,
	CALLERS = 100,
	AT_ONCE = 8,
	PATIENCE_MS = 2000
};

/* Calls that would only end the caller, or make it wait for nothing. */
static const int skipped[] = {
	SYS_exit,         SYS_exit_group, SYS_pause,  SYS_rt_sigsuspend, SYS_rt_sigtimedwait,
	SYS_rt_sigreturn, SYS_vhangup,    SYS_reboot,
};

static const char *const paths[] = {
	".",
	"a",
	"b",
	"c/d",
	"c",
	"/proc/self/maps",
	"/dev/null",
	"/proc/self/stat",
	"/dev/zero",
	"/proc/self/fd",
	"/proc/self/mem",
	"",
	"/",
	"/tmp",
	"/proc/1/maps",
	"/dev/tty",
	"/proc/self/root/a",
	"../",
};

#define FAR_AWAY 0x200000000000ul

static char directory[32];
static unsigned char *buffer; /* three pages, then one that is not mapped */
static unsigned long long state;

static unsigned long long random_number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static unsigned long one_of(const unsigned long *values, int n)
{
	return values[random_number() % n];
}

static unsigned long random_pointer(void)
{
	static const unsigned long bad[] = {
		0,
		1,
		PAGE,
		0xffff888000000000,
		0xffffffff80100000,
		0x7ffffffff000,
		0x800000000000,
		-1ul,
		-PAGE,
		0xffffffffff600000,
	};
	unsigned long offset = random_number() % 64;

	switch (random_number() % 6) {
	case 0:
		return one_of(bad, TAP_COUNT(bad));
	case 1:
		return (unsigned long)buffer + 3 * PAGE - offset;
	case 2:
		return (unsigned long)paths[random_number() % TAP_COUNT(paths)];
	default:
		return (unsigned long)buffer + offset * 8;
	}
}

static unsigned long random_argument(void)
{
	static const unsigned long numbers[] = {
		0,         1,         2,         3,          4,         7,          8,
		16,        24,        64,        88,         128,       511,        512,
		PAGE,      PAGE + 1,  65536,     0x7fffffff, 1ul << 31, 0xffffffff, 1ul << 32,
		1ul << 47, 1ul << 62, 1ul << 63, -1ul,       -2ul,      -100ul,     -4096ul,
	};

	switch (random_number() % 8) {
	case 0:
		return random_number();
	case 1:
		return 1ul << random_number() % 64;
	case 2:
		return random_number() % 12;
	case 3:
	case 4:
		return one_of(numbers, TAP_COUNT(numbers));
	default:
		return random_pointer();
	}
}

/* Words that may be lengths, descriptors, pointers or flags to whoever reads them. */
static void fill_buffer(void)
{
	for (int i = 0; i < 96; i++)
		((unsigned long *)buffer)[i] = random_argument();
	for (int i = 1; i <= 16; i++)
		((unsigned long *)(buffer + 3 * PAGE))[-i] = random_argument();
}

static int random_call(void)
{
	for (;;) {
		int number = random_number() % NUMBERS;
		unsigned int i = 0;

		while (i < TAP_COUNT(skipped) && skipped[i] != number)
			i++;
		if (i == TAP_COUNT(skipped))
			return number;
	}
}

static void limit(int resource, unsigned long value)
{
	const struct rlimit limit = {value, value};

	check_call(setrlimit(resource, &limit));
}

static void become_user(void)
{
	check_call(setgid(USER));
	check_call(setuid(USER));
}

static void become_caller(int null)
{
	limit(RLIMIT_NPROC, 12);
	limit(RLIMIT_AS, 256 << 20);
	limit(RLIMIT_FSIZE, 1 << 20);
	limit(RLIMIT_NOFILE, 64);
	limit(RLIMIT_MEMLOCK, 64 << 10);
	limit(RLIMIT_CORE, 0);
	become_user();
	for (int fd = 0; fd < 3; fd++)
		check_call(dup2(null, fd));
	/* A child on its parent's stack, by vfork or CLONE_VM, leads both of them anywhere. */
	tap_disown();
}

static void call_at_random(unsigned int seed)
{
	state = seed * 0x9e3779b97f4a7c15ull + 88172645463325252ull;
	for (int i = 0; i < CALLS; i++) {
		int number = random_call();

		fill_buffer();
		syscall(number, random_argument(), random_argument(), random_argument(),
			random_argument(), random_argument(), random_argument());
	}
}

static void kill_all_of_user(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		signal(SIGKILL, SIG_DFL);
		become_user();
		kill(-1, SIGKILL);
		_exit(0);
	}
	tap_wait(pid);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* Callers find their way to other directories that anybody may write to. */
static int remove_theirs(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	if (st->st_uid == USER)
		check_call(remove(path));
	return 0;
}

static void remove_their_sets(void)
{
	struct seminfo info;
	struct semid_ds ds;
	int highest = check_call(semctl(0, 0, SEM_INFO, &info));

	for (int i = 0; i <= highest; i++) {
		int id = semctl(i, 0, SEM_STAT, &ds);

		if (id >= 0 && ds.sem_perm.cuid == USER)
			check_call(semctl(id, 0, IPC_RMID));
	}
}

static void make_room(void)
{
	/* Far from what is shared with the case: calls may write beyond the buffer. */
	buffer = mmap((void *)FAR_AWAY, 4 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check(buffer == (void *)FAR_AWAY);
	check_call(munmap(buffer + 3 * PAGE, PAGE));
	snprintf(directory, sizeof(directory), "/tmp/random-%d", getpid());
	check_call(mkdir(directory, 0777));
	check_call(chmod(directory, 0777));
	check_call(chdir(directory));
	check_call(mkdir("c", 0777));
	check_call(chown("c", USER, USER));
}

static void clear_room(void)
{
	check_call(chdir("/"));
	check_call(chown(directory, USER, USER));
	check_call(nftw("/tmp", remove_theirs, 16, FTW_DEPTH | FTW_PHYS));
	check_call(nftw("/dev/shm", remove_theirs, 16, FTW_DEPTH | FTW_PHYS));
	remove_their_sets();
}

static void start_caller(unsigned int seed, int null)
{
	if (tap_fork() != 0)
		return;
	become_caller(null);
	call_at_random(seed);
	_exit(0);
}

/*
 * Callers run side by side. Most die early of what they do to themselves, others wait for what
 * never comes: so each gets a successor, until there have been enough or they are slow.
 */
static void run_callers(unsigned int seed)
{
	int null = check_call(open("/dev/null", O_RDWR)), started = 0, alive = 0;

	for (int waited = 0; waited < PATIENCE_MS && started < CALLERS; waited += 5) {
		while (alive && waitpid(-1, NULL, WNOHANG) > 0)
			alive--;
		for (; alive < AT_ONCE && started < CALLERS; alive++, started++)
			start_caller(seed + started, null);
		tap_sleep_ms(5);
	}
	kill_all_of_user();
	close(null);
}

static void rounds(unsigned int first)
{
	make_room();
	for (unsigned int i = 0; i < 2; i++)
		run_callers(first + i * CALLERS);
	clear_room();
}

static void first_seeds(void)
{
	rounds(1);
}

static void second_seeds(void)
{
	rounds(1001);
}

static void third_seeds(void)
{
	rounds(2001);
}

static const struct test_case cases[] = {
	TEST(first_seeds, "random calls of an unprivileged user harm nobody else"),
	TEST(second_seeds, "random calls of an unprivileged user, other seeds"),
	TEST(third_seeds, "random calls of an unprivileged user, yet others"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
