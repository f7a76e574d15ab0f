/* The vDSO: what is mapped, what it answers without a system call, and what becomes of it. */
#include "helpers.h"

#include <cpuid.h>
#include <elf.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#define SECOND 1000000000LL
#define PAGE   4096

typedef long (*function)(long a, void *b, void *c);

/* ---- finding functions ---- */

struct image {
	const char *base;
	const Elf64_Sym *symbols;
	const char *strings;
	const Elf64_Half *versions;
	const Elf64_Verdef *definitions;
	const unsigned *hash;
};

static struct image read_image(void)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *header = (const void *)base;
	const Elf64_Phdr *segment = (const void *)(base + header->e_phoff);
	struct image image = {.base = base};
	const Elf64_Dyn *dynamic = NULL;

	for (int i = 0; i < header->e_phnum; i++)
		if (segment[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)(base + segment[i].p_offset);
	check(dynamic != NULL);
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		const void *address = base + dynamic->d_un.d_ptr;

		if (dynamic->d_tag == DT_SYMTAB)
			image.symbols = address;
		if (dynamic->d_tag == DT_STRTAB)
			image.strings = address;
		if (dynamic->d_tag == DT_VERSYM)
			image.versions = address;
		if (dynamic->d_tag == DT_VERDEF)
			image.definitions = address;
		if (dynamic->d_tag == DT_HASH)
			image.hash = address;
	}
	check(image.symbols && image.strings && image.versions && image.definitions && image.hash);
	return image;
}

static const char *version_name(const struct image *image, int number)
{
	const Elf64_Verdef *d = image->definitions;

	for (;; d = (const void *)((const char *)d + d->vd_next)) {
		const Elf64_Verdaux *aux = (const void *)((const char *)d + d->vd_aux);

		if (d->vd_ndx == number)
			return image->strings + aux->vda_name;
		if (!d->vd_next)
			return "";
	}
}

static function find(const char *name)
{
	struct image image = read_image();
	unsigned count = image.hash[1];

	for (unsigned i = 0; i < count; i++) {
		const Elf64_Sym *symbol = &image.symbols[i];

		if (strcmp(image.strings + symbol->st_name, name) != 0 || !symbol->st_shndx)
			continue;
		check_eq(ELF64_ST_TYPE(symbol->st_info), STT_FUNC);
		check(strcmp(version_name(&image, image.versions[i] & 0x7fff), "LINUX_2.6") == 0);
		return (function)(image.base + symbol->st_value);
	}
	return NULL;
}

static const char *const names[] = {"clock_gettime", "clock_getres", "gettimeofday", "time",
				    "getcpu"};

static void exports(void)
{
	for (size_t i = 0; i < TAP_COUNT(names); i++) {
		char name[64];

		if (strcmp(names[i], "getcpu") && strcmp(names[i], "clock_getres"))
			check(find(names[i]) != NULL);
		snprintf(name, sizeof(name), "__vdso_%s", names[i]);
		check(find(name) != NULL);
	}
}

static void is_an_elf_file(void)
{
	const Elf64_Ehdr *header = (const void *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Phdr *segment;
	int loads = 0;

	check(header != NULL && (long)header % PAGE == 0);
	check(memcmp(header->e_ident, ELFMAG, SELFMAG) == 0);
	check_eq(header->e_type, ET_DYN);
	check_eq(header->e_machine, EM_X86_64);
	segment = (const void *)((const char *)header + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		if (segment[i].p_type != PT_LOAD)
			continue;
		loads++;
		check_eq(segment[i].p_flags, PF_R | PF_X);
		check_eq(segment[i].p_offset, 0);
	}
	check_eq(loads, 1);
}

/* The mapping called so; its rights, if wanted. False: there is none. */
static int find_mapping(const char *name, unsigned long *start, unsigned long *end, char *rights)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	int found = 0;

	check(maps != NULL);
	while (fgets(line, sizeof(line), maps)) {
		if (!strstr(line, name))
			continue;
		found = 1;
		sscanf(line, "%lx-%lx %4s", start, end, rights);
	}
	fclose(maps);
	return found;
}

static void in_maps(void)
{
	unsigned long start, end, data_start, data_end;
	char rights[8];

	check(find_mapping("[vdso]", &start, &end, rights));
	check(strcmp(rights, "r-xp") == 0);
	check_eq(start, getauxval(AT_SYSINFO_EHDR));
	check(find_mapping("[vvar]", &data_start, &data_end, rights));
	check(strcmp(rights, "r--p") == 0);
	check_eq(data_end, start);
}

/* ---- answers ---- */

static const clockid_t served[] = {CLOCK_REALTIME,         CLOCK_MONOTONIC,
				   CLOCK_MONOTONIC_RAW,    CLOCK_REALTIME_COARSE,
				   CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};

static long long kernel_time(clockid_t clock)
{
	struct timespec t;

	check_eq(raw2(SYS_clock_gettime, clock, &t), 0);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static long long vdso_time(clockid_t clock)
{
	static function gettime;
	struct timespec t;

	if (!gettime)
		gettime = find("__vdso_clock_gettime");
	check_eq(gettime(clock, &t, NULL), 0);
	check(t.tv_nsec >= 0 && t.tv_nsec < SECOND);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void agrees_with_the_kernel(void)
{
	for (size_t i = 0; i < TAP_COUNT(served); i++)
		for (int n = 0; n < 1000; n++) {
			long long before = kernel_time(served[i]);
			long long time = vdso_time(served[i]);

			check(before <= time);
			check(time <= kernel_time(served[i]));
		}
}

static void other_calls_agree(void)
{
	struct timespec mine, kernels;
	struct timeval tv;
	long seconds;

	for (size_t i = 0; i < TAP_COUNT(served); i++) {
		check_eq(find("__vdso_clock_getres")(served[i], &mine, NULL), 0);
		check_eq(raw2(SYS_clock_getres, served[i], &kernels), 0);
		check_eq(mine.tv_sec, kernels.tv_sec);
		check_eq(mine.tv_nsec, kernels.tv_nsec);
		check_eq(find("__vdso_clock_getres")(served[i], NULL, NULL), 0);
	}
	check_eq(find("__vdso_gettimeofday")((long)&tv, NULL, NULL), 0);
	check(llabs(tv.tv_sec * SECOND + tv.tv_usec * 1000 - kernel_time(CLOCK_REALTIME)) <
	      10 * SECOND);
	check_eq(find("__vdso_gettimeofday")(0, NULL, NULL), 0);
	check(find("__vdso_time")((long)&seconds, NULL, NULL) == seconds);
	check(llabs(seconds * SECOND - kernel_time(CLOCK_REALTIME)) < 10 * SECOND);
}

static void asks_for_the_rest(void)
{
	function gettime = find("__vdso_clock_gettime"), getres = find("__vdso_clock_getres");
	struct timespec t;

	check_eq(gettime(CLOCK_PROCESS_CPUTIME_ID, &t, NULL), 0);
	check_eq(gettime(CLOCK_THREAD_CPUTIME_ID, &t, NULL), 0);
	check_eq(gettime(~getpid() << 3 | 2, &t, NULL), 0);
	check_eq(gettime(10, &t, NULL), -EINVAL);
	check_eq(gettime(31, &t, NULL), -EINVAL);
	check_eq(gettime(32, &t, NULL), -EINVAL);
	check_eq(gettime(1000, &t, NULL), -EINVAL);
	check_eq(getres(10, &t, NULL), -EINVAL);
	check_eq(getres(CLOCK_PROCESS_CPUTIME_ID, &t, NULL), 0);
	check_eq(t.tv_nsec, 1);
}

static void does_not_run_backwards(void)
{
	long long last = vdso_time(CLOCK_MONOTONIC), time;

	for (int i = 0; i < 100000; i++) {
		time = vdso_time(CLOCK_MONOTONIC);
		check(time >= last);
		last = time;
	}
}

static volatile long long handed_over;
static volatile int backwards;

static int watch_time(void *argument)
{
	function gettime = argument;
	struct timespec t;

	for (int i = 0; i < 20000; i++) {
		long long last = __atomic_load_n(&handed_over, __ATOMIC_SEQ_CST), time;

		gettime(CLOCK_MONOTONIC, &t, NULL);
		time = t.tv_sec * SECOND + t.tv_nsec;
		if (time < last)
			set(&backwards, 1);
		__atomic_store_n(&handed_over, time, __ATOMIC_SEQ_CST);
	}
	return 0;
}

static void agrees_between_cpus(void)
{
	function gettime = find("__vdso_clock_gettime");
	struct thread threads[3];

	for (int i = 0; i < 3; i++)
		thread_start(&threads[i], watch_time, (void *)gettime);
	for (int i = 0; i < 3; i++)
		thread_join(&threads[i]);
	check_eq(backwards, 0);
}

static void knows_the_cpu(void)
{
	function getcpu = find("__vdso_getcpu");
	unsigned cpu, node, found = 0, a, b, c, d;
	cpu_set_t all, one;

	check_call(sched_getaffinity(0, sizeof(all), &all));
	for (unsigned n = 0; n < 8; n++) {
		if (!CPU_ISSET(n, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(n, &one);
		check_call(sched_setaffinity(0, sizeof(one), &one));
		check_eq(getcpu((long)&cpu, &node, NULL), 0);
		check_eq(cpu, n);
		check_eq(node, 0);
		check_eq(getcpu(0, NULL, NULL), 0);
		if (__get_cpuid(0x80000001, &a, &b, &c, &d) && (d & 1u << 27)) {
			__asm__ volatile("rdtscp" : "=c"(c) : : "eax", "edx");
			check_eq(c, n);
		}
		found++;
	}
	check(found > 0);
}

static void sees_the_clock_set(void)
{
	long long real = kernel_time(CLOCK_REALTIME);
	struct timespec t = {.tv_sec = real / SECOND + 1000, .tv_nsec = real % SECOND};
	long long seen;

	check_call(clock_settime(CLOCK_REALTIME, &t));
	seen = vdso_time(CLOCK_REALTIME);
	check(seen >= real + 1000 * SECOND && seen < real + 1100 * SECOND);
	t.tv_sec -= 1000;
	check_call(clock_settime(CLOCK_REALTIME, &t));
	check(vdso_time(CLOCK_REALTIME) < real + 100 * SECOND);
}

static void write_to_nowhere(void *unused)
{
	find("__vdso_clock_gettime")(CLOCK_MONOTONIC_COARSE, UNMAPPED_ADDRESS, NULL);
}

static void bad_pointers_are_faults(void)
{
	check_dies(write_to_nowhere, NULL, SIGSEGV);
}

/* ---- no system call: every instruction is looked at ---- */

static volatile int steps, system_calls;

static void look_at_instruction(int number, siginfo_t *info, void *context)
{
	const unsigned char *ip = (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	steps++;
	if (ip[0] == 0x0f && ip[1] == 0x05)
		system_calls++;
}

static inline void single_step(int on)
{
	if (on)
		__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
	else
		__asm__ volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
}

static long call_stepping(function f, long a, void *b)
{
	long result;

	steps = system_calls = 0;
	single_step(1);
	result = f(a, b, NULL);
	single_step(0);
	check(steps > 5);
	return result;
}

static void makes_no_system_call(void)
{
	struct timespec t;
	unsigned cpu;

	set_info_handler(SIGTRAP, look_at_instruction, 0);
	for (size_t i = 0; i < TAP_COUNT(served); i++) {
		check_eq(call_stepping(find("__vdso_clock_getres"), served[i], &t), 0);
		check_eq(system_calls, 0);
	}
	check_eq(call_stepping(find("__vdso_clock_gettime"), CLOCK_REALTIME_COARSE, &t), 0);
	check_eq(system_calls, 0);
	check_eq(call_stepping(find("__vdso_clock_gettime"), CLOCK_MONOTONIC_COARSE, &t), 0);
	check_eq(system_calls, 0);
	check(call_stepping(find("__vdso_time"), 0, NULL) > 0);
	check_eq(system_calls, 0);
	check_eq(call_stepping(find("__vdso_getcpu"), (long)&cpu, NULL), 0);
	check_eq(system_calls, 0);
	/* The method finds one where there is one. */
	check_eq(call_stepping(find("__vdso_clock_gettime"), CLOCK_THREAD_CPUTIME_ID, &t), 0);
	check_eq(system_calls, 1);
}

static void precise_clocks_make_none(void)
{
	struct timespec t;
	struct timeval tv;

	set_info_handler(SIGTRAP, look_at_instruction, 0);
	for (size_t i = 0; i < TAP_COUNT(served); i++) {
		check_eq(call_stepping(find("__vdso_clock_gettime"), served[i], &t), 0);
		check_eq(system_calls, 0);
	}
	check_eq(call_stepping(find("__vdso_gettimeofday"), (long)&tv, NULL), 0);
	check_eq(system_calls, 0);
}

static long by_the_library(long clock, void *t, void *unused)
{
	return clock_gettime(clock, t);
}

static void the_library_makes_none(void)
{
	struct timespec t;

	set_info_handler(SIGTRAP, look_at_instruction, 0);
	check_call(clock_gettime(CLOCK_MONOTONIC, &t)); /* it looks for the vDSO */
	check_eq(call_stepping(by_the_library, CLOCK_MONOTONIC, &t), 0);
	check_eq(system_calls, 0);
	check_eq(call_stepping(by_the_library, CLOCK_REALTIME, &t), 0);
	check_eq(system_calls, 0);
}

/* ---- what becomes of it ---- */

static void survives_fork(void)
{
	long long time = vdso_time(CLOCK_MONOTONIC);
	pid_t pid = tap_fork();

	if (pid == 0) {
		check(vdso_time(CLOCK_MONOTONIC) >= time);
		in_maps();
		agrees_with_the_kernel();
		_exit(0);
	}
	check_exits(pid, 0);
	check(vdso_time(CLOCK_MONOTONIC) >= time);
}

static void is_made_anew_by_exec(void)
{
	char before[32];
	int moved = 0;

	snprintf(before, sizeof(before), "%lx", getauxval(AT_SYSINFO_EHDR));
	for (int i = 0; i < 8; i++) {
		int status = tap_wait(spawn_helper("clock", before, NULL));

		check(WIFEXITED(status) && WEXITSTATUS(status) < 2);
		moved += WEXITSTATUS(status);
	}
	check(moved > 0);
}

static void can_be_unmapped(void)
{
	unsigned long start, end;
	char rights[8];

	check(find_mapping("[vdso]", &start, &end, rights));
	check_eq(raw2(SYS_munmap, start, end - start), 0);
	check(!find_mapping("[vdso]", &start, &end, rights));
	check(find_mapping("[vvar]", &start, &end, rights));
	check_eq(raw2(SYS_munmap, start, end - start), 0);
	check(!find_mapping("[vvar]", &start, &end, rights));
	check(kernel_time(CLOCK_MONOTONIC) > 0);
}

static void can_be_moved(void)
{
	unsigned long start, end, data_start, data_end, new_start, new_end;
	char rights[8], *place;

	check(find_mapping("[vdso]", &start, &end, rights));
	check(find_mapping("[vvar]", &data_start, &data_end, rights));
	place = mmap(NULL, end - data_start, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(place != MAP_FAILED);
	vdso_time(CLOCK_MONOTONIC);
	check_eq(raw5(SYS_mremap, data_start, data_end - data_start, data_end - data_start,
		      MREMAP_MAYMOVE | MREMAP_FIXED, place),
		 (long)place);
	check_eq(raw5(SYS_mremap, start, end - start, end - start, MREMAP_MAYMOVE | MREMAP_FIXED,
		      place + (data_end - data_start)),
		 (long)place + (data_end - data_start));
	check(find_mapping("[vdso]", &new_start, &new_end, rights));
	check_eq(new_start, (long)place + (data_end - data_start));
	check_eq(new_end - new_start, end - start);
	check(memcmp((void *)new_start, ELFMAG, SELFMAG) == 0);
	check_eq(raw3(SYS_mprotect, start, end - start, PROT_READ), -ENOMEM);
}

static void cannot_grow(void)
{
	unsigned long start, end;
	char rights[8];

	check(find_mapping("[vdso]", &start, &end, rights));
	check_eq(raw5(SYS_mremap, start, end - start, end - start + PAGE, MREMAP_MAYMOVE, 0),
		 -EFAULT);
}

static void write_to(void *address)
{
	*(volatile char *)address = 1;
}

static void data_cannot_be_written(void)
{
	unsigned long start, end;
	char rights[8];

	check(find_mapping("[vvar]", &start, &end, rights));
	check_eq(raw3(SYS_mprotect, start, PAGE, PROT_READ | PROT_WRITE), -EACCES);
	check_eq(raw3(SYS_mprotect, start, PAGE, PROT_READ | PROT_EXEC), -EACCES);
	check_dies(write_to, (void *)start, SIGSEGV);
	check_dies(write_to, (void *)getauxval(AT_SYSINFO_EHDR), SIGSEGV);
}

static void code_is_written_in_private(void)
{
	volatile unsigned char *byte = (void *)(getauxval(AT_SYSINFO_EHDR) + EI_PAD);
	unsigned long start, end;
	char rights[8];
	pid_t pid;

	check_eq(*byte, 0);
	check(find_mapping("[vdso]", &start, &end, rights));
	check_call(mprotect((void *)start, end - start, PROT_READ | PROT_WRITE | PROT_EXEC));
	*byte = 42;
	check_eq(*byte, 42);
	pid = spawn_helper("byte", NULL, NULL);
	check_exits(pid, 0);
	pid = tap_fork();
	if (pid == 0) {
		check_eq(*byte, 42);
		*byte = 43;
		check(vdso_time(CLOCK_MONOTONIC) > 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(*byte, 42);
}

static const struct test_case cases[] = {
	TEST(is_an_elf_file, "it is a shared library in one segment"),
	TEST(exports, "its functions, with and without prefix, have version LINUX_2.6"),
	TEST(in_maps, "code and data are in /proc/self/maps"),
	TEST(agrees_with_the_kernel, "its clocks are the kernel's"),
	TEST(other_calls_agree, "resolutions, gettimeofday and time are the kernel's"),
	TEST(asks_for_the_rest, "it asks the kernel for clocks it does not serve"),
	TEST(does_not_run_backwards, "its clock does not run backwards"),
	TEST(agrees_between_cpus, "its clock does not run backwards between threads"),
	TEST(knows_the_cpu, "it knows the CPU"),
	TEST(sees_the_clock_set, "it sees the clock set"),
	TEST(bad_pointers_are_faults, "a bad pointer is a fault"),
	TEST(makes_no_system_call, "coarse clocks and the CPU are told without a system call"),
	TEST(precise_clocks_make_none, "precise clocks are told without a system call"),
	TEST(the_library_makes_none, "the C library tells the time without a system call"),
	TEST(survives_fork, "a forked child has it"),
	TEST(is_made_anew_by_exec, "exec puts it at another address"),
	TEST(can_be_unmapped, "it can be unmapped"),
	TEST(can_be_moved, "it can be moved"),
	TEST(cannot_grow, "it cannot grow"),
	TEST(data_cannot_be_written, "nobody can write to it"),
	TEST(code_is_written_in_private, "its code, made writable, is copied on write"),
};

static int helper(int argc, char **argv)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	struct timespec t, kernels;

	if (strcmp(argv[0], "byte") == 0)
		return base[EI_PAD];
	if (clock_gettime(CLOCK_MONOTONIC, &t) ||
	    raw2(SYS_clock_gettime, CLOCK_MONOTONIC, &kernels) || kernels.tv_sec < t.tv_sec)
		return 2;
	return strtoul(argv[1], NULL, 16) != (unsigned long)base;
}

int main(int argc, char **argv)
{
	return exec_main(argc, argv, cases, TAP_COUNT(cases), helper);
}
