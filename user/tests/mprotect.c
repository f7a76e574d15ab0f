/*
 * mprotect: rights of pages, and how mappings are split by it. What it does to pages shared by fork
 * is in cow.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)

static void bad_arguments_are_refused(void)
{
	char *memory = map_between_holes(2 * PAGE);

	/* Not through the C library, which rounds the address down. */
	check_eq(raw3(SYS_mprotect, memory + 1, PAGE, PROT_READ), -EINVAL);
	check_eq(raw3(SYS_mprotect, memory, PAGE, 0x100), -EINVAL);
	check_eq(raw3(SYS_mprotect, memory + 2 * PAGE, PAGE, PROT_READ), -ENOMEM);
	check_eq(raw3(SYS_mprotect, memory, 0UL - 2 * PAGE, PROT_READ), -ENOMEM);
	check_eq(raw3(SYS_mprotect, 0xffff800000000000, PAGE, PROT_READ), -ENOMEM);
	check_eq(raw3(SYS_mprotect, memory, 0, PROT_NONE), 0);
	check_eq(raw3(SYS_mprotect, memory + 2 * PAGE, 0, PROT_NONE), 0);
	memory[0] = 1;
}

static void length_is_rounded_up(void)
{
	char *memory = map_private(3 * PAGE);

	check_call(mprotect(memory, PAGE + 1, PROT_READ));
	check_dies(write_byte, memory + 2 * PAGE - 1, SIGSEGV);
	memory[2 * PAGE] = 1;
}

static void middle_page_alone_changes(void)
{
	char *memory = map_private(3 * PAGE);

	memset(memory, 'a', 3 * PAGE);
	check_call(mprotect(memory + PAGE, PAGE, PROT_READ));
	memory[0] = memory[2 * PAGE] = 'b';
	check_dies(write_byte, memory + PAGE, SIGSEGV);
	check_call(mprotect(memory, 3 * PAGE, READ_WRITE));
	memory[PAGE] = 'b';
	check_eq(memory[PAGE - 1], 'a');
	check_eq(memory[PAGE + 1], 'a');
}

static void none_keeps_the_contents(void)
{
	char *memory = map_private(2 * PAGE);

	memset(memory, 'a', 2 * PAGE);
	check_call(mprotect(memory, 2 * PAGE, PROT_NONE));
	check_dies(read_byte, memory, SIGSEGV);
	check_call(mprotect(memory, 2 * PAGE, PROT_READ));
	check(holds(memory, 2 * PAGE, 'a'));
	check_dies(write_byte, memory, SIGSEGV);
}

static void hole_stops_it_half_way(void)
{
	char *memory = map_private(4 * PAGE);

	check_call(munmap(memory + 2 * PAGE, PAGE));
	check_errno(mprotect(memory, 4 * PAGE, PROT_READ), ENOMEM);
	check_dies(write_byte, memory + PAGE, SIGSEGV);
	memory[3 * PAGE] = 1;
}

static void spans_many_mappings(void)
{
	char *memory = map_private_at(NOWHERE, 6 * PAGE);

	for (int i = 0; i < 6; i += 2)
		check_call(mprotect(memory + i * PAGE, PAGE, PROT_READ));
	check_call(mprotect(memory + PAGE, 4 * PAGE, PROT_NONE));
	check_dies(read_byte, memory + PAGE, SIGSEGV);
	check_dies(read_byte, memory + 4 * PAGE, SIGSEGV);
	check_dies(write_byte, memory, SIGSEGV);
	memory[5 * PAGE] = 1;
	check_call(mprotect(memory, 6 * PAGE, READ_WRITE));
	memset(memory, 1, 6 * PAGE);
}

static void spans_nodes_of_the_tree(void)
{
	char *edge = NOWHERE + DIRECTORY;
	char *memory = map_private_at(edge - 2 * TABLE, 4 * TABLE);

	for (char *p = memory; p < memory + 4 * TABLE; p += 16 * PAGE)
		*p = 'a';
	check_call(mprotect(edge - TABLE - PAGE, 2 * TABLE + 2 * PAGE, PROT_READ));
	check_dies(write_byte, edge - TABLE - PAGE, SIGSEGV);
	check_dies(write_byte, edge, SIGSEGV);
	check_dies(write_byte, edge + TABLE, SIGSEGV);
	edge[-TABLE - PAGE - 1] = 'b';
	edge[TABLE + PAGE] = 'b';
	check_eq(edge[0], 'a');
	check_eq(edge[-(long)TABLE], 'a');
}

static void untouched_pages_take_the_new_rights(void)
{
	char *memory = map_private(2 * PAGE);

	check_call(mprotect(memory, PAGE, PROT_READ));
	check_eq(memory[0], 0);
	check_dies(write_byte, memory, SIGSEGV);
	check_call(mprotect(memory, PAGE, READ_WRITE));
	memory[0] = 1;
	check_call(mprotect(memory + PAGE, PAGE, PROT_NONE));
	check_dies(read_byte, memory + PAGE, SIGSEGV);
}

/* A page that was only read is the page of zeros: writing to it must not be made possible so. */
static void zero_page_stays_zero(void)
{
	char *memory = map(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check_eq(memory[0] + memory[PAGE], 0);
	check_call(mprotect(memory, 2 * PAGE, READ_WRITE));
	memset(memory, 'a', PAGE);
	check(holds(memory + PAGE, PAGE, 0));
	check(holds(map_private(PAGE), PAGE, 0));
}

static void private_file_page_stays_out_of_the_file(void)
{
	int fd = make_file(PAGE, 'f');
	char *memory = map(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	char byte;

	check_eq(memory[0], 'f');
	check_call(mprotect(memory, PAGE, READ_WRITE));
	memory[0] = 'm';
	check_eq(pread(fd, &byte, 1, 0), 1);
	check_eq(byte, 'f');
}

static void shared_mapping_of_a_read_only_file_stays_read_only(void)
{
	char name[32];
	char *memory;
	int fd;

	snprintf(name, sizeof(name), "/tmp/tine-mprotect-%d", (int)getpid());
	fd = check_call(open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	check_eq(write(fd, "f", 1), 1);
	check_call(close(fd));
	fd = check_call(open(name, O_RDONLY));
	check_call(unlink(name));
	memory = map(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	check_errno(mprotect(memory, PAGE, READ_WRITE), EACCES);
	check_eq(memory[0], 'f');
	check_dies(write_byte, memory, SIGSEGV);
}

static void shared_page_stays_shared(void)
{
	volatile char *memory = tap_shared(PAGE);
	pid_t pid;

	memory[0] = 1;
	check_call(mprotect((char *)memory, PAGE, PROT_READ));
	pid = tap_fork();
	if (pid == 0) {
		check_call(mprotect((char *)memory, PAGE, READ_WRITE));
		memory[0] = 2;
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(memory[0], 2);
	check_dies(write_byte, (char *)memory, SIGSEGV);
}

static void rights_are_each_ones_own_after_fork(void)
{
	char *memory = map_private(2 * PAGE);
	pid_t pid;

	memory[0] = memory[PAGE] = 'a';
	pid = tap_fork();
	if (pid == 0) {
		check_call(mprotect(memory, PAGE, PROT_NONE));
		check_dies(read_byte, memory, SIGSEGV);
		memory[PAGE] = 'c';
		_exit(0);
	}
	check_exits(pid, 0);
	memory[0] = 'b';
	check_eq(memory[PAGE], 'a');
}

static void call(void *code)
{
	((void (*)(void))code)();
}

/* One side gives itself rights that both lacked at fork; the other side must still lack them. */
static void give_rights_on_one_side(int before, int after, void (*access)(void *),
				    int child_does_it)
{
	char *memory = map_private(3 * PAGE);
	int *done = tap_shared(2 * sizeof(*done)), *looked = done + 1;
	pid_t pid;

	memset(memory, 0xc3, 3 * PAGE); /* all return instructions */
	check_call(mprotect(memory + PAGE, PAGE, before));
	pid = tap_fork();
	if ((pid == 0) == child_does_it) {
		check(faults_here(access, memory + PAGE));
		check_call(mprotect(memory + PAGE, PAGE, after));
		check(!faults_here(access, memory + PAGE));
		*done = 1;
		tap_await(looked, 1);
	} else {
		tap_await(done, 1);
		check(faults_here(access, memory + PAGE));
		*looked = 1;
	}
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
}

static void rights_given_after_fork_are_ones_own(void)
{
	for (int child = 0; child < 2; child++) {
		give_rights_on_one_side(PROT_NONE, PROT_READ, read_byte, child);
		give_rights_on_one_side(PROT_READ, READ_WRITE, write_byte, child);
		give_rights_on_one_side(PROT_READ, PROT_READ | PROT_EXEC, call, child);
	}
}

static void rights_are_inherited(void)
{
	char *memory = map_private(3 * PAGE);

	memset(memory, 'a', 3 * PAGE);
	check_call(mprotect(memory, PAGE, PROT_NONE));
	check_call(mprotect(memory + PAGE, PAGE, PROT_READ));
	check_dies(read_byte, memory, SIGSEGV);
	check_child(read_byte, memory + PAGE);
	check_dies(write_byte, memory + PAGE, SIGSEGV);
	check_child(write_byte, memory + 2 * PAGE);
}

static void taking_a_right_away_takes_effect_at_once(void)
{
	char *memory = map_private(PAGE);

	for (int i = 0; i < 20; i++) {
		memory[0] = i;
		check_call(mprotect(memory, PAGE, PROT_READ));
		check(faults_here(write_byte, memory));
		check_eq(memory[0], i);
		check_call(mprotect(memory, PAGE, PROT_NONE));
		check(faults_here(read_byte, memory));
		check_call(mprotect(memory, PAGE, READ_WRITE));
		check(!faults_here(write_byte, memory));
	}
}

static void own_code_can_be_changed_and_restored(void)
{
	char *page = (char *)((unsigned long)own_code_can_be_changed_and_restored & ~(PAGE - 1));
	char first = page[0];
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_call(mprotect(page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
		*(volatile char *)page = first;
		check_call(mprotect(page, PAGE, PROT_READ | PROT_EXEC));
		check_dies(write_byte, page, SIGSEGV);
		_exit(0);
	}
	check_exits(pid, 0);
	check_dies(write_byte, page, SIGSEGV);
}

static const struct test_case cases[] = {
	TEST(bad_arguments_are_refused,
	     "mprotect refuses bad addresses and rights, and an empty range changes nothing"),
	TEST(length_is_rounded_up, "mprotect changes whole pages"),
	TEST(middle_page_alone_changes, "mprotect of a middle page leaves its neighbours alone"),
	TEST(none_keeps_the_contents, "PROT_NONE keeps the contents"),
	TEST(hole_stops_it_half_way,
	     "mprotect over a hole changes what is before it and fails with ENOMEM"),
	TEST(spans_many_mappings, "mprotect spans many mappings"),
	TEST(spans_nodes_of_the_tree,
	     "mprotect spans 2 MiB and 1 GiB boundaries and stops at its edges"),
	TEST(untouched_pages_take_the_new_rights, "pages not yet touched take the new rights"),
	TEST(zero_page_stays_zero, "a zero page made writable is copied before it is written"),
	TEST(private_file_page_stays_out_of_the_file,
	     "a private file page made writable does not write to the file"),
	TEST(shared_mapping_of_a_read_only_file_stays_read_only,
	     "a shared mapping of a file opened for reading cannot be made writable"),
	TEST(shared_page_stays_shared, "a shared page made writable in the child is still shared"),
	TEST(rights_are_each_ones_own_after_fork, "rights changed after fork are each one's own"),
	TEST(rights_given_after_fork_are_ones_own,
	     "rights given on one side of a fork are not given on the other"),
	TEST(rights_are_inherited, "rights are inherited over fork"),
	TEST(taking_a_right_away_takes_effect_at_once,
	     "taking a right away takes effect at once, and so does giving it back"),
	TEST(own_code_can_be_changed_and_restored,
	     "a program's own code page can be made writable and back"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
