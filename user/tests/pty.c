/*
 * Pseudo terminals: making and finding them, what each end sees of the other, packet mode, and the
 * file system devpts.
 */
#include "terminal.h"

#include <dirent.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

static void a_pair_has_a_number_and_a_node(void)
{
	struct terminal t = new_terminal();
	struct stat info;
	int lock = -1;

	check_call(stat(t.path, &info));
	check(S_ISCHR(info.st_mode));
	check_eq(major(info.st_rdev), 136);
	check_eq(minor(info.st_rdev), t.number);
	check_eq(info.st_mode & 07777, 0620);
	check_eq(info.st_uid, 0);
	check_eq(info.st_ino, t.number + 3);
	check_call(ioctl(t.master, TIOCGPTLCK, &lock));
	check_eq(lock, 0);
	check(isatty(t.master) && isatty(t.slave));
}

static void the_lowest_number_is_used_again(void)
{
	struct terminal a = new_terminal(), b = new_terminal(), c = new_terminal(), again;

	check(a.number < b.number && b.number < c.number);
	check_call(close(b.master));
	again = new_terminal();
	check(again.number != b.number); /* its slave is open still */
	check_call(close(b.slave));
	check_call(close(again.slave));
	check_call(close(again.master));
	again = new_terminal();
	check_eq(again.number, b.number);
}

static void many_pairs(void)
{
	int masters[100], last = -1;

	for (int i = 0; i < 100; i++) {
		masters[i] = check_call(open("/dev/ptmx", O_RDWR));
		check_call(ioctl(masters[i], TIOCGPTN, &last));
	}
	check(last >= 99);
	for (int i = 0; i < 100; i++)
		check_call(close(masters[i]));
}

static void the_node_goes_with_the_master(void)
{
	struct terminal t = new_terminal();

	check_call(close(t.master));
	check_errno(access(t.path, F_OK), ENOENT);
}

static void a_locked_slave_cannot_be_opened(void)
{
	char path[32];
	int master = check_call(open("/dev/ptmx", O_RDWR)), number, lock = -1, zero = 0;

	check_call(ioctl(master, TIOCGPTLCK, &lock));
	check_eq(lock, 1);
	check_call(ioctl(master, TIOCGPTN, &number));
	snprintf(path, sizeof(path), "/dev/pts/%d", number);
	check_errno(open(path, O_RDWR | O_NOCTTY), EIO);
	check_errno(ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY), EIO);
	check_call(ioctl(master, TIOCSPTLCK, &zero));
	check_call(open(path, O_RDWR | O_NOCTTY));
	check_errno(ioctl(master, TIOCSPTLCK, UNMAPPED_ADDRESS), EFAULT);
	check_errno(ioctl(master, TIOCGPTN, UNMAPPED_ADDRESS), EFAULT);
}

static void the_master_opens_its_slave(void)
{
	struct terminal t = new_terminal();
	int peer = check_call(ioctl(t.master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
	char link[64], name[64] = "";

	check_eq(fcntl(peer, F_GETFD), FD_CLOEXEC);
	check_eq(fcntl(peer, F_GETFL) & O_ACCMODE, O_RDWR);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", peer);
	check_call(readlink(link, name, sizeof(name) - 1));
	check(strcmp(name, t.path) == 0);
	type(peer, "x");
	expect(t.master, "x");
}

static void commands_of_the_master_are_not_the_slaves(void)
{
	struct terminal t = new_terminal();
	int n = 0;

	check_errno(ioctl(t.slave, TIOCGPTN, &n), ENOTTY);
	check_errno(ioctl(t.slave, TIOCPKT, &n), ENOTTY);
	check_errno(ioctl(t.slave, TIOCGPTPEER, O_RDWR), EIO);
	check_errno(ioctl(t.slave, 0x54ff, &n), ENOTTY);
	check_errno(ioctl(t.master, 0x54ff, &n), ENOTTY);
}

static void bytes_go_both_ways(void)
{
	struct terminal t = new_terminal();

	make_raw(t.slave, 1, 0);
	type(t.master, "down\r\n\x03\x04\xff");
	expect(t.slave, "down\r\n\x03\x04\xff");
	type(t.slave, "up\r\n\t\xff");
	expect(t.master, "up\r\n\t\xff");
}

static void both_ends_have_one_set_of_settings(void)
{
	struct terminal t = new_terminal();
	struct winsize size = {24, 80, 1, 2}, got = {0};

	change(t.master, LFLAG, ECHO, 0);
	check_eq(get_settings(t.slave).c_lflag & ECHO, 0);
	check_eq(get_settings(t.master).c_lflag & ECHO, 0);
	check_call(ioctl(t.master, TIOCGWINSZ, &got));
	check_eq(got.ws_row, 0);
	check_call(ioctl(t.master, TIOCSWINSZ, &size));
	check_call(ioctl(t.slave, TIOCGWINSZ, &got));
	check(memcmp(&size, &got, sizeof(size)) == 0);
}

static void a_new_terminal_has_the_usual_settings(void)
{
	struct terminal t = new_terminal();
	struct termios s = get_settings(t.slave);
	static const unsigned char cc[] = {3,  28, 127, 21, 4,  0,  1,  0, 17,
					   19, 26, 0,   18, 15, 23, 22, 0};

	check_eq(s.c_iflag, ICRNL | IXON);
	check_eq(s.c_oflag, OPOST | ONLCR);
	check_eq(s.c_cflag, B38400 | CS8 | CREAD);
	check_eq(s.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
	check_eq(s.c_line, 0);
	check(memcmp(s.c_cc, cc, sizeof(cc)) == 0);
}

static void input_may_come_before_the_slave_is_open(void)
{
	struct terminal t = new_terminal();

	check_call(close(t.slave));
	type(t.master, "early\n");
	t.slave = check_call(open(t.path, O_RDWR | O_NOCTTY));
	expect_read(t.slave, "early\n");
}

static void the_master_reads_what_is_left_and_then_eio(void)
{
	struct terminal t = new_terminal();
	char c;

	type(t.slave, "last words");
	check_call(close(t.slave));
	check_eq(poll_for(t.master, POLLIN), POLLIN | POLLHUP);
	expect(t.master, "last words");
	check_errno(read(t.master, &c, 1), EIO);
	check_eq(poll_now(t.master, POLLIN | POLLOUT), POLLOUT | POLLHUP);
	check_eq(read(t.master, &c, 0), 0);
	t.slave = check_call(open(t.path, O_RDWR | O_NOCTTY));
	check_eq(poll_now(t.master, POLLIN), 0);
	type(t.slave, "again");
	expect(t.master, "again");
}

static void a_master_without_a_slave_yet_waits(void)
{
	int master = check_call(open("/dev/ptmx", O_RDWR | O_NONBLOCK));
	char c;

	check_errno(read(master, &c, 1), EAGAIN);
	check_eq(poll_now(master, POLLIN | POLLOUT | POLLHUP), POLLOUT);
}

static void close_in_child(void *fd)
{
	settle();
	close(*(int *)fd);
}

static void a_waiting_master_learns_of_the_close(void)
{
	struct terminal t = new_terminal();
	char c;

	pid_t pid = tap_child(close_in_child, &t.slave);
	check_call(close(t.slave));
	check_errno(read(t.master, &c, 1), EIO);
	check_exits(pid, 0);
}

static void closing_the_master_hangs_the_slave_up(void)
{
	struct terminal t = new_terminal();
	int pgrp = 1;
	char c;

	type(t.master, "unread\n");
	check_call(close(t.master));
	check_eq(read(t.slave, &c, 1), 0);
	check_errno(write(t.slave, "x", 1), EIO);
	check_errno(tcgetattr(t.slave, &(struct termios){0}), EIO);
	check_errno(ioctl(t.slave, TIOCSPGRP, &pgrp), ENOTTY);
	check_errno(ioctl(t.slave, TIOCSCTTY, 0), EIO);
	check_eq(poll_now(t.slave, POLLIN | POLLOUT | POLLPRI),
		 POLLIN | POLLOUT | POLLERR | POLLHUP);
}

static void a_waiting_reader_learns_of_the_hangup(void)
{
	struct terminal t = new_terminal();
	char c;

	pid_t pid = tap_child(close_in_child, &t.master);
	check_call(close(t.master));
	check_errno(read(t.slave, &c, 1), EIO);
	check_eq(read(t.slave, &c, 1), 0);
	check_exits(pid, 0);
}

static void a_waiting_writer_learns_of_the_hangup(void)
{
	struct terminal t = new_terminal();
	static char bytes[65536];

	pid_t pid = tap_child(close_in_child, &t.master);
	check_call(close(t.master));
	check(write(t.slave, bytes, sizeof(bytes)) < (long)sizeof(bytes));
	check_errno(write(t.slave, bytes, 1), EIO);
	check_exits(pid, 0);
}

static void a_full_pair_takes_no_more(void)
{
	struct terminal t = new_terminal();
	static char bytes[65536];
	long n, total = 0;

	make_raw(t.slave, 1, 0);
	set_nonblock(t.slave);
	while ((n = write(t.slave, bytes, sizeof(bytes))) > 0)
		total += n;
	check_errno(n, EAGAIN);
	check(total >= 4096);
	check_eq(poll_now(t.slave, POLLOUT), 0);
	while (total > 0)
		total -= check_call(read(t.master, bytes, sizeof(bytes)));
	check_eq(poll_for(t.slave, POLLOUT), POLLOUT);

	set_nonblock(t.master);
	while ((n = write(t.master, bytes, sizeof(bytes))) > 0)
		total += n;
	check_errno(n, EAGAIN);
	check(total >= 8192);
	check_eq(poll_now(t.master, POLLOUT), 0);
	while (total > 0)
		total -= check_call(read(t.slave, bytes, sizeof(bytes)));
	check_eq(poll_for(t.master, POLLOUT), POLLOUT);
}

static void write_much(void *argument)
{
	struct terminal *t = argument;
	static char bytes[100000];

	memset(bytes, 'w', sizeof(bytes));
	check_eq(write(t->slave, bytes, sizeof(bytes)), sizeof(bytes));
}

static void a_slow_reader_gets_everything(void)
{
	struct terminal t = new_terminal();
	static char bytes[100];
	long total = 0, n;

	pid_t pid = tap_child(write_much, &t);
	check_call(close(t.slave));
	while ((n = read(t.master, bytes, sizeof(bytes))) > 0) {
		for (long i = 0; i < n; i++)
			check_eq(bytes[i], 'w');
		total += n;
	}
	check_errno(n, EIO);
	check_eq(total, 100000);
	check_exits(pid, 0);
}

static void bad_buffers(void)
{
	struct terminal t = new_terminal();

	type(t.master, "line\n");
	await_readable(t.slave, 5);
	check_errno(read(t.slave, UNMAPPED_ADDRESS, 10), EFAULT);
	check_errno(write(t.slave, UNMAPPED_ADDRESS, 10), EFAULT);
	check_errno(write(t.master, UNMAPPED_ADDRESS, 10), EFAULT);
	check_errno(ioctl(t.slave, TCGETS, UNMAPPED_ADDRESS), EFAULT);
	check_errno(ioctl(t.slave, TCSETS, UNMAPPED_ADDRESS), EFAULT);
	check_errno(ioctl(t.slave, TIOCGWINSZ, UNMAPPED_ADDRESS), EFAULT);
	check_errno(ioctl(t.slave, TIOCSWINSZ, UNMAPPED_ADDRESS), EFAULT);
	check_errno(lseek(t.master, 0, SEEK_SET), ESPIPE);
	check_errno(lseek(t.slave, 0, SEEK_SET), ESPIPE);
}

/* ---- packet mode ---- */

static struct terminal packet_terminal(void)
{
	struct terminal t = new_terminal();
	int on = 1, got = -1;

	check_call(ioctl(t.master, TIOCPKT, &on));
	check_call(ioctl(t.master, TIOCGPKT, &got));
	check_eq(got, 1);
	return t;
}

static int read_status(int master)
{
	unsigned char bytes[16];

	check_eq(read(master, bytes, sizeof(bytes)), 1);
	return bytes[0];
}

static void packets_begin_with_a_zero(void)
{
	struct terminal t = packet_terminal();
	char bytes[16];

	type(t.slave, "data");
	check_eq(poll_for(t.master, POLLIN | POLLPRI), POLLIN);
	check_eq(read(t.master, bytes, 3), 3);
	check(memcmp(bytes, "\0da", 3) == 0);
	check_eq(read(t.master, bytes, sizeof(bytes)), 3);
	check(memcmp(bytes, "\0ta", 3) == 0);
}

static void packets_tell_of_flow_control(void)
{
	struct terminal t = packet_terminal();

	check_call(tcflow(t.slave, TCOOFF));
	check_eq(poll_for(t.master, POLLPRI), POLLPRI);
	check_eq(poll_now(t.master, POLLIN | POLLPRI), POLLIN | POLLPRI);
	check_eq(read_status(t.master), TIOCPKT_STOP);
	check_call(tcflow(t.slave, TCOON));
	check_eq(read_status(t.master), TIOCPKT_START);
	change(t.slave, IFLAG, IXON, 0);
	check_eq(read_status(t.master), TIOCPKT_NOSTOP);
	change(t.slave, IFLAG, 0, IXON);
	check_eq(read_status(t.master), TIOCPKT_DOSTOP);
	change(t.slave, LFLAG, ECHO, 0);
	check_eq(poll_now(t.master, POLLIN | POLLPRI), 0);
}

static void packets_tell_of_flushes(void)
{
	struct terminal t = packet_terminal();

	check_call(tcflush(t.slave, TCIFLUSH));
	check_eq(read_status(t.master), TIOCPKT_FLUSHREAD);
	check_call(tcflush(t.slave, TCOFLUSH));
	check_eq(read_status(t.master), TIOCPKT_FLUSHWRITE);
	check_call(tcflush(t.slave, TCIOFLUSH));
	check_eq(read_status(t.master), TIOCPKT_FLUSHREAD | TIOCPKT_FLUSHWRITE);
	check_eq(poll_now(t.master, POLLIN | POLLPRI), 0);
}

static void external_processing_passes_bytes_on(void)
{
	struct terminal t = packet_terminal();

	change(t.slave, LFLAG, 0, 0200000);
	check_eq(read_status(t.master) & 64, 64);
	type(t.master, "a\x03\x7f");
	await_readable(t.slave, 3);
	expect_read(t.slave, "a\x03\x7f");
	check_eq(poll_now(t.master, POLLIN | POLLPRI), 0);
}

/* ---- devpts ---- */

static void mount_devpts(const char *options)
{
	mkdir("/tmp/pty-test", 0755);
	check_call(mkdir("/tmp/pty-test/pts", 0755));
	check_call(mount("devpts", "/tmp/pty-test/pts", "devpts", 0, options));
}

static void umount_devpts(void)
{
	check_call(umount("/tmp/pty-test/pts"));
	check_call(rmdir("/tmp/pty-test/pts"));
	unlink("/tmp/pty-test/ptmx");
	check_call(rmdir("/tmp/pty-test"));
}

static void every_mount_is_an_instance(void)
{
	struct statfs fs;
	struct stat info;
	int a, b, zero = 0, number = -1;

	mount_devpts("newinstance,ptmxmode=0600,mode=0604,gid=7,uid=9");
	check_call(statfs("/tmp/pty-test/pts", &fs));
	check_eq(fs.f_type, 0x1cd1);
	check_call(stat("/tmp/pty-test/pts/ptmx", &info));
	check_eq(info.st_mode, S_IFCHR | 0600);
	check_eq(info.st_rdev, makedev(5, 2));
	a = check_call(open("/tmp/pty-test/pts/ptmx", O_RDWR | O_NOCTTY));
	check_call(ioctl(a, TIOCGPTN, &number));
	check_eq(number, 0);
	check_call(stat("/tmp/pty-test/pts/0", &info));
	check_eq(info.st_mode, S_IFCHR | 0604);
	check_eq(info.st_uid, 9);
	check_eq(info.st_gid, 7);
	check_call(ioctl(a, TIOCSPTLCK, &zero));
	b = check_call(open("/tmp/pty-test/pts/0", O_RDWR | O_NOCTTY));
	type(b, "there");
	expect(a, "there");
	check_errno(umount("/tmp/pty-test/pts"), EBUSY);
	close(a);
	close(b);
	umount_devpts();
}

static void ptmx_finds_the_pts_beside_it(void)
{
	int master, number = -1;

	mount_devpts("max=2");
	check_call(mknod("/tmp/pty-test/ptmx", S_IFCHR | 0600, makedev(5, 2)));
	master = check_call(open("/tmp/pty-test/ptmx", O_RDWR | O_NOCTTY));
	check_call(ioctl(master, TIOCGPTN, &number));
	check_eq(number, 0);
	check_call(access("/tmp/pty-test/pts/0", F_OK));
	int second = check_call(open("/tmp/pty-test/ptmx", O_RDWR | O_NOCTTY));
	check_errno(open("/tmp/pty-test/ptmx", O_RDWR | O_NOCTTY), ENOSPC);
	close(second);
	close(master);
	umount_devpts();
	check_call(mknod("/tmp/pty-test-ptmx", S_IFCHR | 0600, makedev(5, 2)));
	check_errno(open("/tmp/pty-test-ptmx", O_RDWR | O_NOCTTY), ENOENT);
	check_call(mkdir("/tmp/pts", 0755));
	check_errno(open("/tmp/pty-test-ptmx", O_RDWR | O_NOCTTY), ENODEV);
	check_call(rmdir("/tmp/pts"));
	check_call(unlink("/tmp/pty-test-ptmx"));
}

static void devpts_refuses_bad_options(void)
{
	static const char *const bad[] = {"mode=9", "max=-1", "max=1048577",
					  "uid=",   "what=1", "ptmxmode=x"};

	check_call(mkdir("/tmp/pty-bad", 0755));
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_errno(mount("devpts", "/tmp/pty-bad", "devpts", 0, bad[i]), EINVAL);
	check_call(rmdir("/tmp/pty-bad"));
}

static void a_remount_changes_new_terminals(void)
{
	struct stat info;
	int master;

	mount_devpts("ptmxmode=0666,mode=0600");
	check_call(mount(NULL, "/tmp/pty-test/pts", NULL, MS_REMOUNT, "mode=0611"));
	check_call(stat("/tmp/pty-test/pts/ptmx", &info));
	check_eq(info.st_mode, S_IFCHR); /* what is not said is the default again */
	master = check_call(open("/tmp/pty-test/pts/ptmx", O_RDWR | O_NOCTTY));
	check_call(stat("/tmp/pty-test/pts/0", &info));
	check_eq(info.st_mode, S_IFCHR | 0611);
	close(master);
	umount_devpts();
}

static void the_directory_is_the_kernels(void)
{
	struct terminal t = new_terminal();

	check_errno(open("/dev/pts/new", O_CREAT | O_RDWR, 0600), EACCES);
	check_errno(mkdir("/dev/pts/new", 0700), EPERM);
	check_errno(mknod("/dev/pts/new", S_IFCHR | 0600, makedev(136, 0)), EPERM);
	check_errno(unlink(t.path), EPERM);
	check_errno(rename(t.path, "/dev/pts/new"), EPERM);
	check_call(chmod(t.path, 0600));
	check_call(chown(t.path, 1, 1));
}

static void the_directory_lists_terminals(void)
{
	struct terminal t = new_terminal();
	struct dirent *entry;
	int found = 0;
	DIR *dir = opendir("/dev/pts");

	check(dir);
	while ((entry = readdir(dir)))
		found += strcmp(entry->d_name, "ptmx") == 0 ||
			 strcmp(entry->d_name, t.path + strlen("/dev/pts/")) == 0;
	closedir(dir);
	check_eq(found, 2);
}

static void a_slaves_number_elsewhere_is_nothing(void)
{
	struct terminal t = new_terminal();

	check_call(mknod("/tmp/pty-node", S_IFCHR | 0600, makedev(136, t.number)));
	check_errno(open("/tmp/pty-node", O_RDWR | O_NOCTTY), EIO);
	check_call(unlink("/tmp/pty-node"));
}

static void exclusive_use(void *path)
{
	check_call(setuid(1000));
	check_errno(open(path, O_RDWR | O_NOCTTY), EBUSY);
}

static void an_exclusive_terminal_is_only_for_root(void)
{
	struct terminal t = new_terminal();
	int on = -1;

	check_call(chmod(t.path, 0666));
	check_call(ioctl(t.slave, TIOCEXCL));
	check_call(ioctl(t.slave, 0x80045440, &on));
	check_eq(on, 1);
	check_child(exclusive_use, t.path);
	check_call(open(t.path, O_RDWR | O_NOCTTY));
	check_call(ioctl(t.slave, TIOCNXCL));
}

static void hammer(void *argument)
{
	for (int i = 0; i < 200; i++) {
		struct terminal t = new_terminal();

		type(t.slave, "ping");
		expect(t.master, "ping");
		close(i & 1 ? t.master : t.slave);
		close(i & 1 ? t.slave : t.master);
	}
}

static void pairs_are_made_on_every_cpu_at_once(void)
{
	pid_t children[4];

	for (int i = 0; i < 4; i++)
		children[i] = tap_child(hammer, NULL);
	for (int i = 0; i < 4; i++)
		check_exits(children[i], 0);
}

static const struct test_case cases[] = {
	TEST(a_pair_has_a_number_and_a_node, "a pair has a number, and a node with that number"),
	TEST(the_lowest_number_is_used_again,
	     "the lowest free number is taken, once both ends are closed"),
	TEST(many_pairs, "a hundred pairs at once"),
	TEST(the_node_goes_with_the_master, "the node goes when the master is closed"),
	TEST(a_locked_slave_cannot_be_opened, "a locked slave cannot be opened: EIO"),
	TEST(the_master_opens_its_slave, "TIOCGPTPEER opens the slave"),
	TEST(commands_of_the_master_are_not_the_slaves,
	     "the slave does not know the master's commands"),
	TEST(bytes_go_both_ways, "raw bytes go both ways"),
	TEST(both_ends_have_one_set_of_settings, "both ends share settings and window size"),
	TEST(a_new_terminal_has_the_usual_settings, "a new terminal has the usual settings"),
	TEST(input_may_come_before_the_slave_is_open,
	     "what is typed before the slave is open waits for it"),
	TEST(the_master_reads_what_is_left_and_then_eio,
	     "after the slave's close the master reads what is left, then EIO"),
	TEST(a_master_without_a_slave_yet_waits, "a master whose slave was never open just waits"),
	TEST(a_waiting_master_learns_of_the_close,
	     "a master that waits learns of the slave's close"),
	TEST(closing_the_master_hangs_the_slave_up, "closing the master hangs the slave up"),
	TEST(a_waiting_reader_learns_of_the_hangup, "a reader that waits learns of the hangup"),
	TEST(a_waiting_writer_learns_of_the_hangup, "a writer that waits learns of the hangup"),
	TEST(a_full_pair_takes_no_more, "a pair that nobody reads takes no more: EAGAIN"),
	TEST(a_slow_reader_gets_everything, "a slow reader of the master gets everything"),
	TEST(bad_buffers, "bad addresses are EFAULT, and there is no offset"),
	TEST(packets_begin_with_a_zero, "packet mode: data is preceded by a zero"),
	TEST(packets_tell_of_flow_control, "packet mode: stop, start and who obeys them"),
	TEST(packets_tell_of_flushes, "packet mode: flushes"),
	TEST(external_processing_passes_bytes_on,
	     "EXTPROC passes bytes on as they are, and tells the master"),
	TEST(every_mount_is_an_instance,
	     "every mount of devpts is an instance with its own options"),
	TEST(ptmx_finds_the_pts_beside_it,
	     "ptmx makes terminals in the pts beside it, as many as max= says"),
	TEST(devpts_refuses_bad_options, "devpts refuses bad options"),
	TEST(a_remount_changes_new_terminals, "a remount changes what new terminals are like"),
	TEST(the_directory_is_the_kernels, "nobody makes or removes names in devpts"),
	TEST(the_directory_lists_terminals, "the directory lists ptmx and the terminals"),
	TEST(a_slaves_number_elsewhere_is_nothing,
	     "a slave's device number outside of devpts is EIO"),
	TEST(an_exclusive_terminal_is_only_for_root,
	     "an exclusive terminal opens only for root: EBUSY"),
	TEST(pairs_are_made_on_every_cpu_at_once, "pairs are made and closed on every CPU at once"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
