#ifndef TAP_H
#define TAP_H

#include <stddef.h>
#include <sys/types.h>

/*
 * What a fork test is made of.
 *
 * A test program is a table of cases and a main() that hands it over:
 *
 *     static void child_has_its_own_heap(void) { ... check(*heap == 1); ... }
 *
 *     static const struct test_case cases[] = {
 *         TEST(child_has_its_own_heap, "a child's write to the heap does not reach its parent"),
 *     };
 *
 *     int main(int argc, char **argv) { return tap_main(argc, argv, cases, TAP_COUNT(cases)); }
 *
 * Each case runs in a child of its own, in a process group of its own. It passes if that child
 * exits with 0 and no check failed in it or in any process made by it. What is left of the group
 * when the case ends is killed. `ok` lines are the same on every run and every machine, since they
 * are compared between kernels: a text holds no number that varies.
 */

struct test_case {
	const char *name; /* what a person types to run this case alone */
	const char *text; /* the claim, as it stands on the ok line */
	void (*run)(void);
};

/* A row of the table: the function's own name is the name of the case. */
#define TEST(function, text)              \
	{                                 \
#function, text, function \
	}
#define TAP_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Run the cases named in argv, or all of them; `-l` lists them. Returns the exit status for main:
 * 0 only if at least one case ran and every one that ran has passed.
 */
int tap_main(int argc, char **argv, const struct test_case *cases, size_t count);

/*
 * The checks. One that fails prints `# file:line: what was expected, what came`, fails the case,
 * and ends the calling process with status TAP_FAILED. They may be used in any process that a case
 * makes, also in one that shares its parent's memory.
 */
#define TAP_FAILED 99

#define check(condition) \
	((condition) ? (void)0 : tap_fail(__FILE__, __LINE__, "expected %s", #condition))

/* The two are equal, as numbers; both are printed if not. */
#define check_eq(got, want) tap_check_eq(__FILE__, __LINE__, #got, (long)(got), (long)(want))

/* The call, in libc's convention, succeeds; its value is the value of the whole. */
#define check_call(call) tap_check_call(__FILE__, __LINE__, #call, (long)(call))

/* The call, in libc's convention, returns -1 with errno as wanted. */
#define check_errno(call, wanted) tap_check_errno(__FILE__, __LINE__, #call, (long)(call), (wanted))

/* Child `pid` ends by _exit(code), or by the signal; it is waited for and reaped. */
#define check_exits(pid, code)    tap_check_exits(__FILE__, __LINE__, (pid), (code))
#define check_killed(pid, signal) tap_check_killed(__FILE__, __LINE__, (pid), (signal))

/* `function` ends the process that runs it with this signal; shown in a forked child. */
#define check_dies(function, argument, signal) \
	tap_check_killed(__FILE__, __LINE__, tap_child((function), (argument)), (signal))

/* `function` returns, with no check failed; shown in a forked child. */
#define check_child(function, argument) \
	tap_check_exits(__FILE__, __LINE__, tap_child((function), (argument)), 0)

/* Fork; the child runs function(argument) and then exits with 0. Fails the case if fork fails. */
pid_t tap_child(void (*function)(void *), void *argument);

/* fork(), failing the case if it fails. */
pid_t tap_fork(void);

/* waitpid(pid) until it has ended, whatever signals arrive; the wait status. */
int tap_wait(pid_t pid);

/*
 * What this process does from now on says nothing about the case: a check that fails ends it, and
 * is not counted.
 */
void tap_disown(void);

/* Zeroed memory that stays shared with every process forked later. */
void *tap_shared(size_t size);

/*
 * A line of its own, `# ...`, for a person who looks into a failure. Nothing that passes prints
 * one.
 */
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sleep for so long, through interruptions. */
void tap_sleep_ms(long milliseconds);

/* Nanoseconds of CLOCK_MONOTONIC. */
long long tap_now(void);

/*
 * Wait until *word is at least `value`, giving the processor away meanwhile. There is no limit
 * here: the watchdog ends a case that waits for ever.
 */
void tap_await(const volatile int *word, int value);

/* What the check macros call. */
_Noreturn void tap_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void tap_check_eq(const char *file, int line, const char *what, long got, long want);
long tap_check_call(const char *file, int line, const char *what, long result);
void tap_check_errno(const char *file, int line, const char *what, long result, int wanted);
void tap_check_exits(const char *file, int line, pid_t pid, int code);
void tap_check_killed(const char *file, int line, pid_t pid, int signal);

#endif
