/*
 * The kernel as the writer: a system call that stores its answer into a page shared since fork
 * writes to the caller's copy. Each case is run twice, with the child and with the parent as the
 * caller, and looks at both sides.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define UNTOUCHED   0x5a
#define PLACE       128  /* where in the page the answer goes */
#define ROOM        2048 /* and how much of it the answer may fill */
#define FRAME_PAGES 16

/* A system call that stores something other than UNTOUCHED at `place`, whose page is shared. */
typedef void writer(char *place);

static void check_caller(writer *write_there, char *page)
{
	write_there(page + PLACE);
	check(!holds(page + PLACE, ROOM, UNTOUCHED));
	check(holds(page, PLACE, UNTOUCHED));
	check(holds(page + PLACE + ROOM, PAGE - PLACE - ROOM, UNTOUCHED));
}

static void only_caller_sees(writer *write_there)
{
	for (int caller_is_child = 0; caller_is_child < 2; caller_is_child++) {
		char *page = map_private(PAGE);
		int *written = tap_shared(sizeof(*written));
		pid_t pid;

		memset(page, UNTOUCHED, PAGE);
		pid = tap_fork();
		if ((pid == 0) == caller_is_child) {
			check_caller(write_there, page);
			*written = 1;
		} else {
			tap_await(written, 1);
			check(holds(page, PAGE, UNTOUCHED));
		}
		if (pid == 0)
			_exit(0);
		check_exits(pid, 0);
	}
}

static int filled_pipe(size_t bytes)
{
	char block[512];
	int ends[2];

	memset(block, 'p', sizeof(block));
	check_call(pipe(ends));
	check_eq(write(ends[1], block, bytes), bytes);
	return ends[0];
}

static void read_file(char *place)
{
	check_eq(read(make_file(500, 'f'), place, 500), 500);
}
static void read_pipe(char *place)
{
	check_eq(read(filled_pipe(500), place, 500), 500);
}
static void pread_file(char *place)
{
	check_eq(pread(make_file(500, 'f'), place, 300, 100), 300);
}

static void read_zeros(char *place)
{
	check_eq(read(check_call(open("/dev/zero", O_RDONLY)), place, ROOM), ROOM);
	check(holds(place, ROOM, 0));
}

static void readv_file(char *place)
{
	struct iovec parts[] = {{place, 10}, {place + 20, 10}};

	check_eq(readv(make_file(500, 'f'), parts, 2), 20);
	check_eq(place[15], UNTOUCHED);
	check_eq(place[29], 'f');
}

static void read_random(char *place)
{
	check_eq(raw3(SYS_getrandom, place, 256, 0), 256);
}

static void store_status_of_file(char *place)
{
	check_call(chdir("/"));
	check_eq(raw4(SYS_newfstatat, AT_FDCWD, "/tmp", place, 0), 0);
	check_eq(raw2(SYS_fstat, make_file(5, 'f'), place), 0);
	check_eq(((struct stat *)place)->st_size, 5);
}

static void store_directory(char *place)
{
	check(raw2(SYS_getcwd, place, 64) > 0);
	check(raw3(SYS_getdents64, check_call(open("/", O_RDONLY | O_DIRECTORY)), place + 64,
		   1024) > 0);
}

static void store_link(char *place)
{
	char name[32];

	snprintf(name, sizeof(name), "/tmp/tine-link-%d", (int)getpid());
	check_call(symlink("where it points", name));
	check_eq(readlink(name, place, 100), 15);
	check_call(unlink(name));
}

static void store_descriptors(char *place)
{
	check_eq(raw1(SYS_pipe, place), 0);
	check_eq(raw2(SYS_pipe2, place + 8, O_CLOEXEC), 0);
}

static pid_t child_that_exits(void)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(7);
	return pid;
}

static void store_wait_status(char *place)
{
	pid_t pid = child_that_exits();

	check_eq(raw4(SYS_wait4, pid, place, 0, NULL), pid);
	check_eq(*(int *)place, 7 << 8);
}

static void store_wait_information(char *place)
{
	check_eq(raw5(SYS_waitid, P_PID, child_that_exits(), place, WEXITED, place + 256), 0);
	check_eq(((siginfo_t *)place)->si_status, 7);
}

static void store_time(char *place)
{
	check_eq(raw2(SYS_clock_gettime, CLOCK_MONOTONIC, place), 0);
	check_eq(raw2(SYS_gettimeofday, place + 32, NULL), 0);
}

static void store_system_information(char *place)
{
	check_eq(raw1(SYS_uname, place), 0);
	check(strcmp(place, "Linux") == 0);
	check_eq(raw1(SYS_sysinfo, place + 512), 0);
}

static void store_limits(char *place)
{
	check_eq(raw2(SYS_getrlimit, RLIMIT_NOFILE, place), 0);
	check_eq(raw4(SYS_prlimit64, 0, RLIMIT_STACK, NULL, place + 64), 0);
}

static void store_identity(char *place)
{
	check_eq(raw3(SYS_getresuid, place, place + 4, place + 8), 0);
	check_eq(raw3(SYS_getresgid, place + 12, place + 16, place + 20), 0);
	check_eq(raw2(SYS_prctl, PR_GET_NAME, place + 32), 0);
}

static void store_processors(char *place)
{
	check(raw3(SYS_sched_getaffinity, 0, 128, place) > 0);
	check_eq(raw3(SYS_getcpu, place + 256, place + 260, NULL), 0);
}

static void store_thread_register(char *place)
{
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_FS, place), 0);
	check_eq(*(long *)place, (long)__builtin_thread_pointer());
}

static void store_signal_state(char *place)
{
	check_eq(raw4(SYS_rt_sigaction, SIGUSR1, NULL, place, 8), 0);
	check_eq(raw4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, place + 64, 8), 0);
	check_eq(raw2(SYS_rt_sigpending, place + 72, 8), 0);
	check_eq(raw2(SYS_sigaltstack, NULL, place + 80), 0);
}

static void note_signal(int signal)
{
	(void)signal;
}

/* The frame goes to the stack that the handler runs on. */
static void take_signal_on(char *stack_bottom)
{
	stack_t stack = {.ss_sp = stack_bottom, .ss_size = FRAME_PAGES * PAGE};
	struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_ONSTACK};

	check_call(sigaltstack(&stack, NULL));
	check_call(sigaction(SIGUSR1, &action, NULL));
	check_call(raise(SIGUSR1));
}

static void signal_frame_is_the_callers(void)
{
	for (int caller_is_child = 0; caller_is_child < 2; caller_is_child++) {
		char *pages = map_private(FRAME_PAGES * PAGE);
		int *written = tap_shared(sizeof(*written));
		pid_t pid;

		memset(pages, UNTOUCHED, FRAME_PAGES * PAGE);
		pid = tap_fork();
		if ((pid == 0) == caller_is_child) {
			take_signal_on(pages);
			check(!holds(pages, FRAME_PAGES * PAGE, UNTOUCHED));
			*written = 1;
		} else {
			tap_await(written, 1);
			check(holds(pages, FRAME_PAGES * PAGE, UNTOUCHED));
		}
		if (pid == 0)
			_exit(0);
		check_exits(pid, 0);
	}
}

/* One system call, many shared pages, beginning and ending in the midst of one. */
static void read_across_many_pages(void)
{
	size_t size = 8 * PAGE, start = PAGE - 100, length = 5 * PAGE + 200;
	char *memory = map_private(size);
	int fd = make_file(length, 'f');
	pid_t pid;

	memset(memory, UNTOUCHED, size);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(read(fd, memory + start, length), length);
		check(holds(memory, start, UNTOUCHED));
		check(holds(memory + start, length, 'f'));
		check(holds(memory + start + length, size - start - length, UNTOUCHED));
		_exit(0);
	}
	check_exits(pid, 0);
	check(holds(memory, size, UNTOUCHED));
}

/* The page that a write(2) takes its bytes from is the caller's copy as well. */
static void written_bytes_are_the_callers(void)
{
	char *memory = map_private(2 * PAGE), seen[20];
	int ends[2];
	pid_t pid;

	check_call(pipe(ends));
	memset(memory, 'p', 2 * PAGE);
	pid = tap_fork();
	if (pid == 0) {
		memset(memory, 'c', 2 * PAGE);
		check_eq(write(ends[1], memory + PAGE - 5, 10), 10);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(write(ends[1], memory + PAGE - 5, 10), 10);
	check_eq(read(ends[0], seen, 20), 20);
	check(holds(seen, 10, 'c') && holds(seen + 10, 10, 'p'));
}

/*
 * poll reads what it is asked in the place where it answers, so this page is prepared before fork.
 */
static void poll_answers_the_caller(void)
{
	struct pollfd *asked = (struct pollfd *)map_private(PAGE);
	pid_t pid;

	*asked = (struct pollfd){.fd = filled_pipe(1), .events = POLLIN};
	pid = tap_fork();
	if (pid == 0) {
		check_eq(raw3(SYS_poll, asked, 1, 0), 1);
		check_eq(asked->revents, POLLIN);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(asked->revents, 0);
}

/* The tid that CLONE_CHILD_SETTID asks for is stored in the child's memory alone. */
static void tid_is_stored_for_the_child_alone(void)
{
	int *word = (int *)map_private(PAGE);
	pid_t pid;

	*word = 77;
	pid = raw_clone(CLONE_CHILD_SETTID | SIGCHLD, NULL, NULL, word, 0);
	if (pid == 0) {
		check_eq(*word, raw_gettid());
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(*word, 77);
}

/* And CLONE_PARENT_SETTID's in the parent's. */
static void tid_is_stored_for_the_parent_alone(void)
{
	int *word = (int *)map_private(PAGE);
	pid_t pid;

	*word = 77;
	pid = raw_clone(CLONE_PARENT_SETTID | SIGCHLD, NULL, word, NULL, 0);
	if (pid == 0) {
		tap_sleep_ms(10);
		check_eq(*word, 77);
		_exit(0);
	}
	check_eq(*word, pid);
	check_exits(pid, 0);
	check_eq(*word, pid);
}

static void read_from_a_file(void)
{
	only_caller_sees(read_file);
}
static void read_from_a_pipe(void)
{
	only_caller_sees(read_pipe);
}
static void pread_from_a_file(void)
{
	only_caller_sees(pread_file);
}
static void read_from_dev_zero(void)
{
	only_caller_sees(read_zeros);
}
static void readv_from_a_file(void)
{
	only_caller_sees(readv_file);
}
static void getrandom_bytes(void)
{
	only_caller_sees(read_random);
}
static void file_status(void)
{
	only_caller_sees(store_status_of_file);
}
static void directory_names(void)
{
	only_caller_sees(store_directory);
}
static void link_target(void)
{
	only_caller_sees(store_link);
}
static void pipe_descriptors(void)
{
	only_caller_sees(store_descriptors);
}
static void wait_status(void)
{
	only_caller_sees(store_wait_status);
}
static void wait_information(void)
{
	only_caller_sees(store_wait_information);
}
static void times(void)
{
	only_caller_sees(store_time);
}
static void system_information(void)
{
	only_caller_sees(store_system_information);
}
static void resource_limits(void)
{
	only_caller_sees(store_limits);
}
static void identity(void)
{
	only_caller_sees(store_identity);
}
static void processors(void)
{
	only_caller_sees(store_processors);
}
static void thread_register(void)
{
	only_caller_sees(store_thread_register);
}
static void signal_state(void)
{
	only_caller_sees(store_signal_state);
}

static const struct test_case cases[] = {
	TEST(read_from_a_file,
	     "read(2) from a file into a shared page writes to the caller's copy"),
	TEST(read_from_a_pipe,
	     "read(2) from a pipe into a shared page writes to the caller's copy"),
	TEST(pread_from_a_file, "pread64(2) into a shared page writes to the caller's copy"),
	TEST(read_from_dev_zero,
	     "read(2) from /dev/zero into a shared page writes to the caller's copy"),
	TEST(readv_from_a_file, "readv(2) into a shared page writes to the caller's copy"),
	TEST(getrandom_bytes, "getrandom(2) into a shared page writes to the caller's copy"),
	TEST(file_status,
	     "fstat(2) and newfstatat(2) into a shared page write to the caller's copy"),
	TEST(directory_names,
	     "getcwd(2) and getdents64(2) into a shared page write to the caller's copy"),
	TEST(link_target, "readlink(2) into a shared page writes to the caller's copy"),
	TEST(pipe_descriptors,
	     "pipe(2) and pipe2(2) into a shared page write to the caller's copy"),
	TEST(read_across_many_pages,
	     "read(2) across six shared pages writes to the caller's copies"),
	TEST(written_bytes_are_the_callers, "write(2) takes the bytes of the caller's copy"),
	TEST(poll_answers_the_caller, "poll(2) into a shared page writes to the caller's copy"),
	TEST(wait_status, "wait4(2) into a shared page writes to the caller's copy"),
	TEST(wait_information, "waitid(2) into a shared page writes to the caller's copy"),
	TEST(times,
	     "clock_gettime(2) and gettimeofday(2) into a shared page write to the caller's copy"),
	TEST(system_information,
	     "uname(2) and sysinfo(2) into a shared page write to the caller's copy"),
	TEST(resource_limits,
	     "getrlimit(2) and prlimit64(2) into a shared page write to the caller's copy"),
	TEST(identity,
	     "getresuid(2), getresgid(2) and prctl(2) into a shared page write to the caller's copy"),
	TEST(processors,
	     "sched_getaffinity(2) and getcpu(2) into a shared page write to the caller's copy"),
	TEST(thread_register, "arch_prctl(2) into a shared page writes to the caller's copy"),
	TEST(signal_state,
	     "rt_sigaction(2) and its like into a shared page write to the caller's copy"),
	TEST(signal_frame_is_the_callers,
	     "a signal frame on a shared stack is written to the caller's copy"),
	TEST(tid_is_stored_for_the_child_alone,
	     "CLONE_CHILD_SETTID stores into the child's copy alone"),
	TEST(tid_is_stored_for_the_parent_alone,
	     "CLONE_PARENT_SETTID stores into the parent's copy alone"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
