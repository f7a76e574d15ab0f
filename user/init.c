/*
 * /init: the first program of the initramfs.
 *
 *	/init                    a shell on each console, again and again
 *	/init test [PATTERN...]  the programs of /tests, one after the other, then power off
 *	/init run PROGRAM ARG... that program, then power off
 *
 * The kernel passes what follows `--` on its command line. It is an ordinary Linux program: it
 * runs as pid 1 on Linux as well, which is how Tine's tests are compared with Linux.
 *
 * As pid 1 it also adopts orphans and answers the signals that busybox's halt, poweroff and reboot
 * send to init. Those are blocked except while it sleeps in sigsuspend(), so that none falls between
 * a look at `shutdown_request` and the sleep.
 *
 * What `test` prints is read by tests/tap.py; both change together.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static void sleep_ms(int ms)
{
	struct timespec time = {ms / 1000, (ms % 1000) * 1000000L};

	nanosleep(&time, NULL);
}

/* ---- what a system needs before its first program ---- */

static const struct {
	const char *type, *directory, *unless_there, *options;
} mounts[] = {
	{"devtmpfs", "/dev", "/dev/null", NULL},
	{"devpts", "/dev/pts", NULL, "mode=620,ptmxmode=666"},
	{"proc", "/proc", "/proc/self", NULL},
	{"tmpfs", "/tmp", NULL, NULL},
	{"tmpfs", "/dev/shm", NULL, NULL},
};

static const char *const links[][2] = {
	{"/proc/self/fd", "/dev/fd"},
	{"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"},
	{"/proc/self/fd/2", "/dev/stderr"},
};

/* Mounts what can be mounted. A kernel without one of these is no reason not to go on. */
static void prepare_system(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(mounts); i++) {
		if (mounts[i].unless_there && access(mounts[i].unless_there, F_OK) == 0)
			continue;
		mkdir(mounts[i].directory, 0755);
		mount(mounts[i].type, mounts[i].directory, mounts[i].type, 0, mounts[i].options);
	}
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		symlink(links[i][0], links[i][1]);
	chmod("/tmp", 01777);
	chmod("/dev/shm", 01777);

	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin:/tests", 1);
	setenv("HOME", "/root", 1);
	setenv("TERM", "linux", 0);
}

/* ---- children ---- */

/* Makes the file at path the standard input, and with `all` output and errors too. */
static void redirect(const char *path, int flags, int all)
{
	int fd = open(path, flags);

	if (fd < 0)
		return;
	for (int to = STDIN_FILENO; to <= (all ? STDERR_FILENO : STDIN_FILENO); to++)
		dup2(fd, to);
	if (fd > STDERR_FILENO)
		close(fd);
}

/* Starts a program in a session of its own, on a terminal if one is given. */
static pid_t start(char *const argv[], const char *terminal)
{
	pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;

	setsid();
	if (terminal) {
		redirect(terminal, O_RDWR | O_NOCTTY, 1);
		ioctl(STDIN_FILENO, TIOCSCTTY, 1);
	} else {
		redirect("/dev/null", O_RDONLY, 0);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(argv[0], argv);
	dprintf(STDERR_FILENO, "init: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Waits for one child and reaps whatever else ends meanwhile. Returns its wait status. */
static int wait_for(pid_t pid)
{
	int status;
	pid_t ended;

	do {
		ended = wait(&status);
	} while (ended != pid && (ended >= 0 || errno == EINTR));
	return ended == pid ? status : 127 << 8;
}

/* Ends every other process of the system and reaps them all. */
static void kill_everything(void)
{
	kill(-1, SIGKILL);
	while (wait(NULL) >= 0 || errno == EINTR)
		;
}

/* ---- leaving ---- */

static volatile sig_atomic_t shutdown_request;

static void on_shutdown_signal(int signal)
{
	shutdown_request = signal;
}

/* Ends all processes, politely first, and gives the machine back. */
static void leave(int command)
{
	kill(-1, SIGTERM);
	kill(-1, SIGHUP);
	kill(-1, SIGCONT);
	for (int waited = 0; waited < 500; waited += 20) {
		pid_t ended;

		while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (ended < 0)
			break;
		sleep_ms(20);
	}
	kill_everything();

	sync();
	reboot(command);
	dprintf(STDERR_FILENO, "init: reboot(2): %s\n", strerror(errno));
	for (;;)
		pause();
}

/* ---- a shell ---- */

/* What /etc/passwd names as root's. */
static char *find_shell(void)
{
	struct passwd *root = getpwuid(0);

	return root && *root->pw_shell ? root->pw_shell : "/bin/sh";
}

#define MOST_CONSOLES 8

/* A terminal with a shell on it. */
struct console {
	char path[64];
	pid_t shell; /* -1: none */
};

static struct console consoles[MOST_CONSOLES];
static int console_count;

static void add_console(const char *path)
{
	for (int i = 0; i < console_count; i++) {
		if (strcmp(consoles[i].path, path) == 0)
			return;
	}
	if (console_count == MOST_CONSOLES || access(path, R_OK | W_OK) < 0)
		return;
	snprintf(consoles[console_count].path, sizeof(consoles[0].path), "%s", path);
	consoles[console_count++].shell = -1;
}

/* Those that console= on the command line names; tty0 is whichever of the screen's is shown. */
static void find_consoles(void)
{
	char line[4096] = "", path[64];
	FILE *file = fopen("/proc/cmdline", "r");

	if (file && !fgets(line, sizeof(line), file))
		line[0] = '\0';
	if (file)
		fclose(file);
	for (char *word = strtok(line, " \n"); word && strcmp(word, "--") != 0;
	     word = strtok(NULL, " \n")) {
		if (strncmp(word, "console=", 8) != 0)
			continue;
		word[strcspn(word, ",")] = '\0';
		snprintf(path, sizeof(path), "/dev/%.50s",
			 strcmp(word + 8, "tty0") == 0 ? "tty1" : word + 8);
		add_console(path);
	}
	if (console_count == 0)
		add_console("/dev/console");
}

static void print_banner(const char *terminal, const char *shell)
{
	struct utsname system;
	FILE *out = fopen(terminal, "w");

	if (!out)
		return;
	uname(&system);
	fprintf(out,
		"\n"
		"%s %s %s. This shell is %s; each command below is a fork.\n"
		"\n"
		"  leave    poweroff                        (or Ctrl-A X in QEMU's terminal)\n"
		"  try      ls /tests                       programs that show what fork does\n"
		"           for t in /tests/fork*; do $t; done\n"
		"           ls /bin | grep '^s' | wc -l     three processes and two pipes\n"
		"           time sh -c 'for i in $(seq 1000); do /bin/true; done'\n"
		"\n",
		strstr(system.version, "Tine") ? "Tine, a kernel that forks:" : system.sysname,
		system.release, system.machine, strcmp(shell, "/bin/sh") ? shell : "busybox");
	fclose(out);
}

/* Starts the shells that do not run. Whether all of them do now. */
static int start_shells(char *const argv[])
{
	int all = 1;

	for (int i = 0; i < console_count; i++) {
		if (consoles[i].shell < 0)
			consoles[i].shell = start(argv, consoles[i].path);
		all &= consoles[i].shell > 0;
	}
	return all;
}

/* Reaps what has ended. Whether a shell has. */
static int reap(void)
{
	int shells = 0;
	pid_t ended;

	while ((ended = waitpid(-1, NULL, WNOHANG)) > 0) {
		for (int i = 0; i < console_count; i++) {
			if (consoles[i].shell == ended) {
				consoles[i].shell = -1;
				shells++;
			}
		}
	}
	return shells;
}

static void handle_shutdown_signals(void)
{
	static const int signals[] = {SIGUSR1, SIGUSR2, SIGTERM, SIGINT};
	struct sigaction action = {.sa_handler = on_shutdown_signal};
	sigset_t blocked;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		sigaddset(&blocked, signals[i]);
		sigaction(signals[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, NULL);
}

static void on_child(int signal)
{
}

static void run_shells(void)
{
	char *const shell[] = {find_shell(), "-l", NULL};
	struct sigaction child_action = {.sa_handler = on_child};
	sigset_t none;

	sigaction(SIGCHLD, &child_action, NULL);
	handle_shutdown_signals();
	sigemptyset(&none);
	find_consoles();
	for (int i = 0; i < console_count; i++)
		print_banner(consoles[i].path, shell[0]);

	for (;;) {
		int all_run = start_shells(shell);

		if (!all_run)
			sleep_ms(1000);
		if (reap())
			continue;
		if (shutdown_request == SIGUSR1)
			leave(RB_HALT_SYSTEM);
		if (shutdown_request == SIGUSR2)
			leave(RB_POWER_OFF);
		if (shutdown_request)
			leave(RB_AUTOBOOT);
		if (all_run)
			sigsuspend(&none);
	}
}

/* ---- the tests ---- */

static int run_and_wait(char *const argv[])
{
	pid_t pid = start(argv, NULL);

	if (pid < 0) {
		printf("init: fork: %s\n", strerror(errno));
		return 127 << 8;
	}
	return wait_for(pid);
}

/*
 * Debug builds of Tine count every object that fork creates and the free pages, one `name value` a
 * line. Linux has no such file; then there is nothing to compare.
 */
struct counters {
	size_t length;
	char text[4096];
};

static int read_counters(struct counters *counters)
{
	int fd = open("/proc/tine/counters", O_RDONLY);
	ssize_t got;

	counters->length = 0;
	if (fd < 0)
		return 0;
	while ((got = read(fd, counters->text + counters->length,
			   sizeof(counters->text) - 1 - counters->length)) > 0)
		counters->length += got;
	close(fd);
	counters->text[counters->length] = '\0';
	return counters->length > 0;
}

/* The value of a counter as text, of `*length` characters; "absent" if there is no such line. */
static const char *find_counter(const char *text, const char *name, int name_length, int *length)
{
	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, name_length) == 0 && line[name_length] == ' ') {
			*length = strcspn(line + name_length + 1, "\n");
			return line + name_length + 1;
		}
	}
	*length = strlen("absent");
	return "absent";
}

/* Prints a line for each counter that has changed; returns how many have. */
static int print_counter_differences(const struct counters *before, const struct counters *after)
{
	const char *line = before->text;
	int differences = 0;

	while (*line) {
		int name_length = strcspn(line, " \n"), old_length, new_length;
		const char *old = find_counter(before->text, line, name_length, &old_length);
		const char *new = find_counter(after->text, line, name_length, &new_length);

		if (old_length != new_length || strncmp(old, new, old_length) != 0) {
			printf("#### counters differ: %.*s %.*s %.*s\n", name_length, line,
			       old_length, old, new_length, new);
			differences++;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return differences;
}

/* The last tasks to end are freed a moment after they are reaped, so the reading is repeated. */
static int same_counters(const struct counters *a, const struct counters *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* What has ended is freed a little later: reads until nothing has changed for a while. */
static void read_settled_counters(struct counters *counters)
{
	static struct counters again;
	int unchanged = 0;

	read_counters(counters);
	for (int tries = 0; tries < 40 && unchanged < 4; tries++) {
		sleep_ms(25);
		read_counters(&again);
		unchanged = same_counters(counters, &again) ? unchanged + 1 : 0;
		*counters = again;
	}
}

static void compare_counters(const struct counters *before, struct counters *after)
{
	for (int tries = 0; tries < 20; tries++) {
		read_counters(after);
		if (same_counters(before, after))
			break;
		sleep_ms(50);
	}
	if (print_counter_differences(before, after) == 0)
		printf("#### counters same\n");
}

/* Has the pages of a deep stack now, so that they are not counted as the tests' doing. */
static void touch_stack(void)
{
	volatile char deep[32 * 1024];

	for (size_t i = 0; i < sizeof(deep); i += 1024)
		deep[i] = 0;
}

static char **wanted_patterns;

static int is_wanted(const struct dirent *entry)
{
	if (entry->d_name[0] == '.')
		return 0;
	if (!*wanted_patterns)
		return 1;
	for (char **pattern = wanted_patterns; *pattern; pattern++) {
		if (fnmatch(*pattern, entry->d_name, 0) == 0)
			return 1;
	}
	return 0;
}

static void run_one(const char *name, char *const argv[])
{
	int status;

	printf("#### begin %s\n", name);
	fflush(stdout);
	status = run_and_wait(argv);
	kill_everything();
	if (WIFSIGNALED(status))
		printf("#### end %s signal=%d\n", name, WTERMSIG(status));
	else
		printf("#### end %s exit=%d\n", name, WEXITSTATUS(status));
	fflush(stdout);
}

static void run_test(const char *name)
{
	char path[300];
	char *argv[] = {path, NULL};
	struct stat info;

	snprintf(path, sizeof(path), "/tests/%s", name);
	if (stat(path, &info) == 0 && S_ISREG(info.st_mode))
		run_one(name, argv);
}

static struct counters before;

/* What the first fork and exec leave in caches is no leak, nor are init's own first touches. */
static void note_counters(void)
{
	static char *const warm_up[] = {"/bin/true", NULL};
	static struct counters unused;

	touch_stack();
	if (!read_counters(&unused))
		return;
	run_and_wait(warm_up);
	read_settled_counters(&before);
}

static void report_counters(void)
{
	static struct counters after;

	if (before.length > 0)
		compare_counters(&before, &after);
}

static void run_tests(char **patterns)
{
	struct dirent **tests;
	int count;

	wanted_patterns = patterns;
	count = scandir("/tests", &tests, is_wanted, alphasort);
	if (count < 0)
		printf("init: /tests: %s\n", strerror(errno));

	note_counters();
	for (int i = 0; i < count; i++)
		run_test(tests[i]->d_name);
	report_counters();
	printf("#### done\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (getpid() != 1) {
		fprintf(stderr, "init: I am not the first process; see the top of user/init.c\n");
		return 1;
	}
	prepare_system();

	if (argc >= 2 && strcmp(argv[1], "test") == 0) {
		run_tests(argv + 2);
		leave(RB_POWER_OFF);
	}
	if (argc >= 3 && strcmp(argv[1], "run") == 0) {
		note_counters();
		run_one(argv[2], argv + 2);
		report_counters();
		fflush(stdout);
		leave(RB_POWER_OFF);
	}
	run_shells();
}
