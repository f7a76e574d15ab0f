/* mmap: what it makes, what it refuses, and what an access outside its rights brings. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)
#define ANONYMOUS  (MAP_PRIVATE | MAP_ANONYMOUS)

static void anonymous_memory_is_zero(void)
{
	char *memory = map_private(64 * PAGE);

	check(holds(memory, 64 * PAGE, 0));
	memset(memory, 1, 64 * PAGE);
	check_call(munmap(memory, 64 * PAGE));
	memory = map_private(64 * PAGE);
	check(holds(memory, 64 * PAGE, 0));
}

static void length_is_rounded_up(void)
{
	char *memory = map_between_holes(PAGE);

	check_call(munmap(memory, PAGE));
	check(map(memory, 1, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0) == memory);
	memory[PAGE - 1] = 1;
	check_dies(read_byte, memory + PAGE, SIGSEGV);
}

static void hint_is_taken_if_free(void)
{
	char *taken = map_private_at(NOWHERE, PAGE);
	char *memory = map(NOWHERE + TABLE, PAGE, READ_WRITE, ANONYMOUS, -1, 0);

	check(memory == NOWHERE + TABLE);
	memory = map(NOWHERE + 4 * TABLE + 5, PAGE, READ_WRITE, ANONYMOUS, -1, 0);
	check(memory == NOWHERE + 4 * TABLE || memory == NOWHERE + 4 * TABLE + PAGE);
	memory = map(taken, PAGE, READ_WRITE, ANONYMOUS, -1, 0);
	check(memory != taken);
}

static void fixed_replaces(void)
{
	char *memory = map_private(3 * PAGE);

	memset(memory, 'a', 3 * PAGE);
	check(map(memory + PAGE, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0) == memory + PAGE);
	check(holds(memory, PAGE, 'a'));
	check(holds(memory + PAGE, PAGE, 0));
	check(holds(memory + 2 * PAGE, PAGE, 'a'));
	check_dies(write_byte, memory + PAGE, SIGSEGV);
}

static void fixed_noreplace_refuses(void)
{
	char *memory = map_private(3 * PAGE);
	int flags = ANONYMOUS | MAP_FIXED_NOREPLACE;

	memory[PAGE] = 'a';
	check_call(munmap(memory + 2 * PAGE, PAGE));
	check_errno((long)mmap(memory + PAGE, PAGE, READ_WRITE, flags, -1, 0), EEXIST);
	check_errno((long)mmap(memory + PAGE, 2 * PAGE, READ_WRITE, flags, -1, 0), EEXIST);
	check_eq(memory[PAGE], 'a');
	check(mmap(memory + 2 * PAGE, PAGE, READ_WRITE, flags, -1, 0) == memory + 2 * PAGE);
}

static void bad_arguments_are_refused(void)
{
	int fd = make_file(PAGE, 'f');

	check_errno((long)mmap(NULL, 0, READ_WRITE, ANONYMOUS, -1, 0), EINVAL);
	check_errno((long)mmap(NULL, PAGE, READ_WRITE, MAP_ANONYMOUS, -1, 0), EINVAL);
	check_errno((long)mmap(NOWHERE + 1, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0),
		    EINVAL);
	check_eq(raw6(SYS_mmap, 0, PAGE, READ_WRITE, MAP_PRIVATE, fd, 1), -EINVAL);
	check_eq(raw6(SYS_mmap, 0, PAGE, READ_WRITE, MAP_PRIVATE, fd, 100), -EINVAL);
	check_errno((long)mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE, -1, 0), EBADF);
	check_errno((long)mmap(NULL, PAGE, READ_WRITE, MAP_PRIVATE, 200, 0), EBADF);
}

static void what_cannot_fit_is_refused(void)
{
	check_eq(raw6(SYS_mmap, 0, 1UL << 60, READ_WRITE, ANONYMOUS | MAP_NORESERVE, -1, 0),
		 -ENOMEM);
	check_eq(raw6(SYS_mmap, 0, ~0UL, READ_WRITE, ANONYMOUS | MAP_NORESERVE, -1, 0), -ENOMEM);
	check_eq(raw6(SYS_mmap, 0, 0UL - PAGE, READ_WRITE, ANONYMOUS | MAP_NORESERVE, -1, 0),
		 -ENOMEM);
	check_eq(raw6(SYS_mmap, NOT_CANONICAL, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0),
		 -ENOMEM);
	check_eq(raw6(SYS_mmap, 0xffff800000000000, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0),
		 -ENOMEM);
	check_eq(raw6(SYS_mmap, 0UL - PAGE, PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0),
		 -ENOMEM);
	check_eq(raw6(SYS_mmap, 0UL - PAGE, 2 * PAGE, READ_WRITE, ANONYMOUS | MAP_FIXED, -1, 0),
		 -ENOMEM);
}

static void file_access_limits_the_mapping(void)
{
	char name[32];
	int readable, writable;

	snprintf(name, sizeof(name), "/tmp/tine-mmap-%d", (int)getpid());
	writable = check_call(open(name, O_WRONLY | O_CREAT | O_EXCL, 0600));
	readable = check_call(open(name, O_RDONLY));
	check_call(unlink(name));
	check_errno((long)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writable, 0), EACCES);
	check_errno((long)mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, writable, 0), EACCES);
	check_errno((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writable, 0), EACCES);
	check_errno((long)mmap(NULL, PAGE, READ_WRITE, MAP_SHARED, readable, 0), EACCES);
	map(NULL, PAGE, PROT_READ, MAP_SHARED, readable, 0);
	map(NULL, PAGE, READ_WRITE, MAP_PRIVATE, readable, 0);
}

static void none_forbids_everything(void)
{
	char *memory = map(NULL, PAGE, PROT_NONE, ANONYMOUS, -1, 0);

	check_dies(read_byte, memory, SIGSEGV);
	check_dies(write_byte, memory, SIGSEGV);
}

static void read_only_forbids_writing(void)
{
	char *memory = map(NULL, PAGE, PROT_READ, ANONYMOUS, -1, 0);

	check_eq(memory[7], 0);
	check_dies(write_byte, memory, SIGSEGV);
}

static void write_alone_allows_reading(void)
{
	volatile char *memory = map(NULL, PAGE, PROT_WRITE, ANONYMOUS, -1, 0);

	memory[0] = 'a';
	check_eq(memory[0], 'a');
}

static void call(void *address)
{
	((void (*)(void))address)();
}

static void data_is_not_code(void)
{
	static const unsigned char code[] = {0xc3}; /* ret */
	char *memory = map_private(PAGE);

	memcpy(memory, code, sizeof(code));
	check_dies(call, memory, SIGSEGV);
	check_call(mprotect(memory, PAGE, PROT_READ | PROT_EXEC));
	check_child(call, memory);
	check_dies(write_byte, memory, SIGSEGV);
	check_call(mprotect(memory, PAGE, PROT_READ));
	check_dies(call, memory, SIGSEGV);
}

static void stack_and_heap_are_not_code(void)
{
	char on_stack[16];
	char *end = (char *)raw1(SYS_brk, 0);

	check_eq(raw1(SYS_brk, end + PAGE), (long)(end + PAGE));
	memset(on_stack, 0xc3, sizeof(on_stack));
	memset(end, 0xc3, 16);
	check_dies(call, on_stack, SIGSEGV);
	check_dies(call, end, SIGSEGV);
}

/* What the handler was told about the fault. */
static sigjmp_buf after_fault;
static siginfo_t fault;

static void note_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)context;
	fault = *info;
	siglongjmp(after_fault, 1);
}

static void check_fault(void (*access)(void *), void *address, int signal, int code)
{
	struct sigaction action = {.sa_sigaction = note_fault, .sa_flags = SA_SIGINFO};

	check_call(sigaction(SIGSEGV, &action, NULL));
	check_call(sigaction(SIGBUS, &action, NULL));
	memset(&fault, 0, sizeof(fault));
	if (sigsetjmp(after_fault, 1) == 0) {
		access(address);
		check(!"the access was to fault");
	}
	check_eq(fault.si_signo, signal);
	check_eq(fault.si_code, code);
	check(fault.si_addr == address || signal == SIGBUS);
}

static void fault_tells_what_and_where(void)
{
	char *memory = map_between_holes(PAGE);

	check_call(mprotect(memory, PAGE, PROT_READ));
	check_fault(write_byte, memory + 123, SIGSEGV, SEGV_ACCERR);
	check_fault(read_byte, memory + PAGE + 7, SIGSEGV, SEGV_MAPERR);
	check_fault(write_byte, memory - 1, SIGSEGV, SEGV_MAPERR);
	check_call(mprotect(memory, PAGE, PROT_NONE));
	check_fault(read_byte, memory + 9, SIGSEGV, SEGV_ACCERR);
	check_fault(read_byte, (void *)8, SIGSEGV, SEGV_MAPERR);
}

static void kernel_addresses_look_unmapped(void)
{
	check_fault(read_byte, (void *)0xffffffff81000000, SIGSEGV, SEGV_MAPERR);
	check_fault(write_byte, (void *)0xffff888000000000, SIGSEGV, SEGV_MAPERR);
	check_fault(read_byte, (void *)~0UL, SIGSEGV, SEGV_MAPERR);
}

static void non_canonical_access_is_sigsegv(void)
{
	check_dies(read_byte, (void *)NOT_CANONICAL, SIGSEGV);
	check_dies(write_byte, (void *)(1UL << 63), SIGSEGV);
	check_dies(call, (void *)NOT_CANONICAL, SIGSEGV);
	check_dies(call, (void *)0xffffffff81000000, SIGSEGV);
}

static void private_file_mapping_reads_the_file(void)
{
	int fd = make_file(2 * PAGE + 100, 'f');
	char *memory = map(NULL, 3 * PAGE, READ_WRITE, MAP_PRIVATE, fd, 0);
	char byte;

	check(holds(memory, 2 * PAGE + 100, 'f'));
	check(holds(memory + 2 * PAGE + 100, PAGE - 100, 0));
	memory[5] = 'm';
	check_eq(pread(fd, &byte, 1, 5), 1);
	check_eq(byte, 'f');
}

static void file_offset_is_respected(void)
{
	int fd = make_file(3 * PAGE, 'f');
	char *memory;

	check_eq(pwrite(fd, "second", 6, PAGE), 6);
	memory = map(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
	check(memcmp(memory, "secondf", 7) == 0);
}

static void beyond_the_end_of_file_is_sigbus(void)
{
	int fd = make_file(100, 'f');
	char *memory = map(NULL, 2 * PAGE, READ_WRITE, MAP_SHARED, fd, 0);

	check_eq(memory[PAGE - 1], 0);
	check_fault(read_byte, memory + PAGE, SIGBUS, BUS_ADRERR);
	check_fault(write_byte, memory + PAGE, SIGBUS, BUS_ADRERR);
	check_call(ftruncate(fd, PAGE + 1));
	check_eq(memory[PAGE], 0);
}

static void shared_file_mapping_is_the_file(void)
{
	int fd = make_file(2 * PAGE, 'f');
	char *memory = map(NULL, 2 * PAGE, READ_WRITE, MAP_SHARED, fd, 0);
	char *other = map(NULL, PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	char byte;

	memory[PAGE + 3] = 'm';
	check_eq(other[3], 'm');
	check_eq(pread(fd, &byte, 1, PAGE + 3), 1);
	check_eq(byte, 'm');
	check_eq(pwrite(fd, "w", 1, 9), 1);
	check_eq(((volatile char *)memory)[9], 'w');
}

static void private_page_not_yet_written_follows_the_file(void)
{
	int fd = make_file(PAGE, 'f');
	volatile char *memory = map(NULL, PAGE, READ_WRITE, MAP_PRIVATE, fd, 0);

	check_eq(memory[0], 'f');
	check_eq(pwrite(fd, "w", 1, 0), 1);
	check_eq(memory[0], 'w');
	memory[1] = 'm';
	check_eq(pwrite(fd, "xx", 2, 0), 2);
	check_eq(memory[0], 'w');
	check_eq(memory[1], 'm');
}

static void mapping_outlives_the_descriptor(void)
{
	int fd = make_file(PAGE, 'f');
	char *memory = map(NULL, PAGE, READ_WRITE, MAP_SHARED, fd, 0);

	check_call(close(fd));
	check(holds(memory, PAGE, 'f'));
	memory[0] = 'm';
	check_eq(memory[0], 'm');
}

static void truncated_file_loses_its_pages(void)
{
	int fd = make_file(2 * PAGE, 'f');
	char *memory = map(NULL, 2 * PAGE, READ_WRITE, MAP_SHARED, fd, 0);

	check_eq(memory[PAGE], 'f');
	check_call(ftruncate(fd, 10));
	check_fault(read_byte, memory + PAGE, SIGBUS, BUS_ADRERR);
	check_eq(memory[9], 'f');
	check_eq(((volatile char *)memory)[10], 0);
}

static void shared_anonymous_memory_is_the_mappings_own(void)
{
	char *one = map(NULL, PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *two = map(NULL, PAGE, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	one[0] = 1;
	check_eq(two[0], 0);
}

static void dev_zero_maps_zeros(void)
{
	int fd = check_call(open("/dev/zero", O_RDWR));
	char *memory = map(NULL, 2 * PAGE, READ_WRITE, MAP_PRIVATE, fd, 0);

	check(holds(memory, 2 * PAGE, 0));
	memory[0] = 1;
	check_eq(memory[0], 1);
}

static void harmless_flags_are_accepted(void)
{
	char *memory = map(NULL, 4 * PAGE, READ_WRITE,
			   ANONYMOUS | MAP_POPULATE | MAP_NORESERVE | MAP_STACK, -1, 0);

	check(holds(memory, 4 * PAGE, 0));
}

static void a_thousand_mappings(void)
{
	enum { COUNT = 1000 };
	char *memory = map_private_at(NOWHERE, 2 * COUNT * PAGE);
	pid_t pid;

	for (int i = 0; i < COUNT; i++) {
		memory[2 * i * PAGE] = i;
		check_call(mprotect(memory + (2 * i + 1) * PAGE, PAGE, PROT_NONE));
	}
	pid = tap_fork();
	if (pid == 0) {
		for (int i = 0; i < COUNT; i++)
			memory[2 * i * PAGE]++;
		_exit(0);
	}
	check_exits(pid, 0);
	for (int i = 0; i < COUNT; i++)
		check_eq(memory[2 * i * PAGE], (char)i);
	check_dies(read_byte, memory + 501 * PAGE, SIGSEGV);
	check_call(munmap(memory, 2 * COUNT * PAGE));
	check_dies(read_byte, memory + 500 * PAGE, SIGSEGV);
}

static void mapping_after_fork_is_ones_own(void)
{
	pid_t pid;

	map_private_at(NOWHERE, PAGE)[0] = 'p';
	pid = tap_fork();
	if (pid == 0) {
		map_private_at(NOWHERE + PAGE, PAGE)[0] = 'c';
		check_eq(NOWHERE[0], 'p');
		_exit(0);
	}
	check_exits(pid, 0);
	check_dies(read_byte, NOWHERE + PAGE, SIGSEGV);
	map_private_at(NOWHERE + PAGE, PAGE);
	check_eq(NOWHERE[PAGE], 0);
}

/* What one side maps and only reads must not appear in a page-table node that both still share. */
static void read_new_mapping_on_one_side(int fd, int flags, int child_does_it)
{
	int *done = tap_shared(2 * sizeof(*done)), *looked = done + 1;
	pid_t pid;

	map_private_at(NOWHERE, PAGE)[0] = 'a';
	pid = tap_fork();
	if ((pid == 0) == child_does_it) {
		volatile char *memory =
			map(NOWHERE + PAGE, PAGE, PROT_READ, flags | MAP_FIXED, fd, 0);
		check_eq(memory[0], fd < 0 ? 0 : 'f');
		*done = 1;
		tap_await(looked, 1);
		check_call(munmap((char *)memory, PAGE));
	} else {
		tap_await(done, 1);
		check(faults_here(read_byte, NOWHERE + PAGE));
		check_eq(NOWHERE[0], 'a');
		*looked = 1;
	}
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
}

static void mapping_only_read_after_fork_is_ones_own(void)
{
	int fd = make_file(PAGE, 'f');

	for (int child = 0; child < 2; child++) {
		read_new_mapping_on_one_side(-1, MAP_PRIVATE | MAP_ANONYMOUS, child);
		read_new_mapping_on_one_side(-1, MAP_SHARED | MAP_ANONYMOUS, child);
		read_new_mapping_on_one_side(fd, MAP_PRIVATE, child);
		read_new_mapping_on_one_side(fd, MAP_SHARED, child);
	}
}

static const struct test_case cases[] = {
	TEST(anonymous_memory_is_zero,
	     "anonymous memory is zero, also where other memory was before"),
	TEST(length_is_rounded_up, "a mapping is a whole number of pages and not one more"),
	TEST(hint_is_taken_if_free, "a hint is followed where it is free"),
	TEST(fixed_replaces, "MAP_FIXED replaces what was there and nothing beside it"),
	TEST(fixed_noreplace_refuses, "MAP_FIXED_NOREPLACE refuses with EEXIST"),
	TEST(bad_arguments_are_refused, "mmap refuses bad lengths, flags, offsets and descriptors"),
	TEST(what_cannot_fit_is_refused,
	     "mmap refuses with ENOMEM what cannot fit in the address space"),
	TEST(file_access_limits_the_mapping, "a file's access mode limits how it may be mapped"),
	TEST(none_forbids_everything, "PROT_NONE forbids reading and writing"),
	TEST(read_only_forbids_writing, "PROT_READ forbids writing"),
	TEST(write_alone_allows_reading, "PROT_WRITE alone allows reading"),
	TEST(data_is_not_code, "only PROT_EXEC makes memory executable"),
	TEST(stack_and_heap_are_not_code, "stack and heap cannot be executed"),
	TEST(fault_tells_what_and_where,
	     "SIGSEGV tells the address, and missing mapping from missing right"),
	TEST(kernel_addresses_look_unmapped, "a kernel address is SEGV_MAPERR"),
	TEST(non_canonical_access_is_sigsegv,
	     "a non-canonical address is SIGSEGV, for data and for code"),
	TEST(private_file_mapping_reads_the_file,
	     "a private file mapping holds the file, then zeros, and keeps its writes"),
	TEST(file_offset_is_respected, "a file mapping starts at its offset"),
	TEST(beyond_the_end_of_file_is_sigbus,
	     "an access to a page beyond the end of the file is SIGBUS"),
	TEST(shared_file_mapping_is_the_file,
	     "a shared file mapping, write(2) and another mapping see each other"),
	TEST(private_page_not_yet_written_follows_the_file,
	     "a private file page follows the file until it is written"),
	TEST(mapping_outlives_the_descriptor,
	     "a mapping outlives the descriptor and the name of its file"),
	TEST(truncated_file_loses_its_pages, "truncating a file takes its pages out of mappings"),
	TEST(shared_anonymous_memory_is_the_mappings_own,
	     "two shared anonymous mappings are two memories"),
	TEST(dev_zero_maps_zeros, "/dev/zero maps zeros"),
	TEST(harmless_flags_are_accepted, "MAP_POPULATE, MAP_NORESERVE and MAP_STACK are accepted"),
	TEST(a_thousand_mappings, "a thousand mappings are forked and unmapped"),
	TEST(mapping_after_fork_is_ones_own, "what a child maps after fork is not in its parent"),
	TEST(mapping_only_read_after_fork_is_ones_own,
	     "what one side maps and only reads after fork is not on the other"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
