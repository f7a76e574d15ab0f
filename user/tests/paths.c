/*
 * Names of files and directories: making, removing, renaming, linking and listing them on /tmp, and
 * the errno for each way to get them wrong.
 */
#include "helpers.h"

#include <dirent.h>
#include <limits.h>

static void open_creates_and_truncates(void)
{
	struct stat status;
	int fd;

	go_home();
	umask(027);
	check_errno(open("new", O_RDWR), ENOENT);
	fd = check_call(open("new", O_RDWR | O_CREAT, 0666));
	check_call(fstat(fd, &status));
	check_eq(status.st_mode, S_IFREG | 0640);
	check_eq(status.st_nlink, 1);
	check_eq(write(fd, "abc", 3), 3);
	check_call(close(fd));
	check_errno(open("new", O_RDWR | O_CREAT | O_EXCL, 0666), EEXIST);
	fd = check_call(open("new", O_RDWR | O_CREAT, 0600));
	check_call(fstat(fd, &status));
	check_eq(status.st_mode, S_IFREG | 0640);
	check_eq(status.st_size, 3);
	check_call(close(fd));
	check_call(close(check_call(open("new", O_WRONLY | O_TRUNC))));
	check_call(stat("new", &status));
	check_eq(status.st_size, 0);
	check_call(chmod("new", 0751));
	check_call(stat("new", &status));
	check_eq(status.st_mode, S_IFREG | 0751);
	check_call(unlink("new"));
	check_errno(unlink("new"), ENOENT);
	leave_home();
}

static void directories_come_and_go(void)
{
	char name[256];
	struct stat status;

	go_home();
	check_call(mkdir("one", 0755));
	check_errno(mkdir("one", 0755), EEXIST);
	check_call(mkdir("one/two", 0700));
	check_call(stat("one", &status));
	check_eq(status.st_mode, S_IFDIR | 0755);
	check_errno(rmdir("one"), ENOTEMPTY);
	check_call(chdir("one/two"));
	check(getcwd(name, sizeof(name)) && strcmp(name, HOME_DIRECTORY "/one/two") == 0);
	check_call(chdir(".."));
	check(getcwd(name, sizeof(name)) && strcmp(name, HOME_DIRECTORY "/one") == 0);
	check_call(chdir("./two/../../one/./two//.."));
	check(getcwd(name, sizeof(name)) && strcmp(name, HOME_DIRECTORY "/one") == 0);
	check_errno(rmdir("two/."), EINVAL);
	check_errno(rmdir("two/.."), ENOTEMPTY);
	check_call(rmdir("two"));
	check_errno(chdir("two"), ENOENT);
	check_call(chdir(".."));
	check_call(rmdir("one"));
	check_errno(rmdir("one"), ENOENT);
	check_call(chdir("/"));
	check_call(chdir(".."));
	check(getcwd(name, sizeof(name)) && strcmp(name, "/") == 0);
	check_eq(raw2(SYS_getcwd, name, 1), -ERANGE);
	leave_home();
}

static void directory_that_was_removed(void)
{
	char name[256];

	go_home();
	check_call(mkdir("gone", 0755));
	check_call(chdir("gone"));
	check_call(rmdir(HOME_DIRECTORY "/gone"));
	check_eq(raw2(SYS_getcwd, name, sizeof(name)), -ENOENT);
	check_errno(open("new", O_WRONLY | O_CREAT, 0600), ENOENT);
	check_errno(mkdir("new", 0700), ENOENT);
	check_call(chdir(".."));
	leave_home();
}

static void fchdir_goes_where_it_was_opened(void)
{
	char name[256];
	int fd, file;

	go_home();
	check_call(mkdir("one", 0755));
	make_file("file", "");
	fd = check_call(open("one", O_RDONLY | O_DIRECTORY));
	check_call(rename("one", "other"));
	check_call(fchdir(fd));
	check(getcwd(name, sizeof(name)) && strcmp(name, HOME_DIRECTORY "/other") == 0);
	check_call(chdir(".."));
	file = check_call(open("file", O_RDONLY));
	check_errno(fchdir(file), ENOTDIR);
	check_errno(fchdir(99), EBADF);
	check_call(rmdir("other"));
	check_call(unlink("file"));
	leave_home();
}

static void hard_links_are_one_file(void)
{
	struct stat first, second;

	go_home();
	make_file("first", "abc");
	check_call(link("first", "second"));
	check_call(stat("first", &first));
	check_call(stat("second", &second));
	check(first.st_ino == second.st_ino && first.st_nlink == 2);
	check_errno(link("first", "second"), EEXIST);
	check_errno(link("none", "third"), ENOENT);
	check_call(mkdir("directory", 0755));
	check_errno(link("directory", "third"), EPERM);
	check_call(rmdir("directory"));
	check_call(unlink("first"));
	check_call(stat("second", &second));
	check_eq(second.st_nlink, 1);
	check_file("second", "abc");
	leave_home();
}

static void symbolic_links_are_followed(void)
{
	char target[64];
	struct stat status;

	go_home();
	make_file("file", "abc");
	check_call(symlink("file", "link"));
	check_call(lstat("link", &status));
	check(S_ISLNK(status.st_mode));
	check_eq(status.st_size, 4);
	check_call(stat("link", &status));
	check(S_ISREG(status.st_mode));
	memset(target, '#', sizeof(target));
	check_eq(readlink("link", target, sizeof(target)), 4);
	check(memcmp(target, "file#", 5) == 0);
	check_eq(readlink("link", target, 2), 2);
	check_errno(readlink("file", target, sizeof(target)), EINVAL);
	check_errno(open("link", O_RDONLY | O_NOFOLLOW), ELOOP);
	check_errno(open("link", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	check_call(unlink("link"));
	check_call(symlink("nowhere", "link"));
	check_errno(open("link", O_RDONLY), ENOENT);
	check_call(close(check_call(open("link", O_WRONLY | O_CREAT, 0600))));
	check_call(unlink("nowhere"));
	check_call(unlink("link"));
	check_call(symlink("link", "link"));
	check_errno(open("link", O_RDONLY), ELOOP);
	check_errno(symlink("x", "link"), EEXIST);
	check_errno(symlink("", "empty"), ENOENT);
	check_call(unlink("link"));
	check_call(unlink("file"));
	leave_home();
}

static void rename_moves_and_replaces(void)
{
	go_home();
	make_file("one", "1");
	make_file("two", "2");
	check_call(rename("one", "three"));
	check_errno(access("one", F_OK), ENOENT);
	check_call(rename("three", "two"));
	check_file("two", "1");
	make_file("one", "1");
	check_call(rename("one", "one"));
	check_call(mkdir("directory", 0755));
	check_call(mkdir("directory/inner", 0755));
	check_errno(rename("one", "directory"), EISDIR);
	check_errno(rename("directory", "one"), ENOTDIR);
	check_errno(rename("directory", "directory/inner/deeper"), EINVAL);
	check_errno(rename("none", "one"), ENOENT);
	check_call(mkdir("other", 0755));
	check_errno(rename("other", "directory"), ENOTEMPTY);
	check_call(rename("one", "directory/one"));
	check_call(rename("directory", "other"));
	check_file("other/one", "1");
	check_call(rmdir("other/inner"));
	check_call(rmdir("other"));
	leave_home();
}

static void getdents_lists_everything_once(void)
{
	enum { FILES = 60 };
	int seen[FILES] = {0}, dots = 0, others = 0;
	char name[16];
	struct dirent *entry;
	DIR *directory;

	go_home();
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		make_file(name, "");
	}
	directory = opendir(".");
	check(directory != NULL);
	while ((entry = readdir(directory))) {
		int number = strncmp(entry->d_name, "file-", 5) == 0 ? atoi(entry->d_name + 5) : -1;

		if (entry->d_name[0] == '.')
			dots++;
		else if (number >= 0 && number < FILES)
			seen[number]++;
		else
			others++;
	}
	check_eq(dots, 2);
	check_eq(others, 0);
	for (int i = 0; i < FILES; i++)
		check_eq(seen[i], 1);
	rewinddir(directory);
	check(readdir(directory) != NULL);
	closedir(directory);
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		check_call(unlink(name));
	}
	leave_home();
}

static void getdents_errors(void)
{
	char bytes[512];
	int fd;

	go_home();
	fd = check_call(open(".", O_RDONLY | O_DIRECTORY));
	check_eq(raw3(SYS_getdents64, fd, bytes, 10), -EINVAL);
	check_eq(raw3(SYS_getdents64, fd, UNMAPPED_ADDRESS, 512), -EFAULT);
	check_eq(raw3(SYS_getdents64, 99, bytes, 512), -EBADF);
	check_eq(raw3(SYS_read, fd, bytes, 512), -EISDIR);
	check_eq(raw3(SYS_write, fd, bytes, 1), -EBADF);
	check(raw3(SYS_getdents64, fd, bytes, 512) > 0);
	check_eq(raw3(SYS_getdents64, fd, bytes, 512), 0);
	check_call(close(fd));
	fd = check_call(open("/dev/null", O_RDONLY));
	check_eq(raw3(SYS_getdents64, fd, bytes, 512), -ENOTDIR);
	check_call(close(fd));
	leave_home();
}

static void errors_of_paths(void)
{
	static char long_path[PATH_MAX + 10];

	go_home();
	make_file("file", "");
	check_call(mkdir("directory", 0755));
	check_errno(open("none/x", O_RDONLY), ENOENT);
	check_errno(open("file/x", O_RDONLY), ENOTDIR);
	check_errno(open("file/", O_RDONLY), ENOTDIR);
	check_errno(open("file", O_RDONLY | O_DIRECTORY), ENOTDIR);
	check_errno(open("", O_RDONLY), ENOENT);
	check_errno(open("directory", O_WRONLY), EISDIR);
	check_errno(open("directory", O_RDWR), EISDIR);
	check_errno(open("directory", O_RDONLY | O_CREAT, 0600), EISDIR);
	check_errno(open("new/", O_WRONLY | O_CREAT, 0600), EISDIR);
	check_errno(unlink("directory"), EISDIR);
	check_errno(rmdir("file"), ENOTDIR);
	check_errno(mkdir("none/x", 0700), ENOENT);
	check_errno(mkdir("file/x", 0700), ENOTDIR);
	check_errno(chdir("file"), ENOTDIR);
	check_errno(chdir(""), ENOENT);
	check_errno(access("file", X_OK), EACCES);
	check_call(access("file", R_OK | W_OK));
	check_errno(access("file", 8), EINVAL);
	memset(long_path, 'a', sizeof(long_path) - 1);
	check_errno(open(long_path, O_RDONLY), ENAMETOOLONG);
	long_path[256] = 0;
	check_errno(open(long_path, O_RDONLY), ENAMETOOLONG);
	check_errno(mkdir(long_path, 0700), ENAMETOOLONG);
	long_path[255] = 0;
	check_errno(open(long_path, O_RDONLY), ENOENT);
	check_eq(raw2(SYS_open, UNMAPPED_ADDRESS, O_RDONLY), -EFAULT);
	check_eq(raw2(SYS_open, KERNEL_ADDRESS, O_RDONLY), -EFAULT);
	check_eq(raw2(SYS_stat, "file", UNMAPPED_ADDRESS), -EFAULT);
	check_call(rmdir("directory"));
	check_call(unlink("file"));
	leave_home();
}

static void openat_and_its_directory(void)
{
	int directory, fd;

	go_home();
	check_call(mkdir("directory", 0755));
	directory = check_call(open("directory", O_RDONLY | O_DIRECTORY));
	fd = check_call(openat(directory, "file", O_WRONLY | O_CREAT, 0600));
	check_call(close(fd));
	check_call(access("directory/file", F_OK));
	check_call(close(check_call(openat(99, HOME_DIRECTORY "/directory/file", O_RDONLY))));
	check_errno(openat(99, "file", O_RDONLY), EBADF);
	fd = check_call(openat(AT_FDCWD, "directory/file", O_RDONLY));
	check_errno(openat(fd, "x", O_RDONLY), ENOTDIR);
	check_call(unlink("directory/file"));
	check_call(rmdir("directory"));
	leave_home();
}

static const struct test_case cases[] = {
	TEST(open_creates_and_truncates, "paths: open creates with the umask, and truncates"),
	TEST(directories_come_and_go, "paths: mkdir, rmdir, chdir and getcwd"),
	TEST(directory_that_was_removed, "paths: a directory that was removed takes nothing new"),
	TEST(fchdir_goes_where_it_was_opened,
	     "paths: fchdir goes to the directory itself, not to its old name"),
	TEST(hard_links_are_one_file, "paths: hard links are one file"),
	TEST(symbolic_links_are_followed, "paths: symbolic links are followed, and not for ever"),
	TEST(rename_moves_and_replaces, "paths: rename moves and replaces, and what it refuses"),
	TEST(getdents_lists_everything_once,
	     "paths: a directory of sixty files is listed completely, each once"),
	TEST(getdents_errors, "paths: getdents64's errors"),
	TEST(errors_of_paths, "paths: the errno for each bad path"),
	TEST(openat_and_its_directory, "paths: openat starts at its directory"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
