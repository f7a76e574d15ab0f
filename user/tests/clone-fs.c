/*
 * CLONE_FS: child and parent have one working directory, one root and one umask.
 */
#include "helpers.h"

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

static const struct test_case cases[] = {
	TEST(fs_shares_directory_and_umask, "clone: CLONE_FS shares directory and umask"),
	TEST(without_fs_they_are_copies, "clone: without CLONE_FS they are copies"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
