/*
 * memfd_create: files in memory without a name, and the seals that take away what may be done to
 * them.
 */
#include "helpers.h"

#include <sys/mman.h>
#include <sys/uio.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

enum { PAGE = 4096, SIZE = 2 * PAGE };

static char page[SIZE];

static int new_memfd(unsigned int flags)
{
	return check_call(memfd_create("test", flags));
}

/* Two pages long, with these seals. */
static int sealed(int seals)
{
	int fd = new_memfd(MFD_ALLOW_SEALING);

	check_call(ftruncate(fd, SIZE));
	check_call(fcntl(fd, F_ADD_SEALS, seals));
	return fd;
}

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return check_call(open(path, flags));
}

static char *map(int fd, int prot, int flags)
{
	return mmap(NULL, PAGE, prot, flags, fd, 0);
}

static void names_and_flags(void)
{
	char name[300], link[300] = "";
	int fd;

	memset(name, 'a', sizeof(name));
	name[250] = '\0';
	check_errno(memfd_create(name, 0), EINVAL);
	name[249] = '\0';
	fd = check_call(memfd_create(name, MFD_CLOEXEC));
	check_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	check_errno(memfd_create(UNMAPPED_ADDRESS, 0), EFAULT);
	check_errno(memfd_create(UNMAPPED_ADDRESS, 8), EINVAL);
	check_errno(memfd_create("x", 21u << 26), EINVAL);
	fd = new_memfd(0);
	check_eq(fcntl(fd, F_GETFD), 0);
	check_eq(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	check_call(readlink(name, link, sizeof(link) - 1));
	check(strcmp(link, "/memfd:test (deleted)") == 0);
}

static void it_is_a_file(void)
{
	int fd = new_memfd(0);
	struct stat stat;
	char *memory;

	check_eq(write(fd, "hello", 5), 5);
	check_eq(lseek(fd, 0, SEEK_CUR), 5);
	check_eq(pread(fd, page, 10, 1), 4);
	check_call(fstat(fd, &stat));
	check_eq(stat.st_mode, S_IFREG | 0777);
	check_eq(stat.st_nlink, 0);
	check_eq(stat.st_size, 5);
	memory = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	memory[0] = 'j';
	check_eq(pread(fd, page, 5, 0), 5);
	check_eq(memcmp(page, "jello", 5), 0);
}

static void who_may_seal(void)
{
	int fd = new_memfd(0), ends[2], plain;

	check_eq(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	check_errno(fcntl(fd, F_ADD_SEALS, 0), EPERM);
	plain = check_call(open("/tmp", O_TMPFILE | O_RDWR, 0600));
	check_call(fcntl(plain, F_GET_SEALS));
	make_pipe(ends);
	check_errno(fcntl(ends[0], F_GET_SEALS), EINVAL);
	check_errno(fcntl(ends[1], F_ADD_SEALS, 0), EINVAL);
	fd = sealed(0);
	check_eq(fcntl(fd, F_GET_SEALS), 0);
	check_errno(fcntl(fd, F_ADD_SEALS, 0x20), EINVAL);
	check_errno(fcntl(reopen(fd, O_RDONLY), F_ADD_SEALS, 0x100), EPERM);
	check_call(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	check_call(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL));
	check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	check_eq(fcntl(reopen(fd, O_RDONLY), F_GET_SEALS),
		 F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
}

static void seal_shrink(void)
{
	int fd = sealed(F_SEAL_SHRINK);

	check_errno(ftruncate(fd, PAGE), EPERM);
	check_call(ftruncate(fd, SIZE));
	check_call(ftruncate(fd, SIZE + PAGE));
	check_call(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
}

static void seal_grow(void)
{
	int fd = sealed(F_SEAL_GROW);

	check_errno(ftruncate(fd, SIZE + 1), EPERM);
	check_errno(pwrite(fd, page, 1, SIZE), EPERM);
	check_eq(pwrite(fd, page, SIZE, PAGE), PAGE);
	check_eq(pwrite(fd, page, 10, SIZE - 2), 2);
	check_call(fallocate(fd, 0, 0, SIZE));
	check_errno(fallocate(fd, 0, 0, SIZE + 1), EPERM);
	check_errno(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, SIZE + 1), EPERM);
	check_call(ftruncate(fd, 100));
	check_errno(pwrite(fd, page, 10, 95), EPERM); /* not in part within a page */
	check_eq(pwrite(fd, page, 5, 95), 5);
}

static void seal_write(void)
{
	int fd = sealed(F_SEAL_WRITE);
	struct iovec iov = {page, 1};
	char *memory;

	check_errno(pwrite(fd, page, 1, 0), EPERM);
	check_errno(pwritev(fd, &iov, 1, 0), EPERM);
	check_eq(write(fd, page, 0), 0);
	check(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED && errno == EPERM);
	memory = map(fd, PROT_READ, MAP_SHARED);
	check(memory != MAP_FAILED);
	check_errno(mprotect(memory, PAGE, PROT_READ | PROT_WRITE), EACCES);
	memory = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	check(memory != MAP_FAILED);
	memory[0] = 1;
	check_errno(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	check_call(fallocate(fd, 0, 0, SIZE + PAGE));
	check_call(ftruncate(fd, PAGE));
}

static void seal_write_waits_for_no_mapping(void)
{
	int fd = sealed(0), reader;
	char *memory = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW), EBUSY);
	check_eq(fcntl(fd, F_GET_SEALS), 0);
	check_eq(pwrite(fd, page, 1, 0), 1);
	check_call(mprotect(memory, PAGE, PROT_READ));
	check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	check_call(munmap(memory, PAGE));
	memory = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	memory[0] = 1;
	reader = reopen(fd, O_RDONLY);
	check(map(reader, PROT_READ, MAP_SHARED) != MAP_FAILED);
	check_call(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	check_errno(pwrite(fd, page, 1, 0), EPERM);
}

static void a_childs_mapping_counts(void)
{
	int fd = sealed(0), gate[2];
	char *memory = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	pid_t pid;

	make_pipe(gate);
	pid = tap_fork();
	if (pid == 0) {
		take_byte(gate[0]);
		_exit(0);
	}
	check_call(munmap(memory, PAGE));
	check_errno(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	give_byte(gate[1], 1);
	check_exits(pid, 0);
	check_call(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

static void seal_future_write(void)
{
	int fd = sealed(0);
	char *memory = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED), *other;

	check_call(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	memory[0] = 5;
	check_eq(pread(fd, page, 1, 0), 1);
	check_eq(page[0], 5);
	check_errno(pwrite(fd, page, 1, 0), EPERM);
	check(map(fd, PROT_READ | PROT_WRITE, MAP_SHARED) == MAP_FAILED && errno == EPERM);
	other = map(fd, PROT_READ, MAP_SHARED);
	check(other != MAP_FAILED);
	check_errno(mprotect(other, PAGE, PROT_READ | PROT_WRITE), EACCES);
	check_errno(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	check_errno(madvise(memory, PAGE, MADV_REMOVE), EPERM);
	check_call(ftruncate(fd, PAGE));
}

enum { ROUNDS = 200 };

/* Whoever maps and whoever seals at the same time: never both. */
static void mapping_races_with_sealing(void)
{
	volatile int *turn = tap_shared(PAGE);

	for (int i = 1; i <= ROUNDS; i++) {
		int fd = new_memfd(MFD_ALLOW_SEALING), sealed_it;
		pid_t pid;

		check_call(ftruncate(fd, SIZE));
		set(turn, 0);
		pid = tap_fork();
		if (pid == 0) {
			char *memory;

			set(turn, 1);
			memory = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
			set(turn, 2);
			while (get(turn) == 2)
				sched_yield();
			_exit(memory != MAP_FAILED);
		}
		tap_await(turn, 1);
		sealed_it = fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0;
		tap_await(turn, 2);
		set(turn, 3);
		check_exits(pid, !sealed_it);
		close(fd);
	}
}

static const struct test_case cases[] = {
	TEST(names_and_flags, "memfd: names and flags"),
	TEST(it_is_a_file, "memfd: it is read, written and mapped like a file"),
	TEST(who_may_seal, "memfd: which files can be sealed, and by whom"),
	TEST(seal_shrink, "memfd: F_SEAL_SHRINK"),
	TEST(seal_grow, "memfd: F_SEAL_GROW"),
	TEST(seal_write, "memfd: F_SEAL_WRITE"),
	TEST(seal_write_waits_for_no_mapping,
	     "memfd: F_SEAL_WRITE is EBUSY while a mapping may write"),
	TEST(a_childs_mapping_counts,
	     "memfd: F_SEAL_WRITE is EBUSY while a child's mapping may write"),
	TEST(seal_future_write, "memfd: F_SEAL_FUTURE_WRITE leaves old mappings writable"),
	TEST(mapping_races_with_sealing, "memfd: of mapping and sealing at once one comes first"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
