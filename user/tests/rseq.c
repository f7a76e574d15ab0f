/*
 * rseq(2): what it takes, what the kernel keeps in the registered area, and what becomes of the
 * registration at fork, clone, exec and exit. Which sections are aborted is in rseq-sections.c.
 */
#include "rseq.h"

/* ---- what the call takes ---- */

static void registers(void)
{
	join_in();
	check_eq(raw_rseq(&area, 32, 1, SIGNATURE), 0);
	join_in();
}

static void sizes(void)
{
	static const unsigned int bad[] = {0, 1, 20, 24, 28, 31, 33, 64, 0x80000020u, ~0u};

	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		check_eq(raw_rseq(&area, bad[i], 0, SIGNATURE), -EINVAL);
		check_eq(raw_rseq(&area, bad[i], 1, SIGNATURE), -EINVAL);
	}
	join_in();
	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		check_eq(raw_rseq(&area, bad[i], 0, SIGNATURE), -EINVAL);
		check_eq(raw_rseq(&area, bad[i], 1, SIGNATURE), -EINVAL);
	}
}

static void alignment(void)
{
	for (int i = 1; i < 32; i++)
		check_eq(raw_rseq((char *)&area + i, 32, 0, SIGNATURE), -EINVAL);
	check_eq(raw_rseq((void *)1, 32, 0, SIGNATURE), -EINVAL);
}

static void flags(void)
{
	static const int bad[] = {2, 3, 4, 5, 1 << 30, -1, (int)0x80000000};

	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw_rseq(&area, 32, bad[i], SIGNATURE), -EINVAL);
	join_in();
	for (size_t i = 0; i < TAP_COUNT(bad); i++)
		check_eq(raw_rseq(&area, 32, bad[i], SIGNATURE), -EINVAL);
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE), -EBUSY);
}

static void twice(void)
{
	static struct area other;

	join_in();
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE), -EBUSY);
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE + 1), -EPERM);
	check_eq(raw_rseq(&other, 32, 0, SIGNATURE), -EINVAL);
	check_eq(raw_rseq(&other, 32, 0, SIGNATURE + 1), -EINVAL);
	check_eq(raw_rseq(NULL, 32, 0, SIGNATURE), -EINVAL);
	check_eq(raw_rseq(KERNEL_ADDRESS, 32, 0, SIGNATURE), -EINVAL);
}

static void unregisters(void)
{
	static struct area other;

	check_eq(raw_rseq(&area, 32, 1, SIGNATURE), -EINVAL);
	check_eq(raw_rseq(NULL, 32, 1, 0), -EINVAL);
	join_in();
	check_eq(raw_rseq(&other, 32, 1, SIGNATURE), -EINVAL);
	check_eq(raw_rseq(NULL, 32, 1, SIGNATURE), -EINVAL);
	check_eq(raw_rseq(&area, 32, 1, SIGNATURE + 1), -EPERM);
	check_eq((int)area.cpu_id, here());
	check_eq(raw_rseq(&area, 32, 1, SIGNATURE), 0);
	check_eq(raw_rseq(&area, 32, 1, SIGNATURE), -EINVAL);
	check_eq(area.cpu_id_start, 0);
	check_eq((int)area.cpu_id, -1);
}

/* It leaves the area alone, whatever happens. */
static void unregistered_stays(void)
{
	join_in();
	check_eq(raw_rseq(&area, 32, 1, SIGNATURE), 0);
	area.cpu_id_start = area.cpu_id = 77;
	area.section = 1;
	for (int i = 0; i < cpus; i++)
		stay_on(i);
	settle();
	check_eq(area.cpu_id_start, 77);
	check_eq(area.cpu_id, 77);
	check_eq(area.section, 1);
}

static void kernel_addresses(void)
{
	check_eq(raw_rseq(KERNEL_ADDRESS, 32, 0, SIGNATURE), -EFAULT);
	check_eq(raw_rseq((void *)-32L, 32, 0, SIGNATURE), -EFAULT);
	join_in();
}

static void no_memory_there(void)
{
	check_eq(raw_rseq(NULL, 32, 0, SIGNATURE), -EFAULT);
	check_eq(raw_rseq((void *)0x20, 32, 0, SIGNATURE), -EFAULT);
	check_eq(raw_rseq(NULL, 32, 1, SIGNATURE), -EINVAL);
	join_in();
}

/* It cannot be told the number. */
static void read_only_area(void *section)
{
	struct area *a = page_with_area();

	a->section = (uint64_t)section;
	check_call(mprotect(a, 4096, PROT_READ));
	check_eq(raw_rseq(a, 32, 0, SIGNATURE), section ? -EFAULT : 0);
}

static void read_only_memory(void)
{
	check_dies(read_only_area, NULL, SIGSEGV);
	check_child(read_only_area, (void *)1);
}

/* A section that a former user of the memory has left there would be taken for the caller's. */
static void old_section_is_cleared(void)
{
	static const uint64_t old[] = {1, 0x10, ~0UL, (uint64_t)KERNEL_ADDRESS};

	for (size_t i = 0; i < TAP_COUNT(old); i++) {
		area.section = old[i];
		join_in();
		check_eq(area.section, 0);
		check_eq(raw_rseq(&area, 32, 1, SIGNATURE), 0);
	}
}

static void unmap_area(void *unused)
{
	struct area *a = page_with_area();

	(void)unused;
	check_eq(raw_rseq(a, 32, 0, SIGNATURE), 0);
	check_call(munmap(a, 4096));
	for (;;)
		raw_settle();
}

static void protect_area(void *unused)
{
	struct area *a = page_with_area();

	(void)unused;
	check_eq(raw_rseq(a, 32, 0, SIGNATURE), 0);
	check_call(mprotect(a, 4096, PROT_READ));
	for (;;)
		raw_settle();
}

static void area_goes_away(void)
{
	check_dies(unmap_area, NULL, SIGSEGV);
	check_dies(protect_area, NULL, SIGSEGV);
}

static void unregister_without_memory(void)
{
	struct area *a = page_with_area();

	/* On one processor a disturbance in between would be SIGSEGV, which is no failure either. */
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(raw_rseq(a, 32, 0, SIGNATURE), 0);
		raw3(SYS_mprotect, a, 4096, PROT_READ);
		_exit(raw_rseq(a, 32, 1, SIGNATURE) == -EFAULT ? 0 : 1);
	}
	int status = tap_wait(pid);

	check((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	      (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV));
}

/* ---- what the kernel keeps there ---- */

static void number_after_registering(void)
{
	area.cpu_id_start = area.cpu_id = 77;
	stay_on(0);
	join_in();
	check_eq(area.cpu_id_start, 0);
	check_eq(area.cpu_id, 0);
	check_eq(area.flags, 0);
}

static void number_follows(void)
{
	join_in();
	for (int i = 0; i < 20 * cpus; i++) {
		stay_on(i % cpus);
		check_eq(area.cpu_id, i % cpus);
		check_eq(area.cpu_id_start, i % cpus);
		check_eq(here(), i % cpus);
	}
}

/* What a program writes there is written over when it has lost its CPU, here by sleeping. */
static void number_is_the_kernels(void)
{
	stay_on(0);
	join_in();
	area.cpu_id_start = area.cpu_id = 77;
	settle();
	check_eq(area.cpu_id_start, 0);
	check_eq(area.cpu_id, 0);
}

/* Only those two words: the flags, and what lies behind them, are the program's. */
static void rest_is_left_alone(void)
{
	struct {
		struct area area;
		unsigned char behind[32];
	} *both = (void *)page_with_area();
	unsigned char *bytes = (unsigned char *)&both->area;

	stay_on(0);
	memset(bytes + 16, 0xa5, 48);
	check_eq(raw_rseq(&both->area, 32, 0, SIGNATURE), 0);
	settle();
	for (int i = 16; i < 64; i++)
		check_eq(bytes[i], 0xa5);
	check_eq(both->area.cpu_id, 0);
}

static void moved_from_outside(void)
{
	struct area *a = tap_shared(4096);
	volatile int *state = (int *)a + 64;
	pid_t pid = tap_fork();

	if (pid == 0) {
		check_eq(raw_rseq(a, 32, 0, SIGNATURE), 0);
		set(state, 1);
		while (get(state) < 2)
			check((int)a->cpu_id < cpus);
		_exit(0);
	}
	tap_await(state, 1);
	for (int i = 0; i < 10; i++) {
		unsigned long mask = 1UL << (i % cpus);

		check_eq(raw3(SYS_sched_setaffinity, pid, sizeof(mask), &mask), 0);
		while ((int)a->cpu_id != i % cpus)
			raw0(SYS_sched_yield);
	}
	set(state, 2);
	check_exits(pid, 0);
}

/* ---- fork, clone, exec, exit ---- */

static void child_is_registered(void *unused)
{
	(void)unused;
	check_eq((int)area.cpu_id, here());
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE), -EBUSY);
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE + 1), -EPERM);
	set_info_handler(SIGTRAP, note_frame, 0);
	check(trap_inside());
	check_eq(raw_rseq(&area, 32, 1, SIGNATURE), 0);
}

static void fork_copies(void)
{
	stay_on(0);
	join_in();
	check_child(child_is_registered, NULL);
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE), -EBUSY);
	check_eq(area.cpu_id, 0);
}

/* The child's first return is a disturbance for it, and none for the parent. */
static void fork_tells_the_number(void)
{
	pid_t pid;

	stay_on(0);
	join_in();
	area.cpu_id = area.cpu_id_start = 77;
	pid = raw_fork();
	if (pid == 0)
		_exit(area.cpu_id == 0 && area.cpu_id_start == 0 ? 0 : 1);
	check_exits(pid, 0);
}

static int not_registered(void *own)
{
	if (raw_rseq(&area, 32, 1, SIGNATURE) != -EINVAL)
		return 1;
	if (raw_rseq(own, 32, 0, SIGNATURE + 1) != 0)
		return 2;
	return (int)((struct area *)own)->cpu_id < 0 ? 3 : 0;
}

static volatile int thread_result = -1;

static int in_thread(void *own)
{
	thread_result = not_registered(own);
	return 0;
}

static void threads_begin_without(void)
{
	static struct area own;
	struct thread thread;

	join_in();
	thread_start(&thread, in_thread, &own);
	thread_join(&thread);
	check_eq(thread_result, 0);
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE), -EBUSY);
}

static void shared_memory_begins_without(void)
{
	static struct area own, another;
	pid_t pid;

	join_in();
	pid = clone_call(CLONE_VM | SIGCHLD, not_registered, &own);
	check_exits(pid, 0);
	check_exits(vfork_call(not_registered, &another), 0);
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE), -EBUSY);
}

static void exec_ends_it(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		join_in();
		raw_exec_helper("fresh", NULL, NULL);
		_exit(126);
	}
	check_exits(pid, 0);
}

static void failed_exec_keeps_it(void)
{
	join_in();
	check_eq(try_exec("/nowhere"), -ENOENT);
	check_eq(raw_rseq(&area, 32, 0, SIGNATURE), -EBUSY);
	stay_on(cpus - 1);
	check_eq(area.cpu_id, cpus - 1);
}

static int exits_registered(void *own)
{
	return raw_rseq(own, 32, 0, SIGNATURE) != 0;
}

static void threads_exit_with_it(void)
{
	struct area *own = page_with_area();

	for (int i = 0; i < 50; i++) {
		struct thread thread;

		thread_start(&thread, exits_registered, own + i);
		thread_join(&thread);
		check((int)own[i].cpu_id >= 0);
	}
}

static int helper(int argc, char **argv)
{
	(void)argc, (void)argv;
	return raw_rseq(&area, 32, 1, SIGNATURE) == -EINVAL &&
			       raw_rseq(&area, 32, 0, SIGNATURE) == 0 && (int)area.cpu_id >= 0
		       ? 0
		       : 1;
}

static const struct test_case cases[] = {
	TEST(registers, "rseq: an area is registered, given up and registered again"),
	TEST(sizes, "rseq: no size but 32"),
	TEST(alignment, "rseq: no area that is not aligned"),
	TEST(flags, "rseq: no flag but one"),
	TEST(twice, "rseq: once more is EBUSY, with another signature EPERM, elsewhere EINVAL"),
	TEST(unregisters, "rseq: given up by the area and signature it was registered with"),
	TEST(unregistered_stays, "rseq: an area that was given up stays as it is"),
	TEST(kernel_addresses, "rseq: an area beyond user space is EFAULT"),
	TEST(no_memory_there, "rseq: an area without memory is EFAULT"),
	TEST(read_only_memory, "rseq: an area that cannot be written is SIGSEGV on the way back"),
	TEST(old_section_is_cleared, "rseq: a section that was there before is forgotten"),
	TEST(area_goes_away, "rseq: an area that goes away is SIGSEGV at the next disturbance"),
	TEST(unregister_without_memory, "rseq: giving up an area that cannot be written is EFAULT"),
	TEST(number_after_registering, "rseq: the number is there after the call"),
	TEST(number_follows, "rseq: the number follows the thread through the processors"),
	TEST(number_is_the_kernels, "rseq: a forged number is put right after a sleep"),
	TEST(rest_is_left_alone, "rseq: the rest of the area is left alone"),
	TEST(moved_from_outside, "rseq: the number of a thread that others move is right"),
	TEST(fork_copies, "rseq: a forked child is registered as its parent is"),
	TEST(fork_tells_the_number, "rseq: a forked child's number is right at once"),
	TEST(threads_begin_without, "rseq: a thread begins without a registration"),
	TEST(shared_memory_begins_without, "rseq: so do clone with CLONE_VM and vfork"),
	TEST(exec_ends_it, "rseq: exec ends the registration"),
	TEST(failed_exec_keeps_it, "rseq: exec that fails keeps it"),
	TEST(threads_exit_with_it, "rseq: threads exit with an area registered"),
};

int main(int argc, char **argv)
{
	count_cpus();
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
