/*
 * CLONE_FS: child and parent have one working directory, one root and one umask.
 */
#include "clone.h"

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

/* ---- the root, and paths that follow ---- */

#define PLACE "/tmp/clone-fs"

static void make_place(void)
{
	if (mkdir(PLACE, 0755))
		check_eq(errno, EEXIST);
	close(check_call(open(PLACE "/here", O_WRONLY | O_CREAT, 0644)));
}

static void remove_place(void)
{
	check_call(unlink(PLACE "/here"));
	check_call(rmdir(PLACE));
}

static int change_root(void *argument)
{
	return raw1(SYS_chroot, PLACE) == 0 ? 0 : 1;
}

static void root_is_shared_with_fs_only(void)
{
	int root = check_call(open("/", O_RDONLY | O_DIRECTORY));

	make_place();
	check_exits(clone_call(SIGCHLD, change_root, NULL), 0);
	check_errno(access("/here", F_OK), ENOENT);
	check_exits(clone_call(CLONE_FS | SIGCHLD, change_root, NULL), 0);
	check_call(access("/here", F_OK));
	check_call(fchdir(root));
	check_call(chroot("."));
	remove_place();
}

static int enter_descriptor(void *argument)
{
	return raw1(SYS_fchdir, argument) == 0 ? 0 : 1;
}

static void relative_paths_follow_a_sharer(void)
{
	long fd;

	make_place();
	fd = check_call(open(PLACE, O_RDONLY | O_DIRECTORY));
	check_call(chdir("/"));
	check_exits(clone_call(SIGCHLD, enter_descriptor, (void *)fd), 0);
	check_errno(access("here", F_OK), ENOENT);
	check_exits(clone_call(CLONE_FS | SIGCHLD, enter_descriptor, (void *)fd), 0);
	check_call(access("here", F_OK));
	check_call(chdir("/"));
	remove_place();
}

static int create_in_turn(void *argument)
{
	struct stat status;

	for (int i = 1; i < 4; i++) {
		await_turn(2 * i);
		if (raw3(SYS_mknod, PLACE "/new", S_IFREG | 0777, 0) != 0)
			return 1;
		if (raw2(SYS_stat, PLACE "/new", &status) != 0)
			return 2;
		if ((status.st_mode & 0777) != (mode_t)(0777 & ~(011 * i)))
			return 3;
		raw1(SYS_unlink, PLACE "/new");
		give_turn(2 * i + 1);
	}
	return 0;
}

static void new_files_obey_the_umask_of_a_sharer(void)
{
	pid_t pid;

	make_place();
	begin_turns();
	pid = clone_call(CLONE_FS | SIGCHLD, create_in_turn, NULL);
	for (int i = 1; i < 4; i++) {
		umask(011 * i);
		give_turn(2 * i);
		await_turn(2 * i + 1);
	}
	check_exits(pid, 0);
	remove_place();
}

static int report_directory_in_turn(void *argument)
{
	char name[64];

	await_turn(1);
	if (raw2(SYS_getcwd, name, sizeof(name)) < 0)
		return 9;
	return strcmp(name, "/tmp") == 0 ? 1 : strcmp(name, "/") == 0 ? 2 : 3;
}

/* What the parent changes after the clone; nothing is passed on with hindsight. */
static void parent_changes_reach_the_child_with_fs_only(void)
{
	for (int shared = 0; shared < 2; shared++) {
		pid_t pid;

		begin_turns();
		check_call(chdir("/"));
		pid = clone_call((shared ? CLONE_FS : 0) | SIGCHLD, report_directory_in_turn, NULL);
		check_call(chdir("/tmp"));
		give_turn(1);
		check_exits(pid, shared ? 1 : 2);
	}
}

/* ---- both at once, and the end of one ---- */

static int go_to_and_fro(void *argument)
{
	while (!get(turn)) {
		raw1(SYS_chdir, PLACE);
		raw1(SYS_chdir, PLACE "/..");
	}
	return 0;
}

static void directory_changes_while_paths_are_walked(void)
{
	int in_place = 0, elsewhere = 0;
	pid_t pid;

	make_place();
	begin_turns();
	pid = clone_call(CLONE_FS | SIGCHLD, go_to_and_fro, NULL);
	for (int i = 0; i < 2000 || (i < 200000 && (!in_place || !elsewhere)); i++) {
		if (access("here", F_OK) == 0)
			in_place++;
		else
			elsewhere++;
		if (i % 100 == 0)
			sched_yield();
	}
	give_turn(1);
	check_exits(pid, 0);
	check(in_place > 0 && elsewhere > 0);
	check_call(chdir("/"));
	remove_place();
}

static int exec_and_change_fs(void *argument)
{
	raw_exec_helper("change", NULL, NULL);
	return 126;
}

static void exec_keeps_sharing(void)
{
	char directory[64];

	check_call(chdir("/"));
	umask(0022);
	check_exits(clone_call(CLONE_FS | SIGCHLD, exec_and_change_fs, NULL), 0);
	check(getcwd(directory, sizeof(directory)) != NULL);
	check(strcmp(directory, "/tmp") == 0);
	check_eq(umask(0), 0123);
}

static int use_fs_when_alone(void *argument)
{
	char name[64];

	await_turn(1);
	if (raw2(SYS_getcwd, name, sizeof(name)) < 0 || strcmp(name, "/tmp") != 0)
		set(&turn[1], 2);
	else
		set(&turn[1], raw1(SYS_umask, 0) == 0123 ? 1 : 3);
	return 0;
}

static void share_fs_and_leave(void *argument)
{
	check_call(chdir("/tmp"));
	umask(0123);
	clone_call(CLONE_FS | SIGCHLD, use_fs_when_alone, NULL);
}

static void fs_lives_as_long_as_anybody_has_it(void)
{
	begin_turns();
	check_child(share_fs_and_leave, NULL);
	give_turn(1);
	tap_await(&turn[1], 1);
	check_eq(turn[1], 1);
}

static int chdir_in_a_thread(void *argument)
{
	return raw1(SYS_chdir, "/tmp") == 0 ? 0 : 1;
}

/* A thread made without the flag goes its own way, though it is of the same process. */
static void thread_may_have_its_own_directory(void)
{
	const unsigned long flags = THREAD_FLAGS & ~CLONE_FS;
	char directory[64];
	struct thread thread;
	int *word = (int *)&thread.word;

	check_call(chdir("/"));
	thread.tid = raw_clone_call(flags, new_stack(), word, word, 0, chdir_in_a_thread, NULL);
	check(thread.tid > 0);
	thread_join(&thread);
	check(getcwd(directory, sizeof(directory)) != NULL);
	check(strcmp(directory, "/") == 0);
	thread_start(&thread, chdir_in_a_thread, NULL);
	thread_join(&thread);
	check(getcwd(directory, sizeof(directory)) != NULL);
	check(strcmp(directory, "/tmp") == 0);
}

static int clone_and_change(void *argument)
{
	long pid = raw_clone_call((unsigned long)argument | SIGCHLD, new_stack(), NULL, NULL, 0,
				  change_fs, NULL);
	int status;

	return raw_wait4(pid, &status, 0, NULL) == pid && status == 0 ? 0 : 1;
}

/* It is with whom one was cloned by that counts, not who was there before. */
static void grandchild_shares_with_its_own_parent(void)
{
	umask(0022);
	check_call(chdir("/"));
	check_exits(clone_call(SIGCHLD, clone_and_change, (void *)CLONE_FS), 0);
	check_eq(umask(0022), 0022);
	check_exits(clone_call(CLONE_FS | SIGCHLD, clone_and_change, NULL), 0);
	check_eq(umask(0022), 0022);
	check_exits(clone_call(CLONE_FS | SIGCHLD, clone_and_change, (void *)CLONE_FS), 0);
	check_eq(umask(0022), 0123);
}

static void check_directory(void *expected)
{
	char directory[64];

	check(getcwd(directory, sizeof(directory)) != NULL);
	check(strcmp(directory, expected) == 0);
}

static void go_to_tmp(void *unused)
{
	check_directory("/");
	check_call(chdir("/tmp"));
	check_directory("/tmp");
	check_eq(umask(0123), 0022);
}

static void be_forked_between_changes(void *unused)
{
	check_child(go_to_tmp, NULL);
	check_directory("/");
	check_call(chdir("/dev"));
	check_directory("/dev");
	check_eq(umask(0111), 0022);
	check_child(check_directory, "/dev");
	check_exits(clone_call(CLONE_FS | SIGCHLD, chdir_in_a_thread, NULL), 0);
	check_directory("/tmp");
	check_eq(umask(0), 0111);
}

/* Whoever changes what fork gave him changes it for himself, in whatever order they come. */
static void each_forked_process_goes_its_own_way(void)
{
	check_call(chdir("/"));
	umask(0022);
	for (int i = 0; i < 3; i++)
		check_child(be_forked_between_changes, NULL);
	check_directory("/");
	check_child(check_directory, "/");
	check_call(chdir("/tmp"));
	check_child(check_directory, "/tmp");
	check_eq(umask(0022), 0022);
}

static int helper(int argc, char **argv)
{
	return change_fs(NULL);
}

static const struct test_case cases[] = {
	TEST(fs_shares_directory_and_umask, "clone: CLONE_FS shares directory and umask"),
	TEST(without_fs_they_are_copies, "clone: without CLONE_FS they are copies"),
	TEST(root_is_shared_with_fs_only,
	     "CLONE_FS: chroot by the child moves the parent's root, with the flag only"),
	TEST(relative_paths_follow_a_sharer,
	     "CLONE_FS: after fchdir by the child the parent's relative paths begin there"),
	TEST(new_files_obey_the_umask_of_a_sharer,
	     "CLONE_FS: new files of the child obey the umask that the parent sets"),
	TEST(parent_changes_reach_the_child_with_fs_only,
	     "CLONE_FS: what the parent changes later reaches the child, with the flag only"),
	TEST(directory_changes_while_paths_are_walked,
	     "CLONE_FS: one changes the directory while the other walks relative paths"),
	TEST(exec_keeps_sharing, "CLONE_FS: exec by one goes on sharing"),
	TEST(fs_lives_as_long_as_anybody_has_it,
	     "CLONE_FS: directory and umask live until their last user ends"),
	TEST(thread_may_have_its_own_directory,
	     "CLONE_FS: a thread made without it has a directory of its own"),
	TEST(each_forked_process_goes_its_own_way,
	     "CLONE_FS: children and grandchildren without it change their directories and umasks"),
	TEST(grandchild_shares_with_its_own_parent,
	     "CLONE_FS: a grandchild shares with whom its own flags say"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
