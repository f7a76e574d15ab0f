#ifndef CLONE_H
#define CLONE_H

/*
 * What the suites of clone's flags share. Most of their cases are about two processes that look at
 * each other's changes in turn, so there is a count by which they take turns. The children share
 * memory, errno included, with a parent that runs: they use raw_ calls only.
 */
#include "proc.h"

static volatile int *turn UNUSED;

/* Before the other process is made. */
static inline UNUSED void begin_turns(void)
{
	turn = tap_shared(4096);
}

static inline UNUSED void await_turn(int number)
{
	raw_await(turn, number);
}

/* Whoever awaits turn number `number` goes on. */
static inline UNUSED void give_turn(int number)
{
	set(turn, number);
}

static UNUSED int wait_for_ever(void *argument)
{
	for (;;)
		raw0(SYS_pause);
	return (int)(long)argument;
}

/* The number that the next descriptor gets. */
static inline UNUSED int lowest_free_descriptor(void)
{
	int fd = check_call(dup(0));

	check_call(close(fd));
	return fd;
}

/* A page of its own, private, readable and writable. */
static inline UNUSED char *new_page(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED);
	return page;
}

/* Two pages, of which the second is not mapped: the address where it would begin. */
static inline UNUSED char *end_of_memory(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(pages != MAP_FAILED);
	check_call(munmap(pages + 4096, 4096));
	return pages + 4096;
}

#endif
