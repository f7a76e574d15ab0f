/*
 * What each flag of clone shares between parent and child, and what is the child's own without it.
 * In each pair of cases one child does the same thing twice: with the flag the parent notices,
 * without it it does not.
 */
#include "helpers.h"

#include <pthread.h>

static volatile int *shared;
static volatile int word;

static int return_argument(void *argument)
{
	return (int)(long)argument;
}

/* ---- CLONE_VM ---- */

#define NEW_MAPPING ((void *)0x100000000000)

static int change_memory(void *argument)
{
	long result;

	word = 5;
	result = raw6(SYS_mmap, NEW_MAPPING, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (result != (long)NEW_MAPPING)
		return 1;
	*(volatile int *)NEW_MAPPING = 42;
	return raw2(SYS_munmap, argument, 4096) == 0 ? 0 : 2;
}

/* Can the kernel read a byte there? Asked by a write to a pipe, which never faults. */
static int is_mapped(const void *address)
{
	int ends[2];
	long n;

	make_pipe(ends);
	n = raw3(SYS_write, ends[1], address, 1);
	close(ends[0]);
	close(ends[1]);
	check(n == 1 || n == -EFAULT);
	return n == 1;
}

static void change_memory_under(unsigned long flags, int is_shared)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED);
	page[0] = 1;
	check_exits(clone_call(flags | SIGCHLD, change_memory, page), 0);
	check_eq(word, is_shared ? 5 : 0);
	check_eq(is_mapped(NEW_MAPPING), is_shared);
	check_eq(is_mapped(page), !is_shared);
	if (is_shared)
		check_eq(*(volatile int *)NEW_MAPPING, 42);
}

static void vm_shares_memory_and_mappings(void)
{
	change_memory_under(CLONE_VM, 1);
}
static void without_vm_memory_is_a_copy(void)
{
	change_memory_under(0, 0);
}

static int grow_break(void *argument)
{
	long old = raw1(SYS_brk, 0);

	return raw1(SYS_brk, old + 65536) == old + 65536 ? 0 : 1;
}

static void break_is_shared_with_vm_only(void)
{
	long old = raw1(SYS_brk, 0);

	check_exits(clone_call(SIGCHLD, grow_break, NULL), 0);
	check_eq(raw1(SYS_brk, 0), old);
	check_exits(clone_call(CLONE_VM | SIGCHLD, grow_break, NULL), 0);
	check_eq(raw1(SYS_brk, 0), old + 65536);
}

static int note_stack_address(void *argument)
{
	char here;

	return &here<(char *)argument && & here>(char *) argument - STACK_SIZE ? 0 : 1;
}

static void child_runs_on_the_stack_it_was_given(void)
{
	static const unsigned long flags[] = {0, CLONE_VM, CLONE_VM | CLONE_VFORK, CLONE_VFORK};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		void *stack = new_stack();
		long pid = raw_clone_call(flags[i] | SIGCHLD, stack, NULL, NULL, 0,
					  note_stack_address, stack);
		check(pid > 0);
		check_exits(pid, 0);
	}
}

/* ---- CLONE_FS ---- */

static int change_fs(void *argument)
{
	return raw1(SYS_chdir, "/tmp") == 0 && raw1(SYS_umask, 0123) == 0022 ? 0 : 1;
}

static void change_fs_under(unsigned long flags, int is_shared)
{
	char directory[256];

	check_call(chdir("/"));
	umask(0022);
	check_exits(clone_call(flags | SIGCHLD, change_fs, NULL), 0);
	check(getcwd(directory, sizeof(directory)) != NULL);
	check(strcmp(directory, is_shared ? "/tmp" : "/") == 0);
	check_eq(umask(0), is_shared ? 0123 : 0022);
}

static void fs_shares_directory_and_umask(void)
{
	change_fs_under(CLONE_FS, 1);
	change_fs_under(CLONE_FS | CLONE_VM, 1);
}

static void without_fs_they_are_copies(void)
{
	change_fs_under(0, 0);
	change_fs_under(CLONE_VM | CLONE_FILES | CLONE_SIGHAND, 0);
}

/* ---- CLONE_FILES ---- */

/* Close ends[0], mark ends[1], and make a new descriptor, 50. */
static int change_files(void *argument)
{
	int *ends = argument;

	if (raw1(SYS_close, ends[0]) != 0)
		return 1;
	if (raw3(SYS_fcntl, ends[1], F_SETFD, FD_CLOEXEC) != 0)
		return 2;
	return raw2(SYS_dup2, ends[1], 50) == 50 ? 0 : 3;
}

static void change_files_under(unsigned long flags, int is_shared)
{
	int ends[2];

	make_pipe(ends);
	check_exits(clone_call(flags | SIGCHLD, change_files, ends), 0);
	if (is_shared) {
		check_errno(fcntl(ends[0], F_GETFD), EBADF);
		check_eq(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
		check_eq(fcntl(50, F_GETFD), 0);
		close(50);
	} else {
		check_eq(fcntl(ends[0], F_GETFD), 0);
		check_eq(fcntl(ends[1], F_GETFD), 0);
		check_errno(fcntl(50, F_GETFD), EBADF);
		give_byte(ends[1], 1);
		take_byte(ends[0]);
		close(ends[0]);
	}
	close(ends[1]);
}

static void files_shares_the_descriptor_table(void)
{
	change_files_under(CLONE_FILES, 1);
	change_files_under(CLONE_FILES | CLONE_VM, 1);
}

static void without_files_the_table_is_a_copy(void)
{
	change_files_under(0, 0);
	change_files_under(CLONE_VM | CLONE_FS | CLONE_SIGHAND, 0);
}

static int open_many(void *argument)
{
	for (int fd = 100; fd < 400; fd++)
		if (raw2(SYS_dup2, 1, fd) != fd)
			return 1;
	return 0;
}

static void shared_table_grows_for_both(void)
{
	check_exits(clone_call(CLONE_FILES | SIGCHLD, open_many, NULL), 0);
	for (int fd = 100; fd < 400; fd++)
		check_call(close(fd));
}

static int wait_with_files(void *argument)
{
	set(&shared[0], 1);
	raw_await(&shared[1], 1);
	return 0;
}

static void share_files_and_leave(void *argument)
{
	set(&shared[2], clone_call(CLONE_FILES | SIGCHLD, wait_with_files, NULL));
	tap_await(&shared[0], 1);
}

static void shared_table_lives_as_long_as_anybody_has_it(void)
{
	int ends[2];
	struct timespec wait = {0, 1000000};
	char byte;

	shared = tap_shared(4096);
	make_pipe(ends);
	check_child(share_files_and_leave, NULL);
	close(ends[1]);
	check_call(fcntl(ends[0], F_SETFL, O_NONBLOCK));
	check_errno(read(ends[0], &byte, 1), EAGAIN);
	set(&shared[1], 1);
	while (read(ends[0], &byte, 1) != 0)
		nanosleep(&wait, NULL);
}

/* ---- CLONE_SIGHAND ---- */

static int change_handlers(void *argument)
{
	struct sigaction action = {.sa_handler = SIG_IGN};

	/*
	 * By the C library, since the kernel's structure is another; it leaves errno alone if it
	 * succeeds.
	 */
	return sigaction(SIGUSR1, &action, NULL) == 0 ? 0 : 1;
}

static void change_handlers_under(unsigned long flags, int is_shared)
{
	struct sigaction action;

	set_handler(SIGUSR1, count_signal, 0);
	check_exits(clone_call(flags | SIGCHLD, change_handlers, NULL), 0);
	check_call(sigaction(SIGUSR1, NULL, &action));
	check(action.sa_handler == (is_shared ? SIG_IGN : count_signal));
}

static void sighand_shares_handlers(void)
{
	change_handlers_under(CLONE_VM | CLONE_SIGHAND, 1);
}

static void without_sighand_handlers_are_copies(void)
{
	change_handlers_under(CLONE_VM, 0);
	change_handlers_under(CLONE_VM | CLONE_FS | CLONE_FILES, 0);
	change_handlers_under(0, 0);
}

static int block_and_raise(void *argument)
{
	unsigned long usr1 = 1UL << (SIGUSR1 - 1);

	if (raw4(SYS_rt_sigprocmask, SIG_BLOCK, &usr1, NULL, 8) != 0)
		return 1;
	if (raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1) != 0)
		return 2;
	return caught[SIGUSR1] == 0 ? 0 : 3;
}

static void mask_and_pending_signals_are_never_shared(void)
{
	set_handler(SIGUSR1, count_signal, 0);
	check_exits(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, block_and_raise, NULL), 0);
	check(!is_blocked(SIGUSR1));
	check(!is_pending(SIGUSR1));
	check_eq(caught[SIGUSR1], 0);
}

static int raise_usr1(void *argument)
{
	return raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1) == 0 && caught[SIGUSR1] ? 0 : 1;
}

static void shared_handler_runs_in_the_one_signalled(void)
{
	set_handler(SIGUSR1, count_signal, SA_RESETHAND);
	check_exits(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, raise_usr1, NULL), 0);
	check_eq(caught[SIGUSR1], 1);
	/* The handler was reset for both: it is one table. */
	check_killed(clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, raise_usr1, NULL), SIGUSR1);
}

/* ---- CLONE_PARENT ---- */

static int exit_with_parent(void *argument)
{
	return raw0(SYS_getppid) == (long)argument ? 3 : 4;
}

static void make_a_sibling(void *argument)
{
	set(&shared[0],
	    clone_call(CLONE_PARENT | SIGCHLD, exit_with_parent, (void *)(long)getppid()));
	check_eq(raw_wait4(shared[0], NULL, __WALL, NULL), -ECHILD);
}

static void parent_makes_a_sibling(void)
{
	shared = tap_shared(4096);
	check_child(make_a_sibling, NULL);
	check_exits(shared[0], 3);
}

static int make_a_sibling_with_another_signal(void *argument)
{
	set(&shared[0], raw_clone_call(CLONE_PARENT | SIGUSR2, new_stack(), NULL, NULL, 0,
				       return_argument, (void *)6));
	return 0;
}

static void parent_takes_the_callers_exit_signal(void)
{
	static const int signals[] = {SIGUSR1, SIGCHLD, 0};

	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t pid;
		int status, is_clone = signals[i] != SIGCHLD;

		shared = tap_shared(4096);
		memset((void *)caught, 0, sizeof(caught));
		set_handler(SIGUSR1, count_signal, SA_RESTART);
		set_handler(SIGUSR2, count_signal, SA_RESTART);
		set_handler(SIGCHLD, count_signal, SA_RESTART);
		pid = clone_call(signals[i], make_a_sibling_with_another_signal, NULL);
		check_exits(pid, 0);
		check_eq(raw_wait4(shared[0], &status, is_clone ? 0 : __WCLONE, NULL), -ECHILD);
		await_zombie(shared[0]);
		check_eq(raw_wait4(shared[0], &status, is_clone ? __WCLONE : 0, NULL), shared[0]);
		check_eq(status, 6 << 8);
		check_eq(caught[SIGUSR2], 0);
		check((caught[SIGUSR1] > 0) == (signals[i] == SIGUSR1));
		check((caught[SIGCHLD] > 0) == (signals[i] == SIGCHLD));
	}
}

/* ---- CLONE_THREAD ---- */

static int exit_when_told(void *argument)
{
	raw_await(&shared[0], 1);
	return 0;
}

static int note_thread(void *argument)
{
	volatile int *notes = argument;

	set(&notes[0], raw0(SYS_getpid));
	set(&notes[1], raw_gettid());
	set(&notes[2], raw0(SYS_getppid));
	set(&notes[3], raw0(SYS_getpgrp));
	return 0;
}

static void thread_has_the_process_s_pid_and_its_own_tid(void)
{
	volatile int notes[4] = {0};
	struct thread thread;

	thread_start(&thread, note_thread, (void *)notes);
	thread_join(&thread);
	check_eq(notes[0], getpid());
	check_eq(notes[1], thread.tid);
	check(notes[1] != notes[0]);
	check_eq(notes[2], getppid());
	check_eq(notes[3], getpgrp());
}

static void thread_is_no_child(void)
{
	struct thread thread;

	shared = tap_shared(4096);
	thread_start(&thread, exit_when_told, NULL);
	check_eq(raw_wait4(thread.tid, NULL, __WALL | WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, __WALL | WNOHANG, NULL), -ECHILD);
	check_eq(raw_wait4(-1, NULL, __WCLONE | WNOHANG, NULL), -ECHILD);
	set(&shared[0], 1);
	thread_join(&thread);
}

static void thread_ignores_the_exit_signal(void)
{
	static const int signals[] = {SIGUSR1, SIGCHLD, SIGKILL, 200};

	set_handler(SIGUSR1, count_signal, SA_RESTART);
	set_handler(SIGCHLD, count_signal, SA_RESTART);
	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		struct thread thread = {0};
		int *tid = (int *)&thread.word;

		thread.tid = raw_clone_call(THREAD_FLAGS | signals[i], new_stack(), tid, tid, 0,
					    return_argument, NULL);
		check(thread.tid > 0);
		thread_join(&thread);
	}
	settle();
	check_eq(caught[SIGUSR1] + caught[SIGCHLD], 0);
}

static void *pthread_body(void *argument)
{
	errno = 77;
	return (char *)argument + 1;
}

static void library_threads_work(void)
{
	pthread_t threads[4];
	void *result;

	errno = 0;
	for (long i = 0; i < 4; i++)
		check_eq(pthread_create(&threads[i], NULL, pthread_body, (void *)(i * 10)), 0);
	for (long i = 0; i < 4; i++) {
		check_eq(pthread_join(threads[i], &result), 0);
		check_eq((long)result, i * 10 + 1);
	}
	check_eq(errno, 0);
}

/* ---- the exit signal ---- */

static siginfo_t last_info;

static void keep_info(int number, siginfo_t *info, void *context)
{
	last_info = *info;
	add(&caught[number], 1);
}

static void exit_signal_is_the_one_asked_for(void)
{
	static const int signals[] = {SIGUSR1, SIGHUP, SIGCHLD, SIGSEGV, 40, 64};

	for (size_t i = 0; i < TAP_COUNT(signals); i++) {
		pid_t pid;

		set_info_handler(signals[i], keep_info, SA_RESTART);
		pid = clone_call(signals[i], return_argument, (void *)11);
		await_zombie(pid);
		while (!caught[signals[i]])
			sched_yield();
		check_eq(caught[signals[i]], 1);
		check_eq(last_info.si_signo, signals[i]);
		check_eq(last_info.si_code, CLD_EXITED);
		check_eq(last_info.si_pid, pid);
		check_eq(last_info.si_uid, getuid());
		check_eq(last_info.si_status, 11);
		check_exits(pid, 11);
	}
}

static void no_exit_signal_sends_none(void)
{
	sigset_t pending;
	pid_t pid;

	block_all_signals();
	pid = clone_call(0, return_argument, (void *)12);
	await_zombie(pid);
	check_call(sigpending(&pending));
	check(sigisemptyset(&pending));
	check_eq(raw_wait4(pid, NULL, 0, NULL), -ECHILD);
	check_exits(pid, 12);
}

static void be_killed_by_a_child(void *argument)
{
	clone_call((unsigned long)argument, return_argument, NULL);
	for (;;)
		pause();
}

static void deadly_exit_signal_kills_the_parent(void)
{
	check_dies(be_killed_by_a_child, (void *)(long)SIGKILL, SIGKILL);
	check_dies(be_killed_by_a_child, (void *)(long)SIGTERM, SIGTERM);
}

static void clone_ignores_flags_above_bit_31(void)
{
	static const unsigned long high[] = {0x100000000, 0x200000000, 0x8000000000000000,
					     0xffffffff00000000};

	for (size_t i = 0; i < TAP_COUNT(high); i++)
		check_exits(clone_call(high[i] | SIGCHLD, return_argument, (void *)13), 13);
}

static void clone_without_stack_goes_on_where_it_was(void)
{
	int here = 8;
	long pid = raw_clone(SIGCHLD, NULL, NULL, NULL, 0);

	check(pid >= 0);
	if (pid == 0)
		_exit(here);
	check_exits(pid, 8);
}

static const struct test_case cases[] = {
	TEST(vm_shares_memory_and_mappings, "clone: CLONE_VM shares memory, mmap and munmap"),
	TEST(without_vm_memory_is_a_copy, "clone: without CLONE_VM memory is a copy"),
	TEST(break_is_shared_with_vm_only, "clone: the break is shared with CLONE_VM only"),
	TEST(child_runs_on_the_stack_it_was_given,
	     "clone: the child runs on the stack it was given, shared or copied"),
	TEST(clone_without_stack_goes_on_where_it_was,
	     "clone: without a stack the child goes on on a copy of the parent's"),
	TEST(fs_shares_directory_and_umask, "clone: CLONE_FS shares directory and umask"),
	TEST(without_fs_they_are_copies, "clone: without CLONE_FS they are copies"),
	TEST(files_shares_the_descriptor_table, "clone: CLONE_FILES shares the descriptor table"),
	TEST(without_files_the_table_is_a_copy, "clone: without CLONE_FILES it is a copy"),
	TEST(shared_table_grows_for_both, "clone: a shared descriptor table grows for both"),
	TEST(shared_table_lives_as_long_as_anybody_has_it,
	     "clone: a shared descriptor table lives until its last user ends"),
	TEST(sighand_shares_handlers, "clone: CLONE_SIGHAND shares handlers"),
	TEST(without_sighand_handlers_are_copies, "clone: without CLONE_SIGHAND they are copies"),
	TEST(mask_and_pending_signals_are_never_shared,
	     "clone: mask and pending signals are not shared even then"),
	TEST(shared_handler_runs_in_the_one_signalled,
	     "clone: a shared handler runs in whom the signal was sent to"),
	TEST(parent_makes_a_sibling, "clone: CLONE_PARENT makes a sibling"),
	TEST(parent_takes_the_callers_exit_signal,
	     "clone: CLONE_PARENT takes the caller's exit signal, not the one asked for"),
	TEST(thread_has_the_process_s_pid_and_its_own_tid,
	     "clone: a thread has the process's pid and a tid of its own"),
	TEST(thread_is_no_child, "clone: a thread is nobody's child to wait for"),
	TEST(thread_ignores_the_exit_signal, "clone: CLONE_THREAD ignores the exit signal"),
	TEST(library_threads_work,
	     "clone: the C library's threads start, have their own errno, and are joined"),
	TEST(exit_signal_is_the_one_asked_for,
	     "clone: the exit signal is the one asked for, and tells of the child"),
	TEST(no_exit_signal_sends_none, "clone: exit signal 0 sends none"),
	TEST(deadly_exit_signal_kills_the_parent,
	     "clone: a deadly exit signal kills the parent, SIGKILL too"),
	TEST(clone_ignores_flags_above_bit_31, "clone: flag bits above 31 are ignored"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
