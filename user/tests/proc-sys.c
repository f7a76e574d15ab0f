/* /proc/sys: how numbers and names are read and written, and that what is set is obeyed. */
#include "proc.h"

#include <sys/resource.h>
#include <sys/utsname.h>

#define PID_MAX "/proc/sys/kernel/pid_max"

/* A value of before, put back when the case ends well. */
static char kept[4096];

static void keep(const char *path)
{
	strcpy(kept, read_text(path));
}

static void put_back(const char *path)
{
	check_eq(try_write(path, kept), strlen(kept));
}

static void numbers(void)
{
	keep(PID_MAX);
	check_eq(try_write(PID_MAX, "30000\n"), 6);
	check(strcmp(read_text(PID_MAX), "30000\n") == 0);
	check_eq(try_write(PID_MAX, "  0x7531 \n"), 10);
	check(strcmp(read_text(PID_MAX), "30001\n") == 0);
	check_eq(try_write(PID_MAX, "072462"), 6);
	check(strcmp(read_text(PID_MAX), "30002\n") == 0);
	check_eq(try_write(PID_MAX, "30003 7\n"), 6);
	check(strcmp(read_text(PID_MAX), "30003\n") == 0);
	put_back(PID_MAX);
}

static void bad_numbers(void)
{
	static const char *const bad[] = {"x",           "12x", "\n", "-1", "300", "4194305",
					  "99999999999", "- 5", "0x", "08", " ",   "--1"};

	keep(PID_MAX);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		check_eq(try_write(PID_MAX, bad[i]), -EINVAL);
	check(strcmp(read_text(PID_MAX), kept) == 0);
}

static void later_writes(void)
{
	int fd = check_call(open(PID_MAX, O_WRONLY));

	keep(PID_MAX);
	check_eq(write(fd, "30000", 0), 0);
	check_eq(pwrite(fd, "400", 3, 1), 3);
	check(strcmp(read_text(PID_MAX), kept) == 0);
	check_eq(write(fd, "30000", 5), 5);
	check_eq(write(fd, "400", 3), 3);
	check(strcmp(read_text(PID_MAX), "30000\n") == 0);
	check_errno(pwrite(fd, KERNEL_ADDRESS, 3, 0), EFAULT);
	put_back(PID_MAX);
}

static void vectors(void)
{
	int values[4];

	keep("/proc/sys/kernel/printk");
	check_eq(sscanf(kept, "%d\t%d\t%d\t%d\n", &values[0], &values[1], &values[2], &values[3]),
		 4);
	check_eq(try_write("/proc/sys/kernel/printk", "5"), 1);
	check_eq(atoi(read_text("/proc/sys/kernel/printk")), 5);
	check_eq(atoi(strchr(proc_text, '\t') + 1), values[1]);
	put_back("/proc/sys/kernel/printk");
	check(strcmp(read_text("/proc/sys/kernel/printk"), kept) == 0);
}

static void constants(void)
{
	check(strcmp(read_text("/proc/sys/kernel/ostype"), "Linux\n") == 0);
	check(strcmp(read_text("/proc/sys/kernel/cap_last_cap"), "40\n") == 0);
	check(strcmp(read_text("/proc/sys/kernel/ngroups_max"), "65536\n") == 0);
	check(strcmp(read_text("/proc/sys/kernel/overflowuid"), "65534\n") == 0);
	check(strcmp(read_text("/proc/sys/kernel/tainted"), "0\n") == 0);
	check(strcmp(read_text("/proc/sys/kernel/randomize_va_space"), "2\n") == 0);
	check(strcmp(read_text("/proc/sys/fs/overflowgid"), "65534\n") == 0);
	check(strcmp(read_text("/proc/sys/kernel/random/poolsize"), "256\n") == 0);
	check_eq(try_write("/proc/sys/kernel/ostype", "x"), -EACCES);
	check_eq(try_write("/proc/sys/kernel/cap_last_cap", "1"), -EACCES);
}

static void names_of_uname(void)
{
	struct utsname uts;
	char line[80];

	check_call(uname(&uts));
	snprintf(line, sizeof(line), "%s\n", uts.release);
	check(strcmp(read_text("/proc/sys/kernel/osrelease"), line) == 0);
	snprintf(line, sizeof(line), "%s\n", uts.version);
	check(strcmp(read_text("/proc/sys/kernel/version"), line) == 0);
	snprintf(line, sizeof(line), "%s\n", uts.nodename);
	check(strcmp(read_text("/proc/sys/kernel/hostname"), line) == 0);
	snprintf(line, sizeof(line), "%s\n", uts.domainname);
	check(strcmp(read_text("/proc/sys/kernel/domainname"), line) == 0);
}

static void host_name(void)
{
	struct utsname uts;
	char longer[101];

	keep("/proc/sys/kernel/hostname");
	check_eq(try_write("/proc/sys/kernel/hostname", "one\ntwo"), 7);
	check_call(uname(&uts));
	check(strcmp(uts.nodename, "one") == 0);
	memset(longer, 'x', 100);
	longer[100] = '\0';
	check_eq(try_write("/proc/sys/kernel/hostname", longer), 100);
	check_eq(strlen(read_text("/proc/sys/kernel/hostname")), 65);
	check_call(sethostname("three", 5));
	check(strcmp(read_text("/proc/sys/kernel/hostname"), "three\n") == 0);
	put_back("/proc/sys/kernel/hostname");
}

static void domain_name(void)
{
	struct utsname uts;
	pid_t pid;

	keep("/proc/sys/kernel/domainname");
	check_eq(raw2(SYS_setdomainname, "example", 7), 0);
	check_call(uname(&uts));
	check(strcmp(uts.domainname, "example") == 0);
	check(strcmp(read_text("/proc/sys/kernel/domainname"), "example\n") == 0);
	check_eq(raw2(SYS_setdomainname, "x", -1), -EINVAL);
	check_eq(raw2(SYS_setdomainname, "x", 65), -EINVAL);
	check_eq(raw2(SYS_setdomainname, KERNEL_ADDRESS, 65), -EINVAL);
	check_eq(raw2(SYS_setdomainname, KERNEL_ADDRESS, 3), -EFAULT);
	pid = tap_fork();
	if (pid == 0) {
		become_user(1000);
		check_eq(raw2(SYS_setdomainname, KERNEL_ADDRESS, 65), -EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
	put_back("/proc/sys/kernel/domainname");
}

static void identifiers(void)
{
	char first[64], second[64], boot[64];

	strcpy(first, read_text("/proc/sys/kernel/random/uuid"));
	strcpy(second, read_text("/proc/sys/kernel/random/uuid"));
	strcpy(boot, read_text("/proc/sys/kernel/random/boot_id"));
	check(strlen(first) == 37 && first[8] == '-' && first[13] == '-' && first[14] == '4');
	check(strchr("89ab", first[19]) != NULL && first[18] == '-' && first[23] == '-');
	check(strcmp(first, second) != 0);
	check(strlen(boot) == 37);
	check(strcmp(read_text("/proc/sys/kernel/random/boot_id"), boot) == 0);
}

static void open_file_limit(void)
{
	struct rlimit limit = {1024, 4096}, larger = {1024, 1048577};

	keep("/proc/sys/fs/nr_open");
	check_errno(setrlimit(RLIMIT_NOFILE, &larger), EPERM);
	check_eq(try_write("/proc/sys/fs/nr_open", "1048640"), 7);
	check_call(setrlimit(RLIMIT_NOFILE, &larger));
	check_call(setrlimit(RLIMIT_NOFILE, &limit));
	check_eq(try_write("/proc/sys/fs/nr_open", "63"), -EINVAL);
	put_back("/proc/sys/fs/nr_open");
}

static void mapping_limit(void)
{
	char *memory = mmap(NULL, 64 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int error = 0;

	check(memory != MAP_FAILED);
	keep("/proc/sys/vm/max_map_count");
	check_eq(try_write("/proc/sys/vm/max_map_count", "20"), 2);
	for (int i = 0; i < 64 && !error; i += 2)
		if (mprotect(memory + i * 4096, 4096, PROT_NONE) != 0)
			error = errno;
	put_back("/proc/sys/vm/max_map_count");
	check_eq(error, ENOMEM);
	check_call(mprotect(memory + 63 * 4096, 4096, PROT_NONE));
}

static void pipe_limit(void)
{
	int ends[2];
	pid_t pid;

	make_pipe(ends);
	keep("/proc/sys/fs/pipe-max-size");
	check_eq(try_write("/proc/sys/fs/pipe-max-size", "131073"), 6);
	check(strcmp(read_text("/proc/sys/fs/pipe-max-size"), "262144\n") == 0);
	pid = tap_fork();
	if (pid == 0) {
		become_user(1000);
		check_call(fcntl(ends[0], F_SETPIPE_SZ, 262144));
		check_errno(fcntl(ends[0], F_SETPIPE_SZ, 262145), EPERM);
		_exit(0);
	}
	check_exits(pid, 0);
	put_back("/proc/sys/fs/pipe-max-size");
}

static void files_in_use(void)
{
	long used, unused, limit;

	check_eq(sscanf(read_text("/proc/sys/fs/file-nr"), "%ld\t%ld\t%ld\n", &used, &unused,
			&limit),
		 3);
	check(used >= 0 && unused == 0 && limit > 0);
	check_eq(strtol(read_text("/proc/sys/fs/file-max"), NULL, 10), limit);
}

static void rights(void)
{
	struct stat st;
	pid_t pid;

	check_call(stat("/proc/sys/kernel/pid_max", &st));
	check_eq(st.st_mode, S_IFREG | 0644);
	check_call(stat("/proc/sys/vm/drop_caches", &st));
	check_eq(st.st_mode, S_IFREG | 0200);
	check_call(stat("/proc/sys/kernel", &st));
	check_eq(st.st_mode, S_IFDIR | 0555);
	check_eq(try_read("/proc/sys/vm/drop_caches", kept, 10), -EACCES);
	check_eq(try_write("/proc/sys/vm/drop_caches", "5"), -EINVAL);
	check_eq(try_write("/proc/sys/vm/drop_caches", "3"), 1);
	pid = tap_fork();
	if (pid == 0) {
		become_user(1000);
		check_eq(try_write(PID_MAX, "30000"), -EACCES);
		check_eq(try_write("/proc/sys/vm/drop_caches", "3"), -EACCES);
		check(strlen(read_text(PID_MAX)) > 1);
		_exit(0);
	}
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(numbers, "numbers are decimal, octal or hexadecimal; what follows is left over"),
	TEST(bad_numbers, "what is no number or out of bounds is EINVAL and changes nothing"),
	TEST(later_writes, "only a write at the beginning counts"),
	TEST(vectors, "of several numbers the first alone can be set"),
	TEST(constants, "constants are right, and not even root may write them"),
	TEST(names_of_uname, "release, version, host and domain are uname's"),
	TEST(host_name, "a host name ends at a newline and is cut"),
	TEST(domain_name, "setdomainname, its errors and its file"),
	TEST(identifiers, "uuid is another one each time, boot_id the same"),
	TEST(open_file_limit, "fs.nr_open bounds RLIMIT_NOFILE"),
	TEST(mapping_limit, "vm.max_map_count bounds mappings"),
	TEST(pipe_limit, "fs.pipe-max-size is rounded up, and binds the unprivileged"),
	TEST(files_in_use, "file-nr and file-max"),
	TEST(rights, "modes say who may read and write, and bind root"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
