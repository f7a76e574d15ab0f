/*
 * fallocate, and the holes of files in memory: reserving, punching, seeking for data, and what
 * mappings see of it.
 */
#include "helpers.h"

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>

enum { PAGE = 4096, PAGES = 8, SIZE = PAGES * PAGE };
enum { PUNCH = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE };

static int new_file(void)
{
	return check_call(memfd_create("test", 0));
}

/* A file of SIZE bytes, all of them 7. */
static int full_file(void)
{
	static char bytes[SIZE];
	int fd = new_file();

	memset(bytes, 7, sizeof(bytes));
	check_eq(write(fd, bytes, SIZE), SIZE);
	return fd;
}

static long pages_of(int fd)
{
	struct stat stat;

	check_call(fstat(fd, &stat));
	return stat.st_blocks * 512 / PAGE;
}

static long size_of(int fd)
{
	return check_call(lseek(fd, 0, SEEK_END));
}

static int byte_at(int fd, long offset)
{
	char byte = -1;

	check_eq(pread(fd, &byte, 1, offset), 1);
	return byte;
}

static void arguments(void)
{
	static const int unsupported[] = {2, 4, 6, 8, 16, 0x11, 0x12, 0x13, 0x20, 0x40, 0x80};
	int fd = new_file();

	check_errno(fallocate(-1, 0, 0, 0), EBADF);
	check_errno(fallocate(fd, 0, 0, 0), EINVAL);
	check_errno(fallocate(fd, 0, -1, 1), EINVAL);
	check_errno(fallocate(fd, 0, 0, -1), EINVAL);
	check_errno(fallocate(fd, 4, 0, 0), EINVAL);
	for (size_t i = 0; i < TAP_COUNT(unsupported); i++)
		check_errno(fallocate(fd, unsupported[i], 0, PAGE), EOPNOTSUPP);
	check_errno(fallocate(fd, 0x28, 0, PAGE), EINVAL);
	check_errno(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
	check_errno(fallocate(fd, 0, INT64_MAX - PAGE + 1, PAGE), EFBIG);
	check_eq(pages_of(fd), 0);
}

static void kinds_of_files(void)
{
	int ends[2], dir = check_call(open("/", O_RDONLY | O_DIRECTORY));
	int null = check_call(open("/dev/null", O_RDWR));

	make_pipe(ends);
	check_errno(fallocate(ends[0], 0, 0, 1), EBADF);
	check_errno(fallocate(ends[1], 0, 0, 1), ESPIPE);
	check_errno(fallocate(ends[1], 0, 0, 0), EINVAL);
	check_errno(fallocate(ends[1], 4, 0, 1), EOPNOTSUPP);
	check_errno(fallocate(dir, 0, 0, 1), EBADF);
	check_errno(fallocate(null, 0, 0, 1), ENODEV);
}

static void reserving(void)
{
	int fd = new_file();

	check_call(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 * PAGE + 1));
	check_eq(size_of(fd), 0);
	check_eq(pages_of(fd), 3);
	check_call(fallocate(fd, 0, 0, 2 * PAGE + 1));
	check_eq(size_of(fd), 2 * PAGE + 1);
	check_eq(pages_of(fd), 3);
	check_eq(byte_at(fd, PAGE), 0);
	check_call(fallocate(fd, 0, 0, 1)); /* never makes a file shorter */
	check_eq(size_of(fd), 2 * PAGE + 1);
}

static void reserving_keeps_what_is_there(void)
{
	int fd = full_file();

	check_call(fallocate(fd, 0, 0, SIZE + PAGE));
	check_eq(byte_at(fd, 0), 7);
	check_eq(byte_at(fd, SIZE), 0);
	check_eq(pages_of(fd), PAGES + 1);
}

static void punching(void)
{
	int fd = full_file();

	check_call(fallocate(fd, PUNCH, 100, 2 * PAGE));
	check_eq(byte_at(fd, 99), 7);
	check_eq(byte_at(fd, 100), 0);
	check_eq(byte_at(fd, 2 * PAGE + 99), 0);
	check_eq(byte_at(fd, 2 * PAGE + 100), 7);
	check_eq(pages_of(fd), PAGES - 1);
	check_call(fallocate(fd, PUNCH, 5 * PAGE + 10, 10));
	check_eq(byte_at(fd, 5 * PAGE + 9), 7);
	check_eq(byte_at(fd, 5 * PAGE + 10), 0);
	check_eq(byte_at(fd, 5 * PAGE + 19), 0);
	check_eq(byte_at(fd, 5 * PAGE + 20), 7);
	check_call(fallocate(fd, PUNCH, 0, 1l << 40));
	check_eq(pages_of(fd), 0);
	check_eq(size_of(fd), SIZE);
}

static void seeking(void)
{
	int fd = new_file();

	check_call(ftruncate(fd, SIZE));
	check_eq(pwrite(fd, "x", 1, 2 * PAGE), 1);
	check_eq(lseek(fd, 0, SEEK_DATA), 2 * PAGE);
	check_eq(lseek(fd, 0, SEEK_HOLE), 0);
	check_eq(lseek(fd, 2 * PAGE + 5, SEEK_DATA), 2 * PAGE + 5);
	check_eq(lseek(fd, 2 * PAGE, SEEK_HOLE), 3 * PAGE);
	check_errno(lseek(fd, 3 * PAGE, SEEK_DATA), ENXIO);
	check_errno(lseek(fd, SIZE, SEEK_HOLE), ENXIO);
	check_errno(lseek(fd, -1, SEEK_DATA), ENXIO);
	check_eq(lseek(full_file(), 5, SEEK_HOLE), SIZE);
}

static void what_is_reserved_is_a_hole_until_it_is_written(void)
{
	int fd = new_file();

	check_call(fallocate(fd, 0, 0, SIZE));
	check_errno(lseek(fd, 0, SEEK_DATA), ENXIO);
	check_eq(lseek(fd, PAGE, SEEK_HOLE), PAGE);
	check_eq(pwrite(fd, "x", 1, 3 * PAGE), 1);
	check_eq(lseek(fd, 0, SEEK_DATA), 3 * PAGE);
	check_eq(lseek(fd, 3 * PAGE, SEEK_HOLE), 4 * PAGE);
}

static void mappings_see_the_hole(void)
{
	int fd = full_file();
	char *shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *copy = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	check(shared != MAP_FAILED && copy != MAP_FAILED);
	check_eq(shared[0] + shared[PAGE], 14);
	check_eq(copy[0] + copy[PAGE], 14);
	copy[0] = 9;
	check_call(fallocate(fd, PUNCH, 0, 2 * PAGE));
	check_eq(shared[0] + shared[PAGE], 0);
	check_eq(copy[0], 9); /* its own by now */
	check_eq(copy[PAGE], 0);
	shared[PAGE] = 3;
	check_eq(byte_at(fd, PAGE), 3);
	check_eq(copy[PAGE], 3);
	check_eq(copy[2 * PAGE], 7);
}

static void a_childs_mapping_sees_the_hole(void)
{
	int fd = full_file(), there[2], back[2];
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid_t pid;

	make_pipe(there);
	make_pipe(back);
	check_eq(memory[PAGE], 7);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(memory[PAGE], 7);
		give_byte(back[1], 1);
		take_byte(there[0]);
		check_eq(memory[PAGE], 0);
		_exit(0);
	}
	take_byte(back[0]);
	check_call(fallocate(fd, PUNCH, 0, SIZE));
	give_byte(there[1], 1);
	check_exits(pid, 0);
}

static void madvise_remove(void)
{
	int fd = full_file();
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	check_call(madvise(memory + PAGE, 2 * PAGE, MADV_REMOVE));
	check_eq(byte_at(fd, PAGE - 1), 7);
	check_eq(byte_at(fd, PAGE), 0);
	check_eq(byte_at(fd, 3 * PAGE), 7);
	check_eq(memory[PAGE], 0);
	check_eq(pages_of(fd), PAGES - 1 /* read of a hole by a mapping */);
	check_errno(madvise(memory + 1, 1, MADV_REMOVE), EINVAL);
	check_call(mprotect(memory, SIZE, PROT_READ));
	check_call(madvise(memory, PAGE, MADV_REMOVE));
	check_eq(byte_at(fd, 0), 0);
	check_call(munmap(memory + 4 * PAGE, PAGE));
	check_errno(madvise(memory + 3 * PAGE, 3 * PAGE, MADV_REMOVE), ENOMEM);
	check_eq(byte_at(fd, 3 * PAGE), 0);
	check_eq(byte_at(fd, 4 * PAGE), 7);
	check_eq(byte_at(fd, 5 * PAGE), 0);
}

static void madvise_remove_is_not_for_all(void)
{
	int fd = full_file();
	char *copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *anonymous =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[64], *reader;

	check_errno(madvise(copy, PAGE, MADV_REMOVE), EACCES);
	check_errno(madvise(anonymous, PAGE, MADV_REMOVE), EINVAL);
	shared[0] = 1;
	check_call(madvise(shared, PAGE, MADV_REMOVE));
	check_eq(shared[0], 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, check_call(open(path, O_RDONLY)), 0);
	check_errno(madvise(reader, PAGE, MADV_REMOVE), EACCES);
	check_eq(byte_at(fd, 0), 7);
}

static void the_largest_file_is_obeyed(void)
{
	struct rlimit limit = {PAGE, PAGE};
	int fd = new_file();

	signal(SIGXFSZ, SIG_IGN);
	check_call(setrlimit(RLIMIT_FSIZE, &limit));
	check_errno(fallocate(fd, 0, 0, 2 * PAGE), EFBIG);
	check_errno(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 * PAGE), EFBIG);
	check_call(fallocate(fd, 0, 0, PAGE));
	check_eq(pages_of(fd), 1);
	signal(SIGXFSZ, SIG_DFL);
}

static void more_than_there_is(void)
{
	int fd;

	check_call(mkdir("/tmp/small", 0700));
	check_call(mount("none", "/tmp/small", "tmpfs", 0, "size=40k"));
	fd = check_call(open("/tmp/small/file", O_CREAT | O_RDWR, 0600));
	check_eq(pwrite(fd, "x", 1, 3 * PAGE), 1);
	check_errno(fallocate(fd, 0, 0, 1l << 50), ENOSPC);
	check_eq(pages_of(fd), 1);
	check_errno(fallocate(fd, 0, 4 * PAGE, 10 * PAGE), ENOSPC);
	check_eq(pages_of(fd), 1);
	check_eq(size_of(fd), 3 * PAGE + 1);
	check_call(fallocate(fd, 0, 0, 10 * PAGE));
	check_eq(pages_of(fd), 10);
	check_errno(pwrite(fd, "x", 1, 10 * PAGE), ENOSPC);
	close(fd);
	check_call(umount("/tmp/small"));
	check_call(rmdir("/tmp/small"));
}

enum { ROUNDS = 300 };

/* One process punches, others write and read through mappings and calls: nobody sees anything else
 * than zeroes and sevens. */
static void punching_races_with_use(void)
{
	int fd = full_file();
	volatile char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	volatile int *stop = tap_shared(PAGE);
	pid_t pids[3];

	for (int i = 0; i < 3; i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			for (int n = 0; !get(stop); n++) {
				int at = n * 997 % SIZE, seen = i ? byte_at(fd, at) : memory[at];

				check(seen == 0 || seen == 7);
				if (i == 2)
					check_eq(pwrite(fd, "\7", 1, at), 1);
				else
					memory[at] = 7;
			}
			_exit(0);
		}
	}
	for (int n = 0; n < ROUNDS; n++)
		check_call(fallocate(fd, n % 3 ? PUNCH : 0, n % PAGES * PAGE, 3 * PAGE));
	set(stop, 1);
	for (int i = 0; i < 3; i++)
		check_exits(pids[i], 0);
	check_call(ftruncate(fd, SIZE));
	check_call(fallocate(fd, PUNCH, 0, SIZE));
	for (int i = 0; i < SIZE; i += PAGE / 2)
		check_eq(memory[i], 0);
}

static const struct test_case cases[] = {
	TEST(arguments, "fallocate: arguments and modes"),
	TEST(kinds_of_files, "fallocate: what is not a regular file"),
	TEST(reserving, "fallocate: reserving, with and without a longer file"),
	TEST(reserving_keeps_what_is_there, "fallocate: reserving keeps what is there"),
	TEST(punching, "fallocate: punching: whole pages go, parts are zeroed"),
	TEST(seeking, "fallocate: SEEK_DATA and SEEK_HOLE"),
	TEST(what_is_reserved_is_a_hole_until_it_is_written,
	     "fallocate: what is reserved is a hole until it is written"),
	TEST(mappings_see_the_hole, "fallocate: mappings see the hole, copies stay"),
	TEST(a_childs_mapping_sees_the_hole, "fallocate: a child's mapping sees the hole"),
	TEST(madvise_remove, "fallocate: MADV_REMOVE punches"),
	TEST(madvise_remove_is_not_for_all, "fallocate: MADV_REMOVE: which mappings"),
	TEST(the_largest_file_is_obeyed, "fallocate: RLIMIT_FSIZE"),
	TEST(more_than_there_is, "fallocate: more than memory is ENOSPC and leaves nothing"),
	TEST(punching_races_with_use, "fallocate: punching while others read and write"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
