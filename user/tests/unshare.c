/*
 * unshare(2): what the caller shares with others becomes its own, as it is at that moment; or the
 * call is refused, for what cannot be parted from those who share it.
 */
#include "clone.h"

enum { KCMP_FS = 3 };

static void unshare_parts_them(void)
{
	volatile int *step = tap_shared(4096);
	pid_t parent = getpid(), pid;

	pid = raw_clone(CLONE_FILES | CLONE_FS | SIGCHLD, NULL, NULL, NULL, 0);
	if (pid == 0) {
		if (raw1(SYS_unshare, CLONE_FILES) ||
		    raw3(SYS_kcmp, parent, raw0(SYS_getpid), KCMP_FS))
			raw_exit(1);
		set(step, 1);
		raw_exit(0);
	}
	tap_await(step, 1);
	check_exits(pid, 0);
}

/* ---- flags ---- */

#define SHARED_THINGS (CLONE_FS | CLONE_FILES | CLONE_SYSVSEM)
#define WHOLE_PROCESS (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)

static void unknown_flags_are_refused(void)
{
	const unsigned long known = SHARED_THINGS | WHOLE_PROCESS | CLONE_NEWNS | CLONE_NEWUTS |
				    CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
				    CLONE_NEWCGROUP | CLONE_NEWTIME;

	for (int bit = 0; bit < 64; bit++) {
		unsigned long flag = 1UL << bit;

		if (flag & known)
			continue;
		check_eq(raw1(SYS_unshare, flag), -EINVAL);
		check_eq(raw1(SYS_unshare, flag | CLONE_FS), -EINVAL);
		check_eq(raw1(SYS_unshare, flag | WHOLE_PROCESS), -EINVAL);
	}
	check_eq(raw1(SYS_unshare, -1L), -EINVAL);
}

static void who_shares_nothing_may_unshare_all(void)
{
	static const unsigned long flags[] = {0,
					      CLONE_FS,
					      CLONE_FILES,
					      CLONE_SYSVSEM,
					      CLONE_THREAD,
					      CLONE_SIGHAND,
					      CLONE_VM,
					      SHARED_THINGS | WHOLE_PROCESS};
	int ends[2];

	make_pipe(ends);
	for (size_t i = 0; i < TAP_COUNT(flags); i++)
		check_eq(raw1(SYS_unshare, flags[i]), 0);
	give_byte(ends[1], 1);
	take_byte(ends[0]);
}

static void become_nobody(void *argument)
{
	static const unsigned long flags[] = {CLONE_NEWNS,  CLONE_NEWUTS, CLONE_NEWIPC,
					      CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP};

	check_call(setuid(1000));
	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		check_eq(raw1(SYS_unshare, flags[i]), -EPERM);
		check_eq(raw1(SYS_unshare, flags[i] | CLONE_FS | CLONE_FILES), -EPERM);
		/* What is no flag at all comes first. */
		check_eq(raw1(SYS_unshare, flags[i] | CLONE_PARENT), -EINVAL);
	}
	check_eq(raw1(SYS_unshare, SHARED_THINGS | WHOLE_PROCESS), 0);
}

static void namespaces_need_privilege(void)
{
	check_child(become_nobody, NULL);
}

/* ---- what is parted ---- */

static int unshare_and_change_fs(void *argument)
{
	char name[64];

	/* A copy of what it was at that moment. */
	if (raw1(SYS_unshare, argument) != 0)
		return 1;
	if (raw2(SYS_getcwd, name, sizeof(name)) < 0 || strcmp(name, "/tmp") != 0)
		return 2;
	if (raw1(SYS_umask, 0) != 0123 || raw1(SYS_chdir, "/") != 0)
		return 3;
	return raw1(SYS_chroot, "/tmp") == 0 ? 0 : 4;
}

static void directory_root_and_umask_are_parted(void)
{
	static const unsigned long flags[] = {CLONE_FS, CLONE_FS | CLONE_VM};
	char name[64];

	umask(0123);
	check_call(chdir("/tmp"));
	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		check_exits(clone_call(flags[i] | SIGCHLD, unshare_and_change_fs, (void *)CLONE_FS),
			    0);
		check(getcwd(name, sizeof(name)) != NULL);
		check(strcmp(name, "/tmp") == 0);
		check_eq(umask(0123), 0123);
		check_call(access("/proc/self", F_OK));
	}
}

static int unshare_and_change_files(void *argument)
{
	const int *ends = argument;

	if (raw1(SYS_unshare, CLONE_FILES) != 0)
		return 1;
	if (raw3(SYS_fcntl, ends[0], F_GETFD, 0) != FD_CLOEXEC ||
	    raw3(SYS_fcntl, ends[1], F_GETFD, 0) != 0)
		return 2;
	if (raw1(SYS_close, ends[0]) != 0 || raw3(SYS_fcntl, ends[1], F_SETFD, FD_CLOEXEC) != 0)
		return 3;
	return raw2(SYS_dup2, 0, 200) == 200 ? 0 : 4;
}

static void descriptors_are_parted(void)
{
	static const unsigned long flags[] = {CLONE_FILES, CLONE_FILES | CLONE_VM};
	int ends[2];

	make_pipe(ends);
	check_call(fcntl(ends[0], F_SETFD, FD_CLOEXEC));
	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		check_exits(clone_call(flags[i] | SIGCHLD, unshare_and_change_files, ends), 0);
		check_eq(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
		check_eq(fcntl(ends[1], F_GETFD), 0);
		check_errno(fcntl(200, F_GETFD), EBADF);
	}
}

static int change_when_told(void *argument)
{
	await_turn(1);
	return raw1(SYS_umask, 0111) == 0022 ? 0 : 1;
}

static int unshare_umask(void *argument)
{
	return raw1(SYS_unshare, CLONE_FS) == 0 && raw1(SYS_umask, 0) == 0022 ? 0 : 1;
}

/* One of three goes; the other two still share. */
static void two_that_stay_go_on_sharing(void)
{
	pid_t pid;

	umask(0022);
	begin_turns();
	pid = clone_call(CLONE_FS | SIGCHLD, change_when_told, NULL);
	check_exits(clone_call(CLONE_FS | SIGCHLD, unshare_umask, NULL), 0);
	give_turn(1);
	check_exits(pid, 0);
	check_eq(umask(0), 0111);
}

static int unshare_in_thread(void *argument)
{
	const int fd = (int)(long)argument;

	set(&turn[1], raw1(SYS_unshare, CLONE_FS | CLONE_FILES) == 0 ? 1 : 2);
	raw1(SYS_umask, 0111);
	raw1(SYS_close, fd);
	return 0;
}

static void a_thread_may_part_from_the_others(void)
{
	long fd = check_call(dup(0));
	struct thread thread;

	begin_turns();
	umask(0022);
	thread_start(&thread, unshare_in_thread, (void *)fd);
	thread_join(&thread);
	check_eq(turn[1], 1);
	check_eq(umask(0), 0022);
	check_eq(fcntl(fd, F_GETFD), 0);
}

/* ---- what cannot be parted ---- */

static int end_when_told(void *argument)
{
	await_turn(1);
	return 0;
}

/* The errno that each of the three gives in this company: 0 for none. */
static void expect_refused(int thread_error, int sighand_error, int vm_error)
{
	check_eq(raw1(SYS_unshare, CLONE_THREAD), -thread_error);
	check_eq(raw1(SYS_unshare, CLONE_SIGHAND), -sighand_error);
	check_eq(raw1(SYS_unshare, CLONE_VM), -vm_error);
	check_eq(raw1(SYS_unshare, WHOLE_PROCESS), -vm_error);
	check_eq(raw1(SYS_unshare, SHARED_THINGS), 0);
}

static void process_with_two_threads(void)
{
	struct thread thread;

	begin_turns();
	thread_start(&thread, end_when_told, NULL);
	expect_refused(EINVAL, EINVAL, EINVAL);
	give_turn(1);
	thread_join(&thread);
	expect_refused(0, 0, 0);
}

static void process_whose_memory_another_has(void)
{
	pid_t pid;

	begin_turns();
	pid = clone_call(CLONE_VM | SIGCHLD, end_when_told, NULL);
	expect_refused(0, 0, EINVAL);
	give_turn(1);
	check_exits(pid, 0);
	expect_refused(0, 0, 0);
}

static void process_whose_handlers_another_has(void)
{
	pid_t pid;

	begin_turns();
	pid = clone_call(CLONE_VM | CLONE_SIGHAND | SIGCHLD, end_when_told, NULL);
	expect_refused(0, EINVAL, EINVAL);
	give_turn(1);
	check_exits(pid, 0);
	expect_refused(0, 0, 0);
}

static int wait_and_set_umask(void *argument)
{
	await_turn(1);
	raw1(SYS_umask, 0111);
	raw1(SYS_close, argument);
	return 0;
}

static void refused_call_parts_nothing(void)
{
	static const unsigned long flags[] = {CLONE_THREAD, CLONE_SIGHAND, CLONE_VM, CLONE_PARENT};

	for (size_t i = 0; i < TAP_COUNT(flags); i++) {
		long fd = check_call(dup(0));
		struct thread thread;

		begin_turns();
		umask(0022);
		thread_start(&thread, wait_and_set_umask, (void *)fd);
		check_eq(raw1(SYS_unshare, flags[i] | CLONE_FS | CLONE_FILES), -EINVAL);
		give_turn(1);
		thread_join(&thread);
		check_eq(umask(0022), 0111);
		check_errno(fcntl(fd, F_GETFD), EBADF);
	}
}

/* Looks at its parent's memory again and again, which does not share it. */
static pid_t start_reader(volatile int *rounds)
{
	char path[64], bytes[256];
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/%d/maps", getpid());
	pid = tap_fork();
	while (pid == 0) {
		long fd = raw2(SYS_open, path, O_RDONLY);

		while (raw3(SYS_read, fd, bytes, sizeof(bytes)) > 0)
			;
		raw1(SYS_close, fd);
		add(rounds, 1);
	}
	return pid;
}

static void who_only_looks_shares_nothing(void)
{
	volatile int *rounds = tap_shared(4096);
	pid_t reader = start_reader(rounds);

	while (get(rounds) < 100) {
		check_eq(raw1(SYS_unshare, CLONE_VM), 0);
		if (get(rounds) == 0)
			raw0(SYS_sched_yield);
	}
	check_call(kill(reader, SIGKILL));
	check_killed(reader, SIGKILL);
}

static const struct test_case cases[] = {
	TEST(unshare_parts_them, "kcmp: unshare of one leaves the other shared"),
	TEST(unknown_flags_are_refused,
	     "unshare: every bit that is none of its flags is EINVAL, alone and with others"),
	TEST(who_shares_nothing_may_unshare_all,
	     "unshare: who shares nothing may unshare each and all"),
	TEST(namespaces_need_privilege,
	     "unshare: namespaces need privilege; EINVAL for bad bits comes first"),
	TEST(directory_root_and_umask_are_parted,
	     "unshare: CLONE_FS gives a copy of directory, root and umask"),
	TEST(descriptors_are_parted,
	     "unshare: CLONE_FILES gives a copy of the descriptors and their marks"),
	TEST(two_that_stay_go_on_sharing, "unshare: when one of three goes, two go on sharing"),
	TEST(a_thread_may_part_from_the_others,
	     "unshare: a thread parts with its process's directory and descriptors"),
	TEST(process_with_two_threads,
	     "unshare: with a second thread CLONE_THREAD, SIGHAND and VM are EINVAL until it ends"),
	TEST(process_whose_memory_another_has,
	     "unshare: when another process has the memory only CLONE_VM is EINVAL"),
	TEST(process_whose_handlers_another_has,
	     "unshare: when another process has the handlers too CLONE_SIGHAND is EINVAL as well"),
	TEST(who_only_looks_shares_nothing,
	     "unshare: who reads a process's /proc files does not share its memory"),
	TEST(refused_call_parts_nothing, "unshare: a call that is refused parts nothing"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
