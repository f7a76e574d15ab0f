/* /proc/PID/fd, fdinfo and task: a process's open files and its threads. */
#include "proc.h"

static long link_of(const char *path, char *text, size_t size)
{
	long n = readlink(path, text, size - 1);

	if (n >= 0)
		text[n] = '\0';
	return n;
}

static const char *fd_link(int fd)
{
	static char text[256];
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check(link_of(path, text, sizeof(text)) > 0);
	return text;
}

static void what_links_say(void)
{
	int ends[2], file, directory;
	struct stat st;
	char want[64];

	go_home();
	make_pipe(ends);
	check_call(fstat(ends[0], &st));
	snprintf(want, sizeof(want), "pipe:[%lu]", (unsigned long)st.st_ino);
	check(strcmp(fd_link(ends[0]), want) == 0);
	file = check_call(open("name", O_RDWR | O_CREAT, 0600));
	check(strcmp(fd_link(file), HOME_DIRECTORY "/name") == 0);
	check_call(rename("name", "other"));
	check(strcmp(fd_link(file), HOME_DIRECTORY "/other") == 0);
	check_call(unlink("other"));
	check(strcmp(fd_link(file), HOME_DIRECTORY "/other (deleted)") == 0);
	directory = check_call(open(".", O_RDONLY | O_DIRECTORY));
	check(strcmp(fd_link(directory), HOME_DIRECTORY) == 0);
	leave_home();
}

static mode_t link_mode(int fd)
{
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check_call(lstat(path, &st));
	check_eq(st.st_size, 64);
	return st.st_mode;
}

static void modes_of_links(void)
{
	int ends[2];

	make_pipe(ends);
	check_eq(link_mode(ends[0]), S_IFLNK | 0500);
	check_eq(link_mode(ends[1]), S_IFLNK | 0300);
	check_eq(link_mode(check_call(open("/dev/null", O_RDWR))), S_IFLNK | 0700);
	check_eq(link_mode(check_call(open("/dev/null", O_PATH))), S_IFLNK);
}

static void opened_again(void)
{
	int fd, again;
	char path[64], bytes[8] = "";

	go_home();
	fd = check_call(open("name", O_RDWR | O_CREAT, 0600));
	check_eq(write(fd, "abcdef", 6), 6);
	check_call(unlink("name"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = check_call(open(path, O_RDONLY));
	check_eq(read(again, bytes, 3), 3);
	check(strcmp(bytes, "abc") == 0);
	check_eq(lseek(fd, 0, SEEK_CUR), 6);
	leave_home();
}

static void pipe_of_a_child(void)
{
	int ends[2], fd;
	char path[64];
	pid_t pid;

	make_pipe(ends);
	pid = idle_child();
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, ends[1]);
	fd = check_call(open(path, O_WRONLY));
	close(ends[1]);
	end_child(pid);
	give_byte(fd, 'x');
	check_eq(take_byte(ends[0]), 'x');
	close(fd);
	check_eof(ends[0]);
}

/* The numbers in a directory, as bits. */
static unsigned long numbers_in(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned long bits = 0;

	check(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		int n = atoi(entry->d_name);

		if (entry->d_name[0] == '.' || n == dirfd(dir) || n > 63)
			continue;
		check(!(bits & 1ul << n));
		bits |= 1ul << n;
	}
	closedir(dir);
	return bits;
}

static void listing(void)
{
	unsigned long before = numbers_in("/proc/self/fd");

	check_eq(numbers_in("/proc/self/fdinfo"), before);
	check_eq(dup2(1, 40), 40);
	check_eq(dup2(1, 50), 50);
	check_eq(numbers_in("/proc/self/fd"), before | 1ul << 40 | 1ul << 50);
	close(40);
	check_eq(numbers_in("/proc/self/fd"), before | 1ul << 50);
	check_eq(numbers_in("/proc/self/fdinfo"), before | 1ul << 50);
}

static void bad_numbers(void)
{
	static const char *const bad[] = {"00", "01", "x", "-1", "999", "99999999999", "1x", ""};
	char path[64], text[64];

	check_call(dup2(1, 0));
	for (size_t i = 0; i + 1 < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%s", bad[i]);
		check_eq(link_of(path, text, sizeof(text)) < 0 ? errno : 0, ENOENT);
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%s", bad[i]);
		check_errno(open(path, O_RDONLY), ENOENT);
	}
}

static long info(int fd, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	return number_of(read_text(path), name);
}

static void info_lines(void)
{
	static const char *const names[] = {"pos", "flags", "mnt_id", "ino"};
	struct stat st;
	int fd;

	go_home();
	fd = check_call(open("name", O_RDWR | O_CREAT | O_APPEND | O_TRUNC | O_EXCL, 0600));
	check_eq(write(fd, "abcdef", 6), 6);
	check_call(fstat(fd, &st));
	check_eq(info(fd, "pos"), 6);
	check_order(proc_text, names, 4);
	check_eq(info(fd, "flags"), O_RDWR | O_APPEND | 0100000);
	check_eq(info(fd, "ino"), st.st_ino);
	check(info(fd, "mnt_id") > 0);
	check_call(fcntl(fd, F_SETFD, FD_CLOEXEC));
	check_eq(info(fd, "flags"), O_RDWR | O_APPEND | O_CLOEXEC | 0100000);
	check_call(fcntl(fd, F_SETFL, O_NONBLOCK));
	check_eq(info(fd, "flags"), O_RDWR | O_NONBLOCK | O_CLOEXEC | 0100000);
	check_eq(lseek(fd, 1ul << 40, SEEK_SET), 1l << 40);
	check_eq(info(fd, "pos"), 1l << 40);
	check_call(unlink("name"));
	leave_home();
}

static void info_of_a_closed_one(void)
{
	int fd = dup(1), file;
	char path[64], byte;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	file = check_call(open(path, O_RDONLY));
	close(fd);
	check_errno(read(file, &byte, 1), ENOENT);
	check_errno(open(path, O_RDONLY), ENOENT);
}

static void strangers(void)
{
	char path[64], text[64];
	pid_t pid;

	check_call(dup2(1, 9));
	pid = tap_fork();
	if (pid == 0) {
		become_user(1000);
		snprintf(path, sizeof(path), "/proc/%d/fd/9", getppid());
		check_eq(link_of(path, text, sizeof(text)) < 0 ? errno : 0, EACCES);
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/9", getppid());
		check_errno(open(path, O_RDONLY), EACCES);
		snprintf(path, sizeof(path), "/proc/%d/fdinfo", getppid());
		check_errno(open(path, O_RDONLY), EACCES);
		_exit(0);
	}
	check_exits(pid, 0);
}

static int wait_for_word(void *argument)
{
	raw_await(argument, 1);
	return 0;
}

static void thread_directories(void)
{
	struct thread threads[3];
	int *go = tap_shared(sizeof(*go)), found = 0;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], wait_for_word, go);
	dir = opendir("/proc/self/task");
	check(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		for (int i = 0; i < 3; i++)
			found += atol(entry->d_name) == threads[i].tid;
	check_eq(found, 3);
	closedir(dir);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/status", threads[1].tid);
	check_eq(number_of(read_text(path), "Pid"), threads[1].tid);
	check_eq(number_of(proc_text, "Tgid"), getpid());
	check_eq(number_of(proc_text, "Threads"), 4);
	snprintf(path, sizeof(path), "/proc/%ld/status", threads[1].tid);
	check_eq(number_of(read_text(path), "Pid"), threads[1].tid);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/comm", threads[1].tid);
	check_eq(try_write(path, "worker"), 6);
	check(strcmp(read_text(path), "worker\n") == 0);
	check(strcmp(read_text("/proc/self/comm"), "worker\n") != 0);
	snprintf(path, sizeof(path), "/proc/self/task/1");
	check_errno(open(path, O_RDONLY), ENOENT);
	set(go, 1);
	for (int i = 0; i < 3; i++)
		thread_join(&threads[i]);
}

static void gone_while_open(void)
{
	pid_t pid = idle_child();
	int stat, fd, task;
	char path[64], byte;

	snprintf(path, sizeof(path), "/proc/%d", pid);
	fd = check_call(open(path, O_RDONLY | O_DIRECTORY));
	stat = check_call(openat(fd, "stat", O_RDONLY));
	task = check_call(openat(fd, "task", O_RDONLY | O_DIRECTORY));
	check_eq(pread(stat, &byte, 1, 0), 1);
	end_child(pid);
	check_errno(pread(stat, &byte, 1, 0), ESRCH);
	check_errno(openat(fd, "stat", O_RDONLY), ESRCH);
	check_errno(openat(task, "1", O_RDONLY), ESRCH);
	check_eq(raw3(SYS_getdents64, task, proc_text, 512), -ENOENT);
	check_errno(open(path, O_RDONLY), ENOENT);
}

static const struct test_case cases[] = {
	TEST(what_links_say, "links name pipes, files, renamed and deleted ones"),
	TEST(modes_of_links, "a link's mode says how the file was opened"),
	TEST(opened_again, "opening a link opens the file again, deleted or not"),
	TEST(pipe_of_a_child, "a child's pipe can be opened by its link"),
	TEST(listing, "fd and fdinfo list what is open"),
	TEST(bad_numbers, "only a descriptor's own decimal number is its name"),
	TEST(info_lines, "fdinfo: position, flags, mount and inode"),
	TEST(info_of_a_closed_one, "fdinfo of a descriptor closed meanwhile is ENOENT"),
	TEST(strangers, "other users see neither"),
	TEST(thread_directories, "task lists the threads, each with a directory of its own"),
	TEST(gone_while_open, "what is open of a process that has gone is ESRCH or ENOENT"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
