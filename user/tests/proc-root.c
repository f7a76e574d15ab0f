/* What stands directly in /proc, its directories, and the options it is mounted with. */
#include "proc.h"

#include <sys/mount.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>

#define CHECK_ORDER(text, ...)                                                 \
	do {                                                                   \
		static const char *const names_[] = {__VA_ARGS__};             \
		check_order(text, names_, sizeof(names_) / sizeof(names_[0])); \
	} while (0)

static void memory(void)
{
	const char *text = read_text("/proc/meminfo");
	struct sysinfo info;
	long total = number_of(text, "MemTotal"), free = number_of(text, "MemFree");

	check_call(sysinfo(&info));
	CHECK_ORDER(text, "MemTotal", "MemFree", "MemAvailable", "Buffers", "Cached", "SwapCached",
		    "Active", "Inactive", "Active(anon)", "Inactive(anon)", "Active(file)",
		    "Inactive(file)", "Unevictable", "Mlocked", "SwapTotal", "SwapFree", "Dirty",
		    "Writeback", "AnonPages", "Shmem", "KReclaimable", "Slab", "SReclaimable",
		    "SUnreclaim", "KernelStack", "PageTables", "CommitLimit", "Committed_AS",
		    "VmallocTotal", "VmallocUsed", "VmallocChunk");
	check_eq(total, info.totalram * info.mem_unit / 1024);
	check(free > 0 && free < total);
	check(number_of(text, "MemAvailable") <= total);
	check(number_of(text, "Cached") >= number_of(text, "Shmem"));
	check(number_of(text, "AnonPages") > 0 && number_of(text, "PageTables") > 0);
	check(number_of(text, "KernelStack") > 0 && number_of(text, "Slab") > 0);
	check(strncmp(text, "MemTotal:       ", 16) == 0 && strstr(text, " kB\nMemFree:  "));
}

static void memory_in_use(void)
{
	long before = number_of(read_text("/proc/meminfo"), "AnonPages");
	long committed = number_of(proc_text, "Committed_AS");
	char *bytes =
		mmap(NULL, 8 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(bytes != MAP_FAILED);
	memset(bytes, 1, 8 << 20);
	check(number_of(read_text("/proc/meminfo"), "AnonPages") > before + 4096);
	check(number_of(proc_text, "Committed_AS") > committed + 4096);
}

static int count_lines(const char *text, const char *prefix)
{
	int n = 0;

	for (const char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		n += strncmp(at, prefix, strlen(prefix)) == 0;
	return n;
}

static void processors(void)
{
	const char *text = read_text("/proc/cpuinfo");

	check_eq(count_lines(text, "processor\t: "), sysconf(_SC_NPROCESSORS_ONLN));
	check_eq(count_lines(text, "flags\t\t: fpu "), sysconf(_SC_NPROCESSORS_ONLN));
	CHECK_ORDER(text, "processor\t", "vendor_id\t", "cpu family\t", "model\t\t", "model name\t",
		    "stepping\t", "cpu MHz\t\t", "physical id\t", "siblings\t", "core id\t\t",
		    "cpu cores\t", "apicid\t\t", "initial apicid\t", "fpu\t\t", "fpu_exception\t",
		    "cpuid level\t", "wp\t\t", "flags\t\t", "bogomips\t", "clflush size\t",
		    "cache_alignment\t", "address sizes\t", "power management");
	check(strstr(text, " sse2 ") && strstr(text, " lm "));
	check(strtod(line_of(text, "cpu MHz\t\t"), NULL) > 1);
}

static void statistics(void)
{
	const char *text = read_text("/proc/stat"), *at;
	long ticks[10], processes, boot;

	check_eq(sscanf(text, "cpu  %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld\n", &ticks[0],
			&ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7],
			&ticks[8], &ticks[9]),
		 10);
	check_eq(count_lines(text, "cpu"), sysconf(_SC_NPROCESSORS_ONLN) + 1);
	at = strstr(text, "\nintr ");
	check(at != NULL);
	at = strstr(at, "\nctxt ");
	check(at && strtol(at + 6, NULL, 10) > 0);
	at = strstr(at, "\nbtime ");
	check(at != NULL);
	boot = strtol(at + 7, NULL, 10);
	check(boot > 0 && boot <= time(NULL));
	at = strstr(at, "\nprocesses ");
	check(at != NULL);
	processes = strtol(at + 11, NULL, 10);
	at = strstr(at, "\nprocs_running ");
	check(at && strtol(at + 15, NULL, 10) >= 1);
	check(strstr(at, "\nprocs_blocked ") && strstr(at, "\nsoftirq "));
	end_child(idle_child());
	at = strstr(read_text("/proc/stat"), "\nprocesses ");
	check(strtol(at + 11, NULL, 10) > processes);
}

static void busy_time(void)
{
	long before[4], after[4];
	long long end = tap_now() + 200 * 1000 * 1000;

	sscanf(read_text("/proc/stat"), "cpu %ld %ld %ld %ld", &before[0], &before[1], &before[2],
	       &before[3]);
	while (tap_now() < end)
		;
	sscanf(read_text("/proc/stat"), "cpu %ld %ld %ld %ld", &after[0], &after[1], &after[2],
	       &after[3]);
	check(after[0] + after[1] + after[2] >= before[0] + before[1] + before[2] + 5);
	check(after[3] >= before[3]);
}

static void load(void)
{
	double average[3];
	int running, total, last, end = 0;
	pid_t pid;

	check_eq(sscanf(read_text("/proc/loadavg"), "%lf %lf %lf %d/%d %d\n%n", &average[0],
			&average[1], &average[2], &running, &total, &last, &end),
		 6);
	check_eq(end, strlen(proc_text));
	check(running >= 1 && total >= running && average[0] >= 0);
	pid = idle_child();
	sscanf(read_text("/proc/loadavg"), "%lf %lf %lf %d/%d %d", &average[0], &average[1],
	       &average[2], &running, &total, &last);
	check(last >= pid || last < 1000);
	end_child(pid);
}

static void uptime(void)
{
	struct timespec now;
	double up, idle;

	check_eq(sscanf(read_text("/proc/uptime"), "%lf %lf\n", &up, &idle), 2);
	check_call(clock_gettime(CLOCK_BOOTTIME, &now));
	check(up > 0 && up <= now.tv_sec + now.tv_nsec / 1e9 + 0.01);
	check(idle >= 0 && idle <= (up + 1) * sysconf(_SC_NPROCESSORS_ONLN));
}

static void names(void)
{
	struct utsname uts;
	char start[160];

	check_call(uname(&uts));
	snprintf(start, sizeof(start), "%s version %s (", uts.sysname, uts.release);
	check(strncmp(read_text("/proc/version"), start, strlen(start)) == 0);
	check(strstr(proc_text, uts.version) != NULL);
}

static void file_systems(void)
{
	check(strstr(read_text("/proc/filesystems"), "nodev\tproc\n") != NULL);
	check(strstr(proc_text, "nodev\ttmpfs\n") != NULL);
	check(strstr(read_text("/proc/devices"), "Character devices:\n  1 mem\n") == proc_text);
	check(strstr(proc_text, "\n\nBlock devices:\n") != NULL);
	check(strcmp(read_text("/proc/swaps"),
		     "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n") == 0);
	check(strstr(read_text("/proc/tty/drivers"), "/dev/tty             /dev/tty ") != NULL);
}

static void statistics_of_memory(void)
{
	static const char *const names[] = {"nr_free_pages ", "nr_anon_pages ", "nr_file_pages ",
					    "nr_shmem ",      "pgpgin ",        "pgpgout ",
					    "pswpin ",        "pswpout "};
	const char *at = read_text("/proc/vmstat");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		check(strstr(at, names[i]) != NULL);
		at = strstr(at, names[i]);
	}
	check(strncmp(read_text("/proc/slabinfo"),
		      "slabinfo - version: 2.1\n# name            <active_objs>", 55) == 0);
	check(strstr(proc_text, " : tunables ") && strstr(proc_text, " : slabdata "));
}

static void links(void)
{
	char link[64], want[64];
	long n = check_call(readlink("/proc/self", link, 64));

	snprintf(want, sizeof(want), "%d", getpid());
	check(n == (long)strlen(want) && memcmp(link, want, n) == 0);
	n = check_call(readlink("/proc/thread-self", link, 64));
	snprintf(want, sizeof(want), "%d/task/%d", getpid(), getpid());
	check(n == (long)strlen(want) && memcmp(link, want, n) == 0);
	check_eq(readlink("/proc/mounts", link, 64), 11);
	check_eq(readlink("/proc/net", link, 64), 8);
}

static void what_cannot_be_done(void)
{
	check_eq(try_write("/proc/version", "x"), -EIO);
	check_eq(try_write("/proc/self/stat", "x"), -EINVAL);
	check_errno(unlink("/proc/version"), EPERM);
	check_errno(rmdir("/proc/1"), EPERM);
	check_errno(open("/proc/no-such", O_RDONLY), ENOENT);
	check_errno(open("/proc/01", O_RDONLY), ENOENT);
	check_errno(open("/proc/0", O_RDONLY), ENOENT);
	check_errno(open("/proc/1073741823/stat", O_RDONLY), ENOENT);
	check_errno(open("/proc/1x", O_RDONLY), ENOENT);
	check_errno(mkdir("/proc/x", 0700), ENOENT);
}

/* ---- mounts ---- */

static void mount_proc(const char *options)
{
	mkdir("/tmp/proc", 0755);
	check_call(mount("proc", "/tmp/proc", "proc", 0, options));
}

static void unmount_proc(void)
{
	check_call(umount("/tmp/proc"));
	rmdir("/tmp/proc");
}

static void mount_lines(void)
{
	char text[4096], *at;
	int id, parent, major, minor;
	struct stat st;

	mount_proc(NULL);
	check_call(stat("/tmp/proc", &st));
	check(strstr(read_text("/proc/mounts"), "\nproc /tmp/proc proc rw,relatime 0 0\n") != NULL);
	check(strstr(read_text("/proc/self/mountinfo"), "\n") != NULL);
	at = strstr(proc_text, " / /tmp/proc rw,relatime - proc proc rw\n");
	check(at != NULL);
	while (at > proc_text && at[-1] != '\n')
		at--;
	check_eq(sscanf(at, "%d %d %d:%d ", &id, &parent, &major, &minor), 4);
	check(id != parent && st.st_dev == (unsigned long)(major << 8 | minor));
	check(try_read("/proc/self/mountstats", text, sizeof(text)) > 0);
	check(strstr(text, "device proc mounted on /tmp/proc with fstype proc\n") != NULL);
	unmount_proc();
	check(strstr(read_text("/proc/mounts"), "/tmp/proc") == NULL);
}

static int lists(const char *directory, const char *name)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int found = 0;

	check(dir != NULL);
	while ((entry = readdir(dir)) != NULL)
		found |= strcmp(entry->d_name, name) == 0;
	closedir(dir);
	return found;
}

static void hidden_contents(void)
{
	pid_t pid;

	mount_proc("hidepid=1");
	check(strstr(read_text("/proc/mounts"), " rw,relatime,hidepid=noaccess 0 0\n") != NULL);
	check(strlen(read_text("/tmp/proc/1/stat")) > 0);
	pid = tap_fork();
	if (pid == 0) {
		become_user(1000);
		check_errno(open("/tmp/proc/1/stat", O_RDONLY), EPERM);
		check(lists("/tmp/proc", "1"));
		check(strlen(read_text("/tmp/proc/self/stat")) > 0);
		check(strlen(read_text("/proc/1/stat")) > 0);
		_exit(0);
	}
	check_exits(pid, 0);
	unmount_proc();
}

static void hidden_names(void)
{
	struct stat st;
	gid_t group = 77;
	pid_t pid;

	mount_proc("hidepid=invisible,gid=77");
	check(strstr(read_text("/proc/mounts"), ",gid=77,hidepid=invisible 0 0\n") != NULL);
	pid = tap_fork();
	if (pid == 0) {
		check_call(raw2(SYS_setgroups, 1, &group) ? -1 : 0);
		become_user(1000);
		check(lists("/tmp/proc", "1") && strlen(read_text("/tmp/proc/1/stat")) > 0);
		_exit(0);
	}
	check_exits(pid, 0);
	pid = tap_fork();
	if (pid == 0) {
		check_call(raw2(SYS_setgroups, 0, NULL) ? -1 : 0);
		become_user(1000);
		check_errno(open("/tmp/proc/1/stat", O_RDONLY), ENOENT);
		check_errno(stat("/tmp/proc/1", &st), ENOENT);
		check(!lists("/tmp/proc", "1"));
		check(strlen(read_text("/tmp/proc/self/stat")) > 0);
		_exit(0);
	}
	check_exits(pid, 0);
	unmount_proc();
}

static void only_processes(void)
{
	mount_proc("subset=pid,hidepid=ptraceable");
	check(strstr(read_text("/proc/mounts"), ",hidepid=ptraceable,subset=pid 0 0\n") != NULL);
	check_errno(open("/tmp/proc/version", O_RDONLY), ENOENT);
	check(strlen(read_text("/tmp/proc/self/stat")) > 0);
	check(lists("/tmp/proc", "self") && !lists("/tmp/proc", "version"));
	check(lists("/tmp/proc", "1"));
	unmount_proc();
}

static void bad_options(void)
{
	mkdir("/tmp/proc", 0755);
	check_errno(mount("proc", "/tmp/proc", "proc", 0, "hidepid=3"), EINVAL);
	check_errno(mount("proc", "/tmp/proc", "proc", 0, "subset=x"), EINVAL);
	check_errno(mount("proc", "/tmp/proc", "proc", 0, "gid=x"), EINVAL);
	check_errno(mount("proc", "/tmp/proc", "proc", 0, "no-such"), EINVAL);
	check_call(rmdir("/tmp/proc"));
}

static const struct test_case cases[] = {
	TEST(memory, "meminfo has its lines in order, and they add up"),
	TEST(memory_in_use, "memory that a process takes shows in meminfo"),
	TEST(processors, "cpuinfo describes each processor"),
	TEST(statistics, "stat has its lines, and counts processes"),
	TEST(busy_time, "a busy processor's time is counted"),
	TEST(load, "loadavg: averages, tasks, the last number"),
	TEST(uptime, "uptime and idle time"),
	TEST(names, "version begins with uname's names"),
	TEST(file_systems, "file systems, devices, swaps and terminals"),
	TEST(statistics_of_memory, "vmstat and slabinfo"),
	TEST(links, "self, thread-self, mounts and net are links"),
	TEST(what_cannot_be_done, "nothing can be made, removed, or written that has no meaning"),
	TEST(mount_lines, "mounts, mountinfo and mountstats show a mount while it is there"),
	TEST(hidden_contents, "hidepid=1 keeps others out of processes' directories"),
	TEST(hidden_names, "hidepid=2 hides them altogether, but not from a group"),
	TEST(only_processes, "subset=pid leaves nothing but processes"),
	TEST(bad_options, "unknown options are EINVAL"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
