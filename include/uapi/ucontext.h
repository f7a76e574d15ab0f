/* What a signal handler gets as its third argument (Linux x86-64 layout). */
#pragma once

#include <uapi/sigcontext.h>
#include <uapi/signal.h>

#define UC_FP_XSTATE         0x1ul /* fpstate is an XSAVE image */
#define UC_SIGCONTEXT_SS     0x2ul /* sigcontext.ss is there */
#define UC_STRICT_RESTORE_SS 0x4ul /* sigreturn takes it as it is */

struct ucontext {
	unsigned long uc_flags;
	struct ucontext *uc_link;
	stack_t uc_stack;
	struct sigcontext uc_mcontext;
	sigset_t uc_sigmask;
};

_Static_assert(sizeof(struct ucontext) == 304, "struct ucontext is 304 bytes");

/* On the user's stack while a handler runs: return address first. */
struct rt_sigframe {
	unsigned long restorer;
	struct ucontext uc;
	siginfo_t info;
};

_Static_assert(sizeof(struct rt_sigframe) == 440, "struct rt_sigframe is 440 bytes");
