/*
 * Extended attributes on tmpfs: what names and values may be, what comes back, who may ask, and what
 * file systems without attributes say.
 */
#include "helpers.h"

#include <stdint.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/xattr.h>

enum { VALUE_MAX = 65536, LIST_MAX = 65536 };

static char buf[VALUE_MAX + 1];

static void begin(void)
{
	go_home();
	make_file("file", "text");
}

static void end(void)
{
	check_call(unlink("file"));
	leave_home();
}

static void set_to(const char *name, const char *value)
{
	check_call(setxattr("file", name, value, strlen(value), 0));
}

static void expect(const char *name, const char *value)
{
	check_eq(getxattr("file", name, buf, sizeof(buf)), strlen(value));
	check(memcmp(buf, value, strlen(value)) == 0);
}

static void become_nobody(void)
{
	check_call(setresgid(1000, 1000, 1000));
	check_call(setresuid(1000, 1000, 1000));
}

static void what_is_set_comes_back(void)
{
	begin();
	set_to("trusted.a", "value");
	expect("trusted.a", "value");
	check_eq(getxattr("file", "trusted.a", NULL, 0), 5);
	check_eq(getxattr("file", "trusted.a", buf, 5), 5);
	check_errno(getxattr("file", "trusted.a", buf, 4), ERANGE);
	set_to("trusted.a", "another and longer one");
	expect("trusted.a", "another and longer one");
	set_to("trusted.a", "");
	check_eq(getxattr("file", "trusted.a", buf, 1), 0);
	check_call(setxattr("file", "trusted.a", NULL, 0, 0));
	check_call(removexattr("file", "trusted.a"));
	check_errno(getxattr("file", "trusted.a", buf, 1), ENODATA);
	check_errno(removexattr("file", "trusted.a"), ENODATA);
	end();
}

static void create_and_replace(void)
{
	begin();
	check_errno(setxattr("file", "trusted.a", "x", 1, XATTR_REPLACE), ENODATA);
	check_errno(setxattr("file", "trusted.a", "x", 1, XATTR_REPLACE | XATTR_CREATE), ENODATA);
	check_call(setxattr("file", "trusted.a", "x", 1, XATTR_CREATE));
	check_errno(setxattr("file", "trusted.a", "y", 1, XATTR_CREATE), EEXIST);
	check_errno(setxattr("file", "trusted.a", "y", 1, XATTR_REPLACE | XATTR_CREATE), EEXIST);
	expect("trusted.a", "x");
	check_call(setxattr("file", "trusted.a", "z", 1, XATTR_REPLACE));
	expect("trusted.a", "z");
	check_errno(setxattr("file", "trusted.a", "x", 1, 4), EINVAL);
	end();
}

static void names(void)
{
	char name[300];

	begin();
	check_errno(setxattr("file", "", "x", 1, 0), ERANGE);
	check_errno(setxattr("file", "trusted.", "x", 1, 0), EINVAL);
	check_errno(setxattr("file", "security.", "x", 1, 0), EINVAL);
	check_errno(getxattr("file", "trusted.", buf, 1), EINVAL);
	check_errno(removexattr("file", "trusted."), EINVAL);
	check_errno(setxattr("file", "trusted", "x", 1, 0), EOPNOTSUPP);
	check_errno(setxattr("file", "other.x", "x", 1, 0), EOPNOTSUPP);
	check_errno(getxattr("file", "other.x", buf, 1), EOPNOTSUPP);
	check_errno(removexattr("file", "other.x"), EOPNOTSUPP);
	check_errno(setxattr("file", "system.other", "x", 1, 0), EOPNOTSUPP);
	memset(name, 'n', sizeof(name));
	memcpy(name, "trusted.", 8);
	name[256] = '\0';
	check_errno(setxattr("file", name, "x", 1, 0), ERANGE);
	check_errno(getxattr("file", name, buf, 1), ERANGE);
	check_errno(removexattr("file", name), ERANGE);
	name[255] = '\0';
	check_call(setxattr("file", name, "x", 1, 0));
	check_eq(listxattr("file", buf, sizeof(buf)), 256);
	check(strcmp(buf, name) == 0);
	check_call(removexattr("file", name));
	end();
}

static void no_user_attributes(void)
{
	begin();
	check_errno(setxattr("file", "user.a", "x", 1, 0), EOPNOTSUPP);
	check_errno(getxattr("file", "user.a", buf, 1), EOPNOTSUPP);
	check_errno(removexattr("file", "user.a"), EOPNOTSUPP);
	check_call(mkfifo("fifo", 0600));
	check_errno(setxattr("fifo", "user.a", "x", 1, 0), EPERM);
	check_errno(getxattr("fifo", "user.a", buf, 1), ENODATA);
	check_errno(removexattr("fifo", "user.a"), EPERM);
	check_call(unlink("fifo"));
	end();
}

static void sizes(void)
{
	begin();
	memset(buf, 'v', VALUE_MAX);
	check_call(setxattr("file", "trusted.big", buf, VALUE_MAX, 0));
	check_errno(setxattr("file", "trusted.big", buf, VALUE_MAX + 1, 0), E2BIG);
	check_errno(setxattr("file", "trusted.big", buf, -1, 0), E2BIG);
	memset(buf, 0, sizeof(buf));
	check_eq(getxattr("file", "trusted.big", buf, sizeof(buf)), VALUE_MAX);
	check_eq(buf[0] + buf[VALUE_MAX - 1], 2 * 'v');
	check_eq(getxattr("file", "trusted.big", buf, -1), VALUE_MAX);
	check_errno(getxattr("file", "trusted.big", buf, VALUE_MAX - 1), ERANGE);
	end();
}

static void lists(void)
{
	begin();
	check_eq(listxattr("file", buf, 10), 0);
	set_to("trusted.a", "1");
	set_to("security.b", "2");
	set_to("trusted.c", "3");
	set_to("trusted.a", "4");
	check_eq(listxattr("file", NULL, 0), 31);
	check_eq(listxattr("file", buf, 31), 31);
	check(memcmp(buf, "trusted.c\0security.b\0trusted.a", 31) == 0);
	check_errno(listxattr("file", buf, 30), ERANGE);
	check_errno(listxattr("file", UNMAPPED_ADDRESS, 31), EFAULT);
	check_call(removexattr("file", "security.b"));
	check_eq(listxattr("file", buf, 100), 20);
	check(memcmp(buf, "trusted.c\0trusted.a", 20) == 0);
	end();
}

static void longest_list(void)
{
	char name[256];
	int n;

	begin();
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	for (n = 0; n < LIST_MAX / 256 + 1; n++) {
		snprintf(name, sizeof(name), "trusted.%03d", n);
		name[11] = 'n';
		check_call(setxattr("file", name, "", 0, 0));
		if (n == LIST_MAX / 256 - 1)
			check_eq(listxattr("file", buf, LIST_MAX), LIST_MAX);
	}
	check_errno(listxattr("file", buf, LIST_MAX), E2BIG);
	check_errno(listxattr("file", buf, -1), E2BIG);
	check_errno(listxattr("file", buf, LIST_MAX - 1), ERANGE);
	check_eq(listxattr("file", NULL, 0), LIST_MAX + 256);
	end();
}

static void bad_pointers(void)
{
	begin();
	set_to("trusted.a", "value");
	check_errno(setxattr("file", UNMAPPED_ADDRESS, "x", 1, 0), EFAULT);
	check_errno(setxattr("file", "trusted.b", UNMAPPED_ADDRESS, 1, 0), EFAULT);
	check_errno(setxattr("file", "trusted.b", KERNEL_ADDRESS, 1, 0), EFAULT);
	check_errno(setxattr(UNMAPPED_ADDRESS, "trusted.b", "x", 1, 0), EFAULT);
	check_errno(getxattr("file", "trusted.a", UNMAPPED_ADDRESS, 5), EFAULT);
	check_errno(getxattr("file", KERNEL_ADDRESS, buf, 5), EFAULT);
	check_errno(removexattr("file", UNMAPPED_ADDRESS), EFAULT);
	check_eq(listxattr("file", buf, 100), 10);
	check_errno(setxattr("none", UNMAPPED_ADDRESS, "x", 1, 9), ENOENT);
	check_errno(setxattr("file", UNMAPPED_ADDRESS, "x", 1, 9), EINVAL);
	check_errno(setxattr("file", UNMAPPED_ADDRESS, "x", -1, 0), EFAULT);
	check_errno(getxattr("none", "trusted.a", buf, 1), ENOENT);
	check_errno(listxattr("none", buf, 1), ENOENT);
	check_errno(removexattr("none", "trusted.a"), ENOENT);
	end();
}

static void by_descriptor(void)
{
	int fd, path;

	begin();
	fd = check_call(open("file", O_RDONLY));
	path = check_call(open("file", O_PATH));
	check_call(fsetxattr(fd, "trusted.f", "x", 1, 0));
	check_eq(fgetxattr(fd, "trusted.f", buf, 9), 1);
	check_eq(flistxattr(fd, buf, 99), 10);
	check_errno(fsetxattr(path, "trusted.f", "x", 1, 0), EBADF);
	check_errno(fgetxattr(path, "trusted.f", buf, 1), EBADF);
	check_errno(flistxattr(path, buf, 1), EBADF);
	check_errno(fremovexattr(path, "trusted.f"), EBADF);
	check_errno(fsetxattr(-1, UNMAPPED_ADDRESS, "x", 1, 9), EBADF);
	check_call(fremovexattr(fd, "trusted.f"));
	end();
	/* It needs no name. */
	check_call(fsetxattr(fd, "trusted.f", "x", 1, 0));
	check_eq(fgetxattr(fd, "trusted.f", buf, 9), 1);
}

static void symbolic_links(void)
{
	begin();
	check_call(symlink("file", "link"));
	check_call(lsetxattr("link", "trusted.l", "link", 4, 0));
	check_call(setxattr("link", "trusted.f", "fi", 2, 0));
	check_eq(lgetxattr("link", "trusted.l", buf, 9), 4);
	check_errno(getxattr("link", "trusted.l", buf, 9), ENODATA);
	check_eq(getxattr("link", "trusted.f", buf, 9), 2);
	check_eq(getxattr("file", "trusted.f", buf, 9), 2);
	check_errno(lgetxattr("link", "trusted.f", buf, 9), ENODATA);
	check_eq(llistxattr("link", buf, 99), 10);
	check_errno(lsetxattr("link", "user.l", "x", 1, 0), EPERM);
	check_call(lremovexattr("link", "trusted.l"));
	check_call(removexattr("link", "trusted.f"));
	check_call(unlink("link"));
	end();
}

static void every_kind_of_file(void)
{
	begin();
	check_call(mkdir("dir", 0755));
	check_call(mkfifo("fifo", 0600));
	check_call(setxattr("dir", "trusted.d", "x", 1, 0));
	check_call(setxattr("fifo", "trusted.d", "x", 1, 0));
	check_eq(getxattr("dir", "trusted.d", buf, 1), 1);
	check_eq(getxattr("fifo", "trusted.d", buf, 1), 1);
	check_call(setxattr("/dev/null", "trusted.tine", "x", 1, 0));
	check_call(removexattr("/dev/null", "trusted.tine"));
	check_call(rmdir("dir"));
	check_call(unlink("fifo"));
	end();
}

static void links_share_them(void)
{
	begin();
	set_to("trusted.a", "x");
	check_call(link("file", "second"));
	check_eq(getxattr("second", "trusted.a", buf, 9), 1);
	check_call(rename("second", "third"));
	check_call(setxattr("third", "trusted.a", "yy", 2, 0));
	expect("trusted.a", "yy");
	check_call(unlink("third"));
	end();
}

static void the_unprivileged(void *unused)
{
	become_nobody();
	check_errno(setxattr("file", "trusted.z", "x", 1, 0), EPERM);
	check_errno(removexattr("file", "trusted.a"), EPERM);
	check_errno(getxattr("file", "trusted.a", buf, 9), ENODATA);
	check_eq(listxattr("file", buf, 99), 11);
	check(strcmp(buf, "security.b") == 0);
	check_eq(getxattr("file", "security.b", buf, 9), 1);
	check_errno(getxattr("file", "user.a", buf, 9), EACCES);
	check_errno(getxattr("file", "other.a", buf, 9), EACCES);
	check_errno(setxattr("file", "other.a", "x", 1, 0), EACCES);
	check_errno(setxattr("file", "system.a", "x", 1, 0), EOPNOTSUPP);
	check_errno(setxattr("/proc/version", "trusted.a", "x", 1, 0), EPERM);
}

static void rights(void)
{
	begin();
	set_to("trusted.a", "x");
	set_to("security.b", "y");
	check_call(chmod("file", 0));
	check_child(the_unprivileged, NULL);
	end();
}

static void sticky_directories(void *unused)
{
	become_nobody();
	check_errno(setxattr("dir", "user.a", "x", 1, 0), EPERM);
	check_errno(getxattr("dir", "user.a", buf, 1), EOPNOTSUPP);
}

static void sticky(void)
{
	go_home();
	check_call(mkdir("dir", 0755));
	check_call(chmod("dir", 01777));
	check_child(sticky_directories, NULL);
	check_call(rmdir("dir"));
	leave_home();
}

static void read_only(void)
{
	go_home();
	check_call(mkdir("mnt", 0755));
	check_call(mount("none", "mnt", "tmpfs", 0, ""));
	make_file("mnt/file", "");
	check_call(setxattr("mnt/file", "trusted.a", "x", 1, 0));
	check_call(mount("none", "mnt", "tmpfs", MS_REMOUNT | MS_RDONLY, ""));
	check_errno(setxattr("mnt/file", UNMAPPED_ADDRESS, "x", 1, 9), EROFS);
	check_errno(removexattr("mnt/file", UNMAPPED_ADDRESS), EROFS);
	check_eq(getxattr("mnt/file", "trusted.a", buf, 9), 1);
	check_call(umount("mnt"));
	check_call(rmdir("mnt"));
	leave_home();
}

static void elsewhere(void)
{
	int ends[2];

	check_errno(setxattr("/proc/version", "trusted.a", "x", 1, 0), EOPNOTSUPP);
	check_errno(setxattr("/proc/version", "security.a", "x", 1, 0), EOPNOTSUPP);
	check_errno(getxattr("/proc/version", "trusted.a", buf, 1), EOPNOTSUPP);
	check_errno(removexattr("/proc/version", "trusted.a"), EOPNOTSUPP);
	check_eq(listxattr("/proc/version", buf, 1), 0);
	check_errno(getxattr("/dev/pts", "trusted.a", buf, 1), EOPNOTSUPP);
	check_call(pipe(ends));
	check_errno(fsetxattr(ends[0], "trusted.a", "x", 1, 0), EOPNOTSUPP);
	check_errno(fgetxattr(ends[0], "user.a", buf, 1), ENODATA);
	check_eq(flistxattr(ends[0], buf, 1), 0);
	check_call(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	check_errno(fsetxattr(ends[0], "trusted.a", "x", 1, 0), EOPNOTSUPP);
	check_errno(fgetxattr(ends[0], "trusted.a", buf, 1), EOPNOTSUPP);
}

static void unnamed_memory(void)
{
	int fd = check_call(memfd_create("x", 0));

	check_call(fsetxattr(fd, "trusted.a", "x", 1, 0));
	check_eq(fgetxattr(fd, "trusted.a", buf, 1), 1);
}

struct caps {
	uint32_t magic, words[4], root;
};

enum { CAPS_2 = 20, CAPS_3 = 24 };

static int set_caps(const struct caps *caps, size_t size)
{
	return setxattr("file", "security.capability", caps, size, 0);
}

static void caps_unprivileged(void *unused)
{
	struct caps caps = {0x02000001, {1}, 0};

	become_nobody();
	check_errno(set_caps(&caps, CAPS_2), EPERM);
	check_errno(set_caps(&caps, CAPS_3), EINVAL);
}

static void capabilities_of_files(void)
{
	struct caps caps = {0x02000001, {1, 2, 3, 4}, 5}, back = {0};

	begin();
	check_errno(setxattr("file", "security.capability", "x", 1, 0), EINVAL);
	check_errno(set_caps(&caps, CAPS_3), EINVAL);
	check_call(set_caps(&caps, CAPS_2));
	check_eq(getxattr("file", "security.capability", &back, sizeof(back)), CAPS_2);
	check(memcmp(&back, &caps, CAPS_2) == 0);
	check_eq(getxattr("file", "security.capability", NULL, 0), CAPS_2);
	caps.magic = 0x03000001;
	check_errno(set_caps(&caps, CAPS_2), EINVAL);
	check_call(set_caps(&caps, CAPS_3));
	check_eq(getxattr("file", "security.capability", &back, sizeof(back)), CAPS_3);
	check_eq(back.root, 5);
	caps.root = 0;
	check_call(set_caps(&caps, CAPS_3));
	check_eq(getxattr("file", "security.capability", &back, sizeof(back)), CAPS_2);
	check_eq(back.magic, 0x02000001);
	check_call(chmod("file", 0666));
	check_child(caps_unprivileged, NULL);
	check_call(removexattr("file", "security.capability"));
	end();
}

static void writes_take_capabilities_away(void)
{
	struct caps caps = {0x02000001, {1}, 0};
	int fd;

	begin();
	fd = check_call(open("file", O_RDWR));
	check_call(set_caps(&caps, CAPS_2));
	check_call(chmod("file", 0755));
	check_eq(getxattr("file", "security.capability", NULL, 0), CAPS_2);
	check_eq(write(fd, "x", 1), 1);
	check_errno(getxattr("file", "security.capability", NULL, 0), ENODATA);
	check_call(set_caps(&caps, CAPS_2));
	check_call(ftruncate(fd, 0));
	check_errno(getxattr("file", "security.capability", NULL, 0), ENODATA);
	check_call(set_caps(&caps, CAPS_2));
	check_call(chown("file", 0, 0));
	check_errno(getxattr("file", "security.capability", NULL, 0), ENODATA);
	set_to("trusted.a", "x");
	check_eq(write(fd, "x", 1), 1);
	expect("trusted.a", "x");
	end();
}

static void many_at_once(void)
{
	volatile int *go = tap_shared(sizeof(*go));
	pid_t children[4];
	char name[32];

	begin();
	for (int i = 0; i < 4; i++) {
		children[i] = tap_fork();
		if (children[i])
			continue;
		snprintf(name, sizeof(name), "trusted.%d", i);
		tap_await(go, 1);
		for (int n = 0; n < 200; n++) {
			check_call(setxattr("file", name, name, 1 + n, 0));
			check_eq(getxattr("file", name, buf, sizeof(buf)), 1 + n);
			check_call(setxattr("file", "trusted.same", buf, 1 + n, 0));
			check(listxattr("file", buf, sizeof(buf)) > 0);
			if (n % 2)
				check_call(removexattr("file", name));
		}
		_exit(0);
	}
	set(go, 1);
	for (int i = 0; i < 4; i++)
		check_exits(children[i], 0);
	check_eq(listxattr("file", buf, sizeof(buf)), sizeof("trusted.same"));
	end();
}

static const struct test_case cases[] = {
	TEST(what_is_set_comes_back,
	     "setxattr, getxattr, removexattr: a value, its length, ERANGE"),
	TEST(create_and_replace, "XATTR_CREATE and XATTR_REPLACE: EEXIST and ENODATA"),
	TEST(names, "attribute names: empty, too long, only a prefix, of no kind"),
	TEST(no_user_attributes, "tmpfs has no user attributes; special files never"),
	TEST(sizes, "attribute values: up to 64 KiB, E2BIG above"),
	TEST(lists, "listxattr: newest first, its length, ERANGE, EFAULT"),
	TEST(longest_list, "listxattr: E2BIG when the names take more than 64 KiB"),
	TEST(bad_pointers, "xattr calls: bad pointers, missing files, and what is checked first"),
	TEST(by_descriptor, "fsetxattr and its like: read-only will do, O_PATH will not"),
	TEST(symbolic_links, "lsetxattr and its like: a link's own attributes"),
	TEST(every_kind_of_file, "directories, FIFOs and devices have attributes"),
	TEST(links_share_them, "attributes belong to the file, not to its name"),
	TEST(rights, "attributes: what the unprivileged may see and set"),
	TEST(sticky, "attributes of a sticky directory are its owner's"),
	TEST(read_only, "attributes on a read-only file system: EROFS before all else"),
	TEST(elsewhere, "procfs, devpts, pipes and sockets have no attributes"),
	TEST(unnamed_memory, "files of memfd_create have attributes"),
	TEST(capabilities_of_files, "security.capability: only well-formed ones, and CAP_SETFCAP"),
	TEST(writes_take_capabilities_away,
	     "write, truncate and chown take security.capability away"),
	TEST(many_at_once, "attributes set and removed by several processes at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
