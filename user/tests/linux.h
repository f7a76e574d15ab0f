#ifndef LINUX_H
#define LINUX_H

/*
 * The kernel's interface, where the C library has no word for it or gets in the way: constants and
 * structures that musl lacks, and system calls without errno, signals blocked, or bookkeeping of
 * the library's own. Every raw_ function returns what the kernel returns: a value, or a negated
 * errno. So they can also be used where two processes share one memory and with it one errno.
 */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#define MADV_KEEPONFORK 19
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* arch_prctl(2), which musl does not declare. */
#ifndef ARCH_SET_GS
#define ARCH_SET_GS 0x1001
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004
#endif

struct clone_args {
	uint64_t flags;
	uint64_t pidfd;
	uint64_t child_tid;
	uint64_t parent_tid;
	uint64_t exit_signal;
	uint64_t stack; /* lowest address; clone(2) takes the highest instead */
	uint64_t stack_size;
	uint64_t tls;
	uint64_t set_tid;
	uint64_t set_tid_size;
	uint64_t cgroup;
};

/* Sizes that clone3 has had: as introduced, with set_tid, with cgroup. */
#define CLONE_ARGS_SIZE_VER0 64
#define CLONE_ARGS_SIZE_VER1 80
#define CLONE_ARGS_SIZE_VER2 88

#define RAW_INLINE static inline __attribute__((always_inline, unused))

RAW_INLINE long raw_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define raw0(number)          raw_syscall(number, 0, 0, 0, 0, 0, 0)
#define raw1(number, a)       raw_syscall(number, (long)(a), 0, 0, 0, 0, 0)
#define raw2(number, a, b)    raw_syscall(number, (long)(a), (long)(b), 0, 0, 0, 0)
#define raw3(number, a, b, c) raw_syscall(number, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define raw4(number, a, b, c, d) \
	raw_syscall(number, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define raw5(number, a, b, c, d, e) \
	raw_syscall(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define raw6(number, a, b, c, d, e, f) \
	raw_syscall(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

RAW_INLINE pid_t raw_fork(void)
{
	return raw0(SYS_fork);
}

/* The child runs in the caller's frame: it must not return from the function that called this. */
RAW_INLINE pid_t raw_vfork(void)
{
	return raw0(SYS_vfork);
}

RAW_INLINE pid_t raw_gettid(void)
{
	return raw0(SYS_gettid);
}

/* End this thread alone; the process goes on if it has others. */
RAW_INLINE _Noreturn void raw_exit(int code)
{
	raw1(SYS_exit, code);
	__builtin_unreachable();
}

/*
 * clone(2) where the child goes on in the same frame: `stack` is 0 (and CLONE_VM is absent, or
 * CLONE_VFORK holds the parent). With another stack, use raw_clone_call. The arguments are in the
 * order the kernel takes them in.
 */
RAW_INLINE long raw_clone(unsigned long flags, void *stack, int *parent_tid, int *child_tid,
			  unsigned long tls)
{
	return raw5(SYS_clone, flags, stack, parent_tid, child_tid, tls);
}

RAW_INLINE long raw_clone3(const struct clone_args *args, size_t size)
{
	return raw2(SYS_clone3, args, size);
}

/*
 * clone(2) with a stack of the child's own: the child calls function(argument) there and then ends
 * its thread with what it returns. `stack` is the highest address, a multiple of 16. The child
 * touches nothing of the caller's frame.
 */
RAW_INLINE long raw_clone_call(unsigned long flags, void *stack, int *parent_tid, int *child_tid,
			       unsigned long tls, int (*function)(void *), void *argument)
{
	register long r10 __asm__("r10") = (long)child_tid;
	register long r8 __asm__("r8") = (long)tls;
	register long r12 __asm__("r12") = (long)function;
	register long r13 __asm__("r13") = (long)argument;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone), "D"(flags), "S"(stack), "d"(parent_tid), "r"(r10),
			   "r"(r8), "r"(r12), "r"(r13), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return result;
}

/* The same by clone3: args->stack and args->stack_size are set, their sum a multiple of 16. */
RAW_INLINE long raw_clone3_call(const struct clone_args *args, size_t size, int (*function)(void *),
				void *argument)
{
	register long r12 __asm__("r12") = (long)function;
	register long r13 __asm__("r13") = (long)argument;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%eax, %%eax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "mov %%eax, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone3), "D"(args), "S"(size), "r"(r12),
			   "r"(r13), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "memory");
	return result;
}

#endif
