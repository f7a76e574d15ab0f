/*
 * The runner behind tap.h.
 *
 * It relies on as little of the kernel as it can, since it judges the kernel: fork, waitpid without
 * blocking, kill, nanosleep, setpgid and write. A case is watched by polling, so it needs no alarm.
 * Failed checks are counted in a page shared with everything that a case forks; the exit status of
 * the case's first process counts besides, so a kernel whose shared pages are broken cannot turn a
 * failure there into a pass.
 */
#define _GNU_SOURCE
#include "tap.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASE_SECONDS    45
#define CLEANUP_SECONDS 5
#define NANOSECONDS     1000000000LL

static int *failures; /* checks that failed in the case that runs; shared with its processes */

/* One line by one write(2), so that lines of several processes do not mix. */
static void print_line(const char *prefix, const char *format, va_list arguments)
{
	char line[512];
	int length = snprintf(line, sizeof(line) - 1, "%s", prefix);

	length += vsnprintf(line + length, sizeof(line) - 1 - length, format, arguments);
	if (length > (int)sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	for (int done = 0; done < length;) {
		ssize_t n = write(STDOUT_FILENO, line + done, length - done);
		if (n < 0 && errno != EINTR)
			return;
		done += n > 0 ? n : 0;
	}
}

static void print(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void print(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line("", format, arguments);
	va_end(arguments);
}

void tap_note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print_line("# ", format, arguments);
	va_end(arguments);
}

void tap_fail(const char *file, int line, const char *format, ...)
{
	char place[128];
	va_list arguments;

	snprintf(place, sizeof(place), "# %s:%d: ", file, line);
	va_start(arguments, format);
	print_line(place, format, arguments);
	va_end(arguments);
	__atomic_add_fetch(failures, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_exit_group, TAP_FAILED);
	__builtin_unreachable();
}

void tap_check_eq(const char *file, int line, const char *what, long got, long want)
{
	if (got != want)
		tap_fail(file, line, "%s: expected %ld (%#lx), got %ld (%#lx)", what, want, want,
			 got, got);
}

long tap_check_call(const char *file, int line, const char *what, long result)
{
	if (result == -1)
		tap_fail(file, line, "%s: expected success, got %s", what, strerror(errno));
	return result;
}

void tap_check_errno(const char *file, int line, const char *what, long result, int wanted)
{
	int error = errno;

	if (result != -1)
		tap_fail(file, line, "%s: expected %s, got success (%ld)", what, strerror(wanted),
			 result);
	if (error != wanted)
		tap_fail(file, line, "%s: expected %s, got %s", what, strerror(wanted),
			 strerror(error));
}

int tap_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, __WALL) != pid)
		if (errno != EINTR)
			tap_fail(__FILE__, __LINE__, "waitpid: %s", strerror(errno));
	return status;
}

/* "exit with 3" or "death by signal 11", into a buffer of the caller's. */
static const char *describe_status(int status, char *buffer, size_t size)
{
	if (WIFEXITED(status))
		snprintf(buffer, size, "exit with %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		snprintf(buffer, size, "death by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buffer, size, "wait status %#x", status);
	return buffer;
}

void tap_check_exits(const char *file, int line, pid_t pid, int code)
{
	char got[80];
	int status = tap_wait(pid);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		tap_fail(file, line, "child: expected exit with %d, got %s", code,
			 describe_status(status, got, sizeof(got)));
}

void tap_check_killed(const char *file, int line, pid_t pid, int signal)
{
	char got[80];
	int status = tap_wait(pid);

	if (!WIFSIGNALED(status) || WTERMSIG(status) != signal)
		tap_fail(file, line, "child: expected death by signal %d, got %s", signal,
			 describe_status(status, got, sizeof(got)));
}

pid_t tap_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		tap_fail(__FILE__, __LINE__, "fork: %s", strerror(errno));
	return pid;
}

pid_t tap_child(void (*function)(void *), void *argument)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		function(argument);
		_exit(0);
	}
	return pid;
}

void tap_disown(void)
{
	void *own = mmap(failures, sizeof(*failures), PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (own == MAP_FAILED)
		tap_fail(__FILE__, __LINE__, "mmap: %s", strerror(errno));
}

void *tap_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		tap_fail(__FILE__, __LINE__, "mmap of shared memory: %s", strerror(errno));
	return memory;
}

void tap_sleep_ms(long milliseconds)
{
	struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

long long tap_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NANOSECONDS + now.tv_nsec;
}

void tap_await(const volatile int *word, int value)
{
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) < value)
		sched_yield();
}

/*
 * Wait for the case's first process; its status, or -1 if it had to be killed for taking too long.
 */
static int watch(pid_t pid)
{
	long long deadline = tap_now() + CASE_SECONDS * NANOSECONDS;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (tap_now() > deadline) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			return -1;
		}
		tap_sleep_ms(1);
	}
	return status;
}

/*
 * Kill what is left of the case's process group, and wait until whoever inherited it has reaped it.
 */
static void clean_up(pid_t group)
{
	long long deadline = tap_now() + CLEANUP_SECONDS * NANOSECONDS;

	while (kill(-group, SIGKILL) == 0 && tap_now() < deadline)
		tap_sleep_ms(1);
}

static int run_case(const struct test_case *test)
{
	char ending[80];
	int status;
	pid_t pid;

	*failures = 0;
	pid = fork();
	if (pid < 0) {
		tap_note("%s: fork: %s", test->name, strerror(errno));
		return 0;
	}
	if (pid == 0) {
		setpgid(0, 0);
		test->run();
		_exit(0);
	}
	setpgid(pid, pid); /* whichever of the two comes first */
	status = watch(pid);
	clean_up(pid);
	if (status == 0 && *failures == 0)
		return 1;
	if (status == -1)
		tap_note("%s: not finished after %d seconds", test->name, CASE_SECONDS);
	else if (status != TAP_FAILED << 8)
		tap_note("%s: ended by %s", test->name,
			 describe_status(status, ending, sizeof(ending)));
	return 0;
}

/* Is this case among those named on the command line? With no names, all are. */
static int is_chosen(const struct test_case *test, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], test->name) == 0)
			return 1;
	return argc == 1;
}

static const struct test_case *find_case(const char *name, const struct test_case *cases,
					 size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	return NULL;
}

static void list_cases(const struct test_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		print("%s: %s", cases[i].name, cases[i].text);
}

/* Run the chosen cases and print their results; the number of those that failed. */
static int run_chosen(int argc, char **argv, const struct test_case *cases, size_t count)
{
	int number = 0, failed = 0;

	for (size_t i = 0; i < count; i++) {
		if (!is_chosen(&cases[i], argc, argv))
			continue;
		int passed = run_case(&cases[i]);
		print("%s %d - %s", passed ? "ok" : "not ok", ++number, cases[i].text);
		failed += !passed;
	}
	return failed;
}

int tap_main(int argc, char **argv, const struct test_case *cases, size_t count)
{
	int chosen = 0;

	if (argc == 2 && strcmp(argv[1], "-l") == 0) {
		list_cases(cases, count);
		return 0;
	}
	for (int i = 1; i < argc; i++)
		if (!find_case(argv[i], cases, count)) {
			print("Bail out! there is no case named %s", argv[i]);
			return 2;
		}
	for (size_t i = 0; i < count; i++)
		chosen += is_chosen(&cases[i], argc, argv);
	failures = mmap(NULL, sizeof(*failures), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (failures == MAP_FAILED) {
		print("Bail out! no shared memory: %s", strerror(errno));
		return 2;
	}
	print("TAP version 13");
	print("1..%d", chosen);
	return chosen == 0 || run_chosen(argc, argv, cases, count) != 0;
}
