/*
 * Signal frames that the program has tampered with: what sigreturn takes, what it leaves out, and
 * what is the program's end. A row is a way to spoil the frame and what comes of it: a signal with
 * the context's trap number and error code, or that the interrupted code goes on.
 */
#include "helpers.h"

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#define NOT_CANONICAL 0x8000000000000000
#define TRAP_GP       13
#define TRAP_PF       14
#define SI_OF_KERNEL  0x80

/* The segments in the context: cs, gs, fs, ss. */
static uint16_t *segments(ucontext_t *context)
{
	return (uint16_t *)&context->uc_mcontext.gregs[REG_CSGSFS];
}

static char *fpu_bytes(ucontext_t *context)
{
	return (char *)context->uc_mcontext.fpregs;
}

/* The kernel's note in the frame (magic1, extended_size, xfeatures, xstate_size). */
static uint32_t *fpu_note(ucontext_t *context)
{
	return (uint32_t *)(fpu_bytes(context) + 464);
}

static int is_extended(ucontext_t *context)
{
	return (context->uc_flags & 1) != 0;
}

/* The header of an XSAVE image: XSTATE_BV, XCOMP_BV, reserved words. */
static uint64_t *xsave_header(ucontext_t *context)
{
	return (uint64_t *)(fpu_bytes(context) + 512);
}

#define SPOILER(name, statement)              \
	static void name(ucontext_t *context) \
	{                                     \
		statement;                    \
	}

#define REGISTER(index) context->uc_mcontext.gregs[index]

SPOILER(nothing, )
SPOILER(rip_not_canonical, REGISTER(REG_RIP) = (long)NOT_CANONICAL)
SPOILER(rip_of_kernel, REGISTER(REG_RIP) = (long)KERNEL_ADDRESS)
SPOILER(rip_unmapped, REGISTER(REG_RIP) = (long)UNMAPPED_ADDRESS)
SPOILER(cs_of_kernel, segments(context)[0] = 0x10)
SPOILER(cs_null, segments(context)[0] = 0)
SPOILER(cs_data, segments(context)[0] = 0x2b)
SPOILER(cs_beyond, segments(context)[0] = 0xffff)
SPOILER(cs_low_privilege, segments(context)[0] = 0x30)
SPOILER(ss_of_kernel, segments(context)[3] = 0x18)
SPOILER(ss_null, segments(context)[3] = 0)
SPOILER(ss_code, segments(context)[3] = 0x33)
SPOILER(ss_beyond, segments(context)[3] = 0xffff)
SPOILER(ss_low_privilege, segments(context)[3] = 0x28)
SPOILER(ss_old_frame, context->uc_flags &= ~4ul; segments(context)[3] = 0xffff)
SPOILER(flags_all, REGISTER(REG_EFL) = ~0x40100l)
SPOILER(flags_none, REGISTER(REG_EFL) = 0)
SPOILER(fpu_none, context->uc_mcontext.fpregs = NULL)
SPOILER(fpu_of_kernel, context->uc_mcontext.fpregs = (void *)KERNEL_ADDRESS)
SPOILER(fpu_unmapped, context->uc_mcontext.fpregs = (void *)UNMAPPED_ADDRESS)
SPOILER(fpu_not_canonical, context->uc_mcontext.fpregs = (void *)NOT_CANONICAL)
SPOILER(fpu_not_aligned, context->uc_mcontext.fpregs = (void *)(fpu_bytes(context) + 8))
SPOILER(magic1_gone, fpu_note(context)[0] = 0)
SPOILER(size_none, fpu_note(context)[4] = 0)
SPOILER(size_huge, fpu_note(context)[4] = 1 << 20)
SPOILER(extended_size_none, fpu_note(context)[1] = 0)
SPOILER(features_none, memset(&fpu_note(context)[2], 0, 8))
SPOILER(features_all, memset(&fpu_note(context)[2], 0xff, 8))
SPOILER(header_feature_62, xsave_header(context)[0] |= 1ul << 62)
SPOILER(header_compacted, xsave_header(context)[1] = 1ul << 63)
SPOILER(header_compacted_x87, xsave_header(context)[1] = 1)
SPOILER(header_reserved, xsave_header(context)[2] = 1)
SPOILER(stack_garbage, memset(&context->uc_stack, 0xff, sizeof(context->uc_stack)))
SPOILER(uc_flags_none, context->uc_flags = 0)
SPOILER(uc_flags_all, context->uc_flags = ~0ul)

static void magic2_gone(ucontext_t *context)
{
	if (is_extended(context))
		memset(fpu_bytes(context) + fpu_note(context)[4], 0, 4);
}

/* clang-format off */
struct forgery {
	const char *what;
	void (*spoil)(ucontext_t *context);
	int signal, code, number; /* signal 0: it goes on */
	long error;
	int only_extended; /* where the processor has XSAVE */
};

#define GOES_ON                0, 0, 0, 0
#define REFUSED                SIGSEGV, SI_OF_KERNEL, 0, 0
#define FAULTS(error)          SIGSEGV, SI_OF_KERNEL, TRAP_GP, error
#define PAGE_FAULTS(error)     SIGSEGV, SEGV_MAPERR, TRAP_PF, error

static const struct forgery addresses[] = {
	{ "nothing", nothing, GOES_ON, 0 },
	{ "rip not canonical", rip_not_canonical, FAULTS(0), 0 },
	{ "rip of the kernel", rip_of_kernel, PAGE_FAULTS(0x15), 0 },
	{ "rip unmapped", rip_unmapped, PAGE_FAULTS(0x14), 0 },
};

static const struct forgery segment_rows[] = {
	{ "cs of the kernel", cs_of_kernel, FAULTS(0x10), 0 },
	{ "cs null", cs_null, FAULTS(0), 0 },
	{ "cs a data segment", cs_data, FAULTS(0x28), 0 },
	{ "cs beyond the table", cs_beyond, FAULTS(0xfffc), 0 },
	{ "cs with privilege 0", cs_low_privilege, GOES_ON, 0 },
	{ "ss of the kernel", ss_of_kernel, FAULTS(0x18), 0 },
	{ "ss null", ss_null, FAULTS(0), 0 },
	{ "ss a code segment", ss_code, FAULTS(0x30), 0 },
	{ "ss beyond the table", ss_beyond, FAULTS(0xfffc), 0 },
	{ "ss with privilege 0", ss_low_privilege, GOES_ON, 0 },
	{ "ss garbage in a frame without UC_STRICT_RESTORE_SS", ss_old_frame, GOES_ON, 0 },
};

static const struct forgery pointers[] = {
	{ "no fpu state", fpu_none, GOES_ON, 0 },
	{ "fpu state in the kernel", fpu_of_kernel, REFUSED, 0 },
	{ "fpu state unmapped", fpu_unmapped, REFUSED, 0 },
	{ "fpu state not canonical", fpu_not_canonical, REFUSED, 0 },
	{ "fpu state not aligned", fpu_not_aligned, REFUSED, 0 },
};

/* A frame that is not recognised as extended is taken for the old kind. */
static const struct forgery notes[] = {
	{ "magic1 gone", magic1_gone, GOES_ON, 0 },
	{ "magic2 gone", magic2_gone, GOES_ON, 0 },
	{ "size 0", size_none, GOES_ON, 0 },
	{ "size 1 MiB", size_huge, GOES_ON, 0 },
	{ "extended size 0", extended_size_none, GOES_ON, 0 },
	{ "no features", features_none, GOES_ON, 0 },
	{ "all features", features_all, GOES_ON, 0 },
};

static const struct forgery headers[] = {
	{ "a feature that no processor has", header_feature_62, REFUSED, 1 },
	{ "compacted", header_compacted, REFUSED, 1 },
	{ "a feature compacted", header_compacted_x87, REFUSED, 1 },
	{ "a reserved word", header_reserved, REFUSED, 1 },
};

static const struct forgery rest[] = {
	{ "an impossible alternate stack", stack_garbage, GOES_ON, 0 },
	{ "no uc_flags", uc_flags_none, GOES_ON, 0 },
	{ "all uc_flags", uc_flags_all, GOES_ON, 0 },
	{ "all flags", flags_all, GOES_ON, 0 },
	{ "no flags", flags_none, GOES_ON, 0 },
};
/* clang-format on */

static const struct forgery *row;
static volatile struct {
	int signal, code, number, extended, survived;
	long error;
} * seen;

static void note_what_came(int number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	seen->signal = number;
	seen->code = info->si_code;
	seen->number = uc->uc_mcontext.gregs[REG_TRAPNO];
	seen->error = uc->uc_mcontext.gregs[REG_ERR];
	_exit(1);
}

static void spoil_frame(int number, siginfo_t *info, void *context)
{
	seen->extended = is_extended(context);
	if (!row->only_extended || seen->extended)
		row->spoil(context);
}

static void return_through_it(void *argument)
{
	static char other_stack[65536];
	stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)};

	row = argument;
	check_call(sigaltstack(&stack, NULL));
	set_info_handler(SIGSEGV, note_what_came, SA_ONSTACK);
	set_info_handler(SIGUSR1, spoil_frame, 0);
	raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
	__asm__ volatile("cld");
	seen->survived = 1;
	_exit(0);
}

static void check_forgery(const struct forgery *forgery)
{
	memset((void *)seen, 0, sizeof(*seen));
	check_exits(tap_child(return_through_it, (void *)forgery), forgery->signal ? 1 : 0);
	if (seen->signal != forgery->signal || seen->code != forgery->code ||
	    seen->number != forgery->number || seen->error != forgery->error)
		tap_fail(__FILE__, __LINE__, "%s: signal %d code %d trap %d error %lx",
			 forgery->what, seen->signal, seen->code, seen->number, seen->error);
}

static int has_extended_frames(void)
{
	check_exits(tap_child(return_through_it, (void *)&addresses[0]), 0);
	return seen->extended;
}

static void check_rows(const struct forgery *rows, size_t count)
{
	seen = tap_shared(4096);
	for (size_t i = 0; i < count; i++)
		if (!rows[i].only_extended || has_extended_frames())
			check_forgery(&rows[i]);
}

static void addresses_fault_on_the_way_out(void)
{
	check_rows(addresses, TAP_COUNT(addresses));
}

static void segments_fault_on_the_way_out(void)
{
	check_rows(segment_rows, TAP_COUNT(segment_rows));
}

static void fpu_pointers_are_refused(void)
{
	check_rows(pointers, TAP_COUNT(pointers));
}

static void fpu_notes_are_not_believed(void)
{
	check_rows(notes, TAP_COUNT(notes));
}

static void fpu_headers_are_refused(void)
{
	check_rows(headers, TAP_COUNT(headers));
}

static void other_words_do_no_harm(void)
{
	check_rows(rest, TAP_COUNT(rest));
}

/* ---- what is taken over ---- */

static void set_reserved_mxcsr(int number, siginfo_t *info, void *context)
{
	uint32_t *mxcsr = (uint32_t *)(fpu_bytes(context) + 24);

	/* Only bits that there are: the others are refused by some processors and not by QEMU's. */
	*mxcsr = 0x1f80 | 0x6000;
}

static void control_words_are_taken(void)
{
	uint32_t mxcsr;

	set_info_handler(SIGUSR1, set_reserved_mxcsr, 0);
	check_call(raise(SIGUSR1));
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	check_eq(mxcsr, 0x1f80 | 0x6000);
}

static void drop_registers(int number, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.fpregs = NULL;
}

static void frame_without_registers_resets_them(void)
{
	uint32_t mxcsr = 0x1f80 | 0x6000;
	double sum = 1.0;

	set_info_handler(SIGUSR1, drop_registers, 0);
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
	__asm__ volatile("movapd %%xmm5, %%xmm0\n\tmovsd %%xmm0, %0\n\tstmxcsr %1"
			 : "=m"(sum), "=m"(mxcsr)
			 :
			 : "xmm0");
	check(sum == 0.0);
	check_eq(mxcsr, 0x1f80);
}

/* ---- frames made up from nothing ---- */

static unsigned long random_word(unsigned long *state)
{
	*state = *state * 6364136223846793005ul + 1442695040888963407ul;
	return *state >> 11 | *state << 53;
}

/*
 * sigreturn from a stack full of numbers. Whatever comes of it comes to this process alone: most
 * often SIGSEGV; a frame may also, by chance, be good and run into anything.
 */
static void return_through_garbage(void *argument)
{
	static unsigned long words[1024] __attribute__((aligned(64)));
	unsigned long state = (unsigned long)argument * 0x9e3779b97f4a7c15ul;

	for (size_t i = 0; i < TAP_COUNT(words); i++)
		words[i] = random_word(&state);
	/* Now and then what leads further: a state that can be read, segments that are right. */
	if ((long)argument % 2)
		words[1 + 5 + 23] = (unsigned long)&words[512];
	if ((long)argument % 3)
		words[1 + 5 + 18] = 0x002b000000000033;
	__asm__ volatile("mov %0, %%rsp\n\tsyscall\n\thlt"
			 :
			 : "r"(words), "a"(SYS_rt_sigreturn)
			 : "memory");
}

static void garbage_is_its_own_end(void)
{
	for (long i = 1; i <= 60; i++)
		check_dies(return_through_garbage, (void *)i, SIGSEGV);
}

/* Another thread changes the frame while sigreturn reads it. */
static volatile int stop_changing;
static ucontext_t *volatile target;

static int change_it(void *argument)
{
	while (!get(&stop_changing)) {
		ucontext_t *context = target;

		if (!context)
			continue;
		fpu_note(context)[4] ^= 1 << 20;
		fpu_note(context)[4] ^= 1 << 20;
		segments(context)[0] ^= 3;
		segments(context)[0] ^= 3;
	}
	return 0;
}

static void offer_frame(int number, siginfo_t *info, void *context)
{
	target = context;
	add(&caught[number], 1);
}

static void frames_change_under_way(void)
{
	struct thread thread;

	set_info_handler(SIGUSR1, offer_frame, 0);
	thread_start(&thread, change_it, NULL);
	for (int i = 0; i < 2000; i++) {
		raw2(SYS_kill, raw0(SYS_getpid), SIGUSR1);
		target = NULL;
	}
	set(&stop_changing, 1);
	thread_join(&thread);
	check(caught[SIGUSR1] > 0);
}

static const struct test_case cases[] = {
	TEST(addresses_fault_on_the_way_out, "forged: a bad rip faults where it leads"),
	TEST(segments_fault_on_the_way_out, "forged: bad segments fault, and the fault names them"),
	TEST(fpu_pointers_are_refused, "forged: bad pointers to the fpu state are SIGSEGV"),
	TEST(fpu_notes_are_not_believed,
	     "forged: a frame that does not look extended is an old one"),
	TEST(fpu_headers_are_refused, "forged: what XRSTOR refuses is SIGSEGV"),
	TEST(other_words_do_no_harm, "forged: stack, flags and uc_flags do no harm"),
	TEST(control_words_are_taken, "forged: mxcsr in the frame comes into force"),
	TEST(frame_without_registers_resets_them,
	     "forged: without fpu state the registers are reset"),
	TEST(garbage_is_its_own_end, "forged: sigreturn through garbage ends its process"),
	TEST(frames_change_under_way, "forged: a frame may change while it is read"),
};

int main(int argc, char **argv)
{
	return tap_main(argc, argv, cases, TAP_COUNT(cases));
}
