/* What /proc/PID shows of memory: maps, smaps, cmdline, environ, mem; and to whom. */
#include "proc.h"

#include <sys/mman.h>

struct map_line {
	unsigned long start, end, offset, inode;
	unsigned int major, minor;
	char rights[5], name[128];
};

/* The mapping that holds address; false if none does. */
static int find_map(const char *text, unsigned long address, struct map_line *m)
{
	for (const char *at = text; at && *at;
	     at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		m->name[0] = '\0';
		if (sscanf(at, "%lx-%lx %4s %lx %x:%x %lu%*[ ]%127[^\n]", &m->start, &m->end,
			   m->rights, &m->offset, &m->major, &m->minor, &m->inode, m->name) < 7)
			continue;
		if (m->start <= address && address < m->end)
			return 1;
	}
	return 0;
}

static void *map_pages(int n, int protection, int flags, int fd)
{
	void *memory = mmap(NULL, n * 4096, protection, flags, fd, 0);

	check(memory != MAP_FAILED);
	return memory;
}

static void known_mappings(void)
{
	int local = 0;
	struct map_line m;
	char *heap = (char *)raw1(SYS_brk, 0);
	const char *text;

	check_eq(raw1(SYS_brk, heap + 8192), (long)heap + 8192);
	text = read_text("/proc/self/maps");
	check(find_map(text, (long)&known_mappings, &m));
	check(strcmp(m.rights, "r-xp") == 0 && m.inode != 0);
	check(strstr(m.name, "/proc-maps") != NULL);
	check(find_map(text, (long)&local, &m));
	check(strcmp(m.name, "[stack]") == 0 && m.inode == 0 && m.offset == 0);
	check(strcmp(m.rights, "rw-p") == 0);
	check(find_map(text, (long)heap, &m));
	check(strcmp(m.name, "[heap]") == 0);
}

static void rights(void)
{
	char *memory = map_pages(3, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char *shared = map_pages(1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
	struct map_line m;
	const char *text;

	check_call(mprotect(memory + 4096, 4096, PROT_NONE));
	check_call(mprotect(memory + 8192, 4096, PROT_READ | PROT_EXEC));
	text = read_text("/proc/self/maps");
	check(find_map(text, (long)memory, &m) && strcmp(m.rights, "r--p") == 0);
	check(find_map(text, (long)memory + 4096, &m) && strcmp(m.rights, "---p") == 0);
	check_eq(m.end - m.start, 4096);
	check(find_map(text, (long)memory + 8192, &m) && strcmp(m.rights, "r-xp") == 0);
	check(find_map(text, (long)shared, &m) && strcmp(m.rights, "rw-s") == 0);
	check(strstr(m.name, "/dev/zero (deleted)") != NULL);
}

static void file_names(void)
{
	struct map_line m;
	char *memory;
	int fd;

	go_home();
	fd = check_call(open("a\nb", O_RDWR | O_CREAT, 0600));
	check_call(ftruncate(fd, 3 * 4096));
	memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 2 * 4096);
	check(memory != MAP_FAILED);
	check(find_map(read_text("/proc/self/maps"), (long)memory, &m));
	check(strcmp(m.name, HOME_DIRECTORY "/a\\012b") == 0);
	check_eq(m.offset, 2 * 4096);
	check_call(unlink("a\nb"));
	check(find_map(read_text("/proc/self/maps"), (long)memory, &m));
	check(strcmp(m.name, HOME_DIRECTORY "/a\\012b (deleted)") == 0);
	leave_home();
}

/* More text than any buffer: every mapping comes once, in order. */
static void many_mappings(void)
{
	enum { COUNT = 3000 };
	char *text = tap_shared(256 * 4096);
	char *memory = map_pages(COUNT, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct map_line m;
	int seen = 0;
	unsigned long last = 0;

	for (int i = 0; i < COUNT; i += 2)
		check_call(mprotect(memory + i * 4096, 4096, PROT_READ | PROT_WRITE));
	check(try_read("/proc/self/maps", text, 256 * 4096) > COUNT * 40);
	for (char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		check_eq(sscanf(at, "%lx-%lx", &m.start, &m.end), 2);
		check(m.start >= last && m.end > m.start);
		last = m.end;
		seen += m.start >= (unsigned long)memory &&
			m.end <= (unsigned long)memory + COUNT * 4096;
	}
	check_eq(seen, COUNT);
}

static void small_reads(void)
{
	static char whole[16384], part[16384];
	int fd = check_call(open("/proc/self/maps", O_RDONLY));
	long n, done = 0;

	check(try_read("/proc/self/maps", whole, sizeof(whole)) > 0);
	while ((n = read(fd, part + done, 7)) > 0)
		done += n;
	check_eq(n, 0);
	check_eq(done, strlen(whole));
	check(memcmp(part, whole, done) == 0);
	check_eq(pread(fd, part, 10, 5), 10);
	check(memcmp(part, whole + 5, 10) == 0);
	check_eq(lseek(fd, 3, SEEK_SET), 3);
	check_eq(read(fd, part, 10), 10);
	check(memcmp(part, whole + 3, 10) == 0);
	check_errno(lseek(fd, 0, SEEK_END), EINVAL);
	check_errno(read(fd, KERNEL_ADDRESS, 10), EFAULT);
}

static const char *map_of(const char *text, void *address)
{
	static char start[32];

	snprintf(start, sizeof(start), "%lx-", (unsigned long)address);
	return strstr(text, start);
}

static void smaps(void)
{
	static const char *const lines[] = {
		"Size",       "KernelPageSize", "MMUPageSize",  "Rss",           "Pss",
		"Pss_Dirty",  "Shared_Clean",   "Shared_Dirty", "Private_Clean", "Private_Dirty",
		"Referenced", "Anonymous",      "LazyFree",     "Swap",          "SwapPss",
		"Locked",     "THPeligible",    "VmFlags"};
	char *memory = map_pages(16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	const char *text;

	for (int i = 0; i < 5; i++)
		memory[i * 4096] = 1;
	check_call(mprotect(memory, 16 * 4096, PROT_READ | PROT_EXEC));
	text = map_of(read_text("/proc/self/smaps"), memory);
	check(text != NULL);
	check_order(text, lines, sizeof(lines) / sizeof(lines[0]));
	check_eq(number_of(text, "Size"), 64);
	check_eq(number_of(text, "Rss"), 20);
	check_eq(number_of(text, "Pss"), 20);
	check_eq(number_of(text, "Private_Dirty"), 20);
	check_eq(number_of(text, "Anonymous"), 20);
	check_eq(number_of(text, "Swap"), 0);
	check(strncmp(line_of(text, "VmFlags"), "rd ex mr mw me ", 15) == 0);
}

static void shared_after_fork(void)
{
	char *memory = map_pages(16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	const char *text;
	pid_t pid;

	memset(memory, 1, 16 * 4096);
	pid = idle_child();
	text = map_of(read_text("/proc/self/smaps"), memory);
	check(text != NULL);
	check_eq(number_of(text, "Rss"), 64);
	check_eq(number_of(text, "Pss"), 32);
	check_eq(number_of(text, "Shared_Dirty"), 64);
	end_child(pid);
}

static void rollup(void)
{
	const char *text = read_text("/proc/self/smaps_rollup");

	check(strstr(text, "[rollup]\nRss:") != NULL);
	check(number_of(text, "Rss") > 0 && number_of(text, "Pss") > 0);
	check(number_of(text, "Pss") <= number_of(text, "Rss"));
	check_eq(number_of(text, "Pss_Anon") > 0, 1);
	check(strchr(strchr(text, '\n') + 1, '[') == NULL);
}

/* ---- arguments and environment ---- */

static void arguments(void)
{
	static const char want[] = "--helper\0wait\0\0x";
	const char *argv[] = {self_path, "--helper", "wait", "", "x", NULL};
	const char *envp[] = {"A=1", "B=", NULL};
	char path[64], text[64];
	size_t name = strlen(self_path) + 1;
	int fd, ends[2];
	pid_t pid;

	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		dup2(ends[1], 9);
		raw3(SYS_execve, self_path, argv, envp);
		_exit(1);
	}
	take_byte(ends[0]);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	fd = check_call(open(path, O_RDONLY));
	check_eq(read(fd, proc_text, sizeof(proc_text)), name + sizeof(want));
	check(memcmp(proc_text + name, want, sizeof(want)) == 0);
	check_eq(read(fd, text, sizeof(text)), 0);
	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	check_eq(try_read(path, text, sizeof(text)), 7);
	check(memcmp(text, "A=1\0B=\0", 7) == 0);
	end_child(pid);
}

/* The words that stat names: where the arguments lie. */
static char *arguments_start(unsigned long *size, unsigned long *environment)
{
	struct stat_fields s;

	stat_of(getpid(), &s);
	*size = s.value[49] - s.value[48];
	*environment = s.value[51] - s.value[50];
	return (char *)s.value[48];
}

static void title(void)
{
	unsigned long size, environment;
	char *start = arguments_start(&size, &environment);
	char text[4096];

	check(size > 4);
	start[1] = '\0';
	check_eq(try_read("/proc/self/cmdline", text, sizeof(text)), size);
	memset(start, 'x', size);
	if (environment > 3) {
		memcpy(start + size, "yz", 3);
		check_eq(try_read("/proc/self/cmdline", text, sizeof(text)), size + 3);
		check(memcmp(text + size - 1, "xyz", 4) == 0);
	}
	start[2] = '\0';
	check_eq(try_read("/proc/self/cmdline", text, sizeof(text)), 3);
	check(memcmp(text, "xx", 3) == 0);
}

/* ---- the memory itself ---- */

static void memory_file(void)
{
	volatile int word = 41;
	int fd = check_call(open("/proc/self/mem", O_RDWR)), value = 0;
	char *locked = map_pages(1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	check_eq(pread(fd, &value, sizeof(value), (long)&word), sizeof(value));
	check_eq(value, 41);
	value = 42;
	check_eq(pwrite(fd, &value, sizeof(value), (long)&word), sizeof(value));
	check_eq(word, 42);
	check_eq(pwrite(fd, "forced", 7, (long)locked), 7);
	check(strcmp(locked, "forced") == 0);
	check_errno(pread(fd, &value, 4, 16), EIO);
	check_errno(pwrite(fd, &value, 4, 16), EIO);
	check_eq(pread(fd, &value, 0, 16), 0);
	check_eq(lseek(fd, (long)&word, SEEK_SET), (long)&word);
	check_eq(read(fd, &value, 4), 4);
	check_errno(lseek(fd, 0, SEEK_END), EINVAL);
}

static void memory_of_a_child(void)
{
	int *words = map_pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	char path[64];
	int fd, value = 7;
	pid_t pid;

	words[0] = 1;
	pid = idle_child();
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = check_call(open(path, O_RDWR));
	check_eq(pwrite(fd, &value, 4, (long)words), 4);
	value = 0;
	check_eq(pread(fd, &value, 4, (long)words), 4);
	check_eq(value, 7);
	check_eq(words[0], 1);
	end_child(pid);
	check_eq(pread(fd, &value, 4, (long)words), 0);
}

/* ---- who may look ---- */

static void check_all_refused(pid_t pid)
{
	static const char *const files[] = {"maps", "smaps", "environ", "auxv", "mem"};
	static const char *const links[] = {"exe", "cwd", "root", "ns/uts"};
	char path[64];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, files[i]);
		check_errno(open(path, O_RDONLY), EACCES);
	}
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", pid, links[i]);
		check_errno(readlink(path, proc_text, 64), EACCES);
	}
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	check_errno(open(path, O_RDONLY), EACCES);
}

static void strangers(void)
{
	pid_t parent = getpid(), pid = tap_fork();

	if (pid == 0) {
		become_user(1000);
		check_all_refused(parent);
		check(strlen(read_of(parent, "cmdline")) > 0);
		check(strlen(read_of(parent, "status")) > 0);
		check_all_refused(1);
		_exit(0);
	}
	check_exits(pid, 0);
}

static void not_dumpable(void)
{
	struct stat st;
	pid_t pid = tap_fork();

	if (pid == 0) {
		become_user(1000);
		check_call(stat("/proc/self/maps", &st));
		check_eq(st.st_uid, 1000);
		check_call(prctl(PR_SET_DUMPABLE, 0));
		check_call(stat("/proc/self/maps", &st));
		check_eq(st.st_uid, 0);
		check_call(stat("/proc/self", &st));
		check_eq(st.st_uid, 1000);
		check(strlen(read_text("/proc/self/maps")) > 0);
		check(access("/proc/self/fd/0", F_OK) == 0 || errno == ENOENT);
		check_call(open("/proc/self/fd", O_RDONLY));
		check_errno(open("/proc/self/environ", O_RDONLY), EACCES);
		pid = tap_fork();
		if (pid == 0) {
			check_all_refused(getppid());
			_exit(0);
		}
		check_exits(pid, 0);
		_exit(0);
	}
	check_exits(pid, 0);
}

/* Memory opened before exec is the old one: gone, and never the new program's. */
static void across_exec(void)
{
	int ends[2], maps, mem;
	char path[64], byte;
	pid_t pid;

	make_pipe(ends);
	pid = tap_fork();
	if (pid == 0) {
		take_byte(ends[0]);
		dup2(ends[1], 9);
		raw_exec_helper("wait", NULL, NULL);
	}
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = check_call(open(path, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	mem = check_call(open(path, O_RDONLY));
	check_eq(pread(maps, &byte, 1, 0), 1);
	give_byte(ends[1], 'g');
	do {
		tap_sleep_ms(1);
		read_of(pid, "cmdline");
	} while (strcmp(proc_text + strlen(proc_text) + 1, "--helper") != 0);
	check_eq(pread(maps, &byte, 1, 0), 0);
	check_eq(pread(mem, &byte, 1, (long)&across_exec), 0);
	end_child(pid);
	check_errno(pread(maps, &byte, 1, 0), ESRCH);
}

static int helper(int argc, char **argv)
{
	if (strcmp(argv[0], "wait") == 0) {
		if (write(9, "x", 1) != 1)
			return 1;
		for (;;)
			pause();
	}
	return 1;
}

static const struct test_case cases[] = {
	TEST(known_mappings, "maps names the program, the heap and the stack"),
	TEST(rights, "rights, sharing and splits show"),
	TEST(file_names, "a mapped file's name, offset and end; newlines are escaped"),
	TEST(many_mappings, "three thousand mappings come once each, in order"),
	TEST(small_reads, "read in small pieces, from an offset and again, it is the same text"),
	TEST(smaps, "smaps has its lines in order and counts touched pages"),
	TEST(shared_after_fork, "after fork pages are shared, and each has half"),
	TEST(rollup, "smaps_rollup adds up"),
	TEST(arguments, "arguments and environment, empty ones too"),
	TEST(title, "a title written over the arguments ends at its NUL, within the environment"),
	TEST(memory_file, "mem reads and writes memory, also what is mapped read-only"),
	TEST(memory_of_a_child, "mem of a child is the child's, and empty when it is gone"),
	TEST(strangers, "other users may not look at memory, files and places"),
	TEST(not_dumpable, "a process that is not dumpable belongs to root, but opens its own"),
	TEST(across_exec, "memory opened before exec is never the new program's"),
};

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
