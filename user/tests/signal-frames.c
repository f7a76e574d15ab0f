/*
 * What a signal handler finds, and what is left of the interrupted code: the frame and the red
 * zone, registers, the floating-point state, and the alternate stack.
 */
#include "helpers.h"

#include <setjmp.h>
#include <ucontext.h>

/* ---- registers ---- */

static void change_rax_in_context(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	add(&caught[number], 1);
	uc->uc_mcontext.gregs[REG_RBX] += 1;
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* over the ud2 */
}

static void handler_may_change_registers(void)
{
	long rbx = 41;

	set_info_handler(SIGILL, change_rax_in_context, 0);
	__asm__ volatile("ud2" : "+b"(rbx) : : "memory");
	check_eq(rbx, 42);
	check_eq(caught[SIGILL], 1);
}

static void clobber_all(int number)
{
	add(&caught[number], 1);
	__asm__ volatile(
		"xor %%eax, %%eax\n\txor %%ecx, %%ecx\n\txor %%edx, %%edx\n\t"
		"xor %%esi, %%esi\n\txor %%edi, %%edi\n\t"
		"xor %%r8, %%r8\n\txor %%r9, %%r9\n\txor %%r10, %%r10\n\txor %%r11, %%r11\n\t"
		"pxor %%xmm0, %%xmm0\n\tpxor %%xmm7, %%xmm7\n\tpxor %%xmm15, %%xmm15\n\t"
		"fninit\n\tcld"
		:
		:
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory");
}

/*
 * All general registers, the direction flag and the red zone hold patterns over an int3 whose
 * handler clobbers what it can.
 */
static void registers_and_red_zone_are_kept(void)
{
	unsigned long sum = 0, zone = 0;

	set_handler(SIGTRAP, clobber_all, 0);
	for (int i = 0; i < 10; i++) {
		__asm__ volatile("push %%rbp\n\t"
				 "movabs $0x0101010101010101, %%rax\n\t"
				 "mov %%rax, -8(%%rsp)\n\tmov %%rax, -64(%%rsp)\n\t"
				 "mov %%rax, -128(%%rsp)\n\t"
				 "mov %%rax, %%rcx\n\tmov %%rax, %%rdx\n\t"
				 "mov %%rax, %%rsi\n\tmov %%rax, %%rdi\n\t"
				 "mov %%rax, %%rbx\n\tmov %%rax, %%rbp\n\t"
				 "mov %%rax, %%r8\n\tmov %%rax, %%r9\n\t"
				 "mov %%rax, %%r10\n\tmov %%rax, %%r11\n\t"
				 "mov %%rax, %%r12\n\tmov %%rax, %%r13\n\t"
				 "mov %%rax, %%r14\n\tmov %%rax, %%r15\n\t"
				 "std\n\t"
				 "int3\n\t"
				 "pushf\n\tcld\n\t"
				 "add %%rcx, %%rax\n\tadd %%rdx, %%rax\n\t"
				 "add %%rsi, %%rax\n\tadd %%rdi, %%rax\n\t"
				 "add %%rbx, %%rax\n\tadd %%rbp, %%rax\n\t"
				 "add %%r8, %%rax\n\tadd %%r9, %%rax\n\t"
				 "add %%r10, %%rax\n\tadd %%r11, %%rax\n\t"
				 "add %%r12, %%rax\n\tadd %%r13, %%rax\n\t"
				 "add %%r14, %%rax\n\tadd %%r15, %%rax\n\t"
				 "pop %%rcx\n\t"
				 "and $0x400, %%ecx\n\t"
				 "mov -64(%%rsp), %%rdx\n\t"
				 "add -128(%%rsp), %%rdx\n\t"
				 "add %%rcx, %%rdx\n\t"
				 "pop %%rbp"
				 : "=a"(sum), "=d"(zone)
				 :
				 : "rcx", "rsi", "rdi", "rbx", "r8", "r9", "r10", "r11", "r12",
				   "r13", "r14", "r15", "cc", "memory");
		check_eq(sum, 0x0f0f0f0f0f0f0f0f);
		check_eq(zone, 0x0202020202020202 + 0x400);
	}
	check_eq(caught[SIGTRAP], 10);
}

static volatile unsigned int mxcsr_inside;
static volatile unsigned short control_inside;
static volatile unsigned long flags_inside, stack_inside;

static void note_state(int number)
{
	unsigned long flags;
	unsigned int mxcsr;
	unsigned short control;

	__asm__ volatile("pushf\n\tpop %0" : "=r"(flags));
	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(control));
	flags_inside = flags;
	mxcsr_inside = mxcsr;
	control_inside = control;
	stack_inside = (unsigned long)__builtin_frame_address(0);
	clobber_all(number);
}

static void handler_starts_with_default_controls(void)
{
	unsigned int mxcsr = 0x7fa0, mxcsr_after = 0;
	unsigned short control = 0x27f, control_after = 0;
	unsigned long direction;

	set_handler(SIGTRAP, note_state, 0);
	__asm__ volatile("ldmxcsr %3\n\tfldcw %4\n\tstd\n\tint3\n\tpushf\n\t"
			 "pop %0\n\tcld\n\tstmxcsr %1\n\tfnstcw %2\n\t"
			 : "=r"(direction), "=m"(mxcsr_after), "=m"(control_after)
			 : "m"(mxcsr), "m"(control)
			 : "memory", "cc");
	check_eq(mxcsr_inside, 0x1f80);
	check_eq(control_inside, 0x37f);
	check_eq(flags_inside & 0x400, 0);
	check_eq(mxcsr_after, 0x7fa0);
	check_eq(control_after, 0x27f);
	check_eq(direction & 0x400, 0x400);
	/*
	 * After `call` the stack is 8 below a multiple of 16; the frame pointer 16 below it, a
	 * multiple again.
	 */
	check_eq(stack_inside % 16, 0);
}

static void floating_point_state_is_kept(void)
{
	static const double in[3] = {1.5, -2.25, 3.125};
	double vector[3], stack = 0;

	set_handler(SIGTRAP, clobber_all, 0);
	__asm__ volatile("movsd (%2), %%xmm0\n\tmovsd 8(%2), %%xmm7\n\tmovsd 16(%2), %%xmm15\n\t"
			 "fldl 16(%2)\n\t"
			 "int3\n\t"
			 "fstpl %0\n\t"
			 "movsd %%xmm0, (%1)\n\tmovsd %%xmm7, 8(%1)\n\tmovsd %%xmm15, 16(%1)"
			 : "=m"(stack)
			 : "r"(vector), "r"(in)
			 : "memory", "xmm0", "xmm7", "xmm15");
	check_eq(caught[SIGTRAP], 1);
	check(vector[0] == 1.5 && vector[1] == -2.25 && vector[2] == 3.125);
	check(stack == 3.125);
}

static void spoil_vectors(int number)
{
	add(&caught[number], 1);
	__asm__ volatile("vxorps %%ymm3, %%ymm3, %%ymm3\n\tvzeroall" : : : "memory");
}

static void wide_vectors_are_kept(void)
{
	static const unsigned char in[32] = "the quick brown fox jumps over..";
	unsigned char result[32];

	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx"))
		return;
	set_handler(SIGTRAP, spoil_vectors, 0);
	__asm__ volatile("vmovups (%1), %%ymm3\n\tint3\n\tvmovups %%ymm3, (%0)\n\tvzeroupper"
			 :
			 : "r"(result), "r"(in)
			 : "memory", "xmm3");
	check_eq(caught[SIGTRAP], 1);
	check(memcmp(in, result, 32) == 0);
}

static ucontext_t last_context;

static void context_says_where(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	last_context = *uc;
	stack_inside = (unsigned long)context;
	add(&caught[number], 1);
}

static void context_holds_mask_and_stack(void)
{
	unsigned long here = (unsigned long)__builtin_frame_address(0);

	set_info_handler(SIGUSR1, context_says_where, 0);
	block_signal(SIGHUP);
	check_call(raise(SIGUSR1));
	check(sigismember(&last_context.uc_sigmask, SIGHUP) == 1);
	check(sigismember(&last_context.uc_sigmask, SIGUSR1) == 0);
	check(stack_inside < here && here - stack_inside < 65536);
	check((unsigned long)last_context.uc_mcontext.gregs[REG_RSP] < here);
	check((unsigned long)last_context.uc_mcontext.gregs[REG_RSP] > stack_inside);
	check_eq(last_context.uc_stack.ss_size, 0);
}

static void unblock_on_return(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	sigaddset(&uc->uc_sigmask, SIGUSR2);
	sigdelset(&uc->uc_sigmask, SIGHUP);
	sigaddset(&uc->uc_sigmask, SIGKILL);
}

static void mask_of_the_context_comes_into_force(void)
{
	set_info_handler(SIGUSR1, unblock_on_return, 0);
	block_signal(SIGHUP);
	check_call(raise(SIGUSR1));
	check(is_blocked(SIGUSR2) && !is_blocked(SIGHUP) && !is_blocked(SIGKILL));
}

enum { BAD_ADDRESS, KERNEL_TEXT, KERNEL_SEGMENT, BAD_FPU_POINTER, WAYS };

static volatile int way;

static void break_the_context(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	switch (way) {
	case BAD_ADDRESS:
		uc->uc_mcontext.gregs[REG_RIP] = (long)0x8000000000000000;
		break;
	case KERNEL_TEXT:
		uc->uc_mcontext.gregs[REG_RIP] = (long)KERNEL_ADDRESS;
		break;
	case KERNEL_SEGMENT:
		uc->uc_mcontext.gregs[REG_CSGSFS] = 0x10;
		break;
	case BAD_FPU_POINTER:
		uc->uc_mcontext.fpregs = (void *)UNMAPPED_ADDRESS;
		break;
	}
}

static void return_to_nowhere(void *argument)
{
	way = (int)(long)argument;
	set_info_handler(SIGUSR1, break_the_context, 0);
	raise(SIGUSR1);
}

static void broken_context_kills_only_its_owner(void)
{
	for (long i = 0; i < WAYS; i++)
		check_dies(return_to_nowhere, (void *)i, SIGSEGV);
}

static void sigreturn_on_garbage(void *argument)
{
	__asm__ volatile("mov %0, %%rsp\n\tsyscall"
			 :
			 : "r"(argument), "a"(SYS_rt_sigreturn)
			 : "rcx", "r11", "memory");
}

static void sigreturn_without_a_frame_kills(void)
{
	check_dies(sigreturn_on_garbage, UNMAPPED_ADDRESS, SIGSEGV);
}

static void kernel_flags_are_not_taken(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_EFL] |= 0x3000;  /* the I/O privilege level */
	uc->uc_mcontext.gregs[REG_EFL] &= ~0x200L; /* interrupts off */
}

static void sigreturn_gives_no_privilege(void)
{
	unsigned long flags;

	set_info_handler(SIGUSR1, kernel_flags_are_not_taken, 0);
	check_call(raise(SIGUSR1));
	__asm__ volatile("pushf\n\tpop %0" : "=r"(flags));
	check_eq(flags & 0x3200, 0x200);
}

static void handler_without_restorer(void *argument)
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = {.handler = count_signal};

	check_eq(raw4(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8), 0);
	raw2(SYS_kill, getpid(), SIGUSR1);
}

static void without_restorer_is_sigsegv(void)
{
	check_dies(handler_without_restorer, NULL, SIGSEGV);
}

/* ---- the alternate stack ---- */

static char other_stack[65536] __attribute__((aligned(16)));
static volatile int was_on_stack;

static int is_on_other_stack(void)
{
	char here;

	return &here > other_stack && &here < other_stack + sizeof(other_stack);
}

static void note_stack(int number)
{
	stack_t stack;

	was_on_stack = is_on_other_stack();
	check_call(sigaltstack(NULL, &stack));
	check_eq(stack.ss_flags, was_on_stack ? SS_ONSTACK : 0);
	if (was_on_stack) {
		stack.ss_flags = SS_DISABLE;
		check_errno(sigaltstack(&stack, NULL), EPERM);
	}
	add(&caught[number], 1);
}

static void use_other_stack(void)
{
	stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)};

	check_call(sigaltstack(&stack, NULL));
}

static void onstack_handlers_run_on_the_other_stack(void)
{
	use_other_stack();
	set_handler(SIGUSR1, note_stack, SA_ONSTACK);
	set_handler(SIGUSR2, note_stack, 0);
	check_call(raise(SIGUSR1));
	check_eq(was_on_stack, 1);
	check_call(raise(SIGUSR2));
	check_eq(was_on_stack, 0);
}

static void raise_usr2(int number)
{
	check(is_on_other_stack());
	raise(SIGUSR2);
	check(is_on_other_stack());
	add(&caught[number], 1);
}

static void nested_handlers_stay_on_it(void)
{
	use_other_stack();
	set_handler(SIGUSR1, raise_usr2, SA_ONSTACK);
	set_handler(SIGUSR2, note_stack, SA_ONSTACK);
	check_call(raise(SIGUSR1));
	check_eq(was_on_stack, 1);
	check_eq(caught[SIGUSR1], 1);
	check_eq(caught[SIGUSR2], 1);
}

/* Deeper by a page at a time, until there is no stack left. */
static int overflow_stack(int pages)
{
	volatile char waste[4096];

	waste[0] = (char)pages;
	return pages == 0 ? 0 : overflow_stack(pages - 1) + waste[0];
}

static sigjmp_buf out;

static void jump_from_other_stack(int number, siginfo_t *info, void *context)
{
	add(&caught[number], is_on_other_stack() ? 1 : 100);
	siglongjmp(out, 1);
}

static void overflow_is_caught_there(void)
{
	use_other_stack();
	set_info_handler(SIGSEGV, jump_from_other_stack, SA_ONSTACK);
	for (volatile int i = 0; i < 2; i++)
		if (sigsetjmp(out, 1) == 0)
			overflow_stack(1 << 24);
	check_eq(caught[SIGSEGV], 2);
}

static void overflow_forever(void *argument)
{
	overflow_stack(1 << 24);
}

static void overflow_by_default_kills(void)
{
	check_dies(overflow_forever, NULL, SIGSEGV);
}

static void check_altstack_of_child(void *argument)
{
	stack_t stack;

	check_call(sigaltstack(NULL, &stack));
	check(stack.ss_sp == other_stack && stack.ss_size == sizeof(other_stack) &&
	      stack.ss_flags == 0);
	set_handler(SIGUSR1, note_stack, SA_ONSTACK);
	check_call(raise(SIGUSR1));
	check_eq(was_on_stack, 1);
}

static int check_no_altstack(void *argument)
{
	stack_t stack = {.ss_flags = 77};

	if (raw2(SYS_sigaltstack, NULL, &stack) != 0)
		return 1;
	return stack.ss_flags == SS_DISABLE ? 0 : 2;
}

static int check_still_altstack(void *argument)
{
	stack_t stack = {.ss_flags = 77};

	if (raw2(SYS_sigaltstack, NULL, &stack) != 0)
		return 1;
	return stack.ss_flags == 0 && stack.ss_sp == other_stack ? 0 : 2;
}

static void children_inherit_it_but_not_under_vm(void)
{
	use_other_stack();
	check_child(check_altstack_of_child, NULL);
	check_exits(clone_call(CLONE_VM | SIGCHLD, check_no_altstack, NULL), 0);
	check_exits(clone_call(SIGCHLD, check_still_altstack, NULL), 0);
	check_exits(vfork_call(check_still_altstack, NULL), 0);
}

static void sigaltstack_errors(void)
{
	stack_t stack = {.ss_sp = other_stack, .ss_size = 2047}, old;

	check_errno(sigaltstack(&stack, NULL), ENOMEM);
	stack.ss_size = sizeof(other_stack);
	stack.ss_flags = 99;
	check_eq(raw2(SYS_sigaltstack, &stack, NULL), -EINVAL);
	check_eq(raw2(SYS_sigaltstack, UNMAPPED_ADDRESS, NULL), -EFAULT);
	check_eq(raw2(SYS_sigaltstack, NULL, UNMAPPED_ADDRESS), -EFAULT);
	check_call(sigaltstack(NULL, &old));
	check_eq(old.ss_flags, SS_DISABLE);
	use_other_stack();
	stack.ss_flags = SS_DISABLE;
	check_call(sigaltstack(&stack, &old));
	check(old.ss_sp == other_stack && old.ss_flags == 0);
	check_call(sigaltstack(NULL, &old));
	check_eq(old.ss_flags, SS_DISABLE);
	check_eq(old.ss_size, 0);
}

static const struct test_case cases[] = {
	TEST(handler_may_change_registers, "frames: a handler may change registers in the context"),
	TEST(registers_and_red_zone_are_kept,
	     "frames: registers, direction flag and red zone are kept"),
	TEST(handler_starts_with_default_controls,
	     "frames: a handler starts with default mxcsr, control word and direction"),
	TEST(floating_point_state_is_kept, "frames: x87 and vector registers are kept"),
	TEST(wide_vectors_are_kept,
	     "frames: 256-bit vector registers are kept, where there are any"),
	TEST(context_holds_mask_and_stack,
	     "frames: the context holds mask and stack of the interrupted code"),
	TEST(mask_of_the_context_comes_into_force,
	     "frames: the mask in the context comes into force, but for SIGKILL"),
	TEST(broken_context_kills_only_its_owner, "frames: a broken context kills its owner"),
	TEST(sigreturn_without_a_frame_kills, "frames: sigreturn without a frame kills"),
	TEST(sigreturn_gives_no_privilege, "frames: sigreturn takes no privileged flags"),
	TEST(without_restorer_is_sigsegv, "frames: a handler without SA_RESTORER is SIGSEGV"),
	TEST(onstack_handlers_run_on_the_other_stack,
	     "frames: SA_ONSTACK handlers run on the alternate stack, others do not"),
	TEST(nested_handlers_stay_on_it, "frames: nested handlers stay on the alternate stack"),
	TEST(overflow_is_caught_there, "frames: a stack overflow can be caught on it, twice"),
	TEST(overflow_by_default_kills, "frames: a stack overflow is SIGSEGV"),
	TEST(children_inherit_it_but_not_under_vm,
	     "frames: fork and vfork keep the alternate stack, CLONE_VM does not"),
	TEST(sigaltstack_errors, "frames: sigaltstack's errors"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
