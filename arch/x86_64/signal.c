/*
 * Signal frames, sigreturn, and winding system calls back.
 *
 *	  interrupted stack pointer, or the top of the alternate stack
 *	  128 bytes of red zone	which a leaf function may use (System V ABI, AMD64, 3.2.2);
 *				not on the alternate stack
 *	  floating-point state	64-byte aligned; its size is known at boot (arch/x86_64/fpu.c)
 *	  struct rt_sigframe	siginfo, ucontext, return address; the handler's sp points to it and
 *				is 8 modulo 16, as after a call
 *
 * The layout is Linux's (uapi/ucontext.h), since handlers read and change it, and C libraries'
 * restorers assume it. The handler returns into the restorer, which calls rt_sigreturn(2) with sp
 * just above the return address.
 *
 * sigreturn gets every bit from the program and trusts none: privileged flags stay as they are,
 * floating-point state is validated by the processor's own loading of it, and segments that are not
 * the user's own fault on the way back to user mode, as does an address that is not canonical. A
 * frame that cannot be used is SIGSEGV.
 */
#include <arch/fpu.h>
#include <arch/segments.h>
#include <tine/signal.h>
#include <tine/string.h>
#include <tine/syscall.h>
#include <tine/task.h>
#include <tine/uaccess.h>
#include <uapi/ucontext.h>

#define RED_ZONE                 128
#define SYSCALL_INSTRUCTION_SIZE 2
#define NR_RESTART_SYSCALL       219

/* Flags that a program may set for itself. */
#define FLAGS_USER                                                                               \
	(FLAGS_CF | FLAGS_PF | FLAGS_AF | FLAGS_ZF | FLAGS_SF | FLAGS_TF | FLAGS_DF | FLAGS_OF | \
	 FLAGS_RF | FLAGS_AC)

/* System calls that a signal interrupted. */

/* The call is made again on return to user mode, as number. */
static void wind_back(struct pt_regs *regs, unsigned long number)
{
	regs->ax = number;
	regs->ip -= SYSCALL_INSTRUCTION_SIZE;
}

void arch_restart_syscall(struct pt_regs *regs, int handler_sa_restart)
{
	bool handler = handler_sa_restart >= 0, restart;

	if ((long)regs->orig_ax < 0)
		return;
	switch ((long)regs->ax) {
	case -ERESTARTNOINTR:
		restart = true;
		break;
	case -ERESTARTSYS:
		restart = handler_sa_restart != 0;
		break;
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		restart = !handler;
		break;
	default:
		return;
	}
	if (!restart)
		regs->ax = -EINTR;
	else if ((long)regs->ax == -ERESTART_RESTARTBLOCK)
		wind_back(regs, NR_RESTART_SYSCALL);
	else
		wind_back(regs, regs->orig_ax);
}

unsigned long arch_user_ip(const struct pt_regs *regs)
{
	return regs->ip;
}

void arch_set_user_ip(struct pt_regs *regs, unsigned long ip)
{
	regs->ip = ip;
}

/* Frames. */

/* The registers that go to a frame and come from it as they are. */
#define REGISTERS(each)                                                                        \
	each(r8) each(r9) each(r10) each(r11) each(r12) each(r13) each(r14) each(r15) each(di) \
		each(si) each(bp) each(bx) each(dx) each(ax) each(cx) each(sp) each(ip)
#define SAVE(name)    sc->name = regs->name;
#define RESTORE(name) regs->name = sc->name;

static void save_registers(struct sigcontext *sc, const struct pt_regs *regs)
{
	memset(sc, 0, sizeof(*sc));
	REGISTERS(SAVE)
	sc->flags = regs->flags;
	sc->cs = regs->cs;
	sc->ss = regs->ss;
}

static int write_sigcontext(struct sigcontext __user *to, const struct pt_regs *regs,
			    unsigned long fpstate)
{
	struct sigcontext sc;

	save_registers(&sc, regs);
	sc.err = current->thread.error_code;
	sc.trapno = current->thread.trap_number;
	sc.cr2 = current->thread.fault_address;
	sc.oldmask = sigmask_to_save();
	sc.fpstate = fpstate;
	return copy_to_user(to, &sc, sizeof(sc)) ? -EFAULT : 0;
}

static int write_frame(struct rt_sigframe __user *frame, const struct ksignal *ksig,
		       const struct pt_regs *regs, unsigned long fpstate)
{
	unsigned long flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	struct {
		unsigned long restorer, flags;
		struct ucontext *link;
		stack_t stack;
	} head;

	_Static_assert(sizeof(head) == offsetof(struct rt_sigframe, uc.uc_mcontext),
		       "frame's head");
	if (fpu_features())
		flags |= UC_FP_XSTATE;
	head.restorer = ksig->action.restorer;
	head.flags = flags;
	head.link = NULL;
	head.stack = altstack_to_save();
	if (copy_to_user(frame, &head, sizeof(head)) ||
	    write_sigcontext(&frame->uc.uc_mcontext, regs, fpstate) ||
	    put_user(sigmask_to_save(), &frame->uc.uc_sigmask))
		return -EFAULT;
	if (ksig->action.flags & SA_SIGINFO)
		return copy_siginfo_to_user(&frame->info, &ksig->info);
	return 0;
}

static void start_handler(struct pt_regs *regs, const struct ksignal *ksig,
			  const struct rt_sigframe __user *frame)
{
	regs->ip = ksig->action.handler;
	regs->sp = (unsigned long)frame;
	regs->di = ksig->sig;
	regs->si = (unsigned long)&frame->info;
	regs->dx = (unsigned long)&frame->uc;
	regs->ax = 0; /* no vector registers hold arguments, should the handler be variadic */
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	regs->flags &= ~(FLAGS_DF | FLAGS_RF | FLAGS_TF);
	fpu_reset();
}

int arch_setup_signal_frame(struct ksignal *ksig, struct pt_regs *regs)
{
	unsigned long base = sigframe_base(ksig, regs->sp - RED_ZONE);
	unsigned long fpstate = ALIGN_DOWN(base - fpu_frame_size(), FPU_FRAME_ALIGN);
	unsigned long frame = ALIGN_DOWN(fpstate - sizeof(struct rt_sigframe), 16) - 8;
	struct rt_sigframe __user *user_frame = (struct rt_sigframe __user *)frame;

	if (!(ksig->action.flags & SA_RESTORER) || sigframe_overflows(regs->sp, base, frame) ||
	    !access_ok(user_frame, base - frame))
		return -EFAULT;
	if (fpu_save_to_frame((void __user *)fpstate) ||
	    write_frame(user_frame, ksig, regs, fpstate))
		return -EFAULT;
	start_handler(regs, ksig, user_frame);
	return 0;
}

/* sigreturn. */

static void restore_registers(struct pt_regs *regs, const struct sigcontext *sc)
{
	REGISTERS(RESTORE)
	regs->flags = (regs->flags & ~(unsigned long)FLAGS_USER) | (sc->flags & FLAGS_USER);
	/* What was interrupted once is not to be wound back again, whatever ax says. */
	regs->orig_ax = -1ul;
}

static int restore_sigcontext(struct pt_regs *regs, const struct sigcontext __user *from,
			      unsigned long uc_flags)
{
	struct sigcontext sc;

	if (copy_from_user(&sc, from, sizeof(sc)))
		return -EFAULT;
	set_task_work(current, TIF_REGS_CHANGED);
	restore_registers(regs, &sc);
	regs->cs = sc.cs | 3;
	/* A program that saves frames without ss gets the one it must have. */
	regs->ss = uc_flags & UC_STRICT_RESTORE_SS ? sc.ss | 3 : USER_DS;
	return fpu_restore_from_frame((const void __user *)sc.fpstate);
}

static int restore_frame(struct pt_regs *regs, const struct rt_sigframe __user *frame)
{
	unsigned long uc_flags;
	sigset_t blocked;

	if (get_user(blocked, &frame->uc.uc_sigmask) || get_user(uc_flags, &frame->uc.uc_flags))
		return -EFAULT;
	set_current_blocked(blocked);
	current->restart.fn = NULL;
	if (restore_sigcontext(regs, &frame->uc.uc_mcontext, uc_flags))
		return -EFAULT;
	return restore_altstack(&frame->uc.uc_stack, regs->sp);
}

long sys_rt_sigreturn(void)
{
	struct pt_regs *regs = task_pt_regs(current);

	if (restore_frame(regs, (struct rt_sigframe __user *)(regs->sp - 8))) {
		force_sig(SIGSEGV);
		return 0;
	}
	return regs->ax;
}
