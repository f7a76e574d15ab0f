/*
 * Readers of /proc on several processors while what they read about forks, executes, maps, opens,
 * ends and is reaped. Every read gives something whole or says that it came too late.
 */
#include "proc.h"

#define READERS 3
#define ROUNDS  15

static const char *const files[] = {
	"stat",   "status",  "statm", "cmdline", "comm",  "maps",      "smaps_rollup", "limits",
	"mounts", "environ", "auxv",  "smaps",   "wchan", "oom_score", "mountinfo",
};

static int *done; /* shared: the others have ended */

/* A zombie has no mounts: EINVAL. */
static void check_late(long error)
{
	check(error >= 0 || error == -ENOENT || error == -ESRCH || error == -EACCES ||
	      error == -EINVAL);
}

static void read_all_of(int pid)
{
	char path[64];
	struct stat_fields s;
	long n;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		n = try_read(path, proc_text, sizeof(proc_text));
		check_late(n);
		if (i == 0 && n > 0) {
			parse_stat(proc_text, &s);
			check_eq(s.count, STAT_FIELDS);
			check(s.value[1] == pid && strchr("RSDTtZX", s.state));
		}
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, proc_text, 256);
	check_late(n < 0 ? -errno : n);
}

/* Every process in a walk through /proc; each number at most once, in order. */
static void read_everything(void *argument)
{
	while (!get(done)) {
		DIR *dir = opendir("/proc");
		struct dirent *entry;
		int last = 0, pid;

		check(dir != NULL);
		while ((entry = readdir(dir)) != NULL) {
			pid = atoi(entry->d_name);
			if (!pid)
				continue;
			check(pid > last);
			last = pid;
			if (pid >= getppid())
				read_all_of(pid);
		}
		closedir(dir);
	}
}

static void with_readers(void (*reader)(void *), void *argument, void (*work)(void))
{
	pid_t readers[READERS];

	done = tap_shared(sizeof(*done));
	for (int i = 0; i < READERS; i++)
		readers[i] = tap_child(reader, argument);
	work();
	set(done, 1);
	for (int i = 0; i < READERS; i++)
		check_exits(readers[i], 0);
}

static void fork_and_end(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		pid_t child = tap_fork();

		if (child == 0) {
			pid_t grandchild = fork();

			_exit(grandchild < 0);
		}
		check_exits(child, 0);
	}
}

static void forking(void)
{
	with_readers(read_everything, NULL, fork_and_end);
}

static void execute(void)
{
	for (int i = 0; i < ROUNDS; i++)
		check_exits(spawn_helper("nothing", "an argument", NULL), 0);
}

static void executing(void)
{
	with_readers(read_everything, NULL, execute);
}

static void read_one(void *argument)
{
	while (!get(done))
		read_all_of(getppid());
}

static void map_and_unmap(void)
{
	for (int i = 0; i < ROUNDS * 20; i++) {
		char *memory = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		check(memory != MAP_FAILED);
		for (int page = 0; page < 64; page += 2) {
			memory[page * 4096] = 1;
			check_call(mprotect(memory + page * 4096, 4096, PROT_READ));
		}
		check_call(munmap(memory, 64 * 4096));
	}
}

static void mapping(void)
{
	with_readers(read_one, NULL, map_and_unmap);
}

static void read_links(void *argument)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%d/fd", getppid());
	while (!get(done)) {
		DIR *dir = opendir(path);
		struct dirent *entry;

		check(dir != NULL);
		while ((entry = readdir(dir)) != NULL) {
			char name[300];
			long n;

			snprintf(name, sizeof(name), "/proc/%d/fd/%s", getppid(), entry->d_name);
			n = readlink(name, proc_text, 256);
			check(n > 0 || errno == ENOENT || errno == EINVAL);
			snprintf(name, sizeof(name), "/proc/%d/fdinfo/%s", getppid(),
				 entry->d_name);
			n = try_read(name, proc_text, 256);
			check(n > 0 || n == -ENOENT || n == -EISDIR);
		}
		closedir(dir);
	}
}

static void open_and_close(void)
{
	for (int i = 0; i < ROUNDS * 20; i++) {
		int ends[2], file = check_call(open("/proc/self/stat", O_RDONLY));

		check_call(pipe(ends));
		check_call(fcntl(ends[0], F_DUPFD, 100 + i % 400));
		check_call(raw3(SYS_close_range, ends[0], 1023, 0) ? -1 : 0);
		close(file);
	}
}

static void opening(void)
{
	with_readers(read_links, NULL, open_and_close);
}

static int end_at_once(void *argument)
{
	return 0;
}

static void read_threads(void *argument)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%d/task", getppid());
	while (!get(done)) {
		DIR *dir = opendir(path);
		struct dirent *entry;

		check(dir != NULL);
		while ((entry = readdir(dir)) != NULL) {
			char name[600];

			if (entry->d_name[0] == '.')
				continue;
			snprintf(name, sizeof(name), "%s/%s/stat", path, entry->d_name);
			check_late(try_read(name, proc_text, sizeof(proc_text)));
			snprintf(name, sizeof(name), "%s/%s/status", path, entry->d_name);
			check_late(try_read(name, proc_text, sizeof(proc_text)));
		}
		closedir(dir);
		read_all_of(getppid());
	}
}

static void thread_after_thread(void)
{
	for (int i = 0; i < ROUNDS * 5; i++) {
		struct thread thread;

		thread_start(&thread, end_at_once, NULL);
		thread_join(&thread);
	}
}

static void threads(void)
{
	with_readers(read_threads, NULL, thread_after_thread);
}

static int helper(int argc, char **argv)
{
	return 0;
}

static const struct test_case cases[] = {
	TEST(forking, "readers of every process while processes are made and reaped"),
	TEST(executing, "readers of every process while programs are executed"),
	TEST(mapping, "readers of a process that maps, protects and unmaps"),
	TEST(opening, "readers of the files that a process opens and closes"),
	TEST(threads, "readers of threads that come and go"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
