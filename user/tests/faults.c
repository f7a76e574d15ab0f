/*
 * What the processor finds wrong becomes a signal: which one, what its siginfo says, where the
 * interrupted code stands, and what a handler can do about it.
 */
#include "helpers.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

static siginfo_t last_info;

static sigjmp_buf out;
static ucontext_t last_context;

static void note_and_jump(int number, siginfo_t *info, void *context)
{
	last_info = *info;
	last_context = *(ucontext_t *)context;
	add(&caught[number], 1);
	siglongjmp(out, 1);
}

/* Run function(argument), which is to fault with this signal; what siginfo said is in last_info. */
static void catch_fault(int number, void (*function)(void *), void *argument)
{
	int before = caught[number];

	set_info_handler(number, note_and_jump, 0);
	if (sigsetjmp(out, 1) == 0)
		function(argument);
	check_eq(caught[number], before + 1);
	check_eq(last_info.si_signo, number);
	check_eq(last_info.si_errno, 0);
}

static void read_address(void *address)
{
	__asm__ volatile("movb (%0), %%al" : : "r"(address) : "rax", "memory");
}
static void write_address(void *address)
{
	__asm__ volatile("movb $1, (%0)" : : "r"(address) : "memory");
}
static void call_address(void *address)
{
	((void (*)(void))address)();
}

static void check_segv(void (*function)(void *), void *address, int code)
{
	catch_fault(SIGSEGV, function, address);
	check_eq(last_info.si_code, code);
	check(last_info.si_addr == address);
}

static void unmapped_memory_is_maperr(void)
{
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED);
	check_call(munmap(page, 4096));
	check_segv(read_address, NULL, SEGV_MAPERR);
	check_segv(read_address, UNMAPPED_ADDRESS, SEGV_MAPERR);
	check_segv(write_address, page + 123, SEGV_MAPERR);
	check_segv(call_address, page + 5, SEGV_MAPERR);
	check_eq(last_context.uc_mcontext.gregs[REG_RIP], (long)page + 5);
}

static void kernel_memory_is_maperr(void)
{
	check_segv(read_address, KERNEL_ADDRESS, SEGV_MAPERR);
	check_segv(write_address, KERNEL_ADDRESS, SEGV_MAPERR);
	check_segv(call_address, KERNEL_ADDRESS, SEGV_MAPERR);
	check_segv(read_address, (void *)0xffffffffff000000, SEGV_MAPERR);
}

static void protected_memory_is_accerr(void)
{
	char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED);
	check_segv(write_address, page + 77, SEGV_ACCERR);
	check_segv(call_address, page + 7, SEGV_ACCERR);
	check_call(mprotect(page, 4096, PROT_NONE));
	check_segv(read_address, page, SEGV_ACCERR);
	check_segv(write_address, (void *)read_address, SEGV_ACCERR);
}

static void bad_form_of_address_has_none(void)
{
	catch_fault(SIGSEGV, read_address, (void *)0x8000000000000000);
	check_eq(last_info.si_code, SI_KERNEL);
	check(last_info.si_addr == NULL);
}

static void privileged(void *argument)
{
	switch ((long)argument) {
	case 0:
		__asm__ volatile("hlt");
		break;
	case 1:
		__asm__ volatile("cli");
		break;
	case 2:
		__asm__ volatile("mov %%cr0, %%rax" : : : "rax");
		break;
	case 3:
		__asm__ volatile("inb $0x60, %%al" : : : "rax");
		break;
	case 4:
		__asm__ volatile("wrmsr" : : "a"(0), "d"(0), "c"(0x10));
		break;
	case 5:
		__asm__ volatile("int $0x20");
		break;
	case 6:
		__asm__ volatile("int $0x0e");
		break;
	}
}

static void privileged_instructions_are_sigsegv(void)
{
	for (long i = 0; i < 7; i++) {
		catch_fault(SIGSEGV, privileged, (void *)i);
		check_eq(last_info.si_code, SI_KERNEL);
		check(last_info.si_addr == NULL);
	}
}

extern const char divide_instruction[], illegal_instruction[], breakpoint_end[];

static void divide(void *argument)
{
	__asm__ volatile("xor %%ecx, %%ecx\n\t"
			 "mov $1, %%eax\n\t"
			 "cltd\n"
			 "divide_instruction:\n\t"
			 "idiv %%ecx"
			 :
			 :
			 : "eax", "ecx", "edx");
}

static void division_by_zero_is_sigfpe(void)
{
	catch_fault(SIGFPE, divide, NULL);
	check_eq(last_info.si_code, FPE_INTDIV);
	check(last_info.si_addr == divide_instruction);
	check(last_context.uc_mcontext.gregs[REG_RIP] == (long)divide_instruction);
}

static void illegal(void *argument)
{
	__asm__ volatile("illegal_instruction:\n\t"
			 "ud2");
}

static void illegal_instruction_is_sigill(void)
{
	catch_fault(SIGILL, illegal, NULL);
	check_eq(last_info.si_code, ILL_ILLOPN);
	check(last_info.si_addr == illegal_instruction);
}

static void breakpoint(void *argument)
{
	__asm__ volatile("int3\n"
			 "breakpoint_end:");
}

static void breakpoint_is_sigtrap_behind_it(void)
{
	catch_fault(SIGTRAP, breakpoint, NULL);
	check_eq(last_info.si_code, SI_KERNEL);
	check_eq(last_context.uc_mcontext.gregs[REG_RIP], (long)breakpoint_end);
}

static void single_step(void *argument)
{
	__asm__ volatile("pushf\n\t"
			 "orl $0x100, (%%rsp)\n\t"
			 "popf\n\t"
			 "nop"
			 :
			 :
			 : "memory", "cc");
}

static void single_step_is_sigtrap(void)
{
	catch_fault(SIGTRAP, single_step, NULL);
	check_eq(last_info.si_code, TRAP_TRACE);
}

static void beyond_the_end_of_a_file_is_sigbus(void)
{
	int fd = check_call(open("/tmp/signal-frames", O_RDWR | O_CREAT | O_TRUNC, 0600));
	char *map;

	check_call(unlink("/tmp/signal-frames"));
	check_call(ftruncate(fd, 100));
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED);
	check_eq(map[4095], 0);
	catch_fault(SIGBUS, read_address, map + 4096 + 9);
	check_eq(last_info.si_code, BUS_ADRERR);
	check(last_info.si_addr == map + 4096 + 9);
	catch_fault(SIGBUS, write_address, map + 8191);
	check(last_info.si_addr == map + 8191);
	check_eq(raw3(SYS_write, fd, map + 4096, 1), -EFAULT);
}

static void fault_blocked(void *argument)
{
	set_info_handler(SIGSEGV, note_and_jump, 0);
	block_signal(SIGSEGV);
	write_address(UNMAPPED_ADDRESS);
}

static void fault_ignored(void *argument)
{
	signal(SIGSEGV, SIG_IGN);
	write_address(UNMAPPED_ADDRESS);
}

static void fault_by_default(void *argument)
{
	write_address(UNMAPPED_ADDRESS);
}

static void fault_that_is_blocked_or_ignored_kills(void)
{
	check_dies(fault_by_default, NULL, SIGSEGV);
	check_dies(fault_blocked, NULL, SIGSEGV);
	check_dies(fault_ignored, NULL, SIGSEGV);
}

static void fault_again(int number, siginfo_t *info, void *context)
{
	write_address(UNMAPPED_ADDRESS);
}

static void fault_in_the_handler(void *argument)
{
	set_info_handler(SIGSEGV, fault_again, 0);
	write_address(UNMAPPED_ADDRESS);
}

static void fault_inside_its_own_handler_kills(void)
{
	check_dies(fault_in_the_handler, NULL, SIGSEGV);
}

static void fault_without_stack(void *argument)
{
	set_handler(SIGSEGV, count_signal, 0);
	__asm__ volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(0x1000UL) : "memory");
}

static void handler_without_a_stack_kills(void)
{
	check_dies(fault_without_stack, NULL, SIGSEGV);
}

static void repair_and_return(int number, siginfo_t *info, void *context)
{
	add(&caught[number], 1);
	mprotect((void *)((unsigned long)info->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE);
}

static void handler_may_repair_and_return(void)
{
	char *page = mmap(NULL, 8 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(page != MAP_FAILED);
	set_info_handler(SIGSEGV, repair_and_return, 0);
	for (int i = 0; i < 8; i++)
		page[i * 4096 + 17] = 'x';
	check_eq(caught[SIGSEGV], 8);
	for (int i = 0; i < 8; i++)
		check_eq(page[i * 4096 + 17], 'x');
}

static const struct test_case cases[] = {
	TEST(unmapped_memory_is_maperr,
	     "faults: unmapped memory is SIGSEGV, SEGV_MAPERR, with the address"),
	TEST(kernel_memory_is_maperr, "faults: kernel memory is SEGV_MAPERR as well"),
	TEST(protected_memory_is_accerr, "faults: protected memory is SEGV_ACCERR"),
	TEST(bad_form_of_address_has_none,
	     "faults: a non-canonical address is SI_KERNEL, without the address"),
	TEST(privileged_instructions_are_sigsegv,
	     "faults: privileged instructions are SIGSEGV, SI_KERNEL"),
	TEST(division_by_zero_is_sigfpe, "faults: division by zero is SIGFPE at the instruction"),
	TEST(illegal_instruction_is_sigill,
	     "faults: an illegal instruction is SIGILL at the instruction"),
	TEST(breakpoint_is_sigtrap_behind_it,
	     "faults: a breakpoint is SIGTRAP behind the instruction"),
	TEST(single_step_is_sigtrap, "faults: a single step is SIGTRAP, TRAP_TRACE"),
	TEST(beyond_the_end_of_a_file_is_sigbus,
	     "faults: a mapping beyond the end of its file is SIGBUS, with the address"),
	TEST(fault_that_is_blocked_or_ignored_kills,
	     "faults: a fault kills where its signal is blocked or ignored"),
	TEST(fault_inside_its_own_handler_kills, "faults: a fault inside its own handler kills"),
	TEST(handler_without_a_stack_kills, "faults: a handler for which there is no stack kills"),
	TEST(handler_may_repair_and_return,
	     "faults: a handler may repair what was wrong and return"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
