/* Signals: numbers, sets, actions, siginfo (signal(7), sigaction(2); Linux x86-64 layout). */
#pragma once

#define SIGHUP    1
#define SIGINT    2
#define SIGQUIT   3
#define SIGILL    4
#define SIGTRAP   5
#define SIGABRT   6
#define SIGBUS    7
#define SIGFPE    8
#define SIGKILL   9
#define SIGUSR1   10
#define SIGSEGV   11
#define SIGUSR2   12
#define SIGPIPE   13
#define SIGALRM   14
#define SIGTERM   15
#define SIGSTKFLT 16
#define SIGCHLD   17
#define SIGCONT   18
#define SIGSTOP   19
#define SIGTSTP   20
#define SIGTTIN   21
#define SIGTTOU   22
#define SIGURG    23
#define SIGXCPU   24
#define SIGXFSZ   25
#define SIGVTALRM 26
#define SIGPROF   27
#define SIGWINCH  28
#define SIGIO     29
#define SIGPWR    30
#define SIGSYS    31
#define SIGRTMIN  32 /* from here on signals queue */
#define NSIG      64 /* the highest number */

typedef unsigned long sigset_t; /* bit n - 1: signal n */

#define SA_NOCLDSTOP      0x00000001ul
#define SA_NOCLDWAIT      0x00000002ul
#define SA_SIGINFO        0x00000004ul
#define SA_UNSUPPORTED    0x00000400ul
#define SA_EXPOSE_TAGBITS 0x00000800ul
#define SA_RESTORER       0x04000000ul
#define SA_ONSTACK        0x08000000ul
#define SA_RESTART        0x10000000ul
#define SA_NODEFER        0x40000000ul
#define SA_RESETHAND      0x80000000ul
/*
 * What sigaction(2) keeps and shows; every other bit reads back as zero, so that a program can ask
 * what there is.
 */
#define SA_KNOWN_FLAGS                                                                             \
	(SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK | \
	 SA_RESTART | SA_NODEFER | SA_RESETHAND)

#define SIG_DFL 0ul
#define SIG_IGN 1ul

#define SIG_BLOCK   0
#define SIG_UNBLOCK 1
#define SIG_SETMASK 2

/* What rt_sigaction(2) takes. */
struct kernel_sigaction {
	unsigned long handler;
	unsigned long flags;
	unsigned long restorer;
	sigset_t mask;
};

#define SS_ONSTACK    1
#define SS_DISABLE    2
#define SS_AUTODISARM (1u << 31)
#define MINSIGSTKSZ   2048

typedef struct {
	void *ss_sp;
	int ss_flags;
	unsigned long ss_size;
} stack_t;

union sigval {
	int sival_int;
	void *sival_ptr;
};

/* What timer_create(2) takes. */
struct uapi_sigevent {
	union sigval sigev_value;
	int sigev_signo, sigev_notify;
	int sigev_thread_id;
	int sigev_pad_[11];
};
#define SIGEV_SIGNAL    0
#define SIGEV_NONE      1
#define SIGEV_THREAD    2
#define SIGEV_THREAD_ID 4

_Static_assert(sizeof(struct uapi_sigevent) == 64, "struct sigevent has Linux's size");

typedef struct siginfo {
	int si_signo, si_errno, si_code;
	int si_pad_;
	union {
		int bytes_[28];
		struct {
			int si_pid;
			unsigned int si_uid;
			union {
				union sigval si_value; /* sigqueue */
				struct {               /* SIGCHLD */
					int si_status;
					long si_utime, si_stime;
				};
			};
		};
		struct { /* SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP */
			void *si_addr;
			short si_addr_lsb;
		};
		struct { /* POSIX timers */
			int si_timerid, si_overrun;
			union sigval si_timer_value;
		};
		struct { /* SIGIO */
			long si_band;
			int si_fd;
		};
		struct { /* SIGSYS */
			void *si_call_addr;
			int si_syscall;
			unsigned int si_arch;
		};
	};
} siginfo_t;

_Static_assert(sizeof(siginfo_t) == 128, "siginfo_t is 128 bytes");
_Static_assert(__builtin_offsetof(siginfo_t, si_pid) == 16 &&
		       __builtin_offsetof(siginfo_t, si_value) == 24 &&
		       __builtin_offsetof(siginfo_t, si_status) == 24 &&
		       __builtin_offsetof(siginfo_t, si_stime) == 40,
	       "siginfo_t has Linux's layout");

/* No layout is longer than this; what lies beyond is zero. */
#define SIGINFO_USED_SIZE 48

/*
 * si_code: above 0 and below SI_KERNEL each signal has codes of its own; at 0 and below the sender
 * is a program.
 */
/* Of the signals of O_ASYNC. */
#define POLL_IN  1
#define POLL_OUT 2
#define POLL_HUP 6

#define SI_USER     0
#define SI_KERNEL   0x80
#define SI_QUEUE    (-1)
#define SI_TIMER    (-2)
#define SI_SIGIO    (-5)
#define SI_TKILL    (-6)
#define SI_DETHREAD (-7)
#define SI_ASYNCNL  (-60)

#define ILL_ILLOPN    2
#define FPE_INTDIV    1
#define FPE_FLTDIV    3
#define FPE_FLTOVF    4
#define FPE_FLTUND    5
#define FPE_FLTRES    6
#define FPE_FLTINV    7
#define SEGV_MAPERR   1
#define SEGV_ACCERR   2
#define BUS_ADRALN    1
#define BUS_ADRERR    2
#define TRAP_BRKPT    1
#define TRAP_TRACE    2
#define TRAP_BRANCH   3
#define TRAP_HWBKPT   4
#define CLD_EXITED    1
#define CLD_KILLED    2
#define CLD_DUMPED    3
#define CLD_TRAPPED   4
#define CLD_STOPPED   5
#define CLD_CONTINUED 6
