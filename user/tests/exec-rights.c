/*
 * exec and what a program may do: set-user-id files, no_new_privs, capabilities, limits of
 * processes and of arguments, execveat, and what the new memory looks like.
 */
#include "helpers.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define COPY       "/tmp/exec-rights"
#define SCRIPT     "/tmp/exec-rights-script"
#define SOME_USER  1000
#define SOME_GROUP 2000

/* ---- the helper ---- */

#define expect(condition)                                                   \
	do {                                                                \
		if (!(condition)) {                                         \
			tap_note("exec'd program: not so: %s", #condition); \
			return 1;                                           \
		}                                                           \
	} while (0)

/* Word n (bits 31 to 0 of a capability set) of a line in /proc/self/status would do; capget does too. */
static unsigned long effective_capabilities(void)
{
	struct {
		unsigned version;
		int pid;
	} header = {0x20080522, 0};
	struct {
		unsigned effective, permitted, inheritable;
	} data[2] = {{0}};

	if (raw2(SYS_capget, &header, data) != 0)
		return -1;
	return data[0].effective | (unsigned long)data[1].effective << 32;
}

static long current_ids(uid_t ids[6])
{
	return raw3(SYS_getresuid, &ids[0], &ids[1], &ids[2]) |
	       raw3(SYS_getresgid, &ids[3], &ids[4], &ids[5]);
}

/* `ids RUID EUID SUID RGID EGID SGID`, each one letter: r root, u user, g group. */
static int helper_ids(int argc, char **argv)
{
	uid_t ids[6];

	expect(argc == 2 && strlen(argv[1]) == 6);
	expect(current_ids(ids) == 0);
	for (int i = 0; i < 6; i++) {
		uid_t want = argv[1][i] == 'r' ? 0 : argv[1][i] == 'u' ? SOME_USER : SOME_GROUP;

		if (ids[i] != want)
			tap_note("id %d is %u", i, ids[i]);
		expect(ids[i] == want);
	}
	return 0;
}

/* `secure 0` or `secure 1`. */
static int helper_secure(int argc, char **argv)
{
	expect(argc == 2);
	expect(getauxval(AT_SECURE) == (unsigned long)atoi(argv[1]));
	expect(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
	return 0;
}

/* `privileges all` or `privileges none`. */
static int helper_privileges(int argc, char **argv)
{
	unsigned long all = 0x1ffffffffff, effective = effective_capabilities();

	expect(argc == 2);
	expect(effective == (strcmp(argv[1], "all") == 0 ? all : 0));
	return 0;
}

static int helper_pdeathsig(int argc, char **argv)
{
	int number = -1;

	expect(argc == 2);
	expect(prctl(PR_GET_PDEATHSIG, &number) == 0);
	expect(number == atoi(argv[1]));
	return 0;
}

static int helper_dumpable(int argc, char **argv)
{
	expect(argc == 2);
	expect(prctl(PR_GET_DUMPABLE) == atoi(argv[1]));
	return 0;
}

static int helper_name(int argc, char **argv)
{
	char name[16];

	expect(argc == 2);
	expect(prctl(PR_GET_NAME, name) == 0);
	if (strcmp(name, argv[1]))
		tap_note("name is %s", name);
	expect(strcmp(name, argv[1]) == 0);
	return 0;
}

static int helper_execfn(int argc, char **argv)
{
	expect(argc == 2);
	expect(strcmp((char *)getauxval(AT_EXECFN), argv[1]) == 0);
	return 0;
}

/* The parts of memory are where they belong to each other. */
static int helper_layout(int argc, char **argv)
{
	unsigned long stack = (unsigned long)__builtin_frame_address(0);
	unsigned long text = (unsigned long)helper_layout, heap = raw1(SYS_brk, 0);
	void *mapping = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(mapping != MAP_FAILED);
	expect(text < heap && heap < (unsigned long)mapping && (unsigned long)mapping < stack);
	expect((unsigned long)argv[0] > stack &&
	       (unsigned long)argv[0] < (unsigned long)environ[0]);
	expect(getauxval(AT_EXECFN) > (unsigned long)environ[0]);
	expect(strcmp((char *)getauxval(AT_PLATFORM), "x86_64") == 0);
	expect(getauxval(AT_MINSIGSTKSZ) >= 1000 && getauxval(AT_MINSIGSTKSZ) % 16 == 0);
	expect(getauxval(AT_BASE) == 0);
	expect(getauxval(AT_HWCAP) & 1);
	return 0;
}

static int helper_print_addresses(int argc, char **argv)
{
	unsigned long words[4];

	words[0] = (unsigned long)__builtin_frame_address(0) & ~0xfffUL;
	words[1] = raw1(SYS_brk, 0);
	words[2] = (unsigned long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memcpy(&words[3], (void *)getauxval(AT_RANDOM), 8);
	return write(atoi(argv[1]), words, sizeof(words)) == sizeof(words) ? 0 : 1;
}

/* `stack MEGABYTES`: the limit that it finds. */
static int helper_stack(int argc, char **argv)
{
	struct rlimit limit;

	expect(getrlimit(RLIMIT_STACK, &limit) == 0);
	expect(limit.rlim_cur == (unsigned long)atoi(argv[1]) << 20);
	return 0;
}

static int helper_arguments(int argc, char **argv)
{
	expect(argc - 1 == atoi(argv[1]));
	return 0;
}

static const struct {
	const char *verb;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{"ids", helper_ids},
	{"secure", helper_secure},
	{"privileges", helper_privileges},
	{"pdeathsig", helper_pdeathsig},
	{"dumpable", helper_dumpable},
	{"name", helper_name},
	{"execfn", helper_execfn},
	{"layout", helper_layout},
	{"addresses", helper_print_addresses},
	{"arguments", helper_arguments},
	{"stack", helper_stack},
};

static int helper(int argc, char **argv)
{
	for (size_t i = 0; i < TAP_COUNT(verbs); i++)
		if (strcmp(argv[0], verbs[i].verb) == 0)
			return verbs[i].run(argc, argv);
	return 125;
}

/* ---- files to run ---- */

static void write_all(int fd, const char *bytes, long size)
{
	while (size > 0) {
		long n = check_call(write(fd, bytes, size));

		bytes += n;
		size -= n;
	}
}

/* A copy of this program at COPY. */
static void copy_program(uid_t uid, gid_t gid, mode_t mode)
{
	static char buffer[65536];
	int from = check_call(open(self_path, O_RDONLY));
	int to = check_call(open(COPY, O_WRONLY | O_CREAT | O_TRUNC, 0700));
	long n;

	while ((n = check_call(read(from, buffer, sizeof(buffer)))) > 0)
		write_all(to, buffer, n);
	close(from);
	close(to);
	check_call(chown(COPY, uid, gid));
	check_call(chmod(COPY, mode));
}

static void become_user(void)
{
	check_call(setgid(SOME_GROUP));
	check_call(setuid(SOME_USER));
}

/* What the child that runs COPY does before that. */
struct run {
	void (*prepare)(void);
	const char *verb, *word;
	const char *path;
};

static void run_it(void *argument)
{
	struct run *run = argument;
	const char *path = run->path ? run->path : COPY;
	const char *argv[] = {path, "--helper", run->verb, run->word, NULL},
		   *envp[] = {"A=b", NULL};

	if (run->prepare)
		run->prepare();
	_exit(-raw3(SYS_execve, path, argv, envp));
}

/* COPY, run by a child that has done `prepare`, finds what `verb` and `word` say. */
static void check_run(void (*prepare)(void), const char *verb, const char *word)
{
	struct run run = {prepare, verb, word, NULL};

	check_child(run_it, &run);
}

static void remove_copy(void)
{
	check_call(unlink(COPY));
}

/* ---- ids ---- */

static void set_user_id_takes_the_owner(void)
{
	copy_program(0, 0, 04755);
	check_run(become_user, "ids", "urrggg");
	check_run(become_user, "secure", "1");
	check_run(become_user, "privileges", "all");
	check_run(NULL, "ids", "rrrrrr");
	check_run(NULL, "secure", "0");
	copy_program(SOME_USER, SOME_GROUP, 04755);
	check_run(NULL, "ids", "ruurrr");
	check_run(NULL, "secure", "1");
	remove_copy();
}

static void set_group_id_takes_the_group(void)
{
	copy_program(0, SOME_GROUP, 02755);
	check_run(NULL, "ids", "rrrrgg");
	check_run(NULL, "secure", "1");
	/* Without group execute the bit means something else. */
	copy_program(0, SOME_GROUP, 02745);
	check_run(NULL, "ids", "rrrrrr");
	remove_copy();
}

static void plain_file_changes_no_id(void)
{
	copy_program(SOME_USER, SOME_GROUP, 0755);
	check_run(NULL, "ids", "rrrrrr");
	check_run(NULL, "secure", "0");
	check_run(become_user, "ids", "uuuggg");
	remove_copy();
}

static void refuse_new_privileges(void)
{
	become_user();
	check_call(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void no_new_privs_is_obeyed(void)
{
	copy_program(0, 0, 06755);
	check_run(refuse_new_privileges, "ids", "uuuggg");
	check_run(refuse_new_privileges, "secure", "0");
	check_run(refuse_new_privileges, "privileges", "none");
	remove_copy();
}

static void give_up_effective_user(void)
{
	check_call(setresuid(0, SOME_USER, SOME_USER));
}

static void regain_effective_user(void)
{
	check_call(setresuid(SOME_USER, 0, SOME_USER));
}

static void root_gets_its_privileges_by_exec(void)
{
	copy_program(0, 0, 0755);
	check_run(NULL, "privileges", "all");
	check_run(become_user, "privileges", "none");
	check_run(give_up_effective_user, "privileges", "none");
	check_run(regain_effective_user, "privileges", "all");
	check_run(regain_effective_user, "ids", "urrrrr");
	check_run(regain_effective_user, "secure", "1");
	remove_copy();
}

static void ask_for_death_signal(void)
{
	check_call(prctl(PR_SET_PDEATHSIG, SIGUSR1));
}

static void ask_for_death_signal_as_user(void)
{
	become_user();
	ask_for_death_signal();
}

static void death_signal_is_lost_with_the_id(void)
{
	copy_program(0, 0, 04755);
	check_run(ask_for_death_signal, "pdeathsig", "10");
	check_run(ask_for_death_signal_as_user, "pdeathsig", "0");
	remove_copy();
}

static void secret_programs_are_not_dumpable(void)
{
	copy_program(0, 0, 04755);
	check_run(NULL, "dumpable", "1");
	check_run(become_user, "dumpable", "0");
	copy_program(0, 0, 0711);
	check_run(NULL, "dumpable", "1");
	check_run(become_user, "dumpable", "0");
	remove_copy();
}

static void scripts_bits_do_not_count(void)
{
	int fd = check_call(open(SCRIPT, O_WRONLY | O_CREAT | O_TRUNC, 0700));
	struct run run = {become_user, "ids", "uuuggg", SCRIPT};
	char line[4200];

	copy_program(0, 0, 0755);
	/* The script is argv[1] of its interpreter, which takes --helper from the line. */
	write_all(fd, line, snprintf(line, sizeof(line), "#!%s --helper-behind\n", COPY));
	close(fd);
	check_call(chmod(SCRIPT, 06755));
	check_child(run_it, &run);
	copy_program(0, 0, 04755);
	run.word = "urrggg";
	check_child(run_it, &run);
	check_call(unlink(SCRIPT));
	remove_copy();
}

static void raise_stack_limit_as_user(void)
{
	struct rlimit limit = {64 << 20, RLIM_INFINITY};

	check_call(setrlimit(RLIMIT_STACK, &limit));
	become_user();
}

static void stack_limit_of_the_privileged_is_sane(void)
{
	copy_program(0, 0, 0755);
	check_run(raise_stack_limit_as_user, "stack", "64");
	copy_program(0, 0, 04755);
	check_run(raise_stack_limit_as_user, "stack", "8");
	remove_copy();
}

/* ---- limits ---- */

/* A process of that user, so that another is one too many. */
static pid_t start_other(void)
{
	int *ready = tap_shared(sizeof(*ready));
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_call(setuid(SOME_USER));
		set(ready, 1);
		pause();
		_exit(0);
	}
	tap_await(ready, 1);
	return pid;
}

static void process_limit_counts_at_exec(void)
{
	const char *argv[] = {self_path, "--helper", "ids", "uuurrr", NULL};
	struct rlimit one = {1, 1}, two = {2, 2};
	pid_t other = start_other(), pid;

	check_call(setrlimit(RLIMIT_NPROC, &one));
	start_other();
	pid = tap_fork();
	if (pid == 0) {
		check_call(setuid(SOME_USER));
		check_eq(raw3(SYS_execve, self_path, argv, NULL), -EAGAIN);
		check_eq(raw3(SYS_execve, "/no/such/file", KERNEL_ADDRESS, NULL), -EAGAIN);
		check_eq(raw3(SYS_execve, KERNEL_ADDRESS, argv, NULL), -EFAULT);
		check_call(kill(other, SIGKILL));
		while (kill(other, 0) == 0)
			tap_sleep_ms(1);
		_exit(-raw3(SYS_execve, self_path, argv, NULL));
	}
	check_killed(other, SIGKILL);
	check_exits(pid, EAGAIN);
	/* Once it was not over the limit, it has been forgotten. */
	check_call(setrlimit(RLIMIT_NPROC, &two));
	pid = tap_fork();
	if (pid == 0) {
		check_call(setuid(SOME_USER));
		_exit(-raw3(SYS_execve, self_path, argv, NULL));
	}
	check_exits(pid, 0);
}

static void process_limit_set_later_does_not_count(void)
{
	const char *argv[] = {self_path, "--helper", "ids", "uuurrr", NULL};
	struct rlimit none = {0, 0};
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_call(setuid(SOME_USER));
		check_call(setrlimit(RLIMIT_NPROC, &none));
		_exit(-raw3(SYS_execve, self_path, argv, NULL));
	}
	check_exits(pid, 0);
}

enum { MANY = 20000 };

/* So many arguments of one letter, with this stack limit; the result of exec. */
static int exec_many(int count, unsigned long stack_limit)
{
	static const char *argv[MANY + 5];
	struct rlimit limit = {stack_limit, RLIM_INFINITY};
	pid_t pid = tap_fork();
	char number[16];

	if (pid == 0) {
		check_call(setrlimit(RLIMIT_STACK, &limit));
		snprintf(number, sizeof(number), "%d", count);
		argv[0] = self_path;
		argv[1] = "--helper";
		argv[2] = "arguments";
		argv[3] = number;
		for (int i = 1; i < count; i++)
			argv[3 + i] = "x";
		_exit(-raw3(SYS_execve, self_path, argv, NULL));
	}
	int status = tap_wait(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

static void arguments_may_take_a_quarter_of_the_stack(void)
{
	check_eq(exec_many(12000, 8 << 20), 0);
	check_eq(exec_many(MANY, 8 << 20), 0);
	/* 128 KiB always, with their pointers. */
	check_eq(exec_many(12000, 512 << 10), 0);
	check_eq(exec_many(14000, 512 << 10), E2BIG);
	check_eq(exec_many(14000, 256 << 10), E2BIG);
	check_eq(exec_many(15000, 1 << 20), 0);
}

/* ---- execveat ---- */

static long execveat_helper(int fd, const char *path, int flags, const char *verb, const char *word)
{
	const char *argv[] = {"x", "--helper", verb, word, NULL}, *envp[] = {NULL};

	return raw5(SYS_execveat, fd, path, argv, envp, flags);
}

static void check_execveat(int fd, const char *path, int flags, const char *verb, const char *word)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		_exit(-execveat_helper(fd, path, flags, verb, word));
	check_exits(pid, 0);
}

static void execveat_by_descriptor(void)
{
	int fd = check_call(open(self_path, O_RDONLY));
	int dir = check_call(open("/tmp", O_RDONLY | O_DIRECTORY));
	char name[64];

	copy_program(0, 0, 0755);
	snprintf(name, sizeof(name), "/dev/fd/%d", fd);
	check_execveat(fd, "", AT_EMPTY_PATH, "execfn", name);
	check_execveat(fd, "", AT_EMPTY_PATH, "name", "exec-rights");
	snprintf(name, sizeof(name), "/dev/fd/%d/exec-rights", dir);
	check_execveat(dir, "exec-rights", 0, "execfn", name);
	check_execveat(dir, "exec-rights", 0, "name", "exec-rights");
	check_execveat(dir, COPY, 0, "execfn", COPY);
	check_execveat(AT_FDCWD, COPY, 0, "execfn", COPY);
	check_call(chdir("/tmp"));
	check_execveat(AT_FDCWD, "exec-rights", 0, "execfn", "exec-rights");
	remove_copy();
}

static void execveat_is_refused(void)
{
	int fd = check_call(open(self_path, O_RDONLY)), dir = check_call(open("/tmp", O_RDONLY));
	long error;

	check_eq(execveat_helper(fd, "", 0, "", ""), -ENOENT);
	check_eq(execveat_helper(dir, "", AT_EMPTY_PATH, "", ""), -EACCES);
	check_eq(execveat_helper(777, "x", 0, "", ""), -EBADF);
	check_eq(execveat_helper(777, "", AT_EMPTY_PATH, "", ""), -EBADF);
	check_eq(execveat_helper(fd, "x", 0, "", ""), -ENOTDIR);
	check_eq(execveat_helper(fd, "", AT_EMPTY_PATH | 1, "", ""), -EINVAL);
	check_eq(execveat_helper(AT_FDCWD, self_path, 1, "", ""), -EINVAL);
	check_eq(execveat_helper(AT_FDCWD, KERNEL_ADDRESS, 1, "", ""), -EFAULT);
	check_call(symlink(self_path, "/tmp/exec-rights-link"));
	error = execveat_helper(AT_FDCWD, "/tmp/exec-rights-link", AT_SYMLINK_NOFOLLOW, "", "");
	check_eq(error, -ELOOP);
	check_execveat(AT_FDCWD, "/tmp/exec-rights-link", 0, "name", "exec-rights-lin");
	check_call(unlink("/tmp/exec-rights-link"));
}

static void script_by_closing_descriptor_is_enoent(void)
{
	int fd = check_call(open(SCRIPT, O_WRONLY | O_CREAT | O_TRUNC, 0755)), open_one, closing;
	char line[4200];
	long error;

	write_all(fd, line, snprintf(line, sizeof(line), "#!%s --helper-behind\n", self_path));
	close(fd);
	closing = check_call(open(SCRIPT, O_RDONLY | O_CLOEXEC));
	error = execveat_helper(closing, "", AT_EMPTY_PATH, "ids", "rrrrrr");
	check_eq(error, -ENOENT);
	open_one = check_call(open(SCRIPT, O_RDONLY));
	check_execveat(open_one, "", AT_EMPTY_PATH, "ids", "rrrrrr");
	check_execveat(open_one, "", AT_EMPTY_PATH, "name", "exec-rights");
	check_call(unlink(SCRIPT));
}

/* ---- memory ---- */

static void parts_of_memory_are_in_order(void)
{
	struct run run = {NULL, "layout", NULL, self_path};

	check_child(run_it, &run);
}

static void addresses_differ_from_run_to_run(void)
{
	unsigned long words[4][4];
	char number[16];
	int ends[2];

	make_pipe(ends);
	snprintf(number, sizeof(number), "%d", ends[1]);
	for (int i = 0; i < 4; i++) {
		check_exits(spawn_helper("addresses", number, NULL), 0);
		check_eq(read(ends[0], words[i], sizeof(words[i])), (long)sizeof(words[i]));
	}
	for (int word = 0; word < 4; word++)
		for (int i = 0; i < 4; i++)
			for (int j = 0; j < i; j++)
				check(words[i][word] != words[j][word]);
}

static const struct test_case cases[] = {
	TEST(set_user_id_takes_the_owner, "exec-rights: a set-user-id file gives its owner's id"),
	TEST(set_group_id_takes_the_group, "exec-rights: a set-group-id file gives its group"),
	TEST(plain_file_changes_no_id, "exec-rights: a file without these bits changes no id"),
	TEST(no_new_privs_is_obeyed, "exec-rights: with no_new_privs the bits do not count"),
	TEST(root_gets_its_privileges_by_exec,
	     "exec-rights: root has all capabilities after exec, others none"),
	TEST(death_signal_is_lost_with_the_id,
	     "exec-rights: the parent-death signal is lost with the id"),
	TEST(secret_programs_are_not_dumpable,
	     "exec-rights: privileged and unreadable programs are not dumpable"),
	TEST(scripts_bits_do_not_count,
	     "exec-rights: a script's bits do not count, its interpreter's do"),
	TEST(stack_limit_of_the_privileged_is_sane,
	     "exec-rights: a privileged program's stack limit is sane"),
	TEST(process_limit_counts_at_exec,
	     "exec-rights: over RLIMIT_NPROC at setuid, exec is EAGAIN"),
	TEST(process_limit_set_later_does_not_count,
	     "exec-rights: a limit of processes set after setuid does not count"),
	TEST(arguments_may_take_a_quarter_of_the_stack,
	     "exec-rights: arguments may take a quarter of the stack's limit"),
	TEST(execveat_by_descriptor,
	     "exec-rights: execveat runs a descriptor's file, or one below it"),
	TEST(execveat_is_refused,
	     "exec-rights: bad calls of execveat are refused, each with its errno"),
	TEST(script_by_closing_descriptor_is_enoent,
	     "exec-rights: a script by a descriptor that exec closes is ENOENT"),
	TEST(parts_of_memory_are_in_order,
	     "exec-rights: program, heap, mappings and stack are in order"),
	TEST(addresses_differ_from_run_to_run,
	     "exec-rights: stack, heap, mappings and random bytes differ from run to run"),
};

int main(int argc, char **argv)
{
	/* As the interpreter of a script: program, --helper-behind, script, then what a program gets. */
	if (argc > 4 && strcmp(argv[1], "--helper-behind") == 0)
		return helper(argc - 4, argv + 4);
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
