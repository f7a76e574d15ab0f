/*
 * Every trap that a program can cause: instructions are put on a page and run, a row each, and the
 * handler's siginfo and context must tell what the processor said: signal, si_code, address, trap
 * number, error code, instruction pointer.
 */
#include "helpers.h"

#include <setjmp.h>
#include <ucontext.h>

#define CODE      ((unsigned char *)0x10000000)
#define CODE_SIZE 4096
#define FLAG_TF   0x100
#define FLAG_AC   0x40000

enum {
	TRAP_DE = 0,
	TRAP_DB = 1,
	TRAP_BP = 3,
	TRAP_OF = 4,
	TRAP_UD = 6,
	TRAP_GP = 13,
	TRAP_PF = 14,
	TRAP_MF = 16
};

/* Where the address and the instruction pointer are wanted: an offset from CODE, or as it is. */
#define AT(offset) (0x10000000L + (offset))

struct trap {
	const char *what;
	unsigned char bytes[32];
	int length;
	int signal, code; /* 0: no signal */
	long address, number, error, ip;
};

#define CODE_BYTES(...)            {__VA_ARGS__}, sizeof((unsigned char[]){__VA_ARGS__})
#define GENERAL_PROTECTION(offset) SIGSEGV, SI_KERNEL, 0, TRAP_GP, 0, AT(offset)
#define ILLEGAL                    SIGILL, ILL_ILLOPN, AT(0), TRAP_UD, 0, AT(0)
#define RAX_KERNEL                 0x48, 0xc7, 0xc0, 0, 0, 0, 0x80       /* ffffffff80000000 */
#define RAX_NOT_CANONICAL          0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0x80 /* 8000000000000000 */
#define KERNEL_FAULT(error, ip)    SIGSEGV, SEGV_MAPERR, (long)KERNEL_ADDRESS, TRAP_PF, error, ip

static sigjmp_buf before;
static struct trap seen;

static void note_trap(int number, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	seen.signal = number;
	seen.code = info->si_code;
	seen.address = (long)info->si_addr;
	seen.number = registers[REG_TRAPNO];
	seen.error = registers[REG_ERR];
	seen.ip = registers[REG_RIP];
	siglongjmp(before, 1);
}

static void prepare(void)
{
	static const int signals[] = {SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGBUS};
	static char other_stack[65536];
	stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)};

	check(mmap(CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == CODE);
	check_call(sigaltstack(&stack, NULL));
	for (size_t i = 0; i < TAP_COUNT(signals); i++)
		set_info_handler(signals[i], note_trap, SA_NODEFER | SA_ONSTACK);
}

static void run_code(const unsigned char *bytes, int length)
{
	const unsigned char ret = 0xc3;

	memset(CODE, ret, CODE_SIZE);
	memcpy(CODE, bytes, length);
	memset(&seen, 0, sizeof(seen));
	if (!sigsetjmp(before, 1))
		((void (*)(void))CODE)();
	__asm__ volatile("pushf\n\tandl %0, (%%rsp)\n\tpopf\n\tcld\n\tfninit"
			 :
			 : "i"(~(FLAG_TF | FLAG_AC))
			 : "memory", "cc");
}

static void check_trap(const struct trap *want)
{
	run_code(want->bytes, want->length);
	if (seen.signal != want->signal || seen.code != want->code ||
	    seen.address != want->address || seen.number != want->number ||
	    seen.error != want->error || seen.ip != want->ip)
		tap_fail(__FILE__, __LINE__,
			 "%s: signal %d code %d address %lx trap %ld error %lx ip %lx", want->what,
			 seen.signal, seen.code, seen.address, seen.number, seen.error, seen.ip);
}

#define CHECK_TRAPS(rows)                                    \
	do {                                                 \
		prepare();                                   \
		for (size_t i = 0; i < TAP_COUNT(rows); i++) \
			check_trap(&(rows)[i]);              \
	} while (0)

/* QEMU's own processor counts the table's entries by halves. */
static void check_refused(int vector)
{
	struct trap want = {"int", {0xcd, vector}, 2, GENERAL_PROTECTION(0)};
	int in_table = 2;

	run_code(want.bytes, want.length);
	want.error = seen.error == (vector << 4 | in_table) ? seen.error : vector << 3 | in_table;
	check_trap(&want);
}

/* Vectors that a program may call are 3, 4 and, where there are 32-bit programs, 128. */
static void interrupts_are_refused(void)
{
	prepare();
	for (int vector = 0; vector < 256; vector++)
		if (vector != 3 && vector != 4 && vector != 128)
			check_refused(vector);
}

/* clang-format off */
static void interrupts_for_programs(void)
{
	static const struct trap rows[] = {
		{ "int3", CODE_BYTES(0xcc), SIGTRAP, SI_KERNEL, 0, TRAP_BP, 0, AT(1) },
		{ "int 3", CODE_BYTES(0xcd, 3), SIGTRAP, SI_KERNEL, 0, TRAP_BP, 0, AT(2) },
		{ "int 4", CODE_BYTES(0xcd, 4), SIGSEGV, SI_KERNEL, 0, TRAP_OF, 0, AT(2) },
		{ "single step over nop", CODE_BYTES(0x9c, 0x81, 0x0c, 0x24, 0, 1, 0, 0, 0x9d, 0x90, 0x90),
		  SIGTRAP, TRAP_TRACE, AT(10), TRAP_DB, 0, AT(10) },
	};

	CHECK_TRAPS(rows);
}

static void privileged_instructions(void)
{
	static const struct trap rows[] = {
		{ "hlt", CODE_BYTES(0xf4), GENERAL_PROTECTION(0) },
		{ "cli", CODE_BYTES(0xfa), GENERAL_PROTECTION(0) },
		{ "sti", CODE_BYTES(0xfb), GENERAL_PROTECTION(0) },
		{ "in", CODE_BYTES(0xec), GENERAL_PROTECTION(0) },
		{ "in 0x80", CODE_BYTES(0xe4, 0x80), GENERAL_PROTECTION(0) },
		{ "out", CODE_BYTES(0xee), GENERAL_PROTECTION(0) },
		{ "lgdt", CODE_BYTES(0x0f, 0x01, 0x10), GENERAL_PROTECTION(0) },
		{ "lidt", CODE_BYTES(0x0f, 0x01, 0x18), GENERAL_PROTECTION(0) },
		{ "invlpg", CODE_BYTES(0x0f, 0x01, 0x38), GENERAL_PROTECTION(0) },
		{ "swapgs", CODE_BYTES(0x0f, 0x01, 0xf8), GENERAL_PROTECTION(0) },
		{ "xsetbv", CODE_BYTES(0x0f, 0x01, 0xd1), GENERAL_PROTECTION(0) },
		{ "clts", CODE_BYTES(0x0f, 0x06), GENERAL_PROTECTION(0) },
		{ "sysret", CODE_BYTES(0x0f, 0x07), GENERAL_PROTECTION(0) },
		{ "wbinvd", CODE_BYTES(0x0f, 0x09), GENERAL_PROTECTION(0) },
		{ "mov from cr0", CODE_BYTES(0x0f, 0x20, 0xc0), GENERAL_PROTECTION(0) },
		{ "mov from dr0", CODE_BYTES(0x0f, 0x21, 0xc0), GENERAL_PROTECTION(0) },
		{ "wrmsr", CODE_BYTES(0x0f, 0x30), GENERAL_PROTECTION(0) },
		{ "rdmsr", CODE_BYTES(0x0f, 0x32), GENERAL_PROTECTION(0) },
		{ "rdpmc", CODE_BYTES(0x31, 0xc9, 0x0f, 0x33), GENERAL_PROTECTION(2) },
		{ "rdtsc", CODE_BYTES(0x0f, 0x31), 0, 0, 0, 0, 0, 0 },
	};

	CHECK_TRAPS(rows);
}

static void illegal_instructions(void)
{
	static const struct trap rows[] = {
		{ "ud2", CODE_BYTES(0x0f, 0x0b), ILLEGAL },
		{ "ud1", CODE_BYTES(0x0f, 0xb9, 0xc0), ILLEGAL },
		{ "into", CODE_BYTES(0xce), ILLEGAL },
		{ "vmcall", CODE_BYTES(0x0f, 0x01, 0xc1), ILLEGAL },
		{ "lock nop", CODE_BYTES(0xf0, 0x90), ILLEGAL },
		{ "sixteen bytes", CODE_BYTES(0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66,
		  0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90), GENERAL_PROTECTION(0) },
	};

	CHECK_TRAPS(rows);
}

#define SELECTOR_FAULT(selector, offset) SIGSEGV, SI_KERNEL, 0, TRAP_GP, selector, AT(offset)
#define MOV_AX(selector) 0x66, 0xb8, selector, 0
/* ljmp *target(%rip), where target is the code page's middle in another segment */
#define FAR_JUMP(selector) 0x48, 0xff, 0x2d, 0, 0, 0, 0, 0, 8, 0, 0x10, 0, 0, 0, 0, selector, 0

static void selectors(void)
{
	static const struct trap rows[] = {
		{ "mov $0, %ss", CODE_BYTES(MOV_AX(0), 0x8e, 0xd0), SELECTOR_FAULT(0, 4) },
		{ "mov $0x38, %ss", CODE_BYTES(MOV_AX(0x38), 0x8e, 0xd0), SELECTOR_FAULT(0x38, 4) },
		{ "mov $0x38, %ds", CODE_BYTES(MOV_AX(0x38), 0x8e, 0xd8), SELECTOR_FAULT(0x38, 4) },
		{ "mov $0x10, %ds", CODE_BYTES(MOV_AX(0x10), 0x8e, 0xd8), SELECTOR_FAULT(0x10, 4) },
		{ "mov $7, %ds", CODE_BYTES(MOV_AX(7), 0x8e, 0xd8), SELECTOR_FAULT(4, 4) },
		{ "jump to one's own segment", CODE_BYTES(FAR_JUMP(0x33)), 0, 0, 0, 0, 0, 0 },
		{ "jump to 0", CODE_BYTES(FAR_JUMP(0)), SELECTOR_FAULT(0, 0) },
		{ "jump to the kernel's code", CODE_BYTES(FAR_JUMP(0x10)), SELECTOR_FAULT(0x10, 0) },
		{ "jump to data", CODE_BYTES(FAR_JUMP(0x2b)), SELECTOR_FAULT(0x28, 0) },
		{ "jump to the task's state", CODE_BYTES(FAR_JUMP(0x43)), SELECTOR_FAULT(0x40, 0) },
	};

	CHECK_TRAPS(rows);
}

static void addresses(void)
{
	static const struct trap rows[] = {
		{ "not canonical", CODE_BYTES(RAX_NOT_CANONICAL, 0x8b, 0x00), GENERAL_PROTECTION(10) },
		{ "jump to not canonical", CODE_BYTES(RAX_NOT_CANONICAL, 0xff, 0xe0),
		  SIGSEGV, SI_KERNEL, 0, TRAP_GP, 0, (long)0x8000000000000000 },
		{ "read of the kernel", CODE_BYTES(RAX_KERNEL, 0x8b, 0x00), KERNEL_FAULT(5, AT(7)) },
		{ "write to the kernel", CODE_BYTES(RAX_KERNEL, 0x89, 0x00), KERNEL_FAULT(7, AT(7)) },
		{ "jump to the kernel", CODE_BYTES(RAX_KERNEL, 0xff, 0xe0),
		  KERNEL_FAULT(0x15, (long)KERNEL_ADDRESS) },
		{ "read of 0", CODE_BYTES(0x31, 0xc0, 0x8b, 0x00), SIGSEGV, SEGV_MAPERR, 0, TRAP_PF, 4, AT(2) },
		{ "write to 0", CODE_BYTES(0x31, 0xc0, 0x89, 0x00), SIGSEGV, SEGV_MAPERR, 0, TRAP_PF, 6, AT(2) },
		{ "jump to 0", CODE_BYTES(0x31, 0xc0, 0xff, 0xe0), SIGSEGV, SEGV_MAPERR, 0, TRAP_PF, 0x14, 0 },
		{ "prefetch of the kernel", CODE_BYTES(RAX_KERNEL, 0x0f, 0x18, 0x08), 0, 0, 0, 0, 0, 0 },
		{ "movaps not aligned", CODE_BYTES(0x0f, 0x28, 0x44, 0x24, 0x01), GENERAL_PROTECTION(0) },
	};

	CHECK_TRAPS(rows);
}

#define RAX_VSYSCALL(offset) 0x57, 0x31, 0xff, 0x48, 0xc7, 0xc0, 0, offset, 0x60, 0xff
#define VSYSCALL_FAULT(address, error, ip) SIGSEGV, SEGV_MAPERR, (long)(address), TRAP_PF, error, ip

static void vsyscall_page(void)
{
	const long page = (long)0xffffffffff600000;
	const struct trap rows[] = {
		{ "read", CODE_BYTES(RAX_VSYSCALL(0), 0x8b, 0x00), VSYSCALL_FAULT(page, 5, AT(10)) },
		{ "gettimeofday", CODE_BYTES(RAX_VSYSCALL(0), 0xff, 0xd0), VSYSCALL_FAULT(page, 0x15, page) },
		{ "time", CODE_BYTES(RAX_VSYSCALL(4), 0xff, 0xd0),
		  VSYSCALL_FAULT(page + 0x400, 0x15, page + 0x400) },
		{ "getcpu", CODE_BYTES(RAX_VSYSCALL(8), 0xff, 0xd0),
		  VSYSCALL_FAULT(page + 0x800, 0x15, page + 0x800) },
	};

	CHECK_TRAPS(rows);
}

static void arithmetic(void)
{
	static const struct trap rows[] = {
		{ "0 / 0", CODE_BYTES(0x31, 0xd2, 0x31, 0xc9, 0xf7, 0xf1),
		  SIGFPE, FPE_INTDIV, AT(4), TRAP_DE, 0, AT(4) },
		{ "quotient too large", CODE_BYTES(0xba, 9, 0, 0, 0, 0xb9, 1, 0, 0, 0, 0xf7, 0xf1),
		  SIGFPE, FPE_INTDIV, AT(10), TRAP_DE, 0, AT(10) },
		/* x87: unmask division by zero, divide 1 by 0, wait */
		{ "1.0 / 0.0", CODE_BYTES(0x68, 0x7b, 3, 0, 0, 0xd9, 0x2c, 0x24, 0x58, 0xd9, 0xe8, 0xd9,
		  0xee, 0xde, 0xf9, 0x9b), SIGFPE, FPE_FLTDIV, AT(15), TRAP_MF, 0, AT(15) },
		/* x87: unmask invalid operation, 0 by 0 */
		{ "0.0 / 0.0", CODE_BYTES(0x68, 0x7e, 3, 0, 0, 0xd9, 0x2c, 0x24, 0x58, 0xd9, 0xee, 0xd9,
		  0xee, 0xde, 0xf9, 0x9b), SIGFPE, FPE_FLTINV, AT(15), TRAP_MF, 0, AT(15) },
	};

	CHECK_TRAPS(rows);
}
/* clang-format on */

/* The same instruction kills where nobody handles its signal, whatever the signal's mask. */
static void trap_with_mask(void *argument)
{
	block_all_signals();
	((void (*)(void))argument)();
}

static void blocked_traps_kill(void)
{
	static const struct {
		unsigned char bytes[4];
		int signal;
	} rows[] = {
		{{0x0f, 0x0b}, SIGILL},
		{{0xcc}, SIGTRAP},
		{{0xf4}, SIGSEGV},
		{{0xcd, 4}, SIGSEGV},
	};

	prepare();
	for (size_t i = 0; i < TAP_COUNT(rows); i++) {
		memcpy(CODE, rows[i].bytes, sizeof(rows[i].bytes));
		check_dies(trap_with_mask, CODE, rows[i].signal);
	}
}

/* A hundred traps of each of four processes at once, and each sees its own. */
static void trap_again_and_again(void *argument)
{
	prepare();
	for (int i = 0; i < 50; i++)
		check_refused((int)(long)argument);
}

static void traps_on_all_processors(void)
{
	pid_t pids[4];

	for (long i = 0; i < 4; i++)
		pids[i] = tap_child(trap_again_and_again, (void *)(0x20 + i));
	for (int i = 0; i < 4; i++)
		check_exits(pids[i], 0);
}

static const struct test_case cases[] = {
	TEST(interrupts_are_refused, "traps: int N is a general protection fault that names N"),
	TEST(interrupts_for_programs, "traps: int3, int 3, int 4 and a single step"),
	TEST(privileged_instructions,
	     "traps: privileged instructions are general protection faults"),
	TEST(illegal_instructions, "traps: illegal instructions are SIGILL, ILL_ILLOPN"),
	TEST(selectors, "traps: selectors that are not the program's are named by the fault"),
	TEST(addresses, "traps: bad addresses, read, written and jumped to"),
	TEST(vsyscall_page, "traps: there is no vsyscall page"),
	TEST(arithmetic, "traps: division by zero and its like tell which"),
	TEST(blocked_traps_kill, "traps: a trap whose signal is blocked kills"),
	TEST(traps_on_all_processors, "traps: several processes trap at once, each for itself"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
