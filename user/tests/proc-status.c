/* /proc/PID/status and the smaller files beside it: names and order of lines, and what they say. */
#include "proc.h"

#include <grp.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/resource.h>

#define CHECK_ORDER(text, ...)                                                 \
	do {                                                                   \
		static const char *const names_[] = {__VA_ARGS__};             \
		check_order(text, names_, sizeof(names_) / sizeof(names_[0])); \
	} while (0)

static void lines_in_order(void)
{
	CHECK_ORDER(read_text("/proc/self/status"), "Name", "Umask", "State", "Tgid", "Ngid", "Pid",
		    "PPid", "TracerPid", "Uid", "Gid", "FDSize", "Groups", "NStgid", "NSpid",
		    "NSpgid", "NSsid", "VmPeak", "VmSize", "VmLck", "VmPin", "VmHWM", "VmRSS",
		    "RssAnon", "RssFile", "RssShmem", "VmData", "VmStk", "VmExe", "VmLib", "VmPTE",
		    "VmSwap", "HugetlbPages", "CoreDumping", "THP_enabled", "Threads", "SigQ",
		    "SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt", "CapInh", "CapPrm", "CapEff",
		    "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters",
		    "Speculation_Store_Bypass", "SpeculationIndirectBranch", "Cpus_allowed",
		    "Cpus_allowed_list", "Mems_allowed", "Mems_allowed_list",
		    "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches");
}

static void without_memory(void)
{
	const char *text = read_text("/proc/2/status");

	CHECK_ORDER(text, "Name", "Umask", "NSsid", "Threads", "SigQ", "Cpus_allowed_list");
	check(!line_of(text, "VmSize") && !line_of(text, "CoreDumping"));
}

static void of_a_zombie(void)
{
	pid_t pid = tap_fork();
	const char *text;

	if (pid == 0)
		_exit(0);
	await_zombie(pid);
	text = read_of(pid, "status");
	CHECK_ORDER(text, "Name", "State", "Tgid", "FDSize", "Threads", "SigQ");
	check(!line_of(text, "VmSize") && !line_of(text, "Umask"));
	check_eq(number_of(text, "FDSize"), 0);
	check_eq(number_of(text, "Threads"), 1);
	check_exits(pid, 0);
}

static void relations(void)
{
	const char *text = read_text("/proc/self/status");

	check_eq(number_of(text, "Pid"), getpid());
	check_eq(number_of(text, "Tgid"), getpid());
	check_eq(number_of(text, "PPid"), getppid());
	check_eq(number_of(text, "NSpid"), getpid());
	check_eq(number_of(text, "NSpgid"), getpgrp());
	check_eq(number_of(text, "NSsid"), getsid(0));
	check_eq(number_of(text, "TracerPid"), 0);
	check_eq(number_of(text, "Ngid"), 0);
	check_eq(number_of(text, "Threads"), 1);
}

static void ids_and_groups(void)
{
	gid_t groups[] = {7, 300, 5};
	const char *text;

	check_call(setgroups(3, groups));
	check_call(setresgid(10, 11, 12));
	check_call(setresuid(20, 21, 22));
	text = read_text("/proc/self/status");
	check(strncmp(line_of(text, "Uid"), "20\t21\t22\t21\n", 12) == 0);
	check(strncmp(line_of(text, "Gid"), "10\t11\t12\t11\n", 12) == 0);
	check(strncmp(line_of(text, "Groups"), "5 7 300 \n", 9) == 0);
}

static void no_groups(void)
{
	check_call(setgroups(0, NULL));
	check(strstr(read_text("/proc/self/status"), "\nGroups:\t \nNStgid:") != NULL);
}

static void mask_of_new_files(void)
{
	umask(0123);
	check(strncmp(line_of(read_text("/proc/self/status"), "Umask"), "0123\n", 5) == 0);
}

static unsigned long hex_of(const char *text, const char *name)
{
	check(line_of(text, name));
	return strtoul(line_of(text, name), NULL, 16);
}

static void signal_masks(void)
{
	const char *text;

	signal(SIGUSR2, SIG_IGN);
	set_handler(SIGUSR1, count_signal, 0);
	block_signal(SIGTERM);
	block_signal(SIGRTMIN);
	check_call(raise(SIGTERM));
	check_call(kill(getpid(), SIGRTMIN));
	text = read_text("/proc/self/status");
	check_eq(hex_of(text, "SigPnd"), 1ul << (SIGTERM - 1));
	check_eq(hex_of(text, "ShdPnd"), 1ul << (SIGRTMIN - 1));
	check_eq(hex_of(text, "SigBlk"), 1ul << (SIGTERM - 1) | 1ul << (SIGRTMIN - 1));
	check(hex_of(text, "SigIgn") & 1ul << (SIGUSR2 - 1));
	check(hex_of(text, "SigCgt") & 1ul << (SIGUSR1 - 1));
	check(number_of(text, "SigQ") >= 1);
}

static void exec_resets(int ignored)
{
	const char *text = read_text("/proc/self/status");

	_exit((hex_of(text, "SigCgt") & 1ul << (SIGUSR1 - 1)) != 0 ||
	      !(hex_of(text, "SigIgn") & 1ul << (ignored - 1)));
}

static void handlers_after_exec(void)
{
	set_handler(SIGUSR1, count_signal, 0);
	signal(SIGUSR2, SIG_IGN);
	check_exits(spawn_helper("handlers", NULL, NULL), 0);
}

static void memory_lines(void)
{
	const char *text = read_text("/proc/self/status");
	long size = number_of(text, "VmSize"), peak = number_of(text, "VmPeak");
	long data = number_of(text, "VmData"), rss = number_of(text, "VmRSS");
	char *memory =
		mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED);
	memset(memory, 1, 1 << 20);
	text = read_text("/proc/self/status");
	check_eq(number_of(text, "VmSize"), size + 1024);
	check_eq(number_of(text, "VmData"), data + 1024);
	check(number_of(text, "VmRSS") >= rss + 700);
	check(number_of(text, "RssAnon") >= 700);
	check_eq(number_of(text, "VmRSS"), number_of(text, "RssAnon") + number_of(text, "RssFile") +
						   number_of(text, "RssShmem"));
	check(number_of(text, "VmHWM") >= number_of(text, "VmRSS"));
	munmap(memory, 1 << 20);
	text = read_text("/proc/self/status");
	check_eq(number_of(text, "VmSize"), size);
	check(number_of(text, "VmPeak") >= size + 1024 && peak >= size);
	check(number_of(text, "VmHWM") >= rss + 700);
	check(number_of(text, "VmPTE") > 0 && number_of(text, "VmStk") > 0);
}

static void affinity(void)
{
	unsigned long mask = 1;

	check_call(raw3(SYS_sched_setaffinity, 0, sizeof(mask), &mask) ? -1 : 0);
	check_eq(hex_of(read_text("/proc/self/status"), "Cpus_allowed"), 1);
	check(strncmp(line_of(proc_text, "Cpus_allowed_list"), "0\n", 2) == 0);
}

/* On a busy host the time of a sleep may be over before the processor is given up. */
static void switches(void)
{
	long before = number_of(read_text("/proc/self/status"), "voluntary_ctxt_switches");

	for (int i = 0; i < 50; i++)
		tap_sleep_ms(2);
	check(number_of(read_text("/proc/self/status"), "voluntary_ctxt_switches") >= before + 2);
}

static void limits(void)
{
	struct rlimit limit = {100, 200};
	char line[128];

	check_call(setrlimit(RLIMIT_NOFILE, &limit));
	read_text("/proc/self/limits");
	snprintf(line, sizeof(line), "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit",
		 "Hard Limit", "Units");
	check(strncmp(proc_text, line, strlen(line)) == 0);
	snprintf(line, sizeof(line), "\n%-25s %-20d %-20d %-10s\n", "Max open files", 100, 200,
		 "files");
	check(strstr(proc_text, line) != NULL);
	snprintf(line, sizeof(line), "\n%-25s %-20s %-20s %-10s\n", "Max cpu time", "unlimited",
		 "unlimited", "seconds");
	check(strstr(proc_text, line) != NULL);
	snprintf(line, sizeof(line), "\n%-25s %-20d %-20d \n", "Max nice priority", 0, 0);
	check(strstr(proc_text, line) != NULL);
}

static void out_of_memory_scores(void)
{
	check(strcmp(read_text("/proc/self/oom_adj"), "0\n") == 0);
	check_eq(try_write("/proc/self/oom_score_adj", "1000\n"), 5);
	check(strcmp(read_text("/proc/self/oom_adj"), "15\n") == 0);
	check(atoi(read_text("/proc/self/oom_score")) > 1300);
	check_eq(try_write("/proc/self/oom_score_adj", "1001"), -EINVAL);
	check_eq(try_write("/proc/self/oom_score_adj", "x"), -EINVAL);
	check_eq(try_write("/proc/self/oom_adj", "8"), 1);
	check(strcmp(read_text("/proc/self/oom_score_adj"), "470\n") == 0);
	check_eq(try_write("/proc/self/oom_adj", "-18"), -EINVAL);
	check_eq(try_write("/proc/self/oom_score_adj", "-1000"), 5);
	check(strcmp(read_text("/proc/self/oom_score"), "0\n") == 0);
}

static void writable_name(void)
{
	char path[64];

	check_eq(try_write("/proc/self/comm", "a name of one's own\n"), 20);
	check(strcmp(read_text("/proc/self/comm"), "a name of one's\n") == 0);
	snprintf(path, sizeof(path), "/proc/%d/comm", getppid());
	check_eq(try_write(path, "x"), -EINVAL);
}

static void auxiliary_vector(void)
{
	unsigned long words[128], last = 0;
	int fd = check_call(open("/proc/self/auxv", O_RDONLY));
	long n = read(fd, words, sizeof(words));

	check(n > 0 && n % 16 == 0);
	for (long i = 0; i < n / 8; i += 2) {
		last = words[i];
		if (words[i] == AT_PAGESZ || words[i] == AT_ENTRY || words[i] == AT_PHDR)
			check_eq(words[i + 1], getauxval(words[i]));
	}
	check_eq(last, AT_NULL);
}

static void children(void)
{
	pid_t first = idle_child(), second = idle_child();
	char path[64], want[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	snprintf(want, sizeof(want), "%d %d ", first, second);
	check(strcmp(read_text(path), want) == 0);
	end_child(first);
	end_child(second);
	check_eq(strlen(read_text(path)), 0);
}

static void namespaces(void)
{
	static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
	char path[64], link[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		long n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		n = check_call(readlink(path, link, sizeof(link) - 1));
		link[n] = '\0';
		check(strncmp(link, names[i], strlen(names[i])) == 0);
		check(strncmp(link + strlen(names[i]), ":[40265318", 10) == 0 &&
		      link[n - 1] == ']');
	}
}

static int helper(int argc, char **argv)
{
	if (strcmp(argv[0], "handlers") == 0)
		exec_resets(SIGUSR2);
	return 1;
}

static void write_scores_as_anybody(void *argument)
{
	check_call(setuid(1000));
	prctl(PR_SET_DUMPABLE, 1);
	check(try_write("/proc/self/oom_score_adj", "500") > 0);
	check(try_write("/proc/self/oom_score_adj", "200") > 0);
	check_eq(try_write("/proc/self/oom_score_adj", "199"), -EACCES);
	check(try_write("/proc/self/oom_score_adj", "300") > 0);
	check_eq(try_write("/proc/self/oom_adj", "4"), -EACCES);
	check(try_write("/proc/self/oom_adj", "15") > 0);
	check(try_write("/proc/self/oom_score_adj", "200") > 0);
}

/* 200 is as low as somebody with the right to has set it; a child inherits that. */
static void lowering_the_score_again(void)
{
	check(try_write("/proc/self/oom_score_adj", "200") > 0);
	check_child(write_scores_as_anybody, NULL);
	check(strcmp(read_text("/proc/self/oom_score_adj"), "200\n") == 0);
}

/* PF_SUPERPRIV in stat's flags: has it used a privilege since it was forked? */
static int used_privilege(void)
{
	const char *end = strrchr(read_text("/proc/self/stat"), ')');
	unsigned int flags;

	check(sscanf(end, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1);
	return (flags & 0x100) != 0;
}

static void score_and_privilege(void)
{
	check_eq(used_privilege(), 0);
	check(try_write("/proc/self/oom_score_adj", "500") > 0);
	check_eq(used_privilege(), 0);
	check(try_write("/proc/self/oom_score_adj", "499") > 0);
	check_eq(used_privilege(), 1);
}

static void nice_and_privilege(void)
{
	check_call(setpriority(PRIO_PROCESS, 0, 5));
	check_eq(used_privilege(), 0);
	check_call(setpriority(PRIO_PROCESS, 0, 4));
	check_eq(used_privilege(), 1);
}

static const struct test_case cases[] = {
	TEST(lines_in_order, "status has every line, in order"),
	TEST(without_memory, "a kernel thread's has none about memory"),
	TEST(of_a_zombie, "a zombie's has none about memory and files"),
	TEST(relations, "numbers of process, parent, group and session"),
	TEST(ids_and_groups, "users, groups and supplementary groups"),
	TEST(no_groups, "without supplementary groups the line holds a blank"),
	TEST(mask_of_new_files, "umask in octal"),
	TEST(signal_masks, "signals pending, blocked, ignored, caught and queued"),
	TEST(handlers_after_exec, "after exec none is caught, and ignored ones stay"),
	TEST(memory_lines, "memory lines go with what is mapped and touched; peaks stay"),
	TEST(affinity, "allowed CPUs as a mask and a list"),
	TEST(switches, "switches by sleeping are counted"),
	TEST(limits, "limits as a table"),
	TEST(out_of_memory_scores, "oom_score, oom_adj and oom_score_adj go together"),
	TEST(lowering_the_score_again,
	     "oom_score_adj: who raised it may lower it again, no further than before"),
	TEST(score_and_privilege, "oom_score_adj: only who lowers it has used a privilege"),
	TEST(nice_and_privilege, "setpriority: only who becomes less nice has used a privilege"),
	TEST(writable_name, "comm can be written by the process itself, and is cut"),
	TEST(auxiliary_vector, "auxv is what the program got, with its end"),
	TEST(children, "children of a thread"),
	TEST(namespaces, "ns names each kind of namespace"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
