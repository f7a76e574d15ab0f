/* openat2(2): what it refuses that open ignores, and walks that must stay where they are told. */
#include "helpers.h"

#include <sys/syscall.h>

#ifndef SYS_openat2
#define SYS_openat2 437
#endif

#define NO_XDEV       0x01
#define NO_MAGICLINKS 0x02
#define NO_SYMLINKS   0x04
#define BENEATH       0x08
#define IN_ROOT       0x10
#define CACHED        0x20

struct how {
	unsigned long flags, mode, resolve;
};

/* The descriptor is closed again: 0, or the error. */
static long attempt(int dirfd, const char *path, unsigned long flags, unsigned long mode,
		    unsigned long resolve)
{
	struct how how = {flags, mode, resolve};
	long fd = raw4(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd < 0)
		return fd;
	check_call(close(fd));
	return 0;
}

static long resolve(int dirfd, const char *path, unsigned long how)
{
	return attempt(dirfd, path, O_RDONLY, 0, how);
}

static int begin(void)
{
	go_home();
	check_call(mkdir("dir", 0755));
	check_call(mkdir("dir/sub", 0755));
	make_file("dir/file", "inside");
	make_file("outside", "outside");
	check_call(symlink("file", "dir/link"));
	check_call(symlink("../outside", "dir/up"));
	check_call(symlink("/file", "dir/absolute"));
	return check_call(open("dir", O_RDONLY | O_DIRECTORY));
}

static void end(int dir)
{
	check_call(close(dir));
	check_call(unlink("dir/link"));
	check_call(unlink("dir/up"));
	check_call(unlink("dir/absolute"));
	check_call(unlink("dir/file"));
	check_call(unlink("outside"));
	check_call(rmdir("dir/sub"));
	check_call(rmdir("dir"));
	leave_home();
}

static void strict_about_flags(void)
{
	int dir = begin();

	check_eq(attempt(AT_FDCWD, "outside", O_RDONLY, 0, 0), 0);
	check_eq(attempt(AT_FDCWD, "outside", O_RDONLY, 0644, 0), -EINVAL);
	check_eq(attempt(AT_FDCWD, "outside", O_RDWR | O_CREAT, 0644, 0), 0);
	check_eq(attempt(AT_FDCWD, "outside", O_RDWR | O_CREAT, 010644, 0), -EINVAL);
	check_eq(attempt(AT_FDCWD, "outside", 1ul << 30, 0, 0), -EINVAL);
	check_eq(attempt(AT_FDCWD, "outside", 1ul << 40, 0, 0), -EINVAL);
	check_eq(attempt(AT_FDCWD, "outside", O_PATH | O_RDWR, 0, 0), -EINVAL);
	check_eq(attempt(AT_FDCWD, "outside", O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, 0), 0);
	check_eq(resolve(AT_FDCWD, "outside", 0x40), -EINVAL);
	check_eq(resolve(AT_FDCWD, "outside", 1ul << 40), -EINVAL);
	check_eq(resolve(AT_FDCWD, "outside", BENEATH | IN_ROOT), -EINVAL);
	end(dir);
}

static void size_of_the_struct(void)
{
	struct {
		struct how how;
		unsigned long more;
	} longer = {};
	static char page[8192];
	int dir = begin();
	long fd = raw4(SYS_openat2, AT_FDCWD, "outside", &longer, sizeof(longer));

	check(fd >= 0);
	check_call(close(fd));
	longer.more = 1;
	check_eq(raw4(SYS_openat2, AT_FDCWD, "outside", &longer, sizeof(longer)), -E2BIG);
	check_eq(raw4(SYS_openat2, AT_FDCWD, "outside", &longer, 23), -EINVAL);
	check_eq(raw4(SYS_openat2, AT_FDCWD, "outside", &longer, 0), -EINVAL);
	check_eq(raw4(SYS_openat2, AT_FDCWD, "outside", page, 4097), -E2BIG);
	check_eq(raw4(SYS_openat2, AT_FDCWD, "outside", page, -1l), -E2BIG);
	check_eq(raw4(SYS_openat2, AT_FDCWD, "outside", NULL, 24), -EFAULT);
	check_eq(raw4(SYS_openat2, AT_FDCWD, "outside", KERNEL_ADDRESS, 24), -EFAULT);
	check_eq(raw4(SYS_openat2, AT_FDCWD, NULL, page, 24), -EFAULT);
	end(dir);
}

static void beneath(void)
{
	int dir = begin();

	check_eq(resolve(dir, "file", BENEATH), 0);
	check_eq(resolve(dir, "link", BENEATH), 0);
	check_eq(resolve(dir, ".", BENEATH), 0);
	check_eq(resolve(dir, "sub/..", BENEATH), 0);
	check_eq(resolve(dir, "..", BENEATH), -EXDEV);
	check_eq(resolve(dir, "sub/../..", BENEATH), -EXDEV);
	check_eq(resolve(dir, "../dir/file", BENEATH), -EXDEV);
	check_eq(resolve(dir, "up", BENEATH), -EXDEV);
	check_eq(resolve(dir, "absolute", BENEATH), -EXDEV);
	check_eq(resolve(dir, "/", BENEATH), -EXDEV);
	check_eq(resolve(-1, "/", BENEATH), -EXDEV);
	check_eq(resolve(-1, "file", BENEATH), -EBADF);
	check_eq(resolve(dir, "missing", BENEATH), -ENOENT);
	check_eq(resolve(dir, "", BENEATH), -ENOENT);
	check_eq(resolve(AT_FDCWD, "outside", BENEATH), 0);
	check_eq(attempt(dir, "../new", O_CREAT | O_RDWR, 0600, BENEATH), -EXDEV);
	check_errno(access("new", F_OK), ENOENT);
	end(dir);
}

static void in_root(void)
{
	int dir = begin(), file;

	check_eq(resolve(dir, "/file", IN_ROOT), 0);
	check_eq(resolve(dir, "/", IN_ROOT), 0);
	check_eq(resolve(dir, "../../file", IN_ROOT), 0);
	check_eq(resolve(dir, "absolute", IN_ROOT), 0);
	check_eq(resolve(dir, "up", IN_ROOT), -ENOENT);
	check_eq(resolve(dir, "/outside", IN_ROOT), -ENOENT);
	check_eq(resolve(-1, "/file", IN_ROOT), -EBADF);
	file = check_call(open("outside", O_RDONLY));
	check_eq(resolve(file, "/x", IN_ROOT), -ENOTDIR);
	check_eq(attempt(dir, "/../new", O_CREAT | O_RDWR, 0600, IN_ROOT), 0);
	check_call(unlink("dir/new"));
	end(dir);
}

static void no_symbolic_links(void)
{
	int dir = begin();

	check_eq(resolve(dir, "file", NO_SYMLINKS), 0);
	check_eq(resolve(dir, "link", NO_SYMLINKS), -ELOOP);
	check_eq(attempt(dir, "link", O_PATH | O_NOFOLLOW, 0, NO_SYMLINKS), 0);
	check_eq(resolve(AT_FDCWD, "/proc/self/stat", NO_SYMLINKS), -ELOOP);
	check_eq(resolve(AT_FDCWD, "/proc/self/exe", NO_MAGICLINKS), -ELOOP);
	check_eq(attempt(AT_FDCWD, "/proc/self/exe", O_PATH | O_NOFOLLOW, 0, NO_MAGICLINKS), 0);
	check_eq(resolve(AT_FDCWD, "/proc/self/stat", NO_MAGICLINKS), 0);
	check_eq(resolve(AT_FDCWD, "/proc/self/cwd/outside", NO_MAGICLINKS), -ELOOP);
	check_eq(resolve(dir, "link", NO_MAGICLINKS), 0);
	end(dir);
}

static void no_other_mount(void)
{
	int dir = begin(), proc = check_call(open("/proc", O_RDONLY));

	check_eq(resolve(dir, "up", NO_XDEV), 0);
	check_eq(resolve(AT_FDCWD, "/proc/self/stat", NO_XDEV), -EXDEV);
	check_eq(resolve(proc, "self/stat", NO_XDEV), 0);
	check_eq(resolve(proc, "..", NO_XDEV), -EXDEV);
	check_eq(resolve(proc, "/", NO_XDEV), 0);
	check_eq(resolve(proc, "self/exe", NO_XDEV), -EXDEV);
	check_eq(resolve(proc, "self/exe", BENEATH), -EXDEV);
	check_eq(resolve(proc, "self/exe", IN_ROOT), -EXDEV);
	end(dir);
}

static void only_what_is_cached(void)
{
	int dir = begin();

	check_eq(attempt(AT_FDCWD, "new", O_CREAT | O_RDWR, 0600, CACHED), -EAGAIN);
	check_eq(attempt(AT_FDCWD, "outside", O_TRUNC | O_RDWR, 0, CACHED), -EAGAIN);
	check_eq(attempt(AT_FDCWD, ".", O_TMPFILE | O_RDWR, 0600, CACHED), -EAGAIN);
	end(dir);
}

static const struct test_case cases[] = {
	TEST(strict_about_flags, "openat2: unknown flags and modes are refused"),
	TEST(size_of_the_struct, "openat2: the struct's size, what is behind it, bad pointers"),
	TEST(beneath, "RESOLVE_BENEATH: EXDEV for what leads out"),
	TEST(in_root, "RESOLVE_IN_ROOT: the directory is the root"),
	TEST(no_symbolic_links, "RESOLVE_NO_SYMLINKS and RESOLVE_NO_MAGICLINKS: ELOOP"),
	TEST(no_other_mount, "RESOLVE_NO_XDEV: no mount point is crossed"),
	TEST(only_what_is_cached, "RESOLVE_CACHED: EAGAIN for what would change something"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
