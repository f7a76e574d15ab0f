/*
 * Time: the TSC is the clock, the local APIC's timer the alarm.
 *
 * The TSC of any processor in use counts at one rate on all CPUs from one start. How fast, CPUID or
 * the hypervisor says; else it is measured for a few milliseconds against the ACPI timer (3.579545
 * MHz) or, without ACPI, the PIT. Each reading of both is taken several times and the fastest kept:
 * a hypervisor may stop us between the two. The APIC's timer is measured along with it.
 *
 * Where the processor can raise an interrupt at a TSC value, that is the alarm, and nothing is
 * converted.
 */
#include <arch/acpi.h>
#include <arch/apic.h>
#include <arch/clock.h>
#include <arch/cpufeature.h>
#include <arch/io.h>
#include <arch/msr.h>
#include <arch/registers.h>
#include <arch/traps.h>
#include <arch/vdso.h>
#include <tine/arch.h>
#include <tine/printk.h>
#include <tine/spinlock.h>
#include <tine/time.h>

#define PM_TIMER_HZ    3579545ull
#define PIT_HZ         1193182ull
#define CALIBRATION_MS 5
#define READINGS       8

#define HYPERVISOR_RANGE  0x40000000u
#define HYPERVISOR_TIMING 0x40000010u

#define PIT_CHANNEL0 0x40
#define PIT_COMMAND  0x43
#define PIT_PERIODIC 0x34 /* channel 0, both bytes, mode 2 */
#define PIT_LATCH    0x00

static u64 tsc_base;   /* TSC at boot */
static u64 ns_per_tsc; /* these three with 32 fractional bits */
static u64 tsc_per_ns;
static u64 apic_per_ns;

static u64 scale(u64 value, u64 factor)
{
	return (unsigned __int128)value * factor >> 32;
}

/* n / d with 32 fractional bits; less than 2^32. */
static u64 fraction(u64 n, u64 d)
{
	u64 quotient, remainder;

	__asm__("divq %4" : "=a"(quotient), "=d"(remainder) : "a"(n << 32), "d"(n >> 32), "r"(d));
	return quotient;
}

u64 clock_tsc_khz(void)
{
	return scale(NSEC_PER_MSEC, tsc_per_ns);
}

u64 arch_clock_ns(void)
{
	return scale(rdtsc() - tsc_base, ns_per_tsc);
}

/* A counter whose frequency is known. */
struct reference {
	u32 (*read)(void);
	u32 mask;
	u64 hz;
};

static u32 read_pm_timer(void)
{
	return acpi_read32(&acpi_info.pm_timer);
}

/* Counts down; made to count up. */
static u32 read_pit(void)
{
	u32 count;

	outb(PIT_COMMAND, PIT_LATCH);
	count = inb(PIT_CHANNEL0);
	count |= inb(PIT_CHANNEL0) << 8;
	return -count;
}

static struct reference find_reference(void)
{
	if (acpi_info.pm_timer.address)
		return (struct reference){
			.read = read_pm_timer,
			.mask = acpi_info.pm_timer_32_bit ? 0xffffffff : 0xffffff,
			.hz = PM_TIMER_HZ,
		};
	outb(PIT_COMMAND, PIT_PERIODIC);
	outb(PIT_CHANNEL0, 0); /* a period of 65536, 55 ms */
	outb(PIT_CHANNEL0, 0);
	return (struct reference){.read = read_pit, .mask = 0xffff, .hz = PIT_HZ};
}

/* All counters at one moment. */
struct reading {
	u64 tsc;
	u32 apic, reference;
};

static struct reading read_counters(const struct reference *reference)
{
	struct reading best = {0};
	u64 shortest = ~0ull;

	for (int i = 0; i < READINGS; i++) {
		u64 before = rdtsc();
		u32 count = reference->read();
		u64 after = rdtsc();
		u32 apic = apic_timer_left();

		if (after - before < shortest) {
			shortest = after - before;
			best = (struct reading){before + (after - before) / 2, apic, count};
		}
	}
	return best;
}

/* The frequencies of the TSC and the APIC's timer. */
static void measure(u64 *tsc_hz, u64 *apic_hz)
{
	const struct reference reference = find_reference();
	struct reading start, end;
	u64 elapsed;

	apic_timer_start_masked(~0u);
	start = read_counters(&reference);
	do {
		end = read_counters(&reference);
		elapsed = (end.reference - start.reference) & reference.mask;
	} while (elapsed < reference.hz * CALIBRATION_MS / 1000);
	*tsc_hz = (end.tsc - start.tsc) * reference.hz / elapsed;
	*apic_hz = (start.apic - end.apic) * reference.hz / elapsed;
}

/* What the processor or the hypervisor says; 0: nothing. */
static void stated_frequencies(u64 *tsc_hz, u64 *apic_hz)
{
	if (cpuid_max_leaf(0) >= 0x15) {
		struct cpuid_result r = cpuid(0x15, 0);

		if (r.eax && r.ebx && r.ecx)
			*tsc_hz = (u64)r.ecx * r.ebx / r.eax;
	}
	if (cpuid_max_leaf(HYPERVISOR_RANGE) >= HYPERVISOR_TIMING) {
		struct cpuid_result r = cpuid(HYPERVISOR_TIMING, 0);

		*tsc_hz = r.eax ? r.eax * 1000ull : *tsc_hz;
		*apic_hz = r.ebx * 1000ull;
	}
}

void clock_init(void)
{
	u64 stated_tsc = 0, stated_apic = 0, tsc_hz = 0, apic_hz = 0;

	stated_frequencies(&stated_tsc, &stated_apic);
	if (!stated_tsc || !stated_apic)
		measure(&tsc_hz, &apic_hz);
	tsc_hz = stated_tsc ? stated_tsc : tsc_hz;
	apic_hz = stated_apic ? stated_apic : apic_hz;
	if (!tsc_hz || !apic_hz)
		panic("the TSC or the APIC's timer does not count");

	ns_per_tsc = fraction(NSEC_PER_SEC, tsc_hz);
	tsc_per_ns = fraction(tsc_hz, NSEC_PER_SEC);
	apic_per_ns = fraction(apic_hz, NSEC_PER_SEC);
	clock_init_cpu();
	vdso_init(tsc_base, ns_per_tsc);
	printk(LOG_NOTICE, "clock: TSC %lu kHz, timer %lu kHz\n", tsc_hz / 1000, apic_hz / 1000);
}

void clock_init_boot(void)
{
	tsc_base = rdtsc();
}

void clock_init_cpu(void)
{
	apic_timer_setup(cpu_features.tsc_deadline);
}

static void arm_deadline(u64 when)
{
	u64 tsc = when == ~0ull ? 0 : tsc_base + scale(when, tsc_per_ns) + 1;

	wrmsr(MSR_TSC_DEADLINE, tsc);
}

/* A little late rather than early: an early interrupt finds nothing to do and must be repeated. */
static void arm_count(u64 when)
{
	u64 now, count;

	if (when == ~0ull) {
		apic_timer_start(0);
		return;
	}
	now = arch_clock_ns();
	count = when > now ? scale(when - now, apic_per_ns) : 0;
	count += count / 8192 + 1;
	apic_timer_start(MIN(count, 0xffffffffull));
}

void arch_timer_arm(u64 when)
{
	if (cpu_features.tsc_deadline)
		arm_deadline(when);
	else
		arm_count(when);
}

void interrupt_timer(struct pt_regs *regs, unsigned long error_code)
{
	struct lock_record saved;

	apic_eoi();
	lock_debug_irq_enter(&saved);
	timer_interrupt(user_mode(regs));
	lock_debug_irq_exit(&saved);
}

void delay_us(unsigned int us)
{
	u64 end = arch_clock_ns() + us * NSEC_PER_USEC;

	while (arch_clock_ns() < end)
		cpu_relax();
}
