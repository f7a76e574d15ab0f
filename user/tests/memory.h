#ifndef MEMORY_H
#define MEMORY_H

/*
 * What the tests of memory have in common: mappings that must succeed, and touches that may be
 * fatal.
 */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tap.h"

/* What one entry of the page-table tree covers, level by level. */
#define PAGE       4096UL
#define TABLE      (2UL << 20)
#define DIRECTORY  (1UL << 30)
#define ROOT_ENTRY (512UL << 30)

/*
 * Far from everything that a static program has by itself, and aligned at every level of the tree.
 */
#define NOWHERE ((char *)(16 * ROOT_ENTRY))

/* The lowest address that belongs to nobody, whether the processor translates 48 bits or 57. */
#define NOT_CANONICAL (1UL << 56)

#define MEMORY_INLINE static inline __attribute__((unused))

/* mmap that fails the case if it fails. */
MEMORY_INLINE char *map(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	void *memory = mmap(address, size, protection, flags, fd, offset);

	check(memory != MAP_FAILED);
	return memory;
}

/* Private anonymous memory, readable and writable. */
MEMORY_INLINE char *map_private(size_t size)
{
	return map(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* The same at a fixed place. Nothing is reserved, so it may be much larger than memory. */
MEMORY_INLINE char *map_private_at(void *address, size_t size)
{
	return map(address, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
}

/* `size` usable bytes with an unmapped page on either side. */
MEMORY_INLINE char *map_between_holes(size_t size)
{
	char *memory = map_private(size + 2 * PAGE);

	check_call(munmap(memory, PAGE));
	check_call(munmap(memory + PAGE + size, PAGE));
	return memory + PAGE;
}

/* Does all of it hold this byte? */
MEMORY_INLINE int holds(const char *memory, size_t size, char byte)
{
	for (size_t i = 0; i < size; i++)
		if (((const volatile char *)memory)[i] != byte)
			return 0;
	return 1;
}

/* For check_dies and check_child: one access, which the compiler must not leave out. */
MEMORY_INLINE void read_byte(void *address)
{
	(void)*(volatile char *)address;
}
MEMORY_INLINE void write_byte(void *address)
{
	*(volatile char *)address = 1;
}

/*
 * Does the access end in SIGSEGV in this very process? check_dies asks a child, whose translations
 * are new; this one asks a process that has just used the page. The handler stays set.
 */
static sigjmp_buf memory_after_fault;

MEMORY_INLINE void memory_note_fault(int signal)
{
	siglongjmp(memory_after_fault, signal);
}

MEMORY_INLINE int faults_here(void (*access)(void *), void *address)
{
	struct sigaction action = {.sa_handler = memory_note_fault};

	check_call(sigaction(SIGSEGV, &action, NULL));
	if (sigsetjmp(memory_after_fault, 1))
		return 1;
	access(address);
	return 0;
}

/* An open file of `size` bytes, all `byte`, at its start, that has no name any more. */
MEMORY_INLINE int make_file(size_t size, char byte)
{
	char name[32];
	char block[PAGE];
	int fd;

	snprintf(name, sizeof(name), "/tmp/tine-test-%06d", (int)getpid() % 1000000);
	fd = check_call(open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	check_call(unlink(name));
	memset(block, byte, sizeof(block));
	for (size_t done = 0; done < size;) {
		size_t chunk = size - done < sizeof(block) ? size - done : sizeof(block);
		check_eq(write(fd, block, chunk), chunk);
		done += chunk;
	}
	check_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* The number behind "NAME:" in a file of such lines, -1 if there is none. */
MEMORY_INLINE long number_in(const char *path, const char *name)
{
	static char text[16384];
	int fd = check_call(open(path, O_RDONLY));
	ssize_t n, size = 0;
	char *at;

	while ((n = read(fd, text + size, sizeof(text) - 1 - size)) > 0)
		size += n;
	check_call(close(fd));
	text[size] = 0;
	for (at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		if (!strncmp(at, name, strlen(name)) && at[strlen(name)] == ':')
			return strtol(at + strlen(name) + 1, NULL, 10);
	return -1;
}

MEMORY_INLINE long locked_kb(void)
{
	return number_in("/proc/self/status", "VmLck");
}

#endif
