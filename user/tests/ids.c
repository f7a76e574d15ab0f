/*
 * The numbers of processes, threads, parents, users and groups.
 */
#include "helpers.h"

#include <grp.h>

static volatile int *shared;

static void numbers_of_living_processes_differ(void)
{
	enum { CHILDREN = 40 };
	pid_t pids[CHILDREN];
	int gate[2];

	shared = tap_shared(4096);
	make_pipe(gate);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			set(&shared[i], getpid());
			close(gate[1]);
			check_eof(gate[0]);
			_exit(0);
		}
	}
	for (int i = 0; i < CHILDREN; i++) {
		check(pids[i] > 1);
		for (int j = 0; j < i; j++)
			check(pids[i] != pids[j]);
	}
	close(gate[1]);
	for (int i = 0; i < CHILDREN; i++) {
		check_exits(pids[i], 0);
		check_eq(shared[i], pids[i]);
	}
}

static void zombies_number_is_not_given_again(void)
{
	pid_t zombie = tap_fork();

	if (zombie == 0)
		_exit(9);
	await_zombie(zombie);
	for (int i = 0; i < 50; i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			_exit(0);
		check(pid != zombie);
		check_exits(pid, 0);
	}
	check_exits(zombie, 9);
}

static void fork_tells_each_who_it_is(void)
{
	pid_t self = getpid();

	for (int i = 0; i < 10; i++) {
		pid_t pid = tap_fork();
		if (pid == 0)
			_exit(getpid() != self && getppid() == self && raw_gettid() == getpid()
				      ? 3
				      : 4);
		check_eq(getpid(), self);
		check(pid != self);
		check_exits(pid, 3);
	}
}

static int note_numbers(void *argument)
{
	volatile int *notes = argument;

	notes[0] = raw0(SYS_getpid);
	notes[1] = raw_gettid();
	notes[2] = raw0(SYS_getppid);
	raw_await(&notes[3], 1);
	return 0;
}

static void threads_have_one_pid_and_many_tids(void)
{
	volatile int notes[3][4] = {{0}};
	struct thread threads[3];

	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], note_numbers, (void *)notes[i]);
	for (int i = 0; i < 3; i++)
		set(&notes[i][3], 1);
	for (int i = 0; i < 3; i++) {
		thread_join(&threads[i]);
		check_eq(notes[i][0], getpid());
		check_eq(notes[i][1], threads[i].tid);
		check_eq(notes[i][2], getppid());
		check(threads[i].tid != getpid());
	}
}

static void leader_and_thread_numbers_are_one_space(void)
{
	volatile int notes[4] = {0};
	struct thread thread;
	pid_t pid;

	thread_start(&thread, note_numbers, (void *)notes);
	pid = tap_fork();
	if (pid == 0)
		_exit(0);
	check(pid != thread.tid);
	/* A thread's number stands for its process in kill, but for no process in tgkill. */
	check_call(kill(thread.tid, 0));
	check_eq(raw3(SYS_tgkill, thread.tid, thread.tid, 0), -ESRCH);
	check_eq(raw3(SYS_tgkill, getpid(), thread.tid, 0), 0);
	set(&notes[3], 1);
	thread_join(&thread);
	check_exits(pid, 0);
}

static void set_tid_address_returns_the_tid(void)
{
	int word;

	check_eq(raw1(SYS_set_tid_address, &word), raw_gettid());
	check_eq(raw1(SYS_set_tid_address, UNMAPPED_ADDRESS), raw_gettid());
	check_eq(raw1(SYS_set_tid_address, NULL), raw_gettid());
}

static void watch_the_parent(void *argument)
{
	pid_t first = getppid();

	set(&shared[0], getpid());
	while (getppid() == first)
		sched_yield();
	set(&shared[1], getppid());
}

static void make_a_watcher(void *argument)
{
	pid_t pid = tap_child(watch_the_parent, NULL);

	tap_await(&shared[0], 1);
	check_eq(pid, shared[0]);
}

static void getppid_follows_reparenting(void)
{
	shared = tap_shared(4096);
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_child(make_a_watcher, NULL);
	check_exits(shared[0], 0);
	check_eq(shared[1], getpid());
}

/* ---- users and groups ---- */

static void check_users(void *argument)
{
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;

	check_call(getresuid(&real, &effective, &saved));
	check_call(getresgid(&real_group, &effective_group, &saved_group));
	check(real == 1001 && effective == 1002 && saved == 1003);
	check(real_group == 2001 && effective_group == 2002 && saved_group == 2003);
	check(getuid() == 1001 && geteuid() == 1002 && getgid() == 2001 && getegid() == 2002);
}

static void become_and_fork(void *argument)
{
	gid_t groups[] = {3001, 3002}, found[4];

	check_call(setgroups(2, groups));
	check_call(raw3(SYS_setresgid, 2001, 2002, 2003) == 0 ? 0 : -1);
	check_call(raw3(SYS_setresuid, 1001, 1002, 1003) == 0 ? 0 : -1);
	check_users(NULL);
	check_child(check_users, NULL);
	check_eq(getgroups(4, found), 2);
	check(found[0] == 3001 && found[1] == 3002);
}

static void fork_copies_users_and_groups(void)
{
	if (geteuid() == 0)
		check_child(become_and_fork, NULL);
}

static void change_user(void *argument)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_call(raw1(SYS_setuid, 1234) == 0 ? 0 : -1);
		check_eq(getuid(), 1234);
		check_eq(raw1(SYS_setuid, 0), -EPERM);
		check_eq(raw1(SYS_setgid, 0), getgid() == 0 ? 0 : -EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(getuid(), 0);
}

static void childs_user_is_its_own(void)
{
	if (geteuid() == 0)
		check_child(change_user, NULL);
}

static int set_user_in_thread(void *argument)
{
	return (int)raw1(SYS_setuid, 1234);
}

static void change_user_in_a_thread(void *argument)
{
	struct thread thread;

	thread_start(&thread, set_user_in_thread, NULL);
	thread_join(&thread);
	/* To the kernel users belong to threads. */
	check_eq(raw0(SYS_getuid), 0);
}

static void threads_user_is_its_own(void)
{
	if (geteuid() == 0)
		check_child(change_user_in_a_thread, NULL);
}

static void check_name(void *argument)
{
	char name[16];

	check_call(prctl(PR_GET_NAME, name));
	check(strcmp(name, "a long name whi") == 0);
	check_call(prctl(PR_SET_NAME, "child"));
}

static void name_is_copied_and_cut(void)
{
	char name[16];

	check_call(prctl(PR_SET_NAME, "a long name which is cut"));
	check_child(check_name, NULL);
	check_call(prctl(PR_GET_NAME, name));
	check(strcmp(name, "a long name whi") == 0);
	check_errno(prctl(PR_SET_NAME, UNMAPPED_ADDRESS), EFAULT);
	check_errno(prctl(PR_GET_NAME, UNMAPPED_ADDRESS), EFAULT);
	check_errno(prctl(9999, 0), EINVAL);
}

static const struct test_case cases[] = {
	TEST(numbers_of_living_processes_differ, "ids: forty living processes have forty numbers"),
	TEST(zombies_number_is_not_given_again,
	     "ids: a zombie's number is not given to anybody else"),
	TEST(fork_tells_each_who_it_is, "ids: fork: parent and child each know who they are"),
	TEST(threads_have_one_pid_and_many_tids, "ids: threads have one pid and each a tid"),
	TEST(leader_and_thread_numbers_are_one_space, "ids: tids and pids are out of one space"),
	TEST(set_tid_address_returns_the_tid,
	     "ids: set_tid_address returns the tid, whatever the address"),
	TEST(getppid_follows_reparenting, "ids: getppid follows reparenting"),
	TEST(fork_copies_users_and_groups,
	     "ids: fork copies real, effective, saved and supplementary ids"),
	TEST(childs_user_is_its_own, "ids: what the child does with its user is its own"),
	TEST(threads_user_is_its_own, "ids: to the kernel a thread's user is its own"),
	TEST(name_is_copied_and_cut, "ids: the name is copied by fork, and cut to 15 bytes"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
