/* System calls: prototypes, from the rows in syscall_table.h. */
#pragma once

#include <tine/types.h>
#include <uapi/signal.h>

struct pt_regs;

#define MAX_SYSCALLS 512

/*
 * By number, for the system-call entry, which calls them with interrupts on and the arguments that
 * they really have, and takes a long. None is NULL, and the last stands for all numbers beyond.
 */
typedef void (*syscall_fn)(void);
extern const syscall_fn syscall_table[MAX_SYSCALLS + 1];

struct cap_user_data;
struct cap_user_header;
struct clone_args;
struct epoll_event;
struct futex_waitv;
struct iovec;
struct kernel_sigaction;
struct mmsghdr;
struct new_utsname;
struct open_how;
struct pollfd;
struct rlimit;
struct rseq;
struct rusage;
struct sched_attr;
struct sched_param;
struct sembuf;
struct stat;
struct statfs;
struct statx;
struct sysinfo;
struct tms;
struct uapi_itimerspec;
struct uapi_itimerval;
struct uapi_sigevent;
struct uapi_timespec;
struct uapi_timeval;
struct uapi_timex;
struct uapi_timezone;
struct uapi_utimbuf;
struct user_msghdr;

#define SYSCALL0(number, name)                         long sys_##name(void);
#define SYSCALL1(number, name, a1)                     long sys_##name(a1);
#define SYSCALL2(number, name, a1, a2)                 long sys_##name(a1, a2);
#define SYSCALL3(number, name, a1, a2, a3)             long sys_##name(a1, a2, a3);
#define SYSCALL4(number, name, a1, a2, a3, a4)         long sys_##name(a1, a2, a3, a4);
#define SYSCALL5(number, name, a1, a2, a3, a4, a5)     long sys_##name(a1, a2, a3, a4, a5);
#define SYSCALL6(number, name, a1, a2, a3, a4, a5, a6) long sys_##name(a1, a2, a3, a4, a5, a6);
#define CALL0(...)
#define CALL1 CALL0
#define CALL2 CALL0
#define CALL3 CALL0
#define CALL4 CALL0
#define CALL5 CALL0
#include <tine/syscall_table.h>
