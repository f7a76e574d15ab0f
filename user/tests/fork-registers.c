/*
 * What the processor holds for a program: general registers, flags, x87, SSE and AVX state, thread
 * registers. All of it must come through system calls, fork, preemption and signals, in parent and
 * child.
 *
 * Two pieces of assembly load every register with a pattern, let something happen, and store every
 * register: one for the general registers, addressed through the instruction pointer since no
 * register is free, and one for the vector registers, which calls a C function in between.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "linux.h"
#include "memory.h"
#include "tap.h"

#define CARRY           0x1
#define DIRECTION       0x400
#define INTERRUPTS      0x200
#define PRIVILEGE_LEVEL 0x3000
#define IDENTIFICATION  0x200000

/* General registers. */

struct registers {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14,
		r15;         /* offsets 0 to 112 */
	uint64_t rsp, flags; /* 120 and 128 */
};

/*
 * Loaded by the assembly, and stored by it. Not static, since only the assembly names some of it.
 */
struct registers before, after;
volatile uint64_t spins;
extern char after_the_syscall[];
void syscall_with_registers(void); /* load `before`, execute syscall, store to `after` */
void spin_with_registers(void);    /* load `before`, count `spins` down to 0, store to `after` */

__asm__(".macro save_and_load\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n pushf\n"
	"mov %rsp, before+120(%rip)\n"
	"push before+128(%rip)\n popf\n"
	"mov before+0(%rip), %rax\n mov before+8(%rip), %rbx\n mov before+16(%rip), %rcx\n"
	"mov before+24(%rip), %rdx\n mov before+32(%rip), %rsi\n mov before+40(%rip), %rdi\n"
	"mov before+48(%rip), %rbp\n mov before+56(%rip), %r8\n mov before+64(%rip), %r9\n"
	"mov before+72(%rip), %r10\n mov before+80(%rip), %r11\n mov before+88(%rip), %r12\n"
	"mov before+96(%rip), %r13\n mov before+104(%rip), %r14\n mov before+112(%rip), %r15\n"
	".endm\n"
	".macro store_and_restore\n"
	"mov %rax, after+0(%rip)\n mov %rbx, after+8(%rip)\n mov %rcx, after+16(%rip)\n"
	"mov %rdx, after+24(%rip)\n mov %rsi, after+32(%rip)\n mov %rdi, after+40(%rip)\n"
	"mov %rbp, after+48(%rip)\n mov %r8, after+56(%rip)\n mov %r9, after+64(%rip)\n"
	"mov %r10, after+72(%rip)\n mov %r11, after+80(%rip)\n mov %r12, after+88(%rip)\n"
	"mov %r13, after+96(%rip)\n mov %r14, after+104(%rip)\n mov %r15, after+112(%rip)\n"
	"mov %rsp, after+120(%rip)\n"
	"pushf\n pop after+128(%rip)\n"
	"popf\n pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
	"ret\n"
	".endm\n"
	".text\n"
	"syscall_with_registers:\n"
	"save_and_load\n"
	"syscall\n"
	"after_the_syscall:\n"
	"store_and_restore\n"
	"spin_with_registers:\n"
	"save_and_load\n"
	"1: decq spins(%rip)\n"
	"jnz 1b\n"
	"store_and_restore\n");

/* A different value in every register, none of them a number that a kernel would put there. */
static void choose_registers(uint64_t seed)
{
	uint64_t *word = (uint64_t *)&before;

	for (size_t i = 0; i < sizeof(before) / sizeof(*word); i++)
		word[i] = 0x0123456789abcdef * (i + 1) ^ seed * 0x1111111111111111;
	before.flags = 0x202;
}

static void choose_syscall(long number, long first, long second)
{
	before.rax = number;
	before.rdi = first;
	before.rsi = second;
}

/* All that a system call may change is rax, rcx (where it returns to) and r11 (the flags). */
static void check_only_syscall_changes(void)
{
	struct registers expected = before;

	expected.rax = after.rax;
	expected.rcx = (uint64_t)after_the_syscall;
	expected.r11 = before.flags;
	check(memcmp(&expected, &after, sizeof(after)) == 0);
}

static void system_calls_change_three_registers(void)
{
	static const long calls[] = {SYS_getpid, SYS_sched_yield, SYS_getppid, 9999};

	for (size_t i = 0; i < TAP_COUNT(calls); i++) {
		choose_registers(i);
		choose_syscall(calls[i], -1, -1);
		syscall_with_registers();
		check_only_syscall_changes();
	}
	check_eq(after.rax, -ENOSYS);
}

/* Fork with every register chosen, and check them on both sides. */
static void fork_with_registers(uint64_t seed, uint64_t flags)
{
	choose_registers(seed);
	choose_syscall(SYS_fork, before.rdi, before.rsi);
	before.flags |= flags;
	syscall_with_registers();
	check_only_syscall_changes();
	if (after.rax == 0)
		_exit(0);
	check((long)after.rax > 0);
	check_exits(after.rax, 0);
}

static void general_registers_survive_fork(void)
{
	fork_with_registers(3, 0);
}

static void flags_survive_fork(void)
{
	fork_with_registers(4, 0x8d5 | DIRECTION | IDENTIFICATION); /* CF PF AF ZF SF OF */
	fork_with_registers(5, DIRECTION);
	fork_with_registers(6, CARRY);
}

/* Stay on the CPU this runs on, so that whatever is forked from now on competes for it. */
static void stay_on_this_cpu(void)
{
	cpu_set_t set;
	unsigned cpu;

	check_eq(raw3(SYS_getcpu, &cpu, NULL, NULL), 0);
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	check_call(sched_setaffinity(0, sizeof(set), &set));
}

static void spin_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		__asm__ volatile("pause");
}

static void registers_survive_fork_under_preemption(void)
{
	pid_t hogs[2];

	stay_on_this_cpu();
	for (size_t i = 0; i < TAP_COUNT(hogs); i++)
		hogs[i] = tap_child(spin_for_ever, NULL);
	for (int i = 0; i < 50; i++)
		fork_with_registers(i, i % 2 ? DIRECTION : CARRY);
	for (size_t i = 0; i < TAP_COUNT(hogs); i++) {
		check_call(kill(hogs[i], SIGKILL));
		check_killed(hogs[i], SIGKILL);
	}
}

/*
 * Spin with chosen registers for so long, and check after every stretch that nothing has changed
 * them.
 */
static void spin_and_check(uint64_t seed, int milliseconds)
{
	long long end = tap_now() + milliseconds * 1000000LL;

	while (tap_now() < end) {
		choose_registers(seed);
		before.flags |= seed & 1 ? DIRECTION | IDENTIFICATION : CARRY;
		spins = 200000;
		spin_with_registers();
		after.flags = (after.flags & (CARRY | DIRECTION | IDENTIFICATION)) |
			      0x202; /* the rest is dec's */
		check(memcmp(&before, &after, sizeof(after)) == 0);
	}
}

static void general_registers_survive_preemption(void)
{
	pid_t pids[6];

	stay_on_this_cpu();
	for (size_t i = 0; i < TAP_COUNT(pids); i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			spin_and_check(i, 300);
			_exit(0);
		}
	}
	for (size_t i = 0; i < TAP_COUNT(pids); i++)
		check_exits(pids[i], 0);
}

/* Vector registers. */

struct vectors {
	uint8_t ymm[16][32];
	uint8_t x87[8][16]; /* ten bytes each are used */
	uint32_t mxcsr;
	uint16_t x87_control, x87_status;
};

static struct vectors vectors_before, vectors_after;
static pid_t forked;

static int has_avx(void)
{
	unsigned a, b, c = 0, d, enabled;

	__get_cpuid(1, &a, &b, &c, &d);
	if (!(c & bit_OSXSAVE) || !(c & bit_AVX))
		return 0;
	__asm__ volatile("xgetbv" : "=a"(enabled), "=d"(d) : "c"(0));
	return (enabled & 6) == 6;
}

/* clang-format off: assembly reads better a line a line. */
#define ALL_EIGHT(line) line(0) line(1) line(2) line(3) line(4) line(5) line(6) line(7)
#define ALL_SIXTEEN(line) \
	ALL_EIGHT(line)   \
	line(8) line(9) line(10) line(11) line(12) line(13) line(14) line(15)
#define LOAD_XMM(n)  "movups " #n "*32(%%rbx), %%xmm" #n "\n"
#define LOAD_YMM(n)  "vmovups " #n "*32(%%rbx), %%ymm" #n "\n"
#define STORE_XMM(n) "movups %%xmm" #n ", " #n "*32(%%r12)\n"
#define STORE_YMM(n) "vmovups %%ymm" #n ", " #n "*32(%%r12)\n"
#define LOAD_X87(n)  "fldt 512+(7-" #n ")*16(%%rbx)\n"
#define STORE_X87(n) "fstpt 512+" #n "*16(%%r12)\n"
#define ALL_XMM                                                                                  \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", \
		"xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

/*
 * Load everything, call `between` (which must use no vector register of its own), store everything.
 * rbx holds the vectors to load, r12 those to store, r13 the function.
 */
#define RUN_WITH_VECTORS(load, store, last)                                          \
	"fninit\n"                                                                   \
	"fldcw 644(%%rbx)\n" ALL_EIGHT(LOAD_X87) "ldmxcsr 640(%%rbx)\n" ALL_SIXTEEN( \
		load) "mov %%rsp, %%r14\n"                                           \
		      "sub $256, %%rsp\n" /* past the red zone */                    \
		      "and $-16, %%rsp\n"                                            \
		      "call *%%r13\n"                                                \
		      "mov %%r14, %%rsp\n" ALL_SIXTEEN(                              \
			      store) "stmxcsr 640(%%r12)\n"                          \
				     "fnstcw 644(%%r12)\n"                           \
				     "fnstsw 646(%%r12)\n" ALL_EIGHT(                \
					     STORE_X87) "fninit\n"                   \
							"ldmxcsr %[plain]\n" last
/* clang-format on */

static const uint32_t plain_mxcsr = 0x1f80;

static __attribute__((noinline)) void run_with_sse(void (*between)(void))
{
	register struct vectors *out __asm__("r12") = &vectors_after;
	register void (*function)(void) __asm__("r13") = between;

	__asm__ volatile(RUN_WITH_VECTORS(LOAD_XMM, STORE_XMM, "")
			 : "+r"(function), "+r"(out)
			 : "b"(&vectors_before), [plain] "m"(plain_mxcsr)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r14",
			   "memory", "cc", ALL_XMM);
}

static __attribute__((noinline)) void run_with_avx(void (*between)(void))
{
	register struct vectors *out __asm__("r12") = &vectors_after;
	register void (*function)(void) __asm__("r13") = between;

	__asm__ volatile(RUN_WITH_VECTORS(LOAD_YMM, STORE_YMM, "vzeroupper\n")
			 : "+r"(function), "+r"(out)
			 : "b"(&vectors_before), [plain] "m"(plain_mxcsr)
			 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r14",
			   "memory", "cc", ALL_XMM);
}

/*
 * Without AVX the upper halves are neither loaded nor stored, so they stay as choose_vectors left
 * them.
 */
static void run_with_vectors(void (*between)(void))
{
	if (has_avx())
		run_with_avx(between);
	else
		run_with_sse(between);
}

static void choose_vectors(uint8_t seed)
{
	memset(&vectors_before, 0, sizeof(vectors_before));
	for (int i = 0; i < 16; i++)
		for (int j = 0; j < 32; j++)
			vectors_before.ymm[i][j] = i * 32 + j + seed * 37;
	for (int i = 0; i < 8; i++) {
		for (int j = 0; j < 7; j++)
			vectors_before.x87[i][j] = i * 16 + j + seed;
		vectors_before.x87[i][7] =
			0x80 | i; /* normal numbers have the highest bit of the fraction set */
		vectors_before.x87[i][8] = i + seed;
		vectors_before.x87[i][9] = 0x3f;
	}
	vectors_before.mxcsr = seed & 1 ? 0x5fa1
					: 0x3f90; /* rounding up or down, some exceptions noted */
	vectors_before.x87_control =
		seed & 1 ? 0x0f7f : 0x067f; /* rounding to zero or down, two precisions */
	vectors_after = vectors_before;
	memset(&vectors_after.x87, 0xee, sizeof(vectors_after.x87));
	for (int i = 0; i < 16; i++)
		memset(vectors_after.ymm[i], 0xee, has_avx() ? 32 : 16);
}

static void check_x87(void)
{
	for (int i = 0; i < 8; i++)
		check(memcmp(vectors_before.x87[i], vectors_after.x87[i], 10) == 0);
	check_eq(vectors_after.x87_control, vectors_before.x87_control);
	check_eq(vectors_after.x87_status & 0x3800,
		 0); /* eight pushes leave the top of the stack at 0 */
}

static void check_sse(void)
{
	for (int i = 0; i < 16; i++)
		check(memcmp(vectors_before.ymm[i], vectors_after.ymm[i], 16) == 0);
	check_eq(vectors_after.mxcsr, vectors_before.mxcsr);
}

static void check_vectors(void)
{
	check_x87();
	check_sse();
	check(memcmp(vectors_before.ymm, vectors_after.ymm, sizeof(vectors_after.ymm)) == 0);
}

static void fork_in_between(void)
{
	forked = raw_fork();
}

static void fork_with_vectors(void (*check_them)(void))
{
	for (int seed = 0; seed < 4; seed++) {
		choose_vectors(seed);
		run_with_vectors(fork_in_between);
		check_them();
		if (forked == 0)
			_exit(0);
		check(forked > 0);
		check_exits(forked, 0);
	}
}

static void x87_survives_fork(void)
{
	fork_with_vectors(check_x87);
}
static void sse_survives_fork(void)
{
	fork_with_vectors(check_sse);
}
static void avx_survives_fork(void)
{
	fork_with_vectors(check_vectors);
}

static void give_way_in_between(void)
{
	for (int i = 0; i < 20; i++)
		raw0(SYS_sched_yield);
}

/*
 * Fork; the child goes on to use other values. Neither sees the other's, however they take turns.
 */
static void fork_and_give_way_in_between(void)
{
	forked = raw_fork();
	give_way_in_between();
}

static void childs_vectors_are_a_copy(void)
{
	stay_on_this_cpu();
	for (int seed = 0; seed < 10; seed++) {
		choose_vectors(seed);
		run_with_vectors(fork_and_give_way_in_between);
		check_vectors();
		if (forked == 0) {
			choose_vectors(seed + 100);
			run_with_vectors(give_way_in_between);
			check_vectors();
			_exit(0);
		}
		check(forked > 0);
		check_exits(forked, 0);
	}
}

static void spin_in_between(void)
{
	for (spins = 100000; spins; spins--)
		;
}

static void vectors_survive_preemption(void)
{
	pid_t pids[6];

	stay_on_this_cpu();
	for (size_t i = 0; i < TAP_COUNT(pids); i++) {
		pids[i] = tap_fork();
		if (pids[i] == 0) {
			for (long long end = tap_now() + 300000000LL; tap_now() < end;) {
				choose_vectors(i);
				run_with_vectors(spin_in_between);
				check_vectors();
			}
			_exit(0);
		}
	}
	for (size_t i = 0; i < TAP_COUNT(pids); i++)
		check_exits(pids[i], 0);
}

static void vectors_survive_moving_between_cpus(void)
{
	cpu_set_t all, one;

	check_call(sched_getaffinity(0, sizeof(all), &all));
	for (int round = 0; round < 5; round++)
		for (int cpu = 0; cpu < 8; cpu++) {
			if (!CPU_ISSET(cpu, &all))
				continue;
			CPU_ZERO(&one);
			CPU_SET(cpu, &one);
			choose_vectors(cpu + round);
			check_call(sched_setaffinity(0, sizeof(one), &one));
			run_with_vectors(give_way_in_between);
			check_vectors();
		}
}

/* Signals. */

static void send_in_between(void)
{
	raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
}

static volatile int handled;

/* A handler that leaves nothing as it was. */
static void spoil_everything(int signal)
{
	(void)signal;
	handled++;
	__asm__ volatile(
		"fninit\n fldpi\n fldz\n"
		"pcmpeqd %%xmm0, %%xmm0\n movaps %%xmm0, %%xmm1\n movaps %%xmm0, %%xmm2\n movaps %%xmm0, %%xmm7\n"
		"movaps %%xmm0, %%xmm15\n"
		"mov $-1, %%rbx\n mov %%rbx, %%r12\n mov %%rbx, %%r13\n mov %%rbx, %%r14\n mov %%rbx, %%r15\n"
		"mov %%rbx, %%r8\n mov %%rbx, %%r9\n mov %%rbx, %%r10\n mov %%rbx, %%r11\n fninit\n"
		:
		:
		: "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", ALL_XMM);
	if (has_avx())
		__asm__ volatile("vzeroall" : : : ALL_XMM);
}

static void handle(int signal, void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	check_call(sigaction(signal, &action, NULL));
}

static void general_registers_survive_a_signal(void)
{
	handle(SIGUSR1, spoil_everything);
	for (int i = 1; i <= 20; i++) {
		choose_registers(i);
		choose_syscall(SYS_kill, getpid(), SIGUSR1);
		before.flags |= i & 1 ? DIRECTION : CARRY;
		syscall_with_registers();
		check_only_syscall_changes();
		check_eq(after.rax, 0);
		check_eq(handled, i);
	}
}

static void vectors_survive_a_signal(void)
{
	handle(SIGUSR1, spoil_everything);
	for (int i = 1; i <= 20; i++) {
		choose_vectors(i);
		run_with_vectors(send_in_between);
		check_vectors();
		check_eq(handled, i);
	}
}

/* A child that sends SIGUSR1 to its parent without end. */
static pid_t start_a_storm(void)
{
	pid_t target = getpid(), sender = tap_fork();

	if (sender == 0)
		for (;;) {
			kill(target, SIGUSR1);
			for (volatile int i = 0; i < 1000; i++)
				;
		}
	return sender;
}

static void registers_survive_a_storm_of_signals(void)
{
	pid_t sender;

	handle(SIGUSR1, spoil_everything);
	sender = start_a_storm();
	while (!handled)
		sched_yield();
	handled = 0;
	for (int seed = 0; seed < 6; seed++) {
		spin_and_check(seed, 40);
		for (long long end = tap_now() + 40000000LL; tap_now() < end;) {
			choose_vectors(seed);
			run_with_vectors(spin_in_between);
			check_vectors();
		}
	}
	check(handled > 0);
	check_call(kill(sender, SIGKILL));
	check_killed(sender, SIGKILL);
}

/*
 * Fill the 128 bytes below the stack pointer, send a signal to this process, count the bytes that
 * have changed.
 */
static __attribute__((noinline)) long red_zone_damage(void)
{
	long damage;

	__asm__ volatile(
		"lea -128(%%rsp), %%rdi\n mov $128, %%ecx\n mov $0x5a, %%al\n rep stosb\n"
		"mov %[getpid], %%eax\n syscall\n"
		"mov %%eax, %%edi\n mov %[signal], %%esi\n mov %[kill], %%eax\n syscall\n"
		"xor %%edx, %%edx\n mov $128, %%ecx\n"
		"1: cmpb $0x5a, -129(%%rsp,%%rcx)\n je 2f\n inc %%rdx\n 2: dec %%ecx\n jnz 1b\n"
		: "=d"(damage)
		: [getpid] "i"(SYS_getpid), [kill] "i"(SYS_kill), [signal] "i"(SIGUSR1)
		: "rax", "rcx", "rsi", "rdi", "r11", "memory", "cc");
	return damage;
}

static void red_zone_survives_a_signal(void)
{
	handle(SIGUSR1, spoil_everything);
	check_eq(red_zone_damage(), 0);
	check_eq(handled, 1);
}

/* Not static, since only the assembly writes it. */
struct {
	uint64_t flags;
	uint32_t mxcsr;
	uint16_t x87_control;
} at_handler_entry;

void note_entry_state(int signal);

/* A handler in assembly, so that it sees the flags as the kernel left them. */
__asm__("note_entry_state:\n"
	"pushf\n pop at_handler_entry(%rip)\n"
	"stmxcsr at_handler_entry+8(%rip)\n"
	"fnstcw at_handler_entry+12(%rip)\n"
	"cld\n"
	"ret\n");

static void handlers_start_with_plain_state(void)
{
	handle(SIGUSR1, note_entry_state);
	choose_vectors(1);
	run_with_vectors(send_in_between);
	check_vectors();
	check_eq(at_handler_entry.mxcsr, 0x1f80);
	check_eq(at_handler_entry.x87_control, 0x37f);
	choose_registers(1);
	choose_syscall(SYS_kill, getpid(), SIGUSR1);
	before.flags |= DIRECTION;
	syscall_with_registers();
	check_only_syscall_changes();
	check_eq(at_handler_entry.flags & DIRECTION, 0);
}

/* Handlers that look into the frame and change it. */

static void handle_with_context(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	check_call(sigaction(SIGUSR1, &action, NULL));
}

static void change_context(int signal, siginfo_t *info, void *context)
{
	ucontext_t *frame = context;
	greg_t *general = frame->uc_mcontext.gregs;

	(void)info;
	handled = signal;
	if ((uint64_t)general[REG_R12] != before.r12 || (uint64_t)general[REG_RBP] != before.rbp ||
	    (uint64_t)general[REG_RSP] != before.rsp ||
	    general[REG_RIP] != (long)after_the_syscall || general[REG_RAX] != 0)
		return;
	general[REG_RAX] = 0x11;
	general[REG_R12] = 0x12;
	general[REG_RDX] = 0x13;
	general[REG_RCX] = 0x14;
	general[REG_R11] = 0x15;
	general[REG_EFL] |= CARRY;
}

static void handler_sees_and_changes_general_registers(void)
{
	struct registers expected;

	handle_with_context(change_context);
	choose_registers(9);
	choose_syscall(SYS_kill, getpid(), SIGUSR1);
	syscall_with_registers();
	check_eq(handled, SIGUSR1);
	expected = before;
	expected.rax = 0x11;
	expected.r12 = 0x12;
	expected.rdx = 0x13;
	expected.rcx = 0x14;
	expected.r11 = 0x15;
	expected.flags |= CARRY;
	check(memcmp(&expected, &after, sizeof(after)) == 0);
}

static void change_vectors(int signal, siginfo_t *info, void *context)
{
	fpregset_t saved = ((ucontext_t *)context)->uc_mcontext.fpregs;

	(void)info;
	if (memcmp(&saved->_xmm[3], vectors_before.ymm[3], 16) == 0 &&
	    saved->mxcsr == vectors_before.mxcsr)
		handled = signal;
	memset(&saved->_xmm[5], 0x77, 16);
	saved->mxcsr = 0x1fa0;
}

static void handler_sees_and_changes_vector_registers(void)
{
	handle_with_context(change_vectors);
	choose_vectors(3);
	run_with_vectors(send_in_between);
	check_eq(handled, SIGUSR1);
	memset(vectors_before.ymm[5], 0x77, 16);
	vectors_before.mxcsr = 0x1fa0;
	check_vectors();
}

static void claim_privilege(int signal, siginfo_t *info, void *context)
{
	greg_t *general = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)info;
	handled = signal;
	general[REG_EFL] |= PRIVILEGE_LEVEL;
	general[REG_EFL] &= ~(long)INTERRUPTS;
}

static void frame_cannot_give_privileges(void)
{
	handle_with_context(claim_privilege);
	choose_registers(2);
	choose_syscall(SYS_kill, getpid(), SIGUSR1);
	syscall_with_registers();
	check_eq(handled, SIGUSR1);
	check_eq(after.flags & (PRIVILEGE_LEVEL | INTERRUPTS), INTERRUPTS);
}

static void return_to_a_non_canonical_address(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = NOT_CANONICAL;
}

static void return_to_a_kernel_address(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (long)0xffffffff81000000;
}

static void return_with_kernel_segments(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_CSGSFS] = 0x0018000000000010;
}

static void return_with_reserved_mxcsr_bits(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	((ucontext_t *)context)->uc_mcontext.fpregs->mxcsr = 0xffffffff;
}

static void return_with_vectors_elsewhere(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	((ucontext_t *)context)->uc_mcontext.fpregs = (void *)0xffff800000000000;
}

static void return_with_a_kernel_stack(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RSP] = (long)0xffff900000000000;
}

static void raise_with_handler(void *handler)
{
	struct sigaction action = {.sa_sigaction = (void (*)(int, siginfo_t *, void *))handler,
				   .sa_flags = SA_SIGINFO};

	check_call(sigaction(SIGUSR1, &action, NULL));
	send_in_between();
	__asm__ volatile("pushf\n popf"
			 :
			 :
			 : "cc", "memory"); /* with a bad stack pointer, here at the latest */
}

static void broken_frames_kill_only_the_process(void)
{
	check_dies(raise_with_handler, return_to_a_non_canonical_address, SIGSEGV);
	check_dies(raise_with_handler, return_to_a_kernel_address, SIGSEGV);
	check_dies(raise_with_handler, return_with_kernel_segments, SIGSEGV);
	check_dies(raise_with_handler, return_with_a_kernel_stack, SIGSEGV);
}

/*
 * A processor refuses reserved bits in mxcsr; an emulator may let them pass. Nobody else is harmed
 * either way.
 */
static void broken_vector_frames_kill_at_most_the_process(void)
{
	int status = tap_wait(tap_child(raise_with_handler, return_with_reserved_mxcsr_bits));

	check(status == 0 || status == SIGSEGV);
	check_dies(raise_with_handler, return_with_vectors_elsewhere, SIGSEGV);
}

/* rt_sigreturn with no frame at all: the stack pointer is at unmapped memory. */
static void sigreturn_from_nowhere(void *stack)
{
	__asm__ volatile("mov %0, %%rsp\n mov %1, %%eax\n syscall\n hlt"
			 :
			 : "r"(stack), "i"(SYS_rt_sigreturn)
			 : "memory");
}

static void sigreturn_without_a_frame_is_fatal(void)
{
	check_dies(sigreturn_from_nowhere, (void *)(16 * ROOT_ENTRY), SIGSEGV);
	check_dies(sigreturn_from_nowhere, (void *)NOT_CANONICAL, SIGSEGV);
	check_dies(sigreturn_from_nowhere, (void *)0xffff900000000000, SIGSEGV);
}

/* Everything else. */

static void thread_registers_survive_fork(void)
{
	unsigned long fs = 0, gs = 0;
	pid_t pid;

	check_eq(raw2(SYS_arch_prctl, ARCH_GET_FS, &fs), 0);
	check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, 0x123456789000), 0);
	pid = raw_fork();
	for (int round = 0; round < 2; round++) {
		unsigned long seen = 1;
		check_eq(raw2(SYS_arch_prctl, ARCH_GET_FS, &seen), 0);
		check_eq(seen, fs);
		check_eq(raw2(SYS_arch_prctl, ARCH_GET_GS, &gs), 0);
		check_eq(gs, 0x123456789000);
		give_way_in_between();
	}
	if (pid == 0) {
		check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, 0x1000), 0);
		_exit(0);
	}
	check_exits(pid, 0);
	check_eq(raw2(SYS_arch_prctl, ARCH_GET_GS, &gs), 0);
	check_eq(gs, 0x123456789000);
}

static void thread_registers_take_user_addresses_only(void)
{
	static const unsigned long bad[] = {NOT_CANONICAL, 1UL << 63, 0xffff800000000000, ~0UL};

	for (size_t i = 0; i < TAP_COUNT(bad); i++) {
		check_eq(raw2(SYS_arch_prctl, ARCH_SET_GS, bad[i]), -EPERM);
		check_eq(raw2(SYS_arch_prctl, ARCH_SET_FS, bad[i]), -EPERM);
	}
	check_eq(raw2(SYS_arch_prctl, 0x7777, 0), -EINVAL);
}

static void divide_by_zero(void *unused)
{
	(void)unused;
	__asm__ volatile("fld1\n fldz\n fdivrp\n fwait\n fstp %st(0)");
}

static void set_x87_control(uint16_t control)
{
	__asm__ volatile("fldcw %0" : : "m"(control));
}

static void unmasked_exceptions_are_inherited(void)
{
	set_x87_control(0x037f & ~0x4); /* division by zero is no longer masked */
	check_dies(divide_by_zero, NULL, SIGFPE);
	set_x87_control(0x037f);
	check_child(divide_by_zero, NULL);
}

/*
 * What the exec'd program does, called by main: status 0 if its vector state is that of a new
 * program.
 */
static int after_exec(void)
{
	uint32_t mxcsr;
	uint16_t control;
	uint8_t xmm15[16], nothing[16] = {0};

	__asm__ volatile("stmxcsr %0\n fnstcw %1\n movups %%xmm15, %2"
			 : "=m"(mxcsr), "=m"(control), "=m"(xmm15));
	return mxcsr != 0x1f80 || control != 0x37f || memcmp(xmm15, nothing, 16) != 0;
}

static char *exec_argv[3];

static void exec_in_between(void)
{
	raw3(SYS_execve, exec_argv[0], exec_argv, NULL);
}

static void exec_starts_with_plain_state(void)
{
	pid_t pid = tap_fork();

	if (pid == 0) {
		exec_argv[0] = (char *)getauxval(AT_EXECFN);
		exec_argv[1] = "--after-exec";
		choose_vectors(1);
		run_with_vectors(exec_in_between);
		_exit(126);
	}
	check_exits(pid, 0);
}

static const struct test_case cases[] = {
	TEST(system_calls_change_three_registers,
	     "a system call changes rax, rcx and r11 and no other register"),
	TEST(general_registers_survive_fork,
	     "the general registers survive fork in parent and child"),
	TEST(flags_survive_fork, "the flags survive fork in parent and child"),
	TEST(registers_survive_fork_under_preemption,
	     "registers survive fork while others compete for the processor"),
	TEST(general_registers_survive_preemption,
	     "general registers and flags survive preemption"),
	TEST(x87_survives_fork, "the x87 stack and control word survive fork in parent and child"),
	TEST(sse_survives_fork, "the SSE registers and mxcsr survive fork in parent and child"),
	TEST(avx_survives_fork, "the AVX registers survive fork in parent and child"),
	TEST(childs_vectors_are_a_copy, "the child's vector registers are its own"),
	TEST(vectors_survive_preemption, "x87, SSE and AVX state survive preemption"),
	TEST(vectors_survive_moving_between_cpus,
	     "x87, SSE and AVX state survive a move to another processor"),
	TEST(general_registers_survive_a_signal,
	     "general registers and flags survive a signal handler"),
	TEST(vectors_survive_a_signal, "x87, SSE and AVX state survive a signal handler"),
	TEST(registers_survive_a_storm_of_signals,
	     "all registers survive signals that come at any moment"),
	TEST(red_zone_survives_a_signal, "the 128 bytes below the stack pointer survive a signal"),
	TEST(handlers_start_with_plain_state,
	     "handlers start with default mxcsr and x87 control and direction flag clear"),
	TEST(handler_sees_and_changes_general_registers,
	     "a handler sees and changes general registers in its frame"),
	TEST(handler_sees_and_changes_vector_registers,
	     "a handler sees and changes vector registers in its frame"),
	TEST(frame_cannot_give_privileges, "a changed signal frame gives no privilege"),
	TEST(broken_frames_kill_only_the_process, "a broken signal frame kills only its process"),
	TEST(broken_vector_frames_kill_at_most_the_process,
	     "broken vector state in a signal frame harms only its process"),
	TEST(sigreturn_without_a_frame_is_fatal, "rt_sigreturn without a frame is SIGSEGV"),
	TEST(thread_registers_survive_fork,
	     "the FS and GS bases survive fork and are the child's own"),
	TEST(thread_registers_take_user_addresses_only,
	     "the FS and GS bases take user addresses only"),
	TEST(unmasked_exceptions_are_inherited,
	     "an unmasked floating-point exception is unmasked in the child too"),
	TEST(exec_starts_with_plain_state, "an exec'd program starts with default vector state"),
};

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--after-exec") == 0)
		return after_exec();
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
