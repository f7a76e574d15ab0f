/*
 * Which capability allows what. One row for each call that asks for one; for every capability, all
 * the calls are made twice by root: with all capabilities but this one, and with this one alone.
 * So a call that asks for the wrong one, for two, or for none is seen.
 */
#include "helpers.h"

#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

enum capability {
	CHOWN = 0,
	DAC_OVERRIDE = 1,
	DAC_READ_SEARCH = 2,
	FOWNER = 3,
	FSETID = 4,
	KILL = 5,
	SETGID = 6,
	SETUID = 7,
	SETPCAP = 8,
	NET_ADMIN = 12,
	IPC_LOCK = 14,
	SYS_RAWIO = 17,
	SYS_CHROOT = 18,
	SYS_PTRACE = 19,
	SYS_ADMIN = 21,
	SYS_BOOT = 22,
	SYS_NICE = 23,
	SYS_RESOURCE = 24,
	SYS_TIME = 25,
	SYS_TTY_CONFIG = 26,
	MKNOD = 27,
	SYSLOG = 34,
	WAKE_ALARM = 35,
	CHECKPOINT_RESTORE = 40,
};

#define ALL        0x1ffffffffffUL
#define BIT(cap)   (1UL << (cap))
#define SOMEBODY   1000
#define UNUSED_TID 31234

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* A process of SOMEBODY's, and a descriptor of it. */
static pid_t theirs;
static int their_pidfd;

static long set_effective(unsigned long effective)
{
	uint32_t header[2] = {0x20080522, 0};
	uint32_t data[6] = {effective, ALL & 0xffffffff, 0, effective >> 32, ALL >> 32, 0};

	return raw2(SYS_capset, header, data);
}

/* ---- files ---- */

static void put(const char *path, uid_t owner, mode_t mode)
{
	int fd = check_call(open(path, O_CREAT | O_EXCL | O_WRONLY, 0600));

	check_call(fchown(fd, owner, owner));
	check_call(fchmod(fd, mode));
	close(fd);
}

/* What the calls work on, made anew for each of them. */
static void make_files(void)
{
	go_home();
	put("mine", 0, 0600);
	put("mine-set", 0, 06777);
	put("theirs", SOMEBODY, 0600);
	put("theirs-open", SOMEBODY, 0666);
	put("mine-of-their-group", 0, 0600);
	check_call(chown("mine-of-their-group", 0, SOMEBODY));
	check_call(mkdir("sticky", 0700));
	put("sticky/theirs", SOMEBODY, 0666);
	check_call(chown("sticky", SOMEBODY, SOMEBODY));
	check_call(chmod("sticky", 01777));
	check_call(mkdir("closed", 0700));
	check_call(chown("closed", SOMEBODY, SOMEBODY));
	check_call(mkdir("mount", 0700));
}

static void remove_files(void)
{
	static const char *const files[] = {"mine",          "mine-set",   "theirs",
					    "theirs-open",   "new",        "mine-of-their-group",
					    "sticky/theirs", "closed/new", "sticky/new"};
	static const char *const directories[] = {"sticky", "closed", "mount", "made"};

	umount2("mount", MNT_DETACH);
	for (size_t i = 0; i < TAP_COUNT(files); i++)
		unlink(files[i]);
	for (size_t i = 0; i < TAP_COUNT(directories); i++)
		rmdir(directories[i]);
	leave_home();
}

static long try_open(const char *path, int flags)
{
	return raw3(SYS_open, path, flags, 0);
}

static long give_file(void)
{
	return raw3(SYS_chown, "mine", SOMEBODY, -1);
}
static long give_file_to_group(void)
{
	return raw3(SYS_chown, "mine", -1, SOMEBODY);
}
static long take_file(void)
{
	return raw3(SYS_chown, "theirs", 0, -1);
}
static long write_theirs(void)
{
	return try_open("theirs", O_WRONLY);
}
static long make_in_theirs(void)
{
	return raw3(SYS_mknod, "closed/new", S_IFREG | 0600, 0);
}
static long read_theirs(void)
{
	return try_open("theirs", O_RDONLY);
}
static long list_theirs(void)
{
	return try_open("closed", O_RDONLY | O_DIRECTORY);
}
static long enter_theirs(void)
{
	return raw1(SYS_chdir, "closed");
}
static long link_descriptor(void)
{
	return raw5(SYS_linkat, try_open("mine", O_RDONLY), "", AT_FDCWD, "new", AT_EMPTY_PATH);
}
static long chmod_theirs(void)
{
	return raw2(SYS_chmod, "theirs", 0640);
}
static long unlink_sticky(void)
{
	return raw1(SYS_unlink, "sticky/theirs");
}
static long rename_sticky(void)
{
	return raw2(SYS_rename, "sticky/theirs", "sticky/new");
}
static long set_their_times(void)
{
	struct timespec times[2] = {{1, 0}, {2, 0}};

	return raw4(SYS_utimensat, AT_FDCWD, "theirs-open", times, 0);
}
static long open_without_time(void)
{
	return try_open("theirs-open", O_RDONLY | O_NOATIME);
}
static long set_without_time(void)
{
	return raw3(SYS_fcntl, try_open("theirs-open", O_RDONLY), F_SETFL, O_NOATIME);
}

/* -EPERM: the bits are gone, which is all that tells. */
static long bits_left(const char *path, mode_t bits)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return -errno;
	return (status.st_mode & bits) == bits ? 0 : -EPERM;
}
static long keep_bits_over_write(void)
{
	int fd = try_open("mine-set", O_WRONLY);

	return raw3(SYS_write, fd, "x", 1) == 1 ? bits_left("mine-set", 06000) : -EIO;
}
static long keep_bits_over_truncate(void)
{
	long error = raw2(SYS_truncate, "mine-set", 10);

	return error ? error : bits_left("mine-set", 06000);
}
static long set_group_bit(void)
{
	long error = raw2(SYS_chmod, "mine-of-their-group", 02750);

	return error ? error : bits_left("mine-of-their-group", 02000);
}
static long make_character(void)
{
	return raw3(SYS_mknod, "new", S_IFCHR | 0600, 0x103);
}
static long make_block(void)
{
	return raw3(SYS_mknod, "new", S_IFBLK | 0600, 0);
}
static long make_whiteout(void)
{
	return raw3(SYS_mknod, "new", S_IFCHR | 0600, 0);
}
static long make_fifo(void)
{
	return raw3(SYS_mknod, "new", S_IFIFO | 0600, 0);
}

/* ---- ids ---- */

static long become_user(void)
{
	return raw1(SYS_setuid, SOMEBODY);
}
static long become_user_by_three(void)
{
	return raw3(SYS_setresuid, SOMEBODY, -1, -1);
}
static long become_user_by_two(void)
{
	return raw2(SYS_setreuid, -1, SOMEBODY);
}
static long become_user_for_files(void)
{
	raw1(SYS_setfsuid, SOMEBODY);
	return raw1(SYS_setfsuid, -1) == SOMEBODY ? 0 : -EPERM;
}
static long become_group(void)
{
	return raw1(SYS_setgid, SOMEBODY);
}
static long become_group_by_three(void)
{
	return raw3(SYS_setresgid, -1, SOMEBODY, -1);
}
static long become_group_by_two(void)
{
	return raw2(SYS_setregid, SOMEBODY, -1);
}
static long become_group_for_files(void)
{
	raw1(SYS_setfsgid, SOMEBODY);
	return raw1(SYS_setfsgid, -1) == SOMEBODY ? 0 : -EPERM;
}
static long join_groups(void)
{
	gid_t group = SOMEBODY;

	return raw2(SYS_setgroups, 1, &group);
}
static long drop_from_bounding_set(void)
{
	return raw5(SYS_prctl, PR_CAPBSET_DROP, 20, 0, 0, 0);
}
static long set_secure_bits(void)
{
	return raw5(SYS_prctl, PR_SET_SECUREBITS, 0x10, 0, 0, 0);
}

/* ---- other processes ---- */

static long signal_theirs(void)
{
	return raw2(SYS_kill, theirs, 0);
}
static long signal_their_thread(void)
{
	return raw3(SYS_tgkill, theirs, theirs, 0);
}
static long signal_their_pidfd(void)
{
	return raw4(SYS_pidfd_send_signal, their_pidfd, 0, NULL, 0);
}
static long read_their_memory(void)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {&theirs, 1};

	return raw6(SYS_process_vm_readv, theirs, &here, 1, &there, 1, 0) == 1 ? 0 : -EPERM;
}
static long compare_with_theirs(void)
{
	long result = raw5(SYS_kcmp, theirs, getpid(), 1 /* KCMP_VM */, 0, 0);

	return result < 0 ? result : 0;
}
static long take_their_descriptor(void)
{
	return raw3(SYS_pidfd_getfd, their_pidfd, 0, 0);
}
static long find_their_robust_list(void)
{
	void *head;
	size_t length;

	return raw3(SYS_get_robust_list, theirs, &head, &length);
}
static long read_their_link(const char *name)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)theirs, name);
	return raw3(SYS_readlink, path, text, sizeof(text));
}
static long read_their_program(void)
{
	return read_their_link("exe");
}
static long read_their_directory(void)
{
	return read_their_link("cwd");
}

/* ---- priorities and limits ---- */

static long be_nicer(void)
{
	return raw3(SYS_setpriority, PRIO_PROCESS, 0, -1);
}
static long make_them_nice(void)
{
	return raw3(SYS_setpriority, PRIO_PROCESS, theirs, 5);
}
static long be_real_time(void)
{
	struct sched_param param = {.sched_priority = 1};

	return raw3(SYS_sched_setscheduler, 0, SCHED_FIFO, &param);
}
static long place_theirs(void)
{
	unsigned long cpus = 1;

	return raw3(SYS_sched_setaffinity, theirs, sizeof(cpus), &cpus);
}
static long read_first(void)
{
	return raw3(SYS_ioprio_set, 1, 0, 1 << 13);
}
static long make_them_read_last(void)
{
	return raw3(SYS_ioprio_set, 1, theirs, 3 << 13);
}
static long set_limit(unsigned int which, pid_t pid, unsigned long soft, unsigned long hard)
{
	struct rlimit limit = {soft, hard};

	return raw4(SYS_prlimit64, pid, which, &limit, NULL);
}
static long raise_limit(void)
{
	long error = set_limit(RLIMIT_CORE, 0, 0, 0);

	return error ? error : set_limit(RLIMIT_CORE, 0, 0, 4096);
}
static long limit_theirs(void)
{
	return set_limit(RLIMIT_CPU, theirs, RLIM_INFINITY, RLIM_INFINITY);
}
static long write_text(const char *path, const char *text)
{
	int fd = try_open(path, O_WRONLY);
	long n = fd < 0 ? fd : raw3(SYS_write, fd, text, strlen(text));

	return n < 0 ? n : 0;
}
static long be_spared(void)
{
	return write_text("/proc/self/oom_score_adj", "-7");
}
static long widen_pipe(void)
{
	int ends[2];

	make_pipe(ends);
	return raw3(SYS_fcntl, ends[0], F_SETPIPE_SZ, 2 << 20) < 0 ? -EPERM : 0;
}
static long flush_io(void)
{
	return raw5(SYS_prctl, 57 /* PR_SET_IO_FLUSHER */, 1, 0, 0, 0);
}
static void *locked_page(void)
{
	set_limit(RLIMIT_MEMLOCK, 0, 0, 0);
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static long lock_memory(void)
{
	return raw2(SYS_mlock, locked_page(), 4096);
}
static long lock_all_memory(void)
{
	locked_page();
	return raw1(SYS_mlockall, MCL_FUTURE);
}
static long map_first_page(void)
{
	long at =
		raw6(SYS_mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return at < 0 ? at : 0;
}
static long force_buffer(void)
{
	int fd = check_call(socket(AF_UNIX, SOCK_STREAM, 0)), size = 1 << 20;

	return raw5(SYS_setsockopt, fd, SOL_SOCKET, 32 /* SO_SNDBUFFORCE */, &size, sizeof(size));
}

/* ---- the system ---- */

static long change_root(void)
{
	return raw1(SYS_chroot, "/");
}
static long name_host(void)
{
	char name[65];

	check_call(gethostname(name, sizeof(name)));
	return raw2(SYS_sethostname, name, strlen(name));
}
static long mount_something(void)
{
	return raw5(SYS_mount, "none", "mount", "tmpfs", 0, NULL);
}
static long unmount_something(void)
{
	long error = raw2(SYS_umount2, "mount", 0);

	return error == -EINVAL ? 0 : error; /* allowed, but there is no mount */
}
static long hang_up(void)
{
	return raw0(SYS_vhangup);
}
static long forbid_three_fingers(void)
{
	return raw4(SYS_reboot, 0xfee1dead, 672274793, 0 /* CAD_OFF */, 0);
}
static long set_time_zone(void)
{
	struct {
		int west, dst;
	} zone = {0, 0};

	return raw2(SYS_settimeofday, NULL, &zone);
}
static long count_messages(void)
{
	long n = raw3(SYS_syslog, 9 /* SIZE_UNREAD */, NULL, 0);

	return n < 0 ? n : 0;
}
static long make_alarm(void)
{
	return raw2(SYS_timerfd_create, CLOCK_BOOTTIME_ALARM, 0);
}
static long choose_number(void)
{
	pid_t number = UNUSED_TID;
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&number,
		.set_tid_size = 1,
	};
	long pid = raw2(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		raw_exit(0);
	if (pid > 0)
		tap_wait(pid);
	return pid < 0 ? pid : 0;
}
/* What root owns under /proc/sys it may write without any capability. */
static long set_number_of_system(void)
{
	char text[32] = "";
	int fd = try_open("/proc/sys/kernel/randomize_va_space", O_RDONLY);

	if (raw3(SYS_read, fd, text, sizeof(text) - 1) <= 0)
		return -EIO;
	return write_text("/proc/sys/kernel/randomize_va_space", text);
}

/* clang-format off */
static const struct row {
	unsigned long any; /* each of these is enough; none: no capability is asked for */
	int error;         /* without */
	const char *name;
	long (*call)(void);
} rows[] = {
#define ROW(any, error, call) { any, error, #call, call }
	ROW(BIT(CHOWN), EPERM, give_file),
	ROW(BIT(CHOWN), EPERM, give_file_to_group),
	ROW(BIT(CHOWN), EPERM, take_file),
	ROW(BIT(DAC_OVERRIDE), EACCES, write_theirs),
	ROW(BIT(DAC_OVERRIDE), EACCES, make_in_theirs),
	ROW(BIT(DAC_OVERRIDE) | BIT(DAC_READ_SEARCH), EACCES, read_theirs),
	ROW(BIT(DAC_OVERRIDE) | BIT(DAC_READ_SEARCH), EACCES, list_theirs),
	ROW(BIT(DAC_OVERRIDE) | BIT(DAC_READ_SEARCH), EACCES, enter_theirs),
	ROW(BIT(DAC_READ_SEARCH), ENOENT, link_descriptor),
	ROW(BIT(FOWNER), EPERM, chmod_theirs),
	ROW(BIT(FOWNER), EPERM, unlink_sticky),
	ROW(BIT(FOWNER), EPERM, rename_sticky),
	ROW(BIT(FOWNER), EPERM, set_their_times),
	ROW(BIT(FOWNER), EPERM, open_without_time),
	ROW(BIT(FOWNER), EPERM, set_without_time),
	ROW(BIT(FSETID), EPERM, keep_bits_over_write),
	ROW(BIT(FSETID), EPERM, keep_bits_over_truncate),
	ROW(BIT(FSETID), EPERM, set_group_bit),
	ROW(BIT(KILL), EPERM, signal_theirs),
	ROW(BIT(KILL), EPERM, signal_their_thread),
	ROW(BIT(KILL), EPERM, signal_their_pidfd),
	ROW(BIT(SETUID), EPERM, become_user),
	ROW(BIT(SETUID), EPERM, become_user_by_three),
	ROW(BIT(SETUID), EPERM, become_user_by_two),
	ROW(BIT(SETUID), EPERM, become_user_for_files),
	ROW(BIT(SETGID), EPERM, become_group),
	ROW(BIT(SETGID), EPERM, become_group_by_three),
	ROW(BIT(SETGID), EPERM, become_group_by_two),
	ROW(BIT(SETGID), EPERM, become_group_for_files),
	ROW(BIT(SETGID), EPERM, join_groups),
	ROW(BIT(SETPCAP), EPERM, drop_from_bounding_set),
	ROW(BIT(SETPCAP), EPERM, set_secure_bits),
	ROW(BIT(NET_ADMIN), EPERM, force_buffer),
	ROW(BIT(IPC_LOCK), EPERM, lock_memory),
	ROW(BIT(IPC_LOCK), EPERM, lock_all_memory),
	ROW(BIT(SYS_RAWIO), EPERM, map_first_page),
	ROW(BIT(SYS_CHROOT), EPERM, change_root),
	ROW(BIT(SYS_PTRACE), EPERM, read_their_memory),
	ROW(BIT(SYS_PTRACE), EPERM, compare_with_theirs),
	ROW(BIT(SYS_PTRACE), EPERM, take_their_descriptor),
	ROW(BIT(SYS_PTRACE), EPERM, find_their_robust_list),
	ROW(BIT(SYS_PTRACE), EACCES, read_their_program),
	ROW(BIT(SYS_PTRACE), EACCES, read_their_directory),
	ROW(BIT(SYS_ADMIN), EPERM, name_host),
	ROW(BIT(SYS_ADMIN), EPERM, mount_something),
	ROW(BIT(SYS_ADMIN), EPERM, unmount_something),
	ROW(BIT(SYS_BOOT), EPERM, forbid_three_fingers),
	ROW(BIT(SYS_NICE), EACCES, be_nicer),
	ROW(BIT(SYS_NICE), EPERM, make_them_nice),
	ROW(BIT(SYS_NICE), EPERM, be_real_time),
	ROW(BIT(SYS_NICE), EPERM, place_theirs),
	ROW(BIT(SYS_NICE) | BIT(SYS_ADMIN), EPERM, read_first),
	ROW(BIT(SYS_NICE), EPERM, make_them_read_last),
	ROW(BIT(SYS_RESOURCE), EPERM, raise_limit),
	ROW(BIT(SYS_RESOURCE), EPERM, limit_theirs),
	ROW(BIT(SYS_RESOURCE), EACCES, be_spared),
	ROW(BIT(SYS_RESOURCE), EPERM, widen_pipe),
	ROW(BIT(SYS_RESOURCE), EPERM, flush_io),
	ROW(BIT(SYS_TIME), EPERM, set_time_zone),
	ROW(BIT(SYS_TTY_CONFIG), EPERM, hang_up),
	ROW(BIT(MKNOD), EPERM, make_character),
	ROW(BIT(MKNOD), EPERM, make_block),
	ROW(BIT(SYSLOG) | BIT(SYS_ADMIN), EPERM, count_messages),
	ROW(BIT(WAKE_ALARM), EPERM, make_alarm),
	ROW(BIT(SYS_ADMIN) | BIT(CHECKPOINT_RESTORE), EPERM, choose_number),
	ROW(0, 0, make_whiteout),
	ROW(0, 0, make_fifo),
	ROW(0, 0, set_number_of_system),
};
/* clang-format on */

static int call_with(const struct row *row, unsigned long effective)
{
	pid_t pid = tap_fork();
	long result;
	int status;

	if (pid == 0) {
		check_eq(set_effective(effective), 0);
		result = row->call();
		raw_exit(result < 0 ? -result : 0);
	}
	status = tap_wait(pid);
	check(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void check_row(const struct row *row, unsigned long effective, const char *which)
{
	int want = !row->any || (row->any & effective) ? 0 : row->error, got;

	make_files();
	got = call_with(row, effective);
	remove_files();
	if (got != want)
		tap_note("%s, capabilities %s", row->name, which);
	check_eq(got, want);
}

static void be_theirs(void *ready)
{
	check_call(setgroups(0, NULL));
	check_call(setgid(SOMEBODY));
	check_call(setuid(SOMEBODY));
	set(ready, 1);
	for (;;)
		pause();
}

static void check_capability(int cap)
{
	int *ready = tap_shared(4096);

	theirs = tap_child(be_theirs, ready);
	tap_await(ready, 1);
	their_pidfd = check_call(syscall(SYS_pidfd_open, theirs, 0));
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		check_row(&rows[i], ALL & ~BIT(cap), "all but this");
		check_row(&rows[i], BIT(cap), "this alone");
	}
	check_call(kill(theirs, SIGKILL));
	tap_wait(theirs);
}

/* clang-format off */
#define EACH_CAPABILITY(X)                                                            \
	X(CHOWN) X(DAC_OVERRIDE) X(DAC_READ_SEARCH) X(FOWNER) X(FSETID) X(KILL)        \
	X(SETGID) X(SETUID) X(SETPCAP) X(NET_ADMIN) X(IPC_LOCK) X(SYS_RAWIO)           \
	X(SYS_CHROOT) X(SYS_PTRACE) X(SYS_ADMIN) X(SYS_BOOT) X(SYS_NICE)               \
	X(SYS_RESOURCE) X(SYS_TIME) X(SYS_TTY_CONFIG) X(MKNOD) X(SYSLOG) X(WAKE_ALARM) \
	X(CHECKPOINT_RESTORE)
/* clang-format on */

#define DEFINE(name)                    \
	static void only_##name(void)   \
	{                               \
		check_capability(name); \
	}
EACH_CAPABILITY(DEFINE)

#define CASE(name) TEST(only_##name, "capability-table: " #name " allows what it should, alone"),
static const struct test_case cases[] = {EACH_CAPABILITY(CASE)};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
