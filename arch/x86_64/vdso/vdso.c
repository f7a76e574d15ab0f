/*
 * The vDSO: a small shared library of the kernel's, mapped into every program, that reads the clock
 * and the CPU's number without a system call. The C library finds it by AT_SYSINFO_EHDR and looks up
 * its functions by name and version, as in any shared library (vdso(7)).
 *
 * It runs in user mode, from one page that all programs share, and has no data of its own: what it
 * needs is in the page before it (struct vdso_data). What it does not serve, such as the CPU clocks,
 * it asks the kernel for.
 *
 * The CPU's number is the limit of a segment that each CPU has in its own table (arch/segments.h).
 */
#include <arch/segments.h>
#include <arch/vdso.h>
#include <uapi/errno.h>
#include <uapi/time.h>

#define SYS_CLOCK_GETTIME 228
#define SYS_CLOCK_GETRES  229
#define NS                1000000000ul

#define CLOCKS_MONOTONIC (1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW | 1u << CLOCK_BOOTTIME)
#define CLOCKS_COARSE    (1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_MONOTONIC_COARSE)
#define CLOCKS_REAL      (1u << CLOCK_REALTIME | 1u << CLOCK_REALTIME_COARSE)
#define CLOCKS_SERVED    (CLOCKS_MONOTONIC | CLOCKS_COARSE | CLOCKS_REAL)

/* The page before; vdso.lds says where. */
extern const volatile struct vdso_data vdso_data __attribute__((visibility("hidden")));

int __vdso_clock_gettime(int clock, struct uapi_timespec *to);
int __vdso_clock_getres(int clock, struct uapi_timespec *to);
int __vdso_gettimeofday(struct uapi_timeval *tv, void *zone);
long __vdso_time(long *to);
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused);

static long system_call(long number, long a, void *b)
{
	__asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b) : "rcx", "r11", "memory");
	return number;
}

/* The fence keeps the clock from being read before what the program did first. */
static u64 read_monotonic(void)
{
	u32 low, high;
	u64 tsc;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	tsc = (u64)high << 32 | low;
	return (unsigned __int128)(tsc - vdso_data.tsc_base) * vdso_data.ns_per_tsc >> 32;
}

static u64 read_real(void)
{
	return read_monotonic() + vdso_data.real_offset;
}

int __vdso_clock_gettime(int clock, struct uapi_timespec *to)
{
	u32 bit = (u32)clock < 32 ? 1u << clock : 0;
	u64 ns;

	if (!(bit & CLOCKS_SERVED))
		return (int)system_call(SYS_CLOCK_GETTIME, clock, to);
	ns = bit & CLOCKS_REAL ? read_real() : read_monotonic();
	if (bit & CLOCKS_COARSE)
		ns -= ns % vdso_data.coarse_ns;
	to->tv_sec = (long)(ns / NS);
	to->tv_nsec = (long)(ns % NS);
	return 0;
}

int __vdso_clock_getres(int clock, struct uapi_timespec *to)
{
	u32 bit = (u32)clock < 32 ? 1u << clock : 0;

	if (!(bit & CLOCKS_SERVED))
		return (int)system_call(SYS_CLOCK_GETRES, clock, to);
	if (to) {
		to->tv_sec = 0;
		to->tv_nsec = bit & CLOCKS_COARSE ? (long)vdso_data.coarse_ns : 1;
	}
	return 0;
}

int __vdso_gettimeofday(struct uapi_timeval *tv, void *zone)
{
	u64 ns = read_real();

	if (tv) {
		tv->tv_sec = (long)(ns / NS);
		tv->tv_usec = (long)(ns % NS / 1000);
	}
	if (zone)
		*(u64 *)zone = vdso_data.zone;
	return 0;
}

long __vdso_time(long *to)
{
	long now = (long)(read_real() / NS);

	if (to)
		*to = now;
	return now;
}

/* Memory has one node. */
long __vdso_getcpu(unsigned int *cpu, unsigned int *node, void *unused)
{
	unsigned int limit;

	__asm__ volatile("lsl %1, %0" : "=r"(limit) : "r"(CPU_NUMBER_SELECTOR));
	if (cpu)
		*cpu = limit;
	if (node)
		*node = 0;
	return 0;
}

#define WITHOUT_PREFIX(name) \
	extern __typeof__(__vdso_##name) name __attribute__((weak, alias("__vdso_" #name)))

WITHOUT_PREFIX(clock_gettime);
WITHOUT_PREFIX(clock_getres);
WITHOUT_PREFIX(gettimeofday);
WITHOUT_PREFIX(time);
WITHOUT_PREFIX(getcpu);
