/* process_vm_readv and process_vm_writev: another process's memory, in pieces. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define NO_SUCH_PID 0x3fffffff

static pid_t child; /* waits to be killed, with a copy of everything */

static void make_child(void)
{
	child = tap_fork();
	if (child == 0)
		for (;;)
			pause();
}

static void end_child(void)
{
	kill(child, SIGKILL);
	check_killed(child, SIGKILL);
}

static long vm_read(pid_t pid, void *to, void *from, size_t n)
{
	struct iovec local = {to, n}, remote = {from, n};

	return process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static long vm_write(pid_t pid, void *from, void *to, size_t n)
{
	struct iovec local = {from, n}, remote = {to, n};

	return process_vm_writev(pid, &local, 1, &remote, 1, 0);
}

static void reads_and_writes(void)
{
	char *memory = map_private(4 * PAGE), *copy = map_private(4 * PAGE);

	for (unsigned i = 0; i < 4 * PAGE; i++)
		memory[i] = i * 7 / 5;
	make_child();
	check_eq(vm_read(child, copy, memory, 4 * PAGE), 4 * PAGE);
	check(!memcmp(copy, memory, 4 * PAGE));
	memset(copy, 'w', 4 * PAGE);
	check_eq(vm_write(child, copy + 1, memory + PAGE - 10, PAGE + 20), PAGE + 20);
	memset(copy, 0, 4 * PAGE);
	check_eq(vm_read(child, copy, memory, 4 * PAGE), 4 * PAGE);
	check(!memcmp(copy, memory, PAGE - 10));
	check(holds(copy + PAGE - 10, PAGE + 20, 'w'));
	check(!memcmp(copy + 2 * PAGE + 10, memory + 2 * PAGE + 10, 2 * PAGE - 10));
	check_eq(memory[PAGE], (char)(PAGE * 7 / 5)); /* copy-on-write kept them apart */
	end_child();
}

static void pieces_need_not_match(void)
{
	static char from[] = "abcdefghijklmnopqrstuvwxyz";
	char to[32] = "";
	struct iovec local[] = {{to, 3}, {to + 10, 0}, {to + 3, 1}, {to + 4, 22}};
	struct iovec remote[] = {{from + 20, 6}, {NULL, 0}, {from, 10}, {from + 10, 10}};

	make_child();
	check_eq(process_vm_readv(child, local, 4, remote, 4, 0), 26);
	check(!strcmp(to, "uvwxyzabcdefghijklmnopqrst"));
	local[3].iov_len = 4;
	check_eq(process_vm_readv(child, local, 4, remote, 4, 0), 8);
	remote[3].iov_len = 0;
	remote[2].iov_len = 1;
	check_eq(process_vm_readv(child, local, 4, remote, 4, 0), 7);
	end_child();
}

static void many_pieces(void)
{
	static char from[1024], to[1024];
	static struct iovec local[1024], remote[1024];

	for (int i = 0; i < 1024; i++) {
		from[i] = i * 3;
		local[i] = (struct iovec){to + i, 1};
		remote[i] = (struct iovec){from + 1023 - i, 1};
	}
	make_child();
	check_eq(process_vm_readv(child, local, 1024, remote, 1024, 0), 1024);
	for (int i = 0; i < 1024; i++)
		check(to[i] == from[1023 - i]);
	check_errno(process_vm_readv(child, local, 1025, remote, 1, 0), EINVAL);
	check_errno(process_vm_readv(child, local, 1, remote, 1025, 0), EINVAL);
	check_eq(process_vm_readv(child, local, 9, remote, 0, 0), 0);
	check_eq(process_vm_readv(child, local, 0, remote, 1025, 0), 0);
	end_child();
}

static void what_comes_before_a_hole_is_copied(void)
{
	char *own = map_private(4 * PAGE), *memory = map_between_holes(PAGE);
	struct iovec local = {own, 4 * PAGE};
	struct iovec remote[] = {{memory, 10}, {memory + 10, 2 * PAGE}, {memory, 10}};

	memset(memory, 'm', PAGE);
	make_child();
	check_eq(process_vm_readv(child, &local, 1, remote, 3, 0), PAGE);
	check_errno(vm_read(child, own, memory - 1, 5), EFAULT);
	check_eq(vm_read(child, own, memory + PAGE - 3, 5), 3);
	check_eq(vm_write(child, own, memory + PAGE - 3, 5), 3);
	check_errno(vm_write(child, own, memory + PAGE, 5), EFAULT);
	remote[1].iov_base = NOT_CANONICAL + (char *)0;
	check_eq(process_vm_readv(child, &local, 1, remote, 3, 0), 10);
	end_child();
}

static void bad_memory_of_the_callers_own(void)
{
	char *memory = map_private(2 * PAGE), *own = map_between_holes(PAGE);
	struct iovec local[] = {{own + PAGE - 4, 8}}, remote[] = {{memory, 8}};

	make_child();
	check_errno(vm_read(child, own + PAGE, memory, 8), EFAULT);
	check_eq(process_vm_readv(child, local, 1, remote, 1, 0), 4);
	check_eq(process_vm_writev(child, local, 1, remote, 1, 0), 4);
	check_errno(vm_read(child, (void *)NOT_CANONICAL, memory, 8), EFAULT);
	check_errno(process_vm_readv(child, (void *)(own + PAGE), 1, remote, 1, 0), EFAULT);
	check_errno(process_vm_readv(child, local, 1, (void *)(own + PAGE), 1, 0), EFAULT);
	end_child();
}

static void mappings_decide(void)
{
	char *memory = map_private(3 * PAGE), byte = 'x';

	memset(memory, 'm', 3 * PAGE);
	check_call(mprotect(memory, PAGE, PROT_READ));
	check_call(mprotect(memory + PAGE, PAGE, PROT_NONE));
	make_child();
	check_eq(vm_read(child, &byte, memory, 1), 1);
	check_errno(vm_write(child, &byte, memory, 1), EFAULT);
	check_errno(vm_read(child, &byte, memory + PAGE, 1), EFAULT);
	check_errno(vm_write(child, &byte, memory + PAGE, 1), EFAULT);
	check_eq(vm_write(child, &byte, memory + 2 * PAGE, 1), 1);
	end_child();
}

static void order_of_checks(void)
{
	char a[8], b[8];
	struct iovec local = {a, 8}, remote = {b, 8}, negative = {b, -1};

	check_errno(process_vm_readv(NO_SUCH_PID, &local, 1, &remote, 1, 1), EINVAL);
	check_errno(process_vm_readv(NO_SUCH_PID, &local, 1, &remote, 1, 0), ESRCH);
	check_errno(process_vm_readv(NO_SUCH_PID, &local, 1, &negative, 1, 0), EINVAL);
	check_errno(process_vm_readv(NO_SUCH_PID, &negative, 1, &remote, 1, 0), EINVAL);
	check_errno(process_vm_readv(-1, &local, 1, &remote, 1, 0), ESRCH);
	check_eq(process_vm_readv(NO_SUCH_PID, &local, 0, &remote, 1, 0), 0);
	remote.iov_len = 0;
	check_eq(process_vm_readv(NO_SUCH_PID, &local, 1, &remote, 1, 0), 0);
	remote = (struct iovec){(void *)NOT_CANONICAL, 8};
	check_errno(process_vm_readv(NO_SUCH_PID, &local, 1, &remote, 1, 0), ESRCH);
}

static void zombies_and_oneself(void)
{
	char a[8] = "before", b[8] = "after";
	pid_t pid = tap_fork();
	siginfo_t info;

	if (pid == 0)
		_exit(0);
	check_call(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	check_errno(vm_read(pid, a, b, 8), ESRCH);
	check_exits(pid, 0);
	check_eq(vm_read(getpid(), a, b, 8), 8);
	check(!strcmp(a, "after"));
}

static void as_somebody_else(void *memory)
{
	char byte;

	check_call(setuid(1000));
	check_errno(vm_read(child, &byte, memory, 1), EPERM);
	check_errno(vm_write(child, &byte, memory, 1), EPERM);
	check_errno(vm_read(1, &byte, memory, 1), EPERM);
	check_eq(vm_read(getpid(), &byte, memory, 1), 1);
}

static void rights_are_those_of_a_debugger(void)
{
	static char memory[8];

	make_child();
	check_child(as_somebody_else, memory);
	end_child();
}

static void undumpable(void *memory)
{
	int *ready = memory;
	char byte;

	check_call(setuid(1000));
	check_call(prctl(PR_SET_DUMPABLE, 1));
	child = tap_fork();
	if (child == 0) {
		check_call(prctl(PR_SET_DUMPABLE, 0));
		__atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
		for (;;)
			pause();
	}
	tap_await(ready, 1);
	check_errno(vm_read(child, &byte, memory, 1), EPERM);
	end_child();
}

static void secret_processes(void)
{
	check_child(undumpable, tap_shared(sizeof(int)));
}

static const struct test_case cases[] = {
	TEST(reads_and_writes, "bytes go both ways, across pages, into the other process alone"),
	TEST(pieces_need_not_match,
	     "pieces of both sides are matched up, the shorter side ends it"),
	TEST(many_pieces, "1024 pieces, no more"),
	TEST(what_comes_before_a_hole_is_copied, "what comes before a hole of the other is copied"),
	TEST(bad_memory_of_the_callers_own, "what comes before a hole of one's own is copied"),
	TEST(mappings_decide, "the other's rights to its own memory hold"),
	TEST(order_of_checks, "which mistake decides the errno"),
	TEST(zombies_and_oneself, "a zombie has no memory, and one may copy within one's own"),
	TEST(rights_are_those_of_a_debugger, "somebody else's process is EPERM"),
	TEST(secret_processes, "so is one's own that is not dumpable"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
