/*
 * mount(2), umount2(2), pivot_root(2): what is mounted where, and what its flags forbid. Every case
 * works below a directory of its own, in file systems of its own.
 */
#include "helpers.h"

#include <limits.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MNT_EXPIRE
#define MNT_EXPIRE 4
#endif
#ifndef UMOUNT_NOFOLLOW
#define UMOUNT_NOFOLLOW 8
#endif

static void begin(void)
{
	go_home();
	check_call(mkdir("a", 0755));
	check_call(mkdir("b", 0755));
}

static void end(void)
{
	check_call(rmdir("a"));
	check_call(rmdir("b"));
	leave_home();
}

static void mount_tmpfs(const char *where, unsigned long flags)
{
	check_call(mount("test", where, "tmpfs", flags, NULL));
}

static int exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static long flags_of(const char *path)
{
	struct statfs st;

	check_call(statfs(path, &st));
	return st.f_flags;
}

/* ---- mounting and taking off ---- */

static void a_mount_covers_the_directory(void)
{
	begin();
	make_file("a/below", "");
	mount_tmpfs("a", 0);
	check(!exists("a/below"));
	make_file("a/above", "");
	check_call(umount("a"));
	check(!exists("a/above"));
	check_call(unlink("a/below"));
	end();
}

static void mounts_stack_up(void)
{
	begin();
	mount_tmpfs("a", 0);
	make_file("a/first", "");
	mount_tmpfs("a", 0);
	make_file("a/second", "");
	check(!exists("a/first"));
	check_call(umount("a"));
	check(exists("a/first"));
	check_call(umount("a"));
	check_errno(umount("a"), EINVAL);
	end();
}

static void what_mount_refuses(void)
{
	begin();
	make_file("file", "");
	check_errno(mount("x", "file", "tmpfs", 0, NULL), ENOTDIR);
	check_errno(mount("x", "nothing", "tmpfs", 0, NULL), ENOENT);
	check_errno(mount("x", "", "tmpfs", 0, NULL), ENOENT);
	check_errno(mount("x", "a", "no-such-type", 0, NULL), ENODEV);
	check_errno(mount("x", "a", NULL, 0, NULL), EINVAL);
	check_errno(mount("x", "a", "tmpfs", 0, "no-such-option"), EINVAL);
	check_errno(mount("x", NULL, "tmpfs", 0, NULL), EFAULT);
	check_errno(mount("x", KERNEL_ADDRESS, "tmpfs", 0, NULL), EFAULT);
	check_errno(mount(UNMAPPED_ADDRESS, "a", "tmpfs", 0, NULL), EFAULT);
	check_errno(mount("x", "a", UNMAPPED_ADDRESS, 0, NULL), EFAULT);
	check_errno(mount("x", "a", "tmpfs", 0, UNMAPPED_ADDRESS), EFAULT);
	check_errno(mount("x", "a", "tmpfs", 1u << 31, NULL), EINVAL);
	check_call(unlink("file"));
	end();
}

static void what_umount_refuses(void)
{
	begin();
	mount_tmpfs("a", 0);
	check_call(symlink("a", "link"));
	check_errno(umount("b"), EINVAL);
	check_errno(umount("nothing"), ENOENT);
	check_errno(umount("/"), EINVAL);
	check_errno(umount2("a", 16), EINVAL);
	check_errno(umount2("a", -1), EINVAL);
	check_errno(umount2("link", UMOUNT_NOFOLLOW), EINVAL);
	check_errno(umount(NULL), EFAULT);
	check_errno(umount(KERNEL_ADDRESS), EFAULT);
	check_call(umount2("link", 0));
	check_call(unlink("link"));
	end();
}

static void only_the_capable(void)
{
	pid_t pid;

	begin();
	mount_tmpfs("a", 0);
	pid = tap_fork();
	if (pid == 0) {
		check_call(setuid(1000));
		check_errno(mount("x", "b", "tmpfs", 0, NULL), EPERM);
		check_errno(mount(NULL, "a", NULL, MS_REMOUNT, NULL), EPERM);
		check_errno(mount("a", "b", NULL, MS_BIND, NULL), EPERM);
		check_errno(mount("x", "nothing", "tmpfs", 0, NULL), ENOENT);
		check_errno(umount("a"), EPERM);
		check_errno(umount("nothing"), ENOENT);
		check_errno(umount2("a", 16), EINVAL);
		check_eq(raw2(SYS_pivot_root, "a", "a"), -EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
	check_call(umount("a"));
	end();
}

static void a_busy_mount_stays(void)
{
	int fd;

	begin();
	mount_tmpfs("a", 0);
	fd = check_call(open("a/file", O_RDWR | O_CREAT, 0600));
	check_errno(umount("a"), EBUSY);
	check_errno(umount2("a", MNT_FORCE), EBUSY);
	check_call(close(fd));
	check_call(chdir("a"));
	check_errno(umount("."), EBUSY);
	check_call(chdir(".."));
	check_call(mkdir("a/in", 0755));
	mount_tmpfs("a/in", 0);
	check_errno(umount("a"), EBUSY);
	check_call(umount("a/in"));
	check_call(umount("a"));
	end();
}

static void detached_but_in_use(void)
{
	char bytes[4];
	int fd;

	begin();
	mount_tmpfs("a", 0);
	check_call(mkdir("a/in", 0755));
	mount_tmpfs("a/in", 0);
	fd = check_call(open("a/file", O_RDWR | O_CREAT, 0600));
	check_call(umount2("a", MNT_DETACH));
	check(!exists("a/file"));
	check_eq(write(fd, "abc", 3), 3);
	check_eq(pread(fd, bytes, 4, 0), 3);
	check_call(close(fd));
	end();
}

static void working_in_what_is_detached(void)
{
	char name[100];
	pid_t pid;

	begin();
	mount_tmpfs("a", 0);
	check_call(mkdir("a/in", 0755));
	pid = tap_fork();
	if (pid == 0) {
		check_call(chdir("a/in"));
		check_call(umount2("../../a", MNT_DETACH));
		make_file("file", "");
		check(raw2(SYS_getcwd, name, sizeof(name)) > 0);
		check(strncmp(name, "(unreachable)", 13) == 0);
		check_call(chdir(".."));
		check(exists("in/file"));
		check_call(chdir(".."));
		check(exists("in/file")); /* there is nothing above any more */
		check_errno(mount("x", "in", "tmpfs", 0, NULL), EINVAL);
		_exit(0);
	}
	check_exits(pid, 0);
	end();
}

static void expiry_takes_two_calls(void)
{
	int fd;

	begin();
	mount_tmpfs("a", 0);
	check_errno(umount2("a", MNT_EXPIRE | MNT_DETACH), EINVAL);
	check_errno(umount2("a", MNT_EXPIRE | MNT_FORCE), EINVAL);
	check_errno(umount2("a", MNT_EXPIRE), EAGAIN);
	check(exists("a/.")); /* used: begins anew */
	check_errno(umount2("a", MNT_EXPIRE), EAGAIN);
	fd = check_call(open("a", O_RDONLY));
	check_errno(umount2("a", MNT_EXPIRE), EBUSY);
	check_call(close(fd));
	check_errno(umount2("a", MNT_EXPIRE), EAGAIN);
	check_call(umount2("a", MNT_EXPIRE));
	check_errno(umount2("a", MNT_EXPIRE), EINVAL);
	end();
}

static void a_mount_point_cannot_be_removed(void)
{
	begin();
	mount_tmpfs("a", 0);
	check_errno(rmdir("a"), EBUSY);
	check_errno(rename("a", "c"), EBUSY);
	check_errno(rename("b", "a"), EBUSY);
	check_errno(rename("b", "a/b"), EXDEV);
	check_errno(mkdir("a", 0700), EEXIST);
	check_call(umount("a"));
	end();
}

/* ---- flags ---- */

static void flags_are_shown(void)
{
	static const struct {
		unsigned long flag;
		long shown;
	} rows[] = {
		{0, 0x1000},
		{MS_RDONLY, 0x1001},
		{MS_NOSUID, 0x1002},
		{MS_NODEV, 0x1004},
		{MS_NOEXEC, 0x1008},
		{MS_SYNCHRONOUS, 0x1010},
		{MS_NOSYMFOLLOW, 0x3000},
		{MS_NOATIME, 0x400},
		{MS_NODIRATIME, 0x1800},
		{MS_RELATIME, 0x1000},
		{MS_STRICTATIME, 0},
		{MS_NOATIME | MS_STRICTATIME, 0},
		{MS_NOATIME | MS_RELATIME, 0x400},
		{0xc0ed0000ul | MS_NOSUID, 0x1002},
	};

	begin();
	for (unsigned int i = 0; i < TAP_COUNT(rows); i++) {
		mount_tmpfs("a", rows[i].flag);
		check_eq(flags_of("a"), rows[i].shown | 0x20);
		check_call(umount("a"));
	}
	end();
}

static void check_all_refused(int error)
{
	check_errno(open("a/file", O_RDWR), error);
	check_errno(open("a/file", O_RDONLY | O_TRUNC), error);
	check_errno(open("a/new", O_CREAT | O_RDWR, 0600), error);
	check_errno(open("a", O_TMPFILE | O_RDWR, 0600), error);
	check_errno(unlink("a/file"), error);
	check_errno(chmod("a/file", 0), error);
	check_errno(chown("a/file", 1, 1), error);
	check_errno(truncate("a/file", 0), error);
	check_errno(link("a/file", "a/new"), error);
	check_errno(rename("a/file", "a/new"), error);
	check_errno(mkdir("a/new", 0700), error);
	check_errno(rmdir("a/dir"), error);
	check_errno(symlink("x", "a/new"), error);
	check_errno(mknod("a/new", S_IFIFO | 0600, 0), error);
	check_errno(utimensat(AT_FDCWD, "a/file", NULL, 0), error);
	check_errno(access("a/file", W_OK), error);
	/* What needs no change is no failure; what is wrong otherwise is wrong first. */
	check_errno(open("a/file", O_CREAT | O_EXCL, 0600), EEXIST);
	check_errno(mkdir("a/dir", 0700), EEXIST);
	check_errno(rename("a/missing", "a/new"), error);
	check_errno(unlink("a/missing"), error);
	close(check_call(open("a/file", O_RDONLY | O_CREAT, 0600)));
	check_call(access("a/file", R_OK));
}

static void read_only(void)
{
	begin();
	mount_tmpfs("a", 0);
	make_file("a/file", "text");
	check_call(mkdir("a/dir", 0755));
	check_call(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	check_all_refused(EROFS);
	check_call(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
	check_call(unlink("a/file"));
	check_call(umount("a"));
	end();
}

static void read_only_in_one_place(void)
{
	begin();
	mount_tmpfs("b", 0);
	make_file("b/file", "text");
	check_call(mkdir("b/dir", 0755));
	check_call(mount("b", "a", NULL, MS_BIND, NULL));
	check_call(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	check_all_refused(EROFS);
	check_errno(link("b/file", "a/new"), EROFS);
	check_call(unlink("b/file"));
	check(!exists("a/file"));
	check_call(umount("a"));
	check_call(umount("b"));
	end();
}

static void read_only_not_while_written_to(void)
{
	int fd;

	begin();
	mount_tmpfs("a", 0);
	make_file("a/file", "");
	fd = check_call(open("a/file", O_RDWR));
	check_errno(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL), EBUSY);
	check_errno(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), EBUSY);
	check_eq(write(fd, "x", 1), 1);
	check_call(close(fd));
	fd = check_call(open("a/file", O_RDONLY));
	check_call(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	check_call(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	check_call(close(fd));
	check_call(umount("a"));
	end();
}

static void remount_keeps_and_changes(void)
{
	begin();
	mount_tmpfs("a", MS_NOSUID | MS_NOATIME);
	check_call(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
	check_eq(flags_of("a"), 0x420); /* of the old ones only those about access times stay */
	check_call(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_NOEXEC | MS_STRICTATIME, NULL));
	check_eq(flags_of("a"), 0x28);
	check_errno(mount(NULL, "b", NULL, MS_REMOUNT, NULL), EINVAL);
	check_errno(mount(NULL, "a", NULL, MS_REMOUNT, "no-such-option"), EINVAL);
	check_eq(flags_of("a"), 0x28);
	check_call(umount("a"));
	end();
}

static void no_devices(void)
{
	begin();
	mount_tmpfs("a", MS_NODEV);
	check_call(mknod("a/null", S_IFCHR | 0666, makedev(1, 3)));
	check_errno(open("a/null", O_RDONLY), EACCES);
	check_call(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
	close(check_call(open("a/null", O_RDONLY)));
	check_call(umount("a"));
	end();
}

static void no_programs(void)
{
	begin();
	mount_tmpfs("a", MS_NOEXEC);
	write_file("a/script", "#!/bin/sh\n", 10, 0755);
	check_eq(try_exec("a/script"), -EACCES);
	check_errno(access("a/script", X_OK), EACCES);
	check_call(umount("a"));
	end();
}

static void no_symbolic_links(void)
{
	begin();
	mount_tmpfs("a", MS_NOSYMFOLLOW);
	make_file("a/file", "");
	check_call(symlink("file", "a/link"));
	check_call(symlink("a/file", "link"));
	check_errno(open("a/link", O_RDONLY), ELOOP);
	close(check_call(open("link", O_RDONLY)));
	close(check_call(open("a/link", O_PATH | O_NOFOLLOW)));
	check_call(unlink("link"));
	check_call(umount("a"));
	end();
}

static long access_time(const char *path)
{
	struct stat st;

	check_call(stat(path, &st));
	return st.st_atim.tv_sec;
}

/* Reads the file, or the directory; does its access time move from the year 2001? */
static int reading_moves(const char *path)
{
	struct timespec times[2] = {{1000000000, 0}, {900000000, 0}};
	char bytes[512];
	int fd;

	check_call(utimensat(AT_FDCWD, path, times, 0));
	fd = check_call(open(path, O_RDONLY));
	if (read(fd, bytes, 1) < 0)
		check(raw3(SYS_getdents64, fd, bytes, sizeof(bytes)) > 0);
	check_call(close(fd));
	return access_time(path) != 1000000000;
}

static void access_times(void)
{
	begin();
	mount_tmpfs("a", 0);
	make_file("a/file", "text");
	check(reading_moves("a/file")); /* relatime: more than a day ago */
	check(reading_moves("a"));
	check_call(mount(NULL, "a", NULL, MS_REMOUNT | MS_NODIRATIME, NULL));
	check(reading_moves("a/file"));
	check(!reading_moves("a"));
	check_call(mount(NULL, "a", NULL, MS_REMOUNT | MS_NOATIME, NULL));
	check(!reading_moves("a/file"));
	check_call(mount(NULL, "a", NULL, MS_REMOUNT | MS_STRICTATIME, NULL));
	check(reading_moves("a/file"));
	check_call(umount("a"));
	end();
}

/* ---- bind mounts ---- */

static void bound_twice(void)
{
	struct stat a, b;

	begin();
	make_file("a/file", "text");
	check_call(mount("a", "b", NULL, MS_BIND, NULL));
	check_call(stat("a/file", &a));
	check_call(stat("b/file", &b));
	check(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	check_errno(rename("a/file", "b/file"), EXDEV);
	check_errno(link("a/file", "b/link"), EXDEV);
	check_call(unlink("b/file"));
	check(!exists("a/file"));
	check_call(umount("b"));
	end();
}

static void bound_files(void)
{
	begin();
	make_file("a/one", "1");
	make_file("a/two", "2");
	check_call(mount("a/one", "a/two", NULL, MS_BIND, NULL));
	check_errno(unlink("a/two"), EBUSY);
	check_errno(rename("a/two", "a/three"), EBUSY);
	check_errno(mount("a", "a/two", NULL, MS_BIND, NULL), ENOTDIR);
	check_errno(mount("a/two", "a", NULL, MS_BIND, NULL), ENOTDIR);
	check_call(unlink("a/one"));
	check_errno(mount("a/two", "a/two", NULL, MS_BIND, NULL), ENOENT); /* it has no name */
	check_call(umount("a/two"));
	check_file("a/two", "2");
	end();
}

static void what_bind_refuses(void)
{
	begin();
	check_errno(mount(NULL, "a", NULL, MS_BIND, NULL), EINVAL);
	check_errno(mount("", "a", NULL, MS_BIND, NULL), EINVAL);
	check_errno(mount("nothing", "a", NULL, MS_BIND, NULL), ENOENT);
	mount_tmpfs("a", 0);
	check_call(mount(NULL, "a", NULL, MS_UNBINDABLE, NULL));
	check_errno(mount("a", "b", NULL, MS_BIND, NULL), EINVAL);
	check_call(mount(NULL, "a", NULL, MS_PRIVATE, NULL));
	check_call(mount("a", "b", NULL, MS_BIND, NULL));
	check_call(umount("b"));
	check_errno(mount(NULL, "b", NULL, MS_PRIVATE, NULL), EINVAL);
	check_errno(mount(NULL, "a", NULL, MS_PRIVATE | MS_SLAVE, NULL), EINVAL);
	check_call(umount("a"));
	end();
}

static void bound_with_all_below(void)
{
	begin();
	check_call(mkdir("a/in", 0755));
	mount_tmpfs("a/in", MS_NOSUID);
	check_call(mkdir("a/in/deep", 0755));
	mount_tmpfs("a/in/deep", 0);
	make_file("a/in/deep/file", "");
	check_call(mount("a", "b", NULL, MS_BIND, NULL));
	check(exists("b/in") && !exists("b/in/deep"));
	check_call(umount("b"));
	check_call(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	check(exists("b/in/deep/file"));
	check_eq(flags_of("b/in") & 2, 2);
	check_errno(umount("b"), EBUSY);
	check_call(umount("a/in/deep"));
	check(exists("b/in/deep/file")); /* a copy of its own */
	check_call(mount("b/in", "a", NULL, MS_BIND | MS_REC, NULL));
	check(exists("a/deep/file"));
	check_call(umount2("a", MNT_DETACH));
	check_call(umount2("b", MNT_DETACH));
	check_call(umount("a/in"));
	check_call(rmdir("a/in"));
	end();
}

static void bound_into_itself(void)
{
	begin();
	check_call(mkdir("a/in", 0755));
	check_call(mount("a", "a/in", NULL, MS_BIND | MS_REC, NULL));
	check(exists("a/in/in") && !exists("a/in/in/in"));
	check_call(mount("a", "a/in/in", NULL, MS_BIND | MS_REC, NULL));
	check(exists("a/in/in/in/in"));
	check_call(umount2("a/in", MNT_DETACH));
	check_call(rmdir("a/in"));
	end();
}

static void unbindable_is_left_out(void)
{
	begin();
	check_call(mkdir("a/in", 0755));
	mount_tmpfs("a/in", 0);
	make_file("a/in/file", "");
	check_call(mount(NULL, "a/in", NULL, MS_UNBINDABLE, NULL));
	check_call(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	check(exists("b/in") && !exists("b/in/file"));
	check_call(umount("b"));
	check_call(umount("a/in"));
	check_call(rmdir("a/in"));
	end();
}

/* ---- moving ---- */

static void moved_with_all_below(void)
{
	begin();
	mount_tmpfs("a", 0);
	check_call(mkdir("a/in", 0755));
	mount_tmpfs("a/in", 0);
	make_file("a/in/file", "");
	check_call(mount("a", "b", NULL, MS_MOVE, NULL));
	check(!exists("a/in") && exists("b/in/file"));
	check_errno(umount("a"), EINVAL);
	check_call(mount("b/in", "a", NULL, MS_MOVE, NULL));
	check(exists("a/file") && !exists("b/in/file"));
	check_call(umount("a"));
	check_call(umount("b"));
	end();
}

static void what_move_refuses(void)
{
	begin();
	mount_tmpfs("a", 0);
	check_call(mkdir("a/in", 0755));
	make_file("file", "");
	check_errno(mount("a/in", "b", NULL, MS_MOVE, NULL), EINVAL); /* no mount's root */
	check_errno(mount("/", "b", NULL, MS_MOVE, NULL), EINVAL);
	check_errno(mount("a", "a/in", NULL, MS_MOVE, NULL), ELOOP);
	check_errno(mount("a", "file", NULL, MS_MOVE, NULL), EINVAL);
	check_errno(mount("nothing", "b", NULL, MS_MOVE, NULL), ENOENT);
	check_errno(mount("", "b", NULL, MS_MOVE, NULL), EINVAL);
	check_errno(mount(NULL, "b", NULL, MS_MOVE, NULL), EINVAL);
	check_call(umount("a"));
	check_call(unlink("file"));
	end();
}

/* ---- another root ---- */

static void pivot_root_exchanges_roots(void)
{
	pid_t pid;

	begin();
	mount_tmpfs("a", 0);
	make_file("a/outer", "");
	check_call(mkdir("a/new", 0755));
	mount_tmpfs("a/new", 0);
	make_file("a/new/inner", "");
	check_call(mkdir("a/new/old", 0755));
	check_call(mkdir("a/dir", 0755));
	pid = tap_fork();
	if (pid == 0) {
		check_eq(raw2(SYS_pivot_root, "a", "a"), -EINVAL); /* the first root stays */
		check_call(chroot("a"));
		check_call(chdir("/"));
		check_eq(raw2(SYS_pivot_root, "/new", "/dir"), -EBUSY);
		check_eq(raw2(SYS_pivot_root, "/dir", "/new/old"), -EBUSY);
		check_eq(raw2(SYS_pivot_root, "/", "/new/old"), -EBUSY);
		check_eq(raw2(SYS_pivot_root, "/nothing", "/new/old"), -ENOENT);
		check_eq(raw2(SYS_pivot_root, "/outer", "/new/old"), -ENOTDIR);
		check_eq(raw2(SYS_pivot_root, NULL, "/new/old"), -EFAULT);
		check_eq(raw2(SYS_pivot_root, "/new", "/new/old"), 0);
		check(exists("/inner") && exists("/old/outer") && exists("inner"));
		check_call(umount2("/old", MNT_DETACH));
		check(!exists("/old/outer"));
		_exit(0);
	}
	check_exits(pid, 0);
	check(exists("a/inner"));
	check_call(umount("a"));
	end();
}

/* ---- several at once ---- */

/*
 * What the path led to may have been taken off by another meanwhile; and one that is taken off takes
 * along what has just been mounted on it. So there may be none left for this one.
 */
static void take_one_off(const char *path)
{
	if (umount2(path, MNT_DETACH) != 0)
		check_eq(errno, EINVAL);
}

static void take_all_off(const char *path)
{
	while (umount2(path, MNT_DETACH) == 0)
		;
	check_eq(errno, EINVAL);
}

static void mounting_from_many_processes(void)
{
	enum { N = 4, ROUNDS = 50 };
	pid_t pids[N];

	begin();
	for (int i = 0; i < N; i++) {
		pids[i] = tap_fork();
		if (pids[i] != 0)
			continue;
		for (int n = 0; n < ROUNDS; n++) {
			while (mount("test", "a", "tmpfs", 0, NULL) != 0)
				check_eq(errno, EINVAL); /* the place was just taken off */
			close(open("a/file", O_RDWR | O_CREAT, 0600));
			if (n % 3 == 0 && mount("a", "b", NULL, MS_BIND | MS_REC, NULL) == 0)
				take_one_off("b");
			take_one_off("a");
		}
		_exit(0);
	}
	for (int i = 0; i < N; i++)
		check_exits(pids[i], 0);
	take_all_off("b");
	take_all_off("a");
	unlink("a/file"); /* made while nothing was mounted */
	end();
}

static const struct test_case cases[] = {
	TEST(a_mount_covers_the_directory, "mount: covers what the directory held"),
	TEST(mounts_stack_up, "mount: one on top of the other, taken off in turn"),
	TEST(what_mount_refuses, "mount: bad places, types, options and pointers"),
	TEST(what_umount_refuses, "umount2: bad places, flags and pointers"),
	TEST(only_the_capable, "mount and umount2: EPERM without CAP_SYS_ADMIN"),
	TEST(a_busy_mount_stays, "umount2: EBUSY while a file, a directory or a mount is used"),
	TEST(detached_but_in_use, "MNT_DETACH: open files go on, names are gone"),
	TEST(working_in_what_is_detached, "MNT_DETACH: a working directory there is unreachable"),
	TEST(expiry_takes_two_calls, "MNT_EXPIRE: EAGAIN first, then taken off if not used"),
	TEST(a_mount_point_cannot_be_removed, "a mount point cannot be removed or renamed"),
	TEST(flags_are_shown, "statfs shows a mount's flags"),
	TEST(read_only, "a file system that is read-only: EROFS wherever it would change"),
	TEST(read_only_in_one_place, "a bind mount can be read-only by itself"),
	TEST(read_only_not_while_written_to, "read-only: EBUSY while a file is open for writing"),
	TEST(remount_keeps_and_changes, "remount: which flags stay and which change"),
	TEST(no_devices, "nodev: devices cannot be opened"),
	TEST(no_programs, "noexec: nothing can be executed"),
	TEST(no_symbolic_links, "nosymfollow: links there are not followed"),
	TEST(access_times, "relatime, nodiratime, noatime and strictatime"),
	TEST(bound_twice, "bind: one directory in two places"),
	TEST(bound_files, "bind: a file over a file"),
	TEST(what_bind_refuses, "bind: what is refused"),
	TEST(bound_with_all_below, "bind with MS_REC: copies the mounts below"),
	TEST(bound_into_itself, "bind with MS_REC: a tree into itself"),
	TEST(unbindable_is_left_out, "bind with MS_REC: unbindable mounts are left out"),
	TEST(moved_with_all_below, "MS_MOVE: a mount moves with what is mounted below"),
	TEST(what_move_refuses, "MS_MOVE: what is refused"),
	TEST(pivot_root_exchanges_roots, "pivot_root: the new root in the old one's place"),
	TEST(mounting_from_many_processes, "mounts come and go from four processes at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
