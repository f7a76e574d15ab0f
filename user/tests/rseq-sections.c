/*
 * Restartable sequences: which sections are aborted, by what, and where to; what forged ones get;
 * membarrier's part in it; and that they do what they are for.
 */
#include "rseq.h"

/* ---- aborts ---- */

static void spinner(struct area *a, volatile int *state)
{
	check_eq(raw_rseq(a, 32, 0, SIGNATURE), 0);
	_exit(spin(a, state, state + 1) ? 1 : 2);
}

/* A section in a child that a shared page shows from outside. */
static pid_t start_spinner(volatile int *state)
{
	pid_t pid = tap_fork();

	if (pid == 0)
		spinner(&area, state);
	tap_await(state, 1);
	return pid;
}

static void migration_aborts(void)
{
	volatile int *state = tap_shared(4096);
	pid_t pid;

	stay_on(0);
	pid = start_spinner(state);
	/* With one processor it is this program that takes it away. */
	unsigned long mask = 1UL << (cpus - 1);
	check_eq(raw3(SYS_sched_setaffinity, pid, sizeof(mask), &mask), 0);
	check_exits(pid, 1);
}

static void preemption_aborts(void)
{
	volatile int *state = tap_shared(4096);
	pid_t pid;

	stay_on(0);
	pid = start_spinner(state); /* which needs the processor, and so do we */
	check_exits(pid, 1);
}

static void handler_aborts(void)
{
	volatile int *state = tap_shared(4096);
	pid_t pid = tap_fork();

	if (pid == 0) {
		set_info_handler(SIGUSR1, note_frame, 0);
		join_in();
		check(spin(&area, state, state + 1));
		/* It may have been preempted before the signal came. */
		while (!frame_ip)
			raw_settle();
		check(frame_section_clear);
		_exit(0);
	}
	tap_await(state, 1);
	check_call(kill(pid, SIGUSR1));
	check_exits(pid, 0);
}

static void frame_shows_abort(void)
{
	set_info_handler(SIGTRAP, note_frame, 0);
	join_in();
	check(trap_inside());
	check_eq(frame_ip, (long)trap_abort);
	check(frame_section_clear);
	check_eq(area.section, 0);
}

static void without_registration(void)
{
	set_info_handler(SIGTRAP, note_frame, 0);
	check(!trap_inside());
	check_eq(frame_ip, (long)trap_start + 1);
	check_eq(area.section, (long)&trap_section);
}

/* A section that has been left is forgotten at the next disturbance; the program goes on. */
static void left_section_is_cleared(void)
{
	static volatile int inside, leave = 1;

	join_in();
	while (spin(&area, &inside, &leave))
		;
	settle();
	check_eq(area.section, 0);
}

static void quiet_section_completes(void)
{
	static volatile int inside, leave = 1;
	int completed = 0;

	join_in();
	for (int i = 0; i < 1000; i++)
		completed += !spin(&area, &inside, &leave);
	check(completed > 900);
}

/* The end does not belong to the section. */
static void exclude_last(struct section *section)
{
	section->length = 1; /* ip behind the int3 is start + 1 */
}

static void include_last(struct section *section)
{
	section->length = 2;
}

static void end_is_outside(void)
{
	set_info_handler(SIGTRAP, note_frame, 0);
	join_in();
	forge = exclude_last;
	check(!trap_inside());
	check_eq(area.section, 0);
	forge = include_last;
	check(trap_inside());
}

/* ---- what it is for: counters of each processor's own ---- */

#define WORKERS 6
#define ROUNDS  200000

struct counter {
	volatile long n;
	char apart[56];
};

/* Adds 1 to the counter of the processor it runs on, in a section that ends with the store. */
static __attribute__((noinline)) void count_here(struct area *a, struct counter *counters)
{
	__asm__ volatile(".pushsection .data.rseq_cs, \"aw\"\n\t"
			 ".balign 32\n"
			 "3:\t.long 0, 0\n\t"
			 ".quad 1f, 2f - 1f, 4f\n\t"
			 ".popsection\n"
			 "0:\tleaq 3b(%%rip), %%rax\n\t"
			 "movq %%rax, %[pointer]\n"
			 "1:\tmovl %[cpu], %%eax\n\t"
			 "shlq $6, %%rax\n\t"
			 "addq %[counters], %%rax\n\t"
			 "movq (%%rax), %%rcx\n\t"
			 "addq $1, %%rcx\n\t"
			 "movq %%rcx, (%%rax)\n"
			 "2:\tjmp 5f\n\t"
			 ".long 0x53053053\n"
			 "4:\tjmp 0b\n"
			 "5:"
			 : [pointer] "=m"(a->section)
			 : [cpu] "m"(a->cpu_id), [counters] "r"(counters)
			 : "rax", "rcx", "memory", "cc");
}

static struct counter counters[64] __attribute__((aligned(64)));
static struct area areas[WORKERS];
static volatile int unlucky;

static int worker(void *own)
{
	const struct timespec moment = {0, 1000};
	unsigned long mask;

	if (raw_rseq(own, 32, 0, SIGNATURE))
		return add(&unlucky, 1);
	for (int i = 1; i <= ROUNDS; i++) {
		count_here(own, counters);
		if (i % 5000)
			continue;
		/* Disturbances of every kind: other threads, moves, sleeps, signals. */
		mask = i % 10000 ? 1UL << (i / 5000 % cpus) : ~0UL;
		raw3(SYS_sched_setaffinity, 0, sizeof(mask), &mask);
		if (i % 20000 == 0)
			raw2(SYS_nanosleep, &moment, NULL);
	}
	return 0;
}

static long sum_of_counters(void)
{
	long sum = 0;

	for (int i = 0; i < 64; i++)
		sum += counters[i].n;
	return sum;
}

static void counts_exactly(void)
{
	struct thread threads[WORKERS];

	set_handler(SIGUSR1, count_signal, 0);
	for (int i = 0; i < WORKERS; i++)
		thread_start(&threads[i], worker, &areas[i]);
	for (int i = 0; i < 200; i++) {
		raw3(SYS_tgkill, getpid(), threads[i % WORKERS].tid, SIGUSR1);
		raw0(SYS_sched_yield);
	}
	for (int i = 0; i < WORKERS; i++)
		thread_join(&threads[i]);
	check_eq(unlucky, 0);
	check_eq(sum_of_counters(), (long)WORKERS * ROUNDS);
}

/* ---- membarrier ---- */

#define BARRIER          0x80
#define REGISTER_BARRIER 0x100
#define ONE_CPU          1

static long membarrier(int command, int flags_, int cpu)
{
	return raw3(SYS_membarrier, command, flags_, cpu);
}

static void barrier_errors(void)
{
	check_eq(membarrier(0, 0, 0), 0x1ff);
	check_eq(membarrier(BARRIER, 0, 0), -EPERM);
	check_eq(membarrier(BARRIER, ONE_CPU, 0), -EPERM);
	check_eq(membarrier(BARRIER, 2, 0), -EINVAL);
	check_eq(membarrier(BARRIER, 3, 0), -EINVAL);
	check_eq(membarrier(REGISTER_BARRIER, ONE_CPU, 0), -EINVAL);
	check_eq(membarrier(0, ONE_CPU, 0), -EINVAL);
	check_eq(membarrier(1, ONE_CPU, 0), -EINVAL);
	check_eq(membarrier(8, ONE_CPU, 0), -EINVAL);
	check_eq(membarrier(REGISTER_BARRIER, 0, 0), 0);
	check_eq(membarrier(8, 0, 0), -EPERM);
	check_eq(membarrier(BARRIER, 0, 1000), 0);
	for (int cpu = -3; cpu < 70; cpu++)
		check_eq(membarrier(BARRIER, ONE_CPU, cpu), 0);
	check_eq(membarrier(BARRIER, ONE_CPU, 0x7fffffff), 0);
	check_eq(membarrier(BARRIER, ONE_CPU, -0x7fffffff), 0);
}

#define BARRIERS 300

static volatile int inside, leave, aborts;

static int spinning_thread(void *unused)
{
	(void)unused;
	stay_on(cpus - 1);
	check_eq(raw_rseq(&areas[0], 32, 0, SIGNATURE), 0);
	for (int i = 0; i < BARRIERS; i++) {
		spin(&areas[0], &inside, &leave);
		set(&inside, 0);
		add(&aborts, 1);
	}
	return 0;
}

/* Something else may abort one now and then, but not so many: that would take minutes. */
static void barrier_aborts_on(int flags_)
{
	struct thread thread;

	stay_on(0);
	check_eq(membarrier(REGISTER_BARRIER, 0, 0), 0);
	thread_start(&thread, spinning_thread, NULL);
	while (get(&aborts) < BARRIERS) {
		int before = get(&aborts);

		while (!get(&inside) && get(&aborts) == before && before < BARRIERS)
			raw0(SYS_sched_yield);
		check_eq(membarrier(BARRIER, flags_, cpus - 1), 0);
		raw_await(&aborts, before + 1);
	}
	thread_join(&thread);
}

static void barrier_aborts(void)
{
	barrier_aborts_on(0);
}

static void barrier_aborts_on_one(void)
{
	barrier_aborts_on(ONE_CPU);
}

/* Was the section that calls membarrier aborted by that? */
extern const char call_start[], call_end[], call_abort[];

static __attribute__((noinline)) int call_aborts(int flags_, int cpu)
{
	static struct section call_section;
	long result = SYS_membarrier;

	call_section = (struct section){
		.start = (uint64_t)call_start,
		.length = (uint64_t)(call_end - call_start),
		.abort = (uint64_t)call_abort,
	};
	__asm__ volatile("movq %[section], %[pointer]\n\t"
			 ".globl call_start, call_end, call_abort\n"
			 "call_start:\n\t"
			 "syscall\n\t"
			 "nop\n"
			 "call_end:\n\t"
			 "jmp 2f\n\t"
			 ".long 0x53053053\n"
			 "call_abort:\n\t"
			 "movl $1, %%eax\n"
			 "2:"
			 : [pointer] "=m"(area.section), "+a"(result)
			 : [section] "r"(&call_section), "D"(BARRIER), "S"(flags_), "d"(cpu)
			 : "rcx", "r11", "memory", "cc");
	return result != 0;
}

/* Other things abort a section as well, but not each of many. */
#define CALLS 100

static int calls_aborted(int flags_, int cpu)
{
	int n = 0;

	for (int i = 0; i < CALLS; i++)
		n += call_aborts(flags_, cpu);
	return n;
}

static int waiting_thread(void *unused)
{
	(void)unused;
	raw_await(&leave, 1);
	return 0;
}

/* Alone, with another thread, and about another processor. */
static void barrier_meets_caller(void)
{
	struct thread thread;

	stay_on(cpus - 1);
	join_in();
	check_eq(membarrier(REGISTER_BARRIER, 0, 0), 0);
	check(calls_aborted(ONE_CPU, cpus - 1) < CALLS);
	thread_start(&thread, waiting_thread, NULL);
	check(calls_aborted(0, 0) < CALLS);
	check(calls_aborted(ONE_CPU, -1) < CALLS);
	if (cpus > 1) {
		check_eq(calls_aborted(ONE_CPU, cpus - 1), CALLS);
		check(calls_aborted(ONE_CPU, 0) < CALLS);
	} else {
		check(calls_aborted(ONE_CPU, 0) < CALLS);
	}
	set(&leave, 1);
	thread_join(&thread);
}

/* ---- forged descriptions ---- */

static void forge_version(struct section *s)
{
	s->version = 1;
}
static void forge_flags(struct section *s)
{
	s->flags = 1;
}
static void forge_signature(struct section *s)
{
	s->abort++;
}
static void forge_start(struct section *s)
{
	s->start = (uint64_t)KERNEL_ADDRESS;
}
static void forge_end(struct section *s)
{
	s->length = (1UL << 63) - s->start;
}
static void forge_overflow(struct section *s)
{
	s->length = -8UL;
}
static void forge_abort(struct section *s)
{
	s->abort = (uint64_t)KERNEL_ADDRESS;
}
static void forge_abort_inside(struct section *s)
{
	s->abort = s->start;
}
static void forge_abort_unmapped(struct section *s)
{
	s->abort = 4096;
}
static void forge_abort_low(struct section *s)
{
	s->abort = 2;
}

static const struct {
	const char *name;
	void (*forge)(struct section *section);
} forgeries[] = {
	{"version", forge_version},
	{"flags", forge_flags},
	{"signature", forge_signature},
	{"start", forge_start},
	{"end", forge_end},
	{"overflow", forge_overflow},
	{"abort", forge_abort},
	{"abort inside", forge_abort_inside},
	{"abort unmapped", forge_abort_unmapped},
	{"abort low", forge_abort_low},
};

static void run_forged(void *unused)
{
	(void)unused;
	set_info_handler(SIGTRAP, note_frame, 0);
	join_in();
	trap_inside();
}

static void forged_descriptions(void)
{
	for (size_t i = 0; i < TAP_COUNT(forgeries); i++) {
		forge = forgeries[i].forge;
		tap_note("%s", forgeries[i].name);
		check_dies(run_forged, NULL, SIGSEGV);
	}
}

/* No handler helps a program whose sections cannot be read. */
static void run_forged_handled(void *unused)
{
	(void)unused;
	set_handler(SIGSEGV, count_signal, 0);
	run_forged(NULL);
	_exit(0);
}

static void forged_with_handler(void)
{
	forge = forge_signature;
	check_dies(run_forged_handled, NULL, SIGSEGV);
}

static void point_at(void *address)
{
	join_in();
	area.section = (uint64_t)address;
	for (;;)
		raw_settle();
}

static void bad_pointers(void)
{
	check_dies(point_at, KERNEL_ADDRESS, SIGSEGV);
	check_dies(point_at, (void *)-1L, SIGSEGV);
	check_dies(point_at, (void *)0x10, SIGSEGV);
	check_dies(point_at, (void *)0x7ffffffff000, SIGSEGV);
}

static void area_with_flags(void *unused)
{
	(void)unused;
	area.flags = 1;
	run_forged(NULL);
}

static void flags_of_the_area(void)
{
	check_dies(area_with_flags, NULL, SIGSEGV);
	/* They are looked at only inside a section. */
	join_in();
	area.flags = 7;
	settle();
	check_eq(area.flags, 7);
}

static const struct test_case cases[] = {
	TEST(migration_aborts, "rseq: a section whose thread is moved is aborted"),
	TEST(preemption_aborts, "rseq: a section whose thread is preempted is aborted"),
	TEST(handler_aborts, "rseq: a section that another process's signal meets is aborted"),
	TEST(frame_shows_abort, "rseq: a signal's frame shows where the section is aborted to"),
	TEST(without_registration, "rseq: nothing is aborted of who has not registered"),
	TEST(left_section_is_cleared, "rseq: a section that was left is forgotten"),
	TEST(quiet_section_completes, "rseq: sections that nothing disturbs complete"),
	TEST(end_is_outside, "rseq: the end does not belong to the section"),
	TEST(counts_exactly, "rseq: counters of each processor's own miss nothing"),
	TEST(barrier_errors, "rseq: membarrier's commands, flags and processors"),
	TEST(barrier_aborts, "rseq: membarrier aborts sections"),
	TEST(barrier_aborts_on_one, "rseq: membarrier aborts sections on one processor"),
	TEST(barrier_meets_caller,
	     "rseq: membarrier aborts its caller's section where its processor is named"),
	TEST(forged_descriptions, "rseq: forged descriptions are SIGSEGV"),
	TEST(forged_with_handler, "rseq: a handler for that SIGSEGV does not run"),
	TEST(bad_pointers, "rseq: bad pointers to a description are SIGSEGV"),
	TEST(flags_of_the_area, "rseq: flags in the area are SIGSEGV in a section only"),
};

int main(int argc, char **argv)
{
	count_cpus();
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
