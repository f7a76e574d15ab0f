/*
 * The stack: it grows by being touched, as far as its limit and never into another mapping, for the
 * process that touches it alone; what lies beyond is SIGSEGV.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define MIB (1UL << 20)

/* An address so far below this function's frame. */
static __attribute__((noinline)) char *below(size_t distance)
{
	return (char *)((unsigned long)__builtin_frame_address(0) - distance);
}

static void limit_stack(size_t bytes)
{
	struct rlimit limit = {bytes, RLIM_INFINITY};

	check_call(setrlimit(RLIMIT_STACK, &limit));
}

/* Use so much stack by calling down, a page at a time. */
static __attribute__((noinline)) int call_down(size_t bytes)
{
	volatile char frame[PAGE];

	frame[0] = bytes >> 12;
	if (bytes > PAGE && call_down(bytes - PAGE) != (char)((bytes - PAGE) >> 12))
		return -1000;
	return frame[0];
}

static void grows_by_calls(void)
{
	limit_stack(8 * MIB);
	check_eq(call_down(2 * MIB), (char)(2 * MIB >> 12));
}

static void grows_by_a_touch_far_below(void)
{
	limit_stack(8 * MIB);
	check_child(write_byte, below(4 * MIB));
	check_child(read_byte, below(4 * MIB));
	check_eq(*(volatile char *)below(3 * MIB), 0);
}

static void new_stack_is_zero(void)
{
	char *place;

	limit_stack(8 * MIB);
	place = below(3 * MIB);
	*place = 1; /* brings the end of the stack down; the pages between are new */
	check(holds(place + PAGE, MIB, 0));
}

static void overflow_at(void *bytes)
{
	limit_stack((size_t)bytes);
	call_down((size_t)bytes + MIB);
}

static void overflow_is_sigsegv(void)
{
	check_dies(overflow_at, (void *)(MIB), SIGSEGV);
	check_dies(overflow_at, (void *)(4 * MIB), SIGSEGV);
}

static void touch_beyond_the_limit(void *distance)
{
	limit_stack(MIB);
	write_byte(below((size_t)distance));
}

static void limit_is_what_counts(void)
{
	check_child(touch_beyond_the_limit, (void *)(MIB / 2));
	check_dies(touch_beyond_the_limit, (void *)(MIB + 64 * PAGE), SIGSEGV);
	check_dies(touch_beyond_the_limit, (void *)(64 * MIB), SIGSEGV);
}

static char signal_stack[64 * 1024];
static sigjmp_buf after_overflow;
static volatile int overflow_signal, overflow_code;

static void note_overflow(int signal, siginfo_t *info, void *context)
{
	(void)context;
	overflow_signal = signal;
	overflow_code = info->si_code;
	siglongjmp(after_overflow, 1);
}

static void handle_on_another_stack(int flags)
{
	stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof(signal_stack)};
	struct sigaction action = {.sa_sigaction = note_overflow, .sa_flags = SA_SIGINFO | flags};

	check_call(sigaltstack(&stack, NULL));
	check_call(sigaction(SIGSEGV, &action, NULL));
}

static void overflow_can_be_handled_on_another_stack(void)
{
	for (int i = 0; i < 3; i++) {
		handle_on_another_stack(SA_ONSTACK);
		overflow_signal = 0;
		limit_stack(MIB);
		if (sigsetjmp(after_overflow, 1) == 0)
			call_down(2 * MIB);
		check_eq(overflow_signal, SIGSEGV);
		check_eq(overflow_code, SEGV_MAPERR);
	}
}

static void overflow_with_a_handler_on_the_same_stack(void *unused)
{
	(void)unused;
	handle_on_another_stack(0);
	limit_stack(MIB);
	if (sigsetjmp(after_overflow, 1) == 0)
		call_down(2 * MIB);
	_exit(1);
}

static void overflow_without_room_for_the_handler_is_fatal(void)
{
	check_dies(overflow_with_a_handler_on_the_same_stack, NULL, SIGSEGV);
}

/* A mapping 2 MiB below: the stack may come near, but 1 MiB is kept free between. */
static void stop_before_a_mapping(void *distance)
{
	char *wall = (char *)((unsigned long)below(2 * MIB) & ~(PAGE - 1));

	limit_stack(8 * MIB);
	check(mmap(wall, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == wall);
	write_byte(wall + (size_t)distance);
	check_eq(*(volatile char *)wall, 0);
}

static void guard_gap_is_kept(void)
{
	check_child(stop_before_a_mapping, (void *)(MIB + 128 * PAGE));
	check_child(stop_before_a_mapping, (void *)(MIB + PAGE));
	check_dies(stop_before_a_mapping, (void *)(MIB + PAGE - 1), SIGSEGV);
	check_dies(stop_before_a_mapping, (void *)(PAGE), SIGSEGV);
	check_dies(stop_before_a_mapping, (void *)(64 * PAGE), SIGSEGV);
}

/* A mapping without any rights is a guard already: up to that the stack may grow. */
static void grow_to_a_mapping_without_rights(void *distance)
{
	char *wall = (char *)((unsigned long)below(2 * MIB) & ~(PAGE - 1));

	limit_stack(8 * MIB);
	check(mmap(wall, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		   0) == wall);
	write_byte(wall + (long)distance);
}

static void mapping_without_rights_is_gap_enough(void)
{
	check_child(grow_to_a_mapping_without_rights, (void *)(PAGE));
	check_dies(grow_to_a_mapping_without_rights, (void *)0, SIGSEGV);
	check_dies(grow_to_a_mapping_without_rights, (void *)-1L, SIGSEGV);
}

static void grows_in_the_child_only(void)
{
	volatile char *place;
	pid_t pid;

	limit_stack(8 * MIB);
	place = below(MIB);
	pid = tap_fork();
	if (pid == 0) {
		place[0] = 'c';
		check_eq(call_down(2 * MIB), (char)(2 * MIB >> 12));
		_exit(0);
	}
	check_exits(pid, 0);
	/*
	 * In the parent the place may be mapped by the first touch only, so this takes nothing
	 * away.
	 */
	check(mmap((char *)((unsigned long)place & ~(PAGE - 1)), PAGE, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED);
	check_eq(place[0], 0);
}

static void grown_stack_is_isolated(void)
{
	volatile char *place;
	pid_t pid;

	limit_stack(8 * MIB);
	place = below(2 * MIB);
	place[0] = 'p';
	pid = tap_fork();
	if (pid == 0) {
		check_eq(place[0], 'p');
		place[0] = 'c';
		place[-PAGE] = 'c'; /* and further down than the parent ever was */
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(place[0], 'p');
	check_eq(place[-PAGE], 0);
}

static void fork_far_down(size_t depth)
{
	volatile char frame[PAGE];

	frame[100] = 'p';
	if (depth > 0) {
		fork_far_down(depth - PAGE);
	} else {
		pid_t pid = tap_fork();
		if (pid == 0) {
			frame[100] = 'c';
			return; /* all the way up, through frames that are shared with the parent */
		}
		check_exits(pid, 42);
	}
	check(frame[100] == 'p' || depth == 0);
}

static void child_returns_through_the_whole_stack(void)
{
	pid_t self = getpid();

	limit_stack(8 * MIB);
	fork_far_down(256 * PAGE);
	if (getpid() != self)
		_exit(42);
}

/* The kernel's own writes bring the stack down as the program's do. */
static void grows_by_the_kernels_writes(void)
{
	int fd = make_file(2 * PAGE, 'f');
	char *place;

	limit_stack(8 * MIB);
	place = below(2 * MIB);
	check_eq(raw3(SYS_read, fd, place, 2 * PAGE), 2 * PAGE);
	check(holds(place, 2 * PAGE, 'f'));
}

static void kernels_writes_beyond_the_limit_are_efault(void)
{
	int fd = make_file(PAGE, 'f');

	limit_stack(MIB);
	check_eq(raw3(SYS_read, fd, below(2 * MIB), 100), -EFAULT);
}

static void arguments_are_at_the_top(void)
{
	char *name = (char *)getauxval(AT_EXECFN), *random = (char *)getauxval(AT_RANDOM);

	check(name > below(0) && random > below(0));
	check_child(write_byte, random);
	check(strlen(name) > 0);
}

static void child_has_the_limit_too(void *unused)
{
	(void)unused;
	call_down(2 * MIB);
}

static void limit_is_inherited(void)
{
	limit_stack(MIB);
	check_dies(child_has_the_limit_too, NULL, SIGSEGV);
	limit_stack(8 * MIB);
	check_child(child_has_the_limit_too, NULL);
}

static const struct test_case cases[] = {
	TEST(grows_by_calls, "the stack grows with calls"),
	TEST(grows_by_a_touch_far_below, "the stack grows by one touch far below"),
	TEST(new_stack_is_zero, "new pages of the stack are zero"),
	TEST(overflow_is_sigsegv, "a stack overflow is SIGSEGV"),
	TEST(limit_is_what_counts, "RLIMIT_STACK as it is at the touch decides"),
	TEST(overflow_can_be_handled_on_another_stack,
	     "a stack overflow can be handled on the alternate stack"),
	TEST(overflow_without_room_for_the_handler_is_fatal,
	     "a stack overflow with no room for the handler is fatal"),
	TEST(guard_gap_is_kept, "the stack keeps 1 MiB away from the mapping below it"),
	TEST(mapping_without_rights_is_gap_enough,
	     "the stack grows up to a mapping without rights"),
	TEST(grows_in_the_child_only, "a stack grown in the child has not grown in the parent"),
	TEST(grown_stack_is_isolated, "pages of a grown stack are isolated after fork"),
	TEST(child_returns_through_the_whole_stack,
	     "a child forked far down returns through the whole stack"),
	TEST(grows_by_the_kernels_writes, "the stack grows under read(2)"),
	TEST(kernels_writes_beyond_the_limit_are_efault,
	     "read(2) below the stack's limit is EFAULT"),
	TEST(arguments_are_at_the_top, "what exec passes is at the top of the stack"),
	TEST(limit_is_inherited, "a child's stack has its parent's limit"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
