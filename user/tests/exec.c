/*
 * execve: what the new program is given, what it keeps of the old one, what it loses, and why it
 * may be refused. Small ELF files made on the spot show how an image is loaded.
 */
#include "helpers.h"

#include <elf.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/*
 * ---- the helper: what the exec'd program finds; it exits with 0, or with the number of what is
 * wrong ----
 */

static int wrong(int number, const char *what)
{
	tap_note("exec'd program: %s", what);
	return number;
}

#define expect(condition)                            \
	do {                                         \
		if (!(condition))                    \
			return wrong(1, #condition); \
	} while (0)

static int helper_arguments(int argc, char **argv)
{
	expect(argc == 3);
	expect(strcmp(argv[1], "") == 0);
	expect(strcmp(argv[2], "two words\n") == 0);
	expect(argv[3] == NULL);
	expect(environ[0] && strcmp(environ[0], "FIRST=1") == 0);
	expect(environ[1] && strcmp(environ[1], "") == 0);
	expect(environ[2] && strcmp(environ[2], "no equals sign") == 0);
	expect(environ[3] == NULL);
	return 0;
}

/* `identity PID PPID PGID SID`: the numbers are those of the process that called exec. */
static int helper_identity(int argc, char **argv)
{
	expect(argc == 3);
	expect(getpid() == atoi(argv[1]));
	expect(syscall(SYS_gettid) == getpid());
	expect(getppid() == atoi(argv[2]));
	expect(getpgrp() != getpid());
	return 0;
}

static int helper_signals(int argc, char **argv)
{
	struct sigaction action;
	stack_t stack;

	expect(sigaction(SIGUSR1, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	expect(sigaction(SIGUSR2, NULL, &action) == 0 && action.sa_handler == SIG_IGN);
	expect(sigaction(SIGTERM, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	expect(sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
	expect(is_blocked(SIGHUP) && is_blocked(SIGTERM) && !is_blocked(SIGUSR1));
	expect(is_pending(SIGHUP) && !is_pending(SIGTERM));
	expect(sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_DISABLE);
	return 0;
}

/* `descriptors KEPT CLOSED`: the first is a pipe to write to, the second is closed. */
static int helper_descriptors(int argc, char **argv)
{
	expect(argc == 3);
	expect(write(atoi(argv[1]), "x", 1) == 1);
	expect(fcntl(atoi(argv[1]), F_GETFD) == 0);
	expect(fcntl(atoi(argv[2]), F_GETFD) == -1 && errno == EBADF);
	return 0;
}

static int helper_surroundings(int argc, char **argv)
{
	char directory[64], name[16];
	int number = 0;

	expect(getcwd(directory, sizeof(directory)) && strcmp(directory, "/tmp") == 0);
	expect(umask(0) == 031);
	expect(prctl(PR_GET_PDEATHSIG, &number) == 0 && number == SIGUSR1);
	expect(prctl(PR_GET_NAME, name) == 0 && strncmp(name, "exec", 15) == 0);
	expect(prctl(PR_GET_CHILD_SUBREAPER, &number) == 0 && number == 1);
	return 0;
}

#define OLD_MAPPING ((void *)0x100000000000)

static int helper_memory(int argc, char **argv)
{
	int ends[2];

	expect(pipe(ends) == 0);
	expect(write(ends[1], OLD_MAPPING, 1) == -1 && errno == EFAULT);
	return 0;
}

static int helper_auxv(int argc, char **argv)
{
	const unsigned char *random = (void *)getauxval(AT_RANDOM);
	int set_bytes = 0;

	expect(getauxval(AT_PAGESZ) == 4096);
	expect(getauxval(AT_PHENT) == sizeof(Elf64_Phdr));
	expect(getauxval(AT_PHNUM) > 0);
	expect(getauxval(AT_PHDR) != 0);
	expect(getauxval(AT_ENTRY) != 0);
	expect(getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid());
	expect(getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
	expect(getauxval(AT_SECURE) == 0);
	expect(getauxval(AT_CLKTCK) == 100);
	expect(getauxval(AT_EXECFN) && strcmp((char *)getauxval(AT_EXECFN), argv[1]) == 0);
	expect(random != NULL);
	for (int i = 0; i < 16; i++)
		set_bytes += random[i] != 0;
	expect(set_bytes > 4);
	return 0;
}

static int helper_fpu(int argc, char **argv)
{
	unsigned int mxcsr = 0;
	unsigned short control = 0;

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(control));
	expect(mxcsr == 0x1f80);
	expect(control == 0x37f);
	return 0;
}

/* `big COUNT LENGTH`: so many further arguments of that length. */
static int helper_big(int argc, char **argv)
{
	int count = atoi(argv[1]);
	size_t length = atoi(argv[2]);

	expect(argc == 3 + count);
	for (int i = 0; i < count; i++) {
		expect(strlen(argv[3 + i]) == length);
		expect(argv[3 + i][0] == 'a' + i % 26 && argv[3 + i][length - 1] == 'a' + i % 26);
	}
	return 0;
}

/* What a script is run with: `script` is the argument on its first line. */
static int helper_script(int argc, char **argv)
{
	expect(argc == 4);
	expect(strcmp(argv[1], "/tmp/exec-script") == 0);
	expect(strcmp(argv[2], "first") == 0);
	expect(strcmp(argv[3], "second") == 0);
	expect(strcmp((char *)getauxval(AT_EXECFN), "/tmp/exec-script") == 0);
	return 0;
}

static int helper_exit(int argc, char **argv)
{
	return argc > 1 ? atoi(argv[1]) : 0;
}

static const struct {
	const char *verb;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{"arguments", helper_arguments},
	{"identity", helper_identity},
	{"signals", helper_signals},
	{"descriptors", helper_descriptors},
	{"memory", helper_memory},
	{"auxv", helper_auxv},
	{"surroundings", helper_surroundings},
	{"fpu", helper_fpu},
	{"big", helper_big},
	{"exit", helper_exit},
};

static int helper(int argc, char **argv)
{
	for (size_t i = 0; i < TAP_COUNT(verbs); i++)
		if (strcmp(argv[0], verbs[i].verb) == 0)
			return verbs[i].run(argc, argv);
	return wrong(125, argv[0]);
}

/* ---- what the new program is given ---- */

static void arguments_and_environment_arrive(void)
{
	const char *argv[] = {self_path, "--helper", "arguments", "", "two words\n", NULL};
	const char *envp[] = {"FIRST=1", "", "no equals sign", NULL};
	pid_t pid = tap_fork();

	if (pid == 0) {
		raw3(SYS_execve, self_path, argv, envp);
		_exit(126);
	}
	check_exits(pid, 0);
}

static void exec_without_arguments(void *argument)
{
	const char *nothing[] = {NULL}, *envp[] = {"TINE_NO_ARGUMENTS=1", NULL};

	raw3(SYS_execve, self_path, argument ? nothing : NULL, envp);
	_exit(126);
}

static void empty_argv_becomes_one_empty_string(void)
{
	check_child(exec_without_arguments, NULL);
	check_child(exec_without_arguments, "empty");
}

static void auxiliary_vector_is_complete(void)
{
	check_exits(spawn_helper("auxv", self_path, NULL), 0);
}

static void exec_big(void *argument)
{
	enum { COUNT = 10, LENGTH = 100000 };
	const char *argv[5 + COUNT + 1] = {self_path, "--helper", "big", "10", "100000"};

	for (int i = 0; i < COUNT; i++) {
		char *string = malloc(LENGTH + 1);
		check(string != NULL);
		memset(string, 'a' + i % 26, LENGTH);
		string[LENGTH] = 0;
		argv[5 + i] = string;
	}
	raw3(SYS_execve, self_path, argv, NULL);
	_exit(126);
}

static void a_million_bytes_of_arguments(void)
{
	check_child(exec_big, NULL);
}

/* ---- what it keeps and what it loses ---- */

static void pid_and_parent_stay(void)
{
	char parent[16];
	pid_t pid;

	snprintf(parent, sizeof(parent), "%d", getpid());
	pid = tap_fork();
	if (pid == 0) {
		char own[16];
		snprintf(own, sizeof(own), "%d", getpid());
		raw_exec_helper("identity", own, parent);
		_exit(126);
	}
	check_exits(pid, 0);
}

static void exec_with_signals(void *argument)
{
	stack_t stack = {.ss_sp = malloc(SIGSTKSZ), .ss_size = SIGSTKSZ};

	set_handler(SIGUSR1, count_signal, 0);
	set_handler(SIGCHLD, count_signal, SA_NOCLDWAIT);
	signal(SIGUSR2, SIG_IGN);
	block_signal(SIGHUP);
	block_signal(SIGTERM);
	check_call(sigaltstack(&stack, NULL));
	check_call(raise(SIGHUP));
	raw_exec_helper("signals", NULL, NULL);
	_exit(126);
}

static void handlers_are_reset_the_rest_is_kept(void)
{
	check_child(exec_with_signals, NULL);
}

static void close_on_exec_is_obeyed(void)
{
	char kept[16], closed[16];
	int ends[2], marked[2];
	pid_t pid;

	make_pipe(ends);
	check_call(pipe2(marked, O_CLOEXEC));
	snprintf(kept, sizeof(kept), "%d", ends[1]);
	snprintf(closed, sizeof(closed), "%d", marked[1]);
	pid = spawn_helper("descriptors", kept, closed);
	take_byte(ends[0]);
	check_exits(pid, 0);
	close(marked[1]);
	check_eof(marked[0]);
}

static void exec_elsewhere(void *argument)
{
	check_call(chdir("/tmp"));
	umask(031);
	check_call(prctl(PR_SET_PDEATHSIG, SIGUSR1));
	check_call(prctl(PR_SET_CHILD_SUBREAPER, 1));
	check_call(prctl(PR_SET_NAME, "something else"));
	check_call(symlink(self_path, "/tmp/exec"));
	strcpy(self_path, "/tmp/exec");
	raw_exec_helper("surroundings", NULL, NULL);
	_exit(126);
}

static void directory_umask_and_prctl_stay(void)
{
	pid_t pid = tap_child(exec_elsewhere, NULL);
	int status = tap_wait(pid);

	check_call(unlink("/tmp/exec"));
	check_eq(status, 0);
}

static void exec_with_a_mapping(void *argument)
{
	char *mapping = mmap(OLD_MAPPING, 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	check(mapping == OLD_MAPPING);
	mapping[0] = 1;
	raw_exec_helper("memory", NULL, NULL);
	_exit(126);
}

static void old_memory_is_gone(void)
{
	check_child(exec_with_a_mapping, NULL);
}

static void exec_with_odd_fpu(void *argument)
{
	unsigned int mxcsr = 0x7f80;
	unsigned short control = 0x27f;

	__asm__ volatile("ldmxcsr %0\n\tfldcw %1" : : "m"(mxcsr), "m"(control));
	raw_exec_helper("fpu", NULL, NULL);
	_exit(126);
}

static void floating_point_starts_afresh(void)
{
	check_child(exec_with_odd_fpu, NULL);
}

static void exec_again_and_again(void)
{
	for (int i = 0; i < 20; i++) {
		char code[16];
		snprintf(code, sizeof(code), "%d", i);
		check_exits(spawn_helper("exit", code, NULL), i);
	}
}

/* ---- why it may be refused ---- */

static void paths_that_do_not_lead_to_a_program(void)
{
	static char long_name[5000];

	memset(long_name, 'a', sizeof(long_name) - 1);
	check_eq(try_exec("/no/such/file"), -ENOENT);
	check_eq(try_exec(""), -ENOENT);
	check_eq(try_exec("/dev/null"), -EACCES);
	check_eq(try_exec("/tmp"), -EACCES);
	check_eq(try_exec(long_name), -ENAMETOOLONG);
	long_name[300] = 0;
	check_eq(try_exec(long_name), -ENAMETOOLONG);
	check_eq(try_exec(UNMAPPED_ADDRESS), -EFAULT);
	check_eq(try_exec(KERNEL_ADDRESS), -EFAULT);
	write_file("/tmp/exec-plain", "hello\n", 6, 0644);
	check_eq(try_exec("/tmp/exec-plain"), -EACCES);
	check_eq(try_exec("/tmp/exec-plain/x"), -ENOTDIR);
	check_call(chmod("/tmp/exec-plain", 0755));
	check_eq(try_exec("/tmp/exec-plain"), -ENOEXEC);
	check_call(unlink("/tmp/exec-plain"));
	check_call(symlink("/tmp/exec-loop", "/tmp/exec-loop"));
	check_eq(try_exec("/tmp/exec-loop"), -ELOOP);
	check_call(unlink("/tmp/exec-loop"));
}

static void bad_argument_pointers_are_efault(void)
{
	const char *bad[] = {"x", UNMAPPED_ADDRESS, NULL};
	const char *good[] = {"x", NULL};

	check_eq(raw3(SYS_execve, self_path, UNMAPPED_ADDRESS, NULL), -EFAULT);
	check_eq(raw3(SYS_execve, self_path, bad, NULL), -EFAULT);
	check_eq(raw3(SYS_execve, self_path, good, UNMAPPED_ADDRESS), -EFAULT);
	check_eq(raw3(SYS_execve, self_path, good, bad), -EFAULT);
	check_eq(raw3(SYS_execve, self_path, good, KERNEL_ADDRESS), -EFAULT);
}

static void too_many_arguments_are_e2big(void)
{
	enum { LIMIT = 32 * 4096 }; /* of one string, with its NUL */
	static const char *many[3000];
	char *string = malloc(LIMIT + 1);
	const char *argv[] = {"x", string, NULL};

	check(string != NULL);
	memset(string, 'a', LIMIT);
	string[LIMIT] = 0;
	check_eq(raw3(SYS_execve, self_path, argv, NULL), -E2BIG);
	check_eq(raw3(SYS_execve, self_path, NULL, argv), -E2BIG);
	string[LIMIT - 1] = 0;
	check_eq(raw3(SYS_execve, "/tmp", argv, NULL), -EACCES);
	for (size_t i = 0; i < TAP_COUNT(many) - 1; i++)
		many[i] = string;
	check_eq(raw3(SYS_execve, self_path, many, NULL), -E2BIG);
	check_eq(raw3(SYS_execve, self_path, argv, many), -E2BIG);
}

static volatile int data_word = 5;

static void a_refused_exec_changes_nothing(void)
{
	struct sigaction action;
	int ends[2];

	check_call(pipe2(ends, O_CLOEXEC));
	set_handler(SIGUSR1, count_signal, 0);
	data_word = 6;
	write_file(
		"/tmp/exec-plain",
		"\177ELF but not really, only so many bytes as make a header look full, not more",
		76, 0755);
	for (int i = 0; i < 5; i++) {
		check_eq(try_exec("/tmp/exec-plain"), -ENOEXEC);
		check_eq(try_exec("/tmp"), -EACCES);
	}
	check_call(unlink("/tmp/exec-plain"));
	check_call(sigaction(SIGUSR1, NULL, &action));
	check(action.sa_handler == count_signal);
	check_eq(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	check_eq(data_word, 6);
	give_byte(ends[1], 1);
	take_byte(ends[0]);
}

static void file_open_for_writing_is_etxtbsy(void)
{
	int fd;

	write_file("/tmp/exec-busy", "#!/bin/x\n", 9, 0755);
	fd = check_call(open("/tmp/exec-busy", O_WRONLY));
	check_eq(try_exec("/tmp/exec-busy"), -ETXTBSY);
	check_call(close(fd));
	check_eq(try_exec("/tmp/exec-busy"), -ENOENT);
	check_call(unlink("/tmp/exec-busy"));
}

/* ---- scripts ---- */

static void write_script(const char *path, const char *format, const char *word)
{
	char line[4400];
	int length = snprintf(line, sizeof(line), format, word);

	write_file(path, line, length, 0755);
}

/* Exec the script with two arguments, in a child; its exit status. */
static int run_script(const char *path)
{
	const char *argv[] = {"name", "first", "second", NULL};
	pid_t pid = tap_fork();
	int status;

	if (pid == 0) {
		long error = raw3(SYS_execve, path, argv, NULL);
		_exit(-error);
	}
	status = tap_wait(pid);
	check(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void script_runs_its_interpreter(void)
{
	static const char *const first_lines[] = {"#!%s script\nwhatever\n",
						  "#! \t %s \t script  \t \n", "#!%s script"};

	for (size_t i = 0; i < TAP_COUNT(first_lines); i++) {
		write_script("/tmp/exec-script", first_lines[i], self_path);
		check_eq(run_script("/tmp/exec-script"), 0);
	}
	check_call(unlink("/tmp/exec-script"));
}

static void script_argument_is_one_word(void)
{
	write_script("/tmp/exec-script", "#!%s one two  three\n", self_path);
	check_eq(run_script("/tmp/exec-script"), 42);
	check_call(unlink("/tmp/exec-script"));
}

static void scripts_without_an_interpreter(void)
{
	write_script("/tmp/exec-script", "#!/no/such/%s\n", "interpreter");
	check_eq(run_script("/tmp/exec-script"), ENOENT);
	write_script("/tmp/exec-script", "#! %s \n", "");
	check_eq(run_script("/tmp/exec-script"), ENOEXEC);
	write_script("/tmp/exec-script", "#!%s\n", "/tmp");
	check_eq(run_script("/tmp/exec-script"), EACCES);
	check_call(unlink("/tmp/exec-script"));
}

static void scripts_may_nest_but_not_for_ever(void)
{
	char path[32], line[64];

	write_script("/tmp/exec-script-0", "#!%s nested\n", self_path);
	for (int i = 1; i <= 6; i++) {
		snprintf(path, sizeof(path), "/tmp/exec-script-%d", i);
		snprintf(line, sizeof(line), "/tmp/exec-script-%d", i - 1);
		write_script(path, "#!%s\n", line);
	}
	check_eq(run_script("/tmp/exec-script-1"), 43);
	check_eq(run_script("/tmp/exec-script-4"), 43);
	check_eq(run_script("/tmp/exec-script-5"), ELOOP);
	check_eq(run_script("/tmp/exec-script-6"), ELOOP);
	for (int i = 0; i <= 6; i++) {
		snprintf(path, sizeof(path), "/tmp/exec-script-%d", i);
		check_call(unlink(path));
	}
}

static const struct test_case cases[] = {
	TEST(arguments_and_environment_arrive,
	     "exec: arguments and environment arrive as given, empty ones too"),
	TEST(empty_argv_becomes_one_empty_string, "exec: an empty argv becomes one empty string"),
	TEST(auxiliary_vector_is_complete, "exec: the auxiliary vector is complete and right"),
	TEST(a_million_bytes_of_arguments, "exec: a million bytes of arguments arrive"),
	TEST(pid_and_parent_stay, "exec: pid, parent and process group stay"),
	TEST(handlers_are_reset_the_rest_is_kept,
	     "exec: handlers are reset; ignored, blocked and pending signals stay"),
	TEST(close_on_exec_is_obeyed,
	     "exec: descriptors marked close-on-exec are closed, others stay"),
	TEST(directory_umask_and_prctl_stay,
	     "exec: directory, umask, death signal and subreaper stay, the name changes"),
	TEST(old_memory_is_gone, "exec: what the old program had mapped is gone"),
	TEST(floating_point_starts_afresh, "exec: mxcsr and the x87 control word start afresh"),
	TEST(exec_again_and_again, "exec: twenty programs, one after the other"),
	TEST(paths_that_do_not_lead_to_a_program,
	     "exec: the errno for each path that leads to no program"),
	TEST(bad_argument_pointers_are_efault, "exec: bad pointers in argv and envp are EFAULT"),
	TEST(too_many_arguments_are_e2big,
	     "exec: a string of 128 KiB, and strings beyond the limit, are E2BIG"),
	TEST(a_refused_exec_changes_nothing, "exec: one that is refused changes nothing"),
	TEST(file_open_for_writing_is_etxtbsy, "exec: a file open for writing is ETXTBSY"),
	TEST(script_runs_its_interpreter,
	     "exec: a script runs its interpreter, with blanks where they may be"),
	TEST(script_argument_is_one_word,
	     "exec: what follows the interpreter's name is one argument"),
	TEST(scripts_without_an_interpreter, "exec: scripts whose interpreter is missing or none"),
	TEST(scripts_may_nest_but_not_for_ever, "exec: scripts nest four deep, a fifth is ELOOP"),
};

int main(int argc, char **argv)
{
	/* The three ways in which a case runs this program without --helper. */
	if (getenv("TINE_NO_ARGUMENTS"))
		return argc == 1 && argv[0] && argv[0][0] == 0 && argv[1] == NULL
			       ? 0
			       : wrong(1, "argv is not one empty string");
	if (argc > 1 && strcmp(argv[1], "script") == 0)
		return helper_script(argc - 1, argv + 1);
	if (argc == 5 && strcmp(argv[1], "one two  three") == 0)
		return 42;
	if (argc > 1 && strcmp(argv[1], "nested") == 0)
		return 43;
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
