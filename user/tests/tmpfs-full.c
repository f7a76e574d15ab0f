/*
 * tmpfs: its options and limits, what is left when a limit is reached, and what else a file system in
 * memory does by itself: whiteouts, birth times.
 */
#include "helpers.h"

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#define PAGE 4096

/* What the cases look at of statx(2)'s answer. */
struct statx_part {
	unsigned int mask, block_size;
	unsigned long attributes, skipped[5], attributes_mask;
	long access_time[2], birth_time[2], rest[20];
};

#define STATX_BASIC 0x7ff
#define STATX_BIRTH 0x800

static void take_statx(const char *path, int mask, struct statx_part *part)
{
	check_eq(raw5(SYS_statx, AT_FDCWD, path, 0, mask, part), 0);
}

static void begin(const char *options)
{
	go_home();
	check_call(mkdir("fs", 0755));
	check_call(mount("test", "fs", "tmpfs", 0, options));
}

static void end(void)
{
	check_call(umount("fs"));
	check_call(rmdir("fs"));
	leave_home();
}

static struct statfs figures(void)
{
	struct statfs st;

	check_call(statfs("fs", &st));
	return st;
}

static void sizes(void)
{
	static const struct {
		const char *option;
		long blocks;
	} rows[] = {
		{"size=4k", 1},
		{"size=5000", 2},
		{"size=1M", 256},
		{"size=1g", 262144},
		{"size=1t", 1l << 28},
		{"size=0x1000", 1},
		{"size=010000", 1},
		{"size=0", 0},
		{"nr_blocks=10", 10},
		{"nr_blocks=1k", 1024},
		{",,size=4k,size=8k,", 2},
	};

	for (unsigned int i = 0; i < TAP_COUNT(rows); i++) {
		begin(rows[i].option);
		check_eq(figures().f_blocks, rows[i].blocks);
		check_eq(figures().f_bfree, rows[i].blocks);
		end();
	}
	begin("size=100%");
	check(figures().f_blocks >= 2 * figures().f_files - 2);
	end();
}

static void bad_options(void)
{
	static const char *const bad[] = {
		"size",         "size=",    "size=x",  "size=-1",       "size=10kk",
		"nr_inodes=1%", "mode=8",   "mode=",   "uid=-1",        "uid=4294967295",
		"gid=abc",      "nonsense", "bogus=1", "nr_blocks=10%", "size=4k x",
	};

	go_home();
	check_call(mkdir("fs", 0755));
	for (unsigned int i = 0; i < TAP_COUNT(bad); i++)
		check_errno(mount("test", "fs", "tmpfs", 0, bad[i]), EINVAL);
	check_call(rmdir("fs"));
	leave_home();
}

static void owner_and_mode(void)
{
	struct stat st;

	begin("mode=0750,uid=5,gid=0x10");
	check_call(stat("fs", &st));
	check_eq(st.st_mode, S_IFDIR | 0750);
	check_eq(st.st_uid, 5);
	check_eq(st.st_gid, 16);
	end();
}

static void full_of_data(void)
{
	static char bytes[20 * PAGE];
	int fd;

	begin("size=64k");
	fd = check_call(open("fs/file", O_RDWR | O_CREAT, 0600));
	memset(bytes, 'x', sizeof(bytes));
	check_eq(write(fd, bytes, sizeof(bytes)), 16 * PAGE);
	check_errno(write(fd, "y", 1), ENOSPC);
	check_eq(lseek(fd, 0, SEEK_CUR), 16 * PAGE);
	check_eq(pwrite(fd, "z", 1, 0), 1); /* what is there may change */
	check_errno(pwrite(fd, "y", 1, 1 << 20), ENOSPC);
	check_eq(lseek(fd, 0, SEEK_END), 16 * PAGE);
	check_eq(figures().f_bfree, 0);
	check_eq(pread(fd, bytes, 2, 0), 2);
	check(bytes[0] == 'z' && bytes[1] == 'x');
	check_call(ftruncate(fd, PAGE));
	check_eq(figures().f_bfree, 15);
	check_eq(pwrite(fd, "y", 1, PAGE), 1);
	close(fd);
	end();
}

static void full_of_names(void)
{
	struct statfs before;
	int fd;

	begin("nr_inodes=4");
	make_file("fs/one", "");
	check_call(mkdir("fs/dir", 0700));
	before = figures();
	check_eq(before.f_files, 4);
	check_eq(before.f_ffree, 1);
	check_call(link("fs/one", "fs/two")); /* a name costs what a file does */
	check_eq(figures().f_ffree, 0);
	check_errno(link("fs/one", "fs/three"), ENOSPC);
	check_errno(open("fs/new", O_CREAT | O_RDWR, 0600), ENOSPC);
	check_errno(open("fs", O_TMPFILE | O_RDWR, 0600), ENOSPC);
	check_errno(mkdir("fs/new", 0700), ENOSPC);
	check_errno(symlink("x", "fs/new"), ENOSPC);
	check_errno(mknod("fs/new", S_IFIFO | 0600, 0), ENOSPC);
	check_eq(raw5(SYS_renameat2, AT_FDCWD, "fs/one", AT_FDCWD, "fs/new", 4), -ENOSPC);
	check_call(rename("fs/one", "fs/renamed"));
	check_call(unlink("fs/two"));
	check_eq(figures().f_ffree, 1);
	fd = check_call(open("fs/renamed", O_RDONLY));
	check_call(unlink("fs/renamed"));
	check_eq(figures().f_ffree, 1); /* it is still open */
	close(fd);
	check_eq(figures().f_ffree, 2);
	end();
}

static void long_links_take_a_block(void)
{
	char target[201];
	struct stat st;

	begin("size=4k");
	memset(target, 'x', 200);
	target[127] = '\0';
	check_call(symlink(target, "fs/short"));
	check_eq(figures().f_bfree, 1);
	target[127] = 'x';
	target[128] = '\0';
	check_call(symlink(target, "fs/long"));
	check_eq(figures().f_bfree, 0);
	check_call(lstat("fs/long", &st));
	check_eq(st.st_blocks, 8);
	check_errno(symlink(target, "fs/longer"), ENOSPC);
	check_errno(lstat("fs/longer", &st), ENOENT);
	check_call(unlink("fs/long"));
	check_eq(figures().f_bfree, 1);
	end();
}

static void touch_page(void *address)
{
	*(volatile char *)address = 1;
}

static void full_for_a_mapping(void)
{
	char *map;
	int fd;

	begin("size=16k");
	fd = check_call(open("fs/file", O_RDWR | O_CREAT, 0600));
	check_call(ftruncate(fd, 16 * PAGE));
	map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	for (int i = 0; i < 4; i++)
		map[i * PAGE] = 'm';
	check_dies(touch_page, map + 5 * PAGE, SIGBUS);
	check_eq(map[3 * PAGE], 'm');
	check_call(ftruncate(fd, 3 * PAGE));
	check_call(ftruncate(fd, 16 * PAGE));
	map[5 * PAGE] = 'n';
	check_call(munmap(map, 16 * PAGE));
	close(fd);
	end();
}

static void limits_change(void)
{
	begin("size=64k,nr_inodes=10");
	write_file("fs/file", "0123456789", 10, 0600);
	check_call(truncate("fs/file", 5 * PAGE));
	write_file("fs/more", "x", 1, 0600);
	check_errno(mount(NULL, "fs", NULL, MS_REMOUNT, "size=4k"), EINVAL);
	check_errno(mount(NULL, "fs", NULL, MS_REMOUNT, "nr_inodes=2"), EINVAL);
	check_call(mount(NULL, "fs", NULL, MS_REMOUNT, "size=8k,nr_inodes=3"));
	check_eq(figures().f_bfree, 0);
	check_errno(open("fs/new", O_CREAT | O_RDWR, 0600), ENOSPC);
	check_call(mount(NULL, "fs", NULL, MS_REMOUNT, "size=0,nr_inodes=0"));
	check_eq(figures().f_blocks, 0);
	make_file("fs/new", "text");
	check_errno(mount(NULL, "fs", NULL, MS_REMOUNT, "size=1m"), EINVAL);
	check_errno(mount(NULL, "fs", NULL, MS_REMOUNT, "nr_inodes=100"), EINVAL);
	check_call(mount(NULL, "fs", NULL, MS_REMOUNT, NULL));
	end();
}

static void whiteouts(void)
{
	struct stat st;

	begin(NULL);
	make_file("fs/old", "text");
	make_file("fs/other", "other");
	check_eq(raw5(SYS_renameat2, AT_FDCWD, "fs/old", AT_FDCWD, "fs/new", 4), 0);
	check_call(lstat("fs/old", &st));
	check_eq(st.st_mode, S_IFCHR);
	check_eq(st.st_rdev, 0);
	check_eq(raw5(SYS_renameat2, AT_FDCWD, "fs/other", AT_FDCWD, "fs/new", 5), -EEXIST);
	check_eq(raw5(SYS_renameat2, AT_FDCWD, "fs/other", AT_FDCWD, "fs/new", 6), -EINVAL);
	check_eq(raw5(SYS_renameat2, AT_FDCWD, "fs/other", AT_FDCWD, "fs/new", 4), 0);
	check_call(lstat("fs/other", &st));
	check_eq(st.st_mode, S_IFCHR);
	check_file("fs/new", "other");
	end();
}

static void birth_times(void)
{
	struct timespec times[2] = {{1000, 0}, {1000, 0}};
	struct statx_part before, after;

	begin(NULL);
	make_file("fs/file", "");
	take_statx("fs/file", STATX_BIRTH, &before);
	check(before.mask & STATX_BIRTH);
	check(before.birth_time[0] > 0);
	check_call(utimensat(AT_FDCWD, "fs/file", times, 0));
	check_call(rename("fs/file", "fs/renamed"));
	take_statx("fs/renamed", STATX_BIRTH, &after);
	check(memcmp(before.birth_time, after.birth_time, sizeof(before.birth_time)) == 0);
	take_statx("fs/renamed", STATX_BASIC, &after);
	check(!(after.mask & STATX_BIRTH));
	check_eq(after.attributes_mask, 0x203070);
	check_eq(after.attributes, 0);
	take_statx("fs", STATX_BASIC, &after);
	check_eq(after.attributes, 0x2000);
	end();
}

static void chown_takes_set_user_id_away(void)
{
	struct stat st;

	begin(NULL);
	make_file("fs/file", "");
	check_call(chmod("fs/file", 06777));
	check_call(chown("fs/file", -1, -1));
	check_call(stat("fs/file", &st));
	check_eq(st.st_mode, S_IFREG | 0777);
	check_call(chmod("fs", 06755));
	check_call(chown("fs", 5, 5));
	check_call(stat("fs", &st));
	check_eq(st.st_mode, S_IFDIR | 06755);
	end();
}

static void filled_from_many_processes(void)
{
	enum { N = 4, LIMIT = 64 };
	static char page[PAGE];
	long total = 0;
	pid_t pids[N];

	begin("size=256k");
	for (int i = 0; i < N; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			char name[16];
			int fd, n = 0;

			snprintf(name, sizeof(name), "fs/%d", i);
			fd = check_call(open(name, O_RDWR | O_CREAT, 0600));
			while (write(fd, page, PAGE) == PAGE)
				n++;
			check_eq(errno, ENOSPC);
			_exit(n);
		}
	}
	for (int i = 0; i < N; i++)
		total += WEXITSTATUS(tap_wait(pids[i]));
	check_eq(total, LIMIT);
	check_eq(figures().f_bfree, 0);
	end();
}

static const struct test_case cases[] = {
	TEST(sizes, "tmpfs: size= and nr_blocks= in all units"),
	TEST(bad_options, "tmpfs: options that are refused"),
	TEST(owner_and_mode, "tmpfs: mode=, uid= and gid= of its root"),
	TEST(full_of_data, "tmpfs: full of data: ENOSPC, and nothing is lost"),
	TEST(full_of_names, "tmpfs: full of inodes; every name counts"),
	TEST(long_links_take_a_block, "tmpfs: a long symbolic link takes a block"),
	TEST(full_for_a_mapping, "tmpfs: full when a shared mapping is written to: SIGBUS"),
	TEST(limits_change, "tmpfs: which limits a remount may set"),
	TEST(whiteouts, "RENAME_WHITEOUT leaves a device 0:0"),
	TEST(birth_times, "statx: birth time and attributes"),
	TEST(chown_takes_set_user_id_away, "chown to the same owner takes set-user-id away"),
	TEST(filled_from_many_processes, "tmpfs: four processes get exactly what there is"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
