/*
 * The whole contract between the generic kernel and the processor. Generic code includes this and
 * no arch header; each function says what arch/x86_64 must provide.
 */
#pragma once

#include <arch/pgtable.h> /* the format of page tables, for mm/pgtable.c */
#include <tine/types.h>

#ifndef TINE_HOST_TEST

/* this_cpu, cpu_id, current, irq_save/irq_restore, irq_enable/irq_disable, irqs_enabled, cpu_relax,
 * worked_out, MAX_CPUS */
#include <arch/cpu.h>
#include <arch/kernel_stack.h> /* alloc_kernel_stack, free_kernel_stack */
#include <arch/page.h>         /* PAGE_SIZE, phys_to_virt, virt_to_phys, TASK_SIZE */
#include <arch/thread.h>       /* struct arch_thread */
#include <uapi/ptrace.h>

struct boot_info;
struct kernel_clone_args;
struct mm_struct;
struct task_struct;

/*
 * Boot, called by start_kernel() in this order. arch_init_early: exceptions, the page tables of the
 * kernel with the direct map (page_alloc_init may follow), nothing is allocated. arch_init: ACPI
 * tables, interrupt controllers, clock and timer; needs alloc_pages and kmalloc.
 */
void arch_init_early(void);
void arch_init(void);

/* CPUs. A mask of CPUs is a u64, bit n for CPU n. */
extern u64 cpu_online_mask; /* grows while the other CPUs start, constant afterwards */
extern unsigned int nr_cpus;

/*
 * Starts every other CPU found (at most max in all); each calls secondary_main() (tine/main.h) on
 * its own idle task's stack.
 */
void arch_start_cpus(unsigned int max);
/*
 * Makes cpu pass through its interrupt exit, so that it sees TIF_RESCHED or leaves its idle loop.
 * Any context.
 */
void arch_send_reschedule(unsigned int cpu);
/*
 * Halts until the next interrupt, interrupts enabled atomically with the halt; returns with
 * interrupts enabled.
 */
void arch_idle(void);
/* Stops every other CPU for good (panic, shutdown). */
void arch_stop_other_cpus(void);

/* Machine. None returns. */
void arch_power_off(void) __noreturn;
void arch_reboot(void) __noreturn;
void arch_halt(void) __noreturn;

/* Time. */
u64 arch_clock_ns(void);    /* monotonic nanoseconds since boot, agrees between CPUs */
u64 arch_rtc_seconds(void); /* seconds since 1970 from the CMOS clock, UTC; used once at boot */
/*
 * Arms this CPU's one-shot timer: timer_interrupt() is called with interrupts off once
 * arch_clock_ns() >= when. ~0 disarms.
 */
void arch_timer_arm(u64 when);
/*
 * What programs read the clock with: VDSO_PAGES pages, the first of data, the others of code, an ELF
 * file (vdso(7)). NULL: no such page. No reference is counted.
 */
#define VDSO_PAGES 2
struct page *arch_vdso_page(u64 index);
/* They see the time of day this much after the time since boot, and this struct timezone. */
void arch_set_user_clock(u64 real_offset, u64 zone);
/*
 * Fills buf with n random bytes from the processor if it can (RDRAND/RDSEED), else returns false.
 */
bool arch_random(void *buf, size_t n);

/* Threads. */
/*
 * Prepares child's kernel stack and arch_thread. For a user task: pt_regs as current has them at
 * its system call, result 0, args->stack as stack pointer if not 0, args->tls as TLS base with
 * CLONE_SETTLS, floating-point state copied; its first instructions are ret_from_fork ->
 * schedule_tail() -> finish_fork() -> user mode. For a kernel thread (args->fn): runs fn(arg) after
 * schedule_tail(), then do_exit with its result; if fn returns after an exec (kernel_execve), goes
 * to user mode. The TLS base is looked at later, by the rules of clone. ENOMEM. Frees nothing on
 * failure but what it allocated.
 */
int copy_thread(struct task_struct *child, const struct kernel_clone_args *args);
/* Frees what copy_thread allocated; tolerates a task that copy_thread never saw. */
void exit_thread(struct task_struct *task);
/*
 * For the auxiliary vector: AT_HWCAP (CPUID leaf 1, EDX), AT_HWCAP2 (bit 1: rdfsbase and its kin
 * work in user mode), and AT_MINSIGSTKSZ (the most that a signal frame takes). Constant after boot.
 */
unsigned long arch_hwcap(void);
unsigned long arch_hwcap2(void);
unsigned long arch_signal_frame_size(void);
/* After exec: clears FPU state, TLS bases and all registers of current but ip and sp. */
void start_thread(struct pt_regs *regs, unsigned long ip, unsigned long sp);
/*
 * Saves prev's and loads next's processor state (FPU, TLS bases, address space if the mm differs;
 * current), all but the stack, which switch_stacks (arch/thread.h) does next. The run queue lock is
 * held and interrupts are off.
 */
void switch_to(struct task_struct *prev, struct task_struct *next);
/* The registers that task had when it last entered the kernel from user mode. */
struct pt_regs *task_pt_regs(const struct task_struct *task);

/* Address spaces. The page-table format itself is in <arch/pgtable.h>. */
/* Makes a root table's kernel half, which is all zero or was made so before. A few entries. */
void arch_init_root_table(void *table);
/*
 * Flush what the TLBs hold of user addresses: of mm on every CPU that runs it, waiting until it has
 * happened. May not be called with interrupts off or a spinlock held.
 */
void flush_tlb_mm(struct mm_struct *mm);
void flush_tlb_range(struct mm_struct *mm, unsigned long start, unsigned long end);
/*
 * Every CPU of cpus that runs mm (NULL: every one of them), and this one, passes through a full memory
 * barrier and forgets what instructions it had fetched; waits until it has happened. Called as the
 * above. With preempts, what the others run acts as if it had lost its CPU (tine/rseq.h).
 */
void arch_sync_cpus(struct mm_struct *mm, u64 cpus, bool preempts);
/*
 * Loads mm (NULL: the kernel's own) on this CPU in place of whatever was loaded; for exec and exit.
 * Interrupts on or off.
 */
void switch_mm(struct mm_struct *prev, struct mm_struct *next);

/* Signals: see kernel/signal.c for when these are called. */
struct ksignal;
int arch_setup_signal_frame(struct ksignal *ksig, struct pt_regs *regs);
/*
 * If regs shows an interrupted system call (result -ERESTART*): sets EINTR or arranges the restart.
 * handler_sa_restart: 1 a handler with SA_RESTART will run, 0 one without, -1 no handler.
 */
void arch_restart_syscall(struct pt_regs *regs, int handler_sa_restart);
/* Where in its program a task goes on. */
unsigned long arch_user_ip(const struct pt_regs *regs);
void arch_set_user_ip(struct pt_regs *regs, unsigned long ip);

/* The lines of /proc/cpuinfo about one CPU. */
struct seq_buffer;
void arch_show_cpuinfo(struct seq_buffer *m, unsigned int cpu);

/* Diagnosis. */
void arch_show_registers(const struct pt_regs *regs);
/* Calls visit with each return address of the current stack, innermost first. */
void arch_walk_stack(void (*visit)(unsigned long address, void *arg), void *arg);
/*
 * The same for a task (counted) that sleeps. It may wake meanwhile: then the addresses are anything,
 * but nothing outside its stack is read.
 */
void arch_walk_task_stack(const struct task_struct *task,
			  void (*visit)(unsigned long address, void *arg), void *arg);

#else                  /* TINE_HOST_TEST */
#include <tine/host.h> /* tests/unit: the same names on the host */
#endif
