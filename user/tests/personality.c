/* personality: addresses that are not drawn, reading that implies executing, names of the system. */
#include "helpers.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/utsname.h>

/* Prints where things are. */
static int print_addresses(void)
{
	static char data;
	char text[256];
	int n = snprintf(text, sizeof(text), "%p %p %p %p", &n, &data,
			 mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), sbrk(0));

	return write(1, text, n) != n;
}

static int helper(int argc, char **argv)
{
	if (!strcmp(argv[0], "personality"))
		return syscall(SYS_personality, 0xffffffff) & 0xff;
	if (!strcmp(argv[0], "read-implies-exec"))
		return !!(syscall(SYS_personality, 0xffffffff) & READ_IMPLIES_EXEC);
	return print_addresses();
}

/* What the helper prints under this personality. */
static void addresses(unsigned long personality, char text[256])
{
	int ends[2];
	pid_t pid;
	ssize_t n;

	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		check_call(syscall(SYS_personality, personality));
		dup2(ends[1], 1);
		raw_exec_helper("addresses", NULL, NULL);
		_exit(126);
	}
	close(ends[1]);
	check_exits(pid, 0);
	n = read(ends[0], text, 255);
	check(n > 0);
	text[n] = 0;
	close(ends[0]);
}

static void without_randomness(void)
{
	char a[256], b[256];

	addresses(ADDR_NO_RANDOMIZE, a);
	addresses(ADDR_NO_RANDOMIZE, b);
	check(!strcmp(a, b));
}

static void with_randomness(void)
{
	char a[256], b[256];

	addresses(0, a);
	addresses(0, b);
	check(strcmp(a, b));
}

static int write_setting(const char *value)
{
	int fd = open("/proc/sys/kernel/randomize_va_space", O_WRONLY);
	int ok = fd >= 0 && write(fd, value, strlen(value)) > 0;

	close(fd);
	return ok;
}

static void randomness_can_be_switched_off(void)
{
	char a[256], b[256];

	check(write_setting("0"));
	addresses(0, a);
	addresses(0, b);
	check(write_setting("2"));
	check(!strcmp(a, b));
}

static void number_is_kept(void)
{
	char text[16];
	pid_t pid;

	check_eq(syscall(SYS_personality, 0xffffffff), 0);
	check_eq(syscall(SYS_personality, 0x1234), 0);
	check_eq(syscall(SYS_personality, 0xffffffff), 0x1234);
	check_eq(read(open("/proc/self/personality", O_RDONLY), text, sizeof(text)), 9);
	check(!memcmp(text, "00001234\n", 9));
	check_eq(syscall(SYS_personality, 0xfffffffffffffffful), 0x1234);
	pid = tap_fork();
	if (pid == 0)
		_exit(syscall(SYS_personality, 0xffffffff) == 0x1234 ? 0 : 1);
	check_exits(pid, 0);
	check_exits(spawn_helper("personality", NULL, NULL), 0x34);
}

static int executable(const void *address)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start, end, at = (unsigned long)address;
	char rights[8];
	int result = -1;

	check(maps != NULL);
	while (result < 0 && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3 && start <= at &&
		    at < end)
			result = rights[2] == 'x';
	fclose(maps);
	return result;
}

static void reading_implies_executing(void)
{
	char *memory;

	check_call(syscall(SYS_personality, READ_IMPLIES_EXEC));
	memory = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check_eq(executable(memory), 1);
	check_call(mprotect(memory, 4096, PROT_NONE));
	check_eq(executable(memory), 0);
	check_call(mprotect(memory, 4096, PROT_READ | PROT_WRITE));
	check_eq(executable(memory), 1);
	memory = mmap(NULL, 4096, PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check_eq(executable(memory), 0);
	check_exits(spawn_helper("read-implies-exec", NULL, NULL), 0);
}

static void names_change(void)
{
	struct utsname name;

	check_call(syscall(SYS_personality, PER_LINUX32));
	check_call(uname(&name));
	check(!strcmp(name.machine, "i686"));
	check_call(syscall(SYS_personality, 0x0020000)); /* UNAME26 */
	check_call(uname(&name));
	check(!strncmp(name.release, "2.6.61-", 7));
	check(!strcmp(name.machine, "x86_64"));
}

static void no_execution_from_some_mounts(void)
{
	char *memory;
	int fd;

	check_call(mkdir("/tmp/noexec", 0700));
	check_call(mount("none", "/tmp/noexec", "tmpfs", MS_NOEXEC, NULL));
	fd = check_call(open("/tmp/noexec/file", O_RDWR | O_CREAT, 0700));
	check_call(ftruncate(fd, 4096));
	memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	check(memory == MAP_FAILED && errno == EPERM);
	memory = mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE, fd, 0);
	check(memory == MAP_FAILED && errno == EPERM);
	check_call(syscall(SYS_personality, READ_IMPLIES_EXEC));
	memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	check(memory != MAP_FAILED);
	check_eq(executable(memory), 0);
	check_errno(mprotect(memory, 4096, PROT_READ | PROT_EXEC), EACCES);
	check_call(mprotect(memory, 4096, PROT_READ | PROT_WRITE));
	check_call(munmap(memory, 4096));
	check_call(close(fd));
	check_call(umount("/tmp/noexec"));
	check_call(rmdir("/tmp/noexec"));
}

static const struct test_case cases[] = {
	TEST(without_randomness, "ADDR_NO_RANDOMIZE: every exec has the same addresses"),
	TEST(with_randomness, "without it they differ"),
	TEST(randomness_can_be_switched_off, "randomize_va_space 0 is ADDR_NO_RANDOMIZE for all"),
	TEST(number_is_kept, "the number is kept over fork and exec, whatever it says"),
	TEST(reading_implies_executing, "READ_IMPLIES_EXEC until exec"),
	TEST(names_change, "PER_LINUX32 and UNAME26 change what uname says"),
	TEST(no_execution_from_some_mounts, "a file on a noexec mount cannot be mapped to execute"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
