/* brk: the heap's end, moved up and down, before and after fork. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

/*
 * As the kernel has it: the end that holds afterwards, which is the old one if the new one was
 * refused.
 */
static char *set_end(char *end)
{
	return (char *)raw1(SYS_brk, end);
}

/* The end, moved up to the edge of a page, so that what the tests add is pages of their own. */
static char *end_at_a_page(void)
{
	char *end = (char *)(((unsigned long)set_end(NULL) + PAGE - 1) & ~(PAGE - 1));

	check(set_end(end) == end);
	return end;
}

static void asking_changes_nothing(void)
{
	char *end = set_end(NULL);

	check(set_end(NULL) == end);
	check(set_end((char *)1) == end);
	check(set_end(end) == end);
}

static void grows_with_zeros(void)
{
	char *end = end_at_a_page();

	check(set_end(end + 10 * PAGE) == end + 10 * PAGE);
	check(holds(end, 10 * PAGE, 0));
	memset(end, 'a', 10 * PAGE);
	check_dies(read_byte, end + 10 * PAGE, SIGSEGV);
}

static void end_need_not_be_at_a_page(void)
{
	char *end = end_at_a_page();

	check(set_end(end + 100) == end + 100);
	end[PAGE - 1] = 'a'; /* the whole page is there */
	check_dies(read_byte, end + PAGE, SIGSEGV);
	check(set_end(end + 50) == end + 50);
	check_eq(end[PAGE - 1], 'a');
}

static void shrinks(void)
{
	char *end = end_at_a_page();

	check(set_end(end + 3 * PAGE) == end + 3 * PAGE);
	memset(end, 'a', 3 * PAGE);
	check(set_end(end + PAGE) == end + PAGE);
	check_dies(read_byte, end + PAGE, SIGSEGV);
	check(holds(end, PAGE, 'a'));
	check(set_end(end + 3 * PAGE) == end + 3 * PAGE);
	check(holds(end + PAGE, 2 * PAGE, 0));
}

static void stops_at_another_mapping(void)
{
	char *end = end_at_a_page();
	char *wall = map_private_at(end + 4 * PAGE, PAGE);

	wall[0] = 'w';
	check(set_end(end + 3 * PAGE) == end + 3 * PAGE);
	check(set_end(end + 5 * PAGE) == end + 3 * PAGE);
	check(set_end(end + 9 * PAGE) == end + 3 * PAGE);
	check_eq(wall[0], 'w');
}

static void nonsense_is_refused(void)
{
	char *end = end_at_a_page();

	check(set_end((char *)NOT_CANONICAL) == end);
	check(set_end((char *)0xffff800000000000) == end);
	check(set_end((char *)~0UL) == end);
	check_dies(read_byte, end, SIGSEGV);
}

/* Linux compares with the limit before it looks at the direction. */
static void data_limit_holds(void)
{
	struct rlimit limit = {0, RLIM_INFINITY};
	char *end = end_at_a_page();

	check(set_end(end + PAGE) == end + PAGE);
	check_call(setrlimit(RLIMIT_DATA, &limit));
	check(set_end(end + 2 * PAGE) == end + PAGE);
	check(set_end(end) == end + PAGE);
	limit.rlim_cur = RLIM_INFINITY;
	check_call(setrlimit(RLIMIT_DATA, &limit));
	check(set_end(end) == end);
}

static void grows_in_the_child_only(void)
{
	char *end = end_at_a_page();
	pid_t pid;

	check(set_end(end + PAGE) == end + PAGE);
	end[0] = 'a';
	pid = tap_fork();
	if (pid == 0) {
		check(set_end(NULL) == end + PAGE);
		check(set_end(end + 3 * PAGE) == end + 3 * PAGE);
		memset(end, 'c', 3 * PAGE);
		check_child(write_byte, end + 2 * PAGE);
		_exit(0);
	}
	check_exits(pid, 0);
	check(set_end(NULL) == end + PAGE);
	check_eq(end[0], 'a');
	check_dies(read_byte, end + PAGE, SIGSEGV);
	check(set_end(end + 3 * PAGE) == end + 3 * PAGE);
	check(holds(end + PAGE, 2 * PAGE, 0));
}

static void shrinks_in_the_child_only(void)
{
	char *end = end_at_a_page();
	pid_t pid;

	check(set_end(end + 600 * PAGE) == end + 600 * PAGE);
	for (int i = 0; i < 600; i++)
		end[i * PAGE] = 'a';
	pid = tap_fork();
	if (pid == 0) {
		check(set_end(end + PAGE) == end + PAGE);
		check_dies(read_byte, end + PAGE, SIGSEGV);
		check(set_end(end + 2 * PAGE) == end + 2 * PAGE);
		check(holds(end + PAGE, PAGE, 0));
		end[PAGE] = 'c';
		_exit(0);
	}
	check_exits(pid, 0);
	for (int i = 0; i < 600; i++)
		check_eq(end[i * PAGE], 'a');
}

static void parent_and_child_grow_apart(void)
{
	char *end = end_at_a_page();
	int *grown = tap_shared(sizeof(*grown));
	pid_t pid = tap_fork();
	char mine = pid == 0 ? 'c' : 'p';

	check(set_end(end + 40 * PAGE) == end + 40 * PAGE);
	memset(end, mine, 40 * PAGE);
	__atomic_add_fetch(grown, 1, __ATOMIC_SEQ_CST);
	tap_await(grown, 2);
	check(holds(end, 40 * PAGE, mine));
	if (pid == 0)
		_exit(0);
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(asking_changes_nothing,
	     "brk of 0, or below the heap, returns the end and changes nothing"),
	TEST(grows_with_zeros, "the heap grows with zeros"),
	TEST(end_need_not_be_at_a_page, "the heap's last page is there as a whole"),
	TEST(shrinks, "the heap shrinks, and what comes back is zero"),
	TEST(stops_at_another_mapping, "the heap does not grow over another mapping"),
	TEST(nonsense_is_refused, "an impossible end is refused"),
	TEST(data_limit_holds, "over RLIMIT_DATA the end of the heap moves neither up nor down"),
	TEST(grows_in_the_child_only, "a heap grown in the child has not grown in the parent"),
	TEST(shrinks_in_the_child_only, "a heap shrunk in the child is whole in the parent"),
	TEST(parent_and_child_grow_apart, "parent and child grow the heap at once, each its own"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
