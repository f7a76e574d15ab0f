#ifndef RSEQ_H
#define RSEQ_H

/*
 * Restartable sequences for the suites about them: an area, and sections that say how they were
 * left. The C library registers nothing (musl), so every thread begins without an area.
 */
#include "helpers.h"

#ifndef SYS_rseq
#define SYS_rseq 334
#endif

#define SIGNATURE 0x53053053u /* a ud1 instruction, as glibc's: it stands in front of abort_ip */

struct area {
	volatile uint32_t cpu_id_start, cpu_id;
	volatile uint64_t section;
	volatile uint32_t flags;
} __attribute__((aligned(32)));

struct section {
	uint32_t version, flags;
	uint64_t start, length, abort;
} __attribute__((aligned(32)));

static struct area area;

static UNUSED long raw_rseq(void *area_, unsigned int size, int flags, unsigned int signature)
{
	return raw4(SYS_rseq, area_, size, flags, signature);
}

static UNUSED void join_in(void)
{
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE), 0);
}

static UNUSED int here(void)
{
	unsigned int cpu;

	check_eq(raw3(SYS_getcpu, &cpu, NULL, NULL), 0);
	return (int)cpu;
}

static UNUSED void stay_on(int cpu)
{
	unsigned long mask = 1UL << cpu;

	check_eq(raw3(SYS_sched_setaffinity, 0, sizeof(mask), &mask), 0);
}

static int cpus UNUSED; /* how many there are */

/* To be called by main: the C library counts those that the caller may use. */
static UNUSED void count_cpus(void)
{
	cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
}

static UNUSED struct area *page_with_area(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED);
	return page;
}

static volatile long frame_ip;
static volatile int frame_section_clear;

static UNUSED void note_frame(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)number, (void)info;
	frame_ip = uc->uc_mcontext.gregs[16];
	frame_section_clear = area.section == 0;
}

/*
 * Sections may be disturbed at any time, also by what the case does not know of. `forge`, if set,
 * changes their descriptions.
 */

/*
 * One that ends only by being aborted, or when *leave is not zero: true if it was aborted. It
 * announces itself in *inside; if it is aborted before, it begins again.
 */
static struct section spin_section;
static UNUSED void (*forge)(struct section *section);

extern const char spin_start[], spin_end[], spin_abort[];

static UNUSED __attribute__((noinline)) int spin(struct area *a, volatile int *inside,
						 volatile int *leave)
{
	int aborted;

	spin_section = (struct section){
		.start = (uint64_t)spin_start,
		.length = (uint64_t)(spin_end - spin_start),
		.abort = (uint64_t)spin_abort,
	};
	if (forge)
		forge(&spin_section);
	__asm__ volatile("0:\tmovq %[section], %[pointer]\n\t"
			 ".globl spin_start, spin_end, spin_abort\n"
			 "spin_start:\n\t"
			 "movl $1, (%[inside])\n"
			 "1:\tpause\n\t"
			 "cmpl $0, (%[leave])\n\t"
			 "je 1b\n"
			 "spin_end:\n\t"
			 "xorl %[aborted], %[aborted]\n\t"
			 "jmp 2f\n\t"
			 ".long 0x53053053\n"
			 "spin_abort:\n\t"
			 "cmpl $0, (%[inside])\n\t"
			 "je 0b\n\t"
			 "movl $1, %[aborted]\n"
			 "2:"
			 : [aborted] "=&r"(aborted), [pointer] "=m"(a->section)
			 : [section] "r"(&spin_section), [inside] "r"(inside), [leave] "r"(leave)
			 : "memory", "cc");
	return aborted;
}

/* One that raises a signal itself, at a known instruction, for note_frame to look at. */
extern const char trap_start[], trap_end[], trap_abort[];
static struct section trap_section;

static UNUSED __attribute__((noinline)) int trap_inside(void)
{
	int aborted;

	trap_section = (struct section){
		.start = (uint64_t)trap_start,
		.length = (uint64_t)(trap_end - trap_start),
		.abort = (uint64_t)trap_abort,
	};
	if (forge)
		forge(&trap_section);
	frame_ip = 0;
	__asm__ volatile("0:\tmovq %[section], %[pointer]\n\t"
			 ".globl trap_start, trap_end, trap_abort\n"
			 "trap_start:\n\t"
			 "int3\n\t"
			 "nop\n"
			 "trap_end:\n\t"
			 "xorl %[aborted], %[aborted]\n\t"
			 "jmp 2f\n\t"
			 ".long 0x53053053\n"
			 "trap_abort:\n\t"
			 "cmpq $0, %[frame]\n\t"
			 "je 0b\n\t"
			 "movl $1, %[aborted]\n"
			 "2:"
			 : [aborted] "=&r"(aborted), [pointer] "=m"(area.section)
			 : [section] "r"(&trap_section), [frame] "m"(frame_ip)
			 : "memory", "cc");
	return aborted;
}

#endif
