/*
 * Memory that one thread changes while another is using it: what a mapping denies stays denied
 * while a debugger writes there, and what is written after a hole was seen in a file stays.
 */
#include "helpers.h"
#include "linux.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <sys/mount.h>

#define PAGE   4096UL
#define ROUNDS 1500
#define FIRST  1
#define SECOND 7

static struct thread thread;
static volatile int done;

static char *map_pages(int protection, int flags, size_t n, int fd)
{
	char *at = mmap(NULL, n * PAGE, protection, flags, fd, 0);

	check(at != MAP_FAILED);
	return at;
}

/* ---- what a mapping denies ---- */

/* /proc/self/mem goes past what the mapping allows. */
struct poke {
	char *at;
	long call;
};

static int poke(void *argument)
{
	const struct poke *p = argument;
	long fd = raw3(SYS_open, "/proc/self/mem", O_RDWR, 0), n = fd;
	char byte = FIRST;

	for (int i = 0; i < ROUNDS && n >= 0; i++)
		n = raw4(p->call, fd, &byte, 1, p->at);
	raw1(SYS_close, fd);
	set(&done, n == 1 ? 1 : -1);
	return 0;
}

static sigjmp_buf after_fault;

static void note_fault(int signal)
{
	siglongjmp(after_fault, signal);
}

static int faults(volatile char *at, int write)
{
	if (sigsetjmp(after_fault, 1))
		return 1;
	if (write)
		*at = SECOND;
	else
		(void)*at;
	return 0;
}

/* Any access faults while the other thread does what it may. */
static void denied_while(long call, int write, int protection)
{
	char *page = map_pages(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 1, -1);
	struct poke p = {page + 8, call};

	signal(SIGSEGV, note_fault);
	page[0] = page[8] = FIRST;
	check_call(mprotect(page, PAGE, protection));
	thread_start(&thread, poke, &p);
	while (!get(&done))
		check(faults(page, write));
	thread_join(&thread);
	check_eq(done, 1);
	check(faults(page, write));
	check_call(mprotect(page, PAGE, PROT_READ));
	check_eq(page[0], FIRST);
}

static void no_write_beside_a_poke(void)
{
	denied_while(SYS_pwrite64, 1, PROT_READ);
}

static void no_read_beside_a_poke(void)
{
	denied_while(SYS_pwrite64, 0, PROT_NONE);
}

static void no_read_beside_a_peek(void)
{
	denied_while(SYS_pread64, 0, PROT_NONE);
}

/* ---- holes ---- */

static volatile int round_begun;
static int file;

static int punch(void *unused)
{
	for (int i = 1; i <= ROUNDS; i++) {
		while (get(&round_begun) < i)
			raw0(SYS_sched_yield);
		if (raw4(SYS_fallocate, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE))
			return 1;
		set(&done, i);
	}
	return 0;
}

static char file_byte(void)
{
	char byte = -1;

	check_eq(pread(file, &byte, 1, 0), 1);
	return byte;
}

/* Once the hole is there, nothing that is written goes with it. */
static void write_behind_a_hole(int sharing)
{
	char byte = FIRST, *view;

	file = check_call(memfd_create("hole", 0));
	check_call(ftruncate(file, PAGE));
	view = map_pages(PROT_READ | PROT_WRITE, sharing, 1, file);
	thread_start(&thread, punch, NULL);
	for (int i = 1; i <= ROUNDS; i++) {
		check_call(madvise(view, PAGE, MADV_DONTNEED));
		check_eq(pwrite(file, &byte, 1, 0), 1);
		check_eq(view[0], FIRST);
		set(&round_begun, i);
		while (file_byte() == FIRST)
			if (get(&done) < i)
				sched_yield();
		*(volatile char *)view = SECOND;
		while (get(&done) < i)
			sched_yield();
		check_eq(*(volatile char *)view, SECOND);
		check_eq(file_byte(), sharing == MAP_SHARED ? SECOND : 0);
	}
	thread_join(&thread);
	check_call(munmap(view, PAGE));
	check_call(close(file));
}

static void shared_write_behind_a_hole(void)
{
	write_behind_a_hole(MAP_SHARED);
}

static void private_write_behind_a_hole(void)
{
	write_behind_a_hole(MAP_PRIVATE);
}

/* ---- memory that cannot be reserved ---- */

#define FILE_PAGES 256

static char *pages, written[FILE_PAGES];

/* Writes to the pages as the kernel does, which says what a touch would be killed for. */
static int touch_pages(void *argument)
{
	const int *source = argument;

	for (int i = 0; !get(&done); i = (i + 1) % FILE_PAGES)
		if (raw4(SYS_pread64, *source, pages + (size_t)i * PAGE, 1, 0) == 1)
			written[i] = 1;
	return 0;
}

static void check_pages(int fd)
{
	char byte;

	for (int i = 0; i < FILE_PAGES; i++) {
		check_eq(pread(fd, &byte, 1, (off_t)i * (off_t)PAGE), 1);
		check_eq(byte, written[i] ? SECOND : 0);
		check_eq(written[i] ? pages[(size_t)i * PAGE] : 0, byte);
		written[i] = 0;
	}
}

static void failed_reservation(void)
{
	char byte = SECOND;
	int source = check_call(memfd_create("source", 0)), fd;

	check_eq(pwrite(source, &byte, 1, 0), 1);
	go_home();
	check_call(mkdir("fs", 0700));
	check_call(mount("test", "fs", "tmpfs", 0, "size=1m"));
	write_file("fs/other", "x", 1, 0600);
	fd = check_call(open("fs/file", O_RDWR | O_CREAT, 0600));
	for (int i = 0; i < 30; i++) {
		check_call(ftruncate(fd, FILE_PAGES * PAGE));
		pages = map_pages(PROT_READ | PROT_WRITE, MAP_SHARED, FILE_PAGES, fd);
		set(&done, 0);
		thread_start(&thread, touch_pages, &source);
		check_errno(fallocate(fd, 0, 0, FILE_PAGES * PAGE), ENOSPC);
		set(&done, 1);
		thread_join(&thread);
		check_pages(fd);
		check_call(munmap(pages, FILE_PAGES * PAGE));
		check_call(ftruncate(fd, 0));
	}
	check_call(close(fd));
	check_call(umount("fs"));
	check_call(rmdir("fs"));
	leave_home();
}

static const struct test_case cases[] = {
	TEST(no_write_beside_a_poke,
	     "a page that may not be written to faults while another thread writes to it by "
	     "/proc/self/mem"),
	TEST(no_read_beside_a_poke,
	     "a page that may not be read faults while another thread writes to it by "
	     "/proc/self/mem"),
	TEST(no_read_beside_a_peek,
	     "a page that may not be read faults while another thread reads it by /proc/self/mem"),
	TEST(shared_write_behind_a_hole,
	     "what a shared mapping writes once a hole is seen in the file stays"),
	TEST(private_write_behind_a_hole,
	     "what a private mapping writes once a hole is seen in the file stays"),
	TEST(failed_reservation,
	     "a page that is written to while fallocate runs out of space stays in the file"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
