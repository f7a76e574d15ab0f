/*
 * Copy-on-write as two processes see it: after fork each has the memory as it was at fork, and what
 * one writes the other never sees. Who writes first, what kind of memory it is, and where in the
 * page-table tree it lies make no difference.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

/* Turns of parent and child: *turn counts up, and each waits for its number. */
static int *turn;

static void begin_turns(void)
{
	turn = tap_shared(sizeof(*turn));
}
static void wait_for_turn(int number)
{
	tap_await(turn, number);
}
static void next_turn(void)
{
	__atomic_add_fetch(turn, 1, __ATOMIC_SEQ_CST);
}

/*
 * The four orders of writing to one word that holds 1 at fork. Parent and child take turns, so that
 * each order is really that order, and each looks again after the other has written.
 */
static void isolate(volatile int *word, int parent_first)
{
	pid_t pid;

	begin_turns();
	*word = 1;
	pid = tap_fork();
	if (pid == 0) {
		if (parent_first)
			wait_for_turn(1);
		check_eq(*word, 1);
		*word = 2;
		next_turn();
		wait_for_turn(2 + !parent_first);
		check_eq(*word, 2);
		*word = 4;
		check_eq(*word, 4);
		next_turn();
		_exit(0);
	}
	if (!parent_first)
		wait_for_turn(1);
	check_eq(*word, 1);
	*word = 3;
	next_turn();
	if (!parent_first)
		next_turn();
	wait_for_turn(3 + !parent_first);
	check_eq(*word, 3);
	check_exits(pid, 0);
	check_eq(*word, 3);
	*word = 5;
	check_eq(*word, 5);
}

static volatile int initialised = 9;
static volatile int uninitialised;

static void isolate_both_ways(volatile int *word)
{
	isolate(word, 0);
	isolate(word, 1);
}

static void data_is_isolated(void)
{
	isolate_both_ways(&initialised);
}

static void bss_is_isolated(void)
{
	isolate_both_ways(&uninitialised);
}

static void stack_is_isolated(void)
{
	volatile int local;

	isolate_both_ways(&local);
}

static void heap_is_isolated(void)
{
	char *end = (char *)raw1(SYS_brk, 0);

	check_eq(raw1(SYS_brk, end + PAGE), (long)(end + PAGE));
	isolate_both_ways((volatile int *)end);
}

static void anonymous_mapping_is_isolated(void)
{
	isolate_both_ways((volatile int *)map_private(PAGE));
}

static void private_file_mapping_is_isolated(void)
{
	int fd = make_file(PAGE, 'f'), in_file;
	char *memory = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	isolate_both_ways((volatile int *)memory);
	check_eq(memory[100], 'f');
	check_eq(pread(fd, &in_file, sizeof(in_file), 0), sizeof(in_file));
	check_eq(in_file, 0x66666666);
}

static void untouched_file_page_is_isolated(void)
{
	int fd = make_file(PAGE, 'f');
	volatile char *memory = map(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	pid_t pid = tap_fork();

	if (pid == 0) {
		memory[0] = 'c';
		check_eq(memory[1], 'f');
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(memory[0], 'f');
}

/* The page of zeros that reads bring in is nobody's to write to. */
static void page_read_before_fork_is_isolated(void)
{
	volatile char *memory = map_private(2 * PAGE);
	pid_t pid;

	check_eq(memory[0] + memory[PAGE], 0);
	pid = tap_fork();
	if (pid == 0) {
		memory[0] = 'c';
		check_eq(memory[PAGE], 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(memory[0], 0);
	memory[PAGE] = 'p';
	check_eq(memory[0], 0);
	check(holds(map_private(PAGE), PAGE, 0));
}

static void page_never_touched_is_isolated(void)
{
	volatile char *memory = map_private(PAGE);
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(memory[0], 0);
		memory[0] = 'c';
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(memory[0], 0);
}

static void every_byte_is_copied(void)
{
	unsigned char *memory = (unsigned char *)map_private(PAGE);

	for (size_t i = 0; i < PAGE; i++)
		memory[i] = i * 7 + (i >> 8);
	for (size_t changed = 0; changed < PAGE; changed += 455) {
		pid_t pid = tap_fork();
		if (pid == 0) {
			memory[changed]++;
			for (size_t i = 0; i < PAGE; i++)
				check_eq(memory[i],
					 (unsigned char)(i * 7 + (i >> 8) + (i == changed)));
			_exit(0);
		}
		check_exits(pid, 0);
	}
	for (size_t i = 0; i < PAGE; i++)
		check_eq(memory[i], (unsigned char)(i * 7 + (i >> 8)));
}

/* A child writes some of these places, the parent others, and each sees exactly its own. */
static void isolate_places(char **places, size_t count)
{
	pid_t pid;

	for (size_t i = 0; i < count; i++)
		*places[i] = i + 1;
	pid = tap_fork();
	for (size_t i = 0; i < count; i++)
		if ((i % 3 != 0) == (pid == 0) || i % 3 == 2)
			*places[i] = pid == 0 ? 'c' : 'p';
	for (size_t i = 0; i < count; i++)
		if ((i % 3 != 0) == (pid == 0) || i % 3 == 2)
			check_eq(*places[i], pid == 0 ? 'c' : 'p');
		else
			check_eq(*places[i], (char)(i + 1));
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
	for (size_t i = 0; i < count; i++)
		check_eq(*places[i], i % 3 != 1 ? 'p' : (char)(i + 1));
}

static void edges_of_nodes_are_isolated(void)
{
	static const unsigned long spans[] = {TABLE, DIRECTORY, ROOT_ENTRY};
	char *places[12];
	size_t count = 0;

	for (size_t i = 0; i < TAP_COUNT(spans); i++) {
		char *edge = NOWHERE + spans[i];
		map_private_at(edge - 2 * PAGE, 4 * PAGE);
		places[count++] = edge - PAGE - 1;
		places[count++] = edge - 1;
		places[count++] = edge;
		places[count++] = edge + PAGE;
	}
	isolate_places(places, count);
}

static void sparse_memory_is_isolated(void)
{
	enum { PLACES = 33 };
	char *memory = map_private_at(NOWHERE, ROOT_ENTRY + PAGE);
	char *places[PLACES];

	for (int i = 0; i < PLACES; i++)
		places[i] = memory + i * (ROOT_ENTRY / (PLACES - 1));
	isolate_places(places, PLACES);
	for (int i = 0; i < PLACES - 1; i++)
		check_eq(places[i][TABLE], 0);
}

static void dense_memory_is_isolated(void)
{
	size_t size = 4 * TABLE;
	volatile char *memory = map_private_at(NOWHERE - TABLE / 2, size);
	pid_t pid;

	for (size_t i = 0; i < size; i += PAGE)
		memory[i] = i >> 12;
	pid = tap_fork();
	if (pid == 0) {
		for (size_t i = 0; i < size; i += PAGE)
			memory[i] = (i >> 12) + 1;
		for (size_t i = 0; i < size; i += PAGE)
			check_eq(memory[i], (char)((i >> 12) + 1));
		_exit(0);
	}
	check_exits(pid, 0);
	for (size_t i = 0; i < size; i += PAGE)
		check_eq(memory[i], (char)(i >> 12));
}

/* One write makes one page one's own. The 511 around it stay shared and right. */
static void one_write_leaves_the_neighbours(void)
{
	volatile char *memory = map_private_at(NOWHERE, TABLE);

	for (size_t i = 0; i < TABLE; i += PAGE)
		memory[i] = 'a';
	for (size_t chosen = 0; chosen < TABLE; chosen += 127 * PAGE) {
		pid_t pid = tap_fork();
		if (pid == 0) {
			memory[chosen] = 'c';
			for (size_t i = 0; i < TABLE; i += PAGE)
				check_eq(memory[i], i == chosen ? 'c' : 'a');
			_exit(0);
		}
		check_exits(pid, 0);
		check_eq(memory[chosen], 'a');
		memory[chosen] = 'p';
		check_eq(memory[chosen], 'p');
		memory[chosen] = 'a';
	}
}

static void store_across_two_pages_is_isolated(void)
{
	char *memory = map_private(2 * PAGE);
	volatile uint64_t *across = (volatile uint64_t *)(memory + PAGE - 3);
	pid_t pid;

	*across = 0x1122334455667788;
	pid = tap_fork();
	if (pid == 0) {
		*across = ~0UL;
		check_eq(*across, ~0UL);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(*across, 0x1122334455667788);
}

/*
 * Instructions that read, write and fault in their midst: locked, string, push, and a store of a
 * page onto another.
 */
static void every_kind_of_store_is_isolated(void)
{
	char *memory = map_private(4 * PAGE);
	pid_t pid;

	memset(memory, 'a', 4 * PAGE);
	pid = tap_fork();
	if (pid == 0) {
		char *from = memory, *to = memory + 2 * PAGE - 100;
		size_t count = PAGE + 200;
		int old = __atomic_fetch_add((int *)memory, 1, __ATOMIC_SEQ_CST);
		check_eq(old, 0x61616161);
		check_eq(*(int *)memory, 0x61616162);
		__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(count) : : "memory");
		check_eq(memory[2 * PAGE - 100], 'b');
		to = memory + 4 * PAGE - 8;
		__asm__ volatile("mov %%rsp, %%rax\n mov %0, %%rsp\n push $77\n mov %%rax, %%rsp"
				 :
				 : "r"(memory + 4 * PAGE)
				 : "rax", "memory");
		check_eq(*to, 77);
		_exit(0);
	}
	check_exits(pid, 0);
	check(holds(memory, 4 * PAGE, 'a'));
}

static void code_is_isolated(void)
{
	/* mov $1, %eax; ret */
	static const unsigned char code[] = {0xb8, 1, 0, 0, 0, 0xc3};
	unsigned char *memory = (unsigned char *)map(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
						     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int (*function)(void) = (int (*)(void))memory;
	pid_t pid;

	memcpy(memory, code, sizeof(code));
	check_eq(function(), 1);
	pid = tap_fork();
	if (pid == 0) {
		memory[1] = 2;
		check_eq(function(), 2);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(function(), 1);
}

static const char *message = "this text is in a read-only page";

static void own_program_text_is_isolated(void)
{
	char *page = (char *)((uintptr_t)message & ~(PAGE - 1));
	char first = message[0];
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_call(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
		*(volatile char *)message = 'X';
		check_eq(*(volatile const char *)message, 'X');
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(*(volatile const char *)message, first);
	check_dies(write_byte, (void *)message, SIGSEGV);
}

/*
 * mprotect with PROT_WRITE gives the right to write, which for a shared page means the right to a
 * copy.
 */
static void protect_again_and_isolate(int protection_at_fork)
{
	volatile int *memory = (volatile int *)map_private(2 * PAGE);
	pid_t pid;

	begin_turns();
	memory[0] = 1;
	memory[PAGE / 4] = 1;
	check_call(mprotect((void *)memory, 2 * PAGE, protection_at_fork));
	pid = tap_fork();
	if (pid == 0) {
		check_call(mprotect((void *)memory, 2 * PAGE, PROT_READ | PROT_WRITE));
		check_eq(memory[0], 1);
		memory[0] = 2;
		next_turn();
		wait_for_turn(2);
		check_eq(memory[0], 2);
		check_eq(memory[PAGE / 4], 1);
		memory[PAGE / 4] = 2;
		next_turn();
		_exit(0);
	}
	wait_for_turn(1);
	check_call(mprotect((void *)memory, 2 * PAGE, PROT_READ | PROT_WRITE));
	check_eq(memory[0], 1);
	memory[0] = 3;
	memory[PAGE / 4] = 3;
	next_turn();
	wait_for_turn(3);
	check_eq(memory[0], 3);
	check_eq(memory[PAGE / 4], 3);
	check_exits(pid, 0);
}

static void writable_again_is_isolated(void)
{
	protect_again_and_isolate(PROT_READ);
}
static void accessible_again_is_isolated(void)
{
	protect_again_and_isolate(PROT_NONE);
}
static void writable_still_is_isolated(void)
{
	protect_again_and_isolate(PROT_READ | PROT_WRITE);
}

/* The right to write taken away after fork and given back: the page was shared all the time. */
static void protected_in_between_is_isolated(void)
{
	volatile char *memory = map_private(PAGE);
	pid_t pid;

	memory[0] = 'a';
	begin_turns();
	pid = tap_fork();
	if (pid == 0) {
		wait_for_turn(1);
		check_eq(memory[0], 'a');
		memory[0] = 'c';
		next_turn();
		_exit(0);
	}
	check_call(mprotect((void *)memory, PAGE, PROT_READ));
	check_call(mprotect((void *)memory, PAGE, PROT_READ | PROT_WRITE));
	memory[0] = 'p';
	next_turn();
	wait_for_turn(2);
	check_eq(memory[0], 'p');
	check_exits(pid, 0);
}

static void last_owner_keeps_the_page(void)
{
	volatile int *memory = (volatile int *)map_private(PAGE);

	for (int i = 0; i < 50; i++) {
		pid_t pid;
		memory[i] = i + 1;
		pid = tap_fork();
		if (pid == 0) {
			memory[i] = -1;
			_exit(0);
		}
		if (i % 2)
			check_exits(pid, 0);
		memory[i + 100] = i;
		for (int j = 0; j <= i; j++)
			check(memory[j] == j + 1 && memory[j + 100] == j);
		if (i % 2 == 0)
			check_exits(pid, 0);
	}
}

static long free_mebibytes(void)
{
	struct sysinfo info;

	check_call(sysinfo(&info));
	return (long)(info.freeram * info.mem_unit >> 20);
}

/*
 * Is all but 64 MiB of what was free then free again? A kernel may put off freeing, so wait a
 * while.
 */
static int comes_back(long free_before)
{
	for (int i = 0; i < 300 && free_mebibytes() <= free_before - 64; i++)
		tap_sleep_ms(10);
	return free_mebibytes() > free_before - 64;
}

/* Thirty-two children with 4 MiB of copies each need 128 MiB if any of it is lost. */
static void copies_are_freed(void)
{
	size_t size = 2 * TABLE;
	char *memory = map_private_at(NOWHERE, size);
	long free_before;

	memset(memory, 'a', size);
	free_before = free_mebibytes();
	for (int i = 0; i < 32; i++) {
		pid_t pid = tap_fork();
		if (pid == 0) {
			for (size_t j = 0; j < size; j += PAGE)
				memory[j] = 'c';
			_exit(0);
		}
		check_exits(pid, 0);
	}
	check(comes_back(free_before));
	check(holds(memory, size, 'a'));
}

/* The other way round: the parent's copies replace pages whose last owner then exits. */
static void originals_are_freed(void)
{
	size_t size = 2 * TABLE;
	char *memory = map_private_at(NOWHERE, size);
	long free_before;

	memset(memory, 0, size);
	free_before = free_mebibytes();
	for (int i = 0; i < 32; i++) {
		pid_t pid;
		begin_turns();
		pid = tap_fork();
		if (pid == 0) {
			wait_for_turn(1);
			check_eq(memory[size - 1], i);
			_exit(0);
		}
		memset(memory, i + 1, size);
		next_turn();
		check_exits(pid, 0);
		check_call(munmap(turn, sizeof(*turn)));
	}
	check(comes_back(free_before));
}

static const struct test_case cases[] = {
	TEST(data_is_isolated, "the data segment is isolated, whoever writes first"),
	TEST(bss_is_isolated, "the bss segment is isolated, whoever writes first"),
	TEST(stack_is_isolated, "the stack is isolated, whoever writes first"),
	TEST(heap_is_isolated, "the heap is isolated, whoever writes first"),
	TEST(anonymous_mapping_is_isolated,
	     "an anonymous mapping is isolated, whoever writes first"),
	TEST(private_file_mapping_is_isolated,
	     "a private file mapping is isolated, also from the file"),
	TEST(untouched_file_page_is_isolated,
	     "a private file page first written after fork is isolated"),
	TEST(page_read_before_fork_is_isolated,
	     "a zero page that was only read before fork is isolated"),
	TEST(page_never_touched_is_isolated, "a page first touched after fork is each one's own"),
	TEST(every_byte_is_copied, "a write after fork copies every byte of the page"),
	TEST(edges_of_nodes_are_isolated,
	     "pages at the edges of 2 MiB, 1 GiB and 512 GiB are isolated"),
	TEST(sparse_memory_is_isolated, "pages spread over 512 GiB are isolated"),
	TEST(dense_memory_is_isolated, "every page of 8 MiB is isolated"),
	TEST(one_write_leaves_the_neighbours,
	     "one write after fork leaves the neighbouring pages as they are"),
	TEST(store_across_two_pages_is_isolated, "a store across two shared pages is isolated"),
	TEST(every_kind_of_store_is_isolated,
	     "locked, string and push stores to shared pages are isolated"),
	TEST(code_is_isolated, "code written after fork is isolated"),
	TEST(own_program_text_is_isolated,
	     "the program's own read-only pages, made writable, are isolated"),
	TEST(writable_again_is_isolated,
	     "mprotect from read-only to writable does not make a shared page writable for both"),
	TEST(accessible_again_is_isolated,
	     "mprotect from none to writable does not make a shared page writable for both"),
	TEST(writable_still_is_isolated,
	     "mprotect from writable to writable does not make a shared page writable for both"),
	TEST(protected_in_between_is_isolated,
	     "a page made read-only and writable again after fork is isolated"),
	TEST(last_owner_keeps_the_page, "a page is right for its last owner after many forks"),
	TEST(copies_are_freed, "the copies that children made are freed"),
	TEST(originals_are_freed, "the originals that a parent replaced are freed"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
